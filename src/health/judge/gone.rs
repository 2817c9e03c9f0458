//! What is shown of a gateway without a process.

use super::excuse;
use super::row::{Finding, Grounds, MakeProof, REPORTED, Row};
use crate::health::departure::Plan;
use crate::health::evidence::{JobState, JobWord, Manager, Proof, Source};
use crate::health::job::{EXIT_FAILURE, EXIT_RESTART};
use crate::health::reason::Reason;

/// `sysexits.h` EX_CONFIG: how the gateway ends on a configuration that it cannot use.
const EX_CONFIG: i32 = 78;

/// Adds what the manager reports of a job whose process was never seen.
pub(super) fn absent_job(row: &mut Row<'_>) {
    let state = row.state;
    let Some(word) = state.job.word() else { return };
    let reason = match word.state {
        JobState::NotLoaded if word.manager == Manager::Launchd => Reason::NotLoaded,
        JobState::Stopped => Reason::Stopped,
        JobState::Waiting if word.last_exit == Some(EX_CONFIG) => Reason::ConfigError,
        JobState::Waiting => {
            let over = state.life.absent.is_some_and(|timer| timer.over(row.now));
            let waits = word.comes_back != Some(false) && !word.spawn_failed && !over;
            if waits { Reason::Restarting } else { Reason::NotRunning }
        }
        JobState::NotLoaded | JobState::Running => return,
    };
    row.hold_by(reason, REPORTED);
}

/// Adds what holds for a gateway whose process is gone: whether that was intended, and whether it will be started again.
pub(super) fn gone(row: &mut Row<'_>) {
    let state = row.state;
    let (gateway, now) = (&state.life.gateway, row.now);
    let Some(end) = &gateway.end else { return };
    refused_starts(row);
    let shutdown = gateway.departure.shutdown();
    let plan = shutdown.map(|shutdown| shutdown.plan);
    let ran_again = state.job.ran_again_since(end.respawn.since);
    if plan == Some(Plan::Stop) && !ran_again {
        return row.hold(Reason::Stopped, shutdown.map(|shutdown| &shutdown.proof));
    }
    let job = state.job.state();
    if job == Some(JobState::Stopped) {
        return absent_job(row);
    }
    // The log level hides the line about a planned stop. The exit code shows it too, unless the state file says otherwise: a
    // gateway that nobody asked to stop ends with 1, or says that no link is left.
    let says_stopped = gateway.departure.says_stopped;
    let planned = match says_stopped {
        Some(says) => says && plan != Some(Plan::NoLinkLeft),
        None => matches!(plan, None | Some(Plan::Unplanned)),
    };
    if gateway.is_blind() && planned && end.exit == Some(0) && !ran_again {
        return match says_stopped {
            Some(_) => row.hold_by(Reason::Stopped, FILE_SAYS_STOPPED),
            None => row.hold(Reason::Stopped, Some(&end.proof)),
        };
    }
    let job_exit = state.job.word().filter(|_| state.job.at() >= Some(end.respawn.since));
    let exit = end.exit.filter(|_| !ran_again).or(job_exit.and_then(|word| word.last_exit));
    if exit == Some(EX_CONFIG) {
        row.hold(Reason::ConfigError, Some(&end.proof));
    }
    if excuse(state).is_some_and(|(until, _)| now < until) {
        return row.hold_by(Reason::Updating, UPDATED);
    }
    let comes_back = job_exit.is_none_or(|word| word.comes_back != Some(false) && !word.spawn_failed);
    let in_time = !end.respawn.over(now);
    let on_its_way = match (plan, job) {
        (_, Some(JobState::Waiting)) if matches!(exit, Some(EXIT_RESTART | EXIT_FAILURE)) => {
            comes_back && !end.restart_by_manager.over(now)
        }
        (Some(Plan::Restart | Plan::Takeover), _) => in_time,
        _ if exit == Some(EXIT_RESTART) => in_time,
        (_, Some(JobState::Running)) => in_time,
        (_, Some(JobState::Waiting)) => in_time && comes_back,
        (_, Some(JobState::NotLoaded | JobState::Stopped)) => false,
        // It announced that it leaves, or there is a manager that has not reported yet.
        (_, None) => {
            let asked = plan.is_some() || state.job.known || gateway.id.pid.is_none();
            exit.is_none() && asked && !end.settle.over(now)
        }
    };
    if on_its_way {
        let planned = shutdown.filter(|_| !ran_again).map(|shutdown| &shutdown.proof);
        return row.hold(Reason::Restarting, planned.or(Some(&end.proof)));
    }
    let unloaded = state.job.word().is_some_and(|word| word.manager == Manager::Launchd);
    if job == Some(JobState::NotLoaded) && unloaded {
        absent_job(row);
    } else if job_exit.is_some_and(JobWord::explains) {
        row.hold_by(Reason::NotRunning, REPORTED);
    } else {
        row.hold(Reason::NotRunning, Some(&end.proof));
    }
    lasting_faults(row);
}

const FILE_SAYS_STOPPED: MakeProof =
    |_, now| Some(Proof::new(Source::StateFile, "gateway_state: stopped", now));

/// The update of Hermes that stopped the gateway.
const UPDATED: MakeProof = |state, _| excuse(state).map(|(_, proof)| proof);

/// Adds refused starts, for which the gateway may have ended. One that finished its start did not end for them.
fn refused_starts(row: &mut Row<'_>) {
    let gateway = row.gateway();
    let refused = gateway.links.refused_starts().filter(|_| gateway.ready.is_none());
    row.findings.extend(refused.map(|(platform, reason, proof, other_pid)| {
        let (platform, grounds) = (Some(platform), Some(Grounds::Kept(proof)));
        Finding { platform, other_pid, ..Finding::new(reason, grounds) }
    }));
    row.hold_fault(Reason::ConfigError);
}

/// Adds the faults that lasted until the process ended: they may be why it ended.
fn lasting_faults(row: &mut Row<'_>) {
    row.hold_fault(Reason::ExecutorShutdown);
    for (platform, reason, proof) in row.gateway().links.lasting_faults(row.now) {
        let (platform, grounds) = (Some(platform), Some(Grounds::Kept(proof)));
        row.findings.push(Finding { platform, ..Finding::new(reason, grounds) });
    }
}
