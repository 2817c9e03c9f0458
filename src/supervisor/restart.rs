//! The verified restart: through the manager, and proven step by step.
//!
//! 1. The old process is gone. A hollow one that ignores SIGTERM is the normal case: the manager kills it when its exit
//!    time-out has passed, and that is told.
//! 2. There is a new process: another PID, or the same PID with another start time.
//! 3. The link is proven again, by the watcher's verdict about the new process.
//!
//! Each step has a limit of its own. The outcome is one of three honest ones: it worked, it failed (at which step, and
//! the line that says why), or nobody can tell.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{JobReport, Supervisor, SupervisorError, launchd, systemd};
use crate::health::{Deadlines, JobState, Light, Manager, Reason, Verdict};
use crate::profile::{JobFile, Profile};
use crate::snapshot::{RestartOutcome, RestartStep, RestartView, Snapshot};
use crate::text::{self, Lang, fill, restart as words};

/// The identity of a process beside its PID: its start time, in whatever unit, as long as it is always the same one.
/// `None`: there is no such process, or it is a zombie.
pub type StartOf = fn(u32) -> Option<u64>;

/// The SDK tries a network that failed again after this (measured with hermes-agent 0.13.0 and 0.19.0).
const RETRY_INTERVAL: Duration = Duration::from_secs(120);

/// What a manager's own bounds may add to a step while it has not answered, see [`Order`]: launchd's way from a refused
/// kickstart over unload and load.
const ORDER_LIMIT: Duration = Duration::from_secs(90);

/// How long each step may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The manager's time between SIGTERM and SIGKILL.
    pub exit_timeout: Duration,
    /// On top of that, until the old process has to be gone.
    pub margin: Duration,
    /// From there until there is a new process.
    pub start: Duration,
    /// From there until the link is proven.
    pub link: Duration,
    /// From an attempt that failed, and that the gateway repeats by itself, until the link is proven.
    pub retry: Duration,
    /// Pause between two looks.
    pub poll: Duration,
}

impl Limits {
    /// For this job: its own exit time-out and throttle, else the manager's defaults; the link gets what a start gets
    /// from the judgement, and one more attempt.
    pub fn new(job: &JobFile, deadlines: &Deadlines) -> Self {
        let (exit, throttle) = match job.manager {
            Manager::Launchd => (launchd::EXIT_TIMEOUT_S, launchd::THROTTLE_S),
            Manager::Systemd => (systemd::EXIT_TIMEOUT_S, 0),
            Manager::Embedded => (5, 0),
        };
        let seconds = |own: Option<u64>, usual: u64| Duration::from_secs(own.unwrap_or(usual).min(600));
        Self {
            exit_timeout: seconds(job.exit_timeout_s.filter(|s| *s > 0), exit),
            margin: Duration::from_secs(15),
            start: seconds(job.throttle_s, throttle) + Duration::from_secs(20),
            link: deadlines.start + deadlines.attempt,
            retry: RETRY_INTERVAL + deadlines.attempt,
            poll: Duration::from_millis(200),
        }
    }

    /// No restart within these limits takes longer.
    pub fn whole(&self) -> Duration {
        self.exit_timeout + self.margin + self.start + self.link + self.retry + ORDER_LIMIT
    }
}

/// What is to be restarted.
#[derive(Debug, Clone)]
pub struct Request {
    /// The profile, as the snapshots name it.
    pub profile: Arc<Profile>,
    /// Its job.
    pub job: JobFile,
    /// When the user asked.
    pub asked_at: Timestamp,
    /// How long each step may take.
    pub limits: Limits,
    /// How processes are told apart.
    pub start_of: StartOf,
    /// The language of what Gatelight itself says in the outcome.
    pub lang: Lang,
}

impl Request {
    /// `None`: no job starts this gateway, so there is nobody to restart it; that is to be explained, not tried.
    pub fn new(
        profile: Arc<Profile>,
        asked_at: Timestamp,
        deadlines: &Deadlines,
        start_of: StartOf,
        lang: Lang,
    ) -> Option<Self> {
        let job = profile.job.clone()?;
        let limits = Limits::new(&job, deadlines);
        Some(Self { profile, job, asked_at, limits, start_of, lang })
    }
}

/// Restarts, shows each step, proves the result. Ends within the sum of the limits.
pub async fn restart(
    request: Request,
    supervisor: Arc<dyn Supervisor>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    mut progress: impl FnMut(RestartView),
) -> RestartOutcome {
    let mut run = Run {
        begun: Instant::now(),
        request,
        supervisor,
        snapshots,
        step: RestartStep::EndingOld,
        retrying: None,
    };
    progress(run.view(None));
    let outcome = match run.all(&mut progress).await {
        Ok(outcome) => outcome,
        Err(Stop::Failed(why)) => RestartOutcome::Failed { step: run.step, why },
        Err(Stop::Unclear(why)) => RestartOutcome::CannotTell { step: run.step, why },
    };
    progress(run.view(Some(outcome.clone())));
    outcome
}

/// Why it went no further.
enum Stop {
    Failed(String),
    Unclear(String),
}

/// A process that has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Old {
    pid: u32,
    start: u64,
}

struct Run {
    begun: Instant,
    request: Request,
    supervisor: Arc<dyn Supervisor>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    step: RestartStep,
    retrying: Option<Reason>,
}

impl Run {
    async fn all(&mut self, progress: &mut impl FnMut(RestartView)) -> Result<RestartOutcome, Stop> {
        let (old, exit_timeout) = self.old_processes().await;
        if let Some(told) = exit_timeout {
            // the job file may be silent, and another default hold on this machine
            self.request.limits.exit_timeout = told;
        }
        let mut order = self.order();

        let until = Instant::now() + self.request.limits.exit_timeout + self.request.limits.margin;
        let gone_after = self.old_gone(&old, &mut order, until).await?;

        self.step = RestartStep::StartingNew;
        progress(self.view(None));
        let until = Instant::now() + self.request.limits.start;
        let report = self.new_process(&old, &mut order, until).await?;
        let killed = !old.is_empty()
            && match (report.last_exit, self.request.job.manager) {
                // launchd tells how the previous run ended, unless the job had to be loaded anew
                (last_exit, Manager::Launchd) => last_exit == Some(-9),
                (Some(exit), _) => exit == -9,
                // systemd sends SIGTERM at once, and forgets the end of a run when the next one begins
                (None, _) => gone_after >= self.request.limits.exit_timeout,
            };

        self.step = RestartStep::ProvingLink;
        progress(self.view(None));
        let until = Instant::now() + self.request.limits.link;
        let pid = self.link_proven(&old, report.pid, until, progress).await?;
        Ok(RestartOutcome::Worked { took: self.elapsed(), pid, killed })
    }

    /// The job's process and the gateway's: where a wrapper runs the gateway, both have to go. And the time between
    /// SIGTERM and SIGKILL, where the manager tells it.
    async fn old_processes(&self) -> (Vec<Old>, Option<Duration>) {
        let mut pids: Vec<u32> = self.verdict().and_then(|v| v.pid).into_iter().collect();
        let mut exit_timeout = None;
        // A manager that gives no answer now will have a chance to say so when it is asked to act.
        if let Ok(Ok(report)) = self.query().await {
            pids.extend(report.pid);
            exit_timeout = report.exit_timeout;
        }
        let mut old: Vec<Old> = Vec::new();
        for pid in pids {
            if let Some(start) = (self.request.start_of)(pid)
                && !old.iter().any(|o| o.pid == pid)
            {
                old.push(Old { pid, start });
            }
        }
        (old, exit_timeout)
    }

    fn order(&self) -> Order {
        let (supervisor, job) = (Arc::clone(&self.supervisor), self.request.job.clone());
        Order::UnderWay(tokio::task::spawn_blocking(move || supervisor.restart(&job)))
    }

    fn query(&self) -> JoinHandle<Result<JobReport, SupervisorError>> {
        let (supervisor, job) = (Arc::clone(&self.supervisor), self.request.job.clone());
        tokio::task::spawn_blocking(move || supervisor.query(&job))
    }

    /// Step 1. How long it took, as the old process's own end goes.
    async fn old_gone(&self, old: &[Old], order: &mut Order, until: Instant) -> Result<Duration, Stop> {
        loop {
            order.look(self.request.lang).await?;
            let Some(living) = old.iter().find(|o| (self.request.start_of)(o.pid) == Some(o.start)) else {
                return Ok(self.begun.elapsed());
            };
            if Instant::now() >= until && !order.is_under_way() {
                let pid = living.pid.to_string();
                let still = fill(self.pick(words::STILL_THERE), &[("pid", &pid)]);
                return Err(Stop::Failed(order.with_complaint(still)));
            }
            self.pause().await;
        }
    }

    /// Step 2. The manager's word about the new process.
    async fn new_process(&self, old: &[Old], order: &mut Order, until: Instant) -> Result<JobReport, Stop> {
        loop {
            order.look(self.request.lang).await?;
            let answer = self.query().await;
            let unclear = match answer {
                Ok(Ok(report)) => {
                    if report.pid.is_some_and(|pid| self.is_new(pid, old)) {
                        return Ok(report);
                    }
                    if Instant::now() < until || order.is_under_way() {
                        self.pause().await;
                        continue;
                    }
                    let why = self.no_process(&report);
                    return Err(Stop::Failed(order.with_complaint(why)));
                }
                Ok(Err(error)) => words::error(self.request.lang, &error),
                Err(join) => join.to_string(),
            };
            if Instant::now() >= until && !order.is_under_way() {
                return Err(Stop::Unclear(unclear));
            }
            self.pause().await;
        }
    }

    /// Step 3. The PID of the gateway whose link is proven.
    ///
    /// A network that cannot be reached ends nothing: the gateway tries again by itself, so that one more attempt is
    /// waited for. Every other red light is final for this process, or as good as that.
    async fn link_proven(
        &mut self,
        old: &[Old],
        started: Option<u32>,
        mut until: Instant,
        progress: &mut impl FnMut(RestartView),
    ) -> Result<u32, Stop> {
        let began = self.now();
        loop {
            // Marks the value as seen, so that `changed` waits for a later one.
            let verdict = self
                .snapshots
                .borrow_and_update()
                .find(&self.request.profile.name)
                .map(|v| v.verdict.clone());
            if let Some(verdict) = &verdict {
                let fresh = verdict.pid.filter(|pid| self.is_new(*pid, old));
                let proven = verdict.reason.works();
                match fresh {
                    Some(pid) if proven => return Ok(pid),
                    Some(_) if verdict.reason == Reason::NetworkUnreachable => {
                        self.wait_for_retry(verdict.reason, &mut until, progress);
                    }
                    Some(_) if verdict.light() == Light::Red => return Err(Stop::Failed(self.tell(verdict))),
                    // The new process is gone already; a verdict from before it does not count.
                    None if verdict.light() == Light::Red
                        && verdict.since >= began
                        && started.and_then(self.request.start_of).is_none() =>
                    {
                        return Err(Stop::Failed(self.tell(verdict)));
                    }
                    _ => {}
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if let Some(verdict) = verdict.as_ref().filter(|verdict| verdict.light() == Light::Red) {
                    return Err(Stop::Failed(self.tell(verdict)));
                }
                let seen =
                    verdict.map_or_else(|| self.pick(words::NOTHING_SEEN).to_owned(), |v| self.tell(&v));
                let limit = text::duration(self.request.lang, signed(self.request.limits.link));
                let why = fill(self.pick(words::NO_PROOF), &[("limit", &limit), ("seen", &seen)]);
                return Err(Stop::Unclear(why));
            }
            match tokio::time::timeout(left, self.snapshots.changed()).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(_closed)) => return Err(Stop::Unclear(self.pick(words::NOBODY_WATCHES).to_owned())),
            }
        }
    }

    /// Gives the gateway's next attempt its time, once.
    fn wait_for_retry(
        &mut self,
        reason: Reason,
        until: &mut Instant,
        progress: &mut impl FnMut(RestartView),
    ) {
        if self.retrying.is_some() {
            return;
        }
        self.retrying = Some(reason);
        *until = (*until).max(Instant::now() + self.request.limits.retry);
        progress(self.view(None));
    }

    fn is_new(&self, pid: u32, old: &[Old]) -> bool {
        let Some(start) = (self.request.start_of)(pid) else {
            return false;
        };
        !old.contains(&Old { pid, start })
    }

    fn verdict(&self) -> Option<Verdict> {
        self.snapshots.borrow().find(&self.request.profile.name).map(|view| view.verdict.clone())
    }

    /// A verdict as the line that says why.
    fn tell(&self, verdict: &Verdict) -> String {
        let title = self.pick(verdict.reason.entry().title);
        match &verdict.evidence {
            Some(proof) => format!("{title} — {}: {}", proof.source, proof.line),
            None => title.to_owned(),
        }
    }

    fn no_process(&self, report: &JobReport) -> String {
        let phrase = match report.state {
            JobState::NotLoaded => words::NOT_LOADED,
            JobState::Stopped => words::STOPPED_MEANWHILE,
            JobState::Running | JobState::Waiting => words::NO_NEW_PROCESS,
        };
        let mut why = self.pick(phrase).to_owned();
        if let Some(exit) = report.last_exit {
            let (phrase, number) =
                if exit < 0 { (words::LAST_SIGNAL, -exit) } else { (words::LAST_EXIT, exit) };
            why.push_str(&fill(self.pick(phrase), &[("n", &number.to_string())]));
        }
        why
    }

    fn pick(&self, phrase: text::Phrase) -> &'static str {
        self.request.lang.pick(phrase)
    }

    fn elapsed(&self) -> SignedDuration {
        signed(self.begun.elapsed())
    }

    /// The wall clock as the request tells it, moved on by the monotonic one.
    fn now(&self) -> Timestamp {
        self.request.asked_at.checked_add(self.elapsed()).unwrap_or(self.request.asked_at)
    }

    fn view(&self, outcome: Option<RestartOutcome>) -> RestartView {
        RestartView { asked_at: self.request.asked_at, step: self.step, retrying: self.retrying, outcome }
    }

    async fn pause(&self) {
        tokio::time::sleep(self.request.limits.poll).await;
    }
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}

/// What became of the order to the manager. While it is under way no step is given up: launchd may be asked to unload and
/// load the job after a kickstart that it refused, and every call of a manager has an end of its own.
enum Order {
    UnderWay(JoinHandle<Result<(), SupervisorError>>),
    Accepted,
    /// It gave no answer in time. The order may have arrived all the same: the processes tell.
    Silent(String),
}

impl Order {
    /// Takes in the manager's answer, if it has come. A refusal ends the restart.
    async fn look(&mut self, lang: Lang) -> Result<(), Stop> {
        let Self::UnderWay(handle) = self else {
            return Ok(());
        };
        if !handle.is_finished() {
            return Ok(());
        }
        match handle.await {
            Ok(Ok(())) => *self = Self::Accepted,
            Ok(Err(error @ SupervisorError::TimedOut { .. })) => {
                *self = Self::Silent(words::error(lang, &error));
            }
            Ok(Err(error)) => return Err(Stop::Failed(words::error(lang, &error))),
            Err(join) => return Err(Stop::Failed(join.to_string())),
        }
        Ok(())
    }

    const fn is_under_way(&self) -> bool {
        matches!(self, Self::UnderWay(_))
    }

    fn with_complaint(&self, why: String) -> String {
        match self {
            Self::Silent(complaint) => format!("{complaint}; {why}"),
            Self::UnderWay(_) | Self::Accepted => why,
        }
    }
}
