//! The policy's state of one profile.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::cause::Cause;
use super::flapping::{Flapping, Trend};
use super::incident::{Delivery, Incident, Observation};
use super::links::Loss;
use super::notice::Affected;
use super::{Acknowledged, Mute, Silence};
use crate::config::NoticeSettings;
use crate::health::timer::after;
use crate::health::{Light, LinkVerdict, Reason, Verdict};

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
    silence: Silence,
    /// The present red light, if it is red.
    red: Option<Acknowledged>,
    restarting: bool,
    /// The recovery of a notified incident, to be notified after the quiet hours.
    held: Option<(Delivery, Affected)>,
}

/// A pending notification about one profile.
#[derive(Debug, Clone, Copy)]
pub(super) enum Due {
    StableAgain,
    /// Another link went down; with the delivery of the incident.
    LinkDown(Delivery),
    /// Links work again while others are down; with the delivery of the incident.
    LinkBack(Delivery),
    /// The incident closed; with its delivery.
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
            silence: Silence::default(),
            red: None,
            restarting: false,
            held: None,
        }
    }

    pub(super) const fn silence(&self) -> &Silence {
        &self.silence
    }

    pub(super) fn set_silence(&mut self, silence: Silence) {
        self.silence = silence;
        self.drop_other_acknowledgement();
    }

    /// An acknowledgement holds until the light is red for another reason. One that turns amber and back has not changed.
    fn drop_other_acknowledgement(&mut self) {
        if self.red.is_some() && self.silence.acknowledged != self.red {
            self.silence.acknowledged = None;
        }
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

    /// Applies a change of the verdict.
    pub(super) fn apply(&mut self, verdict: &Verdict, observation: Observation, settings: &NoticeSettings) {
        let Observation { now, since, .. } = observation;
        self.present = Cause::of(verdict);
        self.since = since;
        self.red = Acknowledged::of(verdict);
        self.drop_other_acknowledgement();
        self.note_stop(since, settings);
        if verdict.reason.works() {
            // the history shows that it has worked since then: this recovery is no news
            self.working_since.get_or_insert(if observation.history { since } else { now });
            self.apply_links(now, &verdict.links);
            return;
        }
        self.working_since = None;
        if self.present.is_down(settings) {
            let absorbed = self.incident.as_mut().is_some_and(|i| i.absorb(&self.present, observation));
            if !absorbed {
                let open = self.incident.as_ref().and_then(Incident::delivery);
                let previous = open.or(self.held.take().map(|(delivery, _)| delivery));
                self.incident = Some(Incident::open(self.present.clone(), observation, previous));
            }
        }
        self.apply_links(now, &verdict.links);
    }

    /// Applies the present links.
    pub(super) fn apply_links(&mut self, now: Timestamp, links: &[LinkVerdict]) {
        if let Some(incident) = &mut self.incident {
            incident.links.apply(now, links);
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

    pub(super) fn expire_silence(&mut self, now: Timestamp) {
        self.silence.expire(now);
    }

    /// The notifications that are due, in this order; each is returned once. None in quiet hours.
    pub(super) fn due(
        &mut self,
        name: &str,
        now: Timestamp,
        quiet: bool,
        settings: &NoticeSettings,
    ) -> Vec<(Due, Affected)> {
        if self.restarting {
            return Vec::new();
        }
        let mut due = Vec::new();
        if self.is_flapping() && !quiet && self.has_worked_for(now, settings.unstable_hold) {
            self.flapping.end();
            if self.may_notify(settings) {
                due.push((Due::StableAgain, self.affected(name, now)));
            }
        }
        let recovered = self.has_worked_for(now, settings.recovery_hold);
        // also without an incident; otherwise the silence would suppress the next one
        if recovered {
            self.silence.acknowledged = None;
            self.silence.mute = self.silence.mute.filter(|mute| *mute != Mute::Recovery);
        }
        let affected = self.affected(name, now);
        if let Some(closed) = self.incident.take_if(|_| recovered) {
            let notify = !self.is_flapping() && self.may_notify(settings);
            self.held = closed.close().filter(|_| notify).map(|delivery| (delivery, affected));
        } else if !quiet && let Some(found) = self.due_while_down(now, settings) {
            due.push((found, affected));
        }
        if !quiet {
            due.extend(self.held.take().map(|(delivery, affected)| (Due::Recovered(delivery), affected)));
            due.extend(self.due_links(name, now, settings));
        }
        due
    }

    /// The due notifications about single links of an incident that was notified.
    fn due_links(&mut self, name: &str, now: Timestamp, settings: &NoticeSettings) -> Vec<(Due, Affected)> {
        let silent = !self.may_notify(settings) || self.is_flapping();
        let Some(incident) = self.incident.as_mut().filter(|_| !silent && self.working_since.is_none())
        else {
            return Vec::new();
        };
        let Some(delivery) = incident.delivery() else { return Vec::new() };
        let back = incident.links.take_back(now, settings.recovery_hold);
        let loss = incident.links.take_loss();
        let mut due = Vec::new();
        if !back.is_empty() {
            due.push((Due::LinkBack(delivery), Affected { back, ..self.affected(name, now) }));
        }
        if let Some(Loss { cause, since, relapsed }) = loss {
            // a first loss does not count as flapping: links that share a cause go down one after the other
            let trend = if relapsed { self.flapping.count(now, settings) } else { Trend::Steady };
            let affected = self.affected_by(cause, since, name, now);
            match trend {
                Trend::Steady => due.push((Due::LinkDown(delivery), affected)),
                Trend::BeginsFlapping(incidents) => due.push((Due::Flapping(incidents), affected)),
                Trend::Flapping => {}
            }
        }
        due
    }

    fn due_while_down(&mut self, now: Timestamp, settings: &NoticeSettings) -> Option<Due> {
        let silent = self.silence.acknowledged.is_some() || !self.may_notify(settings);
        if !self.present.is_down(settings) || silent {
            return None;
        }
        // amber: it reconnects, so no reminder
        let red = self.present.light == Light::Red;
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
        settings.enabled && self.silence.mute.is_none()
    }

    /// The profile's entry in a notice.
    pub(super) fn affected(&self, name: &str, now: Timestamp) -> Affected {
        let present = self.present.reason;
        let (opened, cause) = match &self.incident {
            Some(incident) if present.works() => (incident.opened, incident.cause.clone()),
            Some(incident) => (incident.opened, self.present.clone()),
            None => (self.since, Cause { proof: None, ..self.present.clone() }),
        };
        self.affected_by(cause, opened, name, now)
    }

    fn affected_by(&self, cause: Cause, since: Timestamp, name: &str, now: Timestamp) -> Affected {
        let Cause { reason, platform, missing, external_drain, proof, .. } = cause;
        let (mut also, mut back) = (Vec::new(), Vec::new());
        // the links of a gateway that is gone or cannot answer do not matter
        if let Some(incident) = self.incident.as_ref().filter(|_| platform.is_some()) {
            let works = self.present.reason.works();
            also = if works { incident.links.not_back() } else { incident.links.down() };
            if works {
                back = also.iter().map(|(platform, _)| platform.clone()).collect();
            }
            also.retain(|(other, _)| Some(other) != platform.as_ref());
        }
        Affected {
            name: name.to_owned(),
            reason,
            platform,
            missing,
            external_drain,
            also,
            back,
            now: self.present.reason,
            lasted: self.working_since.unwrap_or(now).duration_since(since).max(SignedDuration::ZERO),
            proof,
        }
    }

    /// Times at which [`Self::due`] may return something new.
    pub(super) fn deadlines(&self, settings: &NoticeSettings) -> impl Iterator<Item = Timestamp> {
        let mute = match self.silence.mute {
            Some(Mute::Until(until)) => Some(until),
            Some(Mute::Recovery) | None => None,
        };
        let waits = self.incident.is_some() || !self.silence.is_empty();
        let recovery = self.working_since.filter(|_| waits).map(|at| after(at, settings.recovery_hold));
        let flapping =
            self.working_since.filter(|_| self.is_flapping()).map(|at| after(at, settings.unstable_hold));
        let open = self.incident.as_ref().filter(|_| self.working_since.is_none());
        let links = open.into_iter().flat_map(|incident| incident.links.deadlines(settings.recovery_hold));
        [mute, recovery, flapping, open.map(Incident::deadline)].into_iter().flatten().chain(links)
    }
}
