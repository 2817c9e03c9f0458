//! Phrases of `gatelight history`, shared with the report.

use super::Phrase;

/// Nothing was kept yet.
pub const NONE_YET: Phrase = [
    "There is no history yet: it begins when Gatelight runs.",
    "还没有历史记录：Gatelight 运行后才开始记录。",
];
/// The profile asked for has no history.
pub const NO_SUCH_PROFILE: Phrase =
    ["no history of a profile named {name}", "没有名为 {name} 的配置的历史记录"];
/// The share of green.
pub const SHARE: Phrase = ["green {share} of the time seen", "在可观测时间内，{share} 为绿灯"];
/// How much was seen.
pub const SEEN: Phrase =
    ["seen {seen} of {window}; {unknown} unknown", "共 {window}，观测到 {seen}，未知 {unknown}"];
/// Nothing was seen at all.
pub const NOT_SEEN: Phrase = ["nothing was seen in this time", "这段时间内没有任何观测"];
/// No incident.
pub const NO_INCIDENTS: Phrase = ["no incidents", "没有故障"];
/// One incident.
pub const INCIDENT: Phrase = ["1 incident", "1 次故障"];
/// Several incidents.
pub const INCIDENTS: Phrase = ["{n} incidents", "{n} 次故障"];
/// Mean time between failures.
pub const MTBF: Phrase = ["mean time between failures {span}", "平均故障间隔 {span}"];
/// Mean time to recovery.
pub const MTTR: Phrase = ["mean time to recovery {span}", "平均恢复时间 {span}"];
/// The commonest causes.
pub const CAUSES: Phrase = ["commonest causes: {list}", "最常见原因：{list}"];
/// One of them, with its number of incidents.
pub const CAUSE_TIMES: Phrase = ["{title} ({n})", "{title}（{n} 次）"];
/// Between the items of a list.
pub const COMMA: Phrase = [", ", "、"];
/// An incident's end.
pub const RECOVERED: Phrase = ["recovered", "已恢复"];
/// An incident's end.
pub const STOPPED: Phrase = ["stopped on purpose", "被主动停止"];
/// An incident's end.
pub const UNSEEN: Phrase = ["end not seen", "结束时间未观测到"];
/// An incident without an end.
pub const ONGOING: Phrase = ["still going on", "仍在持续"];
/// Other red reasons of the same incident.
pub const ALSO: Phrase = ["meanwhile also: {list}", "期间还有：{list}"];
/// It began before anybody looked.
pub const BEGAN: Phrase = ["began {time}, before Gatelight looked", "开始于 {time}，早于 Gatelight 开始观测"];
/// Gatelight restarted it with success.
pub const RESTART_WORKED: Phrase =
    ["restarted with Gatelight: worked after {span}", "通过 Gatelight 重启：{span}后成功"];
/// The same, by force.
pub const RESTART_KILLED: Phrase =
    ["restarted with Gatelight, by force: worked after {span}", "通过 Gatelight 强制重启：{span}后成功"];
/// Gatelight restarted it without success.
pub const RESTART_FAILED: Phrase =
    ["restarted with Gatelight: failed: {why}", "通过 Gatelight 重启：失败：{why}"];
/// Gatelight restarted it and cannot tell.
pub const RESTART_UNCLEAR: Phrase =
    ["restarted with Gatelight: cannot tell: {why}", "通过 Gatelight 重启：结果不明：{why}"];
/// A new process came, by whomever.
pub const NEW_PROCESS: Phrase = ["a new process was started", "启动了新进程"];
/// Several new processes came.
pub const NEW_PROCESSES: Phrase = ["{n} new processes were started", "启动了 {n} 个新进程"];
/// Nothing was done.
pub const BY_ITSELF: Phrase = ["came back by itself", "自行恢复"];
/// A span of time that cannot be read.
pub const BAD_SINCE: Phrase = [
    "{text}: say a span like 30min, 24h, 7d or 12w, up to 10 years",
    "{text}：请使用 30min、24h、7d、12w 这样的时间跨度，最长 10 年",
];
/// Why the history could not be used.
pub const NEWER: Phrase = [
    "a newer Gatelight wrote it (version {found} of the file; this one knows {known})",
    "它由更新版本的 Gatelight 写入（文件版本 {found}；本程序支持到 {known}）",
];
/// Why the history could not be used.
pub const UNREADABLE: Phrase = ["the history cannot be read: {why}", "无法读取历史记录：{why}"];
/// Why the history could not be written.
pub const FULL: Phrase = ["no room to write the history: {why}", "没有空间写入历史记录：{why}"];
/// Why the history could not be used.
pub const LOCKED: Phrase = ["the history is locked by another process", "历史记录正被另一个进程锁定"];
/// Why the history could not be used.
pub const DATABASE: Phrase = ["the history: {why}", "历史记录：{why}"];
/// There is none.
pub const MISSING: Phrase = ["{path}: there is no history yet", "{path}：还没有历史记录"];
