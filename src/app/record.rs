//! Records what the watcher sees of one profile, secrets and names removed.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::engine::{Engine, first_look, runtime};
use crate::evidence::anonymise::Anonymiser;
use crate::evidence::collector::Observed;
use crate::evidence::redact::names_a_secret;
use crate::health::{Evidence, JobState};
use crate::recording::{Header, VERSION};

/// A log line in a recording is cut at this many characters.
const LINE_CHARS: usize = 8 << 10;

/// Records this profile into a new file until what `end` makes ends; it is called before anything is done. `begun` is
/// called once everything is looked at.
pub(crate) fn record<End: Future<Output = ()>>(
    profile: &str,
    out: &Path,
    engine: &Engine,
    nameless: &Arc<Anonymiser>,
    begun: impl FnOnce() -> std::io::Result<()>,
    end: impl FnOnce() -> End,
) -> anyhow::Result<()> {
    let named = || out.display().to_string();
    let file = OpenOptions::new().write(true).create_new(true).open(out).with_context(named)?;
    let profile_shown = nameless.line(profile, 100);
    let out_file = BufWriter::new(file);
    let nameless = Arc::clone(nameless);
    let writer =
        Writer { out: out_file, profile: profile_shown, start: None, last: 0.0, nameless, failed: None };
    let shared = Arc::new(Mutex::new(writer));
    let observer = Arc::clone(&shared);
    runtime()?.block_on(async {
        let end = end();
        let seen = Box::new(move |at: Timestamp, observed: Observed<'_>| {
            observer.lock().unwrap_or_else(PoisonError::into_inner).see(at, &observed);
        });
        let mut handle = engine.watch(vec![profile.to_owned()], Some(seen))?;
        first_look(&mut handle).await;
        begun()?;
        end.await;
        anyhow::Ok(())
    })?;
    shared.lock().unwrap_or_else(PoisonError::into_inner).finish().with_context(named)
}

struct Writer {
    out: BufWriter<std::fs::File>,
    profile: String,
    /// When the first event was: what was before the recorder came is played at its own time.
    start: Option<Timestamp>,
    last: f64,
    nameless: Arc<Anonymiser>,
    /// The first failure to write: told at the end, since the observer cannot.
    failed: Option<std::io::Error>,
}

impl Writer {
    fn see(&mut self, at: Timestamp, observed: &Observed<'_>) {
        match observed {
            Observed::Lines { log, block } => {
                let log = self.nameless.line(log, 200);
                for line in block.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
                    let text = String::from_utf8_lossy(line);
                    let line = self.nameless.line(text.trim_end_matches('\r'), LINE_CHARS);
                    self.event(at, json!({"log": log, "line": line}));
                }
            }
            Observed::File { file, json } => {
                let clean = match json {
                    None => Value::Null,
                    // an empty marker is there, and null means removed
                    Some(Value::Null) => json!({}),
                    Some(json) => clean(json, &self.nameless),
                };
                self.event(at, json!({"file": file, "json": clean}));
            }
            Observed::Known(evidence) => {
                if let Some(event) = known(evidence, &self.nameless) {
                    self.event(at, event);
                }
            }
        }
        if let Err(error) = self.out.flush() {
            self.failed.get_or_insert(error);
        }
    }

    /// Writes one event, the header before the first one. Time never falls.
    fn event(&mut self, at: Timestamp, mut event: Value) {
        let start = self.start.unwrap_or_else(|| self.begin(at));
        let t = at.duration_since(start).as_secs_f64().max(self.last);
        self.last = (t * 1000.0).round() / 1000.0;
        if let Some(object) = event.as_object_mut() {
            object.insert("t".to_owned(), json!(self.last));
        }
        self.line(&event);
    }

    fn begin(&mut self, at: Timestamp) -> Timestamp {
        let profile = std::mem::take(&mut self.profile);
        let header = Header { recording: VERSION, start: at, profile, hermes: None, scenario: None };
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

/// Evidence that was not read from lines or files, in the format's words.
fn known(evidence: &Evidence, nameless: &Anonymiser) -> Option<Value> {
    Some(match evidence {
        Evidence::Process { pid, start, started_at, state, exit } => json!({"process": {
            "pid": pid, "state": state, "exit": exit, "start": start, "started_at": started_at}}),
        Evidence::Job { manager, label, state, pid, last_exit } => {
            // The format knows no job that its user stopped: said beside it.
            let (state, detail) = match state {
                JobState::Stopped => (JobState::Waiting, Some(JobState::Stopped)),
                other => (*other, None),
            };
            let label = nameless.line(label, 200);
            json!({"job": {"manager": manager, "label": label, "state": state, "pid": pid,
                "last_exit": last_exit, "detail": detail}})
        }
        Evidence::NoProcess => json!({"process": null}),
        Evidence::JobUnknown => json!({"job": null}),
        Evidence::Tcp { established } => json!({"tcp": {"established": established}}),
        Evidence::Wake { slept } => json!({"wake": {"slept": slept}}),
        Evidence::Starts(times) => json!({"starts": times}),
        Evidence::Takeovers(proofs) => json!({"takeovers": proofs.iter().map(|proof| json!({
            "source": nameless.line(&proof.source, 200), "line": nameless.line(&proof.line, LINE_CHARS),
            "at": proof.at})).collect::<Vec<_>>()}),
        Evidence::HistoryTruncated => json!({"history": "truncated"}),
        _ => return None,
    })
}

/// Every text in it without secrets and names, and whatever stands under the name of a secret.
pub fn clean(value: &Value, nameless: &Anonymiser) -> Value {
    match value {
        Value::String(text) => Value::String(nameless.line(text, LINE_CHARS)),
        Value::Array(items) => Value::Array(items.iter().map(|item| clean(item, nameless)).collect()),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| {
                    let lower = key.to_lowercase();
                    let telling = ["secret", "token", "password", "ticket", "access_key"];
                    let secret = names_a_secret(key) || telling.iter().any(|word| lower.contains(word));
                    let hidden = secret && !matches!(value, Value::Null | Value::Bool(_) | Value::Number(_));
                    (key.clone(), if hidden { json!("[removed]") } else { clean(value, nameless) })
                })
                .collect(),
        ),
        other => other.clone(),
    }
}
