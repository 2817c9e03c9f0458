//! One row while it is judged: every reason that holds, and the verdict that follows from them.
//!
//! Everything here borrows from the state. Most judgements differ in nothing that a row shows and are never read, so
//! proofs are copied and worded only in [`Row::verdict`].

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::health::evidence::{Fact, JobState, PlatformName, ProfileName, Proof, Source};
use crate::health::gateway::Gateway;
use crate::health::links::JudgedLink;
use crate::health::reason::{Light, Reason};
use crate::health::state::State;
use crate::health::verdict::{Draining, Glance, Note, Verdict};

/// Makes a proof from the state, at the time of the judgement.
pub(super) type MakeProof = fn(&State, Timestamp) -> Option<Proof>;

/// What shows that a reason holds.
#[derive(Clone, Copy)]
pub(super) enum Grounds<'a> {
    /// A proof that the state keeps.
    Kept(&'a Proof),
    /// A proof that is made for the verdict.
    Made(MakeProof),
}

impl<'a> Grounds<'a> {
    /// Those of a link. A link without a line of its own rests on the start of the process, unless nothing is known.
    pub(super) fn of_link(link: &JudgedLink<'a>) -> Option<Self> {
        let started = (link.reason != Reason::NoEvidence).then_some(Self::Made(STARTED));
        link.proof.map(Self::Kept).or(started)
    }

    fn proof(self, state: &State, now: Timestamp) -> Option<Proof> {
        match self {
            Self::Kept(proof) => Some(proof.clone()),
            Self::Made(make) => make(state, now),
        }
    }
}

/// A reason that holds, and what shows it.
#[derive(Clone, Copy)]
pub(super) struct Finding<'a> {
    pub(super) reason: Reason,
    pub(super) light: Light,
    pub(super) grounds: Option<Grounds<'a>>,
    pub(super) platform: Option<&'a PlatformName>,
    pub(super) missing: Option<(u32, u32)>,
    pub(super) other_pid: Option<u32>,
}

impl<'a> Finding<'a> {
    pub(super) fn new(reason: Reason, grounds: Option<Grounds<'a>>) -> Self {
        Self { reason, light: reason.light(), grounds, platform: None, missing: None, other_pid: None }
    }

    pub(super) fn of_link(link: &JudgedLink<'a>) -> Self {
        Self {
            reason: link.reason,
            light: link.light,
            grounds: Grounds::of_link(link),
            platform: Some(link.platform),
            missing: link.missing,
            other_pid: link.other_pid,
        }
    }

    /// Red first, then by the order of [`Reason`].
    fn rank(&self) -> (bool, Reason) {
        (self.light != Light::Red, self.reason)
    }

    /// The light, if it differs from that of the reason.
    fn own_light(&self) -> Option<Light> {
        Some(self.light).filter(|light| *light != self.reason.light())
    }

    /// The platform that the row names. A start concerns the whole gateway, whichever link it waits for.
    fn named_platform(&self) -> Option<&'a PlatformName> {
        self.platform.filter(|_| self.reason != Reason::Starting)
    }
}

/// Everything that holds for one profile.
pub(in crate::health) struct Row<'a> {
    pub(super) state: &'a State,
    pub(super) profile: &'a ProfileName,
    /// The time of the judgement. It stands still while the machine sleeps.
    pub(super) now: Timestamp,
    /// Once all rules were applied: the one that is shown first.
    pub(super) findings: Vec<Finding<'a>>,
    /// The profile's links, worst first.
    pub(super) links: Vec<JudgedLink<'a>>,
}

impl<'a> Row<'a> {
    pub(super) fn new(state: &'a State, profile: &'a ProfileName, now: Timestamp) -> Self {
        Self { state, profile, now, findings: Vec::new(), links: Vec::new() }
    }

    pub(super) fn gateway(&self) -> &'a Gateway {
        &self.state.life.gateway
    }

    /// Adds a reason, with a proof that the state keeps.
    pub(super) fn hold(&mut self, reason: Reason, proof: Option<&'a Proof>) {
        self.findings.push(Finding::new(reason, proof.map(Grounds::Kept)));
    }

    /// Adds a reason whose proof is made for the verdict.
    pub(super) fn hold_by(&mut self, reason: Reason, make: MakeProof) {
        self.findings.push(Finding::new(reason, Some(Grounds::Made(make))));
    }

    /// Adds this fault of the gateway, if it has it.
    pub(super) fn hold_fault(&mut self, reason: Reason) {
        if let Some(proof) = self.gateway().fault(reason) {
            self.hold(reason, Some(proof));
        }
    }

    /// Whether the gateway runs in this profile's home.
    pub(super) fn is_own(&self) -> bool {
        self.profile == self.state.profile()
    }

    /// Puts the worst finding first.
    pub(super) fn conclude(mut self) -> Self {
        // After a stop on purpose, problems from before it no longer matter.
        if self.findings.iter().any(|finding| finding.reason == Reason::Stopped) {
            self.findings.retain(|finding| matches!(finding.reason, Reason::Stopped | Reason::NotExiting));
        }
        self.findings.sort_by_key(Finding::rank);
        self
    }

    fn shown(&self) -> Finding<'a> {
        self.findings.first().copied().unwrap_or_else(|| Finding::new(Reason::NoEvidence, None))
    }

    /// What the row shows at a glance.
    pub(in crate::health) fn glance(&self, since: Timestamp) -> Glance {
        let shown = self.shown();
        let (reason, platform) = (shown.reason, shown.named_platform().cloned());
        Glance { reason, own_light: shown.own_light(), platform, since, pid: self.pid() }
    }

    /// The gateway's process, if one is alive.
    pub(in crate::health) fn pid(&self) -> Option<u32> {
        self.gateway().id.pid.filter(|_| self.gateway().end.is_none())
    }

    /// The verdict: the worst finding is shown, the other red ones become notes.
    pub(in crate::health) fn verdict(&self, since: Timestamp, held_green: Option<SignedDuration>) -> Verdict {
        let (state, gateway) = (self.state, self.gateway());
        let proof = |grounds: Option<Grounds<'_>>| grounds.and_then(|grounds| grounds.proof(state, self.now));
        let shown = self.shown();
        let mut notes: Vec<Note> = Vec::new();
        for also in self.findings.iter().skip(1).filter(|also| also.light == Light::Red) {
            let same = also.reason == shown.reason && also.platform == shown.platform;
            let is_noted = notes.iter().any(|note| {
                matches!(note, Note::Also(reason, platform, _) if *reason == also.reason && platform.as_ref() == also.platform)
            });
            if !same && !is_noted {
                notes.push(Note::Also(also.reason, also.platform.cloned(), proof(also.grounds)));
            }
        }
        remarks(gateway, &mut notes);
        notes.extend(state.unreadable.iter().cloned().map(Note::Unreadable));
        let other_pid = match shown.reason {
            Reason::CrashLoop => gateway.second_instance.as_ref().and_then(|(pid, _)| *pid),
            _ => shown.other_pid,
        };
        let alive = gateway.end.is_none();
        let draining = gateway.departure.drain().filter(|_| alive).map(|drain| Draining {
            since: drain.timer.since,
            active: drain.active,
            external: gateway.departure.external_drain.is_some(),
        });
        let manager = state.job.word().filter(|word| word.state != JobState::NotLoaded);
        Verdict {
            reason: shown.reason,
            own_light: shown.own_light(),
            platform: shown.named_platform().cloned(),
            missing: shown.missing,
            since,
            evidence: proof(shown.grounds),
            notes,
            links: self.links.iter().map(|link| link.verdict(proof(Grounds::of_link(link)))).collect(),
            last_message_at: self.links.iter().filter_map(|link| link.last_message_at).max(),
            pid: self.pid(),
            started_at: gateway.id.started_at.filter(|_| alive),
            version: gateway.version.clone().filter(|_| alive),
            manager: manager.map(|word| word.manager),
            other_pid,
            served_by: (!self.is_own()).then(|| Arc::clone(state.profile())),
            draining,
            held_green,
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

/// The start of the process.
pub(super) const STARTED: MakeProof = |state, _| {
    let gateway = &state.life.gateway;
    Some(Proof::new(Source::Process, Fact::Started(gateway.id.pid), gateway.startup.timer.since))
};

/// The service manager's newest report.
pub(super) const REPORTED: MakeProof = |state, _| state.job.proof();
