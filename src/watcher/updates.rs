//! Passes [`Update`]s, in order, to every subscriber: the only output of the watcher.
//!
//! Each subscriber has a mailbox with room for one update. While the subscriber is busy, newer updates are merged into
//! the waiting one: the newest snapshot, and the changes of all of them up to [`MAX_CHANGES`]. A slow subscriber
//! therefore never blocks the watcher, costs bounded memory, and learns how many changes it lost.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use super::snapshot::{ProfileChange, Snapshot};
use crate::order::Collect as _;

/// Most changes that wait for one subscriber; beyond that the oldest are dropped and counted in [`Update::missed`].
const MAX_CHANGES: usize = 1024;

/// A state, and the changes since the previous update.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The state after all of `changes`; complete in itself.
    pub snapshot: Arc<Snapshot>,
    /// Oldest first.
    pub changes: Vec<ProfileChange>,
    /// The machine woke from sleep since the previous update. To be handled before `changes`.
    pub woke: bool,
    /// Changes older than `changes` that were dropped because the subscriber was slow.
    pub missed: usize,
}

impl Update {
    /// A state without changes.
    pub const fn of(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, changes: Vec::new(), woke: false, missed: 0 }
    }

    /// Adds a newer update to this one.
    pub fn merge(&mut self, newer: Self) {
        self.snapshot = newer.snapshot;
        self.woke |= newer.woke;
        self.missed += newer.missed;
        self.changes.extend(newer.changes);
        let excess = self.changes.len().saturating_sub(MAX_CHANGES);
        self.changes.drain(..excess);
        self.missed += excess;
    }

    /// The changes, for readers that must arrive at the state of the snapshot even if changes were missed: in that
    /// case, every profile without a kept change gets a change from "unknown", before all others.
    pub fn changes_to_state(&self) -> Vec<ProfileChange> {
        let mut changes = Vec::new();
        if self.missed > 0 {
            let kept: BTreeSet<&str> =
                self.changes.iter().map(|change| change.profile.name.as_str()).to_set();
            let lost =
                self.snapshot.profiles.iter().filter(|view| !kept.contains(view.profile.name.as_str()));
            changes.extend(lost.map(|view| view.as_change(!self.snapshot.complete)));
        }
        changes.extend(self.changes.iter().cloned());
        changes
    }
}

/// Receives the updates of one subscriber.
#[derive(Debug)]
pub struct Updates {
    mailbox: Arc<Mailbox>,
}

impl Updates {
    /// Waits for the next update; `None` once the watcher has ended and everything was received. Cancel safe.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            match self.mailbox.take() {
                Taken::Update(update) => return Some(*update),
                Taken::Closed => return None,
                Taken::Nothing => self.mailbox.filled.notified().await,
            }
        }
    }

    /// The updates since the last call, merged into one, if there are any.
    pub fn try_next(&mut self) -> Option<Update> {
        match self.mailbox.take() {
            Taken::Update(update) => Some(*update),
            Taken::Nothing | Taken::Closed => None,
        }
    }
}

#[derive(Debug, Default)]
struct Mailbox {
    slot: Mutex<Slot>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Slot {
    update: Option<Box<Update>>,
    closed: bool,
}

enum Taken {
    Update(Box<Update>),
    Nothing,
    Closed,
}

impl Mailbox {
    fn put(&self, update: Update) {
        let mut slot = lock(&self.slot);
        match &mut slot.update {
            Some(waiting) => waiting.merge(update),
            empty => *empty = Some(Box::new(update)),
        }
        self.filled.notify_one();
    }

    fn take(&self) -> Taken {
        let mut slot = lock(&self.slot);
        match slot.update.take() {
            Some(update) => Taken::Update(update),
            None if slot.closed => Taken::Closed,
            None => Taken::Nothing,
        }
    }

    fn close(&self) {
        lock(&self.slot).closed = true;
        self.filled.notify_one();
    }
}

/// The subscribers; shared by the watcher and its handle.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscribers(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    mailboxes: Vec<Weak<Mailbox>>,
    /// The last published snapshot; new subscribers begin with it.
    latest: Option<Arc<Snapshot>>,
    closed: bool,
}

impl Subscribers {
    pub(super) fn subscribe(&self) -> Updates {
        let mut state = lock(&self.0);
        let mailbox = Arc::new(Mailbox::default());
        if let Some(latest) = &state.latest {
            mailbox.put(Update::of(Arc::clone(latest)));
        }
        if state.closed {
            mailbox.close();
        }
        state.mailboxes.push(Arc::downgrade(&mailbox));
        Updates { mailbox }
    }

    pub(super) fn publish(&self, update: &Update) {
        let mut state = lock(&self.0);
        state.latest = Some(Arc::clone(&update.snapshot));
        state.mailboxes.retain(|mailbox| {
            let mailbox = mailbox.upgrade();
            mailbox.inspect(|mailbox| mailbox.put(update.clone())).is_some()
        });
    }

    /// No update will follow.
    pub(super) fn close(&self) {
        let mut state = lock(&self.0);
        state.closed = true;
        state.mailboxes.drain(..).filter_map(|mailbox| mailbox.upgrade()).for_each(|mailbox| mailbox.close());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::health::{Change, Verdict};
    use crate::profile::Profile;
    use crate::watcher::snapshot::ProfileView;

    fn profile(name: &str) -> Arc<Profile> {
        Arc::new(Profile { name: name.into(), home: "/h".into(), job: None, logs: Vec::new() })
    }

    fn change(name: &str, second: i64) -> ProfileChange {
        let at = Timestamp::from_second(second).unwrap();
        let change = Change {
            at,
            profile: name.into(),
            from: Verdict::unknown(at).glance(),
            to: Verdict::unknown(at),
        };
        ProfileChange { profile: profile(name), change, history: false }
    }

    fn update(second: i64, changes: Vec<ProfileChange>) -> Update {
        let at = Timestamp::from_second(second).unwrap();
        let view = |name| ProfileView { profile: profile(name), verdict: Verdict::unknown(at).into() };
        let profiles = vec![view("a"), view("b")];
        let snapshot = Arc::new(Snapshot { at, profiles, bad_files: Vec::new(), complete: true });
        Update { changes, ..Update::of(snapshot) }
    }

    fn next(updates: &mut Updates) -> Option<Update> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(updates.next())
    }

    #[test]
    fn every_subscriber_gets_every_change_in_order() {
        let subscribers = Subscribers::default();
        let (mut prompt, mut slow) = (subscribers.subscribe(), subscribers.subscribe());
        for second in 0..3 {
            let published = update(second, vec![change("a", second)]);
            subscribers.publish(&published);
            assert_eq!(next(&mut prompt), Some(published));
        }
        let merged = update(2, (0..3).map(|second| change("a", second)).collect());
        assert_eq!(next(&mut slow), Some(merged));
        // one that comes late begins with the state
        assert_eq!(next(&mut subscribers.subscribe()), Some(update(2, Vec::new())));
    }

    #[test]
    fn a_slow_subscriber_learns_what_it_lost_and_still_reaches_the_state() {
        let subscribers = Subscribers::default();
        let mut slow = subscribers.subscribe();
        let mut first = update(0, vec![change("b", 0)]);
        first.woke = true;
        subscribers.publish(&first);
        let many = i64::try_from(MAX_CHANGES).unwrap();
        for second in 1..=many {
            subscribers.publish(&update(second, vec![change("a", second)]));
        }
        let got = next(&mut slow).unwrap();
        assert_eq!((got.missed, got.changes.len(), got.woke), (1, MAX_CHANGES, true));
        assert_eq!(got.changes[0], change("a", 1));
        assert_eq!(got.snapshot.at.as_second(), many);
        let told = got.changes_to_state();
        assert_eq!(told.len(), MAX_CHANGES + 1);
        assert_eq!(
            told[0],
            got.snapshot.profiles[1].as_change(false),
            "the state of the profile that was lost"
        );
        assert_eq!(told[1..], got.changes);
    }

    #[test]
    fn the_end_comes_after_the_last_update() {
        let subscribers = Subscribers::default();
        let mut updates = subscribers.subscribe();
        subscribers.publish(&update(1, Vec::new()));
        subscribers.close();
        assert_eq!(next(&mut updates), Some(update(1, Vec::new())));
        assert_eq!(next(&mut updates), None);
        assert_eq!(next(&mut updates), None);
        let mut late = subscribers.subscribe();
        assert_eq!((next(&mut late), next(&mut late)), (Some(update(1, Vec::new())), None));
    }
}
