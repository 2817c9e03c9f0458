//! Inhibits the notices of all profiles.

use jiff::Timestamp;

use crate::config::NoticeSettings;
use crate::health::timer::after;

/// Inhibits all notices until every profile has its first verdict, while the machine is offline, and for `after_wake`
/// after it woke up or came back online, so that gateways have time to reconnect.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Inhibitor {
    started: bool,
    offline: bool,
    until: Option<Timestamp>,
}

impl Inhibitor {
    pub(super) const fn is_started(&self) -> bool {
        self.started
    }

    pub(super) fn start(&mut self) {
        self.started = true;
    }

    pub(super) fn set_offline(&mut self, now: Timestamp, offline: bool, settings: &NoticeSettings) {
        if self.offline && !offline {
            self.pause(now, settings);
        }
        self.offline = offline;
    }

    pub(super) fn wake(&mut self, now: Timestamp, settings: &NoticeSettings) {
        self.pause(now, settings);
    }

    fn pause(&mut self, now: Timestamp, settings: &NoticeSettings) {
        self.until = Some(after(now, settings.after_wake));
    }

    /// Whether nothing may be notified now.
    pub(super) fn is_active(&mut self, now: Timestamp) -> bool {
        self.until = self.until.filter(|until| now < *until);
        !self.started || self.offline || self.until.is_some()
    }

    pub(super) const fn deadline(&self) -> Option<Timestamp> {
        self.until
    }
}
