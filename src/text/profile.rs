//! Why a job file was not read.

use super::Phrase;

/// A folder, a FIFO, a device.
pub const NOT_REGULAR: Phrase = ["it is no regular file", "它不是普通文件"];
/// Too large to be one.
pub const TOO_LARGE: Phrase = ["it is larger than 1 MiB", "它大于 1 MiB"];
/// A link to elsewhere.
pub const LEAVES_FOLDER: Phrase =
    ["it is a symbolic link that leaves its folder", "它是指向目录之外的符号链接"];
/// A folder with too many of them.
pub const TOO_MANY: Phrase =
    ["it holds more than {most} files: some were not read", "其中的文件超过 {most} 个：部分未读取"];
/// A home of the settings.
pub const HOME_MISSING: Phrase = [
    "[[profiles]] of the settings names this home, and it does not exist",
    "设置中的 [[profiles]] 指定了此目录，但它不存在",
];
/// Two files of one label.
pub const LABEL_TAKEN: Phrase = ["its label “{label}” is taken by {file}", "标签“{label}”已被 {file} 使用"];
/// A file that the parser refuses.
pub const NOT_A_LIST: Phrase = ["not a property list: {why}", "不是有效的属性列表：{why}"];
/// A property list of neither kind.
pub const FOREIGN: Phrase =
    ["it is neither an XML nor a binary property list", "它既不是 XML 也不是二进制属性列表"];
/// Bytes that are no text.
pub const NOT_UTF8: Phrase = [
    "its text is not UTF-8, which Gatelight needs (plutil -convert xml1 FILE makes it so)",
    "内容不是 Gatelight 所需的 UTF-8（可用 plutil -convert xml1 文件 转换）",
];
/// XML that ends early.
pub const BROKEN_XML: Phrase = ["its XML breaks off", "XML 不完整"];
/// A binary list that makes no sense.
pub const BROKEN_BINARY: Phrase = ["its binary object table is damaged", "二进制对象表已损坏"];
/// A list beyond the bounds.
pub const TOO_DEEP: Phrase = ["it nests too deeply or holds too many values", "嵌套过深或值过多"];
/// Not what a job is.
pub const NO_DICTIONARY: Phrase = ["it is no dictionary", "它不是字典"];
/// A job without a name.
pub const NO_LABEL: Phrase = ["it has no Label", "缺少 Label"];
/// A job without a program.
pub const NO_PROGRAM: Phrase =
    ["it has neither ProgramArguments nor Program", "缺少 ProgramArguments 与 Program"];
/// Arguments of another kind.
pub const ODD_ARGUMENTS: Phrase =
    ["its ProgramArguments are no list of strings", "ProgramArguments 不是字符串列表"];
/// A program of another kind.
pub const ODD_PROGRAM: Phrase = ["its Program is no string", "Program 不是字符串"];
/// A unit without a program.
pub const NO_EXEC_START: Phrase = ["it has no ExecStart", "缺少 ExecStart"];
/// A quote that does not close.
pub const OPEN_QUOTE: Phrase = ["a quote of {key} does not close", "{key} 的引号没有闭合"];
