//! Watches files and folders for changes.
//!
//! An event is only a hint: the caller reads the files themselves, and polls slowly in case an event is missing. That
//! is why an overflow, or too many changes, is reported as "everything changed".

#[cfg(target_os = "linux")]
mod inotify;
#[cfg(target_os = "linux")]
use inotify::System;
#[cfg(target_os = "macos")]
mod kqueue;
mod registry;
#[cfg(target_os = "macos")]
use kqueue::System;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// More changes than this at once are reported as [`Changes::everything`].
const MAX_CHANGES: usize = 1_024;
/// How often watching is tried again because the path changed meanwhile.
const ARM_TRIES: usize = 16;

/// Identifies a watched file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u64);

/// What changed since the last call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Anything may have changed.
    pub everything: bool,
    /// The changes, each once.
    pub changed: BTreeSet<Changed>,
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// The key that [`Watch::add_dir`] or [`Watch::add_file`] returned.
    pub key: Key,
    /// The name inside the folder; `None` when the folder or file itself appeared, was removed or replaced, or when the
    /// system does not report names (macOS).
    pub name: Option<OsString>,
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        !self.everything && self.changed.is_empty()
    }

    fn add(&mut self, key: Key, name: Option<OsString>) {
        if self.everything {
            return;
        }
        self.changed.insert(Changed { key, name });
        if self.changed.len() > MAX_CHANGES {
            self.all();
        }
    }

    fn all(&mut self) {
        self.everything = true;
        self.changed.clear();
    }
}

/// Watches files and folders. Linux needs one descriptor for all of them, macOS one for each.
#[derive(Debug)]
pub struct Watch {
    system: System,
}

impl Watch {
    /// Watches nothing yet. Fails outside a tokio runtime.
    pub fn new() -> io::Result<Self> {
        Ok(Self { system: System::new()? })
    }

    /// Watches a folder: names that are added or removed and, on Linux, writes to its files. A folder that does not
    /// exist yet is reported when it appears; until then the nearest folder above it is watched. Adding a path again
    /// returns the same key.
    pub fn add_dir(&mut self, path: &Path) -> io::Result<Key> {
        self.system.add(path, Kind::Folder)
    }

    /// Watches writes to one file. On Linux its folder reports them: the key of the folder is returned, and the changes
    /// carry the file's name. On macOS the file has its own key, and a file that does not exist yet is reported when it
    /// appears.
    pub fn add_file(&mut self, path: &Path) -> io::Result<Key> {
        self.system.add(path, Kind::File)
    }

    /// Stops watching.
    pub fn remove(&mut self, key: Key) {
        self.system.remove(key);
    }

    /// The path of a key.
    pub fn path(&self, key: Key) -> Option<&Path> {
        self.system.path(key)
    }

    /// Checks whether the paths still name what is watched, for changes without an event (a folder further up was
    /// replaced, a volume came back), and watches again where they do not. Returns those keys. Checks only the keys
    /// that `wanted` accepts: a path on a volume that does not answer blocks.
    pub fn recheck(&mut self, wanted: &dyn Fn(Key, &Path) -> bool) -> Changes {
        let mut changes = Changes::default();
        self.system.recheck(wanted, &mut changes);
        changes
    }

    /// Waits until something changed, and returns all changes so far. Cancel safe.
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

/// The path itself if it exists, else the nearest folder above it that does.
fn nearest(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|above| above.exists()).map(Path::to_owned)
}
