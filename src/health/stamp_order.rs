//! The order of log lines by their stamps: lines of a former process, lines that are read late, and clocks that are
//! set back (daylight saving, NTP).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::evidence::{LogRecord, PlatformName, ProfileName, Source};
use super::timer::after;

/// Files are read one after the other, so a line may arrive after a later one from another file. A line that is older
/// than the newest by less than this was read late; one that is older by more shows that the clock was set back.
const STRAGGLER_SECONDS: i64 = 60;

/// A line of the former process is read late by at most this much.
const LATE_SECONDS: i64 = 1800;

/// No change of clocks explains an older line: it is history in the file.
const ANCIENT_SECONDS: i64 = 7200;

/// The existing contents of all files are read within this time, whatever their stamps say.
const SAME_READING: Duration = Duration::from_secs(5);

/// The threads of a process write their records nearly in the order of their stamps: a stamp that falls by more than
/// this within one file shows that the clock was set back.
const DISORDER_SECONDS: i64 = 1;

/// Most files whose newest stamps are kept: more than any gateway writes.
const MAX_FILES: usize = 64;

/// A stamp, and when it was read.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Read {
    stamp: DateTime,
    at: Timestamp,
}

/// A log file: the served profile whose home it lies in, if any, and its name.
type LogFile = (Option<ProfileName>, Source);

/// The newest lines about the links of one platform.
#[derive(Debug, Clone, PartialEq)]
struct Newest {
    line: Read,
    /// The newest one about a problem, and the log that it was read in.
    problem: Option<(Read, Source)>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct StampOrder {
    first: Option<Read>,
    /// By the served profile in whose home the lines stand, if any, and the platform: a served profile with logs of its own
    /// has other links.
    newest: BTreeMap<Option<ProfileName>, BTreeMap<PlatformName, Newest>>,
    newest_of_file: Vec<(LogFile, DateTime)>,
}

/// What follows from a line's stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The line was written before this process's first one.
    pub is_of_before: bool,
    /// The clock was set back before this line.
    pub set_back: bool,
}

impl StampOrder {
    pub(super) fn place(&mut self, record: &LogRecord, now: Timestamp) -> Place {
        let Some(stamp) = record.stamp else { return Place { is_of_before: false, set_back: false } };
        let set_back = self.was_set_back(stamp, record, now);
        Place { is_of_before: self.is_of_before(stamp, set_back, now), set_back }
    }

    /// Whether a line about a link was read too late to count: a newer one about its platform is known. `is_good`: the line
    /// says that the link is up, so that only a newer line about a problem contradicts it.
    pub(super) fn is_straggler(
        &mut self,
        record: &LogRecord,
        platform: &PlatformName,
        is_good: bool,
        set_back: bool,
        now: Timestamp,
    ) -> bool {
        let Some(stamp) = record.stamp else { return false };
        let read = Read { stamp, at: now };
        let problem = || (!is_good).then(|| (read, record.proof.source.clone()));
        let known = self.newest.get_mut(&record.home).and_then(|of_home| of_home.get_mut(platform));
        let Some(known) = known else {
            let of_home = self.newest.entry(record.home.clone()).or_default();
            of_home.insert(platform.clone(), Newest { line: read, problem: problem() });
            return false;
        };
        let (contradicting, is_elsewhere) = match &known.problem {
            Some((problem, log)) if is_good => (Some(*problem), *log != record.proof.source),
            None if is_good => (None, false),
            _ => (Some(known.line), false),
        };
        let is_older = |newest: &Read| {
            // Nothing comes back within a millisecond: the log in which it was read was read after the other.
            stamp < newest.stamp || (is_elsewhere && stamp == newest.stamp && stamp.subsec_nanosecond() > 0)
        };
        if let Some(newest) = contradicting.filter(|newest| is_older(newest) && !set_back) {
            let behind = newest.stamp.duration_since(stamp).as_secs();
            if behind < STRAGGLER_SECONDS || is_of_the_past(behind, newest, now) {
                return true;
            }
        }
        known.problem = problem().or(known.problem.take());
        if !is_good || set_back || known.line.stamp <= stamp {
            known.line = read;
        }
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
                let newest = self.newest.values_mut().flat_map(BTreeMap::values_mut);
                let reads = newest.flat_map(|Newest { line, problem }| {
                    std::iter::once(line).chain(problem.as_mut().map(|(problem, _)| problem))
                });
                for read in reads.filter(|read| stamp < read.stamp) {
                    *read = Read { stamp, at: now };
                }
            }
            return fell;
        }
        if self.newest_of_file.len() < MAX_FILES {
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

/// Whether a line that is this many seconds older than the reference was in its file before it was first read.
fn is_of_the_past(behind: i64, reference: Read, now: Timestamp) -> bool {
    behind > ANCIENT_SECONDS || now < after(reference.at, SAME_READING)
}
