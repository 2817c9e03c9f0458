//! Whether the program is in an .app, and whether the .app stays where it is.

use std::env;
use std::path::{Path, PathBuf};

use crate::files;

/// The .app that this executable is the program of: `X.app/Contents/MacOS/program`.
pub(crate) fn app_of(exe: &Path) -> Option<PathBuf> {
    let mut folders = exe.ancestors().skip(1);
    let program_folder = folders.next()?;
    let app = folders.nth(1)?;
    let is_app = program_folder.ends_with("Contents/MacOS") && app.extension().is_some_and(|e| e == "app");
    is_app.then(|| app.to_path_buf())
}

/// Whether this program is in an .app.
pub(crate) fn in_app() -> bool {
    env::current_exe().is_ok_and(|exe| app_of(&exe).is_some())
}

/// The build number of the .app bundle of this executable: `CFBundleVersion`.
pub(crate) fn build_of(exe: &Path) -> Option<String> {
    let info = app_of(exe)?.join("Contents/Info.plist");
    let info = plist::Value::from_reader_xml(files::open(&info).ok()?).ok()?;
    Some(info.as_dictionary()?.get("CFBundleVersion")?.as_string()?.to_owned())
}

/// The executable to start instead of this one. A process that was started through a symbolic link from outside (`binary`
/// of a Homebrew cask) has no bundle, and so neither an icon on macOS 26 nor notifications
/// (<https://github.com/tauri-apps/tray-icon/issues/273>). `started` is the path by which the process was started,
/// `resolved` the same without links.
pub(crate) fn behind_link(started: &Path, resolved: &Path) -> Option<PathBuf> {
    (app_of(started).is_none() && app_of(resolved).is_some()).then(|| resolved.to_path_buf())
}

/// Whether the app is still there at the next login: neither in a disk image nor in the folder to which Gatekeeper moves
/// a quarantined app while it runs.
pub(crate) fn stays(exe: &Path) -> bool {
    app_of(exe).is_some_and(|app| {
        let text = app.to_string_lossy();
        !text.contains("/AppTranslocation/") && !text.starts_with("/Volumes/")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "/Applications/Gatelight.app/Contents/MacOS/gatelight";

    #[test]
    fn a_program_is_found_in_its_app() {
        for (path, in_app, at_login) in [
            (APP, true, true),
            ("/Users/a/Applications/Gatelight.app/Contents/MacOS/gatelight", true, true),
            (
                "/private/var/folders/x/AppTranslocation/y/d/Gatelight.app/Contents/MacOS/gatelight",
                true,
                false,
            ),
            ("/Volumes/Gatelight/Gatelight.app/Contents/MacOS/gatelight", true, false),
            ("/usr/local/bin/gatelight", false, false),
            ("/x/Contents/MacOS/gatelight", false, false),
            ("/x/Gatelight.app/Contents/Helpers/gatelight", false, false),
            ("/x/Gatelight.app/Contents/MacOS/deep/gatelight", false, false),
            ("gatelight", false, false),
        ] {
            assert_eq!(app_of(Path::new(path)).is_some(), in_app, "{path}");
            assert_eq!(stays(Path::new(path)), at_login, "{path}");
        }
    }

    #[test]
    fn a_link_of_homebrew_leads_to_the_app() {
        for (started, resolved, expected) in [
            ("/opt/homebrew/bin/gatelight", APP, Some(APP)),
            (APP, APP, None),
            ("/opt/homebrew/bin/gatelight", "/opt/homebrew/Cellar/gatelight/0.1.0/bin/gatelight", None),
            ("/Applications/Alias.app/Contents/MacOS/gatelight", APP, None),
        ] {
            let found = behind_link(Path::new(started), Path::new(resolved));
            assert_eq!(found.as_deref(), expected.map(Path::new), "{started}");
        }
    }
}
