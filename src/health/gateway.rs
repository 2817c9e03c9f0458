//! What is known of one gateway process. A new process starts without it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::cron::Scheduler;
use super::departure::{Departure, Plan};
use super::evidence::{
    EntryState, LifeState, LinkWord, LogRecord, PlatformEntry, ProcessState, ProfileName, Proof, Signal,
    Source, StateFile,
};
use super::links::Links;
use super::platform::Platforms;
use super::pulse::Pulse;
use super::reason::Reason;
use super::stamp_order::StampOrder;
use super::startup::Startup;
use super::time::{Moment, Slept};
use super::timer::{Earliest, Timer, after, before};
use super::update;
use super::version::HermesVersion;

/// A second instance that was refused has exited after this time.
const LONGEST_REFUSAL: Duration = Duration::from_secs(10);

/// A manager starts the next process within this time after a requested restart or a failure (exit codes 75 and 1):
/// launchd's throttle of 30 s, a start of 5 s, and slack.
const RESTART_BY_MANAGER: Duration = Duration::from_secs(60);

/// The system and the gateway round the start time differently.
pub(super) const START_TOLERANCE: Duration = Duration::from_secs(2);

/// What is the same for every process of a gateway.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Origin {
    /// The profile in whose home it runs.
    pub profile: ProfileName,
    /// The rules of all platforms.
    pub platforms: Arc<Platforms>,
}

/// The end of the process.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct End {
    /// Exit status, if known; negative = signal.
    pub exit: Option<i32>,
    /// How long to wait for the manager's report.
    pub settle: Timer,
    /// How long the manager may take to start the next process.
    pub respawn: Timer,
    /// The same after the exit codes 75 and 1, while the manager reports that the job waits.
    pub restart_by_manager: Timer,
    /// How long an update of Hermes may take to start it again.
    pub update: Timer,
    pub proof: Proof,
}

/// How a process is identified.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Identity {
    /// Its PID; `None` while it is known only by its log.
    pub pid: Option<u32>,
    /// Its start time in the unit of `gateway.pid`.
    pub start: Option<u64>,
    /// When it was started, if known.
    pub started_at: Option<Timestamp>,
    /// The process whose state file or heartbeat was last accepted.
    files_of: Option<u32>,
}

/// What is known of its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Beginning {
    /// It existed at the first look.
    #[default]
    Unseen,
    /// Its start was not observed, but the time of it is known.
    Dated,
    /// It appeared while the gateway was watched, so missing log lines mean something.
    Witnessed,
    /// It logged its start.
    Logged,
}

/// What its records show about the log level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum LogLevel {
    /// No records yet.
    #[default]
    Unknown,
    /// Records, but none at INFO: successes may be hidden.
    Hidden,
    /// Records at INFO.
    Visible,
}

/// One gateway process.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gateway {
    /// How a process is identified.
    pub id: Identity,
    /// When it last gave a sign of life; `None`: never.
    pub last_seen: Option<Timestamp>,
    /// What is known of its start.
    pub beginning: Beginning,
    /// Set once the process is gone.
    pub end: Option<End>,
    /// Set while the process is in state T (stopped).
    pub suspended: Option<Timer>,
    /// Up to when the links know that it was suspended.
    excused_until: Option<Timestamp>,
    pub startup: Startup,
    pub links: Links,
    pub departure: Departure,
    /// Whether its event loop runs.
    pub pulse: Pulse,
    /// The version of Hermes that it runs, or the one on disk.
    pub version: Option<HermesVersion>,
    pub scheduler: Scheduler,
    /// Faults of the gateway itself, each with its proof. They last until something clears them.
    faults: BTreeMap<Reason, Proof>,
    /// The proof that its start is finished.
    pub ready: Option<Proof>,
    /// A second instance that was refused: its PID, if known, and the proof.
    pub second_instance: Option<(Option<u32>, Proof)>,
    /// Messages were dropped at the start.
    pub dropped: bool,
    pub level: LogLevel,
    /// Whether the logs do not reach back to its start.
    pub truncated: bool,
    /// The stamp of a link that was proven when no former process could write any more.
    pub alone_since: Option<DateTime>,
    /// When the process before it was gone. A takeover starts the new process while the old one still writes its entries
    /// of the state file, which the new one keeps.
    pub predecessor_gone: Option<Timestamp>,
    stamps: StampOrder,
}

impl Gateway {
    /// A process of which only the start is known.
    pub(super) fn new(origin: &Origin, since: Timestamp, moment: Moment<'_>) -> Self {
        Self {
            id: Identity::default(),
            last_seen: None,
            beginning: Beginning::Unseen,
            end: None,
            suspended: None,
            excused_until: None,
            startup: Startup::new(Timer::start(since, moment.deadlines.start, moment.grace)),
            links: Links::new(Arc::clone(&origin.profile), Arc::clone(&origin.platforms)),
            departure: Departure::default(),
            pulse: Pulse::default(),
            version: None,
            scheduler: Scheduler::default(),
            faults: BTreeMap::new(),
            ready: None,
            second_instance: None,
            dropped: false,
            level: LogLevel::Unknown,
            truncated: false,
            alone_since: None,
            predecessor_gone: None,
            stamps: StampOrder::default(),
        }
    }

    /// Whether it ever gave a sign of life.
    pub(super) fn is_seen(&self) -> bool {
        self.last_seen.is_some()
    }

    /// Notes a sign of life.
    pub(super) fn note(&mut self, now: Timestamp) {
        self.last_seen = Some(now);
    }

    /// Whether it is alive, as far as is known.
    pub(super) fn alive(&self) -> bool {
        self.is_seen() && self.end.is_none()
    }

    /// Whether it is still connecting its platforms. It does so one after the other: showing green for the first one
    /// would make the light blink with each of the others.
    pub(super) fn is_starting(&self, now: Timestamp) -> bool {
        let platforms = (!self.links.is_multiplex()).then(|| self.links.platforms());
        self.ready.is_none() && self.startup.goes_on(now, platforms, self.next_platform_by())
    }

    /// Until when it may name the next platform, during a start that was logged.
    pub(super) fn next_platform_by(&self) -> Option<Timestamp> {
        self.startup.next_platform_by().filter(|_| self.said_start() && self.ready.is_none())
    }

    /// Whether it logged its start.
    pub(super) fn said_start(&self) -> bool {
        self.beginning == Beginning::Logged
    }

    /// Whether a record with this stamp must be its own.
    pub(super) fn wrote_after_its_link(&self, stamp: Option<DateTime>) -> bool {
        matches!((self.alone_since, stamp), (Some(link), Some(stamp)) if stamp > link)
    }

    /// Whether the log level hides INFO records. Then missing successes prove nothing.
    pub(super) fn info_hidden(&self) -> bool {
        self.links.info_hidden() || self.level == LogLevel::Hidden
    }

    /// Whether missing log lines prove nothing: it wrote its files, and no INFO record. A start logs some.
    pub(super) fn is_blind(&self) -> bool {
        self.info_hidden() || (self.level == LogLevel::Unknown && self.has_written())
    }

    /// Whether it works: all links are up, or it has none and has started.
    pub(super) fn at_work(&self, now: Timestamp) -> bool {
        if self.links.any() { self.links.at_work(now) } else { self.ready.is_some() }
    }

    /// Whether a verdict may depend on how long the start takes.
    fn may_stall(&self) -> bool {
        self.end.is_none() && (self.ready.is_none() || self.links.any_silent())
    }

    /// The proof of this fault.
    pub(super) fn fault(&self, reason: Reason) -> Option<&Proof> {
        self.faults.get(&reason)
    }

    /// Every moment at which the verdicts of all rows may change without new evidence.
    pub(super) fn deadlines(&self, due: &mut Earliest) {
        let own: [Option<&Timer>; 6] = [
            Some(&self.startup.timer).filter(|_| self.may_stall()),
            self.suspended.as_ref(),
            self.pulse.timer(),
            self.end.as_ref().map(|end| &end.settle),
            self.end.as_ref().map(|end| &end.respawn),
            self.end.as_ref().map(|end| &end.restart_by_manager),
        ];
        due.add(own.into_iter().flatten().map(Timer::due));
        due.add(self.departure.timers().chain(self.scheduler.timers()).map(Timer::due));
        due.add(self.departure.script_deadline());
        due.add(self.next_platform_by());
        due.add(self.startup.attempt_by().filter(|_| self.ready.is_none()));
        self.links.deadlines(due);
    }

    /// The machine slept: timers that were running begin again.
    pub(super) fn restart_after_sleep(&mut self, slept: Slept) {
        let end = self.end.iter_mut();
        let end = end.flat_map(|end| {
            [&mut end.settle, &mut end.respawn, &mut end.restart_by_manager, &mut end.update]
        });
        let own = [Some(&mut self.startup.timer), self.suspended.as_mut(), self.pulse.timer_mut()];
        let timers = own.into_iter().flatten().chain(end);
        let timers = timers.chain(self.departure.timers_mut()).chain(self.scheduler.timers_mut());
        for timer in timers {
            slept.restart(timer);
        }
        self.links.restart_after_sleep(slept);
    }

    /// Takes in a log record.
    pub(super) fn apply(&mut self, moment: Moment<'_>, record: LogRecord) {
        let now = moment.now;
        self.note(now);
        if self.level == LogLevel::Unknown {
            self.level = LogLevel::Hidden;
        }
        let place = self.stamps.place(&record, now);
        if record.at_info && !record.printed {
            self.level = LogLevel::Visible;
        }
        // Lines of a former process say nothing about this one.
        if place.is_of_before && record.signal.lasts() {
            return;
        }
        let Signal::Link(link) = &record.signal else { return self.apply_life(moment, record) };
        let counted = record.connection.is_some() && self.links.names_connections(&link.platform);
        let only_promises = self.links.only_promises(&link.platform);
        let is_promise = link.word == LinkWord::Announced && only_promises;
        let describes = link.word.is_of_link() && !is_promise;
        let good = link.word.is_good();
        let late = describes && self.stamps.is_straggler(&record, &link.platform, good, place.set_back, now);
        if late && !counted && !link.word.lasts() {
            if link.word == LinkWord::Attempt {
                self.links.take_begun_attempt(now, record, moment.grace);
            }
            return;
        }
        if record.home.is_none() {
            if link.word == LinkWord::Expected {
                self.beginning = Beginning::Logged;
            }
            self.startup.note_line(now, link, only_promises);
        }
        if link.word == LinkWord::Proof {
            self.departure.note_link();
        }
        // Lines about links during a shutdown are side effects of the teardown, unless the process survived it.
        self.links.set_hidden(self.level == LogLevel::Hidden);
        let closes = self.departure.closes_links();
        self.excuse_silence(now);
        self.links.take(now, record, moment.grace, closes);
    }

    fn apply_life(&mut self, moment: Moment<'_>, record: LogRecord) {
        let LogRecord { signal, other_pid, proof, .. } = record;
        let Moment { now, deadlines, grace } = moment;
        let timer = |span| moment.timer(span);
        match signal {
            Signal::Start => {
                self.level = LogLevel::Visible;
                self.beginning = Beginning::Logged;
                // Whatever ended before, a new start begins without a link.
                if self.departure.shutdown().is_some() {
                    self.links.reset_connections();
                    self.startup.timer = timer(deadlines.start);
                }
                self.departure.begin_anew();
            }
            Signal::Info => self.level = LogLevel::Visible,
            Signal::Ready => {
                self.links.finish_start(now, &proof, grace);
                self.ready = Some(proof);
            }
            Signal::Dropped => self.dropped = true,
            Signal::SecondInstance => self.second_instance = Some((other_pid, proof)),
            Signal::Takeover => self.departure.leave(Plan::Takeover, proof, timer(deadlines.restart)),
            Signal::PlannedStop => self.departure.leave(Plan::Stop, proof, timer(deadlines.restart)),
            Signal::PlannedRestart => self.departure.leave(Plan::Restart, proof, timer(deadlines.restart)),
            Signal::Shutdown => self.departure.leave_unannounced(now, proof, timer(deadlines.restart)),
            Signal::NoLinkLeft => self.departure.leave(Plan::NoLinkLeft, proof, timer(deadlines.restart)),
            Signal::Drained => self.departure.finish_drain(timer(deadlines.restart)),
            // This is the second instance that was refused.
            Signal::Exiting if self.departure.shutdown().is_none() && self.has_just_refused(now) => {}
            Signal::Exiting => self.departure.exit(timer(deadlines.exit), proof),
            Signal::LoopMissed => self.pulse.miss(proof),
            Signal::Cron(signal) => self.scheduler.apply(signal, proof),
            Signal::ConfigError => drop(self.faults.insert(Reason::ConfigError, proof)),
            // A normal shutdown closes the executor too.
            Signal::ExecutorShutdown if self.departure.is_underway() => {}
            Signal::ExecutorShutdown => {
                self.faults.entry(Reason::ExecutorShutdown).or_insert(proof);
            }
            Signal::RespawnStorm | Signal::Record | Signal::Link(_) => {}
        }
        self.links.set_closing(self.departure.is_underway(), now);
    }

    fn has_just_refused(&self, now: Timestamp) -> bool {
        self.second_instance.as_ref().is_some_and(|(_, proof)| now < after(proof.at, LONGEST_REFUSAL))
    }

    /// Takes in what the system says of its process.
    pub(super) fn note_state(&mut self, moment: Moment<'_>, state: ProcessState) {
        self.note(moment.now);
        match state {
            ProcessState::Running => {
                self.excuse_silence(moment.now);
                if self.suspended.take().is_some() {
                    self.pulse.resume(moment);
                }
            }
            ProcessState::Stopped => {
                self.suspended.get_or_insert(moment.timer(moment.deadlines.suspended));
            }
            ProcessState::Zombie | ProcessState::Gone => {}
        }
    }

    /// A suspended process writes neither heartbeat nor log, so its silence shows nothing. What it writes when it continues may
    /// be read before its state is.
    fn excuse_silence(&mut self, until: Timestamp) {
        let Some(suspended) = self.suspended else { return };
        let from = suspended.since.max(self.excused_until.unwrap_or(Timestamp::MIN));
        if from < until {
            self.links.restart_silence(Slept { from, until, grace: Duration::ZERO });
            self.excused_until = Some(until);
        }
    }

    /// The process is gone.
    pub(super) fn finish(&mut self, moment: Moment<'_>, at: Timestamp, exit: Option<i32>, proof: Proof) {
        let Moment { deadlines, grace, .. } = moment;
        self.departure.end_as_marked(at, Timer::start(at, deadlines.restart, grace));
        if let Some(end) = &mut self.end {
            end.exit = end.exit.or(exit);
            return;
        }
        let settle = Timer::start(at, deadlines.settle, grace);
        let respawn = Timer::start(at, deadlines.restart, grace);
        let span = deadlines.restart.max(RESTART_BY_MANAGER);
        let restart_by_manager = Timer::start(at, span, grace);
        let update = Timer::start(at, update::LONGEST, grace);
        self.end = Some(End { exit, settle, respawn, restart_by_manager, update, proof });
    }

    /// Takes in a marker, if it is meant for this process or for any.
    pub(super) fn mark(&mut self, plan: Plan, target: Option<u32>, proof: Proof) {
        if self.id.pid.is_none_or(|pid| target.is_none_or(|target| target == pid)) {
            self.departure.mark(plan, proof);
        }
    }

    /// Takes in this process's own `gateway_state.json`.
    pub(super) fn read_state(&mut self, moment: Moment<'_>, state: &StateFile) {
        let now = moment.now;
        self.note(now);
        self.departure.read_state(moment, state);
        if let Some(version) = &state.code_version {
            self.version = Some(HermesVersion { text: version.clone(), running: true });
        }
        self.scheduler.set_running(state.life == LifeState::Running);
        let from_file = |proof: &Proof| proof.source == Source::StateFile;
        if self.faults.get(&Reason::ConfigError).is_some_and(from_file) {
            self.faults.remove(&Reason::ConfigError);
        }
        if state.life == LifeState::StartupFailed {
            let proof = Proof::new(Source::StateFile, "gateway_state: startup_failed", now);
            self.faults.entry(Reason::ConfigError).or_insert(proof);
        }
        let dated = self.id.started_at.is_some() || state.life == LifeState::Starting;
        if dated {
            self.beginning = self.beginning.max(Beginning::Dated);
        }
        let is_own = self.owns_entry();
        let is_up = |entry: &PlatformEntry| entry.state == EntryState::Connected && is_own(entry);
        self.startup.read_state(now, state, state.entries.iter().any(is_up));
        if !self.departure.closes_links() {
            self.excuse_silence(now);
            self.links.read_state(now, state, &is_own, moment.grace);
        }
        if state.life == LifeState::Running && self.ready.is_none() {
            self.ready = Some(Proof::new(Source::StateFile, "gateway_state: running", now));
        }
    }

    /// Accepts a file that this process wrote.
    pub(super) fn accept_files_of(&mut self, pid: u32) {
        self.drop_files_of_others(pid);
        self.id.files_of = Some(pid);
    }

    /// While a gateway is known only by its log, files of any process are accepted; once the process is known, what the
    /// files of another one said is dropped.
    pub(super) fn drop_files_of_others(&mut self, pid: u32) {
        if self.id.files_of.is_none_or(|before| before == pid) {
            return;
        }
        self.id.files_of = None;
        let from_file = |proof: &Proof| proof.source == Source::StateFile;
        self.faults.retain(|_, proof| !from_file(proof));
        self.ready.take_if(|proof| from_file(proof));
        self.startup.forget_files();
        self.links.forget_files();
        self.departure.forget_files();
        self.pulse.forget();
    }

    /// Whether it has written anything: a log line, a file, a heartbeat.
    pub(super) fn has_written(&self) -> bool {
        self.level != LogLevel::Unknown || self.id.files_of.is_some() || self.pulse.is_known()
    }

    /// A predicate for entries that this process wrote. A new process inherits entries from the file of the one
    /// before.
    fn owns_entry(&self) -> impl Fn(&PlatformEntry) -> bool + use<> {
        let started = before(self.startup.timer.since, START_TOLERANCE)
            .max(self.predecessor_gone.unwrap_or(Timestamp::MIN));
        let dated = self.beginning > Beginning::Unseen;
        let id = self.id.clone();
        move |entry: &PlatformEntry| match (&entry.writer, id.pid) {
            (Some(writer), Some(pid)) => writer.is_of(pid, id.start),
            _ => !dated || entry.updated_at.is_none_or(|at| at >= started),
        }
    }
}
