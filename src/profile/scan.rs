//! Finds profiles in every place.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::files::{self, FileError, name_of};
use super::homes::{self, Access, BRIDGE_LOGS, FolderId, STANDARD_LOGS};
use super::launchd::{self, Plist};
use super::{BadJobFile, Found, JobFile, Places, Profile, systemd};
use crate::health::Manager;
use crate::order::{Collect as _, Order as _};
use crate::text::{self, Both, profile as say};

/// Finds every profile: jobs of launchd and systemd first, then homes that no job names. Only reads; files and bytes are
/// bounded; no error ends it. Blocks as long as one of the homes does.
pub fn scan(places: &Places) -> Found {
    search(places, Access::Allowed)
}

/// Finds the profiles that have a job, by the job files alone: no home is touched.
pub(crate) fn scan_job_files(places: &Places) -> Found {
    search(places, Access::Denied)
}

fn search(places: &Places, access: Access) -> Found {
    let mut bad = Vec::new();
    let mut jobs = launch_agents(&places.launch_agents, &places.user_home, &mut bad);
    if cfg!(target_os = "linux") {
        jobs.extend(systemd_units(places, &mut bad));
    }
    if access == Access::Allowed {
        let hermes = &places.hermes;
        bad.extend(unsearchable(hermes).or_else(|| unsearchable(&hermes.join("profiles"))));
    }
    let jobs = deduplicated(jobs, &mut bad);
    let profiles = profiles(jobs, places, access, &mut bad);
    Found { profiles, bad }
}

fn launch_agents(folder: &Path, user_home: &Path, bad: &mut Vec<BadJobFile>) -> Vec<JobFile> {
    let paths = listed(folder, |name| has_extension(name, "plist") && !name.starts_with('.'), bad);
    let mut jobs = Vec::new();
    for path in paths {
        if is_alias(&path, |name| has_extension(name, "plist")) {
            continue;
        }
        match files::read(&path) {
            Ok(bytes) => match launchd::read(&path, &bytes, user_home) {
                Plist::Gateway(job) => jobs.push(*job),
                Plist::Bad(reason) => bad.push(BadJobFile { path, reason }),
                Plist::Other => {}
            },
            Err(error) if launchd::looks_like_gateway(&path, b"") => unreadable(path, &error, bad),
            Err(_) => {}
        }
    }
    jobs
}

fn systemd_units(places: &Places, bad: &mut Vec<BadJobFile>) -> Vec<JobFile> {
    let roots: Vec<&Path> =
        std::iter::once(&places.systemd_user).chain(&places.systemd_shared).map(PathBuf::as_path).collect();
    let mut seen = BTreeSet::new();
    let mut jobs = Vec::new();
    for root in &roots {
        let wanted = |name: &str| systemd::is_gateway_unit(name) || starts_others(name);
        let (folders, units): (Vec<_>, Vec<_>) =
            listed(root, wanted, bad).into_iter().partition(|path| starts_others(&name_of(path)));
        let own = units.into_iter().map(|path| (name_of(&path), path));
        for (label, path) in own.chain(instances(&folders, &roots)) {
            // the first place counts, even if it masks the unit
            if is_alias(&path, systemd::is_gateway_unit) || !seen.insert(label.clone()) || is_masked(&path) {
                continue;
            }
            jobs.extend(systemd_unit(&label, &path, &roots, &places.user_home, bad));
        }
    }
    jobs
}

/// A link to `/dev/null` masks a unit or a drop-in (systemd.unit(5)).
fn is_masked(path: &Path) -> bool {
    std::fs::read_link(path).is_ok_and(|target| target == Path::new("/dev/null"))
}

fn systemd_unit(
    label: &str,
    path: &Path,
    roots: &[&Path],
    user_home: &Path,
    bad: &mut Vec<BadJobFile>,
) -> Option<JobFile> {
    let mut texts = Vec::new();
    let mut drop_ins = drop_ins(label, roots);
    match files::read(path) {
        Ok(bytes) => texts.push(bytes),
        Err(error) => {
            unreadable(path.to_path_buf(), &error, bad);
            return None;
        }
    }
    drop_ins.retain(|file| match files::read(file) {
        Ok(bytes) => {
            texts.push(bytes);
            true
        }
        Err(error) => {
            unreadable(file.clone(), &error, bad);
            false
        }
    });
    let environment = |file: &Path| files::read(file).ok();
    match systemd::read(path, label, &texts, user_home, &environment) {
        Ok(job) => Some(JobFile { drop_ins, ..job }),
        Err(reason) => {
            bad.push(BadJobFile { path: path.to_path_buf(), reason });
            None
        }
    }
}

/// Whether the folder lists what a unit starts: `default.target.wants`.
fn starts_others(folder: &str) -> bool {
    [".wants", ".requires", ".upholds"].iter().any(|end| folder.ends_with(end))
}

/// Instances of a template (`hermes-gateway@work.service`) that another unit starts, with the template's file: an instance
/// has none of its own. One that is only started by hand appears in no file.
fn instances(folders: &[PathBuf], roots: &[&Path]) -> Vec<(String, PathBuf)> {
    let is_instance = |name: &str| systemd::is_gateway_unit(name) && systemd::template(name).is_some();
    let mut found = Vec::new();
    for folder in folders {
        for link in files::list(folder, is_instance).0 {
            let label = name_of(&link);
            let template = systemd::template(&label).unwrap_or_default();
            let has_file = roots.iter().any(|root| root.join(&label).exists());
            let file = roots.iter().map(|root| root.join(&template)).find(|file| file.exists());
            found.extend(file.filter(|_| !has_file).map(|file| (label, file)));
        }
    }
    found
}

/// A unit's drop-ins in the order in which systemd reads them: by file name, from the folders of this unit and of its
/// prefixes; for one name the most specific folder counts (systemd.unit(5)).
fn drop_ins(unit: &str, roots: &[&Path]) -> Vec<PathBuf> {
    let mut by_name = BTreeMap::new();
    for folder in systemd::drop_in_folders(unit) {
        for root in roots.iter().rev() {
            let (files, _) = files::list(&root.join(&folder), |name| has_extension(name, "conf"));
            by_name.extend(files.into_iter().map(|file| (name_of(&file), file)));
        }
    }
    by_name.into_values().filter(|file| !is_masked(file)).collect()
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

/// A link to a file of the same folder that is read under its own name anyway.
fn is_alias(path: &Path, read: impl Fn(&str) -> bool) -> bool {
    let Ok(target) = std::fs::read_link(path) else {
        return false;
    };
    let beside =
        target.parent().is_some_and(|p| p.as_os_str().is_empty()) || target.parent() == path.parent();
    beside && read(&name_of(&target)) && path.exists()
}

fn unreadable(path: PathBuf, error: &FileError, bad: &mut Vec<BadJobFile>) {
    // removed since the folder was listed
    if !matches!(error, FileError::Io(cause) if cause.kind() == ErrorKind::NotFound && !path.is_symlink()) {
        bad.push(BadJobFile { path, reason: Both::each(|lang| error.text(lang)) });
    }
}

/// The entries of a folder of job files. One that exists and cannot be read may hide jobs: that is not the same as none.
fn listed(folder: &Path, wanted: impl Fn(&str) -> bool, bad: &mut Vec<BadJobFile>) -> Vec<PathBuf> {
    match files::try_list(folder, wanted) {
        Ok((paths, false)) => paths,
        Ok((paths, true)) => {
            let reason = Both::fill(say::TOO_MANY, &[("most", &files::MAX_FILES.to_string())]);
            bad.push(BadJobFile { path: folder.to_path_buf(), reason });
            paths
        }
        Err(error) => {
            bad.extend(not_searched(folder, &error));
            Vec::new()
        }
    }
}

/// Why a folder of homes cannot be searched: it may hide profiles. `None`: it can, or is not there.
fn unsearchable(folder: &Path) -> Option<BadJobFile> {
    let rights = rustix::fs::Access::READ_OK | rustix::fs::Access::EXEC_OK;
    let found = folder.metadata().and_then(|found| {
        if !found.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(rustix::fs::access(folder, rights)?)
    });
    not_searched(folder, &found.err()?)
}

/// `None` for a folder that is not there; a link that leads nowhere may lead to a volume that is not mounted.
fn not_searched(folder: &Path, error: &io::Error) -> Option<BadJobFile> {
    let reason = if error.kind() != ErrorKind::NotFound {
        Both::each(|lang| text::error::io(lang, error))
    } else if folder.is_symlink() {
        say::LINK_TO_NOTHING.into()
    } else {
        return None;
    };
    Some(BadJobFile { path: folder.to_path_buf(), reason })
}

/// Keeps one job for each label, as a manager does: the file named after the label, else the first in order.
fn deduplicated(mut jobs: Vec<JobFile>, bad: &mut Vec<BadJobFile>) -> Vec<JobFile> {
    let named = |job: &JobFile| name_of(&job.path) == format!("{}.plist", job.label);
    jobs.order_by_key(|job| (job.manager, job.label.clone(), !named(job), job.path.clone()));
    let mut kept: Vec<JobFile> = Vec::new();
    for job in jobs {
        match kept.last() {
            Some(first) if (first.manager, &first.label) == (job.manager, &job.label) => {
                // names of unknown origin: control characters are removed where they are shown
                let values = [("label", &*job.label), ("file", &*name_of(&first.path))];
                let reason = Both::fill(say::LABEL_TAKEN, &values);
                bad.push(BadJobFile { path: job.path, reason });
            }
            _ => kept.push(job),
        }
    }
    kept
}

/// The part of a job's label that names a profile.
fn suffix(job: &JobFile) -> Option<&str> {
    match job.manager {
        Manager::Launchd => launchd::suffix(&job.label),
        Manager::Systemd => systemd::suffix(&job.label),
        Manager::Embedded => None,
    }
}

fn profiles(jobs: Vec<JobFile>, places: &Places, access: Access, bad: &mut Vec<BadJobFile>) -> Vec<Profile> {
    let identity = |home: &Path| access.identity(home);
    let mut sharing: BTreeMap<FolderId, usize> = BTreeMap::new();
    let with_homes: Vec<(JobFile, PathBuf, FolderId)> = jobs
        .into_iter()
        .map(|job| {
            let home = homes::home_of(&job, places, access);
            let identity = identity(&home);
            *sharing.entry(identity.clone()).or_default() += 1;
            (job, home, identity)
        })
        .collect();
    let identified = |home: PathBuf| (identity(&home), home);
    let (extra, names): (Vec<_>, Vec<_>) =
        homes::extra(places).map(|(home, name)| (identified(home), name)).unzip();
    // names from the settings take precedence
    let given: BTreeMap<FolderId, &String> =
        extra.iter().zip(names).filter_map(|((identity, _), name)| Some((identity.clone(), name?))).to_map();
    let mut taken = BTreeSet::new();
    let mut found = Vec::new();
    for (job, home, identity) in with_homes {
        let suffix = suffix(&job).map(str::to_owned);
        let by_home = homes::name_of_home(&home, places);
        let mut names = vec![by_home];
        if let Some(suffix) = &suffix {
            // a home in Hermes's own layout is named after its folder, any other after its job
            let at = usize::from(homes::profile_of(&home).is_some());
            names.insert(at, suffix.clone());
        }
        names.push(job.label.clone());
        names.splice(0..0, given.get(&identity).map(|name| (*name).clone()));
        let name = unique(&names, &mut taken);
        let shared = sharing.get(&identity).is_some_and(|n| *n > 1);
        let logs = logs(&home, Some(&job), suffix.as_deref().unwrap_or(&name), shared, access);
        found.push(Profile { name, home, job: Some(job), logs });
    }
    let without_job = match access {
        Access::Allowed => homes::on_disk(places).into_iter().map(identified).chain(extra).collect(),
        Access::Denied => Vec::new(),
    };
    for (identity, home) in without_job {
        let own_name = given.get(&identity).map(|name| (*name).clone());
        if sharing.insert(identity, 1).is_some() {
            continue;
        }
        if !home.is_dir() {
            bad.push(BadJobFile { path: home, reason: say::HOME_MISSING.into() });
            continue;
        }
        let by_home = homes::name_of_home(&home, places);
        let names: Vec<String> = own_name.into_iter().chain([by_home]).collect();
        let name = unique(&names, &mut taken);
        let logs = logs(&home, None, &name, false, access);
        found.push(Profile { name, home, job: None, logs });
    }
    found.order_by(|a, b| (a.name != "default", &a.name).cmp(&(b.name != "default", &b.name)));
    found
}

/// The first of these names that is free, else the first one with a number appended.
fn unique(names: &[String], taken: &mut BTreeSet<String>) -> String {
    let free = |name: &&String| !name.is_empty() && !taken.contains(*name);
    let name = names.iter().find(free).cloned().unwrap_or_else(|| {
        let stem = names.iter().find(|name| !name.is_empty()).map_or("profile", String::as_str);
        // one of these is free: there are more candidates than taken names
        (2..taken.len() + 3)
            .map(|n| format!("{stem}-{n}"))
            .find(|name| !taken.contains(name))
            .unwrap_or_default()
    });
    taken.insert(name.clone());
    name
}

/// The logs to follow, without duplicates.
///
/// Jobs that share a home write the same standard logs, whose lines do not say which job wrote them. A job with a log of its
/// own is judged by that alone; one without has only the shared ones.
fn logs(home: &Path, job: Option<&JobFile>, name: &str, shared: bool, access: Access) -> Vec<PathBuf> {
    let folder = home.join("logs");
    let standard: Vec<PathBuf> = STANDARD_LOGS.iter().map(|file| folder.join(file)).collect();
    let mut own: Vec<PathBuf> = Vec::new();
    if let Some(job) = job {
        own.extend(job.stdout.iter().chain(&job.stderr).cloned());
    }
    // a name of unknown origin must not lead out of the folder
    if !name.is_empty() && !name.contains('/') && !name.chars().any(char::is_control) {
        own.push(folder.join(format!("gateway-{name}.log")));
    }
    own.retain(|path| path != Path::new("/dev/null"));
    let exists = |path: &Path| access.exists(path).unwrap_or(false);
    let is_apart = |path: &PathBuf| !standard.contains(path) && (job_names(job, path) || exists(path));
    let apart = shared && own.iter().any(is_apart);
    let mut logs = if apart { Vec::new() } else { standard };
    if !shared {
        own.extend(
            BRIDGE_LOGS.iter().map(|log| home.join(log)).filter(|log| log.parent().is_some_and(exists)),
        );
    }
    for path in own {
        if !logs.contains(&path) {
            logs.push(path);
        }
    }
    logs
}

fn job_names(job: Option<&JobFile>, path: &Path) -> bool {
    job.is_some_and(|job| job.stdout.as_deref() == Some(path) || job.stderr.as_deref() == Some(path))
}
