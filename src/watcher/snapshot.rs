//! The state that the watcher publishes, and that menu, status text, history and metrics show.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::health::{Change, Light, Verdict};
use crate::order::Collect as _;
use crate::profile::{BadJobFile, Profile};

/// All profiles at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Wall-clock time at which it was taken.
    pub at: Timestamp,
    /// In the order of the scan.
    pub profiles: Vec<ProfileView>,
    /// Job files that could not be parsed.
    pub bad_files: Vec<BadJobFile>,
    /// Whether every profile was judged with its service manager's answer.
    pub complete: bool,
}

/// One profile in a [`Snapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileView {
    /// The monitored profile.
    pub profile: Arc<Profile>,
    /// Its verdict; times are wall-clock times. Snapshots share those that did not change.
    pub verdict: Arc<Verdict>,
}

impl ProfileView {
    /// How long the gateway's process has run.
    pub fn uptime(&self, now: Timestamp) -> Option<SignedDuration> {
        self.verdict.started_at.map(|start| now.duration_since(start).max(SignedDuration::ZERO))
    }

    /// Whether its links are the same as in an earlier view of it.
    pub fn has_same_links(&self, before: &Self) -> bool {
        Arc::ptr_eq(&before.verdict, &self.verdict) || before.verdict.links == self.verdict.links
    }

    /// The verdict as a change from "unknown", for readers of changes that need a state to begin with.
    pub fn as_change(&self, history: bool) -> ProfileChange {
        let to = Verdict::clone(&self.verdict);
        let change = Change {
            at: to.since,
            profile: self.profile.name.as_str().into(),
            from: Verdict::unknown(to.since).glance(),
            to,
        };
        ProfileChange { profile: Arc::clone(&self.profile), change, history }
    }
}

impl Snapshot {
    /// The worst light of all profiles; grey if there are none.
    pub fn worst(&self) -> Light {
        self.profiles.iter().map(|p| p.verdict.light()).max().unwrap_or(Light::Grey)
    }

    /// The profile whose gateway serves this one; `None`: it has its own, or that profile is not watched.
    pub fn gateway_of(&self, view: &ProfileView) -> Option<&ProfileView> {
        self.find(view.verdict.served_by.as_deref()?)
    }

    /// All profiles by their names.
    pub fn by_name(&self) -> BTreeMap<&str, &ProfileView> {
        self.profiles.iter().map(|view| (view.profile.name.as_str(), view)).to_map()
    }

    /// The profile of this name.
    pub fn find(&self, name: &str) -> Option<&ProfileView> {
        self.profiles.iter().find(|p| p.profile.name == name)
    }
}

/// A change of one profile's light or reason.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileChange {
    /// The profile that changed.
    pub profile: Arc<Profile>,
    /// The old and the new verdict.
    pub change: Change,
    /// It happened before Gatelight observed the profile and must not raise an alert.
    pub history: bool,
}
