//! The loop that joins the rooms: one owner of all profiles. Woken by the system, by deadlines, and by a slow poll as a
//! safety net; publishes [`Update`]s.
//!
//! Idle is what it is nearly always, so idle has to cost nothing that can be saved: one wake-up for every look, no
//! wake-up for the heartbeats of gateways that are well, and no file looked at that the system watches for us. And one
//! event costs what one event costs, however many profiles there are: what is asked of all of them in every turn is
//! kept ready in [`Watched`].

mod jobs;
pub mod snapshot;
mod updates;
mod watched;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};

use crate::evidence::alarm::Alarm;
use crate::evidence::clock::{Clocks, SleepGap, WallClock};
use crate::evidence::collector::{JobWord, Moment, Observer};
use crate::evidence::patterns::Patterns;
use crate::evidence::process::ExitWatch;
use crate::evidence::watch::{Changed, Key, Watch};
use crate::health::{Change, Deadlines, Evidence, Light, Verdict};
use crate::profile::{self, BadJobFile, ExtraHome, Found, Places, Profile};
use crate::supervisor::{JobReport, Supervisors};
use snapshot::{ProfileChange, ProfileView, Snapshot};
use updates::Subscribers;
pub use updates::{Update, Updates};
use watched::Watched;

/// Commands and answers that wait for the loop at most.
const QUEUE: usize = 256;

/// How often is looked at what the system tells nothing of: whether a process is stopped, and the files of a profile
/// where the system's word has proved wanting.
pub const LOOK: Duration = Duration::from_secs(5);

/// The safety net, in looks: how often every file is looked at though nothing said that it changed. The heartbeat of a
/// gateway that is well is read then, too.
const LOOKS_PER_POLL: u32 = 3;

/// The safety net of the search for profiles, and of the watches themselves, in looks: it lists folders, reads job files
/// and looks for everything that was missing.
const LOOKS_PER_SCAN: u32 = 12;

/// While one event follows another, the snapshot is published this often: it is a copy of everything.
const PUBLISH_EVERY: Duration = Duration::from_millis(10);

/// How often profiles are looked for at one go while each look finds something new to watch.
const SCANS_AT_MOST: usize = 4;

/// What the watcher works with.
pub struct Setup {
    /// Where profiles are looked for.
    pub places: Places,
    /// Profiles that are given, in place of a search.
    pub given: Vec<Profile>,
    /// Profiles to watch; empty: all.
    pub only: Vec<String>,
    /// Deadlines of the judgement.
    pub deadlines: Deadlines,
    /// The log patterns.
    pub patterns: Arc<Patterns>,
    /// The service managers of this machine.
    pub supervisors: Supervisors,
    /// The zone of the stamps in the logs.
    pub zone: TimeZone,
    /// The period of the looks; that of the safety net is a multiple of it.
    pub look: Duration,
    /// Sees all that is read of the first profile.
    pub observer: Option<Observer>,
}

/// What the watcher can be told.
#[derive(Debug)]
pub enum Command {
    /// Queries the service manager about the job of this profile now.
    QueryJob(String),
    /// Looks for profiles now, and asks the managers anew.
    Rescan,
    /// Other settings are in force.
    Settings(Box<Deadlines>, Arc<Patterns>, Vec<ExtraHome>),
    /// The machine woke up.
    Woke,
    /// Ends the loop.
    Quit,
}

/// What the loop hears from its own tasks.
#[derive(Debug)]
enum Heard {
    Exit { key: String },
    Job { key: String, answer: Option<JobReport> },
}

/// The way to a running watcher.
#[derive(Debug)]
pub struct Handle {
    /// The newest state, for readers that need neither the changes nor every state in between.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Commands to the loop.
    pub commands: mpsc::Sender<Command>,
    subscribers: Subscribers,
}

impl Handle {
    /// Receives every update from now on, in order. A late subscriber gets the present state first.
    pub fn subscribe(&self) -> Updates {
        self.subscribers.subscribe()
    }
}

/// The watcher cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WatcherError {
    /// The system's file watch, or its timer.
    #[error("cannot watch files: {0}")]
    Watch(#[from] std::io::Error),
}

/// Starts the loop on the current tokio runtime. Whoever subscribes before yielding gets the changes of the past, too.
pub fn spawn(setup: Setup) -> Result<Handle, WatcherError> {
    let now = Timestamp::now();
    let empty = Snapshot { at: now, profiles: Vec::new(), bad_files: Vec::new(), complete: false };
    let (snapshot_sender, snapshots) = watch::channel(Arc::new(empty));
    let subscribers = Subscribers::default();
    let (commands, command_receiver) = mpsc::channel(QUEUE);
    let (heard_sender, heard) = mpsc::channel(QUEUE);
    let clocks = Clocks::now();
    let watcher = Watcher {
        watch: Watch::new()?,
        alarm: Alarm::new()?,
        base: (now, clocks),
        wall: WallClock::default(),
        gap: SleepGap::default(),
        profiles: Vec::new(),
        job_folders: BTreeSet::new(),
        home_folders: BTreeSet::new(),
        users: HashMap::new(),
        bad_files: Vec::new(),
        stale: None,
        snapshot: snapshot_sender,
        subscribers: subscribers.clone(),
        changes: Vec::new(),
        woke: false,
        heard_sender,
        scan_again: false,
        last_look: Instant::now(),
        looks: 0,
        setup,
    };
    tokio::spawn(watcher.run(command_receiver, heard));
    Ok(Handle { snapshots, commands, subscribers })
}

struct Watcher {
    setup: Setup,
    watch: Watch,
    alarm: Alarm,
    /// Where the time line begins. It is carried on by the clock that also counts sleep, so that a clock which is set
    /// forward or back does no harm.
    base: (Timestamp, Clocks),
    /// What is told is told in the time of the wall clock, which is the reader's.
    wall: WallClock,
    gap: SleepGap,
    profiles: Vec<Watched>,
    /// Folders in which profiles may appear, and those that are not homes yet.
    job_folders: BTreeSet<Key>,
    /// Homes of profiles: only whether they are still there is asked.
    home_folders: BTreeSet<Key>,
    /// Everything that is watched, with the profiles that it is watched for.
    users: HashMap<Key, Vec<usize>>,
    bad_files: Vec<BadJobFile>,
    /// Since when the snapshot is not what holds.
    stale: Option<Instant>,
    snapshot: watch::Sender<Arc<Snapshot>>,
    subscribers: Subscribers,
    /// Changes since the last update.
    changes: Vec<ProfileChange>,
    /// The machine woke since the last update.
    woke: bool,
    heard_sender: mpsc::Sender<Heard>,
    last_look: Instant,
    looks: u32,
    /// The last scan could not look everywhere: it is done again at the next look.
    scan_again: bool,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.subscribers.close();
    }
}

/// What a turn of the loop looks at besides what it was told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Nothing,
    /// What the system tells nothing of.
    Untold,
    Everything,
}

impl Watcher {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut heard: mpsc::Receiver<Heard>) {
        let mut more = self.rescan();
        self.publish();
        loop {
            let (now, next) = (Instant::now(), self.next_turn());
            let at_once = more || next <= now;
            // What comes in a burst is published when the burst is over, or now and then.
            let stale = self.stale.is_some();
            let (mut changed, mut everything) = (BTreeSet::new(), false);
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    None | Some(Command::Quit) => return,
                    Some(command) => {
                        self.mind_sleep();
                        everything = self.obey(command);
                    }
                },
                Some(message) = heard.recv() => {
                    // A sleep comes first: no deadline passed in it.
                    self.mind_sleep();
                    self.hear(message);
                }
                seen = self.watch.changed() => if let Ok(news) = seen {
                    (changed, everything) = (news.changed, news.everything);
                } else {
                    // Without the system's word the safety net remains.
                    tokio::time::sleep(self.setup.look).await;
                    everything = true;
                },
                () = tokio::task::yield_now(), if at_once => {}
                () = tokio::task::yield_now(), if stale && !at_once => {
                    self.publish();
                    continue;
                }
                () = self.alarm.ring_at(next), if !at_once => {}
            }
            self.mind_sleep();
            let due = self.last_look.elapsed() >= self.setup.look;
            let mut look = Look::Nothing;
            if due {
                self.last_look = Instant::now();
                self.looks = self.looks.wrapping_add(1);
                look = Look::Untold;
                if self.looks.is_multiple_of(LOOKS_PER_POLL) {
                    look = Look::Everything;
                }
            }
            let scan_due = due && (self.scan_again || self.looks.is_multiple_of(LOOKS_PER_SCAN));
            if scan_due {
                // A folder further up was swapped, a volume came back: no event tells of that. What lies there now is
                // read by the safety net already.
                changed.extend(self.watch.recheck().changed);
            }
            if everything || scan_due || changed.iter().any(|changed| self.may_bring_profiles(changed)) {
                everything |= self.rescan();
            }
            let touched: BTreeSet<Key> = changed.iter().map(|changed| changed.key).collect();
            more = self.read(&touched, everything, look);
            self.ask_managers();
            if self.stale.is_some_and(|since| since.elapsed() >= PUBLISH_EVERY) {
                self.publish();
            }
        }
    }

    /// Now, on the time line.
    fn now(&self) -> Moment {
        let elapsed = Clocks::now().total.saturating_sub(self.base.1.total);
        let at = self.base.0.saturating_add(elapsed).unwrap_or(Timestamp::MAX);
        Moment { at, instant: Instant::now() }
    }

    /// Until when there is nothing to do unless something happens.
    fn next_turn(&self) -> Instant {
        let now = self.now();
        let next_look = self.last_look + self.setup.look;
        let deadline = self.profiles.iter().filter_map(|p| p.deadline).min();
        let deadline = deadline
            .map(|at| now.instant + Duration::try_from(at.duration_since(now.at)).unwrap_or_default());
        let flush = self.profiles.iter().filter_map(|p| p.flush_at).min();
        let asking = self.profiles.iter().filter_map(|p| p.job.next(now.instant)).min();
        let asking = asking.map(|wait| now.instant + wait);
        [deadline, flush, asking].into_iter().flatten().fold(next_look, Instant::min)
    }

    fn mind_sleep(&mut self) {
        self.wall.observe(self.now().at, Timestamp::now());
        if let Some(slept) = self.gap.observe(Clocks::now()) {
            // Before any change that follows from it.
            self.woke = true;
            self.stale.get_or_insert_with(Instant::now);
            self.tell_all(&Evidence::Wake { slept });
        }
    }

    fn tell_all(&mut self, evidence: &Evidence) {
        let now = self.now();
        for index in 0..self.profiles.len() {
            let mut out = Vec::new();
            self.profiles[index].collector.tell(now.at, evidence.clone(), &mut out);
            self.feed(index, now.at, out);
        }
    }

    fn obey(&mut self, command: Command) -> bool {
        match command {
            Command::QueryJob(name) => {
                if let Some(watched) = self.profiles.iter_mut().find(|p| p.profile.name == name) {
                    watched.job.ask_soon();
                }
                false
            }
            Command::Rescan => {
                self.profiles.iter_mut().for_each(|watched| watched.job.ask_soon());
                true
            }
            Command::Settings(deadlines, patterns, extra_homes) => {
                self.setup.deadlines = *deadlines;
                self.setup.patterns = patterns;
                self.setup.places.extra_homes = extra_homes;
                for index in 0..self.profiles.len() {
                    let changes = self.profiles[index].core.set_deadlines(self.setup.deadlines.clone());
                    self.judged(index, changes);
                }
                true
            }
            Command::Woke | Command::Quit => true,
        }
    }

    /// Looks for profiles and watches where they are and may appear. Returns whether something is watched that was not
    /// before: what changed there between the look and the watch is told by nobody, so all must be read once more.
    fn rescan(&mut self) -> bool {
        let mut any = false;
        for _ in 0..SCANS_AT_MOST {
            self.scan();
            if !self.watch_folders() {
                break;
            }
            any = true;
        }
        any
    }

    /// Looks for profiles. Those that are still the same keep what is known of them.
    fn scan(&mut self) {
        let found = if self.setup.given.is_empty() {
            let found = profile::scan(&self.setup.places);
            // what could not be looked for is not gone
            self.scan_again = no_descriptors();
            if self.scan_again && !self.profiles.is_empty() {
                return;
            }
            found
        } else {
            Found { profiles: self.setup.given.clone(), bad: Vec::new() }
        };
        self.bad_files = found.bad;
        let only = self.setup.only.clone();
        let wanted = found.profiles.into_iter().filter(|p| only.is_empty() || only.contains(&p.name));
        // Nearly always the same in the same order: each is found at the front.
        let mut old = VecDeque::from(std::mem::take(&mut self.profiles));
        let mut new = Vec::new();
        for profile in wanted {
            let same = old.iter().position(|watched| watched.is_of(&profile));
            match same.and_then(|index| old.remove(index)) {
                Some(mut watched) => {
                    if *watched.profile != profile {
                        watched.job.ask_soon();
                        watched.profile = Arc::new(profile);
                    }
                    new.push(watched);
                }
                None => new.push(self.attach(profile)),
            }
        }
        self.profiles = new;
        self.stale.get_or_insert_with(Instant::now);
    }

    /// Whether a change may mean that a profile came or went.
    fn may_bring_profiles(&self, changed: &Changed) -> bool {
        let itself = changed.name.is_none() && self.home_folders.contains(&changed.key);
        itself || self.job_folders.contains(&changed.key)
    }

    /// Watches what is to be watched now, and nothing else. What cannot be watched is left to the safety net. Returns
    /// whether something is new among it.
    fn watch_folders(&mut self) -> bool {
        let places = &self.setup.places;
        let mut folders = vec![places.launch_agents.clone(), places.systemd_user.clone()];
        folders.push(places.hermes.join("profiles"));
        // A folder is made before what makes it a home.
        let homes: BTreeSet<_> = self.profiles.iter().map(|watched| watched.profile.home.clone()).collect();
        folders.extend(profile::possible_homes(places).into_iter().filter(|home| !homes.contains(home)));
        self.job_folders = folders.iter().filter_map(|folder| self.watch.add_dir(folder).ok()).collect();
        self.home_folders = homes.iter().filter_map(|home| self.watch.add_dir(home).ok()).collect();
        let before = std::mem::take(&mut self.users);
        for index in 0..self.profiles.len() {
            self.profiles[index].keys.clear();
            self.watch_profile(index);
        }
        let shared = &self.job_folders | &self.home_folders;
        let new = self.users.keys().chain(&shared).any(|key| !before.contains_key(key));
        for key in before.into_keys() {
            if !self.is_used(key) {
                self.watch.remove(key);
            }
        }
        for key in shared {
            self.users.entry(key).or_default();
        }
        new
    }

    /// Watches what one profile needs now, and no longer what it needed before.
    fn watch_profile(&mut self, index: usize) {
        let watched = &mut self.profiles[index];
        let folders = watched.folders();
        let mut keys: Vec<Key> = folders.iter().filter_map(|one| self.watch.add_dir(one).ok()).collect();
        let logs = &watched.profile.logs;
        keys.extend(logs.iter().filter_map(|file| self.watch.add_file(file).ok()));
        watched.unwatched = keys.len() < folders.len() + logs.len();
        keys.sort_unstable();
        keys.dedup();
        let dropped: Vec<Key> = watched.keys.iter().copied().filter(|key| !keys.contains(key)).collect();
        for key in &keys {
            let users = self.users.entry(*key).or_default();
            if !users.contains(&index) {
                users.push(index);
            }
        }
        watched.keys = keys;
        for key in dropped {
            if let Some(users) = self.users.get_mut(&key) {
                users.retain(|user| *user != index);
            }
            if !self.is_used(key) {
                self.users.remove(&key);
                self.watch.remove(key);
            }
        }
        self.watch_exits(index);
    }

    fn is_used(&self, key: Key) -> bool {
        let by_profiles = self.users.get(&key).is_some_and(|users| !users.is_empty());
        by_profiles || self.job_folders.contains(&key) || self.home_folders.contains(&key)
    }

    fn attach(&mut self, profile: Profile) -> Watched {
        let profile = Arc::new(profile);
        let asked = profile.job.as_ref().is_some_and(|job| self.setup.supervisors.get(job.manager).is_some());
        if !asked {
            return self.attach_for_good(&profile, JobWord::Nothing);
        }
        let (watched, changes) = self.attach_with(&profile, JobWord::Awaited, None);
        if watched.provisional {
            // What is said until the manager answers is not told, and not recorded.
            return watched;
        }
        if self.setup.observer.is_some() {
            return self.attach_for_good(&profile, JobWord::Nothing);
        }
        self.tell_past(&profile, changes);
        watched
    }

    fn attach_for_good(&mut self, profile: &Arc<Profile>, word: JobWord) -> Watched {
        let observer = self.setup.observer.take();
        let (watched, changes) = self.attach_with(profile, word, observer);
        self.tell_past(profile, changes);
        watched
    }

    fn tell_past(&mut self, profile: &Arc<Profile>, changes: Vec<Change>) {
        let past = changes.into_iter().map(|change| ProfileChange {
            profile: Arc::clone(profile),
            change,
            history: true,
        });
        self.changes.extend(past);
    }

    fn attach_with(
        &self,
        profile: &Arc<Profile>,
        word: JobWord,
        observer: Option<Observer>,
    ) -> (Watched, Vec<Change>) {
        let Setup { patterns, deadlines, zone, .. } = &self.setup;
        Watched::attach(Arc::clone(profile), patterns, deadlines, zone, self.now(), word, observer)
    }

    /// The manager's first word is there: reads the past again, as that of the process that it names.
    fn settle(&mut self, index: usize, answer: Option<&JobReport>) {
        let profile = Arc::clone(&self.profiles[index].profile);
        let word = match answer {
            Some(report) => watched::gateway_of(report).map_or(JobWord::Nothing, JobWord::Process),
            // A gateway that names itself in its home and does not now is gone, whatever the manager says.
            None if watched::names_itself(&profile) => JobWord::Nothing,
            None => JobWord::Awaited,
        };
        let mut settled = self.attach_for_good(&profile, word);
        let watched = &mut self.profiles[index];
        std::mem::swap(&mut watched.core, &mut settled.core);
        std::mem::swap(&mut watched.collector, &mut settled.collector);
        watched.provisional = false;
        if watched.collector.processes().next().is_none() {
            // the manager may start it though its home says nothing
            watched.job.note(&Evidence::NoProcess);
        }
        watched.keep_ready();
        self.watch_exits(index);
    }

    /// Reads what changed, and lets time pass. `everything`: anything may have changed. Returns whether something is
    /// left to read.
    fn read(&mut self, touched: &BTreeSet<Key>, everything: bool, look: Look) -> bool {
        let users = touched.iter().filter_map(|key| self.users.get(key));
        let told: BTreeSet<usize> = users.flatten().copied().collect();
        // what a link in place of a log leads to shows in no folder that is watched
        let thorough = self.looks.is_multiple_of(LOOKS_PER_SCAN);
        let mut more = false;
        let begun = self.now();
        for index in 0..self.profiles.len() {
            let watched = &self.profiles[index];
            let is_told = everything || told.contains(&index);
            // Before a deadline passes, everything that was written before it is read.
            let due = watched.deadline.is_some_and(|at| at <= begun.at)
                || watched.flush_at.is_some_and(|at| at <= begun.instant);
            let expected = is_told || due || watched.more;
            let all = expected
                || match look {
                    Look::Nothing => false,
                    Look::Untold => watched.unwatched || watched.untold,
                    Look::Everything => true,
                };
            if !all && look == Look::Nothing {
                continue;
            }
            let now = self.now();
            let watched = &mut self.profiles[index];
            let mut out = Vec::new();
            if all {
                let polled = watched.collector.poll(now, !expected && !thorough, &mut out);
                watched.more = polled.more;
                more |= polled.more;
                // What was found though nobody told of it: from now on it is looked at more often, until somebody does.
                watched.untold = !is_told && (watched.untold || (polled.news && !expected));
            }
            watched.collector.look_at_processes(now.at, &mut out);
            self.feed(index, now.at, out);
        }
        more
    }

    /// Hands evidence to the core of one profile and lets its time pass.
    fn feed(&mut self, index: usize, at: Timestamp, evidence: Vec<Evidence>) {
        let watched = &mut self.profiles[index];
        if evidence.is_empty() && watched.deadline.is_none_or(|due| due > at) {
            watched.flush_at = watched.collector.next_flush();
            return;
        }
        let new_process = evidence.iter().any(|evidence| matches!(evidence, Evidence::Process { .. }));
        let mut changes = Vec::new();
        for evidence in evidence {
            watched.job.note(&evidence);
            changes.extend(watched.core.step(at, evidence));
        }
        changes.extend(watched.core.tick(at));
        if new_process {
            self.watch_exits(index);
        }
        self.judged(index, changes);
    }

    /// The core of one profile has judged anew.
    fn judged(&mut self, index: usize, changes: Vec<Change>) {
        self.stale.get_or_insert_with(Instant::now);
        let watched = &mut self.profiles[index];
        watched.keep_ready();
        let was_green = !watched.minds_heartbeat;
        let is_green = watched.core.verdict().light() == Light::Green;
        if was_green != is_green {
            watched.minds_heartbeat = !is_green;
            self.watch_profile(index);
        }
        self.send(index, changes);
    }

    fn send(&mut self, index: usize, changes: Vec<Change>) {
        for change in changes {
            let profile = Arc::clone(&self.profiles[index].profile);
            let change = Change {
                at: self.wall.tell(change.at),
                from: self.told(change.from),
                to: self.told(change.to),
            };
            self.changes.push(ProfileChange { profile, change, history: false });
        }
    }

    /// A verdict in the time of the wall clock.
    fn told(&self, verdict: Verdict) -> Verdict {
        Verdict { since: self.wall.tell(verdict.since), ..verdict }
    }

    /// Has the system tell when a process of this profile ends.
    fn watch_exits(&mut self, index: usize) {
        let watched = &mut self.profiles[index];
        for (pid, start) in watched.new_processes() {
            let (sender, key) = (self.heard_sender.clone(), watched.key.clone());
            // Where the system cannot tell, the safety net does.
            if let Ok(Some(mut exit)) = ExitWatch::new(pid, start) {
                let task = tokio::spawn(async move {
                    if exit.gone().await.is_ok() {
                        let _ = sender.send(Heard::Exit { key }).await;
                    }
                });
                watched.keep_task(pid, start, task);
            }
        }
    }

    fn hear(&mut self, message: Heard) {
        let now = self.now();
        let key = match &message {
            Heard::Exit { key, .. } | Heard::Job { key, .. } => key,
        };
        let Some(index) = self.profiles.iter().position(|watched| watched.key == *key) else { return };
        if let (Heard::Job { answer, .. }, true) = (&message, self.profiles[index].provisional) {
            self.settle(index, answer.as_ref());
        }
        let watched = &mut self.profiles[index];
        let mut out = Vec::new();
        match message {
            Heard::Exit { .. } => {
                // Its last words first: they say whether it was meant.
                watched.collector.poll(now, false, &mut out);
                watched.collector.look_at_processes(now.at, &mut out);
                watched.job.ask_soon();
            }
            Heard::Job { answer, .. } => watched.take_answer(answer, now, &mut out),
        }
        self.feed(index, now.at, out);
    }

    /// Asks the service managers where their word is needed now.
    fn ask_managers(&mut self) {
        let now = Instant::now();
        for watched in &mut self.profiles {
            if watched.job.next(now) != Some(Duration::ZERO) {
                continue;
            }
            let job = watched.profile.job.clone();
            let asked = job.and_then(|job| Some((self.setup.supervisors.get(job.manager)?, job)));
            let Some((supervisor, job)) = asked else {
                watched.job.skip();
                self.stale.get_or_insert(now);
                continue;
            };
            if !watched.job.begin(now) {
                continue;
            }
            let (sender, key) = (self.heard_sender.clone(), watched.key.clone());
            tokio::spawn(async move {
                let asked = tokio::task::spawn_blocking(move || supervisor.query(&job).ok());
                let answer = asked.await.unwrap_or(None);
                let _ = sender.send(Heard::Job { key, answer }).await;
            });
        }
    }

    fn publish(&mut self) {
        self.stale = None;
        let at = self.wall.tell(self.now().at);
        let complete = self.profiles.iter().all(|watched| watched.job.answered);
        let told = |view: ProfileView| ProfileView { verdict: self.told(view.verdict), ..view };
        let profiles: Vec<_> = self.profiles.iter().map(|watched| told(watched.view())).collect();
        let old = self.snapshot.borrow().clone();
        let same = old.complete == complete && old.profiles == profiles && old.bad_files == self.bad_files;
        let (changes, woke) = (std::mem::take(&mut self.changes), std::mem::take(&mut self.woke));
        if same && changes.is_empty() && !woke {
            return;
        }
        let snapshot = if same {
            old
        } else {
            Arc::new(Snapshot { at, profiles, bad_files: self.bad_files.clone(), complete })
        };
        self.subscribers.publish(&Update { snapshot: Arc::clone(&snapshot), changes, woke, missed: 0 });
        if !same {
            self.snapshot.send_replace(snapshot);
        }
    }
}

/// Whether folders cannot be listed just now for want of descriptors.
fn no_descriptors() -> bool {
    use rustix::io::Errno;
    // as many as a scan has open at once
    let tried = [(); 3].map(|()| std::fs::File::open("/"));
    tried.iter().any(|file| {
        let error = file.as_ref().err().and_then(Errno::from_io_error);
        matches!(error, Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
    })
}
