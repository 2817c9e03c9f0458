//! `gatelight config`: prints the path of the settings file, creates it, or checks it.

use super::{OK, USAGE};
use crate::app::engine::Engine;
use crate::app::user_files::create_settings;
use crate::config::ConfigError;
use crate::terminal::{Terminal, warn};
use crate::text::error::{self, Context as _};
use crate::text::{Lang, config as words, fill};

/// Most mistakes that are printed. After a bracket that is not closed, every line is one.
const SHOWN: usize = 20;

/// What to do with the settings file.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Action {
    // described in the help of the argument, which is translated
    Path,
    Init,
    Check,
}

/// Runs the command. Exit codes: [`OK`]; [`USAGE`] for mistakes, or a file that already exists.
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
            terminal.wrapped_lines(&said(words::CREATED))?;
        }
        Action::Init => {
            warn(&said(words::EXISTS));
            return Ok(USAGE);
        }
        Action::Check if !mistakes.is_empty() => {
            print(mistakes, engine);
            return Ok(USAGE);
        }
        Action::Check => {
            let phrase = if path.exists() { words::CHECKED } else { words::NO_FILE };
            terminal.wrapped_lines(&said(phrase))?;
        }
    }
    Ok(OK)
}

/// Prints the first mistake on one line of standard error, for a command that continues.
pub(super) fn print_first(mistakes: &[ConfigError], lang: Lang) {
    if let Some(first) = mistakes.first() {
        warn(&fill(lang.pick(words::GOES_ON), &[("what", &first.text(lang))]));
    }
}

/// Prints mistakes on standard error, the first [`SHOWN`] of them.
pub(super) fn print(mistakes: &[ConfigError], engine: &Engine) {
    for mistake in mistakes.iter().take(SHOWN) {
        warn(&mistake.text(engine.lang));
    }
    if let Some(more) = mistakes.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        warn(&fill(engine.lang.pick(words::MORE_ERRORS), &[("count", &more.to_string())]));
    }
}
