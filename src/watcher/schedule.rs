//! When the loop polls what produces no events.

use std::time::{Duration, Instant};

use crate::evidence::alarm;

/// Poll interval for state that produces no events: suspended processes, and files whose events proved unreliable.
pub const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The same while every gateway is healthy and every file is watched: only a suspended process could go unnoticed.
const QUIET_INTERVAL: Duration = Duration::from_secs(10);

/// Interval of reads of files in folders that are not watched: the heartbeats of healthy gateways, which come every 30
/// s and may be 75 s old, and those of the cron scheduler.
const BEAT_INTERVAL: Duration = Duration::from_secs(30);

/// Interval of polls of everything, for what no event reported: every file is read, profiles are searched for, and the
/// file watches are compared with what the paths name now.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// What a turn of the loop reads in addition to what events reported. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Poll {
    /// Nothing else.
    Events,
    /// State that produces no events.
    Silent,
    /// Files in folders that are not watched.
    Beats,
    /// Everything.
    Everything,
}

/// When each poll is due.
#[derive(Debug)]
pub(super) struct Schedule {
    last: Instant,
    beats: Instant,
    sweep: Instant,
}

impl Schedule {
    pub(super) fn starting(now: Instant) -> Self {
        Self { last: now, beats: alarm::after(now, BEAT_INTERVAL), sweep: alarm::after(now, SWEEP_INTERVAL) }
    }

    /// When the next poll is due. `quiet`: nothing calls for the short interval.
    pub(super) fn next(&self, quiet: bool) -> Instant {
        let interval = if quiet { QUIET_INTERVAL } else { POLL_INTERVAL };
        alarm::after(self.last, interval)
    }

    /// The poll that is due now; it counts as done.
    pub(super) fn take_due(&mut self, now: Instant, quiet: bool) -> Poll {
        if now < self.next(quiet) {
            return Poll::Events;
        }
        self.last = now;
        if now < self.beats {
            return Poll::Silent;
        }
        self.beats = alarm::after(now, BEAT_INTERVAL);
        if now < self.sweep {
            return Poll::Beats;
        }
        self.sweep = alarm::after(now, SWEEP_INTERVAL);
        Poll::Everything
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The polls of two minutes, each with its second.
    fn polls(quiet: bool) -> Vec<(u64, Poll)> {
        let begin = alarm::after(Instant::now(), SWEEP_INTERVAL);
        let mut schedule = Schedule::starting(begin);
        let mut polls = Vec::new();
        let mut now = begin;
        while now < begin + Duration::from_secs(120) {
            now = schedule.next(quiet);
            let at = now.duration_since(begin).as_secs();
            polls.push((at, schedule.take_due(now, quiet)));
            assert_eq!(schedule.take_due(now, quiet), Poll::Events, "once");
        }
        polls
    }

    #[test]
    fn all_polls_share_few_wake_ups() {
        for (quiet, step) in [(true, 10), (false, 5)] {
            let all = polls(quiet);
            assert!(all.iter().map(|(at, _)| *at).eq((1..=120 / step).map(|n| n * step)), "{all:?}");
            let at = |wanted| -> Vec<u64> {
                all.iter().filter(|(_, poll)| *poll == wanted).map(|(at, _)| *at).collect()
            };
            assert_eq!((at(Poll::Beats), at(Poll::Everything)), (vec![30, 90], vec![60, 120]), "{all:?}");
        }
    }
}
