//! `gatelight config`: where the settings file is, a first one, and what is wrong in it.

use super::{OK, USAGE};
use crate::app::engine::Engine;
use crate::app::user_files::create_settings;
use crate::config::ConfigError;
use crate::terminal::Terminal;
use crate::text::error::{self, Context as _};
use crate::text::{config as words, fill};

/// What to do with the settings file.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Action {
    // the descriptions stand in the help of the argument, which is translated
    Path,
    Init,
    Check,
}

/// Runs the command. Exit codes: [`OK`]; [`USAGE`] for mistakes, or a file that is there already.
pub(super) fn run(
    action: Action,
    engine: &Engine,
    mistakes: &[ConfigError],
    terminal: &mut Terminal<'_>,
) -> error::Result<u8> {
    let path = &engine.folders.config_file;
    let file = path.display().to_string();
    let said = |phrase| fill(engine.lang.pick(phrase), &[("file", &file)]);
    match action {
        Action::Path => writeln!(terminal.out, "{file}")?,
        Action::Init if create_settings(path).with_context(|| file.clone())? => {
            writeln!(terminal.out, "{}", said(words::MADE))?;
        }
        Action::Init => {
            eprintln!("{}", said(words::EXISTS));
            return Ok(USAGE);
        }
        Action::Check if !mistakes.is_empty() => {
            print(mistakes, engine);
            return Ok(USAGE);
        }
        Action::Check => {
            let phrase = if path.exists() { words::CHECKED } else { words::NO_FILE };
            writeln!(terminal.out, "{}", said(phrase))?;
        }
    }
    Ok(OK)
}

/// Prints mistakes on standard error, one a line.
pub(super) fn print(mistakes: &[ConfigError], engine: &Engine) {
    for mistake in mistakes {
        eprintln!("{}", mistake.text(engine.lang));
    }
}
