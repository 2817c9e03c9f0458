//! `gatelight status`: prints the lights of all profiles once.

use super::{NO_PROFILE, NOT_GREEN, OK, RED, USAGE, names};
use crate::app::engine::Engine;
use crate::app::watching::Watching;
use crate::config::ConfigError;
use crate::health::{Light, Note};
use crate::redact::one_line;
use crate::restart::obstacle;
use crate::supervisor::Supervisors;
use crate::terminal::{Terminal, warn};
use crate::text::error;
use crate::text::{self, Lang, fill, labelled, status as words};
use crate::watcher::snapshot::Snapshot;

mod json;
mod screen;

pub use json::json;
pub use screen::show;

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these profiles.
    #[arg(value_name = "PROFILE", add = names::candidates())]
    pub profiles: Vec<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Print the format of SwiftBar and xbar; the exit code is always 0
    #[arg(long, conflicts_with = "json")]
    pub swiftbar: bool,
}

/// Prints the lights. The exit code is [`exit_code`], or [`USAGE`] after a mistake in the settings.
pub(super) fn run(
    args: &Args,
    engine: &Engine,
    mistakes: &[ConfigError],
    terminal: &mut Terminal<'_>,
) -> error::Result<u8> {
    super::config::print(mistakes, engine);
    if args.swiftbar {
        return swiftbar(args, engine, mistakes, terminal);
    }
    let snapshot = engine.look(args.profiles.clone())?;
    let watching = Watching::now(engine, snapshot.at);
    let missing = names::missing(&args.profiles, &snapshot, engine);
    let code = match &missing {
        Some((code, _)) => *code,
        None => exit_code(&snapshot),
    };
    if args.json {
        writeln!(terminal.out, "{}", json(&snapshot, &watching)?)?;
    }
    names::bad_files(&snapshot.bad_files, engine.lang);
    if let Some((_, text)) = missing {
        warn(&text);
    } else if !args.json {
        let supervisors = Supervisors::from_environment();
        let obstacle = |profile: &_| obstacle(profile, |manager| supervisors.access(manager));
        show(&snapshot, &obstacle, terminal)?;
        terminal.wrapped(&watching.text(snapshot.at, engine.lang), "", "")?;
    }
    Ok(if mistakes.is_empty() { code } else { USAGE })
}

/// Prints the plug-in's output. SwiftBar and xbar show it only if the exit code is 0: errors are rows.
fn swiftbar(
    args: &Args,
    engine: &Engine,
    mistakes: &[ConfigError],
    terminal: &mut Terminal<'_>,
) -> error::Result<u8> {
    let lang = engine.lang;
    let mut errors: Vec<String> = mistakes.iter().map(|mistake| mistake.text(lang)).collect();
    let program = std::env::current_exe().unwrap_or_default();
    let out = match engine.look(args.profiles.clone()) {
        Ok(snapshot) => {
            let unknown = args.profiles.iter().any(|name| snapshot.find(name).is_none());
            let missing = names::missing(&args.profiles, &snapshot, engine).filter(|_| unknown);
            errors.extend(missing.iter().flat_map(|(_, text)| text.lines().map(str::to_owned)));
            super::swiftbar::swiftbar(&snapshot, &errors, lang, &program)
        }
        Err(error) => super::swiftbar::broken(&error.text(lang)),
    };
    write!(terminal.out, "{out}")?;
    Ok(OK)
}

/// The exit code for these lights.
fn exit_code(snapshot: &Snapshot) -> u8 {
    let lights = || snapshot.profiles.iter().map(|view| view.verdict.light());
    if snapshot.profiles.is_empty() {
        NO_PROFILE
    } else if lights().any(|light| light == Light::Red) {
        RED
    } else if lights().all(|light| light == Light::Green) {
        OK
    } else {
        NOT_GREEN
    }
}

/// The text of a note on the profile `name`. The snapshot shows whose gateway a process is.
fn note_text(note: &Note, name: &str, snapshot: &Snapshot, lang: Lang) -> String {
    match note {
        Note::Also(reason, platform, proof) => {
            let title = text::reason::title(lang, *reason, platform.as_deref());
            match proof {
                Some(proof) => labelled(lang, &title, &text::proof::line(lang, proof)),
                None => title,
            }
        }
        Note::SecondInstance(first) => {
            let owner = snapshot.profiles.iter().find(|view| first.is_some() && view.verdict.pid == *first);
            let pid = first.map_or_else(|| "?".to_owned(), |pid| pid.to_string());
            match owner.map(|owner| &owner.profile.name).filter(|owner| *owner != name) {
                Some(owner) => {
                    let values = [("pid", &*pid), ("name", &one_line(owner, names::MAX_NAME))];
                    fill(lang.pick(words::NOTE_SECOND_OF), &values)
                }
                None => fill(lang.pick(words::NOTE_SECOND), &[("pid", &pid)]),
            }
        }
        Note::InfoHidden => lang.pick(words::NOTE_INFO_HIDDEN).to_owned(),
        Note::DroppedAtStart => lang.pick(words::NOTE_DROPPED).to_owned(),
        Note::Unreadable(file) => text::proof::unreadable(lang, file),
    }
}
