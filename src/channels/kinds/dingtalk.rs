//! A custom bot of DingTalk (<https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages>): Markdown;
//! time and signature are in the URL.
//!
//! The signature is the HMAC-SHA256 of `timestamp + "\n" + secret` with the secret as key, in base64, percent-encoded; the
//! timestamp is in milliseconds and valid for an hour. Errors come as HTTP 200 with `errcode` other than 0: 310000 for the
//! signature, the address and keywords, -1 for a failure of the server, 130101 for more than 20 messages a minute, after
//! which the bot is blocked for ten minutes.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ApiAnswer, Request, coded, signature};
use crate::channels::escape::full_width;
use crate::channels::outgoing::Outgoing;
use crate::channels::target::Target;

const BUSY: [i64; 2] = [130_101, -1];
const BLOCKED: Duration = Duration::from_secs(600);

pub(super) fn request(target: &Target, message: &Outgoing, at: Timestamp) -> Request {
    let mut url = target.url.clone();
    if let Some(secret) = &target.secret {
        let timestamp = at.as_millisecond().to_string();
        let sign = percent_encoded(&signature(secret, &format!("{timestamp}\n{secret}")));
        let first = if url.contains('?') { '&' } else { '?' };
        let _infallible = write!(url, "{first}timestamp={timestamp}&sign={sign}");
    }
    let markdown = json!({"title": message.title, "text": markdown(message)});
    Request::post(url, json!({"msgtype": "markdown", "markdown": markdown}))
}

/// A single line break joins lines, two separate them.
fn markdown(message: &Outgoing) -> String {
    let rest = full_width(&message.text_below_title()).replace('\n', "\n\n");
    format!("### {}\n\n{rest}", full_width(&message.title))
}

/// Encodes the characters of base64 that have a meaning in a query.
fn percent_encoded(base64: &str) -> String {
    base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

pub(super) fn answer(json: &Value) -> Option<ApiAnswer> {
    coded(json, "errcode", "errmsg", &BUSY, BLOCKED)
}
