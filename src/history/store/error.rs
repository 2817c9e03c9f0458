//! Why the history could not be used.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::text::{Lang, Message, Worded, history as say};

/// Why the history could not be used.
#[derive(Debug)]
pub enum StoreError {
    /// There is none yet.
    Missing(PathBuf),
    /// A newer Gatelight wrote it.
    Newer {
        /// The version of the file.
        found: usize,
        /// The newest version that this program knows.
        known: usize,
    },
    /// It is damaged, or not a history; with SQLite's message or ours.
    Unreadable(String),
    /// The disk is full, or the history has reached its limit.
    Full(String),
    /// Another process kept it locked.
    Busy,
    /// Any other error of SQLite.
    Sqlite(rusqlite::Error),
    /// Any other error of the system.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Worded for StoreError {
    fn message(&self) -> Message {
        match self {
            Self::Missing(path) => Message::new(say::MISSING).with("path", &**path),
            Self::Newer { found, known } => {
                Message::new(say::NEWER).with("found", found.to_string()).with("known", known.to_string())
            }
            Self::Unreadable(why) => Message::new(say::UNREADABLE).with("why", &**why),
            Self::Full(why) => Message::new(say::FULL).with("why", &**why),
            Self::Busy => Message::new(say::LOCKED),
            Self::Sqlite(error) => Message::new(say::DATABASE).with("why", error.to_string()),
            Self::Io { path, source } => {
                Message::new(say::IO).with("path", &**path).with("why", source.message())
            }
        }
    }
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Unreadable(error.to_string()),
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::TooBig) => {
                Self::Full(error.to_string())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Sqlite(error),
        }
    }
}
