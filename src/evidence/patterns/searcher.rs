//! Finds candidate lines: one search for all needles.

use aho_corasick::{AhoCorasick, BuildError, packed};
use memchr::memmem;

/// The packed searcher takes this many needles (aho-corasick, packed/teddy/builder.rs: "the limit of 64").
const MOST_PACKED: usize = 64;

/// A needle is not shortened below this many bytes: it would be found in every other line.
const SHORTEST_COMMON: usize = 6;

#[derive(Debug)]
pub(super) enum Searcher {
    /// SIMD; not on every processor, and for a limited number of needles only.
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Searcher {
    pub(super) fn new(needles: Vec<String>) -> Result<Self, BuildError> {
        let needles = joined(reduced(needles));
        match packed::Config::new().builder().extend(needles.iter()).build() {
            Some(searcher) => Ok(Self::Packed(searcher)),
            None => Ok(Self::Automaton(AhoCorasick::new(&needles)?)),
        }
    }

    /// A place in the next line that holds a needle.
    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Packed(searcher) => searcher.find(text).map(|found| found.start()),
            Self::Automaton(searcher) => searcher.find(text).map(|found| found.start()),
        }
    }
}

/// The needles in order, without those that hold another one: it is found in their lines, too.
fn reduced(mut needles: Vec<String>) -> Vec<String> {
    needles.sort_unstable();
    needles.dedup();
    let finders: Vec<_> = needles.iter().map(memmem::Finder::new).collect();
    let holds_another = |needle: &String| {
        let others = finders.iter().filter(|other| other.needle().len() < needle.len());
        others.into_iter().any(|other| other.find(needle.as_bytes()).is_some())
    };
    needles.iter().filter(|needle| !holds_another(needle)).cloned().collect()
}

/// Joins neighbours to what they begin with alike, the longest first, until the packed searcher takes them. A line that
/// holds only the common beginning costs a closer look, and is then no event.
fn joined(mut needles: Vec<String>) -> Vec<String> {
    while needles.len() > MOST_PACKED {
        let common = |pair: &[String]| common_prefix(&pair[0], &pair[1]).len();
        let Some((place, length)) =
            needles.windows(2).map(common).enumerate().max_by_key(|(place, length)| (*length, *place))
        else {
            return needles;
        };
        if length < SHORTEST_COMMON {
            return needles;
        }
        needles[place].truncate(length);
        // those that begin so stand behind it
        needles.dedup_by(|next, kept| next.starts_with(kept.as_str()));
    }
    needles
}

/// Ends between two characters.
fn common_prefix<'a>(one: &'a str, other: &str) -> &'a str {
    let alike = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
    alike.map_or(&one[..one.len().min(other.len())], |((at, _), _)| &one[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_another_needle_or_begins_like_one_is_joined_with_it() {
        let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let needles = texts(&["✓ ", "disconnected to ws", "connected to ws", "✓ a", "connected to ws"]);
        assert_eq!(reduced(needles), texts(&["connected to ws", "✓ "]));
        let many = |stem: &str, count| (0..count).map(move |n| format!("{stem}{n:03}")).collect::<Vec<_>>();
        let few = joined(reduced([many("[Telegram] ", 40), many("ab", 50)].concat()));
        assert!(few.len() <= MOST_PACKED && few.len() > 50, "{few:?}");
        assert!(few.iter().any(|needle| needle.starts_with("[Telegram] ")), "{few:?}");
        // nothing in common: the automaton takes them
        assert_eq!(joined(many("ab", 100)).len(), 100);
        assert_eq!((common_prefix("✓a", "✓b"), common_prefix("ab", "abc")), ("✓", "ab"));
    }

    #[test]
    fn a_line_is_found_by_whatever_is_left_of_its_needle() {
        let needles: Vec<String> = (0..200).map(|n| format!("[Adapter {}] trouble {n}", n % 7)).collect();
        let searcher = Searcher::new(needles.clone()).unwrap();
        assert!(matches!(searcher, Searcher::Packed(_)) || cfg!(not(target_arch = "x86_64")));
        for needle in needles {
            let line = format!("2026-11-22 11:09:14,271 INFO x: {needle}\n");
            assert!(searcher.find(line.as_bytes()).is_some_and(|at| at < line.len()), "{needle}");
        }
        assert_eq!(searcher.find(b"a quiet line\n"), None);
    }
}
