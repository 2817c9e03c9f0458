//! The queues of all channels in one file, readable by its owner only. It holds redacted messages and no secrets. Only the
//! agent, which holds the lock, writes it; commands read it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::outbox::{Failure, Outbox};
use crate::files;

/// Maximum size of the file, in bytes.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;
/// The version of the format.
const VERSION: u32 = 1;

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(super) version: u32,
    /// The queues, by the name of the channel.
    #[serde(default)]
    pub(crate) channels: BTreeMap<String, Outbox>,
    /// Why the last heartbeat failed; `None`: it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) heartbeat_failure: Option<Failure>,
}

impl Default for Stored {
    fn default() -> Self {
        Self { version: VERSION, channels: BTreeMap::new(), heartbeat_failure: None }
    }
}

/// The path in the data folder.
pub(crate) fn file(data: &Path) -> PathBuf {
    data.join("channels.json")
}

/// Reads it. A file that is missing, damaged or of a newer version counts as empty: its messages would be dropped after an
/// hour anyway.
pub(crate) fn read(file: &Path) -> Stored {
    let content = files::read(file, FILE_LIMIT).ok();
    let content = content.and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok());
    content.filter(|stored| stored.version == VERSION).unwrap_or_default()
}

/// Replaces it atomically.
pub(crate) fn write(file: &Path, stored: &Stored) -> io::Result<()> {
    files::replace(file, |out| Ok(serde_json::to_writer(out, stored)?))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_file_is_private_and_foreign_content_counts_as_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        assert_eq!(read(&path), Stored::default());
        let mut stored = Stored::default();
        stored.channels.insert("team".into(), Outbox::default());
        write(&path, &stored).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path), stored);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        for foreign in ["", "{", "[]", r#"{"version":2,"channels":{}}"#] {
            fs::write(&path, foreign).unwrap();
            assert_eq!(read(&path), Stored::default(), "{foreign}");
        }
    }
}
