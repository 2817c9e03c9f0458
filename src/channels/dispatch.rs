//! The task that sends: each channel has a queue and one attempt at a time; all queues are stored in one file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::curl::Curl;
use super::feed::{recovered_meanwhile, reported, unreported};
use super::kinds::{self, Verdict};
use super::outbox::{Failed, Failure, Next, Outbox};
use super::outgoing::{Outgoing, Wording};
use super::store::{self, Stored};
use super::target::{self, Target};
use crate::alerts::Notice;
use crate::config::{ChannelKind, ChannelSettings};
use crate::evidence::anonymise::Anonymiser;
use crate::order::Collect as _;
use crate::text::{Lang, Message, Worded as _, channels as say};
use crate::watcher::snapshot::Snapshot;
use crate::worker::{self, Backoff};

/// Capacity of the queue of commands.
const QUEUE: usize = 64;

/// Everything that the task needs.
pub(crate) struct Setup {
    /// The channels.
    pub(crate) channels: Vec<ChannelSettings>,
    /// The language of channels without a language setting, and the language of the system.
    pub(crate) lang: Lang,
    pub(crate) system_lang: Lang,
    /// The time zone of the times in messages.
    pub(crate) zone: TimeZone,
    /// Removes names from evidence.
    pub(crate) anonymiser: Anonymiser,
    /// Where the queues are stored.
    pub(crate) file: PathBuf,
    pub(crate) curl: Curl,
}

/// A request to the task.
#[derive(Debug)]
pub(crate) enum Command {
    /// Send these notices over this channel.
    Notices(String, Vec<Notice>),
    /// Every profile has its first verdict.
    Started(std::sync::Arc<Snapshot>),
    /// Whether the machine is offline.
    Offline(bool),
    /// Send a test message over this channel.
    Test(String),
    /// The channels of new settings, and the language of those without a language setting.
    Settings(Vec<ChannelSettings>, Lang),
    /// The result of a heartbeat, if it changed.
    Heartbeat(Option<Failure>),
}

/// A report of the task.
#[derive(Debug)]
pub(crate) enum Report {
    /// The state of all channels and the heartbeat.
    State(DispatchView),
    /// The server of this channel accepted a test message, or not.
    Tested(String, Result<(), Message>),
    /// The network may be gone.
    Unreachable,
}

/// The state of the channels and the heartbeat, for the user interface.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DispatchView {
    pub channels: Vec<ChannelView>,
    /// Since when and why the heartbeat fails; `None`: it does not.
    pub heartbeat_failure: Option<(Timestamp, Message)>,
}

/// The state of one channel, for the user interface.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelView {
    pub name: String,
    pub kind: ChannelKind,
    /// Number of queued messages.
    pub waiting: usize,
    /// When the server last accepted a message.
    pub last_sent: Option<Timestamp>,
    /// When and why the last attempt failed.
    pub failure: Option<(Timestamp, Message)>,
}

impl ChannelView {
    /// The state of a channel with these settings and this queue.
    pub(crate) fn of(settings: &ChannelSettings, outbox: &Outbox) -> Self {
        Self {
            name: settings.name.clone(),
            kind: settings.kind,
            waiting: outbox.waiting(),
            last_sent: outbox.last_sent,
            failure: outbox.failure.clone().map(|failure| (failure.at, failure.why)),
        }
    }
}

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) struct AttemptError {
    /// The message of the server or of curl, without secrets.
    pub(crate) why: Message,
    pub(crate) failed: Failed,
    pub(crate) may_be_offline: bool,
}

/// Sends one message over a channel: one attempt.
pub(crate) async fn attempt(
    curl: &Curl,
    settings: &ChannelSettings,
    message: &Outgoing,
    at: Timestamp,
) -> Result<(), AttemptError> {
    let later = |why| AttemptError { why, failed: Failed::Later(None), may_be_offline: false };
    let target = Target::read(settings).map_err(|error| later(error.message()))?;
    let clean =
        |message: Message| message.cleaned(&|words: &str| kinds::clean_words(words, target.secrets()));
    let request = kinds::request(&target, message, at);
    let response = curl.send(&request).await.map_err(|error| AttemptError {
        may_be_offline: error.may_be_offline(),
        ..later(clean(error.message()))
    })?;
    let said = |words: String| clean(Message::new(say::SERVER_SAID).with("words", words));
    match kinds::verdict(settings.kind, &response) {
        Verdict::Delivered => Ok(()),
        Verdict::Later { words, after } => {
            Err(AttemptError { failed: Failed::Later(after), ..later(said(words)) })
        }
        Verdict::Refused { words } => Err(AttemptError { failed: Failed::ForGood, ..later(said(words)) }),
    }
}

/// Starts the task. It ends when the sender is dropped and all attempts under way have ended.
pub(crate) fn spawn(
    setup: Setup,
    report: impl Fn(Report) + Send + Sync + 'static,
) -> (mpsc::Sender<Command>, JoinHandle<()>) {
    let (commands, received) = mpsc::channel(QUEUE);
    let stored = store::read(&setup.file);
    let task = tokio::spawn(Dispatcher::new(setup, stored).supervise(received, report));
    (commands, task)
}

/// The end of an attempt.
struct Attempted {
    channel: String,
    is_test: bool,
    result: Result<(), AttemptError>,
}

struct Channel {
    settings: ChannelSettings,
    outbox: Outbox,
    busy: bool,
}

struct Dispatcher {
    setup: Setup,
    channels: BTreeMap<String, Channel>,
    heartbeat_failure: Option<Failure>,
    offline: bool,
    attempts: JoinSet<Attempted>,
    saved: Stored,
    shown: Option<DispatchView>,
}

impl Dispatcher {
    fn new(setup: Setup, stored: Stored) -> Self {
        let mut outboxes = stored.channels.clone();
        let channel = |settings: &ChannelSettings| {
            let outbox = outboxes.remove(&settings.name).unwrap_or_default();
            (settings.name.clone(), Channel { settings: settings.clone(), outbox, busy: false })
        };
        let channels = setup.channels.iter().map(channel).to_map();
        let heartbeat_failure = stored.heartbeat_failure.clone();
        let attempts = JoinSet::new();
        Self { setup, channels, heartbeat_failure, offline: false, attempts, saved: stored, shown: None }
    }

    /// Runs until the sender of the commands is dropped; again after a panic.
    async fn supervise(mut self, mut commands: mpsc::Receiver<Command>, report: impl Fn(Report)) {
        let mut backoff = Backoff::new("channels");
        while worker::catch(self.run(&mut commands, &report)).await.is_err() {
            self.attempts.abort_all();
            self.channels.values_mut().for_each(|channel| channel.busy = false);
            tokio::time::sleep(backoff.crashed()).await;
            backoff.restarted();
        }
    }

    async fn run(&mut self, commands: &mut mpsc::Receiver<Command>, report: &impl Fn(Report)) {
        loop {
            worker::test_panic("channels");
            let now = Timestamp::now();
            let wait = self.start_due(now);
            self.save();
            self.show(report);
            let sleep = wait.map(|at| at.duration_since(now).try_into().unwrap_or_default());
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.execute(command, Timestamp::now()),
                    None => return self.end(report).await,
                },
                Some(ended) = self.attempts.join_next(), if !self.attempts.is_empty() => {
                    if let Ok(attempted) = ended {
                        self.finish(attempted, Timestamp::now(), report);
                    }
                }
                () = tokio::time::sleep(sleep.unwrap_or_default()), if sleep.is_some() => {}
            }
        }
    }

    /// Waits for the attempts under way: a message whose attempt is cancelled may have arrived, and would be sent twice.
    async fn end(&mut self, report: &impl Fn(Report)) {
        while let Some(ended) = self.attempts.join_next().await {
            if let Ok(attempted) = ended {
                self.finish(attempted, Timestamp::now(), report);
                self.save();
            }
        }
    }

    fn execute(&mut self, command: Command, now: Timestamp) {
        match command {
            Command::Notices(name, notices) => {
                for notice in notices {
                    self.queue(&name, &notice, now);
                }
            }
            Command::Started(snapshot) => {
                let names: Vec<String> = self.channels.keys().cloned().collect();
                for name in names {
                    let outbox = self.channels.get_mut(&name).map(|channel| &mut channel.outbox);
                    let notice = outbox.and_then(|outbox| recovered_meanwhile(outbox, &snapshot, now));
                    if let Some(notice) = notice {
                        self.queue(&name, &notice, now);
                    }
                }
            }
            Command::Offline(offline) => {
                self.offline = offline;
                if !offline {
                    self.channels.values_mut().for_each(|channel| channel.outbox.try_at_once());
                }
            }
            Command::Test(name) => self.test(&name, now),
            Command::Heartbeat(failure) => self.heartbeat_failure = failure,
            Command::Settings(channels, lang) => {
                (self.setup.channels, self.setup.lang) = (channels, lang);
                let mut old = std::mem::take(&mut self.channels);
                for settings in &self.setup.channels {
                    let (outbox, busy) =
                        old.remove(&settings.name).map(|old| (old.outbox, old.busy)).unwrap_or_default();
                    let channel = Channel { settings: settings.clone(), outbox, busy };
                    self.channels.insert(settings.name.clone(), channel);
                }
            }
        }
    }

    fn queue(&mut self, name: &str, notice: &Notice, now: Timestamp) {
        let Some(channel) = self.channels.get_mut(name) else { return };
        let Some(notice) = unreported(notice, &channel.outbox, now) else { return };
        let lang = language(&self.setup, &channel.settings);
        let wording = Wording { lang, zone: &self.setup.zone, anonymiser: &self.setup.anonymiser };
        let message = Outgoing::of(&notice, wording);
        channel.outbox.push_notice(now, &notice, message, reported(&notice));
    }

    /// A test message bypasses the queue, because it has to show what the server says now.
    fn test(&mut self, name: &str, now: Timestamp) {
        if let Some(channel) = self.channels.get(name) {
            let message = Outgoing::test(now, language(&self.setup, &channel.settings));
            self.start(name.to_owned(), message, true, now);
        }
    }

    /// Starts every attempt that is due; returns when the next one is due.
    fn start_due(&mut self, now: Timestamp) -> Option<Timestamp> {
        let (mut due, mut next) = (Vec::new(), None);
        for (name, channel) in self.channels.iter_mut().filter(|(_, channel)| !channel.busy) {
            // while offline, only local channels send
            if self.offline && !target::is_local(&channel.settings) {
                continue;
            }
            let lang = language(&self.setup, &channel.settings);
            match channel.outbox.next(now, lang, &self.setup.zone) {
                Next::Idle => {}
                Next::Wait(at) => next = Some(next.map_or(at, |other: Timestamp| other.min(at))),
                Next::Send(message) => {
                    channel.busy = true;
                    due.push((name.clone(), *message));
                }
            }
        }
        for (name, message) in due {
            self.start(name, message, false, now);
        }
        next
    }

    fn start(&mut self, name: String, message: Outgoing, is_test: bool, now: Timestamp) {
        let Some(channel) = self.channels.get(&name) else { return };
        let (curl, settings) = (self.setup.curl.clone(), channel.settings.clone());
        self.attempts.spawn(async move {
            // a panic here is our own bug, whatever the server answers
            let sending = worker::catch(attempt(&curl, &settings, &message, now)).await;
            let panicked = |_| {
                let why = Message::new(say::INTERNAL);
                Err(AttemptError { why, failed: Failed::ForGood, may_be_offline: false })
            };
            Attempted { channel: name, is_test, result: sending.unwrap_or_else(panicked) }
        });
    }

    fn finish(&mut self, attempted: Attempted, now: Timestamp, report: &impl Fn(Report)) {
        let Attempted { channel: name, is_test, result } = attempted;
        if let Err(trouble) = &result {
            tracing::warn!(channel = name, "not sent: {}", trouble.why.text(Lang::En));
            if trouble.may_be_offline {
                report(Report::Unreachable);
            }
        }
        let Some(channel) = self.channels.get_mut(&name) else { return };
        if is_test {
            let outbox = &mut channel.outbox;
            outbox.tested(now, result.as_ref().err().map(|trouble| trouble.why.clone()));
            report(Report::Tested(name, result.map_err(|trouble| trouble.why)));
            return;
        }
        channel.busy = false;
        match result {
            Ok(()) => channel.outbox.delivered(now),
            Err(trouble) => channel.outbox.failed(now, trouble.why, &trouble.failed),
        }
    }

    fn save(&mut self) {
        let outboxes = self.channels.iter().map(|(name, channel)| (name.clone(), channel.outbox.clone()));
        let stored = Stored {
            channels: outboxes.to_map(),
            heartbeat_failure: self.heartbeat_failure.clone(),
            ..Stored::default()
        };
        if stored != self.saved {
            // stored again at the next change; the queue in memory is sent anyway
            if let Err(error) = store::write(&self.setup.file, &stored) {
                tracing::warn!("channels: queue not stored: {error}");
            }
            self.saved = stored;
        }
    }

    fn show(&mut self, report: &impl Fn(Report)) {
        let view = |channel: &Channel| ChannelView::of(&channel.settings, &channel.outbox);
        let channels = self.setup.channels.iter().filter_map(|one| self.channels.get(&one.name));
        let failure = self.heartbeat_failure.clone();
        let shown = DispatchView {
            channels: channels.map(view).collect(),
            heartbeat_failure: failure.map(|failure| (failure.at, failure.why)),
        };
        if self.shown.as_ref() != Some(&shown) {
            report(Report::State(shown.clone()));
            self.shown = Some(shown);
        }
    }
}

/// The language of a channel's messages.
fn language(setup: &Setup, settings: &ChannelSettings) -> Lang {
    settings.language.map_or(setup.lang, |language| language.choose(setup.system_lang))
}
