//! What is shown of a gateway whose process is there.

use jiff::Timestamp;

use super::row::{Finding, Grounds, MakeProof, REPORTED, Row, STARTED};
use crate::health::cron::CronTrouble;
use crate::health::departure::Plan;
use crate::health::evidence::{Fact, JobState, Proof, Source};
use crate::health::gateway::Beginning;
use crate::health::reason::{Light, Reason};
use crate::health::state::State;
use crate::health::timer::after;

/// Adds what holds for a gateway with a live process.
pub(super) fn alive(row: &mut Row<'_>) {
    let state = row.state;
    let (gateway, now) = (&state.life.gateway, row.now);
    if gateway.suspended.is_some_and(|timer| timer.over(now)) {
        row.hold_by(Reason::ProcessSuspended, SUSPENDED);
    }
    // A process that said that it exits no longer writes a heartbeat.
    let frozen = gateway.pulse.frozen(now).filter(|_| gateway.departure.exiting().is_none());
    if let Some(proof) = frozen {
        row.hold(Reason::EventLoopFrozen, Some(proof));
    }
    let drains = frozen.is_none() && draining(row);
    if leaving(row, drains) {
        return;
    }
    row.hold_fault(Reason::ConfigError);
    row.hold_fault(Reason::ExecutorShutdown);
    if state.life.has_written_nothing() && state.unreadable.is_empty() && gateway.startup.timer.over(now) {
        return row.hold_by(Reason::StartStalled, STARTED);
    }
    links(row, drains);
    if !drains {
        cron(row);
    }
}

/// Adds what keeps cron jobs from running, where that is certain.
fn cron(row: &mut Row<'_>) {
    let (life, now) = (&row.state.life, row.now);
    let gateway = &life.gateway;
    let turns = gateway.pulse.is_known() && gateway.pulse.frozen(now).is_none();
    let stays = gateway.departure.is_none() && gateway.suspended.is_none();
    if !row.is_own() || !turns || !stays || gateway.id.pid.is_none() {
        return;
    }
    match gateway.scheduler.trouble(&life.cron, now) {
        Some(CronTrouble::Ended(proof)) => row.hold(Reason::CronEnded, Some(proof)),
        Some(CronTrouble::Silent) => row.hold_by(Reason::CronEnded, LAST_SCHEDULER_BEAT),
        Some(CronTrouble::Failing(proof)) => row.hold(Reason::CronFailing, Some(proof)),
        None => {}
    }
}

/// Adds a drain. Returns whether there is one.
fn draining(row: &mut Row<'_>) -> bool {
    let Some(drain) = row.gateway().departure.drain() else { return false };
    let mut finding = Finding::new(Reason::Draining, Some(Grounds::Kept(&drain.proof)));
    if drain.timer.over(row.now) {
        finding.light = Light::Red;
    }
    row.findings.push(finding);
    true
}

/// Adds how the process leaves. Returns whether nothing else matters.
fn leaving(row: &mut Row<'_>, drains: bool) -> bool {
    let state = row.state;
    let (departure, now) = (&state.life.gateway.departure, row.now);
    if departure.exiting().is_some_and(|(timer, _)| timer.over(now)) {
        // The process does not end before the cron scripts that it started.
        let script = departure.waits_for_script(now);
        let reason = if script { Reason::Stopping } else { Reason::NotExiting };
        row.hold_by(reason, EXITING);
        if script {
            return true;
        }
    }
    let Some(shutdown) = departure.shutdown().filter(|_| departure.is_underway()) else {
        // The log level hid the line that announces the shutdown.
        if let Some((_, proof)) = departure.exiting() {
            row.hold(Reason::Restarting, Some(proof));
        }
        return false;
    };
    let proof = Some(&shutdown.proof);
    match shutdown.plan {
        _ if drains => return false,
        Plan::Stop => row.hold(Reason::Stopped, proof),
        Plan::Restart | Plan::Takeover if !shutdown.timer.over(now) => {
            row.hold(Reason::Restarting, proof);
        }
        Plan::Unplanned | Plan::NoLinkLeft if !shutdown.timer.over(now) => {
            row.hold(Reason::Restarting, proof);
            return false;
        }
        _ => {
            row.hold(Reason::ShutdownStalled, proof);
            return false;
        }
    }
    true
}

/// Adds the links of the profile.
fn links(row: &mut Row<'_>, drains: bool) {
    let state = row.state;
    let (gateway, now) = (&state.life.gateway, row.now);
    // Where the log level hides recoveries, a deadline that passed proves nothing.
    let blind = gateway.is_blind();
    let unseen = blind || gateway.truncated || gateway.beginning < Beginning::Witnessed;
    let mut links = gateway.links.of(row.profile, now, &gateway.startup.timer);
    for link in &mut links {
        link.ignored = state.ignores(row.profile, link.platform);
        let silent_start = link.proof.is_none();
        let rests_on_silence = may_rest_on_silence(link.reason) && link.unconfirmed;
        // the start is over, and the log level hides what came of it
        let hidden = silent_start && link.reason == Reason::Starting && blind && gateway.ready.is_some();
        if hidden || (rests_on_silence && (blind || (silent_start && unseen))) {
            (link.reason, link.light) = (Reason::NoEvidence, Light::Grey);
        }
    }
    links.sort_by_key(|link| (std::cmp::Reverse(link.light), link.reason));
    let counted = || links.iter().filter(|link| !link.ignored);
    // A light is green only for a process that stays.
    let stays = gateway.departure.is_none() && !drains;
    match counted().next() {
        Some(worst) if worst.light == Light::Green && gateway.is_starting(now) => {
            row.hold_by(Reason::Starting, STARTED);
        }
        Some(worst) if worst.light == Light::Green && stays => works(row, Finding::of_link(worst)),
        Some(worst) if worst.light == Light::Green => {}
        Some(worst) if drains && worst.light != Light::Red => {}
        // A link of which nothing is known is worse than one that is up, though its reason comes last.
        Some(_) => {
            let trouble = counted().filter(|link| link.light != Light::Green);
            row.findings.extend(trouble.map(Finding::of_link));
        }
        None if stays => without_links(row, unseen),
        None => {}
    }
    row.links = links;
}

/// Whether the reason may rest on missing lines alone.
fn may_rest_on_silence(reason: Reason) -> bool {
    use Reason as R;
    let lost = matches!(reason, R::ReconnectStalled | R::NetworkUnreachable | R::LinksMissing);
    lost || matches!(reason, R::AuthRejected | R::LinkConflict | R::Reconnecting)
}

/// The gateway works, as this finding says. Adds that, or what is missing: a service manager, or a live process.
fn works<'a>(row: &mut Row<'a>, finding: Finding<'a>) {
    match unsupervised(row.state, row.now) {
        Some(make) => row.hold_by(Reason::Unsupervised, make),
        None if is_by_log_alone(row.state, finding.reason) => {
            row.findings.push(Finding::new(Reason::NoEvidence, finding.grounds));
        }
        None => row.findings.push(finding),
    }
}

/// Whether neither a look at the processes nor a manager shows that the gateway is alive. The proof of a link shows it too,
/// unless a manager was asked in vain.
fn is_by_log_alone(state: &State, reason: Reason) -> bool {
    let job = &state.job;
    let proven =
        if reason == Reason::Running { job.state() == Some(JobState::Running) } else { !job.is_silent() };
    state.life.gateway.id.pid.is_none() && !proven
}

/// Adds what holds for a profile without a link that counts.
fn without_links(row: &mut Row<'_>, unseen: bool) {
    let state = row.state;
    let (gateway, now) = (&state.life.gateway, row.now);
    let proof = gateway.links.webhook().or(gateway.ready.as_ref());
    let starts = !gateway.startup.timer.over(now);
    if !row.is_own() && gateway.ready.is_none() && starts {
        row.hold_by(Reason::Starting, STARTED);
    } else if !row.is_own() {
        row.hold(Reason::Served, None);
    // As long as the start goes on, the next platform may be this profile's.
    } else if proof.is_some() || (gateway.links.any() && !gateway.is_starting(now)) {
        works(row, Finding::new(Reason::Running, proof.map(Grounds::Kept)));
    } else if starts {
        row.hold_by(Reason::Starting, STARTED);
    } else if unseen {
        row.hold(Reason::NoEvidence, None);
    } else {
        row.hold_by(Reason::ReconnectStalled, STARTED);
    }
}

/// What shows that nobody would start the gateway again. Only what a manager reports counts. A report from before this
/// process was about the one before it, unless the manager did not know the job and has not reported otherwise since.
fn unsupervised(state: &State, now: Timestamp) -> Option<MakeProof> {
    if state.time.deadlines.accept_unsupervised {
        return None;
    }
    let settled = now >= after(state.life.since, state.time.deadlines.settle);
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
        return Some(REPORTED);
    }
    let runs = state.job.state() == Some(JobState::Running);
    (state.detached.is_some() && !runs).then_some(DETACHED)
}

const DETACHED: MakeProof =
    |state, _| Some(Proof::new(Source::DetachedMarker, Fact::Detached, state.detached?));

const SUSPENDED: MakeProof =
    |state, _| Some(Proof::new(Source::Process, Fact::Suspended, state.life.gateway.suspended?.since));

/// The announcement that the process exits, with the time from which on its exit is awaited.
const EXITING: MakeProof = |state, _| {
    let (timer, proof) = state.life.gateway.departure.exiting()?;
    Some(Proof { at: timer.since, ..proof.clone() })
};

const LAST_SCHEDULER_BEAT: MakeProof = |state, _| state.life.cron.last_beat();
