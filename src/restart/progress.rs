//! The progress of a verified restart, as plain values that menu, terminal and history show.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::links::ProfileLink;
use crate::health::Reason;
use crate::text::Message;

/// The steps of a verified restart, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartStep {
    /// The manager was asked; the old process has to end.
    EndingOld,
    /// The old process is gone; a new one has to start.
    StartingNew,
    /// There is a new process; its link has to be proven.
    ProvingLink,
}

impl RestartStep {
    /// Every step, in order.
    pub const ALL: [Self; 3] = [Self::EndingOld, Self::StartingNew, Self::ProvingLink];

    /// The stable code, as in JSON and in the history.
    pub const fn code(self) -> &'static str {
        match self {
            Self::EndingOld => "ending-old",
            Self::StartingNew => "starting-new",
            Self::ProvingLink => "proving-link",
        }
    }

    /// The step with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.code() == code)
    }
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
        /// The links that were up before and are again.
        back: Vec<ProfileLink>,
    },
    /// It did not work.
    Failed {
        /// At which step.
        step: RestartStep,
        /// The line or answer that says why; redacted.
        why: Message,
    },
    /// The outcome is unknown.
    CannotTell {
        /// At which step.
        step: RestartStep,
        /// Why not.
        why: Message,
    },
}

impl RestartOutcome {
    /// The stable code, as in JSON and in the history.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Worked { .. } => "worked",
            Self::Failed { .. } => "failed",
            Self::CannotTell { .. } => "cannot-tell",
        }
    }
}

/// The state of one restart.
#[derive(Debug, Clone, PartialEq)]
pub struct RestartView {
    /// When it was requested.
    pub asked_at: Timestamp,
    /// The present step, or the last one.
    pub step: RestartStep,
    /// Why the new process's last attempt to connect failed, while it keeps trying by itself.
    pub retrying: Option<Reason>,
    /// The outcome; `None` while the restart is in progress.
    pub outcome: Option<RestartOutcome>,
}

impl RestartView {
    /// Whether it is in progress.
    pub const fn is_under_way(&self) -> bool {
        self.outcome.is_none()
    }
}

/// Restarts in progress or just finished, by profile name. Readers join it with the watcher's snapshot.
pub type Restarts = BTreeMap<String, RestartView>;
