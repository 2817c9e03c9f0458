//! What the engine and the user interface send each other.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::diagnostics::Copied;
use super::job_files;
use crate::alerts::Silences;
use crate::config::{Config, ConfigError};
use crate::doctor::fix::Fixed;
use crate::health::RestartHelps;
use crate::restart::{Obstacle, Restarts};
use crate::supervisor::SupervisorError;
use crate::text::display::label;
use crate::text::doctor::BACKGROUND_ITEM;
use crate::text::log::{PANIC_BODY, PANIC_TITLE};
use crate::text::{Both, Lang, Phrase, Worded as _, agent as words, error, fill, restart};
use crate::watcher::Update;

/// What the user interface asks the engine for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineRequest {
    /// Restart this profile.
    Restart(String),
    /// Start this profile's gateway, which does not run.
    Start(String),
    /// Stop this profile's gateway, and keep it stopped.
    Stop(String),
    /// Write what an issue about a wrong light needs.
    ReportWrongLight,
    /// Restart every red profile that a restart helps.
    RestartAllRed,
    /// Remove `--replace` from this profile's job file.
    Repair(String),
    /// Copy a diagnosis of this profile to the clipboard.
    CopyDiagnostics(String),
    /// Store in the settings that a link of this profile does not count, or that it does.
    IgnoreLink {
        /// The profile's name.
        profile: String,
        /// The platform, as Hermes names it.
        platform: String,
        /// `false`: it counts again.
        ignore: bool,
    },
    /// Examine all job files.
    CheckJobFiles,
    /// Open the page of the last 90 days.
    Timeline,
    /// The desktop reports that the machine woke up.
    Woke,
    /// End the engine.
    Quit,
}

/// What the engine sends to the user interface. What inhibits notices (no network, Gatelight's own restart) comes before
/// the update that they are about.
#[derive(Debug)]
pub enum EngineEvent {
    /// The watcher's state and changes.
    Update(Box<Update>),
    /// All restarts that are under way or just finished.
    Restarts(Restarts),
    /// New settings.
    Config(Box<Config>),
    /// The settings file has a mistake, so that the old settings stay; `None`: it has none any more.
    ConfigError(Option<ConfigError>),
    /// The doctor's result.
    Findings {
        /// Number of findings.
        count: usize,
        /// Profiles that can be freed of `--replace`.
        repairable: BTreeSet<String>,
    },
    /// Whether the machine is without any network.
    Offline(bool),
    /// What is silenced changed, perhaps by another process.
    Silences(Silences),
    /// The answer to a request, or something else that the user should know.
    Answer(Answer),
    /// End the loop and remove the icon.
    Quit,
}

/// What is done to a gateway for all profiles that it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is started.
    Start,
    /// It is stopped.
    Stop,
    /// It is restarted.
    Restart,
}

/// What became of a request. The user interface shows it as a notification.
#[derive(Debug)]
pub enum Answer {
    /// The settings ask for automatic restarts: this profile is restarted.
    RestartsAutomatically(String),
    /// This profile cannot be restarted.
    CannotRestart(String, Obstacle),
    /// A restart of this profile does not help; a second request within a minute restarts it.
    ConfirmRestart(String, RestartHelps),
    /// This profile was restarted so many times within the last hour.
    TooManyRestarts(String, usize),
    /// Another process restarts this profile.
    RestartedElsewhere(String),
    /// Red profiles that "restart all" left out.
    NotRestarted(Vec<String>),
    /// Before a job is loaded for this profile: macOS will announce it.
    BackgroundItem(String),
    /// The gateway serves all of these profiles; a second request within a minute does it, though a restart may not help.
    ConfirmForAll(Change, Vec<String>, Option<RestartHelps>),
    /// This profile's gateway was not stopped.
    NotStopped(String, SupervisorError),
    /// A report about a wrong light is being written; the recordings take so long.
    WrongLightBegun(Duration),
    /// It is in this folder, or could not be written.
    WrongLight(error::Result<PathBuf>),
    /// The doctor examined the job files.
    JobFilesChecked {
        /// Number of findings.
        count: usize,
        /// The first one.
        first: Option<Both>,
    },
    /// The doctor repaired this profile's job file, or tried to.
    Repaired(String, Fixed),
    /// A diagnosis was copied, or could not be written.
    Diagnostics(std::io::Result<Copied>),
    /// The settings file was not changed.
    SettingsNotWritten(error::Error),
    /// The timeline could not be made or opened.
    NoTimeline(error::Error),
    /// The history was unusable and begins anew; the old file is at this path.
    HistorySetAside(Both, PathBuf),
    /// No history can be written to this file.
    NoHistory(Both, PathBuf),
    /// A part of Gatelight panicked and is started again; the log is at this path.
    InternalError(PathBuf),
}

impl Answer {
    /// The title of the notification.
    pub fn title(&self, lang: Lang) -> String {
        let of = |phrase: Phrase, profile: &str| fill(lang.pick(phrase), &[("profile", profile)]);
        match self {
            Self::RestartsAutomatically(name) => of(words::AUTO_TITLE, name),
            Self::CannotRestart(name, _) => of(words::NO_MANAGER_TITLE, name),
            Self::ConfirmRestart(name, _) => of(words::CONFIRM_TITLE, name),
            Self::TooManyRestarts(name, _) | Self::RestartedElsewhere(name) => {
                of(words::TOO_MANY_TITLE, name)
            }
            Self::NotRestarted(names) => {
                fill(lang.pick(words::NOT_ALL_TITLE), &[("profiles", &names.join(", "))])
            }
            Self::BackgroundItem(name) => of(words::FIRST_LOAD_TITLE, name),
            Self::ConfirmForAll(change, names, _) => {
                let title = match change {
                    Change::Start => words::START_ALL_TITLE,
                    Change::Stop => words::STOP_ALL_TITLE,
                    Change::Restart => words::RESTART_ALL_TITLE,
                };
                fill(lang.pick(title), &[("count", &names.len().to_string())])
            }
            Self::NotStopped(name, _) => of(words::NOT_STOPPED_TITLE, name),
            Self::WrongLightBegun(_) | Self::WrongLight(_) => lang.pick(words::WRONG_LIGHT_TITLE).to_owned(),
            Self::JobFilesChecked { .. } => lang.pick(words::CHECKED_TITLE).to_owned(),
            Self::Repaired(name, _) => of(words::REPAIR_TITLE, name),
            Self::Diagnostics(_) => lang.pick(words::COPIED_TITLE).to_owned(),
            Self::SettingsNotWritten(_) => lang.pick(words::SETTINGS_NOT_WRITTEN_TITLE).to_owned(),
            Self::NoTimeline(_) => lang.pick(words::TIMELINE_TITLE).to_owned(),
            Self::HistorySetAside(..) => lang.pick(words::HISTORY_ASIDE_TITLE).to_owned(),
            Self::NoHistory(..) => lang.pick(words::HISTORY_NONE_TITLE).to_owned(),
            Self::InternalError(_) => lang.pick(PANIC_TITLE).to_owned(),
        }
    }

    /// The text of the notification.
    pub fn body(&self, lang: Lang) -> String {
        let with = |phrase: Phrase, name, value: &str| fill(lang.pick(phrase), &[(name, value)]);
        match self {
            Self::RestartsAutomatically(_) => lang.pick(words::AUTO_BODY).to_owned(),
            Self::CannotRestart(_, obstacle) => with(words::NO_MANAGER_BODY, "why", &obstacle.text(lang)),
            Self::ConfirmRestart(_, helps) => {
                with(words::CONFIRM_BODY, "why", lang.pick(restart::helps(*helps)))
            }
            Self::TooManyRestarts(_, count) => with(words::TOO_MANY_BODY, "count", &count.to_string()),
            Self::RestartedElsewhere(_) => lang.pick(words::CLAIMED_BODY).to_owned(),
            Self::NotRestarted(_) => lang.pick(words::NOT_ALL_BODY).to_owned(),
            Self::BackgroundItem(_) => lang.pick(BACKGROUND_ITEM).to_owned(),
            Self::ConfirmForAll(change, names, helps) => {
                let body = match change {
                    Change::Start => words::START_ALL_BODY,
                    Change::Stop => words::STOP_ALL_BODY,
                    Change::Restart => words::RESTART_ALL_BODY,
                };
                let names: Vec<String> = names.iter().map(|name| label(name)).collect();
                let body = with(body, "profiles", &names.join(", "));
                match helps {
                    Some(helps) => format!("{body} {}", lang.pick(restart::helps(*helps))),
                    None => body,
                }
            }
            Self::NotStopped(_, error) => error.text(lang),
            Self::WrongLightBegun(length) => {
                with(words::WRONG_LIGHT_BEGUN, "seconds", &length.as_secs().to_string())
            }
            Self::WrongLight(Ok(folder)) => {
                with(words::WRONG_LIGHT_DONE, "folder", &folder.display().to_string())
            }
            Self::JobFilesChecked { count: 0, .. } => lang.pick(words::CHECKED_CLEAN).to_owned(),
            Self::JobFilesChecked { count, first } => {
                let first = first.as_ref().map_or("", |first| first.pick(lang));
                fill(lang.pick(words::CHECKED_BODY), &[("count", &count.to_string()), ("first", first)])
            }
            Self::Repaired(_, fixed) => job_files::conclusion(fixed, lang),
            Self::Diagnostics(Ok(Copied::Clipboard)) => lang.pick(words::COPIED).to_owned(),
            Self::Diagnostics(Ok(Copied::File(file))) => {
                with(words::COPIED_TO_FILE, "file", &file.display().to_string())
            }
            Self::Diagnostics(Err(error)) => error::io(lang, error),
            Self::SettingsNotWritten(error) | Self::NoTimeline(error) | Self::WrongLight(Err(error)) => {
                error.text(lang)
            }
            Self::HistorySetAside(why, path) => {
                let values = [("why", why.pick(lang)), ("path", &*path.display().to_string())];
                fill(lang.pick(words::HISTORY_ASIDE_BODY), &values)
            }
            Self::InternalError(log) => with(PANIC_BODY, "path", &log.display().to_string()),
            Self::NoHistory(why, path) => format!("{}: {}", path.display(), why.pick(lang)),
        }
    }
}
