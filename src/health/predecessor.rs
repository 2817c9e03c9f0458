//! Assigns log lines while one process follows another.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::gateway::{Gateway, START_TOLERANCE};
use super::signal::{LinkWord, LogRecord, Signal};
use super::starts::LONGEST_OVERLAP;
use super::timer::{after, before};

/// Most records since a logged start that are kept until its process is known.
const MAX_OF_START: usize = 128;

/// Most records that are kept of a gateway that is known only by its log, as that of each served profile is: what a process logs
/// before it is seen.
const MAX_BY_LOG: usize = 64;

/// A process is seen at the latest this long after it logged its start: longer than any drain that it waits for.
const LONGEST_UNSEEN: Duration = Duration::from_secs(60 * 60);

/// The last lines of a process may arrive this long after its end.
pub(super) const LATE_LINES: Duration = Duration::from_secs(2);

/// The former gateway process. What it still logs must not be taken for the new one's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Predecessor {
    pub pid: Option<u32>,
    /// Until when its lines may arrive; `None` while it lives.
    pub until: Option<Timestamp>,
    /// What is known of it while it lives: if the new process is refused, it is the gateway again.
    pub gateway: Option<Box<Gateway>>,
    /// Since when it had been the gateway.
    pub since: Timestamp,
}

impl Predecessor {
    /// Whether its lines may still arrive. The time is bounded even if it never exits.
    pub(super) fn may_still_log(&self, now: Timestamp, successor_since: Timestamp) -> bool {
        now < after(successor_since, LONGEST_OVERLAP) && self.until.is_none_or(|until| now < until)
    }
}

/// Records whose process may become known only later: those since the last logged start, and the newest ones while a gateway is
/// known only by its log.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct UnassignedRecords {
    records: VecDeque<(Timestamp, LogRecord)>,
    /// The start was not that of the gateway at that time.
    is_of_another: bool,
    /// The gateway was known only by its log.
    by_log_alone: bool,
}

impl UnassignedRecords {
    /// Keeps a record if it may turn out to be another process's. `gateway`: the current one.
    pub(super) fn keep(&mut self, now: Timestamp, record: &LogRecord, gateway: &Gateway) {
        self.by_log_alone = gateway.id.pid.is_none();
        let first = self.records.front().map(|(at, _)| *at);
        if !self.by_log_alone && first.is_some_and(|first| now >= after(first, LONGEST_UNSEEN)) {
            self.records = VecDeque::new();
        }
        if record.signal == Signal::Start {
            self.records.clear();
            let alive = gateway.id.pid.is_some() && gateway.alive();
            self.is_of_another = alive && (gateway.said_start() || gateway.at_work(now));
        } else if self.records.is_empty() && !self.by_log_alone {
            return;
        }
        if self.by_log_alone {
            self.records.drain(..self.records.len().saturating_sub(MAX_BY_LOG - 1));
        }
        if self.records.len() < MAX_OF_START {
            self.records.push_back((now, record.clone()));
        }
    }

    /// The gateway that was known only by its log is a known process now, and these are its records. Those since a logged
    /// start may be another process's.
    pub(super) fn assign(&mut self) {
        if self.records.front().is_none_or(|(_, record)| record.signal != Signal::Start) {
            self.records = VecDeque::new();
        }
    }

    /// The records that belong to a process that was started at this time.
    pub(super) fn take(
        &mut self,
        started_at: Option<Timestamp>,
        now: Timestamp,
    ) -> VecDeque<(Timestamp, LogRecord)> {
        let mut records = std::mem::take(&mut self.records);
        let Some((first, _)) = records.front() else { return records };
        let is_own = match started_at {
            Some(started_at) if self.by_log_alone => {
                records.retain(|(at, _)| *at >= started_at);
                true
            }
            Some(started_at) => *first >= started_at,
            None => self.is_of_another && now < after(*first, LONGEST_OVERLAP),
        };
        if is_own { records } else { VecDeque::new() }
    }
}

/// Whether a start that is read now is that of a process which was not seen yet: this gateway is known only by its log, or has
/// ended. The start of one that ended before it was read may be read after its end: a process takes longer to log its own.
pub(super) fn is_of_unseen_process(gateway: &Gateway, now: Timestamp) -> bool {
    let is_late = |ended| !gateway.said_start() && now < after(ended, LATE_LINES);
    let ended = gateway.end.as_ref().map(|end| end.respawn.since);
    gateway.id.pid.is_none() || ended.is_some_and(|ended| !is_late(ended))
}

/// Whether what is known of the gateway was written before a process with this start, so that it is about a former one.
pub(super) fn is_known_by_former(gateway: &Gateway, started_at: Option<Timestamp>) -> bool {
    let by_log_alone = gateway.id.pid.is_none() && gateway.alive();
    by_log_alone && started_at.is_some_and(|at| gateway.startup.timer.since < before(at, START_TOLERANCE))
}

/// Whether a process logs such a signal only after it logged its start.
pub(super) fn follows_start(signal: &Signal) -> bool {
    match signal {
        Signal::Link(link) => link.word.is_of_link(),
        other => *other == Signal::Ready,
    }
}

/// Whether an exiting process logs such a signal, so that it must not be taken for the new one's.
pub(super) fn is_of_exiting_process(signal: &Signal) -> bool {
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

/// Whether the signal belongs to a shutdown or its teardown.
pub(super) fn is_of_shutdown(signal: &Signal) -> bool {
    matches!(
        signal,
        Signal::Takeover
            | Signal::PlannedStop
            | Signal::PlannedRestart
            | Signal::Shutdown
            | Signal::NoLinkLeft
            | Signal::Drained
            | Signal::Exiting
            | Signal::ExecutorShutdown
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::gateway::Origin;
    use crate::health::platform::Platforms;
    use crate::health::proof::Proof;
    use crate::health::settings::Deadlines;
    use crate::health::time::Moment;

    const BEGAN: Timestamp = Timestamp::UNIX_EPOCH;

    fn gateway(pid: Option<u32>) -> Gateway {
        let origin = Origin { profile: "default".into(), platforms: Platforms::built_in() };
        let moment = Moment { now: BEGAN, deadlines: &Deadlines::default(), grace: None };
        let mut gateway = Gateway::new(&origin, BEGAN, moment);
        gateway.id.pid = pid;
        gateway
    }

    fn record(signal: Signal, at: Timestamp) -> LogRecord {
        LogRecord::new(signal, Proof::new("agent.log", "", at))
    }

    fn second(n: u64) -> Timestamp {
        after(BEGAN, Duration::from_secs(n))
    }

    #[test]
    fn a_process_that_is_known_keeps_no_records_of_its_own() {
        let (by_log, known) = (gateway(None), gateway(Some(7)));
        let mut kept = UnassignedRecords::default();
        (0..200).for_each(|n| kept.keep(second(n), &record(Signal::Record, second(n)), &by_log));
        assert_eq!(kept.records.len(), MAX_BY_LOG);
        assert!(kept.records.capacity() <= MAX_BY_LOG);
        kept.assign();
        kept.keep(second(200), &record(Signal::Record, second(200)), &known);
        assert!(kept.records.is_empty());
    }

    #[test]
    fn the_records_since_a_start_are_kept_until_its_process_must_have_been_seen() {
        let known = gateway(Some(7));
        let hour = LONGEST_UNSEEN.as_secs();
        for (last, expected) in [(hour - 1, 2), (hour, 0)] {
            let mut kept = UnassignedRecords::default();
            kept.keep(BEGAN, &record(Signal::Start, BEGAN), &known);
            kept.assign();
            kept.keep(second(last), &record(Signal::Record, second(last)), &known);
            assert_eq!(kept.take(Some(BEGAN), second(last)).len(), expected);
        }
    }
}
