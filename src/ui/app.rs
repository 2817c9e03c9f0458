//! Joins what the engine publishes, what the user presses and what the desktop shows. It runs on the desktop's loop and
//! never waits; everything that may take time happens elsewhere and comes back as a [`Message`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};

use super::UiCommand;
use super::icon::Face;
use super::login;
use super::menu::{self, Login, Look, Menu, MenuState, Missed, MuteFor, Notifications};
use super::notices::{Action, Event, Mute, Notice, Policy, Words};
use super::notify::{self, Courier, Report};
use crate::app::open;
use crate::config::{Config, ConfigError, Folders, TEMPLATE};
use crate::health::Light;
use crate::snapshot::{ProfileChange, RestartOutcome, RestartView, Snapshot};
use crate::text::{Lang, Phrase, config as say_config, desktop as say_desktop, fill, notice as say};

/// Most notices whose buttons still do something.
const MOST_OPEN: usize = 64;
/// Most missed notices that are kept.
const MOST_MISSED: usize = 50;
/// Ids of notices that are not of the policy; the policy counts from one.
const OWN_NOTICE: u64 = u64::MAX;

/// What the engine gives to the desktop side.
pub struct AppHandles {
    /// The state of all profiles.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Every change of a light or a reason.
    pub changes: mpsc::Receiver<ProfileChange>,
    /// Everything else that the desktop side should know.
    pub inputs: mpsc::Receiver<UiInput>,
    /// Where commands go that the desktop side does not carry out itself: `Restart`, `RestartAllRed`, `Repair`,
    /// `CopyDiagnostics`, `CheckJobFiles`, `Timeline`, `Quit`.
    pub commands: mpsc::UnboundedSender<UiCommand>,
    /// The settings.
    pub config: Config,
    /// A mistake in the settings file, if it could not be used.
    pub config_error: Option<ConfigError>,
    /// Where settings and data stand.
    pub folders: Folders,
    /// The language of the system.
    pub system_lang: Lang,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// Told when the icon finds (or loses) a panel that shows it.
    pub presence: Box<dyn Fn(&Presence) + Send>,
    /// The lock of the only instance, if it was taken.
    pub lock: Option<crate::app::instance::Lock>,
}

/// Whether the icon can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A panel takes tray icons.
    Shown,
    /// None does now; the icon appears with the first that does.
    NoHost,
}

/// What the engine tells besides snapshots and changes.
#[derive(Debug, Clone, PartialEq)]
pub enum UiInput {
    /// Other settings are in force.
    Config(Box<Config>),
    /// The settings file has a mistake (and the old settings stay), or none any more.
    ConfigError(Option<ConfigError>),
    /// What the doctor found.
    Findings {
        /// How many findings.
        count: usize,
        /// Profiles that can be freed of `--replace`.
        repairable: BTreeSet<String>,
    },
    /// The machine has no network (any more).
    Offline(bool),
    /// The machine goes to sleep.
    Sleep,
    /// The machine woke up.
    Wake,
    /// A few words to show as a notification: the answer to a command.
    Say(Words),
    /// End the loop, leaving nothing behind.
    Quit,
}

/// Everything that wakes the loop.
#[derive(Debug)]
pub enum Message {
    /// The snapshot changed.
    Snapshot(Arc<Snapshot>),
    /// A light or a reason changed.
    Change(Box<ProfileChange>),
    /// The engine tells something.
    Input(UiInput),
    /// A row of the menu was chosen.
    Chosen(String),
    /// What became of a notice.
    Report(Report),
    /// A second start asks to be shown.
    ShowYourself,
    /// The menu is about to be looked at: what the user may have changed in the system's own settings is asked anew.
    MenuOpens,
    /// The icon found or lost its panel.
    Presence(Presence),
    /// What the desktop draws on is another one: all must be drawn again.
    Redraw,
}

/// What the desktop draws. `old` is what it drew before.
pub trait Shell {
    /// The icon, the text beside it and its tooltip changed.
    fn icon(&mut self, face: Face, badge: Option<usize>, tooltip: &str);
    /// The menu changed.
    fn menu(&mut self, old: &Menu, new: &Menu);
    /// All that changed at once was said: where one update of the desktop takes everything, it is made now.
    fn drawn(&mut self) {}
}

/// Whether the loop goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Until the next message or deadline.
    On,
    /// It ends.
    End,
}

/// Passes what the engine publishes into the loop, on a thread of its own; ends with the engine or the loop.
pub(super) fn forward(
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    mut changes: mpsc::Receiver<ProfileChange>,
    mut inputs: mpsc::Receiver<UiInput>,
    deliver: impl Fn(Message) -> bool + Send + 'static,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let work = async move {
        let first = snapshots.borrow_and_update().clone();
        if !deliver(Message::Snapshot(first)) {
            return;
        }
        let mut complete = false;
        loop {
            let message = tokio::select! {
                biased;
                // that the machine woke up or has no network comes before what follows from it
                Some(input) = inputs.recv() => Message::Input(input),
                Some(change) = changes.recv() => Message::Change(Box::new(change)),
                Ok(()) = snapshots.changed() => Message::Snapshot(snapshots.borrow_and_update().clone()),
                else => Message::Input(UiInput::Quit),
            };
            // while profiles are found, what was seen falling comes before the word that all were seen; later the
            // snapshot comes first: it says whether a restart of ours is the cause
            if complete
                && matches!(message, Message::Change(_))
                && snapshots.has_changed().unwrap_or(false)
                && !deliver(Message::Snapshot(snapshots.borrow_and_update().clone()))
            {
                return;
            }
            complete |= matches!(&message, Message::Snapshot(snapshot) if snapshot.complete);
            let last = matches!(message, Message::Input(UiInput::Quit));
            if !deliver(message) || last {
                return;
            }
        }
    };
    std::thread::Builder::new().name("ui-sources".into()).spawn(move || runtime.block_on(work))?;
    Ok(())
}

/// The desktop side's state.
pub struct App<S> {
    shell: S,
    courier: Courier,
    commands: mpsc::UnboundedSender<UiCommand>,
    presence: Box<dyn Fn(&Presence) + Send>,
    folders: Folders,
    config: Config,
    config_error: Option<ConfigError>,
    system_lang: Lang,
    look: Look,
    switched_on: bool,
    allowed: bool,
    policy: Policy,
    started: bool,
    restarting: BTreeSet<String>,
    snapshot: Arc<Snapshot>,
    state: MenuState,
    buttons: VecDeque<(u64, BTreeMap<String, Action>)>,
    shown: Menu,
    /// A chosen check item may have marked itself: what is shown is no longer known.
    touched: bool,
    shown_icon: Option<(Face, Option<usize>, String)>,
    drawn: Option<Drawn>,
}

/// What the menu that is shown was made from.
struct Drawn {
    at: Timestamp,
    snapshot: Arc<Snapshot>,
    state: MenuState,
}

/// The parts of [`AppHandles`] that the loop keeps.
pub(super) struct Parts {
    pub commands: mpsc::UnboundedSender<UiCommand>,
    pub config: Config,
    pub config_error: Option<ConfigError>,
    pub folders: Folders,
    pub system_lang: Lang,
    pub zone: TimeZone,
    pub presence: Box<dyn Fn(&Presence) + Send>,
}

impl<S: Shell> App<S> {
    pub(super) fn new(shell: S, courier: Courier, parts: Parts, now: Timestamp) -> Self {
        let lang = parts.config.language.choose(parts.system_lang);
        let switched_on = Switch::read(&parts.folders.data);
        let mut app = Self {
            shell,
            courier,
            commands: parts.commands,
            presence: parts.presence,
            policy: Policy::new(parts.config.notices.clone(), now),
            folders: parts.folders,
            config: parts.config,
            config_error: parts.config_error,
            system_lang: parts.system_lang,
            look: Look { lang, zone: parts.zone },
            switched_on,
            allowed: true,
            started: false,
            restarting: BTreeSet::new(),
            snapshot: Arc::new(Snapshot {
                at: now,
                profiles: Vec::new(),
                bad_files: Vec::new(),
                complete: false,
            }),
            state: MenuState::default(),
            buttons: VecDeque::new(),
            shown: Menu::default(),
            touched: false,
            shown_icon: None,
            drawn: None,
        };
        app.apply_settings(now);
        app.state.login = login::state(&app.folders.autostart, lang);
        app.tell_mistake(say_config::DEFAULTS_HOLD);
        app.draw(now);
        app
    }

    /// Takes one message in.
    pub(super) fn handle(&mut self, now: Timestamp, message: Message) -> Flow {
        match message {
            Message::Snapshot(snapshot) => self.take_snapshot(now, &snapshot),
            Message::Change(change) => self.step(now, Event::Change(change)),
            Message::Input(UiInput::Quit) => return Flow::End,
            Message::Input(input) => self.input(now, input),
            Message::Chosen(key) => {
                self.touched = true;
                if let Some(command) = self.shown.command(&key).cloned() {
                    return self.carry_out(now, command);
                }
            }
            Message::Report(report) => return self.report(now, report),
            Message::ShowYourself => {
                let lang = self.look.lang;
                let state = menu::tooltip(&self.snapshot, &self.state, lang);
                let body = fill(lang.pick(say::HERE_BODY), &[("state", &state)]);
                let words = Words { title: lang.pick(say::HERE).to_owned(), body };
                self.tell(words, self.snapshot.worst());
            }
            Message::MenuOpens => {
                self.state.login = login::state(&self.folders.autostart, self.look.lang);
                self.courier.ask_permission();
            }
            Message::Presence(presence) => (self.presence)(&presence),
            Message::Redraw => {
                self.touched = true;
                self.shown_icon = None;
            }
        }
        self.draw(now);
        Flow::On
    }

    /// A deadline passed.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let notices = self.policy.tick(now);
        self.send(&notices);
        self.draw(now);
    }

    /// When to call [`Self::tick`].
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.policy.next_deadline().into_iter().chain(self.shown.stale_at).min()
    }

    fn step(&mut self, now: Timestamp, event: Event) {
        let notices = self.policy.step(now, event);
        self.send(&notices);
    }

    fn take_snapshot(&mut self, now: Timestamp, snapshot: &Arc<Snapshot>) {
        let before = std::mem::replace(&mut self.snapshot, Arc::clone(snapshot));
        for gone in before.profiles.iter().filter(|p| snapshot.find(&p.profile.name).is_none()) {
            self.restarting.remove(&gone.profile.name);
            self.step(now, Event::Removed(gone.profile.name.clone()));
        }
        for view in &snapshot.profiles {
            let name = &view.profile.name;
            let under_way = view.restart.as_ref().is_some_and(|r| r.outcome.is_none());
            if under_way != self.restarting.contains(name) {
                if under_way {
                    self.restarting.insert(name.clone())
                } else {
                    self.restarting.remove(name)
                };
                let notices = self.policy.step(now, Event::Restarting(name.clone(), under_way));
                self.send(&notices);
                let told = notices.iter().any(|n| n.profiles.iter().any(|line| line.name == *name));
                if !told && let Some(restart) = &view.restart {
                    self.tell_failure(name, restart);
                }
            }
        }
        if snapshot.complete && !self.started {
            self.started = true;
            self.step(now, Event::Started);
        }
    }

    fn input(&mut self, now: Timestamp, input: UiInput) {
        match input {
            UiInput::Config(config) => {
                self.config = *config;
                self.config_error = None;
                self.apply_settings(now);
            }
            UiInput::ConfigError(error) => {
                let fresh = error.is_some() && error != self.config_error;
                self.config_error = error;
                self.apply_settings(now);
                if fresh {
                    self.tell_mistake(say_config::OLD_STAY);
                }
            }
            UiInput::Findings { count, repairable } => {
                self.state.findings = Some(count);
                self.state.repairable = repairable;
            }
            UiInput::Offline(offline) => {
                self.state.offline = offline;
                self.step(now, Event::Offline(offline));
            }
            UiInput::Sleep => self.step(now, Event::Sleep),
            UiInput::Wake => self.step(now, Event::Wake),
            UiInput::Say(words) => self.tell(words, Light::Grey),
            UiInput::Quit => {}
        }
    }

    fn apply_settings(&mut self, now: Timestamp) {
        self.look.lang = self.config.language.choose(self.system_lang);
        self.state.settings_error = self.config_error.as_ref().map(|e| e.text(self.look.lang));
        let mut notices = self.config.notices.clone();
        notices.enabled &= self.switched_on;
        self.state.notifications = if !self.config.notices.enabled {
            Notifications::OffInSettings
        } else if !self.switched_on {
            Notifications::Off
        } else if !self.allowed {
            Notifications::Refused
        } else {
            Notifications::On
        };
        self.drawn = None;
        self.step(now, Event::Settings(notices));
    }

    /// Tells the mistake in the settings file, and what holds in its place. The menu shows it as long as it is there.
    fn tell_mistake(&self, instead: Phrase) {
        let Some(mistake) = &self.config_error else { return };
        let lang = self.look.lang;
        let (what, instead) = (mistake.text(lang), lang.pick(instead));
        let body = fill(lang.pick(say_config::NOT_USED_BODY), &[("what", &what), ("instead", instead)]);
        self.tell(Words { title: lang.pick(say_config::NOT_USED).to_owned(), body }, Light::Grey);
    }

    /// Tells that a restart did not do what it was asked for: the menu that shows its steps closed when it was chosen.
    fn tell_failure(&self, name: &str, restart: &RestartView) {
        let (title, why, light) = match &restart.outcome {
            Some(RestartOutcome::Failed { why, .. }) => (say::RESTART_FAILED, why, Light::Red),
            Some(RestartOutcome::CannotTell { why, .. }) => (say::RESTART_UNKNOWN, why, Light::Grey),
            Some(RestartOutcome::Worked { .. }) | None => return,
        };
        let title = fill(self.look.lang.pick(title), &[("name", &menu::shown(name))]);
        self.tell(Words { title, body: why.clone() }, light);
    }

    fn report(&mut self, now: Timestamp, report: Report) -> Flow {
        match report {
            Report::Delivered(_) => {}
            Report::Failed { title, why, .. } => {
                let why = why.text(self.look.lang);
                self.state.missed.push(Missed { title, why, at: now });
                if self.state.missed.len() > MOST_MISSED {
                    self.state.missed.remove(0);
                }
            }
            Report::Allowed(allowed) => {
                self.allowed = allowed;
                self.apply_settings(now);
            }
            Report::Pressed { id, key } => {
                let action =
                    self.buttons.iter().find(|(n, _)| *n == id).and_then(|(_, keys)| keys.get(&key)).cloned();
                match action {
                    None => {}
                    Some(Action::OpenLog(name)) => return self.carry_out(now, UiCommand::OpenLog(name)),
                    Some(Action::Restart(names)) => {
                        for name in names {
                            self.pass_on(UiCommand::Restart(name));
                        }
                    }
                }
            }
        }
        self.draw(now);
        Flow::On
    }

    /// Does what the desktop side can do itself; passes the rest on.
    fn carry_out(&mut self, now: Timestamp, command: UiCommand) -> Flow {
        let lang = self.look.lang;
        match command {
            UiCommand::Quit => {
                self.pass_on(UiCommand::Quit);
                return Flow::End;
            }
            UiCommand::Mute(name, wish) => {
                let mute = match wish {
                    MuteFor::Hour => now.checked_add(Duration::from_secs(3_600)).ok().map(Mute::Until),
                    MuteFor::UntilRecovery => Some(Mute::Recovery),
                    MuteFor::Never => None,
                };
                self.step(now, Event::Mute(name, mute));
            }
            UiCommand::ForgetMissed => self.state.missed.clear(),
            // what is refused elsewhere is mended there
            UiCommand::ToggleNotifications if self.state.notifications == Notifications::Refused => {
                self.start(Ok(open::notification_settings()));
            }
            UiCommand::ToggleNotifications if self.state.notifications == Notifications::OffInSettings => {
                return self.carry_out(now, UiCommand::OpenSettings);
            }
            UiCommand::ToggleNotifications => {
                self.switched_on = !self.switched_on;
                if let Err(e) = Switch::write(&self.folders.data, self.switched_on) {
                    self.could_not(say_desktop::NOT_CHANGED, &e.to_string());
                }
                self.apply_settings(now);
            }
            UiCommand::ToggleLogin => {
                let changed = match &self.state.login {
                    Login::Unavailable(why) => Err(why.clone()),
                    login => {
                        login::set(&self.folders.autostart, *login != Login::On).map_err(|e| e.to_string())
                    }
                };
                if let Err(why) = changed {
                    self.could_not(say_desktop::NOT_CHANGED, &why);
                }
                self.state.login = login::state(&self.folders.autostart, lang);
            }
            UiCommand::OpenSettings => {
                let file = self.folders.config_file.clone();
                match create(&file) {
                    Ok(()) => self.start(open::text_file(&file, &open::OnPath)),
                    Err(e) => {
                        self.could_not(say_desktop::NOT_OPENED, &format!("{}: {e}", file.display()));
                    }
                }
            }
            UiCommand::OpenLog(name) => self.with_profile(&name, |profile| {
                open::log_of(profile).and_then(|log| open::file(&log, &open::OnPath))
            }),
            UiCommand::OpenSystemLog(name) => {
                let data = &self.folders.data;
                self.with_profile(&name, |profile| open::system_log(profile, data, &open::OnPath));
            }
            UiCommand::ShowJobFile(name) => self.with_profile(&name, |profile| match &profile.job {
                Some(job) => open::in_folder(&job.path, &open::OnPath),
                None => open::system_log(profile, &self.folders.data, &open::OnPath),
            }),
            other => self.pass_on(other),
        }
        self.draw(now);
        Flow::On
    }

    fn with_profile(
        &self,
        name: &str,
        line: impl Fn(&crate::profile::Profile) -> Result<open::Line, open::OpenError>,
    ) {
        if let Some(view) = self.snapshot.find(name) {
            self.start(line(&view.profile));
        }
    }

    fn start(&self, line: Result<open::Line, open::OpenError>) {
        if let Err(e) = line.and_then(|line| line.start()) {
            self.could_not(say_desktop::NOT_OPENED, &e.text(self.look.lang));
        }
    }

    fn pass_on(&self, command: UiCommand) {
        // an engine that is gone ends the loop by itself
        let _engine_gone = self.commands.send(command);
    }

    fn could_not(&self, what: Phrase, why: &str) {
        let title = self.look.lang.pick(what).to_owned();
        self.tell(Words { title, body: why.to_owned() }, Light::Grey);
    }

    /// Shows words that are not of the policy: the answer to something that the user did. Green would say that a gateway
    /// works.
    fn tell(&self, words: Words, light: Light) {
        self.courier.send(notify::Message {
            id: OWN_NOTICE,
            title: words.title,
            body: words.body,
            buttons: Vec::new(),
            light,
            withdrawn: Vec::new(),
        });
    }

    fn send(&mut self, notices: &[Notice]) {
        for notice in notices {
            let keys = notice.buttons().into_iter().map(|b| (b.key.to_owned(), b.action)).collect();
            self.buttons.retain(|(id, _)| *id != notice.id && !notice.withdrawn.contains(id));
            self.buttons.push_back((notice.id, keys));
            if self.buttons.len() > MOST_OPEN {
                self.buttons.pop_front();
            }
            self.courier.send(notify::Message::of(notice, self.look.lang));
        }
    }

    /// Whether a new menu would be the one that is shown. Most messages change nothing that can be seen.
    fn is_drawn(&self, now: Timestamp) -> bool {
        !self.touched
            && self.drawn.as_ref().is_some_and(|drawn| {
                Arc::ptr_eq(&drawn.snapshot, &self.snapshot)
                    && drawn.state == self.state
                    // a clock that was set back makes every length of time another
                    && drawn.at <= now
                    && self.shown.stale_at.is_none_or(|stale| now < stale)
            })
    }

    /// Draws what changed, and only that.
    fn draw(&mut self, now: Timestamp) {
        let names = || self.snapshot.profiles.iter().map(|p| &p.profile.name);
        self.state.mutes = names().filter_map(|n| Some((n.clone(), self.policy.mute(n)?))).collect();
        self.state.unstable = names().filter(|n| self.policy.unstable(n)).cloned().collect();
        if self.is_drawn(now) {
            return;
        }
        let light = self.snapshot.worst();
        let badge = menu::badge(&self.snapshot);
        let template = self.config.icon.template_when_well && light == Light::Green;
        let tooltip = menu::tooltip(&self.snapshot, &self.state, self.look.lang);
        let icon = (Face { light, count: badge, template }, badge, tooltip);
        if self.shown_icon.as_ref() != Some(&icon) {
            self.shell.icon(icon.0, icon.1, &icon.2);
            self.shown_icon = Some(icon);
        }
        let new = menu::menu(&self.snapshot, &self.state, &self.look, now);
        if std::mem::take(&mut self.touched) || new.rows != self.shown.rows {
            self.shell.menu(&self.shown, &new);
        }
        self.shown = new;
        self.drawn = Some(Drawn { at: now, snapshot: Arc::clone(&self.snapshot), state: self.state.clone() });
        self.shell.drawn();
    }
}

/// A settings file to edit, where there is none.
fn create(file: &Path) -> std::io::Result<()> {
    if file.exists() {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, TEMPLATE)
}

/// Whether notifications are switched on in the menu: a file that says no.
struct Switch;

impl Switch {
    const FILE: &str = "notifications-off";

    fn read(data: &Path) -> bool {
        !data.join(Self::FILE).exists()
    }

    fn write(data: &Path, on: bool) -> std::io::Result<()> {
        let file = data.join(Self::FILE);
        if on {
            match fs::remove_file(file) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            }
        } else {
            fs::create_dir_all(data)?;
            fs::write(file, "")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Change, Verdict};
    use crate::profile::Profile;

    /// Launch at login may be switched off in the system's own settings, and nobody tells of that.
    #[cfg(not(target_os = "macos"))]
    #[test]
    fn what_was_changed_elsewhere_is_seen_when_the_menu_opens() {
        struct Nowhere;

        impl Shell for Nowhere {
            fn icon(&mut self, _: Face, _: Option<usize>, _: &str) {}
            fn menu(&mut self, _: &Menu, _: &Menu) {}
        }

        let now = Timestamp::UNIX_EPOCH;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_path_buf();
        let parts = Parts {
            commands: mpsc::unbounded_channel().0,
            config: Config::default(),
            config_error: None,
            folders: Folders {
                config_file: data.join("c"),
                autostart: data.clone(),
                log_file: data.join("l"),
                data,
            },
            system_lang: Lang::En,
            zone: TimeZone::UTC,
            presence: Box::new(|_| {}),
        };
        let mut app = App::new(Nowhere, Courier::start(Arc::new(|_| {})).unwrap(), parts, now);
        let shown = |app: &App<Nowhere>| {
            app.shown.rows.iter().find(|row| row.key == "login").map(|row| row.kind.clone())
        };
        for on in [true, false] {
            login::set(folder.path(), on).unwrap();
            assert_eq!(shown(&app), Some(menu::RowKind::Check(!on)), "nobody told");
            assert_eq!(app.handle(now, Message::MenuOpens), Flow::On);
            assert_eq!(shown(&app), Some(menu::RowKind::Check(on)));
        }
    }

    /// The engine says first that the machine woke up or lost its network, then what follows from it; both may lie
    /// there when the loop looks.
    #[test]
    fn what_keeps_notices_back_comes_before_what_they_would_tell() {
        let now = Timestamp::UNIX_EPOCH;
        let empty = Snapshot { at: now, profiles: Vec::new(), bad_files: Vec::new(), complete: true };
        let (_snapshots, seen) = watch::channel(Arc::new(empty));
        let (changes, fell) = mpsc::channel(4);
        let (inputs, input) = mpsc::channel(4);
        let profile = Profile { name: "work".into(), home: "/h".into(), job: None, logs: Vec::new() };
        let verdict = Verdict::unknown(now);
        let change = Change { at: now, from: verdict.clone(), to: verdict };
        let change = ProfileChange { profile: Arc::new(profile), change, history: false };
        changes.try_send(change).unwrap();
        inputs.try_send(UiInput::Wake).unwrap();
        inputs.try_send(UiInput::Offline(true)).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        forward(seen, fell, input, move |message| tell.send(message).is_ok()).unwrap();
        let mut order = Vec::new();
        while order.len() < 4 {
            order.push(match told.recv_timeout(Duration::from_secs(60)).unwrap() {
                Message::Snapshot(_) => "snapshot",
                Message::Change(_) => "change",
                Message::Input(UiInput::Wake) => "wake",
                Message::Input(UiInput::Offline(true)) => "offline",
                other => panic!("{other:?}"),
            });
        }
        assert_eq!(order, ["snapshot", "wake", "offline", "change"]);
    }
}
