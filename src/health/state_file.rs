//! The files that the gateway writes about itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::names::{PlatformName, ProfileName};
use super::reason::Reason;
use super::signal::LinkWord;
use crate::order::Collect as _;

/// The writer of a file of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// PID of the writer.
    pub pid: u32,
    /// Start time of the writer (Linux: clock ticks; macOS: epoch × 100).
    pub start: Option<u64>,
}

impl FileIdentity {
    /// Whether it is this process.
    pub fn is_of(&self, pid: u32, start: Option<u64>) -> bool {
        let same = match (self.start, start) {
            (Some(written), Some(seen)) => written == seen,
            _ => true,
        };
        self.pid == pid && same
    }
}

/// What is read of `state/gateway.heartbeat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Its writer.
    pub pid: u32,
    /// When it was written, as it says itself.
    pub updated_at: Option<Timestamp>,
    /// Whether a thread beside the event loop writes it (`loop_tick_socket`). Then a slow disk makes it stale
    /// although the loop runs.
    pub by_thread: bool,
}

/// One file of the `gateway-locks` folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// What is locked: `feishu-app-id`, `telegram-bot-token` and others.
    pub scope: String,
    /// The hash of the identity, from the file's name.
    pub id: String,
    /// The process that holds it.
    pub pid: u32,
    /// Whose account it is, where the account is public and found in a profile's configuration.
    #[serde(default, rename = "profile", skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// `gateway_state`: the gateway's own report on its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LifeState {
    /// `starting`.
    Starting,
    /// `running` or `degraded`.
    Running,
    /// `draining`: it finishes its answers before it exits.
    Draining,
    /// `stopped`.
    Stopped,
    /// `startup_failed`.
    StartupFailed,
    /// Any other value, or none.
    #[default]
    Unknown,
}

/// What is read of `gateway_state.json`. Positive states in it prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateFile {
    /// PID of the writer.
    pub pid: u32,
    /// Start time of the writer.
    pub start: Option<u64>,
    /// The gateway's own report.
    pub life: LifeState,
    /// Whether the gateway was asked to restart.
    pub restart_requested: bool,
    /// The version of its code, from 0.20.5 on.
    pub code_version: Option<String>,
    /// Turns, cron jobs and requests in progress.
    pub active_agents: Option<u32>,
    /// The profiles that the gateway lists as served. The key outlives the setting, so it proves nothing alone.
    pub served: Vec<ProfileName>,
    /// The entries of `platforms`.
    pub entries: Vec<PlatformEntry>,
}

/// `state` of one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EntryState {
    /// `connecting`.
    Connecting,
    /// `connected`.
    Connected,
    /// `disconnected`.
    Disconnected,
    /// `retrying`.
    Retrying,
    /// `fatal`.
    Fatal,
    /// `paused`.
    Paused,
    /// `disabled`: not a link.
    Disabled,
    /// Any other value.
    #[default]
    Unknown,
}

/// One platform of `gateway_state.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformEntry {
    /// The platform.
    pub platform: PlatformName,
    /// The profile, where the key names one (`work:feishu`).
    pub profile: Option<ProfileName>,
    /// Its state.
    pub state: EntryState,
    /// What its error code and message mean, if they are known.
    pub cause: Option<Reason>,
    /// The process that the message names.
    pub other_pid: Option<u32>,
    /// State, code and message on one line; redacted.
    pub line: String,
    /// When this entry was written. A new process inherits entries from the file of the one before.
    pub updated_at: Option<Timestamp>,
    /// Its writer, in versions that record it.
    pub writer: Option<FileIdentity>,
}

impl StateFile {
    /// How many platforms it lists that are not disabled.
    pub(super) fn platforms(&self) -> usize {
        let on = self.entries.iter().filter(|entry| entry.state != EntryState::Disabled);
        on.map(|entry| &entry.platform).to_set().len()
    }
}

impl EntryState {
    /// Whether the link is not up.
    pub(super) const fn is_negative(self) -> bool {
        matches!(self, Self::Disconnected | Self::Retrying | Self::Fatal | Self::Paused)
    }
}

impl PlatformEntry {
    /// What the cause of a negative entry means for the link.
    pub(super) fn word(&self) -> LinkWord {
        match self.cause {
            Some(Reason::AppInUse) => LinkWord::InUse,
            Some(Reason::AdapterMissing) => LinkWord::AdapterMissing,
            Some(Reason::ConfigError) => LinkWord::ConfigError,
            Some(Reason::AuthRejected) => LinkWord::Refused,
            Some(Reason::LinkConflict) => LinkWord::Conflict,
            Some(Reason::NetworkUnreachable) => LinkWord::Unreachable,
            _ => LinkWord::Lost,
        }
    }
}
