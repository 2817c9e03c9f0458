//! How it decides: from what is remembered to one verdict. A pure function of [`Core`] and its clock.
//!
//! Every rule says what holds; the order of [`Reason`] says which one shows.

use std::time::Duration;

use jiff::Timestamp;

use super::core::{Core, Job};
use super::evidence::{JobState, Manager, Proof};
use super::gateway::{Feishu, Gateway, Link, Plan};
use super::reason::{Light, Reason};
use super::timer::{after, before};
use super::verdict::{Note, Verdict};

/// What holds, with what showed it.
type Holding = Vec<(Reason, Option<Proof>)>;

/// `sysexits.h` EX_CONFIG: how the gateway ends on a configuration that it cannot use.
const EX_CONFIG: i32 = 78;

/// How the gateway ends when it was asked to restart.
const EXIT_RESTART: i32 = 75;

/// The verdict that follows from all that is known. `since` and `held_green` are left to the caller.
pub(super) fn verdict(core: &Core) -> Verdict {
    let gateway = &core.gateway;
    let mut holding: Holding = Vec::new();
    loops(core, &mut holding);
    match &gateway.end {
        Some(_) => gone(core, &mut holding),
        None if !gateway.seen => absent_job(core, &mut holding),
        None => alive(core, &mut holding),
    }
    // On purpose is on purpose: how it went before is history.
    if holding.iter().any(|(reason, _)| *reason == Reason::Stopped) {
        holding.retain(|(reason, _)| matches!(reason, Reason::Stopped | Reason::NotExiting));
        holding.sort_by_key(|(reason, _)| *reason != Reason::NotExiting);
    } else {
        holding.sort_by_key(|(reason, _)| *reason);
    }
    let mut all = holding.into_iter();
    let (reason, evidence) = all.next().unwrap_or((Reason::NoEvidence, None));
    let mut notes: Vec<Note> = Vec::new();
    for (also, proof) in all {
        let told = notes.iter().any(|note| matches!(note, Note::Also(told, _) if *told == also));
        if also != reason && also.light() == Light::Red && !told {
            notes.push(Note::Also(also, proof));
        }
    }
    remarks(gateway, &mut notes);
    notes.extend(core.unreadable.iter().cloned().map(Note::Unreadable));
    Verdict {
        reason,
        since: core.now,
        evidence,
        notes,
        pid: gateway.pid.filter(|_| gateway.end.is_none()),
        started_at: gateway.started_at.filter(|_| gateway.end.is_none()),
        manager: core.job.as_ref().filter(|job| job.state != JobState::NotLoaded).map(|job| job.manager),
        other_pid: other_pid(gateway, reason),
        held_green: None,
    }
}

fn other_pid(gateway: &Gateway, reason: Reason) -> Option<u32> {
    match reason {
        Reason::AppInUse => gateway.trouble.as_ref().and_then(|t| t.other_pid),
        Reason::CrashLoop => gateway.second_instance.as_ref().and_then(|(pid, _)| *pid),
        _ => None,
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
    if gateway.alive() && gateway.tcp == Some(0) {
        notes.push(Note::NoConnection);
    }
}

/// Troubles that span processes.
fn loops(core: &Core, holding: &mut Holding) {
    let d = &core.deadlines;
    if !settled(core) {
        let [seen, recorded] = core.unmeant.each_ref().map(|starts| core.recent(starts, d.crash_window));
        let starts = seen.max(recorded);
        let storm = core.storm.as_ref().filter(|(at, _)| after(*at, d.crash_window) > core.clock());
        if starts > d.crash_starts || storm.is_some() {
            let counted = || {
                let line = format!("{starts} starts within {} s", d.crash_window.as_secs());
                Proof::new("process", line, core.now)
            };
            let refused = core.gateway.second_instance.as_ref().map(|(_, proof)| proof.clone());
            let proof = storm.map(|(_, proof)| proof.clone()).or(refused).unwrap_or_else(counted);
            holding.push((Reason::CrashLoop, Some(proof)));
        }
    }
    let floor = before(core.clock(), d.replace_window);
    let takeovers = core.takeovers.iter().rev().take(d.replace_takeovers);
    if takeovers.filter(|(at, _)| *at > floor).count() >= d.replace_takeovers {
        holding.push((Reason::ReplaceLoop, core.takeovers.last().map(|(_, proof)| proof.clone())));
    }
}

/// A process with a proven link that has held out for half the window ends a crash loop.
fn settled(core: &Core) -> bool {
    let connected = matches!(core.gateway.link, Link::Connected(_)) && core.gateway.alive();
    connected && core.clock() >= settles_at(core)
}

fn settles_at(core: &Core) -> Timestamp {
    after(core.newest_start.unwrap_or(Timestamp::MIN), core.deadlines.crash_window / 2)
}

/// Times at which the verdict may change without new evidence, besides the gateway's own timers.
pub(super) fn expiries(core: &Core) -> impl Iterator<Item = Timestamp> + '_ {
    let d = &core.deadlines;
    let ends = |times: &[Timestamp], most: usize, window: Duration| {
        let nth = times.len().checked_sub(most + 1).and_then(|i| times.get(i));
        nth.map(|at| after(*at, window))
    };
    let takeover =
        core.takeovers.len().checked_sub(d.replace_takeovers.max(1)).and_then(|i| core.takeovers.get(i));
    // A manager's word about the time before this process holds when no newer one comes.
    let word =
        core.job.as_ref().filter(|job| job.at < core.gateway_since && job.state == JobState::NotLoaded);
    [
        ends(&core.unmeant[0], d.crash_starts, d.crash_window),
        ends(&core.unmeant[1], d.crash_starts, d.crash_window),
        word.map(|_| after(core.gateway_since, d.settle)),
        core.storm.as_ref().map(|(at, _)| after(*at, d.crash_window)),
        takeover.map(|(at, _)| after(*at, d.replace_window)),
        Some(settles_at(core)),
    ]
    .into_iter()
    .flatten()
}

/// Nothing was ever seen of a process; perhaps the manager says why.
fn absent_job(core: &Core, holding: &mut Holding) {
    let Some(job) = &core.job else { return };
    let proof = Some(word_of(job));
    match job.state {
        JobState::NotLoaded if job.manager == Manager::Launchd => holding.push((Reason::NotLoaded, proof)),
        JobState::Stopped => holding.push((Reason::Stopped, proof)),
        JobState::Waiting if core.absent.is_some_and(|timer| timer.over(core.clock())) => {
            holding.push((Reason::NotRunning, proof));
        }
        JobState::Waiting => holding.push((Reason::Restarting, proof)),
        JobState::NotLoaded | JobState::Running => {}
    }
}

fn word(state: JobState) -> &'static str {
    match state {
        JobState::Running => "running",
        JobState::Waiting => "not running",
        JobState::Stopped => "stopped by the user",
        JobState::NotLoaded => "not loaded",
    }
}

/// The process is gone. What matters is whether somebody meant it, and who brings it back.
fn gone(core: &Core, holding: &mut Holding) {
    let (gateway, now) = (&core.gateway, core.clock());
    let Some(end) = &gateway.end else { return };
    if let Some(trouble) = &gateway.trouble {
        holding.push((trouble.reason, Some(trouble.proof.clone())));
    }
    let plan = gateway.shutdown.as_ref().map(|s| s.plan);
    if plan == Some(Plan::Stop) {
        holding.push((Reason::Stopped, gateway.shutdown.as_ref().map(|s| s.proof.clone())));
        return;
    }
    let job = core.job.as_ref();
    let state = job.map(|job| job.state);
    if state == Some(JobState::Stopped) {
        absent_job(core, holding);
        return;
    }
    // The log level hides the line that says so: what it wrote at the end, and how it ended, say it too.
    if gateway.info_hidden() && gateway.told_stopped && end.exit == Some(0) {
        holding
            .push((Reason::Stopped, Some(Proof::new("gateway_state.json", "gateway_state: stopped", now))));
        return;
    }
    let job_exit = job.filter(|job| job.at >= end.respawn.since).and_then(|job| job.last_exit);
    let exit = end.exit.or(job_exit);
    if exit == Some(EX_CONFIG) {
        holding.push((Reason::ConfigError, Some(end.proof.clone())));
    }
    let on_its_way = match (plan, state) {
        (Some(Plan::Restart | Plan::Takeover), _) => !end.respawn.over(now),
        _ if exit == Some(EXIT_RESTART) => !end.respawn.over(now),
        (_, Some(JobState::Running | JobState::Waiting)) => !end.respawn.over(now),
        (_, Some(JobState::NotLoaded | JobState::Stopped)) => false,
        // It left by its own word, or a manager is known that may speak yet.
        (_, None) => {
            let asked = plan.is_some() || core.manager_known || gateway.pid.is_none();
            exit.is_none() && asked && !end.settle.over(now)
        }
    };
    if on_its_way {
        let planned = gateway.shutdown.as_ref().map(|s| s.proof.clone());
        holding.push((Reason::Restarting, planned.or_else(|| Some(end.proof.clone()))));
    } else if state == Some(JobState::NotLoaded) && job.is_some_and(|job| job.manager == Manager::Launchd) {
        absent_job(core, holding);
        ailments(core, holding);
    } else {
        holding.push((Reason::NotRunning, Some(end.proof.clone())));
        ailments(core, holding);
    }
}

/// The process is there. What matters is whether it works.
fn alive(core: &Core, holding: &mut Holding) {
    let (gateway, now) = (&core.gateway, core.clock());
    let mut hold = |reason, proof: &Proof| holding.push((reason, Some(proof.clone())));
    if let Some(timer) = gateway.suspended.filter(|timer| timer.over(now)) {
        hold(Reason::ProcessSuspended, &Proof::new("process", "state T (stopped)", timer.since));
    }
    if let Some((timer, proof)) = &gateway.exiting
        && timer.over(now)
    {
        hold(Reason::NotExiting, proof);
    }
    if let Some((timer, proof)) = &gateway.heartbeat
        && timer.over(now)
    {
        hold(Reason::EventLoopFrozen, proof);
    }
    if let Some(proof) = &gateway.loop_missed {
        hold(Reason::EventLoopFrozen, proof);
    }
    if let Some(shutdown) = &gateway.shutdown {
        match shutdown.plan {
            Plan::Stop => return hold(Reason::Stopped, &shutdown.proof),
            Plan::Restart | Plan::Takeover if !shutdown.timer.over(now) => {
                return hold(Reason::Restarting, &shutdown.proof);
            }
            Plan::Unplanned if !shutdown.timer.over(now) => hold(Reason::Restarting, &shutdown.proof),
            _ => hold(Reason::ReconnectStalled, &shutdown.proof),
        }
    }
    if let Some(trouble) = &gateway.trouble {
        hold(trouble.reason, &trouble.proof);
    }
    // Its word that it exits, where the log level hid that it was about to.
    if let Some((_, proof)) = &gateway.exiting
        && gateway.shutdown.is_none()
    {
        hold(Reason::Restarting, proof);
    }
    ailments(core, holding);
    link(core, holding);
}

/// What lasts as long as the process does, and is worth a word when it is gone.
fn ailments(core: &Core, holding: &mut Holding) {
    let (gateway, now) = (&core.gateway, core.clock());
    let token = gateway.send_auth.as_ref();
    let token = token.filter(|_| !gateway.send_trial.is_some_and(|trial| trial.over(now)));
    for (reason, proof) in [
        (Reason::ExecutorShutdown, gateway.executor.as_ref()),
        (Reason::WrongEventLoop, gateway.wrong_loop.as_ref()),
        (Reason::AuthRejected, token),
    ] {
        holding.extend(proof.map(|proof| (reason, Some(proof.clone()))));
    }
}

fn link(core: &Core, holding: &mut Holding) {
    let (gateway, now) = (&core.gateway, core.clock());
    // The log level hides recoveries: then the times that are over prove nothing either. (A visible start logs at INFO
    // long before it can lose a link.)
    let blind = gateway.info_hidden();
    let stalled = if blind { Reason::NoEvidence } else { Reason::ReconnectStalled };
    let absent = match &gateway.feishu {
        Feishu::Absent(proof) => Some(proof),
        Feishu::Unknown | Feishu::Expected => None,
    };
    let (reason, proof) = match &gateway.link {
        Link::Connected(proof) => match unsupervised(core) {
            Some(word) => (Reason::Unsupervised, Some(word)),
            None => (Reason::Connected, Some(proof.clone())),
        },
        Link::Lost(timer, proof) if timer.over(now) => (stalled, Some(proof.clone())),
        Link::Attempting { timer, proof, stalled: red } if *red || timer.over(now) => {
            (if *red { Reason::ReconnectStalled } else { stalled }, Some(proof.clone()))
        }
        Link::Lost(_, proof) | Link::Attempting { proof, .. } => (Reason::Reconnecting, Some(proof.clone())),
        Link::Failed { reason, proof, next, shown } => {
            let reason = match next {
                Some(next) if next.over(now) => stalled,
                _ if !shown.over(now) => Reason::Reconnecting,
                _ => *reason,
            };
            (reason, Some(proof.clone()))
        }
        Link::Unknown if absent.is_some() => (Reason::Running, absent.cloned()),
        Link::Unknown if !gateway.starting.over(now) => (Reason::Starting, Some(started(gateway))),
        Link::Unknown if blind || gateway.truncated || !gateway.witnessed => (Reason::NoEvidence, None),
        Link::Unknown => (Reason::ReconnectStalled, Some(started(gateway))),
    };
    // A light is green only for a process that stays.
    let stays = gateway.shutdown.is_none() && gateway.exiting.is_none();
    if reason.light() != Light::Green || stays {
        holding.push((reason, proof));
    }
}

fn started(gateway: &Gateway) -> Proof {
    let line = match gateway.pid {
        Some(pid) => format!("PID {pid} started"),
        None => "the gateway started".to_owned(),
    };
    Proof::new("process", line, gateway.starting.since)
}

/// What says that nobody would bring it back. Only a manager's own word counts. One that is older than this process
/// spoke of the process before, unless it did not know the job at all and never said that this changed.
fn unsupervised(core: &Core) -> Option<Proof> {
    if core.deadlines.accept_unsupervised {
        return None;
    }
    let settled = core.clock() >= after(core.gateway_since, core.deadlines.settle);
    let job = core.job.as_ref();
    let says_no = job.filter(|job| {
        (job.at >= core.gateway_since || (settled && job.state == JobState::NotLoaded))
            && match job.state {
                JobState::NotLoaded | JobState::Stopped => true,
                JobState::Waiting => job.pid.is_none(),
                JobState::Running => false,
            }
    });
    let detached = core.detached.filter(|_| !job.is_some_and(|job| job.state == JobState::Running));
    let marker = || {
        let line = "launchd could not manage the gateway";
        detached.map(|at| Proof::new(".gateway-launchd-unsupported", line, at))
    };
    says_no.map(word_of).or_else(marker)
}

fn word_of(job: &Job) -> Proof {
    Proof::new(job.manager.word(), format!("{}: {}", job.label, word(job.state)), job.at)
}
