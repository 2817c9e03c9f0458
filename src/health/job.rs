//! The service manager's newest report on the gateway's job.

use jiff::Timestamp;

use super::fact::Fact;
use super::manager::{JobState, JobWord};
use super::proof::{Proof, Source};

/// The exit code of a gateway that was asked to restart.
pub(super) const EXIT_RESTART: i32 = 75;

/// The exit code of a gateway that a signal ended without notice, or whose start failed.
pub(super) const EXIT_FAILURE: i32 = 1;

/// The newest report, and what follows from earlier ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Job {
    word: Option<(JobWord, Timestamp)>,
    /// There is a manager: it has reported, or failed to answer.
    pub known: bool,
    /// When the manager showed that it had started the gateway once more after the run that was seen.
    later_run: Option<Timestamp>,
}

impl Job {
    /// The newest report.
    pub(super) fn word(&self) -> Option<&JobWord> {
        self.word.as_ref().map(|(word, _)| word)
    }

    /// When the newest report arrived.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.word.as_ref().map(|(_, at)| *at)
    }

    /// The state in the newest report.
    pub(super) fn state(&self) -> Option<JobState> {
        self.word().map(|word| word.state)
    }

    /// The newest report as a proof.
    pub(super) fn proof(&self) -> Option<Proof> {
        let (word, at) = self.word.as_ref()?;
        let explains = word.explains();
        let fact = Fact::Job {
            label: word.label.clone(),
            state: word.state,
            spawn_failed: explains && word.spawn_failed,
            exit_reason: word.exit_reason.clone().filter(|_| explains),
        };
        Some(Proof::new(Source::Manager(word.manager), fact, *at))
    }

    /// Whether a manager was asked and did not answer. Then, without a process, the log may be outdated.
    pub(super) const fn is_silent(&self) -> bool {
        self.known && self.word.is_none()
    }

    /// The manager did not answer.
    pub(super) fn forget(&mut self) {
        self.known = true;
        self.word = None;
    }

    /// Takes in a report. `rose`: the manager's counter of starts rose. `ended`: when the gateway ended and with
    /// which exit code, if it did. Returns the report before.
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
            // A killed process ends by a signal, and one that was asked to restart with 75.
            let failed = word.last_exit.is_some_and(|exit| exit > 0 && exit != EXIT_RESTART);
            if rose || (failed && word.pid.is_none() && own_exit != word.last_exit) {
                self.later_run = Some(now);
            }
        }
        self.word.replace((word, now)).map(|(word, _)| word)
    }

    /// Whether the manager started the gateway again after the run that ended at this time.
    pub(super) fn ran_again_since(&self, ended: Timestamp) -> bool {
        self.later_run.is_some_and(|later| later >= ended)
    }
}
