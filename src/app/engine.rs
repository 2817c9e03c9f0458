//! What the agent and the commands share: settings, places, the language, and a running watcher.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Config, ConfigError, Folders, ProfileSettings};
use crate::diagnose;
use crate::evidence::anonymise::Anonymiser;
use crate::evidence::clock;
use crate::evidence::patterns::Patterns;
use crate::health::Platforms;
use crate::profile::{ExtraHome, Places, lexical};
use crate::restart::{Ledger, Restarted};
use crate::runtime::runtime;
use crate::supervisor::Supervisors;
use crate::text::error;
use crate::text::{Lang, trouble as say};
use crate::watcher::snapshot::Snapshot;
use crate::watcher::{
    self, AskedRestart, AskedRestarts, COMPLETE_WITHIN, Handle, IgnoredLinks, Observers, Settings, Setup,
};

/// The user's settings and places.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    /// The settings, validated.
    pub(crate) config: Config,
    /// Folders of settings and data.
    pub(crate) folders: Folders,
    /// Where profiles are searched for.
    pub(crate) places: Places,
    /// The language of the system.
    pub(crate) system_lang: Lang,
    /// The language of the texts: that of the settings, or else of the system.
    pub(crate) lang: Lang,
}

impl Engine {
    /// Reads the user's settings; a mistake in them is an error.
    pub(crate) fn load() -> error::Result<Self> {
        let (engine, mistakes) = Self::load_usable()?;
        mistakes.into_iter().next().map_or(Ok(engine), |first| Err(first.into()))
    }

    /// Reads the usable part of the user's settings, and the mistakes in the rest.
    pub(crate) fn load_usable() -> error::Result<(Self, Vec<ConfigError>)> {
        let home = user_home()?;
        let folders = Folders::of_user(&home);
        let system_lang = Lang::of_system();
        let (config, mistakes) = Config::load_usable(&folders.config_file, &home);
        let mut places = Places::below(&home);
        if let Some(config_home) =
            std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|p| p.is_absolute())
        {
            places.systemd_user = config_home.join("systemd/user");
        }
        places.systemd_shared = shared_units(&home);
        places.extra_homes = extra_homes(&config);
        let lang = config.language.choose(system_lang);
        Ok((Self { config, folders, places, system_lang, lang }, mistakes))
    }

    /// Replaces the settings.
    pub(crate) fn apply_settings(&mut self, config: Config) {
        self.places.extra_homes = extra_homes(&config);
        self.lang = config.language.choose(self.system_lang);
        self.config = config;
    }

    /// The service managers of this machine, with the jobs that were stopped through them.
    pub(crate) fn supervisors(&self) -> Supervisors {
        Supervisors::from_environment().remembering(self.folders.data.join("stopped"))
    }

    /// The ledger of past restarts.
    pub(crate) fn ledger_file(&self) -> PathBuf {
        self.folders.data.join("restarts.json")
    }

    /// Reads the restarts of the last hour.
    fn asked_restarts(&self) -> AskedRestarts {
        let ledger = Ledger::at(self.ledger_file());
        Box::new(move |now| {
            let asked =
                |Restarted { profile, label, asked_at }| AskedRestart { profile, label, at: asked_at };
            ledger.all(now).into_iter().map(asked).collect()
        })
    }

    /// The history.
    pub(crate) fn history_file(&self) -> PathBuf {
        self.folders.data.join("history.sqlite")
    }

    /// Removes the names of this machine and its user from texts.
    pub(crate) fn anonymiser(&self) -> Anonymiser {
        diagnose::anonymiser(&self.places.user_home)
    }

    /// The log patterns, including the user's.
    pub(crate) fn patterns(&self) -> error::Result<Arc<Patterns>> {
        Ok(Arc::new(Patterns::new(&self.config.patterns)?))
    }

    /// The watcher's part of the settings.
    pub(crate) fn watcher_settings(&self, patterns: Arc<Patterns>) -> Settings {
        let ignored = self.config.profiles.iter().filter(|profile| !profile.ignore.is_empty());
        let ignored = ignored.map(|profile| IgnoredLinks {
            home: profile.home.as_deref().map(lexical),
            name: profile.name.clone(),
            platforms: profile.ignore.iter().map(|name| name.as_str().into()).collect(),
        });
        Settings {
            deadlines: self.config.deadlines.clone(),
            platforms: Arc::new(Platforms::built_in().with_times(&self.config.platforms)),
            ignored: ignored.collect(),
            patterns,
        }
    }

    /// Looks once at the profiles with these names; empty for all. Waits for the first complete snapshot, at most for
    /// [`COMPLETE_WITHIN`].
    pub(crate) fn look(&self, only: Vec<String>) -> error::Result<Arc<Snapshot>> {
        runtime()?.block_on(async { Ok(first_look(&mut self.watch(only)?).await) })
    }

    /// Starts the watcher. `only`: the names of the profiles to watch; empty for all.
    pub(crate) fn watch(&self, only: Vec<String>) -> error::Result<Handle> {
        self.watch_with(self.patterns()?, only, Observers::new())
    }

    /// [`Self::watch`] with compiled patterns and observers of the evidence.
    pub(super) fn watch_with(
        &self,
        patterns: Arc<Patterns>,
        only: Vec<String>,
        observers: Observers,
    ) -> error::Result<Handle> {
        let setup = Setup {
            places: self.places.clone(),
            given: Vec::new(),
            only,
            settings: self.watcher_settings(patterns),
            supervisors: self.supervisors(),
            zone: clock::time_zone(),
            observers,
            asked_restarts: self.asked_restarts(),
        };
        Ok(watcher::spawn(setup)?)
    }
}

/// The homes that the settings name.
fn extra_homes(config: &Config) -> Vec<ExtraHome> {
    let home = |profile: &ProfileSettings| {
        Some(ExtraHome { home: profile.home.clone()?, name: profile.name.clone() })
    };
    config.profiles.iter().filter_map(home).collect()
}

/// Where systemd's user manager looks for units besides the user's folder, in its order (systemd.unit(5)).
fn shared_units(home: &Path) -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let data = data.unwrap_or_else(|| home.join(".local/share"));
    std::iter::once(PathBuf::from("/etc/systemd/user"))
        .chain(runtime.map(|folder| folder.join("systemd/user")))
        .chain([PathBuf::from("/run/systemd/user"), data.join("systemd/user")])
        .chain(["/usr/local/lib/systemd/user", "/usr/lib/systemd/user"].map(PathBuf::from))
        .collect()
}

/// The first complete snapshot, or the last one after [`COMPLETE_WITHIN`].
pub(crate) async fn first_look(handle: &mut Handle) -> Arc<Snapshot> {
    let _ =
        tokio::time::timeout(COMPLETE_WITHIN, handle.snapshots.wait_for(|snapshot| snapshot.complete)).await;
    Arc::clone(&handle.snapshots.borrow())
}

/// The user's home folder.
pub(crate) fn user_home() -> error::Result<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute()).ok_or_else(|| error::Error::new(say::NO_HOME, &[]))
}
