//! Runs a manager's program: absolute path, clean environment, time limit, bounded output.
//!
//! Blocking; async callers use `spawn_blocking`. The child leads its own process group, so that everything it started is
//! killed with it at the limit. It inherits the three standard descriptors only (Rust opens all others close-on-exec).

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::SupervisorError;
use crate::redact;

/// Most bytes that are kept of each stream; the rest is read and dropped.
pub const OUTPUT_LIMIT: usize = 64 * 1024;

/// Longest message of a program, in characters.
const MAX_MESSAGE: usize = 400;

/// PATH of the child. The user's own PATH is not trusted for a restart.
const PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

/// Inherited variables: the home, and the address of the user's bus.
const INHERITED: [&str; 5] = ["HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

/// Pause between two checks for the end of a child whose output is closed.
const REAP_PAUSE: Duration = Duration::from_millis(5);

/// Output and exit of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Exit code; a signal as its negative number.
    pub code: i32,
    /// Standard output, at most [`OUTPUT_LIMIT`] bytes.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
}

impl Answer {
    /// Whether it exited with 0.
    pub const fn ok(&self) -> bool {
        self.code == 0
    }

    /// An exit code without output.
    pub const fn of_code(code: i32) -> Self {
        Self { code, stdout: String::new(), stderr: String::new() }
    }

    /// Its message on one line: standard error, or standard output if that is empty.
    pub fn message(&self) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        one_line(text)
    }
}

/// Runs `program` (an absolute path) with `arguments` and waits at most for `limit`.
pub fn run(program: &Path, arguments: &[&str], limit: Duration) -> Result<Answer, SupervisorError> {
    let name = || program.display().to_string();
    let io_error = |source| SupervisorError::Io { program: name(), source };
    if !program.is_absolute() {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "not an absolute path");
        return Err(io_error(source));
    }
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .current_dir("/")
        .process_group(0);
    for variable in INHERITED {
        if let Some(value) = std::env::var_os(variable) {
            command.env(variable, value);
        }
    }
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // started outside a session (cron)
        let folder = runtime_folder();
        if folder.is_dir() {
            command.env("XDG_RUNTIME_DIR", folder);
        }
    }
    let child = command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => SupervisorError::Missing { program: name() },
        _ => io_error(source),
    })?;
    let mut child = Reaped(child);
    let streams = [child.0.stdout.take().map(OwnedFd::from), child.0.stderr.take().map(OwnedFd::from)];
    let mut streams = streams.map(Stream::new);
    let ended = wait_with_output(&mut child.0, &mut streams, Instant::now() + limit).map_err(io_error)?;
    let Some(status) = ended else {
        return Err(SupervisorError::TimedOut { program: name(), after: limit });
    };
    let [stdout, stderr] = streams.map(|stream| String::from_utf8_lossy(&stream.text).into_owned());
    Ok(Answer { code: exit_code(status), stdout, stderr })
}

/// The exit code; a signal as its negative number.
pub(crate) fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(-1)
}

/// The runtime folder of this user, wherever a user manager runs (pam_systemd(8)).
pub(super) fn runtime_folder() -> PathBuf {
    PathBuf::from(format!("/run/user/{}", rustix::process::getuid().as_raw()))
}

/// Text of a program as one bounded line, without control characters and secrets.
pub fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_ascii_whitespace().take(MAX_MESSAGE).collect();
    redact::clean_line(&words.join(" "), MAX_MESSAGE)
}

/// A child that is killed with its group and reaped when this is dropped.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // an error means that the group is empty
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One stream of a child's output.
struct Stream {
    /// `None` after its end.
    open: Option<File>,
    /// What was read, at most [`OUTPUT_LIMIT`].
    text: Vec<u8>,
}

impl Stream {
    fn new(open: Option<OwnedFd>) -> Self {
        Self { open: open.map(File::from), text: Vec::new() }
    }

    /// Reads once, if it is ready; drops it at its end. Returns whether anything was read.
    fn read(&mut self) -> io::Result<bool> {
        let Some(open) = &mut self.open else { return Ok(false) };
        let mut chunk = [0_u8; 8192];
        match open.read(&mut chunk) {
            Ok(0) => {
                self.open = None;
                Ok(false)
            }
            Ok(n) => {
                let room = OUTPUT_LIMIT.saturating_sub(self.text.len());
                self.text.extend_from_slice(&chunk[..n.min(room)]);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Reads the streams until the child exits. `None`: the time is up.
///
/// The exit counts, not the end of the streams: a background process may keep them open.
fn wait_with_output(
    child: &mut Child,
    streams: &mut [Stream],
    deadline: Instant,
) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            // what is already in the pipes belongs to the answer
            while read_ready(streams, Duration::ZERO)? {
                if Instant::now() >= deadline {
                    break;
                }
            }
            return Ok(Some(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        if streams.iter().all(|stream| stream.open.is_none()) {
            std::thread::sleep(left.min(REAP_PAUSE));
        } else {
            read_ready(streams, left.min(Duration::from_millis(50)))?;
        }
    }
}

/// Reads once from each stream that is ready within this time. Returns whether anything was read.
fn read_ready(streams: &mut [Stream], wait: Duration) -> io::Result<bool> {
    let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
    let open = streams.iter().filter_map(|stream| stream.open.as_ref());
    let mut watched: Vec<PollFd<'_>> = open.map(|stream| PollFd::new(stream, PollFlags::IN)).collect();
    match poll(&mut watched, Some(&wait)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let ready: Vec<bool> = watched.iter().map(|stream| !stream.revents().is_empty()).collect();
    let mut read_any = false;
    for (stream, is_ready) in streams.iter_mut().filter(|stream| stream.open.is_some()).zip(ready) {
        read_any |= is_ready && stream.read()?;
    }
    Ok(read_any)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn sh(script: &str, limit: Duration) -> Result<Answer, SupervisorError> {
        run(Path::new("/bin/sh"), &["-c", script], limit)
    }

    #[test]
    fn code_and_words_of_a_child() {
        let answer = sh("echo out; echo 'bad\tthing' >&2; exit 113", LIMIT).unwrap();
        assert_eq!((answer.code, answer.stdout.as_str()), (113, "out\n"));
        assert_eq!(answer.message(), "bad thing");
        assert_eq!(sh("kill -9 $$", LIMIT).unwrap().code, -9);
    }

    #[test]
    fn environment_is_clean_and_locale_is_c() {
        let answer = run(Path::new("/usr/bin/env"), &[], LIMIT).unwrap();
        assert!(answer.stdout.contains("LC_ALL=C\n"), "{}", answer.stdout);
        // cargo sets many variables in a test's environment; none of them may arrive
        assert!(std::env::vars().any(|(k, _)| k.starts_with("CARGO")), "the test needs a variable to miss");
        for line in answer.stdout.lines() {
            let name = line.split('=').next().unwrap();
            assert!(INHERITED.contains(&name) || ["PATH", "LC_ALL"].contains(&name), "{line}");
        }
    }

    #[test]
    fn output_is_bounded_and_a_chatty_child_still_ends() {
        let answer = sh("yes 0123456789 | head -c 1000000; yes e | head -c 300000 >&2", LIMIT).unwrap();
        assert_eq!((answer.stdout.len(), answer.stderr.len()), (OUTPUT_LIMIT, OUTPUT_LIMIT));
        assert!(answer.message().chars().count() <= MAX_MESSAGE);
    }

    #[test]
    fn at_the_limit_the_whole_group_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", note.display());
        let mut limit = Duration::from_millis(500);
        // a busy machine may not get as far as the note within the first limit
        let pid = loop {
            let error = sh(&script, limit).unwrap_err();
            assert!(matches!(error, SupervisorError::TimedOut { after, .. } if after == limit), "{error}");
            match std::fs::read_to_string(&note).ok().and_then(|t| t.trim().parse::<i32>().ok()) {
                Some(pid) => break pid,
                None => limit *= 2,
            }
        };
        let pid = Pid::from_raw(pid).unwrap();
        let patience = Instant::now() + LIMIT;
        while rustix::process::test_kill_process(pid).is_ok() && !zombie(pid) {
            assert!(Instant::now() < patience, "the grandchild lives on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// In a container without an init, an orphan stays as a zombie.
    fn zombie(pid: Pid) -> bool {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
    }

    #[test]
    fn a_background_child_that_holds_the_pipes_does_not_hold_us() {
        let before = Instant::now();
        let answer = sh("sleep 30 & echo $!", Duration::from_secs(25)).unwrap();
        assert!(before.elapsed() < Duration::from_secs(20), "waited for the grandchild");
        let pid: i32 = answer.stdout.trim().parse().unwrap();
        rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    }

    #[test]
    fn missing_and_relative_programs() {
        let missing = run(Path::new("/nowhere/launchctl"), &[], LIMIT).unwrap_err();
        assert!(matches!(missing, SupervisorError::Missing { .. }), "{missing}");
        let relative = run(Path::new("sh"), &[], LIMIT).unwrap_err();
        assert!(matches!(relative, SupervisorError::Io { .. }), "{relative}");
    }

    #[test]
    fn one_line_of_anything() {
        assert_eq!(one_line("  a\n\tb\u{1b}[0m c\n"), "a b c");
        assert_eq!(one_line(&"é".repeat(1000)).chars().count(), MAX_MESSAGE);
    }
}
