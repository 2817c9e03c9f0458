//! The first look at the logs of a live process: the order of the files does not change the light, which is that of an
//! observer from the start.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Instant, SystemTime};

use gatelight::evidence::clock::Moment;
use gatelight::evidence::collector::{Collector, JobProcess};
use gatelight::evidence::patterns::Patterns;
use gatelight::evidence::process;
use gatelight::health::{Core, Deadlines, Evidence, Light, Platforms};
use gatelight::profile::Profile;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::machine::{Machine, Process, append};

const LOGS: [&str; 4] = ["agent.log", "errors.log", "gateway.log", "gateway.error.log"];

/// A record, at a time in milliseconds after the start of the process.
#[derive(Debug, Clone)]
struct Record {
    at: i64,
    level: &'static str,
    logger: &'static str,
    message: &'static str,
}

fn any_record() -> impl Strategy<Value = (&'static str, &'static str, &'static str)> {
    select(vec![
        ("INFO", "gateway.run", "Starting Hermes Gateway..."),
        ("INFO", "Lark", "connected to wss://msg-frontier.feishu.cn/ws/v2?device_id=1 [conn_id=1]"),
        ("INFO", "Lark", "connected to wss://msg-frontier.feishu.cn/ws/v2?device_id=1 [conn_id=1]"),
        ("INFO", "gateway.run", "✓ feishu connected"),
        ("ERROR", "Lark", "receive message loop exit, err: no close frame received or sent [conn_id=1]"),
        ("ERROR", "Lark", "connect failed, err: 1000040345: app_id or app_secret is invalid"),
        ("ERROR", "Lark", "connect failed, err: 502: system busy"),
        ("INFO", "Lark", "trying to reconnect for the 1st time"),
        ("WARNING", "gateway.kanban", "kanban notifier tick failed: Executor shutdown has been called"),
        ("INFO", "gateway.run", "inbound message: platform=feishu user=x chat=y msg='z'"),
        ("INFO", "gateway.run", "Received SIGTERM as a planned gateway stop — exiting cleanly"),
        ("INFO", "gateway.run", "Received UNKNOWN as a planned --replace takeover — exiting cleanly"),
        ("INFO", "gateway.run", "Gateway stopped (total teardown 1.2s)"),
        ("ERROR", "gateway.run", "Another gateway instance is already running (PID 5)"),
    ])
}

/// The start of a process, and what it or another one writes afterwards, for seven minutes at most.
fn any_life() -> impl Strategy<Value = Vec<Record>> {
    let later = proptest::collection::vec((50..40_000_i64, any_record()), 0..10);
    later.prop_map(|later| {
        let begin =
            [("gateway.run", "Starting Hermes Gateway..."), ("gateway.run", "Connecting to feishu...")];
        let record = |(at, level, logger, message)| Record { at, level, logger, message };
        let begin = begin
            .into_iter()
            .zip([1_500, 1_600])
            .map(|((logger, message), at)| (at, "INFO", logger, message));
        let mut at = 3_000;
        let later = later.into_iter().map(|(gap, (level, logger, message))| {
            at += gap;
            (at, level, logger, message)
        });
        begin.chain(later).map(record).collect()
    })
}

/// A started process that does nothing.
struct Begun {
    _process: Process,
    pid: u32,
    at: Timestamp,
}

static PATTERNS: LazyLock<Arc<Patterns>> = LazyLock::new(|| Arc::new(Patterns::new(&[]).unwrap()));

impl Begun {
    fn new() -> Self {
        let child = std::process::Command::new("/bin/sleep").arg("600").spawn().unwrap();
        let pid = child.id();
        Self { _process: Process(child), pid, at: process::look(pid).unwrap().started_at }
    }

    fn after(&self, milliseconds: i64) -> Moment {
        let at = self.at + SignedDuration::from_millis(milliseconds);
        Moment { at, instant: Instant::now() }
    }

    /// Writes a record to the logs that get it from Hermes 0.19 under launchd.
    fn write(&self, home: &Path, record: &Record) {
        let Record { level, logger, message, .. } = record;
        let stamp = self.after(record.at).at.strftime("%Y-%m-%d %H:%M:%S,%3f").to_string();
        let line = format!("{stamp} {level} {logger}: {message}\n");
        let logs = home.join("logs");
        append(&logs.join("agent.log"), &line);
        if *level != "INFO" {
            append(&logs.join("errors.log"), &line);
            append(&logs.join("gateway.error.log"), &format!("{level} {logger}: {message}\n"));
        }
        match *logger {
            "Lark" => append(&logs.join("gateway.log"), &format!("[Lark] [{stamp}] [{level}] {message}\n")),
            _ => append(&logs.join("gateway.log"), &line),
        }
        for log in LOGS {
            if let Ok(file) = fs::OpenOptions::new().append(true).open(logs.join(log)) {
                file.set_modified(SystemTime::from(self.after(record.at).at)).unwrap();
            }
        }
    }

    fn attach(&self, home: &Path, order: &[&str], now: Moment) -> (Collector, Core) {
        let logs: Vec<PathBuf> = order.iter().map(|log| home.join("logs").join(log)).collect();
        let profile = Profile { name: "default".into(), home: home.to_path_buf(), job: None, logs };
        let job = JobProcess::Pid(self.pid);
        let (collector, past) = Collector::attach(&profile, &PATTERNS, &TimeZone::UTC, now, job, None);
        let begin = past.first().map_or(now.at, |(at, _)| *at);
        let mut core = Core::new("default".into(), &Platforms::built_in(), Deadlines::default(), begin);
        for (at, evidence) in past {
            core.step(at, evidence);
        }
        core.tick(now.at);
        core.go_live();
        (collector, core)
    }

    /// The verdict of a first look that reads the files in this order.
    fn first_look(&self, home: &Path, order: &[&str], now: Moment) -> (Light, &'static str) {
        shown(&self.attach(home, order, now).1)
    }
}

fn shown(core: &Core) -> (Light, &'static str) {
    (core.verdict().light(), core.verdict().reason.code())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_first_look_is_as_right_as_a_long_watch(
        life in any_life(),
        order in Just(LOGS.to_vec()).prop_shuffle(),
        later in select(vec![100_i64, 3_000, 60_000]),
    ) {
        let (machine, begun) = (Machine::new(), Begun::new());
        let home = machine.hermes();
        fs::create_dir_all(home.join("logs")).unwrap();
        let (mut collector, mut core) = begun.attach(&home, &LOGS, begun.after(100));
        for record in &life {
            begun.write(&home, record);
            let (now, mut found) = (begun.after(record.at), Vec::<Evidence>::new());
            collector.poll(now, true, &mut found);
            core.apply(now.at, found);
        }
        let now = begun.after(life.last().map_or(0, |record| record.at) + later);
        core.tick(now.at);
        let cold = begun.first_look(&home, &LOGS, now);
        prop_assert_eq!(begun.first_look(&home, &order, now), cold, "the order of the files: {:?}", order);
        prop_assert_eq!(cold, shown(&core), "watched from the start");
    }
}
