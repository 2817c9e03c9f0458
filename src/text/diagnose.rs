//! Phrases of `gatelight diagnose` and of the SwiftBar menu.

use super::Phrase;

pub(crate) const TITLE: Phrase = ["Gatelight diagnostics of {name}", "{name} 的 Gatelight 诊断信息"];
pub(crate) const NOTE: Phrase = [
    "Secrets, user names and home paths were removed. Please check the text before you post it.",
    "密钥、用户名和主目录路径已移除。发布前请再检查一遍。",
];
pub(crate) const VERDICT: Phrase = ["Verdict", "当前判断"];
pub(crate) const VERSIONS: Phrase = ["Versions and system", "版本与系统"];
pub(crate) const JOB: Phrase = ["Job file", "任务文件"];
pub(crate) const MANAGER: Phrase = ["Service manager", "服务管理器"];
pub(crate) const FINDINGS: Phrase = ["Findings of gatelight doctor", "gatelight doctor 的检查结果"];
pub(crate) const LOG: Phrase = ["Merged log around {time}", "{time} 前后的合并日志"];
pub(crate) const OWN_LOG: Phrase = ["Log of Gatelight", "Gatelight 的日志"];
pub(crate) const HISTORY: Phrase = ["History of the last {span}", "最近 {span}的历史记录"];
pub(crate) const RECORDING: Phrase = ["Recording", "录制"];
pub(crate) const ATTACH: Phrase =
    ["Please attach the file {path}. It can be replayed.", "请将 {path} 作为附件上传，它可供回放。"];
pub(crate) const PID: Phrase = ["PID", "PID"];
pub(crate) const RUNS: Phrase = ["starts", "启动次数"];
pub(crate) const LAST_EXIT: Phrase = ["last exit code", "上次退出码"];
pub(crate) const LAST_SIGNAL: Phrase = ["last run ended by signal", "上次被信号终止"];
pub(crate) const EXIT_REASON: Phrase = ["last exit reason", "上次退出原因"];
pub(crate) const SPAWN_FAILED: Phrase = ["the program could not be started", "程序无法启动"];
pub(crate) const KEEPS_ALIVE: Phrase = ["restarted after this exit", "此次退出后自动重启"];
pub(crate) const DOMAIN: Phrase = ["domain", "domain"];
pub(crate) const EXIT_TIMEOUT: Phrase = ["time between SIGTERM and SIGKILL", "SIGTERM 到 SIGKILL 的间隔"];
pub(crate) const YES: Phrase = ["yes", "是"];
pub(crate) const NO: Phrase = ["no", "否"];
pub(crate) const NOTHING: Phrase = ["nothing", "无"];
pub(crate) const CUT: Phrase = ["… ({n} more lines)", "…（另有 {n} 行）"];
pub(crate) const LIGHT: Phrase = ["Light", "状态灯"];
pub(crate) const REASON: Phrase = ["Reason", "原因"];
pub(crate) const SINCE: Phrase = ["Since", "开始时间"];
pub(crate) const EVIDENCE: Phrase = ["Evidence", "依据"];
pub(crate) const NOTES: Phrase = ["Also", "其他"];
pub(crate) const PROCESS: Phrase = ["Process", "进程"];
pub(crate) const REPORTS: Phrase = ["Related issues", "相关 issue"];
pub(crate) const RESTART: Phrase = ["Restart", "重启"];
pub(crate) const REPORT: Phrase = ["Timeline…", "时间线…"];
pub(crate) const REFRESH: Phrase = ["Refresh", "刷新"];
pub(crate) const NO_PROFILES: Phrase = ["No Hermes profile found", "未找到 Hermes profile"];
pub(crate) const SECOND: Phrase = ["a second instance was refused", "第二个实例被拒绝启动"];
pub(crate) const HIDDEN: Phrase = ["the log level hides INFO records", "日志级别隐藏了 INFO 记录"];
pub(crate) const DROPPED: Phrase = ["messages were dropped during the start", "启动期间有消息被丢弃"];
