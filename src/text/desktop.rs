//! Why the desktop did not do something.

use super::Phrase;

#[cfg(not(target_os = "macos"))]
pub(crate) const NO_BUS: Phrase = ["no desktop session bus ({why})", "没有桌面会话总线（{why}）"];
#[cfg(not(target_os = "macos"))]
pub(crate) const NO_NOTIFICATION_SERVER: Phrase = ["no notification server is running", "没有运行通知服务"];
pub(crate) const NO_ANSWER: Phrase = ["no answer within {seconds} s", "{seconds} 秒内没有应答"];
pub(crate) const QUEUE_FULL: Phrase = ["too many notices are waiting", "等待发送的通知过多"];
pub(crate) const REFUSED: Phrase = ["refused: {why}", "被拒绝：{why}"];
#[cfg(target_os = "macos")]
pub(crate) const NO_BUNDLE: Phrase = ["only from Gatelight.app", "仅在 Gatelight.app 中可用"];
#[cfg(target_os = "macos")]
pub(crate) const NOT_ALLOWED: Phrase = ["not allowed in System Settings", "未在系统设置中允许"];

pub(crate) const MOVE_FIRST: Phrase =
    ["move Gatelight to Applications first", "请先将 Gatelight 移到“应用程序”文件夹"];
#[cfg(target_os = "macos")]
pub(crate) const NEEDS_13: Phrase = ["needs macOS 13 or later", "需要 macOS 13 或更高版本"];
#[cfg(not(target_os = "macos"))]
pub(crate) const NO_PATH: Phrase = ["the program's own path is unknown", "无法确定程序自身路径"];

pub(crate) const NO_OPENER: Phrase = ["{program} is not installed", "未安装 {program}"];
pub(crate) const NO_LOG: Phrase = ["{name} has no log file yet", "{name} 还没有日志文件"];
pub(crate) const NO_JOB: Phrase = ["no job file starts {name}", "没有任务文件启动 {name}"];
pub(crate) const NO_TERMINAL: Phrase =
    ["no terminal emulator was found; the command is: {command}", "未找到终端程序；命令为：{command}"];
pub(crate) const NOT_CHANGED: Phrase = ["Could not change it", "无法更改"];
pub(crate) const NOT_OPENED: Phrase = ["Could not open it", "无法打开"];
