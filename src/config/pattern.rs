//! Log patterns that the settings add to the built-in ones.

use std::sync::LazyLock;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::health::{CronSignal, LinkSignal, LinkWord, Signal};

/// Shortest text of a pattern, in bytes: a shorter one would fit almost any line.
pub const SHORTEST: usize = 4;

/// The signal that a name stands for.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    Gateway(Signal),
    /// About a link: the pattern names its platform.
    Link(LinkWord),
}

/// The names of signals in `resources/patterns.toml` and in the settings.
static NAMES: [(&str, Named); 29] = [
    ("start", Named::Gateway(Signal::Start)),
    ("ready", Named::Gateway(Signal::Ready)),
    ("executor-shutdown", Named::Gateway(Signal::ExecutorShutdown)),
    ("config-error", Named::Gateway(Signal::ConfigError)),
    ("respawn-storm", Named::Gateway(Signal::RespawnStorm)),
    ("second-instance", Named::Gateway(Signal::SecondInstance)),
    ("takeover", Named::Gateway(Signal::Takeover)),
    ("planned-stop", Named::Gateway(Signal::PlannedStop)),
    ("planned-restart", Named::Gateway(Signal::PlannedRestart)),
    ("shutdown", Named::Gateway(Signal::Shutdown)),
    ("no-link-left", Named::Gateway(Signal::NoLinkLeft)),
    ("drained", Named::Gateway(Signal::Drained)),
    ("exiting", Named::Gateway(Signal::Exiting)),
    ("loop-missed", Named::Gateway(Signal::LoopMissed)),
    ("dropped", Named::Gateway(Signal::Dropped)),
    ("cron-started", Named::Gateway(Signal::Cron(CronSignal::Started))),
    ("cron-died", Named::Gateway(Signal::Cron(CronSignal::Died))),
    ("cron-tick-failed", Named::Gateway(Signal::Cron(CronSignal::TickFailed))),
    ("connected", Named::Link(LinkWord::Proof)),
    ("inbound", Named::Link(LinkWord::Inbound)),
    ("lost", Named::Link(LinkWord::Lost)),
    ("attempt", Named::Link(LinkWord::Attempt)),
    ("failed-network", Named::Link(LinkWord::Unreachable)),
    ("failed-auth", Named::Link(LinkWord::Refused)),
    ("failed-limit", Named::Link(LinkWord::Limit)),
    ("app-in-use", Named::Link(LinkWord::InUse)),
    ("adapter-missing", Named::Link(LinkWord::AdapterMissing)),
    ("wrong-loop", Named::Link(LinkWord::WrongLoop)),
    ("send-auth", Named::Link(LinkWord::SendRefused)),
];

/// A signal by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub struct SignalName(&'static (&'static str, Named));

impl SignalName {
    /// The signal of this name.
    pub fn find(name: &str) -> Option<Self> {
        // what early settings call it
        let name = if name == "disconnected" { "lost" } else { name };
        NAMES.iter().find(|(known, _)| *known == name).map(Self)
    }

    /// As the core takes it. `platform` is that of a signal about a link.
    pub(crate) fn signal(self, platform: &str) -> Signal {
        match &self.0.1 {
            Named::Gateway(signal) => signal.clone(),
            Named::Link(word) => Signal::Link(LinkSignal::new(platform, *word)),
        }
    }
}

impl From<SignalName> for &'static str {
    fn from(signal: SignalName) -> Self {
        signal.0.0
    }
}

impl<'de> Deserialize<'de> for SignalName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        static KNOWN: LazyLock<Vec<&str>> = LazyLock::new(|| NAMES.iter().map(|(name, _)| *name).collect());
        let name = String::deserialize(deserializer)?;
        Self::find(&name).ok_or_else(|| D::Error::unknown_variant(&name, &KNOWN))
    }
}

/// A pattern from the settings: the message begins with the text, in a record that no person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraPattern {
    /// What it means.
    pub signal: SignalName,
    /// How the message begins, at least 4 bytes.
    pub text: String,
    /// The record's logger, from the first dot on optional; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// The platform of a signal about a link.
    #[serde(default = "feishu", skip_serializing_if = "is_feishu")]
    pub platform: String,
}

/// Settings from before Gatelight watched other platforms name none.
fn feishu() -> String {
    "feishu".to_owned()
}

fn is_feishu(platform: &str) -> bool {
    platform == "feishu"
}
