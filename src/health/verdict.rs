//! What the core returns.

use jiff::{SignedDuration, Timestamp};

use super::fact::Unreadable;
use super::links::LinkVerdict;
use super::manager::Manager;
use super::names::{PlatformName, ProfileName};
use super::proof::Proof;
use super::reason::{Light, Reason};
use super::version::HermesVersion;

/// The judgement of one profile at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The reason.
    pub reason: Reason,
    /// The light, if it differs from that of the reason: some are amber first and turn red.
    pub own_light: Option<Light>,
    /// The platform whose link is the reason; `None`: the gateway itself.
    pub platform: Option<PlatformName>,
    /// How many links are missing, and how many there are, where they can only be counted.
    pub missing: Option<(u32, u32)>,
    /// Since when the light and the reason have been the same.
    pub since: Timestamp,
    /// The proof.
    pub evidence: Option<Proof>,
    /// Other reasons that hold too, and remarks; the most important first.
    pub notes: Vec<Note>,
    /// The profile's links, worst first.
    pub links: Vec<LinkVerdict>,
    /// When the newest message arrived. Information only: it never changes a light.
    pub last_message_at: Option<Timestamp>,
    /// The gateway's process, if one is alive.
    pub pid: Option<u32>,
    /// When that process was started, if known.
    pub started_at: Option<Timestamp>,
    /// The version of Hermes that the process runs, or the one on disk, if known.
    pub version: Option<HermesVersion>,
    /// The service manager of the gateway, if one is known.
    pub manager: Option<Manager>,
    /// Another process that matters (the holder of the account, the first instance).
    pub other_pid: Option<u32>,
    /// The profile whose gateway serves this one; `None`: it has its own.
    pub served_by: Option<ProfileName>,
    /// The drain in progress.
    pub draining: Option<Draining>,
    /// How long the light was green before this reason, if it was green right before.
    pub held_green: Option<SignedDuration>,
}

impl Verdict {
    /// The light.
    pub fn light(&self) -> Light {
        self.own_light.unwrap_or_else(|| self.reason.light())
    }

    /// A verdict without evidence.
    pub fn unknown(at: Timestamp) -> Self {
        Self::of(Reason::NoEvidence, at)
    }

    /// A verdict with this reason and nothing else.
    pub fn of(reason: Reason, at: Timestamp) -> Self {
        Self {
            reason,
            own_light: None,
            platform: None,
            missing: None,
            since: at,
            evidence: None,
            notes: Vec::new(),
            links: Vec::new(),
            last_message_at: None,
            pid: None,
            started_at: None,
            version: None,
            manager: None,
            other_pid: None,
            served_by: None,
            draining: None,
            held_green: None,
        }
    }

    /// What a row shows of it at a glance.
    pub fn glance(&self) -> Glance {
        let Self { reason, own_light, since, pid, .. } = *self;
        Glance { reason, own_light, platform: self.platform.clone(), since, pid }
    }
}

/// What a row shows at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// The reason.
    pub reason: Reason,
    /// The light, if it differs from that of the reason.
    pub own_light: Option<Light>,
    /// The platform whose link is the reason; `None`: the gateway itself.
    pub platform: Option<PlatformName>,
    /// Since when the light and the reason have been the same.
    pub since: Timestamp,
    /// The gateway's process, if one is alive.
    pub pid: Option<u32>,
}

impl Glance {
    /// The light.
    pub fn light(&self) -> Light {
        self.own_light.unwrap_or_else(|| self.reason.light())
    }

    /// Whether light, reason and platform are the same.
    pub fn is_same_as(&self, other: &Self) -> bool {
        (self.light(), self.reason, &self.platform) == (other.light(), other.reason, &other.platform)
    }
}

/// A drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draining {
    /// When it began.
    pub since: Timestamp,
    /// Turns, cron jobs and requests in progress, if known.
    pub active: Option<u32>,
    /// It was requested from outside and not released: every message is refused.
    pub external: bool,
}

/// Something that holds besides the reason shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Another reason that holds too, its platform and its proof.
    Also(Reason, Option<PlatformName>, Option<Proof>),
    /// A second instance was refused while the first (this PID) works.
    SecondInstance(Option<u32>),
    /// INFO records are hidden by the gateway's log level: a recovery is invisible in the log.
    InfoHidden,
    /// Messages were dropped while the gateway started.
    DroppedAtStart,
    /// A file that cannot be read.
    Unreadable(Unreadable),
}

/// The light or the reason of one profile changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When: the time of the evidence, or of the deadline that passed.
    pub at: Timestamp,
    /// The profile whose verdict changed.
    pub profile: ProfileName,
    /// What was shown before.
    pub from: Glance,
    /// The verdict now.
    pub to: Verdict,
}
