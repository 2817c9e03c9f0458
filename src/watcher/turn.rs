//! What one turn of the loop has to do.

use std::collections::BTreeSet;

use crate::evidence::watch::Changed;

/// What one turn of the loop has to do.
#[derive(Default)]
pub(super) struct Turn {
    /// What changed, by the system's file watch.
    pub changed: BTreeSet<Changed>,
    /// Monitors for which an [`Event`](super::Event) came.
    pub reported: BTreeSet<usize>,
    /// Anything may have changed.
    pub everything: bool,
    /// A search for profiles is needed.
    pub scan: bool,
}

impl Turn {
    pub(super) fn expect_anything(&mut self, anything: bool) {
        self.everything |= anything;
        self.scan |= anything;
    }
}
