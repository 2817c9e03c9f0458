//! Messages: a code and its values, rendered in a language only where they are read. They are what is stored and passed
//! between processes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::code::{Code, code};
use super::{
    Both, Lang, Phrase, channels, duration, fact, fill, history, io_errors, profile, reason, restart,
};
use crate::health::{Reason, Verdict};
use crate::order::Collect as _;

/// Every code that a stored message may have.
fn codes() -> impl Iterator<Item = Code> {
    let own = [VERBATIM].into_iter();
    own.chain(restart::CODES.iter().copied())
        .chain(io_errors::codes())
        .chain(history::CODES.iter().copied())
        .chain(profile::CODES.iter().copied())
        .chain(channels::CODES.iter().copied())
        .chain(fact::CODES.iter().copied())
}

/// Text of another program, or of Gatelight before it had codes.
const VERBATIM: Code = code("verbatim", ["{words}", "{words}"]);

/// A code with its values. As JSON one object: `{"code": "…", "name": value, …}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    code: Cow<'static, str>,
    #[serde(flatten)]
    values: BTreeMap<Cow<'static, str>, Value>,
    /// The phrase of the code; `None` for a message that was read from storage.
    #[serde(skip)]
    phrase: Option<Phrase>,
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code && self.values == other.values
    }
}

impl Eq for Message {}

/// A value of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// The same in every language: a number, a name, the text of another program.
    Text(String),
    /// A time span, to the millisecond.
    Span {
        /// Its length.
        milliseconds: i64,
    },
    /// The title of a reason.
    Reason {
        /// The reason.
        reason: Reason,
        /// The platform that it is about, by its id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        platform: Option<String>,
    },
    /// A text in both languages.
    Both {
        /// English.
        en: String,
        /// Simplified Chinese.
        zh: String,
    },
    /// Another message.
    Message(Message),
}

/// An error or an outcome that has a text for users.
pub trait Worded {
    /// The code and the values.
    fn message(&self) -> Message;

    /// Whether a pipe was closed by its reader, which is not reported.
    fn is_broken_pipe(&self) -> bool {
        false
    }

    /// The text in this language.
    fn text(&self, lang: Lang) -> String {
        self.message().text(lang)
    }
}

impl Message {
    /// A message without values.
    pub fn new(code: Code) -> Self {
        Self { code: Cow::Borrowed(code.id), values: BTreeMap::new(), phrase: Some(code.phrase) }
    }

    /// Text without a code.
    pub fn verbatim(words: impl Into<Value>) -> Self {
        Self::new(VERBATIM).with("words", words)
    }

    /// With a value for `{name}`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.values.insert(Cow::Borrowed(name), value.into());
        self
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The text in this language. Of an unknown code (of a newer version), the code and its values.
    pub fn text(&self, lang: Lang) -> String {
        let values: Vec<(&str, String)> =
            self.values.iter().map(|(name, value)| (&**name, value.text(lang))).collect();
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, &**value)).collect();
        let stored = || codes().find(|code| code.id == self.code).map(|code| code.phrase);
        match self.phrase.or_else(stored) {
            Some(phrase) => fill(lang.pick(phrase), &values),
            None => values.iter().fold(self.code.clone().into_owned(), |text, (_, value)| text + " " + value),
        }
    }

    /// The message with `clean` applied to every text.
    #[must_use]
    pub fn cleaned(mut self, clean: &dyn Fn(&str) -> String) -> Self {
        let values = std::mem::take(&mut self.values).into_iter().map(|(name, value)| {
            let value = match value {
                Value::Text(text) => Value::Text(clean(&text)),
                Value::Both { en, zh } => Value::Both { en: clean(&en), zh: clean(&zh) },
                Value::Message(message) => Value::Message(message.cleaned(clean)),
                other @ (Value::Span { .. } | Value::Reason { .. }) => other,
            };
            (name, value)
        });
        Self { values: values.to_map(), ..self }
    }
}

impl Value {
    fn text(&self, lang: Lang) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Span { milliseconds } => duration(lang, SignedDuration::from_millis(*milliseconds)),
            Self::Reason { reason, platform } => reason::title(lang, *reason, platform.as_deref()),
            Self::Both { en, zh } => if lang == Lang::En { en } else { zh }.clone(),
            Self::Message(message) => message.text(lang),
        }
    }
}

impl Worded for Message {
    fn message(&self) -> Message {
        self.clone()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Text(number.to_string())
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Text(number.to_string())
    }
}

impl From<&std::path::Path> for Value {
    fn from(path: &std::path::Path) -> Self {
        Self::Text(path.display().to_string())
    }
}

impl From<SignedDuration> for Value {
    fn from(span: SignedDuration) -> Self {
        Self::Span { milliseconds: i64::try_from(span.as_millis()).unwrap_or(i64::MAX) }
    }
}

impl From<Reason> for Value {
    fn from(reason: Reason) -> Self {
        Self::Reason { reason, platform: None }
    }
}

/// The title of its reason.
impl From<&Verdict> for Value {
    fn from(verdict: &Verdict) -> Self {
        let platform = verdict.platform.as_deref().map(str::to_owned);
        Self::Reason { reason: verdict.reason, platform }
    }
}

impl From<&Both> for Value {
    fn from(both: &Both) -> Self {
        let [en, zh] = [Lang::En, Lang::Zh].map(|lang| both.pick(lang).to_owned());
        Self::Both { en, zh }
    }
}

impl From<Phrase> for Value {
    fn from([en, zh]: Phrase) -> Self {
        Self::Both { en: en.to_owned(), zh: zh.to_owned() }
    }
}

impl From<Message> for Value {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_their_phrases_name_the_same_values() {
        let all: Vec<Code> = codes().collect();
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| other.id != one.id), "{}", one.id);
            // in English the system's text replaces ours
            if one.id != "io.with-words" {
                let [en, zh] = one.phrase.map(super::super::tests::names);
                assert_eq!(en, zh, "{}", one.id);
            }
        }
    }

    #[test]
    fn a_message_survives_storage_and_is_worded_afterwards() {
        let inner = Message::new(VERBATIM).with("words", Reason::Starting);
        let limit = SignedDuration::from_secs(75);
        let message = Message::new(restart::NO_PROOF).with("limit", limit).with("seen", inner);
        let stored = serde_json::to_string(&message).unwrap();
        let read: Message = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, message);
        assert_eq!(read.text(Lang::En), "the link was not confirmed within 1 min 15 s; last state: starting");
        assert_eq!(read.text(Lang::Zh), "1 分 15 秒内未能确认连接；最后状态：正在启动");
    }

    #[test]
    fn a_code_of_a_newer_version_keeps_its_values() {
        let newer: Message = serde_json::from_str(r#"{"code": "future", "path": "/x"}"#).unwrap();
        assert_eq!(newer.text(Lang::Zh), "future /x");
    }

    #[test]
    fn every_text_is_cleaned() {
        let inner = Message::verbatim("secret");
        let message = Message::new(VERBATIM).with("words", inner).cleaned(&|_| "clean".to_owned());
        assert_eq!(message.text(Lang::En), "clean");
    }
}
