//! Why a job file was not read.

use super::{Code, Phrase, code};

pub(crate) const NOT_REGULAR: Phrase = ["it is not a regular file", "不是普通文件"];
pub(crate) const TOO_LARGE: Phrase = ["it is larger than 1 MiB", "大于 1 MiB"];
pub(crate) const LEAVES_FOLDER: Phrase =
    ["it is a symbolic link to another folder", "是指向目录之外的符号链接"];
pub(crate) const TOO_MANY: Phrase =
    ["it contains more than {most} files: some were not read", "其中的文件超过 {most} 个，部分未读取"];
pub(crate) const LINK_TO_NOTHING: Phrase = [
    "it is a symbolic link to something that does not exist (a volume that is not mounted?)",
    "是符号链接，但其目标不存在（卷未挂载？）",
];
pub(crate) const HOME_MISSING: Phrase = [
    "[[profiles]] in the settings names this home, but it does not exist",
    "设置中的 [[profiles]] 指定了此主目录，但它不存在",
];
pub(crate) const SEARCH_BLOCKED: Phrase = [
    "the search for profiles is held up: a folder below it, or one that the settings name, does not answer (a network \
     volume, or a permission that macOS is asking for)",
    "查找 profile 的过程受阻：其下或设置所指定的某个文件夹没有响应（网络卷，或 macOS 正在请求权限）",
];
pub(crate) const LABEL_TAKEN: Phrase =
    ["its label “{label}” is already used by {file}", "标签“{label}”已被 {file} 使用"];
pub(crate) const NOT_A_LIST: Phrase = ["not a property list: {why}", "不是有效的属性列表：{why}"];
pub(crate) const FOREIGN: Code = code(
    "property-list.foreign",
    ["it is neither an XML nor a binary property list", "既不是 XML 属性列表，也不是二进制属性列表"],
);
pub(crate) const NOT_UTF8: Code = code(
    "property-list.not-utf8",
    [
        "its text is not UTF-8 (to convert it: plutil -convert xml1 FILE)",
        "内容不是 UTF-8（转换命令：plutil -convert xml1 FILE）",
    ],
);
pub(crate) const BROKEN_XML: Code = code("property-list.broken-xml", ["its XML is incomplete", "XML 不完整"]);
pub(crate) const BROKEN_BINARY: Code =
    code("property-list.broken-binary", ["its binary object table is damaged", "二进制对象表已损坏"]);
pub(crate) const TOO_DEEP: Code =
    code("property-list.too-deep", ["it is nested too deeply or has too many values", "嵌套过深或值过多"]);
pub(crate) const NO_DICTIONARY: Phrase = ["it is not a dictionary", "不是字典"];
pub(crate) const NO_LABEL: Phrase = ["it has no Label", "缺少 Label"];
pub(crate) const NO_PROGRAM: Phrase =
    ["it has neither ProgramArguments nor Program", "既没有 ProgramArguments，也没有 Program"];
pub(crate) const ODD_ARGUMENTS: Phrase =
    ["its ProgramArguments is not a list of strings", "ProgramArguments 不是字符串列表"];
pub(crate) const ODD_PROGRAM: Phrase = ["its Program is not a string", "Program 不是字符串"];
pub(crate) const NO_EXEC_START: Phrase = ["it has no ExecStart", "缺少 ExecStart"];
pub(crate) const OPEN_QUOTE: Phrase = ["a quote in {key} is not closed", "{key} 的引号没有闭合"];

/// The codes of property lists that cannot be read.
pub(super) const CODES: &[Code] = &[FOREIGN, NOT_UTF8, BROKEN_XML, BROKEN_BINARY, TOO_DEEP];
