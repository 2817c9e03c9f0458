//! Runs a program once: input on its standard input, for a bounded time, with bounded output.

use std::io::{self, PipeReader};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::sync::oneshot;

use crate::supervisor::child::exit_code;

/// How long output stays in its pipe while the program runs. Most programs end sooner, so their end is the only wake-up.
/// A program that fills the pipe (64 KiB on Linux) blocks until this time is over.
const UNREAD: Duration = Duration::from_secs(2);

/// How long output is read after the program itself has ended.
const AFTER_EXIT: Duration = Duration::from_secs(1);

/// The result of a run.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It ended.
    Exited(Output),
    /// It exceeded the time limit and was killed together with its children.
    TimedOut,
}

/// How a program ended, and the beginning of its output.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Output {
    /// The exit code; a negative number is a signal.
    pub(crate) fn code(&self) -> i32 {
        exit_code(self.status)
    }
}

/// Runs it in its own process group, in `/`, with `LC_ALL=C`; the caller sets the rest of its environment. The first `keep`
/// bytes of each stream are kept; if that is zero, none is read. It is killed when this future is dropped.
pub(crate) async fn run(mut command: Command, input: &[u8], limit: Duration, keep: u64) -> io::Result<Ended> {
    let ((stdout, to_stdout), (stderr, to_stderr)) = (output(keep)?, output(keep)?);
    let mut child = command
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(to_stdout)
        .stderr(to_stderr)
        // so that its children are killed with it
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    // it holds the other ends of the pipes
    drop(command);
    let group = child.id();
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // a program need not read its input
            let _ = stdin.write_all(input).await;
        }
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let work = async {
        let (running, ended) = oneshot::channel::<()>();
        let outputs = async {
            let _ended_or_late = tokio::time::timeout(UNREAD, ended).await;
            tokio::join!(read(stdout, keep, &mut out), read(stderr, keep, &mut err));
        };
        let streams = async { tokio::join!(write, outputs) };
        tokio::pin!(streams);
        // waits for the exit, not for the end of the streams, which a background process may keep open
        tokio::select! {
            _ = &mut streams => child.wait().await,
            status = child.wait() => {
                drop(running);
                let _kept_open = tokio::time::timeout(AFTER_EXIT, &mut streams).await;
                status
            }
        }
    };
    if let Ok(status) = tokio::time::timeout(limit, work).await {
        return Ok(Ended::Exited(Output { status: status?, stdout: out, stderr: err }));
    }
    let pid = group.and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // an error means that the group is empty
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    let _ = child.wait().await;
    Ok(Ended::TimedOut)
}

/// An output of the program, and what the program writes it to. The runtime knows nothing of the pipe until it is read:
/// it would wake up for every write.
fn output(keep: u64) -> io::Result<(Option<PipeReader>, Stdio)> {
    if keep == 0 {
        return Ok((None, Stdio::null()));
    }
    let (reader, writer) = io::pipe()?;
    Ok((Some(reader), writer.into()))
}

/// Reads to the end and keeps the beginning. What was read before an error, or before this is dropped, is kept.
async fn read(output: Option<PipeReader>, keep: u64, kept: &mut Vec<u8>) {
    let receiver = output.and_then(|output| pipe::Receiver::from_owned_fd(output.into()).ok());
    let Some(receiver) = receiver else { return };
    let mut beginning = receiver.take(keep);
    let _ = beginning.read_to_end(kept).await;
    let _ = tokio::io::copy(beginning.get_mut(), &mut tokio::io::sink()).await;
}

/// Removes the variables that gateways and Python read from a program's environment.
pub(crate) fn without_gateway_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("_HERMES_") || text.starts_with("PYTHON") {
            command.env_remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn sh(script: &str, input: &[u8], limit: Duration, keep: u64) -> Ended {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(command, input, limit, keep)).unwrap()
    }

    fn output_of(script: &str, input: &[u8], keep: u64) -> (i32, Vec<u8>, Vec<u8>) {
        match sh(script, input, LIMIT, keep) {
            Ended::Exited(output) => (output.code(), output.stdout, output.stderr),
            Ended::TimedOut => (i32::MIN, Vec::new(), Vec::new()),
        }
    }

    #[test]
    fn input_and_both_outputs_whatever_their_size() {
        assert_eq!(output_of("cat; echo e >&2; exit 7", b"in", 9), (7, b"in".to_vec(), b"e\n".to_vec()));
        assert_eq!(output_of("echo unread", b"", 0), (0, Vec::new(), Vec::new()));
        // more than a pipe holds, in both directions
        let large = vec![b'x'; 300_000];
        let (code, out, err) = output_of("cat; yes e | head -c 200000 >&2; exit 3", &large, 100_000);
        assert_eq!((code, out.len(), err.len()), (3, 100_000, 100_000));
    }

    #[test]
    fn what_a_background_process_keeps_open_is_not_waited_for() {
        let (code, out, _) = output_of("echo early; sleep 30 & echo $!", b"", 99);
        let out = String::from_utf8(out).unwrap();
        let (early, pid) = out.trim_end().split_once('\n').unwrap();
        assert_eq!((code, early), (0, "early"));
        let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        let ended = sh("echo out; exec sleep 600", b"", Duration::from_millis(200), 99);
        assert!(matches!(ended, Ended::TimedOut), "{ended:?}");
    }
}
