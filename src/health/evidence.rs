//! What the core is fed with: plain values, made by `crate::evidence` from the world or by `crate::recording` from a file.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::reason::Reason;

/// A profile's name, as users write it.
pub type ProfileName = Arc<str>;

/// A platform's name in Hermes' words: `feishu`, `telegram`, or that of any plug-in.
pub type PlatformName = Arc<str>;

/// Where a proof comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Source {
    /// A log file, by its name in the logs folder (`agent.log`).
    Log(Arc<str>),
    /// `gateway_state.json`.
    StateFile,
    /// `state/gateway.heartbeat`.
    Heartbeat,
    /// `.gateway-planned-stop.json`.
    StopMarker,
    /// `.gateway-takeover.json`.
    TakeoverMarker,
    /// `.gateway-launchd-unsupported`.
    DetachedMarker,
    /// `.drain_request.json`.
    DrainRequest,
    /// What the system says of processes.
    Process,
    /// What a service manager says.
    Manager(Manager),
}

impl Source {
    /// The word that users and recordings see.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Log(name) => name,
            Self::StateFile => "gateway_state.json",
            Self::Heartbeat => "gateway.heartbeat",
            Self::StopMarker => ".gateway-planned-stop.json",
            Self::TakeoverMarker => ".gateway-takeover.json",
            Self::DetachedMarker => ".gateway-launchd-unsupported",
            Self::DrainRequest => ".drain_request.json",
            Self::Process => "process",
            Self::Manager(manager) => manager.word(),
        }
    }

    /// A source from its word; any other word names a log file.
    pub fn from_word(word: &str) -> Self {
        const NAMED: [Source; 10] = [
            Source::StateFile,
            Source::Heartbeat,
            Source::StopMarker,
            Source::TakeoverMarker,
            Source::DetachedMarker,
            Source::DrainRequest,
            Source::Process,
            Source::Manager(Manager::Launchd),
            Source::Manager(Manager::Systemd),
            Source::Manager(Manager::Embedded),
        ];
        NAMED.into_iter().find(|named| named.as_str() == word).unwrap_or_else(|| Self::Log(word.into()))
    }
}

impl From<&str> for Source {
    fn from(word: &str) -> Self {
        Self::from_word(word)
    }
}

impl From<String> for Source {
    fn from(word: String) -> Self {
        Self::from_word(&word)
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.as_str().to_owned()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What showed something: the source, the line (secrets removed, one line, bounded), and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Where it stands.
    pub source: Source,
    /// The line, redacted; or a sentence of ours where no line exists.
    pub line: String,
    /// When it was seen.
    pub at: Timestamp,
}

impl Proof {
    /// A proof from a source that has no line of its own.
    pub fn new(source: impl Into<Source>, line: impl Into<String>, at: Timestamp) -> Self {
        Self { source: source.into(), line: line.into(), at }
    }
}

/// What a log record says, once parsed. The wordings stand in `resources/patterns.toml` and `resources/platforms/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Signal {
    /// The gateway begins its start.
    Start,
    /// The gateway finished its start.
    Ready,
    /// The executor is shut down.
    ExecutorShutdown,
    /// The gateway's configuration is refused.
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
    /// Messages were dropped at the start; shown as a note only.
    Dropped,
    /// Some INFO record: the log level does not hide them.
    Info,
    /// Some record above INFO.
    Record,
    /// Something about one link.
    Link(LinkSignal),
}

/// What a record says of a link.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LinkSignal {
    /// The platform.
    pub platform: PlatformName,
    /// What is said.
    pub word: LinkWord,
    /// It is a sentence of `gateway.run`, the same for every platform; these name the profile, if it is not the serving
    /// one.
    pub by_runner: bool,
}

/// What a record or a state entry says of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkWord {
    /// The gateway has this platform configured and is connecting.
    Expected,
    /// `gateway.run` says that the platform is connected. What that is worth is a rule of the platform.
    Announced,
    /// `gateway.run` says that the platform is connected again.
    Reannounced,
    /// The adapter says that it is connected, which proves nothing.
    Claim,
    /// The link is proven.
    Proof,
    /// A message arrived: a proof where only one link of the platform is possible.
    Inbound,
    /// An attempt to connect begins.
    Attempt,
    /// The link is lost; the gateway reconnects by itself.
    Lost,
    /// The same, in an ERROR that an INFO record follows: where that is missing, INFO records are hidden.
    LostByError,
    /// An attempt to connect failed, for no reason that is known.
    Failed,
    /// An attempt failed: network, DNS, proxy, time-out, busy server.
    Unreachable,
    /// The credentials were refused.
    Refused,
    /// Refused: too many connections.
    Limit,
    /// Another client of the same account holds the link. One alone is normal after a restart.
    Conflict,
    /// Another local gateway (`other_pid`) holds the same account.
    InUse,
    /// The adapter cannot be loaded.
    AdapterMissing,
    /// The platform's configuration is refused.
    ConfigError,
    /// The link is on another event loop and deaf; it ended for good.
    WrongLoop,
    /// The link ended for good: nothing in this process tries again.
    Ended,
    /// The link ended for good because another client holds it.
    ConflictEnded,
    /// The link ended for good because the credentials were refused.
    RefusedEnded,
    /// Trouble that often heals without a word.
    Blip,
    /// Somebody paused the platform.
    Paused,
    /// A paused platform goes on.
    Resumed,
    /// The platform calls the gateway (webhook): there is no link to watch.
    Webhook,
    /// A message is being sent.
    Sending,
    /// Sending failed for a bad token.
    SendRefused,
}

impl LinkWord {
    /// Whether it says how the link is: of these the newest one counts.
    pub const fn is_of_link(self) -> bool {
        !matches!(self, Self::Expected | Self::Webhook | Self::Sending | Self::SendRefused)
    }

    /// Whether it outlasts what follows it, so that one of a former process must not be held against the present one.
    pub const fn lasts(self) -> bool {
        matches!(
            self,
            Self::InUse
                | Self::AdapterMissing
                | Self::ConfigError
                | Self::WrongLoop
                | Self::Ended
                | Self::ConflictEnded
                | Self::RefusedEnded
                | Self::SendRefused
        )
    }
}

/// One log record that means something.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// What it means.
    pub signal: Signal,
    /// Whose home the log lies in; `None`: the serving profile's.
    pub home: Option<ProfileName>,
    /// The profile that the line itself names, as in `(profile: work)`.
    pub tag: Option<ProfileName>,
    /// The connection that the line names (`[conn_id=…]`).
    pub connection: Option<Arc<str>>,
    /// The process that the line names.
    pub other_pid: Option<u32>,
    /// Whether it was written at INFO or below.
    pub at_info: bool,
    /// The stamp of the line, local time without a zone; `None` where it has none.
    pub stamp: Option<DateTime>,
    /// The same for the same message in another file.
    pub key: u64,
    /// The line itself.
    pub proof: Proof,
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

/// The service manager's word on a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobWord {
    /// Which manager.
    pub manager: Manager,
    /// The job's label or the unit's name.
    pub label: String,
    /// Its state.
    pub state: JobState,
    /// The job's PID; it may be a wrapper around the gateway.
    pub pid: Option<u32>,
    /// How the previous run ended; negative = signal.
    pub last_exit: Option<i32>,
    /// How often the manager has started it: launchd's `runs`, systemd's `NRestarts`.
    pub starts: Option<u64>,
    /// Whether the manager will start it again by itself; `None`: not known.
    pub comes_back: Option<bool>,
    /// launchd: why the system ended the previous run or refused it (`OS_REASON_CODESIGNING`).
    pub exit_reason: Option<String>,
    /// The manager could not execute the program at its last attempt.
    pub spawn_failed: bool,
}

impl JobWord {
    /// A job in this state, of which nothing else is known.
    pub const fn new(manager: Manager, label: String, state: JobState) -> Self {
        Self {
            manager,
            label,
            state,
            pid: None,
            last_exit: None,
            starts: None,
            comes_back: None,
            exit_reason: None,
            spawn_failed: false,
        }
    }

    /// Whether the manager gives a reason why the job does not run.
    pub(super) const fn explains(&self) -> bool {
        self.pid.is_none() && (self.exit_reason.is_some() || self.spawn_failed)
    }
}

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
    /// Gatelight itself restarts the gateway; the process that is to go, if known.
    OwnRestart(Option<u32>),
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

/// What is read of `state/gateway.heartbeat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who wrote it.
    pub pid: u32,
    /// Its own word of when, if it can be read.
    pub updated_at: Option<Timestamp>,
    /// Written by a thread beside the event loop (`loop_tick_socket`): a slow disk ages it though the loop is sound.
    pub by_thread: bool,
}

/// One file of the `gateway-locks` folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// What is locked: `feishu-app-id`, `telegram-bot-token`, ….
    pub scope: String,
    /// The hash of the identity, from the file's name.
    pub id: String,
    /// The process that holds it.
    pub pid: u32,
}

/// `gateway_state`, the gateway's own word of its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LifeState {
    /// `starting`.
    Starting,
    /// `running` or `degraded`.
    Running,
    /// `draining`: finishes answers before it leaves.
    Draining,
    /// `stopped`.
    Stopped,
    /// `startup_failed`.
    StartupFailed,
    /// Any other word, or none.
    #[default]
    Unknown,
}

/// What is read of `gateway_state.json`. Positive words in it prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateFile {
    /// PID of the writer.
    pub pid: u32,
    /// Start time of the writer.
    pub start: Option<u64>,
    /// The gateway's own word.
    pub life: LifeState,
    /// Whether the gateway was asked to restart.
    pub restart_requested: bool,
    /// Turns, cron jobs and requests under way.
    pub active_agents: Option<u32>,
    /// Profiles that the gateway says it serves. The key outlives the setting, so it is no proof by itself.
    pub served: Vec<ProfileName>,
    /// One for each key of `platforms`.
    pub entries: Vec<PlatformEntry>,
}

/// `state` of one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EntryState {
    /// `connecting`.
    Connecting,
    /// `connected`.
    Connected,
    /// `disconnected`.
    Disconnected,
    /// `retrying`.
    Retrying,
    /// `fatal`.
    Fatal,
    /// `paused`.
    Paused,
    /// `disabled`: not a link.
    Disabled,
    /// Any other word.
    #[default]
    Unknown,
}

/// One platform of `gateway_state.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformEntry {
    /// The platform.
    pub platform: PlatformName,
    /// The profile, where the key names one (`work:feishu`).
    pub profile: Option<ProfileName>,
    /// Its state.
    pub state: EntryState,
    /// What its error code and message say, if they say something that is known.
    pub cause: Option<Reason>,
    /// The process that the message names.
    pub other_pid: Option<u32>,
    /// State, code and message on one line; redacted.
    pub line: String,
    /// When this entry was written. A new process takes entries over from the file of the one before.
    pub updated_at: Option<Timestamp>,
    /// Who wrote it, in versions that say so.
    pub writer: Option<FileIdentity>,
}
