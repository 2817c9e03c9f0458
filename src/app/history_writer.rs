//! Writes the agent's history: changes, restarts, and which spans were observed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::coverage::{ClockReading, Coverage, Observed};
use super::engine::Engine;
use super::messages::Answer;
use crate::config::Config;
use crate::health::evidence::PlatformName;
use crate::health::{Change, Light, LinkVerdict, Reason, Verdict};
use crate::history::queue::Queue;
use crate::history::{ChangeRow, RestartRow, Row, Store, StoreError};
use crate::log;
use crate::order::Collect as _;
use crate::profile::Profile;
use crate::restart::RestartView;
use crate::text::{Both, Lang, Worded as _};
use crate::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};

/// How long a write waits while another program keeps the history locked. The engine's loop is blocked as long.
const BUSY_TIMEOUT: Duration = Duration::from_millis(100);
/// How often a locked history is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// How long the end of the agent waits for a locked history.
const LAST_TRY: Duration = Duration::from_secs(1);

/// Writes the history. While another program keeps it locked, rows wait in a [`Queue`]. A write that fails otherwise is
/// reported; the history then has a gap, which counts as unknown.
pub(super) struct HistoryWriter {
    file: PathBuf,
    retention: SignedDuration,
    lang: Lang,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    store: Option<Store>,
    coverage: Coverage,
    /// Rows are missing: a new run begins with the next write of the coverage.
    incomplete: bool,
    /// The last written state of each link, by profile and platform; only for profiles with several links.
    links: BTreeMap<(String, PlatformName), LinkVerdict>,
    /// The profiles of the last snapshot.
    known: BTreeMap<String, Arc<Profile>>,
    queue: Queue,
    /// When the history was last found locked by another program; `None`: it is not.
    locked: Option<Instant>,
}

impl HistoryWriter {
    /// Opens the history. Returns also what the user should know if that failed or a new history was begun.
    pub(super) fn open(engine: &Engine, snapshots: watch::Receiver<Arc<Snapshot>>) -> (Self, Option<Answer>) {
        let file = engine.history_file();
        let mut writer = Self {
            queue: Queue::load(&file, Timestamp::now()),
            file,
            retention: retention(&engine.config),
            lang: engine.lang,
            snapshots,
            store: None,
            coverage: Coverage::from_now(),
            incomplete: false,
            links: BTreeMap::new(),
            known: BTreeMap::new(),
            locked: None,
        };
        let answer = match writer.open_store() {
            Ok(store) => {
                let set_aside = store.set_aside().map(|old| {
                    Answer::HistorySetAside(Both::each(|lang| old.why.text(lang)), old.path.clone())
                });
                writer.store = Some(store);
                writer.flush();
                set_aside
            }
            Err(StoreError::Busy) => {
                writer.wait();
                None
            }
            Err(error) => Some(Answer::NoHistory(Both::each(|lang| error.text(lang)), writer.file.clone())),
        };
        (writer, answer)
    }

    fn open_store(&self) -> Result<Store, StoreError> {
        Store::open_waiting(&self.file, Timestamp::now(), self.retention, BUSY_TIMEOUT)
    }

    /// Opens the history if that failed before: the disk may have space again.
    pub(super) fn reopen(&mut self) {
        if self.store.is_none()
            && self.locked.is_none()
            && let Ok(store) = self.open_store()
        {
            self.store = Some(store);
            self.coverage = Coverage::from_now();
            self.begin_run(Timestamp::now());
        }
    }

    /// Applies new settings.
    pub(super) fn apply_settings(&mut self, engine: &Engine) {
        self.lang = engine.lang;
        self.retention = retention(&engine.config);
        self.store = self.store.take().map(|store| store.keeping(self.retention));
    }

    /// Changes were lost: a new run begins with the next write of the coverage.
    pub(super) fn mark_incomplete(&mut self) {
        self.incomplete = true;
    }

    /// Writes a change.
    pub(super) fn write_change(&mut self, change: &ProfileChange) {
        self.write(Row::Change(change.profile.name.clone(), ChangeRow::new(change, 0)));
    }

    /// Writes changed links of profiles with several links.
    pub(super) fn write_links(&mut self, snapshot: &Snapshot) {
        for view in &snapshot.profiles {
            for link in self.links_of(view) {
                self.write_link(&view.profile.name, link, snapshot.at);
            }
        }
    }

    fn write_link(&mut self, profile: &str, link: LinkVerdict, at: Timestamp) {
        let key = (profile.to_owned(), link.platform.clone());
        let shown = |link: &LinkVerdict| (link.light, link.reason, link.ignored);
        if self.links.get(&key).map(shown) != Some(shown(&link)) {
            self.write(Row::Link(profile.to_owned(), ChangeRow::of_link(&link, at)));
            self.links.insert(key, link);
        }
    }

    /// The links to write: those of the verdict, and those that were written before and are missing in it.
    fn links_of(&self, view: &ProfileView) -> Vec<LinkVerdict> {
        let Verdict { links, reason, since, .. } = &*view.verdict;
        let name = &view.profile.name;
        if links.len() < 2 && self.written_links(name).next().is_none() {
            return Vec::new();
        }
        let is_gone = |old: &&LinkVerdict| links.iter().all(|link| link.platform != old.platform);
        let gone = self.written_links(name).filter(is_gone).map(|old| match links.as_slice() {
            // the gateway is gone, and all its links with it
            [] => LinkVerdict { reason: *reason, light: view.verdict.light(), ..unknown(old, *since) },
            _ => unknown(old, *since),
        });
        gone.chain(links.iter().cloned()).collect()
    }

    /// The state of a profile's links that was last written.
    fn written_links(&self, profile: &str) -> impl Iterator<Item = &LinkVerdict> {
        self.links.iter().filter(move |((name, _), _)| name == profile).map(|(_, link)| link)
    }

    /// Writes the outcome of a restart.
    pub(super) fn write_restart(&mut self, name: &str, view: &RestartView) {
        if let Some(row) = RestartRow::new(view, Timestamp::now()) {
            self.write(Row::Restart(name.to_owned(), row));
        }
    }

    /// Writes that removed profiles are unknown from now on.
    pub(super) fn forget_removed(&mut self, snapshot: &Snapshot) {
        let there = snapshot.profiles.iter();
        let there = there.map(|view| (view.profile.name.clone(), Arc::clone(&view.profile))).to_map();
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
                from: Verdict::unknown(at).glance(),
                to: Verdict::unknown(at),
            };
            let links: Vec<LinkVerdict> = self.written_links(&name).cloned().collect();
            for link in links {
                self.write_link(&name, unknown(&link, at), at);
            }
            self.links.retain(|(profile, _), _| *profile != name);
            self.write_change(&ProfileChange { profile, change, history: false });
        }
    }

    /// Writes the time that was observed since the last call, without the time in which the machine slept, this process was
    /// stopped or the clock was set.
    pub(super) fn write_coverage(&mut self) {
        if self.store.is_none() && self.locked.is_none() {
            return;
        }
        let now = ClockReading::now();
        match self.coverage.advance(now) {
            Observed::Span(from, to) if !self.incomplete => self.write(Row::Observed(from, to)),
            Observed::Unknown if !self.incomplete => {}
            _ => self.begin_run(now.wall),
        }
    }

    /// Begins a new run with the present verdicts, because earlier rows do not apply to it.
    fn begin_run(&mut self, now: Timestamp) {
        self.incomplete = false;
        self.write(Row::Begin(now));
        let snapshot = self.snapshots.borrow().clone();
        for view in &snapshot.profiles {
            let profile = Arc::clone(&view.profile);
            let (from, to) = (Verdict::unknown(now).glance(), Verdict::clone(&view.verdict));
            let change = Change { at: now, profile: profile.name.as_str().into(), from, to };
            self.write_change(&ProfileChange { profile, change, history: true });
        }
        self.links.clear();
        self.write_links(&snapshot);
    }

    fn write(&mut self, row: Row) {
        if self.store.is_none() && self.locked.is_none() {
            return;
        }
        if !self.queue.push(row) {
            tracing::warn!("history locked for too long: what waited is dropped");
            self.incomplete = true;
        }
        match self.locked {
            Some(last) if last.elapsed() < RETRY => self.save(),
            _ => self.flush(),
        }
    }

    /// When to call [`Self::flush`] to try a locked history again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.locked.map(|last| last + RETRY)
    }

    /// Writes the queued rows.
    pub(super) fn flush(&mut self) {
        if self.store.is_none() && self.locked.is_some() {
            match self.open_store() {
                Ok(store) => self.store = Some(store),
                Err(StoreError::Busy) => return self.wait(),
                Err(error) => {
                    self.locked = None;
                    return self.report(&error);
                }
            }
        }
        let Some(store) = &mut self.store else { return };
        while !self.queue.is_empty() {
            match self.queue.write_to(store) {
                Ok(()) => {}
                Err(StoreError::Busy) => return self.wait(),
                Err(error) => {
                    tracing::warn!("history not written: {error}");
                    log::to_stderr(&error.text(self.lang));
                    self.incomplete = true;
                }
            }
        }
        if self.locked.take().is_some() {
            tracing::info!("history no longer locked");
        }
    }

    /// The history is locked: keeps the queued rows for a later try.
    fn wait(&mut self) {
        if self.locked.replace(Instant::now()).is_none() {
            self.report(&StoreError::Busy);
        }
        self.save();
    }

    fn save(&mut self) {
        if !self.queue.is_empty()
            && let Err(error) = self.queue.save()
        {
            tracing::warn!("waiting rows of the history not kept: {error}");
        }
    }

    /// The end of the agent: tries a locked history a few more times. The next agent writes rows that are still queued.
    pub(super) async fn close(&mut self) {
        let until = Instant::now() + LAST_TRY;
        while self.locked.is_some() && Instant::now() < until {
            tokio::time::sleep(BUSY_TIMEOUT).await;
            self.flush();
        }
    }

    fn report(&self, error: &StoreError) {
        tracing::warn!("history not written: {error}");
        log::to_stderr(&error.text(self.lang));
    }
}

/// The link with an unknown state.
fn unknown(link: &LinkVerdict, since: Timestamp) -> LinkVerdict {
    LinkVerdict { reason: Reason::NoEvidence, light: Light::Grey, since, evidence: None, ..link.clone() }
}

fn retention(config: &Config) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(config.history.keep_days))
}
