//! Phrases of status, watch, replay, record and logs.

use super::Phrase;

pub(crate) const HELD_GREEN: Phrase = ["green had held for {held}", "绿灯此前持续了 {held}"];
pub(crate) const HELD_GREEN_ASIDE: Phrase = ["  (green had held for {held})", "（绿灯此前持续了 {held}）"];
pub(crate) const AT_THE_END: Phrase = [
    "At the end: {light}, for {held}. {meaning} {advice}",
    "结束时：{light}，已持续 {held}。{meaning}{advice}",
];
pub(crate) const UNKNOWN_EVENTS: Phrase =
    ["{count} events of an unknown kind were skipped", "跳过了 {count} 条未知类型的事件"];
pub(crate) const WAS_CUT: Phrase = ["the last line is cut off; it was skipped", "最后一行不完整，已跳过"];
pub(crate) const NO_STAMPS: Phrase = [
    "no line with a time stamp, left out (a compressed log has to be unpacked first)",
    "没有带时间戳的行，已略过（压缩过的日志需先解压）",
];
pub(crate) const NOTHING_FOUND: Phrase =
    ["no Hermes Gateway profile found. Looked in:", "未找到任何 Hermes 网关配置。已查找："];
pub(crate) const LOOKED_FOR_PLISTS: Phrase = ["job files that run a gateway", "运行网关的任务文件"];
pub(crate) const LOOKED_FOR_UNITS: Phrase = ["units of systemd", "systemd 单元"];
pub(crate) const LOOKED_FOR_HOMES: Phrase = ["a home of Hermes", "Hermes 主目录"];
pub(crate) const NO_SUCH_PROFILE: Phrase =
    ["there is no profile “{name}”; there are: {names}", "没有名为“{name}”的配置；现有：{names}"];
pub(crate) const UP_FOR: Phrase = ["up for {span}", "已运行 {span}"];
pub(crate) const SERVED_BY: Phrase = ["served by {name}", "由 {name} 代为服务"];
pub(crate) const NOTE_SECOND: Phrase =
    ["a second instance was refused; the first is PID {pid}", "第二个实例被拒绝；第一个实例的 PID 为 {pid}"];
pub(crate) const NOTE_INFO_HIDDEN: Phrase = [
    "the gateway's log level hides INFO records: a recovery cannot be seen in the log",
    "网关日志级别隐藏了 INFO 记录：日志中看不到恢复",
];
pub(crate) const NOTE_DROPPED: Phrase =
    ["messages were dropped while the gateway started", "网关启动期间有消息被丢弃"];
pub(crate) const GREEN: Phrase = ["green", "绿灯"];
pub(crate) const AMBER: Phrase = ["amber", "黄灯"];
pub(crate) const RED: Phrase = ["red", "红灯"];
pub(crate) const GREY: Phrase = ["grey", "灰灯"];
pub(crate) const RECORDING: Phrase =
    ["recording into {file}; Ctrl-C ends it", "正在录制到 {file}；按 Ctrl-C 结束"];
pub(crate) const RECORDED: Phrase =
    ["{file} is complete; play it with gatelight replay", "{file} 已完成；可用 gatelight replay 回放"];
pub(crate) const NO_SYSTEM_LOG: Phrase =
    ["the system log cannot be shown: {program}: {why}", "无法显示系统日志：{program}：{why}"];
pub(crate) const NOTE_UNREADABLE: Phrase = ["cannot be read: {file}", "无法读取：{file}"];
