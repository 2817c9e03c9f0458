//! The file of silences: shared by the menu, the notices and the command line, and kept when the agent restarts.
//!
//! A small JSON file, replaced atomically under a separate lock file. The agent reads it again when it changes. A damaged
//! or foreign file silences nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wait::watch_file;
use crate::alerts::{Silence, Silences};
use crate::evidence::watch::Watch;
use crate::files;
use crate::lock::Lock;

/// The name in the data folder.
const FILE: &str = "silences.json";
/// The version of the format.
const VERSION: u32 = 1;
/// Maximum size of the file, in bytes.
const FILE_LIMIT: u64 = 256 * 1024;
/// Maximum number of profiles in the file; further ones are not added.
const MAX_PROFILES: usize = 1_000;
/// How long another process may hold the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    profiles: Silences,
}

/// The path of the file.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// Reads the file.
pub(crate) fn load(data: &Path) -> Silences {
    let Ok(text) = files::read(&path(data), FILE_LIMIT) else { return Silences::new() };
    match serde_json::from_slice::<Content>(&text) {
        Ok(content) if content.version == VERSION => content.profiles,
        _ => Silences::new(),
    }
}

/// Changes the silences of each of these profiles. Returns all silences.
pub(crate) fn change<'a>(
    data: &Path,
    profiles: impl IntoIterator<Item = &'a str>,
    mut change: impl FnMut(&str, &mut Silence),
) -> io::Result<Silences> {
    files::create_private_folder(data)?;
    let _lock = Lock::wait_for(&path(data).with_extension("lock"), LOCK_TIMEOUT)?;
    let before = load(data);
    let mut all = before.clone();
    for name in profiles {
        let mut silence = all.remove(name).unwrap_or_default();
        change(name, &mut silence);
        if !silence.is_empty() && all.len() < MAX_PROFILES {
            all.insert(name.to_owned(), silence);
        }
    }
    if all != before {
        let content = Content { version: VERSION, profiles: all.clone() };
        files::replace(&path(data), |out| Ok(serde_json::to_writer(out, &content)?))?;
    }
    Ok(all)
}

/// Waits for changes of the file by other processes.
pub(super) struct FileWatch(Option<Watch>);

impl FileWatch {
    /// Watches from now on. Where the system has no watches, the file is read at the start only.
    pub(super) fn new(data: &Path) -> Self {
        Self(watch_file(&path(data)))
    }

    /// Waits until the file may have changed. Cancel safe.
    pub(super) async fn changed(&mut self) {
        let Some(watch) = &mut self.0 else { return std::future::pending().await };
        loop {
            let Ok(changes) = watch.changed().await else { return std::future::pending().await };
            // the data folder holds other files that change every minute
            let concerns =
                |name: &Option<std::ffi::OsString>| name.as_deref().is_none_or(|name| name == FILE);
            if changes.everything || changes.changed.iter().any(|one| concerns(&one.name)) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::Timestamp;

    use super::*;
    use crate::alerts::{Acknowledged, Mute};
    use crate::health::Reason;

    #[test]
    fn silences_survive_and_are_removed_when_they_end() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        assert_eq!(load(&data), Silences::new());
        let acknowledged =
            Some(Acknowledged { reason: Reason::ExecutorShutdown, platform: Some("feishu".into()) });
        change(&data, ["work"], |_, silence| silence.acknowledged = acknowledged.clone()).unwrap();
        let mute = Some(Mute::Until(Timestamp::from_second(1_800_000_000).unwrap()));
        change(&data, ["work", "配置"], |_, silence| silence.mute = mute).unwrap();
        let all = load(&data);
        assert_eq!(all["work"], Silence { mute, acknowledged });
        assert_eq!(all["配置"], Silence { mute, acknowledged: None });
        let text = fs::read_to_string(path(&data)).unwrap();
        assert!(text.contains(r#""reason":"executor-shutdown""#) && text.contains("2027-01-15"), "{text}");
        let left = change(&data, ["配置"], |_, silence| *silence = Silence::default()).unwrap();
        assert_eq!((left.len(), load(&data)), (1, left));
    }

    #[test]
    fn a_file_that_is_no_list_of_silences_silences_nothing_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        for foreign in ["", "{", "[]", r#"{"version":2,"profiles":{"a":{"mute":"recovery"}}}"#] {
            fs::write(path(data), foreign).unwrap();
            assert_eq!(load(data), Silences::new(), "{foreign}");
            let all = change(data, ["b"], |_, silence| silence.mute = Some(Mute::Recovery)).unwrap();
            assert_eq!((all.len(), load(data)), (1, all));
        }
        fs::remove_file(path(data)).unwrap();
        files::make_fifo(&path(data));
        assert_eq!(load(data), Silences::new());
    }
}
