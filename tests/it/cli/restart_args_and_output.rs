//! `gatelight restart`, from its arguments to its output and exit code, with real child processes.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use gatelight::cli::restart::{Args, Deps, FAILED, UNCLEAR, WORKED, run};
use gatelight::cli::{NO_PROFILE, USAGE};
use gatelight::health::{Manager, Reason};
use gatelight::history::{Reader, RestartResult, Store};
use gatelight::profile::{JobFile, Profile};
use gatelight::restart::{
    Admission, Ledger, Limits, Permit, PermitRequest, Permits, Requester, RestartOutcome, RestartStep,
};
use gatelight::supervisor::{Access, JobReport, Supervisor, SupervisorError, Supervisors};
use gatelight::terminal::Terminal;
use gatelight::text::{Lang, Message};
use gatelight::watcher::snapshot::Snapshot;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{restart_deps, restart_limits};
use crate::support;
use crate::support::launchctl::FakeLaunchctl;
use crate::support::{Watching, profile, start_of};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

const HEALTHY: &str = "trap 'exit 0' TERM; while :; do sleep 0.02; done";

struct Stage {
    fake: FakeLaunchctl,
    watching: Watching,
    lang: Lang,
    link: Duration,
}

impl Stage {
    /// One gateway under launchd. Its first process has the verdict `first`, later ones `later`.
    fn new(first: Reason, later: Reason) -> Self {
        let fake = FakeLaunchctl::new(&json!({}));
        let job = fake.job("ai.hermes.gateway", HEALTHY, "<key>KeepAlive</key><true/>");
        fake.load("gui", &job.path);
        let supervisor = Arc::new(fake.launchd(Duration::from_secs(30)));
        let profile = profile("default", job);
        let watching =
            Watching::start(&profile, supervisor, Some, Box::new(move |_| (first, "what was seen")));
        let old = watching.pid_other_than(None);
        watching.say(Box::new(move |pid| (if pid == old { first } else { later }, "what was seen")));
        Self { fake, watching, lang: Lang::En, link: Duration::from_secs(20) }
    }

    fn ledger(&self) -> Ledger {
        Ledger::at(self.fake.folder().join("restarts.json"))
    }

    /// A permit for the profile, as another process would get it.
    fn permit(&self) -> Permit {
        let snapshot = self.watching.snapshots.borrow().clone();
        let view = snapshot.find("default").unwrap();
        let ask = PermitRequest {
            profile: &view.profile,
            verdict: &view.verdict,
            confirmed: true,
            force: false,
            by: Requester::App,
            now: jiff::Timestamp::now(),
        };
        match Permits::new(self.ledger()).request(&ask) {
            Admission::Granted(permit) => permit,
            refused => panic!("{refused:?}"),
        }
    }

    /// Runs the command and answers every question with `answer`. Returns exit code, output and questions.
    fn run(&self, arguments: &[&str], answer: bool) -> (u8, String, Vec<String>) {
        let mut supervisors = Supervisors::default();
        supervisors.add(Arc::new(self.fake.launchd(Duration::from_secs(30))));
        self.run_with(arguments, answer, supervisors, self.watching.snapshots.clone())
    }

    fn run_with(
        &self,
        arguments: &[&str],
        answer: bool,
        supervisors: Supervisors,
        snapshots: watch::Receiver<Arc<Snapshot>>,
    ) -> (u8, String, Vec<String>) {
        self.run_observed(arguments, answer, supervisors, snapshots, |_| {})
    }

    /// As [`Self::run`]; at every write, `observe` gets the whole output so far.
    fn run_observed(
        &self,
        arguments: &[&str],
        answer: bool,
        supervisors: Supervisors,
        snapshots: watch::Receiver<Arc<Snapshot>>,
        observe: impl Fn(&str),
    ) -> (u8, String, Vec<String>) {
        let args = Command::try_parse_from([&["restart"], arguments].concat()).unwrap().args;
        let limits = Limits { link: self.link, retry: self.link, ..restart_limits() };
        let deps = Deps {
            history: Some(self.fake.folder().join("history.sqlite")),
            start_of,
            limits: Some(limits),
            ..restart_deps(self.fake.folder(), snapshots, supervisors)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (mut out, mut questions) = (Output { text: Vec::new(), observe: &observe }, Vec::new());
        let mut ask = |question: &str| {
            questions.push(question.to_owned());
            answer
        };
        let mut terminal =
            Terminal { out: &mut out, lang: self.lang, color: false, symbols: false, width: None };
        let code = runtime.block_on(run(args, deps, &mut terminal, &mut ask)).unwrap();
        (code, String::from_utf8(out.text).unwrap(), questions)
    }
}

/// The output, and who gets it while it is written.
struct Output<'a> {
    text: Vec<u8>,
    observe: &'a dyn Fn(&str),
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.text.extend_from_slice(bytes);
        (self.observe)(&String::from_utf8_lossy(&self.text));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A manager whose user instance this session cannot reach.
struct Unreachable;

impl Supervisor for Unreachable {
    fn manager(&self) -> Manager {
        Manager::Launchd
    }

    fn access(&self) -> Access {
        Access::NoUserBus
    }

    fn query(&self, _: &JobFile) -> Result<JobReport, SupervisorError> {
        panic!("nothing is asked")
    }

    fn restart(&self, _: &JobFile) -> Result<(), SupervisorError> {
        panic!("nothing is asked")
    }

    fn reload(&self, _: &JobFile) -> Result<(), SupervisorError> {
        panic!("nothing is asked")
    }

    fn stop(&self, _: &JobFile) -> Result<(), SupervisorError> {
        panic!("nothing is stopped")
    }
}

#[test]
fn arguments() {
    for good in [&["default", "work"][..], &["--red"], &["--all", "--json", "-y", "--force"]] {
        assert!(Command::try_parse_from([&["restart"], good].concat()).is_ok(), "{good:?}");
    }
    for bad in [&[][..], &["--red", "--all"], &["work", "--red"], &["work", "--all"]] {
        assert!(Command::try_parse_from([&["restart"], bad].concat()).is_err(), "{bad:?}");
    }
}

#[test]
fn steps_are_printed_as_they_happen_and_the_outcome_last() {
    let stage = Stage::new(Reason::ExecutorShutdown, Reason::Connected);
    let (code, out, questions) = stage.run(&["default", "default"], false);
    assert_eq!((code, questions.len()), (WORKED, 0), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "default: ending the old process…");
    assert_eq!(lines[1], "default: old process gone; waiting for the new one…");
    assert_eq!(lines[2], "default: new process is running; waiting for the link…");
    assert!(lines[3].starts_with("default: restarted in "), "{out}");
    assert_eq!(lines.len(), 4, "named twice, restarted once: {out}");
    // nothing is red any more: not a failure
    assert_eq!(stage.run(&["--red"], false).0, WORKED);
    assert_eq!(stage.fake.calls().iter().filter(|call| call.contains("kickstart")).count(), 1);
}

#[test]
fn the_outcome_is_added_to_an_existing_history_only() {
    let stage = Stage::new(Reason::ExecutorShutdown, Reason::Connected);
    let file = stage.fake.folder().join("history.sqlite");
    assert_eq!(stage.run(&["default"], false).0, WORKED);
    assert!(!file.exists());

    let before = jiff::Timestamp::now();
    drop(Store::open(&file, before).unwrap());
    assert_eq!(stage.run(&["default"], false).0, WORKED);
    let later = jiff::Timestamp::now();
    let record = Reader::open(&file).unwrap().read(before, later).unwrap();
    let restarts: Vec<_> = record.profiles.iter().map(|p| (p.name.as_str(), p.restarts.len())).collect();
    assert_eq!(restarts, [("default", 1)]);
    assert_eq!(record.profiles[0].restarts[0].result, RestartResult::Worked);

    // a history that cannot be written does not fail the restart
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "something else").unwrap();
    let (code, out, _) = stage.run(&["default"], false);
    assert_eq!(code, WORKED, "{out}");
    assert!(out.contains("could not be added to the history"), "{out}");
    assert_eq!(std::fs::read(&file).unwrap(), b"something else");
}

#[test]
fn json_lines_and_chinese() {
    let mut stage = Stage::new(Reason::ExecutorShutdown, Reason::Connected);
    stage.lang = Lang::Zh;
    let (code, out, _) = stage.run(&["--red", "--json"], false);
    assert_eq!(code, WORKED, "{out}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<&str> = lines.iter().filter_map(|line| line["step"].as_str()).collect();
    assert_eq!(steps, ["ending-old", "starting-new", "proving-link"]);
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["version"], &last["profile"], &last["outcome"]),
        (&json!(1), &json!("default"), &json!("worked"))
    );
    assert!(last["took_s"].is_number() && last["pid"].is_number() && last["killed"] == false, "{last}");
    assert!(last["message"].as_str().unwrap().contains("重启成功"), "{last}");
}

#[test]
fn a_restart_that_will_not_help_asks_first() {
    let stage = Stage::new(Reason::AuthRejected, Reason::AuthRejected);
    let (code, out, questions) = stage.run(&["default"], false);
    assert_eq!((code, questions.len()), (FAILED, 1));
    assert!(out.contains("Feishu refuses this profile's credentials"), "{out}");
    assert!(!stage.fake.calls().iter().any(|call| call.contains("kickstart")), "no means no");
    // without a terminal nothing is asked, and the answer is no
    let (code, out, questions) = stage.run(&["default", "--json"], true);
    assert_eq!((code, questions.len()), (FAILED, 0));
    assert!(out.contains("\"code\":\"not-confirmed\""), "{out}");
    // confirmed by answer or flag: it is tried, and fails with the log line that says why
    for arguments in [&["default"][..], &["default", "--yes"]] {
        let (code, out, _) = stage.run(arguments, true);
        assert_eq!(code, FAILED);
        assert!(out.lines().last().unwrap().contains("agent.log: what was seen"), "{out}");
    }
    assert_eq!(stage.fake.calls().iter().filter(|call| call.contains("kickstart")).count(), 2);
}

#[test]
fn r21651_the_seventh_within_an_hour_needs_force() {
    let stage = Stage::new(Reason::Connected, Reason::Connected);
    for _ in 0..6 {
        drop(stage.permit());
    }
    let (code, out, _) = stage.run(&["default"], true);
    assert_eq!(code, FAILED);
    assert!(out.contains("6 restarts in the last hour"), "{out}");
    let (code, out, _) = stage.run(&["--all", "--force"], true);
    assert_eq!(code, WORKED, "{out}");
}

#[test]
fn a_second_request_joins_the_first_and_reports_its_outcome() {
    let stage = Stage::new(Reason::ExecutorShutdown, Reason::Connected);
    let why = Message::verbatim("the line that says why");
    let worked = RestartOutcome::Worked {
        took: SignedDuration::from_secs(4),
        pid: 77,
        killed: true,
        back: Vec::new(),
    };
    let failed = RestartOutcome::Failed { step: RestartStep::StartingNew, why };
    for (outcome, expected, last) in [
        (Some(&worked), WORKED, "PID 77; the old process ignored SIGTERM"),
        (Some(&failed), FAILED, "the line that says why"),
        (None, UNCLEAR, "interrupted"),
    ] {
        // another process: it ends once the second request waits
        let permit = RefCell::new(Some(stage.permit()));
        let observe = |printed: &str| {
            if printed.contains("already restarting")
                && let Some(permit) = permit.borrow_mut().take()
                && let Some(outcome) = outcome
            {
                permit.finish(outcome);
            }
        };
        let snapshots = stage.watching.snapshots.clone();
        let mut supervisors = Supervisors::default();
        supervisors.add(Arc::new(stage.fake.launchd(Duration::from_secs(30))));
        // joining needs no confirmation and does not count towards the limit
        let (code, out, _) =
            stage.run_observed(&["default", "--json"], false, supervisors, snapshots, observe);
        assert_eq!(code, expected, "{out}");
        let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len(), &lines[0]["step"]), (2, &json!("joining")), "{out}");
        assert_eq!(lines[0]["holder"]["pid"], std::process::id(), "{out}");
        assert!(lines[1]["message"].as_str().unwrap().contains(last), "{out}");
    }
    assert!(!stage.fake.calls().iter().any(|call| call.contains("kickstart")), "nobody restarts twice");
    assert_eq!(
        stage.ledger().recent("default", jiff::Timestamp::now()).len(),
        3,
        "only the first ones count"
    );
}

#[test]
fn where_nothing_is_found_it_says_where_it_looked() {
    let stage = Stage::new(Reason::Connected, Reason::Connected);
    let nothing = Snapshot { profiles: Vec::new(), ..Snapshot::clone(&stage.watching.snapshots.borrow()) };
    let (_keep, snapshots) = watch::channel(Arc::new(nothing));
    for (arguments, expected) in [(["x"], NO_PROFILE), (["--all"], NO_PROFILE), (["--red"], WORKED)] {
        let (code, out, _) = stage.run_with(&arguments, true, Supervisors::default(), snapshots.clone());
        assert_eq!(code, expected, "{arguments:?}");
        assert!(out.starts_with("no Hermes Gateway profile found. Searched:\n"), "{out}");
        let agents = stage.fake.folder().join("Library/LaunchAgents/*.plist");
        assert!(out.contains(agents.to_str().unwrap()), "{out}");
    }
}

#[test]
fn a_refusal_says_why() {
    let mut stage = Stage::new(Reason::Connected, Reason::Starting);
    let (code, out, _) = stage.run(&["defualt"], true);
    assert_eq!(code, USAGE);
    assert!(out.contains("there is no profile “defualt”; there are: default"), "{out}");
    // nothing would start an unsupervised one again
    let loose =
        Arc::new(Profile { name: "loose".into(), home: "/nowhere".into(), job: None, logs: Vec::new() });
    let verdict = gatelight::health::Verdict::unknown(jiff::Timestamp::now());
    let (_keep, snapshots) = watch::channel(Arc::new(support::snapshot(&loose, verdict)));
    let (code, out, _) = stage.run_with(&["--all"], true, Supervisors::default(), snapshots);
    assert_eq!(code, FAILED);
    assert!(out.contains("nothing would start it again"), "{out}");
    // its service manager is not on this machine
    let snapshots = stage.watching.snapshots.clone();
    let (code, out, _) = stage.run_with(&["default"], true, Supervisors::default(), snapshots);
    assert_eq!(code, FAILED);
    assert!(out.contains("launchd is not on this machine"), "{out}");
    // a manager that this session cannot reach: refused before it asks or counts
    let mut supervisors = Supervisors::default();
    supervisors.add(Arc::new(Unreachable));
    let snapshots = stage.watching.snapshots.clone();
    let (code, out, _) = stage.run_with(&["default"], true, supervisors, snapshots);
    assert_eq!(code, FAILED);
    assert!(out.contains("XDG_RUNTIME_DIR=/run/user/$(id -u)"), "{out}");
    assert_eq!(stage.ledger().recent("default", jiff::Timestamp::now()), []);
    // neither success nor failure
    stage.link = Duration::from_millis(100);
    let (code, out, _) = stage.run(&["default"], true);
    assert_eq!(code, UNCLEAR, "{out}");
    assert!(out.contains("outcome unknown"), "{out}");
}
