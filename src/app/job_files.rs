//! The doctor on this machine: its findings, and the repair that the menu offers.

use std::time::Duration;

use super::engine::Engine;
use crate::doctor::fix::{self, Fixed, JobRepair, Machine, Mode, Review};
use crate::doctor::flow::{Change, Link, Step};
use crate::doctor::{Finding, process_facts, render};
use crate::evidence::process;
use crate::health::{Light, Reason};
use crate::profile::{JobFile, Profile};
use crate::runtime::runtime;
use crate::supervisor::Supervisors;
use crate::text::{self, Lang, doctor as phrases};

/// How long the link may take to come back after a reload: a start and one retry.
const LINK_LIMIT: Duration = Duration::from_secs(120);
/// Pause between two checks of a reloaded job.
const PAUSE: Duration = Duration::from_millis(500);

/// Calls `work` with this machine's managers, processes and links.
pub(crate) fn on_this_machine<T>(engine: &Engine, work: impl FnOnce(&Machine<'_>) -> T) -> T {
    let supervisors = Supervisors::from_environment();
    work(&Machine {
        places: &engine.places,
        supervisor: &|manager| supervisors.of(manager),
        process: &process_facts,
        arguments_of: &|pid| process::look(pid).map(|info| info.command),
        link: &|job, pid| link_of(engine, job, pid),
        pause: &|| std::thread::sleep(PAUSE),
        lang: engine.lang,
    })
}

/// All findings of the doctor.
pub(crate) fn findings(engine: &Engine) -> Vec<Finding> {
    on_this_machine(engine, |machine| machine.findings(&machine.scan(), &[]))
}

/// Repairs one profile's job file without asking.
pub(crate) fn repair(engine: &Engine, profile: &str) -> Fixed {
    on_this_machine(engine, |machine| {
        fix::fix(&machine.scan(), &[profile.to_owned()], Mode::All, machine, &mut Unattended)
    })
}

/// The outcome of a repair, in one sentence.
pub(crate) fn conclusion(fixed: &Fixed, lang: Lang) -> String {
    let last = fixed.repairs.last().and_then(|repair| render::lines(repair, lang).pop());
    last.unwrap_or_else(|| lang.pick(phrases::NOTHING_TO_REPAIR).to_owned())
}

/// Approves everything: the user asked for this repair.
struct Unattended;

impl Review for Unattended {
    fn approve(&mut self, _: &JobFile, _: &[Change]) -> bool {
        true
    }

    fn step(&mut self, _: &Profile, _: &JobFile, _: &Step) {}

    fn done(&mut self, _: &JobRepair) {}
}

/// Waits until this process or one below it proves the job's link, or the link is down for a reason that no job file
/// can cause.
fn link_of(engine: &Engine, job: &JobFile, pid: u32) -> Link {
    let Ok(runtime) = runtime() else { return Link::Unknown };
    runtime.block_on(async {
        let Ok(handle) = engine.watch(Vec::new()) else { return Link::Unknown };
        let mut snapshots = handle.snapshots.clone();
        let of_job = |profile: &Profile| {
            profile.job.as_ref().is_some_and(|other| other.path == job.path && other.label == job.label)
        };
        let decided = snapshots.wait_for(|snapshot| {
            snapshot.profiles.iter().filter(|view| of_job(&view.profile)).any(|view| {
                let verdict = &view.verdict;
                let is_ours = |live| live == pid || process::descendants(pid).contains(&live);
                verdict.pid.is_some_and(is_ours) && (verdict.reason.works() || is_elsewhere(verdict.reason))
            })
        });
        // after the limit, the last snapshot decides
        let _ = tokio::time::timeout(LINK_LIMIT, decided).await;
        let snapshot = std::sync::Arc::clone(&handle.snapshots.borrow());
        let Some(view) = snapshot.profiles.iter().find(|view| of_job(&view.profile)) else {
            return Link::Unknown;
        };
        let verdict = &view.verdict;
        let title = text::reason::title_of(verdict, engine.lang);
        let why = match &verdict.evidence {
            Some(proof) => text::labelled(engine.lang, &title, &text::proof::line(engine.lang, proof)),
            None => title,
        };
        match verdict.reason {
            reason if reason.works() => Link::Back,
            reason if is_elsewhere(reason) => Link::DownElsewhere(why),
            reason if reason.light() == Light::Red => Link::Down(why),
            _ => Link::Unknown,
        }
    })
}

/// Reasons of a red light that are caused by the network or by Feishu: the old job file would not help.
const fn is_elsewhere(reason: Reason) -> bool {
    matches!(reason, Reason::NetworkUnreachable | Reason::AuthRejected | Reason::ConnectionLimit)
}
