//! The watcher's time: a timeline that does not jump when the wall clock is set, and the sleep of the machine.

use std::time::Instant;

use jiff::Timestamp;

use crate::evidence::clock::Moment;
use crate::evidence::clock::{Clocks, SleepGap, WallClock};
use crate::health::verdict::Glance;
use crate::health::{Change, Verdict};

/// Begins at the wall-clock time of the start, and advances with the monotonic clock that also counts sleep.
pub(super) struct Timeline {
    base: (Timestamp, Clocks),
    wall: WallClock,
    gap: SleepGap,
}

impl Timeline {
    pub(super) fn start() -> Self {
        let base = (Timestamp::now(), Clocks::now());
        Self { base, wall: WallClock::default(), gap: SleepGap::default() }
    }

    pub(super) fn now(&self) -> Moment {
        let elapsed = Clocks::now().total.saturating_sub(self.base.1.total);
        let at = self.base.0.saturating_add(elapsed).unwrap_or(Timestamp::MAX);
        Moment { at, instant: Instant::now() }
    }

    /// Compares the clocks. Returns the seconds that the machine slept since the last call, if it did.
    pub(super) fn observe(&mut self) -> Option<f64> {
        self.wall.observe(self.now().at, Timestamp::now());
        self.gap.observe(Clocks::now())
    }

    /// Converts a time of the timeline into wall-clock time, which is what is published.
    pub(super) fn wall_time(&self, at: Timestamp) -> Timestamp {
        self.wall.at(at)
    }

    pub(super) fn wall_verdict(&self, verdict: Verdict) -> Verdict {
        Verdict { since: self.wall_time(verdict.since), ..verdict }
    }

    pub(super) fn wall_change(&self, change: Change) -> Change {
        Change {
            profile: change.profile,
            at: self.wall_time(change.at),
            from: Glance { since: self.wall_time(change.from.since), ..change.from },
            to: self.wall_verdict(change.to),
        }
    }
}
