//! Why a recording cannot be read.

use super::Phrase;

pub(crate) const UNREADABLE: Phrase = ["cannot be read: {why}", "无法读取：{why}"];
pub(crate) const NO_HEADER: Phrase =
    ["line 1 is not the header of a recording: {why}", "第 1 行不是录制文件的文件头：{why}"];
pub(crate) const NO_VERSION: Phrase = ["\"recording\" is missing", "缺少 \"recording\""];
pub(crate) const VERSION: Phrase = [
    "recording format {version} is not known; this Gatelight reads format {known}: use a newer one",
    "无法识别录制格式 {version}；此版本的 Gatelight 只能读取格式 {known}，请使用新版本",
];
pub(crate) const LINE: Phrase = ["line {line}: {why}", "第 {line} 行：{why}"];
pub(crate) const TOO_LONG: Phrase = ["longer than {most} MiB", "超过 {most} MiB"];
pub(crate) const NO_TIME: Phrase = ["no time \"t\"", "缺少时间 \"t\""];
pub(crate) const TIME_FALLS: Phrase = ["time falls from {last} to {t}", "时间从 {last} 倒退到 {t}"];
pub(crate) const NO_LINE: Phrase = ["\"log\" without \"line\"", "有 \"log\" 但缺少 \"line\""];
pub(crate) const NO_SLEPT: Phrase = ["\"wake\" without \"slept\"", "有 \"wake\" 但缺少 \"slept\""];
pub(crate) const NO_TEXT: Phrase = ["a text was expected, not {value}", "应为文本，而不是 {value}"];
