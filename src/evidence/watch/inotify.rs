//! Linux: one inotify descriptor, and folders only. `inotify(7)`.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::evidence::ready::readable;

use super::{Changes, Key, Kind, WATCHED_AT_MOST, nearest, too_many};

/// What is asked of a folder. Not ACCESS, OPEN or CLOSE_*: our own reading must not wake us.
const FOLDER: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);
/// What is asked of a folder above one that is not there yet.
const ABOVE: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::ONLYDIR);
/// The watched folder itself is no longer where it was.
const SELF_GONE: ReadFlags =
    ReadFlags::DELETE_SELF.union(ReadFlags::MOVE_SELF).union(ReadFlags::IGNORED).union(ReadFlags::UNMOUNT);
/// Bytes of events taken at once, and how often before the others have their turn.
const BUFFER: usize = 16 * 1024;
const READS: usize = 65_536;
/// How often the way to a folder may change while it is being watched.
const TRIES: usize = 16;

#[derive(Debug)]
struct Entry {
    target: PathBuf,
    /// The folder that is watched: the target itself, or the nearest one above it.
    on: PathBuf,
    watch: Option<i32>,
    /// Device and inode of `on` when it was watched.
    id: Option<(u64, u64)>,
}

impl Entry {
    fn armed(&self) -> bool {
        self.watch.is_some() && self.on == self.target
    }
}

#[derive(Debug)]
pub(super) struct System {
    fd: AsyncFd<OwnedFd>,
    entries: HashMap<Key, Entry>,
    by_target: HashMap<PathBuf, Key>,
    /// The keys behind a watch: two paths may lead to one folder, and one folder may be above many.
    by_watch: HashMap<i32, Vec<Key>>,
    next: u64,
}

impl System {
    pub fn new() -> io::Result<Self> {
        let fd = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self {
            fd: readable(fd)?,
            entries: HashMap::new(),
            by_target: HashMap::new(),
            by_watch: HashMap::new(),
            next: 0,
        })
    }

    pub fn add(&mut self, path: &Path, kind: Kind) -> io::Result<Key> {
        let target = match kind {
            Kind::Folder => path,
            Kind::File => path.parent().unwrap_or(path),
        };
        if let Some(key) = self.by_target.get(target) {
            return Ok(*key);
        }
        if self.entries.len() >= WATCHED_AT_MOST {
            return Err(too_many());
        }
        let key = Key(self.next);
        self.next += 1;
        let entry = Entry { target: target.to_owned(), on: PathBuf::new(), watch: None, id: None };
        self.by_target.insert(entry.target.clone(), key);
        self.entries.insert(key, entry);
        self.arm(key).inspect_err(|_| self.remove(key))?;
        Ok(key)
    }

    pub fn remove(&mut self, key: Key) {
        self.disarm(key);
        if let Some(entry) = self.entries.remove(&key) {
            self.by_target.remove(&entry.target);
        }
    }

    pub fn path(&self, key: Key) -> Option<&Path> {
        self.entries.get(&key).map(|entry| entry.target.as_path())
    }

    #[allow(clippy::unused_self)] // the same call as on macOS, where the number varies
    pub fn descriptors(&self) -> usize {
        1
    }

    /// Watches the target, or the nearest folder above it; again while the way there changes under our feet.
    fn arm(&mut self, key: Key) -> io::Result<()> {
        self.disarm(key);
        let Some(target) = self.path(key).map(Path::to_owned) else {
            return Ok(());
        };
        for _ in 0..TRIES {
            let Some(on) = nearest(&target) else {
                return Err(io::ErrorKind::NotFound.into());
            };
            let flags = if on == target { FOLDER } else { ABOVE };
            // MASK_ADD: the same folder may be watched for other keys too
            let watch = match add_watch(self.fd.get_ref(), &on, flags | WatchFlags::MASK_ADD) {
                Ok(watch) => watch,
                Err(Errno::NOENT) => continue,
                // a file stands where the folder should be, or it may not be looked into: its own folder tells when
                // that changes
                Err(Errno::NOTDIR | Errno::ACCESS) if on == target => {
                    let Some(above) = on.parent() else {
                        return Err(Errno::NOTDIR.into());
                    };
                    let watch = add_watch(self.fd.get_ref(), above, ABOVE | WatchFlags::MASK_ADD)?;
                    self.note(key, above.to_owned(), watch);
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            self.note(key, on.clone(), watch);
            if nearest(&target).as_ref() == Some(&on) {
                return Ok(());
            }
            self.disarm(key);
        }
        Err(io::Error::other("the folder changes all the time"))
    }

    fn note(&mut self, key: Key, on: PathBuf, watch: i32) {
        self.by_watch.entry(watch).or_default().push(key);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.id = identity(&on);
            entry.on = on;
            entry.watch = Some(watch);
        }
    }

    fn disarm(&mut self, key: Key) {
        let Some(watch) = self.entries.get_mut(&key).and_then(|entry| entry.watch.take()) else {
            return;
        };
        let Some(keys) = self.by_watch.get_mut(&watch) else {
            return;
        };
        keys.retain(|other| *other != key);
        if keys.is_empty() {
            self.by_watch.remove(&watch);
            // an error means that the system gave it up before us
            let _ = remove_watch(self.fd.get_ref(), watch);
        }
    }

    /// Watches anew. What cannot be watched now is tried again by [`System::recheck`].
    fn rearm(&mut self, key: Key, changes: &mut Changes) {
        let was_armed = self.entries.get(&key).is_some_and(Entry::armed);
        let failed = self.arm(key).is_err();
        if failed || was_armed || self.entries.get(&key).is_some_and(Entry::armed) {
            changes.add(key, None);
        }
    }

    /// The keys for which this folder, or one below it, is watched, though it is no longer the one that it was.
    fn watched_below(&self, folder: &Path) -> impl Iterator<Item = Key> {
        let below = self.entries.iter().filter(move |(_, entry)| entry.on.starts_with(folder));
        below.filter(|(_, entry)| identity(&entry.on) != entry.id).map(|(key, _)| *key)
    }

    pub fn recheck(&mut self, changes: &mut Changes) {
        let stale: Vec<Key> = self
            .entries
            .iter()
            .filter(|(_, entry)| {
                let gone = entry.watch.is_none() || identity(&entry.on) != entry.id;
                gone || (!entry.armed() && identity(&entry.target).is_some())
            })
            .map(|(key, _)| *key)
            .collect();
        for key in stale {
            self.rearm(key, changes);
        }
    }

    pub async fn wait(&mut self) -> io::Result<Changes> {
        let events = {
            let mut ready = self.fd.readable().await?;
            let mut buffer = [MaybeUninit::<u8>::uninit(); BUFFER];
            let mut reader = Reader::new(self.fd.get_ref(), &mut buffer);
            let mut events = Events::default();
            for _ in 0..READS {
                match reader.next() {
                    Ok(event) => events.take(
                        event.wd(),
                        event.events(),
                        event.file_name().map(std::ffi::CStr::to_bytes),
                    ),
                    Err(Errno::WOULDBLOCK) => {
                        ready.clear_ready();
                        break;
                    }
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            events
        };
        Ok(self.judge(&events))
    }

    /// From what the system says to what it means for the keys.
    fn judge(&mut self, events: &Events) -> Changes {
        let mut changes = Changes::default();
        if events.overflow {
            self.recheck(&mut changes);
            changes.all();
        }
        let mut moved = Vec::new();
        for ((watch, name), flags) in &events.seen {
            for key in self.by_watch.get(watch).into_iter().flatten() {
                let Some(entry) = self.entries.get(key) else {
                    continue;
                };
                // the folder below does not tell itself that it was removed while a file of it is still held open
                if let (true, Some(name)) = (flags.contains(ReadFlags::ISDIR), name) {
                    moved.extend(self.watched_below(&entry.on.join(name)));
                }
                if flags.intersects(SELF_GONE) {
                    moved.push(*key);
                } else if entry.armed() {
                    // a change of the folder's own attributes comes without a name
                    changes.add(*key, name.clone());
                } else if name.as_deref().is_none_or(|name| is_next(entry, name)) {
                    moved.push(*key);
                }
            }
        }
        moved.sort_unstable();
        moved.dedup();
        for key in moved {
            self.rearm(key, &mut changes);
        }
        changes
    }
}

/// Whether `name` is the folder that is missing next on the way to the target.
fn is_next(entry: &Entry, name: &OsStr) -> bool {
    let rest = entry.target.strip_prefix(&entry.on).ok();
    rest.and_then(|rest| rest.iter().next()).is_none_or(|next| next == name)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// A burst of events, each kind once.
#[derive(Debug, Default)]
struct Events {
    overflow: bool,
    seen: HashMap<(i32, Option<OsString>), ReadFlags>,
}

impl Events {
    fn take(&mut self, watch: i32, flags: ReadFlags, name: Option<&[u8]>) {
        if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            self.overflow = true;
            return;
        }
        let name = name.filter(|name| !name.is_empty()).map(|name| OsStr::from_bytes(name).to_owned());
        *self.seen.entry((watch, name)).or_insert(ReadFlags::empty()) |= flags;
    }
}
