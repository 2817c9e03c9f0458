//! Tracks the state of the processes that a home or its service manager names.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::observer::Emitter;
use crate::evidence::process::{self, Probe, ProcessInfo};
use crate::health::{Evidence, ProcessState};

/// Most processes tracked at once.
const MAX_PROCESSES: usize = 16;

#[derive(Debug)]
struct Tracked {
    start: u64,
    state: ProcessState,
    probe: Probe,
}

/// The tracked processes of one home.
#[derive(Debug, Default)]
pub(super) struct Processes {
    by_pid: BTreeMap<u32, Tracked>,
}

impl Processes {
    /// PID and start time of each tracked process.
    pub(super) fn ids(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.by_pid.iter().map(|(pid, tracked)| (*pid, tracked.start))
    }

    /// Whether any of them is running or stopped, not gone or a zombie.
    pub(super) fn any_live(&self) -> bool {
        self.by_pid.values().any(|tracked| tracked.state.is_live())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_pid.is_empty()
    }

    /// Start time of the oldest process.
    pub(super) fn oldest_start(&self) -> Option<Timestamp> {
        self.by_pid.keys().filter_map(|pid| process::look(*pid)).map(|info| info.started_at).min()
    }

    /// Starts to track this process, if it exists and has this start time (if one is given).
    pub(super) fn track(&mut self, pid: u32, start: Option<u64>, emit: &mut Emitter<'_>) {
        if self.by_pid.contains_key(&pid) || self.by_pid.len() >= MAX_PROCESSES {
            return;
        }
        let Some(info) = process::look(pid) else { return };
        if start.is_some_and(|start| start != info.start) || info.state == ProcessState::Gone {
            return;
        }
        self.by_pid.insert(pid, Tracked { start: info.start, state: info.state, probe: Probe::new(pid) });
        emit.known(evidence_of(&info));
    }

    /// Emits every change of state since the last poll.
    pub(super) fn poll(&mut self, emit: &mut Emitter<'_>) {
        self.by_pid.retain(|&pid, tracked| {
            // the usual case, and the cheapest check
            if tracked.probe.state() == Some((tracked.start, tracked.state)) {
                return true;
            }
            let seen = process::look(pid);
            if seen.is_none() && process::exists(pid) {
                // it exists but cannot be checked: no descriptors or memory left
                return true;
            }
            if let Some(info) = seen.filter(|info| info.start == tracked.start) {
                tracked.state = info.state;
                emit.known(evidence_of(&info));
                return true;
            }
            let (start, state) = (Some(tracked.start), ProcessState::Gone);
            emit.known(Evidence::Process { pid, start, started_at: None, state, exit: None });
            false
        });
    }
}

fn evidence_of(info: &ProcessInfo) -> Evidence {
    Evidence::Process {
        pid: info.pid,
        start: Some(info.start),
        started_at: Some(info.started_at),
        state: info.state,
        exit: None,
    }
}
