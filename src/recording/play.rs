//! Plays a recording through a new core, with the recording's times.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::first_look::FirstLook;
use super::{Event, EventKind, Recording, at};
use crate::evidence::log_event::LogEvent;
use crate::evidence::logbook::LogBook;
use crate::evidence::patterns::Patterns;
use crate::evidence::state_files;
use crate::health::{Change, Core, Deadlines, Evidence, Platforms, ProcessState, ProfileName};

impl Recording {
    /// Plays it through a new core. Events with the same time are one moment: their order does not matter.
    pub fn play(&self, patterns: Arc<Patterns>, deadlines: Deadlines, sink: &mut dyn FnMut(&Change)) -> Core {
        self.play_with(patterns, &Platforms::built_in(), deadlines, sink)
    }

    /// [`Self::play`] with these rules of platforms.
    pub fn play_with(
        &self,
        patterns: Arc<Patterns>,
        platforms: &Platforms,
        deadlines: Deadlines,
        sink: &mut dyn FnMut(&Change),
    ) -> Core {
        let start = self.header.start;
        let profile = ProfileName::from(self.header.profile.as_str());
        let mut reader = Reader { books: BTreeMap::new(), patterns };
        let (mut core, events) = if let Some(look) = FirstLook::of(self) {
            (look.play(&mut reader, profile, platforms, deadlines, sink), look.later)
        } else {
            let mut core = Core::new(profile, platforms, deadlines, start);
            core.go_live().iter().for_each(&mut *sink);
            (core, self.events.as_slice())
        };
        let mut sleeps = self.sleeps().peekable();
        let mut asleep = false;
        for moment in events.chunk_by(|a, b| a.t.total_cmp(&b.t).is_eq()) {
            let t = moment.first().map_or(0.0, |event| event.t);
            let now = at(start, t);
            if !asleep && let Some((from, _)) = sleeps.peek().filter(|(from, to)| (*from..=*to).contains(&t))
            {
                core.step(at(start, *from), Evidence::Sleep).iter().for_each(&mut *sink);
                asleep = true;
            }
            let wakes = moment.iter().find_map(|event| match event.kind {
                EventKind::Wake(slept) => Some(slept),
                _ => None,
            });
            if let Some(slept) = wakes {
                core.step(now, Evidence::Wake { slept }).iter().for_each(&mut *sink);
                asleep = false;
                sleeps.next();
            }
            core.step_all(now, reader.read(moment, now)).iter().for_each(&mut *sink);
            if moment.iter().any(|event| event.kind == EventKind::End) {
                core.tick(now).iter().for_each(&mut *sink);
            }
        }
        core
    }

    /// The spans in which the machine slept. No deadline passes in them, so they must be known before the wake-up is
    /// reached.
    fn sleeps(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.events.iter().filter_map(|event| match event.kind {
            EventKind::Wake(slept) if slept > 0.0 => Some(((event.t - slept).max(0.0), event.t)),
            _ => None,
        })
    }
}

/// Reads lines and files into evidence.
pub(super) struct Reader {
    books: BTreeMap<Option<ProfileName>, LogBook>,
    pub(super) patterns: Arc<Patterns>,
}

impl Reader {
    /// The evidence of one moment in order: a process before its lines, its lines and files before its end.
    fn read(&mut self, moment: &[Event], now: Timestamp) -> Vec<Evidence> {
        let mut found: Vec<Evidence> =
            self.read_lines(moment, now).into_iter().map(LogEvent::into_evidence).collect();
        for event in moment {
            match &event.kind {
                EventKind::File { file, json } => {
                    found.extend(state_files::evidence(file, json.as_ref(), &self.patterns));
                }
                EventKind::Known(evidence) => found.push(evidence.clone()),
                EventKind::Line { .. } | EventKind::Wake(_) | EventKind::Remark | EventKind::End => {}
            }
        }
        found.sort_by_key(order_key);
        found
    }

    /// The events in the lines of these, each once.
    pub(super) fn read_lines(&mut self, moment: &[Event], now: Timestamp) -> Vec<LogEvent> {
        let mut blocks: BTreeMap<&Option<ProfileName>, BTreeMap<&str, Vec<u8>>> = BTreeMap::new();
        for event in moment {
            let EventKind::Line { home, log, line } = &event.kind else { continue };
            let block = blocks.entry(home).or_default().entry(log).or_default();
            block.extend_from_slice(line.as_bytes());
            block.push(b'\n');
        }
        let (homes, mut records) = (blocks.len(), Vec::new());
        for (home, files) in blocks {
            let new = || LogBook::new(Arc::clone(&self.patterns));
            let book = self.books.entry(home.clone()).or_insert_with(new);
            let files = files.iter().map(|(file, block)| (*file, block.as_slice()));
            records.extend(book.read(files, now).into_iter().map(|mut event| {
                event.record.home.clone_from(home);
                event
            }));
        }
        // several homes in the order of the timestamps; records without one come last
        if homes > 1 {
            records.sort_by_key(|event| (event.record.stamp.is_none(), event.record.stamp));
        }
        records
    }
}

/// The position of evidence among that of the same moment.
fn order_key(evidence: &Evidence) -> u8 {
    match evidence {
        Evidence::Process { state: ProcessState::Running | ProcessState::Stopped, .. }
        | Evidence::PidFile(Some(_))
        | Evidence::OwnRestart(_)
        | Evidence::PlannedStopMarker(_)
        | Evidence::TakeoverMarker(_)
        | Evidence::HistoryTruncated => 0,
        Evidence::Log(_) => 1,
        Evidence::StateFile(_) | Evidence::Heartbeat(_) | Evidence::Locks(_) => 2,
        _ => 3,
    }
}
