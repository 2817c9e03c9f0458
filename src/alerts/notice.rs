//! The decisions of the policy: notices as values. `ui` delivers them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::health::evidence::PlatformName;
use crate::health::{Proof, Reason, RestartHelps};

/// A decision to notify the user.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Counts from 1. A notice replaces an earlier one with the same id on the screen.
    pub id: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// Why the user is notified.
    pub kind: NoticeKind,
    /// The profiles that it is about; never empty.
    pub affected: Vec<Affected>,
    /// Earlier notices that it makes obsolete.
    pub withdrawn: Vec<u64>,
}

/// Why the user is notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Went down.
    Down,
    /// Was down already when Gatelight started, or when the profile was found.
    FoundDown,
    /// Is still down.
    Reminder,
    /// Some of its links have worked for `recovery_hold` again; others are still down.
    LinkBack,
    /// Has worked for `recovery_hold` again.
    Recovered,
    /// It keeps going down. Further incidents are not notified until it has worked for `hold`.
    Flapping {
        /// Incidents within `window`.
        incidents: usize,
        /// The window in which they were counted.
        window: Duration,
        /// How long it has to work to count as stable.
        hold: Duration,
    },
    /// Is no longer flapping.
    StableAgain {
        /// How long it has worked.
        hold: Duration,
    },
}

/// One profile of a notice.
#[derive(Debug, Clone, PartialEq)]
pub struct Affected {
    /// The profile's name.
    pub name: String,
    /// Why it is (or was) down.
    pub reason: Reason,
    /// The platform whose link was the reason; `None`: the gateway itself.
    pub platform: Option<PlatformName>,
    /// Its missing links and all its links, where they can only be counted.
    pub missing: Option<(u32, u32)>,
    /// Whether its gateway drains because somebody requested that from outside.
    pub external_drain: bool,
    /// Its other links that are (or were) down.
    pub also: Vec<(PlatformName, Reason)>,
    /// Platforms whose links work again.
    pub back: Vec<PlatformName>,
    /// Its present reason; differs from `reason` after a recovery.
    pub now: Reason,
    /// From the start of the incident until now, or until it worked again.
    pub lasted: SignedDuration,
    /// The proof of `reason`.
    pub proof: Option<Proof>,
}

/// What the user can do about a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Restart these profiles.
    Restart(Vec<String>),
    /// Open the log of this profile.
    OpenLog(String),
    /// No reminders about these profiles until something changes.
    Acknowledge(Vec<String>),
}

impl Notice {
    pub(super) const fn new(id: u64, at: Timestamp, kind: NoticeKind, affected: Vec<Affected>) -> Self {
        Self { id, at, kind, affected, withdrawn: Vec::new() }
    }

    /// Whether it reports a recovery.
    pub const fn is_good(&self) -> bool {
        matches!(self.kind, NoticeKind::Recovered | NoticeKind::StableAgain { .. })
    }

    /// The offered actions. A single profile can always be restarted; of several, only those where a restart helps.
    pub fn actions(&self) -> Vec<Action> {
        if self.is_good() {
            return Vec::new();
        }
        let acknowledge = Action::Acknowledge(self.affected.iter().map(|one| one.name.clone()).collect());
        if let [one] = self.affected.as_slice() {
            let restart = Action::Restart(vec![one.name.clone()]);
            return vec![restart, Action::OpenLog(one.name.clone()), acknowledge];
        }
        let helped: Vec<String> = self
            .affected
            .iter()
            .filter(|profile| profile.reason.restart().is_some_and(RestartHelps::now))
            .map(|profile| profile.name.clone())
            .collect();
        let restart = (!helped.is_empty()).then_some(Action::Restart(helped));
        restart.into_iter().chain([acknowledge]).collect()
    }
}
