//! The real `gatelight` with real files and processes in a temporary HOME: what it prints when something changes.
//!
//! `Stream::expect` takes the next line of `watch --json`: a surplus change fails as a missing one does.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use gatelight::evidence::clock::Moment;
use gatelight::evidence::collector::{Collector, JobProcess};
use gatelight::evidence::process;
use gatelight::health::{Deadlines, ProcessState, Reason};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;
use serde::Deserialize;
use serde_json::json;

use crate::support::machine::{
    Gateway, Machine, Process, Ran, SECRETS, Stream, append, connected_line, stamp,
};
use crate::support::skips::{Need, skip};
use crate::support::{make_fifo, wait_for};

const GREEN: (&str, &str) = ("green", "connected");

fn now_is(machine: &Machine, profile: &str, light: &str, reason: &str) {
    let mut last = None;
    wait_for(&format!("{profile} becomes {light} {reason}"), || {
        last = machine.light(profile);
        last == Some((light.to_owned(), reason.to_owned()))
    });
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    version: u32,
    at: jiff::Timestamp,
    agent: Option<serde_json::Value>,
    profiles: Vec<Profile>,
}

#[allow(clippy::struct_field_names)] // the names are the JSON's
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    profile: String,
    label: Option<String>,
    light: String,
    reason: String,
    platform: Option<String>,
    since: jiff::Timestamp,
    evidence: Option<Evidence>,
    restart_helps: Option<String>,
    pid: Option<u32>,
    uptime_s: Option<f64>,
    manager: Option<String>,
    served_by: Option<String>,
    hermes: Option<serde_json::Value>,
    home: String,
    links: Vec<Link>,
    notes: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    platform: String,
    light: String,
    reason: String,
    since: jiff::Timestamp,
    evidence: Option<Evidence>,
    last_message_at: Option<jiff::Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Evidence {
    source: String,
    line: String,
    at: jiff::Timestamp,
}

fn parsed(ran: &Ran) -> Status {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn status_says_by_its_exit_code_how_it_stands() {
    let machine = Machine::new();
    let none = machine.run(&["status"]);
    assert_eq!(none.code, Some(4), "{none:?}");
    for place in ["LaunchAgents", ".hermes", "profiles"] {
        assert!(none.err.contains(place), "{none:?}");
    }
    let none = machine.run(&["status", "--json"]);
    assert_eq!((none.code, parsed(&none).profiles.len()), (Some(4), 0));

    let first = Gateway::connected(&machine.hermes());
    let green = machine.run(&["status", "--json"]);
    assert_eq!(green.code, Some(0), "{green:?}");
    let status = parsed(&green);
    assert_eq!(status.version, 1);
    let profile = &status.profiles[0];
    assert_eq!((profile.light.as_str(), profile.reason.as_str()), GREEN);
    assert_eq!((profile.profile.as_str(), profile.pid), ("default", Some(first.process.pid())));
    assert_eq!((&profile.label, &profile.manager, &profile.restart_helps), (&None, &None, &None));
    assert_eq!(Path::new(&profile.home), machine.hermes());
    assert!(profile.uptime_s.is_some_and(|s| s >= 0.0) && profile.notes.is_empty(), "{profile:?}");
    let evidence = profile.evidence.as_ref().unwrap();
    assert_eq!(evidence.source, "agent.log");
    assert!(evidence.line.contains("connected to wss://") && evidence.at <= status.at, "{evidence:?}");
    assert!(profile.since <= status.at);
    let [link] = &profile.links[..] else { panic!("one link: {profile:?}") };
    assert_eq!(
        (link.platform.as_str(), link.light.as_str(), link.reason.as_str()),
        ("feishu", "green", "connected")
    );
    assert_eq!((&profile.served_by, profile.platform.as_deref()), (&None, Some("feishu")));
    assert_eq!((&profile.hermes, &status.agent), (&None, &None));
    assert!(link.since <= status.at && link.last_message_at.is_none() && link.evidence.is_some(), "{link:?}");

    let second = Gateway::connected(&machine.profile("work"));
    second.loses();
    let amber = machine.run(&["status", "--json"]);
    assert_eq!(amber.code, Some(3), "{amber:?}");
    assert_eq!(parsed(&amber).profiles[1].reason, "reconnecting");
    assert_eq!(machine.run(&["status", "default"]).code, Some(0), "only what was asked for counts");

    second.executor_dies();
    let red = machine.run(&["status", "--json"]);
    assert_eq!(red.code, Some(1), "{red:?}");
    let work = parsed(&red).profiles.remove(1);
    assert_eq!((work.light.as_str(), work.reason.as_str()), ("red", "executor-shutdown"));
    assert!(work.restart_helps.is_some() && work.evidence.unwrap().line.contains("Executor shutdown"));

    let unknown = machine.run(&["status", "nobody"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.err.contains("work"), "it says which there are: {unknown:?}");
    assert_eq!(machine.run(&["status", "--what"]).code, Some(2));
    let settings = machine.home().join(".config/gatelight");
    fs::create_dir_all(&settings).unwrap();
    fs::write(settings.join("config.toml"), "no-such-setting = 1\n").unwrap();
    // the path of the settings depends on the system
    if cfg!(target_os = "linux") {
        let wrong = machine.run(&["status"]);
        assert_eq!(wrong.code, Some(2), "{wrong:?}");
        assert!(wrong.err.contains("no-such-setting"), "{wrong:?}");
    }
}

#[test]
fn profiles_come_and_go_while_it_watches() {
    let machine = Machine::new();
    let _first = Gateway::connected(&machine.hermes());
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");

    // a job file for a home elsewhere
    let home = machine.folder().join("elsewhere");
    let second = Gateway::connected(&home);
    let variable = format!(
        "<key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>{}</string></dict>",
        home.display()
    );
    let words = ["/usr/local/bin/hermes", "gateway", "run"];
    let plist = machine.plist("ai.hermes.gateway-work", &words, &variable);
    watch.expect("work", "green", "connected");
    second.loses();
    watch.expect("work", "amber", "reconnecting");

    // another label in the same file is another job: its state is reported once, its past is not
    let text = fs::read_to_string(&plist).unwrap();
    fs::write(&plist, text.replace("gateway-work", "gateway-job")).unwrap();
    watch.expect("job", "amber", "reconnecting");
    second.connects();
    watch.expect("job", "green", "connected");

    // removed: no more changes of it
    fs::remove_file(&plist).unwrap();
    wait_for("the profile is gone", || machine.light("job").is_none());
    second.loses();
    // a home appears
    let third = Gateway::connected(&machine.profile("third"));
    watch.expect_new("third", "green", "connected");
    third.executor_dies();
    watch.expect("third", "red", "executor-shutdown");
    fs::remove_dir_all(machine.profile("third")).unwrap();
    let names = || {
        let status = machine.status();
        status["profiles"].as_array().unwrap().iter().map(|p| p["profile"].clone()).collect::<Vec<_>>()
    };
    wait_for("the home is gone", || names() == ["default"]);

    // a malformed file is reported, and the others stay
    fs::write(machine.agents().join("ai.hermes.gateway-bad.plist"), "<plist><dict>").unwrap();
    let ran = machine.run(&["status"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("gateway-bad.plist"), "{ran:?}");
    assert_eq!(watch.interrupt(), Some(0));
}

#[test]
fn the_folder_of_the_job_files_appears_later() {
    let machine = Machine::new();
    let _first = Gateway::connected(&machine.hermes());
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    let home = machine.folder().join("elsewhere");
    let _second = Gateway::connected(&home);
    let variable = format!(
        "<key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>{}</string></dict>",
        home.display()
    );
    machine.plist("ai.hermes.gateway-late", &["/usr/local/bin/hermes", "gateway", "run"], &variable);
    watch.expect("late", "green", "connected");
}

#[test]
fn rotation_by_rename_loses_and_doubles_nothing() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    fs::rename(gateway.log_path("agent.log"), gateway.log_path("agent.log.1")).unwrap();
    gateway.loses();
    watch.expect("default", "amber", "reconnecting");
    // a descriptor that still leads to the old file
    append(&gateway.log_path("agent.log.1"), &format!("{} INFO {}\n", stamp(), connected_line()));
    watch.expect("default", "green", "connected");
    fs::rename(gateway.log_path("agent.log.1"), gateway.log_path("agent.log.2")).unwrap();
    fs::rename(gateway.log_path("agent.log"), gateway.log_path("agent.log.1")).unwrap();
    gateway.executor_dies();
    watch.expect("default", "red", "executor-shutdown");
}

/// The system reports no writes to the target of a symlink: only polling finds them, and a new target.
#[test]
fn a_log_behind_a_link_is_followed_without_a_word_of_the_system() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let elsewhere = machine.folder().join("elsewhere.log");
    fs::rename(gateway.log_path("agent.log"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, gateway.log_path("agent.log")).unwrap();
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    gateway.loses();
    watch.expect("default", "amber", "reconnecting");
    fs::rename(&elsewhere, machine.folder().join("elsewhere.log.1")).unwrap();
    gateway.connects();
    watch.expect("default", "green", "connected");
}

#[test]
fn copytruncate_deletion_and_return_lose_and_double_nothing() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    let log = gateway.log_path("agent.log");
    fs::copy(&log, gateway.log_path("agent.log.1")).unwrap();
    fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(0).unwrap();
    gateway.loses();
    watch.expect("default", "amber", "reconnecting");
    fs::remove_file(&log).unwrap();
    gateway.connects();
    watch.expect("default", "green", "connected");
    fs::remove_dir_all(log.parent().unwrap()).unwrap();
    gateway.loses();
    watch.expect("default", "amber", "reconnecting");
    gateway.connects();
    watch.expect("default", "green", "connected");
}

#[test]
fn the_logs_folder_may_come_later() {
    let machine = Machine::new();
    let gateway = Gateway::start(&machine.hermes());
    fs::write(machine.hermes().join("config.yaml"), "").unwrap();
    let mut watch = machine.watch();
    watch.expect("default", "amber", "starting");
    gateway.starts();
    gateway.connects();
    watch.expect("default", "green", "connected");
}

#[test]
fn a_state_file_counts_once_it_is_whole_and_of_the_live_process() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    let entry = || {
        let now = jiff::Timestamp::now().to_string();
        json!({"state": "fatal", "error_code": "x", "error_message": "credentials", "updated_at": now})
    };
    let mut state = gateway.state(json!({"feishu": entry()}));
    let path = machine.hermes().join("gateway_state.json");
    // from another process: must change nothing
    let mut foreign = state.clone();
    foreign["pid"] = json!(1);
    fs::write(&path, foreign.to_string()).unwrap();
    // half written: must change nothing
    let text = state.to_string();
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    gateway.loses();
    watch.expect("default", "amber", "reconnecting");
    gateway.connects();
    watch.expect("default", "green", "connected");
    // complete, but from before the link was confirmed: outdated
    fs::write(&path, &text).unwrap();
    state["platforms"] = json!({"feishu": entry()});
    fs::write(&path, state.to_string()).unwrap();
    watch.expect("default", "amber", "reconnecting");
    let line = watch.line();
    assert!(line.contains("\"red\""), "it has stood for 2 s: {line}");
}

#[test]
fn the_process_counts_and_not_its_pid_file() {
    let machine = Machine::new();
    let mut gateway = Gateway::connected(&machine.hermes());
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    fs::remove_file(machine.hermes().join("gateway.pid")).unwrap();
    gateway.loses();
    watch.expect("default", "amber", "reconnecting");
    gateway.connects();
    watch.expect("default", "green", "connected");
    gateway.process.kill();
    // no service manager is known that would start it again
    watch.expect("default", "red", "not-running");
    let next = Gateway::start(&machine.hermes());
    watch.expect("default", "amber", "starting");
    next.starts();
    next.connects();
    watch.expect("default", "green", "connected");
}

fn simulate(machine: &Machine, home: &Path) -> Process {
    let home = home.to_str().unwrap();
    let mut command = machine.command(&["simulate", "--home", home, "--script", "clean"]);
    Process(command.stdout(Stdio::null()).spawn().unwrap())
}

#[test]
fn a_killed_gateway_is_seen_at_once_and_its_successor_too() {
    let machine = Machine::new();
    let home = machine.hermes();
    let mut gateway = simulate(&machine, &home);
    now_is(&machine, "default", "green", "connected");
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    gateway.kill();
    let gone = watch.expect("default", "red", "not-running");
    assert!(!gone["evidence"].as_str().unwrap().is_empty(), "{gone}");
    let _next = simulate(&machine, &home);
    watch.expect("default", "amber", "starting");
    watch.expect("default", "green", "connected");
}

#[test]
fn a_stopped_process_is_shown_and_so_is_its_return() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    gateway.process.signal(Signal::STOP);
    watch.expect("default", "red", "process-suspended");
    gateway.process.signal(Signal::CONT);
    watch.expect("default", "green", "connected");
}

#[test]
fn a_process_that_is_found_stopped_is_not_taken_for_one_that_works() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    gateway.process.signal(Signal::STOP);
    let pid = gateway.process.pid();
    while process::look(pid).is_some_and(|info| info.state != ProcessState::Stopped) {
        std::thread::yield_now();
    }
    let home = machine.hermes();
    let logs = vec![home.join("logs/agent.log")];
    let profile = gatelight::profile::Profile { name: "default".into(), home, job: None, logs };
    let patterns = crate::support::patterns();
    // a minute after its last line
    let at = Timestamp::now() + SignedDuration::from_mins(1);
    let now = Moment { at, instant: Instant::now() };
    let (_, past) = Collector::attach(&profile, &patterns, &TimeZone::UTC, now, JobProcess::None, None);
    let mut core = crate::support::new_core(Deadlines::default(), past[0].0);
    for (at, evidence) in past {
        core.step(at, evidence);
    }
    core.tick(at);
    assert_eq!(core.verdict().reason, Reason::ProcessSuspended);
}

/// A long chat rotates the line that confirms the link away; Hermes keeps four files of 5 MiB.
#[test]
fn a_start_that_was_rotated_away_is_still_found() {
    let machine = Machine::new();
    let gateway = Gateway::start(&machine.hermes());
    fs::create_dir_all(machine.hermes().join("logs")).unwrap();
    let chat = format!("{} INFO agent.loop: turn: model answered in 1.2 s, 812 tokens\n", stamp());
    let chat = chat.repeat((5 << 20) / chat.len());
    let line = format!("{} INFO {}\n", stamp(), connected_line());
    for (index, text) in [(0, &chat), (1, &chat), (2, &chat), (3, &(line + &chat))] {
        let name = if index == 0 { "agent.log".to_owned() } else { format!("agent.log.{index}") };
        fs::write(gateway.log_path(&name), text).unwrap();
    }
    assert_eq!(machine.light("default"), Some(("green".into(), "connected".into())));
}

/// Records of earlier processes, each so many seconds ago.
fn before(home: &Path, message: &str, ago: &[i64]) {
    fs::create_dir_all(home.join("logs")).unwrap();
    for seconds in ago {
        let at = Timestamp::now() - SignedDuration::from_secs(*seconds);
        let line = format!("{} INFO gateway.run: {message}\n", at.strftime("%Y-%m-%d %H:%M:%S,%3f"));
        append(&home.join("logs/agent.log"), &line);
    }
}

#[test]
fn a_loop_is_seen_at_the_first_look() {
    let takeover = "Received SIGTERM as a planned --replace takeover — exiting cleanly";
    let start = "Starting Hermes Gateway...";
    for (message, ago, shown) in [
        (takeover, &[500, 300, 100][..], ("red", "replace-loop")),
        (takeover, &[900, 700, 300, 100][..], GREEN),
        (start, &[100, 80, 60, 40, 20][..], ("red", "crash-loop")),
        (start, &[200, 180, 60, 40, 20][..], GREEN),
    ] {
        let machine = Machine::new();
        before(&machine.hermes(), message, ago);
        let _gateway = Gateway::connected(&machine.hermes());
        let seen = machine.light("default").unwrap();
        assert_eq!((seen.0.as_str(), seen.1.as_str()), shown, "{message} {ago:?}");
    }
}

#[test]
fn every_log_of_the_folder_can_be_replayed_at_once() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    append(&gateway.log_path("gateway-exit-diag.log"), "{\"tag\": \"gateway.start\", \"pid\": 1}\n");
    let named = |name: &str| gateway.log_path(name).to_str().unwrap().to_owned();
    let (agent, diag) = (named("agent.log"), named("gateway-exit-diag.log"));
    let ran = machine.run(&["replay", "--json", &diag, &agent]);
    assert!(ran.code == Some(0) && ran.out.contains("connected"), "{}", ran.err);
    assert!(ran.err.contains("gateway-exit-diag.log"), "it is told which one said nothing: {}", ran.err);
    assert_eq!(machine.run(&["replay", "--json", &diag]).code, Some(2), "alone it is no recording");
}

#[test]
fn the_state_at_the_start_is_no_news() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    gateway.loses();
    gateway.connects();
    // the last line about the link is in a rotated file, followed by many irrelevant lines
    fs::rename(gateway.log_path("agent.log"), gateway.log_path("agent.log.2")).unwrap();
    let filler = format!("{} INFO gateway.run: Channel directory refreshed\n", stamp());
    append(&gateway.log_path("agent.log.1"), &filler.repeat(12_000));
    append(&gateway.log_path("agent.log"), &filler.repeat(12_000));
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    gateway.loses();
    watch.expect("default", "amber", "reconnecting");
    assert_eq!(watch.interrupt(), Some(0), "{:?}", watch.complaints());
}

#[test]
fn r74872_a_refusal_names_the_profile_of_the_first_gateway() {
    let machine = Machine::new();
    let first = Gateway::connected(&machine.hermes());
    let pid = first.process.pid();
    let mut refused = Gateway::start(&machine.profile("work"));
    refused.starts();
    let refusal = format!("gateway.run: Another gateway instance is already running (PID {pid}).");
    refused.log("agent.log", "ERROR", &refusal);
    refused.process.kill();
    let status = parsed(&machine.run(&["status", "--json"]));
    let of = |name: &str| status.profiles.iter().find(|row| row.profile == name).unwrap();
    assert_ne!(of("work").light, "green");
    assert_eq!(of("default").light, "green");
    let whose = format!("PID {pid}, is the gateway of profile default");
    assert!(of("work").notes.iter().any(|note| note.contains(&whose)), "{:?}", of("work").notes);
    assert!(of("default").notes.is_empty(), "{:?}", of("default").notes);
}

#[test]
fn a_planned_stop_is_grey_at_the_start() {
    let machine = Machine::new();
    let mut gateway = Gateway::connected(&machine.hermes());
    gateway.log(
        "agent.log",
        "INFO",
        "gateway.run: Received SIGTERM as a planned gateway stop — exiting cleanly",
    );
    gateway.log(
        "agent.log",
        "ERROR",
        "Lark: receive message loop exit, err: sent 1000 (OK); then received 1000 (OK)",
    );
    fs::remove_file(machine.hermes().join("gateway.pid")).unwrap();
    gateway.process.kill();
    let mut watch = machine.watch();
    watch.expect("default", "grey", "stopped");
    assert_eq!(machine.run(&["status"]).code, Some(3));
}

/// `gatelight` as a user without root's rights; `None` where that is not possible.
fn unprivileged(machine: &Machine, arguments: &[&str]) -> Option<Command> {
    if !rustix::process::getuid().is_root() {
        return Some(machine.command(arguments));
    }
    if !Path::new("/usr/bin/setpriv").exists() {
        skip(Need::Setpriv, "root cannot lose a permission without it");
        return None;
    }
    let program = machine.folder().join("gatelight");
    if !program.exists() {
        // copied by another program: a child that another test starts at this moment would inherit our open file, and a file
        // that is open for writing cannot be executed
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_gatelight")).arg(&program).status().unwrap();
        assert!(copied.success());
    }
    for folder in
        [machine.folder().to_path_buf(), machine.home(), machine.hermes(), machine.hermes().join("logs")]
    {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = machine.command_of("/usr/bin/setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).args(arguments);
    Some(command)
}

#[test]
fn a_permission_taken_away_and_given_back() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let log = gateway.log_path("agent.log");
    let logs = log.parent().unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let Some(command) = unprivileged(&machine, &["watch", "--json"]) else {
        return;
    };
    mode(&log, 0o000);
    let mut watch = Stream::of(command);
    let first = watch.expect("default", "amber", "starting");
    let status = unprivileged(&machine, &["status", "--json"]).unwrap().output().unwrap();
    let status = String::from_utf8_lossy(&status.stdout);
    assert!(status.contains(&format!("no permission to read {}", log.display())), "{first} {status}");
    mode(&log, 0o644);
    watch.expect("default", "green", "connected");
    // the folder cannot be entered: not a fault, and what was written in the meantime counts once
    mode(logs, 0o000);
    let owner = rustix::process::getuid().is_root();
    if owner {
        gateway.loses();
        gateway.connects();
    }
    mode(logs, 0o755);
    gateway.executor_dies();
    loop {
        let line = watch.line();
        if line.contains("executor-shutdown") {
            break;
        }
        assert!(owner && (line.contains("reconnecting") || line.contains("\"connected\"")), "{line}");
    }
}

#[test]
fn a_fifo_in_place_of_a_log_does_not_block() {
    let machine = Machine::new();
    let gateway = Gateway::start(&machine.hermes());
    fs::create_dir_all(machine.hermes().join("logs/errors.log")).unwrap();
    make_fifo(&gateway.log_path("agent.log"));
    gateway.log("gateway.log", "INFO", "gateway.run: Starting Hermes Gateway...");
    gateway.log("gateway.log", "INFO", &connected_line());
    now_is(&machine, "default", "green", "connected");
    // the first look names unreadable files with their paths
    let notes = machine.status()["profiles"][0]["notes"].to_string();
    for (log, why) in [("errors.log", "is a folder"), ("agent.log", "is a FIFO")] {
        let path = gateway.log_path(log).display().to_string();
        assert!(notes.contains(&format!("{path} {why}")), "{notes}");
    }
    let logs = machine.run(&["logs", "default"]);
    assert_eq!(logs.code, Some(0), "{logs:?}");
    assert!(logs.out.contains("Starting Hermes Gateway"));
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    fs::remove_file(gateway.log_path("agent.log")).unwrap();
    gateway.loses();
    watch.expect("default", "amber", "reconnecting");
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    for arguments in [&["watch", "--json"][..], &["watch"], &["logs", "-f", "default"]] {
        let mut child = machine.command(arguments);
        let mut process = Process(child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        let mut out = process.0.stdout.take().unwrap();
        let mut one = [0_u8; 1];
        std::io::Read::read_exact(&mut out, &mut one).unwrap();
        drop(out);
        if arguments[0] == "logs" {
            gateway.loses();
            gateway.connects();
        }
        assert_eq!(process.end(), Some(0), "{arguments:?}");
        let mut complaints = String::new();
        std::io::Read::read_to_string(&mut process.0.stderr.take().unwrap(), &mut complaints).unwrap();
        assert_eq!(complaints, "", "{arguments:?}");
    }
    let pipe = format!("{} status --json | true", env!("CARGO_BIN_EXE_gatelight"));
    let ran = Ran::of(machine.command_of("/bin/sh").args(["-c", &pipe]).output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[test]
fn colours_only_on_a_terminal_and_never_against_the_users_will() {
    let machine = Machine::new();
    let _gateway = Gateway::connected(&machine.hermes());
    assert!(!machine.run(&["status"]).out.contains('\x1b'));
    if !(cfg!(target_os = "linux") && Path::new("/usr/bin/script").exists()) {
        return skip(Need::Terminal, "no script(1) of util-linux");
    }
    let on_terminal = |variable: &str| {
        let mut command = machine.command_of("/usr/bin/script");
        command.args(["-qec", &format!("{} status", env!("CARGO_BIN_EXE_gatelight")), "/dev/null"]);
        if !variable.is_empty() {
            command.env(variable, "1");
        }
        Ran::of(command.output().unwrap())
    };
    assert!(on_terminal("").out.contains("\x1b["));
    let plain = on_terminal("NO_COLOR");
    assert!(plain.out.contains("default") && !plain.out.contains('\x1b'), "{plain:?}");
}

#[test]
fn it_speaks_the_users_language() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    gateway.executor_dies();
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    let zh = Ran::of(machine.command(&["status"]).env("LANG", "zh_CN.UTF-8").output().unwrap());
    assert!(zh.code == Some(1) && chinese(&zh.out), "{zh:?}");
    assert!(!chinese(&machine.run(&["status"]).out));
    let json = Ran::of(machine.command(&["status", "--json"]).env("LANG", "zh_CN.UTF-8").output().unwrap());
    assert_eq!(parsed(&json).profiles[0].reason, "executor-shutdown", "programs read one language");
}

fn told(lines: &[String]) -> Vec<(String, String)> {
    let value = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    lines.iter().map(value).map(|v| (text(&v["light"]), text(&v["reason"]))).collect()
}

#[test]
fn a_recording_plays_back_what_was_watched() {
    let machine = Machine::new();
    let mut gateway = Gateway::connected(&machine.hermes());
    let file = machine.folder().join("recording.jsonl");
    let mut recorder = Stream::of(machine.command(&["record", "default", "--out", file.to_str().unwrap()]));
    recorder.line();
    // lines that one of them reads one by one and the other together play back as fewer states
    let wait_recorded = |word: &str, times: usize| {
        wait_for("the recorder has seen it as well", || {
            fs::read_to_string(&file).unwrap().matches(word).count() == times
        });
    };
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    wait_recorded("Lark: connected", 1);
    gateway.loses();
    watch.expect("default", "amber", "reconnecting");
    wait_recorded("receive message loop exit", 1);
    gateway.connects();
    watch.expect("default", "green", "connected");
    wait_recorded("Lark: connected", 2);
    gateway.executor_dies();
    watch.expect("default", "red", "executor-shutdown");
    wait_recorded("Executor shutdown", 1);
    gateway.process.kill();
    // no service manager is known that would start it again
    watch.expect("default", "red", "not-running");
    wait_recorded("\"gone\"", 1);
    assert_eq!(recorder.interrupt(), Some(0), "{:?}", recorder.complaints());

    let text = fs::read_to_string(&file).unwrap();
    assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
    let replay = machine.run(&["replay", "--json", file.to_str().unwrap()]);
    assert_eq!(replay.code, Some(0), "{replay:?}");
    let played: Vec<String> = replay.out.lines().map(str::to_owned).collect();
    let (played, seen) = (told(&played), told(&watch.lines()));
    // a replay begins before the first evidence
    let begin = played.iter().position(|state| *state == seen[0]).unwrap();
    assert_eq!(played[begin..], seen, "{text}");
    let again = machine.run(&["record", "default", "--out", file.to_str().unwrap()]);
    assert_eq!(again.code, Some(2), "an existing file is not overwritten: {again:?}");
}

/// A recording that starts after the incident must replay to what `status` shows.
#[test]
fn a_recording_plays_back_how_a_gateway_was_found() {
    type Make<'a> = &'a dyn Fn(&mut Gateway);
    let dies = |gateway: &mut Gateway| gateway.process.kill();
    let hollow = |gateway: &mut Gateway| {
        let traceback = "asyncio: Task exception was never retrieved\nTraceback (most recent call last):\n  File \
                         \"/x/y.py\", line 1, in z\nRuntimeError: Executor shutdown has been called";
        gateway.log("agent.log", "ERROR", traceback);
    };
    let refuses = |gateway: &mut Gateway| {
        let platforms = json!({"feishu": {"state": "fatal", "error_message": "no such app"}});
        gateway.file("gateway_state.json", &gateway.state(platforms));
        // later than the link, also on a file system with coarse times
        let path = gateway.home.join("gateway_state.json");
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(1)).unwrap();
    };
    let detached = |gateway: &mut Gateway| {
        fs::write(gateway.home.join(".gateway-launchd-unsupported"), "").unwrap();
    };
    let cases: [(&str, Make<'_>); 5] = [
        ("connected", &|_| ()),
        ("not-running", &dies),
        ("executor-shutdown", &hollow),
        ("link-ended", &refuses),
        ("unsupervised", &detached),
    ];
    for (reason, make) in cases {
        let machine = Machine::new();
        let mut gateway = Gateway::connected(&machine.hermes());
        make(&mut gateway);
        let file = machine.folder().join("recording.jsonl");
        let file = file.to_str().unwrap();
        let mut recorder = Stream::of(machine.command(&["record", "default", "--out", file]));
        recorder.line();
        // a gateway counts as gone once its manager could have answered
        wait_for(reason, || machine.light("default").is_some_and(|(_, shown)| shown == reason));
        assert_eq!(recorder.interrupt(), Some(0), "{reason}: {:?}", recorder.complaints());
        let replay = machine.run(&["replay", "--json", file]);
        let played: Vec<String> = replay.out.lines().map(str::to_owned).collect();
        let last = told(&played).pop().map(|(_, reason)| reason);
        assert_eq!(last.as_deref(), Some(reason), "{}", fs::read_to_string(file).unwrap());
        // through a pipe
        let mut piped = machine.command(&["replay", "--json", "-"]);
        let piped = piped.stdin(fs::File::open(file).unwrap()).output().unwrap();
        assert_eq!(String::from_utf8(piped.stdout).unwrap(), replay.out, "{reason}");
        assert_eq!(fs::read_dir(machine.tmp()).unwrap().count(), 0, "nothing is left behind");
    }
}

#[test]
fn logs_are_merged_followed_and_clean_of_secrets() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    // the same record in two files
    let line = format!("{} ERROR Lark: connect failed, err: 502: system busy\n", stamp());
    append(&gateway.log_path("agent.log"), &line);
    append(&gateway.log_path("errors.log"), &line);
    let once = machine.run(&["logs", "default"]);
    assert_eq!(once.code, Some(0), "{once:?}");
    assert_eq!(once.out.matches("502: system busy").count(), 1, "{once:?}");
    assert_eq!(once.out.lines().count(), 4, "{once:?}");
    assert_eq!(machine.run(&["logs", "default", "-n", "1"]).out.lines().count(), 1);
    assert_eq!(machine.run(&["logs", "nobody"]).code, Some(2));

    let mut follow = Stream::of(machine.command(&["logs", "-f", "default"]));
    (0..4).for_each(|_| drop(follow.line()));
    gateway.connects();
    let fresh = follow.line();
    assert!(fresh.contains("connected to wss://"), "{fresh}");
    fs::rename(gateway.log_path("agent.log"), gateway.log_path("agent.log.1")).unwrap();
    gateway.executor_dies();
    assert!(follow.line().contains("Executor shutdown"));
    assert_eq!(follow.interrupt(), Some(0));

    let mut everything = once.out + &follow.lines().join("\n");
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["logs", "default"],
        &["diagnose", "default"],
        &["doctor", "--json"],
        &["replay", gateway.log_path("agent.log.1").to_str().unwrap()],
        &["replay", "--json", gateway.log_path("agent.log.1").to_str().unwrap()],
    ] {
        let ran = machine.run(arguments);
        everything += &ran.out;
        everything += &ran.err;
    }
    assert!(SECRETS.iter().all(|secret| !everything.contains(secret)), "{everything}");
}

/// Processes with this path in their arguments.
#[cfg(target_os = "linux")]
fn processes_of(path: &Path) -> Vec<u32> {
    let mine = |pid: &u32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).contains(path.to_str().unwrap())
    };
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).filter(mine).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_demo_leaves_nothing_behind_however_it_ends() {
    for signal in [Some(Signal::INT), Some(Signal::TERM), Some(Signal::HUP), None] {
        let machine = Machine::new();
        let seconds = if signal.is_some() { "60" } else { "5" };
        let mut demo = Stream::of(machine.command(&["demo", "--for", seconds]));
        wait_for("both gateways run", || processes_of(&machine.tmp()).len() == 2);
        if let Some(signal) = signal {
            demo.process.signal(signal);
        }
        assert_eq!(demo.process.end(), Some(0), "{signal:?}: {:?} {:?}", demo.lines(), demo.complaints());
        // nothing happens within 5 s of the starts
        let lost_green = demo.lines().into_iter().find(|line| line.contains("was green"));
        assert_eq!(lost_green, None);
        assert_eq!(fs::read_dir(machine.tmp()).unwrap().count(), 0, "{signal:?}");
        assert_eq!(processes_of(&machine.tmp()), Vec::<u32>::new(), "{signal:?}");
        assert_eq!(fs::read_dir(machine.home()).unwrap().count(), 0, "{signal:?}");
    }
}
