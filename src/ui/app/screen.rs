//! The state of icon and menu on the screen, and their updates.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::ui::UiCommand;
use crate::ui::icon_view::{IconStyle, IconView};
use crate::ui::menu::{self, Locale, Menu, MenuState};
use crate::watcher::snapshot::Snapshot;

/// The menu is redrawn for changed durations alone at most this often while it may be open: they are shown in minutes or
/// longer units.
const REFRESH_INTERVAL: Duration = Duration::from_secs(60);

/// The same while it is closed. It is drawn when it opens, but a panel may show it without saying that it does.
const CLOSED_INTERVAL: Duration = Duration::from_secs(600);

/// How long the menu may stay open. Not every desktop says when it closes.
const MAX_OPEN: Duration = Duration::from_secs(300);

/// Draws icon and menu on the desktop.
pub trait Shell {
    /// Whether this is the menu bar of macOS: the icon may be wide, and a first start is announced, since no window shows
    /// it.
    const MENU_BAR: bool = false;
    /// The icon, the text beside it, or its tooltip changed.
    fn icon(&mut self, icon: &IconView);
    /// The menu changed from `old` to `new`.
    fn menu(&mut self, old: &Menu, new: &Arc<Menu>);
    /// All changes were passed on. Desktops that take all of them in one update do it now.
    fn drawn(&mut self) {}
}

/// The icon and the menu that the shell shows.
pub(super) struct Screen<S> {
    shell: S,
    icon: Option<IconView>,
    menu: Arc<Menu>,
    /// A chosen check item may have toggled itself, so the menu on the screen may differ from `menu`.
    touched: bool,
    /// When the menu was last opened.
    opened: Option<Timestamp>,
    source: Option<Source>,
}

/// The input from which the menu was built.
struct Source {
    at: Timestamp,
    snapshot: Arc<Snapshot>,
    state: MenuState,
}

impl<S: Shell> Screen<S> {
    pub(super) fn new(shell: S) -> Self {
        Self { shell, icon: None, menu: Arc::default(), touched: false, opened: None, source: None }
    }

    #[cfg_attr(not(target_os = "macos"), allow(dead_code))]
    pub(super) const fn shell(&self) -> &S {
        &self.shell
    }

    /// The command of a row that was chosen.
    pub(super) fn choose(&mut self, key: &str) -> Option<UiCommand> {
        self.touched = true;
        self.menu.command(key).cloned()
    }

    /// The menu is about to open.
    pub(super) fn open(&mut self, now: Timestamp) {
        self.opened = Some(now);
    }

    /// Draws everything again: the desktop shows nothing of what was drawn.
    pub(super) fn redraw(&mut self) {
        self.touched = true;
        self.icon = None;
    }

    /// Builds the menu again: the settings changed, so the same state may look different.
    pub(super) fn invalidate(&mut self) {
        self.source = None;
    }

    /// When to draw again because durations on the screen are out of date. All rows share one redraw.
    pub(super) fn stale_at(&self) -> Option<Timestamp> {
        let drawn = self.source.as_ref()?.at;
        let closes = self.opened.and_then(|opened| opened.saturating_add(MAX_OPEN).ok());
        let interval = if Some(drawn) < closes { REFRESH_INTERVAL } else { CLOSED_INTERVAL };
        let soonest = drawn.saturating_add(interval).ok()?;
        self.menu.stale_at.map(|at| at.max(soonest))
    }

    /// Draws what changed.
    pub(super) fn draw(
        &mut self,
        snapshot: &Arc<Snapshot>,
        state: &MenuState,
        locale: &Locale,
        style: IconStyle,
        now: Timestamp,
    ) {
        if self.is_current(snapshot, state, now) {
            return;
        }
        let icon = IconView::of(snapshot, state, style, locale.lang);
        if self.icon.as_ref() != Some(&icon) {
            self.shell.icon(&icon);
            self.icon = Some(icon);
        }
        let new = Arc::new(menu::menu(snapshot, state, locale, now));
        if std::mem::take(&mut self.touched) || new.rows != self.menu.rows {
            self.shell.menu(&self.menu, &new);
        }
        self.menu = new;
        self.source = Some(Source { at: now, snapshot: Arc::clone(snapshot), state: state.clone() });
        self.shell.drawn();
    }

    /// Whether the menu would be the same if it were built again. Most messages change nothing visible.
    fn is_current(&self, snapshot: &Arc<Snapshot>, state: &MenuState, now: Timestamp) -> bool {
        !self.touched
            && self.source.as_ref().is_some_and(|source| {
                Arc::ptr_eq(&source.snapshot, snapshot)
                    && source.state == *state
                    // after the clock was set back, all durations differ
                    && source.at <= now
                    && self.menu.stale_at.is_none_or(|stale| now < stale)
            })
    }

    #[cfg(test)]
    pub(super) fn menu(&self) -> &Menu {
        &self.menu
    }
}
