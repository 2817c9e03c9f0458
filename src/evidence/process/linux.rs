//! Linux: `proc(5)` and `pidfd_open(2)`.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::unix::AsyncFd;

use super::{COMMAND_BYTES, MAX_DESCENDANTS, ProcessInfo, arguments};
use crate::evidence::ready::readable;
use crate::health::ProcessState;

/// Most bytes read of `/proc/PID/stat`: one line of numbers, and a name of at most 64 bytes.
const STAT_BYTES: usize = 4 * 1024;
/// Most processes that are checked if the kernel lists no children.
const MAX_PROCESSES: usize = 65_536;

pub(super) fn look(pid: u32) -> Option<ProcessInfo> {
    let stat = Stat::parse(&read(format!("/proc/{pid}/stat"), STAT_BYTES).ok()?)?;
    let state = stat.state?;
    let command = read(format!("/proc/{pid}/cmdline"), COMMAND_BYTES).unwrap_or_default();
    Some(ProcessInfo {
        pid,
        start: stat.start,
        started_at: started_at(stat.start),
        state,
        parent: stat.parent,
        command: arguments(&command, usize::MAX),
    })
}

pub(super) fn state(pid: u32) -> Option<(u64, ProcessState)> {
    state_in(&open_stat(pid).ok()?)
}

fn open_stat(pid: u32) -> io::Result<File> {
    File::open(format!("/proc/{pid}/stat"))
}

/// One read suffices: the kernel writes the whole line (`fs/proc/array.c`), and it is shorter than this.
fn state_in(file: &File) -> Option<(u64, ProcessState)> {
    let mut line = [0_u8; 1024];
    let count = file.read_at(&mut line, 0).ok()?;
    let stat = Stat::parse(&line[..count])?;
    Some((stat.start, stat.state?))
}

/// `/proc/PID/stat` of one process, held open: each read from its beginning shows the present state, for a third of the
/// system calls. Once the process is gone a read fails, also when another process has its PID. `None`: no descriptor was
/// left.
#[derive(Debug)]
pub(super) struct Probe(Option<File>);

impl Probe {
    pub(super) fn new(pid: u32) -> Self {
        Self(open_stat(pid).ok())
    }

    pub(super) fn state(&self, pid: u32) -> Option<(u64, ProcessState)> {
        self.0.as_ref().map_or_else(|| state(pid), state_in)
    }
}

/// The needed fields of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// `None` for a process that is being removed.
    state: Option<ProcessState>,
    parent: u32,
    /// Clock ticks since boot.
    start: u64,
}

impl Stat {
    /// The name in parentheses is chosen by the process and may contain spaces, newlines and parentheses: the fields
    /// begin after the last one.
    fn parse(text: &[u8]) -> Option<Self> {
        let end = memchr::memrchr(b')', text)?;
        let rest = std::str::from_utf8(&text[end + 1..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = match fields.next()? {
            "T" | "t" => Some(ProcessState::Stopped),
            "Z" => Some(ProcessState::Zombie),
            "X" | "x" => None,
            _ => Some(ProcessState::Running),
        };
        let parent = fields.next()?.parse().ok()?;
        // field 22; state is field 3 and the parent field 4
        let start = fields.nth(22 - 5)?.parse().ok()?;
        Some(Self { state, parent, start })
    }
}

/// Converts ticks since boot into a time of the current wall clock.
fn started_at(ticks: u64) -> Timestamp {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    // read before the other clock: a pause in between makes the process look older, never younger than its records
    let now = Timestamp::now();
    let boot = clock_gettime(ClockId::Boottime);
    let since_boot = SignedDuration::new(boot.tv_sec, i32::try_from(boot.tv_nsec).unwrap_or(0));
    let nanos = (ticks % per_second) * (1_000_000_000 / per_second);
    let seconds = i64::try_from(ticks / per_second).unwrap_or(i64::MAX);
    let age = since_boot.saturating_sub(SignedDuration::new(seconds, i32::try_from(nanos).unwrap_or(0)));
    now.checked_sub(age).unwrap_or(now)
}

pub(super) fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for task in tasks.flatten().take(MAX_DESCENDANTS) {
        match read(task.path().join("children"), COMMAND_BYTES) {
            Ok(text) => {
                let text = String::from_utf8_lossy(&text);
                found.extend(text.split_ascii_whitespace().filter_map(|one| one.parse::<u32>().ok()));
            }
            // a kernel without CONFIG_PROC_CHILDREN: compare every process's parent
            Err(error) if error.kind() == io::ErrorKind::NotFound && task.path().exists() => {
                return children_by_parent(pid);
            }
            Err(_) => {}
        }
    }
    found.truncate(MAX_DESCENDANTS);
    found
}

fn children_by_parent(pid: u32) -> Vec<u32> {
    let is_child = |other: &u32| {
        let stat = read(format!("/proc/{other}/stat"), STAT_BYTES).ok();
        stat.and_then(|text| Stat::parse(&text)).is_some_and(|stat| stat.parent == pid)
    };
    all().into_iter().filter(is_child).take(MAX_DESCENDANTS).collect()
}

/// The PIDs of all processes, at most [`MAX_PROCESSES`].
pub(super) fn all() -> Vec<u32> {
    let Ok(all) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = all.flatten().take(MAX_PROCESSES);
    pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).collect()
}

/// Reads at most this many bytes of a file in `/proc`, whose size is not known before.
fn read(path: impl AsRef<Path>, at_most: usize) -> io::Result<Vec<u8>> {
    // nearly all of them are shorter, so that one read takes all of it
    let mut text = Vec::with_capacity(1024);
    File::open(path)?.take(at_most as u64).read_to_end(&mut text)?;
    Ok(text)
}

#[derive(Debug)]
pub(super) struct Exit {
    /// "Becomes readable when the process terminates", pidfd_open(2).
    fd: AsyncFd<OwnedFd>,
}

impl Exit {
    pub(super) fn new(pid: u32) -> io::Result<Option<Self>> {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => Ok(Some(Self { fd: readable(fd)? })),
            Err(Errno::SRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn gone(&mut self) -> io::Result<()> {
        // the readiness is never cleared: the descriptor stays readable
        self.fd.readable().await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(name: &str, state: &str) -> String {
        format!(
            "4711 ({name}) {state} 17 4711 4711 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 8812345 9 10 18446744073709551615\n"
        )
    }

    #[test]
    fn a_stat_line_is_read_whatever_the_process_calls_itself() {
        let names = ["sleep", "a b", "(sd-pam)", ") Z 1 (", "x) T 99 1 1 1", "", "\n) R", "网关"];
        let states = [
            ("R", Some(ProcessState::Running)),
            ("S", Some(ProcessState::Running)),
            ("D", Some(ProcessState::Running)),
            ("I", Some(ProcessState::Running)),
            ("T", Some(ProcessState::Stopped)),
            ("t", Some(ProcessState::Stopped)),
            ("Z", Some(ProcessState::Zombie)),
            ("X", None),
        ];
        for name in names {
            for (word, state) in states {
                let stat = Stat::parse(line(name, word).as_bytes());
                assert_eq!(stat, Some(Stat { state, parent: 17, start: 8_812_345 }), "{name} {word}");
            }
        }
        for bad in ["", "1 (x", "1 (x)", "1 (x) S", "1 (x) S y", "1 (x) S 2 3 4 5", "1 x S 2"] {
            assert_eq!(Stat::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_makes_it_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Stat::parse(&text);
        }

        #[test]
        fn no_name_hides_the_state(name in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut text = b"1 (".to_vec();
            text.extend(name);
            text.extend_from_slice(&line("", "T").as_bytes()["4711 (".len()..]);
            let stat = Stat::parse(&text).map(|stat| stat.start);
            prop_assert_eq!(stat, Some(8_812_345));
        }
    }
}
