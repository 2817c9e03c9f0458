//! `gatelight demo`: two simulated gateways fail, and one is restarted.

use std::time::Duration;

use super::{OK, RED, watch};
use crate::demo::play::{self, Event};
use crate::health::{Light, Reason};
use crate::restart::{RestartOutcome, RestartStep};
use crate::terminal::{Terminal, style};
use crate::text::error;
use crate::text::{Lang, Phrase, demo as words, fill};
use crate::watcher::snapshot::Snapshot;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How long, in seconds
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 40, value_parser = clap::value_parser!(u64).range(5..=3600))]
    pub seconds: u64,
}

/// Runs the demo and prints what happens.
pub(super) fn run(args: &Args, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let begun = jiff::Timestamp::now();
    let mut reported = watch::Reported::default();
    let worked = play::run(Duration::from_secs(args.seconds), &mut |event| {
        if let Event::Change(change) = event {
            return if reported.is_new(change) {
                watch::line(change, begun, false, terminal)
            } else {
                Ok(())
            };
        }
        Ok(print(&event, terminal)?)
    })?;
    Ok(if worked { OK } else { RED })
}

fn print(event: &Event<'_>, terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let lang = terminal.lang;
    let bullet = if terminal.symbols { "▸" } else { "-" };
    match event {
        Event::Started => writeln!(terminal.out, "{}", lang.pick(words::INTRO)),
        Event::Change(_) => Ok(()),
        Event::Hollow => {
            let said = crate::text::reason::wording(lang, Reason::ExecutorShutdown, None, None);
            writeln!(terminal.out, "          {}", said.meaning)?;
            let lies = fill(lang.pick(words::STATE_FILE_LIES), &[("advice", &said.advice)]);
            writeln!(terminal.out, "          {lies}")
        }
        Event::Restarting(step) => {
            writeln!(terminal.out, "          {bullet} {}", lang.pick(step_text(*step)))
        }
        Event::Restarted(outcome) => {
            writeln!(terminal.out, "          {bullet} {}", outcome_text(outcome, lang))
        }
        Event::Ended(snapshot) => writeln!(terminal.out, "{}", summary(snapshot, lang)),
        Event::CleanedUp => {
            writeln!(terminal.out, "{}", style::dim(lang.pick(words::CLEANED), terminal.color))
        }
    }
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
