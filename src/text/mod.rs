//! Everything that users read, in English and Simplified Chinese; one file for each room.
//!
//! A [`Phrase`] has both languages, so neither can be missing; [`fill`] puts values into its `{names}`. A [`Message`]
//! is a code with values: it is stored, or passed on before the reader's language is known. The trait [`Worded`] turns
//! errors into messages. The texts of reasons are in [`crate::health::catalogue::CATALOGUE`]. `terms.md` lists the
//! words to use and to avoid.

pub mod agent;
pub mod channels;
mod code;
pub mod config;
pub mod demo;
pub mod desktop;
pub mod diagnose;
pub mod display;
pub mod doctor;
pub mod error;
mod fact;
pub(crate) mod help;
pub mod history;
mod io_errors;
pub mod log;
pub mod menu;
pub mod menu_bar;
mod message;
pub mod notice;
pub mod profile;
pub mod proof;
pub(crate) mod reason;
pub(crate) mod recording;
pub mod report;
pub mod restart;
pub mod silence;
pub mod status;
#[cfg(test)]
pub(crate) mod terms;
pub mod trouble;

use jiff::SignedDuration;

pub(crate) use code::{Code, code};
pub use message::{Message, Value, Worded};

/// `[English, Simplified Chinese]`.
pub type Phrase = [&'static str; 2];

/// Between a label and its text.
pub(crate) const COLON: Phrase = [": ", "："];
/// Between the entries of a list.
pub(crate) const COMMA: Phrase = [", ", "、"];

/// A text with its label, such as a name or a path: `label: text`.
pub(crate) fn labelled(lang: Lang, label: &str, text: &str) -> String {
    [label, text].join(lang.pick(COLON))
}

/// A text in both languages, with its values filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Both([String; 2]);

impl Both {
    /// A phrase with these values.
    pub fn fill(phrase: Phrase, values: &[(&str, &str)]) -> Self {
        Self(phrase.map(|text| fill(text, values)))
    }

    /// A text that is the same in every language: a name, a number, what the user wrote.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self([text.clone(), text])
    }

    /// What `make` returns for each language.
    pub fn each(make: impl FnMut(Lang) -> String) -> Self {
        Self([Lang::En, Lang::Zh].map(make))
    }

    /// A phrase with this text as the value `name`.
    #[must_use]
    pub fn within(&self, phrase: Phrase, name: &str) -> Self {
        Self::each(|lang| fill(lang.pick(phrase), &[(name, self.pick(lang))]))
    }

    /// The text in this language.
    pub fn pick(&self, lang: Lang) -> &str {
        &self.0[lang as usize]
    }
}

/// A number with its noun; `forms` are for one and for several.
pub(crate) fn counted(lang: Lang, n: usize, [one, several]: [Phrase; 2]) -> String {
    fill(lang.pick(if n == 1 { one } else { several }), &[("n", &n.to_string())])
}

impl From<Phrase> for Both {
    fn from(phrase: Phrase) -> Self {
        Self(phrase.map(str::to_owned))
    }
}

/// The languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// 简体中文.
    Zh,
}

impl Lang {
    /// The phrase in this language.
    pub const fn pick(self, phrase: Phrase) -> &'static str {
        phrase[self as usize]
    }

    /// The language of a locale name: `zh_CN.UTF-8`, `zh-Hans-CN` → Chinese; anything else → English.
    fn from_locale(locale: &str) -> Self {
        let language = locale.split(['_', '-', '.']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("zh") { Self::Zh } else { Self::En }
    }

    /// From the variables of POSIX, in its order: `LC_ALL`, `LC_MESSAGES`, `LANG`. `None`: none is set, as in a program
    /// that the Finder started.
    pub fn from_environment() -> Option<Self> {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty())
            .map(|value| Self::from_locale(&value))
    }

    /// The system's language: that of the environment, else (macOS) the first preferred one, else English.
    pub fn of_system() -> Self {
        #[cfg(target_os = "macos")]
        let preferred = preferred_language();
        #[cfg(not(target_os = "macos"))]
        let preferred = None;
        Self::from_environment().or(preferred).unwrap_or_default()
    }
}

/// The first of the user's preferred languages
/// (<https://developer.apple.com/documentation/foundation/nslocale/preferredlanguages>).
#[cfg(target_os = "macos")]
fn preferred_language() -> Option<Lang> {
    let names = objc2_foundation::NSLocale::preferredLanguages();
    names.firstObject().map(|name| Lang::from_locale(&name.to_string()))
}

/// Replaces the `{names}` of a text by their values. A name without a value stays.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let after = &rest[open + 1..];
        let Some(close) = after.find('}') else {
            out.push_str(&rest[open..]);
            return out;
        };
        match values.iter().find(|(name, _)| *name == &after[..close]) {
            Some((_, value)) => out.push_str(value),
            None => out.push_str(&rest[open..open + close + 2]),
        }
        rest = &after[close + 1..];
    }
    out.push_str(rest);
    out
}

/// The inverse of [`fill`]: the values with which `template` becomes `text`; none is empty. A name that occurs twice
/// has to have the same value.
pub(crate) fn unfill<'a>(template: &'static str, text: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let mut pieces = template.split('{');
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut found: Vec<(&'static str, &'a str)> = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let (name, literal) = piece.split_once('}')?;
        let end = match (pieces.peek(), literal) {
            (None, _) => rest.len().checked_sub(literal.len()).filter(|end| rest.is_char_boundary(*end))?,
            (Some(_), _) => rest.find(literal)?,
        };
        let value = &rest[..end];
        rest = rest[end..].strip_prefix(literal)?;
        match found.iter().find(|(known, _)| *known == name) {
            Some((_, earlier)) if *earlier != value => return None,
            Some(_) => {}
            None if value.is_empty() => return None,
            None => found.push((name, value)),
        }
    }
    rest.is_empty().then_some(found)
}

/// A time span: days with hours, or hours, minutes and seconds (`3 d 4 h`, `1 h 10 min 26 s`, `45 s`;
/// `1 小时 10 分 26 秒`). Negative spans count as zero.
pub fn duration(lang: Lang, span: SignedDuration) -> String {
    let total = span.as_secs().max(0);
    let (d, h, m, s) = (total / 86_400, total / 3_600 % 24, total / 60 % 60, total % 60);
    let names: [&str; 4] = match lang {
        Lang::En => ["d", "h", "min", "s"],
        Lang::Zh => ["天", "小时", "分", "秒"],
    };
    let values = [d, h, m, s];
    let first = values.iter().position(|v| *v > 0).unwrap_or(3);
    let last = if first == 0 { 1 } else { 3 };
    let parts: Vec<String> = (first..=last)
        .filter(|i| values[*i] > 0 || *i == first)
        .map(|i| format!("{} {}", values[i], names[i]))
        .collect();
    let words = parts.join(" ");
    // 10 分 26 秒, but 10 分钟
    if words.ends_with('分') { words + "钟" } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The `{names}` of a text, sorted.
    pub(super) fn names(text: &str) -> Vec<String> {
        let rest = text.split('{').skip(1);
        let mut names: Vec<String> =
            rest.filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect();
        names.sort();
        names
    }

    #[test]
    fn durations_read_naturally() {
        for (seconds, en, zh) in [
            (0, "0 s", "0 秒"),
            (45, "45 s", "45 秒"),
            (60, "1 min", "1 分钟"),
            (4_200, "1 h 10 min", "1 小时 10 分钟"),
            (4226, "1 h 10 min 26 s", "1 小时 10 分 26 秒"),
            (3 * 86_400 + 4 * 3_600 + 59, "3 d 4 h", "3 天 4 小时"),
        ] {
            let span = SignedDuration::from_secs(seconds);
            assert_eq!(duration(Lang::En, span), en);
            assert_eq!(duration(Lang::Zh, span), zh);
        }
    }

    #[test]
    fn fill_keeps_unknown_names() {
        assert_eq!(fill("{a} of {b}, {c", &[("a", "1"), ("b", "{a}")]), "1 of {a}, {c");
    }

    #[test]
    fn locales() {
        for (locale, lang) in [
            ("zh_CN.UTF-8", Lang::Zh),
            ("zh-Hans-CN", Lang::Zh),
            ("en_US.UTF-8", Lang::En),
            ("C", Lang::En),
            ("", Lang::En),
            ("zhu", Lang::En),
        ] {
            assert_eq!(Lang::from_locale(locale), lang, "{locale}");
        }
    }
}
