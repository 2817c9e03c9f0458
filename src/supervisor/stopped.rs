//! Jobs that the user stopped through Gatelight.
//!
//! launchd forgets a job that is unloaded, so a stopped job looks like one that was never loaded, which is a fault. For
//! each stop there is an empty file; it holds until the job is loaded again.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use super::{Access, JobReport, MAX_EXIT, Supervisor, SupervisorError};
use crate::files;
use crate::health::{JobState, Manager};
use crate::profile::JobFile;

/// The text of a note while the stop is under way.
const UNDER_WAY: &str = "under way";

/// The jobs that the user stopped.
#[derive(Debug, Clone)]
pub(crate) struct Stopped {
    folder: PathBuf,
}

impl Stopped {
    /// Kept in this folder, which is created when needed.
    pub(crate) const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn file(&self, label: &str) -> PathBuf {
        // the suffix keeps the labels "." and "" from naming the folder itself
        self.folder.join(format!("{}.stopped", label.replace('%', "%25").replace('/', "%2f")))
    }

    /// Notes a stop: one that begins, or one that is done.
    fn note(&self, label: &str, text: &str) -> io::Result<()> {
        files::create_folder(&self.folder)?;
        let mut options = OpenOptions::new();
        files::open_with(options.create(true).write(true).truncate(true), &self.file(label))?
            .write_all(text.as_bytes())
    }

    fn contains(&self, label: &str) -> bool {
        self.file(label).exists()
    }

    fn remove(&self, label: &str) {
        // usually there is none
        let _ = fs::remove_file(self.file(label));
    }

    /// Removes the note of a job that is loaded, unless its stop is under way.
    fn loaded(&self, label: &str) {
        let file = self.file(label);
        let is_young = || {
            let written = fs::metadata(&file).and_then(|data| data.modified()).ok();
            written.and_then(|at| at.elapsed().ok()).is_some_and(|age| age <= MAX_EXIT)
        };
        match files::read(&file, 64) {
            Ok(text) if text == UNDER_WAY.as_bytes() && is_young() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => self.remove(label),
        }
    }
}

/// A manager that remembers which jobs were stopped through it.
pub(crate) struct Remembering {
    manager: Arc<dyn Supervisor>,
    stopped: Stopped,
}

impl Remembering {
    pub(crate) fn new(manager: Arc<dyn Supervisor>, stopped: Stopped) -> Self {
        Self { manager, stopped }
    }
}

impl Supervisor for Remembering {
    fn manager(&self) -> Manager {
        self.manager.manager()
    }

    fn access(&self) -> Access {
        self.manager.access()
    }

    fn query(&self, job: &JobFile) -> Result<JobReport, SupervisorError> {
        let report = self.manager.query(job)?;
        match report.state {
            JobState::NotLoaded if self.stopped.contains(&job.label) => {
                Ok(JobReport { state: JobState::Stopped, ..report })
            }
            JobState::NotLoaded | JobState::Stopped => Ok(report),
            JobState::Running | JobState::Waiting => {
                self.stopped.loaded(&job.label);
                Ok(report)
            }
        }
    }

    fn restart(&self, job: &JobFile) -> Result<(), SupervisorError> {
        self.manager.restart(job)
    }

    fn reload(&self, job: &JobFile) -> Result<(), SupervisorError> {
        self.manager.reload(job)
    }

    fn stop(&self, job: &JobFile) -> Result<(), SupervisorError> {
        let noted = |text: &str| {
            self.stopped.note(&job.label, text).map_err(|source| SupervisorError::Io {
                program: self.stopped.folder.display().to_string(),
                source,
            })
        };
        // before the stop: a query in between would find a job that is not loaded, which is red
        noted(UNDER_WAY)?;
        self.manager.stop(job).inspect_err(|_| self.stopped.remove(&job.label))?;
        noted("")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A manager that reports the given state, and the states that were reported while it stopped a job.
    struct Says {
        state: Mutex<JobState>,
        notes: Stopped,
        seen: Mutex<Vec<JobState>>,
    }

    impl Supervisor for Says {
        fn manager(&self) -> Manager {
            Manager::Launchd
        }

        fn query(&self, _: &JobFile) -> Result<JobReport, SupervisorError> {
            Ok(JobReport { state: *self.state.lock().unwrap(), ..JobReport::NOT_LOADED })
        }

        fn restart(&self, _: &JobFile) -> Result<(), SupervisorError> {
            *self.state.lock().unwrap() = JobState::Running;
            Ok(())
        }

        fn reload(&self, job: &JobFile) -> Result<(), SupervisorError> {
            self.restart(job)
        }

        fn stop(&self, job: &JobFile) -> Result<(), SupervisorError> {
            // the watcher asks at any time, through its own value
            let ask = |state| {
                let says =
                    Says { state: Mutex::new(state), notes: self.notes.clone(), seen: Mutex::default() };
                Remembering::new(Arc::new(says), self.notes.clone()).query(job).unwrap().state
            };
            self.seen.lock().unwrap().extend([JobState::Running, JobState::NotLoaded].map(ask));
            *self.state.lock().unwrap() = JobState::NotLoaded;
            Ok(())
        }
    }

    #[test]
    fn a_fifo_in_place_of_the_note_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let stopped = Stopped::at(folder.path().to_path_buf());
        files::make_fifo(&stopped.file("job"));
        assert_eq!(stopped.note("job", "").unwrap_err().kind(), io::ErrorKind::NotSeekable);
    }

    #[test]
    fn a_stop_holds_over_relaunches_until_the_job_is_loaded_again() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Stopped::at(folder.path().join("stopped"));
        let manager = Arc::new(Says {
            state: Mutex::new(JobState::Running),
            notes: notes.clone(),
            seen: Mutex::default(),
        });
        let launch = || {
            let manager: Arc<dyn Supervisor> = manager.clone();
            Remembering::new(manager, notes.clone())
        };
        let job = |label: &str| JobFile::named(Manager::Launchd, "/j", label);
        let state = |label: &str| launch().query(&job(label)).unwrap().state;
        launch().stop(&job("ai/hermes 100%")).unwrap();
        assert_eq!(*manager.seen.lock().unwrap(), [JobState::Running, JobState::Stopped], "never not loaded");
        assert_eq!(state("ai/hermes 100%"), JobState::Stopped);
        assert_eq!(state("ai/hermes 100%"), JobState::Stopped, "asked again after a relaunch");
        for label in ["another", "", ".", ".."] {
            assert_eq!(state(label), JobState::NotLoaded, "nobody stopped {label:?}");
        }
        // by hand, with launchctl bootstrap
        *manager.state.lock().unwrap() = JobState::Waiting;
        assert_eq!(state("ai/hermes 100%"), JobState::Waiting);
        *manager.state.lock().unwrap() = JobState::NotLoaded;
        assert_eq!(state("ai/hermes 100%"), JobState::NotLoaded, "unloaded by somebody else");
    }
}
