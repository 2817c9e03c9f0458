//! Sends heartbeats, but only while two loops run: the engine's, which calls this, and the watcher's, which answers a ping.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::channels::curl::Curl;
use crate::channels::heartbeat::{Signal, beat};
use crate::channels::outbox::Failure;
use crate::config::HeartbeatSettings;
use crate::evidence::alarm;
use crate::health::Light;
use crate::text::{Lang, Message};
use crate::watcher::Command;
use crate::watcher::snapshot::Snapshot;

/// How long the watcher may take to answer. None of its steps takes this long.
const WATCHER_LIMIT: Duration = Duration::from_secs(10);
/// After the start, the interval of checks whether all profiles were found.
const NOT_YET: Duration = Duration::from_secs(1);

/// The heartbeat of the settings.
pub(super) struct Heartbeat {
    settings: HeartbeatSettings,
    curl: Curl,
    due: Instant,
    under_way: Option<JoinHandle<()>>,
    ended: mpsc::Sender<Result<(), Message>>,
    /// Whether the last one was accepted.
    last: Option<bool>,
    /// Why the last one was not accepted.
    failure: Option<Failure>,
}

impl Heartbeat {
    /// `ended` gets the result of each heartbeat.
    pub(super) fn new(settings: HeartbeatSettings, ended: mpsc::Sender<Result<(), Message>>) -> Self {
        let curl = Curl::from_environment();
        Self { settings, curl, due: Instant::now(), under_way: None, ended, last: None, failure: None }
    }

    pub(super) const fn settings(&self) -> &HeartbeatSettings {
        &self.settings
    }

    /// When to call [`Self::beat`] next.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// Sends a heartbeat if all profiles were found and the watcher answers. Only one is sent at a time.
    pub(super) fn beat(&mut self, snapshot: &Snapshot, watcher: &mpsc::Sender<Command>) {
        if !snapshot.complete {
            self.due = Instant::now() + NOT_YET;
            return;
        }
        self.due = alarm::after(Instant::now(), self.settings.every);
        if self.under_way.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let is_red = self.settings.fail_on_red && snapshot.worst() == Light::Red;
        let signal = if is_red { Signal::Red } else { Signal::Alive };
        let (settings, curl) = (self.settings.clone(), self.curl.clone());
        let (watcher, ended) = (watcher.clone(), self.ended.clone());
        self.under_way = Some(tokio::spawn(async move {
            if tokio::time::timeout(WATCHER_LIMIT, answers(&watcher)).await != Ok(true) {
                tracing::error!("no heartbeat: the watcher does not answer");
                return;
            }
            // the engine may have ended
            let _ = ended.send(beat(&settings, &curl, signal).await).await;
        }));
    }

    /// Stores a result. Returns whether it differs from the one before.
    pub(super) fn note(&mut self, result: Result<(), Message>) -> bool {
        let taken = result.is_ok();
        if let Err(why) = &result {
            tracing::warn!("heartbeat not accepted: {}", why.text(Lang::En));
        }
        self.failure = result.err().map(|why| Failure { at: Timestamp::now(), why });
        self.last.replace(taken) != Some(taken)
    }

    /// Why the last one was not accepted.
    pub(super) const fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

/// Whether the watcher's loop runs.
async fn answers(watcher: &mpsc::Sender<Command>) -> bool {
    let (sender, answer) = oneshot::channel();
    watcher.send(Command::Ping(sender)).await.is_ok() && answer.await.is_ok()
}
