//! The deadlines and thresholds, with their defaults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// All in seconds in the settings file. Defaults come from measured gateways: reconnects start after a random 0–30 s,
/// heartbeats are written every 30 s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// A new process without a link is `starting` for this long.
    #[serde(with = "seconds")]
    pub start: Duration,
    /// A lost Feishu link is `reconnecting` for this long.
    #[serde(with = "seconds")]
    pub reconnect: Duration,
    /// An attempt of a Feishu link that is under way is `reconnecting` for this long.
    #[serde(with = "seconds")]
    pub attempt: Duration,
    /// A planned restart, a takeover or a respawn is `restarting` for this long.
    #[serde(with = "seconds")]
    pub restart: Duration,
    /// After a failed attempt the next one is expected within this time (the SDK retries every 120 s).
    #[serde(with = "seconds")]
    pub retry: Duration,
    /// A heartbeat older than this means a frozen event loop.
    #[serde(with = "seconds")]
    pub heartbeat: Duration,
    /// A process in state T for this long is suspended.
    #[serde(with = "seconds")]
    pub suspended: Duration,
    /// A process that logged `Exiting` may take this long.
    #[serde(with = "seconds")]
    pub exit: Duration,
    /// The grace period after waking from sleep.
    #[serde(with = "seconds")]
    pub wake: Duration,
    /// How long to wait for the manager's report after a process ended with an unknown status.
    #[serde(with = "seconds")]
    pub settle: Duration,
    /// Window in which starts are counted.
    #[serde(with = "seconds")]
    pub crash_window: Duration,
    /// More starts than this in the window are a crash loop.
    pub crash_starts: usize,
    /// Window in which takeovers are counted.
    #[serde(with = "seconds")]
    pub replace_window: Duration,
    /// This many takeovers in the window are a replace loop.
    pub replace_takeovers: usize,
    /// A gateway that finishes its answers before it exits may take this long.
    #[serde(with = "seconds")]
    pub drain: Duration,
    /// Show a connected gateway without a manager as `connected`.
    pub accept_unsupervised: bool,
}

impl Default for Deadlines {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            start: s(90),
            reconnect: s(45),
            attempt: s(30),
            restart: s(45),
            retry: s(300),
            heartbeat: s(75),
            suspended: s(10),
            exit: s(30),
            wake: s(90),
            settle: s(5),
            crash_window: s(120),
            crash_starts: 5,
            replace_window: s(600),
            replace_takeovers: 3,
            drain: s(1800),
            accept_unsupervised: false,
        }
    }
}

/// Durations as numbers of seconds.
pub mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// The message for a value that is not a number.
    pub(crate) const NOT_A_NUMBER: &str = "a number of seconds is wanted";
    /// The message for a number out of range.
    pub(crate) const OUT_OF_RANGE: &str = "a time in seconds must lie between 0 and one year";

    /// Longest span that a setting may name: one year.
    const LONGEST: f64 = 366.0 * 86_400.0;

    /// Writes seconds.
    pub fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(d.as_secs_f64())
    }

    /// Reads seconds, whole or with a fraction, up to one year.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number of seconds is wanted")]
        enum Number {
            Whole(i64),
            Fraction(f64),
        }
        let seconds = match Number::deserialize(d)? {
            Number::Whole(n) => n as f64,
            Number::Fraction(f) => f,
        };
        if seconds.is_finite() && (0.0..=LONGEST).contains(&seconds) {
            Ok(Duration::from_secs_f64(seconds))
        } else {
            Err(D::Error::custom(OUT_OF_RANGE))
        }
    }
}
