//! Recordings: evidence as JSON Lines. The first line is a header. Each further line is an event, `t` seconds after the
//! start; `t` never decreases. Unknown keys are ignored, unknown events counted.
//!
//! A recording holds one gateway: its own profile and those that it serves. [`Recording::read`] reads one,
//! [`Recording::play`] judges it again.

mod first_look;
mod parse;
mod play;
mod reader;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::files;
use crate::health::{Change, Evidence, LinkVerdict, ProfileName, Proof, Verdict};
use crate::text::{self, Both, Lang, Message, Worded, fill, recording as words};

/// The version of the format that is written, and the newest that is read.
pub const VERSION: u64 = 1;

/// A recording longer than this is refused: it would have to be held in memory.
const MAX_BYTES: u64 = 256 << 20;

/// A line longer than this is refused: log lines are cut at 64 KiB before they are recorded.
const MAX_LINE_BYTES: usize = 4 << 20;

/// How much of a file is read to tell whether it is a recording, in bytes: more than a header has.
const MAX_HEADER_BYTES: u64 = 4096;

/// The recording cannot be used.
#[derive(Debug)]
pub enum RecordingError {
    /// The system refused.
    Io(io::Error),
    /// There is no header, so it is not a recording.
    NoHeader(Both),
    /// A format of the future.
    Version(u64),
    /// A line that is not an event.
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: Both,
    },
    /// It is longer than 256 MiB.
    TooLong,
}

impl Worded for RecordingError {
    fn message(&self) -> Message {
        Message::verbatim(&match self {
            Self::Io(error) => {
                Both::each(|lang| text::error::io(lang, error)).within(words::UNREADABLE, "why")
            }
            Self::NoHeader(why) => why.within(words::NO_HEADER, "why"),
            Self::Version(version) => {
                let values = [("version", &*version.to_string()), ("known", &*VERSION.to_string())];
                Both::fill(words::VERSION, &values)
            }
            Self::Line { line, reason } => {
                let line = line.to_string();
                Both::each(|lang| {
                    fill(lang.pick(words::LINE), &[("line", &*line), ("why", reason.pick(lang))])
                })
            }
            Self::TooLong => Both::fill(words::TOO_LONG, &[("most", &(MAX_BYTES >> 20).to_string())]),
        })
    }
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for RecordingError {}

impl From<io::Error> for RecordingError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub recording: u64,
    /// When `t` is 0.
    pub start: Timestamp,
    /// The profile in whose home the gateway runs.
    #[serde(default = "unnamed")]
    pub profile: String,
    /// All profiles whose homes are recorded, including that one; empty: that one alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// Version of the gateway, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hermes: Option<String>,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
}

fn unnamed() -> String {
    "default".to_owned()
}

/// One line after the header.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Seconds since the start.
    pub t: f64,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// A line arrived in a log file.
    Line {
        /// Whose home; `None`: that of the gateway's own profile.
        home: Option<ProfileName>,
        /// Name of the file.
        log: String,
        /// Without its line end.
        line: String,
    },
    /// A file of the gateway's home was written, or removed (`None`).
    File {
        /// Relative to the home.
        file: String,
        /// Its content.
        json: Option<Value>,
    },
    /// Evidence that is stored as such.
    Known(Evidence),
    /// The machine slept for this many seconds before this time.
    Wake(f64),
    /// Not evidence: a note, a count of connections, a file of a served profile's home.
    Remark,
    /// The recording ends.
    End,
}

/// A recording in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Its header.
    pub header: Header,
    /// Its events.
    pub events: Vec<Event>,
    /// Number of events of an unknown kind.
    pub unknown: usize,
    /// The last line is incomplete: the recorder was killed.
    pub cut: bool,
}

/// Whether the first line of a file looks like the header of a recording. It may be damaged, or of a future format.
pub(crate) fn has_header(path: &Path) -> io::Result<bool> {
    let mut first = Vec::new();
    BufReader::new(files::open(path)?.take(MAX_HEADER_BYTES)).read_until(b'\n', &mut first)?;
    let named = memchr::memmem::find(&first, b"\"recording\"");
    Ok(first.trim_ascii_start().starts_with(b"{") && named.is_some())
}

/// The time of `t` seconds after the start.
pub fn at(start: Timestamp, t: f64) -> Timestamp {
    let t = Duration::try_from_secs_f64(t).unwrap_or(Duration::ZERO);
    start.saturating_add(t).unwrap_or(Timestamp::MAX)
}

/// A change as it is printed: one JSON object a line.
#[derive(Debug, Serialize)]
pub struct Printed<'a> {
    /// Seconds since the start.
    pub t: f64,
    /// When.
    pub at: String,
    /// Which profile.
    pub profile: &'a str,
    /// The platform whose link is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<&'a str>,
    /// The light.
    pub light: &'static str,
    /// The reason's code.
    pub reason: &'static str,
    /// The line that showed it; redacted.
    pub evidence: Cow<'a, str>,
    /// The link that changed, where the profile's light and reason did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<PrintedLink<'a>>,
}

/// What one link shows.
#[derive(Debug, Serialize)]
pub struct PrintedLink<'a> {
    /// The platform.
    pub platform: &'a str,
    /// The light.
    pub light: &'static str,
    /// The reason's code.
    pub reason: &'static str,
    /// The line that showed it; redacted.
    pub evidence: Cow<'a, str>,
}

impl<'a> Printed<'a> {
    /// For a change; `t` counts from `start`.
    pub fn new(change: &'a Change, start: Timestamp) -> Self {
        Self::state(&change.profile, &change.to, change.at, start)
    }

    /// For a change of one link at `at` that does not change the profile's light or reason.
    pub fn of_link(
        profile: &'a str,
        verdict: &'a Verdict,
        link: &'a LinkVerdict,
        at: Timestamp,
        start: Timestamp,
    ) -> Self {
        let printed = PrintedLink {
            platform: &link.platform,
            light: link.light.word(),
            reason: link.reason.code(),
            evidence: line_of(link.evidence.as_ref()),
        };
        Self { link: Some(printed), ..Self::state(profile, verdict, at, start) }
    }

    fn state(profile: &'a str, verdict: &'a Verdict, at: Timestamp, start: Timestamp) -> Self {
        let t = at.duration_since(start).as_secs_f64();
        Self {
            t: (t * 1000.0).round() / 1000.0,
            at: rfc3339(at),
            profile,
            platform: verdict.platform.as_deref(),
            light: verdict.light().word(),
            reason: verdict.reason.code(),
            evidence: line_of(verdict.evidence.as_ref()),
            link: None,
        }
    }
}

fn line_of(proof: Option<&Proof>) -> Cow<'_, str> {
    proof.map_or_else(Cow::default, text::proof::stable)
}

/// RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::sync::Arc;

    use super::*;
    use crate::evidence::patterns::Patterns;
    use crate::health::Deadlines;

    const HEADER: &str = r#"{"recording": 1, "start": "2026-11-22T10:00:00Z"}"#;

    fn read(lines: &str) -> Result<Recording, RecordingError> {
        Recording::read(format!("{HEADER}\n{lines}").as_bytes())
    }

    #[test]
    fn a_format_of_the_future_is_refused_by_name_and_its_events_are_counted() {
        let future = Recording::read(&b"{\"recording\": 2, \"start\": \"2026-11-22T10:00:00Z\"}\n"[..]);
        assert!(matches!(future, Err(RecordingError::Version(2))));
        let recording = read(
            "{\"t\": 1, \"moon\": \"full\"}\n{\"t\": 2, \"process\": {\"pid\": 1, \"state\": \"dreaming\"}}\n",
        );
        assert_eq!(recording.map(|r| r.unknown).ok(), Some(2));
    }

    #[test]
    fn a_recording_is_known_by_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (text, expected) in [
            (&*format!("{HEADER}\n{{\"t\": 1}}\n"), true),
            ("{\"recording\": 2, \"star", true),
            ("{\"tag\": \"gateway.start\"}\n{\"recording\": 1}\n", false),
            ("2026-11-22 10:00:00,000 INFO x: {\"recording\": 1}\n", false),
            ("", false),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(has_header(&path).ok(), Some(expected), "{text}");
        }
        assert!(has_header(folder.path()).is_err());
    }

    #[test]
    fn bad_lines_are_named_and_a_cut_end_is_forgiven() {
        for (lines, line) in [
            ("{\"t\": 1}\nx\n{\"t\": 2}\n", 3),
            ("{\"t\": 2, \"end\": 1}\n{}\n", 0),
            ("{\"t\": 2, \"truth\": \"\"}\n{\"t\": 1, \"truth\": \"\"}\n", 3),
        ] {
            match read(lines) {
                Err(RecordingError::Line { line: named, .. }) => assert_eq!(named, line, "{lines}"),
                Ok(_) => assert_eq!(line, 0, "{lines}"),
                Err(other) => panic!("{other}"),
            }
        }
        assert!(
            read("{\"t\": 1, \"truth\": \"\"}\n{\"t\": 2, \"lo").is_ok_and(|r| r.cut && r.events.len() == 1)
        );
        assert!(matches!(
            Recording::read(&b"2026-11-22 10:00:00 INFO x\n"[..]),
            Err(RecordingError::NoHeader(_))
        ));
    }

    #[test]
    fn what_is_wrong_is_said_in_both_languages() {
        let header = |text: &str| Recording::read(text.as_bytes()).unwrap_err();
        for error in [
            header("{\"recording\": 2, \"start\": \"2026-11-22T10:00:00Z\"}\n"),
            header("{\"start\": \"2026-11-22T10:00:00Z\"}\n"),
            read("{\"t\": 2, \"truth\": \"\"}\n{\"t\": 1, \"truth\": \"\"}\n").unwrap_err(),
            read("{\"log\": \"agent.log\"}\n").unwrap_err(),
            read("{\"t\": 1, \"log\": \"agent.log\"}\n").unwrap_err(),
            read("{\"t\": 1, \"log\": 3, \"line\": \"x\"}\n").unwrap_err(),
            read("{\"t\": 1, \"wake\": {}}\n").unwrap_err(),
            RecordingError::TooLong,
        ] {
            let [english, chinese] = [Lang::En, Lang::Zh].map(|lang| error.text(lang));
            assert!(english.is_ascii() && !chinese.is_ascii(), "{english} / {chinese}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Recording::read(bytes.as_slice());
        }

        #[test]
        fn no_events_panic(lines in proptest::collection::vec(
            r#"\{"t": (-?[0-9]{1,12}(\.[0-9]{1,3})?|1e308|null), "(log|file|process|job|tcp|wake|truth|end)": ("[a-z.]{0,12}"|\{"pid": -?[0-9]{1,12}, "state": "(running|gone|stopped)"\}|\{"slept": -?[0-9e]{1,9}\}|null|true)(, "line": ".{0,30}")?\}"#,
            0..8,
        )) {
            let text = lines.join("\n");
            if let (Ok(recording), Ok(patterns)) = (read(&text), Patterns::new(&[])) {
                recording.play(Arc::new(patterns), Deadlines::default(), &mut |_| ());
            }
        }
    }
}
