//! Errors of the settings file, with their position.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::check::Invalid;
use crate::health::settings::seconds;
use crate::text::{self, Both, Lang, Message, Phrase, Worded, config as phrases, fill};

/// Why a settings file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    position: Option<(usize, usize)>,
    cause: Cause,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cause {
    /// The file cannot be read, with the reason. (An [`io::Error`] is neither `Clone` nor `PartialEq`.)
    Unreadable(Both),
    /// One of our phrases with its values; `{file}` is filled in as well.
    Phrase(Phrase, Vec<(&'static str, Words)>),
}

/// A value of a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Words {
    /// What the person wrote, a name or a number.
    Same(String),
    /// Words of ours.
    Phrase(Phrase),
}

impl Words {
    fn pick(&self, lang: Lang) -> &str {
        match self {
            Self::Same(text) => text,
            Self::Phrase(phrase) => lang.pick(*phrase),
        }
    }
}

impl<T: Into<String>> From<T> for Words {
    fn from(text: T) -> Self {
        Self::Same(text.into())
    }
}

impl ConfigError {
    pub(super) fn unreadable(file: &Path, error: &io::Error) -> Self {
        let why = Both::each(|lang| text::error::io(lang, error));
        Self { file: file.to_path_buf(), position: None, cause: Cause::Unreadable(why) }
    }

    pub(super) fn file(file: &Path, phrase: Phrase) -> Self {
        Self { file: file.to_path_buf(), position: None, cause: Cause::Phrase(phrase, Vec::new()) }
    }

    pub(super) fn too_long(file: &Path, limit: u64) -> Self {
        let values = vec![("limit", (limit / 1024).to_string().into())];
        Self { file: file.to_path_buf(), position: None, cause: Cause::Phrase(phrases::TOO_LONG, values) }
    }

    pub(super) fn syntax(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let words = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        let cause = Cause::Phrase(phrases::NOT_TOML, vec![("words", words.into())]);
        Self::at(file, text, error.span().map_or(0, |span| span.start), cause)
    }

    /// A key that is unknown or missing, or a value of the wrong kind.
    pub(super) fn of_type(file: &Path, text: &str, key: &str, error: &toml::de::Error) -> Self {
        let (phrase, mut values) = wrong_type(error.message());
        values.push(("key", key.into()));
        Self::at(file, text, error.span().map_or(0, |span| span.start), Cause::Phrase(phrase, values))
    }

    /// A value that is not allowed, at this byte of the text.
    pub(super) fn value(file: &Path, text: &str, key: &str, offset: usize, invalid: Invalid) -> Self {
        let own = invalid.values.into_iter().filter(|(name, _)| *name != "key");
        let values = own.map(|(name, value)| (name, Words::Same(value))).chain([("key", key.into())]);
        Self::at(file, text, offset, Cause::Phrase(invalid.phrase, values.collect()))
    }

    fn at(file: &Path, text: &str, offset: usize, cause: Cause) -> Self {
        Self { file: file.to_path_buf(), position: Some(position(text, offset)), cause }
    }

    /// Line and column (both from 1, columns in characters), where the error has a position.
    pub const fn place(&self) -> Option<(usize, usize)> {
        self.position
    }

    /// The error for users, with the file and the position. The TOML parser's own words are English.
    pub fn text(&self, lang: Lang) -> String {
        let file = self.file.display().to_string();
        let what = match &self.cause {
            Cause::Unreadable(why) => {
                fill(lang.pick(phrases::UNREADABLE), &[("file", &file), ("why", why.pick(lang))])
            }
            Cause::Phrase(phrase, values) => {
                let mut all: Vec<(&str, &str)> = vec![("file", &file)];
                all.extend(values.iter().map(|(name, value)| (*name, value.pick(lang))));
                fill(lang.pick(*phrase), &all)
            }
        };
        match self.position {
            None => what,
            Some((line, column)) => fill(
                lang.pick(phrases::AT),
                &[
                    ("file", &file),
                    ("line", &line.to_string()),
                    ("column", &column.to_string()),
                    ("what", &what),
                ],
            ),
        }
    }
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

/// serde's words for the kinds that it wanted, and ours; the beginning decides.
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

/// Messages of our own types, which know no language.
const OWN: [(&str, Phrase); 2] =
    [(seconds::NOT_A_NUMBER, phrases::NOT_SECONDS), (seconds::OUT_OF_RANGE, phrases::SECONDS_RANGE)];

/// What is said in place of a message of serde (`serde::de::Error`), which names Rust's types.
fn wrong_type(message: &str) -> (Phrase, Vec<(&'static str, Words)>) {
    let quoted = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    let known = || {
        let names = message.split('`').skip(3).step_by(2);
        names.collect::<Vec<_>>().join(", ")
    };
    if let Some((_, phrase)) = OWN.iter().find(|(own, _)| message.contains(own)) {
        return (*phrase, Vec::new());
    }
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return (phrases::UNKNOWN_KEY, vec![("name", quoted(rest).into()), ("known", known().into())]);
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        return (phrases::UNKNOWN_VALUE, vec![("value", quoted(rest).into()), ("known", known().into())]);
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return (phrases::MISSING_KEY, vec![("name", quoted(rest).into())]);
    }
    let wanted = message.rsplit_once(", expected ").map(|(_, wanted)| wanted.trim());
    let kind = |wanted: &str| KINDS.iter().find(|(theirs, _)| wanted.starts_with(theirs));
    match wanted.and_then(kind) {
        Some((_, ours)) => (phrases::WRONG_KIND, vec![("wanted", Words::Phrase(*ours))]),
        None if wanted.is_some() => {
            (phrases::WRONG_KIND, vec![("wanted", wanted.unwrap_or_default().into())])
        }
        None => (phrases::WRONG_VALUE, vec![("words", message.into())]),
    }
}
