//! Single values of a home's `config.yaml`. No YAML parser is needed for what Hermes writes there: block mappings, one
//! key a line. A value that is written in another way is not found, and has no effect.

use serde_json::{Value, json};

/// Adds whether the gateway of this home serves all profiles, which is all that is kept of the section:
/// `{"gateway": {"multiplex_profiles": true}}`.
pub(super) fn add_multiplex_profiles(config: &mut Value, bytes: &[u8]) {
    if let (Ok(text), Value::Object(config)) = (std::str::from_utf8(bytes), config) {
        config.insert("gateway".to_owned(), json!({"multiplex_profiles": serves_all_profiles(text)}));
    }
}

/// What [`add_multiplex_profiles`] has added.
pub(super) fn multiplex_profiles(config: &Value) -> bool {
    let on = config.get("gateway").and_then(|gateway| gateway.get("multiplex_profiles"));
    on.and_then(Value::as_bool).unwrap_or(false)
}

/// hermes-agent 0.19, gateway/run.py: `gateway.multiplex_profiles`.
fn serves_all_profiles(text: &str) -> bool {
    let value =
        scalar(text, &["gateway", "multiplex_profiles"]).or_else(|| scalar(text, &["multiplex_profiles"]));
    value.is_some_and(|value| ["true", "yes", "on", "1"].contains(&value.to_ascii_lowercase().as_str()))
}

/// The scalar at this path of keys, without quotes and comment. Where a key stands twice, the last one counts, as in
/// PyYAML.
fn scalar<'a>(text: &'a str, path: &[&str]) -> Option<&'a str> {
    // the indents of the keys of the path that this line stands below
    let mut below: Vec<usize> = Vec::new();
    // the indent of the keys below each of them
    let mut levels: Vec<usize> = Vec::new();
    let mut found = None;
    for line in text.lines() {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        if content.is_empty() || content.starts_with(['#', '\t']) || content.starts_with("---") {
            continue;
        }
        while below.last().is_some_and(|parent| indent <= *parent) {
            below.pop();
        }
        levels.truncate(below.len() + 1);
        if levels.len() <= below.len() {
            levels.push(indent);
        }
        // deeper: below a key that is not on the path, or the text of a value
        if levels.get(below.len()).is_none_or(|level| indent != *level) {
            continue;
        }
        let (Some(wanted), Some((key, value))) = (path.get(below.len()), content.split_once(':')) else {
            continue;
        };
        if unquoted(key.trim_end()) != *wanted || !(value.is_empty() || value.starts_with([' ', '\r'])) {
            continue;
        }
        let value = unquoted(without_comment(value));
        if below.len() + 1 == path.len() {
            found = Some(value).filter(|value| !value.is_empty());
        } else if value.is_empty() {
            below.push(indent);
        }
    }
    found
}

fn without_comment(value: &str) -> &str {
    let end = value.find(" #").unwrap_or(value.len());
    value[..end].trim()
}

fn unquoted(word: &str) -> &str {
    let inside = |quote: char| word.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_is_found_where_it_is_written_as_hermes_writes_it() {
        let path = ["gateway", "multiplex_profiles"];
        for (text, value) in [
            ("gateway:\n  multiplex_profiles: true\n", Some("true")),
            (
                "model: x\ngateway:\n    host: a\n    # no: comment\n    multiplex_profiles: 'on' # all\n",
                Some("on"),
            ),
            ("gateway:\r\n  multiplex_profiles: true\r\n", Some("true")),
            ("\"gateway\":\n\n  \"multiplex_profiles\": \"yes\"\n", Some("yes")),
            ("gateway:\n  multiplex_profiles: true\n  multiplex_profiles: false\n", Some("false")),
            ("gateway:\n  a:\n    multiplex_profiles: true\n  multiplex_profiles: no\n", Some("no")),
            ("gateway:\n  a: |\n    multiplex_profiles: true\n", None),
            ("gateway:\n  multiplex_profiles:\n    - true\n", None),
            ("other:\n  gateway:\n    multiplex_profiles: true\n", None),
            ("gateway:\nmultiplex_profiles: true\n", None),
            ("gateway: {multiplex_profiles: true}\n", None),
            ("gateway:\n- multiplex_profiles: true\n", None),
            ("gateway:\n  multiplex_profiles:true\n", None),
            ("# gateway:\n#   multiplex_profiles: true\n", None),
            ("", None),
        ] {
            assert_eq!(scalar(text, &path), value, "{text}");
        }
    }

    #[test]
    fn several_profiles_are_served_where_the_setting_is_on() {
        for (text, on) in [
            ("gateway:\n  multiplex_profiles: True\n", true),
            ("multiplex_profiles: yes\n", true),
            ("gateway:\n  multiplex_profiles: false\nmultiplex_profiles: true\n", false),
            ("gateway:\n  multiplex_profiles: maybe\n", false),
            ("model: x\n", false),
        ] {
            assert_eq!(serves_all_profiles(text), on, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[ \t\r\na:#'\"-]{0,60}") {
            let _ = scalar(&text, &["a", "a"]);
        }
    }
}
