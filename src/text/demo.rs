//! Phrases of the demo.

use super::Phrase;

pub(crate) const INTRO: Phrase = [
    "Two simulated gateways, real processes with real logs, played from recorded incidents.\nOne will lose its link and reconnect by itself; the other will become a hollow shell.",
    "两个模拟网关：真实的进程与日志，按录制的故障回放。\n一个会断线并自动重连，另一个会变成空壳。",
];
pub(crate) const STATE_FILE_LIES: Phrase =
    ["Its own state file still says “connected”. {advice}", "它自己的状态文件仍然写着 connected。{advice}"];
pub(crate) const STEP_OLD: Phrase = ["restart: ending the old process", "重启：正在结束旧进程"];
pub(crate) const STEP_NEW: Phrase =
    ["restart: the old process is gone; a new one has to come", "重启：旧进程已退出，等待新进程"];
pub(crate) const STEP_LINK: Phrase =
    ["restart: a new process is there; its link has to be proven", "重启：新进程已启动，等待连接被证实"];
pub(crate) const WORKED: Phrase = [
    "restart: worked; PID {pid} has proven its link after {took} s",
    "重启：成功；PID {pid} 在 {took} 秒后证实了连接",
];
pub(crate) const SUM: Phrase = ["{green} of {all} green at the end.", "结束时 {all} 个中有 {green} 个绿灯。"];
pub(crate) const CLEANED: Phrase = ["Everything that the demo made is gone.", "演示产生的一切均已清除。"];
