//! The proofs that verdicts carry.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
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

/// What a proof shows: a line of a log or file, or a fact of ours.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum ProofLine {
    /// A line as it was written.
    Quoted(Quote),
    /// What no line shows. In a box because it is rare and large: every log record has a proof, which is moved often.
    Fact(Box<Fact>),
}

impl ProofLine {
    /// The line as it was written; empty for a fact.
    pub fn quote(&self) -> &str {
        match self {
            Self::Quoted(quote) => quote.as_str(),
            Self::Fact(_) => "",
        }
    }

    /// Whether it shows nothing.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Quoted(quote) if quote.as_str().is_empty())
    }
}

impl From<Quote> for ProofLine {
    fn from(quote: Quote) -> Self {
        Self::Quoted(quote)
    }
}

impl From<Fact> for ProofLine {
    fn from(fact: Fact) -> Self {
        Self::Fact(fact.into())
    }
}

/// A line that is clean already.
impl From<String> for ProofLine {
    fn from(text: String) -> Self {
        Self::Quoted(text.into())
    }
}

impl From<&str> for ProofLine {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

/// One line from outside, without secrets, bounded.
///
/// Most log lines that say something are judged and forgotten. So a line from outside is kept as it was read, and cleaned
/// when its text is asked for the first time. Only the cleaned text can be read: `raw` is private to this module, and
/// comparison and `Debug` go through [`Quote::as_str`].
#[derive(Clone)]
pub struct Quote(Arc<Line>);

struct Line {
    /// Empty once its text is made: hundreds of lines of each gateway are kept.
    raw: Mutex<Box<[u8]>>,
    /// Makes the text of `raw`: without secrets and control characters, bounded.
    clean: fn(&[u8]) -> String,
    text: OnceLock<Box<str>>,
}

impl Quote {
    /// A line from outside. `clean` removes its secrets and bounds it; it is called at most once.
    pub fn unclean(raw: impl Into<Box<[u8]>>, clean: fn(&[u8]) -> String) -> Self {
        Self(Arc::new(Line { raw: Mutex::new(raw.into()), clean, text: OnceLock::new() }))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.text.get_or_init(|| {
            let mut raw = self.0.raw.lock().unwrap_or_else(PoisonError::into_inner);
            let text = (self.0.clean)(&raw).into();
            *raw = Box::default();
            text
        })
    }
}

/// A line that is clean already.
impl From<String> for Quote {
    fn from(text: String) -> Self {
        let text = OnceLock::from(text.into_boxed_str());
        Self(Arc::new(Line { raw: Mutex::default(), clean: |_| String::new(), text }))
    }
}

impl PartialEq for Quote {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_str() == other.as_str()
    }
}

impl Eq for Quote {}

impl fmt::Debug for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// What showed something: the source, the line, and when.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Proof {
    /// Where the line is, or who reported the fact.
    pub source: Source,
    /// The line, or a fact where there is no line.
    pub line: ProofLine,
    /// When it was read.
    pub at: Timestamp,
}

impl Proof {
    /// A proof.
    pub fn new(source: impl Into<Source>, line: impl Into<ProofLine>, at: Timestamp) -> Self {
        Self { source: source.into(), line: line.into(), at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = "connected to wss://x?ticket=5ecret";

    fn unclean() -> Quote {
        Quote::unclean(RAW.as_bytes(), |raw| String::from_utf8_lossy(raw).replace("5ecret", "***"))
    }

    #[test]
    fn every_way_out_shows_the_cleaned_text_and_none_the_raw_line() {
        let ways: [fn(&Proof) -> String; 3] = [
            |proof| proof.line.quote().to_owned(),
            |proof| format!("{proof:?}"),
            |proof| format!("{:?}", proof.line),
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
        let clean = Quote::from("connected to wss://x?ticket=***".to_owned());
        assert_eq!(unclean(), clean);
        assert_ne!(Quote::from(RAW.to_owned()), clean);
        let read: ProofLine = serde_json::from_value(serde_json::json!(unclean().as_str())).unwrap();
        assert_eq!(read, clean.into());
    }
}
