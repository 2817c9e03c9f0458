//! What is said about a settings file that cannot be used.

use super::Phrase;

pub(crate) const AT: Phrase = ["{file}:{line}:{column}: {what}", "{file}:{line}:{column}：{what}"];
pub(crate) const OLD_STAY: Phrase = ["the previous settings stay in use", "继续使用之前的设置"];
pub(crate) const DEFAULTS_HOLD: Phrase = ["the rest of the file is used", "文件中的其余设置已生效"];
pub(crate) const NOT_USED: Phrase = ["A mistake in the settings file", "设置文件有错误"];
pub(crate) const NOT_USED_BODY: Phrase = ["{what}; {instead}", "{what}；{instead}"];
pub(crate) const UNREADABLE: Phrase = ["{file} cannot be read: {why}", "无法读取 {file}：{why}"];
pub(crate) const TOO_LONG: Phrase =
    ["{file} is longer than {limit} KiB and was not read", "{file} 超过 {limit} KiB，未读取"];
pub(crate) const NOT_TEXT: Phrase = ["{file} is not UTF-8 text", "{file} 不是 UTF-8 文本"];

pub(crate) const NOT_TOML: Phrase = ["not valid TOML: {words}", "TOML 语法错误：{words}"];
pub(crate) const UNKNOWN_KEY: Phrase =
    ["there is no setting {name}; here are: {known}", "没有名为 {name} 的设置；可用：{known}"];
pub(crate) const UNKNOWN_VALUE: Phrase =
    ["{key} cannot be “{value}”; use one of: {known}", "{key} 不能是“{value}”；可用：{known}"];
pub(crate) const MISSING_KEY: Phrase = ["{key} has no {name}", "{key} 缺少 {name}"];
pub(crate) const WRONG_KIND: Phrase = ["{key} must be {wanted}", "{key} 的值应为：{wanted}"];
pub(crate) const WRONG_VALUE: Phrase = ["{key}: {words}", "{key}：{words}"];
pub(crate) const NOT_SECONDS: Phrase = ["{key} must be a number of seconds", "{key} 必须是秒数"];
pub(crate) const SECONDS_RANGE: Phrase =
    ["{key} must be between 0 and one year, in seconds", "{key} 必须在 0 到一年之间（以秒为单位）"];
pub(crate) const A_TEXT: Phrase = ["a text in quotes", "带引号的文本"];
pub(crate) const A_LIST: Phrase = ["a list in square brackets", "方括号中的列表"];
pub(crate) const A_TABLE: Phrase = ["a table", "一个表"];
pub(crate) const A_NUMBER: Phrase = ["a whole number, not negative", "非负整数"];
pub(crate) const CHECKED: Phrase = ["{file}: no mistakes", "{file}：没有错误"];
pub(crate) const NO_FILE: Phrase = [
    "{file} does not exist; the defaults are used. gatelight config init makes a commented one",
    "{file} 不存在，使用默认设置。gatelight config init 可生成带注释的设置文件",
];
pub(crate) const MADE: Phrase =
    ["{file}: made; every line that starts with #: is a default", "{file}：已生成；以 #: 开头的行都是默认值"];
pub(crate) const EXISTS: Phrase = ["{file} exists and stays as it is", "{file} 已存在，保持不变"];

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
