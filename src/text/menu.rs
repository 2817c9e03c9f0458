//! The menu and the tooltip.

use jiff::SignedDuration;

use super::{Lang, Phrase, fill};

/// Head line.
pub const HEAD: Phrase = ["{good} of {all} connected", "{all} 个网关中 {good} 个已连接"];
/// Head line where there is nothing to watch.
pub const HEAD_NONE: Phrase = ["No Hermes Gateway found", "未找到 Hermes 网关"];
/// Head line before every profile was looked at.
pub const HEAD_LOOKING: Phrase = ["Looking…", "正在检查…"];
/// The machine has no network.
pub const OFFLINE: Phrase = ["Offline: no notices until the network is back", "离线：网络恢复前不发送通知"];
/// Job files that cannot be read.
pub const BAD_FILES: Phrase = ["Job files that cannot be read: {count}", "无法读取的任务文件：{count} 个"];
/// The settings file has a mistake.
pub const SETTINGS_ERROR: Phrase = ["Settings not used: {why}", "设置未生效：{why}"];

/// A profile's row.
pub const PROFILE: Phrase = ["{name} — {title} · {length}", "{name} — {title} · {length}"];
/// Added to the row of a muted profile.
pub const MUTED: Phrase = [" · muted", " · 已静音"];
/// Added to the row of a profile that comes and goes.
pub const UNSTABLE: Phrase = [" · unstable", " · 不稳定"];
/// Profiles that do not fit.
pub const MORE: Phrase = ["{count} more: {good} connected", "其余 {count} 个：{good} 个已连接"];

/// What was seen.
pub const EVIDENCE: Phrase = ["{source}: {line}", "{source}：{line}"];
/// How old that is.
pub const SEEN_AGO: Phrase = ["Seen {length} ago", "{length}前看到"];
/// Since when.
pub const SINCE: Phrase = ["Since {time}", "始于 {time}"];
/// The process.
pub const PROCESS: Phrase =
    ["PID {pid} · {manager} · up {uptime}", "PID {pid} · {manager} · 已运行 {uptime}"];
/// The process, without its start time.
pub const PROCESS_NO_UPTIME: Phrase = ["PID {pid} · {manager}", "PID {pid} · {manager}"];
/// There is none.
pub const NO_PROCESS: Phrase = ["No process · {manager}", "无进程 · {manager}"];
/// Nobody manages it.
pub const NO_MANAGER: Phrase = ["no manager", "无服务管理器"];

/// Another reason that holds.
pub const ALSO: Phrase = ["Also: {title}", "另外：{title}"];
/// A second instance was refused.
pub const SECOND_INSTANCE: Phrase = ["A second instance was refused", "第二个实例已被拒绝启动"];
/// The log level hides recoveries.
pub const INFO_HIDDEN: Phrase = ["INFO records are hidden by the log level", "日志级别隐藏了 INFO 记录"];
/// Messages were lost.
pub const DROPPED: Phrase = ["Messages were dropped while it started", "启动期间有消息被丢弃"];
/// No connection.
pub const NO_CONNECTION: Phrase = ["The process has no established connection", "进程没有已建立的连接"];

/// The three steps of a restart: to come, under way, done.
pub const STEP_END: [Phrase; 3] = [
    ["○ end the old process", "○ 结束旧进程"],
    ["◐ ending the old process…", "◐ 正在结束旧进程…"],
    ["● old process ended", "● 旧进程已结束"],
];
/// Second step.
pub const STEP_START: [Phrase; 3] = [
    ["○ start a new process", "○ 启动新进程"],
    ["◐ starting a new process…", "◐ 正在启动新进程…"],
    ["● new process started", "● 新进程已启动"],
];
/// Third step.
pub const STEP_PROVE: [Phrase; 3] = [
    ["○ prove the link", "○ 确认连接"],
    ["◐ waiting for proof of the link…", "◐ 等待连接证据…"],
    ["● link proven", "● 连接已确认"],
];
/// Third step, after an attempt that the gateway repeats by itself.
pub const STEP_RETRYING: Phrase = ["◐ {title}; waiting for the next attempt…", "◐ {title}；等待下一次重试…"];
/// Outcome.
pub const RESTART_WORKED: Phrase = ["Restart worked: {took}, PID {pid}", "重启成功：用时 {took}，PID {pid}"];
/// Outcome, with force.
pub const RESTART_KILLED: Phrase = [
    "Restart worked: {took}, PID {pid}; the old process had to be killed",
    "重启成功：用时 {took}，PID {pid}；旧进程被强制杀死",
];
/// Outcome.
pub const RESTART_FAILED: Phrase = ["Restart failed: {why}", "重启失败：{why}"];
/// Outcome.
pub const RESTART_UNKNOWN: Phrase =
    ["Cannot tell whether the restart worked: {why}", "无法确认重启是否成功：{why}"];

/// Commands of a profile.
pub const RESTART: Phrase = ["Restart", "重启"];
/// While one is under way.
pub const RESTARTING: Phrase = ["Restarting…", "正在重启…"];
/// Its log.
pub const OPEN_LOG: Phrase = ["Open Log", "打开日志"];
/// The manager's log.
pub const OPEN_SYSTEM_LOG: Phrase = ["Open System Log", "打开系统日志"];
/// Its job file.
pub const SHOW_JOB_FILE: Phrase = ["Show Job File", "显示任务文件"];
/// The doctor's repair.
pub const REPAIR: Phrase = ["Repair --replace…", "修复 --replace…"];
/// For a report.
pub const COPY_DIAGNOSTICS: Phrase = ["Copy Diagnostics", "复制诊断信息"];
/// Silence.
pub const MUTE_HOUR: Phrase = ["Mute for 1 Hour", "静音 1 小时"];
/// Silence, under way.
pub const MUTED_UNTIL: Phrase = ["Muted until {time}", "静音至 {time}"];
/// Silence.
pub const MUTE_RECOVERY: Phrase = ["Mute until It Recovers", "静音直到恢复"];

/// Commands for all.
pub const RESTART_ALL_RED: Phrase = ["Restart All Red", "重启所有红灯网关"];
/// Commands for all, with a number.
pub const RESTART_ALL_RED_COUNT: Phrase = ["Restart All Red ({count})", "重启所有红灯网关（{count}）"];
/// The doctor.
pub const CHECK_JOB_FILES: Phrase = ["Check Job Files", "检查任务文件"];
/// The doctor, with what it found last time.
pub const CHECK_JOB_FILES_COUNT: Phrase =
    ["Check Job Files (findings: {count})", "检查任务文件（发现 {count} 个问题）"];
/// History.
pub const TIMELINE: Phrase = ["Timeline", "时间线"];

/// What could not be delivered.
pub const MISSED: Phrase = ["Notices not delivered: {count}", "未送达的通知：{count} 条"];
/// One of them.
pub const MISSED_LINE: Phrase = ["{title} ({time}: {why})", "{title}（{time}：{why}）"];
/// Ends the list of them.
pub const FORGET_MISSED: Phrase = ["Clear This List", "清空此列表"];
/// Check item.
pub const NOTIFICATIONS: Phrase = ["Notifications", "通知"];
/// Check item.
pub const NOTIFICATIONS_REFUSED: Phrase =
    ["Notifications: Refused in System Settings", "通知：已在系统设置中被拒绝"];
/// Check item.
pub const NOTIFICATIONS_OFF: Phrase = ["Notifications: Off in the Settings File", "通知：已在设置文件中关闭"];
/// Check item.
pub const NOTIFICATIONS_UNAVAILABLE: Phrase = ["Notifications: {why}", "通知：{why}"];
/// Check item.
pub const LOGIN: Phrase = ["Launch at Login", "登录时启动"];
/// Check item.
pub const LOGIN_APPROVAL: Phrase =
    ["Launch at Login: Approve It in System Settings", "登录时启动：请在系统设置中批准"];
/// Check item.
pub const LOGIN_UNAVAILABLE: Phrase = ["Launch at Login: {why}", "登录时启动：{why}"];
/// Opens it.
pub const SETTINGS: Phrase = ["Settings File", "设置文件"];
/// About.
pub const ABOUT: Phrase = ["About", "关于"];
/// About.
pub const ABOUT_VERSION: Phrase = ["Gatelight {version}", "Gatelight {version}"];
/// About.
pub const ABOUT_NETWORK: Phrase = ["It uses no network", "不使用网络"];
/// Ends it.
pub const QUIT: Phrase = ["Quit Gatelight", "退出 Gatelight"];

const LESS_THAN_A_MINUTE: Phrase = ["<1 min", "不到 1 分钟"];
const MINUTES: Phrase = ["{n} min", "{n} 分钟"];
const HOURS: Phrase = ["{n} h", "{n} 小时"];
const DAYS: Phrase = ["{n} d", "{n} 天"];

/// A length of time in one unit, rounded down: it changes at most once a minute, so that a menu need not.
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

/// After how long [`roughly`] says something else.
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
