//! Records what the watcher sees of one profile, secrets and names removed.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::engine::{Engine, first_look};
use crate::evidence::anonymise::Anonymiser;
use crate::evidence::collector::Observed;
use crate::evidence::redact::{Lines, names_a_secret};
use crate::health::{Evidence, JobState};
use crate::recording::{Header, VERSION};
use crate::runtime::runtime;
use crate::text::error::{self, Context as _};

/// Longest log line in a recording, in characters.
const LINE_MAX: usize = 8 << 10;

/// Records this profile into a new file until the future that `end` makes is ready; `end` is called first, so that no
/// signal is lost. `begun` is called after the first complete look.
pub(crate) fn record<End: Future<Output = ()>>(
    profile: &str,
    out: &Path,
    engine: &Engine,
    anonymiser: &Arc<Anonymiser>,
    begun: impl FnOnce() -> std::io::Result<()>,
    end: impl FnOnce() -> End,
) -> error::Result<()> {
    let named = || out.display().to_string();
    let file = OpenOptions::new().write(true).create_new(true).open(out).with_context(named)?;
    let profile_shown = anonymiser.line(profile, 100);
    let out_file = BufWriter::new(file);
    let anonymiser = Arc::clone(anonymiser);
    let writer = Writer {
        out: out_file,
        profile: profile_shown,
        start: None,
        last: 0.0,
        anonymiser,
        lines: Lines::default(),
        failed: None,
    };
    let shared = Arc::new(Mutex::new(writer));
    let observer = Arc::clone(&shared);
    runtime()?.block_on(async {
        let end = end();
        let observe = Box::new(move |at: Timestamp, observed: Observed<'_>| {
            observer.lock().unwrap_or_else(PoisonError::into_inner).observe(at, &observed);
        });
        let mut handle = engine.watch(vec![profile.to_owned()], Some(observe))?;
        first_look(&mut handle).await;
        begun()?;
        end.await;
        Ok::<_, error::Error>(())
    })?;
    shared.lock().unwrap_or_else(PoisonError::into_inner).finish().with_context(named)
}

struct Writer {
    out: BufWriter<std::fs::File>,
    profile: String,
    /// The time of the first event, which may be older than the recording.
    start: Option<Timestamp>,
    last: f64,
    anonymiser: Arc<Anonymiser>,
    lines: Lines,
    /// The first failure to write, reported at the end: the observer cannot return it.
    failed: Option<std::io::Error>,
}

impl Writer {
    fn observe(&mut self, at: Timestamp, observed: &Observed<'_>) {
        match observed {
            Observed::Lines { log, block } => {
                let log = self.anonymiser.line(log, 200);
                for line in block.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
                    let text = String::from_utf8_lossy(line);
                    let text = text.trim_end_matches('\r');
                    let line = self.anonymiser.next_line(&mut self.lines, &log, text, LINE_MAX);
                    self.event(at, json!({"log": log, "line": line}));
                }
            }
            Observed::File { file, json } => {
                let clean = match json {
                    None => Value::Null,
                    // an empty marker file exists; null would mean that it was removed
                    Some(Value::Null) => json!({}),
                    Some(json) => clean(json, &self.anonymiser),
                };
                self.event(at, json!({"file": file, "json": clean}));
            }
            Observed::Known(evidence) => {
                if let Some(event) = event_of(evidence, &self.anonymiser) {
                    self.event(at, event);
                }
            }
        }
        if let Err(error) = self.out.flush() {
            self.failed.get_or_insert(error);
        }
    }

    /// Writes one event, preceded by the header if it is the first. Time never decreases.
    fn event(&mut self, at: Timestamp, mut event: Value) {
        let start = self.start.unwrap_or_else(|| self.begin(at));
        let t = at.duration_since(start).as_secs_f64().max(self.last);
        self.last = (t * 1e6).round() / 1e6;
        if let Some(object) = event.as_object_mut() {
            object.insert("t".to_owned(), json!(self.last));
        }
        self.line(&event);
    }

    fn begin(&mut self, at: Timestamp) -> Timestamp {
        let profile = std::mem::take(&mut self.profile);
        let header = Header {
            recording: VERSION,
            start: at,
            profile,
            profiles: Vec::new(),
            hermes: None,
            scenario: None,
        };
        match serde_json::to_value(header) {
            Ok(header) => self.line(&header),
            Err(error) => {
                self.failed.get_or_insert(error.into());
            }
        }
        self.start = Some(at);
        at
    }

    fn line(&mut self, value: &Value) {
        if let Err(error) = writeln!(self.out, "{value}") {
            self.failed.get_or_insert(error);
        }
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.event(Timestamp::now(), json!({"end": true}));
        let flushed = self.out.flush();
        self.failed.take().map_or(flushed, Err)
    }
}

/// Evidence that does not come from log lines or files, as an event of the format.
fn event_of(evidence: &Evidence, anonymiser: &Anonymiser) -> Option<Value> {
    Some(match evidence {
        Evidence::Process { pid, start, started_at, state, exit } => json!({"process": {
            "pid": pid, "state": state, "exit": exit, "start": start, "started_at": started_at}}),
        Evidence::Job(word) => {
            // The format has no state for a job that the user stopped.
            let (state, detail) = match &word.state {
                JobState::Stopped => (JobState::Waiting, Some(JobState::Stopped)),
                other => (*other, None),
            };
            let label = anonymiser.line(&word.label, 200);
            json!({"job": {"manager": word.manager, "label": label, "state": state, "pid": word.pid,
                "last_exit": word.last_exit, "detail": detail, "runs": word.starts,
                "comes_back": word.comes_back, "exit_reason": word.exit_reason,
                "spawn_failed": word.spawn_failed}})
        }
        Evidence::NoProcess => json!({"process": null}),
        Evidence::JobUnknown => json!({"job": null}),
        Evidence::Locks(locks) => json!({"locks": locks}),
        Evidence::Children(live) => json!({"children": live}),
        Evidence::Version(version) => json!({"version": version}),
        Evidence::Update(found) => json!({"update": found.map(|update| json!({
            "pid": update.pid, "began": update.began}))}),
        Evidence::Multiplex(on) => json!({"multiplex": on}),
        Evidence::OwnRestart(pid) => json!({"restart": {"by": "gatelight", "pid": pid}}),
        Evidence::Wake { slept } => json!({"wake": {"slept": slept}}),
        Evidence::Starts(times) => json!({"starts": times}),
        Evidence::Takeovers(proofs) => json!({"takeovers": proofs.iter().map(|proof| json!({
            "source": proof.source, "line": anonymiser.line(&proof.line, LINE_MAX),
            "at": proof.at})).collect::<Vec<_>>()}),
        Evidence::HistoryTruncated => json!({"history": "truncated"}),
        _ => return None,
    })
}

/// Removes secrets and names from every text, and any value under the name of a secret.
pub fn clean(value: &Value, anonymiser: &Anonymiser) -> Value {
    match value {
        Value::String(text) => Value::String(anonymiser.line(text, LINE_MAX)),
        Value::Array(items) => Value::Array(items.iter().map(|item| clean(item, anonymiser)).collect()),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| {
                    let lower = key.to_lowercase();
                    let words = ["secret", "token", "password", "ticket", "access_key"];
                    let secret = names_a_secret(key) || words.iter().any(|word| lower.contains(word));
                    let hidden = secret && !matches!(value, Value::Null | Value::Bool(_) | Value::Number(_));
                    (key.clone(), if hidden { json!("[removed]") } else { clean(value, anonymiser) })
                })
                .collect(),
        ),
        other => other.clone(),
    }
}
