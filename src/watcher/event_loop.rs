//! The loop: begin with [`Watcher::run`].

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::family::with_parents;
use super::live::Reading;
use super::manager_query::query_manager;
use super::monitor::Monitor;
use super::monitor_id::MonitorId;
use super::monitors::Monitors;
use super::publisher::Publisher;
use super::readers::Readers;
use super::scan::{Outcome, Scan};
use super::schedule::{POLL_INTERVAL, Poll, Schedule};
use super::snapshot::Snapshot;
use super::timeline::Timeline;
use super::turn::Turn;
use super::updates::Subscribers;
use super::watches::Watches;
use super::{Command, Event, Given, JobAnswer, Setup, WatcherError};
use crate::evidence::alarm::Alarm;
use crate::evidence::clock::Moment;
use crate::evidence::volume::Mounts;
use crate::evidence::watch::Changes;
use crate::health::{Change, Evidence, ProfileName, Verdict};
use crate::profile::Profile;
use crate::worker::{self, Backoff};

/// Most [`Event`]s that are handled in one turn.
const MAX_EVENTS: usize = 64;

pub(super) struct Watcher {
    setup: Setup,
    watches: Watches,
    alarm: Alarm,
    time: Timeline,
    monitors: Monitors,
    scan: Scan,
    readers: Readers,
    mounts: Mounts,
    publisher: Publisher,
    events: mpsc::Sender<Event>,
    schedule: Schedule,
}

enum Wakeup {
    Command(Command),
    Event(Event),
    Files(Changes),
    /// The file watch failed: the polls go on.
    WatchFailed,
    /// There is more to read, or a deadline passed.
    Due,
    /// There is nothing else to do: publish.
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
            monitors: Monitors::default(),
            scan: Scan::new(),
            readers: Readers::new(events.clone()),
            mounts: Mounts::new(),
            publisher,
            events,
            schedule: Schedule::starting(Instant::now()),
            setup,
        };
        Ok((watcher, snapshots, subscribers))
    }

    /// Runs until [`Command::Quit`]. After a panic it starts again from nothing.
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
        self.scan = Scan::new();
        // if that fails, the next scan rebuilds the old ones
        if let Ok(watches) = Watches::new() {
            self.watches = watches;
        }
        self.publisher.publish_unknown(self.time.wall_time(self.time.now().at));
    }

    async fn run(&mut self, commands: &mut mpsc::Receiver<Command>, events: &mut mpsc::Receiver<Event>) {
        self.begin_work();
        self.publish();
        while let Some(wakeup) = self.wait(commands, events).await {
            worker::test_panic("watcher");
            self.notice_sleep();
            let mut turn = self.handle(wakeup, events).await;
            let poll = self.due_poll(&mut turn);
            self.request_scan_if_needed(&turn);
            self.read_and_judge(&turn, poll);
            self.begin_work();
            self.publish_if_due();
        }
    }

    /// Waits for the next thing to do; `None`: the loop ends.
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

    /// When the next turn is due if no event comes.
    fn next_turn(&self) -> Instant {
        let now = self.time.now();
        let next_poll = self.schedule.next(self.is_quiet(now.instant));
        let monitors = self.monitors.iter().filter_map(|monitor| monitor.next_turn(now));
        monitors.chain(self.scan.next_turn(now.instant)).fold(next_poll, Instant::min)
    }

    /// Whether the longer poll interval is enough.
    fn is_quiet(&self, now: Instant) -> bool {
        !self.scan.incomplete && self.monitors.iter().all(|monitor| monitor.is_quiet(now))
    }

    /// Adds a sleep of the machine as the first evidence: deadlines do not pass during it.
    fn notice_sleep(&mut self) {
        let Some(slept) = self.time.observe() else { return };
        self.publisher.mark_woke();
        let now = self.time.now();
        for monitor in self.monitors.iter_mut() {
            monitor.add(Evidence::Wake { slept }, now.at);
        }
    }

    async fn handle(&mut self, wakeup: Wakeup, events: &mut mpsc::Receiver<Event>) -> Turn {
        let mut turn = Turn::default();
        match wakeup {
            Wakeup::Command(command) => turn.expect_anything(self.execute(command)),
            Wakeup::Event(event) => {
                self.take_event(event, &mut turn);
                for _ in 1..MAX_EVENTS {
                    let Ok(event) = events.try_recv() else { break };
                    self.take_event(event, &mut turn);
                }
            }
            Wakeup::Files(changes) => {
                turn.changed = changes.changed;
                turn.expect_anything(changes.everything);
            }
            Wakeup::WatchFailed => {
                tokio::time::sleep(POLL_INTERVAL).await;
                turn.expect_anything(true);
            }
            Wakeup::Idle => self.publish(),
            // something may be blocked now, which the snapshot shows
            Wakeup::Due if !self.scan.is_complete() || !self.monitors.iter().all(Monitor::is_live) => {
                self.publisher.mark_stale();
            }
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
                for monitor in self.monitors.iter_mut() {
                    monitor.job.query_soon();
                }
                true
            }
            Command::Settings(settings, extra_homes) => {
                self.setup.settings = *settings;
                self.setup.places.extra_homes = extra_homes;
                for index in self.monitors.places() {
                    let changes = self.monitors[index].set_rules(&self.setup.settings);
                    self.record(index, changes);
                }
                self.set_ignored();
                true
            }
            Command::Ping(answer) => {
                // the receiver may be gone
                let _ = answer.send(());
                false
            }
            Command::Woke | Command::Quit => true,
        }
    }

    fn take_event(&mut self, event: Event, turn: &mut Turn) {
        let id = match event {
            Event::Scanned(outcome) => return self.take_scan(outcome, turn),
            Event::Exited(id) | Event::JobAnswered(id, _) => id,
            Event::PastRead(id, _) => {
                self.readers.end();
                id
            }
            Event::Read(id, reading) => {
                self.readers.end();
                return self.take_reading(id, reading, turn);
            }
        };
        // its profile may no longer be monitored
        let Some(index) = self.monitors.place_of(id) else { return };
        let monitor = &mut self.monitors[index];
        turn.reported.insert(index);
        match event {
            Event::Scanned(_) | Event::Read(..) => {}
            Event::Exited(_) => monitor.job.query_soon(),
            Event::JobAnswered(_, answer) => {
                if let (JobAnswer::Report(report), Some(job)) = (&answer, &monitor.profile.job) {
                    let is_new = self.scan.note_processes(job, report);
                    // only a profile without a job can turn out to have this one
                    turn.scan |= is_new && self.monitors.iter().any(|one| one.profile.job.is_none());
                }
                self.monitors[index].take_answer(answer, Instant::now());
                self.publisher.mark_stale();
            }
            Event::PastRead(_, None) => monitor.retry_reading(Instant::now()),
            Event::PastRead(_, Some(read)) => monitor.take_past(read, Instant::now()),
        }
    }

    /// Another thread has read what is new in a home. Its volume has just answered, so its watches are compared with what
    /// their paths lead to.
    fn take_reading(&mut self, id: MonitorId, reading: Option<Box<Reading>>, turn: &mut Turn) {
        let Some(index) = self.monitors.place_of(id) else { return };
        let Some(reading) = reading else { return self.monitors[index].retry_reading(Instant::now()) };
        if reading.is_complete() {
            turn.changed.extend(self.watches.recheck_of(index));
        }
        self.monitors[index].take_reading(*reading);
    }

    /// Judges the pasts that were read. A gateway waits for the pasts of the homes that it may serve.
    fn go_live(&mut self) {
        if !self.monitors.iter().any(Monitor::is_read) {
            return;
        }
        let now = self.time.now();
        for index in self.monitors.places() {
            let children: Vec<usize> = self.monitors.children_of(index).collect();
            let waits = children.iter().any(|child| self.monitors[*child].keeps_others_waiting(now.instant));
            if waits || !self.monitors[index].is_read() {
                continue;
            }
            let served =
                children.iter().flat_map(|child| self.monitors[*child].take_past_records()).collect();
            let given = Given {
                settings: &self.setup.settings,
                ignored: self.monitors.ignored_by(index, &self.setup),
                asked_restarts: self.setup.asked_restarts(&self.monitors[index].profile, now.at),
            };
            let changes = self.monitors[index].go_live(served, given, now);
            self.monitors[index].watch_exits(&self.events);
            self.watches.add(index, &mut self.monitors[index]);
            self.record_all(index, changes, true);
        }
    }

    /// The poll that is due. A poll of everything also finds what changed without an event.
    fn due_poll(&mut self, turn: &mut Turn) -> Poll {
        let now = Instant::now();
        let poll = self.schedule.take_due(now, self.is_quiet(now));
        if poll == Poll::Everything || (poll > Poll::Events && self.scan.incomplete) {
            turn.changed.extend(self.watches.recheck(self.monitors.as_slice()));
            turn.scan = true;
        }
        poll
    }

    fn request_scan_if_needed(&mut self, turn: &Turn) {
        let may_change = |changed| self.watches.may_change_profiles(changed);
        if turn.scan || turn.changed.iter().any(may_change) {
            self.scan.request();
        }
    }

    /// A search for profiles ended: monitors what it found, and watches where profiles are and may appear. What changed
    /// between the search and the watch was not reported, so all must be read once more.
    fn take_scan(&mut self, outcome: Option<Box<Outcome>>, turn: &mut Turn) {
        if let Some(profiles) = self.scan.take(outcome, !self.monitors.is_empty()) {
            self.set_profiles(with_parents(profiles, |profile| self.setup.shows(profile)));
        }
        let possible_homes = &self.scan.possible_homes;
        let any_new = self.watches.rebuild(&self.setup.places, possible_homes, self.monitors.as_mut_slice());
        self.scan.note_new_watches(any_new);
        turn.everything |= any_new;
        self.publisher.mark_stale();
    }

    fn set_profiles(&mut self, profiles: Vec<Profile>) {
        self.monitors.set_profiles(profiles, &self.setup, self.time.now());
        self.publisher.mark_stale();
        self.set_ignored();
    }

    /// Sets for every gateway which of its links do not count.
    fn set_ignored(&mut self) {
        for index in self.monitors.places() {
            let ignored = self.monitors.ignored_by(index, &self.setup);
            let changes = self.monitors[index].set_ignored(ignored);
            self.record(index, changes);
        }
    }

    /// Reads what this turn requires, then judges it. Deadlines are compared with the time at which the read began.
    fn read_and_judge(&mut self, turn: &Turn, poll: Poll) {
        let mut reported = self.watches.users_of(&turn.changed);
        reported.extend(&turn.reported);
        let now = self.time.now();
        if self.mounts.changed() {
            self.monitors.iter_mut().for_each(Monitor::expect_any_volume);
        }
        for (index, monitor) in self.monitors.iter_mut().enumerate() {
            let reported = turn.everything || reported.contains(&index);
            let errand = monitor.read(now, reported, poll, self.readers.is_free());
            if let Some(Err(errand)) = errand.map(|errand| self.readers.run(monitor.id, errand)) {
                monitor.put_back(errand);
            }
        }
        self.monitors.share_records();
        let mut judged = Vec::new();
        for index in self.monitors.places() {
            let monitor = &mut self.monitors[index];
            if monitor.has_new_process() {
                for asked in self.setup.asked_restarts(&monitor.profile, now.at) {
                    monitor.add(asked, now.at);
                }
            }
            if let Some(changes) = monitor.judge(now, &self.events) {
                judged.push((index, changes));
            }
        }
        self.notice_sources(now, &mut judged);
        for (index, changes) in judged {
            self.record(index, changes);
        }
        self.go_live();
        self.notice_sources(now, &mut []);
    }

    /// Updates rows whose serving gateway changed in this turn, and rows that depend on a home which no longer answers
    /// or answers again. `judged`: the changes of this turn, by the gateway that made them. Those of such a row are taken
    /// out: in the middle of the move neither gateway knows all of it, and the row would show that for a moment.
    fn notice_sources(&mut self, now: Moment, judged: &mut [(usize, Vec<Change>)]) {
        for index in self.monitors.places() {
            if !self.monitors.may_have_moved(index) {
                continue;
            }
            let served_by = self.monitors.server_name(index);
            let blocked = self.monitors.blocked_home(index, now.instant);
            let monitor = &self.monitors[index];
            let known = monitor.blocked.as_ref().map(|(home, _)| home.as_path());
            if monitor.served_by.as_deref() == served_by && known == blocked {
                continue;
            }
            let (served_by, blocked) = (served_by.map(ProfileName::from), blocked.map(Path::to_path_buf));
            let before = self.monitors.shown(index, monitor.served_by.is_some()).glance();
            let before = self.monitors.take_changes(index, judged).unwrap_or(before);
            let served = served_by.is_some();
            let monitor = &mut self.monitors[index];
            monitor.served_by = served_by;
            monitor.blocked = blocked.map(|home| (home, now.at));
            monitor.view = None;
            let after = self.monitors.shown(index, served);
            self.publisher.mark_stale();
            if !after.glance().is_same_as(&before) && self.setup.shows(&self.monitors[index].profile) {
                let at = now.at;
                let profile = self.monitors[index].profile.name.as_str().into();
                let change = Change { at, profile, from: before, to: Verdict { since: at, ..after } };
                let change = self.time.wall_change(change);
                self.publisher.record(&self.monitors[index].profile, [change], false);
            }
        }
    }

    /// Publishes the changes of a monitor, and updates its file watches.
    fn record(&mut self, index: usize, changes: Vec<Change>) {
        let monitor = &mut self.monitors[index];
        if monitor.folders_changed() {
            self.watches.update(index, monitor);
        }
        self.record_all(index, changes, false);
    }

    /// Publishes the changes of a gateway's rows.
    fn record_all(&mut self, index: usize, changes: Vec<Change>, history: bool) {
        self.publisher.mark_stale();
        for change in changes {
            let row = self.monitors.row_of(index, &change.profile);
            if let Some(row) = row.filter(|row| self.setup.shows(&self.monitors[*row].profile)) {
                let change = if history { change } else { self.time.wall_change(change) };
                let change = Change { profile: self.monitors[row].profile.name.as_str().into(), ..change };
                self.publisher.record(&self.monitors[row].profile, [change], history);
            }
        }
    }

    /// Starts the work that runs beside the loop: the search for profiles, queries to managers, and reading the past of
    /// new monitors.
    fn begin_work(&mut self) {
        let now = self.time.now();
        self.scan.start_due(&self.setup, now.instant, &self.events);
        for monitor in self.monitors.iter_mut() {
            let is_due = monitor.job.next_query(now.instant) == Some(Duration::ZERO);
            if is_due && !query_manager(monitor, &self.setup.supervisors, &self.events) {
                self.publisher.mark_stale();
            }
            if !self.readers.is_free() {
                continue;
            }
            let Some(request) = monitor.begin_reading(now.instant) else { continue };
            let (patterns, zone) = (&self.setup.settings.patterns, &self.setup.zone);
            let observer = self.setup.observers.remove(&monitor.profile.name);
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

    /// Whether the published state is complete: no first answer or first read is still missing.
    fn is_settled(&mut self) -> bool {
        let now = self.time.now().instant;
        let monitors = self.monitors.iter().all(|monitor| monitor.is_settled(now));
        self.scan.is_settled(now, monitors) && monitors
    }

    fn publish(&mut self) {
        let now = self.time.now();
        let complete = self.is_settled();
        let views = self.monitors.views(&self.setup, &self.time);
        let problems = self.scan.problems(&self.setup.places, now.instant);
        self.publisher.publish(self.time.wall_time(now.at), views, problems, complete);
    }
}
