//! Writing the history.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::StoreError;
use super::file::{self, SetAside, transaction};
use super::retention::{self, Retention};
use super::rows::{self, millis, profile_id};
use crate::health::LinkVerdict;
use crate::history::{ChangeRow, KEEP, Record, RestartRow, Row};
use crate::redact;
use crate::restart::RestartView;
use crate::watcher::snapshot::ProfileChange;

/// Longest stored name of a profile, in characters.
const MAX_NAME: usize = 100;

/// The history, open for writing.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    opened_at: Timestamp,
    run: Option<Run>,
    retention: Retention,
    set_aside: Option<SetAside>,
}

/// One run of Gatelight, or the part of it since [`Store::begin_again`].
#[derive(Debug, Clone, Copy)]
struct Run {
    id: i64,
    /// The end of what was observed before, in milliseconds. Changes that this run reads from the past are moved up to
    /// here: before it, a run observed something else, or did not know the profile yet.
    observed_before: i64,
}

impl Store {
    /// [`Store::open_keeping`] with the default [`KEEP`].
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, StoreError> {
        Self::open_keeping(path, now, KEEP)
    }

    /// Opens the history for writing; creates it, and the folders above it, where it is missing. A file that is damaged,
    /// no history, or written by a newer Gatelight is renamed and a new one is begun: see [`Store::set_aside`]. What is
    /// older than `keep` (at least a day) is deleted.
    pub fn open_keeping(path: &Path, now: Timestamp, keep: SignedDuration) -> Result<Self, StoreError> {
        Self::open_waiting(path, now, keep, file::BUSY_TIMEOUT)
    }

    /// [`Store::open_keeping`] with a limit for the wait of each call for another process that is writing.
    pub(crate) fn open_waiting(
        path: &Path,
        now: Timestamp,
        keep: SignedDuration,
        busy: Duration,
    ) -> Result<Self, StoreError> {
        let (db, set_aside) = file::open_or_create(path, now, busy)?;
        let mut store =
            Self { db, opened_at: now, run: None, retention: Retention::default(), set_aside }.keeping(keep);
        // deleting needs room too: on a full disk it is done later
        match store.retention.prune(&mut store.db, now) {
            Ok(()) | Err(StoreError::Full(_) | StoreError::Busy) => Ok(store),
            Err(error) => Err(error),
        }
    }

    /// Opens an existing history to add to it. `None` where there is none. A file that cannot be used is an error and
    /// stays where it is: only the agent sets files aside.
    pub fn existing(path: &Path, now: Timestamp) -> Result<Option<Self>, StoreError> {
        let open =
            |db| Self { db, opened_at: now, run: None, retention: Retention::default(), set_aside: None };
        Ok(file::open_present(path)?.map(open))
    }

    /// The unusable file that was renamed when this one was opened.
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// Keeps rows for this long from now on, at least a day; older ones are deleted with the next write.
    #[must_use]
    pub fn keeping(mut self, keep: SignedDuration) -> Self {
        self.retention.set(keep);
        self
    }

    /// Begins a new run: the clock was set back, or a write failed. Earlier rows say nothing about the time that follows,
    /// so the caller has to record the present state of every profile again.
    pub fn begin_again(&mut self, now: Timestamp) {
        self.run = None;
        self.opened_at = now;
    }

    /// Records a change. Changes from the past ([`ProfileChange::history`]) lead to the state in which this run found a
    /// profile.
    pub fn record_change(&mut self, change: &ProfileChange) -> Result<(), StoreError> {
        self.put_change(&change.profile.name, &ChangeRow::new(change, 0))
    }

    fn put_change(&mut self, profile: &str, row: &ChangeRow) -> Result<(), StoreError> {
        let run = self.run()?;
        let row = ChangeRow { run: run.id, ..row.clone() };
        let moved = row.history && millis(row.at) < run.observed_before;
        let name = redact::one_line(profile, MAX_NAME);
        self.write(row.at, |db| {
            let profile = profile_id(db, &name)?;
            // of moved changes only the last one counts; all others are kept, even two of one millisecond
            let at =
                if moved { run.observed_before } else { free_time(db, profile, run.id, millis(row.at))? };
            rows::put_change(db, profile, at, &row)
        })
    }

    /// Records the state of a link from `at` on.
    pub fn record_link(
        &mut self,
        profile: &str,
        link: &LinkVerdict,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.put_link(profile, &ChangeRow::of_link(link, at))
    }

    fn put_link(&mut self, profile: &str, row: &ChangeRow) -> Result<(), StoreError> {
        let row = ChangeRow { run: self.run()?.id, ..row.clone() };
        let name = redact::one_line(profile, MAX_NAME);
        self.write(row.at, |db| rows::put_link(db, profile_id(db, &name)?, &row))
    }

    /// Records a restart that has ended; ignores one that has not.
    pub fn record_restart(
        &mut self,
        profile: &str,
        restart: &RestartView,
        ended_at: Timestamp,
    ) -> Result<(), StoreError> {
        RestartRow::new(restart, ended_at).map_or(Ok(()), |row| self.put_restart(profile, &row))
    }

    fn put_restart(&mut self, profile: &str, row: &RestartRow) -> Result<(), StoreError> {
        let name = redact::one_line(profile, MAX_NAME);
        self.write(row.ended_at, |db| rows::put_restart(db, profile_id(db, &name)?, row))
    }

    /// Writes one row of the agent's queue.
    pub(crate) fn put(&mut self, row: &Row) -> Result<(), StoreError> {
        match row {
            Row::Begin(at) => {
                self.begin_again(*at);
                Ok(())
            }
            Row::Resume(at) => self.resume(*at),
            Row::Change(profile, row) => self.put_change(profile, row),
            Row::Link(profile, row) => self.put_link(profile, row),
            Row::Restart(profile, row) => self.put_restart(profile, row),
            Row::Observed(from, to) => self.record_observed(*from, *to),
        }
    }

    /// Continues the run that began at this time, if this history has it: it may have been set aside since.
    fn resume(&mut self, began: Timestamp) -> Result<(), StoreError> {
        self.begin_again(began);
        let id = "SELECT max(id) FROM runs WHERE started_at = ?1";
        if let Some(id) = self.db.query_row(id, [millis(began)], |r| r.get::<_, Option<i64>>(0))? {
            let observed_before = observed_before(&self.db, millis(began))?;
            self.run = Some(Run { id, observed_before });
        }
        Ok(())
    }

    /// Records that Gatelight observed the span from `from` to `to`. Call it about once a minute and before sleep or
    /// quitting, `from` being the last `to` (or the time of the wake-up or start): adjacent spans are merged.
    pub fn record_observed(&mut self, from: Timestamp, to: Timestamp) -> Result<(), StoreError> {
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
                Some((id, end)) if from_at <= end && to_at >= end => db
                    .prepare_cached("UPDATE watched SET to_at = ?1 WHERE id = ?2")?
                    .execute([to_at, id])
                    .map(drop),
                _ => db
                    .prepare_cached("INSERT INTO watched (run, from_at, to_at) VALUES (?1, ?2, ?3)")?
                    .execute([run, from_at, to_at])
                    .map(drop),
            }
        })?;
        self.run = self.run.map(|run| Run { observed_before: run.observed_before.max(to_at), ..run });
        Ok(())
    }

    /// The window, with the state that each profile entered it with.
    pub fn read(&self, from: Timestamp, to: Timestamp) -> Result<Record, StoreError> {
        super::read::read(&self.db, from, to)
    }

    /// One write in a transaction. If the file has reached its limit, the oldest quarter is deleted first.
    fn write(
        &mut self,
        now: Timestamp,
        work: impl Fn(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        if self.retention.is_due() {
            self.retention.prune(&mut self.db, now)?;
        }
        match transaction(&mut self.db, &work) {
            Err(StoreError::Full(_)) if retention::is_at_limit(&self.db)? => {
                retention::delete_oldest_quarter(&mut self.db)?;
                transaction(&mut self.db, work)
            }
            other => other,
        }
    }

    /// This run. Its row is written with the first change, so that reading writes nothing.
    fn run(&mut self) -> Result<Run, StoreError> {
        if let Some(run) = self.run {
            return Ok(run);
        }
        let opened_at = millis(self.opened_at);
        let run = transaction(&mut self.db, |db| {
            let observed_before = observed_before(db, opened_at)?;
            db.execute(
                "INSERT INTO runs (started_at, version) VALUES (?1, ?2)",
                params![opened_at, env!("CARGO_PKG_VERSION")],
            )?;
            Ok(Run { id: db.last_insert_rowid(), observed_before })
        })?;
        self.run = Some(run);
        Ok(run)
    }
}

/// The end of the last span that was observed before this time. Later spans do not count: the clock may have run ahead.
fn observed_before(db: &Connection, opened_at: i64) -> rusqlite::Result<i64> {
    db.query_row(
        "SELECT coalesce(max(to_at), ?2) FROM watched WHERE to_at <= ?1",
        [opened_at, i64::MIN],
        |r| r.get(0),
    )
}

/// The first millisecond from `at` on at which this run has no change of this profile. Gives up after a second full of
/// changes.
fn free_time(db: &Connection, profile: i64, run: i64, at: i64) -> rusqlite::Result<i64> {
    let mut taken = db.prepare_cached("SELECT 1 FROM changes WHERE profile = ?1 AND run = ?2 AND at = ?3")?;
    let end = at.saturating_add(1000);
    let mut free = at;
    while free < end && taken.exists([profile, run, free])? {
        free += 1;
    }
    Ok(free)
}
