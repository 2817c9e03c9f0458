//! Phrases about Gatelight's own log and its workers.

use super::Phrase;

pub(crate) const INVALID_LEVELS: Phrase = [
    "{variable}={value} is not valid ({why}); the default levels are in force",
    "{variable}={value} 无效（{why}）；使用默认级别",
];
pub(crate) const PANIC_TITLE: Phrase = ["An internal error in Gatelight", "Gatelight 内部错误"];
pub(crate) const PANIC_BODY: Phrase = [
    "The part that failed is started again; lights may be grey for a moment. Please report it with the log: {path}",
    "出错的部分会重新启动；指示灯可能短暂变灰。请附上日志报告此问题：{path}",
];
