//! The tables of the settings file.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::QuietHours;
use crate::health::settings::seconds;
use crate::text::Lang;

/// Most restarts of one profile within an hour, unless they are forced.
pub const MAX_RESTARTS_PER_HOUR: usize = 6;

/// `language`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    /// The language of the system.
    #[default]
    #[serde(rename = "system")]
    System,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh-Hans")]
    Chinese,
}

impl Language {
    /// The language to use, given the system's own.
    pub const fn choose(self, system: Lang) -> Lang {
        match self {
            Self::System => system,
            Self::English => Lang::En,
            Self::Chinese => Lang::Zh,
        }
    }
}

/// `[icon]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IconSettings {
    /// Show a monochrome template icon while every light is green.
    pub template_when_well: bool,
    /// Which lights the icon shows, where it may be wide (macOS).
    pub lights: Lights,
}

/// Which lights the icon shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lights {
    /// One for each profile, where there are two or three.
    #[default]
    Each,
    /// The worst of all.
    Worst,
}

/// `[notices]`; durations in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoticeSettings {
    /// Whether notifications are shown at all.
    pub enabled: bool,
    /// Notify of a lost connection at once, not only when the light turns red.
    pub drop_at_once: bool,
    /// Remind of an incident that continues.
    pub reminders: bool,
    /// Delay of the first reminder.
    #[serde(with = "seconds")]
    pub first_reminder: Duration,
    /// Interval of further reminders.
    #[serde(with = "seconds")]
    pub next_reminders: Duration,
    /// How long a light must stay green before its recovery is reported.
    #[serde(with = "seconds")]
    pub recovery_hold: Duration,
    /// This many incidents within `unstable_window` are reported as one flapping profile.
    pub unstable_incidents: usize,
    /// The window in which incidents are counted.
    #[serde(with = "seconds")]
    pub unstable_window: Duration,
    /// How long a flapping profile must stay green before it counts as stable.
    #[serde(with = "seconds")]
    pub unstable_hold: Duration,
    /// Profiles that fail within this time of each other share one notification. In the file: `together`.
    #[serde(with = "seconds", rename = "together")]
    pub group_window: Duration,
    /// Notifications are inhibited for this long after a wake-up, and after the network is back.
    #[serde(with = "seconds")]
    pub after_wake: Duration,
    /// When nothing is notified; what is still red at the end is notified then.
    pub quiet: QuietHours,
}

impl Default for NoticeSettings {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            enabled: true,
            drop_at_once: false,
            reminders: true,
            first_reminder: s(3_600),
            next_reminders: s(86_400),
            recovery_hold: s(30),
            unstable_incidents: 3,
            unstable_window: s(900),
            unstable_hold: s(1_800),
            group_window: s(10),
            after_wake: s(90),
            quiet: QuietHours::default(),
        }
    }
}

/// `[restart]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestartSettings {
    /// Restart a red profile automatically where a restart helps.
    pub auto: bool,
    /// No automatic restart after this many restarts of a profile within an hour, whoever asked for them: 1 to
    /// [`MAX_RESTARTS_PER_HOUR`].
    pub per_hour: usize,
}

impl Default for RestartSettings {
    fn default() -> Self {
        Self { auto: false, per_hour: MAX_RESTARTS_PER_HOUR }
    }
}

/// `[history]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistorySettings {
    /// Days for which incidents are kept.
    pub keep_days: u32,
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self { keep_days: 90 }
    }
}

/// `[[profiles]]`: a home to watch besides those that are found, or settings of one that is found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileSettings {
    /// HERMES_HOME, absolute; a leading `~/` is this user's home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<PathBuf>,
    /// The name shown, by default that of its job or folder. Without `home`: which profile is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Platforms, by Hermes' names, whose links do not count.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub ignore: BTreeSet<String>,
}

/// `on_change = { program = "/…", timeout_s = 10 }`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnChange {
    /// The program: an absolute path, run without a shell.
    pub program: PathBuf,
    /// The program is killed after this time, in seconds.
    #[serde(default = "ten_seconds", with = "seconds", rename = "timeout_s")]
    pub timeout: Duration,
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}
