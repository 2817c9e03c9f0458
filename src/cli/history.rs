//! `gatelight history`: what happened, in words, JSON or CSV.

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::evidence::redact;
use crate::history::words::words;
use crate::history::{Reader, Record, StoreError, Window, export};
use crate::text::{Lang, fill, history as phrases};

/// Arguments of `gatelight history`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this profile
    profile: Option<String>,
    /// How far back: 30min, 24h, 7d, 12w
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = since)]
    since: SignedDuration,
    /// Print one JSON object
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print the incidents as a table for a spreadsheet
    #[arg(long)]
    csv: bool,
}

/// What the commands that tell of the past are given.
pub struct Deps<'a> {
    /// The history file.
    pub history: &'a Path,
    /// The language.
    pub lang: Lang,
    /// Now.
    pub now: Timestamp,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// Where the answer goes.
    pub out: &'a mut dyn Write,
}

/// Reads a span of time: a whole number and `s`, `min`, `h`, `d` or `w`; up to ten years.
pub fn since(text: &str) -> Result<SignedDuration, String> {
    let bad = || fill(Lang::of_system().pick(phrases::BAD_SINCE), &[("text", &redact::one_line(text, 40))]);
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
    let number: i64 = text[..split].parse().map_err(|_| bad())?;
    let unit = match text[split..].trim() {
        "s" => 1,
        "min" | "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return Err(bad()),
    };
    number
        .checked_mul(unit)
        .filter(|s| (1..=3_660 * 86_400).contains(s))
        .map(SignedDuration::from_secs)
        .ok_or_else(bad)
}

/// Runs it. 0: told; an error where the history cannot be read or the profile has none.
pub fn run(args: &Args, deps: &mut Deps<'_>) -> anyhow::Result<u8> {
    let window = Window::last(args.since, deps.now);
    let mut record = load(deps.history, window)?;
    if let Some(name) = &args.profile {
        let found = record.as_ref().is_some_and(|r| r.profiles.iter().any(|p| p.name == *name));
        if !found {
            let shown = redact::one_line(name, 80);
            bail!(fill(deps.lang.pick(phrases::NO_SUCH_PROFILE), &[("name", &shown)]));
        }
        record = record.map(|r| r.only(name));
    }
    let nothing = record.is_none();
    let record = record.unwrap_or_default();
    let answer = if args.json {
        let mut json = serde_json::to_string(&export::json(&record, window, deps.now))?;
        json.push('\n');
        json
    } else if args.csv {
        export::csv(&record, window)
    } else if nothing {
        format!("{}\n", deps.lang.pick(phrases::NONE_YET))
    } else {
        words(&record, window, deps.lang, &deps.zone)
    };
    deps.out.write_all(answer.as_bytes()).and_then(|()| deps.out.flush()).context("writing the answer")?;
    Ok(0)
}

/// The record of this window; `None` where there is no history yet.
pub fn load(path: &Path, window: Window) -> anyhow::Result<Option<Record>> {
    match Reader::open(path) {
        Ok(reader) => Ok(Some(reader.read(window.from, window.to)?)),
        Err(StoreError::Missing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, seconds) in
            [("90s", 90), ("30min", 1800), ("24h", 86_400), ("7d", 604_800), ("12w", 7_257_600)]
        {
            assert_eq!(since(text), Ok(SignedDuration::from_secs(seconds)));
        }
        for text in [
            "",
            "7",
            "d",
            "-7d",
            "7y",
            "0d",
            "99999999999999999999d",
            "3661d",
            "7 days",
            "1.5h",
            "７d",
            "\u{1b}[2J",
        ] {
            let refused = since(text).unwrap_err();
            assert!(!refused.contains('\u{1b}'), "{text:?}");
        }
    }
}
