//! Turns blocks of log lines into evidence. Copies of an event in several files count once; a line without a timestamp
//! belongs to the record above it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use memchr::{memchr, memchr_iter, memrchr};

use super::carriers::{Below, Carriers, Past};
use super::deduplicator::Deduplicator;
use super::forged;
use super::line::{self, Head, Level};
use super::log_event::LogEvent;
use super::patterns::{Candidate, Pattern, Patterns};
use super::records::{Line, OpenRecord, Records};
use crate::health::{LogRecord, Proof, ProofLine, Quote, Signal, Source};
use crate::redact::clean_line;

/// Most characters of a line that are kept as evidence.
const PROOF_CHARS: usize = 400;

/// A line longer than this, in bytes, is cleaned and cut at once.
const MAX_UNCLEAN: usize = 4 << 10;

/// Lines at the start of a block that are searched for a level.
const LINES_ASKED_FOR_LEVEL: usize = 8;

/// State of a file between two blocks.
#[derive(Debug, Clone, Default)]
struct Carry {
    record: OpenRecord,
    carriers: Option<Carriers>,
}

/// Reads the log files of one profile; each event is returned once.
#[derive(Debug)]
pub struct LogBook {
    scanner: Scanner,
    seen: Deduplicator,
}

impl LogBook {
    /// Before the first read.
    pub fn new(patterns: Arc<Patterns>) -> Self {
        Self { scanner: Scanner::new(patterns), seen: Deduplicator::default() }
    }

    /// Reads what was added to the files: complete lines of each, which continue that file. The order of the files does
    /// not matter.
    pub fn read<'a>(
        &mut self,
        blocks: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        now: Timestamp,
    ) -> Vec<LogEvent> {
        let mut events = Vec::new();
        let mut files = Vec::new();
        for (file, block) in blocks {
            files.push(file);
            self.scanner.read(file, block, now, &mut |event| events.push(event));
        }
        let all: Vec<&LogEvent> = events.iter().collect();
        let mut genuine = forged::genuine(&all, &files).into_iter();
        events.retain(|_| genuine.next().unwrap_or(false));
        if files.len() > 1 {
            // Of several copies, the line of the most complete file is the proof; copies without a timestamp come last.
            files.sort_by_key(|file| (*file != "agent.log", *file));
            let place =
                |event: &LogEvent| files.iter().position(|file| *file == event.record.proof.source.as_str());
            events.sort_by_cached_key(place);
        }
        order_by_stamp(&mut events);
        events.retain(|event| !self.seen.is_copy(event, now));
        events
    }

    /// Notes an event that was read elsewhere (in the past of a log). Returns whether it is new.
    pub fn admit(&mut self, event: &LogEvent, now: Timestamp) -> bool {
        !self.seen.is_copy(event, now)
    }

    /// The file was truncated or replaced: what follows belongs to no record read before.
    pub fn forget_record(&mut self, file: &str) {
        self.scanner.open_records.remove(file);
    }
}

/// Sorts events of several files by their timestamps. An event without one stays after the event that it followed;
/// within one file the order is kept where timestamps decrease (a clock that was set back).
fn order_by_stamp(events: &mut Vec<LogEvent>) {
    let mut newest: Option<(&Source, DateTime)> = None;
    let mut stamps = Vec::with_capacity(events.len());
    for LogEvent { record, .. } in &*events {
        let source = &record.proof.source;
        let before = newest.filter(|(of, _)| *of == source).map(|(_, stamp)| stamp);
        let stamp = record.stamp.max(before);
        newest = stamp.map(|stamp| (source, stamp));
        // Events before any timestamp count as the newest.
        stamps.push((stamp.is_none(), stamp));
    }
    // as the events of one file are
    if stamps.is_sorted() {
        return;
    }
    let mut runs: Vec<_> = stamps.into_iter().zip(events.drain(..)).collect();
    runs.sort_by_key(|(stamp, _)| *stamp);
    events.extend(runs.into_iter().map(|(_, event)| event));
}

/// A line, and where and when it was read.
struct ReadLine<'a> {
    line: &'a Line<'a>,
    records: &'a Records<'a>,
    source: &'a Source,
    now: Timestamp,
}

/// Finds the events in blocks of lines.
#[derive(Debug)]
pub struct Scanner {
    patterns: Arc<Patterns>,
    /// By the names of the files. The source is shared by all records of its file.
    open_records: HashMap<String, (Source, Carry)>,
}

impl Scanner {
    /// Before the first read.
    pub fn new(patterns: Arc<Patterns>) -> Self {
        Self { patterns, open_records: HashMap::new() }
    }

    /// Reads the next block of complete lines of one file.
    pub fn read(&mut self, file: &str, block: &[u8], now: Timestamp, sink: &mut dyn FnMut(LogEvent)) {
        let known = self.open_records.remove_entry(file);
        let (file, (source, carry)) =
            known.unwrap_or_else(|| (file.to_owned(), (Source::from_word(file), Carry::default())));
        let next = self.scan(&source, block, &carry, None, now, sink);
        self.open_records.insert(file, (source, next));
    }

    /// Reads a block of the past of one file. Blocks of the past come newest first.
    pub fn read_past(
        &self,
        file: &str,
        block: &[u8],
        past: &Past,
        now: Timestamp,
        sink: &mut dyn FnMut(LogEvent),
    ) {
        let carry = Carry { carriers: past.before, ..Carry::default() };
        self.scan(&Source::from_word(file), block, &carry, Some(past), now, sink);
    }

    /// The carriers in a block of the past.
    pub(super) fn carriers(&self, block: &[u8], now: Timestamp) -> Option<Carriers> {
        self.patterns
            .carriers(block)
            .filter_map(|at| line::head(line_at(block, at)))
            .filter(|head| self.patterns.is_carrier(head.message))
            .map(|head| carrier(&head, now))
            .fold(None, |all, one| Some(one.and(all)))
    }

    fn scan(
        &self,
        source: &Source,
        block: &[u8],
        carry: &Carry,
        past: Option<&Past>,
        now: Timestamp,
        sink: &mut dyn FnMut(LogEvent),
    ) -> Carry {
        let plain = without_colours(block);
        let block = &*plain;
        if let Some((signal, stamp)) = level_seen(block) {
            sink(level_event(signal, stamp, source.clone(), now));
        }
        let mut records = Records::new(block, &carry.record);
        let mut carriers = carry.carriers.filter(|carriers| past.is_some() || carriers.goes_on(now));
        let mut below = None;
        while let Some(line) = records.next_line() {
            let mut may_fit = self.patterns.that_may_fit(line.message, line.level).peekable();
            if may_fit.peek().is_some() {
                let read = ReadLine { line: &line, records: &records, source, now };
                self.read_line(&read, may_fit, &mut |mut event| {
                    event.suspect = carriers.filter(|carriers| match (past, event.record.stamp) {
                        (Some(past), Some(stamp)) => {
                            let below = below.get_or_insert_with(|| Below::of(block));
                            !below.shows_later(stamp, line.end, carriers, past)
                        }
                        _ => true,
                    });
                    sink(event);
                });
            }
            if line.is_head()
                && self.patterns.is_carrier(line.message)
                && let Some(head) = records.head()
            {
                carriers = Some(carrier(head, now).and(carriers));
            }
        }
        Carry { record: records.at_end(&self.patterns), carriers }
    }

    /// Finds the events in a line: several where it lists platforms. `may_fit`: the patterns that its message may match.
    fn read_line<'p>(
        &'p self,
        read: &ReadLine<'_>,
        may_fit: impl Iterator<Item = &'p Pattern>,
        sink: &mut dyn FnMut(LogEvent),
    ) {
        let Line { message, level, .. } = *read.line;
        match self.patterns.items(message) {
            None => self.event(message, may_fit, read).into_iter().for_each(sink),
            Some(items) => {
                let event = |item: &Vec<u8>| self.event(item, self.patterns.that_may_fit(item, level), read);
                items.iter().filter_map(event).for_each(sink);
            }
        }
    }

    /// The event in a line. `message`: its message, or one item of it. `may_fit`: the patterns that this may match.
    fn event<'p>(
        &'p self,
        message: &[u8],
        may_fit: impl Iterator<Item = &'p Pattern>,
        read: &ReadLine<'_>,
    ) -> Option<LogEvent> {
        let ReadLine { line, records, source, now } = *read;
        let record = records.of(line, &self.patterns);
        let candidate = Candidate {
            message,
            logger: record.logger,
            level: record.level,
            is_head: line.is_head(),
            speech: record.speech,
            file: source.as_str(),
        };
        let found = Patterns::classify(may_fit, &candidate, &|| record.topics(&self.patterns))?;
        let key = hash(message);
        let connection = found.account.or_else(|| self.patterns.connection(&found.signal, message));
        let record_of = LogRecord {
            signal: found.signal,
            home: None,
            tag: found.tag,
            connection,
            other_pid: pid_named(message),
            at_info: line.is_head() && record.level.is_some_and(|level| level <= Level::Info),
            printed: records.head().is_some_and(|head| head.printed),
            stamp: record.stamp,
            key,
            proof: Proof::new(source.clone(), proof_line(line.text), now),
        };
        let in_gateway_log = record.logger.is_some_and(stands_in_gateway_log);
        Some(LogEvent {
            record: record_of,
            key: Some(key),
            level: record.level,
            in_gateway_log,
            suspect: None,
        })
    }
}

/// The carrier that begins with this head.
fn carrier(head: &Head<'_>, now: Timestamp) -> Carriers {
    let in_gateway_log = head.logger.is_some_and(stands_in_gateway_log);
    Carriers::one(head.level, in_gateway_log, head.stamp, now)
}

/// Whether the records of this logger are in `gateway.log` (hermes_logging.py of 0.19).
fn stands_in_gateway_log(logger: &[u8]) -> bool {
    [b"gateway".as_slice(), b"hermes_plugins", b"plugins.platforms"]
        .iter()
        .any(|known| logger.starts_with(known))
}

/// The line as evidence. It is cleaned only when it is shown: most are judged and dropped.
fn proof_line(text: &[u8]) -> ProofLine {
    let clean = |raw: &[u8]| clean_line(&String::from_utf8_lossy(raw), PROOF_CHARS);
    if text.len() > MAX_UNCLEAN { clean(text).into() } else { Quote::unclean(text, clean).into() }
}

fn level_event(signal: Signal, stamp: Option<DateTime>, source: Source, now: Timestamp) -> LogEvent {
    let at_info = signal == Signal::Info;
    let record = LogRecord { at_info, stamp, ..LogRecord::new(signal, Proof::new(source, "", now)) };
    LogEvent { record, key: None, level: None, in_gateway_log: false, suspect: None }
}

fn hash(message: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.hash(&mut hasher);
    hasher.finish()
}

/// Whether the first lines show that records at INFO, or any records at all, are written.
fn level_seen(block: &[u8]) -> Option<(Signal, Option<DateTime>)> {
    let mut seen = None;
    let mut rest = block;
    for _ in 0..LINES_ASKED_FOR_LEVEL {
        if rest.is_empty() {
            break;
        }
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        match line::head(&rest[..end]) {
            Some(Head { level: Level::Info | Level::Debug, stamp, printed: false, .. }) => {
                return Some((Signal::Info, stamp));
            }
            Some(head) => seen = Some((Signal::Record, head.stamp)),
            None => {}
        }
        rest = &rest[(end + 1).min(rest.len())..];
    }
    seen
}

/// The line at this offset.
fn line_at(block: &[u8], place: usize) -> &[u8] {
    let start = memrchr(b'\n', &block[..place]).map_or(0, |at| at + 1);
    let end = memchr(b'\n', &block[place..]).map_or(block.len(), |at| place + at);
    block[start..end].strip_suffix(b"\r").unwrap_or(&block[start..end])
}

/// Removes the colours (`ESC [ … m`) that some consoles and wrappers add.
pub(crate) fn without_colours(block: &[u8]) -> Cow<'_, [u8]> {
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
            // keep any other sequence whole: without its beginning the rest would look like text
            plain.push(ESCAPE);
            rest = &rest[1..];
        }
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// The number after the first `PID `.
pub(super) fn pid_named(message: &[u8]) -> Option<u32> {
    let mut places = memchr_iter(b'P', message);
    let after = places.find_map(|at| message[at..].strip_prefix(b"PID "))?;
    let digits = after.iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(&after[..digits]).ok()?.parse().ok()
}
