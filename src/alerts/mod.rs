//! The alert policy: which changes become notices, and when. It is pure: events and times are arguments, notices are
//! values.
//!
//! An [`incident`] opens when a profile goes down and closes once it has worked for `recovery_hold`. It is notified when
//! it opens, by reminders while it lasts, and when it closes; reasons that change in the meantime only show in the menu.
//! A profile that fails again after a deliberate stop has a new incident. [`links`]: a link that goes down while another
//! is down already is notified too, and so is one that works again before the others do.
//!
//! - [`group`]: profiles that go down or recover within the group window share one notice.
//! - [`flapping`]: too many incidents in a short time are replaced by one notice, then silence until the profile is
//!   stable.
//! - [`inhibit`]: while the machine is offline or has just woken up, nothing is notified; what is still true afterwards
//!   is notified then. [`Mute`] does the same for one profile, and so does a restart that Gatelight runs itself.
//! - [`crate::config::QuietHours`]: nothing is notified; at their end what is still down, and what has recovered since
//!   the user was notified that it is down.
//! - [`silence`]: what the user does not want to be notified of: mutes and acknowledgements.

mod cause;
mod flapping;
mod group;
mod incident;
mod inhibit;
mod links;
mod notice;
mod policy;
mod profile;
mod silence;
mod wording;

use crate::config::NoticeSettings;
use crate::health::LinkVerdict;
use crate::watcher::Update;
use crate::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};

pub use notice::{Action, Affected, Notice, NoticeKind};
pub use policy::Policy;
pub use silence::{Acknowledged, Mute, Silence, Silences};
pub use wording::Content;
pub(crate) use wording::content;

/// Input of the policy.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The light or the reason of a profile changed.
    Change(Box<ProfileChange>),
    /// The present links of a profile. Its light and reason may be unchanged.
    Links(String, Vec<LinkVerdict>),
    /// A profile is no longer watched.
    Removed(String),
    /// Every profile has its first verdict. Profiles that are down before this event were down when Gatelight started.
    Started,
    /// The silences of all profiles.
    Silences(Silences),
    /// Whether the machine is offline.
    Offline(bool),
    /// The machine woke up.
    Wake,
    /// Gatelight's own restart of a profile began (`true`) or ended.
    Restarting(String, bool),
    /// The settings changed.
    Settings(NoticeSettings),
}

/// The events of an update of the watcher, in order. `before`: the snapshot of the previous update; `None` for the first
/// one. [`Event::Started`] is not included; the caller knows whether it was sent.
pub(crate) fn events_of(before: Option<&Snapshot>, update: &Update) -> Vec<Event> {
    let snapshot = &update.snapshot;
    let woke = update.woke.then_some(Event::Wake);
    let (known, present) = (before.map(Snapshot::by_name).unwrap_or_default(), snapshot.by_name());
    let names = before.into_iter().flat_map(|before| &before.profiles).map(|view| &view.profile.name);
    let gone = names.filter(|name| !present.contains_key(name.as_str()));
    let gone = gone.map(|name| Event::Removed(name.clone()));
    let changes = update.changes_to_state().into_iter().map(|change| Event::Change(Box::new(change)));
    let has_other_links = |view: &&ProfileView| {
        !known.get(view.profile.name.as_str()).is_some_and(|before| view.has_same_links(before))
    };
    let links = snapshot.profiles.iter().filter(has_other_links);
    let links = links.map(|view| Event::Links(view.profile.name.clone(), view.verdict.links.clone()));
    woke.into_iter().chain(gone).chain(changes).chain(links).collect()
}

#[cfg(test)]
pub(crate) mod tests;
