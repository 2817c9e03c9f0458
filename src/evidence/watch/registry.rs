//! The watched files and folders by key; used on every system.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::Key;
use crate::files;

/// Most files and folders that are watched.
const MAX_WATCHED: usize = 16_384;

/// One watched file or folder. `H` is the system's handle of the watch.
#[derive(Debug)]
pub(super) struct Entry<H> {
    pub target: PathBuf,
    /// What is actually watched: the target itself, or the nearest existing folder above it.
    pub on: PathBuf,
    /// `None` while nothing is watched.
    pub handle: Option<H>,
    /// Device and inode of `on` when it was watched.
    id: Option<(u64, u64)>,
}

impl<H> Entry<H> {
    /// Whether the target itself is watched.
    pub(super) fn is_armed(&self) -> bool {
        self.handle.is_some() && self.on == self.target
    }

    /// Whether the path `on` names another file or folder than when it was watched.
    pub(super) fn is_swapped(&self) -> bool {
        files::inode(&self.on).ok() != self.id
    }
}

/// All entries, by key and by target.
#[derive(Debug)]
pub(super) struct Registry<H> {
    entries: HashMap<Key, Entry<H>>,
    by_target: HashMap<PathBuf, Key>,
    next: u64,
}

impl<H> Registry<H> {
    pub(super) fn new() -> Self {
        Self { entries: HashMap::new(), by_target: HashMap::new(), next: 0 }
    }

    /// The key of this target, and whether it is new and must be armed.
    pub(super) fn add(&mut self, target: &Path) -> io::Result<(Key, bool)> {
        if let Some(key) = self.by_target.get(target) {
            return Ok((*key, false));
        }
        if self.entries.len() >= MAX_WATCHED {
            return Err(io::Error::other("too many files are watched"));
        }
        let key = Key(self.next);
        self.next += 1;
        let entry = Entry { target: target.to_owned(), on: PathBuf::new(), handle: None, id: None };
        self.by_target.insert(entry.target.clone(), key);
        self.entries.insert(key, entry);
        Ok((key, true))
    }

    pub(super) fn remove(&mut self, key: Key) {
        if let Some(entry) = self.entries.remove(&key) {
            self.by_target.remove(&entry.target);
        }
    }

    pub(super) fn get(&self, key: Key) -> Option<&Entry<H>> {
        self.entries.get(&key)
    }

    /// Notes what is watched for this key now, with its device and inode.
    pub(super) fn arm(&mut self, key: Key, on: PathBuf, handle: H, id: Option<(u64, u64)>) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.id = id;
            entry.on = on;
            entry.handle = Some(handle);
        }
    }

    /// Takes the handle: nothing is watched for this key any more.
    pub(super) fn disarm(&mut self, key: Key) -> Option<H> {
        self.entries.get_mut(&key)?.handle.take()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (Key, &Entry<H>)> {
        self.entries.iter().map(|(key, entry)| (*key, entry))
    }

    /// The keys that must be armed again: the watched file or folder is gone or replaced, or the target has appeared.
    pub(super) fn stale(&self, wanted: &dyn Fn(Key, &Path) -> bool) -> Vec<Key> {
        let is_stale = |entry: &Entry<H>| {
            entry.handle.is_none() || entry.is_swapped() || (!entry.is_armed() && entry.target.exists())
        };
        let wanted = self.entries().filter(|(key, entry)| wanted(*key, &entry.target));
        wanted.filter(|(_, entry)| is_stale(entry)).map(|(key, _)| key).collect()
    }

    /// Whether the target of this key itself is watched.
    pub(super) fn is_armed(&self, key: Key) -> bool {
        self.get(key).is_some_and(Entry::is_armed)
    }
}
