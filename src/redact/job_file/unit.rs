//! systemd units (systemd.syntax(7)).

use super::super::MASK;
use super::{command, is_plain, keep_or_mask, variable};

/// Settings whose plain words may be shown; `*` stands for any ending.
const HARMLESS: &[&str] = &[
    "After",
    "Alias",
    "Also",
    "Before",
    "BindsTo",
    "Conflicts",
    "Condition*",
    "DefaultDependencies",
    "Delegate",
    "Description",
    "Documentation",
    "EnvironmentFile",
    "Group",
    "IO*",
    "KillMode",
    "KillSignal",
    "Limit*",
    "LogRateLimit*",
    "Memory*",
    "Nice",
    "NoNewPrivileges",
    "NotifyAccess",
    "OOM*",
    "PIDFile",
    "PartOf",
    "PassEnvironment",
    "Private*",
    "Protect*",
    "ReadWritePaths",
    "RemainAfterExit",
    "Requires",
    "Restart*",
    "Runtime*",
    "SendSIG*",
    "Slice",
    "Standard*",
    "StartLimit*",
    "SuccessExitStatus",
    "SyslogIdentifier",
    "Timeout*",
    "Type",
    "UMask",
    "UnsetEnvironment",
    "User",
    "WantedBy",
    "Wants",
    "Watchdog*",
    "WorkingDirectory",
];

pub(super) fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = logical_end(rest);
        line(&mut out, &rest[..end]);
        rest = &rest[end..];
    }
    out
}

/// The end of a line with all its continuations. Comments are not continued.
fn logical_end(text: &str) -> usize {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let first = end == 0;
        end += line.len();
        let comment = line.trim_start().starts_with(['#', ';']);
        // a comment between continued lines belongs to them
        if comment && !first {
            continue;
        }
        if comment || !line.trim_end_matches(['\n', '\r']).ends_with('\\') {
            break;
        }
    }
    end
}

fn line(out: &mut String, line: &str) {
    let body = line.trim();
    if body.is_empty() {
        return out.push_str(line);
    }
    if body.starts_with(['#', ';']) {
        out.push_str(&line[..line.len() - line.trim_start().len()]);
        out.push_str(&body[..1]);
        return keep_or_mask(out, &line.trim_start()[1..], false);
    }
    if let Some(section) = body.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return keep_or_mask(
            out,
            line,
            section.bytes().all(|b| b.is_ascii_alphabetic()) && section.len() <= 20,
        );
    }
    let Some((name, value)) = line.split_once('=') else {
        return keep_or_mask(out, line, false);
    };
    let key = name.trim();
    if !(key.len() <= 40 && key.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')) {
        return keep_or_mask(out, line, false);
    }
    out.push_str(name);
    out.push('=');
    if key == "Environment" {
        environment(out, value);
    } else if key.starts_with("Exec") {
        let prefixes =
            value.len() - value.trim_start_matches([' ', '\t', '-', '@', ':', '+', '!', '|']).len();
        out.push_str(&value[..prefixes]);
        command::push_command(out, &value[prefixes..]);
    } else if HARMLESS
        .iter()
        .any(|known| known.strip_suffix('*').map_or(*known == key, |start| key.starts_with(start)))
    {
        words(out, value);
    } else {
        keep_or_mask(out, value, false);
    }
}

/// Plain words are shown.
fn words(out: &mut String, value: &str) {
    for piece in value.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let bare = word.trim_matches(|c: char| "\"'()\\".contains(c));
        keep_or_mask(out, piece, bare.is_empty() || is_plain(bare));
    }
}

/// `NAME=value` pairs, quoted or not, over one line or several.
fn environment(out: &mut String, value: &str) {
    let mut rest = value;
    while !rest.is_empty() {
        let skipped = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\\').len();
        out.push_str(&rest[..skipped]);
        rest = &rest[skipped..];
        let end = assignment_end(rest);
        assignment(out, &rest[..end]);
        rest = &rest[end..];
    }
}

/// The first blank outside of quotes and not behind a backslash.
fn assignment_end(text: &str) -> usize {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, c) if c.is_whitespace() => return at,
            _ => {}
        }
    }
    text.len()
}

fn assignment(out: &mut String, text: &str) {
    let trail = text.len() - text.trim_end().len();
    let (text, trail) = text.split_at(text.len() - trail);
    let open = text.len() - text.trim_start_matches(['"', '\'']).len();
    let (quote, inner) = text.split_at(open);
    match inner.split_once('=') {
        Some((name, value)) if variable::is_name(name) => {
            let bare = value.trim_matches(['"', '\'']);
            out.push_str(quote);
            out.push_str(name);
            out.push('=');
            if variable::is_harmless(name, bare) {
                out.push_str(value);
            } else {
                out.push_str(MASK);
                out.push_str(quote);
            }
        }
        _ => keep_or_mask(out, text, false),
    }
    out.push_str(trail);
}
