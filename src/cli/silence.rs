//! `gatelight ack` and `gatelight mute`: fewer notifications about a profile.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::OK;
use super::history::since;
use super::names::{candidates, one_profile};
use super::value::Expected;
use crate::alerts::{Acknowledged, Mute, Silence};
use crate::app::engine::Engine;
use crate::app::silences;
use crate::evidence::clock;
use crate::terminal::Terminal;
use crate::text::display::label;
use crate::text::error::{self, Context as _};
use crate::text::reason::title_of;
use crate::text::{Phrase, fill, silence as say};

/// `ack`: the profile is not red.
const NOT_RED: u8 = 1;

/// Arguments of `gatelight ack`.
#[derive(Debug, clap::Args)]
pub(super) struct AckArgs {
    /// The profile; not needed if there is only one
    #[arg(add = candidates())]
    profile: Option<String>,
    /// Send reminders again
    #[arg(long)]
    undo: bool,
}

/// Arguments of `gatelight mute`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("change").required(true))]
pub(super) struct MuteArgs {
    /// The profile; not needed if there is only one
    #[arg(add = candidates())]
    profile: Option<String>,
    /// A time of day (18:00), a time span (30min, 2h, 1d), or recovery
    #[arg(long, value_name = "WHEN", value_parser = until, group = "change")]
    until: Option<Until>,
    /// Send notifications again
    #[arg(long, group = "change")]
    off: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Until {
    Time(Time),
    Span(SignedDuration),
    Recovery,
}

fn until(text: &str) -> Result<Until, Expected> {
    let bad = || Expected(say::BAD_TIME);
    match text.split_once(':') {
        _ if text == "recovery" => Ok(Until::Recovery),
        Some((hour, minute)) => {
            let (hour, minute) = (hour.parse().map_err(|_| bad())?, minute.parse().map_err(|_| bad())?);
            Time::new(hour, minute, 0, 0).map(Until::Time).map_err(|_| bad())
        }
        None => since(text).map(Until::Span).map_err(|_| bad()),
    }
}

impl Until {
    /// A time of day means its next occurrence.
    fn mute(self, now: Timestamp, zone: &TimeZone) -> Mute {
        let time = match self {
            Self::Recovery => return Mute::Recovery,
            Self::Span(span) => return Mute::Until(now.saturating_add(span).unwrap_or(Timestamp::MAX)),
            Self::Time(time) => time,
        };
        let today = zone.to_datetime(now).date();
        let moment = |day: Date| zone.to_timestamp(day.to_datetime(time)).ok();
        let days = [Some(today), today.tomorrow().ok()];
        let next = days.into_iter().flatten().filter_map(moment).find(|at| *at > now);
        Mute::Until(next.unwrap_or(Timestamp::MAX))
    }
}

/// Acknowledges a red profile: no reminders until it changes.
pub(super) fn acknowledge(args: &AckArgs, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let name = match one_profile(args.profile.as_deref(), engine) {
        Ok(profile) => profile.name,
        Err(code) => return Ok(code),
    };
    if args.undo {
        change(&name, engine, |silence| silence.acknowledged = None)?;
        return print(say::REMINDS_AGAIN, &[("name", &label(&name))], OK, terminal);
    }
    let snapshot = engine.look(vec![name.clone()])?;
    let verdict = snapshot.find(&name).map(|view| &*view.verdict);
    let known = verdict.and_then(Acknowledged::of);
    let title = verdict.map(|verdict| title_of(verdict, terminal.lang)).unwrap_or_default();
    let (shown, code) = match &known {
        None => (say::NOT_RED, NOT_RED),
        Some(_) => (say::ACKNOWLEDGED, OK),
    };
    if known.is_some() {
        change(&name, engine, |silence| silence.acknowledged.clone_from(&known))?;
    }
    print(shown, &[("name", &label(&name)), ("title", &title)], code, terminal)
}

/// Mutes a profile, or unmutes it.
pub(super) fn mute(args: &MuteArgs, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let name = match one_profile(args.profile.as_deref(), engine) {
        Ok(profile) => profile.name,
        Err(code) => return Ok(code),
    };
    let (now, zone) = (Timestamp::now(), clock::time_zone());
    let mute = args.until.map(|until| until.mute(now, &zone));
    change(&name, engine, |silence| silence.mute = mute)?;
    let name = label(&name);
    let time = match mute {
        None => return print(say::UNMUTED, &[("name", &name)], OK, terminal),
        Some(Mute::Recovery) => return print(say::MUTED_UNTIL_RECOVERY, &[("name", &name)], OK, terminal),
        Some(Mute::Until(time)) => time.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string(),
    };
    print(say::MUTED_UNTIL, &[("name", &name), ("time", &time)], OK, terminal)
}

fn change(name: &str, engine: &Engine, change: impl Fn(&mut Silence)) -> error::Result<()> {
    let data = &engine.folders.data;
    silences::change(data, [name], |_, silence| change(silence))
        .with_context(|| data.display().to_string())?;
    Ok(())
}

fn print(
    phrase: Phrase,
    values: &[(&str, &str)],
    code: u8,
    terminal: &mut Terminal<'_>,
) -> error::Result<u8> {
    terminal.wrapped_lines(&fill(terminal.lang.pick(phrase), values))?;
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_the_next_one() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| zone.to_timestamp(text.parse().unwrap()).unwrap();
        let now = at("2026-11-27T17:30");
        for (text, expected) in [
            ("18:00", Mute::Until(at("2026-11-27T18:00"))),
            ("17:30", Mute::Until(at("2026-11-28T17:30"))),
            ("9:05", Mute::Until(at("2026-11-28T09:05"))),
            ("2h", Mute::Until(at("2026-11-27T19:30"))),
            ("90min", Mute::Until(at("2026-11-27T19:00"))),
            ("recovery", Mute::Recovery),
        ] {
            assert_eq!(until(text).unwrap().mute(now, &zone), expected, "{text}");
        }
        for bad in ["", "24:00", "18:60", "18", "x:00", "tomorrow", "0h", "-1h", "18:00:00"] {
            assert!(until(bad).is_err(), "{bad}");
        }
    }
}
