//! The profiles that a gateway serves besides its own, and records of their homes that came before that was known.

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;

use super::evidence::{LogRecord, ProfileName};

/// Records kept until it is known whether their profile is served.
const MOST_UNCLAIMED: usize = 64;

/// What is known of the profiles that a gateway serves.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Served {
    /// As last known: a new process serves what the one before served until it has finished its start.
    names: BTreeSet<ProfileName>,
    unclaimed: VecDeque<(Timestamp, LogRecord)>,
}

impl Served {
    /// Their names.
    pub(super) fn names(&self) -> &BTreeSet<ProfileName> {
        &self.names
    }

    /// Takes in what the present process shows. `started`: it has finished its start, so whom it has not named by now it
    /// does not serve.
    pub(super) fn update(&mut self, shown: BTreeSet<ProfileName>, started: bool) {
        if started {
            self.names = shown;
        } else {
            self.names.extend(shown);
        }
    }

    /// Keeps a record of a home whose profile is not known to be served.
    pub(super) fn keep(&mut self, now: Timestamp, record: LogRecord) {
        if self.unclaimed.len() >= MOST_UNCLAIMED {
            self.unclaimed.pop_front();
        }
        self.unclaimed.push_back((now, record));
    }

    /// The records of profiles that are known to be served by now.
    pub(super) fn claim(&mut self, is_served: impl Fn(&ProfileName) -> bool) -> Vec<(Timestamp, LogRecord)> {
        let is_claimed = |record: &LogRecord| record.home.as_ref().is_some_and(&is_served);
        if !self.unclaimed.iter().any(|(_, record)| is_claimed(record)) {
            return Vec::new();
        }
        let (claimed, rest) = self.unclaimed.drain(..).partition(|(_, record)| is_claimed(record));
        self.unclaimed = rest;
        Vec::from(claimed)
    }

    /// Another process: what was written before it is not its own.
    pub(super) fn forget_records(&mut self) {
        self.unclaimed.clear();
    }
}
