//! Recordings, held against what must be shown.
//!
//! `NAME.jsonl` is what an observer sees, `NAME.expect.json` what the light must and must not show. Those with a `truth`
//! that begins with «scenario» were taken from a real gateway (hermes-agent 0.13.0 or 0.19.0 against a stand-in for
//! Feishu; those named `_systemd` without what a unit sends to the journal); the others were composed from their lines,
//! from the sources and from field reports. The credentials in them are made up.

use std::collections::BTreeSet;
use std::sync::Arc;

use gatelight::app::record::clean;
use gatelight::evidence::anonymise::{Anonymiser, Facts};
use gatelight::health::{Deadlines, Reason};
use gatelight::recording::{EventKind, Recording};
use serde_json::{Value, json};

use crate::support::recordings::{self, Row, differences};

/// Recordings that fail today. Remove a name as soon as its recording passes; do not add any.
const PENDING: [&str; 0] = [];

#[test]
fn every_recording_shows_what_it_must() {
    let mut wrong = Vec::new();
    let mut pending: BTreeSet<&str> = PENDING.iter().copied().collect();
    for name in recordings::all() {
        let (expected, profile) = recordings::expectation(&name);
        let differences = differences(&recordings::replayed(&name), &expected, &profile);
        if !pending.remove(name.as_str()) {
            wrong.extend(differences.iter().map(|difference| format!("{name}: {difference}")));
        } else if differences.is_empty() {
            wrong.push(format!("{name} passes: remove it from PENDING"));
        }
    }
    wrong.extend(pending.iter().map(|name| format!("{name} is in PENDING and not in tests/recordings")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Evidence of the moment at which a deadline passes is judged together with it: a row changes once at most.
#[test]
fn nothing_is_shown_for_no_time() {
    let mut wrong = Vec::new();
    for name in recordings::all() {
        let file = std::fs::File::open(recordings::file(&name)).unwrap();
        let recording = Recording::read(std::io::BufReader::new(file)).unwrap();
        let sleeps = recording.events.iter().any(|event| matches!(event.kind, EventKind::Wake(_)));
        let mut shown = BTreeSet::new();
        let patterns = crate::support::patterns();
        recording.play(patterns, Deadlines::default(), &mut |change| {
            if !sleeps && !shown.insert((change.profile.clone(), change.at)) {
                wrong.push(format!("{name}: {} changes twice at {}", change.profile, change.at));
            }
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// At most this many moments of a recording are taken for the beginning of a silence.
const SILENCES: usize = 4;

/// From whatever a recording shows, time alone changes nothing between two deadlines.
#[test]
fn a_deadline_is_kept_for_everything_that_silence_changes() {
    let mut missed = Vec::new();
    let patterns = crate::support::patterns();
    for name in recordings::all() {
        let file = std::fs::File::open(recordings::file(&name)).unwrap();
        let mut recording = Recording::read(std::io::BufReader::new(file)).unwrap();
        let every = recording.events.len().div_ceil(SILENCES).max(1);
        while !recording.events.is_empty() {
            let mut core = recording.play(Arc::clone(&patterns), Deadlines::default(), &mut |_| {});
            let begin = core.now();
            // from a second to three hours, at odd times
            let looks = (1..60_i64).map(|n| begin + jiff::SignedDuration::from_millis(3_137 * n * n));
            let wrong = looks.map(|at| crate::support::pass_and_judge(&mut core, at)).find_map(Result::err);
            missed.extend(wrong.map(|wrong| format!("{name}, {} events: {wrong}", recording.events.len())));
            recording.events.truncate(recording.events.len().saturating_sub(every));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// When which reason was shown.
fn judged(recording: &Recording) -> Vec<(jiff::Timestamp, Reason)> {
    let mut shown = Vec::new();
    let patterns = crate::support::patterns();
    recording.play(patterns, Deadlines::default(), &mut |change| shown.push((change.at, change.to.reason)));
    shown
}

#[test]
fn a_recording_without_names_is_judged_as_before() {
    let mut numbered = 0;
    for name in recordings::all() {
        let file = std::fs::File::open(recordings::file(&name)).unwrap();
        let mut recording = Recording::read(std::io::BufReader::new(file)).unwrap();
        let before = judged(&recording);
        // names that stand in the very lines that are looked for, and one that does not
        let users = ["shutdown", "connected", "max", "loop", "root", "lab"].map(str::to_owned).to_vec();
        let nameless =
            Anonymiser::new(Facts { homes: vec!["/root".into()], users, hosts: vec!["err".into()] });
        for event in &mut recording.events {
            match &mut event.kind {
                EventKind::Line { line, .. } => {
                    *line = nameless.line(line, 8 << 10);
                    assert!(!line.contains("oc_lab") && !line.contains("ou_lab"), "{line}");
                    numbered += usize::from(line.contains("oc_<"));
                }
                EventKind::File { json: Some(json), .. } => *json = clean(json, &nameless),
                _ => {}
            }
        }
        assert_eq!(judged(&recording), before, "{name}");
    }
    assert!(numbered > 0, "no line with a chat");
}

#[test]
fn an_expectation_can_fail() {
    let row = |t, profile: &str, light: &str| Row {
        t,
        profile: profile.to_owned(),
        light: light.to_owned(),
        reason: "x".to_owned(),
    };
    let rows = [row(1.0, "default", "green"), row(2.0, "work", "amber"), row(5.0, "default", "red")];
    let fails = |show: Value, never: Value| {
        differences(&rows, &json!({"show": [show], "never": [never]}), "default").len()
    };
    let fine = json!(["grey", 0, 1]);
    assert_eq!(fails(json!({"at": 6, "light": "green"}), json!(["red", 0, 10])), 2);
    assert_eq!(fails(json!({"at": 4, "light": ["green", "red"], "reason": ["x"]}), fine.clone()), 0);
    assert_eq!(fails(json!({"at": 4, "light": "green", "reason": ["y"]}), fine.clone()), 1);
    assert_eq!(fails(json!({"at": 4, "light": "green", "profile": "work"}), fine.clone()), 1);
    assert_eq!(fails(json!({"at": 4, "light": "amber", "profile": "work"}), fine), 0);
    let shown = json!({"at": 6, "light": "red"});
    assert_eq!(fails(shown.clone(), json!(["amber", 0, 1e9])), 0);
    assert_eq!(fails(shown.clone(), json!(["amber", 0, 1e9, "work"])), 1);
    assert_eq!(fails(shown, json!(["amber", 0, 1.9, "work"])), 0);
}
