//! Event sequences and the notices that they lead to, at which times.

mod properties;
mod scenarios;

use std::path::PathBuf;
use std::sync::Arc;

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
    let change = Change { at: at(seconds), profile: name.into(), from: Verdict::unknown(at(seconds)), to };
    Event::Change(Box::new(ProfileChange { profile: Arc::new(profile), change, history }))
}

/// A notice as one short text: `12 #3 down a,b`.
pub(crate) fn short(notice: &Notice) -> String {
    let kind = match notice.kind {
        NoticeKind::Down => "down".to_owned(),
        NoticeKind::FoundDown => "found".to_owned(),
        NoticeKind::Reminder => "reminder".to_owned(),
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
        .collect();
    let gone: Vec<String> = notice.withdrawn.iter().map(|id| format!(" -#{id}")).collect();
    format!("{} #{} {kind} {}{}", notice.at.as_second() - EPOCH, notice.id, lines.join(","), gone.concat())
}

/// Plays events at their times, with every deadline in between, until `end`.
pub(crate) fn play(settings: &NoticeSettings, events: Vec<(i64, Event)>, end: i64) -> Vec<Notice> {
    let mut policy = Policy::new(settings.clone(), at(-1));
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

/// The shorthand of the tables: `time profile code`, `h` before the time for history, and the words of [`event`].
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
        [_, "mute", "recovery"] => Event::Mute(name, Some(Mute::Recovery)),
        [_, "mute", until] => Event::Mute(name, Some(Mute::Until(at(until.parse().unwrap())))),
        [_, "unmute"] => Event::Mute(name, None),
        [_, "restart"] => Event::Restarting(name, true),
        [_, "restarted"] => Event::Restarting(name, false),
        [_, "removed"] => Event::Removed(name),
        [_, code] => changed(&name, t, Reason::from_code(code).unwrap(), history),
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
