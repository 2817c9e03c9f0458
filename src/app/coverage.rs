//! Tracks which spans of time the agent observed. Outside them the history is unknown.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::evidence::clock::{Clocks, SleepGap};

/// The agent reports coverage once a minute. If the process ran for longer than this without reporting, it was stopped,
/// swapped out or in a paused virtual machine.
const STALLED: Duration = Duration::from_secs(150);

/// If the wall clock and the elapsed time differ by more than this, the wall clock was set.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

/// A reading of all clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockReading {
    /// The wall clock, which may be set; the history uses its times.
    pub(super) wall: Timestamp,
    /// The clocks that are never set.
    pub(super) monotonic: Clocks,
}

impl ClockReading {
    /// Reads the clocks.
    pub(super) fn now() -> Self {
        Self { wall: Timestamp::now(), monotonic: Clocks::now() }
    }
}

/// Whether the time since the last reading was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Observed {
    /// It was observed from one time to the other.
    Span(Timestamp, Timestamp),
    /// It is unknown what was observed.
    Unknown,
    /// The wall clock was set back: times that were already reported are repeated.
    ClockSetBack,
}

/// Tracks what was observed.
#[derive(Debug)]
pub(super) struct Coverage {
    last: ClockReading,
    gap: SleepGap,
}

impl Coverage {
    /// Starts now.
    pub(super) fn from_now() -> Self {
        Self::since(ClockReading::now())
    }

    fn since(now: ClockReading) -> Self {
        let mut gap = SleepGap::default();
        gap.observe(now.monotonic);
        Self { last: now, gap }
    }

    /// What was observed since the last call.
    pub(super) fn advance(&mut self, now: ClockReading) -> Observed {
        let last = std::mem::replace(&mut self.last, now);
        let slept = self.gap.observe(now.monotonic).map_or(SignedDuration::ZERO, |slept| {
            SignedDuration::try_from_secs_f64(slept).unwrap_or(SignedDuration::MAX)
        });
        let passed = now.monotonic.total.saturating_sub(last.monotonic.total);
        let wall = now.wall.duration_since(last.wall);
        let set = wall.saturating_sub(SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX));
        if set < -TOLERANCE || wall < SignedDuration::ZERO {
            return Observed::ClockSetBack;
        }
        if set > TOLERANCE || now.monotonic.awake.saturating_sub(last.monotonic.awake) > STALLED {
            return Observed::Unknown;
        }
        // sleep is detected at wake-up, so it is at the end of this span
        let end = now.wall.saturating_sub(slept).unwrap_or(last.wall).max(last.wall);
        if end > last.wall { Observed::Span(last.wall, end) } else { Observed::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(wall: i64, awake: u64, total: u64) -> ClockReading {
        ClockReading {
            wall: Timestamp::from_second(1_800_000_000 + wall).unwrap(),
            monotonic: Clocks { awake: Duration::from_secs(awake), total: Duration::from_secs(total) },
        }
    }

    #[test]
    fn only_observed_time_is_reported() {
        let span = |from, to| Observed::Span(clock(from, 0, 0).wall, clock(to, 0, 0).wall);
        for (what, now, expected) in [
            ("a minute", clock(60, 60, 60), span(0, 60)),
            ("no time", clock(0, 0, 0), Observed::Unknown),
            ("a night asleep", clock(30_040, 40, 30_040), span(0, 40)),
            ("asleep at once", clock(30_000, 0, 30_000), Observed::Unknown),
            ("stopped for an hour", clock(3_600, 3_600, 3_600), Observed::Unknown),
            ("the clock set forward", clock(3_660, 60, 60), Observed::Unknown),
            ("the clock set back", clock(-3_540, 60, 60), Observed::ClockSetBack),
            ("a little back", clock(50, 60, 60), Observed::ClockSetBack),
        ] {
            let mut coverage = Coverage::since(clock(0, 0, 0));
            assert_eq!(coverage.advance(now), expected, "{what}");
            // the minute after that is observed
            let next = ClockReading {
                wall: now.wall + SignedDuration::from_secs(60),
                monotonic: Clocks {
                    awake: now.monotonic.awake + STALLED / 3,
                    total: now.monotonic.total + Duration::from_secs(60),
                },
            };
            assert!(matches!(coverage.advance(next), Observed::Span(from, _) if from == now.wall), "{what}");
        }
    }
}
