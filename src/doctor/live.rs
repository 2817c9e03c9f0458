//! Facts of the running machine: the managers' answers and the processes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::repair;
use crate::evidence::process;
use crate::health::{JobState, Manager, ProcessState};
use crate::profile::{self, Found};
use crate::supervisor::{JobReport, Supervisor};

/// What the managers and the system report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveFacts {
    /// Labels of jobs that their manager has not loaded.
    pub not_loaded: BTreeSet<String>,
    /// Labels of jobs that have a process.
    pub running: BTreeSet<String>,
    /// Profiles whose home is held by a live gateway (PID) that is not the job's.
    pub second_instance: BTreeMap<String, u32>,
    /// Profiles whose job's process (PID) still has `--replace`, although the file no longer has it.
    pub from_before: BTreeMap<String, u32>,
}

/// What the doctor needs to know of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Its start time in the unit of `gateway.pid`.
    pub start: Option<u64>,
    /// Its parent.
    pub parent: Option<u32>,
}

impl LiveFacts {
    /// Queries the managers and the system. A query that fails adds no fact.
    pub fn ask<'a>(
        found: &Found,
        supervisor: &dyn Fn(Manager) -> Option<&'a dyn Supervisor>,
        process: &dyn Fn(u32) -> Option<ProcessFacts>,
        arguments_of: &dyn Fn(u32) -> Option<Vec<String>>,
    ) -> Self {
        let mut facts = Self::default();
        for profile in &found.profiles {
            let Some(job) = &profile.job else { continue };
            let report = supervisor(job.manager).and_then(|supervisor| supervisor.query(job).ok());
            let Some(report) = report else { continue };
            if report.state == JobState::NotLoaded {
                facts.not_loaded.insert(job.label.clone());
            }
            if report.pid.is_some() {
                facts.running.insert(job.label.clone());
            }
            if let Some(pid) = other_instance(&profile.home, &report, process) {
                facts.second_instance.insert(profile.name.clone(), pid);
            }
            let older = |pid: &u32| {
                arguments_of(*pid).is_some_and(|words| repair::is_from_before(&words, &job.arguments))
            };
            if let Some(pid) = report.pid.filter(older) {
                facts.from_before.insert(profile.name.clone(), pid);
            }
        }
        facts
    }
}

/// The live process of `gateway.pid`, if it is neither the job's nor a descendant of that.
fn other_instance(
    home: &Path,
    report: &JobReport,
    process: &dyn Fn(u32) -> Option<ProcessFacts>,
) -> Option<u32> {
    if report.state == JobState::Stopped {
        return None;
    }
    let (pid, written) = profile::pid_file(home)?;
    let live = process(pid)?;
    // another start time: the PID was reused since
    if let (Some(written), Some(start)) = (written, live.start)
        && written != start
    {
        return None;
    }
    let is_jobs = report.pid.is_some_and(|job| descends_from(pid, job, process));
    (!is_jobs).then_some(pid)
}

/// Longest chain of parents that is followed.
const MAX_ANCESTORS: usize = 32;

/// Whether a process is `ancestor` or a descendant of it.
pub(super) fn descends_from(pid: u32, ancestor: u32, process: &dyn Fn(u32) -> Option<ProcessFacts>) -> bool {
    let parent = |pid: &u32| (*pid > 1).then(|| process(*pid)?.parent).flatten();
    std::iter::successors(Some(pid), parent).take(MAX_ANCESTORS).any(|known| known == ancestor)
}

/// What the system reports about a live process; `None` for a zombie.
pub fn process_facts(pid: u32) -> Option<ProcessFacts> {
    let info = process::look(pid).filter(|info| info.state != ProcessState::Zombie)?;
    Some(ProcessFacts { start: Some(info.start), parent: Some(info.parent) })
}
