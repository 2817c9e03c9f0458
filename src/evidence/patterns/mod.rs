//! The log patterns: `resources/patterns.toml` (the gateway), `resources/platforms/` (its links), and those that the
//! settings add. Every pattern is anchored to its logger and to the beginning of the message.

mod index;
mod names;
mod pattern;
mod searcher;
mod speech;
mod table;
mod template;

use std::sync::Arc;

use memchr::memmem;

use super::line::Level;
use crate::config::{ExtraPattern, SHORTEST};
use crate::health::evidence::PlatformName;
use crate::health::{Hints, Phase, Reason, Repeats, Signal, platform};
use crate::order::Order as _;
use crate::text::{Message, Worded};
use index::{Index, fits_any_beginning};
use names::connection;
use pattern::Meaning;
pub(super) use pattern::Pattern;
pub use pattern::{Candidate, Match};
use speech::Speech;
use table::{EntryRule, Line, PlatformTable, Table};
use template::pieces;

const BUILT_IN: &str = include_str!("../../../resources/patterns.toml");

/// Most topics of all patterns together: each is one bit of a `u32`.
const MAX_TOPICS: usize = 32;

/// The lines of the built-in tables without comments and sources.
pub fn wordings() -> impl Iterator<Item = &'static str> {
    let files = std::iter::once(BUILT_IN).chain(platform::built_in_files());
    files.flat_map(str::lines).filter(|line| !line.starts_with('#') && !line.starts_with("source"))
}

/// Why a table of patterns cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// It cannot be parsed.
    #[error("log patterns: {0}")]
    Toml(#[from] toml::de::Error),
    /// A pattern that would match every line.
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

/// Separates the items of a message that lists several.
const SEPARATOR: &[u8] = b"; ";

/// All patterns, ready to match.
#[derive(Debug)]
pub struct Patterns {
    speech: Speech,
    carriers: Vec<(Vec<u8>, memmem::Finder<'static>)>,
    lists: Vec<String>,
    all: Vec<Pattern>,
    /// The patterns for lines that begin a record: at INFO or below, and above that.
    of_quiet_heads: Index,
    of_loud_heads: Index,
    /// The patterns for lines without a head.
    of_others: Index,
    entries: Vec<(Option<String>, EntryRule)>,
    /// The platforms whose lines name connections.
    connections: Vec<PlatformName>,
    topics: Vec<memmem::Finder<'static>>,
}

/// Collects patterns and their topics.
#[derive(Default)]
struct Builder {
    all: Vec<Pattern>,
    topics: Vec<String>,
}

impl Builder {
    fn add(&mut self, mut line: Line, meaning: Meaning, loggers: &[String]) -> Result<(), PatternError> {
        let starts: Vec<_> = line.starts.iter().map(|start| pieces(start)).collect();
        if fits_any_beginning(&starts) {
            let needle = line.needle.clone().unwrap_or_else(|| line.starts.concat());
            if line.needle.is_none() || needle.len() < SHORTEST {
                return Err(PatternError::TooShort(needle));
            }
        }
        let mut about = 0;
        for topic in &line.about {
            let known = self.topics.iter().position(|known| known == topic);
            let place = known.unwrap_or_else(|| {
                self.topics.push(topic.clone());
                self.topics.len() - 1
            });
            if place < MAX_TOPICS {
                about |= 1 << place;
            }
        }
        if line.loggers.is_empty() {
            line.loggers = loggers.to_vec();
        }
        self.all.push(Pattern {
            meaning,
            starts,
            contains: line.contains.iter().map(|text| memmem::Finder::new(text).into_owned()).collect(),
            about,
            line,
        });
        Ok(())
    }
}

impl Patterns {
    /// The built-in tables and the patterns of the settings, which take precedence.
    pub fn new(extra: &[ExtraPattern]) -> Result<Self, PatternError> {
        Self::with_platforms(extra, platform::built_in_files())
    }

    /// The same with these platform files.
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
        // the generic ones last: those of a platform take precedence
        platforms.order_by_key(|platform| platform.id == "generic");
        let (mut entries, mut connections) = (Vec::new(), Vec::new());
        for platform in platforms {
            if platform.connections {
                connections.push(platform.id.as_str().into());
            }
            let name = (platform.id != "generic").then_some(platform.id);
            entries.extend(platform.entry.into_iter().map(|entry| (name.clone(), entry)));
            for line in platform.line {
                let Some(word) = line.word else { continue };
                let repeats = line.repeats.map_or(Repeats::AnyTime, |after| after.of(builder.all.len()));
                let ends = (repeats == Repeats::Never).then_some(Phase::Closes);
                let phase = line.phase.or(ends);
                let hints = Hints { repeats, session: line.session, phase, ..Hints::default() };
                let meaning = Meaning::Link { platform: name.as_deref().map(Into::into), word, hints };
                builder.add(line, meaning, &platform.loggers)?;
            }
        }
        for line in table.line {
            let Some(signal) = line.signal else { continue };
            builder.add(line, Meaning::Gateway(signal.signal("")), &[])?;
        }
        let Builder { all, topics } = builder;
        let carriers = table.carriers.iter().map(|carrier| {
            (carrier.starts.as_bytes().to_vec(), memmem::Finder::new(&carrier.needle).into_owned())
        });
        Ok(Self {
            speech: Speech::new(&table.speech)?,
            carriers: carriers.collect(),
            lists: table.lists,
            of_quiet_heads: Index::new(&all, |pattern| pattern.line.level <= Level::Info)?,
            of_loud_heads: Index::new(&all, |_| true)?,
            of_others: Index::new(&all, |pattern| pattern.line.raw || pattern.line.trace)?,
            all,
            entries,
            connections,
            topics: topics.iter().map(|topic| memmem::Finder::new(topic).into_owned()).collect(),
        })
    }

    /// The patterns that may match, in order of precedence; none for nearly every line of a log. `level`: that of a line which
    /// begins a record.
    pub(super) fn that_may_fit(
        &self,
        message: &[u8],
        level: Option<Level>,
    ) -> impl Iterator<Item = &Pattern> {
        let index = match level {
            Some(level) if level <= Level::Info => &self.of_quiet_heads,
            Some(_) => &self.of_loud_heads,
            None => &self.of_others,
        };
        index.of(message).filter_map(|place| self.all.get(place))
    }

    /// The connection that a line with this meaning names.
    pub(super) fn connection(&self, signal: &Signal, message: &[u8]) -> Option<Arc<str>> {
        let Signal::Link(link) = signal else { return None };
        let names_it = self.connections.contains(&link.platform);
        names_it.then(|| connection(message)).flatten().map(Into::into)
    }

    /// The topics that the text mentions, as bits.
    pub fn topics(&self, text: &[u8]) -> u32 {
        let found = self.topics.iter().enumerate().filter(|(_, topic)| topic.find(text).is_some());
        found.fold(0, |bits, (place, _)| bits | 1 << place)
    }

    /// Whether a record with this message contains text written by people or the output of a tool.
    pub fn is_speech(&self, message: &[u8]) -> bool {
        self.speech.is_in(message)
    }

    /// The positions of carriers in a block.
    pub(super) fn carriers<'a>(&'a self, block: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        self.carriers.iter().flat_map(move |(_, needle)| needle.find_iter(block))
    }

    /// Whether records that follow this message in the same write may be forged.
    pub fn is_carrier(&self, message: &[u8]) -> bool {
        self.carriers
            .iter()
            .filter(|(start, _)| start.first() == message.first())
            .any(|(start, needle)| message.starts_with(start) && needle.find(message).is_some())
    }

    /// The messages that this one stands for if it lists several platforms: one for each.
    pub(super) fn items(&self, message: &[u8]) -> Option<Vec<Vec<u8>>> {
        let start = self.lists.iter().find(|start| message.starts_with(start.as_bytes()))?;
        let (start, list) = message.split_at(start.len());
        let ends =
            memmem::find_iter(list, SEPARATOR).filter(|end| begins_item(&list[end + SEPARATOR.len()..]));
        let mut from = 0;
        let items = ends.chain([list.len()]).map(|end| {
            let item = [start, &list[from..end]].concat();
            from = end + SEPARATOR.len();
            item
        });
        Some(items.collect())
    }

    /// The meaning of the first of these patterns that matches. `topics`: the topics of the record as far as it was
    /// read; called only if a pattern depends on them.
    pub(super) fn classify<'p>(
        mut may_fit: impl Iterator<Item = &'p Pattern>,
        candidate: &Candidate<'_>,
        topics: &dyn Fn() -> u32,
    ) -> Option<Match> {
        may_fit.find_map(|pattern| {
            let filled = pattern.fits(candidate)?;
            if pattern.about != 0 && pattern.about & topics() == 0 {
                return None;
            }
            pattern.meaning_of(candidate, &filled)
        })
    }

    /// The reason that an error of this platform in the state file stands for, if it is known.
    pub fn cause(&self, platform: &str, code: &str, message: &str) -> Option<Reason> {
        let own = self.entries.iter().filter(|(of, _)| of.as_deref() == Some(platform));
        let generic = self.entries.iter().filter(|(of, _)| of.is_none());
        own.chain(generic).find(|(_, rule)| rule.fits(code, message)).map(|(_, rule)| rule.reason)
    }
}

/// Whether the text begins with a platform's name and a colon. Others only contain a separator.
fn begins_item(text: &[u8]) -> bool {
    let name = text.iter().take_while(|b| template::is_of_word(**b)).count();
    name > 0 && text[name..].starts_with(b": ")
}

#[cfg(test)]
mod tests {
    use super::template::Piece;
    use super::*;
    use crate::config::SignalName;
    use crate::health::{LinkWord, Signal};

    fn meaning(level: Level, logger: &str, message: &str) -> Option<Match> {
        let patterns = Patterns::new(&[]).unwrap();
        let candidate = Candidate {
            message: message.as_bytes(),
            logger: (!logger.is_empty()).then_some(logger.as_bytes()),
            level: Some(level),
            is_head: true,
            speech: patterns.is_speech(message.as_bytes()),
            file: "agent.log",
        };
        let may_fit = patterns.that_may_fit(candidate.message, Some(level));
        Patterns::classify(may_fit, &candidate, &|| patterns.topics(message.as_bytes()))
    }

    fn word(level: Level, logger: &str, message: &str) -> Option<(String, LinkWord)> {
        match meaning(level, logger, message)?.signal {
            Signal::Link(link) => Some((link.platform.to_string(), link.word)),
            _ => None,
        }
    }

    #[test]
    fn every_line_names_its_source_and_has_a_needle_only_where_it_is_needed() {
        let table: Table = toml::from_str(BUILT_IN).unwrap();
        let files: Vec<PlatformTable> =
            platform::built_in_files().map(|text| toml::from_str(text).unwrap()).collect();
        let lines: Vec<&Line> = table.line.iter().chain(files.iter().flat_map(|file| &file.line)).collect();
        for line in lines {
            assert!(!line.source.is_empty(), "{:?}", line.starts);
            assert!(line.signal.is_some() != line.word.is_some(), "{:?}", line.starts);
            let starts: Vec<_> = line.starts.iter().map(|start| pieces(start)).collect();
            assert_eq!(line.needle.is_some(), fits_any_beginning(&starts), "{:?}", line.starts);
        }
    }

    #[test]
    fn a_pattern_that_fits_everything_is_refused() {
        let short = ExtraPattern {
            signal: SignalName::find("lost").unwrap(),
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
    fn the_index_leaves_out_no_pattern_that_fits() {
        let patterns = Patterns::new(&[]).unwrap();
        let of_pattern = |pattern: &Pattern| {
            let filled = |piece: &Piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Hole(_) => b"feishu".to_vec(),
            };
            let end = pattern.line.ends.first().map_or(&[][..], |end| end.as_bytes()).to_vec();
            let message =
                |start: &Vec<Piece>| [start.iter().flat_map(filled).collect(), end.clone()].concat();
            pattern.starts.iter().map(message).collect::<Vec<Vec<u8>>>()
        };
        let messages = patterns.all.iter().flat_map(of_pattern);
        for message in messages.chain([b"".to_vec(), b"[".to_vec(), "✓".into(), b"x already y".to_vec()]) {
            for level in [Some(Level::Info), Some(Level::Warning), None] {
                let asked: Vec<*const Pattern> =
                    patterns.that_may_fit(&message, level).map(std::ptr::from_ref).collect();
                // they lie in one vector
                assert!(asked.is_sorted());
                for pattern in &patterns.all {
                    let begins = pattern.starts.iter().any(|start| template::fill(start, &message).is_some());
                    let fits = begins && pattern.ends_fit(&message);
                    let line = &pattern.line;
                    let wanted = level.map_or(line.raw || line.trace, |level| level >= line.level);
                    let shown = String::from_utf8_lossy(&message);
                    assert!(!(fits && wanted) || asked.contains(&std::ptr::from_ref(pattern)), "{shown}");
                }
            }
        }
        for level in [Level::Info, Level::Error] {
            for message in ["turn: model answered in 1.2 s", "[Feishu] Loaded 3 chats", "x went on"] {
                assert_eq!(patterns.that_may_fit(message.as_bytes(), Some(level)).count(), 0, "{message}");
            }
        }
    }

    #[test]
    fn a_message_about_several_platforms_is_one_for_each() {
        let patterns = Patterns::new(&[]).unwrap();
        let items = |message: &str| {
            let items = patterns.items(message.as_bytes())?;
            Some(items.iter().map(|item| String::from_utf8_lossy(item).into_owned()).collect::<Vec<_>>())
        };
        let start = "Gateway hit a non-retryable startup conflict: ";
        let (one, other) = ("feishu: already using this app_id; stop it", "irc: in use");
        assert_eq!(
            items(&format!("{start}{one}; {other}")),
            Some(vec![format!("{start}{one}"), format!("{start}{other}")])
        );
        assert_eq!(items(start), Some(vec![start.to_owned()]));
        for other in ["", "x: y; z: w"] {
            assert_eq!(items(other), None, "{other}");
        }
    }

    #[test]
    fn a_connection_is_named_at_the_end_of_a_line() {
        assert_eq!(connection(b"disconnected to wss://x [conn_id=76]"), Some("76"));
        assert_eq!(connection(b"disconnected to wss://x [conn_id=]"), None);
        assert_eq!(connection(b"[conn_id=7] and more"), None);
    }
}
