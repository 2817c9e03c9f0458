//! The texts of the steps and results of a repair.

use std::path::Path;

use super::fix::{JobRepair, RepairResult};
use super::flow::{After, Failure, PrepareError, Step};
use crate::profile::JobFile;
use crate::text::{Lang, doctor as phrases, fill};

/// One step. `profile`: its name.
pub fn step(step: &Step, profile: &str, job: &JobFile, lang: Lang) -> String {
    let label = ("label", job.label.as_str());
    let profile = ("profile", profile);
    match step {
        Step::Written { file, backup } => {
            let backup = backup.file_name().unwrap_or_default().to_string_lossy();
            fill(lang.pick(phrases::WRITTEN), &[("file", &file.to_string_lossy()), ("backup", &backup)])
        }
        Step::NotReloaded(why) => fill(lang.pick(phrases::NOT_RELOADED), &[label, ("why", why)]),
        Step::StaysStopped => fill(lang.pick(phrases::STOPPED), &[label]),
        Step::StaysDisabled(enable) => fill(lang.pick(phrases::DISABLED), &[label, ("enable", enable)]),
        Step::Reloaded => fill(lang.pick(phrases::RELOADED), &[label]),
        Step::Runs { pid } => fill(lang.pick(phrases::RUNS), &[label, ("pid", &pid.to_string())]),
        Step::Linked => fill(lang.pick(phrases::LINKED), &[label]),
        Step::DownElsewhere(why) => fill(lang.pick(phrases::DOWN_ELSEWHERE), &[label, ("why", why)]),
        Step::LinkUnknown => fill(lang.pick(phrases::LINK_UNKNOWN), &[label]),
        Step::Failed(Failure::Write(why)) => {
            let folder = job.path.parent().unwrap_or(Path::new("/")).display().to_string();
            fill(lang.pick(phrases::NOT_WRITTEN), &[label, ("folder", &folder), ("why", why)])
        }
        Step::Failed(failure) => fill(lang.pick(phrases::FAILED), &[label, ("why", cause(failure, lang))]),
        Step::Restored(After::Reloaded) => fill(lang.pick(phrases::RESTORED_RELOADED), &[label]),
        Step::Restored(After::Untouched) => fill(lang.pick(phrases::RESTORED), &[label]),
        Step::Restored(After::StillRuns(why)) => {
            fill(lang.pick(phrases::RESTORED_RUNS), &[label, profile, ("why", why)])
        }
        Step::Restored(After::Down(why)) => {
            fill(lang.pick(phrases::RESTORED_DOWN), &[label, profile, ("why", why)])
        }
        Step::Restored(After::Unclear(why)) => {
            fill(lang.pick(phrases::RESTORED_UNCLEAR), &[label, profile, ("why", why)])
        }
        Step::NotRestored { backup, why } => {
            let backup = backup.to_string_lossy();
            fill(lang.pick(phrases::NOT_RESTORED), &[label, ("why", why), ("backup", &backup)])
        }
    }
}

fn cause(failure: &Failure, lang: Lang) -> &str {
    failure.phrase().map_or_else(|own| own, |phrase| lang.pick(phrase))
}

/// The texts after the steps, one a line: why nothing was done, or what would be.
pub fn ending(repair: &JobRepair, lang: Lang) -> Vec<String> {
    match &repair.result {
        RepairResult::Refused(error) => vec![refused(error, lang)],
        RepairResult::DryRun => {
            let reload = fill(lang.pick(phrases::WOULD_RELOAD), &[("label", &repair.job.label)]);
            let reload = repair.changes.is_empty().then_some(reload);
            reload.into_iter().chain([lang.pick(phrases::WOULD).to_owned()]).collect()
        }
        RepairResult::Declined | RepairResult::Done(_) => Vec::new(),
    }
}

fn refused(error: &PrepareError, lang: Lang) -> String {
    let phrase = match error {
        PrepareError::File { .. } => phrases::CANNOT_READ,
        PrepareError::Refused { .. } => phrases::BY_HAND,
    };
    let by_hand = fill(lang.pick(phrase), &[("why", &error.why(lang))]);
    format!("{}: {by_hand}", error.file().display())
}

/// All texts of one repair, one a line.
pub fn lines(repair: &JobRepair, lang: Lang) -> Vec<String> {
    let steps = repair.steps.iter().map(|done| step(done, &repair.profile, &repair.job, lang));
    steps.chain(ending(repair, lang)).collect()
}
