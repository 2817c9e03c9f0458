//! Which patterns may fit a message: nearly every line of a log is out after a look at its first bytes.

use aho_corasick::BuildError;

use super::pattern::Pattern;
use super::searcher::Searcher;
use super::template::Piece;

/// Bytes of a message that are looked up.
const KEY: usize = 4;

/// Bits of the hash of a key: some hundred keys fill few of the places.
const HASH_BITS: u32 = 12;

/// Places of patterns in the order in which they are asked.
type Places = Vec<u16>;

/// The patterns by the first bytes of what a message has to begin with.
#[derive(Debug)]
pub(super) struct Index {
    /// One bit for the hash of each key.
    hashes: [u64; 1 << (HASH_BITS - 6)],
    /// In the order of the keys. Patterns that fit any beginning are in each of them.
    by_key: Vec<([u8; KEY], Places)>,
    /// Those that fit any beginning, for all other messages.
    any: Places,
    /// What a message holds that one of `any` fits; `None`: there are none.
    needles: Option<Searcher>,
}

impl Index {
    /// Over the patterns that are `wanted`.
    pub(super) fn new(patterns: &[Pattern], wanted: impl Fn(&Pattern) -> bool) -> Result<Self, BuildError> {
        let wanted: Vec<(u16, &Pattern)> =
            (0..).zip(patterns).filter(|(_, pattern)| wanted(pattern)).collect();
        let keys_of =
            |pattern: &Pattern| pattern.starts.iter().map(|start| key_of(start)).collect::<Vec<_>>();
        let keys: Vec<(u16, Vec<_>)> =
            wanted.iter().map(|(place, pattern)| (*place, keys_of(pattern))).collect();
        let mut all: Vec<[u8; KEY]> = keys.iter().flat_map(|(_, keys)| keys).copied().flatten().collect();
        all.sort_unstable();
        all.dedup();
        let mut hashes = [0; _];
        for key in &all {
            let (word, bit) = bit_of(*key);
            hashes[word] |= bit;
        }
        let places = |key: Option<[u8; KEY]>| {
            let fits = |keys: &[_]| keys.contains(&None) || (key.is_some() && keys.contains(&key));
            keys.iter().filter(|(_, keys)| fits(keys)).map(|(place, _)| *place).collect()
        };
        let needles = wanted.iter().filter(|(_, pattern)| fits_any_beginning(&pattern.starts));
        let needles: Vec<&str> = needles.filter_map(|(_, pattern)| pattern.line.needle.as_deref()).collect();
        Ok(Self {
            hashes,
            by_key: all.into_iter().map(|key| (key, places(Some(key)))).collect(),
            any: places(None),
            needles: (!needles.is_empty()).then(|| Searcher::new(&needles)).transpose()?,
        })
    }

    /// The places of those that may fit, in their order.
    pub(super) fn of(&self, message: &[u8]) -> &[u16] {
        if let Some(key) = message.first_chunk()
            && let (word, bit) = bit_of(*key)
            && self.hashes[word] & bit != 0
            && let Ok(place) = self.by_key.binary_search_by(|(known, _)| known.cmp(key))
        {
            return &self.by_key[place].1;
        }
        let holds_needle = self.needles.as_ref().is_some_and(|needles| needles.is_in(message));
        if holds_needle { &self.any } else { &[] }
    }
}

/// Whether one of these has no fixed first bytes.
pub(super) fn fits_any_beginning(starts: &[Vec<Piece>]) -> bool {
    starts.iter().any(|start| key_of(start).is_none())
}

/// `None`: what begins so has no fixed first bytes.
fn key_of(start: &[Piece]) -> Option<[u8; KEY]> {
    match start.first()? {
        Piece::Text(text) => text.first_chunk().copied(),
        Piece::Hole(_) => None,
    }
}

/// The place of a key in [`Index::hashes`].
fn bit_of(key: [u8; KEY]) -> (usize, u64) {
    // Knuth's multiplicative hash
    let hash = u32::from_le_bytes(key).wrapping_mul(0x9e37_79b1) >> (u32::BITS - HASH_BITS);
    ((hash >> 6) as usize, 1 << (hash & 63))
}
