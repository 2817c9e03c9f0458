//! When the views of one platform's links may change next. A line changes the time of one link, and the next time of all is
//! found without visiting them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::health::link::Link;
use crate::health::names::ProfileName;
use crate::health::timer::Earliest;

/// The links that are known apart from all others, by their owners.
type Named = BTreeMap<ProfileName, Arc<Link>>;

/// The next times of the links that are known apart from all others.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Agenda {
    by_time: BTreeSet<(Timestamp, ProfileName)>,
    by_owner: BTreeMap<ProfileName, Timestamp>,
    /// The owners of links without a line.
    silent: BTreeSet<ProfileName>,
}

impl Agenda {
    /// The times of these links after now.
    pub(super) fn of(named: &Named, now: Timestamp) -> Self {
        let mut agenda = Self::default();
        for (owner, link) in named {
            agenda.set(owner, link, now);
        }
        agenda
    }

    /// Takes in how a link is now.
    pub(super) fn set(&mut self, owner: &ProfileName, link: &Link, now: Timestamp) {
        let mut due = Earliest::after(now);
        link.deadlines(&mut due);
        let before = self.by_owner.get(owner).copied();
        if before != due.found() {
            if let Some(before) = before {
                self.by_time.remove(&(before, Arc::clone(owner)));
                self.by_owner.remove(owner);
            }
            if let Some(at) = due.found() {
                self.by_time.insert((at, Arc::clone(owner)));
                self.by_owner.insert(Arc::clone(owner), at);
            }
        }
        if !link.is_silent() {
            self.silent.remove(owner);
        } else if !self.silent.contains(owner) {
            self.silent.insert(Arc::clone(owner));
        }
    }

    /// Notes that it is now this late. Returns the owners of the links whose time has come.
    pub(super) fn pass(&mut self, named: &Named, now: Timestamp) -> Vec<ProfileName> {
        let come: Vec<ProfileName> = self.come(now).cloned().collect();
        for owner in &come {
            if let Some(link) = named.get(owner) {
                self.set(owner, link, now);
            }
        }
        come
    }

    /// Adds the next time.
    pub(super) fn deadlines(&self, named: &Named, due: &mut Earliest) {
        let now = due.now();
        self.come(now).filter_map(|owner| named.get(owner)).for_each(|link| link.deadlines(due));
        due.add(self.by_time.iter().map(|(at, _)| *at).find(|at| *at > now));
        debug_assert_eq!(due.found(), {
            for link in named.values() {
                link.deadlines(due);
            }
            due.found()
        });
    }

    /// Whether a link is expected of which no line was read.
    pub(super) fn any_silent(&self) -> bool {
        !self.silent.is_empty()
    }

    fn come(&self, now: Timestamp) -> impl Iterator<Item = &ProfileName> {
        self.by_time.iter().take_while(move |(at, _)| *at <= now).map(|(_, owner)| owner)
    }
}
