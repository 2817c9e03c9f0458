//! Which process is the gateway: processes follow each other, take over from each other, and refuse each other.

use std::time::Duration;

use jiff::Timestamp;

use super::cron::CronFiles;
use super::departure::Plan;
use super::evidence::{Evidence, Lock, ProcessState, ProfileName};
use super::fact::Fact;
use super::gateway::{Beginning, Gateway, LogLevel, Origin, START_TOLERANCE};
use super::predecessor::{
    LATE_LINES, Predecessor, UnassignedRecords, follows_start, is_known_by_former, is_of_exiting_process,
    is_of_shutdown, is_of_unseen_process,
};
use super::processes::{Process, Processes};
use super::proof::{Proof, Source};
use super::served::Served;
use super::signal::{LinkWord, LogRecord, Signal};
use super::starts::{LONGEST_OVERLAP, Starts};
use super::state_file::{FileIdentity, Heartbeat, StateFile};
use super::time::{Moment, Slept};
use super::timer::{Earliest, Timer, after, before};

/// A process seen within this time after the start of watching may be old; one that appears later has just been
/// started.
const FIRST_LOOKS: Duration = Duration::from_secs(2);

/// The processes of one gateway over time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Succession {
    pub origin: Origin,
    /// When watching began.
    begun: Timestamp,
    /// The current process, or the last one.
    pub gateway: Gateway,
    /// Since when that process has been the gateway.
    pub since: Timestamp,
    pub starts: Starts,
    /// Runs while no process was ever seen and a look found none.
    pub absent: Option<Timer>,
    /// The profiles that the gateway serves besides its own.
    pub served: Served,
    /// Whether the gateway is watched live, rather than its history read.
    live: bool,
    pub cron: CronFiles,
    processes: Processes,
    predecessor: Option<Predecessor>,
    unassigned: UnassignedRecords,
    locks: Vec<Lock>,
    multiplex: bool,
    /// Whether the configuration had `multiplex_profiles` on, and has it off now: then the next process serves nobody.
    multiplex_ended: bool,
}

impl Succession {
    /// No process is known yet.
    pub(super) fn new(origin: Origin, moment: Moment<'_>) -> Self {
        Self {
            begun: moment.now,
            gateway: Gateway::new(&origin, moment.now, moment),
            since: moment.now,
            starts: Starts::default(),
            absent: None,
            served: Served::default(),
            live: false,
            cron: CronFiles::default(),
            processes: Processes::default(),
            predecessor: None,
            unassigned: UnassignedRecords::default(),
            locks: Vec::new(),
            multiplex: false,
            multiplex_ended: false,
            origin,
        }
    }

    /// The history was read; from now on the gateway is watched live.
    pub(super) fn go_live(&mut self, moment: Moment<'_>) {
        self.live = true;
        self.gateway.scheduler.watch(moment);
    }

    /// Every moment at which the verdicts of all rows may change without new evidence.
    pub(super) fn deadlines(&self, due: &mut Earliest) {
        self.gateway.deadlines(due);
        due.add(self.absent.map(|timer| timer.due()));
    }

    /// The machine slept: timers that were running begin again.
    pub(super) fn restart_after_sleep(&mut self, slept: Slept) {
        self.gateway.restart_after_sleep(slept);
        if let Some(absent) = &mut self.absent {
            slept.restart(absent);
        }
    }

    /// Takes in what the gateway wrote and what the system reports of its processes. Returns evidence of other kinds.
    pub(super) fn take(&mut self, moment: Moment<'_>, evidence: Evidence) -> Option<Evidence> {
        match evidence {
            Evidence::Log(record) => self.read_record(moment, record),
            Evidence::Process { pid, start, started_at, state, exit } => {
                self.see_process(moment, (pid, start, started_at, state), exit);
            }
            Evidence::NoProcess => self.see_no_process(moment),
            Evidence::PidFile(identity) => {
                self.processes.pid_file = identity;
                self.choose(moment);
            }
            Evidence::StateFile(state) => self.read_state(moment, &state),
            Evidence::Heartbeat(heartbeat) => self.beat(moment, &heartbeat),
            Evidence::PlannedStopMarker(target) => {
                let proof = Proof::new(Source::StopMarker, Fact::PlannedStop, moment.now);
                self.gateway.mark(Plan::Stop, target, proof);
            }
            Evidence::TakeoverMarker(target) => {
                let proof = Proof::new(Source::TakeoverMarker, Fact::Takeover, moment.now);
                self.gateway.mark(Plan::Takeover, target, proof);
            }
            Evidence::Cron(fact) => {
                let began = self.gateway.id.started_at.unwrap_or(self.since);
                self.gateway.scheduler.read(&mut self.cron, fact, began, moment);
            }
            Evidence::Version(version) => self.gateway.version = version,
            Evidence::Children(live) => self.gateway.departure.children = live,
            Evidence::DrainRequest(there) => {
                let known = self.gateway.departure.external_drain;
                self.gateway.departure.external_drain = there.then(|| known.unwrap_or(moment.now));
            }
            Evidence::HistoryTruncated => self.gateway.truncated = true,
            Evidence::Locks(locks) => {
                self.locks = locks;
                self.hand_locks();
            }
            Evidence::Multiplex(multiplex) => {
                self.multiplex_ended = !multiplex && (self.multiplex || self.multiplex_ended);
                self.multiplex = multiplex;
                self.gateway.links.set_multiplex(multiplex);
            }
            Evidence::OwnRestart(asked) => self.starts.note_asked(asked.unwrap_or(moment.now)),
            Evidence::Starts(times) => self.read_starts(moment, times),
            Evidence::Takeovers(proofs) => self.starts.note_past_takeovers(proofs),
            other => return Some(other),
        }
        None
    }

    /// Takes in the profiles that the current process names. `started`: its start is over.
    pub(super) fn update_served(&mut self, started: bool) {
        let names_all = (started && self.gateway.alive()) || self.multiplex_ended;
        self.served.update(&self.gateway.links, names_all);
    }

    /// The service manager started a process that was not seen yet.
    pub(super) fn begin_unseen(&mut self, moment: Moment<'_>) {
        // Its log may have been read before the manager was asked.
        if self.gateway.end.is_some() || moment.now > after(self.since, LONGEST_OVERLAP) {
            self.begin(moment, None, moment.now);
        }
    }

    /// The current process is gone.
    pub(super) fn end(&mut self, moment: Moment<'_>, at: Timestamp, exit: Option<i32>, proof: Proof) {
        self.gateway.finish(moment, at, exit, proof);
    }

    /// Whether the process has written nothing at all, although its logs can be read from its start on.
    pub(super) fn has_written_nothing(&self) -> bool {
        let gateway = &self.gateway;
        let named = self.processes.pid_file.is_some_and(|id| gateway.id.pid == Some(id.pid));
        (gateway.id.started_at.is_some() || gateway.beginning >= Beginning::Witnessed)
            && !gateway.has_written()
            && gateway.level == LogLevel::Unknown
            && !named
            && !gateway.truncated
    }

    fn see_no_process(&mut self, moment: Moment<'_>) {
        let now = moment.now;
        self.processes.clear();
        self.predecessor = None;
        let proof = Proof::new(Source::Process, Fact::NoProcess, now);
        if let Some(at) = self.gateway.last_seen {
            self.end(moment, at, None, proof);
        } else if self.processes.pid_file.is_some() {
            // The PID file that it left names it.
            self.gateway.note(now);
            self.end(moment, now, None, proof);
        } else {
            self.absent.get_or_insert(moment.timer(moment.deadlines.restart));
        }
    }

    /// `gateway-starts.log` grows within the first second of a start, long before `gateway.pid` is written.
    fn read_starts(&mut self, moment: Moment<'_>, times: Vec<Timestamp>) {
        let now = moment.now;
        let Some(newest) = self.starts.read(times) else { return };
        let fresh = newest <= after(now, LATE_LINES) && newest > before(now, moment.deadlines.start);
        let ended = self.gateway.end.as_ref().map(|end| end.respawn.since);
        if fresh && ended.is_none_or(|ended| newest > ended) && !self.gateway.alive() {
            self.begin(moment, None, newest.min(now));
        }
    }

    fn read_record(&mut self, moment: Moment<'_>, record: LogRecord) {
        let now = moment.now;
        // what was written before the process was started is not its own
        if self.gateway.id.started_at.is_some_and(|at| now < before(at, START_TOLERANCE)) {
            return;
        }
        let Some(record) = self.admit(moment, record) else { return };
        self.unassigned.keep(now, &record, &self.gateway);
        match record.signal {
            Signal::Takeover => self.starts.note_takeover(now, record.proof.clone()),
            Signal::RespawnStorm => self.starts.note_storm(now, record.proof.clone()),
            Signal::Start if is_of_unseen_process(&self.gateway, now) => {
                self.count_start(moment, now);
                self.begin(moment, None, now);
            }
            _ => {}
        }
        if self.is_of_former_process(now, &record.signal) {
            return;
        }
        let Some(record) = self.without_those_of_the_predecessor(moment, record) else { return };
        // The predecessor is gone, so records with a later stamp are this process's.
        let is_own = record.signal == Signal::Start
            || matches!(&record.signal, Signal::Link(link) if link.word == LinkWord::Proof);
        if is_own && self.predecessor.as_ref().is_none_or(|old| old.until.is_some()) {
            self.gateway.alone_since = record.stamp;
        }
        // Without a process to look at, the logged exit counts as its end.
        let leaves = record.signal == Signal::Exiting && self.gateway.id.pid.is_none();
        let last_word = leaves.then(|| record.proof.clone());
        // At a first look nothing else tells the process before it, which was shut down.
        if record.signal == Signal::Start && self.gateway.departure.shutdown().is_some() {
            self.served.forget_records_before(record.stamp);
        }
        // Records that the home's log held before the one that shows that its profile is served.
        self.claim_records(moment, record.home.as_ref());
        self.gateway.apply(moment, record);
        self.claim_records(moment, None);
        if let Some(proof) = last_word {
            self.end(moment, now, None, proof);
        }
    }

    /// Returns the record if it may be this gateway's. Other programs of Hermes write to the same logs, and other
    /// gateways to a served profile's. Records of a home whose profile may turn out to be served are kept for later.
    fn admit(&mut self, moment: Moment<'_>, record: LogRecord) -> Option<LogRecord> {
        let other = matches!(record.signal, Signal::Info | Signal::Record | Signal::Cron(_));
        let is_sign = record.home.is_none() && !other;
        if !is_sign && !self.gateway.alive() {
            return None;
        }
        let Some(home) = &record.home else { return Some(record) };
        if !matches!(record.signal, Signal::Link(_)) {
            return None;
        }
        let names_itself = record.tag.as_ref() == Some(home);
        if names_itself || self.gateway.links.serves(home) {
            return Some(record);
        }
        // Once it is served, the former process may be forgotten.
        let record = self.without_those_of_the_predecessor(moment, record)?;
        self.served.keep(moment.now, record);
        None
    }

    /// Hands the predecessor its own records while it may still log, and returns all others.
    fn without_those_of_the_predecessor(
        &mut self,
        moment: Moment<'_>,
        record: LogRecord,
    ) -> Option<LogRecord> {
        let old = self.predecessor.as_mut().filter(|old| old.may_still_log(moment.now, self.since));
        let Some(old) = old.filter(|_| !self.gateway.wrote_after_its_link(record.stamp)) else {
            return Some(record);
        };
        let is_early = !self.gateway.said_start() && follows_start(&record.signal);
        if !is_early && !is_of_exiting_process(&record.signal) {
            return Some(record);
        }
        if let Some(gateway) = &mut old.gateway {
            gateway.apply(moment, record);
        }
        None
    }

    /// Hands the gateway the records of profiles that it is now known to serve. `also`: a profile that it serves besides.
    fn claim_records(&mut self, moment: Moment<'_>, also: Option<&ProfileName>) {
        if !self.served.has_records() {
            return;
        }
        let is_served = |profile: &ProfileName| Some(profile) == also || self.gateway.links.serves(profile);
        for (at, record) in self.served.claim(is_served) {
            self.gateway.apply(Moment { now: at, ..moment }, record);
        }
    }

    /// Whether the record is one of the last lines of the former process: their stamps may be later than the start of
    /// the new one, which has no link by then.
    fn is_of_former_process(&self, now: Timestamp, signal: &Signal) -> bool {
        let gateway = &self.gateway;
        let young = gateway.id.pid.is_some()
            && !gateway.links.any_was_proven()
            && (gateway.beginning >= Beginning::Witnessed || gateway.id.started_at.is_some())
            && now < after(gateway.startup.timer.since, LATE_LINES);
        let may_log = |old: &Predecessor| old.may_still_log(now, self.since);
        let is_first = gateway.said_start() && !self.predecessor.as_ref().is_some_and(may_log);
        young && !is_first && is_of_shutdown(signal)
    }

    /// Counts a start, and notes whether the run before it worked and was ended on purpose.
    fn count_start(&mut self, moment: Moment<'_>, at: Timestamp) {
        let plan = self.gateway.departure.shutdown().map(|shutdown| shutdown.plan);
        let meant = match plan {
            Some(Plan::Takeover) => true,
            Some(Plan::Stop | Plan::Restart) => self.gateway.at_work(moment.now),
            Some(Plan::Unplanned | Plan::NoLinkLeft) | None => false,
        };
        self.starts.count(at, meant, moment.now, moment.deadlines);
    }

    fn see_process(
        &mut self,
        moment: Moment<'_>,
        (pid, start, started_at, state): (u32, Option<u64>, Option<Timestamp>, ProcessState),
        exit: Option<i32>,
    ) {
        let now = moment.now;
        if self.processes.is_reused(pid, start, state) {
            self.processes.remove(pid);
            self.forget_predecessor(now, pid);
            if self.gateway.id.pid == Some(pid) {
                self.end(moment, now, None, Proof::new(Source::Process, Fact::PidReused(pid), now));
            }
        }
        if state.is_live() && self.processes.get(pid).is_none() {
            self.processes.add(pid, (now, start, started_at, state), self.gateway.id.pid);
            // If this process is the one whose start was logged, it was counted then.
            if self.gateway.id.pid.is_some()
                || !self.gateway.alive()
                || is_known_by_former(&self.gateway, started_at)
            {
                self.count_start(moment, started_at.unwrap_or(now));
            }
        }
        self.processes.set_state(pid, state);
        self.choose(moment);
        if self.gateway.id.pid == Some(pid) {
            self.gateway.note_state(moment, state);
            if !state.is_live() {
                self.end(moment, now, exit, Proof::new(Source::Process, Fact::Ended { pid, exit }, now));
            }
        }
        if state == ProcessState::Gone {
            self.processes.remove(pid);
        }
        if !state.is_live() {
            self.forget_predecessor(now, pid);
        }
    }

    /// Forgets the former process, which is gone too.
    fn forget_predecessor(&mut self, now: Timestamp, pid: u32) {
        if let Some(old) = self.predecessor.as_mut().filter(|old| old.pid == Some(pid)) {
            if old.until.is_none() {
                self.gateway.predecessor_gone = Some(now);
            }
            old.until.get_or_insert(after(now, LATE_LINES));
            old.gateway = None;
        }
    }

    /// Chooses the process that is the gateway.
    fn choose(&mut self, moment: Moment<'_>) {
        let Some(pid) = self.processes.choose() else { return };
        let written = self.processes.written_start(pid);
        if self.gateway.id.pid == Some(pid) && self.gateway.end.is_none() {
            self.gateway.id.start = self.gateway.id.start.or(written);
            return;
        }
        let Some(process) = self.processes.get(pid).cloned() else { return };
        if self.reinstate(pid) {
            return;
        }
        let gateway = &self.gateway;
        let is_other = gateway.id.pid.is_some() || gateway.end.is_some() || !gateway.is_seen();
        if is_other || is_known_by_former(&self.gateway, process.started_at) {
            self.begin(moment, Some(pid), process.started_at.unwrap_or(process.first_seen));
            self.hand_over(moment, process.started_at);
            if process.first_seen > after(self.begun, FIRST_LOOKS) {
                self.gateway.beginning = self.gateway.beginning.max(Beginning::Witnessed);
            }
        }
        self.identify(moment, pid, &process, written);
    }

    /// Identifies the gateway as this process.
    fn identify(&mut self, moment: Moment<'_>, pid: u32, process: &Process, written: Option<u64>) {
        if self.gateway.id.pid.is_none() {
            self.gateway.drop_files_of_others(pid);
            self.unassigned.assign();
        }
        let id = &mut self.gateway.id;
        id.pid = Some(pid);
        id.start = process.start.or(written);
        id.started_at = process.started_at;
        self.gateway.note(moment.now);
        if self.live {
            self.gateway.scheduler.watch(moment);
        }
        self.hand_locks();
        if process.state == ProcessState::Stopped {
            // When it was stopped is unknown, so there is no waiting time.
            let span = moment.deadlines.suspended;
            self.gateway.suspended = Some(Timer::start(before(moment.now, span), span, moment.grace));
        }
    }

    /// Reinstates the former process, if it outlived a newer one.
    fn reinstate(&mut self, pid: u32) -> bool {
        let Some(old) = self.predecessor.as_mut().filter(|old| old.pid == Some(pid)) else { return false };
        let Some(gateway) = old.gateway.take() else { return false };
        self.since = old.since;
        self.gateway = *gateway;
        self.predecessor = None;
        true
    }

    /// Hands a new process the records of its start: they may be read before its predecessor is seen to be gone.
    fn hand_over(&mut self, moment: Moment<'_>, started_at: Option<Timestamp>) {
        for (at, record) in self.unassigned.take(started_at, moment.now) {
            self.gateway.apply(Moment { now: at, ..moment }, record);
        }
    }

    /// Makes a new process the gateway.
    fn begin(&mut self, moment: Moment<'_>, pid: Option<u32>, since: Timestamp) {
        let mut new = Gateway::new(&self.origin, since, moment);
        new.links.set_multiplex(self.multiplex);
        new.departure.external_drain = self.gateway.departure.external_drain.map(|_| moment.now);
        let left = std::mem::replace(&mut self.gateway, new);
        let left_lives = left.id.pid.is_some_and(|pid| self.processes.is_live(pid));
        // its successor may be chosen before its end is noted
        let unnoted = (left.id.pid.is_some() && !left_lives).then_some(moment.now);
        let gone_at = left.end.as_ref().map(|end| end.respawn.since).or(unnoted);
        self.gateway.predecessor_gone = gone_at;
        let (left_pid, since) = (left.id.pid, self.since);
        let lived = |until, gateway| Predecessor { pid: left_pid, until, gateway, since };
        self.predecessor = match gone_at {
            _ if !left.is_seen() => None,
            _ if left_lives && left_pid != pid => Some(lived(None, Some(Box::new(left)))),
            Some(gone) => Some(lived(Some(after(gone, LATE_LINES)), None)),
            None => None,
        };
        self.absent = None;
        self.served.forget_records();
        self.since = moment.now;
        self.gateway.note(moment.now);
    }

    fn read_state(&mut self, moment: Moment<'_>, state: &StateFile) {
        if !self.is_written_by_gateway(moment.now, FileIdentity { pid: state.pid, start: state.start }) {
            return;
        }
        self.gateway.accept_files_of(state.pid);
        self.gateway.read_state(moment, state);
        self.claim_records(moment, None);
    }

    fn beat(&mut self, moment: Moment<'_>, heartbeat: &Heartbeat) {
        let writer = FileIdentity { pid: heartbeat.pid, start: None };
        if !self.is_written_by_gateway(moment.now, writer) {
            return;
        }
        self.gateway.accept_files_of(heartbeat.pid);
        let started_at = self.gateway.id.started_at;
        if self.gateway.pulse.beat(heartbeat, started_at, moment) {
            self.gateway.note(moment.now);
        }
    }

    /// Whether a file with this writer is the gateway's own. Its last files may be read just after it is gone.
    fn is_written_by_gateway(&self, now: Timestamp, writer: FileIdentity) -> bool {
        let gateway = &self.gateway;
        let ended = gateway.end.as_ref().map(|end| end.respawn.since);
        let just_left = gateway.id.pid.is_some() && ended.is_some_and(|ended| now < after(ended, LATE_LINES));
        let is_it = gateway.id.pid.is_none_or(|live| writer.is_of(live, gateway.id.start));
        (gateway.alive() || just_left) && is_it
    }

    fn hand_locks(&mut self) {
        if let Some(pid) = self.gateway.id.pid {
            self.gateway.links.read_locks(pid, &self.locks);
        }
    }
}
