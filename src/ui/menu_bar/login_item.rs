//! Launch at Login on macOS: launchd's job in the .app, `SMAppService.agent`. As pure functions: what its status means,
//! what the menu item does, and what a start has to do so that launchd starts this run again after a crash.
//!
//! Not `SMAppService.mainApp`: the system starts the main app at login but never again after a crash, while launchd does
//! so for a job with `KeepAlive` (<https://developer.apple.com/documentation/servicemanagement/smappservice/register()>).
//! Not both: with two items in System Settings, switching off one of them would not be enough. The price:
//! - The system ends the process of a job that is unregistered
//!   (<https://developer.apple.com/documentation/servicemanagement/smappservice/unregister()>), so a running job unregisters
//!   itself only when it ends.
//! - launchd refuses the program of a newer build where the registration holds the signature of the older one
//!   (<https://github.com/gaixianggeng/mimi-remote/pull/25>), so a newer build registers itself again.

use crate::text::{Lang, desktop as say};
use crate::ui::menu::Login;

/// `SMAppService.Status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    NotRegistered,
    Enabled,
    RequiresApproval,
    NotFound,
}

/// Facts about the job and this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub status: Status,
    /// launchd runs this process as the job.
    pub is_job: bool,
    /// The user switched it off, and the process of the job has to unregister it when it ends.
    pub off_at_end: bool,
    /// The .app is still where it is at the next login.
    pub stays: bool,
}

/// What choosing the menu item does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Register,
    Unregister,
    UnregisterAtEnd,
    /// It is registered, and stays so.
    Keep,
    /// The user has to approve it in System Settings.
    OpenSettings,
    /// The .app does not stay where it is.
    Refuse,
}

/// What a start does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adoption {
    None,
    /// launchd must start its job, which takes over from this process.
    Start,
    /// The registration has to be made again, which starts the job too.
    RegisterAnew,
    Unregister,
}

/// What the menu shows.
///
/// Outside the App Store the status is `notFound` until the first `register`, which works
/// (<https://github.com/jul-sh/clipkitty/pull/154>, <https://github.com/sannidhyaroy/Soduto/pull/33>), though Apple's
/// documentation calls it an error. So `notFound` is off; a `register` that fails reports its own reason.
pub(crate) fn login(facts: Facts, lang: Lang) -> Login {
    match facts.status {
        // can be unregistered from anywhere
        Status::Enabled if !facts.off_at_end => Login::On,
        _ if !facts.stays => Login::Unavailable(lang.pick(say::MOVE_FIRST).to_owned()),
        Status::RequiresApproval => Login::NeedsApproval,
        Status::Enabled | Status::NotRegistered | Status::NotFound => Login::Off,
    }
}

/// What switching it on or off has to do.
pub(crate) fn change(facts: Facts, on: bool) -> Change {
    match (on, facts.status) {
        (true, Status::Enabled) => Change::Keep,
        (true, _) if !facts.stays => Change::Refuse,
        (true, Status::RequiresApproval) => Change::OpenSettings,
        (true, Status::NotRegistered | Status::NotFound) => Change::Register,
        (false, Status::Enabled) if facts.is_job => Change::UnregisterAtEnd,
        (false, _) => Change::Unregister,
    }
}

/// What a start has to do. A job that launchd could start needs nothing. `same_build`: this build made the registration.
pub(crate) fn adoption(facts: Facts, same_build: bool) -> Adoption {
    match facts.status {
        // the run that was to unregister it was killed
        Status::Enabled if facts.off_at_end => Adoption::Unregister,
        Status::Enabled if facts.is_job || !facts.stays => Adoption::None,
        Status::Enabled if !same_build => Adoption::RegisterAnew,
        Status::Enabled => Adoption::Start,
        Status::NotRegistered | Status::RequiresApproval | Status::NotFound => Adoption::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Enabled, NotFound, NotRegistered, RequiresApproval};

    /// Of an app in its place that the user opened.
    const fn opened(status: Status) -> Facts {
        Facts { status, is_job: false, off_at_end: false, stays: true }
    }

    const fn job(status: Status) -> Facts {
        Facts { is_job: true, ..opened(status) }
    }

    const fn on_image(status: Status) -> Facts {
        Facts { stays: false, ..opened(status) }
    }

    #[test]
    fn an_app_that_was_never_registered_is_off() {
        let move_first = || Login::Unavailable("move Gatelight to Applications first".to_owned());
        for (what, facts, expected) in [
            ("clipkitty #154, Soduto #33: a fresh install", opened(NotFound), Login::Off),
            ("registered once, then unregistered", opened(NotRegistered), Login::Off),
            ("on", job(Enabled), Login::On),
            ("switched off in System Settings", opened(RequiresApproval), Login::NeedsApproval),
            ("from a disk image", on_image(NotFound), move_first()),
            ("on, then started from a disk image", on_image(Enabled), Login::On),
            ("switched off in the running job", Facts { off_at_end: true, ..job(Enabled) }, Login::Off),
        ] {
            assert_eq!(login(facts, Lang::En), expected, "{what}");
        }
    }

    #[test]
    fn switching_it_off_ends_no_running_agent() {
        let off_at_end = Facts { off_at_end: true, ..job(Enabled) };
        for (what, facts, on, expected) in [
            ("a fresh install", opened(NotFound), true, Change::Register),
            ("switched off in System Settings", opened(RequiresApproval), true, Change::OpenSettings),
            ("from a disk image", on_image(NotFound), true, Change::Refuse),
            (
                "Apple: the system ends a job that is unregistered",
                job(Enabled),
                false,
                Change::UnregisterAtEnd,
            ),
            ("on again before the end", off_at_end, true, Change::Keep),
            ("opened, with the job registered", opened(Enabled), false, Change::Unregister),
            ("off, though it waits for approval", opened(RequiresApproval), false, Change::Unregister),
        ] {
            assert_eq!(change(facts, on), expected, "{what}");
        }
    }

    #[test]
    fn a_start_by_hand_is_watched_by_launchd_too() {
        for (what, facts, same_build, expected) in [
            ("off", opened(NotFound), true, Adoption::None),
            ("switched off in System Settings", opened(RequiresApproval), true, Adoption::None),
            ("at login", job(Enabled), true, Adoption::None),
            ("after Quit, opened again", opened(Enabled), true, Adoption::Start),
            (
                "mimi-remote #25: Launch Constraint Violation after an update",
                opened(Enabled),
                false,
                Adoption::RegisterAnew,
            ),
            ("an update that launchd could start", job(Enabled), false, Adoption::None),
            ("a disk image, with another copy registered", on_image(Enabled), false, Adoption::None),
            (
                "switched off, then killed",
                Facts { off_at_end: true, ..job(Enabled) },
                true,
                Adoption::Unregister,
            ),
        ] {
            assert_eq!(adoption(facts, same_build), expected, "{what}");
        }
    }
}
