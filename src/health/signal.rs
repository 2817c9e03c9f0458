//! Log records, once parsed.

use std::sync::Arc;

use jiff::civil::DateTime;
use serde::Deserialize;

use super::cron::CronSignal;
use super::names::{PlatformName, ProfileName};
use super::proof::Proof;

/// What a log record says, once parsed. The wordings stand in `resources/patterns.toml` and `resources/platforms/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Signal {
    /// The gateway begins its start.
    Start,
    /// The gateway finished its start.
    Ready,
    /// The executor is shut down.
    ExecutorShutdown,
    /// The gateway's configuration is refused.
    ConfigError,
    /// The gateway itself says that it was started too often.
    RespawnStorm,
    /// A second instance was refused; the first (`other_pid`) is fine.
    SecondInstance,
    /// An instance leaves because another takes over.
    Takeover,
    /// A planned stop begins.
    PlannedStop,
    /// A planned restart begins.
    PlannedRestart,
    /// A shutdown that nobody announced begins.
    Shutdown,
    /// The gateway says that it exits now.
    Exiting,
    /// The gateway's own watchdog says that its loop does not turn.
    LoopMissed,
    /// Messages were dropped at the start; shown as a note only.
    Dropped,
    /// Something about the scheduler of cron jobs.
    Cron(CronSignal),
    /// Some INFO record: the log level does not hide them.
    Info,
    /// Some record above INFO.
    Record,
    /// Something about one link.
    Link(LinkSignal),
}

/// What a record says of a link.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LinkSignal {
    /// The platform.
    pub platform: PlatformName,
    /// What is said.
    pub word: LinkWord,
    /// It is a sentence of `gateway.run`, the same for every platform; these name the profile, if it is not the serving
    /// one.
    pub by_runner: bool,
}

/// What a record or a state entry says of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkWord {
    /// The gateway has this platform configured and is connecting.
    Expected,
    /// `gateway.run` says that the platform is connected. What that is worth is a rule of the platform.
    Announced,
    /// `gateway.run` says that the platform is connected again.
    Reannounced,
    /// The adapter says that it is connected, which proves nothing.
    Claim,
    /// The link is proven.
    Proof,
    /// A message arrived: a proof where only one link of the platform is possible.
    Inbound,
    /// An attempt to connect begins.
    Attempt,
    /// The link is lost; the gateway reconnects by itself.
    Lost,
    /// The same, in an ERROR that an INFO record follows: where that is missing, INFO records are hidden.
    LostByError,
    /// An attempt to connect failed, for no reason that is known.
    Failed,
    /// An attempt failed, and the SDK's own line before it may name the cause: a refusal stands.
    AttemptFailed,
    /// An attempt failed: network, DNS, proxy, time-out, busy server.
    Unreachable,
    /// The credentials were refused.
    Refused,
    /// Refused: too many connections.
    Limit,
    /// Another client of the same account holds the link. One alone is normal after a restart.
    Conflict,
    /// The third conflict in a row, or a later one: no leftover of a restart.
    ConflictAgain,
    /// Another local gateway (`other_pid`) holds the same account.
    InUse,
    /// The adapter cannot be loaded.
    AdapterMissing,
    /// The platform's configuration is refused.
    ConfigError,
    /// The link is on another event loop and deaf; it ended for good.
    WrongLoop,
    /// The link ended for good: nothing in this process tries again.
    Ended,
    /// The link ended for good because another client holds it.
    ConflictEnded,
    /// The link ended for good because the credentials were refused.
    RefusedEnded,
    /// Trouble that often heals without a word.
    Blip,
    /// Somebody paused the platform.
    Paused,
    /// A paused platform goes on.
    Resumed,
    /// The platform calls the gateway (webhook): there is no link to watch.
    Webhook,
    /// A message is being sent.
    Sending,
    /// Sending failed for a bad token.
    SendRefused,
}

impl LinkWord {
    /// Whether it says how the link is: of these the newest one counts.
    pub const fn is_of_link(self) -> bool {
        !matches!(self, Self::Expected | Self::Webhook | Self::Sending | Self::SendRefused)
    }

    /// Whether it is trouble of one link, which says nothing of another link of the same platform.
    pub(super) const fn is_of_one_link(self) -> bool {
        matches!(
            self,
            Self::Failed
                | Self::Lost
                | Self::Ended
                | Self::ConflictEnded
                | Self::Paused
                | Self::InUse
                | Self::AdapterMissing
                | Self::ConfigError
        )
    }

    /// Whether it outlasts what follows it, so that one of a former process must not be held against the present one.
    pub const fn lasts(self) -> bool {
        matches!(
            self,
            Self::InUse
                | Self::AdapterMissing
                | Self::ConfigError
                | Self::WrongLoop
                | Self::Ended
                | Self::ConflictEnded
                | Self::RefusedEnded
                | Self::SendRefused
        )
    }
}

/// One log record that means something.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// What it means.
    pub signal: Signal,
    /// Whose home the log lies in; `None`: the serving profile's.
    pub home: Option<ProfileName>,
    /// The profile that the line itself names, as in `(profile: work)`.
    pub tag: Option<ProfileName>,
    /// The connection that the line names (`[conn_id=…]`).
    pub connection: Option<Arc<str>>,
    /// The process that the line names.
    pub other_pid: Option<u32>,
    /// Whether it was written at INFO or below.
    pub at_info: bool,
    /// The stamp of the line, local time without a zone; `None` where it has none.
    pub stamp: Option<DateTime>,
    /// The same for the same message in another file.
    pub key: u64,
    /// The line itself.
    pub proof: Proof,
}
