//! Removes secrets from text before anything shows, stores or sends it.
//!
//! One pass from left to right looks for known shapes: a name of a secret with a value (`ticket=…`, `"app_secret":
//! "…"`, `<key>X_TOKEN</key><string>…`), a token with a known prefix, a secret part of a URL. In doubt it hides a word;
//! all other bytes stay as they are.
//!
//! [`clean_line`] is for text that is shown; [`job_file`] is for job files, and hides everything that is not known to
//! be harmless. Consecutive lines of a log go through `evidence::clean_lines`.

mod display;
mod escapes;
mod job_file;
mod names;
mod random;
#[cfg(test)]
mod tests;
mod tokens;
mod url;
mod value;

use std::borrow::Cow;

pub(crate) use display::cut;
pub use display::one_line;
use display::without_controls;
pub(crate) use escapes::escaped;
pub use job_file::job_file;
pub use names::names_a_secret;

/// What replaces a secret.
pub const MASK: &str = "[redacted]";

/// The text without its secrets; borrowed if there are none. Applying it again changes nothing, or hides more where a
/// mask removed what separated two pieces; it never hides less.
pub fn redact(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        let step = if is_word(bytes[at]) {
            look_at_word(text, at)
        } else if bytes[at] == b':' && bytes[at..].starts_with(b"://") {
            url::password(text, at + 3)
        } else if bytes[at] >= FIRST_OF_CHINESE {
            look_at_chinese(text, at)
        } else {
            // nothing else begins a secret
            Step::Skip(at + 1)
        };
        match step {
            Step::Skip(next) => at = next,
            Step::Replace { start, end, with } => {
                out.push_str(&text[copied..start]);
                out.push_str(&with);
                copied = end;
                at = end;
            }
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// [`one_line`] and [`redact`]. Controls are removed first and the length is bounded last, because both escapes and the
/// bound may cut a token into pieces that are not recognised.
pub fn clean_line(text: &str, max: usize) -> String {
    cut(&redact(&without_controls(text, max.saturating_mul(4).saturating_add(4096))), max)
}

/// What to do with the bytes at a place of the text.
enum Step {
    Skip(usize),
    Replace { start: usize, end: usize, with: Cow<'static, str> },
}

fn mask(start: usize, end: usize) -> Step {
    Step::Replace { start, end, with: Cow::Borrowed(MASK) }
}

fn is_word(b: u8) -> bool {
    IS_WORD[usize::from(b)]
}

/// Which bytes are part of a word. A table, because every byte of every line is tested.
const IS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = (b as u8).is_ascii_alphanumeric() || b as u8 == b'_' || b as u8 == b'-';
        b += 1;
    }
    table
};

fn word_end(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..].iter().position(|b| !is_word(*b)).unwrap_or(bytes.len() - from)
}

fn spaces(bytes: &[u8]) -> usize {
    bytes.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(bytes.len())
}

/// Decides about the word that begins at `start`: it names a secret, is one, or neither.
fn look_at_word(text: &str, start: usize) -> Step {
    let bytes = text.as_bytes();
    let end = word_end(bytes, start);
    let word = &text[start..end];
    if word == "-----BEGIN" {
        return private_key(text, start, end);
    }
    let begin = escapes::after_escape(bytes, start, end);
    let found = tokens::token(text, start, end)
        .or_else(|| (begin > start).then(|| tokens::token(text, begin, end)).flatten())
        .or_else(|| random::token(bytes, begin, end))
        .or_else(|| url::bot_token(bytes, start, end))
        .or_else(|| url::webhook(text, start, end))
        .or_else(|| url::user_option(bytes, start, end));
    if let Some(step) = found {
        return step;
    }
    let name = &text[begin..end];
    if value::may_follow(name, &bytes[end..]) {
        let words = names::precedes_words_of_people(name, &bytes[end..]);
        if (words || names_a_secret(name))
            && let Some((from, to)) = value::after(text, begin, end)
        {
            return mask(from, if words { value::end_of_words(bytes, to, bytes[end] != b'=') } else { to });
        }
        if random::may_follow(&bytes[end..])
            && names::hints_at_a_secret(name)
            && let Some((from, to)) = value::after(text, begin, end)
            && random::is_value(&text[from..to])
        {
            return mask(from, to);
        }
    }
    authorization(bytes, start, end).unwrap_or(Step::Skip(end))
}

/// Lead byte of the first characters that are Chinese (U+4000); bytes within a character are lower.
const FIRST_OF_CHINESE: u8 = 0xE4;

/// Decides about the character at `start`, which may begin the Chinese name of a secret. Its value is ASCII: what follows
/// otherwise is a sentence (`令牌：已过期`).
fn look_at_chinese(text: &str, start: usize) -> Step {
    let value = names::chinese(&text[start..]).and_then(|length| value::after(text, start, start + length));
    match value {
        Some((from, to)) if text.as_bytes()[from].is_ascii() => mask(from, to),
        _ => Step::Skip(start + 1),
    }
}

/// Schemes of an `Authorization` header, which precede the token, and names of secrets that do (`passwd …`). `bearer` is
/// common nowhere else.
const SCHEMES: [&str; 10] =
    ["bearer", "basic", "token", "bot", "qqbot", "apikey", "negotiate", "secret", "password", "passwd"];

/// The token after `Bearer` or another of these words.
fn authorization(bytes: &[u8], start: usize, end: usize) -> Option<Step> {
    let word = &bytes[start..end];
    if !matches!(bytes.get(end), Some(b' ' | b'\t')) {
        return None;
    }
    let scheme = SCHEMES.iter().find(|scheme| word.eq_ignore_ascii_case(scheme.as_bytes()))?;
    let is_part = |b: &u8| is_word(*b) || matches!(b, b'.' | b'~' | b'+' | b'/' | b'=');
    let from = end + spaces(&bytes[end..]);
    let to = from + bytes[from..].iter().take_while(|b| is_part(b)).count();
    let token = &bytes[from..to];
    let digit = token.iter().any(u8::is_ascii_digit);
    let found = match *scheme {
        "bearer" => token.len() >= 20 || (token.len() >= 8 && digit),
        // `Basic dXNlcjpwYXNz`, but not `token getUpdates2`
        _ => token.len() >= 12 && (random::is_mixed(token) || (token.len() >= 20 && digit)),
    };
    found.then(|| mask(from, to))
}

/// A PEM block: everything between its first and its last line.
fn private_key(text: &str, start: usize, end: usize) -> Step {
    let Some(from) = private_key_head(text, end) else {
        return Step::Skip(end);
    };
    let to = text[from..].find("-----END").map_or(text.len(), |i| from + i);
    if text[from..to].trim() == MASK || from == to {
        return Step::Skip(from.max(start + 1));
    }
    mask(from, to)
}

/// The end of the first line of a private key's PEM block; `begin` is after its `-----BEGIN`.
pub(crate) fn private_key_head(text: &str, begin: usize) -> Option<usize> {
    const HEAD: &str = "PRIVATE KEY";
    let at = text[begin..].find(HEAD).filter(|i| *i < 40)?;
    let from = begin + at + HEAD.len();
    // `PRIVATE KEY BLOCK-----` of PGP
    text[from..].find("-----").filter(|i| *i < 8).map(|i| from + i + 5)
}
