//! macOS: kqueue with EVFILT_VNODE, one descriptor a file or folder. `kqueue(2)`.
//!
//! FSEvents tells nothing of a file that is appended to until its writer closes it, and a gateway never closes its log.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::event::Timespec;
use rustix::event::kqueue::{Event, EventFilter, EventFlags, VnodeEvents, kevent_timespec, kqueue};
use tokio::io::unix::AsyncFd;

use crate::evidence::ready::readable;

use super::{Changes, Key, Kind, WATCHED_AT_MOST, nearest, too_many};

/// What is asked. Not NOTE_ATTRIB: a changed access time, from our own reading, must not wake us.
const WHAT: VnodeEvents = VnodeEvents::WRITE
    .union(VnodeEvents::EXTEND)
    .union(VnodeEvents::DELETE)
    .union(VnodeEvents::RENAME)
    .union(VnodeEvents::REVOKE);
/// What is watched is no longer where it was.
const SELF_GONE: VnodeEvents = VnodeEvents::DELETE.union(VnodeEvents::RENAME).union(VnodeEvents::REVOKE);
/// Events taken at once.
const EVENTS: usize = 64;
/// How often they are taken before the others have their turn.
const READS: usize = 64;
/// How often the way to a file may change while it is being watched.
const TRIES: usize = 16;

#[derive(Debug)]
struct Entry {
    target: PathBuf,
    /// What is watched: the target itself, or the nearest folder above it.
    on: PathBuf,
    /// Closing it takes it out of the queue (kqueue(2)).
    file: Option<File>,
    id: Option<(u64, u64)>,
}

impl Entry {
    fn armed(&self) -> bool {
        self.file.is_some() && self.on == self.target
    }
}

#[derive(Debug)]
pub(super) struct System {
    queue: AsyncFd<OwnedFd>,
    entries: HashMap<Key, Entry>,
    by_target: HashMap<PathBuf, Key>,
    next: u64,
}

impl System {
    pub fn new() -> io::Result<Self> {
        let queue = kqueue()?;
        rustix::io::fcntl_setfd(&queue, rustix::io::FdFlags::CLOEXEC)?;
        Ok(Self { queue: readable(queue)?, entries: HashMap::new(), by_target: HashMap::new(), next: 0 })
    }

    pub fn add(&mut self, path: &Path, _kind: Kind) -> io::Result<Key> {
        if let Some(key) = self.by_target.get(path) {
            return Ok(*key);
        }
        if self.entries.len() >= WATCHED_AT_MOST {
            return Err(too_many());
        }
        let key = Key(self.next);
        self.next += 1;
        let entry = Entry { target: path.to_owned(), on: PathBuf::new(), file: None, id: None };
        self.by_target.insert(entry.target.clone(), key);
        self.entries.insert(key, entry);
        self.arm(key).inspect_err(|_| self.remove(key))?;
        Ok(key)
    }

    pub fn remove(&mut self, key: Key) {
        if let Some(entry) = self.entries.remove(&key) {
            self.by_target.remove(&entry.target);
        }
    }

    pub fn path(&self, key: Key) -> Option<&Path> {
        self.entries.get(&key).map(|entry| entry.target.as_path())
    }

    pub fn descriptors(&self) -> usize {
        1 + self.entries.values().filter(|entry| entry.file.is_some()).count()
    }

    /// Watches the target, or the nearest folder above it; again while the way there changes under our feet.
    fn arm(&mut self, key: Key) -> io::Result<()> {
        let Some(entry) = self.entries.get_mut(&key) else {
            return Ok(());
        };
        entry.file = None;
        for _ in 0..TRIES {
            let Some(mut on) = nearest(&entry.target) else {
                return Err(io::ErrorKind::NotFound.into());
            };
            // a FIFO must not even be opened: its writer would notice
            let odd = std::fs::metadata(&on).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
            if odd {
                on.pop();
            }
            // open(2): O_EVTONLY asks for notifications only, and does not keep a volume from being unmounted
            let flags = libc::O_EVTONLY | libc::O_NONBLOCK;
            let file = match OpenOptions::new().read(true).custom_flags(flags).open(&on) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let filter = EventFilter::Vnode { vnode: file.as_raw_fd(), flags: WHAT };
            let udata = std::ptr::without_provenance_mut(usize::try_from(key.0).unwrap_or(usize::MAX));
            let change = Event::new(filter, EventFlags::ADD | EventFlags::CLEAR, udata);
            let mut none: [Event; 0] = [];
            // SAFETY: the descriptor in the change is open, and leaves the queue when it is closed.
            unsafe { kevent_timespec(self.queue.get_ref(), &[change], &mut none[..], Some(&AT_ONCE))? };
            entry.id = file.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
            entry.file = Some(file);
            entry.on = on;
            if odd || nearest(&entry.target).as_ref() == Some(&entry.on) {
                return Ok(());
            }
        }
        Err(io::Error::other("the folder changes all the time"))
    }

    fn rearm(&mut self, key: Key, changes: &mut Changes) {
        let was_armed = self.entries.get(&key).is_some_and(Entry::armed);
        let failed = self.arm(key).is_err();
        if failed || was_armed || self.entries.get(&key).is_some_and(Entry::armed) {
            changes.add(key, None);
        }
    }

    pub fn recheck(&mut self, changes: &mut Changes) {
        let identity = |path: &Path| std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
        let stale: Vec<Key> = self
            .entries
            .iter()
            .filter(|(_, entry)| {
                let gone = entry.file.is_none() || identity(&entry.on) != entry.id;
                gone || (!entry.armed() && identity(&entry.target).is_some())
            })
            .map(|(key, _)| *key)
            .collect();
        for key in stale {
            self.rearm(key, changes);
        }
    }

    pub async fn wait(&mut self) -> io::Result<Changes> {
        let mut seen: HashMap<Key, VnodeEvents> = HashMap::new();
        {
            let mut ready = self.queue.readable().await?;
            let mut events: Vec<Event> = Vec::with_capacity(EVENTS);
            for _ in 0..READS {
                events.clear();
                let spare = rustix::buffer::spare_capacity(&mut events);
                // SAFETY: no change is made, so no descriptor is named.
                unsafe { kevent_timespec(self.queue.get_ref(), &[], spare, Some(&AT_ONCE))? };
                if events.is_empty() {
                    ready.clear_ready();
                    break;
                }
                for event in &events {
                    if let EventFilter::Vnode { flags, .. } = event.filter() {
                        let key = Key(event.udata().addr() as u64);
                        *seen.entry(key).or_insert(VnodeEvents::empty()) |= flags;
                    }
                }
            }
        }
        let mut changes = Changes::default();
        for (key, flags) in seen {
            let Some(entry) = self.entries.get(&key) else {
                continue;
            };
            if flags.intersects(SELF_GONE) || !entry.armed() {
                self.rearm(key, &mut changes);
            } else {
                changes.add(key, None);
            }
        }
        Ok(changes)
    }
}

const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
