//! The pure core: `Evidence × time → Change`.
//!
//! No IO, no clock, no tokio, no paths. Time is an argument. Read [`evidence`] (what it is told), [`reason`] (the
//! catalogue of what it can say), [`settings`] (its deadlines), then [`gateway`] (what it remembers of one process),
//! [`core`] (which process is the gateway, and time) and `judge` (how it decides).

pub mod core;
pub mod evidence;
pub mod gateway;
mod judge;
pub mod reason;
pub mod settings;
pub(crate) mod timer;
pub mod verdict;

pub use core::Core;
pub use evidence::{
    Evidence, FileIdentity, JobState, Manager, PlatformEntry, ProcessState, Proof, Signal, StateFile,
};
pub(crate) use gateway::MARKER_LIFE;
pub use reason::{Light, Reason, RestartHelps};
pub use settings::Deadlines;
pub use verdict::{Change, Note, Verdict};
