//! Searches a text for several needles in one pass.

use aho_corasick::{AhoCorasick, BuildError, packed};

#[derive(Debug)]
pub(super) enum Searcher {
    /// SIMD: not on every processor, and only for a limited number of needles.
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Searcher {
    pub(super) fn new(texts: &[impl AsRef<[u8]>]) -> Result<Self, BuildError> {
        match packed::Config::new().builder().extend(texts).build() {
            Some(searcher) => Ok(Self::Packed(searcher)),
            None => Ok(Self::Automaton(AhoCorasick::new(texts)?)),
        }
    }

    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        match self {
            Self::Packed(searcher) => searcher.find(text).is_some(),
            Self::Automaton(searcher) => searcher.is_match(text),
        }
    }
}
