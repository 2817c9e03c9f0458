//! The history file: the agent writes it, and the command line adds its restarts; several readers; nothing lost but the
//! last moment.
//!
//! SQLite with a write-ahead log: a reader never waits for a writer, writers wait for one another ([`BUSY`]), a killed
//! one leaves whole transactions, a full disk fails one call and harms nothing. Calls block for milliseconds; keep them off the event loop.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::{
    ChangeRow, KEEP, ProfileRecord, Record, RestartResult, RestartRow, Watched, Window, migrate, row,
};
use crate::evidence::redact;
use crate::health::{Proof, Reason};
use crate::restart::{RestartOutcome, RestartView};
use crate::text::{self, Lang, Phrase, fill, history as phrases};
use crate::watcher::snapshot::ProfileChange;

/// Most rows of each table. 50,000 changes are one every 2.6 minutes for 90 days.
const ROWS_MAX: i64 = 50_000;
/// The file never grows beyond this many pages of 4 KiB (64 MiB).
const PAGES_MAX: i64 = 16_384;
/// Writes between two rounds of throwing old rows away.
const PRUNE_EVERY: u32 = 500;
/// How long a call waits for another process that is writing.
const BUSY: Duration = Duration::from_secs(2);

/// Why the history could not be used.
#[derive(Debug)]
pub enum StoreError {
    /// There is none yet.
    Missing(PathBuf),
    /// A newer Gatelight wrote it.
    Newer {
        /// The version of the file.
        found: usize,
        /// The newest version known here.
        known: usize,
    },
    /// It is no history, or damaged.
    Unreadable(String),
    /// The disk is full, or the history has reached its bound.
    Full(String),
    /// Another process kept it locked.
    Busy,
    /// Anything else that SQLite says.
    Sqlite(rusqlite::Error),
    /// Anything else that the system says.
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl StoreError {
    /// In words.
    pub fn text(&self, lang: Lang) -> String {
        let say = |phrase: Phrase, values: &[(&str, &str)]| fill(lang.pick(phrase), values);
        match self {
            Self::Missing(path) => say(phrases::MISSING, &[("path", &path.display().to_string())]),
            Self::Newer { found, known } => {
                say(phrases::NEWER, &[("found", &found.to_string()), ("known", &known.to_string())])
            }
            Self::Unreadable(why) => say(phrases::UNREADABLE, &[("why", why)]),
            Self::Full(why) => say(phrases::FULL, &[("why", why)]),
            Self::Busy => lang.pick(phrases::LOCKED).to_owned(),
            Self::Sqlite(error) => say(phrases::DATABASE, &[("why", &error.to_string())]),
            Self::Io { path, source } => format!("{}: {}", path.display(), text::error::io(lang, source)),
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

/// A file that could not be used and was moved out of the way.
#[derive(Debug)]
pub struct SetAside {
    /// Where it lies now.
    pub path: PathBuf,
    /// Why.
    pub why: StoreError,
}

/// The history, open for writing.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    opened_at: Timestamp,
    run: Option<Run>,
    writes: u32,
    keep: SignedDuration,
    set_aside: Option<SetAside>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    id: i64,
    /// Changes of the past are moved up to here: up to here somebody looked, and saw something else or did not know the
    /// profile yet.
    seen_before: i64,
}

impl Store {
    /// [`Store::open_keeping`], with what is kept by default.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, StoreError> {
        Self::open_keeping(path, now, KEEP)
    }

    /// Opens the history for writing; makes it, and the folders above it, where there is none. A file that is
    /// damaged, no history or newer than this program is renamed and a new one begun: see [`Store::set_aside`].
    /// What is older than `keep` (at least a day) is thrown away.
    pub fn open_keeping(path: &Path, now: Timestamp, keep: SignedDuration) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let mut set_aside = None;
        let db = match open_writer(path) {
            Ok(db) => db,
            Err(error @ (StoreError::Unreadable(_) | StoreError::Newer { .. })) => {
                set_aside = Some(SetAside { path: move_away(path, now)?, why: error });
                open_writer(path)?
            }
            Err(error) => return Err(error),
        };
        let store = Self { db, opened_at: now, run: None, writes: 0, keep: KEEP, set_aside };
        let mut store = store.keeping(keep);
        // throwing away needs room too: on a full disk it waits for the next time
        match store.prune(now) {
            Ok(()) | Err(StoreError::Full(_) | StoreError::Busy) => Ok(store),
            Err(error) => Err(error),
        }
    }

    /// Opens a history that is there, to add to it. `None` where there is none. A file that cannot be used is an error
    /// and stays where it is: it is the agent's to set it aside.
    pub fn existing(path: &Path, now: Timestamp) -> Result<Option<Self>, StoreError> {
        if !path.exists() {
            return Ok(None);
        }
        let db = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        wait_when_busy(&db)?;
        let found = migrate::version(&db)?;
        let id: i32 = db.query_row("PRAGMA application_id", [], |r| r.get(0))?;
        if id != migrate::APPLICATION_ID || found < migrate::STEPS.len() {
            return Err(StoreError::Unreadable("it is not of this version, or of another program".into()));
        }
        if found > migrate::STEPS.len() {
            return Err(StoreError::Newer { found, known: migrate::STEPS.len() });
        }
        db.query_row(&format!("PRAGMA max_page_count = {PAGES_MAX}"), [], |r| r.get::<_, i64>(0))?;
        Ok(Some(Self { db, opened_at: now, run: None, writes: 0, keep: KEEP, set_aside: None }))
    }

    /// The file that was in the way when this one was opened, if there was one: to be told to the user once.
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// Keeps history for this long from now on, at least a day; what is older goes with the next write.
    #[must_use]
    pub fn keeping(mut self, keep: SignedDuration) -> Self {
        let keep = keep.max(SignedDuration::from_hours(24));
        if keep != self.keep {
            self.writes = PRUNE_EVERY - 1;
        }
        self.keep = keep;
        self
    }

    /// Takes another run for all that follows: the clock was set back, or something could not be kept. What was said
    /// before reaches into it no more, so the caller has to say anew how things are.
    pub fn begin_again(&mut self, now: Timestamp) {
        self.run = None;
        self.opened_at = now;
    }

    /// Keeps one change. Changes of the past ([`ProfileChange::history`]) tell in what state this run found a profile.
    pub fn record_change(&mut self, change: &ProfileChange) -> Result<(), StoreError> {
        let run = self.run()?;
        let row = row(change, run.id);
        let moved = row.history && millis(row.at) < run.seen_before;
        let at = if moved { run.seen_before } else { millis(row.at) };
        let name = redact::one_line(&change.profile.name, 100);
        self.write(row.at, |db| {
            let profile = profile_id(db, &name)?;
            let evidence = row.evidence.as_ref();
            // of what was moved up only the last state counts; all else is kept, also two changes of one millisecond
            let at = if moved { at } else { free_time(db, profile, run.id, at)? };
            db.prepare_cached(
                "INSERT INTO changes (profile, at, run, was, reason, since, source, line, line_at, pid, started_at, history)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT (profile, run, at) DO UPDATE SET reason = excluded.reason, since = excluded.since,
                     source = excluded.source, line = excluded.line, line_at = excluded.line_at, pid = excluded.pid,
                     started_at = excluded.started_at, history = excluded.history",
            )?
            .execute(params![
                profile,
                at,
                run.id,
                row.from.code(),
                row.to.code(),
                millis(row.since),
                evidence.map(|p| p.source.as_str()),
                evidence.map(|p| p.line.as_str()),
                evidence.map(|p| millis(p.at)),
                row.pid,
                row.started_at.map(millis),
                row.history,
            ])?;
            Ok(())
        })
    }

    /// Keeps one restart that has ended; one that has not is left out.
    pub fn record_restart(
        &mut self,
        profile: &str,
        restart: &RestartView,
        ended_at: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(outcome) = &restart.outcome else {
            return Ok(());
        };
        let (why, killed) = match outcome {
            RestartOutcome::Worked { killed, .. } => (String::new(), *killed),
            RestartOutcome::Failed { why, .. } | RestartOutcome::CannotTell { why, .. } => {
                (redact::clean_line(why, super::LINE_MAX), false)
            }
        };
        let result = RestartResult::from(outcome).word();
        let name = redact::one_line(profile, 100);
        let asked_at = millis(restart.asked_at);
        self.write(ended_at, |db| {
            let profile = profile_id(db, &name)?;
            db.prepare_cached("INSERT OR REPLACE INTO restarts VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![profile, asked_at, millis(ended_at), result, why, killed])?;
            Ok(())
        })
    }

    /// Says that Gatelight looked from `from` to `to`. To be called about once a minute and before sleep or quitting,
    /// `from` being the `to` of the call before (or the time of waking or starting): times that touch become one.
    pub fn watching(&mut self, from: Timestamp, to: Timestamp) -> Result<(), StoreError> {
        if to <= from {
            return Ok(());
        }
        let run = self.run()?.id;
        let (from_at, to_at) = (millis(from), millis(to));
        self.write(to, |db| {
            let last: Option<(i64, i64)> = db
                .prepare_cached("SELECT id, to_at FROM watched WHERE run = ?1 ORDER BY id DESC LIMIT 1")?
                .query_row([run], |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?;
            match last {
                Some((id, end)) if from_at <= end && to_at >= end => {
                    db.prepare_cached("UPDATE watched SET to_at = ?1 WHERE id = ?2")?.execute([to_at, id])?;
                }
                _ => {
                    db.prepare_cached("INSERT INTO watched (run, from_at, to_at) VALUES (?1, ?2, ?3)")?
                        .execute([run, from_at, to_at])?;
                }
            }
            Ok(())
        })?;
        self.run = self.run.map(|run| Run { seen_before: run.seen_before.max(to_at), ..run });
        Ok(())
    }

    /// All that is known of this window, and the state that each profile entered it with.
    pub fn read(&self, from: Timestamp, to: Timestamp) -> Result<Record, StoreError> {
        read(&self.db, from, to)
    }

    /// One write in a transaction; where the bound of the file is reached, the oldest quarter goes first.
    fn write(
        &mut self,
        now: Timestamp,
        work: impl Fn(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.writes += 1;
        if self.writes.is_multiple_of(PRUNE_EVERY) {
            self.prune(now)?;
        }
        match transaction(&mut self.db, &work) {
            Err(StoreError::Full(_)) if self.pages()? >= PAGES_MAX - 8 => {
                transaction(&mut self.db, |db| {
                    for table in ["changes", "restarts", "watched"] {
                        let (key, order) = keys(table);
                        db.execute(
                            &format!(
                                "DELETE FROM {table} WHERE ({key}) IN
                                 (SELECT {key} FROM {table} ORDER BY {order} LIMIT (SELECT count(*) / 4 FROM {table}))"
                            ),
                            [],
                        )?;
                    }
                    Ok(())
                })?;
                transaction(&mut self.db, work)
            }
            other => other,
        }
    }

    fn pages(&self) -> Result<i64, StoreError> {
        Ok(self.db.query_row("PRAGMA page_count", [], |r| r.get(0))?)
    }

    /// The number of this run; taken with its first write, so that a reader of the command line leaves no trace.
    fn run(&mut self) -> Result<Run, StoreError> {
        if let Some(run) = self.run {
            return Ok(run);
        }
        let opened_at = millis(self.opened_at);
        let begin = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // a clock that once ran ahead must not hide all that follows
        let seen_before = begin.query_row(
            "SELECT coalesce(max(to_at), ?2) FROM watched WHERE to_at <= ?1",
            [opened_at, i64::MIN],
            |r| r.get(0),
        )?;
        begin.execute(
            "INSERT INTO runs (started_at, version) VALUES (?1, ?2)",
            params![opened_at, env!("CARGO_PKG_VERSION")],
        )?;
        let run = Run { id: begin.last_insert_rowid(), seen_before };
        begin.commit()?;
        self.run = Some(run);
        Ok(run)
    }

    /// Throws away what is older than the history is kept, and the oldest of too much. The newest change of each
    /// profile in each run of which something is left stays, whatever its age: it says how things are.
    fn prune(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let before = millis(now.saturating_sub(self.keep).unwrap_or(Timestamp::MIN));
        transaction(&mut self.db, |db| {
            db.execute("DELETE FROM restarts WHERE ended_at < ?1", [before])?;
            db.execute("DELETE FROM watched WHERE to_at < ?1", [before])?;
            db.execute(
                "DELETE FROM changes WHERE at < ?1
                 AND (run < (SELECT max(id) FROM runs) AND run NOT IN (SELECT run FROM watched)
                 OR EXISTS (SELECT 1 FROM changes AS later WHERE later.profile = changes.profile
                     AND later.run = changes.run AND later.at > changes.at AND later.at <= ?1))",
                [before],
            )?;
            for table in ["changes", "restarts", "watched"] {
                let (key, order) = keys(table);
                db.execute(
                    &format!(
                        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} ORDER BY {order}
                         LIMIT max(0, (SELECT count(*) FROM {table}) - ?1))"
                    ),
                    [ROWS_MAX],
                )?;
            }
            db.execute(
                "DELETE FROM profiles WHERE id NOT IN (SELECT profile FROM changes)
                 AND id NOT IN (SELECT profile FROM restarts)",
                [],
            )?;
            db.execute(
                "DELETE FROM runs WHERE id NOT IN (SELECT run FROM changes) AND id NOT IN (SELECT run FROM watched)
                 AND id < (SELECT max(id) FROM runs)",
                [],
            )?;
            Ok(())
        })?;
        self.db.execute_batch("PRAGMA incremental_vacuum(256)").map_err(StoreError::from)
    }
}

/// The first millisecond from `at` on at which nothing is kept of this profile yet; gives up after a second full of
/// changes, which nobody could tell apart.
fn free_time(db: &Connection, profile: i64, run: i64, at: i64) -> rusqlite::Result<i64> {
    let mut taken = db.prepare_cached("SELECT 1 FROM changes WHERE profile = ?1 AND run = ?2 AND at = ?3")?;
    let end = at.saturating_add(1000);
    let mut free = at;
    while free < end && taken.exists([profile, run, free])? {
        free += 1;
    }
    Ok(free)
}

/// The history, open for reading. Never changes or moves the file.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
}

impl Reader {
    /// What a history holds of a window; `None` where there is no history yet.
    pub fn window(path: &Path, window: Window) -> Result<Option<Record>, StoreError> {
        match Self::open(path) {
            Ok(reader) => reader.read(window.from, window.to).map(Some),
            Err(StoreError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the history of another, perhaps running, Gatelight.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing(path.to_path_buf()));
        }
        let db = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        wait_when_busy(&db)?;
        let known = migrate::STEPS.len();
        match migrate::version(&db)? {
            0 => Err(StoreError::Missing(path.to_path_buf())),
            found if found > known => Err(StoreError::Newer { found, known }),
            // an older file is brought up by the agent; reading one in between would need a reader for each version
            found if found < known => {
                Err(StoreError::Unreadable(format!("version {found}; start Gatelight once")))
            }
            _ => Ok(Self { db }),
        }
    }

    /// All that is known of this window, and the state that each profile entered it with.
    pub fn read(&self, from: Timestamp, to: Timestamp) -> Result<Record, StoreError> {
        read(&self.db, from, to)
    }
}

fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let mut db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) if path.exists() => {
            StoreError::Unreadable(error.to_string())
        }
        _ => error.into(),
    })?;
    wait_when_busy(&db)?;
    let version = migrate::version(&db)?;
    if version > migrate::STEPS.len() {
        return Err(StoreError::Newer { found: version, known: migrate::STEPS.len() });
    }
    let id: i32 = db.query_row("PRAGMA application_id", [], |r| r.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    if tables > 0 && id != migrate::APPLICATION_ID {
        return Err(StoreError::Unreadable("it is the database of another program".into()));
    }
    if tables == 0 {
        // has to come before the first table
        db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    // whole transactions survive a kill; a power cut may take the last ones, never the file
    // 256 kB of pages instead of 2 MB, which a day of incidents fills: a change is one small write
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 1048576; PRAGMA wal_autocheckpoint = 256;
         PRAGMA cache_size = -256",
    )?;
    db.query_row(&format!("PRAGMA max_page_count = {PAGES_MAX}"), [], |r| r.get::<_, i64>(0))?;
    let sound: String = db.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
    if sound != "ok" {
        return Err(StoreError::Unreadable(redact::one_line(&sound, 200)));
    }
    migrate::migrate(&mut db, migrate::STEPS)?;
    Ok(db)
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| StoreError::Io { path: folder.to_path_buf(), source })
}

/// Renames the file with its write-ahead log; a log left behind would be played into the next file.
fn move_away(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
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
    for tail in ["-wal", "-shm", ""] {
        let with_tail = |p: &Path| {
            let mut name = p.as_os_str().to_owned();
            name.push(tail);
            PathBuf::from(name)
        };
        match std::fs::rename(with_tail(path), with_tail(&to)) {
            Err(error) if tail.is_empty() || error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Io { path: with_tail(path), source: error });
            }
            _ => {}
        }
    }
    Ok(to)
}

fn transaction(
    db: &mut Connection,
    work: impl Fn(&Connection) -> rusqlite::Result<()>,
) -> Result<(), StoreError> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    work(&transaction)?;
    transaction.commit()?;
    Ok(())
}

/// Makes calls wait up to [`BUSY`] for another process that is writing.
///
/// By pragma, since `Connection::busy_timeout` also calls `sqlite3_set_clientdata` (SQLite 3.44), which the library of
/// macOS 13 to 15 does not have: dyld would not start a program that names it.
fn wait_when_busy(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "busy_timeout", BUSY.as_millis() as i64)
}

fn profile_id(db: &Connection, name: &str) -> rusqlite::Result<i64> {
    let found = db
        .prepare_cached("SELECT id FROM profiles WHERE name = ?1")?
        .query_row([name], |r| r.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    db.execute("INSERT INTO profiles (name) VALUES (?1)", [name])?;
    Ok(db.last_insert_rowid())
}

/// Key and order by age of a table.
fn keys(table: &str) -> (&'static str, &'static str) {
    match table {
        "changes" => ("profile, run, at", "at"),
        "restarts" => ("profile, asked_at", "asked_at"),
        _ => ("id", "from_at"),
    }
}

fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn reason(code: &str) -> Reason {
    Reason::from_code(code).unwrap_or(Reason::NoEvidence)
}

fn read(db: &Connection, from: Timestamp, to: Timestamp) -> Result<Record, StoreError> {
    // one transaction: one consistent picture while the agent writes on
    let picture = db.unchecked_transaction()?;
    let (from, to) = (millis(from), millis(to));
    let mut record = Record::default();
    let mut select = picture.prepare(
        "SELECT run, from_at, to_at FROM watched WHERE to_at >= ?1 AND from_at <= ?2 ORDER BY from_at, id",
    )?;
    for row in select.query_map([from, to], |r| {
        Ok(Watched { run: r.get(0)?, from: time(r.get(1)?), to: time(r.get(2)?) })
    })? {
        record.watched.push(row?);
    }
    let mut ids = Vec::new();
    let mut select = picture.prepare("SELECT id, name FROM profiles ORDER BY name")?;
    for row in select.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?)))? {
        let (id, name) = row?;
        ids.push(id);
        record.profiles.push(ProfileRecord { name, ..Default::default() });
    }
    let mut changes = picture.prepare(
        "SELECT at, run, was, reason, since, source, line, line_at, pid, started_at, history FROM changes
         WHERE profile = ?1 AND at <= ?3
         AND (at >= ?2 OR (run IN (SELECT run FROM watched WHERE to_at >= ?2) AND at = (SELECT max(at) FROM changes AS before
             WHERE before.profile = ?1 AND before.run = changes.run AND before.at < ?2)))
         ORDER BY at, run",
    )?;
    let mut restarts = picture.prepare(
        "SELECT asked_at, ended_at, result, why, killed FROM restarts
         WHERE profile = ?1 AND ended_at >= ?2 AND asked_at <= ?3 ORDER BY asked_at",
    )?;
    for (id, profile) in ids.iter().zip(&mut record.profiles) {
        for row in changes.query_map([*id, from, to], |r| {
            let evidence = match (r.get::<_, Option<String>>(5)?, r.get::<_, Option<String>>(6)?, r.get(7)?) {
                (Some(source), Some(line), Some(at)) => {
                    Some(Proof { source: source.into(), line, at: time(at) })
                }
                _ => None,
            };
            Ok(ChangeRow {
                at: time(r.get(0)?),
                run: r.get(1)?,
                from: reason(&r.get::<_, String>(2)?),
                to: reason(&r.get::<_, String>(3)?),
                since: time(r.get(4)?),
                evidence,
                pid: r.get(8)?,
                started_at: r.get::<_, Option<i64>>(9)?.map(time),
                history: r.get(10)?,
            })
        })? {
            profile.changes.push(row?);
        }
        for row in restarts.query_map([*id, from, to], |r| {
            Ok(RestartRow {
                asked_at: time(r.get(0)?),
                ended_at: time(r.get(1)?),
                result: RestartResult::from_word(&r.get::<_, String>(2)?)
                    .unwrap_or(RestartResult::CannotTell),
                why: r.get(3)?,
                killed: r.get(4)?,
            })
        })? {
            profile.restarts.push(row?);
        }
    }
    Ok(record)
}
