//! The desktop side: icon, menu, notifications.
//!
//! Everything shown is a value made by a pure function: [`menu`] (rows, and how they change), [`icon`] (how a light is
//! drawn). [`crate::alerts`] decides when to notify; [`notify`] writes and delivers the notifications. The code that
//! calls the desktop is thin.

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

/// What the user chose in the menu or with a button of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UiCommand {
    /// Restart this profile.
    Restart(String),
    /// Start the profile's gateway, which does not run.
    Start(String),
    /// Stop the profile's gateway, and keep it stopped.
    Stop(String),
    /// Restart every red profile.
    RestartAllRed,
    /// Open the profile's log.
    OpenLog(String),
    /// Open the system's log of the profile's job.
    OpenSystemLog(String),
    /// Show the profile's job file.
    ShowJobFile(String),
    /// Remove `--replace` from the profile's job file.
    Repair(String),
    /// Copy a diagnosis of the profile to the clipboard.
    CopyDiagnostics(String),
    /// Ignore a link of the profile, or watch it again.
    IgnoreLink {
        /// The profile's name.
        profile: String,
        /// The platform, as Hermes names it.
        platform: String,
        /// `false`: watch it again.
        ignore: bool,
    },
    /// Mute or unmute the profile.
    Mute(String, menu::MuteFor),
    /// Acknowledge that the profile is red (`true`), or remove the acknowledgement.
    Acknowledge(String, bool),
    /// Examine all job files.
    CheckJobFiles,
    /// Run the doctor in a terminal.
    OpenDoctor,
    /// Open the page of the past days.
    Timeline,
    /// Switch notifications on or off.
    ToggleNotifications,
    /// Switch launch at login on or off.
    ToggleLogin,
    /// Clear the list of notices that were not delivered.
    ForgetMissed,
    /// Open the settings file.
    OpenSettings,
    /// Write a diagnosis and a recording of every profile, for an issue.
    ReportWrongLight,
    /// Open the manual.
    ReadMe,
    /// Send a test message over this channel.
    TestChannel(String),
    /// Show a notification, to see whether they come.
    TestNotification,
    /// A light for each profile in the menu bar, or the worst alone.
    ToggleEach,
    /// Quit Gatelight.
    Quit,
}
