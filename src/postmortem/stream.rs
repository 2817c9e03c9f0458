//! One log as a stream of events. Its files are scanned on separate threads, some of them ahead of the judge, and
//! merged by their timestamps, so that the result does not depend on the number of threads.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::activity::Activity;
use super::clock::{Clock, stamp, turns_back};
use super::lines::Lines;
use super::rotation::{Chain, Part};
use crate::evidence::log_event::LogEvent;
use crate::evidence::logbook::Scanner;
use crate::evidence::patterns::Patterns;
use crate::files;
use crate::health::Signal;
use crate::text::error::{self, Context as _};

/// Items per batch. With more than 64 kB per batch, malloc would trim its heap at every batch.
const BATCH: usize = 128;

/// Batches of one file that wait for the judge. Few, so that they are still in the processor's cache when they are
/// judged.
const WAITING: usize = 4;

/// What the scans of all files share.
pub(super) struct Reading<'scope, 'env> {
    pub(super) scope: &'scope thread::Scope<'scope, 'env>,
    pub(super) patterns: &'env Arc<Patterns>,
    pub(super) zone: &'env TimeZone,
    /// Called with the bytes of each block that is read.
    pub(super) progress: &'env (dyn Fn(u64) + Sync),
    /// Files of one log that are scanned before they are needed.
    pub(super) ahead: usize,
}

/// Reads one log, event by event.
pub(super) struct Stream {
    chain: Chain,
    /// The files that are being scanned, in their order.
    scanned: VecDeque<Scanned>,
    /// What the scans have sent.
    items: std::vec::IntoIter<Item>,
    pub(super) clock: Clock,
    pub(super) active: Activity,
}

/// A file that is being scanned. Its thread ends when the receiver is dropped.
struct Scanned {
    part: Part,
    found: Receiver<io::Result<Found>>,
}

/// A message of a scan.
enum Found {
    Items(Vec<Item>),
    /// The times in which there were lines; the last message of a file.
    Spans(Vec<(Timestamp, Timestamp)>),
}

#[expect(clippy::large_enum_variant, reason = "nearly all are events")]
enum Item {
    /// An event, and its timestamp if that is plausible.
    Event(Option<DateTime>, LogEvent),
    /// The timestamp of a line, where the clock may have been set back.
    Stamp(DateTime),
}

impl Stream {
    pub(super) fn new(chain: Chain, zone: &TimeZone) -> Self {
        let first = chain.front().map_or(DateTime::MIN, |part| part.first);
        Self {
            chain,
            scanned: VecDeque::new(),
            items: Vec::new().into_iter(),
            clock: Clock::starting(first, zone),
            active: Activity::default(),
        }
    }

    /// The time of the next event, which [`Self::take`] takes out; `None` at the end.
    pub(super) fn next_at(&mut self, reading: &Reading<'_, '_>) -> error::Result<Option<Timestamp>> {
        loop {
            match self.items.as_slice().first() {
                Some(Item::Event(stamp, _)) => {
                    // a line without a timestamp belongs to the line before it
                    if let Some(stamp) = stamp {
                        self.clock.read(*stamp);
                    }
                    return Ok(Some(self.clock.now));
                }
                Some(Item::Stamp(stamp)) => {
                    self.clock.read(*stamp);
                    self.items.next();
                    continue;
                }
                None => {}
            }
            while self.scanned.len() <= reading.ahead
                && let Some(part) = self.chain.pop_front()
            {
                self.scanned.push_back(Scanned::start(part, reading)?);
            }
            let Some(scanned) = self.scanned.front() else { return Ok(None) };
            if let Ok(found) = scanned.found.recv() {
                let found = found.with_context(|| scanned.part.path.display().to_string())?;
                match found {
                    Found::Items(items) => self.items = items.into_iter(),
                    Found::Spans(spans) => spans.into_iter().for_each(|(from, to)| self.active.add(from, to)),
                }
            } else {
                // lines without an event advance the clock as well
                self.clock.read(scanned.part.last);
                self.scanned.pop_front();
            }
        }
    }

    /// Takes out the event that [`Self::next_at`] found.
    pub(super) fn take(&mut self) -> Option<LogEvent> {
        match self.items.next()? {
            Item::Event(_, event) => Some(event),
            Item::Stamp(_) => None,
        }
    }
}

impl Scanned {
    fn start(part: Part, reading: &Reading<'_, '_>) -> error::Result<Self> {
        let named = || part.path.display().to_string();
        let (sender, found) = sync_channel(WAITING);
        let scan = Scan {
            lines: Lines::of(files::open(&part.path).with_context(named)?),
            source: part
                .path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            last: part.last,
            scanner: Scanner::new(Arc::clone(reading.patterns)),
            zone: reading.zone.clone(),
            active: Activity::default(),
            found: Outbox { items: Vec::with_capacity(BATCH), sender, is_wanted: true },
        };
        let progress = reading.progress;
        let thread = thread::Builder::new().name("scan".to_owned());
        thread.spawn_scoped(reading.scope, move || scan.run(progress)).with_context(named)?;
        Ok(Self { part, found })
    }
}

/// The scan of one file.
struct Scan {
    lines: Lines,
    source: String,
    /// The last stamp of the file.
    last: DateTime,
    scanner: Scanner,
    zone: TimeZone,
    active: Activity,
    found: Outbox,
}

/// Sends items in batches.
struct Outbox {
    items: Vec<Item>,
    sender: SyncSender<io::Result<Found>>,
    /// The receiver still exists.
    is_wanted: bool,
}

impl Outbox {
    fn push(&mut self, item: Item) {
        self.items.push(item);
        if self.items.len() == BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let items = std::mem::replace(&mut self.items, Vec::with_capacity(BATCH));
        self.send(Ok(Found::Items(items)));
    }

    fn send(&mut self, found: io::Result<Found>) {
        self.is_wanted = self.is_wanted && self.sender.send(found).is_ok();
    }
}

impl Scan {
    /// Scans to the end of the file, or until the receiver is dropped.
    fn run(mut self, progress: &dyn Fn(u64)) {
        while self.found.is_wanted {
            match self.next_block(progress) {
                Ok(true) => {}
                Ok(false) => {
                    self.found.flush();
                    self.found.send(Ok(Found::Spans(self.active.spans)));
                    return;
                }
                Err(error) => {
                    self.found.flush();
                    self.found.send(Err(error));
                    return;
                }
            }
        }
    }

    /// `false` at the end.
    fn next_block(&mut self, progress: &dyn Fn(u64)) -> io::Result<bool> {
        let Self { lines, source, last, scanner, zone, active, found } = self;
        // A timestamp after the end of the file is in a pasted line; it must not delay the other logs.
        let plausible = |stamp: DateTime| stamp.duration_since(*last).as_hours() < 2;
        lines.next(&mut |block| {
            progress(block.len() as u64);
            active.block(block, zone, &plausible);
            if turns_back(block, zone) {
                line_by_line(scanner, source, block, &plausible, found);
            } else {
                whole(scanner, source, block, &plausible, found);
            }
        })
    }
}

/// Scans a block. The event that shows the log level comes before the others of the same time.
fn whole(
    scanner: &mut Scanner,
    source: &str,
    block: &[u8],
    plausible: &dyn Fn(DateTime) -> bool,
    found: &mut Outbox,
) {
    let mut emit = |event: LogEvent| {
        let stamp = event.record.stamp.filter(|stamp| plausible(*stamp));
        found.push(Item::Event(stamp, event));
    };
    let mut level: Option<LogEvent> = None;
    scanner.read(source, block, Timestamp::UNIX_EPOCH, &mut |event| {
        if matches!(event.record.signal, Signal::Info | Signal::Record) && event.record.stamp.is_some() {
            level = Some(event);
            return;
        }
        if level.as_ref().is_some_and(|level| level.record.stamp <= event.record.stamp) {
            level.take().into_iter().for_each(&mut emit);
        }
        emit(event);
    });
    level.into_iter().for_each(emit);
}

/// Scans a block in which the clock may have been set back, line by line: lines without an event also show when it was.
fn line_by_line(
    scanner: &mut Scanner,
    source: &str,
    block: &[u8],
    plausible: &dyn Fn(DateTime) -> bool,
    found: &mut Outbox,
) {
    for line in block.split_inclusive(|b| *b == b'\n') {
        if let Some(stamp) = stamp(line).filter(|stamp| plausible(*stamp)) {
            found.push(Item::Stamp(stamp));
        }
        scanner.read(source, line, Timestamp::UNIX_EPOCH, &mut |event| found.push(Item::Event(None, event)));
    }
}
