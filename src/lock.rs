//! An advisory lock (flock(2)) on a file that several of our processes use.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::files;

/// Pause between two attempts at a lock that another process holds.
const RETRY: Duration = Duration::from_millis(20);

/// A locked file. The lock ends when this is dropped or the process ends.
#[derive(Debug)]
#[must_use]
pub(crate) struct Lock(File);

impl Lock {
    /// Locks this open file; never waits. `None` if another holder has it.
    pub(crate) fn take(file: File) -> io::Result<Option<Self>> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Locks this file, which is created if it is missing. Blocks while another holder has it; after `timeout` that is
    /// [`io::ErrorKind::WouldBlock`].
    pub(crate) fn wait_for(path: &Path, timeout: Duration) -> io::Result<Self> {
        let until = Instant::now() + timeout;
        loop {
            // opened again each time: an attempt consumes the open file
            let file = files::open_with(OpenOptions::new().create(true).append(true).mode(0o600), path)?;
            match Self::take(file)? {
                Some(lock) => return Ok(lock),
                None if Instant::now() < until => thread::sleep(RETRY),
                None => return Err(io::ErrorKind::WouldBlock.into()),
            }
        }
    }

    /// The locked file.
    pub(crate) fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread is forking holds a copy of the descriptor until its exec.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_released_though_a_copy_of_the_descriptor_is_open() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::open(file.path()).unwrap();
        let first = open();
        // like a child between fork and exec
        let copy = first.try_clone().unwrap();
        let lock = Lock::take(first).unwrap();
        assert!(lock.is_some() && Lock::take(open()).unwrap().is_none());
        drop(lock);
        assert!(Lock::take(open()).unwrap().is_some());
        drop(copy);
    }
}
