//! The text of a settings file: its valid settings, and every mistake in the rest.

use std::path::Path;

use serde::Deserialize as _;
use toml::de::{DeArray, DeTable, DeValue};
use toml::{Deserializer, Spanned};

use super::check::{self, Invalid};
use super::{Config, ConfigError};
use crate::order::Order as _;

/// Most mistakes that are collected; with more, the defaults are used.
const MAX_MISTAKES: usize = 50;

type Document<'a> = Spanned<DeTable<'a>>;

/// One step of the path to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    /// From 0.
    Entry(usize),
}

/// The valid settings, and the mistakes in the order of the file. `file` appears in them.
/// `is_private`: nobody else can read the file; a secret in one that others can read is a mistake.
pub(super) fn read(
    text: &str,
    file: &Path,
    user_home: &Path,
    is_private: bool,
) -> (Config, Vec<ConfigError>) {
    let (original, broken) = DeTable::parse_recoverable(text);
    let mut mistakes: Vec<ConfigError> =
        broken.iter().map(|error| ConfigError::syntax(file, text, error)).collect();
    let line = |mistake: &ConfigError| mistake.place().map(|(line, _)| line);
    // the parser reports a broken line at several columns
    mistakes.order_by_key(ConfigError::place);
    mistakes.dedup_by_key(|mistake| line(mistake));
    let lines: Vec<usize> = mistakes.iter().filter_map(line).collect();
    let mut document = original.clone();
    let mut removed: Vec<Vec<Step>> = Vec::new();
    let config = loop {
        let (offset, mistake) = match attempt(&document, user_home, is_private) {
            Ok(config) => break config,
            Err(Mistake::Type(error)) => {
                let offset = error.span().map_or(0, |span| span.start);
                let key = locate(original.get_ref(), offset).map(|path| shown(&path)).unwrap_or_default();
                (offset, ConfigError::of_type(file, text, &key, &error))
            }
            Err(Mistake::Value(invalid)) => {
                let offset = offset_of(&document, &invalid.key);
                let key = in_original(original.get_ref(), offset, &invalid.key);
                (offset, ConfigError::value(file, text, &key, offset, invalid))
            }
        };
        let place = locate(original.get_ref(), offset).unwrap_or_default();
        // not reported: consequences of a mistake, such as a table without its removed value or a line that is not TOML
        let follows = removed.iter().any(|before| before.starts_with(&place))
            || mistake.place().is_some_and(|(line, _)| lines.contains(&line));
        if !follows {
            mistakes.push(mistake);
        }
        removed.push(place);
        if removed.len() >= MAX_MISTAKES || !remove(document.get_mut(), offset) {
            break Config::default();
        }
    };
    mistakes.order_by_key(ConfigError::place);
    (config, mistakes)
}

enum Mistake {
    Type(toml::de::Error),
    Value(Invalid),
}

fn attempt(document: &Document<'_>, user_home: &Path, is_private: bool) -> Result<Config, Mistake> {
    let mut config = Config::deserialize(Deserializer::from(document.clone())).map_err(Mistake::Type)?;
    config.expand_home(user_home);
    check::check(&config).map_err(Mistake::Value)?;
    if !is_private {
        check::no_secrets(&config).map_err(Mistake::Value)?;
    }
    Ok(config)
}

/// The path of the innermost key, value or table at a byte offset of the text.
fn locate(table: &DeTable<'_>, offset: usize) -> Option<Vec<Step>> {
    let within = |span: std::ops::Range<usize>| span.contains(&offset) || span.start == offset;
    table.iter().find_map(|(key, value)| {
        let step = Step::Key(key.get_ref().to_string());
        let inside = match value.get_ref() {
            DeValue::Table(table) => locate(table, offset),
            DeValue::Array(entries) => entries.iter().enumerate().find_map(|(at, entry)| {
                let inside = match entry.get_ref() {
                    DeValue::Table(table) => locate(table, offset),
                    _ => None,
                };
                let here = || within(entry.span()).then(Vec::new);
                inside.or_else(here).map(|rest| [vec![Step::Entry(at)], rest].concat())
            }),
            _ => None,
        };
        let here = || (within(key.span()) || within(value.span())).then(Vec::new);
        inside.or_else(here).map(|rest| [vec![step], rest].concat())
    })
}

/// A key as people write it: `notices.enabled`, `[[profiles]] #2 home`.
fn shown(path: &[Step]) -> String {
    let mut shown = String::new();
    for (at, step) in path.iter().enumerate() {
        match (step, path.get(at + 1)) {
            // lists of tables are at the top level only
            (Step::Key(key), Some(Step::Entry(entry))) if at == 0 => {
                shown = format!("[[{key}]] #{} ", entry + 1);
            }
            (Step::Key(key), Some(Step::Entry(entry))) => shown = format!("{shown}{key} #{}", entry + 1),
            (Step::Key(key), Some(_)) => shown = format!("{shown}{key}."),
            (Step::Key(key), None) => shown += key,
            (Step::Entry(_), _) => {}
        }
    }
    shown.trim_end().to_owned()
}

/// The shown key of a value. `key` counts the entries of lists in the document from which mistakes were removed; the
/// result counts them in the original.
fn in_original(original: &DeTable<'_>, offset: usize, key: &[String]) -> String {
    let steps = key.iter().map(|part| match part.parse() {
        Ok(entry) => Step::Entry(entry),
        Err(_) => Step::Key(part.clone()),
    });
    let mut path: Vec<Step> = steps.collect();
    let entries = |path: &[Step]| path.iter().position(|step| matches!(step, Step::Entry(_)));
    let found = locate(original, offset).unwrap_or_default();
    if let (Some(here), Some(there)) = (entries(&path), entries(&found)) {
        path[here] = found[there].clone();
    }
    shown(&path)
}

/// Removes what [`locate`] finds at this byte; of a list the whole entry, since half of one could mean something else.
fn remove(document: &mut DeTable<'_>, offset: usize) -> bool {
    let Some(path) = locate(document, offset) else { return false };
    remove_path(document, &path)
}

fn remove_path(table: &mut DeTable<'_>, path: &[Step]) -> bool {
    let [Step::Key(key), rest @ ..] = path else { return false };
    let Some(value) = table.get_mut(key.as_str()) else { return false };
    match (value.get_mut(), rest) {
        (DeValue::Table(inner), [_, ..]) => remove_path(inner, rest),
        (DeValue::Array(entries), [Step::Entry(at), ..]) => {
            // an array cannot lose an entry in place
            let rest = std::mem::replace(entries, DeArray::new()).into_iter().enumerate();
            *entries = rest.filter(|(index, _)| index != at).map(|(_, entry)| entry).collect();
            true
        }
        _ => table.remove(key.as_str()).is_some(),
    }
}

/// The byte offset of a key's value; of the closest enclosing table where the value is a default.
fn offset_of(document: &Document<'_>, key: &[String]) -> usize {
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
