//! Files that the menu changes: its switches, and a first settings file.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::config::TEMPLATE;

/// The manual, for the menu.
const README: &str = include_str!("../../README.md");

/// A choice that is stored as a file in the data folder, which exists or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Switch(&'static str);

/// Notifications are switched off in the menu.
pub(crate) const NOTIFICATIONS_OFF: Switch = Switch("notifications-off");
/// The icon shows the worst light only.
pub(crate) const WORST_ONLY: Switch = Switch("icon-shows-worst");
/// The first start was announced.
pub(crate) const WELCOMED: Switch = Switch("welcomed");

/// Launch at Login was switched off in a run that can only unregister it at its end (macOS).
#[cfg_attr(not(target_os = "macos"), allow(dead_code))]
pub(crate) const LOGIN_OFF_AT_END: Switch = Switch("login-off-at-end");

impl Switch {
    pub(crate) fn is_set(self, data: &Path) -> bool {
        data.join(self.0).exists()
    }

    pub(crate) fn set(self, data: &Path, on: bool) -> io::Result<()> {
        let file = data.join(self.0);
        if on {
            fs::create_dir_all(data)?;
            return fs::write(file, "");
        }
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Writes a settings file to edit, whole or not at all; an existing one stays. Whether it was made.
pub(crate) fn create_settings(file: &Path) -> io::Result<bool> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    // the error of `tempfile` names a file of its own
    let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(|error| error.kind())?;
    beside.write_all(TEMPLATE.as_bytes())?;
    match beside.persist_noclobber(file) {
        Ok(_) => Ok(true),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

/// The manual's file in the data folder.
pub(crate) fn readme(data: &Path) -> PathBuf {
    data.join("README.md")
}

/// Writes the manual of this version to read.
pub(crate) fn write_readme(file: &Path) -> io::Result<()> {
    fs::write(file, README)
}
