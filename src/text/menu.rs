//! The menu and the tooltip.

use jiff::SignedDuration;

use super::{Lang, Phrase, fill};

pub(crate) const HEAD: Phrase = ["{good} of {all} connected", "{all} 个网关中 {good} 个已连接"];
pub(crate) const HEAD_NONE: Phrase = ["No Hermes Gateway found", "未找到 Hermes 网关"];
pub(crate) const HEAD_LOOKING: Phrase = ["Looking…", "正在检查…"];
pub(crate) const OFFLINE: Phrase =
    ["Offline: no notifications until the network is back", "离线：网络恢复前不发送通知"];
pub(crate) const BAD_FILES: Phrase = ["Unreadable job files: {count}", "无法读取的任务文件：{count} 个"];
pub(crate) const SETTINGS_ERROR: Phrase = ["Settings file not used: {why}", "设置文件未生效：{why}"];

pub(crate) const PROFILE: Phrase = ["{name} — {title} · {length}", "{name} — {title} · {length}"];
pub(crate) const MUTED: Phrase = [" · muted", " · 已静音"];
pub(crate) const UNSTABLE: Phrase = [" · unstable", " · 不稳定"];
pub(crate) const MORE: Phrase = ["{count} more: {good} connected", "其余 {count} 个：{good} 个已连接"];

pub(crate) const EVIDENCE: Phrase = ["{source}, {time}: {line}", "{source}，{time}：{line}"];
pub(crate) const SINCE: Phrase = ["Since {time}", "自 {time} 起"];
pub(crate) const PROCESS: Phrase =
    ["PID {pid} · {manager} · up {uptime}", "PID {pid} · {manager} · 已运行 {uptime}"];
pub(crate) const PROCESS_NO_UPTIME: Phrase = ["PID {pid} · {manager}", "PID {pid} · {manager}"];
pub(crate) const NO_PROCESS: Phrase = ["No process · {manager}", "无进程 · {manager}"];
pub(crate) const NO_MANAGER: Phrase = ["no service manager", "无服务管理器"];

pub(crate) const SERVED_BY: Phrase = ["Served by {name}", "由 {name} 代为服务"];
pub(crate) const LAST_MESSAGE: Phrase = ["Last message {length} ago", "最近一条消息：{length}前"];

pub(crate) const LINK_UP: Phrase = ["{platform} · {length}", "{platform} · {length}"];
pub(crate) const LINK: Phrase = ["{platform} — {title} · {length}", "{platform} — {title} · {length}"];
pub(crate) const LINK_TITLE: Phrase = ["{title} · {length}", "{title} · {length}"];
pub(crate) const LINK_IGNORED: Phrase = ["{platform} — ignored", "{platform} — 已忽略"];
pub(crate) const IGNORE_LINK: Phrase = ["Ignore This Link", "忽略此连接"];
pub(crate) const WATCH_LINK: Phrase = ["Watch This Link Again", "恢复监视此连接"];
pub(crate) const MORE_LINKS: Phrase = ["and {count} more links", "另有 {count} 个连接"];

pub(crate) const ALSO: Phrase = ["Also: {title}", "另外：{title}"];
pub(crate) const SECOND_INSTANCE: Phrase = ["A second instance was refused", "第二个实例已被拒绝启动"];
pub(crate) const INFO_HIDDEN: Phrase = ["The log level hides INFO records", "日志级别隐藏了 INFO 记录"];
pub(crate) const DROPPED: Phrase = ["Messages were dropped during the start", "启动期间有消息被丢弃"];

pub(crate) const STEP_END: [Phrase; 3] = [
    ["○ end the old process", "○ 结束旧进程"],
    ["◐ ending the old process…", "◐ 正在结束旧进程…"],
    ["● old process ended", "● 旧进程已结束"],
];
pub(crate) const STEP_START: [Phrase; 3] = [
    ["○ start a new process", "○ 启动新进程"],
    ["◐ starting a new process…", "◐ 正在启动新进程…"],
    ["● new process started", "● 新进程已启动"],
];
pub(crate) const STEP_PROVE: [Phrase; 3] = [
    ["○ confirm the link", "○ 确认连接"],
    ["◐ waiting for the link…", "◐ 正在确认连接…"],
    ["● link confirmed", "● 连接已确认"],
];
pub(crate) const STEP_RETRYING: Phrase =
    ["◐ {title}; waiting for the next attempt…", "◐ {title}；正在等待下一次重试…"];
pub(crate) const RESTART_WORKED: Phrase =
    ["Restart worked: {took}, PID {pid}", "重启成功：用时 {took}，PID {pid}"];
pub(crate) const RESTART_KILLED: Phrase = [
    "Restart worked: {took}, PID {pid}; the old process had to be killed",
    "重启成功：用时 {took}，PID {pid}；旧进程被强制结束",
];
pub(crate) const RESTART_FAILED: Phrase = ["Restart failed: {why}", "重启失败：{why}"];
pub(crate) const RESTART_UNKNOWN: Phrase = ["Restart, outcome unknown: {why}", "重启结果未知：{why}"];

pub(crate) const RESTART: Phrase = ["Restart", "重启"];
pub(crate) const RESTARTING: Phrase = ["Restarting…", "正在重启…"];
pub(crate) const OPEN_LOG: Phrase = ["Open Log", "打开日志"];
pub(crate) const OPEN_SYSTEM_LOG: Phrase = ["Open System Log", "打开系统日志"];
#[cfg(target_os = "macos")]
pub(crate) const SHOW_JOB_FILE: Phrase = ["Show Job File in Finder", "在“访达”中显示任务文件"];
#[cfg(not(target_os = "macos"))]
pub(crate) const SHOW_JOB_FILE: Phrase = ["Show Job File", "显示任务文件"];
pub(crate) const REPAIR: Phrase = ["Remove --replace…", "删除 --replace…"];
pub(crate) const COPY_DIAGNOSTICS: Phrase = ["Copy Diagnostics", "复制诊断信息"];
pub(crate) const ACKNOWLEDGED: Phrase = [" · acknowledged", " · 已确认"];
pub(crate) const ACKNOWLEDGE: Phrase =
    ["Acknowledge: No Reminders until It Changes", "确认：状态变化前不再提醒"];
pub(crate) const QUIET: Phrase = ["Quiet hours until {time}", "免打扰时段，至 {time}"];
pub(crate) const MUTE_HOUR: Phrase = ["Mute for 1 Hour", "静音 1 小时"];
pub(crate) const MUTED_UNTIL: Phrase = ["Muted until {time}", "静音至 {time}"];
pub(crate) const MUTE_RECOVERY: Phrase = ["Mute Until Recovery", "静音至恢复"];

pub(crate) const RESTART_ALL_RED: Phrase = ["Restart All Red", "重启所有红灯网关"];
pub(crate) const RESTART_ALL_RED_COUNT: Phrase = ["Restart All Red ({count})", "重启所有红灯网关（{count}）"];
pub(crate) const CHECK_JOB_FILES: Phrase = ["Check Job Files", "检查任务文件"];
pub(crate) const CHECK_JOB_FILES_COUNT: Phrase =
    ["Check Job Files ({problems})", "检查任务文件（{problems}）"];
pub(crate) const OPEN_DOCTOR: Phrase = ["Open Doctor in a Terminal", "在终端中打开 doctor"];
pub(crate) const TIMELINE: Phrase = ["Show Timeline", "显示时间线"];

pub(crate) const MISSED: Phrase = ["Undelivered Notifications: {count}", "未送达的通知：{count} 条"];
pub(crate) const MISSED_LINE: Phrase = ["{title} ({time}: {why})", "{title}（{time}：{why}）"];
pub(crate) const FORGET_MISSED: Phrase = ["Clear This List", "清空此列表"];
pub(crate) const NOTIFICATIONS: Phrase = ["Notifications", "通知"];
pub(crate) const NOTIFICATIONS_REFUSED: Phrase =
    ["Notifications: Turned Off in System Settings", "通知：已在系统设置中关闭"];
pub(crate) const NOTIFICATIONS_OFF: Phrase =
    ["Notifications: Off in the Settings File", "通知：已在设置文件中关闭"];
pub(crate) const LOGIN: Phrase = ["Launch at Login", "登录时启动"];
pub(crate) const LOGIN_APPROVAL: Phrase =
    ["Launch at Login: Approve It in System Settings", "登录时启动：请在系统设置中批准"];
pub(crate) const LOGIN_UNAVAILABLE: Phrase = ["Launch at Login: {why}", "登录时启动：{why}"];
pub(crate) const SETTINGS: Phrase = ["Open Settings File", "打开设置文件"];
pub(crate) const ABOUT_VERSION: Phrase = ["Gatelight {version}", "Gatelight {version}"];
pub(crate) const ABOUT_NETWORK: Phrase = ["Makes no network connections", "不连接网络"];
pub(crate) const QUIT: Phrase = ["Quit Gatelight", "退出 Gatelight"];

const LESS_THAN_A_MINUTE: Phrase = ["<1 min", "不到 1 分钟"];
const MINUTES: Phrase = ["{n} min", "{n} 分钟"];
const HOURS: Phrase = ["{n} h", "{n} 小时"];
const DAYS: Phrase = ["{n} d", "{n} 天"];

/// A time span in one unit, rounded down, so that a menu changes at most once a minute.
pub fn roughly(lang: Lang, span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    let (phrase, n) = match seconds {
        0..60 => return lang.pick(LESS_THAN_A_MINUTE).to_owned(),
        60..3_600 => (MINUTES, seconds / 60),
        3_600..86_400 => (HOURS, seconds / 3_600),
        _ => (DAYS, seconds / 86_400),
    };
    fill(lang.pick(phrase), &[("n", &n.to_string())])
}

/// The time until [`roughly`] returns another text.
pub fn roughly_changes_in(span: SignedDuration) -> SignedDuration {
    let span = span.max(SignedDuration::ZERO);
    let unit = match span.as_secs() {
        0..3_600 => 60,
        3_600..86_400 => 3_600,
        _ => 86_400,
    };
    SignedDuration::from_secs((span.as_secs() / unit + 1).saturating_mul(unit)) - span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rough_lengths_change_when_they_say_so() {
        for (seconds, en, zh, next) in [
            (-5, "<1 min", "不到 1 分钟", 60),
            (59, "<1 min", "不到 1 分钟", 1),
            (60, "1 min", "1 分钟", 60),
            (3_599, "59 min", "59 分钟", 1),
            (3_601, "1 h", "1 小时", 3_599),
            (86_399, "23 h", "23 小时", 1),
            (86_400 * 3 + 5, "3 d", "3 天", 86_395),
        ] {
            let span = SignedDuration::from_secs(seconds);
            assert_eq!(roughly(Lang::En, span), en);
            assert_eq!(roughly(Lang::Zh, span), zh);
            assert_eq!(roughly_changes_in(span), SignedDuration::from_secs(next), "{seconds}");
        }
    }
}
