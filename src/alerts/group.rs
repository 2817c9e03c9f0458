//! Several profiles in one notice.

use std::time::Duration;

use jiff::Timestamp;

use super::notice::Affected;
use crate::health::timer::after;

/// The latest notice of its kind. It is delivered immediately; a profile that follows within the group window joins it,
/// and the notice is delivered again with the same id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) id: u64,
    pub(super) at: Timestamp,
    pub(super) affected: Vec<Affected>,
}

impl Group {
    /// Whether another profile may join.
    pub(super) fn is_open(&self, now: Timestamp, group_window: Duration) -> bool {
        now <= after(self.at, group_window) && !group_window.is_zero()
    }

    /// The profiles of this notice that stay in it when `joining` are added.
    pub(super) fn others(self, joining: &[Affected]) -> Vec<Affected> {
        let mut affected = self.affected;
        affected.retain(|profile| joining.iter().all(|new| new.name != profile.name));
        affected
    }
}
