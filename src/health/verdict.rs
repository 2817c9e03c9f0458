//! What the core says.

use jiff::Timestamp;

use super::evidence::{Manager, Proof};
use super::reason::{Light, Reason};

/// The judgement of one profile at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Why.
    pub reason: Reason,
    /// Since when this reason has held.
    pub since: Timestamp,
    /// What showed it.
    pub evidence: Option<Proof>,
    /// Other reasons that hold too, and remarks; most telling first.
    pub notes: Vec<Note>,
    /// The gateway's process, if one is alive.
    pub pid: Option<u32>,
    /// When that process was started, if known.
    pub started_at: Option<Timestamp>,
    /// The manager that looks after it, if one is known.
    pub manager: Option<Manager>,
    /// Another process that matters (the holder of the app, the first instance).
    pub other_pid: Option<u32>,
    /// How long the light had been green before this reason, if it was green right before.
    pub held_green: Option<jiff::SignedDuration>,
}

impl Verdict {
    /// The light.
    pub fn light(&self) -> Light {
        self.reason.light()
    }

    /// Nothing known.
    pub fn unknown(at: Timestamp) -> Self {
        Self {
            reason: Reason::NoEvidence,
            since: at,
            evidence: None,
            notes: Vec::new(),
            pid: None,
            started_at: None,
            manager: None,
            other_pid: None,
            held_green: None,
        }
    }
}

/// Something that holds besides the reason shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// Another reason that holds too.
    Also(Reason, Option<Proof>),
    /// A second instance was refused while the first (this PID) works.
    SecondInstance(Option<u32>),
    /// INFO records are hidden by the gateway's log level: a recovery is invisible in the log.
    InfoHidden,
    /// Messages were dropped while the gateway started.
    DroppedAtStart,
    /// A file that should be read cannot be: which, and why.
    Unreadable(String),
    /// The process has no established connection.
    NoConnection,
}

/// The light or the reason changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When: the time of the evidence, or of the deadline that passed.
    pub at: Timestamp,
    /// What was said before.
    pub from: Verdict,
    /// What is said now.
    pub to: Verdict,
}
