//! The clock of a log: local time without a zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::evidence::line::head;

/// If stamps go back by more than this within the hour that is repeated when summer time ends, the hour's second pass has
/// begun. Threads that write to one log mix their records by less.
const TURNED_BACK_SECONDS: i64 = 60;

pub(super) fn stamp(line: &[u8]) -> Option<DateTime> {
    head(line)?.stamp
}

/// The instant of a stamp in this zone; in a repeated hour that of the first or the second pass.
pub(super) fn instant(stamp: DateTime, zone: &TimeZone, second: bool) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(stamp);
    let found = if second { ambiguous.later() } else { ambiguous.compatible() };
    found.unwrap_or(Timestamp::UNIX_EPOCH)
}

fn is_repeated(stamp: DateTime, zone: &TimeZone) -> bool {
    matches!(zone.to_ambiguous_timestamp(stamp).offset(), AmbiguousOffset::Fold { .. })
}

/// The clock of a log: local time, which is set back when summer time ends.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) zone: TimeZone,
    last: DateTime,
    second: bool,
    /// Never decreases: a record with an earlier stamp (of another thread, or a pasted line) happened now.
    pub(super) now: Timestamp,
}

impl Clock {
    pub(super) fn starting(at: DateTime, zone: &TimeZone) -> Self {
        Self { zone: zone.clone(), last: at, second: false, now: instant(at, zone, false) }
    }

    pub(super) fn read(&mut self, stamp: DateTime) {
        let fell = self.last.duration_since(stamp).as_secs() > TURNED_BACK_SECONDS;
        if !is_repeated(stamp, &self.zone) {
            self.second = false;
        } else if fell && is_repeated(self.last, &self.zone) {
            self.second = true;
        }
        self.last = stamp;
        self.now = self.now.max(instant(stamp, &self.zone, self.second));
    }
}

/// Whether the clock may have been set back while these lines were written.
pub(super) fn turns_back(block: &[u8], zone: &TimeZone) -> bool {
    let first = block.split(|b| *b == b'\n').find_map(stamp);
    let last = block.rsplit(|b| *b == b'\n').find_map(stamp);
    let (Some(first), Some(last)) = (first, last) else { return false };
    let offset = |at: DateTime| zone.to_offset(instant(at, zone, false));
    let long = last.duration_since(first).as_hours().abs() > 30 * 24;
    long || is_repeated(first, zone) || is_repeated(last, zone) || offset(first) != offset(last)
}
