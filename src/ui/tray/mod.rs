//! The icon and its menu on the desktop: `StatusNotifierItem` on Linux, the menu bar on macOS.

use super::app::AppHandles;
use super::menu_bar::session::NoIcon;
use crate::text::Lang;

#[cfg(not(target_os = "macos"))]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

/// Why there is no icon.
#[derive(Debug)]
pub enum TrayError {
    /// No session bus, or no connection to the window server; with the system's message.
    NoDesktop(String),
    /// This process can have no icon.
    #[cfg_attr(not(target_os = "macos"), allow(dead_code))]
    NoIcon(NoIcon),
}

impl TrayError {
    /// The text for users.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::NoDesktop(why) => why.clone(),
            Self::NoIcon(why) => lang.pick(why.phrase()).to_owned(),
        }
    }
}

impl std::fmt::Display for TrayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for TrayError {}

/// If the program was started through a link outside its .app, replaces this process by the program inside the .app.
#[cfg(target_os = "macos")]
pub fn enter_app() {
    if let Err(e) = macos::system::enter_app() {
        // it continues without an .app
        eprintln!("gatelight: {e}");
    }
}

/// Shows icon and menu and delivers notifications until the user quits. Has to be called on the main thread; the engine has
/// its own. Returns at once if no desktop can be reached.
pub fn run(handles: AppHandles) -> Result<(), TrayError> {
    #[cfg(target_os = "macos")]
    return macos::run(handles);
    #[cfg(not(target_os = "macos"))]
    return linux::run(handles);
}
