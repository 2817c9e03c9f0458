//! The meaning of the status of `SMAppService.mainApp`.

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

/// What the menu shows. `stays`: the app is still where it is at the next login.
///
/// Outside the App Store the status is `notFound` until the first `register`, which works
/// (<https://github.com/jul-sh/clipkitty/pull/154>, <https://github.com/sannidhyaroy/Soduto/pull/33>), though Apple's
/// documentation calls it an error. So `notFound` is off; a `register` that fails reports its own reason.
pub(crate) fn login(status: Status, stays: bool, lang: Lang) -> Login {
    match status {
        // can be unregistered from anywhere
        Status::Enabled => Login::On,
        _ if !stays => Login::Unavailable(lang.pick(say::MOVE_FIRST).to_owned()),
        Status::RequiresApproval => Login::NeedsApproval,
        Status::NotRegistered | Status::NotFound => Login::Off,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_that_was_never_registered_is_off() {
        let move_first = || Login::Unavailable("move Gatelight to Applications first".to_owned());
        for (what, status, stays, expected) in [
            ("clipkitty #154, Soduto #33: a fresh install", Status::NotFound, true, Login::Off),
            ("registered once, then unregistered", Status::NotRegistered, true, Login::Off),
            ("on", Status::Enabled, true, Login::On),
            ("switched off in System Settings", Status::RequiresApproval, true, Login::NeedsApproval),
            ("from a disk image", Status::NotFound, false, move_first()),
            ("on, then started from a disk image", Status::Enabled, false, Login::On),
        ] {
            assert_eq!(login(status, stays, Lang::En), expected, "{what}");
        }
    }
}
