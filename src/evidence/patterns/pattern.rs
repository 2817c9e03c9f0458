//! One pattern, and whether a line matches it.

use std::sync::Arc;
use std::time::Duration;

use memchr::memmem;

use super::names::{tag, without_connection};
use super::table::Line;
use super::template::{Filled, Piece, fill};
use crate::evidence::identity::hash_of_identity;
use crate::evidence::line::Level;
use crate::health::evidence::PlatformName;
use crate::health::{Hints, LinkSignal, LinkWord, ProfileName, Signal};

/// The logger of the gateway's own sentences about its links.
const RUNNER: &[u8] = b"gateway.run";

/// The meaning of lines that match a pattern.
#[derive(Debug)]
pub(super) enum Meaning {
    Gateway(Signal),
    Link { platform: Option<PlatformName>, word: LinkWord, hints: Hints },
}

/// A line of the table, prepared for matching.
#[derive(Debug)]
pub(in crate::evidence) struct Pattern {
    pub(super) meaning: Meaning,
    pub(super) line: Line,
    pub(super) starts: Vec<Vec<Piece>>,
    pub(super) contains: Vec<memmem::Finder<'static>>,
    /// Required bits of [`super::Patterns::topics`]; 0: none.
    pub(super) about: u32,
}

/// A record or a line of one, ready to be matched.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The message, or the whole line if it has no head.
    pub message: &'a [u8],
    /// The logger of the record.
    pub logger: Option<&'a [u8]>,
    /// The level of the record.
    pub level: Option<Level>,
    /// The line has a head.
    pub is_head: bool,
    /// The record contains text written by people.
    pub speech: bool,
    /// The file name of the log.
    pub file: &'a str,
}

/// The meaning of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The signal.
    pub signal: Signal,
    /// The profile that the line names.
    pub tag: Option<ProfileName>,
    /// The account that the line names, as a hash: see [`hash_of_identity`].
    pub account: Option<Arc<str>>,
}

impl Pattern {
    /// Whether the line matches; then the values of the placeholders. Cheap checks first: most patterns fail at the
    /// first bytes.
    pub(super) fn fits<'a>(&self, line: &Candidate<'a>) -> Option<Filled<'a>> {
        let inbound = matches!(self.meaning, Meaning::Link { word: LinkWord::Inbound, .. });
        // A record with text written by people proves only that a message arrived.
        if line.speech && !(line.is_head && inbound) {
            return None;
        }
        let level_fits = line.level.is_some_and(|level| level >= self.line.level);
        let admitted =
            if line.is_head { level_fits } else { self.line.raw || (self.line.trace && level_fits) };
        if !admitted {
            return None;
        }
        if self.line.file.as_ref().is_some_and(|file| file != line.file) {
            return None;
        }
        let (filled, rest) = self.starts.iter().find_map(|start| fill(start, line.message))?;
        let fits = self.logger_fits(line)
            && self.code_fits(rest)
            && (self.contains.is_empty() || self.contains.iter().any(|text| text.find(rest).is_some()))
            && self.ends_fit(line.message);
        fits.then_some(filled)
    }

    /// Whether the logger is one of the pattern's. A line without a logger fits if it has no head: it belongs to a
    /// record, or was printed without one.
    fn logger_fits(&self, line: &Candidate<'_>) -> bool {
        let Some(logger) = line.logger else {
            return self.line.loggers.is_empty()
                || self.line.loggers.iter().any(String::is_empty)
                || !line.is_head;
        };
        self.line.loggers.is_empty()
            || self.line.loggers.iter().any(|known| {
                logger
                    .strip_prefix(known.as_bytes())
                    .is_some_and(|rest| !known.is_empty() && (rest.is_empty() || rest.starts_with(b".")))
            })
    }

    fn code_fits(&self, rest: &[u8]) -> bool {
        if !self.line.code {
            return true;
        }
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0
            || rest.get(digits) != Some(&b':')
            || self.line.digits.is_some_and(|wanted| wanted != digits)
        {
            return false;
        }
        let number = std::str::from_utf8(&rest[..digits]).ok().and_then(|digits| digits.parse().ok());
        self.line.codes.is_empty() || number.is_some_and(|number| self.line.codes.contains(&number))
    }

    /// Whether the message ends with one of the required texts, not as a quotation: before the text there is nothing, a
    /// colon and a blank, or the representation of an asyncio object (`…> `).
    pub(super) fn ends_fit(&self, message: &[u8]) -> bool {
        if self.line.ends.is_empty() {
            return true;
        }
        let message = without_connection(message.trim_ascii_end());
        self.line.ends.iter().any(|end| match message.strip_suffix(end.as_bytes()) {
            Some(before) => before.is_empty() || before.ends_with(b": ") || before.ends_with(b"> "),
            None => false,
        })
    }

    pub(super) fn meaning_of(&self, line: &Candidate<'_>, filled: &Filled<'_>) -> Option<Match> {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_ascii_lowercase);
        match &self.meaning {
            Meaning::Gateway(signal) => Some(Match { signal: signal.clone(), tag: None, account: None }),
            Meaning::Link { platform, word, hints } => {
                let named = filled.platform.and_then(text).map(Into::into);
                let platform = platform.clone().or(named)?;
                // an inbound message says nothing about the links
                let by_runner = line.logger == Some(RUNNER) && *word != LinkWord::Inbound;
                let tag = filled.profile.or_else(|| by_runner.then(|| tag(line.message)).flatten());
                let tag = tag.and_then(|tag| std::str::from_utf8(tag).ok()).map(Into::into);
                let attempt =
                    filled.attempt.and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
                let waits = filled.wait.and_then(seconds);
                let hints = Hints { attempt, waits, ..*hints };
                let signal = LinkSignal { platform, word: *word, by_runner, hints };
                let account = filled.account.map(hash_of_identity);
                Some(Match { signal: Signal::Link(signal), tag, account })
            }
        }
    }
}

/// A time in seconds, as `1.74s`.
fn seconds(word: &[u8]) -> Option<Duration> {
    let seconds = std::str::from_utf8(word).ok()?.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
