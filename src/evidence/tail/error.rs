//! Why a log cannot be read.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::generation::open_regular;
use crate::health::{FileKind, Unreadable, WhyUnreadable};

/// Why a log cannot be followed now. The next poll tries again; open files are still read.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// A folder, FIFO, socket or device is in its place.
    #[error("{path} is not a file")]
    NotAFile {
        /// The log's path.
        path: PathBuf,
        /// What is there.
        kind: FileKind,
    },
    /// No permission to read it, or to enter its folder.
    #[error("no permission to read {path}")]
    Denied {
        /// The log's path.
        path: PathBuf,
    },
    /// A loop of symlinks.
    #[error("{path} is a loop of symlinks")]
    Loop {
        /// The log's path.
        path: PathBuf,
    },
    /// Anything else: a vanished volume, no descriptors left.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// The log's path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl TailError {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match Errno::from_io_error(&source) {
            Some(Errno::ACCESS | Errno::PERM) => Self::Denied { path },
            Some(Errno::LOOP) => Self::Loop { path },
            _ => Self::Io { path, source },
        }
    }
}

impl From<&TailError> for Unreadable {
    fn from(error: &TailError) -> Self {
        let (path, why) = match error {
            TailError::NotAFile { path, kind } => (path, WhyUnreadable::NotAFile(*kind)),
            TailError::Denied { path } => (path, WhyUnreadable::Denied),
            TailError::Loop { path } => (path, WhyUnreadable::Loop),
            TailError::Io { path, source } => {
                (path, WhyUnreadable::System(source.raw_os_error().ok_or_else(|| source.to_string())))
            }
        };
        Self { path: path.display().to_string(), why }
    }
}

/// Checks whether the log can be opened now. A log that does not exist is not an error: it may appear.
pub fn check(path: &Path) -> Result<(), TailError> {
    let failed = |error: io::Error| if is_gone(&error) { Ok(()) } else { Err(TailError::new(path, error)) };
    match open_regular(path) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => std::fs::metadata(path).map_or_else(failed, |meta| {
            Err(TailError::NotAFile { path: path.to_owned(), kind: kind_of(&meta) })
        }),
        Err(error) => failed(error),
    }
}

/// Whether there is no file of this name, or no folder for it.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR))
}

pub(super) fn kind_of(meta: &Metadata) -> FileKind {
    use std::os::unix::fs::FileTypeExt;
    let kind = meta.file_type();
    if kind.is_dir() {
        FileKind::Folder
    } else if kind.is_fifo() {
        FileKind::Fifo
    } else if kind.is_socket() {
        FileKind::Socket
    } else if kind.is_char_device() || kind.is_block_device() {
        FileKind::Device
    } else {
        FileKind::Other
    }
}
