//! Splits a block into lines, each with the record that it belongs to: a line without a head belongs to the record
//! above it.

use jiff::civil::DateTime;
use memchr::{memchr, memmem};

use super::line::{Head, Heads, Level};
use super::patterns::Patterns;

/// The first line of a traceback. Without a record above it, Python itself printed it.
const TRACEBACK: &[u8] = b"Traceback (most recent call last):";

/// How many of the last bytes of a record are searched for topics and for a traceback.
const SEARCHED_BYTES: usize = 64 << 10;

/// The record in which the last block of a file ended.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenRecord {
    level: Option<Level>,
    logger: Option<Box<[u8]>>,
    stamp: Option<DateTime>,
    topics: u32,
    speech: bool,
}

/// One line, without its line end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a [u8],
    /// The level of a record that begins here.
    pub(super) level: Option<Level>,
    /// The message of a line that begins a record; otherwise the whole line.
    pub(super) message: &'a [u8],
    start: usize,
    /// Offset of its line break in the block.
    pub(super) end: usize,
}

/// The record that a line belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) level: Option<Level>,
    pub(super) logger: Option<&'a [u8]>,
    pub(super) stamp: Option<DateTime>,
    /// It contains text written by people.
    pub(super) speech: bool,
    /// The part of the record in this block.
    text: &'a [u8],
    /// Topics of the part before this block.
    carried_topics: u32,
}

impl Line<'_> {
    /// Whether it begins a record.
    pub(super) fn is_head(&self) -> bool {
        self.level.is_some()
    }
}

impl Record<'_> {
    /// The topics in it, as far as it was read.
    pub(super) fn topics(&self, patterns: &Patterns) -> u32 {
        let near = self.text.len().saturating_sub(SEARCHED_BYTES);
        self.carried_topics | patterns.topics(&self.text[near..])
    }
}

/// Iterates over the lines of one block.
pub(super) struct Records<'a> {
    block: &'a [u8],
    open: &'a OpenRecord,
    heads: Heads,
    /// Offset of the next line.
    next: usize,
    /// The newest record that began in this block, and its offset.
    newest: Option<(usize, Head<'a>)>,
}

impl<'a> Records<'a> {
    /// `open`: the record in which the previous block ended.
    pub(super) fn new(block: &'a [u8], open: &'a OpenRecord) -> Self {
        Self { block, open, heads: Heads::default(), next: 0, newest: None }
    }

    pub(super) fn next_line(&mut self) -> Option<Line<'a>> {
        let start = self.next;
        let rest = self.block.get(start..).filter(|rest| !rest.is_empty())?;
        let end = start + memchr(b'\n', rest).unwrap_or(rest.len());
        self.next = end + 1;
        let text = &self.block[start..end];
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let Some(head) = self.heads.read(text) else {
            return Some(Line { text, level: None, message: text, start, end });
        };
        let (level, message) = (Some(head.level), head.message);
        self.newest = Some((start, head));
        Some(Line { text, level, message, start, end })
    }

    /// The head of the record of the line that was returned last, if it is in this block.
    pub(super) fn head(&self) -> Option<&Head<'a>> {
        self.newest.as_ref().map(|(_, head)| head)
    }

    /// The record of the line that was returned last.
    pub(super) fn of(&self, line: &Line<'a>, patterns: &Patterns) -> Record<'a> {
        self.up_to(line.start, line.end, patterns)
    }

    /// The record in which the block ends, for the next block.
    pub(super) fn at_end(&self, patterns: &Patterns) -> OpenRecord {
        let record = self.up_to(self.block.len(), self.block.len(), patterns);
        OpenRecord {
            level: record.level,
            logger: record.logger.map(Into::into),
            stamp: record.stamp,
            topics: record.topics(patterns),
            speech: record.speech,
        }
    }

    /// The record of the line from `above` to `end`.
    fn up_to(&self, above: usize, end: usize, patterns: &Patterns) -> Record<'a> {
        if let Some((start, head)) = &self.newest {
            return Record {
                level: Some(head.level),
                logger: head.logger,
                stamp: head.stamp,
                speech: patterns.is_speech(head.message),
                text: &self.block[*start..end],
                carried_topics: 0,
            };
        }
        let near = above.saturating_sub(SEARCHED_BYTES);
        let in_traceback = || memmem::find(&self.block[near..above], TRACEBACK).map(|_| Level::Error);
        Record {
            level: self.open.level.or_else(in_traceback),
            logger: self.open.logger.as_deref(),
            stamp: self.open.stamp,
            speech: self.open.speech,
            text: &self.block[..end],
            carried_topics: self.open.topics,
        }
    }
}
