//! The verdicts on the gateway's own profile and on every profile that it ever served.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::names::ProfileName;
use super::reason::Light;
use super::verdict::{Change, Verdict};

/// The rows of one gateway.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rows {
    own: Row,
    served: BTreeMap<ProfileName, Row>,
}

impl Rows {
    /// The gateway's own row, without evidence.
    pub(super) fn new(own: ProfileName, at: Timestamp) -> Self {
        Self { own: Row::unknown(own, at), served: BTreeMap::new() }
    }

    /// The verdict on the gateway's own profile.
    pub(super) fn own(&self) -> &Verdict {
        &self.own.verdict
    }

    /// The verdict on this profile.
    pub(super) fn of(&self, profile: &str) -> Option<&Verdict> {
        let own = Some(&self.own).filter(|row| *row.profile == *profile);
        own.or_else(|| self.served.get(profile)).map(|row| &row.verdict)
    }

    /// Adds rows for profiles that have none.
    pub(super) fn add(&mut self, profiles: &BTreeSet<ProfileName>, at: Timestamp) {
        for profile in profiles {
            let row = || Row::unknown(Arc::clone(profile), at);
            self.served.entry(Arc::clone(profile)).or_insert_with(row);
        }
    }

    /// Shows the verdict on each profile. Adds the changes of light, reason or platform.
    pub(super) fn show(
        &mut self,
        at: Timestamp,
        verdict: impl Fn(&ProfileName) -> Verdict,
        changes: &mut Vec<Change>,
    ) {
        for row in std::iter::once(&mut self.own).chain(self.served.values_mut()) {
            let next = verdict(&row.profile);
            changes.extend(row.show(at, next));
        }
    }
}

/// One row, and what its next change needs.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    profile: ProfileName,
    verdict: Verdict,
    green_since: Option<Timestamp>,
    held_green: Option<SignedDuration>,
}

impl Row {
    fn unknown(profile: ProfileName, at: Timestamp) -> Self {
        Self { profile, verdict: Verdict::unknown(at), green_since: None, held_green: None }
    }

    fn show(&mut self, at: Timestamp, mut next: Verdict) -> Option<Change> {
        if next.is_same_as(&self.verdict) {
            next.since = self.verdict.since;
            next.held_green = self.verdict.held_green;
            self.verdict = next;
            return None;
        }
        match (self.verdict.light() == Light::Green, next.light() == Light::Green) {
            (false, true) => {
                self.green_since = Some(at);
                self.held_green = None;
            }
            (true, false) => self.held_green = self.green_since.map(|since| at.duration_since(since)),
            _ => {}
        }
        next.since = at;
        next.held_green = self.held_green;
        let from = std::mem::replace(&mut self.verdict, next);
        Some(Change { at, profile: Arc::clone(&self.profile), from, to: self.verdict.clone() })
    }
}
