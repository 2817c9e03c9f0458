//! The verdict on one profile: a pure function of [`State`], its clock and the profile.
//!
//! Every rule adds what holds. A red finding comes before all others; among equals the order of [`Reason`] decides.

mod alive;
mod gone;
mod row;

use jiff::Timestamp;

use self::row::{MakeProof, Row};
use super::evidence::{Fact, JobState, ProfileName, Proof, Source};
use super::reason::Reason;
use super::state::State;
use super::timer::{Earliest, after};

/// Judges one profile. `now`: the state's clock at the newest evidence or deadline.
pub(super) fn judge<'a>(state: &'a State, profile: &'a ProfileName, now: Timestamp) -> Row<'a> {
    let gateway = &state.life.gateway;
    let mut row = Row::new(state, profile, now);
    loops(&mut row);
    match &gateway.end {
        Some(_) => gone::gone(&mut row),
        None if !gateway.is_seen() => gone::absent_job(&mut row),
        None => alive::alive(&mut row),
    }
    row.conclude()
}

/// Whether rows may show the time of their judgement, so that all are judged whenever one is: a gateway without a process,
/// and a crash loop.
pub(super) fn shows_time(state: &State, now: Timestamp) -> bool {
    !state.life.gateway.alive() || crash_loop(state, now).is_some()
}

/// What shows a crash loop.
enum CrashLoop<'a> {
    /// The gateway's own report.
    Reported(&'a Proof),
    /// Too many starts.
    Counted,
}

fn crash_loop(state: &State, now: Timestamp) -> Option<CrashLoop<'_>> {
    let (starts, storm) = state.life.starts.crashes(now, &state.time.deadlines);
    let counted = (starts > state.time.deadlines.crash_starts).then_some(CrashLoop::Counted);
    storm.map(CrashLoop::Reported).or(counted)
}

/// Until when an update excuses that the gateway is down, and what shows it.
fn excuse(state: &State) -> Option<(Timestamp, Proof)> {
    state.life.gateway.end.as_ref().and_then(|end| state.update.excuse(&end.update))
}

/// Times at which the verdict may change without new evidence, besides the gateway's own timers.
pub(super) fn expiries(state: &State, due: &mut Earliest) {
    // A manager's report from before this process holds if no newer one comes.
    let before = state.job.at().is_some_and(|at| at < state.life.since);
    let not_loaded_before = before && state.job.state() == Some(JobState::NotLoaded);
    let word = not_loaded_before.then(|| after(state.life.since, state.time.deadlines.settle));
    due.add(word);
    due.add(excuse(state).map(|(until, _)| until));
    state.life.starts.deadlines(&state.time.deadlines, due);
}

/// Adds crash loops and replace loops.
fn loops(row: &mut Row<'_>) {
    let (state, now) = (row.state, row.now);
    if let Some(shown) = crash_loop(state, now).filter(|_| !has_settled(state, now)) {
        let refused = || state.life.gateway.second_instance.as_ref().map(|(_, proof)| proof);
        let proof = if let CrashLoop::Reported(report) = shown { Some(report) } else { refused() };
        match proof {
            Some(proof) => row.hold(Reason::CrashLoop, Some(proof)),
            None => row.hold_by(Reason::CrashLoop, COUNTED_STARTS),
        }
    }
    if let Some(proof) = state.life.starts.replace_loop(now, &state.time.deadlines) {
        row.hold(Reason::ReplaceLoop, Some(proof));
    }
}

/// Whether the process has worked for half the window, which ends a crash loop.
fn has_settled(state: &State, now: Timestamp) -> bool {
    let gateway = &state.life.gateway;
    gateway.alive()
        && gateway.at_work(now)
        && gateway.links.any()
        && now >= state.life.starts.settles_at(&state.time.deadlines)
}

const COUNTED_STARTS: MakeProof = |state, now| {
    let (count, _) = state.life.starts.crashes(now, &state.time.deadlines);
    let seconds = state.time.deadlines.crash_window.as_secs();
    Some(Proof::new(Source::Process, Fact::Starts { count: count as u64, seconds }, now))
};
