//! The rows of a history.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::health::{Light, LinkVerdict, Proof, ProofLine, Reason};
use crate::order::Order as _;
use crate::redact;
use crate::restart::{RestartOutcome, RestartStep, RestartView};
use crate::text::Message;
use crate::watcher::snapshot::ProfileChange;

/// Longest stored line of evidence, in characters.
pub const MAX_LINE: usize = 500;
/// Longest stored name of a platform, in characters.
const MAX_PLATFORM: usize = 64;

/// One change of one profile's light or reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeRow {
    /// When it changed.
    pub at: Timestamp,
    /// The run of Gatelight that observed it. A run does not know the states of earlier runs.
    pub run: i64,
    /// The reason before.
    pub from: Reason,
    /// The reason since then.
    pub to: Reason,
    /// The light, if it differs from that of the reason. Histories before version 3 have none.
    pub own_light: Option<Light>,
    /// The platform whose link is the reason; `None`: the gateway itself, or a history before version 3.
    pub platform: Option<String>,
    /// Since when it has held; before `at` if the logs reach further back than the observation.
    pub since: Timestamp,
    /// The proof, redacted.
    #[serde(with = "stored_proof")]
    pub evidence: Option<Proof>,
    /// The gateway's process.
    pub pid: Option<u32>,
    /// When that process was started.
    pub started_at: Option<Timestamp>,
    /// It was read from log lines of a time that Gatelight did not observe.
    pub history: bool,
}

impl ChangeRow {
    /// The row of a change: bounded, and redacted once more.
    pub(crate) fn new(change: &ProfileChange, run: i64) -> Self {
        let ProfileChange { change, history, .. } = change;
        Self {
            at: change.at,
            run,
            from: change.from.reason,
            to: change.to.reason,
            own_light: change.to.own_light,
            platform: change.to.platform.as_deref().map(clean_platform),
            since: change.to.since.min(change.at),
            evidence: change.to.evidence.as_ref().map(clean_proof),
            pid: change.to.pid,
            started_at: change.to.started_at,
            history: *history,
        }
    }

    /// The row of a change of one link.
    pub(crate) fn of_link(link: &LinkVerdict, at: Timestamp) -> Self {
        let own_light = if link.ignored { Light::Grey } else { link.light };
        Self {
            at,
            run: 0,
            from: Reason::NoEvidence,
            to: link.reason,
            own_light: Some(own_light),
            platform: Some(clean_platform(&link.platform)),
            since: link.since.min(at),
            evidence: link.evidence.as_ref().map(clean_proof),
            pid: None,
            started_at: None,
            history: false,
        }
    }

    /// The light.
    pub fn light(&self) -> Light {
        self.own_light.unwrap_or_else(|| self.to.light())
    }
}

/// A platform's name as it is stored: bounded and on one line, because plug-ins choose it.
fn clean_platform(name: &str) -> String {
    redact::one_line(name, MAX_PLATFORM)
}

/// A proof as it is stored and passed to other programs: bounded and redacted.
pub(crate) fn clean_proof(proof: &Proof) -> Proof {
    let clean = |text: &str| redact::clean_line(text, MAX_LINE);
    let line = match &proof.line {
        ProofLine::Quoted(quote) => clean(quote.as_str()).into(),
        ProofLine::Fact(fact) => fact.clone().cleaned(clean).into(),
    };
    Proof { source: proof.source.clone(), line, at: proof.at }
}

/// A proof in the queue's file: a fact in its stable form.
mod stored_proof {
    use std::borrow::Cow;

    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::health::{Proof, Source};
    use crate::text::proof;

    #[derive(Serialize, Deserialize)]
    struct Stored<'a> {
        source: Source,
        line: Cow<'a, str>,
        at: Timestamp,
    }

    impl<'a> Stored<'a> {
        fn of(proof: &'a Proof) -> Self {
            Self { source: proof.source.clone(), line: proof::stable(proof), at: proof.at }
        }
    }

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(proof: &Option<Proof>, serializer: S) -> Result<S::Ok, S::Error> {
        proof.as_ref().map(Stored::of).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Proof>, D::Error> {
        let stored = Option::<Stored<'_>>::deserialize(deserializer)?;
        Ok(stored.map(|Stored { source, line, at }| {
            let line = proof::stored(&source, line.into_owned());
            Proof { source, line, at }
        }))
    }
}

/// How a restart ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartResult {
    /// A new process proved its link.
    Worked,
    /// It failed.
    Failed,
    /// The outcome is unknown.
    CannotTell,
}

impl RestartResult {
    /// The stable code in the database, in JSON and in metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Worked => "worked",
            Self::Failed => "failed",
            Self::CannotTell => "cannot-tell",
        }
    }

    /// Every result.
    pub const ALL: [Self; 3] = [Self::Worked, Self::Failed, Self::CannotTell];

    /// The result with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.code() == code)
    }
}

/// One restart that Gatelight ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartRow {
    /// When it was requested.
    pub asked_at: Timestamp,
    /// When its outcome was known.
    pub ended_at: Timestamp,
    /// How it ended.
    pub result: RestartResult,
    /// The step at which it ended, if it did not work. Histories before version 2 have none.
    pub step: Option<RestartStep>,
    /// Why it did not work; redacted.
    pub why: Option<Message>,
    /// The old process had to be killed.
    pub killed: bool,
}

impl RestartRow {
    /// The row of a restart that has ended; `None` for one that has not. Bounded, and redacted once more.
    pub(crate) fn new(restart: &RestartView, ended_at: Timestamp) -> Option<Self> {
        let (result, step, why, killed) = match restart.outcome.as_ref()? {
            RestartOutcome::Worked { killed, .. } => (RestartResult::Worked, None, None, *killed),
            RestartOutcome::Failed { step, why } => (RestartResult::Failed, Some(*step), Some(why), false),
            RestartOutcome::CannotTell { step, why } => {
                (RestartResult::CannotTell, Some(*step), Some(why), false)
            }
        };
        let clean = |text: &str| redact::clean_line(text, MAX_LINE);
        let why = why.map(|why| why.clone().cleaned(&clean));
        Some(Self { asked_at: restart.asked_at, ended_at, result, step, why, killed })
    }
}

/// One write to the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Row {
    /// A new run begins: earlier rows say nothing about what follows.
    Begin(Timestamp),
    /// The run that began at this time continues: what follows belongs to it.
    Resume(Timestamp),
    /// A change of the profile with this name.
    Change(String, ChangeRow),
    /// A change of one link of the profile with this name.
    Link(String, ChangeRow),
    /// A restart of the profile with this name.
    Restart(String, RestartRow),
    /// Gatelight observed this span.
    Observed(Timestamp, Timestamp),
}

/// A span that one run of Gatelight observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// The run.
    pub run: i64,
    /// Start.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
}

/// The history of one profile.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProfileRecord {
    /// Its name.
    pub name: String,
    /// Its changes, by time.
    pub changes: Vec<ChangeRow>,
    /// Its restarts, by time.
    pub restarts: Vec<RestartRow>,
    /// The changes of its links, by platform and time, where it has several.
    pub links: BTreeMap<String, Vec<ChangeRow>>,
}

/// A history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// What Gatelight observed, by time.
    pub observed: Vec<Observed>,
    /// The profiles, by name.
    pub profiles: Vec<ProfileRecord>,
}

impl Record {
    /// From the changes that a replay of one profile's old logs gave, up to `until`, the end of those logs. The logs
    /// count as observed from the first change to `until`, without the `doubtful` spans (sorted).
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
            record.profiles[at].changes.push(ChangeRow::new(&change, 1));
        }
        for profile in &mut record.profiles {
            profile.changes.order_by_key(|change| change.at);
        }
        let Some(first) = record.profiles.iter().filter_map(|p| p.changes.first()).map(|c| c.at).min() else {
            return record;
        };
        let starts = std::iter::once(first).chain(doubtful.iter().map(|(_, to)| *to));
        let ends = doubtful.iter().map(|(from, _)| *from).chain([until]);
        let spans = starts.zip(ends).map(|(from, to)| Observed { run: 1, from: from.max(first), to });
        record.observed.extend(spans.filter(|span| span.from < span.to));
        record
    }

    /// Both records; they have different profiles, each observed at its own times.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let runs = self.observed.iter().map(|span| span.run).max().unwrap_or(0);
        let renumbered = other.observed.into_iter().map(|span| Observed { run: span.run + runs, ..span });
        self.observed.extend(renumbered);
        for mut profile in other.profiles {
            for change in profile.changes.iter_mut().chain(profile.links.values_mut().flatten()) {
                change.run += runs;
            }
            let at = self.profiles.partition_point(|p| p.name < profile.name);
            self.profiles.insert(at, profile);
        }
        self
    }

    /// The record of the profile with this name only.
    #[must_use]
    pub fn only(mut self, name: &str) -> Self {
        self.profiles.retain(|profile| profile.name == name);
        self
    }
}
