//! Decoded text with the place of each character in its source.

use std::ops::Range;

/// A decoded text and the source of each of its characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapped {
    /// The decoded text.
    pub text: String,
    /// Source of the character of every byte of `text`.
    sources: Vec<Range<usize>>,
}

impl Mapped {
    /// Adds a character that was written at `source`.
    pub fn push(&mut self, c: char, source: Range<usize>) {
        self.text.push(c);
        self.sources.resize(self.text.len(), source);
    }

    /// The source of a range of the text, from its first character to its last; `None` for an empty one, and outside of
    /// the text.
    pub fn source(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let sources = self.sources.get(range.clone())?;
        Some(sources.first()?.start..sources.last()?.end)
    }
}
