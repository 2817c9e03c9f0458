//! The help of the command line in Chinese. The English texts are the doc comments of the arguments, which clap reads;
//! the translations are found by the English text. `cli::help` inserts them, and its test fails if one is missing.

use super::Phrase;

/// Texts of commands and arguments, and the descriptions of examples.
pub(crate) const TRANSLATIONS: &[Phrase] = &[
    [
        "A status light for every Hermes Gateway profile on this machine",
        "为本机每个 Hermes Gateway profile 显示一盏状态灯",
    ],
    ["Without a command, the menu-bar agent starts.", "不带命令时启动菜单栏程序。"],
    [
        "Write Gatelight's log to standard error as well; GATELIGHT_LOG=debug shows more",
        "同时将 Gatelight 的日志写到标准错误；GATELIGHT_LOG=debug 可显示更多",
    ],
    // examples
    ["every light, for scripts", "所有状态灯，供脚本使用"],
    ["one line per change", "每次变化一行"],
    ["the merged logs, as they grow", "合并的日志，持续输出"],
    ["restart what is red, showing each step", "重启红灯的 profile，显示每一步"],
    ["what would be repaired", "显示将要修复的内容"],
    ["what happened", "发生过什么"],
    ["the same as a page in the browser", "同上，在浏览器中显示"],
    ["a report for an issue", "用于 issue 的诊断报告"],
    ["record until Ctrl-C", "录制，按 Ctrl-C 结束"],
    ["re-judge old logs or a recording", "重新判断旧日志或录制文件"],
    ["metrics for Prometheus", "供 Prometheus 抓取的指标"],
    ["a test message to your team", "向团队发送一条测试消息"],
    ["check the settings file", "检查设置文件"],
    ["completions for the shell", "shell 补全"],
    ["man pages", "手册页"],
    ["see it work, nothing installed", "查看演示，无需安装任何软件"],
    ["no reminders until something changes", "有新变化之前不再提醒"],
    ["no notifications until then", "在此之前不通知"],
    // commands
    ["Show the light of every profile", "显示每个 profile 的状态灯"],
    ["Print every change as it happens", "持续输出每次变化"],
    [
        "Re-judge a recording or Hermes logs (their timestamps are the clock)",
        "重新判断录制文件或 Hermes 日志（以其中的时间戳为时钟）",
    ],
    [
        "Record what Gatelight observes of a profile until Ctrl-C, without secrets and names",
        "录制对一个 profile 的观测（不含密钥和名称），按 Ctrl-C 结束",
    ],
    ["Show the logs of a profile, merged by time", "按时间合并显示一个 profile 的日志"],
    ["Restart gateways, and wait until they are connected again", "重启网关，并等待其重新连接"],
    ["Acknowledge a red profile: no reminders until something changes", "确认已知红灯：有新变化之前不再提醒"],
    ["Mute a profile: no notifications about it for a while", "静音一个 profile：一段时间内不发送它的通知"],
    ["Find problems in the job files, and repair them", "检查任务文件中的问题，并修复"],
    ["Show incidents, their causes and how often they happened", "显示故障、原因和次数"],
    ["Write the history as an HTML page", "将历史记录写成一个 HTML 页面"],
    [
        "Print a report about one profile to paste into an issue, without secrets and names",
        "输出一个 profile 的诊断报告（不含密钥和名称），可粘贴到 issue 中",
    ],
    ["Serve metrics for Prometheus", "提供 Prometheus 指标"],
    ["Find, create or check the settings file", "查找、创建或检查设置文件"],
    ["Print the completion script of a shell", "输出 shell 的补全脚本"],
    [
        "List the channels that notify you away from this machine, or test one",
        "列出本机之外的通知渠道，或测试其中一个",
    ],
    ["Write the man pages into a folder", "将手册页写入目录"],
    [
        "Watch two simulated gateways fail and recover; nothing has to be installed",
        "观看两个模拟网关发生故障并恢复，无需安装任何软件",
    ],
    ["Print this message or the help of the given subcommand(s)", "显示本帮助，或某个命令的帮助"],
    // arguments
    ["Only these profiles", "只处理这些 profile"],
    ["Only this profile", "只处理此 profile"],
    ["The profile; not needed if there is only one", "profile；只有一个时可省略"],
    ["Profiles to restart", "要重启的 profile"],
    ["Profiles or labels; without any, all", "profile 或标签；省略时为全部"],
    ["Print JSON", "以 JSON 输出"],
    ["Send a test message through this channel now", "立即通过此渠道发送一条测试消息"],
    ["Print one JSON object", "输出一个 JSON 对象"],
    ["Print one JSON object for each change", "每次变化输出一个 JSON 对象"],
    ["Print one JSON object for each step and outcome", "每个步骤和结果输出一个 JSON 对象"],
    [
        "Print the format of SwiftBar and xbar; the exit code is always 0",
        "以 SwiftBar 和 xbar 的格式输出；退出码总是 0",
    ],
    [
        "Recordings, or log files of one profile, also rotated ones; - is standard input",
        "录制文件，或一个 profile 的日志文件（含轮转后的）；- 表示标准输入",
    ],
    ["The file to write; an existing one is not overwritten", "要写入的文件；不会覆盖已有文件"],
    ["Print new lines as they are written, until Ctrl-C", "持续输出新的行，按 Ctrl-C 结束"],
    ["How many of the last lines to print", "输出最后多少行"],
    [
        "Show the unified log (macOS) or the journal (Linux) instead",
        "改为显示统一日志（macOS）或 journal（Linux）",
    ],
    ["Restart every profile whose light is red", "重启所有红灯的 profile"],
    ["Restart every profile", "重启所有 profile"],
    ["Restart even where a restart does not help", "即使重启无效也重启"],
    ["Restart even after 6 restarts within an hour", "即使 1 小时内已重启 6 次也重启"],
    [
        "Remove --replace; offer RunAtLoad and KeepAlive where they are missing",
        "删除 --replace；缺少 RunAtLoad 或 KeepAlive 时提议添加",
    ],
    ["Show what --fix would change, without changing it", "只显示 --fix 将做的修改，不实际修改"],
    ["Do not ask", "不询问"],
    ["How far back: 30min, 24h, 7d, 12w, 1y", "时间跨度：30min、24h、7d、12w、1y"],
    ["Print the incidents as CSV, for a spreadsheet", "以 CSV 输出故障列表，供电子表格使用"],
    ["List the incidents of this time span: 24h, 7d, 12w, 1y", "列出此时间跨度内的故障：24h、7d、12w、1y"],
    ["Open the page in the browser", "在浏览器中打开页面"],
    [
        "The file to write; - is standard output (default: beside the history)",
        "要写入的文件；- 表示标准输出（默认与历史记录放在一起）",
    ],
    ["Replace the file of --out even if it is not a report", "即使 --out 指定的文件不是报告也覆盖"],
    [
        "Use these old logs instead of the history; also rotated ones, and of several profiles",
        "使用这些旧日志代替历史记录；可包含轮转后的日志和多个 profile 的日志",
    ],
    [
        "Also record for one minute into this file, to attach to the issue",
        "同时录制 1 分钟到此文件，可附到 issue 中",
    ],
    [
        "Where to listen; other machines can be allowed only with --token-file",
        "监听地址；只有使用 --token-file 才能允许其他机器访问",
    ],
    [
        "A file with the bearer token that clients have to send; only you may be able to read it",
        "令牌文件，客户端须发送其中的 bearer 令牌；只能由你本人读取",
    ],
    ["Send reminders again", "重新开始提醒"],
    ["Send notifications again", "重新开始通知"],
    [
        "A time of day (18:00), a time span (30min, 2h, 1d), or recovery",
        "时刻（18:00）、时间跨度（30min、2h、1d）或 recovery",
    ],
    [
        "path: print where the file is; init: create it, with the defaults as comments; check: list its mistakes",
        "path：输出文件位置；init：生成文件，以注释列出默认值；check：列出其中的错误",
    ],
    ["The shell", "shell 的名称"],
    ["The folder", "目录"],
    ["How long, in seconds (5 to 3600)", "时长（秒），5 到 3600"],
    ["Print help", "显示帮助"],
    ["Print version", "显示版本"],
    // exit codes
    [
        "Exit code: 0 all green, 1 at least one red, 2 wrong usage or settings, 3 none red but not all green, 4 no profile.",
        "退出码：0 全部为绿灯，1 至少一个红灯，2 用法或设置有误，3 没有红灯但不全是绿灯，4 没有 profile。",
    ],
    [
        "Exit code: 0 all connected again, 1 one failed or was not restarted, 2 wrong usage or settings or no such profile, 3 none failed but an outcome is unknown, 4 no profile.",
        "退出码：0 全部重新连接，1 有失败或未重启的，2 用法、设置有误或没有此 profile，3 没有失败但有结果未知的，4 没有 profile。",
    ],
    [
        "Exit code: 0 no problems or all repaired, 1 findings are left, 2 wrong usage or settings or no such profile, 4 no profile.",
        "退出码：0 没有问题或已全部修复，1 仍有问题，2 用法、设置有误或没有此 profile，4 没有 profile。",
    ],
    [
        "Exit code: 0 acknowledged, 1 the profile is not red, 2 wrong usage or settings or no such profile, 4 no profile.",
        "退出码：0 已确认，1 该 profile 不是红灯，2 用法、设置有误或没有此 profile，4 没有 profile。",
    ],
    [
        "Exit code: 0 no errors, 2 errors, or the file already exists.",
        "退出码：0 没有错误，2 有错误，或文件已存在。",
    ],
    [
        "Exit code: 0 all channels can send, 1 one failed, 2 wrong usage or settings or no such channel.",
        "退出码：0 所有渠道都能发送，1 有渠道失败，2 用法、设置有误或没有此渠道。",
    ],
    ["Example:", "示例："],
    ["Examples:", "示例："],
];

/// Headings of the help: clap's, and the translation.
pub(crate) const COMMANDS: &str = "命令";
pub(crate) const ARGUMENTS: &str = "参数";
pub(crate) const OPTIONS: &str = "选项";
pub(crate) const USAGE: &str = "用法：";
pub(crate) const DEFAULT: &str = "[默认值：{value}]";
pub(crate) const POSSIBLE: &str = "[可选值：{values}]";

/// The headings of the examples and of the exit codes.
pub(crate) const EXAMPLES: &str = "示例";
pub(crate) const EXIT_CODE: &str = "退出码";

/// Sections of man pages.
pub(crate) const SECTIONS: [Phrase; 7] = [
    ["NAME", "名称"],
    ["SYNOPSIS", "概要"],
    ["DESCRIPTION", "描述"],
    ["OPTIONS", "选项"],
    ["SUBCOMMANDS", "子命令"],
    ["EXAMPLES", "示例"],
    ["EXIT STATUS", "退出状态"],
];

/// Mistakes on the command line: what a value has to be. The rest is in Chinese only, because clap words the English
/// ones.
pub(crate) const ERROR: &str = "错误：";
pub(crate) const UNKNOWN_ARGUMENT: &str = "未知参数“{argument}”";
pub(crate) const UNKNOWN_COMMAND: &str = "没有命令“{argument}”";
pub(crate) const MISSING_VALUE: &str = "“{argument}”缺少值";
pub(crate) const UNEXPECTED_VALUE: &str = "“{argument}”不接受值“{value}”";
pub(crate) const INVALID_VALUE: &str = "“{argument}”的值“{value}”无效";
pub(crate) const A_COUNT: Phrase = ["use a whole number", "请写整数"];
pub(crate) const SECONDS_OF_DEMO: Phrase =
    ["use a whole number of seconds from 5 to 3600", "请写 5 到 3600 之间的整数（秒）"];
pub(crate) const AN_ADDRESS: Phrase =
    ["use an address with a port, such as 127.0.0.1:9789", "请写地址和端口，如 127.0.0.1:9789"];
pub(crate) const COUNT_OF_VALUES: &str = "“{argument}”的值的个数不对";
pub(crate) const CONFLICT: &str = "“{argument}”不能与“{other}”同时使用";
pub(crate) const TWICE: &str = "“{argument}”只能使用一次";
pub(crate) const MISSING: &str = "缺少必需的参数：{list}";
pub(crate) const MISSING_COMMAND: &str = "缺少命令";
pub(crate) const NOT_UTF8: &str = "参数不是有效的 UTF-8";
pub(crate) const DID_YOU_MEAN: &str = "是否想用“{suggestion}”？";
pub(crate) const MORE: &str = "使用 --help 查看更多信息。";

/// After the man pages were written.
pub(crate) const MAN_PAGES: Phrase =
    ["{count} man pages written to {folder}", "已将 {count} 个手册页写入 {folder}"];
