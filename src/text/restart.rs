//! Restarts: steps, outcomes, refusals, errors of service managers.

use super::{Code, Lang, Phrase, code};
use crate::health::{Reason, RestartHelps};

/// In the order of [`RestartHelps`].
const HELPS: [Phrase; 6] = [
    ["A restart helps.", "重启可以恢复。"],
    ["A forced restart helps.", "需要强制重启。"],
    ["A restart does not help until the network is back.", "网络恢复之前重启无效。"],
    ["A restart helps only after the credentials are fixed.", "修正凭据之后重启才有效。"],
    ["A restart does not help.", "重启无效。"],
    ["A restart does not help; repairing the job file does.", "重启无效，需要修复任务文件。"],
];

/// Whether a restart helps, in one sentence.
pub(crate) const fn helps(helps: RestartHelps) -> Phrase {
    HELPS[helps as usize]
}

/// Whether a restart helps against this reason; empty where nothing is wrong.
pub fn helps_with(lang: Lang, reason: Reason) -> &'static str {
    reason.restart().map_or("", |restart| lang.pick(helps(restart)))
}

pub(crate) const ENDING_OLD: Phrase = ["ending the old process", "正在结束旧进程"];
pub(crate) const STARTING_NEW: Phrase =
    ["old process gone; waiting for the new one", "旧进程已退出，正在等待新进程"];
pub(crate) const PROVING_LINK: Phrase =
    ["new process is running; waiting for the link", "新进程已启动，正在确认连接"];

pub(crate) const RETRYING: Phrase = [
    "new process is running; its last attempt failed ({title}); the gateway retries, waiting for the next attempt",
    "新进程已启动，但最近一次连接失败（{title}）；网关会自动重试，正在等待",
];

pub(crate) const AT_ENDING_OLD: Phrase = ["while ending the old process", "结束旧进程时"];
pub(crate) const AT_STARTING_NEW: Phrase = ["while starting a new process", "启动新进程时"];
pub(crate) const AT_PROVING_LINK: Phrase = ["while waiting for the link", "确认连接时"];

pub(crate) const WORKED: Phrase =
    ["restarted in {took}: connected again, PID {pid}", "重启成功，用时 {took}：已重新连接，PID {pid}"];
pub(crate) const WORKED_KILLED: Phrase = [
    "restarted in {took}: connected again, PID {pid}; the old process ignored SIGTERM and was killed",
    "重启成功，用时 {took}：已重新连接，PID {pid}；旧进程不响应 SIGTERM，已被强制结束",
];
pub(crate) const FAILED: Phrase = ["restart failed {where}: {why}", "重启失败（{where}）：{why}"];
pub(crate) const CANNOT_TELL: Phrase =
    ["restarted, outcome unknown {where}: {why}", "重启结果未知（{where}）：{why}"];

/// The outcome with every link that was up before.
pub(crate) const WORKED_LINKS: Code =
    code("restart.worked-links", ["{worked}; back: {back}", "{worked}；已恢复：{back}"]);
/// Why it did not work, with the links that were up before.
pub(crate) const LINKS: Code = code(
    "restart.links",
    ["{why} (back: {back}; not back: {missing})", "{why}（已恢复：{back}；未恢复：{missing}）"],
);
pub(crate) const LINKS_NOT_BACK: Code =
    code("restart.links-not-back", ["not every link is back", "并非所有连接都已恢复"]);
pub(crate) const NO_LINK: Phrase = ["none", "无"];
/// Before a restart that affects several profiles.
pub(crate) const TOGETHER: Phrase =
    ["one gateway serves {profiles}: all of them restart", "同一个网关服务于 {profiles}：它们会一起重启"];

pub(crate) const STILL_THERE: Code = code(
    "restart.old-process-alive",
    [
        "process {pid} is still running; kill -9 {pid} ends it",
        "进程 {pid} 仍在运行，可用 kill -9 {pid} 结束它",
    ],
);
pub(crate) const NO_NEW_PROCESS: Code =
    code("restart.no-new-process", ["no new process started", "没有新进程启动"]);
pub(crate) const NOT_LOADED: Code = code(
    "restart.job-not-loaded",
    ["no new process started: the job is not loaded", "没有新进程启动：任务未加载"],
);
pub(crate) const STOPPED_MEANWHILE: Code = code(
    "restart.job-stopped-meanwhile",
    ["no new process started: the job was stopped in the meantime", "没有新进程启动：任务在此期间被停止"],
);
pub(crate) const LAST_EXIT: Code = code(
    "restart.last-exit",
    ["{what}; its last run ended with exit code {n}", "{what}；上次运行的退出码为 {n}"],
);
pub(crate) const LAST_SIGNAL: Code = code(
    "restart.last-signal",
    ["{what}; its last run was ended by signal {n}", "{what}；上次运行被信号 {n} 终止"],
);
pub(crate) const NO_PROOF: Code = code(
    "restart.no-proof",
    [
        "the link was not confirmed within {limit}; last state: {seen}",
        "{limit}内未能确认连接；最后状态：{seen}",
    ],
);
pub(crate) const NOTHING_SEEN: Code =
    code("restart.nothing-seen", ["no information about this profile", "没有此 profile 的任何信息"]);
pub(crate) const NOBODY_WATCHES: Code = code(
    "restart.watcher-ended",
    ["Gatelight stopped watching in the meantime", "Gatelight 在此期间停止了监视"],
);

pub(crate) const UNSUPERVISED: Phrase = [
    "not restarted: no launchd job or systemd unit starts this gateway, so nothing would start it again. Stop it where it was \
     started and start it again there, or install its service.",
    "未重启：没有 launchd 任务或 systemd 单元负责启动此网关，结束后不会自动启动。请在启动它的地方停止并重新启动，或安装其服务。",
];
pub(crate) const NO_MANAGER: Phrase =
    ["not restarted: {manager} is not on this machine", "未重启：本机没有 {manager}"];
pub(crate) const OBSTACLE_NO_JOB: Phrase = [
    "Gatelight cannot restart it: no launchd job or systemd unit starts this gateway. Start it where you started it before, or \
     install its service.",
    "Gatelight 无法重启它：没有 launchd 任务或 systemd 单元负责启动此网关。请在原来的地方启动，或安装其服务。",
];
pub(crate) const OBSTACLE_NO_MANAGER: Phrase = [
    "Gatelight cannot restart it: {manager} is not on this machine.",
    "Gatelight 无法重启它：本机没有 {manager}。",
];
pub(crate) const OBSTACLE_NO_USER_BUS: Phrase = [
    "Gatelight cannot restart it: the user's systemd cannot be reached from this session. Start it with \
     XDG_RUNTIME_DIR=/run/user/$(id -u).",
    "Gatelight 无法重启它：此会话无法连接用户的 systemd。请以 XDG_RUNTIME_DIR=/run/user/$(id -u) 启动 Gatelight。",
];
pub(crate) const NO_USER_BUS: Phrase = [
    "not restarted: the user's systemd cannot be reached from this session. Set XDG_RUNTIME_DIR=/run/user/$(id -u) and try \
     again; if that folder is missing, sign in as this user or run: loginctl enable-linger",
    "未重启：此会话无法连接用户的 systemd。请设置 XDG_RUNTIME_DIR=/run/user/$(id -u) 后重试；如该目录不存在，请以此用户登录，或执行：\
     loginctl enable-linger",
];
pub(crate) const DOES_NOT_HELP: Phrase = ["{title}. {meaning} {advice}", "{title}。{meaning}{advice}"];
pub(crate) const RESTART_ANYWAY: Phrase = ["{name}: restart anyway? [y/N] ", "{name}：仍要重启吗？[y/N] "];
pub(crate) const NOT_CONFIRMED: Phrase = [
    "not restarted: a restart does not help here; --yes restarts anyway",
    "未重启：此时重启无效；如需继续，请使用 --yes",
];
pub(crate) const TOO_MANY: Phrase = [
    "not restarted: {count} restarts in the last hour; the next one is allowed at {at}, or with --force",
    "未重启：最近 1 小时内已重启 {count} 次；{at} 之后可再次重启，或使用 --force",
];
pub(crate) const UNDER_WAY: Phrase = [
    "another process is already restarting this profile; waiting for the outcome…",
    "另一个进程正在重启此 profile，正在等待其结果…",
];
pub(crate) const JOINED_SILENT: Code = code(
    "restart.joined-interrupted",
    [
        "the other restart was interrupted, its outcome is unknown; check with: gatelight status",
        "另一个进程的重启被中断，结果未知；请运行 gatelight status 查看",
    ],
);
pub(crate) const JOINED_LATE: Code = code(
    "restart.joined-late",
    ["the other restart did not end within {limit}", "另一个进程的重启在 {limit}内没有结束"],
);
pub(crate) const VERDICT: Code = code("restart.verdict", ["{title}", "{title}"]);
pub(crate) const VERDICT_PROVEN: Code =
    code("restart.verdict-proven", ["{title} — {source}: {line}", "{title} — {source}：{line}"]);
pub(crate) const AFTER_SILENCE: Code =
    code("restart.after-silence", ["{complaint}; {why}", "{complaint}；{why}"]);
pub(crate) const ERROR_IO: Code = code("manager.io", ["{program}: {why}", "{program}：{why}"]);

/// The codes of outcomes and of managers' errors.
pub(super) const CODES: &[Code] = &[
    WORKED_LINKS,
    LINKS,
    LINKS_NOT_BACK,
    STILL_THERE,
    NO_NEW_PROCESS,
    NOT_LOADED,
    STOPPED_MEANWHILE,
    LAST_EXIT,
    LAST_SIGNAL,
    NO_PROOF,
    NOTHING_SEEN,
    NOBODY_WATCHES,
    JOINED_SILENT,
    JOINED_LATE,
    ERROR_MISSING,
    ERROR_TIMED_OUT,
    ERROR_REFUSED,
    ERROR_BAD_ANSWER,
    ANSWER_NOT_UNDERSTOOD,
    ANSWER_CONTRADICTION,
    ANSWER_NEVER_ENDS,
    ANSWER_STILL_REGISTERED,
    ANSWER_NOT_REGISTERED,
    ERROR_DOMAIN,
    ERROR_UNSAFE_MODE,
    ERROR_BAD_FILE,
    ERROR_NO_USER_MANAGER,
    ERROR_DISABLED,
    VERDICT,
    VERDICT_PROVEN,
    AFTER_SILENCE,
    ERROR_IO,
];

pub(crate) const NOTHING_RED: Phrase =
    ["no profile is red: nothing to restart", "没有红灯的 profile，无需重启"];
pub(crate) const LEDGER: Phrase =
    ["note: the restart could not be recorded: {why}", "注意：无法记录此次重启：{why}"];
pub(crate) const HISTORY: Phrase =
    ["note: the outcome could not be added to the history: {why}", "注意：无法将结果写入历史记录：{why}"];

pub(crate) const ERROR_MISSING: Code =
    code("manager.missing", ["{program} is not on this machine", "本机没有 {program}"]);
pub(crate) const ERROR_TIMED_OUT: Code = code(
    "manager.timed-out",
    ["{program} did not answer within {seconds} s", "{program} 在 {seconds} 秒内没有响应"],
);
pub(crate) const ERROR_REFUSED: Code = code(
    "manager.refused",
    ["{program} {action}: exit code {code}: {words}", "{program} {action}：退出码 {code}：{words}"],
);
pub(crate) const ERROR_BAD_ANSWER: Code = code(
    "manager.odd",
    ["{program} {action} (exit code {code}): {what}", "{program} {action}（退出码 {code}）：{what}"],
);
pub(crate) const ANSWER_NOT_UNDERSTOOD: Code =
    code("manager.odd.not-understood", ["unexpected output: {words}", "无法识别的输出：{words}"]);
pub(crate) const ANSWER_CONTRADICTION: Code =
    code("manager.odd.contradiction", ["its output contradicts itself", "输出自相矛盾"]);
pub(crate) const ANSWER_NEVER_ENDS: Code = code(
    "manager.odd.never-ends",
    [
        "an operation is already in progress and does not end; try again in a minute",
        "已有操作正在进行且一直没有结束，请 1 分钟后再试",
    ],
);
pub(crate) const ANSWER_STILL_REGISTERED: Code = code(
    "manager.odd.still-registered",
    [
        "the job should be unloaded but is still registered; try again in a minute",
        "任务本应已卸载，但仍处于注册状态，请 1 分钟后再试",
    ],
);
pub(crate) const ANSWER_NOT_REGISTERED: Code = code(
    "manager.odd.not-registered",
    [
        "the job is still not registered; log out and in again, then check with: gatelight status",
        "任务仍未注册；请注销并重新登录，再运行 gatelight status 查看",
    ],
);
pub(crate) const ERROR_DOMAIN: Code = code(
    "manager.domain",
    [
        "launchd cannot manage {label} in {domain}: {words}. Check the job file (gatelight doctor); if that finds nothing, log \
     out and in again",
        "launchd 无法在 {domain} 中管理 {label}：{words}。请检查任务文件（gatelight doctor）；如无问题，请注销后重新登录",
    ],
);
pub(crate) const ERROR_UNSAFE_MODE: Code = code(
    "manager.loose-job-file",
    [
        "launchd refuses {path}: other users may write to it (mode {mode}). First run: chmod go-w {path}",
        "launchd 会拒绝 {path}：其他用户可以写入（权限 {mode}）。请先执行 chmod go-w {path}",
    ],
);
pub(crate) const ERROR_BAD_FILE: Code = code(
    "manager.bad-job-file",
    [
        "launchd cannot use {path}: {why}. Correct the file first, or let Hermes write it again: hermes gateway install",
        "launchd 无法使用 {path}：{why}。请先修正该文件，或由 Hermes 重新生成：hermes gateway install",
    ],
);
pub(crate) const ERROR_NO_USER_MANAGER: Code = code(
    "manager.no-user-manager",
    [
        "{words}. Set XDG_RUNTIME_DIR=/run/user/$(id -u) and try again",
        "{words}。请设置 XDG_RUNTIME_DIR=/run/user/$(id -u) 后重试",
    ],
);
pub(crate) const ERROR_DISABLED: Code = code(
    "manager.disabled",
    ["the job is disabled; to enable it: {enable}", "任务已被禁用；如需启用：{enable}"],
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::names;

    #[test]
    fn both_languages_name_the_same_values() {
        let all = [
            ENDING_OLD,
            STARTING_NEW,
            PROVING_LINK,
            AT_ENDING_OLD,
            AT_STARTING_NEW,
            AT_PROVING_LINK,
            WORKED,
            WORKED_KILLED,
            FAILED,
            CANNOT_TELL,
            UNSUPERVISED,
            NO_MANAGER,
            NO_USER_BUS,
            OBSTACLE_NO_JOB,
            OBSTACLE_NO_MANAGER,
            OBSTACLE_NO_USER_BUS,
            DOES_NOT_HELP,
            RESTART_ANYWAY,
            NOT_CONFIRMED,
            TOO_MANY,
            UNDER_WAY,
            NOTHING_RED,
            RETRYING,
            LEDGER,
            HISTORY,
        ];
        for [en, zh] in all {
            assert_eq!(names(en), names(zh), "{en}");
            assert!(!zh.is_ascii() || en.starts_with('{'), "{zh}");
        }
    }
}
