//! The gateway's own command inside a job's arguments.
//!
//! Job files wrap the gateway in `/bin/sh -c "…"`, `/bin/zsh -lc`, or an `osascript` string. [`gateway_command`] unwraps
//! them and records the position of each word, so that the doctor can remove one without touching the rest.

use std::ops::Range;

use super::script::{applescript_strings, js_strings};
use super::shell::{ShellToken, shell_tokens};
use super::unit_file::is_variable;

/// Deepest nesting of wrappers.
const DEEPEST: u8 = 4;

/// The place of a word of the gateway's command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It is a separate argument.
    Argument(usize),
    /// It is part of an argument.
    Within {
        /// Index of the argument.
        argument: usize,
        /// Its bytes in the argument, quotes included.
        span: Range<usize>,
    },
    /// It is part of an argument, inside more than one layer of quoting.
    Deep {
        /// Index of the argument.
        argument: usize,
    },
}

/// One word of the gateway's command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayWord {
    /// The word, unquoted. Variables stay as written.
    pub text: String,
    /// Its place in the arguments.
    pub place: Place,
}

/// The gateway's own command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatewayCommand {
    /// Its arguments, the program first.
    pub words: Vec<GatewayWord>,
    /// Index of the word `gateway` (or of the program that is the gateway itself).
    pub gateway: usize,
    /// Variables that the wrapper sets for it.
    pub environment: Vec<(String, String)>,
}

impl GatewayCommand {
    /// The text of each word.
    pub fn texts(&self) -> Vec<String> {
        self.words.iter().map(|w| w.text.clone()).collect()
    }
}

/// The gateway's command in a job's arguments, unwrapped; `None` if they run something else.
pub fn gateway_command(arguments: &[String]) -> Option<GatewayCommand> {
    unwrap(arguments, runs_gateway)
}

/// Like [`gateway_command`], for a job whose label says that it runs a gateway. Its program may be the user's own
/// wrapper, which passes Hermes's arguments on (`python wrapper.py --profile work gateway run`).
pub fn labelled_command(arguments: &[String]) -> Option<GatewayCommand> {
    gateway_command(arguments).or_else(|| unwrap(arguments, passes_arguments))
}

fn unwrap(arguments: &[String], recognize: Recognize) -> Option<GatewayCommand> {
    let words: Vec<GatewayWord> = arguments
        .iter()
        .enumerate()
        .map(|(i, text)| GatewayWord { text: text.clone(), place: Place::Argument(i) })
        .collect();
    let mut context = Context { environment: Vec::new(), recognize };
    let (words, gateway) = search(&words, &mut context, DEEPEST)?;
    Some(GatewayCommand { words, gateway, environment: context.environment })
}

/// Index of the word `gateway` if these words run a gateway.
type Recognize = fn(&[&str]) -> Option<usize>;

/// The state of a search through wrappers.
struct Context {
    environment: Vec<(String, String)>,
    recognize: Recognize,
}

/// Whether a word that satisfies `is_word` may reach the gateway in a way that [`gateway_command`] cannot follow: a
/// script that cannot be parsed, a concatenated string, or a variable (of the script, or one of `environment`). Words
/// of the command itself do not count.
pub fn may_hide(
    arguments: &[String],
    environment: &[(String, String)],
    is_word: impl Fn(&str) -> bool,
) -> bool {
    let has = |text: &str| text.split_whitespace().any(&is_word);
    let Some(command) = gateway_command(arguments) else {
        // quotes and brackets may be adjacent
        let loose = |text: &str| {
            let edge = |c: char| c.is_whitespace() || "\"'`;&|()<>=\\".contains(c);
            text.contains(char::is_whitespace) && text.split(edge).any(&is_word)
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
        // the command's own string is parsed; another one may be concatenated
        runs && strings.iter().any(|string| has(&string.text) && !string.text.contains("gateway"))
    };
    let osascript = arguments.iter().any(|text| base_name(text) == "osascript");
    // launchd expands no variables, a shell does
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
fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn search(words: &[GatewayWord], context: &mut Context, depth: u8) -> Option<(Vec<GatewayWord>, usize)> {
    let words = without_prefixes(words, context)?;
    let program = base_name(&words[0].text);
    match program {
        "sh" | "bash" | "zsh" | "dash" | "ksh" | "fish" | "-sh" | "-bash" | "-zsh" => {
            in_shell(words, context, depth.checked_sub(1)?)
        }
        "osascript" => in_osascript(words, context, depth.checked_sub(1)?),
        _ => {
            let texts: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
            (context.recognize)(&texts).map(|at| (words.to_vec(), at))
        }
    }
}

/// Strips assignments, `exec`, `env` and other programs that run the program after them. `None`: nothing is left.
fn without_prefixes<'a>(mut words: &'a [GatewayWord], context: &mut Context) -> Option<&'a [GatewayWord]> {
    loop {
        let first = &words.first()?.text;
        if let Some((name, value)) = assignment(first) {
            super::set_variable(&mut context.environment, name, value);
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
                        super::set_variable(&mut context.environment, name, value);
                    }
                }
                return None;
            }
            _ => {
                let Some(inner) = stamped(words) else { return Some(words) };
                words = inner;
                continue;
            }
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

/// The command after `python -m hermes_cli.stderr_timestamp … --`: hermes-agent after 0.19, hermes_cli/gateway_launchd.py.
fn stamped(words: &[GatewayWord]) -> Option<&[GatewayWord]> {
    let module = words.get(2).filter(|_| matches!(&*words[1].text, "-m" | "--run-module"))?;
    let end = words.iter().position(|word| word.text == "--")?;
    (module.text == "hermes_cli.stderr_timestamp").then(|| &words[end + 1..])
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    word.split_once('=').filter(|(name, _)| is_variable(name))
}

/// `sh -c SCRIPT [NAME ARGUMENT…]`.
fn in_shell(words: &[GatewayWord], context: &mut Context, depth: u8) -> Option<(Vec<GatewayWord>, usize)> {
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
    in_script(&script.text, positional, &within, context, depth)
}

/// Searches the simple commands of a shell script.
fn in_script(
    script: &str,
    positional: &[GatewayWord],
    place: &dyn Fn(Range<usize>) -> Place,
    context: &mut Context,
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
        if let Some(found) = search(&words, context, depth) {
            return Some(found);
        }
    }
    None
}

/// `osascript -l JavaScript -e SCRIPT`, and AppleScript's `do shell script`.
fn in_osascript(
    words: &[GatewayWord],
    context: &mut Context,
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
            if let Some(found) = in_script(&string.text, &[], &place, context, depth) {
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
    // only options and their values may come before it
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

/// Index of the word `gateway` if `run` or `start` follows it: whatever the program, they are Hermes's arguments.
fn passes_arguments(words: &[&str]) -> Option<usize> {
    let gateway = (1..words.len()).find(|&i| words[i] == "gateway" && !is_profile_option(words[i - 1]))?;
    let action = words[gateway + 1..].iter().find(|word| !word.starts_with('-'));
    action.and_then(|_| acts(words, gateway))
}

fn is_profile_option(word: &str) -> bool {
    word == "-p" || word == "--profile"
}

/// Returns `gateway` if the action after it is `run`, `start` or missing.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &[&str]) -> Option<Vec<String>> {
        let arguments: Vec<String> = line.iter().map(|s| (*s).to_owned()).collect();
        gateway_command(&arguments).map(|c| c.texts())
    }

    #[test]
    fn gateways_are_distinguished_from_other_commands() {
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
    fn the_command_whose_standard_error_is_stamped_is_unwrapped() {
        for (wrapper, inner) in
            [("python -m", "python -m hermes_cli.main"), ("hermes --run-module", "hermes")]
        {
            let inner = format!("{inner} -p work gateway run");
            let script =
                format!("{wrapper} hermes_cli.stderr_timestamp --error-log '/a b/e.log' -- {inner} >> /o");
            assert_eq!(words(&["/bin/sh", "-c", &script]).unwrap().join(" "), inner);
        }
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
    }
}
