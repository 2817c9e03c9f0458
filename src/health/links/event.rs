//! What happens to the links of one platform, in the order in which it is read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::layout::Layout;
use crate::health::link::{Said, Written};
use crate::health::names::ProfileName;
use crate::health::platform::Rules;
use crate::health::signal::{Hints, LinkWord, Phase};
use crate::health::state_file::{EntryState, PlatformEntry};
use crate::health::time::Slept;
use crate::health::timer::after;

/// Files that are written at the same moment are read within this time.
const ONE_READING: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    Line {
        said: Said,
        key: u64,
        tag: Option<ProfileName>,
        /// Whether it is a line of `gateway.run`, which names the profile unless it is the serving one.
        by_runner: bool,
        hints: Hints,
        homes: Homes,
    },
    Entry {
        at: Timestamp,
        profile: Option<ProfileName>,
        entry: PlatformEntry,
        grace: Option<Timestamp>,
    },
    /// The machine slept: timers that were running began again.
    Slept(Slept),
    /// The process was suspended: it could write nothing, so silence began to count anew.
    Suspended(Slept),
    /// The process serves this profile no longer, and has closed its link.
    Left(ProfileName),
    /// The process started again: nothing is known of its connections.
    Restarted,
    /// What the files of another process said no longer counts.
    FilesForgotten,
}

impl Event {
    /// When the line was read and written.
    pub(super) fn written(&self) -> Option<Written> {
        if let Self::Line { said, .. } = self { Some(said.written()) } else { None }
    }

    /// Whether the state file says in it what a shutdown does to a link. `now`: when the announcement of the shutdown is read.
    pub(super) fn is_of_shutdown(&self, now: Timestamp) -> bool {
        let Self::Entry { at, entry, .. } = self else { return false };
        entry.state == EntryState::Disconnected && now <= after(*at, ONE_READING)
    }

    /// Whether it shows that a served profile has a log of its own: an adapter's line that only that log holds. `keyed`:
    /// state keys name profiles, as only versions do that have such logs.
    pub(super) fn shows_own_logs(&self, keyed: bool) -> bool {
        let Self::Line { said, by_runner: false, homes, .. } = self else { return false };
        homes.are_own() && (said.word == LinkWord::Proof || (keyed && said.word.is_of_link()))
    }

    /// Whose link `gateway.run` announces in this line.
    pub(super) fn announced<'a>(&'a self, own: &'a ProfileName, separate: bool) -> Option<&'a ProfileName> {
        match self {
            Self::Line { said, tag, by_runner: true, homes, .. } if said.word.is_announcement() => {
                owner_of(tag.as_ref(), homes, true, own, separate)
            }
            _ => None,
        }
    }

    /// Whether the adapter says in this line that a link is up.
    pub(super) fn is_result(&self) -> bool {
        self.says(LinkWord::Proof) || self.says(LinkWord::Claim)
    }

    /// Whether the adapter says this in it, without a connection.
    fn says(&self, word: LinkWord) -> bool {
        matches!(self, Self::Line { said, by_runner: false, .. } if said.word == word && said.connection.is_none())
    }

    /// Whether the adapter says this in it, and nothing says yet whose link it is.
    pub(super) fn is_unnamed(&self, word: LinkWord, own: &ProfileName, separate: bool) -> bool {
        let Self::Line { tag, homes, .. } = self else { return false };
        self.says(word) && owner_of(tag.as_ref(), homes, false, own, separate).is_none()
    }

    /// Whose link the line is about, if that is known.
    pub(super) fn owner<'a>(
        &'a self,
        own: &'a ProfileName,
        layout: &'a Layout,
        rules: &Rules,
    ) -> Option<&'a ProfileName> {
        let Self::Line { said, tag, by_runner, homes, .. } = self else { return None };
        let owner = owner_of(tag.as_ref(), homes, *by_runner, own, layout.is_separate(rules));
        owner.or_else(|| layout.owner_of(said.connection.as_deref()?))
    }

    /// The account that a link names which `gateway.run` failed to connect.
    pub(super) fn failed_account(&self) -> Option<&Arc<str>> {
        let Self::Line { said, .. } = self else { return None };
        said.connection.as_ref().filter(|_| said.word.is_trouble() && self.is_of_connect())
    }

    /// Whose link `gateway.run` says in this line is down.
    pub(super) fn failed<'a>(&'a self, own: &'a ProfileName) -> Option<&'a ProfileName> {
        let Self::Line { said, tag, by_runner: true, .. } = self else { return None };
        said.word.is_trouble().then(|| tag.as_ref().unwrap_or(own))
    }

    /// The served profile whose link failed according to `gateway.run`.
    pub(super) fn failed_of<'a>(&'a self, own: &'a ProfileName) -> Option<&'a ProfileName> {
        self.failed(own).filter(|failed| *failed != own)
    }

    /// Whether this served profile's log contains it.
    pub(super) fn is_in_log_of(&self, profile: &ProfileName) -> bool {
        matches!(self, Self::Line { homes, .. } if homes.served.contains(profile))
    }

    /// Whether an adapter says in it that a link is down, in the serving profile's log alone.
    pub(super) fn is_unnamed_trouble(&self) -> bool {
        let Self::Line { said, tag: None, by_runner: false, homes, .. } = self else { return false };
        said.word.is_trouble() && homes.own && homes.served.is_empty()
    }

    /// Whether only a link that `gateway.run` connects logs it.
    pub(super) fn is_of_connect(&self) -> bool {
        matches!(self, Self::Line { hints: Hints { phase: Some(Phase::Connects), .. }, .. })
    }

    /// The event once for each profile whose log contains it.
    pub(super) fn of_each_home(self) -> Vec<Self> {
        let Self::Line { homes, .. } = &self else { return vec![self] };
        let own = homes.own.then_some(None);
        let all = own.into_iter().chain(homes.served.iter().cloned().map(Some));
        let of_one = |home| {
            let mut event = self.clone();
            if let Self::Line { homes, .. } = &mut event {
                *homes = Homes::one(home);
            }
            event
        };
        all.map(of_one).collect()
    }

    /// Notes that the logs of these profiles mirror the whole process.
    pub(super) fn note_mirrors(&mut self, mirrors: &BTreeSet<ProfileName>) {
        if let Self::Line { homes, .. } = self {
            homes.note_mirrors(mirrors);
        }
    }

    /// Notes whose link the line is about. Returns whether it is a line.
    pub(super) fn name(&mut self, owner: ProfileName) -> bool {
        let Self::Line { tag, .. } = self else { return false };
        *tag = Some(owner);
        true
    }
}

/// The profiles whose logs contain a line.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Homes {
    /// The serving profile's does.
    pub own: bool,
    /// The served profiles, sorted. Hundreds of lines of each gateway are kept, most of which are in one log.
    pub served: Box<[ProfileName]>,
    /// One of those mirrors the whole process.
    mirrored: bool,
}

impl Homes {
    /// One profile; `None`: the serving one.
    pub(super) fn one(home: Option<ProfileName>) -> Self {
        Self { own: home.is_none(), served: home.into_iter().collect(), mirrored: false }
    }

    /// Whether only logs of served profiles contain it that hold nothing but what is about their profile.
    fn are_own(&self) -> bool {
        !self.own && !self.mirrored
    }

    fn note_mirrors(&mut self, mirrors: &BTreeSet<ProfileName>) {
        self.mirrored |= self.served.iter().any(|served| mirrors.contains(served));
    }

    /// Whether the log of this profile contains it.
    pub(super) fn contain(&self, home: Option<&ProfileName>) -> bool {
        home.map_or(self.own, |home| self.served.binary_search(home).is_ok())
    }

    /// Adds a profile.
    pub(super) fn add(&mut self, home: Option<&ProfileName>) {
        let Some(home) = home else { return self.own = true };
        if let Err(place) = self.served.binary_search(home) {
            let mut served = std::mem::take(&mut self.served).into_vec();
            served.insert(place, Arc::clone(home));
            self.served = served.into_boxed_slice();
        }
    }

    /// Whether there are others than this profile.
    pub(super) fn has_others_than(&self, home: Option<&ProfileName>) -> bool {
        (self.own && home.is_some()) || self.served.iter().any(|served| Some(served) != home)
    }
}

/// The profile that a line is about; `None`: unknown.
pub(super) fn owner_of<'a>(
    tag: Option<&'a ProfileName>,
    homes: &'a Homes,
    by_runner: bool,
    own: &'a ProfileName,
    separate: bool,
) -> Option<&'a ProfileName> {
    match (tag, homes.served.first()) {
        (Some(tag), _) => Some(tag),
        (None, Some(served)) if homes.are_own() => Some(served),
        // `gateway.run` names the profile of all but the serving one.
        (None, _) if by_runner => Some(own),
        // The served profile's log mirrors the whole process.
        (None, Some(_)) => None,
        (None, None) => separate.then_some(own),
    }
}
