//! Carriers: records that contain text written by people, with its line breaks. What looks like a record below a
//! carrier is suspect, because it may be part of that text. [`super::forged`] says which suspect records are believed.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::line::{self, Level};

/// A record of the past was written later than a carrier if its timestamp is later by more than this. Our choice: one
/// write takes milliseconds.
const SAME_WRITE: Duration = Duration::from_secs(2);
/// The timestamps of records that several threads write at once may be out of order by this much. Our choice.
const DISORDER: Duration = Duration::from_secs(1);
/// A long record reaches the reader in several parts within this time. Our choice: Python writes it in blocks of 8 KiB
/// without a pause.
const ONE_ARRIVAL: Duration = Duration::from_millis(250);

/// All carriers above a position in a log, combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carriers {
    pub(super) level: Level,
    /// At least one is in `gateway.log` as well.
    in_gateway_log: bool,
    /// At least one is not.
    pub(super) elsewhere: bool,
    /// The newest timestamp of all.
    stamp: Option<DateTime>,
    /// When the last one was read.
    read_at: Timestamp,
}

impl Carriers {
    /// A single carrier.
    pub(super) fn one(
        level: Level,
        in_gateway_log: bool,
        stamp: Option<DateTime>,
        read_at: Timestamp,
    ) -> Self {
        Self { level, in_gateway_log, elsewhere: !in_gateway_log, stamp, read_at }
    }

    /// Combines these with earlier ones.
    pub(super) fn and(self, before: Option<Self>) -> Self {
        let Some(before) = before else { return self };
        Self {
            level: self.level.max(before.level),
            in_gateway_log: self.in_gateway_log || before.in_gateway_log,
            elsewhere: self.elsewhere || before.elsewhere,
            stamp: self.stamp.max(before.stamp),
            read_at: self.read_at.max(before.read_at),
        }
    }

    /// Whether what is read now may be the rest of the last carrier.
    pub(super) fn goes_on(&self, now: Timestamp) -> bool {
        now.duration_since(self.read_at).unsigned_abs() <= ONE_ARRIVAL
    }
}

/// What is known about a block of the past besides its lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct Past {
    /// The carriers in the block above this one.
    pub before: Option<Carriers>,
    /// When the block is read, in the log's local time.
    pub now: Option<DateTime>,
}

/// For each offset in a block of the past, the earliest timestamp below it.
#[derive(Debug)]
pub(super) struct Below {
    /// Offsets of the records with a timestamp, last first, with the earliest timestamp from there on.
    earliest: Vec<(usize, DateTime)>,
}

impl Below {
    /// Scans this block.
    pub(super) fn of(block: &[u8]) -> Self {
        let mut earliest: Vec<(usize, DateTime)> = Vec::new();
        let mut end = block.len();
        while end > 0 {
            let start = memchr::memrchr(b'\n', &block[..end - 1]).map_or(0, |at| at + 1);
            if let Some(stamp) = line::head(&block[start..end]).and_then(|head| head.stamp) {
                let below = earliest.last().map_or(stamp, |(_, below)| *below);
                earliest.push((start, stamp.min(below)));
            }
            end = start;
        }
        Self { earliest }
    }

    fn after(&self, place: usize) -> Option<DateTime> {
        let count = self.earliest.partition_point(|(start, _)| *start >= place);
        self.earliest[..count].last().map(|(_, stamp)| *stamp)
    }

    /// Whether the timestamp of the record that ends at this offset shows that it was written later than these
    /// carriers.
    pub(super) fn shows_later(&self, stamp: DateTime, end: usize, carriers: &Carriers, past: &Past) -> bool {
        let plus = |at: DateTime, by| at.checked_add(by).unwrap_or(DateTime::MAX);
        let is_later = carriers.stamp.is_some_and(|carrier| stamp > plus(carrier, SAME_WRITE));
        let is_past = past.now.is_none_or(|now| stamp <= plus(now, SAME_WRITE));
        is_later && is_past && self.after(end).is_none_or(|below| stamp <= plus(below, DISORDER))
    }
}
