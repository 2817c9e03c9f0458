//! Reads the past of one log, backwards from its end, as far as judging the current process needs it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::less_tolerance;
use crate::evidence::carriers::{Carriers, Past};
use crate::evidence::line;
use crate::evidence::log_event::{Dated, LogEvent};
use crate::evidence::logbook::Scanner;
use crate::evidence::tail::{Block, HistoryEnd, HistoryReader};
use crate::health::Signal;
use crate::health::evidence::{EntryState, LinkSignal, LinkWord, PlatformEntry, PlatformName, StateFile};
use crate::order::Collect as _;

/// Time zones differ by multiples of this, in seconds.
const ZONE_STEP: i64 = 15 * 60;

/// Largest difference between two time zones, in seconds.
const WIDEST_ZONES: i64 = 26 * 3600;

/// Most blocks without a timestamp (long lines, long tracebacks) that are skipped to find one with a timestamp.
const MAX_UNSTAMPED: usize = 8;

/// How far before the current process starts and takeovers are searched: the default window of a crash loop.
const LOOP_SPAN: Duration = Duration::from_secs(600);

/// Most blocks per log that are read for them, before the start of the process.
const MAX_LOOP_BLOCKS: usize = 4;

/// How far back a log was read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reach {
    /// Up to the start of the process.
    pub to_start: bool,
    /// Up to an event of each link that is known to exist.
    pub to_link: bool,
    /// Up to the limit, with neither found.
    pub bounded: bool,
}

impl Reach {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            to_start: self.to_start || other.to_start,
            to_link: self.to_link || other.to_link,
            bounded: self.bounded || other.bounded,
        }
    }
}

/// Reference times for the timestamps of a log.
pub(super) struct Times<'a> {
    pub zone: &'a TimeZone,
    pub now: Timestamp,
    /// Start of the process minus the tolerance.
    pub oldest: Option<Timestamp>,
    /// When the file was last written.
    pub written: Option<Timestamp>,
}

/// What a log is read back to, besides the start of the process.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// The first event of any link.
    AnyLink,
    /// A decisive link event of each of these platforms.
    Each(BTreeSet<PlatformName>),
    /// Everything since this time: the log may be about several links, and an event of one says nothing about the others.
    Since(Timestamp),
}

impl Wanted {
    /// The platforms that the state file names, if there is one.
    pub(super) fn of(state: Option<&StateFile>, started_at: Option<Timestamp>) -> Self {
        let Some(state) = state else { return Self::AnyLink };
        if !state.served.is_empty() || state.entries.iter().any(|entry| entry.profile.is_some()) {
            return Self::Since(started_at.unwrap_or(Timestamp::MIN));
        }
        let is_own = |entry: &&PlatformEntry| {
            let of_now =
                entry.updated_at.is_none_or(|at| started_at.is_none_or(|begun| at >= less_tolerance(begun)));
            of_now && entry.state != EntryState::Disabled
        };
        let entries = state.entries.iter().filter(is_own);
        Self::Each(entries.map(|entry| Arc::clone(&entry.platform)).to_set())
    }

    /// Notes an event of a link. Returns whether nothing more must be found.
    fn found(&mut self, link: &LinkSignal) -> bool {
        match self {
            Self::AnyLink => true,
            Self::Each(platforms) => {
                // An announcement may refer to a proof in an older block.
                if !matches!(link.word, LinkWord::Announced | LinkWord::Attempt) {
                    platforms.remove(&link.platform);
                }
                platforms.is_empty()
            }
            Self::Since(_) => false,
        }
    }
}

impl Times<'_> {
    /// The time of the last lines that count: those of a process that is gone may be old.
    fn last(&self) -> Timestamp {
        let ended = self.written.filter(|_| self.oldest.is_none());
        ended.map_or(self.now, |ended| ended.min(self.now))
    }

    fn at(&self, stamp: DateTime) -> Option<Timestamp> {
        self.zone.to_ambiguous_timestamp(stamp).compatible().ok()
    }

    /// The offset of the timestamps of this log: its modification time minus the timestamp of its last line. The
    /// gateway may use another time zone (the zone of the machine was changed, the job sets TZ), or be in the repeated
    /// hour at the end of summer time.
    fn shift(&self, block: &Block) -> SignedDuration {
        let lines = block.bytes.rsplit(|b| *b == b'\n').take(64);
        let last = lines.filter(|_| block.index == 0).find_map(|text| line::head(text)?.stamp);
        let (Some(stamped), Some(written)) = (last.and_then(|stamp| self.at(stamp)), self.written) else {
            return SignedDuration::ZERO;
        };
        let late = written.duration_since(stamped).as_secs();
        let quarters = (late + ZONE_STEP / 2).div_euclid(ZONE_STEP);
        let rest = late - quarters * ZONE_STEP;
        let is_zone = quarters != 0 && late.abs() <= WIDEST_ZONES && (-2..=10).contains(&rest);
        if is_zone { SignedDuration::from_secs(quarters * ZONE_STEP) } else { SignedDuration::ZERO }
    }
}

/// Reads one log back to the start of the process or to an event of the link. `errors.log` has only warnings, few of them
/// about the link, and is read to the start of the process: a dead executor may be older than the last reconnect.
pub(super) fn read_backwards(
    reader: &mut HistoryReader,
    scanner: &Scanner,
    name: &str,
    times: &Times<'_>,
    wanted: &Wanted,
    events: &mut Dated,
) -> Reach {
    let warnings_only = name == "errors.log";
    let mut log = PastLog {
        scanner,
        name,
        times,
        // the other logs contain only the lines of some loggers
        wanted: if name == "agent.log" { wanted.clone() } else { Wanted::AnyLink },
        shift: None,
        loops_since: times.last().saturating_sub(LOOP_SPAN).unwrap_or(times.now),
        reach: Reach::default(),
        begin: events.len(),
        events,
    };
    let (mut unstamped, mut loop_blocks) = (0, 0);
    let mut next = reader.next_block();
    while let Some(block) = next {
        // the text of a carrier may reach from one block into the next
        next = reader.next_block();
        let before = next.as_ref().and_then(|older| scanner.carriers(&older.bytes, times.now));
        let Some(Stamped { first, found }) = log.scan(&block, before) else {
            // A log without timestamps has no history. A long line forms its own block.
            unstamped += 1;
            if unstamped > MAX_UNSTAMPED {
                return log.reach;
            }
            continue;
        };
        log.take_all(first, found);
        if log.reach.to_start || (log.reach.to_link && !warnings_only) {
            let more = !warnings_only && log.reaches_loops(first);
            if !more || loop_blocks == MAX_LOOP_BLOCKS {
                return log.reach;
            }
            loop_blocks += 1;
        }
    }
    log.reach.bounded = reader.end() == Some(HistoryEnd::Bound);
    // the whole file was read
    log.reach.to_start |= reader.end() == Some(HistoryEnd::Beginning) && !warnings_only;
    log.reach
}

/// The newest event of a log whose lines have no timestamps: it is as old as the last line, if the current process
/// wrote that.
pub(super) fn read_last(
    reader: &mut HistoryReader,
    scanner: &Scanner,
    name: &str,
    times: &Times<'_>,
) -> Option<(Timestamp, LogEvent)> {
    let written = times.written.filter(|written| times.oldest.is_none_or(|oldest| *written >= oldest))?;
    let block = reader.next_block()?;
    let (past, mut last) = (Past { before: None, now: None }, None);
    scanner.read_past(name, &block.bytes, &past, written, &mut |event| last = Some(event));
    last.map(|event| (written.min(times.now), event))
}

/// One log that is read backwards, and what was found so far.
struct PastLog<'a> {
    scanner: &'a Scanner,
    name: &'a str,
    times: &'a Times<'a>,
    wanted: Wanted,
    /// Offset of the timestamps, known once the last block was read.
    shift: Option<SignedDuration>,
    /// Starts and takeovers since then count although they are older than the process: a crash loop spans several
    /// processes.
    loops_since: Timestamp,
    reach: Reach,
    /// Where the events of this log begin.
    begin: usize,
    events: &'a mut Dated,
}

impl PastLog<'_> {
    /// Adds the events of a block whose first record has this time.
    fn take_all(&mut self, first: Option<Timestamp>, found: Dated) {
        // before those of the later blocks: where timestamps are equal, the order in the log decides
        let later = self.events.split_off(self.begin);
        for (at, event) in found {
            self.take(at, event);
        }
        self.events.extend(later);
        self.reach.to_start |=
            matches!((first, self.times.oldest), (Some(first), Some(oldest)) if first < oldest);
        self.reach.to_link |=
            matches!((first, &self.wanted), (Some(first), Wanted::Since(since)) if first < *since);
    }

    fn take(&mut self, at: Timestamp, event: LogEvent) {
        if self.times.oldest.is_some_and(|oldest| at < oldest) {
            self.reach.to_start = true;
            if at >= self.loops_since && is_about_starts(&event.record.signal) {
                self.events.push((at, event));
            }
            return;
        }
        match &event.record.signal {
            // it may be forged
            _ if event.suspect.is_some() => {}
            Signal::Link(link) if link.word.is_of_link() => {
                self.reach.to_link |= self.wanted.found(link);
            }
            Signal::Start | Signal::PlannedStop => self.reach.to_start = true,
            _ => {}
        }
        self.events.push((at, event));
    }

    /// Whether blocks above the one whose first record has this time may contain starts of a crash loop, or why a process that is
    /// gone ended.
    fn reaches_loops(&self, first: Option<Timestamp>) -> bool {
        let young = self.times.oldest.is_none_or(|oldest| oldest > self.loops_since);
        young && first.is_some_and(|first| first > self.loops_since)
    }

    /// The events of the next older block; `None` if it has no timestamps. `before`: the carriers in the block above
    /// it.
    fn scan(&mut self, block: &Block, before: Option<Carriers>) -> Option<Stamped> {
        let shift = *self.shift.get_or_insert_with(|| self.times.shift(block));
        let (times, now) = (self.times, self.times.now);
        let at = |stamp| times.at(stamp)?.checked_add(shift).ok();
        let mut found = Dated::new();
        let mut stamped = false;
        let by_log = now.checked_sub(shift).ok().map(|now| now.to_zoned(times.zone.clone()).datetime());
        let past = Past { before, now: by_log };
        self.scanner.read_past(self.name, &block.bytes, &past, now, &mut |event| {
            if let Some(stamp) = event.record.stamp {
                stamped = true;
                found.push((at(stamp).unwrap_or(now).min(now), event));
            }
        });
        let first = block.bytes.split(|b| *b == b'\n').take(64).find_map(|text| line::head(text)?.stamp);
        let first = first.and_then(at);
        (first.is_some() || stamped).then_some(Stamped { first, found })
    }
}

/// The events of a block with timestamps.
struct Stamped {
    /// Timestamp of its first record.
    first: Option<Timestamp>,
    found: Dated,
}

/// Whether the signal reports the start or the intended end of a process.
const fn is_about_starts(signal: &Signal) -> bool {
    matches!(signal, Signal::Start | Signal::PlannedStop | Signal::PlannedRestart | Signal::Takeover)
}
