//! In which time the agent looked: what the history may take for known.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::evidence::clock::{Clocks, SleepGap};

/// The agent says once a minute that it looks. Where more than this has passed, it stood still (stopped, swapped out, in
/// a virtual machine that was paused).
const STOOD_STILL: Duration = Duration::from_secs(150);

/// The wall clock differs by more than this from what has passed: it was set.
const SET: SignedDuration = SignedDuration::from_secs(1);

/// All clocks at about the same moment.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The one that may be set, in whose time the history is told.
    pub wall: Timestamp,
    /// Those that are never set.
    pub even: Clocks,
}

impl Clock {
    /// Reads them.
    pub fn now() -> Self {
        Self { wall: Timestamp::now(), even: Clocks::now() }
    }
}

/// What may be told of the time since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// From when to when was looked.
    Span(Timestamp, Timestamp),
    /// Nothing: nobody can say when was looked.
    Nothing,
    /// The clock was set back: times come again that were told of already.
    TurnedBack,
}

/// Up to when was told.
#[derive(Debug)]
pub struct Looking {
    last: Clock,
    gap: SleepGap,
}

impl Looking {
    /// Looks from now on.
    pub fn from_now() -> Self {
        Self::since(Clock::now())
    }

    fn since(now: Clock) -> Self {
        let mut gap = SleepGap::default();
        gap.observe(now.even);
        Self { last: now, gap }
    }

    /// What may be told up to now.
    pub fn until(&mut self, now: Clock) -> Looked {
        let last = std::mem::replace(&mut self.last, now);
        let slept = self.gap.observe(now.even).map_or(SignedDuration::ZERO, |slept| {
            SignedDuration::try_from_secs_f64(slept).unwrap_or(SignedDuration::MAX)
        });
        let passed = now.even.total.saturating_sub(last.even.total);
        let wall = now.wall.duration_since(last.wall);
        let set = wall.saturating_sub(SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX));
        if set < -SET || wall < SignedDuration::ZERO {
            return Looked::TurnedBack;
        }
        if set > SET || now.even.awake.saturating_sub(last.even.awake) > STOOD_STILL {
            return Looked::Nothing;
        }
        // that the machine slept is told as soon as it is awake: the sleep is the end of this time
        let end = now.wall.saturating_sub(slept).unwrap_or(last.wall).max(last.wall);
        if end > last.wall { Looked::Span(last.wall, end) } else { Looked::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(wall: i64, awake: u64, total: u64) -> Clock {
        Clock {
            wall: Timestamp::from_second(1_800_000_000 + wall).unwrap(),
            even: Clocks { awake: Duration::from_secs(awake), total: Duration::from_secs(total) },
        }
    }

    #[test]
    fn only_time_in_which_it_looked_is_told() {
        let span = |from, to| Looked::Span(clock(from, 0, 0).wall, clock(to, 0, 0).wall);
        for (what, now, expected) in [
            ("a minute", clock(60, 60, 60), span(0, 60)),
            ("no time", clock(0, 0, 0), Looked::Nothing),
            ("a night asleep", clock(30_040, 40, 30_040), span(0, 40)),
            ("asleep at once", clock(30_000, 0, 30_000), Looked::Nothing),
            ("stopped for an hour", clock(3_600, 3_600, 3_600), Looked::Nothing),
            ("the clock set forward", clock(3_660, 60, 60), Looked::Nothing),
            ("the clock set back", clock(-3_540, 60, 60), Looked::TurnedBack),
            ("a little back", clock(50, 60, 60), Looked::TurnedBack),
        ] {
            let mut looking = Looking::since(clock(0, 0, 0));
            assert_eq!(looking.until(now), expected, "{what}");
            // whatever it was, the next minute is an ordinary one
            let next = Clock {
                wall: now.wall + SignedDuration::from_secs(60),
                even: Clocks {
                    awake: now.even.awake + STOOD_STILL / 3,
                    total: now.even.total + Duration::from_secs(60),
                },
            };
            assert!(matches!(looking.until(next), Looked::Span(from, _) if from == now.wall), "{what}");
        }
    }
}
