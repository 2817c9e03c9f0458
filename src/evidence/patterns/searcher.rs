//! Finds the lines worth a closer look: one search for all needles.

use aho_corasick::{AhoCorasick, BuildError, packed};

#[derive(Debug)]
pub(super) enum Searcher {
    /// SIMD; not on every processor, and for a limited number of needles only.
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Searcher {
    pub(super) fn new(mut needles: Vec<String>) -> Result<Self, BuildError> {
        needles.sort_unstable();
        // What begins with another needle is found by that one.
        needles.dedup_by(|longer, shorter| longer.starts_with(shorter.as_str()));
        match packed::Config::new().builder().extend(needles.iter()).build() {
            Some(searcher) => Ok(Self::Packed(searcher)),
            None => Ok(Self::Automaton(AhoCorasick::new(&needles)?)),
        }
    }

    /// Where the next needle begins.
    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Packed(searcher) => searcher.find(text).map(|found| found.start()),
            Self::Automaton(searcher) => searcher.find(text).map(|found| found.start()),
        }
    }
}
