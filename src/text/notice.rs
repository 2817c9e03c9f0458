//! Notifications.

use super::Phrase;

/// Title of one profile's trouble.
pub const DOWN: Phrase = ["✖ {name} — {title}", "✖ {name} — {title}"];
/// Title of several profiles that fell together.
pub const DOWN_SEVERAL: Phrase = ["✖ {count} gateways are down", "✖ {count} 个网关异常"];
/// Title of several profiles that were red when Gatelight started.
pub const FOUND_SEVERAL: Phrase = ["✖ Found {count} gateways down", "✖ 启动时发现 {count} 个网关异常"];
/// Title of a reminder.
pub const REMINDER: Phrase = ["✖ {name} — still down: {title}", "✖ {name} — 仍未恢复：{title}"];
/// Title of a reminder of several.
pub const REMINDER_SEVERAL: Phrase = ["✖ {count} gateways are still down", "✖ {count} 个网关仍未恢复"];
/// Title of a recovery.
pub const RECOVERED: Phrase = ["● {name} — {title} again", "● {name} — 已恢复（{title}）"];
/// Title of several recoveries.
pub const RECOVERED_SEVERAL: Phrase = ["● {count} gateways work again", "● {count} 个网关已恢复"];
/// Title where a profile comes and goes.
pub const UNSTABLE: Phrase = ["✖ {name} — unstable", "✖ {name} — 不稳定"];
/// Title where it holds again.
pub const STABLE_AGAIN: Phrase = ["● {name} — stable again", "● {name} — 已恢复稳定"];

/// Body of a recovery.
pub const WAS_DOWN_FOR: Phrase = ["It was down for {lasted}: {title}.", "异常持续 {lasted}：{title}。"];
/// First sentence of a reminder.
pub const DOWN_FOR: Phrase = ["Down for {lasted}.", "已异常 {lasted}。"];
/// First sentence of what was found at the start.
pub const SINCE_BEFORE: Phrase = ["Down for {lasted} already.", "在此之前已异常 {lasted}。"];
/// Body of `unstable`.
pub const UNSTABLE_BODY: Phrase = [
    "{count} incidents within {window}; the latest: {title}. Nothing more is told until it held for {hold}.",
    "{window}内出现 {count} 次异常，最近一次：{title}。稳定 {hold}之前不再提醒。",
];
/// Body of `stable again`.
pub const STABLE_BODY: Phrase = ["It has held for {hold}.", "已稳定 {hold}。"];
/// One line of several.
pub const LINE: Phrase = ["{name}: {title}", "{name}：{title}"];
/// One line of several, with a length.
pub const LINE_LASTED: Phrase = ["{name}: {title} ({lasted})", "{name}：{title}（{lasted}）"];
/// The rest of a long list.
pub const AND_MORE: Phrase = ["and {count} more", "另有 {count} 个"];

/// Button.
pub const RESTART: Phrase = ["Restart", "重启"];
/// Button.
pub const OPEN_LOG: Phrase = ["Open Log", "打开日志"];

/// Title where a restart that was asked for did not work; the body says why.
pub const RESTART_FAILED: Phrase = ["✖ {name} — the restart failed", "✖ {name} — 重启失败"];
/// Title where nobody can say whether it worked.
pub const RESTART_UNKNOWN: Phrase =
    ["{name} — it cannot be told whether the restart worked", "{name} — 无法确认重启是否成功"];

/// What a second start makes the first say.
pub const HERE: Phrase = ["Gatelight is running", "Gatelight 正在运行"];
/// Its body.
pub const HERE_BODY: Phrase = ["Its light is in the menu bar. {state}", "状态灯位于菜单栏。{state}"];
