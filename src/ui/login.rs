//! Launch at login: an autostart file on Linux, a job of launchd on macOS 13 and later.

#[cfg(not(target_os = "macos"))]
pub use autostart::{set, state};
#[cfg(target_os = "macos")]
pub(crate) use service::{adopt, end};
#[cfg(target_os = "macos")]
pub use service::{set, state};

/// The Desktop Application Autostart Specification 0.5.
#[cfg(not(target_os = "macos"))]
mod autostart {
    use std::fs;
    use std::io::{self, ErrorKind};
    use std::path::PathBuf;

    use crate::config::Folders;
    use crate::files;
    use crate::text::trouble::NO_PROGRAM;
    use crate::text::{self, Lang};
    use crate::ui::menu::Login;

    const FILE: &str = "gatelight.desktop";

    /// Whether the file is there and not switched off by the desktop's own settings.
    pub fn state(folders: &Folders, lang: Lang) -> Login {
        if own_path().is_none() {
            return Login::Unavailable(lang.pick(NO_PROGRAM).to_owned());
        }
        match fs::read_to_string(folders.autostart.join(FILE)) {
            Ok(text)
                if text
                    .lines()
                    .any(|l| matches!(l.trim(), "Hidden=true" | "X-GNOME-Autostart-enabled=false")) =>
            {
                Login::Off
            }
            Ok(_) => Login::On,
            Err(e) if e.kind() == ErrorKind::NotFound => Login::Off,
            Err(e) => Login::Unavailable(text::error::io(lang, &e)),
        }
    }

    /// Writes the file, or removes it.
    pub fn set(folders: &Folders, on: bool) -> io::Result<()> {
        let autostart = &folders.autostart;
        let file = autostart.join(FILE);
        if on {
            let own = own_path().ok_or(ErrorKind::NotFound)?;
            files::create_folder(autostart)?;
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

    fn entry(program: &std::path::Path) -> String {
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
        fn the_file_is_created_and_removed() {
            let folder = tempfile::tempdir().unwrap();
            let folders =
                Folders { autostart: folder.path().join("a/autostart"), ..Folders::of_user(folder.path()) };
            let file = folders.autostart.join(FILE);
            assert_eq!(state(&folders, Lang::En), Login::Off);
            set(&folders, false).unwrap();
            set(&folders, true).unwrap();
            assert_eq!(state(&folders, Lang::En), Login::On);
            let text = fs::read_to_string(&file).unwrap();
            let own = std::env::current_exe().unwrap();
            assert!(text.contains(&format!("Exec=\"{}\"\n", own.display())), "{text}");
            fs::write(&file, format!("{text}Hidden=true\n")).unwrap();
            assert_eq!(state(&folders, Lang::En), Login::Off, "the desktop switched it off");
            set(&folders, true).unwrap();
            assert_eq!(state(&folders, Lang::En), Login::On);
            set(&folders, false).unwrap();
            assert_eq!(state(&folders, Lang::En), Login::Off);
        }

        #[test]
        fn a_path_stays_one_argument() {
            assert_eq!(quoted("/a b/100%/$x"), "\"/a b/100%%/\\\\$x\"");
            assert_eq!(quoted("/q\"\\"), "\"/q\\\\\"\\\\\\\\\"");
        }
    }
}

/// `SMAppService.agent`: <https://developer.apple.com/documentation/servicemanagement/smappservice/agent(plistname:)>. The
/// decisions are those of [`login_item`](crate::ui::menu_bar::login_item).
#[cfg(target_os = "macos")]
mod service {
    use std::path::Path;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;
    use std::{env, fs, io, thread};

    use block2::RcBlock;
    use objc2::rc::Retained;
    use objc2::runtime::AnyClass;
    use objc2_foundation::{NSError, NSString};
    use objc2_service_management::{SMAppService, SMAppServiceStatus};

    use crate::app::instance::{JOB, is_job};
    use crate::app::user_files::LOGIN_OFF_AT_END;
    use crate::config::Folders;
    use crate::supervisor::launchd::Launchd;
    use crate::text::{Lang, desktop as say};
    use crate::ui::menu::Login;
    use crate::ui::menu_bar::bundle::{build_of, in_app, stays};
    use crate::ui::menu_bar::login_item::{Adoption, Change, Facts, Status, adoption, change, login};

    /// How long the system may take to end a job that is unregistered.
    const UNREGISTER: Duration = Duration::from_secs(15);
    /// How long a start goes on before launchd's job takes over: a press on a notice that started the app waits for the
    /// first look at all profiles.
    const FIRST_LOOK: Duration = Duration::from_secs(5);
    /// The build that made the registration.
    const BUILD: &str = "login-item-build";

    /// The state of the login item.
    pub fn state(folders: &Folders, lang: Lang) -> Login {
        match service() {
            Some(service) => login(facts(&service, &folders.data), lang),
            None => Login::Unavailable(lang.pick(say::NEEDS_13).to_owned()),
        }
    }

    /// Registers the job, or takes that back. Where the user has to approve it, opens that page of System Settings.
    pub fn set(folders: &Folders, on: bool) -> io::Result<()> {
        let service = service().ok_or(io::ErrorKind::Unsupported)?;
        let data = &folders.data;
        match change(facts(&service, data), on) {
            Change::Register => register(&service, data),
            Change::Unregister => unregister(&service),
            Change::UnregisterAtEnd => LOGIN_OFF_AT_END.set(data, true),
            Change::Keep => LOGIN_OFF_AT_END.set(data, false),
            Change::OpenSettings => {
                // SAFETY: it takes nothing and returns nothing
                // (https://developer.apple.com/documentation/servicemanagement/smappservice/opensystemsettingsloginitems()).
                unsafe { SMAppService::openSystemSettingsLoginItems() };
                Ok(())
            }
            Change::Refuse => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Has launchd watch this run, on a thread: the system may take its time.
    pub(crate) fn adopt(data: &Path) {
        let data = data.to_path_buf();
        let work = move || {
            thread::sleep(FIRST_LOOK);
            if let Err(error) = try_to_adopt(&data) {
                tracing::warn!("login item: {error}");
            }
        };
        let started = thread::Builder::new().name("login-item".to_owned()).spawn(work);
        if let Err(error) = started {
            tracing::warn!("login item: {error}");
        }
    }

    /// At the end of this run: takes back what could not be taken back before.
    pub(crate) fn end(data: &Path) {
        if !LOGIN_OFF_AT_END.is_set(data) {
            return;
        }
        let done = service().map_or(Ok(()), |service| unregister(&service));
        if let Err(error) = done.and_then(|()| LOGIN_OFF_AT_END.set(data, false)) {
            tracing::warn!("login item: {error}");
        }
    }

    fn try_to_adopt(data: &Path) -> io::Result<()> {
        let Some(service) = service().filter(|_| in_app()) else { return Ok(()) };
        match adoption(facts(&service, data), same_build(data)) {
            Adoption::None if is_job() => store_build(data),
            Adoption::None => Ok(()),
            // unregistered by the system while its status says otherwise: https://github.com/AprilNEA/OpenLogi/pull/1303
            Adoption::Start => {
                Launchd::from_environment().kickstart(JOB).or_else(|_| register_anew(&service, data))
            }
            Adoption::RegisterAnew => register_anew(&service, data),
            Adoption::Unregister => {
                LOGIN_OFF_AT_END.set(data, false)?;
                unregister(&service)
            }
        }
    }

    fn facts(service: &SMAppService, data: &Path) -> Facts {
        let exe = env::current_exe().unwrap_or_default();
        Facts {
            status: status(service),
            is_job: is_job(),
            off_at_end: LOGIN_OFF_AT_END.is_set(data),
            stays: stays(&exe),
        }
    }

    /// Whether this build made the registration.
    fn same_build(data: &Path) -> bool {
        fs::read_to_string(data.join(BUILD)).is_ok_and(|build| build == own_build())
    }

    fn own_build() -> String {
        env::current_exe().ok().and_then(|exe| build_of(&exe)).unwrap_or_default()
    }

    fn store_build(data: &Path) -> io::Result<()> {
        fs::write(data.join(BUILD), own_build())
    }

    fn register(service: &SMAppService, data: &Path) -> io::Result<()> {
        // SAFETY: it returns an error instead of raising an exception
        // (https://developer.apple.com/documentation/servicemanagement/smappservice/register()).
        unsafe { service.registerAndReturnError() }.map_err(|e| error(&e))?;
        LOGIN_OFF_AT_END.set(data, false)?;
        store_build(data)
    }

    fn unregister(service: &SMAppService) -> io::Result<()> {
        // SAFETY: as above
        // (https://developer.apple.com/documentation/servicemanagement/smappservice/unregister()).
        unsafe { service.unregisterAndReturnError() }.map_err(|e| error(&e))
    }

    /// Registers again only after the system has ended the old job, as Apple asks for
    /// (<https://developer.apple.com/documentation/servicemanagement/smappservice/unregister(completionhandler:)>); before
    /// that it is refused with "Operation not permitted" (<https://developer.apple.com/forums/thread/768592>).
    fn register_anew(service: &SMAppService, data: &Path) -> io::Result<()> {
        let (done, ended) = sync_channel(1);
        let block = RcBlock::new(move |_: *mut NSError| {
            let _gave_up = done.try_send(());
        });
        // SAFETY: the block is copied by the callee, and what it holds is Send.
        unsafe { service.unregisterWithCompletionHandler(&block) };
        let _gave_up = ended.recv_timeout(UNREGISTER);
        register(service, data)
    }

    fn error(error: &NSError) -> io::Error {
        io::Error::other(error.localizedDescription().to_string())
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

    /// The class exists from macOS 13 on; naming it on an older system would end the process.
    fn service() -> Option<Retained<SMAppService>> {
        AnyClass::get(c"SMAppService")?;
        let name = NSString::from_str(&format!("{JOB}.plist"));
        // SAFETY: the class exists; a plist that is missing is reported by `status` and `register`.
        Some(unsafe { SMAppService::agentServiceWithPlistName(&name) })
    }
}
