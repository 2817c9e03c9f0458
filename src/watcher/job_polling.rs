//! When the service manager is queried about a job: at the start, when the job's file or its process changes, and at
//! growing intervals while the gateway is down. Never while all is well: each query costs a child process.

use std::time::{Duration, Instant};

use crate::health::{Evidence, JobWord, LogRecord, ProcessState, Signal};
use crate::profile::JobFile;
use crate::supervisor::JobReport;

/// Pauses between two queries while the gateway is down: a respawn is seen soon, a long stop costs little.
const BACKOFF: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
    Duration::from_secs(60),
];

/// The queries about one job.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate condition for the next query")]
pub(super) struct JobPolling {
    answered: bool,
    wanted: bool,
    in_flight: bool,
    /// A process of the gateway is known.
    process_runs: bool,
    /// While the gateway is gone: when to query again, and the index of the pause that led there.
    retry: Option<(Instant, usize)>,
}

impl JobPolling {
    /// A job that was never queried.
    pub(super) fn new() -> Self {
        Self { wanted: true, ..Self::default() }
    }

    /// Whether the first query ended, with or without an answer, or there is no manager.
    pub(super) fn answered(&self) -> bool {
        self.answered
    }

    /// Queries at the next turn.
    pub(super) fn query_soon(&mut self) {
        self.wanted = true;
    }

    /// Notes that the last answer covers everything observed so far.
    pub(super) fn is_current(&mut self) {
        self.wanted = false;
    }

    /// Notes evidence that makes the last answer stale.
    pub(super) fn observe(&mut self, evidence: &Evidence) {
        match evidence {
            Evidence::Process { state: ProcessState::Running, .. } => {
                self.process_runs = true;
                self.retry = None;
                self.wanted = true;
            }
            Evidence::Process { state: ProcessState::Gone | ProcessState::Zombie, .. } => {
                self.wanted = true;
                self.restart_backoff();
            }
            Evidence::Process { .. } => self.wanted = true,
            Evidence::NoProcess => self.restart_backoff(),
            // the job may be started at any time, and only the manager's answer shows a gateway that leaves no PID file
            Evidence::Job(JobWord { pid: None, .. }) | Evidence::JobUnknown
                if !self.process_runs && self.retry.is_none() =>
            {
                self.restart_backoff();
            }
            Evidence::Log(LogRecord { signal: Signal::Start, .. }) if !self.process_runs => {
                self.wanted = true;
                self.restart_backoff();
            }
            _ => {}
        }
    }

    fn restart_backoff(&mut self) {
        self.process_runs = false;
        self.retry = Some((Instant::now() + BACKOFF[0], 0));
    }

    /// How long until a query is due; `None` without one.
    pub(super) fn next_query(&self, now: Instant) -> Option<Duration> {
        if self.in_flight {
            return None;
        }
        if self.wanted {
            return Some(Duration::ZERO);
        }
        self.retry.map(|(at, _)| at.saturating_duration_since(now))
    }

    /// Whether to query now. One query at a time.
    pub(super) fn begin_query(&mut self, now: Instant) -> bool {
        let due = self.wanted || self.retry.is_some_and(|(at, _)| at <= now);
        if !due || self.in_flight {
            return false;
        }
        self.in_flight = true;
        self.wanted = false;
        if let Some((at, pause)) = &mut self.retry {
            *pause = (*pause + 1).min(BACKOFF.len() - 1);
            *at = now + BACKOFF[*pause];
        }
        true
    }

    /// The query ended, with or without an answer.
    pub(super) fn end_query(&mut self) {
        self.in_flight = false;
        self.answered = true;
    }

    /// There is no manager to query.
    pub(super) fn no_manager(&mut self) {
        self.answered = true;
        self.wanted = false;
        self.retry = None;
    }
}

/// The manager's report about this job, as evidence.
pub(super) fn job_evidence(file: &JobFile, report: JobReport) -> Evidence {
    Evidence::Job(JobWord {
        pid: report.pid,
        last_exit: report.last_exit,
        starts: report.runs,
        comes_back: Some(report.keeps_alive),
        exit_reason: report.exit_reason,
        spawn_failed: report.spawn_failed,
        ..JobWord::new(file.manager, file.label.clone(), report.state)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::health::{JobState, Manager};

    #[test]
    fn no_query_is_due_without_a_manager() {
        let now = Instant::now();
        let mut job = JobPolling::new();
        assert_eq!(job.next_query(now), Some(Duration::ZERO));
        job.observe(&Evidence::NoProcess);
        job.no_manager();
        assert_eq!((job.next_query(now), job.answered()), (None, true));
    }

    #[test]
    fn a_job_that_is_not_loaded_yet_is_queried_again() {
        let job_evidence = |pid| {
            let label = "ai.hermes.gateway".into();
            Evidence::Job(JobWord { pid, ..JobWord::new(Manager::Launchd, label, JobState::NotLoaded) })
        };
        let began = Instant::now();
        for evidence in [job_evidence(None), Evidence::JobUnknown] {
            let mut job = JobPolling::new();
            assert!(job.begin_query(began));
            job.end_query();
            job.observe(&evidence);
            let pause = job.next_query(Instant::now()).expect("a query is planned");
            let later = Instant::now() + pause;
            assert!(!pause.is_zero() && job.begin_query(later));
            job.end_query();
            job.observe(&evidence);
            assert!(job.next_query(later).expect("and another") > pause, "less and less often");
        }
        // a gateway that runs without its job is queried on its own events only
        let mut job = JobPolling::new();
        let runs = Evidence::Process {
            pid: 7,
            start: Some(1),
            started_at: None,
            state: ProcessState::Running,
            exit: None,
        };
        job.observe(&runs);
        assert!(job.begin_query(began));
        job.end_query();
        job.observe(&job_evidence(None));
        assert_eq!(job.next_query(Instant::now()), None);
    }

    #[test]
    fn a_gateway_that_stays_gone_is_queried_less_and_less_often() {
        let mut now = Instant::now();
        let mut job = JobPolling::new();
        assert!(job.begin_query(now) && !job.begin_query(now), "one query at a time");
        job.end_query();
        job.observe(&Evidence::NoProcess);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let pause = job.next_query(now).expect("a query is planned");
            now += pause;
            assert!(job.begin_query(now));
            job.end_query();
            pauses.push(pause.as_secs_f64().ceil() as u64);
        }
        assert_eq!(pauses[1..], [2, 4, 8, 15, 60, 60]);
    }
}
