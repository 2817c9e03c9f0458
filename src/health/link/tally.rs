//! Counts events within a window of time.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use crate::health::timer::{after, before};

/// Conflicts within this time are counted together.
pub(super) const CONFLICT_WINDOW: Duration = Duration::from_secs(600);

/// So many conflicts are no leftover of a restart any more.
const CONFLICTS: usize = 3;

/// A link waits longer than this after a conflict (measured: 20 s): conflicts that are closer together are those of several
/// links.
const CONFLICT_SPACING: Duration = Duration::from_secs(10);

/// Losses within this time are counted together.
const FLAP_WINDOW: Duration = Duration::from_secs(600);

/// So many losses and returns are flapping.
const FLAPS: usize = 4;

/// Counts up to `enough` events within `window`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    enough: usize,
    window: Duration,
    /// An event that follows another within less is not counted.
    spacing: Duration,
    newest: VecDeque<Timestamp>,
}

impl Tally {
    /// Conflicts with another client of the same account.
    pub(super) fn of_conflicts() -> Self {
        Self::new(CONFLICTS, CONFLICT_WINDOW, CONFLICT_SPACING)
    }

    /// Losses of a link.
    pub(super) fn of_losses() -> Self {
        Self::new(FLAPS, FLAP_WINDOW, Duration::ZERO)
    }

    const fn new(enough: usize, window: Duration, spacing: Duration) -> Self {
        Self { enough, window, spacing, newest: VecDeque::new() }
    }

    pub(super) fn count(&mut self, at: Timestamp) {
        if self.newest.back().is_some_and(|newest| at < after(*newest, self.spacing)) {
            return;
        }
        if self.newest.len() >= self.enough {
            self.newest.pop_front();
        }
        self.newest.push_back(at);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_of_several_links_at_once_count_as_one() {
        let at = |seconds: u64| after(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds));
        let full = |seconds: &[u64]| {
            let mut conflicts = Tally::of_conflicts();
            for second in seconds {
                conflicts.count(at(*second));
            }
            conflicts.is_full(at(600))
        };
        assert!(!full(&[100, 103, 106]));
        assert!(full(&[100, 120, 140]));
        assert!(!full(&[0, 20, 40]), "the oldest is out of the window");
    }

    #[test]
    fn what_is_cleared_does_not_count() {
        let at = |seconds: u64| after(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds));
        let mut losses = Tally::of_losses();
        (0..FLAPS as u64).for_each(|second| losses.count(at(second)));
        assert!(losses.is_full(at(60)));
        losses.clear();
        assert!(!losses.is_full(at(60)));
        assert_eq!(losses.deadline(), None);
    }
}
