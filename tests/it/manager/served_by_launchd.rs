//! A gateway under launchd that serves two profiles: restart, recording and logs by the name of the served profile.

use std::fs;

use serde_json::{Value, json};

use crate::support::launchctl::FakeLaunchctl;
use crate::support::machine::{Machine, Stream, plist};
use crate::support::wait_for;

/// What the gateway logs after each start: its own link, and one of the served profile.
fn story() -> String {
    let line = |log: &str, line: &str| json!({"t": 0.1, "log": log, "line": line});
    let file = |name: &str, json: Value| json!({"t": 0.1, "file": name, "json": json});
    let connected = |id: u32| {
        format!("Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?device_id={id} [conn_id={id}]")
    };
    let entry = || json!({"state": "connected", "updated_at": "2026-11-22T11:22:17+00:00"});
    let state = json!({
        "pid": 1, "kind": "hermes-gateway", "start_time": 1, "gateway_state": "running",
        "served_profiles": ["default", "work"], "platforms": {"feishu": entry(), "work:feishu": entry()},
    });
    let records = [
        "gateway.run: Starting Hermes Gateway...".to_owned(),
        "gateway.run: Connecting to feishu...".to_owned(),
        connected(1),
        "gateway.run: ✓ feishu connected".to_owned(),
        connected(2),
        "gateway.run: ✓ feishu connected (profile: work)".to_owned(),
        "gateway.run: Gateway running with 2 platform(s)".to_owned(),
    ];
    let header = json!({"recording": 1, "start": "2026-11-22T11:21:59Z", "profile": "default"});
    let mut events =
        vec![header, file("gateway.pid", json!({"pid": 1, "kind": "hermes-gateway", "start_time": 1}))];
    events.extend(
        records
            .iter()
            .zip(0..)
            .map(|(record, nth)| line("agent.log", &format!("2026-11-22 11:22:16,{nth:03} INFO {record}"))),
    );
    events.push(file("gateway_state.json", state));
    events.push(file("state/gateway.heartbeat", json!({"pid": 1, "monotonic": 1.0, "start_time": 1.0})));
    events.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

/// A machine whose launchd runs that gateway. The home of `work` has a configuration, and the log of an earlier gateway.
fn machine(launchctl: &FakeLaunchctl) -> Machine {
    let machine = Machine::with_launchctl(&launchctl.program());
    let work = machine.profile("work");
    fs::create_dir_all(work.join("logs")).unwrap();
    fs::write(work.join("config.yaml"), "model: none\n").unwrap();
    fs::write(work.join("logs/agent.log"), "2026-01-01 00:00:00,000 INFO gateway.run: of a former gateway\n")
        .unwrap();
    let script = machine.folder().join("story.jsonl");
    fs::write(&script, story()).unwrap();
    let home = machine.hermes();
    let arguments = [
        env!("CARGO_BIN_EXE_gatelight"),
        "simulate",
        "--home",
        home.to_str().unwrap(),
        "--script",
        script.to_str().unwrap(),
    ];
    let keep = format!(
        "<key>KeepAlive</key><true/><key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>{}</string></dict>",
        home.display()
    );
    let job = machine.agents().join("ai.hermes.gateway.plist");
    fs::write(&job, plist("ai.hermes.gateway", &arguments, &keep)).unwrap();
    launchctl.load("gui", &job);
    wait_for("both are connected", || {
        ["default", "work"]
            .iter()
            .all(|name| machine.light(name) == Some(("green".into(), "connected".into())))
    });
    machine
}

fn pid(machine: &Machine) -> Value {
    machine.status()["profiles"][0]["pid"].clone()
}

#[test]
fn a_restart_of_a_served_profile_names_all_and_proves_every_link() {
    let launchctl = FakeLaunchctl::new(&json!({}));
    let machine = machine(&launchctl);
    let before = pid(&machine);
    let ran = machine.run(&["restart", "work", "--yes", "--json"]);
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        (&lines[0]["profile"], &lines[0]["together"]),
        (&json!("work"), &json!(["default", "work"])),
        "{ran:?}"
    );
    let outcome = lines.last().unwrap();
    assert_eq!(outcome["outcome"], "worked", "{ran:?}");
    let back =
        json!([{"profile": "default", "platform": "feishu"}, {"profile": "work", "platform": "feishu"}]);
    assert_eq!(outcome["back"], back, "{ran:?}");
    assert!(outcome["pid"].is_u64() && outcome["pid"] != before, "{ran:?}");
    assert_eq!(pid(&machine), outcome["pid"]);
    assert!(
        launchctl
            .calls()
            .iter()
            .any(|call| call.starts_with("kickstart -k") && call.ends_with("/ai.hermes.gateway"))
    );
    let said = machine.run(&["restart", "work", "--yes"]);
    assert!(said.out.contains("default, work"), "{said:?}");
}

#[test]
fn a_recording_of_a_served_profile_holds_what_its_gateway_wrote() {
    let launchctl = FakeLaunchctl::new(&json!({}));
    let machine = machine(&launchctl);
    let file = machine.folder().join("work.jsonl");
    let mut record = Stream::of(machine.command(&["record", "work", "--out", file.to_str().unwrap()]));
    let _begun = record.line();
    assert_eq!(record.interrupt(), Some(0), "{:?}", record.complaints());
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("Starting Hermes Gateway") && text.contains("served_profiles"), "{text}");
    let played = machine.run(&["replay", file.to_str().unwrap(), "--json"]);
    let last = |profile: &str| {
        let mut lines = played.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.rfind(|line| line["profile"] == profile).map(|line| line["reason"].clone())
    };
    assert_eq!(
        (last("default"), last("work")),
        (Some(json!("connected")), Some(json!("connected"))),
        "{text} {played:?}"
    );
}

#[test]
fn the_logs_of_a_served_profile_are_those_of_its_gateway_too() {
    let launchctl = FakeLaunchctl::new(&json!({}));
    let machine = machine(&launchctl);
    let ran = machine.run(&["logs", "work"]);
    let own = ran.out.lines().find(|line| line.contains("of a former gateway")).unwrap_or_default();
    assert!(own.starts_with("agent.log "), "{ran:?}");
    let served = ran.out.lines().find(|line| line.contains("(profile: work)")).unwrap_or_default();
    assert!(served.starts_with("gateway: agent.log "), "{ran:?}");
    // also while they are followed
    let mut follow = Stream::of(machine.command(&["logs", "-f", "-n", "1", "work"]));
    let _last = follow.line();
    let line = "2026-11-27 00:00:00,000 INFO gateway.run: response ready (profile: work)\n";
    crate::support::machine::append(&machine.hermes().join("logs/agent.log"), line);
    assert!(follow.line().contains("response ready"), "{:?}", follow.lines());
    assert_eq!(follow.interrupt(), Some(0));
    // the gateway's own logs are unchanged
    assert!(!machine.run(&["logs", "default"]).out.contains("gateway: "));
}
