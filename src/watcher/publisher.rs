//! Collects changes and publishes them: at once when the loop has nothing else to do, at intervals during a burst.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::snapshot::{ProfileChange, ProfileView, Snapshot};
use super::updates::{Subscribers, Update};
use crate::health::{Change, Verdict};
use crate::profile::{BadJobFile, Profile};

/// How often a snapshot is published during a burst of events. Each is a copy of everything.
const INTERVAL: Duration = Duration::from_millis(10);

/// Publishes updates to the subscribers, and the newest snapshot.
pub(super) struct Publisher {
    snapshot: watch::Sender<Arc<Snapshot>>,
    subscribers: Subscribers,
    /// Changes since the last update.
    changes: Vec<ProfileChange>,
    /// The machine woke since the last update.
    woke: bool,
    /// Since when the published snapshot may be out of date.
    stale: Option<Instant>,
}

impl Publisher {
    pub(super) fn new() -> (Self, watch::Receiver<Arc<Snapshot>>, Subscribers) {
        let (at, profiles, bad_files) = (Timestamp::now(), Vec::new(), Vec::new());
        let empty = Snapshot { at, profiles, bad_files, complete: false };
        let (snapshot, snapshots) = watch::channel(Arc::new(empty));
        let subscribers = Subscribers::default();
        let publisher = Self {
            snapshot,
            subscribers: subscribers.clone(),
            changes: Vec::new(),
            woke: false,
            stale: None,
        };
        (publisher, snapshots, subscribers)
    }

    /// Notes that the published snapshot may be out of date.
    pub(super) fn mark_stale(&mut self) {
        self.stale.get_or_insert_with(Instant::now);
    }

    pub(super) fn mark_woke(&mut self) {
        self.woke = true;
        self.mark_stale();
    }

    pub(super) fn record(
        &mut self,
        profile: &Arc<Profile>,
        changes: impl IntoIterator<Item = Change>,
        history: bool,
    ) {
        let changes = changes.into_iter();
        self.changes.extend(changes.map(|change| ProfileChange {
            profile: Arc::clone(profile),
            change,
            history,
        }));
        self.mark_stale();
    }

    pub(super) fn is_stale(&self) -> bool {
        self.stale.is_some()
    }

    /// Whether the snapshot must be published even if more events are waiting.
    pub(super) fn is_overdue(&self) -> bool {
        self.stale.is_some_and(|since| since.elapsed() >= INTERVAL)
    }

    /// Publishes all profiles as unknown: until they are found again, nothing confirms their verdicts.
    pub(super) fn publish_unknown(&mut self, at: Timestamp) {
        self.changes.clear();
        let old = self.snapshot.borrow().clone();
        let mut profiles = old.profiles.clone();
        for view in &mut profiles {
            let from = std::mem::replace(&mut view.verdict, Verdict::unknown(at).into()).glance();
            let profile = view.profile.name.as_str().into();
            let change = Change { at, profile, from, to: Verdict::clone(&view.verdict) };
            if change.from.light() != change.to.light() {
                self.record(&view.profile, [change], false);
            }
        }
        self.publish(at, profiles, old.bad_files.clone(), false);
    }

    /// Publishes the changes and the new state, unless nothing differs from the last update.
    pub(super) fn publish(
        &mut self,
        at: Timestamp,
        profiles: Vec<ProfileView>,
        bad_files: Vec<BadJobFile>,
        complete: bool,
    ) {
        self.stale = None;
        let old = self.snapshot.borrow().clone();
        let same = old.complete == complete && old.profiles == profiles && old.bad_files == bad_files;
        let (changes, woke) = (std::mem::take(&mut self.changes), std::mem::take(&mut self.woke));
        if same && changes.is_empty() && !woke {
            return;
        }
        let snapshot = if same { old } else { Arc::new(Snapshot { at, profiles, bad_files, complete }) };
        self.subscribers.publish(&Update { snapshot: Arc::clone(&snapshot), changes, woke, missed: 0 });
        if !same {
            self.snapshot.send_replace(snapshot);
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.subscribers.close();
    }
}
