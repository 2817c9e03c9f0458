//! The metrics with the real Prometheus: its checks, a scrape, and a rule that fires and resolves.
//!
//! Parts need `prometheus` and `promtool`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gatelight::health::{Change, LinkVerdict, Proof, Reason, Verdict};
use gatelight::history::RestartResult;
use gatelight::profile::Profile;
use gatelight::serve::{Config, Counters, Server};
use gatelight::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use crate::support::skips::{self, Need};

fn profile(name: &str) -> Arc<Profile> {
    Arc::new(Profile { name: name.into(), home: PathBuf::from("/h"), job: None, logs: Vec::new() })
}

fn verdict(reason: Reason) -> Verdict {
    let at = Timestamp::now();
    Verdict { reason, evidence: Some(Proof::new("agent.log", "x", at)), ..Verdict::unknown(at) }
}

fn link(platform: &str, reason: Reason) -> LinkVerdict {
    LinkVerdict::new(platform.into(), reason, Timestamp::now())
}

fn snapshot(work: Reason) -> Arc<Snapshot> {
    let view = |name: &str, reason| {
        let links = vec![link("telegram", reason), link("feishu", Reason::Connected)];
        ProfileView { profile: profile(name), verdict: Verdict { links, ..verdict(reason) }.into() }
    };
    Arc::new(Snapshot {
        at: Timestamp::now(),
        profiles: vec![
            view("default", Reason::Connected),
            view("work", work),
            view("quo\"te\\ 网", Reason::Running),
        ],
        bad_files: Vec::new(),
        complete: true,
    })
}

/// A server on a free port, in a thread.
pub(crate) fn serve(token: Option<&Path>) -> (SocketAddr, watch::Sender<Arc<Snapshot>>, Arc<Counters>) {
    let (sender, receiver) = watch::channel(snapshot(Reason::Connected));
    let counters = Arc::new(Counters::default());
    let config = Config::new("127.0.0.1:0".parse().unwrap(), token).unwrap();
    let (told, address) = std::sync::mpsc::channel();
    let counted = counters.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::bind(config).await.unwrap();
            told.send(server.address().unwrap()).unwrap();
            server.run(receiver, counted, Timestamp::now).await;
        });
    });
    (address.recv().unwrap(), sender, counters)
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: SocketAddr, path: &str) -> String {
    let answer = ask(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    assert!(head.contains(" 200 "), "{path}: {head}");
    body.to_owned()
}

#[test]
fn a_flood_and_a_dawdler_do_not_keep_a_scraper_out() {
    let (address, _sender, _counters) = serve(None);
    assert!(
        ask(address, &format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(20_000)))
            .contains(" 431 ")
    );
    // as many silent clients as it serves at a time
    let dawdlers: Vec<TcpStream> = (0..16).map(|_| TcpStream::connect(address).unwrap()).collect();
    let answer = ask(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.contains("gatelight_build_info"), "{answer}");
    drop(dawdlers);
}

#[test]
fn a_token_is_asked_for() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "abcdefghijklmnop0123\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (address, _sender, _counters) = serve(Some(&file));
    let ask_with = |line: &str| ask(address, &format!("GET /metrics HTTP/1.1\r\n{line}\r\n\r\n"));
    assert!(ask_with("X: y").contains(" 401 "));
    assert!(ask_with("Authorization: Bearer abcdefghijklmnop0124").contains(" 401 "));
    assert!(ask_with("Authorization: Bearer abcdefghijklmnop0123").contains(" 200 "));
}

fn resource(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("resources/monitoring").join(name)
}

#[test]
fn rules_and_dashboard_ask_for_metrics_that_exist() {
    let (address, _sender, _counters) = serve(None);
    let page = get(address, "/metrics");
    let rules = std::fs::read_to_string(resource("alerts.yml")).unwrap();
    let board = std::fs::read_to_string(resource("grafana.json")).unwrap();
    let parsed: Value = serde_json::from_str(&board).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() >= 6);
    let mut seen = 0;
    for text in [&rules, &board] {
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("gatelight_") {
                assert!(page.contains(&format!("\n{word}{{")), "{word} is not served");
                seen += 1;
            }
        }
    }
    assert!(seen > 10);
}

/// The queries of the dashboard's panels, with Grafana's variables filled in.
fn expressions() -> Vec<(String, String)> {
    let board: Value = serde_json::from_slice(&std::fs::read(resource("grafana.json")).unwrap()).unwrap();
    let mut found = Vec::new();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let filled =
                target["expr"].as_str().unwrap().replace("$instance", ".*").replace("$profile", ".*");
            let filled = filled.replace("$__range", "1h").replace("$__rate_interval", "1m");
            assert!(!filled.contains('$'), "a variable that nobody fills in: {filled}");
            found.push((panel["title"].as_str().unwrap().to_owned(), filled));
        }
    }
    assert!(found.len() >= 8, "{found:?}");
    found
}

fn installed() -> bool {
    let there = ["prometheus", "promtool"].iter().all(|name| skips::program(name).is_some());
    if !there {
        skips::skip(Need::Prometheus, "prometheus and promtool are not on the path");
    }
    there
}

fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), said)
}

#[test]
fn promtool_finds_nothing_to_say() {
    if !installed() {
        return;
    }
    let (address, _sender, counters) = serve(None);
    counters.restarted("work", RestartResult::Worked);
    let (fine, said) = promtool(&["check", "metrics"], &get(address, "/metrics"));
    assert!(fine && said.trim().is_empty(), "{said}");
    let (fine, said) = promtool(&["check", "rules", resource("alerts.yml").to_str().unwrap()], "");
    assert!(fine, "{said}");
    let (fine, said) = promtool(&["check", "config", resource("prometheus.yml").to_str().unwrap()], "");
    assert!(fine, "{said}");
    // the panels' queries, as rules for promtool
    let rules: Vec<Value> = expressions()
        .iter()
        .enumerate()
        .map(|(n, (_, expr))| serde_json::json!({"record": format!("panel:{n}"), "expr": expr}))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let panels = folder.path().join("panels.yml");
    let group = serde_json::json!({"groups": [{"name": "panels", "rules": rules}]});
    std::fs::write(&panels, group.to_string()).unwrap();
    let (fine, said) = promtool(&["check", "rules", panels.to_str().unwrap()], "");
    assert!(fine, "{said}");
    // the rules on made-up series: when they fire and when not
    let (fine, said) = promtool(
        &["test", "rules", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/monitoring/alerts_test.yml")],
        "",
    );
    assert!(fine, "{said}");
}

/// Percent-encoded, except letters and digits.
fn percent(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric();
    text.bytes().map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}

struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Queries until the answer is right. The limit allows for machines under load.
fn until(what: &str, mut right: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !right() {
        assert!(begin.elapsed() < Duration::from_secs(120), "never: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_real_prometheus_fires_a_real_alert() {
    if !installed() {
        return;
    }
    let (address, sender, counters) = serve(None);
    let folder = tempfile::tempdir().unwrap();
    // the rules, with shorter durations
    let rules = std::fs::read_to_string(resource("alerts.yml")).unwrap().replace("for: 2m", "for: 1s");
    std::fs::write(folder.path().join("alerts.yml"), rules).unwrap();
    let config = std::fs::read_to_string(resource("prometheus.yml"))
        .unwrap()
        .replace("15s", "1s")
        .replace("127.0.0.1:9789", &address.to_string());
    std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address={port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _prometheus = Prometheus(child);
    let api = |path: &str| -> Option<Value> {
        let mut stream = TcpStream::connect(port).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {port}\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    };

    until("the target is up", || {
        let Some(targets) = api("/api/v1/targets") else {
            return false;
        };
        let target = &targets["data"]["activeTargets"][0];
        let error = target["lastError"].as_str().unwrap_or_default();
        assert!(error.is_empty() || error.contains("refused"), "{error}");
        target["health"] == "up"
    });
    let firing = || -> Vec<Value> {
        let alerts = api("/api/v1/alerts").unwrap_or_default();
        let alerts = alerts["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts.into_iter().filter(|a| a["state"] == "firing").collect()
    };
    assert!(firing().is_empty());

    let change = Change {
        profile: "work".into(),
        at: Timestamp::now(),
        from: verdict(Reason::Connected).glance(),
        to: verdict(Reason::ExecutorShutdown),
    };
    counters.changed(&ProfileChange { profile: profile("work"), change, history: false });
    sender.send(snapshot(Reason::ExecutorShutdown)).unwrap();
    until("the alert fires", || !firing().is_empty());
    let alert = &firing()[0];
    assert_eq!(alert["labels"]["alertname"], "HermesGatewayDown");
    assert_eq!(alert["labels"]["profile"], "work");
    let said = alert["annotations"]["description"].as_str().unwrap();
    assert!(said.contains("executor-shutdown"), "{said}");
    let count = api("/api/v1/query?query=gatelight_incidents_total%7Bprofile%3D%22work%22%7D").unwrap();
    assert_eq!(count["data"]["result"][0]["value"][1], "1");

    let up = api("/api/v1/query?query=gatelight_link_up%7Bprofile%3D%22work%22%7D").unwrap();
    let up: Vec<_> = up["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sample| (sample["metric"]["platform"].as_str().unwrap(), sample["value"][1].as_str().unwrap()))
        .collect();
    assert!(up.contains(&("telegram", "0")) && up.contains(&("feishu", "1")) && up.len() == 2, "{up:?}");

    // every panel has data
    for (title, expr) in expressions() {
        let query = format!("/api/v1/query?query={}", percent(&expr));
        until(&title, || {
            api(&query).is_some_and(|answer| {
                assert_ne!(answer["status"], "error", "{title}: {answer}");
                answer["data"]["result"].as_array().is_some_and(|rows| !rows.is_empty())
            })
        });
    }

    sender.send(snapshot(Reason::Connected)).unwrap();
    until("the alert ends", || firing().is_empty());
}
