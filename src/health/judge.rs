//! The verdict that follows from all that is known: a pure function of [`State`], its clock and a profile.
//!
//! Every rule says what holds; red comes before the rest, and the order of [`Reason`] says which of several shows.

use jiff::Timestamp;

use super::cron::CronTrouble;
use super::departure::Plan;
use super::evidence::{JobState, Manager, PlatformName, ProfileName, Proof, Source};
use super::gateway::{Beginning, Gateway};
use super::job::EXIT_RESTART;
use super::links::LinkVerdict;
use super::reason::{Light, Reason};
use super::state::State;
use super::timer::after;
use super::verdict::{Draining, Note, Verdict};

/// `sysexits.h` EX_CONFIG: how the gateway ends on a configuration that it cannot use.
const EX_CONFIG: i32 = 78;

/// Something that holds, with what showed it.
struct Finding {
    reason: Reason,
    light: Light,
    proof: Option<Proof>,
    platform: Option<PlatformName>,
    missing: Option<(u32, u32)>,
    other_pid: Option<u32>,
}

impl Finding {
    fn new(reason: Reason, proof: Option<Proof>) -> Self {
        Self { reason, light: reason.light(), proof, platform: None, missing: None, other_pid: None }
    }

    fn of_link(link: &LinkVerdict) -> Self {
        Self {
            reason: link.reason,
            light: link.light,
            proof: link.evidence.clone(),
            platform: Some(link.platform.clone()),
            missing: link.missing,
            other_pid: link.other_pid,
        }
    }

    /// Red first; then by the order of explanation.
    fn rank(&self) -> (bool, Reason) {
        (self.light != Light::Red, self.reason)
    }
}

/// All that holds for one row.
struct Row<'a> {
    state: &'a State,
    profile: &'a ProfileName,
    findings: Vec<Finding>,
    links: Vec<LinkVerdict>,
}

/// The verdict on one profile. `since` and `held_green` are left to the caller.
pub(super) fn verdict(state: &State, profile: &ProfileName) -> Verdict {
    let gateway = &state.life.gateway;
    let mut row = Row { state, profile, findings: Vec::new(), links: Vec::new() };
    row.loops();
    match &gateway.end {
        Some(_) => row.gone(),
        None if !gateway.is_seen() => row.absent_job(),
        None => row.alive(),
    }
    row.conclude()
}

/// Until when an update excuses that the gateway is down, and what shows it.
fn excuse(state: &State) -> Option<(Timestamp, Proof)> {
    state.life.gateway.end.as_ref().and_then(|end| state.update.excuse(end.respawn.since))
}

/// Times at which the verdict may change without new evidence, besides the gateway's own timers.
pub(super) fn expiries(state: &State) -> impl Iterator<Item = Timestamp> + '_ {
    // A manager's word about the time before this process holds when no newer one comes.
    let before = state.job.at().is_some_and(|at| at < state.life.since);
    let not_loaded_before = before && state.job.state() == Some(JobState::NotLoaded);
    let word = not_loaded_before.then(|| after(state.life.since, state.time.deadlines.settle));
    let excused = excuse(state).map(|(until, _)| until);
    state.life.starts.deadlines(&state.time.deadlines).chain(word).chain(excused)
}

impl Row<'_> {
    fn gateway(&self) -> &Gateway {
        &self.state.life.gateway
    }

    fn hold(&mut self, reason: Reason, proof: Option<Proof>) {
        self.findings.push(Finding::new(reason, proof));
    }

    fn is_own(&self) -> bool {
        self.profile == self.state.profile()
    }

    /// Troubles that span processes.
    fn loops(&mut self) {
        let state = self.state;
        let now = state.time.clock();
        // A process that has held out for half the window ends a crash loop.
        let settled = state.life.gateway.alive()
            && state.life.gateway.at_work(now)
            && state.life.gateway.links.any()
            && now >= state.life.starts.settles_at(&state.time.deadlines);
        if !settled {
            let (starts, storm) = state.life.starts.crashes(now, &state.time.deadlines);
            if starts > state.time.deadlines.crash_starts || storm.is_some() {
                let counted = || {
                    let line =
                        format!("{starts} starts within {} s", state.time.deadlines.crash_window.as_secs());
                    Proof::new(Source::Process, line, state.time.now())
                };
                let refused = state.life.gateway.second_instance.as_ref().map(|(_, proof)| proof.clone());
                let proof = storm.cloned().or(refused).unwrap_or_else(counted);
                self.hold(Reason::CrashLoop, Some(proof));
            }
        }
        if let Some(proof) = state.life.starts.replace_loop(now, &state.time.deadlines) {
            self.hold(Reason::ReplaceLoop, Some(proof.clone()));
        }
    }

    /// Nothing was ever seen of a process; perhaps the manager says why.
    fn absent_job(&mut self) {
        let state = self.state;
        let Some(word) = state.job.word() else { return };
        let proof = state.job.proof();
        match word.state {
            JobState::NotLoaded if word.manager == Manager::Launchd => self.hold(Reason::NotLoaded, proof),
            JobState::Stopped => self.hold(Reason::Stopped, proof),
            JobState::Waiting if word.last_exit == Some(EX_CONFIG) => self.hold(Reason::ConfigError, proof),
            JobState::Waiting => {
                let over = state.life.absent.is_some_and(|timer| timer.over(state.time.clock()));
                let waits = word.comes_back != Some(false) && !word.spawn_failed && !over;
                self.hold(if waits { Reason::Restarting } else { Reason::NotRunning }, proof);
            }
            JobState::NotLoaded | JobState::Running => {}
        }
    }

    /// The process is gone. What matters is whether somebody meant it, and who brings it back.
    fn gone(&mut self) {
        let state = self.state;
        let (gateway, now) = (&state.life.gateway, state.time.clock());
        let Some(end) = &gateway.end else { return };
        self.refused_start();
        let shutdown = gateway.departure.shutdown();
        let plan = shutdown.map(|shutdown| shutdown.plan);
        let ran_again = state.job.ran_again_since(end.respawn.since);
        if plan == Some(Plan::Stop) && !ran_again {
            return self.hold(Reason::Stopped, shutdown.map(|shutdown| shutdown.proof.clone()));
        }
        let job = state.job.state();
        if job == Some(JobState::Stopped) {
            return self.absent_job();
        }
        // The log level hides the line that says so: what it wrote at the end, and how it ended, say it too.
        if gateway.info_hidden() && gateway.departure.told_stopped && end.exit == Some(0) && !ran_again {
            let proof = Proof::new(Source::StateFile, "gateway_state: stopped", now);
            return self.hold(Reason::Stopped, Some(proof));
        }
        let job_exit = state.job.word().filter(|_| state.job.at() >= Some(end.respawn.since));
        let exit = end.exit.filter(|_| !ran_again).or(job_exit.and_then(|word| word.last_exit));
        if exit == Some(EX_CONFIG) {
            self.hold(Reason::ConfigError, Some(end.proof.clone()));
        }
        if let Some(proof) = self.updating() {
            return self.hold(Reason::Updating, Some(proof));
        }
        let comes_back = job_exit.is_none_or(|word| word.comes_back != Some(false) && !word.spawn_failed);
        let in_time = !end.respawn.over(now);
        let on_its_way = match (plan, job) {
            (Some(Plan::Restart | Plan::Takeover), _) => in_time,
            (_, Some(JobState::Waiting)) if exit == Some(EXIT_RESTART) => {
                comes_back && !end.restart_by_manager.over(now)
            }
            _ if exit == Some(EXIT_RESTART) => in_time,
            (_, Some(JobState::Running)) => in_time,
            (_, Some(JobState::Waiting)) => in_time && comes_back,
            (_, Some(JobState::NotLoaded | JobState::Stopped)) => false,
            // It left by its own word, or a manager is known that may speak yet.
            (_, None) => {
                let asked = plan.is_some() || state.job.known || gateway.id.pid.is_none();
                exit.is_none() && asked && !end.settle.over(now)
            }
        };
        if on_its_way {
            let planned = shutdown.filter(|_| !ran_again).map(|shutdown| shutdown.proof.clone());
            return self.hold(Reason::Restarting, planned.or_else(|| Some(end.proof.clone())));
        }
        let unloaded = state.job.word().is_some_and(|word| word.manager == Manager::Launchd);
        if job == Some(JobState::NotLoaded) && unloaded {
            self.absent_job();
        } else {
            let said = job_exit.filter(|word| word.explains()).and_then(|_| state.job.proof());
            self.hold(Reason::NotRunning, said.or_else(|| Some(end.proof.clone())));
        }
        self.ailments();
    }

    /// What shows that an update of Hermes took the gateway down, and may leave it down for a while.
    fn updating(&self) -> Option<Proof> {
        let (until, proof) = excuse(self.state)?;
        (self.state.time.clock() < until).then_some(proof)
    }

    /// The process is there. What matters is whether it works.
    fn alive(&mut self) {
        let state = self.state;
        let (gateway, now) = (&state.life.gateway, state.time.clock());
        if let Some(timer) = gateway.suspended.filter(|timer| timer.over(now)) {
            let proof = Proof::new(Source::Process, "state T (stopped)", timer.since);
            self.hold(Reason::ProcessSuspended, Some(proof));
        }
        // A process that has said that it exits writes no heartbeat any more.
        let frozen = gateway.pulse.frozen(now).filter(|_| gateway.departure.exiting().is_none());
        if let Some(proof) = frozen {
            self.hold(Reason::EventLoopFrozen, Some(proof.clone()));
        }
        let drains = frozen.is_none() && self.draining();
        if self.leaving(drains) {
            return;
        }
        if let Some(proof) = gateway.fault(Reason::ConfigError) {
            self.hold(Reason::ConfigError, Some(proof.clone()));
        }
        self.ailments();
        if state.life.is_unheard() && state.unreadable.is_empty() && gateway.starting.over(now) {
            return self.hold(Reason::StartStalled, Some(started(gateway)));
        }
        self.link(drains);
        if !drains {
            self.cron();
        }
    }

    /// Whether scheduled jobs run, where that is certain. Links are another matter.
    fn cron(&mut self) {
        let (life, now) = (&self.state.life, self.state.time.clock());
        let gateway = &life.gateway;
        let turns = gateway.pulse.is_known() && gateway.pulse.frozen(now).is_none();
        let stays = gateway.departure.is_none() && gateway.suspended.is_none();
        if !self.is_own() || !turns || !stays || gateway.id.pid.is_none() {
            return;
        }
        match gateway.scheduler.trouble(&life.cron, now) {
            Some(CronTrouble::Ended(proof)) => self.hold(Reason::CronEnded, Some(proof)),
            Some(CronTrouble::Failing(proof)) => self.hold(Reason::CronFailing, Some(proof)),
            None => {}
        }
    }

    /// Answers are being finished. Returns whether that is so.
    fn draining(&mut self) -> bool {
        let Some(drain) = self.gateway().departure.drain() else { return false };
        let mut finding = Finding::new(Reason::Draining, Some(drain.proof.clone()));
        if drain.timer.over(self.state.time.clock()) {
            finding.light = Light::Red;
        }
        self.findings.push(finding);
        true
    }

    /// How it leaves. Returns whether nothing else matters.
    fn leaving(&mut self, drains: bool) -> bool {
        let state = self.state;
        let (departure, now) = (&state.life.gateway.departure, state.time.clock());
        if let Some((timer, proof)) = departure.exiting().filter(|(timer, _)| timer.over(now)) {
            // A cron script of it that still runs keeps the process for as long as it takes.
            let script = departure.waits_for_script(now);
            let reason = if script { Reason::Stopping } else { Reason::NotExiting };
            self.hold(reason, Some(Proof { at: timer.since, ..proof.clone() }));
            if script {
                return true;
            }
        }
        let Some(shutdown) = departure.shutdown().filter(|_| departure.is_underway()) else {
            // Its word that it exits, where the log level hid that it was about to.
            if let Some((_, proof)) = departure.exiting() {
                self.hold(Reason::Restarting, Some(proof.clone()));
            }
            return false;
        };
        let proof = Some(shutdown.proof.clone());
        match shutdown.plan {
            _ if drains => return false,
            Plan::Stop => self.hold(Reason::Stopped, proof),
            Plan::Restart | Plan::Takeover if !shutdown.timer.over(now) => {
                self.hold(Reason::Restarting, proof);
            }
            Plan::Unplanned if !shutdown.timer.over(now) => {
                self.hold(Reason::Restarting, proof);
                return false;
            }
            _ => {
                self.hold(Reason::ShutdownStalled, proof);
                return false;
            }
        }
        true
    }

    /// A link that was refused at the start: the gateway may have ended for it.
    fn refused_start(&mut self) {
        let gateway = self.gateway();
        let config = gateway.fault(Reason::ConfigError).cloned();
        if let Some((platform, reason, proof, other_pid)) = gateway.links.refused_start() {
            let platform = Some(platform);
            self.findings.push(Finding { platform, other_pid, ..Finding::new(reason, Some(proof)) });
        }
        if config.is_some() {
            self.hold(Reason::ConfigError, config);
        }
    }

    /// What lasts as long as the process does, and is worth a word when it is gone.
    fn ailments(&mut self) {
        let gateway = self.gateway();
        if let Some(proof) = gateway.fault(Reason::ExecutorShutdown).cloned() {
            self.hold(Reason::ExecutorShutdown, Some(proof));
        }
        if self.state.life.gateway.end.is_some() {
            let links: Vec<_> = self.state.life.gateway.links.ailments(self.state.time.clock()).collect();
            for (platform, reason, proof) in links {
                let platform = Some(platform);
                self.findings.push(Finding { platform, ..Finding::new(reason, Some(proof)) });
            }
        }
    }

    fn link(&mut self, drains: bool) {
        let state = self.state;
        let (gateway, now) = (&state.life.gateway, state.time.clock());
        // The log level hides recoveries: then the times that are over prove nothing either.
        let blind = gateway.info_hidden();
        let unseen = blind || gateway.truncated || gateway.beginning < Beginning::Witnessed;
        let mut links = gateway.links.of(self.profile, now, &gateway.starting);
        for link in &mut links {
            link.ignored = state.ignores(self.profile, &link.platform);
            let silent_start = link.evidence.is_none();
            if matches!(link.reason, Reason::ReconnectStalled | Reason::NetworkUnreachable)
                && link.unconfirmed
                && (blind || (silent_start && unseen))
            {
                (link.reason, link.light) = (Reason::NoEvidence, Light::Grey);
            }
            if silent_start && link.reason != Reason::NoEvidence {
                link.evidence = Some(started(gateway));
            }
        }
        links.sort_by_key(|link| (std::cmp::Reverse(link.light), link.reason));
        let counted: Vec<&LinkVerdict> = links.iter().filter(|link| !link.ignored).collect();
        // A light is green only for a process that stays.
        let stays = gateway.departure.is_none() && !drains;
        match counted.first() {
            Some(worst) if worst.light == Light::Green && gateway.is_starting(now) => {
                self.hold(Reason::Starting, Some(started(gateway)));
            }
            Some(worst) if worst.light == Light::Green && stays => self.supervised(worst),
            Some(worst) if worst.light == Light::Green => {}
            Some(worst) if drains && worst.light != Light::Red => {}
            Some(_) => self.findings.extend(counted.iter().map(|link| Finding::of_link(link))),
            None if stays => self.without_links(&links, unseen),
            None => {}
        }
        self.links = links;
    }

    fn supervised(&mut self, worst: &LinkVerdict) {
        let hearsay = self.gateway().id.pid.is_none() && self.state.job.is_silent();
        match unsupervised(self.state) {
            Some(word) => self.hold(Reason::Unsupervised, Some(word)),
            None if hearsay => self.hold(Reason::NoEvidence, worst.evidence.clone()),
            None => self.findings.push(Finding::of_link(worst)),
        }
    }

    /// No link of this profile counts.
    fn without_links(&mut self, ignored: &[LinkVerdict], unseen: bool) {
        let state = self.state;
        let (gateway, now) = (&state.life.gateway, state.time.clock());
        let proof = gateway.links.webhook().or(gateway.ready.as_ref()).cloned();
        let finished = proof.is_some() || gateway.links.any() || !ignored.is_empty();
        if !self.is_own() {
            self.hold(Reason::Served, None);
        } else if finished && (gateway.links.any() || gateway.ready.is_some() || proof.is_some()) {
            self.hold(Reason::Running, proof);
        } else if !gateway.starting.over(now) {
            self.hold(Reason::Starting, Some(started(gateway)));
        } else if unseen {
            self.hold(Reason::NoEvidence, None);
        } else {
            self.hold(Reason::ReconnectStalled, Some(started(gateway)));
        }
    }

    fn conclude(mut self) -> Verdict {
        let (state, gateway) = (self.state, &self.state.life.gateway);
        let is_own = self.is_own();
        // On purpose is on purpose: how it went before is history.
        if self.findings.iter().any(|finding| finding.reason == Reason::Stopped) {
            self.findings.retain(|finding| matches!(finding.reason, Reason::Stopped | Reason::NotExiting));
        }
        self.findings.sort_by_key(Finding::rank);
        let mut findings = self.findings.into_iter();
        let shown = findings.next().unwrap_or_else(|| Finding::new(Reason::NoEvidence, None));
        let mut notes: Vec<Note> = Vec::new();
        for also in findings.filter(|also| also.light == Light::Red) {
            let same = also.reason == shown.reason && also.platform == shown.platform;
            let told = notes.iter().any(|note| {
                matches!(note, Note::Also(reason, platform, _) if *reason == also.reason && *platform == also.platform)
            });
            if !same && !told {
                notes.push(Note::Also(also.reason, also.platform, also.proof));
            }
        }
        remarks(gateway, &mut notes);
        notes.extend(state.unreadable.iter().cloned().map(Note::Unreadable));
        let other_pid = match shown.reason {
            Reason::CrashLoop => gateway.second_instance.as_ref().and_then(|(pid, _)| *pid),
            _ => shown.other_pid,
        };
        let draining = gateway.departure.drain().filter(|_| gateway.end.is_none()).map(|drain| Draining {
            since: drain.timer.since,
            active: drain.active,
            external: gateway.departure.external_drain,
        });
        let alive = gateway.end.is_none();
        Verdict {
            reason: shown.reason,
            own_light: Some(shown.light).filter(|light| *light != shown.reason.light()),
            // A start is the gateway's, whichever link it waits for.
            platform: shown.platform.filter(|_| shown.reason != Reason::Starting),
            missing: shown.missing,
            since: state.time.now(),
            evidence: shown.proof,
            notes,
            last_message_at: self.links.iter().filter_map(|link| link.last_message_at).max(),
            links: self.links,
            pid: gateway.id.pid.filter(|_| alive),
            started_at: gateway.id.started_at.filter(|_| alive),
            version: gateway.version.clone().filter(|_| alive),
            manager: state
                .job
                .word()
                .filter(|word| word.state != JobState::NotLoaded)
                .map(|word| word.manager),
            other_pid,
            served_by: (!is_own).then(|| std::sync::Arc::clone(state.profile())),
            draining,
            held_green: None,
        }
    }
}

fn remarks(gateway: &Gateway, notes: &mut Vec<Note>) {
    if let Some((pid, _)) = &gateway.second_instance {
        notes.push(Note::SecondInstance(*pid));
    }
    if gateway.alive() && gateway.info_hidden() {
        notes.push(Note::InfoHidden);
    }
    if gateway.dropped {
        notes.push(Note::DroppedAtStart);
    }
}

fn started(gateway: &Gateway) -> Proof {
    let line = match gateway.id.pid {
        Some(pid) => format!("PID {pid} started"),
        None => "the gateway started".to_owned(),
    };
    Proof::new(Source::Process, line, gateway.starting.since)
}

/// What says that nobody would bring it back. Only a manager's own word counts. One that is older than this process
/// spoke of the process before, unless it did not know the job at all and never said that this changed.
fn unsupervised(state: &State) -> Option<Proof> {
    if state.time.deadlines.accept_unsupervised {
        return None;
    }
    let settled = state.time.clock() >= after(state.life.since, state.time.deadlines.settle);
    let fresh = state.job.at().is_some_and(|at| at >= state.life.since);
    let says_no = state.job.word().is_some_and(|word| {
        (fresh || (settled && word.state == JobState::NotLoaded))
            && match word.state {
                JobState::NotLoaded | JobState::Stopped => true,
                JobState::Waiting => word.pid.is_none(),
                JobState::Running => false,
            }
    });
    if says_no {
        return state.job.proof();
    }
    let runs = state.job.state() == Some(JobState::Running);
    let detached = state.detached.filter(|_| !runs)?;
    Some(Proof::new(Source::DetachedMarker, "launchd could not manage the gateway", detached))
}
