//! End to end: a log line of a real process, a red light, a message at a server. Channels need no desktop.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::answers::{channel, is_signed_for_feishu};
use super::server::{Received, Server};
use crate::desktop::agent_end_to_end::{Agent, User};
use crate::support::wait_for;

const NO_BUS: &str = "unix:path=/nonexistent/bus";

fn settings(user: &User, text: &str) {
    let file = user.home.path().join(".config/gatelight/config.toml");
    std::fs::write(&file, format!("[notices]\nrecovery_hold = 1\n{text}")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn start(user: &User) -> Agent {
    let mut command = user.gatelight(NO_BUS);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    Agent(command.spawn().unwrap())
}

fn restart(user: &User) {
    let done = user.gatelight(NO_BUS).args(["restart", "work"]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// The arguments of every process that this user can see.
fn arguments_of_all() -> String {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let read = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).ok();
    processes
        .filter_map(read)
        .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " ") + "\n")
        .collect()
}

fn title(request: &Received) -> String {
    request.json()["card"]["header"]["title"]["content"].as_str().unwrap().to_owned()
}

/// A measurement, not a test: `cargo test --test it -- --nocapture channels::agent::a_dead_executor` shows it.
fn print_delay(user: &User, message: &Received) {
    let history = user.gatelight(NO_BUS).args(["history", "--json"]).output().unwrap();
    let history: serde_json::Value = serde_json::from_slice(&history.stdout).unwrap();
    let began = history["profiles"][0]["incidents"][0]["began"].as_str();
    let began: Option<jiff::Timestamp> = began.and_then(|time| time.parse().ok());
    // the history is written by another thread, and may not have the incident yet
    if let Some(began) = began {
        eprintln!(
            "from the red light to the server: {:.3} s",
            message.at.duration_since(began).as_secs_f64()
        );
    }
}

#[test]
fn a_dead_executor_and_its_recovery_reach_a_feishu_bot() {
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    let kept = Arc::clone(&seen);
    let server = Server::start(Box::new(move |_| {
        // while curl waits for this answer, its arguments are visible
        *kept.lock().unwrap() += &arguments_of_all();
        ("200 OK".to_owned(), r#"{"code":0,"msg":"success"}"#.to_owned())
    }));
    let user = User::new("hollow");
    settings(&user, &channel("feishu-bot", &server));
    user.load();
    let mut agent = start(&user);
    let down = server.nth(0);
    assert!(is_signed_for_feishu(&down, "SECfeishu"), "{down:?}");
    let card = &down.json()["card"];
    assert_eq!(card["header"]["template"], "red");
    let text = card.to_string();
    assert!(title(&down).contains("work") && text.contains("executor-shutdown"), "{text}");
    assert!(
        text.contains("A restart helps") && text.contains(".log: ") && !text.contains("labaccesskey"),
        "{text}"
    );
    print_delay(&user, &down);
    let seen = || seen.lock().unwrap().clone();
    assert!(seen().lines().any(|line| line.contains("curl -q -K -")), "{}", seen());
    assert!(!seen().contains("hookpath") && !seen().contains("SECfeishu"), "{}", seen());

    restart(&user);
    let up = server.nth(1);
    assert!(is_signed_for_feishu(&up, "SECfeishu"), "{up:?}");
    assert_eq!(up.json()["card"]["header"]["template"], "green");
    assert!(title(&up).contains("work"), "{up:?}");
    wait_for("the state is stored", || {
        let listed = user.gatelight(NO_BUS).args(["channels", "--json"]).output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
        let channel = &json["channels"][0];
        channel["waiting"] == 0 && channel["last_sent"].is_string() && channel["failure"].is_null()
    });
    assert!(agent.end().success());
    assert_eq!(server.received().len(), 2);
}

#[test]
fn messages_queued_by_a_killed_agent_are_sent_once_by_the_next() {
    let works = Arc::new(AtomicBool::new(false));
    let taken = Arc::clone(&works);
    let server = Server::start(Box::new(move |_| {
        let taken = taken.load(Ordering::SeqCst);
        let (status, body) =
            if taken { ("200 OK", r#"{"code":0}"#) } else { ("503 Service Unavailable", "") };
        (status.to_owned(), body.to_owned())
    }));
    let user = User::new("hollow");
    settings(&user, &channel("feishu-bot", &server));
    user.load();
    let mut killed = start(&user);
    server.nth(0);
    wait_for("the failure is stored", || {
        let listed = user.gatelight(NO_BUS).args(["channels"]).output().unwrap();
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        text.contains("waiting: 1") && text.contains("HTTP 503") && listed.status.code() == Some(1)
    });
    killed.0.kill().unwrap();
    killed.0.wait().unwrap();
    let refused = server.received().len();
    let file = user.home.path().join(".local/share/gatelight/channels.json");
    let stored = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!stored.contains("SECfeishu") && !stored.contains("hookpath"), "{stored}");

    works.store(true, Ordering::SeqCst);
    let mut agent = start(&user);
    let down = server.nth(refused);
    assert_eq!(down.json()["card"]["header"]["template"], "red", "{down:?}");
    // the next agent finds the profile still red; the next message is still the recovery
    restart(&user);
    let up = server.nth(refused + 1);
    assert_eq!(up.json()["card"]["header"]["template"], "green", "{up:?}");
    assert!(agent.end().success());
    assert_eq!(server.received().len(), refused + 2);
}

#[test]
fn a_killed_agent_gives_no_sign_of_life() {
    let server = Server::saying("200 OK", "OK");
    let user = User::new("hollow");
    let url = server.url("/ping/heartbeatid");
    settings(&user, &format!("[heartbeat]\nurl = \"{url}\"\nevery = 1\nfail_on_red = true\n"));
    user.load();
    let mut agent = start(&user);
    assert_eq!(server.nth(0).line, "GET /ping/heartbeatid HTTP/1.1");
    wait_for("a red light is told", || {
        server.received().iter().any(|request| request.line == "GET /ping/heartbeatid/fail HTTP/1.1")
    });
    agent.0.kill().unwrap();
    agent.0.wait().unwrap();
    // one that is in transit may still arrive
    std::thread::sleep(std::time::Duration::from_secs(2));
    let settled = server.received().len();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(server.received().len(), settled, "silence");
}
