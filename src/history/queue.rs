//! Rows that wait because another program keeps the history locked. They are also stored in a file beside the history,
//! so that the next process can write them if this one ends.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::record::Row;
use super::store::{Store, StoreError};
use crate::files;

/// Most rows that wait. Our choice: some hours of a flapping link.
const MAX_ROWS: usize = 2_000;
/// Most bytes of the file that are read: [`MAX_ROWS`] rows with the longest line of evidence in each.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// The waiting rows, oldest first.
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
        let saved = files::read(&file, MAX_BYTES).ok();
        let text = saved.as_deref().unwrap_or_default();
        let rows = text.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        let mut rows: VecDeque<Row> = rows.take(MAX_ROWS).collect();
        // even if no row waits: a later Row::Resume finds the run by this time, not by that of Store::open
        rows.push_back(Row::Begin(now));
        Self { file, rows, run: now, saved: saved.is_some() }
    }

    /// Whether no row waits.
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
        if self.rows.len() >= MAX_ROWS {
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

    /// Stores the waiting rows for the next process.
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

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::health::Reason;
    use crate::history::ChangeRow;

    fn change(at: Timestamp, to: Reason) -> Row {
        let row = ChangeRow {
            at,
            run: 0,
            from: Reason::NoEvidence,
            to,
            own_light: None,
            platform: None,
            since: at,
            evidence: None,
            pid: None,
            started_at: None,
            history: false,
        };
        Row::Change("hermes".into(), row)
    }

    /// The next process finds the run of the waiting rows, however long the history took to open.
    #[test]
    fn rows_that_waited_belong_to_the_run_that_observed_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        let began = Timestamp::UNIX_EPOCH + 1_000.hours();
        let [first, second, third] = [1, 2, 3].map(|n| began + n.seconds());
        let mut queue = Queue::load(&path, began);
        let mut store = Store::open(&path, began + 5.milliseconds()).unwrap();
        assert!(queue.push(change(first, Reason::Connected)));
        queue.write_to(&mut store).unwrap();
        assert!(queue.push(Row::Observed(began, second)));
        assert!(queue.push(change(second, Reason::ExecutorShutdown)));
        queue.save().unwrap();
        drop((queue, store));

        let mut queue = Queue::load(&path, third);
        let mut store = Store::open(&path, third + 5.milliseconds()).unwrap();
        assert!(queue.push(change(third, Reason::Connected)));
        queue.write_to(&mut store).unwrap();
        assert!(queue.is_empty() && !path.with_extension("unwritten.jsonl").exists());

        let record = store.read(began, third).unwrap();
        let runs: Vec<i64> = record.profiles[0].changes.iter().map(|change| change.run).collect();
        assert_eq!(runs, [1, 1, 2]);
        assert_eq!(record.observed[0].run, 1);
    }
}
