//! UNUserNotificationCenter, through notify-rust with its feature `preview-macos-un`.
//!
//! - notify-rust's handles are dropped: `wait_for_*` fails unless the main loop happens to wait, and blocks a thread for
//!   each notice (notify-rust 4.19, `src/macos/unusernotifications.rs`, 112–165). Presses arrive at [`super::delegate`].
//! - Its handle is also the only way to withdraw; mac-usernotifications, which it shows with, does so by identifier.
//! - The crate keeps a category of buttons for each combination of keys and hands the system the whole set at each new
//!   one (mac-usernotifications 0.3, `src/action.rs`, `register_now`): those of an earlier run would lose their buttons
//!   with the first notice, so all combinations are registered at the start.
//!
//! `currentNotificationCenter` raises an exception in a process that is no app
//! (<https://developer.apple.com/documentation/usernotifications/unusernotificationcenter/current()>), and a bundle
//! identifier can be embedded in a bare binary too: so it is touched only when the executable lies in an .app.

use std::collections::VecDeque;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use mac_usernotifications::action::ActionCategory;
use mac_usernotifications::{
    Action, AuthorizationStatus, InterruptionLevel, close_delivered, get_delivered_notification_ids, sound,
};
use notify_rust::{Notification, check_bundle, get_notification_settings, request_auth};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::identifier::{Identifier, this_run};
use super::{Failure, NotificationRequest, Report, Reporter, TIMEOUT, Task};
use crate::health::Light;
use crate::text::desktop as say;
use crate::ui::menu_bar::bundle::in_app;
use crate::ui::menu_bar::permission::{Asked, Permission, Status, permission};

/// How long the question of the first start may stay unanswered before notices fail instead of waiting for it.
const QUESTION: Duration = Duration::from_secs(60);
/// Most notices of an earlier run that are taken away, and most of this run that are when it ends.
const MOST_SHOWN: usize = 256;

/// Whether notifications can be used at all: the program is in an .app that has an identifier.
pub(in crate::ui) fn are_available() -> bool {
    in_app() && check_bundle().is_ok()
}

/// Delivers until the notifier is gone.
pub(super) fn work(tasks: &Receiver<Task>, report: &Reporter) {
    let runtime = Builder::new_current_thread().enable_time().build();
    let (Ok(runtime), true) = (runtime, are_available()) else {
        report(Report::Permission(Permission::NoApp));
        return refuse_all(tasks, report);
    };
    let mut worker = Worker { runtime, asked: None, permission: None, shown: VecDeque::new() };
    worker.ask();
    worker.report_permission(report);
    worker.withdraw_earlier_runs();
    while let Ok(task) = tasks.recv() {
        match task {
            Task::Buttons(combinations) => register(combinations),
            // the user may have changed their mind in System Settings
            Task::Permission => worker.report_permission(report),
            Task::Show(message) => {
                worker.report_permission(report);
                let (id, title) = (message.id, message.title.clone());
                report(match worker.show(&message) {
                    Ok(()) => Report::Delivered(id),
                    Err(why) => Report::Failed { id, title, why },
                });
            }
            Task::WithdrawAll(done) => {
                worker.withdraw_all();
                let _gave_up = done.send(());
            }
        }
    }
}

fn refuse_all(tasks: &Receiver<Task>, report: &Reporter) {
    while let Ok(task) = tasks.recv() {
        match task {
            Task::Show(NotificationRequest { id, title, .. }) => {
                report(Report::Failed { id, title, why: Failure::new(say::NO_BUNDLE, "") });
            }
            Task::WithdrawAll(done) => drop(done.send(())),
            Task::Buttons(_) | Task::Permission => {}
        }
    }
}

/// Makes each combination of buttons known, under the name that mac-usernotifications gives to it: the sorted keys.
fn register(combinations: Vec<Vec<(&'static str, String)>>) {
    for buttons in combinations {
        let mut keys: Vec<&str> = buttons.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        let category = buttons.iter().fold(ActionCategory::new(keys.join(",")), |category, (key, label)| {
            category.action(Action::button(*key, label))
        });
        category.register();
    }
}

struct Worker {
    runtime: Runtime,
    asked: Option<Asked>,
    /// What was reported last.
    permission: Option<Permission>,
    /// Identifiers of what this run has shown and not withdrawn, oldest first.
    shown: VecDeque<(u64, String)>,
}

impl Worker {
    /// Waits for an answer of the system, for at most this long. Answers arrive on queues of the system, not through the
    /// main loop.
    fn wait<T>(&self, limit: Duration, answer: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async { timeout(limit, answer).await }).ok()
    }

    /// <https://developer.apple.com/documentation/usernotifications/unauthorizationstatus>; `None` without an answer.
    fn status(&self) -> Option<Status> {
        let settings = self.wait(TIMEOUT, get_notification_settings())?.ok()?;
        Some(match settings.authorization_status {
            AuthorizationStatus::Authorized
            | AuthorizationStatus::Provisional
            | AuthorizationStatus::Ephemeral => Status::Authorized,
            AuthorizationStatus::Denied => Status::Denied,
            AuthorizationStatus::NotDetermined | AuthorizationStatus::Unknown => Status::NotDetermined,
        })
    }

    /// The system shows its question once for an app; later calls return the answer
    /// (<https://developer.apple.com/documentation/usernotifications/asking-permission-to-use-notifications>).
    fn ask(&mut self) {
        let Some(before) = self.status() else { return };
        let began = Instant::now();
        let granted = self.wait(QUESTION, request_auth()).and_then(Result::ok);
        self.asked = Some(Asked { before, granted, took: began.elapsed() });
    }

    /// Reports the permission where it is another one. Without an answer the last one holds.
    fn report_permission(&mut self, report: &Reporter) {
        let Some(now) = self.status().map(|status| permission(status, self.asked)) else { return };
        if self.permission.replace(now) != Some(now) {
            report(Report::Permission(now));
        }
    }

    fn show(&mut self, message: &NotificationRequest) -> Result<(), Failure> {
        if self.permission != Some(Permission::Granted) {
            return Err(Failure::new(say::NOT_ALLOWED, ""));
        }
        for id in &message.withdrawn {
            self.withdraw(*id);
        }
        let identifier = Identifier { run: this_run(), number: message.id, profile: message.profile.clone() };
        let identifier = identifier.to_string();
        // one number with another profile is another identifier: the earlier one would stay on the screen
        if self.shown.iter().any(|(number, shown)| *number == message.id && *shown != identifier) {
            self.withdraw(message.id);
        }
        let mut notification = Notification::new();
        notification.summary(&message.title).body(&message.body);
        // the same identifier takes the earlier one's place
        // https://developer.apple.com/documentation/usernotifications/unnotificationrequest/identifier
        notification.id(identifier.as_str()).interruption_level(level(message.light));
        if message.light == Light::Red {
            notification.sound_name(sound::BASSO);
        }
        for (key, label) in &message.buttons {
            notification.action(key, label);
        }
        match self.wait(TIMEOUT, notification.show_async()) {
            Some(Ok(_handle)) => {}
            Some(Err(e)) => return Err(Failure::new(say::REFUSED, e)),
            None => return Err(Failure::new(say::NO_ANSWER, "")),
        }
        self.shown.retain(|(number, _)| *number != message.id);
        self.shown.push_back((message.id, identifier));
        if self.shown.len() > MOST_SHOWN {
            self.shown.pop_front();
        }
        Ok(())
    }

    fn withdraw(&mut self, number: u64) {
        if let Some(at) = self.shown.iter().position(|(shown, _)| *shown == number)
            && let Some((_, identifier)) = self.shown.remove(at)
        {
            self.close(&identifier);
        }
    }

    fn close(&self, identifier: &str) {
        // one that the user has dismissed is gone already
        let _gone = self.wait(TIMEOUT, close_delivered(identifier));
    }

    /// At the end: to dismiss a notice that is left over would start the app again.
    fn withdraw_all(&mut self) {
        while let Some((_, identifier)) = self.shown.pop_front() {
            self.close(&identifier);
        }
    }

    /// What a run that was killed has left in the Notification Center tells of a state that is long past. A press on one
    /// that launched this run has been received before.
    fn withdraw_earlier_runs(&self) {
        let delivered = self.wait(TIMEOUT, get_delivered_notification_ids()).unwrap_or_default();
        let earlier = |id: &&String| Identifier::parse(id).is_none_or(|parsed| parsed.run != this_run());
        for identifier in delivered.iter().filter(earlier).take(MOST_SHOWN) {
            self.close(identifier);
        }
    }
}

/// <https://developer.apple.com/documentation/usernotifications/unnotificationinterruptionlevel>: without the entitlement
/// for it, time-sensitive counts as active.
fn level(light: Light) -> InterruptionLevel {
    match light {
        Light::Red => InterruptionLevel::TimeSensitive,
        Light::Green => InterruptionLevel::Passive,
        Light::Amber | Light::Grey => InterruptionLevel::Active,
    }
}
