//! macOS: kqueue with EVFILT_VNODE, one descriptor for each file or folder. `kqueue(2)`.
//!
//! FSEvents reports an append only when the writer closes the file, and a gateway never closes its log.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::event::Timespec;
use rustix::event::kqueue::{Event, EventFilter, EventFlags, VnodeEvents, kevent_timespec, kqueue};
use tokio::io::unix::AsyncFd;

use super::registry::Registry;
use super::{ARM_TRIES, Changes, Key, Kind, nearest};
use crate::evidence::ready::readable;

/// Events of a file or folder. Not NOTE_ATTRIB: the access time that our own reads change must not wake us.
const EVENTS: VnodeEvents = VnodeEvents::WRITE
    .union(VnodeEvents::EXTEND)
    .union(VnodeEvents::DELETE)
    .union(VnodeEvents::RENAME)
    .union(VnodeEvents::REVOKE);
/// The watched file or folder is no longer where it was.
const SELF_GONE: VnodeEvents = VnodeEvents::DELETE.union(VnodeEvents::RENAME).union(VnodeEvents::REVOKE);
/// Events read at once.
const BATCH: usize = 64;
/// Most batches that are read before other tasks run.
const MAX_BATCHES: usize = 64;
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// The handle is the open file; closing it removes it from the queue (kqueue(2)).
#[derive(Debug)]
pub(super) struct System {
    queue: AsyncFd<OwnedFd>,
    registry: Registry<File>,
}

impl System {
    pub(crate) fn new() -> io::Result<Self> {
        let queue = kqueue()?;
        rustix::io::fcntl_setfd(&queue, rustix::io::FdFlags::CLOEXEC)?;
        Ok(Self { queue: readable(queue)?, registry: Registry::new() })
    }

    pub(crate) fn add(&mut self, path: &Path, _kind: Kind) -> io::Result<Key> {
        let (key, is_new) = self.registry.add(path)?;
        if is_new {
            self.arm(key).inspect_err(|_| self.remove(key))?;
        }
        Ok(key)
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.registry.remove(key);
    }

    pub(crate) fn path(&self, key: Key) -> Option<&Path> {
        self.registry.get(key).map(|entry| entry.target.as_path())
    }

    pub(crate) fn descriptors(&self) -> usize {
        1 + self.registry.entries().filter(|(_, entry)| entry.handle.is_some()).count()
    }

    /// Watches the target, or the nearest folder above it; tries again if the path changes meanwhile.
    fn arm(&mut self, key: Key) -> io::Result<()> {
        self.registry.disarm(key);
        let Some(target) = self.path(key).map(Path::to_owned) else {
            return Ok(());
        };
        for _ in 0..ARM_TRIES {
            let Some(mut on) = nearest(&target) else {
                return Err(io::ErrorKind::NotFound.into());
            };
            // a FIFO must not be opened: its writer would notice
            let odd = std::fs::metadata(&on).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
            if odd {
                on.pop();
            }
            // open(2): O_EVTONLY is for notifications only, and does not prevent unmounting
            let flags = libc::O_EVTONLY | libc::O_NONBLOCK;
            let file = match OpenOptions::new().read(true).custom_flags(flags).open(&on) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let filter = EventFilter::Vnode { vnode: file.as_raw_fd(), flags: EVENTS };
            let udata = std::ptr::without_provenance_mut(usize::try_from(key.0).unwrap_or(usize::MAX));
            let change = Event::new(filter, EventFlags::ADD | EventFlags::CLEAR, udata);
            let mut none: [Event; 0] = [];
            // SAFETY: the descriptor in the change is open, and is removed from the queue when it is closed.
            unsafe { kevent_timespec(self.queue.get_ref(), &[change], &mut none[..], Some(&AT_ONCE))? };
            let id = file.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
            self.registry.arm(key, on.clone(), file, id);
            if odd || nearest(&target).as_ref() == Some(&on) {
                return Ok(());
            }
        }
        Err(io::Error::other("the path changes all the time"))
    }

    /// Watches again, and reports what may have been missed. What cannot be watched now is tried again by
    /// [`System::recheck`].
    fn rearm(&mut self, key: Key, changes: &mut Changes) {
        let was_armed = self.registry.is_armed(key);
        let failed = self.arm(key).is_err();
        if failed || was_armed || self.registry.is_armed(key) {
            changes.add(key, None);
        }
    }

    pub(crate) fn recheck(&mut self, wanted: &dyn Fn(Key, &Path) -> bool, changes: &mut Changes) {
        for key in self.registry.stale(wanted) {
            self.rearm(key, changes);
        }
    }

    pub(crate) async fn wait(&mut self) -> io::Result<Changes> {
        let mut seen: HashMap<Key, VnodeEvents> = HashMap::new();
        {
            let mut ready = self.queue.readable().await?;
            let mut events: Vec<Event> = Vec::with_capacity(BATCH);
            for _ in 0..MAX_BATCHES {
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
            let Some(entry) = self.registry.get(key) else {
                continue;
            };
            if flags.intersects(SELF_GONE) || !entry.is_armed() {
                self.rearm(key, &mut changes);
            } else {
                changes.add(key, None);
            }
        }
        Ok(changes)
    }
}
