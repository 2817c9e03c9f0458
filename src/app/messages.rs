//! Messages between the engine and the user interface.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostics::Copied;
use super::job_files;
use crate::alerts::Silences;
use crate::channels::dispatch::DispatchView;
use crate::config::{Config, ConfigError};
use crate::doctor::fix::Fixed;
use crate::doctor::{Code, Finding, Severity};
use crate::health::RestartHelps;
use crate::order::Collect as _;
use crate::restart::{Obstacle, Restarts};
use crate::supervisor::SupervisorError;
use crate::text::display::label;
use crate::text::doctor::BACKGROUND_ITEM;
use crate::text::log::{PANIC_BODY, PANIC_TITLE};
use crate::text::{
    Both, COMMA, Lang, Message, Phrase, Worded as _, agent as words, channels as say_channels, counted,
    error, fill, restart,
};
use crate::watcher::Update;

/// A request of the user interface to the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineRequest {
    /// Restart this profile.
    Restart(String),
    /// Start this profile's gateway, which does not run.
    Start(String),
    /// Stop this profile's gateway, and keep it stopped.
    Stop(String),
    /// Write the files for an issue about a wrong light.
    ReportWrongLight,
    /// Restart every red profile that a restart helps.
    RestartAllRed,
    /// Remove `--replace` from this profile's job file.
    Repair(String),
    /// Copy a diagnosis of this profile to the clipboard.
    CopyDiagnostics(String),
    /// Store in the settings whether a link of this profile is ignored.
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
    /// Send a test message over this channel.
    TestChannel(String),
    /// The desktop reports that the machine woke up.
    Woke,
    /// End the engine.
    Quit,
}

/// An event that the engine sends to the user interface. Events that inhibit notices (offline, Gatelight's own restart) come
/// before the update that the notices are about.
#[derive(Debug)]
pub enum EngineEvent {
    /// The watcher's state and changes.
    Update(Box<Update>),
    /// All restarts that are running or just finished.
    Restarts(Restarts),
    /// New settings.
    Config(Box<Config>),
    /// The settings file has a mistake, so the old settings remain; `None`: it was corrected.
    ConfigError(Option<ConfigError>),
    /// The doctor's findings.
    JobFiles(CheckedJobFiles),
    /// Whether the machine is offline.
    Offline(bool),
    /// The silences changed, possibly by another process.
    Silences(Silences),
    /// The state of the channels and the heartbeat.
    Channels(DispatchView),
    /// The answer to a request, or something else that the user should know.
    Answer(Answer),
    /// End the loop and remove the icon.
    Quit,
}

/// The doctor's findings in the job files: errors and warnings, without notes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckedJobFiles {
    /// The profiles whose job files have errors, one entry per error.
    pub errors: Vec<String>,
    /// The same for warnings.
    pub warnings: Vec<String>,
    /// The worst of them.
    pub worst: Option<Both>,
    /// Profiles from whose job files `--replace` can be removed.
    pub repairable: BTreeSet<String>,
}

impl CheckedJobFiles {
    /// Sums up the findings.
    pub fn of(findings: &[Finding]) -> Self {
        let whose = |severity| {
            let of_severity = findings.iter().filter(move |f| f.severity() == severity);
            of_severity.map(|f| f.profile.clone().unwrap_or_else(|| file_name(f))).collect()
        };
        let worst = findings.iter().filter(|f| f.severity() != Severity::Info).min_by_key(|f| f.severity());
        let with_flag = findings.iter().filter(|f| f.fixable && f.code == Code::ReplaceFlag);
        Self {
            errors: whose(Severity::Error),
            warnings: whose(Severity::Warning),
            worst: worst.map(|f| f.message.clone()),
            repairable: with_flag.filter_map(|f| f.profile.clone()).collect(),
        }
    }

    /// For example "1 error, 2 warnings"; `None` if there are none.
    pub fn problems(&self, lang: Lang) -> Option<String> {
        let numbers = [(self.errors.len(), words::ERRORS), (self.warnings.len(), words::WARNINGS)];
        let some = numbers.into_iter().filter(|(n, _)| *n > 0);
        let parts: Vec<String> = some.map(|(n, forms)| counted(lang, n, forms)).collect();
        (!parts.is_empty()).then(|| parts.join(lang.pick(COMMA)))
    }

    /// The errors, then the warnings, each with their profiles, and how to run the doctor.
    fn body(&self, lang: Lang) -> String {
        let Some(worst) = &self.worst else { return lang.pick(words::CHECKED_CLEAN).to_owned() };
        let of = |names: &[String], forms| {
            let unique: BTreeSet<String> = names.iter().map(|name| label(name)).to_set();
            let names_text = unique.into_iter().collect::<Vec<_>>().join(lang.pick(COMMA));
            let values = [("count", &*counted(lang, names.len(), forms)), ("profiles", &names_text)];
            (!names.is_empty()).then(|| fill(lang.pick(words::CHECKED_WHOSE), &values))
        };
        let sums = [of(&self.errors, words::ERRORS), of(&self.warnings, words::WARNINGS)];
        let sums = sums.into_iter().flatten().collect::<Vec<_>>().join(lang.pick(words::CHECKED_NEXT));
        fill(lang.pick(words::CHECKED_BODY), &[("problems", &sums), ("worst", worst.pick(lang))])
    }
}

/// The name of the file of a finding without a profile.
fn file_name(finding: &Finding) -> String {
    let name = finding.file.as_deref().and_then(Path::file_name);
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// A change of a gateway, which affects all profiles that it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// It is started.
    Start,
    /// It is stopped.
    Stop,
    /// It is restarted.
    Restart,
}

/// The answer to a request. The user interface shows it as a notification.
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
    /// Explains the notification of macOS before a job is loaded for this profile.
    BackgroundItem(String),
    /// The gateway serves all of these profiles; a second request within a minute confirms. With the reason why a restart may
    /// not help.
    ConfirmForAll(Change, Vec<String>, Option<RestartHelps>),
    /// This profile's gateway was not stopped.
    NotStopped(String, SupervisorError),
    /// A report about a wrong light is being written; its recordings take this long.
    WrongLightBegun(Duration),
    /// The report about a wrong light is in this folder, or could not be written.
    WrongLight(error::Result<PathBuf>),
    /// The doctor examined the job files.
    JobFilesChecked(CheckedJobFiles),
    /// The doctor repaired this profile's job file, or tried to.
    Repaired(String, Fixed),
    /// A diagnosis was copied, or could not be written.
    Diagnostics(std::io::Result<Copied>),
    /// The settings file was not changed.
    SettingsNotWritten(error::Error),
    /// The timeline could not be made or opened.
    NoTimeline(error::Error),
    /// The history was unusable and was restarted; the old file is at this path.
    HistorySetAside(Both, PathBuf),
    /// No history can be written to this file.
    NoHistory(Both, PathBuf),
    /// The server of this channel accepted a test message, or why not.
    ChannelTested(String, Result<(), Message>),
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
            Self::JobFilesChecked(_) => lang.pick(words::CHECKED_TITLE).to_owned(),
            Self::Repaired(name, _) => of(words::REPAIR_TITLE, name),
            Self::Diagnostics(_) => lang.pick(words::COPIED_TITLE).to_owned(),
            Self::SettingsNotWritten(_) => lang.pick(words::SETTINGS_NOT_WRITTEN_TITLE).to_owned(),
            Self::NoTimeline(_) => lang.pick(words::TIMELINE_TITLE).to_owned(),
            Self::HistorySetAside(..) => lang.pick(words::HISTORY_ASIDE_TITLE).to_owned(),
            Self::NoHistory(..) => lang.pick(words::HISTORY_NONE_TITLE).to_owned(),
            Self::ChannelTested(name, _) => fill(lang.pick(say_channels::TESTED_TITLE), &[("name", name)]),
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
            Self::JobFilesChecked(found) => found.body(lang),
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
            Self::ChannelTested(_, Ok(())) => lang.pick(say_channels::TESTED).to_owned(),
            Self::ChannelTested(_, Err(why)) => with(say_channels::NOT_SENT, "why", &why.text(lang)),
            Self::InternalError(log) => with(PANIC_BODY, "path", &log.display().to_string()),
            Self::NoHistory(why, path) => format!("{}: {}", path.display(), why.pick(lang)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: Code, profile: Option<&str>, message: &'static str) -> Finding {
        let words = || Both::from([message; 2]);
        let file = Some(PathBuf::from("/agents/ai.hermes.plist"));
        let profile = profile.map(str::to_owned);
        Finding { code, profile, file, message: words(), remedy: words(), fixable: code == Code::ReplaceFlag }
    }

    #[test]
    fn errors_come_first_with_their_profiles() {
        let found = CheckedJobFiles::of(&[
            finding(Code::ReplaceFlag, Some("lab"), "--replace"),
            finding(Code::ThrottleMissing, Some("work"), "a note"),
            finding(Code::ReplaceWithKeepalive, Some("work"), "a kill loop"),
            finding(Code::PlistInvalid, None, "no plist"),
            finding(Code::ReplaceWithKeepalive, Some("work"), "another"),
        ]);
        assert_eq!(found.problems(Lang::En).as_deref(), Some("3 errors, 1 warning"));
        let body = Answer::JobFilesChecked(found.clone()).body(Lang::En);
        assert!(body.starts_with("3 errors in ai.hermes.plist, work; 1 warning in lab. "), "{body}");
        assert!(body.contains("a kill loop") && body.contains("Doctor"), "{body}");
        assert_eq!(found.repairable, BTreeSet::from(["lab".to_owned()]));
        let clean = CheckedJobFiles::of(&[finding(Code::ThrottleMissing, Some("work"), "a note")]);
        assert_eq!((clean.problems(Lang::En), clean.worst.is_none()), (None, true));
    }
}
