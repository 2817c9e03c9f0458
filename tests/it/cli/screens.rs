//! The output of the commands as snapshots: at three widths, with and without colour, in both languages.
//! `INSTA_UPDATE=always cargo test --test it -- screens` writes them again; look at each one before you commit it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gatelight::cli::{history, restart, status};
use gatelight::evidence::patterns::Patterns;
use gatelight::health::{Deadlines, JobState, Manager, Verdict};
use gatelight::history::{Store, Window};
use gatelight::profile::{JobFile, Profile};
use gatelight::recording::Recording;
use gatelight::restart::Obstacle;
use gatelight::supervisor::{JobReport, Supervisor, SupervisorError, Supervisors};
use gatelight::terminal::Terminal;
use gatelight::text::Lang;
use gatelight::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use textwrap::core::display_width;
use tokio::sync::watch;

use super::restart_deps;
use crate::support::machine::{self, Machine, Ran};
use crate::support::recordings;

const WIDTHS: [usize; 3] = [40, 80, 120];
const LANGUAGES: [(Lang, &str); 2] = [(Lang::En, "en"), (Lang::Zh, "zh")];

/// Each has a snapshot per language, plain and coloured.
const SCREENS: [&str; 9] =
    ["doctor", "help", "help-restart", "history", "logs", "restart", "status", "status-green", "status-one"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cli/screens")
}

#[test]
fn every_file_belongs_to_a_screen() {
    let found: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".snap.new"))
        .collect();
    let files = |screen: &&str| {
        let screen = (*screen).to_owned();
        LANGUAGES
            .iter()
            .flat_map(move |(_, lang)| {
                [format!("{screen}.{lang}.snap"), format!("{screen}.{lang}.colour.snap")]
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(found, SCREENS.iter().flat_map(files).collect());
}

/// Screens whose lines are not wrapped, so that they can be searched and copied.
const UNWRAPPED: [&str; 3] = ["help", "help-restart", "logs"];

/// Compares what `print` prints with the snapshots.
fn assert_screen(name: &str, print: &dyn Fn(&mut Terminal<'_>)) {
    assert!(SCREENS.contains(&name), "{name}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (lang, word) in LANGUAGES {
        for color in [false, true] {
            let mut text = String::new();
            for width in WIDTHS {
                let mut out = Vec::new();
                print(&mut Terminal { out: &mut out, lang, color, symbols: true, width: Some(width) });
                let shown = String::from_utf8(out).unwrap();
                if !UNWRAPPED.contains(&name) {
                    assert_fits(&shown, width);
                }
                writeln!(text, "{}\n{}", ruler(width), shown.replace('\u{1b}', "␛")).unwrap();
            }
            let name = format!("{name}.{word}{}", if color { ".colour" } else { "" });
            settings.bind(|| insta::assert_snapshot!(name, text));
        }
    }
}

fn ruler(width: usize) -> String {
    format!("{:-<width$}", format!("--- {width} columns "))
}

/// Only a word that is longer than a line may exceed the width.
fn assert_fits(shown: &str, width: usize) {
    for line in shown.lines() {
        let line = without_colour(line);
        let alone = line.split_whitespace().count() == 1;
        assert!(display_width(&line) <= width || alone, "wider than {width}: {line}");
        assert_eq!(line.trim_end_matches(' '), line, "trailing space");
    }
}

fn without_colour(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

fn now() -> Timestamp {
    "2026-10-06T09:00:00Z".parse().unwrap()
}

/// The verdict on a recording's gateway after so many seconds, with its times moved so that this is `ago` before [`now`].
fn seen(recording: &str, seconds: f64, ago: SignedDuration) -> Verdict {
    let text = fs::read(recordings::file(recording)).unwrap();
    let recording = Recording::read(text.as_slice()).unwrap();
    let end = recording.header.start + SignedDuration::try_from_secs_f64(seconds).unwrap();
    let mut last = None;
    recording.play(Arc::new(Patterns::new(&[]).unwrap()), Deadlines::default(), &mut |change| {
        if change.at <= end {
            last = Some(change.to.clone());
        }
    });
    let mut verdict = last.unwrap();
    let moved = now().duration_since(end) - ago;
    for at in [&mut verdict.since].into_iter().chain(&mut verdict.started_at) {
        *at += moved;
    }
    for link in &mut verdict.links {
        link.since += moved;
    }
    verdict
}

fn view(name: &str, verdict: Verdict) -> ProfileView {
    let job = JobFile::named(Manager::Launchd, "/a.plist", format!("ai.hermes.gateway-{name}"));
    let profile = Profile { name: name.into(), home: "/h".into(), job: Some(job), logs: Vec::new() };
    ProfileView { profile: Arc::new(profile), verdict: verdict.into() }
}

fn snapshot(profiles: Vec<ProfileView>) -> Snapshot {
    Snapshot { at: now(), profiles, bad_files: Vec::new(), complete: true }
}

/// No job starts the gateway of the profile `by-hand`.
fn obstacle(profile: &Profile) -> Option<Obstacle> {
    (profile.name == "by-hand").then_some(Obstacle::NoJob)
}

fn show(snapshot: &Snapshot, terminal: &mut Terminal<'_>) {
    status::show(snapshot, &obstacle, terminal).unwrap();
}

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[test]
fn status_of_many_profiles() {
    let all = snapshot(vec![
        view("default", seen("a_clean", 60.0, HOUR * 75)),
        view("work", seen("e_executor", 50.0, HOUR * 2)),
        view("客服", seen("c_refused", 60.0, MINUTE * 3)),
        view("shop", seen("e_executor", 50.0, MINUTE * 12)),
        view("by-hand", seen("e_executor", 50.0, HOUR)),
        view("secretary", seen("d_bad_secret", 60.0, HOUR * 30)),
        view("both", seen("telegram_fails_feishu_works", 60.0, MINUTE)),
        view("night", seen("quiet_planned_stop", 80.0, HOUR * 9)),
        view("flaky", seen("b_close", 28.0, SignedDuration::from_secs(4))),
    ]);
    assert_screen("status", &|terminal| show(&all, terminal));
}

#[test]
fn status_when_all_is_well() {
    let all = snapshot(vec![
        view("default", seen("a_clean", 60.0, HOUR * 75)),
        view("work", seen("a_clean_systemd", 60.0, HOUR * 2)),
    ]);
    assert_screen("status-green", &|terminal| show(&all, terminal));
}

#[test]
fn status_of_one_profile() {
    let one = snapshot(vec![view("default", seen("replace_loop", 200.0, MINUTE * 5))]);
    assert_screen("status-one", &|terminal| show(&one, terminal));
}

/// The same terminal with another output.
fn on<'a>(out: &'a mut Vec<u8>, terminal: &Terminal<'_>) -> Terminal<'a> {
    let Terminal { lang, color, symbols, width, .. } = *terminal;
    Terminal { out, lang, color, symbols, width }
}

#[test]
fn history_of_two_profiles() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.sqlite");
    let begun = now() - HOUR;
    let mut store = Store::open(&file, now()).unwrap();
    for (name, recording) in [("work", "e_executor"), ("default", "b_close")] {
        let text = fs::read(recordings::file(recording)).unwrap();
        let recording = Recording::read(text.as_slice()).unwrap();
        let start = recording.header.start;
        let profile = view(name, Verdict::unknown(now())).profile;
        let mut changes = Vec::new();
        recording.play(Arc::new(Patterns::new(&[]).unwrap()), Deadlines::default(), &mut |change| {
            changes.push(change.clone());
        });
        for mut change in changes {
            change.at = begun + change.at.duration_since(start);
            change.profile = name.into();
            let change = ProfileChange { profile: Arc::clone(&profile), change, history: false };
            store.record_change(&change).unwrap();
        }
    }
    store.record_observed(begun, now()).unwrap();
    let window = Window::last(HOUR * 24, now());
    let record = store.read(window.from, now()).unwrap();
    assert_screen("history", &|terminal| history::show(&record, window, &TimeZone::UTC, terminal).unwrap());
}

/// Runs the program as on a terminal of this width.
fn run(machine: &Machine, arguments: &[&str], terminal: &mut Terminal<'_>) {
    let mut command = machine.command(arguments);
    command.env("COLUMNS", terminal.width.unwrap().to_string());
    command.env("LANG", if terminal.lang == Lang::Zh { "zh_CN.UTF-8" } else { "C.UTF-8" });
    command.env("CLICOLOR_FORCE", "1");
    if !terminal.color {
        command.env("NO_COLOR", "1");
    }
    let ran = Ran::of(command.output().unwrap());
    let shown = ran.out.replace(machine.home().to_str().unwrap(), "/home/u");
    terminal.out.write_all(shown.as_bytes()).unwrap();
}

#[test]
fn logs_of_two_files() {
    let machine = Machine::new();
    let logs = machine.hermes().join("logs");
    fs::create_dir_all(&logs).unwrap();
    fs::write(
        logs.join("agent.log"),
        "2026-10-06 09:00:00,000 INFO gateway.run: Starting Hermes Gateway...\n\
         2026-10-06 09:00:01,000 INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?ticket=abc0123456789 [conn_id=1]\n",
    )
    .unwrap();
    fs::write(
        logs.join("errors.log"),
        "2026-10-06 09:10:00,000 WARNING gateway.run: kanban notifier tick failed: Executor shutdown has been called\n",
    )
    .unwrap();
    assert_screen("logs", &|terminal| run(&machine, &["logs"], terminal));
}

#[test]
fn findings_of_the_doctor() {
    let home = tempfile::tempdir().unwrap();
    let agents = home.path().join("Library/LaunchAgents");
    fs::create_dir_all(&agents).unwrap();
    fs::create_dir_all(home.path().join(".hermes/profiles/Work Old/logs")).unwrap();
    let hermes = home.path().join("hermes");
    crate::support::executable(&hermes, "#!/bin/sh\n");
    let words = [hermes.to_str().unwrap(), "gateway", "run", "--replace"];
    let always = "<key>RunAtLoad</key><true/><key>KeepAlive</key><true/>";
    for (label, more) in [("ai.hermes.gateway", always), ("ai.hermes.gateway-work", "")] {
        let work = format!(
            "{more}<key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>{}/{label}</string></dict>",
            home.path().display()
        );
        fs::write(agents.join(format!("{label}.plist")), machine::plist(label, &words, &work)).unwrap();
    }
    let places = gatelight::profile::Places::below(home.path());
    assert_screen("doctor", &|terminal| {
        let lang = terminal.lang;
        let machine = gatelight::doctor::fix::Machine {
            places: &places,
            supervisor: &|_| None,
            process: &|_| None,
            arguments_of: &|_| None,
            link: &|_, _| gatelight::doctor::flow::Link::Unknown,
            pause: &|| {},
            lang,
        };
        let mut shown = Vec::new();
        let mut own = on(&mut shown, terminal);
        gatelight::cli::doctor::run_on(
            &gatelight::cli::doctor::Args::default(),
            &machine,
            &mut own,
            &mut |_| None,
        )
        .unwrap();
        let text = String::from_utf8(shown).unwrap().replace(home.path().to_str().unwrap(), "/home/u");
        terminal.out.write_all(text.as_bytes()).unwrap();
    });
}

static RESTARTED: AtomicBool = AtomicBool::new(false);
const PIDS: [u32; 2] = [411, 4242];

/// A manager whose job has another process after a restart, with the verdict of `after`.
struct OneJob {
    snapshots: watch::Sender<Arc<Snapshot>>,
    after: Snapshot,
}

impl Supervisor for OneJob {
    fn manager(&self) -> Manager {
        Manager::Launchd
    }

    fn query(&self, _: &JobFile) -> Result<JobReport, SupervisorError> {
        let pid = Some(PIDS[usize::from(RESTARTED.load(Ordering::SeqCst))]);
        Ok(JobReport { state: JobState::Running, pid, ..JobReport::NOT_LOADED })
    }

    fn restart(&self, _: &JobFile) -> Result<(), SupervisorError> {
        RESTARTED.store(true, Ordering::SeqCst);
        self.snapshots.send_replace(Arc::new(self.after.clone()));
        Ok(())
    }

    fn reload(&self, job: &JobFile) -> Result<(), SupervisorError> {
        self.restart(job)
    }

    fn stop(&self, _: &JobFile) -> Result<(), SupervisorError> {
        Ok(())
    }
}

fn start_of(pid: u32) -> Option<u64> {
    (pid == PIDS[usize::from(RESTARTED.load(Ordering::SeqCst))]).then_some(1)
}

/// Restarts `default`, which has the verdict of this recording afterwards, and a profile that no job starts.
fn restart_default(after: Verdict, terminal: &mut Terminal<'_>) {
    RESTARTED.store(false, Ordering::SeqCst);
    let folder = tempfile::tempdir().unwrap();
    let all = |default: Verdict, pid| {
        let mut by_hand = view("by-hand", seen("e_executor", 50.0, HOUR));
        Arc::make_mut(&mut by_hand.profile).job = None;
        snapshot(vec![view("default", Verdict { pid: Some(pid), ..default }), by_hand])
    };
    let (snapshots, receiver) = watch::channel(Arc::new(all(seen("e_executor", 50.0, MINUTE), PIDS[0])));
    let mut supervisors = Supervisors::default();
    supervisors.add(Arc::new(OneJob { snapshots, after: all(after, PIDS[1]) }));
    let deps = restart::Deps { start_of, ..restart_deps(folder.path(), receiver, supervisors) };
    let args = restart::Args { all: true, ..restart::Args::default() };
    let mut shown = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (mut own, mut ask) = (on(&mut shown, terminal), |_: &str| true);
    let code = runtime.block_on(restart::run(args, deps, &mut own, &mut ask)).unwrap();
    assert_eq!(code, restart::FAILED);
    let mut text = String::from_utf8(shown).unwrap();
    // the duration depends on the machine
    for seconds in 1..=9 {
        text = text
            .replace(&format!("in {seconds} s"), "in 0 s")
            .replace(&format!("用时 {seconds} 秒"), "用时 0 秒");
    }
    terminal.out.write_all(text.as_bytes()).unwrap();
}

#[test]
fn restarts_that_work_fail_and_are_refused() {
    assert_screen("restart", &|terminal| {
        restart_default(seen("a_clean", 60.0, MINUTE), terminal);
        restart_default(seen("d_bad_secret", 60.0, MINUTE), terminal);
    });
}

#[test]
fn help_of_the_program_and_of_a_command() {
    let machine = Machine::new();
    for (screen, arguments) in [("help", &["--help"][..]), ("help-restart", &["restart", "--help"])] {
        assert_screen(screen, &|terminal| run(&machine, arguments, terminal));
    }
}
