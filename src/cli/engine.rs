//! What the commands that look at the world have in common: settings, places, managers, and a running watcher.

use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, Folders};
use crate::evidence::collector::Observer;
use crate::evidence::patterns::Patterns;
use crate::profile::Places;
use crate::snapshot::Snapshot;
use crate::supervisor::Supervisors;
use crate::text::Lang;
use crate::watcher::{self, Handle, LOOK, Setup};

/// How long a look at everything may take: managers that do not answer are given up before.
const FIRST_LOOK: Duration = Duration::from_secs(12);

/// The user's settings and places.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Settings, read and checked.
    pub config: Config,
    /// Folders of settings and data.
    pub folders: Folders,
    /// Where profiles are looked for.
    pub places: Places,
    /// The language of the texts.
    pub lang: Lang,
}

impl Engine {
    /// Reads the settings of the user.
    pub fn load() -> anyhow::Result<Self> {
        let home = user_home()?;
        let folders = Folders::of_user(&home);
        let system = Lang::from_environment();
        let config = Config::load(&folders.config_file, &home)
            .map_err(|error| anyhow::anyhow!("{}", error.text(system)))?;
        let mut places = Places::below(&home);
        if let Some(config_home) =
            std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|p| p.is_absolute())
        {
            places.systemd_user = config_home.join("systemd/user");
        }
        places.extra_homes = config.profiles.iter().map(|extra| extra.home.clone()).collect();
        let lang = config.language.choose(system);
        Ok(Self { config, folders, places, lang })
    }

    /// The log patterns, the user's among them.
    pub fn patterns(&self) -> anyhow::Result<Arc<Patterns>> {
        Ok(Arc::new(Patterns::new(&self.config.patterns)?))
    }

    /// Starts the watcher; `only`: the names of the profiles to watch, empty for all.
    pub fn watch(&self, only: Vec<String>, observer: Option<Observer>) -> anyhow::Result<Handle> {
        let setup = Setup {
            places: self.places.clone(),
            given: Vec::new(),
            only,
            deadlines: self.config.deadlines.clone(),
            patterns: self.patterns()?,
            supervisors: Supervisors::from_environment(),
            zone: jiff::tz::TimeZone::system(),
            look: LOOK,
            observer,
        };
        Ok(watcher::spawn(setup)?)
    }
}

/// The first snapshot in which every profile was judged with its manager's word.
pub async fn first_look(handle: &mut Handle) -> Arc<Snapshot> {
    let _ = tokio::time::timeout(FIRST_LOOK, handle.snapshots.wait_for(|snapshot| snapshot.complete)).await;
    Arc::clone(&handle.snapshots.borrow())
}

/// The user's home folder.
pub fn user_home() -> anyhow::Result<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute()).context("the home folder is not known: set HOME")
}

/// A runtime for one thread: the work is waiting.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}

/// Ctrl-C and SIGTERM, caught from the moment this is made: none is lost between two waits.
#[derive(Debug)]
pub struct Interrupts(Vec<Signal>);

impl Interrupts {
    /// Catches them; with `hangup` also the end of the terminal (which `nohup` has ignored, so only where something
    /// would be left behind). Must be called inside a tokio runtime.
    pub fn catch(hangup: bool) -> Self {
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        if hangup {
            kinds.push(SignalKind::hangup());
        }
        // One that cannot be caught ends the program as usual.
        Self(kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect())
    }

    /// Waits for one of them.
    pub async fn wait(mut self) {
        std::future::poll_fn(|context| {
            let caught =
                self.0.iter_mut().any(|signal| matches!(signal.poll_recv(context), Poll::Ready(Some(()))));
            if caught { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Waits for Ctrl-C or SIGTERM.
pub async fn interrupted() {
    Interrupts::catch(false).wait().await;
}
