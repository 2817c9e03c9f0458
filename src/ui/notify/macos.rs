//! UNUserNotificationCenter, through mac-usernotifications 0.3.1: the crate that notify-rust's feature `preview-macos-un`
//! stands for (`preview-macos-un = ["dep:mac-usernotifications"]`). The layer above it, notify-rust
//! 4.19.0, would take from users what they need; lines are those of its `src/macos/unusernotifications.rs`:
//!
//! - A button is heard only through `wait_for_response(self)` (139) or `wait_for_action(self)` (112); the handle inside,
//!   whose `response()` can be awaited, is private (22), and the method that would pass it on is commented out (66–77).
//!   Both go through `block_on_current`, which fails at once unless the main run loop happens to be *waiting* at that
//!   moment (mac-usernotifications `src/lib.rs` 213–235, `CFRunLoop::is_waiting`). A notice goes out while the main
//!   thread draws the icon for the same change: its buttons would be dead, by chance.
//! - Both take the handle with them, and `close(&self)` (99) needs it: a notice that waits for its buttons could not be
//!   withdrawn any more, and would go on saying that a gateway is down which works again. There is no way to close by
//!   identifier.
//! - Both block a thread for each notice until the user acts, which he never does after *Clear All* (the table of pitfalls
//!   in mac-usernotifications' `src/lib.rs`, 88).
//! - `thread_id`, which keeps our notices together in the Notification Center, is not passed on (225–271).
//! - mac-notification-sys, with its Objective-C file of the deprecated NSUserNotificationCenter, is compiled and linked in
//!   all the same: it is no optional dependency, and `src/macos/mod.rs` 21 uses it.
//!
//! What would be left of it are three functions that it passes on unchanged (`src/macos/mod.rs` 41).
//!
//! `currentNotificationCenter` raises an exception in a process that is no app
//! (<https://developer.apple.com/documentation/usernotifications/unusernotificationcenter/current()>), and a bundle
//! identifier can be embedded in a bare binary too: so it is touched only when the executable lies in a bundle.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use mac_usernotifications::{
    Action, AuthorizationStatus, Error, InterruptionLevel, Notification, NotificationHandle, check_bundle,
    close_delivered, get_delivered_notification_ids, get_notification_settings, request_auth,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, LocalSet};
use tokio::time::timeout;

use super::{Failure, Message, Report, Reporter, TIMEOUT, Task};
use crate::health::Light;
use crate::text::desktop as say;

/// Most notices whose buttons are waited for: the newest.
const MOST_WAITING: usize = 32;
/// How long the question of the first start may stay unanswered before notices fail instead of waiting for it.
const QUESTION: Duration = Duration::from_secs(60);
/// Most notices of an earlier run that are taken away.
const MOST_OLD: usize = 256;

/// Delivers until the courier is gone.
pub fn work(tasks: &Receiver<Task>, report: &Reporter) {
    let refuse_all = |why: &dyn Fn() -> Failure| {
        while let Ok(task) = tasks.recv() {
            if let Task::Show(Message { id, title, .. }) = task {
                report(Report::Failed { id, title, why: why() });
            }
        }
    };
    if !in_bundle() {
        return refuse_all(&|| Failure::new(say::NO_BUNDLE, ""));
    }
    let runtime = match Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(e) => return refuse_all(&|| Failure::new(say::REFUSED, &e)),
    };
    let waiting = wait_for_buttons(Arc::clone(report));
    // the system shows its question once for an app; later calls return the answer
    // https://developer.apple.com/documentation/usernotifications/asking-permission-to-use-notifications
    let asked = runtime.block_on(async { timeout(QUESTION, request_auth()).await });
    let mut allowed = matches!(asked, Ok(Ok(true)));
    report(Report::Allowed(allowed));
    runtime.block_on(take_old_ones_away());
    while let Ok(task) = tasks.recv() {
        // the user may have changed his mind in System Settings; without an answer the last one holds
        let now_allowed = is_allowed(&runtime).unwrap_or(allowed);
        if now_allowed != allowed {
            allowed = now_allowed;
            report(Report::Allowed(allowed));
        }
        let Task::Show(message) = task else { continue };
        let (id, title) = (message.id, message.title.clone());
        report(match show(&runtime, &message, allowed, waiting.as_ref()) {
            Ok(()) => Report::Delivered(id),
            Err(why) => Report::Failed { id, title, why },
        });
    }
}

/// What an earlier run has left in Notification Center: its buttons would do nothing, and to dismiss it would start the app.
async fn take_old_ones_away() {
    let old = timeout(TIMEOUT, get_delivered_notification_ids()).await.unwrap_or_default();
    for id in old.iter().take(MOST_OLD) {
        let _gone_already = timeout(TIMEOUT, close_delivered(id)).await;
    }
}

/// <https://developer.apple.com/documentation/usernotifications/unauthorizationstatus>; `None` without an answer.
fn is_allowed(runtime: &Runtime) -> Option<bool> {
    let settings = runtime.block_on(async { timeout(TIMEOUT, get_notification_settings()).await });
    let status = settings.ok()?.ok()?.authorization_status;
    Some(matches!(status, AuthorizationStatus::Authorized | AuthorizationStatus::Provisional))
}

fn show(
    runtime: &Runtime,
    message: &Message,
    allowed: bool,
    waiting: Option<&mpsc::Sender<(u64, NotificationHandle)>>,
) -> Result<(), Failure> {
    if !allowed {
        return Err(Failure::new(say::NOT_ALLOWED, ""));
    }
    let level =
        if message.light == Light::Green { InterruptionLevel::Passive } else { InterruptionLevel::Active };
    let mut notification = Notification::new()
        .title(&message.title)
        .message(&message.body)
        .thread_id("gatelight")
        // the same identifier takes the earlier one's place
        // https://developer.apple.com/documentation/usernotifications/unnotificationrequest/identifier
        .id(&name(message.id))
        .interruption_level(level);
    for (key, label) in &message.buttons {
        notification = notification.action(Action::button(*key, label));
    }
    let sent = runtime.block_on(async {
        for id in &message.withdrawn {
            let _gone_already = timeout(TIMEOUT, close_delivered(&name(*id))).await;
        }
        timeout(TIMEOUT, notification.send()).await
    });
    let handle = match sent {
        Ok(Ok(handle)) => handle,
        Ok(Err(e)) => return Err(failure(&e)),
        Err(_) => return Err(Failure::new(say::NO_ANSWER, "")),
    };
    if let Some(waiting) = waiting.filter(|_| !message.buttons.is_empty()) {
        // should that thread be behind by so many, this one is shown and its buttons do nothing
        let _full = waiting.try_send((message.id, handle));
    }
    Ok(())
}

fn name(id: u64) -> String {
    format!("gatelight-{id}")
}

fn failure(error: &Error) -> Failure {
    match error {
        Error::NoBundleIdentifier => Failure::new(say::NO_BUNDLE, ""),
        other => Failure::new(say::REFUSED, other),
    }
}

/// One thread waits for the buttons of all notices; the answers arrive through the main thread's run loop.
fn wait_for_buttons(report: Reporter) -> Option<mpsc::Sender<(u64, NotificationHandle)>> {
    let (tx, mut rx) = mpsc::channel::<(u64, NotificationHandle)>(MOST_WAITING);
    let runtime = Builder::new_current_thread().enable_time().build().ok()?;
    let wait = move || async move {
        // of a notice that is cleared or withdrawn nothing is ever heard again, so the oldest make room
        let mut open: VecDeque<AbortHandle> = VecDeque::new();
        while let Some((id, handle)) = rx.recv().await {
            // one whose place was taken by another of its name ends by itself
            open.retain(|task| !task.is_finished());
            while open.len() >= MOST_WAITING {
                open.pop_front().iter().for_each(AbortHandle::abort);
            }
            let report = Arc::clone(&report);
            let answer = tokio::task::spawn_local(async move {
                if let Ok(response) = handle.response().await
                    && !response.is_default_action()
                    && !response.is_dismiss_action()
                    && !response.is_timed_out()
                {
                    report(Report::Pressed { id, key: response.action_identifier });
                }
            });
            open.push_back(answer.abort_handle());
        }
    };
    // made on that thread: its tasks may not move to another
    let work = move || LocalSet::new().block_on(&runtime, wait());
    thread::Builder::new().name("notice-buttons".into()).spawn(work).ok()?;
    Some(tx)
}

/// The executable lies in `X.app/Contents/MacOS/`, and the bundle has an identifier.
fn in_bundle() -> bool {
    std::env::current_exe().is_ok_and(|exe| lies_in_bundle(&exe)) && check_bundle().is_ok()
}

fn lies_in_bundle(exe: &Path) -> bool {
    let mut folders = exe.ancestors().skip(1);
    folders.next().is_some_and(|f| f.ends_with("Contents/MacOS"))
        && folders.nth(1).is_some_and(|f| f.extension().is_some_and(|e| e == "app"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_told_from_a_bare_binary() {
        for (path, expected) in [
            ("/Applications/Gatelight.app/Contents/MacOS/gatelight", true),
            ("/usr/local/bin/gatelight", false),
            ("/x/Contents/MacOS/gatelight", false),
            ("/x/Gatelight.app/Contents/Helpers/gatelight", false),
        ] {
            assert_eq!(lies_in_bundle(Path::new(path)), expected, "{path}");
        }
    }
}
