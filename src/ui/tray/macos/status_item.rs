//! The status item: its icon, menu and position.

use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::Arc;

use block2::RcBlock;
use muda::{CheckMenuItem, ContextMenu, IsMenuItem, MenuItem, MenuItemKind, PredefinedMenuItem, Submenu};
use objc2::rc::Retained;
use objc2::{MainThreadMarker, Message as _};
use objc2_app_kit::{NSAccessibility, NSApplication, NSEvent, NSMenu, NSStatusBarButton};
use objc2_foundation::{NSRunLoop, NSString};
use tray_icon::{TrayIcon, TrayIconBuilder};

use super::system;
use crate::health::Light;
use crate::ui::app::Shell;
use crate::ui::icon::{Face, POINTS, Picture};
use crate::ui::icon_view::IconView;
use crate::ui::menu::{Menu, Op, Row, RowKind, diff};
use crate::ui::menu_bar::bundle::in_app;
use crate::ui::menu_bar::visibility::{AUTOSAVE_NAME, Placement};

/// Pixels per point: the icon is drawn for Retina displays; AppKit scales it down on others.
const SCALE: u32 = 2;
/// The class of the view that tray-icon 0.26 puts over the button (its `src/platform_impl/macos/mod.rs`, `TrayTarget`).
const OVERLAY: &str = "TaoTrayTarget";

/// The status item and the items of its menu.
pub(super) struct StatusItem {
    tray: TrayIcon,
    menu: muda::Menu,
    items: HashMap<String, MenuItemKind>,
    mtm: MainThreadMarker,
}

impl StatusItem {
    pub(super) fn new(mtm: MainThreadMarker) -> Result<Self, tray_icon::Error> {
        system::clear_stale_settings(mtm);
        // without a menu: tray-icon opens its menu only for mouse clicks on its overlay
        let tray = TrayIconBuilder::new().with_id("gatelight").with_autosave_name(AUTOSAVE_NAME).build()?;
        let item = Self { tray, menu: muda::Menu::new(), items: HashMap::new(), mtm };
        item.attach_menu();
        Ok(item)
    }

    /// Gives the menu to the status item, which opens it by mouse, keyboard and VoiceOver, on every display
    /// (<https://developer.apple.com/documentation/appkit/nsstatusitem/menu>). tray-icon attaches a menu only
    /// during a click on its overlay view, which neither the keyboard nor a second display with a full-screen Space reaches
    /// (<https://github.com/tauri-apps/tray-icon/issues/251>) and which gets no clicks on macOS 27
    /// (<https://github.com/tauri-apps/tray-icon/issues/355>): that view is removed.
    fn attach_menu(&self) {
        if let Some(button) = self.button() {
            for view in button.subviews() {
                if view.class().name().to_str() == Ok(OVERLAY) {
                    view.removeFromSuperview();
                }
            }
        }
        if let Some(item) = self.tray.ns_status_item() {
            item.setMenu(self.ns_menu().as_deref());
            item.setVisible(true);
        }
    }

    fn button(&self) -> Option<Retained<NSStatusBarButton>> {
        self.tray.ns_status_item()?.button(self.mtm)
    }

    /// The menu as an AppKit object.
    pub(super) fn ns_menu(&self) -> Option<Retained<NSMenu>> {
        let menu = NonNull::new(self.menu.ns_menu().cast::<NSMenu>())?;
        // SAFETY: muda returns its NSMenu, which lives at least as long as the `Menu` (muda 0.21, `ContextMenu::ns_menu`).
        Some(unsafe { menu.as_ref() }.retain())
    }

    /// Facts about the visibility of the icon.
    pub(super) fn placement(&self) -> Placement {
        let item = self.tray.ns_status_item();
        let window = self.button().and_then(|button| button.window());
        Placement {
            visible: item.is_some_and(|item| item.isVisible()),
            window: window.map(|window| system::rect(window.frame())),
            screens: system::screens(self.mtm),
            macos: system::version(),
            in_app: in_app(),
        }
    }

    /// Opens the menu at the pointer, for when the icon is hidden
    /// (<https://developer.apple.com/documentation/appkit/nsmenu/popup(positioning:at:in:)>; without a view, the position
    /// is in screen coordinates). It runs on the next turn of the run loop, because the call returns only when the menu closes,
    /// and tao delivers no events during its callback.
    pub(super) fn pop_up(&self) {
        let Some(menu) = self.ns_menu() else { return };
        let app = NSApplication::sharedApplication(self.mtm);
        let block = RcBlock::new(move || {
            // the menu of an inactive app gets no keys; `activate` exists since macOS 14
            #[expect(deprecated, reason = "its successor is not there on macOS 13")]
            app.activateIgnoringOtherApps(true);
            menu.popUpMenuPositioningItem_atLocation_inView(None, NSEvent::mouseLocation(), None);
        });
        // SAFETY: the block runs on this thread, the main thread, so it need not be Send
        // (https://developer.apple.com/documentation/foundation/runloop/perform(_:)).
        unsafe { NSRunLoop::mainRunLoop().performBlock(&block) };
    }

    /// Creates the item of a row with its submenu, and stores it under its key.
    fn make(&mut self, row: &Row) -> MenuItemKind {
        let text = label(&row.label);
        let kind = match &row.kind {
            RowKind::Separator => PredefinedMenuItem::separator().kind(),
            RowKind::Check(on) => {
                CheckMenuItem::with_id(row.key.as_str(), text, row.enabled, *on, None).kind()
            }
            RowKind::Item => MenuItem::with_id(row.key.as_str(), text, row.enabled, None).kind(),
            RowKind::Sub(rows) => {
                let sub = Submenu::with_id(row.key.as_str(), text, row.enabled);
                sub.set_icon(row.light.and_then(row_icon));
                for below in rows {
                    let item = self.make(below);
                    let _same_thread = sub.append(as_item(&item));
                }
                sub.kind()
            }
        };
        if row.kind != RowKind::Separator {
            self.items.insert(row.key.clone(), kind.clone());
        }
        kind
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Label(key, text) => match self.items.get(key) {
                Some(MenuItemKind::MenuItem(item)) => item.set_text(label(text)),
                Some(MenuItemKind::Check(item)) => item.set_text(label(text)),
                Some(MenuItemKind::Submenu(item)) => item.set_text(label(text)),
                _ => {}
            },
            Op::Enabled(key, enabled) => match self.items.get(key) {
                Some(MenuItemKind::MenuItem(item)) => item.set_enabled(*enabled),
                Some(MenuItemKind::Check(item)) => item.set_enabled(*enabled),
                Some(MenuItemKind::Submenu(item)) => item.set_enabled(*enabled),
                _ => {}
            },
            Op::Checked(key, on) => {
                if let Some(MenuItemKind::Check(item)) = self.items.get(key) {
                    item.set_checked(*on);
                }
            }
            Op::Light(key, light) => {
                if let Some(MenuItemKind::Submenu(item)) = self.items.get(key) {
                    item.set_icon(light.and_then(row_icon));
                }
            }
            Op::Remove { parent, index } => {
                let removed = match self.parent(parent.as_ref()) {
                    Some(sub) => sub.remove_at(*index),
                    None => self.menu.remove_at(*index),
                };
                if let Some(removed) = removed {
                    self.forget(&removed);
                }
            }
            Op::Insert { parent, index, row } => {
                let item = self.make(row);
                let _same_thread = match self.parent(parent.as_ref()) {
                    Some(sub) => sub.insert(as_item(&item), *index),
                    None => self.menu.insert(as_item(&item), *index),
                };
            }
        }
    }

    fn parent(&self, key: Option<&String>) -> Option<Submenu> {
        key.and_then(|key| self.items.get(key)).and_then(MenuItemKind::as_submenu).cloned()
    }

    fn forget(&mut self, item: &MenuItemKind) {
        self.items.remove(&item.id().0);
        if let MenuItemKind::Submenu(sub) = item {
            for below in sub.items() {
                self.forget(&below);
            }
        }
    }

    fn check(&self, rows: &[Row]) {
        for row in rows {
            match (&row.kind, self.items.get(&row.key)) {
                (RowKind::Check(on), Some(MenuItemKind::Check(item))) if item.is_checked() != *on => {
                    item.set_checked(*on);
                }
                (RowKind::Sub(below), _) => self.check(below),
                _ => {}
            }
        }
    }
}

impl Shell for StatusItem {
    const MENU_BAR: bool = true;

    fn icon(&mut self, icon: &IconView) {
        let template = icon.worst.template;
        // the number is shown beside the icon, not in it
        let Picture { width, height, rgba } = match &icon.each {
            Some(strip) => strip.draw(POINTS * SCALE),
            None => Face { count: None, ..icon.worst }.draw(POINTS * SCALE),
        };
        // if the picture cannot be set, the previous one stays; the tooltip still shows the state
        let picture = tray_icon::Icon::from_rgba(rgba, width, height).ok();
        // https://developer.apple.com/documentation/appkit/nsimage/istemplate
        let _kept =
            if template { self.tray.set_icon_templated(picture) } else { self.tray.set_icon(picture) };
        self.tray.set_title(icon.title.as_deref());
        let _kept = self.tray.set_tooltip(Some(&icon.words));
        // VoiceOver reads the accessibility label of a button, not its tooltip
        // (https://developer.apple.com/documentation/appkit/nsaccessibilityprotocol/setaccessibilitylabel(_:))
        if let Some(button) = self.button() {
            button.setAccessibilityLabel(Some(&NSString::from_str(&icon.words)));
        }
    }

    fn menu(&mut self, old: &Menu, new: &Arc<Menu>) {
        for op in diff(old, new) {
            self.apply(&op);
        }
        // check items toggle themselves when chosen: restore the actual state
        self.check(&new.rows);
    }
}

/// An ampersand marks a mnemonic; two of them are a literal one.
fn label(text: &str) -> String {
    text.replace('&', "&&")
}

fn as_item(kind: &MenuItemKind) -> &dyn IsMenuItem {
    match kind {
        MenuItemKind::MenuItem(item) => item,
        MenuItemKind::Submenu(item) => item,
        MenuItemKind::Predefined(item) => item,
        MenuItemKind::Check(item) => item,
        MenuItemKind::Icon(item) => item,
    }
}

fn row_icon(light: Light) -> Option<muda::Icon> {
    let Picture { width, height, rgba } = Face::of(light).draw(18 * SCALE);
    muda::Icon::from_rgba(rgba, width, height).ok()
}
