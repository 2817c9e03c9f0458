//! One restart of a profile at a time, across processes: a locked file that names its holder.
//!
//! The kernel releases the lock when its process ends, however it ends. The file also carries the outcome, for
//! requests for the same restart that came in the meantime.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::lock::Lock;
use crate::restart::{ProfileLink, RestartOutcome, RestartStep};
use crate::text::Message;

/// Most bytes that are read of a lease's file.
const FILE_LIMIT: u64 = 64 * 1024;

/// Attempts, and the pause between them, while the lock is held by a process whose restart has not begun: its request
/// is being admitted or refused, which takes milliseconds.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// Who asks for a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requester {
    /// The menu, a notification, or an automatic restart.
    App,
    /// `gatelight restart`.
    CommandLine,
}

/// Who is restarting a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process of Gatelight.
    pub pid: u32,
    /// What it is.
    pub by: Requester,
    /// When its restart was asked for.
    pub asked_at: Timestamp,
}

/// The exclusive right to restart one profile, until this is dropped or the process ends.
#[derive(Debug)]
#[must_use]
pub(super) struct Lease(Lock);

/// The answer to [`Lease::take`].
#[derive(Debug)]
pub(super) enum Taken {
    /// This request has it now.
    Ours(Lease),
    /// Another request has it. `None`: the name of its holder cannot be read.
    Held(Option<Holder>),
}

/// The state of a restart whose lease another request holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LeaseState {
    /// It is in progress.
    UnderWay,
    /// It is over; `None`: its process ended without leaving an outcome.
    Over(Option<RestartOutcome>),
}

/// The content of the file.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Record {
    holder: Option<Holder>,
    outcome: Option<StoredOutcome>,
}

impl Lease {
    /// Takes the lease in this file, which is created if needed. If it cannot be created (a full disk), `fallback`, any
    /// existing file of the profile, is locked instead, without a record of the holder.
    pub(super) fn take(path: &Path, fallback: Option<&Path>) -> io::Result<Taken> {
        let open = || match open(path) {
            Ok(file) => Ok((file, true)),
            Err(error) => match fallback.map(files::open) {
                Some(Ok(file)) => Ok((file, false)),
                _ => Err(error),
            },
        };
        let mut holder = None;
        for attempt in 0..ATTEMPTS {
            let (file, writable) = open()?;
            if let Some(lock) = Lock::take(file)? {
                if writable {
                    // the outcome of an earlier restart is stale
                    lock.file().set_len(0)?;
                }
                return Ok(Taken::Ours(Self(lock)));
            }
            holder =
                read(path).ok().filter(|record| record.outcome.is_none()).and_then(|record| record.holder);
            if holder.is_some() || !writable {
                break;
            }
            if attempt + 1 < ATTEMPTS {
                std::thread::sleep(PAUSE);
            }
        }
        Ok(Taken::Held(holder))
    }

    /// Records the holder: its restart begins.
    pub(super) fn begin(&self, holder: Holder) -> io::Result<()> {
        self.write(&Record { holder: Some(holder), outcome: None })
    }

    /// Stores the outcome and releases the lease.
    pub(super) fn finish(self, outcome: &RestartOutcome) -> io::Result<()> {
        self.write(&Record { holder: None, outcome: Some(StoredOutcome::of(outcome)) })
    }

    fn write(&self, record: &Record) -> io::Result<()> {
        let text = serde_json::to_vec(record)?;
        self.0.file().write_all_at(&text, 0)?;
        self.0.file().set_len(text.len() as u64)
    }
}

/// The state of the restart whose lease another request holds.
pub(super) fn watch(path: &Path) -> io::Result<LeaseState> {
    Ok(match Lock::take(open(path)?)? {
        None => LeaseState::UnderWay,
        Some(_lock) => LeaseState::Over(read(path)?.outcome.and_then(StoredOutcome::outcome)),
    })
}

/// The file of a profile's lease, beside the ledger. The name is hashed (64-bit FNV-1a), so that any profile name makes
/// a valid file name.
pub(super) fn file_of(ledger: &Path, profile: &str) -> PathBuf {
    let sum = profile
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    ledger.with_extension(format!("{sum:016x}.lock"))
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        files::create_folder(folder)?;
    }
    files::open_with(OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600), path)
}

fn read(path: &Path) -> io::Result<Record> {
    let text = files::read(path, FILE_LIMIT)?;
    // an empty or half-written record counts as none
    Ok(serde_json::from_slice(&text).unwrap_or_default())
}

/// An outcome as stored in the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
enum StoredOutcome {
    Worked {
        took: SignedDuration,
        pid: u32,
        killed: bool,
        /// A holder of an older version writes none.
        #[serde(default)]
        back: Vec<ProfileLink>,
    },
    Failed {
        step: u8,
        why: Message,
    },
    CannotTell {
        step: u8,
        why: Message,
    },
}

impl StoredOutcome {
    fn of(outcome: &RestartOutcome) -> Self {
        match outcome.clone() {
            RestartOutcome::Worked { took, pid, killed, back } => Self::Worked { took, pid, killed, back },
            RestartOutcome::Failed { step, why } => Self::Failed { step: step as u8, why },
            RestartOutcome::CannotTell { step, why } => Self::CannotTell { step: step as u8, why },
        }
    }

    /// `None`: it names a step that does not exist.
    fn outcome(self) -> Option<RestartOutcome> {
        let named = |step: u8| RestartStep::ALL.get(usize::from(step)).copied();
        Some(match self {
            Self::Worked { took, pid, killed, back } => RestartOutcome::Worked { took, pid, killed, back },
            Self::Failed { step, why } => RestartOutcome::Failed { step: named(step)?, why },
            Self::CannotTell { step, why } => RestartOutcome::CannotTell { step: named(step)?, why },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn holder() -> Holder {
        Holder { pid: 7, by: Requester::CommandLine, asked_at: Timestamp::UNIX_EPOCH }
    }

    fn ours(path: &Path) -> Option<Lease> {
        match Lease::take(path, None).unwrap() {
            Taken::Ours(lease) => Some(lease),
            Taken::Held(_) => None,
        }
    }

    #[test]
    fn the_lock_is_taken_once_for_any_profile_name() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("data/restarts.json");
        for name in ["work", "../x", "$(x)", "", "配置"] {
            let path = file_of(&ledger, name);
            let lease = ours(&path).unwrap();
            lease.begin(holder()).unwrap();
            let second = Lease::take(&path, None).unwrap();
            assert!(matches!(second, Taken::Held(Some(known)) if known == holder()), "{name}");
            drop(lease);
            assert!(ours(&path).is_some(), "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing beside the data folder");
    }

    #[test]
    fn no_profile_blocks_another() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("restarts.json");
        // with a shorter hash than the whole one, two of so many would share a file
        let leases: Vec<_> = (0..400).map(|i| ours(&file_of(&ledger, &format!("p{i}")))).collect();
        assert!(leases.iter().all(Option::is_some));
    }

    #[test]
    fn the_second_request_gets_the_outcome_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        let outcomes = RestartStep::ALL.into_iter().flat_map(|step| {
            let why = || Message::verbatim("why — \u{1b}[0m 为什么");
            [RestartOutcome::Failed { step, why: why() }, RestartOutcome::CannotTell { step, why: why() }]
        });
        let worked = RestartOutcome::Worked {
            took: SignedDuration::from_millis(4_200),
            pid: 77,
            killed: true,
            back: vec![ProfileLink { profile: "work".into(), platform: "feishu".into() }],
        };
        for outcome in outcomes.chain([worked]) {
            let lease = ours(&path).unwrap();
            assert_eq!(watch(&path).unwrap(), LeaseState::UnderWay, "what was left before is gone");
            lease.begin(holder()).unwrap();
            assert_eq!(watch(&path).unwrap(), LeaseState::UnderWay);
            lease.finish(&outcome).unwrap();
            assert_eq!(watch(&path).unwrap(), LeaseState::Over(Some(outcome)));
        }
        // killed or interrupted
        let lease = ours(&path).unwrap();
        lease.begin(holder()).unwrap();
        drop(lease);
        assert_eq!(watch(&path).unwrap(), LeaseState::Over(None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_lock_is_free_after_its_process_is_killed() {
        use std::io::Read as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease");
        drop(ours(&path));
        // flock(1) with --no-fork locks the file and becomes the program that holds it
        let script = "exec flock --no-fork \"$0\" sh -c 'echo; exec sleep 600'";
        let mut other = std::process::Command::new("/bin/sh")
            .args(["-c", script])
            .arg(&path)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        other.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let second = Lease::take(&path, None);
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(matches!(second.unwrap(), Taken::Held(None)));
        assert!(ours(&path).is_some());
    }

    #[test]
    fn where_no_file_can_be_made_another_one_is_locked() {
        let folder = tempfile::tempdir().unwrap();
        let impossible = folder.path().join("file/lease");
        let job = folder.path().join("job.plist");
        for path in [folder.path().join("file"), job.clone()] {
            fs::write(path, "content").unwrap();
        }
        assert!(Lease::take(&impossible, None).is_err());
        let Taken::Ours(lease) = Lease::take(&impossible, Some(&job)).unwrap() else { panic!() };
        assert!(matches!(Lease::take(&impossible, Some(&job)).unwrap(), Taken::Held(None)));
        drop(lease);
        assert_eq!(fs::read_to_string(job).unwrap(), "content");
    }
}
