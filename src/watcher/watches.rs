//! Which files and folders are watched, and for which monitors.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use super::monitor::Monitor;
use crate::evidence::watch::{Changed, Changes, Key, Watch};
use crate::order::{Collect as _, Order as _};
use crate::profile::Places;

/// The file watches of all monitors. Monitors are identified by their index in [`Monitors`](super::monitors::Monitors).
pub(super) struct Watches {
    watch: Watch,
    /// Folders in which profiles may appear, and folders that may become homes.
    job_folders: BTreeSet<Key>,
    /// Homes of profiles: only whether they still exist matters here.
    home_folders: BTreeSet<Key>,
    /// Everything that is watched, and the monitors that need it.
    users: HashMap<Key, Vec<usize>>,
    /// The keys that each monitor needs.
    needed: Vec<Vec<Key>>,
}

impl Watches {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            watch: Watch::new()?,
            job_folders: BTreeSet::new(),
            home_folders: BTreeSet::new(),
            users: HashMap::new(),
            needed: Vec::new(),
        })
    }

    pub(super) async fn changed(&mut self) -> io::Result<Changes> {
        self.watch.changed().await
    }

    /// What changed without an event: a folder further up was replaced, a volume came back. The files of monitors that
    /// other threads read are left out: access to them may block.
    pub(super) fn recheck(&mut self, monitors: &[Monitor]) -> BTreeSet<Changed> {
        let apart = monitors.iter().zip(&self.needed).filter(|(monitor, _)| monitor.is_read_apart());
        let (homes, needed): (Vec<_>, Vec<_>) =
            apart.map(|(monitor, needed)| (monitor.profile.home.as_path(), needed)).unzip();
        let is_apart = |key: Key, path: &Path| {
            homes.iter().any(|home| path.starts_with(home)) || needed.iter().any(|keys| keys.contains(&key))
        };
        self.watch.recheck(&|key, path| !is_apart(key, path)).changed
    }

    /// The same for a monitor whose volume has just answered.
    pub(super) fn recheck_of(&mut self, index: usize) -> BTreeSet<Changed> {
        let Some(needed) = self.needed.get(index) else { return BTreeSet::new() };
        self.watch.recheck(&|key, _| needed.contains(&key)).changed
    }

    /// Whether a change may mean that a profile came or went.
    pub(super) fn may_change_profiles(&self, changed: &Changed) -> bool {
        let home_itself = changed.name.is_none() && self.home_folders.contains(&changed.key);
        home_itself || self.job_folders.contains(&changed.key)
    }

    /// The monitors that need what changed.
    pub(super) fn users_of(&self, changed: &BTreeSet<Changed>) -> BTreeSet<usize> {
        let keys: BTreeSet<Key> = changed.iter().map(|changed| changed.key).to_set();
        keys.iter().filter_map(|key| self.users.get(key)).flatten().copied().collect()
    }

    /// Watches what the monitors and the search for profiles need, and nothing else. What cannot be watched is polled.
    /// Returns whether something new is watched: a change there may have been missed.
    pub(super) fn rebuild(
        &mut self,
        places: &Places,
        possible_homes: &[PathBuf],
        monitors: &mut [Monitor],
    ) -> bool {
        let mut folders = vec![places.launch_agents.clone(), places.systemd_user.clone()];
        folders.push(places.hermes.join("profiles"));
        let homes: BTreeSet<_> = monitors.iter().map(|monitor| monitor.profile.home.clone()).to_set();
        // a folder is created before it becomes a home
        folders.extend(possible_homes.iter().filter(|home| !homes.contains(*home)).cloned());
        // access to a home may block until its past was read on another thread
        let live = monitors.iter().filter(|monitor| monitor.is_live());
        let homes: BTreeSet<_> = live.map(|monitor| monitor.profile.home.clone()).to_set();
        self.job_folders = folders.iter().filter_map(|folder| self.watch.add_dir(folder).ok()).collect();
        self.home_folders = homes.iter().filter_map(|home| self.watch.add_dir(home).ok()).collect();
        let before = std::mem::take(&mut self.users);
        self.needed = vec![Vec::new(); monitors.len()];
        for (index, monitor) in monitors.iter_mut().enumerate() {
            self.update(index, monitor);
        }
        let shared = &self.job_folders | &self.home_folders;
        let new = self.users.keys().chain(&shared).any(|key| !before.contains_key(key));
        for key in before.into_keys() {
            if !self.is_used(key) {
                self.watch.remove(key);
            }
        }
        for key in shared {
            self.users.entry(key).or_default();
        }
        new
    }

    /// Watches for a monitor that went live.
    pub(super) fn add(&mut self, index: usize, monitor: &mut Monitor) {
        self.home_folders.extend(self.watch.add_dir(&monitor.profile.home));
        self.update(index, monitor);
    }

    /// Watches what one monitor needs now, and stops watching what it no longer needs.
    pub(super) fn update(&mut self, index: usize, monitor: &mut Monitor) {
        if !monitor.is_live() {
            return;
        }
        let folders = monitor.folders();
        let logs = &monitor.profile.logs;
        let mut keys: Vec<Key> = folders.iter().filter_map(|one| self.watch.add_dir(one).ok()).collect();
        keys.extend(logs.iter().filter_map(|file| self.watch.add_file(file).ok()));
        monitor.unwatched = keys.len() < folders.len() + logs.len();
        keys.order();
        keys.dedup();
        for key in &keys {
            let users = self.users.entry(*key).or_default();
            if !users.contains(&index) {
                users.push(index);
            }
        }
        let before = std::mem::replace(&mut self.needed[index], keys);
        let dropped: Vec<Key> = before.into_iter().filter(|key| !self.needed[index].contains(key)).collect();
        for key in dropped {
            if let Some(users) = self.users.get_mut(&key) {
                users.retain(|user| *user != index);
            }
            if !self.is_used(key) {
                self.users.remove(&key);
                self.watch.remove(key);
            }
        }
    }

    fn is_used(&self, key: Key) -> bool {
        let by_monitors = self.users.get(&key).is_some_and(|users| !users.is_empty());
        by_monitors || self.job_folders.contains(&key) || self.home_folders.contains(&key)
    }
}
