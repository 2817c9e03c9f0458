//! An advisory lock (flock(2)) on a file that several of our processes use.

use std::fs::File;
use std::io;

use rustix::fs::{FlockOperation, flock};

/// A file that this process has locked until this is dropped or the process ends.
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
    fn it_is_released_even_if_a_copy_of_the_descriptor_is_open() {
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
