//! The value that belongs to a name.

use super::escapes::escaped;
use super::{MASK, random, spaces};

/// What stands between a name and its value beside `=` and `:`, which may be escaped: `token := x`, `令牌：x`.
const SEPARATORS: [&str; 7] = [":=", "=>", "==", "->", "：", "＝", "→"];
/// The same in a sentence (`the token is x`), where other words may follow too.
const VERBS: [&str; 3] = ["is ", "是", "为"];
/// What may stand before a value in Chinese text, and what ends it there.
const OPENING: [&str; 5] = ["“", "‘", "「", "『", "《"];
const CLOSING: [&str; 9] = ["”", "’", "」", "』", "》", "，", "。", "；", "）"];

/// The length of the first of these that the text begins with.
fn prefix(text: &[u8], of: &[&str]) -> Option<usize> {
    of.iter().find(|word| text.starts_with(word.as_bytes())).map(|word| word.len())
}

/// Whether a value may follow a word: a cheap test of every word of a log.
pub(super) fn may_follow(word: &str, after: &[u8]) -> bool {
    matches!(word.as_bytes(), [b'-', b'-', ..])
        || match after.get(spaces(after)..).unwrap_or_default() {
            [b'=' | b':' | b'"' | b'\'' | b'\\' | b'`' | b',' | b'<' | b'%' | b'&' | b'(', ..]
            | [b'-', b'>', ..]
            | [b'i', b's', b' ', ..] => true,
            [first, ..] => !first.is_ascii(),
            [] => false,
        }
}

/// The range of the value of the name that ends at `end`, if there is one and it is worth hiding.
pub(super) fn after(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    if let Some(range) = in_property_list(text, start, end) {
        return range;
    }
    let mut at = end;
    let mut quoted_name = false;
    while let Some(length) = escaped(bytes, at, b"\"'`") {
        quoted_name = true;
        at += length;
    }
    at += spaces(&bytes[at..]);
    let rest = &bytes[at..];
    let option = bytes[start..].starts_with(b"--");
    let mut pair_of_strings = false;
    // whether anything but a secret may stand there too
    let mut in_doubt = false;
    if let Some(length) = prefix(rest, &SEPARATORS) {
        at += length;
    } else if rest.starts_with(b"://") {
        // `https://ticket://…`: a scheme is no name
        return None;
    } else if let Some(length) = escaped(bytes, at, b"=:") {
        at += length;
    } else if quoted_name && rest.first() == Some(&b',') {
        pair_of_strings = true;
        at += 1;
    } else if !quoted_name && rest.first() == Some(&b'(') {
        // a call: `.app_secret("…")`
        at += 1 + spaces(&rest[1..]);
        in_doubt = escaped(bytes, at, b"\"'").is_none();
    } else if option && !quoted_name && at > end && rest.first() != Some(&b'-') {
        // `--token VALUE` on a command line
    } else if let Some(length) = prefix(rest, &VERBS) {
        at += length;
        in_doubt = true;
    } else if !quoted_name && at > end && matches!(rest.first(), Some(b'"' | b'\'' | b'`')) {
        // `invalid token "…"`
        in_doubt = true;
    } else {
        return None;
    }
    at += spaces(&bytes[at..]);
    let (from, to) = range(bytes, at, is_a_header(&text[start..end]));
    if pair_of_strings {
        let value = &bytes[from..to];
        if from == at || value.len() < 8 || !value.iter().any(u8::is_ascii_digit) {
            return None;
        }
    }
    let found = worth_hiding(text, from, to)?;
    (!in_doubt || random::is_value(&text[from..to])).then_some(found)
}

/// Values of these headers contain blanks.
fn is_a_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("authorization") || name.ends_with("cookie")
}

/// `<key>X_TOKEN</key><string>…`, and an option with its value in the arguments of a property list. `None`: neither.
#[allow(clippy::option_option)]
fn in_property_list(text: &str, start: usize, end: usize) -> Option<Option<(usize, usize)>> {
    let after = &text[end..];
    let is_option = text.as_bytes()[start..].starts_with(b"--");
    let rest =
        after.strip_prefix("</key>").or_else(|| after.strip_prefix("</string>").filter(|_| is_option))?;
    let value = rest.trim_start().strip_prefix("<string>");
    Some(value.and_then(|value| {
        let from = text.len() - value.len();
        worth_hiding(text, from, from + value.find('<').unwrap_or(value.len()))
    }))
}

/// The value that begins at `at`, without its quotes.
fn range(bytes: &[u8], mut at: usize, is_a_header: bool) -> (usize, usize) {
    // Python's b'…', r"…"
    if bytes.get(at).is_some_and(|b| matches!(b.to_ascii_lowercase(), b'b' | b'r' | b'u' | b'f'))
        && matches!(bytes.get(at + 1), Some(b'"' | b'\''))
    {
        at += 1;
    }
    at += prefix(&bytes[at..], &OPENING).unwrap_or(0);
    let slashes = bytes[at..].iter().take_while(|b| **b == b'\\').count();
    if let Some(quote @ (b'"' | b'\'' | b'`')) = bytes.get(at + slashes).copied() {
        let from = at + slashes + 1;
        return (from, quoted_end(bytes, from, quote, slashes));
    }
    if let Some(length) = escaped(bytes, at, b"\"'") {
        let (quote, from) = (&bytes[at..at + length], at + length);
        let line = bytes[from..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - from);
        let closing = memchr::memmem::find(&bytes[from..from + line], quote);
        return (from, from + closing.unwrap_or(line));
    }
    (at, unquoted_end(bytes, at, is_a_header))
}

fn unquoted_end(bytes: &[u8], at: usize, is_a_header: bool) -> usize {
    let mut to = at;
    while to < bytes.len() {
        match bytes[to] {
            b'\n' | b'\r' => break,
            quote @ (b'"' | b'\'') => {
                // a call around the secret: SecretStr('…')
                if to > at && bytes[to - 1] == b'(' {
                    to = (quoted_end(bytes, to + 1, quote, 0) + 1).min(bytes.len());
                    continue;
                }
                break;
            }
            _ if is_a_header => {}
            b' ' | b'\t' | b'&' | b',' | b';' | b')' | b']' | b'}' | b'<' | b'>' | b'|' | b'\\' => break,
            first if !first.is_ascii() && prefix(&bytes[to..], &CLOSING).is_some() => break,
            _ => {}
        }
        to += 1;
    }
    to
}

/// The closing quote with the same number of backslashes before it as the opening one; else the end of the line.
fn quoted_end(bytes: &[u8], from: usize, quote: u8, slashes: usize) -> usize {
    let mut run = 0;
    for (i, b) in bytes.iter().enumerate().skip(from) {
        match *b {
            b'\\' => run += 1,
            b'\n' | b'\r' => return i,
            b if b == quote => {
                // an even number beyond the opening's is a pair of escaped backslashes before a real end
                if run == slashes || (slashes == 0 && run % 2 == 0) {
                    return i - run.min(slashes);
                }
                run = 0;
            }
            _ => run = 0,
        }
    }
    bytes.len()
}

/// The end of a person's message that seems to end with the quote at `to`. The message may contain that quote, so it
/// ends only before the next ` name=` of a log record, or before what follows a string in JSON (the name is quoted
/// then).
pub(super) fn end_of_words(bytes: &[u8], mut to: usize, quoted_name: bool) -> usize {
    let Some(quote @ (b'"' | b'\'')) = bytes.get(to).copied() else { return to };
    let ends = |after: &[u8]| match after {
        [] | [b'\n', ..] => true,
        [b',' | b'}' | b']' | b'\\', ..] => quoted_name,
        [b' ', rest @ ..] => rest.get(rest.iter().take_while(|b| super::is_word(**b)).count()) == Some(&b'='),
        _ => false,
    };
    while !ends(&bytes[to + 1..]) {
        match bytes[to + 1..].iter().position(|b| *b == b'\n' || *b == quote) {
            Some(next) if bytes[to + 1 + next] == quote => to += 1 + next,
            Some(line_end) => return to + 1 + line_end,
            None => return bytes.len(),
        }
    }
    to
}

fn worth_hiding(text: &str, from: usize, to: usize) -> Option<(usize, usize)> {
    let value = text.get(from..to)?;
    let plain = value.trim();
    let harmless = plain.is_empty()
        || value.starts_with(MASK)
        // the closing bracket ends an unquoted value
        || value == &MASK[..MASK.len() - 1]
        || plain.bytes().all(|b| matches!(b, b'*' | b'.' | b'-'))
        || ["true", "false", "null", "none", "undefined"].iter().any(|w| plain.eq_ignore_ascii_case(w));
    (!harmless).then_some((from, to))
}
