//! Blocks of log lines → evidence. One event that stands in several files counts once; a line without a stamp belongs to
//! the record above it.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use memchr::{memchr, memmem, memrchr};

use super::line::{self, Head, Level};
use super::patterns::{Candidate, Patterns};
use super::redact::clean_line;
use crate::health::{Evidence, Proof, Signal};

/// Lines of one record looked at: a traceback longer than this is cut.
const MOST_LINES_OF_A_RECORD: usize = 200;

/// Events remembered to recognise them in the next file: more than one turn of reading can bring.
const MOST_REMEMBERED: usize = 512;

/// An unstamped copy of an event arrives within this time of the stamped one.
const COPY_SECONDS: i64 = 60;

/// Characters of a line that are kept as evidence.
const PROOF_CHARS: usize = 400;

/// What a traceback begins with. Where no record stands above it, Python itself printed it.
const TRACEBACK: &[u8] = b"Traceback (most recent call last):";

/// Lines at the head of a block that are asked for their level.
const LINES_ASKED_FOR_LEVEL: usize = 8;

/// What is known of the record that the last block of a file ended in.
#[derive(Debug, Clone, Default)]
struct Carry {
    level: Option<Level>,
    lark: bool,
    stamp: Option<DateTime>,
    about_feishu: bool,
    speech: bool,
}

/// One event in a log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEvent {
    /// What it means.
    pub signal: Signal,
    /// The process that the line names.
    pub other_pid: Option<u32>,
    /// Local time without a zone.
    pub stamp: Option<DateTime>,
    /// The line.
    pub proof: Proof,
    /// The same for the same message in another file; `None` for what need not be counted.
    pub key: Option<u64>,
}

impl LogEvent {
    /// As the core takes it.
    pub fn into_evidence(self) -> Evidence {
        Evidence::Log { signal: self.signal, other_pid: self.other_pid, stamp: self.stamp, proof: self.proof }
    }
}

/// Recognises an event that was read already, in another file.
#[derive(Debug, Default)]
pub struct Copies {
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
    /// How often each file told of it: the same event twice in one file happened twice. Files by their place in
    /// [`Copies::files`]; the first one apart, since most events have no other.
    first: (usize, usize),
    others: Vec<(usize, usize)>,
}

impl Remembered {
    /// Whether this file told of it as often as it happened.
    fn was_told_by(&self, source: usize) -> bool {
        let told = std::iter::once(&self.first).chain(&self.others).find(|(file, _)| *file == source);
        told.is_some_and(|(_, times)| *times >= self.times)
    }

    /// Counts one more word of this file. Whether it tells of nothing new.
    fn is_known_to(&mut self, source: usize) -> bool {
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

impl Copies {
    /// Whether this event was seen before; it is remembered if not.
    pub fn is_copy(&mut self, event: &LogEvent, now: Timestamp) -> bool {
        let Some(key) = event.key else { return false };
        let source = self.number_of(&event.proof.source);
        let fresh = |at: Timestamp| now.duration_since(at).as_secs().abs() < COPY_SECONDS;
        if let Some(places) = self.keys.get(&key) {
            let (all, forgotten) = (&mut self.remembered, self.forgotten);
            let mut places = places.iter().map(|place| place - forgotten);
            let known = match event.stamp {
                Some(stamp) => places.clone().rfind(|place| all[*place].stamp == Some(stamp)),
                // Copies come in the order of the events: this is one of the oldest that its file did not tell of yet.
                None => {
                    places.clone().find(|place| fresh(all[*place].at) && !all[*place].was_told_by(source))
                }
            };
            if let Some(known) = known {
                return all[known].is_known_to(source);
            }
            // The first copy had no place in time: this one has, and is told again with it.
            if event.stamp.is_some()
                && let Some(known) = places.find(|place| all[*place].stamp.is_none() && fresh(all[*place].at))
            {
                all[known].stamp = event.stamp;
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
        let event = Remembered { key, stamp: event.stamp, at: now, times: 1, first, others: Vec::new() };
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

/// The log files of one profile, each event once.
#[derive(Debug)]
pub struct LogBook {
    scanner: Scanner,
    copies: Copies,
}

impl LogBook {
    /// Of a profile that nothing was read of.
    pub fn new(patterns: Arc<Patterns>) -> Self {
        Self { scanner: Scanner::new(patterns), copies: Copies::default() }
    }

    /// Reads a block of complete lines of one file, which follows the last one of that file.
    pub fn read(&mut self, source: &str, block: &[u8], now: Timestamp, sink: &mut dyn FnMut(LogEvent)) {
        let copies = &mut self.copies;
        self.scanner.read(source, block, now, &mut |event| {
            if !copies.is_copy(&event, now) {
                sink(event);
            }
        });
    }

    /// Takes in an event that was read otherwise (history). Whether it is new.
    pub fn admit(&mut self, event: &LogEvent, now: Timestamp) -> bool {
        !self.copies.is_copy(event, now)
    }

    /// The file was truncated or replaced: what follows belongs to no record read before.
    pub fn forget_record(&mut self, source: &str) {
        self.scanner.open_records.remove(source);
    }
}

/// Finds the events in blocks of lines.
#[derive(Debug)]
pub struct Scanner {
    patterns: Arc<Patterns>,
    open_records: HashMap<String, Carry>,
}

impl Scanner {
    /// With nothing read.
    pub fn new(patterns: Arc<Patterns>) -> Self {
        Self { patterns, open_records: HashMap::new() }
    }

    /// Reads a block of complete lines of one file, which follows the last one of that file.
    pub fn read(&mut self, source: &str, block: &[u8], now: Timestamp, sink: &mut dyn FnMut(LogEvent)) {
        let carry = self.open_records.remove(source).unwrap_or_default();
        let next = self.scan(source, block, &carry, now, sink);
        self.open_records.insert(source.to_owned(), next);
    }

    /// Reads a block that stands alone, as history does when it is read backwards.
    pub fn read_alone(&self, source: &str, block: &[u8], now: Timestamp, sink: &mut dyn FnMut(LogEvent)) {
        self.scan(source, block, &Carry::default(), now, sink);
    }

    /// The stamp of the newest record read of this file.
    pub fn newest_stamp(&self, source: &str) -> Option<DateTime> {
        self.open_records.get(source).and_then(|record| record.stamp)
    }

    fn scan(
        &self,
        source: &str,
        block: &[u8],
        carry: &Carry,
        now: Timestamp,
        sink: &mut dyn FnMut(LogEvent),
    ) -> Carry {
        let patterns = &*self.patterns;
        let plain = without_colours(block);
        let block = &*plain;
        if let Some((signal, stamp)) = level_seen(block) {
            sink(LogEvent { signal, other_pid: None, stamp, proof: Proof::new(source, "", now), key: None });
        }
        let mut from = 0;
        while let Some(hit) = patterns.find(block, from) {
            let start = memrchr(b'\n', &block[..hit]).map_or(0, |at| at + 1);
            let end = memchr(b'\n', &block[hit..]).map_or(block.len(), |at| hit + at);
            from = end;
            let text = block[start..end].strip_suffix(b"\r").unwrap_or(&block[start..end]);
            let (record, is_head, message) = match line::head(text) {
                Some(head) => (context(&head, patterns), true, head.message),
                None => (enclosing(block, start, end, carry, patterns), false, text),
            };
            let lark: &[u8] = b"Lark";
            let candidate = Candidate {
                message,
                logger: record.lark.then_some(lark),
                level: record.level,
                is_head,
                speech: record.speech,
            };
            let about_feishu = || record.about_feishu || patterns.speak_of_feishu(text);
            let Some(signal) = patterns.classify(&candidate, &about_feishu) else { continue };
            // nearly always valid, which is quicker to ask than to mend
            let readable =
                std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text), Cow::Borrowed);
            sink(LogEvent {
                signal,
                other_pid: pid_named(message),
                stamp: record.stamp,
                proof: Proof::new(source, clean_line(&readable, PROOF_CHARS), now),
                key: Some(hash(message)),
            });
        }
        enclosing(block, block.len(), block.len(), carry, patterns)
    }
}

fn hash(message: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.hash(&mut hasher);
    hasher.finish()
}

/// Whether the first lines show that records at INFO are written, or any records at all.
fn level_seen(block: &[u8]) -> Option<(Signal, Option<DateTime>)> {
    let mut seen = None;
    let mut rest = block;
    for _ in 0..LINES_ASKED_FOR_LEVEL {
        if rest.is_empty() {
            break;
        }
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        match line::head(&rest[..end]) {
            Some(Head { level: Level::Info | Level::Debug, stamp, .. }) => {
                return Some((Signal::Info, stamp));
            }
            Some(head) => seen = Some((Signal::Record, head.stamp)),
            None => {}
        }
        rest = &rest[(end + 1).min(rest.len())..];
    }
    seen
}

/// Whether it speaks of Feishu is left to be asked.
fn context(head: &Head<'_>, patterns: &Patterns) -> Carry {
    Carry {
        level: Some(head.level),
        lark: head.logger == Some(b"Lark"),
        stamp: head.stamp,
        about_feishu: false,
        speech: patterns.is_speech(head.message),
    }
}

/// Some consoles and wrappers colour what they pass on: `ESC [ … m` says nothing.
fn without_colours(block: &[u8]) -> Cow<'_, [u8]> {
    const ESCAPE: u8 = 0x1b;
    if memchr(ESCAPE, block).is_none() {
        return Cow::Borrowed(block);
    }
    let mut plain = Vec::with_capacity(block.len());
    let mut rest = block;
    while let Some(at) = memchr(ESCAPE, rest) {
        plain.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let codes = rest
            .strip_prefix(b"\x1b[")
            .map(|codes| codes.iter().take_while(|b| b.is_ascii_digit() || matches!(b, b';' | b':')).count());
        if let Some(end) = codes.map(|codes| codes + 2).filter(|end| rest.get(*end) == Some(&b'm')) {
            rest = &rest[end + 1..];
        } else {
            // another sequence: whole it stays, or its rest would stand in the text
            plain.push(ESCAPE);
            rest = &rest[1..];
        }
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// The record that the line from `start` to `end` belongs to: begun in this block, or carried over from the last one.
fn enclosing(block: &[u8], start: usize, end: usize, carry: &Carry, patterns: &Patterns) -> Carry {
    let mut line_end = start;
    let mut traceback = false;
    for _ in 0..MOST_LINES_OF_A_RECORD {
        if line_end == 0 {
            let mut carried = carry.clone();
            carried.about_feishu |= patterns.speak_of_feishu(&block[..end]);
            carried.level = carried.level.or(traceback.then_some(Level::Error));
            return carried;
        }
        let line_start = memrchr(b'\n', &block[..line_end - 1]).map_or(0, |at| at + 1);
        let text = &block[line_start..line_end - 1];
        traceback |= text.starts_with(TRACEBACK);
        if let Some(head) = line::head(text.strip_suffix(b"\r").unwrap_or(text)) {
            let mut record = context(&head, patterns);
            record.about_feishu |= patterns.speak_of_feishu(&block[line_start..end]);
            return record;
        }
        line_end = line_start;
    }
    Carry::default()
}

/// The number after the first `PID `.
fn pid_named(message: &[u8]) -> Option<u32> {
    let after = &message[memmem::find(message, b"PID ")? + 4..];
    let digits = after.iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(&after[..digits]).ok()?.parse().ok()
}
