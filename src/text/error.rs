//! Errors in the user's language. In Chinese the system's own message follows ours in brackets, because users search
//! for it.

use std::io;
use std::path::{Path, PathBuf};

use super::{Both, COLON, Lang, Message, Phrase, Value, Worded, code, io_errors};

/// In English the system's own message, if it has one.
impl Worded for io::Error {
    fn is_broken_pipe(&self) -> bool {
        self.kind() == io::ErrorKind::BrokenPipe
    }

    fn message(&self) -> Message {
        if let Some(detailed) = self.get_ref().and_then(|inner| inner.downcast_ref::<Detailed>()) {
            return detailed.message();
        }
        let number = self.raw_os_error();
        let Some(code) = io_errors::code_of(self) else {
            return Message::verbatim(self.to_string());
        };
        if number.is_none() && self.get_ref().is_none() {
            // a bare kind, for which std has only a programmer's text
            return Message::new(code);
        }
        let words = self.to_string();
        // "No such file or directory (os error 2)": one pair of brackets is enough
        let detail = words.replacen(" (os error ", ", os error ", 1);
        let detail = detail.strip_suffix(')').filter(|_| number.is_some()).unwrap_or(&words).to_owned();
        Message::new(io_errors::WITH_WORDS)
            .with("phrase", Message::new(code))
            .with("words", words)
            .with("detail", detail)
    }
}

/// Errors of the system that say more than their kind.
#[derive(Debug, thiserror::Error)]
enum Detailed {
    /// Something is where a folder is wanted.
    #[error("{0} is not a folder")]
    NoFolder(PathBuf),
    /// Output could not be written.
    #[error("standard output: {0}")]
    Output(io::Error),
}

impl Detailed {
    fn message(&self) -> Message {
        match self {
            Self::NoFolder(path) => {
                Message::new(io_errors::NO_FOLDER).with("path", path.display().to_string())
            }
            Self::Output(error) => Message::new(io_errors::OUTPUT).with("why", error.message()),
        }
    }
}

/// The error that `path` is where a folder is wanted.
pub(crate) fn no_folder(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotADirectory, Detailed::NoFolder(path.to_path_buf()))
}

/// The error, which occurred while writing to standard output.
pub(crate) fn of_output(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), Detailed::Output(error))
}

/// An error of the system in this language.
pub fn io(lang: Lang, error: &io::Error) -> String {
    Worded::text(error, lang)
}

/// What a command or a request of the menu returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error on its way to the user, as messages: what was attempted, outermost first, then the cause.
#[derive(Debug)]
pub struct Error {
    messages: Vec<Message>,
    broken_pipe: bool,
}

impl Error {
    /// In one line.
    pub fn text(&self, lang: Lang) -> String {
        let texts: Vec<String> = self.messages.iter().map(|message| message.text(lang)).collect();
        texts.join(lang.pick(COLON))
    }

    /// Whether the reader of standard output has closed it.
    pub(crate) const fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    /// An error without a cause.
    pub(crate) fn new(phrase: Phrase, values: &[(&'static str, &str)]) -> Self {
        let message = Message::new(code("error", phrase));
        values.iter().fold(message, |message, (name, value)| message.with(name, *value)).into()
    }

    /// The error with `clean` applied to every text.
    pub(crate) fn cleaned(self, clean: &dyn Fn(&str) -> String) -> Self {
        let messages = self.messages.into_iter().map(|message| message.cleaned(clean)).collect();
        Self { messages, ..self }
    }

    /// Adds what was attempted. A cause that begins with the same path names it already.
    fn within(mut self, what: impl Into<Value>) -> Self {
        let what = Message::verbatim(what);
        let is_named =
            |cause: &Message| cause.text(Lang::En).split(' ').next() == Some(&*what.text(Lang::En));
        if !self.messages.first().is_some_and(is_named) {
            self.messages.insert(0, what);
        }
        self
    }
}

impl<E: Worded> From<E> for Error {
    fn from(error: E) -> Self {
        Self { messages: vec![error.message()], broken_pipe: error.is_broken_pipe() }
    }
}

/// Adds what was attempted to an error.
pub trait Context<T> {
    /// As text that needs no translation, such as a path.
    fn context(self, what: impl Into<Value>) -> Result<T>;

    /// [`Self::context`], made only for an error.
    fn with_context<V: Into<Value>>(self, what: impl FnOnce() -> V) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl Into<Value>) -> Result<T> {
        self.map_err(|error| error.into().within(what))
    }

    fn with_context<V: Into<Value>>(self, what: impl FnOnce() -> V) -> Result<T> {
        self.map_err(|error| error.into().within(what()))
    }
}

/// Where, then the English message of `serde_json`. A text of one line has no line numbers.
impl Worded for serde_json::Error {
    fn message(&self) -> Message {
        let (words, line, column) = (self.to_string(), self.line().to_string(), self.column().to_string());
        let Some(words) = words.strip_suffix(&format!(" at line {line} column {column}")) else {
            return Message::verbatim(words);
        };
        let phrase = match self.line() {
            1 => ["column {column}: {words}", "第 {column} 列有误（{words}）"],
            _ => ["line {line}, column {column}: {words}", "第 {line} 行第 {column} 列有误（{words}）"],
        };
        Message::verbatim(&Both::fill(phrase, &[("words", words), ("line", &line), ("column", &column)]))
    }
}

/// Its message is English.
impl Worded for tokio::task::JoinError {
    fn message(&self) -> Message {
        Message::verbatim(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_keep_their_words() {
        for (number, zh) in [
            (2, "文件或目录不存在（No such file or directory, os error 2）"),
            (13, "权限不足（Permission denied, os error 13）"),
            (28, "磁盘空间不足（No space left on device, os error 28）"),
            (30, "只读文件系统（Read-only file system, os error 30）"),
            (5, "读写错误（Input/output error, os error 5）"),
        ] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(io(Lang::Zh, &error), zh);
            assert_eq!(io(Lang::En, &error), error.to_string());
        }
        let silent = io::Error::from(io::ErrorKind::TimedOut);
        assert_eq!([Lang::En, Lang::Zh].map(|lang| io(lang, &silent)), ["timed out", "超时"]);
        let told = io::Error::new(io::ErrorKind::InvalidData, "stream is odd (very)");
        assert_eq!(io(Lang::Zh, &told), "无效的内容（stream is odd (very)）");
        let odd = io::Error::other("odd");
        assert_eq!(io(Lang::Zh, &odd), "odd");
    }

    #[test]
    fn errors_name_the_attempt_before_the_cause() {
        let denied = || Err::<(), _>(io::Error::from_raw_os_error(13));
        let error = denied().context(["no folder", "没有目录"]).context("/x").unwrap_err();
        assert_eq!(error.text(Lang::En), "/x: no folder: Permission denied (os error 13)");
        assert_eq!(error.text(Lang::Zh), "/x：没有目录：权限不足（Permission denied, os error 13）");
        assert!(!error.is_broken_pipe());
        let left = Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe)).context("x").unwrap_err();
        assert!(left.is_broken_pipe());
    }

    #[test]
    fn a_path_is_named_once_and_json_errors_say_where() {
        let at = |path: &str| Err::<(), _>(no_folder(path.as_ref())).context("/x/y").unwrap_err();
        assert_eq!(at("/x/y").text(Lang::En), "/x/y is not a folder; move it out of the way");
        assert_eq!(at("/x").text(Lang::En), "/x/y: /x is not a folder; move it out of the way");
        for (text, en, zh) in [
            ("{\"a\": 1,}", "column 9: trailing comma", "第 9 列有误（trailing comma）"),
            ("{\n,}", "line 2, column 1: key must be a string", "第 2 行第 1 列有误（key must be a string）"),
        ] {
            let error = serde_json::from_str::<serde_json::Value>(text).unwrap_err();
            assert_eq!([Lang::En, Lang::Zh].map(|lang| Worded::text(&error, lang)), [en, zh]);
        }
    }

    #[test]
    fn an_error_of_our_own_is_worded_in_both_languages() {
        let error = Error::new(["no {what}", "没有 {what}"], &[("what", "file")]);
        assert_eq!([Lang::En, Lang::Zh].map(|lang| error.text(lang)), ["no file", "没有 file"]);
    }
}
