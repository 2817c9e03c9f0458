//! The command line: one file a command, exit codes, nothing decided.

use std::io::{IsTerminal, Write};

use clap::{Parser, Subcommand};

use crate::text::Lang;

pub mod replay;
pub mod style;
pub mod restart;
pub mod history;

/// Success; `status`: all green.
pub const OK: u8 = 0;
/// `status`: at least one red.
pub const RED: u8 = 1;
/// Wrong usage or settings.
pub const USAGE: u8 = 2;
/// `status`: none red, not all green.
pub const NOT_GREEN: u8 = 3;
/// No profile found.
pub const NO_PROFILE: u8 = 4;

/// A green or red light for every Hermes Gateway profile on this machine.
#[derive(Debug, Parser)]
#[command(name = "gatelight", version, max_term_width = 100)]
pub struct Cli {
    /// What to do; without a command the menu-bar agent starts.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play recordings, or plain Hermes logs whose stamps are the clock, through the judgement.
    #[command(after_help = "Example:\n  gatelight replay ~/.hermes/logs/agent.log*")]
    Replay(replay::Args),
}

/// Where and how a command speaks.
pub struct Terminal<'a> {
    /// Standard output, or what stands for it.
    pub out: &'a mut dyn Write,
    /// Language of the texts.
    pub lang: Lang,
    /// Colours may be used: on a terminal, unless `NO_COLOR` is set.
    pub color: bool,
}

/// Runs the command line; the result is the exit code.
pub fn run(cli: Cli) -> anyhow::Result<u8> {
    let stdout = std::io::stdout();
    let color = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let mut locked = std::io::LineWriter::new(stdout.lock());
    let mut terminal = Terminal { out: &mut locked, lang: Lang::from_environment(), color };
    match cli.command {
        Some(Command::Replay(args)) => replay::run(&args, &mut terminal),
        None => Ok(OK),
    }
}

/// Whether this error only says that the reader of our output has left.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
