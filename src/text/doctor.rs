//! The doctor's phrases.

use super::Phrase;

pub(crate) const REPLACE_FLAG: [Phrase; 2] = [
    [
        "the job starts its gateway with --replace: every start ends the one that runs, and two starters end each other in turn",
        "任务用 --replace 启动网关：每次启动都会结束正在运行的网关，两个启动方会互相结束对方",
    ],
    [
        "take --replace out of the job file and reload the job (gatelight doctor --fix)",
        "从任务文件中删除 --replace 并重新加载（gatelight doctor --fix）",
    ],
];
pub(crate) const REPLACE_FLAG_BACK: [Phrase; 2] = [
    [
        "--replace is back: it was taken out before, and the file was written again since (Hermes rewrites it on start, restart and update)",
        "--replace 又回来了：之前已删除，但任务文件后来被重新写过（Hermes 在启动、重启和更新时会重写它）",
    ],
    [
        "take it out again (gatelight doctor --fix), and update Hermes: newer versions leave it out",
        "再次删除（gatelight doctor --fix），并升级 Hermes：新版本不再写入该参数",
    ],
];
pub(crate) const BY_HAND: Phrase = ["edit the file by hand: {why}", "需要手动编辑文件：{why}"];
pub(crate) const CANNOT_READ: Phrase =
    ["not repaired: the file cannot be read: {why}", "未修复：无法读取文件：{why}"];
pub(crate) const REPLACE_WITH_KEEPALIVE: [Phrase; 2] = [
    [
        "--replace together with a manager that always starts the job again: a kill loop, the gateway is restarted every few minutes or seconds",
        "--replace 与“总是重新启动”同时使用会形成互杀循环：网关每隔几分钟甚至几秒就被重启",
    ],
    ["take --replace out (gatelight doctor --fix)", "删除 --replace（gatelight doctor --fix）"],
];
pub(crate) const KEEPALIVE_SKIPS: [Phrase; 2] = [
    [
        "a gateway that is taken over by --replace exits with 0, and this job is brought back after a failure only: it stays down",
        "被 --replace 接管的网关以 0 退出，而此任务只在失败后才会被拉起：它会一直停着",
    ],
    ["take --replace out (gatelight doctor --fix)", "删除 --replace（gatelight doctor --fix）"],
];
pub(crate) const RUN_AT_LOAD: [Phrase; 2] = [
    ["the job does not start at login", "任务不会在登录时启动"],
    ["add RunAtLoad (gatelight doctor --fix)", "加上 RunAtLoad（gatelight doctor --fix）"],
];
pub(crate) const NOT_ENABLED: [Phrase; 2] = [
    [
        "the unit has no [Install] section: it cannot be enabled and does not start at login",
        "单元没有 [Install] 段：无法启用，登录时不会启动",
    ],
    [
        "add [Install] with WantedBy=default.target, then: systemctl --user enable {label}",
        "加上 [Install] 与 WantedBy=default.target，然后执行：systemctl --user enable {label}",
    ],
];
pub(crate) const KEEPALIVE: [Phrase; 2] = [
    ["nobody brings the gateway back when it fails", "网关失败后没有人把它拉起来"],
    [
        "add KeepAlive with SuccessfulExit false, in a unit Restart=on-failure (gatelight doctor --fix)",
        "加上 KeepAlive（SuccessfulExit 为 false），单元中为 Restart=on-failure（gatelight doctor --fix）",
    ],
];
pub(crate) const THROTTLE: [Phrase; 2] = [
    [
        "no pause between restarts is set: a gateway that fails at its start is started again at the manager's own pace (launchd: \
         every 10 s, systemd: after 0.1 s, until it gives up)",
        "没有设置重启间隔：启动即失败的网关会按服务管理器的默认间隔反复拉起（launchd 每 10 秒一次；systemd 为 0.1 秒，直到放弃）",
    ],
    [
        "set ThrottleInterval to 30, in a unit RestartSec=5",
        "把 ThrottleInterval 设为 30，单元中设 RestartSec=5",
    ],
];
pub(crate) const PROGRAM: [Phrase; 2] = [
    ["the program {program} is not there or cannot be run", "程序 {program} 不存在或无法执行"],
    [
        "install Hermes again (hermes gateway install), or correct the path",
        "重新安装 Hermes（hermes gateway install），或改正路径",
    ],
];
pub(crate) const LABEL: [Phrase; 2] = [
    [
        "the file is not named after its label {label}: commands that go by the one miss the other",
        "文件名与标签 {label} 不一致：按其中一个操作会漏掉另一个",
    ],
    ["name the file {label}.plist", "把文件改名为 {label}.plist"],
];
pub(crate) const DUPLICATE_HOME: [Phrase; 2] = [
    [
        "{others} starts a gateway in the same home {home}: the second one is refused, or they end each other",
        "{others} 也在同一个目录 {home} 启动网关：后启动的会被拒绝，或互相结束",
    ],
    [
        "keep one of the jobs, or give each a home of its own (HERMES_HOME)",
        "只保留一个任务，或为每个任务设置各自的 HERMES_HOME",
    ],
];
pub(crate) const NOT_LOADED: [Phrase; 2] = [
    [
        "the job file is there, and the service manager does not know the job",
        "任务文件存在，但服务管理器没有加载这个任务",
    ],
    ["load it: gatelight restart {profile}", "加载它：gatelight restart {profile}"],
];
pub(crate) const INVALID: [Phrase; 2] = [
    ["the job file cannot be used: {why}", "任务文件无法使用：{why}"],
    [
        "correct the file, or let Hermes write it anew: hermes gateway install",
        "修正文件，或让 Hermes 重新生成：hermes gateway install",
    ],
];
pub(crate) const PERMISSIONS: [Phrase; 2] = [
    [
        "others may write to {path} (mode {mode}): the manager may refuse the job, and they could run commands as you",
        "其他用户可以写 {path}（权限 {mode}）：服务管理器可能拒绝该任务，他人也可能借此以你的身份执行命令",
    ],
    ["chmod go-w {quoted}", "执行 chmod go-w {quoted}"],
];
pub(crate) const LOG_HUGE: [Phrase; 2] = [
    ["{path} has grown to {size} MB: nobody rotates it", "{path} 已增长到 {size} MB：没有轮转"],
    [
        "empty it, which may be done while the gateway runs: : > {quoted} (do not delete it: the gateway would go on writing to \
         what is gone)",
        "清空它（可在网关运行时执行）：: > {quoted}；不要直接删除，否则网关会继续写入已删除的文件",
    ],
];
pub(crate) const SECOND_INSTANCE: [Phrase; 2] = [
    [
        "another live gateway (PID {pid}) holds this home: the job's own is refused as long as that one lives",
        "另一个正在运行的网关（PID {pid}）占用了此目录：只要它还在，任务自己的网关就会被拒绝",
    ],
    [
        "stop that gateway where it was started (or: kill {pid}), then: gatelight restart {profile}",
        "先在启动它的地方停止那个网关（或执行 kill {pid}），然后执行：gatelight restart {profile}",
    ],
];
pub(crate) const NOT_RELOADED_SINCE: [Phrase; 2] = [
    [
        "the job still runs with --replace (PID {pid}), which its file has no more: it was not reloaded since",
        "任务仍带着 --replace 运行（PID {pid}），而文件中已没有该参数：修改后没有重新加载",
    ],
    ["reload it (gatelight doctor --fix)", "重新加载它（gatelight doctor --fix）"],
];
pub(crate) const INTERRUPTED: [Phrase; 2] = [
    [
        "a repair of this job was interrupted before it was proven: the job may run with its old arguments, or not at all",
        "此任务的修复在得到证实之前被中断：任务可能仍以旧参数运行，或根本没有运行",
    ],
    ["end it (gatelight doctor --fix)", "完成修复（gatelight doctor --fix）"],
];

pub(crate) const PATH_NO_VOLUME: [Phrase; 2] = [
    [
        "{key} {path} is on a volume that is not there: the manager cannot start the job, and no log says why",
        "{key} {path} 所在的卷不存在：服务管理器无法启动任务，日志中也没有任何记录",
    ],
    [
        "connect the volume, or move the path to the startup disk and reload the job",
        "接上该卷，或把路径改到启动磁盘并重新加载任务",
    ],
];
pub(crate) const PATH_MISSING: [Phrase; 2] = [
    [
        "{key} {path}: the folder does not exist, the manager cannot start the job, and no log says why",
        "{key} {path}：目录不存在，服务管理器无法启动任务，日志中也没有任何记录",
    ],
    ["make the folder, or correct the path and reload the job", "创建该目录，或改正路径并重新加载任务"],
];
pub(crate) const PATH_WRONG_KIND: [Phrase; 2] = [
    [
        "{key} {path} is a file in place of a folder, or a folder in place of a file: the manager cannot start the job",
        "{key} {path} 的类型不对（文件与目录混淆）：服务管理器无法启动任务",
    ],
    ["correct the path and reload the job", "改正路径并重新加载任务"],
];
pub(crate) const PATH_NOT_WRITABLE: [Phrase; 2] = [
    [
        "{key} {path} cannot be written by this user: the manager cannot start the job, and no log says why",
        "{key} {path} 当前用户不可写：服务管理器无法启动任务，日志中也没有任何记录",
    ],
    [
        "give the file back to this user (was it made with sudo?), or correct the path and reload the job",
        "把文件归还给当前用户（是否曾用 sudo 创建？），或改正路径并重新加载任务",
    ],
];
pub(crate) const PATH_PROTECTED: [Phrase; 2] = [
    [
        "{key} {path} is in a folder or on a volume that macOS protects: launchd may not open it, ends with 78 (EX_CONFIG), and \
         no log says why",
        "{key} {path} 位于受 macOS 保护的目录或卷：launchd 无权打开，会以 78（EX_CONFIG）退出，日志中没有任何记录",
    ],
    [
        "use a path on the startup disk outside Desktop, Documents and Downloads, such as ~/Library/Logs, and reload the job",
        "改用启动磁盘上“桌面”“文稿”“下载”之外的路径（例如 ~/Library/Logs），并重新加载任务",
    ],
];
pub(crate) const FOREIGN_HOME: [Phrase; 2] = [
    [
        "the job works in {folder}, the home of profile {other}: its gateway reads that one's .env and answers with its \
         credentials",
        "任务的工作目录 {folder} 属于配置 {other}：其网关会读取该配置的 .env，并用它的凭据应答",
    ],
    ["set WorkingDirectory to {home} and reload the job", "把 WorkingDirectory 改为 {home} 并重新加载任务"],
];
pub(crate) const NO_JOB: [Phrase; 2] = [
    [
        "no job starts this gateway: nothing brings it back after a crash or a login, and Gatelight cannot restart it",
        "没有任务负责启动此网关：崩溃或重新登录后不会恢复，Gatelight 也无法重启它",
    ],
    ["install one: {command}", "安装任务：{command}"],
];
pub(crate) const HOME_MISSING: [Phrase; 2] = [
    ["{why}", "{why}"],
    ["correct the path in the settings, or remove the entry", "改正设置中的路径，或删除该条目"],
];
pub(crate) const ODD_FOLDER: [Phrase; 2] = [
    [
        "{count} folders among the profiles have names that Hermes cannot have given, and are not watched: {names}",
        "配置目录中有 {count} 个目录的名称不可能由 Hermes 创建，不会被监视：{names}",
    ],
    [
        "rename them (a-z, 0-9, - and _) if they are profiles; otherwise nothing is to be done",
        "如果它们是配置，请改名（a-z、0-9、- 与 _）；否则无需处理",
    ],
];

pub(crate) const ERROR: Phrase = ["error", "错误"];
pub(crate) const WARNING: Phrase = ["warning", "警告"];
pub(crate) const INFO: Phrase = ["note", "提示"];

pub(crate) const WHY_UNREADABLE: Phrase = ["the file cannot be read as a job file", "无法按任务文件解析"];
pub(crate) const WHY_QUOTING: Phrase =
    ["the flag stands inside more than one layer of quoting", "该参数位于多层引号之内"];
pub(crate) const WHY_UNPROVEN: Phrase =
    ["taking the flag out would change more than the flag", "删除该参数会改动其他内容"];

pub(crate) const WHY_ANOTHERS: Phrase = ["the file belongs to another user", "文件属于其他用户"];
pub(crate) const WHY_VARIABLE: Phrase = [
    "the flag comes from a variable of the unit (Environment or EnvironmentFile)",
    "该参数来自单元的变量（Environment 或 EnvironmentFile）",
];
pub(crate) const WHY_HIDDEN: Phrase = [
    "the flag stands in a script, in a place that cannot be followed for certain (a variable, a here-document, a string that is \
     put together)",
    "该参数位于脚本中无法确定去向的位置（变量、here-document 或拼接的字符串）",
];
pub(crate) const WHY_CHANGED: Phrase = ["it changed while the repair was prepared", "准备修复期间文件被改动"];
pub(crate) const WHY_BUSY: Phrase =
    ["another repair is under way in its folder", "同一目录正在进行另一个修复"];
pub(crate) const NO_TERMINAL: Phrase = [
    "left as it is: there is no terminal to ask on; --yes repairs without asking",
    "保持原样：没有可以询问的终端；使用 --yes 可直接修复",
];

pub(crate) const CLEAN: Phrase = ["no findings", "没有发现问题"];
pub(crate) const REMEDY: Phrase = ["remedy: ", "处理："];
pub(crate) const REPORTS: Phrase = ["field reports: ", "用户报告："];
pub(crate) const NOTHING_TO_REPAIR: Phrase = ["nothing to repair", "无需修复"];
pub(crate) const BACKGROUND_ITEM: Phrase = [
    "macOS announces a background item when the job is loaded: that is this gateway.",
    "加载任务时，macOS 会提示新增了后台项目：那就是此网关。",
];
pub(crate) const ASK: Phrase =
    ["Change {file} like this, and restart its gateway? [y/N] ", "按此修改 {file} 并重启其网关？[y/N] "];
pub(crate) const ASK_RELOAD: Phrase = [
    "{label}: its file is repaired and was not reloaded. Reload it now, and restart its gateway? [y/N] ",
    "{label}：文件已修复但尚未重新加载。现在重新加载并重启其网关？[y/N] ",
];
pub(crate) const LEFT: Phrase = ["left as it is", "保持原样"];
pub(crate) const WOULD_RELOAD: Phrase =
    ["{label}: its file is repaired and would be reloaded", "{label}：文件已修复，将会重新加载"];
pub(crate) const WOULD: Phrase = ["dry run: nothing was written", "试运行：没有写入任何内容"];

pub(crate) const WRITTEN: Phrase =
    ["{file}: repaired; the old one is kept as {backup}", "{file}：已修复，旧文件保存为 {backup}"];
pub(crate) const RELOADED: Phrase = ["{label}: reloaded", "{label}：已重新加载"];
pub(crate) const NOT_RELOADED: Phrase = [
    "{label}: not reloaded: there is no service manager here ({why})",
    "{label}：未重新加载（not reloaded）：这里没有服务管理器（{why}）",
];
pub(crate) const STOPPED: Phrase = [
    "{label}: not reloaded: it is stopped, the change holds from its next start",
    "{label}：未重新加载（not reloaded）：任务处于停止状态，下次启动时生效",
];
pub(crate) const DISABLED: Phrase = [
    "{label}: not reloaded: the job is disabled, and would not come back. The change holds from its next start; to allow that: \
     {enable}",
    "{label}：未重新加载（not reloaded）：任务已被禁用，卸载后无法再启动。下次启动时生效；如需启用：{enable}",
];
pub(crate) const RUNS: Phrase =
    ["{label}: runs with its new arguments, PID {pid}", "{label}：已用新参数运行，PID {pid}"];
pub(crate) const LINKED: Phrase = ["{label}: the link is back", "{label}：连接已恢复"];
pub(crate) const LINK_UNKNOWN: Phrase =
    ["{label}: whether the link is back cannot be told", "{label}：无法判断连接是否已恢复"];
pub(crate) const DOWN_ELSEWHERE: Phrase = [
    "{label}: the link is not back, for a reason that is not in the job file: {why}",
    "{label}：连接尚未恢复，原因与任务文件无关：{why}",
];
pub(crate) const FAILED: Phrase = ["{label}: failed: {why}", "{label}：失败：{why}"];
pub(crate) const NOT_WRITTEN: Phrase = [
    "{label}: not repaired, the old file stands: writing in {folder} failed: {why}",
    "{label}：未修复，旧文件保持不变：无法写入 {folder}：{why}",
];
pub(crate) const RESTORED: Phrase = ["{label}: the old file was put back", "{label}：已恢复旧文件"];
pub(crate) const RESTORED_RELOADED: Phrase =
    ["{label}: the old file was put back and reloaded", "{label}：已恢复旧文件并重新加载"];
pub(crate) const RESTORED_RUNS: Phrase = [
    "{label}: the old file was put back; the job goes on as it was ({why})",
    "{label}：已恢复旧文件，任务照旧运行（{why}）",
];
pub(crate) const RESTORED_DOWN: Phrase = [
    "{label}: the old file was put back, and the job could not be started again: {why}. Its gateway is down; try: gatelight \
     restart {profile}",
    "{label}：已恢复旧文件，但任务无法重新启动：{why}。网关目前没有运行；请尝试：gatelight restart {profile}",
];
pub(crate) const RESTORED_UNCLEAR: Phrase = [
    "{label}: the old file was put back; whether its job runs cannot be told: {why}. Look at it: gatelight status {profile}",
    "{label}：已恢复旧文件，但无法判断任务是否在运行：{why}。请查看：gatelight status {profile}",
];
pub(crate) const NOT_RESTORED: Phrase = [
    "{label}: the old file could not be put back ({why}); it is kept as {backup}",
    "{label}：无法恢复旧文件（{why}），它保存为 {backup}",
];
pub(crate) const WHY_NOT_RUNNING: Phrase = ["the job did not come to run", "任务没有运行起来"];
pub(crate) const WHY_OLD_ARGUMENTS: Phrase =
    ["the job still runs with its old arguments", "任务仍以旧参数运行"];
pub(crate) const JSON_NEEDS_YES: Phrase =
    ["with --json, --fix needs --yes or --dry-run", "与 --json 一起使用时，--fix 需要 --yes 或 --dry-run"];
