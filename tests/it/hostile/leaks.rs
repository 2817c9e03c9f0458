//! `tests/fixtures/secrets.txt`: secrets that gitleaks finds, in every output.

use std::path::Path;

use gatelight::health::Light;
use gatelight::redact::{clean_line, redact};
use jiff::{SignedDuration, Timestamp};

use super::secrets::{Search, changes, everything_that_comes_out, gatelight, recorded};

/// A line with a secret, and the parts of it that may not be shown.
struct Row {
    rule: String,
    line: String,
    secrets: Vec<String>,
}

fn rows() -> Vec<Row> {
    let text = include_str!("../../fixtures/secrets.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let rows: Vec<Row> = lines
        .enumerate()
        .map(|(n, line)| {
            let (rule, line) = line.split_once('\t').unwrap();
            let mut row = Row { rule: rule.to_owned(), line: String::new(), secrets: Vec::new() };
            let mut seed = 0x9e37_79b9_7f4a_7c15 ^ (n as u64 + 1);
            for (at, piece) in line.split('{').enumerate() {
                let shape = piece
                    .split_once('}')
                    .filter(|(shape, _)| at > 0 && shape.len() <= 4 && shape[1..].parse::<usize>().is_ok());
                let Some((shape, rest)) = shape else {
                    row.line += if at > 0 { "{" } else { "" };
                    row.line += piece;
                    continue;
                };
                let part = generated(shape.as_bytes()[0], shape[1..].parse().unwrap(), &mut seed);
                row.line = row.line + &part + rest;
                if part.len() >= 8 && !shape.starts_with('d') {
                    row.secrets.push(part);
                }
            }
            row
        })
        .collect();
    assert!(rows.iter().all(|row| !row.secrets.is_empty()), "a row without a secret");
    rows
}

/// A random part of this kind and length, with digits and both cases where its kind has them.
fn generated(kind: u8, length: usize, seed: &mut u64) -> String {
    const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
    const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const DIGITS: &str = "0123456789";
    let letters = match kind {
        b'h' => "abcdef0123456789".to_owned(),
        b'a' => format!("{LOWER}{DIGITS}"),
        b'A' => format!("{UPPER}{DIGITS}"),
        b'm' => format!("{UPPER}{LOWER}{DIGITS}"),
        b'b' => format!("{UPPER}{LOWER}{DIGITS}+/"),
        b'd' => DIGITS.to_owned(),
        b'l' => LOWER.to_owned(),
        other => panic!("unknown kind {other}"),
    };
    let mut part: Vec<u8> = (0..length)
        .map(|_| {
            *seed ^= *seed << 13;
            *seed ^= *seed >> 7;
            *seed ^= *seed << 17;
            letters.as_bytes()[(*seed >> 33) as usize % letters.len()]
        })
        .collect();
    let head: &[u8] = match kind {
        b'h' | b'a' => b"e7f4",
        b'A' => b"E7F4",
        b'm' | b'b' => b"E7f4",
        _ => b"",
    };
    let head = &head[..head.len().min(length)];
    part[..head.len()].copy_from_slice(head);
    String::from_utf8(part).unwrap()
}

/// Finds the secrets of these rows.
fn search(rows: &[Row]) -> Search {
    Search::of(rows.iter().flat_map(|row| &row.secrets))
}

#[test]
fn the_table_is_whole_and_its_rows_are_secrets_of_their_own() {
    let rows = rows();
    assert!(rows.len() >= 225, "{}", rows.len());
    for row in &rows {
        let found = |secret: &String| Search::of([secret]).find(&row.line).is_some();
        assert!(row.secrets.iter().all(found), "{}", row.line);
    }
}

#[test]
fn every_secret_of_gitleaks_is_removed_from_a_line() {
    let mut shown = Vec::new();
    for row in rows() {
        let search = Search::of(&row.secrets);
        for (around, line) in [
            ("", row.line.clone()),
            ("record", format!("2026-11-22 11:00:01,000 ERROR gateway.run: boom: {}", row.line)),
            ("json", serde_json::json!({"message": row.line}).to_string()),
            ("repr", format!("Exception({:?})", row.line)),
        ] {
            for out in [redact(&line).into_owned(), clean_line(&line, 4_000)] {
                if search.find(&out).is_some() {
                    shown.push(format!("{} {around}: {out}", row.rule));
                }
            }
        }
    }
    shown.dedup();
    assert!(shown.is_empty(), "{} lines show a secret:\n{}", shown.len(), shown.join("\n"));
}

#[test]
fn every_secret_of_gitleaks_is_removed_from_every_way_out() {
    for rows in rows().chunks(8) {
        let search = search(rows);
        let text = rows.iter().map(|row| row.line.as_str()).collect::<Vec<_>>().join("; ");
        let lines: Vec<String> = rows
            .iter()
            .flat_map(|row| {
                [
                    format!("2026-11-22 11:00:01,000 INFO Lark: connected to wss://x/?a={}", row.line),
                    format!(
                        "2026-11-22 11:00:01,000 ERROR Lark: receive message loop exit, err: {}",
                        row.line
                    ),
                    format!(
                        "2026-11-22 11:00:01,000 ERROR gateway.run: [Feishu] Failed to connect: {}",
                        row.line
                    ),
                ]
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let (core, changes) = changes(&lines, &text);
        assert!(changes.iter().any(|change| change.to.light() == Light::Red));
        for (way, out) in everything_that_comes_out(&core, &changes, &text, &folder.path().join("history.db"))
        {
            assert_eq!(search.find(&out), None, "{way}:\n{out}");
        }
    }
}

/// A home whose gateway logged these rows just now, and in an older log.
fn home(folder: &Path, rows: &[Row]) {
    let hermes = folder.join(".hermes");
    std::fs::create_dir_all(hermes.join("logs")).unwrap();
    let mut log = String::new();
    for (n, row) in rows.iter().enumerate() {
        let at = Timestamp::now() - SignedDuration::from_secs((rows.len() - n) as i64);
        let stamp = at.strftime("%Y-%m-%d %H:%M:%S,000");
        log += &format!("{stamp} ERROR gateway.run: [Feishu] Failed to connect: {}\n", row.line);
        log += &format!("{stamp} WARNING tools: {}\n", row.line);
    }
    for name in ["agent.log", "gateway.log", "errors.log"] {
        std::fs::write(hermes.join("logs").join(name), &log).unwrap();
    }
    let errors: Vec<&str> = rows.iter().map(|row| row.line.as_str()).collect();
    let state = serde_json::json!({"pid": std::process::id(), "gateway_state": "running",
        "platforms": {"feishu": {"state": "fatal", "error_code": "x", "error_message": errors.join(" | ")}}});
    std::fs::write(hermes.join("gateway_state.json"), state.to_string()).unwrap();
}

#[test]
fn the_program_shows_no_secret_of_gitleaks() {
    for rows in rows().chunks(50) {
        let search = search(rows);
        let folder = tempfile::tempdir().unwrap();
        home(folder.path(), rows);
        let log = folder.path().join(".hermes/logs/agent.log");
        let (log, page) = (log.to_str().unwrap(), folder.path().join("page.html"));
        for arguments in [
            &["status"][..],
            &["status", "--json"],
            &["status", "default"],
            &["logs", "default", "-n", "1000"],
            &["replay", log],
            &["replay", log, "--json"],
            &["report", "--out", page.to_str().unwrap(), "--from-logs", log],
            &["diagnose", "default"],
        ] {
            let mut out = gatelight(folder.path(), arguments);
            out += &std::fs::read_to_string(&page).unwrap_or_default();
            assert_eq!(search.find(&out), None, "{arguments:?}:\n{out}");
            assert!(arguments[0] == "report" || out.contains("[redacted]"), "{arguments:?}: {out}");
        }
        std::fs::remove_file(folder.path().join(".hermes/logs/errors.log")).unwrap();
        let text = recorded(folder.path(), &std::fs::read_to_string(log).unwrap());
        assert_eq!(search.find(&text), None, "a recording:\n{text}");
    }
}
