//! Whose lines are whose while one process follows another.

use jiff::Timestamp;

use super::gateway::Gateway;
use super::signal::{LinkWord, LogRecord, Signal};
use super::starts::LONGEST_GOODBYE;
use super::timer::after;

/// Records of a start that are kept until its process is known.
const MOST_OF_A_START: usize = 128;

/// The last lines of a process may arrive for this long after it is gone.
pub(super) const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

/// The process that was the gateway before: what it still logs is not the new one's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Predecessor {
    /// Its PID.
    pub pid: Option<u32>,
    /// Until when it may still be heard; `None` while it lives.
    pub until: Option<Timestamp>,
    /// What is known of it while it lives: the new one may be refused, and then it is the gateway again.
    pub gateway: Option<Box<Gateway>>,
    /// Since when it had been the gateway.
    pub since: Timestamp,
}

impl Predecessor {
    /// Whether it may still be heard. One that never leaves does not excuse the new one for ever.
    pub(super) fn may_speak(&self, now: Timestamp, successor_since: Timestamp) -> bool {
        now < after(successor_since, LONGEST_GOODBYE) && self.until.is_none_or(|until| now < until)
    }
}

/// Records since the last start of a gateway: its process may be known only later.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct StartEcho {
    records: Vec<(Timestamp, LogRecord)>,
    /// It was not the start of the gateway of that time.
    is_of_another: bool,
}

impl StartEcho {
    /// Keeps a record if it is a start or follows one. `gateway`: the one of now.
    pub(super) fn keep(&mut self, now: Timestamp, record: &LogRecord, gateway: &Gateway) {
        if record.signal == Signal::Start {
            self.records.clear();
            let alive = gateway.id.pid.is_some() && gateway.alive();
            self.is_of_another = alive && (gateway.said_start() || gateway.at_work(now));
        } else if self.records.is_empty() {
            return;
        }
        if self.records.len() < MOST_OF_A_START {
            self.records.push((now, record.clone()));
        }
    }

    /// The records, if they are those of a process that was started then.
    pub(super) fn take(
        &mut self,
        started_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Vec<(Timestamp, LogRecord)> {
        let records = std::mem::take(&mut self.records);
        let Some((first, _)) = records.first() else { return records };
        let own = match started_at {
            Some(started_at) => *first >= started_at,
            None => self.is_of_another && now < after(*first, LONGEST_GOODBYE),
        };
        if own { records } else { Vec::new() }
    }
}

/// Signals that a process on its way out still logs, and that must not be taken for the new one's.
pub(super) fn belongs_to_the_leaving(signal: &Signal) -> bool {
    match signal {
        Signal::Link(link) => !matches!(
            link.word,
            LinkWord::Expected
                | LinkWord::Announced
                | LinkWord::Reannounced
                | LinkWord::Claim
                | LinkWord::Proof
                | LinkWord::Attempt
                | LinkWord::AttemptFailed
                | LinkWord::Unreachable
                | LinkWord::Refused
                | LinkWord::Limit
                | LinkWord::InUse
                | LinkWord::AdapterMissing
                | LinkWord::ConfigError
                | LinkWord::Webhook
        ),
        other => is_of_shutdown(other) || *other == Signal::LoopMissed,
    }
}

/// Signals of a shutdown, and the noise of its teardown.
pub(super) fn is_of_shutdown(signal: &Signal) -> bool {
    matches!(
        signal,
        Signal::Takeover
            | Signal::PlannedStop
            | Signal::PlannedRestart
            | Signal::Shutdown
            | Signal::Exiting
            | Signal::ExecutorShutdown
    )
}
