//! The doctor's phrases.

use super::Phrase;

pub(crate) const REPLACE_FLAG: [Phrase; 2] = [
    [
        "the job starts its gateway with --replace: every start kills the running gateway; two launchers keep killing each other",
        "任务用 --replace 启动网关：每次启动都会结束正在运行的网关，两个启动方会不断互相结束",
    ],
    [
        "remove --replace from the job file and reload the job (gatelight doctor --fix)",
        "从任务文件中删除 --replace，并重新加载任务（gatelight doctor --fix）",
    ],
];
pub(crate) const REPLACE_FLAG_BACK: [Phrase; 2] = [
    [
        "--replace is back: it was removed before, but the file has been rewritten since (Hermes rewrites it on start, restart and update)",
        "--replace 再次出现：之前已删除，但任务文件后来被重写（Hermes 在启动、重启和更新时会重写它）",
    ],
    [
        "remove it again (gatelight doctor --fix) and update Hermes: newer versions do not write it",
        "再次删除（gatelight doctor --fix），并升级 Hermes：新版本不再写入该参数",
    ],
];
pub(crate) const BY_HAND: Phrase = ["edit the file by hand: {why}", "需要手动编辑文件：{why}"];
pub(crate) const CANNOT_READ: Phrase =
    ["not repaired: the file cannot be read: {why}", "未修复：无法读取文件：{why}"];
pub(crate) const REPLACE_WITH_KEEPALIVE: [Phrase; 2] = [
    [
        "--replace in a job that is always restarted: a kill loop, the gateway is restarted every few minutes or seconds",
        "任务设为总是重启，又带有 --replace，会形成互杀循环：网关每隔几分钟甚至几秒就被重启",
    ],
    ["remove --replace (gatelight doctor --fix)", "删除 --replace（gatelight doctor --fix）"],
];
pub(crate) const KEEPALIVE_SKIPS: [Phrase; 2] = [
    [
        "a gateway that --replace takes over exits with code 0, and this job is restarted after failures only: it stays down",
        "被 --replace 接管的网关以退出码 0 退出，而此任务只在失败后才会重启：网关会一直停着",
    ],
    ["remove --replace (gatelight doctor --fix)", "删除 --replace（gatelight doctor --fix）"],
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
const NO_KEEPALIVE: Phrase = ["nothing restarts the gateway when it fails", "网关失败退出后不会自动重启"];
/// Of a job of launchd.
pub(crate) const KEEPALIVE: [Phrase; 2] = [
    NO_KEEPALIVE,
    [
        "add KeepAlive with SuccessfulExit=false (gatelight doctor --fix)",
        "添加 KeepAlive，其中 SuccessfulExit 为 false（gatelight doctor --fix）",
    ],
];
/// Of a unit of systemd.
pub(crate) const UNIT_KEEPALIVE: [Phrase; 2] = [
    NO_KEEPALIVE,
    ["add Restart=on-failure (gatelight doctor --fix)", "添加 Restart=on-failure（gatelight doctor --fix）"],
];
/// Of a job of launchd.
pub(crate) const THROTTLE: [Phrase; 2] = [
    [
        "no delay between restarts is set: launchd restarts a gateway that fails during its start every 10 s",
        "未设置重启间隔：启动即失败的网关会被 launchd 每 10 秒重启一次",
    ],
    ["set ThrottleInterval to 30", "把 ThrottleInterval 设为 30"],
];
/// Of a unit of systemd.
pub(crate) const UNIT_THROTTLE: [Phrase; 2] = [
    [
        "no delay between restarts is set: systemd restarts a gateway that fails during its start after 0.1 s, until it gives up",
        "未设置重启间隔：启动即失败的网关会被 systemd 在 0.1 秒后重启，直到放弃",
    ],
    ["set RestartSec=5", "设置 RestartSec=5"],
];
pub(crate) const PROGRAM: [Phrase; 2] = [
    ["the program {program} does not exist or cannot be executed", "程序 {program} 不存在或无法执行"],
    [
        "install the service again (hermes gateway install), or correct the path",
        "重新安装服务（hermes gateway install），或改正路径",
    ],
];
pub(crate) const LABEL: [Phrase; 2] = [
    [
        "the file name differs from its label {label}: commands that use one do not find the other",
        "文件名与标签 {label} 不一致：用其中一个名称的命令找不到另一个",
    ],
    ["rename the file to {label}.plist", "把文件改名为 {label}.plist"],
];
pub(crate) const DUPLICATE_HOME: [Phrase; 2] = [
    [
        "{others} starts a gateway in the same home {home}: the second one is refused, or they kill each other",
        "{others} 也在同一个主目录 {home} 启动网关：后启动的会被拒绝，或二者互相结束",
    ],
    [
        "keep one of the jobs, or give each its own home (HERMES_HOME)",
        "只保留一个任务，或为每个任务设置各自的 HERMES_HOME",
    ],
];
pub(crate) const NOT_LOADED: [Phrase; 2] = [
    [
        "the job file exists, but the service manager has not loaded the job",
        "任务文件存在，但服务管理器没有加载该任务",
    ],
    ["load it: gatelight restart {profile}", "加载它：gatelight restart {profile}"],
];
pub(crate) const INVALID: [Phrase; 2] = [
    ["the job file cannot be used: {why}", "任务文件无法使用：{why}"],
    [
        "correct the file, or let Hermes write it again: hermes gateway install",
        "修正文件，或由 Hermes 重新生成：hermes gateway install",
    ],
];
pub(crate) const FOLDER_INVALID: [Phrase; 2] = [
    ["the folder could not be searched completely: {why}", "无法完整查找此目录：{why}"],
    [
        "make it a folder that this user can read; profiles in it are not watched until then",
        "请让当前用户可以读取此目录；在此之前，其中的 profile 不会被监视",
    ],
];
pub(crate) const PERMISSIONS: [Phrase; 2] = [
    [
        "other users may write to {path} (mode {mode}): the service manager may refuse the job, and they could run commands as you",
        "其他用户可以写入 {path}（权限 {mode}）：服务管理器可能拒绝该任务，他人也可能借此以你的身份执行命令",
    ],
    ["run: chmod go-w {quoted}", "执行 chmod go-w {quoted}"],
];
pub(crate) const LOG_HUGE: [Phrase; 2] = [
    ["{path} has grown to {size} MB: it is not rotated", "{path} 已增长到 {size} MB：没有轮转"],
    [
        "empty it, also while the gateway is running: : > {quoted} (do not delete it: the gateway would go on writing to the \
         deleted file)",
        "清空该文件（可在网关运行时执行）：: > {quoted}；不要删除，否则网关会继续写入已删除的文件",
    ],
];
pub(crate) const SECOND_INSTANCE: [Phrase; 2] = [
    [
        "another gateway (PID {pid}) is using this home: the gateway of the job is refused as long as it runs",
        "另一个正在运行的网关（PID {pid}）占用了此主目录：只要它还在运行，任务的网关就会被拒绝",
    ],
    [
        "stop that gateway where it was started (or: kill {pid}), then: gatelight restart {profile}",
        "先在启动它的地方停止那个网关（或执行 kill {pid}），再执行 gatelight restart {profile}",
    ],
];
pub(crate) const NOT_RELOADED_SINCE: [Phrase; 2] = [
    [
        "the job still runs with --replace (PID {pid}); its file was corrected, but not reloaded since",
        "任务仍以 --replace 运行（PID {pid}）；文件已修正，但尚未重新加载",
    ],
    ["reload it (gatelight doctor --fix)", "重新加载它（gatelight doctor --fix）"],
];
pub(crate) const INTERRUPTED: [Phrase; 2] = [
    [
        "a repair of this job was interrupted: the job may be running with its old arguments, or not at all",
        "此任务的修复被中断：任务可能仍以旧参数运行，或没有运行",
    ],
    ["finish it (gatelight doctor --fix)", "完成修复（gatelight doctor --fix）"],
];

pub(crate) const PATH_NO_VOLUME: [Phrase; 2] = [
    [
        "{key} {path} is on a volume that is not mounted: the service manager cannot start the job, and no log says why",
        "{key} {path} 所在的卷未挂载：服务管理器无法启动任务，日志中也没有任何记录",
    ],
    [
        "connect the volume, or move the path to the startup disk and reload the job",
        "接上该卷，或把路径改到启动磁盘并重新加载任务",
    ],
];
pub(crate) const PATH_MISSING: [Phrase; 2] = [
    [
        "{key} {path}: the folder does not exist; the service manager cannot start the job, and no log says why",
        "{key} {path}：目录不存在，服务管理器无法启动任务，日志中也没有任何记录",
    ],
    ["create the folder, or correct the path and reload the job", "创建该目录，或改正路径并重新加载任务"],
];
pub(crate) const PATH_WRONG_KIND: [Phrase; 2] = [
    [
        "{key} {path} is a file instead of a folder, or a folder instead of a file: the service manager cannot start the job",
        "{key} {path} 应为目录却是文件，或应为文件却是目录：服务管理器无法启动任务",
    ],
    ["correct the path and reload the job", "改正路径并重新加载任务"],
];
pub(crate) const PATH_NOT_WRITABLE: [Phrase; 2] = [
    [
        "{key} {path} is not writable by this user: the service manager cannot start the job, and no log says why",
        "当前用户无权写入 {key} {path}：服务管理器无法启动任务，日志中也没有任何记录",
    ],
    [
        "change its owner to this user (was it created with sudo?), or correct the path and reload the job",
        "把所有者改为当前用户（是否曾用 sudo 创建？），或改正路径并重新加载任务",
    ],
];
pub(crate) const PATH_PROTECTED: [Phrase; 2] = [
    [
        "{key} {path} is in a folder or on a volume that macOS protects: launchd may not open it, the job exits with code 78 \
         (EX_CONFIG), and no log says why",
        "{key} {path} 位于受 macOS 保护的目录或卷：launchd 无权打开，任务以退出码 78（EX_CONFIG）退出，日志中没有任何记录",
    ],
    [
        "use a path on the startup disk outside Desktop, Documents and Downloads, such as ~/Library/Logs, and reload the job",
        "改用启动磁盘上“桌面”“文稿”“下载”之外的路径（例如 ~/Library/Logs），并重新加载任务",
    ],
];
pub(crate) const FOREIGN_HOME: [Phrase; 2] = [
    [
        "the working directory of the job is {folder}, the home of profile {other}: its gateway reads the .env of that profile and \
         uses its credentials",
        "任务的工作目录 {folder} 是 profile {other} 的主目录：其网关会读取那里的 .env，并使用那里的凭据",
    ],
    ["set WorkingDirectory to {home} and reload the job", "把 WorkingDirectory 改为 {home} 并重新加载任务"],
];
pub(crate) const NO_JOB: [Phrase; 2] = [
    [
        "no job starts this gateway: nothing restarts it after a crash or at login, and Gatelight cannot restart it",
        "没有任务负责启动此网关：崩溃后或登录时不会自动启动，Gatelight 也无法重启它",
    ],
    ["install its service: {command}", "安装其服务：{command}"],
];
pub(crate) const HOME_MISSING: [Phrase; 2] = [
    ["{why}", "{why}"],
    ["correct the path in the settings, or remove the entry", "改正设置中的路径，或删除该条目"],
];
pub(crate) const ODD_FOLDER: [Phrase; 2] = [
    [
        "folders whose names Hermes does not allow for profiles are not watched ({count}): {names}",
        "profiles 目录中有 {count} 个目录的名称不符合 Hermes 的规则，不会被监视：{names}",
    ],
    [
        "if they are profiles, rename them (a-z, 0-9, - and _); otherwise ignore this note",
        "如果是 profile，请改名（a-z、0-9、- 和 _）；否则无需处理",
    ],
];

pub(crate) const ERROR: Phrase = ["error", "错误"];
pub(crate) const WARNING: Phrase = ["warning", "警告"];
pub(crate) const INFO: Phrase = ["note", "提示"];

pub(crate) const WHY_UNREADABLE: Phrase = ["the file cannot be parsed as a job file", "无法按任务文件解析"];
pub(crate) const WHY_QUOTING: Phrase =
    ["the flag is inside more than one layer of quotes", "该参数位于多层引号之内"];
pub(crate) const WHY_UNPROVEN: Phrase =
    ["removing the flag would also change something else", "删除该参数会改动其他内容"];

pub(crate) const WHY_OTHER_OWNER: Phrase = ["the file belongs to another user", "文件属于其他用户"];
pub(crate) const WHY_LINKED: Phrase = [
    "the file is a symbolic link to another folder. Change what it leads to, with the program that made the link",
    "该文件是指向其他文件夹的符号链接，请用创建该链接的程序修改目标文件",
];
pub(crate) const WHY_VARIABLE: Phrase = [
    "the flag comes from a variable of the unit (Environment or EnvironmentFile)",
    "该参数来自单元的变量（Environment 或 EnvironmentFile）",
];
pub(crate) const WHY_HIDDEN: Phrase = [
    "the flag is in a script, in a place whose effect cannot be determined (a variable, a here-document, a concatenated string)",
    "该参数位于脚本中无法确定作用的位置（变量、here-document 或拼接的字符串）",
];
pub(crate) const WHY_CHANGED: Phrase =
    ["it changed while the repair was being prepared", "准备修复期间文件被改动"];
pub(crate) const WHY_BUSY: Phrase =
    ["another repair is in progress in its folder", "同一目录正在进行另一个修复"];
pub(crate) const NO_TERMINAL: Phrase = [
    "left unchanged: there is no terminal to ask on; --yes repairs without asking",
    "未修改：没有可供确认的终端；使用 --yes 可直接修复",
];

/// How many there are of each severity, in the order of severities: one, several.
pub(crate) const COUNTS: [[Phrase; 2]; 3] = [
    [["1 error", "1 个错误"], ["{n} errors", "{n} 个错误"]],
    [["1 warning", "1 个警告"], ["{n} warnings", "{n} 个警告"]],
    [["1 note", "1 个提示"], ["{n} notes", "{n} 个提示"]],
];
pub(crate) const SUM_FIXABLE: Phrase = [
    "{counts}. Fix {n} of them: gatelight doctor --fix",
    "{counts}。其中 {n} 个可自动修复：gatelight doctor --fix",
];
pub(crate) const FIXED: Phrase = ["{done} of {all} jobs fixed", "已修复 {done} 个任务（共 {all} 个）"];
pub(crate) const CLEAN: Phrase = ["no findings", "没有发现问题"];
pub(crate) const REMEDY: Phrase = ["fix: ", "处理："];
pub(crate) const REPORTS: Phrase = ["reported in: ", "相关 issue："];
pub(crate) const NOTHING_TO_REPAIR: Phrase = ["nothing to repair", "无需修复"];
pub(crate) const BEYOND_REPAIR: [Phrase; 2] = [
    [
        "1 finding is left that --fix cannot repair; to see it: gatelight doctor",
        "还有 1 个问题无法自动修复；查看：gatelight doctor",
    ],
    [
        "{n} findings are left that --fix cannot repair; to see them: gatelight doctor",
        "还有 {n} 个问题无法自动修复；查看：gatelight doctor",
    ],
];
pub(crate) const BACKGROUND_ITEM: Phrase = [
    "When the job is loaded, macOS reports a new background item: that is this gateway.",
    "加载任务时，macOS 会提示新增了后台项目，即此网关。",
];
pub(crate) const ASK: Phrase =
    ["Make this change to {file} and restart its gateway? [y/N] ", "按此修改 {file} 并重启其网关？[y/N] "];
pub(crate) const ASK_RELOAD: Phrase = [
    "{label}: the file is repaired but not reloaded. Reload it now and restart its gateway? [y/N] ",
    "{label}：文件已修复但尚未重新加载。现在重新加载并重启其网关？[y/N] ",
];
pub(crate) const LEFT: Phrase = ["left unchanged", "未修改"];
pub(crate) const WOULD_RELOAD: Phrase =
    ["{label}: the file is repaired; the job would be reloaded", "{label}：文件已修复，任务将会重新加载"];
pub(crate) const WOULD: Phrase = ["dry run: nothing was written", "试运行：没有写入任何内容"];

pub(crate) const WRITTEN: Phrase =
    ["{file}: repaired; the old file is saved as {backup}", "{file}：已修复，旧文件保存为 {backup}"];
pub(crate) const RELOADED: Phrase = ["{label}: reloaded", "{label}：已重新加载"];
pub(crate) const NOT_RELOADED: Phrase = [
    "{label}: not reloaded: there is no service manager here ({why})",
    "{label}：未重新加载：此处没有服务管理器（{why}）",
];
pub(crate) const STOPPED: Phrase = [
    "{label}: not reloaded: the job is stopped; the change takes effect at its next start",
    "{label}：未重新加载：任务处于停止状态，修改在下次启动时生效",
];
pub(crate) const DISABLED: Phrase = [
    "{label}: not reloaded: the job is disabled and could not be started again. The change takes effect at its next start; to \
     enable it: {enable}",
    "{label}：未重新加载：任务已被禁用，卸载后无法再启动。修改在下次启动时生效；如需启用：{enable}",
];
pub(crate) const RUNS: Phrase =
    ["{label}: running with its new arguments, PID {pid}", "{label}：已用新参数运行，PID {pid}"];
pub(crate) const LINKED: Phrase = ["{label}: the link is back", "{label}：连接已恢复"];
pub(crate) const LINK_UNKNOWN: Phrase =
    ["{label}: it is unknown whether the link is back", "{label}：无法判断连接是否已恢复"];
pub(crate) const DOWN_ELSEWHERE: Phrase = [
    "{label}: the link is not back; the cause is not the job file: {why}",
    "{label}：连接尚未恢复，原因与任务文件无关：{why}",
];
pub(crate) const FAILED: Phrase = ["{label}: failed: {why}", "{label}：失败：{why}"];
pub(crate) const NOT_WRITTEN: Phrase = [
    "{label}: not repaired, the old file is unchanged: writing in {folder} failed: {why}",
    "{label}：未修复，旧文件保持不变：无法写入 {folder}：{why}",
];
pub(crate) const RESTORED: Phrase = ["{label}: the old file was restored", "{label}：已恢复旧文件"];
pub(crate) const RESTORED_RELOADED: Phrase =
    ["{label}: the old file was restored and reloaded", "{label}：已恢复旧文件并重新加载"];
pub(crate) const RESTORED_RUNS: Phrase = [
    "{label}: the old file was restored; the job keeps running as before ({why})",
    "{label}：已恢复旧文件，任务照旧运行（{why}）",
];
pub(crate) const RESTORED_DOWN: Phrase = [
    "{label}: the old file was restored, but the job could not be started again: {why}. Its gateway is not running; try: \
     gatelight restart {profile}",
    "{label}：已恢复旧文件，但任务无法重新启动：{why}。网关没有运行，请尝试：gatelight restart {profile}",
];
pub(crate) const RESTORED_UNCLEAR: Phrase = [
    "{label}: the old file was restored; it is unknown whether the job is running: {why}. Check with: gatelight status {profile}",
    "{label}：已恢复旧文件，但无法判断任务是否在运行：{why}。请运行 gatelight status {profile} 查看",
];
pub(crate) const NOT_RESTORED: Phrase = [
    "{label}: the old file could not be restored ({why}); it is saved as {backup}",
    "{label}：无法恢复旧文件（{why}），旧文件保存为 {backup}",
];
pub(crate) const WHY_NOT_RUNNING: Phrase = ["the job did not start", "任务没有启动"];
pub(crate) const WHY_OLD_ARGUMENTS: Phrase =
    ["the job still runs with its old arguments", "任务仍以旧参数运行"];
pub(crate) const JSON_NEEDS_YES: Phrase =
    ["with --json, --fix needs --yes or --dry-run", "与 --json 一起使用时，--fix 需要 --yes 或 --dry-run"];
