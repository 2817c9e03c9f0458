//! Delivers notices. A worker of its own, so that a desktop that does not answer holds nobody up; its queue is bounded,
//! and every notice ends as delivered or as failed with a reason.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use crate::alerts::Notice;
use crate::health::Light;
use crate::text::{Lang, Phrase, desktop as say, fill};
use crate::worker;

#[cfg(not(target_os = "macos"))]
mod freedesktop;
#[cfg(not(target_os = "macos"))]
use freedesktop as system;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;
mod wording;

pub(crate) use wording::buttons;
pub use wording::{Button, Content};

/// How long the desktop may take to accept a notice.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// Notices that wait while one is delivered.
const QUEUE: usize = 32;

/// A notice as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Ours; one with the id of an earlier one takes its place.
    pub id: u64,
    /// One line of plain text.
    pub title: String,
    /// Plain text; whoever speaks markup escapes it.
    pub body: String,
    /// Keys and words of its buttons.
    pub buttons: Vec<(&'static str, String)>,
    /// The light to show with it.
    pub light: Light,
    /// Ids of earlier ones that may leave the screen.
    pub withdrawn: Vec<u64>,
}

impl Message {
    /// The notice in this language.
    pub fn of(notice: &Notice, lang: Lang) -> Self {
        let content = wording::content(notice, lang);
        Self {
            id: notice.id,
            title: content.title,
            body: content.body,
            buttons: buttons(notice).iter().map(|b| (b.key, lang.pick(b.label).to_owned())).collect(),
            light: if notice.is_good() { Light::Green } else { Light::Red },
            withdrawn: notice.withdrawn.clone(),
        }
    }
}

/// What the worker is asked for.
#[derive(Debug)]
enum Task {
    /// To show this.
    Show(Message),
    /// Whether the user allows notifications: macOS lets them change their mind in System Settings.
    Permission,
}

/// What became of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The desktop has it.
    Delivered(u64),
    /// It has not.
    Failed {
        /// Which one.
        id: u64,
        /// Its title.
        title: String,
        /// Why.
        why: Failure,
    },
    /// The user pressed a button.
    Pressed {
        /// Of which one.
        id: u64,
        /// The button's key.
        key: String,
    },
    /// Whether the user allows notifications (macOS).
    Allowed(bool),
}

/// Why a notice was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    phrase: Phrase,
    why: String,
}

impl Failure {
    /// A reason of ours, with the system's words where it has some.
    pub fn new(phrase: Phrase, why: impl std::fmt::Display) -> Self {
        Self { phrase, why: why.to_string() }
    }

    /// For people.
    pub fn text(&self, lang: Lang) -> String {
        let seconds = TIMEOUT.as_secs().to_string();
        fill(lang.pick(self.phrase), &[("why", &self.why), ("seconds", &seconds)])
    }
}

/// Where reports go.
pub type Reporter = Arc<dyn Fn(Report) + Send + Sync>;

/// The worker, from outside.
pub struct Courier {
    queue: SyncSender<Task>,
    report: Reporter,
}

impl Courier {
    /// Starts the worker. It ends with the courier.
    pub fn start(report: Reporter) -> std::io::Result<Self> {
        let (queue, tasks): (_, Receiver<Task>) = sync_channel(QUEUE);
        let worker_report = Arc::clone(&report);
        worker::spawn("notices", move || system::work(&tasks, &worker_report))?;
        Ok(Self { queue, report })
    }

    /// Hands a notice to the worker; never waits.
    pub fn send(&self, message: Message) {
        if let Err(
            TrySendError::Full(Task::Show(message)) | TrySendError::Disconnected(Task::Show(message)),
        ) = self.queue.try_send(Task::Show(message))
        {
            let why = Failure::new(say::QUEUE_FULL, "");
            (self.report)(Report::Failed { id: message.id, title: message.title, why });
        }
    }

    /// Has it reported whether the user allows notifications, where the system knows; never waits.
    pub fn ask_permission(&self) {
        // a worker with so much to do asks for each notice anyway
        let _busy = self.queue.try_send(Task::Permission);
    }
}
