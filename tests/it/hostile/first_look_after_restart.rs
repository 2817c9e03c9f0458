//! The first look within a second after a restart: last lines of the old process do not count against the new one.

use std::fs;
use std::path::Path;

use gatelight::evidence::process;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::support::executable;
use crate::support::machine::{Gateway, Machine, append, connected_line};

const EXECUTOR: &str =
    "WARNING gateway.kanban: kanban notifier tick failed: Executor shutdown has been called";
const REFUSED: &str = "ERROR Lark: connect failed, err: 1000040345: app_id or app_secret is invalid";
const LOST: &str = "ERROR Lark: receive message loop exit, err: no close frame received or sent [conn_id=1]";
const STOP: &str = "INFO gateway.run: Received SIGTERM as a planned gateway stop — exiting cleanly";
const EXITS: &str = "INFO gateway.run: Exiting with code 1";
const READY: &str = "INFO gateway.run: Gateway running with 1 platform(s)";
const START: &str = "INFO gateway.run: Starting Hermes Gateway...";

/// The clock of a log's timestamps.
#[derive(Debug, Clone, Copy)]
enum Stamps {
    Seconds,
    Milliseconds,
}

impl Stamps {
    fn of(self, at: Timestamp) -> String {
        let format = match self {
            Self::Seconds => "%Y-%m-%d %H:%M:%S",
            Self::Milliseconds => "%Y-%m-%d %H:%M:%S,%3f",
        };
        at.strftime(format).to_string()
    }
}

fn write(home: &Path, records: &[(Timestamp, String)], stamps: Stamps) {
    fs::create_dir_all(home.join("logs")).unwrap();
    for (at, record) in records {
        let line = format!("{} {record}\n", stamps.of(*at));
        append(&home.join("logs/agent.log"), &line);
        if record.contains("gateway") {
            append(&home.join("logs/gateway.log"), &line);
        }
        if !record.starts_with("INFO") {
            append(&home.join("logs/errors.log"), &line);
        }
    }
}

/// The files in the home besides the logs.
#[derive(Debug, Clone, Copy)]
enum Files {
    /// Nothing: the new process has written none yet.
    None,
    /// Those of the process before.
    OfBefore,
    /// Those of the new one; the state file names the platforms of before.
    Own,
}

struct Restarted {
    machine: Machine,
    new: Gateway,
    began: Timestamp,
}

impl Restarted {
    /// A job whose process was just replaced, and launchd names the new one.
    fn new(files: Files) -> Self {
        let mut machine = Machine::new();
        let mut old = Gateway::start(&machine.hermes());
        old.process.kill();
        let (pid_file, state) = (machine.hermes().join("gateway.pid"), old.state(json!({})));
        let before = fs::read(&pid_file).unwrap();
        let new = Gateway::start(&machine.hermes());
        // not now: on a busy machine the start takes a while
        let began = process::look(new.process.pid()).unwrap().started_at;
        match files {
            Files::None => fs::remove_file(pid_file).unwrap(),
            Files::OfBefore => {
                fs::write(pid_file, before).unwrap();
                old.file("gateway_state.json", &state);
            }
            Files::Own => {
                let mut own =
                    new.state(json!({"feishu": {"state": "fatal", "updated_at": "2026-01-01T00:00:00Z"}}));
                own["gateway_state"] = json!("starting");
                new.file("gateway_state.json", &own);
            }
        }
        let launchctl = machine.folder().join("launchctl");
        let print = format!(
            "#!/bin/sh\nprintf 'gui/1/x = {{\\n\\tstate = running\\n\\tpid = {}\\n\\truns = 2\\n}}\\n'\n",
            new.process.pid()
        );
        executable(&launchctl, &print);
        machine.set_launchctl(&launchctl);
        machine.plist("ai.hermes.gateway", &["hermes", "gateway", "run"], "<key>KeepAlive</key><true/>");
        Self { machine, new, began }
    }

    fn at(&self, offset_ms: i64) -> Timestamp {
        self.began + SignedDuration::from_millis(offset_ms)
    }

    fn light(&self) -> (String, String) {
        self.machine.light("default").unwrap()
    }
}

#[test]
fn the_last_words_of_the_process_before_are_not_held_against_the_new_one() {
    let connected = format!("INFO {}", connected_line());
    let last_words: [&[&str]; 7] = [
        &[EXECUTOR],
        &[&connected, EXECUTOR],
        &[REFUSED],
        &[&connected, LOST],
        &[&connected],
        &[STOP, EXECUTOR, EXITS],
        &[&connected, EXITS],
    ];
    let files = [Files::None, Files::OfBefore, Files::Own];
    let mut nth = 0;
    for words in last_words {
        for stamps in [Stamps::Milliseconds, Stamps::Seconds] {
            for offset in [-1_900, -1_000, -300, -30] {
                // a link that came up in the very second of the start may be the new process's
                if matches!(stamps, Stamps::Seconds) && offset > -1_000 && words[0] == connected {
                    continue;
                }
                let restarted = Restarted::new(files[nth % files.len()]);
                nth += 1;
                let home = restarted.machine.hermes();
                let records: Vec<_> =
                    words.iter().map(|word| (restarted.at(offset), (*word).to_owned())).collect();
                write(&home, &records, stamps);
                let case = || format!("{words:?} {stamps:?} {offset} {:?}", files[(nth - 1) % files.len()]);
                assert_eq!(restarted.light(), ("amber".into(), "starting".into()), "{}", case());
                // its own lines, with or without a clock correction of a second
                let own = [(20, START.to_owned()), (40, connected.clone()), (60, READY.to_owned())];
                let own = own.map(|(offset, record)| (restarted.at(offset), record));
                write(&home, &own, stamps);
                assert_eq!(restarted.light(), ("green".into(), "connected".into()), "{}", case());
            }
        }
    }
}

/// Records of the new process count, whatever the clock did to their timestamps.
#[test]
fn lines_of_the_new_process_count_after_a_clock_correction() {
    let connected = format!("INFO {}", connected_line());
    for correction in [0, -900, -1_800] {
        for (last, wanted) in [
            (connected.as_str(), ("green", "connected")),
            (EXECUTOR, ("red", "executor-shutdown")),
            (REFUSED, ("red", "auth-rejected")),
        ] {
            let restarted = Restarted::new(Files::Own);
            let own = [START, &connected, READY, last];
            let own: Vec<_> = own
                .iter()
                .zip([20, 40, 60, 80])
                .map(|(record, offset)| (restarted.at(offset + correction), (*record).to_owned()))
                .collect();
            write(&restarted.machine.hermes(), &own, Stamps::Milliseconds);
            let seen = restarted.light();
            assert_eq!((seen.0.as_str(), seen.1.as_str()), wanted, "{correction} {last}");
            assert!(restarted.new.process.pid() > 0);
        }
    }
}
