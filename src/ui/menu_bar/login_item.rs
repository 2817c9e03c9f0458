//! Interprets the status of `SMAppService.mainApp`.

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

/// What the menu shows. `stays`: the app will be at the same path at the next login.
///
/// Before the first `register` the status is often `notFound`, because macOS has no record of the app yet; registering
/// works, so this counts as off. A failing `register` returns its own error.
pub(crate) fn login(status: Status, stays: bool, lang: Lang) -> Login {
    match status {
        // a registration can be removed from any path
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
            ("a fresh install, as macOS 13 to 26 report it", Status::NotFound, true, Login::Off),
            ("registered once and taken back", Status::NotRegistered, true, Login::Off),
            ("on", Status::Enabled, true, Login::On),
            ("switched off in System Settings", Status::RequiresApproval, true, Login::NeedsApproval),
            ("from a disk image", Status::NotFound, false, move_first()),
            ("on, and then started from a disk image", Status::Enabled, false, Login::On),
        ] {
            assert_eq!(login(status, stays, Lang::En), expected, "{what}");
        }
    }
}
