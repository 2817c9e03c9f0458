//! The policy: routes events to the profiles, and turns what is due into notices.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::group::Group;
use super::incident::{Delivery, Observation};
use super::inhibit::Inhibitor;
use super::notice::{Affected, Notice, NoticeKind};
use super::profile::{Due, ProfileAlerts};
use super::{Event, Silences};
use crate::config::NoticeSettings;
use crate::order::{Collect as _, Order as _};
use crate::watcher::snapshot::ProfileChange;

/// The alert policy with its state. Call [`Self::step`] with each event and [`Self::tick`] at
/// [`Self::next_deadline`].
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    settings: NoticeSettings,
    zone: TimeZone,
    /// When the present quiet hours end.
    quiet_until: Option<Timestamp>,
    profiles: BTreeMap<String, ProfileAlerts>,
    inhibitor: Inhibitor,
    now: Timestamp,
    last_id: u64,
    down: Option<Group>,
    recovered: Option<Group>,
}

/// What is due at one moment, profiles in the order of their names.
#[derive(Default)]
struct Batch {
    /// About one profile each: flapping, stable again.
    single: Vec<(NoticeKind, Affected)>,
    found: Vec<Affected>,
    down: Vec<Affected>,
    reminders: Vec<(Affected, Delivery)>,
    recovered: Vec<(Affected, Delivery)>,
    /// Changes of single links of a profile that is down.
    links: Vec<(NoticeKind, Affected, Delivery)>,
}

impl Batch {
    fn add(&mut self, due: Due, affected: Affected, settings: &NoticeSettings) {
        let (window, hold) = (settings.unstable_window, settings.unstable_hold);
        match due {
            Due::StableAgain => self.single.push((NoticeKind::StableAgain { hold }, affected)),
            Due::Flapping(incidents) => {
                self.single.push((NoticeKind::Flapping { incidents, window, hold }, affected));
            }
            Due::FoundDown => self.found.push(affected),
            Due::Down => self.down.push(affected),
            Due::Reminder(delivery) => self.reminders.push((affected, delivery)),
            Due::Recovered(delivery) => self.recovered.push((affected, delivery)),
            Due::LinkDown(delivery) => self.links.push((NoticeKind::Down, affected, delivery)),
            Due::LinkBack(delivery) => self.links.push((NoticeKind::LinkBack, affected, delivery)),
        }
    }
}

impl Policy {
    /// A policy without profiles. `zone`: the time zone of the quiet hours.
    pub fn new(settings: NoticeSettings, zone: TimeZone, now: Timestamp) -> Self {
        Self {
            quiet_until: settings.quiet.until(now, &zone),
            settings,
            zone,
            profiles: BTreeMap::new(),
            inhibitor: Inhibitor::default(),
            now,
            last_id: 0,
            down: None,
            recovered: None,
        }
    }

    /// The present silences, without those that expired and acknowledgements of lights that have changed.
    pub fn silences(&self) -> Silences {
        let silenced = self.profiles.iter().filter(|(_, profile)| !profile.silence().is_empty());
        silenced.map(|(name, profile)| (name.clone(), profile.silence().clone())).to_map()
    }

    /// When the present quiet hours end; `None` outside them.
    pub const fn quiet_until(&self) -> Option<Timestamp> {
        self.quiet_until
    }

    /// Whether this profile is flapping.
    pub fn is_flapping(&self, profile: &str) -> bool {
        self.profiles.get(profile).is_some_and(ProfileAlerts::is_flapping)
    }

    /// Applies an event; returns the notices that are due.
    pub fn step(&mut self, now: Timestamp, event: Event) -> Vec<Notice> {
        let now = self.advance(now);
        match event {
            Event::Change(change) => self.apply(now, &change),
            Event::Links(name, links) => self.profile(name, now).apply_links(now, &links),
            Event::Removed(name) => {
                self.profiles.remove(&name);
            }
            Event::Started => self.inhibitor.start(),
            Event::Silences(silences) => self.set_silences(silences, now),
            Event::Offline(offline) => self.inhibitor.set_offline(now, offline, &self.settings),
            Event::Wake => self.inhibitor.wake(now, &self.settings),
            Event::Restarting(name, restarting) => self.profile(name, now).set_restarting(restarting),
            Event::Settings(settings) => self.settings = settings,
        }
        self.evaluate(now)
    }

    /// Returns the notices that became due by now.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Notice> {
        let now = self.advance(now);
        self.evaluate(now)
    }

    /// When to call [`Self::tick`] next: later than the last call. `None`: only an event can make anything due.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let profiles = self.profiles.values().flat_map(|profile| profile.deadlines(&self.settings));
        profiles.chain(self.inhibitor.deadline()).chain(self.quiet_until).filter(|at| *at > self.now).min()
    }

    /// The time, which never decreases: after the clock was set back, deadlines come late instead of twice.
    fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.now
    }

    /// The state of a profile, which is created if it has no verdict yet.
    fn profile(&mut self, name: String, now: Timestamp) -> &mut ProfileAlerts {
        self.profiles.entry(name).or_insert_with(|| ProfileAlerts::new(now))
    }

    fn set_silences(&mut self, mut silences: Silences, now: Timestamp) {
        for (name, profile) in &mut self.profiles {
            profile.set_silence(silences.remove(name).unwrap_or_default());
        }
        for (name, silence) in silences {
            self.profile(name, now).set_silence(silence);
        }
    }

    fn apply(&mut self, now: Timestamp, change: &ProfileChange) {
        let verdict = &change.change.to;
        let observation = Observation {
            since: verdict.since.min(now),
            now,
            history: change.history,
            started: self.inhibitor.is_started(),
        };
        let profile = self
            .profiles
            .entry(change.profile.name.clone())
            .or_insert_with(|| ProfileAlerts::new(observation.since));
        profile.apply(verdict, observation, &self.settings);
    }

    /// All notices that are due.
    fn evaluate(&mut self, now: Timestamp) -> Vec<Notice> {
        for profile in self.profiles.values_mut() {
            profile.expire_silence(now);
        }
        self.quiet_until = self.settings.quiet.until(now, &self.zone);
        if self.inhibitor.is_active(now) {
            return Vec::new();
        }
        let mut batch = Batch::default();
        for (name, profile) in &mut self.profiles {
            for (due, affected) in profile.due(name, now, self.quiet_until.is_some(), &self.settings) {
                batch.add(due, affected, &self.settings);
            }
        }
        let mut notices: Vec<Notice> =
            batch.single.into_iter().map(|(kind, affected)| self.single(now, kind, affected)).collect();
        notices.extend(self.found_down(now, batch.found));
        notices.extend(self.went_down(now, batch.down));
        notices.extend(self.remind(now, batch.reminders));
        notices.extend(self.recover(now, batch.recovered));
        for (kind, affected, delivery) in batch.links {
            notices.push(self.update(now, kind, affected, delivery));
        }
        notices
    }

    fn single(&mut self, now: Timestamp, kind: NoticeKind, affected: Affected) -> Notice {
        let id = self.take_id();
        let affected = vec![affected];
        if matches!(kind, NoticeKind::Flapping { .. }) {
            self.deliver_in(id, &affected);
        }
        Notice::new(id, now, kind, affected)
    }

    fn found_down(&mut self, now: Timestamp, affected: Vec<Affected>) -> Option<Notice> {
        if affected.is_empty() {
            return None;
        }
        let id = self.take_id();
        self.deliver_in(id, &affected);
        Some(Notice::new(id, now, NoticeKind::FoundDown, affected))
    }

    fn went_down(&mut self, now: Timestamp, new: Vec<Affected>) -> Option<Notice> {
        if new.is_empty() {
            return None;
        }
        let window = self.settings.group_window;
        let (id, mut affected) = match self.down.take().filter(|group| group.is_open(now, window)) {
            Some(group) => (group.id, group.others(&new)),
            None => (self.take_id(), Vec::new()),
        };
        affected.retain(|profile| self.is_down(&profile.name));
        affected.extend(new);
        self.deliver_in(id, &affected);
        self.down = Some(Group { id, at: now, affected: affected.clone() });
        Some(Notice::new(id, now, NoticeKind::Down, affected))
    }

    fn remind(&mut self, now: Timestamp, due: Vec<(Affected, Delivery)>) -> Option<Notice> {
        let id = match due.as_slice() {
            [] => return None,
            [(_, delivery)] => delivery.replaceable(),
            _ => None,
        };
        let id = id.unwrap_or_else(|| self.take_id());
        let (affected, delivered): (Vec<Affected>, Vec<Delivery>) = due.into_iter().unzip();
        self.deliver_in(id, &affected);
        let withdrawn = self.obsolete(&delivered, id);
        Some(Notice { withdrawn, ..Notice::new(id, now, NoticeKind::Reminder, affected) })
    }

    /// Reports what is new about a profile that is down, replacing the notice on the screen.
    fn update(&mut self, now: Timestamp, kind: NoticeKind, affected: Affected, delivery: Delivery) -> Notice {
        let id = delivery.replaceable().unwrap_or_else(|| self.take_id());
        let affected = vec![affected];
        self.deliver_in(id, &affected);
        // a profile that joins this notice later must not remove this text from it
        if let Some(group) = self.down.as_mut().filter(|group| group.id == id) {
            group.affected.clone_from(&affected);
        }
        let withdrawn = self.obsolete(&[delivery], id);
        Notice { withdrawn, ..Notice::new(id, now, kind, affected) }
    }

    fn recover(&mut self, now: Timestamp, due: Vec<(Affected, Delivery)>) -> Option<Notice> {
        if due.is_empty() {
            return None;
        }
        let (new, delivered): (Vec<Affected>, Vec<Delivery>) = due.into_iter().unzip();
        let window = self.settings.group_window;
        let joined = self.recovered.take().filter(|group| group.is_open(now, window));
        let (id, mut affected) = match (joined, delivered.as_slice()) {
            (Some(group), _) => (group.id, group.others(&new)),
            (None, [delivery]) => (delivery.replaceable().unwrap_or_else(|| self.take_id()), Vec::new()),
            (None, _) => (self.take_id(), Vec::new()),
        };
        // a profile that goes down later must not join a notice that was replaced
        self.down = self.down.take().filter(|group| group.id != id);
        affected.extend(new);
        self.recovered = Some(Group { id, at: now, affected: affected.clone() });
        let withdrawn = self.obsolete(&delivered, id);
        Some(Notice { withdrawn, ..Notice::new(id, now, NoticeKind::Recovered, affected) })
    }

    /// The notices of these deliveries that no open incident refers to any more.
    fn obsolete(&self, delivered: &[Delivery], new: u64) -> Vec<u64> {
        let in_use = |id| self.profiles.values().any(|profile| profile.notice() == Some(id));
        let mut ids: Vec<u64> =
            delivered.iter().filter_map(Delivery::notice).filter(|id| *id != new && !in_use(*id)).collect();
        ids.order();
        ids.dedup();
        ids
    }

    fn take_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// From now on this notice carries the incidents of these profiles.
    fn deliver_in(&mut self, id: u64, affected: &[Affected]) {
        for one in affected {
            if let Some(profile) = self.profiles.get_mut(&one.name) {
                profile.deliver_in(id, affected.len() == 1);
            }
        }
    }

    fn is_down(&self, name: &str) -> bool {
        self.profiles.get(name).is_some_and(ProfileAlerts::is_down)
    }
}
