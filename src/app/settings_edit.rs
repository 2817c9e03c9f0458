//! Changes the settings file for the menu. Only the changed key is written: comments, order and everything else stay as
//! the user wrote them.

use std::fs::Permissions;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, TableLike, TomlError, Value};

use crate::config::{Config, MAX_FILE_BYTES, TEMPLATE, below_home};
use crate::files;
use crate::profile::{Profile, lexical};
use crate::text::error::{self, Context as _};

/// Ignores a link of a profile, or watches it again. `user_home` replaces a leading `~/` in paths.
///
/// Fails if the file has a mistake; the file is not changed then. A missing file is created from the template.
pub(crate) fn ignore_link(
    file: &Path,
    user_home: &Path,
    profile: &Profile,
    platform: &str,
    ignore: bool,
) -> error::Result<()> {
    Config::load(file, user_home)?;
    let text = match files::read(file, MAX_FILE_BYTES) {
        // `load` checked that it is UTF-8
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => TEMPLATE.to_owned(),
        Err(error) => return Err(error).context(file.display().to_string()),
    };
    let new = with_ignored(&text, user_home, profile, platform, ignore)
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
        .context(file.display().to_string())?;
    // do not write what the agent would refuse
    Config::parse(&new, file, user_home)?;
    replace(file, &new).context(file.display().to_string())
}

/// The text with the platform among the ignored ones of the profile, or without it.
fn with_ignored(
    text: &str,
    user_home: &Path,
    profile: &Profile,
    platform: &str,
    ignore: bool,
) -> Result<String, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let mut entries = entries(&mut document);
    entries.retain(|entry| is_about(*entry, user_home, profile));
    if !ignore {
        for entry in entries {
            watch(entry, platform);
        }
        return Ok(document.to_string());
    }
    if let Some(entry) = entries.into_iter().next() {
        add(entry, platform);
        return Ok(document.to_string());
    }
    if let Some(Item::Value(Value::Array(inline))) = document.get_mut("profiles") {
        let mut entry = toml_edit::InlineTable::new();
        entry.insert("name", Value::from(&*profile.name));
        add(&mut entry, platform);
        inline.push(entry);
        return Ok(document.to_string());
    }
    let [name, platform] = [&*profile.name, platform].map(|text| Value::from(text).to_string());
    let line_end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{text}{line_end}\n[[profiles]]\nname = {name}\nignore = [{platform}]\n"))
}

/// The entries of `profiles`, however they are written.
fn entries(document: &mut DocumentMut) -> Vec<&mut dyn TableLike> {
    match document.get_mut("profiles") {
        Some(Item::ArrayOfTables(tables)) => {
            tables.iter_mut().map(|table| -> &mut dyn TableLike { table }).collect()
        }
        Some(Item::Value(Value::Array(array))) => {
            let inline = array.iter_mut().filter_map(Value::as_inline_table_mut);
            inline.map(|table| -> &mut dyn TableLike { table }).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether the entry has the home of this profile or, without a home, its name.
fn is_about(entry: &dyn TableLike, user_home: &Path, profile: &Profile) -> bool {
    let text = |key| entry.get(key).and_then(Item::as_str);
    match text("home").map(Path::new) {
        Some(home) => lexical(&below_home(home, user_home)) == lexical(&profile.home),
        None => text("name") == Some(&profile.name),
    }
}

fn add(entry: &mut dyn TableLike, platform: &str) {
    match entry.get_mut("ignore").and_then(Item::as_array_mut) {
        Some(ignored) if ignored.iter().any(|name| name.as_str() == Some(platform)) => {}
        Some(ignored) => ignored.push(platform),
        None => {
            entry.insert("ignore", toml_edit::value(Array::from_iter([platform])));
        }
    }
}

fn watch(entry: &mut dyn TableLike, platform: &str) {
    let Some(ignored) = entry.get_mut("ignore").and_then(Item::as_array_mut) else { return };
    ignored.retain(|name| name.as_str() != Some(platform));
    // an entry with nothing but a name has no effect, and is kept for the comments above it
    if ignored.is_empty() {
        entry.remove("ignore");
    }
}

/// Replaces the file atomically. If it is a symlink, its target is replaced.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = &file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    let folder = file.parent().unwrap_or(Path::new("/"));
    files::create_folder(folder)?;
    let mut new = tempfile::Builder::new().prefix(".config-").tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    // secrets may be added to a new file, and are accepted only if no other user can read it
    let mode = std::fs::metadata(file).map_or(0o600, |old| old.permissions().mode());
    new.as_file().set_permissions(Permissions::from_mode(mode & 0o777))?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::text::Lang;

    fn profile() -> Profile {
        Profile {
            name: "work".into(),
            home: PathBuf::from("/u/.hermes/profiles/work"),
            job: None,
            logs: Vec::new(),
        }
    }

    fn edited(text: &str, platform: &str, ignore: bool) -> String {
        with_ignored(text, Path::new("/u"), &profile(), platform, ignore).unwrap()
    }

    #[test]
    fn only_the_key_changes() {
        let others =
            "# mine\nlanguage = \"en\" # English\n\n[[profiles]]\nhome = \"/srv\"\nname = \"other\"\n";
        for (before, after) in [
            ("", "\n[[profiles]]\nname = \"work\"\nignore = [\"slack\"]\n"),
            (others, &*format!("{others}\n[[profiles]]\nname = \"work\"\nignore = [\"slack\"]\n")),
            (
                "[[profiles]] # a\nname = \"work\" # b\n\n[icon] # c\nlights = \"worst\"\n",
                "[[profiles]] # a\nname = \"work\" # b\nignore = [\"slack\"]\n\n[icon] # c\nlights = \"worst\"\n",
            ),
            (
                "[[profiles]]\nhome = \"~/.hermes/profiles//work/\"\nignore = [\n  \"qqbot\", # old\n]\n",
                "[[profiles]]\nhome = \"~/.hermes/profiles//work/\"\nignore = [\n  \"qqbot\", \"slack\", # old\n]\n",
            ),
            (
                "profiles = [{ home = \"/srv\" }]\n",
                "profiles = [{ home = \"/srv\" }, { name = \"work\", ignore = [\"slack\"] }]\n",
            ),
            (
                "[[profiles]]\nname = \"work\"\nignore = [\"slack\"]\n",
                "[[profiles]]\nname = \"work\"\nignore = [\"slack\"]\n",
            ),
        ] {
            assert_eq!(edited(before, "slack", true), after);
        }
        for (before, after) in [
            (
                "# a\n[[profiles]]\nname = \"work\"\nignore = [\"slack\"] # b\n",
                "# a\n[[profiles]]\nname = \"work\"\n",
            ),
            (
                "profiles = [{ name = \"work\", ignore = [\"qqbot\", \"slack\"] }]\n",
                "profiles = [{ name = \"work\", ignore = [\"qqbot\"] }]\n",
            ),
            (others, others),
        ] {
            assert_eq!(edited(before, "slack", false), after);
        }
    }

    #[test]
    fn the_file_is_replaced_whole_and_says_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dotfiles/config.toml");
        let link = folder.path().join("config.toml");
        std::fs::create_dir(folder.path().join("dotfiles")).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let ignored = |link: &Path| {
            let config = Config::load(link, Path::new("/u")).unwrap();
            config.profiles.into_iter().flat_map(|profile| profile.ignore).collect::<Vec<_>>()
        };
        std::fs::write(&file, TEMPLATE).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        ignore_link(&link, Path::new("/u"), &profile(), "slack", true).unwrap();
        ignore_link(&link, Path::new("/u"), &profile(), "telegram", true).unwrap();
        assert_eq!(ignored(&link), ["slack", "telegram"]);
        assert!(std::fs::read_to_string(&file).unwrap().starts_with(TEMPLATE));
        assert!(link.is_symlink());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        ignore_link(&link, Path::new("/u"), &profile(), "slack", false).unwrap();
        assert_eq!(ignored(&link), ["telegram"]);
        let missing = folder.path().join("new/config.toml");
        ignore_link(&missing, Path::new("/u"), &profile(), "slack", true).unwrap();
        assert_eq!(ignored(&missing), ["slack"]);
        let mode = |file: &Path| std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&missing), 0o600);
    }

    #[test]
    fn a_file_with_secrets_stays_readable_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let channel = "[[channel]]\nname = \"c\"\nkind = \"ntfy\"\ntopic = \"q7secretq7\"\n";
        std::fs::write(&file, channel).unwrap();
        let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        ignore_link(&file, Path::new("/u"), &profile(), "slack", true).unwrap();
        assert_eq!(mode(), 0o600);
        assert!(std::fs::read_to_string(&file).unwrap().starts_with(channel));
        // a file that other users can read is an error before anything is written, and its secret is not shown
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let error = ignore_link(&file, Path::new("/u"), &profile(), "slack", false).unwrap_err();
        let error = error.text(Lang::En);
        assert!(error.contains("chmod 600") && !error.contains("q7secretq7"), "{error}");
    }

    #[test]
    fn a_failed_write_is_reported_and_keeps_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        for text in ["[icon]\nlights = 3\n", "no = [\n", "unknown = 1\n"] {
            std::fs::write(&file, text).unwrap();
            let error = ignore_link(&file, Path::new("/u"), &profile(), "slack", true).unwrap_err();
            let error = error.text(Lang::En);
            assert!(error.contains("config.toml"), "{error}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
        let below_a_file = file.join("config.toml");
        assert!(ignore_link(&below_a_file, Path::new("/u"), &profile(), "slack", true).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }
}
