//! Any server that accepts JSON: our own object, or the user's template.
//!
//! Slack (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>) answers `ok` as text, and errors as
//! text with a status of 4xx. Discord (<https://discord.com/developers/docs/resources/webhook#execute-webhook>) answers
//! with 204, and with `retry_after` in seconds beside 429 (<https://discord.com/developers/docs/topics/rate-limits>).

use std::time::Duration;

use serde_json::{Value, json};

use super::{ApiAnswer, Request};
use crate::channels::escape::{discord, entities};
use crate::channels::outgoing::Outgoing;
use crate::channels::target::Target;
use crate::config::Escape;
use crate::redact::cut;
use crate::text::fill;

/// Version of our own object; it increases when a key is removed or changes its meaning.
const VERSION: u32 = 1;
/// Maximum length of one text, in characters: Discord's limit for `content`.
const MAX_TEXT: usize = 2_000;

pub(super) fn request(target: &Target, message: &Outgoing) -> Request {
    let template = target.template.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let body = template.map_or_else(|| object(message), |template| filled(template, message, target.escape));
    let authorization = target.token.as_deref().map(|token| format!("Bearer {token}"));
    Request { authorization, ..Request::post(target.url.clone(), body) }
}

fn object(message: &Outgoing) -> Value {
    json!({
        "version": VERSION,
        "title": message.title,
        "text": message.text_below_title(),
        "light": message.light,
        "profiles": message.profiles,
        "platform": message.platform,
        "reason": message.reason,
        "restart_helps": message.restart_helps,
        "evidence": message.evidence,
        "at": message.at.to_string(),
        "late": message.late.is_some(),
    })
}

/// Fills the message into the strings of the template; it cannot change the JSON around them.
fn filled(template: Value, message: &Outgoing, escape: Escape) -> Value {
    let escaped = |text: &str| match escape {
        Escape::None => text.to_owned(),
        Escape::Slack => entities(text),
        Escape::Discord => discord(text),
    };
    let values = [
        ("title", escaped(&message.title)),
        ("body", escaped(&message.text_below_title())),
        ("text", escaped(&message.text())),
        ("light", message.light.word().to_owned()),
        ("profiles", escaped(&message.profiles.join(", "))),
        ("platform", message.platform.clone().unwrap_or_default()),
        ("reason", message.reason.clone().unwrap_or_default()),
        ("evidence", escaped(message.evidence.as_deref().unwrap_or_default())),
        ("at", message.at.to_string()),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fill_texts(template, &values)
}

fn fill_texts(template: Value, values: &[(&str, &str)]) -> Value {
    match template {
        Value::String(text) => Value::String(cut(&fill(&text, values), MAX_TEXT)),
        Value::Array(items) => items.into_iter().map(|item| fill_texts(item, values)).collect(),
        Value::Object(mut entries) => {
            for value in entries.values_mut() {
                *value = fill_texts(value.take(), values);
            }
            Value::Object(entries)
        }
        other => other,
    }
}

/// The status decides; the body is only the text of an error.
pub(super) fn answer(status: u16, json: Option<&Value>, body: &[u8]) -> ApiAnswer {
    let ok = (200..=299).contains(&status);
    let after = json.and_then(|json| json.get("retry_after")).and_then(Value::as_f64);
    let after = after.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let message =
        json.and_then(|json| json.get("message").or_else(|| json.get("error"))).and_then(Value::as_str);
    let words = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    ApiAnswer { ok, busy: false, after, words }
}
