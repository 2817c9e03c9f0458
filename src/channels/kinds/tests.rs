use serde_json::json;

use super::*;
use crate::config::Escape;
use crate::health::Light;
use crate::text::Lang;

/// 2020-09-06, the timestamp in the example of Feishu's documentation of custom bots.
const SECOND: i64 = 1_599_360_473;

fn at() -> Timestamp {
    Timestamp::from_second(SECOND).unwrap()
}

fn target(kind: ChannelKind) -> Target {
    Target {
        kind,
        url: "https://h.example/x?key=k".into(),
        secret: Some("demo".into()),
        token: Some("123:abc".into()),
        chat: Some("-100".into()),
        topic: Some("topic".into()),
        key: Some("device".into()),
        template: None,
        escape: Escape::None,
    }
}

fn message() -> Outgoing {
    Outgoing {
        title: "✖ work — down".into(),
        body: "Why.".into(),
        facts: vec![("Profile".into(), "work".into())],
        evidence: Some("agent.log: <b>[x](y)</b> \"quoted\"".into()),
        light: Light::Red,
        profiles: vec!["work".into()],
        ..Outgoing::test(at(), Lang::En)
    }
}

fn body(kind: ChannelKind) -> Value {
    request(&target(kind), &message(), at()).body.unwrap()
}

/// Made with OpenSSL: `printf '' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf '1599360473\ndemo' | xxd -p) -binary | base64`, and for
/// DingTalk `printf '1599360473000\ndemo' | openssl dgst -sha256 -hmac demo -binary | base64`.
#[test]
fn signatures_are_those_of_the_documentation() {
    let feishu = body(ChannelKind::FeishuBot);
    assert_eq!(feishu["timestamp"], "1599360473");
    assert_eq!(feishu["sign"], "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=");
    let request = request(&target(ChannelKind::DingtalkBot), &message(), at());
    assert_eq!(
        request.url,
        "https://h.example/x?key=k&timestamp=1599360473000&sign=eblRZvilBzXa6Ce18IeBM4pMy1rYNWKicaCg6VMwQe0%3D"
    );
    let plain = Target { secret: None, ..target(ChannelKind::FeishuBot) };
    let unsigned = super::request(&plain, &message(), at()).body.unwrap();
    assert!(unsigned.get("sign").is_none() && unsigned.get("timestamp").is_none());
}

#[test]
fn requests_are_in_the_format_of_each_service() {
    let feishu = body(ChannelKind::FeishuBot);
    assert_eq!(feishu["msg_type"], "interactive");
    assert_eq!(feishu["card"]["header"]["template"], "red");
    assert_eq!(feishu["card"]["header"]["title"], json!({"tag": "plain_text", "content": "✖ work — down"}));
    assert!(!feishu.to_string().contains("lark_md"), "nothing of it is markup");
    let dingtalk = body(ChannelKind::DingtalkBot);
    assert_eq!(
        (&dingtalk["msgtype"], &dingtalk["markdown"]["title"]),
        (&json!("markdown"), &json!("✖ work — down"))
    );
    assert!(!dingtalk["markdown"]["text"].as_str().unwrap().contains("[x]"), "{dingtalk}");
    let wecom = body(ChannelKind::WecomBot);
    let text = wecom["markdown"]["content"].as_str().unwrap();
    assert!(
        text.starts_with("**<font color=\"warning\">✖ work — down</font>**\nWhy.") && !text.contains("<b>"),
        "{text}"
    );
    let telegram = super::request(&target(ChannelKind::Telegram), &message(), at());
    assert!(telegram.url.ends_with("/bot123:abc/sendMessage"), "{}", telegram.url);
    let telegram = telegram.body.unwrap();
    assert_eq!((&telegram["chat_id"], &telegram["parse_mode"]), (&json!("-100"), &json!("HTML")));
    assert!(
        telegram["text"].as_str().unwrap().contains("<code>agent.log: &lt;b&gt;[x](y)&lt;/b&gt;"),
        "{telegram}"
    );
    let ntfy = super::request(&target(ChannelKind::Ntfy), &message(), at());
    assert_eq!(ntfy.authorization.as_deref(), Some("Bearer 123:abc"));
    assert_eq!(
        (&ntfy.body.unwrap()["topic"], ntfy.url.as_str()),
        (&json!("topic"), "https://h.example/x?key=k")
    );
    let bark = body(ChannelKind::Bark);
    assert_eq!((&bark["device_key"], &bark["level"]), (&json!("device"), &json!("timeSensitive")));
    let webhook = body(ChannelKind::Webhook);
    assert_eq!(
        (&webhook["version"], &webhook["light"], &webhook["late"]),
        (&json!(1), &json!("red"), &json!(false))
    );
}

#[test]
fn a_template_keeps_its_shape_whatever_the_message_says() {
    let hostile = Outgoing { title: "\"}],\"x\":{\"{body}\" <!channel> *b*".into(), ..message() };
    let slack = Target {
        template: Some(r#"{"text": "{title}", "n": 1, "list": ["{light}", "{unknown}"]}"#.into()),
        escape: Escape::Slack,
        ..target(ChannelKind::Webhook)
    };
    let body = request(&slack, &hostile, at()).body.unwrap();
    assert_eq!(body["text"], "\"}],\"x\":{\"{body}\" &lt;!channel&gt; *b*");
    assert_eq!((&body["n"], &body["list"]), (&json!(1), &json!(["red", "{unknown}"])));
    let discord = Target {
        template: Some(r#"{"content": "{text}", "allowed_mentions": {"parse": []}}"#.into()),
        escape: Escape::Discord,
        ..target(ChannelKind::Webhook)
    };
    let long = Outgoing { body: "*".repeat(900), ..hostile };
    let body = request(&discord, &long, at()).body.unwrap();
    let content = body["content"].as_str().unwrap();
    assert!(content.chars().count() <= 2_000 && content.contains("\\<!channel\\>"), "{content}");
}

#[test]
#[allow(clippy::too_many_lines)] // one table
fn answers_mean_what_each_service_documents() {
    use ChannelKind::{Bark, DingtalkBot, FeishuBot, Ntfy, Telegram, Webhook, WecomBot};
    let after = |seconds| Some(Duration::from_secs(seconds));
    let delivered = "delivered";
    for (kind, status, text, expected, pause) in [
        (FeishuBot, 200, r#"{"code":0,"data":{},"msg":"success"}"#, delivered, None),
        (FeishuBot, 200, r#"{"Extra":null,"StatusCode":0,"StatusMessage":"success"}"#, delivered, None),
        (
            FeishuBot,
            200,
            r#"{"code":19021,"msg":"sign match fail"}"#,
            "refused: HTTP 200: 19021 sign match fail",
            None,
        ),
        (
            FeishuBot,
            200,
            r#"{"code":11232,"msg":"frequency limited"}"#,
            "later: HTTP 200: 11232 frequency limited",
            after(60),
        ),
        (FeishuBot, 400, r#"{"code":9499,"msg":"Bad Request"}"#, "refused: HTTP 400: 9499 Bad Request", None),
        (FeishuBot, 200, "<html>log in to the hotel's network</html>", "later: HTTP 200", None),
        (FeishuBot, 302, "", "later: HTTP 302", None),
        (FeishuBot, 503, "", "later: HTTP 503", None),
        (DingtalkBot, 200, r#"{"errcode":0,"errmsg":"ok"}"#, delivered, None),
        (
            DingtalkBot,
            200,
            r#"{"errcode":310000,"errmsg":"sign not match"}"#,
            "refused: HTTP 200: 310000 sign not match",
            None,
        ),
        (
            DingtalkBot,
            200,
            r#"{"errcode":130101,"errmsg":"send too fast"}"#,
            "later: HTTP 200: 130101 send too fast",
            after(600),
        ),
        (WecomBot, 200, r#"{"errcode":0,"errmsg":"ok"}"#, delivered, None),
        (
            WecomBot,
            200,
            r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#,
            "refused: HTTP 200: 93000 invalid webhook url",
            None,
        ),
        (
            WecomBot,
            200,
            r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#,
            "later: HTTP 200: 45009 api freq out of limit",
            after(60),
        ),
        (Telegram, 200, r#"{"ok":true,"result":{}}"#, delivered, None),
        (
            Telegram,
            401,
            r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
            "refused: HTTP 401: Unauthorized",
            None,
        ),
        (
            Telegram,
            429,
            r#"{"ok":false,"description":"Too Many Requests","parameters":{"retry_after":9}}"#,
            "later: HTTP 429: Too Many Requests",
            after(9),
        ),
        (Ntfy, 200, r#"{"id":"x","event":"message"}"#, delivered, None),
        (
            Ntfy,
            429,
            r#"{"code":42901,"http":429,"error":"limit reached"}"#,
            "later: HTTP 429: limit reached",
            None,
        ),
        (Ntfy, 403, r#"{"code":40301,"http":403,"error":"forbidden"}"#, "refused: HTTP 403: forbidden", None),
        (Ntfy, 200, "{}", "later: HTTP 200", None),
        (Bark, 200, r#"{"code":200,"message":"success"}"#, delivered, None),
        (
            Bark,
            400,
            r#"{"code":400,"message":"failed to get device token"}"#,
            "refused: HTTP 400: failed to get device token",
            None,
        ),
        (Webhook, 204, "", delivered, None),
        (Webhook, 200, "ok", delivered, None),
        (Webhook, 404, "no_service", "refused: HTTP 404: no_service", None),
        (
            Webhook,
            429,
            r#"{"message":"You are being rate limited.","retry_after":1.5}"#,
            "later: HTTP 429: You are being rate limited.",
            Some(Duration::from_millis(1_500)),
        ),
        (Webhook, 500, "oops", "later: HTTP 500: oops", None),
    ] {
        let response = Response { status, retry_after: None, body: text.as_bytes().to_vec() };
        let (shown, after) = match verdict(kind, &response) {
            Verdict::Delivered => (delivered.to_owned(), None),
            Verdict::Later { words, after } => (format!("later: {words}"), after),
            Verdict::Refused { words } => (format!("refused: {words}"), None),
        };
        assert_eq!((shown.as_str(), after), (expected, pause), "{kind:?} {status} {text}");
    }
    let asked = Response { status: 429, retry_after: after(30), body: Vec::new() };
    assert_eq!(verdict(Webhook, &asked), Verdict::Later { words: "HTTP 429".into(), after: after(30) });
}

#[test]
fn words_of_a_server_hold_no_secret() {
    let words =
        "no route /open-apis/bot/v2/hook/q7q7q7 \u{1b}[31mred\nAuthorization: Bearer abcdefgh12345678";
    let clean = clean_words(words, ["open-apis/bot/v2/hook/q7q7q7"].into_iter());
    assert!(
        !clean.contains("q7q7q7") && !clean.contains("abcdefgh12345678") && !clean.contains('\n'),
        "{clean}"
    );
    assert!(clean_words(&"x ".repeat(5_000), [""; 0].into_iter()).chars().count() <= MAX_WORDS);
}

#[test]
fn the_texts_of_every_kind_fit_their_service() {
    let long = Outgoing {
        title: "网".repeat(160),
        body: "关".repeat(900),
        evidence: Some("灯".repeat(300)),
        ..message()
    };
    for kind in ChannelKind::ALL {
        let body = request(&target(kind), &long, at()).body.unwrap();
        assert!(body.to_string().chars().count() < 4_000, "{kind:?}");
        if kind == ChannelKind::WecomBot {
            assert!(body["markdown"]["content"].as_str().unwrap().len() <= 4_096);
        }
        if kind == ChannelKind::Ntfy {
            assert!(body["message"].as_str().unwrap().len() <= 4_096);
        }
        if kind == ChannelKind::Bark {
            assert!(body.to_string().len() <= 4_096 - 500, "room for Bark's own fields");
        }
    }
}
