//! Joins what the engine publishes, what the user presses and what the desktop shows. It runs on the desktop's loop and
//! never waits; everything that may take time happens elsewhere and comes back as a [`Message`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use super::UiCommand;
use super::icon_view::{IconStyle, IconView};
use super::login;
use super::menu::{self, Each, Login, Look, Menu, MenuState, Missed, MuteFor, Notifications};
use super::menu_bar::looks::Sighting;
use super::menu_bar::permission::Permission;
use super::notify::{self, Content, Courier, Report};
use crate::alerts::{Action, Event, Mute, Notice, Policy};
use crate::app::messages::{EngineEvent, EngineRequest};
use crate::app::open;
use crate::config::{Config, ConfigError, Folders, Lights, TEMPLATE};
use crate::health::Light;
use crate::restart::{RestartOutcome, RestartView, Restarts};
use crate::text::display::label;
use crate::text::{
    Lang, Phrase, config as say_config, desktop as say_desktop, fill, menu_bar as say_bar, notice as say,
};
use crate::watcher::Update;
use crate::watcher::snapshot::Snapshot;

/// Most notices whose buttons still do something.
const MOST_OPEN: usize = 64;
/// Most missed notices that are kept.
const MOST_MISSED: usize = 50;
/// How long the end waits until what is on the screen is withdrawn.
#[cfg_attr(not(target_os = "macos"), allow(dead_code))]
const WITHDRAW: Duration = Duration::from_secs(1);
/// Ids of notices that are not of the policy; the policy counts from one.
const OWN_NOTICE: u64 = u64::MAX;

/// What the engine gives to the desktop side.
pub struct AppHandles {
    /// Everything that the desktop side should know, in order.
    pub inputs: mpsc::Receiver<EngineEvent>,
    /// Takes what only the engine can do.
    pub commands: mpsc::UnboundedSender<EngineRequest>,
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

/// Everything that wakes the loop.
#[derive(Debug)]
pub enum Message {
    /// The engine sent something.
    Inputs,
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
    /// The icon of the menu bar can be seen, or not any more (macOS).
    Sighted(Sighting),
    /// What the desktop draws on is another one: all must be drawn again.
    Redraw,
}

/// What the desktop draws. `old` is what it drew before.
pub trait Shell {
    /// It is the menu bar of macOS: the icon may be wide, and a first start is announced, since no window shows it.
    const MENU_BAR: bool = false;
    /// The icon, the text beside it or its tooltip changed.
    fn icon(&mut self, icon: &IconView);
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

/// Wakes the desktop's loop when the engine sent something.
struct LoopWaker<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for LoopWaker<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// A waker that makes the desktop's loop handle [`Message::Inputs`].
pub(super) fn waker(wake_loop: impl Fn() + Send + Sync + 'static) -> Waker {
    Arc::new(LoopWaker(wake_loop)).into()
}

/// The desktop side's state.
pub struct App<S> {
    shell: S,
    inputs: mpsc::Receiver<EngineEvent>,
    waker: Waker,
    courier: Courier,
    commands: mpsc::UnboundedSender<EngineRequest>,
    presence: Box<dyn Fn(&Presence) + Send>,
    folders: Folders,
    config: Config,
    config_error: Option<ConfigError>,
    system_lang: Lang,
    look: Look,
    switched_on: bool,
    permission: Permission,
    policy: Policy,
    started: bool,
    /// What a press on a notice of an earlier run asks for, until all profiles are found.
    pressed_earlier: Option<UiCommand>,
    snapshot: Arc<Snapshot>,
    state: MenuState,
    buttons: VecDeque<(u64, BTreeMap<String, Action>)>,
    shown: Menu,
    /// A chosen check item may have marked itself: what is shown is no longer known.
    touched: bool,
    shown_icon: Option<IconView>,
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
    pub inputs: mpsc::Receiver<EngineEvent>,
    /// Wakes the loop when `inputs` has something to receive.
    pub waker: Waker,
    pub commands: mpsc::UnboundedSender<EngineRequest>,
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
        let switched_on = !NOTIFICATIONS_OFF.is_set(&parts.folders.data);
        let mut app = Self {
            shell,
            inputs: parts.inputs,
            waker: parts.waker,
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
            permission: Permission::Granted,
            started: false,
            pressed_earlier: None,
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
        app.courier.prepare(notify::combinations(lang));
        app.tell_mistake(say_config::DEFAULTS_HOLD);
        app.draw(now);
        app
    }

    /// Handles what the engine sent, then this message.
    pub(super) fn handle(&mut self, now: Timestamp, message: Message) -> Flow {
        if self.receive(now) == Flow::End {
            return Flow::End;
        }
        match message {
            Message::Inputs => {}
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
                let content = Content { title: lang.pick(say::HERE).to_owned(), body };
                self.tell(content, self.snapshot.worst());
            }
            Message::MenuOpens => {
                self.state.login = login::state(&self.folders.autostart, self.look.lang);
                self.courier.ask_permission();
            }
            Message::Presence(presence) => (self.presence)(&presence),
            Message::Sighted(sighting) => self.sighted(sighting),
            Message::Redraw => {
                self.touched = true;
                self.shown_icon = None;
            }
        }
        self.draw(now);
        Flow::On
    }

    /// What the desktop draws on.
    #[cfg_attr(not(target_os = "macos"), allow(dead_code))]
    pub(super) const fn shell(&self) -> &S {
        &self.shell
    }

    /// The end: nothing stays on the screen that would start Gatelight again when it is dismissed.
    #[cfg_attr(not(target_os = "macos"), allow(dead_code))]
    pub(super) fn close(&self) {
        self.courier.withdraw_all(WITHDRAW);
    }

    /// An icon that cannot be seen is told once for each cause: nothing else would say it.
    fn sighted(&mut self, sighting: Sighting) {
        self.state.hidden = match sighting {
            Sighting::Shown => None,
            Sighting::Hidden(hidden) => Some(hidden),
        };
        if let Some(hidden) = self.state.hidden {
            let lang = self.look.lang;
            let body = format!("{} {}", lang.pick(hidden.phrase()), lang.pick(say_bar::OPEN_AGAIN));
            let words = Content { title: lang.pick(say_bar::HIDDEN).to_owned(), body };
            self.tell(words, Light::Grey);
        }
    }

    /// All profiles are found, for the first time in this run.
    fn all_found(&mut self, now: Timestamp) {
        self.started = true;
        self.step(now, Event::Started);
        if S::MENU_BAR && !WELCOMED.is_set(&self.folders.data) {
            let lang = self.look.lang;
            let found = menu::head(&self.snapshot, lang);
            let body = fill(lang.pick(say_bar::WELCOME_BODY), &[("found", &found)]);
            self.tell(Content { title: lang.pick(say_bar::WELCOME).to_owned(), body }, Light::Grey);
            // where this cannot be written the history cannot either, and that is told
            let _told_again = WELCOMED.set(&self.folders.data, true);
        }
        if let Some(command) = self.pressed_earlier.take() {
            self.carry_out(now, command);
        }
    }

    /// A notice of an earlier run was pressed; that run's memory of it is gone.
    fn press_earlier(&mut self, now: Timestamp, name: String, key: &str) -> Flow {
        let command =
            if key == notify::RESTART { UiCommand::Restart(name) } else { UiCommand::OpenLog(name) };
        if self.started {
            return self.carry_out(now, command);
        }
        self.pressed_earlier = Some(command);
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

    /// Handles everything that the engine has sent. The channel wakes the loop when there is more.
    fn receive(&mut self, now: Timestamp) -> Flow {
        let waker = self.waker.clone();
        let mut context = Context::from_waker(&waker);
        loop {
            match self.inputs.poll_recv(&mut context) {
                Poll::Ready(None | Some(EngineEvent::Quit)) => return Flow::End,
                Poll::Ready(Some(input)) => self.input(now, input),
                Poll::Pending => return Flow::On,
            }
        }
    }

    fn update(&mut self, now: Timestamp, update: &Update) {
        if update.woke {
            self.step(now, Event::Wake);
        }
        let before = std::mem::replace(&mut self.snapshot, Arc::clone(&update.snapshot));
        for gone in before.profiles.iter().filter(|p| update.snapshot.find(&p.profile.name).is_none()) {
            self.step(now, Event::Removed(gone.profile.name.clone()));
        }
        for change in update.changes_to_state() {
            self.step(now, Event::Change(Box::new(change)));
        }
        // after the changes: what was already red when Gatelight started belongs to the first notice
        if update.snapshot.complete && !self.started {
            self.all_found(now);
        }
    }

    fn restarts(&mut self, now: Timestamp, restarts: Restarts) {
        let before = std::mem::replace(&mut self.state.restarts, restarts);
        let names: BTreeSet<String> = before.keys().chain(self.state.restarts.keys()).cloned().collect();
        for name in names {
            let under_way = |restarts: &Restarts| restarts.get(&name).is_some_and(|r| r.outcome.is_none());
            let is_under_way = under_way(&self.state.restarts);
            if is_under_way == under_way(&before) {
                continue;
            }
            let notices = self.policy.step(now, Event::Restarting(name.clone(), is_under_way));
            self.send(&notices);
            let told = notices.iter().any(|n| n.affected.iter().any(|one| one.name == *name));
            if !told && let Some(restart) = self.state.restarts.get(&name) {
                self.tell_failure(&name, restart);
            }
        }
    }

    fn input(&mut self, now: Timestamp, input: EngineEvent) {
        match input {
            EngineEvent::Update(update) => self.update(now, &update),
            EngineEvent::Restarts(restarts) => self.restarts(now, restarts),
            EngineEvent::Config(config) => {
                self.config = *config;
                self.config_error = None;
                self.apply_settings(now);
            }
            EngineEvent::ConfigError(error) => {
                let fresh = error.is_some() && error != self.config_error;
                self.config_error = error;
                self.apply_settings(now);
                if fresh {
                    self.tell_mistake(say_config::OLD_STAY);
                }
            }
            EngineEvent::Findings { count, repairable } => {
                self.state.findings = Some(count);
                self.state.repairable = repairable;
            }
            EngineEvent::Offline(offline) => {
                self.state.offline = offline;
                self.step(now, Event::Offline(offline));
            }
            EngineEvent::Answer(answer) => {
                let lang = self.look.lang;
                self.tell(Content { title: answer.title(lang), body: answer.body(lang) }, Light::Grey);
            }
            EngineEvent::Quit => {}
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
        } else if self.permission != Permission::Granted {
            Notifications::NotPermitted(self.permission)
        } else {
            Notifications::On
        };
        self.state.each = S::MENU_BAR.then(|| match self.config.icon.lights {
            Lights::Worst => Each::OffInSettings,
            Lights::Each if WORST_ALONE.is_set(&self.folders.data) => Each::Off,
            Lights::Each => Each::On,
        });
        self.drawn = None;
        self.step(now, Event::Settings(notices));
    }

    /// Tells the mistake in the settings file, and what holds in its place. The menu shows it as long as it is there.
    fn tell_mistake(&self, instead: Phrase) {
        let Some(mistake) = &self.config_error else { return };
        let lang = self.look.lang;
        let (what, instead) = (mistake.text(lang), lang.pick(instead));
        let body = fill(lang.pick(say_config::NOT_USED_BODY), &[("what", &what), ("instead", instead)]);
        self.tell(Content { title: lang.pick(say_config::NOT_USED).to_owned(), body }, Light::Grey);
    }

    /// Tells that a restart did not do what it was asked for: the menu that shows its steps closed when it was chosen.
    fn tell_failure(&self, name: &str, restart: &RestartView) {
        let (title, why, light) = match &restart.outcome {
            Some(RestartOutcome::Failed { why, .. }) => (say::RESTART_FAILED, why, Light::Red),
            Some(RestartOutcome::CannotTell { why, .. }) => (say::RESTART_UNKNOWN, why, Light::Grey),
            Some(RestartOutcome::Worked { .. }) | None => return,
        };
        let title = fill(self.look.lang.pick(title), &[("name", &label(name))]);
        self.tell(Content { title, body: why.clone() }, light);
    }

    fn report(&mut self, now: Timestamp, report: Report) -> Flow {
        match report {
            Report::Delivered(_) | Report::Dismissed | Report::PressedEarlier { profile: None, .. } => {}
            Report::Failed { title, why, .. } => {
                let why = why.text(self.look.lang);
                self.state.missed.push(Missed { title, why, at: now });
                if self.state.missed.len() > MOST_MISSED {
                    self.state.missed.remove(0);
                }
            }
            Report::Permission(permission) => {
                self.permission = permission;
                self.apply_settings(now);
            }
            Report::PressedEarlier { profile: Some(name), key } => {
                return self.press_earlier(now, name, &key);
            }
            Report::Pressed { id, key } => {
                let action =
                    self.buttons.iter().find(|(n, _)| *n == id).and_then(|(_, keys)| keys.get(&key)).cloned();
                match action {
                    None => {}
                    Some(Action::OpenLog(name)) => return self.carry_out(now, UiCommand::OpenLog(name)),
                    Some(Action::Restart(names)) => {
                        for name in names {
                            self.request(EngineRequest::Restart(name));
                        }
                    }
                }
            }
        }
        self.draw(now);
        Flow::On
    }

    /// Carries out a command, or requests it from the engine.
    fn carry_out(&mut self, now: Timestamp, command: UiCommand) -> Flow {
        let lang = self.look.lang;
        match command {
            UiCommand::Quit => {
                self.request(EngineRequest::Quit);
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
            UiCommand::ToggleNotifications
                if matches!(self.state.notifications, Notifications::NotPermitted(_)) =>
            {
                self.start(Ok(open::notification_settings()));
            }
            UiCommand::ToggleNotifications if self.state.notifications == Notifications::OffInSettings => {
                return self.carry_out(now, UiCommand::OpenSettings);
            }
            UiCommand::ToggleNotifications => {
                self.switched_on = !self.switched_on;
                if let Err(e) = NOTIFICATIONS_OFF.set(&self.folders.data, !self.switched_on) {
                    self.could_not(say_desktop::NOT_CHANGED, &e.to_string());
                }
                self.apply_settings(now);
            }
            UiCommand::TestNotification => {
                let [title, body] =
                    [say_bar::TEST_TITLE, say_bar::TEST_BODY].map(|p| lang.pick(p).to_owned());
                self.tell(Content { title, body }, Light::Grey);
            }
            UiCommand::ToggleEach if self.state.each == Some(Each::OffInSettings) => {
                return self.carry_out(now, UiCommand::OpenSettings);
            }
            UiCommand::ToggleEach => {
                let on = self.state.each == Some(Each::On);
                if let Err(e) = WORST_ALONE.set(&self.folders.data, on) {
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
            UiCommand::Restart(name) => self.request(EngineRequest::Restart(name)),
            UiCommand::RestartAllRed => self.request(EngineRequest::RestartAllRed),
            UiCommand::Repair(name) => self.request(EngineRequest::Repair(name)),
            UiCommand::CopyDiagnostics(name) => self.request(EngineRequest::CopyDiagnostics(name)),
            UiCommand::CheckJobFiles => self.request(EngineRequest::CheckJobFiles),
            UiCommand::Timeline => self.request(EngineRequest::Timeline),
        }
        self.draw(now);
        Flow::On
    }

    fn with_profile(
        &self,
        name: &str,
        line: impl Fn(&crate::profile::Profile) -> Result<open::Launch, open::OpenError>,
    ) {
        if let Some(view) = self.snapshot.find(name) {
            self.start(line(&view.profile));
        }
    }

    fn start(&self, line: Result<open::Launch, open::OpenError>) {
        if let Err(e) = line.and_then(|line| line.start()) {
            self.could_not(say_desktop::NOT_OPENED, &e.text(self.look.lang));
        }
    }

    fn request(&self, request: EngineRequest) {
        // an engine that is gone ends the loop by itself
        let _engine_gone = self.commands.send(request);
    }

    fn could_not(&self, what: Phrase, why: &str) {
        let title = self.look.lang.pick(what).to_owned();
        self.tell(Content { title, body: why.to_owned() }, Light::Grey);
    }

    /// Shows words that are not of the policy: the answer to something that the user did. Green would say that a gateway
    /// works.
    fn tell(&self, content: Content, light: Light) {
        self.courier.send(notify::Message {
            id: OWN_NOTICE,
            title: content.title,
            body: content.body,
            buttons: Vec::new(),
            light,
            withdrawn: Vec::new(),
            profile: None,
        });
    }

    fn send(&mut self, notices: &[Notice]) {
        for notice in notices {
            let mut keys: BTreeMap<String, Action> =
                notify::buttons(notice).into_iter().map(|b| (b.key.to_owned(), b.action)).collect();
            if let Some(first) = notice.affected.first() {
                keys.insert(notify::BODY.to_owned(), Action::OpenLog(first.name.clone()));
            }
            self.buttons.retain(|(id, _)| *id != notice.id && !notice.withdrawn.contains(id));
            self.buttons.push_back((notice.id, keys));
            if self.buttons.len() > MOST_OPEN {
                self.buttons.pop_front();
            }
            let mut message = notify::Message::of(notice, self.look.lang);
            if self.state.hidden.is_some() && message.light == Light::Red {
                message.body = format!("{}\n{}", message.body, self.look.lang.pick(say_bar::OPEN_AGAIN));
            }
            self.courier.send(message);
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
        self.state.unstable = names().filter(|n| self.policy.is_flapping(n)).cloned().collect();
        if self.is_drawn(now) {
            return;
        }
        let style = IconStyle {
            each: self.state.each == Some(Each::On),
            template_when_well: self.config.icon.template_when_well,
        };
        let icon = IconView::of(&self.snapshot, &self.state, style, self.look.lang);
        if self.shown_icon.as_ref() != Some(&icon) {
            self.shell.icon(&icon);
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

/// A choice that is remembered by a file that is there or not, in the data folder.
struct Switch(&'static str);

/// Notifications are switched off in the menu.
const NOTIFICATIONS_OFF: Switch = Switch("notifications-off");
/// The icon shows the worst light alone.
const WORST_ALONE: Switch = Switch("icon-shows-worst");
/// The first start was announced.
const WELCOMED: Switch = Switch("welcomed");

impl Switch {
    fn is_set(&self, data: &Path) -> bool {
        data.join(self.0).exists()
    }

    fn set(&self, data: &Path, on: bool) -> std::io::Result<()> {
        let file = data.join(self.0);
        if on {
            fs::create_dir_all(data)?;
            return fs::write(file, "");
        }
        match fs::remove_file(file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Change, Reason, Verdict};
    use crate::profile::Profile;
    use crate::watcher::snapshot::{ProfileChange, ProfileView};

    struct Nowhere;

    impl Shell for Nowhere {
        fn icon(&mut self, _: &IconView) {}
        fn menu(&mut self, _: &Menu, _: &Menu) {}
    }

    fn parts(data: &Path, inputs: mpsc::Receiver<EngineEvent>, waker: Waker) -> Parts {
        let data = data.to_path_buf();
        Parts {
            inputs,
            waker,
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
        }
    }

    fn app(
        data: &Path,
        inputs: mpsc::Receiver<EngineEvent>,
        wake_loop: impl Fn() + Send + Sync + 'static,
    ) -> App<Nowhere> {
        let parts = parts(data, inputs, waker(wake_loop));
        App::new(Nowhere, Courier::start(Arc::new(|_| {})).unwrap(), parts, Timestamp::UNIX_EPOCH)
    }

    /// A menu bar, an engine that has found one red profile, and what is shown as notifications.
    struct MenuBar;

    impl Shell for MenuBar {
        const MENU_BAR: bool = true;
        fn icon(&mut self, _: &IconView) {}
        fn menu(&mut self, _: &Menu, _: &Menu) {}
    }

    fn found_red(now: Timestamp) -> EngineEvent {
        let profile = Profile { name: "work".into(), home: "/h".into(), job: None, logs: Vec::new() };
        let verdict = Verdict { reason: Reason::ExecutorShutdown, ..Verdict::unknown(now) };
        let view = ProfileView { profile: Arc::new(profile), verdict };
        let changes = vec![view.as_change(false)];
        let snapshot = Snapshot { at: now, profiles: vec![view], bad_files: Vec::new(), complete: true };
        EngineEvent::Update(Box::new(Update { changes, ..Update::of(Arc::new(snapshot)) }))
    }

    #[test]
    fn a_first_start_says_where_the_light_is() {
        let now = Timestamp::UNIX_EPOCH;
        let folder = tempfile::tempdir().unwrap();
        for (start, expected) in [("first", 1), ("second", 0)] {
            let (engine, inputs) = mpsc::channel(4);
            let (courier, shown) = Courier::without_desktop();
            let parts = parts(folder.path(), inputs, waker(|| {}));
            let mut app = App::new(MenuBar, courier, parts, now);
            engine.try_send(found_red(now)).unwrap();
            assert_eq!(app.handle(now, Message::Inputs), Flow::On);
            let welcomes = shown().into_iter().filter(|m| m.title == say_bar::WELCOME[0]);
            let bodies: Vec<String> = welcomes.map(|m| m.body).collect();
            assert_eq!(bodies.len(), expected, "{start}");
            assert!(bodies.iter().all(|b| b.starts_with("0 of 1 connected. ")), "{bodies:?}");
        }
    }

    #[test]
    fn an_icon_that_cannot_be_seen_is_told_and_so_is_the_way_to_the_menu() {
        use crate::ui::menu_bar::visibility::Hidden;
        let now = Timestamp::UNIX_EPOCH;
        let folder = tempfile::tempdir().unwrap();
        let (engine, inputs) = mpsc::channel(4);
        let (courier, shown) = Courier::without_desktop();
        let mut app = App::new(MenuBar, courier, parts(folder.path(), inputs, waker(|| {})), now);
        app.handle(now, Message::Sighted(Sighting::Hidden(Hidden::NotAllowed)));
        let [told] = shown().try_into().unwrap();
        assert_eq!(told.title, say_bar::HIDDEN[0]);
        assert!(told.body.contains("System Settings > Menu Bar"), "{}", told.body);
        assert!(app.shown.row("hidden").is_some());
        engine.try_send(found_red(now)).unwrap();
        app.handle(now, Message::Inputs);
        let later = now + jiff::SignedDuration::from_secs(60);
        app.tick(later);
        let red = shown().into_iter().find(|m| m.light == Light::Red).unwrap();
        assert!(red.body.ends_with(say_bar::OPEN_AGAIN[0]), "{}", red.body);
        app.handle(later, Message::Sighted(Sighting::Shown));
        assert!(app.shown.row("hidden").is_none());
    }

    #[test]
    fn a_press_on_a_notice_of_an_earlier_run_waits_for_the_profiles() {
        let now = Timestamp::UNIX_EPOCH;
        let folder = tempfile::tempdir().unwrap();
        let (engine, inputs) = mpsc::channel(4);
        let (commands, mut given) = mpsc::unbounded_channel();
        let (courier, _shown) = Courier::without_desktop();
        let parts = Parts { commands, ..parts(folder.path(), inputs, waker(|| {})) };
        let mut app = App::new(MenuBar, courier, parts, now);
        let press = || {
            let key = notify::RESTART.to_owned();
            Message::Report(Report::PressedEarlier { profile: Some("work".into()), key })
        };
        app.handle(now, press());
        assert_eq!(given.try_recv().ok(), None);
        engine.try_send(found_red(now)).unwrap();
        app.handle(now, Message::Inputs);
        assert_eq!(given.try_recv().ok(), Some(EngineRequest::Restart("work".into())));
        app.handle(now, press());
        assert_eq!(given.try_recv().ok(), Some(EngineRequest::Restart("work".into())));
    }

    #[test]
    fn the_lights_of_the_icon_are_chosen_in_the_menu_and_the_settings() {
        let now = Timestamp::UNIX_EPOCH;
        let folder = tempfile::tempdir().unwrap();
        let (engine, inputs) = mpsc::channel(4);
        let (courier, _shown) = Courier::without_desktop();
        let mut app = App::new(MenuBar, courier, parts(folder.path(), inputs, waker(|| {})), now);
        assert_eq!(app.state.each, Some(Each::On));
        for expected in [Each::Off, Each::On] {
            app.handle(now, Message::Chosen("each".into()));
            assert_eq!(app.state.each, Some(expected));
        }
        let mut config = Config::default();
        config.icon.lights = Lights::Worst;
        engine.try_send(EngineEvent::Config(Box::new(config))).unwrap();
        app.handle(now, Message::Inputs);
        assert_eq!(app.state.each, Some(Each::OffInSettings));
    }

    /// Launch at login may be switched off in the system's own settings, and nobody tells of that.
    #[cfg(not(target_os = "macos"))]
    #[test]
    fn what_was_changed_elsewhere_is_seen_when_the_menu_opens() {
        let now = Timestamp::UNIX_EPOCH;
        let folder = tempfile::tempdir().unwrap();
        let (_engine, inputs) = mpsc::channel(4);
        let mut app = app(folder.path(), inputs, || {});
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

    /// All that was sent before the loop came round is handled in order, with one wake-up; the end of the engine ends
    /// the loop.
    #[test]
    fn the_engine_wakes_the_loop_and_is_handled_in_order() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let now = Timestamp::UNIX_EPOCH;
        let folder = tempfile::tempdir().unwrap();
        let (engine, inputs) = mpsc::channel(8);
        let woken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&woken);
        let mut app = app(folder.path(), inputs, move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(app.handle(now, Message::Inputs), Flow::On);
        let profile = Profile { name: "work".into(), home: "/h".into(), job: None, logs: Vec::new() };
        let verdict = |reason| Verdict { reason, ..Verdict::unknown(now) };
        let view = ProfileView { profile: Arc::new(profile), verdict: verdict(Reason::ExecutorShutdown) };
        let (from, to) = (verdict(Reason::Connected), view.verdict.clone());
        let profile = Arc::clone(&view.profile);
        let fell = ProfileChange {
            profile,
            change: Change { at: now, profile: "work".into(), from, to },
            history: false,
        };
        let snapshot = Snapshot { at: now, profiles: vec![view], bad_files: Vec::new(), complete: true };
        let update = Update { changes: vec![fell], woke: true, ..Update::of(Arc::new(snapshot)) };
        engine.try_send(EngineEvent::Offline(true)).unwrap();
        engine.try_send(EngineEvent::Update(Box::new(update.clone()))).unwrap();
        assert_eq!(woken.load(Ordering::SeqCst), 1);
        assert_eq!(app.handle(now, Message::Inputs), Flow::On);
        assert!(app.state.offline && app.started);
        assert_eq!(app.snapshot.worst(), Light::Red);
        // a profile that is gone is forgotten, and so is a restart of it
        let gone = Snapshot { profiles: Vec::new(), ..Snapshot::clone(&update.snapshot) };
        engine.try_send(EngineEvent::Update(Box::new(Update::of(Arc::new(gone))))).unwrap();
        drop(engine);
        assert!(woken.load(Ordering::SeqCst) > 1);
        assert_eq!(app.handle(now, Message::Inputs), Flow::End);
        assert!(app.snapshot.profiles.is_empty());
    }
}
