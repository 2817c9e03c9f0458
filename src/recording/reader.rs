//! Reads the lines and files of a recording into evidence.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Event, EventKind};
use crate::evidence::log_event::LogEvent;
use crate::evidence::logbook::LogBook;
use crate::evidence::patterns::Patterns;
use crate::evidence::state_files;
use crate::health::{Evidence, ProcessState, ProfileName};

/// Reads lines and files into evidence.
pub(super) struct Reader {
    books: BTreeMap<Option<ProfileName>, LogBook>,
    pub(super) patterns: Arc<Patterns>,
}

impl Reader {
    /// Before the first event.
    pub(super) fn new(patterns: Arc<Patterns>) -> Self {
        Self { books: BTreeMap::new(), patterns }
    }

    /// The evidence of one moment in order: a process before its lines, its lines and files before its end.
    pub(super) fn read(&mut self, moment: &[Event], now: Timestamp) -> Vec<Evidence> {
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
