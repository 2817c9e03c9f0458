//! Where this user's settings, data and log are.

use std::path::{Path, PathBuf};

/// Name of the log file; rotated ones have `.1` appended.
const LOG_FILE: &str = "gatelight.log";

/// Paths of this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// The settings file.
    pub config_file: PathBuf,
    /// Folder of the history, the lock and the socket.
    pub data: PathBuf,
    /// Folder of programs that the desktop starts at login (Linux).
    pub autostart: PathBuf,
    /// Gatelight's own log.
    pub log_file: PathBuf,
}

impl Folders {
    /// The folders of this user: below `~/Library` on macOS; the XDG folders elsewhere.
    pub fn of_user(user_home: &Path) -> Self {
        if cfg!(target_os = "macos") {
            Self::macos(user_home)
        } else {
            Self::xdg(user_home, |name| std::env::var_os(name).map(PathBuf::from))
        }
    }

    /// As in Apple's File System Programming Guide: `Application Support` for data, `Logs` for logs (Console.app lists
    /// them).
    pub fn macos(user_home: &Path) -> Self {
        let data = user_home.join("Library/Application Support/Gatelight");
        Self {
            config_file: data.join("config.toml"),
            autostart: data.clone(),
            data,
            log_file: user_home.join("Library/Logs/Gatelight").join(LOG_FILE),
        }
    }

    /// The XDG Base Directory Specification 0.8: an unset, empty or relative value means the default.
    pub fn xdg(user_home: &Path, variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let below = |name: &str, default: &str| {
            variable(name).filter(|p| p.is_absolute()).unwrap_or_else(|| user_home.join(default))
        };
        let config = below("XDG_CONFIG_HOME", ".config");
        Self {
            config_file: config.join("gatelight/config.toml"),
            data: below("XDG_DATA_HOME", ".local/share").join("gatelight"),
            autostart: config.join("autostart"),
            log_file: below("XDG_STATE_HOME", ".local/state").join("gatelight").join(LOG_FILE),
        }
    }
}
