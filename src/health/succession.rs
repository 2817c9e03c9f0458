//! Which process is the gateway: the live one that `gateway.pid` names, else the newest live one. And whose lines are
//! whose while one process follows another.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::evidence::{FileIdentity, LinkWord, LogRecord, ProcessState, Signal};
use super::gateway::Gateway;
use super::starts::LONGEST_GOODBYE;
use super::timer::after;

/// Processes remembered at most; more at once than this cannot be gateways of one home.
const MOST_PROCESSES: usize = 64;

/// Records of a start that are kept until its process is known.
const MOST_OF_A_START: usize = 128;

/// The last lines of a process may arrive for this long after it is gone.
pub(super) const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

/// What is known of one process.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Process {
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// Order of appearance: two may appear at the same moment.
    order: u64,
    /// Its start time in the unit of `gateway.pid`.
    pub start: Option<u64>,
    /// When it was started, if known.
    pub started_at: Option<Timestamp>,
    /// Its state.
    pub state: ProcessState,
}

/// All processes of one home.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Processes {
    known: BTreeMap<u32, Process>,
    appeared: u64,
    /// What `gateway.pid` names.
    pub pid_file: Option<FileIdentity>,
}

impl Processes {
    /// What is known of this one.
    pub(super) fn get(&self, pid: u32) -> Option<&Process> {
        self.known.get(&pid)
    }

    /// Whether it is there.
    pub(super) fn is_live(&self, pid: u32) -> bool {
        self.get(pid).is_some_and(|process| process.state.is_live())
    }

    /// Whether what is seen under this PID is another process than the one that is known.
    pub(super) fn is_reused(&self, pid: u32, start: Option<u64>, state: ProcessState) -> bool {
        self.get(pid).is_some_and(|known| match (known.start, start) {
            (Some(old), Some(new)) => old != new,
            _ => state.is_live() && !known.state.is_live(),
        })
    }

    /// Adds one that was not there. `kept` is never forgotten for it.
    pub(super) fn add(
        &mut self,
        pid: u32,
        process: (Timestamp, Option<u64>, Option<Timestamp>, ProcessState),
        kept: Option<u32>,
    ) {
        if self.known.len() >= MOST_PROCESSES {
            let others = self.known.iter().filter(|(pid, _)| Some(**pid) != kept);
            let oldest = others.min_by_key(|(_, process)| process.order).map(|(pid, _)| *pid);
            if let Some(oldest) = oldest {
                self.known.remove(&oldest);
            }
        }
        self.appeared += 1;
        let (first_seen, start, started_at, state) = process;
        self.known.insert(pid, Process { first_seen, order: self.appeared, start, started_at, state });
    }

    /// Notes its state.
    pub(super) fn set_state(&mut self, pid: u32, state: ProcessState) {
        if let Some(process) = self.known.get_mut(&pid) {
            process.state = state;
        }
    }

    /// It is gone.
    pub(super) fn remove(&mut self, pid: u32) {
        self.known.remove(&pid);
    }

    /// There is none.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// The start time that `gateway.pid` gives for this process.
    pub(super) fn written_start(&self, pid: u32) -> Option<u64> {
        self.pid_file.filter(|id| id.pid == pid).and_then(|id| id.start)
    }

    /// The one that is the gateway.
    pub(super) fn choose(&self) -> Option<u32> {
        let named = self.pid_file.filter(|id| {
            self.get(id.pid).is_some_and(|process| {
                let same = match (id.start, process.start) {
                    (Some(written), Some(seen)) => written == seen,
                    _ => true,
                };
                process.state.is_live() && same
            })
        });
        let newest = || {
            let live = self.known.iter().filter(|(_, process)| process.state.is_live());
            live.max_by_key(|(_, process)| process.order).map(|(pid, _)| *pid)
        };
        named.map(|id| id.pid).or_else(newest)
    }
}

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
