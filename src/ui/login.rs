//! Launch at login: an autostart file on Linux, `SMAppService` on macOS 13 and later.

#[cfg(not(target_os = "macos"))]
pub use autostart::{set, state};
#[cfg(target_os = "macos")]
pub use service::{set, state};

/// The Desktop Application Autostart Specification 0.5.
#[cfg(not(target_os = "macos"))]
mod autostart {
    use std::fs;
    use std::io::{self, ErrorKind};
    use std::path::{Path, PathBuf};

    use crate::text::{Lang, desktop as say};
    use crate::ui::menu::Login;

    const FILE: &str = "gatelight.desktop";

    /// Whether the file is there and not switched off by the desktop's own settings.
    pub fn state(autostart: &Path, lang: Lang) -> Login {
        if own_path().is_none() {
            return Login::Unavailable(lang.pick(say::NO_PATH).to_owned());
        }
        match fs::read_to_string(autostart.join(FILE)) {
            Ok(text)
                if text
                    .lines()
                    .any(|l| matches!(l.trim(), "Hidden=true" | "X-GNOME-Autostart-enabled=false")) =>
            {
                Login::Off
            }
            Ok(_) => Login::On,
            Err(e) if e.kind() == ErrorKind::NotFound => Login::Off,
            Err(e) => Login::Unavailable(e.to_string()),
        }
    }

    /// Writes the file, or removes it.
    pub fn set(autostart: &Path, on: bool) -> io::Result<()> {
        let file = autostart.join(FILE);
        if on {
            let own = own_path().ok_or(ErrorKind::NotFound)?;
            fs::create_dir_all(autostart)?;
            fs::write(file, entry(&own))
        } else {
            match fs::remove_file(file) {
                Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            }
        }
    }

    fn own_path() -> Option<PathBuf> {
        std::env::current_exe().ok().filter(|p| p.is_file())
    }

    fn entry(program: &Path) -> String {
        format!(
            "[Desktop Entry]\nType=Application\nName=Gatelight\nComment=A status light for every Hermes Gateway profile\n\
             Comment[zh_CN]=为本机每个 Hermes Gateway profile 显示一盏状态灯\nExec={}\nTerminal=false\nNoDisplay=true\n",
            quoted(&program.to_string_lossy())
        )
    }

    /// One argument of `Exec` (Desktop Entry Specification 1.5, "The Exec key"): quoted, with the reserved characters
    /// escaped, then escaped once more as a string; a percent sign is doubled.
    fn quoted(text: &str) -> String {
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '`' | '$' => out.extend(['\\', '\\', c]),
                '\\' => out.push_str("\\\\\\\\"),
                '%' => out.push_str("%%"),
                c => out.push(c),
            }
        }
        out.push('"');
        out
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_file_comes_and_goes() {
            let folder = tempfile::tempdir().unwrap();
            let autostart = folder.path().join("a/autostart");
            assert_eq!(state(&autostart, Lang::En), Login::Off);
            set(&autostart, false).unwrap();
            set(&autostart, true).unwrap();
            assert_eq!(state(&autostart, Lang::En), Login::On);
            let text = fs::read_to_string(autostart.join(FILE)).unwrap();
            let own = std::env::current_exe().unwrap();
            assert!(text.contains(&format!("Exec=\"{}\"\n", own.display())), "{text}");
            fs::write(autostart.join(FILE), format!("{text}Hidden=true\n")).unwrap();
            assert_eq!(state(&autostart, Lang::En), Login::Off, "the desktop switched it off");
            set(&autostart, true).unwrap();
            assert_eq!(state(&autostart, Lang::En), Login::On);
            set(&autostart, false).unwrap();
            assert_eq!(state(&autostart, Lang::En), Login::Off);
        }

        #[test]
        fn a_path_stays_one_argument() {
            assert_eq!(quoted("/a b/100%/$x"), "\"/a b/100%%/\\\\$x\"");
            assert_eq!(quoted("/q\"\\"), "\"/q\\\\\"\\\\\\\\\"");
        }
    }
}

/// `SMAppService.mainApp`: <https://developer.apple.com/documentation/servicemanagement/smappservice>.
#[cfg(target_os = "macos")]
mod service {
    use std::io;
    use std::path::Path;

    use objc2::rc::Retained;
    use objc2::runtime::AnyClass;
    use objc2_service_management::{SMAppService, SMAppServiceStatus};

    use crate::text::{Lang, desktop as say};
    use crate::ui::menu::Login;
    use crate::ui::menu_bar::bundle::stays;
    use crate::ui::menu_bar::login_item::{Status, login};

    /// The state of the login item. The folder is not used.
    pub fn state(_autostart: &Path, lang: Lang) -> Login {
        let Some(service) = service() else {
            return Login::Unavailable(lang.pick(say::NEEDS_13).to_owned());
        };
        let stays = std::env::current_exe().is_ok_and(|exe| stays(&exe));
        login(status(&service), stays, lang)
    }

    /// Registers the app, or takes that back. Where it is registered and the user has to approve it, that page of System
    /// Settings opens. From a place in which the app does not stay it is refused.
    pub fn set(_autostart: &Path, on: bool) -> io::Result<()> {
        let service = service().ok_or(io::ErrorKind::Unsupported)?;
        if on && !std::env::current_exe().is_ok_and(|exe| stays(&exe)) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if on && status(&service) == Status::RequiresApproval {
            // SAFETY: it takes nothing and returns nothing
            // (https://developer.apple.com/documentation/servicemanagement/smappservice/opensystemsettingsloginitems()).
            unsafe { SMAppService::openSystemSettingsLoginItems() };
            return Ok(());
        }
        // SAFETY: both return an error instead of raising an exception
        // (https://developer.apple.com/documentation/servicemanagement/smappservice/register(),
        // https://developer.apple.com/documentation/servicemanagement/smappservice/unregister()).
        let result =
            unsafe { if on { service.registerAndReturnError() } else { service.unregisterAndReturnError() } };
        result.map_err(|e| io::Error::other(e.localizedDescription().to_string()))
    }

    fn status(service: &SMAppService) -> Status {
        // SAFETY: `status` only reads
        // (https://developer.apple.com/documentation/servicemanagement/smappservice/status-swift.property).
        match unsafe { service.status() } {
            SMAppServiceStatus::Enabled => Status::Enabled,
            SMAppServiceStatus::RequiresApproval => Status::RequiresApproval,
            SMAppServiceStatus::NotFound => Status::NotFound,
            _ => Status::NotRegistered,
        }
    }

    /// The class is there from macOS 13 on; naming it on an older system would end the process.
    fn service() -> Option<Retained<SMAppService>> {
        AnyClass::get(c"SMAppService")?;
        // SAFETY: the class exists; `mainApp` has no other condition
        // (https://developer.apple.com/documentation/servicemanagement/smappservice/mainapp).
        Some(unsafe { SMAppService::mainAppService() })
    }
}
