//! The locks that gateways hold on identities at their platforms (an app id, a bot token): one JSON file each, shared by
//! all gateways of the user. How many a process holds is how many links it should have.
//!
//! hermes-agent, `gateway/status.py`: `$HERMES_GATEWAY_LOCK_DIR`, else `hermes/gateway-locks` below `$XDG_STATE_HOME` or
//! `~/.local/state`; `<scope>-<first 16 digits of the identity's SHA-256>.lock`. A file survives the SIGKILL of its
//! holder: it counts only while a process with its PID and start time lives.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::state_files;
use crate::files;

/// Entries of the folder that are looked at.
const MAX_ENTRIES: usize = 4096;

/// Locks that are read.
const MAX_LOCKS: usize = 256;

/// Bytes of one lock: a real one has some hundred, most of them the command line of its holder.
const MAX_BYTES: u64 = 64 * 1024;

/// Characters of a scope, and of an id.
const MAX_NAME: usize = 64;

/// One lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lock {
    /// What kind of identity is locked: `feishu-app-id`, `telegram-bot-token`.
    pub scope: String,
    /// The beginning of the identity's hash: the same identity has the same id.
    pub id: String,
    /// PID of the holder.
    pub pid: u32,
    /// Start time of the holder, in the unit of `gateway.pid`.
    pub start_time: Option<u64>,
}

/// The locks in one folder, read again only where something may have changed.
#[derive(Debug)]
pub struct LockFolder {
    path: PathBuf,
    /// Modification time of the folder when it was last read.
    modified: Option<(i64, i64)>,
    locks: Vec<Lock>,
}

impl LockFolder {
    /// Not read yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, modified: None, locks: Vec::new() }
    }

    /// Reads the locks if one came or went since the last time; `force`: also one that was rewritten in place.
    pub fn refresh(&mut self, force: bool) {
        let modified = std::fs::metadata(&self.path).ok().map(|meta| (meta.mtime(), meta.mtime_nsec()));
        if force || modified != self.modified {
            self.locks = read(&self.path);
            self.modified = modified;
        }
    }

    /// The locks that this process holds.
    pub fn held_by(&self, pid: u32, start_time: u64) -> impl Iterator<Item = &Lock> {
        let is_holder =
            move |lock: &&Lock| lock.pid == pid && lock.start_time.is_none_or(|at| at == start_time);
        self.locks.iter().filter(is_holder)
    }
}

/// The folder of the locks, by the environment that `var` gives and the user's home.
pub fn folder(user_home: &Path, var: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let absolute = |name| var(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    absolute("HERMES_GATEWAY_LOCK_DIR").unwrap_or_else(|| {
        let state = absolute("XDG_STATE_HOME").unwrap_or_else(|| user_home.join(".local/state"));
        state.join("hermes/gateway-locks")
    })
}

/// The locks in this folder, in order. A folder that does not exist has none; a file that is no lock, half-written or too
/// large is skipped.
pub fn read(folder: &Path) -> Vec<Lock> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.take(MAX_ENTRIES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let locks = names.filter_map(|name| {
        let (scope, id) = parse_name(&name)?;
        let json = state_files::parse(&files::read(&folder.join(&name), MAX_BYTES).ok()?)?;
        let holder = state_files::identity(&json)?;
        Some(Lock { scope: scope.to_owned(), id: id.to_owned(), pid: holder.pid, start_time: holder.start })
    });
    let mut locks: Vec<Lock> = locks.take(MAX_LOCKS).collect();
    locks.sort_unstable();
    locks
}

/// Scope and id of `<scope>-<id>.lock`.
fn parse_name(name: &str) -> Option<(&str, &str)> {
    let (scope, id) = name.strip_suffix(".lock")?.rsplit_once('-')?;
    let is_word = |text: &str, also: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
        (1..=MAX_NAME).contains(&text.len()) && text.chars().all(good)
    };
    (is_word(scope, "-_") && is_word(id, "")).then_some((scope, id))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_folder_is_where_hermes_looks_for_it() {
        let home = Path::new("/home/me");
        for (set, folder) in [
            (vec![], "/home/me/.local/state/hermes/gateway-locks"),
            (vec![("XDG_STATE_HOME", "/state")], "/state/hermes/gateway-locks"),
            (vec![("XDG_STATE_HOME", "/state"), ("HERMES_GATEWAY_LOCK_DIR", "/locks")], "/locks"),
            (
                vec![("XDG_STATE_HOME", ""), ("HERMES_GATEWAY_LOCK_DIR", "here")],
                "/home/me/.local/state/hermes/gateway-locks",
            ),
        ] {
            let var = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
            assert_eq!(super::folder(home, var), Path::new(folder), "{set:?}");
        }
    }

    #[test]
    fn locks_are_read_and_everything_else_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        assert_eq!(read(&folder.path().join("none")), []);
        write(
            "telegram-bot-token-0123456789abcdef.lock",
            r#"{"pid": 4711, "start_time": 8812, "argv": ["hermes"], "scope": "telegram-bot-token",
                "identity_hash": "0123456789abcdef", "metadata": {"platform": "telegram"}, "updated_at": "x"}"#,
        );
        write("feishu-app-id-fedcba9876543210.lock", r#"{"pid": 4711, "start_time": 8812}"#);
        // another gateway, of a version that writes no start time
        write("feishu-app-id-00000000000000aa.lock", r#"{"pid": 99}"#);
        for (name, text) in [
            ("feishu-app-id-1111111111111111.lock", r#"{"pid": 4711, "sta"#),
            ("feishu-app-id-2222222222222222.lock", r#"{"pid": -5}"#),
            ("feishu-app-id-3333333333333333.tmp", r#"{"pid": 4711}"#),
            ("nothing.lock", r#"{"pid": 4711}"#),
            ("-4444.lock", r#"{"pid": 4711}"#),
            ("a b-5555.lock", r#"{"pid": 4711}"#),
        ] {
            write(name, text);
        }
        write(
            "feishu-app-id-6666666666666666.lock",
            &format!("{{\"pid\": 1, \"x\": \"{}\"}}", "x".repeat(70_000)),
        );
        fs::create_dir(folder.path().join("feishu-app-id-7777777777777777.lock")).unwrap();
        let fifo = folder.path().join("feishu-app-id-8888888888888888.lock");
        // macOS has no mknod(2) for a FIFO, and rustix no mkfifo(3)
        let made = std::process::Command::new("/usr/bin/mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let lock = |scope: &str, id: &str, pid, start_time| Lock {
            scope: scope.into(),
            id: id.into(),
            pid,
            start_time,
        };
        assert_eq!(
            read(folder.path()),
            [
                lock("feishu-app-id", "00000000000000aa", 99, None),
                lock("feishu-app-id", "fedcba9876543210", 4711, Some(8812)),
                lock("telegram-bot-token", "0123456789abcdef", 4711, Some(8812)),
            ]
        );
    }

    #[test]
    fn locks_are_read_again_when_one_comes_or_when_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks");
        let mut locks = LockFolder::new(path.clone());
        let held = |locks: &LockFolder, pid, start| locks.held_by(pid, start).count();
        locks.refresh(false);
        assert_eq!(held(&locks, 7, 1), 0);
        fs::create_dir(&path).unwrap();
        let file = path.join("feishu-app-id-00000000000000aa.lock");
        fs::write(&file, r#"{"pid": 7, "start_time": 1}"#).unwrap();
        locks.refresh(false);
        assert_eq!((held(&locks, 7, 1), held(&locks, 7, 2), held(&locks, 8, 1)), (1, 0, 0));
        fs::write(&file, r#"{"pid": 8, "start_time": 1}"#).unwrap();
        locks.refresh(true);
        assert_eq!((held(&locks, 7, 1), held(&locks, 8, 1)), (0, 1));
        fs::remove_dir_all(&path).unwrap();
        locks.refresh(false);
        assert_eq!(held(&locks, 8, 1), 0);
    }

    #[test]
    fn a_flooded_folder_costs_a_bounded_read() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..MAX_LOCKS + 50 {
            fs::write(folder.path().join(format!("feishu-app-id-{n:016x}.lock")), r#"{"pid": 7}"#).unwrap();
        }
        assert_eq!(read(folder.path()).len(), MAX_LOCKS);
    }
}
