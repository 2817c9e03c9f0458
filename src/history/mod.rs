//! What happened: changes of light, restarts, and the time in which Gatelight looked.
//!
//! [`store`] keeps it in SQLite ([`migrate`] holds the schema); [`stats`] makes time lines, incidents and figures of it,
//! pure functions over a [`Record`]. A record comes from the store or, for old logs, from the changes of a replay.
//!
//! What Gatelight did not see (the machine asleep, the agent not running) is unknown; it never counts as up.

pub mod export;
pub mod migrate;
pub mod stats;
pub mod store;
pub mod words;

use jiff::{SignedDuration, Timestamp};

use crate::evidence::redact;
use crate::health::{Proof, Reason};
use crate::restart::RestartOutcome;
use crate::watcher::snapshot::ProfileChange;

pub use stats::{End, Figures, Incident, Mark, MarkKind, Span, Window};
pub use store::{Reader, SetAside, Store, StoreError};

/// How long history is kept by default.
pub const KEEP: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Longest line of evidence that is kept, in characters.
pub const LINE_MAX: usize = 500;

/// One change of one profile's light or reason.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRow {
    /// When.
    pub at: Timestamp,
    /// Which run of Gatelight saw it. What one run knew, the next one does not know by that.
    pub run: i64,
    /// What was said before.
    pub from: Reason,
    /// What is said since.
    pub to: Reason,
    /// Since when that held; earlier than `at` where the logs told more than Gatelight saw.
    pub since: Timestamp,
    /// What showed it, redacted.
    pub evidence: Option<Proof>,
    /// The gateway's process.
    pub pid: Option<u32>,
    /// When that process was started.
    pub started_at: Option<Timestamp>,
    /// It happened before Gatelight looked.
    pub history: bool,
}

/// How a restart ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartResult {
    /// The link was proven by a new process.
    Worked,
    /// It did not work.
    Failed,
    /// Neither could be shown.
    CannotTell,
}

impl RestartResult {
    /// The word in the database, in JSON and in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Worked => "worked",
            Self::Failed => "failed",
            Self::CannotTell => "cannot-tell",
        }
    }

    /// All of them.
    pub const ALL: [Self; 3] = [Self::Worked, Self::Failed, Self::CannotTell];

    /// The result of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.word() == word)
    }
}

impl From<&RestartOutcome> for RestartResult {
    fn from(outcome: &RestartOutcome) -> Self {
        match outcome {
            RestartOutcome::Worked { .. } => Self::Worked,
            RestartOutcome::Failed { .. } => Self::Failed,
            RestartOutcome::CannotTell { .. } => Self::CannotTell,
        }
    }
}

/// One restart that was asked of Gatelight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestartRow {
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When its end was known.
    pub ended_at: Timestamp,
    /// How it ended.
    pub result: RestartResult,
    /// Why it did not work; redacted, empty where it did.
    pub why: String,
    /// The old process had to be killed.
    pub killed: bool,
}

/// A time in which one run of Gatelight looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    /// Which run.
    pub run: i64,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

/// All that is known of one profile.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProfileRecord {
    /// Its name.
    pub name: String,
    /// Its changes, by time.
    pub changes: Vec<ChangeRow>,
    /// Its restarts, by time.
    pub restarts: Vec<RestartRow>,
}

/// All that is known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// When somebody looked, by time.
    pub watched: Vec<Watched>,
    /// The profiles, by name.
    pub profiles: Vec<ProfileRecord>,
}

impl Record {
    /// From the changes that a replay of one profile's old logs gave, up to `until`, the end of those logs. The logs
    /// count as watched from the first change to `until`, without the times that are `doubtful` (in order).
    pub fn from_changes(
        changes: impl IntoIterator<Item = ProfileChange>,
        until: Timestamp,
        doubtful: &[(Timestamp, Timestamp)],
    ) -> Self {
        let mut record = Self::default();
        for change in changes {
            let name = change.profile.name.as_str();
            let at = match record.profiles.binary_search_by(|p| p.name.as_str().cmp(name)) {
                Ok(i) => i,
                Err(i) => {
                    record.profiles.insert(i, ProfileRecord { name: name.to_owned(), ..Default::default() });
                    i
                }
            };
            record.profiles[at].changes.push(row(&change, 1));
        }
        for profile in &mut record.profiles {
            profile.changes.sort_by_key(|c| c.at);
        }
        let Some(first) = record.profiles.iter().filter_map(|p| p.changes.first()).map(|c| c.at).min() else {
            return record;
        };
        let begins = std::iter::once(first).chain(doubtful.iter().map(|(_, to)| *to));
        let ends = doubtful.iter().map(|(from, _)| *from).chain([until]);
        let looked = begins.zip(ends).map(|(from, to)| Watched { run: 1, from: from.max(first), to });
        record.watched.extend(looked.filter(|w| w.from < w.to));
        record
    }

    /// Both together, where each tells of other profiles: each looked at its own times.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let runs = self.watched.iter().map(|w| w.run).max().unwrap_or(0);
        self.watched.extend(other.watched.into_iter().map(|w| Watched { run: w.run + runs, ..w }));
        for mut profile in other.profiles {
            profile.changes.iter_mut().for_each(|change| change.run += runs);
            let at = self.profiles.partition_point(|p| p.name < profile.name);
            self.profiles.insert(at, profile);
        }
        self
    }

    /// Only the profile of this name.
    #[must_use]
    pub fn only(mut self, name: &str) -> Self {
        self.profiles.retain(|p| p.name == name);
        self
    }
}

/// A change as it is kept: bounded, and redacted once more at this boundary.
pub(crate) fn row(change: &ProfileChange, run: i64) -> ChangeRow {
    let ProfileChange { change, history, .. } = change;
    ChangeRow {
        at: change.at,
        run,
        from: change.from.reason,
        to: change.to.reason,
        since: change.to.since.min(change.at),
        evidence: change.to.evidence.as_ref().map(clean_proof),
        pid: change.to.pid,
        started_at: change.to.started_at,
        history: *history,
    }
}

pub(crate) fn clean_proof(proof: &Proof) -> Proof {
    Proof { source: proof.source.clone(), line: redact::clean_line(&proof.line, LINE_MAX), at: proof.at }
}
