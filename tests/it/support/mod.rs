//! Helpers: the `launchctl` of the tests, job files, a simulated watcher of real processes.

#[cfg(target_os = "linux")]
pub(crate) mod bus;
pub(crate) mod launchctl;
pub(crate) mod machine;
pub(crate) mod recordings;
pub(crate) mod skips;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use gatelight::health::{Proof, Reason, Verdict};
use gatelight::profile::{JobFile, Profile};
use gatelight::supervisor::Supervisor;
use gatelight::watcher::snapshot::{ProfileView, Snapshot};
use jiff::Timestamp;
use tokio::sync::watch;

/// Reached only by a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The number in this environment variable, or the usual one: how long a model runs, and with which seed.
pub(crate) fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| {
        text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text}"))
    })
}

/// Waits until `done`.
///
/// # Panics
/// With `what`, after [`PATIENCE`].
pub(crate) fn wait_for(what: &str, done: impl FnMut() -> bool) {
    assert!(waited_for(done), "waited in vain: {what}");
}

/// Waits until `done`; `false` after [`PATIENCE`].
pub(crate) fn waited_for(mut done: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + PATIENCE;
    while !done() {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Walks through the rows of a table, six at a time: they mostly wait, each in its own folder.
pub(crate) fn walk_all<Row: Sync>(rows: &[Row], walk: impl Fn(&Row) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    walk(row);
                }
            });
        }
    });
}

/// Writes an executable script through another program: a child that another test starts at this moment would inherit our
/// open file, and a file that is open for writing cannot be executed.
pub(crate) fn executable(path: &Path, script: &str) {
    let write = ["-c", "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\""];
    let written = std::process::Command::new("/bin/sh").args(write).arg(path).arg(script).status().unwrap();
    assert!(written.success());
}

/// Makes a FIFO with mkfifo(1): rustix has no mkfifo(3), and macOS no mknod(2) for a FIFO.
pub(crate) fn make_fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// Runs one test of this binary in another process, which may be killed, limited or given another environment. `module`
/// is the caller's `module_path!()`.
pub(crate) fn test_process(module: &str, test: &str) -> (PathBuf, Vec<String>) {
    let name = format!("{}::{test}", module.split_once("::").unwrap().1);
    let arguments = [&name, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"];
    (std::env::current_exe().unwrap(), arguments.map(str::to_owned).to_vec())
}

/// Waits until this process has set its SIGTERM handler: a shell that has just started would end immediately.
#[cfg(target_os = "linux")]
pub(crate) fn until_it_minds_sigterm(pid: u32) {
    wait_for("it catches or ignores SIGTERM", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status
            .lines()
            .filter_map(|line| line.strip_prefix("SigIgn:\t").or(line.strip_prefix("SigCgt:\t")))
            .any(|mask| u64::from_str_radix(mask, 16).is_ok_and(|mask| mask & (1 << (15 - 1)) != 0))
    });
}

/// The start time of a process in some unit; `None` for none and for a zombie.
#[cfg(target_os = "linux")]
pub(crate) fn start_of(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    // starttime is field 22; state was field 3
    fields.nth(18)?.parse().ok()
}

/// The start time of a process in some unit; `None` for none and for a zombie.
#[cfg(not(target_os = "linux"))]
pub(crate) fn start_of(pid: u32) -> Option<u64> {
    let pid = pid.to_string();
    let output =
        std::process::Command::new("/bin/ps").args(["-o", "stat=,lstart=", "-p", &pid]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    if text.is_empty() || text.starts_with('Z') {
        return None;
    }
    let started = text.split_once(' ')?.1;
    Some(started.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into())))
}

/// A profile whose gateway this job starts.
pub(crate) fn profile(name: &str, job: JobFile) -> Arc<Profile> {
    Arc::new(Profile { name: name.into(), home: "/nowhere".into(), job: Some(job), logs: Vec::new() })
}

/// Simulates the watcher: publishes verdicts that the test chooses for the job's real process.
pub(crate) struct Watching {
    /// Reason and log line for a PID.
    says: Arc<Mutex<Say>>,
    stop: Arc<std::sync::atomic::AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
}

/// The verdict for a PID.
pub(crate) type Say = Box<dyn Fn(u32) -> (Reason, &'static str) + Send>;

/// Finds the gateway's process from the job's process (which may be a wrapper).
pub(crate) type Gateway = fn(u32) -> Option<u32>;

impl Watching {
    /// Watches until dropped.
    pub(crate) fn start(
        profile: &Arc<Profile>,
        supervisor: Arc<dyn Supervisor>,
        gateway: Gateway,
        say: Say,
    ) -> Self {
        let says = Arc::new(Mutex::new(say));
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (publish, snapshots) =
            watch::channel(Arc::new(snapshot(profile, Verdict::unknown(Timestamp::now()))));
        let (profile, say, halt) = (Arc::clone(profile), Arc::clone(&says), Arc::clone(&stop));
        let mut last: Option<(Option<u32>, Reason)> = None;
        let thread = std::thread::spawn(move || {
            while !halt.load(std::sync::atomic::Ordering::Relaxed) {
                let job = profile.job.as_ref().unwrap();
                // no answer: keeps the previous state
                if let Ok(report) = supervisor.query(job) {
                    let pid = report.pid.and_then(gateway).filter(|pid| start_of(*pid).is_some());
                    let (reason, line) =
                        pid.map_or((Reason::NotRunning, "process is gone"), |pid| say.lock().unwrap()(pid));
                    if last != Some((pid, reason)) {
                        last = Some((pid, reason));
                        let now = Timestamp::now();
                        let evidence = Some(Proof::new("agent.log", line, now));
                        let verdict = Verdict { reason, pid, evidence, ..Verdict::unknown(now) };
                        publish.send_replace(Arc::new(snapshot(&profile, verdict)));
                    }
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { says, stop, thread: Some(thread), snapshots }
    }

    /// Replaces the verdicts.
    pub(crate) fn say(&self, say: Say) {
        *self.says.lock().unwrap() = say;
    }

    /// Waits until the job has a process other than this one, and returns it.
    pub(crate) fn pid_other_than(&self, old: Option<u32>) -> u32 {
        let mut pid = None;
        wait_for("the watcher sees a process", || {
            pid = self.snapshots.borrow().profiles[0].verdict.pid.filter(|pid| Some(*pid) != old);
            pid.is_some()
        });
        pid.unwrap()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A snapshot of one profile.
pub(crate) fn snapshot(profile: &Arc<Profile>, verdict: Verdict) -> Snapshot {
    let view = ProfileView { profile: Arc::clone(profile), verdict: verdict.into() };
    Snapshot { at: Timestamp::now(), profiles: vec![view], bad_files: Vec::new(), complete: true }
}

/// The built-in patterns. Compiling them takes longer than most tests.
pub(crate) fn patterns() -> Arc<gatelight::evidence::patterns::Patterns> {
    static PATTERNS: OnceLock<Arc<gatelight::evidence::patterns::Patterns>> = OnceLock::new();
    let compile = || Arc::new(gatelight::evidence::patterns::Patterns::new(&[]).unwrap());
    Arc::clone(PATTERNS.get_or_init(compile))
}

/// What the rows of a core show, without texts that name the time of the judgement.
fn rows_of(core: &gatelight::health::Core) -> Vec<String> {
    use gatelight::health::Note;
    let served = core.served().iter().filter_map(|profile| core.verdict_of(profile));
    let row = |verdict: &Verdict| {
        let note = |note: &Note| match note {
            Note::Also(reason, platform, _) => format!("{reason:?} {platform:?}"),
            other => format!("{other:?}"),
        };
        let notes: Vec<String> = verdict.notes.iter().map(note).collect();
        let links = verdict.links.iter();
        let links: Vec<_> =
            links.map(|link| (&link.platform, link.reason, link.light, link.missing, link.ignored)).collect();
        let source = verdict.evidence.as_ref().map(|proof| &proof.source);
        let shown = (verdict.reason, verdict.light(), &verdict.platform, verdict.missing, verdict.since);
        format!("{shown:?} {source:?} {notes:?} {links:?} {:?} {:?}", verdict.draining, verdict.other_pid)
    };
    std::iter::once(core.verdict()).chain(served).map(row).collect()
}

/// Lets time pass, and judges again although no deadline is due. `Err`: that changed what is shown, so a deadline was
/// missed.
pub(crate) fn pass_and_judge(core: &mut gatelight::health::Core, at: Timestamp) -> Result<(), String> {
    core.tick(at);
    let before = rows_of(core);
    let changes = core.step_all(at, []);
    let after = rows_of(core);
    if changes.is_empty() && before == after {
        return Ok(());
    }
    Err(format!("no deadline at {at}:\n  {before:?}\n  {after:?}"))
}

/// A core that watches the gateway of the profile `default` by the built-in rules.
pub(crate) fn new_core(
    deadlines: gatelight::health::Deadlines,
    now: jiff::Timestamp,
) -> gatelight::health::Core {
    gatelight::health::Core::new("default".into(), &gatelight::health::Platforms::built_in(), deadlines, now)
}

/// A log record with this signal.
pub(crate) fn record(
    signal: gatelight::health::Signal,
    stamp: Option<jiff::civil::DateTime>,
    line: &str,
    at: jiff::Timestamp,
) -> gatelight::health::Evidence {
    let record =
        gatelight::health::LogRecord::new(signal, gatelight::health::Proof::new("agent.log", line, at));
    gatelight::health::Evidence::Log(gatelight::health::LogRecord { stamp, ..record })
}

/// A signal about the Feishu link.
pub(crate) fn feishu(word: gatelight::health::LinkWord) -> gatelight::health::Signal {
    gatelight::health::Signal::Link(gatelight::health::LinkSignal::new("feishu", word))
}
