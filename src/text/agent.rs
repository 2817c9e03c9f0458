//! Phrases of the agent.

use super::Phrase;

pub(crate) const RUNS_ALREADY: Phrase =
    ["Gatelight runs already; it was asked to show itself.", "Gatelight 已在运行，已通知它显示状态。"];
pub(crate) const RUNS_ALREADY_UNSEEN: Phrase =
    ["Gatelight runs already, without an icon.", "Gatelight 已在运行（无图标）。"];
pub(crate) const NO_HOST: Phrase = [
    "no panel shows tray icons now; watching here until one does, notices come all the same",
    "当前没有面板可显示托盘图标；面板出现前在此终端监视，通知照常发送",
];
pub(crate) const NO_DESKTOP: Phrase = [
    "No desktop to show an icon on ({why}); watching here instead.",
    "没有可显示图标的桌面（{why}）；改为在此监视。",
];
pub(crate) const HISTORY_ASIDE_TITLE: Phrase = ["The history begins anew", "历史记录已重新开始"];
pub(crate) const HISTORY_ASIDE_BODY: Phrase = [
    "The old one could not be used ({why}). It lies at {path}.",
    "旧的历史记录无法使用（{why}），已移至 {path}。",
];
pub(crate) const HISTORY_NONE_TITLE: Phrase = ["No history is kept", "未能保存历史记录"];
pub(crate) const AUTO_TITLE: Phrase = ["Restarting {profile}", "正在重启 {profile}"];
pub(crate) const AUTO_BODY: Phrase = ["Auto-restart is on in the settings.", "设置中已启用自动重启。"];
pub(crate) const NO_MANAGER_TITLE: Phrase = ["{profile} cannot be restarted", "无法重启 {profile}"];
pub(crate) const NO_MANAGER_BODY: Phrase = ["{why}", "{why}"];
pub(crate) const CONFIRM_TITLE: Phrase = ["Restart {profile} all the same?", "仍要重启 {profile}？"];
pub(crate) const CONFIRM_BODY: Phrase =
    ["{why} Choose Restart once more within a minute to do it.", "{why} 一分钟内再次选择“重启”即执行。"];
pub(crate) const NOT_ALL_TITLE: Phrase = ["Not restarted: {profiles}", "未重启：{profiles}"];
pub(crate) const NOT_ALL_BODY: Phrase = [
    "A restart does not help there now, or no job starts them. Restart in the menu of one of them says why.",
    "此时重启对它们没有帮助，或没有任务负责启动它们。在其菜单中选择“重启”可查看原因。",
];
pub(crate) const TOO_MANY_TITLE: Phrase = ["{profile} is not restarted", "未重启 {profile}"];
pub(crate) const TOO_MANY_BODY: Phrase = [
    "It was restarted {count} times within the last hour; gatelight restart --force does it all the same.",
    "过去一小时内已重启 {count} 次；gatelight restart --force 可强制执行。",
];
pub(crate) const CHECKED_TITLE: Phrase = ["Job files checked", "任务文件已检查"];
pub(crate) const CHECKED_CLEAN: Phrase = ["Nothing wrong in them.", "没有发现问题。"];
pub(crate) const CHECKED_BODY: Phrase = [
    "{count} findings. {first} gatelight doctor shows all.",
    "{count} 个问题。{first} 运行 gatelight doctor 查看全部。",
];
pub(crate) const REPAIR_TITLE: Phrase = ["Repair of {profile}", "修复 {profile}"];
pub(crate) const COPIED_TITLE: Phrase = ["Diagnostics", "诊断信息"];
pub(crate) const COPIED: Phrase = ["They are in the clipboard.", "已复制到剪贴板。"];
pub(crate) const COPIED_TO_FILE: Phrase =
    ["No clipboard program was found; they are in {file}.", "未找到剪贴板程序；已写入 {file}。"];
pub(crate) const SETTINGS_NOT_WRITTEN_TITLE: Phrase = ["The settings file was not changed", "设置文件未更改"];
pub(crate) const TIMELINE_TITLE: Phrase = ["Timeline", "时间线"];
pub(crate) const CLAIMED_BODY: Phrase =
    ["Another gatelight restarts it at this moment.", "另一个 gatelight 正在重启它。"];

pub(crate) const FIRST_LOAD_TITLE: Phrase = ["Starting {profile}", "正在启动 {profile}"];
pub(crate) const NOT_STOPPED_TITLE: Phrase = ["{profile} was not stopped", "未停止 {profile}"];
pub(crate) const STOP_ALL_TITLE: Phrase = ["Stop {count} profiles?", "停止 {count} 个配置？"];
pub(crate) const STOP_ALL_BODY: Phrase = [
    "One gateway serves {profiles}. Choose Stop once more within a minute to stop it.",
    "同一个网关服务于 {profiles}。一分钟内再次选择“停止”即可停止。",
];
pub(crate) const START_ALL_TITLE: Phrase = ["Start {count} profiles?", "启动 {count} 个配置？"];
pub(crate) const START_ALL_BODY: Phrase = [
    "One gateway serves {profiles}. Choose Start once more within a minute to start it.",
    "同一个网关服务于 {profiles}。一分钟内再次选择“启动”即可启动。",
];
pub(crate) const WRONG_LIGHT_TITLE: Phrase = ["Report a wrong light", "报告错误的状态灯"];
pub(crate) const WRONG_LIGHT_BEGUN: Phrase =
    ["Recording for {seconds} s; then the folder opens.", "正在记录 {seconds} 秒，完成后将打开文件夹。"];
pub(crate) const WRONG_LIGHT_DONE: Phrase = [
    "Read the files in {folder}, then attach them to an issue. Secrets and names are removed.",
    "请查看 {folder} 中的文件，然后附到 issue 中。其中的密钥和名称已去除。",
];
pub(crate) const WRONG_LIGHT_BROKEN: Phrase = ["a recording ended early", "一项记录提前结束"];
