//! What one turn of the loop has to do.

use std::collections::BTreeSet;

use crate::evidence::watch::Changed;

/// What one turn of the loop has to do.
#[derive(Default)]
pub(super) struct Turn {
    /// What changed, by the system's file watch.
    pub changed: BTreeSet<Changed>,
    /// Monitors for which something was reported otherwise.
    pub reported: BTreeSet<usize>,
    /// Anything may have changed.
    pub everything: bool,
    /// Profiles are to be searched for.
    pub scan: bool,
}

impl Turn {
    pub(super) fn expect_anything(&mut self, anything: bool) {
        self.everything |= anything;
        self.scan |= anything;
    }
}
