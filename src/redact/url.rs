//! Secrets in URLs: passwords, bot tokens, webhooks.

use super::{MASK, Step, is_word, mask, word_end};

/// Path components before the secret of a webhook: Feishu and Lark (`/open-apis/bot/v2/hook/…`), Discord
/// (`/api/webhooks/…`), Slack (`/services/…`, `/workflows/…`, `/triggers/…`), Teams (`/webhookb2/…`), and monitors
/// (`/api/push/…` of Uptime Kuma, `/heartbeat/…` of Better Stack). DingTalk and WeCom have theirs in the query.
const WEBHOOKS: [&str; 10] = [
    "heartbeat",
    "hook",
    "hooks",
    "push",
    "services",
    "triggers",
    "webhook",
    "webhookb2",
    "webhooks",
    "workflows",
];
/// A part of a webhook's path with at least this many bytes, and a digit or capital, is its secret.
const MIN_WEBHOOK_PART: usize = 16;
/// Hosts whose paths are secrets: with one, anybody can send, read or answer as the user.
const SECRET_PATHS: [&str; 3] = ["hc-ping.com", "api.day.app", "ntfy.sh"];
/// Digits of the ID before a bot's token.
const MIN_BOT_ID: usize = 5;
/// Length of a bot's token; Telegram's have 35 characters.
const MIN_BOT_TOKEN: usize = 25;

/// Hides the password in `scheme://user:password@host`, a long user name without a password (it is a token), and the
/// path for some hosts. `from` is after the `://`.
pub(super) fn password(text: &str, from: usize) -> Step {
    let bytes = text.as_bytes();
    let length = bytes[from..]
        .iter()
        .position(|b| {
            matches!(b, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\') || b.is_ascii_whitespace()
        })
        .unwrap_or(bytes.len() - from);
    let authority = &text[from..from + length];
    let Some(at_sign) = authority.rfind('@') else {
        return secret_path(bytes, from, from + length).unwrap_or(Step::Skip(from));
    };
    match authority[..at_sign].find(':') {
        Some(colon) if colon + 1 < at_sign && &authority[colon + 1..at_sign] != MASK => {
            mask(from + colon + 1, from + at_sign)
        }
        None if at_sign >= MIN_BOT_TOKEN - 9 => mask(from, from + at_sign),
        _ => Step::Skip(from + at_sign),
    }
}

/// The path after a host of [`SECRET_PATHS`].
fn secret_path(bytes: &[u8], from: usize, end: usize) -> Option<Step> {
    if bytes.get(end) != Some(&b'/') || !SECRET_PATHS.iter().any(|host| host.as_bytes() == &bytes[from..end])
    {
        return None;
    }
    let to =
        end + 1 + bytes[end + 1..].iter().take_while(|b| is_word(**b) || matches!(b, b'/' | b'.')).count();
    (to > end + 1).then(|| mask(end + 1, to))
}

/// `bot<ID>:<token>`, also without `bot` before it: the token.
pub(super) fn bot_token(bytes: &[u8], start: usize, end: usize) -> Option<Step> {
    if bytes.get(end) != Some(&b':') || !bytes[end - 1].is_ascii_digit() {
        return None;
    }
    let digits = bytes[start..end].iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let to = word_end(bytes, end + 1);
    let token = &bytes[end + 1..to];
    let found =
        digits >= MIN_BOT_ID && token.len() >= MIN_BOT_TOKEN && token.iter().any(u8::is_ascii_alphabetic);
    found.then(|| mask(end + 1, to))
}

/// The secret path of a webhook whose name is this word.
pub(super) fn webhook(text: &str, start: usize, end: usize) -> Option<Step> {
    let bytes = text.as_bytes();
    let slash = match bytes.get(end..)? {
        [b'/', ..] => 1,
        [b'%', b'2', b'F' | b'f', ..] => 3,
        [b'\\', b'/', ..] => 2,
        _ => return None,
    };
    let word = &text[start..end];
    // after `%2F` the word begins with those digits
    let is_webhook =
        |name: &&str| word.strip_suffix(*name).is_some_and(|rest| matches!(rest, "" | "2F" | "2f"));
    if !WEBHOOKS.iter().any(is_webhook) {
        return None;
    }
    let from = end + slash;
    let part_of_path = |b: &u8| is_word(*b) || matches!(b, b'/' | b'%' | b'.' | b'@' | b'~' | b'\\');
    let to = from + bytes[from..].iter().take_while(|b| part_of_path(b)).count();
    let secret = bytes[from..to].split(|b| matches!(b, b'/' | b'%' | b'\\')).any(|part| {
        let telling = part.iter().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        part.len() >= MIN_WEBHOOK_PART && telling
    });
    secret.then(|| mask(from, to))
}

/// `curl -u user:password`: the password.
pub(super) fn user_option(bytes: &[u8], start: usize, end: usize) -> Option<Step> {
    if bytes[start] != b'-' || !matches!(&bytes[start..end], b"-u" | b"--user" | b"--proxy-user" | b"-U") {
        return None;
    }
    // on a command line, or in a list of arguments
    let between = |b: &&u8| matches!(b, b' ' | b'=' | b'"' | b'\'' | b'\\' | b',');
    let at = end + bytes[end..].iter().take_while(between).count();
    let in_value = |b: &&u8| !b.is_ascii_whitespace() && !matches!(b, b'"' | b'\'' | b'\\');
    let length = bytes[at..].iter().take_while(in_value).count();
    let value = &bytes[at..at + length];
    let colon = value.iter().position(|b| *b == b':')?;
    let password = &value[colon + 1..];
    let worth_hiding = at > end && !password.is_empty() && !password.starts_with(MASK.as_bytes());
    // a URL after the option is no user
    (worth_hiding && !password.starts_with(b"//")).then(|| mask(at + colon + 1, at + length))
}
