//! What showed something.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::manager::Manager;

/// Where a proof comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Source {
    /// A log file, by its name in the logs folder (`agent.log`).
    Log(Arc<str>),
    /// `gateway_state.json`.
    StateFile,
    /// `state/gateway.heartbeat`.
    Heartbeat,
    /// `.gateway-planned-stop.json`.
    StopMarker,
    /// `.gateway-takeover.json`.
    TakeoverMarker,
    /// `.gateway-launchd-unsupported`.
    DetachedMarker,
    /// `.drain_request.json`.
    DrainRequest,
    /// `cron/ticker_heartbeat`.
    CronBeat,
    /// What the system says of processes.
    Process,
    /// What a service manager says.
    Manager(Manager),
}

impl Source {
    /// The word that users and recordings see.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Log(name) => name,
            Self::StateFile => "gateway_state.json",
            Self::Heartbeat => "gateway.heartbeat",
            Self::StopMarker => ".gateway-planned-stop.json",
            Self::TakeoverMarker => ".gateway-takeover.json",
            Self::DetachedMarker => ".gateway-launchd-unsupported",
            Self::DrainRequest => ".drain_request.json",
            Self::CronBeat => "cron/ticker_heartbeat",
            Self::Process => "process",
            Self::Manager(manager) => manager.word(),
        }
    }

    /// A source from its word; any other word names a log file.
    pub fn from_word(word: &str) -> Self {
        const NAMED: [Source; 11] = [
            Source::StateFile,
            Source::Heartbeat,
            Source::StopMarker,
            Source::TakeoverMarker,
            Source::DetachedMarker,
            Source::DrainRequest,
            Source::CronBeat,
            Source::Process,
            Source::Manager(Manager::Launchd),
            Source::Manager(Manager::Systemd),
            Source::Manager(Manager::Embedded),
        ];
        NAMED.into_iter().find(|named| named.as_str() == word).unwrap_or_else(|| Self::Log(word.into()))
    }
}

impl From<&str> for Source {
    fn from(word: &str) -> Self {
        Self::from_word(word)
    }
}

impl From<String> for Source {
    fn from(word: String) -> Self {
        Self::from_word(&word)
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.as_str().to_owned()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What showed something: the source, the line (secrets removed, one line, bounded), and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Where it stands.
    pub source: Source,
    /// The line, redacted; or a sentence of ours where no line exists.
    pub line: String,
    /// When it was seen.
    pub at: Timestamp,
}

impl Proof {
    /// A proof from a source that has no line of its own.
    pub fn new(source: impl Into<Source>, line: impl Into<String>, at: Timestamp) -> Self {
        Self { source: source.into(), line: line.into(), at }
    }
}
