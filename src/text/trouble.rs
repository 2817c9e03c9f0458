//! What ends a command.

use super::Phrase;

pub(crate) const NO_HOME: Phrase =
    ["the home folder is not known: set HOME", "无法确定用户主目录：请设置 HOME"];
pub(crate) const NO_RUNTIME: Phrase = ["cannot start the runtime", "无法启动运行时"];
pub(crate) const ENGINE_GONE: Phrase = ["the engine broke off", "后台意外中止"];
pub(crate) const NO_STAMPS: Phrase = [
    "{files}: no line with a time stamp: neither a recording nor a Hermes log",
    "{files}：没有带时间戳的行：既不是录制文件，也不是 Hermes 日志",
];
pub(crate) const NOT_REGULAR: Phrase = ["{file}: not a regular file", "{file}：不是普通文件"];
pub(crate) const NO_TEMPORARY: Phrase = ["no temporary folder", "无法创建临时目录"];
pub(crate) const NOT_REMOVED: Phrase = ["the demo's folder could not be removed", "无法删除演示目录"];
pub(crate) const NOT_WRITTEN: Phrase = ["the demo's folder cannot be written", "无法写入演示目录"];
pub(crate) const NO_PROGRAM: Phrase = ["where this program lies is not known", "无法确定程序自身路径"];
pub(crate) const RESTART_BROKE_OFF: Phrase = ["the restart broke off", "重启意外中断"];
pub(crate) const PAGE_NOT_WRITTEN: Phrase = ["writing the page", "写入页面"];
pub(crate) const OPEN_TO_OTHERS: Phrase = [
    "{address} can be reached from other machines: give it a token with --token-file, or listen on 127.0.0.1",
    "其他机器可以访问 {address}：请用 --token-file 指定令牌，或改为监听 127.0.0.1",
];
pub(crate) const NOT_LISTENING: Phrase = ["cannot listen on {address}: {why}", "无法监听 {address}：{why}"];
pub(crate) const HOOK_RELATIVE: Phrase =
    ["on_change: {path}: not an absolute path", "on_change：{path}：不是绝对路径"];
pub(crate) const HOOK_UNUSABLE: Phrase = ["on_change: {path}: {why}", "on_change：{path}：{why}"];
pub(crate) const NOT_A_PROGRAM: Phrase = ["not a program", "不是可执行程序"];
pub(crate) const HOOK_NOT_STARTED: Phrase =
    ["on_change: it could not be started: {why}", "on_change：无法启动：{why}"];
pub(crate) const HOOK_STATUS: Phrase =
    ["on_change: it ended with exit code {code}", "on_change：退出码为 {code}"];
pub(crate) const HOOK_SIGNAL: Phrase =
    ["on_change: signal {number} ended it", "on_change：被信号 {number} 终止"];
pub(crate) const HOOK_TIMED_OUT: Phrase =
    ["on_change: it ran longer than {limit} and was ended", "on_change：运行超过 {limit}，已被终止"];
pub(crate) const HOOK_BEHIND: Phrase =
    ["on_change: too many changes wait; this one is left out", "on_change：等待处理的变化过多，已略过这一次"];
pub(crate) const TOKEN_NO_FILE: Phrase = ["not a file", "不是文件"];
pub(crate) const TOKEN_OPEN: Phrase =
    ["others can read it: chmod 600", "其他用户可以读取它：请执行 chmod 600"];
pub(crate) const TOKEN_UNFIT: Phrase =
    ["not a token of {least} or more printable characters", "不是有效的令牌：需要至少 {least} 个可打印字符"];
