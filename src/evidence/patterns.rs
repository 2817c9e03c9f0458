//! The table of log patterns: `resources/patterns.toml`, and those that the settings add.

use aho_corasick::{AhoCorasick, packed};
use memchr::memmem;
use serde::Deserialize;

use super::line::Level;
use crate::health::Signal;

const BUILT_IN: &str = include_str!("../../resources/patterns.toml");

/// The lines of the built-in table that hold what is looked for, without its remarks and sources.
pub fn wordings() -> impl Iterator<Item = &'static str> {
    BUILT_IN.lines().filter(|line| !line.starts_with('#') && !line.starts_with("source"))
}

/// The table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// Not readable as a table of patterns.
    #[error("log patterns: {0}")]
    Toml(#[from] toml::de::Error),
    /// A pattern that would fit every line.
    #[error("log patterns: a pattern for {0:?} has no text to look for (at least 4 bytes)")]
    TooShort(Signal),
    /// The searcher cannot be built.
    #[error("log patterns: {0}")]
    Searcher(#[from] aho_corasick::BuildError),
}

/// Shortest text of a pattern, in bytes: a shorter one would fit almost any line.
pub const SHORTEST: usize = 4;

/// One pattern; the fields are explained at the head of `resources/patterns.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// What a record that fits means.
    pub signal: Signal,
    /// Text that the line must hold.
    pub needle: String,
    /// The message begins with one of these.
    #[serde(default)]
    pub starts: Vec<String>,
    /// The message ends with one of these.
    #[serde(default)]
    pub ends: Vec<String>,
    /// The record's logger.
    pub logger: Option<String>,
    /// The least level.
    #[serde(default = "info")]
    pub level: Level,
    /// What follows `starts` is a number and a colon.
    #[serde(default)]
    pub code: bool,
    /// Also fits a line of a traceback.
    #[serde(default)]
    pub trace: bool,
    /// Also fits a line printed without a logger.
    #[serde(default)]
    pub raw: bool,
    /// The record speaks of Feishu.
    #[serde(default)]
    pub about: bool,
    /// Where the wording comes from.
    #[serde(default)]
    pub source: String,
}

fn info() -> Level {
    Level::Info
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    speech: Vec<String>,
    pattern: Vec<Pattern>,
}

/// A pattern from the settings: the text anywhere in a message that no person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraPattern {
    /// What it means.
    pub signal: Signal,
    /// The text, at least 4 bytes.
    pub text: String,
}

/// A record or a line of one, ready to be matched.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The message, or the whole line where it has no head of its own.
    pub message: &'a [u8],
    /// The logger of the record.
    pub logger: Option<&'a [u8]>,
    /// The level of the record.
    pub level: Option<Level>,
    /// The line has a head of its own.
    pub is_head: bool,
    /// The record carries what people wrote.
    pub speech: bool,
}

/// All patterns, ready to search.
#[derive(Debug)]
pub struct Patterns {
    /// How such a record begins, and what it holds after that.
    speech: Vec<(Vec<u8>, Option<memmem::Finder<'static>>)>,
    all: Vec<Pattern>,
    /// For each pattern: finds its needle. `None`: whatever fits `starts` holds it.
    finders: Vec<Option<memmem::Finder<'static>>>,
    searcher: Searcher,
    feishu: [memmem::Finder<'static>; 3],
}

#[derive(Debug)]
enum Searcher {
    /// SIMD; not on every processor, and for a limited number of needles only.
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

impl Patterns {
    /// The built-in table and what the settings add (those come first: the user knows better).
    pub fn new(extra: &[ExtraPattern]) -> Result<Self, PatternError> {
        let table: Table = toml::from_str(BUILT_IN)?;
        let mut patterns: Vec<Pattern> = extra.iter().map(Pattern::from_settings).collect();
        patterns.extend(table.pattern);
        if let Some(short) = patterns.iter().find(|p| p.needle.len() < SHORTEST) {
            return Err(PatternError::TooShort(short.signal));
        }
        let mut needles: Vec<&str> = patterns.iter().map(|p| p.needle.as_str()).collect();
        needles.sort_unstable();
        needles.dedup();
        let searcher = match packed::Config::new().builder().extend(needles.iter().copied()).build() {
            Some(searcher) => Searcher::Packed(searcher),
            None => Searcher::Automaton(AhoCorasick::new(&needles)?),
        };
        let feishu = ["eishu", "lark_oapi", "Lark"].map(memmem::Finder::new);
        let finders = patterns.iter().map(Pattern::finder).collect();
        let speech = table.speech.iter().map(|text| match text.split_once('…') {
            Some((start, holds)) => {
                (start.as_bytes().to_vec(), Some(memmem::Finder::new(holds).into_owned()))
            }
            None => (text.as_bytes().to_vec(), None),
        });
        Ok(Self { speech: speech.collect(), all: patterns, finders, searcher, feishu })
    }

    /// Where the next needle begins, at `from` or after it.
    pub fn find(&self, block: &[u8], from: usize) -> Option<usize> {
        let rest = block.get(from..)?;
        let hit = match &self.searcher {
            Searcher::Packed(searcher) => searcher.find(rest).map(|m| m.start()),
            Searcher::Automaton(searcher) => searcher.find(rest).map(|m| m.start()),
        };
        hit.map(|at| from + at)
    }

    /// Whether the text names Feishu or its SDK.
    pub fn speak_of_feishu(&self, text: &[u8]) -> bool {
        self.feishu.iter().any(|word| word.find(text).is_some())
    }

    /// Whether a record with this message carries what people wrote or what a tool printed.
    pub fn is_speech(&self, message: &[u8]) -> bool {
        self.speech.iter().any(|(start, holds)| {
            message
                .strip_prefix(start.as_slice())
                .is_some_and(|rest| holds.as_ref().is_none_or(|holds| holds.find(rest).is_some()))
        })
    }

    /// What the candidate means: the first pattern that fits. `about_feishu`: whether the record, as far as it was read,
    /// speaks of Feishu; asked only where that matters.
    pub fn classify(&self, candidate: &Candidate<'_>, about_feishu: &dyn Fn() -> bool) -> Option<Signal> {
        let mut each = self.all.iter().zip(&self.finders);
        each.find(|(pattern, finder)| {
            pattern.fits(candidate, finder.as_ref()) && (!pattern.about || about_feishu())
        })
        .map(|(pattern, _)| pattern.signal)
    }
}

impl Pattern {
    fn from_settings(extra: &ExtraPattern) -> Self {
        Self {
            signal: extra.signal,
            needle: extra.text.clone(),
            starts: Vec::new(),
            ends: Vec::new(),
            logger: None,
            level: Level::Debug,
            code: false,
            trace: false,
            raw: false,
            about: false,
            source: "settings".to_owned(),
        }
    }

    fn finder(&self) -> Option<memmem::Finder<'static>> {
        let implied = !self.starts.is_empty() && self.starts.iter().all(|start| start.contains(&self.needle));
        (!implied).then(|| memmem::Finder::new(&self.needle).into_owned())
    }

    /// The cheap questions first: most patterns are out after the first bytes.
    fn fits(&self, line: &Candidate<'_>, finder: Option<&memmem::Finder<'_>>) -> bool {
        let message = line.message;
        // What people wrote is believed for one thing only: that it arrived.
        if line.speech && !(line.is_head && self.signal == Signal::Inbound) {
            return false;
        }
        let level_fits = line.level.is_some_and(|level| level >= self.level);
        let admitted = if line.is_head { level_fits } else { self.raw || (self.trace && level_fits) };
        let logger_fits = match &self.logger {
            Some(name) => line.logger == Some(name.as_bytes()),
            None => true,
        };
        admitted
            && logger_fits
            && self.starts_fit(message)
            && finder.is_none_or(|finder| finder.find(message).is_some())
            && self.ends_fit(message)
    }

    fn starts_fit(&self, message: &[u8]) -> bool {
        if self.starts.is_empty() {
            return true;
        }
        let first = message.first();
        let mut likely = self.starts.iter().filter(|start| start.as_bytes().first() == first);
        likely.any(|start| match message.strip_prefix(start.as_bytes()) {
            Some(rest) if self.code => {
                let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
                digits > 0 && rest.get(digits) == Some(&b':')
            }
            Some(_) => true,
            None => false,
        })
    }

    /// The wording stands at the very end, and is not the end of something quoted: before it stands nothing, or a
    /// colon and a blank, or the blank before an asyncio object.
    fn ends_fit(&self, message: &[u8]) -> bool {
        if self.ends.is_empty() {
            return true;
        }
        let message = without_connection_id(message.trim_ascii_end());
        self.ends.iter().any(|end| match message.strip_suffix(end.as_bytes()) {
            Some(before) => before.is_empty() || before.ends_with(b": ") || before.ends_with(b"> "),
            None => false,
        })
    }
}

/// The SDK ends its lines with ` [conn_id=…]`.
fn without_connection_id(message: &[u8]) -> &[u8] {
    match memmem::rfind(message, b" [conn_id=") {
        Some(at) if message.ends_with(b"]") => &message[..at],
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_pattern_names_its_source_and_can_be_found() {
        let table: Table = toml::from_str(BUILT_IN).unwrap();
        for pattern in &table.pattern {
            assert!(!pattern.source.is_empty(), "{}", pattern.needle);
        }
        let patterns = Patterns::new(&[]).unwrap();
        for pattern in &patterns.all {
            assert_eq!(patterns.find(pattern.needle.as_bytes(), 0), Some(0), "{}", pattern.needle);
        }
    }

    #[test]
    fn a_pattern_that_fits_everything_is_refused() {
        let extra = [ExtraPattern { signal: Signal::Lost, text: "err".into() }];
        assert!(matches!(Patterns::new(&extra), Err(PatternError::TooShort(Signal::Lost))));
    }
}
