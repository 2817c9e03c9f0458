//! What a Reopen event means. macOS sends one when the user opens the running app, but also without the user: 2 to 12 s
//! after a wake (<https://github.com/swiftbar/SwiftBar/issues/548>), and with every click on a notification
//! (<https://github.com/pakerwreah/Calendr/issues/521>). Only the first kind is a request to show something.

use jiff::{SignedDuration, Timestamp};

/// A Reopen this soon after a wake is the system's. Our choice, above the 12 s of SwiftBar #548.
const AFTER_WAKE: SignedDuration = SignedDuration::from_secs(15);
/// A Reopen this close to a press on a notification belongs to it. Our choice: Calendr #521 gives no time.
const AROUND_RESPONSE: SignedDuration = SignedDuration::from_secs(2);
/// How long a Reopen is held back, because the press that causes it may be reported later. Our choice.
const HOLD: SignedDuration = SignedDuration::from_millis(500);

/// Separates the Reopens of the user from those of the system.
#[derive(Debug, Default)]
pub(crate) struct Reopens {
    woke: Option<Timestamp>,
    responded: Option<Timestamp>,
    pending: Option<Timestamp>,
}

impl Reopens {
    /// The machine woke up.
    pub(crate) fn woke(&mut self, now: Timestamp) {
        self.woke = Some(now);
        // one that came first belongs to the same wake
        self.pending = None;
    }

    /// The user clicked a notification or one of its buttons.
    pub(crate) fn responded(&mut self, now: Timestamp) {
        self.responded = Some(now);
    }

    /// A Reopen came. Several in a row count as one.
    pub(crate) fn reopened(&mut self, now: Timestamp) {
        if !within(self.woke, now, AFTER_WAKE) {
            self.pending = Some(now);
        }
    }

    /// When to call [`Self::is_due`].
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.pending.and_then(|at| at.checked_add(HOLD).ok())
    }

    /// Whether the user asked to see the app; true once per Reopen.
    pub(crate) fn is_due(&mut self, now: Timestamp) -> bool {
        let Some(at) = self.pending else { return false };
        // a clock that was set back must not delay it
        if now >= at && now.duration_since(at) < HOLD {
            return false;
        }
        self.pending = None;
        !within(self.responded, at, AROUND_RESPONSE)
    }
}

/// Whether two times are this close, in either order: clocks are adjusted at a wake.
fn within(moment: Option<Timestamp>, other: Timestamp, span: SignedDuration) -> bool {
    moment.is_some_and(|moment| other.duration_since(moment).abs() <= span)
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Event {
        Wake,
        Response,
        Reopen,
    }
    use Event::{Reopen, Response, Wake};

    fn at(seconds: f64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_millis((seconds * 1_000.0) as i64 + 3_600_000)
    }

    /// How often these events show the app to the user.
    fn shown(events: &[(f64, Event)]) -> usize {
        let mut reopens = Reopens::default();
        let mut shown = 0;
        for (seconds, event) in events {
            let now = at(*seconds);
            if let Some(due) = reopens.next_deadline().filter(|due| *due <= now) {
                shown += usize::from(reopens.is_due(due));
            }
            match event {
                Wake => reopens.woke(now),
                Response => reopens.responded(now),
                Reopen => reopens.reopened(now),
            }
        }
        let end = reopens.next_deadline();
        shown + usize::from(end.is_some_and(|due| reopens.is_due(due)))
    }

    #[test]
    fn only_the_user_reopens() {
        for (report, events, expected) in [
            ("the user opens it in Finder", vec![(0.0, Reopen)], 1),
            (
                "SwiftBar #548: two events 2 and 12 s after a wake",
                vec![(0.0, Wake), (2.0, Reopen), (12.0, Reopen)],
                0,
            ),
            ("SwiftBar #548: 4 s after a wake", vec![(0.0, Wake), (4.0, Reopen)], 0),
            ("the event before the word of the wake", vec![(0.0, Reopen), (0.2, Wake)], 0),
            ("the user, a while after a wake", vec![(0.0, Wake), (16.0, Reopen)], 1),
            ("Calendr #521: a press on a notification", vec![(0.0, Response), (0.1, Reopen)], 0),
            ("Calendr #521: the event comes first", vec![(0.0, Reopen), (0.3, Response)], 0),
            ("SwiftBar #535: a press that is long past", vec![(0.0, Response), (3.0, Reopen)], 1),
            ("a Reopen, then a press on something else", vec![(0.0, Reopen), (3.0, Response)], 1),
            ("an impatient user", vec![(0.0, Reopen), (0.2, Reopen), (0.4, Reopen)], 1),
            ("twice, in two moments", vec![(0.0, Reopen), (30.0, Reopen)], 2),
            ("the clock is set back at a wake", vec![(10.0, Wake), (5.0, Reopen)], 0),
        ] {
            assert_eq!(shown(&events), expected, "{report}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_delays_nothing() {
        let mut reopens = Reopens::default();
        reopens.reopened(at(100.0));
        assert!(reopens.is_due(at(0.0)));
        assert!(!reopens.is_due(at(200.0)), "once");
    }
}
