//! `gatelight demo`: two simulated gateways fail, and one is restarted.

use std::time::Duration;

use super::value::Expected;
use super::{OK, RED, watch};
use crate::demo::play::{self, Event, FULL_LENGTH, HOLLOW_FOR};
use crate::health::{Light, Reason};
use crate::restart::{RestartOutcome, RestartStep};
use crate::terminal::{Terminal, style};
use crate::text::error;
use crate::text::help::SECONDS_OF_DEMO;
use crate::text::{Lang, Phrase, demo as words, fill, labelled};
use crate::watcher::snapshot::Snapshot;

/// When the second gateway becomes hollow, approximately.
const HOLLOWS_AT: Duration = Duration::from_secs(8);

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How long, in seconds (5 to 3600)
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 60, value_parser = seconds)]
    pub seconds: u64,
}

fn seconds(text: &str) -> Result<u64, Expected> {
    let seconds = text.parse().ok().filter(|seconds| (5..=3_600).contains(seconds));
    seconds.ok_or(Expected(SECONDS_OF_DEMO))
}

/// Runs the demo and prints what happens.
pub(super) fn run(args: &Args, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let printer = watch::Printer::new(jiff::Timestamp::now(), false);
    let mut reported = watch::Reported::default();
    let length = Duration::from_secs(args.seconds);
    let worked = play::run(length, &mut |event| {
        if let Event::Change(change) = event {
            return if reported.is_new(change) { printer.change(change, terminal) } else { Ok(()) };
        }
        Ok(print(&event, length, terminal)?)
    })?;
    Ok(if worked { OK } else { RED })
}

fn print(event: &Event<'_>, length: Duration, terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let lang = terminal.lang;
    let bullet = if terminal.symbols { "▸" } else { "-" };
    match event {
        Event::Started => {
            let phrase = if length < FULL_LENGTH { words::TOO_SHORT } else { words::LENGTH };
            let (given, whole) = (length.as_secs().to_string(), FULL_LENGTH.as_secs().to_string());
            let length = fill(lang.pick(phrase), &[("given", &given), ("whole", &whole)]);
            let mut lines = lang.pick(words::INTRO).lines().chain([&*length]);
            lines.try_for_each(|line| terminal.wrapped(line, "", ""))
        }
        Event::Change(_) => Ok(()),
        Event::Hollow(name) => {
            let said = crate::text::reason::wording(lang, Reason::ExecutorShutdown, None, None);
            aside(&said.meaning, terminal)?;
            aside(&fill(lang.pick(words::STATE_FILE_LIES), &[("advice", &said.advice)]), terminal)?;
            let seconds = HOLLOW_FOR.as_secs().to_string();
            let left = FULL_LENGTH.saturating_sub(HOLLOWS_AT).as_secs().to_string();
            let values = [("name", *name), ("seconds", &seconds), ("left", &left)];
            aside(&fill(lang.pick(words::RESTART_FOLLOWS), &values), terminal)
        }
        Event::Restarting(name, step) => {
            aside(&labelled(lang, &format!("{bullet} {name}"), lang.pick(step_text(*step))), terminal)
        }
        Event::Restarted(name, outcome) => {
            aside(&labelled(lang, &format!("{bullet} {name}"), &outcome_text(outcome, lang)), terminal)
        }
        Event::Ended { snapshot, whole } => {
            if !whole {
                terminal.wrapped(lang.pick(words::CUT_SHORT), "", "")?;
            }
            terminal.wrapped(&summary(snapshot, lang), "", "")
        }
        Event::CleanedUp => {
            writeln!(terminal.out, "{}", style::dim(lang.pick(words::CLEANED), terminal.color))
        }
    }
}

/// Prints a remark below a change.
fn aside(text: &str, terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    terminal.wrapped(text, "          ", "            ")
}

const fn step_text(step: RestartStep) -> Phrase {
    match step {
        RestartStep::EndingOld => words::STEP_OLD,
        RestartStep::StartingNew => words::STEP_NEW,
        RestartStep::ProvingLink => words::STEP_LINK,
    }
}

fn outcome_text(outcome: &RestartOutcome, lang: Lang) -> String {
    match outcome {
        RestartOutcome::Worked { took, pid, .. } => {
            let took = format!("{:.1}", took.as_secs_f64());
            fill(lang.pick(words::WORKED), &[("pid", &pid.to_string()), ("seconds", &took)])
        }
        RestartOutcome::Failed { why, .. } | RestartOutcome::CannotTell { why, .. } => why.text(lang),
    }
}

fn summary(snapshot: &Snapshot, lang: Lang) -> String {
    let green = snapshot.profiles.iter().filter(|view| view.verdict.light() == Light::Green).count();
    let (green, all) = (green.to_string(), snapshot.profiles.len().to_string());
    fill(lang.pick(words::SUM), &[("green", &green), ("all", &all)])
}
