//! `gatelight demo`: two simulated gateways as real processes, watched through the path used for real ones.
//!
//! One loses its link and reconnects by itself; the other's executor dies, and it is restarted. Everything is made
//! in a temporary folder and gone afterwards.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::supervisor::Embedded;
use crate::app::engine::{Interrupts, runtime};
use crate::cli::{OK, RED, watch};
use crate::evidence::patterns::Patterns;
use crate::evidence::process;
use crate::health::{Deadlines, Light, Manager, Reason};
use crate::profile::{JobFile, Places, Profile};
use crate::snapshot::{RestartOutcome, RestartStep, RestartView, Snapshot};
use crate::supervisor::restart::{Request, restart};
use crate::supervisor::{Supervisor, Supervisors};
use crate::terminal::{Terminal, style};
use crate::text::error::OrSay;
use crate::text::{self, Lang, demo as words, fill, trouble};
use crate::watcher::{self, Command, Handle, LOOK, Setup, Updates};

/// How long a hollow gateway is shown before it is restarted.
const HOLLOW_FOR: Duration = Duration::from_secs(12);

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long, in seconds.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 40, value_parser = clap::value_parser!(u64).range(5..=3600))]
    pub seconds: u64,
}

/// Runs the demo.
pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    let supervisor = Arc::new(Embedded::default());
    let runtime = runtime()?;
    // Signals are caught before there is anything to leave behind, and end it in the middle of a restart, too.
    let stop = runtime.block_on(async { Interrupts::catch(true) });
    let folder =
        tempfile::Builder::new().prefix("gatelight-demo-").tempdir().or_say(trouble::NO_TEMPORARY)?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = play(args, terminal, folder.path(), &supervisor) => result,
            () = stop.wait() => Ok(OK),
        }
    });
    // What the runtime still does is finished: nothing is started after this.
    drop(runtime);
    // The processes first: they would write into the folder that goes.
    supervisor.stop_all();
    folder.close().or_say(trouble::NOT_REMOVED)?;
    let lang = terminal.lang;
    if result.is_ok() {
        writeln!(terminal.out, "{}", style::dim(lang.pick(words::CLEANED), terminal.color))?;
    }
    result
}

async fn play(
    args: &Args,
    terminal: &mut Terminal<'_>,
    folder: &Path,
    supervisor: &Arc<Embedded>,
) -> anyhow::Result<u8> {
    let lang = terminal.lang;
    let end = Instant::now() + Duration::from_secs(args.seconds);
    writeln!(terminal.out, "{}", lang.pick(words::INTRO))?;
    let profiles = [profile(folder, "default", "reconnects")?, profile(folder, "work", "hollow")?];
    for profile in &profiles {
        if let Some(job) = &profile.job {
            supervisor.start(job)?;
        }
    }
    let mut handle = start_watcher(folder, &profiles, supervisor)?;
    let mut updates = handle.subscribe();
    let begun = jiff::Timestamp::now();
    let mut hollow_since: Option<Instant> = None;
    let mut restarted: Option<RestartOutcome> = None;
    let mut told = watch::Told::default();
    loop {
        let restart_at = hollow_since.filter(|_| restarted.is_none()).map(|since| since + HOLLOW_FOR);
        tokio::select! {
            update = updates.next() => {
                let Some(update) = update else { break };
                for change in &update.changes {
                    if told.is_news(change) {
                        watch::line(change, begun, false, terminal)?;
                    }
                    if change.change.to.reason == Reason::ExecutorShutdown && hollow_since.is_none() {
                        hollow_since = Some(Instant::now());
                        explain(terminal)?;
                    }
                }
            },
            () = at(restart_at), if restart_at.is_some() => {
                restarted = Some(mend(&profiles[1], supervisor, &mut handle, &mut updates, begun, &mut told, terminal).await?);
            }
            () = at(Some(end)) => break,
        }
    }
    let snapshot = Arc::clone(&handle.snapshots.borrow());
    let _ = handle.commands.send(Command::Quit).await;
    sum_up(&snapshot, restarted.as_ref(), terminal)
}

/// Before each step of the restart.
const fn bullet(terminal: &Terminal<'_>) -> &'static str {
    if terminal.symbols { "▸" } else { "-" }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

fn explain(terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let (lang, entry) = (terminal.lang, Reason::ExecutorShutdown.entry());
    writeln!(terminal.out, "          {}", lang.pick(entry.meaning))?;
    let lies = fill(lang.pick(words::STATE_FILE_LIES), &[("advice", lang.pick(entry.advice))]);
    writeln!(terminal.out, "          {lies}")
}

/// Restarts the hollow one as `gatelight restart` does: verified, each step shown.
async fn mend(
    profile: &Profile,
    supervisor: &Arc<Embedded>,
    handle: &mut Handle,
    updates: &mut Updates,
    begun: jiff::Timestamp,
    told: &mut watch::Told,
    terminal: &mut Terminal<'_>,
) -> anyhow::Result<RestartOutcome> {
    let lang = terminal.lang;
    let start_of = |pid| process::look(pid).map(|info| info.start);
    let request = Request::new(
        Arc::new(profile.clone()),
        jiff::Timestamp::now(),
        &Deadlines::default(),
        start_of,
        lang,
    )
    .context("the demo's profile has no job")?;
    let (sender, mut steps) = tokio::sync::mpsc::unbounded_channel::<RestartView>();
    let manager: Arc<dyn Supervisor> = Arc::clone(supervisor) as Arc<dyn Supervisor>;
    let snapshots = handle.snapshots.clone();
    let task = tokio::spawn(restart(request, manager, snapshots, move |view| {
        let _ = sender.send(view);
    }));
    loop {
        tokio::select! {
            biased;
            Some(update) = updates.next() => for change in update.changes.iter().filter(|change| told.is_news(change)) {
                watch::line(change, begun, false, terminal)?;
            },
            step = steps.recv() => match step {
                Some(view) if view.outcome.is_none() => {
                    let text = lang.pick(step_words(view.step));
                    writeln!(terminal.out, "          {} {text}", bullet(terminal))?;
                    let _ = handle.commands.send(Command::QueryJob(profile.name.clone())).await;
                }
                Some(_) => {}
                None => break,
            },
        }
    }
    let outcome = task.await.or_say(trouble::RESTART_BROKE_OFF)?;
    writeln!(terminal.out, "          {} {}", bullet(terminal), outcome_words(&outcome, lang))?;
    Ok(outcome)
}

fn step_words(step: RestartStep) -> text::Phrase {
    match step {
        RestartStep::EndingOld => words::STEP_OLD,
        RestartStep::StartingNew => words::STEP_NEW,
        RestartStep::ProvingLink => words::STEP_LINK,
    }
}

fn outcome_words(outcome: &RestartOutcome, lang: Lang) -> String {
    match outcome {
        RestartOutcome::Worked { took, pid, .. } => {
            let took = format!("{:.1}", took.as_secs_f64());
            fill(lang.pick(words::WORKED), &[("pid", &pid.to_string()), ("took", &took)])
        }
        RestartOutcome::Failed { why, .. } | RestartOutcome::CannotTell { why, .. } => why.clone(),
    }
}

fn sum_up(
    snapshot: &Snapshot,
    restarted: Option<&RestartOutcome>,
    terminal: &mut Terminal<'_>,
) -> anyhow::Result<u8> {
    let green = snapshot.profiles.iter().filter(|view| view.verdict.light() == Light::Green).count();
    let values = [("green", green.to_string()), ("all", snapshot.profiles.len().to_string())];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    writeln!(terminal.out, "{}", fill(terminal.lang.pick(words::SUM), &values))?;
    let worked = matches!(restarted, None | Some(RestartOutcome::Worked { .. }));
    Ok(if worked { OK } else { RED })
}

fn profile(folder: &Path, name: &str, script: &str) -> anyhow::Result<Profile> {
    let home = folder.join(name);
    std::fs::create_dir_all(home.join("logs")).or_say(trouble::NOT_WRITTEN)?;
    let program = std::env::current_exe().or_say(trouble::NO_PROGRAM)?;
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

fn start_watcher(folder: &Path, profiles: &[Profile], supervisor: &Arc<Embedded>) -> anyhow::Result<Handle> {
    let mut supervisors = Supervisors::default();
    supervisors.add(Arc::clone(supervisor) as Arc<dyn Supervisor>);
    Ok(watcher::spawn(Setup {
        places: Places::below(folder),
        given: profiles.to_vec(),
        only: Vec::new(),
        deadlines: Deadlines::default(),
        patterns: Arc::new(Patterns::new(&[])?),
        supervisors,
        zone: jiff::tz::TimeZone::system(),
        look: LOOK,
        observer: None,
    })?)
}
