//! Gives the larger commands what they work with: managers, watcher, ledger, history.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Terminal, diagnose, doctor, history, report, restart, serve};
use crate::app::engine::{Engine, runtime};
use crate::doctor::flow::Link;
use crate::evidence::anonymise::Anonymiser;
use crate::evidence::patterns::Patterns;
use crate::evidence::{process, redact};
use crate::health::{Deadlines, Light, Reason};
use crate::history::{Reader, Record};
use crate::postmortem;
use crate::profile::{JobFile, Profile};
use crate::snapshot::{ProfileChange, ProfileView, Snapshot};
use crate::supervisor::Supervisors;
use crate::supervisor::ledger::Ledger;
use crate::text::Lang;

/// How long the link may take to come back after a reload: a start and one more attempt.
const LINK_LIMIT: Duration = Duration::from_secs(120);

/// When a process was started, to tell it from another of the same PID.
pub fn start_of(pid: u32) -> Option<u64> {
    process::look(pid).filter(|info| info.state != crate::health::ProcessState::Zombie).map(|info| info.start)
}

/// The file of past restarts.
pub fn ledger_file(engine: &Engine) -> PathBuf {
    engine.folders.data.join("restarts.json")
}

/// The history.
pub fn history_file(engine: &Engine) -> PathBuf {
    engine.folders.data.join("history.sqlite")
}

/// `gatelight restart`.
pub fn run_restart(args: restart::Args, engine: &Engine, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    runtime()?.block_on(async {
        let handle = engine.watch(Vec::new(), None)?;
        let deps = restart::Deps {
            snapshots: handle.snapshots.clone(),
            places: engine.places.clone(),
            supervisors: Supervisors::from_environment(),
            ledger: Ledger::at(ledger_file(engine)),
            history: Some(history_file(engine)),
            start_of,
            deadlines: engine.config.deadlines.clone(),
            limits: None,
            lang: engine.lang,
        };
        let mut ask = |question: &str| restart::ask_on_terminal(question).unwrap_or(false);
        restart::run(args, deps, terminal.out, &mut ask).await
    })
}

/// The arguments of a process, where the system tells them.
fn arguments_of(pid: u32) -> Option<Vec<String>> {
    process::look(pid).map(|info| info.command)
}

/// `gatelight doctor`.
pub fn run_doctor(args: &doctor::Args, engine: &Engine, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    let supervisors = Supervisors::from_environment();
    let supervisor = |manager| supervisors.of(manager);
    let mut link = |job: &JobFile, pid: u32| link_of(engine, job, pid);
    let mut context = doctor::Context {
        places: &engine.places,
        supervisor: &supervisor,
        process: &crate::doctor::process_facts,
        arguments_of: &arguments_of,
        link: &mut link,
        pause: &mut || std::thread::sleep(Duration::from_millis(500)),
        confirm: &mut restart::ask_on_terminal,
        redact: &redact::redact,
        lang: engine.lang,
        color: terminal.color,
    };
    doctor::run(args, &mut context, terminal.out)
}

/// Waits until the job's link is proven by this process (or the one below it), or down for a reason that no job file can
/// give.
fn link_of(engine: &Engine, job: &JobFile, pid: u32) -> Link {
    let Ok(runtime) = runtime() else { return Link::Unknown };
    runtime.block_on(async {
        let Ok(handle) = engine.watch(Vec::new(), None) else { return Link::Unknown };
        let mut snapshots = handle.snapshots.clone();
        let of_job = |profile: &Profile| {
            profile.job.as_ref().is_some_and(|other| other.path == job.path && other.label == job.label)
        };
        let told = snapshots.wait_for(|snapshot| {
            snapshot.profiles.iter().filter(|view| of_job(&view.profile)).any(|view| {
                let below = view
                    .verdict
                    .pid
                    .is_some_and(|live| live == pid || process::descendants(pid).contains(&live));
                below
                    && (crate::health::proves_work(view.verdict.reason) || is_elsewhere(view.verdict.reason))
            })
        });
        // a time-out: what is seen then has to do
        let _ = tokio::time::timeout(LINK_LIMIT, told).await;
        let snapshot = Arc::clone(&handle.snapshots.borrow());
        let Some(view) = snapshot.profiles.iter().find(|view| of_job(&view.profile)) else {
            return Link::Unknown;
        };
        let verdict = &view.verdict;
        let line = verdict.evidence.as_ref().map(|proof| proof.line.clone()).unwrap_or_default();
        let why = format!("{}: {line}", engine.lang.pick(verdict.reason.entry().title));
        match verdict.reason {
            reason if crate::health::proves_work(reason) => Link::Back,
            reason if is_elsewhere(reason) => Link::DownElsewhere(why),
            reason if reason.light() == Light::Red => Link::Down(why),
            _ => Link::Unknown,
        }
    })
}

/// Reasons of a red light that lie with the network or with Feishu: putting an old job file back mends none of them.
const fn is_elsewhere(reason: Reason) -> bool {
    matches!(reason, Reason::NetworkUnreachable | Reason::AuthRejected | Reason::ConnectionLimit)
}

/// `gatelight history`.
pub fn run_history(args: &history::Args, engine: &Engine, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    let file = history_file(engine);
    history::run(args, &mut story(&file, engine, terminal))
}

/// Changes of old logs that a page tells of: the newest, as many as a history holds.
const MOST_CHANGES: usize = 50_000;

/// `gatelight report`.
pub fn run_report(args: &report::Args, engine: &Engine, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    let file = history_file(engine);
    let patterns = engine.patterns()?;
    let replay = |paths: &[PathBuf]| {
        let mut told = (Record::default(), Timestamp::MIN);
        for (name, paths) in postmortem::by_profile(paths) {
            let (record, end) = replay_logs(name, &paths, &patterns, engine.lang)?;
            told = (told.0.and(record), told.1.max(end));
        }
        Ok(told)
    };
    report::run(args, &mut story(&file, engine, terminal), &replay)
}

/// What the old logs of one profile tell, and their end.
fn replay_logs(
    name: String,
    paths: &[PathBuf],
    patterns: &Arc<Patterns>,
    lang: Lang,
) -> anyhow::Result<report::Replayed> {
    let logs = postmortem::Logs::open(paths, &jiff::tz::TimeZone::system())?;
    for path in &logs.silent {
        eprintln!("{}: {}", path.display(), lang.pick(crate::text::status::NO_STAMPS));
    }
    let home = paths.first().and_then(|p| p.parent()).unwrap_or(Path::new("/")).to_path_buf();
    let profile = Arc::new(Profile { name, home, job: None, logs: paths.to_vec() });
    let mut changes = VecDeque::new();
    let played = logs.play(patterns, &Deadlines::default(), &mut |change| {
        if changes.len() == MOST_CHANGES {
            changes.pop_front();
        }
        changes.push_back(ProfileChange { profile: Arc::clone(&profile), change, history: true });
        Ok(())
    })?;
    let doubtful = played.doubtful(changes.iter().map(|told| &told.change));
    Ok((Record::from_changes(changes, played.end, &doubtful), played.end))
}

fn story<'a>(file: &'a Path, engine: &Engine, terminal: &'a mut Terminal<'_>) -> history::Deps<'a> {
    history::Deps {
        history: file,
        lang: engine.lang,
        now: Timestamp::now(),
        zone: jiff::tz::TimeZone::system(),
        symbols: terminal.symbols,
        out: terminal.out,
    }
}

/// Everything that the doctor finds now.
pub fn examine(engine: &Engine) -> Vec<crate::doctor::Finding> {
    let supervisors = Supervisors::from_environment();
    let supervisor = |manager| supervisors.of(manager);
    let found = crate::profile::scan(&engine.places);
    let live =
        crate::doctor::LiveFacts::ask(&found, &supervisor, &crate::doctor::process_facts, &arguments_of);
    crate::doctor::examine(&found, &engine.places, &live)
}

/// Writes the timeline of the last 90 days and opens it.
pub fn open_timeline(engine: &Engine) -> anyhow::Result<()> {
    let args = report::Args::for_menu(engine.folders.data.join("timeline.html"));
    let mut sink = std::io::sink();
    let mut terminal = Terminal { out: &mut sink, lang: engine.lang, color: false, symbols: false };
    run_report(&args, engine, &mut terminal).map(|_| ())
}

/// Lines of the log in a report.
const DIAGNOSIS_LINES: usize = 120;

/// How long a recording for a report runs.
const DIAGNOSIS_RECORDING: Duration = Duration::from_secs(60);

/// How far back a report's history goes.
const DIAGNOSIS_SPAN: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

/// `gatelight diagnose`.
pub fn run_diagnose(
    args: &diagnose::Args,
    engine: &Engine,
    terminal: &mut Terminal<'_>,
) -> anyhow::Result<u8> {
    let snapshot = runtime()?.block_on(async {
        let mut handle = engine.watch(Vec::new(), None)?;
        anyhow::Ok(crate::app::engine::first_look(&mut handle).await)
    })?;
    let Some(view) = snapshot.find(&args.profile) else {
        return Ok(super::status::no_such_profile(&args.profile, engine));
    };
    let nameless = Arc::new(nameless(engine));
    if let Some(out) = &args.recording {
        let end = || async { tokio::time::sleep(DIAGNOSIS_RECORDING).await };
        super::record::record_into(&args.profile, out, engine, &nameless, || Ok(()), end)?;
    }
    let recording = args.recording.as_ref().map(|path| path.display().to_string());
    let text = diagnosis(engine, view, &snapshot, &nameless, recording.as_deref());
    terminal.out.write_all(text.as_bytes())?;
    Ok(super::OK)
}

/// Takes the names of this machine and its user out of what strangers will read.
pub fn nameless(engine: &Engine) -> Anonymiser {
    Anonymiser::new(diagnose::facts(&engine.places.user_home))
}

fn diagnosis(
    engine: &Engine,
    view: &ProfileView,
    snapshot: &Snapshot,
    nameless: &Anonymiser,
    recording: Option<&str>,
) -> String {
    let now = Timestamp::now();
    let job = view.profile.job.as_ref();
    let job_file = job.and_then(|job| std::fs::read(&job.path).ok()).and_then(|bytes| job_text(&bytes));
    let findings: Vec<String> = examine(engine)
        .into_iter()
        .filter(|f| f.profile.as_deref() == Some(view.profile.name.as_str()))
        .map(|f| format!("{}: {}", f.code.name(), f.message.pick(engine.lang)))
        .collect();
    let supervisors = Supervisors::from_environment();
    let manager: Vec<String> = job
        .and_then(|job| Some((job, supervisors.get(job.manager)?)))
        .map(|(job, supervisor)| match supervisor.query(job) {
            Ok(report) => format!("{}: {report:?}", job.label),
            Err(error) => format!("{}: {error}", job.label),
        })
        .into_iter()
        .collect();
    let log = super::logs::merged(&view.profile, 4 * DIAGNOSIS_LINES);
    let around = crate::diagnose::around(&log, view.verdict.since.min(snapshot.at), DIAGNOSIS_LINES);
    let record = Reader::open(&history_file(engine))
        .and_then(|reader| reader.read(now - DIAGNOSIS_SPAN, now))
        .ok()
        .map(|record| record.only(&view.profile.name));
    crate::diagnose::render(&crate::diagnose::Diagnosis {
        now,
        zone: &jiff::tz::TimeZone::system(),
        lang: engine.lang,
        nameless,
        view,
        system: &[diagnose::system(), diagnose::gateway_versions(view)].concat(),
        job_file: job_file.as_deref(),
        manager: &manager,
        findings: &findings,
        log: around,
        record: record.as_ref(),
        span: DIAGNOSIS_SPAN,
        recording,
    })
}

/// The job file as text; a binary plist as XML.
fn job_text(bytes: &[u8]) -> Option<String> {
    if !bytes.starts_with(b"bplist") {
        return Some(String::from_utf8_lossy(bytes).into_owned());
    }
    let value = plist::Value::from_reader(std::io::Cursor::new(bytes)).ok()?;
    let mut xml = Vec::new();
    value.to_writer_xml(&mut xml).ok()?;
    String::from_utf8(xml).ok()
}

/// Puts a diagnosis into the clipboard, or into a file where no clipboard program is found. The words for the user.
pub fn copy_diagnostics(engine: &Engine, view: &ProfileView, snapshot: &Snapshot) -> anyhow::Result<String> {
    use crate::text::{agent as words, fill};
    let text = diagnosis(engine, view, snapshot, &nameless(engine), None);
    if crate::ui::open::to_clipboard(&text) {
        return Ok(engine.lang.pick(words::COPIED).to_owned());
    }
    let file = engine.folders.data.join("diagnostics.md");
    std::fs::write(&file, text)?;
    Ok(fill(engine.lang.pick(words::COPIED_TO_FILE), &[("file", &file.display().to_string())]))
}

/// How often the restarts that the agent and the command line asked for are looked up. A scrape is rarer.
const RESTARTS_LOOK: Duration = Duration::from_secs(15);

/// A restart may have been asked for this long before it ended, and written down this long after.
const LONGEST_RESTART: jiff::SignedDuration = jiff::SignedDuration::from_mins(30);

/// The restarts that other processes of ours asked for, from the history that they keep; each counted once.
struct Restarts {
    since: Timestamp,
    looked: Timestamp,
    counted: BTreeSet<(String, Timestamp)>,
}

impl Restarts {
    fn since(now: Timestamp) -> Self {
        Self { since: now, looked: now, counted: BTreeSet::new() }
    }

    /// Counts those that ended since, and were not counted yet. They are not told apart by the time of the last look:
    /// one that ended before it may be written after it.
    fn count(&mut self, history: &Path, now: Timestamp, counters: &crate::serve::metrics::Counters) {
        let from = self.looked.min(now) - LONGEST_RESTART;
        // Without a history there is nothing to count; the next look tries again.
        let Ok(record) = Reader::open(history).and_then(|reader| reader.read(from, now)) else { return };
        for profile in &record.profiles {
            for restart in profile.restarts.iter().filter(|r| r.ended_at > self.since) {
                if self.counted.insert((profile.name.clone(), restart.asked_at)) {
                    counters.restarted(&profile.name, restart.result);
                }
            }
        }
        // what ended earlier is not read again
        self.counted.retain(|(_, asked_at)| *asked_at >= from - LONGEST_RESTART);
        self.looked = now;
    }
}

/// `gatelight serve`.
pub fn run_serve(args: &serve::Args, engine: &Engine, terminal: &mut Terminal<'_>) -> anyhow::Result<u8> {
    use crate::serve::{http::Server, metrics::Counters};
    use tokio::sync::broadcast::error::RecvError;
    let config = args.config()?;
    runtime()?.block_on(async {
        let handle = engine.watch(Vec::new(), None)?;
        let mut changes = handle.changes.subscribe();
        let counters = Arc::new(Counters::default());
        let server = Server::bind(config).await?;
        let stop = crate::app::engine::interrupted();
        if let Some(address) = server.address() {
            writeln!(terminal.out, "http://{address}/metrics")?;
        }
        let serving = server.run(handle.snapshots.clone(), Arc::clone(&counters), Timestamp::now);
        let mut restarts = Restarts::since(Timestamp::now());
        let counting = async {
            let mut look = tokio::time::interval(RESTARTS_LOOK);
            loop {
                tokio::select! {
                    change = changes.recv() => match change {
                        Ok(change) => counters.changed(&change),
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => break,
                    },
                    _ = look.tick() => restarts.count(&history_file(engine), Timestamp::now(), &counters),
                }
            }
        };
        tokio::select! {
            () = serving => {}
            () = counting => {}
            () = stop => {}
        }
        Ok(super::OK)
    })
}
