//! The services: the format of their requests, and the meaning of their responses.

mod bark;
mod dingtalk;
mod feishu;
mod ntfy;
mod telegram;
mod webhook;
mod wecom;

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::Value;
use sha2::Sha256;

use super::outgoing::Outgoing;
use super::target::Target;
use crate::config::ChannelKind;
use crate::redact;

/// The limits of the group bots of Feishu and WeCom are per minute.
const MINUTE: Duration = Duration::from_secs(60);
/// Maximum length of a server's message, in characters.
const MAX_WORDS: usize = 200;

/// A POST request. No `Debug`: its URL and headers hold secrets.
pub(crate) struct Request {
    /// Validated by [`crate::config::url`], or derived from such a URL.
    pub(crate) url: String,
    /// The value of `Authorization`.
    pub(crate) authorization: Option<String>,
    /// The body of a POST; `None`: a GET.
    pub(crate) body: Option<Value>,
}

impl Request {
    const fn post(url: String, body: Value) -> Self {
        Self { url, authorization: None, body: Some(body) }
    }
}

/// A server's response, of bounded size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Response {
    /// The HTTP status.
    pub(crate) status: u16,
    /// `Retry-After`, if it is a number of seconds.
    pub(crate) retry_after: Option<Duration>,
    /// The beginning of the body.
    pub(crate) body: Vec<u8>,
}

/// The meaning of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The server accepted the message.
    Delivered,
    /// It may accept it later.
    Later {
        /// The server's message.
        words: String,
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// It will never accept this message.
    Refused {
        /// The server's message.
        words: String,
    },
}

/// The body of a response, by the rules of the API.
#[derive(Debug, Default, PartialEq, Eq)]
struct ApiAnswer {
    ok: bool,
    /// A rate limit, or a failure of the server: it may work later.
    busy: bool,
    after: Option<Duration>,
    words: String,
}

/// The request for a message. `at`: now, for signatures.
pub(crate) fn request(target: &Target, message: &Outgoing, at: Timestamp) -> Request {
    match target.kind {
        ChannelKind::FeishuBot => feishu::request(target, message, at),
        ChannelKind::DingtalkBot => dingtalk::request(target, message, at),
        ChannelKind::WecomBot => wecom::request(target, message),
        ChannelKind::Telegram => telegram::request(target, message),
        ChannelKind::Ntfy => ntfy::request(target, message),
        ChannelKind::Bark => bark::request(target, message),
        ChannelKind::Webhook => webhook::request(target, message),
    }
}

/// The meaning of a response. A captive portal, as in hotels, answers with redirects or pages: neither is a delivery, and
/// both are temporary.
pub(crate) fn verdict(kind: ChannelKind, response: &Response) -> Verdict {
    let json = serde_json::from_slice::<Value>(&response.body).ok();
    let answer = match kind {
        ChannelKind::FeishuBot => json.as_ref().and_then(feishu::answer),
        ChannelKind::DingtalkBot => json.as_ref().and_then(dingtalk::answer),
        ChannelKind::WecomBot => json.as_ref().and_then(wecom::answer),
        ChannelKind::Telegram => json.as_ref().and_then(telegram::answer),
        ChannelKind::Bark => json.as_ref().and_then(bark::answer),
        ChannelKind::Ntfy => json.as_ref().and_then(ntfy::answer),
        ChannelKind::Webhook => Some(webhook::answer(response.status, json.as_ref(), &response.body)),
    };
    let words = || {
        let words = answer.as_ref().map(|answer| answer.words.trim()).filter(|words| !words.is_empty());
        words.map_or_else(
            || format!("HTTP {}", response.status),
            |words| format!("HTTP {}: {words}", response.status),
        )
    };
    let after = response.retry_after.max(answer.as_ref().and_then(|answer| answer.after));
    match (response.status, &answer) {
        (200..=299, Some(answer)) if answer.ok => Verdict::Delivered,
        (200..=299, Some(answer)) if !answer.busy => Verdict::Refused { words: words() },
        (400..=499, answer)
            if !matches!(response.status, 408 | 425 | 429) && !answer.as_ref().is_some_and(|s| s.busy) =>
        {
            Verdict::Refused { words: words() }
        }
        _ => Verdict::Later { words: words(), after },
    }
}

/// A server's message on one line, without secrets.
pub(crate) fn clean_words(words: &str, secrets: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut clean = words.to_owned();
    for secret in secrets {
        clean = clean.replace(secret.as_ref(), redact::MASK);
    }
    redact::clean_line(clean.trim(), MAX_WORDS)
}

/// HMAC-SHA256 in base64.
fn signature(key: &str, text: &str) -> String {
    use base64::Engine as _;
    // any length is valid: RFC 2104 hashes a long key
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

/// Parses the body of an API with an `errcode` or `code` and an `errmsg` or `msg`; zero is success. `pause`: how long to wait
/// after one of the codes in `busy`.
fn coded(json: &Value, code: &str, words: &str, busy: &[i64], pause: Duration) -> Option<ApiAnswer> {
    let code = json.get(code)?.as_i64()?;
    let words = json.get(words).and_then(Value::as_str).unwrap_or_default();
    let busy = busy.contains(&code);
    Some(ApiAnswer { ok: code == 0, busy, after: busy.then_some(pause), words: format!("{code} {words}") })
}

#[cfg(test)]
mod tests;
