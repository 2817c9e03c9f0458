//! The gateway's own files in its home: state file, PID file, heartbeat, markers, start records. Read when they change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::evidence::hermes_config;
use crate::evidence::patterns::Patterns;
use crate::evidence::state_files::{self, StateFileKind};
use crate::files;
use crate::health::{Evidence, MARKER_LIFE};
use crate::order::Collect as _;
use crate::profile::Profile;

/// Names the gateway's process.
pub(super) const PID_FILE: &str = StateFileKind::Pid.name();

/// What the gateway reports about itself.
pub(super) const STATE_FILE: &str = StateFileKind::State.name();

/// launchd could not manage the gateway.
pub(super) const DETACHED: &str = StateFileKind::Detached.name();

/// Somebody asked for a drain.
pub(super) const DRAIN_REQUEST: &str = StateFileKind::DrainRequest.name();

/// Rewritten at an interval while the gateway runs.
pub(super) const HEARTBEAT: &str = StateFileKind::Heartbeat.name();

/// The configuration.
pub(super) const CONFIG: &str = StateFileKind::Config.name();

/// The cron jobs.
pub(super) const CRON_JOBS: &str = StateFileKind::CronJobs.name();

/// When the cron scheduler last ticked.
pub(super) const CRON_BEAT: &str = StateFileKind::CronBeat.name();

/// When a tick of the cron scheduler last succeeded.
pub(super) const CRON_SUCCESS: &str = StateFileKind::CronSuccess.name();

/// The gateway is about to be stopped or replaced.
const MARKERS: [&str; 2] = [StateFileKind::StopMarker.name(), StateFileKind::TakeoverMarker.name()];

/// The files with JSON contents, relative to the home, in the order in which they are read.
const JSON_FILES: [&str; 11] = [
    PID_FILE,
    STATE_FILE,
    HEARTBEAT,
    MARKERS[0],
    MARKERS[1],
    DETACHED,
    DRAIN_REQUEST,
    CONFIG,
    CRON_JOBS,
    CRON_BEAT,
    CRON_SUCCESS,
];

/// Files that only a gateway writes, or a program that starts and stops it.
const GATEWAY_FILES: [&str; 6] = [PID_FILE, STATE_FILE, HEARTBEAT, MARKERS[0], MARKERS[1], DETACHED];

/// Files whose absence means something, too: the defaults apply, or there are no jobs.
const TELLING_WHEN_MISSING: [&str; 2] = [CONFIG, CRON_JOBS];

/// Files in subfolders: the modification time of the home does not show that they came or went.
const BELOW_HOME: [&str; 4] = [HEARTBEAT, CRON_JOBS, CRON_BEAT, CRON_SUCCESS];

/// Files that are rewritten at an interval although nothing happens.
const BEATS: [&str; 3] = [HEARTBEAT, CRON_BEAT, CRON_SUCCESS];

/// One line for each start of a gateway.
const STARTS_FILE: &str = "gateway-starts.log";

/// Variables of the gateway's environment.
const DOTENV: &str = ".env";

/// Bytes read from the end of the start records: a few hundred starts.
const STARTS_BYTES: u64 = 4096;

/// The contents of the JSON files at the first read.
pub(super) type FirstContents = BTreeMap<&'static str, Value>;

/// A file that changed.
#[derive(Debug)]
pub(super) struct FileRead {
    /// Relative to the home.
    pub file: &'static str,
    pub contents: Contents,
    /// When it was written, at the first read; after that, now.
    pub written: Timestamp,
    /// What it says, if anything.
    pub evidence: Option<Evidence>,
}

impl FileRead {
    fn of_text(file: &'static str, evidence: Evidence, now: Timestamp) -> Self {
        Self { file, contents: Contents::Text, written: now, evidence: Some(evidence) }
    }

    /// A heartbeat says nothing new as long as it comes in time.
    pub(super) fn is_news(&self) -> bool {
        !BEATS.contains(&self.file)
    }
}

/// The files of one home.
#[derive(Debug)]
pub(super) struct HomeFiles {
    home: PathBuf,
    patterns: Arc<Patterns>,
    /// The multiplex setting in the environment of the job.
    job_multiplex: Option<bool>,
    json_files: BTreeMap<&'static str, JsonFile>,
    starts: Option<Version>,
    /// The subfolders that were missing when all names in the home were last looked for.
    missing_folders: Vec<&'static str>,
}

impl HomeFiles {
    pub(super) fn new(profile: &Profile, patterns: &Arc<Patterns>) -> Self {
        let json_files = JSON_FILES.iter().map(|name| (*name, JsonFile::default())).to_map();
        let variable = profile.job.as_ref().and_then(|job| job.env(hermes_config::MULTIPLEX_VARIABLE));
        Self {
            home: profile.home.clone(),
            patterns: Arc::clone(patterns),
            job_multiplex: variable.and_then(hermes_config::switch),
            json_files,
            starts: None,
            missing_folders: Vec::new(),
        }
    }

    /// The home and everything that may be read in it.
    pub(super) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let names = JSON_FILES.into_iter().chain([STARTS_FILE, DOTENV]);
        names.map(|name| self.home.join(name)).chain([self.home.clone()])
    }

    /// When one of the files that only a gateway writes was last written.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        GATEWAY_FILES.iter().filter_map(|file| modified(&self.home.join(file))).max()
    }

    /// Reads the files for the first time: what is there is older than now, and a marker may be a leftover.
    pub(super) fn read_first(&mut self, now: Timestamp) -> Vec<FileRead> {
        self.read(now, true, false)
    }

    /// Reads the files that changed. `skip_missing`: no name in the home came or went, so files that were missing still are.
    pub(super) fn read_changed(&mut self, now: Timestamp, skip_missing: bool) -> Vec<FileRead> {
        self.read(now, false, skip_missing)
    }

    fn read(&mut self, now: Timestamp, first: bool, skip_missing: bool) -> Vec<FileRead> {
        let mut changed = Vec::new();
        if !skip_missing {
            let folders: BTreeSet<&str> = BELOW_HOME.into_iter().filter_map(folder_of).to_set();
            self.missing_folders = folders.into_iter().filter(|folder| self.lacks(folder)).collect();
        }
        for file in JSON_FILES {
            let may_appear = BELOW_HOME.contains(&file) && !self.is_folder_missing(file);
            if !(skip_missing && self.is_missing(file) && !may_appear) {
                self.read_if_changed(file, now, first, &mut changed);
            }
        }
        if !(skip_missing && self.starts.is_none())
            && let Some(text) = self.changed_starts()
        {
            let evidence = Evidence::Starts(state_files::starts(&text));
            changed.push(FileRead::of_text(STARTS_FILE, evidence, now));
        }
        changed
    }

    /// The same for the files in subfolders that are not known to be missing.
    pub(super) fn read_below_home(&mut self, now: Timestamp) -> Vec<FileRead> {
        let mut changed = Vec::new();
        for file in BELOW_HOME {
            if !(self.is_missing(file) && self.is_folder_missing(file)) {
                self.read_if_changed(file, now, false, &mut changed);
            }
        }
        changed
    }

    fn is_missing(&self, file: &str) -> bool {
        self.json_files.get(file).is_none_or(JsonFile::is_missing)
    }

    fn is_folder_missing(&self, file: &str) -> bool {
        folder_of(file).is_some_and(|folder| self.missing_folders.contains(&folder))
    }

    /// Whether the home has no such name; `false` if that cannot be known.
    fn lacks(&self, folder: &str) -> bool {
        let found = std::fs::symlink_metadata(self.home.join(folder));
        found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    }

    fn read_if_changed(
        &mut self,
        file: &'static str,
        now: Timestamp,
        first: bool,
        changed: &mut Vec<FileRead>,
    ) {
        let path = self.home.join(file);
        let Some(contents) = self.json_files.entry(file).or_default().read(file, &path) else { return };
        let leftover = MARKERS.contains(&file) && (first || !is_young(&path, now));
        let evidence = match &contents {
            _ if leftover => None,
            Contents::Gone => state_files::evidence(file, None, &self.patterns),
            Contents::Json(json) => state_files::evidence(file, Some(json), &self.patterns),
            Contents::Unusable | Contents::Text => None,
        };
        if file == CONFIG
            && let Contents::Gone | Contents::Json(_) = &contents
        {
            let on = self.multiplex_of_environment();
            if let Some(on) = on.or_else(|| hermes_config::multiplex_profiles(contents.json())) {
                changed.push(FileRead::of_text(file, Evidence::Multiplex(on), now));
            }
        }
        let written = if first { modified(&path).map_or(now, |at| at.min(now)) } else { now };
        changed.push(FileRead { file, contents, written, evidence });
    }

    /// The multiplex setting in the environment. The `.env` file of the home wins over the job's environment
    /// (hermes-agent 0.19, hermes_cli/env_loader.py).
    fn multiplex_of_environment(&self) -> Option<bool> {
        let dotenv = files::read(&self.home.join(DOTENV), state_files::MAX_BYTES).ok();
        let dotenv = dotenv.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        match dotenv.and_then(|text| hermes_config::variable(text, hermes_config::MULTIPLEX_VARIABLE)) {
            Some(word) => hermes_config::switch(word),
            None => self.job_multiplex,
        }
    }

    fn changed_starts(&mut self) -> Option<String> {
        let path = self.home.join(STARTS_FILE);
        let version = std::fs::metadata(&path).ok().filter(Metadata::is_file).map(|meta| Version::of(&meta));
        let changed = version.is_some() && version != self.starts;
        self.starts = version;
        if changed { files::read_last_lines(&path, STARTS_BYTES).ok() } else { None }
    }
}

/// Identifies a version of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    modified: (i64, i64),
    size: u64,
    inode: u64,
}

impl Version {
    pub(super) fn of(meta: &Metadata) -> Self {
        Self { modified: (meta.mtime(), meta.mtime_nsec()), size: meta.size(), inode: meta.ino() }
    }
}

#[derive(Debug, Default)]
struct JsonFile {
    /// As it was last read; `None`: missing.
    version: Option<Version>,
    /// Its contents could not be used: it is read again though it did not change.
    unusable: bool,
    /// Whether it is missing was reported.
    reported: bool,
    /// It is a dangling symlink: its folder does not change when the target appears.
    dangling: bool,
}

/// What a file holds now.
#[derive(Debug)]
pub(super) enum Contents {
    /// It was removed.
    Gone,
    Json(Value),
    /// Half-written, or written by something else.
    Unusable,
    /// Not JSON: only the evidence in it is kept.
    Text,
}

impl Contents {
    fn json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::Gone | Self::Unusable | Self::Text => None,
        }
    }
}

impl JsonFile {
    /// Whether there was no such name in its folder.
    const fn is_missing(&self) -> bool {
        self.version.is_none() && !self.dangling
    }

    /// The contents, if the file changed since the last read.
    fn read(&mut self, file: &str, path: &Path) -> Option<Contents> {
        // one call suffices for most files: they are missing or not links
        let named = std::fs::symlink_metadata(path);
        let is_link = named.as_ref().is_ok_and(Metadata::is_symlink);
        let meta = match if is_link { std::fs::metadata(path) } else { named } {
            Ok(meta) => meta,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                self.unusable = false;
                self.dangling = is_link;
                let is_new =
                    TELLING_WHEN_MISSING.contains(&file) && !std::mem::replace(&mut self.reported, true);
                return (self.version.take().is_some() || is_new).then_some(Contents::Gone);
            }
            // a volume that does not answer or a folder without permission says nothing about the file
            Err(_) => return None,
        };
        if !meta.is_file() || meta.size() > state_files::MAX_BYTES {
            return None;
        }
        let version = Version::of(&meta);
        if self.version.as_ref() == Some(&version) && !self.unusable {
            return None;
        }
        self.version = Some(version);
        let bytes = files::read(path, state_files::MAX_BYTES).ok();
        let json = bytes.and_then(|bytes| state_files::contents(file, &bytes));
        self.unusable = json.is_none();
        Some(json.map_or(Contents::Unusable, Contents::Json))
    }
}

/// The folder below the home that a file is in.
fn folder_of(file: &str) -> Option<&str> {
    file.split_once('/').map(|(folder, _)| folder)
}

fn is_young(path: &Path, now: Timestamp) -> bool {
    modified(path).is_some_and(|at| now.duration_since(at).unsigned_abs() <= MARKER_LIFE)
}

/// Whether this name is a symlink, dangling or not.
pub(super) fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
}

/// When a file was last written.
pub(super) fn modified(path: &Path) -> Option<Timestamp> {
    Timestamp::try_from(std::fs::metadata(path).ok()?.modified().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_when_its_folder_appears() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile {
            name: "work".to_owned(),
            home: folder.path().to_path_buf(),
            job: None,
            logs: Vec::new(),
        };
        let mut files = HomeFiles::new(&profile, &Arc::new(Patterns::new(&[]).unwrap()));
        let now = Timestamp::now();
        files.read_first(now);
        assert_eq!(files.missing_folders, ["cron", "state"]);
        std::fs::create_dir(folder.path().join("cron")).unwrap();
        std::fs::write(folder.path().join(CRON_BEAT), "1790000000.5").unwrap();
        let names = |read: Vec<FileRead>| read.iter().map(|read| read.file).collect::<Vec<_>>();
        assert!(files.read_below_home(now).is_empty(), "its folder is looked for with the names of the home");
        assert_eq!(names(files.read_changed(now, false)), [CRON_BEAT]);
        std::fs::remove_dir_all(folder.path().join("cron")).unwrap();
        assert_eq!(names(files.read_below_home(now)), [CRON_BEAT], "what was there is missed");
    }
}
