//! Parsed log records.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;
use serde::Deserialize;

use super::cron::CronSignal;
use super::names::{PlatformName, ProfileName};
use super::proof::Proof;

/// What a log record means. The wordings are in `resources/patterns.toml` and `resources/platforms/`.
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
    /// The gateway itself reports that it was started too often.
    RespawnStorm,
    /// A second instance was refused; the first (`other_pid`) is fine.
    SecondInstance,
    /// The instance exits because another one takes over.
    Takeover,
    /// A planned stop begins.
    PlannedStop,
    /// A planned restart begins.
    PlannedRestart,
    /// A shutdown that nobody announced begins.
    Shutdown,
    /// A shutdown begins because all links ended for good.
    NoLinkLeft,
    /// A shutdown finished the answers in progress, and closes the links.
    Drained,
    /// The gateway exits now.
    Exiting,
    /// The gateway's own watchdog reports that the event loop does not run.
    LoopMissed,
    /// Messages were dropped at the start; shown as a note only.
    Dropped,
    /// A record about the scheduler of cron jobs.
    Cron(CronSignal),
    /// A record at INFO without a meaning: the log level does not hide them.
    Info,
    /// A record above INFO without a meaning.
    Record,
    /// A record about a link.
    Link(LinkSignal),
}

/// What a record says about a link.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LinkSignal {
    /// The platform.
    pub platform: PlatformName,
    /// What it says.
    pub word: LinkWord,
    /// Whether it is a line of `gateway.run`. These are the same for every platform, and name the profile unless it
    /// is the serving one.
    pub by_runner: bool,
    /// What tells which of several links it is about.
    pub hints: Hints,
}

/// What tells which of several links of one platform a line is about, if it names neither profile nor connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hints {
    /// When a link that is down may log the line again.
    pub repeats: Repeats,
    /// The number of the attempt that it names. A link that is down counts its attempts from 1.
    pub attempt: Option<u16>,
    /// How long the client waits before it tries again.
    pub waits: Option<Duration>,
    /// What becomes of the session.
    pub session: Option<Session>,
    /// The only phase of a link in which it is logged; `None`: any.
    pub phase: Option<Phase>,
}

/// The only phase of a link in which it logs a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// `gateway.run` connects it.
    Connects,
    /// A connection that was up ends.
    Closes,
    /// An attempt of its client ends.
    Tries,
}

/// What becomes of a link's session, where the client can resume one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Session {
    /// It goes on, so it is not that of a link whose session is over.
    GoesOn,
    /// It is over: the next connection begins another.
    Over,
}

impl LinkSignal {
    /// A line that a link may log at any time, and that `gateway.run` does not log.
    pub fn new(platform: impl Into<PlatformName>, word: LinkWord) -> Self {
        Self { platform: platform.into(), word, by_runner: false, hints: Hints::default() }
    }
}

/// When a link that is down may log a line again. A line that comes sooner is about another link of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Repeats {
    /// At any time.
    #[default]
    AnyTime,
    /// At the earliest so many seconds later. `line`: tells this line from the platform's others.
    After {
        /// The line's place in the table of patterns.
        line: u16,
        /// Seconds.
        seconds: u16,
    },
    /// Never: it is the end of a connection that was up.
    Never,
}

/// What a record or a state entry says about a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkWord {
    /// The gateway has this platform configured and is connecting.
    Expected,
    /// `gateway.run` logs that the platform is connected. What that is worth depends on the platform.
    Announced,
    /// `gateway.run` logs that the platform is connected again.
    Reannounced,
    /// The adapter logs that it is connected, which proves nothing.
    Claim,
    /// The link is proven.
    Proof,
    /// A message arrived: a proof where only one link of the platform is possible.
    Inbound,
    /// An attempt to connect begins.
    Attempt,
    /// The link is lost; the gateway reconnects by itself.
    Lost,
    /// Likewise, in an ERROR that is followed by an INFO record. If that is missing, INFO records are hidden.
    LostByError,
    /// An attempt to connect failed for an unknown reason.
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
    /// The link runs on the wrong event loop and receives nothing; it ended for good.
    WrongLoop,
    /// The link ended for good: nothing in this process tries again.
    Ended,
    /// The link ended for good because another client holds it.
    ConflictEnded,
    /// The link ended for good because the credentials were refused.
    RefusedEnded,
    /// A problem that often heals without another line.
    Blip,
    /// The client replaces a connection and logs that the new one is up; no loss by itself.
    Renewing,
    /// Somebody paused the platform.
    Paused,
    /// A paused platform was resumed.
    Resumed,
    /// The platform calls the gateway (webhook): there is no link to watch.
    Webhook,
    /// A message is being sent.
    Sending,
    /// Sending failed because of a bad token.
    SendRefused,
}

impl Signal {
    /// Whether it keeps its effect for the life of the process. Such a signal of a former process must be dropped.
    pub(super) fn lasts(&self) -> bool {
        match self {
            Self::Link(link) => link.word.lasts(),
            Self::ExecutorShutdown
            | Self::ConfigError
            | Self::LoopMissed
            | Self::Takeover
            | Self::PlannedStop
            | Self::PlannedRestart
            | Self::Shutdown
            | Self::NoLinkLeft
            | Self::Drained
            | Self::Exiting => true,
            _ => false,
        }
    }
}

impl LinkWord {
    /// Whether it describes the state of the link. Of these the newest one counts.
    pub const fn is_of_link(self) -> bool {
        !matches!(self, Self::Expected | Self::Webhook | Self::Sending | Self::SendRefused)
    }

    /// Whether it says that the link is up or coming up.
    pub(super) const fn is_good(self) -> bool {
        matches!(
            self,
            Self::Announced | Self::Reannounced | Self::Claim | Self::Proof | Self::Inbound | Self::Resumed
        )
    }

    /// Whether it says that the link is down, or that it could not be connected.
    pub(super) const fn is_trouble(self) -> bool {
        !self.is_good() && !matches!(self, Self::Attempt | Self::Renewing) && self.is_of_link()
    }

    /// Whether `gateway.run` says that it has connected the link.
    pub(super) const fn is_announcement(self) -> bool {
        matches!(self, Self::Announced | Self::Reannounced)
    }

    /// Whether the credentials or the account were refused.
    pub(super) const fn is_refusal(self) -> bool {
        matches!(self, Self::Refused | Self::Limit | Self::InUse | Self::RefusedEnded)
    }

    /// Whether nothing in this process brings the link back.
    pub(super) const fn is_end(self) -> bool {
        matches!(self, Self::Ended | Self::ConflictEnded | Self::RefusedEnded | Self::WrongLoop)
    }

    /// Whether it is a problem of one link that says nothing about other links of the platform.
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

    /// Whether it keeps its effect for the life of the process. Such a line of a former process must be dropped.
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
    /// The profile whose home the log lies in; `None`: the serving profile.
    pub home: Option<ProfileName>,
    /// The profile that the line itself names, as in `(profile: work)`.
    pub tag: Option<ProfileName>,
    /// The connection that the line names (`[conn_id=…]`).
    pub connection: Option<Arc<str>>,
    /// The process that the line names.
    pub other_pid: Option<u32>,
    /// Whether it was written at INFO or below.
    pub at_info: bool,
    /// Whether an SDK's own handler printed it, whatever the log level of Hermes is.
    pub printed: bool,
    /// The stamp of the line, local time without a zone; `None` where it has none.
    pub stamp: Option<DateTime>,
    /// A hash of the message: equal for copies in other files; 0: unknown.
    pub key: u64,
    /// The line itself.
    pub proof: Proof,
}

impl LogRecord {
    /// A record of which nothing else is known.
    pub fn new(signal: Signal, proof: Proof) -> Self {
        Self {
            signal,
            home: None,
            tag: None,
            connection: None,
            other_pid: None,
            at_info: false,
            printed: false,
            stamp: None,
            key: 0,
            proof,
        }
    }
}
