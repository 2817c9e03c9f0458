//! When the agent's loop has work if no event comes. All work shares one timer; periodic work is aligned by
//! [`alarm::after`].

use std::time::{Duration, Instant};

use super::watchdog::Watchdog;
use crate::evidence::alarm::{self, Alarm};

/// How often coverage is written to the history.
const COVERAGE_INTERVAL: Duration = Duration::from_secs(60);

/// How often the network is checked while it is gone.
const OFFLINE_INTERVAL: Duration = Duration::from_secs(10);

/// Work that is repeated.
pub(super) struct Periodic {
    every: Duration,
    due: Instant,
}

impl Periodic {
    /// Due at once, then at this interval.
    fn every(every: Duration) -> Self {
        Self { every, due: Instant::now() }
    }

    /// Whether it is due; it counts as done.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        let is_due = self.due <= now;
        if is_due {
            self.due = alarm::after(now, self.every);
        }
        is_due
    }
}

/// The timer, and the periodic work of the loop itself.
pub(super) struct Timers {
    /// `None` if the system timer cannot be created.
    alarm: Option<Alarm>,
    pub(super) coverage: Periodic,
    /// Matters while the network is gone.
    pub(super) network: Periodic,
    watchdog: Option<(Watchdog, Periodic)>,
}

impl Timers {
    pub(super) fn new() -> Self {
        let watchdog = Watchdog::from_environment().map(|watchdog| {
            let pings = Periodic::every(watchdog.interval());
            (watchdog, pings)
        });
        Self {
            alarm: Alarm::new().ok(),
            coverage: Periodic::every(COVERAGE_INTERVAL),
            network: Periodic::every(OFFLINE_INTERVAL),
            watchdog,
        }
    }

    /// When the next periodic work is due. `offline`: the network is gone.
    pub(super) fn next(&self, offline: bool) -> Instant {
        let network = offline.then_some(self.network.due);
        let pings = self.watchdog.as_ref().map(|(_, pings)| pings.due);
        network.into_iter().chain(pings).fold(self.coverage.due, Instant::min)
    }

    /// Waits until this time. Cancel safe.
    pub(super) async fn ring_at(&mut self, at: Instant) {
        match &mut self.alarm {
            Some(alarm) => alarm.ring_at(at).await,
            None => tokio::time::sleep_until(at.into()).await,
        }
    }

    /// Notifies the service manager, if that is due.
    pub(super) fn ping(&mut self, now: Instant) {
        if let Some((watchdog, pings)) = &mut self.watchdog
            && pings.take_due(now)
        {
            watchdog.ping();
        }
    }
}
