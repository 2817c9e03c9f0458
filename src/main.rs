//! The `gatelight` command: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use gatelight::cli;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) if cli::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gatelight: {error:#}");
            ExitCode::from(cli::USAGE)
        }
    }
}
