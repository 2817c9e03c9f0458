//! The core's input: plain values, made by `crate::evidence` from the system or by `crate::recording` from a file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cron::CronFact;
pub use super::fact::{Fact, FileKind, Unreadable, WhyUnreadable};
pub use super::manager::{JobState, JobWord, Manager};
pub use super::names::{PlatformName, ProfileName};
pub use super::proof::{Proof, ProofLine, Quote, Source};
pub use super::signal::{Hints, LinkSignal, LinkWord, LogRecord, Phase, Repeats, Session, Signal};
pub use super::state_file::{EntryState, FileIdentity, Heartbeat, LifeState, Lock, PlatformEntry, StateFile};
use super::update::UpdateProcess;
use super::version::HermesVersion;

/// One fact about a gateway.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// A log record that means something.
    Log(LogRecord),
    /// What the system reports of one gateway process.
    Process {
        /// Its PID.
        pid: u32,
        /// Its start time in the unit of `gateway.pid` (Linux: clock ticks; macOS: epoch × 100).
        start: Option<u64>,
        /// When it was started, if known.
        started_at: Option<Timestamp>,
        /// Its state.
        state: ProcessState,
        /// Exit status of a process that is gone; negative = signal.
        exit: Option<i32>,
    },
    /// A look found no process. Reported at the time of the newest sign of life.
    NoProcess,
    /// Whether the gateway's process has live child processes (cron scripts outlive `Gateway stopped`).
    Children(bool),
    /// Files that cannot be read; a new list replaces the old one.
    Unreadable(Vec<Unreadable>),
    /// `gateway.pid` was written, or removed (`None`).
    PidFile(Option<FileIdentity>),
    /// `gateway_state.json` was written.
    StateFile(StateFile),
    /// `state/gateway.heartbeat` was written.
    Heartbeat(Heartbeat),
    /// The service manager's report.
    Job(JobWord),
    /// The service manager did not answer: its last report no longer counts.
    JobUnknown,
    /// The lock files that name this machine's gateway processes; a new list replaces the old one.
    Locks(Vec<Lock>),
    /// Whether the serving profile's configuration has `multiplex_profiles` on.
    Multiplex(bool),
    /// Gatelight was asked to restart the gateway: when, if that was not now.
    OwnRestart(Option<Timestamp>),
    /// Start records of `gateway-starts.log`, oldest first.
    Starts(Vec<Timestamp>),
    /// Takeovers in the logs from before the current process, oldest first.
    Takeovers(Vec<Proof>),
    /// There is a planned-stop marker, meant for this process or, if `None`, for any.
    PlannedStopMarker(Option<u32>),
    /// There is a takeover marker, meant for this process or, if `None`, for any.
    TakeoverMarker(Option<u32>),
    /// Whether there is a marker that launchd could not manage the gateway.
    Detached(bool),
    /// Whether there is a request for an external drain.
    DrainRequest(bool),
    /// What a file says about cron.
    Cron(CronFact),
    /// The version of Hermes that the process of `gateway.pid` runs, or the one on disk.
    Version(Option<HermesVersion>),
    /// The process that updates Hermes, if there is one.
    Update(Option<UpdateProcess>),
    /// The logs do not reach back to the start of the process or cannot be read, so missing lines prove nothing.
    HistoryTruncated,
    /// The machine goes to sleep: no deadline passes until `Wake`.
    Sleep,
    /// The machine woke up.
    Wake {
        /// Seconds that it slept.
        slept: f64,
    },
}

/// The state of a process, as the system reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProcessState {
    /// Runs, sleeps or waits.
    Running,
    /// Stopped by a signal or a tracer.
    Stopped,
    /// Ended, not yet waited for.
    Zombie,
    /// No such process (any more).
    Gone,
}

impl ProcessState {
    /// Whether the process runs or can be continued.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Stopped)
    }
}
