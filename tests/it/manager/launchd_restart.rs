//! The verified restart with the `launchctl` of the tests: every known failure, and its outcome.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use gatelight::health::{Deadlines, JobState, Reason};
use gatelight::profile::JobFile;
use gatelight::restart::{Limits, Request, restart};
use gatelight::restart::{RestartOutcome, RestartStep, RestartView};
use gatelight::supervisor::{BadFile, Supervisor, SupervisorError};
use gatelight::text::Lang;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support;
use crate::support::launchctl::FakeLaunchctl;
use crate::support::{Watching, profile, start_of, wait_for};

/// A healthy gateway: ends at SIGTERM.
const HEALTHY: &str = "trap 'exit 0' TERM; while :; do sleep 0.02; done";

/// A hollow gateway: ignores SIGTERM.
const HOLLOW: &str = "trap '' TERM; while :; do sleep 0.05; done";

/// A wrapper whose child, the gateway, ignores SIGTERM.
const WRAPPED: &str = "trap 'exit 0' TERM; sh -c \"trap '' TERM; while :; do sleep 0.02; done\" & wait";

/// A wrapper whose gateway left its process group and outlives it (by 20 s at most).
const ESCAPED: &str = "trap 'exit 0' TERM; setsid sh -c \"i=0; while [ \\$i -lt 400 ]; do sleep 0.05; i=\\$((i+1)); done\" \
                       & wait";

const KEEP: &str = "<key>RunAtLoad</key><true/><key>KeepAlive</key><true/>";

const LABEL: &str = "ai.hermes.gateway-work";

/// Long enough for a busy machine; a hang is reported after [`SHORT`].
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_secs(3);

#[expect(clippy::struct_excessive_bools, reason = "a column of the table each")]
struct Row {
    name: &'static str,
    settings: Value,
    /// Faults, set once the job is loaded.
    faults: Value,
    script: &'static str,
    more: &'static str,
    /// The domain in which the job is loaded at the start; `None`: not loaded.
    loaded: Option<&'static str>,
    disabled: bool,
    /// The verdict on the new process.
    new: Reason,
    /// Whether it becomes connected after it was shown as retrying.
    mended: bool,
    hang: bool,
    /// Whether the steps have less time than the manager takes.
    short: bool,
    /// Mode of the job file after it was loaded.
    mode: u32,
    expect: Expect,
    /// Parts of expected calls, in this order.
    calls: &'static [&'static str],
    /// A call that must not have been made.
    never: &'static str,
}

enum Expect {
    Worked {
        killed: bool,
    },
    Failed(RestartStep, &'static [&'static str]),
    CannotTell(RestartStep, &'static [&'static str]),
    /// Its processes end by themselves: whether a look still finds one alive, and so the step, varies.
    EndsAtOnce(&'static [&'static str]),
}

fn row(name: &'static str, expect: Expect) -> Row {
    Row {
        name,
        settings: json!({}),
        faults: json!([]),
        script: HEALTHY,
        more: KEEP,
        loaded: Some("gui"),
        disabled: false,
        new: Reason::Connected,
        mended: false,
        hang: false,
        short: false,
        mode: 0o644,
        expect,
        calls: &[],
        never: "enable",
    }
}

use Expect::{CannotTell, EndsAtOnce, Failed, Worked};
use RestartStep::{EndingOld, ProvingLink, StartingNew};

#[expect(clippy::too_many_lines, reason = "a table")]
fn rows() -> Vec<Row> {
    let fine = || Worked { killed: false };
    vec![
        Row { calls: &["kickstart -k gui/"], never: "boot", ..row("healthy", fine()) },
        Row { script: HOLLOW, ..row("hollow shell that ignores SIGTERM", Worked { killed: true }) },
        Row { script: WRAPPED, ..row("gateway below a wrapper", fine()) },
        Row {
            script: ESCAPED,
            ..row("gateway that outlives its wrapper", Failed(EndingOld, &["process", "is still running"]))
        },
        Row { loaded: Some("user"), calls: &["kickstart -k user/"], ..row("job of the user domain", fine()) },
        Row { loaded: None, calls: &["bootstrap gui/", "kickstart gui/"], ..row("not loaded (113)", fine()) },
        Row {
            loaded: None,
            settings: json!({"manager": "Background", "no_gui": true}),
            calls: &["managername", "bootstrap user/"],
            ..row("not loaded, no graphical session", fine())
        },
        Row {
            faults: json!([{"on": "kickstart", "code": 3, "times": 1}]),
            calls: &["kickstart -k", "bootstrap", "bootout", "bootstrap", "kickstart gui/"],
            ..row("vanished between look and kick (3)", fine())
        },
        Row {
            faults: json!([{"on": "kickstart", "code": 113, "times": 1}]),
            calls: &["kickstart -k", "bootstrap", "bootout", "bootstrap"],
            ..row("vanished between look and kick (113)", fine())
        },
        Row {
            faults: json!([{"on": "kickstart", "code": 125, "times": 1}]),
            calls: &["kickstart -k", "bootstrap", "bootout", "bootstrap"],
            ..row("kickstart 125 (#23387), then the domain takes it", fine())
        },
        Row {
            loaded: None,
            faults: json!([{"on": "bootstrap", "code": 5, "times": 1}]),
            calls: &["bootstrap", "print-disabled", "bootout", "bootstrap"],
            ..row("bootstrap 5 once (EIO, #42914)", fine())
        },
        Row {
            loaded: None,
            faults: json!([{"on": "bootstrap", "code": 5}]),
            ..row(
                "bootstrap 5 for ever (#95758)",
                Failed(StartingNew, &["cannot manage", "Input/output error"]),
            )
        },
        Row {
            loaded: None,
            faults: json!([{"on": "bootstrap", "code": 125}]),
            ..row(
                "bootstrap 125 for ever (#23387)",
                Failed(StartingNew, &["cannot manage", "does not support"]),
            )
        },
        Row {
            loaded: None,
            faults: json!([{"on": "bootstrap", "code": 0}]),
            ..row("bootstrap answers 0 and registers nothing", Failed(StartingNew, &["not registered"]))
        },
        Row {
            loaded: None,
            faults: json!([{"on": "bootstrap", "code": 37, "times": 1}]),
            ..row("bootstrap 37, and nothing comes of it", Failed(StartingNew, &["37", "not registered"]))
        },
        Row {
            faults: json!([{"on": "kickstart", "code": 37, "times": 1}]),
            calls: &["kickstart -k", "kickstart -k"],
            never: "boot",
            ..row("kickstart 37 once", fine())
        },
        Row {
            faults: json!([{"on": "kickstart", "code": 5, "times": 1}]),
            calls: &["kickstart -k", "kickstart -k"],
            never: "boot",
            ..row("kickstart 5 once (#42524)", fine())
        },
        Row {
            faults: json!([{"on": "kickstart", "when": "-k", "code": 5}]),
            calls: &["kickstart -k", "kickstart -k", "bootout", "bootstrap", "kickstart gui/"],
            ..row("kickstart -k 5 for ever (#42524)", fine())
        },
        // the manager takes longer than the step's own limit, and is waited for
        Row {
            script: HOLLOW,
            short: true,
            faults: json!([{"on": "kickstart", "when": "-k", "code": 5}]),
            calls: &["kickstart -k", "kickstart -k", "bootout", "bootstrap", "kickstart gui/"],
            ..row("kickstart -k 5 for ever, and a hollow shell", fine())
        },
        // a running gateway is not ended where it could not be started again
        Row {
            disabled: true,
            faults: json!([{"on": "kickstart", "code": 5}]),
            never: "bootout",
            ..row(
                "kickstart 5 of a job that was disabled since",
                Failed(EndingOld, &["launchctl enable gui/"]),
            )
        },
        Row {
            faults: json!([{"on": "kickstart", "code": 5}]),
            mode: 0o666,
            never: "bootout",
            ..row("kickstart 5 of a job file that launchd refuses", Failed(EndingOld, &["chmod go-w"]))
        },
        Row {
            faults: json!([{"on": "kickstart", "code": 37}]),
            ..row("kickstart 37 for ever", Failed(EndingOld, &["already in progress"]))
        },
        Row {
            faults: json!([{"on": "kickstart", "code": 150,
                            "stderr": "Could not kickstart service: 150: Operation not permitted while System Integrity \
                                       Protection is engaged\n"}]),
            ..row(
                "kickstart refused with a code that nobody knows",
                Failed(EndingOld, &["150", "not permitted"]),
            )
        },
        Row {
            settings: json!({"linger_ms": 600}),
            faults: json!([{"on": "kickstart", "code": 113, "times": 1}]),
            calls: &["bootout", "bootstrap"],
            ..row("bootout 36: the job takes its time to go", fine())
        },
        Row {
            loaded: None,
            disabled: true,
            ..row("disabled job (119)", Failed(StartingNew, &["disabled", "launchctl enable gui/"]))
        },
        Row {
            loaded: None,
            disabled: true,
            settings: json!({"disabled_code": 5}),
            ..row("disabled job (5)", Failed(StartingNew, &["disabled", "launchctl enable gui/"]))
        },
        Row {
            hang: true,
            faults: json!([{"on": "kickstart", "hang": true}]),
            ..row("kickstart hangs", Failed(EndingOld, &["did not answer", "is still running"]))
        },
        Row {
            hang: true,
            faults: json!([{"on": "print", "hang": true}]),
            ..row("every look hangs", Failed(EndingOld, &["did not answer", "is still running"]))
        },
        Row {
            faults: json!([{"on": "print", "stdout": "\u{1b}[31mlaunchd \0 says hello\n"},
                           {"on": "list", "stdout": "no such thing\n"}]),
            ..row("garbage", Failed(EndingOld, &["unexpected output"]))
        },
        Row {
            faults: json!([{"on": "print", "stdout": "New Format 2.0!\n"}]),
            calls: &["list ", "managername", "kickstart -k"],
            ..row("print of a shape to come, list as ever", fine())
        },
        Row {
            settings: json!({"old": true}),
            calls: &["list ", "unload ", "load ", "start "],
            ..row("a launchctl that knows the legacy subcommands only", fine())
        },
        Row {
            loaded: None,
            settings: json!({"old": true}),
            calls: &["list ", "load ", "start "],
            ..row("the same, not loaded", fine())
        },
        Row {
            loaded: None,
            more: "<key>Program</key><string>/nowhere/python</string><key>KeepAlive</key><true/>",
            script: "",
            ..row("the program is missing (78)", Failed(StartingNew, &["exit code 78"]))
        },
        Row {
            loaded: None,
            script: "exit 1",
            more: "<key>RunAtLoad</key><true/>",
            new: Reason::NotRunning,
            ..row("ends at once and is not kept alive", EndsAtOnce(&["no new process", "exit code 1"]))
        },
        Row {
            new: Reason::AuthRejected,
            ..row(
                "credentials refused",
                Failed(ProvingLink, &["Feishu credentials refused", "the telling line"]),
            )
        },
        Row {
            new: Reason::NetworkUnreachable,
            mended: true,
            ..row("the network is not there yet, and the gateway tries again", fine())
        },
        Row {
            new: Reason::NetworkUnreachable,
            ..row("the network stays away", Failed(ProvingLink, &["cannot be reached", "the telling line"]))
        },
        Row { new: Reason::Unsupervised, ..row("unsupervised counts as proven", fine()) },
        Row {
            new: Reason::Starting,
            ..row(
                "no proof in time",
                CannotTell(ProvingLink, &["was not confirmed", "starting", "the telling line"]),
            )
        },
    ]
}

/// The process that runs the gateway: the child of a shell that has one, else the job's process itself.
fn gateway_of(pid: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    if !text.contains("& wait") {
        return Some(pid);
    }
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

fn limits(job: &JobFile, long: bool) -> Limits {
    let usual = Limits::new(job, &Deadlines::default());
    Limits {
        exit_timeout: usual.exit_timeout.mul_f64(support::launchctl::SCALE),
        margin: Duration::from_secs(8),
        start: Duration::from_secs(6),
        link: Duration::from_secs(5),
        retry: Duration::from_secs(if long { 30 } else { 2 }),
        poll: Duration::from_millis(10),
    }
}

fn run(
    request: Request,
    supervisor: Arc<dyn Supervisor>,
    watching: &Watching,
    shown: &dyn Fn(&RestartView),
) -> (RestartOutcome, Vec<RestartView>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut views = Vec::new();
    let outcome = runtime.block_on(restart(request, supervisor, watching.snapshots.clone(), |view| {
        shown(&view);
        views.push(view);
    }));
    (outcome, views)
}

fn walk(row: &Row) {
    let name = row.name;
    let fake = FakeLaunchctl::new(&row.settings);
    let job = if row.script.is_empty() {
        fake.job_of(LABEL, row.more)
    } else {
        fake.job(LABEL, row.script, row.more)
    };
    let uid = rustix::process::getuid().as_raw();
    if let Some(kind) = row.loaded {
        fake.load(kind, &job.path);
    }
    if row.disabled {
        assert!(fake.call(&["disable", &format!("gui/{uid}/{LABEL}")]).status.success(), "{name}");
    }
    let supervisor = Arc::new(fake.launchd(if row.hang { SHORT } else { LONG }));
    let profile = profile("work", job.clone());
    let watching = Watching::start(
        &profile,
        supervisor.clone(),
        gateway_of,
        Box::new(|_| (Reason::ExecutorShutdown, "dead")),
    );
    let old = row.loaded.map(|_| watching.pid_other_than(None));
    #[cfg(target_os = "linux")]
    if let Some(old) = old.filter(|_| [HEALTHY, HOLLOW, WRAPPED].contains(&row.script)) {
        support::until_it_minds_sigterm(old);
    }
    let reason = row.new;
    watching.say(Box::new(move |pid| {
        if Some(pid) == old { (Reason::ExecutorShutdown, "dead") } else { (reason, "the telling line") }
    }));
    fake.forget_calls();
    fake.faults(&row.faults);

    std::fs::set_permissions(&job.path, std::fs::Permissions::from_mode(row.mode)).unwrap();

    let usual = limits(&job, row.mended);
    let none = Duration::ZERO;
    let request = Request {
        limits: if row.short { Limits { margin: none, start: none, ..usual } } else { usual },
        ..Request::new(Arc::clone(&profile), Timestamp::now(), &Deadlines::default(), start_of).unwrap()
    };
    let (outcome, views) = run(request, supervisor.clone(), &watching, &|view| {
        if row.mended && view.retrying.is_some() {
            watching.say(Box::new(|_| (Reason::Connected, "connected to wss://")));
        }
    });

    let says = |why: &str, parts: &[&str]| {
        for part in parts {
            assert!(why.contains(part), "{name}: {part:?} is not in {why:?}");
        }
        assert!(why.lines().count() == 1 && !why.contains('\u{1b}'), "{name}: {why:?}");
    };
    match (&row.expect, &outcome) {
        (Worked { killed }, RestartOutcome::Worked { pid, killed: was, .. }) => {
            assert_eq!(killed, was, "{name}");
            assert_ne!(Some(*pid), old, "{name}");
            assert!(start_of(*pid).is_some(), "{name}: {pid} does not live");
            assert!(old.and_then(start_of).is_none(), "{name}: {old:?} lives");
            let steps: Vec<RestartStep> = views.iter().map(|view| view.step).collect();
            let mut expected = vec![EndingOld, StartingNew, ProvingLink, ProvingLink];
            // the failed attempt is shown
            expected.extend(row.mended.then_some(ProvingLink));
            assert_eq!(steps, expected, "{name}");
        }
        (Failed(at, parts), RestartOutcome::Failed { step, why })
        | (CannotTell(at, parts), RestartOutcome::CannotTell { step, why }) => {
            assert_eq!(at, step, "{name}: {why:?}");
            says(&why.text(Lang::En), parts);
        }
        (EndsAtOnce(parts), RestartOutcome::Failed { step: StartingNew, why }) => {
            says(&why.text(Lang::En), parts);
        }
        (EndsAtOnce(_), RestartOutcome::Failed { step: ProvingLink, why }) => {
            says(&why.text(Lang::En), &["not running"]);
        }
        _ => panic!("{name}: {outcome:?}; calls: {:#?}", fake.calls()),
    }
    assert_eq!(views.last().and_then(|view| view.outcome.as_ref()), Some(&outcome), "{name}");
    let calls = fake.expect_calls(row.calls, name);
    assert!(!calls.iter().any(|call| call.starts_with(row.never)), "{name}: {calls:#?}");
}

#[test]
fn r23387_r40831_r43663_r30586_r42995_r42914_r41665_r95758_r11323_every_failure_of_launchctl_ends_in_the_honest_outcome()
 {
    support::walk_all(&rows(), walk);
}

#[test]
fn a_watcher_that_ends_leaves_an_unclear_outcome() {
    let fake = FakeLaunchctl::new(&json!({}));
    let job = fake.job(LABEL, HEALTHY, KEEP);
    let supervisor = Arc::new(fake.launchd(LONG));
    let profile = profile("work", job.clone());
    let mut watching = Watching::start(
        &profile,
        supervisor.clone(),
        gateway_of,
        Box::new(|_| (Reason::Starting, "on its way")),
    );
    let (sender, gone) = tokio::sync::watch::channel(Arc::clone(&watching.snapshots.borrow()));
    drop(sender);
    watching.snapshots = gone;
    let request = Request {
        limits: limits(&job, false),
        ..Request::new(profile, Timestamp::now(), &Deadlines::default(), start_of).unwrap()
    };
    let (outcome, _) = run(request, supervisor, &watching, &|_| {});
    let RestartOutcome::CannotTell { step: ProvingLink, why } = outcome else { panic!("{outcome:?}") };
    let why = why.text(Lang::Zh);
    assert!(why.contains("停止了监视"), "{why}");
}

#[test]
fn query_says_running_only_with_a_process() {
    let fake = FakeLaunchctl::new(&json!({}));
    let launchd = fake.launchd(LONG);
    let uid = rustix::process::getuid().as_raw();
    // a clean exit stays down with SuccessfulExit false: registered, no process (#53861)
    let clean = fake.job(
        "ai.hermes.gateway",
        "exit 0",
        "<key>RunAtLoad</key><true/><key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>",
    );
    let report = launchd.query(&clean).unwrap();
    assert_eq!((report.state, report.domain), (JobState::NotLoaded, None));
    fake.load("user", &clean.path);
    wait_for("it ends", || launchd.query(&clean).unwrap().last_exit == Some(0));
    let report = launchd.query(&clean).unwrap();
    assert_eq!((report.state, report.pid, report.runs), (JobState::Waiting, None, Some(1)));
    assert_eq!(report.domain, Some(format!("user/{uid}")));

    // killed and kept alive: restarted, with the signal reported
    let kept = fake.job(LABEL, HOLLOW, KEEP);
    fake.load("gui", &kept.path);
    let first = launchd.query(&kept).unwrap();
    assert_eq!((first.state, first.last_exit), (JobState::Running, None));
    let pid = rustix::process::Pid::from_raw(first.pid.unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    wait_for("it comes back", || launchd.query(&kept).unwrap().runs == Some(2));
    let second = launchd.query(&kept).unwrap();
    assert_eq!((second.state, second.last_exit), (JobState::Running, Some(-9)));
    assert_ne!(second.pid, first.pid);
}

/// `hermes gateway install` of different versions loads the job into different domains.
#[test]
fn of_a_job_that_is_loaded_twice_the_one_that_runs_is_meant() {
    let fake = FakeLaunchctl::new(&json!({}));
    let launchd = fake.launchd(LONG);
    let uid = rustix::process::getuid().as_raw();
    let ended = fake.job(LABEL, "exit 1", "<key>RunAtLoad</key><true/>");
    fake.load("gui", &ended.path);
    wait_for("it ends", || launchd.query(&ended).unwrap().last_exit == Some(1));
    assert_eq!(launchd.query(&ended).unwrap().domain, Some(format!("gui/{uid}")));
    let job = fake.job(LABEL, HOLLOW, KEEP);
    fake.load("user", &job.path);
    let report = launchd.query(&job).unwrap();
    assert_eq!((report.state, report.domain), (JobState::Running, Some(format!("user/{uid}"))));
    fake.forget_calls();
    launchd.restart(&job).unwrap();
    let kicks = fake.calls().into_iter().filter(|call| call.contains("kickstart")).collect::<Vec<_>>();
    assert!(!kicks.is_empty() && kicks.iter().all(|call| call.contains(&format!("user/{uid}"))), "{kicks:?}");
}

#[test]
fn a_forged_environment_does_not_make_a_job_run() {
    let fake = FakeLaunchctl::new(&json!({}));
    let launchd = fake.launchd(LONG);
    for forged in ["x\n\tpid = 1\n\tstate = running", "x\n\t}\n\tpid = 1\n\tq = {", "x\n\t}\n\tpid = 1"] {
        let more = format!(
            "<key>EnvironmentVariables</key><dict><key>A</key><string>{forged}</string></dict>\
             <key>RunAtLoad</key><true/>"
        );
        let label = format!("ai.hermes.gateway-{}", forged.len());
        let job = fake.job(&label, "exit 3", &more);
        fake.load("gui", &job.path);
        wait_for("it ends", || launchd.query(&job).unwrap().last_exit == Some(3));
        let report = launchd.query(&job).unwrap();
        assert_eq!((report.state, report.pid), (JobState::Waiting, None), "{forged:?}");
    }
}

#[test]
fn no_launchctl_and_a_silent_one_are_errors_not_answers() {
    let fake = FakeLaunchctl::new(&json!({}));
    let job = fake.job(LABEL, HEALTHY, KEEP);
    let missing = gatelight::supervisor::launchd::Launchd::new(
        "/nowhere/launchctl".into(),
        support::launchctl::timing(LONG),
    );
    assert!(matches!(missing.query(&job), Err(SupervisorError::Missing { .. })));
    fake.faults(&json!([{"on": "print", "hang": true}]));
    assert!(matches!(
        fake.launchd(Duration::from_millis(300)).query(&job),
        Err(SupervisorError::TimedOut { .. })
    ));
}

#[test]
fn reload_takes_the_new_file_and_waits_for_the_old_job() {
    let fake = FakeLaunchctl::new(&json!({"linger_ms": 500}));
    let launchd = fake.launchd(LONG);
    let uid = rustix::process::getuid().as_raw();
    let job = fake.job(LABEL, HOLLOW, KEEP);
    // not loaded: loads it
    launchd.reload(&job).unwrap();
    let old = launchd.query(&job).unwrap();
    assert_eq!((old.state, old.domain), (JobState::Running, Some(format!("gui/{uid}"))));
    // loaded, ignores SIGTERM, ends slowly: runs with the new arguments afterwards
    let job = fake.job(LABEL, "while :; do sleep 0.033; done", "<key>KeepAlive</key><false/>");
    launchd.reload(&job).unwrap();
    let new = launchd.query(&job).unwrap();
    assert_eq!(new.state, JobState::Running, "started though its file does not say RunAtLoad");
    let words = std::fs::read_to_string(format!("/proc/{}/cmdline", new.pid.unwrap())).unwrap();
    assert!(words.contains("0.033"), "{words}");
    assert_eq!(start_of(old.pid.unwrap()), None);
    // a file that launchd refuses, a job that was disabled: the running gateway is not ended
    let whole = std::fs::read(&job.path).unwrap();
    std::fs::write(&job.path, "<plist>").unwrap();
    let error = launchd.reload(&job).unwrap_err();
    assert!(matches!(&error, SupervisorError::BadFile { why: BadFile::List(_), .. }), "{error}");
    std::fs::write(&job.path, &whole).unwrap();
    std::fs::set_permissions(&job.path, std::fs::Permissions::from_mode(0o664)).unwrap();
    let error = launchd.reload(&job).unwrap_err();
    assert!(matches!(&error, SupervisorError::BadFile { why: BadFile::UnsafeMode(0o664), .. }), "{error}");
    std::fs::set_permissions(&job.path, std::fs::Permissions::from_mode(0o644)).unwrap();
    fake.call(&["disable", &format!("gui/{uid}/{LABEL}")]);
    let error = launchd.reload(&job).unwrap_err();
    assert!(matches!(&error, SupervisorError::Disabled { enable } if enable.contains(LABEL)), "{error}");
    assert_eq!(launchd.query(&job).unwrap().pid, new.pid);
    // launchd refuses: its error message is reported
    fake.call(&["enable", &format!("gui/{uid}/{LABEL}")]);
    fake.faults(&json!([{"on": "bootstrap", "code": 5}]));
    let error = launchd.reload(&job).unwrap_err();
    assert!(
        matches!(&error, SupervisorError::Domain { words, .. } if words.contains("Input/output error")),
        "{error}"
    );
    assert_eq!(launchd.query(&job).unwrap().state, JobState::NotLoaded);
}

#[test]
fn a_stop_unloads_the_job_for_good_and_a_restart_loads_it_again() {
    let uid = rustix::process::getuid().as_raw();
    // one that ends at SIGTERM, one that has to be killed
    for script in ["exec sleep 600", HOLLOW] {
        let fake = FakeLaunchctl::new(&json!({"linger_ms": 300}));
        let launchd = fake.launchd(LONG);
        let job = fake.job(LABEL, script, KEEP);
        launchd.restart(&job).unwrap();
        let old = launchd.query(&job).unwrap();
        assert_eq!(old.state, JobState::Running, "{script}");
        launchd.stop(&job).unwrap();
        assert_eq!(launchd.query(&job).unwrap().state, JobState::NotLoaded, "{script}");
        assert_eq!(start_of(old.pid.unwrap()), None, "the process is gone: {script}");
        fake.forget_calls();
        launchd.stop(&job).unwrap();
        assert!(!fake.calls().iter().any(|call| call.contains("bootout")), "{:?}", fake.calls());
        launchd.restart(&job).unwrap();
        let new = launchd.query(&job).unwrap();
        assert_eq!((new.state, new.domain), (JobState::Running, Some(format!("gui/{uid}"))), "{script}");
        assert_ne!(new.pid, old.pid);
    }
    // launchctl refuses: the job stays loaded, and the error message is reported
    let fake = FakeLaunchctl::new(&json!({}));
    let launchd = fake.launchd(LONG);
    let job = fake.job(LABEL, "exec sleep 600", KEEP);
    launchd.restart(&job).unwrap();
    fake.faults(&json!([{"on": "bootout", "code": 150}]));
    assert!(launchd.stop(&job).is_err());
    assert_eq!(launchd.query(&job).unwrap().state, JobState::Running);
}
