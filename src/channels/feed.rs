//! Which notices a channel gets. Each has an alert policy of its own: the same rules as for notices on the screen, but
//! with the channel's filter and least light, and whatever the menu switches off there. Pure: times are arguments.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::outbox::{Group, Outbox, Told, said_of};
use crate::alerts::{Affected, Event, Notice, NoticeKind, Policy};
use crate::config::{ChannelSettings, Least, NoticeSettings};
use crate::health::{Light, Note, Reason, Verdict};
use crate::watcher::snapshot::{ProfileChange, Snapshot};

/// News that were told are not told again after a restart of Gatelight within this time.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(1);

/// The policy of one channel.
#[derive(Debug)]
pub(crate) struct Feed {
    profiles: Vec<String>,
    platforms: Vec<String>,
    policy: Policy,
}

impl Feed {
    /// A feed that has seen nothing.
    pub(crate) fn new(
        channel: &ChannelSettings,
        notices: &NoticeSettings,
        zone: TimeZone,
        now: Timestamp,
    ) -> Self {
        Self {
            profiles: channel.profiles.clone(),
            platforms: channel.platforms.clone(),
            policy: Policy::new(settings(channel, notices), zone, now),
        }
    }

    /// Whether the settings want the same profiles and platforms.
    pub(crate) fn has_filter_of(&self, channel: &ChannelSettings) -> bool {
        self.profiles == channel.profiles && self.platforms == channel.platforms
    }

    /// Puts new settings with the same filter in force.
    pub(crate) fn apply_settings(
        &mut self,
        now: Timestamp,
        channel: &ChannelSettings,
        notices: &NoticeSettings,
    ) -> Vec<Notice> {
        self.policy.step(now, Event::Settings(settings(channel, notices)))
    }

    /// Takes in the present state of all profiles: what is down now was down before this channel was there.
    pub(crate) fn begin(&mut self, now: Timestamp, snapshot: &Snapshot) -> Vec<Notice> {
        let mut notices = Vec::new();
        for view in &snapshot.profiles {
            notices.extend(self.step(now, &Event::Change(Box::new(view.as_change(false)))));
            let links = view.verdict.links.clone();
            notices.extend(self.step(now, &Event::Links(view.profile.name.clone(), links)));
        }
        if snapshot.complete {
            notices.extend(self.step(now, &Event::Started));
        }
        notices
    }

    /// Takes an event in and returns the notices that became due.
    pub(crate) fn step(&mut self, now: Timestamp, event: &Event) -> Vec<Notice> {
        let event = match event {
            Event::Change(change) if !self.wants(&change.profile.name) => return Vec::new(),
            Event::Links(profile, _) if !self.wants(profile) => return Vec::new(),
            Event::Links(profile, links) => {
                let wanted = links.iter().filter(|link| self.wants_platform(Some(&link.platform)));
                Event::Links(profile.clone(), wanted.cloned().collect())
            }
            Event::Change(change) => Event::Change(Box::new(self.filtered(change))),
            other => other.clone(),
        };
        self.policy.step(now, event)
    }

    /// Returns the notices that became due by now.
    pub(crate) fn tick(&mut self, now: Timestamp) -> Vec<Notice> {
        self.policy.tick(now)
    }

    /// When to call [`Self::tick`] next.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.policy.next_deadline()
    }

    fn wants(&self, profile: &str) -> bool {
        self.profiles.is_empty() || self.profiles.iter().any(|name| name == profile)
    }

    fn wants_platform(&self, platform: Option<&str>) -> bool {
        // trouble of the gateway itself is trouble of all its platforms
        self.platforms.is_empty() || platform.is_none_or(|id| self.platforms.iter().any(|name| name == id))
    }

    /// The change as the channel sees it: trouble of a platform that it is not told of gives way to the next reason that
    /// holds too, or counts as none.
    fn filtered(&self, change: &ProfileChange) -> ProfileChange {
        let mut change = change.clone();
        let verdict = &mut change.change.to;
        if !self.wants_platform(verdict.platform.as_deref()) {
            *verdict = self.next_reason(verdict);
        }
        change
    }

    fn next_reason(&self, verdict: &Verdict) -> Verdict {
        let next = verdict.notes.iter().find_map(|note| match note {
            Note::Also(reason, platform, proof) if self.wants_platform(platform.as_deref()) => {
                Some((*reason, platform.clone(), proof.clone()))
            }
            _ => None,
        });
        let (reason, platform, evidence) = next.unwrap_or((Reason::Connected, None, None));
        Verdict { own_light: None, reason, platform, evidence, ..verdict.clone() }
    }
}

/// The rules of the channel: switched on whatever the screen does, red or amber as it wants, with its own quiet hours.
fn settings(channel: &ChannelSettings, notices: &NoticeSettings) -> NoticeSettings {
    let quiet = channel.quiet.as_ref().unwrap_or(&notices.quiet).clone();
    NoticeSettings { enabled: true, drop_at_once: channel.least == Least::Amber, quiet, ..notices.clone() }
}

/// The notice without what the user knows: what stands in an earlier message about it, and those whose trouble was
/// told before Gatelight was started again. `None`: nothing is left.
pub(crate) fn news(notice: &Notice, outbox: &Outbox, now: Timestamp) -> Option<Notice> {
    let known = |affected: &Affected| match outbox.told(&affected.name) {
        Some(told) if notice.kind == NoticeKind::FoundDown => {
            told.reason == affected.reason
                && told.platform.as_deref() == affected.platform.as_deref()
                && now.duration_since(told.at) < KNOWN_FOR
        }
        _ => Group::of(notice).is_some_and(|group| outbox.is_handed_out(group, &said_of(affected))),
    };
    let mut notice = notice.clone();
    notice.affected.retain(|affected| !known(affected));
    (!notice.affected.is_empty()).then_some(notice)
}

/// What is known to the user once this notice was told.
pub(crate) fn told(notice: &Notice) -> impl Iterator<Item = (String, Option<Told>)> {
    let is_good = notice.is_good();
    notice.affected.iter().map(move |affected| {
        let since = notice.at.checked_sub(affected.lasted).unwrap_or(notice.at);
        let told = Told {
            reason: affected.reason,
            platform: affected.platform.as_deref().map(str::to_owned),
            since,
            at: notice.at,
        };
        (affected.name.clone(), (!is_good).then_some(told))
    })
}

/// After a restart of Gatelight: the notice of profiles that were told to be down and work by now. Profiles that are gone
/// are forgotten.
pub(crate) fn recovered_meanwhile(
    outbox: &mut Outbox,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Option<Notice> {
    let mut affected = Vec::new();
    let mut gone = Vec::new();
    for (name, told) in outbox.all_told() {
        let Some(view) = snapshot.find(name) else {
            gone.push(name.clone());
            continue;
        };
        let verdict = &view.verdict;
        if verdict.light() == Light::Green && verdict.reason.works() {
            affected.push(Affected {
                name: name.clone(),
                reason: told.reason,
                platform: told.platform.as_deref().map(Into::into),
                missing: None,
                also: Vec::new(),
                back: Vec::new(),
                now: verdict.reason,
                lasted: verdict.since.max(told.since).duration_since(told.since),
                proof: None,
            });
        }
    }
    for name in &gone {
        outbox.forget(name);
    }
    // no notice of the policy has this id: they count from 1
    let notice = Notice { id: 0, at: now, kind: NoticeKind::Recovered, affected, withdrawn: Vec::new() };
    (!notice.affected.is_empty()).then_some(notice)
}

#[cfg(test)]
mod tests;
