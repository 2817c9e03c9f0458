//! The syntax of unit files: settings, quoted words, specifiers, variables (systemd.syntax(7), systemd.service(5),
//! systemd.time(7)).

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use super::mapped::Mapped;

/// Prefixes of the program of an `ExecStart` (systemd.service(5)).
pub(super) const PREFIXES: [char; 6] = ['@', '-', ':', '+', '!', '|'];

/// One `Key=value` of a unit file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its section: `Service`.
    pub section: String,
    /// The key.
    pub key: String,
    /// The value, continuation lines joined, each byte with its place in the file.
    pub value: Mapped,
}

/// One word of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitWord {
    /// Unquoted, specifiers resolved; placed in the value.
    pub text: Mapped,
    /// Its bytes in the value, quotes included.
    pub span: Range<usize>,
}

/// Resolves the specifiers of the unit's names: `%i`, `%I`, `%p`, `%n`, `%N`. [`unit_words`] resolves `%h` and `%%`.
pub(super) fn with_names(value: &str, unit: &str) -> String {
    let stem = unit.rsplit_once('.').map_or(unit, |(stem, _)| stem);
    let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let mut ahead = chars.clone();
        let name = match (c, ahead.next()) {
            ('%', Some('%')) => "%%",
            ('%', Some('i' | 'I')) => instance,
            ('%', Some('p')) => prefix,
            ('%', Some('n')) => unit,
            ('%', Some('N')) => stem,
            _ => {
                out.push(c);
                continue;
            }
        };
        chars = ahead;
        // the backslash of an escaped name is not part of the unit's syntax
        out.push_str(&name.replace('\\', "\\\\"));
    }
    out
}

/// The words of a command with `${NAME}` and whole words `$NAME` expanded (systemd.service(5), "Command lines"): the second
/// kind may expand to several words, or none. The program itself is not expanded.
pub(super) fn with_environment(words: Vec<String>, environment: &[(String, String)]) -> Vec<String> {
    let value = |name: &str| {
        environment.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    };
    let mut out = Vec::with_capacity(words.len());
    for (n, word) in words.into_iter().enumerate() {
        match word.strip_prefix('$').filter(|name| is_variable(name)) {
            _ if n == 0 => out.push(word),
            Some(name) => out.extend(value(name).split_whitespace().map(str::to_owned)),
            None => out.push(braced(&word, &value)),
        }
    }
    out
}

/// Whether this is the name of an environment variable.
pub(super) fn is_variable(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(good) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// A word with each `${NAME}` expanded and each `$$` replaced by `$`.
fn braced<'a>(word: &str, value: &impl Fn(&str) -> &'a str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        out.push_str(before);
        let name = after.strip_prefix('{').and_then(|open| open.split_once('}'));
        rest = if let Some((name, behind)) = name.filter(|(name, _)| is_variable(name)) {
            out.push_str(value(name));
            behind
        } else {
            out.push('$');
            after.strip_prefix('$').unwrap_or(after)
        };
    }
    out.push_str(rest);
    out
}

/// The variables of an `EnvironmentFile=` (systemd.exec(5)): `NAME=value` lines, quoted or not, `#` and `;` comments.
pub(super) fn environment_file(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let joined = text.replace("\\\n", "");
    for line in joined.lines().map(str::trim) {
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with(['#', ';'])) else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        if !is_variable(name) {
            continue;
        }
        let mut plain = String::with_capacity(value.len());
        let (mut quote, mut chars) = (None, value.chars());
        while let Some(c) = chars.next() {
            match (quote, c) {
                (Some(open), _) if open == c => quote = None,
                (None, '"' | '\'') => quote = Some(c),
                (None | Some('"'), '\\') => plain.extend(chars.next()),
                _ => plain.push(c),
            }
        }
        found.push((name.to_owned(), plain));
    }
    found
}

/// The settings of a unit file, in order. Other lines are ignored, as systemd does.
pub fn settings(text: &str) -> Vec<Setting> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut open: Option<(String, Mapped)> = None;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let start = end;
        end += line.len();
        let body = line.trim_end_matches(['\n', '\r']);
        let words = body.trim_start();
        if words.starts_with(['#', ';']) {
            continue;
        }
        let continued = open.is_some();
        let (content, from) = match open {
            Some(_) => (body, start),
            None => match (words.strip_prefix('['), words.split_once('=')) {
                (Some(name), _) => {
                    name.split(']').next().unwrap_or_default().clone_into(&mut section);
                    continue;
                }
                (None, Some((key, value))) => {
                    let value = value.trim_start();
                    open = Some((key.trim_end().to_owned(), Mapped::default()));
                    (value, start + (body.len() - value.len()))
                }
                (None, None) => continue,
            },
        };
        let Some((_, mapped)) = &mut open else { continue };
        let goes_on = content.ends_with('\\');
        let kept = if goes_on { &content[..content.len() - 1] } else { content.trim_end() };
        let kept = if continued { kept } else { kept.trim_start() };
        for (at, c) in kept.char_indices() {
            mapped.push(c, from + at..from + at + c.len_utf8());
        }
        let stop = from + kept.len();
        if goes_on {
            mapped.push(' ', stop..stop + 1);
        } else if let Some((key, value)) = open.take() {
            found.push(Setting { section: section.clone(), key, value });
        }
    }
    if let Some((key, value)) = open {
        found.push(Setting { section, key, value });
    }
    found
}

/// Splits a value into words, unquotes them and resolves `%h` and `%%`. `None`: a quote that does not close.
pub fn unit_words(value: &str, user_home: &Path) -> Option<Vec<UnitWord>> {
    let home = user_home.to_string_lossy();
    let mut found = Vec::new();
    let mut chars = value.char_indices().peekable();
    while let Some((start, first)) = chars.peek().copied() {
        if first.is_whitespace() {
            chars.next();
            continue;
        }
        let mut text = Mapped::default();
        let mut quote = None;
        let mut end = value.len();
        while let Some((at, c)) = chars.peek().copied() {
            if quote.is_none() && c.is_whitespace() {
                end = at;
                break;
            }
            chars.next();
            let meant = match (quote, c) {
                (Some(q), _) if q == c => {
                    quote = None;
                    continue;
                }
                (None, '"' | '\'') => {
                    quote = Some(c);
                    continue;
                }
                (_, '\\') => escape(&mut chars).unwrap_or('\\'),
                (_, '%') => match chars.peek().map(|(_, c)| *c) {
                    Some('%') => {
                        chars.next();
                        '%'
                    }
                    Some('h') => {
                        chars.next();
                        home.chars().for_each(|c| text.push(c, at..at + 2));
                        continue;
                    }
                    _ => '%',
                },
                _ => c,
            };
            let next = chars.peek().map_or(value.len(), |(next, _)| *next);
            text.push(meant, at..next);
        }
        if quote.is_some() {
            return None;
        }
        found.push(UnitWord { text, span: start..end });
    }
    Some(found)
}

/// A C-style escape after its backslash; `None`: an unknown one, which systemd leaves unchanged.
fn escape(chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>) -> Option<char> {
    let (known, digits, radix) = match chars.peek()?.1 {
        'a' => ('\u{7}', 0, 0),
        'b' => ('\u{8}', 0, 0),
        'f' => ('\u{c}', 0, 0),
        'n' => ('\n', 0, 0),
        'r' => ('\r', 0, 0),
        't' => ('\t', 0, 0),
        'v' => ('\u{b}', 0, 0),
        's' => (' ', 0, 0),
        c @ ('\\' | '"' | '\'') => (c, 0, 0),
        'x' => (' ', 2, 16),
        'u' => (' ', 4, 16),
        'U' => (' ', 8, 16),
        '0'..='7' => (' ', 3, 8),
        _ => return None,
    };
    if digits == 0 {
        chars.next();
        return Some(known);
    }
    let mut ahead = chars.clone();
    if radix == 16 {
        ahead.next();
    }
    let mut value = 0_u32;
    for _ in 0..digits {
        value = value.checked_mul(radix)?.checked_add(ahead.next()?.1.to_digit(radix)?)?;
    }
    let c = char::from_u32(value).filter(|c| *c != '\0')?;
    *chars = ahead;
    Some(c)
}

/// The words of an `ExecStart` value without prefixes, and the place of each word in the value.
pub fn exec_words(value: &str, user_home: &Path) -> Option<(Vec<String>, Vec<UnitWord>)> {
    let mut placed = unit_words(value, user_home)?;
    let first = placed.first()?.text.text.clone();
    let program = first.trim_start_matches(PREFIXES);
    let named = first[..first.len() - program.len()].contains('@');
    let program = program.to_owned();
    if named && placed.len() > 1 {
        // with `@` the second word is argument 0
        placed.remove(1);
    }
    let mut texts: Vec<String> = placed.iter().map(|word| word.text.text.clone()).collect();
    texts[0] = program;
    Some((texts, placed))
}

/// A time span: `5`, `1min 30s`, `100ms` (systemd.time(7)). `None`: `infinity`, or no span.
pub fn time_span(value: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = value.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "us" | "usec" | "µs" => 1e-6,
            "ms" | "msec" => 1e-3,
            "" | "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 604_800.0,
            "M" | "month" | "months" => 2_629_800.0,
            "y" | "year" | "years" => 31_557_600.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number * unit).ok()?)?;
        rest = rest[letters..].trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_knows_its_bytes(text in "[a-z =\\\\\n#\"%]{0,60}") {
            for setting in settings(&text) {
                for (at, c) in setting.value.text.char_indices() {
                    let source = setting.value.source(&(at..at + c.len_utf8())).unwrap();
                    prop_assert!(text[source.start..].starts_with(c) || text[source.start..].starts_with('\\') );
                }
            }
        }
    }
}
