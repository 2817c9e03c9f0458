//! Phrases of the agent.

use super::Phrase;

pub(crate) const RUNS_ALREADY: Phrase = [
    "Gatelight is already running; it was asked to show its state.",
    "Gatelight 已在运行，已通知它显示状态。",
];
pub(crate) const RUNS_ALREADY_UNSEEN: Phrase =
    ["Gatelight is already running, without an icon.", "Gatelight 已在运行（无图标）。"];
pub(crate) const HANDED_OVER: Phrase =
    ["launchd runs Gatelight from now on; this process ends.", "此后由 launchd 运行 Gatelight，本进程结束。"];
pub(crate) const NO_HOST: Phrase = [
    "no panel shows tray icons at the moment; watching in this terminal until one does, notifications are still sent",
    "目前没有可显示托盘图标的面板；面板出现之前在此终端监视，通知照常发送",
];
pub(crate) const NO_DESKTOP: Phrase = [
    "No desktop to show an icon on ({why}); watching in this terminal instead.",
    "没有可显示图标的桌面（{why}）；改为在此终端监视。",
];
pub(crate) const HISTORY_ASIDE_TITLE: Phrase = ["A new history was started", "历史记录已重新开始"];
pub(crate) const HISTORY_ASIDE_BODY: Phrase = [
    "The old one could not be read ({why}). It was moved to {path}.",
    "旧的历史记录无法读取（{why}），已移至 {path}。",
];
pub(crate) const HISTORY_NONE_TITLE: Phrase = ["The history is not being saved", "历史记录未能保存"];
pub(crate) const AUTO_TITLE: Phrase = ["Restarting {profile}", "正在重启 {profile}"];
pub(crate) const AUTO_BODY: Phrase =
    ["Automatic restarts are enabled in the settings.", "设置中已启用自动重启。"];
pub(crate) const NO_MANAGER_TITLE: Phrase = ["{profile} cannot be restarted", "无法重启 {profile}"];
pub(crate) const NO_MANAGER_BODY: Phrase = ["{why}", "{why}"];
pub(crate) const CONFIRM_TITLE: Phrase = ["Restart {profile} anyway?", "仍要重启 {profile} 吗？"];
pub(crate) const CONFIRM_BODY: Phrase = [
    "{why} To restart anyway, choose Restart again within a minute.",
    "{why}如需继续，请在 1 分钟内再次选择“重启”。",
];
pub(crate) const NOT_ALL_TITLE: Phrase = ["Not restarted: {profiles}", "未重启：{profiles}"];
pub(crate) const NOT_ALL_BODY: Phrase = [
    "A restart would not help, or no job starts these gateways. To see why, choose Restart in the menu of one of them.",
    "重启对它们无效，或没有任务负责启动它们。在各自的菜单中选择“重启”可查看原因。",
];
pub(crate) const TOO_MANY_TITLE: Phrase = ["{profile} was not restarted", "未重启 {profile}"];
pub(crate) const TOO_MANY_BODY: Phrase = [
    "It was restarted {count} times in the last hour. To restart anyway, run gatelight restart --force.",
    "最近 1 小时内已重启 {count} 次。如需继续，请运行 gatelight restart --force。",
];
pub(crate) const CHECKED_TITLE: Phrase = ["Job files checked", "任务文件已检查"];
pub(crate) const CHECKED_CLEAN: Phrase = ["No problems found.", "没有发现问题。"];
pub(crate) const CHECKED_BODY: Phrase = [
    "{problems}. The worst: {worst}. To see all of them and repair most, choose Open Doctor in the menu.",
    "{problems}。最严重的是：{worst}。在菜单中选择“在终端中打开 doctor”可查看全部，大部分可以修复。",
];
pub(crate) const CHECKED_WHOSE: Phrase = ["{count} in {profiles}", "{profiles} 有 {count}"];
pub(crate) const CHECKED_NEXT: Phrase = ["; ", "；"];
/// For one, and for several.
pub(crate) const ERRORS: [Phrase; 2] = [["{n} error", "{n} 个错误"], ["{n} errors", "{n} 个错误"]];
pub(crate) const WARNINGS: [Phrase; 2] = [["{n} warning", "{n} 个警告"], ["{n} warnings", "{n} 个警告"]];
pub(crate) const REPAIR_TITLE: Phrase = ["Repair of {profile}", "修复 {profile}"];
pub(crate) const COPIED_TITLE: Phrase = ["Diagnostics", "诊断信息"];
pub(crate) const COPIED: Phrase = ["Copied to the clipboard.", "已复制到剪贴板。"];
pub(crate) const COPIED_TO_FILE: Phrase =
    ["No clipboard program was found; written to {file}.", "未找到剪贴板程序，已写入 {file}。"];
pub(crate) const SETTINGS_NOT_WRITTEN_TITLE: Phrase = ["The settings file was not changed", "设置文件未更改"];
pub(crate) const TIMELINE_TITLE: Phrase = ["Timeline", "时间线"];
pub(crate) const CLAIMED_BODY: Phrase =
    ["Another gatelight process is restarting it.", "另一个 gatelight 进程正在重启它。"];

pub(crate) const FIRST_LOAD_TITLE: Phrase = ["Starting {profile}", "正在启动 {profile}"];
pub(crate) const NOT_STOPPED_TITLE: Phrase = ["{profile} was not stopped", "未停止 {profile}"];
pub(crate) const STOP_ALL_TITLE: Phrase = ["Stop {count} profiles?", "停止 {count} 个 profile？"];
pub(crate) const STOP_ALL_BODY: Phrase = [
    "One gateway serves {profiles}. To stop it, choose Stop again within a minute.",
    "{profiles} 由同一个网关提供服务。如需停止，请在 1 分钟内再次选择“停止”。",
];
pub(crate) const RESTART_ALL_TITLE: Phrase = ["Restart {count} profiles?", "重启 {count} 个 profile？"];
pub(crate) const RESTART_ALL_BODY: Phrase = [
    "One gateway serves {profiles}. To restart it, choose Restart again within a minute.",
    "{profiles} 由同一个网关提供服务。如需重启，请在 1 分钟内再次选择“重启”。",
];
pub(crate) const START_ALL_TITLE: Phrase = ["Start {count} profiles?", "启动 {count} 个 profile？"];
pub(crate) const START_ALL_BODY: Phrase = [
    "One gateway serves {profiles}. To start it, choose Start again within a minute.",
    "{profiles} 由同一个网关提供服务。如需启动，请在 1 分钟内再次选择“启动”。",
];
pub(crate) const WRONG_LIGHT_TITLE: Phrase = ["Report a wrong light", "报告错误的状态灯"];
pub(crate) const WRONG_LIGHT_BEGUN: Phrase = [
    "Recording for {seconds} s; the folder opens when it is done.",
    "正在录制 {seconds} 秒，完成后会打开文件夹。",
];
pub(crate) const WRONG_LIGHT_DONE: Phrase = [
    "Check the files in {folder}, then attach them to an issue. Secrets and names were removed.",
    "请检查 {folder} 中的文件，再附到 issue 中。其中的密钥和名称已移除。",
];
pub(crate) const WRONG_LIGHT_BROKEN: Phrase = ["a recording ended early", "有一项录制提前结束"];
