//! The menu as a value.

use jiff::Timestamp;
use textwrap::core::display_width;

use crate::health::Light;
use crate::ui::UiCommand;

/// Longest label of a row with text of unknown length, in columns: a Chinese character takes two.
pub(super) const MAX_LABEL: usize = 76;
/// A text that is too long for one row is shown in at most this many.
const MAX_LINES: usize = 12;

/// The whole menu.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Menu {
    /// From top to bottom.
    pub rows: Vec<Row>,
    /// When a duration or date in it is out of date.
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

    /// A text of unknown length. If it is too long for a row, a submenu shows all of it.
    pub(super) fn bounded(key: impl Into<String>, text: &str) -> Self {
        let (key, label) = (key.into(), shortened(text, MAX_LABEL));
        if label == text {
            return Self::text(key, label);
        }
        let lines = textwrap::wrap(text, MAX_LABEL).into_iter().take(MAX_LINES);
        let lines = lines.enumerate().map(|(i, line)| Self::text(format!("{key}/{i}"), line)).collect();
        Self::submenu(key, label, lines)
    }

    pub(super) fn command(
        key: impl Into<String>,
        label: impl Into<String>,
        command: impl Into<UiCommand>,
    ) -> Self {
        Self { enabled: true, command: Some(command.into()), ..Self::text(key, label) }
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

/// The text in at most this many columns, shortened in the middle, because both ends matter most.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    if display_width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let head = fitting(text.chars(), room * 2 / 3);
    let tail: Vec<char> = fitting(text.chars().rev(), room - room * 2 / 3);
    let head: String = head.into_iter().collect();
    let tail: String = tail.into_iter().rev().collect();
    format!("{}…{}", head.trim_end(), tail.trim_start())
}

/// The first characters that fit into this many columns.
fn fitting(characters: impl Iterator<Item = char>, columns: usize) -> Vec<char> {
    let mut free = columns;
    characters
        .take_while(|c| {
            let left = free.checked_sub(display_width(c.encode_utf8(&mut [0; 4])));
            free = left.unwrap_or(0);
            left.is_some()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_shortened_text_fits_and_keeps_both_ends(text in "\\PC{0,200}", columns in 5..120usize) {
            let short = shortened(&text, columns);
            prop_assert!(display_width(&short) <= columns, "{short:?}");
            prop_assert!(short == text || short.contains('…'));
        }
    }

    #[test]
    fn long_text_is_cut_in_the_middle() {
        assert_eq!(shortened("gateway-of-the-customer-support-team", 20), "gateway-of-t…rt-team");
        assert_eq!(shortened("客服团队的网关配置文件夹", 14), "客服团队…件夹");
        assert_eq!(shortened("work", 20), "work");
    }

    #[test]
    fn the_submenu_has_the_whole_text() {
        let text = "a word ".repeat(40);
        let RowKind::Sub(lines) = Row::bounded("k", &text).kind else { panic!("a submenu") };
        let whole: Vec<&str> = lines.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(whole.join(" "), text.trim_end());
        assert!(lines.iter().all(|row| display_width(&row.label) <= MAX_LABEL));
        assert_eq!(Row::bounded("k", "short").kind, RowKind::Item);
    }
}
