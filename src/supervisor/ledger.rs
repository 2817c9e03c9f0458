//! When each profile was restarted, kept across processes: the limit of [`super::policy`] holds for the menu and for
//! every `gatelight restart` together.
//!
//! A small JSON file, written whole to a temporary file beside it and renamed, under a lock on a file of its own. A file
//! that is missing, half written or somebody else's counts as empty and is replaced by the next restart: losing it
//! only loses a limit.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::policy;
use crate::lock::Lock;
use crate::snapshot::{RestartOutcome, RestartStep};

/// Most that is read, in bytes; a longer file is not ours.
const FILE_LIMIT: u64 = 256 * 1024;

/// Most profiles that are kept; the ones restarted longest ago leave first.
const PROFILES: usize = 200;

/// Most restarts that are kept of one profile: only those within the window count.
const RESTARTS: usize = 50;

/// How long another process may hold the lock.
const PATIENCE: Duration = Duration::from_secs(2);

/// The file.
#[derive(Debug, Clone)]
pub struct Ledger {
    path: PathBuf,
}

/// The right to restart one profile, see [`Ledger::claim`].
#[derive(Debug)]
#[must_use]
pub struct Claim(Lock);

impl Claim {
    /// Leaves the outcome to those who asked for the same restart meanwhile, see [`Ledger::joined`].
    pub fn settle(&self, outcome: &RestartOutcome) -> io::Result<()> {
        let text = serde_json::to_vec(&Told::of(outcome))?;
        self.0.file().write_all_at(&text, 0)
    }
}

/// A restart that another process has claimed.
#[derive(Debug, Clone, PartialEq)]
pub enum Joined {
    /// It goes on.
    UnderWay,
    /// It is over; `None`: whoever was at it ended without a word.
    Over(Option<RestartOutcome>),
}

/// An outcome as it is left in the file of a claim.
#[derive(Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
enum Told {
    Worked { took: SignedDuration, pid: u32, killed: bool },
    Failed { step: u8, why: String },
    CannotTell { step: u8, why: String },
}

/// The steps, in the order of their numbers in a file.
const STEPS: [RestartStep; 3] = [RestartStep::EndingOld, RestartStep::StartingNew, RestartStep::ProvingLink];

impl Told {
    fn of(outcome: &RestartOutcome) -> Self {
        match outcome.clone() {
            RestartOutcome::Worked { took, pid, killed } => Self::Worked { took, pid, killed },
            RestartOutcome::Failed { step, why } => Self::Failed { step: step as u8, why },
            RestartOutcome::CannotTell { step, why } => Self::CannotTell { step: step as u8, why },
        }
    }

    /// `None`: it names a step that there is not.
    fn outcome(self) -> Option<RestartOutcome> {
        let named = |step: u8| STEPS.get(usize::from(step)).copied();
        Some(match self {
            Self::Worked { took, pid, killed } => RestartOutcome::Worked { took, pid, killed },
            Self::Failed { step, why } => RestartOutcome::Failed { step: named(step)?, why },
            Self::CannotTell { step, why } => RestartOutcome::CannotTell { step: named(step)?, why },
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    restarts: BTreeMap<String, Vec<Timestamp>>,
}

impl Ledger {
    /// The ledger at this path (`…/restarts.json` in the application's data folder, which is made when needed).
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// When this profile was restarted within the window, oldest first.
    pub fn recent(&self, profile: &str, now: Timestamp) -> Vec<Timestamp> {
        let mut times = self.read().remove(profile).unwrap_or_default();
        times.retain(|at| policy::is_recent(*at, now));
        times.sort_unstable();
        times
    }

    /// Notes a restart, unless there were too many and it is not forced: `Ok(Some(too many))`. Looking and noting happen
    /// under one lock, so that two processes cannot both take the last free place.
    pub fn reserve(
        &self,
        profile: &str,
        now: Timestamp,
        force: bool,
    ) -> io::Result<Option<policy::Decision>> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let _lock = self.lock()?;
        let mut all = self.read();
        for times in all.values_mut() {
            times.retain(|at| policy::is_recent(*at, now));
            times.sort_unstable();
            let surplus = times.len().saturating_sub(RESTARTS - 1);
            times.drain(..surplus);
        }
        all.retain(|_, times| !times.is_empty());
        let times = all.entry(profile.to_owned()).or_default();
        if let Some(too_many) = policy::too_many(times, now).filter(|_| !force) {
            return Ok(Some(too_many));
        }
        times.push(now);
        while all.len() > PROFILES {
            let oldest = all
                .iter()
                .filter(|(name, _)| *name != profile)
                .min_by_key(|(_, times)| times.last().copied());
            let Some(name) = oldest.map(|(name, _)| name.clone()) else {
                break;
            };
            all.remove(&name);
        }
        self.write(all)?;
        Ok(None)
    }

    /// Claims the restart of this profile for this process, until the claim is dropped. `None`: somebody is at it
    /// (the menu and a command line at once), see [`Self::joined`]. The lock goes with its process, however that ends.
    pub fn claim(&self, profile: &str) -> io::Result<Option<Claim>> {
        let Some(lock) = self.lock_of(profile)? else {
            return Ok(None);
        };
        // what an earlier restart left is nobody's answer any more
        lock.file().set_len(0)?;
        Ok(Some(Claim(lock)))
    }

    /// How the restart goes that was claimed when [`Self::claim`] said `None`.
    pub fn joined(&self, profile: &str) -> io::Result<Joined> {
        let Some(lock) = self.lock_of(profile)? else {
            return Ok(Joined::UnderWay);
        };
        let mut text = Vec::new();
        lock.file().take(FILE_LIMIT).read_to_end(&mut text)?;
        Ok(Joined::Over(serde_json::from_slice::<Told>(&text).ok().and_then(Told::outcome)))
    }

    /// The file of a profile's claim, locked; `None`: somebody has it.
    fn lock_of(&self, profile: &str) -> io::Result<Option<Lock>> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        // any name is a safe file name this way, and two never fall together but by a chance in 2^64 (FNV-1a)
        let sum = profile.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let path = self.path.with_extension(format!("{sum:016x}.lock"));
        let file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
        Lock::take(file)
    }

    fn lock(&self) -> io::Result<Lock> {
        let path = self.path.with_extension("lock");
        let until = Instant::now() + PATIENCE;
        loop {
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
            match Lock::take(file)? {
                Some(lock) => return Ok(lock),
                None if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
                None => return Err(io::ErrorKind::WouldBlock.into()),
            }
        }
    }

    fn read(&self) -> BTreeMap<String, Vec<Timestamp>> {
        read_content(&self.path).map(|content| content.restarts).unwrap_or_default()
    }

    fn write(&self, restarts: BTreeMap<String, Vec<Timestamp>>) -> io::Result<()> {
        let text = serde_json::to_vec(&Content { version: 1, restarts })?;
        let temporary = self.path.with_extension("new");
        let mut file =
            OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&text)?;
        fs::rename(&temporary, &self.path)
    }
}

fn read_content(path: &Path) -> Option<Content> {
    // a FIFO in its place must not hold us
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    File::open(path).ok()?.take(FILE_LIMIT + 1).read_to_end(&mut text).ok()?;
    if text.len() as u64 > FILE_LIMIT {
        return None;
    }
    serde_json::from_slice::<Content>(&text).ok().filter(|content| content.version == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn the_limit_holds_across_processes_and_rolls() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/restarts.json");
        for i in 0..6 {
            // a new Ledger each time: nothing is kept in memory
            assert_eq!(Ledger::at(&path).reserve("work", at(i), false).unwrap(), None);
        }
        let ledger = Ledger::at(&path);
        let refused = ledger.reserve("work", at(10), false).unwrap();
        assert_eq!(refused, Some(policy::Decision::TooMany { count: 6, again_at: at(3600) }));
        assert_eq!(ledger.recent("work", at(10)).len(), 6, "a refused one is not noted");
        assert_eq!(ledger.reserve("default", at(10), false).unwrap(), None);
        assert_eq!(ledger.reserve("work", at(11), true).unwrap(), None);
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
                    scope.spawn(move || usize::from(ledger.reserve("work", at(i), false).unwrap().is_none()))
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
            "{\"version\":2,\"restarts\":{}}",
            "{\"version\":1,\"restarts\":[1]}",
            &long,
        ];
        for content in foreign {
            fs::write(&path, content).unwrap();
            let ledger = Ledger::at(&path);
            assert_eq!(ledger.recent("work", at(0)), []);
            assert_eq!(ledger.reserve("work", at(0), false).unwrap(), None);
            assert_eq!(ledger.recent("work", at(0)), [at(0)]);
        }
    }

    #[test]
    fn a_profile_is_claimed_once_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::at(folder.path().join("data/restarts.json"));
        for name in ["work", "../x", "$(x)", "", "配置"] {
            let claim = ledger.claim(name).unwrap();
            assert!(claim.is_some() && ledger.claim(name).unwrap().is_none(), "{name}");
            drop(claim);
            assert!(ledger.claim(name).unwrap().is_some(), "{name}");
        }
        let outside = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(outside, 1, "nothing beside the data folder");
    }

    #[test]
    fn no_profile_holds_up_another() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::at(folder.path().join("restarts.json"));
        // among so many, a shorter sum than the whole one would put two into one place
        let claims: Vec<_> = (0..400).map(|i| ledger.claim(&format!("p{i}")).unwrap()).collect();
        assert!(claims.iter().all(Option::is_some));
    }

    #[test]
    fn who_comes_second_hears_the_outcome_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::at(folder.path().join("restarts.json"));
        let outcomes = STEPS.into_iter().flat_map(|step| {
            let why = || "why — \u{1b}[0m 为什么".to_owned();
            [RestartOutcome::Failed { step, why: why() }, RestartOutcome::CannotTell { step, why: why() }]
        });
        let worked =
            RestartOutcome::Worked { took: SignedDuration::from_millis(4_200), pid: 77, killed: true };
        for outcome in outcomes.chain([worked]) {
            let claim = ledger.claim("work").unwrap().unwrap();
            assert_eq!(ledger.joined("work").unwrap(), Joined::UnderWay, "what was left before is gone");
            claim.settle(&outcome).unwrap();
            assert_eq!(
                ledger.joined("work").unwrap(),
                Joined::UnderWay,
                "it counts once the claim is given back"
            );
            drop(claim);
            assert_eq!(ledger.joined("work").unwrap(), Joined::Over(Some(outcome)));
        }
        // ended without a word: killed, or interrupted
        drop(ledger.claim("work").unwrap());
        assert_eq!(ledger.joined("work").unwrap(), Joined::Over(None));
    }

    #[test]
    fn it_stays_small() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::at(folder.path().join("restarts.json"));
        for i in 0..(PROFILES as i64 + 5) {
            ledger.reserve(&format!("p{i}"), at(i), false).unwrap();
        }
        for i in 0..(RESTARTS as i64 + 5) {
            ledger.reserve("work", at(1000 + i), true).unwrap();
        }
        let kept = ledger.read();
        assert_eq!((kept.len(), kept["work"].len()), (PROFILES, RESTARTS));
        assert!(!kept.contains_key("p0"), "the oldest leaves first");
    }
}
