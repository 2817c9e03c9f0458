//! The doctor on this machine: its findings, and the repair of job files, one job after the other.
//!
//! The caller approves changes and shows steps ([`Review`]); the result is a value for each job.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;

use super::flow::{self, Change, Link, Outcome, PrepareError, RepairContext, Step};
use super::live::descends_from;
use super::repair::{Wanted, hides_flag};
use super::{Finding, LiveFacts, ProcessFacts, examine, wanted, write};
use crate::health::Manager;
use crate::order::Collect as _;
use crate::profile::{BadJobFile, Found, JobFile, Places, Profile, homes_by_pid, scan};
use crate::supervisor::Supervisor;
use crate::text::Lang;

/// Most queries until a job runs, half a second apart.
const ATTEMPTS: u32 = 60;

/// What the doctor needs of the machine.
pub struct Machine<'a> {
    /// Where profiles are looked for.
    pub places: &'a Places,
    /// The service manager of a kind, if this machine has one.
    pub supervisor: &'a dyn Fn(Manager) -> Option<&'a dyn Supervisor>,
    /// What the system knows of a process ([`super::process_facts`]).
    pub process: &'a dyn Fn(u32) -> Option<ProcessFacts>,
    /// The arguments of a process, where the system reports them.
    pub arguments_of: &'a dyn Fn(u32) -> Option<Vec<String>>,
    /// Waits for the link of a job's new process after the reload.
    pub link: &'a dyn Fn(&JobFile, u32) -> Link,
    /// Waits between two queries of a job.
    pub pause: &'a dyn Fn(),
    /// The language of causes.
    pub lang: Lang,
}

impl Machine<'_> {
    /// The profiles and job files that exist, each job with the home that its process uses.
    pub fn scan(&self) -> Found {
        let found = scan(self.places);
        // each manager is asked once, and only if some home without a job has a gateway
        let pids = OnceCell::new();
        let job_homes = homes_by_pid(&found, &|job, pid| {
            let pids = pids.get_or_init(|| self.job_pids(&found));
            pids.get(&job.label).is_some_and(|own| descends_from(pid, *own, self.process))
        });
        if job_homes.is_empty() {
            return found;
        }
        scan(&Places { job_homes, ..self.places.clone() })
    }

    /// The processes of jobs, by label.
    fn job_pids(&self, found: &Found) -> BTreeMap<String, u32> {
        let pid = |job: &JobFile| (self.supervisor)(job.manager)?.query(job).ok()?.pid;
        let jobs = found.profiles.iter().filter_map(|profile| profile.job.as_ref());
        jobs.filter_map(|job| Some((job.label.clone(), pid(job)?))).to_map()
    }

    /// The findings of the profiles in `only` (names or labels). If it is empty: of all profiles, and of files that
    /// belong to none.
    pub fn findings(&self, found: &Found, only: &[String]) -> Vec<Finding> {
        let mut findings = examine(found, self.places, &self.live(found));
        findings.retain(|finding| {
            let of = |profile: &&Profile| finding.profile.as_ref() == Some(&profile.name);
            only.is_empty()
                || found.profiles.iter().find(of).is_some_and(|profile| is_selected(profile, only))
        });
        findings
    }

    fn live(&self, found: &Found) -> LiveFacts {
        LiveFacts::ask(found, &|manager| (self.supervisor)(manager), self.process, self.arguments_of)
    }
}

/// Whether `only` names this profile or its job's label; an empty list selects all.
fn is_selected(profile: &Profile, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|name| names(profile, name))
}

fn names(profile: &Profile, name: &str) -> bool {
    profile.name == name || profile.label() == Some(name)
}

/// The first of these names that is neither a profile nor a label.
pub fn first_unknown<'n>(found: &Found, only: &'n [String]) -> Option<&'n str> {
    let is_known = |name: &str| found.profiles.iter().any(|profile| names(profile, name));
    only.iter().map(String::as_str).find(|name| !is_known(name))
}

/// How repairs are approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each kind of change is proposed by itself.
    OneByOne,
    /// All changes of a job are proposed at once.
    All,
    /// All changes are proposed, and none is made.
    DryRun,
}

/// Approves repairs and receives their progress.
pub trait Review {
    /// Whether these changes of one job's files may be made. With no change the job is only reloaded.
    fn approve(&mut self, job: &JobFile, changes: &[Change]) -> bool;
    /// A step was done.
    fn step(&mut self, profile: &Profile, job: &JobFile, step: &Step);
    /// One job is done.
    fn done(&mut self, repair: &JobRepair);
}

/// The result for one job.
#[derive(Debug)]
pub struct JobRepair {
    /// The profile's name.
    pub profile: String,
    /// The job, as it was before.
    pub job: JobFile,
    /// The approved changes.
    pub changes: Vec<Change>,
    /// The steps that were done.
    pub steps: Vec<Step>,
    /// How it ended.
    pub result: RepairResult,
}

/// How the repair of one job ended.
#[derive(Debug)]
pub enum RepairResult {
    /// The user did not agree.
    Declined,
    /// It needs a manual repair.
    Refused(PrepareError),
    /// It would be repaired; nothing was changed.
    DryRun,
    /// The repair was attempted.
    Done(Outcome),
}

impl RepairResult {
    /// Whether the files are repaired.
    pub const fn repaired(&self) -> bool {
        matches!(self, Self::Done(outcome) if outcome.repaired())
    }

    /// The code used in JSON.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::Refused(_) => "refused",
            Self::DryRun => "dry run",
            Self::Done(outcome) => outcome.word(),
        }
    }
}

/// What `--fix` did.
#[derive(Debug)]
pub struct Fixed {
    /// Every job that had something to repair.
    pub repairs: Vec<JobRepair>,
    /// Files that need a manual repair; empty if profiles were named.
    pub by_hand: Vec<BadJobFile>,
}

impl Fixed {
    /// Whether something is left to repair.
    pub fn is_left(&self) -> bool {
        !self.by_hand.is_empty() || self.repairs.iter().any(|repair| !repair.result.repaired())
    }
}

/// Repairs the jobs of the profiles in `only`; of all profiles if it is empty.
pub fn fix(
    found: &Found,
    only: &[String],
    mode: Mode,
    machine: &Machine<'_>,
    review: &mut dyn Review,
) -> Fixed {
    let live = machine.live(found);
    let mut repairs = Vec::new();
    for profile in found.profiles.iter().filter(|profile| is_selected(profile, only)) {
        let Some(job) = &profile.job else { continue };
        for file in job.files() {
            write::clean(file);
        }
        let stale = live.from_before.contains_key(&profile.name) || job.files().any(write::is_marked);
        if let Some(repair) = fix_job(profile, job, stale, mode, machine, review) {
            review.done(&repair);
            repairs.push(repair);
        }
    }
    let by_hand = if only.is_empty() { found.bad.clone() } else { Vec::new() };
    Fixed { repairs, by_hand }
}

/// Repairs one job; `None` if there is nothing to do. `stale`: its process still runs as the file was before, or a
/// repair was interrupted.
fn fix_job(
    profile: &Profile,
    job: &JobFile,
    stale: bool,
    mode: Mode,
    machine: &Machine<'_>,
    review: &mut dyn Review,
) -> Option<JobRepair> {
    let mut repair = JobRepair {
        profile: profile.name.clone(),
        job: job.clone(),
        changes: Vec::new(),
        steps: Vec::new(),
        result: RepairResult::Declined,
    };
    match agree(job, stale, mode, &machine.places.user_home, review) {
        Ok(Agreed::NothingToDo) => return None,
        Ok(Agreed::Declined) => return Some(repair),
        Ok(Agreed::To(changes)) => repair.changes = changes,
        Err(error) => {
            repair.result = RepairResult::Refused(error);
            return Some(repair);
        }
    }
    if mode == Mode::DryRun {
        repair.result = RepairResult::DryRun;
        return Some(repair);
    }
    let steps = &mut repair.steps;
    let mut context = RepairContext {
        supervisor: (machine.supervisor)(job.manager),
        pause: &mut || (machine.pause)(),
        attempts: ATTEMPTS,
        lang: machine.lang,
        arguments_of: machine.arguments_of,
        link: &mut |job, pid| (machine.link)(job, pid),
        report: &mut |step| {
            review.step(profile, job, &step);
            steps.push(step);
        },
    };
    repair.result = RepairResult::Done(flow::repair_job(job, &repair.changes, &mut context));
    Some(repair)
}

enum Agreed {
    NothingToDo,
    Declined,
    /// Empty: the job is only reloaded, because its file was repaired before.
    To(Vec<Change>),
}

fn agree(
    job: &JobFile,
    stale: bool,
    mode: Mode,
    user_home: &Path,
    review: &mut dyn Review,
) -> Result<Agreed, PrepareError> {
    let mut all = wanted(job);
    all.replace |= hides_flag(job);
    let everything = flow::prepare(job, all, user_home)?;
    if everything.is_empty() && !stale {
        return Ok(Agreed::NothingToDo);
    }
    if everything.is_empty() || mode != Mode::OneByOne {
        let approved = review.approve(job, &everything);
        return Ok(if approved { Agreed::To(everything) } else { Agreed::Declined });
    }
    let mut agreed = Wanted::default();
    for part in [
        Wanted { replace: all.replace, ..Wanted::default() },
        Wanted { run_at_load: all.run_at_load, ..Wanted::default() },
        Wanted { keep_alive: all.keep_alive, ..Wanted::default() },
    ] {
        let changes = flow::prepare(job, part, user_home)?;
        if !changes.is_empty() && review.approve(job, &changes) {
            agreed.replace |= part.replace;
            agreed.run_at_load |= part.run_at_load;
            agreed.keep_alive |= part.keep_alive;
        }
    }
    if agreed == Wanted::default() {
        return Ok(Agreed::Declined);
    }
    Ok(Agreed::To(flow::prepare(job, agreed, user_home)?))
}
