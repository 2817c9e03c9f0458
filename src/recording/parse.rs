//! Reading a recording.

use std::io::{BufRead, Read};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Event, EventKind, Header, MAX_BYTES, MAX_LINE_BYTES, Recording, RecordingError, VERSION};
use crate::evidence::state_files;
use crate::health::{Evidence, JobState, JobWord, Manager, ProcessState, ProfileName, UpdateProcess};
use crate::text::{Both, Worded as _, recording as words};

impl Recording {
    /// Reads a recording.
    pub fn read(reader: impl BufRead) -> Result<Self, RecordingError> {
        let mut text = String::new();
        let mut limited = reader.take(MAX_BYTES + 1);
        let mut raw = Vec::new();
        limited.read_to_end(&mut raw)?;
        if raw.len() as u64 > MAX_BYTES {
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
            match event(line, last, &recording.header) {
                Ok(Some(event)) => {
                    last = event.t;
                    let end = event.kind == EventKind::End;
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
}

fn header(line: &str) -> Result<Header, RecordingError> {
    let wrong = |error| RecordingError::NoHeader(wording(&error));
    let value: Value = serde_json::from_str(line).map_err(wrong)?;
    match value.get("recording").and_then(Value::as_u64) {
        Some(VERSION) => serde_json::from_value(value).map_err(wrong),
        Some(version) => Err(RecordingError::Version(version)),
        None => Err(RecordingError::NoHeader(words::NO_VERSION.into())),
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
struct RawUpdate {
    pid: u32,
    began: Timestamp,
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
    /// launchd's counter of starts.
    runs: Option<u64>,
    /// systemd's.
    restarts: Option<u64>,
    comes_back: Option<bool>,
    exit_reason: Option<String>,
    #[serde(default)]
    spawn_failed: bool,
}

/// Parses one event. `Ok(None)`: its kind is unknown.
fn event(line: &str, last: f64, header: &Header) -> Result<Option<Event>, Both> {
    if line.len() > MAX_LINE_BYTES {
        return Err(Both::fill(words::TOO_LONG, &[("most", &(MAX_LINE_BYTES >> 20).to_string())]));
    }
    let mut value: Value = serde_json::from_str(line).map_err(|error| wording(&error))?;
    let t = value.get("t").and_then(Value::as_f64).ok_or(words::NO_TIME)?;
    if t < last || !t.is_finite() {
        return Err(Both::fill(words::TIME_FALLS, &[("last", &last.to_string()), ("t", &t.to_string())]));
    }
    let home = value.get("profile").and_then(Value::as_str).filter(|name| *name != header.profile);
    let home = home.map(ProfileName::from);
    let kind = if let Some(log) = take(&mut value, "log") {
        let line = take(&mut value, "line").ok_or(words::NO_LINE)?;
        Some(EventKind::Line { home, log: string(log)?, line: string(line)? })
    } else if let Some(file) = take(&mut value, "file") {
        let json = take(&mut value, "json").filter(|json| !json.is_null());
        // A served profile's own files are from its earlier own gateway.
        Some(if home.is_none() { EventKind::File { file: string(file)?, json } } else { EventKind::Remark })
    } else if value.get("wake").is_some() {
        let slept = value.get("wake").and_then(|wake| wake.get("slept")).and_then(Value::as_f64);
        Some(EventKind::Wake(slept.ok_or(words::NO_SLEPT)?))
    } else if value.get("truth").is_some() || value.get("tcp").is_some() {
        Some(EventKind::Remark)
    } else if value.get("end").is_some() {
        Some(EventKind::End)
    } else {
        known(&mut value).map(EventKind::Known)
    };
    Ok(kind.map(|kind| Event { t, kind }))
}

/// Parses an event that is evidence as such. `None`: its kind, or a state in it, is unknown to this version.
fn known(value: &mut Value) -> Option<Evidence> {
    if let Some(process) = take(value, "process") {
        if process.is_null() {
            return Some(Evidence::NoProcess);
        }
        let RawProcess { pid, state, exit, start, started_at } = serde_json::from_value(process).ok()?;
        return Some(Evidence::Process { pid, start, started_at, state, exit });
    }
    if let Some(job) = take(value, "job") {
        if job.is_null() {
            return Some(Evidence::JobUnknown);
        }
        let job: RawJob = serde_json::from_value(job).ok()?;
        return Some(Evidence::Job(JobWord {
            pid: job.pid,
            last_exit: job.last_exit,
            starts: job.runs.or(job.restarts),
            comes_back: job.comes_back,
            exit_reason: job.exit_reason,
            spawn_failed: job.spawn_failed,
            ..JobWord::new(job.manager, job.label, job.detail.unwrap_or(job.state))
        }));
    }
    if let Some(locks) = value.get("locks") {
        return Some(Evidence::Locks(state_files::locks(locks)));
    }
    if let Some(restart) = value.get("restart") {
        let asked_at = restart.get("asked_at").and_then(Value::as_str).and_then(|at| at.parse().ok());
        return Some(Evidence::OwnRestart(asked_at));
    }
    if let Some(starts) = value.get("starts").and_then(Value::as_array) {
        let times = starts.iter().filter_map(|at| at.as_str()?.parse::<Timestamp>().ok());
        return Some(Evidence::Starts(times.collect()));
    }
    if let Some(takeovers) = value.get("takeovers").and_then(Value::as_array) {
        let proofs = takeovers.iter().filter_map(|proof| serde_json::from_value(proof.clone()).ok());
        return Some(Evidence::Takeovers(proofs.collect()));
    }
    if let Some(version) = value.get("version") {
        return Some(Evidence::Version(serde_json::from_value(version.clone()).ok()?));
    }
    if let Some(update) = value.get("update") {
        let RawUpdate { pid, began } = match update {
            Value::Null => return Some(Evidence::Update(None)),
            update => serde_json::from_value(update.clone()).ok()?,
        };
        return Some(Evidence::Update(Some(UpdateProcess { pid, began })));
    }
    if let Some(children) = value.get("children").and_then(Value::as_bool) {
        return Some(Evidence::Children(children));
    }
    if let Some(multiplex) = value.get("multiplex").and_then(Value::as_bool) {
        return Some(Evidence::Multiplex(multiplex));
    }
    value.get("history").map(|_| Evidence::HistoryTruncated)
}

/// Takes the value of this key, and leaves null.
fn take(value: &mut Value, key: &str) -> Option<Value> {
    value.get_mut(key).map(Value::take)
}

fn wording(error: &serde_json::Error) -> Both {
    Both::each(|lang| error.text(lang))
}

fn string(value: Value) -> Result<String, Both> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(Both::fill(words::NO_TEXT, &[("value", &other.to_string())])),
    }
}
