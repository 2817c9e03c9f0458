//! Reasons and lights. The texts of the reasons are in [`super::catalogue`].

use serde::{Deserialize, Serialize};

/// What the icon shows for one profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Light {
    /// Proven to work.
    Green,
    /// Stopped on purpose, or nothing known.
    Grey,
    /// In transition: starting, reconnecting, restarting; or working without a service manager.
    Amber,
    /// Does not work.
    Red,
}

impl Light {
    /// The name in JSON and recordings.
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
    /// A new process clears it, but the old one does not exit by itself: it has to be killed.
    ByForce,
    /// Not before the network works again.
    WhenNetworkIsBack,
    /// Not before the credentials are fixed.
    AfterFixingCredentials,
    /// No.
    No,
    /// No: the job file has to be repaired (`gatelight doctor --fix`).
    NoRepair,
}

impl RestartHelps {
    /// Whether to advise a restart now.
    pub const fn now(self) -> bool {
        matches!(self, Self::Yes | Self::ByForce)
    }
}

/// Why a light is what it is, in order of importance. If several reasons hold, red ones come first, the first of them
/// is shown, and the others become notes.
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
    /// Announced its exit and does not exit.
    NotExiting,
    /// The event loop does not run.
    EventLoopFrozen,
    /// The executor is shut down: nothing can be sent any more.
    ExecutorShutdown,
    /// The process has written nothing since it was started.
    StartStalled,
    /// A shutdown began, and the process neither exits nor goes on.
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
    /// Finishes its answers before it exits.
    Draining,
    /// Has stopped; a script that it started still runs.
    Stopping,
    /// Down because Hermes is being updated, which starts it again.
    Updating,
    /// Stopping or stopped, and expected to be started again.
    Restarting,
    /// A new process without a link yet.
    Starting,
    /// The link was lost a moment ago.
    Reconnecting,
    /// The link is reported to be back, but not for long enough to count.
    Recovering,
    /// The link is lost and back again and again.
    Flapping,
    /// Somebody paused the platform.
    LinkPaused,
    /// The scheduler of cron jobs has ended; everything else works.
    CronEnded,
    /// Every tick of the scheduler of cron jobs fails; everything else works.
    CronFailing,
    /// Works, but no service manager would start it again.
    Unsupervised,
    /// The link is up.
    Connected,
    /// The process works and has no link to watch.
    Running,
    /// Served by another profile's gateway, without a known link of its own.
    Served,
    /// Nothing is known yet.
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
