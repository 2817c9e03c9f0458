//! Shell completions and man pages, from the command line's own definition.

use std::io;

use clap::Command;
use clap_complete::Shell;

/// The completion script of a shell.
pub fn completions(mut command: Command, shell: Shell) -> Vec<u8> {
    let name = command.get_name().to_owned();
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut out);
    out
}

/// The man pages: file names (`gatelight.1`, `gatelight-status.1`, …) and texts, the program's own first.
pub fn man_pages(command: Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    // `build` gave subcommands their full name: "gatelight-status"
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    pages.push((format!("{name}.1"), text));
    for sub in command.get_subcommands().filter(|s| !s.is_hide_set()) {
        add(sub, pages)?;
    }
    Ok(())
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
            let text = String::from_utf8(completions(Cli::command(), *shell)).unwrap();
            assert!(shown().iter().all(|name| text.contains(name)) && text.contains("from-logs"), "{shell}");
        }
    }

    #[test]
    fn every_command_has_a_page_and_an_example() {
        let pages = man_pages(Cli::command()).unwrap();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        let expected = shown().into_iter().map(|name| format!("gatelight-{name}.1"));
        assert_eq!(names, ["gatelight.1".to_owned()].into_iter().chain(expected).collect::<Vec<_>>());
        for (name, page) in &pages {
            assert!(String::from_utf8_lossy(page).contains("Example"), "{name}");
        }
        let help = Cli::command().render_long_help().to_string();
        for name in shown() {
            assert!(help.contains(&format!("\n  gatelight {name} ")), "an example of {name}: {help}");
        }
    }
}
