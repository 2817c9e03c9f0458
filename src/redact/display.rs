//! Text that is safe to show on one line of a terminal, a menu or a file.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

use crate::text::display::is_hidden;

/// Maximum length of a terminal's control string (OSC, DCS and the like) in characters.
const MAX_CONTROL_STRING: usize = 2048;

/// Text on one line: terminal escapes, line breaks, control characters and marks that change the direction of writing
/// are removed, and it is at most `max` characters long (an ellipsis stands for the rest).
pub fn one_line(text: &str, max: usize) -> String {
    cut(&without_controls(text, max.saturating_mul(4).saturating_add(64)), max)
}

/// At most `max` characters, the last one an ellipsis where the text is longer.
pub(crate) fn cut(text: &str, max: usize) -> String {
    // there are at least as many bytes as characters
    if text.len() <= max {
        return text.to_owned();
    }
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) if max == 0 => String::new(),
        Some(_) => {
            let end = text.char_indices().nth(max - 1).map_or(0, |(i, _)| i);
            format!("{}…", &text[..end])
        }
    }
}

/// The text without controls; about `max` bytes are looked at.
pub(super) fn without_controls(text: &str, max: usize) -> Cow<'_, str> {
    // nearly every line of a log
    if text.len() <= max && text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(max));
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if out.len() >= max {
            break;
        }
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' | '\u{85}' => out.push(' '),
            c if is_hidden(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Skips a terminal escape sequence (ECMA-48): CSI up to its final byte; OSC, DCS, PM, APC and SOS up to BEL or ST.
fn skip_escape(chars: &mut Peekable<Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            while let Some(c) = chars.peek().copied() {
                if !('\u{20}'..='\u{7e}').contains(&c) {
                    break;
                }
                chars.next();
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
        }
        Some(']' | 'P' | '^' | '_' | 'X') => skip_control_string(chars),
        Some('(' | ')') => {
            chars.next();
            chars.next_if(char::is_ascii_alphanumeric);
        }
        _ => {
            chars.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '=' | '>' | '\\'));
        }
    }
}

/// A control string without an end within reach is text after a stray escape, and stays.
fn skip_control_string(chars: &mut Peekable<Chars<'_>>) {
    let mut ahead = chars.clone();
    ahead.next();
    for _ in 0..MAX_CONTROL_STRING {
        match ahead.next() {
            Some('\u{7}' | '\u{9c}') => break,
            Some('\u{1b}') => {
                ahead.next_if_eq(&'\\');
                break;
            }
            Some(_) => {}
            None => return,
        }
    }
    *chars = ahead;
}
