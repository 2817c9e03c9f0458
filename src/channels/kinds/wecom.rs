//! A bot of a WeCom group (<https://developer.work.weixin.qq.com/document/path/91770>): Markdown of at most 4,096 bytes.
//!
//! Its key is in the URL. Errors come as HTTP 200 with `errcode` other than 0: 93000 for the key, 45009 for more than
//! 20 messages a minute, -1 for a failure of the server
//! (<https://developer.work.weixin.qq.com/document/path/90313>).

use serde_json::{Value, json};

use super::{ApiAnswer, MINUTE, Request, coded};
use crate::channels::escape::{cut_bytes, full_width};
use crate::channels::outgoing::Outgoing;
use crate::channels::target::Target;
use crate::health::Light;

const BUSY: [i64; 2] = [45_009, -1];
const MAX_BYTES: usize = 4_096;

pub(super) fn request(target: &Target, message: &Outgoing) -> Request {
    let text = cut_bytes(&markdown(message), MAX_BYTES);
    Request::post(target.url.clone(), json!({"msgtype": "markdown", "markdown": {"content": text}}))
}

fn markdown(message: &Outgoing) -> String {
    // the three documented colours
    let color = match message.light {
        Light::Green => "info",
        Light::Grey => "comment",
        Light::Amber | Light::Red => "warning",
    };
    let (title, rest) = (full_width(&message.title), full_width(&message.text_below_title()));
    format!("**<font color=\"{color}\">{title}</font>**\n{rest}")
}

pub(super) fn answer(json: &Value) -> Option<ApiAnswer> {
    coded(json, "errcode", "errmsg", &BUSY, MINUTE)
}
