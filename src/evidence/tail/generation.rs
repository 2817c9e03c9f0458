//! One generation of a log: one inode, which is held open and read forward.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::holes;
use super::limits::Counts;
use super::lines::{Discarded, LineCutter, MAX_LINE};
use crate::files;

/// Bytes at the beginning of a file that are compared to tell it from another file with the same inode number.
const HEAD: usize = 256;
/// Bytes before the position that are compared before more is read.
const ANCHOR: usize = 64;
/// Fewer equal bytes at the beginning prove nothing.
const HEAD_MIN: usize = 64;
/// Holes are looked for only if more bytes than this are left to read.
const HOLE_MIN: u64 = 1024 * 1024;
/// If more bytes than this are left to read, the oldest are skipped.
const MAX_BACKLOG: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes read at once; at most [`MAX_LINE`], so that no line inside a chunk is too long.
const CHUNK: usize = MAX_LINE;

/// Device and inode, which identify a file while it is held open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id {
    pub dev: u64,
    pub ino: u64,
}

impl Id {
    pub(super) fn of(meta: &Metadata) -> Self {
        Self { dev: meta.dev(), ino: meta.ino() }
    }
}

/// Modification time in seconds and nanoseconds of the file system's clock; compared with other modification times only.
pub(super) type Modified = (i64, i64);

pub(super) fn modified(meta: &Metadata) -> Modified {
    (meta.mtime(), meta.mtime_nsec())
}

/// How far a file was read, and bytes that identify it beyond its inode number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bookmark {
    /// Offset of the next byte to be read.
    pub pos: u64,
    /// The first bytes, at most [`HEAD`].
    head: Vec<u8>,
    /// The bytes just before `pos`, at most [`ANCHOR`].
    anchor: Vec<u8>,
}

impl Bookmark {
    /// Whether `file`, `size` bytes long, begins with the same bytes and has the same bytes before the position.
    pub(super) fn fits(&self, file: &File, size: u64) -> io::Result<bool> {
        if size < self.pos {
            return Ok(false);
        }
        let from = self.pos - self.anchor.len() as u64;
        Ok(read_at(file, 0, self.head.len())? == self.head
            && read_at(file, from, self.anchor.len())? == self.anchor)
    }

    /// Whether the file can be recognised by its contents.
    pub(super) fn is_recognisable(&self) -> bool {
        !self.head.is_empty()
    }
}

/// How a file changed since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileState {
    Unchanged,
    /// There are bytes after the position.
    Grown,
    /// It was truncated; what is left was already read.
    Cut,
    /// It has other contents: it was truncated and written again, or is another file with the same inode number.
    Replaced,
}

/// One open file of the log.
#[derive(Debug)]
pub(super) struct Generation {
    file: File,
    pub id: Id,
    pub mark: Bookmark,
    pub cutter: LineCutter,
    modified: Option<Modified>,
    /// When it last grew, else when it was opened.
    pub last_growth: Instant,
}

impl Generation {
    /// Opens a regular file to be read from its beginning; `None` if it is something else.
    pub(super) fn open(path: &Path, now: Instant) -> io::Result<Option<Self>> {
        let Some((file, meta)) = open_regular(path)? else {
            return Ok(None);
        };
        Ok(Some(Self::at(file, &meta, Bookmark::default(), now)))
    }

    /// A generation to be read from a bookmark on.
    pub(super) fn at(file: File, meta: &Metadata, mark: Bookmark, now: Instant) -> Self {
        Self { file, id: Id::of(meta), mark, cutter: LineCutter::default(), modified: None, last_growth: now }
    }

    /// Continues at `pos`; what is before counts as read.
    pub(super) fn skip_to(&mut self, pos: u64) -> io::Result<()> {
        self.mark.head = read_at(&self.file, 0, HEAD.min(usize::try_from(pos).unwrap_or(HEAD)))?;
        let anchor = ANCHOR.min(usize::try_from(pos).unwrap_or(ANCHOR));
        self.mark.anchor = read_at(&self.file, pos - anchor as u64, anchor)?;
        self.mark.pos = pos;
        Ok(())
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// Modification time at the last comparison.
    pub(super) fn modified(&self) -> Option<Modified> {
        self.modified
    }

    pub(super) fn try_clone(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Checks how the file changed since it was read. Reads its beginning only if size or modification time changed.
    pub(super) fn compare(&mut self, meta: &Metadata) -> io::Result<FileState> {
        let (size, pos) = (meta.size(), self.mark.pos);
        if size < pos {
            let common = self.mark.head.len().min(usize::try_from(size).unwrap_or(HEAD));
            let cut = common >= HEAD_MIN && read_at(&self.file, 0, common)? == self.mark.head[..common];
            return Ok(if cut { FileState::Cut } else { FileState::Replaced });
        }
        if size == pos && self.modified == Some(modified(meta)) {
            return Ok(FileState::Unchanged);
        }
        self.modified = Some(modified(meta));
        let head = read_at(&self.file, 0, HEAD)?;
        if !head.starts_with(&self.mark.head) {
            return Ok(FileState::Replaced);
        }
        self.mark.head = head;
        Ok(if size == pos { FileState::Unchanged } else { FileState::Grown })
    }

    /// Reads what is new, within the budget. Returns whether something is left to read.
    pub(super) fn read_new(
        &mut self,
        budget: &mut usize,
        now: Instant,
        sink: &mut dyn FnMut(&[u8]),
        counts: &mut Counts,
    ) -> io::Result<bool> {
        // again after a truncation, also one during the read
        for _ in 0..3 {
            let meta = self.metadata()?;
            let lost = match self.compare(&meta)? {
                FileState::Unchanged => return Ok(false),
                FileState::Grown => {
                    if *budget == 0 {
                        return Ok(true);
                    }
                    let left = *budget;
                    let read = self.read(meta.size(), budget, now, sink)?;
                    counts.bytes += (left - *budget) as u64;
                    if let Some(gone) = read {
                        counts.long_lines += gone.lines;
                        counts.discarded += gone.bytes;
                        return Ok(self.mark.pos < meta.size());
                    }
                    self.restart()
                }
                FileState::Cut => self.cut_to(meta.size())?,
                FileState::Replaced => self.restart(),
            };
            counts.truncations += 1;
            counts.lost_partials += u64::from(lost);
        }
        Ok(true)
    }

    /// Bytes that were not read; 0 if the size is unknown.
    pub(super) fn unread(&self) -> u64 {
        self.metadata().map_or(0, |meta| meta.size().saturating_sub(self.mark.pos))
    }

    /// Reads up to `size` or until the budget (bytes) is used up. `None` if the bytes before the position have changed:
    /// the caller has to compare again.
    fn read(
        &mut self,
        size: u64,
        budget: &mut usize,
        now: Instant,
        sink: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Option<Discarded>> {
        let mut gone = Discarded::default();
        while self.mark.pos < size && *budget > 0 {
            let mut end = size;
            if size - self.mark.pos > HOLE_MIN {
                if self.skip_gap(size, sink)? {
                    continue;
                }
                end = holes::data_end(&self.file, self.mark.pos, size);
            }
            let known = self.mark.anchor.len();
            let left = usize::try_from(end - self.mark.pos).unwrap_or(CHUNK);
            let want = left.min(CHUNK).min(*budget);
            let buffer = read_at(&self.file, self.mark.pos - known as u64, known + want)?;
            if buffer.len() <= known || buffer[..known] != self.mark.anchor {
                return Ok(None);
            }
            let fresh = &buffer[known..];
            let more = self.cutter.feed(fresh, sink);
            gone.lines += more.lines;
            gone.bytes += more.bytes;
            self.mark.pos += fresh.len() as u64;
            *budget -= fresh.len();
            let anchor = &buffer[buffer.len() - buffer.len().min(ANCHOR)..];
            self.mark.anchor.clear();
            self.mark.anchor.extend_from_slice(anchor);
            self.last_growth = now;
        }
        Ok(Some(gone))
    }

    /// Skips a hole at the position, and what exceeds [`MAX_BACKLOG`]. Returns whether anything was skipped.
    fn skip_gap(&mut self, size: u64, sink: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        let mut next = holes::next_data(&self.file, self.mark.pos, size);
        if size - next > MAX_BACKLOG {
            next = size - MAX_BACKLOG;
        }
        if next == self.mark.pos {
            return Ok(false);
        }
        self.cutter.skip_hole(sink);
        self.skip_to(next)?;
        Ok(true)
    }

    /// Starts again at the beginning, because the file has other contents. Returns whether a partial line is lost.
    pub(super) fn restart(&mut self) -> bool {
        let lost = self.cutter.has_partial();
        self.mark = Bookmark::default();
        self.cutter = LineCutter::default();
        self.modified = None;
        lost
    }

    /// Continues at the new end of a truncated file. Returns whether a partial line is lost.
    fn cut_to(&mut self, size: u64) -> io::Result<bool> {
        let lost = self.cutter.has_partial();
        self.cutter = LineCutter::default();
        self.skip_to(size)?;
        Ok(lost)
    }

    /// When the partial line may be passed on; `None` without one.
    pub(super) fn flush_at(&self, after: Duration) -> Option<Instant> {
        self.cutter.has_partial().then(|| self.last_growth + after)
    }
}

/// Opens a regular file for reading; `None` if it is something else.
pub(super) fn open_regular(path: &Path) -> io::Result<Option<(File, Metadata)>> {
    match files::open(path) {
        Ok(file) => file.metadata().map(|meta| Some((file, meta))),
        Err(error) if files::is_not_regular(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads up to `len` bytes at `offset`; fewer at the end of the file.
pub(super) fn read_at(file: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    if len == 0 {
        return Ok(out);
    }
    out.reserve_exact(len);
    while out.len() < len {
        let at = offset + out.len() as u64;
        let n = rustix::io::retry_on_intr(|| {
            rustix::io::pread(file, rustix::buffer::spare_capacity(&mut out), at)
        })?;
        if n == 0 {
            break;
        }
    }
    // the allocator may have reserved more than was asked for
    out.truncate(len);
    Ok(out)
}
