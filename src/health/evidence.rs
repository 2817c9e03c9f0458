//! What the core is told: plain values, made by `crate::evidence` from the world or by `crate::recording` from a file.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

/// What showed something: file or source, the line (secrets removed, one line, bounded), and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// A file name as in the logs folder (`agent.log`), or `process`, `launchd`, `systemd`, `gateway.heartbeat`, ….
    pub source: String,
    /// The line, redacted; or a sentence of ours where no line exists.
    pub line: String,
    /// When it was seen.
    pub at: Timestamp,
}

impl Proof {
    /// A proof from a source that has no line of its own.
    pub fn new(source: impl Into<String>, line: impl Into<String>, at: Timestamp) -> Self {
        Self { source: source.into(), line: line.into(), at }
    }
}

/// What a log line says, once parsed. The wordings stand in `resources/patterns.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// The gateway begins its start.
    Start,
    /// The gateway has Feishu configured and is connecting.
    FeishuExpected,
    /// The gateway finished its start.
    Ready,
    /// The link is proven by the SDK.
    Connected,
    /// An inbound Feishu message: the link is proven.
    Inbound,
    /// The link is lost.
    Lost,
    /// The link is lost, in the INFO record that the SDK writes right after the error: its INFO records are visible.
    Disconnected,
    /// Feishu calls the gateway (webhook mode): there is no link to watch.
    Webhook,
    /// An attempt to reconnect begins.
    Attempt,
    /// An attempt failed: the network, DNS, a proxy, a time-out, a busy server.
    FailedNetwork,
    /// An attempt failed: the credentials were refused.
    FailedAuth,
    /// An attempt failed: too many connections of this app.
    FailedLimit,
    /// A message is being sent.
    Sending,
    /// Sending failed for a bad token.
    SendAuth,
    /// The executor is shut down.
    ExecutorShutdown,
    /// Something of Feishu is attached to a different event loop.
    WrongLoop,
    /// Another local gateway holds the Feishu app (`other_pid`).
    AppInUse,
    /// The Feishu adapter is missing.
    AdapterMissing,
    /// The configuration is refused.
    ConfigError,
    /// The gateway itself says that it was started too often.
    RespawnStorm,
    /// A second instance was refused; the first (`other_pid`) is fine.
    SecondInstance,
    /// An instance leaves because another takes over.
    Takeover,
    /// A planned stop begins.
    PlannedStop,
    /// A planned restart begins.
    PlannedRestart,
    /// A shutdown that nobody announced begins.
    Shutdown,
    /// The gateway says that it exits now.
    Exiting,
    /// The gateway's own watchdog says that its loop does not turn.
    LoopMissed,
    /// Messages were dropped at the start; told as a note only.
    Dropped,
    /// Some INFO record: the log level does not hide them.
    Info,
    /// Some record above INFO.
    Record,
}

impl Signal {
    /// Whether it says how the link is: of these the last one counts.
    pub const fn is_of_link(self) -> bool {
        matches!(
            self,
            Self::Connected
                | Self::Inbound
                | Self::Lost
                | Self::Disconnected
                | Self::Attempt
                | Self::FailedNetwork
                | Self::FailedAuth
                | Self::FailedLimit
        )
    }
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

/// Which service manager speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    /// macOS.
    Launchd,
    /// Linux.
    Systemd,
    /// The supervisor inside `gatelight demo`.
    Embedded,
}

impl Manager {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Launchd => "launchd",
            Self::Systemd => "systemd",
            Self::Embedded => "embedded",
        }
    }
}

/// What the service manager says of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// It has a process.
    Running,
    /// Known to the manager, without a process: waiting for its throttle, or for nothing.
    Waiting,
    /// Known to the manager (a systemd unit), and stopped by the user.
    Stopped,
    /// The manager does not know it.
    NotLoaded,
}

/// One fact about a profile.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// A log record that means something.
    Log {
        /// What it means.
        signal: Signal,
        /// The process that the line names, for the signals that say so.
        other_pid: Option<u32>,
        /// The stamp of the line, local time without a zone; `None` where it has none.
        stamp: Option<DateTime>,
        /// The line itself.
        proof: Proof,
    },
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
    /// A look found no process at all for this profile. Told at the time of its newest sign of life.
    NoProcess,
    /// Files that should be read and cannot be, one sentence each.
    Unreadable(Vec<String>),
    /// `gateway.pid` was written, or removed (`None`).
    PidFile(Option<FileIdentity>),
    /// `gateway_state.json` was written.
    StateFile(StateFile),
    /// `state/gateway.heartbeat` was written.
    Heartbeat {
        /// Who wrote it.
        pid: u32,
        /// Its own word of when, if it can be read.
        updated_at: Option<Timestamp>,
    },
    /// The service manager's word.
    Job {
        /// Which manager.
        manager: Manager,
        /// The job's label or the unit's name.
        label: String,
        /// Its state.
        state: JobState,
        /// The job's PID; it may be a wrapper around the gateway.
        pid: Option<u32>,
        /// How the previous run ended; negative = signal.
        last_exit: Option<i32>,
    },
    /// The service manager gave no answer: what it said before no longer counts.
    JobUnknown,
    /// Established outbound connections of the process: supporting evidence only.
    Tcp {
        /// How many.
        established: u32,
    },
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

/// Who wrote a file of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// PID of the writer.
    pub pid: u32,
    /// Start time of the writer (Linux: clock ticks; macOS: epoch × 100).
    pub start: Option<u64>,
}

/// What is read of `gateway_state.json`. Positive words in it are never believed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateFile {
    /// PID of the writer.
    pub pid: u32,
    /// Start time of the writer.
    pub start: Option<u64>,
    /// `starting`, `running`, `draining`, `stopped`, `startup_failed`, `degraded`.
    pub gateway_state: String,
    /// Whether the gateway was asked to restart.
    pub restart_requested: bool,
    /// The Feishu entry, if there is one.
    pub feishu: Option<PlatformEntry>,
}

/// One platform of `gateway_state.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlatformEntry {
    /// `connecting`, `connected`, `disconnected`, `retrying`, `fatal`, `paused`, `disabled`.
    pub state: String,
    /// For example `feishu_app_lock`.
    pub error_code: Option<String>,
    /// For people; redacted.
    pub error_message: Option<String>,
    /// When this entry was written. A new process takes entries over from the file of the one before.
    pub updated_at: Option<Timestamp>,
}
