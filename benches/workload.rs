//! What `benches/instructions.py` counts the instructions of: parser and core over fixed input, nothing read from outside.
//!
//! `workload NAME [TIMES]` prepares its input and then calls one function, named `counted_NAME`: only what happens inside
//! it is counted. TIMES repeats it, for the check that a growth is seen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use gatelight::evidence::logbook::LogBook;
use gatelight::evidence::patterns::Patterns;
use gatelight::health::evidence::{EntryState, Heartbeat, LifeState};
use gatelight::health::{
    Core, Deadlines, Evidence, JobState, JobWord, LinkSignal, LinkWord, LogRecord, Manager, PlatformEntry,
    Platforms, ProcessState, ProfileName, Proof, Signal, StateFile,
};
use gatelight::redact::clean_line;
use jiff::Timestamp;

const NAMES: [&str; 6] = ["day", "storm", "secrets", "core", "few_links", "many_links"];

/// Lines of a gateway that talks.
const QUIET: [&str; 6] = [
    "INFO agent.loop: turn: model answered in 1.2 s, 3 tools, 812 tokens",
    "INFO [20261122_112237_d2] agent.context: compacted 41 messages into 7, 18,204 tokens saved",
    "INFO httpx: HTTP Request: POST https://api.example.com/v1/chat/completions \"HTTP/1.1 200 OK\"",
    "INFO gateway.sessions: session agent:main:feishu:dm:oc_9f3a saved",
    "WARNING agent.tools: tool terminal took 12.4 s",
    "INFO cron.scheduler: tick: 3 jobs, none due",
];

/// Lines that tell something.
const TELLING: [&str; 8] = [
    "INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?fpid=493&device_id=76&access_key=9f3ac2&ticket=f0c4-77 [conn_id=76]",
    "INFO gateway.feishu: [Feishu] Inbound dm message received: id=om_1 chat_id=oc_1 type=text sender=user:ou_1 text='good morning' media=0",
    "ERROR Lark: receive message loop exit, err: no close frame received or sent [conn_id=76]",
    "INFO Lark: disconnected to wss://msg-frontier.feishu.cn/ws/v2?device_id=76&access_key=9f3ac2&ticket=f0c4-77 [conn_id=76]",
    "INFO Lark: trying to reconnect for the 1st time",
    "ERROR Lark: connect failed, err: HTTPConnectionPool(host='open.feishu.cn', port=443): Max retries exceeded with url: /callback/ws/endpoint (Connection refused)",
    "WARNING gateway.run: kanban notifier tick failed: Executor shutdown has been called",
    "INFO gateway.feishu: [Feishu] Sending response (211 chars) to oc_1",
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let times = arguments.get(1).map_or(1, |times| times.parse().expect("TIMES is a number"));
    match arguments.first().map(String::as_str) {
        Some("day") => {
            let (mut book, block) = (book(), log(20_000, 100));
            println!("{} events", counted_day(&mut book, &block, times));
        }
        Some("storm") => {
            let (mut book, block) = (book(), log(4_000, 2));
            println!("{} events", counted_storm(&mut book, &block, times));
        }
        Some("secrets") => {
            let block = log(4_000, 2);
            println!("{} characters", counted_secrets(&String::from_utf8(block).unwrap(), times));
        }
        Some("core") => {
            let evidence = evidence(4_000);
            println!("{} changes", counted_core(&evidence, times));
        }
        // the same number of lines: what a line costs must not depend on how many links there are
        Some("few_links") => println!("{} changes", counted_few_links(&mut Served::new(10), times)),
        Some("many_links") => println!("{} changes", counted_many_links(&mut Served::new(1_000), times)),
        // `cargo test --benches` and `cargo bench` call it without a name
        _ => NAMES.iter().for_each(|name| println!("{name}")),
    }
}

fn book() -> LogBook {
    LogBook::new(Arc::new(Patterns::new(&[]).unwrap()))
}

fn begin() -> Timestamp {
    "2026-11-22T03:00:00Z".parse().unwrap()
}

/// So many lines, one telling among `every`, each second one.
fn log(lines: usize, every: usize) -> Vec<u8> {
    let mut text = String::new();
    for n in 0..lines {
        let (hours, minutes, seconds) = (n / 3600 % 24, n / 60 % 60, n % 60);
        let line = if n % every == 0 { TELLING[n / every % 8] } else { QUIET[n % 6] };
        let _ = writeln!(text, "2026-11-22 {hours:02}:{minutes:02}:{seconds:02},{:03} {line}", n % 1000);
    }
    text.into_bytes()
}

#[inline(never)]
fn counted_day(book: &mut LogBook, block: &[u8], times: usize) -> usize {
    read(book, "agent.log", block, times)
}

/// From another file: two functions that are alike to the letter would be made one.
#[inline(never)]
fn counted_storm(book: &mut LogBook, block: &[u8], times: usize) -> usize {
    read(book, "gateway.log", block, times)
}

fn read(book: &mut LogBook, source: &str, block: &[u8], times: usize) -> usize {
    let (now, mut events) = (begin(), 0);
    for _ in 0..times {
        events += black_box(book.read([(source, block)], now)).len();
    }
    events
}

#[inline(never)]
fn counted_secrets(text: &str, times: usize) -> usize {
    (0..times).flat_map(|_| text.lines()).map(|line| black_box(clean_line(line, 400)).len()).sum()
}

/// A life with everything in it, again and again: start, link, heartbeats, loss, refusal, recovery, end.
fn evidence(count: usize) -> Vec<(Timestamp, Evidence)> {
    let mut all = Vec::new();
    let mut at = begin();
    let link = |word| Signal::Link(LinkSignal::new("feishu", word));
    let log =
        |at, signal, line: &str| Evidence::Log(LogRecord::new(signal, Proof::new("agent.log", line, at)));
    for life in 0.. {
        let pid = 4000 + life;
        let process = |at, state| Evidence::Process {
            pid,
            start: Some(u64::from(life)),
            started_at: Some(at),
            state,
            exit: None,
        };
        let mut add = |seconds, make: &dyn Fn(Timestamp) -> Evidence| {
            at += Duration::from_secs(seconds);
            all.push((at, make(at)));
        };
        add(1, &|at| process(at, ProcessState::Running));
        add(0, &|_| {
            let label = "hermes-gateway.service".into();
            Evidence::Job(JobWord {
                pid: Some(pid),
                ..JobWord::new(Manager::Systemd, label, JobState::Running)
            })
        });
        add(1, &|at| log(at, Signal::Start, "Starting Hermes Gateway"));
        add(1, &|at| log(at, link(LinkWord::Expected), "Connecting to feishu"));
        add(2, &|at| log(at, link(LinkWord::Proof), "connected to wss://msg-frontier.feishu.cn/ws/v2"));
        for _ in 0..4 {
            add(30, &|at| Evidence::Heartbeat(Heartbeat { pid, updated_at: Some(at), by_thread: false }));
            add(1, &|at| log(at, link(LinkWord::Inbound), "[Feishu] Inbound dm message received: id=om_1"));
        }
        add(5, &|at| {
            log(at, link(LinkWord::Lost), "receive message loop exit, err: no close frame received or sent")
        });
        add(12, &|at| log(at, link(LinkWord::Attempt), "trying to reconnect for the 1st time"));
        add(1, &|at| log(at, link(LinkWord::Unreachable), "connect failed, err: 502: system busy"));
        add(120, &|at| log(at, link(LinkWord::Attempt), "trying to reconnect for the 2nd time"));
        add(1, &|at| log(at, link(LinkWord::Proof), "connected to wss://msg-frontier.feishu.cn/ws/v2"));
        add(60, &|at| process(at, ProcessState::Gone));
        if all.len() >= count {
            return all;
        }
    }
    all
}

#[inline(never)]
fn counted_core(evidence: &[(Timestamp, Evidence)], times: usize) -> usize {
    let mut changes = 0;
    for _ in 0..times {
        let mut core = Core::new("default".into(), &Platforms::built_in(), Deadlines::default(), begin());
        for (at, evidence) in evidence {
            changes += black_box(core.step(*at, evidence.clone())).len();
            black_box(core.next_deadline());
        }
    }
    changes
}

/// A gateway that serves so many profiles, each with a log of its own.
struct Served {
    core: Core,
    names: Vec<ProfileName>,
    at: Timestamp,
}

impl Served {
    fn new(profiles: usize) -> Self {
        let at = begin();
        let names: Vec<ProfileName> = (0..profiles).map(|n| format!("p{n}").into()).collect();
        let mut core = Core::new("default".into(), &Platforms::built_in(), Deadlines::default(), at);
        let entry = |name: &ProfileName| PlatformEntry {
            platform: "feishu".into(),
            profile: Some(name.clone()),
            state: EntryState::Connected,
            cause: None,
            other_pid: None,
            line: String::new(),
            updated_at: None,
            writer: None,
        };
        let file = StateFile {
            pid: 7,
            life: LifeState::Running,
            served: names.clone(),
            entries: names.iter().map(entry).collect(),
            ..StateFile::default()
        };
        let state = ProcessState::Running;
        let process = Evidence::Process { pid: 7, start: None, started_at: Some(at), state, exit: None };
        core.apply(at, vec![process, Evidence::StateFile(file)]);
        let mut served = Self { core, names, at };
        let up = (0..profiles).map(|n| served.line(n, LinkWord::Proof)).collect();
        served.core.apply(at, up);
        served.core.go_live();
        served
    }

    fn line(&self, profile: usize, word: LinkWord) -> Evidence {
        let proof = Proof::new("agent.log", format!("{word:?}"), self.at);
        let record = LogRecord::new(Signal::Link(LinkSignal::new("feishu", word)), proof);
        Evidence::Log(LogRecord { home: self.names.get(profile).cloned(), ..record })
    }

    /// 1,000 losses and 1,000 recoveries, of one link after the other, each read by itself.
    fn lose_and_recover(&mut self, times: usize) -> usize {
        let mut changes = 0;
        for _ in 0..times {
            for n in 0..1_000 {
                for word in [LinkWord::Lost, LinkWord::Proof] {
                    self.at += Duration::from_millis(5);
                    let line = self.line(n % self.names.len(), word);
                    changes += black_box(self.core.apply(self.at, vec![line])).len();
                    black_box(self.core.next_deadline());
                }
            }
        }
        changes
    }
}

#[inline(never)]
fn counted_few_links(served: &mut Served, times: usize) -> usize {
    black_box("few");
    served.lose_and_recover(times)
}

#[inline(never)]
fn counted_many_links(served: &mut Served, times: usize) -> usize {
    black_box("many");
    served.lose_and_recover(times)
}
