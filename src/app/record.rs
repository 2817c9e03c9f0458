//! Records what the watcher observes of one gateway and the profiles that it serves, without secrets and names.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::engine::{Engine, first_look};
use crate::evidence::anonymise::Anonymiser;
use crate::evidence::clean_lines::Lines;
use crate::evidence::collector::{Observed, Observer};
use crate::health::{Evidence, JobState};
use crate::order::{Collect as _, Order as _};
use crate::profile;
use crate::recording::{Header, VERSION};
use crate::redact::names_a_secret;
use crate::restart::RestartGroup;
use crate::runtime::runtime;
use crate::text::error::{self, Context as _, Error};
use crate::text::status::RECORDING_EXISTS;

/// Longest log line in a recording, in characters.
const MAX_LINE: usize = 8 << 10;
/// Longest name of a profile, in characters.
const MAX_NAME: usize = 100;

/// Records this profile, with the gateway that serves it and what else that serves, into a new file until the future that
/// `end` makes is ready; `end` is called first, so that no signal is lost. `begun` is called after the first complete look.
pub(crate) fn record<End: Future<Output = ()>>(
    profile: &str,
    out: &Path,
    engine: &Engine,
    anonymiser: &Arc<Anonymiser>,
    begun: impl FnOnce() -> std::io::Result<()>,
    end: impl FnOnce() -> End,
) -> error::Result<()> {
    let named = || out.display().to_string();
    let file = match OpenOptions::new().write(true).create_new(true).open(out) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Error::new(RECORDING_EXISTS, &[("file", &named())]));
        }
        opened => opened.with_context(named)?,
    };
    let runtime = runtime()?;
    let shared = runtime.block_on(async {
        let end = end();
        let family = Family::of(profile, engine).await?;
        let writer = Arc::new(Mutex::new(Writer::new(BufWriter::new(file), &family, anonymiser)));
        let observers = family.all.iter().map(|name| {
            let home = (*name != family.gateway).then(|| anonymiser.line(name, MAX_NAME));
            let writer = Arc::clone(&writer);
            let observe = move |at: Timestamp, observed: Observed<'_>| {
                lock(&writer).observe(at, home.as_deref(), &observed);
            };
            (name.clone(), Box::new(observe) as Observer)
        });
        let mut handle = engine.watch_with(engine.patterns()?, family.all.clone(), observers.to_map())?;
        first_look(&mut handle).await;
        lock(&writer).release();
        begun()?;
        let failed = Arc::clone(&lock(&writer).failure);
        tokio::select! {
            () = end => {}
            // the disk is full: what is on it can be replayed
            () = failed.notified() => {}
        }
        Ok::<_, error::Error>(writer)
    })?;
    lock(&shared).finish().with_context(named)
}

fn lock(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The profiles of one gateway.
struct Family {
    /// The profile in whose home the gateway runs.
    gateway: String,
    /// All profiles of the gateway, including that one.
    all: Vec<String>,
}

impl Family {
    /// The family of a profile. If it is the only profile on the machine, no snapshot is needed.
    async fn of(profile: &str, engine: &Engine) -> error::Result<Self> {
        let alone = || Self { gateway: profile.to_owned(), all: vec![profile.to_owned()] };
        if profile::scan(&engine.places).profiles.len() < 2 {
            return Ok(alone());
        }
        let snapshot = first_look(&mut engine.watch(Vec::new())?).await;
        Ok(RestartGroup::of(profile, &snapshot).map_or_else(alone, |group| Self {
            gateway: group.gateway.profile.name.clone(),
            all: group.names(),
        }))
    }
}

struct Writer {
    out: BufWriter<std::fs::File>,
    profile: String,
    /// Empty: that one alone.
    profiles: Vec<String>,
    /// The time of the first event, which may be older than the recording.
    start: Option<Timestamp>,
    last: f64,
    anonymiser: Arc<Anonymiser>,
    /// By home.
    lines: BTreeMap<Option<String>, Lines>,
    /// The past of several homes, until all of them are read: then it is written in order of time.
    held: Option<Vec<(Timestamp, Value)>>,
    /// The first failure to write, reported at the end: the observer cannot return it.
    failed: Option<std::io::Error>,
    /// Notified of that failure.
    failure: Arc<Notify>,
}

impl Writer {
    fn new(out: BufWriter<std::fs::File>, family: &Family, anonymiser: &Arc<Anonymiser>) -> Self {
        let several = family.all.len() > 1;
        let shown = |name: &String| anonymiser.line(name, MAX_NAME);
        Self {
            out,
            profile: shown(&family.gateway),
            profiles: family.all.iter().filter(|_| several).map(shown).collect(),
            start: None,
            last: 0.0,
            anonymiser: Arc::clone(anonymiser),
            lines: BTreeMap::new(),
            held: several.then(Vec::new),
            failed: None,
            failure: Arc::default(),
        }
    }

    /// `home`: the served profile in whose home it was observed; `None`: the gateway's home.
    fn observe(&mut self, at: Timestamp, home: Option<&str>, observed: &Observed<'_>) {
        match observed {
            Observed::Lines { log, block } => {
                let log = self.anonymiser.line(log, 200);
                for line in block.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
                    let text = String::from_utf8_lossy(line);
                    let text = text.trim_end_matches('\r');
                    let lines = self.lines.entry(home.map(str::to_owned)).or_default();
                    let line = self.anonymiser.next_line(lines, &log, text, MAX_LINE);
                    self.event(at, home, json!({"log": log, "line": line}));
                }
            }
            Observed::File { file, json } => {
                let clean = match json {
                    None => Value::Null,
                    // an empty marker file exists; null would mean that it was removed
                    Some(Value::Null) => json!({}),
                    Some(json) => clean(json, &self.anonymiser),
                };
                self.event(at, home, json!({"file": file, "json": clean}));
            }
            // process and job are recorded for the gateway only
            Observed::Known(evidence) => {
                if home.is_none()
                    && let Some(event) = event_of(evidence, &self.anonymiser)
                {
                    self.event(at, None, event);
                }
            }
        }
        if let Err(error) = self.out.flush() {
            self.fail(error);
        }
    }

    /// Writes the past that was held back, once that of every home is read.
    fn release(&mut self) {
        let mut held = self.held.take().unwrap_or_default();
        held.order_by_key(|(at, _)| *at);
        for (at, event) in held {
            self.write(at, event);
        }
    }

    fn event(&mut self, at: Timestamp, home: Option<&str>, mut event: Value) {
        if let (Some(home), Some(object)) = (home, event.as_object_mut()) {
            object.insert("profile".to_owned(), json!(home));
        }
        match &mut self.held {
            Some(held) => held.push((at, event)),
            None => self.write(at, event),
        }
    }

    /// Writes one event, preceded by the header if it is the first. Time never decreases.
    fn write(&mut self, at: Timestamp, mut event: Value) {
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
            profiles: std::mem::take(&mut self.profiles),
            hermes: None,
            scenario: None,
        };
        match serde_json::to_value(header) {
            Ok(header) => self.line(&header),
            Err(error) => {
                self.fail(error.into());
            }
        }
        self.start = Some(at);
        at
    }

    fn line(&mut self, value: &Value) {
        if let Err(error) = writeln!(self.out, "{value}") {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: std::io::Error) {
        self.failed.get_or_insert(error);
        self.failure.notify_one();
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.release();
        self.write(Timestamp::now(), json!({"end": true}));
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
        Evidence::OwnRestart(asked) => json!({"restart": {"by": "gatelight", "asked_at": asked}}),
        Evidence::Wake { slept } => json!({"wake": {"slept": slept}}),
        Evidence::Starts(times) => json!({"starts": times}),
        Evidence::Takeovers(proofs) => json!({"takeovers": proofs.iter().map(|proof| json!({
            "source": proof.source, "line": anonymiser.line(proof.line.quote(), MAX_LINE),
            "at": proof.at})).collect::<Vec<_>>()}),
        Evidence::HistoryTruncated => json!({"history": "truncated"}),
        _ => return None,
    })
}

/// Removes secrets and names from every text, and any value under the name of a secret.
pub fn clean(value: &Value, anonymiser: &Anonymiser) -> Value {
    match value {
        Value::String(text) => Value::String(anonymiser.line(text, MAX_LINE)),
        Value::Array(items) => Value::Array(items.iter().map(|item| clean(item, anonymiser)).collect()),
        Value::Object(map) => {
            let mut cleaned = serde_json::Map::new();
            cleaned.extend(map.iter().map(|(key, value)| {
                let lower = key.to_lowercase();
                let words = ["secret", "token", "password", "ticket", "access_key"];
                let secret = names_a_secret(key) || words.iter().any(|word| lower.contains(word));
                let hidden = secret && !matches!(value, Value::Null | Value::Bool(_) | Value::Number(_));
                (key.clone(), if hidden { json!("[removed]") } else { clean(value, anonymiser) })
            }));
            Value::Object(cleaned)
        }
        other => other.clone(),
    }
}
