//! Event sequences and the notices that they lead to, at which times.

mod links;
mod properties;
mod scenarios;
mod silences;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::health::Reason;

use crate::health::{Change, Proof, Verdict};
use crate::profile::Profile;

pub(crate) const EPOCH: i64 = 1_790_000_000;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(EPOCH + seconds).unwrap()
}

pub(crate) fn changed(name: &str, seconds: i64, reason: Reason, history: bool) -> Event {
    let profile = Profile { name: name.to_owned(), home: PathBuf::from("/h"), job: None, logs: Vec::new() };
    let mut to = Verdict::unknown(at(seconds));
    to.reason = reason;
    to.evidence = Some(Proof::new("agent.log", "a line", at(seconds)));
    let change =
        Change { at: at(seconds), profile: name.into(), from: Verdict::unknown(at(seconds)).glance(), to };
    Event::Change(Box::new(ProfileChange { profile: Arc::new(profile), change, history }))
}

pub(crate) fn silenced(name: &str, mute: Option<Mute>, acknowledged: Option<Reason>) -> Event {
    let acknowledged = acknowledged.map(|reason| Acknowledged { reason, platform: None });
    Event::Silences(Silences::from([(name.to_owned(), Silence { mute, acknowledged })]))
}

/// A notice as one short text: `12 #3 down a,b`.
pub(crate) fn short(notice: &Notice) -> String {
    let kind = match notice.kind {
        NoticeKind::Down => "down".to_owned(),
        NoticeKind::FoundDown => "found".to_owned(),
        NoticeKind::Reminder => "reminder".to_owned(),
        NoticeKind::LinkBack => "link-back".to_owned(),
        NoticeKind::Recovered => "recovered".to_owned(),
        NoticeKind::Flapping { incidents, .. } => format!("flapping({incidents})"),
        NoticeKind::StableAgain { .. } => "stable".to_owned(),
    };
    let lines: Vec<String> = notice
        .affected
        .iter()
        .map(|l| match notice.kind {
            NoticeKind::Recovered => format!("{}({})", l.name, l.lasted.as_secs()),
            _ => l.name.clone(),
        })
        .zip(&notice.affected)
        .map(|(text, l)| {
            let platforms = l.platform.iter().chain(l.also.iter().map(|(platform, _)| platform));
            let down: Vec<&str> = platforms.map(|platform| &**platform).collect();
            let back = if l.back.is_empty() { String::new() } else { format!(" back:{}", l.back.join("+")) };
            if down.is_empty() { text } else { format!("{text}/{}{back}", down.join("+")) }
        })
        .collect();
    let gone: Vec<String> = notice.withdrawn.iter().map(|id| format!(" -#{id}")).collect();
    format!("{} #{} {kind} {}{}", notice.at.as_second() - EPOCH, notice.id, lines.join(","), gone.concat())
}

/// Plays events at their times, with every deadline in between, until `end`.
pub(crate) fn play(settings: &NoticeSettings, events: Vec<(i64, Event)>, end: i64) -> Vec<Notice> {
    let mut policy = Policy::new(settings.clone(), TimeZone::UTC, at(-1));
    let mut out = Vec::new();
    let mut turns = 0;
    let mut run_to = |policy: &mut Policy, out: &mut Vec<Notice>, limit: Timestamp| {
        while let Some(deadline) = policy.next_deadline().filter(|d| *d <= limit) {
            out.extend(policy.tick(deadline));
            assert!(policy.next_deadline().is_none_or(|next| next > deadline), "the loop would spin");
            turns += 1;
            assert!(turns < 100_000, "endless");
        }
    };
    for (seconds, event) in events {
        run_to(&mut policy, &mut out, at(seconds));
        out.extend(policy.step(at(seconds), event));
        assert!(policy.next_deadline().is_none_or(|next| next > at(seconds)), "the loop would spin");
    }
    run_to(&mut policy, &mut out, at(end));
    out
}

/// Links as `platform=code`; `!` before one that is ignored.
fn links(t: i64, words: &[&str]) -> Vec<LinkVerdict> {
    let link = |word: &&str| {
        let (platform, code) = word.split_once('=').unwrap();
        let reason = Reason::from_code(code).unwrap();
        LinkVerdict {
            ignored: platform.starts_with('!'),
            ..LinkVerdict::new(platform.trim_start_matches('!').into(), reason, at(t))
        }
    };
    words.iter().map(link).collect()
}

/// The shorthand of the tables: `time profile code links…`, `h` before the time for history, and the words of [`event`].
pub(crate) fn event(text: &str) -> (i64, Event) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (history, time) = match words[0].strip_prefix('h') {
        Some(rest) => (true, rest),
        None => (false, words[0]),
    };
    let t: i64 = time.parse().unwrap();
    let name = words[1].to_owned();
    let event = match words[1..] {
        ["started"] => Event::Started,
        ["wake"] => Event::Wake,
        ["offline"] => Event::Offline(true),
        ["online"] => Event::Offline(false),
        [_, "mute", "recovery"] => silenced(&name, Some(Mute::Recovery), None),
        [_, "mute", until] => silenced(&name, Some(Mute::Until(at(until.parse().unwrap()))), None),
        [_, "unmute"] => Event::Silences(Silences::new()),
        [_, "acknowledge", code] => silenced(&name, None, Reason::from_code(code)),
        [_, "restart"] => Event::Restarting(name, true),
        [_, "restarted"] => Event::Restarting(name, false),
        [_, "removed"] => Event::Removed(name),
        [_, code] => changed(&name, t, Reason::from_code(code).unwrap(), history),
        [_, "links", ref all @ ..] => Event::Links(name, links(t, all)),
        [_, code, ref all @ ..] => {
            let Event::Change(mut change) = changed(&name, t, Reason::from_code(code).unwrap(), history)
            else {
                panic!("{text}")
            };
            let verdict = &mut change.change.to;
            verdict.links = links(t, all);
            let cause = verdict.links.iter().find(|link| link.reason == verdict.reason);
            verdict.platform = cause.map(|link| link.platform.clone());
            Event::Change(change)
        }
        _ => panic!("{text}"),
    };
    (t, event)
}

pub(crate) fn table(settings: &NoticeSettings, rows: &[(&str, &[&str], &[&str])]) {
    for (what, events, expected) in rows {
        let events = events.iter().map(|e| event(e)).collect();
        let got: Vec<String> = play(settings, events, 400_000).iter().map(short).collect();
        assert_eq!(got, *expected, "{what}");
    }
}
