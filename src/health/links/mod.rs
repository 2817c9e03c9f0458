//! The links of one process: which there are, whose they are, and what each profile's amount to.
//!
//! Three views of one platform are kept side by side, because which one holds is known late:
//! - one link is possible: everything said of the platform is said of it ([`Fold::shared`](fold::Fold::shared));
//! - the lines or the state keys name profiles: a link each ([`Fold::named`](fold::Fold::named));
//! - only their connections tell the links apart: they are counted ([`Fold::connections`](fold::Fold::connections)).
//!
//! A served profile's log may be its own or a mirror of the whole process; only the twin of a line shows which, and it
//! may be read later. So the newest events are kept, and folded again when one changes its owner.

mod connections;
mod fold;
mod platform_links;
mod shown;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use self::fold::Event;
use self::platform_links::PlatformLinks;
use self::shown::Row;
pub use self::verdict::LinkVerdict;
use super::link::Said;
use super::names::{PlatformName, ProfileName};
use super::platform::Platforms;
use super::proof::Proof;
use super::reason::Reason;
use super::signal::{LinkSignal, LinkWord, LogRecord};
use super::state_file::{Lock, PlatformEntry, StateFile};
use super::timer::Timer;

/// Platforms of one process at most: more than Hermes has.
const MOST_PLATFORMS: usize = 64;

/// The links of one process.
#[derive(Debug, Clone, PartialEq)]
pub struct Links {
    own: ProfileName,
    platforms: Arc<Platforms>,
    all: BTreeMap<PlatformName, PlatformLinks>,
    /// Profiles that a line or a state key of this process names.
    shown: BTreeSet<ProfileName>,
    /// Profiles that the state file lists. The list outlives the setting.
    listed: BTreeSet<ProfileName>,
    multiplex: bool,
}

impl Links {
    /// Of a process of which nothing was heard. `own`: the profile in whose home it runs.
    pub fn new(own: ProfileName, platforms: Arc<Platforms>) -> Self {
        let none = BTreeSet::new();
        Self { own, platforms, all: BTreeMap::new(), shown: none.clone(), listed: none, multiplex: false }
    }

    /// Puts other rules in force.
    pub fn set_platforms(&mut self, platforms: &Arc<Platforms>) {
        self.platforms = Arc::clone(platforms);
        for (name, platform) in &mut self.all {
            platform.set_rules(&platforms.rules(name));
        }
    }

    /// The profiles that this process serves besides its own.
    pub fn served(&self) -> BTreeSet<ProfileName> {
        let named = self.shown.iter().chain(self.listed.iter().filter(|_| self.heeds_list()));
        named.filter(|profile| **profile != self.own).cloned().collect()
    }

    /// Whether this process serves this profile besides its own.
    pub fn serves(&self, profile: &ProfileName) -> bool {
        let named = self.shown.contains(profile) || (self.heeds_list() && self.listed.contains(profile));
        named && *profile != self.own
    }

    /// The list outlives the setting: it counts only beside something else that says the same.
    fn heeds_list(&self) -> bool {
        self.multiplex || !self.shown.is_empty()
    }

    /// Whether it has any link to watch, or one that the platform opens (webhook).
    pub fn any(&self) -> bool {
        self.all.values().any(|platform| platform.fold.exists())
    }

    /// How many platforms it has links of.
    pub fn platforms(&self) -> usize {
        self.all.values().filter(|platform| platform.fold.exists()).count()
    }

    /// What says that a platform calls the gateway.
    pub fn webhook(&self) -> Option<&Proof> {
        self.all.values().find_map(|platform| platform.fold.shared.webhook())
    }

    /// Whether some link is up and none is down: it does what it is there for.
    pub fn at_work(&self, now: Timestamp) -> bool {
        let mut existing = self.all.values().filter(|platform| platform.fold.exists()).peekable();
        existing.peek().is_some() && existing.all(|platform| platform.fold.shared.is_up(now))
    }

    /// Whether any link has been proven at any time.
    pub fn any_was_proven(&self) -> bool {
        self.all.values().any(|platform| platform.fold.shared.was_proven())
    }

    /// INFO records of some platform's SDK are hidden.
    pub fn info_hidden(&self) -> bool {
        self.all.values().any(|platform| platform.fold.shared.info_hidden())
    }

    /// A start of some link that was refused: the gateway may have ended for it.
    pub fn refused_start(&self) -> Option<(PlatformName, Reason, Proof, Option<u32>)> {
        self.all.iter().find_map(|(name, platform)| {
            let (reason, proof, pid) = platform.fold.shared.refused_start()?;
            Some((Arc::clone(name), reason, proof.clone(), pid))
        })
    }

    /// The faults of links that last as long as the process.
    pub fn lasting_faults(&self, now: Timestamp) -> impl Iterator<Item = (PlatformName, Reason, Proof)> + '_ {
        self.all.iter().filter_map(move |(name, platform)| {
            let (reason, proof) = platform.fold.shared.lasting_fault(now)?;
            Some((Arc::clone(name), reason, proof))
        })
    }

    /// Takes in a record about a link.
    pub fn apply(&mut self, at: Timestamp, record: LogRecord, signal: &LinkSignal, grace: Option<Timestamp>) {
        self.shown.extend(record.tag.clone().filter(|tag| *tag != self.own));
        let own = Arc::clone(&self.own);
        let LinkSignal { platform, word, by_runner } = signal.clone();
        let Some(platform) = self.platform(&platform) else { return };
        if platform.is_twin(&record, &own) {
            return;
        }
        let LogRecord { home, tag, connection, other_pid, at_info, stamp, key, proof, .. } = record;
        let said = Said { at, stamp, word, connection, other_pid, at_info, proof, grace };
        platform.push(Event::Line { said, key, tag, by_runner, homes: BTreeSet::from([home]) }, &own);
    }

    /// Takes in the state file of this very process. `is_own`: whether an entry is of this process's life.
    pub fn read_state(
        &mut self,
        at: Timestamp,
        state: &StateFile,
        is_own: &dyn Fn(&PlatformEntry) -> bool,
        grace: Option<Timestamp>,
    ) {
        self.listed = state.served.iter().cloned().collect();
        let own = Arc::clone(&self.own);
        for entry in state.entries.iter().filter(|entry| is_own(entry)) {
            let profile = entry.profile.clone();
            self.shown.extend(profile.clone().filter(|profile| *profile != own));
            let Some(platform) = self.platform(&entry.platform) else { continue };
            if let Some(profile) = &profile
                && platform.layout.keyed.insert(Arc::clone(profile))
            {
                platform.refold(&own);
            }
            platform.push(Event::Entry { at, profile, entry: entry.clone(), grace }, &own);
        }
    }

    /// The gateway finished its start: links that it began and said nothing of are up, as far as it knows.
    pub fn finish_start(&mut self, at: Timestamp, proof: &Proof, grace: Option<Timestamp>) {
        let own = Arc::clone(&self.own);
        for platform in self.all.values_mut().filter(|platform| platform.fold.shared.is_silent()) {
            let word = LinkWord::Announced;
            let proof = proof.clone();
            let said = Said {
                at,
                stamp: None,
                word,
                connection: None,
                other_pid: None,
                at_info: true,
                proof,
                grace,
            };
            let homes = BTreeSet::from([None]);
            platform.push(Event::Line { said, key: 0, tag: None, by_runner: true, homes }, &own);
        }
    }

    /// The lock files of this process.
    pub fn read_locks(&mut self, pid: u32, locks: &[Lock]) {
        let mut counts: BTreeMap<PlatformName, BTreeSet<&str>> = BTreeMap::new();
        for lock in locks.iter().filter(|lock| lock.pid == pid) {
            if let Some(platform) = self.platforms.of_lock(&lock.scope) {
                counts.entry(platform.into()).or_default().insert(&lock.id);
            }
        }
        for platform in self.all.values_mut() {
            platform.layout.locks = 0;
        }
        for (name, ids) in counts {
            if let Some(platform) = self.platform(&name) {
                platform.layout.locks = ids.len();
            }
        }
    }

    /// Whether the serving profile's configuration says that several profiles are served.
    pub fn set_multiplex(&mut self, multiplex: bool) {
        self.multiplex = multiplex;
    }

    /// A new start in the same process: what was said of connections before is void.
    pub fn reset_connections(&mut self) {
        self.all.values_mut().for_each(PlatformLinks::reset_connections);
    }

    /// Forgets what the files of another process said.
    pub fn forget_files(&mut self) {
        self.listed.clear();
        self.all.values_mut().for_each(PlatformLinks::forget_files);
    }

    /// The spans of all links, for a sleep of the machine.
    pub(super) fn timers_mut(&mut self) -> impl Iterator<Item = &mut Timer> {
        self.all.values_mut().flat_map(PlatformLinks::timers_mut)
    }

    /// Every moment at which time alone may change a view.
    pub fn deadlines(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.all.values().flat_map(PlatformLinks::deadlines)
    }

    /// The links of one profile. `start`: until when a silent link is starting.
    pub fn of(&self, profile: &ProfileName, now: Timestamp, start: &Timer) -> Vec<LinkVerdict> {
        let row = Row { profile, is_own: *profile == self.own, own: &self.own, now, start };
        self.all.iter().filter_map(|(name, platform)| platform.of(name, &row)).collect()
    }

    fn platform(&mut self, name: &PlatformName) -> Option<&mut PlatformLinks> {
        if !self.all.contains_key(name) {
            if self.all.len() >= MOST_PLATFORMS {
                return None;
            }
            let rules = self.platforms.rules(name);
            self.all.insert(Arc::clone(name), PlatformLinks::new(rules));
        }
        self.all.get_mut(name)
    }
}
