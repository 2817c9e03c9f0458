//! Old logs, replayed by their timestamps: several files, rotated files, the repeated hour in autumn, pasted lines, files
//! that are read in pieces.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use gatelight::health::{Change, Deadlines};
use gatelight::postmortem::{Logs, by_profile};
use gatelight::text::Lang;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

const UP: &str = "INFO Lark: connected to wss://h/ws/v2 [conn_id=1]";
const LOST: &str = "ERROR Lark: receive message loop exit, err: no close frame received or sent [conn_id=1]";
const REFUSED: &str = "ERROR Lark: connect failed, err: [Errno 111] Connect call failed";
const DEAD: &str = "WARNING gateway.run: kanban notifier tick failed: Executor shutdown has been called";

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn lines(stamped: &[(&str, &str)]) -> String {
    stamped.iter().fold(String::new(), |text, (stamp, message)| text + stamp + " " + message + "\n")
}

struct Told {
    changes: Vec<Change>,
    end: Timestamp,
    doubtful: Vec<(Timestamp, Timestamp)>,
    silent: Vec<PathBuf>,
}

fn play(paths: &[PathBuf], zone: &TimeZone) -> Told {
    let logs = Logs::open(paths, zone).unwrap();
    let silent = logs.silent.clone();
    let mut changes = Vec::new();
    let patterns = crate::support::patterns();
    let played = logs
        .play(&patterns, &Deadlines::default(), &|_| (), &mut |change| {
            changes.push(change);
            Ok(())
        })
        .unwrap();
    let doubtful = played.doubtful(&changes);
    Told { changes, end: played.end, doubtful, silent }
}

/// The reasons with their start times.
fn reasons(told: &Told) -> Vec<(String, &'static str)> {
    told.changes.iter().map(|change| (format!("{:.0}", change.at), change.to.reason.code())).collect()
}

fn shown(expected: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    expected.iter().map(|(at, reason)| ((*at).to_owned(), *reason)).collect()
}

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

// On 2026-10-25 clocks in Berlin went from 03:00 (+02) back to 02:00 (+01).

#[test]
fn the_hour_that_autumn_repeats_is_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let agent = lines(&[
        ("2026-10-25 01:50:00,000", UP),
        ("2026-10-25 02:40:00,000", LOST),
        ("2026-10-25 02:40:20,000", UP),
        ("2026-10-25 02:10:00,000", DEAD),
        ("2026-10-25 02:50:00,000", "INFO gateway.run: tick"),
        ("2026-10-25 03:10:00,000", "INFO gateway.run: tick"),
    ]);
    let told = play(&[write(folder.path(), "agent.log", &agent)], &berlin());
    let expected = shown(&[
        ("2026-10-24T23:50:00Z", "connected"),
        ("2026-10-25T00:40:00Z", "reconnecting"),
        ("2026-10-25T00:40:20Z", "connected"),
        ("2026-10-25T01:10:00Z", "executor-shutdown"),
    ]);
    assert_eq!(reasons(&told), expected);
    assert_eq!(told.end.to_string(), "2026-10-25T02:10:00Z");
}

#[test]
fn lines_without_events_show_when_the_clock_was_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let agent = lines(&[
        ("2026-10-25 02:05:00,000", UP),
        ("2026-10-25 02:55:00,000", "INFO gateway.run: tick"),
        ("2026-10-25 02:01:00,000", "INFO gateway.run: tick"),
        ("2026-10-25 02:30:00,000", DEAD),
    ]);
    let told = play(&[write(folder.path(), "agent.log", &agent)], &berlin());
    let expected =
        shown(&[("2026-10-25T00:05:00Z", "connected"), ("2026-10-25T01:30:00Z", "executor-shutdown")]);
    assert_eq!(reasons(&told), expected);
}

#[test]
fn rotated_files_follow_one_another_through_that_hour_in_whatever_order_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let newest = write(
        folder.path(),
        "agent.log",
        &lines(&[("2026-10-25 02:20:00,000", DEAD), ("2026-10-25 02:21:00,000", "INFO x: y")]),
    );
    let middle = write(
        folder.path(),
        "agent.log.1",
        &lines(&[("2026-10-25 02:30:00,000", LOST), ("2026-10-25 02:30:10,000", UP)]),
    );
    let oldest = write(folder.path(), "agent.log.2", &lines(&[("2026-10-25 01:00:00,000", UP)]));
    let expected = shown(&[
        ("2026-10-24T23:00:00Z", "connected"),
        ("2026-10-25T00:30:00Z", "reconnecting"),
        ("2026-10-25T00:30:10Z", "connected"),
        ("2026-10-25T01:20:00Z", "executor-shutdown"),
    ]);
    for paths in [[&newest, &middle, &oldest], [&oldest, &newest, &middle]] {
        assert_eq!(reasons(&play(&paths.map(Clone::clone), &berlin())), expected);
    }
}

#[test]
fn numbers_that_are_no_ages_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [
        write(folder.path(), "agent.log.1", &lines(&[("2026-05-02 10:00:00,000", DEAD)])),
        write(folder.path(), "agent.log.2", &lines(&[("2026-05-01 10:00:00,000", UP)])),
        write(folder.path(), "agent.log", &lines(&[("2026-05-01 12:00:00,000", LOST)])),
        write(folder.path(), "agent.log.3", &lines(&[("2026-05-01 12:00:05,000", UP)])),
    ];
    let expected = shown(&[
        ("2026-05-01T10:00:00Z", "connected"),
        ("2026-05-01T12:00:00Z", "reconnecting"),
        ("2026-05-01T12:00:05Z", "connected"),
        ("2026-05-02T10:00:00Z", "executor-shutdown"),
    ]);
    assert_eq!(reasons(&play(&paths, &TimeZone::UTC)), expected);
}

#[test]
fn a_pasted_line_of_another_time_does_not_hold_up_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let agent = lines(&[
        ("2026-05-01 10:00:00,000", UP),
        ("2031-01-01 00:00:00,000", LOST),
        ("2019-01-01 00:00:00,000", REFUSED),
        ("2026-05-01 10:02:00,000", UP),
        ("2026-05-01 10:30:00,000", "INFO x: y"),
    ]);
    let errors = lines(&[("2026-05-01 10:20:00,000", DEAD)]);
    let paths = [write(folder.path(), "agent.log", &agent), write(folder.path(), "errors.log", &errors)];
    let told = play(&paths, &TimeZone::UTC);
    let expected = shown(&[
        ("2026-05-01T10:00:00Z", "connected"),
        ("2026-05-01T10:00:00Z", "reconnecting"),
        ("2026-05-01T10:00:00Z", "network-unreachable"),
        ("2026-05-01T10:02:00Z", "connected"),
        ("2026-05-01T10:20:00Z", "executor-shutdown"),
    ]);
    assert_eq!(reasons(&told), expected);
    assert_eq!(told.end.to_string(), "2026-05-01T10:30:00Z");
}

#[test]
fn a_silence_before_a_start_or_a_loss_is_not_known_to_be_up() {
    const TALK: &str = "INFO gateway.run: Flushing text batch agent:main:feishu:dm:oc_1 (12 chars)";
    const START: &str = "INFO gateway.run: Starting Hermes Gateway...";
    let folder = tempfile::tempdir().unwrap();
    let doubtful = |name: &str, stamped: &[(&str, &str)]| {
        let told = play(&[write(folder.path(), name, &lines(stamped))], &TimeZone::UTC);
        let hours = |at: Timestamp| at.strftime("%H:%M").to_string();
        told.doubtful.iter().map(|(from, to)| (hours(*from), hours(*to))).collect::<Vec<_>>()
    };
    let up = ("2026-11-20 08:00:00,000", UP);
    let talk = ("2026-11-20 09:00:00,000", TALK);
    let quiet = doubtful("quiet.log", &[up, talk, ("2026-11-20 18:00:00,000", TALK)]);
    assert_eq!(quiet, [], "lines that go on as before are of a process that was there");
    for (name, after) in [("off.log", START), ("asleep.log", LOST)] {
        let found = doubtful(name, &[up, talk, ("2026-11-20 18:00:00,000", after)]);
        assert_eq!(found, [("09:00".to_owned(), "18:00".to_owned())], "{name}");
        let soon = doubtful(name, &[up, talk, ("2026-11-20 09:40:00,000", after)]);
        assert_eq!(soon, [], "{name}: so short a silence is none");
    }
    // red stays red: the silence is the fault
    let dead = [up, ("2026-11-20 08:30:00,000", DEAD), ("2026-11-20 18:00:00,000", START)];
    assert_eq!(doubtful("dead.log", &dead), []);
    // one log is silent, the other is not
    let one = write(folder.path(), "agent.log", &lines(&[up, ("2026-11-20 18:00:00,000", START)]));
    let mut other: Vec<String> = Vec::new();
    for minute in (0..600).step_by(50) {
        other.push(format!("2026-11-20 {:02}:{:02}:00,000", 8 + minute / 60, minute % 60));
    }
    let other: Vec<(&str, &str)> = other.iter().map(|stamp| (stamp.as_str(), TALK)).collect();
    let other = write(folder.path(), "gateway.log", &lines(&other));
    assert_eq!(play(&[one, other], &TimeZone::UTC).doubtful, []);
}

#[test]
fn logs_of_several_profiles_are_kept_apart() {
    let paths = [
        "/h/.hermes/logs/agent.log",
        "/h/.hermes/profiles/work/logs/agent.log.1",
        "/h/.hermes/logs/gateway.log",
        "/h/.hermes/profiles/work/logs/agent.log",
        "/h/logs/gateway-sales.log",
    ]
    .map(PathBuf::from);
    let told: Vec<(String, usize)> =
        by_profile(&paths).into_iter().map(|(name, files)| (name, files.len())).collect();
    assert_eq!(told, [("default".to_owned(), 2), ("work".to_owned(), 2), ("sales".to_owned(), 1)]);
}

/// Folders that are not a Hermes home are kept apart, with their own names.
#[test]
fn unknown_folders_are_kept_apart() {
    let names = |paths: &[&str]| {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        by_profile(&paths)
            .into_iter()
            .map(|(name, files)| format!("{name} {}", files.len()))
            .collect::<Vec<_>>()
    };
    for (paths, expected) in [
        (&["/x/a/logs/agent.log", "/x/b/logs/agent.log", "/x/a/logs/errors.log"][..], &["a 2", "b 1"][..]),
        (&["/x/a/agent.log", "/x/b/agent.log"], &["a 1", "b 1"]),
        (&["/x/a/agent.log", "/x/a/errors.log.1"], &["default 2"]),
        (&["/u/.hermes/logs/agent.log", "/x/a/agent.log"], &["default 1", "a 1"]),
        (&["/x/a/logs/agent.log", "/y/a/logs/agent.log"], &["a 1", "a-2 1"]),
        (&["/u/.hermes/profiles/a/logs/agent.log", "/y/a/logs/agent.log"], &["a 1", "default 1"]),
        (&["/x/a/logs/agent.log", "/x/b/logs/gateway-work.log"], &["default 1", "work 1"]),
    ] {
        assert_eq!(names(paths), expected, "{paths:?}");
    }
}

#[test]
fn a_file_without_stamps_is_named_and_a_folder_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = write(folder.path(), "agent.log", &lines(&[("2026-05-01 10:00:00,000", UP)]));
    let packed = write(folder.path(), "agent.log.1.gz", "\u{1f}\u{0}not a log\n");
    assert_eq!(play(&[log.clone(), packed.clone()], &TimeZone::UTC).silent, std::slice::from_ref(&packed));
    let refused = Logs::open(&[packed], &TimeZone::UTC).unwrap_err().text(Lang::En);
    assert!(refused.contains("no line with a timestamp"), "{refused}");
    let refused = Logs::open(&[log, folder.path().to_path_buf()], &TimeZone::UTC).unwrap_err();
    let refused = refused.text(Lang::En);
    assert!(refused.contains("it is a directory"), "{refused}");
}

#[test]
fn long_lines_and_ends_without_a_newline_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut agent = lines(&[("2026-05-01 10:00:00,000", UP)]);
    agent.push_str(&"x".repeat(3 << 20));
    agent.push('\n');
    // so that a record crosses the end of each block
    for n in 0..20_000 {
        writeln!(agent, "2026-05-01 10:{:02}:{:02},000 INFO x: {n}", 1 + n / 600, n / 10 % 60).unwrap();
    }
    write!(agent, "2026-05-01 11:00:00,000 {DEAD}").unwrap();
    let told = play(&[write(folder.path(), "agent.log", &agent)], &TimeZone::UTC);
    let expected =
        shown(&[("2026-05-01T10:00:00Z", "connected"), ("2026-05-01T11:00:00Z", "executor-shutdown")]);
    assert_eq!(reasons(&told), expected);
    assert_eq!(told.end.to_string(), "2026-05-01T11:00:00Z");
}

#[test]
fn a_line_about_a_link_shows_that_the_level_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "2026-05-01 10:00:01,000 {UP}\n2026-05-01 10:00:03,000 {REFUSED}\n2026-05-01 10:09:00,000 {UP}\n"
    );
    let told = play(&[write(folder.path(), "agent.log", &text)], &TimeZone::UTC);
    let expected = [
        ("2026-05-01T10:00:01Z", "connected"),
        ("2026-05-01T10:00:03Z", "network-unreachable"),
        ("2026-05-01T10:05:03Z", "reconnect-stalled"),
        ("2026-05-01T10:09:00Z", "connected"),
    ];
    assert_eq!(reasons(&told), shown(&expected));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The result does not depend on how the records are spread over logs, rotated and copied.
    #[test]
    fn how_records_are_spread_does_not_matter(
        history in proptest::collection::vec((0..4usize, 1..400i64, 0..3usize, any::<bool>()), 1..60),
        cut in 0..60usize,
    ) {
        let messages = [UP, LOST, REFUSED, DEAD];
        let start: jiff::civil::DateTime = "2026-05-01T10:00:00".parse().unwrap();
        let mut now = start;
        let (mut one, mut spread, mut older) = (String::new(), vec![String::new(); 3], String::new());
        for (n, (which, step, file, twice)) in history.iter().enumerate() {
            now += jiff::SignedDuration::from_secs(*step);
            let line = format!("{} {}\n", now.strftime("%Y-%m-%d %H:%M:%S,000"), messages[*which]);
            one.push_str(&line);
            if n < cut {
                older.push_str(&line);
            } else {
                spread[*file].push_str(&line);
                if *twice {
                    spread[(*file + 1) % 3].push_str(&line);
                }
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let whole = write(folder.path(), "whole.log", &one);
        let mut parts = vec![write(folder.path(), "agent.log.1", &older)];
        parts.extend(["agent.log", "errors.log", "gateway.log"].iter().zip(&spread).map(|(name, text)| write(folder.path(), name, text)));
        prop_assert_eq!(reasons(&play(&parts, &TimeZone::UTC)), reasons(&play(&[whole], &TimeZone::UTC)));
    }
}
