//! The `gatelight` command: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use gatelight::{cli, text};

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) if cli::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gatelight: {}", text::error::words(gatelight::app::engine::spoken(), error.as_ref()));
            ExitCode::from(cli::USAGE)
        }
    }
}
