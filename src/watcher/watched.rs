//! One profile in the watcher's care.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::task::JoinHandle;

use super::jobs::JobQuestions;
use super::snapshot::ProfileView;
use crate::evidence::collector::{Collector, JobWord, Moment, Observer};
use crate::evidence::patterns::Patterns;
use crate::evidence::process;
use crate::evidence::watch::Key;
use crate::health::{Change, Core, Deadlines, Evidence, Light};
use crate::profile::Profile;
use crate::supervisor::JobReport;

/// Reader and judge of one profile.
pub struct Watched {
    pub profile: Arc<Profile>,
    pub core: Core,
    pub collector: Collector,
    pub job: JobQuestions,
    /// No process is known, but the manager may name one: then the past is read again, for it belongs to that process.
    pub provisional: bool,
    /// What tells it from the others.
    pub key: String,
    /// What is watched for it.
    pub keys: Vec<Key>,
    /// Something of it cannot be watched.
    pub unwatched: bool,
    /// Something of it changed of which the system said nothing, and has said nothing since.
    pub untold: bool,
    /// Something of it is left to read.
    pub more: bool,
    /// When time alone changes something.
    pub deadline: Option<Timestamp>,
    /// When half a line is to be taken for a whole one.
    pub flush_at: Option<Instant>,
    /// Each heartbeat is to be told by the system. While the light is green nothing hangs on the next one until its
    /// deadline comes, and a look now and then is all it gets.
    pub minds_heartbeat: bool,
    exits: BTreeMap<u32, (u64, JoinHandle<()>)>,
}

impl Watched {
    /// Reads what was, and judges it.
    pub fn attach(
        profile: Arc<Profile>,
        patterns: &Arc<Patterns>,
        deadlines: &Deadlines,
        zone: &TimeZone,
        now: Moment,
        word: JobWord,
        observer: Option<Observer>,
    ) -> (Self, Vec<Change>) {
        let (collector, past) = Collector::attach(&profile, patterns, zone, now, word, observer);
        let provisional = word == JobWord::Awaited && collector.processes().next().is_none();
        let begin = past.first().map_or(now.at, |(at, _)| *at);
        let mut core = Core::new(deadlines.clone(), begin);
        let mut job = JobQuestions::new();
        let mut changes = Vec::new();
        for (at, evidence) in past {
            job.note(&evidence);
            changes.extend(core.step(at, evidence));
        }
        changes.extend(core.tick(now.at));
        let mut watched = Self {
            key: key(&profile),
            profile,
            minds_heartbeat: core.verdict().light() != Light::Green,
            core,
            collector,
            job,
            provisional,
            keys: Vec::new(),
            unwatched: false,
            untold: false,
            more: false,
            deadline: None,
            flush_at: None,
            exits: BTreeMap::new(),
        };
        watched.keep_ready();
        (watched, changes)
    }

    /// Notes what is asked of every profile in every turn.
    pub fn keep_ready(&mut self) {
        self.deadline = self.core.next_deadline();
        self.flush_at = self.collector.next_flush();
    }

    /// Whether this is the same profile, perhaps with a changed job file.
    pub fn is_of(&self, profile: &Profile) -> bool {
        let ours = &*self.profile;
        ours.home == profile.home
            && ours.label() == profile.label()
            && ours.logs == profile.logs
            && ours.name == profile.name
    }

    /// The folders to be watched: those that its evidence lies in, as far as it matters now.
    pub fn folders(&self) -> Vec<PathBuf> {
        let home = &self.profile.home;
        let mut folders = vec![home.clone(), home.join("logs")];
        if self.minds_heartbeat {
            folders.push(home.join("state"));
        }
        folders.extend(self.profile.logs.iter().filter_map(|log| log.parent().map(Path::to_path_buf)));
        folders.extend(self.profile.job.iter().filter_map(|job| job.path.parent().map(Path::to_path_buf)));
        folders.sort();
        folders.dedup();
        folders
    }

    /// Takes in the manager's answer.
    pub fn take_answer(&mut self, answer: Option<JobReport>, now: Moment, out: &mut Vec<Evidence>) {
        self.job.end();
        let Some(file) = &self.profile.job else { return };
        let Some(report) = answer else {
            self.collector.tell(now.at, Evidence::JobUnknown, out);
            return;
        };
        if let Some(gateway) = gateway_of(&report) {
            self.collector.consider(gateway, None, now.at, out);
        }
        let evidence = Evidence::Job {
            manager: file.manager,
            label: file.label.clone(),
            state: report.state,
            pid: report.pid,
            last_exit: report.last_exit,
        };
        self.collector.tell(now.at, evidence, out);
    }

    /// Processes whose end nobody waits for yet.
    pub fn new_processes(&mut self) -> Vec<(u32, u64)> {
        let current: BTreeMap<u32, u64> = self.collector.processes().collect();
        self.exits.retain(|pid, (start, task)| {
            let kept = current.get(pid) == Some(start);
            if !kept {
                task.abort();
            }
            kept
        });
        current.into_iter().filter(|(pid, _)| !self.exits.contains_key(pid)).collect()
    }

    /// Remembers the task that waits for the end of a process.
    pub fn keep_task(&mut self, pid: u32, start: u64, task: JoinHandle<()>) {
        self.exits.insert(pid, (start, task));
    }

    /// As it is shown.
    pub fn view(&self) -> ProfileView {
        ProfileView { profile: Arc::clone(&self.profile), verdict: self.core.verdict().clone() }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        for (_, task) in self.exits.values() {
            task.abort();
        }
    }
}

/// The gateway's process. The job's may be a wrapper; the gateway is then below it.
pub fn gateway_of(report: &JobReport) -> Option<u32> {
    let pid = report.pid?;
    Some(process::find_gateway(pid).map_or(pid, |info| info.pid))
}

/// Whether a gateway of this home left the files in which it names itself while it runs.
pub fn names_itself(profile: &Profile) -> bool {
    let own = profile.logs.contains(&profile.logs_folder().join("agent.log"));
    own && ["gateway.lock", "gateway_state.json"].iter().any(|file| profile.home.join(file).exists())
}

fn key(profile: &Profile) -> String {
    format!("{}\0{}", profile.home.display(), profile.label().unwrap_or_default())
}
