//! Runs a program once: input on its standard input, for a bounded time, with bounded output.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::supervisor::child::exit_code;

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
    let stream = || if keep == 0 { Stdio::null() } else { Stdio::piped() };
    let mut child = command
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(stream())
        .stderr(stream())
        // so that its children are killed with it
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = child.id();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // a program need not read its input
            let _ = stdin.write_all(input).await;
        }
    };
    let work = async {
        let streams = async { tokio::join!(write, read(stdout, keep), read(stderr, keep)) };
        tokio::pin!(streams);
        // waits for the exit, not for the end of the streams, which a background process may keep open
        let (status, read) = tokio::select! {
            ((), out, err) = &mut streams => (child.wait().await, Some((out, err))),
            status = child.wait() => (status, None),
        };
        let (stdout, stderr) = match read {
            Some(read) => read,
            None => match tokio::time::timeout(AFTER_EXIT, &mut streams).await {
                Ok(((), out, err)) => (out, err),
                Err(_) => Default::default(),
            },
        };
        status.map(|status| Output { status, stdout, stderr })
    };
    if let Ok(output) = tokio::time::timeout(limit, work).await {
        return output.map(Ended::Exited);
    }
    let pid = group.and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // an error means that the group is empty
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    let _ = child.wait().await;
    Ok(Ended::TimedOut)
}

/// How long output is read after the program itself has ended.
const AFTER_EXIT: Duration = Duration::from_secs(1);

/// Reads to the end and keeps the beginning.
async fn read(stream: Option<impl AsyncRead + Unpin>, keep: u64) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(stream) = stream else { return kept };
    let mut beginning = stream.take(keep);
    // what was read before an error is kept
    let _ = beginning.read_to_end(&mut kept).await;
    let _ = tokio::io::copy(beginning.get_mut(), &mut tokio::io::sink()).await;
    kept
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
