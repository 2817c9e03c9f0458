//! What the system says of processes: state, start time, parent, command; and when one ends.
//!
//! A PID alone names nobody: it is used again. It is always taken together with the start time.

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

/// Arguments kept of a command.
const ARGUMENTS: usize = 128;
/// Bytes read of a command, all arguments together. A wrapper carries its whole script in one argument.
const COMMAND_BYTES: usize = 32 * 1024;
/// Descendants looked at.
const DESCENDANTS: usize = 256;

/// One process at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Its PID.
    pub pid: u32,
    /// Its start time in the unit of `gateway.pid`: on Linux clock ticks since boot (field 22 of `/proc/PID/stat`), on
    /// macOS hundredths of a second since 1970. With the PID, who it is.
    pub start: u64,
    /// The same as a time, by the wall clock of now; on Linux it moves when that clock is set.
    pub started_at: Timestamp,
    /// Its state; never [`ProcessState::Gone`].
    pub state: ProcessState,
    /// Its parent's PID.
    pub parent: u32,
    /// Its command line, bounded; empty for a zombie or where it may not be read.
    pub command: Vec<String>,
}

/// Looks at a process; `None` when there is none (any more).
pub fn look(pid: u32) -> Option<ProcessInfo> {
    // 0 is "my own group" to many a system call, and more than this is no PID
    if pid == 0 || i32::try_from(pid).is_err() {
        return None;
    }
    system::look(pid)
}

/// Whether the system knows of a process with this PID, alive or zombie, whoever it is. Needs no descriptor: it can be
/// asked when [`look`] fails for want of one.
pub fn exists(pid: u32) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    !matches!(test_kill_process(pid), Err(Errno::SRCH))
}

/// Start time and state of a process, and nothing else: for those who ask often. `None` when there is none (any more).
pub fn state(pid: u32) -> Option<(u64, ProcessState)> {
    if pid == 0 || i32::try_from(pid).is_err() {
        return None;
    }
    system::state(pid)
}

/// The processes below one, parents before their children, at most 256.
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut queue = VecDeque::from([pid]);
    while let Some(parent) = queue.pop_front() {
        for child in system::children(parent) {
            if found.len() >= DESCENDANTS {
                return found;
            }
            // a PID that is used again meanwhile could close a circle
            if child != pid && !found.contains(&child) {
                found.push(child);
                queue.push_back(child);
            }
        }
    }
    found
}

/// The gateway at or below a job's PID: the job may run a wrapper (`sh`, `osascript`, `uv`) around it. Children of the
/// gateway that carry its own command line (Python forks them so) are not taken for it.
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

/// Whether a command line is that of a Hermes gateway itself: `… gateway run …` or `… gateway start …` as arguments of
/// their own. A shell or `osascript` that has the words in its script is only a wrapper.
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

/// Established outbound TCP connections of a process; `None` where that cannot be told (always on macOS). It proves
/// nothing: a hung gateway has them too.
pub fn established(pid: u32) -> Option<u32> {
    system::established(pid)
}

/// Waits for the end of one process without asking again and again, ours or not.
#[derive(Debug)]
pub struct ExitWatch {
    pid: u32,
    watch: system::Exit,
}

impl ExitWatch {
    /// Watches the process with this PID and start time; `None` when it is gone, or is another one by now. Must be called
    /// inside a tokio runtime. An error (no descriptors left, a kernel without it): look now and then instead.
    pub fn new(pid: u32, start: u64) -> io::Result<Option<Self>> {
        if look(pid).is_none_or(|info| info.start != start) {
            return Ok(None);
        }
        let Some(watch) = system::Exit::new(pid)? else {
            return Ok(None);
        };
        // what was opened is the process of that PID at that moment: ask once more whether it is the right one
        if look(pid).is_none_or(|info| info.start != start) {
            return Ok(None);
        }
        Ok(Some(Self { pid, watch }))
    }

    /// The PID that is watched.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits until the process has ended (it may still be a zombie). Returns at once ever after.
    pub async fn gone(&mut self) -> io::Result<()> {
        self.watch.gone().await
    }
}

/// Cuts a block of arguments, each ended by a NUL, into strings.
fn arguments(block: &[u8], at_most: usize) -> Vec<String> {
    let block = block.strip_suffix(b"\0").unwrap_or(block);
    if block.is_empty() {
        return Vec::new();
    }
    let count = at_most.min(ARGUMENTS);
    block.split(|&byte| byte == 0).take(count).map(|one| String::from_utf8_lossy(one).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn a_gateway_is_told_by_its_own_arguments() {
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
        assert_eq!(arguments(&[b'x', 0].repeat(9_000), usize::MAX).len(), ARGUMENTS);
    }

    #[test]
    fn no_process_has_such_a_number() {
        for pid in [0, u32::MAX, 1 << 31] {
            assert_eq!(look(pid), None);
            assert!(descendants(pid).len() <= DESCENDANTS);
        }
    }
}
