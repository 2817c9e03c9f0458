//! Phrases of the report page.

use super::Phrase;

pub(crate) const TITLE: Phrase = ["Gatelight: what happened", "Gatelight：运行情况"];
pub(crate) const TITLE_LOGS: Phrase = ["Gatelight: what the logs show", "Gatelight：日志复盘"];
pub(crate) const MADE: Phrase = [
    "Created {time} by Gatelight {version}. Times are local ({zone}).",
    "由 Gatelight {version} 生成于 {time}。时间为本地时间（{zone}）。",
];
pub(crate) const MADE_LOGS: Phrase = [
    "Created from old logs by Gatelight {version}; they end {time}. Times are local ({zone}). Logs show less than watching does: often neither why a process ended nor whether one was running.",
    "由 Gatelight {version} 根据旧日志生成，日志截至 {time}。时间为本地时间（{zone}）。日志提供的信息少于实时观测：进程为何退出、是否在运行，日志中往往没有记录。",
];
pub(crate) const SUMMARY: Phrase = [
    "At the end: {lights}. In the last {span}: {incidents}.",
    "最后状态：{lights}。最近 {span}：{incidents}。",
];
pub(crate) const COUNT_UNKNOWN: Phrase = ["{n} unknown", "{n} 个未知"];
pub(crate) const MEANINGS: Phrase = ["What the causes mean", "原因说明"];
pub(crate) const LEGEND: Phrase = ["How to read the strips", "图例"];
pub(crate) const GREEN: Phrase = ["green: works", "绿灯：正常"];
pub(crate) const AMBER: Phrase =
    ["amber: starting, reconnecting or unsupervised", "黄灯：正在启动、重连，或未托管"];
pub(crate) const RED: Phrase = ["red: does not work", "红灯：不可用"];
pub(crate) const GREY: Phrase = ["grey: stopped on purpose", "灰灯：已主动停止"];
pub(crate) const UNKNOWN: Phrase = ["unknown: Gatelight was not watching", "未知：Gatelight 未观测"];
pub(crate) const STARTED: Phrase = ["a process started", "进程启动"];
pub(crate) const ENDED: Phrase = ["a process ended", "进程退出"];
pub(crate) const WORST: Phrase = [
    "Where a strip is too narrow to show every state, it shows the worst.",
    "条带宽度不足以显示全部状态时，只显示其中最差的状态。",
];
pub(crate) const LAST_DAY: Phrase = ["Last 24 hours", "最近 24 小时"];
pub(crate) const LAST_WEEK: Phrase = ["Last 7 days", "最近 7 天"];
pub(crate) const LAST_QUARTER: Phrase = ["Last 90 days", "最近 90 天"];
pub(crate) const PERIOD: Phrase = ["Period", "时段"];
pub(crate) const GREEN_SHARE: Phrase = ["Green", "绿灯占比"];
pub(crate) const NOT_SEEN: Phrase = ["Not observed", "未观测"];
pub(crate) const INCIDENTS: Phrase = ["Incidents", "故障次数"];
pub(crate) const MTBF: Phrase = ["Between failures", "平均故障间隔"];
pub(crate) const MTTR: Phrase = ["To recover", "平均恢复时间"];
pub(crate) const CAUSES: Phrase = ["Most common causes", "最常见原因"];
pub(crate) const FIGURES_OF: Phrase = ["Figures of {name}", "{name} 的统计"];
pub(crate) const INCIDENTS_OF: Phrase = ["Incidents of {name}, newest first", "{name} 的故障（最新在前）"];
pub(crate) const NO_INCIDENTS_OF: Phrase =
    ["No incidents of {name} in the last {span}.", "最近 {span}内 {name} 没有故障。"];
pub(crate) const MORE: Phrase = ["{n} older incidents are not listed.", "另有 {n} 次更早的故障未列出。"];
pub(crate) const BEGAN: Phrase = ["Began", "开始"];
pub(crate) const LENGTH: Phrase = ["Duration", "时长"];
pub(crate) const CAUSE: Phrase = ["Cause", "原因"];
pub(crate) const EVIDENCE: Phrase = ["Evidence", "依据"];
pub(crate) const DONE: Phrase = ["Action", "处理情况"];
pub(crate) const NO_VALUE: Phrase = ["–", "–"];
pub(crate) const STRIP: Phrase = [
    "{period}: green {green}, amber {amber}, red {red}, grey {grey}, unknown {unknown}. {incidents}.",
    "{period}：绿灯 {green}，黄灯 {amber}，红灯 {red}，灰灯 {grey}，未知 {unknown}。{incidents}。",
];
pub(crate) const STRIP_OF: Phrase = ["{name}, {period}", "{name}，{period}"];
pub(crate) const SHARE_OF: Phrase =
    ["green {share} of the {seen} observed", "观测到 {seen}，其中 {share} 为绿灯"];
pub(crate) const UNKNOWN_SHORT: Phrase = ["unknown", "未知"];
pub(crate) const FOOT: Phrase = [
    "This page loads nothing from the network. Secrets were removed from the evidence; check it before you share it.",
    "本页面不加载任何网络资源。日志依据中的密钥已移除，转发前请先检查。",
];
pub(crate) const TAKEN_FOR: Phrase = ["Profile {name}: {files}", "profile {name}：{files}"];
pub(crate) const WRITTEN: Phrase = ["Wrote {path}", "已写入 {path}"];
pub(crate) const OVERVIEW: Phrase = ["All profiles", "全部 profile"];
pub(crate) const PROFILE: Phrase = ["Profile", "Profile"];
pub(crate) const AT_THE_END: Phrase = ["Final state", "最后状态"];
pub(crate) const DAY: Phrase = ["Green, 24 h", "24 小时绿灯"];
pub(crate) const WEEK: Phrase = ["Green, 7 d", "7 天绿灯"];
pub(crate) const QUARTER: Phrase = ["Green, 90 d", "90 天绿灯"];
pub(crate) const NO_REGULAR_FILE: Phrase = [
    "{path} is not a regular file; choose another file with --out",
    "{path} 不是普通文件：请用 --out 指定其他文件",
];
pub(crate) const NOT_A_PAGE: Phrase = [
    "{path} exists and is not a Gatelight report; --force replaces it",
    "{path} 已存在且不是 Gatelight 的报告；使用 --force 可强制替换",
];
