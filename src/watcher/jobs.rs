//! When the service manager is asked about a job: at the start, when its file or its process changes, and, while the
//! gateway is down, less and less often. Never while all is well: that would cost a child process each time.

use std::time::{Duration, Instant};

use crate::health::{Evidence, ProcessState};

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
                self.again = None;
                self.wanted = true;
            }
            Evidence::Process { state: ProcessState::Gone | ProcessState::Zombie, .. } => {
                self.wanted = true;
                self.again = Some((Instant::now() + PAUSES[0], 0));
            }
            Evidence::Process { .. } => self.wanted = true,
            Evidence::NoProcess => self.again = Some((Instant::now() + PAUSES[0], 0)),
            _ => {}
        }
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
