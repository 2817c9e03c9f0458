//! The heartbeat of one process: whether its event loop turns.

use std::time::Duration;

use jiff::Timestamp;

use super::evidence::{Heartbeat, Proof, Source};
use super::time::Moment;
use super::timer::{Timer, after};

/// A heartbeat is read this long after it was written at most.
const LATE_HEARTBEAT: Duration = Duration::from_secs(20);

/// Heartbeats round their times.
const ROUNDING: Duration = Duration::from_secs(2);

/// A stale heartbeat written by a thread is no proof of a frozen loop before this: a slow disk aged one by 112 s.
const THREAD_STALE: Duration = Duration::from_secs(180);

/// What is known of the event loop.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pulse {
    /// Since the last heartbeat.
    stale: Option<(Timer, Proof)>,
    /// What the last heartbeat said of its time: the same again is no other heartbeat.
    beat: Option<Timestamp>,
    /// The gateway's own watchdog said that the loop does not turn.
    missed: Option<Proof>,
}

impl Pulse {
    /// Whether any heartbeat was read.
    pub(super) fn is_known(&self) -> bool {
        self.stale.is_some()
    }

    /// What shows that the loop is frozen.
    pub(super) fn frozen(&self, now: Timestamp) -> Option<&Proof> {
        let stale = self.stale.as_ref().filter(|(timer, _)| timer.over(now)).map(|(_, proof)| proof);
        stale.or(self.missed.as_ref())
    }

    /// Its deadline.
    pub(super) fn timer(&self) -> Option<&Timer> {
        self.stale.as_ref().map(|(timer, _)| timer)
    }

    /// The same, to be restarted after a sleep.
    pub(super) fn timer_mut(&mut self) -> Option<&mut Timer> {
        self.stale.as_mut().map(|(timer, _)| timer)
    }

    /// The watchdog's word.
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
        // The first one may have lain there for hours: its own word counts. Later ones are read soon after they were
        // written; a word that says otherwise comes from a clock that was set, and they count from their arrival.
        let believed = self.stale.is_none() || after(written, LATE_HEARTBEAT) >= now;
        let since = if believed { written } else { now };
        let span =
            if heartbeat.by_thread { deadlines.heartbeat.max(THREAD_STALE) } else { deadlines.heartbeat };
        let proof = Proof::new(Source::Heartbeat, format!("last heartbeat of PID {}", heartbeat.pid), since);
        self.stale = Some((Timer::start(since, span, grace), proof));
        self.beat = heartbeat.updated_at;
        self.missed = None;
        true
    }

    /// The process was suspended, so its heartbeat is as old as the suspension allows.
    pub(super) fn resume(&mut self, moment: Moment<'_>) {
        if let Some((timer, _)) = &mut self.stale {
            *timer = moment.timer(moment.deadlines.heartbeat);
        }
    }

    /// Forgets what the file of another process said.
    pub(super) fn forget(&mut self) {
        (self.stale, self.beat) = (None, None);
    }
}
