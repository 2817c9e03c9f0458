//! Phrases about Gatelight's own log and its workers.

use super::Phrase;

pub(crate) const INVALID_LEVELS: Phrase = [
    "{variable}={value} is not valid ({why}); the default levels are used",
    "{variable}={value} 无效（{why}），已改用默认级别",
];
pub(crate) const PANIC_TITLE: Phrase = ["Internal error in Gatelight", "Gatelight 内部错误"];
pub(crate) const PANIC_BODY: Phrase = [
    "The failed part is being restarted; lights may be grey for a moment. Please report this with the log: {path}",
    "出错的部分正在重新启动，状态灯可能短暂变灰。请附上日志报告此问题：{path}",
];
