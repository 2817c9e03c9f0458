//! One gateway: takes in evidence, keeps time, and says what changed, for its own profile and for every profile that it
//! serves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::evidence::Evidence;
use super::gateway::Origin;
use super::job::Job;
use super::judge;
use super::manager::JobWord;
use super::names::{PlatformName, ProfileName};
use super::platform::Platforms;
use super::proof::{Proof, Source};
use super::rows::Rows;
use super::settings::Deadlines;
use super::succession::Succession;
use super::time::Time;
use super::timer::before;
use super::verdict::{Change, Verdict};

/// Everything known of one gateway, and the verdicts that follow from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Core {
    pub(super) time: Time,
    /// Which process is the gateway, and what is known of it.
    pub(super) life: Succession,
    /// The service manager's word.
    pub(super) job: Job,
    /// Since when a marker says that launchd could not manage the gateway.
    pub(super) detached: Option<Timestamp>,
    /// Files that should be read and cannot be.
    pub(super) unreadable: Vec<String>,
    ignored: BTreeMap<ProfileName, BTreeSet<PlatformName>>,
    rows: Rows,
}

impl Core {
    /// A gateway of which nothing is known yet, in the home of this profile.
    pub fn new(profile: ProfileName, platforms: &Platforms, deadlines: Deadlines, now: Timestamp) -> Self {
        let platforms = Arc::new(platforms.with_deadlines(&deadlines));
        let time = Time::new(now, deadlines);
        Self {
            life: Succession::new(Origin { profile: Arc::clone(&profile), platforms }, time.moment()),
            time,
            job: Job::default(),
            detached: None,
            unreadable: Vec::new(),
            ignored: BTreeMap::new(),
            rows: Rows::new(profile, now),
        }
    }

    /// The profile in whose home the gateway runs.
    pub fn profile(&self) -> &ProfileName {
        &self.life.origin.profile
    }

    /// The verdict on the gateway's own profile.
    pub fn verdict(&self) -> &Verdict {
        self.rows.own()
    }

    /// The verdict on a profile that it serves.
    pub fn verdict_of(&self, profile: &str) -> Option<&Verdict> {
        self.rows.of(profile)
    }

    /// The profiles that the gateway serves besides its own.
    pub fn served(&self) -> &BTreeSet<ProfileName> {
        self.life.served.names()
    }

    /// The newest time that it was told of.
    pub fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// The gateway's process as last chosen, alive or gone.
    pub fn gateway_pid(&self) -> Option<u32> {
        self.life.gateway.id.pid
    }

    /// Takes in one piece of evidence. Time never falls: an earlier `now` counts as the newest one. Deadlines that
    /// passed before it are applied first, each at its own time.
    pub fn step(&mut self, now: Timestamp, evidence: Evidence) -> Vec<Change> {
        self.step_all(now, [evidence])
    }

    /// Takes in what was found at one moment: deadlines pass before it, and the verdict follows from all of it.
    pub fn step_all(&mut self, now: Timestamp, found: impl IntoIterator<Item = Evidence>) -> Vec<Change> {
        let mut changes = Vec::new();
        for evidence in found {
            match evidence {
                // Nothing ran while the machine slept, so no deadline passed in that span.
                Evidence::Wake { slept } if !self.time.is_asleep() => {
                    let slept = Duration::try_from_secs_f64(slept.max(0.0)).unwrap_or(Duration::ZERO);
                    let from = before(now, slept);
                    self.advance(from, &mut changes);
                    self.time.fall_asleep(from);
                }
                _ => self.advance(now, &mut changes),
            }
            self.time.advance_to(now);
            self.take(evidence);
        }
        self.judge(&mut changes);
        changes
    }

    /// Takes in what was read in one go, judges once, then lets time pass. Evidence that was written before a deadline
    /// passed is never judged after it, and no verdict follows from half of what was read.
    pub fn apply(&mut self, now: Timestamp, batch: Vec<Evidence>) -> Vec<Change> {
        let mut changes = Vec::new();
        let is_wake = |evidence: &Evidence| matches!(evidence, Evidence::Wake { .. });
        let (wakes, batch): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_wake);
        for wake in wakes {
            changes.extend(self.step(now, wake));
        }
        if !batch.is_empty() {
            self.time.advance_to(now);
            for evidence in batch {
                self.take(evidence);
            }
            self.judge(&mut changes);
        }
        self.advance(now, &mut changes);
        changes
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        self.advance(now, &mut changes);
        changes
    }

    /// Puts other deadlines and rules of platforms in force, and judges anew. A clock that runs keeps its length.
    pub fn set_rules(&mut self, platforms: &Platforms, deadlines: Deadlines) -> Vec<Change> {
        let platforms = Arc::new(platforms.with_deadlines(&deadlines));
        self.life.gateway.links.set_platforms(&platforms);
        self.life.origin.platforms = platforms;
        self.time.deadlines = deadlines;
        self.judge_now()
    }

    /// Sets the links that do not count, and judges anew.
    pub fn set_ignored(&mut self, ignored: BTreeMap<ProfileName, BTreeSet<PlatformName>>) -> Vec<Change> {
        if self.ignored == ignored {
            return Vec::new();
        }
        self.ignored = ignored;
        self.judge_now()
    }

    /// When `tick` is due next; `None`: nothing changes by time alone.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.time.is_asleep() {
            return None;
        }
        let all = self.life.deadlines().chain(judge::expiries(self));
        all.filter(|due| *due > self.time.now()).min()
    }

    /// Whether the user does not want this link of this profile to count.
    pub(super) fn ignores(&self, profile: &str, platform: &str) -> bool {
        self.ignored.get(profile).is_some_and(|platforms| platforms.contains(platform))
    }

    fn advance(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        while let Some(due) = self.next_deadline() {
            if due > now {
                break;
            }
            self.time.advance_to(due);
            self.judge(changes);
        }
        self.time.advance_to(now);
    }

    fn judge_now(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        self.judge(&mut changes);
        changes
    }

    fn judge(&mut self, changes: &mut Vec<Change>) {
        let at = self.time.now();
        let gateway = &self.life.gateway;
        let started = gateway.ready.is_some() || gateway.starting.over(self.time.clock());
        self.life.served.update(gateway.links.served(), started && gateway.alive());
        self.rows.add(self.life.served.names(), at);
        let verdicts = self.rows.profiles().map(|profile| judge::verdict(self, profile)).collect();
        changes.extend(self.rows.show(at, verdicts));
    }

    fn take(&mut self, evidence: Evidence) {
        let Some(evidence) = self.life.take(self.time.moment(), evidence) else { return };
        match evidence {
            Evidence::Job(word) => self.see_job(word),
            Evidence::JobUnknown => self.job.forget(),
            Evidence::Detached(there) => self.detached = there.then_some(self.time.now()),
            Evidence::Unreadable(files) => self.unreadable = files,
            Evidence::Sleep => self.time.fall_asleep(self.time.now()),
            Evidence::Wake { .. } => {
                if let Some(slept) = self.time.wake() {
                    self.life.restart_after_sleep(slept);
                }
            }
            _ => {}
        }
    }

    fn see_job(&mut self, word: JobWord) {
        let moment = self.time.moment();
        let life = &mut self.life;
        // Where nobody looks at processes, the manager's word has to do.
        if !life.gateway.is_seen() {
            let same = self.job.word().is_none_or(|old| old.state == word.state);
            let began = moment.timer(moment.deadlines.restart);
            life.absent = word.pid.is_none().then_some(life.absent.filter(|_| same).unwrap_or(began));
        }
        let counter = word.starts;
        let rose = counter.is_some_and(|n| life.starts.read_counter(n, moment.now, moment.deadlines));
        let ended = life.gateway.end.as_ref().map(|end| (end.respawn.since, end.exit));
        let old = self.job.take(word, moment.now, rose, ended);
        let (Some(old), Some(word)) = (old.filter(|old| old.pid.is_some()), self.job.word()) else { return };
        if life.gateway.id.pid.is_some() || old.pid == word.pid {
            return;
        }
        if word.pid.is_some() {
            life.begin_unseen(moment);
        } else if life.gateway.alive() {
            let said = format!("{}: no process", word.label);
            let proof = Proof::new(Source::Manager(word.manager), said, moment.now);
            life.end(moment, moment.now, word.last_exit, proof);
        }
    }
}
