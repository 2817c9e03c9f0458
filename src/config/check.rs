//! Range checks of values that were parsed.

use std::path::Path;
use std::time::Duration;

use super::secret::is_valid;
use super::url;
use super::{ChannelSettings, Config, MAX_RESTARTS_PER_HOUR, QuietHours, QuietHoursError, SHORTEST, Secret};
use crate::health::platform::{GENERIC, Platforms};
use crate::text::{Both, COMMA, Phrase, Worded as _, channels as say, config as phrases};

/// Maximum number of entries of one list.
const MAX_ENTRIES: usize = 256;
/// Maximum length of a profile name in characters, as in Hermes.
const MAX_NAME: usize = 64;
/// Maximum length of a pattern in characters.
const MAX_PATTERN: usize = 512;
/// A name that differs from a known one by at most this many edits is taken for a typing mistake.
pub(super) const MAX_TYPOS: usize = 2;
/// Maximum length of a channel's name in characters: the menu shows it.
const MAX_CHANNEL_NAME: usize = 32;
/// Maximum length of a webhook's template in bytes.
const MAX_TEMPLATE: usize = 16 * 1024;
/// Maximum of a duration in seconds, as `health::settings::seconds` parses them.
const YEAR: u64 = 366 * 86_400;

/// A value that parses and is not allowed.
pub(super) struct Invalid {
    /// Its place: names of tables and keys, indices of arrays.
    pub(super) key: Vec<String>,
    pub(super) phrase: Phrase,
    pub(super) values: Vec<(&'static str, Both)>,
}

impl Invalid {
    fn new(key: &[&str], phrase: Phrase, values: &[(&'static str, &str)]) -> Self {
        Self::with(key, phrase, values.iter().map(|(name, value)| (*name, Both::same(*value))).collect())
    }

    fn with(key: &[&str], phrase: Phrase, values: Vec<(&'static str, Both)>) -> Self {
        Self { key: key.iter().map(ToString::to_string).collect(), phrase, values }
    }

    fn range(key: &[&str], least: u64, most: u64) -> Self {
        Self::new(key, phrases::RANGE, &[("least", &least.to_string()), ("most", &most.to_string())])
    }

    fn duplicate(key: &[&str], value: &str) -> Self {
        Self::new(key, phrases::TWICE, &[("value", value)])
    }
}

pub(super) fn check(config: &Config) -> Result<(), Invalid> {
    notices(config)?;
    between(&["restart", "per_hour"], config.restart.per_hour as u64, 1, MAX_RESTARTS_PER_HOUR as u64)?;
    between(&["history", "keep_days"], u64::from(config.history.keep_days), 1, 3_660)?;
    deadlines(config)?;
    if let Some(on_change) = &config.on_change {
        absolute(&["on_change", "program"], &on_change.program)?;
        if !(1.0..=600.0).contains(&on_change.timeout.as_secs_f64()) {
            return Err(Invalid::range(&["on_change", "timeout_s"], 1, 600));
        }
    }
    platforms(config)?;
    channels(config)?;
    heartbeat(config)?;
    profiles(config)?;
    patterns(config)
}

fn channels(config: &Config) -> Result<(), Invalid> {
    entries("channel", config.channel.len())?;
    for (i, channel) in config.channel.iter().enumerate() {
        let index = i.to_string();
        let key = |name| ["channel", index.as_str(), name];
        line(&key("name"), &channel.name, MAX_CHANNEL_NAME)?;
        if config.channel[..i].iter().any(|before| before.name == channel.name) {
            return Err(Invalid::duplicate(&key("name"), &channel.name));
        }
        kind_keys(&index, channel)?;
        for (name, secret) in channel.all_secrets() {
            secret_text(&key(name), secret)?;
        }
        if let Some(url) = channel.url.as_ref().and_then(Secret::inline) {
            url_text(&key("url"), url)?;
        }
        if let Some(chat) = &channel.chat {
            line(&key("chat"), chat, MAX_NAME)?;
        }
        if let Some(template) = &channel.template {
            json(&key("template"), template)?;
        }
        if let Some(hours) = &channel.quiet {
            quiet_hours(&key("quiet"), hours)?;
        }
        for (name, list) in [("profiles", &channel.profiles), ("platforms", &channel.platforms)] {
            entries(&key(name).join("."), list.len())?;
            for (at, text) in list.iter().enumerate() {
                line(&["channel", &index, name, &at.to_string()], text, MAX_NAME)?;
            }
        }
    }
    Ok(())
}

/// Reports a key that this kind of channel does not have, or one that it needs and that is missing.
fn kind_keys(index: &str, channel: &ChannelSettings) -> Result<(), Invalid> {
    let keys = channel.kind.keys();
    for (name, is_set) in channel.kind_keys() {
        let phrase = match is_set {
            false if keys.required.contains(&name) => say::KEY_MISSING,
            true if !keys.required.contains(&name) && !keys.optional.contains(&name) => say::KEY_FOREIGN,
            _ => continue,
        };
        return Err(Invalid::new(&["channel", index, name], phrase, &[("kind", channel.kind.word())]));
    }
    Ok(())
}

fn heartbeat(config: &Config) -> Result<(), Invalid> {
    let Some(beat) = &config.heartbeat else { return Ok(()) };
    if beat.url.is_some() == beat.program.is_some() {
        return Err(Invalid::new(&["heartbeat"], say::URL_OR_PROGRAM, &[]));
    }
    if let Some(program) = &beat.program {
        absolute(&["heartbeat", "program"], program)?;
    }
    if let Some(secret) = &beat.url {
        secret_text(&["heartbeat", "url"], secret)?;
    }
    if let Some(url) = beat.url.as_ref().and_then(Secret::inline) {
        url_text(&["heartbeat", "url"], url)?;
    }
    if !(1.0..=86_400.0).contains(&beat.every.as_secs_f64()) {
        return Err(Invalid::range(&["heartbeat", "every"], 1, 86_400));
    }
    Ok(())
}

/// Refuses secrets in a settings file that others can read.
pub(super) fn no_secrets(config: &Config) -> Result<(), Invalid> {
    let open = |key: &[&str], secret: &Secret| match secret.inline() {
        Some(_) => Err(Invalid::new(key, say::SETTINGS_OPEN, &[])),
        None => Ok(()),
    };
    for (i, channel) in config.channel.iter().enumerate() {
        for (name, secret) in channel.secrets() {
            open(&["channel", &i.to_string(), name], secret)?;
        }
    }
    match config.heartbeat.as_ref().and_then(|beat| beat.url.as_ref()) {
        Some(secret) => open(&["heartbeat", "url"], secret),
        None => Ok(()),
    }
}

fn secret_text(key: &[&str], secret: &Secret) -> Result<(), Invalid> {
    match (secret.inline(), secret.file()) {
        (Some(text), _) if !is_valid(text) => Err(Invalid::new(key, say::SECRET_TEXT, &[])),
        (_, Some(file)) if !file.is_absolute() => Err(Invalid::new(key, say::SECRET_FILE, &[])),
        _ => Ok(()),
    }
}

fn url_text(key: &[&str], url: &str) -> Result<(), Invalid> {
    url::parse(url).map(drop).map_err(|error| Invalid::new(key, error.phrase(), &[]))
}

fn json(key: &[&str], text: &str) -> Result<(), Invalid> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) if text.len() <= MAX_TEMPLATE => Ok(()),
        Ok(_) => Err(Invalid::new(key, phrases::LONG_BYTES, &[("most", &MAX_TEMPLATE.to_string())])),
        Err(error) => {
            let why = Both::each(|lang| error.text(lang));
            Err(Invalid::with(key, say::TEMPLATE, vec![("why", why)]))
        }
    }
}

fn notices(config: &Config) -> Result<(), Invalid> {
    let n = &config.notices;
    at_least(&["notices", "first_reminder"], n.first_reminder, 60)?;
    at_least(&["notices", "next_reminders"], n.next_reminders, 60)?;
    at_least(&["notices", "unstable_window"], n.unstable_window, 1)?;
    between(&["notices", "unstable_incidents"], n.unstable_incidents as u64, 2, 1_000)?;
    quiet_hours(&["notices", "quiet"], &n.quiet)
}

/// Checks quiet hours at the place `key`.
pub(super) fn quiet_hours(key: &[&str], hours: &QuietHours) -> Result<(), Invalid> {
    entries(&key.join("."), hours.len())?;
    match hours.check() {
        Ok(()) => Ok(()),
        Err(QuietHoursError::Always) => Err(Invalid::new(key, phrases::ALWAYS_QUIET, &[])),
        Err(QuietHoursError::Entry(index)) => {
            let index = index.to_string();
            let key: Vec<&str> = key.iter().copied().chain([index.as_str()]).collect();
            Err(Invalid::new(&key, phrases::NO_SPAN, &[]))
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

/// Plug-ins add platforms, so any name is allowed, except one that is almost the name of a platform with rules.
fn platform(key: &[&str], name: &str) -> Result<(), Invalid> {
    line(key, name, MAX_NAME)?;
    let all = Platforms::built_in();
    if all.knows(name) || name == GENERIC {
        return Ok(());
    }
    let is_near = |id: &&str| strsim::osa_distance(&name.to_lowercase(), id) <= MAX_TYPOS;
    let Some(meant) = all.ids().find(is_near) else { return Ok(()) };
    let known = listed(&all.ids().collect::<Vec<_>>());
    let values = vec![("name", Both::same(name)), ("meant", Both::same(meant)), ("known", known)];
    Err(Invalid::with(key, phrases::NEARLY_A_PLATFORM, values))
}

fn profiles(config: &Config) -> Result<(), Invalid> {
    entries("profiles", config.profiles.len())?;
    for (i, profile) in config.profiles.iter().enumerate() {
        let index = i.to_string();
        if profile.home.is_none() && profile.name.is_none() {
            return Err(Invalid::new(&["profiles", &index], phrases::NO_PROFILE, &[]));
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
            return Err(Invalid::new(&key, phrases::SHORT_TEXT, &[("least", &SHORTEST.to_string())]));
        }
    }
    Ok(())
}

/// Names as a list.
pub(super) fn listed(names: &[&str]) -> Both {
    Both::each(|lang| names.join(lang.pick(COMMA)))
}

fn at_least(key: &[&str], duration: Duration, seconds: u64) -> Result<(), Invalid> {
    if duration < Duration::from_secs(seconds) { Err(Invalid::range(key, seconds, YEAR)) } else { Ok(()) }
}

fn between(key: &[&str], value: u64, least: u64, most: u64) -> Result<(), Invalid> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(Invalid::range(key, least, most)) }
}

fn absolute(key: &[&str], path: &Path) -> Result<(), Invalid> {
    if path.is_absolute() { Ok(()) } else { Err(Invalid::new(key, phrases::ABSOLUTE, &[])) }
}

fn entries(key: &str, count: usize) -> Result<(), Invalid> {
    if count <= MAX_ENTRIES {
        return Ok(());
    }
    Err(Invalid::new(&[key], phrases::TOO_MANY, &[("most", &MAX_ENTRIES.to_string())]))
}

fn line(key: &[&str], text: &str, max: usize) -> Result<(), Invalid> {
    if text.trim().is_empty() {
        Err(Invalid::new(key, phrases::EMPTY, &[]))
    } else if text.chars().count() > max {
        Err(Invalid::new(key, phrases::LONG_TEXT, &[("most", &max.to_string())]))
    } else if text.chars().any(char::is_control) {
        Err(Invalid::new(key, phrases::ONE_LINE, &[]))
    } else {
        Ok(())
    }
}
