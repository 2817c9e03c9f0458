//! Decides which notices a channel gets. Each channel has its own alert policy, with the rules of the notices on the
//! screen and the channel's filter and least light. The menu's switch for notifications does not matter. Pure: times
//! are arguments.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::outbox::{Group, Outbox, Reported, summary_of};
use crate::alerts::{Affected, Event, Notice, NoticeKind, Policy};
use crate::config::{ChannelSettings, Least, NoticeSettings};
use crate::health::{Light, Note, Reason, Verdict};
use crate::watcher::snapshot::{ProfileChange, Snapshot};

/// After a restart of Gatelight within this time, trouble that was reported before is not reported again.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(1);

/// The policy of one channel.
#[derive(Debug)]
pub(crate) struct Feed {
    profiles: Vec<String>,
    platforms: Vec<String>,
    policy: Policy,
}

impl Feed {
    /// A feed without any history.
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

    /// Whether these settings select the same profiles and platforms.
    pub(crate) fn has_filter_of(&self, channel: &ChannelSettings) -> bool {
        self.profiles == channel.profiles && self.platforms == channel.platforms
    }

    /// Applies new settings with the same filter.
    pub(crate) fn apply_settings(
        &mut self,
        now: Timestamp,
        channel: &ChannelSettings,
        notices: &NoticeSettings,
    ) -> Vec<Notice> {
        self.policy.step(now, Event::Settings(settings(channel, notices)))
    }

    /// Applies the present state of all profiles: what is down now was down before this channel existed.
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

    /// Applies an event and returns the notices that became due.
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
        // trouble of the gateway itself affects all its platforms
        self.platforms.is_empty() || platform.is_none_or(|id| self.platforms.iter().any(|name| name == id))
    }

    /// The change as the channel sees it: trouble of a platform that its filter excludes is replaced by the next reason that
    /// also holds, or by none.
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

/// The settings of the channel's policy: always enabled, with its own least light and quiet hours.
fn settings(channel: &ChannelSettings, notices: &NoticeSettings) -> NoticeSettings {
    let quiet = channel.quiet.as_ref().unwrap_or(&notices.quiet).clone();
    NoticeSettings { enabled: true, drop_at_once: channel.least == Least::Amber, quiet, ..notices.clone() }
}

/// The notice without what the user knows already from an earlier message of the same group, or from one before
/// Gatelight was restarted. `None`: nothing is left.
pub(crate) fn unreported(notice: &Notice, outbox: &Outbox, now: Timestamp) -> Option<Notice> {
    let known = |affected: &Affected| match outbox.reported(&affected.name) {
        Some(reported) if notice.kind == NoticeKind::FoundDown => {
            reported.reason == affected.reason
                && reported.platform.as_deref() == affected.platform.as_deref()
                && now.duration_since(reported.at) < KNOWN_FOR
        }
        _ => Group::of(notice).is_some_and(|group| outbox.is_handed_out(group, &summary_of(affected))),
    };
    let mut notice = notice.clone();
    notice.affected.retain(|affected| !known(affected));
    (!notice.affected.is_empty()).then_some(notice)
}

/// What the user knows about each profile after this notice was sent; `None`: no trouble.
pub(crate) fn reported(notice: &Notice) -> impl Iterator<Item = (String, Option<Reported>)> {
    let is_good = notice.is_good();
    notice.affected.iter().map(move |affected| {
        let since = notice.at.checked_sub(affected.lasted).unwrap_or(notice.at);
        let reported = Reported {
            reason: affected.reason,
            platform: affected.platform.as_deref().map(str::to_owned),
            since,
            at: notice.at,
        };
        (affected.name.clone(), (!is_good).then_some(reported))
    })
}

/// After a restart of Gatelight: a notice about profiles that were reported to be down and work now. Profiles that no longer
/// exist are forgotten.
pub(crate) fn recovered_meanwhile(
    outbox: &mut Outbox,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Option<Notice> {
    let mut affected = Vec::new();
    let mut gone = Vec::new();
    for (name, reported) in outbox.all_reported() {
        let Some(view) = snapshot.find(name) else {
            gone.push(name.clone());
            continue;
        };
        let verdict = &view.verdict;
        if verdict.light() == Light::Green && verdict.reason.works() {
            affected.push(Affected {
                name: name.clone(),
                reason: reported.reason,
                platform: reported.platform.as_deref().map(Into::into),
                missing: None,
                external_drain: false,
                also: Vec::new(),
                back: Vec::new(),
                now: verdict.reason,
                lasted: verdict.since.max(reported.since).duration_since(reported.since),
                proof: None,
            });
        }
    }
    for name in &gone {
        outbox.forget(name);
    }
    // the policy never uses this id: it counts from 1
    let notice = Notice { id: 0, at: now, kind: NoticeKind::Recovered, affected, withdrawn: Vec::new() };
    (!notice.affected.is_empty()).then_some(notice)
}

#[cfg(test)]
mod tests;
