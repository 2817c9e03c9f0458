//! What the watcher publishes: everything that menu, status text, history and metrics show.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::health::{Change, Light, Reason, Verdict};
use crate::profile::{BadJobFile, Profile};

/// All profiles at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// In the order of the scan.
    pub profiles: Vec<ProfileView>,
    /// Job files that could not be read.
    pub bad_files: Vec<BadJobFile>,
    /// Whether every profile has had its first verdict.
    pub complete: bool,
}

/// One profile at that time.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileView {
    /// What is watched.
    pub profile: Arc<Profile>,
    /// What is said of it.
    pub verdict: Verdict,
    /// A restart under way or just over.
    pub restart: Option<RestartView>,
}

impl ProfileView {
    /// How long the gateway's process has run.
    pub fn uptime(&self, now: Timestamp) -> Option<SignedDuration> {
        self.verdict.started_at.map(|start| now.duration_since(start).max(SignedDuration::ZERO))
    }
}

impl Snapshot {
    /// The worst light of all; grey where there is no profile.
    pub fn worst(&self) -> Light {
        self.profiles.iter().map(|p| p.verdict.light()).max().unwrap_or(Light::Grey)
    }

    /// The profile of this name.
    pub fn find(&self, name: &str) -> Option<&ProfileView> {
        self.profiles.iter().find(|p| p.profile.name == name)
    }
}

/// A change of one profile's light or reason.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileChange {
    /// Whose.
    pub profile: Arc<Profile>,
    /// What changed.
    pub change: Change,
    /// It happened before Gatelight looked: it builds state and raises nothing.
    pub history: bool,
}

/// The steps of a verified restart, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RestartStep {
    /// The manager was asked; the old process has to go.
    EndingOld,
    /// The old process is gone; a new one has to come.
    StartingNew,
    /// There is a new process; its link has to be proven.
    ProvingLink,
}

/// How a restart ended.
#[derive(Debug, Clone, PartialEq)]
pub enum RestartOutcome {
    /// The link is proven by a new process.
    Worked {
        /// From the request to the proof.
        took: SignedDuration,
        /// The new process.
        pid: u32,
        /// The old process ignored SIGTERM and had to be killed.
        killed: bool,
    },
    /// It did not work.
    Failed {
        /// At which step.
        step: RestartStep,
        /// The line or answer that says why; redacted.
        why: String,
    },
    /// Neither success nor failure can be shown.
    CannotTell {
        /// At which step.
        step: RestartStep,
        /// Why not.
        why: String,
    },
}

/// A restart as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct RestartView {
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// The step under way, or the last one.
    pub step: RestartStep,
    /// Why the new process's last attempt to connect failed, while it goes on trying by itself.
    pub retrying: Option<Reason>,
    /// How it ended, if it did.
    pub outcome: Option<RestartOutcome>,
}
