//! Writes a folder for an issue about a wrong light: a diagnosis and a recording of each profile, without secrets and names.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::engine::Engine;
use super::{diagnostics, job_files, open, record};
use crate::evidence::anonymise::Anonymiser;
use crate::files;
use crate::order::Order as _;
use crate::text::agent::WRONG_LIGHT_BROKEN;
use crate::text::error::{Error, Result};
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// How long each profile is recorded. Our choice; a recording begins with the current content of the logs.
pub(crate) const RECORDING: Duration = Duration::from_secs(30);
/// Maximum number of profiles in a report; the worst lights come first.
const MAX_PROFILES: usize = 5;

/// Writes the folder and opens it; takes a little longer than [`RECORDING`].
pub(crate) fn write(engine: &Engine, snapshot: &Snapshot, now: Timestamp) -> Result<PathBuf> {
    write_within(engine, snapshot, now, RECORDING).inspect(|folder| {
        // if nothing can open it, the answer still names its path
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
    files::create_private_folder(&folder)?;
    let anonymiser = Arc::new(engine.anonymiser());
    let mut views: Vec<&ProfileView> = snapshot.profiles.iter().collect();
    views.order_by_key(|view| std::cmp::Reverse(view.verdict.light()));
    // the same for all profiles; computed by the first thread that needs them
    let findings = OnceLock::new();
    let findings = || findings.get_or_init(|| job_files::findings(engine)).as_slice();
    thread::scope(|scope| {
        let mut works = Vec::new();
        for (number, view) in (1..).zip(views.into_iter().take(MAX_PROFILES)) {
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

/// Returns the name of the file. Files are numbered, because the name of a profile may be private.
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::{Config, Folders};
    use crate::profile::Places;
    use crate::recording::Recording;
    use crate::text::Lang;

    const SECRET: &str = "Zq7XWvK81mPdLf3RtY7uHbN7c";

    fn engine(home: &Path) -> Engine {
        let data = home.join("data");
        let folders = Folders {
            config_file: home.join("config.toml"),
            autostart: home.join("autostart"),
            log_file: data.join("gatelight.log"),
            data,
        };
        let places = Places::below(home);
        Engine { config: Config::default(), folders, places, system_lang: Lang::En, lang: Lang::En }
    }

    /// A home whose log ends in this state.
    fn profile(home: &Path, name: &str, last: &str) {
        let logs = home.join(".hermes/profiles").join(name).join("logs");
        fs::create_dir_all(&logs).unwrap();
        let stamp = Timestamp::now().to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S,000");
        let text = format!(
            "{stamp} INFO Lark: connected to wss://x/?ticket={SECRET}\n\
             {stamp} INFO gateway.platforms.feishu: [Feishu] Inbound dm message received: text='for bob only'\n\
             {stamp} {last}\n"
        );
        fs::write(logs.join("agent.log"), text).unwrap();
    }

    #[test]
    fn the_report_has_a_diagnosis_and_a_recording_for_each_profile_and_nothing_private() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(folder.path());
        for name in ["a", "b", "c", "d", "e", "f"] {
            profile(folder.path(), name, "INFO gateway.run: Cron ticker started");
        }
        let snapshot = engine.look(Vec::new()).unwrap();
        assert!(snapshot.profiles.len() >= 6);
        let now = Timestamp::now();
        let report = write_within(&engine, &snapshot, now, Duration::from_millis(50)).unwrap();
        assert!(report.starts_with(engine.folders.data.join("reports")));
        assert_eq!(fs::metadata(&report).unwrap().permissions().mode() & 0o777, 0o700);
        let mut names: Vec<_> =
            fs::read_dir(&report).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names.len(), 2 * MAX_PROFILES, "{names:?}");
        for number in 1..=MAX_PROFILES {
            let read =
                |kind: &str| fs::read_to_string(report.join(format!("profile-{number}.{kind}"))).unwrap();
            let (diagnosis, recording) = (read("md"), read("jsonl"));
            assert!(diagnosis.contains(&format!("profile-{number}.jsonl")), "{diagnosis}");
            assert!(Recording::read(recording.as_bytes()).is_ok(), "{recording}");
            assert!(recording.contains("connected to wss"), "{recording}");
            for text in [diagnosis, recording] {
                assert!(!text.contains(SECRET) && !text.contains("for bob only"), "{text}");
                assert!(!text.contains(&*folder.path().to_string_lossy()), "{text}");
            }
        }
        // at the same second there is a folder already: nothing of it is overwritten
        let again = write_within(&engine, &snapshot, now, Duration::from_millis(50));
        assert!(again.is_err());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(folder.path());
        fs::write(&engine.folders.data, "a file").unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let nothing = Snapshot { at: now, profiles: Vec::new(), bad_files: Vec::new(), complete: true };
        assert!(write_within(&engine, &nothing, now, Duration::ZERO).is_err());
    }
}
