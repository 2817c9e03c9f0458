//! The desktop side: connects the engine, the user and the desktop. It runs on the desktop's loop and never blocks:
//! slow work happens on other threads, and its result comes back as a [`Message`].

mod messages;
mod notices;
mod opening;
mod screen;
mod settings;
mod silences;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::UiCommand;
use super::icon_view::IconStyle;
use super::login;
use super::menu::{self, LightPerProfile, Locale, Login, MenuState, MuteFor, Notifications};
use super::menu_bar::bundle::build_of;
use super::menu_bar::checks::Visibility;
use super::notify::{self, Content, Notifier, Report};
use crate::alerts::{self, Action, Event, Mute, Notice, Policy};
use crate::app::messages::{EngineEvent, EngineRequest};
use crate::app::{open, user_files};
use crate::config::Folders;
use crate::health::Light;
use crate::order::Collect as _;
use crate::restart::{RestartOutcome, RestartView, Restarts};
use crate::text::display::label;
use crate::text::{
    Phrase, config as say_config, desktop as say_desktop, fill, menu_bar as say_bar, notice as say,
};
use crate::watcher::Update;
use crate::watcher::snapshot::Snapshot;

pub(super) use messages::waker;
pub use messages::{AppHandles, Flow, Message, Presence};
use notices::{Notices, add_missed};
use screen::Screen;
pub use screen::Shell;
use settings::Settings;
use silences::Silencer;

/// How long "Mute for 1 Hour" mutes.
const MUTE: Duration = Duration::from_secs(3_600);
/// How long the end waits until notifications are removed from the screen.
#[cfg_attr(not(target_os = "macos"), allow(dead_code))]
const WITHDRAW_LIMIT: Duration = Duration::from_secs(1);

/// The desktop side's state.
pub struct App<S> {
    inputs: mpsc::Receiver<EngineEvent>,
    waker: Waker,
    commands: mpsc::UnboundedSender<EngineRequest>,
    presence: Box<dyn Fn(&Presence) + Send>,
    folders: Folders,
    settings: Settings,
    locale: Locale,
    policy: Policy,
    silencer: Silencer,
    started: bool,
    /// The command of a pressed notice of an earlier run; it waits until all profiles are found.
    pressed_earlier: Option<UiCommand>,
    snapshot: Arc<Snapshot>,
    state: MenuState,
    notices: Notices,
    screen: Screen<S>,
}

impl<S: Shell> App<S> {
    /// `waker` wakes the loop when `handles.inputs` has something to receive.
    pub(super) fn new(
        shell: S,
        notifier: Notifier,
        handles: AppHandles,
        waker: Waker,
        now: Timestamp,
    ) -> Self {
        let data = handles.folders.data.clone();
        let settings = Settings::new(handles.config, handles.config_error, handles.system_lang, data);
        let empty = Snapshot { at: now, profiles: Vec::new(), bad_files: Vec::new(), complete: false };
        let mut app = Self {
            inputs: handles.inputs,
            waker,
            commands: handles.commands,
            presence: handles.presence,
            policy: Policy::new(settings.notices(), handles.zone.clone(), now),
            locale: Locale { lang: settings.lang(), zone: handles.zone },
            silencer: Silencer::new(handles.folders.data.clone()),
            folders: handles.folders,
            notices: Notices::new(notifier, settings.lang()),
            settings,
            started: false,
            pressed_earlier: None,
            snapshot: Arc::new(empty),
            state: MenuState::default(),
            screen: Screen::new(shell),
        };
        app.apply_silences(now, Ok(()));
        app.apply_settings(now);
        app.read_login();
        app.state.build = std::env::current_exe().ok().and_then(|exe| build_of(&exe));
        app.show_settings_error(None);
        app.draw(now);
        app
    }

    /// Handles what the engine sent, then this message.
    pub(super) fn handle(&mut self, now: Timestamp, message: Message) -> Flow {
        if self.receive(now) == Flow::End {
            return Flow::End;
        }
        let flow = match message {
            Message::Inputs => Flow::On,
            Message::Chosen(key) => match self.screen.choose(&key) {
                Some(command) => self.execute(now, command),
                None => Flow::On,
            },
            Message::Report(report) => self.report(now, report),
            Message::ShowYourself => self.show_yourself(),
            Message::MenuOpens => {
                self.screen.open(now);
                self.read_login();
                self.notices.ask_permission();
                Flow::On
            }
            Message::Presence(presence) => {
                (self.presence)(&presence);
                Flow::On
            }
            Message::IconVisibility(visibility) => {
                self.icon_visibility_changed(visibility);
                Flow::On
            }
            Message::Redraw => {
                self.screen.redraw();
                Flow::On
            }
        };
        if flow == Flow::On {
            self.draw(now);
        }
        flow
    }

    /// Handles a deadline that passed.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let notices = self.policy.tick(now);
        self.deliver(&notices);
        self.silencer.remove_ended(self.policy.silences());
        self.draw(now);
    }

    /// The icon and menu on the desktop.
    #[cfg_attr(not(target_os = "macos"), allow(dead_code))]
    pub(super) const fn shell(&self) -> &S {
        self.screen.shell()
    }

    /// Withdraws notices at the end of the run, because dismissing them would start Gatelight again.
    #[cfg_attr(not(target_os = "macos"), allow(dead_code))]
    pub(super) fn close(&self) {
        self.notices.withdraw_all(WITHDRAW_LIMIT);
    }

    /// When to call [`Self::tick`].
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.policy.next_deadline().into_iter().chain(self.screen.stale_at()).min()
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

    fn input(&mut self, now: Timestamp, input: EngineEvent) {
        match input {
            EngineEvent::Update(update) => self.update(now, &update),
            EngineEvent::Restarts(restarts) => self.restarts(now, restarts),
            EngineEvent::Config(config) => {
                self.settings.set_config(*config);
                self.apply_settings(now);
            }
            EngineEvent::ConfigError(error) => {
                let is_new = self.settings.set_error(error);
                self.apply_settings(now);
                if is_new {
                    self.show_settings_error(Some(say_config::OLD_STAY));
                }
            }
            EngineEvent::JobFiles(found) => self.state.job_files = found,
            EngineEvent::Offline(offline) => {
                self.state.offline = offline;
                self.step(now, Event::Offline(offline));
            }
            EngineEvent::Silences(silences) => {
                self.silencer.set(silences);
                self.apply_silences(now, Ok(()));
            }
            EngineEvent::Channels(view) => {
                self.state.channels = view.channels;
                self.state.heartbeat_failure = view.heartbeat_failure;
            }
            EngineEvent::Answer(answer) => {
                let lang = self.locale.lang;
                let content = Content { title: answer.title(lang), body: answer.body(lang) };
                self.notices.show(content, Light::Grey);
            }
            EngineEvent::Quit => {}
        }
    }

    fn update(&mut self, now: Timestamp, update: &Update) {
        let before = std::mem::replace(&mut self.snapshot, Arc::clone(&update.snapshot));
        for event in alerts::events_of(Some(&before), update) {
            self.step(now, event);
        }
        // after the changes: what was already red when Gatelight started belongs to the first notice
        if update.snapshot.complete && !self.started {
            self.all_found(now);
        }
    }

    /// All profiles were found for the first time in this run.
    fn all_found(&mut self, now: Timestamp) {
        self.started = true;
        self.step(now, Event::Started);
        if S::MENU_BAR && !user_files::WELCOMED.is_set(&self.folders.data) {
            let lang = self.locale.lang;
            let found = menu::head(&self.snapshot, lang);
            let body = fill(lang.pick(say_bar::WELCOME_BODY), &[("found", &found)]);
            self.show(say_bar::WELCOME, body);
            // if this cannot be stored, neither can the history, and that is reported
            let _shown_again = user_files::WELCOMED.set(&self.folders.data, true);
        }
        if let Some(command) = self.pressed_earlier.take() {
            self.execute(now, command);
        }
    }

    /// Notifies that the icon is invisible, once for each cause.
    fn icon_visibility_changed(&mut self, visibility: Visibility) {
        self.state.hidden = match visibility {
            Visibility::Visible => None,
            Visibility::Hidden(hidden) => Some(hidden),
        };
        if let Some(hidden) = self.state.hidden {
            let lang = self.locale.lang;
            self.show(
                say_bar::HIDDEN,
                format!("{} {}", lang.pick(hidden.phrase()), lang.pick(say_bar::OPEN_AGAIN)),
            );
        }
    }

    fn restarts(&mut self, now: Timestamp, restarts: Restarts) {
        let before = std::mem::replace(&mut self.state.restarts, restarts);
        let names: BTreeSet<String> = before.keys().chain(self.state.restarts.keys()).cloned().to_set();
        for name in names {
            let under_way = |restarts: &Restarts| restarts.get(&name).is_some_and(RestartView::is_under_way);
            let is_under_way = under_way(&self.state.restarts);
            if is_under_way == under_way(&before) {
                continue;
            }
            let notices = self.policy.step(now, Event::Restarting(name.clone(), is_under_way));
            self.deliver(&notices);
            let notified = notices.iter().any(|notice| notice.affected.iter().any(|one| one.name == name));
            if !notified && let Some(restart) = self.state.restarts.get(&name) {
                self.show_failed_restart(&name, restart);
            }
        }
    }

    fn deliver(&mut self, notices: &[Notice]) {
        self.notices.send(notices, self.locale.lang, self.state.hidden.is_some());
    }

    fn step(&mut self, now: Timestamp, event: Event) {
        let notices = self.policy.step(now, event);
        self.deliver(&notices);
        self.silencer.remove_ended(self.policy.silences());
    }

    /// Applies changed silences. `stored`: whether they could be stored.
    fn apply_silences(&mut self, now: Timestamp, stored: io::Result<()>) {
        if let Err(error) = stored {
            self.show(say_desktop::NOT_CHANGED, error.to_string());
        }
        self.step(now, Event::Silences(self.silencer.stored().clone()));
    }

    fn apply_settings(&mut self, now: Timestamp) {
        self.locale.lang = self.settings.lang();
        self.settings.show_in(&mut self.state);
        self.state.each = S::MENU_BAR.then(|| self.settings.each());
        self.screen.invalidate();
        self.step(now, Event::Settings(self.settings.notices()));
    }

    fn read_login(&mut self) {
        self.state.login = login::state(&self.folders, self.locale.lang);
    }

    fn show_settings_error(&self, instead: Option<Phrase>) {
        if let Some(content) = self.settings.error_content(instead) {
            self.notices.show(content, Light::Grey);
        }
    }

    /// Notifies that a restart failed, because the menu that shows its steps closed when Restart was chosen.
    fn show_failed_restart(&self, name: &str, restart: &RestartView) {
        let (title, why, light) = match &restart.outcome {
            Some(RestartOutcome::Failed { why, .. }) => (say::RESTART_FAILED, why, Light::Red),
            Some(RestartOutcome::CannotTell { why, .. }) => (say::RESTART_UNKNOWN, why, Light::Grey),
            Some(RestartOutcome::Worked { .. }) | None => return,
        };
        let lang = self.locale.lang;
        let title = fill(lang.pick(title), &[("name", &label(name))]);
        self.notices.show(Content { title, body: why.text(lang) }, light);
    }

    fn show_yourself(&self) -> Flow {
        let lang = self.locale.lang;
        let state = menu::tooltip(&self.snapshot, &self.state, lang);
        let body = fill(lang.pick(say::HERE_BODY), &[("state", &state)]);
        self.notices.show(Content { title: lang.pick(say::HERE).to_owned(), body }, self.snapshot.worst());
        Flow::On
    }

    fn report(&mut self, now: Timestamp, report: Report) -> Flow {
        match report {
            Report::Delivered(_) | Report::Dismissed | Report::PressedEarlier { profile: None, .. } => {}
            Report::Failed { title, why, .. } => {
                add_missed(&mut self.state.missed, title, why.text(self.locale.lang), now);
            }
            Report::Permission(permission) => {
                self.settings.set_permission(permission);
                self.apply_settings(now);
            }
            Report::PressedEarlier { profile: Some(name), key } => {
                return self.press_earlier(now, name, &key);
            }
            Report::Pressed { id, key } => match self.notices.action(id, &key) {
                None => {}
                Some(Action::OpenLog(name)) => return self.execute(now, UiCommand::OpenLog(name)),
                Some(Action::Restart(names)) => {
                    for name in names {
                        self.request(EngineRequest::Restart(name));
                    }
                }
                Some(Action::Acknowledge(names)) => {
                    for name in names {
                        self.execute(now, UiCommand::Acknowledge(name, true));
                    }
                }
            },
        }
        Flow::On
    }

    /// Handles a press on a notice of an earlier run, whose actions are no longer known.
    fn press_earlier(&mut self, now: Timestamp, name: String, key: &str) -> Flow {
        let command = match key {
            notify::RESTART => UiCommand::Engine(EngineRequest::Restart(name)),
            notify::ACKNOWLEDGE => UiCommand::Acknowledge(name, true),
            _ => UiCommand::OpenLog(name),
        };
        if self.started {
            return self.execute(now, command);
        }
        self.pressed_earlier = Some(command);
        Flow::On
    }

    /// Executes a command, or requests it from the engine.
    fn execute(&mut self, now: Timestamp, command: UiCommand) -> Flow {
        match command {
            UiCommand::Quit => {
                self.request(EngineRequest::Quit);
                return Flow::End;
            }
            UiCommand::Mute(name, choice) => {
                let mute = match choice {
                    MuteFor::Hour => now.checked_add(MUTE).ok().map(Mute::Until),
                    MuteFor::UntilRecovery => Some(Mute::Recovery),
                    MuteFor::Never => None,
                };
                let stored = self.silencer.change(&name, |silence| silence.mute = mute);
                self.apply_silences(now, stored);
            }
            UiCommand::Acknowledge(name, known) => {
                let stored = self.silencer.acknowledge(&name, known, &self.snapshot);
                self.apply_silences(now, stored);
            }
            UiCommand::ForgetMissed => self.state.missed.clear(),
            UiCommand::ToggleNotifications => self.toggle_notifications(now),
            UiCommand::ToggleLogin => self.toggle_login(),
            UiCommand::ToggleEach => self.toggle_each(now),
            UiCommand::TestNotification => {
                self.show(say_bar::TEST_TITLE, self.locale.lang.pick(say_bar::TEST_BODY).to_owned());
            }
            UiCommand::Engine(request) => self.request(request),
            command => self.open(&command),
        }
        Flow::On
    }

    /// Switches notifications, or opens the place where they are switched off.
    fn toggle_notifications(&mut self, now: Timestamp) {
        match self.state.notifications {
            Notifications::NotPermitted(_) => {
                let launch = Ok(open::notification_settings());
                self.show_unopened(opening::start(launch, self.locale.lang));
            }
            Notifications::OffInSettings => self.open(&UiCommand::OpenSettings),
            Notifications::On | Notifications::Off => {
                if let Err(error) = self.settings.toggle_notifications() {
                    self.show(say_desktop::NOT_CHANGED, error.to_string());
                }
                self.apply_settings(now);
            }
        }
    }

    fn toggle_each(&mut self, now: Timestamp) {
        if self.state.each == Some(LightPerProfile::OffInSettings) {
            return self.open(&UiCommand::OpenSettings);
        }
        if let Err(error) = self.settings.toggle_each() {
            self.show(say_desktop::NOT_CHANGED, error.to_string());
        }
        self.apply_settings(now);
    }

    fn toggle_login(&mut self) {
        let changed = match &self.state.login {
            Login::Unavailable(why) => Err(why.clone()),
            login => login::set(&self.folders, *login != Login::On).map_err(|e| e.to_string()),
        };
        if let Err(why) = changed {
            self.show(say_desktop::NOT_CHANGED, why);
        }
        self.read_login();
    }

    fn open(&self, command: &UiCommand) {
        self.show_unopened(opening::open(command, &self.snapshot, &self.folders, self.locale.lang));
    }

    fn show_unopened(&self, opened: Result<(), String>) {
        if let Err(why) = opened {
            self.show(say_desktop::NOT_OPENED, why);
        }
    }

    fn request(&self, request: EngineRequest) {
        // the end of the engine ends the loop
        let _engine_gone = self.commands.send(request);
    }

    fn show(&self, title: Phrase, body: String) {
        let title = self.locale.lang.pick(title).to_owned();
        self.notices.show(Content { title, body }, Light::Grey);
    }

    fn draw(&mut self, now: Timestamp) {
        let names = || self.snapshot.profiles.iter().map(|view| &view.profile.name);
        self.state.silences = self.policy.silences();
        self.state.quiet_until = self.policy.quiet_until();
        self.state.flapping = names().filter(|n| self.policy.is_flapping(n)).cloned().collect();
        let style = IconStyle {
            each: self.state.each == Some(LightPerProfile::On),
            template_when_well: self.settings.template_when_well(),
        };
        self.screen.draw(&self.snapshot, &self.state, &self.locale, style, now);
    }
}

#[cfg(test)]
mod tests;
