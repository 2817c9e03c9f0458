//! Phrases of `gatelight history`, shared with the report.

use super::{Code, Phrase, code};

pub(crate) const NONE_YET: Phrase = [
    "There is no history yet: it begins when Gatelight runs.",
    "还没有历史记录：Gatelight 运行后才开始记录。",
];
pub(crate) const NO_SUCH_PROFILE: Phrase =
    ["no history of a profile named {name}", "没有名为 {name} 的配置的历史记录"];
pub(crate) const SHARE: Phrase = ["green {share} of the time seen", "在可观测时间内，{share} 为绿灯"];
pub(crate) const SEEN: Phrase =
    ["seen {seen} of {window}; {unknown} unknown", "共 {window}，观测到 {seen}，未知 {unknown}"];
pub(crate) const NOT_SEEN: Phrase = ["nothing was seen in this time", "这段时间内没有任何观测"];
pub(crate) const NO_INCIDENTS: Phrase = ["no incidents", "没有故障"];
pub(crate) const INCIDENT: Phrase = ["1 incident", "1 次故障"];
pub(crate) const INCIDENTS: Phrase = ["{n} incidents", "{n} 次故障"];
pub(crate) const MTBF: Phrase = ["mean time between failures {span}", "平均故障间隔 {span}"];
pub(crate) const MTTR: Phrase = ["mean time to recovery {span}", "平均恢复时间 {span}"];
pub(crate) const CAUSES: Phrase = ["commonest causes: {list}", "最常见原因：{list}"];
pub(crate) const CAUSE_TIMES: Phrase = ["{title} ({n})", "{title}（{n} 次）"];
pub(crate) const COMMA: Phrase = [", ", "、"];
pub(crate) const RECOVERED: Phrase = ["recovered", "已恢复"];
pub(crate) const STOPPED: Phrase = ["stopped on purpose", "被主动停止"];
pub(crate) const UNSEEN: Phrase = ["end not seen", "结束时间未观测到"];
pub(crate) const ONGOING: Phrase = ["still going on", "仍在持续"];
pub(crate) const ALSO: Phrase = ["meanwhile also: {list}", "期间还有：{list}"];
pub(crate) const BEGAN: Phrase =
    ["began {time}, before Gatelight looked", "开始于 {time}，早于 Gatelight 开始观测"];
pub(crate) const RESTART_WORKED: Phrase =
    ["restarted with Gatelight: worked after {span}", "通过 Gatelight 重启：{span}后成功"];
pub(crate) const RESTART_KILLED: Phrase =
    ["restarted with Gatelight, by force: worked after {span}", "通过 Gatelight 强制重启：{span}后成功"];
pub(crate) const RESTART_FAILED: Phrase =
    ["restarted with Gatelight: failed: {why}", "通过 Gatelight 重启：失败：{why}"];
pub(crate) const RESTART_UNCLEAR: Phrase =
    ["restarted with Gatelight: cannot tell: {why}", "通过 Gatelight 重启：结果不明：{why}"];
pub(crate) const NEW_PROCESS: Phrase = ["a new process was started", "启动了新进程"];
pub(crate) const NEW_PROCESSES: Phrase = ["{n} new processes were started", "启动了 {n} 个新进程"];
pub(crate) const BY_ITSELF: Phrase = ["came back by itself", "自行恢复"];
pub(crate) const BAD_SINCE: Phrase = [
    "{text}: say a span like 30min, 24h, 7d, 12w or 1y, up to 10 years",
    "{text}：请使用 30min、24h、7d、12w、1y 这样的时间跨度，最长 10 年",
];
pub(crate) const NEWER: Code = code(
    "history.newer",
    [
        "a newer Gatelight wrote it (version {found} of the file; this one knows {known})",
        "它由更新版本的 Gatelight 写入（文件版本 {found}；本程序支持到 {known}）",
    ],
);
pub(crate) const UNREADABLE: Code =
    code("history.unreadable", ["the history cannot be read: {why}", "无法读取历史记录：{why}"]);
pub(crate) const FULL: Code =
    code("history.full", ["no room to write the history: {why}", "没有空间写入历史记录：{why}"]);
pub(crate) const LOCKED: Code =
    code("history.locked", ["the history is locked by another process", "历史记录正被另一个进程锁定"]);
pub(crate) const DATABASE: Code = code("history.database", ["the history: {why}", "历史记录：{why}"]);
pub(crate) const MISSING: Code =
    code("history.missing", ["{path}: there is no history yet", "{path}：还没有历史记录"]);
pub(crate) const IO: Code = code("history.io", ["{path}: {why}", "{path}: {why}"]);

pub(super) const CODES: &[Code] = &[NEWER, UNREADABLE, FULL, LOCKED, DATABASE, MISSING, IO];
