//! Reads a log and its rotated siblings backwards from the end.

use std::fs::File;
use std::io;

use memchr::{memchr2, memrchr2};

use super::generation::read_at;
use super::holes;
use super::lines::{MAX_LINE, shorten};

/// Bytes read at once.
const BLOCK: usize = 256 * 1024;
/// Most bytes of one log that are read in all, siblings included: more than Hermes keeps of `agent.log` (5 MiB, three
/// siblings).
pub const HISTORY_LIMIT: u64 = 24 * 1024 * 1024;
/// Bytes read first to find the end of the last line: most lines are short.
const FIRST_STEP: usize = 4 * 1024;

/// A block of complete lines, oldest first.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// The lines, each ending in a newline and none longer than [`MAX_LINE`].
    pub bytes: Vec<u8>,
    /// Their file: 0 is the log itself, 1 is `.1`.
    pub index: u8,
}

/// Why there is no further block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryEnd {
    /// The oldest line of the oldest file was returned.
    Beginning,
    /// [`HISTORY_LIMIT`] was reached; there may be more.
    Bound,
}

#[derive(Debug)]
struct Part {
    index: u8,
    file: File,
    /// Where the part ends that was not returned yet.
    end: u64,
}

/// Reads backwards. It holds the files open, so that they may be renamed meanwhile; drop it as soon as enough was read.
#[derive(Debug)]
pub struct HistoryReader {
    /// Oldest first.
    parts: Vec<Part>,
    left: u64,
    end: Option<HistoryEnd>,
}

impl Default for HistoryReader {
    fn default() -> Self {
        Self { parts: Vec::new(), left: HISTORY_LIMIT, end: None }
    }
}

impl HistoryReader {
    /// Adds a file that is older than those before.
    pub(super) fn add(&mut self, index: u8, file: File, end: u64) {
        self.parts.insert(0, Part { index, file, end });
    }

    /// The next older block; `None` at the end, see [`HistoryReader::end`]. A file that cannot be read is skipped.
    pub fn next_block(&mut self) -> Option<Block> {
        loop {
            let Some(part) = self.parts.last_mut() else {
                self.end.get_or_insert(HistoryEnd::Beginning);
                return None;
            };
            if part.trim_nuls(&mut self.left).is_err() || part.end == 0 {
                self.parts.pop();
                continue;
            }
            if self.left == 0 {
                self.end = Some(HistoryEnd::Bound);
                self.parts.clear();
                return None;
            }
            match part.previous(&mut self.left) {
                Ok(Some(bytes)) => {
                    return Some(Block { bytes, index: part.index });
                }
                // inside a line that began before the limit
                Ok(None) => self.left = 0,
                Err(_) => {
                    self.parts.pop();
                }
            }
        }
    }

    /// Why it ended; `None` before the end.
    pub fn end(&self) -> Option<HistoryEnd> {
        self.end
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        HISTORY_LIMIT - self.left
    }
}

impl Part {
    /// Moves `end` to before a hole and NUL bytes.
    fn trim_nuls(&mut self, left: &mut u64) -> io::Result<()> {
        while self.end > 0 && *left > 0 && exactly(&self.file, self.end - 1, self.end)? == [0] {
            let start = holes::hole_start(&self.file, self.end);
            if start < self.end {
                self.end = start;
                continue;
            }
            let from = self.end.saturating_sub((*left).min(BLOCK as u64));
            let bytes = exactly(&self.file, from, self.end)?;
            *left -= bytes.len() as u64;
            self.end = from + bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at as u64 + 1);
        }
        Ok(())
    }

    /// The lines before `end`; `None` if the limit is reached inside a line.
    fn previous(&mut self, left: &mut u64) -> io::Result<Option<Vec<u8>>> {
        let from = self.end.saturating_sub((*left).min(BLOCK as u64));
        let mut bytes = exactly(&self.file, from, self.end)?;
        *left -= bytes.len() as u64;
        let start = if from == 0 {
            0
        } else {
            match memchr2(b'\n', 0, &bytes[..bytes.len() - 1]) {
                Some(at) => at + 1,
                None => return self.long_line(from, left),
            }
        };
        // NUL bytes behind a hole, or of a truncated file
        let start = start + bytes[start..].iter().take_while(|b| **b == 0).count();
        self.end = from + start as u64;
        bytes.drain(..start);
        if bytes.last() != Some(&b'\n') {
            // a rotated file may end within a line, if its writer was killed
            bytes.push(b'\n');
        }
        Ok(Some(shorten(&bytes).map_or(bytes, |(short, _)| short)))
    }

    /// For a line that is longer than a block: finds its beginning, and returns its first [`MAX_LINE`] bytes.
    fn long_line(&mut self, mut to: u64, left: &mut u64) -> io::Result<Option<Vec<u8>>> {
        let start = loop {
            if to == 0 {
                break 0;
            }
            if *left == 0 {
                return Ok(None);
            }
            let from = to.saturating_sub((*left).min(BLOCK as u64));
            let bytes = exactly(&self.file, from, to)?;
            *left -= bytes.len() as u64;
            if let Some(at) = memrchr2(b'\n', 0, &bytes) {
                break from + at as u64 + 1;
            }
            to = from;
        };
        let mut line = exactly(&self.file, start, self.end.min(start + MAX_LINE as u64))?;
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        self.end = start;
        Ok(Some(line))
    }
}

/// Reads all bytes of a range; an error if some are missing.
fn exactly(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let len = usize::try_from(to - from).unwrap_or(BLOCK);
    let bytes = read_at(file, from, len)?;
    if bytes.len() < len { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
}

/// Where the last complete line of a file ends. If the unfinished line after it is longer than a block, its beginning
/// is left to the history: the result is then `size` and `true`, and following begins inside a long line.
pub(super) fn last_line_end(file: &File, size: u64) -> io::Result<(u64, bool)> {
    let mut step = FIRST_STEP;
    loop {
        let from = size.saturating_sub(step as u64);
        let bytes = exactly(file, from, size)?;
        if let Some(at) = memrchr2(b'\n', 0, &bytes) {
            return Ok((from + at as u64 + 1, false));
        }
        if from == 0 {
            return Ok((0, false));
        }
        if step >= BLOCK {
            return Ok((size, true));
        }
        step *= 8;
    }
}
