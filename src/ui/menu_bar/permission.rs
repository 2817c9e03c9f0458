//! Whether macOS allows notifications, and if not, what the user can do.

use std::time::Duration;

/// Whether the system allows notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Allowed.
    Granted,
    /// The user turned them off in System Settings.
    Refused,
    /// The user has not answered the question of the system yet.
    NotAnswered,
    /// The system refused without asking the user, because it does not trust the signature of the app.
    NeverAsked,
    /// The program is not in an .app bundle.
    NoApp,
}

/// `UNAuthorizationStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    NotDetermined,
    Denied,
    /// Authorized or provisional.
    Authorized,
}

/// The request for permission and its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Status before the request.
    pub before: Status,
    /// The answer; `None` while the question is on the screen.
    pub granted: Option<bool>,
    /// Time until the answer.
    pub took: Duration,
}

/// No user reads the system's question and refuses it sooner than this. Our choice.
const NO_USER: Duration = Duration::from_millis(500);

/// The permission, from the current status and the request of this run.
///
/// macOS rejects a client whose signature it does not trust without ever asking: `requestAuthorization` answers at once
/// with UNErrorDomain 1, "Notifications are not allowed for this application"
/// (<https://github.com/termio-sh/termio/pull/124>). mac-usernotifications 0.3 passes on only the `false`, so this case is
/// recognized by the missing question: the status stays undetermined, or the refusal comes faster than any user.
pub(crate) fn permission(now: Status, asked: Option<Asked>) -> Permission {
    match (now, asked) {
        (Status::Authorized, _) => Permission::Granted,
        (Status::NotDetermined, Some(Asked { granted: Some(false), .. })) => Permission::NeverAsked,
        (Status::NotDetermined, _) => Permission::NotAnswered,
        (Status::Denied, Some(Asked { before: Status::NotDetermined, granted: Some(false), took }))
            if took < NO_USER =>
        {
            Permission::NeverAsked
        }
        (Status::Denied, _) => Permission::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Permission::{Granted, NeverAsked, NotAnswered, Refused};
    use Status::{Authorized, Denied, NotDetermined};

    #[test]
    fn a_refusal_by_the_system_is_no_refusal_by_the_user() {
        let asked = |before, granted, ms| Some(Asked { before, granted, took: Duration::from_millis(ms) });
        for (report, now, asked, expected) in [
            (
                "first start, the question stands",
                NotDetermined,
                asked(NotDetermined, None, 60_000),
                NotAnswered,
            ),
            ("first start, not asked yet", NotDetermined, None, NotAnswered),
            ("first start, allowed", Authorized, asked(NotDetermined, Some(true), 4_000), Granted),
            ("first start, refused", Denied, asked(NotDetermined, Some(false), 4_000), Refused),
            ("later starts, allowed", Authorized, asked(Authorized, Some(true), 3), Granted),
            ("later starts, refused", Denied, asked(Denied, Some(false), 3), Refused),
            ("allowed in System Settings meanwhile", Authorized, asked(Denied, Some(false), 3), Granted),
            ("refused in System Settings meanwhile", Denied, asked(Authorized, Some(true), 3), Refused),
            (
                "termio #124: ad-hoc signed, rejected at once",
                NotDetermined,
                asked(NotDetermined, Some(false), 8),
                NeverAsked,
            ),
            (
                "nikeplusdash/Fetch #26: ad-hoc, never in the settings",
                NotDetermined,
                asked(NotDetermined, Some(false), 20),
                NeverAsked,
            ),
            (
                "dotnet/macios #9829: unsigned, false and no dialogue",
                Denied,
                asked(NotDetermined, Some(false), 12),
                NeverAsked,
            ),
        ] {
            assert_eq!(permission(now, asked), expected, "{report}");
        }
    }
}
