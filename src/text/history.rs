//! Phrases of `gatelight history`, shared with the report.

use super::{Code, Phrase, code};

pub(crate) const NONE_YET: Phrase = [
    "There is no history yet. Gatelight records it while it runs in the background; to start it: gatelight",
    "还没有历史记录。Gatelight 在后台运行期间才会记录；启动命令：gatelight",
];
pub(crate) const NO_SUCH_PROFILE: Phrase = [
    "there is no history of a profile “{name}”; there is one of: {names}",
    "没有 profile“{name}”的历史记录；有记录的 profile：{names}",
];
pub(crate) const SHARE: Phrase = ["green {share} of the time observed", "在观测到的时间内，{share} 为绿灯"];
pub(crate) const SEEN: Phrase =
    ["observed {seen} of {window}; unknown {unknown}", "共 {window}，观测到 {seen}，未知 {unknown}"];
pub(crate) const NOT_SEEN: Phrase = ["nothing was observed in this period", "这段时间内没有观测记录"];
pub(crate) const NO_INCIDENTS: Phrase = ["no incidents", "没有故障"];
pub(crate) const INCIDENT: Phrase = ["1 incident", "1 次故障"];
pub(crate) const INCIDENTS: Phrase = ["{n} incidents", "{n} 次故障"];
pub(crate) const MTBF: Phrase = ["mean time between failures {span}", "平均故障间隔 {span}"];
pub(crate) const MTTR: Phrase = ["mean time to recovery {span}", "平均恢复时间 {span}"];
pub(crate) const CAUSES: Phrase = ["most common causes: {list}", "最常见原因：{list}"];
pub(crate) const CAUSE_TIMES: Phrase = ["{title} ({n})", "{title}（{n} 次）"];
pub(crate) const RECOVERED: Phrase = ["recovered", "已恢复"];
pub(crate) const STOPPED: Phrase = ["stopped on purpose", "被主动停止"];
pub(crate) const UNSEEN: Phrase = ["end not observed", "未观测到何时结束"];
pub(crate) const ONGOING: Phrase = ["ongoing", "仍在持续"];
pub(crate) const ALSO: Phrase = ["also: {list}", "期间还有：{list}"];
pub(crate) const BEGAN: Phrase =
    ["began {time}, before Gatelight was watching", "{time} 开始，当时 Gatelight 尚未观测"];
pub(crate) const RESTART_WORKED: Phrase =
    ["restarted with Gatelight: worked after {span}", "通过 Gatelight 重启：{span}后成功"];
pub(crate) const RESTART_KILLED: Phrase = [
    "restarted with Gatelight, old process killed: worked after {span}",
    "通过 Gatelight 重启（强制结束旧进程）：{span}后成功",
];
pub(crate) const RESTART_FAILED: Phrase =
    ["restarted with Gatelight: failed: {why}", "通过 Gatelight 重启：失败：{why}"];
pub(crate) const RESTART_UNCLEAR: Phrase =
    ["restarted with Gatelight: outcome unknown: {why}", "通过 Gatelight 重启：结果未知：{why}"];
pub(crate) const NEW_PROCESS: Phrase = ["a new process was started", "启动了新进程"];
pub(crate) const NEW_PROCESSES: Phrase = ["{n} new processes were started", "启动了 {n} 个新进程"];
pub(crate) const BY_ITSELF: Phrase = ["recovered without a restart", "自行恢复"];
pub(crate) const BAD_SINCE: Phrase = [
    "use a time span like 30min, 24h, 7d, 12w or 1y, at most 10 years",
    "请写时间跨度，如 30min、24h、7d、12w、1y，最长 10 年",
];
pub(crate) const NEWER: Code = code(
    "history.newer",
    [
        "it was written by a newer Gatelight (file version {found}; this one supports up to {known})",
        "由更新版本的 Gatelight 写入（文件版本 {found}，本程序支持到 {known}）",
    ],
);
pub(crate) const UNREADABLE: Code =
    code("history.unreadable", ["the history cannot be read: {why}", "无法读取历史记录：{why}"]);
pub(crate) const FULL: Code =
    code("history.full", ["no space to write the history: {why}", "没有空间写入历史记录：{why}"]);
pub(crate) const LOCKED: Code =
    code("history.locked", ["the history is locked by another process", "历史记录被另一个进程锁定"]);
pub(crate) const DATABASE: Code =
    code("history.database", ["the history cannot be used: {why}", "历史记录无法使用：{why}"]);
pub(crate) const MISSING: Code =
    code("history.missing", ["{path}: there is no history yet", "{path}：还没有历史记录"]);
pub(crate) const IO: Code = code("history.io", ["{path}: {why}", "{path}：{why}"]);

pub(super) const CODES: &[Code] = &[NEWER, UNREADABLE, FULL, LOCKED, DATABASE, MISSING, IO];
