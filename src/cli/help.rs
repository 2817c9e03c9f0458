//! Help and usage errors of the command line in the user's language. English is clap's own. For Chinese, every text of
//! commands and arguments is replaced by its translation, and usage errors are worded by their kind.

use std::error::Error as _;
use std::io::Write as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory as _};

use super::value::Expected;
use super::{Cli, OK, USAGE};
use crate::redact::one_line;
use crate::terminal::{Output, Terminal, layout, warn};
use crate::text::error;
use crate::text::{Lang, fill, help as words};

/// Longest argument that is repeated in a mistake, in characters.
const MAX_ARGUMENT: usize = 200;
/// Most columns of a line of the help.
const WIDEST: usize = 100;
/// Indent of a description below its option.
const BELOW: &str = "      ";

/// The command with its texts in this language.
pub(super) fn in_language(mut command: Command, lang: Lang) -> Command {
    match lang {
        Lang::En => command,
        Lang::Zh => {
            // adds the arguments and the command that print help
            command.build();
            in_chinese(command)
        }
    }
}

fn in_chinese(mut command: Command) -> Command {
    if let Some(about) = command.get_about().map(ToString::to_string) {
        command = command.about(translated(&about));
    }
    if let Some(after) = command.get_after_help().map(ToString::to_string) {
        let lines: Vec<String> = after.lines().map(translated_line).collect();
        command = command.after_help(lines.join("\n"));
    }
    let usage = command.get_styles().get_usage();
    let template = format!(
        "{{about-with-newline}}\n{usage}{}{usage:#}{{usage}}\n\n{{all-args}}{{after-help}}",
        words::USAGE
    );
    command
        .help_template(template)
        .subcommand_help_heading(words::COMMANDS)
        .mut_args(argument_in_chinese)
        .mut_subcommands(in_chinese)
}

/// The argument in Chinese, with the remarks that clap would add in English.
fn argument_in_chinese(argument: Arg) -> Arg {
    let mut help = argument.get_help().map(|help| translated(&help.to_string())).unwrap_or_default();
    let mut add = |phrase, name, values: Vec<String>| {
        if !values.is_empty() {
            help.push(' ');
            help.push_str(&fill(phrase, &[(name, &values.join(", "))]));
        }
    };
    if argument.get_action().takes_values() {
        let default = argument.get_default_values().iter();
        add(words::DEFAULT, "value", default.map(|value| value.to_string_lossy().into_owned()).collect());
        let possible = argument.get_possible_values();
        add(words::POSSIBLE, "values", possible.iter().map(|value| value.get_name().to_owned()).collect());
    }
    let heading = if argument.is_positional() { words::ARGUMENTS } else { words::OPTIONS };
    argument
        .help(help.trim().to_owned())
        .hide_default_value(true)
        .hide_possible_values(true)
        .help_heading(heading)
}

fn translated(text: &str) -> String {
    let found = words::TRANSLATIONS.iter().find(|[english, _]| *english == text);
    found.map_or(text, |[_, chinese]| chinese).to_owned()
}

/// The command of an example, and its description. `None`: not an example.
fn example(line: &str) -> Option<(&str, &str)> {
    let command = line.strip_prefix("  ")?;
    Some(command.find("   ").map_or((line, ""), |at| (&line[..at + 2], command[at..].trim_start())))
}

fn translated_line(line: &str) -> String {
    match example(line) {
        Some((command, "")) => command.to_owned(),
        Some((command, remark)) => {
            let width = line.len() - remark.len();
            format!("{command:width$}{}", translated(remark))
        }
        None => translated(line),
    }
}

/// Prints clap's answer: help, the version, or a mistake. Returns the exit code.
pub(super) fn print(error: &clap::Error, lang: Lang) -> error::Result<u8> {
    if error.kind() == ErrorKind::DisplayHelp {
        let again = in_language(Cli::command(), lang).try_get_matches().err();
        print_help(again.as_ref().unwrap_or(error), lang)?;
    } else if !error.use_stderr() {
        write!(Output::lock(), "{}", error.render())?;
    } else if let Some(text) = mistake(error).filter(|_| lang == Lang::Zh) {
        warn(&text);
    } else {
        // nobody may be reading standard error
        let _ = error.print();
    }
    Ok(if error.use_stderr() { USAGE } else { OK })
}

fn print_help(help: &clap::Error, lang: Lang) -> std::io::Result<()> {
    let mut stdout = Output::lock();
    let Terminal { color, width, .. } = Terminal::stdout(&mut stdout, lang);
    let styled = help.render();
    let text = if color { styled.ansi().to_string() } else { styled.to_string() };
    let text = if lang == Lang::Zh { with_full_width_colons(text) } else { text };
    let width = width.map_or(WIDEST, |width| width.min(WIDEST));
    stdout.write_all(wrapped(&text, width).as_bytes())
}

/// The help with its lines wrapped: a description in its column, or below its option if that leaves less than half the width.
fn wrapped(help: &str, width: usize) -> String {
    let mut out = String::new();
    for line in help.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let gap = line[indent.len()..].find("  ").map(|at| indent.len() + at);
        let (first, text) =
            line.split_at(gap.map_or(indent.len(), |gap| line.len() - line[gap..].trim_start().len()));
        let column = layout::width(first);
        let lines = match gap {
            Some(gap) if column > width / 2 => {
                let below = layout::wrap(text, Some(width), BELOW, BELOW);
                [vec![line[..gap].to_owned()], below].concat()
            }
            _ => layout::wrap(text, Some(width), first, &" ".repeat(column)),
        };
        for line in lines {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

/// clap ends each heading with an ASCII colon.
fn with_full_width_colons(help: String) -> String {
    [words::COMMANDS, words::ARGUMENTS, words::OPTIONS]
        .into_iter()
        .fold(help, |help, heading| help.replace(&format!("{heading}:"), &format!("{heading}：")))
}

/// A mistake in Chinese; `None` for help, the version, and kinds for which only clap has a text.
fn mistake(error: &clap::Error) -> Option<String> {
    let get = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => one_line(text, MAX_ARGUMENT),
        Some(ContextValue::Strings(texts)) => one_line(&texts.join("、"), MAX_ARGUMENT),
        _ => String::new(),
    };
    let (argument, value, other) =
        (get(ContextKind::InvalidArg), get(ContextKind::InvalidValue), get(ContextKind::PriorArg));
    let say = |phrase| fill(phrase, &[("argument", &argument), ("value", &value), ("other", &other)]);
    let what = match error.kind() {
        ErrorKind::UnknownArgument => say(words::UNKNOWN_ARGUMENT),
        ErrorKind::InvalidSubcommand => {
            fill(words::UNKNOWN_COMMAND, &[("argument", &get(ContextKind::InvalidSubcommand))])
        }
        ErrorKind::InvalidValue if value.is_empty() => say(words::MISSING_VALUE),
        ErrorKind::InvalidValue => say(words::INVALID_VALUE),
        ErrorKind::ValueValidation => say(words::INVALID_VALUE) + &expected(error),
        ErrorKind::NoEquals | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            say(words::COUNT_OF_VALUES)
        }
        ErrorKind::TooManyValues => say(words::UNEXPECTED_VALUE),
        ErrorKind::ArgumentConflict if other == argument => say(words::TWICE),
        ErrorKind::ArgumentConflict => say(words::CONFLICT),
        ErrorKind::MissingRequiredArgument => fill(words::MISSING, &[("list", &argument)]),
        ErrorKind::MissingSubcommand => words::MISSING_COMMAND.to_owned(),
        ErrorKind::InvalidUtf8 => words::NOT_UTF8.to_owned(),
        _ => return None,
    };
    let mut text = format!("{}{what}", words::ERROR);
    let possible = [get(ContextKind::ValidValue), get(ContextKind::ValidSubcommand)].concat();
    if !possible.is_empty() {
        text = format!("{text}\n{}", fill(words::POSSIBLE, &[("values", &possible)]));
    }
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue] {
        let suggestion = get(kind);
        if !suggestion.is_empty() {
            text = format!("{text}\n{}", fill(words::DID_YOU_MEAN, &[("suggestion", &suggestion)]));
        }
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = usage.to_string();
        text = format!("{text}\n\n{}{}", words::USAGE, usage.trim_start_matches("Usage: "));
    }
    Some(format!("{text}\n\n{}", words::MORE))
}

/// What was expected in place of a value, if one of our own parsers refused it.
fn expected(error: &clap::Error) -> String {
    let expected = error.source().and_then(|source| source.downcast_ref::<Expected>());
    expected.map_or_else(String::new, |Expected([_, chinese])| format!("：{chinese}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::generate::man_pages;
    use super::*;
    use crate::text::terms;

    /// All texts of a command and of the commands below it, hidden ones aside.
    fn texts(command: &Command, found: &mut BTreeSet<String>) {
        found.extend(command.get_about().map(ToString::to_string));
        for line in command.get_after_help().map(ToString::to_string).unwrap_or_default().lines() {
            let text = example(line).map_or(line, |(_, remark)| remark);
            found.insert(text.to_owned());
        }
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            found.extend(argument.get_help().map(ToString::to_string));
        }
        for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
            texts(command, found);
        }
        found.remove("");
    }

    #[test]
    fn every_text_has_a_translation_and_every_translation_a_text() {
        let mut command = Cli::command();
        command.build();
        let mut found = BTreeSet::new();
        texts(&command, &mut found);
        let translated: BTreeSet<String> =
            words::TRANSLATIONS.iter().map(|[english, _]| (*english).to_owned()).collect();
        let missing: Vec<_> = found.difference(&translated).collect();
        let stale: Vec<_> = translated.difference(&found).collect();
        assert!(
            missing.is_empty() && stale.is_empty(),
            "src/text/help.rs: without translation {missing:#?}, no longer used {stale:#?}"
        );
        assert_eq!(translated.len(), words::TRANSLATIONS.len(), "each text once");
    }

    fn helps(command: &Command, out: &mut Vec<String>) {
        let mut shown = command.clone();
        out.push(with_full_width_colons(shown.render_long_help().to_string()));
        for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
            helps(command, out);
        }
    }

    #[test]
    fn help_and_man_pages_use_the_terms_of_the_list() {
        let mut faults = Vec::new();
        for lang in [Lang::En, Lang::Zh] {
            let mut texts = Vec::new();
            let mut command = in_language(Cli::command(), lang);
            command.build();
            helps(&command, &mut texts);
            let pages = man_pages(Cli::command(), lang).unwrap();
            texts.extend(pages.into_iter().map(|(_, page)| String::from_utf8(page).unwrap()));
            assert!(texts.len() > 30, "{}", texts.len());
            for text in texts {
                assert!(lang == Lang::En || !text.contains("Usage") && !text.contains("Options"), "{text}");
                let plain =
                    text.replace("\\fR", "").replace("\\fB", "").replace("\\fI", "").replace("\\-", "-");
                faults.extend(plain.lines().flat_map(terms::faults));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    fn said(arguments: &[&str]) -> String {
        let all = ["gatelight"].into_iter().chain(arguments.iter().copied());
        let error = Cli::command().try_get_matches_from(all).unwrap_err();
        mistake(&error).unwrap()
    }

    #[test]
    fn mistakes_are_worded_in_chinese() {
        for (arguments, expected) in [
            (&["status", "--jsn"][..], "错误：未知参数“--jsn”\n是否想用“--json”？"),
            (&["statu"], "错误：没有命令“statu”\n是否想用“status”？"),
            (&["logs", "-n"], "错误：“--lines <COUNT>”缺少值"),
            (&["logs", "-n", "x"], "错误：“--lines <COUNT>”的值“x”无效：请写整数"),
            (&["demo", "--for", "4"], "错误：“--for <SECONDS>”的值“4”无效：请写 5 到 3600 之间的整数（秒）"),
            (&["serve", "--listen", "9789"], "错误：“--listen <ADDRESS:PORT>”的值“9789”无效：请写地址和端口"),
            (&["history", "--since", "7"], "错误：“--since <SPAN>”的值“7”无效：请写时间跨度"),
            (&["mute", "x", "--until", "18"], "错误：“--until <WHEN>”的值“18”无效：请写时刻"),
            (&["completions", "dos"], "错误：“<SHELL>”的值“dos”无效"),
            (&["doctor", "--yes"], "错误：缺少必需的参数：--fix"),
            (&["replay"], "错误：缺少必需的参数：<FILE>..."),
            (&["history", "--json", "--csv"], "错误：“--json”不能与“--csv”同时使用"),
            (&["history", "--json", "--json"], "错误：“--json”只能使用一次"),
        ] {
            let said = said(arguments);
            assert!(said.starts_with(expected), "{said}");
            assert!(said.ends_with("使用 --help 查看更多信息。"), "{said}");
            assert_eq!(said.lines().flat_map(terms::faults).collect::<Vec<_>>(), [""; 0]);
        }
        let hostile = said(&["--\u{1b}[31m"]);
        assert!(!hostile.contains('\u{1b}') && hostile.contains("用法：gatelight"), "{hostile}");
    }
}
