//! The gateway's own files, as JSON: `gateway_state.json`, `gateway.pid`, `state/gateway.heartbeat`, and the start
//! records of `gateway-starts.log`. Half-written or foreign content is `None`: the reader tries again later.

use jiff::Timestamp;
use serde_json::Value;

use super::cron;
use super::hermes_config;
use super::logbook::pid_named;
use super::patterns::Patterns;
use super::version;
use crate::health::evidence::{EntryState, Heartbeat, LifeState, Lock, PlatformName};
use crate::health::{CronFact, Evidence, FileIdentity, PlatformEntry, ProfileName, StateFile};
use crate::redact::clean_line;

/// Largest state file that is read, in bytes: real ones have a few kilobytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// Most characters of an error message that are kept.
const MESSAGE_CHARS: usize = 300;

/// Most characters of a name: Hermes allows 64 for a profile.
const NAME_CHARS: usize = 64;

/// Most platforms, served profiles and locks that are read.
const MAX_NAMES: usize = 256;

/// The files of a home that describe its gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateFileKind {
    /// `gateway.pid`: names the gateway's process.
    Pid,
    /// `gateway_state.json`: the gateway's own report.
    State,
    /// `state/gateway.heartbeat`: rewritten at an interval.
    Heartbeat,
    /// `.gateway-planned-stop.json`: the gateway is about to be stopped.
    StopMarker,
    /// `.gateway-takeover.json`: the gateway is about to be replaced.
    TakeoverMarker,
    /// `.gateway-launchd-unsupported`: launchd could not manage it.
    Detached,
    /// `.drain_request.json`: somebody asked for a drain.
    DrainRequest,
    /// `cron/ticker_heartbeat`: when the cron scheduler last ticked, in seconds since 1970.
    CronBeat,
    /// `cron/ticker_last_success`: when a tick last succeeded, in seconds since 1970.
    CronSuccess,
    /// `cron/jobs.json`: the cron jobs.
    CronJobs,
    /// `config.yaml`: the configuration.
    Config,
}

impl StateFileKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Pid,
        Self::State,
        Self::Heartbeat,
        Self::StopMarker,
        Self::TakeoverMarker,
        Self::Detached,
        Self::DrainRequest,
        Self::CronBeat,
        Self::CronSuccess,
        Self::CronJobs,
        Self::Config,
    ];

    /// Its name, relative to the home.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pid => "gateway.pid",
            Self::State => "gateway_state.json",
            Self::Heartbeat => "state/gateway.heartbeat",
            Self::StopMarker => ".gateway-planned-stop.json",
            Self::TakeoverMarker => ".gateway-takeover.json",
            Self::Detached => ".gateway-launchd-unsupported",
            Self::DrainRequest => ".drain_request.json",
            Self::CronBeat => "cron/ticker_heartbeat",
            Self::CronSuccess => "cron/ticker_last_success",
            Self::CronJobs => "cron/jobs.json",
            Self::Config => "config.yaml",
        }
    }

    /// The file of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The evidence in a file. `file`: its name relative to the home. `None`: the contents cannot be used.
pub fn evidence(file: &str, json: Option<&Value>, patterns: &Patterns) -> Option<Evidence> {
    match (StateFileKind::from_name(file)?, json) {
        (StateFileKind::Pid, None) => Some(Evidence::PidFile(None)),
        (StateFileKind::Pid, Some(value)) => identity(value).map(|id| Evidence::PidFile(Some(id))),
        (StateFileKind::State, Some(value)) => state(value, patterns).map(Evidence::StateFile),
        (StateFileKind::Heartbeat, Some(value)) => heartbeat(value).map(Evidence::Heartbeat),
        (StateFileKind::StopMarker, Some(marker)) => Some(Evidence::PlannedStopMarker(target(marker))),
        (StateFileKind::TakeoverMarker, Some(marker)) => Some(Evidence::TakeoverMarker(target(marker))),
        (StateFileKind::Detached, marker) => Some(Evidence::Detached(marker.is_some())),
        (StateFileKind::DrainRequest, request) => Some(Evidence::DrainRequest(request.is_some())),
        (StateFileKind::CronBeat, beat) => Some(Evidence::Cron(CronFact::Beat(beat.and_then(epoch)))),
        (StateFileKind::CronSuccess, at) => Some(Evidence::Cron(CronFact::Success(at.and_then(epoch)))),
        (StateFileKind::CronJobs, jobs) => Some(Evidence::Cron(CronFact::Jobs(cron::has_enabled(jobs)))),
        (StateFileKind::Config, config) => {
            Some(Evidence::Cron(CronFact::BuiltIn(hermes_config::is_cron_built_in(config))))
        }
        _ => None,
    }
}

/// Reads a JSON text that may be half-written.
pub fn parse(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok()
}

/// Parses a file of the home (`file`: its name); of files with private text only the fields that are judged are kept.
pub fn contents(file: &str, bytes: &[u8]) -> Option<Value> {
    match StateFileKind::from_name(file) {
        Some(StateFileKind::CronJobs) => Some(cron::jobs(bytes)),
        Some(StateFileKind::Config) => Some(hermes_config::contents(bytes)),
        // some markers are empty: only their presence matters
        _ if bytes.is_empty() => Some(Value::Null),
        _ => parse(bytes),
    }
}

/// Seconds since 1970, with a fraction.
fn epoch(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_f64().filter(|seconds| *seconds > 0.0)?;
    Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
}

/// The process that wrote a file. In early versions `gateway.pid` is a bare number.
pub fn identity(value: &Value) -> Option<FileIdentity> {
    if let Some(pid) = pid(value) {
        return Some(FileIdentity { pid, start: None });
    }
    Some(FileIdentity { pid: pid(value.get("pid")?)?, start: start(value) })
}

fn pid(value: &Value) -> Option<u32> {
    let pid = u32::try_from(value.as_u64()?).ok()?;
    (pid > 0 && i32::try_from(pid).is_ok()).then_some(pid)
}

/// The process that a marker is meant for.
fn target(marker: &Value) -> Option<u32> {
    pid(marker.get("target_pid")?)
}

/// `start_time`, if it is a whole number; a fraction has another unit (the heartbeat's epoch seconds).
fn start(value: &Value) -> Option<u64> {
    value.get("start_time").and_then(Value::as_u64)
}

fn text(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(clean_line(&text, MESSAGE_CHARS))
}

fn time(value: Option<&Value>) -> Option<Timestamp> {
    value?.as_str()?.parse().ok()
}

/// A name in the format of Hermes; `None` for anything else.
fn name(text: &str) -> Option<&str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    (!text.is_empty() && text.len() <= NAME_CHARS && text.bytes().all(fits)).then_some(text)
}

/// `gateway_state.json`.
pub fn state(value: &Value, patterns: &Patterns) -> Option<StateFile> {
    let platforms = value.get("platforms").and_then(Value::as_object);
    let served = value.get("served_profiles").and_then(Value::as_array);
    let entries = platforms.into_iter().flatten().take(MAX_NAMES);
    let names = served.into_iter().flatten().filter_map(Value::as_str).filter_map(name).take(MAX_NAMES);
    Some(StateFile {
        pid: pid(value.get("pid")?)?,
        start: start(value),
        life: match value.get("gateway_state").and_then(Value::as_str) {
            Some("starting") => LifeState::Starting,
            Some("running" | "degraded") => LifeState::Running,
            Some("draining") => LifeState::Draining,
            Some("stopped") => LifeState::Stopped,
            Some("startup_failed") => LifeState::StartupFailed,
            _ => LifeState::Unknown,
        },
        restart_requested: value.get("restart_requested").and_then(Value::as_bool).unwrap_or(false),
        code_version: text(value.get("code_version")).and_then(|text| version::cleaned(&text)),
        active_agents: value.get("active_agents").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()),
        served: names.map(ProfileName::from).collect(),
        entries: entries.filter_map(|(key, entry)| platform(key, entry, patterns)).collect(),
    })
}

/// One entry of `platforms`, whose key is `telegram` or, in later versions, `work:telegram`.
fn platform(key: &str, entry: &Value, patterns: &Patterns) -> Option<PlatformEntry> {
    let (profile, platform) = match key.split_once(':') {
        Some((profile, platform)) => (Some(name(profile)?), name(platform)?),
        None => (None, name(key)?),
    };
    let word = text(entry.get("state")).unwrap_or_default();
    let code = text(entry.get("error_code")).unwrap_or_default();
    let message = text(entry.get("error_message")).unwrap_or_default();
    let writer = entry.get("writer_pid").and_then(pid);
    Some(PlatformEntry {
        platform: PlatformName::from(platform),
        profile: profile.map(ProfileName::from),
        state: match word.as_str() {
            "connecting" => EntryState::Connecting,
            "connected" => EntryState::Connected,
            "disconnected" => EntryState::Disconnected,
            "retrying" => EntryState::Retrying,
            "fatal" => EntryState::Fatal,
            "paused" => EntryState::Paused,
            "disabled" => EntryState::Disabled,
            _ => EntryState::Unknown,
        },
        cause: patterns.cause(platform, &code, &message),
        other_pid: pid_named(message.as_bytes()),
        line: format!("{platform}: {word} {code} {message}").trim_end().to_owned(),
        updated_at: time(entry.get("updated_at")),
        writer: writer
            .map(|pid| FileIdentity { pid, start: entry.get("writer_start_time").and_then(Value::as_u64) }),
    })
}

fn heartbeat(value: &Value) -> Option<Heartbeat> {
    let by_thread = value.get("loop_tick_socket").is_some_and(|socket| !socket.is_null());
    Some(Heartbeat { pid: pid(value.get("pid")?)?, updated_at: time(value.get("updated_at")), by_thread })
}

/// Parses the start records: one epoch time per line; other lines are skipped.
pub fn starts(text: &str) -> Vec<Timestamp> {
    let epochs = text.lines().filter_map(|line| line.trim().parse::<f64>().ok());
    epochs.filter_map(|epoch| Timestamp::from_millisecond((epoch * 1000.0) as i64).ok()).collect()
}

/// Parses a list of locks in the format of recordings.
pub fn locks(value: &Value) -> Vec<Lock> {
    let all = value.as_array().into_iter().flatten().take(MAX_NAMES);
    all.filter_map(|lock| serde_json::from_value(lock.clone()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn foreign_content_is_no_evidence() {
        let patterns = Patterns::new(&[]).unwrap();
        for value in
            [json!(null), json!([]), json!("x"), json!({"pid": -1}), json!({"pid": 0}), json!({"pid": 1e300})]
        {
            for file in ["gateway.pid", "gateway_state.json", "state/gateway.heartbeat"] {
                assert_eq!(evidence(file, Some(&value), &patterns), None, "{file} {value}");
            }
        }
        assert_eq!(evidence("gateway.lock", Some(&json!({"pid": 1})), &patterns), None);
        assert_eq!(parse(b"{\"pid\": 12"), None);
    }

    #[test]
    fn a_bare_number_names_the_process_too() {
        assert_eq!(identity(&json!(42)), Some(FileIdentity { pid: 42, start: None }));
        assert_eq!(
            identity(&json!({"pid": 42, "start_time": 7})),
            Some(FileIdentity { pid: 42, start: Some(7) })
        );
    }

    #[test]
    fn start_records_survive_bad_lines() {
        assert_eq!(starts("1795346536.5\nx\n\n1e400\n1795346540\n").len(), 2);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let patterns = Patterns::new(&[]).unwrap();
            if let Some(value) = parse(&text) {
                for file in ["gateway.pid", "gateway_state.json", "state/gateway.heartbeat"] {
                    let _ = evidence(file, Some(&value), &patterns);
                }
            }
            let _ = starts(&String::from_utf8_lossy(&text));
        }
    }
}
