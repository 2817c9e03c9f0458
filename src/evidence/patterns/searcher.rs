//! Searches a text for several needles in one pass.

use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::noncontiguous::NFA;
use aho_corasick::{BuildError, Input, packed};

#[derive(Debug)]
pub(super) enum Searcher {
    /// SIMD: not on every processor, and only for a limited number of needles.
    Packed(packed::Searcher),
    /// The simplest of the automata: `AhoCorasick` chooses between three, and brings the code of all.
    Automaton(Box<NFA>),
}

impl Searcher {
    pub(super) fn new(texts: &[impl AsRef<[u8]>]) -> Result<Self, BuildError> {
        match packed::Config::new().builder().extend(texts).build() {
            Some(searcher) => Ok(Self::Packed(searcher)),
            None => Ok(Self::Automaton(Box::new(NFA::new(texts)?))),
        }
    }

    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        match self {
            Self::Packed(searcher) => searcher.find(text).is_some(),
            Self::Automaton(searcher) => {
                searcher.try_find(&Input::new(text)).is_ok_and(|found| found.is_some())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_needles_than_simd_takes_are_found_too() {
        let texts: Vec<String> = (0..200).map(|number| format!("needle {number:03}!")).collect();
        let [few, many] = [&texts[..8], &texts].map(|texts| Searcher::new(texts).unwrap());
        assert!(matches!(many, Searcher::Automaton(_)));
        for searcher in [few, many] {
            assert!(searcher.is_in(b"a needle 007! here"));
            assert!(!searcher.is_in(b"a needle 007 here") && !searcher.is_in(b""));
        }
    }
}
