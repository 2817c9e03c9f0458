//! The real `gatelight` repairs real job files and restarts real processes; only `launchctl` is simulated.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::similar_names,
    clippy::format_push_string
)]

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gatelight::doctor::flow::{self, After, Link, Outcome, RepairContext, Step};
use gatelight::doctor::repair::Wanted;
use gatelight::health::JobState;
use gatelight::profile::launchd::{Plist, read};
use gatelight::supervisor::Supervisor;
use gatelight::text::Lang;
use serde_json::{Value, json};

use crate::support;
use crate::support::launchctl::FakeLaunchctl;
use crate::support::machine::{Gateway, Machine, Ran, plist};
use crate::support::wait_for;

/// A gateway as the two jobs of the article run it: it logs to its standard output, a second after its start (no two of its kind write in one second).
/// It keeps its arguments.
const SPEAKS: &str = "#!/bin/sh
trap 'exit 0' TERM
sleep 1
say() { TZ=UTC date \"+%Y-%m-%d %H:%M:%S $1\"; }
say 'INFO  Gateway started'
say 'INFO  Feishu WebSocket connected'
while :; do sleep 0.05; done
";

struct Stage {
    fake: FakeLaunchctl,
    machine: Machine,
}

impl Stage {
    fn new() -> Self {
        let fake = FakeLaunchctl::new(&json!({}));
        let machine = Machine::with_launchctl(&fake.program());
        Self { fake, machine }
    }

    /// Writes an executable script and returns its path.
    fn program(&self, name: &str, script: &str) -> String {
        let path = self.machine.folder().join(name);
        support::executable(&path, script);
        path.to_str().unwrap().to_owned()
    }

    /// A job of a simulated gateway that plays `first`, and is healthy after a restart.
    fn simulated(&self, name: &str, first: &str, more: &str) -> PathBuf {
        let home = self.machine.profile(name);
        let home = home.to_str().unwrap();
        let script = format!(
            "#!/bin/sh\nexec {} simulate --home {home} --script {first} --then clean {more}\n",
            env!("CARGO_BIN_EXE_gatelight")
        );
        let program = self.program(&format!("hermes-{name}"), &script);
        let label = format!("ai.hermes.gateway-{name}");
        let settings = format!(
            "<key>RunAtLoad</key><true/><key>KeepAlive</key><true/><key>EnvironmentVariables</key><dict>\
             <key>HERMES_HOME</key><string>{home}</string></dict>"
        );
        let file = self.machine.plist(&label, &[&program, "gateway", "run"], &settings);
        self.fake.load("gui", &file);
        file
    }

    /// A job of a gateway that is connected as soon as it runs.
    fn speaking(&self, name: &str) -> PathBuf {
        let program = self.program("hermes", SPEAKS);
        let log = self.machine.hermes().join(format!("logs/gateway-{name}.log"));
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        let settings = format!(
            "<key>RunAtLoad</key><true/><key>KeepAlive</key><true/><key>ThrottleInterval</key><integer>1</integer>\
             <key>StandardOutPath</key><string>{}</string>",
            log.display()
        );
        let file = self.machine.plist(
            &format!("ai.hermes.gateway-{name}"),
            &[&program, "gateway", "run"],
            &settings,
        );
        self.fake.load("gui", &file);
        file
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.machine.run(arguments)
    }

    fn becomes(&self, profile: &str, light: &str, reason: &str) {
        let mut last = None;
        wait_for(
            &format!("{profile} becomes {light} {reason}, not {:?}", self.machine.light(profile)),
            || {
                last = self.machine.light(profile);
                last == Some((light.to_owned(), reason.to_owned()))
            },
        );
    }

    fn pid(&self, profile: &str) -> u64 {
        let status = self.machine.status();
        let found = status["profiles"].as_array().unwrap().iter().find(|p| p["profile"] == profile);
        found.unwrap()["pid"].as_u64().unwrap()
    }

    /// Calls that change something.
    fn changes(&self) -> Vec<String> {
        let asks = ["print", "list", "managername", "print-disabled", "version"];
        let calls = self.fake.calls().into_iter();
        calls.filter(|call| !asks.contains(&call.split(' ').next().unwrap())).collect()
    }
}

fn objects(ran: &Ran) -> Vec<Value> {
    ran.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {ran:?}")))
        .collect()
}

fn outcome<'a>(told: &'a [Value], profile: &str) -> &'a Value {
    told.iter().find(|o| o["profile"] == profile && o["outcome"].is_string()).unwrap()
}

#[test]
fn a_job_whose_wrapper_chooses_the_profile_is_that_profiles_job() {
    let stage = Stage::new();
    let work = stage.machine.profile("work");
    // the file does not name a profile: it belongs to the default one
    let script = format!(
        "#!/bin/sh\nexec {} simulate --home {} --script clean\n",
        env!("CARGO_BIN_EXE_gatelight"),
        work.display()
    );
    let program = stage.program("start-it", &script);
    let settings = "<key>RunAtLoad</key><true/><key>KeepAlive</key><true/>";
    let file = stage.machine.plist("ai.hermes.gateway", &[&program], settings);
    stage.fake.load("gui", &file);
    wait_for("the gateway names its process", || work.join("gateway.pid").exists());
    let mut last = Vec::new();
    wait_for("one row, with the job", || {
        let status = stage.machine.status();
        let row = |p: &Value| (p["profile"].clone(), p["label"].clone());
        last = status["profiles"].as_array().unwrap().iter().map(row).collect();
        last == [(json!("work"), json!("ai.hermes.gateway"))]
    });
    let ran = stage.run(&["restart", "work"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn a_job_that_is_loaded_while_we_watch_is_noticed_though_it_writes_nothing() {
    let stage = Stage::new();
    let program = stage.program("hermes-mute", "#!/bin/sh\nwhile :; do sleep 0.05; done\n");
    let arguments = [program.as_str(), "gateway", "run"];
    let file = stage.machine.plist("ai.hermes.gateway-mute", &arguments, "<key>RunAtLoad</key><true/>");
    let mut watch = stage.machine.watch();
    watch.expect("mute", "red", "not-loaded");
    stage.fake.load("gui", &file);
    watch.expect("mute", "amber", "starting");
}

#[test]
fn the_two_jobs_of_the_article_are_repaired_in_one_command() {
    let stage = Stage::new();
    let program = stage.program("hermes", SPEAKS);
    let home = stage.machine.home();
    fs::create_dir_all(stage.machine.hermes().join("logs")).unwrap();
    let names = ["default", "work"];
    let mut files = Vec::new();
    for name in names {
        let text = fs::read_to_string(format!(
            "{}/tests/service-files/blog-{name}.plist",
            env!("CARGO_MANIFEST_DIR")
        ));
        let text = text.unwrap().replace("/usr/local/bin/hermes", &program);
        let text = text.replace("/Users/lu", home.to_str().unwrap());
        let path = stage.machine.agents().join(format!("ai.hermes.gateway-{name}.plist"));
        fs::write(&path, &text).unwrap();
        stage.fake.load("gui", &path);
        files.push((path, text));
    }
    for name in names {
        stage.becomes(name, "green", "connected");
    }
    let old: Vec<u64> = names.map(|name| stage.pid(name)).into();

    let found = stage.run(&["doctor", "--json"]);
    assert_eq!(found.code, Some(1), "{found:?}");
    let findings = objects(&found).remove(0)["findings"].clone();
    for name in names {
        let flag = |f: &&Value| f["code"] == "replace-flag" && f["profile"] == name && f["fixable"] == true;
        assert!(findings.as_array().unwrap().iter().any(|f| flag(&f)), "{findings}");
    }

    stage.fake.forget_calls();
    let dry = stage.run(&["doctor", "--fix", "--dry-run"]);
    assert_eq!(dry.code, Some(1), "{dry:?}");
    assert_eq!(dry.out.matches("\n-  ").count(), 2, "{dry:?}");
    assert!(files.iter().all(|(path, text)| fs::read_to_string(path).unwrap() == *text));
    assert_eq!(fs::read_dir(stage.machine.agents()).unwrap().count(), 2);
    assert_eq!(stage.changes(), Vec::<String>::new());

    let fixed = stage.run(&["doctor", "--fix", "--yes"]);
    assert_eq!(fixed.code, Some(0), "{fixed:?}");
    for (path, text) in &files {
        let removed = |line: &&str| line.contains("--replace</string>");
        let line = text.lines().find(removed).unwrap();
        // Text in comments is masked.
        let (shown, _) = line.split_once("<!--").unwrap_or((line, ""));
        assert!(fixed.out.contains(&format!("\n-{shown}")), "{fixed:?}");
        let now = fs::read_to_string(path).unwrap();
        assert!(!now.contains("<string>--replace"), "{now}");
        let same = text.lines().filter(|old| now.lines().any(|new| new == *old)).count();
        assert_eq!(same, text.lines().count() - 1, "{now}");
    }
    assert_eq!(fixed.out.lines().filter(|l| l.starts_with("-  ")).count(), 2, "{fixed:?}");
    let list = String::from_utf8(stage.fake.call(&["list"]).stdout).unwrap();
    for (name, old) in names.iter().zip(&old) {
        let row = list.lines().find(|row| row.ends_with(&format!("\tai.hermes.gateway-{name}"))).unwrap();
        let pid: u64 = row.split('\t').next().unwrap().parse().unwrap();
        assert_ne!(pid, *old, "a new process: {list}");
        stage.becomes(name, "green", "connected");
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&words).contains("--replace"));
    }

    let after: Vec<_> = files.iter().map(|(path, _)| fs::read(path).unwrap()).collect();
    stage.fake.forget_calls();
    let again = stage.run(&["doctor", "--fix", "--yes"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(stage.changes(), Vec::<String>::new());
    assert!(files.iter().zip(&after).all(|((path, _), bytes)| fs::read(path).unwrap() == *bytes));
}

#[test]
fn every_version_of_a_copied_home_is_repaired_although_nothing_can_be_reloaded() {
    let machine = Machine::new();
    let keep = "<key>RunAtLoad</key><true/><key>KeepAlive</key>";
    let (always, on_failure) =
        (format!("{keep}<true/>"), format!("{keep}<dict><key>SuccessfulExit</key><false/></dict>"));
    let shell = "exec hermes gateway run --external-supervisor";
    let table: [(&str, &[&str], &str, bool); 9] = [
        ("g0", &["hermes", "gateway", "run"], &on_failure, false),
        ("g1", &["hermes", "gateway", "run", "--replace"], &on_failure, true),
        ("g2", &["hermes", "gateway", "run", "--replace"], &always, true),
        ("g3", &["hermes", "gateway", "run", "--external-supervisor"], &always, false),
        ("g4", &["hermes", "gateway", "run", "--external-supervisor"], &on_failure, false),
        (
            "g5",
            &[
                "/usr/bin/osascript",
                "-l",
                "JavaScript",
                "-e",
                "ObjC.import(\"stdlib\"); $.system(\"exec hermes gateway run --replace\")",
            ],
            &on_failure,
            true,
        ),
        ("shell", &["/bin/sh", "-c", shell], &on_failure, false),
        ("foo", &["hermes", "gateway", "run", "--replace-foo"], &on_failure, false),
        ("comment", &["hermes", "gateway", "run"], &format!("<!-- no --replace here -->{on_failure}"), false),
    ];
    let mut files = Vec::new();
    for (name, words, more, flagged) in table {
        let home = machine.profile(name);
        fs::create_dir_all(&home).unwrap();
        let home = format!(
            "<key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>{}</string></dict>",
            home.display()
        );
        let label = format!("ai.hermes.gateway-{name}");
        let words: Vec<String> = words.iter().map(|word| word.replace('"', "&quot;")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let path = machine.agents().join(format!("{label}.plist"));
        let text = plist(&label, &words, &format!("{home}{more}"));
        fs::write(&path, &text).unwrap();
        files.push((name, path, text, flagged));
    }
    let fixed = machine.run(&["doctor", "--fix", "--yes", "--json"]);
    assert_eq!(fixed.code, Some(0), "{fixed:?}");
    let repairs = objects(&fixed).remove(0)["repairs"].clone();
    for (name, path, text, flagged) in &files {
        let now = fs::read_to_string(path).unwrap();
        let repair = repairs.as_array().unwrap().iter().find(|r| r["profile"] == *name);
        if *flagged {
            assert!(!now.contains("--replace"), "{name}: {now}");
            assert_eq!(repair.unwrap()["outcome"], "not reloaded", "{name}: {repairs}");
        } else {
            assert_eq!(now, *text, "{name}");
            assert!(repair.is_none(), "{name}: {repairs}");
        }
    }
    let again = machine.run(&["doctor", "--fix", "--yes"]);
    assert_eq!(again.code, Some(0), "{again:?}");
}

/// A repair removes `--replace`; a missing program is left, and is not kept quiet.
#[test]
fn findings_that_cannot_be_repaired_are_told_after_a_repair() {
    let machine = Machine::new();
    machine.plist("ai.hermes.gateway", &["/nonexistent/hermes", "gateway", "run", "--replace"], "");
    for said in ["1 of 1 jobs fixed", "nothing to repair"] {
        let ran = machine.run(&["doctor", "--fix", "--yes"]);
        assert!(ran.out.contains(said) && ran.out.contains("1 finding is left that --fix cannot"), "{ran:?}");
    }
}

/// A script whose gateway connects and soon becomes hollow.
fn hollow(stage: &Stage) -> String {
    let [start, wait, link, dead] = [
        "INFO gateway.run: Starting Hermes Gateway...",
        "INFO gateway.run: Connecting to feishu...",
        "INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2",
        "WARNING gateway.kanban: kanban notifier tick failed: Executor shutdown has been called",
    ];
    let mut text = json!({"recording": 1, "start": "2026-11-22T11:00:00Z", "profile": "hollow"}).to_string();
    let pid = json!({"t": 0.0, "file": "gateway.pid", "json": {"pid": 1, "kind": "hermes-gateway", "start_time": 1}});
    text += &format!("\n{pid}\n");
    for (second, line) in [(1, start), (2, wait), (3, link), (4, dead)] {
        let line = format!("2026-11-22 11:00:0{second},000 {line}");
        text += &json!({"t": 0.05 * f64::from(second), "log": "agent.log", "line": line}).to_string();
        text.push('\n');
    }
    let path = stage.machine.folder().join("hollow.jsonl");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_hollow_shell_that_ignores_sigterm_is_replaced_and_reported() {
    let stage = Stage::new();
    let hollow = hollow(&stage);
    for name in ["one", "two"] {
        stage.simulated(name, &hollow, "--ignore-term");
    }
    stage.simulated("well", "clean", "");
    for name in ["one", "two"] {
        stage.becomes(name, "red", "executor-shutdown");
    }
    stage.becomes("well", "green", "connected");
    let old = ["one", "two", "well"].map(|name| stage.pid(name));

    let ran = stage.run(&["restart", "one"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("SIGTERM"), "that it had to be killed is told: {ran:?}");
    assert_ne!(stage.pid("one"), old[0]);
    stage.becomes("one", "green", "connected");

    let ran = stage.run(&["restart", "--red", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let told = objects(&ran);
    assert!(told.iter().all(|o| o["profile"] == "two"), "only what is red: {ran:?}");
    let steps: Vec<&str> = told.iter().filter_map(|o| o["step"].as_str()).collect();
    assert_eq!(steps, ["ending-old", "starting-new", "proving-link"]);
    let end = outcome(&told, "two");
    assert_eq!((&end["outcome"], &end["killed"]), (&json!("worked"), &json!(true)), "{end}");
    assert_eq!(end["pid"].as_u64(), Some(stage.pid("two")));
    assert_eq!(stage.pid("well"), old[2], "what is well was left alone");

    let ran = stage.run(&["restart", "--red"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(stage.changes().iter().filter(|call| call.starts_with("kickstart")).count(), 2);
}

/// The file of a job whose gateway runs and is connected, with `--replace` and without it.
struct Replacing {
    file: PathBuf,
    label: String,
    before: String,
    after: String,
}

impl Replacing {
    fn new(stage: &Stage, name: &str) -> Self {
        let file = stage.speaking(name);
        let after = fs::read_to_string(&file).unwrap();
        let run = "        <string>run</string>\n";
        let before = after.replace(run, &format!("{run}        <string>--replace</string>\n"));
        let replacing = Self { file, label: format!("ai.hermes.gateway-{name}"), before, after };
        replacing.put_back(stage);
        replacing
    }

    /// Writes the file with `--replace` and loads it.
    fn put_back(&self, stage: &Stage) {
        fs::write(&self.file, &self.before).unwrap();
        let domain = format!("gui/{}", rustix::process::getuid().as_raw());
        stage.fake.call(&["bootout", &format!("{domain}/{}", self.label)]);
        wait_for("the job is gone", || !stage.fake.call(&["list", &self.label]).status.success());
        stage.fake.load("gui", &self.file);
        assert!(self.words(stage).unwrap().contains("--replace"));
    }

    /// The arguments of the job's process.
    fn words(&self, stage: &Stage) -> Option<String> {
        let list = String::from_utf8(stage.fake.call(&["list"]).stdout).unwrap();
        let row = list.lines().find(|row| row.ends_with(&format!("\t{}", self.label)))?.to_owned();
        let pid: u32 = row.split('\t').next()?.parse().ok()?;
        Some(String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).ok()?).replace('\0', " "))
    }

    /// Files that Gatelight left beside the job file, except the backup.
    fn strays(&self) -> Vec<String> {
        let entries = fs::read_dir(self.file.parent().unwrap()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.ends_with(".plist") && !name.ends_with(".gatelight-backup")).collect()
    }
}

/// One failure of launchctl during a repair.
struct Row {
    name: &'static str,
    settings: Value,
    /// Faults, set once the job is loaded.
    faults: Value,
    /// What the gateway does.
    script: &'static str,
    /// The domain in which the job is loaded at the start.
    loaded: Option<&'static str>,
    disabled: bool,
    outcome: Outcome,
    /// The state of the job after the old file was restored.
    after: Option<fn(String) -> After>,
    /// Part of why.
    why: &'static str,
    /// Parts of expected calls, in this order.
    calls: &'static [&'static str],
}

const MINDS_TERM: &str = "trap 'exit 0' TERM; while :; do sleep 0.02; done";

fn row(name: &'static str, outcome: Outcome) -> Row {
    Row {
        name,
        settings: json!({}),
        faults: json!([]),
        script: MINDS_TERM,
        loaded: Some("gui"),
        disabled: false,
        outcome,
        after: None,
        why: "",
        calls: &[],
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<Row> {
    use Outcome::{Restored, Verified, Written};
    let on = |fault: Value| json!([fault]);
    let reloaded: Option<fn(String) -> After> = Some(|_| After::Reloaded);
    let down: Option<fn(String) -> After> = Some(After::Down);
    vec![
        Row { calls: &["bootout gui/", "bootstrap gui/"], ..row("healthy", Verified) },
        Row { script: "trap '' TERM; while :; do sleep 0.05; done", ..row("deaf to SIGTERM", Verified) },
        Row {
            script: "trap 'exit 0' TERM; sh -c 'while :; do sleep 0.02; done' & wait",
            ..row("the job's PID is a wrapper", Verified)
        },
        Row {
            loaded: Some("user"),
            calls: &["bootout user/", "bootstrap user/"],
            ..row("in the user domain", Verified)
        },
        Row { loaded: None, calls: &["managername", "bootstrap gui/"], ..row("not loaded", Verified) },
        Row {
            loaded: None,
            settings: json!({"manager": "Background", "no_gui": true}),
            calls: &["bootstrap user/"],
            ..row("no graphical session", Verified)
        },
        Row { settings: json!({"linger_ms": 600}), ..row("bootout 36: slow death", Verified) },
        Row {
            settings: json!({"old": true}),
            calls: &["unload ", "load "],
            ..row("legacy subcommands only", Verified)
        },
        Row {
            faults: on(json!({"on": "bootstrap", "code": 5, "times": 1})),
            calls: &["bootstrap", "bootout", "bootstrap"],
            ..row("bootstrap 5 once (EIO)", Verified)
        },
        Row {
            faults: on(json!({"on": "bootstrap", "code": 5, "times": 2})),
            after: reloaded,
            why: "Input/output error",
            ..row("bootstrap 5 of the new file only", Restored)
        },
        Row {
            faults: on(json!({"on": "bootstrap", "code": 5})),
            after: down,
            why: "Input/output error",
            ..row("bootstrap 5 for ever", Restored)
        },
        Row {
            faults: on(json!({"on": "bootstrap", "code": 125})),
            after: down,
            why: "does not support",
            ..row("bootstrap 125 for ever", Restored)
        },
        Row {
            faults: on(json!({"on": "bootstrap", "code": 0})),
            after: down,
            why: "not registered",
            ..row("bootstrap answers 0 and registers nothing", Restored)
        },
        Row {
            faults: on(json!({"on": "bootstrap", "code": 0, "times": 1})),
            after: reloaded,
            why: "not registered",
            ..row("the same, once", Restored)
        },
        Row {
            faults: on(json!({"on": "bootstrap", "code": 37, "times": 1})),
            after: reloaded,
            why: "not registered",
            ..row("bootstrap 37, and nothing comes of it", Restored)
        },
        Row {
            faults: on(json!({"on": "kickstart", "code": 37})),
            ..row("kickstart 37: it is up already", Verified)
        },
        Row {
            faults: on(json!({"on": "kickstart", "code": 125, "times": 1})),
            after: reloaded,
            why: "does not support",
            ..row("kickstart 125 (#23387)", Restored)
        },
        Row {
            faults: on(json!({"on": "bootout", "code": 113})),
            after: Some(After::StillRuns),
            why: "still registered",
            ..row("bootout 113, and it stays", Restored)
        },
        Row {
            faults: on(json!({"on": "bootout", "hang": true})),
            after: Some(After::StillRuns),
            why: "did not answer",
            ..row("bootout hangs", Restored)
        },
        Row {
            faults: on(json!({"on": "bootstrap", "hang": true, "times": 1})),
            after: reloaded,
            why: "did not answer",
            ..row("bootstrap hangs once", Restored)
        },
        Row {
            faults: on(json!({"on": "print", "hang": true})),
            after: Some(After::Unclear),
            why: "did not answer",
            ..row("every look hangs", Restored)
        },
        Row {
            faults: json!([{"on": "print", "stdout": "launchd \0 says hello\n"}, {"on": "list", "stdout": "no\n"}]),
            after: Some(After::Unclear),
            why: "unexpected output",
            ..row("garbage", Restored)
        },
        Row { disabled: true, ..row("disabled since it was started", Written) },
        Row { disabled: true, loaded: None, ..row("disabled (119)", Written) },
        Row {
            disabled: true,
            loaded: None,
            settings: json!({"disabled_code": 5}),
            ..row("disabled (5)", Written)
        },
        Row {
            script: "case \"$*\" in *--replace*) ;; *) exit 1;; esac; trap 'exit 0' TERM; while :; do sleep 0.02; done",
            after: reloaded,
            ..row("the gateway does not run without the flag", Restored)
        },
    ]
}

fn walk(row: &Row) {
    let name = row.name;
    let fake = FakeLaunchctl::new(&row.settings);
    let program = fake.folder().join("hermes");
    support::executable(&program, &format!("#!/bin/sh\n{}\n", row.script));
    let file = fake.folder().join("ai.hermes.gateway.plist");
    let words = [program.to_str().unwrap(), "gateway", "run", "--replace"];
    let keep = "<key>RunAtLoad</key><true/><key>KeepAlive</key><true/>";
    let old = plist("ai.hermes.gateway", &words, keep);
    fs::write(&file, &old).unwrap();
    let new = old.replace("        <string>--replace</string>\n", "");
    let Plist::Gateway(job) = read(&file, old.as_bytes(), fake.folder()) else { panic!("{name}") };
    let uid = rustix::process::getuid().as_raw();
    if let Some(kind) = row.loaded {
        fake.load(kind, &file);
    }
    if row.disabled {
        fake.call(&["disable", &format!("gui/{uid}/ai.hermes.gateway")]);
    }
    let hang = row.faults[0]["hang"] == true;
    let launchd = fake.launchd(std::time::Duration::from_secs(if hang { 3 } else { 30 }));
    let first = launchd.query(&job).unwrap().pid;
    #[cfg(target_os = "linux")]
    if let Some(pid) = first.filter(|_| !row.script.starts_with("case")) {
        support::until_it_minds_sigterm(pid);
    }
    fake.forget_calls();
    fake.faults(&row.faults);

    let flag = Wanted { replace: true, ..Wanted::default() };
    let changes = flow::prepare(&job, flag, fake.folder()).unwrap();
    let words_of = |pid: u32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        Some(String::from_utf8_lossy(&words).split_terminator('\0').map(str::to_owned).collect())
    };
    let mut steps = Vec::new();
    let outcome = flow::repair_job(
        &job,
        &changes,
        &mut RepairContext {
            supervisor: Some(&launchd),
            pause: &mut || std::thread::sleep(std::time::Duration::from_millis(30)),
            attempts: 100,
            lang: Lang::En,
            arguments_of: &words_of,
            link: &mut |_, _| Link::Back,
            report: &mut |step| steps.push(step),
        },
    );
    assert_eq!(outcome, row.outcome, "{name}: {steps:?}");
    fake.expect_calls(row.calls, name);
    // the files are complete, and only the backup is left
    let kept = if outcome == Outcome::Restored { &old } else { &new };
    assert_eq!(fs::read_to_string(&file).unwrap(), *kept, "{name}");
    assert!(!file.with_extension("plist.gatelight-under-way").exists(), "{name}");
    // and the messages are true
    fake.faults(&json!([]));
    let now = launchd.query(&job).unwrap();
    let flagged = now
        .pid
        .map(|pid| words_of(pid).is_some_and(|words: Vec<String>| words.contains(&"--replace".to_owned())));
    let said = format!("{name}: {now:?} {steps:?}");
    match steps.last().unwrap() {
        Step::Linked => assert_eq!(flagged, Some(false), "{said}"),
        Step::StaysDisabled(enable) => {
            assert!(enable.contains("launchctl enable gui/"), "{said}");
            assert_eq!((now.pid, flagged), (first, first.map(|_| true)), "{said}");
        }
        Step::Restored(after) => {
            let said_why = format!("{:?}", steps[steps.len() - 2]);
            assert!(said_why.contains(row.why), "{said}");
            let own = match after {
                After::Reloaded | After::Untouched => String::new(),
                After::StillRuns(why) | After::Down(why) | After::Unclear(why) => why.clone(),
            };
            assert_eq!(*after, row.after.unwrap()(own), "{said}");
            match after {
                After::Reloaded => {
                    wait_for("the old one runs", || launchd.query(&job).unwrap().pid.is_some());
                }
                After::Down(_) => assert_eq!(now.state, JobState::NotLoaded, "{said}"),
                _ => assert_eq!((now.pid, flagged), (first, Some(true)), "{said}"),
            }
        }
        _ => panic!("{said}"),
    }
}

#[test]
fn every_failure_of_launchctl_leaves_complete_files_and_is_reported() {
    support::walk_all(&rows(), walk);
}

/// Kills a repair at this call, and checks that the next run completes it. Returns whether it was already
/// waiting for the link.
fn killed_at(call: &str, stage: &Stage, job: &Replacing) -> bool {
    job.put_back(stage);
    stage.fake.kill_caller_at(Some(call));
    let ran = stage.run(&["doctor", "--fix", "--yes"]);
    let called = stage.fake.calls();
    stage.fake.kill_caller_at(None);
    let now = fs::read_to_string(&job.file).unwrap();
    assert!(now == job.before || now == job.after, "{call}: half a file: {now}");
    // it was waiting for the link, and everything had been changed
    let proving = ran.out.contains("running with its new arguments");
    assert!(ran.code.is_none() || proving, "{call}: {ran:?}; {called:?}");

    let ran = stage.run(&["doctor", "--fix", "--yes"]);
    assert_eq!(ran.code, Some(0), "{call}: {ran:?}; {called:?}");
    assert_eq!(fs::read_to_string(&job.file).unwrap(), job.after, "{call}");
    let words = job.words(stage);
    assert!(words.as_ref().is_some_and(|words| !words.contains("--replace")), "{call}: {words:?}");
    assert_eq!(job.strays(), Vec::<String>::new(), "{call}");
    proving
}

#[test]
fn a_repair_that_is_killed_at_any_call_is_completed_by_the_next() {
    // mostly waiting, so several run in parallel, each in its own folder
    let (next, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let stage = Stage::new();
                let job = Replacing::new(&stage, "busy");
                while !ended.load(Ordering::Relaxed) {
                    let call = next.fetch_add(1, Ordering::Relaxed).to_string();
                    ended.fetch_or(killed_at(&call, &stage, &job), Ordering::Relaxed);
                }
            });
        }
        // the number of queries varies, so the calls that change something are counted separately
        scope.spawn(|| {
            let stage = Stage::new();
            let job = Replacing::new(&stage, "busy");
            for call in ["bootout", "bootstrap", "kickstart"] {
                assert!(!killed_at(call, &stage, &job), "no kill after {call}");
            }
        });
    });
}

#[test]
fn a_gateway_that_could_not_be_brought_back_is_not_ended() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new();
    let job = Replacing::new(&stage, "busy");
    stage.becomes("busy", "green", "connected");
    let pid = stage.pid("busy");
    // disabled since it was started: the file is repaired, and the rest is explained
    let target = format!("gui/{}/{}", rustix::process::getuid().as_raw(), job.label);
    stage.fake.call(&["disable", &target]);
    let ran = stage.run(&["doctor", "--fix", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("not reloaded: the job is disabled"), "{ran:?}");
    assert!(ran.out.contains(&format!("launchctl enable {target}")), "{ran:?}");
    assert_eq!((stage.pid("busy"), fs::read_to_string(&job.file).unwrap()), (pid, job.after.clone()));
    stage.fake.call(&["enable", &target]);
    // launchd would refuse the file: nothing is unloaded, and the old file is restored
    fs::write(&job.file, &job.before).unwrap();
    fs::set_permissions(&job.file, fs::Permissions::from_mode(0o666)).unwrap();
    let ran = stage.run(&["doctor", "--fix", "--yes"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("keeps running as before") && ran.out.contains("chmod go-w"), "{ran:?}");
    assert_eq!((stage.pid("busy"), fs::read_to_string(&job.file).unwrap()), (pid, job.before.clone()));
    // launchd refuses both files: the message says that the gateway is not running
    fs::set_permissions(&job.file, fs::Permissions::from_mode(0o644)).unwrap();
    stage.fake.faults(&json!([{"on": "bootstrap", "code": 5}]));
    let ran = stage.run(&["doctor", "--fix", "--yes"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("Its gateway is not running; try: gatelight restart busy"), "{ran:?}");
    assert_eq!(fs::read_to_string(&job.file).unwrap(), job.before);
    stage.fake.faults(&json!([]));
    let ran = stage.run(&["restart", "busy", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(job.strays(), Vec::<String>::new());
}

#[test]
fn a_file_that_was_edited_by_hand_and_not_reloaded_is_found_and_reloaded() {
    let stage = Stage::new();
    let job = Replacing::new(&stage, "busy");
    fs::write(&job.file, &job.after).unwrap();
    let ran = stage.run(&["doctor", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let findings = objects(&ran).remove(0)["findings"].clone();
    let codes: Vec<&str> = findings.as_array().unwrap().iter().filter_map(|f| f["code"].as_str()).collect();
    assert!(codes.contains(&"not-reloaded") && !codes.contains(&"replace-flag"), "{findings}");
    let dry = stage.run(&["doctor", "--fix", "--dry-run"]);
    assert_eq!(dry.code, Some(1), "{dry:?}");
    assert!(
        dry.out.contains("would be reloaded") && job.words(&stage).unwrap().contains("--replace"),
        "{dry:?}"
    );
    let unasked = stage.run(&["doctor", "--fix"]);
    assert_eq!(unasked.code, Some(1), "{unasked:?}");
    assert!(unasked.out.contains("--yes"), "{unasked:?}");
    let ran = stage.run(&["doctor", "--fix", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!job.words(&stage).unwrap().contains("--replace"));
    assert_eq!(fs::read_to_string(&job.file).unwrap(), job.after);
    let ran = stage.run(&["doctor", "--fix", "--yes"]);
    assert_eq!((ran.code, ran.out.trim()), (Some(0), "nothing to repair"));
}

#[test]
fn a_job_that_is_not_loaded_is_loaded_and_proven() {
    let stage = Stage::new();
    stage.speaking("busy");
    let target = format!("gui/{}/ai.hermes.gateway-busy", rustix::process::getuid().as_raw());
    stage.becomes("busy", "green", "connected");
    stage.fake.call(&["bootout", &target]);
    stage.becomes("busy", "red", "not-loaded");
    // no file names the process of this gateway: only the manager knows it, and is asked again
    let ran = stage.run(&["restart", "busy", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(outcome(&objects(&ran), "busy")["pid"], stage.pid("busy"));
}

#[test]
fn six_restarts_an_hour_and_no_more() {
    let stage = Stage::new();
    // on a fast machine so many starts are a crash loop, and it would ask first
    let mac = cfg!(target_os = "macos");
    let place = if mac { "Library/Application Support/Gatelight" } else { ".config/gatelight" };
    let folder = stage.machine.home().join(place);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), "[deadlines]\ncrash_starts = 100\n").unwrap();
    stage.speaking("busy");
    stage.becomes("busy", "green", "connected");
    for turn in 0..6 {
        let ran = stage.run(&["restart", "busy", "--json"]);
        assert_eq!(ran.code, Some(0), "{turn}: {ran:?}");
    }
    let last = stage.pid("busy");
    let ran = stage.run(&["restart", "busy", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(outcome(&objects(&ran), "busy")["code"], "too-many");
    assert_eq!(stage.pid("busy"), last);
    let ran = stage.run(&["restart", "busy", "--json", "--force"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_ne!(stage.pid("busy"), last);
}

#[test]
fn where_a_restart_does_not_help_that_is_said_first() {
    let stage = Stage::new();
    let file = stage.speaking("full");
    stage.becomes("full", "green", "connected");
    let log = stage.machine.hermes().join("logs/gateway-full.log");
    let line = "ERROR Lark: connect failed, err: 1000040350: the number of connections exceeded the limit";
    support::machine::append(&log, &format!("{} {line}\n", support::machine::stamp()));
    stage.becomes("full", "red", "connection-limit");
    let old = stage.pid("full");
    let ran = stage.run(&["restart", "full"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("--yes"), "{ran:?}");
    assert_eq!(stage.pid("full"), old);
    let ran = stage.run(&["restart", "full", "--yes", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_ne!(stage.pid("full"), old);

    // without a manager: explained, not tried
    let alone = Gateway::connected(&stage.machine.profile("alone"));
    let ran = stage.run(&["restart", "alone", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(outcome(&objects(&ran), "alone")["code"], "unsupervised");
    assert_eq!(stage.pid("alone"), u64::from(alone.process.pid()));
    assert_eq!(stage.run(&["restart", "nobody"]).code, Some(2));
    drop(file);
}

#[test]
fn a_launchctl_without_sense_makes_the_answer_unknown_and_never_a_wrong_light() {
    let stage = Stage::new();
    let home = stage.machine.profile("work");
    let _gateway = Gateway::connected(&home);
    let variable = format!(
        "<key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>{}</string></dict>",
        home.display()
    );
    stage.machine.plist("ai.hermes.gateway-work", &["/usr/local/bin/hermes", "gateway", "run"], &variable);
    let all = ["print", "list", "managername"];
    for fault in [
        json!({"code": 0, "stdout": "}}{ state = \u{7}\n\tpid = many\n"}),
        json!({"code": 71, "stderr": "Something new\n"}),
        json!({"hang": true}),
    ] {
        let faults: Vec<Value> = all
            .iter()
            .map(|on| {
                let mut fault = fault.clone();
                fault["on"] = json!(on);
                fault
            })
            .collect();
        stage.fake.faults(&json!(faults));
        let ran = stage.run(&["status", "--json"]);
        assert_eq!(ran.code, Some(0), "{fault}: {ran:?}");
        assert_eq!(objects(&ran)[0]["profiles"][0]["reason"], "connected", "{fault}: {ran:?}");
    }
}
