//! One gateway: takes in evidence, keeps time, and says what changed, for its own profile and for every profile that it
//! serves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::departure::Plan;
use super::evidence::{
    Evidence, FileIdentity, Heartbeat, JobWord, LinkWord, Lock, LogRecord, PlatformName, ProcessState,
    ProfileName, Proof, Signal, Source,
};
use super::gateway::{Beginning, Gateway, LogLevel, Origin};
use super::job::Job;
use super::judge;
use super::platform::Platforms;
use super::reason::Light;
use super::served::Served;
use super::settings::Deadlines;
use super::starts::{LONGEST_GOODBYE, Starts};
use super::succession::{
    LAST_WORDS, Predecessor, Processes, StartEcho, belongs_to_the_leaving, is_of_shutdown,
};
use super::timer::{Timer, after, before};
use super::verdict::{Change, Verdict};

/// A process that is there at the first looks may have been there long before; one that appears later has just begun.
const FIRST_LOOKS: Duration = Duration::from_secs(2);

/// What a row shows, and what its next change needs to know.
#[derive(Debug, Clone, PartialEq)]
struct RowState {
    verdict: Verdict,
    green_since: Option<Timestamp>,
    held_green: Option<SignedDuration>,
}

/// The sleep of the machine, and the grace after it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sleep {
    since: Option<Timestamp>,
    grace: Option<Timestamp>,
}

/// Everything known of one gateway, and the verdicts that follow from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Core {
    origin: Origin,
    /// When it was made.
    begun: Timestamp,
    pub(super) deadlines: Deadlines,
    pub(super) now: Timestamp,
    pub(super) gateway: Gateway,
    pub(super) gateway_since: Timestamp,
    pub(super) job: Job,
    pub(super) detached: Option<Timestamp>,
    pub(super) starts: Starts,
    processes: Processes,
    /// Since a look found no process and nothing was ever seen of one.
    pub(super) absent: Option<Timer>,
    pub(super) unreadable: Vec<String>,
    predecessor: Option<Predecessor>,
    start_echo: StartEcho,
    locks: Vec<Lock>,
    multiplex: bool,
    served: Served,
    sleep: Sleep,
    ignored: BTreeMap<ProfileName, BTreeSet<PlatformName>>,
    /// A row for each profile that was ever served, and one for its own.
    rows: BTreeMap<ProfileName, RowState>,
}

impl Core {
    /// A gateway of which nothing is known yet, in the home of this profile.
    pub fn new(profile: ProfileName, platforms: &Platforms, deadlines: Deadlines, now: Timestamp) -> Self {
        let platforms = Arc::new(platforms.with_deadlines(&deadlines));
        let origin = Origin { profile, platforms };
        let mut core = Self {
            begun: now,
            gateway: Gateway::new(&origin, now, &deadlines, None),
            gateway_since: now,
            deadlines,
            now,
            job: Job::default(),
            detached: None,
            starts: Starts::default(),
            processes: Processes::default(),
            absent: None,
            unreadable: Vec::new(),
            predecessor: None,
            start_echo: StartEcho::default(),
            locks: Vec::new(),
            multiplex: false,
            served: Served::default(),
            sleep: Sleep::default(),
            ignored: BTreeMap::new(),
            rows: BTreeMap::new(),
            origin,
        };
        core.rows.insert(Arc::clone(&core.origin.profile), RowState::unknown(now));
        core
    }

    /// The profile in whose home the gateway runs.
    pub fn profile(&self) -> &ProfileName {
        &self.origin.profile
    }

    /// The verdict on the gateway's own profile.
    pub fn verdict(&self) -> &Verdict {
        // the row is made with the core
        static NONE: std::sync::OnceLock<Verdict> = std::sync::OnceLock::new();
        let own = self.rows.get(&self.origin.profile).map(|row| &row.verdict);
        own.unwrap_or_else(|| NONE.get_or_init(|| Verdict::unknown(Timestamp::UNIX_EPOCH)))
    }

    /// The verdict on a profile that it serves.
    pub fn verdict_of(&self, profile: &str) -> Option<&Verdict> {
        self.rows.get(profile).map(|row| &row.verdict)
    }

    /// The profiles that the gateway serves besides its own.
    pub fn served(&self) -> &BTreeSet<ProfileName> {
        self.served.names()
    }

    /// The newest time that it was told of.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The gateway's process as last chosen, alive or gone.
    pub fn gateway_pid(&self) -> Option<u32> {
        self.gateway.id.pid
    }

    /// Takes in one piece of evidence. Time never falls: an earlier `now` counts as the newest one. Deadlines that
    /// passed before it are applied first, each at its own time.
    pub fn step(&mut self, now: Timestamp, evidence: Evidence) -> Vec<Change> {
        self.step_all(now, [evidence])
    }

    /// Takes in what was found at one moment: deadlines pass before it, and the verdict follows from all of it.
    pub fn step_all(&mut self, now: Timestamp, found: impl IntoIterator<Item = Evidence>) -> Vec<Change> {
        let mut changes = Vec::new();
        for evidence in found {
            match evidence {
                // Nothing ran while the machine slept, so no deadline passed in that span.
                Evidence::Wake { slept } if self.sleep.since.is_none() => {
                    let slept = Duration::try_from_secs_f64(slept.max(0.0)).unwrap_or(Duration::ZERO);
                    self.advance(before(now, slept).max(self.now), &mut changes);
                    self.sleep.since = Some(before(now, slept));
                }
                _ => self.advance(now, &mut changes),
            }
            self.now = self.now.max(now);
            self.take(evidence);
        }
        self.judge(self.now, &mut changes);
        changes
    }

    /// Takes in what was read in one go, judges once, then lets time pass. Evidence that was written before a deadline
    /// passed is never judged after it, and no verdict follows from half of what was read.
    pub fn apply(&mut self, now: Timestamp, batch: Vec<Evidence>) -> Vec<Change> {
        let mut changes = Vec::new();
        let is_wake = |evidence: &Evidence| matches!(evidence, Evidence::Wake { .. });
        let (wakes, batch): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_wake);
        for wake in wakes {
            changes.extend(self.step(now, wake));
        }
        if !batch.is_empty() {
            self.now = self.now.max(now);
            for evidence in batch {
                self.take(evidence);
            }
            self.judge(self.now, &mut changes);
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

    /// Puts other deadlines and rules of platforms in force, and judges anew. A clock that runs keeps its length.
    pub fn set_rules(&mut self, platforms: &Platforms, deadlines: Deadlines) -> Vec<Change> {
        self.origin.platforms = Arc::new(platforms.with_deadlines(&deadlines));
        self.gateway.links.set_platforms(&self.origin.platforms);
        self.deadlines = deadlines;
        self.judge_now()
    }

    /// Sets the links that do not count, and judges anew.
    pub fn set_ignored(&mut self, ignored: BTreeMap<ProfileName, BTreeSet<PlatformName>>) -> Vec<Change> {
        if self.ignored == ignored {
            return Vec::new();
        }
        self.ignored = ignored;
        self.judge_now()
    }

    fn judge_now(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        self.judge(self.now, &mut changes);
        changes
    }

    /// When `tick` is due next; `None`: nothing changes by time alone.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.sleep.since.is_some() {
            return None;
        }
        let own = self.gateway.deadlines().chain(self.absent.iter().map(Timer::due));
        own.chain(judge::expiries(self)).filter(|due| *due > self.now).min()
    }

    /// Whether the user does not want this link of this profile to count.
    pub(super) fn ignores(&self, profile: &str, platform: &str) -> bool {
        self.ignored.get(profile).is_some_and(|platforms| platforms.contains(platform))
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
        self.sleep.since.unwrap_or(self.now)
    }

    fn judge(&mut self, at: Timestamp, changes: &mut Vec<Change>) {
        let started = self.gateway.ready.is_some() || self.gateway.starting.over(self.clock());
        self.served.update(self.gateway.links.served(), started && self.gateway.alive());
        for profile in self.served.names() {
            self.rows.entry(Arc::clone(profile)).or_insert_with(|| RowState::unknown(at));
        }
        let mut rows = std::mem::take(&mut self.rows);
        for (profile, row) in &mut rows {
            changes.extend(row.take(at, judge::verdict(self, profile), profile));
        }
        self.rows = rows;
    }

    fn take(&mut self, evidence: Evidence) {
        let now = self.now;
        match evidence {
            Evidence::Log(record) => self.read_record(record),
            Evidence::Process { pid, start, started_at, state, exit } => {
                self.see_process(pid, start, started_at, state, exit);
            }
            Evidence::Children(live) => self.gateway.departure.children = live,
            Evidence::Unreadable(files) => self.unreadable = files,
            Evidence::NoProcess => self.see_no_process(),
            Evidence::PidFile(identity) => {
                self.processes.pid_file = identity;
                self.choose();
            }
            Evidence::StateFile(state) => {
                if self.written_by_gateway(state.pid, state.start) {
                    self.gateway.heed_files_of(state.pid);
                    self.gateway.read_state(now, &state, &self.deadlines, self.grace());
                    self.claim_records();
                }
            }
            Evidence::Heartbeat(heartbeat) => self.beat(&heartbeat),
            Evidence::Job(word) => self.see_job(word),
            Evidence::JobUnknown => self.job.forget(),
            Evidence::Locks(locks) => {
                self.locks = locks;
                self.hand_locks();
            }
            Evidence::Multiplex(multiplex) => {
                self.multiplex = multiplex;
                self.gateway.links.set_multiplex(multiplex);
            }
            Evidence::OwnRestart(_) => self.starts.note_asked(now),
            Evidence::Starts(times) => self.read_starts(times),
            Evidence::Takeovers(proofs) => self.starts.note_past_takeovers(proofs),
            Evidence::PlannedStopMarker(target) => {
                self.gateway.mark(Plan::Stop, target, Proof::new(Source::StopMarker, "planned stop", now));
            }
            Evidence::TakeoverMarker(target) => {
                self.gateway.mark(
                    Plan::Takeover,
                    target,
                    Proof::new(Source::TakeoverMarker, "takeover", now),
                );
            }
            Evidence::Detached(there) => self.detached = there.then_some(now),
            Evidence::DrainRequest(there) => self.gateway.departure.external_drain = there,
            Evidence::HistoryTruncated => self.gateway.truncated = true,
            Evidence::Sleep => self.sleep.since = Some(now),
            Evidence::Wake { .. } => self.wake(),
        }
    }

    fn see_no_process(&mut self) {
        let now = self.now;
        self.processes.clear();
        self.predecessor = None;
        if let Some(at) = self.gateway.last_seen {
            self.end_gateway(at, None, Proof::new(Source::Process, "no such process", now));
        } else if self.processes.pid_file.is_some() {
            // The file that it left names it.
            self.gateway.note(now);
            self.end_gateway(now, None, Proof::new(Source::Process, "no such process", now));
        } else {
            self.absent.get_or_insert(Timer::start(now, self.deadlines.restart, self.grace()));
        }
    }

    /// The start records grow within the first second of a start, long before `gateway.pid` is written.
    fn read_starts(&mut self, times: Vec<Timestamp>) {
        let Some(newest) = self.starts.read(times) else { return };
        let fresh = newest <= after(self.now, LAST_WORDS) && newest > before(self.now, self.deadlines.start);
        let ended = self.gateway.end.as_ref().map(|end| end.respawn.since);
        if fresh && ended.is_none_or(|ended| newest > ended) && !self.gateway.alive() {
            self.begin(None, newest.min(self.now));
        }
    }

    fn read_record(&mut self, record: LogRecord) {
        let now = self.now;
        // Other programs of Hermes write into the same logs, and other gateways into a served profile's: their records
        // are no sign of a gateway.
        let is_sign = record.home.is_none() && !matches!(record.signal, Signal::Info | Signal::Record);
        if !is_sign && !self.gateway.alive() {
            return;
        }
        if let Some(home) = &record.home {
            if !matches!(record.signal, Signal::Link(_)) {
                return;
            }
            let names_itself = record.tag.as_ref() == Some(home);
            if !names_itself && !self.gateway.links.serves(home) {
                self.served.keep(now, record);
                return;
            }
        }
        self.start_echo.keep(now, &record, &self.gateway);
        match record.signal {
            Signal::Takeover => self.starts.note_takeover(now, record.proof.clone()),
            Signal::RespawnStorm => self.starts.note_storm(now, record.proof.clone()),
            // A gateway that is known by its log only, or whose successor has not been seen by the system yet.
            Signal::Start if self.gateway.id.pid.is_none() || self.gateway.end.is_some() => {
                self.count_start(now);
                self.begin(None, now);
            }
            _ => {}
        }
        if self.is_last_word_of_before(&record.signal) {
            return;
        }
        let grace = self.grace();
        let speaks = self.predecessor.as_ref().is_some_and(|old| old.may_speak(now, self.gateway_since));
        if speaks && !self.gateway.speaks_after_its_link(record.stamp) {
            let of_link = matches!(&record.signal, Signal::Link(link) if link.word.is_of_link());
            let silent = !self.gateway.said_start() && of_link;
            let leaving = belongs_to_the_leaving(&record.signal);
            if let Some(old) = self.predecessor.as_mut().filter(|_| silent || leaving) {
                if let Some(gateway) = &mut old.gateway {
                    gateway.apply(now, record, &self.deadlines, grace);
                }
                return;
            }
        }
        // Proven after the predecessor had gone: what bears a later stamp is nobody else's.
        let proof = matches!(&record.signal, Signal::Link(link) if link.word == LinkWord::Proof);
        if proof && self.predecessor.as_ref().is_none_or(|old| old.until.is_some()) {
            self.gateway.alone_since = record.stamp;
        }
        // Without a process to look at, its own word that it leaves is the end of it.
        let leaves = record.signal == Signal::Exiting && self.gateway.id.pid.is_none();
        let last_word = leaves.then(|| record.proof.clone());
        self.gateway.apply(now, record, &self.deadlines, grace);
        self.claim_records();
        if let Some(proof) = last_word {
            self.end_gateway(now, None, proof);
        }
    }

    /// Gives the gateway the records of profiles that it has shown to serve only now.
    fn claim_records(&mut self) {
        let grace = self.grace();
        for (at, record) in self.served.claim(|profile| self.gateway.links.serves(profile)) {
            self.gateway.apply(at, record, &self.deadlines, grace);
        }
    }

    /// The last words of the process before may carry a stamp from just after the new one was started, which has no link
    /// of its own by then.
    fn is_last_word_of_before(&self, signal: &Signal) -> bool {
        let gateway = &self.gateway;
        let young = gateway.id.pid.is_some()
            && !gateway.links.any_was_proven()
            && (gateway.beginning >= Beginning::Witnessed || gateway.id.started_at.is_some())
            && self.now < after(gateway.starting.since, LAST_WORDS);
        young && is_of_shutdown(signal)
    }

    /// Remembers a start, and whether it follows a run that worked and was ended on purpose.
    fn count_start(&mut self, at: Timestamp) {
        let plan = self.gateway.departure.shutdown().map(|shutdown| shutdown.plan);
        let meant = match plan {
            Some(Plan::Takeover) => true,
            Some(Plan::Stop | Plan::Restart) => self.gateway.at_work(self.now),
            Some(Plan::Unplanned) | None => false,
        };
        self.starts.count(at, meant, self.now, &self.deadlines);
    }

    fn see_job(&mut self, word: JobWord) {
        let now = self.now;
        // Where nobody looks at processes, the manager's word has to do.
        if !self.gateway.is_seen() {
            let same = self.job.word().is_none_or(|old| old.state == word.state);
            let began = Timer::start(now, self.deadlines.restart, self.grace());
            self.absent = word.pid.is_none().then_some(self.absent.filter(|_| same).unwrap_or(began));
        }
        let rose = word.starts.is_some_and(|starts| self.starts.read_counter(starts, now, &self.deadlines));
        let ended = self.gateway.end.as_ref().map(|end| (end.respawn.since, end.exit));
        let before = self.job.take(word, now, rose, ended);
        let Some(before) = before.filter(|before| before.pid.is_some()) else { return };
        let Some(word) = self.job.word() else { return };
        if self.gateway.id.pid.is_some() || before.pid == word.pid {
            return;
        }
        if word.pid.is_some() {
            // Its start may have been read before the manager was asked.
            if self.gateway.end.is_some() || now > after(self.gateway_since, LONGEST_GOODBYE) {
                self.begin(None, now);
            }
        } else if self.gateway.alive() {
            let source = Source::Manager(word.manager);
            let proof = Proof::new(source, format!("{}: no process", word.label), now);
            let exit = word.last_exit;
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
        if self.processes.is_reused(pid, start, state) {
            self.processes.remove(pid);
            self.forget_predecessor(pid);
            if self.gateway.id.pid == Some(pid) {
                let line = format!("PID {pid} is another process now");
                self.end_gateway(now, None, Proof::new(Source::Process, line, now));
            }
        }
        if state.is_live() && self.processes.get(pid).is_none() {
            self.processes.add(pid, (now, start, started_at, state), self.gateway.id.pid);
            // A log-only start that this process turns out to be was counted already.
            if self.gateway.id.pid.is_some() || !self.gateway.alive() {
                self.count_start(started_at.unwrap_or(now));
            }
        }
        self.processes.set_state(pid, state);
        self.choose();
        if self.gateway.id.pid == Some(pid) {
            self.gateway.note_state(now, state, &self.deadlines, self.grace());
            if !state.is_live() {
                self.end_gateway(now, exit, Proof::new(Source::Process, end_line(pid, exit), now));
            }
        }
        if state == ProcessState::Gone {
            self.processes.remove(pid);
        }
        if !state.is_live() {
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

    /// Makes the right process the gateway.
    fn choose(&mut self) {
        let Some(pid) = self.processes.choose() else { return };
        let written = self.processes.written_start(pid);
        if self.gateway.id.pid == Some(pid) && self.gateway.end.is_none() {
            self.gateway.id.start = self.gateway.id.start.or(written);
            return;
        }
        let Some(process) = self.processes.get(pid).cloned() else { return };
        if self.take_up_again(pid) {
            return;
        }
        let gateway = &self.gateway;
        if gateway.id.pid.is_some() || gateway.end.is_some() || !gateway.is_seen() {
            self.begin(Some(pid), process.started_at.unwrap_or(process.first_seen));
            self.hand_over(process.started_at);
            if process.first_seen > after(self.begun, FIRST_LOOKS) {
                self.gateway.beginning = self.gateway.beginning.max(Beginning::Witnessed);
            }
        }
        if self.gateway.id.pid.is_none() {
            self.gateway.heed_files_of(pid);
        }
        let id = &mut self.gateway.id;
        id.pid = Some(pid);
        id.start = process.start.or(written);
        id.started_at = process.started_at;
        self.gateway.note(self.now);
        self.hand_locks();
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
        let grace = self.grace();
        for (at, record) in self.start_echo.take(started_at, self.now) {
            self.gateway.apply(at, record, &self.deadlines, grace);
        }
    }

    /// A clean slate for a new process.
    fn begin(&mut self, pid: Option<u32>, since: Timestamp) {
        let grace = self.grace();
        let mut new = Gateway::new(&self.origin, since, &self.deadlines, grace);
        new.links.set_multiplex(self.multiplex);
        new.departure.external_drain = self.gateway.departure.external_drain;
        let left = std::mem::replace(&mut self.gateway, new);
        let left_lives = left.id.pid.is_some_and(|pid| self.processes.is_live(pid));
        let gone_at = left.end.as_ref().map(|end| end.respawn.since);
        let (left_pid, since) = (left.id.pid, self.gateway_since);
        let lived = |until, gateway| Predecessor { pid: left_pid, until, gateway, since };
        self.predecessor = match gone_at {
            _ if !left.is_seen() => None,
            _ if left_lives && left_pid != pid => Some(lived(None, Some(Box::new(left)))),
            Some(gone) => Some(lived(Some(after(gone, LAST_WORDS)), None)),
            None => None,
        };
        self.absent = None;
        self.served.forget_records();
        self.gateway_since = self.now;
        self.gateway.note(self.now);
    }

    fn end_gateway(&mut self, at: Timestamp, exit: Option<i32>, proof: Proof) {
        let grace = self.grace();
        self.gateway.finish(at, exit, proof, &self.deadlines, grace);
    }

    /// Its last words may be read just after it is gone.
    fn written_by_gateway(&self, pid: u32, start: Option<u64>) -> bool {
        let gateway = &self.gateway;
        let ended = gateway.end.as_ref().map(|end| end.respawn.since);
        let just_left =
            gateway.id.pid.is_some() && ended.is_some_and(|ended| self.now < after(ended, LAST_WORDS));
        let same_start = match (gateway.id.start, start) {
            (Some(live), Some(written)) => live == written,
            _ => true,
        };
        (gateway.alive() || just_left) && gateway.id.pid.is_none_or(|live| live == pid) && same_start
    }

    fn beat(&mut self, heartbeat: &Heartbeat) {
        if !self.written_by_gateway(heartbeat.pid, None) {
            return;
        }
        self.gateway.heed_files_of(heartbeat.pid);
        let started_at = self.gateway.id.started_at;
        if self.gateway.pulse.beat(heartbeat, started_at, self.now, &self.deadlines, self.grace()) {
            self.gateway.note(self.now);
        }
    }

    fn hand_locks(&mut self) {
        if let Some(pid) = self.gateway.id.pid {
            self.gateway.links.read_locks(pid, &self.locks);
        }
    }

    fn wake(&mut self) {
        let Some(slept_from) = self.sleep.since.take() else { return };
        let (now, grace) = (self.now, self.deadlines.wake);
        self.sleep.grace = Some(after(now, grace));
        self.gateway.restart_after_sleep(slept_from, now, grace);
        if let Some(absent) = &mut self.absent {
            absent.restart_after_sleep(slept_from, now, grace);
        }
    }

    fn grace(&self) -> Option<Timestamp> {
        self.sleep.grace.filter(|until| *until > self.now)
    }

    /// Whether nothing at all was heard from the gateway's process, although its logs can be read from its start.
    pub(super) fn is_unheard(&self) -> bool {
        let gateway = &self.gateway;
        let named = self.processes.pid_file.is_some_and(|id| gateway.id.pid == Some(id.pid));
        let readable = !gateway.truncated && self.unreadable.is_empty();
        gateway.id.started_at.is_some()
            && !gateway.was_heard()
            && gateway.level == LogLevel::Unknown
            && !named
            && readable
    }
}

impl RowState {
    fn unknown(at: Timestamp) -> Self {
        Self { verdict: Verdict::unknown(at), green_since: None, held_green: None }
    }

    /// Shows another verdict. Returns the change, if the light, the reason or the platform is another one.
    fn take(&mut self, at: Timestamp, mut next: Verdict, profile: &ProfileName) -> Option<Change> {
        if next.is_same_as(&self.verdict) {
            next.since = self.verdict.since;
            next.held_green = self.verdict.held_green;
            self.verdict = next;
            return None;
        }
        match (self.verdict.light() == Light::Green, next.light() == Light::Green) {
            (false, true) => {
                self.green_since = Some(at);
                self.held_green = None;
            }
            (true, false) => self.held_green = self.green_since.map(|since| at.duration_since(since)),
            _ => {}
        }
        next.since = at;
        next.held_green = self.held_green;
        let from = std::mem::replace(&mut self.verdict, next);
        Some(Change { at, profile: Arc::clone(profile), from, to: self.verdict.clone() })
    }
}

/// How a process ended, in words.
fn end_line(pid: u32, exit: Option<i32>) -> String {
    match exit {
        Some(code) if code < 0 => format!("PID {pid} ended by signal {}", -code),
        Some(code) => format!("PID {pid} ended with exit code {code}"),
        None => format!("PID {pid} is gone"),
    }
}

impl FileIdentity {
    /// Whether it names this process.
    pub fn is_of(&self, pid: u32, start: Option<u64>) -> bool {
        let same = match (self.start, start) {
            (Some(written), Some(seen)) => written == seen,
            _ => true,
        };
        self.pid == pid && same
    }
}
