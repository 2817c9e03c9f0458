//! Waits for the end of processes, so that it is known at once.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Event;
use super::monitor_id::MonitorId;
use crate::evidence::process::ExitWatch;

/// The waiting tasks of one monitor, by PID, each with the start time of its process.
#[derive(Default)]
pub(super) struct Exits(BTreeMap<u32, (u64, JoinHandle<()>)>);

impl Exits {
    /// Waits for the end of these processes and no others. Where the system cannot report it, the safety net finds it.
    pub(super) fn set(
        &mut self,
        processes: impl Iterator<Item = (u32, u64)>,
        id: MonitorId,
        events: &mpsc::Sender<Event>,
    ) {
        let current: BTreeMap<u32, u64> = processes.collect();
        self.0.retain(|pid, (start, task)| {
            let kept = current.get(pid) == Some(start);
            if !kept {
                task.abort();
            }
            kept
        });
        for (pid, start) in current {
            if self.0.contains_key(&pid) {
                continue;
            }
            if let Ok(Some(mut exit)) = ExitWatch::new(pid, start) {
                let events = events.clone();
                let task = tokio::spawn(async move {
                    if exit.gone().await.is_ok() {
                        let _ = events.send(Event::Exited(id)).await;
                    }
                });
                self.0.insert(pid, (start, task));
            }
        }
    }
}

impl Drop for Exits {
    fn drop(&mut self) {
        self.0.values().for_each(|(_, task)| task.abort());
    }
}
