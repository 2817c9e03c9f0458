//! What ends a command.

use super::Phrase;

/// No home folder.
pub const NO_HOME: Phrase = ["the home folder is not known: set HOME", "无法确定用户主目录：请设置 HOME"];
/// The runtime.
pub const NO_RUNTIME: Phrase = ["cannot start the runtime", "无法启动运行时"];
/// The background side of the agent is gone.
pub const ENGINE_GONE: Phrase = ["the engine broke off", "后台意外中止"];
/// A log without a time.
pub const NO_STAMPS: Phrase = [
    "{files}: no line with a time stamp: neither a recording nor a Hermes log",
    "{files}：没有带时间戳的行：既不是录制文件，也不是 Hermes 日志",
];
/// A folder or device in a file's place.
pub const NOT_REGULAR: Phrase = ["{file}: not a regular file", "{file}：不是普通文件"];
/// The demo.
pub const NO_TEMPORARY: Phrase = ["no temporary folder", "无法创建临时目录"];
/// The demo.
pub const NOT_REMOVED: Phrase = ["the demo's folder could not be removed", "无法删除演示目录"];
/// The demo.
pub const NOT_WRITTEN: Phrase = ["the demo's folder cannot be written", "无法写入演示目录"];
/// The demo.
pub const NO_PROGRAM: Phrase = ["where this program lies is not known", "无法确定程序自身路径"];
/// The demo.
pub const RESTART_BROKE_OFF: Phrase = ["the restart broke off", "重启意外中断"];
/// A page.
pub const PAGE_NOT_WRITTEN: Phrase = ["writing the page", "写入页面"];
