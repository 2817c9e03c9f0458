//! The log file. Several processes append to it. It and one rotated file have at most [`MAX_BYTES`] each.
//!
//! The file is opened for each line. Lines are rare (none while nothing happens), and this way a removed folder, a
//! rotation by another process or a full disk that has room again needs no handling. The crates for rotation keep the
//! file open, and either rotate by time alone (tracing-appender) or depend on a date and a compression library
//! (file-rotate, rolling-file).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::files;
use crate::lock::Lock;

/// The size in bytes at which the file is rotated.
const MAX_BYTES: u64 = 1024 * 1024;
/// How many bytes of the end [`tail`] reads.
const TAIL_BYTES: u64 = 32 * 1024;

/// Appends a line; rotates first where it would not fit.
pub(super) fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    append_bounded(path, line, MAX_BYTES)
}

fn append_bounded(path: &Path, line: &[u8], max: u64) -> io::Result<()> {
    let mut file = open(path)?;
    if file.metadata()?.len() + line.len() as u64 > max {
        file = rotate(path, file, line.len() as u64, max)?;
    }
    // one call: with O_APPEND, lines of several processes do not mix
    file.write_all(line)
}

/// Opens the file; creates a missing one that only its owner can read.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    match files::open_with(&mut options, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            files::create_private_folder(path.parent().unwrap_or(Path::new("/")))?;
            files::open_with(&mut options, path)
        }
        opened => opened,
    }
}

/// Renames the full file and returns the new one. One process rotates; the others append to the present file, because a
/// log must not wait for a lock.
fn rotate(path: &Path, full: File, room: u64, max: u64) -> io::Result<File> {
    let Some(_lock) = Lock::take(full)? else { return open(path) };
    // another process may have rotated between our open and our lock
    if fs::metadata(path).map_or(0, |file| file.len()) + room > max {
        fs::rename(path, rotated(path))?;
    }
    open(path)
}

fn rotated(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// The last lines of the log, oldest first, at most `max` of them. Empty where there is no log.
pub(crate) fn tail(path: &Path, max: usize) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for path in [rotated(path), path.to_path_buf()] {
        match files::read_last_lines(&path, TAIL_BYTES) {
            Ok(more) => lines.extend(more.lines().map(str::to_owned)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(lines.split_off(lines.len().saturating_sub(max)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_log_is_bounded_and_its_tail_spans_the_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/gatelight.log");
        assert!(tail(&path, 5).unwrap().is_empty());
        for n in 0..100 {
            append_bounded(&path, format!("line {n:03}\n").as_bytes(), 90).unwrap();
        }
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        assert!(size(&path) <= 90 && size(&rotated(&path)) <= 90);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
        let shown: Vec<String> = (88..100).map(|n| format!("line {n:03}")).collect();
        assert_eq!(tail(&path, 12).unwrap(), shown);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn several_writers_lose_and_mix_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gatelight.log");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for n in 0..50 {
                        append_bounded(path, format!("{writer} {n:02}\n").as_bytes(), 100_000).unwrap();
                    }
                });
            }
        });
        let lines = tail(&path, 1_000).unwrap();
        for writer in 0..4 {
            let prefix = format!("{writer} ");
            let own: Vec<&String> = lines.iter().filter(|line| line.starts_with(&prefix)).collect();
            assert_eq!(own.len(), 50);
            assert!(own.is_sorted());
        }
    }

    #[test]
    fn a_log_that_cannot_be_written_is_an_error_immediately() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        crate::files::make_fifo(&fifo);
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        for path in [fifo.as_path(), folder.path(), Path::new("/dev/full"), &file.join("below")] {
            assert!(append(path, b"x\n").is_err(), "{path:?}");
        }
    }
}
