//! macOS: `libproc.h` and `sysctl(3)`; `kqueue(2)` for the end of a process.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::OwnedFd;

use jiff::Timestamp;
use rustix::event::Timespec;
use rustix::event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent_timespec, kqueue};
use rustix::io::Errno;
use rustix::process::Pid;
use tokio::io::unix::AsyncFd;

use super::{COMMAND_BYTES, MAX_DESCENDANTS, ProcessInfo, arguments};
use crate::evidence::ready::readable;
use crate::health::ProcessState;

pub(super) fn look(pid: u32) -> Option<ProcessInfo> {
    let info = bsd_info(pid)?;
    let micros = started(&info)?;
    Some(ProcessInfo {
        pid,
        start: micros / 10_000,
        started_at: Timestamp::from_microsecond(i64::try_from(micros).ok()?).ok()?,
        state: state_of(&info),
        parent: info.pbi_ppid,
        command: command(pid).unwrap_or_default(),
    })
}

pub(super) fn state(pid: u32) -> Option<(u64, ProcessState)> {
    let info = bsd_info(pid)?;
    Some((started(&info)? / 10_000, state_of(&info)))
}

/// No handle is needed: one call returns the state.
#[derive(Debug)]
pub(super) struct Probe;

impl Probe {
    pub(super) fn new(_: u32) -> Self {
        Self
    }

    #[allow(clippy::unused_self)] // the same call as on Linux
    pub(super) fn state(&self, pid: u32) -> Option<(u64, ProcessState)> {
        state(pid)
    }
}

fn state_of(info: &libc::proc_bsdinfo) -> ProcessState {
    match info.pbi_status {
        libc::SSTOP => ProcessState::Stopped,
        libc::SZOMB => ProcessState::Zombie,
        _ => ProcessState::Running,
    }
}

/// Microseconds since 1970.
fn started(info: &libc::proc_bsdinfo) -> Option<u64> {
    info.pbi_start_tvsec.checked_mul(1_000_000)?.checked_add(info.pbi_start_tvusec)
}

/// `<sys/proc_info.h>`: PROC_PIDTBSDINFO fills a `struct proc_bsdinfo`. With 1 as its argument zombies are found as well
/// (xnu, bsd/kern/proc_info.c, `proc_pidinfo`: `if ((flavor == PROC_PIDTBSDINFO …) && (arg == 1)) findzomb = 1`).
fn bsd_info(pid: u32) -> Option<libc::proc_bsdinfo> {
    let pid = i32::try_from(pid).ok()?;
    let mut info = MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let size = size_of::<libc::proc_bsdinfo>();
    // SAFETY: the buffer has the given size; the call writes at most that many bytes and returns their number.
    let written = unsafe {
        libc::proc_pidinfo(
            pid,
            libc::PROC_PIDTBSDINFO,
            1,
            info.as_mut_ptr().cast(),
            i32::try_from(size).ok()?,
        )
    };
    // SAFETY: plain numbers, zeroed before, and fully written when the size says so.
    (usize::try_from(written).ok()? == size).then(|| unsafe { info.assume_init() })
}

/// `<sys/sysctl.h>`: KERN_PROCARGS2 gives the number of arguments, the path of the executable, NULs, and the arguments,
/// each ended by a NUL. Other users' processes are refused.
fn command(pid: u32) -> Option<Vec<String>> {
    let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, i32::try_from(pid).ok()?];
    let mut buffer = vec![0_u8; ARGS_BYTES];
    let mut len = buffer.len();
    // SAFETY: name and buffer have the given lengths; no new value is set.
    let done = unsafe {
        libc::sysctl(name.as_mut_ptr(), 3, buffer.as_mut_ptr().cast(), &raw mut len, std::ptr::null_mut(), 0)
    };
    if done != 0 {
        return None;
    }
    buffer.truncate(len);
    cut_arguments(&buffer)
}

/// Most processes that are listed; kern.maxproc is lower.
const MAX_PROCESSES: usize = 16_384;

/// ARG_MAX of macOS (`<sys/syslimits.h>`): into a shorter buffer the kernel writes the end of the block, not its
/// beginning.
const ARGS_BYTES: usize = 1024 * 1024;

fn cut_arguments(block: &[u8]) -> Option<Vec<String>> {
    let (count, rest) = block.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_ne_bytes(*count)).ok()?;
    let path_end = memchr::memchr(0, rest)?;
    let rest = &rest[path_end..];
    let start = rest.iter().position(|&byte| byte != 0)?;
    let rest = &rest[start..];
    Some(arguments(&rest[..rest.len().min(COMMAND_BYTES)], count))
}

/// `libproc.h`: `proc_listchildpids` fills an array of PIDs and returns their number.
pub(super) fn children(pid: u32) -> Vec<u32> {
    let Ok(pid) = i32::try_from(pid) else {
        return Vec::new();
    };
    let mut pids = vec![0_i32; MAX_DESCENDANTS];
    let Ok(bytes) = i32::try_from(pids.len() * size_of::<i32>()) else {
        return Vec::new();
    };
    // SAFETY: the buffer is as long as said, in bytes.
    let count = unsafe { libc::proc_listchildpids(pid, pids.as_mut_ptr().cast(), bytes) };
    pids.truncate(usize::try_from(count).unwrap_or(0));
    pids.into_iter().filter_map(|pid| u32::try_from(pid).ok().filter(|&pid| pid != 0)).collect()
}

/// `libproc.h`: `proc_listallpids` fills an array of PIDs and returns their number.
pub(super) fn all() -> Vec<u32> {
    let mut pids = vec![0_i32; MAX_PROCESSES];
    let Ok(bytes) = i32::try_from(pids.len() * size_of::<i32>()) else {
        return Vec::new();
    };
    // SAFETY: the buffer is as long as said, in bytes.
    let count = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast(), bytes) };
    pids.truncate(usize::try_from(count).unwrap_or(0));
    pids.into_iter().filter_map(|pid| u32::try_from(pid).ok().filter(|&pid| pid != 0)).collect()
}

#[derive(Debug)]
pub(super) struct Exit {
    queue: AsyncFd<OwnedFd>,
}

impl Exit {
    /// kqueue(2): EVFILT_PROC with NOTE_EXIT, "the process has exited"; ESRCH when there is none.
    pub(crate) fn new(pid: u32) -> io::Result<Option<Self>> {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Ok(None);
        };
        let queue = kqueue()?;
        rustix::io::fcntl_setfd(&queue, rustix::io::FdFlags::CLOEXEC)?;
        let filter = EventFilter::Proc { pid, flags: ProcessEvents::EXIT };
        // without EV_CLEAR: the queue stays readable once the process has ended
        let change = Event::new(filter, EventFlags::ADD, std::ptr::null_mut());
        let mut none: [Event; 0] = [];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the change refers to a process, not to a descriptor.
        match unsafe { kevent_timespec(&queue, &[change], &mut none[..], Some(&at_once)) } {
            Ok(_) => Ok(Some(Self { queue: readable(queue)? })),
            Err(Errno::SRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn gone(&mut self) -> io::Result<()> {
        self.queue.readable().await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::cut_arguments;

    #[test]
    fn the_arguments_stand_behind_the_path_and_its_padding() {
        let mut block = 2_i32.to_ne_bytes().to_vec();
        block.extend_from_slice(b"/bin/sh\0\0\0\0sh\0-c\0HOME=/Users/me\0");
        assert_eq!(cut_arguments(&block), Some(vec!["sh".to_owned(), "-c".to_owned()]));
        for bad in [&b""[..], b"\x01\0", b"\xff\xff\xff\xff/bin/sh\0sh\0", b"\x01\0\0\0/bin/sh"] {
            assert_eq!(cut_arguments(bad), None);
        }
    }
}
