//! What the policy remembers of one profile.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Mute;
use super::flapping::{Flapping, Trend};
use super::incident::{Cause, Delivery, Incident, Sighting};
use super::notice::Affected;
use crate::config::NoticeSettings;
use crate::health::timer::after;
use crate::health::{Light, Reason, Verdict};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ProfileAlerts {
    present: Cause,
    since: Timestamp,
    /// Since when it has worked without a break.
    working_since: Option<Timestamp>,
    /// Since when it has been stopped on purpose.
    stopped_since: Option<Timestamp>,
    incident: Option<Incident>,
    flapping: Flapping,
    mute: Option<Mute>,
    restarting: bool,
}

/// What has to be notified of one profile.
#[derive(Debug, Clone, Copy)]
pub(super) enum Due {
    StableAgain,
    /// The incident closed; how it had been notified.
    Recovered(Delivery),
    Reminder(Delivery),
    /// Began to flap with this many incidents.
    Flapping(usize),
    FoundDown,
    Down,
}

impl ProfileAlerts {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            present: Cause::of(&Verdict::unknown(now)),
            since: now,
            working_since: None,
            stopped_since: None,
            incident: None,
            flapping: Flapping::default(),
            mute: None,
            restarting: false,
        }
    }

    pub(super) const fn mute(&self) -> Option<Mute> {
        self.mute
    }

    pub(super) fn set_mute(&mut self, mute: Option<Mute>) {
        self.mute = mute;
    }

    pub(super) fn set_restarting(&mut self, restarting: bool) {
        self.restarting = restarting;
    }

    pub(super) const fn is_flapping(&self) -> bool {
        self.flapping.is_active()
    }

    pub(super) const fn is_down(&self) -> bool {
        self.incident.is_some()
    }

    /// The notice that carries the open incident.
    pub(super) fn notice(&self) -> Option<u64> {
        self.incident.as_ref().and_then(Incident::notice)
    }

    pub(super) fn deliver_in(&mut self, notice: u64, alone: bool) {
        if let Some(incident) = &mut self.incident {
            incident.deliver_in(notice, alone);
        }
    }

    /// Takes a change of the verdict in.
    pub(super) fn apply(&mut self, verdict: &Verdict, sighting: Sighting, settings: &NoticeSettings) {
        let Sighting { now, since, .. } = sighting;
        self.present = Cause::of(verdict);
        self.since = since;
        self.note_stop(since, settings);
        if verdict.reason.works() {
            // read from the past, it has worked since then: nobody waited for this recovery
            self.working_since.get_or_insert(if sighting.history { since } else { now });
            return;
        }
        self.working_since = None;
        if self.present.is_down(settings) {
            let absorbed = self.incident.as_mut().is_some_and(|i| i.absorb(&self.present, sighting));
            if !absorbed {
                let opened = Incident::open(self.present.clone(), sighting, self.incident.as_ref());
                self.incident = Some(opened);
            }
        }
    }

    fn note_stop(&mut self, since: Timestamp, settings: &NoticeSettings) {
        if self.present.reason == Reason::Stopped {
            self.stopped_since.get_or_insert(since);
        } else if let Some(stopped) = self.stopped_since.take()
            && since >= after(stopped, settings.recovery_hold)
            && let Some(incident) = &mut self.incident
        {
            incident.was_stopped();
        }
    }

    pub(super) fn end_mute(&mut self, now: Timestamp) {
        self.mute = self.mute.filter(|mute| !matches!(mute, Mute::Until(until) if now >= *until));
    }

    /// What has to be notified now, in this order; each is returned once.
    pub(super) fn due(
        &mut self,
        name: &str,
        now: Timestamp,
        settings: &NoticeSettings,
    ) -> Vec<(Due, Affected)> {
        if self.restarting {
            return Vec::new();
        }
        let mut due = Vec::new();
        if self.is_flapping() && self.has_worked_for(now, settings.unstable_hold) {
            self.flapping.end();
            if self.may_notify(settings) {
                due.push((Due::StableAgain, self.affected(name, now)));
            }
        }
        let recovered = self.has_worked_for(now, settings.recovery_hold);
        // also without an incident, or the mute would swallow the next one
        if recovered && self.mute == Some(Mute::Recovery) {
            self.mute = None;
        }
        let affected = self.affected(name, now);
        let found = match self.incident.take_if(|_| recovered) {
            Some(closed) => closed
                .close()
                .filter(|_| !self.is_flapping() && self.may_notify(settings))
                .map(Due::Recovered),
            None => self.due_while_down(now, settings),
        };
        due.extend(found.map(|found| (found, affected)));
        due
    }

    fn due_while_down(&mut self, now: Timestamp, settings: &NoticeSettings) -> Option<Due> {
        if !self.present.is_down(settings) || !self.may_notify(settings) {
            return None;
        }
        // a light that turned amber is on its way: no reminder
        let red = self.present.reason.light() == Light::Red;
        let incident = self.incident.as_mut()?;
        if incident.is_delivered() {
            return if red { incident.take_reminder(now, settings).map(Due::Reminder) } else { None };
        }
        if !incident.is_due(now) {
            return None;
        }
        incident.deliver(now, settings);
        match self.flapping.count(now, settings) {
            Trend::Flapping => None,
            Trend::BeginsFlapping(incidents) => Some(Due::Flapping(incidents)),
            Trend::Steady if incident.found => Some(Due::FoundDown),
            Trend::Steady => Some(Due::Down),
        }
    }

    fn has_worked_for(&self, now: Timestamp, span: Duration) -> bool {
        self.working_since.is_some_and(|since| now >= after(since, span))
    }

    const fn may_notify(&self, settings: &NoticeSettings) -> bool {
        settings.enabled && self.mute.is_none()
    }

    /// The profile as it stands in a notice.
    pub(super) fn affected(&self, name: &str, now: Timestamp) -> Affected {
        let present = self.present.reason;
        let (opened, cause) = match &self.incident {
            Some(incident) if present.works() => (incident.opened, incident.cause.clone()),
            Some(incident) => (incident.opened, self.present.clone()),
            None => (self.since, Cause { proof: None, ..self.present.clone() }),
        };
        let end = self.working_since.unwrap_or(now);
        let lasted = end.duration_since(opened).max(SignedDuration::ZERO);
        let Cause { reason, platform, missing, proof } = cause;
        Affected { name: name.to_owned(), reason, platform, missing, now: present, lasted, proof }
    }

    /// Times at which [`Self::due`] may return something new.
    pub(super) fn deadlines(&self, settings: &NoticeSettings) -> impl Iterator<Item = Timestamp> {
        let mute = match self.mute {
            Some(Mute::Until(until)) => Some(until),
            Some(Mute::Recovery) | None => None,
        };
        let waits = self.incident.is_some() || self.mute == Some(Mute::Recovery);
        let recovery = self.working_since.filter(|_| waits).map(|at| after(at, settings.recovery_hold));
        let flapping =
            self.working_since.filter(|_| self.is_flapping()).map(|at| after(at, settings.unstable_hold));
        let down = self.incident.as_ref().filter(|_| self.working_since.is_none()).map(Incident::deadline);
        [mute, recovery, flapping, down].into_iter().flatten()
    }
}
