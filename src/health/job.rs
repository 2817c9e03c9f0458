//! The service manager's newest word on the gateway's job.

use jiff::Timestamp;

use super::manager::{JobState, JobWord};
use super::proof::{Proof, Source};

/// How the gateway ends when it was asked to restart.
pub(super) const EXIT_RESTART: i32 = 75;

/// The manager's word, and what followed from the words before.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Job {
    word: Option<(JobWord, Timestamp)>,
    /// A manager spoke, or was asked in vain: its word is worth waiting for.
    pub known: bool,
    /// When the manager showed that it started the gateway again after the run that we saw.
    later_run: Option<Timestamp>,
}

impl Job {
    /// The newest word.
    pub(super) fn word(&self) -> Option<&JobWord> {
        self.word.as_ref().map(|(word, _)| word)
    }

    /// When it came.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.word.as_ref().map(|(_, at)| *at)
    }

    /// Its state.
    pub(super) fn state(&self) -> Option<JobState> {
        self.word().map(|word| word.state)
    }

    /// What the manager said, as a proof.
    pub(super) fn proof(&self) -> Option<Proof> {
        let (word, at) = self.word.as_ref()?;
        let mut line = format!("{}: {}", word.label, state_text(word.state));
        if word.explains() {
            if word.spawn_failed {
                line.push_str(", spawn failed");
            }
            if let Some(reason) = &word.exit_reason {
                line.push_str(", last exit reason = ");
                line.push_str(reason);
            }
        }
        Some(Proof::new(Source::Manager(word.manager), line, *at))
    }

    /// A manager was asked in vain: without a process, the log alone may be of yesterday.
    pub(super) const fn is_silent(&self) -> bool {
        self.known && self.word.is_none()
    }

    /// The manager gave no answer.
    pub(super) fn forget(&mut self) {
        self.known = true;
        self.word = None;
    }

    /// Takes in a word. `rose`: the manager's counter of starts rose. `ended`: when the gateway ended, if it did, and
    /// how. Returns the word before.
    pub(super) fn take(
        &mut self,
        word: JobWord,
        now: Timestamp,
        rose: bool,
        ended: Option<(Timestamp, Option<i32>)>,
    ) -> Option<JobWord> {
        self.known = true;
        if let Some((ended_at, own_exit)) = ended {
            let spoken = self.word.as_ref().filter(|(_, at)| *at >= ended_at);
            let own_exit = own_exit.or(spoken.and_then(|(old, _)| old.last_exit));
            // A process that had to be killed ended by a signal, and one that was asked to restart said so.
            let failed = word.last_exit.is_some_and(|exit| exit > 0 && exit != EXIT_RESTART);
            if rose || (failed && word.pid.is_none() && own_exit != word.last_exit) {
                self.later_run = Some(now);
            }
        }
        self.word.replace((word, now)).map(|(word, _)| word)
    }

    /// Whether the manager started the gateway again after the run that ended at this moment.
    pub(super) fn ran_again_since(&self, ended: Timestamp) -> bool {
        self.later_run.is_some_and(|later| later >= ended)
    }
}

fn state_text(state: JobState) -> &'static str {
    match state {
        JobState::Running => "running",
        JobState::Waiting => "not running",
        JobState::Stopped => "stopped by the user",
        JobState::NotLoaded => "not loaded",
    }
}
