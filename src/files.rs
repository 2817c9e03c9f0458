//! Opening and reading files with a bound. An open never blocks and has no side effect: what is not a regular file (a
//! FIFO, a device, a socket, a folder) is an error.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::text::error;

/// Opens a regular file for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), path)
}

/// Opens a regular file with these options. Anything else is [`ErrorKind::NotSeekable`] or [`ErrorKind::IsADirectory`].
///
/// The kind is checked before the open, because a FIFO's writer and a device notice one, and again after it, because the
/// file may have been replaced meanwhile. For that case the flags: without `O_NONBLOCK`, open(2) waits for the other end
/// of a FIFO; without `O_NOCTTY`, a terminal may become ours.
pub(crate) fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    match path.metadata() {
        Ok(found) => require_regular(&found)?,
        // the options decide whether it is created
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    require_regular(&file.metadata()?)?;
    Ok(file)
}

fn require_regular(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        Ok(())
    } else if found.is_dir() {
        Err(ErrorKind::IsADirectory.into())
    } else {
        Err(ErrorKind::NotSeekable.into())
    }
}

/// Whether [`open`] refused because the path is not a regular file.
pub(crate) fn is_not_regular(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotSeekable | ErrorKind::IsADirectory)
}

/// Reads a regular file of at most `limit` bytes. A longer one is [`ErrorKind::FileTooLarge`].
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_open(&open(path)?, limit)
}

/// Reads an open file from its position on, at most `limit` bytes. More is [`ErrorKind::FileTooLarge`].
pub(crate) fn read_open(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len().min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// [`read`], and whether nobody but the owner of the file can read or write it.
pub(crate) fn read_with_mode(path: &Path, limit: u64) -> io::Result<(Vec<u8>, bool)> {
    let file = open(path)?;
    let others = file.metadata()?.permissions().mode() & 0o077;
    Ok((read_open(&file, limit)?, others == 0))
}

/// Device and inode of what a path leads to: equal for every spelling of it.
pub(crate) fn inode(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|found| (found.dev(), found.ino()))
}

/// Reads the whole lines in the last `limit` bytes of a regular file.
pub(crate) fn read_last_lines(path: &Path, limit: u64) -> io::Result<String> {
    let mut file = open(path)?;
    let start = file.metadata()?.len().saturating_sub(limit);
    let mut before = [b'\n'];
    if start > 0 {
        file.read_exact_at(&mut before, start - 1)?;
    }
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    if before != [b'\n'] {
        let cut = memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1);
        bytes.drain(..cut);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Makes a folder, with those above it where they are missing. An error names what is in the way.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    create_folder_with(DirBuilder::new().recursive(true), folder)
}

/// [`create_folder`] for folders that only their owner can enter.
pub(crate) fn create_private_folder(folder: &Path) -> io::Result<()> {
    create_folder_with(DirBuilder::new().recursive(true).mode(0o700), folder)
}

fn create_folder_with(builder: &DirBuilder, folder: &Path) -> io::Result<()> {
    builder.create(folder).map_err(|error| in_the_way(folder, error))
}

/// The error of an access to `path`; if something is where a folder above it, or the folder itself, should be, that is named.
pub(crate) fn in_the_way(path: &Path, error: io::Error) -> io::Error {
    if !matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::AlreadyExists) {
        return error;
    }
    let is_in_the_way = |path: &&Path| path.symlink_metadata().is_ok() && !path.is_dir();
    path.ancestors().find(is_in_the_way).map_or(error, error::no_folder)
}

/// The symbolic link on this path, or the path itself, whose target does not exist.
pub(crate) fn dangling_link(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|path| path.is_symlink() && !path.exists()).map(Path::to_path_buf)
}

/// Creates an empty file that only its owner can read. One that exists is an error and stays as it is.
pub(crate) fn create_private_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// Writes a file that only its owner can read, whole or not at all: to `path` with the extension `new`, which then takes
/// the place of `path`. The data is on the disk before that. Callers see to it that only one process writes.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut out =
        BufWriter::new(open_with(options.create(true).write(true).truncate(true).mode(0o600), &new)?);
    write(&mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    fs::rename(&new, path)
}

/// With mkfifo(1): macOS has no mknod(2) for FIFOs, and rustix no mkfifo(3).
#[cfg(test)]
pub(crate) fn make_fifo(path: &Path) {
    assert!(std::process::Command::new("/usr/bin/mkfifo").arg(path).status().unwrap().success());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;
    use crate::text::error::io;

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
    fn what_is_in_the_way_of_a_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
        for path in [&file, &link] {
            for wanted in [path.clone(), path.join("a/b")] {
                for made in [create_folder(&wanted), create_private_folder(&wanted)] {
                    let error = made.unwrap_err();
                    let told = [Lang::En, Lang::Zh].map(|lang| io(lang, &error));
                    assert!(told.iter().all(|text| text.contains(&*path.to_string_lossy())), "{told:?}");
                    assert!(told[0].contains("move it") && told[1].contains("移走"), "{told:?}");
                }
            }
        }
        assert_eq!(dangling_link(&link.join("x")), Some(link));
        assert_eq!(dangling_link(&file), None);
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }

    #[test]
    fn the_end_of_a_file_begins_with_a_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        for (limit, lines) in [
            (100, "one\ntwo\nthree\n"),
            (14, "one\ntwo\nthree\n"),
            (13, "two\nthree\n"),
            (10, "two\nthree\n"),
            (9, "three\n"),
            (3, ""),
        ] {
            assert_eq!(read_last_lines(&path, limit).unwrap(), lines, "{limit}");
        }
    }

    /// A reader that waits for a FIFO's writer is released by an open, so an open would be noticed.
    #[test]
    fn a_fifo_is_not_even_opened() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        make_fifo(&fifo);
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let reader = OpenOptions::new().read(true).custom_flags(flags).open(&fifo).unwrap();
        // opens at once now that the FIFO has a reader
        assert_eq!(
            open_with(OpenOptions::new().append(true), &fifo).unwrap_err().kind(),
            ErrorKind::NotSeekable
        );
        // POLLHUP is set once a writer has come and gone
        let mut polled = [rustix::event::PollFd::new(&reader, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut polled, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
        assert!(!polled[0].revents().contains(rustix::event::PollFlags::HUP));
    }
}
