//! A lock on a file that several of our processes use: taken at once or not at all, and given back for certain.

use std::fs::File;
use std::io;

use rustix::fs::{FlockOperation, flock};

/// A file that this process has locked, until this is dropped or the process ends, however it ends.
#[derive(Debug)]
#[must_use]
pub struct Lock(File);

impl Lock {
    /// Locks this open file. `None`: somebody else has it.
    pub fn take(file: File) -> io::Result<Option<Self>> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The file that is locked.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // closing is not enough: a child that another thread starts just now holds a copy of the descriptor until its exec
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_given_back_though_a_copy_of_the_descriptor_lives_on() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::open(file.path()).unwrap();
        let first = open();
        // as in a child between its fork and its exec
        let copy = first.try_clone().unwrap();
        let lock = Lock::take(first).unwrap();
        assert!(lock.is_some() && Lock::take(open()).unwrap().is_none());
        drop(lock);
        assert!(Lock::take(open()).unwrap().is_some());
        drop(copy);
    }
}
