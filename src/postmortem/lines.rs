//! Bounded reading of files of any size.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use jiff::civil::DateTime;

use super::clock::stamp;
use crate::files;
use crate::text::error;

/// Bytes read from a file at once; each open file holds one such block.
const BLOCK: usize = 256 << 10;

/// Longest line, in bytes; longer ones are skipped.
const MAX_LINE: usize = 64 << 10;

/// Reads blocks of complete lines.
pub(super) struct Lines {
    file: File,
    /// Allocated once, at its full length.
    buffer: Vec<u8>,
    /// Bytes of it that are in use.
    filled: usize,
    skipping: bool,
}

impl Lines {
    pub(super) fn of(file: File) -> Self {
        // an incomplete line, a block after it, and a line break at the end of the file
        Self { file, buffer: vec![0; MAX_LINE + BLOCK + 1], filled: 0, skipping: false }
    }

    /// Reads a block and passes complete lines to `sink`. `false` at the end of the file.
    pub(super) fn next(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        let count = match self.file.read(&mut self.buffer[self.filled..][..BLOCK]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            other => other?,
        };
        self.filled += count;
        if self.skipping {
            let end = memchr::memchr(b'\n', &self.buffer[..self.filled]);
            self.skipping = end.is_none();
            self.drop_front(end.map_or(self.filled, |end| end + 1));
        }
        if count == 0 && self.filled > 0 && self.buffer[self.filled - 1] != b'\n' {
            self.buffer[self.filled] = b'\n';
            self.filled += 1;
        }
        let whole = memchr::memrchr(b'\n', &self.buffer[..self.filled]).map_or(0, |at| at + 1);
        if whole > 0 {
            sink(&self.buffer[..whole]);
            self.drop_front(whole);
        }
        if self.filled > MAX_LINE {
            self.filled = 0;
            self.skipping = true;
        }
        Ok(count > 0)
    }

    fn drop_front(&mut self, count: usize) {
        self.buffer.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}

/// The first and the last timestamp of a file.
pub(super) fn span(path: &Path) -> error::Result<Option<(DateTime, DateTime)>> {
    let mut lines = Lines::of(files::open(path)?);
    let mut first = None;
    while first.is_none() && lines.next(&mut |block| first = block.split(|b| *b == b'\n').find_map(stamp))? {}
    let Some(first) = first else { return Ok(None) };
    let mut file = files::open(path)?;
    let mut from = file.metadata()?.len();
    // backwards by blocks: the last record may be long
    loop {
        let to = from;
        from = from.saturating_sub(BLOCK as u64);
        file.seek(SeekFrom::Start(from))?;
        let mut block = Vec::new();
        // a line that begins in this block may end after it
        (&mut file).take(to - from + MAX_LINE as u64).read_to_end(&mut block)?;
        let whole =
            if from == 0 { 0 } else { memchr::memchr(b'\n', &block).map_or(block.len(), |at| at + 1) };
        if let Some(last) = block[whole..].rsplit(|b| *b == b'\n').find_map(stamp) {
            return Ok(Some((first, last)));
        }
        if from == 0 {
            return Ok(Some((first, first)));
        }
    }
}
