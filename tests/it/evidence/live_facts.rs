//! Facts besides logs and state files, from a live home: drain requests, the configuration, locks, child processes, restarts
//! by Gatelight.

use std::process::{Command, Stdio};
use std::time::Instant;

use gatelight::evidence::clock::Moment;
use gatelight::evidence::collector::{Collector, JobProcess};
use gatelight::health::{Evidence, LogRecord, Signal};
use gatelight::profile::Profile;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::support::machine::{Gateway, Machine, Process, append, stamp};
use crate::support::{start_of, wait_for};

fn now() -> Moment {
    Moment { at: Timestamp::now(), instant: Instant::now() }
}

fn attach(machine: &Machine) -> (Collector, Vec<Evidence>) {
    let home = machine.hermes();
    let logs = vec![home.join("logs/agent.log")];
    let profile = Profile { name: "default".into(), home, job: None, logs };
    let patterns = crate::support::patterns();
    let (collector, past) =
        Collector::attach(&profile, &patterns, &TimeZone::UTC, now(), JobProcess::None, None);
    (collector, past.into_iter().map(|(_, evidence)| evidence).collect())
}

fn poll(collector: &mut Collector) -> Vec<Evidence> {
    let mut found = Vec::new();
    collector.poll(now(), true, &mut found);
    found
}

#[test]
fn a_drain_request_is_seen_when_it_is_there_and_when_it_is_released() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let (mut collector, past) = attach(&machine);
    assert!(!past.iter().any(|evidence| matches!(evidence, Evidence::DrainRequest(_))));
    gateway.file(".drain_request.json", &json!({"requested_at": "2026-11-27T08:00:00Z"}));
    assert!(poll(&mut collector).contains(&Evidence::DrainRequest(true)));
    assert!(attach(&machine).1.contains(&Evidence::DrainRequest(true)), "one that was there before");
    std::fs::remove_file(machine.hermes().join(".drain_request.json")).unwrap();
    assert!(poll(&mut collector).contains(&Evidence::DrainRequest(false)));
}

#[test]
fn child_processes_are_seen_while_they_live() {
    let machine = Machine::new();
    let _gateway = Gateway::connected(&machine.hermes());
    let (mut collector, _) = attach(&machine);
    let script = machine.tmp().join("ready");
    let mut parent = Command::new("/bin/sh");
    parent.args(["-c", "sleep 600 & echo $! > \"$0\"; wait; read line"]).arg(&script).stdin(Stdio::piped());
    let parent = Process(parent.spawn().unwrap());
    wait_for("the child runs", || std::fs::read_to_string(&script).is_ok_and(|pid| pid.ends_with('\n')));
    let mut look = || {
        let mut found = Vec::new();
        collector.poll_children(parent.pid(), Timestamp::now(), &mut found);
        found
    };
    assert_eq!(look(), [Evidence::Children(true)]);
    assert_eq!(look(), [], "nothing changed");
    let child: i32 = std::fs::read_to_string(&script).unwrap().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(child).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    wait_for("the child is gone", || look() == [Evidence::Children(false)]);
}

#[test]
fn the_configuration_says_whether_the_listed_profiles_are_served() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    std::fs::create_dir_all(machine.profile("work")).unwrap();
    std::fs::write(machine.profile("work").join("config.yaml"), "model: none\n").unwrap();
    // the list stays after the setting was removed
    let mut state = gateway.state(json!({"feishu": {"state": "connected"}}));
    state["served_profiles"] = json!(["default", "work"]);
    gateway.file("gateway_state.json", &state);
    let served_by = || {
        let status = machine.status();
        let work =
            status["profiles"].as_array()?.iter().find(|profile| profile["profile"] == "work")?.clone();
        Some(work["served_by"].clone())
    };
    std::fs::write(machine.hermes().join("config.yaml"), "gateway:\n  multiplex_profiles: false\n").unwrap();
    assert_eq!(served_by(), Some(json!(null)));
    std::fs::write(machine.hermes().join("config.yaml"), "gateway:\n  multiplex_profiles: true\n").unwrap();
    assert_eq!(served_by(), Some(json!("default")));
}

/// Two Feishu bots in one long-running process: the logs no longer reach back to where the bots were announced.
#[test]
fn locks_say_how_many_links_there_are() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let locks = machine.home().join(".local/state/hermes/gateway-locks");
    std::fs::create_dir_all(&locks).unwrap();
    let lock = |id: &str| {
        let holder = json!({"pid": gateway.process.pid(), "start_time": start_of(gateway.process.pid())});
        std::fs::write(locks.join(format!("feishu-app-id-{id}.lock")), holder.to_string()).unwrap();
    };
    gateway.log(
        "agent.log",
        "ERROR",
        "Lark: receive message loop exit, err: no close frame received [conn_id=7]",
    );
    lock("00000000000000aa");
    assert_eq!(
        machine.light("default"),
        Some(("green".into(), "connected".into())),
        "one bot: an old connection"
    );
    lock("00000000000000bb");
    assert_eq!(machine.light("default"), Some(("amber".into(), "links-missing".into())));
    // left by a process that is gone
    std::fs::write(locks.join("feishu-app-id-00000000000000bb.lock"), "{\"pid\": 1, \"start_time\": 1}")
        .unwrap();
    assert_eq!(machine.light("default"), Some(("green".into(), "connected".into())));
}

#[test]
fn restarts_that_gatelight_was_asked_for_are_no_crash_loop() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let begun = Timestamp::now();
    let before = |seconds: i64| begun - SignedDuration::from_secs(seconds);
    let starts: Vec<String> = (1..=6).rev().map(|n| before(12 * n).as_second().to_string()).collect();
    let starts = starts.join("\n") + "\n";
    std::fs::write(machine.hermes().join("gateway-starts.log"), starts).unwrap();
    assert_eq!(machine.light("default").unwrap().1, "crash-loop");
    let asked: Vec<_> = (1..=6).rev().map(|n| json!({"asked_at": before(12 * n + 2)})).collect();
    let data = machine.home().join(".local/share/gatelight");
    std::fs::create_dir_all(&data).unwrap();
    let ledger = json!({"version": 2, "restarts": {"default": asked}});
    std::fs::write(data.join("restarts.json"), ledger.to_string()).unwrap();
    assert_eq!(machine.light("default").unwrap().1, "connected");
    drop(gateway);
}

/// A log is read backwards, file by file, and its lines count in the order in which they were written.
#[test]
fn lines_of_one_millisecond_keep_their_order_across_a_rotation() {
    let machine = Machine::new();
    let gateway = Gateway::start(&machine.hermes());
    let at = stamp();
    let lines = [
        ("agent.log.1", "INFO gateway.run: ✓ weixin connected"),
        ("agent.log", "ERROR gateway.platforms.weixin: [Weixin] Session expired; pausing for 10 minutes"),
    ];
    std::fs::create_dir_all(machine.hermes().join("logs")).unwrap();
    for (log, line) in lines {
        append(&gateway.log_path(log), &format!("{at} {line}\n"));
    }
    let (_, past) = attach(&machine);
    let read: Vec<&str> = past
        .iter()
        .filter_map(|evidence| match evidence {
            Evidence::Log(record) => record.proof.line.quote().split_once(' ')?.1.split_once(' '),
            _ => None,
        })
        .map(|(_, line)| line)
        .collect();
    assert_eq!(read, lines.map(|(_, line)| line));
}

/// One link that has much to say does not hide what an older block of the log says of another.
#[test]
fn every_link_of_the_state_file_is_looked_for_in_rotated_logs() {
    let machine = Machine::new();
    let gateway = Gateway::start(&machine.hermes());
    let connected = json!({"state": "connected"});
    gateway.file("gateway_state.json", &gateway.state(json!({"slack": connected, "telegram": connected})));
    std::fs::create_dir_all(machine.hermes().join("logs")).unwrap();
    let telegram = "[Telegram] Telegram network error (attempt 1/10), reconnecting in 5s. Error: x";
    for (log, line) in [
        ("agent.log.1", "INFO slack_bolt.AsyncApp: A new session (s_1) has been established".to_owned()),
        ("agent.log", format!("WARNING hermes_plugins.telegram_platform.adapter: {telegram}")),
    ] {
        append(&gateway.log_path(log), &format!("{} {line}\n", stamp()));
    }
    // later than the starts of a crash loop are searched for
    let late = Moment { at: Timestamp::now() + SignedDuration::from_mins(15), ..now() };
    let home = machine.hermes();
    let profile =
        Profile { name: "default".into(), logs: vec![home.join("logs/agent.log")], home, job: None };
    let patterns = crate::support::patterns();
    let (_, past) = Collector::attach(&profile, &patterns, &TimeZone::UTC, late, JobProcess::None, None);
    let platforms: Vec<&str> = past
        .iter()
        .filter_map(|(_, evidence)| match evidence {
            Evidence::Log(LogRecord { signal: Signal::Link(link), .. }) => Some(&*link.platform),
            _ => None,
        })
        .collect();
    assert_eq!(platforms, ["slack", "telegram"]);
}
