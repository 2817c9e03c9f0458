//! The diagnosis of one profile, as text or for the clipboard.

use std::path::PathBuf;

use jiff::Timestamp;

use super::engine::Engine;
use super::watching::Watching;
use super::{clipboard, job_files};
use crate::diagnose::Sources;
use crate::doctor::Finding;
use crate::evidence::anonymise::Anonymiser;
use crate::supervisor::Supervisors;
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// Where a diagnosis for the user was put.
#[derive(Debug)]
pub enum Copied {
    /// Into the clipboard.
    Clipboard,
    /// Into this file: no program for the clipboard was found.
    File(PathBuf),
}

/// The diagnosis as Markdown. `findings`: the doctor's, of any profile.
pub(crate) fn text(
    engine: &Engine,
    snapshot: &Snapshot,
    view: &ProfileView,
    findings: &[Finding],
    anonymiser: &Anonymiser,
    recording: Option<&str>,
) -> String {
    let now = Timestamp::now();
    let agent = Watching::now(engine, now).text(now, engine.lang);
    let sources = Sources {
        agent: &agent,
        view,
        gateway: snapshot.gateway_of(view),
        supervisors: &Supervisors::from_environment(),
        findings,
        history: &engine.history_file(),
        own_log: &engine.folders.log_file,
        anonymiser,
        recording,
        lang: engine.lang,
    };
    sources.diagnose(now)
}

/// Copies the diagnosis to the clipboard, or to a file if there is no program for the clipboard.
pub(crate) fn copy(engine: &Engine, snapshot: &Snapshot, view: &ProfileView) -> std::io::Result<Copied> {
    let text = text(engine, snapshot, view, &job_files::findings(engine), &engine.anonymiser(), None);
    if clipboard::copy(&text) {
        return Ok(Copied::Clipboard);
    }
    let file = engine.folders.data.join("diagnostics.md");
    std::fs::write(&file, text)?;
    Ok(Copied::File(file))
}
