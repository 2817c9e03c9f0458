//! Phrases of status, watch, replay, record and logs.

use super::{Lang, Phrase, fill};
use crate::health::{HermesVersion, Light};

pub(crate) const HELD_GREEN: Phrase = ["was green for {held}", "此前绿灯持续 {held}"];
pub(crate) const HELD_GREEN_ASIDE: Phrase = ["  (was green for {held})", "（此前绿灯持续 {held}）"];
pub(crate) const AT_THE_END: Phrase = [
    "At the end: {light}, for {held}. {meaning} {advice}",
    "结束时：{light}，已持续 {held}。{meaning}{advice}",
];
pub(crate) const NO_EVIDENCE: Phrase = [
    "No evidence: nothing in it is about a gateway or its links.",
    "没有依据：其中没有关于网关或其连接的内容。",
];
pub(crate) const UNKNOWN_EVENTS: Phrase =
    ["{count} events of unknown kinds were skipped", "跳过了 {count} 条未知类型的事件"];
pub(crate) const WAS_CUT: Phrase = ["the last line is incomplete; it was skipped", "最后一行不完整，已跳过"];
pub(crate) const NO_STAMPS: Phrase = [
    "no line with a timestamp, skipped (decompress a compressed log first)",
    "没有带时间戳的行，已跳过（压缩的日志需先解压）",
];
pub(crate) const NOTHING_FOUND: Phrase =
    ["no Hermes Gateway profile found. Searched:", "未找到 Hermes Gateway profile。已查找："];
pub(crate) const WHAT_NEXT: Phrase = ["What to do next:", "接下来可以："];
/// Commands for a user who has no profile yet, and what each does.
pub(crate) const NEXT_STEPS: [(&str, Phrase); 3] = [
    ("hermes gateway install", ["install the service of your Hermes gateway", "安装 Hermes 网关的服务"]),
    (
        "gatelight config init",
        ["create a settings file, to name a home elsewhere", "生成设置文件，可添加其他位置的主目录"],
    ),
    ("gatelight demo", ["see how Gatelight works, without Hermes", "查看演示，无需 Hermes"]),
];
pub(crate) const WHICH_PROFILE: Phrase =
    ["which profile? There are: {names}", "请指定 profile；现有：{names}"];
pub(crate) const BETWEEN_SENTENCES: Phrase = [" ", ""];
pub(crate) const SUM: Phrase = ["{counts}.", "{counts}。"];
pub(crate) const COUNT_RED: Phrase = ["{n} red", "{n} 个红灯"];
pub(crate) const COUNT_AMBER: Phrase = ["{n} amber", "{n} 个黄灯"];
pub(crate) const COUNT_GREY: Phrase = ["{n} grey", "{n} 个灰灯"];
pub(crate) const COUNT_GREEN: Phrase = ["{n} green", "{n} 个绿灯"];
pub(crate) const NEXT_RESTART: Phrase = ["Restart: {command}", "重启：{command}"];
pub(crate) const NEXT_REPAIR: Phrase = ["Fix the job file: {command}", "修复任务文件：{command}"];
pub(crate) const NEXT_LOGS: Phrase = ["Read the log: {command}", "查看日志：{command}"];
pub(crate) const NEXT_WATCH: Phrase = ["Follow what happens: {command}", "持续查看：{command}"];
pub(crate) const NEXT_DIAGNOSE: Phrase = ["See what was read: {command}", "查看读到了什么：{command}"];
pub(crate) const LOOKED_FOR_PLISTS: Phrase = ["job files that start a gateway", "启动网关的任务文件"];
pub(crate) const LOOKED_FOR_UNITS: Phrase = ["systemd units", "systemd 单元"];
pub(crate) const LOOKED_FOR_HOMES: Phrase = ["Hermes home", "Hermes 主目录"];
pub(crate) const LOOKED_FOR_PROFILES: Phrase = ["homes of named profiles", "其他 profile 的主目录"];
pub(crate) const NO_SUCH_PROFILE: Phrase =
    ["there is no profile “{name}”; there are: {names}", "没有 profile“{name}”；现有：{names}"];
pub(crate) const AGENT: Phrase = [
    "Gatelight {version} is running in the background for {span} (PID {pid}).",
    "Gatelight {version} 在后台运行，已运行 {span}（PID {pid}）。",
];
pub(crate) const NO_AGENT: Phrase =
    ["Gatelight is not running in the background: no notifications.", "Gatelight 没有在后台运行：不会通知。"];
pub(crate) const UNSEEN: Phrase =
    [" Not observed in the last 24 hours: {span}.", "过去 24 小时中未观测的时间：{span}。"];
const HERMES: Phrase = ["Hermes {version}", "Hermes {version}"];
const HERMES_ON_DISK: Phrase = ["Hermes {version} on the disk", "磁盘上的 Hermes {version}"];
pub(crate) const UP_FOR: Phrase = ["up for {span}", "已运行 {span}"];
pub(crate) const SERVED_BY: Phrase = ["served by {name}", "由 {name} 提供服务"];
pub(crate) const NOTE_SECOND: Phrase = [
    "a second instance was refused; the first is PID {pid}",
    "第二个实例被拒绝启动；第一个实例的 PID 为 {pid}",
];
pub(crate) const NOTE_SECOND_OF: Phrase = [
    "a second instance was refused; the first, PID {pid}, is the gateway of profile {name}",
    "第二个实例被拒绝启动；第一个实例（PID {pid}）是 profile {name} 的网关",
];
pub(crate) const NOTE_INFO_HIDDEN: Phrase = [
    "the gateway's log level hides INFO records: a recovery cannot be seen in the log",
    "网关的日志级别隐藏了 INFO 记录：日志中看不到恢复",
];
pub(crate) const NOTE_DROPPED: Phrase =
    ["messages were dropped while the gateway started", "网关启动期间有消息被丢弃"];
pub(crate) const GREEN: Phrase = ["green", "绿灯"];
pub(crate) const AMBER: Phrase = ["amber", "黄灯"];
pub(crate) const RED: Phrase = ["red", "红灯"];
pub(crate) const GREY: Phrase = ["grey", "灰灯"];

/// The word for a light.
pub(crate) const fn light(light: Light) -> Phrase {
    match light {
        Light::Green => GREEN,
        Light::Amber => AMBER,
        Light::Red => RED,
        Light::Grey => GREY,
    }
}

pub(crate) const RECORDING: Phrase =
    ["recording to {file}; press Ctrl-C to stop", "正在录制到 {file}；按 Ctrl-C 结束"];
pub(crate) const RECORDING_EXISTS: Phrase = [
    "{file} already exists and is not overwritten; choose another name",
    "{file} 已存在，不会覆盖；请换一个文件名",
];
pub(crate) const RECORDED: Phrase =
    ["{file} is complete; replay it with gatelight replay", "{file} 已完成；可用 gatelight replay 回放"];
pub(crate) const STANDARD_INPUT: Phrase = ["standard input", "标准输入"];
pub(crate) const NO_LINES: Phrase = ["there are no log lines yet in {folder}", "{folder} 中还没有日志"];
pub(crate) const NO_SYSTEM_LOG: Phrase =
    ["the system log cannot be shown: {program}: {why}", "无法显示系统日志：{program}：{why}"];
pub(crate) const LOG_UNREADABLE: Phrase = ["a log cannot be read: {why}", "日志无法读取：{why}"];

/// The version of Hermes that the process runs, or that is installed.
pub(crate) fn hermes(version: &HermesVersion, lang: Lang) -> String {
    let phrase = if version.running { HERMES } else { HERMES_ON_DISK };
    fill(lang.pick(phrase), &[("version", &version.text)])
}
