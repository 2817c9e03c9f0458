//! `fatal` in the state file.

use jiff::Timestamp;

use super::down::Down;
use super::said::{ENTRY_STANDS, View};
use crate::health::proof::Proof;
use crate::health::reason::Reason;
use crate::health::state_file::PlatformEntry;
use crate::health::timer::Timer;

/// An entry that says `fatal`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fatal {
    timer: Timer,
    proof: Proof,
    cause: Option<Reason>,
    written: Option<Timestamp>,
}

impl Fatal {
    /// `since`: when it was first read.
    pub(super) fn new(since: Timestamp, entry: &PlatformEntry, proof: Proof) -> Self {
        let timer = Timer::start(since, ENTRY_STANDS, None);
        Self { timer, proof, cause: entry.cause, written: entry.updated_at }
    }

    /// The timer, for restarting after a sleep of the machine.
    pub(super) fn timer_mut(&mut self) -> &mut Timer {
        &mut self.timer
    }

    /// When it was first read.
    pub(super) fn since(&self) -> Timestamp {
        self.timer.since
    }

    /// When it counts.
    pub(super) fn due(&self) -> Timestamp {
        self.timer.due()
    }

    /// Whether it has stood for long enough.
    pub(super) fn stands(&self, now: Timestamp) -> bool {
        self.timer.over(now)
    }

    /// Whether an entry that was written at this time is at least as new.
    pub(super) fn is_replaced_by(&self, written: Option<Timestamp>) -> bool {
        self.written <= written
    }

    /// The view of the link. `down`: the loss beside it, which may name the cause.
    pub(super) fn view(&self, down: Option<&Down>) -> View<'_> {
        let known = down.and_then(|down| down.cause.reason());
        View {
            reason: self.cause.or(known).unwrap_or(Reason::LinkEnded),
            proof: Some(&self.proof),
            since: self.timer.since,
            other_pid: down.and_then(|down| down.other_pid),
        }
    }
}
