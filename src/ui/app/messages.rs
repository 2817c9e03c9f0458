//! Inputs and outputs of the desktop side.

use std::sync::Arc;
use std::task::{Wake, Waker};

use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use crate::app::messages::{EngineEvent, EngineRequest};
use crate::config::{Config, ConfigError, Folders};
use crate::text::Lang;
use crate::ui::menu_bar::checks::Visibility;
use crate::ui::notify::Report;

/// Handles and settings that the desktop side gets from the engine.
pub struct AppHandles {
    /// The engine's events, in order.
    pub inputs: mpsc::Receiver<EngineEvent>,
    /// Requests to the engine.
    pub commands: mpsc::UnboundedSender<EngineRequest>,
    /// The settings.
    pub config: Config,
    /// Why the settings file is not used.
    pub config_error: Option<ConfigError>,
    /// The folders of settings and data.
    pub folders: Folders,
    /// The language of the system.
    pub system_lang: Lang,
    /// The time zone in which times are shown.
    pub zone: TimeZone,
    /// Called when the icon becomes visible or invisible.
    pub presence: Box<dyn Fn(&Presence) + Send>,
    /// The socket on which a second start asks to be shown.
    pub listener: Option<crate::app::instance::Listener>,
}

/// Whether the icon is visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A panel shows it.
    Shown,
    /// No panel takes tray icons; the icon appears with the first one that does.
    NoHost,
}

/// What wakes the loop.
#[derive(Debug)]
pub enum Message {
    /// The engine sent something.
    Inputs,
    /// The user chose the row with this key.
    Chosen(String),
    /// A report about a notification.
    Report(Report),
    /// A second instance was started.
    ShowYourself,
    /// The menu is about to open: settings that the user can change outside Gatelight are read again, and durations are
    /// brought up to date.
    MenuOpens,
    /// The icon became visible or invisible.
    Presence(Presence),
    /// The icon in the menu bar is visible, or no longer visible (macOS).
    IconVisibility(Visibility),
    /// Everything has to be drawn again, because the panel is a new one.
    Redraw,
}

/// Whether the loop continues.
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
pub(in crate::ui) fn waker(wake_loop: impl Fn() + Send + Sync + 'static) -> Waker {
    Arc::new(LoopWaker(wake_loop)).into()
}
