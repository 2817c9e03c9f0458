//! The facts about this machine in a diagnosis, and the names that it must not contain.

use std::path::{Path, PathBuf};

use crate::evidence::anonymise::Facts;
use crate::evidence::process;
use crate::evidence::version::beside_program;
use crate::health::HermesVersion;
use crate::order::Order as _;
use crate::text::{self, Lang};
use crate::watcher::snapshot::ProfileView;

/// Most arguments of a command line that are searched for an interpreter.
const MAX_ARGUMENTS: usize = 20;

/// The names to remove, as far as the environment and the system know them.
pub(super) fn facts(user_home: &Path) -> Facts {
    let mut facts = Facts::default();
    facts.homes.push(user_home.to_path_buf());
    // a home behind a symbolic link has two names
    facts.homes.extend(user_home.canonicalize().ok().filter(|real| real != user_home));
    facts.users.extend(["USER", "LOGNAME"].iter().filter_map(|name| std::env::var(name).ok()));
    let folder = user_home.file_name().map(|name| name.to_string_lossy().into_owned());
    facts.users.extend(folder);
    facts.users.extend(full_name(&std::fs::read_to_string("/etc/passwd").unwrap_or_default(), user_home));
    facts.users.order();
    facts.users.dedup();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    facts.hosts.extend(host.split_once('.').map(|(short, _)| short.to_owned()));
    facts.hosts.push(host);
    facts
}

/// The full name of the user with this home, from the text of `/etc/passwd`. macOS does not list people there.
fn full_name(passwd: &str, home: &Path) -> Option<String> {
    passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find_map(|fields| {
        let name = fields.get(4)?.split(',').next()?.trim();
        (fields.get(5).is_some_and(|h| Path::new(h) == home) && name.contains(' ')).then(|| name.to_owned())
    })
}

/// The versions of hermes-agent and its Python, from the verdict and the virtual environment of the gateway's
/// interpreter. No program is run.
pub(super) fn gateway_versions(view: &ProfileView, lang: Lang) -> Vec<(String, String)> {
    let running = view.verdict.pid.and_then(process::look).map(|info| info.command).unwrap_or_default();
    let written =
        view.profile.job.iter().flat_map(|job| job.gateway_words.iter().chain(&job.arguments).cloned());
    let programs = running.into_iter().chain(written).map(PathBuf::from).filter(|word| word.is_absolute());
    let found = programs.take(MAX_ARGUMENTS).find_map(|program| beside_program(&program));
    let on_disk = found.as_ref().map(|found| HermesVersion { text: found.hermes.0.clone(), running: false });
    let hermes = view.verdict.version.clone().or(on_disk);
    let hermes = hermes.map(|version| ("hermes-agent".to_owned(), text::status::hermes(&version, lang)));
    hermes.into_iter().chain(found.map(|found| ("Python".to_owned(), found.python))).collect()
}

/// Versions and settings of the system, by name.
pub(super) fn system() -> Vec<(String, String)> {
    let name = rustix::system::uname();
    let mut found = vec![
        ("Gatelight".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        (
            "kernel".to_owned(),
            format!(
                "{} {} {}",
                name.sysname().to_string_lossy(),
                name.release().to_string_lossy(),
                name.machine().to_string_lossy()
            ),
        ),
    ];
    found.extend(distribution().map(|d| ("system".to_owned(), d)));
    for variable in ["LANG", "LC_ALL", "TZ"] {
        found.extend(std::env::var(variable).ok().map(|value| (variable.to_owned(), value)));
    }
    found
}

/// `PRETTY_NAME` of os-release.
#[cfg(not(target_os = "macos"))]
fn distribution() -> Option<String> {
    let text = std::fs::read_to_string("/etc/os-release").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim_matches('"').to_owned())
}

/// `ProductVersion` of the file that sw_vers(1) reads.
#[cfg(target_os = "macos")]
fn distribution() -> Option<String> {
    let value = plist::Value::from_file("/System/Library/CoreServices/SystemVersion.plist").ok()?;
    let version = value.as_dictionary()?.get("ProductVersion")?.as_string()?;
    Some(format!("macOS {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_this_machine() {
        let folder = tempfile::tempdir().unwrap();
        let facts = facts(folder.path());
        assert_eq!(facts.homes[0], folder.path());
        assert!(facts.hosts.iter().all(|h| !h.is_empty()) && !facts.hosts.is_empty());
        assert!(system().iter().any(|(name, _)| name == "Gatelight"));
    }

    #[test]
    fn full_names() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000:Bob Smith,,,:/home/bob:/bin/sh\nbroken\n";
        assert_eq!(full_name(passwd, "/home/bob".as_ref()), Some("Bob Smith".to_owned()));
        assert_eq!(full_name(passwd, "/root".as_ref()), None);
    }
}
