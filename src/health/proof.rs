//! The proofs that verdicts carry.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

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
    /// The system's list of processes.
    Process,
    /// A service manager's report.
    Manager(Manager),
}

impl Source {
    /// The name that users and recordings see.
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

    /// The source with this name; any other name is that of a log file.
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

/// The text of a proof: one line without secrets, bounded.
///
/// Most log lines that say something are judged and forgotten. So a line from outside is kept as it was read, and cleaned
/// when its text is asked for the first time. The text is all that can be had of it: `raw` is private to this module, and
/// comparison, `Debug`, `Display` and serialisation go through [`ProofLine::as_str`].
#[derive(Clone)]
pub struct ProofLine(Arc<Line>);

struct Line {
    raw: Box<[u8]>,
    /// Makes the text of `raw`: without secrets and control characters, bounded.
    clean: fn(&[u8]) -> String,
    text: OnceLock<Box<str>>,
}

impl ProofLine {
    /// A line from outside. `clean` removes its secrets and bounds it; it is called at most once.
    pub fn unclean(raw: impl Into<Box<[u8]>>, clean: fn(&[u8]) -> String) -> Self {
        Self(Arc::new(Line { raw: raw.into(), clean, text: OnceLock::new() }))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.text.get_or_init(|| (self.0.clean)(&self.0.raw).into())
    }
}

/// A sentence of ours, or what is clean already.
impl From<String> for ProofLine {
    fn from(text: String) -> Self {
        let text = OnceLock::from(text.into_boxed_str());
        Self(Arc::new(Line { raw: Box::default(), clean: |_| String::new(), text }))
    }
}

impl From<&str> for ProofLine {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Deref for ProofLine {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for ProofLine {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_str() == other.as_str()
    }
}

impl Eq for ProofLine {}

impl PartialEq<&str> for ProofLine {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for ProofLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ProofLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl Serialize for ProofLine {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for ProofLine {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// What showed something: the source, the line, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Where the line stands.
    pub source: Source,
    /// The line; or a sentence of ours where no line exists.
    pub line: ProofLine,
    /// When it was read.
    pub at: Timestamp,
}

impl Proof {
    /// A proof from a source that has no line of its own.
    pub fn new(source: impl Into<Source>, line: impl Into<ProofLine>, at: Timestamp) -> Self {
        Self { source: source.into(), line: line.into(), at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = "connected to wss://x?ticket=5ecret";

    fn unclean() -> ProofLine {
        ProofLine::unclean(RAW.as_bytes(), |raw| String::from_utf8_lossy(raw).replace("5ecret", "***"))
    }

    #[test]
    fn every_way_out_shows_the_cleaned_text_and_none_the_raw_line() {
        let ways: [fn(&Proof) -> String; 6] = [
            |proof| proof.line.as_str().to_owned(),
            |proof| proof.line.to_string(),
            |proof| format!("{proof:?}"),
            |proof| format!("{:?}", proof.line),
            |proof| serde_json::to_string(proof).unwrap(),
            |proof| proof.line.to_uppercase(),
        ];
        for way in ways {
            let proof = Proof::new("agent.log", unclean(), Timestamp::UNIX_EPOCH);
            for shown in [way(&proof), way(&proof.clone())] {
                assert!(!shown.to_lowercase().contains("5ecret") && shown.contains("***"), "{shown}");
            }
        }
    }

    #[test]
    fn lines_are_the_same_where_their_texts_are() {
        let clean = ProofLine::from("connected to wss://x?ticket=***");
        assert_eq!(unclean(), clean);
        assert_ne!(ProofLine::from(RAW), clean);
        let read: ProofLine = serde_json::from_str(&serde_json::to_string(&unclean()).unwrap()).unwrap();
        assert_eq!(read, clean);
    }
}
