//! Notifications.

use super::Phrase;

pub(crate) const DOWN: Phrase = ["✖ {name} — {title}", "✖ {name} — {title}"];
pub(crate) const DOWN_SEVERAL: Phrase = ["✖ {count} gateways are down", "✖ {count} 个网关异常"];
pub(crate) const FOUND_SEVERAL: Phrase =
    ["✖ {count} gateways were already down", "✖ 启动时发现 {count} 个网关异常"];
pub(crate) const REMINDER: Phrase = ["✖ {name} — still down: {title}", "✖ {name} — 仍未恢复：{title}"];
pub(crate) const REMINDER_SEVERAL: Phrase = ["✖ {count} gateways are still down", "✖ {count} 个网关仍未恢复"];
pub(crate) const RECOVERED: Phrase = ["● {name} — {title} again", "● {name} — 已恢复（{title}）"];
pub(crate) const RECOVERED_LINKS: Phrase =
    ["● {name} — {links} {title} again", "● {name} — {links} 已恢复（{title}）"];
pub(crate) const LINK_BACK: Phrase =
    ["✖ {name} — {links} back; still down: {title}", "✖ {name} — {links} 已恢复；仍有异常：{title}"];
pub(crate) const ALSO_DOWN: Phrase = ["Also down: {list}.", "同时异常：{list}。"];
pub(crate) const RECOVERED_SEVERAL: Phrase = ["● {count} gateways recovered", "● {count} 个网关已恢复"];
pub(crate) const UNSTABLE: Phrase = ["✖ {name} — unstable", "✖ {name} — 不稳定"];
pub(crate) const STABLE_AGAIN: Phrase = ["● {name} — stable again", "● {name} — 已恢复稳定"];

pub(crate) const WAS_DOWN_FOR: Phrase =
    ["It was down for {lasted}: {title}.", "异常持续 {lasted}：{title}。"];
pub(crate) const DOWN_FOR: Phrase = ["Down for {lasted}.", "已异常 {lasted}。"];
pub(crate) const SINCE_BEFORE: Phrase = ["Already down for {lasted}.", "启动前已异常 {lasted}。"];
pub(crate) const UNSTABLE_BODY: Phrase = [
    "{count} incidents within {window}, the latest: {title}. No further notifications until it has been stable for {hold}.",
    "{window}内出现 {count} 次故障，最近一次：{title}。在稳定 {hold}之前不再通知。",
];
pub(crate) const STABLE_BODY: Phrase = ["Stable for {hold}.", "已稳定 {hold}。"];
pub(crate) const LINE: Phrase = ["{name}: {title}", "{name}：{title}"];
pub(crate) const LINE_LASTED: Phrase = ["{name}: {title} ({lasted})", "{name}：{title}（{lasted}）"];
pub(crate) const AND_MORE: Phrase = ["and {count} more", "另有 {count} 个"];

pub(crate) const RESTART: Phrase = ["Restart", "重启"];
pub(crate) const OPEN_LOG: Phrase = ["Open Log", "打开日志"];
pub(crate) const ACKNOWLEDGE: Phrase = ["Acknowledge", "确认"];

pub(crate) const RESTART_FAILED: Phrase = ["✖ {name} — restart failed", "✖ {name} — 重启失败"];
pub(crate) const RESTART_UNKNOWN: Phrase = ["{name} — restart, outcome unknown", "{name} — 重启结果未知"];

pub(crate) const HERE: Phrase = ["Gatelight is running", "Gatelight 正在运行"];
pub(crate) const HERE_BODY: Phrase = ["Its light is in the menu bar. {state}", "状态灯位于菜单栏。{state}"];
