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

use crate::app::messages::EngineRequest;

/// What the user chose in the menu or with a button of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UiCommand {
    /// Request something from the engine.
    Engine(EngineRequest),
    /// Open the profile's log.
    OpenLog(String),
    /// Open the system's log of the profile's job.
    OpenSystemLog(String),
    /// Show the profile's job file.
    ShowJobFile(String),
    /// Mute or unmute the profile.
    Mute(String, menu::MuteFor),
    /// Acknowledge that the profile is red (`true`), or remove the acknowledgement.
    Acknowledge(String, bool),
    /// Run the doctor in a terminal.
    OpenDoctor,
    /// Switch notifications on or off.
    ToggleNotifications,
    /// Switch launch at login on or off.
    ToggleLogin,
    /// Clear the list of notices that were not delivered.
    ForgetMissed,
    /// Open the settings file.
    OpenSettings,
    /// Open the manual.
    ReadMe,
    /// Show a notification, to see whether they come.
    TestNotification,
    /// A light for each profile in the menu bar, or the worst alone.
    ToggleEach,
    /// Quit Gatelight.
    Quit,
}

impl From<EngineRequest> for UiCommand {
    fn from(request: EngineRequest) -> Self {
        Self::Engine(request)
    }
}
