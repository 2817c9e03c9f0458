//! Phrases of the demo.

use super::Phrase;

pub(crate) const INTRO: Phrase = [
    "Two simulated gateways: real processes with real logs, replaying recorded incidents.\nOne loses its link and reconnects; the other becomes a hollow shell.",
    "两个模拟网关：真实的进程和日志，按录制的故障回放。\n一个会断线并自动重连，另一个会变成空壳。",
];
pub(crate) const STATE_FILE_LIES: Phrase =
    ["Its state file still says “connected”. {advice}", "它的状态文件仍然写着 connected。{advice}"];
pub(crate) const STEP_OLD: Phrase = ["restart: ending the old process", "重启：正在结束旧进程"];
pub(crate) const STEP_NEW: Phrase =
    ["restart: the old process is gone; waiting for the new one", "重启：旧进程已退出，正在等待新进程"];
pub(crate) const STEP_LINK: Phrase =
    ["restart: the new process is running; waiting for its link", "重启：新进程已启动，正在确认连接"];
pub(crate) const WORKED: Phrase = [
    "restart: worked; PID {pid} is connected after {seconds} s",
    "重启：成功，PID {pid} 在 {seconds} 秒后已确认连接",
];
pub(crate) const SUM: Phrase = [
    "End of the demo: {green} of {all} profiles are green.",
    "演示结束：{all} 个 profile 中有 {green} 个为绿灯。",
];
pub(crate) const CLEANED: Phrase =
    ["All files and processes of the demo were removed.", "演示产生的文件和进程已全部清除。"];
pub(crate) const LENGTH: Phrase =
    ["It takes about {whole} s; Ctrl-C ends it.", "演示约需 {whole} 秒；按 Ctrl-C 可随时结束。"];
pub(crate) const TOO_SHORT: Phrase = [
    "The whole demo takes about {whole} s; {given} s show its beginning. Ctrl-C ends it.",
    "完整演示约需 {whole} 秒，{given} 秒只能看到开头。按 Ctrl-C 可随时结束。",
];
pub(crate) const RESTART_FOLLOWS: Phrase = [
    "{name} is restarted in {seconds} s; about {left} s are left.",
    "{seconds} 秒后将重启 {name}；演示约剩 {left} 秒。",
];
pub(crate) const CUT_SHORT: Phrase =
    ["The time was too short for the whole demo.", "时间已到，演示未能播完。"];
