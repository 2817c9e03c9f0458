//! The verdict on one link.

use jiff::Timestamp;

use crate::health::link::View;
use crate::health::names::PlatformName;
use crate::health::proof::Proof;
use crate::health::reason::{Light, Reason};

/// The verdict on one link, for one row.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkVerdict {
    /// The platform.
    pub platform: PlatformName,
    /// The reason.
    pub reason: Reason,
    /// The light.
    pub light: Light,
    /// Since when.
    pub since: Timestamp,
    /// The proof.
    pub evidence: Option<Proof>,
    /// How many links are missing, and how many there are, where they can only be counted.
    pub missing: Option<(u32, u32)>,
    /// When the newest message arrived.
    pub last_message_at: Option<Timestamp>,
    /// Another process that matters.
    pub other_pid: Option<u32>,
    /// No log line shows that the problem still exists: red proves nothing where INFO records are hidden.
    pub unconfirmed: bool,
    /// Whether the user ignores it.
    pub ignored: bool,
}

impl LinkVerdict {
    /// A link with this reason and its light, and nothing else known.
    pub fn new(platform: PlatformName, reason: Reason, since: Timestamp) -> Self {
        Self {
            platform,
            light: reason.light(),
            reason,
            since,
            evidence: None,
            missing: None,
            last_message_at: None,
            other_pid: None,
            unconfirmed: false,
            ignored: false,
        }
    }

    pub(super) fn of(platform: &PlatformName, view: View) -> Self {
        let View { reason, proof: evidence, since, other_pid } = view;
        Self { evidence, other_pid, ..Self::new(PlatformName::clone(platform), reason, since) }
    }
}
