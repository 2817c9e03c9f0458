//! Puts what was read of the past in the order in which it is judged.

use jiff::Timestamp;

use super::backward::Reach;
use super::home_files::{Contents, FileRead, FirstContents};
use super::logs::{LogPast, split_at_start};
use crate::evidence::log_event::Dated;
use crate::health::evidence::Lock;
use crate::health::{Evidence, ProcessState, Proof, Signal, Unreadable};
use crate::order::Order as _;

/// Evidence with times in ascending order, so that the pasts of several homes can be merged.
pub type Past = Vec<(Timestamp, Evidence)>;

/// Results of the first read of a home.
pub(super) struct Found {
    pub now: Timestamp,
    /// Start of the oldest process.
    pub started_at: Option<Timestamp>,
    /// Newest modification time of the files of this gateway.
    pub newest: Option<Timestamp>,
    /// Evidence of processes.
    pub processes: Vec<Evidence>,
    pub files: Vec<FileRead>,
    pub logs: LogPast,
    /// The locks that the processes hold.
    pub locks: Vec<Lock>,
    /// The logs that cannot be read.
    pub unreadable: Option<Vec<Unreadable>>,
    /// There is certainly no process.
    pub is_gone: bool,
    /// Only the job's own log counts. If it is silent, it is unknown why: it may have been emptied.
    pub shares_home: bool,
}

/// Orders the evidence: a process comes before its lines, each line and file at the time of writing, and the current
/// state of the process last. Also returns the contents of the files, for the observer.
pub(super) fn assemble(found: Found) -> (Past, FirstContents) {
    let Found { now, started_at, newest, processes, files, logs, locks, unreadable, is_gone, shares_home } =
        found;
    let begun = started_at.unwrap_or(now).min(now);
    let newest = newest.unwrap_or(now).min(now).max(started_at.unwrap_or(Timestamp::MIN));
    let prior = PriorRuns::of(logs.before);
    let (written, starts, contents) = split_files(files);

    let mut past = Past::new();
    if !prior.takeovers.is_empty() {
        past.push((begun, Evidence::Takeovers(prior.takeovers)));
    }
    let at_its_start = |process: &Evidence| match start_of(process) {
        Some(start) => (start.clamp(begun, now), as_it_began(process)),
        None => (begun, process.clone()),
    };
    // the oldest before all else: the clocks of its start and of its first files are rounded differently
    let (oldest, mut wrote): (Past, Past) =
        processes.iter().map(at_its_start).partition(|(start, _)| *start == begun);
    past.extend(oldest);
    // the locks first: they tell how many links there are
    if !locks.is_empty() {
        past.push((begun, Evidence::Locks(locks)));
    }

    // when the process ended is unknown: it counts as gone since its last output
    let last_output = newest.max(logs.events.last().map_or(Timestamp::MIN, |(at, _)| *at));
    let silent_from_the_start = logs.events.is_empty();
    wrote.extend(logs.events.into_iter().map(|(at, event)| (at, event.into_evidence())));
    let cut = logs.reach.bounded && !logs.reach.to_start && !logs.reach.to_link;
    if cut || (shares_home && silent_from_the_start) {
        wrote.push((now, Evidence::HistoryTruncated));
    }
    // a stopped process has been inactive since its last output
    wrote.extend(processes.iter().filter(|process| is_stopped(process)).map(|one| (newest, one.clone())));
    wrote.extend(written);
    if is_gone {
        wrote.push((last_output, Evidence::NoProcess));
    }
    wrote.order_by_key(|(at, _)| *at);
    past.append(&mut wrote);

    past.extend(processes.into_iter().map(|process| (now, process)));
    past.extend(unreadable.map(|unreadable| (now, Evidence::Unreadable(unreadable))));
    // A start record may be about a process that no other file names yet, so it comes last.
    if let (None, Some(started_at), false) = (&starts, started_at, prior.starts.is_empty()) {
        let times = prior.starts.into_iter().chain([started_at]).collect();
        past.push((now, Evidence::Starts(times)));
    }
    past.extend(starts.map(|starts| (now, starts)));

    let mut latest = Timestamp::MIN;
    for (at, _) in &mut past {
        latest = latest.max(*at);
        *at = latest;
    }
    (past, contents)
}

/// What a recording holds of the past, in the order in which it is judged. `processes`: those that are there at `now`. `files`:
/// with the times at which they were written, where those are known. `events`: in the order of their times.
pub(crate) fn recorded(
    now: Timestamp,
    processes: Vec<Evidence>,
    files: Vec<(Option<Timestamp>, Evidence)>,
    events: Dated,
    locks: Vec<Lock>,
) -> Past {
    let started_at = processes.iter().filter_map(start_of).min();
    let (before, events) = match started_at {
        Some(started_at) => split_at_start(events, started_at),
        None => (Dated::new(), events),
    };
    let newest =
        files.iter().filter_map(|(written, _)| *written).chain(events.iter().map(|(at, _)| *at)).max();
    let read = |(written, evidence): (Option<Timestamp>, _)| FileRead {
        file: "",
        contents: Contents::Unusable,
        written: written.unwrap_or(now),
        evidence: Some(evidence),
    };
    let found = Found {
        now,
        started_at,
        newest,
        is_gone: processes.contains(&Evidence::NoProcess),
        processes: processes.into_iter().filter(|process| *process != Evidence::NoProcess).collect(),
        files: files.into_iter().map(read).collect(),
        logs: LogPast { events, before, reach: Reach::default() },
        locks,
        unreadable: None,
        shares_home: false,
    };
    assemble(found).0
}

/// When the process was started, if it is known.
const fn start_of(process: &Evidence) -> Option<Timestamp> {
    if let Evidence::Process { started_at, .. } = process { *started_at } else { None }
}

/// Splits the files into their evidence with its times, the start records, and the contents.
fn split_files(files: Vec<FileRead>) -> (Past, Option<Evidence>, FirstContents) {
    let (mut written, mut starts, mut contents) = (Past::new(), None, FirstContents::new());
    for file in files {
        if matches!(file.evidence, Some(Evidence::Starts(_))) {
            starts = file.evidence;
            continue;
        }
        if let (Contents::Json(json), true) = (file.contents, file.evidence.is_some()) {
            contents.insert(file.file, json);
        }
        written.extend(file.evidence.map(|evidence| (file.written, evidence)));
    }
    (written, starts, contents)
}

/// Starts and takeovers before the current process, oldest first: a crash loop spans several processes.
#[derive(Debug, Default)]
struct PriorRuns {
    /// Starts without a request.
    starts: Vec<Timestamp>,
    takeovers: Vec<Proof>,
}

impl PriorRuns {
    fn of(events: Dated) -> Self {
        let mut runs = Self::default();
        let mut planned = false;
        for (at, event) in events {
            match event.record.signal {
                Signal::Start if std::mem::take(&mut planned) => {}
                Signal::Start => runs.starts.push(at),
                Signal::PlannedStop | Signal::PlannedRestart => planned = true,
                Signal::Takeover => {
                    planned = true;
                    runs.takeovers.push(event.record.proof);
                }
                _ => {}
            }
        }
        runs
    }
}

const fn is_stopped(evidence: &Evidence) -> bool {
    matches!(evidence, Evidence::Process { state: ProcessState::Stopped, .. })
}

/// The same process, running: at its start it was not stopped yet.
fn as_it_began(evidence: &Evidence) -> Evidence {
    let mut begun = evidence.clone();
    if let Evidence::Process { state, .. } = &mut begun {
        *state = ProcessState::Running;
    }
    begun
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn process(pid: u32, started_at: Timestamp) -> Evidence {
        let state = ProcessState::Running;
        Evidence::Process { pid, start: None, started_at: Some(started_at), state, exit: None }
    }

    #[test]
    fn the_oldest_process_comes_before_the_files_and_its_heir_after_what_was_written_before_it() {
        let start = Timestamp::UNIX_EPOCH;
        let at = |millis| start + SignedDuration::from_millis(millis);
        for first_file in [-10, 0, 10] {
            let processes = vec![process(100, start), process(200, at(5_000))];
            let files = vec![
                (Some(at(first_file)), Evidence::PidFile(None)),
                (Some(at(6_000)), Evidence::Multiplex(true)),
            ];
            let past = recorded(at(9_000), processes.clone(), files, Dated::new(), Vec::new());
            let now = processes.iter().map(|process| (at(9_000), process.clone()));
            let expected: Past = [
                (start, process(100, start)),
                (at(first_file.max(0)), Evidence::PidFile(None)),
                (at(5_000), process(200, at(5_000))),
                (at(6_000), Evidence::Multiplex(true)),
            ]
            .into_iter()
            .chain(now)
            .collect();
            assert_eq!(past, expected, "the first file was written {first_file} ms after the start");
        }
    }
}
