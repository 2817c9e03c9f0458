//! What an issue about a wrong light needs, in one folder: a diagnosis and a recording of each profile, secrets and names
//! removed.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::engine::Engine;
use super::{diagnostics, job_files, open, record};
use crate::evidence::anonymise::Anonymiser;
use crate::text::agent::WRONG_LIGHT_BROKEN;
use crate::text::error::{Error, Result};
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// How long each profile is recorded; the recording begins with what its logs hold already.
pub(crate) const RECORDING: Duration = Duration::from_secs(30);
/// Most profiles in a report, those in trouble first.
const MOST_PROFILES: usize = 5;

/// Writes the folder and shows it; takes a little longer than [`RECORDING`].
pub(crate) fn write(engine: &Engine, snapshot: &Snapshot, now: Timestamp) -> Result<PathBuf> {
    write_within(engine, snapshot, now, RECORDING).inspect(|folder| {
        // where nothing can show it, its path is told all the same
        let _not_shown = open::file(folder, &open::OnPath).and_then(|line| line.start());
    })
}

fn write_within(
    engine: &Engine,
    snapshot: &Snapshot,
    now: Timestamp,
    recording: Duration,
) -> Result<PathBuf> {
    let folder = engine.folders.data.join("reports").join(now.strftime("%Y%m%d-%H%M%S").to_string());
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let anonymiser = Arc::new(engine.anonymiser());
    let mut views: Vec<&ProfileView> = snapshot.profiles.iter().collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.verdict.light()));
    // The same for all; made by whichever recording ends first.
    let findings = OnceLock::new();
    let findings = || findings.get_or_init(|| job_files::findings(engine)).as_slice();
    thread::scope(|scope| {
        let mut works = Vec::new();
        for (number, view) in (1..).zip(views.into_iter().take(MOST_PROFILES)) {
            let (folder, anonymiser, findings) = (&folder, &anonymiser, &findings);
            let record = move || record_profile(engine, view, anonymiser, folder, number, recording);
            works.push(scope.spawn(move || {
                let name = record()?;
                let text = diagnostics::text(engine, snapshot, view, findings(), anonymiser, Some(&name));
                Ok(fs::write(folder.join(format!("profile-{number}.md")), text)?)
            }));
        }
        works.into_iter().try_for_each(|work| match work.join() {
            Ok(result) => result,
            Err(_) => Err(Error::new(WRONG_LIGHT_BROKEN, &[])),
        })
    })?;
    Ok(folder)
}

/// Returns the name of the file. A profile's name may be private: the files are numbered.
fn record_profile(
    engine: &Engine,
    view: &ProfileView,
    anonymiser: &Arc<Anonymiser>,
    folder: &Path,
    number: usize,
    recording: Duration,
) -> Result<String> {
    let name = format!("profile-{number}.jsonl");
    let end = || async move { tokio::time::sleep(recording).await };
    record::record(&view.profile.name, &folder.join(&name), engine, anonymiser, || Ok(()), end)?;
    Ok(name)
}
