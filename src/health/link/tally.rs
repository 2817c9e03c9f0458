//! Counts what happened within a window.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use crate::health::timer::{after, before};

/// Counts up to `enough` events within `window`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    enough: usize,
    window: Duration,
    newest: VecDeque<Timestamp>,
}

impl Tally {
    pub(super) fn new(enough: usize, window: Duration) -> Self {
        Self { enough, window, newest: VecDeque::new() }
    }

    pub(super) fn count(&mut self, at: Timestamp) {
        if self.newest.len() >= self.enough {
            self.newest.pop_front();
        }
        self.newest.push_back(at);
    }

    /// The newest event that was counted.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.newest.back().copied()
    }

    pub(super) fn clear(&mut self) {
        self.newest.clear();
    }

    /// Whether there were enough within the window that ends now.
    pub(super) fn is_full(&self, now: Timestamp) -> bool {
        let floor = before(now, self.window);
        self.newest.iter().filter(|at| **at > floor).count() >= self.enough
    }

    /// When it is no longer full, if it is.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let oldest = self.newest.front().filter(|_| self.newest.len() >= self.enough);
        oldest.map(|at| after(*at, self.window))
    }
}
