//! What is remembered of one gateway process. A new process starts with a clean slate.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::evidence::{PlatformEntry, Proof, Signal, StateFile};
use super::reason::Reason;
use super::settings::Deadlines;
use super::timer::Timer;

/// The source of what the state file proves.
const STATE_FILE: &str = "gateway_state.json";

/// Messages that were under way when the link broke may still be logged for this long: they prove nothing.
const INBOUND_TAIL: Duration = Duration::from_secs(2);

/// Files are read one after the other, so a line may arrive after a later one from another file. An event that is
/// older than the newest by less than this is such a straggler; one that is older by more shows that the clock of the
/// stamps was set back (daylight saving, NTP).
const STRAGGLER_SECONDS: i64 = 60;

/// A line of the process before is read late at most by this much. Beyond it the clock of the stamps was set back.
const LATE_SECONDS: i64 = 1800;

/// … unless it is so old that no change of the clocks explains it: then the file holds what was long before.
const ANCIENT_SECONDS: i64 = 7200;

/// What files held already is read within this time, one file after the other, whatever its stamps say.
const SAME_READING: Duration = Duration::from_secs(5);

/// Threads of one process write their records in almost the order of the stamps: within one file a stamp that falls by
/// more than this shows that the clock was set back.
const DISORDER_SECONDS: i64 = 1;

/// Files whose newest stamps are remembered: more than any gateway writes.
const MOST_FILES: usize = 16;

/// A marker of a stop or a takeover is believed for this long (its life, by the gateway's sources).
pub(crate) const MARKER_LIFE: Duration = Duration::from_secs(60);

/// A second instance that was refused is gone after this long.
const LONGEST_REFUSAL: Duration = Duration::from_secs(10);

/// The system and the gateway round times differently.
const START_TOLERANCE: Duration = Duration::from_secs(5);

/// A failed send is forgiven when a later one went unanswered by an error for this long.
const SEND_TRIAL: Duration = Duration::from_secs(30);

/// The link to Feishu, as far as this process has shown it.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    /// No word of it yet.
    Unknown,
    /// Proven.
    Connected(Proof),
    /// Lost; the gateway waits before it tries again.
    Lost(Timer, Proof),
    /// An attempt is under way. `stalled`: it began after the times were over, and is no recovery.
    Attempting {
        /// How long it may take.
        timer: Timer,
        /// Its line.
        proof: Proof,
        /// The light was red for it already.
        stalled: bool,
    },
    /// The last attempt failed.
    Failed {
        /// Network, credentials or limit.
        reason: Reason,
        /// Its line.
        proof: Proof,
        /// When the next one should have come, or, during an attempt, ended. `None`: never tried again.
        next: Option<Timer>,
        /// Within the grace after waking a failure is told only when it still holds at its end.
        shown: Timer,
    },
}

/// Whether this process has Feishu at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feishu {
    /// Not known yet.
    Unknown,
    /// It said that it connects.
    Expected,
    /// It finished its start without it, as this shows.
    Absent(Proof),
}

/// Why the process is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Somebody stops it on purpose.
    Stop,
    /// It restarts on request.
    Restart,
    /// Another instance takes over.
    Takeover,
    /// A SIGTERM that nobody announced.
    Unplanned,
}

/// A shutdown under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Shutdown {
    /// Of which kind.
    pub plan: Plan,
    /// What said so.
    pub proof: Proof,
    /// How long until it should be up again.
    pub timer: Timer,
}

/// The process is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// Exit status, if known; negative = signal.
    pub exit: Option<i32>,
    /// How long to wait for the manager's word.
    pub settle: Timer,
    /// How long the manager may take to start it again.
    pub respawn: Timer,
    /// What showed it.
    pub proof: Proof,
}

/// Something that keeps Feishu from working whatever the link says.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// One of the start failures.
    pub reason: Reason,
    /// What showed it.
    pub proof: Proof,
    /// The process that it names.
    pub other_pid: Option<u32>,
    /// Told by the state file (which can take it back), not by the log.
    pub from_state_file: bool,
}

/// What a log record said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// What it means.
    pub signal: Signal,
    /// The process that it names.
    pub other_pid: Option<u32>,
    /// Its stamp.
    pub stamp: Option<DateTime>,
    /// The line.
    pub proof: Proof,
}

/// One gateway process.
#[derive(Debug, Clone, PartialEq)]
pub struct Gateway {
    /// Its PID; `None` while it is known by its log only.
    pub pid: Option<u32>,
    /// Its start time in the unit of `gateway.pid`.
    pub start: Option<u64>,
    /// When it was started, if known.
    pub started_at: Option<Timestamp>,
    /// Whether anything at all was seen of it.
    pub seen: bool,
    /// When something was last seen of it.
    pub last_seen: Timestamp,
    /// Set when it is gone.
    pub end: Option<End>,
    /// Set while it is in state T.
    pub suspended: Option<Timer>,
    /// How long it may take to connect.
    pub starting: Timer,
    /// Whether it has Feishu.
    pub feishu: Feishu,
    /// The link.
    pub link: Link,
    /// What showed that the executor is dead: for the life of the process.
    pub executor: Option<Proof>,
    /// What showed that Feishu runs on another loop.
    pub wrong_loop: Option<Proof>,
    /// A start failure.
    pub trouble: Option<Trouble>,
    /// The API token is refused when sending.
    pub send_auth: Option<Proof>,
    /// A later send that has not failed yet.
    pub send_trial: Option<Timer>,
    /// The stamp of the newest send that failed: the beginning of that send may be read later, from another file.
    send_failed: Option<DateTime>,
    /// Set once it is on its way out.
    pub shutdown: Option<Shutdown>,
    /// It said that it exits.
    pub exiting: Option<(Timer, Proof)>,
    /// Since the last heartbeat.
    pub heartbeat: Option<(Timer, Proof)>,
    /// What the last heartbeat said of its time: the same again is no other heartbeat.
    pub beat: Option<Timestamp>,
    /// Its own watchdog said that the loop does not turn.
    pub loop_missed: Option<Proof>,
    /// A second instance was refused.
    pub second_instance: Option<(Option<u32>, Proof)>,
    /// Messages were dropped at the start.
    pub dropped: bool,
    /// Records at INFO were seen.
    pub info_seen: bool,
    /// Any record was seen.
    pub lines_seen: bool,
    /// The logs do not reach back to its start.
    pub truncated: bool,
    /// Established connections, when last counted.
    pub tcp: Option<u32>,
    /// The link's loss was told by an error alone: the SDK's INFO records, a recovery among them, are hidden.
    pub lark_hidden: bool,
    /// The stamp of a link that it proved when no other process could write any more.
    pub alone_since: Option<DateTime>,
    webhook: bool,
    /// Its beginning was seen, by its own word or because it was not there before: from then on silence says something.
    pub witnessed: bool,
    /// It said in its log that it starts.
    pub said_start: bool,
    /// It wrote into its state file that it stopped, and not to be started again.
    pub told_stopped: bool,
    /// A marker says that it is about to be stopped or replaced on purpose.
    marked: Option<(Plan, Timestamp, Proof)>,
    /// When the link was lost last.
    lost_at: Option<Timestamp>,
    /// When it began is known: it was seen beginning, or the system says.
    begun: bool,
    first_stamp: Option<Heard>,
    newest_stamp: Option<Heard>,
    newest_of_file: Vec<(String, DateTime)>,
    /// The process whose state file or heartbeat was believed.
    files_of: Option<u32>,
}

/// A stamp, and when it was read.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Heard {
    stamp: DateTime,
    at: Timestamp,
}

impl Gateway {
    /// A process of which nothing is known but that it began.
    pub fn new(since: Timestamp, deadlines: &Deadlines, grace: Option<Timestamp>) -> Self {
        Self {
            pid: None,
            start: None,
            started_at: None,
            seen: false,
            last_seen: since,
            end: None,
            suspended: None,
            starting: Timer::start(since, deadlines.start, grace),
            feishu: Feishu::Unknown,
            link: Link::Unknown,
            executor: None,
            wrong_loop: None,
            trouble: None,
            send_auth: None,
            send_trial: None,
            send_failed: None,
            shutdown: None,
            exiting: None,
            heartbeat: None,
            beat: None,
            loop_missed: None,
            second_instance: None,
            dropped: false,
            info_seen: false,
            lines_seen: false,
            truncated: false,
            tcp: None,
            lark_hidden: false,
            alone_since: None,
            webhook: false,
            witnessed: false,
            said_start: false,
            told_stopped: false,
            marked: None,
            lost_at: None,
            begun: false,
            first_stamp: None,
            newest_stamp: None,
            newest_of_file: Vec::new(),
            files_of: None,
        }
    }

    /// Whether it is believed to be alive.
    pub fn alive(&self) -> bool {
        self.seen && self.end.is_none()
    }

    /// Whether a record with this stamp can only be its own.
    pub fn speaks_after_its_link(&self, stamp: Option<DateTime>) -> bool {
        matches!((self.alone_since, stamp), (Some(link), Some(stamp)) if stamp > link)
    }

    /// The log level hides INFO records, successes among them: then their absence proves nothing.
    pub fn info_hidden(&self) -> bool {
        self.lark_hidden || (self.lines_seen && !self.info_seen)
    }

    /// Every deadline of this process.
    pub fn timers(&self) -> impl Iterator<Item = &Timer> {
        let link: [Option<&Timer>; 2] = match &self.link {
            Link::Lost(timer, _) | Link::Attempting { timer, .. } => [Some(timer), None],
            Link::Failed { next, shown, .. } => [next.as_ref(), Some(shown)],
            Link::Unknown | Link::Connected(_) => [None, None],
        };
        let rest: [Option<&Timer>; 8] = [
            Some(&self.starting),
            self.suspended.as_ref(),
            self.send_trial.as_ref(),
            self.shutdown.as_ref().map(|s| &s.timer),
            self.exiting.as_ref().map(|(timer, _)| timer),
            self.heartbeat.as_ref().map(|(timer, _)| timer),
            self.end.as_ref().map(|end| &end.settle),
            self.end.as_ref().map(|end| &end.respawn),
        ];
        link.into_iter().chain(rest).flatten()
    }

    /// The same, to be restarted after a sleep.
    pub fn timers_mut(&mut self) -> impl Iterator<Item = &mut Timer> {
        let link: [Option<&mut Timer>; 2] = match &mut self.link {
            Link::Lost(timer, _) | Link::Attempting { timer, .. } => [Some(timer), None],
            Link::Failed { next, shown, .. } => [next.as_mut(), Some(shown)],
            Link::Unknown | Link::Connected(_) => [None, None],
        };
        let (settle, respawn) = match &mut self.end {
            Some(end) => (Some(&mut end.settle), Some(&mut end.respawn)),
            None => (None, None),
        };
        let rest: [Option<&mut Timer>; 8] = [
            Some(&mut self.starting),
            self.suspended.as_mut(),
            self.send_trial.as_mut(),
            self.shutdown.as_mut().map(|s| &mut s.timer),
            self.exiting.as_mut().map(|(timer, _)| timer),
            self.heartbeat.as_mut().map(|(timer, _)| timer),
            settle,
            respawn,
        ];
        link.into_iter().chain(rest).flatten()
    }

    /// Takes in a log record. `grace`: the end of the grace after waking, if it is not over.
    pub fn hear(&mut self, now: Timestamp, said: Said, deadlines: &Deadlines, grace: Option<Timestamp>) {
        let Said { signal, other_pid, stamp, proof } = said;
        self.seen = true;
        self.last_seen = now;
        self.lines_seen = true;
        let timer = |span| Timer::start(now, span, grace);
        let set_back = self.was_set_back(stamp, &proof.source, now);
        let straggler = signal.is_of_link() && self.is_straggler(stamp, set_back, now);
        let foreign = self.is_of_before(stamp, set_back, now);
        match signal {
            // What the process before left in the files says nothing of this one.
            _ if foreign && stays(signal) => {}
            Signal::Start => {
                self.info_seen = true;
                self.begun = true;
                self.witnessed = true;
                self.said_start = true;
                self.lost_at = None;
                // Whatever left before: this one begins, without a link.
                if self.shutdown.take().is_some() {
                    self.exiting = None;
                    self.link = Link::Unknown;
                    self.starting = timer(deadlines.start);
                }
            }
            Signal::Info => self.info_seen = true,
            Signal::FeishuExpected => {
                self.witnessed = true;
                self.said_start = true;
                self.expect_feishu();
            }
            Signal::Webhook => {
                self.webhook = true;
                self.feishu = Feishu::Absent(proof);
            }
            Signal::Ready => {
                if self.feishu != Feishu::Expected && !self.webhook {
                    self.feishu = Feishu::Absent(proof);
                }
            }
            Signal::Dropped => self.dropped = true,
            Signal::SecondInstance => self.second_instance = Some((other_pid, proof)),
            Signal::Takeover => self.leave(Plan::Takeover, proof, timer(deadlines.restart)),
            Signal::PlannedStop => self.leave(Plan::Stop, proof, timer(deadlines.restart)),
            Signal::PlannedRestart => self.leave(Plan::Restart, proof, timer(deadlines.restart)),
            Signal::Shutdown => {
                let (plan, proof) = self.marked_plan(now).unwrap_or((Plan::Unplanned, proof));
                self.leave(plan, proof, timer(deadlines.restart));
            }
            // A second instance that was refused exits, too.
            Signal::Exiting if self.shutdown.is_none() && self.has_just_refused(now) => {}
            Signal::Exiting => {
                if self.exiting.is_none() {
                    self.exiting = Some((timer(deadlines.exit), proof));
                }
            }
            Signal::LoopMissed => self.loop_missed = Some(proof),
            Signal::RespawnStorm | Signal::Record => {}
            // What follows the beginning of a shutdown is noise of the teardown.
            _ if self.shutdown.is_some() => {}
            Signal::ExecutorShutdown => {
                self.executor.get_or_insert(proof);
            }
            Signal::WrongLoop => {
                self.wrong_loop.get_or_insert(proof);
            }
            Signal::AppInUse => self.fail_start(Reason::AppInUse, proof, other_pid),
            Signal::AdapterMissing => self.fail_start(Reason::AdapterMissing, proof, None),
            Signal::ConfigError => self.fail_start(Reason::ConfigError, proof, None),
            Signal::Sending => {
                let failed =
                    matches!((stamp, self.send_failed), (Some(sent), Some(failed)) if sent <= failed);
                if self.send_auth.is_some() && self.send_trial.is_none() && !failed {
                    self.send_trial = Some(Timer::start(now, SEND_TRIAL, None));
                }
            }
            Signal::SendAuth => {
                self.send_auth = Some(proof);
                self.send_trial = None;
                self.send_failed = stamp.or(self.send_failed);
            }
            _ if straggler => {}
            Signal::Connected => {
                self.show_info();
                self.connect(proof);
            }
            Signal::Inbound => {
                let connected = matches!(self.link, Link::Connected(_));
                let tail = self.lost_at.is_some_and(|at| now < super::timer::after(at, INBOUND_TAIL));
                if connected || !tail {
                    self.connect(proof);
                }
            }
            Signal::Lost => {
                self.lark_hidden |= proof.line.contains("receive message loop exit");
                self.lose(now, proof, timer(deadlines.reconnect));
            }
            Signal::Disconnected => {
                self.show_info();
                self.lose(now, proof, timer(deadlines.reconnect));
            }
            Signal::Attempt => self.attempt(now, proof, timer(deadlines.attempt)),
            Signal::FailedNetwork => {
                self.fail(Reason::NetworkUnreachable, proof, Some(timer(deadlines.retry)), now, grace);
            }
            Signal::FailedAuth => self.fail(Reason::AuthRejected, proof, None, now, None),
            Signal::FailedLimit => self.fail(Reason::ConnectionLimit, proof, None, now, None),
        }
    }

    /// Whether the clock of the stamps was set back, by the order of the lines within one file.
    fn was_set_back(&mut self, stamp: Option<DateTime>, file: &str, now: Timestamp) -> bool {
        let Some(stamp) = stamp else { return false };
        if let Some((_, newest)) = self.newest_of_file.iter_mut().find(|(name, _)| name == file) {
            let fell = newest.duration_since(stamp).as_secs() > DISORDER_SECONDS;
            if fell || stamp > *newest {
                *newest = stamp;
            }
            if fell && self.newest_stamp.is_some_and(|newest| stamp < newest.stamp) {
                self.newest_stamp = Some(Heard { stamp, at: now });
            }
            return fell;
        }
        if self.newest_of_file.len() < MOST_FILES {
            self.newest_of_file.push((file.to_owned(), stamp));
        }
        false
    }

    /// Whether a line about the link is older than the newest one, and was only read later.
    fn is_straggler(&mut self, stamp: Option<DateTime>, set_back: bool, now: Timestamp) -> bool {
        let Some(stamp) = stamp else { return false };
        if let Some(newest) = self.newest_stamp.filter(|newest| stamp < newest.stamp && !set_back) {
            let behind = newest.stamp.duration_since(stamp).as_secs();
            if behind < STRAGGLER_SECONDS || is_of_the_past(behind, newest, now) {
                return true;
            }
        }
        self.newest_stamp = Some(Heard { stamp, at: now });
        false
    }

    /// Whether a line with this stamp was written before this process's first one.
    fn is_of_before(&mut self, stamp: Option<DateTime>, set_back: bool, now: Timestamp) -> bool {
        let Some(stamp) = stamp else { return false };
        let first = *self.first_stamp.get_or_insert(Heard { stamp, at: now });
        let behind = first.stamp.duration_since(stamp).as_secs();
        if behind <= DISORDER_SECONDS {
            return false;
        }
        let before = !set_back && (behind < LATE_SECONDS || is_of_the_past(behind, first, now));
        if !before {
            self.first_stamp = Some(Heard { stamp, at: now });
        }
        before
    }

    /// A marker says that this process is about to leave. Without a signal that follows it means nothing.
    pub fn mark(&mut self, now: Timestamp, plan: Plan, target: Option<u32>, proof: Proof) {
        if self.pid.is_none_or(|pid| target.is_none_or(|target| target == pid)) {
            self.marked = Some((plan, now, proof));
        }
    }

    fn has_just_refused(&self, now: Timestamp) -> bool {
        self.second_instance
            .as_ref()
            .is_some_and(|(_, proof)| now < super::timer::after(proof.at, LONGEST_REFUSAL))
    }

    fn marked_plan(&self, now: Timestamp) -> Option<(Plan, Proof)> {
        let (plan, at, proof) = self.marked.as_ref()?;
        (now < super::timer::after(*at, MARKER_LIFE)).then(|| (*plan, proof.clone()))
    }

    /// It ends now: on purpose, if a marker says so and its own words did not say otherwise.
    pub fn leave_as_marked(&mut self, now: Timestamp, timer: Timer) {
        if let Some((plan, proof)) = self.marked_plan(now) {
            self.leave(plan, proof, timer);
        }
    }

    /// Whether it does what it is there for, as far as it has shown.
    pub fn at_work(&self) -> bool {
        match self.link {
            Link::Connected(_) => true,
            Link::Unknown => matches!(self.feishu, Feishu::Absent(_)),
            _ => false,
        }
    }

    fn expect_feishu(&mut self) {
        if !self.webhook {
            self.feishu = Feishu::Expected;
        }
    }

    /// The SDK writes this record at INFO, so its successes are not hidden.
    fn show_info(&mut self) {
        self.lark_hidden = false;
        self.info_seen = true;
    }

    fn leave(&mut self, plan: Plan, proof: Proof, timer: Timer) {
        match &mut self.shutdown {
            // «Received SIGTERM as a planned …» is followed by lines that say less: the first word counts, unless it
            // was the one that knows nothing.
            Some(shutdown) if shutdown.plan == Plan::Unplanned && plan != Plan::Unplanned => {
                shutdown.plan = plan;
                shutdown.proof = proof;
            }
            Some(_) => {}
            None => self.shutdown = Some(Shutdown { plan, proof, timer }),
        }
    }

    fn fail_start(&mut self, reason: Reason, proof: Proof, other_pid: Option<u32>) {
        self.expect_feishu();
        self.trouble = Some(Trouble { reason, proof, other_pid, from_state_file: false });
    }

    fn connect(&mut self, proof: Proof) {
        self.expect_feishu();
        self.trouble = None;
        self.wrong_loop = None;
        self.link = Link::Connected(proof);
    }

    fn lose(&mut self, now: Timestamp, proof: Proof, timer: Timer) {
        self.expect_feishu();
        self.lost_at = Some(now);
        if matches!(self.link, Link::Connected(_) | Link::Unknown) {
            self.link = Link::Lost(timer, proof);
        }
    }

    fn attempt(&mut self, now: Timestamp, proof: Proof, timer: Timer) {
        self.show_info();
        self.expect_feishu();
        match &mut self.link {
            // Red stays red until the link is proven: an attempt is no recovery.
            Link::Failed { next, .. } => *next = Some(timer),
            Link::Lost(old, _) => {
                self.link = Link::Attempting { timer, proof, stalled: old.over(now) };
            }
            Link::Attempting { timer: old, stalled, .. } => {
                self.link = Link::Attempting { timer, proof, stalled: *stalled || old.over(now) };
            }
            Link::Unknown | Link::Connected(_) => {
                self.link = Link::Attempting { timer, proof, stalled: false };
            }
        }
    }

    fn fail(
        &mut self,
        reason: Reason,
        proof: Proof,
        next: Option<Timer>,
        now: Timestamp,
        grace: Option<Timestamp>,
    ) {
        self.expect_feishu();
        let shown = Timer::start(now, Duration::ZERO, grace);
        self.link = Link::Failed { reason, proof, next, shown };
    }

    /// Takes in `gateway_state.json` of this very process. Only its bad news count.
    pub fn read_state(
        &mut self,
        now: Timestamp,
        state: &StateFile,
        deadlines: &Deadlines,
        grace: Option<Timestamp>,
    ) {
        self.seen = true;
        self.last_seen = now;
        // A new process takes the key over from the file of the one before: it says something only on the way out.
        let leaving = matches!(state.gateway_state.as_str(), "draining" | "stopped");
        let stopped = state.gateway_state == "stopped";
        self.told_stopped = stopped && !state.restart_requested;
        if state.restart_requested && leaving && self.shutdown.is_none() {
            let proof = Proof::new(STATE_FILE, "restart_requested: true", now);
            self.leave(Plan::Restart, proof, Timer::start(now, deadlines.restart, grace));
        }
        // Where the log level hides it, this is its word that it exits.
        if stopped && self.exiting.is_none() {
            let proof = Proof::new(STATE_FILE, "gateway_state: stopped", now);
            self.exiting = Some((Timer::start(now, deadlines.exit, grace), proof));
        } else if !stopped && self.exiting.as_ref().is_some_and(|(_, proof)| proof.source == STATE_FILE) {
            self.exiting = None;
        }
        if self.trouble.as_ref().is_some_and(|t| t.from_state_file) {
            self.trouble = None;
        }
        if state.gateway_state == "startup_failed" && self.trouble.is_none() {
            self.trouble = Some(Trouble {
                reason: Reason::ConfigError,
                proof: Proof::new(STATE_FILE, "gateway_state: startup_failed", now),
                other_pid: None,
                from_state_file: true,
            });
        }
        self.begun |= self.started_at.is_some() || state.gateway_state == "starting";
        match state.feishu.as_ref().filter(|entry| self.is_own(entry)) {
            Some(entry) if entry.state != "disabled" => self.read_entry(now, entry, deadlines, grace),
            _ if state.gateway_state == "running" && self.feishu == Feishu::Unknown => {
                let line = "gateway_state: running, without feishu";
                self.feishu = Feishu::Absent(Proof::new(STATE_FILE, line, now));
            }
            _ => {}
        }
    }

    /// Files of this process are believed. While a gateway is known by its log only, a file may name whatever process
    /// wrote it: what another one's files said is forgotten once it is seen which one the gateway is.
    pub fn heed_files_of(&mut self, pid: u32) {
        let another = self.files_of.replace(pid).is_some_and(|before| before != pid);
        if !another {
            return;
        }
        let of_file = |proof: &Proof| proof.source == STATE_FILE;
        if matches!(&self.feishu, Feishu::Absent(proof) if of_file(proof)) {
            self.feishu = Feishu::Unknown;
        }
        self.link = match std::mem::replace(&mut self.link, Link::Unknown) {
            Link::Lost(_, proof) | Link::Failed { proof, .. } if of_file(&proof) => Link::Unknown,
            other => other,
        };
        self.trouble.take_if(|trouble| trouble.from_state_file);
        self.shutdown.take_if(|shutdown| of_file(&shutdown.proof));
        self.exiting.take_if(|(_, proof)| of_file(proof));
        self.told_stopped = false;
        (self.heartbeat, self.beat) = (None, None);
    }

    /// A new process takes entries over from the file of the one before: only one of its own counts.
    fn is_own(&self, entry: &PlatformEntry) -> bool {
        let started = super::timer::before(self.starting.since, START_TOLERANCE);
        !self.begun || entry.updated_at.is_none_or(|at| at >= started)
    }

    fn read_entry(
        &mut self,
        now: Timestamp,
        entry: &PlatformEntry,
        deadlines: &Deadlines,
        grace: Option<Timestamp>,
    ) {
        self.expect_feishu();
        // The file is written anew for whatever changes in it. What an entry said before the link was proven is past.
        let proven = match &self.link {
            Link::Connected(proof) => Some(proof.at),
            _ => None,
        };
        if entry.updated_at.is_some_and(|written| proven.is_some_and(|proven| written < proven)) {
            return;
        }
        let message = entry.error_message.as_deref().unwrap_or_default();
        let code = entry.error_code.as_deref().unwrap_or_default();
        let line = format!("feishu: {} {code} {message}", entry.state).trim_end().to_owned();
        let proof = Proof::new(STATE_FILE, line, now);
        match (entry.state.as_str(), trouble_of(code, message)) {
            ("fatal" | "retrying" | "paused", Some(reason)) => self.fail_as_told(reason, proof, message),
            // A start of Feishu that failed and is tried again by the gateway: told as fatal and, a moment later, as
            // retrying.
            ("fatal" | "retrying", _) if self.shutdown.is_none() && is_failed_attempt(code, message) => {
                self.fail(Reason::NetworkUnreachable, proof, None, now, grace);
            }
            ("fatal", _) => self.fail_as_told(Reason::ConfigError, proof, message),
            ("retrying" | "paused", _) if self.shutdown.is_none() => {
                self.lose(now, proof, Timer::start(now, deadlines.reconnect, grace));
            }
            _ => {}
        }
    }

    /// What the log says of a start that failed says more than the state file.
    fn fail_as_told(&mut self, reason: Reason, proof: Proof, message: &str) {
        if self.trouble.is_none() {
            self.trouble = Some(Trouble { reason, proof, other_pid: pid_in(message), from_state_file: true });
        }
    }
}

/// What an entry names as the trouble, whether the gateway gave up or tries again.
fn trouble_of(code: &str, message: &str) -> Option<Reason> {
    if code == "feishu_app_lock" || message.contains("already using this Feishu app_id") {
        Some(Reason::AppInUse)
    } else if message.contains("not installed") || message.contains("No adapter") {
        Some(Reason::AdapterMissing)
    } else {
        None
    }
}

/// Whether a line that is older than the reference by so many seconds was in its file before anybody read it.
fn is_of_the_past(behind: i64, reference: Heard, now: Timestamp) -> bool {
    behind > ANCIENT_SECONDS || now < super::timer::after(reference.at, SAME_READING)
}

/// Signals that outlast what follows them: one of the process before would be held against this one for its life.
fn stays(signal: Signal) -> bool {
    matches!(
        signal,
        Signal::ExecutorShutdown
            | Signal::WrongLoop
            | Signal::SendAuth
            | Signal::AppInUse
            | Signal::AdapterMissing
            | Signal::ConfigError
            | Signal::LoopMissed
            | Signal::Takeover
            | Signal::PlannedStop
            | Signal::PlannedRestart
            | Signal::Shutdown
            | Signal::Exiting
    )
}

/// Whether an entry tells of an attempt to connect that failed: the code and wordings of hermes-agent 0.19.
fn is_failed_attempt(code: &str, message: &str) -> bool {
    code == "feishu_connect_error" || message.contains("timed out") || message.contains("ailed to connect")
}

/// The number in `(PID 123)`.
fn pid_in(message: &str) -> Option<u32> {
    let after = &message[message.find("PID ")? + 4..];
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}
