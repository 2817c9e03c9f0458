//! Reads one log, event by event.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

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
use crate::health::Signal;
use crate::text::error::{self, Context as _};

/// Reads one log, event by event.
pub(super) struct Stream {
    chain: Chain,
    open: Option<Open>,
    /// Of the current block.
    pub(super) events: VecDeque<(Timestamp, LogEvent)>,
    pub(super) clock: Clock,
    pub(super) active: Activity,
}

impl Stream {
    pub(super) fn new(chain: Chain, zone: &TimeZone) -> Self {
        let first = chain.front().map_or(DateTime::MIN, |part| part.first);
        Self {
            chain,
            open: None,
            events: VecDeque::new(),
            clock: Clock::starting(first, zone),
            active: Activity::default(),
        }
    }

    /// The time of the next event; `None` at the end. `progress` is called with the bytes of each block that is read.
    pub(super) fn next_at(
        &mut self,
        patterns: &Arc<Patterns>,
        progress: &dyn Fn(u64),
    ) -> error::Result<Option<Timestamp>> {
        loop {
            if let Some((at, _)) = self.events.front() {
                return Ok(Some(*at));
            }
            let Some(open) = &mut self.open else {
                let Some(part) = self.chain.pop_front() else { return Ok(None) };
                let named = part.path.display().to_string();
                self.open = Some(Open::new(part, patterns).context(named)?);
                continue;
            };
            let (clock, active, events) = (&mut self.clock, &mut self.active, &mut self.events);
            let more = open.read(clock, active, progress, &mut |at, event| events.push_back((at, event)));
            if !more.with_context(|| open.part.path.display().to_string())? {
                // lines that are no events advance the clock as well
                self.clock.read(open.part.last);
                self.open = None;
            }
        }
    }
}

/// Reads one file.
struct Open {
    part: Part,
    source: String,
    lines: Lines,
    scanner: Scanner,
}

impl Open {
    fn new(part: Part, patterns: &Arc<Patterns>) -> std::io::Result<Self> {
        let source =
            part.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let lines = Lines::of(File::open(&part.path)?);
        Ok(Self { part, source, lines, scanner: Scanner::new(Arc::clone(patterns)) })
    }

    /// Reads the next block; `false` at the end.
    fn read(
        &mut self,
        clock: &mut Clock,
        active: &mut Activity,
        progress: &dyn Fn(u64),
        sink: &mut dyn FnMut(Timestamp, LogEvent),
    ) -> std::io::Result<bool> {
        let Self { part, source, lines, scanner } = self;
        // A stamp beyond the end of the file is in a pasted line; it must not delay the other logs.
        let plausible = |stamp: DateTime| stamp.duration_since(part.last).as_hours() < 2;
        lines.next(&mut |block| {
            progress(block.len() as u64);
            active.block(block, &clock.zone, &plausible);
            if !turns_back(block, &clock.zone) {
                let mut emit = |event: LogEvent| {
                    // a line without a stamp belongs to the one before it
                    if let Some(stamp) = event.record.stamp.filter(|stamp| plausible(*stamp)) {
                        clock.read(stamp);
                    }
                    sink(clock.now, event);
                };
                // the first lines show the log level: that event precedes the others of the same time
                let mut level: Option<LogEvent> = None;
                scanner.read(source, block, Timestamp::UNIX_EPOCH, &mut |event| {
                    if matches!(event.record.signal, Signal::Info | Signal::Record)
                        && event.record.stamp.is_some()
                    {
                        level = Some(event);
                        return;
                    }
                    if level.as_ref().is_some_and(|level| level.record.stamp <= event.record.stamp) {
                        level.take().into_iter().for_each(&mut emit);
                    }
                    emit(event);
                });
                level.into_iter().for_each(emit);
                return;
            }
            // line by line: lines that are no events show as well when the clock was set back
            for line in block.split_inclusive(|b| *b == b'\n') {
                if let Some(stamp) = stamp(line).filter(|stamp| plausible(*stamp)) {
                    clock.read(stamp);
                }
                let now = clock.now;
                scanner.read(source, line, Timestamp::UNIX_EPOCH, &mut |event| sink(now, event));
            }
        })
    }
}
