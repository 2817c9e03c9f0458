//! Errors of the settings file, and texts of `gatelight config`.

use super::{Lang, Phrase};

pub(crate) const OLD_STAY: Phrase = ["the previous settings stay in use", "继续使用之前的设置"];
pub(crate) const REST_HOLDS: Phrase = ["the rest of the file is used", "文件中的其余设置已生效"];
pub(crate) const DEFAULTS_HOLD: Phrase = ["the defaults are used", "使用默认设置"];
pub(crate) const NOT_USED: Phrase = ["A mistake in the settings file", "设置文件有错误"];
pub(crate) const NOT_USED_BODY: Phrase = ["{what}; {instead}", "{what}；{instead}"];
pub(crate) const UNREADABLE: Phrase = ["{file} cannot be read: {why}", "无法读取 {file}：{why}"];
pub(crate) const DANGLING: Phrase = [
    "{link} is a symbolic link to something that does not exist; restore it, or remove the link",
    "{link} 是符号链接，但其目标不存在；请恢复目标，或删除该链接",
];
pub(crate) const TOO_LONG: Phrase =
    ["{file} is longer than {limit} KiB and was not read", "{file} 超过 {limit} KiB，未读取"];
pub(crate) const NOT_TEXT: Phrase = ["{file} is not UTF-8 text", "{file} 不是 UTF-8 文本"];

pub(crate) const NOT_TOML: Phrase = ["not valid TOML: {what}", "TOML 语法错误：{what}"];
pub(crate) const UNKNOWN_KEY: Phrase =
    ["there is no setting {name}; use one of: {known}", "没有名为 {name} 的设置；可用：{known}"];
pub(crate) const NEARLY_A_KEY: Phrase =
    ["there is no setting {name}; did you mean {meant}?", "没有名为 {name} 的设置，是否指 {meant}？"];
pub(crate) const UNKNOWN_VALUE: Phrase =
    ["{key} cannot be “{value}”; use one of: {known}", "{key} 不能是“{value}”；可用：{known}"];
pub(crate) const MISSING_KEY: Phrase = ["{key} has no {name}", "{key} 缺少 {name}"];
pub(crate) const WRONG_KIND: Phrase = ["{key} must be {wanted}", "{key} 的值应为：{wanted}"];
pub(crate) const WRONG_VALUE: Phrase = ["{key}: {words}", "{key}：{words}"];
pub(crate) const TOO_LARGE: Phrase = ["{key}: the number is too large", "{key}：数字过大"];
pub(crate) const NOT_SECONDS: Phrase = ["{key} must be a number of seconds", "{key} 必须是秒数"];
pub(crate) const SECONDS_RANGE: Phrase =
    ["{key} must be between 0 and one year, in seconds", "{key} 必须在 0 到一年之间（以秒为单位）"];
pub(crate) const A_TEXT: Phrase = ["a text in quotes", "带引号的文本"];
pub(crate) const A_LIST: Phrase = ["a list in square brackets", "方括号中的列表"];
pub(crate) const A_TABLE: Phrase = ["a table", "一个表"];
pub(crate) const A_NUMBER: Phrase = ["a whole number, not negative", "非负整数"];
pub(crate) const CHECKED: Phrase = ["{file}: no errors", "{file}：没有错误"];
pub(crate) const UNKNOWN_PROFILE: Phrase = [
    "the settings name a profile “{name}” that was not found; found: {names}",
    "设置中提到的 profile“{name}”不存在；现有：{names}",
];
pub(crate) const NO_FILE: Phrase = [
    "{file} does not exist; the defaults are used. To create one with comments: gatelight config init",
    "{file} 不存在，使用默认设置。生成带注释的设置文件：gatelight config init",
];
pub(crate) const CREATED: Phrase = [
    "{file}: created. Each line that starts with #: is a default; to change it, remove the #:",
    "{file}：已生成。以 #: 开头的行都是默认值；如需修改，请去掉 #:",
];
pub(crate) const EXISTS: Phrase = ["{file} already exists; it was not changed", "{file} 已存在，未作修改"];
pub(crate) const GOES_ON: Phrase = [
    "{what}; continuing without it (all errors: gatelight config check)",
    "{what}；已忽略此项设置（查看全部错误：gatelight config check）",
];
pub(crate) const MORE_ERRORS: Phrase = ["{count} more errors", "另有 {count} 处错误"];

pub(crate) const RANGE: Phrase =
    ["{key} must be between {least} and {most}", "{key} 必须在 {least} 到 {most} 之间"];
pub(crate) const ABSOLUTE: Phrase = [
    "{key} must be an absolute path (a leading ~/ is your home folder)",
    "{key} 必须是绝对路径（开头的 ~/ 表示你的用户主目录）",
];
pub(crate) const EMPTY: Phrase = ["{key} must not be empty", "{key} 不能为空"];
pub(crate) const LONG_TEXT: Phrase =
    ["{key} must not be longer than {most} characters", "{key} 不能超过 {most} 个字符"];
pub(crate) const LONG_BYTES: Phrase =
    ["{key} must not be longer than {most} bytes", "{key} 不能超过 {most} 个字节"];
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

/// What is wrong in a line that is not TOML, by the beginning of the parser's message (crate `toml_parser`).
const SYNTAX: [(&str, &str); 45] = [
    ("unclosed table", "表头没有闭合"),
    ("unclosed array table", "表头没有闭合"),
    ("unclosed array", "数组没有闭合"),
    ("unclosed inline table", "内联表没有闭合"),
    ("string values must be quoted", "文本必须加引号"),
    ("missing comma", "缺少逗号"),
    ("missing value", "缺少值"),
    ("missing key", "缺少键"),
    ("missing assignment", "缺少等号"),
    ("missing opening quote", "缺少左引号"),
    ("missing escaped value", "转义字符无效"),
    ("missing table open", "表头不完整"),
    ("missing array opening", "缺少左方括号"),
    ("missing inline table opening", "缺少左花括号"),
    ("too few unicode value digits", "转义字符无效"),
    ("key with no value", "键没有值"),
    ("unquoted keys cannot be empty", "缺少键"),
    ("extra comma", "多余的逗号"),
    ("extra assignment", "多余的等号"),
    ("extra `=`", "多余的等号"),
    ("unexpected `=` in array", "数组中不能有等号"),
    ("unexpected leading zero", "数字不能以 0 开头"),
    ("unexpected sign", "多余的正负号"),
    ("unexpected content", "多余的内容"),
    ("unexpected key or value", "多余的内容"),
    ("redundant numeric sign", "多余的正负号"),
    ("redundant integer number prefix", "数字无效"),
    ("radix must be lowercase", "数字无效"),
    ("integers with a radix cannot be signed", "数字无效"),
    ("`_` may only go between digits", "数字无效"),
    ("invalid integer", "数字无效"),
    ("invalid float", "数字无效"),
    ("invalid hexadecimal", "数字无效"),
    ("invalid octal", "数字无效"),
    ("invalid binary", "数字无效"),
    ("invalid boolean", "应为 true 或 false"),
    ("invalid date", "日期或时间无效"),
    ("invalid time", "日期或时间无效"),
    ("invalid unquoted key", "键无效"),
    ("invalid key", "键无效"),
    ("keys cannot be", "键无效"),
    ("duplicate key", "键重复"),
    ("cannot extend", "键与已有的值冲突"),
    ("invalid", "文本没有闭合，或含有无效字符"),
    ("carriage return", "换行无效"),
];

/// What is wrong in a line that is not TOML: in English the parser's message, in Chinese ours and then the parser's.
pub(crate) fn syntax(lang: Lang, words: &str) -> String {
    if lang == Lang::En {
        return words.to_owned();
    }
    let known = SYNTAX.iter().find(|(theirs, _)| words.starts_with(theirs));
    let (_, ours) = known.unwrap_or(&("", "无法解析"));
    format!("{ours}（{words}）")
}
