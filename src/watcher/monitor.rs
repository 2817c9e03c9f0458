//! Monitors one gateway: queries its service manager, has the past of its home read, and then follows it live.
//!
//! The manager is asked first, because its answer names the process to which the past belongs. The past is read on
//! another thread: a volume that does not answer blocks only its own profiles.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::exits::Exits;
use super::family::{self, hermes_name};
use super::job_polling::{JobPolling, job_evidence};
use super::live::{Errand, Judged, Live, Reading};
use super::monitor_id::MonitorId;
use super::readers::{PastReading, Request, gateway_of};
use super::schedule::Poll;
use super::snapshot::ProfileView;
use super::{Event, Given, Ignored, JobAnswer, Settings};
use crate::evidence::clock::Moment;
use crate::evidence::collector::Past;
use crate::health::{
    Change, Core, Evidence, Light, Note, ProfileName, Touched, Unreadable, Verdict, WhyUnreadable,
};
use crate::order::Order as _;
use crate::profile::Profile;

/// How long a new monitor waits for its service manager before the past is read without the answer. Managers answer
/// within about 10 ms; one that hangs must not delay the lights.
const MANAGER_TIMEOUT: Duration = Duration::from_secs(1);

/// After this time a read counts as blocked: the volume does not answer, or the system asks the user for permission.
const READ_TIMEOUT: Duration = Duration::from_secs(8);

enum Stage {
    /// The service manager is queried, until this time at most.
    Querying {
        until: Instant,
    },
    /// The past may be read as soon as a thread is free.
    Waiting {
        since: Instant,
    },
    /// The past is being read.
    Reading {
        since: Instant,
    },
    /// The past was read, and waits for those of the homes that this gateway may serve.
    Read {
        since: Instant,
        read: Box<PastReading>,
    },
    Live(Box<Live>),
}

/// How often the stage of a monitor changed, and how often its core judged every row.
pub(super) type Revision = (u64, Option<u64>);

/// Monitors one gateway.
#[expect(clippy::struct_excessive_bools, reason = "four independent facts")]
pub(super) struct Monitor {
    pub id: MonitorId,
    pub profile: Arc<Profile>,
    /// The name that the gateway which serves it uses for it.
    pub hermes_name: ProfileName,
    pub job: JobPolling,
    /// Some of its files cannot be watched: they are polled more often.
    pub unwatched: bool,
    /// When it was created.
    since: Timestamp,
    has_manager: bool,
    stage: Stage,
    /// How often the stage changed.
    stages: u64,
    /// Its view in the snapshot, unless that may differ from the last one.
    pub view: Option<ProfileView>,
    /// The manager's answer, if it was not judged yet.
    answer: Option<JobAnswer>,
    /// The records about links in the past of its home, until the gateway that may serve it has taken them.
    past_records: Past,
    /// The gateway that serves it, as last published.
    pub served_by: Option<ProfileName>,
    /// The home that does not answer, and since when, as last published: its own, or that of the gateway that serves
    /// it.
    pub blocked: Option<(PathBuf, Timestamp)>,
    /// Something was mounted or unmounted since its past began to be read.
    volumes_changed: bool,
    /// The past was read without knowing whether there is a process.
    process_unknown: bool,
    /// The folder of the heartbeat is watched. While the light is green, polls are enough.
    needs_heartbeat: bool,
    exits: Exits,
}

impl Monitor {
    pub(super) fn new(id: MonitorId, profile: Profile, now: Moment, has_manager: bool) -> Self {
        let stage = if has_manager {
            Stage::Querying { until: now.instant + MANAGER_TIMEOUT }
        } else {
            Stage::Waiting { since: now.instant }
        };
        Self {
            id,
            hermes_name: hermes_name(&profile).into(),
            profile: Arc::new(profile),
            job: JobPolling::new(),
            unwatched: false,
            since: now.at,
            has_manager,
            stage,
            stages: 0,
            view: None,
            answer: None,
            past_records: Past::new(),
            served_by: None,
            blocked: None,
            volumes_changed: false,
            process_unknown: false,
            needs_heartbeat: true,
            exits: Exits::default(),
        }
    }

    /// Whether this is its profile, perhaps with a changed job file.
    pub(super) fn is_for(&self, profile: &Profile) -> bool {
        let ours = &*self.profile;
        ours.home == profile.home
            && ours.label() == profile.label()
            && ours.logs == profile.logs
            && ours.name == profile.name
    }

    /// Replaces the profile, whose job file may have changed.
    pub(super) fn set_profile(&mut self, profile: Profile) {
        if *self.profile != profile {
            self.job.query_soon();
            self.profile = Arc::new(profile);
            self.view = None;
        }
    }

    fn enter(&mut self, stage: Stage) -> Stage {
        self.stages += 1;
        self.view = None;
        std::mem::replace(&mut self.stage, stage)
    }

    /// Whether its home is being read by another thread, or is to be.
    pub(super) fn waits_for_volume(&self) -> bool {
        matches!(&self.stage, Stage::Live(live) if live.waits_since().is_some())
    }

    /// What the answers to [`Self::serves`], [`Self::has_process`] and the like depend on.
    pub(super) fn revision(&self) -> Revision {
        (self.stages, self.core().map(Core::revision))
    }

    /// The rows that its core judged since the last call. Until there is a core, its own is made anew each time.
    pub(super) fn take_judged(&mut self) -> Touched {
        match &mut self.stage {
            Stage::Live(live) => live.core.take_judged(),
            _ => Touched::All,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Live(_))
    }

    /// Whether more can be read at once.
    pub(super) fn has_unread(&self) -> bool {
        matches!(&self.stage, Stage::Live(live) if live.has_unread())
    }

    /// Whether the manager's first answer came and the past was read (or is blocked): until then the verdict is
    /// provisional.
    pub(super) fn is_settled(&self, now: Instant) -> bool {
        match &self.stage {
            Stage::Querying { .. } | Stage::Read { .. } => false,
            Stage::Waiting { .. } | Stage::Reading { .. } => self.is_blocked(now),
            Stage::Live(_) => self.job.answered(),
        }
    }

    fn is_blocked(&self, now: Instant) -> bool {
        match &self.stage {
            Stage::Waiting { since } | Stage::Reading { since } => now >= *since + READ_TIMEOUT,
            Stage::Live(_) => self.stopped_answering(now),
            Stage::Querying { .. } | Stage::Read { .. } => false,
        }
    }

    /// Whether its home was read before and does not answer now.
    pub(super) fn stopped_answering(&self, now: Instant) -> bool {
        let Stage::Live(live) = &self.stage else { return false };
        live.waits_since().is_some_and(|since| now >= since + READ_TIMEOUT)
    }

    /// Whether another thread reads its files.
    pub(super) fn is_read_apart(&self) -> bool {
        matches!(&self.stage, Stage::Live(live) if live.is_apart())
    }

    /// Notes that something was mounted or unmounted: its files may be on another volume now.
    pub(super) fn expect_any_volume(&mut self) {
        match &mut self.stage {
            Stage::Live(live) => live.expect_any_volume(),
            _ => self.volumes_changed = true,
        }
    }

    /// Whether the longer poll interval is enough: its files are watched, and either all is well or there is no process
    /// whose state may change without an event.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        let Stage::Live(live) = &self.stage else { return true };
        let is_well = live.core.glance().light() == Light::Green;
        let is_watched = !self.unwatched && !live.silent_change && self.exits.are_complete();
        is_watched && (is_well || live.nothing_runs(now))
    }

    /// When its next turn is due if no event comes.
    pub(super) fn next_turn(&self, now: Moment) -> Option<Instant> {
        let query = self.job.next_query(now.instant).map(|wait| now.instant + wait);
        let blocked = |since: Instant| Some(since + READ_TIMEOUT).filter(|at| *at > now.instant);
        let own = match &self.stage {
            Stage::Querying { until } => Some(*until),
            Stage::Waiting { since } | Stage::Reading { since } | Stage::Read { since, .. } => {
                blocked(*since)
            }
            Stage::Live(live) if live.waits_since().is_some() => live.waits_since().and_then(blocked),
            Stage::Live(live) => {
                let until = |at: Timestamp| Duration::try_from(at.duration_since(now.at)).unwrap_or_default();
                // what its own core says is not shown while another gateway serves it: the next turn is soon enough
                let deadline = live.deadline.filter(|_| self.served_by.is_none());
                deadline.map(|at| now.instant + until(at)).into_iter().chain(live.flush_at).min()
            }
        };
        query.into_iter().chain(own).min()
    }

    /// The folders to watch for it now.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let home = &self.profile.home;
        let mut folders = vec![home.clone(), home.join("logs")];
        if self.needs_heartbeat {
            folders.push(home.join("state"));
        }
        folders.extend(self.profile.logs.iter().filter_map(|log| log.parent().map(Path::to_path_buf)));
        folders.extend(self.profile.job.iter().filter_map(|job| job.path.parent().map(Path::to_path_buf)));
        folders.order();
        folders.dedup();
        folders
    }

    pub(super) fn take_answer(&mut self, answer: JobAnswer, now: Instant) {
        self.job.end_query();
        if matches!(self.stage, Stage::Querying { .. }) {
            self.enter(Stage::Waiting { since: now });
        }
        self.answer = Some(answer);
    }

    /// The request to read its past, once the manager has answered or its time is over.
    pub(super) fn begin_reading(&mut self, now: Instant) -> Option<Request> {
        match &self.stage {
            Stage::Waiting { .. } => {}
            Stage::Querying { until } if *until <= now => {}
            _ => return None,
        }
        self.enter(Stage::Reading { since: now });
        self.volumes_changed = false;
        let (profile, answer) = (Arc::clone(&self.profile), self.answer.clone());
        Some(Request { id: self.id, profile, has_manager: self.has_manager, answer })
    }

    /// Notes that the past could not be read; it is tried again after [`READ_TIMEOUT`].
    pub(super) fn retry_reading(&mut self, now: Instant) {
        self.enter(Stage::Querying { until: now + READ_TIMEOUT });
    }

    /// Takes the past that was read. It is judged once the pasts of the homes that this gateway may serve are read,
    /// too.
    pub(super) fn take_past(&mut self, read: Box<PastReading>, now: Instant) {
        self.past_records = family::records_of(&self.hermes_name, read.past.iter());
        self.enter(Stage::Read { since: now, read });
    }

    /// Whether its past was read and not judged yet.
    pub(super) fn is_read(&self) -> bool {
        matches!(self.stage, Stage::Read { .. })
    }

    /// Whether others wait for its past: it is still being read, and is not blocked.
    pub(super) fn keeps_others_waiting(&self, now: Instant) -> bool {
        match &self.stage {
            Stage::Querying { .. } => true,
            Stage::Waiting { .. } | Stage::Reading { .. } => !self.is_blocked(now),
            Stage::Read { .. } | Stage::Live(_) => false,
        }
    }

    /// Takes the records about links in the past of its home, for the gateway that may serve it.
    pub(super) fn take_past_records(&mut self) -> Past {
        std::mem::take(&mut self.past_records)
    }

    /// Judges the past, together with the records of the homes that this gateway may serve. Returns the changes in it.
    pub(super) fn go_live(&mut self, served: Past, given: Given<'_>, now: Moment) -> Vec<Change> {
        let stage = self.enter(Stage::Waiting { since: now.instant });
        let Stage::Read { read, .. } = stage else {
            self.stage = stage;
            return Vec::new();
        };
        let PastReading { collector, local, past } = *read;
        for (_, evidence) in &past {
            self.job.observe(evidence);
        }
        let is_process =
            |evidence: &Evidence| matches!(evidence, Evidence::Process { .. } | Evidence::NoProcess);
        self.process_unknown = !past.iter().any(|(_, evidence)| is_process(evidence));
        if self.answer.is_some() {
            // the answer is newer than the past
            self.job.is_current();
        }
        let reader = (collector, local && !self.volumes_changed);
        let (live, changes) =
            Live::start(self.profile.name.as_str().into(), reader, vec![past, served], given, now);
        self.needs_heartbeat = live.core.glance().light() != Light::Green;
        self.enter(Stage::Live(Box::new(live)));
        changes
    }

    /// New records of its home about links, for the gateway that may serve it.
    pub(super) fn new_records(&self) -> Vec<Evidence> {
        let Stage::Live(live) = &self.stage else { return Vec::new() };
        family::tagged(&self.hermes_name, live.batch.iter()).collect()
    }

    /// Adds records of a home that this gateway may serve.
    pub(super) fn add_records(&mut self, records: Vec<Evidence>) {
        if let Stage::Live(live) = &mut self.stage {
            live.batch.extend(records);
        }
    }

    /// Whether its gateway serves the profile of this name.
    pub(super) fn serves(&self, name: &str) -> bool {
        self.core().is_some_and(|core| core.served().contains(name))
    }

    /// Whether its own gateway runs.
    pub(super) fn has_process(&self) -> bool {
        self.core().is_some_and(|core| core.glance().pid.is_some())
    }

    /// The verdict of its gateway's core on a profile that it serves.
    pub(super) fn verdict_of(&self, name: &str) -> Option<Verdict> {
        self.core()?.verdict_of(name).cloned()
    }

    /// The core that judges its gateway; `None` before its past was judged.
    pub(super) fn core(&self) -> Option<&Core> {
        match &self.stage {
            Stage::Live(live) => Some(&live.core),
            _ => None,
        }
    }

    /// Adds evidence from another source than its files.
    pub(super) fn add(&mut self, evidence: Evidence, now: Timestamp) {
        if let Stage::Live(live) = &mut self.stage {
            live.add(evidence, now);
        }
    }

    /// Reads what this turn requires; see [`Live::read`]. The manager's answer comes after what was written before it.
    pub(super) fn read(&mut self, now: Moment, reported: bool, poll: Poll, is_free: bool) -> Option<Errand> {
        let Stage::Live(live) = &mut self.stage else { return None };
        let reported = reported || self.answer.is_some();
        let errand = live.read(now, reported, poll, self.unwatched, is_free);
        if errand.is_none() {
            self.read_answer(now);
        }
        errand
    }

    /// See [`Live::take_reading`].
    pub(super) fn take_reading(&mut self, reading: Reading) {
        if let Stage::Live(live) = &mut self.stage {
            live.take_reading(reading);
        }
    }

    /// See [`Live::put_back`].
    pub(super) fn put_back(&mut self, errand: Errand) {
        if let Stage::Live(live) = &mut self.stage {
            live.put_back(errand);
        }
    }

    /// Adds the manager's answer, unless another thread is reading what was written before it.
    fn read_answer(&mut self, now: Moment) {
        let Stage::Live(live) = &mut self.stage else { return };
        let Some((collector, batch)) = live.here() else { return };
        let (Some(answer), Some(file)) = (self.answer.take(), &self.profile.job) else { return };
        let JobAnswer::Report(report) = answer else {
            return collector.add(Evidence::JobUnknown, now.at, batch);
        };
        let gateway = gateway_of(&report);
        if let Some(pid) = gateway {
            collector.track(pid, now.at, batch);
        }
        let process_unknown = std::mem::take(&mut self.process_unknown);
        if process_unknown && gateway.is_none() && collector.processes().next().is_none() {
            collector.add(Evidence::NoProcess, now.at, batch);
        }
        let evidence = job_evidence(file, *report);
        collector.add(evidence, now.at, batch);
    }

    /// Whether what was read shows a process that was not there before.
    pub(super) fn has_new_process(&self) -> bool {
        let is_new = |evidence: &Evidence| match evidence {
            Evidence::Process { state, .. } => state.is_live(),
            Evidence::Starts(_) => true,
            _ => false,
        };
        matches!(&self.stage, Stage::Live(live) if live.batch.iter().any(is_new))
    }

    /// Judges what was read; `None` if there is nothing to judge.
    pub(super) fn judge(&mut self, now: Moment, events: &mpsc::Sender<Event>) -> Option<Vec<Change>> {
        let Stage::Live(live) = &mut self.stage else { return None };
        let Judged { changes, new_process } = live.judge(now, &mut self.job)?;
        if new_process {
            self.exits.set(live.processes(), self.id, events);
        }
        Some(changes)
    }

    pub(super) fn watch_exits(&mut self, events: &mpsc::Sender<Event>) {
        if let Stage::Live(live) = &self.stage {
            self.exits.set(live.processes(), self.id, events);
        }
    }

    pub(super) fn set_rules(&mut self, settings: &Settings) -> Vec<Change> {
        match &mut self.stage {
            Stage::Live(live) => live.set_rules(settings),
            _ => Vec::new(),
        }
    }

    pub(super) fn set_ignored(&mut self, ignored: Ignored) -> Vec<Change> {
        match &mut self.stage {
            Stage::Live(live) => live.set_ignored(ignored),
            _ => Vec::new(),
        }
    }

    /// Whether the folders to watch changed since the last call, because the light turned green or is no longer green.
    /// `false` while another thread reads: access to a folder may block.
    pub(super) fn folders_changed(&mut self) -> bool {
        let Stage::Live(live) = &self.stage else { return false };
        if live.waits_since().is_some() {
            return false;
        }
        let needs_heartbeat = live.core.glance().light() != Light::Green;
        std::mem::replace(&mut self.needs_heartbeat, needs_heartbeat) != needs_heartbeat
    }

    /// The verdict of its own gateway.
    pub(super) fn verdict(&self, now: Instant) -> Verdict {
        match (&self.blocked, &self.stage) {
            (Some((home, since)), _) => unanswered(home, *since),
            (None, Stage::Live(live)) => live.core.verdict().clone(),
            (None, _) if self.is_blocked(now) => unanswered(&self.profile.home, self.since),
            (None, _) => Verdict::unknown(self.since),
        }
    }
}

/// The verdict while this home does not answer.
fn unanswered(home: &Path, since: Timestamp) -> Verdict {
    let path = home.display().to_string();
    let notes = vec![Note::Unreadable(Unreadable { path, why: WhyUnreadable::NoAnswer })];
    Verdict { notes, ..Verdict::unknown(since) }
}

#[cfg(test)]
mod tests;
