//! The settings as the desktop side uses them.

use std::path::PathBuf;

use crate::app::user_files::{NOTIFICATIONS_OFF, WORST_ONLY};
use crate::config::{Config, ConfigError, Lights, NoticeSettings};
use crate::text::{Lang, Phrase, config as say, fill};
use crate::ui::menu::{LightPerProfile, MenuState, Notifications};
use crate::ui::menu_bar::permission::Permission;
use crate::ui::notify::Content;

/// The settings file, the switches of the menu, and the permission of the system.
pub(super) struct Settings {
    config: Config,
    error: Option<ConfigError>,
    system_lang: Lang,
    /// Where the switches of the menu are stored.
    data: PathBuf,
    switched_on: bool,
    permission: Permission,
}

impl Settings {
    pub(super) fn new(config: Config, error: Option<ConfigError>, system_lang: Lang, data: PathBuf) -> Self {
        let switched_on = !NOTIFICATIONS_OFF.is_set(&data);
        Self { config, error, system_lang, data, switched_on, permission: Permission::Granted }
    }

    pub(super) fn lang(&self) -> Lang {
        self.config.language.choose(self.system_lang)
    }

    /// Whether the icon follows the menu bar while all is well.
    pub(super) const fn template_when_well(&self) -> bool {
        self.config.icon.template_when_well
    }

    /// The settings of the alert policy.
    pub(super) fn notices(&self) -> NoticeSettings {
        let mut notices = self.config.notices.clone();
        notices.enabled &= self.switched_on;
        notices
    }

    /// Copies the settings that the menu shows into its state.
    pub(super) fn show_in(&self, state: &mut MenuState) {
        state.settings_error = self.error_text();
        state.notifications = self.notifications();
        state.uses_network = !self.config.channel.is_empty() || self.config.heartbeat.is_some();
    }

    pub(super) const fn notifications(&self) -> Notifications {
        if !self.config.notices.enabled {
            Notifications::OffInSettings
        } else if !self.switched_on {
            Notifications::Off
        } else if matches!(self.permission, Permission::Granted) {
            Notifications::On
        } else {
            Notifications::NotPermitted(self.permission)
        }
    }

    /// Whether the icon shows a light for each profile, on desktops that can.
    pub(super) fn each(&self) -> LightPerProfile {
        match self.config.icon.lights {
            Lights::Worst => LightPerProfile::OffInSettings,
            Lights::Each if WORST_ONLY.is_set(&self.data) => LightPerProfile::Off,
            Lights::Each => LightPerProfile::On,
        }
    }

    fn error_text(&self) -> Option<String> {
        self.error.as_ref().map(|error| error.text(self.lang()))
    }

    pub(super) fn set_config(&mut self, config: Config) {
        self.config = config;
        self.error = None;
    }

    /// Whether the error is a new one.
    pub(super) fn set_error(&mut self, error: Option<ConfigError>) -> bool {
        let is_new = error.is_some() && error != self.error;
        self.error = error;
        is_new
    }

    pub(super) fn set_permission(&mut self, permission: Permission) {
        self.permission = permission;
    }

    /// Switches notifications on or off in the menu, also if that cannot be stored.
    pub(super) fn toggle_notifications(&mut self) -> std::io::Result<()> {
        self.switched_on = !self.switched_on;
        NOTIFICATIONS_OFF.set(&self.data, !self.switched_on)
    }

    /// Shows the light of each profile in the icon, or the worst only.
    pub(super) fn toggle_each(&self) -> std::io::Result<()> {
        WORST_ONLY.set(&self.data, self.each() == LightPerProfile::On)
    }

    /// The error of the settings file as a notification; `instead`: which settings are used in its place, if not those that
    /// a starting program uses. The menu shows it as long as it lasts.
    pub(super) fn error_content(&self, instead: Option<Phrase>) -> Option<Content> {
        let (lang, what) = (self.lang(), self.error_text()?);
        let instead = instead.or_else(|| self.error.as_ref().map(ConfigError::what_holds))?;
        let values = [("what", &*what), ("instead", lang.pick(instead))];
        let body = fill(lang.pick(say::NOT_USED_BODY), &values);
        Some(Content { title: lang.pick(say::NOT_USED).to_owned(), body })
    }
}
