//! The schema as migration steps. `user_version` of a file is the number of steps that were applied to it.

use rusqlite::{Connection, TransactionBehavior, params};

use super::error::StoreError;
use super::old_wordings;
use super::rows::message_column;

/// Marks a file as Gatelight's history (`PRAGMA application_id`): "GtLt".
pub(super) const APPLICATION_ID: i32 = 0x4774_4c74;

/// One step: migrates a file from the version before to the next.
pub(super) type Step = fn(&Connection) -> rusqlite::Result<()>;

/// Every step ever released, oldest first. Never change one: add another.
pub(super) const STEPS: &[Step] = &[create, store_codes, store_links];

/// The version that this program writes.
pub(super) const VERSION: usize = STEPS.len();

/// Times are milliseconds since 1970, reasons are codes: readable with `sqlite3` alone.
fn create(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    version TEXT NOT NULL
) STRICT;
CREATE TABLE profiles (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE changes (
    profile INTEGER NOT NULL REFERENCES profiles (id),
    at INTEGER NOT NULL,
    run INTEGER NOT NULL,
    was TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    source TEXT,
    line TEXT,
    line_at INTEGER,
    pid INTEGER,
    started_at INTEGER,
    history INTEGER NOT NULL,
    PRIMARY KEY (profile, run, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_by_time ON changes (at);
CREATE TABLE restarts (
    profile INTEGER NOT NULL REFERENCES profiles (id),
    asked_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    result TEXT NOT NULL,
    why TEXT NOT NULL,
    killed INTEGER NOT NULL,
    PRIMARY KEY (profile, asked_at)
) STRICT, WITHOUT ROWID;
CREATE TABLE watched (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL
) STRICT;",
    )
}

/// Version 1 stored why a restart failed as a sentence, in the language of that time. Version 2 stores the step
/// (unknown for older rows) and a message: a JSON object with a code and its values.
fn store_codes(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "ALTER TABLE restarts ADD COLUMN step TEXT; ALTER TABLE restarts ADD COLUMN message TEXT",
    )?;
    let mut select = db.prepare("SELECT DISTINCT why FROM restarts WHERE why <> ''")?;
    let sentences: Vec<String> = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for why in sentences {
        let message = message_column(&old_wordings::parse(&why))?;
        db.execute("UPDATE restarts SET message = ?1 WHERE why = ?2", params![message, why])?;
    }
    db.execute_batch(
        "ALTER TABLE restarts DROP COLUMN why; ALTER TABLE restarts RENAME COLUMN message TO why",
    )
}

/// Version 2 stored neither whose link a reason was about, nor a light that is not that of its reason; nothing says them
/// of older rows. Version 3 does, and stores the changes of single links of profiles with several.
fn store_links(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "ALTER TABLE changes ADD COLUMN light TEXT;
ALTER TABLE changes ADD COLUMN platform TEXT;
CREATE TABLE links (
    profile INTEGER NOT NULL REFERENCES profiles (id),
    platform TEXT NOT NULL,
    at INTEGER NOT NULL,
    run INTEGER NOT NULL,
    reason TEXT NOT NULL,
    light TEXT NOT NULL,
    since INTEGER NOT NULL,
    source TEXT,
    line TEXT,
    line_at INTEGER,
    PRIMARY KEY (profile, platform, run, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_time ON links (at);",
    )
}

/// The version of this file.
pub(super) fn version(db: &Connection) -> rusqlite::Result<usize> {
    db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).map(|v| v.max(0) as usize)
}

/// The `application_id` of this file.
pub(super) fn application(db: &Connection) -> rusqlite::Result<i32> {
    db.query_row("PRAGMA application_id", [], |row| row.get(0))
}

/// Runs the missing steps, each in its own transaction: after a crash the file has a complete version.
pub(super) fn migrate(db: &mut Connection, steps: &[Step]) -> Result<(), StoreError> {
    let found = version(db)?;
    if found > steps.len() {
        return Err(StoreError::Newer { found, known: steps.len() });
    }
    for (i, step) in steps.iter().enumerate().skip(found) {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // another process may have applied it while this one waited for the lock
        if version(&transaction)? > i {
            continue;
        }
        step(&transaction)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", (i + 1) as i64)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken_once_and_in_order() {
        let mut db = Connection::open_in_memory().unwrap();
        let create: Step = |db| db.execute_batch("CREATE TABLE a (x)");
        migrate(&mut db, &[create]).unwrap();
        db.execute("INSERT INTO a VALUES (7)", []).unwrap();
        let two: [Step; 2] = [create, |db| db.execute_batch("ALTER TABLE a ADD COLUMN y DEFAULT 3")];
        migrate(&mut db, &two).unwrap();
        migrate(&mut db, &two).unwrap();
        let found: (i64, i64) =
            db.query_row("SELECT x, y FROM a", [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
        assert_eq!(found, (7, 3));
        assert_eq!(version(&db).unwrap(), 2);
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before() {
        let mut db = Connection::open_in_memory().unwrap();
        let steps: [Step; 2] = [
            |db| db.execute_batch("CREATE TABLE a (x)"),
            |db| db.execute_batch("CREATE TABLE b (x); CREATE TABLE a (again)"),
        ];
        assert!(migrate(&mut db, &steps).is_err());
        assert_eq!(version(&db).unwrap(), 1);
        let tables: i64 =
            db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'b'", [], |r| r.get(0)).unwrap();
        assert_eq!(tables, 0, "half a step was kept");
    }

    #[test]
    fn a_newer_file_is_refused_by_its_number() {
        let mut db = Connection::open_in_memory().unwrap();
        db.pragma_update(None, "user_version", 9).unwrap();
        match migrate(&mut db, STEPS) {
            Err(StoreError::Newer { found: 9, known }) => assert_eq!(known, STEPS.len()),
            other => panic!("{other:?}"),
        }
    }
}
