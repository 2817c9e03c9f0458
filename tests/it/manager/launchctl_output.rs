//! The output of launchctl: real samples (`tests/fixtures/launchctl`) and the `launchctl` of the tests keep one contract.

use gatelight::supervisor::launchd::parse::{self, Row};
use serde_json::json;

use crate::support::launchctl::FakeLaunchctl;
use crate::support::wait_for;

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/launchctl/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// Shape of a `print` and what is read from it: file, PID, state, exit of the previous run, its reason, starts, seconds
/// until SIGKILL, spawn failed.
type Print = (&'static str, Option<u32>, &'static str, Option<i32>, Option<&'static str>, u64, u64, bool);

const CODESIGNING: Option<&str> = Some("OS_REASON_CODESIGNING");

const PRINTS: [Print; 17] = [
    ("print-running.txt", Some(38837), "running", None, None, 48, 25, false),
    ("print-mojave.txt", Some(1486), "running", Some(0), None, 3, 5, false),
    ("print-xpcproxy.txt", Some(4242), "xpcproxy", Some(-15), None, 778, 5, false),
    ("print-spawn-scheduled.txt", None, "spawn scheduled", Some(5), None, 5, 5, false),
    ("print-never-started.txt", None, "not running", None, None, 0, 5, false),
    ("print-config.txt", None, "not running", Some(78), None, 12207, 25, true),
    ("print-running-after-143.txt", Some(38837), "running", Some(143), None, 3, 5, false),
    ("print-exit-127.txt", None, "not running", Some(127), None, 4, 5, false),
    ("print-exit-134.txt", None, "spawn scheduled", Some(134), None, 12, 5, false),
    ("print-killed-9.txt", None, "not running", Some(-9), None, 2, 5, false),
    ("print-codesigning.txt", None, "not running", None, CODESIGNING, 1, 5, true),
    ("print-dyld.txt", None, "spawn scheduled", None, Some("OS_REASON_DYLD"), 33, 5, false),
    ("print-jetsam.txt", None, "not running", None, Some("JETSAM_REASON_MEMORY_IDLE_EXIT"), 23, 5, false),
    ("print-smd-spawn-failed.txt", None, "spawn scheduled", Some(78), None, 22138, 5, true),
    ("print-pid-below-coalition.txt", Some(6289), "running", None, None, 3, 5, false),
    ("print-checked-allocations.txt", Some(1076), "running", None, None, 1, 5, false),
    ("print-lwcr.txt", Some(77880), "running", None, CODESIGNING, 24991, 5, false),
];

/// The fields that the contract is about, in the order of their lines, with their depth.
fn fields(text: &str) -> Vec<(&str, &str)> {
    let first = text.lines().nth(1).unwrap();
    let step = &first[..first.len() - first.trim_start().len()];
    text.lines()
        .filter_map(|line| line.strip_prefix(step))
        .filter(|line| !line.starts_with([' ', '\t']))
        .filter_map(|line| line.split_once(" = "))
        .collect()
}

/// Checks the contract of `print`.
fn keeps_the_contract(name: &str, text: &str) {
    let mut lines = text.lines();
    let head = lines.next().unwrap();
    assert!(head.ends_with(" = {") && !head.starts_with(char::is_whitespace), "{name}: {head}");
    assert_eq!(text.lines().last(), Some("}"), "{name}");
    let fields = fields(text);
    let at = |field: &str| fields.iter().position(|(name, _)| *name == field);
    let count = |field: &str| fields.iter().filter(|(name, _)| *name == field).count();
    // state comes before everything that a job file can influence, pid after it
    assert!(at("active count") < at("path") && at("path") < at("state"), "{name}");
    assert!(at("state") < at("domain") && at("domain") < at("runs"), "{name}");
    assert_eq!((count("state"), count("runs")), (1, 1), "{name}");
    assert!(count("pid") <= 1 && at("pid").is_none_or(|pid| Some(pid) > at("runs")), "{name}");
    let ends = count("last exit code") + count("last terminating signal") + count("last exit reason");
    assert_eq!(ends, 1, "{name}: one word on the previous run");
    assert!(at("minimum runtime") < at("exit timeout") && at("exit timeout") < at("runs"), "{name}");
    let state = fields[at("state").unwrap()].1;
    assert!(
        ["running", "not running", "spawn scheduled", "xpcproxy", "waiting"].contains(&state),
        "{name}: {state}"
    );
    assert_eq!(at("pid").is_some(), matches!(state, "running" | "xpcproxy"), "{name}");
    let job = parse::print(text).unwrap();
    assert!(!job.doubtful, "{name}: {job:?}");
    assert_eq!(job.state.as_deref(), Some(state), "{name}");
    assert_eq!(job.pid.is_some(), at("pid").is_some(), "{name}");
}

#[test]
fn real_shapes_of_print() {
    for (name, pid, state, last_exit, exit_reason, runs, exit_timeout, spawn_failed) in PRINTS {
        let text = fixture(name);
        keeps_the_contract(name, &text);
        let expected = parse::PrintedJob {
            pid,
            state: Some(state.into()),
            last_exit,
            runs: Some(runs),
            exit_timeout_s: Some(exit_timeout),
            exit_reason: exit_reason.map(str::to_owned),
            spawn_failed,
            doubtful: false,
        };
        assert_eq!(parse::print(&text), Some(expected), "{name}");
    }
}

#[test]
fn every_cut_of_a_real_answer_is_doubted_or_refused() {
    for (name, ..) in PRINTS {
        let text = fixture(name);
        for end in (0..text.trim_end().len()).filter(|end| text.is_char_boundary(*end)) {
            assert!(parse::print(&text[..end]).is_none_or(|job| job.doubtful), "{name}: cut at {end}");
        }
    }
}

#[test]
fn real_shapes_of_list() {
    let idle = parse::list_label(&fixture("list-label.txt")).unwrap();
    assert_eq!((idle.pid, idle.last_exit), (None, Some(0)));
    let running = parse::list_label(&fixture("list-label-running.txt")).unwrap();
    assert_eq!((running.pid, running.last_exit), (Some(12445), Some(-15)));
    let rows = parse::list(&fixture("list.txt"));
    let row = |pid, status, label: &str| Row { pid, status, label: label.into() };
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[2], row(Some(913), -9, "ai.hermes.gateway"));
    assert_eq!(rows[3], row(None, 78, "ai.hermes.gateway-work"));
    for name in ["print-disabled.txt", "print-disabled-old.txt"] {
        let text = fixture(name);
        assert!(parse::is_disabled(&text, "ai.hermes.gateway"), "{name}");
        assert!(!parse::is_disabled(&text, "ai.hermes.gateway-work"), "{name}");
        assert!(!parse::is_disabled(&text, "hermes.gateway"), "{name}");
    }
}

/// The launchctl of the tests prints what the real one prints, with the same exit codes.
#[test]
fn the_fake_keeps_the_contract() {
    let fake = FakeLaunchctl::new(&json!({"linger_ms": 700}));
    let uid = rustix::process::getuid().as_raw();
    let label = "ai.hermes.gateway";
    let target = format!("gui/{uid}/{label}");
    let domain = format!("gui/{uid}");
    let say = |arguments: &[&str]| {
        let output = fake.call(arguments);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let mut complaints: Vec<(i32, &str, String)> = Vec::new();
    let mut complain = |verb: &'static str, arguments: &[&str]| {
        let (code, stdout, stderr) = say(arguments);
        assert_eq!(stdout, "", "{arguments:?}");
        complaints.extend(stderr.lines().map(|line| (code, verb, line.replace(&uid.to_string(), "501"))));
    };
    let job = fake.job(
        label,
        "sleep 0.05; exit 5",
        "<key>KeepAlive</key><true/><key>ExitTimeOut</key><integer>2</integer>",
    );
    let path = job.path.to_str().unwrap();
    complain("print", &["print", &target]);
    complain("list", &["list", label]);
    complain("kickstart", &["kickstart", "-k", &target]);
    complain("bootout", &["bootout", &target]);

    assert_eq!(say(&["bootstrap", &domain, path]), (0, String::new(), String::new()));
    let mut states = std::collections::BTreeSet::new();
    wait_for("it runs, ends and waits for its throttle", || {
        let (code, text, _) = say(&["print", &target]);
        assert_eq!(code, 0);
        keeps_the_contract("fake", &text);
        states.insert(parse::print(&text).unwrap().state.unwrap());
        states.contains("running") && states.contains("spawn scheduled")
    });
    let (code, text, _) = say(&["list", label]);
    let listed = parse::list_label(&text).unwrap();
    assert_eq!((code, listed.last_exit), (0, Some(5)));
    let (_, table, _) = say(&["list"]);
    assert!(table.starts_with("PID\tStatus\tLabel\n"), "{table}");
    assert_eq!(parse::list(&table).len(), 1, "{table}");
    assert_eq!(say(&["managername"]).1, "Aqua\n");
    complain("bootstrap", &["bootstrap", &domain, path]);
    complain("load", &["load", path]);
    // still ending when bootout returns
    complain("bootout", &["bootout", &target]);
    wait_for("it is gone", || say(&["print", &target]).0 == 113);
    fake.faults(
        &json!([{"on": "bootstrap", "code": 125, "times": 1}, {"on": "bootstrap", "code": 37, "times": 1}]),
    );
    complain("bootstrap", &["bootstrap", &domain, path]);
    complain("bootstrap", &["bootstrap", &domain, path]);

    // every error message is a known one
    let record = fixture("errors.txt");
    for (code, verb, line) in complaints {
        let known = record.lines().any(|known| known == format!("{code}\t{verb}\t{line}"))
            || line == "Try running `launchctl bootstrap` as root for richer errors.";
        assert!(known, "{code} {verb}: {line}");
    }

    assert_eq!(say(&["disable", &target]).0, 0);
    let (_, text, _) = say(&["print-disabled", &domain]);
    assert!(parse::is_disabled(&text, label), "{text}");
    assert_eq!(say(&["bootstrap", &domain, path]).0, 119);
    assert_eq!(say(&["load", "-w", path]).0, 0);
    assert!(!parse::is_disabled(&say(&["print-disabled", &domain]).1, label));
    let (code, text, _) = say(&["kickstart", "-k", "-p", &target]);
    assert!(code == 0 && text.starts_with("service spawned with pid: "), "{text}");
    assert_eq!(say(&["unload", path]).0, 0);
    assert_eq!(say(&["frobnicate"]).0, 64);
    assert!(parse::unknown_subcommand(&say(&["frobnicate"]).2));
}
