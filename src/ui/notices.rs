//! The alert policy: what is told as a notification, and when. Pure; time is an argument.
//!
//! An incident opens when a profile's light turns red and ends when its light held green for a while. It is told once
//! when it opens, once when it ended, and by reminders in between; reasons that change within it are for the menu. What
//! fails after it was stopped on purpose, and left so for that while, is another incident.
//! Where telling has to wait (sleep, no network, a restart of ours, a mute), what still holds afterwards is told then.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::menu::shown;
use crate::config::NoticeSettings;
use crate::health::{Light, Proof, Reason, RestartHelps};
use crate::snapshot::ProfileChange;
use crate::text::{self, Lang, Phrase, duration, fill, notice as say};

/// After a change that was history at the time, the light has to hold this long before it is believed to be the last.
const HISTORY_SETTLES: Duration = Duration::from_secs(5);
/// Longest list of profiles in one notice.
const MOST_LINES: usize = 6;

/// What the policy is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A light or a reason changed.
    Change(Box<ProfileChange>),
    /// A profile is watched no longer.
    Removed(String),
    /// Every profile has had its first verdict: what is red now was found, not seen falling.
    Started,
    /// The user wants silence about a profile; `None` takes it back.
    Mute(String, Option<Mute>),
    /// The machine has no network (any more).
    Offline(bool),
    /// The machine goes to sleep.
    Sleep,
    /// The machine woke up.
    Wake,
    /// A restart that we started is under way (or over).
    Restarting(String, bool),
    /// Other settings.
    Settings(NoticeSettings),
}

/// How long a profile stays silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mute {
    /// Until this time.
    Until(Timestamp),
    /// Until it recovered.
    Recovery,
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// A notice with the id of an earlier one takes its place on the screen.
    pub id: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// What it is about.
    pub kind: Kind,
    /// Whom it is about; never empty.
    pub profiles: Vec<Line>,
    /// Earlier notices that it makes obsolete: they may leave the screen.
    pub withdrawn: Vec<u64>,
}

/// Kinds of notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Fell just now.
    Down,
    /// Was red when Gatelight started.
    FoundRed,
    /// Still red.
    Reminder,
    /// Works again, and held.
    Recovered,
    /// Comes and goes: so many incidents within this window; silent until it held so long.
    Unstable {
        /// How many.
        incidents: usize,
        /// In which window.
        window: Duration,
        /// Until it held for so long.
        hold: Duration,
    },
    /// Held long enough not to be unstable any more.
    StableAgain {
        /// How long it held.
        hold: Duration,
    },
}

/// One profile of a notice.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Why it is (or was) down.
    pub reason: Reason,
    /// The reason shown now (`connected`, `running`), for a recovery.
    pub now: Reason,
    /// Since the incident opened; for a recovery, until it worked again.
    pub lasted: SignedDuration,
    /// What showed the trouble.
    pub proof: Option<Proof>,
}

/// What a button of a notice asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Restart these profiles.
    Restart(Vec<String>),
    /// Open the log of this profile.
    OpenLog(String),
}

/// One button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What the notification server calls it.
    pub key: &'static str,
    /// What stands on it.
    pub label: Phrase,
    /// What it asks for.
    pub action: Action,
}

/// A notice in words. Plain text: whoever shows it escapes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub title: String,
    /// A few lines.
    pub body: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Track {
    reason: Reason,
    proof: Option<Proof>,
    since: Timestamp,
    /// Since when it works without a break.
    working_since: Option<Timestamp>,
    /// Since when it is stopped on purpose.
    stopped_since: Option<Timestamp>,
    incident: Option<Incident>,
    /// When the latest incidents were told.
    told: VecDeque<Timestamp>,
    unstable: bool,
    mute: Option<Mute>,
    restarting: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Incident {
    opened: Timestamp,
    reason: Reason,
    proof: Option<Proof>,
    /// It was red already when we looked for the first time.
    found: bool,
    /// Not told before this.
    not_before: Timestamp,
    told: Option<Told>,
    /// How the one was told that it follows, where that did not recover in between.
    before: Option<Told>,
    /// It was stopped on purpose since, and not for a moment only.
    left_alone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Told {
    id: u64,
    /// Whether it was a notice of its own (and not of several).
    alone: bool,
    next_reminder: Timestamp,
}

/// Several profiles in one notice: the latest one, which the next may join.
#[derive(Debug, Clone, PartialEq)]
struct Open {
    id: u64,
    at: Timestamp,
    lines: Vec<Line>,
}

/// The policy and what it remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    settings: NoticeSettings,
    profiles: BTreeMap<String, Track>,
    started: bool,
    asleep: bool,
    offline: bool,
    quiet_until: Option<Timestamp>,
    now: Timestamp,
    next_id: u64,
    last_down: Option<Open>,
    last_recovered: Option<Open>,
}

impl Policy {
    /// A policy that knows nothing yet.
    pub fn new(settings: NoticeSettings, now: Timestamp) -> Self {
        Self {
            settings,
            profiles: BTreeMap::new(),
            started: false,
            asleep: false,
            offline: false,
            quiet_until: None,
            now,
            next_id: 1,
            last_down: None,
            last_recovered: None,
        }
    }

    /// Whether this profile is muted, and how.
    pub fn mute(&self, profile: &str) -> Option<Mute> {
        self.profiles.get(profile).and_then(|t| t.mute)
    }

    /// Whether this profile comes and goes.
    pub fn unstable(&self, profile: &str) -> bool {
        self.profiles.get(profile).is_some_and(|t| t.unstable)
    }

    /// Takes an event in and says what is to be told now.
    pub fn step(&mut self, now: Timestamp, event: Event) -> Vec<Notice> {
        let now = self.advance(now);
        match event {
            Event::Change(change) => self.change(now, &change),
            Event::Removed(name) => {
                self.profiles.remove(&name);
            }
            Event::Started => self.started = true,
            Event::Mute(name, mute) => {
                // also one of which nothing was told yet
                let fresh = || Track::new(Reason::NoEvidence, now);
                self.profiles.entry(name).or_insert_with(fresh).mute = mute;
            }
            Event::Offline(offline) => {
                if self.offline && !offline {
                    self.be_quiet(now);
                }
                self.offline = offline;
            }
            Event::Sleep => self.asleep = true,
            Event::Wake => {
                self.asleep = false;
                self.be_quiet(now);
            }
            Event::Restarting(name, under_way) => {
                let fresh = || Track::new(Reason::NoEvidence, now);
                self.profiles.entry(name).or_insert_with(fresh).restarting = under_way;
            }
            Event::Settings(settings) => self.settings = settings,
        }
        self.settle(now)
    }

    /// Says what became due.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Notice> {
        let now = self.advance(now);
        self.settle(now)
    }

    /// When to call [`Self::tick`] next: always later than the last call, `None` where only an event can change
    /// anything.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let s = &self.settings;
        let mut times: Vec<Timestamp> = Vec::new();
        times.extend(self.quiet_until);
        for track in self.profiles.values() {
            if let Some(Mute::Until(until)) = track.mute {
                times.push(until);
            }
            if let Some(working) = track.working_since {
                if track.incident.is_some() || track.mute == Some(Mute::Recovery) {
                    times.push(later(working, s.recovery_hold));
                }
                if track.unstable {
                    times.push(later(working, s.unstable_hold));
                }
            } else if let Some(incident) = &track.incident {
                match incident.told {
                    None => times.push(incident.not_before),
                    Some(told) => times.push(told.next_reminder),
                }
            }
        }
        times.into_iter().filter(|t| *t > self.now).min()
    }

    /// Time never goes back here: after a step of the clock, deadlines come late rather than twice.
    fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.now
    }

    /// After a pause of the whole machine everything gets time to mend itself.
    fn be_quiet(&mut self, now: Timestamp) {
        self.quiet_until = Some(later(now, self.settings.after_wake));
    }

    fn change(&mut self, now: Timestamp, change: &ProfileChange) {
        let verdict = &change.change.to;
        let at = verdict.since.min(now);
        let fresh = || Track::new(verdict.reason, at);
        let track = self.profiles.entry(change.profile.name.clone()).or_insert_with(fresh);
        track.reason = verdict.reason;
        track.proof.clone_from(&verdict.evidence);
        track.since = at;
        if verdict.reason == Reason::Stopped {
            track.stopped_since.get_or_insert(at);
        } else if let Some(since) = track.stopped_since.take()
            && at >= later(since, self.settings.recovery_hold)
            && let Some(incident) = &mut track.incident
        {
            incident.left_alone = true;
        }
        if works(verdict.reason) {
            // history is not a recovery that somebody waited for, but its green counts from when it began
            let since = if change.history { at } else { now };
            track.working_since.get_or_insert(since);
            return;
        }
        track.working_since = None;
        if !is_down(verdict.reason, &self.settings) {
            return;
        }
        let found = change.history || !self.started;
        let not_before = if change.history && self.started { later(now, HISTORY_SETTLES) } else { now };
        match &mut track.incident {
            // nothing was said yet: say what is true then
            Some(incident) if incident.told.is_none() => {
                incident.reason = verdict.reason;
                incident.proof.clone_from(&verdict.evidence);
                // what is told now is what came after the stop
                incident.left_alone = false;
                if found {
                    incident.not_before = not_before;
                }
            }
            Some(incident) if !incident.left_alone => {}
            earlier => {
                let before = earlier.as_ref().and_then(|incident| incident.told);
                track.incident = Some(Incident {
                    opened: at,
                    reason: verdict.reason,
                    proof: verdict.evidence.clone(),
                    found,
                    not_before,
                    told: None,
                    before,
                    left_alone: false,
                });
            }
        }
    }

    /// Nothing may be told about anybody now.
    fn all_quiet(&self, now: Timestamp) -> bool {
        !self.started || self.asleep || self.offline || self.quiet_until.is_some_and(|until| now < until)
    }

    /// Everything that is due, in one go: profiles in the order of their names.
    fn settle(&mut self, now: Timestamp) -> Vec<Notice> {
        if self.quiet_until.is_some_and(|until| now >= until) {
            self.quiet_until = None;
        }
        for track in self.profiles.values_mut() {
            if matches!(track.mute, Some(Mute::Until(until)) if now >= until) {
                track.mute = None;
            }
        }
        if self.all_quiet(now) {
            return Vec::new();
        }
        let mut notices = Vec::new();
        let mut fell = Vec::new();
        let mut found = Vec::new();
        let mut reminders = Vec::new();
        let mut recovered = Vec::new();
        let s = self.settings.clone();
        for (name, track) in self.profiles.iter_mut().filter(|(_, t)| !t.restarting) {
            if track.unstable && track.held(now, s.unstable_hold) {
                track.unstable = false;
                track.told.clear();
                if track.may_speak(&s) {
                    let line = track.line(name, now);
                    let kind = Kind::StableAgain { hold: s.unstable_hold };
                    notices.push(Notice::new(self.next_id, now, kind, vec![line]));
                    self.next_id += 1;
                }
            }
            let recovered_now = track.held(now, s.recovery_hold);
            // also where there was no incident: else it would swallow the next one
            if recovered_now && track.mute == Some(Mute::Recovery) {
                track.mute = None;
            }
            if track.incident.is_some() && recovered_now {
                let line = track.line(name, now);
                let told = track.incident.take().and_then(|incident| incident.told.or(incident.before));
                if let Some(told) = told.filter(|_| !track.unstable && track.may_speak(&s)) {
                    recovered.push((line, told));
                }
                continue;
            }
            if !is_down(track.reason, &s) || !track.may_speak(&s) {
                continue;
            }
            let line = track.line(name, now);
            let Some(incident) = &mut track.incident else {
                continue;
            };
            match &mut incident.told {
                Some(told) => {
                    let red = track.reason.light() == Light::Red;
                    if s.reminders && red && now >= told.next_reminder {
                        told.next_reminder = later(now, s.next_reminders);
                        reminders.push((line, *told));
                    }
                }
                None if incident.not_before <= now => {
                    let next_reminder = later(now, s.first_reminder);
                    let told = incident.told.insert(Told { id: 0, alone: true, next_reminder });
                    let oldest = earlier(now, s.unstable_window);
                    track.told.retain(|t| *t > oldest);
                    track.told.push_back(now);
                    if track.unstable {
                        // told by the `unstable` notice
                    } else if track.told.len() >= s.unstable_incidents {
                        track.unstable = true;
                        let kind = Kind::Unstable {
                            incidents: track.told.len(),
                            window: s.unstable_window,
                            hold: s.unstable_hold,
                        };
                        told.id = self.next_id;
                        self.next_id += 1;
                        notices.push(Notice::new(told.id, now, kind, vec![line]));
                    } else if incident.found {
                        found.push(line);
                    } else {
                        fell.push(line);
                    }
                }
                None => {}
            }
        }
        self.tell_found(now, found, &mut notices);
        self.tell_down(now, fell, &mut notices);
        self.tell_reminders(now, reminders, &mut notices);
        self.tell_recovered(now, recovered, &mut notices);
        notices
    }

    fn tell_found(&mut self, now: Timestamp, lines: Vec<Line>, notices: &mut Vec<Notice>) {
        if lines.is_empty() {
            return;
        }
        let id = self.take_id();
        self.mark(&lines, id, lines.len() == 1);
        notices.push(Notice::new(id, now, Kind::FoundRed, lines));
    }

    /// A profile that falls shortly after another joins its notice, which is shown anew under the same id: so the
    /// first one need not wait to see whether others follow.
    fn tell_down(&mut self, now: Timestamp, lines: Vec<Line>, notices: &mut Vec<Notice>) {
        if lines.is_empty() {
            return;
        }
        let joined = self.last_down.take().filter(|open| open.joins(now, self.settings.group_window));
        let (id, mut all) = match joined {
            Some(mut open) => {
                open.lines.retain(|l| self.still_down(&l.name) && lines.iter().all(|n| n.name != l.name));
                (open.id, open.lines)
            }
            None => (self.take_id(), Vec::new()),
        };
        all.extend(lines);
        self.mark(&all, id, all.len() == 1);
        self.last_down = Some(Open { id, at: now, lines: all.clone() });
        notices.push(Notice::new(id, now, Kind::Down, all));
    }

    fn tell_reminders(&mut self, now: Timestamp, due: Vec<(Line, Told)>, notices: &mut Vec<Notice>) {
        let id = match due.as_slice() {
            [] => return,
            [(_, told)] if told.alone && told.id > 0 => told.id,
            _ => self.take_id(),
        };
        let (lines, told): (Vec<Line>, Vec<Told>) = due.into_iter().unzip();
        self.mark(&lines, id, lines.len() == 1);
        let withdrawn = self.obsolete(&told, id);
        notices.push(Notice { withdrawn, ..Notice::new(id, now, Kind::Reminder, lines) });
    }

    /// A recovery takes the place of the notice that told the trouble, where that was about this profile alone.
    fn tell_recovered(&mut self, now: Timestamp, due: Vec<(Line, Told)>, notices: &mut Vec<Notice>) {
        if due.is_empty() {
            return;
        }
        let joined = self.last_recovered.take().filter(|open| open.joins(now, self.settings.group_window));
        let (id, mut all) = match (joined, due.as_slice()) {
            (Some(mut open), _) => {
                open.lines.retain(|l| due.iter().all(|(n, _)| n.name != l.name));
                (open.id, open.lines)
            }
            (None, [(_, told)]) if told.alone && told.id > 0 => (told.id, Vec::new()),
            (None, _) => (self.take_id(), Vec::new()),
        };
        // a profile that falls later must not join a notice whose place is taken
        if self.last_down.as_ref().is_some_and(|open| open.id == id) {
            self.last_down = None;
        }
        let (lines, told): (Vec<Line>, Vec<Told>) = due.into_iter().unzip();
        all.extend(lines);
        self.last_recovered = Some(Open { id, at: now, lines: all.clone() });
        let withdrawn = self.obsolete(&told, id);
        notices.push(Notice { withdrawn, ..Notice::new(id, now, Kind::Recovered, all) });
    }

    /// The notices that told these, as far as no open incident stands in them any more.
    fn obsolete(&self, told: &[Told], new: u64) -> Vec<u64> {
        let used = |id| {
            self.profiles
                .values()
                .any(|t| t.incident.as_ref().and_then(|i| i.told).is_some_and(|t| t.id == id))
        };
        let mut ids: Vec<u64> =
            told.iter().map(|t| t.id).filter(|id| *id > 0 && *id != new && !used(*id)).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    fn mark(&mut self, lines: &[Line], id: u64, alone: bool) {
        for line in lines {
            let told = self.profiles.get_mut(&line.name).and_then(|t| t.incident.as_mut()?.told.as_mut());
            if let Some(told) = told {
                (told.id, told.alone) = (id, alone);
            }
        }
    }

    fn still_down(&self, name: &str) -> bool {
        self.profiles.get(name).is_some_and(|t| t.incident.is_some())
    }
}

impl Open {
    fn joins(&self, now: Timestamp, together: Duration) -> bool {
        now <= later(self.at, together) && !together.is_zero()
    }
}

impl Track {
    const fn new(reason: Reason, since: Timestamp) -> Self {
        Self {
            reason,
            proof: None,
            since,
            working_since: None,
            stopped_since: None,
            incident: None,
            told: VecDeque::new(),
            unstable: false,
            mute: None,
            restarting: false,
        }
    }

    /// It has worked without a break for so long.
    fn held(&self, now: Timestamp, span: Duration) -> bool {
        self.working_since.is_some_and(|since| now >= later(since, span))
    }

    fn may_speak(&self, settings: &NoticeSettings) -> bool {
        settings.enabled && self.mute.is_none()
    }

    fn line(&self, name: &str, now: Timestamp) -> Line {
        let (opened, reason, proof) = match &self.incident {
            Some(i) if works(self.reason) => (i.opened, i.reason, i.proof.clone()),
            Some(i) => (i.opened, self.reason, self.proof.clone()),
            None => (self.since, self.reason, None),
        };
        let end = self.working_since.unwrap_or(now);
        let lasted = end.duration_since(opened).max(SignedDuration::ZERO);
        Line { name: name.to_owned(), reason, now: self.reason, lasted, proof }
    }
}

/// The gateway does its work.
fn works(reason: Reason) -> bool {
    reason.light() == Light::Green || reason == Reason::Unsupervised
}

/// An incident.
fn is_down(reason: Reason, settings: &NoticeSettings) -> bool {
    reason.light() == Light::Red || (settings.drop_at_once && reason == Reason::Reconnecting)
}

fn later(at: Timestamp, span: Duration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}

fn earlier(at: Timestamp, span: Duration) -> Timestamp {
    at.saturating_sub(span).unwrap_or(Timestamp::MIN)
}

impl Notice {
    const fn new(id: u64, at: Timestamp, kind: Kind, profiles: Vec<Line>) -> Self {
        Self { id, at, kind, profiles, withdrawn: Vec::new() }
    }

    /// Its buttons: Restart and Open Log for one profile in trouble; Restart for those of several where it helps.
    pub fn buttons(&self) -> Vec<Button> {
        if matches!(self.kind, Kind::Recovered | Kind::StableAgain { .. }) {
            return Vec::new();
        }
        let restart = |names| Button { key: "restart", label: say::RESTART, action: Action::Restart(names) };
        if let [line] = self.profiles.as_slice() {
            let open = Action::OpenLog(line.name.clone());
            return vec![
                restart(vec![line.name.clone()]),
                Button { key: "open-log", label: say::OPEN_LOG, action: open },
            ];
        }
        let helped: Vec<String> = self
            .profiles
            .iter()
            .filter(|l| l.reason.restart().is_some_and(RestartHelps::now))
            .map(|l| l.name.clone())
            .collect();
        if helped.is_empty() { Vec::new() } else { vec![restart(helped)] }
    }

    /// Good news need not draw attention.
    pub const fn is_good(&self) -> bool {
        matches!(self.kind, Kind::Recovered | Kind::StableAgain { .. })
    }

    /// The notice in words.
    pub fn words(&self, lang: Lang) -> Words {
        match self.profiles.as_slice() {
            [line] => self.words_of_one(lang, line),
            lines => self.words_of_several(lang, lines),
        }
    }

    fn words_of_one(&self, lang: Lang, line: &Line) -> Words {
        let title = lang.pick(line.reason.entry().title);
        let lasted = duration(lang, line.lasted);
        let say = |phrase: Phrase| {
            fill(lang.pick(phrase), &[("name", &shown(&line.name)), ("title", title), ("lasted", &lasted)])
        };
        let span = |d: Duration| duration(lang, SignedDuration::try_from(d).unwrap_or(SignedDuration::MAX));
        match self.kind {
            Kind::Down => Words { title: say(say::DOWN), body: trouble(lang, line.reason) },
            Kind::FoundRed => {
                let first = if line.lasted.as_secs() >= 60 { say(say::SINCE_BEFORE) } else { String::new() };
                Words { title: say(say::DOWN), body: sentences(lang, &[&first, &trouble(lang, line.reason)]) }
            }
            Kind::Reminder => Words {
                title: say(say::REMINDER),
                body: sentences(lang, &[&say(say::DOWN_FOR), &trouble(lang, line.reason)]),
            },
            Kind::Recovered => {
                let now = lang.pick(line.now.entry().title);
                Words {
                    title: fill(lang.pick(say::RECOVERED), &[("name", &shown(&line.name)), ("title", now)]),
                    body: say(say::WAS_DOWN_FOR),
                }
            }
            Kind::Unstable { incidents, window, hold } => Words {
                title: say(say::UNSTABLE),
                body: fill(
                    lang.pick(say::UNSTABLE_BODY),
                    &[
                        ("count", &incidents.to_string()),
                        ("window", &span(window)),
                        ("title", title),
                        ("hold", &span(hold)),
                    ],
                ),
            },
            Kind::StableAgain { hold } => Words {
                title: say(say::STABLE_AGAIN),
                body: fill(lang.pick(say::STABLE_BODY), &[("hold", &span(hold))]),
            },
        }
    }

    fn words_of_several(&self, lang: Lang, lines: &[Line]) -> Words {
        let (title, each) = match self.kind {
            Kind::FoundRed => (say::FOUND_SEVERAL, say::LINE_LASTED),
            Kind::Reminder => (say::REMINDER_SEVERAL, say::LINE_LASTED),
            Kind::Recovered | Kind::StableAgain { .. } => (say::RECOVERED_SEVERAL, say::LINE_LASTED),
            Kind::Down | Kind::Unstable { .. } => (say::DOWN_SEVERAL, say::LINE),
        };
        let mut body: Vec<String> = lines
            .iter()
            .take(MOST_LINES)
            .map(|l| {
                let title = lang.pick(l.reason.entry().title);
                let lasted = duration(lang, l.lasted);
                fill(lang.pick(each), &[("name", &shown(&l.name)), ("title", title), ("lasted", &lasted)])
            })
            .collect();
        if lines.len() > MOST_LINES {
            let rest = (lines.len() - MOST_LINES).to_string();
            body.push(fill(lang.pick(say::AND_MORE), &[("count", &rest)]));
        }
        let count = lines.len().to_string();
        Words { title: fill(lang.pick(title), &[("count", &count)]), body: body.join("\n") }
    }
}

/// Whether a restart helps, in words; empty where nothing is wrong.
pub fn restart_helps(lang: Lang, reason: Reason) -> &'static str {
    reason.restart().map_or("", |helps| lang.pick(text::restart::helps(helps)))
}

/// What it means, whether a restart helps, and what does where it does not.
fn trouble(lang: Lang, reason: Reason) -> String {
    let entry = reason.entry();
    let advice = if entry.restart.is_none_or(RestartHelps::now) { "" } else { lang.pick(entry.advice) };
    sentences(lang, &[lang.pick(entry.meaning), restart_helps(lang, reason), advice])
}

/// Sentences one after the other; Chinese ones need no space between them.
fn sentences(lang: Lang, parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|p| !p.is_empty()).collect();
    parts.join(match lang {
        Lang::En => " ",
        Lang::Zh => "",
    })
}

#[cfg(test)]
mod tests;
