//! Errors of the desktop: notifications, login item, opening files.

use super::Phrase;

#[cfg(not(target_os = "macos"))]
pub(crate) const NO_BUS: Phrase = ["no D-Bus session bus ({why})", "没有 D-Bus 会话总线（{why}）"];
#[cfg(not(target_os = "macos"))]
pub(crate) const NO_NOTIFICATION_SERVER: Phrase = ["no notification server is running", "通知服务没有运行"];
pub(crate) const NO_ANSWER: Phrase = ["no answer within {seconds} s", "{seconds} 秒内没有应答"];
pub(crate) const QUEUE_FULL: Phrase = ["too many notifications are waiting", "等待发送的通知过多"];
pub(crate) const REFUSED: Phrase = ["refused: {why}", "被拒绝：{why}"];
#[cfg(target_os = "macos")]
pub(crate) const NO_BUNDLE: Phrase = ["only available in Gatelight.app", "仅在 Gatelight.app 中可用"];
#[cfg(target_os = "macos")]
pub(crate) const NOT_ALLOWED: Phrase = ["not allowed in System Settings", "未在系统设置中允许"];

pub(crate) const MOVE_FIRST: Phrase =
    ["move Gatelight to Applications first", "请先将 Gatelight 移到“应用程序”文件夹"];
#[cfg(target_os = "macos")]
pub(crate) const NEEDS_13: Phrase = ["needs macOS 13 or later", "需要 macOS 13 或更高版本"];

pub(crate) const NO_OPENER: Phrase = ["{program} is not installed", "未安装 {program}"];
pub(crate) const NO_LOG: Phrase = ["{name} has no log file yet", "{name} 还没有日志文件"];
pub(crate) const NO_JOB: Phrase = ["no job file starts {name}", "没有任务文件启动 {name}"];
pub(crate) const NO_TERMINAL: Phrase = [
    "no terminal program was found; run this command yourself: {command}",
    "未找到终端程序，请自行运行此命令：{command}",
];
pub(crate) const NOT_CHANGED: Phrase = ["The setting could not be changed", "无法更改设置"];
pub(crate) const NOT_OPENED: Phrase = ["Could not open", "无法打开"];
