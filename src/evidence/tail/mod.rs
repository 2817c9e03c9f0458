//! Follows one log file through rotation, truncation and replacement, without losing or repeating a line.
//!
//! A *generation* is one inode of the log, held open. The one that the path names is current. Those that were renamed
//! or deleted are old: they are read to their end and followed while something writes to them, since launchd keeps
//! writing to the file that it opened. An old generation is closed some time after its last growth. A bookmark of it
//! remains (its identity, and how far it was read); it is reopened when it grows as `agent.log.1` or gets its name
//! back.
//!
//! Two files are the same only if device, inode, the first bytes and the bytes before the position are equal: inode
//! numbers are reused, and a truncated file may have grown past the position before the next poll.
//!
//! What cannot be found: bytes that were written and truncated away between two polls (unless copytruncate left a copy
//! as `agent.log.1`), a generation that came and went between two polls, and a replacement with the same beginning and
//! the same bytes before the position.
//!
//! Holes of sparse files are skipped, and the oldest part of a backlog beyond 2 GiB. A tailer never blocks on a FIFO or
//! a device, reads at most [`Limits::per_poll`] bytes in a poll, and never reads a clock. A file system that hangs (a
//! dead network volume) blocks any read: a log that may be on one is first opened on a thread that may wait.

mod bookmarks;
mod error;
mod generation;
mod history;
mod holes;
mod limits;
mod lines;
mod siblings;

use std::collections::VecDeque;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

use bookmarks::Bookmarks;
pub use error::{TailError, check};
use error::{is_gone, kind_of};
use generation::{Bookmark, FileState, Generation, Id, Modified, open_regular};
pub use history::{Block, HISTORY_LIMIT, HistoryEnd, HistoryReader};
pub use limits::{Counts, Limits, Polled};
use lines::LineCutter;
pub use lines::MAX_LINE;
use siblings::{Sibling, siblings};

use crate::health::FileKind;

/// Follows one log; see the module's documentation.
#[derive(Debug)]
pub struct Tailer {
    path: PathBuf,
    limits: Limits,
    /// The file that the path names.
    current: Option<Generation>,
    /// Renamed or deleted, oldest first.
    old: VecDeque<Generation>,
    bookmarks: Bookmarks,
    /// Modification time of the current generation at the last poll that had one. Its successors are not older.
    newest: Option<Modified>,
    /// The siblings were listed once: new ones were written since.
    begun: bool,
    /// The siblings must be listed again.
    rescan: bool,
    /// The log existed at the start but could not be opened: its contents are history.
    skip_first: bool,
    counts: Counts,
}

impl Tailer {
    /// Follows a log from its beginning. Rotated siblings that exist at the first poll are history and not read.
    pub fn new(path: impl Into<PathBuf>, limits: Limits) -> Self {
        Self {
            path: path.into(),
            limits,
            current: None,
            old: VecDeque::new(),
            bookmarks: Bookmarks::default(),
            newest: None,
            begun: false,
            rescan: false,
            skip_first: false,
            counts: Counts::default(),
        }
    }

    /// Follows a log from the end of its last complete line. The reader returns what is before, in the log and its
    /// rotated siblings, backwards. Each line is in exactly one of the two, whatever is written meanwhile.
    ///
    /// A log that cannot be read now has no history; the next poll returns the error. A file that appears later is read
    /// from its beginning; one that exists but is not readable is followed from its end once it is.
    pub fn start_at_end_with_history(
        path: impl Into<PathBuf>,
        limits: Limits,
        now: Instant,
    ) -> (Self, HistoryReader) {
        let mut tailer = Self::new(path, limits);
        let reader = tailer.begin_at_end(now);
        (tailer, reader)
    }

    fn begin_at_end(&mut self, now: Instant) -> HistoryReader {
        let mut reader = HistoryReader::default();
        match Generation::open(&self.path, now) {
            Ok(Some(generation)) => match start_at_end(generation, &mut reader) {
                Ok(generation) => self.current = Some(generation),
                Err(_) => self.skip_first = true,
            },
            // a FIFO, perhaps: a log that takes its place later is new
            Ok(None) => {}
            Err(error) => self.skip_first = !is_gone(&error),
        }
        let siblings = siblings(&self.path, self.limits.siblings);
        // a sibling newer than the opened file was rotated just now, and is left to the next poll
        let ours = siblings.iter().find(|sibling| self.holds(sibling.id)).map_or(0, |sibling| sibling.index);
        for sibling in siblings.into_iter().filter(|sibling| sibling.index > ours) {
            let Ok(Some((file, meta))) = open_regular(&sibling.path) else {
                continue;
            };
            let mut generation = Generation::at(file, &meta, Bookmark::default(), now);
            if generation.skip_to(meta.size()).is_err() {
                continue;
            }
            if let Ok(file) = generation.try_clone() {
                reader.add(sibling.index, file, meta.size());
            }
            self.bookmarks.keep(generation.id, generation.mark, Some(sibling.index));
        }
        if ours > 0 {
            self.rescan = true;
        }
        self.begun = true;
        reader
    }

    /// The counts since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Descriptors held open now.
    pub fn open_files(&self) -> usize {
        usize::from(self.current.is_some()) + self.old.len()
    }

    /// Reads what is new and passes it to `sink` in blocks of complete lines, each with its newline. Bytes are
    /// unchanged.
    ///
    /// An error says why the path cannot be followed now; the lines of open generations were passed on nevertheless.
    pub fn poll(&mut self, now: Instant, sink: &mut dyn FnMut(&[u8])) -> Result<Polled, TailError> {
        let mut polled = Polled::default();
        let before = self.counts;
        let arranged = self.arrange(now, &mut polled);
        self.reopen_grown_siblings(now);
        let read = self.read_all(now, sink, &mut polled);
        self.close_old(now, sink);
        self.newest = self.current.as_ref().and_then(Generation::modified).or(self.newest);
        polled.rotated = self.counts.rotations > before.rotations;
        polled.truncated = self.counts.truncations > before.truncations;
        polled.bytes = self.counts.bytes - before.bytes;
        arranged.and(read).map(|()| polled)
    }

    /// Passes on lines that have been unfinished for [`Limits::partial_after`], and returns their number. What is
    /// written after such a line becomes another line, so no byte is matched twice.
    pub fn flush_partial(&mut self, now: Instant, sink: &mut dyn FnMut(&[u8])) -> usize {
        let after = self.limits.partial_after;
        let mut count = 0;
        for generation in self.old.iter_mut().chain(self.current.as_mut()) {
            if generation.flush_at(after).is_some_and(|at| at <= now) && generation.cutter.flush(sink) {
                count += 1;
            }
        }
        count
    }

    /// When [`Tailer::flush_partial`] has something to do; `None` while no line is unfinished.
    pub fn next_flush(&self) -> Option<Instant> {
        let after = self.limits.partial_after;
        self.old.iter().chain(&self.current).filter_map(|generation| generation.flush_at(after)).min()
    }

    /// Makes the file that the path names the current generation.
    fn arrange(&mut self, now: Instant, polled: &mut Polled) -> Result<(), TailError> {
        let found = match std::fs::metadata(&self.path) {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(TailError::new(&self.path, error)),
        };
        // truncations first: a new sibling may be the copy that a truncation left
        let same = match (&found, &self.current) {
            (Ok(Some(meta)), Some(current)) => Id::of(meta) == current.id,
            _ => false,
        };
        self.check_truncated(if same { found.as_ref().ok().and_then(Option::as_ref) } else { None }, now);
        let meta = found?;
        if !self.begun {
            self.note_siblings_as_read(now);
            self.begun = true;
        }
        if same && self.current.is_some() {
            if self.rescan {
                self.take_in_siblings(now);
            }
            return Ok(());
        }
        self.retire_current(now);
        let Some(meta) = meta else {
            polled.missing = true;
            self.skip_first = false;
            // a log may have been created and rotated away between two polls
            self.take_in_siblings(now);
            return Ok(());
        };
        if !meta.is_file() {
            self.skip_first = false;
            return Err(TailError::NotAFile { path: self.path.clone(), kind: kind_of(&meta) });
        }
        self.open_current(now)?;
        Ok(())
    }

    /// The path names a file that is not the current generation: opens it.
    fn open_current(&mut self, now: Instant) -> Result<(), TailError> {
        let path = self.path.clone();
        let failed = |error| TailError::new(&path, error);
        let Some((file, meta)) = open_regular(&path).map_err(failed)? else {
            return Err(TailError::NotAFile { path, kind: FileKind::Other });
        };
        let id = Id::of(&meta);
        let generation = if let Some(at) = self.old.iter().position(|old| old.id == id) {
            // renamed back: it is still open
            self.old.remove(at)
        } else if let Some(mark) = self.bookmarks.recall(id, &file, meta.size()) {
            Some(Generation::at(file, &meta, mark, now))
        } else if self.skip_first {
            let generation = Generation::at(file, &meta, Bookmark::default(), now);
            Some(start_at_end(generation, &mut HistoryReader::default()).map_err(failed)?)
        } else {
            Some(Generation::at(file, &meta, Bookmark::default(), now))
        };
        self.skip_first = false;
        self.counts.rotations += 1;
        // siblings are older than the new file, and are compared with the newest one before it
        self.take_in_siblings(now);
        self.current = generation;
        Ok(())
    }

    /// Finds open generations that were truncated, and recovers what a copy of them contains.
    fn check_truncated(&mut self, meta: Option<&Metadata>, now: Instant) {
        for at in (0..self.old.len()).rev() {
            let replaced = {
                let old = &mut self.old[at];
                old.metadata()
                    .and_then(|meta| old.compare(&meta))
                    .is_ok_and(|state| state == FileState::Replaced)
            };
            if replaced && let Some(old) = self.old.remove(at) {
                let (old, copy) = self.salvage(old, now);
                self.old.insert(at, old);
                if let Some((copy, index)) = copy {
                    self.old.insert(at, copy);
                    let siblings = siblings(&self.path, self.limits.siblings);
                    self.take_in_newer_than(Some(index), &siblings, now);
                }
            }
        }
        let Some(mut current) = self.current.take() else {
            return;
        };
        let meta = meta.map_or_else(|| current.metadata(), |meta| Ok(meta.clone()));
        let state = meta.and_then(|meta| current.compare(&meta));
        // an error (the volume is gone) is reported by the read
        if !matches!(state, Ok(FileState::Replaced)) {
            self.current = Some(current);
            return;
        }
        let (current, copy) = self.salvage(current, now);
        self.current = Some(current);
        let siblings = siblings(&self.path, self.limits.siblings);
        let known = self.newest_known(&siblings);
        let known = match copy {
            Some((copy, index)) => {
                self.old.push_back(copy);
                Some(index)
            }
            None => known,
        };
        // there may be copies of what was written between two truncations
        self.take_in_newer_than(known, &siblings, now);
    }

    /// copytruncate copies the log to `.1` before it empties it, so the unread part is in the copy. Returns the emptied
    /// generation, to be read from its beginning, and the copy with its number, to be read from the position.
    fn salvage(&mut self, mut emptied: Generation, now: Instant) -> (Generation, Option<(Generation, u8)>) {
        self.counts.truncations += 1;
        let copy = siblings(&self.path, self.limits.siblings)
            .into_iter()
            // the emptied file itself may be one of them, renamed since
            .filter(|sibling| {
                emptied.mark.is_recognisable() && sibling.id != emptied.id && !self.holds(sibling.id)
            })
            .find_map(|sibling| {
                let (file, meta) = open_regular(&sibling.path).ok()??;
                let fits = emptied.mark.fits(&file, meta.size()).ok()?;
                fits.then(|| (Generation::at(file, &meta, emptied.mark.clone(), now), sibling.index))
            });
        let copy = copy.map(|(mut copy, index)| {
            copy.cutter = std::mem::take(&mut emptied.cutter);
            self.bookmarks.forget(copy.id);
            (copy, index)
        });
        if emptied.restart() {
            self.counts.lost_partials += 1;
        }
        (emptied, copy)
    }

    /// The path names another file: the current generation becomes an old one. Returns whether there was one.
    fn retire_current(&mut self, now: Instant) -> bool {
        let Some(mut current) = self.current.take() else {
            return false;
        };
        current.last_growth = now;
        self.old.push_back(current);
        true
    }

    /// After the path changed: siblings newer than the newest known generation were current between two polls and are
    /// read from their beginning; all others count as read.
    fn take_in_siblings(&mut self, now: Instant) {
        let siblings = siblings(&self.path, self.limits.siblings);
        self.rescan = false;
        let known = self.newest_known(&siblings);
        self.take_in_newer_than(known, &siblings, now);
    }

    /// The number of the newest known sibling. Renumbers the bookmarks, and drops those whose inode belongs to another
    /// file now.
    fn newest_known(&mut self, siblings: &[Sibling]) -> Option<u8> {
        let mut known = None;
        for sibling in siblings {
            if self.holds(sibling.id) || self.bookmarks.fits(sibling) {
                known = known.or(Some(sibling.index));
            }
        }
        self.bookmarks.renumber(siblings);
        known
    }

    /// Opens the unknown siblings with a number below `known`; the others count as read. If none is known, the
    /// modification times decide.
    fn take_in_newer_than(&mut self, known: Option<u8>, siblings: &[Sibling], now: Instant) {
        // the oldest first, as they were written
        for sibling in siblings.iter().rev() {
            if self.holds(sibling.id) || self.bookmarks.contains(sibling.id) {
                continue;
            }
            let newer = match known {
                Some(index) => sibling.index < index,
                None => self.newest.is_none_or(|newest| sibling.modified >= newest),
            };
            if !newer {
                self.note_as_read(sibling, now);
                continue;
            }
            match Generation::open(&sibling.path, now) {
                Ok(Some(generation)) if generation.id == sibling.id => self.old.push_back(generation),
                // renamed meanwhile, or no descriptor left
                _ => self.rescan = true,
            }
        }
    }

    fn note_siblings_as_read(&mut self, now: Instant) {
        for sibling in siblings(&self.path, self.limits.siblings) {
            self.note_as_read(&sibling, now);
        }
    }

    /// Marks a sibling as read to its current end; it is reopened when it grows.
    fn note_as_read(&mut self, sibling: &Sibling, now: Instant) {
        if self.holds(sibling.id) {
            return;
        }
        if let Ok(Some((file, meta))) = open_regular(&sibling.path) {
            let mut generation = Generation::at(file, &meta, Bookmark::default(), now);
            if generation.skip_to(meta.size()).is_ok() {
                self.bookmarks.keep(generation.id, generation.mark, Some(sibling.index));
            }
        }
    }

    /// Reopens siblings that have grown: launchd writes to the file that it opened, whatever its name.
    fn reopen_grown_siblings(&mut self, now: Instant) {
        for grown in self.bookmarks.take_grown(&self.path) {
            let mut generation = Generation::at(grown.file, &grown.meta, grown.mark, now);
            if grown.is_same {
                // older than everything that is open
                self.old.push_front(generation);
            } else if generation.skip_to(grown.meta.size()).is_ok() {
                // another file with the same inode number: its contents are not new
                self.bookmarks.keep(generation.id, generation.mark, Some(grown.index));
            }
        }
    }

    fn read_all(
        &mut self,
        now: Instant,
        sink: &mut dyn FnMut(&[u8]),
        polled: &mut Polled,
    ) -> Result<(), TailError> {
        let mut budget = self.limits.per_poll;
        let mut failed = None;
        for generation in self.old.iter_mut().chain(self.current.as_mut()) {
            match generation.read_new(&mut budget, now, sink, &mut self.counts) {
                Ok(more) => polled.more |= more,
                Err(error) => failed = Some((generation.id, error)),
            }
        }
        let Some((id, error)) = failed else { return Ok(()) };
        // the volume is gone, or the disk is broken: the bookmark stays, the descriptor does not
        if let Some(at) = self.old.iter().position(|old| old.id == id) {
            if let Some(lost) = self.old.remove(at) {
                self.bookmarks.keep(lost.id, lost.mark, None);
            }
        } else if let Some(lost) = self.current.take() {
            self.bookmarks.keep(lost.id, lost.mark, None);
        }
        Err(TailError::new(&self.path, error))
    }

    /// Closes old generations that have not grown for [`Limits::old_for`], and those above [`Limits::old_files`].
    fn close_old(&mut self, now: Instant, sink: &mut dyn FnMut(&[u8])) {
        let silent_for = self.limits.old_for;
        let mut at = 0;
        while at < self.old.len() {
            let old = &self.old[at];
            if old.unread() == 0 && old.last_growth + silent_for <= now {
                self.close(at, sink);
            } else {
                at += 1;
            }
        }
        while self.old.len() > self.limits.old_files {
            let silent = (0..self.old.len())
                .filter(|&at| self.old[at].unread() == 0)
                .min_by_key(|&at| self.old[at].last_growth);
            match silent {
                Some(at) => self.close(at, sink),
                None if self.old.len() > 2 * self.limits.old_files => self.close(0, sink),
                None => break,
            }
        }
    }

    fn close(&mut self, at: usize, sink: &mut dyn FnMut(&[u8])) {
        let Some(mut old) = self.old.remove(at) else {
            return;
        };
        self.counts.lost_bytes += old.unread();
        // its writer is probably gone: the line will not be finished
        old.cutter.flush(sink);
        let index = siblings(&self.path, self.limits.siblings)
            .iter()
            .find(|sibling| sibling.id == old.id)
            .map(|sibling| sibling.index);
        self.bookmarks.keep(old.id, old.mark, index);
    }

    fn holds(&self, id: Id) -> bool {
        self.old.iter().chain(&self.current).any(|generation| generation.id == id)
    }
}

/// Moves a generation to the end of its last complete line, and adds everything before that to the reader.
fn start_at_end(mut generation: Generation, reader: &mut HistoryReader) -> io::Result<Generation> {
    let size = generation.metadata()?.size();
    let file = generation.try_clone()?;
    let (end, inside_long_line) = history::last_line_end(&file, size)?;
    generation.skip_to(end)?;
    if inside_long_line {
        generation.cutter = LineCutter::inside_long_line();
    }
    reader.add(0, file, end);
    Ok(generation)
}
