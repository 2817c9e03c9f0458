//! The words of a command line, and the gateway's own command inside its wrappers.
//!
//! Job files wrap the gateway in `/bin/sh -c "…"`, `/bin/zsh -lc`, or an `osascript` string. [`gateway_command`] unwraps
//! them and remembers of every word where it stands, so that the doctor can take one out without touching the rest.

use std::ops::Range;

/// How deep wrappers may nest.
const DEEPEST: u8 = 4;
/// Longest script that is looked into, in bytes.
const LONGEST_SCRIPT: usize = 256 * 1024;

/// A decoded text that knows where each of its characters was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapped {
    /// The decoded text.
    pub text: String,
    /// Source of the character of every byte of `text`.
    sources: Vec<Range<usize>>,
}

impl Mapped {
    /// Adds a character that was written at `source`.
    pub fn push(&mut self, c: char, source: Range<usize>) {
        self.text.push(c);
        self.sources.resize(self.text.len(), source);
    }

    /// The source of a range of the text, from its first character to its last; `None` for an empty one, and outside of
    /// the text.
    pub fn source(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let sources = self.sources.get(range.clone())?;
        Some(sources.first()?.start..sources.last()?.end)
    }
}

/// Where a word of the gateway's command stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It is an argument of its own.
    Argument(usize),
    /// It stands inside an argument: these bytes of it, quotes included.
    Within {
        /// Which argument.
        argument: usize,
        /// Which bytes of it.
        span: Range<usize>,
    },
    /// It stands inside an argument, below more than one layer of quoting.
    Deep {
        /// Which argument.
        argument: usize,
    },
}

/// One word of the gateway's command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayWord {
    /// The word, unquoted. Variables stay as written.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// The gateway's own command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatewayCommand {
    /// Its words, the program first.
    pub words: Vec<GatewayWord>,
    /// Index of the word `gateway` (or of the program that is the gateway itself).
    pub gateway: usize,
    /// Variables that the wrapper sets for it.
    pub environment: Vec<(String, String)>,
}

impl GatewayCommand {
    /// The words alone.
    pub fn texts(&self) -> Vec<String> {
        self.words.iter().map(|w| w.text.clone()).collect()
    }
}

/// The gateway's command in a job's arguments, unwrapped; `None` if they run something else.
pub fn gateway_command(arguments: &[String]) -> Option<GatewayCommand> {
    let words: Vec<GatewayWord> = arguments
        .iter()
        .enumerate()
        .map(|(i, text)| GatewayWord { text: text.clone(), place: Place::Argument(i) })
        .collect();
    let mut environment = Vec::new();
    let (words, gateway) = search(&words, &mut environment, DEEPEST)?;
    Some(GatewayCommand { words, gateway, environment })
}

/// Whether this word may reach a gateway by a way that [`gateway_command`] does not follow: a script that cannot be taken
/// apart, a string that is put together, a variable (of the script, or one of `environment`).
///
/// Words that stand in the command itself are not asked for here.
pub fn may_hide(arguments: &[String], environment: &[(String, String)], word: &str) -> bool {
    let has = |text: &str| text.split_whitespace().any(|token| token == word);
    let Some(command) = gateway_command(arguments) else {
        // quotes and brackets may touch it
        let loose = |text: &str| {
            let edge = |c: char| c.is_whitespace() || "\"'`;&|()<>=\\".contains(c);
            text.contains(char::is_whitespace) && text.split(edge).any(|token| token == word)
        };
        return arguments.iter().any(|text| loose(text) && text.contains("gateway"));
    };
    let by_variable = |text: &str| {
        environment.iter().chain(&command.environment).any(|(name, value)| {
            has(value) && (text.contains(&format!("${name}")) || text.contains(&format!("${{{name}")))
        })
    };
    let within = |argument: &String| {
        let strings = js_strings(argument).unwrap_or_default();
        let runs = strings.iter().any(|string| string.text.contains("gateway"));
        // the command's own string is known word by word; another one may be added to it
        runs && strings.iter().any(|string| has(&string.text) && !string.text.contains("gateway"))
    };
    let osascript = arguments.iter().any(|text| base_name(text) == "osascript");
    // launchd itself puts no variable in its place: a shell does
    let in_script = |found: &&GatewayWord| !matches!(found.place, Place::Argument(_));
    command.words.iter().filter(in_script).any(|found| by_variable(&found.text))
        || (osascript && arguments.iter().any(within))
}

/// The value of `--profile`/`-p` among the words of a gateway's command.
pub fn profile_option(words: &[String]) -> Option<&str> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--profile" || word == "-p" {
            return rest.next().map(String::as_str);
        }
        if let Some(value) = word.strip_prefix("--profile=") {
            return Some(value);
        }
        if word == "--" {
            return None;
        }
    }
    None
}

/// The last component of a path.
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn search(
    words: &[GatewayWord],
    environment: &mut Vec<(String, String)>,
    depth: u8,
) -> Option<(Vec<GatewayWord>, usize)> {
    let words = without_prefixes(words, environment)?;
    let program = base_name(&words[0].text);
    match program {
        "sh" | "bash" | "zsh" | "dash" | "ksh" | "fish" | "-sh" | "-bash" | "-zsh" => {
            in_shell(words, environment, depth.checked_sub(1)?)
        }
        "osascript" => in_osascript(words, environment, depth.checked_sub(1)?),
        _ => {
            let texts: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
            runs_gateway(&texts).map(|at| (words.to_vec(), at))
        }
    }
}

/// Takes off assignments, `exec`, `env` and other programs that run the program behind them. `None`: nothing is left.
fn without_prefixes<'a>(
    mut words: &'a [GatewayWord],
    environment: &mut Vec<(String, String)>,
) -> Option<&'a [GatewayWord]> {
    loop {
        let first = &words.first()?.text;
        if let Some((name, value)) = assignment(first) {
            set(environment, name, value);
            words = &words[1..];
            continue;
        }
        let with_value: &[&str] = match base_name(first) {
            "exec" => &["-a"],
            "env" => &["-u", "--unset", "-C", "--chdir"],
            "caffeinate" => &["-t", "-w"],
            "nice" => &["-n", "--adjustment"],
            "arch" => &["-arch", "-d", "-e"],
            "sudo" => &["-u", "-g"],
            "nohup" | "command" | "builtin" | "time" | "setsid" | "then" | "do" | "else" | "if" | "!" => &[],
            "export" => {
                for word in &words[1..] {
                    if let Some((name, value)) = assignment(&word.text) {
                        set(environment, name, value);
                    }
                }
                return None;
            }
            _ => return Some(words),
        };
        words = &words[1..];
        while let Some(option) = words.first().map(|w| w.text.as_str()) {
            if !option.starts_with('-') || option.is_empty() {
                break;
            }
            let taken = if with_value.contains(&option) { 2 } else { 1 };
            words = words.get(taken..)?;
            if option == "--" {
                break;
            }
        }
    }
}

fn set(environment: &mut Vec<(String, String)>, name: &str, value: &str) {
    environment.retain(|(known, _)| known != name);
    environment.push((name.to_owned(), value.to_owned()));
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(good) && !name.starts_with(|c: char| c.is_ascii_digit()))
        .then_some((name, value))
}

/// `sh -c SCRIPT [NAME ARGUMENT…]`.
fn in_shell(
    words: &[GatewayWord],
    environment: &mut Vec<(String, String)>,
    depth: u8,
) -> Option<(Vec<GatewayWord>, usize)> {
    let mut command = false;
    let mut at = 1;
    while let Some(option) = words.get(at).map(|w| w.text.as_str()) {
        if option == "--" {
            at += 1;
            break;
        }
        if !option.starts_with(['-', '+']) {
            break;
        }
        command |= !option.starts_with("--") && option.starts_with('-') && option.contains('c');
        at += if matches!(option, "-o" | "+o" | "-O" | "+O") { 2 } else { 1 };
    }
    if !command {
        return None;
    }
    let script = words.get(at)?;
    let positional = words.get(at + 1..).unwrap_or_default();
    let within = |span: Range<usize>| match script.place {
        Place::Argument(argument) => Place::Within { argument, span },
        Place::Within { argument, .. } | Place::Deep { argument } => Place::Deep { argument },
    };
    in_script(&script.text, positional, &within, environment, depth)
}

/// Looks through the simple commands of a shell script.
fn in_script(
    script: &str,
    positional: &[GatewayWord],
    place: &dyn Fn(Range<usize>) -> Place,
    environment: &mut Vec<(String, String)>,
    depth: u8,
) -> Option<(Vec<GatewayWord>, usize)> {
    let tokens = shell_tokens(script)?;
    for command in tokens.split(|token| matches!(token, ShellToken::Break)) {
        let mut words = Vec::new();
        for token in command {
            let ShellToken::Word(word) = token else { continue };
            match script[word.span.clone()].trim_matches('"') {
                "$@" | "$*" | "${@}" | "${*}" => words.extend(positional.iter().skip(1).cloned()),
                raw => match raw.strip_prefix('$').and_then(|n| n.parse::<usize>().ok()) {
                    Some(n) if n < 10 => words.extend(positional.get(n).cloned()),
                    _ => words.push(GatewayWord { text: word.text.clone(), place: place(word.span.clone()) }),
                },
            }
        }
        if let Some(found) = search(&words, environment, depth) {
            return Some(found);
        }
    }
    None
}

/// `osascript -l JavaScript -e SCRIPT`, and AppleScript's `do shell script`.
fn in_osascript(
    words: &[GatewayWord],
    environment: &mut Vec<(String, String)>,
    depth: u8,
) -> Option<(Vec<GatewayWord>, usize)> {
    let mut javascript = false;
    let mut scripts = Vec::new();
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match word.text.as_str() {
            "-l" => {
                let language = rest.next();
                javascript = language.is_some_and(|l| l.text.eq_ignore_ascii_case("JavaScript"));
            }
            "-e" => scripts.extend(rest.next()),
            "-s" => drop(rest.next()),
            option if option.starts_with('-') => {}
            _ => break,
        }
    }
    for script in scripts {
        let strings = if javascript { js_strings(&script.text) } else { applescript_strings(&script.text) };
        for string in strings.unwrap_or_default() {
            let place = |span: Range<usize>| match (&script.place, string.source(&span)) {
                (Place::Argument(argument), Some(span)) => Place::Within { argument: *argument, span },
                (Place::Argument(argument), None)
                | (Place::Within { argument, .. } | Place::Deep { argument }, _) => {
                    Place::Deep { argument: *argument }
                }
            };
            if let Some(found) = in_script(&string.text, &[], &place, environment, depth) {
                return Some(found);
            }
        }
    }
    None
}

/// Index of the word `gateway` if these words run a Hermes gateway in the foreground.
fn runs_gateway(words: &[&str]) -> Option<usize> {
    let program = base_name(words.first()?);
    if program == "hermes-gateway" {
        return acts(words, 0);
    }
    let hermes = if program == "hermes" {
        0
    } else if program.to_ascii_lowercase().starts_with("python")
        || program.starts_with("pypy")
        || matches!(program, "uv" | "uvx" | "pipx" | "poetry")
    {
        let at = (1..words.len()).find(|&i| {
            let module = if words[i - 1] == "-m" { Some(words[i]) } else { words[i].strip_prefix("-m") };
            module.is_some_and(|m| m.starts_with("hermes_cli") || m == "gateway.run")
                || matches!(base_name(words[i]), "hermes" | "hermes-gateway")
                || words[i].ends_with("hermes_cli/main.py")
                || words[i].ends_with("gateway/run.py")
        })?;
        let word = words[at];
        if word.ends_with("gateway.run")
            || word.ends_with("gateway/run.py")
            || base_name(word) == "hermes-gateway"
        {
            return acts(words, at);
        }
        at
    } else {
        return None;
    };
    let gateway =
        (hermes + 1..words.len()).find(|&i| words[i] == "gateway" && !is_profile_option(words[i - 1]))?;
    // what stands before it may be options and their values only
    let mut at = hermes + 1;
    while at < gateway {
        if !words[at].starts_with('-') {
            return None;
        }
        let has_value = !words[at].contains('=') && at + 1 < gateway && !words[at + 1].starts_with('-');
        at += if has_value { 2 } else { 1 };
    }
    acts(words, gateway)
}

fn is_profile_option(word: &str) -> bool {
    word == "-p" || word == "--profile"
}

/// `gateway`, if the action behind it is `run` or `start`, or none at all.
fn acts(words: &[&str], gateway: usize) -> Option<usize> {
    let mut at = gateway + 1;
    while let Some(word) = words.get(at) {
        if is_profile_option(word) {
            at += 2;
        } else if word.starts_with('-') {
            at += 1;
        } else {
            return matches!(*word, "run" | "start").then_some(gateway);
        }
    }
    Some(gateway)
}

/// A word of a shell script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellWord {
    /// Unquoted; expansions stay as written.
    pub text: String,
    /// Its bytes in the script, quotes included.
    pub span: Range<usize>,
}

/// A piece of a shell script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellToken {
    /// A word. Redirections and comments are left out.
    Word(ShellWord),
    /// The end of a simple command: `;`, `&&`, `|`, a line's end, a bracket.
    Break,
}

/// Splits a script as a POSIX shell does, as far as job files need it. `None`: quotes that do not close, a here-document,
/// or too long.
pub fn shell_tokens(script: &str) -> Option<Vec<ShellToken>> {
    let b = script.as_bytes();
    if b.len() > LONGEST_SCRIPT {
        return None;
    }
    let mut tokens = Vec::new();
    let mut drop_next = false;
    let mut i = 0;
    while i < b.len() {
        match b[i] {
            b' ' | b'\t' | b'\r' => i += 1,
            b'\\' if b.get(i + 1) == Some(&b'\n') => i += 2,
            b'#' => i = memchr::memchr(b'\n', &b[i..]).map_or(b.len(), |n| i + n),
            b'<' | b'>' => {
                if script[i..].starts_with("<<") {
                    return None;
                }
                while i < b.len() && matches!(b[i], b'<' | b'>' | b'&' | b'|') {
                    i += 1;
                }
                drop_next = true;
            }
            b'&' if b.get(i + 1) == Some(&b'>') => i += 1,
            b'\n' | b';' | b'&' | b'|' | b'(' | b')' => {
                tokens.push(ShellToken::Break);
                drop_next = false;
                i += 1;
            }
            _ => {
                let start = i;
                let text = shell_word(script, &mut i)?;
                let raw = &script[start..i];
                let descriptor =
                    matches!(b.get(i), Some(b'<' | b'>')) && raw.bytes().all(|c| c.is_ascii_digit());
                if drop_next || descriptor {
                    drop_next = false;
                } else if raw == "{" || raw == "}" {
                    tokens.push(ShellToken::Break);
                } else {
                    tokens.push(ShellToken::Word(ShellWord { text, span: start..i }));
                }
            }
        }
    }
    Some(tokens)
}

/// Reads one word from `*at` and moves behind it.
fn shell_word(script: &str, at: &mut usize) -> Option<String> {
    let b = script.as_bytes();
    let mut text: Vec<u8> = Vec::new();
    let mut i = *at;
    while i < b.len() {
        match b[i] {
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
            b'\\' => {
                match b.get(i + 1)? {
                    b'\n' => {}
                    c => text.push(*c),
                }
                i += 2;
            }
            b'\'' => {
                let end = i + 1 + memchr::memchr(b'\'', &b[i + 1..])?;
                text.extend_from_slice(&b[i + 1..end]);
                i = end + 1;
            }
            b'"' => {
                i += 1;
                loop {
                    match b.get(i)? {
                        b'"' => break,
                        b'\\' => {
                            match b.get(i + 1)? {
                                b'\n' => {}
                                c @ (b'$' | b'`' | b'"' | b'\\') => text.push(*c),
                                c => text.extend_from_slice(&[b'\\', *c]),
                            }
                            i += 2;
                        }
                        b'$' | b'`' => expansion(b, &mut i, &mut text)?,
                        c => {
                            text.push(*c);
                            i += 1;
                        }
                    }
                }
                i += 1;
            }
            b'$' | b'`' => expansion(b, &mut i, &mut text)?,
            c => {
                text.push(c);
                i += 1;
            }
        }
    }
    *at = i;
    // pieces were cut at ASCII bytes only, but for a backslash before a longer character, whose rest follows
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Copies an expansion as it is written: `$NAME`, `${…}`, `$(…)`, a command in backquotes.
fn expansion(b: &[u8], at: &mut usize, text: &mut Vec<u8>) -> Option<()> {
    let start = *at;
    let end = match (b[start], b.get(start + 1)) {
        (b'`', _) => start + 1 + memchr::memchr(b'`', &b[start + 1..])? + 1,
        (_, Some(b'{')) => start + memchr::memchr(b'}', &b[start..])? + 1,
        (_, Some(b'(')) => {
            let mut open = 0_usize;
            let length = b[start..].iter().position(|c| {
                open = match c {
                    b'(' => open + 1,
                    b')' => open.saturating_sub(1),
                    _ => open,
                };
                open == 0 && *c == b')'
            })?;
            start + length + 1
        }
        _ => start + 1,
    };
    text.extend_from_slice(&b[start..end]);
    *at = end;
    Some(())
}

/// The string literals of a JavaScript source, comments left out. `None`: one does not close.
pub fn js_strings(source: &str) -> Option<Vec<Mapped>> {
    let mut strings = Vec::new();
    let mut chars = source.char_indices().peekable();
    while let Some((_, c)) = chars.next() {
        match c {
            '/' => match chars.peek() {
                Some((_, '/')) => while chars.next().is_some_and(|(_, c)| c != '\n') {},
                Some((_, '*')) => {
                    chars.next();
                    let mut star = false;
                    loop {
                        let (_, c) = chars.next()?;
                        if star && c == '/' {
                            break;
                        }
                        star = c == '*';
                    }
                }
                _ => {}
            },
            quote @ ('"' | '\'' | '`') => {
                let mut string = Mapped::default();
                loop {
                    let (at, c) = chars.next()?;
                    if c == quote {
                        strings.push(string);
                        break;
                    }
                    let meant = if c == '\\' {
                        match chars.next()?.1 {
                            '\n' => continue,
                            'n' => '\n',
                            't' => '\t',
                            'r' => '\r',
                            'b' => '\u{8}',
                            'f' => '\u{c}',
                            'v' => '\u{b}',
                            'x' => hex(&mut chars, 2)?,
                            'u' => hex(&mut chars, 4)?,
                            c => c,
                        }
                    } else {
                        c
                    };
                    let end = chars.peek().map_or(source.len(), |(next, _)| *next);
                    string.push(meant, at..end);
                }
            }
            _ => {}
        }
    }
    Some(strings)
}

/// The character of so many hexadecimal digits.
fn hex(chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>, digits: usize) -> Option<char> {
    let mut value = 0;
    for _ in 0..digits {
        value = value * 16 + chars.next()?.1.to_digit(16)?;
    }
    // half of a surrogate pair stands for nothing that a command needs
    Some(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// The string literals of an AppleScript source, comments left out. `None`: one does not close.
pub fn applescript_strings(source: &str) -> Option<Vec<Mapped>> {
    let mut strings = Vec::new();
    let mut chars = source.char_indices().peekable();
    while let Some((_, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        match (c, next) {
            ('#', _) | ('-', Some('-')) => while chars.next().is_some_and(|(_, c)| c != '\n') {},
            ('(', Some('*')) => {
                chars.next();
                let mut star = false;
                loop {
                    let (_, c) = chars.next()?;
                    if star && c == ')' {
                        break;
                    }
                    star = c == '*';
                }
            }
            ('"', _) => {
                let mut string = Mapped::default();
                loop {
                    let (at, c) = chars.next()?;
                    let meant = match c {
                        '"' => {
                            strings.push(string);
                            break;
                        }
                        '\\' => match chars.next()?.1 {
                            'n' => '\n',
                            't' => '\t',
                            'r' => '\r',
                            c => c,
                        },
                        c => c,
                    };
                    let end = chars.peek().map_or(source.len(), |(next, _)| *next);
                    string.push(meant, at..end);
                }
            }
            _ => {}
        }
    }
    Some(strings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &[&str]) -> Option<Vec<String>> {
        let arguments: Vec<String> = line.iter().map(|s| (*s).to_owned()).collect();
        gateway_command(&arguments).map(|c| c.texts())
    }

    #[test]
    fn gateways_are_told_from_other_commands() {
        let gateways: &[&[&str]] = &[
            &["/v/bin/python", "-m", "hermes_cli.main", "gateway", "run"],
            &[
                "/v/bin/python3.11",
                "-m",
                "hermes_cli.main",
                "--profile",
                "work",
                "gateway",
                "run",
                "--replace",
            ],
            &["/usr/local/bin/hermes", "gateway", "start", "--replace"],
            &["/usr/local/bin/hermes", "gateway"],
            &["/usr/local/bin/hermes", "--profile", "gateway", "gateway", "run"],
            &["/usr/local/bin/hermes", "-p", "work", "-v", "gateway", "run", "--external-supervisor"],
            &["/usr/bin/env", "HERMES_HOME=/h", "hermes", "gateway", "run"],
            &["/usr/bin/caffeinate", "-i", "--", "hermes", "gateway", "run"],
            &["/bin/sh", "-c", "exec hermes gateway run"],
            &["/bin/zsh", "-lc", "cd ~ && HERMES_HOME=/h exec hermes gateway run >>/tmp/x 2>&1 # --replace"],
            &["/bin/zsh", "-l", "-c", "hermes gateway run | tee log"],
            &["/bin/sh", "-c", "exec \"$@\"", "sh", "hermes", "gateway", "run", "--replace"],
            &["/bin/bash", "-c", "/bin/sh -c 'exec hermes gateway run'"],
            &[
                "/usr/bin/osascript",
                "-l",
                "JavaScript",
                "-e",
                "ObjC.import('stdlib'); $.system(\"exec /v/bin/python -m hermes_cli.main gateway run --replace\")",
            ],
            &["/usr/bin/osascript", "-e", "do shell script \"hermes gateway run\""],
        ];
        for line in gateways {
            assert!(words(line).is_some(), "{line:?}");
        }
        let others: &[&[&str]] = &[
            &[],
            &["/usr/local/bin/hermes"],
            &["/usr/local/bin/hermes", "gateway", "status"],
            &["/usr/local/bin/hermes", "gateway", "restart"],
            &["/usr/local/bin/hermes", "chat", "gateway", "run"],
            &["/usr/local/bin/other", "gateway", "run"],
            &["/v/bin/python", "-m", "http.server", "gateway", "run"],
            &["/bin/sh", "-c", "# hermes gateway run"],
            &["/bin/sh", "-c", "echo 'hermes gateway run'"],
            &["/bin/sh", "start.sh", "hermes gateway run"],
            &["/usr/bin/osascript", "-l", "JavaScript", "-e", "// \"hermes gateway run\"\n1"],
            &["/bin/sh", "-c", "hermes gateway run 'unclosed"],
        ];
        for line in others {
            assert_eq!(words(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_wrapped_word_knows_its_bytes() {
        let script =
            r#"ObjC.import('stdlib'); $.system("exec '/a b/hermes' gateway run \"--replace\"") // --replace"#;
        let arguments: Vec<String> =
            ["/usr/bin/osascript", "-l", "JavaScript", "-e", script].map(str::to_owned).into();
        let command = gateway_command(&arguments).unwrap();
        assert_eq!(command.texts(), ["/a b/hermes", "gateway", "run", "--replace"]);
        let Place::Within { argument: 4, span } = command.words[3].place.clone() else { panic!() };
        assert_eq!(&script[span], r#"\"--replace\""#);
    }

    #[test]
    fn wrappers_set_the_home() {
        for (script, home) in [
            ("HERMES_HOME=/a exec hermes gateway run", "/a"),
            ("export HERMES_HOME=\"$HOME/b\"; exec hermes gateway run", "$HOME/b"),
            ("export HERMES_HOME=/a; env HERMES_HOME='/c d' hermes gateway run", "/c d"),
        ] {
            let arguments: Vec<String> = ["/bin/sh", "-c", script].map(str::to_owned).into();
            let command = gateway_command(&arguments).unwrap();
            assert_eq!(command.environment, [("HERMES_HOME".to_owned(), home.to_owned())], "{script}");
        }
    }

    proptest! {
        #[test]
        fn any_arguments_are_survived(line in proptest::collection::vec(".{0,40}", 0..5), script in "[ -~\n]{0,80}") {
            let _ = gateway_command(&line);
            for wrapper in [["/bin/sh", "-c"], ["osascript", "-e"], ["zsh", "-lc"]] {
                let arguments: Vec<String> = wrapper.into_iter().map(str::to_owned).chain([script.clone()]).collect();
                let _ = gateway_command(&arguments);
            }
            let _ = js_strings(&script);
        }

        #[test]
        fn quoted_words_come_back(line in proptest::collection::vec("[^\0]{0,12}", 1..6)) {
            let script: Vec<String> = line.iter().map(|w| format!("'{}'", w.replace('\'', r"'\''"))).collect();
            let tokens = shell_tokens(&script.join(" ")).unwrap();
            let back: Vec<String> = tokens.into_iter().filter_map(|t| match t {
                ShellToken::Word(w) => Some(w.text),
                ShellToken::Break => None,
            }).collect();
            prop_assert_eq!(back, line);
        }
    }
}
