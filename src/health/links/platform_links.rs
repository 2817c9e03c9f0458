//! The links of one platform in one process: the newest events, whose owners may still change, and the state after
//! all events.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::agenda::Agenda;
use super::event::{Event, Homes};
use super::fold::Fold;
use super::layout::Layout;
use super::lost::{LONGEST_CONNECT, SAME_ATTEMPT};
use super::shown::{Asked, Row};
use super::verdict::JudgedLink;
use crate::health::link::{Link, SAME_MOMENT, Said};
use crate::health::names::{PlatformName, ProfileName};
use crate::health::platform::{Announcement, Rules};
use crate::health::proof::Proof;
use crate::health::signal::{LinkWord, LogRecord};
use crate::health::timer::{Earliest, after};
use crate::health::touched::Touched;

/// Events whose owner may still change.
const KEPT: usize = 64;

/// A line is read from another log within this time.
const LATEST_COPY: Duration = Duration::from_secs(60);

/// What an adapter logs of an attempt, each once.
const OF_ATTEMPT: [LinkWord; 3] = [LinkWord::Attempt, LinkWord::Proof, LinkWord::Claim];

/// The links of one platform.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlatformLinks {
    pub name: PlatformName,
    pub rules: Arc<Rules>,
    /// The state before the oldest kept event.
    base: Fold,
    recent: VecDeque<Event>,
    /// The profiles whose logs had a line about the platform.
    homes: Homes,
    /// The state after the newest event.
    pub fold: Fold,
    pub layout: Layout,
    /// Whether an event older than the kept ones showed that served profiles have logs of their own.
    showed_own_logs: bool,
    /// The rows for which something changed since they were judged.
    touched: Touched,
    /// The next times of the links of [`Fold::named`], where each row shows one of those; `None`: all links have to be asked.
    agenda: Option<Agenda>,
}

/// What the rows of other profiles than the one that a line is about depend on.
#[derive(PartialEq)]
struct Common {
    /// Each row shows a link that is known apart from all others.
    is_apart: bool,
    exists: bool,
    info_hidden: bool,
    webhook: Option<Proof>,
    last_message: Option<Timestamp>,
}

impl PlatformLinks {
    pub(super) fn new(name: PlatformName, rules: Arc<Rules>) -> Self {
        let fold = Fold::new(&rules);
        let (base, homes, layout) = (fold.clone(), Homes::default(), Layout::default());
        Self {
            name,
            rules,
            base,
            recent: VecDeque::new(),
            homes,
            fold,
            layout,
            showed_own_logs: false,
            touched: Touched::All,
            agenda: None,
        }
    }

    pub(super) fn set_rules(&mut self, rules: &Arc<Rules>) {
        self.touch_all();
        self.rules = Arc::clone(rules);
        for fold in [&mut self.base, &mut self.fold] {
            fold.links_mut().for_each(|link| link.set_rules(Arc::clone(rules)));
        }
    }

    /// If the same record was already read from another profile's log: the served profiles whose logs contain it.
    pub(super) fn take_twin(&mut self, record: &LogRecord, own: &ProfileName) -> Option<Box<[ProfileName]>> {
        self.homes.add(record.home.as_ref());
        // No other log has lines, so none has this one.
        if !self.homes.has_others_than(record.home.as_ref()) {
            return None;
        }
        let stamp = record.stamp?;
        let home = record.home.as_ref();
        // two links may log the same at the same time
        let homes = self.recent.iter_mut().find_map(|event| match event {
            Event::Line { said, key, homes, .. }
                if *key == record.key && said.stamp == Some(stamp) && !homes.contain(home) =>
            {
                Some(homes)
            }
            _ => None,
        })?;
        homes.add(home);
        let served = homes.served.clone();
        if self.layout.is_separate(&self.rules) {
            self.refold(own);
        }
        Some(served)
    }

    /// The logs of these profiles mirror the whole process, so they do not show whose link a line is about.
    pub(super) fn set_mirrors(&mut self, mirrors: &BTreeSet<ProfileName>, own: &ProfileName) {
        self.showed_own_logs = false;
        self.recent.iter_mut().for_each(|event| event.note_mirrors(mirrors));
        self.refold(own);
    }

    /// Each profile's log holds only what is about that profile: links of several profiles logged the same at the same time.
    pub(super) fn split_twins(&mut self, own: &ProfileName) {
        let recent = std::mem::take(&mut self.recent);
        self.recent = recent.into_iter().flat_map(Event::of_each_home).collect();
        self.refold(own);
    }

    /// Whether the record was already read without its stamp (`gateway.error.log` has none). Then the event is folded again with
    /// the stamp: counted twice, it would be about two links.
    pub(super) fn is_stamped_copy(&mut self, at: Timestamp, record: &LogRecord, own: &ProfileName) -> bool {
        let Some(stamp) = record.stamp.filter(|_| record.key != 0) else { return false };
        let is_same = |said: &Said| said.stamp.is_none() && at < after(said.at, LATEST_COPY);
        let same = self.recent.iter_mut().enumerate().find_map(|(place, event)| match event {
            Event::Line { said, key, homes, .. }
                if *key == record.key && is_same(said) && !homes.has_others_than(record.home.as_ref()) =>
            {
                Some((place, said))
            }
            _ => None,
        });
        let Some((place, said)) = same else { return false };
        (said.stamp, said.proof) = (Some(stamp), record.proof.clone());
        self.order_by_stamp(place, stamp, at);
        self.refold(own);
        true
    }

    /// Moves the line at this place, whose stamp is known now, behind lines of other logs that were written before it and read
    /// after it. `at`: when the stamp was read.
    fn order_by_stamp(&mut self, place: usize, stamp: DateTime, at: Timestamp) {
        let is_earlier = |event: &Event| matches!(event, Event::Line { said, .. } if said.stamp.is_some_and(|other| other < stamp));
        let Some(last) = self.recent.iter().rposition(is_earlier).filter(|last| *last > place) else {
            return;
        };
        if let Some(mut event) = self.recent.remove(place) {
            if let Event::Line { said, .. } = &mut event {
                said.at = at;
            }
            self.recent.insert(last, event);
        }
    }

    /// Puts the beginning of an attempt before the line that ended it, if that was written right after it and is known.
    pub(super) fn push_before_its_end(&mut self, mut event: Event, own: &ProfileName) {
        let Event::Line { said, .. } = &mut event else { return };
        let Some(begun) = said.stamp else { return };
        self.make_room(own);
        let end = self.recent.iter().enumerate().find_map(|(place, event)| match event {
            Event::Line { said: end, .. } => {
                let span = Duration::try_from(end.stamp?.duration_since(begun)).ok()?;
                (!span.is_zero() && span <= SAME_MOMENT).then_some((place, end.at))
            }
            _ => None,
        });
        let Some((place, at)) = end else { return };
        said.at = at;
        self.recent.insert(place, event);
        self.refold(own);
    }

    /// Drops the oldest event if there are too many, so that its owner changes no more.
    fn make_room(&mut self, own: &ProfileName) {
        if self.recent.len() >= KEPT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.showed_own_logs |= oldest.shows_own_logs(self.layout.is_keyed());
            self.base.apply(&oldest, own, &self.layout, &self.rules);
        }
    }

    pub(super) fn push(&mut self, mut event: Event, own: &ProfileName) {
        let shows_layout = !self.layout.own_logs && event.shows_own_logs(self.layout.is_keyed());
        let names_account = self.infer_account(&event, own);
        let names_earlier =
            self.name_attempt(&mut event, own) || event.failed_of(own).is_some() || names_account;
        // first, so that the queue never reserves room for twice as many
        self.make_room(own);
        self.recent.push_back(event);
        if shows_layout || names_earlier {
            self.refold(own);
        } else if let Some(newest) = self.recent.back() {
            let links = |fold: &Fold| {
                fold.claims.len().max(fold.accounts.len()) + usize::from(fold.hides_own(&self.layout, own))
            };
            let (known, common) = (links(&self.fold), self.common(own));
            let owner = newest.owner(own, &self.layout, &self.rules).zip(newest.written());
            let alone = owner.filter(|_| common.is_apart).map(|(owner, line)| (Arc::clone(owner), line.at));
            self.fold.apply(newest, own, &self.layout, &self.rules);
            if links(&self.fold) > known.max(1) {
                self.refold(own);
            } else if let Some((owner, at)) = alone.filter(|_| self.common(own) == common) {
                self.touch(owner, at);
            } else {
                self.touch_all();
            }
        }
    }

    fn common(&self, own: &ProfileName) -> Common {
        let shared = &self.fold.shared;
        Common {
            is_apart: self.is_apart(own),
            exists: shared.exists(),
            info_hidden: shared.info_hidden(),
            webhook: shared.webhook().cloned(),
            last_message: shared.last_message(),
        }
    }

    /// Whether each row shows a link that is known apart from all others.
    fn is_apart(&self, own: &ProfileName) -> bool {
        self.layout.is_separate(&self.rules) && self.fold.total(&self.layout, own) > 1
    }

    /// Only the row of this profile may show something else now.
    fn touch(&mut self, owner: ProfileName, at: Timestamp) {
        if let Some((agenda, link)) = self.agenda.as_mut().zip(self.fold.named.get(&owner)) {
            agenda.set(&owner, link, at);
        }
        self.touched.add(owner);
    }

    fn touch_all(&mut self) {
        self.touched = Touched::All;
        self.agenda = None;
    }

    /// The rows for which something changed since the last call. `now`: the time at which they are judged.
    pub(super) fn take_touched(&mut self, now: Timestamp, own: &ProfileName) -> Touched {
        if let Some(agenda) = &mut self.agenda {
            agenda.pass(&self.fold.named, now).into_iter().for_each(|owner| self.touched.add(owner));
        } else if self.is_apart(own) {
            self.agenda = Some(Agenda::of(&self.fold.named, now));
        }
        self.touched.take()
    }

    /// `gateway.run` names the profile of an attempt whose result its adapter logs without a name: just before, or just after
    /// where the announcement is a promise. Then those lines get the name. Returns whether an earlier one got it.
    fn name_attempt(&mut self, event: &mut Event, own: &ProfileName) -> bool {
        let separate = self.layout.is_separate(&self.rules);
        let Some(written) = event.written().filter(|_| !self.rules.connections) else { return false };
        let is_near = |earlier: &&mut Event| {
            earlier.written().is_none_or(|earlier| earlier.until(written) <= SAME_ATTEMPT)
        };
        if let Some(owner) = event.announced(own, separate) {
            let mut named = false;
            for word in OF_ATTEMPT {
                let mut near = self.recent.iter_mut().rev().take_while(is_near);
                let result = near.find(|earlier| earlier.is_unnamed(word, own, separate));
                named |= result.is_some_and(|result| result.name(Arc::clone(owner)));
            }
            return named;
        }
        let follows = self.rules.announcement == Announcement::Promise;
        if follows && OF_ATTEMPT.iter().any(|word| event.is_unnamed(*word, own, separate)) {
            let mut near = self.recent.iter_mut().rev().take_while(is_near);
            let newest = near.find(|near| near.is_result() || near.announced(own, separate).is_some());
            if let Some(owner) = newest.and_then(|newest| newest.announced(own, separate)).cloned() {
                event.name(owner);
            }
        }
        false
    }

    /// `gateway.run` names the profile that it failed to connect just after the adapter named the account. Returns whether that
    /// tells whose account it is.
    fn infer_account(&mut self, event: &Event, own: &ProfileName) -> bool {
        let failed = event.failed(own).zip(event.written()).filter(|_| !self.rules.connections);
        let Some((owner, written)) = failed else { return false };
        let is_near =
            |earlier: &&Event| earlier.written().is_none_or(|earlier| earlier.until(written) <= SAME_ATTEMPT);
        let mut near = self.recent.iter().rev().take_while(is_near).filter_map(Event::failed_account);
        near.next().is_some_and(|account| self.layout.infer_account(account, owner))
    }

    /// The first attempt of a profile that was added while the gateway runs is logged in the serving profile's log: only
    /// then does the profile get a log of its own. If it fails, its adapter's lines are not about the serving profile.
    fn name_first_failures(&mut self, own: &ProfileName) {
        for place in 0..self.recent.len() {
            let (before, failure) = (&self.recent, &self.recent[place]);
            let (Some(owner), Some(written)) = (failure.failed_of(own).cloned(), failure.written()) else {
                continue;
            };
            if before.iter().take(place).any(|earlier| earlier.is_in_log_of(&owner)) {
                continue;
            }
            let is_near = |earlier: &&mut Event| {
                let span = if earlier.is_of_connect() { LONGEST_CONNECT } else { SAME_ATTEMPT };
                earlier.written().is_some_and(|earlier| earlier.until(written) <= span)
            };
            let near = self.recent.iter_mut().take(place).filter(is_near);
            near.filter(|earlier| earlier.is_unnamed_trouble()).for_each(|trouble| {
                trouble.name(Arc::clone(&owner));
            });
        }
    }

    pub(super) fn refold(&mut self, own: &ProfileName) {
        let keyed = self.layout.is_keyed();
        self.layout.own_logs =
            self.showed_own_logs || self.recent.iter().any(|event| event.shows_own_logs(keyed));
        self.touch_all();
        if self.layout.is_separate(&self.rules) {
            self.name_first_failures(own);
        }
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
            for (account, owner) in &locks {
                if let Some(owner) = owner {
                    self.layout.set_account(account, owner);
                }
            }
            self.layout.locks = locks;
            self.count_owners();
            self.refold(own);
        }
    }

    /// Takes in that state keys name this profile.
    pub(super) fn add_key(&mut self, profile: &ProfileName, own: &ProfileName) {
        if self.layout.keyed.insert(Arc::clone(profile)) {
            self.count_owners();
            self.refold(own);
        }
    }

    /// To be called whenever the state keys or the lock files change.
    fn count_owners(&mut self) {
        self.base.count_owners(&self.layout);
        self.fold.count_owners(&self.layout);
    }

    /// Drops the link of a profile that is served no longer.
    pub(super) fn remove(&mut self, profile: &ProfileName, own: &ProfileName) {
        self.layout.remove_account(profile);
        if self.layout.keyed.remove(profile) || self.fold.claims.contains(profile) {
            self.count_owners();
            self.push(Event::Left(Arc::clone(profile)), own);
        }
    }

    /// Drops what the state file said of a shutdown whose announcement is read now.
    pub(super) fn forget_teardown(&mut self, now: Timestamp, own: &ProfileName) {
        let known = self.recent.len();
        self.recent.retain(|event| !event.is_of_shutdown(now));
        if self.recent.len() < known {
            self.refold(own);
        }
    }

    /// Sets whether the log level hides the lines that announce links, and whether the process serves several profiles.
    pub(super) fn set_process(&mut self, hidden: bool, several: bool, own: &ProfileName) {
        if (self.layout.hidden, self.layout.several) != (hidden, several) {
            (self.layout.hidden, self.layout.several) = (hidden, several);
            self.refold(own);
        }
    }

    /// Drops what the files of another process said.
    pub(super) fn forget_files(&mut self, own: &ProfileName) {
        self.layout.keyed.clear();
        self.count_owners();
        self.push(Event::FilesForgotten, own);
    }

    /// The next moments at which the view of a single row may change without new evidence.
    pub(super) fn deadlines_of_rows(&self, due: &mut Earliest) {
        if let Some(agenda) = &self.agenda {
            agenda.deadlines(&self.fold.named, due);
        }
    }

    /// Every moment at which the views of all rows may.
    pub(super) fn deadlines(&self, due: &mut Earliest) {
        for link in self.fold.connections.missing() {
            due.add([link.patience.due(), link.unconfirmed_at(&self.rules.times)]);
        }
        self.fold.unnamed.deadlines(due);
        match &self.agenda {
            Some(_) => self.fold.common_links().for_each(|link| link.deadlines(due)),
            None => self.fold.links().for_each(|link| link.deadlines(due)),
        }
    }

    /// Whether a link is expected of which no line was read.
    pub(super) fn any_silent(&self) -> bool {
        match &self.agenda {
            Some(agenda) => agenda.any_silent() || self.fold.common_links().any(Link::is_silent),
            None => self.fold.links().any(Link::is_silent),
        }
    }

    /// The link of this platform in one row.
    pub(super) fn of(&self, row: &Row<'_>) -> Option<JudgedLink<'_>> {
        let Self { name: platform, rules, fold, layout, .. } = self;
        let exists = fold.exists() || (layout.is_separate(rules) && fold.any_named_exists());
        exists.then(|| {
            Asked { platform, rules, fold, layout, links: fold.total(layout, row.own), row }.verdict()
        })?
    }
}
