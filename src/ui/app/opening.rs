//! Opens files and folders in other programs for the menu.

use std::io;
use std::path::Path;

use crate::app::open::{self, OnPath, OpenError};
use crate::app::user_files;
use crate::config::Folders;
use crate::profile::Profile;
use crate::text::{self, Lang, labelled};
use crate::ui::UiCommand;
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// Opens the file or folder of this command; other commands open nothing. The error is a text for users.
pub(super) fn open(
    command: &UiCommand,
    snapshot: &Snapshot,
    folders: &Folders,
    lang: Lang,
) -> Result<(), String> {
    let shown = |name: &str, launch: &dyn Fn(&ProfileView) -> Launched| match snapshot.find(name) {
        Some(view) => start(launch(view), lang),
        None => Ok(()),
    };
    // a served profile is started by the job of its gateway
    let started = |name: &str, launch: &dyn Fn(&Profile) -> Launched| {
        shown(name, &|view| launch(&snapshot.gateway_of(view).unwrap_or(view).profile))
    };
    match command {
        UiCommand::OpenLog(name) => shown(name, &|view| open::log(view, snapshot)),
        UiCommand::OpenSystemLog(name) => {
            started(name, &|profile| open::system_log(profile, &folders.data, &OnPath))
        }
        UiCommand::ShowJobFile(name) => started(name, &|profile| match &profile.job {
            Some(job) => open::in_folder(&job.path, &OnPath),
            None => open::system_log(profile, &folders.data, &OnPath),
        }),
        UiCommand::OpenDoctor => start(open::doctor(&folders.data, &OnPath), lang),
        UiCommand::OpenSettings => {
            let file = &folders.config_file;
            written(file, user_files::create_settings(file).map(drop), lang)
        }
        UiCommand::ReadMe => {
            let file = user_files::readme(&folders.data);
            written(&file, user_files::write_readme(&file, lang), lang)
        }
        _ => Ok(()),
    }
}

type Launched = Result<open::Launch, OpenError>;

/// Starts the program.
pub(super) fn start(launch: Launched, lang: Lang) -> Result<(), String> {
    launch.and_then(|launch| launch.start()).map_err(|error| error.text(lang))
}

fn written(file: &Path, written: io::Result<()>, lang: Lang) -> Result<(), String> {
    written.map_err(|error| labelled(lang, &file.to_string_lossy(), &text::error::io(lang, &error)))?;
    start(open::text_file(file, &OnPath), lang)
}
