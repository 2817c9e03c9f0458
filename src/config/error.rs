//! Errors of the settings file, with their position.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::check::{Invalid, MAX_TYPOS, listed};
use super::quiet_hours;
use crate::health::settings::seconds;
use crate::text::{self, Both, Lang, Message, Phrase, Worded, config as phrases, fill};

/// Why a settings file, or one of its settings, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    position: Option<(usize, usize)>,
    what: Both,
}

/// The values of a phrase.
type Values = Vec<(&'static str, Both)>;

impl ConfigError {
    pub(super) fn unreadable(file: &Path, error: &io::Error) -> Self {
        let why = Both::each(|lang| text::error::io(lang, error));
        Self::new(file, None, phrases::UNREADABLE, vec![("why", why)])
    }

    /// The file or one of its folders is a link that leads nowhere.
    pub(super) fn dangling(file: &Path, link: &Path) -> Self {
        let why = Both::fill(phrases::DANGLING, &[("link", &link.display().to_string())]);
        Self::new(file, None, phrases::UNREADABLE, vec![("why", why)])
    }

    pub(super) fn not_text(file: &Path) -> Self {
        Self::new(file, None, phrases::NOT_TEXT, Vec::new())
    }

    pub(super) fn too_long(file: &Path, limit: u64) -> Self {
        let limit = Both::same((limit / 1024).to_string());
        Self::new(file, None, phrases::TOO_LONG, vec![("limit", limit)])
    }

    /// A line that is not TOML. In Chinese the parser's English message follows ours.
    pub(super) fn syntax(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let words = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        let what = Both::each(|lang| phrases::syntax(lang, &words));
        Self::at(file, text, start_of(error), phrases::NOT_TOML, vec![("what", what)])
    }

    /// A key that is unknown or missing, or a value of the wrong kind.
    pub(super) fn of_type(file: &Path, text: &str, key: &str, error: &toml::de::Error) -> Self {
        let (phrase, mut values) = wrong_type(error.message());
        values.push(("key", Both::same(key)));
        Self::at(file, text, start_of(error), phrase, values)
    }

    /// A value that is not allowed, at this byte of the text.
    pub(super) fn value(file: &Path, text: &str, key: &str, offset: usize, invalid: Invalid) -> Self {
        let Invalid { phrase, mut values, .. } = invalid;
        values.push(("key", Both::same(key)));
        Self::at(file, text, offset, phrase, values)
    }

    fn at(file: &Path, text: &str, offset: usize, phrase: Phrase, values: Values) -> Self {
        Self::new(file, Some(position(text, offset)), phrase, values)
    }

    fn new(file: &Path, position: Option<(usize, usize)>, phrase: Phrase, mut values: Values) -> Self {
        values.push(("file", Both::same(file.display().to_string())));
        let what = Both::each(|lang| {
            let values: Vec<(&str, &str)> =
                values.iter().map(|(name, value)| (*name, value.pick(lang))).collect();
            fill(lang.pick(phrase), &values)
        });
        Self { file: file.to_path_buf(), position, what }
    }

    /// Line and column (both from 1, columns in characters), where the error has a position.
    pub const fn place(&self) -> Option<(usize, usize)> {
        self.position
    }

    /// Which settings a starting program uses: the valid ones, or the defaults where the whole file cannot be used.
    pub(crate) const fn what_holds(&self) -> Phrase {
        if self.position.is_some() { phrases::REST_HOLDS } else { phrases::DEFAULTS_HOLD }
    }

    /// The error for users, with the file and the position.
    pub fn text(&self, lang: Lang) -> String {
        let what = self.what.pick(lang);
        match self.position {
            None => what.to_owned(),
            Some((line, column)) => {
                text::labelled(lang, &format!("{}:{line}:{column}", self.file.display()), what)
            }
        }
    }
}

fn start_of(error: &toml::de::Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

impl Worded for ConfigError {
    fn message(&self) -> Message {
        Message::verbatim(&Both::each(|lang| self.text(lang)))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for ConfigError {}

/// Line and column (from 1, in characters) of a byte offset.
pub(super) fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..byte.min(text.len())];
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
}

/// The beginnings of type names in messages of serde and toml, and our terms for them.
const KINDS: [(&str, Phrase); 12] = [
    ("a boolean", ["true or false", "true 或 false"]),
    ("a string", phrases::A_TEXT),
    ("path string", phrases::A_TEXT),
    ("a sequence", phrases::A_LIST),
    ("a map", phrases::A_TABLE),
    ("struct ", phrases::A_TABLE),
    ("usize", phrases::A_NUMBER),
    ("u8", phrases::A_NUMBER),
    ("u16", phrases::A_NUMBER),
    ("u32", phrases::A_NUMBER),
    ("u64", phrases::A_NUMBER),
    ("i64", phrases::A_NUMBER),
];

/// Messages of our own `Deserialize` types, which cannot know the language.
const OWN: [(&str, Phrase); 3] = [
    (seconds::NOT_A_NUMBER, phrases::NOT_SECONDS),
    (seconds::OUT_OF_RANGE, phrases::SECONDS_RANGE),
    (quiet_hours::EXPECTED, phrases::NO_SPAN),
];

/// The phrase for a message of serde (`serde::de::Error`) or toml: these name Rust's types.
fn wrong_type(message: &str) -> (Phrase, Values) {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let mut first = || quoted.next().unwrap_or_default();
    if let Some((_, phrase)) = OWN.iter().find(|(own, _)| message.contains(own)) {
        return (*phrase, Vec::new());
    }
    // beyond the type of the setting, beyond 64 bits, beyond what the parser reads
    let beyond = message.starts_with("invalid value: integer `") || message.contains("` as i128");
    if (beyond && !message.contains("`-")) || message.ends_with("number overflowed") {
        return (phrases::TOO_LARGE, Vec::new());
    }
    if message.starts_with("unknown field ") {
        let (name, known) = (first(), quoted.collect::<Vec<_>>());
        let is_near = |known: &&&str| strsim::osa_distance(name, known) <= MAX_TYPOS;
        return match known.iter().find(is_near) {
            Some(meant) => {
                (phrases::NEARLY_A_KEY, vec![("name", Both::same(name)), ("meant", Both::same(*meant))])
            }
            None => (phrases::UNKNOWN_KEY, vec![("name", Both::same(name)), ("known", listed(&known))]),
        };
    }
    if message.starts_with("unknown variant ") {
        let value = Both::same(first());
        let known = listed(&quoted.collect::<Vec<_>>());
        return (phrases::UNKNOWN_VALUE, vec![("value", value), ("known", known)]);
    }
    if message.starts_with("missing field ") {
        return (phrases::MISSING_KEY, vec![("name", Both::same(first()))]);
    }
    // toml's message for the value of an enum
    if message.starts_with("wanted ") {
        return (phrases::WRONG_KIND, vec![("wanted", phrases::A_TEXT.into())]);
    }
    let wanted = message.rsplit_once(", expected ").map(|(_, wanted)| wanted.trim());
    let kind = |wanted: &str| KINDS.iter().find(|(theirs, _)| wanted.starts_with(theirs));
    match wanted.map(|wanted| (wanted, kind(wanted))) {
        Some((_, Some((_, ours)))) => (phrases::WRONG_KIND, vec![("wanted", (*ours).into())]),
        Some((wanted, None)) => (phrases::WRONG_KIND, vec![("wanted", Both::same(wanted))]),
        None => (phrases::WRONG_VALUE, vec![("words", Both::same(message))]),
    }
}
