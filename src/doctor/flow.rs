//! One repair from the diff to the proof: write, reload, verify; on failure the old file is put back and reloaded.
//!
//! Nothing is printed here: every step is a value, told when it is done.

use std::path::{Path, PathBuf};

use super::phrases;
use super::repair::{self, Plan, Refusal, Wanted};
use super::write::{self, Original, WriteError};
use crate::health::JobState;
use crate::profile::JobFile;
use crate::supervisor::{Supervisor, SupervisorError};
use crate::text::restart::error as error_text;
use crate::text::{Lang, Phrase};

/// A file of a job and what shall become of it.
#[derive(Debug, Clone)]
pub struct Change {
    /// As it was read.
    pub original: Original,
    /// What it becomes.
    pub plan: Plan,
    /// Whether that takes `--replace` out of it.
    pub frees: bool,
}

/// Why no repair could be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The file could not be read or followed.
    #[error("{}: {source}", .file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// The cause.
        source: WriteError,
    },
    /// A human has to do it.
    #[error("{}: {refusal}", .file.display())]
    Refused {
        /// Which file.
        file: PathBuf,
        /// Why.
        refusal: Refusal,
    },
}

impl PrepareError {
    /// The file.
    pub fn file(&self) -> &Path {
        match self {
            Self::File { file, .. } | Self::Refused { file, .. } => file,
        }
    }

    /// Why, for people, without the file.
    pub fn why(&self, lang: Lang) -> String {
        match self {
            Self::File { source, .. } => source.text(lang),
            Self::Refused { refusal, .. } => lang.pick(super::why(*refusal)).to_owned(),
        }
    }
}

/// Reads a job's files and works out their repair; empty where nothing is to be done.
pub fn prepare(job: &JobFile, wanted: Wanted, user_home: &Path) -> Result<Vec<Change>, PrepareError> {
    let mut changes = Vec::new();
    let mut variables = false;
    for file in job.files().map(Path::to_path_buf) {
        let original =
            Original::load(&file).map_err(|source| PrepareError::File { file: file.clone(), source })?;
        match super::plan(job, &file, &original.bytes, wanted, user_home) {
            Ok(Some(plan)) => {
                let flag = Wanted { replace: true, ..Wanted::default() };
                let frees = wanted.replace
                    && matches!(super::plan(job, &file, &original.bytes, flag, user_home), Ok(Some(_)));
                changes.push(Change { original, plan, frees });
            }
            Ok(None) => variables |= original.bytes.contains(&b'$'),
            Err(refusal) => return Err(PrepareError::Refused { file, refusal }),
        }
    }
    if wanted != Wanted::default() && repair::hides_flag(job) {
        return Err(PrepareError::Refused { file: job.path.clone(), refusal: Refusal::Hidden });
    }
    if changes.is_empty() && variables && wanted.replace && !repair::flags(&job.arguments).is_empty() {
        return Err(PrepareError::Refused { file: job.path.clone(), refusal: Refusal::Variable });
    }
    Ok(changes)
}

/// What a step of the repair did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A file was written; the old one is kept beside it.
    Written {
        /// The job file.
        file: PathBuf,
        /// Its backup.
        backup: PathBuf,
    },
    /// There is no manager on this machine (its words): the files are repaired, and that is all.
    NotReloaded(String),
    /// The job is stopped on purpose: it is not started for this.
    StaysStopped,
    /// The job is disabled: unloading it would end its gateway for good. The command that allows it.
    StaysDisabled(String),
    /// The manager read the file again.
    Reloaded,
    /// The job runs, with the new arguments as far as that can be seen.
    Runs {
        /// Its process.
        pid: u32,
    },
    /// The caller saw the link again.
    Linked,
    /// The caller saw that it is down for a reason that the job file has no part in: the caller's words.
    DownElsewhere(String),
    /// The caller could not tell.
    LinkUnknown,
    /// A step failed.
    Failed(Failure),
    /// The old files were put back.
    Restored(After),
    /// An old file could not be put back: it is still there as the backup.
    NotRestored {
        /// The backup.
        backup: PathBuf,
        /// The cause.
        why: String,
    },
}

/// What is with the job once its old file was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// The manager took the old file again.
    Reloaded,
    /// The manager was not asked: the job runs as it did.
    Untouched,
    /// The manager did not take it again (its words), and the job runs all the same.
    StillRuns(String),
    /// The manager did not take it again (its words): nobody runs the gateway.
    Down(String),
    /// The manager did not take it again (its words), nor does it tell whether the job runs.
    Unclear(String),
}

/// Why a repair failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A file could not be written.
    Write(String),
    /// The manager did not take it.
    Reload(String),
    /// The job has no process after the reload.
    NotRunning,
    /// The job's process still has the flag.
    OldArguments,
    /// The link did not come back: the caller's words.
    Link(String),
}

impl Failure {
    /// In words of one language: a phrase of ours, or what others said.
    pub fn words(&self) -> Result<Phrase, &str> {
        match self {
            Self::NotRunning => Ok(phrases::WHY_NOT_RUNNING),
            Self::OldArguments => Ok(phrases::WHY_OLD_ARGUMENTS),
            Self::Write(why) | Self::Reload(why) | Self::Link(why) => Err(why),
        }
    }
}

/// What the caller saw of the link after the reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It is proven again.
    Back,
    /// It should be and is not.
    Down(String),
    /// It is not, for a reason that the job file has no part in.
    DownElsewhere(String),
    /// It cannot be told (it was down before, too; or nothing is seen).
    Unknown,
}

/// How a repair ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Written, reloaded, and seen to run.
    Verified,
    /// Written; there was nothing to reload.
    Written,
    /// It failed; the old files stand.
    Restored,
    /// It failed, and an old file is to be found in its backup only.
    Broken,
    /// There was no file to change, and the reload failed.
    NotReloaded,
}

impl Outcome {
    /// Whether the files are repaired.
    pub const fn repaired(self) -> bool {
        matches!(self, Self::Verified | Self::Written)
    }

    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Written => "not reloaded",
            Self::Restored => "restored",
            Self::Broken | Self::NotReloaded => "failed",
        }
    }
}

/// What the repair needs of the world.
pub struct World<'a> {
    /// The job's manager; `None` where there is none.
    pub supervisor: Option<&'a dyn Supervisor>,
    /// Waits a little between two looks at the job (half a second is right).
    pub pause: &'a mut dyn FnMut(),
    /// How many looks the job gets until it runs (60 of half a second are right).
    pub looks: u32,
    /// The language of causes.
    pub lang: Lang,
    /// The arguments of a live process, where the system tells them.
    pub arguments_of: &'a dyn Fn(u32) -> Option<Vec<String>>,
    /// Waits for the link of this job's process.
    pub link: &'a mut dyn FnMut(&JobFile, u32) -> Link,
    /// Hears every step as it is done.
    pub told: &'a mut dyn FnMut(Step),
}

/// Repairs one job. `changes` come from [`prepare`]; without any the job is only reloaded.
///
/// The changed file is marked until its repair is proven or taken back: a run that is killed in between leaves the mark to
/// the next one.
pub fn repair_job(job: &JobFile, changes: &[Change], world: &mut World<'_>) -> Outcome {
    if let Some(change) = changes.first()
        && let Err(error) = write::mark(&change.original.path)
    {
        (world.told)(Step::Failed(Failure::Write(WriteError::from(error).text(world.lang))));
        return Outcome::Restored;
    }
    let outcome = write_and_reload(job, changes, world);
    if !matches!(outcome, Outcome::Broken | Outcome::NotReloaded) {
        job.files().for_each(write::unmark);
    }
    outcome
}

fn write_and_reload(job: &JobFile, changes: &[Change], world: &mut World<'_>) -> Outcome {
    for (n, change) in changes.iter().enumerate() {
        match write::replace(&change.original, &change.plan.bytes, &mut || {}) {
            Ok(backup) => (world.told)(Step::Written { file: change.original.path.clone(), backup }),
            Err(error) => {
                (world.told)(Step::Failed(Failure::Write(error.text(world.lang))));
                return if n == 0 { Outcome::Restored } else { put_back(job, &changes[..n], None, world) };
            }
        }
    }
    let missing = |world: &mut World<'_>, why: String| {
        (world.told)(Step::NotReloaded(why));
        Outcome::Written
    };
    let Some(supervisor) = world.supervisor else {
        return missing(world, job.manager.word().to_owned());
    };
    let before = match supervisor.query(job) {
        Err(error @ SupervisorError::Missing { .. }) => {
            let why = error_text(world.lang, &error);
            return missing(world, why);
        }
        Ok(report) if report.state == JobState::Stopped => {
            (world.told)(Step::StaysStopped);
            return Outcome::Written;
        }
        answer => answer.ok().and_then(|report| report.pid),
    };
    match supervisor.reload(job) {
        Ok(()) => (world.told)(Step::Reloaded),
        Err(error @ SupervisorError::Missing { .. }) => {
            let why = error_text(world.lang, &error);
            return missing(world, why);
        }
        Err(SupervisorError::Disabled { enable }) => {
            (world.told)(Step::StaysDisabled(enable));
            return Outcome::Written;
        }
        Err(error) => {
            let failure = Failure::Reload(error_text(world.lang, &error));
            return fail(job, changes, failure, supervisor, world);
        }
    }
    let free = changes.iter().any(|change| change.frees) || repair::flags(&job.arguments).is_empty();
    match runs(job, supervisor, before, free, world) {
        Ok(pid) => {
            (world.told)(Step::Runs { pid });
            match (world.link)(job, pid) {
                Link::Back => (world.told)(Step::Linked),
                Link::Unknown => (world.told)(Step::LinkUnknown),
                Link::DownElsewhere(why) => (world.told)(Step::DownElsewhere(why)),
                Link::Down(why) => return fail(job, changes, Failure::Link(why), supervisor, world),
            }
            Outcome::Verified
        }
        Err(failure) => fail(job, changes, failure, supervisor, world),
    }
}

/// Looks until the job has the same new process twice; `free`: one without `--replace`.
fn runs(
    job: &JobFile,
    supervisor: &dyn Supervisor,
    before: Option<u32>,
    free: bool,
    world: &mut World<'_>,
) -> Result<u32, Failure> {
    let mut last = None;
    let mut failure = Failure::NotRunning;
    for _ in 0..world.looks {
        let report = supervisor.query(job).ok();
        let pid = report.filter(|report| report.state == JobState::Running).and_then(|report| report.pid);
        match pid {
            Some(pid) if last == Some(pid) => {
                let has_flag = |arguments: Vec<String>| !repair::flags(&arguments).is_empty();
                let old = free && (world.arguments_of)(pid).is_some_and(has_flag);
                if !old {
                    return Ok(pid);
                }
                failure = Failure::OldArguments;
            }
            Some(pid) if before != Some(pid) => last = Some(pid),
            Some(_) => failure = Failure::OldArguments,
            None => {
                last = None;
                failure = Failure::NotRunning;
            }
        }
        (world.pause)();
    }
    Err(failure)
}

fn fail(
    job: &JobFile,
    changes: &[Change],
    failure: Failure,
    supervisor: &dyn Supervisor,
    world: &mut World<'_>,
) -> Outcome {
    (world.told)(Step::Failed(failure));
    if changes.is_empty() {
        return Outcome::NotReloaded;
    }
    put_back(job, changes, Some(supervisor), world)
}

fn put_back(
    job: &JobFile,
    changes: &[Change],
    supervisor: Option<&dyn Supervisor>,
    world: &mut World<'_>,
) -> Outcome {
    let mut outcome = Outcome::Restored;
    for change in changes {
        if let Err(error) = write::restore(&change.original, &change.plan.bytes) {
            (world.told)(Step::NotRestored { backup: change.original.backup(), why: error.text(world.lang) });
            outcome = Outcome::Broken;
        }
    }
    if outcome == Outcome::Restored {
        let after = match supervisor.map(|supervisor| (supervisor, supervisor.reload(job))) {
            None => After::Untouched,
            Some((_, Ok(()))) => After::Reloaded,
            Some((supervisor, Err(error))) => {
                let why = error_text(world.lang, &error);
                match supervisor.query(job) {
                    Ok(report) if report.pid.is_none() => After::Down(why),
                    Ok(_) => After::StillRuns(why),
                    Err(_) => After::Unclear(why),
                }
            }
        };
        (world.told)(Step::Restored(after));
    }
    outcome
}
