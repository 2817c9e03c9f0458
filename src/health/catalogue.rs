//! Every reason with its code, its light, whether a restart helps, and its texts in both languages. Data only: code
//! that treats one reason differently belongs in `judge`.
//!
//! `{platform}` in a text is the platform's name, `{missing}` and `{total}` count links.

use super::reason::{Light, Reason, RestartHelps};

/// One reason with its texts: `[English, Simplified Chinese]`. `{platform}` in them is the name of the platform.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The reason.
    pub reason: Reason,
    /// The stable code in JSON and recordings.
    pub code: &'static str,
    /// The light that it puts on.
    pub light: Light,
    /// Whether a restart helps; `None` where nothing is wrong.
    pub restart: Option<RestartHelps>,
    /// A few words for menu rows and notices.
    pub title: [&'static str; 2],
    /// One sentence: what it means.
    pub meaning: [&'static str; 2],
    /// One sentence: what to do; empty where there is nothing to do.
    pub advice: [&'static str; 2],
}

const fn entry(
    reason: Reason,
    code: &'static str,
    light: Light,
    restart: Option<RestartHelps>,
    title: [&'static str; 2],
    meaning: [&'static str; 2],
    advice: [&'static str; 2],
) -> Entry {
    Entry { reason, code, light, restart, title, meaning, advice }
}

use RestartHelps::{AfterFixingCredentials, ByForce, No, NoRepair, WhenNetworkIsBack, Yes};

/// Every reason, in the order of [`Reason`].
pub static CATALOGUE: &[Entry] = &[
    entry(
        Reason::CrashLoop,
        "crash-loop",
        Light::Red,
        Some(No),
        ["keeps crashing at start", "启动后反复崩溃"],
        ["The gateway was started more than 5 times within 2 minutes.", "网关在 2 分钟内启动了 5 次以上。"],
        [
            "Find the cause of the crash in the log; another restart would only add one more crash.",
            "请在日志中查找崩溃原因；再次重启只会多崩溃一次。",
        ],
    ),
    entry(
        Reason::ReplaceLoop,
        "replace-loop",
        Light::Red,
        Some(NoRepair),
        ["instances kill each other", "多个实例互相结束"],
        [
            "Gateway instances started with --replace took over from each other 3 times within 10 minutes.",
            "以 --replace 启动的网关实例在 10 分钟内互相接管了 3 次。",
        ],
        [
            "Remove --replace from the job file: gatelight doctor --fix.",
            "请从任务文件中删除 --replace：gatelight doctor --fix。",
        ],
    ),
    entry(
        Reason::AppInUse,
        "app-in-use",
        Light::Red,
        Some(No),
        ["{platform} account used by another gateway", "{platform} 账号已被另一个网关占用"],
        [
            "Another gateway on this machine uses this {platform} account.",
            "本机另一个网关已在使用同一个 {platform} 账号。",
        ],
        [
            "Stop the other gateway, or give this profile its own account.",
            "请停止另一个网关，或为此 profile 使用单独的账号。",
        ],
    ),
    entry(
        Reason::AdapterMissing,
        "adapter-missing",
        Light::Red,
        Some(No),
        ["{platform} adapter missing", "缺少 {platform} 适配器"],
        ["The gateway cannot load its {platform} adapter.", "网关无法加载 {platform} 适配器。"],
        [
            "Install the platform's package into the gateway's environment, then restart.",
            "请在网关的环境中安装该平台所需的软件包，然后重启。",
        ],
    ),
    entry(
        Reason::ConfigError,
        "config-error",
        Light::Red,
        Some(No),
        ["configuration error", "配置错误"],
        ["The gateway cannot start with its configuration.", "网关无法以当前配置启动。"],
        ["Fix the setting that the log names, then restart.", "请修正日志中指出的配置，然后重启。"],
    ),
    entry(
        Reason::NotLoaded,
        "not-loaded",
        Light::Red,
        Some(Yes),
        ["job not loaded", "任务未加载"],
        [
            "The job file exists, but launchd has not loaded the job: nothing starts the gateway.",
            "任务文件存在，但 launchd 没有加载该任务：网关不会启动。",
        ],
        ["Restart: this loads the job and starts the gateway.", "请重启：重启会加载任务并启动网关。"],
    ),
    entry(
        Reason::NotRunning,
        "not-running",
        Light::Red,
        Some(Yes),
        ["not running", "未运行"],
        ["The gateway process has ended, and nothing starts it again.", "网关进程已退出，且不会自动启动。"],
        ["Restart it.", "请重启。"],
    ),
    entry(
        Reason::Stopped,
        "stopped",
        Light::Grey,
        None,
        ["stopped on purpose", "已主动停止"],
        ["The gateway was stopped on purpose.", "网关是被主动停止的。"],
        ["", ""],
    ),
    entry(
        Reason::ProcessSuspended,
        "process-suspended",
        Light::Red,
        Some(Yes),
        ["process suspended", "进程被挂起"],
        [
            "The process is suspended by a signal (state T) and does nothing.",
            "进程被信号挂起（状态 T），已停止工作。",
        ],
        ["Restart it, or resume it with kill -CONT.", "请重启，或用 kill -CONT 恢复运行。"],
    ),
    entry(
        Reason::NotExiting,
        "not-exiting",
        Light::Red,
        Some(ByForce),
        ["does not exit", "迟迟不退出"],
        [
            "The gateway logged that it is exiting, but its process is still running.",
            "网关日志显示正在退出，但进程仍在运行。",
        ],
        ["Force a restart: the old process has to be killed.", "请强制重启：需要强制结束旧进程。"],
    ),
    entry(
        Reason::EventLoopFrozen,
        "event-loop-frozen",
        Light::Red,
        Some(ByForce),
        ["event loop frozen", "事件循环卡死"],
        ["The gateway's heartbeat stopped: its event loop is blocked.", "网关心跳已停止：事件循环被阻塞。"],
        [
            "Force a restart: a frozen event loop ignores SIGTERM.",
            "请强制重启：事件循环卡死的进程不响应 SIGTERM。",
        ],
    ),
    entry(
        Reason::ExecutorShutdown,
        "executor-shutdown",
        Light::Red,
        Some(Yes),
        ["executor dead: a hollow shell", "executor 已关闭：进程成了空壳"],
        [
            "The gateway's executor is shut down: it looks connected, but cannot answer any message.",
            "网关的 executor 已关闭：看似在线，实际无法回复任何消息。",
        ],
        ["Restart it: only a new process fixes this.", "请重启：只有新进程才能恢复。"],
    ),
    entry(
        Reason::StartStalled,
        "start-stalled",
        Light::Red,
        Some(ByForce),
        ["hangs at start", "启动时卡住"],
        [
            "The process was started, but has not written any log line, file or heartbeat since.",
            "进程已启动，但至今没有任何日志、文件或心跳。",
        ],
        [
            "Force a restart; if it hangs again, run the command from its job file in a terminal.",
            "请强制重启；若再次卡住，请在终端中运行任务文件里的命令。",
        ],
    ),
    entry(
        Reason::ShutdownStalled,
        "shutdown-stalled",
        Light::Red,
        Some(ByForce),
        ["hangs at shutdown", "停止时卡住"],
        [
            "A shutdown began, but the process neither exited nor resumed work.",
            "网关已开始停止，但进程既未退出，也未恢复工作。",
        ],
        ["Force a restart.", "请强制重启。"],
    ),
    entry(
        Reason::AuthRejected,
        "auth-rejected",
        Light::Red,
        Some(AfterFixingCredentials),
        ["{platform} credentials refused", "{platform} 凭据被拒绝"],
        ["{platform} refuses this profile's credentials.", "{platform} 拒绝了此 profile 的凭据。"],
        ["Fix the credentials, then restart.", "请修正凭据，然后重启。"],
    ),
    entry(
        Reason::WrongEventLoop,
        "wrong-event-loop",
        Light::Red,
        Some(Yes),
        ["{platform} client on a wrong event loop", "{platform} 客户端绑定了错误的事件循环"],
        [
            "The {platform} client runs on the wrong event loop and receives no messages.",
            "{platform} 客户端运行在错误的事件循环上，收不到消息。",
        ],
        [
            "Restart it. It happens again with several {platform} bots in one gateway: give each its own gateway.",
            "请重启。同一网关内有多个 {platform} 机器人时会再次出现：请为每个机器人使用单独的网关。",
        ],
    ),
    entry(
        Reason::LinkConflict,
        "link-conflict",
        Light::Red,
        Some(No),
        ["another client uses this {platform} account", "另一个客户端正在使用此 {platform} 账号"],
        [
            "{platform} gave the connection to another client of the same account.",
            "{platform} 已把连接分配给同一账号的另一个客户端。",
        ],
        [
            "Stop the other client (another machine, a test script), then restart.",
            "请停止另一个客户端（其他机器或测试脚本），然后重启。",
        ],
    ),
    entry(
        Reason::LinkEnded,
        "link-ended",
        Light::Red,
        Some(Yes),
        ["{platform} link ended", "{platform} 连接已终止"],
        [
            "The {platform} link ended, and this process does not reconnect.",
            "{platform} 连接已终止，此进程不会重连。",
        ],
        ["Restart it.", "请重启。"],
    ),
    entry(
        Reason::LinksMissing,
        "links-missing",
        Light::Red,
        Some(Yes),
        ["some {platform} links are down", "部分 {platform} 连接中断"],
        [
            "{missing} of {total} {platform} links are down; the log does not say which.",
            "{total} 个 {platform} 连接中有 {missing} 个中断；日志未说明是哪些。",
        ],
        [
            "Restart it. If it happens again, give each {platform} bot its own gateway.",
            "请重启。如果再次出现，请为每个 {platform} 机器人使用单独的网关。",
        ],
    ),
    entry(
        Reason::ConnectionLimit,
        "connection-limit",
        Light::Red,
        Some(No),
        ["too many {platform} connections", "{platform} 连接数超限"],
        ["{platform} refuses further connections of this account.", "{platform} 拒绝此账号建立更多连接。"],
        ["Stop the other clients that use this account.", "请停止使用同一账号的其他客户端。"],
    ),
    entry(
        Reason::NetworkUnreachable,
        "network-unreachable",
        Light::Red,
        Some(WhenNetworkIsBack),
        ["{platform} cannot be reached", "无法连接 {platform}"],
        ["The last attempt to reach {platform} failed.", "最近一次连接 {platform} 的尝试失败。"],
        [
            "Check network, DNS and proxy; the gateway retries by itself.",
            "请检查网络、DNS 和代理；网关会自动重试。",
        ],
    ),
    entry(
        Reason::ReconnectStalled,
        "reconnect-stalled",
        Light::Red,
        Some(Yes),
        ["link not back", "连接未恢复"],
        [
            "The link should be back by now, but there is no sign of it.",
            "连接早该恢复，但至今没有恢复的迹象。",
        ],
        ["Restart it.", "请重启。"],
    ),
    entry(
        Reason::Draining,
        "draining",
        Light::Amber,
        Some(No),
        ["finishing answers", "正在完成回复"],
        [
            "The gateway is finishing its current answers before it exits.",
            "网关正在完成当前的回复，之后才会退出。",
        ],
        ["Wait; a restart now would cut off answers.", "请等待；现在重启会中断正在生成的回复。"],
    ),
    entry(
        Reason::Stopping,
        "stopping",
        Light::Amber,
        None,
        ["stopping", "正在停止"],
        [
            "The gateway has stopped; a script that it started is still running.",
            "网关已停止；由它启动的脚本仍在运行。",
        ],
        ["", ""],
    ),
    entry(
        Reason::Updating,
        "updating",
        Light::Amber,
        Some(No),
        ["Hermes is being updated", "Hermes 正在更新"],
        [
            "The gateway went down while Hermes is being updated; the update starts it again.",
            "网关在 Hermes 更新期间停止；更新会重新启动它。",
        ],
        [
            "Wait; a restart now may meet half of the new version.",
            "请等待；现在重启可能会遇到尚未装完的新版本。",
        ],
    ),
    entry(
        Reason::Restarting,
        "restarting",
        Light::Amber,
        None,
        ["restarting", "正在重启"],
        ["The gateway is restarting.", "网关正在重启。"],
        ["", ""],
    ),
    entry(
        Reason::Starting,
        "starting",
        Light::Amber,
        None,
        ["starting", "正在启动"],
        ["A new process is starting; it is not connected yet.", "新进程正在启动，尚未连接。"],
        ["", ""],
    ),
    entry(
        Reason::Reconnecting,
        "reconnecting",
        Light::Amber,
        None,
        ["reconnecting", "正在重连"],
        [
            "The link was lost a moment ago; the gateway reconnects by itself.",
            "连接刚刚断开，网关正在自动重连。",
        ],
        ["", ""],
    ),
    entry(
        Reason::Recovering,
        "recovering",
        Light::Amber,
        None,
        ["{platform} recovering", "{platform} 正在恢复"],
        [
            "The gateway reports the {platform} link as back, but not for long enough to be sure.",
            "网关日志显示 {platform} 连接已恢复，但时间尚短，还不能确认。",
        ],
        ["", ""],
    ),
    entry(
        Reason::Flapping,
        "flapping",
        Light::Amber,
        None,
        ["{platform} link unstable", "{platform} 连接不稳定"],
        [
            "The {platform} link was lost and recovered at least 4 times within 10 minutes.",
            "{platform} 连接在 10 分钟内至少断开并恢复了 4 次。",
        ],
        [
            "Check the network, and whether another client uses the same account.",
            "请检查网络，以及是否有其他客户端使用同一账号。",
        ],
    ),
    entry(
        Reason::LinkPaused,
        "link-paused",
        Light::Amber,
        None,
        ["{platform} paused", "{platform} 已暂停"],
        ["{platform} was paused in this gateway.", "{platform} 在此网关中被暂停。"],
        [
            "Send /platform resume to the gateway, or ignore this link.",
            "请向网关发送 /platform resume，或忽略此连接。",
        ],
    ),
    entry(
        Reason::CronEnded,
        "cron-ended",
        Light::Amber,
        Some(Yes),
        ["scheduled jobs do not run", "定时任务没有运行"],
        [
            "The gateway answers, but its cron scheduler has ended: scheduled jobs no longer run.",
            "网关能正常应答，但其定时任务调度器已停止：不再运行任何任务。",
        ],
        ["Restart it: only a new process starts the scheduler.", "请重启：只有新进程才会启动调度器。"],
    ),
    entry(
        Reason::CronFailing,
        "cron-failing",
        Light::Amber,
        Some(No),
        ["scheduled jobs do not run: every tick fails", "定时任务没有运行：每次调度都失败"],
        [
            "The gateway answers, but every tick of its cron scheduler fails: no scheduled job runs.",
            "网关能正常应答，但其定时任务调度器每次调度都失败：没有任何任务运行。",
        ],
        [
            "Read the log line: usually cron/jobs.json is damaged. Repair it; a restart does not help.",
            "请查看该行日志：多数情况是 cron/jobs.json 已损坏。请修复该文件；重启无效。",
        ],
    ),
    entry(
        Reason::Unsupervised,
        "unsupervised",
        Light::Amber,
        None,
        ["works, but unsupervised", "正常工作，但未受服务管理器托管"],
        [
            "The gateway works, but no service manager would restart it after a crash.",
            "网关在正常工作，但崩溃后不会由服务管理器重新启动。",
        ],
        [
            "Load its job (Restart does that) or install its service; or accept this state in the settings.",
            "请加载其任务（重启即可）或安装其服务；也可在设置中接受此状态。",
        ],
    ),
    entry(
        Reason::Connected,
        "connected",
        Light::Green,
        None,
        ["connected", "已连接"],
        ["The link is up.", "连接正常。"],
        ["", ""],
    ),
    entry(
        Reason::Running,
        "running",
        Light::Green,
        None,
        ["running", "运行中"],
        [
            "The gateway is running; this profile has no link to watch.",
            "网关运行正常；此 profile 没有需要监视的连接。",
        ],
        ["", ""],
    ),
    entry(
        Reason::Served,
        "served",
        Light::Grey,
        None,
        ["served by another gateway", "由另一个网关提供服务"],
        [
            "The gateway of another profile serves this profile; its own links are not visible.",
            "此 profile 由另一个 profile 的网关提供服务；看不到它自己的连接。",
        ],
        ["", ""],
    ),
    entry(
        Reason::NoEvidence,
        "no-evidence",
        Light::Grey,
        None,
        ["no evidence yet", "尚无依据"],
        ["Nothing is known about this profile yet.", "尚无此 profile 的任何信息。"],
        ["", ""],
    ),
];

impl Reason {
    /// All of them, in order of explanation.
    pub fn all() -> impl Iterator<Item = Self> {
        CATALOGUE.iter().map(|e| e.reason)
    }

    /// The entry of the catalogue.
    pub fn entry(self) -> &'static Entry {
        &CATALOGUE[self as usize]
    }

    /// The stable code, as in JSON.
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// The light that it puts on.
    pub fn light(self) -> Light {
        self.entry().light
    }

    /// Whether a restart helps; `None` where nothing is wrong.
    pub fn restart(self) -> Option<RestartHelps> {
        self.entry().restart
    }

    /// Whether the gateway answers, even if nobody would restart it or its scheduled jobs do not run.
    pub fn works(self) -> bool {
        self.light() == Light::Green
            || matches!(self, Self::Unsupervised | Self::CronEnded | Self::CronFailing)
    }

    /// The reason of this code.
    pub fn from_code(code: &str) -> Option<Self> {
        CATALOGUE.iter().find(|e| e.code == code).map(|e| e.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_stands_in_the_order_of_the_enum_and_is_complete_in_both_languages() {
        for (i, e) in CATALOGUE.iter().enumerate() {
            assert_eq!(e.reason as usize, i, "{}", e.code);
            assert_eq!(Reason::from_code(e.code), Some(e.reason));
            for texts in [e.title, e.meaning] {
                assert!(texts.iter().all(|t| !t.is_empty()), "{}", e.code);
            }
            assert_eq!(e.advice[0].is_empty(), e.advice[1].is_empty(), "{}", e.code);
            let json = serde_json::to_string(&e.reason).unwrap();
            assert_eq!(json, format!("\"{}\"", e.code));
        }
        assert_eq!(CATALOGUE.len(), Reason::NoEvidence as usize + 1);
    }
}
