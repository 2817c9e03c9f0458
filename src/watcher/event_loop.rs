//! The loop itself: [`Watcher::run`] is its table of contents.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::monitor::{Monitor, MonitorId};
use super::past_readers::PastReaders;
use super::publisher::Publisher;
use super::scan::Scan;
use super::snapshot::Snapshot;
use super::timeline::Timeline;
use super::updates::Subscribers;
use super::watches::Watches;
use super::{Command, Event, JobAnswer, Poll, Setup, WatcherError};
use crate::evidence::alarm::Alarm;
use crate::evidence::watch::{Changed, Changes};
use crate::health::{Change, Evidence};
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
    pub fn new(
        setup: Setup,
        events: mpsc::Sender<Event>,
    ) -> Result<(Self, watch::Receiver<Arc<Snapshot>>, Subscribers), WatcherError> {
        let (publisher, snapshots, subscribers) = Publisher::new();
        let watcher = Self {
            watches: Watches::new()?,
            alarm: Alarm::new()?,
            time: Timeline::start(),
            monitors: Vec::new(),
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
    pub async fn supervise(
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
            Command::Settings(deadlines, patterns, extra_homes) => {
                self.setup.deadlines = *deadlines;
                self.setup.patterns = patterns;
                self.setup.places.extra_homes = extra_homes;
                for index in 0..self.monitors.len() {
                    let changes = self.monitors[index].set_deadlines(&self.setup.deadlines);
                    self.record(index, changes);
                }
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
                let changes = monitor.go_live(collector, past, &self.setup.deadlines, self.time.now());
                self.publisher.record(&monitor.profile, changes, true);
                monitor.watch_exits(&self.events);
                self.watches.add(index, monitor);
            }
        }
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
        self.publisher.mark_stale();
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
        for index in 0..self.monitors.len() {
            if let Some(changes) = self.monitors[index].judge(now, &self.events) {
                self.record(index, changes);
            }
        }
    }

    /// A monitor has judged.
    fn record(&mut self, index: usize, changes: Vec<Change>) {
        let monitor = &mut self.monitors[index];
        if monitor.folders_changed() {
            self.watches.update(index, monitor);
        }
        let changes: Vec<_> = changes.into_iter().map(|change| self.time.wall_change(change)).collect();
        self.publisher.record(&monitor.profile, changes, false);
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
            let (patterns, zone) = (&self.setup.patterns, &self.setup.zone);
            if self.readers.start(request, patterns, zone, now, self.setup.observer.take()).is_err() {
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
        let views = self.monitors.iter().map(|monitor| {
            let mut view = monitor.view(now.instant);
            view.verdict = self.time.wall_verdict(view.verdict);
            view
        });
        self.publisher.publish(self.time.wall_time(now.at), views.collect(), &self.scan.bad_files, complete);
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
