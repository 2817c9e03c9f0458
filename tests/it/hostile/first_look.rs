//! The first look at homes with a known state: with real processes, and with service managers that fail.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::support::launchctl::FakeLaunchctl;
use crate::support::machine::{Gateway, Machine, append, connected_line, plist, stamp};
use crate::support::{executable, wait_for};

const RUN: &str = "gateway.run: ";
const TOOL: &str = "Tool terminal returned error (1.20s): cat x";

fn light(machine: &Machine) -> (String, String) {
    machine.light("default").unwrap()
}

/// Records of an ended gateway, each so many seconds ago.
fn log(home: &Path, records: &[(i64, &str, &str)]) {
    fs::create_dir_all(home.join("logs")).unwrap();
    for (ago, level, message) in records {
        let at = (Timestamp::now() - SignedDuration::from_secs(*ago)).strftime("%Y-%m-%d %H:%M:%S,%3f");
        let line = format!("{at} {level} {message}\n");
        append(&home.join("logs/agent.log"), &line);
        if message.starts_with("gateway") {
            append(&home.join("logs/gateway.log"), &line);
        }
        if *level != "INFO" {
            append(&home.join("logs/errors.log"), &line);
        }
    }
    // a file is as old as its last record
    let last = records.last().map_or(0, |(ago, ..)| *ago);
    let modified = std::time::SystemTime::now() - std::time::Duration::from_secs(last.unsigned_abs());
    for entry in fs::read_dir(home.join("logs")).unwrap() {
        let file = fs::OpenOptions::new().append(true).open(entry.unwrap().path()).unwrap();
        file.set_modified(modified).unwrap();
    }
}

/// Writes the pid file of a process that has ended.
fn dead(home: &Path) {
    let mut gateway = Gateway::start(home);
    gateway.process.kill();
}

/// A launchctl with this shell script as its body.
fn launchctl(machine: &Machine, script: &str) -> std::path::PathBuf {
    let path = machine.folder().join("launchctl");
    executable(&path, &format!("#!/bin/sh\n{script}\n"));
    path
}

#[test]
fn no_light_is_green_without_a_process() {
    let connected = connected_line();
    let up: &[_] = &[(7200, "INFO", "gateway.run: Starting Hermes Gateway..."), (7190, "INFO", &connected)];
    let stop = "gateway.run: Received SIGTERM as a planned gateway stop — exiting cleanly";
    let stopped = [up, &[(60, "INFO", stop), (59, "INFO", "gateway.run: Gateway stopped")]].concat();
    let judge = |script: &str| {
        for (records, pid_file, job, wanted) in [
            (up, false, false, ("red", "not-running")),
            (up, true, false, ("red", "not-running")),
            (up, true, true, ("red", "not-running")),
            (up, false, true, ("grey", "no-evidence")),
            (&stopped, true, false, ("grey", "stopped")),
            (&stopped, false, false, ("grey", "stopped")),
        ] {
            let mut machine = Machine::new();
            log(&machine.hermes(), records);
            if pid_file {
                dead(&machine.hermes());
            }
            if job {
                let home = format!(
                    "<key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>{}</string></dict>",
                    machine.hermes().display()
                );
                machine.plist("ai.hermes.gateway", &["hermes", "gateway", "run"], &home);
            }
            let program = launchctl(&machine, script);
            machine.set_launchctl(&program);
            let seen = light(&machine);
            assert_eq!((seen.0.as_str(), seen.1.as_str()), wanted, "{script}, {pid_file} {job}, {records:?}");
        }
    };
    // side by side: a manager that hangs is waited for
    std::thread::scope(|threads| {
        for script in ["exit 1", "exit 0", "exec sleep 60", "echo nonsense; exit 1"] {
            threads.spawn(|| judge(script));
        }
    });
}

/// How long a gateway has been gone is not known exactly, but it was silent before the first look.
#[test]
fn a_gateway_that_was_silent_for_hours_did_not_end_just_now() {
    let connected = connected_line();
    let machine = Machine::new();
    log(
        &machine.hermes(),
        &[(18_000, "INFO", "gateway.run: Starting Hermes Gateway..."), (17_990, "INFO", &connected)],
    );
    dead(&machine.hermes());
    let pid_file = fs::OpenOptions::new().append(true).open(machine.hermes().join("gateway.pid")).unwrap();
    pid_file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(18_000)).unwrap();
    let ran = machine.run(&["status"]);
    let line = ran.out.lines().next().unwrap_or_default();
    assert!(line.contains("not running") && !line.contains(" 0 s"), "{ran:?}");
    let since: Timestamp = machine.status()["profiles"][0]["since"].as_str().unwrap().parse().unwrap();
    assert!(Timestamp::now().duration_since(since).as_hours() >= 4, "{since}");
}

/// The old process logs that it stopped after the new one was started. The order of the four logs is arbitrary.
#[test]
fn after_a_takeover_the_light_is_that_of_the_new_process() {
    let mut files = ["agent.log", "gateway.log", "errors.log", "gateway.error.log"];
    for turn in 0..files.len() {
        let machine = Machine::new();
        let mut old = Gateway::connected(&machine.hermes());
        let new = Gateway::start(&machine.hermes());
        let records = [
            ("INFO", format!("{RUN}Received SIGTERM as a planned --replace takeover — exiting cleanly")),
            ("INFO", format!("{RUN}Starting Hermes Gateway...")),
            ("WARNING", format!("{RUN}Gateway drain timed out")),
            ("INFO", connected_line()),
            ("INFO", format!("{RUN}✓ feishu connected")),
            ("INFO", format!("{RUN}Gateway running with 1 platform(s)")),
            ("INFO", format!("{RUN}Gateway stopped")),
            ("INFO", format!("{RUN}Exiting")),
        ];
        let records =
            records.map(|(level, message)| (level, format!("{} {level} {message}\n", stamp()), message));
        files.rotate_left(turn);
        for file in files {
            for (level, line, message) in &records {
                let stands_there = match file {
                    "agent.log" => true,
                    "gateway.log" => message.starts_with("gateway"),
                    _ => *level == "WARNING",
                };
                if stands_there {
                    append(&new.log_path(file), line);
                }
            }
        }
        old.process.kill();
        assert_eq!(light(&machine), ("green".into(), "connected".into()), "{files:?}");
    }
}

#[test]
fn a_job_that_launchd_will_not_restart_is_red_at_once() {
    let keep =
        "<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict><key>RunAtLoad</key><true/>";
    for (script, state, wanted) in
        [("exit 0", "not running", "not-running"), ("exit 78", "spawn scheduled", "config-error")]
    {
        let launchctl = FakeLaunchctl::new(&json!({}));
        let machine = Machine::with_launchctl(&launchctl.program());
        fs::create_dir_all(machine.hermes()).unwrap();
        // arguments of a gateway, which this shell ignores
        let arguments = ["/bin/sh", "-c", script, "hermes", "gateway", "run"];
        let path = machine.agents().join("ai.hermes.gateway.plist");
        fs::write(&path, plist("ai.hermes.gateway", &arguments, keep)).unwrap();
        let domain = format!("gui/{}", rustix::process::getuid().as_raw());
        launchctl.load("gui", &path);
        let print = || launchctl.call(&["print", &format!("{domain}/ai.hermes.gateway")]).stdout;
        wait_for(state, || String::from_utf8_lossy(&print()).contains(state));
        assert_eq!(light(&machine), ("red".into(), wanted.into()), "{script}");
    }
}

/// launchd has started a process that writes nothing: it counts as starting for a limited time only.
#[test]
fn a_process_of_which_nothing_exists_is_red_after_the_time_of_a_start() {
    let launchctl = FakeLaunchctl::new(&json!({}));
    let machine = Machine::with_launchctl(&launchctl.program());
    fs::create_dir_all(machine.hermes().join("logs")).unwrap();
    let settings = machine.home().join(".config/gatelight");
    fs::create_dir_all(&settings).unwrap();
    // instead of 90 s
    fs::write(settings.join("config.toml"), "[deadlines]\nstart = 2\n").unwrap();
    let arguments = ["/bin/sh", "-c", "exec sleep 600", "hermes", "gateway", "run"];
    let path = machine.agents().join("ai.hermes.gateway.plist");
    fs::write(&path, plist("ai.hermes.gateway", &arguments, "<key>RunAtLoad</key><true/>")).unwrap();
    launchctl.load("gui", &path);
    // by a first look, and while watching
    let mut watch = machine.watch();
    wait_for("it is red at a first look", || light(&machine) == ("red".into(), "start-stalled".into()));
    wait_for("and for whoever watches", || watch.lines().iter().any(|line| line.contains("start-stalled")));
    let status = machine.status();
    assert_eq!(status["profiles"][0]["restart_helps"], "by-force", "{status}");
    // its own line about the link counts
    append(&machine.hermes().join("logs/agent.log"), &format!("{} INFO {}\n", stamp(), connected_line()));
    wait_for("its word counts", || light(&machine) == ("green".into(), "connected".into()));
    assert_eq!(watch.interrupt(), Some(0));
}

/// A stranger makes a tool print a record about the link, which looks exactly like one of the SDK.
#[test]
fn a_record_in_the_output_of_a_tool_is_not_believed() {
    let forged = format!("{} INFO {}", stamp(), connected_line());
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    gateway.loses();
    gateway.log("agent.log", "ERROR", &format!("agent.tools: {TOOL}\n{forged}"));
    gateway.log("errors.log", "ERROR", &format!("agent.tools: {TOOL}\n{forged}"));
    gateway.log("gateway.log", "INFO", "gateway.run: response ready: done");
    assert_eq!(light(&machine), ("amber".into(), "reconnecting".into()));
    // also if the tool's output is larger than one read of the log
    let filler = "x\n".repeat(200_000);
    for log in ["agent.log", "errors.log"] {
        gateway.log(log, "ERROR", &format!("agent.tools: {TOOL}\n{filler}{forged}"));
    }
    assert_eq!(light(&machine), ("amber".into(), "reconnecting".into()));
}

/// Records long after one with text of strangers count again.
#[test]
fn a_record_a_minute_after_the_text_of_people_is_believed() {
    let connected = connected_line();
    let stop = "gateway.run: Received SIGTERM as a planned gateway stop — exiting cleanly";
    for carrier in
        ["gateway.platforms.feishu_comment: [Feishu-Comment] reply: hi", &format!("agent.tools: {TOOL}")]
    {
        let machine = Machine::new();
        log(
            &machine.hermes(),
            &[
                (300, "INFO", "gateway.run: Starting Hermes Gateway..."),
                (290, "INFO", &connected),
                (120, "INFO", carrier),
                (60, "INFO", stop),
                (59, "INFO", "gateway.run: Gateway stopped"),
            ],
        );
        dead(&machine.hermes());
        assert_eq!(light(&machine), ("grey".into(), "stopped".into()), "{carrier}");
    }
}
