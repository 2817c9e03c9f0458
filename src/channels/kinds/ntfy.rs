//! A topic of ntfy (<https://docs.ntfy.sh/publish/#publish-as-json>): JSON to the root of the server.
//!
//! A text of more than 4,096 bytes arrives as an attachment, or not at all where the server has none
//! (<https://docs.ntfy.sh/publish/#limitations>). The published message comes back, with an `id`; an error has a `code`, the HTTP status as `http`, and `error`
//! (`errHTTP` in ntfy's server/errors.go).

use serde_json::{Value, json};

use super::{ApiAnswer, Request};
use crate::channels::escape::cut_bytes;
use crate::channels::outgoing::Outgoing;
use crate::channels::target::Target;
use crate::health::Light;

const MAX_BYTES: usize = 4_096;

pub(super) fn request(target: &Target, message: &Outgoing) -> Request {
    // 3 is the default, 4 vibrates longer (<https://docs.ntfy.sh/publish/#message-priority>)
    let priority = if message.light == Light::Red { 4 } else { 3 };
    let body = json!({
        "topic": target.topic,
        "title": message.title,
        "message": cut_bytes(&message.text_below_title(), MAX_BYTES),
        "priority": priority,
    });
    let authorization = target.token.as_deref().map(|token| format!("Bearer {token}"));
    Request { authorization, ..Request::post(target.url.clone(), body) }
}

pub(super) fn answer(json: &Value) -> Option<ApiAnswer> {
    let published = json.get("id").is_some_and(Value::is_string);
    let words = json.get("error").and_then(Value::as_str).unwrap_or_default();
    (published || !words.is_empty()).then(|| ApiAnswer {
        ok: published,
        words: words.to_owned(),
        ..ApiAnswer::default()
    })
}
