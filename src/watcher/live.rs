//! A home that is followed: its collector, and the core that judges what it reads.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::job_polling::JobPolling;
use super::{Given, Ignored, Poll, Settings};
use crate::evidence::collector::{Collector, Moment, Past};
use crate::health::{Change, Core, Evidence, ProfileName};

/// As long as more can be read, judging waits this long: what is read next may be what a deadline waits for.
const MAX_READING: Duration = Duration::from_secs(1);

/// Pieces of evidence that are judged though more can be read.
const MAX_BATCH: usize = 4096;

pub(super) struct Live {
    pub collector: Collector,
    pub core: Core,
    /// When time alone changes the verdict.
    pub deadline: Option<Timestamp>,
    /// When half a line is to be taken for a whole one.
    pub flush_at: Option<Instant>,
    /// Evidence that is not judged yet.
    pub batch: Vec<Evidence>,
    /// Since when more can be read than one poll reads.
    unread_since: Option<Instant>,
    /// A file changed without an event, and none has come since: files are polled more often.
    silent_change: bool,
}

impl Live {
    /// Judges the past of a home, and follows it from now on.
    pub(super) fn start(
        profile: ProfileName,
        collector: Collector,
        pasts: Vec<Past>,
        given: Given<'_>,
        now: Moment,
    ) -> (Self, Vec<Change>) {
        let (core, changes) = play(profile, given, pasts, now.at);
        let mut live = Self {
            collector,
            core,
            deadline: None,
            flush_at: None,
            batch: Vec::new(),
            // what was written while the past was read is still to be read
            unread_since: Some(now.instant),
            silent_change: false,
        };
        live.note_deadlines();
        (live, changes)
    }

    /// Whether more can be read at once.
    pub(super) fn has_unread(&self) -> bool {
        self.unread_since.is_some()
    }

    /// Reads what this turn calls for. `reported`: an event said that something changed. `thorough`: looks for missing
    /// files even where no name came or went, since what a link leads to shows in no folder that is watched.
    pub(super) fn read(&mut self, now: Moment, reported: bool, poll: Poll, thorough: bool, unwatched: bool) {
        let due =
            self.deadline.is_some_and(|at| at <= now.at) || self.flush_at.is_some_and(|at| at <= now.instant);
        let expected = reported || due || self.has_unread();
        let files = expected
            || match poll {
                Poll::Events => false,
                Poll::Silent => unwatched || self.silent_change,
                Poll::Everything => true,
            };
        if !files && poll == Poll::Events {
            return;
        }
        if files {
            let polled = self.collector.poll(now, expected || thorough, &mut self.batch);
            self.unread_since = polled.more.then(|| self.unread_since.unwrap_or(now.instant));
            self.silent_change = !reported && (self.silent_change || (polled.news && !expected));
            self.flush_at = self.collector.next_flush();
        }
        self.collector.poll_processes(now, &mut self.batch);
        if let Some(pid) = self.core.exiting_pid() {
            self.collector.poll_children(pid, now.at, &mut self.batch);
        }
    }

    /// Judges the batch, then lets deadlines pass: `now` is when the reading began, so everything that was written
    /// before has been read. `None`: there is nothing to judge.
    pub(super) fn judge(&mut self, now: Moment, job: &mut JobPolling) -> Option<Judged> {
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

    /// Keeps what every turn asks of every monitor.
    fn note_deadlines(&mut self) {
        self.deadline = self.core.next_deadline();
        self.flush_at = self.collector.next_flush();
    }
}

/// What judging a batch led to.
pub(super) struct Judged {
    pub changes: Vec<Change>,
    /// A process appeared, or one changed.
    pub new_process: bool,
}

/// Plays the pasts of one gateway's homes, merged by time, into a new core.
fn play(profile: ProfileName, given: Given<'_>, pasts: Vec<Past>, now: Timestamp) -> (Core, Vec<Change>) {
    let Given { settings, ignored, asked_restarts } = given;
    let mut merged: Past = pasts.into_iter().flatten().collect();
    // stable: the times of each past never fall, so each keeps its order
    merged.sort_by_key(|(at, _)| *at);
    let begin = merged.first().map_or(now, |(at, _)| *at);
    let mut core = Core::new(profile, &settings.platforms, settings.deadlines.clone(), begin);
    let mut changes = core.set_ignored(ignored);
    changes.extend(core.step_all(begin, asked_restarts));
    for (at, evidence) in merged {
        changes.extend(core.step(at, evidence));
    }
    changes.extend(core.tick(now));
    core.go_live();
    (core, changes)
}
