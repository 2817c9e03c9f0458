//! A custom bot of Feishu or Lark
//! (<https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>): a card, signed with the time.
//!
//! The signature is the HMAC-SHA256 of an empty text with the key `timestamp + "\n" + secret`, in base64; the timestamp is
//! in seconds and valid for an hour. Errors come as HTTP 200 with `code` other than 0: 19021 for the signature, 19022 for
//! the address, 19024 for keywords, 11232 for more than 100 messages a minute or 5 a second.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ApiAnswer, MINUTE, Request, coded, signature};
use crate::channels::outgoing::Outgoing;
use crate::channels::target::Target;
use crate::health::Light;

/// Too many messages, and a failure of the server.
const BUSY: [i64; 2] = [11_232, 2_200];

pub(super) fn request(target: &Target, message: &Outgoing, at: Timestamp) -> Request {
    let mut body = json!({"msg_type": "interactive", "card": card(message)});
    if let Some(secret) = &target.secret {
        let timestamp = at.as_second().to_string();
        body["sign"] = json!(signature(&format!("{timestamp}\n{secret}"), ""));
        body["timestamp"] = json!(timestamp);
    }
    Request::post(target.url.clone(), body)
}

/// `plain_text` has no markup, so nothing has to be escaped.
fn card(message: &Outgoing) -> Value {
    let plain = |text: &str| json!({"tag": "plain_text", "content": text});
    let mut elements = vec![json!({"tag": "div", "text": plain(&message.body)})];
    if !message.facts.is_empty() {
        let field = |(name, value): &(String, String)| json!({"is_short": true, "text": plain(&format!("{name}\n{value}"))});
        elements.push(json!({"tag": "div", "fields": message.facts.iter().map(field).collect::<Vec<_>>()}));
    }
    let notes = message.evidence.iter().chain(&message.late);
    elements.extend(notes.map(|text| json!({"tag": "note", "elements": [plain(text)]})));
    json!({
        "config": {"wide_screen_mode": true},
        "header": {"template": color(message.light), "title": plain(&message.title)},
        "elements": elements,
    })
}

const fn color(light: Light) -> &'static str {
    match light {
        Light::Green => "green",
        Light::Grey => "grey",
        Light::Amber => "orange",
        Light::Red => "red",
    }
}

/// An older form of a success has `StatusCode` in place of `code`.
pub(super) fn answer(json: &Value) -> Option<ApiAnswer> {
    coded(json, "code", "msg", &BUSY, MINUTE)
        .or_else(|| coded(json, "StatusCode", "StatusMessage", &BUSY, MINUTE))
}
