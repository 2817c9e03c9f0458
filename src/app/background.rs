//! The agent's loop: the watcher's updates, history, the settings file, restarts, the doctor, the user's hook.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::actions::{Actions, Done};
use super::coverage::{ClockReading, Coverage, Observed};
use super::engine::Engine;
use super::hook::{Hook, hook};
use super::messages::{Answer, EngineEvent, EngineRequest};
use super::offline::offline;
use crate::config::Config;
use crate::evidence::patterns::Patterns;
use crate::evidence::watch::Watch;
use crate::health::{Change, Light, Verdict};
use crate::history::store::{Store, StoreError};
use crate::log;
use crate::profile::Profile;
use crate::restart::{RestartView, Restarts, policy};
use crate::runtime::{Interrupts, runtime};
use crate::text::error;
use crate::text::trouble::HOOK_BEHIND;
use crate::text::{Both, Lang, Worded as _};
use crate::watcher::snapshot::{ProfileChange, Snapshot};
use crate::watcher::{Command, Handle, Update, Updates};
use crate::worker::{self, Backoff};

/// How often coverage is written to the history.
const COVERAGE_INTERVAL: Duration = Duration::from_secs(60);

/// How often the network is checked while it is gone.
const OFFLINE_INTERVAL: Duration = Duration::from_secs(10);

/// The engine of the agent.
pub(crate) struct Background {
    runtime: tokio::runtime::Runtime,
    stop: Interrupts,
    engine: Engine,
    events: mpsc::Sender<EngineEvent>,
    requests: mpsc::UnboundedReceiver<EngineRequest>,
    no_panel: watch::Receiver<bool>,
    stand_in: StandIn,
}

/// Shows the lights while no panel shows the icon.
pub(crate) trait ShowLights {
    /// Shows what changed since the last call.
    fn show(&mut self, snapshot: &Snapshot, lang: Lang);
    /// The icon shows the lights, or they are not known yet.
    fn hide(&mut self);
}

/// What shows the lights instead of the icon.
pub(crate) type StandIn = Box<dyn ShowLights + Send>;

impl Background {
    /// Prepared, not yet running. `no_panel`: nothing shows the icon, `stand_in` does. From now on Ctrl-C and SIGTERM end
    /// the engine in order.
    pub(crate) fn new(
        engine: &Engine,
        events: mpsc::Sender<EngineEvent>,
        requests: mpsc::UnboundedReceiver<EngineRequest>,
        no_panel: watch::Receiver<bool>,
        stand_in: StandIn,
    ) -> error::Result<Self> {
        // a mistake in the user's patterns ends the program before anything is shown
        engine.patterns()?;
        let runtime = runtime()?;
        let stop = {
            let _inside = runtime.enter();
            Interrupts::catch(false)
        };
        Ok(Self { runtime, stop, engine: engine.clone(), events, requests, no_panel, stand_in })
    }

    /// Runs until it is asked to quit. `ready` is called once the watcher runs.
    pub(crate) fn run(self, ready: impl FnOnce()) -> error::Result<()> {
        self.runtime.block_on(async {
            let handle = self.engine.watch(Vec::new(), None)?;
            let updates = handle.subscribe();
            report_panics(&self.engine, &self.events);
            ready();
            let (done_sender, done) = mpsc::channel(64);
            let actions = Actions::new(&self.engine, &handle, done_sender);
            let (history, trouble) = open_history(&self.engine);
            let mut state = State {
                history,
                coverage: Coverage::from_now(),
                incomplete: false,
                known: BTreeMap::new(),
                restarts: Restarts::new(),
                unsent: None,
                hook: start_hook(&self.engine.config, self.engine.lang),
                offline: false,
                job_files: BTreeSet::new(),
                actions,
                handle,
                engine: self.engine,
                events: self.events,
                no_panel: self.no_panel,
                stand_in: self.stand_in,
            };
            if let Some(trouble) = trouble {
                let line = |lang| format!("{}: {}", trouble.title(lang), trouble.body(lang));
                tracing::warn!("history: {}", line(Lang::En));
                log::to_stderr(&line(state.engine.lang));
                let _ = state.events.send(EngineEvent::Answer(trouble)).await;
            }
            let mut inbox =
                Inbox { updates, requests: self.requests, done, stop: Box::pin(self.stop.wait()) };
            let mut backoff = Backoff::new("engine");
            while worker::catch(state.serve(&mut inbox)).await.is_err() {
                // what was not written is not known: the history begins again
                state.incomplete = true;
                tokio::select! {
                    () = tokio::time::sleep(backoff.crashed()) => backoff.restarted(),
                    () = &mut inbox.stop => {
                        let _ = state.events.send(EngineEvent::Quit).await;
                        break;
                    }
                }
            }
            Ok::<_, error::Error>(())
        })
    }
}

/// Shows a notification for panics of any thread.
fn report_panics(engine: &Engine, events: &mpsc::Sender<EngineEvent>) {
    let (events, path) = (events.clone(), engine.folders.log_file.clone());
    log::on_panic(move || {
        let _ = events.try_send(EngineEvent::Answer(Answer::InternalError(path.clone())));
    });
}

fn retention(config: &Config) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(config.history.keep_days))
}

/// Opens the history. Also what the user should know if that failed or a new one was begun.
fn open_history(engine: &Engine) -> (Option<Store>, Option<Answer>) {
    let file = engine.history_file();
    match Store::open_keeping(&file, Timestamp::now(), retention(&engine.config)) {
        Ok(store) => {
            let set_aside = store
                .set_aside()
                .map(|old| Answer::HistorySetAside(Both::each(|lang| old.why.text(lang)), old.path.clone()));
            (Some(store), set_aside)
        }
        Err(error) => (None, Some(Answer::NoHistory(Both::each(|lang| error.text(lang)), file))),
    }
}

fn start_hook(config: &Config, lang: Lang) -> Option<Hook> {
    let on_change = config.on_change.as_ref()?;
    match hook(&on_change.program, on_change.timeout, lang) {
        Ok((hook, worker)) => {
            tokio::spawn(worker.run(move |failure| {
                tracing::warn!("on_change: {}", failure.text(Lang::En));
                log::to_stderr(&failure.text(lang));
            }));
            Some(hook)
        }
        Err(error) => {
            tracing::warn!("on_change: {error}");
            log::to_stderr(&error.text(lang));
            None
        }
    }
}

/// What the engine receives; kept across its restarts.
struct Inbox {
    updates: Updates,
    requests: mpsc::UnboundedReceiver<EngineRequest>,
    done: mpsc::Receiver<Done>,
    stop: Pin<Box<dyn Future<Output = ()>>>,
}

struct State {
    history: Option<Store>,
    coverage: Coverage,
    /// Changes are missing in the history: a new run begins as soon as it can be written.
    incomplete: bool,
    /// The profiles of the last snapshot.
    known: BTreeMap<String, Arc<Profile>>,
    restarts: Restarts,
    /// Updates that the event queue had no room for, merged.
    unsent: Option<Box<Update>>,
    hook: Option<Hook>,
    offline: bool,
    job_files: BTreeSet<PathBuf>,
    actions: Actions,
    handle: Handle,
    engine: Engine,
    events: mpsc::Sender<EngineEvent>,
    no_panel: watch::Receiver<bool>,
    stand_in: StandIn,
}

impl State {
    async fn serve(&mut self, inbox: &mut Inbox) {
        let Inbox { updates, requests, done, stop } = inbox;
        let events = self.events.clone();
        let mut no_panel = self.no_panel.clone();
        let mut settings = Watch::new().ok();
        if let (Some(watch), Some(folder)) = (&mut settings, self.engine.folders.config_file.parent()) {
            let _ = watch.add_dir(folder);
            let _ = watch.add_file(&self.engine.folders.config_file);
        }
        let mut watching = tokio::time::interval(COVERAGE_INTERVAL);
        loop {
            worker::test_panic("engine");
            tokio::select! {
                biased;
                // before the outcome of a restart that it proves
                update = updates.next() => match update {
                    Some(update) => self.update(update).await,
                    None => break,
                },
                request = requests.recv() => match request {
                    None | Some(EngineRequest::Quit) => break,
                    Some(EngineRequest::Woke) => drop(self.handle.commands.send(Command::Woke).await),
                    Some(request) => self.actions.start(request, &self.handle.snapshots.borrow().clone()),
                },
                Some(done) = done.recv() => self.finish(done).await,
                Ok(()) = no_panel.changed() => {
                    let snapshot = self.handle.snapshots.borrow().clone();
                    self.show_lights(&snapshot);
                }
                Ok(room) = events.reserve(), if self.unsent.is_some() => {
                    if let Some(update) = self.unsent.take() {
                        room.send(EngineEvent::Update(update));
                    }
                }
                () = changed(&mut settings) => self.read_settings().await,
                _ = watching.tick() => {
                    self.reopen_history();
                    self.write_coverage();
                }
                () = tokio::time::sleep(OFFLINE_INTERVAL), if self.offline => self.check_network().await,
                () = &mut *stop => {
                    let _ = self.events.send(EngineEvent::Quit).await;
                    break;
                }
            }
        }
        self.write_coverage();
        let _ = self.handle.commands.send(Command::Quit).await;
    }

    async fn update(&mut self, update: Update) {
        let snapshot = Arc::clone(&update.snapshot);
        self.incomplete |= update.missed > 0;
        let light_changed = |change: &ProfileChange| {
            !change.history && change.change.from.light() != change.change.to.light()
        };
        if update.woke || update.changes.iter().any(|change| !change.history) {
            // coverage is written before the changes, so that readers of the history see it up to them
            self.write_coverage();
        }
        for change in &update.changes {
            self.write_change(change);
            if let Some(hook) = &self.hook
                && !hook.send(change)
            {
                tracing::warn!(profile = change.profile.name, "on_change: queue full, change dropped");
                log::to_stderr(self.engine.lang.pick(HOOK_BEHIND));
            }
        }
        // A light that goes out may be the network's fault; one that comes back proves the network.
        if update.woke || update.changes.iter().any(light_changed) {
            self.check_network().await;
        }
        for change in &update.changes {
            self.restart_if_configured(change);
        }
        self.send_update(update);
        self.forget_removed(&snapshot);
        self.check_changed_job_files(&snapshot);
        self.show_lights(&snapshot);
    }

    /// Sends the update to the user interface without waiting: a desktop that hangs must not block history and hook.
    fn send_update(&mut self, update: Update) {
        let update = match self.unsent.take() {
            Some(mut unsent) => {
                unsent.merge(update);
                unsent
            }
            None => Box::new(update),
        };
        if let Err(TrySendError::Full(EngineEvent::Update(update))) =
            self.events.try_send(EngineEvent::Update(update))
        {
            self.unsent = Some(update);
        }
    }

    async fn show_restart(&mut self, name: String, view: Option<RestartView>) {
        match view {
            Some(view) => self.restarts.insert(name.clone(), view),
            None => self.restarts.remove(&name),
        };
        let _ = self.events.send(EngineEvent::Restarts(self.restarts.clone())).await;
        let _ = self.handle.commands.send(Command::QueryJob(name)).await;
    }

    /// Shows the lights elsewhere while no panel shows the icon.
    fn show_lights(&mut self, snapshot: &Snapshot) {
        if *self.no_panel.borrow() && snapshot.complete {
            self.stand_in.show(snapshot, self.engine.lang);
        } else {
            self.stand_in.hide();
        }
    }

    fn restart_if_configured(&mut self, change: &ProfileChange) {
        let verdict = &change.change.to;
        if change.history || verdict.light() != Light::Red || !self.engine.config.restart.auto {
            return;
        }
        let now = Timestamp::now();
        let past = self.actions.past_restarts(&change.profile.name, now);
        if policy::restarts_automatically(Some(self.engine.config.restart.per_hour), verdict, &past, now) {
            let snapshot = self.handle.snapshots.borrow().clone();
            self.actions.restart_automatically(&change.profile.name, &snapshot);
        }
    }

    async fn check_network(&mut self) {
        let now = offline();
        if now != self.offline {
            self.offline = now;
            let _ = self.events.send(EngineEvent::Offline(now)).await;
        }
    }

    /// Has the job files examined if they changed.
    fn check_changed_job_files(&mut self, snapshot: &Arc<Snapshot>) {
        if !snapshot.complete {
            return;
        }
        let files: BTreeSet<PathBuf> = snapshot
            .profiles
            .iter()
            .filter_map(|view| Some(view.profile.job.as_ref()?.path.clone()))
            .collect();
        if files != self.job_files || self.actions.job_files_changed(snapshot) {
            self.job_files = files;
            self.actions.check_job_files(false);
        }
    }

    async fn finish(&mut self, done: Done) {
        match done {
            Done::Step(name, view) => self.show_restart(name, Some(view)).await,
            Done::Restarted(name, view) => {
                tracing::info!(profile = name, outcome = ?view.outcome, "restart ended");
                if let Some(store) = &mut self.history
                    && let Err(error) = store.record_restart(&name, &view, Timestamp::now())
                {
                    self.history_failed("restart", &error);
                }
                self.show_restart(name, Some(view)).await;
            }
            Done::Forget(name, view) => {
                // a newer restart stays
                if self.restarts.get(&name) == Some(&view) {
                    self.show_restart(name, None).await;
                }
            }
            Done::Findings { count, repairable } => {
                let _ = self.events.send(EngineEvent::Findings { count, repairable }).await;
            }
            Done::Answer(answer) => {
                let _ = self.events.send(EngineEvent::Answer(answer)).await;
            }
            Done::Rescan => {
                let _ = self.handle.commands.send(Command::Rescan).await;
            }
        }
    }

    /// Reads the settings again. With a mistake in them the old ones stay.
    async fn read_settings(&mut self) {
        let Engine { folders, places, config: current, .. } = &self.engine;
        let input = match Config::load(&folders.config_file, &places.user_home) {
            Ok(config) if config == *current => EngineEvent::ConfigError(None),
            Ok(config) => match Patterns::new(&config.patterns) {
                Ok(patterns) => {
                    tracing::info!("settings read again");
                    self.engine.apply_settings(config.clone());
                    self.actions.apply_settings(&self.engine);
                    self.hook = start_hook(&config, self.engine.lang);
                    self.history = self.history.take().map(|store| store.keeping(retention(&config)));
                    let command = Command::Settings(
                        Box::new(config.deadlines.clone()),
                        Arc::new(patterns),
                        config.profiles.clone(),
                    );
                    let _ = self.handle.commands.send(command).await;
                    EngineEvent::Config(Box::new(config))
                }
                Err(error) => {
                    tracing::warn!("settings: {error}");
                    log::to_stderr(&error.to_string());
                    return;
                }
            },
            Err(error) => {
                tracing::warn!("settings not used: {error}");
                EngineEvent::ConfigError(Some(error))
            }
        };
        let _ = self.events.send(input).await;
    }

    /// Reports that a row could not be written.
    fn history_failed(&self, row: &str, error: &StoreError) {
        tracing::warn!(row, "history not written: {error}");
        log::to_stderr(&error.text(self.engine.lang));
    }

    /// Writes a change to the history.
    fn write_change(&mut self, change: &ProfileChange) {
        if let Some(store) = &mut self.history
            && let Err(error) = store.record_change(change)
        {
            self.history_failed("change", &error);
            self.incomplete = true;
        }
    }

    /// Writes that nothing is known any more of profiles that were removed.
    fn forget_removed(&mut self, snapshot: &Snapshot) {
        let there = snapshot.profiles.iter();
        let there = there.map(|view| (view.profile.name.clone(), Arc::clone(&view.profile))).collect();
        let known = std::mem::replace(&mut self.known, there);
        for (name, profile) in known {
            if self.known.contains_key(&name) {
                continue;
            }
            self.write_coverage();
            let at = Timestamp::now();
            let change = Change {
                at,
                profile: profile.name.as_str().into(),
                from: Verdict::unknown(at),
                to: Verdict::unknown(at),
            };
            self.write_change(&ProfileChange { profile, change, history: false });
        }
    }

    /// Opens the history if that failed before: the disk may have space again.
    fn reopen_history(&mut self) {
        if self.history.is_none()
            && let (Some(store), _) = open_history(&self.engine)
        {
            self.history = Some(store);
            self.coverage = Coverage::from_now();
            self.begin_run(Timestamp::now());
        }
    }

    /// Writes to the history what was observed since the last call. Time in which the machine slept, this process was
    /// stopped or the clock was set is left out.
    fn write_coverage(&mut self) {
        let Some(store) = &mut self.history else { return };
        let now = ClockReading::now();
        match self.coverage.advance(now) {
            Observed::Span(from, to) if !self.incomplete => {
                if let Err(error) = store.record_observed(from, to) {
                    self.history_failed("coverage", &error);
                }
            }
            Observed::Unknown if !self.incomplete => {}
            _ => self.begin_run(now.wall),
        }
    }

    /// Begins a new run in the history with the present verdicts: earlier rows say nothing about what follows.
    fn begin_run(&mut self, now: Timestamp) {
        let Some(store) = &mut self.history else { return };
        store.begin_again(now);
        let snapshot = self.handle.snapshots.borrow().clone();
        let written = snapshot.profiles.iter().try_for_each(|view| {
            let name = view.profile.name.as_str().into();
            let change =
                Change { at: now, profile: name, from: Verdict::unknown(now), to: view.verdict.clone() };
            store.record_change(&ProfileChange { profile: Arc::clone(&view.profile), change, history: true })
        });
        self.incomplete = written.is_err();
        if let Err(error) = written {
            self.history_failed("snapshot", &error);
        }
    }
}

async fn changed(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => {
            if watch.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}
