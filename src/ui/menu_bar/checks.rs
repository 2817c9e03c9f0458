//! When to check whether the icon can be seen: 5 s and 15 s after the start and after each change of a display. Control
//! Center needs time to place an item, and an icon without a place is not hidden: a result counts only if both checks
//! agree.

use jiff::{SignedDuration, Timestamp};

use super::visibility::Hidden;

/// The times of the checks. Our choice: no report gives the time that Control Center needs.
const AFTER: [SignedDuration; 2] = [SignedDuration::from_secs(5), SignedDuration::from_secs(15)];

/// What a check finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visibility {
    /// The icon can be seen, or it is not known.
    #[default]
    Visible,
    /// The icon is hidden.
    Hidden(Hidden),
}

/// The checks to come, and what they have found.
#[derive(Debug, Default)]
pub(crate) struct VisibilityChecks {
    due: Vec<Timestamp>,
    first: Option<Visibility>,
    found: Visibility,
}

impl VisibilityChecks {
    /// The icon was created, or a display changed: the checks begin again.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.due = AFTER.iter().filter_map(|after| now.checked_add(*after).ok()).collect();
        self.first = None;
    }

    /// When the next check is due.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.due.first().copied()
    }

    /// Checks if it is time; returns the result if it differs from the last one.
    pub(crate) fn run(&mut self, now: Timestamp, see: impl FnOnce() -> Option<Hidden>) -> Option<Visibility> {
        let due = self.next_deadline()?;
        // a clock that was set back must not put the check off
        if now < due && due.duration_since(now) <= AFTER[1] {
            return None;
        }
        self.due.remove(0);
        let seen = see().map_or(Visibility::Visible, Visibility::Hidden);
        let before = self.first.replace(seen)?;
        let agreed = if before == Visibility::Visible { Visibility::Visible } else { seen };
        (std::mem::replace(&mut self.found, agreed) != agreed).then_some(agreed)
    }

    /// Whether the last two checks agreed that it is hidden.
    pub(crate) fn is_hidden(&self) -> bool {
        self.found != Visibility::Visible
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Hidden::{NotAllowed, Notch};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000 + seconds)
    }

    #[test]
    fn two_checks_have_to_agree() {
        for (what, seen, expected) in [
            ("seen at once", [None, None], None),
            ("slow to be placed", [Some(NotAllowed), None], None),
            ("hidden", [Some(NotAllowed), Some(NotAllowed)], Some(Visibility::Hidden(NotAllowed))),
            ("pushed under the notch after the start", [None, Some(Notch)], None),
            (
                "the later check knows better",
                [Some(NotAllowed), Some(Notch)],
                Some(Visibility::Hidden(Notch)),
            ),
        ] {
            let mut checks = VisibilityChecks::default();
            checks.begin(at(0));
            assert_eq!(checks.run(at(4), || panic!("too soon")), None);
            assert_eq!(checks.run(at(5), || seen[0]), None, "{what}");
            assert_eq!(checks.next_deadline(), Some(at(15)));
            assert_eq!(checks.run(at(15), || seen[1]), expected, "{what}");
            assert_eq!(checks.next_deadline(), None);
            assert_eq!(checks.run(at(99), || panic!("no more")), None);
        }
    }

    #[test]
    fn a_display_that_changes_begins_anew() {
        let mut checks = VisibilityChecks::default();
        checks.begin(at(0));
        checks.run(at(5), || Some(Notch));
        checks.begin(at(6));
        assert_eq!(checks.run(at(11), || Some(Notch)), None);
        assert_eq!(checks.run(at(21), || Some(Notch)), Some(Visibility::Hidden(Notch)));
        checks.begin(at(100));
        checks.run(at(105), || None);
        assert_eq!(checks.run(at(115), || None), Some(Visibility::Visible), "seen again");
        assert!(!checks.is_hidden());
    }

    #[test]
    fn a_clock_that_is_set_back_puts_no_look_off() {
        let mut checks = VisibilityChecks::default();
        checks.begin(at(10_000));
        checks.run(at(0), || None);
        assert_eq!(checks.next_deadline(), Some(at(10_015)));
    }
}
