//! The restarts of the last hour, kept across processes: the limit of [`super::policy`] holds for the menu and for every
//! `gatelight restart` together, and requested restarts can be told from crashes.
//!
//! A small JSON file, written to a temporary file and renamed, under a lock on a separate file. A file that is missing,
//! damaged or not ours counts as empty and is replaced by the next restart: losing it only loses the count.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::policy::{self, TooMany};
use crate::files;
use crate::lock::Lock;
use crate::order::Order as _;

/// Longest file that is read, in bytes; a longer one is not ours.
const FILE_LIMIT: u64 = 256 * 1024;

/// Most profiles that are kept; those with the oldest last restart are dropped first.
const MAX_PROFILES: usize = 200;

/// Most restarts that are kept of one profile.
const MAX_RESTARTS: usize = 50;

/// How long another process may hold the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The file.
#[derive(Debug, Clone)]
pub struct Ledger {
    path: PathBuf,
}

/// A restart that Gatelight was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restarted {
    /// The profile's name.
    pub profile: String,
    /// The label of its job.
    pub label: Option<String>,
    /// When it was asked for.
    pub asked_at: Timestamp,
}

/// The answer to [`Ledger::count`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Count {
    /// The restart is recorded.
    Counted,
    /// It is not: the limit is reached.
    TooMany(TooMany),
}

/// A profile's restart in the file. Version 1 stored only times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Time(Timestamp),
    Restart {
        asked_at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
}

impl Stored {
    const fn asked_at(&self) -> Timestamp {
        match self {
            Self::Time(at) | Self::Restart { asked_at: at, .. } => *at,
        }
    }
}

type ByProfile = BTreeMap<String, Vec<Stored>>;

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    restarts: ByProfile,
}

/// The version that is written.
const VERSION: u32 = 2;

impl Ledger {
    /// The ledger at this path (`…/restarts.json` in the application's data folder, which is created if needed).
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When this profile was restarted within [`policy::WINDOW`], oldest first.
    pub fn recent(&self, profile: &str, now: Timestamp) -> Vec<Timestamp> {
        let restarts = self.read().remove(profile).unwrap_or_default();
        let mut times: Vec<Timestamp> = restarts.iter().map(Stored::asked_at).collect();
        times.retain(|at| policy::is_recent(*at, now));
        times.order();
        times
    }

    /// Every restart within [`policy::WINDOW`], oldest first. Their exits are not crashes.
    pub fn all(&self, now: Timestamp) -> Vec<Restarted> {
        let restarted = |profile: &str, stored| match stored {
            Stored::Time(asked_at) => Restarted { profile: profile.to_owned(), label: None, asked_at },
            Stored::Restart { asked_at, label } => Restarted { profile: profile.to_owned(), label, asked_at },
        };
        let mut all = Vec::new();
        for (profile, restarts) in self.read() {
            all.extend(restarts.into_iter().map(|stored| restarted(&profile, stored)));
        }
        all.retain(|restart| policy::is_recent(restart.asked_at, now));
        all.order_by_key(|restart| restart.asked_at);
        all
    }

    /// Records a restart, unless the limit is reached and it is not forced. Check and record happen under one lock, so that two
    /// processes cannot both take the last free place.
    pub(super) fn count(&self, restart: Restarted, force: bool) -> io::Result<Count> {
        let Restarted { profile, label, asked_at: now } = restart;
        let mut count = Count::Counted;
        self.change(|all| {
            for restarts in all.values_mut() {
                restarts.retain(|restart| policy::is_recent(restart.asked_at(), now));
                restarts.order_by_key(Stored::asked_at);
                let surplus = restarts.len().saturating_sub(MAX_RESTARTS - 1);
                restarts.drain(..surplus);
            }
            all.retain(|_, restarts| !restarts.is_empty());
            let restarts = all.entry(profile.clone()).or_default();
            let times: Vec<Timestamp> = restarts.iter().map(Stored::asked_at).collect();
            if let Some(too_many) = policy::too_many(&times, now).filter(|_| !force) {
                count = Count::TooMany(too_many);
                return false;
            }
            restarts.push(Stored::Restart { asked_at: now, label });
            drop_oldest_profiles(all, &profile);
            true
        })?;
        Ok(count)
    }

    /// Changes the content under the file's lock; writes it if `change` returns true.
    fn change(&self, change: impl FnOnce(&mut ByProfile) -> bool) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            files::create_folder(folder)?;
        }
        let _lock = Lock::wait_for(&self.path.with_extension("lock"), LOCK_TIMEOUT)?;
        let mut all = self.read();
        if change(&mut all) { self.write(all) } else { Ok(()) }
    }

    fn read(&self) -> ByProfile {
        let content = files::read(&self.path, FILE_LIMIT).ok();
        let content = content.and_then(|text| serde_json::from_slice::<Content>(&text).ok());
        content
            .filter(|content| (1..=VERSION).contains(&content.version))
            .map_or_else(ByProfile::new, |c| c.restarts)
    }

    fn write(&self, restarts: ByProfile) -> io::Result<()> {
        let content = Content { version: VERSION, restarts };
        files::replace(&self.path, |out| Ok(serde_json::to_writer(out, &content)?))
    }
}

/// Keeps at most [`MAX_PROFILES`], this one among them.
fn drop_oldest_profiles(all: &mut ByProfile, kept: &str) {
    while all.len() > MAX_PROFILES {
        let oldest = all
            .iter()
            .filter(|(name, _)| *name != kept)
            .min_by_key(|(_, restarts)| restarts.last().map(Stored::asked_at));
        let Some(name) = oldest.map(|(name, _)| name.clone()) else {
            break;
        };
        all.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn count(ledger: &Ledger, profile: &str, asked_at: Timestamp, force: bool) -> Count {
        let profile = profile.to_owned();
        let restart = Restarted { profile, label: None, asked_at };
        ledger.count(restart, force).unwrap()
    }

    #[test]
    fn the_limit_holds_across_processes_and_rolls() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/restarts.json");
        for i in 0..6 {
            // a new Ledger each time: nothing is kept in memory
            assert_eq!(count(&Ledger::at(&path), "work", at(i), false), Count::Counted);
        }
        let ledger = Ledger::at(&path);
        let limit = TooMany { count: 6, again_at: at(3600) };
        assert_eq!(count(&ledger, "work", at(10), false), Count::TooMany(limit));
        assert_eq!(ledger.recent("work", at(10)).len(), 6, "a refused one is not noted");
        assert_eq!(count(&ledger, "default", at(10), false), Count::Counted);
        assert_eq!(count(&ledger, "work", at(11), true), Count::Counted);
        assert_eq!(ledger.recent("work", at(11)), [0, 1, 2, 3, 4, 5, 11].map(at));
        assert_eq!(ledger.recent("work", at(3605)), [at(11)]);
    }

    #[test]
    fn many_at_once_take_no_place_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("restarts.json");
        let granted: usize = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..12)
                .map(|i| {
                    let ledger = Ledger::at(&path);
                    let counted = move || count(&ledger, "work", at(i), false) == Count::Counted;
                    scope.spawn(move || usize::from(counted()))
                })
                .collect();
            tries.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(granted, policy::LIMIT);
    }

    #[test]
    fn foreign_content_counts_as_none_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("restarts.json");
        let long = "x".repeat(FILE_LIMIT as usize + 10);
        let foreign = [
            "",
            "{",
            "[]",
            "null",
            "{\"version\":3,\"restarts\":{}}",
            "{\"version\":1,\"restarts\":[1]}",
            "{\"version\":2,\"restarts\":{\"work\":[{}]}}",
            &long,
        ];
        for content in foreign {
            fs::write(&path, content).unwrap();
            let ledger = Ledger::at(&path);
            assert_eq!(ledger.recent("work", at(0)), []);
            assert_eq!(count(&ledger, "work", at(0), false), Count::Counted);
            assert_eq!(ledger.recent("work", at(0)), [at(0)]);
        }
    }

    #[test]
    fn times_of_the_first_version_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("restarts.json");
        let times: Vec<Timestamp> = (0..5).map(at).collect();
        fs::write(&path, serde_json::json!({"version": 1, "restarts": {"work": times}}).to_string()).unwrap();
        let ledger = Ledger::at(&path);
        assert_eq!(ledger.recent("work", at(5)), times);
        assert_eq!(count(&ledger, "work", at(5), false), Count::Counted);
        assert!(matches!(count(&ledger, "work", at(6), false), Count::TooMany(_)));
        assert_eq!(ledger.all(at(6)).len(), 6);
    }

    #[test]
    fn it_stays_small() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::at(folder.path().join("restarts.json"));
        for i in 0..(MAX_PROFILES as i64 + 5) {
            let _ = count(&ledger, &format!("p{i}"), at(i), false);
        }
        for i in 0..(MAX_RESTARTS as i64 + 5) {
            let _ = count(&ledger, "work", at(1000 + i), true);
        }
        let kept = ledger.read();
        assert_eq!((kept.len(), kept["work"].len()), (MAX_PROFILES, MAX_RESTARTS));
        assert!(!kept.contains_key("p0"), "the oldest leaves first");
    }
}
