//! What is said of restarts.

use super::{Lang, Phrase, duration, fill};
use crate::health::{Reason, RestartHelps};
use crate::restart::Obstacle;
use crate::restart::{RestartOutcome, RestartStep};
use crate::supervisor::{BadFile, Odd, SupervisorError};

/// Whether a restart helps, in one sentence: [`helps`].
const HELPS: [Phrase; 6] = [
    ["A restart helps.", "重启可以恢复。"],
    ["A restart helps, by force.", "需要强制重启。"],
    ["A restart does not help before the network is back.", "网络恢复之前重启无效。"],
    ["A restart helps only after the credentials are mended.", "修正凭据之后重启才有效。"],
    ["A restart does not help.", "重启无效。"],
    ["A restart does not help; repairing the job file does.", "重启无效；需要修复任务文件。"],
];

/// Whether a restart helps, in one sentence.
pub const fn helps(helps: RestartHelps) -> Phrase {
    HELPS[helps as usize]
}

/// Whether a restart helps against this reason; empty where nothing is wrong.
pub fn helps_with(lang: Lang, reason: Reason) -> &'static str {
    reason.restart().map_or("", |restart| lang.pick(helps(restart)))
}

/// Step 1 under way.
pub const ENDING_OLD: Phrase = ["ending the old process", "正在结束旧进程"];
/// Step 2 under way.
pub const STARTING_NEW: Phrase =
    ["old process gone; waiting for the new one", "旧进程已退出，正在等待新进程"];
/// Step 3 under way.
pub const PROVING_LINK: Phrase =
    ["new process is up; waiting for proof of its link", "新进程已启动，正在确认连接"];

/// Step 3, when an attempt failed and the gateway goes on trying.
pub const RETRYING: Phrase = [
    "new process is up; its last attempt failed ({title}); waiting for the next one, the gateway tries again by itself",
    "新进程已启动，但最近一次连接失败（{title}）；网关会自行重试，正在等待",
];

/// Step 1, as the place where something failed.
pub const AT_ENDING_OLD: Phrase = ["while the old process was to end", "结束旧进程时"];
/// Step 2, likewise.
pub const AT_STARTING_NEW: Phrase = ["while a new process was to start", "启动新进程时"];
/// Step 3, likewise.
pub const AT_PROVING_LINK: Phrase = ["while the link was to be proven", "确认连接时"];

/// It worked.
pub const WORKED: Phrase =
    ["restarted in {took}: connected again, PID {pid}", "重启成功，用时 {took}：已重新连接，PID {pid}"];
/// It worked by force.
pub const WORKED_KILLED: Phrase = [
    "restarted in {took}: connected again, PID {pid}; the old process ignored SIGTERM and was killed",
    "重启成功，用时 {took}：已重新连接，PID {pid}；旧进程不响应 SIGTERM，已被强制杀死",
];
/// It failed.
pub const FAILED: Phrase = ["restart failed {where}: {why}", "重启失败（{where}）：{why}"];
/// Nobody knows.
pub const CANNOT_TELL: Phrase =
    ["cannot tell whether the restart worked, {where}: {why}", "无法确认重启结果（{where}）：{why}"];

/// The old process is there past its limit.
pub const STILL_THERE: Phrase =
    ["process {pid} is still there; kill -9 {pid} ends it", "进程 {pid} 仍然存在，可用 kill -9 {pid} 结束它"];
/// The manager knows the job and starts nothing.
pub const NO_NEW_PROCESS: Phrase = ["no new process came up", "没有新进程启动"];
/// The manager does not know the job.
pub const NOT_LOADED: Phrase =
    ["no new process came up: the job is not loaded", "没有新进程启动：任务未加载"];
/// The unit was stopped while it was to start.
pub const STOPPED_MEANWHILE: Phrase =
    ["no new process came up: the job was stopped meanwhile", "没有新进程启动：任务在此期间被停止"];
/// Added: how the last run ended.
pub const LAST_EXIT: Phrase = ["; its last run ended with exit code {n}", "；上次运行的退出码为 {n}"];
/// Added: how the last run ended.
pub const LAST_SIGNAL: Phrase = ["; its last run was ended by signal {n}", "；上次运行被信号 {n} 终止"];
/// No proof within the limit.
pub const NO_PROOF: Phrase =
    ["no proof of the link within {limit}; last seen: {seen}", "{limit} 内未能证实连接；最后状态：{seen}"];
/// The watcher says nothing of this profile.
pub const NOTHING_SEEN: Phrase = ["nothing of this profile", "没有此配置的任何信息"];
/// The watcher ended.
pub const NOBODY_WATCHES: Phrase = ["Gatelight stopped watching meanwhile", "Gatelight 在此期间停止了监视"];

/// No job starts it.
pub const UNSUPERVISED: Phrase = [
    "not restarted: no launchd job or systemd unit starts this gateway, so nobody would bring it back. Stop it where it was \
     started and start it again there, or install its service.",
    "未重启：没有 launchd 任务或 systemd 单元负责启动此网关，结束后不会有人拉起它。请在启动它的地方停止并重新启动，或安装其服务。",
];
/// The manager's program is not here.
pub const NO_MANAGER: Phrase =
    ["not restarted: {manager} is not on this machine", "未重启：本机没有 {manager}"];
/// Why Restart is greyed out.
pub const OBSTACLE_NO_JOB: Phrase = [
    "Gatelight cannot restart it: no launchd job or systemd unit starts this gateway. Start it where you started it before, or \
     install its service.",
    "Gatelight 无法重启它：没有 launchd 任务或 systemd 单元负责启动此网关。请在原来的地方启动，或安装其服务。",
];
/// Why Restart is greyed out.
pub const OBSTACLE_NO_MANAGER: Phrase = [
    "Gatelight cannot restart it: {manager} is not on this machine.",
    "Gatelight 无法重启它：本机没有 {manager}。",
];
/// Why Restart is greyed out.
pub const OBSTACLE_NO_USER_BUS: Phrase = [
    "Gatelight cannot restart it: the user's systemd cannot be reached from this session. Start it with \
     XDG_RUNTIME_DIR=/run/user/$(id -u).",
    "Gatelight 无法重启它：此会话无法连接用户的 systemd。请以 XDG_RUNTIME_DIR=/run/user/$(id -u) 启动 Gatelight。",
];
/// The user's systemd cannot be reached from here.
pub const NO_USER_BUS: Phrase = [
    "not restarted: the user's systemd cannot be reached from this session. Set XDG_RUNTIME_DIR=/run/user/$(id -u) and try \
     again; where that folder is missing, sign in as this user or run: loginctl enable-linger",
    "未重启：此会话无法连接用户的 systemd。请设置 XDG_RUNTIME_DIR=/run/user/$(id -u) 后重试；如该目录不存在，请以此用户登录，或执行：\
     loginctl enable-linger",
];
/// Before the question.
pub const DOES_NOT_HELP: Phrase = ["{title}. {meaning} {advice}", "{title}。{meaning}{advice}"];
/// The question.
pub const RESTART_ANYWAY: Phrase = ["{name}: restart anyway? [y/N] ", "{name}：仍要重启吗？[y/N] "];
/// Nobody to ask, or the answer was no.
pub const NOT_CONFIRMED: Phrase = [
    "not restarted: a restart does not help here; --yes restarts all the same",
    "未重启：此时重启没有帮助；使用 --yes 可仍然重启",
];
/// The limit.
pub const TOO_MANY: Phrase = [
    "not restarted: {count} restarts within the last hour; the next one is allowed at {at}, or with --force",
    "未重启：最近一小时内已重启 {count} 次；{at} 之后可再次重启，或使用 --force",
];
/// Another process restarts it.
pub const UNDER_WAY: Phrase = [
    "a restart of this profile is already under way; waiting for its outcome…",
    "此配置正在由另一个进程重启，正在等待其结果…",
];
/// The other process ended without a word.
pub const JOINED_SILENT: Phrase = [
    "the restart that was under way ended without an outcome: it was interrupted. Look at it with gatelight status",
    "先前的重启已结束但没有结果：它被中断了。请用 gatelight status 查看",
];
/// The other process takes too long.
pub const JOINED_LATE: Phrase =
    ["the restart that was under way did not end within {limit}", "先前的重启在 {limit} 内没有结束"];
/// Nothing to do for `--red`.
pub const NOTHING_RED: Phrase = ["no profile is red: nothing to restart", "没有红灯的配置，无需重启"];
/// The limit could not be kept.
pub const LEDGER: Phrase =
    ["note: the restart could not be noted down: {why}", "注意：无法记录此次重启：{why}"];
/// The history could not be told of the outcome.
pub const HISTORY: Phrase =
    ["note: the outcome could not be added to the history: {why}", "注意：无法将结果写入历史记录：{why}"];

/// A program is missing.
pub const ERROR_MISSING: Phrase = ["{program} is not on this machine", "本机没有 {program}"];
/// A program is silent.
pub const ERROR_TIMED_OUT: Phrase =
    ["{program} did not answer within {seconds} s", "{program} 在 {seconds} 秒内没有响应"];
/// A program refuses.
pub const ERROR_REFUSED: Phrase =
    ["{program} {action}: exit code {code}: {words}", "{program} {action}：退出码 {code}：{words}"];
/// A program's answer is odd.
pub const ERROR_ODD: Phrase =
    ["{program} {action} (exit code {code}): {what}", "{program} {action}（退出码 {code}）：{what}"];
/// What is odd.
pub const ODD_NOT_UNDERSTOOD: Phrase = ["its answer is not understood: {words}", "无法理解其回答：{words}"];
/// What is odd.
pub const ODD_CONTRADICTION: Phrase = ["its words contradict each other", "其回答自相矛盾"];
/// What is odd.
pub const ODD_NEVER_ENDS: Phrase = [
    "something is already in progress, and it does not end; try again in a minute",
    "已有操作在进行且一直没有结束，请稍后再试",
];
/// What is odd.
pub const ODD_STILL_REGISTERED: Phrase = [
    "the job was to be unloaded and is still registered; try again in a minute",
    "任务本应已卸载，却仍处于注册状态，请稍后再试",
];
/// What is odd.
pub const ODD_NOT_REGISTERED: Phrase = [
    "the job is not registered all the same; log out and in again, then look at gatelight status",
    "任务仍然没有注册；请注销并重新登录，再用 gatelight status 查看",
];
/// A domain that does not take the job.
pub const ERROR_DOMAIN: Phrase = [
    "launchd cannot manage {label} in {domain}: {words}. Check the job file (gatelight doctor); where that finds nothing, log \
     out and in again",
    "launchd 无法在 {domain} 中管理 {label}：{words}。请检查任务文件（gatelight doctor）；如无问题，请注销后重新登录",
];
/// A job file that launchd would refuse.
pub const ERROR_LOOSE: Phrase = [
    "launchd refuses {path}: others may write to it (mode {mode}). First: chmod go-w {path}",
    "launchd 会拒绝 {path}：其他用户可以写它（权限 {mode}）。请先执行：chmod go-w {path}",
];
/// A job file that launchd would refuse.
pub const ERROR_BAD_FILE: Phrase = [
    "launchd cannot use {path}: {why}. Mend the file first, or let Hermes write it anew: hermes gateway install",
    "launchd 无法使用 {path}：{why}。请先修正该文件，或让 Hermes 重新生成：hermes gateway install",
];
/// No user manager to talk to.
pub const ERROR_NO_USER_MANAGER: Phrase = [
    "{words}. Set XDG_RUNTIME_DIR=/run/user/$(id -u) and try again",
    "{words}。请设置 XDG_RUNTIME_DIR=/run/user/$(id -u) 后重试",
];
/// A disabled job.
pub const ERROR_DISABLED: Phrase =
    ["the job is disabled; to allow it: {enable}", "任务已被禁用；如需启用：{enable}"];

/// Why a profile cannot be restarted from here, as the answer to a request.
pub fn not_restarted(lang: Lang, obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::NoJob => lang.pick(UNSUPERVISED).to_owned(),
        Obstacle::NoManager(manager) => fill(lang.pick(NO_MANAGER), &[("manager", manager.word())]),
        Obstacle::NoUserBus => lang.pick(NO_USER_BUS).to_owned(),
    }
}

/// The same as a short sentence beside a greyed-out Restart.
pub fn obstacle(lang: Lang, obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::NoJob => lang.pick(OBSTACLE_NO_JOB).to_owned(),
        Obstacle::NoManager(manager) => fill(lang.pick(OBSTACLE_NO_MANAGER), &[("manager", manager.word())]),
        Obstacle::NoUserBus => lang.pick(OBSTACLE_NO_USER_BUS).to_owned(),
    }
}

/// A step under way, in words; `retrying`: why the new process's last attempt failed, while it goes on trying.
pub fn step(lang: Lang, step: RestartStep, retrying: Option<Reason>) -> String {
    let phrase = match (step, retrying) {
        (RestartStep::EndingOld, _) => ENDING_OLD,
        (RestartStep::StartingNew, _) => STARTING_NEW,
        (RestartStep::ProvingLink, None) => PROVING_LINK,
        (RestartStep::ProvingLink, Some(reason)) => {
            return fill(lang.pick(RETRYING), &[("title", &super::reason::title(lang, reason, None))]);
        }
    };
    lang.pick(phrase).to_owned()
}

/// A step as the place where something happened.
pub const fn at_step(step: RestartStep) -> Phrase {
    match step {
        RestartStep::EndingOld => AT_ENDING_OLD,
        RestartStep::StartingNew => AT_STARTING_NEW,
        RestartStep::ProvingLink => AT_PROVING_LINK,
    }
}

/// An outcome in one sentence.
pub fn outcome(lang: Lang, outcome: &RestartOutcome) -> String {
    match outcome {
        RestartOutcome::Worked { took, pid, killed } => {
            let phrase = if *killed { WORKED_KILLED } else { WORKED };
            fill(lang.pick(phrase), &[("took", &duration(lang, *took)), ("pid", &pid.to_string())])
        }
        RestartOutcome::Failed { step, why } => {
            fill(lang.pick(FAILED), &[("where", lang.pick(at_step(*step))), ("why", why)])
        }
        RestartOutcome::CannotTell { step, why } => {
            fill(lang.pick(CANNOT_TELL), &[("where", lang.pick(at_step(*step))), ("why", why)])
        }
    }
}

/// An error of a manager in one sentence; the manager's own words stay as they are.
pub fn error(lang: Lang, error: &SupervisorError) -> String {
    match error {
        SupervisorError::Missing { program } => fill(lang.pick(ERROR_MISSING), &[("program", program)]),
        SupervisorError::TimedOut { program, after } => {
            let seconds = format!("{}", after.as_secs_f32());
            fill(lang.pick(ERROR_TIMED_OUT), &[("program", program), ("seconds", &seconds)])
        }
        SupervisorError::Refused { program, action, code, words } => fill(
            lang.pick(ERROR_REFUSED),
            &[("program", program), ("action", action), ("code", &code.to_string()), ("words", words)],
        ),
        SupervisorError::Odd { program, action, code, odd, words } => {
            let phrase = match odd {
                Odd::NotUnderstood => ODD_NOT_UNDERSTOOD,
                Odd::Contradiction => ODD_CONTRADICTION,
                Odd::NeverEnds => ODD_NEVER_ENDS,
                Odd::StillRegistered => ODD_STILL_REGISTERED,
                Odd::NotRegistered => ODD_NOT_REGISTERED,
            };
            let what = fill(lang.pick(phrase), &[("words", words)]);
            let values =
                [("program", &**program), ("action", action), ("code", &code.to_string()), ("what", &what)];
            fill(lang.pick(ERROR_ODD), &values)
        }
        SupervisorError::Domain { label, domain, words } => {
            fill(lang.pick(ERROR_DOMAIN), &[("label", label), ("domain", domain), ("words", words)])
        }
        SupervisorError::BadFile { path, why } => {
            let path = path.display().to_string();
            let why = match why {
                BadFile::Loose(mode) => {
                    let mode = format!("{mode:04o}");
                    return fill(lang.pick(ERROR_LOOSE), &[("path", &path), ("mode", &mode)]);
                }
                BadFile::List(error) => error.text(lang),
                BadFile::Io(error) => super::error::io(lang, error),
            };
            fill(lang.pick(ERROR_BAD_FILE), &[("path", &path), ("why", &why)])
        }
        SupervisorError::Disabled { enable } => fill(lang.pick(ERROR_DISABLED), &[("enable", enable)]),
        SupervisorError::NoUserManager(words) => fill(lang.pick(ERROR_NO_USER_MANAGER), &[("words", words)]),
        SupervisorError::Io { program, source } => format!("{program}: {}", super::error::io(lang, source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            STILL_THERE,
            NO_NEW_PROCESS,
            NOT_LOADED,
            STOPPED_MEANWHILE,
            LAST_EXIT,
            LAST_SIGNAL,
            NO_PROOF,
            NOTHING_SEEN,
            NOBODY_WATCHES,
            UNSUPERVISED,
            NO_MANAGER,
            NO_USER_BUS,
            OBSTACLE_NO_JOB,
            OBSTACLE_NO_MANAGER,
            OBSTACLE_NO_USER_BUS,
            ERROR_NO_USER_MANAGER,
            DOES_NOT_HELP,
            RESTART_ANYWAY,
            NOT_CONFIRMED,
            TOO_MANY,
            UNDER_WAY,
            JOINED_SILENT,
            JOINED_LATE,
            NOTHING_RED,
            RETRYING,
            LEDGER,
            HISTORY,
            ERROR_MISSING,
            ERROR_TIMED_OUT,
            ERROR_REFUSED,
            ERROR_ODD,
            ODD_NOT_UNDERSTOOD,
            ODD_CONTRADICTION,
            ODD_NEVER_ENDS,
            ODD_STILL_REGISTERED,
            ODD_NOT_REGISTERED,
            ERROR_DOMAIN,
            ERROR_LOOSE,
            ERROR_BAD_FILE,
            ERROR_DISABLED,
        ];
        let names = |text: &str| {
            let mut names: Vec<String> =
                text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect();
            names.sort();
            names
        };
        for [en, zh] in all {
            assert_eq!(names(en), names(zh), "{en}");
            assert!(!zh.is_ascii() || en.starts_with('{'), "{zh}");
        }
    }
}
