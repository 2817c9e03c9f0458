//! Linux: one inotify descriptor, and folders only. `inotify(7)`.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use super::registry::{self, Registry};
use super::{ARM_TRIES, Changes, Key, Kind, nearest};
use crate::evidence::ready::readable;
use crate::files;
use crate::order::Order as _;

/// Events of a watched folder. Not ACCESS, OPEN or CLOSE_*: our own reads must not wake us.
const FOLDER: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);
/// Events of a folder above one that does not exist yet.
const ABOVE: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::ONLYDIR);
/// The watched folder itself is no longer where it was.
const SELF_GONE: ReadFlags =
    ReadFlags::DELETE_SELF.union(ReadFlags::MOVE_SELF).union(ReadFlags::IGNORED).union(ReadFlags::UNMOUNT);
/// Bytes of events read at once.
const BUFFER: usize = 16 * 1024;
/// Most events that are read before other tasks run.
const MAX_EVENTS: usize = 65_536;

/// The handle is the watch descriptor of a folder.
type Entry = registry::Entry<i32>;

#[derive(Debug)]
pub(super) struct System {
    fd: AsyncFd<OwnedFd>,
    registry: Registry<i32>,
    /// The keys behind a watch: two paths may lead to one folder, and one folder may be above many.
    by_watch: HashMap<i32, Vec<Key>>,
}

impl System {
    pub(super) fn new() -> io::Result<Self> {
        let fd = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { fd: readable(fd)?, registry: Registry::new(), by_watch: HashMap::new() })
    }

    pub(super) fn add(&mut self, path: &Path, kind: Kind) -> io::Result<Key> {
        let target = match kind {
            Kind::Folder => path,
            Kind::File => path.parent().unwrap_or(path),
        };
        let (key, is_new) = self.registry.add(target)?;
        if is_new {
            self.arm(key).inspect_err(|_| self.remove(key))?;
        }
        Ok(key)
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.disarm(key);
        self.registry.remove(key);
    }

    pub(super) fn path(&self, key: Key) -> Option<&Path> {
        self.registry.get(key).map(|entry| entry.target.as_path())
    }

    #[allow(clippy::unused_self)] // the same call as on macOS, where the number varies
    pub(super) fn descriptors(&self) -> usize {
        1
    }

    /// Watches the target, or the nearest folder above it; tries again if the path changes meanwhile.
    fn arm(&mut self, key: Key) -> io::Result<()> {
        self.disarm(key);
        let Some(target) = self.path(key).map(Path::to_owned) else {
            return Ok(());
        };
        for _ in 0..ARM_TRIES {
            let Some(on) = nearest(&target) else {
                return Err(io::ErrorKind::NotFound.into());
            };
            let flags = if on == target { FOLDER } else { ABOVE };
            // MASK_ADD: the same folder may also be watched for other keys
            let watch = match add_watch(self.fd.get_ref(), &on, flags | WatchFlags::MASK_ADD) {
                Ok(watch) => watch,
                Err(Errno::NOENT) => continue,
                // not a folder, or no permission: the folder above reports when that changes
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
        Err(io::Error::other("the path changes all the time"))
    }

    fn note(&mut self, key: Key, on: PathBuf, watch: i32) {
        self.by_watch.entry(watch).or_default().push(key);
        let id = files::inode(&on).ok();
        self.registry.arm(key, on, watch, id);
    }

    fn disarm(&mut self, key: Key) {
        let Some(watch) = self.registry.disarm(key) else {
            return;
        };
        let Some(keys) = self.by_watch.get_mut(&watch) else {
            return;
        };
        keys.retain(|other| *other != key);
        if keys.is_empty() {
            self.by_watch.remove(&watch);
            // an error means that the system removed it before us
            let _ = remove_watch(self.fd.get_ref(), watch);
        }
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

    /// The keys for which this folder or one below it is watched and has been replaced.
    fn swapped_below(&self, folder: &Path) -> impl Iterator<Item = Key> {
        let below = self.registry.entries().filter(move |(_, entry)| entry.on.starts_with(folder));
        below.filter(|(_, entry)| entry.is_swapped()).map(|(key, _)| key)
    }

    pub(super) fn recheck(&mut self, wanted: &dyn Fn(Key, &Path) -> bool, changes: &mut Changes) {
        for key in self.registry.stale(wanted) {
            self.rearm(key, changes);
        }
    }

    pub(super) async fn wait(&mut self) -> io::Result<Changes> {
        let events = {
            let mut ready = self.fd.readable().await?;
            let mut buffer = [MaybeUninit::<u8>::uninit(); BUFFER];
            let mut reader = Reader::new(self.fd.get_ref(), &mut buffer);
            let mut events = Events::default();
            for _ in 0..MAX_EVENTS {
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
        Ok(self.interpret(&events))
    }

    /// Turns the system's events into changes of keys.
    fn interpret(&mut self, events: &Events) -> Changes {
        let mut changes = Changes::default();
        if events.overflow {
            self.recheck(&|_, _| true, &mut changes);
            changes.all();
        }
        let mut moved = Vec::new();
        for ((watch, name), flags) in &events.seen {
            for key in self.by_watch.get(watch).into_iter().flatten() {
                let Some(entry) = self.registry.get(*key) else {
                    continue;
                };
                // inotify does not report that a folder was removed while a file in it is still open
                if let (true, Some(name)) = (flags.contains(ReadFlags::ISDIR), name) {
                    moved.extend(self.swapped_below(&entry.on.join(name)));
                }
                if flags.intersects(SELF_GONE) {
                    moved.push(*key);
                } else if entry.is_armed() {
                    // a change of the folder's own attributes has no name
                    changes.add(*key, name.clone());
                } else if name.as_deref().is_none_or(|name| is_next(entry, name)) {
                    moved.push(*key);
                }
            }
        }
        moved.order();
        moved.dedup();
        for key in moved {
            self.rearm(key, &mut changes);
        }
        changes
    }
}

/// Whether `name` is the next missing folder on the path to the target.
fn is_next(entry: &Entry, name: &OsStr) -> bool {
    let rest = entry.target.strip_prefix(&entry.on).ok();
    rest.and_then(|rest| rest.iter().next()).is_none_or(|next| next == name)
}

/// The events of a burst, merged by watch and name.
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
