//! Everything that is known of one gateway, and how evidence changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::evidence::{Evidence, LogRecord};
use super::fact::{Fact, Unreadable};
use super::gateway::{Beginning, LogLevel, Origin};
use super::job::Job;
use super::manager::JobWord;
use super::names::{PlatformName, ProfileName};
use super::platform::Platforms;
use super::proof::{Proof, Source};
use super::settings::Deadlines;
use super::signal::Signal;
use super::succession::Succession;
use super::time::Time;
use super::touched::Touched;
use super::update::Update;

/// Everything that is known of one gateway.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) time: Time,
    /// The gateway's processes.
    pub(super) life: Succession,
    /// The service manager's report.
    pub(super) job: Job,
    /// The newest update of Hermes.
    pub(super) update: Update,
    /// Since when there is a marker that launchd could not manage the gateway.
    pub(super) detached: Option<Timestamp>,
    /// Files that cannot be read.
    pub(super) unreadable: Vec<Unreadable>,
    /// The links that do not count, by the settings.
    pub(super) ignored: BTreeMap<ProfileName, BTreeSet<PlatformName>>,
}

/// What a record about a link may change besides the links, as far as rows depend on it.
#[derive(PartialEq)]
struct Outlook {
    is_alive: bool,
    level: LogLevel,
    beginning: Beginning,
    next_platform_by: Option<Timestamp>,
    attempt_by: Option<Timestamp>,
    is_leaving: bool,
    is_exiting: bool,
}

impl State {
    /// The gateway in the home of this profile, without evidence.
    pub(super) fn new(
        profile: ProfileName,
        platforms: Arc<Platforms>,
        deadlines: Deadlines,
        now: Timestamp,
    ) -> Self {
        let time = Time::new(now, deadlines);
        Self {
            life: Succession::new(Origin { profile, platforms }, time.moment()),
            time,
            job: Job::default(),
            update: Update::default(),
            detached: None,
            unreadable: Vec::new(),
            ignored: BTreeMap::new(),
        }
    }

    /// The profile in whose home the gateway runs.
    pub(super) fn profile(&self) -> &ProfileName {
        &self.life.origin.profile
    }

    /// Whether the user ignores this link.
    pub(super) fn ignores(&self, profile: &str, platform: &str) -> bool {
        self.ignored.get(profile).is_some_and(|platforms| platforms.contains(platform))
    }

    /// Notes that every row may be judged differently now.
    pub(super) fn touch_all(&mut self) {
        self.life.gateway.links.touch_all();
    }

    /// The rows that may be judged differently than at the last call, if no deadline passed that concerns them all.
    pub(super) fn take_touched(&mut self) -> Touched {
        self.life.gateway.links.take_touched(self.time.clock())
    }

    /// Takes in one piece of evidence, at the current time.
    pub(super) fn take(&mut self, evidence: Evidence) {
        // All other evidence may concern every row.
        let is_of_link = matches!(evidence, Evidence::Log(LogRecord { signal: Signal::Link(_), .. }));
        let before = is_of_link.then(|| self.outlook());
        self.take_in(evidence);
        if before != Some(self.outlook()) {
            self.touch_all();
        }
    }

    fn outlook(&self) -> Outlook {
        let gateway = &self.life.gateway;
        Outlook {
            is_alive: gateway.alive(),
            level: gateway.level,
            beginning: gateway.beginning,
            next_platform_by: gateway.next_platform_by(),
            attempt_by: gateway.startup.attempt_by(),
            is_leaving: gateway.departure.is_underway(),
            is_exiting: gateway.departure.exiting().is_some(),
        }
    }

    fn take_in(&mut self, evidence: Evidence) {
        let Some(evidence) = self.life.take(self.time.moment(), evidence) else { return };
        match evidence {
            Evidence::Job(word) => self.see_job(word),
            Evidence::Update(found) => self.update.take(found, self.time.moment()),
            Evidence::JobUnknown => self.job.forget(),
            Evidence::Detached(there) => self.detached = there.then_some(self.time.now()),
            Evidence::Unreadable(files) => self.unreadable = files,
            Evidence::Sleep => self.time.fall_asleep(self.time.now()),
            Evidence::Wake { .. } => {
                if let Some(slept) = self.time.wake() {
                    self.life.restart_after_sleep(slept);
                    self.update.restart_after_sleep(slept);
                }
            }
            _ => {}
        }
    }

    fn see_job(&mut self, word: JobWord) {
        let moment = self.time.moment();
        let life = &mut self.life;
        // Without a look at processes, the manager's report has to do.
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
            let fact = Fact::JobWithoutProcess(word.label.clone());
            let proof = Proof::new(Source::Manager(word.manager), fact, moment.now);
            life.end(moment, moment.now, word.last_exit, proof);
        }
    }
}
