//! Two simulated gateways as real processes, watched like real ones.
//!
//! One loses its link and reconnects by itself; the other's executor dies, and it is restarted. Everything is in a
//! temporary folder that is removed at the end.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::supervisor::Embedded;
use crate::evidence::clock;
use crate::evidence::patterns::Patterns;
use crate::health::{Deadlines, Manager, Reason};
use crate::profile::{JobFile, Places, Profile};
use crate::restart::start_of;
use crate::restart::{Request, restart};
use crate::restart::{RestartOutcome, RestartStep, RestartView};
use crate::runtime::{Interrupts, runtime};
use crate::supervisor::{Supervisor, Supervisors};
use crate::text::error::{self, Context as _};
use crate::text::trouble;
use crate::watcher::snapshot::{ProfileChange, Snapshot};
use crate::watcher::{self, Command, Handle, Settings, Setup, Updates};

/// How long the gateway with the dead executor is shown before it is restarted.
pub(crate) const HOLLOW_FOR: Duration = Duration::from_secs(12);
/// How long the whole demo takes, approximately.
pub(crate) const FULL_LENGTH: Duration = Duration::from_secs(25);
/// How long the end is shown.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// What happens in the demo, in order.
pub(crate) enum Event<'a> {
    /// The gateways are started.
    Started,
    /// A light or a reason changed.
    Change(&'a ProfileChange),
    /// The executor of this profile's gateway died: it looks connected and cannot answer.
    Hollow(&'a str),
    /// The restart of this profile's gateway reached this step.
    Restarting(&'a str, RestartStep),
    /// That restart ended.
    Restarted(&'a str, &'a RestartOutcome),
    /// The demo is over, or (`whole` is false) its time.
    Ended {
        /// What is shown last.
        snapshot: &'a Snapshot,
        /// Whether everything was shown.
        whole: bool,
    },
    /// Everything was removed.
    CleanedUp,
}

/// Receives the events.
pub(crate) type Show<'a> = &'a mut dyn FnMut(Event<'_>) -> error::Result<()>;

/// Runs the demo to its end, but no longer than `length`, or until a signal. `false` if the restart failed.
pub(crate) fn run(length: Duration, show: Show<'_>) -> error::Result<bool> {
    let supervisor = Arc::new(Embedded::default());
    let runtime = runtime()?;
    // before there is anything to clean up; signals interrupt even a restart
    let stop = runtime.block_on(async { Interrupts::catch(true) });
    let folder =
        tempfile::Builder::new().prefix("gatelight-demo-").tempdir().context(trouble::NO_TEMPORARY)?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = play(length, show, folder.path(), &supervisor) => result,
            () = stop.wait() => Ok(true),
        }
    });
    // waits for blocking tasks: no process is started after this
    drop(runtime);
    // before the folder is removed, which the processes write to
    supervisor.stop_all();
    folder.close().context(trouble::NOT_REMOVED)?;
    if result.is_ok() {
        show(Event::CleanedUp)?;
    }
    result
}

async fn play(
    length: Duration,
    show: Show<'_>,
    folder: &Path,
    supervisor: &Arc<Embedded>,
) -> error::Result<bool> {
    let mut end = Instant::now() + length;
    show(Event::Started)?;
    let profiles = [profile(folder, "default", "reconnects")?, profile(folder, "work", "hollow")?];
    for profile in &profiles {
        if let Some(job) = &profile.job {
            supervisor.start(job)?;
        }
    }
    let handle = start_watcher(folder, &profiles, supervisor)?;
    let mut updates = handle.subscribe();
    let mut hollow_since: Option<Instant> = None;
    let mut worked = None;
    let mut whole = false;
    loop {
        let restart_at = hollow_since.filter(|_| worked.is_none()).map(|since| since + HOLLOW_FOR);
        tokio::select! {
            update = updates.next() => {
                let Some(update) = update else { break };
                for change in &update.changes {
                    show(Event::Change(change))?;
                    if change.change.to.reason == Reason::ExecutorShutdown && hollow_since.is_none() {
                        hollow_since = Some(Instant::now());
                        show(Event::Hollow(&change.profile.name))?;
                    }
                }
            },
            () = at(restart_at), if restart_at.is_some() => {
                worked = Some(restart_hollow(&profiles[1], supervisor, &handle, &mut updates, show).await?);
            }
            () = at(Some(end)) => break,
        }
        let lights = handle.snapshots.borrow().profiles.iter().all(|view| view.verdict.reason.works());
        if !whole && worked.is_some_and(|worked| !worked || lights) {
            whole = true;
            end = end.min(Instant::now() + AFTERWARDS);
        }
    }
    let snapshot = Arc::clone(&handle.snapshots.borrow());
    let _ = handle.commands.send(Command::Quit).await;
    show(Event::Ended { snapshot: &snapshot, whole })?;
    Ok(worked.unwrap_or(true))
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

/// Restarts the hollow gateway as `gatelight restart` does, with the same proofs. Returns whether it worked.
async fn restart_hollow(
    profile: &Profile,
    supervisor: &Arc<Embedded>,
    handle: &Handle,
    updates: &mut Updates,
    show: Show<'_>,
) -> error::Result<bool> {
    let now = jiff::Timestamp::now();
    let request = Request::new(Arc::new(profile.clone()), now, &Deadlines::default(), start_of)
        .ok_or_else(|| std::io::Error::other("the demo's profile has no job"))?;
    let (sender, mut steps) = tokio::sync::mpsc::unbounded_channel::<RestartView>();
    let manager: Arc<dyn Supervisor> = Arc::clone(supervisor) as Arc<dyn Supervisor>;
    let snapshots = handle.snapshots.clone();
    let task = tokio::spawn(restart(request, manager, snapshots, move |view| {
        let _ = sender.send(view);
    }));
    loop {
        tokio::select! {
            biased;
            Some(update) = updates.next() => for change in &update.changes {
                show(Event::Change(change))?;
            },
            step = steps.recv() => match step {
                Some(view) if view.is_under_way() => {
                    show(Event::Restarting(&profile.name, view.step))?;
                    let _ = handle.commands.send(Command::QueryJob(profile.name.clone())).await;
                }
                Some(_) => {}
                None => break,
            },
        }
    }
    let outcome = task.await.context(trouble::RESTART_BROKE_OFF)?;
    show(Event::Restarted(&profile.name, &outcome))?;
    Ok(matches!(outcome, RestartOutcome::Worked { .. }))
}

fn profile(folder: &Path, name: &str, script: &str) -> error::Result<Profile> {
    let home = folder.join(name);
    std::fs::create_dir_all(home.join("logs")).context(trouble::NOT_WRITTEN)?;
    let program = std::env::current_exe().context(trouble::NO_PROGRAM)?;
    let words = ["simulate", "--home", &home.to_string_lossy(), "--script", script, "--then", "clean"];
    let mut arguments = vec![program.to_string_lossy().into_owned()];
    arguments.extend(words.iter().map(|word| (*word).to_owned()));
    let logs = ["agent.log", "errors.log", "gateway.log", "gateway.error.log"];
    Ok(Profile {
        name: name.to_owned(),
        job: Some(JobFile {
            gateway_words: arguments.clone(),
            arguments,
            throttle_s: Some(0),
            exit_timeout_s: Some(3),
            ..JobFile::named(Manager::Embedded, home.join("demo.job"), format!("demo.gateway-{name}"))
        }),
        logs: logs.iter().map(|log| home.join("logs").join(log)).collect(),
        home,
    })
}

fn start_watcher(folder: &Path, profiles: &[Profile], supervisor: &Arc<Embedded>) -> error::Result<Handle> {
    let mut supervisors = Supervisors::default();
    supervisors.add(Arc::clone(supervisor) as Arc<dyn Supervisor>);
    Ok(watcher::spawn(Setup {
        places: Places::below(folder),
        given: profiles.to_vec(),
        only: Vec::new(),
        settings: Settings::new(Arc::new(Patterns::new(&[])?)),
        supervisors,
        zone: clock::time_zone(),
        observers: watcher::Observers::new(),
        asked_restarts: Box::new(|_| Vec::new()),
    })?)
}
