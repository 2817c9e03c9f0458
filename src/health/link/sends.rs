//! The API refuses to send with the current token, whatever the state of the link. Known only when a message is
//! handled; so far only Feishu logs it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::said::Said;
use crate::health::proof::Proof;
use crate::health::timer::Timer;

/// A failed send no longer counts once a later one was followed by no error for this long.
const TRIAL: Duration = Duration::from_secs(30);

/// A send that was refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RefusedSend {
    proof: Proof,
    stamp: Option<DateTime>,
    /// A later send that has not failed yet.
    trial: Option<Timer>,
}

impl RefusedSend {
    pub(super) fn new(said: &Said) -> Self {
        Self { proof: said.proof.clone(), stamp: said.stamp, trial: None }
    }

    /// Takes in the start of another send. The start of the one that failed may be read later, from another file.
    pub(super) fn send(&mut self, said: &Said) {
        let failed = matches!((said.stamp, self.stamp), (Some(sent), Some(failed)) if sent <= failed);
        if self.trial.is_none() && !failed {
            self.trial = Some(Timer::start(said.at, TRIAL, None));
        }
    }

    /// The proof, unless a later send succeeded.
    pub(super) fn holds(&self, now: Timestamp) -> Option<&Proof> {
        (!self.trial.is_some_and(|trial| trial.over(now))).then_some(&self.proof)
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.trial.map(|trial| trial.due())
    }

    pub(super) fn timer_mut(&mut self) -> Option<&mut Timer> {
        self.trial.as_mut()
    }
}
