//! Woken by the system when something happens to the files that matter; asleep otherwise.
//!
//! Only a hint: whoever is woken looks at the files themselves, and a slow poll stands behind it. That is why an
//! overflow, or more changes than are worth counting, is told as "everything changed" and nothing else.

#[cfg(target_os = "linux")]
mod inotify;
#[cfg(target_os = "linux")]
use inotify::System;
#[cfg(target_os = "macos")]
mod kqueue;
#[cfg(target_os = "macos")]
use kqueue::System;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// More changes than this at once are told as [`Changes::everything`].
const AT_MOST: usize = 1_024;
/// Files and folders watched at once.
const WATCHED_AT_MOST: usize = 16_384;

/// Names what was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u64);

/// What changed since the last time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Anything may have changed: look at all of it.
    pub everything: bool,
    /// What changed, each once.
    pub changed: BTreeSet<Changed>,
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// What it was added as.
    pub key: Key,
    /// The name inside the folder; `None` when the folder or file itself came, went or was swapped, or when the system
    /// does not tell (macOS never does).
    pub name: Option<OsString>,
}

impl Changes {
    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        !self.everything && self.changed.is_empty()
    }

    fn add(&mut self, key: Key, name: Option<OsString>) {
        if self.everything {
            return;
        }
        self.changed.insert(Changed { key, name });
        if self.changed.len() > AT_MOST {
            self.all();
        }
    }

    fn all(&mut self) {
        self.everything = true;
        self.changed.clear();
    }
}

/// Watches files and folders. On Linux one descriptor for all of them, on macOS one for each.
#[derive(Debug)]
pub struct Watch {
    system: System,
}

impl Watch {
    /// Watches nothing yet. Must be called inside a tokio runtime.
    pub fn new() -> io::Result<Self> {
        Ok(Self { system: System::new()? })
    }

    /// Watches what happens in a folder: names that come and go and, on Linux, what is written to its files. A folder
    /// that is not there yet is reported when it appears (until then the nearest folder above it is watched). Adding it
    /// twice gives the same key.
    pub fn add_dir(&mut self, path: &Path) -> io::Result<Key> {
        self.system.add(path, Kind::Folder)
    }

    /// Watches what is written to one file. On Linux that is told by its folder: the key of the folder is returned, and
    /// the changes carry the file's name. On macOS the file has its own key, and a file that is not there yet is
    /// reported when it appears.
    pub fn add_file(&mut self, path: &Path) -> io::Result<Key> {
        self.system.add(path, Kind::File)
    }

    /// Watches it no longer.
    pub fn remove(&mut self, key: Key) {
        self.system.remove(key);
    }

    /// The path behind a key.
    pub fn path(&self, key: Key) -> Option<&Path> {
        self.system.path(key)
    }

    /// Compares what is watched with what the paths lead to now, for what no event tells (a folder further up was
    /// swapped, a volume came back): for the slow poll. Returns what had to be watched anew.
    pub fn recheck(&mut self) -> Changes {
        let mut changes = Changes::default();
        self.system.recheck(&mut changes);
        changes
    }

    /// Waits until something changed, and tells all that is known by then. Nothing is lost when it is cancelled while it
    /// waits.
    pub async fn changed(&mut self) -> io::Result<Changes> {
        loop {
            let changes = self.system.wait().await?;
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
    }

    /// Descriptors in use.
    pub fn descriptors(&self) -> usize {
        self.system.descriptors()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
}

/// The path itself if there is something, else the nearest folder above it that is there.
fn nearest(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|above| above.exists()).map(Path::to_owned)
}

fn too_many() -> io::Error {
    io::Error::other("too many files are watched")
}
