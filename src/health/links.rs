//! The links of one process: which there are, whose they are, and what each profile's amount to.
//!
//! Three ways of looking at one platform, kept side by side because which one holds is known late:
//! - one link is possible: everything said of the platform is said of it ([`Fold::shared`]);
//! - the lines or the state keys name profiles: a link each ([`Fold::named`]);
//! - nothing tells the links apart but their connections: they are counted ([`Fold::connections`]).
//!
//! A served profile's log may be its own or a mirror of the whole process; only the twin of a line tells, and it may be
//! read later. So the newest events are kept, and folded again when one changes its owner.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::connections::{Connections, Missing};
use super::evidence::{
    LinkSignal, LinkWord, Lock, LogRecord, PlatformEntry, PlatformName, ProfileName, Proof, StateFile,
};
use super::link::{Link, Said, View};
use super::platform::{Platforms, Rules};
use super::reason::{Light, Reason};
use super::timer::{Timer, after};

/// Events of one platform that may still change their owner.
const KEPT: usize = 64;

/// Platforms of one process at most: more than Hermes has.
const MOST_PLATFORMS: usize = 64;

/// What is said of one link, for one row.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkVerdict {
    /// The platform.
    pub platform: PlatformName,
    /// Why it is what it is.
    pub reason: Reason,
    /// The light.
    pub light: Light,
    /// Since when.
    pub since: Timestamp,
    /// What showed it.
    pub evidence: Option<Proof>,
    /// How many of how many links are missing, where they can only be counted.
    pub missing: Option<(u32, u32)>,
    /// When the newest message arrived.
    pub last_message_at: Option<Timestamp>,
    /// Another process that matters.
    pub other_pid: Option<u32>,
    /// Red only because nothing was heard, which proves nothing where INFO records are hidden.
    pub by_silence: bool,
    /// The user does not want it to count.
    pub ignored: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Event {
    Line {
        said: Said,
        key: u64,
        tag: Option<ProfileName>,
        /// A sentence of `gateway.run`, which names the profile of all but the serving one.
        by_runner: bool,
        /// Whose logs hold it; `None`: the serving profile's.
        homes: BTreeSet<Option<ProfileName>>,
    },
    Entry {
        at: Timestamp,
        profile: Option<ProfileName>,
        entry: PlatformEntry,
        grace: Option<Timestamp>,
    },
}

/// What the events of one platform add up to.
#[derive(Debug, Clone, PartialEq)]
struct Fold {
    /// Everything, as if there were one link.
    shared: Link,
    named: BTreeMap<ProfileName, Link>,
    connections: Connections,
    /// Profiles for which the gateway announced or expects a link.
    claims: BTreeSet<ProfileName>,
}

#[derive(Debug, Clone, PartialEq)]
struct PlatformLinks {
    rules: Arc<Rules>,
    /// Up to the oldest event that is kept.
    base: Fold,
    recent: VecDeque<Event>,
    fold: Fold,
    /// Profiles with a state key of their own.
    keyed: BTreeSet<ProfileName>,
    /// A served profile's log has its own `connected`: records go to the log of the profile that they are about.
    own_logs: bool,
    locks: usize,
}

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

    /// What keeps a link from working for the life of the process.
    pub fn ailments(&self, now: Timestamp) -> impl Iterator<Item = (PlatformName, Reason, Proof)> + '_ {
        self.all.iter().filter_map(move |(name, platform)| {
            let (reason, proof) = platform.fold.shared.ailment(now)?;
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
                && platform.keyed.insert(Arc::clone(profile))
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
            platform.locks = 0;
        }
        for (name, ids) in counts {
            if let Some(platform) = self.platform(&name) {
                platform.locks = ids.len();
            }
        }
    }

    /// Whether the serving profile's configuration says that several profiles are served.
    pub fn set_multiplex(&mut self, multiplex: bool) {
        self.multiplex = multiplex;
    }

    /// A new start in the same process: what was said of connections before is void.
    pub fn reset_connections(&mut self) {
        for platform in self.all.values_mut() {
            platform.settle_owners();
            for fold in [&mut platform.base, &mut platform.fold] {
                fold.shared.reset_connection();
                fold.named.values_mut().for_each(Link::reset_connection);
                fold.connections = Connections::default();
            }
        }
    }

    /// Forgets what the files of another process said.
    pub fn forget_files(&mut self) {
        self.listed.clear();
        for platform in self.all.values_mut() {
            platform.settle_owners();
            platform.keyed.clear();
            for fold in [&mut platform.base, &mut platform.fold] {
                fold.shared.forget_files();
                fold.named.values_mut().for_each(Link::forget_files);
            }
        }
    }

    /// The spans of all links, for a sleep of the machine.
    pub fn timers_mut(&mut self) -> Vec<&mut Timer> {
        let folds = self.all.values_mut().flat_map(|platform| {
            platform.settle_owners();
            [&mut platform.base, &mut platform.fold]
        });
        folds
            .flat_map(|fold| fold.named.values_mut().chain([&mut fold.shared]))
            .flat_map(Link::timers_mut)
            .collect()
    }

    /// Every moment at which time alone may change a view.
    pub fn deadlines(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.all.values().flat_map(|platform| {
            let fold = &platform.fold;
            let missing = fold.connections.missing().iter();
            let counted = missing.map(|link| after(link.since, platform.rules.times.red_after));
            fold.named.values().chain([&fold.shared]).flat_map(Link::deadlines).chain(counted)
        })
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

/// Whose links are asked for, and when.
struct Row<'a> {
    profile: &'a ProfileName,
    is_own: bool,
    own: &'a ProfileName,
    now: Timestamp,
    start: &'a Timer,
}

impl PlatformLinks {
    fn new(rules: Arc<Rules>) -> Self {
        let fold = Fold {
            shared: Link::new(Arc::clone(&rules)),
            named: BTreeMap::new(),
            connections: Connections::default(),
            claims: BTreeSet::new(),
        };
        Self {
            rules,
            base: fold.clone(),
            recent: VecDeque::new(),
            fold,
            keyed: BTreeSet::new(),
            own_logs: false,
            locks: 0,
        }
    }

    fn set_rules(&mut self, rules: &Arc<Rules>) {
        self.rules = Arc::clone(rules);
        for fold in [&mut self.base, &mut self.fold] {
            for link in fold.named.values_mut().chain([&mut fold.shared]) {
                link.set_rules(Arc::clone(rules));
            }
        }
    }

    /// Whether the same record was read from another profile's log already. Then it is nobody's in particular.
    fn is_twin(&mut self, record: &LogRecord, own: &ProfileName) -> bool {
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

    fn push(&mut self, event: Event, own: &ProfileName) {
        let mut names_layout = false;
        if let Event::Line { said, homes, .. } = &event {
            let served = homes.iter().any(Option::is_some);
            names_layout = served && said.word == LinkWord::Proof && !self.own_logs;
        }
        self.recent.push_back(event);
        if self.recent.len() > KEPT
            && let Some(oldest) = self.recent.pop_front()
        {
            let separate = self.is_separate();
            self.base.apply(&oldest, own, separate, self.links(), &self.rules);
        }
        if names_layout {
            self.refold(own);
        } else if let Some(newest) = self.recent.back() {
            let (separate, links) = (self.is_separate(), self.links());
            self.fold.apply(newest, own, separate, links, &self.rules);
        }
    }

    fn refold(&mut self, own: &ProfileName) {
        self.own_logs = self.own_logs && self.recent.is_empty();
        self.own_logs |= self.recent.iter().any(|event| match event {
            Event::Line { said, homes, .. } => said.word == LinkWord::Proof && !homes.contains(&None),
            Event::Entry { .. } => false,
        });
        self.fold = self.base.clone();
        let separate = self.is_separate();
        for event in &self.recent {
            let links = self.links_in(&self.fold);
            self.fold.apply(event, own, separate, links, &self.rules);
        }
    }

    /// Whoever owns the events that are kept owns them for good.
    fn settle_owners(&mut self) {
        self.recent.clear();
        self.base = self.fold.clone();
    }

    /// Lines and state keys tell the profiles apart. Keys alone do not say whose a connection is.
    fn is_separate(&self) -> bool {
        self.own_logs || (!self.keyed.is_empty() && !self.rules.connections)
    }

    /// How many links of this platform there are.
    fn links(&self) -> usize {
        self.links_in(&self.fold)
    }

    fn links_in(&self, fold: &Fold) -> usize {
        let owners: BTreeSet<_> = fold.claims.iter().chain(&self.keyed).collect();
        match owners.len().max(self.locks) {
            0 => fold.connections.known(),
            told => told,
        }
    }

    fn of(&self, name: &PlatformName, row: &Row<'_>) -> Option<LinkVerdict> {
        let fold = &self.fold;
        if !fold.exists() {
            return None;
        }
        let links = self.links();
        let mut verdict = if links <= 1 {
            // All that is said of the platform is said of the one profile that has it.
            let owner = fold.claims.iter().chain(&self.keyed).next().unwrap_or(row.own);
            (owner == row.profile).then(|| one(&fold.shared, row)).flatten()
        } else if self.is_separate() {
            fold.named.get(row.profile).and_then(|link| one(link, row))
        } else {
            self.counted(row, links)
        }?;
        verdict.platform = Arc::clone(name);
        let message = fold.named.get(row.profile).and_then(Link::last_message);
        verdict.last_message_at = message.or_else(|| fold.shared.last_message());
        Some(verdict)
    }

    /// A link of several that only their connections tell apart.
    fn counted(&self, row: &Row<'_>, links: usize) -> Option<LinkVerdict> {
        let fold = &self.fold;
        if !row.is_own && !fold.claims.contains(row.profile) {
            return None;
        }
        // What names the profile is said of it alone.
        let named = fold.named.get(row.profile).filter(|link| !link.is_silent());
        let named =
            named.and_then(|link| link.view(row.now, None)).filter(|view| view.light() != Light::Green);
        let named = named.map(verdict_of);
        let counted =
            if self.rules.connections { self.by_connections(row, links) } else { self.by_shared(row, links) };
        let red = |verdict: &LinkVerdict| verdict.light == Light::Red;
        match (named, counted) {
            (Some(named), Some(counted)) if red(&counted) && !red(&named) => Some(counted),
            (named, counted) => named.or(counted),
        }
    }

    /// The lines name neither profile nor connection.
    fn by_shared(&self, row: &Row<'_>, links: usize) -> Option<LinkVerdict> {
        let verdict = one(&self.fold.shared, row)?;
        let up = matches!(verdict.light, Light::Green | Light::Grey) || verdict.reason == Reason::Starting;
        Some(if up { verdict } else { missing(verdict, row.is_own, (1, links)) })
    }

    fn by_connections(&self, row: &Row<'_>, links: usize) -> Option<LinkVerdict> {
        let connections = &self.fold.connections;
        let down = connections.missing();
        let (announced, total) = (connections.newest(), links.max(connections.up() + down.len()));
        let Some(oldest) = down.iter().min_by_key(|link| link.since) else {
            let Some(newest) = announced else { return one(&self.fold.shared, row) };
            let since = newest.at;
            let view =
                View { reason: Reason::Connected, proof: Some(newest.clone()), since, other_pid: None };
            return Some(verdict_of(view));
        };
        if down.len() >= total {
            return Some(self.all_missing(down, row, total));
        }
        let gone = |link: &&Missing| link.refused.is_some() || link.ended.is_some();
        let worst = down.iter().filter(gone).min_by_key(|link| link.refused.is_none());
        let late = row.now >= after(oldest.since, self.rules.times.red_after);
        let shown = worst.unwrap_or(oldest);
        let refused = worst.and_then(|link| link.refused).filter(|_| row.is_own);
        let view = View {
            reason: refused.unwrap_or(Reason::LinksMissing),
            proof: Some(shown.proof.clone()),
            since: shown.since,
            other_pid: None,
        };
        let mut verdict = verdict_of(view);
        if verdict.reason == Reason::LinksMissing && !(row.is_own && (late || worst.is_some())) {
            verdict.light = Light::Amber;
        }
        verdict.missing = Some((down.len() as u32, total as u32));
        Some(verdict)
    }

    /// Down, all of them: the platform's own light and reason, whoever's they are.
    fn all_missing(&self, down: &[Missing], row: &Row<'_>, total: usize) -> LinkVerdict {
        let refused = down.iter().find(|link| link.refused.is_some());
        let ended = down.iter().find(|link| link.ended.is_some());
        let told = refused.map(|link| (link.refused, link)).or(ended.map(|link| (link.ended, link)));
        let mut verdict = match (told, one(&self.fold.shared, row)) {
            (Some((Some(reason), link)), _) => {
                let (proof, since) = (Some(link.proof.clone()), link.since);
                verdict_of(View { reason, proof, since, other_pid: None })
            }
            (_, Some(verdict)) if verdict.light > Light::Green => verdict,
            _ => {
                let (proof, since) = (down.first().map(|link| link.proof.clone()), row.now);
                verdict_of(View { reason: Reason::Reconnecting, proof, since, other_pid: None })
            }
        };
        verdict.missing = Some((down.len() as u32, total as u32));
        verdict
    }
}

impl Fold {
    fn exists(&self) -> bool {
        self.shared.exists()
    }

    fn apply(&mut self, event: &Event, own: &ProfileName, separate: bool, links: usize, rules: &Arc<Rules>) {
        match event {
            Event::Line { said, tag, by_runner, homes, .. } => {
                let owner = owner_of(tag.as_ref(), homes, *by_runner, own, separate);
                if let Some(owner) = owner
                    && matches!(
                        said.word,
                        LinkWord::Announced | LinkWord::Reannounced | LinkWord::Expected | LinkWord::Failed
                    )
                    && *by_runner
                {
                    self.claims.insert(Arc::clone(owner));
                }
                // Of several links a message proves only the one that it names.
                if said.word != LinkWord::Inbound || links <= 1 {
                    self.shared.apply(said);
                } else {
                    self.shared.note_message(said.at);
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
                if links <= 1 || (profile.is_none() && !rules.connections && !separate) {
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

    fn named(&mut self, owner: &ProfileName, rules: &Arc<Rules>) -> &mut Link {
        self.named.entry(Arc::clone(owner)).or_insert_with(|| Link::new(Arc::clone(rules)))
    }
}

/// Whose line it is. `None`: anybody's.
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
        // In both: a mirror of the whole process.
        (None, Some(_)) => None,
        (None, None) => separate.then_some(own),
    }
}

/// A link that is told apart from all others.
fn one(link: &Link, row: &Row<'_>) -> Option<LinkVerdict> {
    let view = link.exists().then(|| link.view(row.now, Some(row.start)))??;
    let mut verdict = verdict_of(view);
    verdict.by_silence = link.is_red_by_silence();
    Some(verdict)
}

fn verdict_of(view: View) -> LinkVerdict {
    LinkVerdict {
        platform: "".into(),
        light: view.light(),
        reason: view.reason,
        since: view.since,
        evidence: view.proof,
        missing: None,
        last_message_at: None,
        other_pid: view.other_pid,
        by_silence: false,
        ignored: false,
    }
}

/// One of several links is down, and nothing says whose.
fn missing(mut verdict: LinkVerdict, is_own: bool, (missing, total): (usize, usize)) -> LinkVerdict {
    let refused = matches!(verdict.reason, Reason::AuthRejected | Reason::AppInUse | Reason::ConnectionLimit);
    if !(refused && is_own) {
        let light = if is_own { verdict.light } else { Light::Amber };
        verdict = LinkVerdict { reason: Reason::LinksMissing, light, ..verdict };
    }
    verdict.missing = Some((missing as u32, total as u32));
    verdict
}
