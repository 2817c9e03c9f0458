//! What a Reopen event means. macOS sends one when the user opens the app that runs already, but also by itself: 2 to 12 s
//! after a wake (<https://github.com/swiftbar/SwiftBar/issues/548>), and with every press on a notification
//! (<https://github.com/pakerwreah/Calendr/issues/521>). Only the first is the user's wish to see something.

use jiff::{SignedDuration, Timestamp};

/// A Reopen this soon after a wake is the system's.
const AFTER_WAKE: SignedDuration = SignedDuration::from_secs(15);
/// A Reopen this close to a press on a notification belongs to that.
const AROUND_RESPONSE: SignedDuration = SignedDuration::from_secs(2);
/// The press may be reported after the Reopen that it causes: this long is waited for it.
const HOLD: SignedDuration = SignedDuration::from_millis(500);

/// Tells the user's Reopen from the system's.
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
        // one that came first is of the same wake
        self.pending = None;
    }

    /// The user pressed a notification or one of its buttons.
    pub(crate) fn responded(&mut self, now: Timestamp) {
        self.responded = Some(now);
    }

    /// A Reopen came. Several in a row are one.
    pub(crate) fn reopened(&mut self, now: Timestamp) {
        if !within(self.woke, now, AFTER_WAKE) {
            self.pending = Some(now);
        }
    }

    /// When [`Self::is_due`] has an answer to give.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.pending.and_then(|at| at.checked_add(HOLD).ok())
    }

    /// Whether the user wants to see the app now; said once for each Reopen.
    pub(crate) fn is_due(&mut self, now: Timestamp) -> bool {
        let Some(at) = self.pending else { return false };
        // a clock that was set back must not keep it waiting
        if now >= at && now.duration_since(at) < HOLD {
            return false;
        }
        self.pending = None;
        !within(self.responded, at, AROUND_RESPONSE)
    }
}

/// Whether two moments are so close, in either order: clocks are set at a wake.
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

    /// How often the user is shown something, in the course of these events.
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
    fn a_clock_that_is_set_back_keeps_nobody_waiting() {
        let mut reopens = Reopens::default();
        reopens.reopened(at(100.0));
        assert!(reopens.is_due(at(0.0)));
        assert!(!reopens.is_due(at(200.0)), "once");
    }
}
