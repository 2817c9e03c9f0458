//! The menu as a value.

use jiff::Timestamp;

use crate::health::Light;
use crate::ui::UiCommand;

/// Longest label of a row with text of unknown length, in characters.
pub(super) const LABEL_MAX: usize = 90;

/// The whole menu.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Menu {
    /// From top to bottom.
    pub rows: Vec<Row>,
    /// When a length of time or a date in it has to be written anew.
    pub stale_at: Option<Timestamp>,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Unique in the menu, and stable as long as the row means the same.
    pub key: String,
    /// What it is.
    pub kind: RowKind,
    /// Its text. Characters that a toolkit reads as mnemonics are not escaped.
    pub label: String,
    /// Whether it can be chosen.
    pub enabled: bool,
    /// The light that it shows.
    pub light: Option<Light>,
    /// What choosing it does.
    pub command: Option<UiCommand>,
}

/// What a row is.
#[derive(Debug, Clone, PartialEq)]
pub enum RowKind {
    /// A line.
    Separator,
    /// A text.
    Item,
    /// A text that may have a check mark.
    Check(bool),
    /// A text with a submenu.
    Sub(Vec<Row>),
}

impl Menu {
    /// The command of the row with this key.
    pub fn command(&self, key: &str) -> Option<&UiCommand> {
        find(&self.rows, key)?.command.as_ref()
    }

    /// The row with this key.
    pub fn row(&self, key: &str) -> Option<&Row> {
        find(&self.rows, key)
    }
}

fn find<'a>(rows: &'a [Row], key: &str) -> Option<&'a Row> {
    rows.iter().find_map(|row| match &row.kind {
        _ if row.key == key => Some(row),
        RowKind::Sub(below) => find(below, key),
        _ => None,
    })
}

impl Row {
    /// A text that cannot be chosen.
    pub(super) fn text(key: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            kind: RowKind::Item,
            label: label.into(),
            enabled: false,
            light: None,
            command: None,
        }
    }

    pub(super) fn command(key: impl Into<String>, label: impl Into<String>, command: UiCommand) -> Self {
        Self { enabled: true, command: Some(command), ..Self::text(key, label) }
    }

    pub(super) fn check(
        key: impl Into<String>,
        label: impl Into<String>,
        on: bool,
        command: UiCommand,
    ) -> Self {
        Self { kind: RowKind::Check(on), ..Self::command(key, label, command) }
    }

    pub(super) fn submenu(key: impl Into<String>, label: impl Into<String>, rows: Vec<Self>) -> Self {
        Self { kind: RowKind::Sub(rows), enabled: true, ..Self::text(key, label) }
    }

    pub(super) fn separator(key: &str) -> Self {
        Self { kind: RowKind::Separator, ..Self::text(format!("line/{key}"), "") }
    }

    /// The row, greyed out unless `enabled`.
    #[must_use]
    pub(super) fn enabled_if(self, enabled: bool) -> Self {
        Self { enabled, command: self.command.filter(|_| enabled), ..self }
    }
}

/// The key of one of a profile's rows; the divider cannot occur in a profile's name.
pub(super) fn key(profile: &str, word: &str) -> String {
    format!("{profile}\u{1f}{word}")
}

/// The label, cut to [`LABEL_MAX`] characters.
pub(super) fn cut(label: &str) -> String {
    match label.char_indices().nth(LABEL_MAX) {
        None => label.to_owned(),
        Some((end, _)) => format!("{}…", label[..end].trim_end()),
    }
}
