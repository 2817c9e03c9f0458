//! Detects a profile that keeps going down.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::config::NoticeSettings;
use crate::health::timer::before;

/// Counts the incidents of one profile.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Flapping {
    /// When the latest incidents were notified, or would have been without the silence.
    incidents: VecDeque<Timestamp>,
    active: bool,
}

/// What a new incident means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trend {
    /// Few incidents: notify this one.
    Steady,
    /// This many incidents within the window are too many: notify that the profile is flapping.
    BeginsFlapping(usize),
    /// Already flapping: stay silent.
    Flapping,
}

impl Flapping {
    pub(super) const fn is_active(&self) -> bool {
        self.active
    }

    /// Counts an incident that is due for its first notice.
    pub(super) fn count(&mut self, now: Timestamp, settings: &NoticeSettings) -> Trend {
        let oldest = before(now, settings.unstable_window);
        self.incidents.retain(|at| *at > oldest);
        self.incidents.push_back(now);
        if self.active {
            Trend::Flapping
        } else if self.incidents.len() >= settings.unstable_incidents {
            self.active = true;
            Trend::BeginsFlapping(self.incidents.len())
        } else {
            Trend::Steady
        }
    }

    /// The profile has been stable for long enough.
    pub(super) fn end(&mut self) {
        self.active = false;
        self.incidents.clear();
    }
}
