//! One profile: takes in evidence, keeps time, says what changed.
//!
//! Which process is the gateway: the live one that `gateway.pid` names, else the newest live one. When that changes the
//! slate is clean: the newest evidence about a process belongs to that process.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::evidence::{Evidence, FileIdentity, JobState, Manager, ProcessState, Proof, Signal};
use super::gateway::{End, Gateway, Link, Plan, Said};
use super::judge;
use super::reason::Light;
use super::settings::Deadlines;
use super::timer::{Timer, after, before};
use super::verdict::{Change, Verdict};

/// Processes remembered at most; more at once than this cannot be gateways of one home.
const MOST_PROCESSES: usize = 64;

/// Start times and takeovers remembered at most: more than any threshold needs.
const MOST_TIMES: usize = 256;

/// A process on its way out is believed to write the log for this long at most, beside its successor.
const LONGEST_GOODBYE: Duration = Duration::from_secs(60);

/// Signals of a start that are kept until its process is known.
const MOST_OF_A_START: usize = 128;

/// A heartbeat is read this long after it was written at most.
const LATE_HEARTBEAT: Duration = Duration::from_secs(20);

/// The last lines of a process may arrive for this long after it is gone.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A process that is there at the first looks may have been there long before; one that appears later has just begun.
const FIRST_LOOKS: Duration = Duration::from_secs(2);

/// A start that is known from several sources has about the same time in each.
const SAME_START: Duration = Duration::from_secs(5);

/// What is known of one process of this profile.
#[derive(Debug, Clone, PartialEq)]
struct Process {
    first_seen: Timestamp,
    /// Order of appearance: two may appear at the same moment.
    order: u64,
    start: Option<u64>,
    started_at: Option<Timestamp>,
    state: ProcessState,
}

impl Process {
    fn live(&self) -> bool {
        matches!(self.state, ProcessState::Running | ProcessState::Stopped)
    }
}

/// The service manager's newest word.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Job {
    pub manager: Manager,
    pub label: String,
    pub state: JobState,
    pub pid: Option<u32>,
    pub last_exit: Option<i32>,
    pub at: Timestamp,
}

/// The process that was the gateway before: what it still logs is not the new one's.
#[derive(Debug, Clone, PartialEq)]
struct Predecessor {
    pid: Option<u32>,
    /// `None` while it lives.
    until: Option<Timestamp>,
    /// What is known of it while it lives: the new one may be refused, and then it is the gateway again.
    gateway: Option<Box<Gateway>>,
    since: Timestamp,
}

/// Everything known of one profile, and the verdict that follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Core {
    /// When it was made.
    begun: Timestamp,
    pub(super) deadlines: Deadlines,
    pub(super) now: Timestamp,
    pub(super) gateway: Gateway,
    pub(super) gateway_since: Timestamp,
    pub(super) job: Option<Job>,
    /// A service manager spoke, or was asked in vain: its word is worth waiting for.
    pub(super) manager_known: bool,
    pub(super) detached: Option<Timestamp>,
    /// In the order of time, as all lists of starts are.
    pub(super) starts: Vec<Timestamp>,
    pub(super) recorded_starts: Vec<Timestamp>,
    /// The newest of both.
    pub(super) newest_start: Option<Timestamp>,
    /// Starts after a run that worked and was ended on purpose, or was taken over: no crash came before them.
    pub(super) meant_starts: Vec<Timestamp>,
    /// Of both kinds of starts those that may follow a crash: asked for at every event, sorted out when one comes.
    pub(super) unmeant: [Vec<Timestamp>; 2],
    pub(super) takeovers: Vec<(Timestamp, Proof)>,
    pub(super) storm: Option<(Timestamp, Proof)>,
    processes: BTreeMap<u32, Process>,
    appeared: u64,
    pid_file: Option<FileIdentity>,
    /// Since a look found no process and nothing was ever seen of one.
    pub(super) absent: Option<Timer>,
    pub(super) unreadable: Vec<String>,
    predecessor: Option<Predecessor>,
    /// What was heard since the last start of a gateway: its process may be known only later.
    start_heard: Vec<(Timestamp, Said)>,
    /// … and it was not the start of the gateway of that time.
    start_is_of_another: bool,
    grace: Option<Timestamp>,
    asleep_since: Option<Timestamp>,
    green_since: Option<Timestamp>,
    held_green: Option<SignedDuration>,
    verdict: Verdict,
}

impl Core {
    /// A profile of which nothing is known yet.
    pub fn new(deadlines: Deadlines, now: Timestamp) -> Self {
        Self {
            begun: now,
            gateway: Gateway::new(now, &deadlines, None),
            gateway_since: now,
            deadlines,
            now,
            job: None,
            manager_known: false,
            detached: None,
            starts: Vec::new(),
            recorded_starts: Vec::new(),
            newest_start: None,
            meant_starts: Vec::new(),
            unmeant: [const { Vec::new() }; 2],
            takeovers: Vec::new(),
            storm: None,
            processes: BTreeMap::new(),
            appeared: 0,
            pid_file: None,
            absent: None,
            unreadable: Vec::new(),
            predecessor: None,
            start_heard: Vec::new(),
            start_is_of_another: false,
            grace: None,
            asleep_since: None,
            green_since: None,
            held_green: None,
            verdict: Verdict::unknown(now),
        }
    }

    /// What is said now.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The newest time that it was told of.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The gateway's process as last chosen, alive or gone.
    pub fn gateway_pid(&self) -> Option<u32> {
        self.gateway.pid
    }

    /// Takes in one piece of evidence. Time never falls: an earlier `now` counts as the newest one. Deadlines that
    /// passed before it are told first, each at its own time.
    pub fn step(&mut self, now: Timestamp, evidence: Evidence) -> Vec<Change> {
        let mut changes = Vec::new();
        match evidence {
            // Nothing ran while the machine slept, so no deadline passed in that span.
            Evidence::Wake { slept } if self.asleep_since.is_none() => {
                let slept = Duration::try_from_secs_f64(slept.max(0.0)).unwrap_or(Duration::ZERO);
                self.advance(before(now, slept).max(self.now), &mut changes);
                self.asleep_since = Some(before(now, slept));
            }
            _ => self.advance(now, &mut changes),
        }
        self.now = self.now.max(now);
        self.take(evidence);
        self.judge(self.now, &mut changes);
        changes
    }

    /// Takes in what was read in one go, then lets time pass. Evidence that was written before a deadline passed and is
    /// read after it must not be judged after it: where a deadline has passed, all evidence is taken in before judging.
    pub fn apply(&mut self, now: Timestamp, batch: Vec<Evidence>) -> Vec<Change> {
        let mut changes = Vec::new();
        let is_wake = |evidence: &Evidence| matches!(evidence, Evidence::Wake { .. });
        let (wakes, batch): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_wake);
        for wake in wakes {
            changes.extend(self.step(now, wake));
        }
        if self.next_deadline().is_some_and(|due| due <= now) && !batch.is_empty() {
            self.now = self.now.max(now);
            for evidence in batch {
                self.take(evidence);
            }
            self.judge(self.now, &mut changes);
        } else {
            for evidence in batch {
                changes.extend(self.step(now, evidence));
            }
        }
        self.advance(now, &mut changes);
        changes
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        self.advance(now, &mut changes);
        changes
    }

    /// Puts other deadlines in force for what begins from now on, and judges anew.
    pub fn set_deadlines(&mut self, deadlines: Deadlines) -> Vec<Change> {
        self.deadlines = deadlines;
        let mut changes = Vec::new();
        self.judge(self.now, &mut changes);
        changes
    }

    /// When `tick` is due next; `None`: nothing changes by time alone.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.asleep_since.is_some() {
            return None;
        }
        let gateway = self.gateway.timers().map(Timer::due);
        gateway
            .chain(self.absent.iter().map(Timer::due))
            .chain(judge::expiries(self))
            .filter(|due| *due > self.now)
            .min()
    }

    fn advance(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        while let Some(due) = self.next_deadline() {
            if due > now {
                break;
            }
            self.now = due;
            self.judge(due, changes);
        }
        self.now = self.now.max(now);
    }

    /// The time by which deadlines are held: it stands still while the machine sleeps.
    pub(super) fn clock(&self) -> Timestamp {
        self.asleep_since.unwrap_or(self.now)
    }

    fn judge(&mut self, at: Timestamp, changes: &mut Vec<Change>) {
        let mut next = judge::verdict(self);
        if next.reason == self.verdict.reason {
            next.since = self.verdict.since;
            next.held_green = self.verdict.held_green;
            self.verdict = next;
            return;
        }
        match (self.verdict.light() == Light::Green, next.light() == Light::Green) {
            (false, true) => {
                self.green_since = Some(at);
                self.held_green = None;
            }
            (true, false) => {
                self.held_green = self.green_since.map(|since| at.duration_since(since));
            }
            _ => {}
        }
        next.since = at;
        next.held_green = self.held_green;
        let from = std::mem::replace(&mut self.verdict, next);
        changes.push(Change { at, from, to: self.verdict.clone() });
    }

    fn take(&mut self, evidence: Evidence) {
        let now = self.now;
        match evidence {
            Evidence::Log { signal, other_pid, stamp, proof } => {
                self.hear(Said { signal, other_pid, stamp, proof });
            }
            Evidence::Process { pid, start, started_at, state, exit } => {
                self.see_process(pid, start, started_at, state, exit);
            }
            Evidence::Unreadable(files) => self.unreadable = files,
            Evidence::NoProcess => {
                self.processes.clear();
                self.predecessor = None;
                if self.gateway.seen {
                    let at = self.gateway.last_seen;
                    self.end_gateway(at, None, Proof::new("process", "no such process", now));
                } else {
                    self.absent.get_or_insert(Timer::start(now, self.deadlines.restart, self.grace()));
                }
            }
            Evidence::PidFile(identity) => {
                self.pid_file = identity;
                self.choose();
            }
            Evidence::StateFile(state) => {
                if self.written_by_gateway(state.pid, state.start) {
                    let grace = self.grace();
                    self.gateway.heed_files_of(state.pid);
                    self.gateway.read_state(now, &state, &self.deadlines, grace);
                }
            }
            Evidence::Heartbeat { pid, updated_at } => self.beat(pid, updated_at),
            Evidence::Job { manager, label, state, pid, last_exit } => {
                self.see_job(Job { manager, label, state, pid, last_exit, at: now });
            }
            Evidence::JobUnknown => {
                self.manager_known = true;
                self.job = None;
            }
            Evidence::Tcp { established } => self.gateway.tcp = Some(established),
            Evidence::Starts(times) => self.read_starts(times),
            Evidence::Takeovers(proofs) => {
                for proof in proofs {
                    push_bounded(&mut self.takeovers, (proof.at, proof));
                }
                self.takeovers.sort_by_key(|(at, _)| *at);
            }
            Evidence::PlannedStopMarker(target) => {
                let proof = Proof::new(".gateway-planned-stop.json", "planned stop", now);
                self.gateway.mark(now, Plan::Stop, target, proof);
            }
            Evidence::TakeoverMarker(target) => {
                let proof = Proof::new(".gateway-takeover.json", "takeover", now);
                self.gateway.mark(now, Plan::Takeover, target, proof);
            }
            Evidence::Detached(there) => self.detached = there.then_some(now),
            Evidence::HistoryTruncated => self.gateway.truncated = true,
            Evidence::Sleep => self.asleep_since = Some(now),
            Evidence::Wake { .. } => self.wake(),
        }
    }

    /// The start records grow within the first second of a start, long before `gateway.pid` is written.
    fn read_starts(&mut self, times: Vec<Timestamp>) {
        let known = self.recorded_starts.last().copied();
        let skip = times.len().saturating_sub(MOST_TIMES);
        self.recorded_starts = times.into_iter().skip(skip).collect();
        self.recorded_starts.sort_unstable();
        let unmeant = self.recorded_starts.iter().filter(|start| !self.was_meant(**start));
        self.unmeant[1] = unmeant.copied().collect();
        self.newest_start = self.starts.last().max(self.recorded_starts.last()).copied();
        let Some(newest) = self.recorded_starts.last().copied() else { return };
        let fresh = newest <= after(self.now, LAST_WORDS) && newest > before(self.now, self.deadlines.start);
        let ended = self.gateway.end.as_ref().map(|end| end.respawn.since);
        let later = known.is_none_or(|known| newest > known) && ended.is_none_or(|ended| newest > ended);
        if fresh && later && !self.gateway.alive() {
            self.begin(None, newest.min(self.now));
        }
    }

    fn hear(&mut self, said: Said) {
        let signal = said.signal;
        let now = self.now;
        // Other programs of Hermes write into the same logs: their records are no sign of a gateway.
        if matches!(signal, Signal::Info | Signal::Record) && !self.gateway.alive() {
            return;
        }
        if signal == Signal::Start {
            self.start_heard.clear();
            let gateway = &self.gateway;
            self.start_is_of_another =
                gateway.pid.is_some() && gateway.alive() && (gateway.said_start || gateway.at_work());
        }
        if (signal == Signal::Start || !self.start_heard.is_empty())
            && self.start_heard.len() < MOST_OF_A_START
        {
            self.start_heard.push((now, said.clone()));
        }
        match signal {
            Signal::Takeover => {
                push_bounded(&mut self.takeovers, (now, said.proof.clone()));
                // Whoever takes over was started before it says so.
                let newest = self.starts.last().copied();
                if let Some(start) = newest.filter(|start| now < after(*start, LONGEST_GOODBYE)) {
                    self.note_meant(start);
                }
            }
            Signal::RespawnStorm => self.storm = Some((now, said.proof.clone())),
            // A gateway that is known by its log only, or whose successor has not been seen by the system yet.
            Signal::Start if self.gateway.pid.is_none() || self.gateway.end.is_some() => {
                self.count_start(now);
                self.begin(None, now);
            }
            _ => {}
        }
        // The last words of the process before may carry a stamp from just after the new one was started, which has
        // no link of its own by then.
        let young = self.gateway.pid.is_some()
            && self.gateway.link == Link::Unknown
            && (self.gateway.witnessed || self.gateway.started_at.is_some())
            && now < after(self.gateway.starting.since, LAST_WORDS);
        if young && is_of_shutdown(signal) {
            return;
        }
        let grace = self.grace();
        if self.predecessor_speaks() && !self.gateway.speaks_after_its_link(said.stamp) {
            let silent = !self.gateway.said_start && signal.is_of_link();
            if let Some(old) = self.predecessor.as_mut().filter(|_| silent || belongs_to_the_leaving(signal))
            {
                if let Some(gateway) = &mut old.gateway {
                    gateway.hear(now, said, &self.deadlines, grace);
                }
                return;
            }
        }
        // Proven after the predecessor had gone: what bears a later stamp is nobody else's.
        if signal == Signal::Connected && self.predecessor.as_ref().is_none_or(|old| old.until.is_some()) {
            self.gateway.alone_since = said.stamp;
        }
        // Without a process to look at, its own word that it leaves is the end of it.
        let last_word = (signal == Signal::Exiting && self.gateway.pid.is_none()).then(|| said.proof.clone());
        self.gateway.hear(now, said, &self.deadlines, grace);
        if let Some(proof) = last_word {
            self.end_gateway(now, None, proof);
        }
    }

    /// Remembers a start, and whether it follows a run that worked and was ended on purpose. Those that are too old to
    /// be counted are asked about no more.
    fn count_start(&mut self, at: Timestamp) {
        let floor = before(self.now, self.deadlines.crash_window.max(LONGEST_GOODBYE) + SAME_START);
        for starts in [&mut self.starts, &mut self.meant_starts, &mut self.unmeant[0]] {
            starts.retain(|start| *start > floor);
        }
        insert_in_order(&mut self.starts, at);
        self.newest_start = self.newest_start.max(Some(at));
        let gateway = &self.gateway;
        let plan = gateway.shutdown.as_ref().map(|shutdown| shutdown.plan);
        let meant = match plan {
            Some(Plan::Takeover) => true,
            Some(Plan::Stop | Plan::Restart) => gateway.at_work(),
            Some(Plan::Unplanned) | None => false,
        };
        if meant {
            self.note_meant(at);
        } else if !self.was_meant(at) {
            insert_in_order(&mut self.unmeant[0], at);
        }
    }

    /// No crash came before this start, from whichever source it is known.
    fn note_meant(&mut self, at: Timestamp) {
        insert_in_order(&mut self.meant_starts, at);
        let (from, to) = (before(at, SAME_START), after(at, SAME_START));
        for starts in &mut self.unmeant {
            starts.retain(|start| *start < from || *start > to);
        }
    }

    fn was_meant(&self, start: Timestamp) -> bool {
        let place = self.meant_starts.partition_point(|meant| *meant < before(start, SAME_START));
        self.meant_starts.get(place).is_some_and(|meant| *meant <= after(start, SAME_START))
    }

    fn see_job(&mut self, job: Job) {
        let now = self.now;
        self.manager_known = true;
        // Where nobody looks at processes, the manager's word has to do.
        if !self.gateway.seen {
            let same = self.job.as_ref().is_none_or(|old| old.state == job.state);
            let began = Timer::start(now, self.deadlines.restart, self.grace());
            self.absent = job.pid.is_none().then_some(self.absent.filter(|_| same).unwrap_or(began));
        }
        let before = self.job.replace(job).filter(|old| old.pid.is_some());
        let (Some(before), Some(job)) = (before, &self.job) else { return };
        if self.gateway.pid.is_some() || before.pid == job.pid {
            return;
        }
        if job.pid.is_some() {
            // Its start may have been read before the manager was asked.
            if self.gateway.end.is_some() || now > after(self.gateway_since, LONGEST_GOODBYE) {
                self.begin(None, now);
            }
        } else if self.gateway.alive() {
            let proof = Proof::new(job.manager.word(), format!("{}: no process", job.label), now);
            let exit = job.last_exit;
            self.end_gateway(now, exit, proof);
        }
    }

    fn see_process(
        &mut self,
        pid: u32,
        start: Option<u64>,
        started_at: Option<Timestamp>,
        state: ProcessState,
        exit: Option<i32>,
    ) {
        let now = self.now;
        let live = matches!(state, ProcessState::Running | ProcessState::Stopped);
        let reused = self.processes.get(&pid).is_some_and(|known| match (known.start, start) {
            (Some(old), Some(new)) => old != new,
            _ => live && !known.live(),
        });
        if reused {
            self.processes.remove(&pid);
            self.forget_predecessor(pid);
            if self.gateway.pid == Some(pid) {
                self.end_gateway(
                    now,
                    None,
                    Proof::new("process", format!("PID {pid} is another process now"), now),
                );
            }
        }
        if live && !self.processes.contains_key(&pid) {
            self.forget_the_oldest();
            self.appeared += 1;
            let process = Process { first_seen: now, order: self.appeared, start, started_at, state };
            self.processes.insert(pid, process);
            // A log-only start that this process turns out to be was counted already.
            if self.gateway.pid.is_some() || !self.gateway.alive() {
                self.count_start(started_at.unwrap_or(now));
            }
        }
        if let Some(process) = self.processes.get_mut(&pid) {
            process.state = state;
        }
        self.choose();
        if self.gateway.pid == Some(pid) {
            self.note_state(pid, state, exit);
        }
        if state == ProcessState::Gone {
            self.processes.remove(&pid);
        }
        if !live {
            self.forget_predecessor(pid);
        }
    }

    /// The process before is gone, too.
    fn forget_predecessor(&mut self, pid: u32) {
        let until = after(self.now, LAST_WORDS);
        if let Some(old) = self.predecessor.as_mut().filter(|old| old.pid == Some(pid)) {
            old.until.get_or_insert(until);
            old.gateway = None;
        }
    }

    fn note_state(&mut self, pid: u32, state: ProcessState, exit: Option<i32>) {
        let now = self.now;
        let grace = self.grace();
        self.gateway.last_seen = now;
        match state {
            ProcessState::Running => {
                // Nothing ran while it was suspended, so its heartbeat is as old as the suspension allows.
                if self.gateway.suspended.take().is_some()
                    && let Some((timer, _)) = &mut self.gateway.heartbeat
                {
                    *timer = Timer::start(now, self.deadlines.heartbeat, grace);
                }
            }
            ProcessState::Stopped => {
                self.gateway.suspended.get_or_insert(Timer::start(now, self.deadlines.suspended, grace));
            }
            ProcessState::Zombie | ProcessState::Gone => {
                let line = match exit {
                    Some(code) if code < 0 => format!("PID {pid} ended by signal {}", -code),
                    Some(code) => format!("PID {pid} ended with exit code {code}"),
                    None => format!("PID {pid} is gone"),
                };
                self.end_gateway(now, exit, Proof::new("process", line, now));
            }
        }
    }

    fn forget_the_oldest(&mut self) {
        if self.processes.len() >= MOST_PROCESSES {
            let oldest = self
                .processes
                .iter()
                .filter(|(pid, _)| Some(**pid) != self.gateway.pid)
                .min_by_key(|(_, process)| process.order)
                .map(|(pid, _)| *pid);
            if let Some(pid) = oldest {
                self.processes.remove(&pid);
            }
        }
    }

    /// Makes the right process the gateway.
    fn choose(&mut self) {
        let named = self.pid_file.and_then(|id| {
            let process = self.processes.get(&id.pid)?;
            let same = match (id.start, process.start) {
                (Some(written), Some(seen)) => written == seen,
                _ => true,
            };
            (process.live() && same).then_some(id.pid)
        });
        let newest = || {
            let live = self.processes.iter().filter(|(_, process)| process.live());
            live.max_by_key(|(_, process)| process.order).map(|(pid, _)| *pid)
        };
        let Some(pid) = named.or_else(newest) else { return };
        if self.gateway.pid == Some(pid) && self.gateway.end.is_none() {
            let written = self.pid_file.filter(|id| id.pid == pid).and_then(|id| id.start);
            self.gateway.start = self.gateway.start.or(written);
            return;
        }
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        if self.take_up_again(pid) {
            return;
        }
        if self.gateway.pid.is_some() || self.gateway.end.is_some() || !self.gateway.seen {
            self.begin(Some(pid), process.started_at.unwrap_or(process.first_seen));
            self.hand_over(process.started_at);
            self.gateway.witnessed |= process.first_seen > after(self.begun, FIRST_LOOKS);
        }
        if self.gateway.pid.is_none() {
            self.gateway.heed_files_of(pid);
        }
        self.gateway.pid = Some(pid);
        let written = self.pid_file.filter(|id| id.pid == pid).and_then(|id| id.start);
        self.gateway.start = process.start.or(written);
        self.gateway.started_at = process.started_at;
        self.gateway.seen = true;
        if process.state == ProcessState::Stopped {
            // Nobody saw it stop: a light that waits would be green for a process that does nothing.
            let span = self.deadlines.suspended;
            self.gateway.suspended = Some(Timer::start(before(self.now, span), span, self.grace()));
        }
    }

    /// A newer process is gone and the one before it still there: what was known of it holds again.
    fn take_up_again(&mut self, pid: u32) -> bool {
        let Some(old) = self.predecessor.as_mut().filter(|old| old.pid == Some(pid)) else { return false };
        let Some(gateway) = old.gateway.take() else { return false };
        self.gateway_since = old.since;
        self.gateway = *gateway;
        self.predecessor = None;
        true
    }

    /// Gives a new process what was heard of its start before it was known: its lines may be read before its
    /// predecessor is seen to be gone.
    fn hand_over(&mut self, started_at: Option<Timestamp>) {
        let heard = std::mem::take(&mut self.start_heard);
        let Some((first, _)) = heard.first() else { return };
        let own = match started_at {
            Some(started_at) => *first >= started_at,
            None => self.start_is_of_another && self.now < after(*first, LONGEST_GOODBYE),
        };
        if !own {
            return;
        }
        let grace = self.grace();
        for (at, said) in heard {
            self.gateway.hear(at, said, &self.deadlines, grace);
        }
    }

    /// A clean slate for a new process.
    fn begin(&mut self, pid: Option<u32>, since: Timestamp) {
        let old =
            (self.gateway.pid, self.gateway.end.as_ref().map(|end| end.respawn.since), self.gateway.seen);
        let old_lives = old.0.is_some_and(|pid| self.processes.get(&pid).is_some_and(Process::live));
        let grace = self.grace();
        let new = Gateway::new(since, &self.deadlines, grace);
        let left = std::mem::replace(&mut self.gateway, new);
        let lived = |until, gateway| Predecessor { pid: old.0, until, gateway, since: self.gateway_since };
        self.predecessor = match old {
            (old_pid, _, true) if old_lives && old_pid != pid => Some(lived(None, Some(Box::new(left)))),
            (_, Some(gone), true) => Some(lived(Some(after(gone, LAST_WORDS)), None)),
            _ => None,
        };
        self.absent = None;
        self.gateway_since = self.now;
        self.gateway.seen = true;
        self.gateway.last_seen = self.now;
    }

    fn end_gateway(&mut self, at: Timestamp, exit: Option<i32>, proof: Proof) {
        let grace = self.grace();
        self.gateway.leave_as_marked(at, Timer::start(at, self.deadlines.restart, grace));
        match &mut self.gateway.end {
            Some(end) => end.exit = end.exit.or(exit),
            None => {
                self.gateway.end = Some(End {
                    exit,
                    settle: Timer::start(at, self.deadlines.settle, grace),
                    respawn: Timer::start(at, self.deadlines.restart, grace),
                    proof,
                });
            }
        }
    }

    fn predecessor_speaks(&self) -> bool {
        // One that never leaves does not excuse the new one for ever.
        let recent = self.now < after(self.gateway_since, LONGEST_GOODBYE);
        recent && self.predecessor.as_ref().is_some_and(|old| old.until.is_none_or(|until| self.now < until))
    }

    /// Its last words may be read just after it is gone.
    fn written_by_gateway(&self, pid: u32, start: Option<u64>) -> bool {
        let gateway = &self.gateway;
        let just_left = gateway.pid.is_some()
            && gateway.end.as_ref().is_some_and(|end| self.now < after(end.respawn.since, LAST_WORDS));
        let same_start = match (gateway.start, start) {
            (Some(live), Some(written)) => live == written,
            _ => true,
        };
        (gateway.alive() || just_left) && gateway.pid.is_none_or(|live| live == pid) && same_start
    }

    fn beat(&mut self, pid: u32, updated_at: Option<Timestamp>) {
        if !self.written_by_gateway(pid, None) {
            return;
        }
        if updated_at.is_some() && updated_at == self.gateway.beat {
            return;
        }
        self.gateway.heed_files_of(pid);
        let written = updated_at.unwrap_or(self.now).min(self.now);
        let before_this_process =
            self.gateway.started_at.is_some_and(|start| after(written, LAST_WORDS) < start);
        if before_this_process {
            return;
        }
        // The first one may have lain there for hours: its own word counts. Later ones are read soon after they were
        // written; a word that says otherwise comes from a clock that was set, and they count from their arrival.
        let believed = self.gateway.heartbeat.is_none() || after(written, LATE_HEARTBEAT) >= self.now;
        let since = if believed { written } else { self.now };
        let proof = Proof::new("gateway.heartbeat", format!("last heartbeat of PID {pid}"), since);
        let timer = Timer::start(since, self.deadlines.heartbeat, self.grace());
        self.gateway.heartbeat = Some((timer, proof));
        self.gateway.beat = updated_at;
        self.gateway.loop_missed = None;
        self.gateway.seen = true;
        self.gateway.last_seen = self.now;
    }

    fn wake(&mut self) {
        let Some(slept_from) = self.asleep_since.take() else { return };
        let (now, grace) = (self.now, self.deadlines.wake);
        self.grace = Some(after(now, grace));
        for timer in self.gateway.timers_mut().chain(self.absent.as_mut()) {
            timer.restart_after_sleep(slept_from, now, grace);
        }
    }

    fn grace(&self) -> Option<Timestamp> {
        self.grace.filter(|until| *until > self.now)
    }

    /// How many of these times, which are in order, lie within the window that ends now.
    pub(super) fn recent(&self, times: &[Timestamp], window: Duration) -> usize {
        let now = self.clock();
        let floor = before(now, window);
        let until = |end: Timestamp| times.partition_point(|at| *at <= end);
        until(now).saturating_sub(until(floor))
    }
}

/// Signals that a process on its way out still logs, and that must not be taken for the new one's.
fn belongs_to_the_leaving(signal: Signal) -> bool {
    is_of_shutdown(signal)
        || matches!(
            signal,
            Signal::Inbound
                | Signal::Lost
                | Signal::Disconnected
                | Signal::Sending
                | Signal::SendAuth
                | Signal::WrongLoop
                | Signal::LoopMissed
        )
}

/// Signals of a shutdown, and the noise of its teardown.
fn is_of_shutdown(signal: Signal) -> bool {
    matches!(
        signal,
        Signal::Takeover
            | Signal::PlannedStop
            | Signal::PlannedRestart
            | Signal::Shutdown
            | Signal::Exiting
            | Signal::ExecutorShutdown
    )
}

/// Nearly always at the end.
fn insert_in_order(times: &mut Vec<Timestamp>, at: Timestamp) {
    if times.len() >= MOST_TIMES {
        times.remove(0);
    }
    let place = times.partition_point(|other| *other <= at);
    times.insert(place, at);
}

fn push_bounded<T>(list: &mut Vec<T>, item: T) {
    if list.len() >= MOST_TIMES {
        list.remove(0);
    }
    list.push(item);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Starts come late and out of order, and are found to be meant before they are told or after: what is counted is
        /// what a look at all of them would count.
        #[test]
        fn starts_that_were_not_meant_are_counted(steps in proptest::collection::vec((0_u8..4, 0_u64..40, 0_u64..20), 0..60)) {
            let mut core = Core::new(Deadlines::default(), Timestamp::UNIX_EPOCH);
            let window = core.deadlines.crash_window;
            for (kind, later, ago) in steps {
                core.now = after(core.now, Duration::from_secs(later));
                let at = before(core.now, Duration::from_secs(ago));
                match kind {
                    0 | 1 => core.count_start(at),
                    2 => core.note_meant(at),
                    _ => {
                        let mut recorded = core.recorded_starts.clone();
                        recorded.push(at);
                        core.read_starts(recorded);
                    }
                }
                let floor = before(core.now, window);
                let meant = |start: Timestamp| core.meant_starts.iter().any(|meant| meant.duration_since(start).unsigned_abs() <= SAME_START);
                for (all, unmeant) in [&core.starts, &core.recorded_starts].into_iter().zip(&core.unmeant) {
                    let counted = all.iter().filter(|start| **start > floor && !meant(**start)).count();
                    prop_assert_eq!(core.recent(unmeant, window), counted);
                    prop_assert!(unmeant.is_sorted());
                }
            }
        }
    }
}
