//! Finds the patterns that may match a message. The first bytes of a message rule out all patterns for nearly every
//! line.

use aho_corasick::BuildError;

use super::pattern::Pattern;
use super::searcher::Searcher;
use super::template::Piece;

/// Bytes of a key: the first bytes of a message.
const KEY: usize = 4;

/// Bits of the hash of a key: a few hundred keys fill a small part of the table.
const HASH_BITS: u32 = 12;

/// One of the possible beginnings of a pattern.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The index of the pattern among all patterns.
    place: u16,
    /// The first bytes that the message must have.
    text: Head,
    /// All bits set in the bytes that `text` has.
    mask: Head,
    /// The beginning is not fixed, so the message has to contain the needle of the pattern.
    needs_needle: bool,
}

/// The first 16 bytes of a message or a pattern, filled up with zeros.
type Head = u128;

/// The patterns by the first bytes of their beginnings.
#[derive(Debug)]
pub(super) struct Index {
    /// One bit for the hash of each key.
    hashes: [u64; 1 << (HASH_BITS - 6)],
    /// Sorted by key; the entries of a key in the order in which they are tried. Every key also has the patterns
    /// without a fixed beginning.
    by_key: Vec<([u8; KEY], Vec<Entry>)>,
    /// The patterns without a fixed beginning, for messages with any other key.
    any: Vec<Entry>,
    /// The needles of the patterns in `any`; `None` if there are none.
    needles: Option<Searcher>,
}

impl Index {
    /// Builds the index of the `wanted` patterns.
    pub(super) fn new(patterns: &[Pattern], wanted: impl Fn(&Pattern) -> bool) -> Result<Self, BuildError> {
        let wanted: Vec<(u16, &Pattern)> =
            (0..).zip(patterns).filter(|(_, pattern)| wanted(pattern)).collect();
        let starts: Vec<(u16, &[Piece])> = wanted
            .iter()
            .flat_map(|(place, pattern)| pattern.starts.iter().map(|start| (*place, start.as_slice())))
            .collect();
        let mut keys: Vec<[u8; KEY]> = starts.iter().filter_map(|(_, start)| key_of(start)).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut hashes = [0; 1 << (HASH_BITS - 6)];
        for key in &keys {
            let (word, bit) = bit_of(*key);
            hashes[word] |= bit;
        }
        let entries = |key: Option<[u8; KEY]>| {
            let fits = |start: &[Piece]| key_of(start).is_none_or(|own| Some(own) == key);
            let alike = starts.iter().filter(|(_, start)| fits(start));
            alike.map(|(place, start)| Entry::new(*place, start)).collect()
        };
        let needles = wanted.iter().filter(|(_, pattern)| fits_any_beginning(&pattern.starts));
        let needles: Vec<&str> = needles.filter_map(|(_, pattern)| pattern.line.needle.as_deref()).collect();
        Ok(Self {
            hashes,
            by_key: keys.into_iter().map(|key| (key, entries(Some(key)))).collect(),
            any: entries(None),
            needles: (!needles.is_empty()).then(|| Searcher::new(&needles)).transpose()?,
        })
    }

    /// The indices of the patterns that may match, ascending; an index may be repeated.
    pub(super) fn of(&self, message: &[u8]) -> impl Iterator<Item = usize> + '_ {
        let head = head_of(message);
        let holds_needle = self.needles.as_ref().is_some_and(|needles| needles.is_in(message));
        let others = || if holds_needle { self.any.as_slice() } else { &[] };
        let group = self.group(message).unwrap_or_else(others);
        let may_fit =
            move |entry: &&Entry| head & entry.mask == entry.text && (holds_needle || !entry.needs_needle);
        group.iter().filter(may_fit).map(|entry| usize::from(entry.place))
    }

    fn group(&self, message: &[u8]) -> Option<&[Entry]> {
        let key = message.first_chunk()?;
        let (word, bit) = bit_of(*key);
        if self.hashes[word] & bit == 0 {
            return None;
        }
        let place = self.by_key.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
        self.by_key.get(place).map(|(_, entries)| entries.as_slice())
    }
}

impl Entry {
    fn new(place: u16, start: &[Piece]) -> Self {
        let text = match start.first() {
            Some(Piece::Text(text)) => text.as_slice(),
            _ => &[],
        };
        let mask = head_of(&vec![0xff; text.len()]);
        Self { place, text: head_of(text), mask, needs_needle: key_of(start).is_none() }
    }
}

fn head_of(text: &[u8]) -> Head {
    if let Some(whole) = text.first_chunk() {
        return Head::from_le_bytes(*whole);
    }
    let mut head = [0; size_of::<Head>()];
    head[..text.len()].copy_from_slice(text);
    Head::from_le_bytes(head)
}

/// Whether one of these beginnings has no fixed first bytes.
pub(super) fn fits_any_beginning(starts: &[Vec<Piece>]) -> bool {
    starts.iter().any(|start| key_of(start).is_none())
}

/// The key of a beginning; `None` if its first bytes are not fixed.
fn key_of(start: &[Piece]) -> Option<[u8; KEY]> {
    match start.first()? {
        Piece::Text(text) => text.first_chunk().copied(),
        Piece::Hole(_) => None,
    }
}

/// The word and the bit of a key in [`Index::hashes`].
fn bit_of(key: [u8; KEY]) -> (usize, u64) {
    // Knuth's multiplicative hash
    let hash = u32::from_le_bytes(key).wrapping_mul(0x9e37_79b1) >> (u32::BITS - HASH_BITS);
    ((hash >> 6) as usize, 1 << (hash & 63))
}
