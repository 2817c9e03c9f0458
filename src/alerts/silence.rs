//! Silences: mutes and acknowledgements by the user.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::health::{Light, Reason, Verdict};

/// The silenced profiles, by name.
pub type Silences = BTreeMap<String, Silence>;

/// The silence of one profile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Silence {
    /// It is muted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute: Option<Mute>,
    /// The user knows that it is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
}

/// How long a profile stays muted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mute {
    /// Until this time.
    Until(Timestamp),
    /// Until it has recovered.
    Recovery,
}

/// A red light that the user acknowledged: there are no notices of it until it changes. A recovery is notified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The reason that was shown.
    pub reason: Reason,
    /// The platform whose link was the reason, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

impl Silence {
    /// Whether nothing is silenced.
    pub const fn is_empty(&self) -> bool {
        self.mute.is_none() && self.acknowledged.is_none()
    }

    /// Removes a mute that has ended.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.mute = self.mute.filter(|mute| !matches!(mute, Mute::Until(until) if now >= *until));
    }
}

impl Acknowledged {
    /// The acknowledgement of this verdict; `None` if it is not red.
    pub fn of(verdict: &Verdict) -> Option<Self> {
        let platform = verdict.platform.as_deref().map(str::to_owned);
        let acknowledged = Self { reason: verdict.reason, platform };
        (verdict.light() == Light::Red).then_some(acknowledged)
    }
}
