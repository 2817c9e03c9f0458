//! The processes of one home. The gateway is the live one that `gateway.pid` names, else the newest live one.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::evidence::ProcessState;
use super::state_file::FileIdentity;

/// Most processes that are kept; one home never has more gateways at once.
const MAX_PROCESSES: usize = 64;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Process {
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// Its place in the order of appearance: two may appear at the same moment.
    order: u64,
    /// Its start time in the unit of `gateway.pid`.
    pub start: Option<u64>,
    /// When it was started, if known.
    pub started_at: Option<Timestamp>,
    pub state: ProcessState,
}

/// All processes of one home.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Processes {
    known: BTreeMap<u32, Process>,
    appeared: u64,
    /// The process that `gateway.pid` names.
    pub pid_file: Option<FileIdentity>,
}

impl Processes {
    pub(super) fn get(&self, pid: u32) -> Option<&Process> {
        self.known.get(&pid)
    }

    /// Whether it runs or is stopped.
    pub(super) fn is_live(&self, pid: u32) -> bool {
        self.get(pid).is_some_and(|process| process.state.is_live())
    }

    /// Whether the PID now belongs to another process than the known one.
    pub(super) fn is_reused(&self, pid: u32, start: Option<u64>, state: ProcessState) -> bool {
        self.get(pid).is_some_and(|known| match (known.start, start) {
            (Some(old), Some(new)) => old != new,
            _ => state.is_live() && !known.state.is_live(),
        })
    }

    /// Adds a new process. If there are too many, the oldest one but `kept` is dropped.
    pub(super) fn add(
        &mut self,
        pid: u32,
        process: (Timestamp, Option<u64>, Option<Timestamp>, ProcessState),
        kept: Option<u32>,
    ) {
        if self.known.len() >= MAX_PROCESSES {
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

    pub(super) fn set_state(&mut self, pid: u32, state: ProcessState) {
        if let Some(process) = self.known.get_mut(&pid) {
            process.state = state;
        }
    }

    pub(super) fn remove(&mut self, pid: u32) {
        self.known.remove(&pid);
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// The start time that `gateway.pid` gives for this process.
    pub(super) fn written_start(&self, pid: u32) -> Option<u64> {
        self.pid_file.filter(|id| id.pid == pid).and_then(|id| id.start)
    }

    /// The process that is the gateway.
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

#[cfg(test)]
mod tests {
    use super::ProcessState::{Gone, Running, Stopped, Zombie};
    use super::*;

    fn of(all: &[(u32, Option<u64>, ProcessState)]) -> Processes {
        let mut processes = Processes::default();
        for (pid, start, state) in all {
            processes.add(*pid, (Timestamp::UNIX_EPOCH, *start, None, *state), None);
        }
        processes
    }

    #[test]
    fn a_pid_is_reused_by_a_process_with_another_start() {
        for (known, start, state, reused) in [
            ((Some(1), Running), Some(1), Running, false),
            ((Some(1), Running), Some(2), Running, true),
            ((Some(1), Zombie), Some(1), Running, false),
            ((None, Zombie), Some(2), Running, true),
            ((Some(1), Gone), None, Stopped, true),
            ((Some(1), Running), None, Running, false),
            ((Some(1), Running), None, Gone, false),
        ] {
            let processes = of(&[(7, known.0, known.1)]);
            assert_eq!(processes.is_reused(7, start, state), reused, "{known:?} {start:?} {state:?}");
            assert!(!processes.is_reused(8, start, state), "nothing is known of it");
        }
    }

    #[test]
    fn the_gateway_is_the_live_process_of_the_pid_file_or_the_newest_one() {
        let identity = |start| Some(FileIdentity { pid: 7, start });
        for (pid_file, state, chosen) in [
            (None, Running, Some(9)),
            (identity(Some(1)), Running, Some(7)),
            (identity(None), Running, Some(7)),
            (identity(Some(2)), Running, Some(9)),
            (identity(Some(1)), Gone, Some(9)),
        ] {
            let mut processes = of(&[(7, Some(1), state), (9, Some(5), Running), (8, Some(6), Gone)]);
            processes.pid_file = pid_file;
            assert_eq!(processes.choose(), chosen, "{pid_file:?} {state:?}");
        }
    }

    #[test]
    fn the_oldest_process_but_the_kept_one_makes_room() {
        let mut processes = Processes::default();
        for pid in 1..=MAX_PROCESSES as u32 + 2 {
            processes.add(pid, (Timestamp::UNIX_EPOCH, None, None, Running), Some(1));
        }
        assert_eq!(processes.known.len(), MAX_PROCESSES);
        let known = |pid| processes.get(pid).is_some();
        assert_eq!([1, 2, 3, 4].map(known), [true, false, false, true]);
        processes.remove(4);
        assert!(processes.get(4).is_none());
    }
}
