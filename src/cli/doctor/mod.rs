//! `gatelight doctor`: shows what is wrong with the job files, and repairs them with `--fix`.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::{OK, USAGE, names};
use crate::app::engine::Engine;
use crate::app::job_files;
use crate::doctor::fix::{self, JobRepair, Machine, Mode, Review};
use crate::doctor::flow::{Change, Step};
use crate::doctor::{Finding, render};
use crate::health::Manager;
use crate::profile::{Found, JobFile, Profile};
use crate::redact;
use crate::terminal::layout::wrap;
use crate::terminal::{self, Terminal, printable};
use crate::text::error;
use crate::text::{Lang, Phrase, counted, doctor as phrases, fill};

mod screen;

/// Version of the JSON.
const VERSION: u32 = 1;
/// Findings are left, or something was not repaired.
const LEFT: u8 = 1;

/// Arguments of `doctor`.
#[derive(Debug, Clone, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Args {
    /// Profiles or labels; without any, all
    #[arg(value_name = "PROFILE", add = names::candidates())]
    pub profiles: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Remove --replace; offer RunAtLoad and KeepAlive where they are missing
    #[arg(long)]
    pub fix: bool,
    /// Show what --fix would change, without changing it
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short, requires = "fix")]
    pub yes: bool,
}

impl Args {
    /// Whether it may change job files.
    pub(super) const fn changes(&self) -> bool {
        self.fix && !self.dry_run
    }
}

/// Runs the command on this machine.
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    job_files::on_this_machine(engine, |machine| {
        run_on(args, machine, terminal, &mut |question| terminal::confirm(question))
    })
}

/// Runs the command. `confirm` asks a yes-or-no question; `None` means that there is no terminal.
///
/// Exit codes: 0 without findings (notes do not count), 1 with findings, 2 wrong usage or an unknown profile, 4 no
/// profile. With `--fix`: 0 if everything that can be repaired is repaired, else 1; with `--dry-run`: 1 if there is
/// something to repair.
pub fn run_on(
    args: &Args,
    machine: &Machine<'_>,
    terminal: &mut Terminal<'_>,
    confirm: &mut dyn FnMut(&str) -> Option<bool>,
) -> error::Result<u8> {
    let found = machine.scan();
    if let Some(name) = fix::first_unknown(&found, &args.profiles) {
        let known = found.profiles.iter().map(|profile| profile.name.as_str());
        let (code, text) = names::not_found(Some(name), known, machine.places, terminal.lang);
        return usage(args, code, &text, terminal);
    }
    if args.json && args.fix && !args.yes && !args.dry_run {
        return usage(args, USAGE, terminal.lang.pick(phrases::JSON_NEEDS_YES), terminal);
    }
    if args.fix {
        return fix(args, &found, machine, terminal, confirm);
    }
    let findings = machine.findings(&found, &args.profiles);
    if args.json {
        let findings = findings_json(&findings, terminal.lang);
        writeln!(terminal.out, "{}", json!({ "version": VERSION, "findings": findings }))?;
    } else if findings.is_empty() {
        terminal.wrapped_lines(&nothing(&found, machine, phrases::CLEAN, terminal.lang))?;
    } else {
        screen::show(&findings, terminal)?;
    }
    Ok(if findings.iter().any(Finding::counts) { LEFT } else { OK })
}

fn usage(args: &Args, code: u8, text: &str, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    if args.json {
        writeln!(terminal.out, "{}", json!({ "version": VERSION, "error": text }))?;
    } else {
        terminal.wrapped_lines(text)?;
    }
    Ok(code)
}

/// The text without findings: `well`, or where profiles were searched if there are none.
fn nothing(found: &Found, machine: &Machine<'_>, well: Phrase, lang: Lang) -> String {
    if found.profiles.is_empty() {
        return names::not_found(None, std::iter::empty(), machine.places, lang).1;
    }
    lang.pick(well).to_owned()
}

fn findings_json(findings: &[Finding], lang: Lang) -> Vec<Value> {
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

fn fix(
    args: &Args,
    found: &Found,
    machine: &Machine<'_>,
    terminal: &mut Terminal<'_>,
    confirm: &mut dyn FnMut(&str) -> Option<bool>,
) -> error::Result<u8> {
    let mode = match (args.dry_run, args.yes) {
        (true, _) => Mode::DryRun,
        (false, true) => Mode::All,
        (false, false) => Mode::OneByOne,
    };
    let lang = terminal.lang;
    let mut review =
        OnTerminal { ask: mode == Mode::OneByOne, quiet: args.json, terminal, confirm, failed: None };
    let fixed = fix::fix(found, &args.profiles, mode, machine, &mut review);
    if let Some(error) = review.failed.take() {
        return Err(error.into());
    }
    let findings = machine.findings(&machine.scan(), &args.profiles);
    let rest = findings.iter().filter(|finding| !finding.fixable && finding.counts()).count();
    let left = fixed.is_left();
    if args.json {
        let repairs: Vec<Value> = fixed.repairs.iter().map(|repair| repair_json(repair, lang)).collect();
        let findings = findings_json(&findings, lang);
        let whole = json!({ "version": VERSION, "findings": findings, "repairs": repairs });
        writeln!(terminal.out, "{whole}")?;
    } else {
        for bad in &fixed.by_hand {
            let why = fill(lang.pick(phrases::BY_HAND), &[("why", bad.reason.pick(lang))]);
            terminal.wrapped_lines(&printable(&format!("{}: {why}", bad.path.display())))?;
        }
        if fixed.repairs.is_empty() && !left {
            terminal.wrapped_lines(&nothing(found, machine, phrases::NOTHING_TO_REPAIR, lang))?;
        } else if mode != Mode::DryRun {
            let done = fixed.repairs.iter().filter(|repair| repair.result.repaired()).count().to_string();
            let all = (fixed.repairs.len() + fixed.by_hand.len()).to_string();
            terminal.wrapped_lines(&fill(lang.pick(phrases::FIXED), &[("done", &done), ("all", &all)]))?;
        }
        if rest > 0 {
            terminal.wrapped_lines(&counted(lang, rest, phrases::BEYOND_REPAIR))?;
        }
    }
    Ok(if left { LEFT } else { OK })
}

fn repair_json(repair: &JobRepair, lang: Lang) -> Value {
    let files: Vec<String> =
        repair.changes.iter().map(|change| change.original.path.display().to_string()).collect();
    let diff: String = repair.changes.iter().map(shown_diff).collect();
    let steps: Vec<String> = render::lines(repair, lang).iter().map(|line| printable(line)).collect();
    json!({ "profile": repair.profile, "files": files, "diff": diff, "outcome": repair.result.code(), "steps": steps })
}

/// Shows diffs and steps, and asks. After a failure to write to the terminal nothing more is approved; a repair that
/// has begun is finished, and the error is reported afterwards.
struct OnTerminal<'a, 't> {
    ask: bool,
    quiet: bool,
    terminal: &'a mut Terminal<'t>,
    confirm: &'a mut dyn FnMut(&str) -> Option<bool>,
    failed: Option<io::Error>,
}

impl OnTerminal<'_, '_> {
    fn print(&mut self, text: &str) {
        if !self.quiet && self.failed.is_none() {
            self.failed = write!(self.terminal.out, "{text}").and_then(|()| self.terminal.out.flush()).err();
        }
    }

    /// Prints a sentence, wrapped.
    fn say(&mut self, text: &str) {
        for line in wrap(&printable(text), self.terminal.width, "", "    ") {
            self.print(&format!("{line}\n"));
        }
    }

    fn question(&self, job: &JobFile, changes: &[Change]) -> String {
        let lang = self.terminal.lang;
        match changes.first() {
            Some(change) => {
                let file = printable(&change.original.path.to_string_lossy());
                fill(lang.pick(phrases::ASK), &[("file", &file)])
            }
            None => fill(lang.pick(phrases::ASK_RELOAD), &[("label", &printable(&job.label))]),
        }
    }
}

impl Review for OnTerminal<'_, '_> {
    fn approve(&mut self, job: &JobFile, changes: &[Change]) -> bool {
        for change in changes {
            self.print(&painted(&shown_diff(change), self.terminal.color));
        }
        if job.manager == Manager::Launchd {
            self.say(self.terminal.lang.pick(phrases::BACKGROUND_ITEM));
        }
        if !self.ask || self.failed.is_some() {
            return self.failed.is_none();
        }
        let question = self.question(job, changes);
        let refusal = match (self.confirm)(&question) {
            Some(true) => return true,
            Some(false) => phrases::LEFT,
            None => phrases::NO_TERMINAL,
        };
        self.say(self.terminal.lang.pick(refusal));
        false
    }

    fn step(&mut self, profile: &Profile, job: &JobFile, step: &Step) {
        let text = render::step(step, &profile.name, job, self.terminal.lang);
        self.say(&text);
    }

    fn done(&mut self, repair: &JobRepair) {
        for line in render::ending(repair, self.terminal.lang) {
            self.say(&line);
        }
    }
}

/// A diff under the file's name, without secrets and control characters.
fn shown_diff(change: &Change) -> String {
    let path = printable(&change.original.path.to_string_lossy());
    let mut text = format!("--- {path}\n+++ {path}\n");
    let mut above = "";
    for line in change.plan.diff.lines() {
        // the name of a secret is often on the line above its value; the first character is a mark of the diff
        let split = line.chars().next().map_or(0, char::len_utf8);
        let (mark, body) = line.split_at(split);
        let both = format!("{above}\n{body}");
        let clean = redact::redact(&both);
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
