//! `gatelight channels --test` against every response that the services document, and against servers that do not answer.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::server::{Received, Server};

/// Output and exit code of a run of `gatelight`.
fn gatelight(home: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_gatelight"))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (text, output.status.code().unwrap())
}

/// A home with these settings, mode 600.
fn home(settings: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/gatelight");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("config.toml");
    std::fs::write(&file, settings).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    home
}

/// The settings of a channel of this kind at this server.
pub(crate) fn channel(kind: &str, server: &Server) -> String {
    let keys = match kind {
        "feishu-bot" => {
            format!("url = \"{}\"\nsecret = \"SECfeishu\"", server.url("/open-apis/bot/v2/hook/hookpath"))
        }
        "dingtalk-bot" => {
            format!("url = \"{}\"\nsecret = \"SECding\"", server.url("/robot/send?access_token=dingtoken"))
        }
        "wecom-bot" => format!("url = \"{}\"", server.url("/cgi-bin/webhook/send?key=wecomkey")),
        "telegram" => format!("url = \"{}\"\ntoken = \"123:telegramtoken\"\nchat = \"-100\"", server.url("")),
        "ntfy" => format!("url = \"{}\"\ntopic = \"ntfytopic\"\ntoken = \"tk_ntfy\"", server.url("")),
        "bark" => format!("url = \"{}/\"\nkey = \"barkkey\"", server.url("")),
        _ => format!("url = \"{}\"\ntoken = \"hooktoken\"", server.url("/hook")),
    };
    format!("[[channel]]\nname = \"c\"\nkind = \"{kind}\"\n{keys}\n")
}

fn test_at(kind: &str, server: &Server) -> (String, i32) {
    gatelight(home(&channel(kind, server)).path(), &["channels", "--test", "c"], &[])
}

fn hmac(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

/// Feishu's check: signed with the secret, with a current time.
pub(crate) fn is_signed_for_feishu(request: &Received, secret: &str) -> bool {
    let json = request.json();
    let timestamp = json["timestamp"].as_str().unwrap();
    let skew = timestamp.parse::<i64>().unwrap() - jiff::Timestamp::now().as_second();
    skew.abs() < 3_600 && json["sign"] == hmac(&format!("{timestamp}\n{secret}"), "")
}

/// DingTalk's check.
fn is_signed_for_dingtalk(request: &Received, secret: &str) -> bool {
    let path = request.line.split(' ').nth(1).unwrap();
    let value = |name: &str| {
        let pair = path.split(['?', '&']).find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap();
        pair.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
    };
    let timestamp = value("timestamp");
    let skew = timestamp.parse::<i64>().unwrap() / 1_000 - jiff::Timestamp::now().as_second();
    skew.abs() < 3_600 && value("sign") == hmac(secret, &format!("{timestamp}\n{secret}"))
}

#[test]
fn each_service_gets_what_it_documents() {
    for (kind, answer) in [
        ("feishu-bot", r#"{"code":0,"msg":"success"}"#),
        ("dingtalk-bot", r#"{"errcode":0,"errmsg":"ok"}"#),
        ("wecom-bot", r#"{"errcode":0,"errmsg":"ok"}"#),
        ("telegram", r#"{"ok":true,"result":{}}"#),
        ("ntfy", r#"{"id":"x1","event":"message"}"#),
        ("bark", r#"{"code":200,"message":"success"}"#),
        ("webhook", "ok"),
    ] {
        let server = Server::saying("200 OK", answer);
        let (text, code) = test_at(kind, &server);
        assert_eq!((text.as_str(), code), ("c: the server took the test message\n", 0), "{kind}");
        let [request] = server.received().try_into().unwrap();
        let path = request.line.split(' ').nth(1).unwrap();
        assert!(request.line.starts_with("POST "), "{}", request.line);
        assert_eq!(request.header("content-type"), Some("application/json; charset=utf-8"));
        assert!(request.body.contains("test message"), "{}", request.body);
        match kind {
            "feishu-bot" => {
                assert!(
                    is_signed_for_feishu(&request, "SECfeishu") && path == "/open-apis/bot/v2/hook/hookpath"
                );
                assert_eq!(request.json()["msg_type"], "interactive");
            }
            "dingtalk-bot" => {
                assert!(is_signed_for_dingtalk(&request, "SECding"), "{path}");
                assert!(path.starts_with("/robot/send?access_token=dingtoken&"), "{path}");
            }
            "wecom-bot" => assert_eq!(path, "/cgi-bin/webhook/send?key=wecomkey"),
            "telegram" => assert_eq!(
                (path, &request.json()["chat_id"]),
                ("/bot123:telegramtoken/sendMessage", &"-100".into())
            ),
            "ntfy" => {
                assert_eq!((path, &request.json()["topic"]), ("/", &"ntfytopic".into()));
                assert_eq!(request.header("authorization"), Some("Bearer tk_ntfy"));
            }
            "bark" => assert_eq!((path, &request.json()["device_key"]), ("/push", &"barkkey".into())),
            _ => assert_eq!(request.header("authorization"), Some("Bearer hooktoken")),
        }
    }
}

#[test]
fn a_refusal_shows_the_server_s_words() {
    for (kind, status, answer, words) in [
        (
            "feishu-bot",
            "200 OK",
            r#"{"code":19021,"msg":"sign match fail"}"#,
            "HTTP 200: 19021 sign match fail",
        ),
        ("feishu-bot", "200 OK", r#"{"code":11232,"msg":"frequency limited"}"#, "11232 frequency limited"),
        (
            "dingtalk-bot",
            "200 OK",
            r#"{"errcode":310000,"errmsg":"sign not match"}"#,
            "310000 sign not match",
        ),
        ("wecom-bot", "200 OK", r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#, "45009 api freq"),
        (
            "telegram",
            "429 Too Many Requests\r\nRetry-After: 9",
            r#"{"ok":false,"description":"Too Many Requests: retry after 9","parameters":{"retry_after":9}}"#,
            "HTTP 429: Too Many Requests: retry after 9",
        ),
        ("ntfy", "403 Forbidden", r#"{"code":40301,"http":403,"error":"forbidden"}"#, "HTTP 403: forbidden"),
        ("bark", "400 Bad Request", r#"{"code":400,"message":"no such device"}"#, "HTTP 400: no such device"),
        ("webhook", "503 Service Unavailable", "busy", "HTTP 503: busy"),
        ("webhook", "302 Found\r\nLocation: http://127.0.0.1:1/", "", "HTTP 302"),
    ] {
        let server = Server::saying(status, answer);
        let (text, code) = test_at(kind, &server);
        assert!(text.starts_with("c: not sent: ") && text.contains(words), "{kind}: {text}");
        assert_eq!((code, server.received().len()), (1, 1), "{kind}: one attempt");
    }
}

#[test]
fn answers_that_are_not_http_are_reported() {
    let server = Server::saying("200 OK", "");
    let told = |settings: &str, variables: &[(&str, &str)]| {
        gatelight(home(settings).path(), &["channels", "--test", "c"], variables)
    };
    // not TLS: refused in the handshake
    let plain = channel("webhook", &server).replace("http://", "https://");
    let (text, code) = told(&plain, &[]);
    assert!(text.contains("curl 35: ") && code == 1, "{text}");
    let nobody = Server::saying("", "");
    let settings = channel("webhook", &nobody);
    drop(nobody);
    let (text, code) = told(&settings, &[]);
    assert!(text.contains("curl 7: ") && code == 1, "{text}");
    let (text, code) = told(&channel("webhook", &server), &[("GATELIGHT_CURL", "/nonexistent/curl")]);
    assert!(text.contains("curl is not installed") && code == 1, "{text}");
    let (text, code) = told(&channel("webhook", &server), &[("GATELIGHT_CURL", "/bin/true")]);
    assert!(text.contains("the answer is not HTTP") && code == 1, "{text}");
    // only the beginning of a long answer is read
    let long = Server::saying("500 Oops", &"x".repeat(200_000));
    let (text, code) = test_at("webhook", &long);
    assert!(code == 1 && text.len() < 600, "{} bytes: {text}", text.len());
}

#[test]
fn a_server_that_does_not_answer_is_left() {
    let server = Server::start(Box::new(|_| {
        // longer than curl waits
        std::thread::sleep(std::time::Duration::from_secs(17));
        ("200 OK".to_owned(), String::new())
    }));
    let (text, code) = test_at("webhook", &server);
    assert!(text.contains("no answer within 15 s") && code == 1, "{text}");
}

#[test]
fn settings_with_secrets_are_read_by_their_owner_alone() {
    let server = Server::saying("200 OK", "ok");
    let home = home(&channel("webhook", &server));
    let file = home.path().join(".config/gatelight/config.toml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (text, code) = gatelight(home.path(), &["channels"], &[]);
    assert!(text.contains("chmod 600") && text.contains("config.toml:4:") && code == 2, "{text}");
    assert!(!text.contains("hooktoken"), "{text}");
    // separate files are accepted
    let [url, token] = ["url", "token"].map(|name| home.path().join(name));
    std::fs::write(&url, server.url("/hook") + "\n").unwrap();
    std::fs::write(&token, "hooktoken\n").unwrap();
    for file in [&url, &token] {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let settings =
        "[[channel]]\nname = \"c\"\nkind = \"webhook\"\nurl = \"file:~/url\"\ntoken = \"file:~/token\"\n";
    std::fs::write(&file, settings).unwrap();
    let (text, code) = gatelight(home.path(), &["channels", "--test", "c"], &[]);
    assert_eq!(code, 0, "{text}");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o640)).unwrap();
    let (text, code) = gatelight(home.path(), &["channels", "--test", "c", "--json"], &[]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(
        code == 1 && json["sent"] == false && json["why"].as_str().unwrap().contains("chmod 600"),
        "{text}"
    );
    assert_eq!(server.received().len(), 1);
}

#[test]
fn unknown_names_and_missing_channels_are_reported() {
    let (text, code) = gatelight(home("").path(), &["channels"], &[]);
    assert!(text.contains("[[channel]]") && code == 0, "{text}");
    let server = Server::saying("200 OK", "ok");
    let home = home(&channel("webhook", &server));
    let (text, code) = gatelight(home.path(), &["channels", "--test", "nope"], &[]);
    assert!(text.contains("there is no channel “nope”; there are: c") && code == 2, "{text}");
    let (text, code) = gatelight(home.path(), &["channels", "--json"], &[]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &json["channels"][0]["address"]), (0, &"127.0.0.1".into()), "{text}");
}
