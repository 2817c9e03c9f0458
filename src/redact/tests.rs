use proptest::prelude::*;

use super::*;
use crate::text::display::is_hidden;

#[test]
fn cut_keeps_whole_characters() {
    for (max, cut) in [(3, "网关灯"), (2, "网…"), (0, "")] {
        assert_eq!(super::cut("网关灯", max), cut);
    }
}

#[test]
fn every_shape_is_found_and_nothing_around_it_touched() {
    for (text, expected) in [
        (
            "Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?fpid=493&aid=552564&device_id=76&access_key=9f3a&service_id=33554678&ticket=f0c4-77 [conn_id=76]",
            "Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?fpid=493&aid=552564&device_id=76&access_key=[redacted]&service_id=33554678&ticket=[redacted] [conn_id=76]",
        ),
        (r#"{"app_id": "x", "app_secret": "a\"b c"}"#, r#"{"app_id": "x", "app_secret": "[redacted]"}"#),
        (
            r#""{\"tenant_access_token\": \"t-x\", \"n\":1}""#,
            r#""{\"tenant_access_token\": \"[redacted]\", \"n\":1}""#,
        ),
        ("FEISHU_APP_SECRET=abc python", "FEISHU_APP_SECRET=[redacted] python"),
        ("app_secret: abc\nnext: 1", "app_secret: [redacted]\nnext: 1"),
        ("{'token': b'abc'}", "{'token': b'[redacted]'}"),
        ("token=SecretStr('abc'), n=1", "token=[redacted]), n=1"),
        ("hermes --app-secret abc --replace", "hermes --app-secret [redacted] --replace"),
        ("<key>X_TOKEN</key>\n <string>ab c</string>", "<key>X_TOKEN</key>\n <string>[redacted]</string>"),
        (
            "<string>--app-secret</string>\n  <string>abc</string>",
            "<string>--app-secret</string>\n  <string>[redacted]</string>",
        ),
        ("Authorization: Basic dXNlcjpw c2", "Authorization: [redacted]"),
        ("{\"Authorization\": \"Bearer abcdefg1\"}", "{\"Authorization\": \"[redacted]\"}"),
        ("used Bearer abcdefg1.x/y= here", "used Bearer [redacted] here"),
        ("to http://user:p@ss@proxy:8080/x?y", "to http://user:[redacted]@proxy:8080/x?y"),
        ("to https://abcdefghijklmnop@host/", "to https://[redacted]@host/"),
        ("t-g1044qeGEDXTB6NDJOGV4JQCYDGHRBARFTGT1234", "[redacted]"),
        ("(u-g1044qeGEDXTB6NDJOGV4J.abc)", "([redacted])"),
        ("app cli_a1b2c3d4e5f6 ok", "app cli_a1…f6 ok"),
        ("key sk-proj-abcdefghijkl_mnop!", "key [redacted]!"),
        ("x eyJhbGciOi.eyJzdWIiOi.SflKxw-_c y", "x [redacted] y"),
        ("ghp_0123456789abcdefXYZ xoxb-1234567890-a", "[redacted] [redacted]"),
        ("u=https%3A%2F%2Fx%3Ftoken%3Dabc%26y HTTP", "u=https%3A%2F%2Fx%3Ftoken%3D[redacted] HTTP"),
        ("('x-api-key', 'abcdefg1')", "('x-api-key', '[redacted]')"),
        (
            "Inbound dm message received: id=om_1 sender=user:ou_1 text='it\\'s \\n me' media=0",
            "Inbound dm message received: id=om_1 sender=user:ou_1 text='[redacted]' media=0",
        ),
        ("msg=\"it's\" reply_to_text=''", "msg=\"[redacted]\" reply_to_text=''"),
        ("password=\"cut off in the mid", "password=\"[redacted]"),
        ("a\\nsk-abcdefghijklmnop123", "a\\n[redacted]"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----",
        ),
    ] {
        assert_eq!(redact(text), expected);
        assert!(matches!(redact(expected), Cow::Borrowed(_)), "once is enough: {expected}");
    }
}

#[test]
fn text_without_a_secret_is_borrowed() {
    for text in [
        "",
        "2026-11-22 11:09:14,271 ERROR Lark: connect failed, err: 1000040345: app_id or app_secret is invalid",
        "[Feishu] Send failed: [99991663] Invalid access token for authorization. Please make a test attempt.",
        "KeyError: 'app_secret'",
        "monkey=1 keyboard: x max_tokens=100 tokens: 5",
        "see https://example.org/a@b and git://host/x",
        "sk-learn t-shirt u-boot-2023 cli_x bearer authentication",
        "token: null, secret: ''",
        "网关密钥 é ü \u{1F600} ticket",
        "password authentication2 secret manager passwd file",
        "令牌：已过期；密码错误，密钥为空，签名: 无效",
        "the token is expired, the secret is “missing”, password 'none', token(self)",
        "code=99991663 exit code: 1, errcode=ECONNREFUSED",
        "required: [\"app_id\", \"app_secret\", \"verification_name\"]",
    ] {
        assert!(matches!(redact(text), Cow::Borrowed(_)), "{} → {}", text, redact(text));
    }
}

#[test]
fn one_line_is_one_harmless_line() {
    assert_eq!(one_line("a\x1b[31mred\x1b[0m\nb\tc", 99), "ared b c");
    assert_eq!(one_line("\x1b]0;title\x07x\x1b(By\u{202e}z\u{0}", 99), "xy\u{fffd}z\u{fffd}");
    assert_eq!(one_line("abcdef", 4), "abc…");
    assert_eq!(one_line("网关日志", 4), "网关日志");
    assert_eq!(one_line("网关日志", 3), "网关…");
    assert_eq!(one_line("x", 0), "");
    assert_eq!(
        clean_line("ticket\x1b[0m=ab\x1b[1mc sk-abcdefgh\x1b[mijklmnopqrst", 99),
        "ticket=[redacted] [redacted]"
    );
    assert_eq!(clean_line("sk-abcdefghijklmnopqrst", 8), "[redact…");
}

fn tokens() -> impl Strategy<Value = (String, String)> {
    let random = "[A-Za-z0-9]{19}[0-9]";
    (0..17usize, random).prop_map(|(shape, s)| {
        let text = match shape {
            0 => format!("?a=1&access_key={s}&x=2"),
            1 => format!("ticket={s}"),
            2 => format!("\"app_secret\": \"{s}\""),
            3 => format!("tenant_access_token: {s}"),
            4 => format!("t-{s}"),
            5 => format!("u-{s}"),
            6 => format!("cli_{s}"),
            7 => format!("sk-{s}"),
            8 => format!("eyJhbGciOi.eyJ{s}.{s}"),
            9 => format!("ghp_{s}"),
            10 => format!("xoxb-{s}"),
            11 => format!("https://me:{s}@host/x"),
            12 => format!("Authorization: Bearer {s}"),
            13 => format!("\\\"token\\\":\\\"{s}\\\""),
            14 => format!("--password {s}"),
            15 => format!("<key>SIGN</key><string>{s}</string>"),
            _ => format!("bearer {s}"),
        };
        (text, s)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_planted_token_never_survives((planted, secret) in tokens(), before in "[ -~]{0,40}", after in "[ -~网关\u{1b}\n]{0,40}") {
        let text = format!("{before} {planted} {after}");
        let clean = redact(&text);
        prop_assert!(!clean.contains(&secret), "{clean}");
        let line = clean_line(&text, 500);
        prop_assert!(!line.contains(&secret), "{line}");
    }

    #[test]
    fn any_text_is_survived_and_a_second_pass_finds_nothing(text in "(\\PC|[=:\"'\\\\/&@ \n-]|token|://|eyJa|sk-|</key>|Bearer ){0,60}") {
        let once = redact(&text).into_owned();
        let twice = redact(&once).into_owned();
        // whatever a mask uncovers is masked as well within two more passes; nothing grows for ever
        let thrice = redact(&twice).into_owned();
        prop_assert_eq!(&redact(&thrice), &thrice);
    }

    #[test]
    fn one_line_holds_its_bound(text in "\\PC*|(.|\n|\u{1b})*", max in 0..80usize) {
        let line = one_line(&text, max);
        prop_assert!(line.chars().count() <= max);
        prop_assert!(line.chars().all(|c| !is_hidden(c)));
    }

    #[test]
    fn plain_words_are_left_alone(text in "([a-z]{1,9}[ .,;]){0,40}") {
        // a token of Doppler or Vault may be made of words
        prop_assume!(!["dp.", "hvb.", "hvs."].iter().any(|prefix| text.contains(prefix)));
        prop_assert!(matches!(redact(&text), Cow::Borrowed(_)));
    }
}

/// Shapes that other programs know: of hermes-agent's own redactor, of gitleaks' rules, of webhooks and bots; doubly
/// encoded ones. `{}` is the secret.
const OTHER_SHAPES: &[&str] = &[
    "tvly-{}",
    "fc-{}",
    "gsk_{}",
    "xai-{}aaaa",
    "pplx-{}",
    "sk_live_{}",
    "rk_live_{}",
    "ntn_{}",
    "SG.{}.x",
    "gAAAAA{}",
    "hvs.{}",
    "shpat_{}0123456789",
    "dckr_pat_{}",
    "lin_api_{}",
    "pypi-{}",
    "glrt-{}",
    "ya29.{}",
    "builder().app_secret(\"{}\").build()",
    "client.app_secret( '{}' )",
    "?a=1%26token%253D{}%2526b",
    "token%25253D{}",
    r"{\u0022app_secret\u0022:\u0022{}\u0022}",
    r"{\\u0022app_secret\\u0022: \\u0022a {}\\u0022}",
    "{&quot;app_secret&quot;:&quot;a {}&quot;}",
    "{&amp;quot;ticket&amp;quot;: &amp;quot;{}&amp;quot;}",
    "{%22app_secret%22%3A%22{}%22}",
    r"\u0022sk-{}\u0022",
    "%22sk-{}%22",
    "https://api.telegram.org/bot7463521098:AA{}abcdef/sendMessage",
    "token of bot 7463521098:AA{}abcdef",
    "https://open.feishu.cn/open-apis/bot/v2/hook/{}",
    "https://open.larksuite.com/open-apis/bot/v2/hook/3f2a-{}-4c",
    "https://hooks.slack.com/services/T0000/B0000/{}",
    "https:\\/\\/hooks.slack.com\\/services\\/T0000\\/B0000\\/{}",
    "https%3A%2F%2Fhooks.slack.com%2Fservices%2FT0000%2F{}",
    "https://discord.com/api/webhooks/1234567890/{}",
    "https://oapi.dingtalk.com/robot/send?access_token={}",
    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={}",
    "{'ticket': '{}'}",
    "wss://x/ws?service_id=1&ticket={}",
    "curl -u me:{} https://x",
    "curl --user 'me:{}'",
    "TAVILY_KEY={}",
    "MY_SESSION={}",
    "MNEMONIC={}",
    "content={\"text\":\"{}\"}",
    r#"content='{"text":"say {} please"}'"#,
    r#""content":"{\"text\":\"say {} please\"}""#,
    "reply='say {} please'",
    "quote=\"say {} please\"",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{}\n-----END PGP PRIVATE KEY BLOCK-----",
    "the new token is {}, saved",
    "login with password {} failed",
    "passwd {}",
    "secret {}",
    "invalid access token \"{}\"",
    "token -> {}",
    "ticket → {}",
    "AppSecret({})",
    "app_secret：{}，请检查",
    "token＝{}",
    "token：「{}」",
    "token 是 {}",
    "https://x/callback?code={}&state=1",
    "密码：{}",
    "应用密钥={}，无效",
    "访问令牌为 {}",
    "访问令牌: \"{}\"",
    "口令：“{}”",
    "授权码是{}。",
];

#[test]
fn shapes_that_other_programs_know_are_hidden() {
    let secret = "Zq7XWvK81mPdLf3RtY7u";
    for shape in OTHER_SHAPES {
        let text = shape.replace("{}", secret);
        let shown = redact(&text);
        assert!(!shown.contains(secret), "{text} → {shown}");
        assert!(shown.contains(MASK), "{text} → {shown}");
        let line = clean_line(&text, 500);
        assert!(!line.contains(secret), "{text} → {line}");
    }
}

#[test]
fn ordinary_words_that_begin_like_tokens_stay() {
    for text in [
        "u-boot-2023.04.05.06.07 t-shirt-of-2023",
        "fal_client_version_2 exa_search_results_3 mem0_provider_plugin",
        "secret_manager_client_initialised_2 sentry_sdk_integration_v2",
        "do run exam reply member shape pulse live",
        "/api/webhooks/list and /usr/share/hooks/post-receive",
        "at 12:34:56 PID 1234567:89 and 10.0.0.1:8080",
        "git -u origin main; sudo -u hermes ls",
        "{\"code\":99991663,\"msg\":\"Invalid access token for authorization\"}",
        "next_session=5 auth=failed session: agent:main",
    ] {
        assert!(matches!(redact(text), Cow::Borrowed(_)), "{text} → {}", redact(text));
    }
}
