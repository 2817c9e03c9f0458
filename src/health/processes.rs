//! The processes of one home. The gateway is the live one that `gateway.pid` names, else the newest live one.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::evidence::ProcessState;
use super::state_file::FileIdentity;

/// Processes remembered at most; more at once than this cannot be gateways of one home.
const MOST_PROCESSES: usize = 64;

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
            let process = self.get(id.pid);
            process.is_some_and(|process| process.state.is_live() && id.is_of(id.pid, process.start))
        });
        let newest = || {
            let live = self.known.iter().filter(|(_, process)| process.state.is_live());
            live.max_by_key(|(_, process)| process.order).map(|(pid, _)| *pid)
        };
        named.map(|id| id.pid).or_else(newest)
    }
}
