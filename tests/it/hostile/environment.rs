//! Failures of the environment: Gatelight keeps running, shows the truth, and executes nothing that it reads.
//! Tested elsewhere: a full disk (`history::store`), a hanging launchctl (`manager`), the tailer's files (`evidence::tailer`).

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use gatelight::evidence::logbook::LogBook;
use gatelight::health::evidence::{EntryState, Heartbeat, LifeState};
use gatelight::health::{
    Core, Deadlines, Evidence, Light, LinkWord, PlatformEntry, ProcessState, Reason, Signal, StateFile,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

#[cfg(target_os = "linux")]
use crate::support::machine::stamp;
use crate::support::machine::{Gateway, Machine, Stream, append, connected_line};
#[cfg(target_os = "linux")]
use crate::support::skips::{Need, skip};
#[cfg(target_os = "linux")]
use crate::support::wait_for;
use crate::support::{feishu, make_fifo, record};

const CONNECTED: &str = "2026-11-22 11:00:01,000 INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2";
const EXECUTOR: &str = "Executor shutdown has been called";

/// A user's home with one live gateway, whose process is killed at the end of the test.
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
        // the timestamp is later than the start of the child
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

/// Waits for a child; fails after a minute.
fn finished(mut child: Child) -> Output {
    let until = Instant::now() + Duration::from_secs(60);
    // the output fits into a pipe
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
    let mut core = crate::support::new_core(Deadlines::default(), begin());
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
    let mut book = LogBook::new(crate::support::patterns());
    for (n, line) in (1..).zip(lines) {
        let at = begin() + SignedDuration::from_secs(n);
        let block = format!("{line}\n");
        let events = book.read([("agent.log", block.as_bytes())], at);
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
fn words_of_people_are_no_evidence() {
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
        // at a high level, so that only its origin makes it irrelevant
        format!("{at} ERROR agent.tools: Tool terminal returned error (1.2s): RuntimeError: {EXECUTOR}"),
        format!("{at} WARNING agent.loop: Turn ended: RuntimeError: {EXECUTOR}"),
        format!("{at} INFO agent.loop: conversation turn: ERROR Lark: receive message loop exit, err: x"),
        format!(
            "{at} INFO agent.loop: conversation turn: why\n{at} is in: {EXECUTOR}\nRuntimeError: {EXECUTOR}"
        ),
    ] {
        let core = core_after(&[CONNECTED, &said]);
        assert_eq!(core.verdict().reason, Reason::Connected, "{said}");
    }
    // the same words by the gateway are evidence
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
        let shown = core.verdict().evidence.as_ref().unwrap().line.quote();
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
    let status = home.status();
    assert_eq!(light(&status), "green", "{status}");
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
    // names that Hermes refuses are not profiles; jobs may have any name
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
    for limit in [5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 40] {
        let mut command = Command::new("/bin/sh");
        let program = env!("CARGO_BIN_EXE_gatelight");
        command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" status --json"), program]);
        home.around(&mut command);
        let output = finished(command.spawn().unwrap());
        let words = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert!(code.is_some_and(|code| code != 101), "{limit}: {code:?} {words}");
        match serde_json::from_slice::<Value>(&output.stdout) {
            // an unreadable file does not prove a fault of the gateway
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

/// More events at once than the kernel queues, while it watches.
#[test]
fn ten_thousand_files_that_come_while_it_watches_hide_no_loss() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    for n in 0..10_000 {
        std::fs::write(gateway.log_path(&format!("agent.log.{n}.old")), "").unwrap();
    }
    gateway.loses();
    watch.expect("default", "amber", "reconnecting");
    for n in 0..10_000 {
        std::fs::remove_file(gateway.log_path(&format!("agent.log.{n}.old"))).unwrap();
    }
    gateway.connects();
    watch.expect("default", "green", "connected");
}

#[test]
fn a_symlink_loop_in_place_of_a_log_or_a_folder_does_not_hang_it() {
    let home = Home::new();
    let hermes = home.path().join(".hermes");
    symlink("errors.log", home.logs().join("gateway.log")).unwrap();
    symlink("gateway.log", home.logs().join("errors.log")).unwrap();
    symlink(&hermes, hermes.join("profiles")).unwrap();
    assert_eq!(light(&home.status()), "green");
    std::fs::remove_file(home.logs().join("agent.log")).unwrap();
    symlink("agent.log", home.logs().join("agent.log")).unwrap();
    let status = home.status();
    assert_ne!(light(&status), "green", "nothing can be read: {status}");
    assert_ne!(light(&status), "red", "nothing says that it is broken: {status}");
    // the folder itself
    std::fs::remove_dir_all(home.logs()).unwrap();
    symlink("logs", home.logs()).unwrap();
    let status = home.status();
    assert!(!["green", "red"].contains(&light(&status)), "{status}");
}

#[test]
fn a_fifo_in_place_of_a_file_does_not_hang_it() {
    let home = Home::new();
    let hermes = home.path().join(".hermes");
    std::fs::create_dir_all(hermes.join("state")).unwrap();
    for name in
        ["state/gateway.heartbeat", "gateway_state.json", "gateway-starts.log", "logs/gateway-default.log"]
    {
        make_fifo(&hermes.join(name));
    }
    assert_eq!(light(&home.status()), "green");
    std::fs::remove_file(home.logs().join("agent.log")).unwrap();
    make_fifo(&home.logs().join("agent.log"));
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
    let told = String::from_utf8(doctor.stdout).unwrap();
    assert!(serde_json::from_str::<Value>(&told).is_ok() && told.contains("unsafe-permissions"), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), plist, "a look changes nothing");
}

#[test]
fn a_home_that_cannot_be_written_is_still_watched() {
    let home = Home::new();
    // for root too, which permissions do not stop: files instead of folders
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
    Evidence::Heartbeat(Heartbeat { pid: 7, updated_at: None, by_thread: false })
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
                // a clock that jumps ahead looks like a sleep
                if shift.is_positive() {
                    changes.extend(core.step(now, Evidence::Wake { slept: shift.as_secs_f64() }));
                }
            }
            changes.extend(core.step(now, beat()));
        }
        assert!(changes.iter().all(|change| change.to.light() != Light::Red), "{shift}: {changes:?}");
        assert_eq!(core.verdict().light(), Light::Green);
        // a later fault is still detected
        let dead = record(Signal::ExecutorShutdown, None, EXECUTOR, now);
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
    // a loop that is still silent after the grace period is frozen
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
    // the hour that is skipped in spring, or another time zone
    let ahead =
        [back("2026-03-29 01:59:59,000"), lost("2026-03-29 03:00:02,000"), back("2026-03-29 10:00:05,000")];
    let lines: Vec<&str> = ahead.iter().map(String::as_str).collect();
    assert_eq!(core_after(&lines).verdict().light(), Light::Green);
}

/// The gateway has the time zone of its job, Gatelight that of the session: the difference must not matter.
#[test]
fn a_time_zone_that_is_not_the_gateways_changes_no_light() {
    for zone in ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "UTC"] {
        let machine = Machine::new();
        let gateway = Gateway::connected(&machine.hermes());
        // the gateway here writes UTC
        let mut watch = Stream::of({
            let mut command = machine.command(&["watch", "--json"]);
            command.env("TZ", zone);
            command
        });
        watch.expect("default", "green", "connected");
        gateway.loses();
        watch.expect("default", "amber", "reconnecting");
        gateway.connects();
        watch.expect("default", "green", "connected");
        gateway.executor_dies();
        watch.expect("default", "red", "executor-shutdown");
    }
}

/// A gateway is restarted in another time zone: its timestamps jump by hours, and new lines still count as newer.
#[test]
fn a_gateway_that_is_restarted_in_another_time_zone_is_believed() {
    for hours in [-11_i64, 9] {
        let machine = Machine::new();
        let mut gateway = Gateway::connected(&machine.hermes());
        let mut watch = machine.watch();
        watch.expect("default", "green", "connected");
        gateway.process.kill();
        watch.expect("default", "red", "not-running");
        let next = Gateway::start(&machine.hermes());
        watch.expect("default", "amber", "starting");
        let say = |level: &str, message: &str| {
            let at = Timestamp::now() + SignedDuration::from_hours(hours);
            let stamp = at.strftime("%Y-%m-%d %H:%M:%S,%3f");
            append(&next.log_path("agent.log"), &format!("{stamp} {level} {message}\n"));
        };
        say("INFO", "gateway.run: Starting Hermes Gateway...");
        say("INFO", &connected_line());
        watch.expect("default", "green", "connected");
        say("ERROR", "Lark: receive message loop exit, err: x");
        watch.expect("default", "amber", "reconnecting");
        say("INFO", &connected_line());
        watch.expect("default", "green", "connected");
    }
}

/// Descriptors run out while it watches: no false change in the meantime, and nothing is lost.
#[cfg(target_os = "linux")]
#[test]
fn descriptors_that_run_out_while_it_watches_and_come_back() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    let pid = Pid::from_raw(i32::try_from(watch.process.pid()).unwrap());
    let limit = |soft| prlimit(pid, Resource::Nofile, Rlimit { current: Some(soft), maximum: Some(4096) });
    // open files stay open; no others can be opened
    limit(3).unwrap();
    // the last line of the old file can be read, the first one of the new file cannot
    std::fs::rename(gateway.log_path("agent.log"), gateway.log_path("agent.log.1")).unwrap();
    gateway.loses();
    gateway.connects();
    gateway.loses();
    // a second profile comes
    let second = Gateway::connected(&machine.profile("work"));
    // it has polled several times since; its output is checked below
    let told = watch.lines().len();
    let turns = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", watch.process.pid())).unwrap();
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count.unwrap().trim().parse::<u64>().unwrap()
    };
    let before = turns();
    wait_for("it looks several times", || turns() >= before + 5);
    assert!(watch.process.0.try_wait().unwrap().is_none(), "it ended: {:?}", watch.complaints());
    for line in &watch.lines()[told..] {
        assert!(!line.contains("\"red\""), "made up without a look: {line}");
    }
    limit(1024).unwrap();
    let state = |name: &str| {
        let lines = watch.lines();
        let lines = lines.iter().rev().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.into_iter().find(|v| v["profile"] == name).map(|v| v["reason"].as_str().unwrap().to_owned())
    };
    let caught_up = || {
        state("default").as_deref() == Some("reconnecting") && state("work").as_deref() == Some("connected")
    };
    wait_for("it catches up", caught_up);
    gateway.connects();
    second.executor_dies();
    wait_for("it goes on as before", || {
        state("default").as_deref() == Some("connected")
            && state("work").as_deref() == Some("executor-shutdown")
    });
}

/// The logs folder is a symlink to a volume that disappears for a while, as one in /Volumes.
#[test]
fn a_log_on_a_volume_that_is_taken_away_and_comes_back() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let (logs, volume) = (machine.hermes().join("logs"), machine.folder().join("volume"));
    std::fs::rename(&logs, &volume).unwrap();
    symlink(&volume, &logs).unwrap();
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    gateway.loses();
    watch.expect("default", "amber", "reconnecting");
    gateway.connects();
    watch.expect("default", "green", "connected");
    // the symlink dangles: the state of the connection is kept, and nothing else is reported
    let away = machine.folder().join("taken");
    std::fs::rename(&volume, &away).unwrap();
    append(&away.join("agent.log"), "2026-11-22 11:00:00,000 INFO gateway.run: written on another machine\n");
    let status = machine.run(&["status", "--json"]);
    assert!(
        !status.out.contains("\"red\"") && !status.out.contains("\"green\""),
        "no proof is left: {status:?}"
    );
    std::fs::rename(&away, &volume).unwrap();
    gateway.executor_dies();
    watch.expect("default", "red", "executor-shutdown");
}

/// With a real file system that is unmounted lazily, in its own mount namespace.
#[cfg(target_os = "linux")]
#[test]
fn a_log_on_a_file_system_that_is_unmounted_and_mounted_again() {
    let machine = Machine::new();
    let _gateway = Gateway::connected(&machine.hermes());
    let logs = machine.hermes().join("logs");
    let kept = machine.folder().join("kept");
    std::fs::rename(&logs, &kept).unwrap();
    std::fs::create_dir(&logs).unwrap();
    let mount = "mount -t tmpfs none \"$1\" && cp -p \"$2\"/* \"$1\"";
    let permitted = Command::new("unshare")
        .args(["-m", "sh", "-c", mount, "sh"])
        .args([&logs, &kept])
        .output()
        .is_ok_and(|done| done.status.success());
    if !permitted {
        return skip(Need::MountNamespace, "not permitted here");
    }
    let mut command = machine.command_of("unshare");
    command.args(["-m", "sh", "-c", &format!("{mount} && exec \"$3\" watch --json"), "sh"]);
    command.args([&logs, &kept]).arg(env!("CARGO_BIN_EXE_gatelight"));
    let mut watch = Stream::of(command);
    watch.expect("default", "green", "connected");
    let pid = watch.process.pid();
    let inside = |words: &[&str]| {
        let done =
            Command::new("nsenter").arg("-m").args(["-t", &pid.to_string()]).args(words).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    // the namespace's own view of the path
    let within = |path: &Path| PathBuf::from(format!("/proc/{pid}/root{}", path.display()));
    let write = |level: &str, message: &str| {
        append(&within(&logs.join("agent.log")), &format!("{} {level} {message}\n", stamp()));
    };
    write("ERROR", "Lark: receive message loop exit, err: x");
    watch.expect("default", "amber", "reconnecting");
    write("INFO", &connected_line());
    watch.expect("default", "green", "connected");
    let path = logs.to_str().unwrap();
    inside(&["umount", "-l", path]);
    inside(&["mount", "-t", "tmpfs", "none", path]);
    write("INFO", "gateway.run: Channel directory refreshed");
    write("ERROR", "Lark: receive message loop exit, err: y");
    watch.expect("default", "amber", "reconnecting");
    write("INFO", &connected_line());
    watch.expect("default", "green", "connected");
}

/// The state file that an earlier process left behind, read while the new one is known by its log only.
#[test]
fn state_entries_of_another_process_are_dropped() {
    let process = Evidence::Process {
        pid: 2,
        start: Some(2),
        started_at: None,
        state: ProcessState::Running,
        exit: None,
    };
    let start = || record(Signal::Start, None, "Starting Hermes Gateway...", begin());
    for pid in [1, 2] {
        for (life, entry) in [
            (LifeState::Running, None),
            (LifeState::Running, Some(EntryState::Retrying)),
            (LifeState::Running, Some(EntryState::Fatal)),
            (LifeState::StartupFailed, None),
            (LifeState::Stopped, None),
        ] {
            let entry = entry.map(|state| PlatformEntry {
                platform: "feishu".into(),
                profile: None,
                state,
                cause: None,
                other_pid: None,
                line: String::new(),
                updated_at: None,
                writer: None,
            });
            let entries = entry.into_iter().collect();
            let file = StateFile { pid, life, entries, ..StateFile::default() };
            let mut core = crate::support::new_core(Deadlines::default(), begin());
            core.step(begin(), start());
            core.step(begin(), Evidence::StateFile(file.clone()));
            core.step(begin(), process.clone());
            let heeded = core.verdict().reason != Reason::Starting;
            assert_eq!(heeded, pid == 2, "{file:?}: {:?}", core.verdict());
        }
    }
}

/// A link that breaks in the first seconds of a process is not mistaken for a late line of the process before.
#[test]
fn a_link_that_is_lost_just_after_the_process_before_ended_is_reported() {
    let process = |pid, state, at| Evidence::Process {
        pid,
        start: Some(u64::from(pid)),
        started_at: Some(at),
        state,
        exit: None,
    };
    let stamped = |signal, line: &str, at: Timestamp| {
        record(signal, Some(at.to_zoned(jiff::tz::TimeZone::UTC).datetime()), line, at)
    };
    let at = |millis| begin() + SignedDuration::from_secs(10) + SignedDuration::from_millis(millis);
    let mut core = core_after(&[CONNECTED]);
    core.step(at(0), process(7, ProcessState::Gone, begin()));
    core.step(at(200), process(8, ProcessState::Running, at(150)));
    core.step(at(400), stamped(Signal::Start, "Starting Hermes Gateway...", at(390)));
    core.step(at(600), stamped(feishu(LinkWord::Proof), "connected to wss://x", at(590)));
    assert_eq!(core.verdict().reason, Reason::Connected);
    // the last line of the process before, read late
    core.step(at(700), stamped(feishu(LinkWord::Lost), "receive message loop exit", at(-10)));
    assert_eq!(core.verdict().reason, Reason::Connected);
    core.step(at(900), stamped(feishu(LinkWord::Lost), "receive message loop exit", at(890)));
    assert_eq!(core.verdict().reason, Reason::Reconnecting);
}

/// Homes may have any name.
#[test]
fn hostile_names_of_homes_are_names() {
    for name in
        ["$(touch pwned)", "`touch pwned`", "%n%s %h", "-rf", "a\nb", "\u{1b}[31mred", "默认 网关", "'\"<&;|"]
    {
        let machine = Machine::new();
        let home = machine.folder().join(name);
        let gateway = Gateway::connected(&home);
        let escaped = home.to_str().unwrap().replace('&', "&amp;").replace('<', "&lt;").replace('\u{1b}', "");
        let variable = format!(
            "<key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>{escaped}</string></dict>"
        );
        let settings = machine.home().join(".config/gatelight");
        std::fs::create_dir_all(&settings).unwrap();
        if name.contains('\u{1b}') {
            // not possible in XML, but in the settings
            let text = format!("[[profiles]]\nhome = {}\n", Value::from(home.to_str().unwrap()));
            std::fs::write(settings.join("config.toml"), text).unwrap();
        } else {
            machine.plist("ai.hermes.gateway-work", &["/usr/local/bin/hermes", "gateway", "run"], &variable);
        }
        let status = machine.status();
        let profile = &status["profiles"][0];
        assert_eq!(profile["reason"], "connected", "{name:?}: {status}");
        assert_eq!(profile["home"], home.to_str().unwrap(), "{status}");
        let called = profile["profile"].as_str().unwrap().to_owned();
        gateway.executor_dies();
        let mut everything = String::new();
        for arguments in [
            &["status"][..],
            &["status", "--swiftbar"],
            &["logs", "--", &called],
            &["diagnose", "--", &called],
            &["doctor"],
        ] {
            let ran = machine.run(arguments);
            assert!(ran.code.is_some_and(|code| code != 101), "{name:?} {arguments:?}: {ran:?}");
            everything += &ran.out;
            everything += &ran.err;
        }
        assert!(everything.contains("Executor shutdown"), "{name:?}: {everything}");
        assert!(!everything.contains('\u{1b}'), "{name:?}: {everything:?}");
        for folder in
            [machine.folder().to_path_buf(), machine.home(), home.clone(), std::env::current_dir().unwrap()]
        {
            assert!(!folder.join("pwned").exists(), "{name:?}");
        }
    }
}

#[cfg(target_os = "linux")]
mod desktop {
    use super::*;
    use crate::support::bus::{Bus, Desktop, Notifications, Panel, Watcher, until};
    use crate::support::machine::Process;

    /// The agent on this bus.
    fn agent(machine: &Machine, bus: &Bus) -> Process {
        let mut command = machine.command(&[]);
        command
            .env("DBUS_SESSION_BUS_ADDRESS", &bus.address)
            .env("GATELIGHT_SYSTEMCTL", "/nonexistent/systemctl")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Process(command.spawn().unwrap())
    }

    #[test]
    fn the_session_bus_goes_and_comes_back() {
        let Some(mut bus) = Bus::start() else { return };
        let machine = Machine::new();
        let gateway = Gateway::connected(&machine.hermes());
        let second = Gateway::connected(&machine.profile("work"));
        let (watcher, panel_side) = Watcher::start(&bus);
        let mut agent = agent(&machine, &bus);
        let panel = Panel { connection: bus.connect(), item: watcher.item() };
        panel.has("2 of 2 connected");
        drop((panel, panel_side));
        bus.kill();
        // without an icon it still watches and keeps the history
        gateway.executor_dies();
        wait_for("the history has it", || {
            machine.run(&["history", "--json"]).out.contains("executor-shutdown")
        });
        assert!(agent.0.try_wait().unwrap().is_none(), "it ended with the bus");
        bus.again();
        let (watcher, _panel_side) = Watcher::start(&bus);
        let server = Notifications::default();
        let _speaker = Notifications::start(&bus, &server);
        let panel = Panel { connection: bus.connect(), item: watcher.item() };
        panel.has("executor dead");
        panel.has("1 of 2 connected");
        // undelivered notifications are not lost; one that was held back comes now
        until("the notice is told or named as missed", || {
            let told = server.shown.lock().unwrap().iter().any(|n| n.title.contains("default"));
            let missed = panel.labels().iter().any(|label| label.starts_with("Undelivered Notifications: 1"));
            (told || missed).then_some(())
        });
        second.executor_dies();
        until("the next notice comes", || {
            let shown = server.shown.lock().unwrap();
            shown.iter().any(|n| n.body.contains("work") || n.title.contains("work")).then_some(())
        });
        agent.signal(rustix::process::Signal::TERM);
        assert_eq!(agent.end(), Some(0));
    }

    #[test]
    fn a_notification_daemon_that_never_answers_holds_nothing_up() {
        let server = Notifications { hangs: true, ..Notifications::default() };
        let Some(desktop) = Desktop::with_server(server) else { return };
        let machine = Machine::new();
        let gateway = Gateway::connected(&machine.hermes());
        let second = Gateway::connected(&machine.profile("work"));
        let mut agent = agent(&machine, &desktop.bus);
        let panel = desktop.panel();
        panel.has("2 of 2 connected");
        gateway.executor_dies();
        panel.has("1 of 2 connected");
        // the notification hangs; the menu and the history continue
        second.executor_dies();
        panel.has("0 of 2 connected");
        let history = || machine.run(&["history", "--json"]).out.matches("\"executor-shutdown\"").count();
        wait_for("the history has both", || history() >= 2);
        panel.has("Undelivered Notifications: ");
        panel.has("no answer within 5 s");
        agent.signal(rustix::process::Signal::TERM);
        assert_eq!(agent.end(), Some(0));
    }
}
