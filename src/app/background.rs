//! The agent's loop: the watcher's updates, history, the settings file, restarts, the doctor, the user's hook.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::actions::{Actions, Done};
use super::channels::{self, Channels};
use super::engine::Engine;
use super::heartbeat::Heartbeat;
use super::history_writer::HistoryWriter;
use super::hook::{self, Hook};
use super::messages::{Answer, EngineEvent, EngineRequest};
use super::offline::offline;
use super::silences::{self, FileWatch};
use super::timers::Timers;
use super::wait::{changed, until, watch_file};
use crate::alerts::Event;
use crate::channels::dispatch;
use crate::channels::outbox::Failure;
use crate::config::Config;
use crate::evidence::alarm;
use crate::evidence::patterns::Patterns;
use crate::health::Light;
use crate::log;
use crate::restart::{RestartView, Restarts, policy};
use crate::runtime::{Interrupts, interrupts, release_heap, runtime};
use crate::text::error;
use crate::text::trouble::HOOK_BEHIND;
use crate::text::{Lang, Message};
use crate::watcher::snapshot::{ProfileChange, Snapshot};
use crate::watcher::{Command, Handle, Observers, Update, Updates};
use crate::worker::{self, Backoff};

/// How long the end waits for a user interface that does not take its last event.
const LAST_EVENT: Duration = Duration::from_secs(1);

/// How soon after an update the memory that is free by then is returned, at most: with the watcher's next poll.
const RELEASE_AFTER: Duration = Duration::from_secs(10);

/// The engine of the agent.
pub(crate) struct Background {
    runtime: tokio::runtime::Runtime,
    stop: Interrupts,
    engine: Engine,
    patterns: Arc<Patterns>,
    events: mpsc::Sender<EngineEvent>,
    requests: mpsc::UnboundedReceiver<EngineRequest>,
    no_panel: watch::Receiver<bool>,
    stand_in: StandIn,
}

/// Shows the lights in another place while no panel shows the icon.
pub(crate) trait ShowLights {
    /// Shows what changed since the last call.
    fn show(&mut self, snapshot: &Snapshot, lang: Lang);
    /// The icon shows the lights, or they are not known yet.
    fn hide(&mut self);
}

/// What shows the lights instead of the icon.
pub(crate) type StandIn = Box<dyn ShowLights + Send>;

impl Background {
    /// Prepares the engine. `no_panel`: no panel shows the icon, so `stand_in` shows the lights. From now on Ctrl-C and
    /// SIGTERM shut the engine down cleanly.
    pub(crate) fn new(
        engine: &Engine,
        events: mpsc::Sender<EngineEvent>,
        requests: mpsc::UnboundedReceiver<EngineRequest>,
        no_panel: watch::Receiver<bool>,
        stand_in: StandIn,
    ) -> error::Result<Self> {
        // report a mistake in the user's patterns before anything is shown
        let patterns = engine.patterns()?;
        let runtime = runtime()?;
        let stop = interrupts(&runtime);
        Ok(Self { runtime, stop, engine: engine.clone(), patterns, events, requests, no_panel, stand_in })
    }

    /// The signals that end the engine, for code that runs beside it. No signal after this call is lost.
    pub(crate) fn interrupts(&self) -> Interrupts {
        interrupts(&self.runtime)
    }

    /// Runs until it is asked to quit. `ready` is called once the watcher runs.
    pub(crate) fn run(self, ready: impl FnOnce(Handle)) -> error::Result<()> {
        self.runtime.block_on(async {
            let handle = self.engine.watch_with(self.patterns, Vec::new(), Observers::new())?;
            let updates = handle.subscribe();
            report_panics(&self.engine, &self.events);
            ready(handle.clone());
            let (done_sender, done) = mpsc::channel(64);
            let actions = Actions::new(&self.engine, &handle, done_sender);
            let (unreachable_sender, unreachable) = mpsc::channel(1);
            let (beaten_sender, beaten) = mpsc::channel(1);
            let (history, trouble) = HistoryWriter::open(&self.engine, handle.snapshots.clone());
            let mut state = State {
                release_at: None,
                history,
                restarts: Restarts::new(),
                unsent: None,
                channels: None,
                heartbeat: None,
                unreachable: unreachable_sender,
                beaten: beaten_sender,
                hook: hook::start(&self.engine.config, self.engine.lang),
                offline: false,
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
            state.apply_channels().await;
            let stop = Box::pin(self.stop.wait());
            let mut inbox = Inbox { updates, requests: self.requests, done, unreachable, beaten, stop };
            let mut backoff = Backoff::new("engine");
            while worker::catch(state.serve(&mut inbox)).await.is_err() {
                // changes may be missing: the history starts a new run
                state.history.mark_incomplete();
                tokio::select! {
                    () = tokio::time::sleep(backoff.crashed()) => backoff.restarted(),
                    () = &mut inbox.stop => break,
                }
            }
            // in any case: lights that are not updated would be wrong
            let _queue_full = tokio::time::timeout(LAST_EVENT, state.events.send(EngineEvent::Quit)).await;
            if let Some(channels) = state.channels.take() {
                channels.close().await;
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

/// What the engine receives; kept across its restarts.
struct Inbox {
    updates: Updates,
    requests: mpsc::UnboundedReceiver<EngineRequest>,
    done: mpsc::Receiver<Done>,
    /// The network may be gone.
    unreachable: mpsc::Receiver<()>,
    /// The result of a heartbeat.
    beaten: mpsc::Receiver<Result<(), Message>>,
    stop: Pin<Box<dyn Future<Output = ()>>>,
}

struct State {
    /// When to return memory that the latest updates no longer need.
    release_at: Option<Instant>,
    history: HistoryWriter,
    restarts: Restarts,
    /// Updates that the event queue had no room for, merged.
    unsent: Option<Box<Update>>,
    hook: Option<Hook>,
    channels: Option<Channels>,
    heartbeat: Option<Heartbeat>,
    unreachable: mpsc::Sender<()>,
    beaten: mpsc::Sender<Result<(), Message>>,
    offline: bool,
    actions: Actions,
    handle: Handle,
    engine: Engine,
    events: mpsc::Sender<EngineEvent>,
    no_panel: watch::Receiver<bool>,
    stand_in: StandIn,
}

impl State {
    async fn serve(&mut self, inbox: &mut Inbox) {
        let Inbox { updates, requests, done, unreachable, beaten, stop } = inbox;
        let events = self.events.clone();
        let mut no_panel = self.no_panel.clone();
        let mut settings = watch_file(&self.engine.folders.config_file);
        let mut silences = FileWatch::new(&self.engine.folders.data);
        let mut timers = Timers::new();
        loop {
            worker::test_panic("engine");
            let next = self.next_deadline(&timers);
            tokio::select! {
                biased;
                // an update comes before the outcome of a restart that it confirms
                update = updates.next() => match update {
                    Some(update) => self.update(update).await,
                    None => break,
                },
                request = requests.recv() => match request {
                    None | Some(EngineRequest::Quit) => break,
                    Some(request) => self.request(request).await,
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
                () = silences.changed() => self.read_silences().await,
                () = timers.ring_at(next) => self.tick(&mut timers).await,
                Some(()) = unreachable.recv() => self.check_network().await,
                Some(result) = beaten.recv() => self.note_beat(result).await,
                () = &mut *stop => break,
            }
        }
        self.history.write_coverage();
        self.history.close().await;
        let _ = self.handle.commands.send(Command::Quit).await;
    }

    /// When the loop has work if no event comes.
    fn next_deadline(&self, timers: &Timers) -> Instant {
        let alerts = self.channels.as_ref().and_then(Channels::next_deadline);
        let alerts = alerts.map(|due| Instant::now() + until(due));
        let beat = self.heartbeat.as_ref().map(Heartbeat::due);
        let own = self.history.retry_at().into_iter().chain(alerts).chain(beat).chain(self.release_at);
        own.fold(timers.next(self.offline), Instant::min)
    }

    /// Does the work that is due.
    async fn tick(&mut self, timers: &mut Timers) {
        let (now, at) = (Instant::now(), Timestamp::now());
        timers.ping(now);
        if timers.coverage.take_due(now) {
            self.history.reopen();
            self.history.write_coverage();
        }
        if self.history.retry_at().is_some_and(|due| due <= now) {
            self.history.flush();
        }
        if self.release_at.take_if(|due| *due <= now).is_some() {
            release_heap();
        }
        if self.offline && timers.network.take_due(now) {
            self.check_network().await;
        }
        if let Some(channels) = &mut self.channels
            && channels.next_deadline().is_some_and(|due| due <= at)
        {
            channels.tick(at).await;
        }
        if let Some(heartbeat) = &mut self.heartbeat
            && heartbeat.due() <= now
        {
            let snapshot = self.handle.snapshots.borrow().clone();
            heartbeat.beat(&snapshot, &self.handle.commands);
        }
    }

    async fn request(&mut self, request: EngineRequest) {
        match request {
            EngineRequest::Woke => drop(self.handle.commands.send(Command::Woke).await),
            EngineRequest::TestChannel(name) => {
                if let Some(channels) = &self.channels {
                    channels.send(dispatch::Command::Test(name)).await;
                }
            }
            request => self.actions.start(request, &self.handle.snapshots.borrow().clone()),
        }
    }

    async fn read_silences(&mut self) {
        let silences = silences::load(&self.engine.folders.data);
        self.tell_channels(&Event::Silences(silences.clone())).await;
        let _ = self.events.send(EngineEvent::Silences(silences)).await;
    }

    async fn update(&mut self, update: Update) {
        let snapshot = Arc::clone(&update.snapshot);
        self.release_at.get_or_insert_with(|| alarm::after(Instant::now(), RELEASE_AFTER));
        if update.missed > 0 {
            self.history.mark_incomplete();
        }
        let light_changed = |change: &ProfileChange| {
            !change.history && change.change.from.light() != change.change.to.light()
        };
        if update.woke || update.changes.iter().any(|change| !change.history) {
            // coverage is written before the changes, so that readers of the history see it up to them
            self.history.write_coverage();
        }
        for change in &update.changes {
            self.history.write_change(change);
            if let Some(hook) = &self.hook
                && !hook.send(change)
            {
                tracing::warn!(profile = change.profile.name, "on_change: queue full, change dropped");
                log::to_stderr(self.engine.lang.pick(HOOK_BEHIND));
            }
        }
        self.history.write_links(&snapshot);
        // the network may have caused a red light, and a green one proves that it works
        if update.woke || update.changes.iter().any(light_changed) {
            self.check_network().await;
        }
        if let Some(channels) = &mut self.channels {
            channels.update(Timestamp::now(), &update).await;
        }
        for change in &update.changes {
            self.restart_if_configured(change);
        }
        self.send_update(update);
        self.history.forget_removed(&snapshot);
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
        let is_under_way = view.as_ref().is_some_and(RestartView::is_under_way);
        let before = match view {
            Some(view) => self.restarts.insert(name.clone(), view),
            None => self.restarts.remove(&name),
        };
        if before.as_ref().is_some_and(RestartView::is_under_way) != is_under_way {
            self.tell_channels(&Event::Restarting(name.clone(), is_under_way)).await;
        }
        let _ = self.events.send(EngineEvent::Restarts(self.restarts.clone())).await;
        let _ = self.handle.commands.send(Command::QueryJob(name)).await;
    }

    /// Updates the [`StandIn`].
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
            self.tell_channels(&Event::Offline(now)).await;
            let _ = self.events.send(EngineEvent::Offline(now)).await;
        }
    }

    /// Passes an event to the channels' alert policies.
    async fn tell_channels(&mut self, event: &Event) {
        if let Some(channels) = &mut self.channels {
            channels.step(Timestamp::now(), event).await;
        }
    }

    /// Starts, changes or ends channels and heartbeat as the settings say.
    async fn apply_channels(&mut self) {
        let snapshot = self.handle.snapshots.borrow().clone();
        let old = self.channels.take();
        self.channels =
            channels::apply(old, &self.engine, &self.events, &self.unreachable, &snapshot, self.offline)
                .await;
        let wanted = &self.engine.config.heartbeat;
        if self.heartbeat.as_ref().map(Heartbeat::settings) != wanted.as_ref() {
            let settings = wanted.clone();
            self.heartbeat = settings.map(|settings| Heartbeat::new(settings, self.beaten.clone()));
            self.report_beat(None).await;
        }
    }

    async fn note_beat(&mut self, result: Result<(), Message>) {
        let Some(heartbeat) = &mut self.heartbeat else { return };
        if heartbeat.note(result) {
            let failure = heartbeat.failure().cloned();
            self.report_beat(failure).await;
        }
    }

    /// Passes the state of the heartbeat to the task of the channels, which stores and shows it.
    async fn report_beat(&self, failure: Option<Failure>) {
        if let Some(channels) = &self.channels {
            channels.send(dispatch::Command::Heartbeat(failure)).await;
        }
    }

    /// Starts an examination of the job files if they changed.
    fn check_changed_job_files(&mut self, snapshot: &Arc<Snapshot>) {
        if !snapshot.complete {
            return;
        }
        if self.actions.job_files_changed(snapshot) {
            self.actions.check_job_files(false);
        }
    }

    async fn finish(&mut self, done: Done) {
        match done {
            Done::Step(name, view) => self.show_restart(name, Some(view)).await,
            Done::Restarted(name, view) => {
                tracing::info!(profile = name, outcome = ?view.outcome, "restart ended");
                self.history.write_restart(&name, &view);
                self.show_restart(name, Some(view)).await;
            }
            Done::Forget(name, view) => {
                // keep the outcome of a newer restart
                if self.restarts.get(&name) == Some(&view) {
                    self.show_restart(name, None).await;
                }
            }
            Done::JobFiles(found) => {
                let _ = self.events.send(EngineEvent::JobFiles(found)).await;
            }
            Done::Answer(answer) => {
                let _ = self.events.send(EngineEvent::Answer(answer)).await;
            }
            Done::SettingsWritten => self.read_settings().await,
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
                    self.hook = hook::start(&config, self.engine.lang);
                    self.history.apply_settings(&self.engine);
                    self.apply_channels().await;
                    let settings = Box::new(self.engine.watcher_settings(Arc::new(patterns)));
                    let command = Command::Settings(settings, self.engine.places.extra_homes.clone());
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
}
