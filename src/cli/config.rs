//! `gatelight config`: prints the path of the settings file, creates it, or checks it.

use std::collections::BTreeSet;

use super::names::listed;
use super::{OK, USAGE};
use crate::app::engine::Engine;
use crate::app::user_files::create_settings;
use crate::config::{Config, ConfigError};
use crate::profile::scan;
use crate::terminal::{Terminal, printable, warn};
use crate::text::error::{self, Context as _};
use crate::text::{Lang, config as words, fill};

/// Most mistakes that are printed. After a bracket that is not closed, every line is one.
const SHOWN: usize = 20;

/// What to do with the settings file.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Action {
    // described by the argument, whose help is translated
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
    let said = |phrase| fill(engine.lang.pick(phrase), &[("file", &printable(&file))]);
    match action {
        Action::Path => writeln!(terminal.out, "{file}")?,
        Action::Init if create_settings(path).with_context(|| file.clone())? => {
            terminal.wrapped_lines(&said(words::CREATED))?;
        }
        Action::Init if path.exists() => {
            warn(&said(words::EXISTS));
            return Ok(USAGE);
        }
        Action::Init => {
            // a link that leads nowhere
            print(mistakes, engine);
            return Ok(USAGE);
        }
        Action::Check if !mistakes.is_empty() => {
            print(mistakes, engine);
            return Ok(USAGE);
        }
        Action::Check => {
            let phrase = if path.exists() { words::CHECKED } else { words::NO_FILE };
            terminal.wrapped_lines(&said(phrase))?;
            warn_of_unknown_profiles(engine);
        }
    }
    Ok(OK)
}

/// Warns of names that no profile has: such an entry has no effect, and such a channel sends nothing. No mistake, since the
/// profile may be created later.
fn warn_of_unknown_profiles(engine: &Engine) {
    let Config { profiles, channel, .. } = &engine.config;
    let by_name =
        profiles.iter().filter(|entry| entry.home.is_none()).filter_map(|entry| entry.name.as_ref());
    let mut unknown: BTreeSet<&String> =
        by_name.chain(channel.iter().flat_map(|entry| &entry.profiles)).collect();
    if unknown.is_empty() {
        return;
    }
    let found = scan(&engine.places).profiles;
    unknown.retain(|name| !found.iter().any(|profile| profile.name == **name));
    let known = listed(found.iter().map(|profile| profile.name.as_str()), engine.lang);
    for name in unknown {
        let values = [("name", &*printable(name)), ("names", &*known)];
        warn(&fill(engine.lang.pick(words::UNKNOWN_PROFILE), &values));
    }
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
