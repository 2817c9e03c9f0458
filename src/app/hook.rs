//! `on_change`: runs a program of the user with each change as JSON on its standard input.
//!
//! The program has an absolute path and runs without a shell, one at a time, each for a bounded time. If it is too slow
//! the queue fills up, and the newest changes are dropped: memory stays bounded and the order is kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::channels::program::{self, Ended};
use crate::config::Config;
use crate::history::clean_proof;
use crate::log;
use crate::recording::rfc3339;
use crate::text::proof::stable;
use crate::text::{self, Lang, Message, Worded as _, fill, trouble};
use crate::watcher::snapshot::ProfileChange;
use crate::worker::{self, Backoff};

/// Version of the JSON; it increases when a key is removed or changes its meaning.
const VERSION: u32 = 1;
/// Capacity of the queue of changes.
const QUEUE: usize = 64;

/// Why a program cannot be used.
#[derive(Debug)]
pub(crate) enum HookError {
    /// Its path is relative.
    Relative(PathBuf),
    /// It is not an executable file.
    Unusable(PathBuf),
    /// Its metadata cannot be read.
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl HookError {
    /// The message for users.
    pub(crate) fn text(&self, lang: Lang) -> String {
        let (phrase, path, why) = match self {
            Self::Relative(path) => (trouble::HOOK_RELATIVE, path, String::new()),
            Self::Unusable(path) => (trouble::HOOK_UNUSABLE, path, lang.pick(trouble::NOT_A_PROGRAM).into()),
            Self::Unreadable { path, source } => {
                (trouble::HOOK_UNUSABLE, path, text::error::io(lang, source))
            }
        };
        fill(lang.pick(phrase), &[("path", &path.display().to_string()), ("why", &why)])
    }
}

impl std::fmt::Display for HookError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for HookError {}

/// Why one run of the program failed. The next change runs it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HookFailure {
    /// It could not be started.
    NotStarted(Message),
    /// It ended with this exit code; a negative number is a signal.
    Status(i32),
    /// It ran longer than this and was killed together with its children.
    TimedOut(Duration),
}

impl HookFailure {
    /// The message for users.
    pub(crate) fn text(&self, lang: Lang) -> String {
        let say = |phrase: text::Phrase, name, value: &str| fill(lang.pick(phrase), &[(name, value)]);
        match self {
            Self::NotStarted(why) => say(trouble::HOOK_NOT_STARTED, "why", &why.text(lang)),
            Self::Status(code @ 0..) => say(trouble::HOOK_STATUS, "code", &code.to_string()),
            Self::Status(signal) => say(trouble::HOOK_SIGNAL, "number", &signal.saturating_neg().to_string()),
            Self::TimedOut(limit) => {
                let limit = jiff::SignedDuration::try_from(*limit).unwrap_or(jiff::SignedDuration::MAX);
                say(trouble::HOOK_TIMED_OUT, "limit", &text::duration(lang, limit))
            }
        }
    }
}

/// Queues changes for the program.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    queue: mpsc::Sender<Vec<u8>>,
    lang: Lang,
}

/// Starts the program's worker, if the settings name a program. One that cannot be used is reported.
pub(super) fn start(config: &Config, lang: Lang) -> Option<Hook> {
    let on_change = config.on_change.as_ref()?;
    match hook(&on_change.program, on_change.timeout, lang) {
        Ok((hook, worker)) => {
            tokio::spawn(worker.run(move |failure| {
                tracing::warn!("on_change: {}", failure.text(Lang::En));
                log::to_stderr(&failure.text(lang));
            }));
            Some(hook)
        }
        Err(error) => {
            tracing::warn!("on_change: {error}");
            log::to_stderr(&error.text(lang));
            None
        }
    }
}

/// Checks the program; returns the queue and the worker to be spawned.
pub(crate) fn hook(program: &Path, time_out: Duration, lang: Lang) -> Result<(Hook, Worker), HookError> {
    use std::os::unix::fs::PermissionsExt as _;
    if !program.is_absolute() {
        return Err(HookError::Relative(program.to_path_buf()));
    }
    let unreadable = |source| HookError::Unreadable { path: program.to_path_buf(), source };
    let meta = std::fs::metadata(program).map_err(unreadable)?;
    if !meta.is_file() || meta.permissions().mode() & 0o111 == 0 {
        return Err(HookError::Unusable(program.to_path_buf()));
    }
    let (queue, waiting) = mpsc::channel(QUEUE);
    Ok((Hook { queue, lang }, Worker { program: program.to_path_buf(), time_out, waiting }))
}

impl Hook {
    /// Queues a change; `false` if the queue is full and the change is dropped. Changes from before the agent started are
    /// not sent.
    pub(crate) fn send(&self, change: &ProfileChange) -> bool {
        if change.history {
            return true;
        }
        let mut text = event(change, self.lang).to_string();
        text.push('\n');
        self.queue.try_send(text.into_bytes()).is_ok()
    }
}

/// The JSON that the program gets.
pub fn event(change: &ProfileChange, lang: Lang) -> Value {
    let (from, to) = (&change.change.from, &change.change.to);
    let said = crate::text::reason::of(to, lang);
    json!({
        "version": VERSION,
        "at": rfc3339(change.change.at),
        "profile": change.profile.name,
        "light": to.light().word(),
        "reason": to.reason.code(),
        "platform": to.platform.as_deref(),
        "title": said.title,
        "advice": said.advice,
        "since": rfc3339(to.since),
        "evidence": to.evidence.as_ref().map(|proof| {
            let proof = clean_proof(proof);
            json!({"source": proof.source, "line": stable(&proof), "at": rfc3339(proof.at)})
        }),
        "pid": to.pid,
        "restart_helps": to.reason.restart(),
        "from": {"light": from.light().word(), "reason": from.reason.code(), "since": rfc3339(from.since)},
    })
}

/// Runs the program.
#[derive(Debug)]
pub(crate) struct Worker {
    program: PathBuf,
    time_out: Duration,
    waiting: mpsc::Receiver<Vec<u8>>,
}

impl Worker {
    /// Runs the program for every change until the queue is closed; reports each failure.
    pub(crate) async fn run(mut self, mut failed: impl FnMut(HookFailure)) {
        let mut backoff = Backoff::new("on_change");
        while worker::catch(self.run_all(&mut failed)).await.is_err() {
            tokio::time::sleep(backoff.crashed()).await;
            backoff.restarted();
        }
    }

    async fn run_all(&mut self, failed: &mut impl FnMut(HookFailure)) {
        while let Some(change) = self.waiting.recv().await {
            worker::test_panic("on_change");
            if let Err(failure) = run_once(&self.program, &change, self.time_out).await {
                failed(failure);
            }
        }
    }
}

async fn run_once(path: &Path, input: &[u8], time_out: Duration) -> Result<(), HookFailure> {
    let mut command = tokio::process::Command::new(path);
    program::without_gateway_variables(&mut command);
    match program::run(command, input, time_out, 0).await {
        Ok(Ended::Exited(output)) if output.code() == 0 => Ok(()),
        Ok(Ended::Exited(output)) => Err(HookFailure::Status(output.code())),
        Ok(Ended::TimedOut) => Err(HookFailure::TimedOut(time_out)),
        Err(error) => Err(HookFailure::NotStarted(error.message())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::health::{Change, Proof, Reason, Verdict};
    use crate::profile::Profile;

    const TIME_OUT: Duration = Duration::from_secs(30);

    fn change(n: u32) -> ProfileChange {
        let at = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let mut to = Verdict { reason: Reason::ExecutorShutdown, pid: Some(n), ..Verdict::unknown(at) };
        to.evidence = Some(Proof::new("agent.log", "ticket=abc9 $(touch x)", at));
        let profile = Profile { name: "work".into(), home: "/h".into(), job: None, logs: Vec::new() };
        let change = Change { at, profile: "work".into(), from: Verdict::unknown(at).glance(), to };
        ProfileChange { profile: Arc::new(profile), change, history: false }
    }

    fn script(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("hook");
        let text = format!("#!/bin/sh\n{text}\n");
        // Written by a child: if another test forks while this process has the file open for writing, that fork holds it
        // open until its exec, and running the script fails with ETXTBSY.
        let write = ["-c", "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\""];
        let written =
            std::process::Command::new("/bin/sh").args(write).arg(&path).arg(text).status().unwrap();
        assert!(written.success());
        path
    }

    fn run(program: &Path, time_out: Duration, changes: u32) -> (Vec<HookFailure>, u32) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (hook, worker) = hook(program, time_out, Lang::En).unwrap();
            let sent = (0..changes).filter(|n| hook.send(&change(*n))).count() as u32;
            drop(hook);
            let mut failures = Vec::new();
            worker.run(|f| failures.push(f)).await;
            (failures, sent)
        })
    }

    #[test]
    fn changes_arrive_whole_in_order_and_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let lock = folder.path().join("lock");
        let program = script(
            folder.path(),
            &format!("mkdir {0} || echo TWO >> {1}; cat >> {1}; rmdir {0}", lock.display(), out.display()),
        );
        let (failures, sent) = run(&program, TIME_OUT, 5);
        assert_eq!((failures, sent), (vec![], 5));
        let lines: Vec<Value> = std::fs::read_to_string(&out)
            .unwrap()
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        assert_eq!(lines.iter().map(|l| l["pid"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(lines[0]["light"], "red");
        assert_eq!(lines[0]["reason"], "executor-shutdown");
        assert_eq!(lines[0]["restart_helps"], "yes");
        assert_eq!(lines[0]["from"]["reason"], "no-evidence");
        assert_eq!(lines[0]["evidence"]["line"], "ticket=[redacted] $(touch x)");
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let program = script(
            folder.path(),
            &format!("sleep 600 & echo $! > {}.new; mv {0}.new {0}; wait", pid_file.display()),
        );
        // long enough for the child to be started: it writes the file
        let (failures, _) = run(&program, Duration::from_secs(2), 1);
        assert_eq!(failures, [HookFailure::TimedOut(Duration::from_secs(2))]);
        let pid: i32 = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        for _ in 0..1000 {
            let stat =
                std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") || rustix::process::test_kill_process(pid).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the grandchild lives on");
    }

    #[test]
    fn failures_are_reported_and_the_queue_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let (failures, _) = run(&script(folder.path(), "exit 3"), TIME_OUT, 2);
        assert_eq!(failures, [HookFailure::Status(3), HookFailure::Status(3)]);
        let (failures, sent) = run(&script(folder.path(), "kill -9 $$"), TIME_OUT, QUEUE as u32 + 5);
        assert_eq!(sent as usize, QUEUE);
        assert!(failures.iter().all(|f| *f == HookFailure::Status(-9)));
        let broken = script(folder.path(), "");
        let edit = ["-i", "1s|.*|#!/nowhere/at/all|"];
        assert!(std::process::Command::new("sed").args(edit).arg(&broken).status().unwrap().success());
        let (failures, _) = run(&broken, TIME_OUT, 1);
        let [en, zh] = [Lang::En, Lang::Zh].map(|lang| failures[0].text(lang));
        assert!(en.ends_with("No such file or directory (os error 2)"), "{en}");
        assert!(zh.contains("无法启动：文件或目录不存在"), "{zh}");
    }

    #[test]
    fn only_programs_by_absolute_path() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "x").unwrap();
        assert!(matches!(hook(Path::new("bin/x"), TIME_OUT, Lang::En), Err(HookError::Relative(_))));
        for path in [plain.as_path(), folder.path(), Path::new("/nowhere/at/all")] {
            let refused = hook(path, TIME_OUT, Lang::En).unwrap_err();
            assert!(!matches!(refused, HookError::Relative(_)), "{path:?}");
            let (en, zh) = (refused.text(Lang::En), refused.text(Lang::Zh));
            assert!(en.contains(&*path.to_string_lossy()) && en.is_ascii() && zh.contains('：'), "{en} {zh}");
        }
    }
}
