//! Arguments and shell commands: known words, option names and plain paths may be shown.

use super::super::{MASK, names_a_secret};
use super::{is_plain, is_plain_path, keep_or_mask, variable};

/// Words that may be shown anywhere: those of Hermes, its wrappers and the shell.
const HARMLESS: &[&str] = &[
    "$.system",
    "-HUP",
    "-KILL",
    "-TERM",
    "-USR1",
    "-USR2",
    ".",
    "AppleScript",
    "JavaScript",
    "ObjC.import",
    "append",
    "bash",
    "caffeinate",
    "cd",
    "curl",
    "do",
    "done",
    "else",
    "env",
    "exec",
    "export",
    "fi",
    "gateway",
    "hermes",
    "hermes_cli",
    "hermes_cli.main",
    "if",
    "launchctl",
    "nohup",
    "null",
    "osascript",
    "python",
    "python3",
    "restart",
    "run",
    "script",
    "sh",
    "shell",
    "sleep",
    "source",
    "start",
    "stdlib",
    "stop",
    "systemd-cat",
    "then",
    "true",
    "while",
    "zsh",
];

/// Options whose value is a name that may be shown.
const NAMING_OPTIONS: &[&str] = &["--profile", "-p", "-m"];

/// Options whose value may never be shown, not even a path.
const PRIVATE_OPTIONS: &[&str] = &[
    "--cookie",
    "--data",
    "--data-raw",
    "--form",
    "--header",
    "--proxy-user",
    "--user",
    "-F",
    "-H",
    "-U",
    "-b",
    "-d",
    "-u",
];

/// Longest option name, in bytes; a longer one is masked.
const MAX_OPTION: usize = 40;

/// Appends one argument; `before` is the one before it. An argument with blanks is a command.
pub(super) fn push_argument(out: &mut String, argument: &str, before: Option<&str>) {
    let trimmed = argument.trim();
    if trimmed.contains(|c: char| is_separator(c)) {
        let private = before.is_some_and(is_private);
        if private { keep_or_mask(out, argument, false) } else { push_command(out, argument) }
    } else {
        let lead = argument.len() - argument.trim_start().len();
        out.push_str(&argument[..lead]);
        push_word(out, trimmed, before);
        out.push_str(&argument[lead + trimmed.len()..]);
    }
}

/// Appends a command line, each word by itself.
pub(super) fn push_command(out: &mut String, text: &str) {
    let mut before: Option<&str> = None;
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(end) = entity(rest) {
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let end = rest.find(is_separator).unwrap_or(rest.len());
        if end == 0 {
            let length = rest.chars().next().map_or(rest.len(), char::len_utf8);
            // only ASCII separates; all else is part of a word
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        push_word(out, &rest[..end], before);
        before = Some(&rest[..end]);
        rest = &rest[end..];
    }
}

fn is_separator(c: char) -> bool {
    c.is_ascii_whitespace() || "'\"`;|&<>(){}[],\\".contains(c)
}

/// The length of an XML entity of a separator: it is not the word `quot`.
fn entity(text: &str) -> Option<usize> {
    ["&quot;", "&apos;", "&amp;", "&lt;", "&gt;", "&#34;", "&#39;", "&#10;"]
        .into_iter()
        .find(|entity| text.starts_with(entity))
        .map(str::len)
}

fn push_word(out: &mut String, word: &str, before: Option<&str>) {
    if word.is_empty() || word == MASK || MASK.contains(word) && word.len() > 6 {
        out.push_str(word);
        return;
    }
    if before.is_some_and(is_private) {
        return out.push_str(MASK);
    }
    if let Some((name, value)) = word.split_once('=') {
        let shown = if name.starts_with('-') { is_option(name) } else { variable::is_name(name) };
        if shown {
            out.push_str(name);
            out.push('=');
            return if value.is_empty() || (!name.starts_with('-') && variable::is_harmless(name, value)) {
                out.push_str(value);
            } else if name.starts_with('-') {
                push_word(out, value, Some(name));
            } else {
                out.push_str(MASK);
            };
        }
    }
    let named = before.is_some_and(|option| NAMING_OPTIONS.contains(&option));
    let shown = HARMLESS.contains(&word)
        || is_option(word)
        || is_plain_path(word)
        || (named && word.len() <= 64 && is_plain(word))
        || is_descriptor_or_variable(word);
    out.push_str(if shown { word } else { MASK });
}

fn is_private(before: &str) -> bool {
    PRIVATE_OPTIONS.contains(&before) || (before.starts_with('-') && names_a_secret(before))
}

/// `--replace`, `-m`, `-lc`: not `-pSECRET`.
fn is_option(word: &str) -> bool {
    let lower = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    if let Some(name) = word.strip_prefix("--") {
        return word.len() <= MAX_OPTION && lower(name);
    }
    word.strip_prefix('-')
        .is_some_and(|letters| letters.len() <= 2 && letters.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// `2` of `2>&1`, `$HOME`, `$@`.
fn is_descriptor_or_variable(word: &str) -> bool {
    let digit = matches!(word.as_bytes(), [b'0'..=b'9']);
    let variable = word.strip_prefix('$').is_some_and(|name| {
        matches!(name, "" | "@" | "?" | "$")
            || (name.len() <= 40 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
    });
    digit || variable || word.bytes().all(|b| b"-=+*!@:%^?/~#".contains(&b))
}
