//! What tells the links of one platform apart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::health::names::ProfileName;
use crate::health::platform::Rules;

/// Most accounts that are kept: more than any gateway has bots of one platform.
pub(super) const MAX_ACCOUNTS: usize = 64;

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
    /// Whose accounts these are, for those that lines name: as the lock files say, or `gateway.run` when it failed to connect one.
    accounts: BTreeMap<Arc<str>, ProfileName>,
    /// Whether the log level hides the lines that announce links.
    pub hidden: bool,
    /// Whether the process serves several profiles: a state key that names none may be about the link of any of them.
    pub several: bool,
}

impl Layout {
    /// Takes in whose account this is, which is certain. A profile has one account of a platform.
    pub(super) fn set_account(&mut self, account: &Arc<str>, owner: &ProfileName) {
        self.remove_account(owner);
        if self.accounts.len() < MAX_ACCOUNTS {
            self.accounts.insert(Arc::clone(account), Arc::clone(owner));
        }
    }

    /// Takes in whose account this is likely to be. Returns whether nothing was known of either.
    pub(super) fn infer_account(&mut self, account: &Arc<str>, owner: &ProfileName) -> bool {
        let is_new =
            !self.accounts.contains_key(account) && !self.accounts.values().any(|known| known == owner);
        if is_new {
            self.set_account(account, owner);
        }
        is_new
    }

    /// Whose account this is.
    pub(super) fn owner_of(&self, account: &str) -> Option<&ProfileName> {
        self.accounts.get(account)
    }

    /// Whether lines that name an account say all about the link of this profile.
    pub(super) fn knows_account_of(&self, owner: &ProfileName) -> bool {
        self.accounts.values().any(|known| known == owner)
    }

    /// Drops the account of a profile.
    pub(super) fn remove_account(&mut self, owner: &ProfileName) {
        self.accounts.retain(|_, known| known != owner);
    }

    /// Whether state keys name profiles.
    pub(super) fn is_keyed(&self) -> bool {
        !self.keyed.is_empty()
    }

    /// Whether log lines and state keys tell the profiles apart. Keys alone do not say whose a connection is.
    pub(super) fn is_separate(&self, rules: &Rules) -> bool {
        self.own_logs || (self.is_keyed() && !rules.connections)
    }
}
