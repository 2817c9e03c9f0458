//! Opening the history file: checks, settings of the connection, and what happens to a file that cannot be used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::error::StoreError;
use super::migrate;
use crate::files;
use crate::redact;

/// How long a call waits by default for another process that is writing.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum size of the file, in pages of 4 KiB: 64 MiB.
pub(super) const MAX_PAGES: i64 = 16_384;

/// A file that could not be used and was renamed.
#[derive(Debug)]
pub struct SetAside {
    /// Its new path.
    pub path: PathBuf,
    /// Why it could not be used.
    pub why: StoreError,
}

/// Opens the file for writing and migrates it; creates it, and the folders above it, where it is missing. A file that
/// is damaged, no history, or written by a newer Gatelight is renamed, and a new one is begun.
pub(super) fn open_or_create(
    path: &Path,
    now: Timestamp,
    busy: Duration,
) -> Result<(Connection, Option<SetAside>), StoreError> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    match open_to_write(path, busy) {
        Ok(db) => Ok((db, None)),
        Err(why @ (StoreError::Unreadable(_) | StoreError::Newer { .. })) => {
            let set_aside = SetAside { path: rename(path, now)?, why };
            Ok((open_to_write(path, busy)?, Some(set_aside)))
        }
        Err(error) => Err(error),
    }
}

/// Opens a file of the present version for writing. `None` where there is none; any other file is an error and stays
/// as it is.
pub(super) fn open_present(path: &Path) -> Result<Option<Connection>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    check_regular(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    wait_when_busy(&db, BUSY_TIMEOUT)?;
    let (found, known) = (migrate::version(&db)?, migrate::VERSION);
    if migrate::application(&db)? != migrate::APPLICATION_ID || found < known {
        return Err(StoreError::Unreadable("it is not of this version, or of another program".into()));
    }
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    limit_size(&db)?;
    Ok(Some(db))
}

/// Opens a file of the present version for reading.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    // a folder that cannot be searched may hold one
    let unreachable =
        |error| StoreError::Io { path: path.to_path_buf(), source: files::in_the_way(path, error) };
    if !path.try_exists().map_err(unreachable)? {
        return Err(StoreError::Missing(path.to_path_buf()));
    }
    check_regular(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    wait_when_busy(&db, BUSY_TIMEOUT)?;
    let known = migrate::VERSION;
    match migrate::version(&db)? {
        0 => Err(StoreError::Missing(path.to_path_buf())),
        found if found > known => Err(StoreError::Newer { found, known }),
        // only the agent migrates: reading an older file would need a reader for each version
        found if found < known => {
            Err(StoreError::Unreadable(format!("version {found}; start Gatelight once")))
        }
        _ => Ok(db),
    }
}

/// Refuses a FIFO, for whose other end SQLite would wait. The file is not opened: closing a descriptor of it would drop
/// the locks that SQLite holds on it (https://sqlite.org/howtocorrupt.html, 2.2).
fn check_regular(path: &Path) -> Result<(), StoreError> {
    let kind = match std::fs::metadata(path) {
        Ok(file) if !file.is_file() => std::io::ErrorKind::NotSeekable,
        _ => return Ok(()),
    };
    Err(StoreError::Io { path: path.to_path_buf(), source: std::io::Error::from(kind) })
}

fn open_to_write(path: &Path, busy: Duration) -> Result<Connection, StoreError> {
    // renamed like any other file that is not a history
    check_regular(path).map_err(|_| StoreError::Unreadable("it is not a regular file".into()))?;
    // SQLite would create a file that everybody can read; its journals get the mode of the file. SQLite reports errors.
    let _ = files::create_private_file(path);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db =
        Connection::open_with_flags(path, flags).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) if path.exists() => {
                StoreError::Unreadable(error.to_string())
            }
            _ => error.into(),
        })?;
    wait_when_busy(&db, busy)?;
    let found = migrate::version(&db)?;
    if found > migrate::VERSION {
        return Err(StoreError::Newer { found, known: migrate::VERSION });
    }
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    if tables > 0 && migrate::application(&db)? != migrate::APPLICATION_ID {
        return Err(StoreError::Unreadable("it is the database of another program".into()));
    }
    if tables == 0 {
        // has to come before the first table
        db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    // Whole transactions survive a kill; a power cut may take the last ones, never the file.
    // 64 kB of pages instead of 2 MB, which a day of incidents would fill: a change is one small write, and the check below
    // reads every page once.
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 1048576;
         PRAGMA wal_autocheckpoint = 256; PRAGMA cache_size = -64",
    )?;
    limit_size(&db)?;
    let check: String = db.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
    if check != "ok" {
        return Err(StoreError::Unreadable(redact::one_line(&check, 200)));
    }
    migrate::migrate(&mut db, migrate::STEPS)?;
    Ok(db)
}

fn limit_size(db: &Connection) -> rusqlite::Result<()> {
    db.query_row(&format!("PRAGMA max_page_count = {MAX_PAGES}"), [], |r| r.get::<_, i64>(0)).map(drop)
}

/// Makes calls wait up to `busy` for another process that is writing.
///
/// By pragma: `Connection::busy_timeout` also calls `sqlite3_set_clientdata` (SQLite 3.44), which the library of macOS 13
/// to 15 does not have, and dyld would not start a program that names it.
fn wait_when_busy(db: &Connection, busy: Duration) -> rusqlite::Result<()> {
    db.pragma_update(None, "busy_timeout", busy.as_millis() as i64)
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    files::create_private_folder(folder)
        .map_err(|source| StoreError::Io { path: folder.to_path_buf(), source })
}

/// Renames the file with its write-ahead log, which would otherwise be replayed into the next file.
fn rename(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let free = (0..1000).find_map(|n| {
        let tail = if n == 0 { String::new() } else { format!("-{n}") };
        let to = path.with_file_name(format!("{name}.set-aside-{stamp}{tail}"));
        (!to.exists()).then_some(to)
    });
    let to = free.ok_or_else(|| StoreError::Io {
        path: path.to_path_buf(),
        source: std::io::Error::from(std::io::ErrorKind::AlreadyExists),
    })?;
    let with_tail = |path: &Path, tail: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(tail);
        PathBuf::from(name)
    };
    for tail in ["-wal", "-shm", ""] {
        match std::fs::rename(with_tail(path, tail), with_tail(&to, tail)) {
            Err(source) if tail.is_empty() || source.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Io { path: with_tail(path, tail), source });
            }
            _ => {}
        }
    }
    Ok(to)
}

/// Runs `work` as one transaction that takes the write lock at once.
pub(super) fn transaction<T>(
    db: &mut Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifo_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        crate::files::make_fifo(&path);
        assert!(open_to_read(&path).is_err());
        assert!(open_present(&path).is_err());
        let (_, aside) = open_or_create(&path, Timestamp::UNIX_EPOCH, BUSY_TIMEOUT).unwrap();
        assert!(aside.is_some_and(|aside| aside.path.exists()) && path.is_file());
    }
}
