//! Deadlines as values.

use std::time::Duration;

use jiff::Timestamp;

/// A span that began, and the moment at which it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// When it began.
    pub since: Timestamp,
    span: Duration,
    due: Timestamp,
}

impl Timer {
    /// Begins now; not over before `not_before` (the end of the grace after waking).
    pub fn start(since: Timestamp, span: Duration, not_before: Option<Timestamp>) -> Self {
        let due = after(since, span);
        Self { since, span, due: not_before.map_or(due, |floor| due.max(floor)) }
    }

    /// Whether it is over.
    pub fn over(&self, now: Timestamp) -> bool {
        now >= self.due
    }

    /// When it is over.
    pub fn due(&self) -> Timestamp {
        self.due
    }

    /// The machine slept from `slept_from` to `woke`: a span that was not over then begins again, and lasts at least as
    /// long as the grace. One that was over stays over.
    pub fn restart_after_sleep(&mut self, slept_from: Timestamp, woke: Timestamp, grace: Duration) {
        if self.due > slept_from {
            self.due = after(woke, self.span.max(grace));
        }
    }
}

/// `at + span`, at the end of time at the latest.
pub fn after(at: Timestamp, span: Duration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// `at - span`, at the beginning of time at the earliest.
pub fn before(at: Timestamp, span: Duration) -> Timestamp {
    at.saturating_sub(span).unwrap_or(Timestamp::MIN)
}
