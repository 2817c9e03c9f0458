//! The clock of a log: local time without a zone.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::evidence::line::head;
use crate::health::timer::after;

/// If timestamps go back by more than this in the hour that is repeated at the end of summer time, its second pass has
/// begun. Records of several threads in one log are out of order by less.
const TURNED_BACK_SECONDS: i64 = 60;

pub(super) fn stamp(line: &[u8]) -> Option<DateTime> {
    head(line)?.stamp
}

/// The instant of a timestamp in this zone. `second`: in a repeated hour, that of the second pass.
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
    /// The hour of the newest timestamps, if it has one offset from UTC.
    hour: Option<Hour>,
    /// Never decreases: a record with an earlier timestamp (of another thread, or a pasted line) counts as happening
    /// now.
    pub(super) now: Timestamp,
}

impl Clock {
    pub(super) fn starting(at: DateTime, zone: &TimeZone) -> Self {
        Self { zone: zone.clone(), last: at, second: false, hour: None, now: instant(at, zone, false) }
    }

    pub(super) fn read(&mut self, stamp: DateTime) {
        if let Some(at) = self.in_plain_hour(stamp) {
            self.second = false;
            self.last = stamp;
            self.now = self.now.max(at);
            return;
        }
        let fell = self.last.duration_since(stamp).as_secs() > TURNED_BACK_SECONDS;
        if !is_repeated(stamp, &self.zone) {
            self.second = false;
        } else if fell && is_repeated(self.last, &self.zone) {
            self.second = true;
        }
        self.last = stamp;
        self.now = self.now.max(instant(stamp, &self.zone, self.second));
    }

    /// The instant of a timestamp whose hour has one offset.
    fn in_plain_hour(&mut self, stamp: DateTime) -> Option<Timestamp> {
        let known = self.hour.and_then(|hour| hour.instant(stamp));
        known.or_else(|| {
            self.hour = Hour::of(stamp, &self.zone);
            self.hour.and_then(|hour| hour.instant(stamp))
        })
    }
}

/// An hour of the log's clock of which no part is repeated or skipped. A cache: asking the zone for each timestamp
/// takes longer than reading its line.
#[derive(Debug, Clone, Copy)]
struct Hour {
    start: DateTime,
    begins: Timestamp,
}

impl Hour {
    fn of(stamp: DateTime, zone: &TimeZone) -> Option<Self> {
        let at = |minute, second, nanos| stamp.date().at(stamp.hour(), minute, second, nanos);
        let (start, last) = (at(0, 0, 0), at(59, 59, 999_999_999));
        let offset = |at| match zone.to_ambiguous_timestamp(at).offset() {
            AmbiguousOffset::Unambiguous { offset } => Some(offset),
            _ => None,
        };
        let plain = offset(start).filter(|first| offset(last) == Some(*first));
        plain.map(|_| Self { start, begins: instant(start, zone, false) })
    }

    fn instant(&self, stamp: DateTime) -> Option<Timestamp> {
        let same = (stamp.date(), stamp.hour()) == (self.start.date(), self.start.hour());
        let seconds = u64::try_from(i64::from(stamp.minute()) * 60 + i64::from(stamp.second())).ok()?;
        let nanos = u32::try_from(stamp.subsec_nanosecond()).ok()?;
        same.then(|| after(self.begins, Duration::new(seconds, nanos)))
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

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// A clock that asks the zone for every stamp.
    fn slowly(clock: &mut Clock, stamp: DateTime) {
        let fell = clock.last.duration_since(stamp).as_secs() > TURNED_BACK_SECONDS;
        if !is_repeated(stamp, &clock.zone) {
            clock.second = false;
        } else if fell && is_repeated(clock.last, &clock.zone) {
            clock.second = true;
        }
        clock.last = stamp;
        clock.now = clock.now.max(instant(stamp, &clock.zone, clock.second));
    }

    #[test]
    fn plain_hours_are_reckoned_as_the_zone_reckons_them() {
        for zone in ["Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York", "UTC"] {
            let zone = TimeZone::get(zone).unwrap();
            for day in [date(2026, 3, 28), date(2026, 10, 24), date(2026, 4, 4), date(2026, 11, 1)] {
                let start = day.at(22, 0, 0, 0);
                let (mut quick, mut slow) = (Clock::starting(start, &zone), Clock::starting(start, &zone));
                for step in 0..400 {
                    // forwards, and now and then back by up to an hour
                    let minutes = step * 3 - if step % 7 == 0 { step % 60 } else { 0 };
                    let stamp = start.saturating_add(jiff::SignedDuration::from_mins(minutes));
                    quick.read(stamp);
                    slowly(&mut slow, stamp);
                    assert_eq!((quick.now, quick.second), (slow.now, slow.second), "{stamp} {zone:?}");
                }
            }
        }
    }
}
