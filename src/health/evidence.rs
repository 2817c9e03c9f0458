//! What the core is fed with: plain values, made by `crate::evidence` from the world or by `crate::recording` from a file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cron::CronFact;
pub use super::manager::{JobState, JobWord, Manager};
pub use super::names::{PlatformName, ProfileName};
pub use super::proof::{Proof, ProofLine, Source};
pub use super::signal::{LinkSignal, LinkWord, LogRecord, Signal};
pub use super::state_file::{EntryState, FileIdentity, Heartbeat, LifeState, Lock, PlatformEntry, StateFile};
use super::update::UpdateProcess;
use super::verdict::HermesVersion;

/// One fact about a gateway.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// A log record that means something.
    Log(LogRecord),
    /// What the system says of one gateway process.
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
    /// A look found no process at all. Reported at the time of its newest sign of life.
    NoProcess,
    /// Whether the gateway's process has live child processes (cron scripts outlive `Gateway stopped`).
    Children(bool),
    /// Files that should be read and cannot be, one sentence each.
    Unreadable(Vec<String>),
    /// `gateway.pid` was written, or removed (`None`).
    PidFile(Option<FileIdentity>),
    /// `gateway_state.json` was written.
    StateFile(StateFile),
    /// `state/gateway.heartbeat` was written.
    Heartbeat(Heartbeat),
    /// The service manager's word.
    Job(JobWord),
    /// The service manager gave no answer: what it said before no longer counts.
    JobUnknown,
    /// The lock files that name this machine's gateway processes; a new list replaces the old one.
    Locks(Vec<Lock>),
    /// Whether the serving profile's configuration has `multiplex_profiles` on.
    Multiplex(bool),
    /// Gatelight was asked to restart the gateway: when, if that was not now.
    OwnRestart(Option<Timestamp>),
    /// Start records of `gateway-starts.log`, oldest first.
    Starts(Vec<Timestamp>),
    /// Takeovers that the logs tell of from before the present process, oldest first.
    Takeovers(Vec<Proof>),
    /// The planned-stop marker is there: this process, if it says which, is about to be stopped on purpose.
    PlannedStopMarker(Option<u32>),
    /// The takeover marker is there: this process, if it says which, is about to be replaced.
    TakeoverMarker(Option<u32>),
    /// The marker of a gateway that launchd could not manage is there (or no longer).
    Detached(bool),
    /// The request for an external drain is there (or no longer).
    DrainRequest(bool),
    /// What a file says about cron.
    Cron(CronFact),
    /// The version of Hermes that the process of `gateway.pid` runs, or that lies on the disk.
    Version(Option<HermesVersion>),
    /// The process that updates Hermes, if there is one.
    Update(Option<UpdateProcess>),
    /// The logs do not reach back to the start of the process, or cannot be read: silence proves nothing.
    HistoryTruncated,
    /// The machine goes to sleep now: no deadline passes until `Wake`.
    Sleep,
    /// The machine woke up.
    Wake {
        /// Seconds that it slept.
        slept: f64,
    },
}

/// What the system says of a process.
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
    /// Whether there is a process that runs or could.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Stopped)
    }
}
