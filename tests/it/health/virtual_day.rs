//! A day of incidents in virtual time, and what it leaves in memory. Long: `cargo test --test it virtual_day -- --ignored --nocapture`.

use std::collections::HashSet;
use std::sync::Arc;

use gatelight::alerts::{Event, Policy};
use gatelight::config::Config;
use gatelight::evidence::logbook::LogBook;
use gatelight::evidence::patterns::Patterns;
use gatelight::health::{Change, Core, Deadlines, Evidence, ProcessState};
use gatelight::history::store::Store;
use gatelight::profile::Profile;
use gatelight::serve::metrics::{Counters, Format, render};
use gatelight::text::Lang;
use gatelight::ui::menu::{Locale, MenuState, menu, tooltip};
use gatelight::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Growth that is allowed, in kB.
const ALLOWED: i64 = 1024;

/// Incidents of one gateway are this far apart.
const APART: i64 = 60;

/// Memory that is this process's own, in kB.
fn private() -> i64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let of = |key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse::<i64>().unwrap()
    };
    of("Private_Clean:") + of("Private_Dirty:")
}

struct Watched {
    profile: Arc<Profile>,
    core: Core,
    book: LogBook,
    pid: u32,
}

impl Watched {
    fn new(n: u32, now: Timestamp, patterns: &Arc<Patterns>) -> Self {
        let name = format!("p{n}");
        let home = format!("/nowhere/{name}").into();
        let profile = Arc::new(Profile { name, home, job: None, logs: Vec::new() });
        let mut watched = Self {
            profile,
            core: crate::support::new_core(Deadlines::default(), now),
            book: LogBook::new(Arc::clone(patterns)),
            pid: 1000 * (n + 1),
        };
        watched.process(ProcessState::Running, now);
        watched
    }

    fn process(&mut self, state: ProcessState, now: Timestamp) -> Vec<Change> {
        let (pid, start) = (self.pid, Some(u64::from(self.pid)));
        self.core.step(now, Evidence::Process { pid, start, started_at: Some(now), state, exit: None })
    }

    fn say(&mut self, words: &str, now: Timestamp) -> Vec<Change> {
        let stamp = now.strftime("%Y-%m-%d %H:%M:%S,%3f");
        let line = format!("{stamp} {words}\n");
        let events = self.book.read([("agent.log", line.as_bytes()), ("gateway.log", line.as_bytes())], now);
        events.into_iter().flat_map(|event| self.core.step(now, event.into_evidence())).collect()
    }

    /// One minute: a link lost and back, an outage, a dead executor and a new process, and talk in between.
    fn minute(&mut self, kind: i64, from: Timestamp) -> Vec<Change> {
        let at = |s| from + SignedDuration::from_secs(s);
        let number = from.as_second();
        let connected = format!("INFO Lark: connected to wss://x/ws/v2 [conn_id={number}]");
        let mut changes = self.core.tick(from);
        changes.extend(self.core.step(
            from,
            Evidence::Heartbeat(gatelight::health::evidence::Heartbeat {
                pid: self.pid,
                updated_at: Some(from),
                by_thread: false,
            }),
        ));
        match kind % 10 {
            0 => {
                let words =
                    format!("WARNING gateway.run: tick {number} failed: Executor shutdown has been called");
                changes.extend(self.say(&words, at(1)));
                changes.extend(self.process(ProcessState::Gone, at(20)));
                self.pid += 1;
                changes.extend(self.process(ProcessState::Running, at(24)));
                changes.extend(self.say("INFO gateway.run: Starting Hermes Gateway...", at(25)));
            }
            1..=3 => {
                let words = format!("ERROR Lark: receive message loop exit, err: x [conn_id={number}]");
                changes.extend(self.say(&words, at(2)));
                changes.extend(self.say(&format!("ERROR Lark: connect failed, err: {number}"), at(15)));
            }
            _ => {
                let words = format!("ERROR Lark: receive message loop exit, err: y [conn_id={number}]");
                changes.extend(self.say(&words, at(3)));
            }
        }
        changes.extend(self.say(&connected, at(30)));
        for s in 31..40 {
            let words =
                format!("INFO gateway.platforms.feishu: [Feishu] Inbound dm message received: text='{s}'");
            changes.extend(self.say(&words, at(s)));
        }
        changes
    }
}

#[test]
#[ignore = "long: a day of incidents, some minutes of work"]
fn a_day_of_incidents_leaves_no_memory_behind() {
    let begin: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
    let patterns = crate::support::patterns();
    let mut all: Vec<Watched> = (0..10).map(|n| Watched::new(n, begin, &patterns)).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("history.sqlite"), begin).unwrap();
    let mut policy = Policy::new(Config::default().notices, jiff::tz::TimeZone::UTC, begin);
    policy.step(begin, Event::Started);
    let (counters, mut changes_seen, mut notices, mut drawn) =
        (Counters::default(), 0_u64, 0_usize, HashSet::new());
    let mut measured = Vec::new();
    for minute in 0..24 * 60 {
        let now = begin + SignedDuration::from_secs(minute * APART);
        for (n, watched) in all.iter_mut().enumerate() {
            for change in watched.minute(minute + n as i64, now) {
                let change = ProfileChange { profile: Arc::clone(&watched.profile), change, history: false };
                store.record_change(&change).unwrap();
                counters.changed(&change);
                notices += policy.step(change.change.at, Event::Change(Box::new(change.clone()))).len();
                changes_seen += 1;
            }
        }
        let end = now + SignedDuration::from_secs(APART - 1);
        store.record_observed(now, end).unwrap();
        notices += policy.tick(end).len();
        let view = |w: &Watched| ProfileView {
            profile: Arc::clone(&w.profile),
            verdict: w.core.verdict().clone().into(),
        };
        let profiles = all.iter().map(view).collect();
        let snapshot = Snapshot { at: end, profiles, bad_files: Vec::new(), complete: true };
        let look = Locale { lang: Lang::En, zone: TimeZone::UTC };
        drawn.insert(menu(&snapshot, &MenuState::default(), &look, end).rows.len());
        drawn.insert(tooltip(&snapshot, &MenuState::default(), Lang::Zh).len());
        drawn.insert(render(&snapshot, &counters, end, Format::accepted("")).len());
        if minute % 60 == 59 {
            measured.push(private());
        }
    }
    println!("{changes_seen} changes, {notices} notices; kB of its own at each hour's end: {measured:?}");
    // most links that flap like that lead to one notice, which says so
    assert!(changes_seen > 25_000 && notices > 20, "{changes_seen} changes, {notices} notices");
    // the second hour has seen every kind of incident
    let grown = measured.last().unwrap() - measured[1];
    assert!(grown <= ALLOWED, "grown by {grown} kB: {measured:?}");
}
