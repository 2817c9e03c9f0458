//! What is shown of the gateway's own profile and of every profile that it ever served.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};

use super::judge::judge;
use super::names::ProfileName;
use super::reason::Light;
use super::state::State;
use super::touched::Touched;
use super::verdict::{Change, Glance, Verdict};

/// The rows of one gateway.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    own: Row,
    served: BTreeMap<ProfileName, Box<Row>>,
    /// The clock of the state when they were last judged.
    judged_at: Timestamp,
}

impl Rows {
    /// The gateway's own row, without evidence.
    pub(super) fn new(own: ProfileName, at: Timestamp) -> Self {
        Self { own: Row::unknown(own, at), served: BTreeMap::new(), judged_at: at }
    }

    /// The verdict on the gateway's own profile. `state`: the one that was judged last.
    pub(super) fn own<'a>(&'a self, state: &'a State) -> &'a Verdict {
        self.own.verdict(state, self.judged_at)
    }

    /// What the gateway's own row shows.
    pub(super) fn glance(&self) -> &Glance {
        &self.own.shown
    }

    /// The verdict on this profile.
    pub(super) fn of<'a>(&'a self, profile: &str, state: &'a State) -> Option<&'a Verdict> {
        let own = Some(&self.own).filter(|row| *row.profile == *profile);
        own.or_else(|| self.served.get(profile).map(Box::as_ref))
            .map(|row| row.verdict(state, self.judged_at))
    }

    /// Judges these rows, and those of profiles that have none yet. Adds the changes of light, reason or platform.
    pub(super) fn judge(&mut self, state: &State, touched: &Touched, changes: &mut Vec<Change>) {
        self.judged_at = state.time.clock();
        match touched {
            Touched::All => self.judge_all(state, changes),
            Touched::Rows(profiles) => {
                if profiles.contains(&self.own.profile) {
                    changes.extend(self.own.judge(state, self.judged_at));
                }
                for profile in profiles {
                    let row = self.served.get_mut(profile);
                    changes.extend(row.and_then(|row| row.judge(state, self.judged_at)));
                }
                debug_assert!(self.all().all(|row| row.is_current(state, self.judged_at)), "{touched:?}");
            }
        }
    }

    fn judge_all(&mut self, state: &State, changes: &mut Vec<Change>) {
        for profile in state.life.served.names() {
            // boxed: most gateways serve a few profiles, and a map has room for eleven at once
            let row = || Box::new(Row::unknown(Arc::clone(profile), state.time.now()));
            self.served.entry(Arc::clone(profile)).or_insert_with(row);
        }
        for row in std::iter::once(&mut self.own).chain(self.served.values_mut().map(Box::as_mut)) {
            changes.extend(row.judge(state, self.judged_at));
        }
    }

    fn all(&self) -> impl Iterator<Item = &Row> {
        std::iter::once(&self.own).chain(self.served.values().map(Box::as_ref))
    }
}

/// One row, and what its next change needs.
#[derive(Debug, Clone)]
struct Row {
    profile: ProfileName,
    shown: Glance,
    green_since: Option<Timestamp>,
    held_green: Option<SignedDuration>,
    /// The whole verdict, made when it is read for the first time since the row was judged.
    verdict: OnceLock<Verdict>,
}

impl Row {
    fn unknown(profile: ProfileName, at: Timestamp) -> Self {
        let verdict = Verdict::unknown(at);
        let shown = verdict.glance();
        Self { profile, shown, green_since: None, held_green: None, verdict: verdict.into() }
    }

    fn verdict<'a>(&'a self, state: &'a State, clock: Timestamp) -> &'a Verdict {
        self.verdict
            .get_or_init(|| judge(state, &self.profile, clock).verdict(self.shown.since, self.held_green))
    }

    /// Whether judging the row anew would show the same.
    fn is_current(&self, state: &State, clock: Timestamp) -> bool {
        let judged = judge(state, &self.profile, clock);
        let is_same = |known: &Verdict| *known == judged.verdict(self.shown.since, self.held_green);
        judged.glance(self.shown.since) == self.shown && self.verdict.get().is_none_or(is_same)
    }

    fn judge(&mut self, state: &State, clock: Timestamp) -> Option<Change> {
        self.verdict.take();
        let judged = judge(state, &self.profile, clock);
        let at = state.time.now();
        let next = judged.glance(at);
        if next.is_same_as(&self.shown) {
            self.shown.pid = next.pid;
            return None;
        }
        match (self.shown.light() == Light::Green, next.light() == Light::Green) {
            (false, true) => {
                self.green_since = Some(at);
                self.held_green = None;
            }
            (true, false) => self.held_green = self.green_since.map(|since| at.duration_since(since)),
            _ => {}
        }
        let from = std::mem::replace(&mut self.shown, next);
        let to = judged.verdict(at, self.held_green);
        self.verdict = to.clone().into();
        Some(Change { at, profile: Arc::clone(&self.profile), from, to })
    }
}
