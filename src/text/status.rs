//! Phrases of status, watch, replay, record and logs.

use super::Phrase;

/// How long the light had been green.
pub const HELD_GREEN: Phrase = ["green had held for {held}", "绿灯此前持续了 {held}"];
/// A recording with events of the future.
pub const UNKNOWN_EVENTS: Phrase =
    ["{count} events of an unknown kind were skipped", "跳过了 {count} 条未知类型的事件"];
/// A recording whose last line is not whole.
pub const WAS_CUT: Phrase = ["the last line is cut off; it was skipped", "最后一行不完整，已跳过"];
/// A log file without a single time stamp.
pub const NO_STAMPS: Phrase = [
    "no line with a time stamp, left out (a compressed log has to be unpacked first)",
    "没有带时间戳的行，已略过（压缩过的日志需先解压）",
];
/// No profile at all.
pub const NOTHING_FOUND: Phrase =
    ["no Hermes Gateway profile found. Looked in:", "未找到任何 Hermes 网关配置。已查找："];
/// What is looked for in LaunchAgents.
pub const LOOKED_FOR_PLISTS: Phrase = ["job files that run a gateway", "运行网关的任务文件"];
/// What is looked for among systemd's units.
pub const LOOKED_FOR_UNITS: Phrase = ["units of systemd", "systemd 单元"];
/// What is looked for on disk.
pub const LOOKED_FOR_HOMES: Phrase = ["a home of Hermes", "Hermes 主目录"];
/// A name that no profile has.
pub const NO_SUCH_PROFILE: Phrase =
    ["there is no profile “{name}”; there are: {names}", "没有名为“{name}”的配置；现有：{names}"];
/// A program of the system is not here.
pub const NOT_INSTALLED: Phrase = ["{program} is not on this machine", "本机没有 {program}"];
/// Uptime of the process.
pub const UP_FOR: Phrase = ["up for {span}", "已运行 {span}"];
/// A second instance was refused.
pub const NOTE_SECOND: Phrase =
    ["a second instance was refused; the first is PID {pid}", "第二个实例被拒绝；第一个实例的 PID 为 {pid}"];
/// The log level hides recoveries.
pub const NOTE_INFO_HIDDEN: Phrase = [
    "the gateway's log level hides INFO records: a recovery cannot be seen in the log",
    "网关日志级别隐藏了 INFO 记录：日志中看不到恢复",
];
/// Messages were dropped.
pub const NOTE_DROPPED: Phrase =
    ["messages were dropped while the gateway started", "网关启动期间有消息被丢弃"];
/// No TCP connection.
pub const NOTE_NO_CONNECTION: Phrase = ["the process has no established connection", "进程没有已建立的连接"];
/// A recording began.
pub const RECORDING: Phrase = ["recording into {file}; Ctrl-C ends it", "正在录制到 {file}；按 Ctrl-C 结束"];
/// A recording ended.
pub const RECORDED: Phrase =
    ["{file} is complete; play it with gatelight replay", "{file} 已完成；可用 gatelight replay 回放"];
/// The system's log reader cannot be started.
pub const NO_SYSTEM_LOG: Phrase =
    ["the system log cannot be shown: {program}: {why}", "无法显示系统日志：{program}：{why}"];
/// A log or state file that cannot be read.
pub const NOTE_UNREADABLE: Phrase = ["cannot be read: {file}", "无法读取：{file}"];
