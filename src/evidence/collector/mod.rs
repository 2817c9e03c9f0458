//! Reads one home into [`Evidence`]: its logs, the gateway's own files, its processes. Judges nothing.
//!
//! [`Collector::attach`] reads the past, [`Collector::poll`] what is new since.

mod backward;
mod folders;
mod home_files;
mod logs;
mod observer;
mod past;
mod processes;
mod updates;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::accounts::Accounts;
use super::clock::Moment;
use super::locks::{self, LockFolder};
use super::patterns::Patterns;
use super::process::{self, ProcessInfo};
use super::{state_files, version, volume};
use crate::files;
use crate::health::Evidence;
use crate::health::evidence::{FileIdentity, Lock};
use crate::profile::{Profile, homes};
use backward::Wanted;
use folders::Folders;
use home_files::{Contents, FileRead, HomeFiles};
pub(crate) use logs::BRIDGE_LOG;
use logs::Logs;
use observer::Emitter;
pub use observer::{Observed, Observer};
pub use past::Past;
pub(crate) use past::recorded;
use processes::Processes;
use updates::Updates;

/// Tolerance when log timestamps are compared with the start of the process: both are rounded.
const START_TOLERANCE: Duration = Duration::from_secs(2);

/// What the service manager said about the job's process before the past is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobProcess {
    /// This is the gateway's process.
    Pid(u32),
    /// There is none, or no manager to ask.
    None,
    /// The manager has not answered.
    Unknown,
}

/// What [`Collector::poll`] found besides evidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Polled {
    /// There is more to read: poll again at once.
    pub more: bool,
    /// A log or a file of the home changed; heartbeats do not count.
    pub news: bool,
}

/// What one read of a home covers.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// When it began.
    pub now: Moment,
    /// Which files.
    pub files: Files,
    /// Check also whether this process has child processes.
    pub children_of: Option<u32>,
}

/// The files that a read covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Files {
    /// None: the processes alone.
    None,
    /// Those in folders that may not be watched: heartbeats, and the files of the cron scheduler.
    Beats,
    /// Those that existed at the last read, and missing ones in folders where a name came or went.
    Known,
    /// All of them.
    All,
}

/// Reads one home.
pub struct Collector {
    /// Another profile has the same home: the files may be about either gateway, so they are not read.
    shares_home: bool,
    logs: Logs,
    files: HomeFiles,
    folders: Folders,
    processes: Processes,
    updates: Updates,
    locks: Locks,
    /// The process whose child processes were checked last, and whether it had any.
    children: Option<(u32, bool)>,
    observer: Option<Observer>,
}

impl Collector {
    /// Reads the past of a home and begins to follow it. May take long, and blocks as long as the volume does.
    pub fn attach(
        profile: &Profile,
        patterns: &Arc<Patterns>,
        zone: &TimeZone,
        now: Moment,
        job: JobProcess,
        observer: Option<Observer>,
    ) -> (Self, Past) {
        // of the profiles that share a home, the scan gives none the standard logs
        let shares_home = !profile.logs.contains(&profile.logs_folder().join("agent.log"));
        // first: what comes after this shows in its folder
        let mut folders = Folders::of(profile);
        let _noted = folders.are_unchanged();
        let mut files = HomeFiles::new(profile, patterns);
        let read = if shares_home { Vec::new() } else { files.read_first(now.at) };
        let (processes, seen) = first_processes(&read, job, now.at);
        let version = read.iter().find_map(version_of);
        let started_at = processes.oldest_start();
        let state = read.iter().find_map(|file| match &file.evidence {
            Some(Evidence::StateFile(state)) => Some(state),
            _ => None,
        });
        let server = if processes.is_empty() { server_start(profile) } else { None };
        let wanted = server.map_or_else(|| Wanted::of(state, started_at), Wanted::Since);
        let (mut logs, log_past) = Logs::open(&profile.logs, patterns, zone, now, started_at, wanted);
        let mut locks = Locks::of(profile);
        let _ = locks.changed(&processes);
        let newest = files.newest().into_iter().chain(logs.newest()).max();
        let found = past::Found {
            now: now.at,
            started_at,
            newest,
            processes: seen,
            files: read,
            logs: log_past,
            locks: locks.held.clone(),
            unreadable: logs.changed_troubles(),
            is_gone: processes.is_empty() && job != JobProcess::Unknown,
            shares_home,
        };
        let (mut past, contents) = past::assemble(found);
        let mut updates = Updates::new(profile.home.clone());
        let mut found = Vec::new();
        let mut emit = Emitter { now: now.at, observer: &mut None, out: &mut found };
        updates.poll(now, !processes.any_live(), &mut emit);
        past.extend(version.into_iter().chain(found).map(|evidence| (now.at, evidence)));
        let mut observer = observer;
        if let Some(observer) = &mut observer {
            // in the order in which it is judged
            for (at, evidence) in &past {
                observer::show_past(observer, *at, evidence, &contents);
            }
        }
        let children = None;
        let collector =
            Self { shares_home, logs, files, folders, processes, updates, locks, children, observer };
        (collector, past)
    }

    /// Reads what is new.
    pub fn read(&mut self, request: &Request, out: &mut Vec<Evidence>) -> Polled {
        let now = request.now;
        let polled = match request.files {
            Files::None => Polled::default(),
            Files::Beats => {
                self.poll_beats(now.at, out);
                Polled::default()
            }
            files => self.poll(now, files == Files::All, out),
        };
        self.poll_processes(now, out);
        if let Some(pid) = request.children_of {
            self.poll_children(pid, now.at, out);
        }
        polled
    }

    /// Reads what is new in the files. `expected`: a change was reported; otherwise missing files are not looked for as
    /// long as no name in their folder came or went.
    pub fn poll(&mut self, now: Moment, expected: bool, out: &mut Vec<Evidence>) -> Polled {
        // checked in any case, so that it is up to date
        let skip_missing = self.folders.are_unchanged() && !expected;
        let mut emit = Emitter { now: now.at, observer: &mut self.observer, out };
        let mut polled = self.logs.poll(now, skip_missing, &mut emit);
        let processes = &self.processes;
        let opened = self.logs.read_opened(now, || processes.oldest_start());
        for (at, event) in opened.events {
            let evidence = event.into_evidence();
            if let Some(observer) = &mut emit.observer {
                observer::show_past(observer, at, &evidence, &home_files::FirstContents::new());
            }
            emit.out.push(evidence);
        }
        if !self.shares_home {
            for file in self.files.read_changed(now.at, skip_missing) {
                polled.news |= file.is_news();
                // a gateway takes its locks while it connects, and says in its state file that it does
                let may_lock = file.file == home_files::STATE_FILE;
                emit_file(file, &mut self.processes, &mut emit);
                if may_lock && let Some(locks) = self.locks.changed(&self.processes) {
                    emit.known(Evidence::Locks(locks));
                }
            }
        }
        if let Some(unreadable) = self.logs.changed_troubles() {
            emit.known(Evidence::Unreadable(unreadable));
        }
        polled
    }

    fn poll_beats(&mut self, now: Timestamp, out: &mut Vec<Evidence>) {
        // without a process, heartbeats mean nothing
        if self.shares_home || self.processes.is_empty() {
            return;
        }
        let mut emit = Emitter { now, observer: &mut self.observer, out };
        for file in self.files.read_below_home(now) {
            emit_file(file, &mut self.processes, &mut emit);
        }
    }

    /// Checks the tracked processes: alive, stopped, zombie, gone. While there is none, an update of Hermes may be why.
    pub fn poll_processes(&mut self, now: Moment, out: &mut Vec<Evidence>) {
        let mut emit = Emitter { now: now.at, observer: &mut self.observer, out };
        self.processes.poll(&mut emit);
        self.updates.poll(now, !self.processes.any_live(), &mut emit);
    }

    /// Checks whether this process has child processes.
    pub fn poll_children(&mut self, pid: u32, now: Timestamp, out: &mut Vec<Evidence>) {
        let runs = |child: u32| process::state(child).is_some_and(|(_, state)| state.is_live());
        let found = process::descendants(pid).into_iter().any(runs);
        if self.children.replace((pid, found)) != Some((pid, found)) {
            self.add(Evidence::Children(found), now, out);
        }
    }

    /// Tracks this process from now on, if it exists.
    pub fn track(&mut self, pid: u32, now: Timestamp, out: &mut Vec<Evidence>) {
        self.processes.track(pid, None, &mut Emitter { now, observer: &mut self.observer, out });
    }

    /// Adds evidence that comes from elsewhere (the service manager, the machine's sleep), for the observer to see.
    pub fn add(&mut self, evidence: Evidence, now: Timestamp, out: &mut Vec<Evidence>) {
        Emitter { now, observer: &mut self.observer, out }.known(evidence);
    }

    /// When an unfinished line is to be read as a complete one; `None` if there is none.
    pub fn next_flush(&self) -> Option<Instant> {
        self.logs.next_flush()
    }

    /// Whether everything that is read lies on local disks, so that no read blocks for long. Blocks as long as one of the
    /// volumes does.
    pub fn is_local(&self) -> bool {
        let files = self.files.paths().chain(self.logs.paths().map(Path::to_path_buf));
        let folders = [self.updates.root().to_path_buf(), self.locks.folder.path().to_path_buf()]
            .into_iter()
            .chain(self.folders.paths());
        files.chain(folders).all(|path| volume::is_local(&path))
    }

    /// Whether an update of Hermes is looked for or followed.
    pub fn seeks_update(&self, now: Instant) -> bool {
        self.updates.are_sought(now)
    }

    /// The tracked processes, with their start times.
    pub fn processes(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.processes.ids()
    }
}

/// The processes that the files of a home and the service manager name, and the evidence of them.
fn first_processes(read: &[FileRead], job: JobProcess, now: Timestamp) -> (Processes, Vec<Evidence>) {
    let (mut processes, mut seen) = (Processes::default(), Vec::new());
    let mut emit = Emitter { now, observer: &mut None, out: &mut seen };
    for file in read {
        track_writer(file, &mut processes, &mut emit);
    }
    if let JobProcess::Pid(pid) = job {
        processes.track(pid, None, &mut emit);
    }
    (processes, seen)
}

/// The process that wrote a file, if it still exists.
fn process_of(writer: FileIdentity) -> Option<ProcessInfo> {
    process::look(writer.pid).filter(|info| writer.is_of(info.pid, Some(info.start)))
}

/// When the gateway of the root was started, which may serve this profile; `None`: it does not run.
fn server_start(profile: &Profile) -> Option<Timestamp> {
    let root = homes::root_of(&profile.home)?;
    [home_files::PID_FILE, home_files::STATE_FILE].into_iter().find_map(|file| {
        let json = state_files::parse(&files::read(&root.join(file), state_files::MAX_BYTES).ok()?)?;
        let writer = state_files::identity(&json)?;
        process_of(writer).filter(|info| info.state.is_live()).map(|info| info.started_at)
    })
}

/// The version of Hermes that the process in `gateway.pid` runs. Emitted after the evidence of that process.
fn version_of(file: &FileRead) -> Option<Evidence> {
    let (Some(Evidence::PidFile(Some(writer))), Contents::Json(json)) = (&file.evidence, &file.contents)
    else {
        return None;
    };
    let info = process_of(*writer)?;
    let module = json.get("argv").and_then(|argv| argv.get(0)?.as_str()).map(Path::new);
    let version = version::of_process(module, &info.command, info.started_at);
    version.map(|version| Evidence::Version(Some(version)))
}

/// Tracks the process that a file names.
fn track_writer(file: &FileRead, processes: &mut Processes, emit: &mut Emitter<'_>) {
    match &file.evidence {
        Some(Evidence::PidFile(Some(writer))) => processes.track(writer.pid, writer.start, emit),
        Some(Evidence::StateFile(state)) if processes.is_empty() => {
            processes.track(state.pid, state.start, emit);
        }
        _ => {}
    }
}

fn emit_file(file: FileRead, processes: &mut Processes, emit: &mut Emitter<'_>) {
    match &file.contents {
        Contents::Gone => emit.observe(&Observed::File { file: file.file, json: None }),
        Contents::Json(json) => emit.observe(&Observed::File { file: file.file, json: Some(json) }),
        Contents::Unusable | Contents::Text => {}
    }
    // the process first: the evidence of the file then refers to a known one
    track_writer(&file, processes, emit);
    let version = version_of(&file);
    match (file.contents, file.evidence) {
        (Contents::Text, Some(evidence)) => emit.known(evidence),
        (_, evidence) => emit.out.extend(evidence),
    }
    if let Some(version) = version {
        emit.known(version);
    }
}

/// The locks that the gateway's processes hold.
struct Locks {
    folder: LockFolder,
    accounts: Accounts,
    /// Those that were reported last.
    held: Vec<Lock>,
}

impl Locks {
    fn of(profile: &Profile) -> Self {
        let folder = LockFolder::new(lock_folder(profile));
        Self { folder, accounts: Accounts::new(profile), held: Vec::new() }
    }

    /// The locks that are held now, if they changed since the last call.
    fn changed(&mut self, processes: &Processes) -> Option<Vec<Lock>> {
        let mut locks = self.folder.held_by(processes.ids());
        let is_same =
            |(old, new): (&Lock, &Lock)| (&old.scope, &old.id, old.pid) == (&new.scope, &new.id, new.pid);
        if locks.len() == self.held.len() && self.held.iter().zip(&locks).all(is_same) {
            return None;
        }
        self.accounts.name_owners(&mut locks);
        self.held.clone_from(&locks);
        Some(locks)
    }
}

/// The folder of the locks as the gateway finds it: by the environment of its job, else ours.
fn lock_folder(profile: &Profile) -> PathBuf {
    let job = profile.job.as_ref();
    let var =
        |name: &str| job.and_then(|job| job.env(name)).map(Into::into).or_else(|| std::env::var_os(name));
    locks::folder(&std::env::home_dir().unwrap_or_default(), var)
}

/// The earliest timestamp that a record of a process with this start can have.
fn less_tolerance(started_at: Timestamp) -> Timestamp {
    started_at.saturating_sub(START_TOLERANCE).unwrap_or(started_at)
}
