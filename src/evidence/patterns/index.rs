//! Which patterns may fit a message, by its first bytes: most of them are out without being asked.

use super::pattern::Pattern;
use super::template::Piece;

/// Bytes of a message that are looked up.
const KEY: usize = 4;

/// Places of patterns in the order in which they are asked.
type Places = Vec<u16>;

/// The patterns by the first bytes of what a message has to begin with.
#[derive(Debug)]
pub(super) struct Index {
    /// In the order of the keys. Patterns that fit any beginning are in each of them.
    by_key: Vec<([u8; KEY], Places)>,
    /// Those that fit any beginning, for all other messages.
    any: Places,
}

impl Index {
    pub(super) fn new(patterns: &[Pattern]) -> Self {
        let keys_of =
            |pattern: &Pattern| pattern.starts.iter().map(|start| key_of(start)).collect::<Vec<_>>();
        let keys: Vec<Vec<Option<[u8; KEY]>>> = patterns.iter().map(keys_of).collect();
        let mut all: Vec<[u8; KEY]> = keys.iter().flatten().copied().flatten().collect();
        all.sort_unstable();
        all.dedup();
        let places = |wanted: Option<[u8; KEY]>| {
            let fits = |keys: &Vec<_>| keys.contains(&None) || (wanted.is_some() && keys.contains(&wanted));
            (0_u16..).zip(&keys).filter(|(_, keys)| fits(keys)).map(|(place, _)| place).collect()
        };
        Self { by_key: all.into_iter().map(|key| (key, places(Some(key)))).collect(), any: places(None) }
    }

    /// The places of those that may fit, in their order.
    pub(super) fn of(&self, message: &[u8]) -> impl Iterator<Item = usize> + '_ {
        let found = message.first_chunk().and_then(|key| {
            let place = self.by_key.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
            self.by_key.get(place)
        });
        found.map_or(&self.any, |(_, places)| places).iter().map(|place| usize::from(*place))
    }
}

/// `None`: what begins so has no fixed first bytes.
fn key_of(start: &[Piece]) -> Option<[u8; KEY]> {
    match start.first()? {
        Piece::Text(text) => text.first_chunk().copied(),
        Piece::Hole(_) => None,
    }
}
