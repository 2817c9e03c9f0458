//! The times that count for a link, and what a pause of the machine or of the process does to them.

use super::expected::Expected;
use super::sends::RefusedSend;
use super::{Link, State};
use crate::health::time::Slept;
use crate::health::timer::{Earliest, Timer};

impl Link {
    /// Every moment at which the view may change without new evidence.
    pub(crate) fn deadlines(&self, due: &mut Earliest) {
        let own = [
            self.expected.filter(|_| self.is_silent()).map(|expected| expected.due()),
            self.up().map(|up| up.from),
            self.refused_send.as_deref().and_then(RefusedSend::deadline),
            self.losses.deadline(),
            self.conflicts.deadline(),
        ];
        due.add(own.into_iter().chain(self.entry.deadlines()).flatten());
        if let Some(down) = self.down() {
            down.deadlines(&self.rules.times, due);
        }
    }

    /// The machine slept: what was running begins again, and the pause of the client goes on.
    pub(crate) fn restart_after_sleep(&mut self, slept: &Slept) {
        self.timers_mut().for_each(|timer| slept.restart(timer));
        if let State::Down(down) = &mut self.state {
            down.postpone_rest(slept);
            down.postpone_tail(slept);
        }
    }

    /// All timers, for restarting after a sleep of the machine.
    fn timers_mut(&mut self) -> impl Iterator<Item = &mut Timer> {
        let down = if let State::Down(down) = &mut self.state { Some(down) } else { None };
        let send = self.refused_send.as_deref_mut().and_then(RefusedSend::timer_mut);
        let timers = down.into_iter().flat_map(|down| down.timers_mut()).chain(send);
        timers.chain(self.entry.timer_mut()).chain(self.expected.as_mut().map(Expected::timer_mut))
    }

    /// The process was suspended: silence counts anew.
    pub(crate) fn restart_silence(&mut self, suspended: &Slept) {
        if let State::Down(down) = &mut self.state {
            down.silence_timers_mut().for_each(|timer| suspended.restart(timer));
            down.postpone_tail(suspended);
        }
    }
}
