//! Follows the logs of one profile and emits each event once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::backward::{Reach, Times, Wanted, read_backwards, read_last};
use super::home_files::{is_link, modified};
use super::observer::{Emitter, Observed};
use super::{Polled, less_tolerance};
use crate::evidence::clock::Moment;
use crate::evidence::forged;
use crate::evidence::log_event::{Dated, LogEvent};
use crate::evidence::logbook::{LogBook, Scanner};
use crate::evidence::patterns::Patterns;
use crate::evidence::tail::{self, Limits, Tailer};
use crate::health::evidence::LinkWord;
use crate::health::{Signal, Unreadable};

/// A gateway writes its first record within this time after its start, on a slow disk. Our choice: 0.19 takes 1 to 3 s.
const MAX_START: Duration = Duration::from_secs(60);

/// The log of the program that holds the connection to WhatsApp. Its lines have no timestamps.
pub(crate) const BRIDGE_LOG: &str = "bridge.log";

struct Source {
    name: String,
    path: PathBuf,
    tailer: Tailer,
    /// It existed at the start but was unreadable; its past is read once it is readable.
    past_unread: bool,
    /// Why the last attempt to read it failed.
    trouble: Option<Unreadable>,
    /// It did not exist at the last attempt.
    missing: bool,
}

/// All logs of one profile.
pub(super) struct Logs {
    sources: Vec<Source>,
    book: LogBook,
    patterns: Arc<Patterns>,
    zone: TimeZone,
    /// The platforms for which link events must be found in the past.
    wanted: Wanted,
    /// The last reported errors.
    reported: Vec<Unreadable>,
}

/// Past events of the logs, oldest first, each once.
pub(super) struct LogPast {
    /// Events of the current process, or of an unknown one.
    pub events: Dated,
    /// Starts and announced stops before the current process.
    pub before: Dated,
    pub reach: Reach,
}

impl Logs {
    /// Follows these logs from their current end, and reads what is before it. `started_at`: start of the current
    /// process. `wanted`: the links that it is read for.
    pub(super) fn open(
        paths: &[PathBuf],
        patterns: &Arc<Patterns>,
        zone: &TimeZone,
        now: Moment,
        started_at: Option<Timestamp>,
        wanted: Wanted,
    ) -> (Self, LogPast) {
        let mut logs = Self {
            sources: Vec::with_capacity(paths.len()),
            book: LogBook::new(Arc::clone(patterns)),
            patterns: Arc::clone(patterns),
            zone: zone.clone(),
            wanted,
            reported: Vec::new(),
        };
        let mut events = Vec::new();
        let mut reach = Reach::default();
        for path in paths {
            let (source, reached) = logs.open_source(path, now, started_at, &mut events);
            reach = reach.or(reached);
            logs.sources.push(source);
        }
        let past = logs.past_of(events, started_at, reach);
        (logs, past)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(|source| source.path.as_path())
    }

    /// Newest modification time of the logs.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.sources.iter().filter_map(|source| modified(&source.path)).max()
    }

    /// When an incomplete line is treated as complete.
    pub(super) fn next_flush(&self) -> Option<Instant> {
        self.sources.iter().filter_map(|source| source.tailer.next_flush()).min()
    }

    /// Reads what is new. `skip_missing`: no name in the folders was added or removed, so missing logs are still missing.
    pub(super) fn poll(&mut self, now: Moment, skip_missing: bool, emit: &mut Emitter<'_>) -> Polled {
        let mut all = Polled::default();
        let mut blocks: Vec<(String, Vec<u8>)> = Vec::new();
        let mut replaced = Vec::new();
        for source in &mut self.sources {
            if source.past_unread || (skip_missing && source.missing) {
                continue;
            }
            let name = source.name.as_str();
            let mut sink = |block: &[u8]| {
                emit.observe(&Observed::Lines { log: name, block });
                blocks.push((name.to_owned(), block.to_vec()));
            };
            let polled = source.tailer.poll(now.instant, &mut sink);
            source.tailer.flush_partial(now.instant, &mut sink);
            match polled {
                Ok(polled) => {
                    source.trouble = None;
                    source.missing =
                        polled.missing && source.tailer.open_files() == 0 && !is_link(&source.path);
                    all.more |= polled.more;
                    all.news |= polled.bytes > 0 || polled.truncated || polled.rotated;
                    if polled.truncated || polled.rotated {
                        replaced.push(name.to_owned());
                    }
                }
                Err(error) => {
                    source.trouble = Some((&error).into());
                    source.missing = false;
                }
            }
        }
        // the logs are read as one: an event may be in several of them
        if !blocks.is_empty() {
            let blocks = blocks.iter().map(|(name, block)| (name.as_str(), block.as_slice()));
            emit.out.extend(self.book.read(blocks, now.at).into_iter().map(LogEvent::into_evidence));
        }
        for name in &replaced {
            self.book.forget_record(name);
        }
        all
    }

    /// The past of logs that were unreadable at the start and are readable now.
    pub(super) fn read_opened(
        &mut self,
        now: Moment,
        started_at: impl FnOnce() -> Option<Timestamp>,
    ) -> LogPast {
        let readable = |source: &Source| source.past_unread && tail::check(&source.path).is_ok();
        let opened: Vec<usize> = (0..self.sources.len()).filter(|&at| readable(&self.sources[at])).collect();
        if opened.is_empty() {
            return LogPast { events: Vec::new(), before: Vec::new(), reach: Reach::default() };
        }
        let started_at = started_at();
        let mut events = Vec::new();
        for at in opened {
            let path = self.sources[at].path.clone();
            self.sources[at] = self.open_source(&path, now, started_at, &mut events).0;
        }
        self.past_of(events, started_at, Reach::default())
    }

    /// The unreadable logs, if they changed since the last call.
    pub(super) fn changed_troubles(&mut self) -> Option<Vec<Unreadable>> {
        let troubles: Vec<Unreadable> =
            self.sources.iter().filter_map(|source| source.trouble.clone()).collect();
        if troubles == self.reported {
            return None;
        }
        self.reported.clone_from(&troubles);
        Some(troubles)
    }

    /// Follows a log from its end, and reads what is before it.
    fn open_source(
        &self,
        path: &Path,
        now: Moment,
        started_at: Option<Timestamp>,
        events: &mut Dated,
    ) -> (Source, Reach) {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let scanner = Scanner::new(Arc::clone(&self.patterns));
        let trouble = tail::check(path).err();
        let past_unread = matches!(trouble, Some(tail::TailError::Denied { .. }));
        let (tailer, mut reader) = Tailer::start_at_end_with_history(path, Limits::default(), now.instant);
        let oldest = started_at.map(less_tolerance);
        let times = Times { zone: &self.zone, now: now.at, oldest, written: modified(path) };
        let reach = if name == BRIDGE_LOG {
            events.extend(read_last(&mut reader, &scanner, &name, &times));
            Reach::default()
        } else {
            read_backwards(&mut reader, &scanner, &name, &times, &self.wanted, events)
        };
        let trouble = trouble.as_ref().map(Unreadable::from);
        (Source { name, path: path.to_path_buf(), tailer, past_unread, trouble, missing: false }, reach)
    }

    fn past_of(&mut self, mut events: Dated, started_at: Option<Timestamp>, reach: Reach) -> LogPast {
        events.sort_by_key(|(at, _)| *at);
        let (before, events) = match started_at {
            Some(started_at) => split_at_start(events, started_at),
            None => (Dated::new(), events),
        };
        let before = self.without_copies(before);
        LogPast { events: self.without_copies(events), before, reach }
    }

    fn without_copies(&mut self, mut events: Dated) -> Dated {
        let files: Vec<&str> = self.sources.iter().map(|source| source.name.as_str()).collect();
        let all: Vec<&LogEvent> = events.iter().map(|(_, event)| event).collect();
        let mut genuine = forged::genuine(&all, &files).into_iter();
        events.retain_mut(|(at, event)| {
            event.record.proof.at = *at;
            genuine.next().unwrap_or(false) && self.book.admit(event, *at)
        });
        events
    }
}

/// Splits events, which are in the order of time, into those of former processes and those of the one that started then.
///
/// Events shortly before its start may be its own, because the clock was corrected since; but then they follow the
/// record of its start. Without such a record they are the last output of the process before.
pub(super) fn split_at_start(events: Dated, started_at: Timestamp) -> (Dated, Dated) {
    let window = less_tolerance(started_at)..=started_at.saturating_add(MAX_START).unwrap_or(started_at);
    let starts =
        |(at, event): &(Timestamp, LogEvent)| event.record.signal == Signal::Start && window.contains(at);
    let own_start = events.iter().rposition(starts).unwrap_or(events.len());
    let (mut before, mut own) = (Dated::new(), Dated::new());
    for (place, (at, event)) in events.into_iter().enumerate() {
        let of_before = place < own_start && latest_time(at, &event) < started_at;
        if of_before { &mut before } else { &mut own }.push((at, event));
    }
    (before, own)
}

/// The latest time at which a record may have been written. Timestamps of the older layout are whole seconds, and the
/// first records of a process may carry the second of its start; records of trouble come later.
fn latest_time(at: Timestamp, event: &LogEvent) -> Timestamp {
    let whole = event.record.stamp.is_some_and(|stamp| stamp.subsec_nanosecond() == 0);
    let of_a_start = match &event.record.signal {
        Signal::Start | Signal::Ready | Signal::Info => true,
        Signal::Link(link) => {
            matches!(link.word, LinkWord::Expected | LinkWord::Announced | LinkWord::Claim | LinkWord::Proof)
        }
        _ => false,
    };
    let rest = if whole && of_a_start { Duration::from_millis(999) } else { Duration::ZERO };
    at.saturating_add(rest).unwrap_or(at)
}
