//! Hermes homes: which one a job uses, and those on disk that no job names.

use std::fs;
use std::path::{Path, PathBuf};

use super::{JobFile, Places, expand, files, words};

/// The log files of every home, in its `logs` folder.
pub const STANDARD_LOGS: [&str; 4] = ["agent.log", "errors.log", "gateway.log", "gateway.error.log"];
/// Longest name of a profile.
const LONGEST_NAME: usize = 64;

/// Whether this can be the name of a Hermes profile: `[a-z0-9][a-z0-9_-]{0,63}`.
pub fn is_profile_name(name: &str) -> bool {
    let good = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|c| good(*c))
        && bytes.len() <= LONGEST_NAME
        && bytes.iter().all(|c| good(*c) || matches!(c, b'_' | b'-'))
}

/// The home that a job's gateway uses: `--profile` below the root of `HERMES_HOME`, `HERMES_HOME`, else `~/.hermes`.
pub fn home_of(job: &JobFile, places: &Places) -> PathBuf {
    let set = job
        .env("HERMES_HOME")
        .filter(|home| !home.is_empty())
        .map(|home| lexical(&places.user_home.join(expand(home, &places.user_home))));
    let Some(profile) = words::profile_option(&job.gateway_words) else {
        return set.unwrap_or_else(|| places.hermes.clone());
    };
    let profile = profile.to_ascii_lowercase();
    // hermes_cli: a flag wins over HERMES_HOME, whose root is two folders up where it is a profile's
    let root = match &set {
        Some(home) => profile_of(home).map_or(home.as_path(), |(root, _)| root),
        None => places.hermes.as_path(),
    };
    let named = match profile.as_str() {
        "default" => root.to_path_buf(),
        name if is_profile_name(name) => root.join("profiles").join(name),
        _ => return set.unwrap_or_else(|| places.hermes.clone()),
    };
    match set {
        // Hermes refuses a profile that does not exist: believe the variable then
        Some(home)
            if profile != "default" && profile_of(&home).is_none() && !is_root(&home) && !named.is_dir() =>
        {
            home
        }
        _ => named,
    }
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

/// Homes on disk: `~/.hermes` and its profiles, where they look like a gateway's.
pub fn on_disk(places: &Places) -> Vec<PathBuf> {
    let mut homes = possible(places);
    homes.retain(|home| looks_like_home(home));
    homes
}

/// Where a home may lie: folders that may become one, and `~/.hermes`, there or not.
pub fn possible(places: &Places) -> Vec<PathBuf> {
    let mut homes = vec![places.hermes.clone()];
    let (profiles, _) = files::list(&places.hermes.join("profiles"), is_profile_name);
    homes.extend(profiles);
    homes
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

/// What tells two spellings of one folder apart from two folders.
pub fn identity(home: &Path) -> PathBuf {
    home.canonicalize().unwrap_or_else(|_| lexical(home))
}
