//! The loop itself: [`Watcher::run`] is its table of contents.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::family;
use super::monitor::{Monitor, MonitorId};
use super::past_readers::PastReaders;
use super::publisher::Publisher;
use super::scan::Scan;
use super::snapshot::{ProfileView, Snapshot};
use super::timeline::Timeline;
use super::updates::Subscribers;
use super::watches::Watches;
use super::{Command, Event, Ignored, JobAnswer, Poll, Setup, WatcherError};
use crate::evidence::alarm::Alarm;
use crate::evidence::watch::{Changed, Changes};
use crate::health::{Change, Evidence, ProfileName, Verdict};
use crate::profile::Profile;
use crate::worker::{self, Backoff};

/// Polls of silent state for each poll of everything.
const POLLS_PER_SWEEP: u32 = 3;

/// Polls of silent state for each scan for profiles. A scan lists folders, reads job files, looks for everything that was
/// missing, and compares the file watches with what the paths lead to.
const POLLS_PER_SCAN: u32 = 12;

/// Scans in a row at most, while each finds something new to watch.
const MAX_SCANS: usize = 4;

/// Events of our own that are handled in one turn.
const MAX_EVENTS: usize = 64;

pub(super) struct Watcher {
    setup: Setup,
    watches: Watches,
    alarm: Alarm,
    time: Timeline,
    monitors: Vec<Monitor>,
    /// For each monitor the place of the one whose gateway may serve its profile.
    parents: Vec<Option<usize>>,
    next_id: u64,
    scan: Scan,
    readers: PastReaders,
    publisher: Publisher,
    events: mpsc::Sender<Event>,
    last_poll: Instant,
    polls: u32,
}

/// What one turn of the loop has to do.
#[derive(Default)]
struct Turn {
    /// What changed, by the system's file watch.
    changed: BTreeSet<Changed>,
    /// Monitors for which something was reported otherwise.
    reported: BTreeSet<usize>,
    /// Anything may have changed.
    everything: bool,
    /// Profiles are to be searched for.
    scan: bool,
}

enum Wakeup {
    Command(Command),
    Event(Event),
    Files(Changes),
    /// The file watch failed: the safety net remains.
    WatchFailed,
    /// There is work left, or a deadline passed.
    Due,
    /// There is nothing else to do.
    Idle,
}

impl Watcher {
    pub(super) fn new(
        setup: Setup,
        events: mpsc::Sender<Event>,
    ) -> Result<(Self, watch::Receiver<Arc<Snapshot>>, Subscribers), WatcherError> {
        let (publisher, snapshots, subscribers) = Publisher::new();
        let watcher = Self {
            watches: Watches::new()?,
            alarm: Alarm::new()?,
            time: Timeline::start(),
            monitors: Vec::new(),
            parents: Vec::new(),
            next_id: 0,
            scan: Scan::default(),
            readers: PastReaders::new(events.clone()),
            publisher,
            events,
            last_poll: Instant::now(),
            polls: 0,
            setup,
        };
        Ok((watcher, snapshots, subscribers))
    }

    /// Runs until it is told to quit. After a panic it begins again, without what it knew.
    pub(super) async fn supervise(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut events: mpsc::Receiver<Event>,
    ) {
        let mut backoff = Backoff::new("watcher");
        while worker::catch(self.run(&mut commands, &mut events)).await.is_err() {
            self.reset();
            tokio::time::sleep(backoff.crashed()).await;
            backoff.restarted();
        }
    }

    /// Drops all monitors. Readers and queries that still run report to monitors that no longer exist.
    fn reset(&mut self) {
        self.monitors.clear();
        self.parents.clear();
        self.scan = Scan::default();
        // without new ones the old ones are rebuilt by the next scan
        if let Ok(watches) = Watches::new() {
            self.watches = watches;
        }
        self.publisher.publish_unknown(self.time.wall_time(self.time.now().at));
    }

    async fn run(&mut self, commands: &mut mpsc::Receiver<Command>, events: &mut mpsc::Receiver<Event>) {
        self.scan_profiles();
        self.begin_work();
        self.publish();
        while let Some(wakeup) = self.wait(commands, events).await {
            worker::test_panic("watcher");
            self.notice_sleep();
            let mut turn = self.handle(wakeup, events).await;
            let poll = self.due_poll(&mut turn);
            self.scan_if_needed(&mut turn);
            self.read_and_judge(&turn, poll);
            self.begin_work();
            self.publish_if_due();
        }
    }

    /// Waits for the next thing to do; `None`: the end.
    async fn wait(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        events: &mut mpsc::Receiver<Event>,
    ) -> Option<Wakeup> {
        let (now, next) = (Instant::now(), self.next_turn());
        let due = next <= now || self.monitors.iter().any(Monitor::has_unread);
        // a burst is published when it is over
        let stale = self.publisher.is_stale();
        let wakeup = tokio::select! {
            biased;
            command = commands.recv() => match command {
                None | Some(Command::Quit) => return None,
                Some(command) => Wakeup::Command(command),
            },
            Some(event) = events.recv() => Wakeup::Event(event),
            changes = self.watches.changed() => changes.map_or(Wakeup::WatchFailed, Wakeup::Files),
            () = tokio::task::yield_now(), if due => Wakeup::Due,
            () = tokio::task::yield_now(), if stale && !due => Wakeup::Idle,
            () = self.alarm.ring_at(next), if !due => Wakeup::Due,
        };
        Some(wakeup)
    }

    /// Until when there is nothing to do unless something happens.
    fn next_turn(&self) -> Instant {
        let now = self.time.now();
        let next_poll = self.last_poll + self.setup.poll_interval;
        self.monitors.iter().filter_map(|monitor| monitor.next_turn(now)).fold(next_poll, Instant::min)
    }

    /// A sleep comes before everything that follows from it: no deadline passed in it.
    fn notice_sleep(&mut self) {
        let Some(slept) = self.time.observe() else { return };
        self.publisher.mark_woke();
        let now = self.time.now();
        for monitor in &mut self.monitors {
            monitor.add(Evidence::Wake { slept }, now.at);
        }
    }

    async fn handle(&mut self, wakeup: Wakeup, events: &mut mpsc::Receiver<Event>) -> Turn {
        let mut turn = Turn::default();
        match wakeup {
            Wakeup::Command(command) => turn.everything = self.execute(command),
            Wakeup::Event(event) => {
                self.take_event(event, &mut turn);
                for _ in 1..MAX_EVENTS {
                    let Ok(event) = events.try_recv() else { break };
                    self.take_event(event, &mut turn);
                }
            }
            Wakeup::Files(changes) => {
                turn.changed = changes.changed;
                turn.everything = changes.everything;
            }
            Wakeup::WatchFailed => {
                tokio::time::sleep(self.setup.poll_interval).await;
                turn.everything = true;
            }
            Wakeup::Idle => self.publish(),
            // a home that is blocked since then is shown as such
            Wakeup::Due if !self.monitors.iter().all(Monitor::is_live) => self.publisher.mark_stale(),
            Wakeup::Due => {}
        }
        turn
    }

    /// Executes a command. Returns whether anything may have changed.
    fn execute(&mut self, command: Command) -> bool {
        match command {
            Command::QueryJob(name) => {
                let named = self.monitors.iter_mut().find(|monitor| monitor.profile.name == name);
                if let Some(monitor) = named {
                    monitor.job.query_soon();
                }
                false
            }
            Command::Rescan => {
                for monitor in &mut self.monitors {
                    monitor.job.query_soon();
                }
                true
            }
            Command::Settings(settings, extra_homes) => {
                self.setup.settings = *settings;
                self.setup.places.extra_homes = extra_homes;
                for index in 0..self.monitors.len() {
                    let changes = self.monitors[index].set_rules(&self.setup.settings);
                    self.record(index, changes);
                }
                self.set_ignored();
                true
            }
            Command::Woke | Command::Quit => true,
        }
    }

    fn take_event(&mut self, event: Event, turn: &mut Turn) {
        let (Event::Exited(id) | Event::JobAnswered(id, _) | Event::PastRead(id, _)) = event;
        if matches!(event, Event::PastRead(..)) {
            self.readers.end();
        }
        // one that is no longer monitored needs nothing
        let Some(index) = self.monitors.iter().position(|monitor| monitor.id == id) else { return };
        let monitor = &mut self.monitors[index];
        turn.reported.insert(index);
        match event {
            Event::Exited(_) => monitor.job.query_soon(),
            Event::JobAnswered(_, answer) => {
                if let JobAnswer::Report(report) = &answer {
                    let all = self.monitors.iter().map(|monitor| &*monitor.profile);
                    turn.scan |= self.scan.take_report(&self.monitors[index].profile, report, all);
                }
                self.monitors[index].take_answer(answer, Instant::now());
                self.publisher.mark_stale();
            }
            Event::PastRead(_, None) => monitor.retry_reading(Instant::now()),
            Event::PastRead(_, Some(read)) => {
                let (collector, past) = *read;
                monitor.take_past(collector, past, Instant::now());
            }
        }
    }

    /// Judges the pasts that are read. A gateway waits for the pasts of the homes that it may serve.
    fn go_live(&mut self) {
        if !self.monitors.iter().any(Monitor::is_read) {
            return;
        }
        let now = self.time.now();
        for index in 0..self.monitors.len() {
            let children: Vec<usize> = self.children_of(index).collect();
            let waits = children.iter().any(|child| self.monitors[*child].keeps_others_waiting(now.instant));
            if waits || !self.monitors[index].is_read() {
                continue;
            }
            let served =
                children.iter().flat_map(|child| self.monitors[*child].take_past_records()).collect();
            let ignored = self.ignored_by(index);
            let changes = self.monitors[index].go_live(served, &self.setup.settings, ignored, now);
            self.monitors[index].watch_exits(&self.events);
            self.watches.add(index, &mut self.monitors[index]);
            self.record_all(index, changes, true);
        }
    }

    /// The profiles that this gateway may serve.
    fn children_of(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        self.parents
            .iter()
            .enumerate()
            .filter(move |(_, parent)| **parent == Some(index))
            .map(|(child, _)| child)
    }

    /// The gateway that serves this profile now. One that runs a gateway of its own is served by nobody.
    fn server_of(&self, index: usize) -> Option<usize> {
        let parent = self.parents[index]?;
        let monitor = &self.monitors[index];
        (!monitor.has_process() && self.monitors[parent].serves(&monitor.profile.name)).then_some(parent)
    }

    /// Which poll is due; the poll of a scan also finds what changed without an event.
    fn due_poll(&mut self, turn: &mut Turn) -> Poll {
        if self.last_poll.elapsed() < self.setup.poll_interval {
            return Poll::Events;
        }
        self.last_poll = Instant::now();
        self.polls = self.polls.wrapping_add(1);
        if self.scan.incomplete || self.polls.is_multiple_of(POLLS_PER_SCAN) {
            turn.changed.extend(self.watches.recheck());
            turn.scan = true;
        }
        if self.polls.is_multiple_of(POLLS_PER_SWEEP) { Poll::Everything } else { Poll::Silent }
    }

    fn scan_if_needed(&mut self, turn: &mut Turn) {
        let may_change = |changed| self.watches.may_change_profiles(changed);
        if turn.scan || turn.everything || turn.changed.iter().any(may_change) {
            turn.everything |= self.scan_profiles();
        }
    }

    /// Searches for profiles, and watches where they are and may appear. Returns whether something is watched that was
    /// not before: what changed there between the search and the watch was not reported, so all must be read once more.
    fn scan_profiles(&mut self) -> bool {
        let mut any_new = false;
        for _ in 0..MAX_SCANS {
            if let Some(profiles) = self.scan.run(&self.setup, !self.monitors.is_empty()) {
                self.set_profiles(profiles);
            }
            if !self.watches.rebuild(&self.setup.places, &mut self.monitors) {
                break;
            }
            any_new = true;
        }
        any_new
    }

    /// Monitors these profiles. Those that are still the same keep their monitors.
    fn set_profiles(&mut self, profiles: Vec<Profile>) {
        let now = self.time.now();
        // nearly always the same in the same order: each is found at the front
        let mut old = VecDeque::from(std::mem::take(&mut self.monitors));
        for profile in profiles {
            let same = old.iter().position(|monitor| monitor.is_for(&profile));
            let monitor = if let Some(mut monitor) = same.and_then(|index| old.remove(index)) {
                monitor.set_profile(profile);
                monitor
            } else {
                let job = profile.job.as_ref();
                let has_manager = job.is_some_and(|job| self.setup.supervisors.get(job.manager).is_some());
                self.next_id += 1;
                Monitor::new(MonitorId(self.next_id), profile, now, has_manager)
            };
            self.monitors.push(monitor);
        }
        self.parents = family::parents(&self.monitors);
        self.publisher.mark_stale();
        self.set_ignored();
    }

    /// Tells every gateway which of its links do not count.
    fn set_ignored(&mut self) {
        for index in 0..self.monitors.len() {
            let ignored = self.ignored_by(index);
            let changes = self.monitors[index].set_ignored(ignored);
            self.record(index, changes);
        }
    }

    /// The links that do not count, of the profiles that this gateway serves or may serve.
    fn ignored_by(&self, index: usize) -> Ignored {
        let all = self.children_of(index).chain([index]);
        self.setup.settings.ignored(all.map(|index| &*self.monitors[index].profile))
    }

    /// Reads everything that this turn calls for, then judges it. Deadlines pass as of the time when the reading began.
    fn read_and_judge(&mut self, turn: &Turn, poll: Poll) {
        let mut reported = self.watches.users_of(&turn.changed);
        reported.extend(&turn.reported);
        let thorough = poll != Poll::Events && self.polls.is_multiple_of(POLLS_PER_SCAN);
        let now = self.time.now();
        for (index, monitor) in self.monitors.iter_mut().enumerate() {
            monitor.read(now, turn.everything || reported.contains(&index), poll, thorough);
        }
        self.share_records();
        for index in 0..self.monitors.len() {
            if let Some(changes) = self.monitors[index].judge(now, &self.events) {
                self.record(index, changes);
            }
        }
        self.go_live();
        self.notice_served();
    }

    /// Hands what was read in the home of a profile that has no gateway of its own to the gateway that may serve it.
    fn share_records(&mut self) {
        for index in 0..self.monitors.len() {
            let parent = self.parents[index].filter(|_| !self.monitors[index].has_process());
            let Some(parent) = parent else { continue };
            let records = self.monitors[index].new_records();
            if !records.is_empty() {
                self.monitors[parent].add_records(records);
            }
        }
    }

    /// Rows that are served by another gateway since this turn, or no longer are.
    fn notice_served(&mut self) {
        for index in 0..self.monitors.len() {
            let server = self.server_of(index);
            let name = server.map(|server| ProfileName::from(self.monitors[server].profile.name.as_str()));
            if self.monitors[index].served_by == name {
                continue;
            }
            let before = self.shown(index, self.monitors[index].served_by.is_some());
            self.monitors[index].served_by = name;
            let now = self.shown(index, server.is_some());
            if !now.is_same_as(&before) && self.setup.shows(&self.monitors[index].profile) {
                let at = self.time.now().at;
                let profile = self.monitors[index].profile.name.as_str().into();
                let change = Change { at, profile, from: before, to: Verdict { since: at, ..now } };
                let change = self.time.wall_change(change);
                self.publisher.record(&self.monitors[index].profile, [change], false);
            }
        }
    }

    /// The verdict on a row. `served`: by the gateway that may serve it, not by its own.
    fn shown(&self, index: usize, served: bool) -> Verdict {
        let monitor = &self.monitors[index];
        let parent = self.parents[index].filter(|_| served);
        let verdict = parent.and_then(|parent| self.monitors[parent].verdict_of(&monitor.profile.name));
        verdict.unwrap_or_else(|| monitor.view(Instant::now()).verdict)
    }

    /// A monitor has judged.
    fn record(&mut self, index: usize, changes: Vec<Change>) {
        let monitor = &mut self.monitors[index];
        if monitor.folders_changed() {
            self.watches.update(index, monitor);
        }
        self.record_all(index, changes, false);
    }

    /// Publishes changes of a gateway's rows. A row that another gateway serves does not show what its own says.
    fn record_all(&mut self, index: usize, changes: Vec<Change>, history: bool) {
        self.publisher.mark_stale();
        for change in changes {
            let is_own = *change.profile == *self.monitors[index].profile.name;
            let row = if is_own {
                Some(index).filter(|_| self.monitors[index].served_by.is_none())
            } else {
                let is_row = |child: &usize| self.monitors[*child].profile.name == *change.profile;
                let child = self.children_of(index).find(is_row);
                child.filter(|child| self.monitors[*child].served_by.is_some())
            };
            if let Some(row) = row.filter(|row| self.setup.shows(&self.monitors[*row].profile)) {
                let change = if history { change } else { self.time.wall_change(change) };
                self.publisher.record(&self.monitors[row].profile, [change], history);
            }
        }
    }

    /// Queries the managers whose answer is needed now, and begins to read the past of new monitors.
    fn begin_work(&mut self) {
        let now = self.time.now();
        for monitor in &mut self.monitors {
            if monitor.job.next_query(now.instant) == Some(Duration::ZERO) {
                query_manager(monitor, &self.setup, &self.events, &mut self.publisher);
            }
            if !self.readers.is_free() {
                continue;
            }
            let Some(request) = monitor.begin_reading(now.instant) else { continue };
            let shows = self.setup.shows(&monitor.profile);
            let (patterns, zone) = (&self.setup.settings.patterns, &self.setup.zone);
            let observer = self.setup.observer.take_if(|_| shows);
            if self.readers.start(request, patterns, zone, now, observer).is_err() {
                monitor.retry_reading(now.instant);
            }
        }
    }

    fn publish_if_due(&mut self) {
        if self.publisher.is_overdue() {
            self.publish();
        }
    }

    fn publish(&mut self) {
        let now = self.time.now();
        let complete = self.monitors.iter().all(|monitor| monitor.is_settled(now.instant));
        let shown = |index: &usize| self.setup.shows(&self.monitors[*index].profile);
        let views = (0..self.monitors.len()).filter(shown).map(|index| {
            let profile = Arc::clone(&self.monitors[index].profile);
            let verdict = self.shown(index, self.monitors[index].served_by.is_some());
            ProfileView { profile, verdict: self.time.wall_verdict(verdict) }
        });
        let views: Vec<_> = views.collect();
        self.publisher.publish(self.time.wall_time(now.at), views, &self.scan.bad_files, complete);
    }
}

fn query_manager(
    monitor: &mut Monitor,
    setup: &Setup,
    events: &mpsc::Sender<Event>,
    publisher: &mut Publisher,
) {
    let job = monitor.profile.job.clone();
    let Some((supervisor, job)) = job.and_then(|job| Some((setup.supervisors.get(job.manager)?, job))) else {
        monitor.job.no_manager();
        publisher.mark_stale();
        return;
    };
    if !monitor.job.begin_query(Instant::now()) {
        return;
    }
    let (events, id) = (events.clone(), monitor.id);
    tokio::spawn(async move {
        let query = tokio::task::spawn_blocking(move || supervisor.query(&job));
        let answer = match query.await {
            Ok(Ok(report)) => JobAnswer::Report(Box::new(report)),
            Ok(Err(error)) => {
                tracing::debug!("manager query failed: {error}");
                JobAnswer::Failed
            }
            // it panicked, which is in the log
            Err(_) => JobAnswer::Failed,
        };
        let _ = events.send(Event::JobAnswered(id, answer)).await;
    });
}
