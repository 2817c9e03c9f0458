//! Reading a window of the history.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;

use super::error::StoreError;
use super::file;
use super::rows::{self, CHANGE_COLUMNS, LINK_COLUMNS, OBSERVED_COLUMNS, RESTART_COLUMNS, millis};
use crate::history::{ChangeRow, ProfileRecord, Record, Window};

/// The history, open for reading. Never changes or moves the file.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
}

impl Reader {
    /// Opens the history of another, perhaps running, Gatelight.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: file::open_to_read(path)? })
    }

    /// What the history at `path` holds of a window; `None` where there is no history yet.
    pub fn window(path: &Path, window: Window) -> Result<Option<Record>, StoreError> {
        match Self::open(path) {
            Ok(reader) => reader.read(window.from, window.to).map(Some),
            Err(StoreError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The window, with the state that each profile entered it with.
    pub fn read(&self, from: Timestamp, to: Timestamp) -> Result<Record, StoreError> {
        read(&self.db, from, to)
    }
}

pub(super) fn read(db: &Connection, from: Timestamp, to: Timestamp) -> Result<Record, StoreError> {
    // one transaction: one consistent state, while the agent continues to write
    let state = db.unchecked_transaction()?;
    let (from, to) = (millis(from), millis(to));
    let mut record = Record::default();
    let mut select = state.prepare(&format!(
        "SELECT {OBSERVED_COLUMNS} FROM watched WHERE to_at >= ?1 AND from_at <= ?2 ORDER BY from_at, id"
    ))?;
    record.observed = select.query_map([from, to], rows::observed)?.collect::<Result<_, _>>()?;
    let mut changes = state.prepare(&format!(
        "SELECT {CHANGE_COLUMNS} FROM changes WHERE profile = ?1 AND at <= ?3
         AND (at >= ?2 OR (run IN (SELECT run FROM watched WHERE to_at >= ?2)
             AND at = (SELECT max(at) FROM changes AS before
                 WHERE before.profile = ?1 AND before.run = changes.run AND before.at < ?2)))
         ORDER BY at, run"
    ))?;
    let mut restarts = state.prepare(&format!(
        "SELECT {RESTART_COLUMNS} FROM restarts
         WHERE profile = ?1 AND ended_at >= ?2 AND asked_at <= ?3 ORDER BY asked_at"
    ))?;
    let mut links = state.prepare(&format!(
        "SELECT {LINK_COLUMNS} FROM links WHERE profile = ?1 AND at <= ?3
         AND (at >= ?2 OR (run IN (SELECT run FROM watched WHERE to_at >= ?2)
             AND at = (SELECT max(at) FROM links AS before
                 WHERE before.profile = ?1 AND before.platform = links.platform AND before.run = links.run
                     AND before.at < ?2)))
         ORDER BY at, run"
    ))?;
    let mut profiles = state.prepare("SELECT id, name FROM profiles ORDER BY name")?;
    let profiles = profiles.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?)))?;
    for profile in profiles {
        let (id, name) = profile?;
        let mut by_platform: BTreeMap<String, Vec<ChangeRow>> = BTreeMap::new();
        for row in links.query_map([id, from, to], rows::change)? {
            let row = row?;
            by_platform.entry(row.platform.clone().unwrap_or_default()).or_default().push(row);
        }
        record.profiles.push(ProfileRecord {
            name,
            changes: changes.query_map([id, from, to], rows::change)?.collect::<Result<_, _>>()?,
            restarts: restarts.query_map([id, from, to], rows::restart)?.collect::<Result<_, _>>()?,
            links: by_platform,
        });
    }
    Ok(record)
}
