//! Outcomes, steps and obstacles as messages.

use super::{Obstacle, RestartOutcome, RestartStep, list_links};
use crate::health::Reason;
use crate::text::{Both, Message, Phrase, Worded, code, restart as say};

impl Obstacle {
    /// The answer to a request for a restart.
    pub(crate) fn refusal(self) -> Message {
        match self {
            Self::NoJob => Message::new(code(self.code(), say::UNSUPERVISED)),
            Self::NoManager(manager) => {
                Message::new(code(self.code(), say::NO_MANAGER)).with("manager", manager.word())
            }
            Self::NoUserBus => Message::new(code(self.code(), say::NO_USER_BUS)),
        }
    }
}

/// Why Restart is greyed out.
impl Worded for Obstacle {
    fn message(&self) -> Message {
        match self {
            Self::NoJob => Message::new(code(self.code(), say::OBSTACLE_NO_JOB)),
            Self::NoManager(manager) => {
                Message::new(code(self.code(), say::OBSTACLE_NO_MANAGER)).with("manager", manager.word())
            }
            Self::NoUserBus => Message::new(code(self.code(), say::OBSTACLE_NO_USER_BUS)),
        }
    }
}

impl RestartStep {
    /// The step while it is in progress. `retrying`: why the gateway's last attempt failed, which it repeats itself.
    pub(crate) fn progress(self, retrying: Option<Reason>) -> Message {
        let phrase = match (self, retrying) {
            (Self::EndingOld, _) => say::ENDING_OLD,
            (Self::StartingNew, _) => say::STARTING_NEW,
            (Self::ProvingLink, None) => say::PROVING_LINK,
            (Self::ProvingLink, Some(reason)) => {
                return Message::new(code(self.code(), say::RETRYING)).with("title", reason);
            }
        };
        Message::new(code(self.code(), phrase))
    }

    /// The step as the place where a restart ended.
    const fn place(self) -> Phrase {
        match self {
            Self::EndingOld => say::AT_ENDING_OLD,
            Self::StartingNew => say::AT_STARTING_NEW,
            Self::ProvingLink => say::AT_PROVING_LINK,
        }
    }
}

impl Worded for RestartOutcome {
    fn message(&self) -> Message {
        let at = |phrase, step: RestartStep, why: &Message| {
            Message::new(code(self.code(), phrase)).with("where", step.place()).with("why", why.clone())
        };
        match self {
            Self::Worked { took, pid, killed, back } => {
                let phrase = if *killed { say::WORKED_KILLED } else { say::WORKED };
                let worked = Message::new(code(self.code(), phrase)).with("took", *took).with("pid", *pid);
                if back.len() < 2 {
                    return worked;
                }
                let back = Both::each(|lang| list_links(back, lang));
                Message::new(say::WORKED_LINKS).with("worked", worked).with("back", &back)
            }
            Self::Failed { step, why } => at(say::FAILED, *step, why),
            Self::CannotTell { step, why } => at(say::CANNOT_TELL, *step, why),
        }
    }
}
