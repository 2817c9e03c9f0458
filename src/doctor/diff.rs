//! The diff of a job file, without secrets.

/// A unified diff without file names.
pub(super) fn diff(old: &str, new: &str) -> String {
    let (old, new) = (hide_secrets(old), hide_secrets(new));
    similar::TextDiff::from_lines(old.as_str(), new.as_str()).unified_diff().context_radius(3).to_string()
}

/// Hides the values of variables whose names say that they are secret: a diff shows the lines around a change.
fn hide_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after_secret = false;
    for line in text.split_inclusive('\n') {
        let key = line.split_once("<key>").and_then(|(_, rest)| rest.split_once("</key>"));
        match line.split_once("<string>") {
            Some((before, value)) if after_secret || key.is_some_and(|(name, _)| is_secret(name)) => {
                out.push_str(before);
                out.push_str("<string>[hidden]");
                out.push_str(value.find("</string>").map_or("\n", |end| &value[end..]));
            }
            _ => hide_assignments(line, &mut out),
        }
        if !line.trim().is_empty() {
            after_secret = key.is_some_and(|(name, rest)| is_secret(name) && !rest.contains("<string>"));
        }
    }
    out
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["SECRET", "TOKEN", "PASSW", "KEY", "CREDENTIAL", "TICKET"].iter().any(|word| name.contains(word))
}

/// Hides the values of `NAME=value`; on a line of a unit's `Environment=` up to its end, as a value may contain blanks.
fn hide_assignments(line: &str, out: &mut String) {
    let whole = line.trim_start().starts_with("Environment");
    let stop = |c: char| {
        if whole { c == '\n' } else { c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '&') }
    };
    let mut rest = line;
    while let Some(equals) = rest.find('=') {
        let (before, after) = rest.split_at(equals + 1);
        out.push_str(before);
        let name = before[..equals].rsplit(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'));
        rest = after;
        if name.into_iter().next().is_some_and(is_secret) {
            out.push_str("[hidden]");
            rest = &rest[rest.find(stop).unwrap_or(rest.len())..];
        }
    }
    out.push_str(rest);
}
