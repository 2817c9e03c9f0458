//! One row while it is judged: every reason that holds, and the verdict that follows from them.

use crate::health::evidence::{Fact, JobState, PlatformName, ProfileName, Proof, Source};
use crate::health::gateway::Gateway;
use crate::health::links::LinkVerdict;
use crate::health::reason::{Light, Reason};
use crate::health::state::State;
use crate::health::verdict::{Draining, Note, Verdict};

/// A reason that holds, with its proof.
pub(super) struct Finding {
    pub(super) reason: Reason,
    pub(super) light: Light,
    pub(super) proof: Option<Proof>,
    pub(super) platform: Option<PlatformName>,
    pub(super) missing: Option<(u32, u32)>,
    pub(super) other_pid: Option<u32>,
}

impl Finding {
    pub(super) fn new(reason: Reason, proof: Option<Proof>) -> Self {
        Self { reason, light: reason.light(), proof, platform: None, missing: None, other_pid: None }
    }

    pub(super) fn of_link(link: &LinkVerdict) -> Self {
        Self {
            reason: link.reason,
            light: link.light,
            proof: link.evidence.clone(),
            platform: Some(link.platform.clone()),
            missing: link.missing,
            other_pid: link.other_pid,
        }
    }

    /// Red first, then by the order of [`Reason`].
    fn rank(&self) -> (bool, Reason) {
        (self.light != Light::Red, self.reason)
    }
}

/// Everything that holds for one profile.
pub(super) struct Row<'a> {
    pub(super) state: &'a State,
    pub(super) profile: &'a ProfileName,
    pub(super) findings: Vec<Finding>,
    pub(super) links: Vec<LinkVerdict>,
}

impl<'a> Row<'a> {
    pub(super) fn new(state: &'a State, profile: &'a ProfileName) -> Self {
        Self { state, profile, findings: Vec::new(), links: Vec::new() }
    }

    pub(super) fn gateway(&self) -> &'a Gateway {
        &self.state.life.gateway
    }

    pub(super) fn hold(&mut self, reason: Reason, proof: Option<Proof>) {
        self.findings.push(Finding::new(reason, proof));
    }

    /// Adds this fault of the gateway, if it has it.
    pub(super) fn hold_fault(&mut self, reason: Reason) {
        if let Some(proof) = self.gateway().fault(reason) {
            self.hold(reason, Some(proof.clone()));
        }
    }

    /// Whether the gateway runs in this profile's home.
    pub(super) fn is_own(&self) -> bool {
        self.profile == self.state.profile()
    }

    /// The worst finding is shown, the other red ones become notes.
    pub(super) fn conclude(mut self) -> Verdict {
        let (state, gateway) = (self.state, &self.state.life.gateway);
        let is_own = self.is_own();
        // After a stop on purpose, problems from before it no longer matter.
        if self.findings.iter().any(|finding| finding.reason == Reason::Stopped) {
            self.findings.retain(|finding| matches!(finding.reason, Reason::Stopped | Reason::NotExiting));
        }
        self.findings.sort_by_key(Finding::rank);
        let mut findings = self.findings.into_iter();
        let shown = findings.next().unwrap_or_else(|| Finding::new(Reason::NoEvidence, None));
        let mut notes: Vec<Note> = Vec::new();
        for also in findings.filter(|also| also.light == Light::Red) {
            let same = also.reason == shown.reason && also.platform == shown.platform;
            let is_noted = notes.iter().any(|note| {
                matches!(note, Note::Also(reason, platform, _) if *reason == also.reason && *platform == also.platform)
            });
            if !same && !is_noted {
                notes.push(Note::Also(also.reason, also.platform, also.proof));
            }
        }
        remarks(gateway, &mut notes);
        notes.extend(state.unreadable.iter().cloned().map(Note::Unreadable));
        let other_pid = match shown.reason {
            Reason::CrashLoop => gateway.second_instance.as_ref().and_then(|(pid, _)| *pid),
            _ => shown.other_pid,
        };
        let draining = gateway.departure.drain().filter(|_| gateway.end.is_none()).map(|drain| Draining {
            since: drain.timer.since,
            active: drain.active,
            external: gateway.departure.external_drain,
        });
        let alive = gateway.end.is_none();
        Verdict {
            reason: shown.reason,
            own_light: Some(shown.light).filter(|light| *light != shown.reason.light()),
            // A start concerns the whole gateway, whichever link it waits for.
            platform: shown.platform.filter(|_| shown.reason != Reason::Starting),
            missing: shown.missing,
            since: state.time.now(),
            evidence: shown.proof,
            notes,
            last_message_at: self.links.iter().filter_map(|link| link.last_message_at).max(),
            links: self.links,
            pid: gateway.id.pid.filter(|_| alive),
            started_at: gateway.id.started_at.filter(|_| alive),
            version: gateway.version.clone().filter(|_| alive),
            manager: state
                .job
                .word()
                .filter(|word| word.state != JobState::NotLoaded)
                .map(|word| word.manager),
            other_pid,
            served_by: (!is_own).then(|| std::sync::Arc::clone(state.profile())),
            draining,
            held_green: None,
        }
    }
}

fn remarks(gateway: &Gateway, notes: &mut Vec<Note>) {
    if let Some((pid, _)) = &gateway.second_instance {
        notes.push(Note::SecondInstance(*pid));
    }
    if gateway.alive() && gateway.info_hidden() {
        notes.push(Note::InfoHidden);
    }
    if gateway.dropped {
        notes.push(Note::DroppedAtStart);
    }
}

/// The start of the process as a proof.
pub(super) fn started(gateway: &Gateway) -> Proof {
    Proof::new(Source::Process, Fact::Started(gateway.id.pid), gateway.starting.since)
}
