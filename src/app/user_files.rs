//! Files that the menu writes: its switches, an initial settings file, the manual.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::config::TEMPLATE;
use crate::files;
use crate::text::{Lang, Phrase};

/// The manual, for the menu.
const READMES: Phrase = [include_str!("../../README.md"), include_str!("../../README.zh-CN.md")];

/// A choice that is stored as a file in the data folder, which exists or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Switch(&'static str);

/// Notifications are switched off in the menu.
pub(crate) const NOTIFICATIONS_OFF: Switch = Switch("notifications-off");
/// The icon shows the worst light only.
pub(crate) const WORST_ONLY: Switch = Switch("icon-shows-worst");
/// The first start was announced.
pub(crate) const WELCOMED: Switch = Switch("welcomed");

/// Launch at Login was switched off in a run that can only unregister it at its end (macOS).
#[cfg_attr(not(target_os = "macos"), allow(dead_code))]
pub(crate) const LOGIN_OFF_AT_END: Switch = Switch("login-off-at-end");

impl Switch {
    pub(crate) fn is_set(self, data: &Path) -> bool {
        data.join(self.0).exists()
    }

    pub(crate) fn set(self, data: &Path, on: bool) -> io::Result<()> {
        let file = data.join(self.0);
        if on {
            files::create_folder(data)?;
            return fs::write(file, "");
        }
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Creates a settings file to edit, atomically, unless there is one. Returns whether it was created.
pub(crate) fn create_settings(file: &Path) -> io::Result<bool> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    files::create_folder(folder)?;
    // the error of `tempfile` names its temporary file
    let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(|error| error.kind())?;
    beside.write_all(TEMPLATE.as_bytes())?;
    match beside.persist_noclobber(file) {
        Ok(_) => Ok(true),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

/// The manual's file in the data folder.
pub(crate) fn readme(data: &Path) -> PathBuf {
    data.join("README.md")
}

/// Writes the manual of this version, in this language.
pub(crate) fn write_readme(file: &Path, lang: Lang) -> io::Result<()> {
    fs::write(file, manual(lang, env!("CARGO_PKG_REPOSITORY")))
}

/// The README of this language. Its links lead into the repository; while that has no owner they become plain text, since
/// the pages are not beside the file.
fn manual(lang: Lang, repository: &str) -> String {
    let mut out = String::new();
    let mut rest = lang.pick(READMES);
    while let Some((before, label, target, after)) = next_link(rest) {
        let picture = before.ends_with('!');
        let page = target.strip_prefix("../../");
        let url = match page {
            _ if target.contains("://") => Some(target.to_owned()),
            _ if repository.contains("/OWNER/") => None,
            Some(page) => Some(format!("{repository}/{page}")),
            None if picture => Some(format!("{repository}/raw/HEAD/{target}")),
            None => Some(format!("{repository}/blob/HEAD/{target}")),
        };
        match url {
            Some(url) => out.push_str(&[before, "[", label, "](", &url, ")"].concat()),
            None if picture => out.push_str(before.trim_end_matches('!')),
            None => out.push_str(&[before, label].concat()),
        }
        rest = after;
    }
    out + rest
}

/// The first link in a Markdown text: the text before it, its label, its target, the text after it.
fn next_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (head, rest) = text.split_once("](")?;
    let (target, after) = rest.split_once(')')?;
    let (before, label) = head.rsplit_once('[')?;
    Some((before, label, target, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_no_dead_links() {
        for lang in [Lang::En, Lang::Zh] {
            let plain = manual(lang, "https://github.com/OWNER/gatelight");
            assert!(!plain.contains("](") && !plain.contains("!["), "{plain}");
            assert!(plain.contains("gatelight doctor --fix"), "{plain}");
            let linked = manual(lang, "https://github.com/somebody/gatelight");
            let targets: Vec<&str> =
                linked.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
            assert!(targets.len() > 8, "{targets:?}");
            for target in &targets {
                assert!(target.starts_with("https://github.com/somebody/gatelight/"), "{target}");
                assert!(!target.contains(".."), "{target}");
            }
            assert!(targets.iter().any(|target| target.ends_with("/releases/latest")), "{targets:?}");
        }
        let [en, zh] = [Lang::En, Lang::Zh].map(|lang| manual(lang, "https://github.com/OWNER/gatelight"));
        assert!(en.contains("The four lights") && zh.contains("四种灯"));
    }
}
