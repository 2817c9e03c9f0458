//! Reasons and lights. What is said of each reason stands in [`super::catalogue`].

use serde::{Deserialize, Serialize};

/// What the icon shows for one profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    /// Proven to work.
    Green,
    /// Stopped on purpose, or nothing known.
    Grey,
    /// On its way: starting, reconnecting, restarting; or at work with nobody to bring it back.
    Amber,
    /// Does not work.
    Red,
}

impl Light {
    /// The word used in JSON and recordings.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Grey => "grey",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }

    /// A shape of its own for each light, so that the colour is never the only sign.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Green => "●",
            Self::Grey => "○",
            Self::Amber => "◐",
            Self::Red => "✖",
        }
    }
}

/// Whether restarting the gateway would clear the trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartHelps {
    /// A new process clears it.
    Yes,
    /// A new process clears it, but the old one will not leave by itself: it has to be killed.
    ByForce,
    /// Not before the network works again.
    WhenNetworkIsBack,
    /// Not before somebody fixed the credentials.
    AfterFixingCredentials,
    /// It would not.
    No,
    /// It would not: the job file has to be repaired (`gatelight doctor --fix`).
    NoRepair,
}

impl RestartHelps {
    /// Whether pressing Restart now is sensible advice.
    pub const fn now(self) -> bool {
        matches!(self, Self::Yes | Self::ByForce)
    }
}

/// Why a light is what it is. The order is the order of explanation: where several hold, red ones come before the rest
/// and the first of them shows; the others become notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Started too often in a short time.
    CrashLoop,
    /// Instances keep taking over from each other.
    ReplaceLoop,
    /// Another local gateway holds the same account of a platform.
    AppInUse,
    /// A platform's adapter cannot be loaded.
    AdapterMissing,
    /// The gateway refuses its configuration.
    ConfigError,
    /// The job file is there, launchd does not know the job.
    NotLoaded,
    /// The process is gone and nobody starts it again.
    NotRunning,
    /// Stopped on purpose.
    Stopped,
    /// The process is stopped by a signal (state T).
    ProcessSuspended,
    /// Said that it exits, and does not.
    NotExiting,
    /// The event loop does not turn.
    EventLoopFrozen,
    /// The executor is shut down: nothing can be sent any more.
    ExecutorShutdown,
    /// Nothing at all was heard of the process since it was started.
    StartStalled,
    /// A shutdown began, and the process neither leaves nor goes on.
    ShutdownStalled,
    /// The platform refuses the credentials.
    AuthRejected,
    /// The platform's client was started on another event loop.
    WrongEventLoop,
    /// Another client of the same account holds the link.
    LinkConflict,
    /// The link ended, and this process does not try again.
    LinkEnded,
    /// Some of several links are down, and nothing says whose.
    LinksMissing,
    /// The platform refuses one more connection.
    ConnectionLimit,
    /// The platform cannot be reached.
    NetworkUnreachable,
    /// The link should be back by now, and is not.
    ReconnectStalled,
    /// Finishes answers before it leaves.
    Draining,
    /// Has stopped; a script that it started still runs.
    Stopping,
    /// Down because Hermes is being updated, which starts it again.
    Updating,
    /// On its way down and up again.
    Restarting,
    /// A new process without a link yet.
    Starting,
    /// The link was lost a moment ago.
    Reconnecting,
    /// The link says that it is back; not long enough to be believed.
    Recovering,
    /// The link is lost and back again and again.
    Flapping,
    /// Somebody paused the platform.
    LinkPaused,
    /// The scheduler of cron jobs has ended; everything else works.
    CronEnded,
    /// Every tick of the scheduler of cron jobs fails; everything else works.
    CronFailing,
    /// Connected, but nobody would bring it back.
    Unsupervised,
    /// The link is up.
    Connected,
    /// Alive and well, without a link to watch.
    Running,
    /// Served by another profile's gateway, without a link of its own that shows.
    Served,
    /// Nothing known yet.
    NoEvidence,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_light_wins() {
        assert!(Light::Red > Light::Amber && Light::Amber > Light::Grey && Light::Grey > Light::Green);
    }
}
