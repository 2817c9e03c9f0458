//! Reads job files: regular files of bounded size. Symbolic links are followed, as launchd and systemd do.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::files;
use crate::order::Order as _;
use crate::text::{self, Both, Lang, Message, Worded, profile as say};

/// Largest job file that is read, in bytes. Our choice: those that Hermes writes have 1 to 4 kB.
pub const LARGEST: u64 = 1024 * 1024;
/// Most files of one folder that are read.
pub const MAX_FILES: usize = 2000;
/// Most entries of one folder that are listed.
const MAX_ENTRIES: usize = 50_000;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is a folder, a FIFO or a device.
    #[error("{}", say::NOT_REGULAR[0])]
    NotRegular,
    /// It is larger than [`LARGEST`].
    #[error("{}", say::TOO_LARGE[0])]
    TooLarge,
    /// It is a symbolic link that leaves its folder.
    #[error("{}", say::LEAVES_FOLDER[0])]
    LeavesFolder,
    /// The system refused.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::FileTooLarge => Self::TooLarge,
            _ if files::is_not_regular(&error) => Self::NotRegular,
            _ => Self::Io(error),
        }
    }
}

impl FileError {
    /// The text for users.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Io(error) => text::error::io(lang, error),
            Self::NotRegular => lang.pick(say::NOT_REGULAR).to_owned(),
            Self::TooLarge => lang.pick(say::TOO_LARGE).to_owned(),
            Self::LeavesFolder => lang.pick(say::LEAVES_FOLDER).to_owned(),
        }
    }
}

impl Worded for FileError {
    fn message(&self) -> Message {
        Message::verbatim(&Both::each(|lang| self.text(lang)))
    }
}

/// Whether the file is a symbolic link to one outside its folder. Tools for dotfiles make such links; what they lead to may
/// be generated, so it is read and never changed.
pub fn leaves_folder(path: &Path) -> io::Result<bool> {
    if !fs::symlink_metadata(path)?.is_symlink() {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("/")).canonicalize()?;
    Ok(!path.canonicalize()?.starts_with(folder))
}

/// Reads a whole job file.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    Ok(files::read(path, LARGEST)?)
}

/// Reads an open job file from its position on.
pub fn read_open(file: &File) -> Result<Vec<u8>, FileError> {
    Ok(files::read_open(file, LARGEST)?)
}

/// The entries of a folder whose names are `wanted`, sorted. Where there are more than [`MAX_FILES`], those with
/// `hermes` in their name come first. The second value is true if some were left out. A folder that cannot be read has
/// none.
pub fn list(folder: &Path, wanted: impl Fn(&str) -> bool) -> (Vec<PathBuf>, bool) {
    try_list(folder, wanted).unwrap_or_default()
}

/// Like [`list`]; a folder that cannot be read is an error.
pub(super) fn try_list(folder: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<(Vec<PathBuf>, bool)> {
    let mut seen = 0;
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .inspect(|_| seen += 1)
        .take(MAX_ENTRIES)
        .filter_map(Result::ok)
        .filter(|entry| wanted(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    paths.order_by_key(|path| (!name_of(path).to_ascii_lowercase().contains("hermes"), path.clone()));
    let cut = seen >= MAX_ENTRIES || paths.len() > MAX_FILES;
    paths.truncate(MAX_FILES);
    paths.order();
    Ok((paths, cut))
}

/// A path's last component, as text.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
