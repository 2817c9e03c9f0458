//! The links of one process: which there are, which profiles they belong to, and their states.
//!
//! Four views of one platform are kept side by side, because which one holds is known late:
//! - one link is possible: all lines about the platform are about it ([`Fold::shared`](fold::Fold::shared));
//! - the lines or the state keys name profiles: a link each ([`Fold::named`](fold::Fold::named));
//! - only their connections tell the links apart: they are counted ([`Fold::connections`](fold::Fold::connections));
//! - nothing does: those that are down are counted ([`Fold::unnamed`](fold::Fold::unnamed)).
//!
//! A served profile's log may be its own or a mirror of the whole process; only the twin of a line shows which, and it
//! may be read later. So the newest events are kept, and folded again when one changes its owner.

mod agenda;
mod attempts;
mod connections;
mod event;
mod fold;
mod layout;
mod lost;
mod platform_links;
mod shown;
mod unnamed;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use self::event::{Event, Homes};
pub(super) use self::lost::{LONGEST_CONNECT, SAME_ATTEMPT};
use self::platform_links::PlatformLinks;
use self::shown::Row;
pub(super) use self::verdict::JudgedLink;
pub use self::verdict::LinkVerdict;
use super::link::Said;
use super::names::{PlatformName, ProfileName};
use super::platform::{Announcement, Platforms};
use super::proof::Proof;
use super::reason::Reason;
use super::signal::{Hints, LinkSignal, LinkWord, LogRecord, Signal};
use super::state_file::{EntryState, LifeState, Lock, PlatformEntry, StateFile};
use super::time::Slept;
use super::timer::{Earliest, Timer};
use super::touched::Touched;
use crate::order::Collect as _;

/// Most records of a shutdown that are kept until it is known whether it is a drain.
const MAX_WITHHELD: usize = 64;

/// Most platforms of one process: more than Hermes has.
const MAX_PLATFORMS: usize = 64;

/// What happens while the links are being closed, unless that turns out to be a drain.
#[derive(Debug, Clone, PartialEq)]
enum Withheld {
    Record {
        at: Timestamp,
        record: LogRecord,
        grace: Option<Timestamp>,
    },
    /// A sleep of the machine, or a suspension of the process, after one of these records.
    Pause(Event),
}

/// The links of one process.
#[derive(Debug, Clone, PartialEq)]
pub struct Links {
    own: ProfileName,
    platforms: Arc<Platforms>,
    /// In the order of their names.
    all: Vec<PlatformLinks>,
    /// The profiles that a line or a state key of this process names.
    shown: BTreeSet<ProfileName>,
    /// The profiles that the state file lists. The list outlives the setting.
    listed: BTreeSet<ProfileName>,
    multiplex: bool,
    /// The served profiles whose logs mirror the whole process (hermes-agent 0.19): a line in them is also in another log.
    /// `None`: none does, as state keys name profiles, and such versions write the records of each profile to its own log.
    mirrors: Option<BTreeSet<ProfileName>>,
    /// The log level hides the lines that announce links.
    hidden: bool,
    /// A shutdown is in progress.
    closing: bool,
    /// Records of a shutdown that may turn out to be a drain, in which the links stay up.
    withheld: Vec<Withheld>,
    /// The rows for which something changed since they were judged, besides those of the platforms.
    touched: Touched,
}

impl Links {
    /// The links of a process that has written nothing yet. `own`: the profile in whose home it runs.
    pub fn new(own: ProfileName, platforms: Arc<Platforms>) -> Self {
        let none = BTreeSet::new();
        Self {
            own,
            platforms,
            all: Vec::new(),
            shown: none.clone(),
            mirrors: Some(none.clone()),
            listed: none,
            multiplex: false,
            hidden: false,
            closing: false,
            withheld: Vec::new(),
            touched: Touched::All,
        }
    }

    /// Notes that every row may be judged differently now.
    pub(super) fn touch_all(&mut self) {
        self.touched = Touched::All;
    }

    /// The rows for which a record about a link changed something since the last call, or the time of whose link has come.
    /// `now`: the time at which they are judged.
    pub(super) fn take_touched(&mut self, now: Timestamp) -> Touched {
        let mut touched = self.touched.take();
        for platform in &mut self.all {
            touched.add_all(platform.take_touched(now, &self.own));
        }
        touched
    }

    /// Sets other rules.
    pub fn set_platforms(&mut self, platforms: &Arc<Platforms>) {
        self.platforms = Arc::clone(platforms);
        for platform in &mut self.all {
            platform.set_rules(platforms.rules(&platform.name));
        }
    }

    /// The profiles that this process serves besides its own; some of them twice.
    pub(super) fn served(&self) -> impl Iterator<Item = &ProfileName> {
        let named = self.shown.iter().chain(self.listed.iter().filter(|_| self.serves_several()));
        named.filter(|profile| **profile != self.own)
    }

    /// Whether this process serves this profile besides its own.
    pub fn serves(&self, profile: &ProfileName) -> bool {
        let named = self.shown.contains(profile) || (self.serves_several() && self.listed.contains(profile));
        named && *profile != self.own
    }

    /// Whether it is known to serve several profiles. The list alone does not show that: it outlives the setting.
    fn serves_several(&self) -> bool {
        self.multiplex || !self.shown.is_empty()
    }

    /// Whether it has any link to watch.
    pub fn any(&self) -> bool {
        self.all.iter().any(|platform| platform.fold.exists())
    }

    /// Whether the announcement of a link of this platform means nothing: what comes of the attempt is logged later.
    pub fn only_promises(&self, platform: &str) -> bool {
        self.platforms.rules(platform).announcement == Announcement::Promise
    }

    /// How many platforms it has links of.
    pub fn platforms(&self) -> usize {
        self.all.iter().filter(|platform| platform.fold.exists()).count()
    }

    /// The proof that a platform calls the gateway (webhook).
    pub fn webhook(&self) -> Option<&Proof> {
        self.all.iter().find_map(|platform| platform.fold.shared.webhook())
    }

    /// Whether some link is up and none is down.
    pub fn at_work(&self, now: Timestamp) -> bool {
        let mut existing = self.all.iter().filter(|platform| platform.fold.exists()).peekable();
        existing.peek().is_some() && existing.all(|platform| platform.fold.shared.is_up(now))
    }

    /// Whether a link is expected of which no line was read.
    pub fn any_silent(&self) -> bool {
        self.all.iter().any(PlatformLinks::any_silent)
    }

    /// Whether any link has been proven at any time.
    pub fn any_was_proven(&self) -> bool {
        self.all.iter().any(|platform| platform.fold.shared.was_proven())
    }

    /// Whether INFO records of some platform's SDK are hidden.
    pub fn info_hidden(&self) -> bool {
        self.all.iter().any(|platform| platform.fold.shared.info_hidden())
    }

    /// The links whose start was refused: the gateway may have ended for them.
    pub fn refused_starts(&self) -> impl Iterator<Item = (&PlatformName, Reason, &Proof, Option<u32>)> {
        self.all.iter().filter_map(|platform| {
            let (reason, proof, pid) = platform.fold.shared.refused_start()?;
            Some((&platform.name, reason, proof, pid))
        })
    }

    /// The faults of links that last as long as the process.
    pub fn lasting_faults(&self, now: Timestamp) -> impl Iterator<Item = (&PlatformName, Reason, &Proof)> {
        self.all.iter().filter_map(move |platform| {
            let (reason, proof) = platform.fold.shared.lasting_fault(now)?;
            Some((&platform.name, reason, proof))
        })
    }

    /// Takes in a record about a link. `closes`: a shutdown closes the links, so that it counts only if that becomes a drain.
    pub fn take(&mut self, at: Timestamp, record: LogRecord, grace: Option<Timestamp>, closes: bool) {
        if !closes {
            self.apply(at, record, grace, PlatformLinks::push);
        } else if self.withheld.len() < MAX_WITHHELD {
            self.withheld.push(Withheld::Record { at, record, grace });
        }
    }

    /// Takes in the beginning of an attempt that is read after a newer line.
    pub fn take_begun_attempt(&mut self, at: Timestamp, record: LogRecord, grace: Option<Timestamp>) {
        self.apply(at, record, grace, PlatformLinks::push_before_its_end);
    }

    /// Takes in a record about a link. `push`: where its event belongs.
    fn apply(
        &mut self,
        at: Timestamp,
        record: LogRecord,
        grace: Option<Timestamp>,
        push: impl FnOnce(&mut PlatformLinks, Event, &ProfileName),
    ) {
        let Signal::Link(signal) = &record.signal else { return };
        let LinkSignal { platform, word, by_runner, hints } = signal.clone();
        if let Some(tag) = record.tag.as_ref().filter(|tag| **tag != self.own && !self.shown.contains(*tag)) {
            self.shown.insert(Arc::clone(tag));
            self.touch_all();
        }
        let several = self.serves_several();
        let Self { own, platforms, all, hidden: blind, mirrors, .. } = self;
        let Some(platform) = platform_in(all, platforms, &platform) else { return };
        let (blind, phase) = (*blind && !platform.fold.shared.info_shown(), hints.phase);
        platform.set_process(blind, several, own);
        if platform.is_stamped_copy(at, &record, own) {
            return;
        }
        if let Some(mirrors) = mirrors
            && let Some(served) = platform.take_twin(&record, own)
        {
            let known = mirrors.len();
            mirrors.extend(served);
            if mirrors.len() > known {
                for platform in all {
                    platform.set_mirrors(mirrors, own);
                }
            }
            return;
        }
        let LogRecord { home, tag, connection, other_pid, at_info, stamp, key, proof, .. } = record;
        let said = Said { at, stamp, word, connection, other_pid, at_info, proof, grace, blind, phase };
        let mut event = Event::Line { said, key, tag, by_runner, hints, homes: Homes::one(home) };
        if let Some(mirrors) = mirrors {
            event.note_mirrors(mirrors);
        }
        push(platform, event, own);
    }

    /// Takes in this process's own state file. `is_own`: whether this process wrote an entry.
    pub fn read_state(
        &mut self,
        at: Timestamp,
        state: &StateFile,
        is_own: &dyn Fn(&PlatformEntry) -> bool,
        grace: Option<Timestamp>,
    ) {
        let withheld = std::mem::take(&mut self.withheld);
        for withheld in withheld.into_iter().filter(|_| state.life == LifeState::Draining) {
            match withheld {
                Withheld::Record { at, record, grace } => self.apply(at, record, grace, PlatformLinks::push),
                Withheld::Pause(pause) => self.push_to_all(&pause),
            }
        }
        self.listed = state.served.iter().cloned().collect();
        let entries = || state.entries.iter().filter(|entry| is_own(entry));
        let keyed: BTreeSet<&ProfileName> = entries().filter_map(|entry| entry.profile.as_ref()).to_set();
        self.note_left(&keyed);
        let several = self.serves_several();
        let Self { own, platforms, all, shown, hidden, .. } = self;
        // Where others have keys of their own, a key without a profile is the serving one's alone.
        let is_keyed = !keyed.is_empty();
        if is_keyed && self.mirrors.take().is_some() {
            for platform in all.iter_mut() {
                platform.split_twins(own);
            }
        }
        for entry in entries() {
            let profile = entry.profile.clone().or_else(|| is_keyed.then(|| Arc::clone(own)));
            shown.extend(profile.clone().filter(|profile| profile != own));
            let Some(platform) = platform_in(all, platforms, &entry.platform) else { continue };
            platform.set_process(*hidden && !platform.fold.shared.info_shown(), several, own);
            if let Some(profile) = profile.as_ref().filter(|_| entry.state != EntryState::Disabled) {
                platform.add_key(profile, own);
            }
            platform.push(Event::Entry { at, profile, entry: entry.clone(), grace }, own);
        }
    }

    /// Drops the profiles that the gateway stopped serving while it runs: their keys are gone from its state file, and it
    /// no longer lists them (hermes-agent after 0.20, gateway/run_profile_reconcile.py). `keyed`: the profiles with a key.
    fn note_left(&mut self, keyed: &BTreeSet<&ProfileName>) {
        if self.listed.is_empty() {
            return;
        }
        let had_key = self.all.iter().flat_map(|platform| platform.layout.keyed.iter());
        let is_left = |profile: &&ProfileName| {
            **profile != self.own && !keyed.contains(profile) && !self.listed.contains(*profile)
        };
        let left: BTreeSet<ProfileName> = had_key.filter(is_left).cloned().to_set();
        for profile in left {
            self.shown.remove(&profile);
            for platform in &mut self.all {
                platform.remove(&profile, &self.own);
            }
        }
    }

    /// The gateway finished its start: links that it began to connect without logging a result count as announced.
    pub fn finish_start(&mut self, at: Timestamp, proof: &Proof, grace: Option<Timestamp>) {
        let own = &self.own;
        for platform in &mut self.all {
            for home in platform.fold.silent(own) {
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
                    blind: false,
                    phase: None,
                };
                let line = Event::Line {
                    said,
                    key: 0,
                    tag: home,
                    by_runner: true,
                    hints: Hints::default(),
                    homes: Homes::one(None),
                };
                platform.push(line, own);
            }
        }
    }

    /// Takes in the lock files of this process.
    pub fn read_locks(&mut self, pid: u32, locks: &[Lock]) {
        let mut held: BTreeMap<PlatformName, BTreeMap<Arc<str>, Option<ProfileName>>> = BTreeMap::new();
        for lock in locks.iter().filter(|lock| lock.pid == pid) {
            if let Some(platform) = self.platforms.of_lock(&lock.scope) {
                held.entry(platform.into())
                    .or_default()
                    .insert(lock.id.as_str().into(), lock.owner.as_deref().map(Into::into));
            }
        }
        let Self { own, platforms, all, shown, .. } = self;
        for platform in &mut *all {
            if !held.contains_key(&platform.name) {
                platform.set_locks(BTreeMap::new(), own);
            }
        }
        for (name, ids) in held {
            shown.extend(ids.values().flatten().filter(|owner| *owner != own).cloned());
            if let Some(platform) = platform_in(all, platforms, &name) {
                platform.set_locks(ids, own);
            }
        }
    }

    /// Whether lines of this platform name connections.
    pub fn names_connections(&self, platform: &str) -> bool {
        self.platforms.rules(platform).connections
    }

    /// Sets whether the log level hides the lines that announce links.
    pub fn set_hidden(&mut self, hidden: bool) {
        self.hidden = hidden;
    }

    /// Sets whether the serving profile's configuration has `multiplex_profiles` on.
    pub fn set_multiplex(&mut self, multiplex: bool) {
        self.multiplex = multiplex;
    }

    /// Whether it may serve several profiles, each with links of its own.
    pub fn is_multiplex(&self) -> bool {
        self.multiplex
    }

    /// The process starts again: everything known of its connections is dropped.
    pub fn reset_connections(&mut self) {
        self.withheld.clear();
        self.push_to_all(&Event::Restarted);
    }

    /// Sets whether a shutdown is in progress. The state file may say what it did to the links before its announcement is read.
    pub fn set_closing(&mut self, closing: bool, now: Timestamp) {
        if !std::mem::replace(&mut self.closing, closing) && closing {
            self.all.iter_mut().for_each(|platform| platform.forget_teardown(now, &self.own));
        }
    }

    /// Drops what the files of another process said.
    pub fn forget_files(&mut self) {
        self.listed.clear();
        self.all.iter_mut().for_each(|platform| platform.forget_files(&self.own));
    }

    /// The machine slept: timers that were running begin again.
    pub(super) fn restart_after_sleep(&mut self, slept: Slept) {
        self.pause(Event::Slept(slept));
    }

    /// The process was suspended: it could write nothing, so silence counts anew.
    pub(super) fn restart_silence(&mut self, suspended: Slept) {
        self.pause(Event::Suspended(suspended));
    }

    /// Every moment at which the views of all rows may change without new evidence.
    pub(super) fn deadlines(&self, due: &mut Earliest) {
        self.all.iter().for_each(|platform| platform.deadlines(due));
    }

    /// The next moments at which the view of a single row may.
    pub(super) fn deadlines_of_rows(&self, due: &mut Earliest) {
        self.all.iter().for_each(|platform| platform.deadlines_of_rows(due));
    }

    /// The links that one row shows. `start`: how long a link without a line may be starting.
    pub(super) fn of(&self, profile: &ProfileName, now: Timestamp, start: &Timer) -> Vec<JudgedLink<'_>> {
        let row = Row { profile, is_own: *profile == self.own, own: &self.own, now, start };
        self.all.iter().filter_map(|platform| platform.of(&row)).collect()
    }

    /// Timers that run are restarted, and those that withheld records start will be.
    fn pause(&mut self, pause: Event) {
        self.push_to_all(&pause);
        if (1..MAX_WITHHELD).contains(&self.withheld.len()) {
            self.withheld.push(Withheld::Pause(pause));
        }
    }

    fn push_to_all(&mut self, event: &Event) {
        self.all.iter_mut().for_each(|platform| platform.push(event.clone(), &self.own));
    }
}

/// The links of this platform; `None`: there are too many platforms.
fn platform_in<'a>(
    all: &'a mut Vec<PlatformLinks>,
    platforms: &Platforms,
    name: &PlatformName,
) -> Option<&'a mut PlatformLinks> {
    let place = match all.binary_search_by(|platform| platform.name.cmp(name)) {
        Ok(place) => place,
        Err(_) if all.len() >= MAX_PLATFORMS => return None,
        Err(place) => {
            all.insert(place, PlatformLinks::new(Arc::clone(name), Arc::clone(platforms.rules(name))));
            place
        }
    };
    all.get_mut(place)
}
