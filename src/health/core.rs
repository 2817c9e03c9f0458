//! One gateway: takes in evidence, lets deadlines pass, and returns what changed for its own profile and for those
//! that it serves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::evidence::Evidence;
use super::judge;
use super::names::{PlatformName, ProfileName};
use super::platform::Platforms;
use super::rows::Rows;
use super::settings::Deadlines;
use super::state::State;
use super::timer::{Earliest, before};
use super::touched::Touched;
use super::verdict::{Change, Glance, Verdict};

/// Everything known of one gateway, and the verdicts that follow from it.
#[derive(Debug, Clone)]
pub struct Core {
    state: State,
    rows: Rows,
    /// As of the last judgement.
    due: Due,
    /// Evidence was taken in since the last judgement.
    is_stale: bool,
    /// How often every row was judged.
    revision: u64,
    /// The rows that were judged since they were last asked for.
    judged: Touched,
}

/// When verdicts may change without new evidence.
#[derive(Debug, Clone, Copy, Default)]
struct Due {
    /// When any may.
    next: Option<Timestamp>,
    /// When those of all rows may, and not only that of the row that shows one link.
    all_rows: Option<Timestamp>,
}

impl Core {
    /// A gateway in the home of this profile, without evidence.
    pub fn new(profile: ProfileName, platforms: &Platforms, deadlines: Deadlines, now: Timestamp) -> Self {
        let platforms = Arc::new(platforms.with_deadlines(&deadlines));
        let state = State::new(Arc::clone(&profile), platforms, deadlines, now);
        Self {
            state,
            rows: Rows::new(profile, now),
            due: Due::default(),
            is_stale: true,
            revision: 0,
            judged: Touched::All,
        }
    }

    /// The profile in whose home the gateway runs.
    pub fn profile(&self) -> &ProfileName {
        self.state.profile()
    }

    /// The verdict on the gateway's own profile.
    pub fn verdict(&self) -> &Verdict {
        self.rows.own(&self.state)
    }

    /// What the row of the gateway's own profile shows, without making the verdict.
    pub fn glance(&self) -> &Glance {
        self.rows.glance()
    }

    /// The verdict on a profile that it serves.
    pub fn verdict_of(&self, profile: &str) -> Option<&Verdict> {
        self.rows.of(profile, &self.state)
    }

    /// The profiles that the gateway serves besides its own.
    pub fn served(&self) -> &BTreeSet<ProfileName> {
        self.state.life.served.names()
    }

    /// Since when the current process is the gateway, if this profile is taken to be served only because the process
    /// before served it.
    pub fn served_before(&self, profile: &str) -> Option<Timestamp> {
        let life = &self.state.life;
        let by_this_process = life.gateway.links.serves(&profile.into());
        (life.served.names().contains(profile) && !by_this_process).then_some(life.since)
    }

    /// How often every row was judged. As long as it does not rise, the gateway serves the same profiles and has the same
    /// process, and only rows changed that each show a link of their own.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The rows that were judged since the last call: the verdicts on all others are the same.
    pub(crate) fn take_judged(&mut self) -> Touched {
        self.judged.take()
    }

    /// When the gateway's process ended, if it has.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.state.life.gateway.end.as_ref().map(|end| end.respawn.since)
    }

    /// The newest time that it was given.
    pub fn now(&self) -> Timestamp {
        self.state.time.now()
    }

    /// The PID of the gateway's process, alive or gone.
    pub fn gateway_pid(&self) -> Option<u32> {
        self.state.life.gateway.id.pid
    }

    /// The PID of a process that announced its exit and is still there. The caller looks for its child processes.
    pub fn exiting_pid(&self) -> Option<u32> {
        let gateway = &self.state.life.gateway;
        gateway.id.pid.filter(|_| gateway.alive() && gateway.departure.exiting().is_some())
    }

    /// Takes in one piece of evidence. Time never falls: an earlier `now` counts as the newest one. Deadlines that
    /// passed before it are applied first, each at its own time; one of the same time is judged together with it.
    pub fn step(&mut self, now: Timestamp, evidence: Evidence) -> Vec<Change> {
        let mut changes = Vec::new();
        self.take(now, evidence, &mut changes);
        self.judge(&mut changes);
        changes
    }

    /// Takes in what was found at one moment: deadlines before it pass first, and the verdict follows from all of it.
    pub fn step_all(&mut self, now: Timestamp, found: impl IntoIterator<Item = Evidence>) -> Vec<Change> {
        let mut changes = Vec::new();
        for evidence in found {
            self.take(now, evidence, &mut changes);
        }
        self.judge(&mut changes);
        changes
    }

    fn take(&mut self, now: Timestamp, evidence: Evidence, changes: &mut Vec<Change>) {
        match evidence {
            // Nothing ran while the machine slept, so no deadline passed in that span.
            Evidence::Wake { slept } if !self.state.time.is_asleep() => {
                let slept = Duration::try_from_secs_f64(slept.max(0.0)).unwrap_or(Duration::ZERO);
                let from = before(now, slept);
                self.advance(from, changes);
                self.state.time.fall_asleep(from);
            }
            _ => {
                self.advance_before(now, changes);
            }
        }
        self.state.time.advance_to(now);
        self.take_in(evidence);
    }

    fn take_in(&mut self, evidence: Evidence) {
        self.is_stale = true;
        self.state.take(evidence);
    }

    /// Takes in everything that one poll read, judges once, and then lets deadlines pass. So evidence that was
    /// written before a deadline is not judged after it, and no verdict follows from half of what was read.
    pub fn apply(&mut self, now: Timestamp, batch: Vec<Evidence>) -> Vec<Change> {
        let mut changes = Vec::new();
        let is_wake = |evidence: &Evidence| matches!(evidence, Evidence::Wake { .. });
        let (wakes, batch): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_wake);
        for wake in wakes {
            changes.extend(self.step(now, wake));
        }
        if !batch.is_empty() {
            self.state.time.advance_to(now);
            for evidence in batch {
                self.take_in(evidence);
            }
            self.judge(&mut changes);
        }
        self.advance(now, &mut changes);
        changes
    }

    /// The history was read; from now on the gateway is watched live. Some missing signs count only while it is
    /// watched.
    pub fn go_live(&mut self) -> Vec<Change> {
        self.state.life.go_live(self.state.time.moment());
        self.judge_now()
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        self.advance(now, &mut changes);
        changes
    }

    /// Sets other deadlines and platform rules, and judges again. Running timers keep their length.
    pub fn set_rules(&mut self, platforms: &Platforms, deadlines: Deadlines) -> Vec<Change> {
        let platforms = Arc::new(platforms.with_deadlines(&deadlines));
        self.state.life.gateway.links.set_platforms(&platforms);
        self.state.life.origin.platforms = platforms;
        self.state.time.deadlines = deadlines;
        self.judge_now()
    }

    /// Sets the links that do not count, and judges again.
    pub fn set_ignored(&mut self, ignored: BTreeMap<ProfileName, BTreeSet<PlatformName>>) -> Vec<Change> {
        if self.state.ignored == ignored {
            return Vec::new();
        }
        self.state.ignored = ignored;
        self.judge_now()
    }

    /// When `tick` is due next; `None`: nothing changes without new evidence.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.state.time.is_asleep() {
            return None;
        }
        let is_known = !self.is_stale && self.due.next.is_none_or(|next| next > self.state.time.now());
        if is_known { self.due.next } else { self.find_deadlines().next }
    }

    fn find_deadlines(&self) -> Due {
        let mut due = Earliest::after(self.state.time.now());
        self.state.life.deadlines(&mut due);
        judge::expiries(&self.state, &mut due);
        let all_rows = due.found();
        self.state.life.gateway.links.deadlines_of_rows(&mut due);
        Due { next: due.found(), all_rows }
    }

    fn advance(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        // what was due by then was applied then
        if now <= self.state.time.now() {
            return;
        }
        let next = self.advance_before(now, changes);
        self.state.time.advance_to(now);
        if next == Some(now) {
            self.judge(changes);
        }
    }

    /// Applies the deadlines before `now`, and returns the next one. What is due at `now` itself is judged with the evidence of
    /// that moment: otherwise a light would change for no time at all.
    fn advance_before(&mut self, now: Timestamp, changes: &mut Vec<Change>) -> Option<Timestamp> {
        loop {
            let next = self.next_deadline();
            let Some(due) = next.filter(|due| *due < now) else { return next };
            self.state.time.advance_to(due);
            self.judge(changes);
        }
    }

    fn judge_now(&mut self) -> Vec<Change> {
        self.state.touch_all();
        let mut changes = Vec::new();
        self.judge(&mut changes);
        changes
    }

    /// Judges the rows that may show something else than before. A test build judges the others, too, and compares.
    fn judge(&mut self, changes: &mut Vec<Change>) {
        let clock = self.state.time.clock();
        if self.due.all_rows.is_some_and(|due| due <= clock) || judge::shows_time(&self.state, clock) {
            self.state.touch_all();
        }
        let touched = self.state.take_touched();
        if touched == Touched::All {
            self.revision += 1;
            let gateway = &self.state.life.gateway;
            let started = gateway.ready.is_some() || gateway.startup.timer.over(clock);
            self.state.life.update_served(started);
        }
        self.rows.judge(&self.state, &touched, changes);
        self.judged.add_all(touched);
        self.due = self.find_deadlines();
        self.is_stale = false;
    }
}
