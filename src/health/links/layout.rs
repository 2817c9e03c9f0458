//! What tells the links of one platform apart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::health::names::ProfileName;
use crate::health::platform::Rules;

/// What tells the links of one platform apart, and how many of them there are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layout {
    /// Profiles with a state key of their own.
    pub keyed: BTreeSet<ProfileName>,
    /// Whether records go to the log of the profile that they are about: a served profile's log has a `connected` of
    /// its own.
    pub own_logs: bool,
    /// The lock files that the process holds for this platform: the hash of the account, and whose account it is.
    pub locks: BTreeMap<Arc<str>, Option<ProfileName>>,
    /// Whether the log level hides the lines that announce links.
    pub hidden: bool,
}

impl Layout {
    /// Whether state keys name profiles.
    pub(super) fn is_keyed(&self) -> bool {
        !self.keyed.is_empty()
    }

    /// Whether log lines and state keys tell the profiles apart. Keys alone do not say whose a connection is.
    pub(super) fn is_separate(&self, rules: &Rules) -> bool {
        self.own_logs || (self.is_keyed() && !rules.connections)
    }
}
