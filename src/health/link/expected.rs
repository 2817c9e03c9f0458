//! A link that the gateway has configured, until a line about its state is read.

use std::time::Duration;

use jiff::Timestamp;

use super::said::View;
use crate::health::reason::Reason;
use crate::health::timer::Timer;

/// How long the first line about the state of a link may take. The gateway may begin to connect it late, so it has the time of
/// its platform from its first sign on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Expected(Timer);

impl Expected {
    /// `at`: the first sign that there is such a link. `red_after`: the time that its platform gives a lost one.
    pub(super) fn new(at: Timestamp, red_after: Duration, grace: Option<Timestamp>) -> Self {
        Self(Timer::start(at, red_after, grace))
    }

    /// The view of the link. `start`: how long the start of the gateway may take.
    pub(super) fn view(&self, now: Timestamp, start: &Timer) -> View<'static> {
        let Self(own) = self;
        let is_late = start.over(now) && own.over(now);
        View {
            reason: if is_late { Reason::ReconnectStalled } else { Reason::Starting },
            proof: None,
            since: if start.over(own.since) { own.since } else { start.since },
            other_pid: None,
        }
    }

    /// When its own time is over.
    pub(super) fn due(&self) -> Timestamp {
        self.0.due()
    }

    /// The timer, for restarting after a sleep of the machine.
    pub(super) fn timer_mut(&mut self) -> &mut Timer {
        &mut self.0
    }
}
