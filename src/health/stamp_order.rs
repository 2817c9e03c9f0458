//! The order of log lines by their stamps: lines of the process before, lines that were read late, and clocks that were
//! set back (daylight saving, NTP).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::evidence::{LogRecord, PlatformName, ProfileName, Source};
use super::timer::after;

/// Files are read one after the other, so a line may arrive after a later one from another file. One that is older than
/// the newest by less than this is such a straggler; one that is older by more shows that the clock was set back.
const STRAGGLER_SECONDS: i64 = 60;

/// A line of the process before is read late at most by this much.
const LATE_SECONDS: i64 = 1800;

/// No change of the clocks explains an older one: then the file holds what was long before.
const ANCIENT_SECONDS: i64 = 7200;

/// What files held already is read within this time, one file after the other, whatever its stamps say.
const SAME_READING: Duration = Duration::from_secs(5);

/// Threads of one process write their records in almost the order of the stamps: within one file a stamp that falls by
/// more than this shows that the clock was set back.
const DISORDER_SECONDS: i64 = 1;

/// Files whose newest stamps are remembered: more than any gateway writes.
const MOST_FILES: usize = 64;

/// A stamp, and when it was read.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Read {
    stamp: DateTime,
    at: Timestamp,
}

/// A log: the profile whose home it stands in if that is a served one, and its name.
type LogFile = (Option<ProfileName>, Source);

/// The stamps of one process.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct StampOrder {
    first: Option<Read>,
    /// Of lines about the links of each platform.
    newest: BTreeMap<PlatformName, Read>,
    newest_of_file: Vec<(LogFile, DateTime)>,
}

/// What a stamp says of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// It was written before this process's first line.
    pub is_of_before: bool,
    /// The clock of the stamps was set back.
    pub set_back: bool,
}

impl StampOrder {
    /// Places a record.
    pub(super) fn place(&mut self, record: &LogRecord, now: Timestamp) -> Place {
        let Some(stamp) = record.stamp else { return Place { is_of_before: false, set_back: false } };
        let set_back = self.was_set_back(stamp, record, now);
        Place { is_of_before: self.is_of_before(stamp, set_back, now), set_back }
    }

    /// Whether a line about a link is older than the newest one of its platform, and was only read later.
    pub(super) fn is_straggler(
        &mut self,
        platform: &PlatformName,
        stamp: Option<DateTime>,
        set_back: bool,
        now: Timestamp,
    ) -> bool {
        let Some(stamp) = stamp else { return false };
        if let Some(newest) = self.newest.get(platform).filter(|newest| stamp < newest.stamp && !set_back) {
            let behind = newest.stamp.duration_since(stamp).as_secs();
            if behind < STRAGGLER_SECONDS || is_of_the_past(behind, *newest, now) {
                return true;
            }
        }
        self.newest.insert(platform.clone(), Read { stamp, at: now });
        false
    }

    fn was_set_back(&mut self, stamp: DateTime, record: &LogRecord, now: Timestamp) -> bool {
        let (home, source) = (&record.home, &record.proof.source);
        let is_its_file = |(of, name): &LogFile| of == home && name == source;
        if let Some((_, newest)) = self.newest_of_file.iter_mut().find(|(file, _)| is_its_file(file)) {
            let fell = newest.duration_since(stamp).as_secs() > DISORDER_SECONDS;
            if fell || stamp > *newest {
                *newest = stamp;
            }
            if fell {
                for newest in self.newest.values_mut().filter(|newest| stamp < newest.stamp) {
                    *newest = Read { stamp, at: now };
                }
            }
            return fell;
        }
        if self.newest_of_file.len() < MOST_FILES {
            self.newest_of_file.push(((home.clone(), source.clone()), stamp));
        }
        false
    }

    fn is_of_before(&mut self, stamp: DateTime, set_back: bool, now: Timestamp) -> bool {
        let first = *self.first.get_or_insert(Read { stamp, at: now });
        let behind = first.stamp.duration_since(stamp).as_secs();
        if behind <= DISORDER_SECONDS {
            return false;
        }
        let before = !set_back && (behind < LATE_SECONDS || is_of_the_past(behind, first, now));
        if !before {
            self.first = Some(Read { stamp, at: now });
        }
        before
    }
}

/// Whether a line that is older than the reference by so many seconds was in its file before anybody read it.
fn is_of_the_past(behind: i64, reference: Read, now: Timestamp) -> bool {
    behind > ANCIENT_SECONDS || now < after(reference.at, SAME_READING)
}
