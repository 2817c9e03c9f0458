//! Puts a new job file in the place of an old one so that a kill at any instant leaves one of the two, whole.
//!
//! Order: backup (temporary file, fsync, rename), new file (temporary file, owner, mode, extended attributes, fsync), a
//! check that the old one is still the file that was read, rename, fsync of the folder. Temporary files and the backup
//! have names that neither launchd (`*.plist`) nor systemd (`*.service`, `*.conf`) loads.
//!
//! The folder is opened once, and all operations are relative to its descriptor and do not follow links: a file or folder
//! that is replaced by a link in the meantime has no effect.

use std::ffi::{CString, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, statat, unlinkat};

use crate::lock::Lock;
use crate::profile::files::{self, FileError};
use crate::text::{self, Both, Lang, Message, Worded, doctor as phrases};

/// Suffix of a file's backup.
pub const BACKUP: &str = ".gatelight-backup";
/// Suffix of the mark of a repair in progress, see [`mark`].
pub const UNDER_WAY: &str = ".gatelight-under-way";
/// Suffixes of our temporary files.
const TEMPORARY: [&str; 2] = [".gatelight-new", ".gatelight-backup-new"];
/// Most bytes of extended attributes that are copied: names together, and each value.
const XATTR_LIMIT: usize = 64 * 1024;

/// Why a file was not written. The old one is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file could not be read, or must not be followed.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no longer the file that was read.
    #[error("it changed while the repair was prepared")]
    Changed,
    /// Another repair works in this folder.
    #[error("another repair is under way in its folder")]
    Busy,
    /// The system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<rustix::io::Errno> for WriteError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

impl WriteError {
    /// The text for users.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::File(error) => error.text(lang),
            Self::Io(error) => text::error::io(lang, error),
            Self::Changed => lang.pick(phrases::WHY_CHANGED).to_owned(),
            Self::Busy => lang.pick(phrases::WHY_BUSY).to_owned(),
        }
    }
}

impl Worded for WriteError {
    fn message(&self) -> Message {
        Message::verbatim(&Both::each(|lang| self.text(lang)))
    }
}

/// A job file as it was read.
#[derive(Debug, Clone)]
pub struct Original {
    /// The file itself, links resolved.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
    folder: Arc<Folder>,
    mode: u32,
    owner: (u32, u32),
    attributes: Vec<(CString, Vec<u8>)>,
}

impl Original {
    /// Reads a job file. A link that leaves its folder is refused.
    pub fn load(path: &Path) -> Result<Self, WriteError> {
        let home = path.parent().unwrap_or(Path::new("/")).canonicalize()?;
        let mut path = home.join(path.file_name().ok_or(FileError::NotRegular)?);
        if fs::symlink_metadata(&path)?.is_symlink() {
            path = path.canonicalize()?;
            if !path.starts_with(&home) {
                return Err(FileError::LeavesFolder.into());
            }
        }
        // from here on nothing is looked up by its path
        let folder = Folder::of(&path)?;
        let file = folder.open()?;
        let bytes = files::read_open(&file)?;
        let data = file.metadata()?;
        Ok(Self {
            path,
            bytes,
            folder: Arc::new(folder),
            mode: data.mode() & 0o7777,
            owner: (data.uid(), data.gid()),
            attributes: attributes_of(&file),
        })
    }

    /// The path of its backup.
    pub fn backup(&self) -> PathBuf {
        beside(&self.path, BACKUP)
    }
}

/// The path with this suffix appended to its name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether a job file was written again after its repair, most likely by Hermes itself.
pub fn rewritten_since_repair(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    let changed = |path: &Path| fs::symlink_metadata(path).and_then(|data| data.modified());
    match (changed(&path), changed(&beside(&path, BACKUP))) {
        (Ok(file), Ok(backup)) => file > backup,
        _ => false,
    }
}

/// Marks a file whose repair is not verified yet: a run that finds the mark reloads the job. Whatever has the
/// mark's name is replaced, not followed.
pub fn mark(path: &Path) -> io::Result<()> {
    let folder = Folder::of(&mark_of(path))?;
    folder.remove(UNDER_WAY)?;
    folder.create(UNDER_WAY)?.sync_all()
}

/// Whether a repair of this file was begun and neither verified nor reverted.
pub fn is_marked(path: &Path) -> bool {
    fs::symlink_metadata(beside(&mark_of(path), UNDER_WAY)).is_ok()
}

/// Removes the mark. One that cannot be removed only makes the next run reload the job once more.
pub fn unmark(path: &Path) {
    let _ = Folder::of(&mark_of(path)).map(|folder| folder.remove(UNDER_WAY));
}

/// The file that is marked: links resolved, where it exists.
fn mark_of(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// Puts `new` in the place of the file and its old content beside it. `step` is called between any two changes of the
/// disk; a test kills the process there. On an error (a full disk, a file that changed) nothing is left behind except
/// a backup of the unchanged file.
pub fn replace(original: &Original, new: &[u8], step: &mut dyn FnMut()) -> Result<PathBuf, WriteError> {
    let folder = &original.folder;
    let _lock = folder.lock()?;
    folder.remove_temporary(step)?;
    let done = replace_locked(original, new, folder, step);
    if done.is_err() {
        // report the first error
        let _ = folder.remove_temporary(step);
    }
    done
}

fn replace_locked(
    original: &Original,
    new: &[u8],
    folder: &Folder,
    step: &mut dyn FnMut(),
) -> Result<PathBuf, WriteError> {
    let [new_file, new_backup] = TEMPORARY;
    folder.write_whole(new_backup, &original.bytes, original, step)?;
    folder.rename(new_backup, BACKUP)?;
    step();
    folder.sync()?;
    step();
    folder.write_whole(new_file, new, original, step)?;
    if folder.read()? != original.bytes {
        return Err(WriteError::Changed);
    }
    step();
    folder.rename(new_file, "")?;
    step();
    folder.sync()?;
    step();
    Ok(original.backup())
}

/// Puts the backup back in its place, if the file is still what the repair wrote.
pub fn restore(original: &Original, written: &[u8]) -> Result<(), WriteError> {
    let folder = &original.folder;
    let _lock = folder.lock()?;
    if folder.read()? != written {
        return Err(WriteError::Changed);
    }
    folder.rename(BACKUP, "")?;
    folder.sync()
}

/// Removes the temporary files that a killed repair left beside this file. Nothing is done while a repair works there.
pub fn clean(path: &Path) {
    let path = &mark_of(path);
    let left = TEMPORARY.iter().any(|suffix| fs::symlink_metadata(beside(path, suffix)).is_ok());
    if left
        && let Ok(folder) = Folder::of(path)
        && let Ok(_lock) = folder.lock()
    {
        // what cannot be removed now is tried again by the next repair, which reports the reason
        let _ = folder.remove_temporary(&mut || {});
    }
}

/// The folder of one job file, open; its last component is no link. Names in it are the file's own plus a suffix.
#[derive(Debug)]
struct Folder {
    file: File,
    name: OsString,
}

impl Folder {
    fn of(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self { file: rustix::fs::open(folder, flags, Mode::empty())?.into(), name })
    }

    fn name(&self, suffix: &str) -> OsString {
        let mut name = self.name.clone();
        name.push(suffix);
        name
    }

    /// Locks the folder for this repair.
    fn lock(&self) -> Result<Lock, WriteError> {
        // a lock belongs to an open: a duplicate of the descriptor would share the lock of another repair of ours
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Lock::take(openat(&self.file, ".", flags, Mode::empty())?.into())?.ok_or(WriteError::Busy)
    }

    fn sync(&self) -> Result<(), WriteError> {
        Ok(self.file.sync_all()?)
    }

    /// Opens the job file. A link, or anything else that is not a regular file, has replaced the one that was found.
    fn open(&self) -> Result<File, WriteError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file: File = match openat(&self.file, &self.name, flags, Mode::empty()) {
            Ok(file) => file.into(),
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => return Err(WriteError::Changed),
            Err(error) => return Err(error.into()),
        };
        if file.metadata()?.is_file() { Ok(file) } else { Err(WriteError::Changed) }
    }

    fn read(&self) -> Result<Vec<u8>, WriteError> {
        Ok(files::read_open(&self.open()?)?)
    }

    fn create(&self, suffix: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.file, self.name(suffix), flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), WriteError> {
        Ok(renameat(&self.file, self.name(from), &self.file, self.name(to))?)
    }

    /// Removes a file; one that does not exist is removed already.
    fn remove(&self, suffix: &str) -> io::Result<()> {
        match unlinkat(&self.file, self.name(suffix), AtFlags::empty()) {
            Err(error) if error != rustix::io::Errno::NOENT => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Removes what an earlier repair left behind when it was killed. The caller holds the lock.
    fn remove_temporary(&self, step: &mut dyn FnMut()) -> io::Result<()> {
        for suffix in TEMPORARY {
            if statat(&self.file, self.name(suffix), AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                self.remove(suffix)?;
            }
            step();
        }
        Ok(())
    }

    /// Writes a new file with owner, mode and extended attributes of the original.
    fn write_whole(
        &self,
        suffix: &str,
        bytes: &[u8],
        like: &Original,
        step: &mut dyn FnMut(),
    ) -> io::Result<()> {
        let mut file = self.create(suffix)?;
        step();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        file.write_all(first)?;
        step();
        file.write_all(second)?;
        step();
        let data = file.metadata()?;
        if (data.uid(), data.gid()) != like.owner {
            let (owner, group) = like.owner;
            match std::os::unix::fs::fchown(&file, Some(owner), Some(group)) {
                // we cannot set a group that we are not in; it does not matter if the group has the same rights as
                // others
                Err(error)
                    if error.kind() == io::ErrorKind::PermissionDenied
                        && data.uid() == owner
                        && (like.mode >> 3) & 0o7 == like.mode & 0o7 => {}
                done => done?,
            }
        }
        file.set_permissions(Permissions::from_mode(like.mode))?;
        set_attributes(&file, &like.attributes);
        step();
        file.sync_all()?;
        step();
        Ok(())
    }
}

/// The extended attributes of a file (Finder tags, comments, quarantine); none where the file system has none.
fn attributes_of(file: impl AsFd) -> Vec<(CString, Vec<u8>)> {
    let mut names = vec![0_u8; XATTR_LIMIT];
    let Ok(length) = rustix::fs::flistxattr(&file, &mut names) else {
        return Vec::new();
    };
    let names =
        names.get(..length).unwrap_or_default().split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let name = CString::new(name).ok()?;
        let mut value = vec![0_u8; XATTR_LIMIT];
        let length = rustix::fs::fgetxattr(&file, &name, &mut value).ok()?;
        value.truncate(length);
        Some((name, value))
    };
    names.filter_map(value).collect()
}

/// Copies them to a new file. The system may refuse those that it sets itself (`security.…`, `com.apple.provenance`),
/// which does not matter.
fn set_attributes(file: impl AsFd, attributes: &[(CString, Vec<u8>)]) {
    for (name, value) in attributes {
        let _ = rustix::fs::fsetxattr(&file, name, value, rustix::fs::XattrFlags::empty());
    }
}
