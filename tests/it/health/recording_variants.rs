//! Recordings that are changed in ways that change nothing of what happened: what is shown must stay the same.

use std::collections::{BTreeMap, VecDeque};

use gatelight::health::Deadlines;
use gatelight::recording::Recording;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde_json::{Value, json};

use crate::support::recordings;

type Bend = fn(Vec<Value>) -> Vec<Value>;

/// A change: milliseconds after the start, profile, light, reason.
type Shown = (i128, String, &'static str, &'static str);

/// The header of a recording, and its events.
fn read(name: &str) -> (String, Vec<Value>) {
    let text = String::from_utf8_lossy(&std::fs::read(recordings::file(name)).unwrap()).into_owned();
    let (header, rest) = text.split_once('\n').unwrap();
    (header.to_owned(), rest.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Every change.
fn shown(header: &str, events: &[Value]) -> Vec<Shown> {
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let recording = Recording::read(format!("{header}\n{}\n", lines.join("\n")).as_bytes()).unwrap();
    let start = recording.header.start;
    let mut changes = Vec::new();
    recording.play(crate::support::patterns(), Deadlines::default(), &mut |change| {
        let t = change.at.duration_since(start).as_millis();
        changes.push((t, change.profile.to_string(), change.to.light().word(), change.to.reason.code()));
    });
    changes
}

fn change_lines(events: Vec<Value>, change: impl Fn(&str) -> String) -> Vec<Value> {
    let changed = events.into_iter().map(|mut event| {
        if let Some(line) = event.get("line").and_then(Value::as_str).map(&change) {
            event["line"] = json!(line);
        }
        event
    });
    changed.collect()
}

/// The stamps of a machine in another zone, or long ago.
fn shift(events: Vec<Value>, by: SignedDuration) -> Vec<Value> {
    change_lines(events, |line| {
        let at = if line.starts_with("[Lark] [") { 8 } else { 0 };
        let Some(stamp) = line.get(at..at + 19) else { return line.to_owned() };
        let Ok(parsed) = DateTime::strptime("%Y-%m-%d %H:%M:%S", stamp) else { return line.to_owned() };
        let shifted = (parsed + by).strftime("%Y-%m-%d %H:%M:%S");
        format!("{}{shifted}{}", &line[..at], &line[at + 19..])
    })
}

fn without(events: Vec<Value>, kinds: &[&str]) -> Vec<Value> {
    events.into_iter().filter(|event| kinds.iter().all(|kind| event.get(kind).is_none())).collect()
}

/// Each event, and what `more` makes of it, right after it.
fn with_more(events: Vec<Value>, more: impl Fn(&Value) -> Option<Value>) -> Vec<Value> {
    let both = events.into_iter().flat_map(|event| {
        let more = more(&event);
        [Some(event), more]
    });
    both.flatten().collect()
}

const BENDS: [(&str, Bend); 9] = [
    ("without supporting evidence and remarks", |events| without(events, &["tcp", "truth"])),
    ("in China", |events| shift(events, SignedDuration::from_hours(8))),
    ("on the Marquesas", |events| shift(events, SignedDuration::from_mins(-570))),
    ("forty years ago", |events| shift(events, SignedDuration::from_hours(-40 * 365 * 24))),
    ("with the line ends of Windows", |events| change_lines(events, |line| format!("{line}\r"))),
    ("coloured", |events| change_lines(events, |line| format!("\u{1b}[1;33m{line}\u{1b}[0m"))),
    ("with a copy of agent.log in one more file", |events| {
        with_more(events, |event| {
            let copy = event.get("log").is_some_and(|log| log == "agent.log");
            copy.then(|| {
                let mut copy = event.clone();
                copy["log"] = json!("agent.log.copy");
                copy
            })
        })
    }),
    ("with every file read twice", |events| {
        with_more(events, |event| event.get("file").map(|_| event.clone()))
    }),
    ("with every process reported twice", |events| {
        with_more(events, |event| {
            let state = event.get("process").map(|process| process["state"].clone());
            state.filter(|state| state != "gone").map(|_| event.clone())
        })
    }),
];

#[test]
fn irrelevant_variations_of_a_recording_change_no_light() {
    let mut wrong = Vec::new();
    for name in recordings::all() {
        let (header, events) = read(&name);
        let straight = shown(&header, &events);
        for (way, bend) in BENDS {
            let bent = shown(&header, &bend(events.clone()));
            if bent != straight {
                wrong.push(format!("{name} {way}: {bent:?}, not {straight:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The file or source of an event. Events of one source keep their order.
fn stream_of(event: &Value) -> String {
    let home = event.get("profile").map(Value::to_string).unwrap_or_default();
    for kind in ["log", "file"] {
        if let Some(name) = event.get(kind) {
            return format!("{home} {kind} {name}");
        }
    }
    // The rest is one stream for each kind: `process`, `job`, …
    let keys = event.as_object().unwrap().keys();
    keys.filter(|key| !matches!(key.as_str(), "t" | "profile")).cloned().collect()
}

/// The events of each moment with the files and profiles in another order, which `seed` chooses; the order within a file
/// stays.
fn interleaved(events: &[Value], seed: u64) -> Vec<Value> {
    let mut random = seed;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let mut all = Vec::with_capacity(events.len());
    for moment in events.chunk_by(|a, b| a["t"] == b["t"]) {
        let mut streams: Vec<(String, VecDeque<Value>)> = Vec::new();
        for event in moment {
            let name = stream_of(event);
            match streams.iter_mut().find(|(known, _)| *known == name) {
                Some((_, stream)) => stream.push_back(event.clone()),
                None => streams.push((name, VecDeque::from([event.clone()]))),
            }
        }
        // nothing follows the end
        let end = streams.iter().position(|(name, _)| name == "end").map(|at| streams.remove(at).1);
        while !streams.is_empty() {
            let chosen = next(streams.len());
            all.extend(streams[chosen].1.pop_front());
            if streams[chosen].1.is_empty() {
                streams.swap_remove(chosen);
            }
        }
        all.extend(end.into_iter().flatten());
    }
    all
}

/// Everything is read at the end of the span of `seconds` in which it arrived. Where files held lines of before the
/// recording, its first second stays as it is: a reader of new lines does not meet them.
fn batched(header: &str, events: &[Value], seconds: f64) -> Vec<Value> {
    let header: Value = serde_json::from_str(header).unwrap();
    let start = header["start"].as_str().unwrap()[..19].replace('T', " ");
    let time = |event: &Value| event["t"].as_f64().unwrap();
    let is_old =
        |event: &Value| event["line"].as_str().is_some_and(|line| line.starts_with("20") && *line < *start);
    let past = if events.iter().any(|event| time(event) < 1.0 && is_old(event)) { 1.0 } else { 0.0 };
    let late = |event: &Value| {
        let mut event = event.clone();
        if time(&event) >= past {
            event["t"] = json!((time(&event) / seconds).ceil() * seconds);
        }
        event
    };
    events.iter().map(late).collect()
}

/// Files are read one after the other, in no particular order: the files of a home, the homes of a gateway, files and
/// processes.
#[test]
fn the_order_in_which_files_are_read_changes_no_light() {
    let mut wrong = Vec::new();
    for name in recordings::all() {
        let (header, events) = read(&name);
        for span in [0.0, 0.7] {
            let events = if span > 0.0 { batched(&header, &events, span) } else { events.clone() };
            let straight = shown(&header, &events);
            for seed in 1..=2 {
                let other = shown(&header, &interleaved(&events, seed));
                if other != straight {
                    wrong.push(format!("{name}, {span} s, seed {seed}: {other:?}, not {straight:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How much is read at once does not change the light at the end.
#[test]
fn what_is_read_at_once_ends_in_the_same_light() {
    let mut wrong = Vec::new();
    for name in recordings::all() {
        let (header, events) = read(&name);
        let last = |events: &[Value]| {
            let mut last = BTreeMap::new();
            for (_, profile, light, reason) in shown(&header, events) {
                last.insert(profile, (light, reason));
            }
            last
        };
        let straight = last(&events);
        for span in [0.3, 1.1] {
            let other = last(&batched(&header, &events, span));
            if other != straight {
                wrong.push(format!("{name} in spans of {span} s: {other:?}, not {straight:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn another_order_is_another_order_and_keeps_that_of_each_file() {
    let line = |t: f64, log: &str, n: u32| json!({"t": t, "log": log, "line": n.to_string()});
    let mut events: Vec<Value> = (0..6).map(|n| line(1.0, if n % 2 == 0 { "a" } else { "b" }, n)).collect();
    events.extend([json!({"t": 1.2, "process": null}), json!({"t": 1.2, "end": true})]);
    let other = interleaved(&events, 1);
    assert_ne!(other, events);
    let of = |events: &[Value], log: &str| {
        events.iter().filter(|event| event["log"] == log).cloned().collect::<Vec<_>>()
    };
    for log in ["a", "b"] {
        assert_eq!(of(&other, log), of(&events, log));
    }
    assert_eq!(other.last(), events.last());
    let batched = batched(r#"{"start": "2026-11-22T10:00:00Z"}"#, &events, 0.7);
    assert!(batched.iter().all(|event| event["t"] == 1.4), "{batched:?}");
}

#[test]
fn the_bends_do_bend() {
    let line = json!({"t": 1, "log": "agent.log", "line": "2026-11-22 23:30:00,271 ERROR Lark: msg"});
    let file = json!({"t": 2, "file": "gateway.pid", "json": {"pid": 1}});
    let process = json!({"t": 3, "process": {"pid": 1, "state": "running"}});
    let events = vec![line, file, process, json!({"t": 4, "tcp": {"established": 1}})];
    for (name, bend) in BENDS {
        assert_ne!(bend(events.clone()), events, "{name}");
    }
    let later = shift(events, SignedDuration::from_hours(1));
    assert_eq!(later[0]["line"], "2026-11-23 00:30:00,271 ERROR Lark: msg");
}
