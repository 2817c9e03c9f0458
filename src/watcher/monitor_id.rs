//! Identifies monitors.

/// Identifies a monitor of one watcher; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MonitorId(pub u64);
