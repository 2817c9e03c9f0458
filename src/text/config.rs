//! What is said about a settings file that cannot be used.

use super::Phrase;

pub(crate) const AT: Phrase = ["{file}:{line}:{column}: {what}", "{file}:{line}:{column}：{what}"];
pub(crate) const OLD_STAY: Phrase = ["the previous settings stay in use", "继续使用之前的设置"];
pub(crate) const DEFAULTS_HOLD: Phrase = ["the default settings are used", "使用默认设置"];
pub(crate) const NOT_USED: Phrase = ["The settings file is not used", "设置文件未生效"];
pub(crate) const NOT_USED_BODY: Phrase = ["{what}; {instead}", "{what}；{instead}"];
pub(crate) const UNREADABLE: Phrase = ["{file} cannot be read: {why}", "无法读取 {file}：{why}"];
pub(crate) const TOO_LONG: Phrase =
    ["{file} is longer than {limit} KiB and was not read", "{file} 超过 {limit} KiB，未读取"];
pub(crate) const NOT_TEXT: Phrase = ["{file} is not UTF-8 text", "{file} 不是 UTF-8 文本"];

pub(crate) const RANGE: Phrase =
    ["{key} must be between {least} and {most}", "{key} 必须在 {least} 到 {most} 之间"];
pub(crate) const ABSOLUTE: Phrase = [
    "{key} must be an absolute path (a leading ~/ is your home folder)",
    "{key} 必须是绝对路径（开头的 ~/ 表示你的用户主目录）",
];
pub(crate) const EMPTY: Phrase = ["{key} must not be empty", "{key} 不能为空"];
pub(crate) const LONG_TEXT: Phrase =
    ["{key} must not be longer than {most} characters", "{key} 不能超过 {most} 个字符"];
pub(crate) const SHORT_TEXT: Phrase =
    ["{key} must have at least {least} bytes", "{key} 至少需要 {least} 个字节"];
pub(crate) const ONE_LINE: Phrase = ["{key} must be one line of plain text", "{key} 必须是单行纯文本"];
pub(crate) const NO_SPAN: Phrase = [
    "{key} must be a time span like \"22:00-07:00\" or \"sat,sun 00:00-24:00\"",
    "{key} 必须是时间段，例如 \"22:00-07:00\" 或 \"sat,sun 00:00-24:00\"",
];
pub(crate) const ALWAYS_QUIET: Phrase = [
    "{key} leaves no time for notifications; to turn them off, use enabled = false",
    "{key} 没有留出可以通知的时间；要关闭通知，请使用 enabled = false",
];
pub(crate) const TWICE: Phrase = ["{key} is set twice: {value}", "{key} 重复：{value}"];
pub(crate) const NO_PROFILE: Phrase = ["{key} needs home or name", "{key} 需要 home 或 name"];
pub(crate) const NEARLY_A_PLATFORM: Phrase = [
    "{key}: there is no platform {name}; did you mean {meant}? Known platforms: {known}",
    "{key}：没有名为 {name} 的平台，是否指 {meant}？已知平台：{known}",
];
pub(crate) const TOO_MANY: Phrase = ["{key}: at most {most} entries", "{key}：最多 {most} 项"];
