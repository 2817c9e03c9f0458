//! Facts about the system and the session, for [`crate::ui::menu_bar`].

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{env, io};

use objc2::MainThreadMarker;
use objc2_app_kit::NSScreen;
use objc2_foundation::{NSProcessInfo, NSRect, NSString, NSUserDefaults};
use objc2_security::{SessionAttributeBits, SessionGetInfo, callerSecuritySession};

use crate::ui::menu_bar::bundle::{behind_link, in_app};
use crate::ui::menu_bar::session::Session;
use crate::ui::menu_bar::visibility::{Rect, Screen, Setting};

/// The facts that decide whether an icon is possible. Does not call AppKit, which aborts without a window server.
pub(super) fn session() -> Session {
    Session { graphic: has_graphic_access(), in_app: in_app(), macos: version() }
}

/// Whether the session reaches the window server
/// (<https://developer.apple.com/documentation/security/sessiongetinfo>). If the call fails, access is assumed, and
/// AppKit decides.
fn has_graphic_access() -> bool {
    let mut id = 0;
    let mut attributes = SessionAttributeBits::empty();
    // SAFETY: both pointers are valid for the call, which only writes through them.
    let status = unsafe { SessionGetInfo(callerSecuritySession, &raw mut id, &raw mut attributes) };
    status != 0 || attributes.contains(SessionAttributeBits::sessionHasGraphicAccess)
}

/// Major version of macOS
/// (<https://developer.apple.com/documentation/foundation/processinfo/operatingsystemversion>).
pub(super) fn version() -> u32 {
    let major = NSProcessInfo::processInfo().operatingSystemVersion().majorVersion;
    u32::try_from(major).unwrap_or(0)
}

/// If the program was started through a link outside its .app bundle, replaces this process by the program at its real
/// path, because the main bundle is found by the path of the executable
/// (<https://developer.apple.com/documentation/foundation/bundle/main>). Returns if there is nothing to do, or on
/// failure.
pub(in crate::ui) fn enter_app() -> io::Result<()> {
    let started = env::current_exe()?;
    let Some(program) = behind_link(&started, &started.canonicalize()?) else { return Ok(()) };
    // the new process is in the bundle, so this happens once
    Err(Command::new(program).args(env::args_os().skip(1)).exec())
}

/// The displays and their menu bars. Empty while the lid is closed and no other display is attached.
pub(super) fn screens(mtm: MainThreadMarker) -> Vec<Screen> {
    let screens = NSScreen::screens(mtm);
    screens
        .iter()
        .map(|screen| {
            let frame = rect(screen.frame());
            let visible = rect(screen.visibleFrame());
            // https://developer.apple.com/documentation/appkit/nsscreen/auxiliarytopleftarea: empty without a notch
            let (left, right) = (rect(screen.auxiliaryTopLeftArea()), rect(screen.auxiliaryTopRightArea()));
            let notched = screen.safeAreaInsets().top > 0.0 && left.width > 0.0 && right.width > 0.0;
            Screen {
                frame,
                notch: notched.then_some((left.x + left.width, right.x)),
                bar_hidden: visible.y + visible.height >= frame.y + frame.height,
            }
        })
        .collect()
}

/// Removes stored settings that would hide the icon. Must run before the icon is created, when AppKit reads them.
pub(super) fn clear_stale_settings(mtm: MainThreadMarker) {
    let widest = screens(mtm).iter().map(|screen| screen.frame.width).fold(0.0, f64::max);
    // without a display, no position can be judged
    if widest <= 0.0 {
        return;
    }
    let settings = NSUserDefaults::standardUserDefaults();
    for setting in Setting::ALL {
        let key = NSString::from_str(&setting.key());
        if settings.objectForKey(&key).is_some() && setting.is_stale(settings.doubleForKey(&key), widest) {
            settings.removeObjectForKey(&key);
        }
    }
}

pub(super) fn rect(from: NSRect) -> Rect {
    Rect { x: from.origin.x, y: from.origin.y, width: from.size.width, height: from.size.height }
}
