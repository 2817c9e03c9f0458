//! The log patterns: `resources/patterns.toml` (the gateway), `resources/platforms/` (its links), and those that the
//! settings add. Every pattern is anchored to its logger and to the beginning of the message.

use aho_corasick::{AhoCorasick, packed};
use memchr::memmem;
use serde::Deserialize;

use super::line::Level;
use crate::health::evidence::PlatformName;
use crate::health::platform;
use crate::health::{LinkSignal, LinkWord, ProfileName, Signal};
use crate::text::{Message, Worded};

const BUILT_IN: &str = include_str!("../../resources/patterns.toml");

/// The logger of the gateway's own sentences about its links.
const RUNNER: &[u8] = b"gateway.run";

/// Shortest text of a pattern, in bytes: a shorter one would fit almost any line.
pub const SHORTEST: usize = 4;

/// Texts that a record may have to speak of, at most: they are bits of a word.
const MOST_TOPICS: usize = 32;

/// The lines of the built-in tables that hold what is looked for, without remarks and sources.
pub fn wordings() -> impl Iterator<Item = &'static str> {
    let files = std::iter::once(BUILT_IN).chain(platform::built_in_files());
    files.flat_map(str::lines).filter(|line| !line.starts_with('#') && !line.starts_with("source"))
}

/// A table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// Not readable as a table of patterns.
    #[error("log patterns: {0}")]
    Toml(#[from] toml::de::Error),
    /// A pattern that would fit every line.
    #[error("log patterns: {0:?} is too short to look for (at least {SHORTEST} bytes)")]
    TooShort(String),
    /// The searcher cannot be built.
    #[error("log patterns: {0}")]
    Searcher(#[from] aho_corasick::BuildError),
}

impl Worded for PatternError {
    fn message(&self) -> Message {
        Message::verbatim(self.to_string())
    }
}

/// What a pattern means, by its name in a table or in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalName {
    /// The gateway begins its start.
    Start,
    /// It finished its start.
    Ready,
    /// The executor is shut down.
    ExecutorShutdown,
    /// The configuration is refused.
    ConfigError,
    /// Started too often, by its own word.
    RespawnStorm,
    /// A second instance was refused.
    SecondInstance,
    /// Another instance takes over.
    Takeover,
    /// A planned stop begins.
    PlannedStop,
    /// A planned restart begins.
    PlannedRestart,
    /// An unannounced shutdown begins.
    Shutdown,
    /// The gateway exits now.
    Exiting,
    /// The loop does not turn, by its own watchdog.
    LoopMissed,
    /// Messages were dropped at the start.
    Dropped,
    /// The link is proven.
    Connected,
    /// A message arrived.
    Inbound,
    /// The link is lost.
    #[serde(alias = "disconnected")]
    Lost,
    /// An attempt begins.
    Attempt,
    /// An attempt failed on the network.
    FailedNetwork,
    /// The credentials were refused.
    FailedAuth,
    /// Too many connections.
    FailedLimit,
    /// Another local gateway holds the account.
    AppInUse,
    /// The adapter is missing.
    AdapterMissing,
    /// The link runs on another event loop.
    WrongLoop,
    /// The API refuses the token.
    SendAuth,
}

impl SignalName {
    fn signal(self, platform: &str) -> Signal {
        let link = |word| Signal::Link(LinkSignal { platform: platform.into(), word, by_runner: false });
        match self {
            Self::Start => Signal::Start,
            Self::Ready => Signal::Ready,
            Self::ExecutorShutdown => Signal::ExecutorShutdown,
            Self::ConfigError => Signal::ConfigError,
            Self::RespawnStorm => Signal::RespawnStorm,
            Self::SecondInstance => Signal::SecondInstance,
            Self::Takeover => Signal::Takeover,
            Self::PlannedStop => Signal::PlannedStop,
            Self::PlannedRestart => Signal::PlannedRestart,
            Self::Shutdown => Signal::Shutdown,
            Self::Exiting => Signal::Exiting,
            Self::LoopMissed => Signal::LoopMissed,
            Self::Dropped => Signal::Dropped,
            Self::Connected => link(LinkWord::Proof),
            Self::Inbound => link(LinkWord::Inbound),
            Self::Lost => link(LinkWord::Lost),
            Self::Attempt => link(LinkWord::Attempt),
            Self::FailedNetwork => link(LinkWord::Unreachable),
            Self::FailedAuth => link(LinkWord::Refused),
            Self::FailedLimit => link(LinkWord::Limit),
            Self::AppInUse => link(LinkWord::InUse),
            Self::AdapterMissing => link(LinkWord::AdapterMissing),
            Self::WrongLoop => link(LinkWord::WrongLoop),
            Self::SendAuth => link(LinkWord::SendRefused),
        }
    }
}

/// A pattern from the settings: the message begins with the text, in a record that no person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraPattern {
    /// What it means.
    pub signal: SignalName,
    /// How the message begins, at least 4 bytes.
    pub text: String,
    /// The record's logger, from the first dot on optional; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// The platform of a signal about a link.
    #[serde(default = "feishu", skip_serializing_if = "is_feishu")]
    pub platform: String,
}

/// Settings of before the other platforms were watched name none.
fn feishu() -> String {
    "feishu".to_owned()
}

fn is_feishu(platform: &str) -> bool {
    platform == "feishu"
}

/// One pattern of a table; the keys are explained in `resources/platforms/generic.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    signal: Option<SignalName>,
    #[serde(default)]
    word: Option<LinkWord>,
    starts: Vec<String>,
    #[serde(default)]
    contains: Vec<String>,
    #[serde(default)]
    ends: Vec<String>,
    #[serde(default)]
    loggers: Vec<String>,
    #[serde(default = "info")]
    level: Level,
    #[serde(default)]
    code: bool,
    #[serde(default)]
    codes: Vec<u64>,
    #[serde(default)]
    digits: Option<usize>,
    #[serde(default)]
    trace: bool,
    #[serde(default)]
    raw: bool,
    #[serde(default)]
    about: Vec<String>,
    #[serde(default)]
    needle: Option<String>,
    #[serde(default)]
    #[allow(dead_code, reason = "for readers of the table, and a test that each has one")]
    source: String,
}

fn info() -> Level {
    Level::Info
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CarrierLine {
    needle: String,
    starts: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    speech: Vec<String>,
    carriers: Vec<CarrierLine>,
    line: Vec<Line>,
}

/// The part of a platform's file that is read here; its rules are read by `health::platform`.
#[derive(Deserialize)]
struct PlatformTable {
    id: String,
    #[serde(default)]
    loggers: Vec<String>,
    #[serde(default)]
    line: Vec<Line>,
    #[serde(default)]
    entry: Vec<EntryRule>,
}

/// What an error of the state file says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryRule {
    #[serde(default)]
    code: Vec<String>,
    #[serde(default)]
    message: Vec<String>,
    /// Code and message both have to fit.
    #[serde(default)]
    both: bool,
    reason: crate::health::Reason,
}

impl EntryRule {
    fn fits(&self, code: &str, message: &str) -> bool {
        let by_code = self.code.iter().any(|known| known == code);
        let by_message = self.message.iter().any(|known| message.contains(known));
        if self.both { by_code && by_message } else { by_code || by_message }
    }
}

/// A piece of what a message begins with.
#[derive(Debug, Clone)]
enum Piece {
    Text(Vec<u8>),
    Hole(Hole),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hole {
    /// `{p}`: the platform's name.
    Platform,
    /// `{P}`: the platform's name as adapters write it, in other capitals.
    Prefix,
    /// `{t}`: a profile.
    Profile,
    /// `{n}`: anything of one word.
    Any,
}

const HOLES: [(&str, Hole); 4] =
    [("{p}", Hole::Platform), ("{P}", Hole::Prefix), ("{t}", Hole::Profile), ("{n}", Hole::Any)];

/// Bytes of a hole in a text.
const HOLE_BYTES: usize = 3;

/// What the holes of a start held.
#[derive(Debug, Default)]
struct Filled<'a> {
    platform: Option<&'a [u8]>,
    profile: Option<&'a [u8]>,
}

#[derive(Debug)]
enum Meaning {
    Gateway(Signal),
    Link { platform: Option<PlatformName>, word: LinkWord },
}

#[derive(Debug)]
struct Pattern {
    meaning: Meaning,
    starts: Vec<Vec<Piece>>,
    contains: Vec<memmem::Finder<'static>>,
    ends: Vec<Vec<u8>>,
    /// Empty: any.
    loggers: Vec<String>,
    level: Level,
    code: bool,
    codes: Vec<u64>,
    digits: Option<usize>,
    trace: bool,
    raw: bool,
    /// Bits of [`Patterns::topics`]; 0: no matter.
    about: u32,
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

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// What it means.
    pub signal: Signal,
    /// The profile that it names.
    pub tag: Option<ProfileName>,
}

/// How a record begins that carries the text of people, and what it holds after that.
type Speech = (Vec<u8>, Option<memmem::Finder<'static>>);

/// All patterns, ready to search.
#[derive(Debug)]
pub struct Patterns {
    speech: Vec<Speech>,
    carriers: Vec<(Vec<u8>, memmem::Finder<'static>)>,
    all: Vec<Pattern>,
    entries: Vec<(Option<String>, EntryRule)>,
    searcher: Searcher,
    topics: Vec<memmem::Finder<'static>>,
}

#[derive(Debug)]
enum Searcher {
    /// SIMD; not on every processor, and for a limited number of needles only.
    Packed(packed::Searcher),
    Automaton(AhoCorasick),
}

/// Collects patterns and what the search needs of them.
#[derive(Default)]
struct Builder {
    all: Vec<Pattern>,
    needles: Vec<String>,
    topics: Vec<String>,
}

impl Builder {
    fn add(&mut self, line: Line, meaning: Meaning, loggers: &[String]) -> Result<(), PatternError> {
        let texts: Vec<Vec<Piece>> = line.starts.iter().map(|start| pieces(start)).collect();
        match line.needle {
            Some(needle) => self.need(needle)?,
            None => line.starts.iter().try_for_each(|start| self.need(start.clone()))?,
        }
        let mut about = 0;
        for topic in &line.about {
            let known = self.topics.iter().position(|known| known == topic);
            let place = known.unwrap_or_else(|| {
                self.topics.push(topic.clone());
                self.topics.len() - 1
            });
            if place < MOST_TOPICS {
                about |= 1 << place;
            }
        }
        self.all.push(Pattern {
            meaning,
            starts: texts,
            contains: line.contains.iter().map(|text| memmem::Finder::new(text).into_owned()).collect(),
            ends: line.ends.iter().map(|end| end.as_bytes().to_vec()).collect(),
            loggers: if line.loggers.is_empty() { loggers.to_vec() } else { line.loggers },
            level: line.level,
            code: line.code,
            codes: line.codes,
            digits: line.digits,
            trace: line.trace,
            raw: line.raw,
            about,
        });
        Ok(())
    }

    fn need(&mut self, needle: String) -> Result<(), PatternError> {
        if needle.len() < SHORTEST || HOLES.iter().any(|(hole, _)| needle.contains(hole)) {
            return Err(PatternError::TooShort(needle));
        }
        self.needles.push(needle);
        Ok(())
    }
}

impl Patterns {
    /// The built-in tables and what the settings add (those come first: the user knows better).
    pub fn new(extra: &[ExtraPattern]) -> Result<Self, PatternError> {
        Self::with_platforms(extra, platform::built_in_files())
    }

    /// The same with these files of platforms.
    pub fn with_platforms<'a>(
        extra: &[ExtraPattern],
        files: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, PatternError> {
        let table: Table = toml::from_str(BUILT_IN)?;
        let mut builder = Builder::default();
        for extra in extra {
            builder.add(
                Line::from_settings(extra),
                Meaning::Gateway(extra.signal.signal(&extra.platform)),
                &[],
            )?;
        }
        let mut platforms = Vec::new();
        for text in files {
            platforms.push(toml::from_str::<PlatformTable>(text)?);
        }
        // The generic ones last: a platform knows its own words better.
        platforms.sort_by_key(|platform| platform.id == "generic");
        let mut entries = Vec::new();
        for platform in platforms {
            let name = (platform.id != "generic").then_some(platform.id);
            entries.extend(platform.entry.into_iter().map(|entry| (name.clone(), entry)));
            for line in platform.line {
                let Some(word) = line.word else { continue };
                let meaning = Meaning::Link { platform: name.as_deref().map(Into::into), word };
                builder.add(line, meaning, &platform.loggers)?;
            }
        }
        for line in table.line {
            let Some(signal) = line.signal else { continue };
            builder.add(line, Meaning::Gateway(signal.signal("")), &[])?;
        }
        let Builder { all, mut needles, topics } = builder;
        needles.extend(table.carriers.iter().map(|carrier| carrier.needle.clone()));
        let carriers = table.carriers.iter().map(|carrier| {
            (carrier.starts.as_bytes().to_vec(), memmem::Finder::new(&carrier.needle).into_owned())
        });
        Ok(Self {
            speech: table.speech.iter().map(|text| speech(text)).collect(),
            carriers: carriers.collect(),
            all,
            entries,
            searcher: Searcher::new(needles)?,
            topics: topics.iter().map(|topic| memmem::Finder::new(topic).into_owned()).collect(),
        })
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

    /// Which topics the text speaks of, as bits.
    pub fn topics(&self, text: &[u8]) -> u32 {
        let found = self.topics.iter().enumerate().filter(|(_, topic)| topic.find(text).is_some());
        found.fold(0, |bits, (place, _)| bits | 1 << place)
    }

    /// Whether a record with this message carries what people wrote or what a tool printed.
    pub fn is_speech(&self, message: &[u8]) -> bool {
        self.speech.iter().any(|(start, holds)| {
            message
                .strip_prefix(start.as_slice())
                .is_some_and(|rest| holds.as_ref().is_none_or(|holds| holds.find(rest).is_some()))
        })
    }

    /// Whether what follows a record with this message in the same write may be forged.
    pub fn is_carrier(&self, message: &[u8]) -> bool {
        self.carriers
            .iter()
            .any(|(start, needle)| message.starts_with(start) && needle.find(message).is_some())
    }

    /// What the candidate means: the first pattern that fits. `topics`: what the record, as far as it was read, speaks
    /// of; asked only where that matters.
    pub fn classify(&self, candidate: &Candidate<'_>, topics: &dyn Fn() -> u32) -> Option<Match> {
        self.all.iter().find_map(|pattern| {
            let filled = pattern.fits(candidate)?;
            if pattern.about != 0 && pattern.about & topics() == 0 {
                return None;
            }
            pattern.meaning_of(candidate, &filled)
        })
    }

    /// What an error of the state file says of this platform.
    pub fn cause(&self, platform: &str, code: &str, message: &str) -> Option<crate::health::Reason> {
        let own = self.entries.iter().filter(|(of, _)| of.as_deref() == Some(platform));
        let generic = self.entries.iter().filter(|(of, _)| of.is_none());
        own.chain(generic).find(|(_, rule)| rule.fits(code, message)).map(|(_, rule)| rule.reason)
    }
}

impl Line {
    fn from_settings(extra: &ExtraPattern) -> Self {
        Self {
            signal: Some(extra.signal),
            word: None,
            starts: vec![extra.text.replace(['{', '}'], "")],
            contains: Vec::new(),
            ends: Vec::new(),
            loggers: extra.logger.iter().cloned().collect(),
            level: Level::Debug,
            code: false,
            codes: Vec::new(),
            digits: None,
            trace: false,
            raw: false,
            about: Vec::new(),
            needle: None,
            source: "settings".to_owned(),
        }
    }
}

impl Searcher {
    fn new(mut needles: Vec<String>) -> Result<Self, PatternError> {
        needles.sort_unstable();
        // What begins with another needle is found by that one.
        needles.dedup_by(|longer, shorter| longer.starts_with(shorter.as_str()));
        match packed::Config::new().builder().extend(needles.iter()).build() {
            Some(searcher) => Ok(Self::Packed(searcher)),
            None => Ok(Self::Automaton(AhoCorasick::new(&needles)?)),
        }
    }
}

impl Pattern {
    /// The cheap questions first: most patterns are out after the first bytes.
    fn fits<'a>(&self, line: &Candidate<'a>) -> Option<Filled<'a>> {
        let inbound = matches!(self.meaning, Meaning::Link { word: LinkWord::Inbound, .. });
        // What people wrote is believed for one thing only: that it arrived.
        if line.speech && !(line.is_head && inbound) {
            return None;
        }
        let level_fits = line.level.is_some_and(|level| level >= self.level);
        let admitted = if line.is_head { level_fits } else { self.raw || (self.trace && level_fits) };
        if !admitted {
            return None;
        }
        let (filled, rest) = self.starts.iter().find_map(|start| fill(start, line.message))?;
        let fits = self.logger_fits(line)
            && self.code_fits(rest)
            && (self.contains.is_empty() || self.contains.iter().any(|text| text.find(rest).is_some()))
            && self.ends_fit(line.message);
        fits.then_some(filled)
    }

    /// The logger is one of the pattern's; a line without a head belongs to a record, or was printed without a logger.
    fn logger_fits(&self, line: &Candidate<'_>) -> bool {
        let Some(logger) = line.logger else {
            return self.loggers.is_empty() || self.loggers.iter().any(String::is_empty) || !line.is_head;
        };
        self.loggers.is_empty()
            || self.loggers.iter().any(|known| {
                logger
                    .strip_prefix(known.as_bytes())
                    .is_some_and(|rest| !known.is_empty() && (rest.is_empty() || rest.starts_with(b".")))
            })
    }

    fn code_fits(&self, rest: &[u8]) -> bool {
        if !self.code {
            return true;
        }
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0
            || rest.get(digits) != Some(&b':')
            || self.digits.is_some_and(|wanted| wanted != digits)
        {
            return false;
        }
        let number = std::str::from_utf8(&rest[..digits]).ok().and_then(|digits| digits.parse().ok());
        self.codes.is_empty() || number.is_some_and(|number| self.codes.contains(&number))
    }

    /// The wording stands at the very end, and is not the end of something quoted: before it stands nothing, or a
    /// colon and a blank, or the blank before an asyncio object.
    fn ends_fit(&self, message: &[u8]) -> bool {
        if self.ends.is_empty() {
            return true;
        }
        let message = without_connection(message.trim_ascii_end());
        self.ends.iter().any(|end| match message.strip_suffix(end.as_slice()) {
            Some(before) => before.is_empty() || before.ends_with(b": ") || before.ends_with(b"> "),
            None => false,
        })
    }

    fn meaning_of(&self, line: &Candidate<'_>, filled: &Filled<'_>) -> Option<Match> {
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_ascii_lowercase);
        match &self.meaning {
            Meaning::Gateway(signal) => Some(Match { signal: signal.clone(), tag: None }),
            Meaning::Link { platform, word } => {
                let named = filled.platform.and_then(text).map(Into::into);
                let platform = platform.clone().or(named)?;
                // A message is no sentence of the gateway about its links.
                let by_runner = line.logger == Some(RUNNER) && *word != LinkWord::Inbound;
                let tag = filled.profile.or_else(|| by_runner.then(|| tag(line.message)).flatten());
                let tag = tag.and_then(|tag| std::str::from_utf8(tag).ok()).map(Into::into);
                Some(Match { signal: Signal::Link(LinkSignal { platform, word: *word, by_runner }), tag })
            }
        }
    }
}

/// The profile in the first `(profile: x)`.
fn tag(message: &[u8]) -> Option<&[u8]> {
    const OPENS: &[u8] = b"(profile: ";
    let from = memmem::find(message, OPENS)? + OPENS.len();
    let length = memchr::memchr(b')', &message[from..])?;
    let name = &message[from..from + length];
    name.iter().all(|b| is_of_word(*b)).then_some(name)
}

/// The connection that a line of an SDK names: ` [conn_id=…]` at its end.
pub fn connection(message: &[u8]) -> Option<&str> {
    const OPENS: &[u8] = b" [conn_id=";
    let message = message.trim_ascii_end().strip_suffix(b"]")?;
    let at = memmem::rfind(message, OPENS)? + OPENS.len();
    let id = std::str::from_utf8(&message[at..]).ok()?;
    (!id.is_empty() && id.len() <= 64 && id.bytes().all(is_of_word)).then_some(id)
}

fn without_connection(message: &[u8]) -> &[u8] {
    match memmem::rfind(message, b" [conn_id=") {
        Some(at) if message.ends_with(b"]") => &message[..at],
        _ => message,
    }
}

fn speech(text: &str) -> Speech {
    match text.split_once('…') {
        Some((start, holds)) => (start.as_bytes().to_vec(), Some(memmem::Finder::new(holds).into_owned())),
        None => (text.as_bytes().to_vec(), None),
    }
}

/// Reads `✓ {p} connected`. A brace that begins no hole is text.
fn pieces(start: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = start;
    while let Some((at, hole)) =
        HOLES.iter().filter_map(|(name, hole)| Some((rest.find(name)?, *hole))).min_by_key(|(at, _)| *at)
    {
        if at > 0 {
            pieces.push(Piece::Text(rest.as_bytes()[..at].to_vec()));
        }
        pieces.push(Piece::Hole(hole));
        rest = &rest[at + HOLE_BYTES..];
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(rest.as_bytes().to_vec()));
    }
    pieces
}

/// Lays a start over a message. What its holes held, and what follows.
fn fill<'a>(start: &[Piece], message: &'a [u8]) -> Option<(Filled<'a>, &'a [u8])> {
    let mut filled = Filled::default();
    let mut rest = message;
    for piece in start {
        match piece {
            Piece::Text(text) => rest = rest.strip_prefix(text.as_slice())?,
            Piece::Hole(hole) => {
                let length = rest.iter().take_while(|b| is_of_word(**b)).count();
                let (word, after) = rest.split_at_checked(length).filter(|(word, _)| !word.is_empty())?;
                // A sentence ends in dots that are not the platform's.
                let trimmed = word.iter().rev().take_while(|b| **b == b'.').count();
                let word = &word[..word.len() - trimmed];
                rest = if trimmed > 0 { &rest[word.len()..] } else { after };
                match hole {
                    Hole::Platform | Hole::Prefix => filled.platform = Some(word),
                    Hole::Profile => filled.profile = Some(word),
                    Hole::Any => {}
                }
            }
        }
    }
    Some((filled, rest))
}

fn is_of_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(level: Level, logger: &str, message: &str) -> Option<Match> {
        let patterns = Patterns::new(&[]).unwrap();
        let candidate = Candidate {
            message: message.as_bytes(),
            logger: (!logger.is_empty()).then_some(logger.as_bytes()),
            level: Some(level),
            is_head: true,
            speech: patterns.is_speech(message.as_bytes()),
        };
        patterns.classify(&candidate, &|| patterns.topics(message.as_bytes()))
    }

    fn word(level: Level, logger: &str, message: &str) -> Option<(String, LinkWord)> {
        match meaning(level, logger, message)?.signal {
            Signal::Link(link) => Some((link.platform.to_string(), link.word)),
            _ => None,
        }
    }

    #[test]
    fn every_line_names_its_source_and_can_be_found() {
        let table: Table = toml::from_str(BUILT_IN).unwrap();
        let files: Vec<PlatformTable> =
            platform::built_in_files().map(|text| toml::from_str(text).unwrap()).collect();
        let lines: Vec<&Line> = table.line.iter().chain(files.iter().flat_map(|file| &file.line)).collect();
        let patterns = Patterns::new(&[]).unwrap();
        for line in lines {
            assert!(!line.source.is_empty(), "{:?}", line.starts);
            assert!(line.signal.is_some() != line.word.is_some(), "{:?}", line.starts);
            for needle in line.needle.iter().chain(line.starts.iter().filter(|_| line.needle.is_none())) {
                assert!(patterns.find(needle.as_bytes(), 0).is_some(), "{needle}");
            }
        }
    }

    #[test]
    fn a_pattern_that_fits_everything_is_refused() {
        let short = ExtraPattern {
            signal: SignalName::Lost,
            text: "err".into(),
            logger: None,
            platform: "feishu".into(),
        };
        assert!(matches!(Patterns::new(&[short]), Err(PatternError::TooShort(_))));
    }

    #[test]
    fn the_runner_speaks_of_any_platform() {
        let carrier = |word| Some(("carrier-pigeon".to_owned(), word));
        for (level, message, wanted) in [
            (Level::Info, "Connecting to carrier-pigeon...", LinkWord::Expected),
            (Level::Info, "✓ carrier-pigeon connected", LinkWord::Announced),
            (Level::Info, "✓ carrier-pigeon reconnected successfully", LinkWord::Reannounced),
            (Level::Warning, "✗ carrier-pigeon failed to connect", LinkWord::Failed),
            (Level::Error, "Fatal carrier-pigeon adapter error (lost_bird): it rains", LinkWord::Failed),
            (Level::Info, "carrier-pigeon queued for background reconnection", LinkWord::Lost),
            (
                Level::Warning,
                "Reconnect carrier-pigeon: non-retryable error (no bird), removing from retry queue",
                LinkWord::Ended,
            ),
            (Level::Warning, "No adapter available for carrier-pigeon", LinkWord::AdapterMissing),
            (Level::Info, "inbound message: platform=carrier-pigeon user=u", LinkWord::Inbound),
        ] {
            assert_eq!(word(level, "gateway.run", message), carrier(wanted), "{message}");
            assert_eq!(word(level, "tools.shell", message), None, "{message}");
        }
        let tagged = meaning(Level::Info, "gateway.run", "✓ feishu connected (profile: work)").unwrap();
        assert_eq!(tagged.tag.as_deref(), Some("work"));
        let fatal = "Fatal telegram adapter error for multiplexed profile work (telegram_network_error)";
        assert_eq!(meaning(Level::Error, "gateway.run", fatal).unwrap().tag.as_deref(), Some("work"));
    }

    #[test]
    fn the_status_of_a_feishu_endpoint_says_whether_it_is_a_refusal() {
        for (code, wanted) in [
            ("401: unauthorized", LinkWord::Refused),
            ("403: forbidden", LinkWord::Refused),
            ("514: auth failed", LinkWord::Refused),
            ("1000040345: app_id or app_secret is invalid", LinkWord::Refused),
            ("400: bad request", LinkWord::Unreachable),
            ("404: page not found", LinkWord::Unreachable),
            ("429: request trigger frequency limit", LinkWord::Unreachable),
            ("502: system busy", LinkWord::Unreachable),
            ("1000040343: internal error", LinkWord::Unreachable),
            ("1: system busy", LinkWord::Unreachable),
            ("1000040350: the number of connections exceeded the limit", LinkWord::Limit),
        ] {
            let message = format!("connect failed, err: {code}");
            assert_eq!(word(Level::Error, "Lark", &message), Some(("feishu".to_owned(), wanted)), "{code}");
        }
    }

    #[test]
    fn names_of_files_and_other_loggers_are_no_evidence() {
        for (logger, message) in [
            (
                "hermes_plugins.feishu_platform.adapter",
                "[Feishu] Failed to send file /tmp/lark-oapi not installed.pdf: boom",
            ),
            (
                "hermes_plugins.feishu_platform.adapter",
                "[Feishu] Failed to inject text document content from /d/a[99991663].txt",
            ),
            (
                "hermes_plugins.feishu_platform.adapter",
                "[Feishu] Failed to inject text document content from /d/x: Executor shutdown has been called",
            ),
            (
                "hermes_plugins.feishu_platform.adapter",
                "[Feishu] Failed to download image http://x/[99991663].png: no",
            ),
            ("cron.scheduler", "Job 'x' failed: Executor shutdown has been called"),
            ("r", "Gateway event loop missed 9"),
        ] {
            assert_eq!(meaning(Level::Error, logger, message), None, "{message}");
        }
    }

    #[test]
    fn a_connection_is_named_at_the_end_of_a_line() {
        assert_eq!(connection(b"disconnected to wss://x [conn_id=76]"), Some("76"));
        assert_eq!(connection(b"disconnected to wss://x [conn_id=]"), None);
        assert_eq!(connection(b"[conn_id=7] and more"), None);
    }
}
