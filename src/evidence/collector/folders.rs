//! Whether names in a profile's folders came or went, for the safety net: as long as none did, a file that was missing
//! still is, and need not be looked for.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::home_files::Version;
use crate::profile::Profile;

/// Two changes of a folder within this time may leave the same time stamp behind: file systems count in ticks.
const SETTLE: Duration = Duration::from_secs(2);

/// The folders of one profile's files.
pub(super) struct Folders(Vec<Folder>);

struct Folder {
    path: PathBuf,
    /// As it was at the last check; `None` where a change may have left no trace.
    version: Option<Version>,
}

impl Folders {
    pub(super) fn of(profile: &Profile) -> Self {
        let logs = profile.logs.iter().filter_map(|log| log.parent());
        let paths: BTreeSet<_> = logs.chain([profile.home.as_path()]).collect();
        Self(paths.into_iter().map(|path| Folder { path: path.to_path_buf(), version: None }).collect())
    }

    /// Whether no name came or went since the last check.
    pub(super) fn are_unchanged(&mut self) -> bool {
        // every folder is checked, so that each is up to date
        self.0.iter_mut().map(Folder::is_unchanged).filter(|unchanged| !unchanged).count() == 0
    }
}

impl Folder {
    /// A change just now could be followed by another one with the same time stamp: then, and where the clocks differ,
    /// nothing is certain.
    fn is_unchanged(&mut self) -> bool {
        let settled = |meta: &Metadata| {
            let age = SystemTime::now().duration_since(meta.modified().ok()?).ok()?;
            (age > SETTLE).then(|| Version::of(meta))
        };
        let version = std::fs::metadata(&self.path).ok().as_ref().and_then(settled);
        let unchanged = version.is_some() && version == self.version;
        self.version = version;
        unchanged
    }
}
