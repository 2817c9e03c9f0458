//! Starts and ends of gateway processes.

use jiff::Timestamp;

use super::timeline::Window;
use crate::history::ChangeRow;
use crate::order::Order as _;

/// Whether a process began or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// The process was started.
    Start,
    /// The process was gone.
    Stop,
}

/// The start or the end of a gateway process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// Start or end.
    pub kind: MarkKind,
    /// The process.
    pub pid: u32,
}

/// The starts and ends of processes in these changes, by time.
pub fn marks(changes: &[ChangeRow], window: Window) -> Vec<Mark> {
    let mut found = Vec::new();
    let mut alive: Option<u32> = None;
    let mut before: Option<Timestamp> = None;
    for change in changes {
        if change.pid != alive {
            if let Some(pid) = alive {
                // the time of its end is not recorded: only that it is gone now
                found.push(Mark { at: change.at, kind: MarkKind::Stop, pid });
            }
            if let Some(pid) = change.pid {
                let at = change.started_at.filter(|s| *s <= change.at && before.is_none_or(|b| *s >= b));
                found.push(Mark { at: at.unwrap_or(change.at), kind: MarkKind::Start, pid });
            }
            alive = change.pid;
        }
        before = Some(change.at);
    }
    found.retain(|mark| mark.at >= window.from && mark.at < window.to);
    found.order_by_key(|mark| mark.at);
    found
}
