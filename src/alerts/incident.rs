//! One incident of one profile, and how it was notified.

use std::time::Duration;

use jiff::Timestamp;

use super::cause::Cause;
use super::links::DownLinks;
use crate::config::NoticeSettings;
use crate::health::timer::after;

/// How long the state that past log lines lead to has to hold before it counts as the present state.
const HISTORY_SETTLES: Duration = Duration::from_secs(5);

/// When and how a cause was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    /// Since when the cause has held.
    pub(super) since: Timestamp,
    /// When Gatelight saw it.
    pub(super) now: Timestamp,
    /// It was read from log lines of the past.
    pub(super) history: bool,
    /// Every profile has had its first verdict.
    pub(super) started: bool,
}

impl Observation {
    /// The profile was down already when Gatelight first saw it.
    const fn found(self) -> bool {
        self.history || !self.started
    }

    /// The earliest time of the first notice. Past lines may be followed by newer ones that are read next.
    fn not_before(self) -> Timestamp {
        if self.history && self.started { after(self.now, HISTORY_SETTLES) } else { self.now }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Incident {
    pub(super) opened: Timestamp,
    /// What is notified first; frozen with the first notice.
    pub(super) cause: Cause,
    pub(super) links: DownLinks,
    pub(super) found: bool,
    not_before: Timestamp,
    delivery: Option<Delivery>,
    /// Delivery of the incident before this one, if no recovery was notified in between.
    previous: Option<Delivery>,
    /// The profile was stopped on purpose afterwards, for at least `recovery_hold`.
    stopped_since: bool,
}

/// The notice that carries an incident.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Delivery {
    /// `None`: silent, because the profile is flapping.
    notice: Option<u64>,
    /// The notice is about this profile alone.
    alone: bool,
    next_reminder: Timestamp,
}

impl Delivery {
    pub(super) const fn notice(&self) -> Option<u64> {
        self.notice
    }

    /// The notice, if a later one about this profile may replace it on the screen.
    pub(super) fn replaceable(&self) -> Option<u64> {
        self.notice.filter(|_| self.alone)
    }
}

impl Incident {
    /// `previous`: the delivery of an earlier incident whose recovery was not notified.
    pub(super) fn open(cause: Cause, observation: Observation, previous: Option<Delivery>) -> Self {
        Self {
            opened: observation.since,
            cause,
            links: DownLinks::default(),
            found: observation.found(),
            not_before: observation.not_before(),
            delivery: None,
            previous,
            stopped_since: false,
        }
    }

    /// Whether a new cause belongs to this incident. If so, and nothing was notified yet, the first notice will name it.
    pub(super) fn absorb(&mut self, cause: &Cause, observation: Observation) -> bool {
        if self.delivery.is_some() {
            return !self.stopped_since;
        }
        self.cause = cause.clone();
        self.stopped_since = false;
        if observation.found() {
            self.not_before = observation.not_before();
        }
        true
    }

    /// The profile was stopped on purpose for long enough: what fails next is another incident.
    pub(super) fn was_stopped(&mut self) {
        self.stopped_since = true;
    }

    pub(super) const fn delivery(&self) -> Option<Delivery> {
        self.delivery
    }

    pub(super) const fn is_delivered(&self) -> bool {
        self.delivery.is_some()
    }

    /// Whether the first notice is due.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.delivery.is_none() && self.not_before <= now
    }

    /// Marks it as notified; [`Self::deliver_in`] adds the notice.
    pub(super) fn deliver(&mut self, now: Timestamp, settings: &NoticeSettings) {
        let next_reminder = after(now, settings.first_reminder);
        self.delivery = Some(Delivery { notice: None, alone: true, next_reminder });
        self.links.mark_notified();
    }

    pub(super) fn deliver_in(&mut self, notice: u64, alone: bool) {
        if let Some(delivery) = &mut self.delivery {
            (delivery.notice, delivery.alone) = (Some(notice), alone);
        }
    }

    /// The previous delivery, if a reminder is due now; plans the next one.
    pub(super) fn take_reminder(&mut self, now: Timestamp, settings: &NoticeSettings) -> Option<Delivery> {
        let delivery = self.delivery.as_mut().filter(|d| settings.reminders && now >= d.next_reminder)?;
        delivery.next_reminder = after(now, settings.next_reminders);
        Some(*delivery)
    }

    pub(super) fn notice(&self) -> Option<u64> {
        self.delivery.and_then(|delivery| delivery.notice)
    }

    /// Its delivery, or that of the incident before it; `None` if the user knows of neither.
    pub(super) fn close(self) -> Option<Delivery> {
        self.delivery.or(self.previous)
    }

    /// When its first notice or next reminder is due.
    pub(super) fn deadline(&self) -> Timestamp {
        self.delivery.map_or(self.not_before, |delivery| delivery.next_reminder)
    }
}
