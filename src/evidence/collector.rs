//! Everything read of one profile: its logs, the gateway's own files, its processes. The world → `Evidence`.
//!
//! [`Collector::attach`] reads what was (history: it builds state), [`Collector::poll`] what is new.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::logbook::{LogBook, LogEvent, Scanner};
use super::patterns::Patterns;
use super::process::{self, ProcessInfo};
use super::state_files;
use super::tail::{Block, HistoryEnd, HistoryReader, Limits, Tailer};
use crate::health::{Evidence, ProcessState, Proof, Signal};
use crate::profile::Profile;

/// Files of the home that are evidence, relative to it.
const STATE_FILES: [&str; 6] = [PID_FILE, STATE_FILE, HEARTBEAT, MARKERS[0], MARKERS[1], DETACHED];

/// Names the gateway's process.
const PID_FILE: &str = "gateway.pid";

/// What the gateway says of itself.
const STATE_FILE: &str = "gateway_state.json";

/// launchd could not manage it.
const DETACHED: &str = ".gateway-launchd-unsupported";

/// It is about to leave.
const MARKERS: [&str; 2] = [".gateway-planned-stop.json", ".gateway-takeover.json"];

/// The one of them that is written again and again though nothing happens.
const HEARTBEAT: &str = "state/gateway.heartbeat";

/// The start records of the home, relative to it.
const STARTS_FILE: &str = "gateway-starts.log";

/// The end of the start records that is read: some hundred starts.
const STARTS_BYTES: u64 = 4096;

/// A marker is believed for this long after it was written (its life, by the gateway's sources).
const MARKER_LIFE: Duration = Duration::from_secs(60);

/// Stamps are compared with the start of the process with this much tolerance: the system rounds the one, the gateway
/// the other.
const START_TOLERANCE: Duration = Duration::from_secs(2);

/// Time zones differ by multiples of this, in seconds.
const ZONE_STEP: i64 = 15 * 60;

/// No two time zones are further apart, in seconds.
const WIDEST_ZONES: i64 = 26 * 3600;

/// Blocks of a log without a stamp that are passed over to find one that has: long lines, long tracebacks.
const MOST_UNSTAMPED: usize = 8;

/// Two changes of a folder within this may leave the same time behind: file systems count in ticks.
const NAMES_SETTLE: Duration = Duration::from_secs(2);

/// Starts and takeovers before the present process are looked for this far back: as far as any loop is counted by
/// default.
const LOOP_SPAN: Duration = Duration::from_secs(600);

/// … in so many blocks of each log at most, beyond the start of the process.
const MOST_LOOP_BLOCKS: usize = 4;

/// Processes followed at once.
const MOST_PROCESSES: usize = 16;

/// The same moment on both clocks: the world's for what is told, the process's own for what is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// On the world's clock.
    pub at: Timestamp,
    /// On the monotonic clock.
    pub instant: Instant,
}

/// What is known of a job's process when its profile's past is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobWord {
    /// This is the gateway's process.
    Process(u32),
    /// There is none, or nobody to ask.
    Nothing,
    /// The manager is being asked.
    Awaited,
}

/// What a recorder sees besides the evidence itself.
#[derive(Debug)]
pub enum Observed<'a> {
    /// Complete lines of a log.
    Lines {
        /// Name of the file.
        log: &'a str,
        /// Each ends in a newline.
        block: &'a [u8],
    },
    /// A file of the home was written or removed.
    File {
        /// Relative to the home.
        file: &'a str,
        /// Its content.
        json: Option<&'a Value>,
    },
    /// Evidence that was not read from lines or files.
    Known(&'a Evidence),
}

/// Sees everything that is read, before it is judged.
pub type Observer = Box<dyn FnMut(Timestamp, Observed<'_>) + Send>;

struct Source {
    name: String,
    path: PathBuf,
    tailer: Tailer,
    /// It was there at the start, but closed to us: what it holds is still to be read once that ends.
    past_unread: bool,
    /// Why it could not be read at the last try.
    trouble: Option<String>,
    /// It was not there at the last try.
    missing: bool,
}

/// A folder of this profile's files, as the safety net saw it last.
struct Names {
    folder: PathBuf,
    /// Who it is and when its names changed last; `None` where that is not certain.
    seen: Option<Seen>,
}

impl Names {
    /// Whether no name came or went since the last look. A change just now could be followed by another that leaves the
    /// same time behind: then, and where the clocks differ, it is not certain.
    fn stand(&mut self) -> bool {
        let meta = std::fs::metadata(&self.folder).ok();
        let settled = |meta: &Metadata| {
            let age = std::time::SystemTime::now().duration_since(meta.modified().ok()?).ok()?;
            (age > NAMES_SETTLE).then(|| Seen::of(meta))
        };
        let now = meta.as_ref().and_then(settled);
        let stand = now.is_some() && now == self.seen;
        self.seen = now;
        stand
    }
}

/// What a state file was when it was read last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    modified: (i64, i64),
    size: u64,
    inode: u64,
}

impl Seen {
    fn of(meta: &Metadata) -> Self {
        Self { modified: (meta.mtime(), meta.mtime_nsec()), size: meta.size(), inode: meta.ino() }
    }
}

#[derive(Debug, Default)]
struct StateFileWatch {
    seen: Option<Seen>,
    /// It was there, but its content could not be used: tried again though it did not change.
    unusable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tracked {
    start: u64,
    state: ProcessState,
}

/// Reads one profile.
pub struct Collector {
    home: PathBuf,
    /// Another profile lives in the same home: whose its files are is not known.
    shares_home: bool,
    sources: Vec<Source>,
    book: LogBook,
    patterns: Arc<Patterns>,
    zone: TimeZone,
    files: BTreeMap<&'static str, StateFileWatch>,
    names: Vec<Names>,
    starts: StateFileWatch,
    processes: BTreeMap<u32, Tracked>,
    /// Logs that cannot be read, as last told.
    troubles: Vec<String>,
    /// What the logs told of the processes before the present one, until it is told.
    earlier: Earlier,
    /// What the files of the home held when they were read for the first time: for the recorder.
    read_first: BTreeMap<&'static str, Value>,
    observer: Option<Observer>,
}

/// Starts and takeovers before the present process, oldest first: a loop is no matter of one process.
#[derive(Debug, Default)]
struct Earlier {
    /// Starts that nobody meant.
    starts: Vec<Timestamp>,
    takeovers: Vec<Proof>,
}

impl Earlier {
    /// From what the logs say, in its order.
    fn of(events: impl Iterator<Item = (Timestamp, LogEvent)>) -> Self {
        let mut earlier = Self::default();
        let mut meant = false;
        for (at, mut event) in events {
            match event.signal {
                Signal::Start if std::mem::take(&mut meant) => {}
                Signal::Start => earlier.starts.push(at),
                Signal::PlannedStop | Signal::PlannedRestart => meant = true,
                Signal::Takeover => {
                    meant = true;
                    event.proof.at = at;
                    earlier.takeovers.push(event.proof);
                }
                _ => {}
            }
        }
        earlier
    }
}

/// What [`Collector::poll`] found besides the evidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Polled {
    /// Something is left for the next turn.
    pub more: bool,
    /// A log or a file of the home has changed, heartbeats aside.
    pub news: bool,
}

/// What [`Collector::attach`] found: evidence with its time, oldest first.
pub type Past = Vec<(Timestamp, Evidence)>;

impl Collector {
    /// Reads what was, and begins to follow.
    pub fn attach(
        profile: &Profile,
        patterns: &Arc<Patterns>,
        zone: &TimeZone,
        now: Moment,
        job: JobWord,
        observer: Option<Observer>,
    ) -> (Self, Past) {
        let mut collector = Self {
            home: profile.home.clone(),
            // The scan leaves the standard logs to nobody then.
            shares_home: !profile.logs.contains(&profile.logs_folder().join("agent.log")),
            sources: Vec::new(),
            book: LogBook::new(Arc::clone(patterns)),
            patterns: Arc::clone(patterns),
            zone: zone.clone(),
            files: STATE_FILES.iter().map(|name| (*name, StateFileWatch::default())).collect(),
            names: Vec::new(),
            starts: StateFileWatch::default(),
            processes: BTreeMap::new(),
            troubles: Vec::new(),
            earlier: Earlier::default(),
            read_first: BTreeMap::new(),
            observer: None,
        };
        let folders = profile.logs.iter().filter_map(|log| log.parent()).chain([profile.home.as_path()]);
        let folders: BTreeSet<&Path> = folders.collect();
        collector.names =
            folders.into_iter().map(|one| Names { folder: one.to_path_buf(), seen: None }).collect();
        let mut present = Vec::new();
        collector.read_files(now.at, true, false, &mut present);
        if let JobWord::Process(pid) = job {
            let mut seen = Vec::new();
            collector.consider(pid, None, now.at, &mut seen);
            present.extend(seen.into_iter().map(|evidence| (now.at, evidence)));
        }
        let started_at =
            collector.processes.keys().filter_map(|pid| process::look(*pid)).map(|p| p.started_at).min();
        let mut past = collector.read_history(profile, now, started_at);
        let earlier = std::mem::take(&mut collector.earlier);
        // A process comes before its own lines, what it wrote comes when it was written, and how it is now at the end.
        let (processes, written): (Past, Past) =
            present.into_iter().partition(|(_, evidence)| matches!(evidence, Evidence::Process { .. }));
        let (starts, written): (Past, Past) =
            written.into_iter().partition(|(_, evidence)| matches!(evidence, Evidence::Starts(_)));
        let begun = started_at.unwrap_or(now.at).min(now.at);
        let mut told = Past::new();
        if !earlier.takeovers.is_empty() {
            let mut seen = Vec::new();
            collector.tell(now.at, Evidence::Takeovers(earlier.takeovers), &mut seen);
            told.extend(seen.into_iter().map(|evidence| (begun, evidence)));
        }
        told.extend(processes.iter().map(|(_, evidence)| (begun, as_it_began(evidence))));
        // One that is stopped has done nothing since its last sign of life.
        let newest = collector.newest_file(profile).unwrap_or(now.at).min(now.at).max(begun);
        let stopped = processes.iter().filter(|(_, evidence)| is_stopped(evidence));
        past.extend(stopped.map(|(_, evidence)| (newest, evidence.clone())));
        past.extend(written);
        past.sort_by_key(|(at, _)| *at);
        told.append(&mut past);
        told.extend(processes.into_iter().map(|(_, evidence)| (now.at, evidence)));
        if collector.processes.is_empty() && job != JobWord::Awaited {
            // It lived no longer than it wrote.
            told.push((newest, Evidence::NoProcess));
        }
        // A start record may tell of a process that nothing else names yet: it has the last word.
        if let (true, Some(started_at), false) = (starts.is_empty(), started_at, earlier.starts.is_empty()) {
            let times = earlier.starts.into_iter().chain([started_at]).collect();
            let mut seen = Vec::new();
            collector.tell(now.at, Evidence::Starts(times), &mut seen);
            told.extend(seen.into_iter().map(|evidence| (now.at, evidence)));
        }
        told.extend(starts);
        // The recorder sees it in the order in which it is judged.
        if let Some(mut observer) = observer {
            for (at, evidence) in &told {
                show_past(&mut observer, *at, evidence, &collector.read_first);
            }
            collector.observer = Some(observer);
        }
        collector.read_first.clear();
        (collector, told)
    }

    /// When a file of this gateway was written last.
    fn newest_file(&self, profile: &Profile) -> Option<Timestamp> {
        let files = STATE_FILES.iter().map(|file| self.home.join(file)).chain(profile.logs.iter().cloned());
        files.filter_map(|path| modified(&path)).max()
    }

    /// Reads what is new. `by_itself`: the safety net looks, nobody has told of anything; then what was missing is not
    /// looked for as long as no name in its folder changes.
    pub fn poll(&mut self, now: Moment, by_itself: bool, out: &mut Vec<Evidence>) -> Polled {
        // each is asked, so that each is up to date
        let stand = by_itself && self.names.iter_mut().map(Names::stand).filter(|stand| !stand).count() == 0;
        let mut polled = self.read_logs(now, stand, out);
        self.read_what_opened(now, out);
        let mut news = Past::new();
        polled.news |= self.read_files(now.at, false, stand, &mut news);
        out.extend(news.into_iter().map(|(_, evidence)| evidence));
        self.tell_troubles(now.at, out);
        polled
    }

    /// Says which logs cannot be read, when that changes.
    fn tell_troubles(&mut self, now: Timestamp, out: &mut Vec<Evidence>) {
        let troubles: Vec<String> = self.sources.iter().filter_map(|source| source.trouble.clone()).collect();
        if troubles != self.troubles {
            self.troubles.clone_from(&troubles);
            self.tell(now, Evidence::Unreadable(troubles), out);
        }
    }

    /// When half a line is to be taken for a whole one.
    pub fn next_flush(&self) -> Option<Instant> {
        self.sources.iter().filter_map(|source| source.tailer.next_flush()).min()
    }

    /// The processes followed, with their start times.
    pub fn processes(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.processes.iter().map(|(pid, tracked)| (*pid, tracked.start))
    }

    /// Looks at the processes that are followed: alive, stopped, zombie, gone.
    pub fn look_at_processes(&mut self, now: Timestamp, out: &mut Vec<Evidence>) {
        let pids: Vec<u32> = self.processes.keys().copied().collect();
        for pid in pids {
            let Some(tracked) = self.processes.get(&pid).copied() else { continue };
            // As it was: nearly always.
            if process::state(pid) == Some((tracked.start, tracked.state)) {
                continue;
            }
            let seen = process::look(pid);
            if seen.is_none() && process::exists(pid) {
                // it could not be looked at just now: no descriptors left, no memory
                continue;
            }
            if let Some(info) = seen.filter(|info| info.start == tracked.start) {
                if let Some(entry) = self.processes.get_mut(&pid) {
                    entry.state = info.state;
                }
                self.tell(now, evidence_of(&info), out);
            } else {
                self.processes.remove(&pid);
                let gone = Evidence::Process {
                    pid,
                    start: Some(tracked.start),
                    started_at: None,
                    state: ProcessState::Gone,
                    exit: None,
                };
                self.tell(now, gone, out);
            }
        }
    }

    /// Follows this process from now on, if it is there and, where `start` is known, the same. Returns whether it is.
    pub fn consider(
        &mut self,
        pid: u32,
        start: Option<u64>,
        now: Timestamp,
        out: &mut Vec<Evidence>,
    ) -> bool {
        if let Some(tracked) = self.processes.get(&pid) {
            return start.is_none_or(|start| start == tracked.start);
        }
        let Some(info) = process::look(pid) else { return false };
        if start.is_some_and(|start| start != info.start) || info.state == ProcessState::Gone {
            return false;
        }
        if self.processes.len() >= MOST_PROCESSES {
            return false;
        }
        self.processes.insert(pid, Tracked { start: info.start, state: info.state });
        self.tell(now, evidence_of(&info), out);
        true
    }

    /// Evidence that comes from elsewhere (the service manager, the sleep of the machine), for the recorder too.
    pub fn tell(&mut self, now: Timestamp, evidence: Evidence, out: &mut Vec<Evidence>) {
        if let Some(observer) = &mut self.observer {
            observer(now, Observed::Known(&evidence));
        }
        out.push(evidence);
    }

    fn read_logs(&mut self, now: Moment, names_stand: bool, out: &mut Vec<Evidence>) -> Polled {
        let mut all = Polled::default();
        let (book, observer) = (&mut self.book, &mut self.observer);
        for source in &mut self.sources {
            let name = source.name.as_str();
            let mut sink = |block: &[u8]| {
                if let Some(observer) = observer {
                    observer(now.at, Observed::Lines { log: name, block });
                }
                book.read(name, block, now.at, &mut |event| out.push(event.into_evidence()));
            };
            if source.past_unread || (names_stand && source.missing) {
                continue;
            }
            let polled = source.tailer.poll(now.instant, &mut sink);
            source.tailer.flush_partial(now.instant, &mut sink);
            match polled {
                Ok(polled) => {
                    source.trouble = None;
                    source.missing = polled.missing && source.tailer.open_files() == 0;
                    all.more |= polled.more;
                    all.news |= polled.bytes > 0 || polled.truncated || polled.rotated;
                    if polled.truncated || polled.rotated {
                        book.forget_record(name);
                    }
                }
                Err(error) => {
                    source.trouble = Some(error.to_string());
                    source.missing = false;
                }
            }
        }
        all
    }

    /// Reads the files of the home that changed, with the time at which each was written. `all`: for the first time,
    /// when a marker may be a leftover and everything is older than now. Whether any changed, the heartbeat aside.
    fn read_files(&mut self, now: Timestamp, all: bool, names_stand: bool, out: &mut Past) -> bool {
        if self.shares_home {
            return false;
        }
        let mut changed = false;
        for file in STATE_FILES {
            let missing = self.files.get(file).is_none_or(|watch| watch.seen.is_none());
            // the heartbeat lies in a folder of its own
            if names_stand && missing && file != HEARTBEAT {
                continue;
            }
            changed |= self.read_file(file, now, all, out) && file != HEARTBEAT;
        }
        let path = self.home.join(STARTS_FILE);
        if names_stand && self.starts.seen.is_none() {
            return changed;
        }
        if self.starts.changed(&path)
            && let Some(text) = read_end(&path, STARTS_BYTES)
        {
            changed = true;
            let mut seen = Vec::new();
            self.tell(now, Evidence::Starts(state_files::starts(&text)), &mut seen);
            out.extend(seen.into_iter().map(|evidence| (now, evidence)));
        }
        changed
    }

    /// One of [`STATE_FILES`]. Whether it changed.
    fn read_file(&mut self, file: &'static str, now: Timestamp, all: bool, out: &mut Past) -> bool {
        let path = self.home.join(file);
        let watch = self.files.entry(file).or_default();
        let json = match watch.read(&path) {
            None => return false,
            Some(Content::Gone) => None,
            Some(Content::Json(json)) => Some(json),
            Some(Content::Unusable) => return true,
        };
        if let Some(observer) = &mut self.observer {
            observer(now, Observed::File { file, json: json.as_ref() });
        }
        if MARKERS.contains(&file) && (all || !is_young(&path, now)) {
            return true;
        }
        let Some(evidence) = state_files::evidence(file, json.as_ref()) else { return true };
        let written = if all { modified(&path).map_or(now, |at| at.min(now)) } else { now };
        let mut seen = Vec::new();
        // The process first: the file then names one that is known.
        match &evidence {
            Evidence::PidFile(Some(writer)) => {
                self.consider(writer.pid, writer.start, now, &mut seen);
            }
            Evidence::StateFile(state) if self.processes.is_empty() => {
                self.consider(state.pid, state.start, now, &mut seen);
            }
            _ => {}
        }
        out.extend(seen.into_iter().map(|evidence| (now, evidence)));
        out.push((written, evidence));
        self.read_first.extend(json.filter(|_| all).map(|json| (file, json)));
        true
    }

    fn read_history(&mut self, profile: &Profile, now: Moment, started_at: Option<Timestamp>) -> Past {
        let oldest = started_at.map(|at| at.saturating_sub(START_TOLERANCE).unwrap_or(at));
        let mut events: Vec<(Timestamp, LogEvent)> = Vec::new();
        let mut reaches = Reach::default();
        for path in &profile.logs {
            let (source, reach) = self.begin(path, now, oldest, &mut events);
            reaches = reaches.or(reach);
            self.sources.push(source);
        }
        events.sort_by_key(|(at, _)| *at);
        let (before, events): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|(at, _)| oldest.is_some_and(|oldest| *at < oldest));
        let book = &mut self.book;
        self.earlier = Earlier::of(before.into_iter().filter(|(at, event)| book.admit(event, *at)));
        let mut past = self.admit(events);
        if reaches.bounded && !reaches.to_start && !reaches.to_link {
            past.push((now.at, Evidence::HistoryTruncated));
        }
        past
    }

    /// Begins to follow a log at its end, and reads what is before.
    fn begin(
        &self,
        path: &Path,
        now: Moment,
        oldest: Option<Timestamp>,
        events: &mut Vec<(Timestamp, LogEvent)>,
    ) -> (Source, Reach) {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let scanner = Scanner::new(Arc::clone(&self.patterns));
        let past_unread = is_denied(path);
        let (tailer, mut reader) = Tailer::start_at_end_with_history(path, Limits::default(), now.instant);
        let times = Times { zone: &self.zone, now: now.at, oldest, written: modified(path) };
        let reach = read_backwards(&mut reader, &scanner, &name, &times, events);
        (Source { name, path: path.to_path_buf(), tailer, past_unread, trouble: None, missing: false }, reach)
    }

    /// Events of several logs in their order, each once.
    fn admit(&mut self, events: Vec<(Timestamp, LogEvent)>) -> Past {
        let mut past = Past::new();
        for (at, mut event) in events {
            if self.book.admit(&event, at) {
                event.proof.at = at;
                past.push((at, event.into_evidence()));
            }
        }
        past
    }

    /// Logs that were closed to us at the start and are open now: their past is told now.
    fn read_what_opened(&mut self, now: Moment, out: &mut Vec<Evidence>) {
        let opened: Vec<usize> = (0..self.sources.len())
            .filter(|&at| self.sources[at].past_unread && !is_denied(&self.sources[at].path))
            .collect();
        if opened.is_empty() {
            return;
        }
        let started_at =
            self.processes.keys().filter_map(|pid| process::look(*pid)).map(|p| p.started_at).min();
        let oldest = started_at.map(|at| at.saturating_sub(START_TOLERANCE).unwrap_or(at));
        let mut events = Vec::new();
        for at in opened {
            let path = self.sources[at].path.clone();
            self.sources[at] = self.begin(&path, now, oldest, &mut events).0;
        }
        events.retain(|(at, _)| oldest.is_none_or(|oldest| *at >= oldest));
        events.sort_by_key(|(at, _)| *at);
        for (at, evidence) in self.admit(events) {
            if let Some(observer) = &mut self.observer {
                show_past(observer, at, &evidence, &self.read_first);
            }
            out.push(evidence);
        }
    }
}

/// How far back a log was read.
#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    /// To the start of the process.
    to_start: bool,
    /// To an event of the link.
    to_link: bool,
    /// No further, though there may be more.
    bounded: bool,
}

impl Reach {
    fn or(self, other: Self) -> Self {
        Self {
            to_start: self.to_start || other.to_start,
            to_link: self.to_link || other.to_link,
            bounded: self.bounded || other.bounded,
        }
    }
}

/// What the stamps of a log are compared with.
struct Times<'a> {
    zone: &'a TimeZone,
    now: Timestamp,
    /// The start of the process.
    oldest: Option<Timestamp>,
    /// When the file was written last.
    written: Option<Timestamp>,
}

impl Times<'_> {
    fn at(&self, stamp: DateTime) -> Option<Timestamp> {
        self.zone.to_ambiguous_timestamp(stamp).compatible().ok()
    }

    /// By how much the stamps of this log are off: the gateway may live in another time zone than we do (its machine's
    /// was changed since, its job sets TZ), or in the second of the hours that the end of summer time repeats. A line
    /// is written when its stamp says: the file's own time is that of its last line.
    fn shift(&self, block: &Block) -> SignedDuration {
        let lines = block.bytes.rsplit(|b| *b == b'\n').take(64);
        let last = lines.filter(|_| block.index == 0).find_map(|line| super::line::head(line)?.stamp);
        let (Some(stamped), Some(written)) = (last.and_then(|stamp| self.at(stamp)), self.written) else {
            return SignedDuration::ZERO;
        };
        let late = written.duration_since(stamped).as_secs();
        let quarters = (late + ZONE_STEP / 2).div_euclid(ZONE_STEP);
        let rest = late - quarters * ZONE_STEP;
        let is_zone = quarters != 0 && late.abs() <= WIDEST_ZONES && (-2..=10).contains(&rest);
        if is_zone { SignedDuration::from_secs(quarters * ZONE_STEP) } else { SignedDuration::ZERO }
    }
}

/// Reads one log backwards: to the start of the process, or to an event of the link. Logs that hold warnings only are
/// short of link events and are read to the start of the process: a dead executor is older than the last reconnect.
fn read_backwards(
    reader: &mut HistoryReader,
    scanner: &Scanner,
    name: &str,
    times: &Times<'_>,
    events: &mut Vec<(Timestamp, LogEvent)>,
) -> Reach {
    let (now, oldest) = (times.now, times.oldest);
    let mut shift = None;
    let mut reach = Reach::default();
    let mut unstamped = 0;
    let warnings_only = name == "errors.log";
    // A loop shows in the processes before this one.
    let loops_since = now.saturating_sub(LOOP_SPAN).unwrap_or(now);
    let mut loop_blocks = 0;
    while let Some(block) = reader.next_block() {
        let shift = *shift.get_or_insert_with(|| times.shift(&block));
        let at = |stamp| times.at(stamp)?.checked_add(shift).ok();
        let mut found: Vec<(Timestamp, LogEvent)> = Vec::new();
        let mut stamped = false;
        scanner.read_alone(name, &block.bytes, now, &mut |event| {
            if let Some(stamp) = event.stamp {
                stamped = true;
                found.push((at(stamp).unwrap_or(now).min(now), event));
            }
        });
        let first =
            block.bytes.split(|b| *b == b'\n').take(64).find_map(|line| super::line::head(line)?.stamp);
        let first = first.and_then(at);
        // A log without stamps says nothing of when: no history. One long line is a block of its own.
        if first.is_none() && !stamped {
            unstamped += 1;
            if unstamped > MOST_UNSTAMPED {
                return reach;
            }
            continue;
        }
        for (at, event) in found {
            if oldest.is_some_and(|oldest| at < oldest) {
                reach.to_start = true;
                if at >= loops_since && tells_of_a_loop(event.signal) {
                    events.push((at, event));
                }
                continue;
            }
            match event.signal {
                signal if signal.is_of_link() => reach.to_link = true,
                Signal::Start | Signal::PlannedStop => reach.to_start = true,
                _ => {}
            }
            events.push((at, event));
        }
        reach.to_start |= matches!((first, oldest), (Some(first), Some(oldest)) if first < oldest);
        if reach.to_start || (reach.to_link && !warnings_only) {
            let young = oldest.is_some_and(|oldest| oldest > loops_since);
            let more = young && !warnings_only && first.is_some_and(|first| first > loops_since);
            if !more || loop_blocks == MOST_LOOP_BLOCKS {
                return reach;
            }
            loop_blocks += 1;
        }
    }
    reach.bounded = reader.end() == Some(HistoryEnd::Bound);
    // Everything that there is was read.
    reach.to_start |= reader.end() == Some(HistoryEnd::Beginning) && name != "errors.log";
    reach
}

/// Whether it says how a process before the present one began or was ended on purpose.
fn tells_of_a_loop(signal: Signal) -> bool {
    matches!(signal, Signal::Start | Signal::PlannedStop | Signal::PlannedRestart | Signal::Takeover)
}

/// Shows the recorder what was read of the past.
fn show_past(
    observer: &mut Observer,
    at: Timestamp,
    evidence: &Evidence,
    files: &BTreeMap<&'static str, Value>,
) {
    let file = match evidence {
        Evidence::Log { signal, stamp: Some(stamp), proof, .. } => {
            let block = lines_of_past(*signal, *stamp, &proof.line);
            return observer(at, Observed::Lines { log: &proof.source, block: block.as_bytes() });
        }
        Evidence::PidFile(_) => PID_FILE,
        Evidence::StateFile(_) => STATE_FILE,
        Evidence::Heartbeat { .. } => HEARTBEAT,
        Evidence::Detached(_) => DETACHED,
        known => return observer(at, Observed::Known(known)),
    };
    observer(at, Observed::File { file, json: files.get(file) });
}

/// Of the past single lines are kept. Where a line means something only by the record that it stood in, or stands for
/// many, a line of ours says so.
fn lines_of_past(signal: Signal, stamp: DateTime, line: &str) -> String {
    let stamp = stamp.strftime("%Y-%m-%d %H:%M:%S,%3f");
    match signal {
        Signal::Info => format!("{stamp} INFO gatelight: records at INFO are written\n"),
        Signal::Record => format!("{stamp} WARNING gatelight: records are written\n"),
        _ if super::line::head(line.as_bytes()).is_some() => format!("{line}\n"),
        _ => format!("{stamp} ERROR gatelight: [Feishu] the end of a record\n{line}\n"),
    }
}

enum Content {
    Gone,
    Json(Value),
    Unusable,
}

impl StateFileWatch {
    /// What the file holds, if it changed since the last look.
    fn read(&mut self, path: &Path) -> Option<Content> {
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                self.unusable = false;
                return self.seen.take().map(|_| Content::Gone);
            }
            // a volume that does not answer, a folder that was closed to us: that says nothing of the file
            Err(_) => return None,
        };
        if !meta.is_file() || meta.size() > state_files::MOST_BYTES {
            return None;
        }
        let seen = Seen::of(&meta);
        if self.seen.as_ref() == Some(&seen) && !self.unusable {
            return None;
        }
        self.seen = Some(seen);
        let json = read_bounded(path, state_files::MOST_BYTES).and_then(|bytes| {
            // Some markers are empty files: being there is all that they say.
            if bytes.is_empty() { Some(Value::Null) } else { state_files::parse(&bytes) }
        });
        self.unusable = json.is_none();
        Some(json.map_or(Content::Unusable, Content::Json))
    }

    fn changed(&mut self, path: &Path) -> bool {
        let seen = std::fs::metadata(path).ok().filter(Metadata::is_file).map(|meta| Seen::of(&meta));
        let changed = seen.is_some() && seen != self.seen;
        self.seen = seen;
        changed
    }
}

fn open_regular(path: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(open(path, flags, Mode::empty()).ok()?);
    file.metadata().ok()?.is_file().then_some(file)
}

/// Whether there is something that we may not read.
fn is_denied(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    matches!(access(path, Access::READ_OK), Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM))
}

fn read_bounded(path: &Path, most: u64) -> Option<Vec<u8>> {
    let file = open_regular(path)?;
    // room for what is expected and its end: a heartbeat is one read, not four
    let size = file.metadata().ok()?.size().min(most);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The last bytes of a file, without the first line if it is not whole.
fn read_end(path: &Path, most: u64) -> Option<String> {
    use std::io::{Seek, SeekFrom};
    let mut file = open_regular(path)?;
    let size = file.metadata().ok()?.size();
    let from = size.saturating_sub(most);
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    if from > 0 {
        let whole = memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1);
        bytes.drain(..whole);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_young(path: &Path, now: Timestamp) -> bool {
    modified(path).is_some_and(|at| now.duration_since(at).unsigned_abs() <= MARKER_LIFE)
}

fn modified(path: &Path) -> Option<Timestamp> {
    Timestamp::try_from(std::fs::metadata(path).ok()?.modified().ok()?).ok()
}

fn is_stopped(evidence: &Evidence) -> bool {
    matches!(evidence, Evidence::Process { state: ProcessState::Stopped, .. })
}

/// The same process at its start, when it ran: since when it has been stopped, nobody saw.
fn as_it_began(evidence: &Evidence) -> Evidence {
    let mut begun = evidence.clone();
    if let Evidence::Process { state, .. } = &mut begun {
        *state = ProcessState::Running;
    }
    begun
}

fn evidence_of(info: &ProcessInfo) -> Evidence {
    Evidence::Process {
        pid: info.pid,
        start: Some(info.start),
        started_at: Some(info.started_at),
        state: info.state,
        exit: None,
    }
}
