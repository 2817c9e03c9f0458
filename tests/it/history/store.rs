//! The history file under real failures: a killed writer, a full disk, foreign and newer files, concurrent readers.

#![allow(clippy::similar_names)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use gatelight::health::{Change, Light, LinkVerdict, Proof, Reason, Verdict};
use gatelight::history::stats::{self, Window};
use gatelight::history::{Reader, RestartResult, RestartRow, Store, StoreError};
use gatelight::history::{export, render};
use gatelight::profile::Profile;
use gatelight::restart::{RestartOutcome, RestartStep, RestartView};
use gatelight::text::{Lang, Message, Worded as _};
use gatelight::watcher::snapshot::ProfileChange;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::support::skips::{Need, skip};
use crate::support::test_process;

fn t(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn change(name: &str, at: Timestamp, from: Reason, to: Reason, line: &str) -> ProfileChange {
    let profile = Profile { name: name.into(), home: PathBuf::from("/h"), job: None, logs: Vec::new() };
    let verdict = |reason| Verdict { reason, since: at, ..Verdict::unknown(at) };
    let mut to = verdict(to);
    to.evidence = Some(Proof::new("agent.log", line, at));
    ProfileChange {
        profile: Arc::new(profile),
        change: Change { at, profile: name.into(), from: verdict(from).glance(), to },
        history: false,
    }
}

fn flip(n: i64) -> ProfileChange {
    let (from, to) = if n % 2 == 0 {
        (Reason::NotRunning, Reason::Connected)
    } else {
        (Reason::Connected, Reason::NotRunning)
    };
    change("work", t(n), from, to, &format!("n={n} {}", "x".repeat(300)))
}

#[test]
fn written_values_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/history.sqlite3");
    let mut store = Store::open(&path, t(0)).unwrap();
    assert!(store.set_aside().is_none());
    store
        .record_change(&change("work", t(1), Reason::NoEvidence, Reason::Connected, "x ticket=abc123 y"))
        .unwrap();
    store
        .record_change(&change("work", t(50), Reason::Connected, Reason::ExecutorShutdown, "dead\nline"))
        .unwrap();
    store.record_observed(t(0), t(60)).unwrap();
    store.record_observed(t(60), t(120)).unwrap();
    store.record_observed(t(200), t(260)).unwrap();
    let restart = RestartView {
        asked_at: t(70),
        step: RestartStep::ProvingLink,
        retrying: None,
        outcome: Some(RestartOutcome::Failed {
            step: RestartStep::EndingOld,
            why: Message::verbatim("token=abc123"),
        }),
    };
    store.record_restart("work", &restart, t(90)).unwrap();
    let record = Reader::open(&path).unwrap().read(t(0), t(300)).unwrap();
    assert_eq!(
        record.observed.iter().map(|w| (w.from, w.to)).collect::<Vec<_>>(),
        [(t(0), t(120)), (t(200), t(260))]
    );
    let work = &record.profiles[0];
    assert_eq!(work.changes[0].evidence.as_ref().unwrap().line.quote(), "x ticket=[redacted] y");
    assert_eq!(work.changes[1].evidence.as_ref().unwrap().line.quote(), "dead line");
    assert_eq!(work.restarts[0].why, Some(Message::verbatim("token=[redacted]")));
    assert_eq!(work.restarts[0].step, Some(RestartStep::EndingOld));
    let story = stats::analyse(work, &record.observed, Window { from: t(0), to: t(300) });
    assert_eq!(story.figures.with(Light::Red), SignedDuration::from_secs(70 + 60));
    // a window that begins later knows its initial state
    let late = store.read(t(55), t(300)).unwrap();
    assert_eq!(late.profiles[0].changes[0].at, t(50));
}

/// A link that is lost and back before the first look: both lines are read together, and both changes are stored.
#[test]
fn changes_of_one_moment_are_all_kept_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("h"), t(0)).unwrap();
    let reasons = [
        (Reason::NoEvidence, Reason::Connected, 1_000_000),
        (Reason::Connected, Reason::Reconnecting, 5_000_000),
        (Reason::Reconnecting, Reason::Connected, 5_000_400),
        (Reason::Connected, Reason::ExecutorShutdown, 5_000_800),
        (Reason::ExecutorShutdown, Reason::Restarting, 5_001_000),
    ];
    for (from, to, micros) in reasons {
        let at = t(0) + SignedDuration::from_micros(micros);
        store.record_change(&change("work", at, from, to, to.code())).unwrap();
    }
    store.record_observed(t(0), t(100)).unwrap();
    let record = store.read(t(0), t(100)).unwrap();
    let kept: Vec<_> = record.profiles[0].changes.iter().map(|c| (c.from, c.to)).collect();
    assert_eq!(kept, reasons.map(|(from, to, _)| (from, to)));
    let lines =
        record.profiles[0].changes.iter().map(|c| c.evidence.as_ref().unwrap().line.quote().to_owned());
    assert!(lines.eq(reasons.iter().map(|(_, to, _)| to.code())));
    assert!(record.profiles[0].changes.is_sorted_by(|a, b| a.at < b.at));
}

/// SQLite serves waiting writers in no order: on a loaded machine one of five may wait longer than a call does.
fn until_free<T>(mut write: impl FnMut() -> Result<T, StoreError>) -> T {
    loop {
        match write() {
            Err(StoreError::Busy) => {}
            written => return written.unwrap(),
        }
    }
}

#[test]
fn the_command_line_adds_its_restarts_while_the_agent_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let restart = |n: i64| RestartView {
        asked_at: t(n),
        step: RestartStep::ProvingLink,
        retrying: None,
        outcome: Some(RestartOutcome::Failed { step: RestartStep::EndingOld, why: Message::verbatim("") }),
    };
    // no file is created, and the folder is unchanged
    assert!(Store::existing(&path, t(0)).unwrap().is_none());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let mut agent = Store::open(&path, t(0)).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for n in 0..25 {
                    until_free(|| {
                        let mut store = Store::existing(path, t(0))?.unwrap();
                        store.record_restart("work", &restart(writer * 100 + n), t(writer * 100 + n + 1))
                    });
                }
            });
        }
        for n in 0..200 {
            until_free(|| agent.record_change(&flip(n)));
        }
    });
    let record = Reader::open(&path).unwrap().read(t(0), t(1000)).unwrap();
    assert_eq!(record.profiles.len(), 1);
    assert_eq!((record.profiles[0].changes.len(), record.profiles[0].restarts.len()), (200, 100));
    // not a run: the observations belong to the agent
    assert!(record.profiles[0].changes.iter().all(|change| change.run == 1));
}

#[test]
fn only_the_agent_replaces_an_unusable_history() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    std::fs::write(&path, "no database at all, but long enough to be looked at").unwrap();
    assert!(Store::existing(&path, t(0)).is_err());
    std::fs::write(&path, "").unwrap();
    assert!(Store::existing(&path, t(0)).is_err());
    std::fs::remove_file(&path).unwrap();
    drop(Store::open(&path, t(0)).unwrap());
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    assert!(matches!(Store::existing(&path, t(0)), Err(StoreError::Newer { found: 99, .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was set aside");
}

/// The tables of version 1, as that version created them.
const VERSION_1: &str = "
    PRAGMA application_id = 1198804084; PRAGMA user_version = 1;
    CREATE TABLE runs (id INTEGER PRIMARY KEY, started_at INTEGER NOT NULL, version TEXT NOT NULL) STRICT;
    CREATE TABLE profiles (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE changes (
        profile INTEGER NOT NULL REFERENCES profiles (id), at INTEGER NOT NULL, run INTEGER NOT NULL,
        was TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL, source TEXT, line TEXT, line_at INTEGER,
        pid INTEGER, started_at INTEGER, history INTEGER NOT NULL, PRIMARY KEY (profile, run, at)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX changes_by_time ON changes (at);
    CREATE TABLE restarts (
        profile INTEGER NOT NULL REFERENCES profiles (id), asked_at INTEGER NOT NULL, ended_at INTEGER NOT NULL,
        result TEXT NOT NULL, why TEXT NOT NULL, killed INTEGER NOT NULL, PRIMARY KEY (profile, asked_at)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE watched (
        id INTEGER PRIMARY KEY, run INTEGER NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL
    ) STRICT;
    INSERT INTO runs VALUES (1, 1800000000000, '0.1.0');
    INSERT INTO profiles VALUES (1, 'work');
    INSERT INTO watched VALUES (1, 1, 1800000000000, 1800000600000);
    INSERT INTO changes VALUES
        (1, 1800000000000, 1, 'no-evidence', 'connected', 1800000000000, NULL, NULL, NULL, 7, NULL, 0),
        (1, 1800000100000, 1, 'connected', 'not-running', 1800000100000, 'process', 'gone', 1800000100000, NULL, NULL, 0);
    INSERT INTO restarts VALUES
        (1, 1800000110000, 1800000120000, 'worked', '', 1),
        (1, 1800000130000, 1800000140000, 'failed', 'no new process came up: the job is not loaded', 0),
        (1, 1800000150000, 1800000160000, 'cannot-tell',
            '1 分 15 秒 内未能证实连接；最后状态：正在启动 — process: PID 8', 0),
        (1, 1800000170000, 1800000180000, 'failed', 'words that no version knows', 0);
";

#[test]
fn a_history_of_version_1_reads_whole_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    rusqlite::Connection::open(&path).unwrap().execute_batch(VERSION_1).unwrap();
    // only the agent migrates
    let refused = Reader::open(&path).unwrap_err();
    assert!(refused.text(Lang::En).contains("start Gatelight once"), "{refused}");
    let store = Store::open(&path, t(700)).unwrap();
    assert!(store.set_aside().is_none());
    let record = Reader::open(&path).unwrap().read(t(0), t(700)).unwrap();
    assert_eq!(record, store.read(t(0), t(700)).unwrap());
    let work = &record.profiles[0];
    assert_eq!((work.changes.len(), record.observed.len()), (2, 1));
    let texts = |lang| {
        let why = |restart: &RestartRow| restart.why.as_ref().map(|why| why.text(lang));
        work.restarts.iter().map(why).collect::<Vec<_>>()
    };
    let own = |all: [&str; 3]| {
        let mut texts: Vec<Option<String>> = all.iter().map(|text| Some((*text).to_owned())).collect();
        texts.insert(0, None);
        texts
    };
    let unknown = "words that no version knows";
    assert_eq!(
        texts(Lang::En),
        own([
            "no new process started: the job is not loaded",
            "the link was not confirmed within 1 min 15 s; last state: starting — process: PID 8",
            unknown,
        ])
    );
    assert_eq!(
        texts(Lang::Zh),
        own([
            "没有新进程启动：任务未加载",
            "1 分 15 秒内未能确认连接；最后状态：正在启动 — 进程：PID 8",
            unknown,
        ])
    );
    let results: Vec<_> = work.restarts.iter().map(|restart| (restart.result, restart.killed)).collect();
    let expected =
        [RestartResult::Worked, RestartResult::Failed, RestartResult::CannotTell, RestartResult::Failed];
    assert_eq!(results, expected.map(|result| (result, result == RestartResult::Worked)));
    // only unknown words are still sentences
    let db = rusqlite::Connection::open(&path).unwrap();
    let stored: Vec<Option<String>> = db
        .prepare("SELECT why FROM restarts ORDER BY asked_at")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(stored[1].as_deref(), Some(r#"{"code":"restart.job-not-loaded"}"#));
    assert!(stored[2].as_ref().unwrap().contains(r#""limit":{"milliseconds":75000}"#), "{stored:?}");
}

/// What version 2 changed of the tables of version 1, and rows as that version wrote them.
const VERSION_2: &str = r#"
    PRAGMA user_version = 2;
    ALTER TABLE restarts DROP COLUMN why;
    ALTER TABLE restarts ADD COLUMN step TEXT;
    ALTER TABLE restarts ADD COLUMN why TEXT;
    INSERT INTO changes VALUES
        (1, 1800000200000, 1, 'not-running', 'auth-rejected', 1800000200000, 'agent.log', 'refused', 1800000200000, 8, NULL, 0);
    INSERT INTO restarts VALUES
        (1, 1800000210000, 1800000220000, 'failed', 0, 'starting-new', '{"code":"restart.job-not-loaded"}');
"#;

#[test]
fn a_history_of_version_2_keeps_what_it_says_and_learns_of_platforms() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(VERSION_1).unwrap();
    db.execute_batch(VERSION_2).unwrap();
    drop(db);
    let mut store = Store::open(&path, t(700)).unwrap();
    assert!(store.set_aside().is_none());
    let mut down = change("work", t(710), Reason::Connected, Reason::LinksMissing, "x");
    (down.change.to.platform, down.change.to.own_light) = (Some("telegram".into()), Some(Light::Amber));
    store.record_change(&down).unwrap();
    store.record_observed(t(700), t(800)).unwrap();
    let record = Reader::open(&path).unwrap().read(t(0), t(800)).unwrap();
    let work = &record.profiles[0];
    let rows: Vec<_> =
        work.changes.iter().map(|row| (row.to, row.light(), row.platform.as_deref())).collect();
    assert_eq!(
        rows,
        [
            (Reason::Connected, Light::Green, None),
            (Reason::NotRunning, Light::Red, None),
            (Reason::AuthRejected, Light::Red, None),
            (Reason::LinksMissing, Light::Amber, Some("telegram")),
        ]
    );
    let last = work.restarts.last().unwrap();
    assert_eq!((work.restarts.len(), last.step), (5, Some(RestartStep::StartingNew)));
    let version: i64 = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 3);
}

fn link(platform: &str, reason: Reason, at: i64) -> LinkVerdict {
    LinkVerdict {
        evidence: Some(Proof::new("agent.log", "token=abc123", t(at))),
        ..LinkVerdict::new(platform.into(), reason, t(at))
    }
}

#[test]
fn each_link_has_a_history_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("h"), t(0)).unwrap();
    let mut down = change("work", t(0), Reason::NoEvidence, Reason::Connected, "x");
    store.record_change(&down).unwrap();
    let say = |store: &mut Store, platform, reason, at| {
        store.record_link("work", &link(platform, reason, at), t(at)).unwrap();
    };
    say(&mut store, "telegram", Reason::Connected, 0);
    say(&mut store, "plug\nin", Reason::Connected, 0);
    say(&mut store, "telegram", Reason::AuthRejected, 100);
    say(&mut store, "telegram", Reason::Connected, 160);
    let ignored = LinkVerdict { ignored: true, ..link("plug\nin", Reason::LinkEnded, 120) };
    store.record_link("work", &ignored, t(120)).unwrap();
    for (at, reason, platform) in
        [(100, Reason::AuthRejected, Some("telegram")), (160, Reason::Connected, Some("telegram"))]
    {
        down = change("work", t(at), Reason::Connected, reason, "x");
        down.change.to.platform = platform.map(Into::into);
        store.record_change(&down).unwrap();
    }
    store.record_observed(t(0), t(200)).unwrap();

    // a window that begins later still knows how each link entered it
    for from in [0, 50, 150] {
        let window = Window { from: t(from), to: t(200) };
        let record = store.read(window.from, window.to).unwrap();
        let links = stats::analyse_links(&record.profiles[0], &record.observed, window);
        let red = |light: &(String, stats::Analysis)| light.1.figures.with(Light::Red).as_secs();
        assert_eq!(links.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["plug in", "telegram"]);
        assert_eq!((red(&links[0]), red(&links[1])), (0, 160 - from.max(100)), "from {from}");
    }
    let window = Window { from: t(0), to: t(200) };
    let record = store.read(window.from, window.to).unwrap();
    let json = export::json(&record, window, t(200), Lang::En);
    let work = &json["profiles"][0];
    assert_eq!(work["incidents"][0]["platform"], "telegram");
    assert_eq!(work["figures"]["causes"][0]["platform"], "telegram");
    assert_eq!(work["changes"][1]["platform"], "telegram");
    assert_eq!(work["links"][1]["figures"]["red_s"], 60.0);
    assert!(!json.to_string().contains("abc123"), "{json}");
    let csv = export::csv(&record, window);
    assert!(csv.lines().next().unwrap().ends_with(",platform"), "{csv}");
    assert!(csv.lines().nth(1).unwrap().ends_with(",telegram"), "{csv}");
    let text = render::render(&record, window, Lang::En, &TimeZone::UTC, false);
    assert!(text.contains("    Telegram: green 70.0% of the time observed · 1 incident"), "{text}");
    assert!(text.contains("Telegram credentials refused · 1 min"), "{text}");
    assert!(!text.contains("Feishu"), "{text}");
}

/// A file whose migration is interrupted by a kill keeps its version, and the next start migrates it.
#[test]
fn a_migration_is_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(VERSION_1).unwrap();
    // the step fails at its last statement because the name exists
    db.execute_batch("CREATE VIEW restarts_view AS SELECT why FROM restarts").unwrap();
    assert!(Store::open(&path, t(700)).is_err());
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let sentences: i64 = db
        .query_row("SELECT count(*) FROM restarts WHERE why LIKE '%未能证实%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!((version, sentences), (1, 1));
    db.execute_batch("DROP VIEW restarts_view").unwrap();
    assert_eq!(Store::open(&path, t(700)).unwrap().read(t(0), t(700)).unwrap().profiles[0].restarts.len(), 4);
}

#[test]
fn a_later_run_does_not_rewrite_what_an_earlier_one_saw() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    {
        let mut store = Store::open(&path, t(0)).unwrap();
        store.record_change(&change("work", t(1), Reason::NoEvidence, Reason::Connected, "a")).unwrap();
        store.record_observed(t(0), t(100)).unwrap();
    }
    let mut store = Store::open(&path, t(200)).unwrap();
    // the logs, read again, cover time that run 1 observed differently, and time that was not observed
    for (at, to) in [(50, Reason::NotRunning), (150, Reason::AuthRejected)] {
        let mut old = change("work", t(at), Reason::NoEvidence, to, "b");
        old.history = true;
        store.record_change(&old).unwrap();
    }
    store.record_observed(t(200), t(300)).unwrap();
    let record = store.read(t(0), t(300)).unwrap();
    let story = stats::analyse(&record.profiles[0], &record.observed, Window { from: t(0), to: t(300) });
    assert_eq!(story.figures.with(Light::Green), SignedDuration::from_secs(99));
    assert_eq!(story.figures.with(Light::Red), SignedDuration::from_secs(100));
    let incident = &story.incidents[0];
    assert_eq!((incident.began, incident.from, incident.cause), (t(150), t(200), Reason::AuthRejected));
}

#[test]
fn after_the_clock_was_set_back_the_history_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("h"), t(0)).unwrap();
    let say = |store: &mut Store, at: i64, to: Reason| {
        store.record_change(&change("work", t(at), Reason::NoEvidence, to, "x")).unwrap();
    };
    say(&mut store, 0, Reason::Connected);
    say(&mut store, 80, Reason::NotRunning);
    store.record_observed(t(0), t(100)).unwrap();
    store.begin_again(t(50));
    say(&mut store, 50, Reason::NotRunning);
    say(&mut store, 60, Reason::Connected);
    store.record_observed(t(50), t(300)).unwrap();
    let lights = |record: &gatelight::history::Record, from: i64| {
        let window = Window { from: t(from), to: t(300) };
        let figures = stats::analyse(&record.profiles[0], &record.observed, window).figures;
        [Light::Green, Light::Red].map(|light| figures.with(light).as_secs())
    };
    let all = store.read(t(0), t(300)).unwrap();
    assert_eq!(lights(&all, 0), [50 + 240, 10], "what the clock showed twice is told as of the second time");
    // the newest row before a window is that of the run in it, not that of a clock that was ahead
    let late = store.read(t(90), t(300)).unwrap();
    assert_eq!(lights(&late, 90), [210, 0]);
}

#[test]
fn changes_before_a_profile_was_known_do_not_count_as_observed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("h"), t(0)).unwrap();
    store.record_change(&change("default", t(0), Reason::NoEvidence, Reason::Connected, "x")).unwrap();
    store.record_observed(t(0), t(100)).unwrap();
    // it appears at 100, and its logs cover the time before
    for (at, to) in [(20, Reason::NotRunning), (40, Reason::Connected)] {
        let mut old = change("work", t(at), Reason::NoEvidence, to, "b");
        old.history = true;
        store.record_change(&old).unwrap();
    }
    store.record_observed(t(100), t(200)).unwrap();
    let record = store.read(t(0), t(200)).unwrap();
    let work = record.profiles.iter().find(|p| p.name == "work").unwrap();
    let story = stats::analyse(work, &record.observed, Window { from: t(0), to: t(200) });
    assert_eq!(story.figures.unknown, SignedDuration::from_secs(100));
    assert_eq!(story.figures.with(Light::Green), SignedDuration::from_secs(100));
    assert_eq!(story.incidents, []);
}

#[test]
fn profiles_of_runs_long_past_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    let day = 86_400;
    for (name, at) in [("gone", 0), ("work", 100 * day)] {
        let mut store = Store::open(&path, t(at)).unwrap();
        store.record_change(&change(name, t(at), Reason::NoEvidence, Reason::Connected, "x")).unwrap();
        store.record_observed(t(at), t(at + 60)).unwrap();
    }
    let store = Store::open(&path, t(101 * day)).unwrap();
    let record = store.read(Timestamp::MIN, t(200 * day)).unwrap();
    let names: Vec<&str> = record.profiles.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["work"]);
}

#[test]
fn as_long_as_the_settings_say_is_kept_and_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    let (day, days) = (86_400, |n: i64| SignedDuration::from_hours(24 * n));
    let mut store = Store::open_keeping(&path, t(0), days(365)).unwrap();
    for n in 0..10 {
        let at = n * 20 * day;
        store.record_change(&change("work", t(at), Reason::NoEvidence, Reason::Connected, "x")).unwrap();
        store.record_observed(t(at), t(at + 60)).unwrap();
    }
    drop(store);
    let kept = |store: &Store| store.read(Timestamp::MIN, t(400 * day)).unwrap().observed.len();
    let store = Store::open_keeping(&path, t(200 * day), days(365)).unwrap();
    assert_eq!(kept(&store), 10, "a year was asked for");
    // the settings change while the agent runs: what is too old goes with the next write
    let mut store = store.keeping(days(50));
    store.record_observed(t(200 * day), t(200 * day + 60)).unwrap();
    assert_eq!(kept(&store), 3);
}

#[test]
fn old_rows_go_and_the_state_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    let day = 86_400;
    {
        let mut store = Store::open(&path, t(0)).unwrap();
        for n in 0..20 {
            store.record_change(&flip(n)).unwrap();
        }
        store.record_change(&change("gone", t(5), Reason::NoEvidence, Reason::Connected, "x")).unwrap();
        store.record_observed(t(0), t(30)).unwrap();
        store
            .record_change(&change("work", t(91 * day), Reason::NotRunning, Reason::Connected, "x"))
            .unwrap();
    }
    let store = Store::open(&path, t(95 * day)).unwrap();
    let record = store.read(Timestamp::MIN, t(200 * day)).unwrap();
    assert!(record.observed.is_empty());
    let at: Vec<_> = record
        .profiles
        .iter()
        .map(|p| (p.name.as_str(), p.changes.iter().map(|c| c.at).collect::<Vec<_>>()))
        .collect();
    // the change with which the kept time begins is kept
    assert_eq!(at, [("gone", vec![t(5)]), ("work", vec![t(19), t(91 * day)])]);
}

/// Inserts rows directly, for speed.
fn stuff(path: &Path, rows: i64, bytes: usize) {
    let mut db = rusqlite::Connection::open(path).unwrap();
    let all = db.transaction().unwrap();
    all.execute("INSERT INTO profiles VALUES (1, 'work')", []).unwrap();
    for n in 0..rows {
        all.execute(
            "INSERT INTO changes VALUES (1, ?1, 1, 'connected', 'not-running', ?1, 'x', ?2, 1, NULL, NULL, 0, NULL, NULL)",
            rusqlite::params![t(n).as_millisecond(), "y".repeat(bytes)],
        )
        .unwrap();
    }
    all.commit().unwrap();
}

#[test]
fn too_many_rows_lose_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    drop(Store::open(&path, t(0)).unwrap());
    stuff(&path, 60_000, 100);
    let store = Store::open(&path, t(60_000)).unwrap();
    let kept = store.read(t(0), t(60_000)).unwrap().profiles.remove(0).changes;
    assert_eq!((kept.len(), kept[0].at), (50_000, t(10_000)));
}

#[test]
fn a_file_at_its_bound_goes_on_without_its_oldest_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    drop(Store::open(&path, t(0)).unwrap());
    stuff(&path, 1_070, 60_000);
    let mut store = Store::open(&path, t(2_000)).unwrap();
    for n in 2_000..6_000 {
        store.record_change(&flip(n)).unwrap();
    }
    let kept = store.read(t(0), t(6_000)).unwrap().profiles.remove(0).changes;
    assert!(kept[0].at > t(200), "nothing had to go: the test proves nothing");
    assert_eq!(kept.iter().filter(|c| c.at >= t(2_000)).count(), 4_000, "new rows were lost");
    drop(store);
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size <= 16_384 * 4_096, "{size} bytes");
}

#[test]
fn files_that_cannot_be_used_are_set_aside() {
    for (what, newer) in
        [("garbage", false), ("newer", true), ("foreign", false), ("torn", false), ("forbidden", false)]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite3");
        match what {
            "garbage" => {
                std::fs::write(&path, "this is no database, but it is long enough to look like a file")
                    .unwrap();
            }
            "foreign" => {
                rusqlite::Connection::open(&path)
                    .unwrap()
                    .execute_batch("CREATE TABLE precious (x)")
                    .unwrap();
            }
            "newer" => {
                drop(Store::open(&path, t(0)).unwrap());
                rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
            }
            "torn" => {
                let mut store = Store::open(&path, t(0)).unwrap();
                for n in 0..200 {
                    store.record_change(&flip(n)).unwrap();
                }
                drop(store);
                let mut bytes = std::fs::read(&path).unwrap();
                for b in &mut bytes[8192..] {
                    *b = 0x5a;
                }
                std::fs::write(&path, bytes).unwrap();
            }
            _ => {
                std::fs::create_dir(&path).unwrap();
            }
        }
        let before = path.is_file().then(|| std::fs::read(&path).unwrap());
        // a reader never moves anything
        let refused = Reader::open(&path).and_then(|r| r.read(t(0), t(1)));
        assert!(refused.is_err(), "{what}");
        assert_eq!(path.is_file().then(|| std::fs::read(&path).unwrap()), before, "{what}");
        if newer {
            assert!(matches!(refused, Err(StoreError::Newer { found: 99, .. })), "{what}");
        }
        let mut store = Store::open(&path, t(0)).unwrap_or_else(|e| panic!("{what}: {e}"));
        let aside = store.set_aside().unwrap_or_else(|| panic!("{what}: nothing said"));
        assert!(aside.path.exists() && aside.path != path, "{what}");
        assert!(
            matches!(aside.why, StoreError::Unreadable(_) | StoreError::Newer { .. }),
            "{what}: {}",
            aside.why
        );
        let said = aside.why.text(Lang::Zh);
        assert!(said.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{what}: {said}");
        if let Some(before) = before {
            assert!(std::fs::read(&aside.path).unwrap().len() >= before.len().min(60), "{what}");
        }
        store.record_change(&flip(1)).unwrap();
        drop(store);
        let again = Store::open(&path, t(9)).unwrap();
        assert!(again.set_aside().is_none(), "{what}: said twice");
        assert_eq!(again.read(t(0), t(9)).unwrap().profiles.len(), 1);
    }
}

/// Runs one of the ignored tests below in another process.
fn child(name: &str, path: &Path, wrap: Option<&str>) -> Child {
    let (me, arguments) = test_process(module_path!(), name);
    let mut command = match wrap {
        Some(script) => {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", script]).arg("sh").arg(me);
            shell
        }
        None => Command::new(me),
    };
    command
        .args(arguments)
        .env("GATELIGHT_TEST_HISTORY", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn child_path() -> Option<PathBuf> {
    std::env::var_os("GATELIGHT_TEST_HISTORY").map(PathBuf::from)
}

#[test]
#[ignore = "the child of a_killed_writer_leaves_whole_transactions"]
fn child_writes_for_ever() {
    let Some(path) = child_path() else { return };
    let mut store = Store::open(&path, t(0)).unwrap();
    let mut out = std::io::stdout();
    for n in 0.. {
        store.record_change(&flip(n)).unwrap();
        writeln!(out, "\nwrote {n}").unwrap();
    }
}

#[test]
#[ignore = "the child of a_writer_killed_inside_a_transaction_leaves_none_of_it"]
fn child_stops_inside_a_transaction() {
    let Some(path) = child_path() else { return };
    let mut store = Store::open(&path, t(0)).unwrap();
    store.record_change(&flip(1)).unwrap();
    drop(store);
    let db = rusqlite::Connection::open(&path).unwrap();
    // a small cache, so that uncommitted rows reach the write-ahead log
    db.execute_batch("PRAGMA cache_size = 5; BEGIN IMMEDIATE").unwrap();
    for n in 0..5_000 {
        db.execute(
            "INSERT INTO changes VALUES (1, ?1, 1, 'connected', 'not-running', ?1, 'x', ?2, 1, NULL, NULL, 0, NULL, NULL)",
            rusqlite::params![n, "y".repeat(300)],
        )
        .unwrap();
    }
    println!("\ninside");
    loop {
        std::thread::park();
    }
}

fn wait_for(child: &mut Child, wanted: impl Fn(&str) -> bool) -> String {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    loop {
        let line = lines.next().expect("the child ended early").unwrap();
        if wanted(&line) {
            return line;
        }
    }
}

#[test]
fn a_killed_writer_leaves_whole_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    for round in 1..=6_i64 {
        let mut writer = child("child_writes_for_ever", &path, None);
        let number = |line: &str| line.strip_prefix("wrote ").and_then(|n| n.parse::<i64>().ok());
        let line = wait_for(&mut writer, |l| number(l).is_some_and(|n| n >= round * 37));
        // SIGKILL at a random point
        writer.kill().unwrap();
        writer.wait().unwrap();
        let at_least = number(&line).unwrap();
        let store = Store::open(&path, t(0)).unwrap();
        assert!(store.set_aside().is_none(), "round {round}: the file was spoilt");
        let record = store.read(t(0), t(1_000_000)).unwrap();
        let last_run = record.profiles[0].changes.iter().map(|c| c.run).max().unwrap();
        let written: Vec<_> = record.profiles[0].changes.iter().filter(|c| c.run == last_run).collect();
        assert!(written.len() as i64 > at_least, "round {round}: {} of {at_least} kept", written.len());
        for (n, row) in written.iter().enumerate() {
            assert_eq!(row.at, t(n as i64), "a hole");
        }
    }
}

#[test]
fn a_writer_killed_inside_a_transaction_leaves_none_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    let mut writer = child("child_stops_inside_a_transaction", &path, None);
    wait_for(&mut writer, |l| l == "inside");
    let wal = std::fs::metadata(folder.path().join("h-wal")).unwrap().len();
    assert!(wal > 500_000, "nothing uncommitted reached the disk ({wal} bytes): the test proves nothing");
    writer.kill().unwrap();
    writer.wait().unwrap();
    let mut store = Store::open(&path, t(0)).unwrap();
    assert!(store.set_aside().is_none());
    assert_eq!(store.read(Timestamp::MIN, Timestamp::MAX).unwrap().profiles[0].changes.len(), 1);
    store.record_change(&flip(2)).unwrap();
}

#[test]
#[ignore = "the child of the tests of a full disk"]
fn child_fills_the_disk() {
    let Some(path) = child_path() else { return };
    let mut store = Store::open(&path, t(0)).unwrap();
    for n in 0..1_000_000 {
        match store.record_change(&flip(n)) {
            Ok(()) => {}
            Err(StoreError::Full(_)) => {
                // still there, still readable, and the same error again
                assert_eq!(store.read(t(0), t(n)).unwrap().profiles[0].changes.len() as i64, n);
                assert!(matches!(store.record_change(&flip(n)), Err(StoreError::Full(_))));
                println!("\nfull at {n}");

                return;
            }
            Err(other) => {
                println!("\nother {other:?}");
                return;
            }
        }
    }
}

fn full_at(child: &mut Child) -> i64 {
    let line = wait_for(child, |l| l.starts_with("full at ") || l.starts_with("other "));
    line.strip_prefix("full at ").unwrap_or_else(|| panic!("{line}")).parse().unwrap()
}

#[test]
fn a_file_that_may_not_grow_fails_one_call_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    let mut writer = child("child_fills_the_disk", &path, Some("trap '' XFSZ; ulimit -f 400; exec \"$@\""));
    let n = full_at(&mut writer);
    assert!(writer.wait().unwrap().success());
    let mut store = Store::open(&path, t(0)).unwrap();
    assert!(store.set_aside().is_none());
    assert_eq!(store.read(t(0), t(n)).unwrap().profiles[0].changes.len() as i64, n);
    store.record_change(&flip(n)).unwrap();
}

struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("/bin/umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_fails_one_call_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = rustix::process::geteuid().is_root()
        && Command::new("/bin/mount")
            .args(["-t", "tmpfs", "-o", "size=768k", "none"])
            .arg(&disk)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success());
    if !mounted {
        return skip(Need::Mount, "a small tmpfs cannot be mounted");
    }
    let _unmount = Unmount(disk.clone());
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![0; 100 * 1024]).unwrap();
    let path = disk.join("h");
    let mut writer = child("child_fills_the_disk", &path, Some("exec \"$@\""));
    let n = full_at(&mut writer);
    assert!(writer.wait().unwrap().success());
    // opening needs no space, and writing works again as soon as there is some
    drop(Store::open(&path, t(0)).unwrap());
    std::fs::remove_file(&ballast).unwrap();
    let mut store = Store::open(&path, t(0)).unwrap();
    assert!(store.set_aside().is_none());
    assert!(store.read(t(0), t(n)).unwrap().profiles[0].changes.len() as i64 >= n);
    store.record_change(&flip(n)).unwrap();
}

#[test]
fn readers_see_whole_pictures_while_the_agent_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h");
    let mut writer = child("child_writes_for_ever", &path, None);
    wait_for(&mut writer, |l| l.starts_with("wrote "));
    // a thread empties the pipe from here on
    let out = writer.stdout.take().unwrap();
    let drain = std::thread::spawn(move || std::io::copy(&mut BufReader::new(out), &mut std::io::sink()));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut seen = 0;
                for _ in 0..30 {
                    let record = Reader::open(&path).unwrap().read(t(0), t(10_000_000)).unwrap();
                    let changes = &record.profiles[0].changes;
                    assert!(changes.len() >= seen, "a picture older than the one before");
                    assert!(changes.iter().enumerate().all(|(n, c)| c.at == t(n as i64)), "half a picture");
                    seen = changes.len();
                }
            })
        })
        .collect();
    for reader in readers {
        reader.join().unwrap();
    }
    assert!(writer.try_wait().unwrap().is_none(), "the readers stopped the writer");
    writer.kill().unwrap();
    writer.wait().unwrap();
    drain.join().unwrap().unwrap();
}
