//! What is said of one link.

use jiff::Timestamp;

use crate::health::link::View;
use crate::health::names::PlatformName;
use crate::health::proof::Proof;
use crate::health::reason::{Light, Reason};

/// What is said of one link, for one row.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkVerdict {
    /// The platform.
    pub platform: PlatformName,
    /// Why it is what it is.
    pub reason: Reason,
    /// The light.
    pub light: Light,
    /// Since when.
    pub since: Timestamp,
    /// What showed it.
    pub evidence: Option<Proof>,
    /// How many of how many links are missing, where they can only be counted.
    pub missing: Option<(u32, u32)>,
    /// When the newest message arrived.
    pub last_message_at: Option<Timestamp>,
    /// Another process that matters.
    pub other_pid: Option<u32>,
    /// Red only because nothing was heard, which proves nothing where INFO records are hidden.
    pub by_silence: bool,
    /// The user does not want it to count.
    pub ignored: bool,
}

impl LinkVerdict {
    /// A link of this platform, seen by itself.
    pub(super) fn of(platform: &PlatformName, view: View) -> Self {
        Self {
            platform: PlatformName::clone(platform),
            light: view.light(),
            reason: view.reason,
            since: view.since,
            evidence: view.proof,
            missing: None,
            last_message_at: None,
            other_pid: view.other_pid,
            by_silence: false,
            ignored: false,
        }
    }
}
