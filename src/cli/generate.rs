//! Shell completions and man pages, from the command line's own definition.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_complete::env::Shells;

use super::help::in_language;
use super::{Cli, OK};
use crate::files;
use crate::terminal::{Terminal, printable};
use crate::text::error::{self, Context as _};
use crate::text::{Lang, fill, help as words};

/// The program, as shells find it.
const PROGRAM: &str = "gatelight";

/// Prints the script that makes a shell ask this program for completions, which include the names of profiles.
pub(super) fn write_completions(shell: Shell, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    terminal.out.write_all(&completions(shell)?)?;
    Ok(OK)
}

/// Writes the man pages into a folder, which is created if it is missing.
pub(super) fn write_man_pages(folder: &Path, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    files::create_folder(folder).with_context(|| folder.display().to_string())?;
    let pages = man_pages(Cli::command(), terminal.lang)?;
    let count = pages.len().to_string();
    for (name, text) in pages {
        let file = folder.join(name);
        std::fs::write(&file, text).with_context(|| file.display().to_string())?;
    }
    let folder = printable(&folder.display().to_string());
    let written = fill(terminal.lang.pick(words::MAN_PAGES), &[("count", &count), ("folder", &folder)]);
    writeln!(terminal.out, "{written}")?;
    Ok(OK)
}

/// The completion script of a shell.
fn completions(shell: Shell) -> io::Result<Vec<u8>> {
    let shells = Shells::builtins();
    let completer = shells.completer(&shell.to_string()).ok_or(io::ErrorKind::Unsupported)?;
    let mut out = Vec::new();
    completer.write_registration("COMPLETE", PROGRAM, PROGRAM, PROGRAM, &mut out)?;
    Ok(out)
}

/// The man pages: file names (`gatelight.1`, `gatelight-status.1`, …) and contents, that of the program first.
pub(super) fn man_pages(command: Command, lang: Lang) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = in_language(command.disable_help_subcommand(true), lang);
    command.build();
    let mut pages = Vec::new();
    add(&command, lang, &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, lang: Lang, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    // `build` gave subcommands their full name: "gatelight-status"
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut text = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.get_subcommands().any(|sub| !sub.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    sections(command, &mut text);
    if lang == Lang::Zh {
        let page = String::from_utf8_lossy(&text);
        text = words::SECTIONS
            .iter()
            .fold(page.into_owned(), |page, [english, chinese]| {
                let quoted = page.replace(&format!(".SH \"{english}\"\n"), &format!(".SH \"{chinese}\"\n"));
                quoted.replace(&format!(".SH {english}\n"), &format!(".SH {chinese}\n"))
            })
            .into_bytes();
    }
    pages.push((format!("{name}.1"), text));
    for sub in command.get_subcommands().filter(|s| !s.is_hide_set() && s.get_name() != "help") {
        add(sub, lang, pages)?;
    }
    Ok(())
}

/// Writes the part of the help after the options: remarks as running text, examples line by line (clap_mangen's own
/// section would fill and justify them).
fn sections(command: &Command, text: &mut Vec<u8>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for part in help.split("\n\n").filter(|part| !part.trim().is_empty()) {
        let mut lines = part.lines();
        let (head, body): (&str, Vec<&str>) = match part.split_once([':', '：']) {
            Some(("Example" | "Examples" | words::EXAMPLES, _)) => {
                lines.next();
                ("EXAMPLES", [".nf"].into_iter().chain(lines).chain([".fi"]).collect())
            }
            Some(("Exit code" | words::EXIT_CODE, codes)) => ("EXIT STATUS", vec![codes.trim()]),
            _ => ("REMARKS", lines.collect()),
        };
        let mut out = format!(".SH \"{head}\"\n");
        for line in body {
            let line = if matches!(line, ".nf" | ".fi") {
                line.to_owned()
            } else {
                format!("\\&{}", line.trim_start().replace('\\', "\\\\").replace('-', "\\-"))
            };
            out.push_str(&line);
            out.push('\n');
        }
        text.extend(out.bytes());
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, ValueEnum as _};

    use super::*;
    use crate::cli::Cli;

    fn shown() -> Vec<String> {
        let command = Cli::command();
        command.get_subcommands().filter(|s| !s.is_hide_set()).map(|s| s.get_name().to_owned()).collect()
    }

    #[test]
    fn every_shell_is_completed() {
        for shell in Shell::value_variants() {
            let text = String::from_utf8(completions(*shell).unwrap()).unwrap();
            assert!(text.contains("COMPLETE") && text.contains("gatelight"), "{shell}");
        }
    }

    #[test]
    fn commands_and_options_are_completed() {
        let complete = |words: &[&str]| -> Vec<String> {
            let words = words.iter().map(Into::into).collect::<Vec<_>>();
            let last = words.len() - 1;
            let found = clap_complete::engine::complete(&mut Cli::command(), words, last, None).unwrap();
            found.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
        };
        let commands = complete(&["gatelight", ""]);
        assert!(shown().iter().all(|name| commands.contains(name)), "{commands:?}");
        assert_eq!(complete(&["gatelight", "report", "--fr"]), ["--from-logs"]);
    }

    #[test]
    fn every_command_has_a_page_and_an_example() {
        let pages = man_pages(Cli::command(), Lang::En).unwrap();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        let expected = shown().into_iter().map(|name| format!("gatelight-{name}.1"));
        assert_eq!(names, ["gatelight.1".to_owned()].into_iter().chain(expected).collect::<Vec<_>>());
        for (name, page) in &pages {
            assert!(String::from_utf8_lossy(page).contains(".SH \"EXAMPLES\"\n.nf\n\\&gatelight"), "{name}");
        }
        let help = Cli::command().render_long_help().to_string();
        for name in shown() {
            assert!(help.contains(&format!("\n  gatelight {name} ")), "an example of {name}: {help}");
        }
    }
}
