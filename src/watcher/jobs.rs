//! When the service manager is asked about a job: at the start, when its file or its process changes, and, while the
//! gateway is down, less and less often. Never while all is well: that would cost a child process each time.

use std::time::{Duration, Instant};

use crate::health::{Evidence, ProcessState, Signal};

/// Pauses between two questions while the gateway is gone: a respawn is seen soon, a lasting stop costs little.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
    Duration::from_secs(60),
];

/// State of the questions about one job.
#[derive(Debug, Default)]
pub struct JobQuestions {
    /// The manager answered or failed to, or there is none.
    pub answered: bool,
    wanted: bool,
    asking: bool,
    /// A process of the gateway is known.
    runs: bool,
    /// While the gateway is gone: when to ask again, and the pause after that.
    again: Option<(Instant, usize)>,
}

impl JobQuestions {
    /// A job that was never asked about.
    pub fn new() -> Self {
        Self { wanted: true, ..Self::default() }
    }

    /// Asks at the next turn.
    pub fn ask_soon(&mut self) {
        self.wanted = true;
    }

    /// Takes note of what makes the manager's word stale.
    pub fn note(&mut self, evidence: &Evidence) {
        match evidence {
            Evidence::Process { state: ProcessState::Running, .. } => {
                self.runs = true;
                self.again = None;
                self.wanted = true;
            }
            Evidence::Process { state: ProcessState::Gone | ProcessState::Zombie, .. } => {
                self.wanted = true;
                self.begin_anew();
            }
            Evidence::Process { .. } => self.wanted = true,
            Evidence::NoProcess => self.begin_anew(),
            // It may be started or loaded at any time, and a gateway that leaves no file with its PID is found by the
            // manager's word alone.
            Evidence::Job { pid: None, .. } | Evidence::JobUnknown if !self.runs && self.again.is_none() => {
                self.begin_anew();
            }
            Evidence::Log { signal: Signal::Start, .. } if !self.runs => {
                self.wanted = true;
                self.begin_anew();
            }
            _ => {}
        }
    }

    /// Nothing runs as far as is known: asks again soon, then less and less often.
    fn begin_anew(&mut self) {
        self.runs = false;
        self.again = Some((Instant::now() + PAUSES[0], 0));
    }

    /// How long until a question is due.
    pub fn next(&self, now: Instant) -> Option<Duration> {
        if self.asking {
            return None;
        }
        if self.wanted {
            return Some(Duration::ZERO);
        }
        self.again.map(|(at, _)| at.saturating_duration_since(now))
    }

    /// Whether to ask now. One question at a time.
    pub fn begin(&mut self, now: Instant) -> bool {
        let due = self.wanted || self.again.is_some_and(|(at, _)| at <= now);
        if !due || self.asking {
            return false;
        }
        self.asking = true;
        self.wanted = false;
        if let Some((at, pause)) = &mut self.again {
            *pause = (*pause + 1).min(PAUSES.len() - 1);
            *at = now + PAUSES[*pause];
        }
        true
    }

    /// There is nobody to ask.
    pub fn skip(&mut self) {
        self.answered = true;
        self.wanted = false;
        self.again = None;
    }

    /// The answer is there (or there is none).
    pub fn end(&mut self) {
        self.asking = false;
        self.answered = true;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::health::{JobState, Manager};

    #[test]
    fn nothing_is_due_where_nobody_can_be_asked() {
        let now = Instant::now();
        let mut job = JobQuestions::new();
        assert_eq!(job.next(now), Some(Duration::ZERO));
        job.note(&Evidence::NoProcess);
        job.skip();
        assert_eq!((job.next(now), job.answered), (None, true));
    }

    #[test]
    fn a_job_that_is_not_loaded_yet_is_asked_for_again() {
        let job_word = |pid| Evidence::Job {
            manager: Manager::Launchd,
            label: "ai.hermes.gateway".into(),
            state: JobState::NotLoaded,
            pid,
            last_exit: None,
        };
        let began = Instant::now();
        for word in [job_word(None), Evidence::JobUnknown] {
            let mut job = JobQuestions::new();
            assert!(job.begin(began));
            job.end();
            job.note(&word);
            let pause = job.next(Instant::now()).expect("a question is planned");
            let later = Instant::now() + pause;
            assert!(!pause.is_zero() && job.begin(later));
            job.end();
            job.note(&word);
            assert!(job.next(later).expect("and another") > pause, "less and less often");
        }
        // a gateway that runs without its job is asked for by its own events only
        let mut job = JobQuestions::new();
        let runs = Evidence::Process {
            pid: 7,
            start: Some(1),
            started_at: None,
            state: ProcessState::Running,
            exit: None,
        };
        job.note(&runs);
        assert!(job.begin(began));
        job.end();
        job.note(&job_word(None));
        assert_eq!(job.next(Instant::now()), None);
    }

    #[test]
    fn a_gateway_that_stays_gone_is_asked_for_less_and_less_often() {
        let mut now = Instant::now();
        let mut job = JobQuestions::new();
        assert!(job.begin(now) && !job.begin(now), "one question at a time");
        job.end();
        job.note(&Evidence::NoProcess);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let pause = job.next(now).expect("a question is planned");
            now += pause;
            assert!(job.begin(now));
            job.end();
            pauses.push(pause.as_secs_f64().ceil() as u64);
        }
        assert_eq!(pauses[1..], [2, 4, 8, 15, 60, 60]);
    }
}
