//! Facts that verdicts rest on where no line of a log or file shows them. [`crate::text::proof`] words them.

use super::manager::JobState;

/// What the system, the service manager or the presence of a file showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The gateway started, as this PID if it is known.
    Started(Option<u32>),
    /// The process ended: with this exit status (negative: signal), if it is known.
    Ended {
        /// Its PID.
        pid: u32,
        /// Its exit status.
        exit: Option<i32>,
    },
    /// No process of the gateway was found.
    NoProcess,
    /// This PID belongs to another process now.
    PidReused(u32),
    /// The process is stopped by a signal.
    Suspended,
    /// So many starts within so many seconds.
    Starts {
        /// How many.
        count: u64,
        /// The length of the window.
        seconds: u64,
    },
    /// The newest heartbeat of this process.
    LastHeartbeat(u32),
    /// The newest heartbeat of the cron scheduler.
    LastSchedulerHeartbeat,
    /// The marker of a planned stop.
    PlannedStop,
    /// The marker of a takeover.
    Takeover,
    /// This process updates Hermes.
    Updating(u32),
    /// The marker that launchd could not manage the gateway.
    Detached,
    /// The service manager's report on a job.
    Job {
        /// The job's label.
        label: String,
        /// Its state.
        state: JobState,
        /// Whether its program could not be started.
        spawn_failed: bool,
        /// Why its last process ended, in the manager's words.
        exit_reason: Option<String>,
    },
    /// The service manager reports that the job with this label has no process.
    JobWithoutProcess(String),
}

impl Fact {
    /// With every text from outside replaced by what `clean` makes of it.
    #[must_use]
    pub fn cleaned(self, clean: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Job { label, state, spawn_failed, exit_reason } => Self::Job {
                label: clean(&label),
                state,
                spawn_failed,
                exit_reason: exit_reason.map(|reason| clean(&reason)),
            },
            Self::JobWithoutProcess(label) => Self::JobWithoutProcess(clean(&label)),
            other => other,
        }
    }
}

/// A file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its path.
    pub path: String,
    /// Why.
    pub why: WhyUnreadable,
}

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyUnreadable {
    /// Something else is in its place.
    NotAFile(FileKind),
    /// No permission to read it, or to enter its folder.
    Denied,
    /// Its path is a loop of symlinks.
    Loop,
    /// Its volume does not answer.
    NoAnswer,
    /// An error of the system: its number, or its words where it has none.
    System(Result<i32, String>),
}

/// What can be in the place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A folder.
    Folder,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
    /// Something else.
    Other,
}
