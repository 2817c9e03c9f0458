//! The end of one process: whether it was announced, whether it was intended, and whether the process then exits.

use std::time::Duration;

use jiff::Timestamp;

use super::evidence::{LifeState, Proof, Source, StateFile};
use super::time::Moment;
use super::timer::{Timer, after};

/// A marker of a stop or a takeover is valid for this long (hermes-agent 0.19, gateway/status.py).
pub(crate) const MARKER_LIFE: Duration = Duration::from_secs(60);

/// hermes-agent ends a cron script after this time at the latest.
const LONGEST_SCRIPT: Duration = Duration::from_secs(3_600);

/// Why the process shuts down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Somebody stops it on purpose.
    Stop,
    /// Somebody asked for a restart.
    Restart,
    /// Another instance takes over.
    Takeover,
    /// A SIGTERM that nobody announced.
    Unplanned,
    /// All links ended for good.
    NoLinkLeft,
}

/// A shutdown in progress.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shutdown {
    pub plan: Plan,
    /// The log line or file that announced it.
    pub proof: Proof,
    /// Until when the next process should be up.
    pub timer: Timer,
}

/// A drain: the gateway finishes its current answers before it exits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drain {
    /// Its start, and the latest end.
    pub timer: Timer,
    /// Turns, cron jobs and requests in progress, if known.
    pub active: Option<u32>,
    /// The log line or file that announced it.
    pub proof: Proof,
}

/// What is known of the end of one process.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Departure {
    shutdown: Option<Shutdown>,
    /// It announced that it exits; the timer says how long that may take.
    exiting: Option<(Timer, Proof)>,
    drain: Option<Drain>,
    /// Whether its log says that the answers are finished. Its state file says so only at the end.
    drained: bool,
    /// Since when a drain is requested from outside: the links stay up, and messages are refused.
    pub external_drain: Option<Timestamp>,
    /// Whether its state file says `stopped`, without a request to restart; `None`: none was read.
    pub says_stopped: Option<bool>,
    /// A marker announces an intended stop or a takeover.
    marked: Option<(Plan, Timestamp, Proof)>,
    /// Whether it has live child processes.
    pub children: bool,
    /// A link came up after an unplanned shutdown was announced, so the process goes on.
    survived: bool,
}

impl Departure {
    /// The shutdown in progress.
    pub(super) fn shutdown(&self) -> Option<&Shutdown> {
        self.shutdown.as_ref()
    }

    /// The announcement that it exits.
    pub(super) fn exiting(&self) -> Option<&(Timer, Proof)> {
        self.exiting.as_ref()
    }

    /// Whether a cron script keeps a process alive that has announced its exit.
    pub(super) fn waits_for_script(&self, now: Timestamp) -> bool {
        self.children && self.script_deadline().is_some_and(|end| now < end)
    }

    /// When its last cron script must have ended.
    pub(super) fn script_deadline(&self) -> Option<Timestamp> {
        self.exiting.as_ref().map(|(timer, _)| after(timer.since, LONGEST_SCRIPT))
    }

    /// Whether a shutdown is in progress that the process has not survived.
    pub(super) fn is_underway(&self) -> bool {
        self.shutdown.is_some() && !self.survived
    }

    /// Whether its links are being closed. During a drain they stay open, and what happens to them counts.
    pub(super) fn closes_links(&self) -> bool {
        self.is_underway() && self.drain.is_none()
    }

    /// Takes in that a link came up.
    pub(super) fn note_link(&mut self) {
        match &self.shutdown {
            // The announced exit was that of another process.
            None => self.exiting = None,
            Some(shutdown) => {
                self.survived |=
                    shutdown.plan == Plan::Unplanned && self.drain.is_none() && self.exiting.is_none();
            }
        }
    }

    /// A drain: the gateway finishes its current answers before it exits.
    pub(super) fn drain(&self) -> Option<&Drain> {
        self.drain.as_ref()
    }

    /// Whether nothing announces that the process ends.
    pub(super) fn is_none(&self) -> bool {
        !self.is_underway() && self.exiting.is_none()
    }

    pub(super) fn timers(&self) -> impl Iterator<Item = &Timer> {
        let shutdown = self.shutdown.as_ref().map(|shutdown| &shutdown.timer);
        let exiting = self.exiting.as_ref().map(|(timer, _)| timer);
        [shutdown, exiting, self.drain.as_ref().map(|drain| &drain.timer)].into_iter().flatten()
    }

    /// All timers, for restarting after a sleep of the machine.
    pub(super) fn timers_mut(&mut self) -> impl Iterator<Item = &mut Timer> {
        let shutdown = self.shutdown.as_mut().map(|shutdown| &mut shutdown.timer);
        let exiting = self.exiting.as_mut().map(|(timer, _)| timer);
        [shutdown, exiting, self.drain.as_mut().map(|drain| &mut drain.timer)].into_iter().flatten()
    }

    /// A marker announces the end of this process. It counts only if a signal follows.
    pub(super) fn mark(&mut self, plan: Plan, proof: Proof) {
        self.marked = Some((plan, proof.at, proof));
    }

    /// Starts the shutdown. The first announcement counts, except that a planned one replaces an unplanned one.
    pub(super) fn leave(&mut self, plan: Plan, proof: Proof, timer: Timer) {
        match &mut self.shutdown {
            Some(shutdown) if shutdown.plan == Plan::Unplanned && plan != Plan::Unplanned => {
                shutdown.plan = plan;
                shutdown.proof = proof;
            }
            Some(_) => {}
            None => self.shutdown = Some(Shutdown { plan, proof, timer }),
        }
    }

    /// Starts a shutdown for which no reason was logged: planned if a marker announced it.
    pub(super) fn leave_unannounced(&mut self, now: Timestamp, proof: Proof, timer: Timer) {
        let (plan, proof) = self.marked_plan(now).unwrap_or((Plan::Unplanned, proof));
        self.leave(plan, proof, timer);
    }

    /// The process ended: planned if a marker announced it and no log line says otherwise.
    pub(super) fn end_as_marked(&mut self, now: Timestamp, timer: Timer) {
        if let Some((plan, proof)) = self.marked_plan(now) {
            self.leave(plan, proof, timer);
        }
    }

    /// The process announces that it exits.
    pub(super) fn exit(&mut self, timer: Timer, proof: Proof) {
        self.exiting.get_or_insert((timer, proof));
    }

    /// The process starts again without having ended.
    pub(super) fn begin_anew(&mut self) {
        self.shutdown = None;
        self.exiting = None;
        self.drain = None;
        self.drained = false;
        self.survived = false;
    }

    /// The answers are finished, and the links are closed next.
    pub(super) fn finish_drain(&mut self, timer: Timer) {
        self.drained = self.shutdown.is_some();
        self.end_drain(timer);
    }

    /// It leaves from now on, however long the answers took.
    fn end_drain(&mut self, timer: Timer) {
        if self.drain.take().is_some()
            && let Some(shutdown) = &mut self.shutdown
        {
            shutdown.timer = timer;
        }
    }

    /// Takes in what this process's own state file says of its end.
    pub(super) fn read_state(&mut self, moment: Moment<'_>, state: &StateFile) {
        let Moment { now, deadlines, .. } = moment;
        let stopped = state.life == LifeState::Stopped;
        let draining = state.life == LifeState::Draining && !self.drained;
        self.says_stopped = Some(stopped && !state.restart_requested);
        // A new process inherits the key from the file of the one before, so it counts only during a shutdown.
        if state.restart_requested && (stopped || draining) && self.shutdown.is_none() {
            let proof = Proof::new(Source::StateFile, "restart_requested: true", now);
            self.leave(Plan::Restart, proof, moment.timer(deadlines.restart));
        }
        if draining {
            let proof = Proof::new(Source::StateFile, "gateway_state: draining", now);
            // It may be found long after it began.
            let announced = self.shutdown.as_ref().map(|shutdown| shutdown.timer.since);
            let since = announced.or(self.external_drain).map_or(now, |since| since.min(now));
            let timer = Timer::start(since, deadlines.drain, moment.grace);
            let drain = self.drain.get_or_insert(Drain { timer, active: None, proof });
            drain.active = state.active_agents;
        } else {
            self.end_drain(moment.timer(deadlines.restart));
        }
        // At log level WARNING this is the only announcement that it exits.
        if stopped {
            let proof = Proof::new(Source::StateFile, "gateway_state: stopped", now);
            self.exit(moment.timer(deadlines.exit), proof);
        } else if self.exiting.as_ref().is_some_and(|(_, proof)| proof.source == Source::StateFile) {
            self.exiting = None;
        }
    }

    /// Drops what the files of another process said.
    pub(super) fn forget_files(&mut self) {
        let from_file = |proof: &Proof| proof.source == Source::StateFile;
        self.shutdown.take_if(|shutdown| from_file(&shutdown.proof));
        self.exiting.take_if(|(_, proof)| from_file(proof));
        self.drain = None;
        self.says_stopped = None;
    }

    fn marked_plan(&self, now: Timestamp) -> Option<(Plan, Proof)> {
        let (plan, at, proof) = self.marked.as_ref()?;
        (now < after(*at, MARKER_LIFE)).then(|| (*plan, proof.clone()))
    }
}
