//! The format of the tables `resources/patterns.toml` and `resources/platforms/`.

use serde::Deserialize;

use crate::config::{ExtraPattern, SignalName};
use crate::evidence::line::Level;
use crate::health::{LinkWord, Phase, Reason, Repeats, Session};

/// One pattern of a table. The keys are documented in `resources/platforms/generic.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Line {
    pub(super) signal: Option<SignalName>,
    pub(super) word: Option<LinkWord>,
    pub(super) starts: Vec<String>,
    pub(super) contains: Vec<String>,
    pub(super) ends: Vec<String>,
    pub(super) loggers: Vec<String>,
    pub(super) level: Level,
    pub(super) code: bool,
    pub(super) codes: Vec<u64>,
    pub(super) digits: Option<usize>,
    pub(super) trace: bool,
    pub(super) raw: bool,
    pub(super) about: Vec<String>,
    pub(super) needle: Option<String>,
    pub(super) repeats: Option<RepeatsAfter>,
    pub(super) session: Option<Session>,
    pub(super) phase: Option<Phase>,
    pub(super) file: Option<String>,
    #[allow(dead_code, reason = "for readers of the table, and a test that each has one")]
    pub(super) source: String,
}

/// How soon a link that is down may log a line again: after this many seconds, or `"never"`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub(super) enum RepeatsAfter {
    Seconds(u16),
    Word(Never),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Never {
    Never,
}

impl RepeatsAfter {
    /// `line` identifies the line among those of its platform.
    pub(super) fn of(self, line: usize) -> Repeats {
        match self {
            Self::Seconds(seconds) => {
                Repeats::After { line: u16::try_from(line).unwrap_or(u16::MAX), seconds }
            }
            Self::Word(Never::Never) => Repeats::Never,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CarrierLine {
    pub(super) needle: String,
    pub(super) starts: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) speech: Vec<String>,
    pub(super) carriers: Vec<CarrierLine>,
    pub(super) lists: Vec<String>,
    pub(super) line: Vec<Line>,
}

/// The part of a platform's file that is read here; its rules are read by `health::platform`.
#[derive(Deserialize)]
pub(super) struct PlatformTable {
    pub(super) id: String,
    #[serde(default)]
    pub(super) loggers: Vec<String>,
    #[serde(default)]
    pub(super) connections: bool,
    #[serde(default)]
    pub(super) line: Vec<Line>,
    #[serde(default)]
    pub(super) entry: Vec<EntryRule>,
}

/// The meaning of an error in the state file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryRule {
    #[serde(default)]
    pub(super) code: Vec<String>,
    #[serde(default)]
    message: Vec<String>,
    /// Code and message both have to match.
    #[serde(default)]
    both: bool,
    pub(super) reason: Reason,
}

impl EntryRule {
    pub(super) fn fits(&self, code: &str, message: &str) -> bool {
        let by_code = self.code.iter().any(|known| known == code);
        let by_message = self.message.iter().any(|known| message.contains(known));
        if self.both { by_code && by_message } else { by_code || by_message }
    }
}

impl Line {
    pub(super) fn from_settings(extra: &ExtraPattern) -> Self {
        Self {
            signal: Some(extra.signal),
            starts: vec![extra.text.replace(['{', '}'], "")],
            loggers: extra.logger.iter().cloned().collect(),
            level: Level::Debug,
            source: "settings".to_owned(),
            ..Self::default()
        }
    }
}
