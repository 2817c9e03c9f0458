//! Opening files of our own and of the user. An open never blocks and never has a side effect: a FIFO, a device, a socket
//! or a folder under the expected name is an error.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// Opens a regular file for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), path)
}

/// Opens a regular file with these options. Anything else is [`ErrorKind::NotSeekable`] or [`ErrorKind::IsADirectory`].
///
/// `O_NONBLOCK`: open(2) of a FIFO waits for its other end otherwise. `O_NOCTTY`: a terminal must not become ours.
pub(crate) fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match options.custom_flags(flags.bits().cast_signed()).open(path) {
        // a FIFO without a reader, a socket, a device without a driver
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => return Err(not_regular()),
        opened => opened?,
    };
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        Ok(file)
    } else if kind.is_dir() {
        Err(ErrorKind::IsADirectory.into())
    } else {
        Err(not_regular())
    }
}

/// Reads a regular file of at most `limit` bytes. A longer one is [`ErrorKind::FileTooLarge`].
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

fn not_regular() -> io::Error {
    ErrorKind::NotSeekable.into()
}

/// By mkfifo(1): macOS has no mknod(2) for a FIFO, and rustix no mkfifo(3).
#[cfg(test)]
pub(crate) fn make_fifo(path: &Path) {
    assert!(std::process::Command::new("/usr/bin/mkfifo").arg(path).status().unwrap().success());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_nothing_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        make_fifo(&fifo);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&fifo, &link).unwrap();
        for (path, kind) in [
            (fifo.as_path(), ErrorKind::NotSeekable),
            (&link, ErrorKind::NotSeekable),
            (Path::new("/dev/zero"), ErrorKind::NotSeekable),
            (folder.path(), ErrorKind::IsADirectory),
            (&folder.path().join("none"), ErrorKind::NotFound),
        ] {
            assert_eq!(read(path, 10).unwrap_err().kind(), kind, "{path:?}");
        }
        let written = open_with(OpenOptions::new().append(true), &fifo).unwrap_err();
        assert_eq!(written.kind(), ErrorKind::NotSeekable);
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
