//! Recordings, held against what must be shown.
//!
//! `NAME.jsonl` is what an observer sees, `NAME.expect.json` what the light must and must not show. Those with a `truth`
//! that begins with «scenario» were taken from a real gateway (hermes-agent 0.13.0 or 0.19.0 against a stand-in for
//! Feishu; those named `_systemd` without what a unit sends to the journal); the others were composed from their lines,
//! from the sources and from field reports. The credentials in them are made up.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use gatelight::app::record::clean;
use gatelight::evidence::anonymise::{Anonymiser, Facts};
use gatelight::evidence::patterns::Patterns;
use gatelight::health::{Deadlines, Reason};
use gatelight::recording::{Recording, What};
use serde_json::Value;

struct Row {
    t: f64,
    light: String,
    reason: String,
}

fn timeline(file: &Path) -> Vec<Row> {
    let output = Command::new(env!("CARGO_BIN_EXE_gatelight"))
        .args(["replay".as_ref(), file.as_os_str(), "--json".as_ref()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.map(|row| Row {
        t: row["t"].as_f64().unwrap(),
        light: row["light"].as_str().unwrap().to_owned(),
        reason: row["reason"].as_str().unwrap().to_owned(),
    })
    .collect()
}

fn shown_at(rows: &[Row], t: f64) -> (&str, &str) {
    let row = rows.iter().take_while(|row| row.t <= t).last();
    row.map_or(("grey", "no-evidence"), |row| (row.light.as_str(), row.reason.as_str()))
}

fn faults(rows: &[Row], expected: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for show in expected["show"].as_array().unwrap() {
        let at = show["at"].as_f64().unwrap();
        let (light, reason) = shown_at(rows, at);
        let reason_fits = match show.get("reason").and_then(Value::as_array) {
            Some(allowed) => allowed.iter().any(|r| r == reason),
            None => true,
        };
        if show["light"] != light || !reason_fits {
            faults.push(format!("at {at} s shows {light}/{reason}, wanted {show}"));
        }
    }
    for never in expected["never"].as_array().unwrap() {
        let (light, from, to) = (&never[0], never[1].as_f64().unwrap(), never[2].as_f64().unwrap());
        for (index, row) in rows.iter().enumerate() {
            let end = rows.get(index + 1).map_or(f64::MAX, |next| next.t);
            if *light == *row.light && row.t < to && end > from {
                faults
                    .push(format!("{}/{} shown from {} s inside {from}..{to}", row.light, row.reason, row.t));
            }
        }
    }
    faults
}

#[test]
fn every_recording_shows_what_it_must() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut count = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_name().unwrap().to_str().unwrap().strip_suffix(".expect.json") else {
            continue;
        };
        let expected: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let rows = timeline(&folder.join(format!("{name}.jsonl")));
        wrong.extend(faults(&rows, &expected).into_iter().map(|fault| format!("{name}: {fault}")));
        count += 1;
    }
    assert!(count >= 13, "only {count} recordings were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// When which reason was shown.
fn judged(recording: &Recording) -> Vec<(jiff::Timestamp, Reason)> {
    let mut shown = Vec::new();
    let patterns = Arc::new(Patterns::new(&[]).unwrap());
    recording.play(patterns, Deadlines::default(), &mut |change| shown.push((change.at, change.to.reason)));
    shown
}

#[test]
fn a_recording_without_names_is_judged_as_before() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let (mut count, mut numbered) = (0, 0);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "jsonl") {
            continue;
        }
        let mut recording =
            Recording::read(std::io::BufReader::new(std::fs::File::open(&path).unwrap())).unwrap();
        let before = judged(&recording);
        // names that stand in the very lines that are looked for, and one that does not
        let users = ["shutdown", "connected", "max", "loop", "root", "lab"].map(str::to_owned).to_vec();
        let nameless =
            Anonymiser::new(Facts { homes: vec!["/root".into()], users, hosts: vec!["err".into()] });
        for event in &mut recording.events {
            match &mut event.what {
                What::Line { line, .. } => {
                    *line = nameless.line(line, 8 << 10);
                    assert!(!line.contains("oc_lab") && !line.contains("ou_lab"), "{line}");
                    numbered += usize::from(line.contains("oc_<"));
                }
                What::File { json: Some(json), .. } => *json = clean(json, &nameless),
                _ => {}
            }
        }
        assert_eq!(judged(&recording), before, "{}", path.display());
        count += 1;
    }
    assert!(count >= 13 && numbered > 0, "{count} recordings, {numbered} lines with a chat");
}

#[test]
fn the_judge_of_the_recordings_can_fail() {
    let row = |t, light: &str| Row { t, light: light.to_owned(), reason: "x".to_owned() };
    let rows = [row(1.0, "green"), row(5.0, "red")];
    let expected = serde_json::json!({"show": [{"at": 6, "light": "green"}], "never": [["red", 0, 10]]});
    assert_eq!(faults(&rows, &expected).len(), 2);
}
