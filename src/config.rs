//! The settings file: what may stand in it, its defaults, and what is wrong with it (file, line and column).
//!
//! A missing file means the defaults. A mistake is an error as a whole: the caller keeps the settings that it had.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};

pub use crate::evidence::patterns::ExtraPattern;
use crate::evidence::patterns::SHORTEST;
use crate::health::Deadlines;
use crate::health::settings::seconds;
use crate::profile::ExtraHome;
use crate::supervisor::policy;
use crate::text::{Lang, Phrase, config as say, fill};

/// Longest settings file that is read, in bytes.
const LONGEST_FILE: u64 = 256 * 1024;
/// Most entries of one list.
const MOST_ENTRIES: usize = 256;
/// Longest name of a profile, as Hermes has it.
const LONGEST_NAME: usize = 64;
/// Longest text of a pattern.
const LONGEST_PATTERN: usize = 512;

/// A settings file with every default, as comments: what a user without one is given to edit.
pub const TEMPLATE: &str = include_str!("../resources/settings.toml");

/// All settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The language of everything that users read.
    pub language: Language,
    /// The menu-bar icon.
    pub icon: IconSettings,
    /// What is told as a notification, and when.
    pub notices: NoticeSettings,
    /// Restarts without being asked.
    pub restart: RestartSettings,
    /// What is remembered.
    pub history: HistorySettings,
    /// Deadlines and thresholds of the judgement.
    pub deadlines: Deadlines,
    /// A program that is started at every change of a light.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_change: Option<OnChange>,
    /// Homes to watch besides those that are found.
    pub profiles: Vec<ExtraHome>,
    /// Log lines to know besides those that are built in.
    pub patterns: Vec<ExtraPattern>,
}

/// Which language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    /// The one that the system is set to.
    #[default]
    #[serde(rename = "system")]
    System,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh-Hans")]
    Chinese,
}

impl Language {
    /// The language to use where the system's own is `system`.
    pub const fn choose(self, system: Lang) -> Lang {
        match self {
            Self::System => system,
            Self::English => Lang::En,
            Self::Chinese => Lang::Zh,
        }
    }
}

/// `[icon]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IconSettings {
    /// Show a monochrome icon that follows the menu bar while all is well; colour returns with trouble.
    pub template_when_well: bool,
}

/// `[notices]`; spans in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoticeSettings {
    /// Whether anything is told as a notification.
    pub enabled: bool,
    /// Tell a lost connection at once, not only when the light turns red.
    pub drop_at_once: bool,
    /// Remind of an incident that goes on.
    pub reminders: bool,
    /// When to remind for the first time.
    #[serde(with = "seconds")]
    pub first_reminder: Duration,
    /// When to remind again after that.
    #[serde(with = "seconds")]
    pub next_reminders: Duration,
    /// How long green has to hold before a recovery is told.
    #[serde(with = "seconds")]
    pub recovery_hold: Duration,
    /// This many incidents within `unstable_window` become one `unstable` notice.
    pub unstable_incidents: usize,
    /// The window in which incidents are counted.
    #[serde(with = "seconds")]
    pub unstable_window: Duration,
    /// How long green has to hold until a profile no longer counts as unstable.
    #[serde(with = "seconds")]
    pub unstable_hold: Duration,
    /// Profiles that fall within this of each other share one notice.
    #[serde(with = "seconds")]
    pub together: Duration,
    /// Silence after waking from sleep, and after the network came back.
    #[serde(with = "seconds")]
    pub after_wake: Duration,
}

impl Default for NoticeSettings {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            enabled: true,
            drop_at_once: false,
            reminders: true,
            first_reminder: s(3_600),
            next_reminders: s(86_400),
            recovery_hold: s(30),
            unstable_incidents: 3,
            unstable_window: s(900),
            unstable_hold: s(1_800),
            together: s(10),
            after_wake: s(90),
        }
    }
}

/// `[restart]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestartSettings {
    /// Restart a red profile by itself where a restart helps.
    pub auto: bool,
    /// None of these once a profile was restarted so often within an hour, by whomever: 1 to [`policy::LIMIT`].
    pub per_hour: usize,
}

impl Default for RestartSettings {
    fn default() -> Self {
        Self { auto: false, per_hour: policy::LIMIT }
    }
}

/// `[history]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistorySettings {
    /// How many days of incidents are kept.
    pub keep_days: u32,
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self { keep_days: 90 }
    }
}

/// `on_change = { program = "/…", timeout_s = 10 }`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnChange {
    /// The program, absolute. It is started without a shell.
    pub program: PathBuf,
    /// After so many seconds it is ended.
    #[serde(default = "ten_seconds", with = "seconds", rename = "timeout_s")]
    pub timeout: Duration,
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    place: Option<(usize, usize)>,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// A phrase of ours, with its values (`{file}` is added).
    Said(Phrase, Vec<(&'static str, String)>),
    /// The parser's own words.
    Parser(String),
}

impl ConfigError {
    /// The line and column (both from 1, columns in characters), where there is a place.
    pub const fn place(&self) -> Option<(usize, usize)> {
        self.place
    }

    /// The error for people, with the file and the place in it. The words of the TOML parser are English.
    pub fn text(&self, lang: Lang) -> String {
        let file = self.file.display().to_string();
        let what = match &self.what {
            What::Parser(words) => words.clone(),
            What::Said(phrase, values) => {
                let mut all: Vec<(&str, &str)> = vec![("file", &file)];
                all.extend(values.iter().map(|(name, value)| (*name, value.as_str())));
                fill(lang.pick(*phrase), &all)
            }
        };
        match self.place {
            None => what,
            Some((line, column)) => fill(
                lang.pick(say::AT),
                &[
                    ("file", &file),
                    ("line", &line.to_string()),
                    ("column", &column.to_string()),
                    ("what", &what),
                ],
            ),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the file. Without one: the defaults. `user_home` stands for a leading `~/` in paths.
    pub fn load(path: &Path, user_home: &Path) -> Result<Self, ConfigError> {
        let fail = |what| ConfigError { file: path.to_path_buf(), place: None, what };
        let unreadable = |e: &std::io::Error| fail(What::Said(say::UNREADABLE, vec![("why", e.to_string())]));
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(unreadable(&e)),
        };
        let mut bytes = Vec::new();
        file.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(|e| unreadable(&e))?;
        if bytes.len() as u64 > LONGEST_FILE {
            let limit = (LONGEST_FILE / 1024).to_string();
            return Err(fail(What::Said(say::TOO_LONG, vec![("limit", limit)])));
        }
        let text = String::from_utf8(bytes).map_err(|_| fail(What::Said(say::NOT_TEXT, Vec::new())))?;
        Self::parse(&text, path, user_home)
    }

    /// Reads the text of a settings file; `path` is for messages only.
    pub fn parse(text: &str, path: &Path, user_home: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|e| ConfigError {
            file: path.to_path_buf(),
            place: Some(place(text, e.span().map_or(0, |span| span.start))),
            what: What::Parser(one_line(e.message())),
        })?;
        config.expand(user_home);
        config.check().map_err(|Mistake { key, phrase, values }| ConfigError {
            file: path.to_path_buf(),
            place: Some(place(text, offset_of(text, &key))),
            what: What::Said(phrase, values),
        })?;
        Ok(config)
    }

    /// Replaces a leading `~/`.
    fn expand(&mut self, user_home: &Path) {
        let paths = self
            .profiles
            .iter_mut()
            .map(|p| &mut p.home)
            .chain(self.on_change.iter_mut().map(|c| &mut c.program));
        for path in paths {
            if let Ok(below) = path.strip_prefix("~") {
                *path = user_home.join(below);
            }
        }
    }

    fn check(&self) -> Result<(), Mistake> {
        let n = &self.notices;
        for (key, span, least) in [
            ("first_reminder", n.first_reminder, 60),
            ("next_reminders", n.next_reminders, 60),
            ("unstable_window", n.unstable_window, 1),
        ] {
            if span < Duration::from_secs(least) {
                return Err(range(&["notices", key], least, 366 * 86_400));
            }
        }
        between(&["notices", "unstable_incidents"], n.unstable_incidents as u64, 2, 1_000)?;
        between(&["restart", "per_hour"], self.restart.per_hour as u64, 1, policy::LIMIT as u64)?;
        between(&["history", "keep_days"], u64::from(self.history.keep_days), 1, 3_660)?;
        self.check_deadlines()?;
        if let Some(on_change) = &self.on_change {
            absolute(&["on_change", "program"], &on_change.program)?;
            if !(1.0..=600.0).contains(&on_change.timeout.as_secs_f64()) {
                return Err(range(&["on_change", "timeout_s"], 1, 600));
            }
        }
        self.check_profiles()?;
        self.check_patterns()
    }

    /// A deadline of nothing would turn lights without a cause.
    fn check_deadlines(&self) -> Result<(), Mistake> {
        let d = &self.deadlines;
        for (key, span) in [
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
            if span < Duration::from_secs(1) {
                return Err(range(&["deadlines", key], 1, 366 * 86_400));
            }
        }
        between(&["deadlines", "crash_starts"], d.crash_starts as u64, 1, 1_000)?;
        between(&["deadlines", "replace_takeovers"], d.replace_takeovers as u64, 1, 1_000)
    }

    fn check_profiles(&self) -> Result<(), Mistake> {
        at_most_entries("profiles", self.profiles.len())?;
        for (i, profile) in self.profiles.iter().enumerate() {
            let index = i.to_string();
            absolute(&["profiles", &index, "home"], &profile.home)?;
            if let Some(name) = &profile.name {
                plain_text(&["profiles", &index, "name"], name, LONGEST_NAME)?;
            }
            for earlier in &self.profiles[..i] {
                if earlier.home == profile.home {
                    return Err(twice(&["profiles", &index, "home"], &profile.home.display().to_string()));
                }
                if let Some(name) = profile.name.as_ref().filter(|_| earlier.name == profile.name) {
                    return Err(twice(&["profiles", &index, "name"], name));
                }
            }
        }
        Ok(())
    }

    fn check_patterns(&self) -> Result<(), Mistake> {
        at_most_entries("patterns", self.patterns.len())?;
        for (i, pattern) in self.patterns.iter().enumerate() {
            let index = i.to_string();
            let key = ["patterns", index.as_str(), "text"];
            plain_text(&key, &pattern.text, LONGEST_PATTERN)?;
            if pattern.text.len() < SHORTEST {
                return Err(Mistake::new(&key, say::SHORT_TEXT, vec![("least", SHORTEST.to_string())]));
            }
        }
        Ok(())
    }
}

/// A mistake in a value that could be read.
struct Mistake {
    key: Vec<String>,
    phrase: Phrase,
    values: Vec<(&'static str, String)>,
}

impl Mistake {
    fn new(key: &[&str], phrase: Phrase, mut values: Vec<(&'static str, String)>) -> Self {
        values.push(("key", key.join(".")));
        Self { key: key.iter().map(ToString::to_string).collect(), phrase, values }
    }
}

fn range(key: &[&str], least: u64, most: u64) -> Mistake {
    Mistake::new(key, say::RANGE, vec![("least", least.to_string()), ("most", most.to_string())])
}

fn twice(key: &[&str], value: &str) -> Mistake {
    Mistake::new(key, say::TWICE, vec![("value", value.to_owned())])
}

fn between(key: &[&str], value: u64, least: u64, most: u64) -> Result<(), Mistake> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(range(key, least, most)) }
}

fn absolute(key: &[&str], path: &Path) -> Result<(), Mistake> {
    if path.is_absolute() { Ok(()) } else { Err(Mistake::new(key, say::ABSOLUTE, Vec::new())) }
}

fn at_most_entries(key: &str, count: usize) -> Result<(), Mistake> {
    if count <= MOST_ENTRIES {
        Ok(())
    } else {
        Err(Mistake::new(&[key], say::TOO_MANY, vec![("most", MOST_ENTRIES.to_string())]))
    }
}

fn plain_text(key: &[&str], text: &str, longest: usize) -> Result<(), Mistake> {
    if text.trim().is_empty() {
        Err(Mistake::new(key, say::EMPTY, Vec::new()))
    } else if text.chars().count() > longest {
        Err(Mistake::new(key, say::LONG_TEXT, vec![("most", longest.to_string())]))
    } else if text.chars().any(char::is_control) {
        Err(Mistake::new(key, say::ONE_LINE, Vec::new()))
    } else {
        Ok(())
    }
}

/// Line and column (from 1, in characters) of a byte of the text.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..byte.min(text.len())];
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
}

/// Where the value of this key stands; the nearest table that contains it where it is a default.
fn offset_of(text: &str, key: &[String]) -> usize {
    let Ok(document) = DeTable::parse(text) else {
        return 0;
    };
    let mut offset = document.span().start;
    let mut key = key.iter();
    let mut found = key.next().and_then(|first| document.get_ref().get(first.as_str()));
    while let Some(spanned) = found {
        offset = spanned.span().start;
        found = match (spanned.get_ref(), key.next()) {
            (DeValue::Table(table), Some(name)) => table.get(name.as_str()),
            (DeValue::Array(array), Some(index)) => index.parse().ok().and_then(|i: usize| array.get(i)),
            _ => None,
        };
    }
    offset
}

/// The parser's words on one line.
fn one_line(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where settings and data stand for this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// The settings file.
    pub config_file: PathBuf,
    /// History, lock and socket.
    pub data: PathBuf,
    /// Where the desktop looks for programs to start at login (Linux).
    pub autostart: PathBuf,
}

impl Folders {
    /// The folders of this user: `~/Library/Application Support/Gatelight` on macOS; the XDG folders elsewhere.
    pub fn of_user(user_home: &Path) -> Self {
        if cfg!(target_os = "macos") {
            Self::macos(user_home)
        } else {
            Self::xdg(user_home, |name| std::env::var_os(name).map(PathBuf::from))
        }
    }

    /// One folder for all, as Apple's File System Programming Guide has it ("Application Support").
    pub fn macos(user_home: &Path) -> Self {
        let data = user_home.join("Library/Application Support/Gatelight");
        Self { config_file: data.join("config.toml"), autostart: data.clone(), data }
    }

    /// The XDG Base Directory Specification 0.8: an unset, empty or relative value means the default.
    pub fn xdg(user_home: &Path, variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let below = |name: &str, default: &str| {
            variable(name).filter(|p| p.is_absolute()).unwrap_or_else(|| user_home.join(default))
        };
        let config = below("XDG_CONFIG_HOME", ".config");
        Self {
            config_file: config.join("gatelight/config.toml"),
            data: below("XDG_DATA_HOME", ".local/share").join("gatelight"),
            autostart: config.join("autostart"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Signal;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/c/config.toml"), Path::new("/home/u"))
    }

    #[test]
    fn nothing_means_the_defaults() {
        assert_eq!(parse("").unwrap(), Config::default());
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none.toml");
        assert_eq!(Config::load(&missing, folder.path()).unwrap(), Config::default());
    }

    /// The names of all settings of a table, with those of the tables in it.
    fn keys(value: &serde_json::Value) -> Vec<String> {
        let Some(table) = value.as_object() else {
            return Vec::new();
        };
        table.iter().flat_map(|(key, value)| std::iter::once(key.clone()).chain(keys(value))).collect()
    }

    #[test]
    fn the_template_shows_every_setting_with_its_default() {
        assert_eq!(parse(TEMPLATE).unwrap(), Config::default());
        let shown: String =
            TEMPLATE.lines().filter_map(|l| l.strip_prefix("#: ")).flat_map(|l| [l, "\n"]).collect();
        assert_eq!(parse(&shown).unwrap(), Config::default());
        for key in keys(&serde_json::to_value(Config::default()).unwrap()) {
            assert!(TEMPLATE.contains(&key), "{key}");
        }
        let examples: String = TEMPLATE
            .lines()
            .filter_map(|l| l.strip_prefix("# "))
            .filter(|l| l.contains(" = ") || l.starts_with('['))
            .flat_map(|l| [l, "\n"])
            .collect();
        let config = parse(&examples).unwrap();
        assert_eq!((config.profiles.len(), config.patterns.len(), config.on_change.is_some()), (1, 1, true));
    }

    #[test]
    fn every_setting_is_read() {
        let config = parse(
            r#"
            language = "zh-Hans"
            on_change = { program = "~/bin/tell", timeout_s = 2.5 }
            [icon]
            template_when_well = true
            [notices]
            enabled = false
            drop_at_once = true
            reminders = false
            first_reminder = 120
            next_reminders = 240
            recovery_hold = 5
            unstable_incidents = 4
            unstable_window = 60
            unstable_hold = 61
            together = 0
            after_wake = 3
            [restart]
            auto = true
            per_hour = 2
            [history]
            keep_days = 7
            [deadlines]
            reconnect = 20
            accept_unsupervised = true
            [[profiles]]
            home = "/srv/hermes"
            name = "服务_器 & co"
            [[patterns]]
            signal = "executor-shutdown"
            text = "Executor went away"
            "#,
        )
        .unwrap();
        assert_eq!(config.language.choose(Lang::En), Lang::Zh);
        let on_change = config.on_change.unwrap();
        assert_eq!(on_change.program, Path::new("/home/u/bin/tell"));
        assert_eq!(on_change.timeout, Duration::from_millis(2_500));
        assert!(config.icon.template_when_well);
        let s = Duration::from_secs;
        assert_eq!(
            config.notices,
            NoticeSettings {
                enabled: false,
                drop_at_once: true,
                reminders: false,
                first_reminder: s(120),
                next_reminders: s(240),
                recovery_hold: s(5),
                unstable_incidents: 4,
                unstable_window: s(60),
                unstable_hold: s(61),
                together: s(0),
                after_wake: s(3),
            }
        );
        assert_eq!(config.restart, RestartSettings { auto: true, per_hour: 2 });
        assert_eq!(config.history.keep_days, 7);
        assert_eq!(config.deadlines.reconnect, s(20));
        assert!(config.deadlines.accept_unsupervised);
        assert_eq!(config.profiles[0].name.as_deref(), Some("服务_器 & co"));
        assert_eq!(config.patterns[0].signal, Signal::ExecutorShutdown);
    }

    #[test]
    fn a_mistake_is_told_with_its_place_in_both_languages() {
        for (text, place, en) in [
            ("language = \"fr\"\n", (1, 12), "unknown variant `fr`"),
            ("a = 1\n", (1, 1), "unknown field `a`"),
            ("[notices]\n  enabled = 3\n", (2, 13), "invalid type"),
            ("[notices\n", (1, 9), ""),
            ("x", (1, 2), ""),
            ("[deadlines]\nreconnect = -1\n", (2, 13), "between 0 and one year"),
            ("[deadlines]\nreconnect = \"no\"\n", (2, 13), ""),
            ("[deadlines]\nreconnect = 0\n", (2, 13), "deadlines.reconnect must lie between 1 and"),
            ("[restart]\nauto = true\nper_hour = 0\n", (3, 12), "restart.per_hour must lie between 1 and 6"),
            ("[notices]\nunstable_incidents = 1\n", (2, 22), "between 2 and 1000"),
            ("[notices]\nfirst_reminder = 1\n", (2, 18), "between 60 and"),
            ("[history]\nkeep_days = 0\n", (2, 13), "history.keep_days"),
            ("on_change = { program = \"tell\" }", (1, 25), "on_change.program must be an absolute path"),
            ("on_change = { program = \"/t\", timeout_s = 0 }", (1, 43), "between 1 and 600"),
            ("[[profiles]]\nhome = \"/a\"\n[[profiles]]\nhome = \"b\"\n", (4, 8), "profiles.1.home must be"),
            ("[[profiles]]\nhome = \"/a\"\n[[profiles]]\nhome = \"/a\"\n", (4, 8), "given twice: /a"),
            ("[[profiles]]\nhome = \"/a\"\nname = \"\"\n", (3, 8), "must not be empty"),
            ("[[patterns]]\nsignal = \"lost\"\ntext = \"a\\nb\"\n", (3, 8), "one line"),
            (
                "[[patterns]]\nsignal = \"lost\"\ntext = \"abc\"\n",
                (3, 8),
                "patterns.0.text must have at least 4",
            ),
            ("[[patterns]]\nsignal = \"nope\"\ntext = \"x\"\n", (2, 10), "unknown variant"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.place(), Some(place), "{text:?}: {error}");
            let said = error.to_string();
            assert!(said.starts_with(&format!("/c/config.toml:{}:{}: ", place.0, place.1)), "{said}");
            assert!(said.contains(en), "{said}");
            assert!(!said.contains('{') || en.contains('`'), "{said}");
            assert!(error.text(Lang::Zh).starts_with(&format!("/c/config.toml:{}:{}：", place.0, place.1)));
        }
    }

    #[test]
    fn columns_count_characters() {
        let error = parse("# 网关\nlanguage = \"中\"").unwrap_err();
        assert_eq!(error.place(), Some((2, 12)));
        assert_eq!(place("a\n网关x", "a\n网关".len()), (2, 3));
        assert_eq!(place("", 7), (1, 1));
    }

    #[test]
    fn a_file_that_is_too_long_or_no_text_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        for (bytes, words) in
            [(vec![b'#'; LONGEST_FILE as usize + 1], "longer than 256 KiB"), (vec![0xff, b'\n'], "not UTF-8")]
        {
            std::fs::write(&path, bytes).unwrap();
            let error = Config::load(&path, folder.path()).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        let error = Config::load(folder.path(), folder.path()).unwrap_err();
        assert!(error.to_string().contains("cannot be read"), "{error}");
        std::fs::write(&path, vec![b'#'; LONGEST_FILE as usize]).unwrap();
        assert_eq!(Config::load(&path, folder.path()).unwrap(), Config::default());
    }

    #[test]
    fn folders() {
        let home = Path::new("/home/u");
        let mac = Folders::macos(home);
        assert_eq!(mac.config_file, Path::new("/home/u/Library/Application Support/Gatelight/config.toml"));
        for (value, config) in [
            (None, "/home/u/.config/gatelight/config.toml"),
            (Some(""), "/home/u/.config/gatelight/config.toml"),
            (Some("relative"), "/home/u/.config/gatelight/config.toml"),
            (Some("/x"), "/x/gatelight/config.toml"),
        ] {
            let folders =
                Folders::xdg(home, |name| value.filter(|_| name == "XDG_CONFIG_HOME").map(PathBuf::from));
            assert_eq!(folders.config_file, Path::new(config), "{value:?}");
            assert_eq!(folders.data, Path::new("/home/u/.local/share/gatelight"));
        }
    }
}
