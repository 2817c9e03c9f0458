//! What the files of a home say about cron: whether a job is enabled, and whether the gateway's own scheduler is
//! configured. Both files hold private words; only what is judged is taken out of them.

use serde_json::{Value, json};

/// The contents cannot be read.
const UNREADABLE: &str = "unreadable";

/// Jobs of one list that are read at most.
const MOST_JOBS: usize = 10_000;

/// Of `cron/jobs.json` only which jobs are enabled: `{"jobs": [{"enabled": true}]}`. Early versions write the list alone.
pub(super) fn jobs(bytes: &[u8]) -> Value {
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    let list = value.as_ref().and_then(|value| value.get("jobs").unwrap_or(value).as_array());
    let Some(list) = list else { return json!(UNREADABLE) };
    let enabled = |job: &Value| job.get("enabled").and_then(Value::as_bool).unwrap_or(true);
    let jobs = list.iter().filter(|job| job.is_object()).take(MOST_JOBS);
    json!({"jobs": jobs.map(|job| json!({"enabled": enabled(job)})).collect::<Vec<_>>()})
}

/// Whether any job is enabled, by what [`jobs`] gave; `None` where that cannot be told. Without the file there is none.
pub(super) fn has_enabled(jobs: Option<&Value>) -> Option<bool> {
    let Some(jobs) = jobs else { return Some(false) };
    let list = jobs.get("jobs")?.as_array()?;
    Some(list.iter().any(|job| job.get("enabled").and_then(Value::as_bool) == Some(true)))
}

/// Of `config.yaml` only whether `cron.provider` is set: `{"cron": {"provider": null}}` or `{"cron": {"provider": "set"}}`.
pub(super) fn config(bytes: &[u8]) -> Value {
    let set = std::str::from_utf8(bytes).ok().and_then(sets_provider);
    match set {
        Some(false) => json!({"cron": {"provider": null}}),
        Some(true) => json!({"cron": {"provider": "set"}}),
        None => json!({"cron": UNREADABLE}),
    }
}

/// Whether jobs are run by the gateway's own scheduler, by what [`config`] gave; `None` where that cannot be told. Without
/// the file the defaults hold: its own.
pub(super) fn is_built_in(config: Option<&Value>) -> Option<bool> {
    let Some(config) = config else { return Some(true) };
    match config.get("cron")?.get("provider")? {
        Value::Null => Some(true),
        Value::String(provider) => Some(provider.is_empty()),
        _ => None,
    }
}

/// Whether a YAML text in block style, as Hermes writes it, sets `cron.provider`. `None` for whatever else YAML allows at
/// these places: a wrong guess would be a wrong light.
fn sets_provider(text: &str) -> Option<bool> {
    let mut in_cron = false;
    let mut child_indent = None;
    for line in text.lines() {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        if content.is_empty() || content.starts_with('#') || line == "---" {
            continue;
        }
        if indent == 0 && (content == "-" || content.starts_with("- ")) {
            // an entry of the list above
            continue;
        }
        if indent == 0 {
            if content.starts_with(['{', '[', '%', '&', '*', '!', '?']) {
                return None;
            }
            let (key, value) = key_and_value(content)?;
            in_cron = key == "cron";
            child_indent = None;
            if in_cron && !is_empty(value) {
                return None;
            }
            if key == "<<" {
                return None;
            }
        } else if in_cron && *child_indent.get_or_insert(indent) == indent {
            let (key, value) = key_and_value(content)?;
            match key {
                "provider" if is_empty(value) => {}
                "provider" if value.starts_with(['&', '*', '!', '|', '>', '{', '[']) => return None,
                "provider" => return Some(true),
                "<<" => return None,
                _ => {}
            }
        }
    }
    Some(false)
}

/// A line of a mapping: its key, and what follows on the line without a comment.
fn key_and_value(content: &str) -> Option<(&str, &str)> {
    let (key, value) = content.split_once(':')?;
    if !(value.is_empty() || value.starts_with([' ', '\t'])) {
        return None;
    }
    let value = value.split(" #").next().unwrap_or_default().trim();
    Some((key.trim_end().trim_matches(['"', '\'']), value))
}

fn is_empty(value: &str) -> bool {
    matches!(value, "" | "~" | "null" | "Null" | "NULL" | "\"\"" | "''" | "{}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_provider_is_found_where_hermes_writes_it() {
        for (text, expected) in [
            ("", Some(true)),
            ("model: x\n", Some(true)),
            ("cron:\n  provider: ''\n", Some(true)),
            ("cron:\n  provider: # none\n  other: 1\n", Some(true)),
            ("cron:\n  provider: chronos\n", Some(false)),
            ("cron:\n    retry: 3\n    provider: \"chronos\"\nx: 1\n", Some(false)),
            ("\"cron\":\n  provider: chronos\n", Some(false)),
            ("model:\n  provider: anthropic\ncron:\n  wrap: true\n", Some(true)),
            ("cron:\n  nested:\n    provider: x\n", Some(true)),
            ("# cron:\n#   provider: chronos\n", Some(true)),
            ("prompt: |\n  cron:\n    provider: x\nlist:\n- a: 1\n- b\n", Some(true)),
            ("cron: null\n", Some(true)),
            ("cron: {provider: chronos}\n", None),
            ("cron: *shared\n", None),
            ("cron:\n  <<: *shared\n", None),
            ("<<: *base\n", None),
            ("{cron: {provider: x}}\n", None),
            ("cron:\n  provider: *name\n", None),
        ] {
            assert_eq!(is_built_in(Some(&config(text.as_bytes()))), expected, "{text:?}");
        }
        assert_eq!(is_built_in(None), Some(true));
        assert_eq!(is_built_in(Some(&config(b"\xff"))), None);
    }

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
        fn no_text_panics(text in "(cron|provider|[ \\n:#'\"<*{\\[a-z]|网){0,40}") {
            let _ = (config(text.as_bytes()), jobs(text.as_bytes()));
        }
    }
}
