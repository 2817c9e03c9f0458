//! Detects whether names in the folders of a profile were added or removed. As long as none was, the safety poll does not
//! have to look for missing files.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::home_files::Version;
use crate::order::Collect as _;
use crate::profile::Profile;

/// Two changes of a folder within this time may have the same modification time: file systems round it.
const SETTLE: Duration = Duration::from_secs(2);

/// The folders of one profile's files.
pub(super) struct Folders(Vec<Folder>);

struct Folder {
    path: PathBuf,
    /// Version at the last check; `None`: a change may have gone unnoticed.
    version: Option<Version>,
}

impl Folders {
    pub(super) fn of(profile: &Profile) -> Self {
        let logs = profile.logs.iter().filter_map(|log| log.parent());
        let paths: BTreeSet<_> = logs.chain([profile.home.as_path()]).to_set();
        Self(paths.into_iter().map(|path| Folder { path: path.to_path_buf(), version: None }).collect())
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.0.iter().map(|folder| folder.path.clone())
    }

    /// Whether no name was added or removed since the last check.
    pub(super) fn are_unchanged(&mut self) -> bool {
        // checks every folder, so that all stay up to date
        self.0.iter_mut().map(Folder::is_unchanged).filter(|unchanged| !unchanged).count() == 0
    }
}

impl Folder {
    /// `None` if another change could have the same modification time as this one, or if the clocks differ.
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
