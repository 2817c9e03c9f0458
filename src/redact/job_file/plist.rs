//! Property lists, whether they parse or not.

use super::super::MASK;
use super::{command, is_plain, keep_or_mask, variable};

/// launchd keys (launchd.plist(5)) whose strings may be shown if they are plain.
const HARMLESS_KEYS: &[&str] = &[
    "BundleIdentifier",
    "GroupName",
    "Label",
    "LimitLoadToSessionType",
    "PathState",
    "ProcessType",
    "Program",
    "QueueDirectories",
    "RootDirectory",
    "StandardErrorPath",
    "StandardInPath",
    "StandardOutPath",
    "UserName",
    "WatchPaths",
    "WorkingDirectory",
];

/// An open element.
struct Element<'a> {
    name: &'a str,
    /// In a dictionary: the key whose value comes next.
    key: &'a str,
}

struct Masker<'a> {
    out: String,
    stack: Vec<Element<'a>>,
    /// The argument before the one that comes next.
    before: Option<&'a str>,
}

pub(super) fn mask(text: &str) -> String {
    let mut masker = Masker { out: String::with_capacity(text.len()), stack: Vec::new(), before: None };
    let mut rest = text;
    while !rest.is_empty() {
        rest = masker.next(rest);
    }
    masker.out
}

impl<'a> Masker<'a> {
    /// Takes the next piece of markup or text; returns what follows.
    fn next(&mut self, rest: &'a str) -> &'a str {
        if let Some(body) = rest.strip_prefix("<!--") {
            self.out.push_str("<!--");
            let end = body.find("-->").unwrap_or(body.len());
            keep_or_mask(&mut self.out, &body[..end], false);
            return self.close(&body[end..], "-->");
        }
        if let Some(body) = rest.strip_prefix("<![CDATA[") {
            self.out.push_str("<![CDATA[");
            let end = body.find("]]>").unwrap_or(body.len());
            self.text(&body[..end]);
            return self.close(&body[end..], "]]>");
        }
        if rest.starts_with('<') {
            let end = rest.find('>').map_or(rest.len(), |end| end + 1);
            if rest.starts_with("<!") && rest[..end].contains('[') {
                // an internal subset, which may define entities
                let end = rest.find("]>").map_or(rest.len(), |end| end + 2);
                self.out.push_str("<!");
                self.out.push_str(MASK);
                self.out.push('>');
                return &rest[end..];
            }
            self.tag(&rest[..end]);
            return &rest[end..];
        }
        let end = rest.find('<').unwrap_or(rest.len());
        self.text(&rest[..end]);
        &rest[end..]
    }

    fn close(&mut self, rest: &'a str, mark: &str) -> &'a str {
        let Some(after) = rest.strip_prefix(mark) else { return rest };
        self.out.push_str(mark);
        after
    }

    fn tag(&mut self, tag: &'a str) {
        let inner = tag.strip_prefix('<').and_then(|tag| tag.strip_suffix('>'));
        let Some(inner) = inner else { return self.out.push_str(MASK) };
        let known = inner.starts_with("?xml ") || inner.starts_with("!DOCTYPE plist PUBLIC ");
        let name_end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '/')).unwrap_or(inner.len());
        let (name, attributes) = inner.split_at(name_end);
        let plain = matches!(attributes.trim(), "" | "/" | "version=\"1.0\"") && is_tag_name(name);
        if known && inner.len() <= 120 || plain {
            self.out.push_str(tag);
        } else {
            self.out.push('<');
            self.out.push_str(if is_tag_name(name) { name } else { "" });
            self.out.push(' ');
            self.out.push_str(MASK);
            self.out.push('>');
        }
        if known || name.ends_with('/') || attributes.ends_with('/') {
            return;
        }
        match name.strip_prefix('/') {
            None => self.stack.push(Element { name, key: "" }),
            Some(name) => {
                if let Some(at) = self.stack.iter().rposition(|element| element.name == name) {
                    self.stack.truncate(at);
                }
                if name == "array" {
                    self.before = None;
                }
            }
        }
    }

    fn text(&mut self, text: &'a str) {
        if text.trim().is_empty() {
            return self.out.push_str(text);
        }
        let value = text.trim();
        let element = self.stack.last().map_or("", |element| element.name);
        if element == "key" {
            keep_or_mask(&mut self.out, text, variable::is_name(value));
            if let Some(dictionary) = self.stack.iter_mut().rev().nth(1) {
                dictionary.key = value;
            }
            return;
        }
        let key =
            self.stack.iter().rev().map(|element| element.key).find(|key| !key.is_empty()).unwrap_or("");
        let within = |name: &str| self.stack.iter().any(|element| element.key == name);
        if element == "string" && within("ProgramArguments") {
            command::push_argument(&mut self.out, text, self.before);
            self.before = Some(value);
            return;
        }
        let shown = match element {
            "string" if within("EnvironmentVariables") => variable::is_harmless(key, value),
            "string" => HARMLESS_KEYS.contains(&key) && is_plain(value),
            "integer" | "real" => {
                !within("EnvironmentVariables")
                    && value.len() <= 9
                    && value.bytes().all(|b| b"0123456789.-".contains(&b))
            }
            _ => false,
        };
        keep_or_mask(&mut self.out, text, shown);
    }
}

fn is_tag_name(name: &str) -> bool {
    let name = name.strip_prefix('/').unwrap_or(name);
    let name = name.strip_suffix('/').unwrap_or(name);
    matches!(
        name,
        "plist"
            | "dict"
            | "array"
            | "key"
            | "string"
            | "integer"
            | "real"
            | "true"
            | "false"
            | "data"
            | "date"
    )
}
