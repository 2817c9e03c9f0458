//! The links of one platform in one process: the newest events, whose owners may still change, and the state after
//! all events.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::connections::Connections;
use super::fold::{Event, Fold, Layout};
use super::shown::{Asked, Row};
use super::unnamed::Unnamed;
use super::verdict::LinkVerdict;
use crate::health::link::Link;
use crate::health::names::{PlatformName, ProfileName};
use crate::health::platform::Rules;
use crate::health::signal::{LinkWord, LogRecord};
use crate::health::timer::{Timer, after};

/// Events whose owner may still change.
const KEPT: usize = 64;

/// The links of one platform.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlatformLinks {
    pub rules: Arc<Rules>,
    /// The state before the oldest kept event.
    base: Fold,
    recent: VecDeque<Event>,
    /// The state after the newest event.
    pub fold: Fold,
    pub layout: Layout,
}

impl PlatformLinks {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        let fold = Fold::new(&rules);
        Self { rules, base: fold.clone(), recent: VecDeque::new(), fold, layout: Layout::default() }
    }

    pub(super) fn set_rules(&mut self, rules: &Arc<Rules>) {
        self.rules = Arc::clone(rules);
        for fold in [&mut self.base, &mut self.fold] {
            fold.links_mut().for_each(|link| link.set_rules(Arc::clone(rules)));
        }
    }

    /// Whether the same record was already read from another profile's log. Then the events are folded again, because
    /// its owner is unknown.
    pub(super) fn is_twin(&mut self, record: &LogRecord, own: &ProfileName) -> bool {
        let Some(stamp) = record.stamp else { return false };
        let same = self.recent.iter_mut().find_map(|event| match event {
            Event::Line { said, key, homes, .. } if *key == record.key && said.stamp == Some(stamp) => {
                Some(homes)
            }
            _ => None,
        });
        let Some(homes) = same.filter(|homes| !homes.contains(&record.home)) else { return false };
        homes.insert(record.home.clone());
        self.refold(own);
        true
    }

    pub(super) fn push(&mut self, event: Event, own: &ProfileName) {
        let mut names_layout = false;
        if let Event::Line { said, homes, .. } = &event {
            let served = homes.iter().any(Option::is_some);
            names_layout = served && said.word == LinkWord::Proof && !self.layout.own_logs;
        }
        self.recent.push_back(event);
        if self.recent.len() > KEPT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.base.apply(&oldest, own, &self.layout, &self.rules);
        }
        if names_layout {
            self.refold(own);
        } else if let Some(newest) = self.recent.back() {
            let claims = self.fold.claims.len();
            self.fold.apply(newest, own, &self.layout, &self.rules);
            if self.fold.claims.len() > claims.max(1) {
                self.refold(own);
            }
        }
    }

    pub(super) fn refold(&mut self, own: &ProfileName) {
        let own_logs = self.layout.own_logs && self.recent.is_empty();
        self.layout.own_logs = own_logs
            || self.recent.iter().any(|event| match event {
                Event::Line { said, homes, .. } => said.word == LinkWord::Proof && !homes.contains(&None),
                Event::Entry { .. } => false,
            });
        self.fold = self.base.clone();
        // a link may fail before it is claimed: then its failure is no second one of another link
        for event in &self.recent {
            self.fold.claim(event, own, &self.layout, &self.rules);
        }
        for event in &self.recent {
            self.fold.apply(event, own, &self.layout, &self.rules);
        }
    }

    /// Sets the lock files that the process holds. A new owner may change whose a line is.
    pub(super) fn set_locks(&mut self, locks: BTreeMap<Arc<str>, Option<ProfileName>>, own: &ProfileName) {
        if self.layout.locks != locks {
            self.layout.locks = locks;
            self.refold(own);
        }
    }

    /// The process starts again: everything known of its connections is dropped.
    pub(super) fn reset_connections(&mut self) {
        self.change_links(Link::reset_connection);
        for fold in [&mut self.base, &mut self.fold] {
            fold.connections = Connections::default();
            fold.unnamed = Unnamed::default();
        }
    }

    /// Drops what the files of another process said.
    pub(super) fn forget_files(&mut self) {
        self.layout.keyed.clear();
        self.change_links(Link::forget_files);
    }

    /// The timers of all links, for restarting after a sleep of the machine.
    pub(super) fn timers_mut(&mut self) -> impl Iterator<Item = &mut Timer> {
        self.settle_owners();
        [&mut self.base, &mut self.fold].into_iter().flat_map(Fold::links_mut).flat_map(Link::timers_mut)
    }

    /// Every moment at which a view may change without new evidence.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let missing = self.fold.connections.missing().iter();
        let counted = missing.map(|link| after(link.since, self.rules.times.red_after));
        let links = self.fold.links().flat_map(Link::deadlines);
        links.chain(counted).chain(self.fold.unnamed.deadlines(&self.rules))
    }

    /// Changes every link, in the state before and after the kept events.
    fn change_links(&mut self, change: impl Fn(&mut Link)) {
        self.settle_owners();
        for fold in [&mut self.base, &mut self.fold] {
            fold.links_mut().for_each(&change);
        }
    }

    /// The kept events can no longer change their owners.
    fn settle_owners(&mut self) {
        self.recent.clear();
        self.base = self.fold.clone();
    }

    /// The link of this platform in one row.
    pub(super) fn of(&self, name: &PlatformName, row: &Row<'_>) -> Option<LinkVerdict> {
        let asked = Asked {
            platform: name,
            fold: &self.fold,
            rules: &self.rules,
            owner: self.fold.owners(&self.layout).min(),
            links: self.fold.total(&self.layout),
            is_separate: self.layout.is_separate(&self.rules),
            row,
        };
        asked.verdict()
    }
}
