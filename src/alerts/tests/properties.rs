//! Properties that hold for any sequence of events.

use proptest::prelude::*;

use super::*;
use crate::health::Light;

/// Lights as random walks, with pauses of the machine, restarts and mutes.
fn histories(calm: bool) -> impl Strategy<Value = Vec<(i64, Event)>> {
    let names = ["a", "b", "c"];
    let codes =
        ["connected", "connected", "not-running", "reconnecting", "stopped", "executor-shutdown", "starting"];
    let step = (0..names.len(), 0..codes.len(), 0i64..200, 0usize..12).prop_map(move |(n, c, gap, other)| {
        let special = match other {
            0 | 1 => Some("wake"),
            2 => Some("offline"),
            3 => Some("online"),
            _ => None,
        };
        (gap, n, c, if calm { None } else { special })
    });
    prop::collection::vec(step, 1..60).prop_map(move |steps| {
        let mut t = 0;
        let mut events = vec![event("0 started")];
        for (gap, n, c, special) in steps {
            t += gap;
            events.push(match special {
                Some(word) => event(&format!("{t} {word}")),
                None => event(&format!("{t} {} {}", names[n], codes[c])),
            });
        }
        if !calm {
            events.push(event(&format!("{t} online")));
            events.push(event(&format!("{t} wake")));
        }
        for name in names {
            events.push(event(&format!("{} {name} connected", t + 10)));
        }
        events
    })
}

fn reasons_of<'a>(events: &'a [(i64, Event)], name: &'a str) -> impl Iterator<Item = (i64, Reason)> + 'a {
    events.iter().filter_map(move |(t, e)| match e {
        Event::Change(c) if c.profile.name == name => Some((*t, c.change.to.reason)),
        _ => None,
    })
}

proptest! {
    #[test]
    fn never_two_notices_for_one_incident(events in histories(false)) {
        let notices = play(&NoticeSettings::default(), events.clone(), 20_000);
        for name in ["a", "b", "c"] {
            let mut told: Option<(u64, Timestamp)> = None;
            for notice in notices.iter().filter(|n| n.affected.iter().any(|l| l.name == name)) {
                if !matches!(notice.kind, NoticeKind::Down | NoticeKind::FoundDown | NoticeKind::Flapping { .. }) {
                    continue;
                }
                if let Some((id, since)) = told.filter(|(id, _)| *id != notice.id) {
                    // another incident: green, or the rest of one that was stopped, must have held in between
                    let changes: Vec<(i64, Reason)> = reasons_of(&events, name).collect();
                    let held = changes.iter().enumerate().any(|(i, (t, reason))| {
                        // or it was left alone, stopped on purpose
                        let rests = |r: Reason| r.works() || r == Reason::Stopped;
                        let other = |r: Reason| r.works() != reason.works() || !rests(r);
                        let end = changes.iter().skip(i).find(|(_, r)| other(*r)).map_or(i64::MAX, |(t, _)| *t);
                        rests(*reason) && end - t >= 30 && at(end.min(99_999)) > since && at(*t) < notice.at
                    });
                    prop_assert!(held, "{name}: #{id} and #{} within one incident", notice.id);
                }
                told = Some((notice.id, notice.at));
            }
        }
    }

    #[test]
    fn what_was_reported_is_followed_by_the_recovery(events in histories(false)) {
        let notices = play(&NoticeSettings::default(), events, 20_000);
        for name in ["a", "b", "c"] {
            let last = notices.iter().rfind(|n| n.affected.iter().any(|l| l.name == name));
            prop_assert!(last.is_none_or(Notice::is_good), "{:?}", last.map(short));
        }
    }

    #[test]
    fn nothing_is_sent_while_paused(events in histories(false)) {
        let notices = play(&NoticeSettings::default(), events.clone(), 20_000);
        let (mut offline, mut quiet_until) = (false, i64::MIN);
        let mut spans = Vec::new();
        for (t, e) in &events {
            spans.push((*t, offline, quiet_until));
            match e {
                Event::Wake => quiet_until = t + 90,
                Event::Offline(true) => offline = true,
                Event::Offline(false) => { if offline { quiet_until = t + 90; } offline = false; }
                _ => {}
            }
            spans.push((*t, offline, quiet_until));
        }
        for notice in &notices {
            let t = notice.at.as_second() - EPOCH;
            // the state after the last event strictly before this moment
            let before = spans.iter().rfind(|(at, _, _)| *at < t);
            if let Some((_, paused, quiet)) = before {
                let same_moment = events.iter().any(|(at, _)| *at == t);
                prop_assert!(same_moment || (!paused && t >= *quiet), "{}", short(notice));
            }
        }
    }

    #[test]
    fn only_red_lights_are_reported(events in histories(true)) {
        let notices = play(&NoticeSettings::default(), events.clone(), 20_000);
        for notice in &notices {
            for line in &notice.affected {
                let red = reasons_of(&events, &line.name)
                    .any(|(t, r)| at(t) <= notice.at && r.light() == Light::Red);
                prop_assert!(red, "{}", short(notice));
            }
        }
        // without inhibition, a first incident is notified at once
        for name in ["a", "b", "c"] {
            if let Some((t, _)) = reasons_of(&events, name).find(|(_, r)| r.light() == Light::Red) {
                prop_assert!(notices.iter().any(|n| n.at == at(t) && n.affected.iter().any(|l| l.name == name)));
            }
        }
    }
}
