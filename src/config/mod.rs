//! The settings file: its keys, their defaults, and errors with file, line and column.
//!
//! A missing file means the defaults. One invalid value makes the whole file an error; the caller keeps the settings in
//! force.

mod check;
mod error;
mod folders;
mod pattern;
mod quiet_hours;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use error::ConfigError;
pub use folders::Folders;
pub use quiet_hours::{QuietHours, QuietHoursError};
pub use settings::{
    HistorySettings, IconSettings, Language, Lights, NoticeSettings, OnChange, ProfileSettings,
    RestartSettings,
};

use crate::files;
use crate::health::Deadlines;
use crate::health::platform::TimesSetting;
use crate::text::config as phrases;
pub use pattern::{ExtraPattern, SHORTEST, SignalName};

/// Largest settings file that is read, in bytes.
pub(crate) const MAX_FILE_BYTES: u64 = 256 * 1024;

/// A settings file with every default as a comment: the user's starting point for editing.
pub const TEMPLATE: &str = include_str!("../../resources/settings.toml");

/// All settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The language of menus, notifications and command output.
    pub language: Language,
    /// The menu-bar icon.
    pub icon: IconSettings,
    /// Which notifications are shown, and when.
    pub notices: NoticeSettings,
    /// Automatic restarts.
    pub restart: RestartSettings,
    /// Retention of the history.
    pub history: HistorySettings,
    /// Deadlines and thresholds of the verdicts.
    pub deadlines: Deadlines,
    /// The program that is run at every change of a light.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_change: Option<OnChange>,
    /// Times of single platforms, by Hermes' names.
    pub platforms: BTreeMap<String, TimesSetting>,
    /// Homes to watch in addition to those found, and links that do not count.
    pub profiles: Vec<ProfileSettings>,
    /// Log patterns in addition to the built-in ones.
    pub patterns: Vec<ExtraPattern>,
}

impl Config {
    /// Reads the file; the defaults where there is none. `user_home` replaces a leading `~/` in paths.
    pub fn load(path: &Path, user_home: &Path) -> Result<Self, ConfigError> {
        let bytes = match files::read(path, MAX_FILE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            // the kernel's EFBIG is another matter
            Err(error) if error.kind() == ErrorKind::FileTooLarge && error.raw_os_error().is_none() => {
                return Err(ConfigError::too_long(path, MAX_FILE_BYTES));
            }
            Err(error) => return Err(ConfigError::unreadable(path, &error)),
        };
        let text = String::from_utf8(bytes).map_err(|_| ConfigError::file(path, phrases::NOT_TEXT))?;
        Self::parse(&text, path, user_home)
    }

    /// Parses the text of a settings file; `path` appears in errors only.
    pub fn parse(text: &str, path: &Path, user_home: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|e| ConfigError::syntax(path, text, &e))?;
        config.expand_home(user_home);
        check::check(&config).map_err(|invalid| ConfigError::value(path, text, invalid))?;
        Ok(config)
    }

    fn expand_home(&mut self, user_home: &Path) {
        let homes = self.profiles.iter_mut().filter_map(|profile| profile.home.as_mut());
        for path in homes.chain(self.on_change.iter_mut().map(|on_change| &mut on_change.program)) {
            if let Ok(below) = path.strip_prefix("~") {
                *path = user_home.join(below);
            }
        }
    }
}
