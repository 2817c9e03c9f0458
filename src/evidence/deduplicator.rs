//! Recognises copies of an event that was already read in another file of the same home: one event is in up to four
//! files.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::log_event::LogEvent;

/// Most remembered events: more than one turn of the loop can read.
const MOST_REMEMBERED: usize = 512;

/// An unstamped copy of an event arrives within this time of the stamped one.
const COPY_SECONDS: i64 = 60;

/// Recognises an event that was read already, in another file.
#[derive(Debug, Default)]
pub struct Deduplicator {
    remembered: VecDeque<Remembered>,
    /// How many were dropped from the front. Indices in `stamped` count them, so that they stay valid.
    forgotten: usize,
    /// The indices of those with a timestamp, by key and timestamp.
    stamped: HashMap<(u64, DateTime), usize, BuildHasherDefault<Mixed>>,
    /// The names of the files.
    files: Vec<String>,
}

/// A fast hasher for keys that are hashes already. The map is too small for collisions to matter.
#[derive(Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_ne_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        // the multiplier of FxHash, as used in rustc
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    // the parts of a time
    fn write_i8(&mut self, part: i8) {
        self.write_u64(part as u64);
    }

    fn write_i16(&mut self, part: i16) {
        self.write_u64(part as u64);
    }

    fn write_i32(&mut self, part: i32) {
        self.write_u64(part as u64);
    }

    fn finish(&self) -> u64 {
        // hashbrown picks the bucket by the low bits, which the multiplication mixes least
        self.0.rotate_left(26)
    }
}

#[derive(Debug)]
struct Remembered {
    key: u64,
    stamp: Option<DateTime>,
    at: Timestamp,
    /// How often the event happened.
    times: usize,
    /// The file (its index in [`Deduplicator::files`]) in which it was read first, and the number of copies there. An
    /// event that is in one file twice happened twice.
    first: (usize, usize),
    /// The same for the other files; empty for most events.
    others: Vec<(usize, usize)>,
}

impl Remembered {
    /// Whether this file has as many copies as the event happened.
    fn stands_in(&self, source: usize) -> bool {
        let found = std::iter::once(&self.first).chain(&self.others).find(|(file, _)| *file == source);
        found.is_some_and(|(_, times)| *times >= self.times)
    }

    /// Whether an unstamped copy of it may arrive now.
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.at).as_secs().abs() < COPY_SECONDS
    }

    /// Counts one more copy in this file. Returns whether it was expected, so that the event did not happen again.
    fn add_to(&mut self, source: usize) -> bool {
        if self.first.0 != source && !self.others.iter().any(|(file, _)| *file == source) {
            self.others.push((source, 0));
        }
        let mut count = 0;
        let all = std::iter::once(&mut self.first).chain(&mut self.others);
        for (_, times) in all.filter(|(file, _)| *file == source) {
            *times += 1;
            count = *times;
        }
        let known = count <= self.times;
        self.times = self.times.max(count);
        known
    }
}

impl Deduplicator {
    /// Whether this event was seen before; it is remembered if not.
    pub fn is_copy(&mut self, event: &LogEvent, now: Timestamp) -> bool {
        let Some(key) = event.key else { return false };
        let source = self.number_of(event.record.proof.source.as_str());
        let stamp = event.record.stamp;
        let known = match stamp {
            Some(stamp) => self.stamped.get(&(key, stamp)).map(|place| place - self.forgotten),
            // Copies come in the order of the events: this is a copy of the oldest event that is not in its file yet.
            None => self.oldest(|old| old.key == key && old.is_fresh(now) && !old.stands_in(source)),
        };
        if let Some(known) = known {
            return self.remembered[known].add_to(source);
        }
        // The first copy had no timestamp and this one has: it is passed on again.
        let has_unstamped = self.stamped.len() < self.remembered.len();
        if let Some(stamp) = stamp.filter(|_| has_unstamped)
            && let Some(known) = self.oldest(|old| old.key == key && old.stamp.is_none() && old.is_fresh(now))
        {
            self.remembered[known].stamp = Some(stamp);
            self.remembered[known].others.push((source, 1));
            self.stamped.insert((key, stamp), known + self.forgotten);
            return false;
        }
        self.remember(Remembered { key, stamp, at: now, times: 1, first: (source, 1), others: Vec::new() });
        false
    }

    fn remember(&mut self, event: Remembered) {
        if self.remembered.len() >= MOST_REMEMBERED
            && let Some(old) = self.remembered.pop_front()
        {
            self.forgotten += 1;
            old.stamp.and_then(|stamp| self.stamped.remove(&(old.key, stamp)));
        }
        if let Some(stamp) = event.stamp {
            self.stamped.insert((event.key, stamp), self.forgotten + self.remembered.len());
        }
        self.remembered.push_back(event);
    }

    fn oldest(&self, is_wanted: impl Fn(&Remembered) -> bool) -> Option<usize> {
        self.remembered.iter().position(is_wanted)
    }

    /// The index of this file, which is added if it is new. A profile has few files.
    fn number_of(&mut self, file: &str) -> usize {
        self.files.iter().position(|known| known == file).unwrap_or_else(|| {
            self.files.push(file.to_owned());
            self.files.len() - 1
        })
    }
}
