//! The service manager of the demo: starts child processes and restarts them when they end.

use std::collections::HashMap;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::health::{JobState, Manager};
use crate::profile::JobFile;
use crate::supervisor::child::exit_code;
use crate::supervisor::{JobReport, Supervisor, SupervisorError};

/// Time between SIGTERM and SIGKILL.
const EXIT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct Job {
    child: Option<Child>,
    last_exit: Option<i32>,
    runs: u64,
    /// The user stopped it.
    stopped: bool,
}

/// Owns the processes; ends them when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Embedded {
    jobs: Mutex<HashMap<String, Job>>,
}

impl Embedded {
    /// Starts the job's process.
    pub(super) fn start(&self, job: &JobFile) -> Result<(), SupervisorError> {
        let mut jobs = self.jobs();
        let entry = jobs.entry(job.label.clone()).or_default();
        spawn(job, entry)
    }

    /// Ends all processes.
    pub(super) fn stop_all(&self) {
        for job in self.jobs().values_mut() {
            stop(job);
        }
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<String, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(file: &JobFile, job: &mut Job) -> Result<(), SupervisorError> {
    let Some((program, arguments)) = file.arguments.split_first() else {
        return Err(SupervisorError::Missing { program: file.label.clone() });
    };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C in the terminal reaches the demo alone, which then stops its gateways
        .process_group(0)
        .spawn()
        .map_err(|source| SupervisorError::Io { program: program.clone(), source })?;
    job.child = Some(child);
    job.runs += 1;
    job.stopped = false;
    Ok(())
}

/// Ends the process with SIGTERM, after [`EXIT_TIMEOUT`] with SIGKILL.
fn stop(job: &mut Job) {
    let Some(mut child) = job.child.take() else { return };
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let limit = Instant::now() + EXIT_TIMEOUT;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                job.last_exit = Some(exit_code(status));
                return;
            }
            Ok(None) if Instant::now() < limit => std::thread::sleep(Duration::from_millis(20)),
            _ => break,
        }
    }
    let _ = child.kill();
    job.last_exit = child.wait().ok().map(exit_code);
}

impl Supervisor for Embedded {
    fn manager(&self) -> Manager {
        Manager::Embedded
    }

    fn query(&self, job: &JobFile) -> Result<JobReport, SupervisorError> {
        let mut jobs = self.jobs();
        let Some(entry) = jobs.get_mut(&job.label) else {
            return Ok(JobReport::NOT_LOADED);
        };
        if let Some(child) = &mut entry.child
            && let Ok(Some(status)) = child.try_wait()
        {
            entry.last_exit = Some(exit_code(status));
            entry.child = None;
            spawn(job, entry)?;
        }
        let pid = entry.child.as_ref().map(Child::id);
        let state = match pid {
            Some(_) => JobState::Running,
            None if entry.stopped => JobState::Stopped,
            None => JobState::Waiting,
        };
        Ok(JobReport {
            state,
            pid,
            last_exit: entry.last_exit,
            runs: Some(entry.runs),
            keeps_alive: true,
            ..JobReport::NOT_LOADED
        })
    }

    fn restart(&self, job: &JobFile) -> Result<(), SupervisorError> {
        let mut jobs = self.jobs();
        let entry = jobs.entry(job.label.clone()).or_default();
        stop(entry);
        spawn(job, entry)
    }

    fn reload(&self, job: &JobFile) -> Result<(), SupervisorError> {
        self.restart(job)
    }

    fn stop(&self, job: &JobFile) -> Result<(), SupervisorError> {
        let mut jobs = self.jobs();
        let entry = jobs.entry(job.label.clone()).or_default();
        stop(entry);
        entry.stopped = true;
        Ok(())
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop_all();
    }
}
