//! The catalogue of reasons: what each one is called, which light it puts on, whether a restart helps, and how it
//! is told in both languages. Data, not branches: code that treats one reason apart belongs into [`super::judge`].

use serde::{Deserialize, Serialize};

/// What the icon shows for one profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    /// Proven to work.
    Green,
    /// Stopped on purpose, or nothing known.
    Grey,
    /// On its way: starting, reconnecting, restarting; or at work with nobody to bring it back.
    Amber,
    /// Does not work.
    Red,
}

impl Light {
    /// The word used in JSON and recordings.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Grey => "grey",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }

    /// A shape of its own for each light, so that the colour is never the only sign.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Green => "●",
            Self::Grey => "○",
            Self::Amber => "◐",
            Self::Red => "✖",
        }
    }
}

/// Whether restarting the gateway would clear the trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartHelps {
    /// A new process clears it.
    Yes,
    /// A new process clears it, but the old one will not leave by itself: it has to be killed.
    ByForce,
    /// Not before the network works again.
    WhenNetworkIsBack,
    /// Not before somebody mended the credentials.
    AfterMendingCredentials,
    /// It would not.
    No,
    /// It would not: the job file has to be repaired (`gatelight doctor --fix`).
    NoRepair,
}

impl RestartHelps {
    /// Whether pressing Restart now is sensible advice.
    pub const fn now(self) -> bool {
        matches!(self, Self::Yes | Self::ByForce)
    }
}

/// Why a light is what it is. The order is the order of explanation: where several hold, the first shows and the
/// others become notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Started too often in a short time.
    CrashLoop,
    /// Instances keep taking over from each other.
    ReplaceLoop,
    /// Another local gateway holds the same Feishu app.
    AppInUse,
    /// The Feishu adapter cannot be loaded.
    AdapterMissing,
    /// The gateway refuses its configuration.
    ConfigError,
    /// The job file is there, launchd does not know the job.
    NotLoaded,
    /// The process is gone and nobody starts it again.
    NotRunning,
    /// Stopped on purpose.
    Stopped,
    /// The process is stopped by a signal (state T).
    ProcessSuspended,
    /// Said that it exits, and does not.
    NotExiting,
    /// The event loop does not turn.
    EventLoopFrozen,
    /// The executor is shut down: nothing can be sent any more.
    ExecutorShutdown,
    /// The Feishu client was started on another event loop.
    WrongEventLoop,
    /// Feishu refuses the credentials.
    AuthRejected,
    /// Feishu refuses one more connection of this app.
    ConnectionLimit,
    /// Feishu cannot be reached.
    NetworkUnreachable,
    /// The link should be back by now, and is not.
    ReconnectStalled,
    /// On its way down and up again.
    Restarting,
    /// A new process without a link yet.
    Starting,
    /// The link was lost a moment ago.
    Reconnecting,
    /// Connected, but nobody would bring it back.
    Unsupervised,
    /// The link is proven.
    Connected,
    /// Alive and well, without Feishu.
    Running,
    /// Nothing known yet.
    NoEvidence,
}

/// One reason with all that is said of it. Texts are `[English, Simplified Chinese]`.
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

    /// Whether the gateway does its work, even if nobody would restart it.
    pub fn works(self) -> bool {
        self.light() == Light::Green || self == Self::Unsupervised
    }

    /// The reason of this code.
    pub fn from_code(code: &str) -> Option<Self> {
        CATALOGUE.iter().find(|e| e.code == code).map(|e| e.reason)
    }
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

use RestartHelps::{AfterMendingCredentials, ByForce, No, NoRepair, WhenNetworkIsBack, Yes};

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
        ["Feishu app used by another gateway", "飞书应用已被另一个网关占用"],
        [
            "Another gateway on this machine already holds this Feishu app.",
            "本机另一个网关已在使用同一个飞书应用。",
        ],
        [
            "Stop the other gateway, or give this profile an app of its own.",
            "请停止另一个网关，或为此配置使用单独的应用。",
        ],
    ),
    entry(
        Reason::AdapterMissing,
        "adapter-missing",
        Light::Red,
        Some(No),
        ["Feishu adapter missing", "缺少飞书适配器"],
        ["The gateway cannot load its Feishu adapter.", "网关无法加载飞书适配器。"],
        [
            "Install what the log names (lark-oapi), then restart.",
            "请安装日志中提到的依赖（lark-oapi），然后重启。",
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
        Reason::WrongEventLoop,
        "wrong-event-loop",
        Light::Red,
        Some(Yes),
        ["Feishu client on a wrong event loop", "飞书客户端绑定了错误的事件循环"],
        [
            "The Feishu client was started on another event loop and is deaf.",
            "飞书客户端运行在错误的事件循环上，收不到消息。",
        ],
        ["Restart it.", "请重启。"],
    ),
    entry(
        Reason::AuthRejected,
        "auth-rejected",
        Light::Red,
        Some(AfterMendingCredentials),
        ["credentials refused", "凭据被拒绝"],
        ["Feishu refuses this app's credentials.", "飞书拒绝了此应用的凭据。"],
        [
            "Mend the app ID and secret, then restart: the gateway does not try again by itself.",
            "请修正 app_id 与 app_secret 后重启：网关不会自行重试。",
        ],
    ),
    entry(
        Reason::ConnectionLimit,
        "connection-limit",
        Light::Red,
        Some(No),
        ["too many connections", "连接数超限"],
        ["Feishu refuses one more connection of this app.", "飞书拒绝此应用建立更多连接。"],
        ["Stop the other clients that use this app.", "请停止使用同一应用的其他客户端。"],
    ),
    entry(
        Reason::NetworkUnreachable,
        "network-unreachable",
        Light::Red,
        Some(WhenNetworkIsBack),
        ["Feishu cannot be reached", "无法连接飞书"],
        ["The last attempt to reach Feishu failed.", "最近一次连接飞书的尝试失败。"],
        [
            "Look at network, DNS and proxy; the gateway tries again every 2 minutes.",
            "请检查网络、DNS 与代理；网关每 2 分钟重试一次。",
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
        ["The link to Feishu is proven.", "与飞书的连接已被证实。"],
        ["", ""],
    ),
    entry(
        Reason::Running,
        "running",
        Light::Green,
        None,
        ["running", "运行中"],
        ["Alive and well; this profile has no Feishu.", "运行正常；此配置未启用飞书。"],
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

    #[test]
    fn worst_light_wins() {
        assert!(Light::Red > Light::Amber && Light::Amber > Light::Grey && Light::Grey > Light::Green);
    }
}
