//! `gatelight history`: incidents and figures, as text, JSON or CSV.

use std::io;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::OK;
use super::names::{MAX_NAME, listed};
use super::value::Expected;
use crate::app::engine::Engine;
use crate::evidence::clock;
use crate::history::render::render;
use crate::history::{Reader, Record, Window, export};
use crate::redact;
use crate::terminal::Terminal;
use crate::text::error::{self, Context as _};
use crate::text::{history as phrases, trouble};

/// Arguments of `gatelight history`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this profile
    profile: Option<String>,
    /// How far back: 30min, 24h, 7d, 12w, 1y
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = since)]
    since: SignedDuration,
    /// Print one JSON object
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print the incidents as CSV, for a spreadsheet
    #[arg(long)]
    csv: bool,
}

/// Parses a span of time: a whole number with the unit `s`, `min`, `h`, `d`, `w` or `y` (365 days), up to ten years.
pub(super) fn since(text: &str) -> Result<SignedDuration, Expected> {
    let bad = || Expected(phrases::BAD_SINCE);
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
    let number: i64 = text[..split].parse().map_err(|_| bad())?;
    let unit = match text[split..].trim() {
        "s" => 1,
        "min" | "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "y" => 365 * 86_400,
        _ => return Err(bad()),
    };
    number
        .checked_mul(unit)
        .filter(|s| (1..=3_660 * 86_400).contains(s))
        .map(SignedDuration::from_secs)
        .ok_or_else(bad)
}

/// Prints the history. Fails if it cannot be read or does not have the profile.
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let (lang, now) = (terminal.lang, Timestamp::now());
    let window = Window::last(args.since, now);
    let mut record = Reader::window(&engine.history_file(), window)?.unwrap_or_default();
    if let Some(name) = &args.profile
        && !record.profiles.is_empty()
    {
        if !record.profiles.iter().any(|profile| profile.name == *name) {
            let known = listed(record.profiles.iter().map(|profile| profile.name.as_str()), lang);
            let values = [("name", &*redact::one_line(name, MAX_NAME)), ("names", &*known)];
            return Err(error::Error::new(phrases::NO_SUCH_PROFILE, &values));
        }
        record = record.only(name);
    }
    if !args.json && !args.csv {
        show(&record, window, &clock::time_zone(), terminal)?;
        return Ok(OK);
    }
    let answer = if args.json {
        let mut json = serde_json::to_string(&export::json(&record, window, now, lang))?;
        json.push('\n');
        json
    } else {
        export::csv(&record, window)
    };
    terminal
        .out
        .write_all(answer.as_bytes())
        .and_then(|()| terminal.out.flush())
        .context(trouble::NOT_PRINTED)?;
    Ok(OK)
}

/// Prints a history as text.
pub fn show(record: &Record, window: Window, zone: &TimeZone, terminal: &mut Terminal<'_>) -> io::Result<()> {
    terminal.wrapped_lines(&render(record, window, terminal.lang, zone, terminal.symbols))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, seconds) in [
            ("90s", 90),
            ("30min", 1800),
            ("24h", 86_400),
            ("7d", 604_800),
            ("12w", 7_257_600),
            ("1y", 31_536_000),
        ] {
            assert_eq!(since(text), Ok(SignedDuration::from_secs(seconds)));
        }
        for text in [
            "",
            "7",
            "d",
            "-7d",
            "7mo",
            "11y",
            "0d",
            "99999999999999999999d",
            "3661d",
            "7 days",
            "1.5h",
            "７d",
            "\u{1b}[2J",
        ] {
            let refused = since(text).unwrap_err();
            assert_eq!(refused, Expected(phrases::BAD_SINCE), "{text:?}");
        }
    }
}
