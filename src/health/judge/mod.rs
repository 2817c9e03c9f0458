//! The verdict on one profile: a pure function of [`State`], its clock and the profile.
//!
//! Every rule adds what holds. A red finding comes before all others; among equals the order of [`Reason`] decides.

mod alive;
mod gone;
mod row;

use jiff::Timestamp;

use self::row::Row;
use super::evidence::{Fact, JobState, ProfileName, Proof, Source};
use super::reason::Reason;
use super::state::State;
use super::timer::after;
use super::verdict::Verdict;

/// The verdict on one profile. `since` and `held_green` are left to the caller.
pub(super) fn verdict(state: &State, profile: &ProfileName) -> Verdict {
    let gateway = &state.life.gateway;
    let mut row = Row::new(state, profile);
    loops(&mut row);
    match &gateway.end {
        Some(_) => gone::gone(&mut row),
        None if !gateway.is_seen() => gone::absent_job(&mut row),
        None => alive::alive(&mut row),
    }
    row.conclude()
}

/// Until when an update excuses that the gateway is down, and what shows it.
fn excuse(state: &State) -> Option<(Timestamp, Proof)> {
    state.life.gateway.end.as_ref().and_then(|end| state.update.excuse(end.respawn.since))
}

/// Times at which the verdict may change without new evidence, besides the gateway's own timers.
pub(super) fn expiries(state: &State) -> impl Iterator<Item = Timestamp> + '_ {
    // A manager's report from before this process holds if no newer one comes.
    let before = state.job.at().is_some_and(|at| at < state.life.since);
    let not_loaded_before = before && state.job.state() == Some(JobState::NotLoaded);
    let word = not_loaded_before.then(|| after(state.life.since, state.time.deadlines.settle));
    let excused = excuse(state).map(|(until, _)| until);
    state.life.starts.deadlines(&state.time.deadlines).chain(word).chain(excused)
}

/// Adds crash loops and replace loops.
fn loops(row: &mut Row<'_>) {
    let state = row.state;
    let now = state.time.clock();
    // A process that has worked for half the window ends a crash loop.
    let settled = state.life.gateway.alive()
        && state.life.gateway.at_work(now)
        && state.life.gateway.links.any()
        && now >= state.life.starts.settles_at(&state.time.deadlines);
    if !settled {
        let (starts, storm) = state.life.starts.crashes(now, &state.time.deadlines);
        if starts > state.time.deadlines.crash_starts || storm.is_some() {
            let counted = || {
                let seconds = state.time.deadlines.crash_window.as_secs();
                Proof::new(Source::Process, Fact::Starts { count: starts as u64, seconds }, state.time.now())
            };
            let refused = state.life.gateway.second_instance.as_ref().map(|(_, proof)| proof.clone());
            let proof = storm.cloned().or(refused).unwrap_or_else(counted);
            row.hold(Reason::CrashLoop, Some(proof));
        }
    }
    if let Some(proof) = state.life.starts.replace_loop(now, &state.time.deadlines) {
        row.hold(Reason::ReplaceLoop, Some(proof.clone()));
    }
}
