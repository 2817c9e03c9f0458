//! Hermes Gateway profiles: found in job files and on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::health::Manager;
use crate::text::Both;

pub mod command;
pub mod files;
pub mod homes;
pub mod launchd;
pub mod mapped;
pub mod property_list;
mod scan;
pub mod script;
pub mod shell;
pub mod systemd;
pub mod unit_file;
pub mod xml;

pub use homes::{by_pid as homes_by_pid, gateway_pid, lexical, pid_file, possible as possible_homes};
pub use scan::scan;
pub(crate) use scan::scan_job_files;

/// A gateway to monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The name shown and typed, unique among the profiles found: `default`, `work`.
    pub name: String,
    /// HERMES_HOME, absolute.
    pub home: PathBuf,
    /// The job file that starts it; `None` for a home on disk that no job names.
    pub job: Option<JobFile>,
    /// Every log file to follow, absolute, without duplicates: the standard ones of the home, those that the job file names,
    /// `gateway-<profile>.log` of the older layout. They need not exist.
    pub logs: Vec<PathBuf>,
}

impl Profile {
    /// The label or unit name, if a job starts it.
    pub fn label(&self) -> Option<&str> {
        self.job.as_ref().map(|job| job.label.as_str())
    }

    /// The folder of its logs.
    pub fn logs_folder(&self) -> PathBuf {
        self.home.join("logs")
    }
}

/// A launchd plist or a systemd unit that runs a gateway, as far as Gatelight needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFile {
    /// Which manager reads it.
    pub manager: Manager,
    /// The file.
    pub path: PathBuf,
    /// launchd: `Label`; systemd: the unit's file name (`hermes-gateway.service`).
    pub label: String,
    /// The program and its arguments, as written, with wrappers.
    pub arguments: Vec<String>,
    /// The gateway's own command line, without wrappers (`sh -c`, `osascript -e`, …).
    pub gateway_words: Vec<String>,
    /// Environment set by the file.
    pub environment: Vec<(String, String)>,
    /// `WorkingDirectory`.
    pub working_directory: Option<PathBuf>,
    /// `StandardOutPath`.
    pub stdout: Option<PathBuf>,
    /// `StandardErrorPath`.
    pub stderr: Option<PathBuf>,
    /// `RunAtLoad`; systemd: has an `[Install]` section.
    pub run_at_load: bool,
    /// When the manager restarts it.
    pub keep_alive: KeepAlive,
    /// `ThrottleInterval` or `RestartSec`, in seconds.
    pub throttle_s: Option<u64>,
    /// `ExitTimeOut` or `TimeoutStopSec`, in seconds.
    pub exit_timeout_s: Option<u64>,
    /// systemd: its drop-ins, in the order in which they are read.
    pub drop_ins: Vec<PathBuf>,
}

impl JobFile {
    /// A job that starts at login and is always restarted, with no other settings.
    pub fn named(manager: Manager, path: impl Into<PathBuf>, label: impl Into<String>) -> Self {
        Self {
            manager,
            path: path.into(),
            label: label.into(),
            arguments: Vec::new(),
            gateway_words: Vec::new(),
            environment: Vec::new(),
            working_directory: None,
            stdout: None,
            stderr: None,
            run_at_load: true,
            keep_alive: KeepAlive::Always,
            throttle_s: None,
            exit_timeout_s: None,
            drop_ins: Vec::new(),
        }
    }

    /// Its files: the property list, or the unit and its drop-ins.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.path).chain(&self.drop_ins).map(PathBuf::as_path)
    }

    /// The value of an environment variable of the file.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.environment.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }
}

/// When the manager starts the job again after its process has exited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepAlive {
    /// Never.
    No,
    /// After any exit (`KeepAlive` true; `Restart=always`).
    Always,
    /// After a failure only (`SuccessfulExit` false; `Restart=on-failure`).
    AfterFailure,
    /// After exit code 0 only (`SuccessfulExit` true; `Restart=on-success`).
    AfterSuccess,
    /// After a fatal signal only (`Crashed` true; `Restart=on-abnormal`, `on-abort`).
    AfterSignal,
    /// Under a condition that Gatelight does not evaluate (`PathState`, `NetworkState`, …).
    Conditional,
}

impl KeepAlive {
    /// The value of a unit's `Restart=` (systemd.service(5)).
    pub fn of_systemd(restart: &str) -> Self {
        match restart {
            "always" => Self::Always,
            "on-failure" => Self::AfterFailure,
            "on-success" => Self::AfterSuccess,
            "on-abnormal" | "on-abort" => Self::AfterSignal,
            "no" | "" => Self::No,
            _ => Self::Conditional,
        }
    }

    /// Whether the manager starts the job again after this exit (a signal as its negative number). `None`, a job that
    /// has not exited yet, counts as a failure; a condition that is not evaluated counts as met.
    pub const fn restarts_after(self, exit: Option<i32>) -> bool {
        match self {
            Self::No => false,
            Self::Always | Self::Conditional => true,
            Self::AfterFailure => !matches!(exit, Some(0)),
            Self::AfterSuccess => matches!(exit, None | Some(0)),
            Self::AfterSignal => matches!(exit, None | Some(i32::MIN..0)),
        }
    }
}

/// A file that looks like a gateway's job and cannot be used, or a home of the settings that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadJobFile {
    /// Which file.
    pub path: PathBuf,
    /// The reason as text.
    pub reason: Both,
}

/// Where profiles are looked for. Absolute paths; a folder need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The user's home.
    pub user_home: PathBuf,
    /// `~/Library/LaunchAgents`: read on every system where it exists.
    pub launch_agents: PathBuf,
    /// `~/.config/systemd/user`; read on Linux only.
    pub systemd_user: PathBuf,
    /// The further unit folders of systemd's user manager, in its order (systemd.unit(5)). Empty by default: they do not
    /// belong to the user.
    pub systemd_shared: Vec<PathBuf>,
    /// `~/.hermes`.
    pub hermes: PathBuf,
    /// Homes named in the settings.
    pub extra_homes: Vec<ExtraHome>,
    /// Homes of jobs by label, as their processes show them (see [`homes_by_pid`]): they take precedence over what a job
    /// file says.
    pub job_homes: BTreeMap<String, PathBuf>,
}

/// A home that the settings name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraHome {
    /// HERMES_HOME, absolute.
    pub home: PathBuf,
    /// The name shown; by default that of its job or folder.
    pub name: Option<String>,
}

impl Places {
    /// The usual places below this user's home. `HERMES_HOME` is not followed: it names one profile, not the set.
    pub fn below(user_home: &Path) -> Self {
        Self {
            user_home: user_home.to_path_buf(),
            launch_agents: user_home.join("Library/LaunchAgents"),
            systemd_user: user_home.join(".config/systemd/user"),
            systemd_shared: Vec::new(),
            hermes: user_home.join(".hermes"),
            extra_homes: Vec::new(),
            job_homes: BTreeMap::new(),
        }
    }
}

/// The result of a scan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The profiles, default first, then by name.
    pub profiles: Vec<Profile>,
    /// Job files that cannot be used, and homes of the settings that do not exist.
    pub bad: Vec<BadJobFile>,
}

/// A path of a job file, with a leading `~` or `$HOME` resolved.
pub fn expand(path: &str, user_home: &Path) -> PathBuf {
    for start in ["~", "$HOME", "${HOME}"] {
        match path.strip_prefix(start) {
            Some("") => return user_home.to_path_buf(),
            Some(rest) if rest.starts_with('/') => return user_home.join(rest.trim_start_matches('/')),
            _ => {}
        }
    }
    PathBuf::from(path)
}

/// Sets a variable; a later value replaces an earlier one.
fn set_variable(environment: &mut Vec<(String, String)>, name: &str, value: &str) {
    environment.retain(|(known, _)| known != name);
    environment.push((name.to_owned(), value.to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_after_which_a_job_is_started_again() {
        // never exited, exit 0, exit 1, signal
        let exits = [None, Some(0), Some(1), Some(-9)];
        for (keep_alive, expected) in [
            (KeepAlive::No, [false; 4]),
            (KeepAlive::Always, [true; 4]),
            (KeepAlive::Conditional, [true; 4]),
            (KeepAlive::AfterFailure, [true, false, true, true]),
            (KeepAlive::AfterSuccess, [true, true, false, false]),
            (KeepAlive::AfterSignal, [true, false, false, true]),
        ] {
            assert_eq!(exits.map(|exit| keep_alive.restarts_after(exit)), expected, "{keep_alive:?}");
        }
    }
}
