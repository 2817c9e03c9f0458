//! What tells monitors apart.

/// Tells the monitors of one watcher apart, past ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MonitorId(pub u64);
