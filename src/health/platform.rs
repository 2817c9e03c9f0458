//! The rules of a platform, as data: `resources/platforms/NAME.toml`. The wordings in those files are read by
//! `crate::evidence::patterns`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::settings::Deadlines;
pub use super::times::{Times, TimesSetting};
use crate::order::Collect as _;

/// The built-in files, one for each platform. The first one applies to all platforms without a file.
const BUILT_IN: [&str; 16] = [
    include_str!("../../resources/platforms/generic.toml"),
    include_str!("../../resources/platforms/feishu.toml"),
    include_str!("../../resources/platforms/telegram.toml"),
    include_str!("../../resources/platforms/wecom.toml"),
    include_str!("../../resources/platforms/weixin.toml"),
    include_str!("../../resources/platforms/dingtalk.toml"),
    include_str!("../../resources/platforms/qqbot.toml"),
    include_str!("../../resources/platforms/discord.toml"),
    include_str!("../../resources/platforms/slack.toml"),
    include_str!("../../resources/platforms/whatsapp.toml"),
    include_str!("../../resources/platforms/signal.toml"),
    include_str!("../../resources/platforms/matrix.toml"),
    include_str!("../../resources/platforms/mattermost.toml"),
    include_str!("../../resources/platforms/email.toml"),
    include_str!("../../resources/platforms/homeassistant.toml"),
    include_str!("../../resources/platforms/yuanbao.toml"),
];

/// The id of the rules for every platform without a file.
pub const GENERIC: &str = "generic";

/// The texts of the built-in files.
pub fn built_in_files() -> impl Iterator<Item = &'static str> {
    BUILT_IN.into_iter()
}

/// What the announcement of `gateway.run` (`✓ NAME connected`) is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Announcement {
    /// The link is proven by it.
    Proof,
    /// No problem is known: green at a start, after a problem only once the settle time is over.
    #[default]
    Claim,
    /// Nothing: the platform's own lines have to follow.
    Promise,
}

/// What a claim after trouble leads to once the settle time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settled {
    /// Green.
    #[default]
    Green,
    /// Grey: the platform has a proof, and it did not come.
    Grey,
}

/// The rules of one platform.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rules {
    /// Hermes' name for it.
    pub id: String,
    /// What users call it: `[English, Simplified Chinese]`. Empty: the id.
    #[serde(default)]
    pub name: [String; 2],
    /// What `✓ NAME connected` is worth.
    #[serde(default)]
    pub announcement: Announcement,
    /// What a claim after trouble leads to.
    #[serde(default)]
    pub settled: Settled,
    /// The scope of its lock files.
    #[serde(default)]
    pub lock: Option<String>,
    /// The environment variable of the account that the lock file is about, if that is public.
    #[serde(default)]
    pub app_id: Option<String>,
    /// Its lines name connections (`[conn_id=…]`), so that links of one platform can be counted.
    #[serde(default)]
    pub connections: bool,
    /// Short losses are normal: they are not counted as flapping.
    #[serde(default)]
    pub reconnects_often: bool,
    /// After a refusal its client tries no more, so that silence does not show that the link may be back.
    #[serde(default)]
    pub refusal_ends: bool,
    /// How long its client waits before each attempt to connect again, in seconds: after the loss, after the first attempt
    /// that failed, and so on; the last one is repeated. Empty: not known, or its lines say it.
    #[serde(default)]
    pub backoff: Box<[u16]>,
    /// The times of its links.
    #[serde(default)]
    pub times: Times,
}

/// The rules of all platforms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platforms {
    generic: Arc<Rules>,
    known: BTreeMap<String, Arc<Rules>>,
    /// Times from the settings, by platform.
    times: BTreeMap<String, TimesSetting>,
}

impl Platforms {
    /// The built-in rules.
    pub fn built_in() -> Arc<Self> {
        static TABLE: OnceLock<Arc<Platforms>> = OnceLock::new();
        Arc::clone(TABLE.get_or_init(|| Arc::new(Self::read(built_in_files()))))
    }

    /// Reads the texts of files; a text that cannot be read is skipped. The one with the id `generic` applies to all
    /// other platforms.
    pub fn read<'a>(files: impl IntoIterator<Item = &'a str>) -> Self {
        let read = files.into_iter().filter_map(|text| toml::from_str::<Rules>(text).ok());
        let mut known: BTreeMap<String, Arc<Rules>> =
            read.map(|rules| (rules.id.clone(), Arc::new(rules))).to_map();
        let generic = known.remove(GENERIC).unwrap_or_else(|| Arc::new(Rules::plain(GENERIC)));
        Self { generic, known, times: BTreeMap::new() }
    }

    /// The rules with times from the settings; `generic` applies to all platforms without a file.
    #[must_use]
    pub fn with_times(&self, settings: &BTreeMap<String, TimesSetting>) -> Self {
        let mut all = Self { times: settings.clone(), ..self.clone() };
        for (id, times) in settings {
            all.set_times(id, times);
        }
        all
    }

    /// The rules with `reconnect`, `attempt` and `retry` of the deadlines, which apply to Feishu alone: they are
    /// older than the other platforms. `[platforms.feishu]` in the settings takes precedence.
    #[must_use]
    pub(super) fn with_deadlines(&self, deadlines: &Deadlines) -> Self {
        let mut all = self.clone();
        let times = TimesSetting {
            red_after: Some(deadlines.reconnect),
            attempt: Some(deadlines.attempt),
            retry: Some(deadlines.retry),
            ..TimesSetting::default()
        };
        all.set_times("feishu", &times);
        if let Some(times) = self.times.get("feishu") {
            all.set_times("feishu", times);
        }
        all
    }

    fn set_times(&mut self, id: &str, times: &TimesSetting) {
        let old = self.rules(id);
        let rules = Rules { id: id.to_owned(), times: times.or(old.times), ..(**old).clone() };
        if id == GENERIC {
            self.generic = Arc::new(rules);
        } else {
            self.known.insert(id.to_owned(), Arc::new(rules));
        }
    }

    /// The rules of one platform.
    pub fn rules(&self, id: &str) -> &Arc<Rules> {
        self.known.get(id).unwrap_or(&self.generic)
    }

    /// The ids of the platforms that have a file.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// Whether the platform has a file.
    pub fn knows(&self, id: &str) -> bool {
        self.known.contains_key(id)
    }

    /// The platform whose locks have this scope.
    pub fn of_lock(&self, scope: &str) -> Option<&str> {
        let found = self.known.iter().find(|(_, rules)| rules.lock.as_deref() == Some(scope));
        found.map(|(id, _)| id.as_str())
    }
}

impl Rules {
    /// The default rules with this id.
    pub fn plain(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: Default::default(),
            announcement: Announcement::default(),
            settled: Settled::default(),
            lock: None,
            app_id: None,
            connections: false,
            refusal_ends: false,
            reconnects_often: false,
            backoff: Box::default(),
            times: Times::default(),
        }
    }
}

/// What users call a platform: `[English, Simplified Chinese]`.
pub fn names(id: &str) -> [String; 2] {
    let name = Platforms::built_in().known.get(id).map(|rules| rules.name.clone()).unwrap_or_default();
    name.map(|name| if name.is_empty() { id.to_owned() } else { name })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_built_in_file_can_be_read() {
        let mut ids = Vec::new();
        for text in built_in_files() {
            let rules: Rules = toml::from_str(text).unwrap();
            assert!(rules.id == "generic" || rules.name.iter().all(|name| !name.is_empty()), "{}", rules.id);
            ids.push(rules.id);
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), BUILT_IN.len(), "an id stands twice");
        assert!(ids.contains(&"generic".to_owned()));
    }

    #[test]
    fn a_platform_without_a_file_goes_by_the_generic_rules() {
        let platforms = Platforms::built_in();
        assert!(platforms.knows("feishu") && !platforms.knows("carrier-pigeon"));
        assert_eq!(platforms.rules("carrier-pigeon").times.settle, Duration::from_secs(15));
        assert_eq!(names("carrier-pigeon")[1], "carrier-pigeon");
        assert_eq!(platforms.of_lock("telegram-bot-token"), Some("telegram"));
    }

    #[test]
    fn times_of_the_settings_replace_those_of_a_file_and_the_deadlines_those_of_feishu() {
        let seconds = |red_after, settle: Option<u64>| TimesSetting {
            red_after: Some(Duration::from_secs(red_after)),
            settle: settle.map(Duration::from_secs),
            ..TimesSetting::default()
        };
        let deadlines = Deadlines { reconnect: Duration::from_secs(20), ..Deadlines::default() };
        let given = |id: &str, times| {
            Platforms::built_in()
                .with_times(&BTreeMap::from([(id.to_owned(), times)]))
                .with_deadlines(&deadlines)
        };
        for (id, set, asked, red_after, settle) in [
            ("telegram", seconds(7, None), "telegram", 7, 80),
            ("telegram", seconds(7, Some(9)), "telegram", 7, 9),
            ("telegram", seconds(7, None), "feishu", 20, 15),
            ("feishu", seconds(7, None), "feishu", 7, 15),
            ("carrier-pigeon", seconds(7, None), "carrier-pigeon", 7, 15),
            ("carrier-pigeon", seconds(7, None), "another-pigeon", 60, 15),
            ("generic", seconds(7, Some(9)), "another-pigeon", 7, 9),
            ("generic", seconds(7, Some(9)), "telegram", 60, 80),
        ] {
            let times = given(id, set).rules(asked).times;
            let expected = (Duration::from_secs(red_after), Duration::from_secs(settle));
            assert_eq!((times.red_after, times.settle), expected, "{id} {set:?}: {asked}");
        }
        assert_eq!(given("telegram", seconds(7, None)).rules("telegram").name[0], "Telegram");
    }
}
