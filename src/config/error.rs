//! Errors of the settings file, with their position.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::check::Invalid;
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
    Phrase(Phrase, Vec<(&'static str, String)>),
    /// The parser's message, in English.
    Parser(String),
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
        let values = vec![("limit", (limit / 1024).to_string())];
        Self { file: file.to_path_buf(), position: None, cause: Cause::Phrase(phrases::TOO_LONG, values) }
    }

    pub(super) fn syntax(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let position = Some(position(text, error.span().map_or(0, |span| span.start)));
        let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { file: file.to_path_buf(), position, cause: Cause::Parser(message) }
    }

    pub(super) fn value(file: &Path, text: &str, invalid: Invalid) -> Self {
        let Invalid { key, phrase, values } = invalid;
        let position = Some(position(text, offset_of(text, &key)));
        Self { file: file.to_path_buf(), position, cause: Cause::Phrase(phrase, values) }
    }

    /// Line and column (both from 1, columns in characters), where the error has a position.
    pub const fn place(&self) -> Option<(usize, usize)> {
        self.position
    }

    /// The error for users, with the file and the position. Messages of the TOML parser are English.
    pub fn text(&self, lang: Lang) -> String {
        let file = self.file.display().to_string();
        let what = match &self.cause {
            Cause::Parser(message) => message.clone(),
            Cause::Unreadable(why) => {
                fill(lang.pick(phrases::UNREADABLE), &[("file", &file), ("why", why.pick(lang))])
            }
            Cause::Phrase(phrase, values) => {
                let mut all: Vec<(&str, &str)> = vec![("file", &file)];
                all.extend(values.iter().map(|(name, value)| (*name, value.as_str())));
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

/// The byte offset of a key's value; of the closest enclosing table where the value is a default.
fn offset_of(text: &str, key: &[String]) -> usize {
    let Ok(document) = DeTable::parse(text) else {
        return 0;
    };
    let mut offset = document.span().start;
    let mut key = key.iter();
    let mut found = key.next().and_then(|first| document.get_ref().get(first.as_str()));
    while let Some(spanned) = found {
        offset = spanned.span().start;
        found = match (spanned.get_ref(), key.next()) {
            (DeValue::Table(table), Some(name)) => table.get(name.as_str()),
            (DeValue::Array(array), Some(index)) => index.parse().ok().and_then(|i: usize| array.get(i)),
            _ => None,
        };
    }
    offset
}
