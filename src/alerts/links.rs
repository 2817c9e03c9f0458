//! The links of a profile during one incident.
//!
//! The incident belongs to the profile and begins with its worst link. A link that goes down later, or works again while
//! another is still down, does not change that, but the user has to know.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::cause::Cause;
use crate::health::evidence::PlatformName;
use crate::health::timer::after;
use crate::health::{Light, LinkVerdict, Reason};

/// The links that were red during one incident.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct DownLinks(BTreeMap<PlatformName, DownLink>);

#[derive(Debug, Clone, PartialEq)]
struct DownLink {
    cause: Cause,
    since: Timestamp,
    state: State,
    /// It had come back before within this incident.
    relapsed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Red, and in no notice yet.
    New,
    /// Red, and in a notice.
    Notified,
    /// Green since this time; no notice has reported that yet.
    Up(Timestamp),
    /// A notice reported that it works again.
    Back,
}

/// A link that a new notice is about.
pub(super) struct Loss {
    pub(super) cause: Cause,
    pub(super) since: Timestamp,
    /// It had come back before within this incident.
    pub(super) relapsed: bool,
}

impl DownLinks {
    /// Applies the present state of the links. An empty list means that the gateway is gone, which says nothing about them.
    pub(super) fn apply(&mut self, now: Timestamp, links: &[LinkVerdict]) {
        let watched = || links.iter().filter(|link| !link.ignored);
        if !links.is_empty() {
            self.0.retain(|platform, _| watched().any(|link| link.platform == *platform));
        }
        for link in watched() {
            match link.light {
                Light::Red => self.lose(link),
                Light::Green => self.regain(now, &link.platform),
                // reconnecting: neither lost again nor back
                Light::Amber | Light::Grey => {
                    if let Some(down) = self.0.get_mut(&link.platform)
                        && let State::Up(_) = down.state
                    {
                        down.state = State::Notified;
                    }
                }
            }
        }
    }

    fn lose(&mut self, link: &LinkVerdict) {
        let cause = Cause::of_link(link);
        match self.0.get_mut(&link.platform) {
            None => {
                let down = DownLink { cause, since: link.since, state: State::New, relapsed: false };
                self.0.insert(link.platform.clone(), down);
            }
            Some(down) => {
                down.cause = cause;
                match down.state {
                    State::New | State::Notified => {}
                    State::Up(_) => down.state = State::Notified,
                    State::Back => {
                        (down.state, down.since, down.relapsed) = (State::New, link.since, true);
                    }
                }
            }
        }
    }

    fn regain(&mut self, now: Timestamp, platform: &PlatformName) {
        let Some(down) = self.0.get_mut(platform) else { return };
        match down.state {
            State::New if down.relapsed => down.state = State::Back,
            State::New => {
                self.0.remove(platform);
            }
            State::Notified => down.state = State::Up(now),
            State::Up(_) | State::Back => {}
        }
    }

    /// Marks every link as notified.
    pub(super) fn mark_notified(&mut self) {
        for down in self.0.values_mut().filter(|down| down.state == State::New) {
            down.state = State::Notified;
        }
    }

    /// The first link that is in no notice yet. Its notice lists the other ones too.
    pub(super) fn take_loss(&mut self) -> Option<Loss> {
        let down = self.0.values().find(|down| down.state == State::New)?;
        let loss = Loss { cause: down.cause.clone(), since: down.since, relapsed: down.relapsed };
        self.mark_notified();
        Some(loss)
    }

    /// Links that have worked again for `hold` while others are down.
    pub(super) fn take_back(&mut self, now: Timestamp, hold: Duration) -> Vec<PlatformName> {
        if self.down().is_empty() {
            return Vec::new();
        }
        let is_up = |state| matches!(state, State::Up(since) if now >= after(since, hold));
        let back = self.0.iter_mut().filter(|(_, down)| is_up(down.state));
        back.map(|(platform, down)| {
            down.state = State::Back;
            platform.clone()
        })
        .collect()
    }

    /// The links that are red, with their reasons.
    pub(super) fn down(&self) -> Vec<(PlatformName, Reason)> {
        self.which(|state| matches!(state, State::New | State::Notified))
    }

    /// The links whose recovery was not notified, with the reason why they were down.
    pub(super) fn not_back(&self) -> Vec<(PlatformName, Reason)> {
        self.which(|state| state != State::Back)
    }

    fn which(&self, wanted: impl Fn(State) -> bool) -> Vec<(PlatformName, Reason)> {
        let found = self.0.iter().filter(|(_, down)| wanted(down.state));
        found.map(|(platform, down)| (platform.clone(), down.cause.reason)).collect()
    }

    /// When [`Self::take_back`] may return something.
    pub(super) fn deadlines(&self, hold: Duration) -> impl Iterator<Item = Timestamp> {
        self.0.values().filter_map(move |down| match down.state {
            State::Up(since) => Some(after(since, hold)),
            _ => None,
        })
    }
}
