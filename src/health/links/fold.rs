//! The state of one platform's links after a series of events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::connections::{Connections, Unlogged};
use super::event::{Event, owner_of};
use super::layout::{Layout, MAX_ACCOUNTS};
use super::lost::{Line, SAME_ATTEMPT};
use super::unnamed::{Attributed, Unnamed};
use crate::health::link::{Link, Said};
use crate::health::names::ProfileName;
use crate::health::platform::{Announcement, Rules};
use crate::health::signal::LinkWord;
use crate::health::state_file::{EntryState, PlatformEntry};

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
    /// The profiles of which a line or a state key has told so far.
    told: BTreeSet<ProfileName>,
    /// When `gateway.run` last announced the link of each profile.
    announced: BTreeMap<ProfileName, Timestamp>,
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
            told: BTreeSet::new(),
            announced: BTreeMap::new(),
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
        self.keep_red(event, own, layout, rules);
        match event {
            Event::Line { said, by_runner, hints, .. } => {
                let links = self.total(layout, own);
                let owner = event.owner(own, layout, rules);
                let is_named = *by_runner && owner.is_some();
                if links > 1 {
                    self.apply_to_shared(said, is_named);
                } else {
                    self.shared.apply(said);
                    if is_named && said.word.is_trouble() {
                        self.shared.end_doubt(said);
                    }
                }
                match owner {
                    Some(owner) => {
                        let names_account = !rules.connections && said.connection.is_some();
                        self.apply_to_named(said, owner, *by_runner || names_account, rules);
                        if *by_runner && said.word.is_announcement() {
                            self.announced.insert(Arc::clone(owner), said.at);
                            self.answer_announced(said, own, layout);
                        }
                    }
                    None if rules.connections => {
                        let taken = self.connections.up() + self.connections.missing().len();
                        let unannounced = links.saturating_sub(taken);
                        self.connections.apply(said, Unlogged { unannounced, times: &rules.times });
                        self.connections.settle(links);
                    }
                    None => self.apply_to_unnamed(&Line { said, hints: *hints }, (links, own), rules),
                }
            }
            Event::Entry { at, profile, entry, grace } => {
                self.read_entry(*at, profile.as_ref(), entry, *grace, (own, layout, rules));
            }
            Event::Slept(slept) => {
                self.links_mut().for_each(|link| link.restart_after_sleep(slept));
                let timers = self.connections.timers_mut().chain(self.unnamed.timers_mut());
                timers.for_each(|timer| slept.restart(timer));
            }
            Event::Suspended(span) => {
                self.links_mut().for_each(|link| link.restart_silence(span));
                self.unnamed.timers_mut().for_each(|timer| span.restart(timer));
            }
            Event::Left(profile) => self.remove(profile, own, layout, rules),
            Event::Restarted => {
                self.links_mut().for_each(Link::reset_connection);
                self.connections = Connections::default();
                self.unnamed = Unnamed::default();
                self.announced.clear();
            }
            Event::FilesForgotten => self.links_mut().for_each(Link::forget_files),
        }
    }

    /// Applies a line about the link of this profile. `names_owner`: the line itself names the profile or its account, so that what
    /// the adapter logged just before without a name may be about that link.
    fn apply_to_named(&mut self, said: &Said, owner: &ProfileName, names_owner: bool, rules: &Arc<Rules>) {
        let named = self.named(owner, rules);
        let was_down = named.is_down();
        let told = named.newest_trouble().filter(|told| told.until(said.written()) <= SAME_ATTEMPT);
        let of_owner = names_owner.then(|| self.unnamed.attribute(said, owner, (was_down, told))).flatten();
        let named = self.named(owner, rules);
        if let Some(Attributed::Whole(lost, newest)) = &of_owner {
            named.take_over(lost, newest);
        }
        named.apply(said);
        if let Some(Attributed::Red) = of_owner {
            named.turn_red(said.at);
        }
        if names_owner && said.word.is_trouble() {
            named.end_doubt(said);
        }
    }

    /// Applies a line about one of several links that does not say which.
    fn apply_to_unnamed(&mut self, line: &Line<'_>, (links, own): (usize, &ProfileName), rules: &Arc<Rules>) {
        // A promise precedes the line that it is about, so that line would have a name.
        let follows = rules.announcement != Announcement::Promise;
        let is_tried = |link: &Link| link.is_down() || (follows && link.is_silent());
        let retried = self.named.values().any(|link| is_tried(link));
        self.unnamed.apply(line, (links, retried), rules);
        // once red, the serving row stays so until no link is missing
        let at = line.said.at;
        let is_red = self.named.get(own).is_some_and(|link| link.is_red_but_for_a_claim(at));
        if is_red && line.said.word.is_trouble() {
            self.unnamed.links_mut().for_each(|link| link.turn_red(at));
        }
    }

    /// If each link was announced after a loss that names none of them, the link that was lost is back, whichever it is.
    fn answer_announced(&mut self, said: &Said, own: &ProfileName, layout: &Layout) {
        // counting the owners takes as long as there are many
        if !self.unnamed.any_lost() || self.owners(layout, own).count() < self.total(layout, own) {
            return;
        }
        let announced = self.owners(layout, own).map(|owner| self.announced.get(owner).copied());
        if let Some(since) = announced.min().flatten() {
            self.unnamed.answer_lost_before(since, said);
        }
    }

    /// If all links were down and red, the row of the serving profile stays red when another one is begun.
    fn keep_red(&mut self, event: &Event, own: &ProfileName, layout: &Layout, rules: &Rules) {
        let owner = match event {
            Event::Line { said, by_runner: true, .. } => event.owner(own, layout, rules).zip(Some(said.at)),
            Event::Entry { at, profile, .. } => profile.as_ref().zip(Some(*at)),
            _ => None,
        };
        let Some((owner, at)) = owner.filter(|(owner, _)| !self.told.contains(*owner)) else { return };
        self.told.insert(Arc::clone(owner));
        if self.shared.is_red(at) && self.connections.up() == 0 {
            self.connections.turn_red(at);
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
        // A link that was up may not be the one that connects.
        let is_anyones = profile.is_none() && layout.several && entry.state == EntryState::Connecting;
        let is_only = self.total(layout, own) <= 1 && !is_anyones;
        if is_only || (is_shared && entry.state.is_negative()) {
            self.shared.read_entry(at, entry, grace);
        } else {
            self.shared.expect(at, grace);
        }
        if is_shared {
            let is_told = self.named.values().any(|link| link.is_down());
            self.unnamed.read_entry(at, entry, grace, (is_told, layout.hidden), rules);
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
        self.announced.remove(profile);
        self.told.remove(profile);
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
