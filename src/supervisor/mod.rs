//! Service managers behind one trait: launchd, systemd, and the one of the demo.

pub mod child;
pub mod launchd;
pub(crate) mod stopped;
pub mod systemd;
mod wording;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::health::{JobState, Manager};
use crate::profile::JobFile;
use crate::profile::property_list::ListError;

/// What a service manager reports about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobReport {
    /// Its state.
    pub state: JobState,
    /// The job's process, which may be a wrapper around the gateway.
    pub pid: Option<u32>,
    /// Exit code of the previous run; a signal as its negative number.
    pub last_exit: Option<i32>,
    /// launchd: why the system ended the previous run or refused it, as an identifier of at most 80 characters
    /// (`OS_REASON_CODESIGNING`, `JETSAM_REASON_MEMORY_IDLE_EXIT`).
    pub exit_reason: Option<String>,
    /// Number of starts: launchd's `runs` since the job was loaded, systemd's `NRestarts` + 1 since the last start by
    /// hand.
    pub runs: Option<u64>,
    /// The manager could not execute the program at its last attempt: missing, refused by the system, or one of the
    /// job's paths cannot be opened.
    pub spawn_failed: bool,
    /// Whether the manager starts the job again after the exit that `last_exit` reports. Derived from the job file
    /// (launchd) or the unit's properties (systemd); `true` where the conditions cannot be evaluated.
    pub keeps_alive: bool,
    /// launchd: the domain in which the job is loaded (`gui/501`).
    pub domain: Option<String>,
    /// The job's time between SIGTERM and SIGKILL, 1 s to [`MAX_EXIT`]; `None`: not reported, or unlimited.
    pub exit_timeout: Option<Duration>,
}

/// Longest time between SIGTERM and SIGKILL that Gatelight waits for.
pub const MAX_EXIT: Duration = Duration::from_secs(600);

impl JobReport {
    /// A job that its manager has not loaded.
    pub const NOT_LOADED: Self = Self {
        state: JobState::NotLoaded,
        pid: None,
        last_exit: None,
        exit_reason: None,
        runs: None,
        spawn_failed: false,
        keeps_alive: false,
        domain: None,
        exit_timeout: None,
    };
}

/// What is wrong with an answer that is not a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadAnswer {
    /// It cannot be parsed.
    NotUnderstood,
    /// It contradicts itself.
    Contradiction,
    /// An operation in progress does not end.
    NeverEnds,
    /// The job is still registered after it was unloaded.
    StillRegistered,
    /// The job is not registered after it was loaded.
    NotRegistered,
}

/// Why a request to a manager failed.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The program does not exist: this machine has no such manager.
    #[error("{program} is not on this machine")]
    Missing {
        /// Path of the program.
        program: String,
    },
    /// It did not answer in time and was killed.
    #[error("{program} did not answer within {} s", .after.as_secs_f32())]
    TimedOut {
        /// Path of the program.
        program: String,
        /// The limit.
        after: Duration,
    },
    /// It answered with an error; `words` is its message, bounded and redacted.
    #[error("{program} {action}: exit {code}: {words}")]
    Refused {
        /// Path of the program.
        program: String,
        /// The arguments (`bootstrap gui/501 …`).
        action: String,
        /// Its exit code.
        code: i32,
        /// What it printed.
        words: String,
    },
    /// It answered, and the answer cannot be used or had no effect.
    #[error("{program} {action}: exit {code}: {why:?}: {words}")]
    BadAnswer {
        /// Path of the program.
        program: String,
        /// The arguments.
        action: String,
        /// Its exit code.
        code: i32,
        /// What is wrong with the answer.
        why: BadAnswer,
        /// What it printed, bounded and redacted; may be empty.
        words: String,
    },
    /// launchd refuses the job in this domain.
    #[error("launchd cannot manage {label} in {domain}: {words}")]
    Domain {
        /// The job's label.
        label: String,
        /// The domain (`gui/501`).
        domain: String,
        /// What launchctl printed.
        words: String,
    },
    /// The manager would refuse the job file; the job was not unloaded.
    #[error("{} would be refused", .path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        why: BadFile,
    },
    /// The job is disabled (launchd) or masked (systemd), and does not start until that is undone.
    #[error("the job is disabled; to allow it: {enable}")]
    Disabled {
        /// The command that undoes it.
        enable: String,
    },
    /// This user has no manager that can be reached; with the message of its program.
    #[error("{0}")]
    NoUserManager(String),
    /// The system refused to start the program or to read its answer.
    #[error("{program}: {source}")]
    Io {
        /// Path of the program.
        program: String,
        /// The cause.
        source: std::io::Error,
    },
}

/// Why launchd would refuse a job file.
#[derive(Debug)]
pub enum BadFile {
    /// Others may write to it; with its mode.
    UnsafeMode(u32),
    /// It is no property list.
    List(ListError),
    /// It cannot be read.
    Io(std::io::Error),
}

/// Whether a manager can be used from this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It can be asked.
    Usable,
    /// Its program is not on this machine.
    Missing,
    /// Its program is here, but there is no bus to the user's instance.
    NoUserBus,
}

/// A service manager. Calls block, have a time limit, and act on the exact label only.
pub trait Supervisor: Send + Sync {
    /// Which one.
    fn manager(&self) -> Manager;

    /// Whether it can be used from here. Looks at files and the environment only.
    fn access(&self) -> Access {
        Access::Usable
    }

    /// Reports the state of this job. A job that is not loaded is an answer ([`JobState::NotLoaded`]), not an error.
    fn query(&self, job: &JobFile) -> Result<JobReport, SupervisorError>;

    /// Ends the job's process, if any, and starts a new one; loads the job first if necessary. Returns when the manager
    /// accepted it; whether the gateway works is for the caller to verify.
    fn restart(&self, job: &JobFile) -> Result<(), SupervisorError>;

    /// Makes the manager read the job file again and start the job.
    fn reload(&self, job: &JobFile) -> Result<(), SupervisorError>;

    /// Ends the job's process, if any, and sees to it that the manager does not start it again.
    fn stop(&self, job: &JobFile) -> Result<(), SupervisorError>;
}

/// The managers of this machine: those whose programs exist, or that the environment names.
#[derive(Clone, Default)]
pub struct Supervisors {
    all: Vec<Arc<dyn Supervisor>>,
}

impl Supervisors {
    /// launchd and systemd, if their programs exist.
    pub fn from_environment() -> Self {
        let mut found = Self::default();
        let launchd = launchd::Launchd::from_environment();
        if launchd.present() {
            found.add(Arc::new(launchd));
        }
        let systemd = systemd::Systemd::from_environment();
        if systemd.present() {
            found.add(Arc::new(systemd));
        }
        found
    }

    /// These managers; they record in this folder which jobs are stopped through them.
    #[must_use]
    pub(crate) fn remembering(self, folder: PathBuf) -> Self {
        let stopped = stopped::Stopped::at(folder);
        let remember = |manager| -> Arc<dyn Supervisor> {
            Arc::new(stopped::Remembering::new(manager, stopped.clone()))
        };
        Self { all: self.all.into_iter().map(remember).collect() }
    }

    /// Adds one; it replaces an earlier one of the same kind.
    pub fn add(&mut self, supervisor: Arc<dyn Supervisor>) {
        self.all.retain(|other| other.manager() != supervisor.manager());
        self.all.push(supervisor);
    }

    /// The manager of this kind, borrowed.
    pub fn of(&self, manager: Manager) -> Option<&dyn Supervisor> {
        self.all.iter().find(|s| s.manager() == manager).map(AsRef::as_ref)
    }

    /// Whether the manager of this kind can be used.
    pub fn access(&self, manager: Manager) -> Access {
        self.of(manager).map_or(Access::Missing, Supervisor::access)
    }

    /// The manager of this kind.
    pub fn get(&self, manager: Manager) -> Option<Arc<dyn Supervisor>> {
        self.all.iter().find(|s| s.manager() == manager).cloned()
    }
}
