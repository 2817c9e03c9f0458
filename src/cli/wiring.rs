//! Gives the larger commands what they work with: managers, watcher, ledger, history.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::engine::{Engine, runtime};
use super::{Terminal, doctor, history, report, restart};
use crate::doctor::ProcessFacts;
use crate::doctor::flow::Link;
use crate::evidence::{process, redact};
use crate::health::{Deadlines, Light, Manager};
use crate::postmortem;
use crate::profile::{JobFile, Profile};
use crate::snapshot::ProfileChange;
use crate::supervisor::ledger::Ledger;
use crate::supervisor::{Supervisor, Supervisors};

/// How long the link may take to come back after a reload: a start and one more attempt.
const LINK_LIMIT: Duration = Duration::from_secs(120);

/// When a process was started, to tell it from another of the same PID.
pub fn start_of(pid: u32) -> Option<u64> {
    process::look(pid).filter(|info| info.state != crate::health::ProcessState::Zombie).map(|info| info.start)
}

/// The file of past restarts.
pub fn ledger_file(engine: &Engine) -> PathBuf {
    engine.folders.data.join("restarts.json")
}

/// The history.
pub fn history_file(engine: &Engine) -> PathBuf {
    engine.folders.data.join("history.sqlite")
}

/// `gatelight restart`.
pub fn run_restart(args: restart::Args, engine: &Engine, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    runtime()?.block_on(async {
        let handle = engine.watch(Vec::new(), None)?;
        let deps = restart::Deps {
            snapshots: handle.snapshots.clone(),
            supervisors: Supervisors::from_environment(),
            ledger: Ledger::at(ledger_file(engine)),
            start_of,
            deadlines: engine.config.deadlines.clone(),
            limits: None,
            lang: engine.lang,
        };
        restart::run(args, deps, terminal.out, &mut restart::ask_on_terminal).await
    })
}

/// `gatelight doctor`.
pub fn run_doctor(args: &doctor::Args, engine: &Engine, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    let supervisors = Supervisors::from_environment();
    let (launchd, systemd) = (supervisors.get(Manager::Launchd), supervisors.get(Manager::Systemd));
    let supervisor = |manager| -> Option<&dyn Supervisor> {
        match manager {
            Manager::Launchd => launchd.as_deref(),
            Manager::Systemd => systemd.as_deref(),
            Manager::Embedded => None,
        }
    };
    let mut link = |job: &JobFile, pid: u32| link_of(engine, job, pid);
    let mut context = doctor::Context {
        places: &engine.places,
        supervisor: &supervisor,
        process: &facts,
        arguments_of: &|pid| process::look(pid).map(|info| info.command),
        link: &mut link,
        pause: &mut || std::thread::sleep(Duration::from_millis(500)),
        confirm: &mut restart::ask_on_terminal,
        redact: &redact::redact,
        lang: engine.lang,
        color: terminal.color,
    };
    doctor::run(args, &mut context, terminal.out)
}

/// Waits until the job's link is proven by this process (or the one below it).
fn link_of(engine: &Engine, job: &JobFile, pid: u32) -> Link {
    let Ok(runtime) = runtime() else { return Link::Unknown };
    runtime.block_on(async {
        let Ok(handle) = engine.watch(Vec::new(), None) else { return Link::Unknown };
        let mut snapshots = handle.snapshots.clone();
        let of_job = |profile: &Profile| profile.job.as_ref().is_some_and(|other| other.path == job.path);
        let proven = snapshots.wait_for(|snapshot| {
            snapshot.profiles.iter().filter(|view| of_job(&view.profile)).any(|view| {
                let below = view.verdict.pid.is_some_and(|live| live == pid || process::descendants(pid).contains(&live));
                below && crate::health::proves_work(view.verdict.reason)
            })
        });
        if matches!(tokio::time::timeout(LINK_LIMIT, proven).await, Ok(Ok(_))) {
            return Link::Back;
        }
        let snapshot = Arc::clone(&handle.snapshots.borrow());
        let view = snapshot.profiles.iter().find(|view| of_job(&view.profile));
        match view.map(|view| &view.verdict) {
            Some(verdict) if verdict.light() == Light::Red => {
                let line = verdict.evidence.as_ref().map(|proof| proof.line.clone()).unwrap_or_default();
                Link::Down(format!("{}: {line}", engine.lang.pick(verdict.reason.entry().title)))
            }
            _ => Link::Unknown,
        }
    })
}

/// `gatelight history`.
pub fn run_history(args: &history::Args, engine: &Engine, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    let file = history_file(engine);
    history::run(args, &mut story(&file, engine, terminal))
}

/// `gatelight report`.
pub fn run_report(args: &report::Args, engine: &Engine, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    let file = history_file(engine);
    let patterns = engine.patterns()?;
    let replay = |paths: &[PathBuf]| {
        let zone = jiff::tz::TimeZone::system();
        let told = postmortem::read(paths, &patterns, &Deadlines::default(), &zone)?;
        let profile = Arc::new(Profile {
            name: told.profile.clone(),
            home: paths.first().and_then(|p| p.parent()).unwrap_or(Path::new("/")).to_path_buf(),
            job: None,
            logs: paths.to_vec(),
        });
        let changes = told.changes.into_iter();
        let changes = changes.map(|change| ProfileChange { profile: Arc::clone(&profile), change, history: true });
        Ok((changes.collect(), told.end))
    };
    report::run(args, &mut story(&file, engine, terminal), &replay)
}

fn story<'a>(file: &'a Path, engine: &Engine, terminal: &'a mut Terminal<'_>) -> history::Deps<'a> {
    history::Deps {
        history: file,
        lang: engine.lang,
        now: Timestamp::now(),
        zone: jiff::tz::TimeZone::system(),
        out: terminal.out,
    }
}

/// Everything that the doctor finds now.
pub fn examine(engine: &Engine) -> Vec<crate::doctor::Finding> {
    let supervisors = Supervisors::from_environment();
    let (launchd, systemd) = (supervisors.get(Manager::Launchd), supervisors.get(Manager::Systemd));
    let supervisor = |manager| -> Option<&dyn Supervisor> {
        match manager {
            Manager::Launchd => launchd.as_deref(),
            Manager::Systemd => systemd.as_deref(),
            Manager::Embedded => None,
        }
    };
    let found = crate::profile::scan(&engine.places);
    let live = crate::doctor::LiveFacts::ask(&found, &supervisor, &facts);
    crate::doctor::examine(&found, &engine.places, &live)
}

/// What the doctor wants to know of a process.
fn facts(pid: u32) -> Option<ProcessFacts> {
    let info = process::look(pid).filter(|info| info.state != crate::health::ProcessState::Zombie)?;
    Some(ProcessFacts { start: Some(info.start), parent: Some(info.parent) })
}

/// Writes the timeline of the last week and opens it.
pub fn open_timeline(engine: &Engine) -> anyhow::Result<()> {
    let args = report::Args::for_menu(engine.folders.data.join("timeline.html"));
    let mut sink = std::io::sink();
    let mut terminal = Terminal { out: &mut sink, lang: engine.lang, color: false };
    run_report(&args, engine, &mut terminal).map(|_| ())
}
