//! Rows that wait because another program keeps the history locked. They also stand in a file beside the history, so that
//! they survive the end of the process, and are written by the next one.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::record::Row;
use super::store::{Store, StoreError};
use crate::files;

/// Most rows that wait. Our choice: some hours of a flapping link.
const MOST_ROWS: usize = 2_000;
/// Most bytes of the file that are read: [`MOST_ROWS`] rows with the longest line of evidence in each.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// The rows that wait, oldest first.
#[derive(Debug)]
pub(crate) struct Queue {
    file: PathBuf,
    rows: VecDeque<Row>,
    /// The start of the run that the first row belongs to.
    run: Timestamp,
    /// The file exists.
    saved: bool,
}

impl Queue {
    /// The queue of this history, whose run begins `now`; with the rows that an earlier process could not write.
    pub(crate) fn load(history: &Path, now: Timestamp) -> Self {
        let file = history.with_extension("unwritten.jsonl");
        let saved = files::read(&file, MOST_BYTES).ok();
        let text = saved.as_deref().unwrap_or_default();
        let rows = text.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        let mut rows: VecDeque<Row> = rows.take(MOST_ROWS).collect();
        if !rows.is_empty() {
            rows.push_back(Row::Begin(now));
        }
        Self { file, rows, run: now, saved: saved.is_some() }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row. `false`: there are too many, and all of them were dropped.
    #[must_use]
    pub(crate) fn push(&mut self, row: Row) -> bool {
        if let (Some(Row::Observed(_, end)), Row::Observed(from, to)) = (self.rows.back_mut(), &row)
            && *end == *from
        {
            *end = *to;
            return true;
        }
        if self.rows.len() >= MOST_ROWS {
            self.rows.clear();
            return false;
        }
        self.rows.push_back(row);
        true
    }

    /// Writes the rows. On an error the row that failed is dropped, unless the history is locked: then it waits with
    /// those after it.
    pub(crate) fn write_to(&mut self, store: &mut Store) -> Result<(), StoreError> {
        while let Some(row) = self.rows.front() {
            let written = store.put(row);
            if matches!(written, Err(StoreError::Busy)) {
                return written;
            }
            if let Row::Begin(at) | Row::Resume(at) = row {
                self.run = *at;
            }
            self.rows.pop_front();
            written?;
        }
        if std::mem::take(&mut self.saved) {
            // a file that stays is overwritten by the next save, or written once more by the next process
            let _ = fs::remove_file(&self.file);
        }
        Ok(())
    }

    /// Keeps the waiting rows for the next process.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        let resumed = match self.rows.front() {
            Some(Row::Begin(_) | Row::Resume(_)) => None,
            _ => Some(Row::Resume(self.run)),
        };
        files::replace(&self.file, |out| {
            for row in resumed.iter().chain(&self.rows) {
                serde_json::to_writer(&mut *out, row)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })?;
        self.saved = true;
        Ok(())
    }
}
