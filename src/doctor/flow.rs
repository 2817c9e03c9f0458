//! The repair of one job: write, reload, verify; after a failure the old file is restored and reloaded.
//!
//! Nothing is printed here: each step is reported as a value once it is done.

use std::path::{Path, PathBuf};

use super::phrases;
use super::repair::{self, Plan, Refusal, Wanted};
use super::write::{self, Original, WriteError};
use crate::health::JobState;
use crate::profile::{JobFile, files};
use crate::supervisor::{Supervisor, SupervisorError};
use crate::text::{Both, Message, Worded};
use crate::text::{Lang, Phrase};

/// A file of a job and its repair.
#[derive(Debug, Clone)]
pub struct Change {
    /// As it was read.
    pub original: Original,
    /// The new content.
    pub plan: Plan,
    /// Whether the repair removes `--replace`.
    pub removes_flag: bool,
}

/// Why a repair cannot be prepared.
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
    /// It needs a manual edit.
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

    /// The cause as text, without the file.
    pub fn why(&self, lang: Lang) -> String {
        match self {
            Self::File { source, .. } => source.text(lang),
            Self::Refused { refusal, .. } => lang.pick(super::why(*refusal)).to_owned(),
        }
    }
}

impl Worded for PrepareError {
    fn message(&self) -> Message {
        Message::verbatim(&Both::each(|lang| format!("{}: {}", self.file().display(), self.why(lang))))
    }
}

/// Reads a job's files and plans their repair; empty if there is nothing to do.
pub fn prepare(job: &JobFile, wanted: Wanted, user_home: &Path) -> Result<Vec<Change>, PrepareError> {
    let mut changes = Vec::new();
    let mut variables = false;
    for file in job.files().map(Path::to_path_buf) {
        if files::leaves_folder(&file).unwrap_or(false) {
            let bytes = files::read(&file)
                .map_err(|source| PrepareError::File { file: file.clone(), source: source.into() })?;
            super::plan(job, &file, &bytes, wanted, user_home)
                .map_err(|refusal| PrepareError::Refused { file: file.clone(), refusal })?;
            continue;
        }
        let original =
            Original::load(&file).map_err(|source| PrepareError::File { file: file.clone(), source })?;
        match super::plan(job, &file, &original.bytes, wanted, user_home) {
            Ok(Some(plan)) => {
                let flag = Wanted { replace: true, ..Wanted::default() };
                let removes_flag = wanted.replace
                    && matches!(super::plan(job, &file, &original.bytes, flag, user_home), Ok(Some(_)));
                changes.push(Change { original, plan, removes_flag });
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

/// A step of a repair that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A file was written; the old one is kept as a backup.
    Written {
        /// The job file.
        file: PathBuf,
        /// Its backup.
        backup: PathBuf,
    },
    /// There is no manager on this machine (with its error): the files are repaired, and nothing was reloaded.
    NotReloaded(String),
    /// The job is stopped on purpose, and is not started for the repair.
    StaysStopped,
    /// The job is disabled: once unloaded it could not be loaded again. With the command that enables it.
    StaysDisabled(String),
    /// The manager read the file again.
    Reloaded,
    /// The job runs, with the new arguments as far as the system shows them.
    Runs {
        /// Its process.
        pid: u32,
    },
    /// The link works again.
    Linked,
    /// The link is down for a reason outside of the job file, with the caller's description.
    DownElsewhere(String),
    /// The state of the link is not known.
    LinkUnknown,
    /// A step failed.
    Failed(Failure),
    /// The old files were restored.
    Restored(After),
    /// An old file could not be restored: its content is in the backup.
    NotRestored {
        /// The backup.
        backup: PathBuf,
        /// The cause.
        why: String,
    },
}

/// The state of the job after its old file was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// The manager reloaded the old file.
    Reloaded,
    /// The manager was not asked: the job runs as before.
    Untouched,
    /// The manager refused to reload it (with its error), and the job still runs.
    StillRuns(String),
    /// The manager refused to reload it (with its error), and the gateway does not run.
    Down(String),
    /// The manager refused to reload it (with its error) and does not report whether the job runs.
    Unclear(String),
}

/// Why a repair failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A file could not be written.
    Write(String),
    /// The manager refused the reload.
    Reload(String),
    /// No process after the reload.
    NotRunning,
    /// The process still has the flag.
    OldArguments,
    /// The link did not come back, with the caller's description.
    Link(String),
}

impl Failure {
    /// One of our phrases, or a text from elsewhere.
    pub fn phrase(&self) -> Result<Phrase, &str> {
        match self {
            Self::NotRunning => Ok(phrases::WHY_NOT_RUNNING),
            Self::OldArguments => Ok(phrases::WHY_OLD_ARGUMENTS),
            Self::Write(why) | Self::Reload(why) | Self::Link(why) => Err(why),
        }
    }
}

/// The link after the reload, as the caller observed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It works.
    Back,
    /// It does not work.
    Down(String),
    /// It does not work, for a reason outside of the job file.
    DownElsewhere(String),
    /// Not known: it was down before as well, or nothing was observed.
    Unknown,
}

/// How a repair ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Written, reloaded, and running.
    Verified,
    /// Written; there was nothing to reload.
    Written,
    /// It failed, and the old files are in place.
    Restored,
    /// It failed, and the content of an old file is in its backup only.
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

/// What a repair needs from its caller.
pub struct RepairContext<'a> {
    /// The job's manager, if this machine has it.
    pub supervisor: Option<&'a dyn Supervisor>,
    /// Waits between two queries, half a second for example.
    pub pause: &'a mut dyn FnMut(),
    /// Most queries until the job runs.
    pub attempts: u32,
    /// The language of causes.
    pub lang: Lang,
    /// The arguments of a live process, where the system reports them.
    pub arguments_of: &'a dyn Fn(u32) -> Option<Vec<String>>,
    /// Waits for the link of this job's process.
    pub link: &'a mut dyn FnMut(&JobFile, u32) -> Link,
    /// Receives each step once it is done.
    pub report: &'a mut dyn FnMut(Step),
}

/// Repairs one job. `changes` come from [`prepare`]; if there are none the job is only reloaded.
///
/// The changed file is marked until its repair is proven or reverted: a run that finds the mark of a killed one reloads the
/// job.
pub fn repair_job(job: &JobFile, changes: &[Change], context: &mut RepairContext<'_>) -> Outcome {
    if let Some(change) = changes.first()
        && let Err(error) = write::mark(&change.original.path)
    {
        (context.report)(Step::Failed(Failure::Write(WriteError::from(error).text(context.lang))));
        return Outcome::Restored;
    }
    let outcome = write_and_reload(job, changes, context);
    if !matches!(outcome, Outcome::Broken | Outcome::NotReloaded) {
        job.files().for_each(write::unmark);
    }
    outcome
}

fn write_and_reload(job: &JobFile, changes: &[Change], context: &mut RepairContext<'_>) -> Outcome {
    for (n, change) in changes.iter().enumerate() {
        match write::replace(&change.original, &change.plan.bytes, &mut || {}) {
            Ok(backup) => (context.report)(Step::Written { file: change.original.path.clone(), backup }),
            Err(error) => {
                (context.report)(Step::Failed(Failure::Write(error.text(context.lang))));
                return if n == 0 { Outcome::Restored } else { restore(job, &changes[..n], None, context) };
            }
        }
    }
    let missing = |context: &mut RepairContext<'_>, why: String| {
        (context.report)(Step::NotReloaded(why));
        Outcome::Written
    };
    let Some(supervisor) = context.supervisor else {
        return missing(context, job.manager.word().to_owned());
    };
    let before = match supervisor.query(job) {
        Err(error @ SupervisorError::Missing { .. }) => {
            let why = error.text(context.lang);
            return missing(context, why);
        }
        Ok(report) if report.state == JobState::Stopped => {
            (context.report)(Step::StaysStopped);
            return Outcome::Written;
        }
        answer => answer.ok().and_then(|report| report.pid),
    };
    match supervisor.reload(job) {
        Ok(()) => (context.report)(Step::Reloaded),
        Err(error @ SupervisorError::Missing { .. }) => {
            let why = error.text(context.lang);
            return missing(context, why);
        }
        Err(SupervisorError::Disabled { enable }) => {
            (context.report)(Step::StaysDisabled(enable));
            return Outcome::Written;
        }
        Err(error) => {
            let failure = Failure::Reload(error.text(context.lang));
            return fail(job, changes, failure, supervisor, context);
        }
    }
    let without_flag =
        changes.iter().any(|change| change.removes_flag) || repair::flags(&job.arguments).is_empty();
    match wait_for_process(job, supervisor, before, without_flag, context) {
        Ok(pid) => {
            (context.report)(Step::Runs { pid });
            match (context.link)(job, pid) {
                Link::Back => (context.report)(Step::Linked),
                Link::Unknown => (context.report)(Step::LinkUnknown),
                Link::DownElsewhere(why) => (context.report)(Step::DownElsewhere(why)),
                Link::Down(why) => return fail(job, changes, Failure::Link(why), supervisor, context),
            }
            Outcome::Verified
        }
        Err(failure) => fail(job, changes, failure, supervisor, context),
    }
}

/// Queries until the job has the same new process twice in a row; with `without_flag`, one without `--replace`.
fn wait_for_process(
    job: &JobFile,
    supervisor: &dyn Supervisor,
    before: Option<u32>,
    without_flag: bool,
    context: &mut RepairContext<'_>,
) -> Result<u32, Failure> {
    let mut last = None;
    let mut failure = Failure::NotRunning;
    for _ in 0..context.attempts {
        let report = supervisor.query(job).ok();
        let pid = report.filter(|report| report.state == JobState::Running).and_then(|report| report.pid);
        match pid {
            Some(pid) if last == Some(pid) => {
                let has_flag = |arguments: Vec<String>| !repair::flags(&arguments).is_empty();
                let has_old_flag = without_flag && (context.arguments_of)(pid).is_some_and(has_flag);
                if !has_old_flag {
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
        (context.pause)();
    }
    Err(failure)
}

fn fail(
    job: &JobFile,
    changes: &[Change],
    failure: Failure,
    supervisor: &dyn Supervisor,
    context: &mut RepairContext<'_>,
) -> Outcome {
    (context.report)(Step::Failed(failure));
    if changes.is_empty() {
        return Outcome::NotReloaded;
    }
    restore(job, changes, Some(supervisor), context)
}

fn restore(
    job: &JobFile,
    changes: &[Change],
    supervisor: Option<&dyn Supervisor>,
    context: &mut RepairContext<'_>,
) -> Outcome {
    let mut outcome = Outcome::Restored;
    for change in changes {
        if let Err(error) = write::restore(&change.original, &change.plan.bytes) {
            (context.report)(Step::NotRestored {
                backup: change.original.backup(),
                why: error.text(context.lang),
            });
            outcome = Outcome::Broken;
        }
    }
    if outcome == Outcome::Restored {
        let after = match supervisor.map(|supervisor| (supervisor, supervisor.reload(job))) {
            None => After::Untouched,
            Some((_, Ok(()))) => After::Reloaded,
            Some((supervisor, Err(error))) => {
                let why = error.text(context.lang);
                match supervisor.query(job) {
                    Ok(report) if report.pid.is_none() => After::Down(why),
                    Ok(_) => After::StillRuns(why),
                    Err(_) => After::Unclear(why),
                }
            }
        };
        (context.report)(Step::Restored(after));
    }
    outcome
}
