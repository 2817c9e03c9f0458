//! The loop that monitors all gateways, in one task. It is woken by the system, by deadlines, and by slow polls that
//! find what no event reported, and publishes [`Update`]s.
//!
//! The loop is idle nearly always, so idling must be cheap: one wake-up for each poll, none for the heartbeats of
//! healthy gateways, and no access to files that the system watches. The cost of an event does not depend on the number
//! of profiles.

mod event_loop;
mod exits;
mod family;
mod job_polling;
mod live;
mod manager_query;
mod monitor;
mod monitor_id;
mod monitors;
mod publisher;
mod readers;
mod scan;
mod schedule;
pub mod snapshot;
mod timeline;
mod turn;
mod updates;
mod watches;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::{mpsc, oneshot, watch};

use crate::evidence::collector::Observer;
use crate::evidence::patterns::Patterns;
use crate::health::evidence::PlatformName;
use crate::health::{Deadlines, Evidence, Platforms, ProfileName};
use crate::order::Collect as _;
use crate::profile::{ExtraHome, Places, Profile};
use crate::supervisor::{JobReport, Supervisors};
use crate::text::{Message, Worded, code};
use event_loop::Watcher;
use monitor_id::MonitorId;
pub use schedule::POLL_INTERVAL;
use snapshot::Snapshot;
use updates::Subscribers;
pub use updates::{Update, Updates};

/// Most commands, and most events, that wait for the loop.
const QUEUE: usize = 256;

/// How long the first complete snapshot may take: queries to managers that do not answer end before that.
pub const COMPLETE_WITHIN: Duration = Duration::from_secs(12);

/// What the watcher needs to start.
pub struct Setup {
    /// Where profiles are searched for.
    pub places: Places,
    /// Profiles to monitor; empty: searches for them.
    pub given: Vec<Profile>,
    /// Names of the profiles to show; empty: all.
    pub only: Vec<String>,
    /// The initial settings.
    pub settings: Settings,
    /// The service managers of this machine.
    pub supervisors: Supervisors,
    /// The time zone of the timestamps in the logs.
    pub zone: TimeZone,
    /// By profile name; each sees everything that is read of that profile.
    pub observers: Observers,
    /// The recent restarts that Gatelight was asked for, in any of its processes: they are not crashes.
    pub asked_restarts: AskedRestarts,
}

/// Reads the recent restarts that Gatelight was asked for; the argument is the current time.
pub type AskedRestarts = Box<dyn Fn(Timestamp) -> Vec<AskedRestart> + Send>;

/// A restart that Gatelight was asked for.
#[derive(Debug, Clone)]
pub struct AskedRestart {
    /// The profile's name.
    pub profile: String,
    /// The label of its job.
    pub label: Option<String>,
    /// When it was asked for.
    pub at: Timestamp,
}

/// Observers by profile name.
pub type Observers = BTreeMap<String, Observer>;

impl Setup {
    fn shows(&self, profile: &Profile) -> bool {
        self.only.is_empty() || self.only.contains(&profile.name)
    }

    /// The restarts of this profile's gateway that Gatelight was asked for, as evidence.
    fn asked_restarts(&self, profile: &Profile, now: Timestamp) -> Vec<Evidence> {
        let is_its = |asked: &AskedRestart| match (&asked.label, profile.label()) {
            (Some(asked), Some(label)) => asked == label,
            _ => asked.profile == profile.name,
        };
        let all = (self.asked_restarts)(now).into_iter().filter(is_its);
        all.map(|asked| Evidence::OwnRestart(Some(asked.at))).collect()
    }
}

/// The user's settings that concern the watcher.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Deadlines of the verdicts.
    pub deadlines: Deadlines,
    /// The rules of the platforms.
    pub platforms: Arc<Platforms>,
    /// Links that the user does not want to count.
    pub ignored: Vec<IgnoredLinks>,
    /// The log patterns, for profiles that are found from now on.
    pub patterns: Arc<Patterns>,
}

impl Settings {
    /// The defaults, with these patterns.
    pub fn new(patterns: Arc<Patterns>) -> Self {
        let (deadlines, platforms) = (Deadlines::default(), Platforms::built_in());
        Self { deadlines, platforms, ignored: Vec::new(), patterns }
    }

    /// For each of these profiles, the platforms whose links do not count. Each profile comes with the name that its
    /// gateway uses for it.
    fn ignored<'a>(&self, profiles: impl Iterator<Item = (&'a str, &'a Profile)>) -> Ignored {
        let of = |(name, profile)| {
            let entries = self.ignored.iter().filter(|entry| entry.concerns(profile));
            let platforms = entries.flat_map(|entry| entry.platforms.iter().cloned()).to_set();
            (ProfileName::from(name), platforms)
        };
        profiles.map(of).filter(|(_, platforms): &(_, BTreeSet<_>)| !platforms.is_empty()).to_map()
    }
}

/// Links of a profile that its user does not want to count.
#[derive(Debug, Clone)]
pub struct IgnoredLinks {
    /// The profile's home.
    pub home: Option<PathBuf>,
    /// The profile's name.
    pub name: Option<String>,
    /// The platforms of the links.
    pub platforms: BTreeSet<PlatformName>,
}

impl IgnoredLinks {
    fn concerns(&self, profile: &Profile) -> bool {
        self.home.as_ref() == Some(&profile.home) || self.name.as_ref() == Some(&profile.name)
    }
}

/// For each profile the platforms whose links do not count.
type Ignored = BTreeMap<ProfileName, BTreeSet<PlatformName>>;

/// What the past of a gateway is judged with, besides the evidence of its home.
struct Given<'a> {
    settings: &'a Settings,
    ignored: Ignored,
    asked_restarts: Vec<Evidence>,
}

/// Commands to the watcher.
#[derive(Debug)]
pub enum Command {
    /// Query the service manager about the job of this profile now.
    QueryJob(String),
    /// Search for profiles now, and query all managers.
    Rescan,
    /// Use these settings, and search these homes besides the usual ones.
    Settings(Box<Settings>, Vec<ExtraHome>),
    /// The machine woke up.
    Woke,
    /// Answer, to show that the loop runs.
    Ping(oneshot::Sender<()>),
    /// End the loop.
    Quit,
}

/// What the loop's own tasks and threads report to it.
enum Event {
    /// A process ended.
    Exited(MonitorId),
    /// The query of a job ended.
    JobAnswered(MonitorId, JobAnswer),
    /// The past of a home was read.
    PastRead(MonitorId, readers::Outcome),
    /// Another thread has read what is new in a home; `None`: it panicked.
    Read(MonitorId, Option<Box<live::Reading>>),
    /// A search for profiles ended; `None`: it panicked.
    Scanned(Option<Box<scan::Outcome>>),
}

/// A service manager's answer about a job.
#[derive(Clone)]
enum JobAnswer {
    Report(Box<JobReport>),
    /// It did not answer in time, or the answer cannot be parsed.
    Failed,
}

/// Controls a running watcher, which ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Handle {
    /// The newest state, for readers that need neither the changes nor every state.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Commands to the loop.
    pub commands: mpsc::Sender<Command>,
    subscribers: Subscribers,
}

impl Handle {
    /// Receives every update from now on, in order. A late subscriber gets the current state first.
    pub fn subscribe(&self) -> Updates {
        self.subscribers.subscribe()
    }
}

/// The watcher cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WatcherError {
    /// The file watch or the timer cannot be created.
    #[error("cannot watch files: {0}")]
    Watch(#[from] std::io::Error),
}

impl Worded for WatcherError {
    fn message(&self) -> Message {
        let Self::Watch(error) = self;
        Message::new(code("watcher.watch", ["cannot watch files: {why}"; 2])).with("why", error.message())
    }
}

/// Starts the loop on the current tokio runtime. Subscribe before the next `await` to get the changes of the past, too.
pub fn spawn(setup: Setup) -> Result<Handle, WatcherError> {
    let (commands, command_receiver) = mpsc::channel(QUEUE);
    let (event_sender, events) = mpsc::channel(QUEUE);
    let (watcher, snapshots, subscribers) = Watcher::new(setup, event_sender)?;
    tokio::spawn(watcher.supervise(command_receiver, events));
    tracing::info!("watcher started");
    Ok(Handle { snapshots, commands, subscribers })
}
