//! The scheduler of cron jobs in one gateway process. It may end while everything else works (hermes-agent #32612,
//! #111010), or every tick may fail (#68483). Jobs are then silently missed.
//!
//! A scheduler that is alive writes its heartbeat after each tick, once a minute, and the time of the last tick that
//! succeeded (hermes-agent 0.19, `cron/jobs.py`). Neither file names a process, versions up to 0.16 have none, and an
//! external scheduler writes none, so a verdict needs every condition of [`Scheduler::trouble`].

use std::time::Duration;

use jiff::Timestamp;

use super::fact::Fact;
use super::proof::{Proof, Source};
use super::time::Moment;
use super::timer::Timer;

/// A heartbeat that has not changed for this long has ended. Hermes itself reports STALLED after 200 s
/// (`hermes_cli/cron.py`); waiting for the lock of the job list delays a beat by a multiple of 30 s.
const SILENCE: Duration = Duration::from_secs(600);

/// So many failed ticks since the last success are no single failure.
const FAILED_TICKS: usize = 3;

/// What a log record says about the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CronSignal {
    /// It starts. This is logged before the recovery, which may end it.
    Started,
    /// An exception ended its thread.
    Died,
    /// A tick failed.
    TickFailed,
}

/// What a file of the home says about cron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CronFact {
    /// When the scheduler wrote its heartbeat; `None`: there is none.
    Beat(Option<Timestamp>),
    /// When a tick last succeeded; `None`: not known.
    Success(Option<Timestamp>),
    /// Whether any job is enabled; `None`: the list cannot be read.
    Jobs(Option<bool>),
    /// Whether the gateway's own scheduler is configured, and no external one; `None`: the configuration cannot be read.
    BuiltIn(Option<bool>),
}

/// What the files of a home say about cron. They outlive processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CronFiles {
    beat: Option<Timestamp>,
    success: Option<Timestamp>,
    /// Whether a job was enabled when the list could last be read; `None`: it never could.
    jobs: Option<bool>,
    /// Whether the gateway's own scheduler is configured; `None`: not known.
    built_in: Option<bool>,
}

/// The scheduler of one process.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Scheduler {
    /// Over once the process was watched and the machine awake for [`SILENCE`].
    watched: Option<Timer>,
    /// Runs since the heartbeat last changed.
    beat: Option<Timer>,
    /// Runs since the time of the last success last changed.
    success: Option<Timer>,
    /// It logged its start or wrote a heartbeat.
    seen: bool,
    /// The state file says `running`.
    running: bool,
    /// The exception that ended the thread.
    died: Option<Proof>,
    /// Failed ticks since the last success.
    failed: usize,
    failure: Option<Proof>,
}

/// Why no job runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum CronTrouble<'a> {
    /// The scheduler has logged its end.
    Ended(&'a Proof),
    /// The scheduler writes no heartbeat any more.
    Silent,
    /// Every tick fails.
    Failing(&'a Proof),
}

impl CronFiles {
    /// The newest heartbeat of the scheduler.
    pub(super) fn last_beat(&self) -> Option<Proof> {
        Some(Proof::new(Source::CronBeat, Fact::LastSchedulerHeartbeat, self.beat?))
    }

    /// Takes in a fact. Returns whether it is new.
    fn take(&mut self, fact: CronFact) -> bool {
        let before = self.clone();
        match fact {
            CronFact::Beat(at) => self.beat = at,
            CronFact::Success(at) => self.success = at,
            CronFact::Jobs(enabled) => self.jobs = enabled.or(self.jobs),
            CronFact::BuiltIn(built_in) => self.built_in = built_in,
        }
        *self != before
    }
}

impl Scheduler {
    /// Starts watching the process. What happened before proves nothing.
    pub(super) fn watch(&mut self, moment: Moment<'_>) {
        let timer = Some(moment.timer(SILENCE));
        (self.watched, self.beat, self.success) = (timer, timer, timer);
        (self.died, self.failure, self.failed) = (None, None, 0);
    }

    /// Sets whether the state file says `running`.
    pub(super) fn set_running(&mut self, running: bool) {
        self.running = running;
    }

    /// Takes in what a file of the home says, read while this process was the gateway. `began`: when the process was
    /// started.
    pub(super) fn read(
        &mut self,
        files: &mut CronFiles,
        fact: CronFact,
        began: Timestamp,
        moment: Moment<'_>,
    ) {
        if !files.take(fact) {
            return;
        }
        let timer = Some(moment.timer(SILENCE));
        match fact {
            CronFact::Beat(Some(at)) => {
                self.seen |= at > began;
                self.beat = timer;
                self.died.take_if(|died| died.at < at);
            }
            CronFact::Success(Some(_)) => {
                self.success = timer;
                (self.failure, self.failed) = (None, 0);
            }
            _ => {}
        }
    }

    /// Takes in a log record.
    pub(super) fn apply(&mut self, signal: CronSignal, proof: Proof) {
        match signal {
            CronSignal::Started => self.seen = true,
            CronSignal::Died => self.died = Some(proof),
            CronSignal::TickFailed => {
                self.failed += 1;
                self.failure = Some(proof);
            }
        }
    }

    /// Why no job runs, if that is certain. The caller checks that the process is known and that its event loop runs.
    pub(super) fn trouble(&self, files: &CronFiles, now: Timestamp) -> Option<CronTrouble<'_>> {
        let over = |timer: &Option<Timer>| timer.is_some_and(|timer| timer.over(now));
        let beat = files.beat?;
        let known = self.running && self.seen && files.built_in == Some(true);
        if !known || !over(&self.watched) || files.jobs == Some(false) {
            return None;
        }
        if files.jobs == Some(true) {
            if let Some(died) = self.died.as_ref().filter(|died| beat < died.at) {
                return Some(CronTrouble::Ended(died));
            }
            if over(&self.beat) {
                return Some(CronTrouble::Silent);
            }
        }
        // A list of jobs that cannot be read may be why every tick fails (#68483).
        let fails = files.success.is_some()
            && self.failed >= FAILED_TICKS
            && over(&self.success)
            && !over(&self.beat);
        self.failure.as_ref().filter(|_| fails).map(CronTrouble::Failing)
    }

    pub(super) fn timers(&self) -> impl Iterator<Item = &Timer> {
        [&self.watched, &self.beat, &self.success].into_iter().flatten()
    }

    /// All timers, for restarting after a sleep of the machine.
    pub(super) fn timers_mut(&mut self) -> impl Iterator<Item = &mut Timer> {
        [&mut self.watched, &mut self.beat, &mut self.success].into_iter().flatten()
    }
}
