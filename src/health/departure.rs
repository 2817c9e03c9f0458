//! How a process leaves: announced or not, on purpose or not, and whether it then goes.

use std::time::Duration;

use jiff::Timestamp;

use super::evidence::{LifeState, Proof, Source, StateFile};
use super::time::Moment;
use super::timer::{Timer, after};

/// A marker of a stop or a takeover is believed for this long (its life, by the gateway's sources).
pub(crate) const MARKER_LIFE: Duration = Duration::from_secs(60);

/// hermes-agent ends a cron script after this time at most (its own limit).
const LONGEST_SCRIPT: Duration = Duration::from_secs(3_600);

/// Why the process is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Somebody stops it on purpose.
    Stop,
    /// It restarts on request.
    Restart,
    /// Another instance takes over.
    Takeover,
    /// A SIGTERM that nobody announced.
    Unplanned,
}

/// A shutdown under way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shutdown {
    /// Of which kind.
    pub plan: Plan,
    /// What said so.
    pub proof: Proof,
    /// How long until it should be up again.
    pub timer: Timer,
}

/// Answers that are being finished.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drain {
    /// Since when, and until when it may take.
    pub timer: Timer,
    /// Turns, cron jobs and requests under way, if known.
    pub active: Option<u32>,
    /// What said so.
    pub proof: Proof,
}

/// The end of one process, as far as it has been announced.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the end of a process")]
pub(super) struct Departure {
    shutdown: Option<Shutdown>,
    /// It said that it exits, and how long that may take.
    exiting: Option<(Timer, Proof)>,
    drain: Option<Drain>,
    /// Somebody outside asked for a drain: the link stays, and messages are refused.
    pub external_drain: bool,
    /// Its state file says that it stopped, and is not to be started again.
    pub told_stopped: bool,
    /// A marker says that it is about to be stopped or replaced on purpose.
    marked: Option<(Plan, Timestamp, Proof)>,
    /// It has live child processes.
    pub children: bool,
    /// A link came up after an unplanned shutdown was announced: the process lives on.
    survived: bool,
}

impl Departure {
    /// The shutdown under way.
    pub(super) fn shutdown(&self) -> Option<&Shutdown> {
        self.shutdown.as_ref()
    }

    /// Its word that it exits.
    pub(super) fn exiting(&self) -> Option<&(Timer, Proof)> {
        self.exiting.as_ref()
    }

    /// Whether a script that it started keeps the process, which has said that it exits.
    pub(super) fn waits_for_script(&self, now: Timestamp) -> bool {
        self.children && self.script_deadline().is_some_and(|end| now < end)
    }

    /// When no script of it can run any more.
    pub(super) fn script_deadline(&self) -> Option<Timestamp> {
        self.exiting.as_ref().map(|(timer, _)| after(timer.since, LONGEST_SCRIPT))
    }

    /// Whether a shutdown was announced that the process has not survived.
    pub(super) fn is_underway(&self) -> bool {
        self.shutdown.is_some() && !self.survived
    }

    /// A link came up anew.
    pub(super) fn note_link(&mut self) {
        match &self.shutdown {
            // The words of an end were another process's.
            None => self.exiting = None,
            Some(shutdown) => {
                self.survived |=
                    shutdown.plan == Plan::Unplanned && self.drain.is_none() && self.exiting.is_none();
            }
        }
    }

    /// Answers that are being finished.
    pub(super) fn drain(&self) -> Option<&Drain> {
        self.drain.as_ref()
    }

    /// Whether it is going to stay.
    pub(super) fn is_none(&self) -> bool {
        !self.is_underway() && self.exiting.is_none()
    }

    /// Every deadline.
    pub(super) fn timers(&self) -> impl Iterator<Item = &Timer> {
        let shutdown = self.shutdown.as_ref().map(|shutdown| &shutdown.timer);
        let exiting = self.exiting.as_ref().map(|(timer, _)| timer);
        [shutdown, exiting, self.drain.as_ref().map(|drain| &drain.timer)].into_iter().flatten()
    }

    /// The same, to be restarted after a sleep.
    pub(super) fn timers_mut(&mut self) -> impl Iterator<Item = &mut Timer> {
        let shutdown = self.shutdown.as_mut().map(|shutdown| &mut shutdown.timer);
        let exiting = self.exiting.as_mut().map(|(timer, _)| timer);
        [shutdown, exiting, self.drain.as_mut().map(|drain| &mut drain.timer)].into_iter().flatten()
    }

    /// A marker says that this process is about to leave. Without a signal that follows it means nothing.
    pub(super) fn mark(&mut self, plan: Plan, proof: Proof) {
        self.marked = Some((plan, proof.at, proof));
    }

    /// It begins to leave. The first word counts, unless it was the one that knows nothing.
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

    /// It leaves, and does not say why: on purpose, if a marker says so.
    pub(super) fn leave_unannounced(&mut self, now: Timestamp, proof: Proof, timer: Timer) {
        let (plan, proof) = self.marked_plan(now).unwrap_or((Plan::Unplanned, proof));
        self.leave(plan, proof, timer);
    }

    /// It ended: on purpose, if a marker says so and its own words did not say otherwise.
    pub(super) fn end_as_marked(&mut self, now: Timestamp, timer: Timer) {
        if let Some((plan, proof)) = self.marked_plan(now) {
            self.leave(plan, proof, timer);
        }
    }

    /// It says that it exits.
    pub(super) fn exit(&mut self, timer: Timer, proof: Proof) {
        self.exiting.get_or_insert((timer, proof));
    }

    /// A new start in the same process.
    pub(super) fn begin_anew(&mut self) {
        self.shutdown = None;
        self.exiting = None;
        self.drain = None;
        self.survived = false;
    }

    /// Takes in what the state file of this very process says of its end.
    pub(super) fn read_state(&mut self, moment: Moment<'_>, state: &StateFile) {
        let Moment { now, deadlines, .. } = moment;
        let stopped = state.life == LifeState::Stopped;
        let draining = state.life == LifeState::Draining;
        self.told_stopped = stopped && !state.restart_requested;
        // A new process takes the key over from the file of the one before: it says something only on the way out.
        if state.restart_requested && (stopped || draining) && self.shutdown.is_none() {
            let proof = Proof::new(Source::StateFile, "restart_requested: true", now);
            self.leave(Plan::Restart, proof, moment.timer(deadlines.restart));
        }
        if draining {
            let proof = Proof::new(Source::StateFile, "gateway_state: draining", now);
            let timer = moment.timer(deadlines.drain);
            let drain = self.drain.get_or_insert(Drain { timer, active: None, proof });
            drain.active = state.active_agents;
        } else {
            self.drain = None;
        }
        // Where the log level hides it, this is its word that it exits.
        if stopped {
            let proof = Proof::new(Source::StateFile, "gateway_state: stopped", now);
            self.exit(moment.timer(deadlines.exit), proof);
        } else if self.exiting.as_ref().is_some_and(|(_, proof)| proof.source == Source::StateFile) {
            self.exiting = None;
        }
    }

    /// Forgets what a file of another process said.
    pub(super) fn forget_files(&mut self) {
        let of_file = |proof: &Proof| proof.source == Source::StateFile;
        self.shutdown.take_if(|shutdown| of_file(&shutdown.proof));
        self.exiting.take_if(|(_, proof)| of_file(proof));
        self.drain = None;
        self.told_stopped = false;
    }

    fn marked_plan(&self, now: Timestamp) -> Option<(Plan, Proof)> {
        let (plan, at, proof) = self.marked.as_ref()?;
        (now < after(*at, MARKER_LIFE)).then(|| (*plan, proof.clone()))
    }
}
