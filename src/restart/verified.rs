//! The verified restart: through the service manager, with a proof for each step.
//!
//! 1. The old process is gone. One that ignores SIGTERM is the normal case (a gateway with a dead executor): the manager
//!    kills it after its exit timeout, and the outcome says so.
//! 2. There is a new process: another PID, or the same PID with another start time.
//! 3. Its link works, by the watcher's verdict about the new process, and so does every other link that was up before.
//!
//! Each step has its own limit. A restart worked, failed (at a step, with the line that says why), or its outcome is
//! unknown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::links::{LinksBefore, LinksNow, ProfileLink, RestartGroup};
use crate::health::{Deadlines, JobState, Light, Manager, Reason, Verdict};
use crate::profile::{JobFile, Profile};
use crate::restart::{RestartOutcome, RestartStep, RestartView};
use crate::supervisor::{JobReport, Supervisor, SupervisorError, launchd, systemd};
use crate::text::{Message, Worded as _, proof, restart as say};
use crate::watcher::snapshot::Snapshot;

/// The start time of a live process; with the PID it identifies the process. Any unit, as long as it is always the
/// same. `None`: there is no such process, or it is a zombie.
pub type StartOf = fn(u32) -> Option<u64>;

/// Time after which the SDK retries a failed connection (measured with hermes-agent 0.13.0 and 0.19.0).
const RETRY_INTERVAL: Duration = Duration::from_secs(120);

/// What a manager's own time limits may add to a step while it has not answered, see [`Order`]: after a refused
/// kickstart launchd has to unload and load the job.
const ORDER_LIMIT: Duration = Duration::from_secs(90);

/// How long each step may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The manager's time from SIGTERM to SIGKILL.
    pub exit_timeout: Duration,
    /// Added to that until the old process has to be gone.
    pub margin: Duration,
    /// From the end of the old process until there is a new one.
    pub start: Duration,
    /// From the new process until its link is proven.
    pub link: Duration,
    /// From a failed attempt that the gateway retries itself until the link is proven.
    pub retry: Duration,
    /// Poll interval.
    pub poll: Duration,
}

impl Limits {
    /// For this job: its own exit timeout and throttle, else the manager's defaults. The link gets the time of a start
    /// (`deadlines`) and one more attempt.
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

    /// The longest time that a restart within these limits takes.
    pub fn whole(&self) -> Duration {
        self.exit_timeout + self.margin + self.start + self.link + self.retry + ORDER_LIMIT
    }
}

/// A gateway to restart.
#[derive(Debug, Clone)]
pub struct Request {
    /// The profile, as the snapshots name it.
    pub profile: Arc<Profile>,
    /// Its job; of a served profile, that of its gateway.
    pub job: JobFile,
    /// The profiles that the gateway serves: their links have to come back.
    pub profiles: Vec<String>,
    /// When the user asked.
    pub asked_at: Timestamp,
    /// The limits of the steps.
    pub limits: Limits,
    /// Identifies processes.
    pub start_of: StartOf,
}

impl Request {
    /// For a profile with its own gateway. `None`: no job starts it, see
    /// [`Obstacle::NoJob`](super::Obstacle::NoJob).
    pub fn new(
        profile: Arc<Profile>,
        asked_at: Timestamp,
        deadlines: &Deadlines,
        start_of: StartOf,
    ) -> Option<Self> {
        let job = profile.job.clone()?;
        let (limits, profiles) = (Limits::new(&job, deadlines), vec![profile.name.clone()]);
        Some(Self { profile, job, profiles, asked_at, limits, start_of })
    }

    /// For the profile of this name, whoever serves it. `None`: there is none, or no job starts its gateway
    /// ([`Obstacle::NoJob`](super::Obstacle::NoJob)).
    pub fn of(
        name: &str,
        snapshot: &Snapshot,
        asked_at: Timestamp,
        deadlines: &Deadlines,
        start_of: StartOf,
    ) -> Option<Self> {
        let group = RestartGroup::of(name, snapshot)?;
        let profile = Arc::clone(&snapshot.find(name)?.profile);
        let job = group.gateway.profile.job.clone()?;
        let limits = Limits::new(&job, deadlines);
        Some(Self { profile, job, profiles: group.names(), asked_at, limits, start_of })
    }
}

/// Restarts the gateway, reports each step to `progress`, and proves the result. Ends within [`Limits::whole`].
pub async fn restart(
    request: Request,
    supervisor: Arc<dyn Supervisor>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    mut progress: impl FnMut(RestartView),
) -> RestartOutcome {
    let links = LinksBefore::of(&request.profiles, &snapshots.borrow());
    let mut run = Run {
        begun: Instant::now(),
        links,
        request,
        supervisor,
        snapshots,
        step: RestartStep::EndingOld,
        retrying: None,
    };
    progress(run.view(None));
    let outcome = match run.steps(&mut progress).await {
        Ok(outcome) => outcome,
        Err(StepError::Failed(why)) => RestartOutcome::Failed { step: run.step, why },
        Err(StepError::Unclear(why)) => RestartOutcome::CannotTell { step: run.step, why },
    };
    progress(run.view(Some(outcome.clone())));
    outcome
}

/// Why a step did not succeed.
enum StepError {
    Failed(Message),
    Unclear(Message),
}

/// A process that has to end.
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
    links: LinksBefore,
    step: RestartStep,
    retrying: Option<Reason>,
}

impl Run {
    async fn steps(&mut self, progress: &mut impl FnMut(RestartView)) -> Result<RestartOutcome, StepError> {
        let (old, exit_timeout) = self.old_processes().await;
        if let Some(reported) = exit_timeout {
            // the job file may not set it, and the manager's default differs between systems
            self.request.limits.exit_timeout = reported;
        }
        let mut order = self.order();

        let until = Instant::now() + self.request.limits.exit_timeout + self.request.limits.margin;
        let gone_after = self.wait_until_gone(&old, &mut order, until).await?;

        self.step = RestartStep::StartingNew;
        progress(self.view(None));
        let until = Instant::now() + self.request.limits.start;
        let report = self.wait_for_process(&old, &mut order, until).await?;
        let killed = !old.is_empty()
            && match (report.last_exit, self.request.job.manager) {
                // launchd reports the exit of the previous run, unless the job had to be loaded again
                (last_exit, Manager::Launchd) => last_exit == Some(-9),
                (Some(exit), _) => exit == -9,
                // systemd sends SIGTERM at once, and forgets the exit of a run when the next one starts
                (None, _) => gone_after >= self.request.limits.exit_timeout,
            };

        self.step = RestartStep::ProvingLink;
        progress(self.view(None));
        let until = Instant::now() + self.request.limits.link;
        let (pid, back) = self.wait_for_links(&old, report.pid, until, progress).await?;
        Ok(RestartOutcome::Worked { took: self.elapsed(), pid, killed, back })
    }

    /// The processes that have to go: the job's and the gateway's, which differ where a wrapper runs the gateway. And the
    /// job's exit timeout, where the manager reports it.
    async fn old_processes(&self) -> (Vec<Old>, Option<Duration>) {
        let mut pids: Vec<u32> = self.verdict().and_then(|v| v.pid).into_iter().collect();
        let mut exit_timeout = None;
        // an error would recur when the manager is asked to restart
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

    /// Step 1. Returns the time since the request.
    async fn wait_until_gone(
        &self,
        old: &[Old],
        order: &mut Order,
        until: Instant,
    ) -> Result<Duration, StepError> {
        loop {
            order.poll().await?;
            let Some(living) = old.iter().find(|o| (self.request.start_of)(o.pid) == Some(o.start)) else {
                return Ok(self.begun.elapsed());
            };
            if Instant::now() >= until && !order.is_under_way() {
                let still = Message::new(say::STILL_THERE).with("pid", living.pid);
                return Err(StepError::Failed(order.with_complaint(still)));
            }
            self.pause().await;
        }
    }

    /// Step 2. Returns the manager's report with the new process.
    async fn wait_for_process(
        &self,
        old: &[Old],
        order: &mut Order,
        until: Instant,
    ) -> Result<JobReport, StepError> {
        loop {
            order.poll().await?;
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
                    let why = no_process(&report);
                    return Err(StepError::Failed(order.with_complaint(why)));
                }
                Ok(Err(error)) => error.message(),
                Err(join) => Message::verbatim(join.to_string()),
            };
            if Instant::now() >= until && !order.is_under_way() {
                return Err(StepError::Unclear(unclear));
            }
            self.pause().await;
        }
    }

    /// Step 3. Returns the PID of the gateway whose links are proven, and the links that were up before.
    ///
    /// An unreachable network is not final: the gateway retries by itself, and one more attempt is waited for. Every other
    /// red light is taken as final for this process; where other links are still on their way, they are waited for.
    async fn wait_for_links(
        &mut self,
        old: &[Old],
        started: Option<u32>,
        mut until: Instant,
        progress: &mut impl FnMut(RestartView),
    ) -> Result<(u32, Vec<ProfileLink>), StepError> {
        let began = self.now();
        loop {
            // marked as seen: `changed` waits for a later one
            let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
            let verdict = snapshot.find(&self.request.profile.name).map(|view| &*view.verdict);
            let links = self.links.now(&snapshot, |pid| self.is_new(pid, old));
            if let Some(verdict) = verdict {
                let fresh = verdict.pid.filter(|pid| self.is_new(*pid, old));
                let unreachable = Some(verdict.reason).filter(|reason| *reason == Reason::NetworkUnreachable);
                let retrying = unreachable.or(links.retrying);
                let is_red = verdict.light() == Light::Red;
                match fresh {
                    Some(pid) if verdict.reason.works() && links.are_back() => return Ok((pid, links.back)),
                    Some(_) if retrying.is_some() => self.wait_for_retry(retrying, &mut until, progress),
                    // what is wrong with the gateway concerns all links; a link alone leaves the others to wait for
                    Some(_) if is_red && (verdict.platform.is_none() || links.pending.is_empty()) => {
                        return Err(StepError::Failed(links.explain(describe(verdict))));
                    }
                    Some(_) if verdict.reason.works() && links.pending.is_empty() => {
                        return Err(StepError::Failed(links.explain(Message::new(say::LINKS_NOT_BACK))));
                    }
                    // the new process is gone already; a verdict from before it does not count
                    None if is_red
                        && verdict.since >= began
                        && started.and_then(self.request.start_of).is_none() =>
                    {
                        return Err(StepError::Failed(describe(verdict)));
                    }
                    _ => {}
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.timed_out(verdict, &links));
            }
            match tokio::time::timeout(left, self.snapshots.changed()).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(_closed)) => return Err(StepError::Unclear(Message::new(say::NOBODY_WATCHES))),
            }
        }
    }

    /// The result when the time of the third step is over.
    fn timed_out(&self, verdict: Option<&Verdict>, links: &LinksNow) -> StepError {
        if let Some(verdict) = verdict.filter(|verdict| verdict.light() == Light::Red) {
            return StepError::Failed(links.explain(describe(verdict)));
        }
        if !links.lost.is_empty() {
            return StepError::Failed(links.explain(Message::new(say::LINKS_NOT_BACK)));
        }
        let seen = verdict.map_or_else(|| Message::new(say::NOTHING_SEEN), describe);
        let limit = signed(self.request.limits.link);
        StepError::Unclear(links.explain(Message::new(say::NO_PROOF).with("limit", limit).with("seen", seen)))
    }

    /// Extends the limit for the gateway's next attempt, once.
    fn wait_for_retry(
        &mut self,
        reason: Option<Reason>,
        until: &mut Instant,
        progress: &mut impl FnMut(RestartView),
    ) {
        if self.retrying.is_some() {
            return;
        }
        self.retrying = reason;
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
        self.snapshots.borrow().find(&self.request.profile.name).map(|view| Verdict::clone(&view.verdict))
    }

    fn elapsed(&self) -> SignedDuration {
        signed(self.begun.elapsed())
    }

    /// The time of the request, advanced by the monotonic clock.
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

/// A verdict as a cause: its title and its proof.
fn describe(verdict: &Verdict) -> Message {
    match &verdict.evidence {
        Some(proof) => Message::new(say::VERDICT_PROVEN)
            .with("title", verdict)
            .with("source", proof::source_value(&proof.source))
            .with("line", proof::line_value(&proof.line)),
        None => Message::new(say::VERDICT).with("title", verdict),
    }
}

fn no_process(report: &JobReport) -> Message {
    let what = Message::new(match report.state {
        JobState::NotLoaded => say::NOT_LOADED,
        JobState::Stopped => say::STOPPED_MEANWHILE,
        JobState::Running | JobState::Waiting => say::NO_NEW_PROCESS,
    });
    match report.last_exit {
        None => what,
        Some(signal @ ..0) => {
            Message::new(say::LAST_SIGNAL).with("what", what).with("n", signal.saturating_neg())
        }
        Some(exit) => Message::new(say::LAST_EXIT).with("what", what).with("n", exit),
    }
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}

/// The request to the manager. While it is in progress, no step times out: each call has its own time limit, and launchd may
/// have to unload and load the job after a kickstart that it refused.
enum Order {
    UnderWay(JoinHandle<Result<(), SupervisorError>>),
    Accepted,
    /// No answer in time. The order may have been carried out: the processes show it.
    Silent(Message),
}

impl Order {
    /// Reads the manager's answer, if there is one. A refusal ends the restart.
    async fn poll(&mut self) -> Result<(), StepError> {
        let Self::UnderWay(handle) = self else {
            return Ok(());
        };
        if !handle.is_finished() {
            return Ok(());
        }
        match handle.await {
            Ok(Ok(())) => *self = Self::Accepted,
            Ok(Err(error @ SupervisorError::TimedOut { .. })) => {
                *self = Self::Silent(error.message());
            }
            Ok(Err(error)) => return Err(StepError::Failed(error.message())),
            Err(join) => return Err(StepError::Failed(Message::verbatim(join.to_string()))),
        }
        Ok(())
    }

    const fn is_under_way(&self) -> bool {
        matches!(self, Self::UnderWay(_))
    }

    fn with_complaint(&self, why: Message) -> Message {
        match self {
            Self::Silent(complaint) => {
                Message::new(say::AFTER_SILENCE).with("complaint", complaint.clone()).with("why", why)
            }
            Self::UnderWay(_) | Self::Accepted => why,
        }
    }
}
