//! The search for profiles. It accesses every home, and a volume that does not answer blocks it: so it runs on a
//! separate thread, one search at a time. If the first search does not end soon, a second one uses the job files alone,
//! so that a blocked home delays the lights of the others by [`PATIENCE`] at most.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use tokio::sync::mpsc;

use super::readers::gateway_of;
use super::{Event, Setup};
use crate::order::Collect as _;
use crate::profile::{self, BadJobFile, Found, JobFile, Places, Profile};
use crate::supervisor::JobReport;
use crate::text::profile::SEARCH_BLOCKED;
use crate::worker;

/// How long the first search may take before another one uses the job files alone. Our choice: a search takes
/// milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// A first search that has not ended after this time counts as blocked, as for the past of a home.
const BLOCKED_AFTER: Duration = Duration::from_secs(8);

/// Most searches in a row, while each finds something new to watch.
const MAX_IN_A_ROW: usize = 4;

/// What a search covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Job files alone: no home is accessed.
    JobFiles,
    /// Job files and homes.
    Homes,
}

/// The result of a search.
pub(super) struct Outcome {
    reach: Reach,
    found: Found,
    /// Folders in which a home may appear.
    possible_homes: Vec<PathBuf>,
    /// Homes of jobs by label, as found by their processes.
    job_homes: BTreeMap<String, PathBuf>,
    /// Some folder could not be listed.
    incomplete: bool,
}

/// The searches, and the result of the last one.
#[expect(clippy::struct_excessive_bools, reason = "each is a separate condition for the next search")]
pub(super) struct Scan {
    /// Job files that could not be parsed.
    pub bad_files: Vec<BadJobFile>,
    /// Folders in which a home may appear.
    pub possible_homes: Vec<PathBuf>,
    /// The last search could not list every folder: it is repeated at the next poll.
    pub incomplete: bool,
    job_homes: BTreeMap<String, PathBuf>,
    /// The processes of jobs by label, as their managers named them.
    job_processes: BTreeMap<String, BTreeSet<u32>>,
    begun: Instant,
    wanted: bool,
    /// A search of the homes is running.
    running: bool,
    /// The search by job files alone was started.
    fell_back: bool,
    /// The widest reach of the searches that have ended.
    ended: Option<Reach>,
    /// See [`Scan::is_settled`].
    settled: bool,
    /// Searches in a row that found something new to watch.
    in_a_row: usize,
}

impl Scan {
    /// The state before the first search, which is due at once.
    pub(super) fn new() -> Self {
        Self {
            bad_files: Vec::new(),
            possible_homes: Vec::new(),
            incomplete: false,
            job_homes: BTreeMap::new(),
            job_processes: BTreeMap::new(),
            begun: Instant::now(),
            wanted: true,
            running: false,
            fell_back: false,
            ended: None,
            settled: false,
            in_a_row: 0,
        }
    }

    /// Requests a search. If one is running, another one follows: the running one may miss the reason for this request.
    pub(super) fn request(&mut self) {
        self.wanted = true;
    }

    /// Starts the search that is due. It ends with an [`Event::Scanned`].
    pub(super) fn start_due(&mut self, setup: &Setup, now: Instant, events: &mpsc::Sender<Event>) {
        if self.wanted && !self.running {
            self.running = self.start(Reach::Homes, setup, events);
            self.wanted = !self.running;
        }
        if self.ended.is_none() && !self.fell_back && now >= self.begun + PATIENCE {
            self.fell_back = self.start(Reach::JobFiles, setup, events);
        }
    }

    /// Searches on a new thread, which is never joined. Returns `false` if none can be started now.
    fn start(&self, reach: Reach, setup: &Setup, events: &mpsc::Sender<Event>) -> bool {
        let places = Places { job_homes: self.job_homes.clone(), ..setup.places.clone() };
        let (given, processes) = (setup.given.clone(), self.job_processes.clone());
        let events = events.clone();
        let work = move || {
            let search = || Box::new(search(reach, places, given, &processes));
            let outcome = catch_unwind(AssertUnwindSafe(search)).ok();
            // the watcher may have ended
            let _ = events.blocking_send(Event::Scanned(outcome));
        };
        std::thread::Builder::new().name("scan".to_owned()).spawn(work).is_ok()
    }

    /// Takes the result of a search; `None`: it panicked. Returns the profiles to monitor from now on; `None`: no
    /// change.
    pub(super) fn take(&mut self, outcome: Option<Box<Outcome>>, any_known: bool) -> Option<Vec<Profile>> {
        let Some(outcome) = outcome else {
            self.running = false;
            self.incomplete = true;
            return None;
        };
        if outcome.reach == Reach::Homes {
            self.running = false;
        } else if self.ended.is_some() {
            // the search of the homes was faster
            return None;
        }
        self.ended = self.ended.max(Some(outcome.reach));
        self.incomplete = outcome.incomplete;
        if self.incomplete && any_known {
            return None;
        }
        self.possible_homes = outcome.possible_homes;
        self.job_homes = outcome.job_homes;
        self.bad_files = outcome.found.bad;
        Some(outcome.found.profiles)
    }

    /// Notes after a search whether something new is watched. Changes there were not reported until then, so another
    /// search follows.
    pub(super) fn note_new_watches(&mut self, any_new: bool) {
        self.in_a_row = if any_new { self.in_a_row + 1 } else { 0 };
        if any_new && self.in_a_row < MAX_IN_A_ROW {
            self.request();
        }
    }

    /// Notes the processes of a job: the job belongs to the home whose `gateway.pid` names one of them. Returns whether
    /// a search may now find another home for the job.
    pub(super) fn note_processes(&mut self, job: &JobFile, report: &JobReport) -> bool {
        let pids: BTreeSet<u32> = report.pid.into_iter().chain(gateway_of(report)).to_set();
        if pids.is_empty() {
            return false;
        }
        let before = self.job_processes.insert(job.label.clone(), pids);
        before.as_ref() != self.job_processes.get(&job.label)
    }

    /// Whether the search ended or is blocked, and the `monitors` were settled at that time: until then the answer of a
    /// service manager may cause another search. Stays true.
    pub(super) fn is_settled(&mut self, now: Instant, monitors: bool) -> bool {
        let found = self.ended.is_some() && !self.running && !self.wanted;
        self.settled |= monitors && (found || now >= self.begun + BLOCKED_AFTER);
        self.settled
    }

    /// Whether a search of the homes has ended.
    pub(super) fn is_complete(&self) -> bool {
        self.ended == Some(Reach::Homes)
    }

    /// When the next turn is due if no event comes.
    pub(super) fn next_turn(&self, now: Instant) -> Option<Instant> {
        let times = [self.begun + PATIENCE, self.begun + BLOCKED_AFTER];
        times.into_iter().filter(|at| !self.settled && *at > now).min()
    }

    /// The job files that cannot be used, and the user's home while the search is blocked.
    pub(super) fn problems(&self, places: &Places, now: Instant) -> Vec<BadJobFile> {
        let blocked = !self.is_complete() && now >= self.begun + BLOCKED_AFTER;
        let entry = || BadJobFile { path: places.user_home.clone(), reason: SEARCH_BLOCKED.into() };
        self.bad_files.iter().cloned().chain(blocked.then(entry)).collect()
    }
}

fn search(
    reach: Reach,
    mut places: Places,
    given: Vec<Profile>,
    processes: &BTreeMap<String, BTreeSet<u32>>,
) -> Outcome {
    if reach == Reach::Homes {
        worker::test_block("scan");
    }
    let mut found = match reach {
        _ if !given.is_empty() => Found { profiles: given, bad: Vec::new() },
        Reach::Homes => profile::scan(&places),
        Reach::JobFiles => profile::scan_job_files(&places),
    };
    if reach == Reach::JobFiles {
        let (possible_homes, job_homes) = (Vec::new(), places.job_homes);
        return Outcome { reach, found, possible_homes, job_homes, incomplete: false };
    }
    let moved = homes_by_process(&found, processes);
    if !moved.is_empty() {
        places.job_homes.extend(moved);
        found = profile::scan(&places);
    }
    let possible_homes = profile::possible_homes(&places);
    Outcome { reach, found, possible_homes, job_homes: places.job_homes, incomplete: no_descriptors() }
}

/// The homes of jobs whose processes run the gateway of another home than their files say, by label.
fn homes_by_process(found: &Found, processes: &BTreeMap<String, BTreeSet<u32>>) -> BTreeMap<String, PathBuf> {
    profile::homes_by_pid(found, &|job, pid| {
        let Some(pids) = processes.get(&job.label).filter(|pids| pids.contains(&pid)) else { return false };
        let own = found.profiles.iter().find(|profile| profile.label() == Some(&job.label));
        let names_it = |home| profile::gateway_pid(home).is_some_and(|pid| pids.contains(&pid));
        !own.is_some_and(|own| names_it(&own.home))
    })
}

/// Whether folders cannot be listed now because no descriptors are free.
fn no_descriptors() -> bool {
    // a scan has three files open at once
    let tried = [(); 3].map(|()| std::fs::File::open("/"));
    tried.iter().any(|file| {
        let error = file.as_ref().err().and_then(Errno::from_io_error);
        matches!(error, Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
    })
}
