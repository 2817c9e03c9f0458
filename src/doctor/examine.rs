//! Finds what is wrong with job files and the paths that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::finding::{Code, Finding};
use super::live::LiveFacts;
use super::repair::{self, Refusal, Wanted};
use super::{launch, plan, wanted, why, write};
use crate::health::Manager;
use crate::profile::homes::{self, FolderId};
use crate::profile::shell::quoted;
use crate::profile::{BadJobFile, Found, JobFile, KeepAlive, Places, Profile, files};
use crate::text::{Both, Phrase, doctor as phrases};

/// A log larger than this, in bytes, is a finding. Field reports: 208, 141 and 35 MB.
pub const HUGE_LOG: u64 = 100_000_000;

/// Most folders with an invalid name that are listed.
const MAX_NAMED: usize = 5;

/// Finds what is wrong, profile by profile in the order of the scan, then what belongs to no profile. Reads job files and
/// metadata; writes nothing.
pub fn examine(found: &Found, places: &Places, live: &LiveFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut by_home: BTreeMap<FolderId, Vec<&Profile>> = BTreeMap::new();
    for profile in &found.profiles {
        if profile.job.is_some() {
            by_home.entry(homes::identity(&profile.home)).or_default().push(profile);
        }
    }
    let mut folders = BTreeSet::new();
    for profile in &found.profiles {
        let mut exam = Examination { profile, places, findings: &mut findings };
        if let Some(job) = &profile.job {
            exam.job(job);
            exam.launch_paths(job, live.running.contains(&job.label));
            exam.working_directory(job, found);
            let others: Vec<&str> = by_home
                .get(&homes::identity(&profile.home))
                .into_iter()
                .flatten()
                .filter(|other| other.name != profile.name)
                .filter_map(|other| other.label())
                .collect();
            if !others.is_empty() {
                let home = profile.home.display().to_string();
                let values = [("others", &*others.join(", ")), ("home", &*home)];
                exam.add(Code::DuplicateHome, Some(&job.path), phrases::DUPLICATE_HOME, &values, false);
            }
            if live.not_loaded.contains(&job.label) {
                let values = [("profile", &*profile.name)];
                exam.add(Code::NotLoaded, Some(&job.path), phrases::NOT_LOADED, &values, false);
            }
            if let Some(folder) = job.path.parent()
                && folders.insert(folder.to_path_buf())
            {
                exam.permissions(folder, job.manager);
            }
        } else {
            exam.no_job();
        }
        if let Some(pid) = live.second_instance.get(&profile.name) {
            let values = [("pid", &*pid.to_string()), ("profile", &*profile.name)];
            exam.add(Code::SecondInstance, profile.label_file(), phrases::SECOND_INSTANCE, &values, false);
        }
        if let Some(pid) = live.from_before.get(&profile.name) {
            let values = [("pid", &*pid.to_string())];
            exam.add(Code::NotReloaded, profile.label_file(), phrases::NOT_RELOADED_SINCE, &values, true);
        } else if profile.job.as_ref().is_some_and(|job| job.files().any(write::is_marked)) {
            exam.add(Code::NotReloaded, profile.label_file(), phrases::INTERRUPTED, &[], true);
        }
        exam.logs();
    }
    findings.extend(found.bad.iter().map(|bad| unusable(bad, places)));
    findings.extend(odd_folders(places));
    findings
}

/// Folders among the profiles that Hermes cannot have made: its names are `[a-z0-9][a-z0-9_-]{0,63}`.
fn odd_folders(places: &Places) -> Option<Finding> {
    let profiles = places.hermes.join("profiles");
    let hidden = |name: &str| name.starts_with('.');
    let (mut odd, _) = files::list(&profiles, |name| !homes::is_profile_name(name) && !hidden(name));
    odd.retain(|path| path.is_dir());
    let names: Vec<String> = odd.iter().take(MAX_NAMED).map(|path| files::name_of(path)).collect();
    let values = [("count", &*odd.len().to_string()), ("names", &*names.join(", "))];
    (!odd.is_empty()).then(|| Finding {
        code: Code::OddFolder,
        profile: None,
        file: Some(profiles),
        message: Both::fill(phrases::ODD_FOLDER[0], &values),
        remedy: Both::fill(phrases::ODD_FOLDER[1], &values),
        fixable: false,
    })
}

/// Whether this was to be searched, and not read: the file of a job has an extension.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.extension().is_none()
}

fn unusable(bad: &BadJobFile, places: &Places) -> Finding {
    let is_home = homes::extra(places).any(|(home, _)| home == bad.path);
    let (code, texts) = if is_home {
        (Code::HomeMissing, phrases::HOME_MISSING)
    } else if is_folder(&bad.path) {
        (Code::PlistInvalid, phrases::FOLDER_INVALID)
    } else {
        (Code::PlistInvalid, phrases::INVALID)
    };
    Finding {
        code,
        profile: None,
        file: Some(bad.path.clone()),
        message: bad.reason.within(texts[0], "why"),
        remedy: Both::fill(texts[1], &[]),
        fixable: false,
    }
}

impl Profile {
    fn label_file(&self) -> Option<&Path> {
        self.job.as_ref().map(|job| job.path.as_path())
    }
}

struct Examination<'a> {
    profile: &'a Profile,
    places: &'a Places,
    findings: &'a mut Vec<Finding>,
}

impl Examination<'_> {
    fn add(
        &mut self,
        code: Code,
        file: Option<&Path>,
        texts: [Phrase; 2],
        values: &[(&str, &str)],
        fixable: bool,
    ) {
        self.findings.push(Finding {
            code,
            profile: Some(self.profile.name.clone()),
            file: file.map(Path::to_path_buf),
            message: Both::fill(texts[0], values),
            remedy: Both::fill(texts[1], values),
            fixable,
        });
    }

    fn job(&mut self, job: &JobFile) {
        let file = Some(job.path.as_path());
        let wanted = wanted(job);
        if wanted.replace || repair::hides_flag(job) {
            self.replace_flag(job);
        }
        let values = [("label", &*job.label)];
        if wanted.run_at_load {
            let fixable = self.can(job, Wanted { run_at_load: true, ..Wanted::default() }).is_ok();
            self.add(Code::RunAtLoadMissing, file, phrases::RUN_AT_LOAD, &values, fixable);
        } else if job.manager == Manager::Systemd && !job.run_at_load {
            self.add(Code::RunAtLoadMissing, file, phrases::NOT_ENABLED, &values, false);
        }
        if wanted.keep_alive {
            let fixable = self.can(job, Wanted { keep_alive: true, ..Wanted::default() }).is_ok();
            let said = by_manager(job, phrases::KEEPALIVE, phrases::UNIT_KEEPALIVE);
            self.add(Code::KeepaliveMissing, file, said, &[], fixable);
        } else if job.throttle_s.is_none() {
            let said = by_manager(job, phrases::THROTTLE, phrases::UNIT_THROTTLE);
            self.add(Code::ThrottleMissing, file, said, &[], false);
        }
        if let Some(program) = launch::missing_program(job, &self.places.user_home) {
            self.add(Code::ProgramMissing, file, phrases::PROGRAM, &[("program", &*program)], false);
        }
        let named_after_label = files::name_of(&job.path).strip_suffix(".plist") == Some(&job.label);
        if job.manager == Manager::Launchd && !named_after_label {
            self.add(Code::LabelMismatch, file, phrases::LABEL, &[("label", &*job.label)], false);
        }
        for file in job.files() {
            self.permissions(file, job.manager);
        }
    }

    /// Reports files and folders that the manager cannot open when it starts the job.
    fn launch_paths(&mut self, job: &JobFile, running: bool) {
        for (key, path, obstacle) in launch::unusable_paths(job, &self.places.user_home) {
            // a job that runs shows that its manager may open the protected folder
            if obstacle == launch::Obstacle::Protected && running {
                continue;
            }
            let texts = match obstacle {
                launch::Obstacle::NoVolume => phrases::PATH_NO_VOLUME,
                launch::Obstacle::Missing => phrases::PATH_MISSING,
                launch::Obstacle::WrongKind => phrases::PATH_WRONG_KIND,
                launch::Obstacle::NotWritable => phrases::PATH_NOT_WRITABLE,
                launch::Obstacle::Protected => phrases::PATH_PROTECTED,
            };
            let path = path.display().to_string();
            let values = [("key", key), ("path", &*path)];
            self.add(Code::PathUnusable, Some(&job.path), texts, &values, false);
        }
    }

    /// Reports a job that runs in the home of another profile: it reads that one's `.env`.
    fn working_directory(&mut self, job: &JobFile, found: &Found) {
        let Some(folder) = job.working_directory.as_deref() else { return };
        let (id, own) = (homes::identity(folder), homes::identity(&self.profile.home));
        let mut others = found.profiles.iter().filter(|other| homes::identity(&other.home) == id);
        if let Some(other) = others.next().filter(|_| id != own) {
            let (folder, home) = (folder.display().to_string(), self.profile.home.display().to_string());
            let values = [("folder", &*folder), ("other", &*other.name), ("home", &*home)];
            self.add(Code::ForeignHome, Some(&job.path), phrases::FOREIGN_HOME, &values, false);
        }
    }

    /// Reports a gateway that has run here although no job starts it.
    fn no_job(&mut self) {
        let home = &self.profile.home;
        let ran = ["gateway.pid", "gateway_state.json", "logs/gateway.log"];
        if !ran.iter().any(|file| home.join(file).exists()) || is_served(home, &self.places.hermes) {
            return;
        }
        let command = install_command(home, self.places);
        self.add(Code::NoJob, Some(home), phrases::NO_JOB, &[("command", &*command)], false);
    }

    fn replace_flag(&mut self, job: &JobFile) {
        let one = Wanted { replace: true, ..Wanted::default() };
        let can = self.can(job, one);
        let texts = if flag_is_back(job, &self.places.user_home) {
            phrases::REPLACE_FLAG_BACK
        } else {
            phrases::REPLACE_FLAG
        };
        let file = self.changed_file(job, one);
        match can {
            Ok(()) => self.add(Code::ReplaceFlag, Some(&file), texts, &[], true),
            Err(refusal) => {
                let remedy = Both::from(why(refusal)).within(phrases::BY_HAND, "why");
                self.add(Code::ReplaceFlag, Some(&file), texts, &[], false);
                if let Some(finding) = self.findings.last_mut() {
                    finding.remedy = remedy;
                }
            }
        }
        match job.keep_alive {
            KeepAlive::Always | KeepAlive::Conditional | KeepAlive::AfterSuccess => {
                self.add(
                    Code::ReplaceWithKeepalive,
                    Some(&file),
                    phrases::REPLACE_WITH_KEEPALIVE,
                    &[],
                    can.is_ok(),
                );
            }
            KeepAlive::AfterFailure => {
                self.add(
                    Code::KeepaliveSkipsCleanExit,
                    Some(&file),
                    phrases::KEEPALIVE_SKIPS,
                    &[],
                    can.is_ok(),
                );
            }
            KeepAlive::No | KeepAlive::AfterSignal => {}
        }
    }

    /// Whether a repair can be planned.
    fn can(&self, job: &JobFile, wanted: Wanted) -> Result<(), Refusal> {
        let mut any = false;
        for file in job.files() {
            let bytes = files::read(file).map_err(|_| Refusal::Unreadable)?;
            any |= plan(job, file, &bytes, wanted, &self.places.user_home)?.is_some();
        }
        match any {
            true => Ok(()),
            false if wanted.replace && repair::hides_flag(job) => Err(Refusal::Hidden),
            // the flag comes from a variable
            false => Err(Refusal::Variable),
        }
    }

    fn changed_file(&self, job: &JobFile, wanted: Wanted) -> PathBuf {
        let changes = |file: &&Path| {
            let bytes = files::read(file).ok();
            bytes.is_some_and(|bytes| {
                !matches!(plan(job, file, &bytes, wanted, &self.places.user_home), Ok(None))
            })
        };
        job.files().find(changes).unwrap_or(&job.path).to_path_buf()
    }

    fn permissions(&mut self, path: &Path, manager: Manager) {
        // launchd refuses both ("bad ownership/permissions"); with systemd it is common that each user has a group
        let refused = if manager == Manager::Systemd { 0o002 } else { 0o022 };
        let Ok(data) = std::fs::metadata(path) else { return };
        let mode = data.permissions().mode() & 0o7777;
        if mode & refused != 0 {
            let quoted = quoted(&path.display().to_string());
            let values = [
                ("path", &*path.display().to_string()),
                ("mode", &*format!("{mode:04o}")),
                ("quoted", &*quoted),
            ];
            self.add(Code::UnsafePermissions, Some(path), phrases::PERMISSIONS, &values, false);
        }
    }

    fn logs(&mut self) {
        let profile = self.profile;
        for path in &profile.logs {
            let Ok(data) = std::fs::metadata(path) else {
                continue;
            };
            if data.is_file() && data.size() > HUGE_LOG {
                let size = (data.size() / 1_000_000).to_string();
                let quoted = quoted(&path.display().to_string());
                let values = [("path", &*path.display().to_string()), ("size", &*size), ("quoted", &*quoted)];
                self.add(Code::LogHuge, Some(path), phrases::LOG_HUGE, &values, false);
            }
        }
    }
}

/// The command that installs a job for this home.
fn install_command(home: &Path, places: &Places) -> String {
    match homes::profile_of(home) {
        _ if home == places.hermes => "hermes gateway install".to_owned(),
        Some((root, name)) if root == places.hermes => format!("hermes --profile {name} gateway install"),
        _ => format!("HERMES_HOME={} hermes gateway install", quoted(&home.display().to_string())),
    }
}

/// Whether the default home's gateway serves this profile: its state file then lists it.
fn is_served(home: &Path, default: &Path) -> bool {
    let Some((root, name)) = homes::profile_of(home).filter(|(root, _)| *root == default) else {
        return false;
    };
    let state = files::read(&root.join("gateway_state.json")).ok();
    let state = state.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let served = state.as_ref().and_then(|state| state.get("served_profiles")?.as_array());
    served.into_iter().flatten().any(|served| served.as_str() == Some(name))
}

/// The texts for the manager of this job.
const fn by_manager(job: &JobFile, launchd: [Phrase; 2], systemd: [Phrase; 2]) -> [Phrase; 2] {
    if matches!(job.manager, Manager::Systemd) { systemd } else { launchd }
}

/// Whether the flag is back after a repair: the backup has it, and the file is newer than the backup.
fn flag_is_back(job: &JobFile, user_home: &Path) -> bool {
    job.files().any(|file| {
        let had_it = |bytes: &[u8]| {
            let one = Wanted { replace: true, ..Wanted::default() };
            !matches!(repair::plan(job.manager, bytes, one, user_home), Ok(None))
        };
        write::rewritten_since_repair(file)
            && files::read(&write::beside(file, write::BACKUP)).is_ok_and(|bytes| had_it(&bytes))
    })
}
