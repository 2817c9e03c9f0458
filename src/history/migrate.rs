//! The schema, step by step: `user_version` says how many of the steps a file has had.

use rusqlite::{Connection, TransactionBehavior};

use super::store::StoreError;

/// Marks a file as Gatelight's history (`PRAGMA application_id`): "GtLt".
pub const APPLICATION_ID: i32 = 0x4774_4c74;

/// Every step ever taken, oldest first. Never change one that was released: add another.
///
/// Times are milliseconds since 1970, reasons their codes: readable with `sqlite3` alone.
pub const STEPS: &[&str] = &["
CREATE TABLE runs (
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
) STRICT;
"];

/// The version of this file: how many steps it has had.
pub fn version(db: &Connection) -> rusqlite::Result<usize> {
    db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).map(|v| v.max(0) as usize)
}

/// Takes the steps that the file lacks, each in a transaction of its own: a crash leaves a whole version behind.
pub fn migrate(db: &mut Connection, steps: &[&str]) -> Result<(), StoreError> {
    let found = version(db)?;
    if found > steps.len() {
        return Err(StoreError::Newer { found, known: steps.len() });
    }
    for (i, step) in steps.iter().enumerate().skip(found) {
        let step_transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // somebody else may have taken it while this one waited for the lock
        if version(&step_transaction)? > i {
            continue;
        }
        step_transaction.execute_batch(step)?;
        step_transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        step_transaction.pragma_update(None, "user_version", (i + 1) as i64)?;
        step_transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken_once_and_in_order() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, &["CREATE TABLE a (x)"]).unwrap();
        db.execute("INSERT INTO a VALUES (7)", []).unwrap();
        let two = ["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y DEFAULT 3"];
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
        let steps = ["CREATE TABLE a (x)", "CREATE TABLE b (x); CREATE TABLE a (again)"];
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
