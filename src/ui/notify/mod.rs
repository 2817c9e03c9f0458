//! Delivers notices on a worker thread, so that a desktop that does not answer blocks nothing. The queue is bounded; each
//! notice ends as delivered, or as failed with a reason.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use super::menu_bar::permission::Permission;
use crate::alerts::{Notice, content};
use crate::health::Light;
use crate::text::{Lang, Phrase, desktop as say, fill, notice as say_notice};
use crate::worker;

#[cfg(not(target_os = "macos"))]
mod freedesktop;
#[cfg(not(target_os = "macos"))]
use freedesktop as system;
#[cfg(target_os = "macos")]
pub(super) mod delegate;
// compiled and tested everywhere, used by the notifications of macOS
#[allow(dead_code)]
pub(crate) mod identifier;
#[cfg(target_os = "macos")]
pub(super) mod macos;
#[cfg(target_os = "macos")]
use macos as system;
mod wording;

pub use crate::alerts::Content;
pub use wording::Button;
pub(crate) use wording::buttons;

/// How long the desktop may take to accept a notification.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// Capacity of the queue.
const QUEUE: usize = 32;

/// A notification to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationRequest {
    /// Gatelight's own id. A notification replaces an earlier one with the same id.
    pub id: u64,
    /// One line of plain text.
    pub title: String,
    /// Plain text: the backend escapes it where the server reads markup.
    pub body: String,
    /// Keys and labels of its buttons.
    pub buttons: Vec<(&'static str, String)>,
    /// The light to show with it; grey if it is not about a gateway, then the icon of the app is shown.
    pub light: Light,
    /// Ids of earlier ones to be removed from the screen.
    pub withdrawn: Vec<u64>,
    /// The first affected profile.
    pub profile: Option<String>,
}

impl NotificationRequest {
    /// The notification for a notice.
    pub fn of(notice: &Notice, lang: Lang) -> Self {
        let content = content(notice, lang);
        Self {
            id: notice.id,
            title: content.title,
            body: content.body,
            buttons: buttons(notice).iter().map(|b| (b.key, lang.pick(b.label).to_owned())).collect(),
            light: if notice.is_good() { Light::Green } else { Light::Red },
            withdrawn: notice.withdrawn.clone(),
            profile: notice.affected.first().map(|line| line.name.clone()),
        }
    }
}

/// A task of the worker.
#[derive(Debug)]
enum Task {
    /// Show a notification.
    Show(NotificationRequest),
    /// Ask whether the user allows notifications, which macOS lets them change in System Settings.
    Permission,
    /// Register these combinations of buttons before the first notice.
    #[cfg_attr(not(target_os = "macos"), allow(dead_code))]
    Buttons(Vec<Buttons>),
    /// Withdraw everything that this run has shown, then answer.
    WithdrawAll(SyncSender<()>),
}

/// Keys and labels of the buttons of a notice.
pub(crate) type Buttons = Vec<(&'static str, String)>;

/// The key of the button that restarts.
pub(crate) const RESTART: &str = "restart";
/// The key of the button that opens the log.
pub(crate) const OPEN_LOG: &str = "open-log";
/// The key of the button that acknowledges.
pub(crate) const ACKNOWLEDGE: &str = "acknowledge";

/// Each combination of buttons that a notice may have: of one profile, of several, and of several that no restart helps.
pub(crate) fn combinations(lang: Lang) -> Vec<Buttons> {
    let restart = (RESTART, lang.pick(say_notice::RESTART).to_owned());
    let open_log = (OPEN_LOG, lang.pick(say_notice::OPEN_LOG).to_owned());
    let acknowledge = (ACKNOWLEDGE, lang.pick(say_notice::ACKNOWLEDGE).to_owned());
    vec![
        vec![restart.clone(), open_log, acknowledge.clone()],
        vec![restart, acknowledge.clone()],
        vec![acknowledge],
    ]
}

/// The key of a press on the notice itself.
pub(crate) const BODY: &str = "default";

/// The element of a notice that the user pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(target_os = "macos"), allow(dead_code))]
pub(crate) enum Press {
    /// The notice itself.
    Body,
    /// The button with this key.
    Button(String),
    /// Nothing: it was dismissed.
    Dismissed,
}

/// A report about a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The desktop accepted it.
    Delivered(u64),
    /// It was not shown.
    Failed {
        /// Its id.
        id: u64,
        /// Its title.
        title: String,
        /// Why.
        why: Failure,
    },
    /// The user pressed a button.
    Pressed {
        /// Id of the notification.
        id: u64,
        /// The button's key.
        key: String,
    },
    /// The user pressed a notice of an earlier run (macOS).
    PressedEarlier {
        /// The profile that it was about.
        profile: Option<String>,
        /// The button's key.
        key: String,
    },
    /// The user dismissed one (macOS).
    Dismissed,
    /// Whether the system allows notifications (macOS).
    Permission(Permission),
}

impl Report {
    /// Whether it is a response of the user to a notice.
    #[cfg_attr(not(target_os = "macos"), allow(dead_code))]
    pub(crate) const fn is_response(&self) -> bool {
        matches!(self, Self::Pressed { .. } | Self::PressedEarlier { .. } | Self::Dismissed)
    }
}

/// Why a notification was not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    phrase: Phrase,
    why: String,
}

impl Failure {
    /// A reason, with the system's message as `{why}`.
    pub fn new(phrase: Phrase, why: impl std::fmt::Display) -> Self {
        Self { phrase, why: why.to_string() }
    }

    /// The text for users.
    pub fn text(&self, lang: Lang) -> String {
        let seconds = TIMEOUT.as_secs().to_string();
        fill(lang.pick(self.phrase), &[("why", &self.why), ("seconds", &seconds)])
    }
}

/// Writes a report to our own log, without the title, which may name a profile.
fn log(report: &Report) {
    match report {
        Report::Delivered(id) => tracing::info!(id, "notice delivered"),
        Report::Failed { id, why, .. } => tracing::warn!(id, "notice not shown: {}", why.text(Lang::En)),
        Report::Pressed { id, key } => tracing::info!(id, key, "notice pressed"),
        Report::PressedEarlier { key, .. } => tracing::info!(key, "notice of an earlier run pressed"),
        Report::Dismissed => tracing::debug!("notice dismissed"),
        Report::Permission(permission) => tracing::debug!(?permission, "permission for notices"),
    }
}

/// Receives the reports.
pub type Reporter = Arc<dyn Fn(Report) + Send + Sync>;

/// The sending end of the worker's queue.
pub struct Notifier {
    queue: SyncSender<Task>,
    report: Reporter,
}

#[cfg(test)]
impl Notifier {
    /// A notifier without a desktop, and a function that returns what it was asked to show.
    pub(super) fn without_desktop() -> (Self, impl Fn() -> Vec<NotificationRequest>) {
        let (queue, tasks) = sync_channel(QUEUE);
        let shown = move || {
            let message = |task| if let Task::Show(message) = task { Some(message) } else { None };
            tasks.try_iter().filter_map(message).collect()
        };
        (Self { queue, report: Arc::new(|_| {}) }, shown)
    }
}

impl Notifier {
    /// Starts the worker, which ends when this is dropped.
    pub fn start(report: Reporter) -> std::io::Result<Self> {
        let (queue, tasks): (_, Receiver<Task>) = sync_channel(QUEUE);
        let report: Reporter = Arc::new(move |reported| {
            log(&reported);
            report(reported);
        });
        let worker_report = Arc::clone(&report);
        worker::spawn("notices", move || system::work(&tasks, &worker_report))?;
        Ok(Self { queue, report })
    }

    /// Queues a notification; never waits.
    pub fn send(&self, message: NotificationRequest) {
        if let Err(
            TrySendError::Full(Task::Show(message)) | TrySendError::Disconnected(Task::Show(message)),
        ) = self.queue.try_send(Task::Show(message))
        {
            let why = Failure::new(say::QUEUE_FULL, "");
            (self.report)(Report::Failed { id: message.id, title: message.title, why });
        }
    }

    /// Registers these combinations of buttons, so that notices of an earlier run keep theirs; never waits.
    pub(crate) fn prepare(&self, combinations: Vec<Buttons>) {
        let _busy = self.queue.try_send(Task::Buttons(combinations));
    }

    /// Withdraws everything that this run has shown, if the desktop would keep it; waits up to `limit`.
    #[cfg_attr(not(target_os = "macos"), allow(dead_code))]
    pub(crate) fn withdraw_all(&self, limit: Duration) {
        let (done, answer) = sync_channel(1);
        if self.queue.try_send(Task::WithdrawAll(done)).is_ok() {
            let _gave_up = answer.recv_timeout(limit);
        }
    }

    /// Asks for a report of whether the user allows notifications, where the system knows; never waits.
    pub fn ask_permission(&self) {
        // a worker with a full queue asks for each notification anyway
        let _busy = self.queue.try_send(Task::Permission);
    }
}
