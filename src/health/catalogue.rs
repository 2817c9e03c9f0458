//! Every reason with its code, its light, whether a restart helps, and its texts in both languages. Data, not branches:
//! code that treats one reason apart belongs into `judge`.
//!
//! `{platform}` in a text is the platform's name, `{missing}` and `{total}` count links.

use super::reason::{Light, Reason, RestartHelps};

/// One reason with all that is said of it. Texts are `[English, Simplified Chinese]`; `{platform}` in them is the name of
/// the platform.
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
        ["keeps crashing at start", "反复启动失败"],
        ["The gateway was started more than 5 times within 2 minutes.", "网关在 2 分钟内启动了 5 次以上。"],
        [
            "Read the log for what ends it; another restart only adds one more start.",
            "请查看日志找出退出原因；再重启只会多一次启动。",
        ],
    ),
    entry(
        Reason::ReplaceLoop,
        "replace-loop",
        Light::Red,
        Some(NoRepair),
        ["instances replace each other", "多个实例互相替换"],
        [
            "Gateway instances took over from each other 3 times within 10 minutes.",
            "网关实例在 10 分钟内互相接管了 3 次。",
        ],
        [
            "Remove --replace from the job file: gatelight doctor --fix.",
            "请从任务文件中移除 --replace：gatelight doctor --fix。",
        ],
    ),
    entry(
        Reason::AppInUse,
        "app-in-use",
        Light::Red,
        Some(No),
        ["{platform} account used by another gateway", "{platform} 账号已被另一个网关占用"],
        [
            "Another gateway on this machine already holds this {platform} account.",
            "本机另一个网关已在使用同一个 {platform} 账号。",
        ],
        [
            "Stop the other gateway, or give this profile an account of its own.",
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
        ["configuration refused", "配置错误"],
        ["The gateway cannot start with its configuration.", "网关无法以当前配置启动。"],
        [
            "Mend the configuration that the log names, then start it again.",
            "请修正日志中指出的配置，然后重新启动。",
        ],
    ),
    entry(
        Reason::NotLoaded,
        "not-loaded",
        Light::Red,
        Some(Yes),
        ["job not loaded", "任务未加载"],
        [
            "The job file is there, but launchd does not know the job: nobody starts the gateway.",
            "任务文件存在，但 launchd 没有加载它：没有人启动网关。",
        ],
        ["Restart loads the job and starts it.", "重启会加载任务并启动网关。"],
    ),
    entry(
        Reason::NotRunning,
        "not-running",
        Light::Red,
        Some(Yes),
        ["not running", "未运行"],
        ["The gateway's process is gone and nobody starts it again.", "网关进程已退出，且没有被重新启动。"],
        ["Restart it.", "请重启。"],
    ),
    entry(
        Reason::Stopped,
        "stopped",
        Light::Grey,
        None,
        ["stopped on purpose", "已主动停止"],
        ["Somebody stopped the gateway on purpose.", "网关是被主动停止的。"],
        ["", ""],
    ),
    entry(
        Reason::ProcessSuspended,
        "process-suspended",
        Light::Red,
        Some(Yes),
        ["process suspended", "进程被挂起"],
        [
            "The process is stopped by a signal (state T): it does nothing at all.",
            "进程被信号挂起（状态 T），完全不工作。",
        ],
        ["Restart it, or continue it with kill -CONT.", "请重启，或用 kill -CONT 恢复。"],
    ),
    entry(
        Reason::NotExiting,
        "not-exiting",
        Light::Red,
        Some(ByForce),
        ["does not exit", "无法退出"],
        [
            "The gateway said that it exits, and its process is still there.",
            "网关已声明退出，但进程仍然存在。",
        ],
        ["Restart it by force: the old process has to be killed.", "请强制重启：旧进程需要被杀死。"],
    ),
    entry(
        Reason::EventLoopFrozen,
        "event-loop-frozen",
        Light::Red,
        Some(ByForce),
        ["event loop frozen", "事件循环卡死"],
        [
            "The gateway's heartbeat stopped: its event loop does not turn.",
            "网关心跳已停止：事件循环不再运转。",
        ],
        ["Restart it by force: a frozen loop ignores SIGTERM.", "请强制重启：卡死的循环会忽略 SIGTERM。"],
    ),
    entry(
        Reason::ExecutorShutdown,
        "executor-shutdown",
        Light::Red,
        Some(Yes),
        ["executor dead: a hollow shell", "执行器已关闭：空壳进程"],
        [
            "The gateway's executor is shut down: it looks connected, but can answer nothing.",
            "网关的执行器已关闭：看似在线，实际无法处理任何消息。",
        ],
        ["Restart it: only a new process clears this.", "请重启：只有新进程才能恢复。"],
    ),
    entry(
        Reason::StartStalled,
        "start-stalled",
        Light::Red,
        Some(ByForce),
        ["hangs at start", "启动时卡住"],
        [
            "The process was started, and not one line, file or heartbeat of it has appeared since.",
            "进程已启动，但至今没有写出任何日志、文件或心跳。",
        ],
        [
            "Restart it by force; if it hangs again, run the command of its job file in a terminal.",
            "请强制重启；若再次卡住，请在终端中运行任务文件里的命令。",
        ],
    ),
    entry(
        Reason::ShutdownStalled,
        "shutdown-stalled",
        Light::Red,
        Some(ByForce),
        ["shutdown hangs", "关闭过程卡住"],
        [
            "A shutdown began, and the process neither left nor went on.",
            "网关已开始关闭，但进程既未退出也未恢复。",
        ],
        ["Restart it by force.", "请强制重启。"],
    ),
    entry(
        Reason::AuthRejected,
        "auth-rejected",
        Light::Red,
        Some(AfterFixingCredentials),
        ["{platform} credentials refused", "{platform} 凭据被拒绝"],
        ["{platform} refuses this profile's credentials.", "{platform} 拒绝了此 profile 的凭据。"],
        ["Fix the credentials, then restart.", "请修正凭据后重启。"],
    ),
    entry(
        Reason::WrongEventLoop,
        "wrong-event-loop",
        Light::Red,
        Some(Yes),
        ["{platform} client on a wrong event loop", "{platform} 客户端绑定了错误的事件循环"],
        [
            "The {platform} client was started on another event loop and is deaf.",
            "{platform} 客户端运行在错误的事件循环上，收不到消息。",
        ],
        [
            "Restart it. Several Feishu bots in one gateway run into this again: give each its own gateway.",
            "请重启。同一网关内的多个飞书机器人会再次遇到此问题：请为每个机器人使用单独的网关。",
        ],
    ),
    entry(
        Reason::LinkConflict,
        "link-conflict",
        Light::Red,
        Some(No),
        ["another client uses this {platform} account", "另一个客户端正在使用此 {platform} 账号"],
        [
            "{platform} gives the connection to another client of the same account.",
            "{platform} 把连接给了同一账号的另一个客户端。",
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
            "The {platform} link ended, and this process does not try again.",
            "{platform} 连接已终止，此进程不会再重试。",
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
            "{missing} of {total} {platform} links down; the log does not say whose.",
            "{total} 个 {platform} 连接中有 {missing} 个中断；日志未说明是哪一个。",
        ],
        [
            "Restart it. On Hermes 0.19 give each Feishu bot a gateway of its own.",
            "请重启。Hermes 0.19 中请为每个飞书机器人使用单独的网关。",
        ],
    ),
    entry(
        Reason::ConnectionLimit,
        "connection-limit",
        Light::Red,
        Some(No),
        ["too many {platform} connections", "{platform} 连接数超限"],
        ["{platform} refuses one more connection of this account.", "{platform} 拒绝此账号建立更多连接。"],
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
            "Look at network, DNS and proxy; the gateway tries again by itself.",
            "请检查网络、DNS 与代理；网关会自行重试。",
        ],
    ),
    entry(
        Reason::ReconnectStalled,
        "reconnect-stalled",
        Light::Red,
        Some(Yes),
        ["link not back", "连接未恢复"],
        [
            "The link should be back by now, and nothing proves that it is.",
            "连接早该恢复，但没有任何证据表明已恢复。",
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
            "The gateway finishes what it is working on before it leaves.",
            "网关正在完成手头的工作，之后才会退出。",
        ],
        ["Wait; a restart now would cut answers off.", "请等待；现在重启会中断正在生成的回复。"],
    ),
    entry(
        Reason::Stopping,
        "stopping",
        Light::Amber,
        None,
        ["stopping", "正在停止"],
        [
            "The gateway has stopped; a script that it started still runs.",
            "网关已停止；由它启动的脚本仍在运行。",
        ],
        ["", ""],
    ),
    entry(
        Reason::Restarting,
        "restarting",
        Light::Amber,
        None,
        ["restarting", "正在重启"],
        ["The gateway is on its way down and up again.", "网关正在重启。"],
        ["", ""],
    ),
    entry(
        Reason::Starting,
        "starting",
        Light::Amber,
        None,
        ["starting", "正在启动"],
        ["A new process, not connected yet.", "新进程，尚未连接。"],
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
            "The {platform} link says that it is back; not long enough to be believed.",
            "{platform} 连接声称已恢复，但时间还不够长，尚不可信。",
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
            "The {platform} link was lost and came back 4 times or more within 10 minutes.",
            "{platform} 连接在 10 分钟内断开并恢复了 4 次以上。",
        ],
        [
            "Look for another client of the same account, and at the network.",
            "请检查是否有同一账号的其他客户端，并检查网络。",
        ],
    ),
    entry(
        Reason::LinkPaused,
        "link-paused",
        Light::Amber,
        None,
        ["{platform} paused", "{platform} 已暂停"],
        ["Somebody paused {platform} in this gateway.", "有人在此网关中暂停了 {platform}。"],
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
            "The gateway answers, and its scheduler of cron jobs has ended: no job runs any more.",
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
            "The gateway answers, and each tick of its scheduler of cron jobs fails: no job runs.",
            "网关能正常应答，但其定时任务调度器每次调度都失败：没有任何任务运行。",
        ],
        [
            "Read the line: mostly cron/jobs.json is damaged. Repair that; a restart changes nothing.",
            "请查看该行日志：多数情况是 cron/jobs.json 已损坏。请修复它；重启没有用。",
        ],
    ),
    entry(
        Reason::Unsupervised,
        "unsupervised",
        Light::Amber,
        None,
        ["connected, but unsupervised", "已连接，但无人看管"],
        [
            "Connected, but no service manager would bring it back.",
            "已连接，但没有服务管理器会在退出后拉起它。",
        ],
        [
            "Load its job (Restart does that) or install its service; or accept it in the settings.",
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
        ["Alive and well; no link of this profile is watched.", "运行正常；此 profile 没有需要监视的连接。"],
        ["", ""],
    ),
    entry(
        Reason::Served,
        "served",
        Light::Grey,
        None,
        ["served by another gateway", "由另一个网关服务"],
        [
            "Another profile's gateway serves this profile; no link of its own shows.",
            "此 profile 由另一个 profile 的网关服务；看不到它自己的连接。",
        ],
        ["", ""],
    ),
    entry(
        Reason::NoEvidence,
        "no-evidence",
        Light::Grey,
        None,
        ["no evidence yet", "暂无证据"],
        ["Nothing is known about this profile yet.", "尚无此配置的任何信息。"],
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
