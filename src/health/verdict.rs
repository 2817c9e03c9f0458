//! What the core says.

use jiff::{SignedDuration, Timestamp};

use super::links::LinkVerdict;
use super::manager::Manager;
use super::names::{PlatformName, ProfileName};
use super::proof::Proof;
use super::reason::{Light, Reason};

/// A version of Hermes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HermesVersion {
    /// As Hermes writes it: `0.19.0`.
    pub text: String,
    /// The process runs it; else it lies on the disk, and was written after the process began.
    pub running: bool,
}

/// The judgement of one profile at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Why.
    pub reason: Reason,
    /// The light, where it is not that of the reason: some begin amber and turn red.
    pub own_light: Option<Light>,
    /// The platform whose link is the reason; `None`: the gateway itself.
    pub platform: Option<PlatformName>,
    /// How many of how many links are missing, where they can only be counted.
    pub missing: Option<(u32, u32)>,
    /// Since when light and reason have held.
    pub since: Timestamp,
    /// What showed it.
    pub evidence: Option<Proof>,
    /// Other reasons that hold too, and remarks; most telling first.
    pub notes: Vec<Note>,
    /// The profile's links, worst first.
    pub links: Vec<LinkVerdict>,
    /// When the newest message arrived: information, never a light.
    pub last_message_at: Option<Timestamp>,
    /// The gateway's process, if one is alive.
    pub pid: Option<u32>,
    /// When that process was started, if known.
    pub started_at: Option<Timestamp>,
    /// The version of Hermes that the process runs, or that lies on the disk, if known.
    pub version: Option<HermesVersion>,
    /// The manager that looks after it, if one is known.
    pub manager: Option<Manager>,
    /// Another process that matters (the holder of the account, the first instance).
    pub other_pid: Option<u32>,
    /// The profile whose gateway serves this one; `None`: it has its own.
    pub served_by: Option<ProfileName>,
    /// Answers that are being finished before the gateway leaves.
    pub draining: Option<Draining>,
    /// How long the light had been green before this reason, if it was green right before.
    pub held_green: Option<SignedDuration>,
}

impl Verdict {
    /// The light.
    pub fn light(&self) -> Light {
        self.own_light.unwrap_or_else(|| self.reason.light())
    }

    /// Nothing known.
    pub fn unknown(at: Timestamp) -> Self {
        Self::of(Reason::NoEvidence, at)
    }

    /// A reason and nothing else.
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

    /// Whether it says the same: light, reason and platform.
    pub fn is_same_as(&self, other: &Self) -> bool {
        (self.light(), self.reason, &self.platform) == (other.light(), other.reason, &other.platform)
    }
}

/// Answers that are being finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draining {
    /// Since when.
    pub since: Timestamp,
    /// Turns, cron jobs and requests under way, if known.
    pub active: Option<u32>,
    /// Somebody asked for it from outside and has not released it: every message is refused meanwhile.
    pub external: bool,
}

/// Something that holds besides the reason shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// Another reason that holds too, with the platform that it is about.
    Also(Reason, Option<PlatformName>, Option<Proof>),
    /// A second instance was refused while the first (this PID) works.
    SecondInstance(Option<u32>),
    /// INFO records are hidden by the gateway's log level: a recovery is invisible in the log.
    InfoHidden,
    /// Messages were dropped while the gateway started.
    DroppedAtStart,
    /// A file that should be read cannot be: which, and why.
    Unreadable(String),
}

/// The light or the reason of one profile changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When: the time of the evidence, or of the deadline that passed.
    pub at: Timestamp,
    /// Whose.
    pub profile: ProfileName,
    /// What was said before.
    pub from: Verdict,
    /// What is said now.
    pub to: Verdict,
}
