//! The texts of errors of the system.

use std::io;

use rustix::io::Errno;

use super::code::{Code, code};

/// The system's own message; in Chinese after ours.
pub(super) const WITH_WORDS: Code = code("io.with-words", ["{words}", "{phrase}（{detail}）"]);

/// By number, where std has no stable kind; the English ones are for errors without a message.
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

/// By the stable kinds of std.
const BY_KIND: [(io::ErrorKind, Code); 25] = [
    (io::ErrorKind::NotFound, code("io.not-found", ["no such file or directory", "文件或目录不存在"])),
    (io::ErrorKind::PermissionDenied, code("io.permission-denied", ["permission denied", "权限不足"])),
    (io::ErrorKind::AlreadyExists, code("io.already-exists", ["it already exists", "已存在"])),
    (io::ErrorKind::StorageFull, code("io.storage-full", ["no space left on the disk", "磁盘空间不足"])),
    (
        io::ErrorKind::ReadOnlyFilesystem,
        code("io.read-only-filesystem", ["read-only file system", "只读文件系统"]),
    ),
    (io::ErrorKind::TimedOut, code("io.timed-out", ["timed out", "超时"])),
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
        code("io.addr-not-available", ["the address does not belong to this machine", "地址不属于本机"]),
    ),
    (io::ErrorKind::ConnectionRefused, code("io.connection-refused", ["connection refused", "连接被拒绝"])),
    (io::ErrorKind::ConnectionReset, code("io.connection-reset", ["connection reset", "连接被重置"])),
    (io::ErrorKind::BrokenPipe, code("io.broken-pipe", ["the reader closed the pipe", "读取方已关闭管道"])),
    (io::ErrorKind::NotConnected, code("io.not-connected", ["not connected", "未连接"])),
    (io::ErrorKind::UnexpectedEof, code("io.unexpected-eof", ["unexpected end of the data", "数据意外中断"])),
    (io::ErrorKind::InvalidInput, code("io.invalid-input", ["not a valid value", "无效的值"])),
    (io::ErrorKind::InvalidData, code("io.invalid-data", ["not valid content", "无效的内容"])),
    (io::ErrorKind::OutOfMemory, code("io.out-of-memory", ["out of memory", "内存不足"])),
    (io::ErrorKind::Unsupported, code("io.unsupported", ["not supported here", "此处不支持"])),
];

pub(super) const NO_FOLDER: Code =
    code("io.no-folder", ["{path} is not a folder; move it out of the way", "{path} 不是目录，请将它移走"]);
pub(super) const OUTPUT: Code = code("io.output", ["standard output: {why}", "标准输出：{why}"]);

/// The codes of [`io::Error`]s.
pub(super) fn codes() -> impl Iterator<Item = Code> {
    let by_number = BY_NUMBER.iter().map(|(_, code)| *code);
    [WITH_WORDS, NO_FOLDER, OUTPUT].into_iter().chain(by_number).chain(BY_KIND.iter().map(|(_, code)| *code))
}

/// The code of an error; `None` if only its own message is known.
pub(super) fn code_of(error: &io::Error) -> Option<Code> {
    let number = error.raw_os_error();
    let by_number = BY_NUMBER.iter().find(|(errno, _)| number == Some(errno.raw_os_error()));
    let by_kind = || BY_KIND.iter().find(|(kind, _)| *kind == error.kind()).map(|(_, code)| *code);
    by_number.map(|(_, code)| *code).or_else(by_kind)
}
