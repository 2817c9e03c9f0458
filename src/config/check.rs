//! Range checks of values that were parsed.

use std::path::Path;
use std::time::Duration;

use super::{Config, MOST_RESTARTS_PER_HOUR, QuietHours, QuietHoursError, SHORTEST};
use crate::health::platform::{GENERIC, Platforms};
use crate::text::{Phrase, config as phrases};

/// Maximum number of entries of one list.
const MAX_ENTRIES: usize = 256;
/// Maximum length of a profile name in characters, as in Hermes.
const MAX_NAME: usize = 64;
/// Maximum length of a pattern in characters.
const MAX_PATTERN: usize = 512;
/// Names of platforms that differ from a known one by at most this many edits are taken for mistakes.
const MAX_TYPOS: usize = 2;
/// Maximum of a duration in seconds, as `health::settings::seconds` parses them.
const YEAR: u64 = 366 * 86_400;

/// A value that parses and is not allowed.
pub(super) struct Invalid {
    /// Where it stands: names of tables and keys, indices of arrays.
    pub(super) key: Vec<String>,
    pub(super) phrase: Phrase,
    pub(super) values: Vec<(&'static str, String)>,
}

impl Invalid {
    fn new(key: &[&str], phrase: Phrase, mut values: Vec<(&'static str, String)>) -> Self {
        values.push(("key", key.join(".")));
        Self { key: key.iter().map(ToString::to_string).collect(), phrase, values }
    }

    fn range(key: &[&str], least: u64, most: u64) -> Self {
        Self::new(key, phrases::RANGE, vec![("least", least.to_string()), ("most", most.to_string())])
    }

    fn duplicate(key: &[&str], value: &str) -> Self {
        Self::new(key, phrases::TWICE, vec![("value", value.to_owned())])
    }
}

pub(super) fn check(config: &Config) -> Result<(), Invalid> {
    notices(config)?;
    between(&["restart", "per_hour"], config.restart.per_hour as u64, 1, MOST_RESTARTS_PER_HOUR as u64)?;
    between(&["history", "keep_days"], u64::from(config.history.keep_days), 1, 3_660)?;
    deadlines(config)?;
    if let Some(on_change) = &config.on_change {
        absolute(&["on_change", "program"], &on_change.program)?;
        if !(1.0..=600.0).contains(&on_change.timeout.as_secs_f64()) {
            return Err(Invalid::range(&["on_change", "timeout_s"], 1, 600));
        }
    }
    platforms(config)?;
    profiles(config)?;
    patterns(config)
}

fn notices(config: &Config) -> Result<(), Invalid> {
    let n = &config.notices;
    at_least(&["notices", "first_reminder"], n.first_reminder, 60)?;
    at_least(&["notices", "next_reminders"], n.next_reminders, 60)?;
    at_least(&["notices", "unstable_window"], n.unstable_window, 1)?;
    between(&["notices", "unstable_incidents"], n.unstable_incidents as u64, 2, 1_000)?;
    quiet_hours(&["notices", "quiet"], &n.quiet)
}

/// `key`: where they stand.
pub(super) fn quiet_hours(key: &[&str], hours: &QuietHours) -> Result<(), Invalid> {
    entries(&key.join("."), hours.len())?;
    match hours.check() {
        Ok(()) => Ok(()),
        Err(QuietHoursError::Always) => Err(Invalid::new(key, phrases::ALWAYS_QUIET, Vec::new())),
        Err(QuietHoursError::Entry(index)) => {
            let index = index.to_string();
            let key: Vec<&str> = key.iter().copied().chain([index.as_str()]).collect();
            Err(Invalid::new(&key, phrases::NO_SPAN, Vec::new()))
        }
    }
}

/// A deadline of zero would turn lights red without a cause.
fn deadlines(config: &Config) -> Result<(), Invalid> {
    let d = &config.deadlines;
    for (key, duration) in [
        ("start", d.start),
        ("reconnect", d.reconnect),
        ("attempt", d.attempt),
        ("restart", d.restart),
        ("retry", d.retry),
        ("heartbeat", d.heartbeat),
        ("suspended", d.suspended),
        ("exit", d.exit),
        ("crash_window", d.crash_window),
        ("replace_window", d.replace_window),
    ] {
        at_least(&["deadlines", key], duration, 1)?;
    }
    between(&["deadlines", "crash_starts"], d.crash_starts as u64, 1, 1_000)?;
    between(&["deadlines", "replace_takeovers"], d.replace_takeovers as u64, 1, 1_000)
}

fn platforms(config: &Config) -> Result<(), Invalid> {
    entries("platforms", config.platforms.len())?;
    for (name, times) in &config.platforms {
        platform(&["platforms", name], name)?;
        if let Some(red_after) = times.red_after {
            at_least(&["platforms", name, "red_after"], red_after, 1)?;
        }
    }
    Ok(())
}

/// Any plug-in may bring a platform, so any name is allowed but one that is nearly that of a platform with rules.
fn platform(key: &[&str], name: &str) -> Result<(), Invalid> {
    line(key, name, MAX_NAME)?;
    let all = Platforms::built_in();
    if all.knows(name) || name == GENERIC {
        return Ok(());
    }
    let is_near = |id: &&str| strsim::osa_distance(&name.to_lowercase(), id) <= MAX_TYPOS;
    let Some(meant) = all.ids().find(is_near) else { return Ok(()) };
    let known: Vec<&str> = all.ids().collect();
    let values = [("name", name.to_owned()), ("meant", meant.to_owned()), ("known", known.join(", "))];
    Err(Invalid::new(key, phrases::NEARLY_A_PLATFORM, values.into()))
}

fn profiles(config: &Config) -> Result<(), Invalid> {
    entries("profiles", config.profiles.len())?;
    for (i, profile) in config.profiles.iter().enumerate() {
        let index = i.to_string();
        if profile.home.is_none() && profile.name.is_none() {
            return Err(Invalid::new(&["profiles", &index], phrases::NO_PROFILE, Vec::new()));
        }
        if let Some(home) = &profile.home {
            absolute(&["profiles", &index, "home"], home)?;
        }
        if let Some(name) = &profile.name {
            line(&["profiles", &index, "name"], name, MAX_NAME)?;
        }
        entries(&format!("profiles.{index}.ignore"), profile.ignore.len())?;
        for name in &profile.ignore {
            platform(&["profiles", &index, "ignore"], name)?;
        }
        for before in &config.profiles[..i] {
            if let Some(home) = profile.home.as_ref().filter(|_| before.home == profile.home) {
                return Err(Invalid::duplicate(&["profiles", &index, "home"], &home.display().to_string()));
            }
            if let Some(name) = profile.name.as_ref().filter(|_| before.name == profile.name) {
                return Err(Invalid::duplicate(&["profiles", &index, "name"], name));
            }
        }
    }
    Ok(())
}

fn patterns(config: &Config) -> Result<(), Invalid> {
    entries("patterns", config.patterns.len())?;
    for (i, pattern) in config.patterns.iter().enumerate() {
        let index = i.to_string();
        let key = ["patterns", index.as_str(), "text"];
        line(&key, &pattern.text, MAX_PATTERN)?;
        if pattern.text.len() < SHORTEST {
            return Err(Invalid::new(&key, phrases::SHORT_TEXT, vec![("least", SHORTEST.to_string())]));
        }
    }
    Ok(())
}

fn at_least(key: &[&str], duration: Duration, seconds: u64) -> Result<(), Invalid> {
    if duration < Duration::from_secs(seconds) { Err(Invalid::range(key, seconds, YEAR)) } else { Ok(()) }
}

fn between(key: &[&str], value: u64, least: u64, most: u64) -> Result<(), Invalid> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(Invalid::range(key, least, most)) }
}

fn absolute(key: &[&str], path: &Path) -> Result<(), Invalid> {
    if path.is_absolute() { Ok(()) } else { Err(Invalid::new(key, phrases::ABSOLUTE, Vec::new())) }
}

fn entries(key: &str, count: usize) -> Result<(), Invalid> {
    if count <= MAX_ENTRIES {
        return Ok(());
    }
    Err(Invalid::new(&[key], phrases::TOO_MANY, vec![("most", MAX_ENTRIES.to_string())]))
}

fn line(key: &[&str], text: &str, max: usize) -> Result<(), Invalid> {
    if text.trim().is_empty() {
        Err(Invalid::new(key, phrases::EMPTY, Vec::new()))
    } else if text.chars().count() > max {
        Err(Invalid::new(key, phrases::LONG_TEXT, vec![("most", max.to_string())]))
    } else if text.chars().any(char::is_control) {
        Err(Invalid::new(key, phrases::ONE_LINE, Vec::new()))
    } else {
        Ok(())
    }
}
