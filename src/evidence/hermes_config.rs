//! Reads single settings of a gateway from the `config.yaml` and the `.env` of its home. Both files contain private
//! text; only what is judged is read from them.
//!
//! No YAML parser is needed for what Hermes writes: block mappings with one key per line. Anything else that YAML
//! allows is reported as unclear, because a wrong guess would give a wrong light.

use serde_json::{Value, json};

/// The contents cannot be read.
pub(super) const UNREADABLE: &str = "unreadable";

/// hermes-agent 0.19, gateway/config.py: this environment variable wins over `gateway.multiplex_profiles`.
pub(super) const MULTIPLEX_VARIABLE: &str = "GATEWAY_MULTIPLEX_PROFILES";

/// One setting of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting<'a> {
    /// Not set, or set to null: the default applies.
    Absent,
    /// A scalar, without quotes and comment.
    Value(&'a str),
    /// Written in a form that is not understood.
    Unclear,
}

/// Reduces `config.yaml` to what is judged: `{"cron": {"provider": null}, "gateway": {"multiplex_profiles": true}}`.
/// The name of a provider is replaced by "set". A section whose setting is unclear is "unreadable".
pub(super) fn contents(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).ok();
    let read = |path: &[&str]| text.map_or(Setting::Unclear, |text| setting(text, path));
    let provider = match read(&["cron", "provider"]) {
        Setting::Absent | Setting::Value("") => json!({"provider": null}),
        Setting::Value(_) => json!({"provider": "set"}),
        Setting::Unclear => json!(UNREADABLE),
    };
    // hermes-agent 0.19, gateway/config.py: the setting at the top level wins.
    let multiplex = match read(&["multiplex_profiles"]) {
        Setting::Absent => read(&["gateway", "multiplex_profiles"]),
        top => top,
    };
    let multiplex = match multiplex {
        Setting::Absent => json!({"multiplex_profiles": false}),
        Setting::Value(word) => json!({"multiplex_profiles": switch(word).unwrap_or(false)}),
        Setting::Unclear => json!(UNREADABLE),
    };
    json!({"cron": provider, "gateway": multiplex})
}

/// Whether the gateway's own scheduler runs the cron jobs, from the result of [`contents`]; `None` if that is unclear.
/// Without the file the default applies: its own.
pub(super) fn is_cron_built_in(config: Option<&Value>) -> Option<bool> {
    let Some(config) = config else { return Some(true) };
    match config.get("cron")?.get("provider")? {
        Value::Null => Some(true),
        Value::String(provider) => Some(provider.is_empty()),
        _ => None,
    }
}

/// Whether the gateway serves all profiles, from the result of [`contents`]; `None` if that is unclear. Without the
/// file it serves only its own.
pub(super) fn multiplex_profiles(config: Option<&Value>) -> Option<bool> {
    let Some(config) = config else { return Some(false) };
    config.get("gateway")?.get("multiplex_profiles")?.as_bool()
}

/// `platforms.NAME.extra.app_id` of a `config.yaml`: the public name of a bot.
pub(super) fn app_id<'a>(config: &'a [u8], platform: &str) -> Option<&'a str> {
    match setting(std::str::from_utf8(config).ok()?, &["platforms", platform, "extra", "app_id"]) {
        Setting::Value(id) if !id.is_empty() => Some(id),
        _ => None,
    }
}

/// The meaning of a value of [`MULTIPLEX_VARIABLE`]; `None`: any other word, which Hermes ignores.
pub(super) fn switch(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// The value of a variable in a `.env` file; the last assignment counts.
pub(super) fn variable<'a>(dotenv: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let value = line.strip_prefix(name)?.trim_start().strip_prefix('=')?;
        Some(unquoted(without_comment(value)))
    };
    dotenv.lines().filter_map(value).next_back()
}

/// The scalar at this path of keys. If a key is repeated, the last one counts, as in PyYAML.
fn setting<'a>(text: &'a str, path: &[&str]) -> Setting<'a> {
    // the indents of the keys of the path above this line
    let mut below: Vec<usize> = Vec::new();
    // for each of them, the indent of the keys below it
    let mut levels: Vec<usize> = Vec::new();
    let (mut found, mut merges) = (Setting::Absent, false);
    for line in text.lines() {
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let content = content.trim_end();
        let is_entry = content == "-" || content.starts_with("- ");
        if content.is_empty() || content.starts_with('#') || content == "---" || is_entry {
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
        if content.starts_with(['{', '[', '%', '&', '*', '!', '?']) {
            return Setting::Unclear;
        }
        let Some((key, value)) = key_and_value(content) else { return Setting::Unclear };
        merges |= key == "<<";
        let Some((wanted, rest)) = path.get(below.len()..).and_then(<[&str]>::split_first) else { continue };
        if key != *wanted {
            continue;
        }
        if rest.is_empty() {
            found = scalar(value);
        } else if value.is_empty() {
            below.push(indent);
            found = Setting::Absent;
        } else {
            found = in_flow(value, rest);
        }
    }
    if merges && found == Setting::Absent { Setting::Unclear } else { found }
}

/// The scalar at this path in a mapping on one line: `{multiplex_profiles: true}`.
fn in_flow<'a>(value: &'a str, path: &[&str]) -> Setting<'a> {
    let Some(inside) = value.strip_prefix('{').and_then(|value| value.strip_suffix('}')) else {
        return if is_null(value) { Setting::Absent } else { Setting::Unclear };
    };
    if inside.contains(['{', '}', '[', ']', '&', '*', '"', '\'']) {
        return Setting::Unclear;
    }
    let mut found = Setting::Absent;
    for part in inside.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match (key_and_value(part), path) {
            (None | Some(("<<", _)), _) => return Setting::Unclear,
            (Some((key, value)), [wanted]) if key == *wanted => found = scalar(value),
            _ => {}
        }
    }
    found
}

fn scalar(value: &str) -> Setting<'_> {
    if is_null(value) {
        Setting::Absent
    } else if value.starts_with(['&', '*', '!', '|', '>', '{', '[']) {
        Setting::Unclear
    } else {
        Setting::Value(unquoted(value))
    }
}

/// A line of a mapping: its key, and what follows on the line without a comment.
fn key_and_value(content: &str) -> Option<(&str, &str)> {
    let (key, value) = content.split_once(':')?;
    let is_value = value.is_empty() || value.starts_with([' ', '\t']);
    is_value.then(|| (unquoted(key.trim_end()), without_comment(value)))
}

fn is_null(value: &str) -> bool {
    matches!(value, "" | "~" | "null" | "Null" | "NULL" | "{}")
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
    fn a_setting_is_read_where_hermes_writes_it() {
        use Setting::{Absent, Unclear, Value};
        let path = ["gateway", "multiplex_profiles"];
        for (text, expected) in [
            ("gateway:\n  multiplex_profiles: true\n", Value("true")),
            (
                "model: x\ngateway:\n    host: a\n    # no: comment\n    multiplex_profiles: 'on' # all\n",
                Value("on"),
            ),
            ("gateway:\r\n  multiplex_profiles: true\r\n", Value("true")),
            ("\"gateway\":\n\n  \"multiplex_profiles\": \"yes\"\n", Value("yes")),
            ("gateway:\n  multiplex_profiles: true\n  multiplex_profiles: false\n", Value("false")),
            ("gateway:\n  multiplex_profiles: true\ngateway:\n  host: a\n", Absent),
            ("gateway:\n  a:\n    multiplex_profiles: true\n  multiplex_profiles: no\n", Value("no")),
            ("gateway:\n  <<: *base\n  multiplex_profiles: true\n", Value("true")),
            ("gateway: {multiplex_profiles: true}\n", Value("true")),
            ("gateway: { host: a, multiplex_profiles: true } # all\n", Value("true")),
            ("gateway: {host: a}\n", Absent),
            ("gateway: {}\nmodel: x\n", Absent),
            ("gateway: null\n", Absent),
            ("gateway:\n  multiplex_profiles: ~\n", Absent),
            ("gateway:\n  a: |\n    multiplex_profiles: true\n", Absent),
            ("other:\n  gateway:\n    multiplex_profiles: true\n", Absent),
            ("gateway:\nmultiplex_profiles: true\n", Absent),
            ("gateway:\n- multiplex_profiles: true\n", Absent),
            ("prompt: |\n  gateway:\n    multiplex_profiles: true\nlist:\n- a: 1\n- b\n", Absent),
            ("# gateway:\n#   multiplex_profiles: true\n", Absent),
            ("", Absent),
            ("gateway:\n  multiplex_profiles:true\n", Unclear),
            ("gateway:\n  multiplex_profiles: *on\n", Unclear),
            ("gateway:\n  multiplex_profiles: !!bool true\n", Unclear),
            ("gateway: *shared\n", Unclear),
            ("gateway: {a: {multiplex_profiles: true}}\n", Unclear),
            ("gateway: {a: 'x, multiplex_profiles: true'}\n", Unclear),
            ("gateway: {\n  multiplex_profiles: true\n}\n", Unclear),
            ("gateway:\n  <<: *base\n", Unclear),
            ("<<: *base\n", Unclear),
            ("{gateway: {multiplex_profiles: true}}\n", Unclear),
        ] {
            assert_eq!(setting(text, &path), expected, "{text}");
        }
    }

    #[test]
    fn several_profiles_are_served_where_the_setting_is_on() {
        for (text, on) in [
            ("gateway:\n  multiplex_profiles: True\n", Some(true)),
            ("multiplex_profiles: yes\n", Some(true)),
            ("gateway:\n  multiplex_profiles: false\nmultiplex_profiles: true\n", Some(true)),
            ("gateway: {multiplex_profiles: true}\n", Some(true)),
            ("gateway:\n  multiplex_profiles: maybe\n", Some(false)),
            ("gateway: *shared\n", None),
            ("model: x\n", Some(false)),
        ] {
            assert_eq!(multiplex_profiles(Some(&contents(text.as_bytes()))), on, "{text}");
        }
        assert_eq!(multiplex_profiles(None), Some(false));
        assert_eq!(multiplex_profiles(Some(&contents(b"\xff"))), None);
    }

    #[test]
    fn an_external_scheduler_of_cron_jobs_is_noticed() {
        for (text, built_in) in [
            ("", Some(true)),
            ("cron:\n  provider: ''\n", Some(true)),
            ("cron:\n  provider: # none\n  other: 1\n", Some(true)),
            ("cron:\n  provider: chronos\n", Some(false)),
            ("cron:\n    retry: 3\n    provider: \"chronos\"\nx: 1\n", Some(false)),
            ("\"cron\":\n  provider: chronos\n", Some(false)),
            ("cron: {provider: chronos}\n", Some(false)),
            ("model:\n  provider: anthropic\ncron:\n  wrap: true\n", Some(true)),
            ("cron:\n  nested:\n    provider: x\n", Some(true)),
            ("cron: *shared\n", None),
        ] {
            let config = contents(text.as_bytes());
            assert_eq!(is_cron_built_in(Some(&config)), built_in, "{text:?}");
            assert!(!config.to_string().contains("chronos"), "the name is private");
        }
        assert_eq!(is_cron_built_in(None), Some(true));
        assert_eq!(is_cron_built_in(Some(&contents(b"\xff"))), None);
    }

    #[test]
    fn a_variable_of_the_environment_file_is_read() {
        for (text, value) in [
            ("GATEWAY_MULTIPLEX_PROFILES=1\n", Some("1")),
            ("A=b\nexport GATEWAY_MULTIPLEX_PROFILES = 'off' # no\n", Some("off")),
            ("GATEWAY_MULTIPLEX_PROFILES=\n", Some("")),
            ("GATEWAY_MULTIPLEX_PROFILES=1\nGATEWAY_MULTIPLEX_PROFILES=0\n", Some("0")),
            ("# GATEWAY_MULTIPLEX_PROFILES=1\nGATEWAY_MULTIPLEX_PROFILES_X=1\n", None),
        ] {
            assert_eq!(variable(text, MULTIPLEX_VARIABLE), value, "{text}");
        }
        assert_eq!(
            (switch(" ON "), switch("0"), switch(""), switch("maybe")),
            (Some(true), Some(false), None, None)
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(cron|gateway|provider|[ \t\r\n:#'\"<*{},\\[a-z-]|网){0,60}") {
            let _ = (contents(text.as_bytes()), variable(&text, "a"));
        }
    }
}
