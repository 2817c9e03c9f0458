//! Why a profile or a link is down.

use crate::config::NoticeSettings;
use crate::health::evidence::PlatformName;
use crate::health::{Light, LinkVerdict, Proof, Reason, Verdict};

/// A reason that takes a profile down, with its platform and proof.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cause {
    pub(super) reason: Reason,
    /// May differ from the reason's light: a served profile is amber while a link of an unknown owner is missing.
    pub(super) light: Light,
    pub(super) platform: Option<PlatformName>,
    /// Missing links and all links, where links can only be counted.
    pub(super) missing: Option<(u32, u32)>,
    /// Whether somebody requested the drain from outside.
    pub(super) external_drain: bool,
    pub(super) proof: Option<Proof>,
}

impl Cause {
    pub(super) fn of(verdict: &Verdict) -> Self {
        let Verdict { reason, platform, missing, evidence, draining, .. } = verdict;
        Self {
            reason: *reason,
            light: verdict.light(),
            platform: platform.clone(),
            missing: *missing,
            external_drain: draining.is_some_and(|draining| draining.external),
            proof: evidence.clone(),
        }
    }

    pub(super) fn of_link(link: &LinkVerdict) -> Self {
        let LinkVerdict { reason, light, platform, missing, evidence, .. } = link;
        Self {
            reason: *reason,
            light: *light,
            platform: Some(platform.clone()),
            missing: *missing,
            external_drain: false,
            proof: evidence.clone(),
        }
    }

    /// Whether it opens an incident.
    pub(super) fn is_down(&self, settings: &NoticeSettings) -> bool {
        self.light == Light::Red || (settings.drop_at_once && self.reason == Reason::Reconnecting)
    }
}
