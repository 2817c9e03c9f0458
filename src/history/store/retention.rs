//! Which rows are deleted, and when.

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::error::StoreError;
use super::file::{MAX_PAGES, transaction};
use super::rows::millis;
use crate::history::KEEP;

/// Maximum number of rows of each table. 50,000 changes are one every 2.6 minutes for 90 days.
const MAX_ROWS: i64 = 50_000;
/// Writes between two deletions of old rows.
const PRUNE_EVERY: u32 = 500;
/// A file with fewer free pages than this counts as full when a write fails.
const SPARE_PAGES: i64 = 8;

/// A table with its primary key and the column of its age.
struct Table {
    name: &'static str,
    key: &'static str,
    age: &'static str,
}

const TABLES: [Table; 4] = [
    Table { name: "changes", key: "profile, run, at", age: "at" },
    Table { name: "links", key: "profile, platform, run, at", age: "at" },
    Table { name: "restarts", key: "profile, asked_at", age: "asked_at" },
    Table { name: "watched", key: "id", age: "from_at" },
];

/// How long rows are kept, and when old ones are due to be deleted.
#[derive(Debug)]
pub(super) struct Retention {
    keep: SignedDuration,
    writes: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep: KEEP, writes: 0 }
    }
}

impl Retention {
    /// Keeps rows for this long from now on, at least a day; older ones are due with the next write.
    pub(super) fn set(&mut self, keep: SignedDuration) {
        let keep = keep.max(SignedDuration::from_hours(24));
        if keep != self.keep {
            self.writes = PRUNE_EVERY - 1;
        }
        self.keep = keep;
    }

    /// Counts a write. Returns whether [`Self::prune`] is due before it.
    pub(super) fn is_due(&mut self) -> bool {
        self.writes += 1;
        self.writes.is_multiple_of(PRUNE_EVERY)
    }

    /// Deletes rows that are too old, and the oldest rows of a table that has too many. The newest change of each
    /// profile in each run stays as long as the run has other rows, because it holds until the run's end.
    pub(super) fn prune(&self, db: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
        let before = millis(now.saturating_sub(self.keep).unwrap_or(Timestamp::MIN));
        transaction(db, |db| {
            db.execute("DELETE FROM restarts WHERE ended_at < ?1", [before])?;
            db.execute("DELETE FROM watched WHERE to_at < ?1", [before])?;
            db.execute(
                "DELETE FROM changes WHERE at < ?1
                 AND (run < (SELECT max(id) FROM runs) AND run NOT IN (SELECT run FROM watched)
                 OR EXISTS (SELECT 1 FROM changes AS later WHERE later.profile = changes.profile
                     AND later.run = changes.run AND later.at > changes.at AND later.at <= ?1))",
                [before],
            )?;
            db.execute(
                "DELETE FROM links WHERE at < ?1
                 AND (run < (SELECT max(id) FROM runs) AND run NOT IN (SELECT run FROM watched)
                 OR EXISTS (SELECT 1 FROM links AS later WHERE later.profile = links.profile
                     AND later.platform = links.platform AND later.run = links.run
                     AND later.at > links.at AND later.at <= ?1))",
                [before],
            )?;
            for Table { name, key, age } in TABLES {
                db.execute(
                    &format!(
                        "DELETE FROM {name} WHERE ({key}) IN (SELECT {key} FROM {name} ORDER BY {age}
                         LIMIT max(0, (SELECT count(*) FROM {name}) - ?1))"
                    ),
                    [MAX_ROWS],
                )?;
            }
            db.execute_batch(
                "DELETE FROM profiles WHERE id NOT IN (SELECT profile FROM changes)
                     AND id NOT IN (SELECT profile FROM restarts) AND id NOT IN (SELECT profile FROM links);
                 DELETE FROM runs WHERE id NOT IN (SELECT run FROM changes) AND id NOT IN (SELECT run FROM watched)
                     AND id NOT IN (SELECT run FROM links) AND id < (SELECT max(id) FROM runs)",
            )
        })?;
        db.execute_batch("PRAGMA incremental_vacuum(256)").map_err(StoreError::from)
    }
}

/// Whether the file has reached its own limit, as opposed to a full disk.
pub(super) fn is_at_limit(db: &Connection) -> Result<bool, StoreError> {
    let pages: i64 = db.query_row("PRAGMA page_count", [], |r| r.get(0))?;
    Ok(pages >= MAX_PAGES - SPARE_PAGES)
}

/// Deletes the oldest quarter of every table.
pub(super) fn delete_oldest_quarter(db: &mut Connection) -> Result<(), StoreError> {
    transaction(db, |db| {
        for Table { name, key, age } in TABLES {
            db.execute(
                &format!(
                    "DELETE FROM {name} WHERE ({key}) IN
                     (SELECT {key} FROM {name} ORDER BY {age} LIMIT (SELECT count(*) / 4 FROM {name}))"
                ),
                [],
            )?;
        }
        Ok(())
    })
}
