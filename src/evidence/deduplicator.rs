//! Recognises an event that was read already, in another file of the same home: one event stands in up to four.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::log_event::LogEvent;

/// Events remembered to recognise them in the next file: more than one turn of reading can bring.
const MOST_REMEMBERED: usize = 512;

/// An unstamped copy of an event arrives within this time of the stamped one.
const COPY_SECONDS: i64 = 60;

/// Recognises an event that was read already, in another file.
#[derive(Debug, Default)]
pub struct Deduplicator {
    remembered: VecDeque<Remembered>,
    /// How many were forgotten: what is remembered is counted from the first one ever.
    forgotten: usize,
    /// Which of them have this key, in their order: most events are new, which is answered without a search.
    keys: HashMap<u64, VecDeque<usize>>,
    /// The names of the files.
    files: Vec<String>,
}

#[derive(Debug)]
struct Remembered {
    key: u64,
    stamp: Option<DateTime>,
    at: Timestamp,
    /// How often it happened.
    times: usize,
    /// How often it stands in each file: the same event twice in one file happened twice. Files by their place in
    /// [`Deduplicator::files`]; the first one apart, since most events stand in no other.
    first: (usize, usize),
    others: Vec<(usize, usize)>,
}

impl Remembered {
    /// Whether it stands in this file as often as it happened.
    fn stands_in(&self, source: usize) -> bool {
        let found = std::iter::once(&self.first).chain(&self.others).find(|(file, _)| *file == source);
        found.is_some_and(|(_, times)| *times >= self.times)
    }

    /// Counts it once more in this file. Returns whether that is nothing new.
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
        let fresh = |at: Timestamp| now.duration_since(at).as_secs().abs() < COPY_SECONDS;
        if let Some(places) = self.keys.get(&key) {
            let (all, forgotten) = (&mut self.remembered, self.forgotten);
            let mut places = places.iter().map(|place| place - forgotten);
            let known = match event.record.stamp {
                Some(stamp) => places.clone().rfind(|place| all[*place].stamp == Some(stamp)),
                // Copies come in the order of the events: this is one of the oldest that does not stand in its file yet.
                None => places.clone().find(|place| fresh(all[*place].at) && !all[*place].stands_in(source)),
            };
            if let Some(known) = known {
                return all[known].add_to(source);
            }
            // The first copy had no place in time: this one has, and counts again with it.
            if event.record.stamp.is_some()
                && let Some(known) = places.find(|place| all[*place].stamp.is_none() && fresh(all[*place].at))
            {
                all[known].stamp = event.record.stamp;
                all[known].others.push((source, 1));
                return false;
            }
        }
        if self.remembered.len() >= MOST_REMEMBERED
            && let Some(old) = self.remembered.pop_front()
        {
            self.forgotten += 1;
            if let Entry::Occupied(mut places) = self.keys.entry(old.key) {
                places.get_mut().pop_front();
                if places.get().is_empty() {
                    places.remove();
                }
            }
        }
        let first = (source, 1);
        let event =
            Remembered { key, stamp: event.record.stamp, at: now, times: 1, first, others: Vec::new() };
        self.keys.entry(key).or_default().push_back(self.forgotten + self.remembered.len());
        self.remembered.push_back(event);
        false
    }

    /// A profile has a handful of files.
    fn number_of(&mut self, file: &str) -> usize {
        self.files.iter().position(|known| known == file).unwrap_or_else(|| {
            self.files.push(file.to_owned());
            self.files.len() - 1
        })
    }
}
