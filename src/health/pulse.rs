//! The heartbeat of one process: whether its event loop runs.

use std::time::Duration;

use jiff::Timestamp;

use super::evidence::{Fact, Heartbeat, Proof, Source};
use super::time::Moment;
use super::timer::{Timer, after};

/// A heartbeat is read at most this long after it was written.
const LATE_HEARTBEAT: Duration = Duration::from_secs(20);

/// Times of heartbeats are rounded.
const ROUNDING: Duration = Duration::from_secs(2);

/// A heartbeat written by a thread proves a frozen loop only when it is older than this: a slow disk once delayed one
/// by 112 s.
const THREAD_STALE: Duration = Duration::from_secs(180);

/// What is known of the event loop.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pulse {
    /// Runs since the last heartbeat.
    stale: Option<(Timer, Proof)>,
    /// The time in the last heartbeat. The same time again is the same heartbeat.
    beat: Option<Timestamp>,
    /// The gateway's own watchdog logged that the loop does not run.
    missed: Option<Proof>,
}

impl Pulse {
    /// Whether any heartbeat was read.
    pub(super) fn is_known(&self) -> bool {
        self.stale.is_some()
    }

    /// The proof that the loop is frozen.
    pub(super) fn frozen(&self, now: Timestamp) -> Option<&Proof> {
        let stale = self.stale.as_ref().filter(|(timer, _)| timer.over(now)).map(|(_, proof)| proof);
        stale.or(self.missed.as_ref())
    }

    pub(super) fn timer(&self) -> Option<&Timer> {
        self.stale.as_ref().map(|(timer, _)| timer)
    }

    /// The timer, for restarting after a sleep of the machine.
    pub(super) fn timer_mut(&mut self) -> Option<&mut Timer> {
        self.stale.as_mut().map(|(timer, _)| timer)
    }

    /// Takes in the watchdog's line.
    pub(super) fn miss(&mut self, proof: Proof) {
        self.missed = Some(proof);
    }

    /// Takes in a heartbeat of this process. Returns whether it is a new one.
    pub(super) fn beat(
        &mut self,
        heartbeat: &Heartbeat,
        started_at: Option<Timestamp>,
        Moment { now, deadlines, grace }: Moment<'_>,
    ) -> bool {
        if heartbeat.updated_at.is_some() && heartbeat.updated_at == self.beat {
            return false;
        }
        let written = heartbeat.updated_at.unwrap_or(now).min(now);
        if started_at.is_some_and(|start| after(written, ROUNDING) < start) {
            return false;
        }
        // The first one may be hours old: its own time counts. Later ones are read soon after they were written. If
        // their time says otherwise, the clock was changed, and the time of reading counts.
        let believed = self.stale.is_none() || after(written, LATE_HEARTBEAT) >= now;
        let since = if believed { written } else { now };
        let span =
            if heartbeat.by_thread { deadlines.heartbeat.max(THREAD_STALE) } else { deadlines.heartbeat };
        let proof = Proof::new(Source::Heartbeat, Fact::LastHeartbeat(heartbeat.pid), since);
        self.stale = Some((Timer::start(since, span, grace), proof));
        self.beat = heartbeat.updated_at;
        self.missed = None;
        true
    }

    /// The process was suspended: the heartbeat's timer begins again.
    pub(super) fn resume(&mut self, moment: Moment<'_>) {
        if let Some((timer, _)) = &mut self.stale {
            *timer = moment.timer(moment.deadlines.heartbeat);
        }
    }

    /// Drops what the file of another process said.
    pub(super) fn forget(&mut self) {
        (self.stale, self.beat) = (None, None);
    }
}
