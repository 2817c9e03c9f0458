//! Whether an agent runs, and how much of the last day was not observed.

use jiff::{SignedDuration, Timestamp};

use super::engine::Engine;
use super::instance::{self, AgentInfo};
use crate::history::{Reader, Window, unseen};
use crate::text::{Lang, duration, fill, status as words};

/// The span that is checked.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Whether an agent runs, and how much of the last [`DAY`] was not observed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watching {
    /// The agent that runs.
    pub agent: Option<AgentInfo>,
    /// The time that no agent observed: asleep, or not running. `None`: there is no history.
    pub unseen: Option<SignedDuration>,
}

impl Watching {
    /// The current state.
    pub(crate) fn now(engine: &Engine, now: Timestamp) -> Self {
        let window = Window::last(DAY, now);
        let record = Reader::window(&engine.history_file(), window).ok().flatten();
        Self {
            agent: instance::running(&engine.folders.data),
            unseen: record.map(|record| unseen(&record.observed, window)),
        }
    }

    /// The text for users.
    pub(crate) fn text(&self, now: Timestamp, lang: Lang) -> String {
        let agent = match &self.agent {
            None => lang.pick(words::NO_AGENT).to_owned(),
            Some(agent) => {
                let running = duration(lang, now.duration_since(agent.since).max(SignedDuration::ZERO));
                let pid = agent.pid.to_string();
                let values = [("version", &*agent.version), ("pid", &*pid), ("span", &*running)];
                fill(lang.pick(words::AGENT), &values)
            }
        };
        let unseen = self.unseen.filter(|unseen| unseen.as_secs() > 0);
        let unseen =
            unseen.map(|unseen| fill(lang.pick(words::UNSEEN), &[("span", &duration(lang, unseen))]));
        agent + &unseen.unwrap_or_default()
    }
}
