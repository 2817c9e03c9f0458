//! systemd user units that run a Hermes gateway. Syntax: systemd.syntax(7), systemd.service(5), systemd.time(7).

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::words::{self, Mapped};
use super::{JobFile, KeepAlive, expand};
use crate::health::Manager;
use crate::profile::files::name_of;
use crate::text::{Both, profile as say};

/// One `Key=value` of a unit file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
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

/// Whether a file name is a gateway's unit: `hermes-gateway.service`, `hermes-gateway-work.service`.
pub fn is_gateway_unit(name: &str) -> bool {
    name.strip_prefix("hermes-gateway")
        .and_then(|rest| rest.strip_suffix(".service"))
        // a template is no unit yet; a watchdog is no gateway
        .is_some_and(|rest| !rest.ends_with('@') && !rest.starts_with("-watchdog"))
}

/// The part of a unit's name behind `hermes-gateway-` (or `hermes-gateway@`).
pub fn suffix(unit: &str) -> Option<&str> {
    let rest = unit.strip_prefix("hermes-gateway")?.strip_suffix(".service")?;
    rest.strip_prefix(['-', '@']).filter(|s| !s.is_empty())
}

/// The entries of a unit file, in order. Lines that are none are passed over, as systemd does.
pub fn entries(text: &str) -> Vec<Entry> {
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
            found.push(Entry { section: section.clone(), key, value });
        }
    }
    if let Some((key, value)) = open {
        found.push(Entry { section, key, value });
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

/// A C-style escape behind its backslash; `None` leaves everything as it is, as systemd does with unknown ones.
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

/// The words of an `ExecStart` value as the program is started: prefixes taken off. The second value tells for each
/// word where it stands in the value.
pub fn exec_words(value: &str, user_home: &Path) -> Option<(Vec<String>, Vec<UnitWord>)> {
    let mut placed = unit_words(value, user_home)?;
    let first = placed.first()?.text.text.clone();
    let program = first.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    let named = first[..first.len() - program.len()].contains('@');
    let program = program.to_owned();
    if named && placed.len() > 1 {
        // `@` puts a name of its own in the place of argument 0
        placed.remove(1);
    }
    let mut texts: Vec<String> = placed.iter().map(|word| word.text.text.clone()).collect();
    texts[0] = program;
    Some((texts, placed))
}

/// Reads a unit and its drop-ins, in order. The reason of a failure is for people.
pub fn read(path: &Path, files: &[Vec<u8>], user_home: &Path) -> Result<JobFile, Both> {
    let mut commands: Vec<Vec<String>> = Vec::new();
    let mut environment: Vec<(String, String)> = Vec::new();
    let mut last = std::collections::BTreeMap::new();
    let mut install = false;
    for bytes in files {
        let text = std::str::from_utf8(bytes).map_err(|_| Both::from(say::NOT_UTF8))?;
        for entry in entries(text) {
            let value = entry.value.text.as_str();
            match (entry.section.as_str(), entry.key.as_str()) {
                ("Service", "ExecStart") if value.is_empty() => commands.clear(),
                ("Service", "ExecStart") => {
                    let (words, _) = exec_words(value, user_home).ok_or_else(|| open_quote("ExecStart"))?;
                    commands.push(words);
                }
                ("Service", "Environment") if value.is_empty() => environment.clear(),
                ("Service", "Environment") => {
                    let words = unit_words(value, user_home).ok_or_else(|| open_quote("Environment"))?;
                    for word in words {
                        if let Some((name, value)) = word.text.text.split_once('=') {
                            environment.retain(|(known, _)| known != name);
                            environment.push((name.to_owned(), value.to_owned()));
                        }
                    }
                }
                ("Service", key) => {
                    last.insert(key.to_owned(), value.to_owned());
                }
                ("Install", "WantedBy" | "RequiredBy" | "UpheldBy" | "Alias") => install |= !value.is_empty(),
                _ => {}
            }
        }
    }
    let is_gateway = |words: &Vec<String>| words::gateway_command(words).is_some();
    let arguments = commands
        .iter()
        .find(|words| is_gateway(words))
        .or(commands.first())
        .cloned()
        .ok_or_else(|| Both::from(say::NO_EXEC_START))?;
    let command = words::gateway_command(&arguments).unwrap_or_default();
    for (name, value) in &command.environment {
        environment.retain(|(known, _)| known != name);
        environment.push((name.clone(), value.clone()));
    }
    let output = |key: &str| -> Option<PathBuf> {
        let value = last.get(key)?;
        let file = ["append:", "file:", "truncate:"].iter().find_map(|kind| value.strip_prefix(kind))?;
        let file = file.replace("%h", &user_home.to_string_lossy()).replace("%%", "%");
        Some(expand(&file, user_home)).filter(|path| path.is_absolute())
    };
    let seconds = |key: &str| last.get(key).and_then(|value| time_span(value));
    Ok(JobFile {
        manager: Manager::Systemd,
        path: path.to_path_buf(),
        label: name_of(path),
        gateway_words: command.texts(),
        arguments,
        environment,
        stdout: output("StandardOutput"),
        stderr: output("StandardError"),
        run_at_load: install,
        keep_alive: match last.get("Restart").map_or("no", String::as_str) {
            "always" => KeepAlive::Always,
            "on-failure" => KeepAlive::AfterFailure,
            "no" | "" => KeepAlive::No,
            _ => KeepAlive::Conditional,
        },
        throttle_s: seconds("RestartSec"),
        exit_timeout_s: seconds("TimeoutStopSec").or_else(|| seconds("TimeoutSec")),
    })
}

fn open_quote(key: &str) -> Both {
    Both::fill(say::OPEN_QUOTE, &[("key", key)])
}

/// Seconds of a time span: `5`, `1min 30s`, `100ms` (0). `None`: `infinity`, or no span.
fn time_span(value: &str) -> Option<u64> {
    let mut total = 0.0;
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
            _ => return None,
        };
        total += number * unit;
        rest = rest[letters..].trim_start();
    }
    Some(total as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_one(text: &str) -> JobFile {
        let path = Path::new("/u/hermes-gateway-work.service");
        read(path, &[text.as_bytes().to_vec()], Path::new("/home/lu")).unwrap()
    }

    #[test]
    fn quoting_and_specifiers() {
        let text = concat!(
            "# ExecStart=/no\n[Unit]\nExecStart=/no\n[Service]\nExecStart = -\"%h/a b/hermes\" \\\n",
            "; a comment between\n  gateway run 'x\\x41\\'y' 100%% \"\\s\"\n",
            "Environment=\"HERMES_HOME=%h/.hermes/profiles/work\" A=1\r\nEnvironment='B=2 3' A=4\n",
            "Restart=on-failure\nRestartSec=1min 30s\nTimeoutStopSec=infinity\n",
            "StandardOutput=append:%h/out.log\n[Install]\nWantedBy=default.target\n",
        );
        let job = read_one(text);
        assert_eq!(job.arguments, ["/home/lu/a b/hermes", "gateway", "run", "xA'y", "100%", " "]);
        assert_eq!(job.gateway_words, job.arguments);
        assert_eq!(job.env("HERMES_HOME"), Some("/home/lu/.hermes/profiles/work"));
        assert_eq!((job.env("A"), job.env("B")), (Some("4"), Some("2 3")));
        assert_eq!((job.keep_alive, job.run_at_load), (KeepAlive::AfterFailure, true));
        assert_eq!((job.throttle_s, job.exit_timeout_s), (Some(90), None));
        assert_eq!(job.stdout, Some("/home/lu/out.log".into()));
    }

    #[test]
    fn drop_ins_come_last_and_can_reset() {
        let unit = b"[Service]\nExecStart=/a/hermes gateway run --replace\nEnvironment=A=1\n".to_vec();
        let drop_in = b"[Service]\nExecStart=\nExecStart=/b/hermes gateway run\nEnvironment=\n".to_vec();
        let job = read(Path::new("/u/hermes-gateway.service"), &[unit, drop_in], Path::new("/h")).unwrap();
        assert_eq!(job.arguments, ["/b/hermes", "gateway", "run"]);
        assert!(job.environment.is_empty());
    }

    #[test]
    fn names() {
        for (name, is, part) in [
            ("hermes-gateway.service", true, None),
            ("hermes-gateway-work.service", true, Some("work")),
            ("hermes-gateway@x.service", true, Some("x")),
            ("hermes-gateway@.service", false, None),
            ("hermes-gateway-watchdog.service", false, Some("watchdog")),
            ("hermes-gateway.timer", false, None),
        ] {
            assert_eq!((is_gateway_unit(name), suffix(name)), (is, part), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_unit_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "(\\[Service\\]\n|ExecStart=|Environment=|[ -~é]|\\\\\n|\n){0,30}") {
            for unit in [bytes, text.into_bytes()] {
                let _ = read(Path::new("/u/hermes-gateway.service"), &[unit], Path::new("/h"));
            }
        }

        #[test]
        fn a_value_knows_its_bytes(text in "[a-z =\\\\\n#\"%]{0,60}") {
            for entry in entries(&text) {
                for (at, c) in entry.value.text.char_indices() {
                    let source = entry.value.source(&(at..at + c.len_utf8())).unwrap();
                    prop_assert!(text[source.start..].starts_with(c) || text[source.start..].starts_with('\\') );
                }
            }
        }
    }
}
