//! A home that is followed: its collector, and the core that judges what the collector reads.
//!
//! A home on a volume that may stop answering is read by another thread, one read at a time. Nothing is judged
//! meanwhile.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::job_polling::JobPolling;
use super::schedule::Poll;
use super::{Given, Ignored, Settings};
use crate::evidence::clock::Moment;
use crate::evidence::collector::{Collector, Files, Past, Polled, Request};
use crate::health::{Change, Core, Evidence, ProfileName};
use crate::order::Order as _;

/// How long judging waits while there is more to read: a deadline may depend on what is read next.
const MAX_READING: Duration = Duration::from_secs(1);

/// As many pieces of evidence are judged even if there is more to read.
const MAX_BATCH: usize = 4096;

pub(super) struct Live {
    /// `None` while another thread reads with it.
    collector: Option<Box<Collector>>,
    pub core: Core,
    /// When time alone changes the verdict.
    pub deadline: Option<Timestamp>,
    /// When an unfinished line is to be read as a complete one.
    pub flush_at: Option<Instant>,
    /// Evidence that is not judged yet.
    pub batch: Vec<Evidence>,
    /// Evidence from other sources that came while another thread was reading.
    late: Vec<Evidence>,
    /// Since when there is more to read than one poll reads.
    unread_since: Option<Instant>,
    /// A file changed without an event, and no event has come since: files are polled more often.
    pub silent_change: bool,
    /// Some file is or may be on a remote volume: another thread reads, so that a volume which stops answering blocks
    /// no other profile.
    apart: bool,
    /// Since when another thread has been reading, or was needed while none was free.
    waits_since: Option<Instant>,
    /// A read was requested while none was possible.
    again: bool,
    /// When the read by another thread began that is still to be judged.
    read_at: Option<Moment>,
}

/// A read for another thread: the collector, and the request.
pub(super) struct Errand {
    collector: Box<Collector>,
    request: Request,
    cause: Cause,
}

/// Why something is read.
#[derive(Debug, Clone, Copy)]
struct Cause {
    /// An event said that something changed.
    reported: bool,
    /// A change was expected: it does not show that an event is missing.
    expected: bool,
}

/// The result of an [`Errand`].
pub(super) struct Reading {
    errand: Errand,
    batch: Vec<Evidence>,
    polled: Polled,
    is_local: bool,
}

impl Errand {
    /// Reads. Blocks while the volume does not answer.
    pub(super) fn run(mut self) -> Reading {
        let mut batch = Vec::new();
        let polled = self.collector.read(&self.request, &mut batch);
        let is_local = self.collector.is_local();
        Reading { errand: self, batch, polled, is_local }
    }
}

impl Reading {
    /// Whether the files were read, not only heartbeats or processes.
    pub(super) fn is_complete(&self) -> bool {
        self.errand.request.files >= Files::Known
    }
}

impl Live {
    /// Judges the past of a home, and follows it from now on. `local`: all files are on local disks.
    pub(super) fn start(
        profile: ProfileName,
        (collector, local): (Box<Collector>, bool),
        pasts: Vec<Past>,
        given: Given<'_>,
        now: Moment,
    ) -> (Self, Vec<Change>) {
        let (core, changes) = play(profile, given, pasts, now.at);
        let mut live = Self {
            collector: Some(collector),
            core,
            deadline: None,
            flush_at: None,
            batch: Vec::new(),
            late: Vec::new(),
            // what was written while the past was read has not been read yet
            unread_since: Some(now.instant),
            silent_change: false,
            apart: !local,
            waits_since: None,
            again: false,
            read_at: None,
        };
        live.note_deadlines();
        (live, changes)
    }

    /// Whether there is more to read now.
    pub(super) const fn has_unread(&self) -> bool {
        (self.unread_since.is_some() || self.again) && self.waits_since.is_none()
    }

    /// Since when it has been waiting for a read by another thread; `None` if it is not.
    pub(super) const fn waits_since(&self) -> Option<Instant> {
        self.waits_since
    }

    /// Whether another thread reads its files.
    pub(super) const fn is_apart(&self) -> bool {
        self.apart
    }

    /// Notes that its files may be on another volume now.
    pub(super) const fn expect_any_volume(&mut self) {
        self.apart = true;
    }

    /// The processes of the gateway; none while another thread reads.
    pub(super) fn processes(&self) -> impl Iterator<Item = (u32, u64)> {
        self.collector.iter().flat_map(|collector| collector.processes())
    }

    /// Whether there is neither a process whose state could change without an event, nor an update to look for.
    pub(super) fn nothing_runs(&self, now: Instant) -> bool {
        let collector = self.collector.as_ref();
        collector
            .is_some_and(|collector| collector.processes().next().is_none() && !collector.seeks_update(now))
    }

    /// Adds evidence from another source than its files.
    pub(super) fn add(&mut self, evidence: Evidence, now: Timestamp) {
        match &mut self.collector {
            Some(collector) => collector.add(evidence, now, &mut self.batch),
            None => self.late.push(evidence),
        }
    }

    /// The collector and the batch, unless another thread reads.
    pub(super) fn here(&mut self) -> Option<(&mut Collector, &mut Vec<Evidence>)> {
        Some((self.collector.as_mut()?, &mut self.batch))
    }

    /// Reads what this turn requires. `reported`: an event said that something changed. `unwatched`: not all of its
    /// files are watched. `is_free`: another thread may be started. Returns the read for another thread, if it needs
    /// one.
    pub(super) fn read(
        &mut self,
        now: Moment,
        reported: bool,
        poll: Poll,
        unwatched: bool,
        is_free: bool,
    ) -> Option<Errand> {
        let (request, cause) = self.request(now, reported, poll, unwatched)?;
        if self.read_at.is_some() || self.collector.is_none() {
            // judge the last read first: otherwise a deadline would request reads forever
            self.again |= reported || poll > Poll::Events;
            return None;
        }
        if self.apart {
            self.waits_since.get_or_insert(now.instant);
            self.again = !is_free;
            let collector = self.collector.take_if(|_| is_free)?;
            return Some(Errand { collector, request, cause });
        }
        self.again = false;
        self.waits_since = None;
        let polled = self.collector.as_mut()?.read(&request, &mut self.batch);
        self.note_read(&request, cause, polled);
        None
    }

    /// The read that this turn requires, if any.
    fn request(&self, now: Moment, reported: bool, poll: Poll, unwatched: bool) -> Option<(Request, Cause)> {
        let due =
            self.deadline.is_some_and(|at| at <= now.at) || self.flush_at.is_some_and(|at| at <= now.instant);
        let announced = reported || self.unread_since.is_some() || self.again;
        let files = match poll {
            _ if announced => Files::All,
            Poll::Events if !due => return None,
            Poll::Everything => Files::Known,
            // what another machine writes is not reported
            _ if due || unwatched || self.silent_change || self.apart => Files::Known,
            Poll::Beats => Files::Beats,
            Poll::Events | Poll::Silent => Files::None,
        };
        let request = Request { now, files, children_of: self.core.exiting_pid() };
        Some((request, Cause { reported, expected: announced || due }))
    }

    fn note_read(&mut self, request: &Request, cause: Cause, polled: Polled) {
        if request.files < Files::Known {
            return;
        }
        let is_silent = self.silent_change || (polled.news && !cause.expected);
        self.silent_change = is_silent && !cause.reported;
        self.unread_since = polled.more.then(|| self.unread_since.unwrap_or(request.now.instant));
        self.flush_at = self.collector.as_ref().and_then(|collector| collector.next_flush());
    }

    /// Takes the collector back from another thread, with what it read.
    pub(super) fn take_reading(&mut self, reading: Reading) {
        let Reading { errand: Errand { collector, request, cause }, batch, polled, is_local } = reading;
        self.collector = Some(collector);
        self.batch.extend(batch);
        self.note_read(&request, cause, polled);
        for evidence in std::mem::take(&mut self.late) {
            self.add(evidence, request.now.at);
        }
        self.apart = !is_local;
        self.waits_since = None;
        self.read_at = Some(request.now);
    }

    /// Takes the collector back: no thread could be started. The read is tried again in the next turn.
    pub(super) fn put_back(&mut self, errand: Errand) {
        self.collector = Some(errand.collector);
        self.again = true;
    }

    /// Judges the batch, then the deadlines. `now` is when the read began, so everything written before it has been
    /// read. `None`: there is nothing to judge.
    pub(super) fn judge(&mut self, now: Moment, job: &mut JobPolling) -> Option<Judged> {
        if self.waits_since.is_some() {
            return None;
        }
        let now = self.read_at.take().unwrap_or(now);
        let due = self.deadline.is_some_and(|due| due <= now.at);
        if self.batch.is_empty() && !due {
            return None;
        }
        let reading = self.unread_since.is_some_and(|since| now.instant.duration_since(since) < MAX_READING);
        if reading && self.batch.len() < MAX_BATCH {
            return None;
        }
        let batch = std::mem::take(&mut self.batch);
        for evidence in &batch {
            job.observe(evidence);
        }
        let new_process = batch.iter().any(|evidence| matches!(evidence, Evidence::Process { .. }));
        let changes = self.core.apply(now.at, batch);
        self.note_deadlines();
        Some(Judged { changes, new_process })
    }

    pub(super) fn set_rules(&mut self, settings: &Settings) -> Vec<Change> {
        let changes = self.core.set_rules(&settings.platforms, settings.deadlines.clone());
        self.note_deadlines();
        changes
    }

    pub(super) fn set_ignored(&mut self, ignored: Ignored) -> Vec<Change> {
        let changes = self.core.set_ignored(ignored);
        self.note_deadlines();
        changes
    }

    /// Caches what every turn needs of every monitor.
    fn note_deadlines(&mut self) {
        self.deadline = self.core.next_deadline();
        self.flush_at = self.collector.as_ref().and_then(|collector| collector.next_flush());
    }
}

/// The result of judging a batch.
pub(super) struct Judged {
    pub changes: Vec<Change>,
    /// A process appeared or changed.
    pub new_process: bool,
}

/// Plays the pasts of one gateway's homes, merged by time, into a new core.
fn play(profile: ProfileName, given: Given<'_>, pasts: Vec<Past>, now: Timestamp) -> (Core, Vec<Change>) {
    let Given { settings, ignored, asked_restarts } = given;
    let mut merged: Past = pasts.into_iter().flatten().collect();
    // a stable sort: times never decrease within one past, so each keeps its order
    merged.order_by_key(|(at, _)| *at);
    let begin = merged.first().map_or(now, |(at, _)| *at);
    let mut core = Core::new(profile, &settings.platforms, settings.deadlines.clone(), begin);
    let mut changes = core.set_ignored(ignored);
    changes.extend(core.step_all(begin, asked_restarts));
    for (at, evidence) in merged {
        changes.extend(core.step(at, evidence));
    }
    changes.extend(core.tick(now));
    changes.extend(core.go_live());
    (core, changes)
}
