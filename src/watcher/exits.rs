//! Waits for the end of processes, so that it is noticed at once.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Event;
use super::monitor_id::MonitorId;
use crate::evidence::process::ExitWatch;
use crate::order::Collect as _;

/// Waits for the end of the processes of one monitor.
#[derive(Default)]
pub(super) struct Exits {
    /// The waiting tasks by PID, each with the start time of its process.
    tasks: BTreeMap<u32, (u64, JoinHandle<()>)>,
    /// For some process the system cannot report the end: polls find it.
    incomplete: bool,
}

impl Exits {
    /// Whether the system reports the end of every process.
    pub(super) const fn are_complete(&self) -> bool {
        !self.incomplete
    }

    /// Waits for the end of exactly these processes.
    pub(super) fn set(
        &mut self,
        processes: impl Iterator<Item = (u32, u64)>,
        id: MonitorId,
        events: &mpsc::Sender<Event>,
    ) {
        let current: BTreeMap<u32, u64> = processes.to_map();
        self.incomplete = false;
        self.tasks.retain(|pid, (start, task)| {
            let kept = current.get(pid) == Some(start);
            if !kept {
                task.abort();
            }
            kept
        });
        for (pid, start) in current {
            if self.tasks.contains_key(&pid) {
                continue;
            }
            let Ok(Some(mut exit)) = ExitWatch::new(pid, start) else {
                self.incomplete = true;
                continue;
            };
            let events = events.clone();
            let task = tokio::spawn(async move {
                if exit.gone().await.is_ok() {
                    let _ = events.send(Event::Exited(id)).await;
                }
            });
            self.tasks.insert(pid, (start, task));
        }
    }
}

impl Drop for Exits {
    fn drop(&mut self) {
        self.tasks.values().for_each(|(_, task)| task.abort());
    }
}
