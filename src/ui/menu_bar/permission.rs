//! Whether macOS lets us show notifications, and if not, what the way out is.

use std::time::Duration;

/// Whether the system lets us show notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Nothing is in the way.
    Granted,
    /// The user refused them in System Settings.
    Refused,
    /// The system's question is on the screen, or still to come.
    NotAnswered,
    /// The system refused by itself, without asking the user: it does not trust the app's signature.
    NeverAsked,
    /// The program does not lie in an .app.
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

/// What became of the question, where it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The status before.
    pub before: Status,
    /// The answer; `None` while the system's question stands on the screen.
    pub granted: Option<bool>,
    /// How long it took.
    pub took: Duration,
}

/// No user reads the system's question and refuses it sooner than this.
const NO_USER: Duration = Duration::from_millis(500);

/// The permission by the status now and by what became of the question in this run.
///
/// macOS rejects a client whose signature it does not trust without ever asking: `requestAuthorization` answers at once
/// with UNErrorDomain 1, "Notifications are not allowed for this application"
/// (<https://github.com/termio-sh/termio/pull/124>). mac-usernotifications 0.3 passes only the `false` on, so it is told
/// by the missing question: the status stays undetermined, or it is refused quicker than anybody reads.
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
