//! What went wrong, in the user's language. Where the system or a library has words of its own, they stay behind ours in
//! brackets: they are what a search engine knows.

use std::error::Error;
use std::fmt;
use std::io;

use rustix::io::Errno;

use super::{Lang, Phrase, fill};
use crate::config::ConfigError;
use crate::doctor::flow::PrepareError;
use crate::doctor::write::WriteError;
use crate::history::StoreError;
use crate::profile::files::FileError;
use crate::profile::property_list::ListError;
use crate::serve::ServeError;
use crate::supervisor::SupervisorError;

/// A phrase, and the words of the system behind it.
const WITH_ITS_WORDS: Phrase = ["{phrase} ({words})", "{phrase}（{words}）"];

/// By number, where std has no stable kind; the English ones are for errors that bring no words of their own.
const BY_NUMBER: [(Errno, Phrase); 6] = [
    (Errno::LOOP, ["too many symbolic links", "符号链接层数过多"]),
    (Errno::MFILE, ["too many open files", "打开的文件过多"]),
    (Errno::NFILE, ["too many open files in the system", "系统打开的文件过多"]),
    (Errno::IO, ["input/output error", "读写错误"]),
    (Errno::NAMETOOLONG, ["file name too long", "文件名过长"]),
    (Errno::DQUOT, ["disk quota exceeded", "磁盘配额已用尽"]),
];

/// By kind.
const BY_KIND: [(io::ErrorKind, Phrase); 25] = [
    (io::ErrorKind::NotFound, ["no such file or directory", "文件或目录不存在"]),
    (io::ErrorKind::PermissionDenied, ["permission denied", "权限不足"]),
    (io::ErrorKind::AlreadyExists, ["it exists already", "已存在"]),
    (io::ErrorKind::StorageFull, ["no space left on the disk", "磁盘空间不足"]),
    (io::ErrorKind::ReadOnlyFilesystem, ["read-only file system", "只读文件系统"]),
    (io::ErrorKind::TimedOut, ["no answer in time", "超时"]),
    (io::ErrorKind::WouldBlock, ["held by another process", "正被另一个进程占用"]),
    (io::ErrorKind::ResourceBusy, ["busy", "资源忙"]),
    (io::ErrorKind::ExecutableFileBusy, ["the program is being written", "程序正在被写入"]),
    (io::ErrorKind::NotADirectory, ["not a directory", "不是目录"]),
    (io::ErrorKind::IsADirectory, ["it is a directory", "是一个目录"]),
    (io::ErrorKind::DirectoryNotEmpty, ["the directory is not empty", "目录不为空"]),
    (io::ErrorKind::NotSeekable, ["it is not a regular file", "不是普通文件"]),
    (io::ErrorKind::FileTooLarge, ["file too large", "文件过大"]),
    (io::ErrorKind::AddrInUse, ["the address is in use", "地址已被占用"]),
    (io::ErrorKind::AddrNotAvailable, ["the address is not of this machine", "地址不可用"]),
    (io::ErrorKind::ConnectionRefused, ["connection refused", "连接被拒绝"]),
    (io::ErrorKind::ConnectionReset, ["connection reset", "连接被重置"]),
    (io::ErrorKind::BrokenPipe, ["the reader has left", "读取方已关闭"]),
    (io::ErrorKind::NotConnected, ["not connected", "未连接"]),
    (io::ErrorKind::UnexpectedEof, ["it breaks off", "内容意外中断"]),
    (io::ErrorKind::InvalidInput, ["not a valid value", "无效的值"]),
    (io::ErrorKind::InvalidData, ["not valid content", "无效的内容"]),
    (io::ErrorKind::OutOfMemory, ["out of memory", "内存不足"]),
    (io::ErrorKind::Unsupported, ["not supported here", "此处不支持"]),
];

/// An error of the system. In English its own words say it; where it has none, ours do.
pub fn io(lang: Lang, error: &io::Error) -> String {
    let number = error.raw_os_error();
    let by_number = BY_NUMBER.iter().find(|(errno, _)| number == Some(errno.raw_os_error()));
    let phrase = by_number.map(|(_, phrase)| *phrase).or_else(|| {
        let known = BY_KIND.iter().find(|(kind, _)| *kind == error.kind());
        known.map(|(_, phrase)| *phrase)
    });
    let words = error.to_string();
    match phrase {
        None => words,
        // a bare kind: std's words for it are a programmer's
        Some(phrase) if number.is_none() && error.get_ref().is_none() => lang.pick(phrase).to_owned(),
        Some(_) if lang == Lang::En => words,
        Some(phrase) => {
            // "No such file or directory (os error 2)": one pair of brackets is enough
            let words = words.replacen(" (os error ", ", os error ", 1);
            let words = words.strip_suffix(')').filter(|_| number.is_some()).unwrap_or(&words);
            fill(lang.pick(WITH_ITS_WORDS), &[("phrase", lang.pick(phrase)), ("words", words)])
        }
    }
}

/// Something that went wrong, said in both languages, and what caused it.
#[derive(Debug)]
pub struct Trouble {
    phrase: Phrase,
    values: Vec<(&'static str, String)>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Trouble {
    /// Without a cause that others told.
    pub fn new(phrase: Phrase, values: &[(&'static str, &str)]) -> Self {
        let values = values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { phrase, values, cause: None }
    }

    /// In this language, without its cause.
    pub fn text(&self, lang: Lang) -> String {
        let values: Vec<(&str, &str)> = self.values.iter().map(|(name, value)| (*name, &**value)).collect();
        fill(lang.pick(self.phrase), &values)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl Error for Trouble {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// Says what an error means for the user: as `anyhow::Context`, in both languages.
pub trait OrSay<T> {
    /// Puts this phrase before the error.
    fn or_say(self, phrase: Phrase) -> Result<T, Trouble>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> OrSay<T> for Result<T, E> {
    fn or_say(self, phrase: Phrase) -> Result<T, Trouble> {
        self.map_err(|cause| Trouble { cause: Some(cause.into()), ..Trouble::new(phrase, &[]) })
    }
}

/// An error and its causes in one line. Of what is not ours, the words stay as they are.
pub fn words(lang: Lang, error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut before = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let own = error.to_string();
        let said = one(lang, error);
        match parts.last_mut() {
            // it quoted its cause already
            Some(last) if before.contains(&own) => *last = last.replace(&own, &said),
            _ => parts.push(said),
        }
        before = own;
        next = error.source();
    }
    parts.join(lang.pick([": ", "："]))
}

fn one(lang: Lang, error: &(dyn Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // an error of ours that travelled as one of the system's
        return match error.get_ref().and_then(|inner| inner.downcast_ref::<Trouble>()) {
            Some(trouble) => trouble.text(lang),
            None => io(lang, error),
        };
    }
    if let Some(error) = error.downcast_ref::<Trouble>() {
        return error.text(lang);
    }
    if let Some(error) = error.downcast_ref::<ConfigError>() {
        return error.text(lang);
    }
    if let Some(error) = error.downcast_ref::<SupervisorError>() {
        return super::restart::error(lang, error);
    }
    if let Some(error) = error.downcast_ref::<WriteError>() {
        return error.text(lang);
    }
    if let Some(error) = error.downcast_ref::<FileError>() {
        return error.text(lang);
    }
    if let Some(error) = error.downcast_ref::<PrepareError>() {
        return format!("{}: {}", error.file().display(), error.why(lang));
    }
    if let Some(error) = error.downcast_ref::<ListError>() {
        return error.text(lang);
    }
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return error.text(lang);
    }
    if let Some(error) = error.downcast_ref::<ServeError>() {
        return error.text(lang);
    }
    error.to_string()
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
    fn what_keeps_history_and_metrics_from_working_is_told_in_both_languages() {
        let newer = anyhow::Error::from(StoreError::Newer { found: 9, known: 1 });
        assert_eq!(
            words(Lang::Zh, newer.as_ref()),
            "它由更新版本的 Gatelight 写入（文件版本 9；本程序支持到 1）"
        );
        assert!(words(Lang::En, newer.as_ref()).contains("a newer Gatelight wrote it (version 9"));
        let out = std::net::SocketAddr::from(([0, 0, 0, 0], 9789));
        let open = anyhow::Error::from(ServeError::Open(out));
        assert!(words(Lang::Zh, open.as_ref()).contains("请用 --token-file 指定令牌"));
        let taken = ServeError::Listen { address: out, source: io::Error::from_raw_os_error(98) };
        assert!(!taken.text(Lang::Zh).contains('{'), "{}", taken.text(Lang::Zh));
    }

    #[test]
    fn a_chain_is_told_once_and_in_one_language() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot watch: {0}")]
        struct Quotes(#[from] io::Error);
        let denied = || io::Error::from_raw_os_error(13);
        let quoting = Quotes(denied());
        assert_eq!(words(Lang::En, &quoting), "cannot watch: Permission denied (os error 13)");
        assert_eq!(words(Lang::Zh, &quoting), "cannot watch: 权限不足（Permission denied, os error 13）");
        let said = Err::<(), _>(denied()).or_say(["no folder", "没有目录"]).unwrap_err();
        assert_eq!(words(Lang::Zh, &said), "没有目录：权限不足（Permission denied, os error 13）");
        let above = anyhow::Error::from(said).context("/x");
        let chain: &(dyn Error + 'static) = above.as_ref();
        assert_eq!(words(Lang::En, chain), "/x: no folder: Permission denied (os error 13)");
    }
}
