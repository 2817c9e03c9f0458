//! Writes the agent's history: changes, restarts, and which spans were observed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::coverage::{ClockReading, Coverage, Observed};
use super::engine::Engine;
use super::messages::Answer;
use crate::config::Config;
use crate::health::{Change, Verdict};
use crate::history::store::{Store, StoreError};
use crate::log;
use crate::profile::Profile;
use crate::restart::RestartView;
use crate::text::{Both, Lang, Worded as _};
use crate::watcher::snapshot::{ProfileChange, Snapshot};

/// Writes the history. A write that fails is reported; what is missing then is marked as unknown in the history.
pub(super) struct HistoryWriter {
    file: PathBuf,
    retention: SignedDuration,
    lang: Lang,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    store: Option<Store>,
    coverage: Coverage,
    /// Changes are missing in the history: a new run begins as soon as it can be written.
    incomplete: bool,
    /// The profiles of the last snapshot.
    known: BTreeMap<String, Arc<Profile>>,
}

impl HistoryWriter {
    /// Opens the history. Also what the user should know if that failed or a new one was begun.
    pub(super) fn open(engine: &Engine, snapshots: watch::Receiver<Arc<Snapshot>>) -> (Self, Option<Answer>) {
        let mut writer = Self {
            file: engine.history_file(),
            retention: retention(&engine.config),
            lang: engine.lang,
            snapshots,
            store: None,
            coverage: Coverage::from_now(),
            incomplete: false,
            known: BTreeMap::new(),
        };
        let answer = match Store::open_keeping(&writer.file, Timestamp::now(), writer.retention) {
            Ok(store) => {
                writer.store.insert(store).set_aside().map(|old| {
                    Answer::HistorySetAside(Both::each(|lang| old.why.text(lang)), old.path.clone())
                })
            }
            Err(error) => Some(Answer::NoHistory(Both::each(|lang| error.text(lang)), writer.file.clone())),
        };
        (writer, answer)
    }

    /// Opens the history if that failed before: the disk may have space again.
    pub(super) fn reopen(&mut self) {
        if self.store.is_none()
            && let Ok(store) = Store::open_keeping(&self.file, Timestamp::now(), self.retention)
        {
            self.store = Some(store);
            self.coverage = Coverage::from_now();
            self.begin_run(Timestamp::now());
        }
    }

    /// Takes over how long rows are kept.
    pub(super) fn apply_settings(&mut self, engine: &Engine) {
        self.lang = engine.lang;
        self.retention = retention(&engine.config);
        self.store = self.store.take().map(|store| store.keeping(self.retention));
    }

    /// Changes were lost: a new run begins at the next write of the coverage.
    pub(super) fn mark_incomplete(&mut self) {
        self.incomplete = true;
    }

    /// Writes a change.
    pub(super) fn write_change(&mut self, change: &ProfileChange) {
        if let Some(store) = &mut self.store
            && let Err(error) = store.record_change(change)
        {
            self.report("change", &error);
            self.incomplete = true;
        }
    }

    /// Writes the outcome of a restart.
    pub(super) fn write_restart(&mut self, name: &str, view: &RestartView) {
        if let Some(store) = &mut self.store
            && let Err(error) = store.record_restart(name, view, Timestamp::now())
        {
            self.report("restart", &error);
        }
    }

    /// Writes that nothing is known any more of profiles that were removed.
    pub(super) fn forget_removed(&mut self, snapshot: &Snapshot) {
        let there = snapshot.profiles.iter();
        let there = there.map(|view| (view.profile.name.clone(), Arc::clone(&view.profile))).collect();
        let known = std::mem::replace(&mut self.known, there);
        for (name, profile) in known {
            if self.known.contains_key(&name) {
                continue;
            }
            self.write_coverage();
            let at = Timestamp::now();
            let change = Change {
                at,
                profile: profile.name.as_str().into(),
                from: Verdict::unknown(at),
                to: Verdict::unknown(at),
            };
            self.write_change(&ProfileChange { profile, change, history: false });
        }
    }

    /// Writes to the history what was observed since the last call. Time in which the machine slept, this process was
    /// stopped or the clock was set is left out.
    pub(super) fn write_coverage(&mut self) {
        let Some(store) = &mut self.store else { return };
        let now = ClockReading::now();
        match self.coverage.advance(now) {
            Observed::Span(from, to) if !self.incomplete => {
                if let Err(error) = store.record_observed(from, to) {
                    self.report("coverage", &error);
                }
            }
            Observed::Unknown if !self.incomplete => {}
            _ => self.begin_run(now.wall),
        }
    }

    /// Begins a new run in the history with the present verdicts: earlier rows say nothing about what follows.
    fn begin_run(&mut self, now: Timestamp) {
        let Some(store) = &mut self.store else { return };
        store.begin_again(now);
        let snapshot = self.snapshots.borrow().clone();
        let written = snapshot.profiles.iter().try_for_each(|view| {
            let name = view.profile.name.as_str().into();
            let change =
                Change { at: now, profile: name, from: Verdict::unknown(now), to: view.verdict.clone() };
            store.record_change(&ProfileChange { profile: Arc::clone(&view.profile), change, history: true })
        });
        self.incomplete = written.is_err();
        if let Err(error) = written {
            self.report("snapshot", &error);
        }
    }

    /// Reports that a row could not be written.
    fn report(&self, row: &str, error: &StoreError) {
        tracing::warn!(row, "history not written: {error}");
        log::to_stderr(&error.text(self.lang));
    }
}

fn retention(config: &Config) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(config.history.keep_days))
}
