//! Puts a new job file in the place of an old one so that a kill at any instant leaves one of the two, whole.
//!
//! Order: backup (temporary file, fsync, rename), new file (temporary file, owner, mode, fsync), a last look whether the
//! old one is still what was read, rename, fsync of the folder. Temporary files and the backup bear names that neither
//! launchd (`*.plist`) nor systemd (`*.service`, `*.conf`) loads.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::lock::Lock;
use crate::profile::files::{self, FileError};
use crate::text::{self, Lang, doctor as phrases};

/// What is put behind a file's name to name its backup.
pub const BACKUP: &str = ".gatelight-backup";
/// What is put behind a file's name to name the mark of a repair that is under way, see [`mark`].
pub const UNDER_WAY: &str = ".gatelight-under-way";
/// What is put behind a file's name to name our temporary files.
const TEMPORARY: [&str; 2] = [".gatelight-new", ".gatelight-backup-new"];

/// Why a file was not written. The old one stands untouched.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file could not be read, or must not be followed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody changed it since it was read.
    #[error("it changed while the repair was prepared")]
    Changed,
    /// Another repair works in this folder.
    #[error("another repair is under way in its folder")]
    Busy,
    /// The system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl WriteError {
    /// For people.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::File(error) => error.text(lang),
            Self::Io(error) => text::error::io(lang, error),
            Self::Changed => lang.pick(phrases::WHY_CHANGED).to_owned(),
            Self::Busy => lang.pick(phrases::WHY_BUSY).to_owned(),
        }
    }
}

/// A job file as it was read.
#[derive(Debug, Clone)]
pub struct Original {
    /// The file itself, links resolved.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
    mode: u32,
    owner: (u32, u32),
}

impl Original {
    /// Reads a job file. A link that leaves its folder is refused.
    pub fn load(path: &Path) -> Result<Self, WriteError> {
        let bytes = files::read_within(path)?;
        let path = path.canonicalize()?;
        let data = fs::symlink_metadata(&path)?;
        Ok(Self { path, bytes, mode: data.mode() & 0o7777, owner: (data.uid(), data.gid()) })
    }

    /// Where its backup goes.
    pub fn backup(&self) -> PathBuf {
        beside(&self.path, BACKUP)
    }
}

/// A file's neighbour: its name with this behind it.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The backup beside a job file that was repaired before, if the file was written again since: somebody, likely Hermes
/// itself, made it anew.
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

/// Marks a file as one whose repair is not proven yet: should we be killed before its job was reloaded, the next run
/// knows.
pub fn mark(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(mark_of(path))?;
    file.sync_all()
}

/// Whether a repair of this file was begun and neither proven nor taken back.
pub fn is_marked(path: &Path) -> bool {
    fs::symlink_metadata(mark_of(path)).is_ok()
}

/// Takes the mark away. What cannot be removed only makes the next run reload the job once more.
pub fn unmark(path: &Path) {
    let _ = fs::remove_file(mark_of(path));
}

fn mark_of(path: &Path) -> PathBuf {
    path.canonicalize().map_or_else(|_| beside(path, UNDER_WAY), |path| beside(&path, UNDER_WAY))
}

/// Puts `new` in the place of the file and its old content beside it. `step` is called between any two changes of the
/// disk; a test kills the process there. On an error (a full disk, a file that changed) nothing of ours stays behind but
/// a backup of what still stands.
pub fn replace(original: &Original, new: &[u8], step: &mut dyn FnMut()) -> Result<PathBuf, WriteError> {
    let folder = lock_folder(&original.path)?;
    remove_strays(&original.path, step)?;
    let done = replace_locked(original, new, folder.file(), step);
    if done.is_err() {
        // the first error is the one to tell
        let _ = remove_strays(&original.path, step);
    }
    done
}

fn replace_locked(
    original: &Original,
    new: &[u8],
    folder: &File,
    step: &mut dyn FnMut(),
) -> Result<PathBuf, WriteError> {
    let backup = original.backup();
    let [new_file, new_backup] = TEMPORARY.map(|suffix| beside(&original.path, suffix));
    write_whole(&new_backup, &original.bytes, original, step)?;
    fs::rename(&new_backup, &backup)?;
    step();
    folder.sync_all()?;
    step();
    write_whole(&new_file, new, original, step)?;
    if fs::symlink_metadata(&original.path)?.is_symlink()
        || files::read_within(&original.path)? != original.bytes
    {
        return Err(WriteError::Changed);
    }
    step();
    fs::rename(&new_file, &original.path)?;
    step();
    folder.sync_all()?;
    step();
    Ok(backup)
}

/// Puts the backup back in its place, if the file is still what the repair wrote.
pub fn restore(original: &Original, written: &[u8]) -> Result<(), WriteError> {
    let folder = lock_folder(&original.path)?;
    if files::read_within(&original.path)? != written {
        return Err(WriteError::Changed);
    }
    fs::rename(original.backup(), &original.path)?;
    folder.file().sync_all()?;
    Ok(())
}

/// Removes what an earlier repair left behind when it was killed. The caller holds the folder's lock, or knows that
/// nobody else repairs.
fn remove_strays(path: &Path, step: &mut dyn FnMut()) -> io::Result<()> {
    for suffix in TEMPORARY {
        match fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => step(),
        }
    }
    Ok(())
}

/// Removes the temporary files that a killed repair left beside this file. Nothing is done while a repair works there.
pub fn clean(path: &Path) {
    let strays = TEMPORARY.iter().any(|suffix| fs::symlink_metadata(beside(path, suffix)).is_ok());
    if strays && let Ok(_folder) = lock_folder(path) {
        // what cannot be removed now is tried again with the next repair, which tells the reason
        let _ = remove_strays(path, &mut || {});
    }
}

/// Takes the folder in which this file lies for this repair alone.
fn lock_folder(file: &Path) -> Result<Lock, WriteError> {
    let folder = File::open(file.parent().unwrap_or(Path::new("/")))?;
    Lock::take(folder)?.ok_or(WriteError::Busy)
}

fn write_whole(path: &Path, bytes: &[u8], like: &Original, step: &mut dyn FnMut()) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(path)?;
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
            // a group that we are not in cannot be given to it; that is no matter where it has no right of its own
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    && data.uid() == owner
                    && (like.mode >> 3) & 0o7 == like.mode & 0o7 => {}
            done => done?,
        }
    }
    file.set_permissions(Permissions::from_mode(like.mode))?;
    step();
    file.sync_all()?;
    step();
    Ok(())
}
