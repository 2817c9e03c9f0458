//! A Telegram bot (<https://core.telegram.org/bots/api#sendmessage>): HTML.
//!
//! An error is `"ok": false` with a `description`; after too many messages `parameters.retry_after` is the number of
//! seconds to wait (<https://core.telegram.org/bots/api#responseparameters>).

use std::time::Duration;

use serde_json::{Value, json};

use super::{ApiAnswer, Request};
use crate::channels::escape::entities;
use crate::channels::outgoing::Outgoing;
use crate::channels::target::Target;

pub(super) fn request(target: &Target, message: &Outgoing) -> Request {
    let token = target.token.as_deref().unwrap_or_default();
    let body = json!({
        "chat_id": target.chat,
        "text": html(message),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": true},
    });
    Request::post(format!("{}/bot{token}/sendMessage", target.url), body)
}

fn html(message: &Outgoing) -> String {
    let mut lines = vec![format!("<b>{}</b>", entities(&message.title)), entities(&message.body)];
    lines.extend(message.facts.iter().map(|(name, value)| entities(&format!("{name}: {value}"))));
    lines.extend(message.evidence.as_deref().map(|line| format!("<code>{}</code>", entities(line))));
    lines.extend(message.late.as_deref().map(|late| format!("<i>{}</i>", entities(late))));
    lines.join("\n")
}

pub(super) fn answer(json: &Value) -> Option<ApiAnswer> {
    let ok = json.get("ok")?.as_bool()?;
    let words = json.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    let after = json.pointer("/parameters/retry_after").and_then(Value::as_u64).map(Duration::from_secs);
    Some(ApiAnswer { ok, busy: after.is_some(), after, words })
}
