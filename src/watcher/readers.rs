//! Reads homes on separate threads: the past of each new one, and all of one on a volume that may stop answering. A
//! read may block, on such a volume or while the system asks the user for permission, and must not delay other
//! profiles.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use super::live::Errand;
use super::monitor_id::MonitorId;
use super::{Event, JobAnswer};
use crate::evidence::clock::Moment;
use crate::evidence::collector::{Collector, JobProcess, Observer, Past};
use crate::evidence::patterns::Patterns;
use crate::evidence::process;
use crate::profile::Profile;
use crate::supervisor::JobReport;
use crate::worker;

/// Most homes that are read at the same time.
const MAX_READERS: usize = 32;

/// Stack of a reader, in bytes. glibc keeps the stacks of ended threads, 40 MB of them (nptl/nptl-stack.c,
/// `stack_cache_maxsize`), each with 20 kB in memory; of larger stacks it keeps fewer. What is not used takes no memory.
const STACK: usize = 16 << 20;

/// A request to read the past of a home.
pub(super) struct Request {
    pub id: MonitorId,
    pub profile: Arc<Profile>,
    /// There is a service manager to ask.
    pub has_manager: bool,
    /// Its answer, if it has come.
    pub answer: Option<JobAnswer>,
}

/// The past of a home.
pub(super) struct PastReading {
    pub collector: Box<Collector>,
    /// All files are on local disks.
    pub local: bool,
    pub past: Past,
}

/// The result of reading a past; `None`: the thread panicked.
pub(super) type Outcome = Option<Box<PastReading>>;

/// The threads that read.
pub(super) struct Readers {
    active: usize,
    events: mpsc::Sender<Event>,
}

impl Readers {
    pub(super) fn new(events: mpsc::Sender<Event>) -> Self {
        Self { active: 0, events }
    }

    pub(super) fn is_free(&self) -> bool {
        self.active < MAX_READERS
    }

    /// Notes that a thread has ended: its [`Event::PastRead`] or [`Event::Read`] has arrived.
    pub(super) fn end(&mut self) {
        self.active = self.active.saturating_sub(1);
    }

    /// Reads a past on a new thread, which is never joined: a blocked one does not delay the end of the program. It
    /// ends with an [`Event::PastRead`]. Fails if no thread can be started now.
    pub(super) fn start(
        &mut self,
        request: Request,
        patterns: &Arc<Patterns>,
        zone: &TimeZone,
        now: Moment,
        observer: Option<Observer>,
    ) -> std::io::Result<()> {
        let (events, patterns, zone) = (self.events.clone(), Arc::clone(patterns), zone.clone());
        let id = request.id;
        let read = move || {
            worker::test_block(&request.profile.name);
            let job = job_process(&request);
            let (collector, past) = Collector::attach(&request.profile, &patterns, &zone, now, job, observer);
            let local = collector.is_local();
            Box::new(PastReading { collector: Box::new(collector), local, past })
        };
        let work = move || {
            let outcome = catch_unwind(AssertUnwindSafe(read)).ok();
            // the watcher may have ended
            let _ = events.blocking_send(Event::PastRead(id, outcome));
        };
        reader("past").spawn(work)?;
        self.active += 1;
        Ok(())
    }

    /// Runs an errand on a new thread in the same way; it ends with an [`Event::Read`]. Returns the errand if no thread
    /// can be started now.
    pub(super) fn run(&mut self, id: MonitorId, errand: Errand) -> Result<(), Errand> {
        let events = self.events.clone();
        // sent once the thread runs: a closure that is not started would drop the errand
        let (hand_over, handed) = sync_channel::<Errand>(1);
        let work = move || {
            let Ok(errand) = handed.recv() else { return };
            let reading = catch_unwind(AssertUnwindSafe(|| Box::new(errand.run()))).ok();
            let _ = events.blocking_send(Event::Read(id, reading));
        };
        if reader("read").spawn(work).is_err() {
            return Err(errand);
        }
        self.active += 1;
        hand_over.send(errand).map_err(|lost| lost.0)
    }
}

fn reader(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned()).stack_size(STACK)
}

/// The gateway's process, from the manager's answer.
fn job_process(request: &Request) -> JobProcess {
    match &request.answer {
        Some(JobAnswer::Report(report)) => gateway_of(report).map_or(JobProcess::None, JobProcess::Pid),
        _ if !request.has_manager => JobProcess::None,
        // a gateway that leaves such files is found by them, so no answer of the manager is needed
        _ if names_itself(&request.profile) => JobProcess::None,
        _ => JobProcess::Unknown,
    }
}

/// The PID of the gateway: the job's process, or a process below it if that is a wrapper.
pub(super) fn gateway_of(report: &JobReport) -> Option<u32> {
    let pid = report.pid?;
    Some(process::find_gateway(pid).map_or(pid, |info| info.pid))
}

/// Whether the home has files in which a gateway names its process.
fn names_itself(profile: &Profile) -> bool {
    let own = profile.logs.contains(&profile.logs_folder().join("agent.log"));
    own && ["gateway.pid", "gateway.lock", "gateway_state.json"]
        .iter()
        .any(|file| profile.home.join(file).exists())
}
