//! When to look whether the icon can be seen: 5 s and 15 s after the start and after each change of a display. Control
//! Center takes its time to place an item, and an icon that is under way must not be called hidden: only what both looks
//! agree on counts.

use jiff::{SignedDuration, Timestamp};

use super::visibility::Hidden;

/// After what a look follows.
const AFTER: [SignedDuration; 2] = [SignedDuration::from_secs(5), SignedDuration::from_secs(15)];

/// What a look finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sighting {
    /// The icon can be seen, or nobody can tell.
    #[default]
    Shown,
    /// It cannot.
    Hidden(Hidden),
}

/// The looks to come, and what they have found.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    due: Vec<Timestamp>,
    first: Option<Sighting>,
    found: Sighting,
}

impl Looks {
    /// The icon was made, or a display changed: looks anew.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.due = AFTER.iter().filter_map(|after| now.checked_add(*after).ok()).collect();
        self.first = None;
    }

    /// When to look.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.due.first().copied()
    }

    /// Looks, if it is time; returns what is found where it is something new.
    pub(crate) fn look(&mut self, now: Timestamp, see: impl FnOnce() -> Option<Hidden>) -> Option<Sighting> {
        let due = self.next_deadline()?;
        // a clock that was set back by more than a look is far must not put it off
        if now < due && due.duration_since(now) <= AFTER[1] {
            return None;
        }
        self.due.remove(0);
        let seen = see().map_or(Sighting::Shown, Sighting::Hidden);
        let before = self.first.replace(seen)?;
        let agreed = if before == Sighting::Shown { Sighting::Shown } else { seen };
        (std::mem::replace(&mut self.found, agreed) != agreed).then_some(agreed)
    }

    /// Whether the last two looks agreed that it is hidden.
    pub(crate) fn is_hidden(&self) -> bool {
        self.found != Sighting::Shown
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
    fn two_looks_have_to_agree() {
        for (what, seen, expected) in [
            ("seen at once", [None, None], None),
            ("slow to be placed", [Some(NotAllowed), None], None),
            ("hidden", [Some(NotAllowed), Some(NotAllowed)], Some(Sighting::Hidden(NotAllowed))),
            ("pushed under the notch after the start", [None, Some(Notch)], None),
            ("the later look knows better", [Some(NotAllowed), Some(Notch)], Some(Sighting::Hidden(Notch))),
        ] {
            let mut looks = Looks::default();
            looks.begin(at(0));
            assert_eq!(looks.look(at(4), || panic!("too soon")), None);
            assert_eq!(looks.look(at(5), || seen[0]), None, "{what}");
            assert_eq!(looks.next_deadline(), Some(at(15)));
            assert_eq!(looks.look(at(15), || seen[1]), expected, "{what}");
            assert_eq!(looks.next_deadline(), None);
            assert_eq!(looks.look(at(99), || panic!("no more")), None);
        }
    }

    #[test]
    fn a_display_that_changes_begins_anew() {
        let mut looks = Looks::default();
        looks.begin(at(0));
        looks.look(at(5), || Some(Notch));
        looks.begin(at(6));
        assert_eq!(looks.look(at(11), || Some(Notch)), None);
        assert_eq!(looks.look(at(21), || Some(Notch)), Some(Sighting::Hidden(Notch)));
        looks.begin(at(100));
        looks.look(at(105), || None);
        assert_eq!(looks.look(at(115), || None), Some(Sighting::Shown), "seen again");
        assert!(!looks.is_hidden());
    }

    #[test]
    fn a_clock_that_is_set_back_puts_no_look_off() {
        let mut looks = Looks::default();
        looks.begin(at(10_000));
        looks.look(at(0), || None);
        assert_eq!(looks.next_deadline(), Some(at(10_015)));
    }
}
