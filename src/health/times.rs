//! How long problems of a platform's links may last.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::settings::seconds;

/// The times of a platform's links, in seconds in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Times {
    /// A lost link turns red after this.
    #[serde(with = "seconds")]
    pub red_after: Duration,
    /// A claim after a problem is believed after this time without another problem.
    #[serde(with = "seconds")]
    pub settle: Duration,
    /// A claim at a start is believed after this time.
    #[serde(with = "seconds")]
    pub start_settle: Duration,
    /// An attempt may take this long; 0: attempts say nothing.
    #[serde(with = "seconds")]
    pub attempt: Duration,
    /// After a failed attempt the next one is expected within this time; 0: a failure is a loss like any other.
    #[serde(with = "seconds")]
    pub retry: Duration,
    /// A problem is over after this time without another log line about it, while the client runs; 0: never.
    #[serde(with = "seconds")]
    pub heals: Duration,
    /// A failed probe that is not yet a loss is over after this time without another: longer than the client's pause between
    /// two probes and the time that one may take.
    #[serde(with = "seconds")]
    pub probe: Duration,
    /// After a refusal the client logs nothing for this long and then tries again; 0: it may at any time.
    #[serde(with = "seconds")]
    pub refusal_pause: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            red_after: Duration::from_secs(60),
            settle: Duration::from_secs(15),
            start_settle: Duration::ZERO,
            attempt: Duration::ZERO,
            retry: Duration::ZERO,
            heals: Duration::ZERO,
            probe: Duration::from_secs(20),
            refusal_pause: Duration::ZERO,
        }
    }
}

/// `[platforms.NAME]` in the settings: values in seconds that replace those of the platform's file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimesSetting {
    /// [`Times::red_after`]
    #[serde(with = "some_seconds", skip_serializing_if = "Option::is_none")]
    pub red_after: Option<Duration>,
    /// [`Times::settle`]
    #[serde(with = "some_seconds", skip_serializing_if = "Option::is_none")]
    pub settle: Option<Duration>,
    /// [`Times::start_settle`]
    #[serde(with = "some_seconds", skip_serializing_if = "Option::is_none")]
    pub start_settle: Option<Duration>,
    /// [`Times::attempt`]
    #[serde(with = "some_seconds", skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Duration>,
    /// [`Times::retry`]
    #[serde(with = "some_seconds", skip_serializing_if = "Option::is_none")]
    pub retry: Option<Duration>,
    /// [`Times::heals`]
    #[serde(with = "some_seconds", skip_serializing_if = "Option::is_none")]
    pub heals: Option<Duration>,
}

impl TimesSetting {
    /// `times` with these values in place of the platform's own.
    pub(super) fn or(&self, times: Times) -> Times {
        Times {
            red_after: self.red_after.unwrap_or(times.red_after),
            settle: self.settle.unwrap_or(times.settle),
            start_settle: self.start_settle.unwrap_or(times.start_settle),
            attempt: self.attempt.unwrap_or(times.attempt),
            retry: self.retry.unwrap_or(times.retry),
            heals: self.heals.unwrap_or(times.heals),
            ..times
        }
    }
}

/// Like [`seconds`], for optional values.
mod some_seconds {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
    pub(super) fn serialize<S: Serializer>(d: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        match d {
            Some(d) => crate::health::settings::seconds::serialize(d, s),
            None => s.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
        crate::health::settings::seconds::deserialize(d).map(Some)
    }
}
