//! What a service manager reports of a job.

use serde::{Deserialize, Serialize};

/// A service manager.
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
    /// The name in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Launchd => "launchd",
            Self::Systemd => "systemd",
            Self::Embedded => "embedded",
        }
    }
}

/// The state of a job, as its manager reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// It has a process.
    Running,
    /// Known to the manager, without a process: throttled, or not to be started again.
    Waiting,
    /// Known to the manager (a systemd unit), and stopped by the user.
    Stopped,
    /// The manager does not know it.
    NotLoaded,
}

/// A service manager's report on a job.
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
