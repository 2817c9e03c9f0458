//! The Bark app, by version 2 of its server's API (<https://github.com/Finb/bark-server/blob/master/docs/API_V2.md>).
//!
//! The answer is `{"code": 200, "message": "success"}`; an error repeats the HTTP status as `code`.

use serde_json::{Value, json};

use super::{Request, Said};
use crate::channels::outgoing::Outgoing;
use crate::channels::target::Target;
use crate::health::Light;

pub(super) fn request(target: &Target, message: &Outgoing) -> Request {
    // shown during a focus, as iOS calls quiet hours; `critical` would need a right of its own
    let level = if message.light == Light::Red { "timeSensitive" } else { "active" };
    let body = json!({
        "device_key": target.key,
        "title": message.title,
        "body": message.text_below_title(),
        "group": "Gatelight",
        "level": level,
    });
    Request::post(format!("{}/push", target.url), body)
}

pub(super) fn said(json: &Value) -> Option<Said> {
    let code = json.get("code")?.as_i64()?;
    let words = json.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Said { ok: code == 200, busy: code >= 500, words, ..Said::default() })
}
