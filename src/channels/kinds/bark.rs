//! The Bark app, by version 2 of its server's API (<https://github.com/Finb/bark-server/blob/master/docs/API_V2.md>).
//!
//! The answer is `{"code": 200, "message": "success"}`; an error repeats the HTTP status as `code`. A message that is too
//! long for Apple's push service is refused with 500 and `PayloadTooLarge` (<https://github.com/Finb/bark-server/issues/123>).

use serde_json::{Value, json};

use super::{ApiAnswer, Request};
use crate::channels::escape::cut_bytes;
use crate::channels::outgoing::Outgoing;
use crate::channels::target::Target;
use crate::health::Light;

/// Maximum length of the text in bytes: Apple takes 4,096 in all, with the title (up to 480) and Bark's own fields.
const MAX_BYTES: usize = 2_800;

pub(super) fn request(target: &Target, message: &Outgoing) -> Request {
    // shown during a Focus of iOS; `critical` would need an entitlement
    let level = if message.light == Light::Red { "timeSensitive" } else { "active" };
    let body = json!({
        "device_key": target.key,
        "title": message.title,
        "body": cut_bytes(&message.text_below_title(), MAX_BYTES),
        "group": "Gatelight",
        "level": level,
    });
    Request::post(format!("{}/push", target.url), body)
}

pub(super) fn answer(json: &Value) -> Option<ApiAnswer> {
    let code = json.get("code")?.as_i64()?;
    let words = json.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(ApiAnswer { ok: code == 200, busy: code >= 500, words, ..ApiAnswer::default() })
}
