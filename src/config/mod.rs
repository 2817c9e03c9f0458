//! The settings file: its keys, their defaults, and errors with file, line and column.
//!
//! A missing file means the defaults. A starting program uses the valid part of the file; a running one keeps its settings
//! until the whole file is valid.

pub(crate) mod channels;
mod check;
mod document;
mod error;
mod folders;
mod pattern;
mod quiet_hours;
pub(crate) mod secret;
mod settings;
#[cfg(test)]
mod tests;
pub(crate) mod url;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use channels::{ChannelKind, ChannelSettings, Escape, HeartbeatSettings, Least};
pub use error::ConfigError;
pub use folders::Folders;
pub use quiet_hours::{QuietHours, QuietHoursError};
pub use secret::{Secret, SecretError};
pub use settings::{
    HistorySettings, IconSettings, Language, Lights, MAX_RESTARTS_PER_HOUR, NoticeSettings, OnChange,
    ProfileSettings, RestartSettings,
};

use crate::files;
use crate::health::Deadlines;
use crate::health::platform::TimesSetting;
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
    /// Services outside this machine that get notifications.
    pub channel: Vec<ChannelSettings>,
    /// The heartbeat of Gatelight itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<HeartbeatSettings>,
    /// Log patterns in addition to the built-in ones.
    pub patterns: Vec<ExtraPattern>,
}

/// A path of the settings, with a leading `~/` resolved.
pub(crate) fn below_home(path: &Path, user_home: &Path) -> PathBuf {
    path.strip_prefix("~").map_or_else(|_| path.to_owned(), |below| user_home.join(below))
}

impl Config {
    /// Reads the file; the defaults where there is none. `user_home` replaces a leading `~/` in paths. One mistake makes the
    /// whole file an error.
    pub fn load(path: &Path, user_home: &Path) -> Result<Self, ConfigError> {
        strict(Self::load_usable(path, user_home))
    }

    /// Reads the valid settings of the file, and the mistakes in the rest.
    pub fn load_usable(path: &Path, user_home: &Path) -> (Self, Vec<ConfigError>) {
        let unusable = |mistake| (Self::default(), vec![mistake]);
        let (bytes, is_private) = match files::read_with_mode(path, MAX_FILE_BYTES) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return match files::dangling_link(path) {
                    Some(link) => unusable(ConfigError::dangling(path, &link)),
                    None => (Self::default(), Vec::new()),
                };
            }
            // not the kernel's EFBIG
            Err(error) if error.kind() == ErrorKind::FileTooLarge && error.raw_os_error().is_none() => {
                return unusable(ConfigError::too_long(path, MAX_FILE_BYTES));
            }
            Err(error) => return unusable(ConfigError::unreadable(path, &files::in_the_way(path, error))),
        };
        match String::from_utf8(bytes) {
            Ok(text) => document::read(&text, path, user_home, is_private),
            Err(_) => unusable(ConfigError::not_text(path)),
        }
    }

    /// Parses the text of a settings file; `path` appears in errors only.
    pub fn parse(text: &str, path: &Path, user_home: &Path) -> Result<Self, ConfigError> {
        strict(document::read(text, path, user_home, true))
    }

    fn expand_home(&mut self, user_home: &Path) {
        let mut paths: Vec<&mut PathBuf> = Vec::new();
        paths.extend(self.profiles.iter_mut().filter_map(|profile| profile.home.as_mut()));
        paths.extend(self.on_change.iter_mut().map(|on_change| &mut on_change.program));
        let mut secrets: Vec<&mut Secret> =
            self.channel.iter_mut().flat_map(ChannelSettings::secrets_mut).collect();
        if let Some(HeartbeatSettings { url, program, .. }) = &mut self.heartbeat {
            paths.extend(program);
            secrets.extend(url);
        }
        paths.extend(secrets.into_iter().filter_map(Secret::file_mut));
        for path in paths {
            *path = below_home(path, user_home);
        }
    }
}

fn strict((config, mistakes): (Config, Vec<ConfigError>)) -> Result<Config, ConfigError> {
    match mistakes.into_iter().next() {
        None => Ok(config),
        Some(first) => Err(first),
    }
}
