//! UNUserNotificationCenter, through notify-rust with its feature `preview-macos-un`.
//!
//! - notify-rust's handles are dropped: `wait_for_*` fails unless the main loop happens to wait, and blocks a thread for
//!   each notice (notify-rust 4.19, `src/macos/unusernotifications.rs`, 112–165). Presses arrive at [`super::delegate`].
//! - notify-rust withdraws only through a handle; mac-usernotifications, on which it is built, withdraws by identifier.
//! - The crate has a category for each combination of button keys, and replaces the system's whole set with each new one
//!   (mac-usernotifications 0.3, `src/action.rs`, `register_now`). Notices of an earlier run would lose their buttons with
//!   the first notice, so all combinations are registered at the start.
//!
//! `currentNotificationCenter` raises an exception in a process that is not an app
//! (<https://developer.apple.com/documentation/usernotifications/unusernotificationcenter/current()>), and a bundle
//! identifier can be embedded in a bare binary too, so it is called only if the executable is in an .app.

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

/// How long notices wait for the user's answer to the system's question at the first start.
const QUESTION: Duration = Duration::from_secs(60);
/// Maximum number of notices of earlier runs that are withdrawn, and of this run at its end.
const MAX_SHOWN: usize = 256;

/// Whether notifications can be used at all: the program is in an .app that has an identifier.
pub(in crate::ui) fn are_available() -> bool {
    in_app() && check_bundle().is_ok()
}

/// Delivers until the notifier is dropped.
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
            // the user may have changed it in System Settings
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

/// Registers each combination of buttons under the name that mac-usernotifications gives it: the sorted keys.
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
    /// The last reported permission.
    permission: Option<Permission>,
    /// Number and identifier of the notices of this run that were not withdrawn, oldest first.
    shown: VecDeque<(u64, String)>,
}

impl Worker {
    /// Waits for an answer of the system, up to this limit. Answers arrive on the system's queues, not through the main
    /// loop.
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

    /// Reports the permission if it changed. Without an answer, the last one remains.
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
        // with another profile the identifier differs, and the earlier notice would stay on the screen
        if self.shown.iter().any(|(number, shown)| *number == message.id && *shown != identifier) {
            self.withdraw(message.id);
        }
        let mut notification = Notification::new();
        notification.summary(&message.title).body(&message.body);
        // a notice replaces the one with the same identifier
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
        if self.shown.len() > MAX_SHOWN {
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
        // the user may have dismissed it
        let _gone = self.wait(TIMEOUT, close_delivered(identifier));
    }

    /// At the end of the run: dismissing a remaining notice would start the app again.
    fn withdraw_all(&mut self) {
        while let Some((_, identifier)) = self.shown.pop_front() {
            self.close(&identifier);
        }
    }

    /// Notices in the Notification Center that a killed run left behind are outdated. If a press on one of them launched this
    /// run, it was received before.
    fn withdraw_earlier_runs(&self) {
        let delivered = self.wait(TIMEOUT, get_delivered_notification_ids()).unwrap_or_default();
        let earlier = |id: &&String| Identifier::parse(id).is_none_or(|parsed| parsed.run != this_run());
        for identifier in delivered.iter().filter(earlier).take(MAX_SHOWN) {
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
