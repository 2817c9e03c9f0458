//! The rotated siblings of a log: `agent.log.1` and so on.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::generation::{Id, Modified, modified};

/// A rotated file.
#[derive(Debug)]
pub(super) struct Sibling {
    /// 1 for `.1`.
    pub index: u8,
    pub path: PathBuf,
    pub id: Id,
    pub modified: Modified,
}

/// The siblings that are regular files, up to `.count`; the newest first.
pub(super) fn siblings(log: &Path, count: u8) -> Vec<Sibling> {
    (1..=count)
        .filter_map(|index| {
            let path = sibling_path(log, index);
            let meta = std::fs::metadata(&path).ok().filter(Metadata::is_file)?;
            Some(Sibling { index, id: Id::of(&meta), modified: modified(&meta), path })
        })
        .collect()
}

pub(super) fn sibling_path(log: &Path, index: u8) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(format!(".{index}"));
    PathBuf::from(name)
}
