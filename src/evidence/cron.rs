//! The list of cron jobs of a home. It contains private text; only whether a job is enabled is read from it.

use serde_json::{Value, json};

use super::hermes_config::UNREADABLE;

/// Most jobs of one list that are read.
const MAX_JOBS: usize = 10_000;

/// Reduces `cron/jobs.json` to which jobs are enabled: `{"jobs": [{"enabled": true}]}`. Early versions write the list
/// alone.
pub(super) fn jobs(bytes: &[u8]) -> Value {
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    let list = value.as_ref().and_then(|value| value.get("jobs").unwrap_or(value).as_array());
    let Some(list) = list else { return json!(UNREADABLE) };
    let enabled = |job: &Value| job.get("enabled").and_then(Value::as_bool).unwrap_or(true);
    let jobs = list.iter().filter(|job| job.is_object()).take(MAX_JOBS);
    json!({"jobs": jobs.map(|job| json!({"enabled": enabled(job)})).collect::<Vec<_>>()})
}

/// Whether any job is enabled, from the result of [`jobs`]; `None` if that is unclear. Without the file there is none.
pub(super) fn has_enabled(jobs: Option<&Value>) -> Option<bool> {
    let Some(jobs) = jobs else { return Some(false) };
    let list = jobs.get("jobs")?.as_array()?;
    Some(list.iter().any(|job| job.get("enabled").and_then(Value::as_bool) == Some(true)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_whether_jobs_are_enabled_is_taken() {
        let text =
            br#"{"jobs": [{"id": "1", "prompt": "private", "enabled": false}, {"name": "secret"}], "at": 1}"#;
        let taken = jobs(text);
        assert_eq!(taken, json!({"jobs": [{"enabled": false}, {"enabled": true}]}));
        for (text, expected) in [
            (&text[..], Some(true)),
            (b"[{\"enabled\": false}]", Some(false)),
            (b"{\"jobs\": []}", Some(false)),
            (b"{\"jobs\": [", None),
            (b"", None),
            (b"7", None),
        ] {
            assert_eq!(has_enabled(Some(&jobs(text))), expected, "{text:?}");
        }
        assert_eq!(has_enabled(None), Some(false));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(jobs|enabled|true|[ :,\"{}\\[\\]a-z]|网){0,40}") {
            let _ = jobs(text.as_bytes());
        }
    }
}
