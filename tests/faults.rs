//! What may go wrong around Gatelight, a test a row: it stays upright, says the truth, and runs nothing that it reads.
//! Rows that stand elsewhere: disk full (`history_store`), a hanging launchctl (`restart`), the tailer's files (`tailer`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gatelight::evidence::logbook::LogBook;
use gatelight::evidence::patterns::Patterns;
use gatelight::health::{Core, Deadlines, Evidence, Light, ProcessState, Reason, Signal};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const CONNECTED: &str = "2026-11-22 11:00:01,000 INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2";
const EXECUTOR: &str = "Executor shutdown has been called";

/// A user's home with one gateway that lives: the child that stands for it ends with the test.
struct Home {
    folder: tempfile::TempDir,
    gateway: Child,
}

impl Home {
    fn new() -> Self {
        let home = Self {
            folder: tempfile::tempdir().unwrap(),
            gateway: Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap(),
        };
        home.profile(".hermes");
        home
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn logs(&self) -> PathBuf {
        self.path().join(".hermes/logs")
    }

    /// A connected gateway in this home.
    fn profile(&self, name: &str) {
        let home = self.path().join(name);
        std::fs::create_dir_all(home.join("logs")).unwrap();
        // the stamp is of a time after the start of the child
        let now = (jiff::Zoned::now() + Duration::from_secs(1)).strftime("%Y-%m-%d %H:%M:%S,000").to_string();
        let line = CONNECTED.replace("2026-11-22 11:00:01,000", &now);
        std::fs::write(home.join("logs/agent.log"), format!("{line}\n")).unwrap();
        std::fs::write(home.join("gateway.pid"), format!("{{\"pid\": {}}}", self.gateway.id())).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatelight"));
        command.args(arguments);
        self.around(&mut command);
        command
    }

    fn around(&self, command: &mut Command) {
        command.env_clear().env("HOME", self.path()).env("PATH", "/usr/bin:/bin").current_dir(self.path());
        if let Some(zone) = std::env::var_os("TZ") {
            command.env("TZ", zone);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    fn run(&self, arguments: &[&str]) -> Output {
        finished(self.command(arguments).spawn().unwrap())
    }

    fn status(&self) -> Value {
        let output = self.run(&["status", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.gateway.kill();
        let _ = self.gateway.wait();
    }
}

/// Waits for a child; only a hang takes a minute.
fn finished(mut child: Child) -> Output {
    let until = Instant::now() + Duration::from_secs(60);
    // what is told here fits into a pipe
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("hangs: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

fn light(status: &Value) -> &str {
    status["profiles"][0]["light"].as_str().unwrap_or("none")
}

fn begin() -> Timestamp {
    "2026-11-22T11:00:00Z".parse().unwrap()
}

/// A live gateway, and these lines one second apart.
fn core_after(lines: &[&str]) -> Core {
    let mut core = Core::new(Deadlines::default(), begin());
    core.step(
        begin(),
        Evidence::Process {
            pid: 7,
            start: Some(1),
            started_at: Some(begin()),
            state: ProcessState::Running,
            exit: None,
        },
    );
    let mut book = LogBook::new(Arc::new(Patterns::new(&[]).unwrap()));
    for (n, line) in (1..).zip(lines) {
        let at = begin() + SignedDuration::from_secs(n);
        let mut events = Vec::new();
        book.read("agent.log", format!("{line}\n").as_bytes(), at, &mut |event| events.push(event));
        for event in events {
            core.step(at, event.into_evidence());
        }
    }
    core
}

#[test]
fn without_a_fault_it_is_green() {
    assert_eq!(light(&Home::new().status()), "green");
    assert_eq!(core_after(&[CONNECTED]).verdict().reason, Reason::Connected);
}

#[test]
fn what_people_write_is_no_evidence() {
    let at = "2026-11-22 11:00:02,000";
    for said in [
        format!(
            "{at} INFO gateway.platforms.feishu: [Feishu] Inbound dm message received: text='{EXECUTOR}'"
        ),
        format!(
            "{at} INFO gateway.platforms.feishu: [Feishu] Inbound dm message received: text='user said: {EXECUTOR}'"
        ),
        format!("{at} INFO gateway.run: inbound message: platform=feishu msg='RuntimeError: {EXECUTOR}'"),
        format!("{at} INFO gateway.run: response ready: RuntimeError: {EXECUTOR}"),
        format!("{at} INFO agent.loop: conversation turn: ERROR Lark: receive message loop exit, err: x"),
        format!(
            "{at} INFO agent.loop: conversation turn: why\n{at} is in: {EXECUTOR}\nRuntimeError: {EXECUTOR}"
        ),
    ] {
        let core = core_after(&[CONNECTED, &said]);
        assert_eq!(core.verdict().reason, Reason::Connected, "{said}");
    }
    // and the same words said by the gateway are
    let real = format!("{at} ERROR gateway.platforms.feishu: [Feishu] Send failed: {EXECUTOR}");
    assert_eq!(core_after(&[CONNECTED, &real]).verdict().reason, Reason::ExecutorShutdown, "{real}");
}

#[test]
fn hostile_text_becomes_one_plain_line() {
    let huge = "A".repeat(1 << 20);
    for hostile in [
        "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}[31m",
        "<script>alert(1)</script>&amp;<b>",
        "a\r\rb\u{2028}c\u{85}d\te\0f",
        "\u{202e}gnirts desrever\u{2066}",
        "%n%s%n $(touch pwned) `touch pwned`",
        huge.as_str(),
    ] {
        let line = format!("2026-11-22 11:00:02,000 ERROR Lark: receive message loop exit, err: {hostile}");
        let core = core_after(&[CONNECTED, &line]);
        assert_eq!(core.verdict().reason, Reason::Reconnecting);
        let shown = &core.verdict().evidence.as_ref().unwrap().line;
        assert!(shown.chars().count() <= 400, "{}", shown.len());
        assert!(
            !shown.chars().any(|c| c.is_control() || matches!(c, '\u{202e}' | '\u{2066}' | '\u{2028}')),
            "{shown:?}"
        );
    }
}

#[test]
fn a_log_of_bad_bytes_and_a_line_without_end_is_no_fault_of_the_gateway() {
    let home = Home::new();
    let mut log = std::fs::read(home.logs().join("agent.log")).unwrap();
    log.extend([0xff, 0xfe, 0, b'\n']);
    log.extend(vec![b'x'; 3 << 20]);
    std::fs::write(home.logs().join("agent.log"), log).unwrap();
    // what lies before so long a line may be out of reach, but nothing is broken
    let status = home.status();
    assert!(["green", "amber"].contains(&light(&status)), "{status}");
}

#[test]
fn hostile_profile_names_are_names() {
    let home = Home::new();
    let names = [
        "$(touch pwned)",
        "`touch pwned`",
        "%n%s",
        "-rf",
        "--help",
        "a\nb",
        "\u{1b}[31mred",
        "..x",
        "a;touch pwned",
        "默认",
        "'\"<&",
    ];
    for name in names {
        home.profile(&format!(".hermes/profiles/{name}"));
    }
    let agents = home.path().join("Library/LaunchAgents");
    std::fs::create_dir_all(&agents).unwrap();
    for (n, label) in ["../../x", "$(touch pwned)", "-bootout", "%n", "a b"].iter().enumerate() {
        let plist = format!(
            "<plist version=\"1.0\"><dict><key>Label</key><string>ai.hermes.gateway-{label}</string>\
             <key>ProgramArguments</key><array><string>hermes</string><string>gateway</string><string>run</string></array>\
             <key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>{label}</string></dict></dict></plist>"
        );
        std::fs::write(agents.join(format!("ai.hermes.gateway-{n}.plist")), plist).unwrap();
    }
    let status = home.status();
    let shown: Vec<&str> =
        status["profiles"].as_array().unwrap().iter().map(|p| p["profile"].as_str().unwrap()).collect();
    // names that Hermes itself would refuse are no profiles; jobs may be called anything
    for name in ["$(touch pwned)", "%n", "-bootout"] {
        assert!(shown.contains(&name), "{name}: {shown:?}");
    }
    for name in names.iter().copied().chain(["../x", "../../etc/passwd"]) {
        for arguments in [
            vec!["status", "--", name],
            vec!["logs", "--", name],
            vec!["restart", "--yes", "--", name],
            vec!["diagnose", "--", name],
            vec!["doctor", "--", name],
        ] {
            let output = home.run(&arguments);
            let text = [output.stdout, output.stderr].concat();
            assert!(output.status.code().is_some(), "{arguments:?} ended by a signal");
            assert_ne!(
                output.status.code(),
                Some(101),
                "{arguments:?} panicked: {}",
                String::from_utf8_lossy(&text)
            );
            assert!(!text.contains(&0x1b), "{arguments:?}: {}", String::from_utf8_lossy(&text));
        }
    }
    let swiftbar = home.run(&["status", "--swiftbar"]).stdout;
    assert!(!swiftbar.contains(&0x1b));
    let mut pwned = vec![home.path().join("pwned"), home.logs().join("pwned")];
    pwned.retain(|path| path.exists());
    assert!(pwned.is_empty(), "{pwned:?}");
}

#[test]
fn without_descriptors_it_says_so_or_works() {
    let home = Home::new();
    for n in 0..20 {
        home.profile(&format!(".hermes/profiles/p{n}"));
    }
    let mut greens = 0;
    for limit in [10, 12, 14, 16, 20, 24, 40] {
        let mut command = Command::new("/bin/sh");
        let program = env!("CARGO_BIN_EXE_gatelight");
        command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" status --json"), program]);
        home.around(&mut command);
        let output = finished(command.spawn().unwrap());
        let words = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert!(code.is_some_and(|code| code != 101), "{limit}: {code:?} {words}");
        match serde_json::from_slice::<Value>(&output.stdout) {
            // what cannot be read is no proof of a fault of the gateway
            Ok(status) => {
                let reds =
                    status["profiles"].as_array().unwrap().iter().filter(|p| p["light"] == "red").count();
                assert_eq!(reds, 0, "{limit}: {status}");
                greens += 1;
            }
            Err(_) => assert!(!words.is_empty(), "{limit}: silent"),
        }
    }
    assert!(greens > 0, "it never worked");
}

#[test]
fn ten_thousand_files_beside_the_log_hide_nothing() {
    let home = Home::new();
    for n in 0..10_000 {
        std::fs::write(home.logs().join(format!("agent.log.{n}.old")), "").unwrap();
    }
    assert_eq!(light(&home.status()), "green");
}

#[test]
fn links_in_a_circle_and_pipes_in_place_of_files_do_not_hang_it() {
    let home = Home::new();
    let hermes = home.path().join(".hermes");
    symlink("errors.log", home.logs().join("gateway.log")).unwrap();
    symlink("gateway.log", home.logs().join("errors.log")).unwrap();
    symlink(&hermes, hermes.join("profiles")).unwrap();
    std::fs::create_dir_all(hermes.join("state")).unwrap();
    for name in
        ["state/gateway.heartbeat", "gateway_state.json", "gateway-starts.log", "logs/gateway-default.log"]
    {
        let made = Command::new("mkfifo").arg(hermes.join(name)).status().unwrap();
        assert!(made.success());
    }
    assert_eq!(light(&home.status()), "green");
    std::fs::remove_file(home.logs().join("agent.log")).unwrap();
    assert!(Command::new("mkfifo").arg(home.logs().join("agent.log")).status().unwrap().success());
    let status = home.status();
    assert_ne!(light(&status), "green", "nothing can be read: {status}");
    let output = home.run(&["replay", home.logs().join("agent.log").to_str().unwrap()]);
    assert_ne!(output.status.code(), Some(0));
    assert!(finished(home.command(&["logs", "default"]).spawn().unwrap()).status.code().is_some());
}

#[test]
fn a_job_file_that_others_may_write_is_read_and_named_as_it_is() {
    let home = Home::new();
    let agents = home.path().join("Library/LaunchAgents");
    std::fs::create_dir_all(&agents).unwrap();
    let path = agents.join("ai.hermes.gateway.plist");
    let plist = "<plist version=\"1.0\"><dict><key>Label</key><string>ai.hermes.gateway</string>\
        <key>ProgramArguments</key><array><string>hermes</string><string>gateway</string><string>run</string></array></dict></plist>";
    std::fs::write(&path, plist).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let status = home.status();
    assert_eq!(status["profiles"][0]["label"], "ai.hermes.gateway", "{status}");
    let doctor = home.run(&["doctor", "--json"]);
    assert!(serde_json::from_slice::<Value>(&doctor.stdout).is_ok(), "{doctor:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), plist, "a look changes nothing");
}

#[test]
fn a_home_that_cannot_be_written_is_still_watched() {
    let home = Home::new();
    // also for root, whom permissions do not stop: files in the place of folders
    for name in [".local", ".cache"] {
        std::fs::write(home.path().join(name), "").unwrap();
    }
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
    let status = home.status();
    let code = home.run(&["history"]).status.code();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(light(&status), "green", "{status}");
    assert!(code.is_some_and(|code| code != 101));
}

/// Evidence that a healthy gateway gives every 30 s.
fn beat() -> Evidence {
    Evidence::Heartbeat { pid: 7, updated_at: None }
}

#[test]
fn a_clock_that_is_set_back_or_forward_a_day_makes_nothing_red() {
    for shift in [SignedDuration::from_hours(-24), SignedDuration::from_hours(24)] {
        let mut core = core_after(&[CONNECTED]);
        let mut changes = Vec::new();
        let mut now = begin() + SignedDuration::from_secs(10);
        for turn in 0..20 {
            now += SignedDuration::from_secs(30);
            if turn == 5 {
                now += shift;
                // a clock that jumps ahead looks like a sleep, and is told as one
                if shift.is_positive() {
                    changes.extend(core.step(now, Evidence::Wake { slept: shift.as_secs_f64() }));
                }
            }
            changes.extend(core.step(now, beat()));
        }
        assert!(changes.iter().all(|change| change.to.light() != Light::Red), "{shift}: {changes:?}");
        assert_eq!(core.verdict().light(), Light::Green);
        // and a fault after it is still seen
        let dead = Evidence::Log {
            signal: Signal::ExecutorShutdown,
            other_pid: None,
            stamp: None,
            proof: gatelight::health::Proof::new("agent.log", EXECUTOR, now),
        };
        core.step(now, dead);
        assert_eq!(core.verdict().reason, Reason::ExecutorShutdown);
    }
}

#[test]
fn eight_hours_of_sleep_make_nothing_red() {
    let mut core = core_after(&[CONNECTED]);
    core.step(begin() + SignedDuration::from_secs(20), beat());
    let woke = begin() + SignedDuration::from_hours(8);
    let mut changes = core.step(woke, Evidence::Wake { slept: 8.0 * 3600.0 - 25.0 });
    changes.extend(core.tick(woke + SignedDuration::from_secs(80)));
    assert!(changes.is_empty(), "{changes:?}");
    // a loop that does not turn again after the grace is frozen
    core.tick(woke + SignedDuration::from_secs(200));
    assert_eq!(core.verdict().reason, Reason::EventLoopFrozen);
}

#[test]
fn the_hour_that_the_end_of_summer_time_repeats_hides_no_recovery_and_no_loss() {
    let lost = |stamp: &str| format!("{stamp} ERROR Lark: receive message loop exit, err: x");
    let back = |stamp: &str| format!("{stamp} INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2");
    let recovered =
        [back("2026-10-25 01:10:00,000"), lost("2026-10-25 02:59:50,000"), back("2026-10-25 02:00:05,000")];
    let lines: Vec<&str> = recovered.iter().map(String::as_str).collect();
    assert_eq!(core_after(&lines).verdict().light(), Light::Green);
    let down = [back("2026-10-25 02:59:50,000"), lost("2026-10-25 02:00:05,000")];
    let lines: Vec<&str> = down.iter().map(String::as_str).collect();
    assert_eq!(core_after(&lines).verdict().reason, Reason::Reconnecting);
    // and the hour that its begin leaves out, or a journey to another zone
    let ahead =
        [back("2026-03-29 01:59:59,000"), lost("2026-03-29 03:00:02,000"), back("2026-03-29 10:00:05,000")];
    let lines: Vec<&str> = ahead.iter().map(String::as_str).collect();
    assert_eq!(core_after(&lines).verdict().light(), Light::Green);
}
