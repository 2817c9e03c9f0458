//! Errors in the user's language. The system's own words stay behind ours in brackets: they are what a search engine
//! knows.

use std::io;

use rustix::io::Errno;

use super::message::{Code, code};
use super::{Lang, Message, Phrase, Value, Worded};

/// The system's own words; in Chinese after ours.
const WITH_WORDS: Code = code("io.with-words", ["{words}", "{phrase}（{detail}）"]);

/// By number, where std has no stable kind; the English ones are for errors that bring no words of their own.
const BY_NUMBER: [(Errno, Code); 6] = [
    (Errno::LOOP, code("io.too-many-links", ["too many symbolic links", "符号链接层数过多"])),
    (Errno::MFILE, code("io.too-many-open-files", ["too many open files", "打开的文件过多"])),
    (
        Errno::NFILE,
        code(
            "io.too-many-open-files-in-the-system",
            ["too many open files in the system", "系统打开的文件过多"],
        ),
    ),
    (Errno::IO, code("io.input-output", ["input/output error", "读写错误"])),
    (Errno::NAMETOOLONG, code("io.name-too-long", ["file name too long", "文件名过长"])),
    (Errno::DQUOT, code("io.quota-exceeded", ["disk quota exceeded", "磁盘配额已用尽"])),
];

/// By kind.
const BY_KIND: [(io::ErrorKind, Code); 25] = [
    (io::ErrorKind::NotFound, code("io.not-found", ["no such file or directory", "文件或目录不存在"])),
    (io::ErrorKind::PermissionDenied, code("io.permission-denied", ["permission denied", "权限不足"])),
    (io::ErrorKind::AlreadyExists, code("io.already-exists", ["it exists already", "已存在"])),
    (io::ErrorKind::StorageFull, code("io.storage-full", ["no space left on the disk", "磁盘空间不足"])),
    (
        io::ErrorKind::ReadOnlyFilesystem,
        code("io.read-only-filesystem", ["read-only file system", "只读文件系统"]),
    ),
    (io::ErrorKind::TimedOut, code("io.timed-out", ["no answer in time", "超时"])),
    (io::ErrorKind::WouldBlock, code("io.would-block", ["held by another process", "正被另一个进程占用"])),
    (io::ErrorKind::ResourceBusy, code("io.resource-busy", ["busy", "资源忙"])),
    (
        io::ErrorKind::ExecutableFileBusy,
        code("io.executable-file-busy", ["the program is being written", "程序正在被写入"]),
    ),
    (io::ErrorKind::NotADirectory, code("io.not-a-directory", ["not a directory", "不是目录"])),
    (io::ErrorKind::IsADirectory, code("io.is-a-directory", ["it is a directory", "是一个目录"])),
    (
        io::ErrorKind::DirectoryNotEmpty,
        code("io.directory-not-empty", ["the directory is not empty", "目录不为空"]),
    ),
    (io::ErrorKind::NotSeekable, code("io.not-seekable", ["it is not a regular file", "不是普通文件"])),
    (io::ErrorKind::FileTooLarge, code("io.file-too-large", ["file too large", "文件过大"])),
    (io::ErrorKind::AddrInUse, code("io.addr-in-use", ["the address is in use", "地址已被占用"])),
    (
        io::ErrorKind::AddrNotAvailable,
        code("io.addr-not-available", ["the address is not of this machine", "地址不可用"]),
    ),
    (io::ErrorKind::ConnectionRefused, code("io.connection-refused", ["connection refused", "连接被拒绝"])),
    (io::ErrorKind::ConnectionReset, code("io.connection-reset", ["connection reset", "连接被重置"])),
    (io::ErrorKind::BrokenPipe, code("io.broken-pipe", ["the reader has left", "读取方已关闭"])),
    (io::ErrorKind::NotConnected, code("io.not-connected", ["not connected", "未连接"])),
    (io::ErrorKind::UnexpectedEof, code("io.unexpected-eof", ["it breaks off", "内容意外中断"])),
    (io::ErrorKind::InvalidInput, code("io.invalid-input", ["not a valid value", "无效的值"])),
    (io::ErrorKind::InvalidData, code("io.invalid-data", ["not valid content", "无效的内容"])),
    (io::ErrorKind::OutOfMemory, code("io.out-of-memory", ["out of memory", "内存不足"])),
    (io::ErrorKind::Unsupported, code("io.unsupported", ["not supported here", "此处不支持"])),
];

/// The codes of [`io::Error`]s.
pub(super) fn codes() -> impl Iterator<Item = Code> {
    let by_number = BY_NUMBER.iter().map(|(_, code)| *code);
    [WITH_WORDS].into_iter().chain(by_number).chain(BY_KIND.iter().map(|(_, code)| *code))
}

/// In English the system's own words, if it has some.
impl Worded for io::Error {
    fn is_broken_pipe(&self) -> bool {
        self.kind() == io::ErrorKind::BrokenPipe
    }

    fn message(&self) -> Message {
        let number = self.raw_os_error();
        let by_number = BY_NUMBER.iter().find(|(errno, _)| number == Some(errno.raw_os_error()));
        let by_kind = || BY_KIND.iter().find(|(kind, _)| *kind == self.kind()).map(|(_, code)| *code);
        let Some(code) = by_number.map(|(_, code)| *code).or_else(by_kind) else {
            return Message::verbatim(self.to_string());
        };
        if number.is_none() && self.get_ref().is_none() {
            // a bare kind: std's words for it are a programmer's
            return Message::new(code);
        }
        let words = self.to_string();
        // "No such file or directory (os error 2)": one pair of brackets is enough
        let detail = words.replacen(" (os error ", ", os error ", 1);
        let detail = detail.strip_suffix(')').filter(|_| number.is_some()).unwrap_or(&words).to_owned();
        Message::new(WITH_WORDS)
            .with("phrase", Message::new(code))
            .with("words", words)
            .with("detail", detail)
    }
}

/// An error of the system in this language.
pub fn io(lang: Lang, error: &io::Error) -> String {
    Worded::text(error, lang)
}

/// What a command or a request of the menu returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error on its way to the user, as messages: what was attempted, outermost first, then the cause. Whoever shows it
/// knows the language.
#[derive(Debug)]
pub struct Error {
    messages: Vec<Message>,
    broken_pipe: bool,
}

impl Error {
    /// In one line.
    pub fn text(&self, lang: Lang) -> String {
        let texts: Vec<String> = self.messages.iter().map(|message| message.text(lang)).collect();
        texts.join(lang.pick([": ", "："]))
    }

    /// Whether the reader of standard output has closed it.
    pub(crate) const fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    /// An error without another one behind it.
    pub(crate) fn new(phrase: Phrase, values: &[(&'static str, &str)]) -> Self {
        let message = Message::new(code("error", phrase));
        values.iter().fold(message, |message, (name, value)| message.with(name, *value)).into()
    }

    fn within(mut self, what: impl Into<Value>) -> Self {
        self.messages.insert(0, Message::verbatim(what));
        self
    }
}

impl<E: Worded> From<E> for Error {
    fn from(error: E) -> Self {
        Self { messages: vec![error.message()], broken_pipe: error.is_broken_pipe() }
    }
}

/// Says what was attempted when an error came up.
pub trait Context<T> {
    /// In words that need no translation, such as a path.
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

/// Its words are English.
impl Worded for serde_json::Error {
    fn message(&self) -> Message {
        Message::verbatim(self.to_string())
    }
}

/// Its words are English.
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
        assert_eq!([Lang::En, Lang::Zh].map(|lang| io(lang, &silent)), ["no answer in time", "超时"]);
        let told = io::Error::new(io::ErrorKind::InvalidData, "stream is odd (very)");
        assert_eq!(io(Lang::Zh, &told), "无效的内容（stream is odd (very)）");
        let odd = io::Error::other("odd");
        assert_eq!(io(Lang::Zh, &odd), "odd");
    }

    #[test]
    fn what_was_attempted_comes_before_the_cause() {
        let denied = || Err::<(), _>(io::Error::from_raw_os_error(13));
        let error = denied().context(["no folder", "没有目录"]).context("/x").unwrap_err();
        assert_eq!(error.text(Lang::En), "/x: no folder: Permission denied (os error 13)");
        assert_eq!(error.text(Lang::Zh), "/x：没有目录：权限不足（Permission denied, os error 13）");
        assert!(!error.is_broken_pipe());
        let left = Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe)).context("x").unwrap_err();
        assert!(left.is_broken_pipe());
    }

    #[test]
    fn an_error_of_our_own_is_worded_in_both_languages() {
        let error = Error::new(["no {what}", "没有 {what}"], &[("what", "file")]);
        assert_eq!([Lang::En, Lang::Zh].map(|lang| error.text(lang)), ["no file", "没有 file"]);
    }
}
