//! All monitors, and which gateway serves which profile.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Index, IndexMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::family::{self, hermes_name};
use super::monitor::{Monitor, Revision};
use super::monitor_id::MonitorId;
use super::snapshot::ProfileView;
use super::timeline::Timeline;
use super::{Ignored, Setup};
use crate::evidence::clock::Moment;
use crate::health::{Change, Core, Glance, ProfileName, Touched, Verdict};
use crate::profile::Profile;

/// One monitor for each profile, in the order in which profiles are shown. A place (index) is valid until the next
/// [`Monitors::set_profiles`].
#[derive(Default)]
pub(super) struct Monitors {
    all: Vec<Monitor>,
    /// For each monitor, the place of the one whose gateway may serve its profile.
    parents: Vec<Option<usize>>,
    /// For each monitor, the places of the profiles that its gateway may serve, by the names that it uses for them.
    children: Vec<BTreeMap<ProfileName, usize>>,
    /// For each monitor, what was compared last to find the gateway that serves it.
    sources: Vec<Option<(Revision, Option<Revision>)>>,
    next_id: u64,
}

impl Monitors {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All places.
    pub(super) fn places(&self) -> std::ops::Range<usize> {
        0..self.all.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Monitor> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Monitor> {
        self.all.iter_mut()
    }

    pub(super) fn as_slice(&self) -> &[Monitor] {
        &self.all
    }

    /// All monitors, for the file watches.
    pub(super) fn as_mut_slice(&mut self) -> &mut [Monitor] {
        &mut self.all
    }

    /// Drops all monitors. Ids are not reused: events of work that is still running are ignored.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.note_families();
    }

    /// The place of the monitor with this id, if it still exists.
    pub(super) fn place_of(&self, id: MonitorId) -> Option<usize> {
        self.all.iter().position(|monitor| monitor.id == id)
    }

    /// Monitors these profiles. Unchanged ones keep their monitors.
    pub(super) fn set_profiles(&mut self, profiles: Vec<Profile>, setup: &Setup, now: Moment) {
        // nearly always the order is unchanged, and each profile is found at the front
        let mut old = VecDeque::from(std::mem::take(&mut self.all));
        for profile in profiles {
            let same = old.iter().position(|monitor| monitor.is_for(&profile));
            let monitor = if let Some(mut monitor) = same.and_then(|index| old.remove(index)) {
                monitor.set_profile(profile);
                monitor
            } else {
                let job = profile.job.as_ref();
                let has_manager = job.is_some_and(|job| setup.supervisors.get(job.manager).is_some());
                self.next_id += 1;
                Monitor::new(MonitorId(self.next_id), profile, now, has_manager)
            };
            self.all.push(monitor);
        }
        self.note_families();
    }

    fn note_families(&mut self) {
        let homes = self.all.iter().map(|monitor| monitor.profile.home.as_path());
        self.parents = family::parents(homes);
        self.children = vec![BTreeMap::new(); self.all.len()];
        for (child, parent) in self.parents.iter().enumerate() {
            if let Some(parent) = parent {
                self.children[*parent].insert(self.all[child].hermes_name.clone(), child);
            }
        }
        self.sources = vec![None; self.all.len()];
    }

    /// The places of the profiles that this gateway may serve.
    pub(super) fn children_of(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        self.children[place].values().copied()
    }

    /// Whether another gateway may serve this profile than at the last call, or another home not answer.
    pub(super) fn may_have_moved(&mut self, place: usize) -> bool {
        let parent = self.parents[place].map(|parent| &self[parent]);
        let own = &self[place];
        let may_wait = |monitor: &Monitor| monitor.waits_for_volume() || monitor.blocked.is_some();
        let waits = may_wait(own) || parent.is_some_and(may_wait);
        let sources = Some((own.revision(), parent.map(Monitor::revision)));
        std::mem::replace(&mut self.sources[place], sources) != sources || waits
    }

    /// What the rows show now. Only those are made anew that may differ from what they showed at the last call.
    pub(super) fn views(&mut self, setup: &Setup, time: &Timeline) -> Vec<ProfileView> {
        self.drop_old_views();
        let shown: Vec<usize> = self.places().filter(|place| setup.shows(&self[*place].profile)).collect();
        let view = |place: usize| {
            let known = self[place].view.clone();
            let view = known.unwrap_or_else(|| self.view(place, time));
            debug_assert_eq!(view, self.view(place, time));
            view
        };
        let views: Vec<ProfileView> = shown.iter().map(|place| view(*place)).collect();
        for (place, view) in shown.into_iter().zip(&views) {
            self.all[place].view = Some(view.clone());
        }
        views
    }

    fn view(&self, place: usize, time: &Timeline) -> ProfileView {
        let monitor = &self[place];
        let verdict = time.wall_verdict(self.shown(place, monitor.served_by.is_some()));
        ProfileView { profile: Arc::clone(&monitor.profile), verdict: verdict.into() }
    }

    /// Drops the views of rows that were judged since the last call, or whose monitor is not live.
    fn drop_old_views(&mut self) {
        for place in self.places() {
            match self[place].take_judged() {
                Touched::All => {
                    self[place].view = None;
                    for child in self.children[place].values() {
                        self.all[*child].view = None;
                    }
                }
                Touched::Rows(profiles) => {
                    for profile in &profiles {
                        if let Some(row) = self.row_named(place, profile) {
                            self.all[row].view = None;
                        }
                    }
                }
            }
        }
    }

    /// The gateway that serves this profile now. A profile whose own gateway runs is not served by another one. Nor is
    /// one whose own gateway ended after the other gateway was restarted, unless the other one has reported since that
    /// it serves it.
    fn server_of(&self, place: usize) -> Option<usize> {
        let parent = self.parents[place]?;
        let (own, gateway) = (&self[place], &self[parent]);
        let name = &own.hermes_name;
        let since = gateway.core().and_then(|core| core.served_before(name));
        let ran_since = since.is_some() && own.core().and_then(Core::ended_at) > since;
        (gateway.serves(name) && !own.has_process() && !ran_since).then_some(parent)
    }

    /// The name of the profile whose gateway serves this one now.
    pub(super) fn server_name(&self, place: usize) -> Option<&str> {
        self.server_of(place).map(|server| self[server].profile.name.as_str())
    }

    /// The verdict that the row of a profile shows. `served`: by the gateway that may serve it, not by its own.
    pub(super) fn shown(&self, place: usize, served: bool) -> Verdict {
        let monitor = &self[place];
        let parent = self.parents[place].filter(|_| served && monitor.blocked.is_none());
        let verdict = parent.and_then(|parent| self[parent].verdict_of(&monitor.hermes_name));
        verdict.unwrap_or_else(|| monitor.verdict(Instant::now()))
    }

    /// The home that a row depends on and that does not answer: its own, or that of the gateway that serves it.
    pub(super) fn blocked_home(&self, place: usize, now: Instant) -> Option<&Path> {
        let mut homes = std::iter::once(place).chain(self.server_of(place));
        let blocked = homes.find(|home| self[*home].stopped_answering(now));
        blocked.map(|home| self[home].profile.home.as_path())
    }

    /// The row that shows this gateway's verdict on a profile. A row that another gateway serves does not show the
    /// verdict of its own gateway, and one whose home does not answer shows neither.
    pub(super) fn row_of(&self, place: usize, profile: &str) -> Option<usize> {
        let row = self.row_named(place, profile)?;
        let is_served = self[row].served_by.is_some();
        (is_served == (row != place) && self[row].blocked.is_none()).then_some(row)
    }

    /// The row of a profile that this gateway judges, whether or not the row shows that.
    fn row_named(&self, place: usize, profile: &str) -> Option<usize> {
        if *profile == *self[place].profile.name {
            return Some(place);
        }
        self.children[place].get(profile).copied()
    }

    /// Takes all changes of a row out of these, which are listed by the gateway that made them. Returns what the row showed
    /// before, if one of them was to be shown.
    pub(super) fn take_changes(&self, row: usize, judged: &mut [(usize, Vec<Change>)]) -> Option<Glance> {
        let mut before = None;
        for (place, changes) in judged {
            changes.retain(|change| {
                let is_of_row = self.row_named(*place, &change.profile) == Some(row);
                if is_of_row && before.is_none() && self.row_of(*place, &change.profile) == Some(row) {
                    before = Some(change.from.clone());
                }
                !is_of_row
            });
        }
        before
    }

    /// The links that do not count, for the profiles that this gateway serves or may serve.
    pub(super) fn ignored_by(&self, place: usize, setup: &Setup) -> Ignored {
        let name = |profile| (hermes_name(profile), profile);
        let served = self.children_of(place).map(|child| name(&self[child].profile));
        let own = &*self[place].profile;
        setup.settings.ignored(served.chain([(own.name.as_str(), own)]))
    }

    /// Passes what was read in the home of a profile without a running gateway to the gateway that may serve it.
    pub(super) fn share_records(&mut self) {
        for place in self.places() {
            let parent = self.parents[place].filter(|_| !self[place].has_process());
            let Some(parent) = parent else { continue };
            let records = self[place].new_records();
            if !records.is_empty() {
                self[parent].add_records(records);
            }
        }
    }
}

impl Index<usize> for Monitors {
    type Output = Monitor;

    fn index(&self, place: usize) -> &Monitor {
        &self.all[place]
    }
}

impl IndexMut<usize> for Monitors {
    fn index_mut(&mut self, place: usize) -> &mut Monitor {
        &mut self.all[place]
    }
}
