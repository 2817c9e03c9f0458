//! The state of one platform's links after a series of events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::connections::Connections;
use crate::health::link::{Link, Said};
use crate::health::names::ProfileName;
use crate::health::platform::Rules;
use crate::health::signal::LinkWord;
use crate::health::state_file::{EntryState, PlatformEntry};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    Line {
        said: Said,
        key: u64,
        tag: Option<ProfileName>,
        /// Whether it is a line of `gateway.run`, which names the profile unless it is the serving one.
        by_runner: bool,
        /// The profiles whose logs contain the line; `None`: the serving profile.
        homes: BTreeSet<Option<ProfileName>>,
    },
    Entry {
        at: Timestamp,
        profile: Option<ProfileName>,
        entry: PlatformEntry,
        grace: Option<Timestamp>,
    },
}

/// What tells the links of one platform apart, and how many of them there are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layout {
    /// Profiles with a state key of their own.
    pub keyed: BTreeSet<ProfileName>,
    /// Whether records go to the log of the profile that they are about: a served profile's log has a `connected` of
    /// its own.
    pub own_logs: bool,
    /// How many lock files the process holds for this platform.
    pub locks: usize,
}

impl Layout {
    /// Whether log lines and state keys tell the profiles apart. Keys alone do not say whose a connection is.
    pub(super) fn is_separate(&self, rules: &Rules) -> bool {
        self.own_logs || (!self.keyed.is_empty() && !rules.connections)
    }
}

/// The state of one platform's links after a series of events.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fold {
    /// One link that all events are applied to.
    pub shared: Link,
    /// The links that lines or state keys assign to a profile.
    pub named: BTreeMap<ProfileName, Link>,
    /// The links that only their connections tell apart.
    pub connections: Connections,
    /// The profiles that have a link according to `gateway.run`.
    pub claims: BTreeSet<ProfileName>,
}

impl Fold {
    pub(super) fn new(rules: &Arc<Rules>) -> Self {
        Self {
            shared: Link::new(Arc::clone(rules)),
            named: BTreeMap::new(),
            connections: Connections::default(),
            claims: BTreeSet::new(),
        }
    }

    /// Every link in it.
    pub(super) fn links(&self) -> impl Iterator<Item = &Link> {
        self.named.values().chain([&self.shared])
    }

    pub(super) fn links_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        self.named.values_mut().chain([&mut self.shared])
    }

    pub(super) fn exists(&self) -> bool {
        self.shared.exists()
    }

    /// How many links of the platform there are, by the claims, the state keys and the lock files.
    pub(super) fn total(&self, layout: &Layout) -> usize {
        let owners = self.claims.len() + layout.keyed.difference(&self.claims).count();
        match owners.max(layout.locks) {
            0 => self.connections.known(),
            told => told,
        }
    }

    pub(super) fn apply(&mut self, event: &Event, own: &ProfileName, layout: &Layout, rules: &Arc<Rules>) {
        let separate = layout.is_separate(rules);
        match event {
            Event::Line { said, tag, by_runner, homes, .. } => {
                let owner = owner_of(tag.as_ref(), homes, *by_runner, own, separate);
                if *by_runner && let Some(owner) = owner {
                    self.claims.insert(Arc::clone(owner));
                }
                let links = self.total(layout);
                if links <= 1 {
                    self.shared.apply(said);
                } else {
                    self.apply_to_shared(said, *by_runner && owner.is_some());
                }
                if let Some(owner) = owner {
                    self.named(owner, rules).apply(said);
                } else {
                    let taken = self.connections.up() + self.connections.missing().len();
                    self.connections.apply(said, links.saturating_sub(taken), rules.times.red_after);
                    self.connections.settle(links);
                }
            }
            Event::Entry { at, profile, entry, grace } => {
                let links = self.total(layout);
                // If several links share the key, it shows that one is down, never that all are up.
                let is_shared = profile.is_none() && !rules.connections && !separate;
                if links <= 1 || (is_shared && entry.state != EntryState::Connected) {
                    self.shared.read_entry(*at, entry, *grace);
                } else {
                    self.shared.expect();
                }
                let owner = profile.as_ref().or_else(|| separate.then_some(own));
                if let Some(owner) = owner {
                    self.named(owner, rules).read_entry(*at, entry, *grace);
                }
            }
        }
    }

    /// Applies a line about one of several links to the shared link. `is_named`: the line says whose link it is
    /// about.
    fn apply_to_shared(&mut self, said: &Said, is_named: bool) {
        if said.word == LinkWord::Inbound {
            // It proves only the link that it arrived on.
            self.shared.note_message(said.at);
        } else if is_named && said.word.is_of_one_link() && !self.shared.is_down() {
            self.shared.expect();
        } else {
            self.shared.apply(said);
        }
    }

    fn named(&mut self, owner: &ProfileName, rules: &Arc<Rules>) -> &mut Link {
        self.named.entry(Arc::clone(owner)).or_insert_with(|| Link::new(Arc::clone(rules)))
    }
}

/// The profile that a line is about; `None`: unknown.
fn owner_of<'a>(
    tag: Option<&'a ProfileName>,
    homes: &'a BTreeSet<Option<ProfileName>>,
    by_runner: bool,
    own: &'a ProfileName,
    separate: bool,
) -> Option<&'a ProfileName> {
    let in_own = homes.contains(&None);
    let served = homes.iter().flatten().next();
    match (tag, served) {
        (Some(tag), _) => Some(tag),
        (None, Some(served)) if !in_own => Some(served),
        // `gateway.run` names the profile of all but the serving one.
        (None, _) if by_runner => Some(own),
        // The line is in both logs, so the served profile's log mirrors the whole process.
        (None, Some(_)) => None,
        (None, None) => separate.then_some(own),
    }
}
