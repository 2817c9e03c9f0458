//! The simulated gateway processes, their service manager and the machine.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::dice::Dice;
use super::journal::Journal;
use super::oracle::{Check, IN_TRANSIT, Knowledge, Read, WAKE_GRACE};
use super::platforms::Link;
use super::script::{Layout, Operation, Plan, Respawn};

/// Milliseconds, of a span or since the world began.
pub(super) type Ms = u64;

/// One second.
pub(super) const SECOND: Ms = 1_000;

/// When the world begins.
pub(super) const BEGIN: &str = "2026-11-27T08:00:00Z";

/// Why a gateway exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    Stop,
    Restart,
    Terminate,
    Takeover,
    Crash,
}

/// A scheduled event.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// The gateway logs its start, and connects its links one after the other.
    Begin,
    Connect(usize),
    Connected(usize),
    Ready,
    Beat,
    /// A link breaks.
    Break(usize),
    /// A link tries to connect again.
    Attempt(usize),
    Answer(usize),
    /// A link logs again that it is down.
    Repeat(usize),
    /// A message is logged that arrived before the link broke, and when that was.
    InTransit(usize, Ms),
    DrainBeat(Ms),
    /// The dead executor is needed again.
    NeedExecutor,
    Leave(Leaving),
    Exit(Leaving, Respawn),
    /// A process is started.
    Spawn,
    SayJob,
    /// Something can be read from now on.
    Read(u32, Read),
}

/// A gateway process.
#[derive(Debug, Clone)]
pub(super) struct Gateway {
    pub pid: u32,
    pub began: Ms,
    pub life: &'static str,
    /// It has logged its start.
    begun: bool,
    pub ready: bool,
    pub leaving: bool,
    pub draining: bool,
    pub frozen: bool,
    pub suspended: bool,
    restart_requested: bool,
    executor_dead: bool,
}

/// The true state, and everything that was written about it.
pub(super) struct World {
    pub plan: Plan,
    pub now: Ms,
    pub dice: Dice,
    pub links: Vec<Link>,
    pub gateway: Option<Gateway>,
    pub knowledge: Knowledge,
    pub checks: Vec<Check>,
    /// When steps other than waiting were taken, and when processes were started.
    pub operations: Vec<Ms>,
    /// How the last process ended: cause and exit code.
    ended: (Leaving, i32),
    /// The process of a takeover that waits for the gateway to exit, and when it began.
    heir: Option<(u32, Ms)>,
    agenda: BTreeMap<(Ms, u64), (u32, Act)>,
    /// Events of a gateway that is frozen or suspended.
    held: Vec<Act>,
    count: u64,
    pub journal: Journal,
    processes: u32,
    connections: u32,
}

/// The owner of events that belong to no process.
const NOBODY: u32 = 0;

impl World {
    pub(super) fn new(plan: &Plan, seed: u64) -> Self {
        let links = plan.links.iter().map(|(served, platform)| Link::new(*served, *platform)).collect();
        let mut world = Self {
            plan: plan.clone(),
            now: 0,
            dice: Dice::new(seed),
            links,
            gateway: None,
            knowledge: Knowledge::default(),
            checks: Vec::new(),
            operations: Vec::new(),
            ended: (Leaving::Crash, 0),
            heir: None,
            agenda: BTreeMap::new(),
            held: Vec::new(),
            count: 0,
            journal: Journal::default(),
            processes: 0,
            connections: 0,
        };
        if plan.layout != Layout::Single {
            world.write(0, json!({"multiplex": true}));
        }
        world.spawn();
        world
    }

    /// Takes one step, and lets some milliseconds pass.
    pub(super) fn operate(&mut self, operation: &Operation) {
        use Operation as O;
        let lives = self.gateway.as_ref().is_some_and(|gateway| !gateway.leaving && self.heir.is_none());
        let works = lives
            && self.gateway.as_ref().is_some_and(|gateway| {
                gateway.begun && !gateway.draining && !gateway.frozen && !gateway.suspended
            });
        match operation {
            O::Wait(span) => self.advance(self.now + span),
            O::Drop(index) => self.drop_link(index.index(self.links.len())),
            O::Outage(index) => self.outage(index.index(self.links.len()), false),
            O::Deny(index) => self.outage(index.index(self.links.len()), true),
            O::Recover(index) => self.recover(index.index(self.links.len())),
            O::Cut => (0..self.links.len()).for_each(|index| self.outage(index, false)),
            O::Mend => (0..self.links.len()).for_each(|index| self.recover(index)),
            O::Message(index) if works => self.message(index.index(self.links.len())),
            O::Kill(respawn) if lives => self.exit(Leaving::Crash, *respawn),
            O::Stop if works => self.leave(Leaving::Stop),
            O::Restart if works => self.leave(Leaving::Restart),
            O::Terminate if works => self.leave(Leaving::Terminate),
            O::Takeover if works && self.is_ready() => self.take_over(),
            O::Start if self.gateway.is_none() => self.spawn(),
            O::Drain(span) if works && self.is_ready() => self.drain(*span),
            O::Sleep(span) => self.sleep(*span),
            O::Freeze if works => self.change(|gateway| gateway.frozen = true),
            O::Thaw if lives => self.resume(|gateway| std::mem::take(&mut gateway.frozen)),
            O::Suspend if works => {
                self.change(|gateway| gateway.suspended = true);
                self.say_process("stopped", None);
            }
            O::Continue if self.gateway.as_ref().is_some_and(|gateway| gateway.suspended) => {
                self.resume(|gateway| std::mem::take(&mut gateway.suspended));
                self.say_process("running", None);
            }
            O::KillExecutor if works && self.is_ready() && !self.is_executor_dead() => {
                self.change(|gateway| gateway.executor_dead = true);
                let read = self.need_executor();
                self.readable(read, Read::ExecutorDead);
            }
            O::AskManager => self.say_job(),
            O::RewriteFiles if works => {
                self.write_state();
            }
            _ => {}
        }
        if !matches!(operation, O::Wait(_)) {
            self.operations.push(self.now);
        }
        let settled = self.now + self.dice.within(1, 40);
        self.advance(settled);
    }

    /// Everything that was written, as a recording.
    pub(super) fn recording(&self) -> String {
        let served = self.plan.layout != Layout::Single;
        self.journal.recording(if served { &["default", "alice"] } else { &["default"] }, self.now)
    }

    /// Whether a takeover waits for the gateway to exit.
    pub(super) fn is_taken_over(&self) -> bool {
        self.heir.is_some()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.gateway.as_ref().is_some_and(|gateway| gateway.ready)
    }

    /// Lets time pass, and carries out what is due.
    fn advance(&mut self, until: Ms) {
        loop {
            let due = self.agenda.first_key_value().map(|((at, _), _)| *at).filter(|at| *at <= until);
            let next = due.unwrap_or(until);
            if next > self.now {
                self.check();
                // a deadline that ends together with an event is judged with it
                if next > self.now + 1 {
                    self.now = next - 1;
                    self.check();
                }
                self.now = next;
            }
            let Some(_) = due else { return };
            if let Some((_, (owner, act))) = self.agenda.pop_first() {
                self.happen(owner, act);
            }
        }
    }

    pub(super) fn later(&mut self, span: Ms, act: Act) {
        let owner = self.gateway.as_ref().map_or(NOBODY, |gateway| gateway.pid);
        self.at(self.now + span, owner, act);
    }

    /// Drops what was scheduled for the former loss of a link.
    pub(super) fn forget_loss(&mut self, index: usize) {
        let is_other =
            |act: &Act| !matches!(act, Act::Attempt(of) | Act::Answer(of) | Act::Repeat(of) if *of == index);
        self.agenda.retain(|_, (_, act)| is_other(act));
        self.held.retain(is_other);
    }

    fn at(&mut self, at: Ms, owner: u32, act: Act) {
        self.count += 1;
        self.agenda.insert((at, self.count), (owner, act));
    }

    /// From this time on an observer can read this.
    pub(super) fn readable(&mut self, at: Ms, read: Read) {
        let pid = self.gateway.as_ref().map_or(NOBODY, |gateway| gateway.pid);
        self.at(at, NOBODY, Act::Read(pid, read));
    }

    fn happen(&mut self, owner: u32, act: Act) {
        if owner != NOBODY {
            let Some(gateway) = self.gateway.as_ref().filter(|gateway| gateway.pid == owner) else { return };
            if gateway.frozen || gateway.suspended {
                self.held.push(act);
                return;
            }
            let of_link = matches!(
                act,
                Act::Connect(_)
                    | Act::Connected(_)
                    | Act::Ready
                    | Act::Break(_)
                    | Act::Attempt(_)
                    | Act::Answer(_)
                    | Act::Repeat(_)
                    | Act::InTransit(..)
                    | Act::NeedExecutor
            );
            if gateway.leaving && of_link {
                return;
            }
        }
        match act {
            Act::Begin => self.begin(),
            Act::Connect(link) => self.connect(link),
            Act::Connected(link) => self.connected(link),
            Act::Ready => self.ready(),
            Act::Beat => self.beat(),
            Act::Break(link) => self.break_link(link),
            Act::Attempt(link) => self.attempt(link),
            Act::Answer(link) => self.answer(link),
            Act::Repeat(link) => self.repeat(link),
            // one that a hanging gateway logs later is taken for a message of the link that is back
            Act::InTransit(link, broke) if self.now < broke + IN_TRANSIT => drop(self.log_message(link)),
            Act::DrainBeat(until) => self.drain_beat(until),
            Act::NeedExecutor => drop(self.need_executor()),
            Act::Leave(leaving) => self.leave(leaving),
            Act::Exit(leaving, respawn) => self.exit(leaving, respawn),
            Act::Spawn if self.gateway.is_none() => self.spawn(),
            Act::InTransit(..) | Act::Spawn => {}
            Act::SayJob => self.say_job(),
            Act::Read(pid, read) => {
                let of_process = matches!(read, Read::Alive | Read::Heir | Read::Gone(_));
                if of_process || self.gateway.as_ref().is_some_and(|gateway| gateway.pid == pid) {
                    self.knowledge.learn(self.now, pid, &read, &mut self.links);
                }
            }
        }
    }

    fn spawn(&mut self) {
        self.processes += 1;
        let pid = 100 + self.processes;
        self.become_gateway(pid, self.now);
        self.say_process("running", None);
        let span = self.dice.within(1_000, 6_000);
        self.later(span, Act::Begin);
        if self.plan.manager.is_some() {
            let span = self.dice.within(50, 1_500);
            self.later(span, Act::SayJob);
        }
    }

    fn become_gateway(&mut self, pid: u32, began: Ms) {
        self.held.clear();
        self.operations.push(self.now);
        self.gateway = Some(Gateway {
            pid,
            began,
            life: "starting",
            begun: false,
            ready: false,
            leaving: false,
            draining: false,
            frozen: false,
            suspended: false,
            restart_requested: false,
            executor_dead: false,
        });
        self.links.iter_mut().for_each(Link::forget_process);
    }

    fn begin(&mut self) {
        self.change(|gateway| gateway.begun = true);
        self.write_file("gateway.pid", &self.identity());
        self.say(None, "INFO", "gateway.run", "Starting Hermes Gateway...");
        self.write_state();
        self.later(20, Act::Connect(0));
    }

    fn ready(&mut self) {
        self.change(|gateway| {
            gateway.ready = true;
            gateway.life = "running";
        });
        let up = self.links.iter().filter(|link| link.up).count();
        let read = self.say(None, "INFO", "gateway.run", &format!("Gateway running with {up} platform(s)"));
        self.readable(read, Read::Ready);
        self.write_locks();
        self.write_state();
        self.beat();
    }

    fn beat(&mut self) {
        if !self.plan.heartbeat {
            return;
        }
        let Some(gateway) = &self.gateway else { return };
        let beat =
            json!({"pid": gateway.pid, "updated_at": time(self.now), "start_time": epoch(gateway.began)});
        let read = self.write_file("state/gateway.heartbeat", &beat);
        self.readable(read, Read::Beat(self.now));
        self.later(30 * SECOND, Act::Beat);
    }

    fn is_executor_dead(&self) -> bool {
        self.gateway.as_ref().is_some_and(|gateway| gateway.executor_dead)
    }

    /// A dead executor is logged every 5 s (measured). Returns when that can first be read.
    fn need_executor(&mut self) -> Ms {
        self.later(5 * SECOND, Act::NeedExecutor);
        let line = "kanban notifier tick failed: Executor shutdown has been called";
        self.say(None, "WARNING", "gateway.run", line)
    }

    fn drain(&mut self, span: Ms) {
        self.change(|gateway| {
            gateway.draining = true;
            gateway.life = "draining";
            gateway.restart_requested = true;
        });
        self.say(None, "INFO", "gateway.run", "Stopping gateway for restart...");
        self.write_state();
        self.readable(self.now, Read::Leaving(Leaving::Restart));
        self.readable(self.now, Read::Draining);
        self.drain_beat(self.now + span);
    }

    fn drain_beat(&mut self, until: Ms) {
        if self.now >= until {
            self.leave(Leaving::Restart);
        } else {
            self.write_state();
            self.later((until - self.now).min(20 * SECOND), Act::DrainBeat(until));
        }
    }

    fn leave(&mut self, leaving: Leaving) {
        let said = match leaving {
            Leaving::Stop => "Received SIGTERM as a planned gateway stop — exiting cleanly",
            Leaving::Takeover => "Received SIGTERM as a planned --replace takeover — exiting cleanly",
            Leaving::Terminate => "Received SIGTERM — initiating shutdown",
            Leaving::Restart | Leaving::Crash => "Stopping gateway for restart...",
        };
        if !self.gateway.as_ref().is_some_and(|gateway| gateway.draining) {
            self.say(None, "INFO", "gateway.run", said);
            // log line, state file and PID file show it, whichever is read first
            self.readable(self.now, Read::Leaving(leaving));
        }
        self.change(|gateway| {
            gateway.leaving = true;
            gateway.draining = false;
            gateway.restart_requested = leaving == Leaving::Restart;
        });
        self.tear_down();
        self.say(None, "INFO", "gateway.run", "Gateway stopped (total teardown 0.25s)");
        // 0.19 leaves `running` after an unexpected signal: the next boot acts on it
        self.change(|gateway| {
            gateway.life = if leaving == Leaving::Terminate { "running" } else { "stopped" }
        });
        self.write_state();
        self.write_file("gateway.pid", &Value::Null);
        if leaving == Leaving::Terminate {
            self.say(
                None,
                "INFO",
                "gateway.run",
                "Exiting with code 1 (signal-initiated shutdown without restart request)",
            );
        }
        let respawn = match leaving {
            Leaving::Restart | Leaving::Terminate => Respawn::After(self.dice.within(1_000, 10_000)),
            _ => Respawn::Never,
        };
        let span = self.dice.within(300, 4_000);
        self.later(span, Act::Exit(leaving, respawn));
    }

    fn exit(&mut self, leaving: Leaving, respawn: Respawn) {
        let code = match leaving {
            Leaving::Stop | Leaving::Takeover => 0,
            Leaving::Restart => 75,
            Leaving::Terminate => 1,
            Leaving::Crash => -9,
        };
        self.say_process("gone", Some((code, leaving)));
        self.gateway = None;
        self.links.iter_mut().for_each(|link| link.up = false);
        if let Some((pid, began)) = self.heir.take() {
            self.become_gateway(pid, began);
            let span = self.dice.within(1_000, 9_000);
            self.later(span, Act::Begin);
            return;
        }
        if self.plan.manager.is_none() {
            return;
        }
        self.ended = (leaving, code);
        let span = self.dice.within(50, 1_500);
        self.at(self.now + span, NOBODY, Act::SayJob);
        if let Respawn::After(span) = respawn {
            self.at(self.now + span, NOBODY, Act::Spawn);
        }
    }

    fn take_over(&mut self) {
        self.processes += 1;
        let pid = 100 + self.processes;
        self.heir = Some((pid, self.now));
        let event = Self::process(pid, self.now, "running");
        let seen = self.now + self.dice.within(0, 800);
        self.write(seen, event);
        self.at(seen, NOBODY, Act::Read(pid, Read::Heir));
        let span = self.dice.within(1_000, 2_500);
        self.later(span, Act::Leave(Leaving::Takeover));
    }

    fn sleep(&mut self, span: Ms) {
        self.check();
        let agenda = std::mem::take(&mut self.agenda);
        self.agenda = agenda.into_iter().map(|((at, order), act)| ((at + span, order), act)).collect();
        let from = self.now;
        self.journal.sleep(from, span);
        let until = from + span;
        self.links.iter_mut().for_each(|link| link.restart_silence(from, until, WAKE_GRACE));
        self.now += span;
        self.write(self.now, json!({"wake": {"slept": span as f64 / 1e3}}));
        self.knowledge.wake(self.now, span);
    }

    fn change(&mut self, change: impl FnOnce(&mut Gateway)) {
        if let Some(gateway) = &mut self.gateway {
            change(gateway);
        }
    }

    fn resume(&mut self, was: impl FnOnce(&mut Gateway) -> bool) {
        let Some(gateway) = &mut self.gateway else { return };
        if was(gateway) && !gateway.frozen && !gateway.suspended {
            self.knowledge.resume(self.now);
            for act in std::mem::take(&mut self.held) {
                let span = self.dice.within(1, 50);
                self.later(span, act);
            }
        }
    }

    pub(super) fn next_connection(&mut self) -> u32 {
        self.connections += 1;
        self.connections
    }

    /// Logs a line about a link or about the gateway. Returns when it can first be read.
    pub(super) fn say(&mut self, link: Option<usize>, level: &str, logger: &str, message: &str) -> Ms {
        let served = link.is_some_and(|link| self.links[link].served);
        let stamp = timestamp(self.now).strftime("%Y-%m-%d %H:%M:%S,%3f");
        let line = format!("{stamp} {level} {logger}: {message}");
        let home = if served && self.plan.layout == Layout::Separate { "alice" } else { "default" };
        let read = self.write_line(home, "agent.log", &line, 0);
        if self.plan.copies {
            if logger.starts_with("gateway") || logger.starts_with("hermes_plugins") {
                self.write_line(home, "gateway.log", &line, read - self.now);
            }
            if level != "INFO" {
                self.write_line(home, "errors.log", &line, read - self.now);
            }
        }
        if self.plan.mirrors && self.plan.layout == Layout::Tagged {
            self.write_line("alice", "agent.log", &line, read - self.now);
        }
        read
    }

    fn write_line(&mut self, home: &str, log: &str, line: &str, least: Ms) -> Ms {
        let delay = least + self.dice.within(0, 300);
        let read = self.journal.read_in_order(&format!("{home}/{log}"), self.now, self.now + delay);
        self.write(read, json!({"profile": home, "log": log, "line": line}));
        read
    }

    pub(super) fn write_file(&mut self, file: &str, json: &Value) -> Ms {
        let delay = self.dice.within(0, 400);
        let read = self.journal.read_in_order(file, self.now, self.now + delay);
        self.write(read, json!({"file": file, "json": json}));
        read
    }

    fn write(&mut self, read: Ms, event: Value) {
        self.journal.write(self.now, read, event);
    }

    fn identity(&self) -> Value {
        let gateway = self.gateway.as_ref();
        json!({
            "pid": gateway.map(|gateway| gateway.pid),
            "kind": "hermes-gateway",
            "start_time": gateway.map(|gateway| gateway.began + 1_000),
        })
    }

    /// Writes the state file. Returns when it can first be read.
    pub(super) fn write_state(&mut self) -> Ms {
        let Some(gateway) = self.gateway.clone() else { return self.now };
        let mut platforms = serde_json::Map::new();
        for link in self.links.iter().filter(|link| !link.entry.0.is_empty()) {
            let own_key = link.served && self.plan.layout == Layout::Separate;
            let key = if own_key {
                format!("alice:{}", link.platform.name())
            } else {
                link.platform.name().to_owned()
            };
            let (state, at) = link.entry;
            let older = platforms.get(&key).is_some_and(|entry: &Value| entry["at"].as_u64() > Some(at));
            if !older {
                platforms.insert(key, json!({"state": state, "updated_at": time(at), "at": at}));
            }
        }
        let mut served = if self.plan.layout == Layout::Single || !gateway.ready {
            json!(null)
        } else {
            json!(["default", "alice"])
        };
        if self.plan.leftovers {
            let before = timestamp(0) - SignedDuration::from_hours(30);
            // a start writes the entries of all its links anew
            platforms.entry("discord").or_insert_with(
                || json!({"state": "fatal", "error_code": "gone", "updated_at": before.to_string()}),
            );
            if self.plan.layout == Layout::Single {
                served = json!(["default", "bob"]);
            }
        }
        let mut state = self.identity();
        state["gateway_state"] = json!(gateway.life);
        state["restart_requested"] = json!(gateway.restart_requested);
        state["active_agents"] = json!(u32::from(gateway.draining));
        state["platforms"] = Value::Object(platforms);
        state["served_profiles"] = served;
        state["updated_at"] = json!(time(self.now));
        self.write_file("gateway_state.json", &state)
    }

    fn write_locks(&mut self) {
        let Some(pid) = self.gateway.as_ref().map(|gateway| gateway.pid) else { return };
        let locks = self.links.iter().enumerate().filter_map(|(index, link)| {
            Some(json!({"scope": link.platform.lock()?, "id": format!("{index:016x}"), "pid": pid}))
        });
        let event = json!({"locks": locks.collect::<Vec<_>>()});
        let read = self.now + self.dice.within(0, 500);
        self.write(read, event);
    }

    fn process(pid: u32, began: Ms, state: &str) -> Value {
        json!({"process": {"pid": pid, "state": state, "start": began + 1_000, "started_at": time(began)}})
    }

    fn say_process(&mut self, state: &str, gone: Option<(i32, Leaving)>) {
        let Some(gateway) = self.gateway.clone() else { return };
        let mut event = Self::process(gateway.pid, gateway.began, state);
        let delay = self.dice.within(0, 700);
        let seen = self.journal.read_in_order("process", self.now, self.now + delay);
        let read = match (state, gone) {
            (_, Some((code, leaving))) => {
                event["process"]["exit"] = json!(code);
                Read::Gone(leaving)
            }
            ("stopped", _) => Read::Suspended,
            _ if gateway.began == self.now => Read::Alive,
            _ => Read::Resumed,
        };
        self.write(seen, event);
        self.readable(seen, read);
    }

    /// Records the service manager's answer.
    fn say_job(&mut self) {
        if let Some(event) = self.job() {
            self.write(self.now, event);
        }
    }

    /// What the service manager answers now.
    pub(super) fn job(&self) -> Option<Value> {
        let manager = self.plan.manager?;
        let pid = self.gateway.as_ref().map(|gateway| gateway.pid);
        let (state, exit) = match (pid, self.ended, manager) {
            (Some(_), ..) => ("running", None),
            (None, (Leaving::Stop, _), "launchd") => ("not-loaded", None),
            (None, (Leaving::Stop, code), _) => ("stopped", Some(code)),
            (None, (_, code), _) => ("waiting", Some(code)),
        };
        let label = "ai.hermes.gateway";
        let job = json!({"manager": manager, "label": label, "state": state, "pid": pid, "last_exit": exit});
        Some(json!({"job": job}))
    }
}

pub(super) fn timestamp(at: Ms) -> Timestamp {
    BEGIN.parse::<Timestamp>().unwrap() + SignedDuration::from_millis(at as i64)
}

fn time(at: Ms) -> String {
    timestamp(at).to_string()
}

fn epoch(at: Ms) -> f64 {
    timestamp(at).as_millisecond() as f64 / 1e3
}
