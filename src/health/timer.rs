//! Deadlines as values.

use std::time::Duration;

use jiff::Timestamp;

/// A running timer, and when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timer {
    /// When it began.
    pub(crate) since: Timestamp,
    span: Duration,
    due: Timestamp,
}

impl Timer {
    /// Starts a timer. It is not over before `not_before` (the end of the grace period after waking).
    pub(crate) fn start(since: Timestamp, span: Duration, not_before: Option<Timestamp>) -> Self {
        let due = after(since, span);
        Self { since, span, due: not_before.map_or(due, |floor| due.max(floor)) }
    }

    /// The same timer, begun at this time.
    pub(crate) fn begun(&self, since: Timestamp) -> Self {
        Self::start(since, self.span, None)
    }

    /// Whether it is over.
    pub(crate) fn over(&self, now: Timestamp) -> bool {
        now >= self.due
    }

    /// When it is over.
    pub(crate) fn due(&self) -> Timestamp {
        self.due
    }

    /// The machine slept from `slept_from` to `woke`: a timer that was running begins again, for at least the grace
    /// period. One that was over stays over.
    pub(crate) fn restart_after_sleep(&mut self, slept_from: Timestamp, woke: Timestamp, grace: Duration) {
        if self.due > slept_from {
            self.due = after(woke, self.span.max(grace));
        }
    }
}

/// Finds the earliest moment after now.
#[derive(Debug)]
pub(crate) struct Earliest {
    now: Timestamp,
    found: Option<Timestamp>,
}

impl Earliest {
    /// None is known yet.
    pub(crate) fn after(now: Timestamp) -> Self {
        Self { now, found: None }
    }

    /// The moment after which it looks.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Adds moments.
    pub(crate) fn add(&mut self, moments: impl IntoIterator<Item = Timestamp>) {
        for moment in moments {
            if moment > self.now && self.found.is_none_or(|found| moment < found) {
                self.found = Some(moment);
            }
        }
    }

    /// The earliest one.
    pub(crate) fn found(&self) -> Option<Timestamp> {
        self.found
    }
}

/// `at + span`, or the latest time there is.
pub(crate) fn after(at: Timestamp, span: Duration) -> Timestamp {
    let seconds = i64::try_from(span.as_secs()).ok().and_then(|span| at.as_second().checked_add(span));
    let nanos = at.subsec_nanosecond() + span.subsec_nanos().cast_signed();
    seconds.and_then(|seconds| exact(seconds, nanos)).unwrap_or(Timestamp::MAX)
}

/// `at - span`, or the earliest time there is.
pub(crate) fn before(at: Timestamp, span: Duration) -> Timestamp {
    let seconds = i64::try_from(span.as_secs()).ok().and_then(|span| at.as_second().checked_sub(span));
    let nanos = at.subsec_nanosecond() - span.subsec_nanos().cast_signed();
    seconds.and_then(|seconds| exact(seconds, nanos)).unwrap_or(Timestamp::MIN)
}

/// A time from seconds and nanoseconds that may carry. Every event needs several, and jiff's general arithmetic takes
/// ten times as long.
fn exact(seconds: i64, nanos: i32) -> Option<Timestamp> {
    const SECOND: i32 = 1_000_000_000;
    let carried = seconds.checked_add(i64::from(nanos.div_euclid(SECOND)))?;
    Timestamp::new(carried, nanos.rem_euclid(SECOND)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn times_match_those_of_jiff(at in any::<i64>(), nanos in -999_999_999_i32..1_000_000_000, span in any::<u64>(), part in 0_u32..1_000_000_000, near in 0_u64..100_000) {
            let seconds = at % 400_000_000_000;
            let at = Timestamp::new(seconds, nanos).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX });
            for span in [Duration::new(span, part), Duration::new(near, part)] {
                prop_assert_eq!(after(at, span), at.saturating_add(span).unwrap_or(Timestamp::MAX));
                prop_assert_eq!(before(at, span), at.saturating_sub(span).unwrap_or(Timestamp::MIN));
            }
        }
    }
}
