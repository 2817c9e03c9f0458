//! Recordings that are bent in ways that change nothing of what happened: what is shown must stay the same.

use std::sync::Arc;

use gatelight::evidence::patterns::Patterns;
use gatelight::health::Deadlines;
use gatelight::recording::Recording;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde_json::{Value, json};

use crate::support::recordings;

type Bend = fn(Vec<Value>) -> Vec<Value>;

/// Every change: milliseconds after the start, light, reason.
fn shown(
    header: &str,
    events: &[Value],
    patterns: &Arc<Patterns>,
) -> Vec<(i128, &'static str, &'static str)> {
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let recording = Recording::read(format!("{header}\n{}\n", lines.join("\n")).as_bytes()).unwrap();
    let start = recording.header.start;
    let mut changes = Vec::new();
    recording.play(Arc::clone(patterns), Deadlines::default(), &mut |change| {
        let t = change.at.duration_since(start).as_millis();
        changes.push((t, change.to.light().word(), change.to.reason.code()));
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
    ("with every file told twice", |events| {
        with_more(events, |event| event.get("file").map(|_| event.clone()))
    }),
    ("with every process told twice", |events| {
        with_more(events, |event| {
            let state = event.get("process").map(|process| process["state"].clone());
            state.filter(|state| state != "gone").map(|_| event.clone())
        })
    }),
];

#[test]
fn what_changes_nothing_changes_nothing() {
    let patterns = Arc::new(Patterns::new(&[]).unwrap());
    let mut wrong = Vec::new();
    for name in recordings::all() {
        let text = String::from_utf8_lossy(&std::fs::read(recordings::file(&name)).unwrap()).into_owned();
        let (header, rest) = text.split_once('\n').unwrap();
        let events: Vec<Value> = rest.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let straight = shown(header, &events, &patterns);
        for (way, bend) in BENDS {
            let bent = shown(header, &bend(events.clone()), &patterns);
            if bent != straight {
                wrong.push(format!("{name} {way}: {bent:?}, not {straight:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
