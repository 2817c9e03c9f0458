//! Records that carry text of people or output of a tool, by what their messages begin with.

use aho_corasick::BuildError;

use super::searcher::Searcher;

/// Beginnings of such messages. `start…text` is one that begins with `start` and holds `text` after it.
#[derive(Debug)]
pub(super) struct Speech {
    starts: Vec<Vec<u8>>,
    /// The same beginning stands here once, with all texts that may follow it.
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
        let holding = holding.into_iter().map(|(start, texts)| Ok((start.into(), Searcher::new(&texts)?)));
        Ok(Self { starts, holding: holding.collect::<Result<_, _>>()? })
    }

    /// Whether a record with this message carries text of people or output of a tool.
    pub(super) fn is_in(&self, message: &[u8]) -> bool {
        let first = message.first();
        let mut alike = self.starts.iter().filter(|start| start.first() == first);
        alike.any(|start| message.starts_with(start))
            || self.holding.iter().any(|(start, texts)| {
                message.strip_prefix(start.as_slice()).is_some_and(|rest| texts.is_in(rest))
            })
    }
}
