//! The locks that gateways hold on their accounts at the platforms (an app id, a bot token): one JSON file each, in a
//! folder that all gateways of the user share. A gateway should have as many links to a platform as it holds locks for
//! it.
//!
//! hermes-agent, `gateway/status.py`: `$HERMES_GATEWAY_LOCK_DIR`, else `hermes/gateway-locks` below `$XDG_STATE_HOME` or
//! `~/.local/state`; `<scope>-<first 16 digits of the identity's SHA-256>.lock`. A file survives the SIGKILL of its
//! holder: it counts only for a process with its PID and start time.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::state_files;
use crate::files;
use crate::health::FileIdentity;
use crate::health::evidence::Lock;
use crate::order::Order as _;

/// Most entries of the folder that are checked.
const MAX_ENTRIES: usize = 1024;

/// Most locks that are read.
const MAX_LOCKS: usize = 64;

/// Most bytes of one lock: a real one has a few hundred, most of them the command line of its holder.
const MAX_BYTES: u64 = 16 * 1024;

/// Most characters of a scope, and of an id.
const MAX_NAME: usize = 64;

/// The locks in one folder, read again only when one came or went.
#[derive(Debug)]
pub(crate) struct LockFolder {
    path: PathBuf,
    /// Modification time of the folder when it was last read.
    modified: Option<(i64, i64)>,
    locks: Vec<(FileIdentity, Lock)>,
}

impl LockFolder {
    /// A folder that was not read yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, modified: None, locks: Vec::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The locks that these processes hold, each given by its PID and start time.
    pub(crate) fn held_by(&mut self, processes: impl Iterator<Item = (u32, u64)>) -> Vec<Lock> {
        let modified = std::fs::metadata(&self.path).ok().map(|meta| (meta.mtime(), meta.mtime_nsec()));
        if modified != self.modified {
            self.locks = read(&self.path);
            self.modified = modified;
        }
        let processes: Vec<_> = processes.collect();
        let held =
            |holder: &FileIdentity| processes.iter().any(|(pid, start)| holder.is_of(*pid, Some(*start)));
        self.locks.iter().filter(|(holder, _)| held(holder)).map(|(_, lock)| lock.clone()).collect()
    }
}

/// The folder of the locks. `var` reads a variable of the gateway's environment.
pub(crate) fn folder(user_home: &Path, var: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let absolute = |name| var(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    absolute("HERMES_GATEWAY_LOCK_DIR").unwrap_or_else(|| {
        let state = absolute("XDG_STATE_HOME").unwrap_or_else(|| user_home.join(".local/state"));
        state.join("hermes/gateway-locks")
    })
}

/// The locks in this folder, sorted. None if the folder does not exist; a file that is not a lock, is half-written or
/// too large is skipped.
fn read(folder: &Path) -> Vec<(FileIdentity, Lock)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.take(MAX_ENTRIES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let locks = names.filter_map(|name| {
        // check the name before reading the file: anything may be in this folder
        parse_name(&name)?;
        parse(&name, &files::read(&folder.join(&name), MAX_BYTES).ok()?)
    });
    let mut locks: Vec<_> = locks.take(MAX_LOCKS).collect();
    locks.order_by(|(_, a), (_, b)| (&a.scope, &a.id).cmp(&(&b.scope, &b.id)));
    locks
}

/// Parses a lock file: the lock, and the process that wrote it.
pub fn parse(name: &str, content: &[u8]) -> Option<(FileIdentity, Lock)> {
    let (scope, id) = parse_name(name)?;
    let holder = state_files::identity(&state_files::parse(content)?)?;
    Some((holder, Lock { scope: scope.to_owned(), id: id.to_owned(), pid: holder.pid, owner: None }))
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
    fn the_locks_of_a_process_are_read_and_everything_else_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let held = |processes: &[(u32, u64)]| {
            let held = LockFolder::new(folder.path().to_path_buf()).held_by(processes.iter().copied());
            held.into_iter().map(|lock| (lock.scope, lock.id, lock.pid)).collect::<Vec<_>>()
        };
        assert!(LockFolder::new(folder.path().join("none")).held_by([(1, 1)].into_iter()).is_empty());
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
        let long = "x".repeat(70_000);
        write("feishu-app-id-6666666666666666.lock", &format!("{{\"pid\": 4711, \"x\": \"{long}\"}}"));
        fs::create_dir(folder.path().join("feishu-app-id-7777777777777777.lock")).unwrap();
        files::make_fifo(&folder.path().join("feishu-app-id-8888888888888888.lock"));
        let lock = |scope: &str, id: &str, pid| (scope.to_owned(), id.to_owned(), pid);
        let own = [
            lock("feishu-app-id", "fedcba9876543210", 4711),
            lock("telegram-bot-token", "0123456789abcdef", 4711),
        ];
        assert_eq!(held(&[(4711, 8812)]), own);
        assert_eq!(held(&[(4711, 8813)]), [], "another process had this PID");
        assert_eq!(held(&[(99, 1)]), [lock("feishu-app-id", "00000000000000aa", 99)]);
    }

    #[test]
    fn a_flooded_folder_costs_a_bounded_read() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..MAX_LOCKS + 50 {
            fs::write(folder.path().join(format!("feishu-app-id-{n:016x}.lock")), r#"{"pid": 7}"#).unwrap();
        }
        let held = LockFolder::new(folder.path().to_path_buf()).held_by([(7, 1)].into_iter());
        assert_eq!(held.len(), MAX_LOCKS);
    }
}
