//! Notices that were sent: what their buttons do, and which were not delivered.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::alerts::{Action, Notice};
use crate::health::Light;
use crate::order::Collect as _;
use crate::text::Lang;
use crate::text::menu_bar::OPEN_AGAIN;
use crate::ui::menu::Missed;
use crate::ui::notify::{self, Content, Notifier};

/// The buttons of at most this many notices work.
const MAX_OPEN: usize = 64;
/// At most this many missed notices are kept.
const MAX_MISSED: usize = 50;
/// The id of notifications that do not come from the policy, whose ids count from one.
const OWN_ID: u64 = u64::MAX;

/// Sends notices and remembers what is left to do about them.
pub(super) struct Notices {
    notifier: Notifier,
    /// Actions by notice and key of the button, oldest notice first.
    open: VecDeque<(u64, BTreeMap<&'static str, Action>)>,
}

impl Notices {
    pub(super) fn new(notifier: Notifier, lang: Lang) -> Self {
        notifier.prepare(notify::combinations(lang));
        Self { notifier, open: VecDeque::new() }
    }

    /// `hidden`: the icon is invisible, so notices have to say how to reach the menu.
    pub(super) fn send(&mut self, notices: &[Notice], lang: Lang, hidden: bool) {
        for notice in notices {
            let mut actions: BTreeMap<&'static str, Action> =
                notify::buttons(notice).into_iter().map(|button| (button.key, button.action)).to_map();
            if let Some(first) = notice.affected.first() {
                actions.insert(notify::BODY, Action::OpenLog(first.name.clone()));
            }
            self.open.retain(|(id, _)| *id != notice.id && !notice.withdrawn.contains(id));
            self.open.push_back((notice.id, actions));
            if self.open.len() > MAX_OPEN {
                self.open.pop_front();
            }
            let mut request = notify::NotificationRequest::of(notice, lang);
            if hidden && request.light == Light::Red {
                request.body = format!("{}\n{}", request.body, lang.pick(OPEN_AGAIN));
            }
            self.notifier.send(request);
        }
    }

    /// Shows a notification that does not come from the policy, such as the answer to a command. Its light is not
    /// green, which would mean that a gateway works.
    pub(super) fn show(&self, content: Content, light: Light) {
        self.notifier.send(notify::NotificationRequest {
            id: OWN_ID,
            title: content.title,
            body: content.body,
            buttons: Vec::new(),
            light,
            withdrawn: Vec::new(),
            profile: None,
        });
    }

    /// What a button of a notice does.
    pub(super) fn action(&self, notice: u64, key: &str) -> Option<Action> {
        self.open.iter().find(|(id, _)| *id == notice).and_then(|(_, actions)| actions.get(key)).cloned()
    }

    /// Removes everything from the screen that would start Gatelight again when it is dismissed; waits up to `limit`.
    #[cfg_attr(not(target_os = "macos"), allow(dead_code))]
    pub(super) fn withdraw_all(&self, limit: Duration) {
        self.notifier.withdraw_all(limit);
    }

    pub(super) fn ask_permission(&self) {
        self.notifier.ask_permission();
    }
}

/// Adds a notice that was not delivered.
pub(super) fn add_missed(missed: &mut Vec<Missed>, title: String, why: String, at: Timestamp) {
    missed.push(Missed { title, why, at });
    if missed.len() > MAX_MISSED {
        missed.remove(0);
    }
}
