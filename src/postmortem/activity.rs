//! The times in which a log has lines, and the silences between them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::clock::{instant, stamp};
use crate::order::Order as _;

/// If a log is silent for this long, the machine may have been off or asleep.
const SILENCE_HOURS: i64 = 1;

/// Blocks smaller than this, in bytes, are not halved.
const ONE_BY_ONE: usize = 2 << 10;

/// The gaps of at least [`SILENCE_HOURS`] between the times in which there are lines.
pub(super) fn silences(mut active: Vec<(Timestamp, Timestamp)>) -> Vec<(Timestamp, Timestamp)> {
    active.order();
    let mut found = Vec::new();
    let mut until: Option<Timestamp> = None;
    for (from, to) in active {
        if let Some(until) = until
            && from.duration_since(until).as_hours() >= SILENCE_HOURS
        {
            found.push((until, from));
        }
        until = until.max(Some(to));
    }
    found
}

/// When a log has lines. Spans less than [`SILENCE_HOURS`] apart are merged.
#[derive(Debug, Default)]
pub(super) struct Activity {
    pub(super) spans: Vec<(Timestamp, Timestamp)>,
}

impl Activity {
    /// Adds a span.
    pub(super) fn add(&mut self, from: Timestamp, to: Timestamp) {
        match self.spans.last_mut() {
            Some((_, end)) if from.duration_since(*end).as_hours() < SILENCE_HOURS => *end = to.max(*end),
            _ => self.spans.push((from, to.max(from))),
        }
    }

    /// Adds the lines of a block. Only where there may be a silence are the lines read one by one.
    pub(super) fn block(&mut self, block: &[u8], zone: &TimeZone, plausible: &dyn Fn(DateTime) -> bool) {
        let stamp = |line: &[u8]| stamp(line).filter(|stamp| plausible(*stamp));
        let at = |stamp| instant(stamp, zone, false);
        let mut lines = block.split(|b| *b == b'\n');
        let Some(first) = lines.by_ref().find_map(stamp).map(at) else { return };
        let last = block.rsplit(|b| *b == b'\n').find_map(stamp).map_or(first, at);
        if last.duration_since(first).as_hours().abs() < SILENCE_HOURS {
            self.add(first.min(last), last.max(first));
            return;
        }
        let half = memchr::memchr(b'\n', &block[block.len() / 2..]).map(|at| block.len() / 2 + at + 1);
        match half.filter(|half| *half < block.len() && block.len() > ONE_BY_ONE) {
            Some(half) => {
                self.block(&block[..half], zone, plausible);
                self.block(&block[half..], zone, plausible);
            }
            None => {
                std::iter::once(first).chain(lines.filter_map(stamp).map(at)).for_each(|at| self.add(at, at));
            }
        }
    }
}
