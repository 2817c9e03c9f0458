//! `gatelight doctor`: what is wrong with the job files, and `--fix`.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::doctor::flow::{self, After, Change, Failure, Link, PrepareError, Step, World};
use crate::doctor::repair::{Wanted, hides_flag};
use crate::doctor::{self, Finding, LiveFacts, ProcessFacts, Severity, write};
use crate::health::Manager;
use crate::profile::{Found, JobFile, Places, Profile, scan};
use crate::supervisor::Supervisor;
use crate::text::{Lang, Phrase, doctor as phrases, fill};

/// Version of the JSON.
const VERSION: u32 = 1;
/// How often a job is looked at until it runs.
const LOOKS: u32 = 60;

/// Check the job files of the gateways, and repair them
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// Profiles or labels; all when none is named
    #[arg(value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Take --replace out; offer RunAtLoad and KeepAlive where they are missing
    #[arg(long)]
    pub fix: bool,
    /// Show what --fix would change, and change nothing
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short, requires = "fix")]
    pub yes: bool,
}

/// What the command needs of the world.
pub struct Context<'a> {
    /// Where to look.
    pub places: &'a Places,
    /// The manager of a kind, if this machine has one.
    pub supervisor: &'a dyn Fn(Manager) -> Option<&'a dyn Supervisor>,
    /// What the system says of a process ([`doctor::process_facts`]).
    pub process: &'a dyn Fn(u32) -> Option<ProcessFacts>,
    /// The arguments of a process, where the system tells them.
    pub arguments_of: &'a dyn Fn(u32) -> Option<Vec<String>>,
    /// Waits for a job's link after its reload.
    pub link: &'a mut dyn FnMut(&JobFile, u32) -> Link,
    /// Waits half a second.
    pub pause: &'a mut dyn FnMut(),
    /// Asks a question that is answered by yes or no; `None`: there is nobody to ask.
    pub confirm: &'a mut dyn FnMut(&str) -> Option<bool>,
    /// Takes secrets out of a line.
    pub redact: &'a dyn for<'l> Fn(&'l str) -> Cow<'l, str>,
    /// The language.
    pub lang: Lang,
    /// Whether to colour.
    pub color: bool,
}

/// Runs the command. Exit codes: 0 clean, 1 findings, 2 a profile that does not exist; with `--fix` 0 when everything
/// that can be repaired is, 1 when something is left, with `--dry-run` 1 when there is something to repair.
pub fn run(args: &Args, context: &mut Context<'_>, out: &mut dyn Write) -> anyhow::Result<u8> {
    let lang = context.lang;
    let found = scan(context.places);
    if let Some((code, unknown)) = unknown_profile(&found, args, context) {
        if args.json {
            writeln!(out, "{}", json!({ "version": VERSION, "error": unknown }))?;
        } else {
            writeln!(out, "{unknown}")?;
        }
        return Ok(code);
    }
    if args.json && args.fix && !args.yes && !args.dry_run {
        writeln!(out, "{}", json!({ "version": VERSION, "error": lang.pick(phrases::JSON_NEEDS_YES) }))?;
        return Ok(2);
    }
    if args.fix {
        return fix(args, &found, context, out);
    }
    let findings = look(&found, args, context);
    if args.json {
        writeln!(out, "{}", json!({ "version": VERSION, "findings": list(&findings, lang) }))?;
    } else {
        show(&findings, &found, context, out)?;
    }
    Ok(u8::from(!findings.is_empty()))
}

/// The findings of the profiles that were named; without a name also those of files that are no profile's.
fn look(found: &Found, args: &Args, context: &Context<'_>) -> Vec<Finding> {
    let live = live(found, context);
    let mut findings = doctor::examine(found, context.places, &live);
    findings.retain(|finding| {
        let of = |profile: &&Profile| finding.profile.as_ref() == Some(&profile.name);
        args.profiles.is_empty()
            || found.profiles.iter().find(of).is_some_and(|profile| is_named(profile, args))
    });
    findings
}

fn live(found: &Found, context: &Context<'_>) -> LiveFacts {
    LiveFacts::ask(found, &|manager| (context.supervisor)(manager), context.process, context.arguments_of)
}

fn is_named(profile: &Profile, args: &Args) -> bool {
    let is = |name: &String| profile.name == *name || profile.label() == Some(name);
    args.profiles.is_empty() || args.profiles.iter().any(is)
}

/// Says so if a name is no profile's. The exit code and the words.
fn unknown_profile(found: &Found, args: &Args, context: &Context<'_>) -> Option<(u8, String)> {
    let exists = |name: &String| found.profiles.iter().any(|p| p.name == *name || p.label() == Some(name));
    let unknown = args.profiles.iter().find(|name| !exists(name))?;
    let known = found.profiles.iter().map(|profile| profile.name.as_str());
    Some(super::status::not_found(Some(unknown), known, context.places, context.lang))
}

/// Said where there is nothing to tell: that all is well, or that nothing was found and where it was looked for.
fn nothing(found: &Found, context: &Context<'_>, well: Phrase) -> String {
    if found.profiles.is_empty() {
        return super::status::not_found(None, std::iter::empty(), context.places, context.lang).1;
    }
    context.lang.pick(well).to_owned()
}

fn list(findings: &[Finding], lang: Lang) -> Vec<Value> {
    findings
        .iter()
        .map(|finding| {
            json!({
                "code": finding.code.name(),
                "severity": finding.severity().word(),
                "profile": finding.profile,
                "file": finding.file.as_deref().map(Path::to_string_lossy),
                "message": finding.message.pick(lang),
                "reports": finding.reports(),
                "remedy": finding.remedy.pick(lang),
                "fixable": finding.fixable,
            })
        })
        .collect()
}

fn show(
    findings: &[Finding],
    found: &Found,
    context: &Context<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let lang = context.lang;
    if findings.is_empty() {
        writeln!(out, "{}", nothing(found, context, phrases::CLEAN))?;
        return Ok(());
    }
    for finding in findings {
        let (word, color) = match finding.severity() {
            Severity::Error => (phrases::ERROR, "31"),
            Severity::Warning => (phrases::WARNING, "33"),
            Severity::Info => (phrases::INFO, "36"),
        };
        let word = lang.pick(word);
        let word = if context.color { format!("\x1b[{color}m{word}\x1b[0m") } else { word.to_owned() };
        let profile =
            finding.profile.as_deref().map(|name| format!("{}: ", printable(name))).unwrap_or_default();
        writeln!(out, "{word} [{}] {profile}{}", finding.code.name(), printable(finding.message.pick(lang)))?;
        if let Some(file) = &finding.file {
            writeln!(out, "    {}", printable(&file.to_string_lossy()))?;
        }
        writeln!(out, "    {}{}", lang.pick(phrases::REMEDY), printable(finding.remedy.pick(lang)))?;
        if !finding.reports().is_empty() {
            let reports: Vec<String> = finding.reports().iter().map(|n| format!("#{n}")).collect();
            writeln!(out, "    {}hermes-agent {}", lang.pick(phrases::REPORTS), reports.join(" "))?;
        }
    }
    Ok(())
}

/// What became of one job.
struct Repair {
    profile: String,
    files: Vec<String>,
    diff: String,
    outcome: &'static str,
    done: bool,
    steps: Vec<String>,
}

fn fix(args: &Args, found: &Found, context: &mut Context<'_>, out: &mut dyn Write) -> anyhow::Result<u8> {
    let lang = context.lang;
    let mut repairs = Vec::new();
    let live = live(found, context);
    for profile in found.profiles.iter().filter(|profile| is_named(profile, args)) {
        let Some(job) = &profile.job else { continue };
        for file in job.files() {
            write::clean(file);
        }
        let stale = live.from_before.contains_key(&profile.name) || job.files().any(write::is_marked);
        if let Some(repair) = fix_one(args, profile, job, stale, context, out)? {
            repairs.push(repair);
        }
    }
    let mut left = repairs.iter().any(|repair| !repair.done);
    if args.profiles.is_empty() {
        left |= !found.bad.is_empty();
        for bad in found.bad.iter().filter(|_| !args.json) {
            let why = fill(lang.pick(phrases::BY_HAND), &[("why", bad.reason.pick(lang))]);
            writeln!(out, "{}", printable(&format!("{}: {why}", bad.path.display())))?;
        }
    }
    if args.json {
        let findings = look(&scan(context.places), args, context);
        let repairs: Vec<Value> = repairs
            .iter()
            .map(|r| {
                json!({ "profile": r.profile, "files": r.files, "diff": r.diff, "outcome": r.outcome, "steps": r.steps })
            })
            .collect();
        let whole = json!({ "version": VERSION, "findings": list(&findings, lang), "repairs": repairs });
        writeln!(out, "{whole}")?;
    } else if repairs.is_empty() && !left {
        writeln!(out, "{}", nothing(found, context, phrases::NOTHING_TO_REPAIR))?;
    }
    Ok(u8::from(left))
}

fn fix_one(
    args: &Args,
    profile: &Profile,
    job: &JobFile,
    stale: bool,
    context: &mut Context<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<Option<Repair>> {
    let lang = context.lang;
    let mut repair = Repair {
        profile: profile.name.clone(),
        files: Vec::new(),
        diff: String::new(),
        outcome: "refused",
        done: false,
        steps: Vec::new(),
    };
    let prepared = agree(args, job, stale, context, out);
    let changes = match prepared? {
        Agreed::Nothing => return Ok(None),
        Agreed::Changes(changes) => changes,
        Agreed::Declined => {
            repair.outcome = "declined";
            return Ok(Some(repair));
        }
        Agreed::Refused(error) => {
            let phrase = match error {
                PrepareError::File { .. } => phrases::CANNOT_READ,
                PrepareError::Refused { .. } => phrases::BY_HAND,
            };
            let by_hand = fill(lang.pick(phrase), &[("why", &error.why(lang))]);
            let text = format!("{}: {by_hand}", error.file().display());
            tell(args, &mut repair.steps, &text, out)?;
            return Ok(Some(repair));
        }
    };
    repair.files = changes.iter().map(|change| change.original.path.display().to_string()).collect();
    repair.diff = changes.iter().map(|change| shown_diff(change, context.redact)).collect();
    if args.dry_run {
        repair.outcome = "dry run";
        if changes.is_empty() {
            let would = fill(lang.pick(phrases::WOULD_RELOAD), &[("label", &job.label)]);
            tell(args, &mut repair.steps, &would, out)?;
        }
        tell(args, &mut repair.steps, lang.pick(phrases::WOULD), out)?;
        return Ok(Some(repair));
    }
    let mut failed = None;
    let outcome = {
        let steps = &mut repair.steps;
        let mut told = |step: Step| {
            let text = step_text(&step, profile, job, lang);
            if let Err(error) = tell(args, steps, &text, out) {
                failed = Some(error);
            }
        };
        let mut world = World {
            supervisor: (context.supervisor)(job.manager),
            pause: context.pause,
            looks: LOOKS,
            lang,
            arguments_of: context.arguments_of,
            link: context.link,
            told: &mut told,
        };
        flow::repair_job(job, &changes, &mut world)
    };
    // a reader that went away must not end a repair half way: it is told afterwards
    if let Some(error) = failed {
        return Err(error);
    }
    repair.outcome = outcome.word();
    repair.done = outcome.repaired();
    Ok(Some(repair))
}

enum Agreed {
    Nothing,
    Declined,
    Refused(PrepareError),
    Changes(Vec<Change>),
}

/// Shows the diffs and asks. With `--yes` and `--dry-run` everything is taken at once. No changes: a job whose file was
/// repaired before (`stale`) is to be reloaded.
fn agree(
    args: &Args,
    job: &JobFile,
    stale: bool,
    context: &mut Context<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<Agreed> {
    let home = &context.places.user_home;
    let mut all = doctor::wanted(job);
    all.replace |= hides_flag(job);
    let everything = match flow::prepare(job, all, home) {
        Err(error) => return Ok(Agreed::Refused(error)),
        Ok(changes) if changes.is_empty() && !stale => return Ok(Agreed::Nothing),
        Ok(changes) => changes,
    };
    if args.yes || args.dry_run {
        if !args.json {
            for change in &everything {
                write!(out, "{}", painted(&shown_diff(change, context.redact), context.color))?;
            }
        }
        return Ok(Agreed::Changes(everything));
    }
    if everything.is_empty() {
        out.flush()?;
        let question = fill(context.lang.pick(phrases::ASK_RELOAD), &[("label", &printable(&job.label))]);
        let answer = (context.confirm)(&question);
        if let Some(no) = refusal(answer) {
            writeln!(out, "{}", context.lang.pick(no))?;
            return Ok(Agreed::Declined);
        }
        return Ok(Agreed::Changes(everything));
    }
    let mut agreed = Wanted::default();
    for part in [
        Wanted { replace: all.replace, ..Wanted::default() },
        Wanted { run_at_load: all.run_at_load, ..Wanted::default() },
        Wanted { keep_alive: all.keep_alive, ..Wanted::default() },
    ] {
        let changes = match flow::prepare(job, part, home) {
            Err(error) => return Ok(Agreed::Refused(error)),
            Ok(changes) => changes,
        };
        for change in &changes {
            write!(out, "{}", painted(&shown_diff(change, context.redact), context.color))?;
        }
        let file = changes.first().map(|change| printable(&change.original.path.to_string_lossy()));
        if let Some(file) = file {
            out.flush()?;
            let answer = (context.confirm)(&fill(context.lang.pick(phrases::ASK), &[("file", &file)]));
            if let Some(no) = refusal(answer) {
                writeln!(out, "{}", context.lang.pick(no))?;
            } else {
                agreed.replace |= part.replace;
                agreed.run_at_load |= part.run_at_load;
                agreed.keep_alive |= part.keep_alive;
            }
        }
    }
    if agreed == Wanted::default() {
        return Ok(Agreed::Declined);
    }
    Ok(flow::prepare(job, agreed, home).map_or_else(Agreed::Refused, Agreed::Changes))
}

/// What is said to an answer that is no yes.
const fn refusal(answer: Option<bool>) -> Option<Phrase> {
    match answer {
        Some(true) => None,
        Some(false) => Some(phrases::LEFT),
        None => Some(phrases::NO_TERMINAL),
    }
}

fn tell(args: &Args, steps: &mut Vec<String>, text: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let text = printable(text);
    if !args.json {
        writeln!(out, "{text}")?;
    }
    steps.push(text);
    Ok(())
}

fn step_text(step: &Step, profile: &Profile, job: &JobFile, lang: Lang) -> String {
    let label = ("label", job.label.as_str());
    let profile = ("profile", profile.name.as_str());
    match step {
        Step::Written { file, backup } => {
            let backup = backup.file_name().unwrap_or_default().to_string_lossy();
            fill(lang.pick(phrases::WRITTEN), &[("file", &file.to_string_lossy()), ("backup", &backup)])
        }
        Step::NotReloaded(why) => fill(lang.pick(phrases::NOT_RELOADED), &[label, ("why", why)]),
        Step::StaysStopped => fill(lang.pick(phrases::STOPPED), &[label]),
        Step::StaysDisabled(enable) => fill(lang.pick(phrases::DISABLED), &[label, ("enable", enable)]),
        Step::Reloaded => fill(lang.pick(phrases::RELOADED), &[label]),
        Step::Runs { pid } => fill(lang.pick(phrases::RUNS), &[label, ("pid", &pid.to_string())]),
        Step::Linked => fill(lang.pick(phrases::LINKED), &[label]),
        Step::DownElsewhere(why) => fill(lang.pick(phrases::DOWN_ELSEWHERE), &[label, ("why", why)]),
        Step::LinkUnknown => fill(lang.pick(phrases::LINK_UNKNOWN), &[label]),
        Step::Failed(Failure::Write(why)) => {
            let folder = job.path.parent().unwrap_or(Path::new("/")).display().to_string();
            fill(lang.pick(phrases::NOT_WRITTEN), &[label, ("folder", &folder), ("why", why)])
        }
        Step::Failed(failure) => {
            fill(lang.pick(phrases::FAILED), &[label, ("why", failure_text(failure, lang))])
        }
        Step::Restored(After::Reloaded) => fill(lang.pick(phrases::RESTORED_RELOADED), &[label]),
        Step::Restored(After::Untouched) => fill(lang.pick(phrases::RESTORED), &[label]),
        Step::Restored(After::StillRuns(why)) => {
            fill(lang.pick(phrases::RESTORED_RUNS), &[label, profile, ("why", why)])
        }
        Step::Restored(After::Down(why)) => {
            fill(lang.pick(phrases::RESTORED_DOWN), &[label, profile, ("why", why)])
        }
        Step::Restored(After::Unclear(why)) => {
            fill(lang.pick(phrases::RESTORED_UNCLEAR), &[label, profile, ("why", why)])
        }
        Step::NotRestored { backup, why } => {
            let backup = backup.to_string_lossy();
            fill(lang.pick(phrases::NOT_RESTORED), &[label, ("why", why), ("backup", &backup)])
        }
    }
}

fn failure_text(failure: &Failure, lang: Lang) -> &str {
    failure.words().map_or_else(|own| own, |phrase| lang.pick(phrase))
}

/// A diff with the file's names above it; secrets and control characters taken out of its lines.
fn shown_diff(change: &Change, redact: &dyn for<'l> Fn(&'l str) -> Cow<'l, str>) -> String {
    let path = printable(&change.original.path.to_string_lossy());
    let mut text = format!("--- {path}\n+++ {path}\n");
    let mut above = "";
    for line in change.plan.diff.lines() {
        // the name of a secret often stands on the line above its value; the first character is the diff's own
        let split = line.chars().next().map_or(0, char::len_utf8);
        let (mark, body) = line.split_at(split);
        let both = format!("{above}\n{body}");
        let clean = redact(&both);
        let shown = clean.rsplit_once('\n').map_or(clean.as_ref(), |(_, last)| last);
        text.push_str(&printable(&format!("{mark}{shown}")));
        text.push('\n');
        above = body;
    }
    text
}

fn painted(diff: &str, color: bool) -> Cow<'_, str> {
    if !color {
        return Cow::Borrowed(diff);
    }
    let paint = |line: &str| match line.as_bytes().first() {
        Some(b'-') if !line.starts_with("---") => format!("\x1b[31m{line}\x1b[0m\n"),
        Some(b'+') if !line.starts_with("+++") => format!("\x1b[32m{line}\x1b[0m\n"),
        _ => format!("{line}\n"),
    };
    Cow::Owned(diff.lines().map(paint).collect())
}

/// Text of unknown origin for a terminal: control characters and those that turn the direction become `\u{…}`.
fn printable(text: &str) -> String {
    let hidden = |c: char| {
        (c.is_control() && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .flat_map(|c| if hidden(c) { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}
