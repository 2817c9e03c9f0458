//! Profile names in arguments: finds the profile, or words the error that lists the existing ones.

use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use super::{NO_PROFILE, USAGE};
use crate::app::engine::Engine;
use crate::profile::{BadJobFile, Found, Places, Profile, scan};
use crate::redact::one_line;
use crate::terminal::warn;
use crate::text::{COMMA, Lang, Phrase, fill, labelled, status as words};
use crate::watcher::snapshot::Snapshot;

/// Longest name that is printed, in characters.
pub(super) const MAX_NAME: usize = 80;

/// Completes the names of this machine's profiles.
pub(super) fn candidates() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let Ok((engine, _)) = Engine::load_usable() else { return Vec::new() };
        scan(&engine.places).profiles.into_iter().map(|p| CompletionCandidate::new(p.name)).collect()
    })
}

/// The profile with this name; without a name, the only profile. `Err`: the exit code; the reason was printed.
pub(super) fn one_profile(name: Option<&str>, engine: &Engine) -> Result<Profile, u8> {
    let Found { mut profiles, bad, .. } = scan(&engine.places);
    let found = match name {
        Some(name) => profiles.iter().position(|profile| profile.name == name),
        None => (profiles.len() == 1).then_some(0),
    };
    if let Some(at) = found {
        return Ok(profiles.swap_remove(at));
    }
    // the profile may be one of them
    bad_files(&bad, engine.lang);
    if name.is_none() && !profiles.is_empty() {
        let names = listed(profiles.iter().map(|profile| profile.name.as_str()), engine.lang);
        warn(&fill(engine.lang.pick(words::WHICH_PROFILE), &[("names", &names)]));
        return Err(USAGE);
    }
    let (code, text) = not_found(name, profiles.iter().map(|p| p.name.as_str()), &engine.places, engine.lang);
    warn(&text);
    Err(code)
}

/// Reports on standard error the job files and homes that cannot be read: their profiles are not known.
pub(super) fn bad_files(bad: &[BadJobFile], lang: Lang) {
    for bad in bad {
        let line = labelled(lang, &bad.path.to_string_lossy(), bad.reason.pick(lang));
        warn(&one_line(&line, 2_000));
    }
}

/// The exit code, and the text for users, if the snapshot lacks one of these names or has no profile at all.
pub(super) fn missing(names: &[String], snapshot: &Snapshot, engine: &Engine) -> Option<(u8, String)> {
    let unknown = names.iter().find(|name| snapshot.find(name).is_none());
    if unknown.is_none() && !snapshot.profiles.is_empty() {
        return None;
    }
    let known = scan(&engine.places);
    let known = known.profiles.iter().map(|profile| profile.name.as_str());
    Some(not_found(unknown.map(String::as_str), known, &engine.places, engine.lang))
}

/// Exit code and text for a `name` that is not among the `known` profiles. If there are none at all, the text lists
/// where profiles were searched and what the user can do. No line break at the end.
pub(super) fn not_found<'a>(
    name: Option<&str>,
    known: impl Iterator<Item = &'a str>,
    places: &Places,
    lang: Lang,
) -> (u8, String) {
    let names = listed(known, lang);
    if let Some(name) = name
        && !names.is_empty()
    {
        let values = [("name", &*one_line(name, MAX_NAME)), ("names", &*names)];
        return (USAGE, fill(lang.pick(words::NO_SUCH_PROFILE), &values));
    }
    let mut lines = vec![lang.pick(words::NOTHING_FOUND).to_owned()];
    lines.extend(searched(places).into_iter().map(|(what, path)| format!("  {path}  {}", lang.pick(what))));
    lines.push(lang.pick(words::WHAT_NEXT).to_owned());
    let steps = words::NEXT_STEPS;
    let widest = steps.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
    lines.extend(steps.iter().map(|(command, why)| format!("  {command:<widest$}  {}", lang.pick(*why))));
    (NO_PROFILE, lines.join("\n"))
}

/// Names as a list. Neither an argument nor a folder name may send escape sequences to the terminal.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>, lang: Lang) -> String {
    let names: Vec<String> = names.map(|name| one_line(name, MAX_NAME)).collect();
    names.join(lang.pick(COMMA))
}

fn searched(places: &Places) -> Vec<(Phrase, String)> {
    let mut list =
        vec![(words::LOOKED_FOR_PLISTS, places.launch_agents.join("*.plist").display().to_string())];
    if cfg!(target_os = "linux") {
        let units = places.systemd_user.join("hermes-gateway*.service");
        list.push((words::LOOKED_FOR_UNITS, units.display().to_string()));
    }
    list.push((words::LOOKED_FOR_HOMES, places.hermes.display().to_string()));
    list.push((words::LOOKED_FOR_PROFILES, places.hermes.join("profiles/*").display().to_string()));
    let extra = places.extra_homes.iter();
    list.extend(extra.map(|extra| (words::LOOKED_FOR_HOMES, extra.home.display().to_string())));
    list
}
