//! The queue of one channel. Pure: times are arguments.
//!
//! A message is sent once. One that cannot be sent is retried with growing pauses, for an hour at most. Late messages are
//! merged into one, with the newest state of each profile.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::outgoing::Outgoing;
use crate::alerts::{Affected, Notice, NoticeKind};
use crate::health::Reason;
use crate::health::timer::after;
use crate::text::{Lang, Message, channels as say};

/// Capacity of the queue; when it is full, the oldest message is dropped.
const MAX_WAITING: usize = 50;
/// Maximum number of profiles whose reported trouble is remembered.
const MAX_REPORTED: usize = 200;
/// Age at which a message is dropped.
const MAX_AGE: Duration = Duration::from_secs(3_600);
/// A message sent this long after its event is marked as late.
const LATE: SignedDuration = SignedDuration::from_secs(60);
/// How long a notice waits for profiles that go down or recover at the same time.
const GATHER: Duration = Duration::from_millis(700);
/// Pause after the first failed attempt; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause, unless the server asks for a longer one.
const MAX_PAUSE: Duration = Duration::from_secs(600);

/// The queue and the state of the channel; stored across restarts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Entry>,
    /// Profiles whose trouble was reported and whose recovery was not.
    reported: BTreeMap<String, Reported>,
    /// When the server last accepted a message.
    pub(crate) last_sent: Option<Timestamp>,
    /// Why the last attempt failed; `None`: it succeeded.
    pub(crate) failure: Option<Failure>,
    attempts: u32,
    not_before: Option<Timestamp>,
    /// Number of entries at the front that are part of the message that was handed out last.
    #[serde(skip)]
    handed_out: usize,
    /// The group that was handed out last, and what its message said.
    #[serde(skip)]
    last_group: Option<(Group, BTreeSet<String>)>,
}

/// A notice that other profiles may join while it is new. A recovery has the id of the notice that it replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    id: u64,
    kind: NoticeKind,
}

impl Group {
    /// The group of a notice; `None`: other profiles cannot join it.
    pub(crate) fn of(notice: &Notice) -> Option<Self> {
        let joined = matches!(notice.kind, NoticeKind::Down | NoticeKind::Recovered);
        joined.then_some(Self { id: notice.id, kind: notice.kind })
    }
}

/// Why and when an attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) at: Timestamp,
    pub(crate) why: Message,
}

/// Trouble of a profile that was reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reported {
    pub(crate) reason: Reason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<String>,
    /// When it began.
    pub(crate) since: Timestamp,
    /// When it was last reported.
    pub(crate) at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    #[serde(skip)]
    group: Option<Group>,
    /// A summary for each profile of what it says.
    #[serde(skip)]
    news: Vec<String>,
    queued: Timestamp,
    /// Until when other profiles may join it.
    ready: Timestamp,
    message: Outgoing,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    /// Send this.
    Send(Box<Outgoing>),
    /// Wait until this time.
    Wait(Timestamp),
    /// Nothing until something is queued or the network is back.
    Idle,
}

/// How an attempt failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failed {
    /// It may work later.
    Later(Option<Duration>),
    /// The server will never accept this message.
    ForGood,
}

impl Outbox {
    /// Queues the message of a notice. It replaces one of the same group that was not handed out yet. `reported`: what the user
    /// then knows about each of its profiles.
    pub(crate) fn push_notice(
        &mut self,
        now: Timestamp,
        notice: &Notice,
        message: Outgoing,
        reported: impl IntoIterator<Item = (String, Option<Reported>)>,
    ) {
        for (profile, reported) in reported {
            match reported {
                Some(reported) => self.reported.insert(profile, reported),
                None => self.reported.remove(&profile),
            };
        }
        while self.reported.len() > MAX_REPORTED {
            let oldest = self
                .reported
                .iter()
                .min_by_key(|(_, reported)| reported.at)
                .map(|(profile, _)| profile.clone());
            let Some(oldest) = oldest else { break };
            self.reported.remove(&oldest);
        }
        let group = Group::of(notice);
        let news = notice.affected.iter().map(summary_of).collect();
        let mut free = self.waiting.iter_mut().skip(self.handed_out);
        if let Some(entry) = free.find(|entry| group.is_some() && entry.group == group) {
            (entry.message, entry.news) = (message, news);
            return;
        }
        let ready = after(now, GATHER);
        self.add(Entry { group, news, queued: now, ready, message });
    }

    fn add(&mut self, entry: Entry) {
        self.waiting.push_back(entry);
        if self.waiting.len() - self.handed_out > MAX_WAITING {
            self.waiting.remove(self.handed_out);
        }
    }

    /// Whether a handed out message of this group has said this already.
    pub(crate) fn is_handed_out(&self, group: Group, said: &str) -> bool {
        self.last_group.as_ref().is_some_and(|(last, news)| *last == group && news.contains(said))
    }

    /// The reported trouble of a profile.
    pub(crate) fn reported(&self, profile: &str) -> Option<&Reported> {
        self.reported.get(profile)
    }

    /// All profiles whose trouble was reported.
    pub(crate) fn all_reported(&self) -> impl Iterator<Item = (&String, &Reported)> {
        self.reported.iter()
    }

    /// Forgets the reported trouble of a profile that no longer exists.
    pub(crate) fn forget(&mut self, profile: &str) {
        self.reported.remove(profile);
    }

    /// Number of queued messages.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What to do now. Several late messages are merged into one.
    pub(crate) fn next(&mut self, now: Timestamp, lang: Lang, zone: &TimeZone) -> Next {
        self.drop_expired(now);
        if let Some(not_before) = self.not_before.filter(|at| now < *at) {
            return if self.waiting.is_empty() { Next::Idle } else { Next::Wait(not_before) };
        }
        let is_late = |entry: &Entry| now.duration_since(entry.message.at) >= LATE;
        let late = self.waiting.front().is_some_and(is_late);
        if late {
            self.drop_old_news();
        }
        let Some(entry) = self.waiting.front() else { return Next::Idle };
        if now < entry.ready {
            return Next::Wait(entry.ready);
        }
        self.handed_out = if late { self.waiting.len() } else { 1 };
        self.note_handed_out();
        let messages: Vec<&Outgoing> =
            self.waiting.iter().take(self.handed_out).map(|entry| &entry.message).collect();
        let message = match messages.as_slice() {
            [one] => (*one).clone(),
            several => Outgoing::digest(several, lang, zone),
        };
        Next::Send(Box::new(if late { message.late(lang, zone) } else { message }))
    }

    fn note_handed_out(&mut self) {
        for entry in self.waiting.iter().take(self.handed_out) {
            let Some(group) = entry.group else { continue };
            let (last, news) = self.last_group.get_or_insert_with(|| (group, BTreeSet::new()));
            if *last != group {
                (*last, *news) = (group, BTreeSet::new());
            }
            news.extend(entry.news.iter().cloned());
        }
    }

    /// The server accepted the message of [`Next::Send`].
    pub(crate) fn delivered(&mut self, now: Timestamp) {
        self.waiting.drain(..std::mem::take(&mut self.handed_out));
        self.last_sent = Some(now);
        self.failure = None;
        self.attempts = 0;
        self.not_before = None;
    }

    /// The attempt to send the message of [`Next::Send`] failed.
    pub(crate) fn failed(&mut self, now: Timestamp, why: Message, failed: &Failed) {
        self.failure = Some(Failure { at: now, why });
        match failed {
            Failed::ForGood => {
                let refused: Vec<Entry> =
                    self.waiting.drain(..std::mem::take(&mut self.handed_out)).collect();
                for entry in &refused {
                    self.mark_unreported(entry);
                }
                self.attempts = 0;
                self.not_before = None;
            }
            Failed::Later(asked) => {
                self.handed_out = 0;
                self.attempts = self.attempts.saturating_add(1);
                let doubled = FIRST_PAUSE.saturating_mul(1 << (self.attempts - 1).min(16)).min(MAX_PAUSE);
                let pause = asked.unwrap_or_default().max(doubled).min(MAX_AGE);
                self.not_before = Some(after(now, pause));
            }
        }
    }

    /// The server accepted a test message, or refused it for this reason.
    pub(crate) fn tested(&mut self, now: Timestamp, failed: Option<Message>) {
        self.failure = failed.map(|why| Failure { at: now, why });
        if self.failure.is_none() {
            self.last_sent = Some(now);
            self.try_at_once();
        }
    }

    /// Ends the pause: the network is back.
    pub(crate) fn try_at_once(&mut self) {
        self.attempts = 0;
        self.not_before = None;
    }

    fn drop_expired(&mut self, now: Timestamp) {
        let all = std::mem::take(&mut self.waiting).into_iter();
        let expired: VecDeque<Entry>;
        (expired, self.waiting) = all.partition(|entry| after(entry.queued, MAX_AGE) <= now);
        for entry in &expired {
            self.mark_unreported(entry);
        }
        if !expired.is_empty() {
            let last = self.failure.take().map(|failure| failure.why);
            let why = last.unwrap_or_else(|| Message::new(say::EXPIRED));
            self.failure = Some(Failure { at: now, why });
            self.attempts = 0;
        }
    }

    /// Marks dropped messages as not reported.
    fn mark_unreported(&mut self, entry: &Entry) {
        for profile in &entry.message.profiles {
            self.reported.remove(profile);
        }
    }

    /// Keeps the newest state of each profile.
    fn drop_old_news(&mut self) {
        let mut seen = BTreeSet::new();
        let mut kept = VecDeque::new();
        for entry in std::mem::take(&mut self.waiting).into_iter().rev() {
            let profiles = &entry.message.profiles;
            if profiles.is_empty() || profiles.iter().any(|profile| !seen.contains(profile)) {
                seen.extend(profiles.iter().cloned());
                kept.push_front(entry);
            }
        }
        self.waiting = kept;
    }
}

/// A summary of what a notice says about a profile, to recognise repetitions.
pub(crate) fn summary_of(affected: &Affected) -> String {
    let Affected { name, reason, platform, also, back, .. } = affected;
    format!("{name} {} {platform:?} {also:?} {back:?}", reason.code())
}

#[cfg(test)]
mod tests;
