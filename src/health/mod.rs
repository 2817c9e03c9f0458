//! The pure core: `Evidence × time → Change`.
//!
//! No IO, no clock, no tokio, no paths, no wordings of logs. Time is an argument. Start with [`evidence`] (the
//! input), [`reason`] and [`catalogue`] (the possible results), [`settings`] (the deadlines) and [`platform`] (the
//! rules of platforms, as data); then [`link`] (one link), [`links`] (the links of a process), [`gateway`] (one
//! process), `state` (everything known), `judge` (the decision) and [`core`] (time and changes).

pub mod catalogue;
pub mod core;
mod cron;
mod departure;
pub mod evidence;
mod fact;
mod gateway;
mod job;
mod judge;
mod link;
pub mod links;
mod manager;
mod names;
pub mod platform;
mod predecessor;
mod processes;
mod proof;
mod pulse;
pub mod reason;
mod reports;
mod rows;
mod served;
pub mod settings;
mod signal;
mod stamp_order;
mod starts;
mod startup;
mod state;
mod state_file;
mod succession;
mod time;
pub(crate) mod timer;
mod times;
mod touched;
mod update;
pub mod verdict;
mod version;

pub use core::Core;
pub use cron::{CronFact, CronSignal};
pub(crate) use departure::MARKER_LIFE;
pub use evidence::{
    Evidence, Fact, FileIdentity, FileKind, Hints, JobState, JobWord, LinkSignal, LinkWord, LogRecord,
    Manager, Phase, PlatformEntry, ProcessState, ProfileName, Proof, ProofLine, Quote, Repeats, Session,
    Signal, Source, StateFile, Unreadable, WhyUnreadable,
};
pub use links::LinkVerdict;
pub use platform::Platforms;
pub use reason::{Light, Reason, RestartHelps};
pub use settings::Deadlines;
pub(crate) use touched::Touched;
pub use update::UpdateProcess;
pub use verdict::{Change, Glance, Note, Verdict};
pub use version::HermesVersion;
