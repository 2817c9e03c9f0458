//! Phrases of `gatelight diagnose` and of the SwiftBar menu.

use super::Phrase;

/// The title.
pub const TITLE: Phrase = ["Gatelight diagnostics of {name}", "{name} 的 Gatelight 诊断信息"];
/// Below the title.
pub const NOTE: Phrase = [
    "Secrets, user names and home paths were removed; please read it once before you post it.",
    "已移除密钥、用户名和主目录路径；发布前请再检查一遍。",
];
/// Heading.
pub const VERDICT: Phrase = ["What is said", "当前判断"];
/// Heading.
pub const VERSIONS: Phrase = ["Versions and system", "版本与系统"];
/// Heading.
pub const JOB: Phrase = ["Job file", "任务文件"];
/// Heading.
pub const MANAGER: Phrase = ["What the service manager says", "服务管理器的说法"];
/// Heading.
pub const FINDINGS: Phrase = ["Findings of gatelight doctor", "gatelight doctor 的检查结果"];
/// Heading.
pub const LOG: Phrase = ["Log, merged, around {time}", "{time} 前后的合并日志"];
/// Heading of the end of Gatelight's own log.
pub const OWN_LOG: Phrase = ["Gatelight's own log", "Gatelight 自身的日志"];
/// Heading.
pub const HISTORY: Phrase = ["History, last {span}", "最近 {span}的历史"];
/// Heading.
pub const RECORDING: Phrase = ["Recording", "录制"];
/// What to do with it.
pub const ATTACH: Phrase = [
    "Please attach {path} as a file: it replays what was seen.",
    "请将 {path} 作为附件上传：它可以重放观测到的内容。",
];
/// Nothing to show.
pub const NOTHING: Phrase = ["nothing", "无"];
/// A part was too long.
pub const CUT: Phrase = ["… ({n} more lines)", "…（另有 {n} 行）"];
/// Between a field and its value.
pub const COLON: Phrase = [": ", "："];
/// A field.
pub const LIGHT: Phrase = ["Light", "灯"];
/// A field.
pub const REASON: Phrase = ["Reason", "原因"];
/// A field.
pub const SINCE: Phrase = ["Since", "开始时间"];
/// A field.
pub const EVIDENCE: Phrase = ["Evidence", "证据"];
/// A field.
pub const NOTES: Phrase = ["Also", "其他"];
/// A field.
pub const PROCESS: Phrase = ["Process", "进程"];
/// Menu entry.
pub const RESTART: Phrase = ["Restart", "重启"];
/// Menu entry.
pub const REPORT: Phrase = ["Timeline…", "时间线…"];
/// Menu entry.
pub const REFRESH: Phrase = ["Refresh", "刷新"];
/// Menu row where nothing was found.
pub const NO_PROFILES: Phrase = ["No Hermes profile found", "未找到 Hermes 配置"];
/// A refused instance.
pub const SECOND: Phrase = ["a second instance was refused", "拒绝了第二个实例"];
/// A remark.
pub const HIDDEN: Phrase = ["INFO records are hidden by the log level", "日志级别隐藏了 INFO 记录"];
/// A remark.
pub const DROPPED: Phrase = ["messages were dropped at the start", "启动时丢弃了消息"];
/// A remark.
pub const NO_CONNECTION: Phrase = ["the process has no established connection", "进程没有已建立的连接"];
