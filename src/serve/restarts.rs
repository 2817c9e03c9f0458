//! Counts the restarts of other Gatelight processes, from the history that they write.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::metrics::Counters;
use crate::history::Reader;

/// Longest time from the request of a restart to its end, and from its end until it is recorded.
const MAX_RESTART: SignedDuration = SignedDuration::from_mins(30);

/// The restarts that were counted.
pub(super) struct RestartCount {
    since: Timestamp,
    last_read: Timestamp,
    counted: BTreeSet<(String, Timestamp)>,
}

impl RestartCount {
    /// Counts restarts that end after `now`.
    pub(super) fn since(now: Timestamp) -> Self {
        Self { since: now, last_read: now, counted: BTreeSet::new() }
    }

    /// Counts new restarts. They are remembered one by one, because a restart that ended before the last read may be
    /// recorded after it.
    pub(super) fn update(&mut self, history: &Path, now: Timestamp, counters: &Counters) {
        let from = self.last_read.min(now) - MAX_RESTART;
        // no history, or one that is being written: the next read tries again
        let Ok(record) = Reader::open(history).and_then(|reader| reader.read(from, now)) else { return };
        for profile in &record.profiles {
            for restart in profile.restarts.iter().filter(|r| r.ended_at > self.since) {
                if self.counted.insert((profile.name.clone(), restart.asked_at)) {
                    counters.restarted(&profile.name, restart.result);
                }
            }
        }
        // earlier ones are not read again
        self.counted.retain(|(_, asked_at)| *asked_at >= from - MAX_RESTART);
        self.last_read = now;
    }
}
