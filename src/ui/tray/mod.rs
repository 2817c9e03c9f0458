//! The icon and its menu on the desktop: `StatusNotifierItem` on Linux, the menu bar on macOS.

use super::app::AppHandles;

#[cfg(not(target_os = "macos"))]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

/// Why there is no desktop side.
#[derive(Debug, thiserror::Error)]
pub enum TrayError {
    /// No session bus, or no connection to the window server; the words are the system's.
    #[error("{0}")]
    NoDesktop(String),
}

/// Shows icon and menu and delivers notices until somebody quits. Called on the main thread, which it keeps; the engine
/// runs elsewhere. Where no desktop can be reached it returns at once.
pub fn run(handles: AppHandles) -> Result<(), TrayError> {
    #[cfg(target_os = "macos")]
    return macos::run(handles);
    #[cfg(not(target_os = "macos"))]
    return linux::run(handles);
}
