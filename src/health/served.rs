//! The profiles that a gateway serves besides its own, and records from homes that are not known to be served.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::evidence::{LogRecord, ProfileName};
use super::links::Links;

/// Most records that are kept until it is known whether their profile is served.
const MAX_UNCLAIMED: usize = 64;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Served {
    /// Until a new process has finished its start, it is taken to serve what the one before served, unless the
    /// configuration says otherwise.
    names: BTreeSet<ProfileName>,
    unclaimed: VecDeque<(Timestamp, LogRecord)>,
}

impl Served {
    pub(super) fn names(&self) -> &BTreeSet<ProfileName> {
        &self.names
    }

    /// Takes in the profiles that the current process names. `names_all`: it serves no others.
    pub(super) fn update(&mut self, links: &Links, names_all: bool) {
        if names_all {
            self.names.retain(|name| links.serves(name));
        }
        for name in links.served() {
            if !self.names.contains(name) {
                self.names.insert(Arc::clone(name));
            }
        }
    }

    /// Keeps a record of a home whose profile is not known to be served.
    pub(super) fn keep(&mut self, now: Timestamp, record: LogRecord) {
        if self.unclaimed.len() >= MAX_UNCLAIMED {
            self.unclaimed.pop_front();
        }
        self.unclaimed.push_back((now, record));
    }

    /// Whether records are kept.
    pub(super) fn has_records(&self) -> bool {
        !self.unclaimed.is_empty()
    }

    /// Takes out the records of profiles that are served.
    pub(super) fn claim(&mut self, is_served: impl Fn(&ProfileName) -> bool) -> Vec<(Timestamp, LogRecord)> {
        let is_claimed = |record: &LogRecord| record.home.as_ref().is_some_and(&is_served);
        if !self.unclaimed.iter().any(|(_, record)| is_claimed(record)) {
            return Vec::new();
        }
        let (claimed, rest) = self.unclaimed.drain(..).partition(|(_, record)| is_claimed(record));
        self.unclaimed = rest;
        Vec::from(claimed)
    }

    /// Drops the records that were written before the gateway logged its start: those of the process before it.
    pub(super) fn forget_records_before(&mut self, start: Option<DateTime>) {
        self.unclaimed.retain(|(_, record)| record.stamp >= start);
    }

    /// Drops all records: they were written before the current process was started.
    pub(super) fn forget_records(&mut self) {
        self.unclaimed.clear();
    }
}
