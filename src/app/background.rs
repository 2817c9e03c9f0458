//! What works behind the icon: the watcher, history, the settings file, restarts, the doctor, the user's hook.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::actions::{Actions, Done};
use super::coverage::{ClockReading, Coverage, Observed};
use super::engine::{Engine, Interrupts, runtime};
use super::hook::{Hook, hook};
use super::offline::offline;
use crate::config::Config;
use crate::evidence::patterns::Patterns;
use crate::evidence::watch::Watch;
use crate::health::{Change, Light, Verdict};
use crate::history::store::{Store, StoreError};
use crate::log;
use crate::profile::Profile;
use crate::restart::{RestartView, Restarts, policy};
use crate::snapshot::{ProfileChange, Snapshot};
use crate::text::trouble::HOOK_BEHIND;
use crate::text::{Lang, agent as phrases, fill};
use crate::ui::UiCommand;
use crate::ui::app::UiInput;
use crate::ui::notify::Content;
use crate::watcher::{Command, Handle, Update, Updates};

/// How often the history is told that somebody looked.
const WATCHING: Duration = Duration::from_secs(60);

/// Whether the network is back is asked this often while it is gone.
const OFFLINE_LOOK: Duration = Duration::from_secs(10);

/// The background side of the agent.
pub struct Background {
    runtime: tokio::runtime::Runtime,
    stop: Interrupts,
    engine: Engine,
    inputs: mpsc::Sender<UiInput>,
    commands: mpsc::UnboundedReceiver<UiCommand>,
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
    pub fn new(
        engine: &Engine,
        inputs: mpsc::Sender<UiInput>,
        commands: mpsc::UnboundedReceiver<UiCommand>,
        no_panel: watch::Receiver<bool>,
        stand_in: StandIn,
    ) -> anyhow::Result<Self> {
        // Patterns of the settings are checked before anything is shown.
        engine.patterns()?;
        let runtime = runtime()?;
        let stop = {
            let _inside = runtime.enter();
            Interrupts::catch(false)
        };
        Ok(Self { runtime, stop, engine: engine.clone(), inputs, commands, no_panel, stand_in })
    }

    /// Runs until it is told to quit. `ready` is called once the watcher runs.
    pub fn run(self, ready: impl FnOnce()) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let handle = self.engine.watch(Vec::new(), None)?;
            let updates = handle.subscribe();
            ready();
            let (done_sender, done) = mpsc::channel(64);
            let actions = Actions::new(&self.engine, &handle, done_sender);
            let (history, trouble) = open_history(&self.engine);
            let mut state = State {
                history,
                coverage: Coverage::from_now(),
                behind: false,
                known: BTreeMap::new(),
                restarts: Restarts::new(),
                unsent: None,
                hook: start_hook(&self.engine.config, self.engine.lang),
                offline: false,
                job_files: BTreeSet::new(),
                actions,
                handle,
                engine: self.engine,
                inputs: self.inputs,
                no_panel: self.no_panel,
                stand_in: self.stand_in,
            };
            if let Some(words) = trouble {
                tracing::warn!("history: {}: {}", words.title, words.body);
                log::to_stderr(&format!("{}: {}", words.title, words.body));
                let _ = state.inputs.send(UiInput::Say(words)).await;
            }
            state.serve(updates, self.commands, done, self.stop).await;
            anyhow::Ok(())
        })
    }
}

fn kept_for(config: &Config) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(config.history.keep_days))
}

/// The history, and what the user has to know of it.
fn open_history(engine: &Engine) -> (Option<Store>, Option<Content>) {
    let file = engine.history_file();
    let lang = engine.lang;
    match Store::open_keeping(&file, Timestamp::now(), kept_for(&engine.config)) {
        Ok(store) => {
            let aside = store.set_aside().map(|aside| Content {
                title: lang.pick(phrases::HISTORY_ASIDE_TITLE).to_owned(),
                body: fill(
                    lang.pick(phrases::HISTORY_ASIDE_BODY),
                    &[("why", &aside.why.text(lang)), ("path", &aside.path.display().to_string())],
                ),
            });
            (Some(store), aside)
        }
        Err(error) => {
            let title = lang.pick(phrases::HISTORY_NONE_TITLE).to_owned();
            (None, Some(Content { title, body: format!("{}: {}", file.display(), error.text(lang)) }))
        }
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

struct State {
    history: Option<Store>,
    coverage: Coverage,
    /// The history lacks something: it begins again as soon as it can be written.
    behind: bool,
    /// The profiles of the last snapshot.
    known: BTreeMap<String, Arc<Profile>>,
    restarts: Restarts,
    /// What the desktop side has no room for now.
    unsent: Option<Box<Update>>,
    hook: Option<Hook>,
    offline: bool,
    job_files: BTreeSet<PathBuf>,
    actions: Actions,
    handle: Handle,
    engine: Engine,
    inputs: mpsc::Sender<UiInput>,
    no_panel: watch::Receiver<bool>,
    stand_in: StandIn,
}

impl State {
    async fn serve(
        &mut self,
        mut updates: Updates,
        mut commands: mpsc::UnboundedReceiver<UiCommand>,
        mut done: mpsc::Receiver<Done>,
        stop: Interrupts,
    ) {
        let inputs = self.inputs.clone();
        let mut no_panel = self.no_panel.clone();
        let mut settings = Watch::new().ok();
        if let (Some(watch), Some(folder)) = (&mut settings, self.engine.folders.config_file.parent()) {
            let _ = watch.add_dir(folder);
            let _ = watch.add_file(&self.engine.folders.config_file);
        }
        let mut watching = tokio::time::interval(WATCHING);
        let mut stop = Box::pin(stop.wait());
        loop {
            tokio::select! {
                biased;
                // before the outcome of a restart that it proves
                update = updates.next() => match update {
                    Some(update) => self.update(update).await,
                    None => break,
                },
                command = commands.recv() => match command {
                    None | Some(UiCommand::Quit) => break,
                    Some(UiCommand::Woke) => drop(self.handle.commands.send(Command::Woke).await),
                    Some(command) => self.actions.begin(command, &self.handle.snapshots.borrow().clone()),
                },
                Some(done) = done.recv() => self.finish(done).await,
                Ok(()) = no_panel.changed() => {
                    let snapshot = self.handle.snapshots.borrow().clone();
                    self.show_lights(&snapshot);
                }
                Ok(room) = inputs.reserve(), if self.unsent.is_some() => {
                    if let Some(update) = self.unsent.take() {
                        room.send(UiInput::Update(update));
                    }
                }
                () = changed(&mut settings) => self.read_settings().await,
                _ = watching.tick() => {
                    self.try_history_again();
                    self.say_watching();
                }
                () = tokio::time::sleep(OFFLINE_LOOK), if self.offline => self.mind_network().await,
                () = &mut stop => {
                    let _ = self.inputs.send(UiInput::Quit).await;
                    break;
                }
            }
        }
        self.say_watching();
        let _ = self.handle.commands.send(Command::Quit).await;
    }

    async fn update(&mut self, update: Update) {
        let snapshot = Arc::clone(&update.snapshot);
        self.behind |= update.missed > 0;
        let light_changed = |change: &ProfileChange| {
            !change.history && change.change.from.light() != change.change.to.light()
        };
        if update.woke || update.changes.iter().any(|change| !change.history) {
            // whoever reads the history now finds what was observed up to this
            self.say_watching();
        }
        for change in &update.changes {
            self.keep(change);
            if let Some(hook) = &self.hook
                && !hook.send(change)
            {
                tracing::warn!(profile = change.profile.name, "on_change: queue full, change dropped");
                log::to_stderr(self.engine.lang.pick(HOOK_BEHIND));
            }
        }
        // A light that goes out may be the network's fault; one that comes back proves the network.
        if update.woke || update.changes.iter().any(light_changed) {
            self.mind_network().await;
        }
        for change in &update.changes {
            self.restart_by_itself(change);
        }
        self.send_update(update);
        self.mind_profiles(&snapshot);
        self.mind_job_files(&snapshot);
        self.show_lights(&snapshot);
    }

    /// Sends the update to the desktop side, which may be held up by the desktop: history and hook go on meanwhile.
    fn send_update(&mut self, update: Update) {
        let update = match self.unsent.take() {
            Some(mut unsent) => {
                unsent.merge(update);
                unsent
            }
            None => Box::new(update),
        };
        if let Err(TrySendError::Full(UiInput::Update(update))) =
            self.inputs.try_send(UiInput::Update(update))
        {
            self.unsent = Some(update);
        }
    }

    async fn show_restart(&mut self, name: String, view: Option<RestartView>) {
        match view {
            Some(view) => self.restarts.insert(name.clone(), view),
            None => self.restarts.remove(&name),
        };
        let _ = self.inputs.send(UiInput::Restarts(self.restarts.clone())).await;
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

    fn restart_by_itself(&mut self, change: &ProfileChange) {
        let verdict = &change.change.to;
        if change.history || verdict.light() != Light::Red || !self.engine.config.restart.auto {
            return;
        }
        let now = Timestamp::now();
        let past = self.actions.past_restarts(&change.profile.name, now);
        if policy::restarts_automatically(Some(self.engine.config.restart.per_hour), verdict, &past, now) {
            let snapshot = self.handle.snapshots.borrow().clone();
            self.actions.restart_announced(&change.profile.name, &snapshot);
        }
    }

    async fn mind_network(&mut self) {
        let now = offline();
        if now != self.offline {
            self.offline = now;
            let _ = self.inputs.send(UiInput::Offline(now)).await;
        }
    }

    /// Looks through the job files when they may have changed.
    fn mind_job_files(&mut self, snapshot: &Arc<Snapshot>) {
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
            self.actions.look_at_job_files(false);
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
                // A newer restart stays.
                if self.restarts.get(&name) == Some(&view) {
                    self.show_restart(name, None).await;
                }
            }
            Done::Findings { count, repairable } => {
                let _ = self.inputs.send(UiInput::Findings { count, repairable }).await;
            }
            Done::Say(words) => {
                let _ = self.inputs.send(UiInput::Say(words)).await;
            }
            Done::Rescan => {
                let _ = self.handle.commands.send(Command::Rescan).await;
            }
        }
    }

    /// Reads the settings again. A mistake is told, and the old ones stay in force.
    async fn read_settings(&mut self) {
        let Engine { folders, places, config: current, .. } = &self.engine;
        let input = match Config::load(&folders.config_file, &places.user_home) {
            Ok(config) if config == *current => UiInput::ConfigError(None),
            Ok(config) => match Patterns::new(&config.patterns) {
                Ok(patterns) => {
                    tracing::info!("settings read again");
                    self.engine.apply_settings(config.clone());
                    self.actions.take_settings(&self.engine);
                    self.hook = start_hook(&config, self.engine.lang);
                    self.history = self.history.take().map(|store| store.keeping(kept_for(&config)));
                    let command = Command::Settings(
                        Box::new(config.deadlines.clone()),
                        Arc::new(patterns),
                        config.profiles.clone(),
                    );
                    let _ = self.handle.commands.send(command).await;
                    UiInput::Config(Box::new(config))
                }
                Err(error) => {
                    tracing::warn!("settings: {error}");
                    log::to_stderr(&error.to_string());
                    return;
                }
            },
            Err(error) => {
                tracing::warn!("settings not used: {error}");
                UiInput::ConfigError(Some(error))
            }
        };
        let _ = self.inputs.send(input).await;
    }

    /// Reports a write that failed: what was to be kept, and why it was not.
    fn history_failed(&self, row: &str, error: &StoreError) {
        tracing::warn!(row, "history not written: {error}");
        log::to_stderr(&error.text(self.engine.lang));
    }

    /// Keeps a change in the history. One that cannot be kept makes all that follows doubtful.
    fn keep(&mut self, change: &ProfileChange) {
        if let Some(store) = &mut self.history
            && let Err(error) = store.record_change(change)
        {
            self.history_failed("change", &error);
            self.behind = true;
        }
    }

    /// What is no longer there is no longer known.
    fn mind_profiles(&mut self, snapshot: &Snapshot) {
        let there = snapshot.profiles.iter();
        let there = there.map(|view| (view.profile.name.clone(), Arc::clone(&view.profile))).collect();
        let known = std::mem::replace(&mut self.known, there);
        for (name, profile) in known {
            if self.known.contains_key(&name) {
                continue;
            }
            self.say_watching();
            let at = Timestamp::now();
            let change = Change { at, from: Verdict::unknown(at), to: Verdict::unknown(at) };
            self.keep(&ProfileChange { profile, change, history: false });
        }
    }

    /// What kept the history from being opened may be gone: the disk is no longer full, the folder may be written to.
    fn try_history_again(&mut self) {
        if self.history.is_none()
            && let (Some(store), _) = open_history(&self.engine)
        {
            self.history = Some(store);
            self.coverage = Coverage::from_now();
            self.begin_history_again(Timestamp::now());
        }
    }

    /// Tells the history up to when somebody looked. Time in which the machine slept, this process stood still, or the
    /// clock was set is left out: it is unknown.
    fn say_watching(&mut self) {
        let Some(store) = &mut self.history else { return };
        let now = ClockReading::now();
        match self.coverage.advance(now) {
            Observed::Span(from, to) if !self.behind => {
                if let Err(error) = store.watching(from, to) {
                    self.history_failed("coverage", &error);
                }
            }
            Observed::Unknown if !self.behind => {}
            _ => self.begin_history_again(now.wall),
        }
    }

    /// Says anew how things are: what was kept before tells nothing of what follows.
    fn begin_history_again(&mut self, now: Timestamp) {
        let Some(store) = &mut self.history else { return };
        store.begin_again(now);
        let snapshot = self.handle.snapshots.borrow().clone();
        let told = snapshot.profiles.iter().try_for_each(|view| {
            let change = Change { at: now, from: Verdict::unknown(now), to: view.verdict.clone() };
            store.record_change(&ProfileChange { profile: Arc::clone(&view.profile), change, history: true })
        });
        self.behind = told.is_err();
        if let Err(error) = told {
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
