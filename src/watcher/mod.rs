//! The loop that joins the rooms: one owner of all profiles. Woken by the system, by deadlines, and by a slow poll as a
//! safety net; publishes a [`Snapshot`] and every [`ProfileChange`].

mod jobs;
mod watched;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::{broadcast, mpsc, watch};

use crate::evidence::clock::{Clocks, SleepGap};
use crate::evidence::collector::{JobWord, Moment, Observer};
use crate::evidence::patterns::Patterns;
use crate::evidence::process::ExitWatch;
use crate::evidence::watch::{Changed, Key, Watch};
use crate::health::{Deadlines, Evidence};
use crate::profile::{self, BadJobFile, ExtraHome, Found, Places, Profile};
use crate::snapshot::{ProfileChange, RestartView, Snapshot};
use crate::supervisor::{JobReport, Supervisors};
use watched::Watched;

/// Changes kept for a slow listener; one that is slower than that misses the oldest.
const CHANGES_KEPT: usize = 1024;

/// Commands and answers that wait for the loop at most.
const QUEUE: usize = 256;

/// The safety net: how often everything is looked at though nothing said that it changed.
pub const SAFETY_POLL: Duration = Duration::from_secs(5);

/// The safety net of the search for profiles, in polls: it lists folders and reads job files.
const POLLS_PER_SCAN: u32 = 12;

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
    /// The safety net's period.
    pub poll: Duration,
    /// Sees all that is read of the first profile.
    pub observer: Option<Observer>,
}

/// What the watcher can be told.
#[derive(Debug)]
pub enum Command {
    /// Shows a restart in the snapshot; `None` takes it away.
    ShowRestart(String, Option<RestartView>),
    /// Looks for profiles now, and asks the managers anew.
    Rescan,
    /// Other settings are in force.
    Settings(Box<Deadlines>, Arc<Patterns>, Vec<ExtraHome>),
    /// The machine goes to sleep.
    Sleep,
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
    /// The newest snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Every change, history included.
    pub changes: broadcast::Sender<ProfileChange>,
    /// How often the machine woke from sleep; told before the changes that follow.
    pub woke: watch::Receiver<u64>,
    /// Commands to the loop.
    pub commands: mpsc::Sender<Command>,
}

/// The watcher cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WatcherError {
    /// The system's file watch.
    #[error("cannot watch files: {0}")]
    Watch(#[from] std::io::Error),
}

/// Starts the loop on the current tokio runtime. Listeners of `changes` must subscribe before they yield.
pub fn spawn(setup: Setup) -> Result<Handle, WatcherError> {
    let now = Timestamp::now();
    let empty = Snapshot { at: now, profiles: Vec::new(), bad_files: Vec::new(), complete: false };
    let (snapshot_sender, snapshots) = watch::channel(Arc::new(empty));
    let (changes, _) = broadcast::channel(CHANGES_KEPT);
    let (woke_sender, woke) = watch::channel(0);
    let (commands, command_receiver) = mpsc::channel(QUEUE);
    let (heard_sender, heard) = mpsc::channel(QUEUE);
    let clocks = Clocks::now();
    let watcher = Watcher {
        watch: Watch::new()?,
        base: (now, clocks),
        gap: SleepGap::default(),
        profiles: Vec::new(),
        job_folders: BTreeSet::new(),
        home_folders: BTreeSet::new(),
        keys: BTreeSet::new(),
        bad_files: Vec::new(),
        snapshot: snapshot_sender,
        changes: changes.clone(),
        woke: woke_sender,
        heard_sender,
        last_poll: Instant::now(),
        polls: 0,
        scan_again: false,
        setup,
    };
    tokio::spawn(watcher.run(command_receiver, heard));
    Ok(Handle { snapshots, changes, woke, commands })
}

struct Watcher {
    setup: Setup,
    watch: Watch,
    /// Where the time line begins. It is carried on by the clock that also counts sleep, so that a clock which is set
    /// forward or back does no harm.
    base: (Timestamp, Clocks),
    gap: SleepGap,
    profiles: Vec<Watched>,
    /// Folders in which profiles may appear, and those that are not homes yet.
    job_folders: BTreeSet<Key>,
    /// Homes of profiles: only whether they are still there is asked.
    home_folders: BTreeSet<Key>,
    /// Everything that is watched.
    keys: BTreeSet<Key>,
    bad_files: Vec<BadJobFile>,
    snapshot: watch::Sender<Arc<Snapshot>>,
    changes: broadcast::Sender<ProfileChange>,
    woke: watch::Sender<u64>,
    heard_sender: mpsc::Sender<Heard>,
    last_poll: Instant,
    polls: u32,
    /// The last scan could not look everywhere: it is done again at the next poll.
    scan_again: bool,
}

impl Watcher {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut heard: mpsc::Receiver<Heard>) {
        let mut more = self.rescan();
        self.publish();
        loop {
            let wait = if more { Duration::ZERO } else { self.wait() };
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
                seen = self.watch.changed() => match seen {
                    Ok(news) => (changed, everything) = (news.changed, news.everything),
                    // Without the system's word the safety net remains.
                    Err(_) => tokio::time::sleep(self.setup.poll).await,
                },
                () = tokio::time::sleep(wait) => {}
            }
            self.mind_sleep();
            let due = self.last_poll.elapsed() >= self.setup.poll;
            if due {
                self.last_poll = Instant::now();
                self.polls = self.polls.wrapping_add(1);
                // A folder further up was swapped, a volume came back: no event tells of that.
                changed.extend(self.watch.recheck().changed);
            }
            let scan_due = due && (self.scan_again || self.polls.is_multiple_of(POLLS_PER_SCAN));
            if everything || scan_due || changed.iter().any(|changed| self.may_bring_profiles(changed)) {
                everything |= self.rescan();
            }
            let touched: Vec<Key> = changed.iter().map(|changed| changed.key).collect();
            more = self.read(&touched, everything || due || more);
            self.ask_managers();
            self.publish();
        }
    }

    /// Now, on the time line.
    fn now(&self) -> Moment {
        let elapsed = Clocks::now().total.saturating_sub(self.base.1.total);
        let at = self.base.0.saturating_add(elapsed).unwrap_or(Timestamp::MAX);
        Moment { at, instant: Instant::now() }
    }

    /// How long there is nothing to do unless something happens.
    fn wait(&self) -> Duration {
        let now = self.now();
        let until_poll = self.setup.poll.saturating_sub(self.last_poll.elapsed());
        let deadlines = self.profiles.iter().filter_map(|p| p.core.next_deadline()).min();
        let until_deadline =
            deadlines.map(|at| Duration::try_from(at.duration_since(now.at)).unwrap_or_default());
        let flush = self.profiles.iter().filter_map(|p| p.collector.next_flush()).min();
        let until_flush = flush.map(|at| at.saturating_duration_since(now.instant));
        let asking = self.profiles.iter().filter_map(|p| p.job.next(now.instant)).min();
        [until_deadline, until_flush, asking].into_iter().flatten().fold(until_poll, Duration::min)
    }

    fn mind_sleep(&mut self) {
        if let Some(slept) = self.gap.observe(Clocks::now()) {
            // Before any change that follows from it.
            self.woke.send_modify(|times| *times += 1);
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
            Command::ShowRestart(name, view) => {
                if let Some(watched) = self.profiles.iter_mut().find(|p| p.profile.name == name) {
                    watched.job.ask_soon();
                    watched.restart = view;
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
                    self.send(index, changes, false);
                }
                true
            }
            Command::Sleep => {
                self.tell_all(&Evidence::Sleep);
                false
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
        let mut old = std::mem::take(&mut self.profiles);
        let mut new = Vec::new();
        for profile in wanted {
            let same = old.iter().position(|watched| watched.is_of(&profile));
            match same {
                Some(index) => {
                    let mut watched = old.swap_remove(index);
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
        let mut wanted = &self.job_folders | &self.home_folders;
        for index in 0..self.profiles.len() {
            let watched = &mut self.profiles[index];
            let folders = watched.folders().into_iter().filter_map(|folder| self.watch.add_dir(&folder).ok());
            let mut keys: Vec<Key> = folders.collect();
            keys.extend(watched.profile.logs.iter().filter_map(|file| self.watch.add_file(file).ok()));
            wanted.extend(&keys);
            watched.keys = keys;
            self.watch_exits(index);
        }
        for key in self.keys.difference(&wanted) {
            self.watch.remove(*key);
        }
        let new = !wanted.is_subset(&self.keys);
        self.keys = wanted;
        new
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

    fn tell_past(&self, profile: &Arc<Profile>, changes: Vec<crate::health::Change>) {
        for change in changes {
            let _ = self.changes.send(ProfileChange { profile: Arc::clone(profile), change, history: true });
        }
    }

    fn attach_with(
        &self,
        profile: &Arc<Profile>,
        word: JobWord,
        observer: Option<Observer>,
    ) -> (Watched, Vec<crate::health::Change>) {
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
    }

    /// Reads what changed, and lets time pass. Returns whether something is left to read.
    fn read(&mut self, touched: &[Key], everything: bool) -> bool {
        let mut more = false;
        for index in 0..self.profiles.len() {
            let now = self.now();
            let watched = &mut self.profiles[index];
            let concerned = everything
                || watched.collector.next_flush().is_some()
                || touched.iter().any(|key| watched.keys.contains(key));
            let mut out = Vec::new();
            if concerned {
                more |= watched.collector.poll(now, &mut out);
                watched.collector.look_at_processes(now.at, &mut out);
            }
            self.feed(index, now.at, out);
        }
        more
    }

    /// Hands evidence to the core of one profile and lets its time pass.
    fn feed(&mut self, index: usize, at: Timestamp, evidence: Vec<Evidence>) {
        let watched = &mut self.profiles[index];
        let mut changes = Vec::new();
        for evidence in evidence {
            watched.job.note(&evidence);
            changes.extend(watched.core.step(at, evidence));
        }
        changes.extend(watched.core.tick(at));
        self.watch_exits(index);
        self.send(index, changes, false);
    }

    fn send(&self, index: usize, changes: Vec<crate::health::Change>, history: bool) {
        for change in changes {
            let profile = Arc::clone(&self.profiles[index].profile);
            // No listener is no error.
            let _ = self.changes.send(ProfileChange { profile, change, history });
        }
    }

    /// Has the system tell when a process of this profile ends.
    fn watch_exits(&mut self, index: usize) {
        let watched = &mut self.profiles[index];
        for (pid, start) in watched.new_processes() {
            let (sender, key) = (self.heard_sender.clone(), watched.key());
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
        let Some(index) = self.profiles.iter().position(|watched| watched.key() == *key) else { return };
        if let (Heard::Job { answer, .. }, true) = (&message, self.profiles[index].provisional) {
            self.settle(index, answer.as_ref());
        }
        let watched = &mut self.profiles[index];
        let mut out = Vec::new();
        match message {
            Heard::Exit { .. } => {
                // Its last words first: they say whether it was meant.
                watched.collector.poll(now, &mut out);
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
            let job = watched.profile.job.clone();
            let asked = job.and_then(|job| Some((self.setup.supervisors.get(job.manager)?, job)));
            let Some((supervisor, job)) = asked else {
                watched.job.skip();
                continue;
            };
            if !watched.job.begin(now) {
                continue;
            }
            let (sender, key) = (self.heard_sender.clone(), watched.key());
            tokio::spawn(async move {
                let asked = tokio::task::spawn_blocking(move || supervisor.query(&job).ok());
                let answer = asked.await.unwrap_or(None);
                let _ = sender.send(Heard::Job { key, answer }).await;
            });
        }
    }

    fn publish(&mut self) {
        let at = self.now().at;
        let complete = self.profiles.iter().all(|watched| watched.job.answered);
        let profiles: Vec<_> = self.profiles.iter().map(Watched::view).collect();
        self.snapshot.send_if_modified(|old| {
            let same =
                old.complete == complete && old.profiles == profiles && old.bad_files == self.bad_files;
            if !same {
                *old = Arc::new(Snapshot { at, profiles, bad_files: self.bad_files.clone(), complete });
            }
            !same
        });
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
