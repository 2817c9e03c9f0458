//! Errors that end a command or a hook.

use super::Phrase;

pub(crate) const NO_HOME: Phrase =
    ["the home folder is unknown: set HOME", "无法确定用户主目录：请设置 HOME"];
pub(crate) const NO_RUNTIME: Phrase = ["the runtime cannot be started", "无法启动运行时"];
pub(crate) const ENGINE_GONE: Phrase = ["the engine stopped unexpectedly", "后台意外中止"];
pub(crate) const NO_STAMPS: Phrase = [
    "{files}: no line with a timestamp: neither a recording nor a Hermes log",
    "{files}：没有带时间戳的行，既不是录制文件，也不是 Hermes 日志",
];
pub(crate) const A_RECORDING: Phrase = [
    "{files}: a recording, not a log; to judge it: gatelight replay {files}",
    "{files}：这是录制文件，不是日志；如需判断，请运行：gatelight replay {files}",
];
pub(crate) const COMPRESSED: Phrase = [
    "{files}: compressed; to judge it: zcat {files} | gatelight replay -",
    "{files}：已压缩；如需判断，请运行：zcat {files} | gatelight replay -",
];
pub(crate) const NO_TEMPORARY: Phrase = ["a temporary folder cannot be created", "无法创建临时目录"];
pub(crate) const NOT_REMOVED: Phrase = ["the demo's folder could not be removed", "无法删除演示目录"];
pub(crate) const NOT_WRITTEN: Phrase = ["the demo's folder cannot be written", "无法写入演示目录"];
pub(crate) const NO_PROGRAM: Phrase = ["the path of this program is unknown", "无法确定本程序的路径"];
pub(crate) const RESTART_BROKE_OFF: Phrase = ["the restart stopped unexpectedly", "重启意外中断"];
pub(crate) const PAGE_NOT_WRITTEN: Phrase = ["the page could not be written", "无法写入页面"];
pub(crate) const NOT_PRINTED: Phrase = ["the output could not be written", "无法写入输出"];
pub(crate) const OPEN_TO_OTHERS: Phrase = [
    "{address} can be reached from other machines: require a token with --token-file, or listen on 127.0.0.1",
    "其他机器可以访问 {address}：请用 --token-file 指定令牌，或改为监听 127.0.0.1",
];
pub(crate) const NOT_LISTENING: Phrase = ["cannot listen on {address}: {why}", "无法监听 {address}：{why}"];
pub(crate) const HOOK_RELATIVE: Phrase =
    ["on_change: {path}: not an absolute path", "on_change：{path}：不是绝对路径"];
pub(crate) const HOOK_UNUSABLE: Phrase = ["on_change: {path}: {why}", "on_change：{path}：{why}"];
pub(crate) const NOT_A_PROGRAM: Phrase = ["not an executable program", "不是可执行程序"];
pub(crate) const HOOK_NOT_STARTED: Phrase =
    ["on_change: the program could not be started: {why}", "on_change：程序无法启动：{why}"];
pub(crate) const HOOK_STATUS: Phrase =
    ["on_change: the program ended with exit code {code}", "on_change：程序的退出码为 {code}"];
pub(crate) const HOOK_SIGNAL: Phrase =
    ["on_change: the program was ended by signal {number}", "on_change：程序被信号 {number} 终止"];
pub(crate) const HOOK_TIMED_OUT: Phrase = [
    "on_change: the program ran longer than {limit} and was ended",
    "on_change：程序运行超过 {limit}，已被终止",
];
pub(crate) const HOOK_BEHIND: Phrase = [
    "on_change: too many changes are waiting; this one was skipped",
    "on_change：等待处理的变化过多，已跳过这一次",
];
pub(crate) const TOKEN_NO_FILE: Phrase = ["not a file", "不是文件"];
pub(crate) const TOKEN_OPEN: Phrase =
    ["other users can read it; run chmod 600", "其他用户可以读取，请执行 chmod 600"];
pub(crate) const TOKEN_UNFIT: Phrase = [
    "not a token: it needs at least {least} printable characters",
    "不是有效的令牌：至少需要 {least} 个可打印字符",
];
