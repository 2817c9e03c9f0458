//! The menu bar of macOS: an icon that cannot be seen, permissions, the first start, help.

use super::Phrase;

pub(crate) const NO_WINDOW_SERVER: Phrase = [
    "this session has no access to the screen, for example over SSH",
    "当前会话无法访问屏幕，例如通过 SSH 登录时",
];
pub(crate) const NEEDS_APP: Phrase = [
    "this macOS shows the icons of apps only: open Gatelight.app, or build it with `cargo bundle --release`",
    "此版本的 macOS 只显示应用的图标：请打开 Gatelight.app，或用 `cargo bundle --release` 生成",
];

pub(crate) const HIDDEN: Phrase = ["Gatelight’s icon cannot be seen", "看不到 Gatelight 的图标"];
pub(crate) const HIDDEN_NO_APP: Phrase = [
    "This macOS shows the icons of apps only. Open Gatelight.app.",
    "此版本的 macOS 只显示应用的图标。请打开 Gatelight.app。",
];
pub(crate) const HIDDEN_NOT_ALLOWED: Phrase = [
    "Turn Gatelight on in System Settings > Menu Bar. If it is on, turn it off and on again.",
    "请在“系统设置”>“菜单栏”中打开 Gatelight。如果已打开，请关闭后再打开。",
];
pub(crate) const HIDDEN_NOTCH: Phrase = [
    "The menu bar is full and the icon is behind the camera housing. Quit another menu bar app, or hold Command and drag icons.",
    "菜单栏已满，图标被摄像头区域遮住。请退出其他菜单栏应用，或按住 Command 键拖移图标。",
];
pub(crate) const HIDDEN_NO_ROOM: Phrase = [
    "The menu bar is full. Quit another menu bar app, or use an app with fewer menus.",
    "菜单栏已满。请退出其他菜单栏应用，或切换到菜单较少的应用。",
];
pub(crate) const HIDDEN_SWITCHED_OFF: Phrase = [
    "The icon was removed from the menu bar. Quit Gatelight and open it again.",
    "图标已从菜单栏移除。请退出 Gatelight 后重新打开。",
];
pub(crate) const OPEN_AGAIN: Phrase = [
    "Open Gatelight again to see its menu (in Terminal: open -a Gatelight).",
    "再次打开 Gatelight 即可显示菜单（终端命令：open -a Gatelight）。",
];

pub(crate) const WELCOME: Phrase = ["Gatelight is in the menu bar", "Gatelight 已在菜单栏中"];
pub(crate) const WELCOME_BODY: Phrase = [
    "{found}. If there is no light at the top right, open Gatelight again, or check System Settings > Menu Bar.",
    "{found}。如果右上角没有状态灯，请再次打开 Gatelight，或检查“系统设置”>“菜单栏”。",
];

pub(crate) const NOT_ANSWERED: Phrase =
    ["Notifications: Allow Them in System Settings", "通知：请在系统设置中允许"];
pub(crate) const NEVER_ASKED: Phrase =
    ["Notifications: macOS Does Not Trust This Copy", "通知：macOS 不信任此副本"];
pub(crate) const ONLY_FROM_APP: Phrase =
    ["Notifications: Only in Gatelight.app", "通知：仅在 Gatelight.app 中可用"];
pub(crate) const TEST: Phrase = ["Send a Test Notification", "发送测试通知"];
pub(crate) const TEST_TITLE: Phrase = ["Notifications work", "通知正常"];
pub(crate) const TEST_BODY: Phrase = [
    "Gatelight notifies you like this when a gateway is down or has recovered.",
    "网关异常或恢复时，Gatelight 会这样通知你。",
];
pub(crate) const EACH: Phrase = ["One Light per Profile", "每个 profile 一盏灯"];
pub(crate) const EACH_OFF_IN_SETTINGS: Phrase =
    ["One Light per Profile: Off in the Settings File", "每个 profile 一盏灯：已在设置文件中关闭"];

pub(crate) const START: Phrase = ["Start", "启动"];
pub(crate) const STOP: Phrase = ["Stop", "停止"];

pub(crate) const HELP: Phrase = ["Help", "帮助"];
pub(crate) const REPORT_WRONG_LIGHT: Phrase = ["Report a Wrong Light…", "报告错误的状态灯…"];
pub(crate) const READ_ME: Phrase = ["Read Me", "自述文件"];
pub(crate) const VERSION: Phrase = ["Gatelight {version} ({build})", "Gatelight {version}（{build}）"];
