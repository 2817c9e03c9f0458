//! The desktop side: icon, menu, notifications.
//!
//! What is shown is a value made by a pure function: [`menu`] (rows, and how they change), [`icon`] (how a light is
//! drawn). [`crate::alerts`] decides what is notified; [`notify`] words and delivers it. The code that touches the
//! desktop is thin.

pub mod app;
pub mod icon;
pub mod icon_view;
pub mod login;
pub mod menu;
// compiled and tested everywhere, called by the menu bar of macOS
#[allow(dead_code)]
pub(crate) mod menu_bar;
pub mod notify;
pub mod tray;

/// What a user asks for, in the menu or by a button of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UiCommand {
    /// Restart this profile.
    Restart(String),
    /// Restart every red profile.
    RestartAllRed,
    /// Open the profile's log.
    OpenLog(String),
    /// Open what the system logged about the profile's job.
    OpenSystemLog(String),
    /// Show the profile's job file.
    ShowJobFile(String),
    /// Remove `--replace` from the profile's job file.
    Repair(String),
    /// Put a report about the profile into the clipboard.
    CopyDiagnostics(String),
    /// Be silent about the profile.
    Mute(String, menu::MuteFor),
    /// Look for mistakes in every job file.
    CheckJobFiles,
    /// Show what happened in the past days.
    Timeline,
    /// Notifications on or off.
    ToggleNotifications,
    /// Launch at login on or off.
    ToggleLogin,
    /// Forget the notices that were not delivered.
    ForgetMissed,
    /// Open the settings file.
    OpenSettings,
    /// Show a notification, to see whether they come.
    TestNotification,
    /// A light for each profile in the menu bar, or the worst alone.
    ToggleEach,
    /// End Gatelight.
    Quit,
}
