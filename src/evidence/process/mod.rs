//! Processes as the system reports them: state, start time, parent, command line, and when one ends.
//!
//! PIDs are reused, so a process is always identified by its PID together with its start time.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;

use std::collections::VecDeque;
use std::io;

use jiff::Timestamp;

use crate::health::ProcessState;

/// Most arguments of a command line that are kept.
const MAX_ARGUMENTS: usize = 128;
/// Most bytes of a command line that are read. A wrapper has its whole script in one argument.
const COMMAND_BYTES: usize = 32 * 1024;
/// Most descendants that are listed.
const MAX_DESCENDANTS: usize = 256;

/// One process at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Its PID.
    pub pid: u32,
    /// Its start time in the unit of `gateway.pid`: on Linux clock ticks since boot (field 22 of `/proc/PID/stat`), on
    /// macOS hundredths of a second since 1970. Identifies the process together with the PID.
    pub start: u64,
    /// The start time by the current wall clock; on Linux it changes when that clock is set.
    pub started_at: Timestamp,
    /// Its state; never [`ProcessState::Gone`].
    pub state: ProcessState,
    /// Its parent's PID.
    pub parent: u32,
    /// Its command line, at most 128 arguments and 32 KiB; empty for a zombie, or if it may not be read.
    pub command: Vec<String>,
}

/// The process with this PID; `None` when there is none.
pub fn look(pid: u32) -> Option<ProcessInfo> {
    // to many system calls 0 is the own process group, and larger numbers are not PIDs
    if pid == 0 || i32::try_from(pid).is_err() {
        return None;
    }
    system::look(pid)
}

/// Whether there is any process with this PID, alive or zombie. Needs no descriptor, so it works when [`look`] finds
/// none free.
pub fn exists(pid: u32) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    !matches!(test_kill_process(pid), Err(Errno::SRCH))
}

/// Polls the state of one process.
#[derive(Debug)]
pub(super) struct Probe {
    pid: u32,
    system: system::Probe,
}

impl Probe {
    /// Polls the process that has this PID now.
    pub(super) fn new(pid: u32) -> Self {
        Self { pid, system: system::Probe::new(pid) }
    }

    /// Start time and state of the process; `None` when it is gone, or for want of descriptors.
    pub(super) fn state(&self) -> Option<(u64, ProcessState)> {
        self.system.state(self.pid)
    }
}

/// Only the start time (see [`ProcessInfo::start`]) and the state of a process; `None` if there is none.
pub fn state(pid: u32) -> Option<(u64, ProcessState)> {
    if pid == 0 || i32::try_from(pid).is_err() {
        return None;
    }
    system::state(pid)
}

/// The descendants of a process, parents before their children, at most 256.
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut queue = VecDeque::from([pid]);
    while let Some(parent) = queue.pop_front() {
        for child in system::children(parent) {
            if found.len() >= MAX_DESCENDANTS {
                return found;
            }
            // a PID that was reused meanwhile could form a cycle
            if child != pid && !found.contains(&child) {
                found.push(child);
                queue.push_back(child);
            }
        }
    }
    found
}

/// The oldest live process of this user whose command line satisfies `is_it`.
pub fn find(is_it: impl Fn(&[String]) -> bool) -> Option<ProcessInfo> {
    let all = system::all().into_iter().filter_map(look);
    all.filter(|info| info.state.is_live() && is_it(&info.command)).min_by_key(|info| info.start)
}

/// The gateway at or below a job's PID: the job may run it in a wrapper (`sh`, `osascript`, `uv`). Children that Python
/// forks from the gateway have the same command line; they are skipped.
pub fn find_gateway(pid: u32) -> Option<ProcessInfo> {
    let top = look(pid)?;
    let mut best = runs_gateway(&top.command).then_some(top);
    for below in descendants(pid) {
        let Some(info) = look(below) else { continue };
        if runs_gateway(&info.command) && best.as_ref().is_none_or(|best| best.command != info.command) {
            best = Some(info);
        }
    }
    best
}

/// Whether a command line is that of a Hermes gateway itself: `gateway run` or `gateway start` as separate arguments. A
/// shell or `osascript` with these words in its script is only a wrapper.
pub fn runs_gateway(command: &[String]) -> bool {
    let rest = command.get(1..).unwrap_or_default();
    rest.iter().enumerate().any(|(at, argument)| {
        argument == "gateway"
            && rest[at + 1..]
                .iter()
                .find(|next| !next.starts_with('-'))
                .is_some_and(|verb| verb == "run" || verb == "start")
    })
}

/// Waits for the end of any process, without polling.
#[derive(Debug)]
pub struct ExitWatch {
    pid: u32,
    watch: system::Exit,
}

impl ExitWatch {
    /// Watches the process with this PID and start time; `None` when it is gone or the PID was reused. After an error
    /// (outside a tokio runtime, no descriptors left, not supported by the kernel) the caller has to poll.
    pub fn new(pid: u32, start: u64) -> io::Result<Option<Self>> {
        if look(pid).is_none_or(|info| info.start != start) {
            return Ok(None);
        }
        let Some(watch) = system::Exit::new(pid)? else {
            return Ok(None);
        };
        // the PID may have been reused before it was opened: check again
        if look(pid).is_none_or(|info| info.start != start) {
            return Ok(None);
        }
        Ok(Some(Self { pid, watch }))
    }

    /// The PID of the process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until the process has ended (it may be a zombie then). Later calls return at once.
    pub async fn gone(&mut self) -> io::Result<()> {
        self.watch.gone().await
    }
}

/// Splits a block of NUL-terminated arguments.
fn arguments(block: &[u8], at_most: usize) -> Vec<String> {
    let block = block.strip_suffix(b"\0").unwrap_or(block);
    if block.is_empty() {
        return Vec::new();
    }
    let count = at_most.min(MAX_ARGUMENTS);
    block.split(|&byte| byte == 0).take(count).map(|one| String::from_utf8_lossy(one).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn a_gateway_is_recognised_by_its_own_arguments() {
        let yes = [
            "/opt/hermes/venv/bin/python|-m|hermes_cli.main|gateway|run|--replace",
            "/usr/bin/python3|/usr/local/bin/hermes|gateway|start|--replace",
            "hermes|-p|work|gateway|--verbose|run",
            "uv|run|hermes|gateway|run",
        ];
        let no = [
            "",
            "gateway",
            "gateway|run",
            "hermes|gateway",
            "hermes|gateway|status",
            "hermes|gateway|stop|run",
            "/bin/sh|-c|exec hermes gateway run",
            "/usr/bin/osascript|-l|JavaScript|-e|$.system(\"exec hermes gateway run\")",
            "tail|-F|/home/me/.hermes/logs/gateway.log",
            "vim|gateway.md|run",
        ];
        for line in yes {
            assert!(runs_gateway(&words(line)), "{line}");
        }
        for line in no {
            assert!(!runs_gateway(&words(line)), "{line}");
        }
    }

    #[test]
    fn arguments_are_bounded_and_any_bytes() {
        assert_eq!(arguments(b"", 9), Vec::<String>::new());
        assert_eq!(arguments(b"\0", 9), Vec::<String>::new());
        assert_eq!(arguments(b"a\0\0b\0", 9), ["a", "", "b"]);
        assert_eq!(arguments(b"a\0b\0c", 2), ["a", "b"]);
        assert_eq!(arguments(b"\xff\0", 9), ["\u{fffd}"]);
        assert_eq!(arguments(&[b'x', 0].repeat(9_000), usize::MAX).len(), MAX_ARGUMENTS);
    }

    #[test]
    fn out_of_range_pids_name_no_process() {
        for pid in [0, u32::MAX, 1 << 31] {
            assert_eq!(look(pid), None);
            assert!(descendants(pid).len() <= MAX_DESCENDANTS);
        }
    }
}
