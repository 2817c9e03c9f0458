//! Fields that name people and chats, and telephone numbers.

use std::ops::{Range, RangeInclusive};

/// Fields of log records whose values name people and chats, of any platform:
/// `inbound message: platform=telegram user=Bob Smith chat=-100123 msg='…'`.
const PEOPLE: [&str; 21] = [
    "author",
    "author_id",
    "channel_id",
    "chat",
    "chat_id",
    "chat_name",
    "display_name",
    "from_user",
    "from_user_id",
    "guild_id",
    "nickname",
    "phone",
    "recipient",
    "sender",
    "sender_id",
    "sender_name",
    "user",
    "user_id",
    "user_name",
    "username",
    "wxid",
];

/// Digits of a telephone number in international notation (ITU-T E.164).
const PHONE_DIGITS: RangeInclusive<usize> = 8..=15;

/// Words before the number of a person or a chat: `unauthorized user 7463521098 in chat -100123456789`.
const BEFORE_A_NUMBER: [&str; 6] = ["user", "chat", "sender", "channel", "group", "guild"];
/// Fewest digits of such a number; Telegram's oldest have six.
const LEAST_DIGITS: usize = 6;

/// The range of the value of the field whose `=` or `:` is at this offset, if the field names people: `user=Bob Smith`,
/// `'sender_name': 'Bob'`.
pub(super) fn value_at(text: &str, at: usize) -> Option<Range<usize>> {
    let is_json = text.as_bytes()[at] == b':';
    let before = &text[..at];
    let name = if is_json { before.strip_suffix(['"', '\''])? } else { before };
    let name = name.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next()?;
    if !PEOPLE.contains(&name) {
        return None;
    }
    let from = if is_json { at + 1 + usize::from(text[at + 1..].starts_with(' ')) } else { at + 1 };
    let rest = &text[from..];
    if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
        let length = rest[1..].find(quote).unwrap_or(rest.len() - 1);
        return Some(from + 1..from + 1 + length);
    }
    if is_json {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'-').count();
        return Some(from..from + digits);
    }
    let end = rest.find(['\n', ',', ';', ')', ']', '}', '\'', '"', '|']).unwrap_or(rest.len());
    // a name may have blanks; the next field ends it
    let length = match rest[..end].find('=') {
        Some(equals) => rest[..equals].rfind(' ').unwrap_or(0),
        None => end,
    };
    Some(from..from + length)
}

/// Whether this word is the number of a person or a chat, judging by the word before it.
pub(super) fn is_number_of(before: &str, word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    digits.len() >= LEAST_DIGITS
        && digits.bytes().all(|b| b.is_ascii_digit())
        && BEFORE_A_NUMBER.iter().any(|known| before.eq_ignore_ascii_case(known))
}

/// Whether this word is a telephone number such as `+491701234567`.
pub(super) fn is_phone(word: &str) -> bool {
    word.strip_prefix('+').is_some_and(|digits| {
        PHONE_DIGITS.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    })
}
