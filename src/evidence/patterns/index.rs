//! Finds the patterns that may match a message. The first bytes of a message rule out all patterns for nearly every
//! line.

use aho_corasick::BuildError;

use super::pattern::Pattern;
use super::searcher::Searcher;
use super::template::{Piece, is_of_word};
use crate::order::Order as _;

/// Bytes of a key: the first bytes of a message, or those after its first word.
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
    opening: Opening,
}

/// What is fixed at the beginning of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// The first bytes.
    Bytes([u8; KEY]),
    /// The bytes after a first word, which may be any.
    AfterWord([u8; KEY]),
    /// Too little: the message has to contain the needle of the pattern.
    Nothing,
}

/// The first 16 bytes of a message or a pattern, filled up with zeros.
type Head = u128;

/// The patterns by the first bytes of their beginnings.
#[derive(Debug)]
pub(super) struct Index {
    /// One bit for the hash of each key.
    hashes: [u64; 1 << (HASH_BITS - 6)],
    /// Sorted by key; the entries of a key in the order in which they are tried. Every key also has the patterns
    /// without fixed first bytes.
    by_key: Vec<([u8; KEY], Vec<Entry>)>,
    /// The patterns without fixed first bytes, for messages with any other key.
    any: Vec<Entry>,
    /// What may follow the first word.
    after_word: Vec<[u8; KEY]>,
    /// The needles of the patterns of which nothing is fixed; `None` if there are none.
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
        let openings = || starts.iter().map(|(_, start)| Opening::of(start));
        let sorted = |keys: &mut Vec<[u8; KEY]>| {
            keys.order();
            keys.dedup();
        };
        let mut keys: Vec<[u8; KEY]> = openings().filter_map(Opening::bytes).collect();
        sorted(&mut keys);
        let mut after_word: Vec<[u8; KEY]> = openings().filter_map(Opening::after_word).collect();
        sorted(&mut after_word);
        let mut hashes = [0; 1 << (HASH_BITS - 6)];
        for key in &keys {
            let (word, bit) = bit_of(*key);
            hashes[word] |= bit;
        }
        let entries = |key: Option<[u8; KEY]>| {
            let fits = |start: &[Piece]| Opening::of(start).bytes().is_none_or(|own| Some(own) == key);
            let alike = starts.iter().filter(|(_, start)| fits(start));
            alike.map(|(place, start)| Entry::new(*place, start)).collect()
        };
        let nothing = |start: &Vec<Piece>| Opening::of(start) == Opening::Nothing;
        let needles = wanted.iter().filter(|(_, pattern)| pattern.starts.iter().any(nothing));
        let needles: Vec<&str> = needles.filter_map(|(_, pattern)| pattern.line.needle.as_deref()).collect();
        Ok(Self {
            hashes,
            by_key: keys.into_iter().map(|key| (key, entries(Some(key)))).collect(),
            any: entries(None),
            after_word,
            needles: (!needles.is_empty()).then(|| Searcher::new(&needles)).transpose()?,
        })
    }

    /// The indices of the patterns that may match, ascending; an index may be repeated.
    pub(super) fn of(&self, message: &[u8]) -> impl Iterator<Item = usize> + '_ {
        let head = head_of(message);
        let holds_needle = self.needles.as_ref().is_some_and(|needles| needles.is_in(message));
        let after_word = self.after_word(message);
        let others = || if holds_needle || after_word.is_some() { self.any.as_slice() } else { &[] };
        let group = self.group(message).unwrap_or_else(others);
        let may_fit = move |entry: &&Entry| {
            let opens = match entry.opening {
                Opening::Bytes(_) => true,
                Opening::AfterWord(key) => after_word == Some(key),
                Opening::Nothing => holds_needle,
            };
            opens && head & entry.mask == entry.text
        };
        group.iter().filter(may_fit).map(|entry| usize::from(entry.place))
    }

    /// The bytes after the first word, if a pattern has them there.
    fn after_word(&self, message: &[u8]) -> Option<[u8; KEY]> {
        if self.after_word.is_empty() {
            return None;
        }
        let word = message.iter().position(|b| !is_of_word(*b))?;
        let key = *message[word..].first_chunk()?;
        self.after_word.contains(&key).then_some(key)
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
        Self { place, text: head_of(text), mask, opening: Opening::of(start) }
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
    starts.iter().any(|start| Opening::of(start).bytes().is_none())
}

impl Opening {
    fn of(start: &[Piece]) -> Self {
        let key = |text: &[u8]| text.first_chunk().copied();
        match start {
            [Piece::Text(text), ..] => key(text).map_or(Self::Nothing, Self::Bytes),
            // a text that could go on with the word would not say where the word ends
            [Piece::Hole(_), Piece::Text(text), ..] if !text.first().is_some_and(|b| is_of_word(*b)) => {
                key(text).map_or(Self::Nothing, Self::AfterWord)
            }
            _ => Self::Nothing,
        }
    }

    fn bytes(self) -> Option<[u8; KEY]> {
        if let Self::Bytes(key) = self { Some(key) } else { None }
    }

    fn after_word(self) -> Option<[u8; KEY]> {
        if let Self::AfterWord(key) = self { Some(key) } else { None }
    }
}

/// The word and the bit of a key in [`Index::hashes`].
fn bit_of(key: [u8; KEY]) -> (usize, u64) {
    // Knuth's multiplicative hash
    let hash = u32::from_le_bytes(key).wrapping_mul(0x9e37_79b1) >> (u32::BITS - HASH_BITS);
    ((hash >> 6) as usize, 1 << (hash & 63))
}
