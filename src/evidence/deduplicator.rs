//! Recognises copies of an event that was already read in another file of the same home: one event is in up to four
//! files.

use std::collections::VecDeque;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::log_event::LogEvent;

/// Most remembered events: more than one turn of the loop can read.
const MAX_REMEMBERED: usize = 512;

/// Room for so many more events is reserved at once.
const STEP: usize = 16;

/// Lists that the events with a stamp are spread over.
const LISTS: usize = 256;

/// An unstamped copy of an event arrives within this time of the stamped one.
const COPY_MILLIS: u64 = 60_000;

/// Recognises an event that was read already, in another file.
#[derive(Debug)]
pub struct Deduplicator {
    /// Oldest first.
    remembered: VecDeque<Remembered>,
    /// How many were remembered, ever. The counter may wrap around: a place that it then leads to by mistake is compared
    /// like any other.
    total: u32,
    /// For each list the number of its newest event, counted like `total`.
    newest: Box<[u32]>,
    /// How many of them have no stamp: these are in no list.
    unstamped: usize,
    /// The names of the files.
    files: Vec<String>,
}

/// There are hundreds of these for each profile.
#[derive(Debug)]
struct Remembered {
    key: u64,
    stamp: Option<DateTime>,
    /// Milliseconds since 1970.
    at: i64,
    /// How many places before it the next older event of its list is; 0: there is none.
    older: u16,
    /// How often the event happened.
    times: u16,
    /// The copies in the file in which it was read first. An event that is in one file twice happened twice.
    first: Copies,
    /// The same for the other files; empty for most events.
    others: Box<[Copies]>,
}

#[derive(Debug, Clone, Copy)]
struct Copies {
    /// The index in [`Deduplicator::files`].
    file: u16,
    times: u16,
}

impl Remembered {
    fn copies(&self) -> impl Iterator<Item = &Copies> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Whether this file has as many copies as the event happened.
    fn stands_in(&self, file: u16) -> bool {
        self.copies().any(|copies| copies.file == file && copies.times >= self.times)
    }

    /// Whether an unstamped copy of it may arrive now.
    fn is_fresh(&self, now: i64) -> bool {
        now.abs_diff(self.at) < COPY_MILLIS
    }

    /// Counts one more copy in this file. Returns whether it was expected, so that the event did not happen again.
    fn add_to(&mut self, file: u16) -> bool {
        if !self.copies().any(|copies| copies.file == file) {
            self.note_file(Copies { file, times: 0 });
        }
        let mut count = 0;
        let all = std::iter::once(&mut self.first).chain(&mut self.others);
        for copies in all.filter(|copies| copies.file == file) {
            copies.times = copies.times.saturating_add(1);
            count = copies.times;
        }
        let known = count <= self.times;
        self.times = self.times.max(count);
        known
    }

    fn note_file(&mut self, copies: Copies) {
        let mut others = std::mem::take(&mut self.others).into_vec();
        others.push(copies);
        self.others = others.into_boxed_slice();
    }
}

impl Default for Deduplicator {
    fn default() -> Self {
        // far from the first events, until the counter wraps around
        let newest = vec![u32::MAX; LISTS].into_boxed_slice();
        Self { remembered: VecDeque::new(), total: 0, newest, unstamped: 0, files: Vec::new() }
    }
}

impl Deduplicator {
    /// Whether this event was seen before; it is remembered if not.
    pub fn is_copy(&mut self, event: &LogEvent, now: Timestamp) -> bool {
        let Some(key) = event.key else { return false };
        let file = self.number_of(event.record.proof.source.as_str());
        let (stamp, now) = (event.record.stamp, now.as_millisecond());
        let known = match stamp {
            Some(stamp) => self.stamped(key, stamp),
            // Copies come in the order of the events: this is a copy of the oldest event that is not in its file yet.
            None => self.oldest(|old| old.key == key && old.is_fresh(now) && !old.stands_in(file)),
        };
        if let Some(known) = known {
            return self.remembered[known].add_to(file);
        }
        // The first copy had no timestamp and this one has: it is passed on again.
        if let Some(stamp) = stamp.filter(|_| self.unstamped > 0)
            && let Some(known) = self.oldest(|old| old.key == key && old.stamp.is_none() && old.is_fresh(now))
        {
            self.unstamped -= 1;
            let old = &mut self.remembered[known];
            old.stamp = Some(stamp);
            if !old.copies().any(|copies| copies.file == file) {
                old.note_file(Copies { file, times: 1 });
            }
            self.enlist(known);
            return false;
        }
        let first = Copies { file, times: 1 };
        self.remember(Remembered { key, stamp, at: now, older: 0, times: 1, first, others: Box::default() });
        false
    }

    fn remember(&mut self, event: Remembered) {
        if self.remembered.len() >= MAX_REMEMBERED
            && let Some(oldest) = self.remembered.pop_front()
        {
            self.unstamped -= usize::from(oldest.stamp.is_none());
        }
        if self.remembered.len() == self.remembered.capacity() {
            self.remembered.reserve_exact(STEP);
        }
        self.unstamped += usize::from(event.stamp.is_none());
        self.remembered.push_back(event);
        self.total = self.total.wrapping_add(1);
        self.enlist(self.remembered.len() - 1);
    }

    /// Puts an event with a stamp into its list, behind those that are newer.
    fn enlist(&mut self, place: usize) {
        let Remembered { key, stamp: Some(stamp), .. } = self.remembered[place] else { return };
        let list = list_of(key, stamp);
        let (mut newer, mut older) = (None, self.newest_of(list));
        while let Some(next) = older.filter(|next| *next > place) {
            newer = Some(next);
            older = self.older_than(next);
        }
        self.remembered[place].older = older.map_or(0, |older| distance(older, place));
        if let Some(newer) = newer {
            self.remembered[newer].older = distance(place, newer);
        } else {
            self.newest[list] = self.total.wrapping_sub(distance(place, self.remembered.len()).into());
        }
    }

    /// The event with this key and stamp.
    fn stamped(&self, key: u64, stamp: DateTime) -> Option<usize> {
        let mut list = std::iter::successors(self.newest_of(list_of(key, stamp)), |at| self.older_than(*at));
        list.find(|at| self.remembered[*at].key == key && self.remembered[*at].stamp == Some(stamp))
    }

    /// The newest event of a list, unless all of them are forgotten.
    fn newest_of(&self, list: usize) -> Option<usize> {
        let from_end = usize::try_from(self.total.wrapping_sub(self.newest[list])).ok()?;
        self.remembered.len().checked_sub(from_end).filter(|place| *place < self.remembered.len())
    }

    /// The next older event of the same list, unless it is forgotten.
    fn older_than(&self, place: usize) -> Option<usize> {
        let distance = usize::from(self.remembered[place].older);
        place.checked_sub(distance).filter(|older| *older < place)
    }

    fn oldest(&self, is_wanted: impl Fn(&Remembered) -> bool) -> Option<usize> {
        self.remembered.iter().position(is_wanted)
    }

    /// A profile has a handful of files.
    fn number_of(&mut self, file: &str) -> u16 {
        let known = self.files.iter().position(|known| known == file);
        let number = known.unwrap_or_else(|| {
            self.files.push(file.to_owned());
            self.files.len() - 1
        });
        u16::try_from(number).unwrap_or(u16::MAX)
    }
}

/// The key is a hash already. The multiplier is that of Fibonacci hashing: 2^64 divided by the golden ratio.
fn list_of(key: u64, stamp: DateTime) -> usize {
    let seconds = i64::from(stamp.minute()) * 60 + i64::from(stamp.second());
    let nanos = seconds * 1_000_000_000 + i64::from(stamp.subsec_nanosecond());
    let mixed = (key ^ nanos.cast_unsigned()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - LISTS.ilog2())) as usize
}

/// Between two places, of which there are fewer than [`MAX_REMEMBERED`].
fn distance(from: usize, to: usize) -> u16 {
    u16::try_from(to - from).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::health::{LogRecord, Proof, Signal};

    fn event(key: u64, stamp: Option<i8>, file: usize) -> LogEvent {
        let at = Timestamp::UNIX_EPOCH;
        let proof = Proof::new(format!("{file}.log").as_str(), "", at);
        let stamp = stamp.map(|second| jiff::civil::datetime(2026, 11, 27, 9, 0, second, 0));
        let record = LogRecord { stamp, key, ..LogRecord::new(Signal::Record, proof) };
        LogEvent { record, key: Some(key), level: None, in_gateway_log: false, suspect: None }
    }

    struct Known {
        key: u64,
        stamp: Option<DateTime>,
        at: i64,
        times: u16,
        copies: [u16; 4],
    }

    /// The same by comparing with every remembered event.
    #[derive(Default)]
    struct Model(Vec<Known>);

    impl Model {
        fn is_copy(&mut self, event: &LogEvent, file: usize, now: i64) -> bool {
            let (key, stamp) = (event.record.key, event.record.stamp);
            let fresh = |old: &Known| (now - old.at).abs() < 60_000;
            let may_be = |old: &Known| match stamp {
                Some(_) => old.stamp == stamp,
                None => fresh(old) && old.copies[file] < old.times,
            };
            if let Some(known) = self.0.iter_mut().find(|old| old.key == key && may_be(old)) {
                known.copies[file] += 1;
                let expected = known.copies[file] <= known.times;
                known.times = known.times.max(known.copies[file]);
                return expected;
            }
            let unstamped = self.0.iter_mut().find(|old| old.key == key && old.stamp.is_none() && fresh(old));
            if let Some(known) = unstamped.filter(|_| stamp.is_some()) {
                known.stamp = stamp;
                known.copies[file] = known.copies[file].max(1);
                return false;
            }
            let mut copies = [0; 4];
            copies[file] = 1;
            self.0.push(Known { key, stamp, at: now, times: 1, copies });
            self.0.drain(..self.0.len().saturating_sub(MAX_REMEMBERED));
            false
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn copies_are_those_that_comparing_with_all_finds(
            events in prop::collection::vec((0..40_u64, prop::option::weighted(0.8, 0..60_i8), 0..4_usize, 0..900_i64), 0..1500)
        ) {
            let (mut deduplicator, mut model) = (Deduplicator::default(), Model::default());
            let mut now = 0;
            for (place, (key, stamp, file, later)) in events.into_iter().enumerate() {
                now += later;
                let event = event(key, stamp, file);
                let at = Timestamp::from_millisecond(now).unwrap();
                let expected = model.is_copy(&event, file, now);
                prop_assert_eq!(deduplicator.is_copy(&event, at), expected, "{}: {:?} at {}", place, event, now);
            }
            prop_assert!(deduplicator.remembered.capacity() <= MAX_REMEMBERED);
        }
    }
}
