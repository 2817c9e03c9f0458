//! Hermes homes: which one a job uses, and those on disk that no job names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{ExtraHome, Found, JobFile, Places, Profile, command, expand, files};
use crate::order::Collect as _;

/// The log files of every home, in its `logs` folder.
pub const STANDARD_LOGS: [&str; 4] = ["agent.log", "errors.log", "gateway.log", "gateway.error.log"];

/// The logs of the bridge that holds the connection to WhatsApp, if a home uses it: the present layout, and the older one
/// (hermes-agent 0.19, plugins/platforms/whatsapp/adapter.py).
pub(super) const BRIDGE_LOGS: [&str; 2] = ["platforms/whatsapp/bridge.log", "whatsapp/bridge.log"];

/// Longest name of a profile.
const MAX_NAME: usize = 64;

/// Whether a search may touch the homes: one of them may be on a volume that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Allowed,
    Denied,
}

impl Access {
    /// Whether this path of a home exists; `None`: not known.
    pub(super) fn exists(self, path: &Path) -> Option<bool> {
        (self == Self::Allowed).then(|| path.exists())
    }

    /// Which folder a home is; without access only spellings that differ in `.` and slashes are the same.
    pub(super) fn identity(self, home: &Path) -> FolderId {
        match self {
            Self::Allowed => identity(home),
            Self::Denied => FolderId::Path(lexical(home)),
        }
    }
}

/// Whether this can be the name of a Hermes profile: `[a-z0-9][a-z0-9_-]{0,63}`.
pub fn is_profile_name(name: &str) -> bool {
    let good = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|c| good(*c))
        && bytes.len() <= MAX_NAME
        && bytes.iter().all(|c| good(*c) || matches!(c, b'_' | b'-'))
}

/// The home that a job's gateway uses: the one that its process shows, else `--profile` below the root of `HERMES_HOME`, else
/// `HERMES_HOME`, else `~/.hermes`.
pub(super) fn home_of(job: &JobFile, places: &Places, access: Access) -> PathBuf {
    if let Some(home) = places.job_homes.get(&job.label) {
        return home.clone();
    }
    let set = job
        .env("HERMES_HOME")
        .filter(|home| !home.is_empty())
        .map(|home| lexical(&places.user_home.join(expand(home, &places.user_home))));
    let Some(profile) = command::profile_option(&job.gateway_words) else {
        return set.unwrap_or_else(|| places.hermes.clone());
    };
    let profile = profile.to_ascii_lowercase();
    // hermes_cli: the option takes precedence over HERMES_HOME, whose root is two folders up if it is a profile's
    let root = match &set {
        Some(home) => root_of(home).unwrap_or(home),
        None => places.hermes.as_path(),
    };
    let named = match profile.as_str() {
        "default" => root.to_path_buf(),
        name if is_profile_name(name) => root.join("profiles").join(name),
        _ => return set.unwrap_or_else(|| places.hermes.clone()),
    };
    match set {
        // Hermes refuses a profile that does not exist: the variable counts then
        Some(home)
            if profile != "default"
                && profile_of(&home).is_none()
                && !is_root(&home)
                && access.exists(&named) == Some(false) =>
        {
            home
        }
        _ => named,
    }
}

/// Jobs that run the gateway of another home than their files say (a wrapper that chooses the profile itself): label and
/// home. A home is a job's if the PID in its `gateway.pid` is one of the job's processes, `is_of(job, pid)`.
pub fn by_pid(found: &Found, is_of: &dyn Fn(&JobFile, u32) -> bool) -> BTreeMap<String, PathBuf> {
    let jobs: Vec<&JobFile> = found.profiles.iter().filter_map(|profile| profile.job.as_ref()).collect();
    let without_job = found.profiles.iter().filter(|profile| profile.job.is_none());
    let own = |profile: &Profile| {
        let pid = gateway_pid(&profile.home)?;
        let job = jobs.iter().find(|job| is_of(job, pid))?;
        Some((job.label.clone(), profile.home.clone()))
    };
    without_job.filter_map(own).to_map()
}

/// The PID in a home's `gateway.pid`, whether that process is alive or not.
pub fn gateway_pid(home: &Path) -> Option<u32> {
    pid_file(home).map(|(pid, _)| pid)
}

/// PID and start time in a home's `gateway.pid`.
pub fn pid_file(home: &Path) -> Option<(u32, Option<u64>)> {
    let bytes = files::read(&home.join("gateway.pid")).ok()?;
    let written: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    let pid = u32::try_from(written.get("pid")?.as_u64()?).ok()?;
    Some((pid, written.get("start_time").and_then(serde_json::Value::as_u64)))
}

/// `(root, name)` of `root/profiles/name`.
pub fn profile_of(home: &Path) -> Option<(&Path, &str)> {
    let folder = home.parent()?;
    let name = home.file_name()?.to_str()?;
    (folder.file_name()? == "profiles").then_some((folder.parent()?, name))
}

fn is_root(home: &Path) -> bool {
    home.file_name().is_some_and(|name| name == ".hermes")
}

/// The name of a home: that of its profile, `default` for `~/.hermes`, else its folder's.
pub fn name_of_home(home: &Path, places: &Places) -> String {
    if home == places.hermes || is_root(home) {
        return "default".to_owned();
    }
    match profile_of(home) {
        Some((_, name)) => name.to_owned(),
        None => files::name_of(home).trim_start_matches('.').to_owned(),
    }
}

/// The root of a profile's home, `root/profiles/name`. Its gateway may serve the profile, and it has the files that all
/// profiles share.
pub fn root_of(home: &Path) -> Option<&Path> {
    profile_of(home).map(|(root, _)| root)
}

/// Homes on disk: `~/.hermes` and its profiles, as far as they look like a gateway's.
pub fn on_disk(places: &Places) -> Vec<PathBuf> {
    let mut homes = usual(places);
    homes.retain(|home| looks_like_home(home));
    homes
}

/// Folders to watch, because a home may appear in them.
pub fn possible(places: &Places) -> Vec<PathBuf> {
    let missing = extra(places).map(|(home, _)| home).filter(|home| !home.is_dir());
    let parents = missing.filter_map(|home| home.parent().map(Path::to_path_buf));
    usual(places).into_iter().chain(parents).collect()
}

/// `~/.hermes`, whether it exists or not, and the folders of its profiles.
fn usual(places: &Places) -> Vec<PathBuf> {
    std::iter::once(places.hermes.clone()).chain(profiles_below(&places.hermes)).collect()
}

/// The folders of the profiles below a home, at most [`files::MAX_FILES`].
pub fn profiles_below(root: &Path) -> Vec<PathBuf> {
    files::list(&root.join("profiles"), is_profile_name).0
}

/// Homes that the settings name, with their names.
pub fn extra(places: &Places) -> impl Iterator<Item = (PathBuf, Option<&String>)> {
    let home = |extra: &ExtraHome| lexical(&places.user_home.join(&extra.home));
    places.extra_homes.iter().map(move |extra| (home(extra), extra.name.as_ref()))
}

fn looks_like_home(home: &Path) -> bool {
    home.join("logs").is_dir()
        || ["gateway_state.json", "config.yaml", "config.yml", "config.json"]
            .iter()
            .any(|name| fs::metadata(home.join(name)).is_ok_and(|data| data.is_file()))
}

/// A path without `.` and doubled slashes; `..` stays, for it may lead through a link.
pub fn lexical(path: &Path) -> PathBuf {
    path.components().collect()
}

/// A folder, however its path is spelled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FolderId {
    /// Its device and inode.
    Inode(u64, u64),
    /// The lexical path of one that does not exist or may not be asked for.
    Path(PathBuf),
}

/// Which folder this is. Costs one call, where a canonical path costs one for each of its parts.
pub fn identity(home: &Path) -> FolderId {
    match crate::files::inode(home) {
        Ok((device, inode)) => FolderId::Inode(device, inode),
        Err(_) => FolderId::Path(lexical(home)),
    }
}
