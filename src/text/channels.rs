//! Channels and the heartbeat.

use super::Phrase;
use super::code::{Code, code};

pub(crate) const PROFILE: Phrase = ["Profile", "Profile"];
pub(crate) const PLATFORM: Phrase = ["Platform", "平台"];
pub(crate) const REASON: Phrase = ["Reason", "原因"];
pub(crate) const TIME: Phrase = ["Time", "时间"];
pub(crate) const LATE: Phrase =
    ["Late: this is from {time}, and could not be sent before.", "延迟送达：发生于 {time}，此前无法发送。"];
pub(crate) const SEVERAL: Phrase = ["{count} messages, late", "{count} 条延迟消息"];
pub(crate) const TEST_TITLE: Phrase = ["● Gatelight — test message", "● Gatelight — 测试消息"];
pub(crate) const TEST_BODY: Phrase = [
    "This channel works: a message comes here when a gateway goes down, and when it works again.",
    "此渠道工作正常：网关异常或恢复时会在这里通知你。",
];

pub(crate) const ABOUT_NETWORK: Phrase =
    ["It uses the network for the settings' channels and heartbeat", "仅为设置中的渠道和心跳使用网络"];
pub(crate) const MENU: Phrase = ["Channels", "渠道"];
pub(crate) const MENU_FAILING: Phrase = ["Channels: {names} Cannot Send", "渠道：{names} 无法发送"];
pub(crate) const ROW_SENT: Phrase = ["{name} — {kind}: last sent {time}", "{name} — {kind}：上次发送 {time}"];
pub(crate) const ROW_UNUSED: Phrase = ["{name} — {kind}: nothing sent yet", "{name} — {kind}：尚未发送"];
pub(crate) const ROW_FAILING: Phrase =
    ["✖ {name} — {kind} ({time}): {why}", "✖ {name} — {kind}（{time}）：{why}"];
pub(crate) const HEARTBEAT: Phrase = ["Heartbeat", "心跳"];
pub(crate) const ROW_HEARTBEAT_FAILING: Phrase =
    ["✖ Heartbeat: fails since {time}: {why}", "✖ 心跳：自 {time} 起失败：{why}"];
pub(crate) const SEND_TEST: Phrase = ["Send a Test to {name}", "向 {name} 发送测试消息"];
pub(crate) const NONE: Phrase = [
    "No channels are set up. To add one, write [[channel]] into the settings file; to create the file: gatelight config init",
    "尚未设置渠道。请在设置文件中用 [[channel]] 添加；生成设置文件：gatelight config init",
];
pub(crate) const UNKNOWN: Phrase =
    ["there is no channel “{name}”; there are: {known}", "没有渠道“{name}”；现有：{known}"];
pub(crate) const LINE_HEAD: Phrase = ["{name}: {kind}, {address}", "{name}：{kind}，{address}"];
pub(crate) const LINE_SENT: Phrase = ["last sent {time}", "上次发送 {time}"];
pub(crate) const LINE_UNUSED: Phrase = ["nothing sent yet", "尚未发送"];
pub(crate) const LINE_WAITING: Phrase = ["waiting: {count}", "等待发送：{count} 条"];
pub(crate) const LINE_FAILED: Phrase = ["failed {time}: {why}", "{time} 失败：{why}"];
pub(crate) const LINE_HEARTBEAT: Phrase = ["heartbeat: every {span}", "心跳：每 {span}一次"];
pub(crate) const LINE_TESTED: Phrase =
    ["{name}: the server took the test message", "{name}：服务器已接受测试消息"];
pub(crate) const LINE_NOT_SENT: Phrase = ["{name}: not sent: {why}", "{name}：未发送：{why}"];
pub(crate) const TESTED_TITLE: Phrase = ["Test of channel {name}", "测试渠道 {name}"];
pub(crate) const TESTED: Phrase = ["The server took the message.", "服务器已接受消息。"];
pub(crate) const NOT_SENT: Phrase = ["Not sent: {why}", "未发送：{why}"];

pub(crate) const SECRET_NOT_PRIVATE: Phrase = [
    "{path}: this secret is readable by other users: chmod 600",
    "{path}：其他用户可以读取此密钥：请执行 chmod 600",
];
pub(crate) const SECRET_INVALID: Phrase =
    ["{path}: not one line of printable characters", "{path}：不是单行可打印字符"];
pub(crate) const SETTINGS_OPEN: Phrase = [
    "{key} is a secret, and the settings file is readable by other users: chmod 600 {file}, or name a file with \"file:/path\"",
    "{key} 是密钥，而其他用户可以读取设置文件：请执行 chmod 600 {file}，或用 \"file:/路径\" 指定单独的文件",
];
pub(crate) const SECRET_FILE: Phrase = [
    "{key}: the path behind file: must be absolute (a leading ~/ is this user's home)",
    "{key}：file: 后必须是绝对路径（开头的 ~/ 表示当前用户主目录）",
];
pub(crate) const SECRET_TEXT: Phrase =
    ["{key} must be printable characters without blanks", "{key} 必须是不含空格的可打印字符"];
pub(crate) const URL_MALFORMED: Phrase = [
    "{key} must be a URL that begins with https://, without user and password",
    "{key} 必须是以 https:// 开头且不含用户名和密码的 URL",
];
pub(crate) const URL_PLAIN: Phrase = [
    "{key}: http:// is allowed to this machine only (127.0.0.1); use https://",
    "{key}：http:// 仅可用于本机（127.0.0.1）；请使用 https://",
];
pub(crate) const KEY_MISSING: Phrase = ["{key} is missing: {kind} needs it", "缺少 {key}：{kind} 需要它"];
pub(crate) const KEY_FOREIGN: Phrase = ["{key} means nothing to {kind}", "{key} 不适用于 {kind}"];
pub(crate) const TEMPLATE: Phrase = ["{key} must be JSON: {why}", "{key} 必须是 JSON：{why}"];
pub(crate) const URL_OR_PROGRAM: Phrase =
    ["{key} needs either url or program, and not both", "{key} 需要 url 或 program，且只能有其中之一"];

pub(crate) const NO_CURL: Code = code(
    "channel.no-curl",
    ["curl is not installed (looked for in {places})", "未安装 curl（已查找 {places}）"],
);
pub(crate) const CURL_NOT_STARTED: Code =
    code("channel.curl-not-started", ["curl could not be started: {why}", "无法启动 curl：{why}"]);
pub(crate) const NO_ANSWER: Code =
    code("channel.no-answer", ["no answer within {seconds} s", "{seconds} 秒内没有应答"]);
pub(crate) const CURL_FAILED: Code =
    code("channel.curl-failed", ["curl {code}: {words}", "curl {code}：{words}"]);
pub(crate) const NO_HTTP: Code = code("channel.no-http", ["the answer is not HTTP", "应答不是 HTTP"]);
pub(crate) const SERVER_SAID: Code = code("channel.server", ["{words}", "{words}"]);
pub(crate) const EXPIRED: Code = code("channel.expired", ["not sent within an hour", "一小时内未能发送"]);
pub(crate) const INTERNAL: Code =
    code("channel.internal", ["an internal error; see Gatelight's log", "内部错误，详见 Gatelight 日志"]);
pub(crate) const PROGRAM_FAILED: Code =
    code("channel.program", ["the program ended with exit code {code}", "程序退出码为 {code}"]);
pub(crate) const WHY: Code = code("channel.why", ["{why}", "{why}"]);

/// All codes that are stored.
pub(super) const CODES: &[Code] = &[
    NO_CURL,
    CURL_NOT_STARTED,
    NO_ANSWER,
    CURL_FAILED,
    NO_HTTP,
    SERVER_SAID,
    EXPIRED,
    INTERNAL,
    PROGRAM_FAILED,
    WHY,
];

/// What the kinds are called.
pub(crate) const FEISHU_BOT: Phrase = ["Feishu bot", "飞书机器人"];
pub(crate) const DINGTALK_BOT: Phrase = ["DingTalk bot", "钉钉机器人"];
pub(crate) const WECOM_BOT: Phrase = ["WeCom bot", "企业微信机器人"];
pub(crate) const TELEGRAM: Phrase = ["Telegram bot", "Telegram 机器人"];
pub(crate) const NTFY: Phrase = ["ntfy"; 2];
pub(crate) const BARK: Phrase = ["Bark"; 2];
pub(crate) const WEBHOOK: Phrase = ["webhook"; 2];
