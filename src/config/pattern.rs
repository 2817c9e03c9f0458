//! Log patterns that the settings add to the built-in ones.

use serde::{Deserialize, Serialize};

use crate::health::{CronSignal, LinkSignal, LinkWord, Signal};

/// Shortest text of a pattern, in bytes: a shorter one would fit almost any line.
pub const SHORTEST: usize = 4;

/// What a pattern means, by its name in a table or in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalName {
    /// The gateway begins its start.
    Start,
    /// It finished its start.
    Ready,
    /// The executor is shut down.
    ExecutorShutdown,
    /// The configuration is refused.
    ConfigError,
    /// Started too often, by its own word.
    RespawnStorm,
    /// A second instance was refused.
    SecondInstance,
    /// Another instance takes over.
    Takeover,
    /// A planned stop begins.
    PlannedStop,
    /// A planned restart begins.
    PlannedRestart,
    /// An unannounced shutdown begins.
    Shutdown,
    /// The gateway exits now.
    Exiting,
    /// The loop does not turn, by its own watchdog.
    LoopMissed,
    /// Messages were dropped at the start.
    Dropped,
    /// The scheduler of cron jobs begins.
    CronStarted,
    /// The scheduler of cron jobs was ended by an exception.
    CronDied,
    /// A tick of the scheduler of cron jobs failed.
    CronTickFailed,
    /// The link is proven.
    Connected,
    /// A message arrived.
    Inbound,
    /// The link is lost.
    #[serde(alias = "disconnected")]
    Lost,
    /// An attempt begins.
    Attempt,
    /// An attempt failed on the network.
    FailedNetwork,
    /// The credentials were refused.
    FailedAuth,
    /// Too many connections.
    FailedLimit,
    /// Another local gateway holds the account.
    AppInUse,
    /// The adapter is missing.
    AdapterMissing,
    /// The link runs on another event loop.
    WrongLoop,
    /// The API refuses the token.
    SendAuth,
}

impl SignalName {
    /// As the core takes it. `platform` is that of a signal about a link.
    pub(crate) fn signal(self, platform: &str) -> Signal {
        let link = |word| Signal::Link(LinkSignal::new(platform, word));
        match self {
            Self::Start => Signal::Start,
            Self::Ready => Signal::Ready,
            Self::ExecutorShutdown => Signal::ExecutorShutdown,
            Self::ConfigError => Signal::ConfigError,
            Self::RespawnStorm => Signal::RespawnStorm,
            Self::SecondInstance => Signal::SecondInstance,
            Self::Takeover => Signal::Takeover,
            Self::PlannedStop => Signal::PlannedStop,
            Self::PlannedRestart => Signal::PlannedRestart,
            Self::Shutdown => Signal::Shutdown,
            Self::Exiting => Signal::Exiting,
            Self::LoopMissed => Signal::LoopMissed,
            Self::Dropped => Signal::Dropped,
            Self::CronStarted => Signal::Cron(CronSignal::Started),
            Self::CronDied => Signal::Cron(CronSignal::Died),
            Self::CronTickFailed => Signal::Cron(CronSignal::TickFailed),
            Self::Connected => link(LinkWord::Proof),
            Self::Inbound => link(LinkWord::Inbound),
            Self::Lost => link(LinkWord::Lost),
            Self::Attempt => link(LinkWord::Attempt),
            Self::FailedNetwork => link(LinkWord::Unreachable),
            Self::FailedAuth => link(LinkWord::Refused),
            Self::FailedLimit => link(LinkWord::Limit),
            Self::AppInUse => link(LinkWord::InUse),
            Self::AdapterMissing => link(LinkWord::AdapterMissing),
            Self::WrongLoop => link(LinkWord::WrongLoop),
            Self::SendAuth => link(LinkWord::SendRefused),
        }
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

/// Settings of before the other platforms were watched name none.
fn feishu() -> String {
    "feishu".to_owned()
}

fn is_feishu(platform: &str) -> bool {
    platform == "feishu"
}
