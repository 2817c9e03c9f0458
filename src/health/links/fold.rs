//! The state of one platform's links after a series of events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::connections::{Connections, Unlogged};
use super::lost::Line;
use super::unnamed::Unnamed;
use crate::health::link::{Link, Said, Written};
use crate::health::names::ProfileName;
use crate::health::platform::{Announcement, Rules};
use crate::health::signal::{Hints, LinkWord, Phase};
use crate::health::state_file::{EntryState, PlatformEntry};
use crate::health::time::Slept;
use crate::health::timer::after;

/// Most accounts that are kept: more than any gateway has bots of one platform.
const MAX_ACCOUNTS: usize = 64;

/// Files that are written at the same moment are read within this time.
const ONE_READING: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    Line {
        said: Said,
        key: u64,
        tag: Option<ProfileName>,
        /// Whether it is a line of `gateway.run`, which names the profile unless it is the serving one.
        by_runner: bool,
        hints: Hints,
        homes: Homes,
    },
    Entry {
        at: Timestamp,
        profile: Option<ProfileName>,
        entry: PlatformEntry,
        grace: Option<Timestamp>,
    },
    /// The machine slept: timers that were running began again.
    Slept(Slept),
    /// The process was suspended: it could write nothing, so silence began to count anew.
    Suspended(Slept),
    /// The process serves this profile no longer, and has closed its link.
    Left(ProfileName),
    /// The process started again: nothing is known of its connections.
    Restarted,
    /// What the files of another process said no longer counts.
    FilesForgotten,
}

impl Event {
    /// When the line was read and written.
    pub(super) fn written(&self) -> Option<Written> {
        if let Self::Line { said, .. } = self { Some(said.written()) } else { None }
    }

    /// Whether the state file says in it what a shutdown does to a link. `now`: when the announcement of the shutdown is read.
    pub(super) fn is_of_shutdown(&self, now: Timestamp) -> bool {
        let Self::Entry { at, entry, .. } = self else { return false };
        entry.state == EntryState::Disconnected && now <= after(*at, ONE_READING)
    }

    /// Whether it shows that a served profile has a log of its own: an adapter's line that only that log holds. `keyed`:
    /// state keys name profiles, as only versions do that have such logs.
    pub(super) fn shows_own_logs(&self, keyed: bool) -> bool {
        let Self::Line { said, by_runner: false, homes, .. } = self else { return false };
        !homes.own && (said.word == LinkWord::Proof || (keyed && said.word.is_of_link()))
    }

    /// Whose link `gateway.run` announces in this line.
    pub(super) fn announced<'a>(&'a self, own: &'a ProfileName, separate: bool) -> Option<&'a ProfileName> {
        match self {
            Self::Line { said, tag, by_runner: true, homes, .. } if said.word.is_announcement() => {
                owner_of(tag.as_ref(), homes, true, own, separate)
            }
            _ => None,
        }
    }

    /// Whether the adapter says in this line that a link is up.
    pub(super) fn is_result(&self) -> bool {
        self.says(LinkWord::Proof) || self.says(LinkWord::Claim)
    }

    /// Whether the adapter says this in it, without a connection.
    fn says(&self, word: LinkWord) -> bool {
        matches!(self, Self::Line { said, by_runner: false, .. } if said.word == word && said.connection.is_none())
    }

    /// Whether the adapter says this in it, and nothing says yet whose link it is.
    pub(super) fn is_unnamed(&self, word: LinkWord, own: &ProfileName, separate: bool) -> bool {
        let Self::Line { tag, homes, .. } = self else { return false };
        self.says(word) && owner_of(tag.as_ref(), homes, false, own, separate).is_none()
    }

    /// Whose link the line is about, if that is known.
    pub(super) fn owner<'a>(
        &'a self,
        own: &'a ProfileName,
        layout: &'a Layout,
        rules: &Rules,
    ) -> Option<&'a ProfileName> {
        let Self::Line { said, tag, by_runner, homes, .. } = self else { return None };
        let owner = owner_of(tag.as_ref(), homes, *by_runner, own, layout.is_separate(rules));
        owner.or_else(|| layout.locks.get(said.connection.as_ref()?)?.as_ref())
    }

    /// The served profile whose link failed according to `gateway.run`.
    pub(super) fn failed_of(&self, own: &ProfileName) -> Option<&ProfileName> {
        let Self::Line { said, tag, by_runner: true, .. } = self else { return None };
        tag.as_ref().filter(|tag| said.word.is_trouble() && *tag != own)
    }

    /// Whether this served profile's log contains it.
    pub(super) fn is_in_log_of(&self, profile: &ProfileName) -> bool {
        matches!(self, Self::Line { homes, .. } if homes.served.contains(profile))
    }

    /// Whether an adapter says in it that a link is down, in the serving profile's log alone.
    pub(super) fn is_unnamed_trouble(&self) -> bool {
        let Self::Line { said, tag: None, by_runner: false, homes, .. } = self else { return false };
        said.word.is_trouble() && homes.own && homes.served.is_empty()
    }

    /// Whether only a link that `gateway.run` connects logs it.
    pub(super) fn is_of_connect(&self) -> bool {
        matches!(self, Self::Line { hints: Hints { phase: Some(Phase::Connects), .. }, .. })
    }

    /// Notes whose link the line is about. Returns whether it is a line.
    pub(super) fn name(&mut self, owner: ProfileName) -> bool {
        let Self::Line { tag, .. } = self else { return false };
        *tag = Some(owner);
        true
    }
}

/// The profiles whose logs contain a line.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Homes {
    /// The serving profile's does.
    pub own: bool,
    /// The served profiles, sorted. Hundreds of lines of each gateway are kept, most of which are in one log.
    pub served: Box<[ProfileName]>,
}

impl Homes {
    /// One profile; `None`: the serving one.
    pub(super) fn one(home: Option<ProfileName>) -> Self {
        Self { own: home.is_none(), served: home.into_iter().collect() }
    }

    /// Adds a profile. Returns whether it is new.
    pub(super) fn add(&mut self, home: Option<&ProfileName>) -> bool {
        match home {
            None => !std::mem::replace(&mut self.own, true),
            Some(home) => match self.served.binary_search(home) {
                Ok(_) => false,
                Err(place) => {
                    let mut served = std::mem::take(&mut self.served).into_vec();
                    served.insert(place, Arc::clone(home));
                    self.served = served.into_boxed_slice();
                    true
                }
            },
        }
    }

    /// Whether there are others than this profile.
    pub(super) fn has_others_than(&self, home: Option<&ProfileName>) -> bool {
        (self.own && home.is_some()) || self.served.iter().any(|served| Some(served) != home)
    }
}

/// What tells the links of one platform apart, and how many of them there are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layout {
    /// Profiles with a state key of their own.
    pub keyed: BTreeSet<ProfileName>,
    /// Whether records go to the log of the profile that they are about: a served profile's log has a `connected` of
    /// its own.
    pub own_logs: bool,
    /// The lock files that the process holds for this platform: the hash of the account, and whose account it is.
    pub locks: BTreeMap<Arc<str>, Option<ProfileName>>,
    /// Whether the log level hides the lines that announce links.
    pub hidden: bool,
}

impl Layout {
    /// Whether state keys name profiles.
    pub(super) fn is_keyed(&self) -> bool {
        !self.keyed.is_empty()
    }

    /// Whether log lines and state keys tell the profiles apart. Keys alone do not say whose a connection is.
    pub(super) fn is_separate(&self, rules: &Rules) -> bool {
        self.own_logs || (self.is_keyed() && !rules.connections)
    }
}

/// The state of one platform's links after a series of events.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fold {
    /// One link that all events are applied to.
    pub shared: Link,
    /// The links that lines or state keys assign to a profile. A map reserves room for eleven values at once: most have one.
    /// Shared with the fold that this one is a copy of, until they differ.
    pub named: BTreeMap<ProfileName, Arc<Link>>,
    /// The links that only their connections tell apart.
    pub connections: Connections,
    /// The links that nothing tells apart, where lines do not name connections.
    pub unnamed: Unnamed,
    /// The profiles that have a link according to `gateway.run`.
    pub claims: BTreeSet<ProfileName>,
    /// The accounts that lines name, where they do: each has a link of its own.
    pub accounts: BTreeSet<Arc<str>>,
    /// How many profiles those, the state keys and the lock files name. Every line needs the number, and counting them takes as
    /// long as there are many.
    named_owners: usize,
}

impl Fold {
    pub(super) fn new(rules: &Arc<Rules>) -> Self {
        Self {
            shared: Link::new(Arc::clone(rules)),
            named: BTreeMap::new(),
            connections: Connections::default(),
            unnamed: Unnamed::default(),
            claims: BTreeSet::new(),
            accounts: BTreeSet::new(),
            named_owners: 0,
        }
    }

    /// Every link in it.
    pub(super) fn links(&self) -> impl Iterator<Item = &Link> {
        self.named.values().map(Arc::as_ref).chain(self.common_links())
    }

    /// The links that are not one profile's alone.
    pub(super) fn common_links(&self) -> impl Iterator<Item = &Link> {
        [&self.shared].into_iter().chain(self.unnamed.links())
    }

    pub(super) fn links_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        let named = self.named.values_mut().map(Arc::make_mut);
        named.chain([&mut self.shared]).chain(self.unnamed.links_mut())
    }

    pub(super) fn exists(&self) -> bool {
        self.shared.exists()
    }

    /// Whether a link that is known apart from all others exists: the shared one does not if the platform calls one of them
    /// (webhook).
    pub(super) fn any_named_exists(&self) -> bool {
        self.named.values().any(|link| link.exists())
    }

    /// Whose links were begun and had no line since; `None`: the serving profile's.
    pub(super) fn silent(&self, own: &ProfileName) -> Vec<Option<ProfileName>> {
        // It may be one of these that is down.
        if self.unnamed.any_lost() {
            return Vec::new();
        }
        if self.named.is_empty() {
            return if self.shared.is_silent() { vec![None] } else { Vec::new() };
        }
        let silent = self.named.iter().filter(|(_, link)| link.is_silent());
        silent.map(|(owner, _)| Some(owner).filter(|owner| *owner != own).cloned()).collect()
    }

    /// The profiles that have a link according to `gateway.run`, the state keys and the lock files, each once.
    pub(super) fn owners<'a>(
        &'a self,
        layout: &'a Layout,
        own: &'a ProfileName,
    ) -> impl Iterator<Item = &'a ProfileName> {
        self.told_owners(layout).chain(self.hides_own(layout, own).then_some(own))
    }

    /// The same without the serving profile that no line shows.
    fn told_owners<'a>(&'a self, layout: &'a Layout) -> impl Iterator<Item = &'a ProfileName> {
        let (claims, keyed) = (&self.claims, &layout.keyed);
        let unclaimed = keyed.iter().filter(|profile| !claims.contains(*profile));
        let is_new = |profile: &&ProfileName| !claims.contains(*profile) && !keyed.contains(*profile);
        // one lock for each: a profile has one account of a platform
        claims.iter().chain(unclaimed).chain(layout.locks.values().flatten().filter(is_new))
    }

    /// Counts the owners anew: state keys or lock files changed.
    pub(super) fn count_owners(&mut self, layout: &Layout) {
        self.named_owners = self.told_owners(layout).count();
    }

    /// Whether the serving profile may have a link that no line shows: only a served profile's failure was logged, and the log level
    /// hides what came up.
    pub(super) fn hides_own(&self, layout: &Layout, own: &ProfileName) -> bool {
        let is_told = layout.is_keyed() || !layout.locks.is_empty() || self.claims.is_empty();
        layout.hidden && !is_told && !self.claims.contains(own)
    }

    /// How many links of the platform there are.
    pub(super) fn total(&self, layout: &Layout, own: &ProfileName) -> usize {
        debug_assert_eq!(self.named_owners, self.told_owners(layout).count());
        let owners = self.named_owners + usize::from(self.hides_own(layout, own));
        match owners.max(layout.locks.len()).max(self.accounts.len()) {
            0 => self.connections.known(),
            known => known,
        }
    }

    /// Notes whose link `gateway.run` speaks of in this event, or which account its adapter names.
    pub(super) fn claim(&mut self, event: &Event, own: &ProfileName, layout: &Layout, rules: &Rules) {
        if let Event::Line { said: Said { connection: Some(account), .. }, .. } = event
            && !rules.connections
            && self.accounts.len() < MAX_ACCOUNTS
            && !self.accounts.contains(account)
        {
            self.accounts.insert(Arc::clone(account));
        }
        if let Event::Line { tag, by_runner: true, homes, .. } = event
            && let Some(owner) = owner_of(tag.as_ref(), homes, true, own, layout.is_separate(rules))
            && !self.claims.contains(owner)
        {
            self.claims.insert(Arc::clone(owner));
            if !layout.keyed.contains(owner) {
                let locks = layout.locks.values().flatten().filter(|locked| *locked == owner);
                self.named_owners = self.named_owners + 1 - locks.count();
            }
        }
    }

    pub(super) fn apply(&mut self, event: &Event, own: &ProfileName, layout: &Layout, rules: &Arc<Rules>) {
        self.claim(event, own, layout, rules);
        match event {
            Event::Line { said, by_runner, hints, .. } => {
                let owner = event.owner(own, layout, rules);
                let links = self.total(layout, own);
                if links <= 1 {
                    self.shared.apply(said);
                } else {
                    self.apply_to_shared(said, *by_runner && owner.is_some());
                }
                match owner {
                    Some(owner) => {
                        let was_down = self.named(owner, rules).is_down();
                        let of_owner =
                            by_runner.then(|| self.unnamed.attribute(said, owner, was_down)).flatten();
                        let named = self.named(owner, rules);
                        if let Some((lost, newest)) = &of_owner {
                            named.take_over(lost, newest);
                        }
                        named.apply(said);
                    }
                    None if rules.connections => {
                        let taken = self.connections.up() + self.connections.missing().len();
                        let unannounced = links.saturating_sub(taken);
                        self.connections.apply(said, Unlogged { unannounced, times: &rules.times });
                        self.connections.settle(links);
                    }
                    None => {
                        // A promise precedes the line that it is about, so that line would have a name.
                        let follows = rules.announcement != Announcement::Promise;
                        let is_tried = |link: &Link| link.is_down() || (follows && link.is_silent());
                        let retried = self.named.values().any(|link| is_tried(link));
                        let line = Line { said, hints: *hints };
                        if let Some(owner) = self.unnamed.apply(&line, (links, retried), rules) {
                            self.named(&owner, rules).apply(said);
                        }
                    }
                }
            }
            Event::Entry { at, profile, entry, grace } => {
                self.read_entry(*at, profile.as_ref(), entry, *grace, (own, layout, rules));
            }
            Event::Slept(slept) => {
                self.links_mut().flat_map(Link::timers_mut).for_each(|timer| slept.restart(timer));
                self.connections.timers_mut().for_each(|timer| slept.restart(timer));
            }
            Event::Suspended(span) => {
                self.links_mut().flat_map(Link::silence_timers_mut).for_each(|timer| span.restart(timer));
            }
            Event::Left(profile) => self.remove(profile, own, layout, rules),
            Event::Restarted => {
                self.links_mut().for_each(Link::reset_connection);
                self.connections = Connections::default();
                self.unnamed = Unnamed::default();
            }
            Event::FilesForgotten => self.links_mut().for_each(Link::forget_files),
        }
    }

    fn read_entry(
        &mut self,
        at: Timestamp,
        profile: Option<&ProfileName>,
        entry: &PlatformEntry,
        grace: Option<Timestamp>,
        (own, layout, rules): (&ProfileName, &Layout, &Arc<Rules>),
    ) {
        let separate = layout.is_separate(rules);
        // If several links share the key, it shows that one is down, never that all are up.
        let is_shared = profile.is_none() && !rules.connections && !separate;
        if self.total(layout, own) <= 1 || (is_shared && entry.state.is_negative()) {
            self.shared.read_entry(at, entry, grace);
        } else {
            self.shared.expect(at, grace);
        }
        if is_shared {
            let is_told = self.named.values().any(|link| link.is_down());
            self.unnamed.read_entry(at, entry, grace, is_told, rules);
        }
        if let Some(owner) = profile.or_else(|| separate.then_some(own)) {
            let named = self.named(owner, rules);
            let was_down = named.is_down();
            named.read_entry(at, entry, grace);
            // Its own key shows that a refused link is back where the log level hides it.
            if was_down && layout.hidden && entry.state == EntryState::Connected {
                let written = entry.updated_at.unwrap_or(at);
                if self.connections.forget_refused_before(written) {
                    self.shared.reset_connection();
                }
            }
        }
    }

    /// Drops the link of a profile that is served no longer. If one link is left, the shared one is about that again.
    fn remove(&mut self, profile: &ProfileName, own: &ProfileName, layout: &Layout, rules: &Arc<Rules>) {
        self.named.remove(profile);
        self.claims.remove(profile);
        self.count_owners(layout);
        if !layout.is_separate(rules) || self.total(layout, own) > 1 {
            return;
        }
        let owner = self.owners(layout, own).next().unwrap_or(own);
        let left = self.named.get(owner).map(|link| Link::clone(link));
        self.shared = left.unwrap_or_else(|| Link::new(Arc::clone(rules)));
        self.unnamed = Unnamed::default();
    }

    /// Applies a line about one of several links to the shared link. `is_named`: the line says whose link it is
    /// about.
    fn apply_to_shared(&mut self, said: &Said, is_named: bool) {
        if said.word == LinkWord::Inbound {
            // It proves only the link that it arrived on.
            self.shared.note_message(said.at);
        } else if is_named && said.word.is_of_one_link() && !self.shared.is_down() {
            self.shared.expect(said.at, said.grace);
        } else {
            self.shared.apply(said);
        }
    }

    fn named(&mut self, owner: &ProfileName, rules: &Arc<Rules>) -> &mut Link {
        let link = self.named.entry(Arc::clone(owner));
        Arc::make_mut(link.or_insert_with(|| Arc::new(Link::new(Arc::clone(rules)))))
    }
}

/// The profile that a line is about; `None`: unknown.
fn owner_of<'a>(
    tag: Option<&'a ProfileName>,
    homes: &'a Homes,
    by_runner: bool,
    own: &'a ProfileName,
    separate: bool,
) -> Option<&'a ProfileName> {
    match (tag, homes.served.first()) {
        (Some(tag), _) => Some(tag),
        (None, Some(served)) if !homes.own => Some(served),
        // `gateway.run` names the profile of all but the serving one.
        (None, _) if by_runner => Some(own),
        // The line is in both logs, so the served profile's log mirrors the whole process.
        (None, Some(_)) => None,
        (None, None) => separate.then_some(own),
    }
}
