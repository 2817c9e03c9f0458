//! An update of Hermes. It stops gateways and starts them again, so for a while it excuses one that went down after
//! it began. It never excuses a lost link of a live process.

use std::time::Duration;

use jiff::Timestamp;

use super::fact::Fact;
use super::proof::{Proof, Source};
use super::time::{Moment, Slept};
use super::timer::Timer;

/// A gateway that an update stopped may stay down for this long. Nine gateways took ten minutes (hermes-agent
/// #101426), and Hermes itself ignores older markers of an update (#88204).
pub(super) const LONGEST: Duration = Duration::from_secs(20 * 60);

/// The same after the end of the update: launchd's throttle of 30 s, a start of 5 s, and some slack.
const AFTER_END: Duration = Duration::from_secs(60);

/// A process that updates Hermes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateProcess {
    /// Its PID.
    pub pid: u32,
    /// When the update began.
    pub began: Timestamp,
}

/// The newest update.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Update {
    process: Option<UpdateProcess>,
    /// Runs since its process was found to be gone.
    ended: Option<Timer>,
}

impl Update {
    /// Takes in the process that updates Hermes; `None`: there is none.
    pub(super) fn take(&mut self, found: Option<UpdateProcess>, moment: Moment<'_>) {
        match found {
            Some(found) => *self = Self { process: Some(found), ended: None },
            None => self.ended = self.ended.or_else(|| Some(moment.timer(AFTER_END))),
        }
    }

    /// The machine slept: the timer begins again, if it was running.
    pub(super) fn restart_after_sleep(&mut self, slept: Slept) {
        if let Some(ended) = &mut self.ended {
            slept.restart(ended);
        }
    }

    /// Until when it excuses a gateway that is down, and the proof. `down`: since when, a timer of [`LONGEST`].
    pub(super) fn excuse(&self, down: &Timer) -> Option<(Timestamp, Proof)> {
        let UpdateProcess { pid, began } = self.process.filter(|process| down.since >= process.began)?;
        let until = self.ended.map_or(down.due(), |ended| down.due().min(ended.due()));
        Some((until, Proof::new(Source::Process, Fact::Updating(pid), began)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::settings::Deadlines;

    #[test]
    fn only_what_went_down_after_it_began_is_excused_and_not_for_ever() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let until = |update: &Update, down| {
            let down = Timer::start(at(down), LONGEST, None);
            update.excuse(&down).map(|(until, _)| until.duration_since(at(0)).as_secs())
        };
        let deadlines = Deadlines::default();
        let moment = |seconds| Moment { now: at(seconds), deadlines: &deadlines, grace: None };
        let mut update = Update::default();
        assert_eq!(until(&update, 0), None);
        update.take(None, moment(50));
        update.take(Some(UpdateProcess { pid: 7, began: at(100) }), moment(400));
        for (down, expected) in [(99, None), (100, Some(1_300)), (390, Some(1_590))] {
            assert_eq!(until(&update, down), expected, "{down}");
        }
        update.take(None, moment(500));
        update.take(None, moment(900));
        for (down, expected) in [(390, Some(560)), (530, Some(560)), (5_000, Some(560))] {
            assert_eq!(until(&update, down), expected, "{down}");
        }
        update.take(Some(UpdateProcess { pid: 8, began: at(1_000) }), moment(1_010));
        assert_eq!(until(&update, 390), None);
    }
}
