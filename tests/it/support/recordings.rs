//! The recordings below `tests/recordings`, and the expectations beside them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

/// Every recording by its name, `platforms/tb_blip` for one in a folder; sorted.
///
/// # Panics
/// If a recording has no expectation, an expectation no recording, or there is no recording.
pub(crate) fn all() -> Vec<String> {
    let mut recordings = BTreeSet::new();
    let mut expectations = BTreeSet::new();
    let mut folders = vec![folder()];
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(inside).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(name) = name.strip_suffix(".expect.json") {
                expectations.insert(name.to_owned());
            } else if let Some(name) = name.strip_suffix(".jsonl") {
                recordings.insert(name.to_owned());
            } else {
                panic!("tests/recordings/{name} is neither a recording nor an expectation");
            }
        }
    }
    let alone: Vec<&String> = recordings.symmetric_difference(&expectations).collect();
    assert!(alone.is_empty(), "a recording without an expectation, or the other way round: {alone:?}");
    assert!(!recordings.is_empty(), "no recordings");
    recordings.into_iter().collect()
}

/// The file of a recording.
pub(crate) fn file(name: &str) -> PathBuf {
    folder().join(format!("{name}.jsonl"))
}

/// What `replay` prints for one change.
pub(crate) struct Row {
    /// Seconds after the start.
    pub t: f64,
    /// The profile.
    pub profile: String,
    pub light: String,
    pub reason: String,
}

/// The changes that a replay of this recording prints.
pub(crate) fn replayed(name: &str) -> Vec<Row> {
    let output = Command::new(env!("CARGO_BIN_EXE_gatelight"))
        .args(["replay".as_ref(), file(name).as_os_str(), "--json".as_ref()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let word = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.map(|row| Row {
        t: row["t"].as_f64().unwrap(),
        profile: word(&row, "profile"),
        light: word(&row, "light"),
        reason: word(&row, "reason"),
    })
    .collect()
}

/// The expectation of a recording, and the profile that it is about where it names none.
pub(crate) fn expectation(name: &str) -> (Value, String) {
    let text = std::fs::read(folder().join(format!("{name}.expect.json"))).unwrap();
    let recording = std::fs::read_to_string(file(name)).unwrap();
    let header: Value = serde_json::from_str(recording.lines().next().unwrap()).unwrap();
    let profile = header["profile"].as_str().unwrap_or("default").to_owned();
    (serde_json::from_slice(&text).unwrap(), profile)
}

/// The differences between the changes and an expectation:
/// - `show`: `{"at", "light", "reason"?, "profile"?}`: at that second this light (or one of a list) and one of these
///   reasons;
/// - `never`: `[light, from, to, profile?]`: at no time between these seconds this light.
pub(crate) fn differences(rows: &[Row], expected: &Value, usual: &str) -> Vec<String> {
    let of = |profile: Option<&Value>| {
        let profile = profile.map_or(usual, |profile| profile.as_str().unwrap()).to_owned();
        let rows: Vec<&Row> = rows.iter().filter(|row| row.profile == profile).collect();
        (profile, rows)
    };
    let one_of = |allowed: &Value, word: &str| match allowed {
        Value::Array(allowed) => allowed.iter().any(|allowed| allowed == word),
        allowed => allowed == word,
    };
    let mut differences = Vec::new();
    let (shows, nevers) = (expected["show"].as_array().unwrap(), expected["never"].as_array().unwrap());
    assert!(!(shows.is_empty() && nevers.is_empty()), "an expectation that expects nothing");
    for show in shows {
        let at = show["at"].as_f64().unwrap();
        let (profile, rows) = of(show.get("profile"));
        let row = rows.iter().take_while(|row| row.t <= at).last();
        let (light, reason) = row.map_or(("grey", "no-evidence"), |row| (&row.light, &row.reason));
        if !one_of(&show["light"], light)
            || show.get("reason").is_some_and(|allowed| !one_of(allowed, reason))
        {
            differences.push(format!("{profile} at {at} s shows {light}/{reason}, wanted {show}"));
        }
    }
    for never in nevers {
        let (light, from, to) = (&never[0], never[1].as_f64().unwrap(), never[2].as_f64().unwrap());
        let (profile, rows) = of(never.get(3));
        for (index, row) in rows.iter().enumerate() {
            let end = rows.get(index + 1).map_or(f64::MAX, |next| next.t);
            if *light == *row.light && row.t < to && end > from {
                differences.push(format!(
                    "{profile} {}/{} shown from {} s inside {from}..{to}",
                    row.light, row.reason, row.t
                ));
            }
        }
    }
    differences
}
