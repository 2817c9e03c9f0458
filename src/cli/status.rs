//! `gatelight status`: the lights of all profiles, once.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{NO_PROFILE, NOT_GREEN, OK, RED, USAGE};
use crate::app::engine::{Engine, first_look};
use crate::health::{Light, LinkVerdict, Note, Proof, RestartHelps};
use crate::profile::Places;
use crate::recording::rfc3339;
use crate::runtime::runtime;
use crate::terminal::{Terminal, style};
use crate::text::error;
use crate::text::{self, Lang, fill, status as words};
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// Version of the JSON.
const VERSION: u32 = 1;

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this profile.
    #[arg(value_name = "PROFILE")]
    pub profile: Option<String>,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
    /// As SwiftBar and xbar read it.
    #[arg(long, conflicts_with = "json")]
    pub swiftbar: bool,
}

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    at: String,
    profiles: Vec<JsonProfile<'a>>,
}

#[derive(Serialize)]
struct JsonProfile<'a> {
    profile: &'a str,
    label: Option<&'a str>,
    light: &'static str,
    reason: &'static str,
    platform: Option<&'a str>,
    since: String,
    evidence: Option<JsonProof<'a>>,
    restart_helps: Option<RestartHelps>,
    pid: Option<u32>,
    uptime_s: Option<i64>,
    manager: Option<&'static str>,
    served_by: Option<&'a str>,
    home: String,
    links: Vec<JsonLink<'a>>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct JsonLink<'a> {
    platform: &'a str,
    light: &'static str,
    reason: &'static str,
    since: String,
    evidence: Option<JsonProof<'a>>,
    last_message_at: Option<String>,
}

#[derive(Serialize)]
struct JsonProof<'a> {
    source: &'a str,
    line: &'a str,
    at: String,
}

/// Prints the lights. The exit code sums them up ([`exit_code`]).
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let snapshot = runtime()?.block_on(async {
        let mut handle = engine.watch(args.profile.iter().cloned().collect(), None)?;
        Ok::<_, error::Error>(first_look(&mut handle).await)
    })?;
    if snapshot.profiles.is_empty() {
        return nothing_found(args, engine, &snapshot, terminal);
    }
    if args.json {
        writeln!(terminal.out, "{}", json(&snapshot)?)?;
    } else if args.swiftbar {
        let program = std::env::current_exe().unwrap_or_default();
        write!(terminal.out, "{}", super::swiftbar::swiftbar(&snapshot, engine.lang, snapshot.at, &program))?;
    } else {
        for view in &snapshot.profiles {
            show(view, snapshot.at, terminal)?;
        }
        bad_files(&snapshot, engine.lang);
    }
    Ok(exit_code(&snapshot))
}

fn show_link(link: &LinkVerdict, now: Timestamp, terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let lang = terminal.lang;
    let light = style::light(link.light, terminal);
    let platform = text::reason::platform(lang, &link.platform);
    let title = text::reason::title(lang, link.reason, Some(&link.platform));
    let since = text::duration(lang, now.duration_since(link.since).max(SignedDuration::ZERO));
    writeln!(
        terminal.out,
        "    {light} {platform}  {}  {since}",
        style::in_light(&title, link.light, terminal.color)
    )
}

/// Reports job files that cannot be read on standard error: their profiles are not shown.
pub(super) fn bad_files(snapshot: &Snapshot, lang: Lang) {
    for bad in &snapshot.bad_files {
        let line = format!("{}: {}", bad.path.display(), bad.reason.pick(lang));
        eprintln!("{}", crate::evidence::redact::one_line(&line, 2_000));
    }
}

fn nothing_found(
    args: &Args,
    engine: &Engine,
    snapshot: &Snapshot,
    terminal: &mut Terminal<'_>,
) -> error::Result<u8> {
    if args.json {
        writeln!(terminal.out, "{}", json(snapshot)?)?;
    }
    bad_files(snapshot, engine.lang);
    Ok(match &args.profile {
        Some(name) => no_such_profile(name, engine),
        None => no_profile(engine),
    })
}

/// Reports that there is no profile of this name, and which ones there are. Returns the exit code.
pub(super) fn no_such_profile(name: &str, engine: &Engine) -> u8 {
    let known = crate::profile::scan(&engine.places);
    let names = known.profiles.iter().map(|profile| profile.name.as_str());
    let (code, words) = not_found(Some(name), names, &engine.places, engine.lang);
    eprintln!("{words}");
    code
}

/// Reports that there is no profile at all, and where profiles were looked for. Returns the exit code.
pub(super) fn no_profile(engine: &Engine) -> u8 {
    let (code, words) = not_found(None, std::iter::empty(), &engine.places, engine.lang);
    eprintln!("{words}");
    code
}

/// Exit code and text if `name` is not among the `known` profiles, or if there are none: then the text lists where
/// profiles were looked for. No line break at the end.
pub(super) fn not_found<'a>(
    name: Option<&str>,
    known: impl Iterator<Item = &'a str>,
    places: &Places,
    lang: Lang,
) -> (u8, String) {
    // neither an argument nor a folder name may send escape sequences to the terminal
    let clean = |name: &str| crate::evidence::redact::one_line(name, 80);
    let names: Vec<String> = known.map(clean).collect();
    if let Some(name) = name
        && !names.is_empty()
    {
        let values = [("name", &*clean(name)), ("names", &*names.join(", "))];
        return (USAGE, fill(lang.pick(words::NO_SUCH_PROFILE), &values));
    }
    let places =
        searched_places(places).into_iter().map(|(what, path)| format!("  {path}  {}", lang.pick(what)));
    let lines: Vec<String> =
        std::iter::once(lang.pick(words::NOTHING_FOUND).to_owned()).chain(places).collect();
    (NO_PROFILE, lines.join("\n"))
}

fn searched_places(places: &Places) -> Vec<(text::Phrase, String)> {
    let mut list =
        vec![(words::LOOKED_FOR_PLISTS, places.launch_agents.join("*.plist").display().to_string())];
    if cfg!(target_os = "linux") {
        let units = places.systemd_user.join("hermes-gateway*.service");
        list.push((words::LOOKED_FOR_UNITS, units.display().to_string()));
    }
    list.push((words::LOOKED_FOR_HOMES, places.hermes.display().to_string()));
    list.push((words::LOOKED_FOR_HOMES, places.hermes.join("profiles/*").display().to_string()));
    let extra = places.extra_homes.iter();
    list.extend(extra.map(|extra| (words::LOOKED_FOR_HOMES, extra.home.display().to_string())));
    list
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

/// The JSON, on one line.
pub fn json(snapshot: &Snapshot) -> serde_json::Result<String> {
    let profiles = snapshot.profiles.iter().map(|view| json_profile(view, snapshot.at)).collect();
    serde_json::to_string(&Json { version: VERSION, at: rfc3339(snapshot.at), profiles })
}

fn json_profile(view: &ProfileView, now: Timestamp) -> JsonProfile<'_> {
    let verdict = &view.verdict;
    JsonProfile {
        profile: &view.profile.name,
        label: view.profile.label(),
        light: verdict.light().word(),
        reason: verdict.reason.code(),
        platform: verdict.platform.as_deref(),
        since: rfc3339(verdict.since),
        evidence: verdict.evidence.as_ref().map(json_proof),
        restart_helps: verdict.reason.restart(),
        pid: verdict.pid,
        uptime_s: view.uptime(now).map(|span| span.as_secs()),
        manager: verdict.manager.map(crate::health::Manager::word),
        served_by: verdict.served_by.as_deref(),
        home: view.profile.home.display().to_string(),
        links: verdict.links.iter().map(json_link).collect(),
        notes: verdict.notes.iter().map(|note| note_text(note, Lang::En)).collect(),
    }
}

fn json_link(link: &LinkVerdict) -> JsonLink<'_> {
    JsonLink {
        platform: &link.platform,
        light: link.light.word(),
        reason: link.reason.code(),
        since: rfc3339(link.since),
        evidence: link.evidence.as_ref().map(json_proof),
        last_message_at: link.last_message_at.map(rfc3339),
    }
}

fn json_proof(proof: &Proof) -> JsonProof<'_> {
    JsonProof { source: proof.source.as_str(), line: &proof.line, at: rfc3339(proof.at) }
}

/// The text of a note.
fn note_text(note: &Note, lang: Lang) -> String {
    let pid = |pid: &Option<u32>| pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string());
    match note {
        Note::Also(reason, platform, proof) => {
            let title = text::reason::title(lang, *reason, platform.as_deref());
            match proof {
                Some(proof) => format!("{title}: {}", proof.line),
                None => title,
            }
        }
        Note::SecondInstance(first) => fill(lang.pick(words::NOTE_SECOND), &[("pid", &pid(first))]),
        Note::InfoHidden => lang.pick(words::NOTE_INFO_HIDDEN).to_owned(),
        Note::DroppedAtStart => lang.pick(words::NOTE_DROPPED).to_owned(),
        Note::Unreadable(file) => fill(lang.pick(words::NOTE_UNREADABLE), &[("file", file)]),
    }
}

/// Prints one profile.
fn show(view: &ProfileView, now: Timestamp, terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let (lang, color) = (terminal.lang, terminal.color);
    let verdict = &view.verdict;
    let said = text::reason::of(verdict, lang);
    let since = text::duration(lang, now.duration_since(verdict.since).max(SignedDuration::ZERO));
    let light = style::light(verdict.light(), terminal);
    let name = style::bold(&crate::evidence::redact::one_line(&view.profile.name, 80), color);
    let title = style::in_light(&said.title, verdict.light(), color);
    writeln!(terminal.out, "{light} {name}  {title}  {since}")?;
    let mut facts = Vec::new();
    if let Some(pid) = verdict.pid {
        facts.push(format!("PID {pid}"));
    }
    if let Some(uptime) = view.uptime(now) {
        facts.push(fill(lang.pick(words::UP_FOR), &[("span", &text::duration(lang, uptime))]));
    }
    if let Some(manager) = verdict.manager {
        facts.push(manager.word().to_owned());
    }
    if let Some(gateway) = &verdict.served_by {
        let name = crate::evidence::redact::one_line(gateway, 80);
        facts.push(fill(lang.pick(words::SERVED_BY), &[("name", &name)]));
    }
    if !facts.is_empty() {
        writeln!(terminal.out, "    {}", style::dim(&facts.join(" · "), color))?;
    }
    if verdict.links.len() > 1 {
        for link in &verdict.links {
            show_link(link, now, terminal)?;
        }
    }
    if verdict.light() == Light::Green {
        return Ok(());
    }
    if let Some(proof) = verdict.evidence.as_ref().filter(|proof| !proof.line.is_empty()) {
        writeln!(terminal.out, "    {}: {}", proof.source, style::dim(&proof.line, color))?;
    }
    if let Some(helps) = verdict.reason.restart() {
        writeln!(terminal.out, "    {}  {}", said.meaning, lang.pick(text::restart::helps(helps)))?;
    }
    if !said.advice.is_empty() {
        writeln!(terminal.out, "    {}", said.advice)?;
    }
    for note in &verdict.notes {
        writeln!(terminal.out, "    {}", style::dim(&note_text(note, lang), color))?;
    }
    Ok(())
}
