//! Recordings: evidence as JSON Lines, read and written, and played through the core on a virtual clock.
//!
//! The first line is the header; then one event a line, `t` seconds after the start, never falling. Unknown keys are
//! ignored; an unknown event is counted.

use std::io::{BufRead, Read};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evidence::logbook::LogBook;
use crate::evidence::patterns::Patterns;
use crate::evidence::state_files;
use crate::health::{Change, Core, Deadlines, Evidence, JobState, Manager, ProcessState};

/// The version of the format that is written, and the newest that is read.
pub const VERSION: u64 = 1;

/// A recording longer than this is refused: it would have to be held in memory.
const MOST_BYTES: u64 = 256 << 20;

/// A line longer than this is refused: log lines are cut at 64 KiB before they are recorded.
const MOST_LINE_BYTES: usize = 4 << 20;

/// The recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The system's word.
    #[error("cannot read: {0}")]
    Io(#[from] std::io::Error),
    /// There is no header, so it is no recording.
    #[error("line 1: not a recording (a header with \"recording\" is missing): {0}")]
    NoHeader(String),
    /// A format of the future.
    #[error("recording format {0} is not known; this Gatelight reads format {VERSION}: use a newer one")]
    Version(u64),
    /// A line that is no event.
    #[error("line {line}: {reason}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// More than is read.
    #[error("longer than {} MiB", MOST_BYTES >> 20)]
    TooLong,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub recording: u64,
    /// When `t` is 0.
    pub start: Timestamp,
    /// The profile's name.
    #[serde(default = "unnamed")]
    pub profile: String,
    /// Version of the gateway, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hermes: Option<String>,
    /// What it shows.
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
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A line arrived in a log file.
    Line {
        /// Name of the file.
        log: String,
        /// Without its line end.
        line: String,
    },
    /// A file of the home was written, or removed (`None`).
    File {
        /// Relative to the home.
        file: String,
        /// Its content.
        json: Option<Value>,
    },
    /// Evidence that needs no reading.
    Known(Evidence),
    /// The machine slept for so many seconds before this time.
    Wake(f64),
    /// A remark of whoever made the recording: never evidence.
    Truth,
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
    /// Events of a kind that is not known.
    pub unknown: usize,
    /// The last line was cut off, as happens to a recorder that is killed.
    pub cut: bool,
}

impl Recording {
    /// Reads a recording.
    pub fn read(reader: impl BufRead) -> Result<Self, RecordingError> {
        let mut text = String::new();
        let mut limited = reader.take(MOST_BYTES + 1);
        let mut raw = Vec::new();
        limited.read_to_end(&mut raw)?;
        if raw.len() as u64 > MOST_BYTES {
            return Err(RecordingError::TooLong);
        }
        text.push_str(&String::from_utf8_lossy(&raw));
        drop(raw);
        let mut lines = text.lines().enumerate();
        let header = header(lines.next().map(|(_, line)| line).unwrap_or_default())?;
        let mut recording = Self { header, events: Vec::new(), unknown: 0, cut: false };
        let whole = text.ends_with('\n');
        let mut last = 0.0;
        let mut lines = lines.peekable();
        while let Some((index, line)) = lines.next() {
            if line.trim().is_empty() {
                continue;
            }
            match event(line, last) {
                Ok(Some(event)) => {
                    last = event.t;
                    let end = event.what == What::End;
                    recording.events.push(event);
                    if end {
                        break;
                    }
                }
                Ok(None) => recording.unknown += 1,
                Err(_) if lines.peek().is_none() && !whole => recording.cut = true,
                Err(reason) => return Err(RecordingError::Line { line: index + 1, reason }),
            }
        }
        Ok(recording)
    }

    /// Plays it through a fresh core.
    pub fn play(&self, patterns: Arc<Patterns>, deadlines: Deadlines, sink: &mut dyn FnMut(&Change)) -> Core {
        let start = self.header.start;
        let mut book = LogBook::new(patterns);
        let mut core = Core::new(deadlines, start);
        let mut sleeps = self.sleeps().peekable();
        let mut asleep = false;
        for event in &self.events {
            let now = at(start, event.t);
            if !asleep
                && let Some((from, _)) = sleeps.peek().filter(|(from, to)| (*from..=*to).contains(&event.t))
            {
                core.step(at(start, *from), Evidence::Sleep).iter().for_each(&mut *sink);
                asleep = true;
            }
            match &event.what {
                What::Line { log, line } => {
                    let mut events = Vec::new();
                    book.read(log, format!("{line}\n").as_bytes(), now, &mut |event| events.push(event));
                    for event in events {
                        core.step(now, event.into_evidence()).iter().for_each(&mut *sink);
                    }
                }
                What::File { file, json } => {
                    if let Some(evidence) = state_files::evidence(file, json.as_ref()) {
                        core.step(now, evidence).iter().for_each(&mut *sink);
                    }
                }
                What::Known(evidence) => core.step(now, evidence.clone()).iter().for_each(&mut *sink),
                What::Wake(slept) => {
                    core.step(now, Evidence::Wake { slept: *slept }).iter().for_each(&mut *sink);
                    asleep = false;
                    sleeps.next();
                }
                What::Truth => {}
                What::End => core.tick(now).iter().for_each(&mut *sink),
            }
        }
        core
    }

    /// The spans in which the machine slept. Nothing ran in them, deadlines included, so a player has to know of them
    /// before it reaches the wake.
    fn sleeps(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.events.iter().filter_map(|event| match event.what {
            What::Wake(slept) if slept > 0.0 => Some(((event.t - slept).max(0.0), event.t)),
            _ => None,
        })
    }
}

/// The time of `t` seconds after the start.
pub fn at(start: Timestamp, t: f64) -> Timestamp {
    let t = Duration::try_from_secs_f64(t).unwrap_or(Duration::ZERO);
    start.saturating_add(t).unwrap_or(Timestamp::MAX)
}

fn header(line: &str) -> Result<Header, RecordingError> {
    let value: Value = serde_json::from_str(line).map_err(|e| RecordingError::NoHeader(e.to_string()))?;
    match value.get("recording").and_then(Value::as_u64) {
        Some(VERSION) => serde_json::from_value(value).map_err(|e| RecordingError::NoHeader(e.to_string())),
        Some(version) => Err(RecordingError::Version(version)),
        None => Err(RecordingError::NoHeader("no \"recording\" in it".to_owned())),
    }
}

#[derive(Deserialize)]
struct RawProcess {
    pid: u32,
    state: ProcessState,
    exit: Option<i32>,
    start: Option<u64>,
    started_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct RawJob {
    manager: Manager,
    #[serde(default)]
    label: String,
    state: JobState,
    pid: Option<u32>,
    last_exit: Option<i32>,
    detail: Option<JobState>,
}

/// Reads one event. `Ok(None)`: of an unknown kind.
fn event(line: &str, last: f64) -> Result<Option<Event>, String> {
    if line.len() > MOST_LINE_BYTES {
        return Err(format!("longer than {} MiB", MOST_LINE_BYTES >> 20));
    }
    let mut value: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let t = value.get("t").and_then(Value::as_f64).ok_or("no time \"t\"")?;
    if t < last || !t.is_finite() {
        return Err(format!("time falls from {last} to {t}"));
    }
    let take = |value: &mut Value, key: &str| value.get_mut(key).map(Value::take);
    let what = if let Some(log) = take(&mut value, "log") {
        let line = take(&mut value, "line").ok_or("\"log\" without \"line\"")?;
        What::Line { log: string(log)?, line: string(line)? }
    } else if let Some(file) = take(&mut value, "file") {
        let json = take(&mut value, "json").filter(|json| !json.is_null());
        What::File { file: string(file)?, json }
    } else if let Some(Value::Null) = value.get("process") {
        What::Known(Evidence::NoProcess)
    } else if let Some(Value::Null) = value.get("job") {
        What::Known(Evidence::JobUnknown)
    } else if let Some(process) = take(&mut value, "process") {
        // A state of the future is an event of the future.
        let Ok(RawProcess { pid, state, exit, start, started_at }) = serde_json::from_value(process) else {
            return Ok(None);
        };
        What::Known(Evidence::Process { pid, start, started_at, state, exit })
    } else if let Some(job) = take(&mut value, "job") {
        let Ok(RawJob { manager, label, state, pid, last_exit, detail }) = serde_json::from_value(job) else {
            return Ok(None);
        };
        What::Known(Evidence::Job { manager, label, state: detail.unwrap_or(state), pid, last_exit })
    } else if let Some(tcp) = value.get("tcp") {
        let established =
            tcp.get("established").and_then(Value::as_u64).ok_or("tcp without \"established\"")?;
        What::Known(Evidence::Tcp { established: u32::try_from(established).unwrap_or(u32::MAX) })
    } else if let Some(wake) = value.get("wake") {
        What::Wake(wake.get("slept").and_then(Value::as_f64).ok_or("wake without \"slept\"")?)
    } else if let Some(starts) = value.get("starts").and_then(Value::as_array) {
        let times = starts.iter().filter_map(|at| at.as_str()?.parse().ok());
        What::Known(Evidence::Starts(times.collect()))
    } else if let Some(takeovers) = value.get("takeovers").and_then(Value::as_array) {
        let proofs = takeovers.iter().filter_map(|proof| serde_json::from_value(proof.clone()).ok());
        What::Known(Evidence::Takeovers(proofs.collect()))
    } else if value.get("history").is_some() {
        What::Known(Evidence::HistoryTruncated)
    } else if value.get("truth").is_some() {
        What::Truth
    } else if value.get("end").is_some() {
        What::End
    } else {
        return Ok(None);
    };
    Ok(Some(Event { t, what }))
}

fn string(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(format!("a text was expected, not {other}")),
    }
}

/// A change as it is printed, one object a line.
#[derive(Debug, Serialize)]
pub struct Printed<'a> {
    /// Seconds since the start.
    pub t: f64,
    /// When.
    pub at: String,
    /// Which profile.
    pub profile: &'a str,
    /// The light.
    pub light: &'static str,
    /// The reason's code.
    pub reason: &'static str,
    /// The line that showed it; redacted.
    pub evidence: &'a str,
}

impl<'a> Printed<'a> {
    /// Of a change, counted from `start`.
    pub fn new(profile: &'a str, change: &'a Change, start: Timestamp) -> Self {
        let t = change.at.duration_since(start).as_secs_f64();
        Self {
            t: (t * 1000.0).round() / 1000.0,
            at: rfc3339(change.at),
            profile,
            light: change.to.light().word(),
            reason: change.to.reason.code(),
            evidence: change.to.evidence.as_ref().map_or("", |proof| proof.line.as_str()),
        }
    }
}

/// RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
