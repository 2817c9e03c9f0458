//! What the menu shows in addition to the snapshot.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::alerts::Silences;
use crate::app::messages::CheckedJobFiles;
use crate::channels::dispatch::ChannelView;
use crate::restart::Restarts;
use crate::text::{Lang, Message};
use crate::ui::menu_bar::permission::Permission;
use crate::ui::menu_bar::visibility::Hidden;

/// Everything that the menu shows in addition to the snapshot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MenuState {
    /// Muted profiles, and those whose red light was acknowledged.
    pub silences: Silences,
    /// When the current quiet hours end.
    pub quiet_until: Option<Timestamp>,
    /// Restarts that are running or just finished.
    pub restarts: Restarts,
    /// Flapping profiles.
    pub flapping: BTreeSet<String>,
    /// What the doctor found in the job files.
    pub job_files: CheckedJobFiles,
    /// Notices that were not delivered, oldest first.
    pub missed: Vec<Missed>,
    /// Whether notifications are shown.
    pub notifications: Notifications,
    /// Whether Gatelight starts at login.
    pub login: Login,
    /// Whether the icon shows a light for each profile; `None` where it can only show one.
    pub each: Option<LightPerProfile>,
    /// Why the icon is invisible.
    pub hidden: Option<Hidden>,
    /// The build number of the .app, if there is one.
    pub build: Option<String>,
    /// The machine has no network.
    pub offline: bool,
    /// The channels, in the order of the settings.
    pub channels: Vec<ChannelView>,
    /// Since when and why the heartbeat fails.
    pub heartbeat_failure: Option<(Timestamp, Message)>,
    /// The settings name a channel or a heartbeat.
    pub uses_network: bool,
    /// Why the settings file is not used.
    pub settings_error: Option<String>,
}

/// A notice that was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Its title.
    pub title: String,
    /// Why it was not delivered.
    pub why: String,
    /// When it should have been shown.
    pub at: Timestamp,
}

/// Whether notifications are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notifications {
    /// They are.
    #[default]
    On,
    /// Switched off in the menu.
    Off,
    /// Switched off in the settings file.
    OffInSettings,
    /// The system does not allow them.
    NotPermitted(Permission),
}

/// Whether the icon shows a light for each profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LightPerProfile {
    /// It does, if there are few.
    On,
    /// Switched off in the menu.
    Off,
    /// Switched off in the settings file.
    OffInSettings,
}

/// The state of the login item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Login {
    /// Not registered.
    #[default]
    Off,
    /// Registered.
    On,
    /// Registered, but the user has to approve it.
    NeedsApproval,
    /// Cannot be registered from here, for this reason.
    Unavailable(String),
}

/// The language and time zone of the menu.
#[derive(Debug, Clone)]
pub struct Locale {
    /// The language.
    pub lang: Lang,
    /// The time zone.
    pub zone: TimeZone,
}

/// How long the notices of a profile are muted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MuteFor {
    /// Mute for one hour.
    Hour,
    /// Mute until it has recovered.
    UntilRecovery,
    /// Unmute.
    Never,
}
