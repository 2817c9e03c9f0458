//! Passes events to the channels. Each has its own alert policy, which gets the same events as the one of the screen.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::engine::Engine;
use super::messages::{Answer, EngineEvent};
use super::silences;
use crate::alerts::{self, Event, Notice, Silences};
use crate::channels::curl::Curl;
use crate::channels::dispatch::{self, Command, DispatchView, Report, Setup};
use crate::channels::feed::Feed;
use crate::channels::store;
use crate::evidence::clock;
use crate::watcher::Update;
use crate::watcher::snapshot::Snapshot;

/// How long the end of the agent waits for attempts that are running.
const LAST_ATTEMPTS: Duration = Duration::from_secs(3);

/// The channels of the current settings.
pub(super) struct Channels {
    feeds: Vec<(String, Feed)>,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
    snapshot: Option<Arc<Snapshot>>,
    started: bool,
    silences: Silences,
    offline: bool,
}

/// Starts the channels, applies new settings, or ends them if the settings name neither a channel nor a heartbeat.
pub(super) async fn apply(
    channels: Option<Channels>,
    engine: &Engine,
    events: &mpsc::Sender<EngineEvent>,
    unreachable: &mpsc::Sender<()>,
    snapshot: &Arc<Snapshot>,
    offline: bool,
) -> Option<Channels> {
    let now = Timestamp::now();
    let is_wanted = !engine.config.channel.is_empty() || engine.config.heartbeat.is_some();
    match channels {
        Some(mut channels) if is_wanted => {
            channels.apply_settings(engine, now).await;
            Some(channels)
        }
        Some(_) => {
            let _ = events.send(EngineEvent::Channels(DispatchView::default())).await;
            None
        }
        None if is_wanted => {
            let mut channels = Channels::start(engine, events, unreachable.clone());
            channels.begin(engine, now, snapshot, offline).await;
            Some(channels)
        }
        None => None,
    }
}

impl Channels {
    /// Starts the channels of the settings. `unreachable` gets a message when the network may be gone.
    fn start(engine: &Engine, events: &mpsc::Sender<EngineEvent>, unreachable: mpsc::Sender<()>) -> Self {
        let config = &engine.config;
        let setup = Setup {
            channels: config.channel.clone(),
            lang: engine.lang,
            system_lang: engine.system_lang,
            zone: clock::time_zone(),
            anonymiser: engine.anonymiser(),
            file: store::file(&engine.folders.data),
            curl: Curl::from_environment(),
        };
        let events = events.clone();
        let (commands, task) = dispatch::spawn(setup, move |report| match report {
            // a desktop that hangs must not block the channels; it gets the next state
            Report::State(view) => drop(events.try_send(EngineEvent::Channels(view))),
            Report::Tested(name, result) => {
                drop(events.try_send(EngineEvent::Answer(Answer::ChannelTested(name, result))));
            }
            Report::Unreachable => drop(unreachable.try_send(())),
        });
        let silences = silences::load(&engine.folders.data);
        Self { feeds: Vec::new(), commands, task, snapshot: None, started: false, silences, offline: false }
    }

    /// Applies the current state.
    async fn begin(&mut self, engine: &Engine, now: Timestamp, snapshot: &Arc<Snapshot>, offline: bool) {
        if snapshot.complete {
            self.started = true;
            self.snapshot = Some(Arc::clone(snapshot));
            self.send(Command::Started(Arc::clone(snapshot))).await;
        }
        self.offline = offline;
        self.send(Command::Offline(offline)).await;
        self.apply_settings(engine, now).await;
    }

    /// Applies new settings. A channel that is new or has another filter gets the current state first.
    async fn apply_settings(&mut self, engine: &Engine, now: Timestamp) {
        let config = &engine.config;
        self.send(Command::Settings(config.channel.clone(), engine.lang)).await;
        let mut old = std::mem::take(&mut self.feeds);
        let mut notices = Vec::new();
        for channel in &config.channel {
            let known =
                old.iter().position(|(name, feed)| *name == channel.name && feed.has_filter_of(channel));
            let (feed, due) = if let Some(at) = known {
                let mut feed = old.swap_remove(at).1;
                let due = feed.apply_settings(now, channel, &config.notices);
                (feed, due)
            } else {
                let mut feed = Feed::new(channel, &config.notices, clock::time_zone(), now);
                feed.step(now, &Event::Silences(self.silences.clone()));
                feed.step(now, &Event::Offline(self.offline));
                let due = self.snapshot.as_ref().map_or_else(Vec::new, |snapshot| feed.begin(now, snapshot));
                (feed, due)
            };
            notices.push((channel.name.clone(), due));
            self.feeds.push((channel.name.clone(), feed));
        }
        self.tell(notices).await;
    }

    /// Ends the task after the running attempts, or after [`LAST_ATTEMPTS`].
    pub(super) async fn close(self) {
        drop(self.commands);
        let _still_under_way = tokio::time::timeout(LAST_ATTEMPTS, self.task).await;
    }

    /// Applies an update of the watcher.
    pub(super) async fn update(&mut self, now: Timestamp, update: &Update) {
        let before = self.snapshot.replace(Arc::clone(&update.snapshot));
        for event in alerts::events_of(before.as_deref(), update) {
            self.step(now, &event).await;
        }
        if update.snapshot.complete && !self.started {
            self.started = true;
            self.send(Command::Started(Arc::clone(&update.snapshot))).await;
            self.step(now, &Event::Started).await;
        }
    }

    /// Applies an event that does not come from the watcher.
    pub(super) async fn step(&mut self, now: Timestamp, event: &Event) {
        match event {
            Event::Offline(offline) => {
                self.offline = *offline;
                self.send(Command::Offline(*offline)).await;
            }
            Event::Silences(silences) => self.silences.clone_from(silences),
            _ => {}
        }
        let notices: Vec<(String, Vec<Notice>)> =
            self.feeds.iter_mut().map(|(name, feed)| (name.clone(), feed.step(now, event))).collect();
        self.tell(notices).await;
    }

    /// Handles a deadline that passed.
    pub(super) async fn tick(&mut self, now: Timestamp) {
        let notices: Vec<(String, Vec<Notice>)> =
            self.feeds.iter_mut().map(|(name, feed)| (name.clone(), feed.tick(now))).collect();
        self.tell(notices).await;
    }

    /// When to call [`Self::tick`].
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.feeds.iter().filter_map(|(_, feed)| feed.next_deadline()).min()
    }

    /// Passes a command on.
    pub(super) async fn send(&self, command: Command) {
        // the task ends only when this sender is dropped
        let _ = self.commands.send(command).await;
    }

    async fn tell(&self, notices: Vec<(String, Vec<Notice>)>) {
        for (name, notices) in notices {
            if !notices.is_empty() {
                self.send(Command::Notices(name, notices)).await;
            }
        }
    }
}
