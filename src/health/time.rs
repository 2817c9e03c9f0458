//! The core's time: the newest time it was given, the deadlines, and sleeps of the machine.

use std::time::Duration;

use jiff::Timestamp;

use super::settings::Deadlines;
use super::timer::{Timer, after};

/// One moment, with what timers need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    /// The time.
    pub now: Timestamp,
    /// The deadlines in force.
    pub deadlines: &'a Deadlines,
    /// The end of the grace period after waking, if it is not over.
    pub grace: Option<Timestamp>,
}

impl Moment<'_> {
    /// A timer that starts now.
    pub(super) fn timer(&self, span: Duration) -> Timer {
        Timer::start(self.now, span, self.grace)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Time {
    now: Timestamp,
    /// The deadlines in force.
    pub deadlines: Deadlines,
    asleep_since: Option<Timestamp>,
    /// The end of the grace period after the last sleep.
    grace: Option<Timestamp>,
}

/// A sleep of the machine that is over. No deadline passes during a sleep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slept {
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub until: Timestamp,
    /// The grace period that follows it.
    pub grace: Duration,
}

impl Slept {
    /// When something ends that was to end at this time, and did not go on meanwhile.
    pub(super) fn postpone(&self, until: Timestamp) -> Timestamp {
        if until <= self.from {
            return until;
        }
        self.until.saturating_add(until.duration_since(self.from)).unwrap_or(until)
    }

    /// Restarts a timer that was running when the sleep began.
    pub(super) fn restart(&self, timer: &mut Timer) {
        timer.restart_after_sleep(self.from, self.until, self.grace);
    }
}

impl Time {
    pub(super) fn new(now: Timestamp, deadlines: Deadlines) -> Self {
        Self { now, deadlines, asleep_since: None, grace: None }
    }

    /// The newest time that was given.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// The current moment.
    pub(super) fn moment(&self) -> Moment<'_> {
        let grace = self.grace.filter(|until| *until > self.now);
        Moment { now: self.now, deadlines: &self.deadlines, grace }
    }

    /// The time that deadlines are compared with. It stands still while the machine sleeps.
    pub(super) fn clock(&self) -> Timestamp {
        self.asleep_since.unwrap_or(self.now)
    }

    /// Time never falls: an earlier time counts as the newest one.
    pub(super) fn advance_to(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Whether the machine sleeps.
    pub(super) fn is_asleep(&self) -> bool {
        self.asleep_since.is_some()
    }

    /// The machine sleeps from this time on.
    pub(super) fn fall_asleep(&mut self, at: Timestamp) {
        self.asleep_since = Some(at);
    }

    /// The machine is awake. Returns the sleep that is over, if there was one.
    pub(super) fn wake(&mut self) -> Option<Slept> {
        let from = self.asleep_since.take()?;
        let (until, grace) = (self.now, self.deadlines.wake);
        self.grace = Some(after(until, grace));
        Some(Slept { from, until, grace })
    }
}
