//! Recognises records that contain text written by people or the output of a tool by the beginning of their message.

use aho_corasick::BuildError;

use super::searcher::Searcher;
use crate::order::Order as _;

/// Beginnings of such messages. `start…text` matches a message that begins with `start` and contains `text` after it.
#[derive(Debug)]
pub(super) struct Speech {
    /// Sorted; none is a prefix of another.
    starts: Vec<Vec<u8>>,
    /// Each beginning once, with all texts that may follow it.
    holding: Vec<(Vec<u8>, Searcher)>,
}

impl Speech {
    pub(super) fn new(table: &[String]) -> Result<Self, BuildError> {
        let mut starts = Vec::new();
        let mut holding: Vec<(&str, Vec<&str>)> = Vec::new();
        for entry in table {
            match entry.split_once('…') {
                None => starts.push(entry.clone().into_bytes()),
                Some((start, text)) => match holding.iter_mut().find(|(known, _)| *known == start) {
                    Some((_, texts)) => texts.push(text),
                    None => holding.push((start, vec![text])),
                },
            }
        }
        starts.order();
        // in sorted order, a beginning comes right after its prefix
        starts.dedup_by(|next, kept| next.starts_with(kept));
        let holding = holding.into_iter().map(|(start, texts)| Ok((start.into(), Searcher::new(&texts)?)));
        Ok(Self { starts, holding: holding.collect::<Result<_, _>>()? })
    }

    /// Whether a record with this message carries text of people or output of a tool.
    pub(super) fn is_in(&self, message: &[u8]) -> bool {
        // Only the last one that is not greater than the message can be its prefix: everything between a prefix and the
        // message has that prefix, too.
        let before = self.starts.partition_point(|start| start.as_slice() <= message);
        let begins = |start: &Vec<u8>| message.starts_with(start);
        before.checked_sub(1).and_then(|last| self.starts.get(last)).is_some_and(begins)
            || self.holding.iter().any(|(start, texts)| {
                message.strip_prefix(start.as_slice()).is_some_and(|rest| texts.is_in(rest))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beginning_is_found_and_nothing_else() {
        let table =
            ["[a] ", "[a] b", "[…] Cached ", "[…] Flushing ", "Tool … error (", "x", "[b"].map(str::to_owned);
        let speech = Speech::new(&table).unwrap();
        for (message, is_speech) in [
            ("[a] ", true),
            ("[a] c", true),
            ("[a]", false),
            ("[b", true),
            ("[", false),
            ("", false),
            ("x", true),
            ("y", false),
            ("[c] Cached 3", true),
            ("[c] d] Flushing e", true),
            ("[c] d Flushing ", false),
            ("c Cached ", false),
            ("Tool t: error (", true),
            ("Tool t", false),
        ] {
            assert_eq!(speech.is_in(message.as_bytes()), is_speech, "{message}");
        }
    }
}
