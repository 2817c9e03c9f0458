//! The gateway's own files, as JSON: `gateway_state.json`, `gateway.pid`, `state/gateway.heartbeat`, and the start
//! records of `gateway-starts.log`. Half-written or foreign content is `None`: the reader tries again later.

use jiff::Timestamp;
use serde_json::Value;

use super::redact::clean_line;
use crate::health::{Evidence, FileIdentity, PlatformEntry, StateFile};

/// Bytes of a state file that are read: a real one has some kilobytes.
pub const MOST_BYTES: u64 = 1 << 20;

/// Characters of an error message that are kept.
const MESSAGE_CHARS: usize = 300;

/// What a file of the home says, by its name relative to the home. `None`: nothing that can be used.
pub fn evidence(file: &str, json: Option<&Value>) -> Option<Evidence> {
    match (file, json) {
        ("gateway.pid", None) => Some(Evidence::PidFile(None)),
        ("gateway.pid", Some(value)) => identity(value).map(|id| Evidence::PidFile(Some(id))),
        ("gateway_state.json", Some(value)) => state(value).map(Evidence::StateFile),
        ("state/gateway.heartbeat", Some(value)) => heartbeat(value),
        (".gateway-planned-stop.json", Some(marker)) => Some(Evidence::PlannedStopMarker(target(marker))),
        (".gateway-takeover.json", Some(marker)) => Some(Evidence::TakeoverMarker(target(marker))),
        (".gateway-launchd-unsupported", marker) => Some(Evidence::Detached(marker.is_some())),
        _ => None,
    }
}

/// Reads a JSON text that may be half-written.
pub fn parse(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok()
}

/// Who wrote a file. `gateway.pid` of early versions is a bare number.
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

/// Whom a marker is meant for.
fn target(marker: &Value) -> Option<u32> {
    pid(marker.get("target_pid")?)
}

/// `start_time`: a whole number in most files; a fraction is not the same unit (the heartbeat's epoch seconds).
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

/// `gateway_state.json`.
pub fn state(value: &Value) -> Option<StateFile> {
    let entry = value.get("platforms").and_then(|platforms| platforms.get("feishu"));
    Some(StateFile {
        pid: pid(value.get("pid")?)?,
        start: start(value),
        gateway_state: text(value.get("gateway_state")).unwrap_or_default(),
        restart_requested: value.get("restart_requested").and_then(Value::as_bool).unwrap_or(false),
        feishu: entry.map(|entry| PlatformEntry {
            state: text(entry.get("state")).unwrap_or_default(),
            error_code: text(entry.get("error_code")),
            error_message: text(entry.get("error_message")),
            updated_at: entry.get("updated_at").and_then(Value::as_str).and_then(|at| at.parse().ok()),
        }),
    })
}

fn heartbeat(value: &Value) -> Option<Evidence> {
    let updated_at =
        value.get("updated_at").and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
    Some(Evidence::Heartbeat { pid: pid(value.get("pid")?)?, updated_at })
}

/// The start records: one epoch a line; other lines are skipped.
pub fn starts(text: &str) -> Vec<Timestamp> {
    let epochs = text.lines().filter_map(|line| line.trim().parse::<f64>().ok());
    epochs.filter_map(|epoch| Timestamp::from_millisecond((epoch * 1000.0) as i64).ok()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn foreign_content_is_no_evidence() {
        for value in
            [json!(null), json!([]), json!("x"), json!({"pid": -1}), json!({"pid": 0}), json!({"pid": 1e300})]
        {
            for file in ["gateway.pid", "gateway_state.json", "state/gateway.heartbeat"] {
                assert_eq!(evidence(file, Some(&value)), None, "{file} {value}");
            }
        }
        assert_eq!(evidence("gateway.lock", Some(&json!({"pid": 1}))), None);
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
            if let Some(value) = parse(&text) {
                for file in ["gateway.pid", "gateway_state.json", "state/gateway.heartbeat"] {
                    let _ = evidence(file, Some(&value));
                }
            }
            let _ = starts(&String::from_utf8_lossy(&text));
        }
    }
}
