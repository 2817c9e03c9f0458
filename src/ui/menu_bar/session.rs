//! Whether an icon is possible in this session; otherwise the lights are shown in the terminal.

use crate::text::{Phrase, menu_bar as say};

/// macOS 26 and later do not show the icon of a program outside an .app bundle
/// (<https://github.com/tauri-apps/tray-icon/issues/273>).
const NEEDS_APP_SINCE: u32 = 26;

/// Facts about the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    /// The session reaches the window server: `sessionHasGraphicAccess` of `SessionGetInfo`.
    pub graphic: bool,
    /// The program is in an .app bundle.
    pub in_app: bool,
    /// Major version of macOS.
    pub macos: u32,
}

/// Why there is no icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoIcon {
    /// Over SSH, from a LaunchDaemon, or without a logged-in user. There, `sharedApplication` would abort the process (<https://github.com/trycua/cua/issues/1724>).
    NoWindowServer,
    /// A bare program on a system that requires an .app bundle.
    NoApp,
}

impl NoIcon {
    /// The text for users.
    pub(crate) const fn phrase(self) -> Phrase {
        match self {
            Self::NoWindowServer => say::NO_WINDOW_SERVER,
            Self::NoApp => say::NEEDS_APP,
        }
    }
}

impl Session {
    /// Why no icon can be shown; `None`: one can.
    pub(crate) fn no_icon(self) -> Option<NoIcon> {
        if !self.graphic {
            Some(NoIcon::NoWindowServer)
        } else if !self.in_app && self.macos >= NEEDS_APP_SINCE {
            Some(NoIcon::NoApp)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_icon_needs_a_window_server_and_since_26_an_app() {
        for (report, graphic, in_app, macos, expected) in [
            (
                "trycua/cua #1724: a child without graphic access, macOS 15.7",
                false,
                false,
                15,
                Some(NoIcon::NoWindowServer),
            ),
            (
                "trycua/cua #1781: SSH into a machine with the app",
                false,
                true,
                26,
                Some(NoIcon::NoWindowServer),
            ),
            ("tray-icon #273: cargo run on Tahoe", true, false, 26, Some(NoIcon::NoApp)),
            ("tray-icon #273: the same on Sequoia", true, false, 15, None),
            ("tray-icon #273: bundled on Tahoe", true, true, 26, None),
            ("the same on macOS 27", true, false, 27, Some(NoIcon::NoApp)),
            ("bundled on macOS 27", true, true, 27, None),
        ] {
            assert_eq!(Session { graphic, in_app, macos }.no_icon(), expected, "{report}");
        }
    }
}
