//! A first look is as right as a long watch: every recording is cut off where something is expected, and what Gatelight
//! would show if it were started then is held against what it shows if it watched from the beginning.

use std::collections::BTreeMap;
use std::sync::Arc;

use gatelight::evidence::logbook::LogBook;
use gatelight::evidence::patterns::Patterns;
use gatelight::evidence::state_files;
use gatelight::health::{
    Core, Deadlines, Evidence, Light, Platforms, ProcessState, ProfileName, Reason, Signal,
};
use gatelight::recording::{Event, EventKind, Recording};
use jiff::{SignedDuration, Timestamp};

use crate::support::recordings;

/// What a first look cannot know: rows of a former process, since when a process was stopped that never wrote anything, and
/// what takes ten minutes of watching.
const NOT_SEEN: [&str; 9] = [
    "mx_restart_keeps_rows",
    "found_stopped",
    "cron/dead_at_start",
    "cron/dies_in_the_middle",
    "cron/every_tick_fails",
    "cron/every_tick_fails_when_found",
    "cron/falls_silent",
    "cron/asleep",
    "cron/never_seen_in_this_life",
];

/// A process and the time at which it was first seen.
struct Found {
    since: f64,
    evidence: Evidence,
}

/// The gateway's process at the end of these events, if it is alive.
fn live_process(events: &[Event]) -> Option<Found> {
    let is_live =
        |found: &Found| matches!(&found.evidence, Evidence::Process { state, .. } if state.is_live());
    let mut all: Vec<(u32, Found)> = Vec::new();
    let mut named = None;
    for event in events {
        match &event.kind {
            EventKind::Known(evidence @ Evidence::Process { pid, .. }) => {
                let place = all.iter().position(|(known, _)| known == pid);
                match place {
                    Some(place) if is_live(&all[place].1) => all[place].1.evidence = evidence.clone(),
                    place => {
                        // The PID is used again.
                        place.map(|place| all.remove(place));
                        all.push((*pid, Found { since: event.t, evidence: evidence.clone() }));
                    }
                }
            }
            EventKind::File { file, json: Some(json) } if file == "gateway.pid" => {
                named = json["pid"].as_u64();
            }
            _ => {}
        }
    }
    all.retain(|(_, found)| is_live(found));
    let place = all.iter().position(|(pid, _)| Some(u64::from(*pid)) == named);
    let place = place.or(all.len().checked_sub(1))?;
    Some(all.swap_remove(place).1)
}

/// The same process as running.
fn running(evidence: &Evidence) -> Evidence {
    let mut evidence = evidence.clone();
    if let Evidence::Process { state, .. } = &mut evidence {
        *state = ProcessState::Running;
    }
    evidence
}

/// What a first look reads of these events, with its times.
fn past(
    events: &[Event],
    start: Timestamp,
    patterns: &Arc<Patterns>,
    process: Option<&Found>,
) -> Vec<(Timestamp, Evidence)> {
    let at = |t: f64| start + SignedDuration::from_secs_f64(t);
    let begin = process.map_or(0.0, |process| process.since);
    let mut past: Vec<(Timestamp, Evidence)> = Vec::new();
    past.extend(process.map(|process| (at(begin), running(&process.evidence))));
    let mut locks = events.iter().filter_map(|event| match &event.kind {
        EventKind::Known(evidence @ Evidence::Locks(_)) => Some(evidence.clone()),
        _ => None,
    });
    past.extend(locks.next_back().map(|locks| (at(begin), locks)));
    let mut takeovers = Vec::new();
    let mut books: BTreeMap<Option<ProfileName>, LogBook> = BTreeMap::new();
    let mut files = BTreeMap::new();
    for event in events {
        match &event.kind {
            EventKind::Line { home, log, line } => {
                let book = books.entry(home.clone()).or_insert_with(|| LogBook::new(Arc::clone(patterns)));
                let line = format!("{line}\n");
                let found = book.read([(log.as_str(), line.as_bytes())], at(event.t));
                let before = event.t < begin - 2.0;
                for mut record in found.into_iter().map(|found| found.record) {
                    record.home.clone_from(home);
                    if !before {
                        past.push((at(event.t), Evidence::Log(record)));
                    } else if record.signal == Signal::Takeover {
                        takeovers.push(record.proof);
                    }
                }
            }
            EventKind::File { file, json } => {
                files.insert(file.clone(), (event.t, json.clone()));
            }
            _ => {}
        }
    }
    for (file, (t, json)) in files {
        let evidence = json.as_ref().and_then(|json| state_files::evidence(&file, Some(json), patterns));
        past.extend(evidence.map(|evidence| (at(t), evidence)));
    }
    past.push((at(begin), Evidence::Takeovers(takeovers)));
    past.sort_by_key(|(at, _)| *at);
    // A process that is stopped has been so since it last wrote.
    let last = past.last().map_or(start, |(at, _)| *at);
    past.extend(process.map(|process| (last, process.evidence.clone())));
    if process.is_none() {
        past.push((last, Evidence::NoProcess));
    }
    past
}

/// What is shown by somebody who first looks at the end of these events.
fn first_look(recording: &Recording, events: &[Event], t: f64, patterns: &Arc<Patterns>) -> Core {
    let now = recording.header.start + SignedDuration::from_secs_f64(t);
    let process = live_process(events);
    let past = past(events, recording.header.start, patterns, process.as_ref());
    let begin = past.first().map_or(now, |(at, _)| *at).min(now);
    let profile = ProfileName::from(recording.header.profile.as_str());
    let mut core = Core::new(profile, &Platforms::built_in(), Deadlines::default(), begin);
    for (at, evidence) in past {
        core.step(at.min(now), evidence);
    }
    let latest = |wanted: fn(&Evidence) -> bool| {
        let known = events.iter().rev().filter_map(|event| match &event.kind {
            EventKind::Known(evidence) => Some(evidence),
            _ => None,
        });
        known.into_iter().find(|evidence| wanted(evidence)).cloned()
    };
    core.tick(now);
    core.go_live();
    let mut found: Vec<Evidence> = process.map(|process| process.evidence).into_iter().collect();
    found.extend(latest(|evidence| matches!(evidence, Evidence::Job(_) | Evidence::JobUnknown)));
    found.extend(latest(|evidence| matches!(evidence, Evidence::Starts(_))));
    found.extend(latest(|evidence| matches!(evidence, Evidence::Multiplex(_))));
    found.extend(latest(|evidence| matches!(evidence, Evidence::Update(_))));
    found.extend(latest(|evidence| matches!(evidence, Evidence::Children(_))));
    core.apply(now, found);
    core
}

/// Whether these events hold what no first look can know: the machine's sleep, a gateway without any process.
fn is_comparable(events: &[Event]) -> bool {
    let has_process =
        events.iter().any(|event| matches!(event.kind, EventKind::Known(Evidence::Process { .. })));
    has_process && !events.iter().any(|event| matches!(event.kind, EventKind::Wake(_)))
}

#[test]
fn a_first_look_is_as_right_as_a_long_watch() {
    let patterns = crate::support::patterns();
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for name in recordings::all() {
        // those that begin with a first look hold the past at one moment
        let begins_late = name.contains("seen_later");
        if begins_late || NOT_SEEN.iter().any(|not_seen| name.ends_with(not_seen)) {
            continue;
        }
        let file = std::fs::File::open(recordings::file(&name)).unwrap();
        let recording = Recording::read(std::io::BufReader::new(file)).unwrap();
        let (expected, _) = recordings::expectation(&name);
        let times = expected["show"].as_array().unwrap().iter().filter_map(|show| show["at"].as_f64());
        for t in times {
            let events: Vec<Event> = recording.events.iter().filter(|event| event.t <= t).cloned().collect();
            if !is_comparable(&events) {
                continue;
            }
            let cold = first_look(&recording, &events, t, &patterns);
            let end = Event { t, kind: EventKind::End };
            let cut = Recording { events: events.into_iter().chain([end]).collect(), ..recording.clone() };
            let watched = cut.play(Arc::clone(&patterns), Deadlines::default(), &mut |_| ());
            let mut rows = vec![recording.header.profile.clone()];
            rows.extend(watched.served().iter().map(ToString::to_string));
            for row in rows {
                let light =
                    |core: &Core| core.verdict_of(&row).map(|verdict| (verdict.light(), verdict.reason));
                let (Some((cold, why)), Some((long, because))) = (light(&cold), light(&watched)) else {
                    continue;
                };
                compared += 1;
                // The state file has no entry any more of a loss that is claimed to be over.
                let hidden = because == Reason::Recovering;
                let is_wrong = (cold == Light::Green && long != Light::Green && !hidden)
                    || (cold == Light::Red && long == Light::Green);
                if is_wrong {
                    let (why, because) = (why.code(), because.code());
                    wrong.push(format!("{name} at {t} s: {row} {cold:?} {why}, watched {long:?} {because}"));
                }
            }
        }
    }
    assert!(compared > 500, "only {compared} lights were compared");
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
}
