//! Removes private text that spans several lines of a log: PEM blocks, JSON values on the line below their name, and
//! text written by people, with its line breaks.

use std::collections::HashMap;

use super::line::head;
use crate::redact::{MASK, clean_line, names_a_secret, one_line, private_key_head};

/// Keys whose value is text written by people, unquoted and up to the end of the line:
/// `[Feishu-Comment] reply_to_comment: comment_id=7 text=…`.
const WORDS_TO_THE_END: [&str; 6] =
    [" text=", " quote=", " content=", " reply=", " reply_to_text=", " response="];
/// Most lines of text written by people after one record.
const MAX_WORDS: usize = 2_000;
/// Most lines of a PEM block whose end is missing; a key of 16,384 bits has 200.
const MAX_BLOCK: usize = 300;
/// Most logs whose state is kept; one profile has at most a dozen.
const MAX_SOURCES: usize = 64;
/// A line of at least this many base64 characters, and nothing else, counts as part of a key whose beginning was not
/// seen.
const MIN_BASE64_LINE: usize = 40;

/// What earlier lines began and have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Open {
    #[default]
    Nothing,
    /// A private key, with the number of lines that may still follow.
    PrivateKey(usize),
    /// The name of a secret, without its value.
    Name,
    /// Text written by people, with the number of lines that may still follow.
    Words(usize),
}

/// Cleans consecutive lines, each log separately.
#[derive(Debug, Default)]
pub struct Lines(HashMap<String, Open>);

impl Lines {
    /// [`clean_line`] of the next line of this log.
    pub fn clean(&mut self, source: &str, line: &str, max: usize) -> String {
        if self.0.len() >= MAX_SOURCES && !self.0.contains_key(source) {
            self.0.clear();
        }
        let open = self.0.entry(source.to_owned()).or_default();
        let (next, shown) = step(*open, line, max);
        *open = next;
        shown
    }
}

/// Cleans a single line, and removes the text written by people in it.
pub fn clean_words(line: &str, max: usize) -> String {
    step(Open::Nothing, line, max).1
}

fn step(open: Open, line: &str, max: usize) -> (Open, String) {
    let text = one_line(line, max.max(4_000));
    let cleaned = || clean_line(line, max);
    match open {
        Open::PrivateKey(left) => match text.find("-----END") {
            Some(end) => (begins(&text[end..]), format!("{MASK}{}", clean_line(&text[end..], max))),
            None if left > 0 => (Open::PrivateKey(left - 1), MASK.to_owned()),
            None => (begins(&text), cleaned()),
        },
        Open::Name => {
            // as if the name were on this line
            let joined = clean_line(&format!("secret: {}", text.trim_start()), max.saturating_add(8));
            (begins(&text), joined.strip_prefix("secret: ").unwrap_or(&joined).to_owned())
        }
        Open::Words(left) if left > 0 && head(line.as_bytes()).is_none() => {
            (Open::Words(left - 1), MASK.to_owned())
        }
        Open::Words(_) | Open::Nothing if words_start(&text).is_some() => {
            let start = words_start(&text).unwrap_or(0);
            (Open::Words(MAX_WORDS), format!("{}{MASK}", clean_line(&text[..start], max)))
        }
        Open::Words(_) => step(Open::Nothing, line, max),
        Open::Nothing if is_base64(text.trim()) => (Open::Nothing, MASK.to_owned()),
        Open::Nothing => (begins(&text), cleaned()),
    }
}

/// The offset of text written by people that extends to the end of the line or beyond.
fn words_start(text: &str) -> Option<usize> {
    let unquoted = |name: &str| {
        let start = text.find(name)? + name.len();
        let rest = &text[start..];
        let closed = match rest.chars().next()? {
            quote @ ('\'' | '"') => rest[1..].contains(quote),
            '[' => rest.starts_with(MASK),
            '{' => true,
            _ => false,
        };
        (!closed).then_some(start)
    };
    WORDS_TO_THE_END.into_iter().filter_map(unquoted).min()
}

/// What this line begins and does not end.
fn begins(line: &str) -> Open {
    let key = line.rfind("-----BEGIN").map(|at| &line[at..]);
    if key.is_some_and(|block| private_key_head(block, 10).is_some() && !block.contains("-----END")) {
        return Open::PrivateKey(MAX_BLOCK);
    }
    let rest = line.trim_end();
    let name = rest.strip_suffix([':', '=']).map(|rest| rest.trim_end().trim_end_matches(['"', '\'', '\\']));
    let word = name
        .and_then(|name| name.rsplit(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-')).next());
    if word.is_some_and(names_a_secret) { Open::Name } else { Open::Nothing }
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    body.len() >= MIN_BASE64_LINE
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
        && body.bytes().any(|b| b.is_ascii_digit())
        && body.bytes().any(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_over_several_lines_are_hidden_each_log_by_itself() {
        let mut lines = Lines::default();
        for (source, line, shown) in [
            ("a", "read -----BEGIN RSA PRIVATE KEY-----", "read -----BEGIN RSA PRIVATE KEY-----"),
            ("b", "an ordinary line", "an ordinary line"),
            ("a", "MIIEpAIBAAKCAQEA1234", MASK),
            ("a", "abc==", MASK),
            ("a", "-----END RSA PRIVATE KEY----- done", "[redacted]-----END RSA PRIVATE KEY----- done"),
            ("a", "an ordinary line", "an ordinary line"),
            ("a", "  \"app_secret\":", "  \"app_secret\":"),
            ("a", "    \"abc def\",", "\"[redacted]\","),
            ("a", "  \"code\":", "  \"code\":"),
            ("a", "    \"abc def\",", "    \"abc def\","),
            ("a", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj", MASK),
        ] {
            assert_eq!(lines.clean(source, line, 200), shown);
        }
    }

    #[test]
    fn words_of_people_are_hidden_to_their_end() {
        let mut lines = Lines::default();
        let stamp = "2026-10-06 09:00:40,000";
        let comment = format!("{stamp} INFO feishu_comment: [Feishu-Comment] reply: comment_id=7 text=");
        for (line, shown) in [
            (format!("{comment}come at nine"), format!("{comment}{MASK}")),
            ("and bring it".to_owned(), MASK.to_owned()),
            (format!("{stamp} INFO x: done"), format!("{stamp} INFO x: done")),
            ("a line of a traceback".to_owned(), "a line of a traceback".to_owned()),
            (format!("{comment}'come"), format!("{comment}{MASK}")),
            ("at nine' media=0".to_owned(), MASK.to_owned()),
            (format!("{comment}'come' media=0"), format!("{comment}'{MASK}' media=0")),
            ("a line".to_owned(), "a line".to_owned()),
        ] {
            assert_eq!(lines.clean("a", &line, 200), shown);
        }
    }

    #[test]
    fn a_block_without_an_end_hides_a_bounded_number_of_lines() {
        let mut lines = Lines::default();
        lines.clean("a", "-----BEGIN PRIVATE KEY-----", 200);
        let hidden = (0..1_000).filter(|_| lines.clean("a", "an ordinary line", 200) == MASK).count();
        assert_eq!(hidden, MAX_BLOCK);
    }
}
