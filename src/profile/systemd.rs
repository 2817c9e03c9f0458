//! systemd user units that run a Hermes gateway. Syntax: systemd.syntax(7), systemd.service(5), systemd.time(7).

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::words::{self, Mapped};
use super::{JobFile, KeepAlive, expand};
use crate::health::Manager;
use crate::text::{Both, profile as say};

/// What may stand before the program of an `ExecStart` (systemd.service(5)).
const PREFIXES: [char; 6] = ['@', '-', ':', '+', '!', '|'];

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

/// The template of an instance: `hermes-gateway@.service` of `hermes-gateway@work.service`.
pub fn template(unit: &str) -> Option<String> {
    let (name, rest) = unit.split_once('@')?;
    let (instance, kind) = rest.rsplit_once('.')?;
    (!instance.is_empty()).then(|| format!("{name}@.{kind}"))
}

/// Folders of drop-ins for a unit, the most specific last: `service.d`, `hermes-.service.d`, … (systemd.unit(5)).
pub fn drop_in_folders(unit: &str) -> Vec<String> {
    let Some((stem, kind)) = unit.rsplit_once('.') else { return Vec::new() };
    let prefix = stem.split('@').next().unwrap_or_default();
    let mut folders = vec![format!("{kind}.d")];
    folders.extend(prefix.match_indices('-').map(|(at, _)| format!("{}.{kind}.d", &prefix[..=at])));
    folders.extend(template(unit).map(|template| format!("{template}.d")));
    folders.push(format!("{unit}.d"));
    folders
}

/// Puts the unit's own names into a value: `%i`, `%I`, `%p`, `%n`, `%N`. `%h` and `%%` are for [`unit_words`].
fn with_names(value: &str, unit: &str) -> String {
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
        // a backslash of an escaped name is none of the unit's syntax
        out.push_str(&name.replace('\\', "\\\\"));
    }
    out
}

/// The words of a command with `${NAME}` and whole words `$NAME` put in from the environment (systemd.service(5),
/// "Command lines"): the second kind may become several words, or none. The program itself stays as it is.
fn with_environment(words: Vec<String>, environment: &[(String, String)]) -> Vec<String> {
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

fn is_variable(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(good) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// A word with each `${NAME}` put in, and each `$$` made one.
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
fn environment_file(text: &str) -> Vec<(String, String)> {
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
    let program = first.trim_start_matches(PREFIXES);
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

/// Reads a unit and its drop-ins, in order. `label` is the unit's name, which for an instance is not that of its file;
/// `environment_file` reads the files that it names. The reason of a failure is for people.
pub fn read(
    path: &Path,
    label: &str,
    files: &[Vec<u8>],
    user_home: &Path,
    read_environment: &dyn Fn(&Path) -> Option<Vec<u8>>,
) -> Result<JobFile, Both> {
    let mut commands: Vec<(bool, Vec<String>)> = Vec::new();
    let mut environment: Vec<(String, String)> = Vec::new();
    let mut environment_files: Vec<PathBuf> = Vec::new();
    let mut last = std::collections::BTreeMap::new();
    let mut install = false;
    for bytes in files {
        let text = std::str::from_utf8(bytes).map_err(|_| Both::from(say::NOT_UTF8))?;
        for entry in entries(text) {
            let value = with_names(&entry.value.text, label);
            let value = value.as_str();
            match (entry.section.as_str(), entry.key.as_str()) {
                ("Service", "ExecStart") if value.is_empty() => commands.clear(),
                ("Service", "ExecStart") => {
                    let (words, _) = exec_words(value, user_home).ok_or_else(|| open_quote("ExecStart"))?;
                    // a colon among the prefixes leaves variables alone
                    let prefixes = value.len() - value.trim_start_matches(PREFIXES).len();
                    commands.push((!value[..prefixes].contains(':'), words));
                }
                ("Service", "Environment") if value.is_empty() => environment.clear(),
                ("Service", "Environment") => {
                    let words = unit_words(value, user_home).ok_or_else(|| open_quote("Environment"))?;
                    for word in words {
                        if let Some((name, value)) = word.text.text.split_once('=') {
                            set(&mut environment, name, value);
                        }
                    }
                }
                ("Service", "EnvironmentFile") if value.is_empty() => environment_files.clear(),
                ("Service", "EnvironmentFile") => {
                    environment_files.push(resolved(value.trim_start_matches('-'), user_home));
                }
                ("Service", key) => {
                    last.insert(key.to_owned(), value.to_owned());
                }
                ("Install", "WantedBy" | "RequiredBy" | "UpheldBy" | "Alias") => install |= !value.is_empty(),
                _ => {}
            }
        }
    }
    // "Settings from these files override settings made with Environment=" (systemd.exec(5))
    let texts =
        environment_files.iter().filter(|file| file.is_absolute()).filter_map(|file| read_environment(file));
    for text in texts {
        for (name, value) in environment_file(&String::from_utf8_lossy(&text)) {
            set(&mut environment, &name, &value);
        }
    }
    let mut commands = commands
        .into_iter()
        .map(|(variables, words)| if variables { with_environment(words, &environment) } else { words });
    let first = commands.next().ok_or_else(|| Both::from(say::NO_EXEC_START))?;
    let is_gateway = |words: &Vec<String>| words::gateway_command(words).is_some();
    let arguments = std::iter::once(first.clone()).chain(commands).find(is_gateway).unwrap_or(first);
    let command = words::gateway_command(&arguments).unwrap_or_default();
    for (name, value) in &command.environment {
        set(&mut environment, name, value);
    }
    let output = |key: &str| -> Option<PathBuf> {
        let value = last.get(key)?;
        let file = ["append:", "file:", "truncate:"].iter().find_map(|kind| value.strip_prefix(kind))?;
        Some(resolved(file, user_home)).filter(|path| path.is_absolute())
    };
    let seconds = |key: &str| last.get(key).and_then(|value| time_span(value));
    Ok(JobFile {
        manager: Manager::Systemd,
        path: path.to_path_buf(),
        label: label.to_owned(),
        gateway_words: command.texts(),
        arguments,
        environment,
        working_directory: last
            .get("WorkingDirectory")
            .map(|value| resolved(value.trim_start_matches('-'), user_home))
            .filter(|path| path.is_absolute()),
        stdout: output("StandardOutput"),
        stderr: output("StandardError"),
        run_at_load: install,
        keep_alive: KeepAlive::of_systemd(last.get("Restart").map_or("", String::as_str)),
        throttle_s: seconds("RestartSec"),
        exit_timeout_s: seconds("TimeoutStopSec").or_else(|| seconds("TimeoutSec")),
        drop_ins: Vec::new(),
    })
}

fn set(environment: &mut Vec<(String, String)>, name: &str, value: &str) {
    environment.retain(|(known, _)| known != name);
    environment.push((name.to_owned(), value.to_owned()));
}

/// A path with its specifiers put in.
fn resolved(path: &str, user_home: &Path) -> PathBuf {
    let path = path.replace("%h", &user_home.to_string_lossy()).replace("%%", "%");
    expand(&path, user_home)
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
        let files = [text.as_bytes().to_vec()];
        read(path, "hermes-gateway-work.service", &files, Path::new("/home/lu"), &|_| None).unwrap()
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
        let path = Path::new("/u/hermes-gateway.service");
        let job = read(path, "hermes-gateway.service", &[unit, drop_in], Path::new("/h"), &|_| None).unwrap();
        assert_eq!(job.arguments, ["/b/hermes", "gateway", "run"]);
        assert!(job.environment.is_empty());
    }

    #[test]
    fn variables_come_from_the_unit_and_its_files() {
        let unit = concat!(
            "[Service]\nEnvironment=ARGS=old HERMES_HOME=%h/.hermes PROFILE=work\n",
            "EnvironmentFile=-%h/none\nEnvironmentFile=/etc/%p-%i.env\n",
            "ExecStart=%h/bin/hermes --profile ${PROFILE} gateway run $ARGS $EMPTY --note=$${x}${PROFILE}$$ $0\n",
        );
        let file = concat!(
            "# comment=1\n; other=2\nHERMES_HOME = '/srv/$h' \nARGS=\"--replace  -q\"\\\n\\ --v\n",
            "no line\n1X=2\nQUOTED=\"a\\\"b'c\"'d\\e'\n"
        );
        let read_file = |path: &Path| {
            (path == Path::new("/etc/hermes-gateway-my-x.env")).then(|| file.as_bytes().to_vec())
        };
        let name = "hermes-gateway@my-x.service";
        let files = [unit.as_bytes().to_vec()];
        let job =
            read(Path::new("/u/hermes-gateway@.service"), name, &files, Path::new("/h"), &read_file).unwrap();
        assert_eq!(job.label, name);
        assert_eq!(
            job.arguments,
            [
                "/h/bin/hermes",
                "--profile",
                "work",
                "gateway",
                "run",
                "--replace",
                "-q",
                "--v",
                "--note=${x}work$",
                "$0"
            ]
        );
        assert_eq!(job.env("HERMES_HOME"), Some("/srv/$h"));
        assert_eq!(job.env("QUOTED"), Some("a\"b'cd\\e"));
        // a colon leaves them alone
        let unit = unit.replace("ExecStart=", "ExecStart=:");
        let job = read(Path::new("/u/x"), name, &[unit.into_bytes()], Path::new("/h"), &read_file).unwrap();
        assert_eq!(job.arguments[2], "${PROFILE}");
    }

    #[test]
    fn names() {
        assert_eq!(template("hermes-gateway@work.service").as_deref(), Some("hermes-gateway@.service"));
        assert_eq!([template("hermes-gateway@.service"), template("hermes-gateway.service")], [None, None]);
        assert_eq!(
            drop_in_folders("hermes-gateway@a-b.service"),
            ["service.d", "hermes-.service.d", "hermes-gateway@.service.d", "hermes-gateway@a-b.service.d"]
        );
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
        fn any_unit_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "(\\[Service\\]\n|ExecStart=|Environment=|EnvironmentFile=/|[ -~é]|\\\\\n|\n){0,30}") {
            for unit in [bytes, text.into_bytes()] {
                let variables = unit.clone();
                let files = move |_: &Path| Some(variables.clone());
                let _ = read(Path::new("/u/x"), "hermes-gateway@a-b.service", &[unit], Path::new("/h"), &files);
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
