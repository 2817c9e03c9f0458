//! The verdict on one link.

use jiff::Timestamp;

use crate::health::link::View;
use crate::health::names::PlatformName;
use crate::health::proof::Proof;
use crate::health::reason::{Light, Reason};

/// The verdict on one link, for one row.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// A link that was judged for one row: what its verdict is made of once a row shows it.
#[derive(Debug, Clone, Copy)]
pub(in crate::health) struct JudgedLink<'a> {
    pub platform: &'a PlatformName,
    pub reason: Reason,
    pub light: Light,
    pub since: Timestamp,
    /// The newest line about it; `None`: there is none yet.
    pub proof: Option<&'a Proof>,
    pub missing: Option<(u32, u32)>,
    pub last_message_at: Option<Timestamp>,
    pub other_pid: Option<u32>,
    pub unconfirmed: bool,
    pub ignored: bool,
}

impl<'a> JudgedLink<'a> {
    pub(super) fn of(platform: &'a PlatformName, view: View<'a>) -> Self {
        let View { reason, proof, since, other_pid } = view;
        Self {
            platform,
            reason,
            light: reason.light(),
            since,
            proof,
            missing: None,
            last_message_at: None,
            other_pid,
            unconfirmed: false,
            ignored: false,
        }
    }

    /// The verdict with this proof.
    pub(in crate::health) fn verdict(self, evidence: Option<Proof>) -> LinkVerdict {
        LinkVerdict {
            platform: PlatformName::clone(self.platform),
            reason: self.reason,
            light: self.light,
            since: self.since,
            evidence,
            missing: self.missing,
            last_message_at: self.last_message_at,
            other_pid: self.other_pid,
            unconfirmed: self.unconfirmed,
            ignored: self.ignored,
        }
    }
}
