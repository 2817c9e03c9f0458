//! The menu bar: tao's event loop, tray-icon and muda. All of it on the main thread, as AppKit wants it
//! (<https://developer.apple.com/documentation/appkit/nsstatusitem>).

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use muda::{CheckMenuItem, IsMenuItem, MenuEvent, MenuItem, MenuItemKind, PredefinedMenuItem, Submenu};
use objc2::rc::autoreleasepool;
use tao::event::{Event, StartCause};
use tao::event_loop::{ControlFlow, EventLoopBuilder};
use tao::platform::macos::{ActivationPolicy, EventLoopExtMacOS};
use tao::platform::run_return::EventLoopExtRunReturn;
use tokio::sync::mpsc::UnboundedSender;
use tray_icon::{MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};

use super::TrayError;
use crate::app::messages::EngineRequest;
use crate::health::Light;
use crate::ui::app::{App, AppHandles, Flow, Message, Parts, Shell, waker};
use crate::ui::icon::{Face, POINTS, Picture};
use crate::ui::menu::{Menu, Op, Row, RowKind, diff};
use crate::ui::notify::Courier;

/// Longest sleep of the loop.
const LONGEST_SLEEP: Duration = Duration::from_secs(3_600);
/// Pixels a point: the icon is drawn for a Retina display; AppKit scales it down elsewhere.
const SCALE: u32 = 2;
/// How long the end waits for the engine to close its history, and between two looks.
const LAST_WORDS: Duration = Duration::from_secs(3);
const LAST_LOOK: Duration = Duration::from_millis(10);

pub fn run(mut handles: AppHandles) -> Result<(), TrayError> {
    let no_desktop = |e: &dyn std::fmt::Display| TrayError::NoDesktop(e.to_string());
    let mut event_loop = EventLoopBuilder::<Message>::with_user_event().build();
    // no Dock icon and no menu of its own, like LSUIElement; set before the loop runs, so that nothing flashes
    // https://developer.apple.com/documentation/appkit/nsapplication/activationpolicy-swift.enum/accessory
    event_loop.set_activation_policy(ActivationPolicy::Accessory);
    event_loop.set_activate_ignoring_other_apps(false);
    let proxy = event_loop.create_proxy();
    let reports = proxy.clone();
    let courier = Courier::start(Arc::new(move |report| {
        drop(reports.send_event(Message::Report(report)));
    }))
    .map_err(|e| no_desktop(&e))?;
    let sources = proxy.clone();
    let waker = waker(move || drop(sources.send_event(Message::Inputs)));
    let chosen = proxy.clone();
    MenuEvent::set_event_handler(Some(move |event: MenuEvent| {
        drop(chosen.send_event(Message::Chosen(event.id.0)));
    }));
    let opening = proxy.clone();
    // without a handler every move of the mouse over the icon stays in a queue that nobody reads
    TrayIconEvent::set_event_handler(Some(move |event| {
        if matches!(event, TrayIconEvent::Click { button_state: MouseButtonState::Down, .. }) {
            drop(opening.send_event(Message::MenuOpens));
        }
    }));
    let engine = handles.commands.clone();
    let _awake = power::stay_awake();
    let _observer = power::on_wake(handles.commands.clone());
    if let Some(lock) = &mut handles.lock {
        // without it a second start says that one runs already, and no more
        let _no_thread = lock.listen(move || drop(proxy.send_event(Message::ShowYourself)));
    }
    let mut parts = Some((
        Parts {
            inputs: handles.inputs,
            waker,
            commands: handles.commands,
            config: handles.config,
            config_error: handles.config_error,
            folders: handles.folders,
            system_lang: handles.system_lang,
            zone: handles.zone,
            presence: handles.presence,
        },
        courier,
    ));
    let mut app: Option<App<Bar>> = None;
    let mut failed = None;
    // tao calls from an observer of the run loop, and AppKit drains its own pool only when an event of the window server
    // comes: over a night without a mouse, what setting a title leaves behind would pile up
    event_loop.run_return(|event, _, control| {
        autoreleasepool(|_| {
            let flow = match (event, &mut app) {
                // the status item may be made only once the application has launched
                (Event::NewEvents(StartCause::Init), _) => match (Bar::new(), parts.take()) {
                    (Ok(bar), Some((parts, courier))) => {
                        let app = app.insert(App::new(bar, courier, parts, Timestamp::now()));
                        app.handle(Timestamp::now(), Message::Inputs)
                    }
                    (Err(e), _) => {
                        failed = Some(no_desktop(&e));
                        Flow::End
                    }
                    (Ok(_), None) => Flow::On,
                },
                (Event::UserEvent(message), Some(app)) => app.handle(Timestamp::now(), message),
                // opened a second time in Finder: the system starts no second process, but tells the first
                // https://developer.apple.com/documentation/appkit/nsapplicationdelegate/applicationshouldhandlereopen(_:hasvisiblewindows:)
                (Event::Reopen { .. }, Some(app)) => app.handle(Timestamp::now(), Message::ShowYourself),
                // at a log-out `terminate:` ends the process behind this, and `run_return` does not return
                // https://developer.apple.com/documentation/appkit/nsapplication/terminate(_:)
                (Event::LoopDestroyed, _) => {
                    // without an icon it goes on in the terminal
                    if failed.is_none() {
                        let_engine_end(&engine);
                    }
                    Flow::End
                }
                (Event::NewEvents(StartCause::ResumeTimeReached { .. }), Some(app)) => {
                    app.tick(Timestamp::now());
                    Flow::On
                }
                _ => Flow::On,
            };
            *control = match flow {
                Flow::End => ControlFlow::Exit,
                Flow::On => ControlFlow::WaitUntil(Instant::now() + sleep(app.as_ref())),
            };
        });
    });
    failed.map_or(Ok(()), Err)
}

/// Tells the engine to end, and gives it a moment to: it drops its end of the channel when the history is written.
fn let_engine_end(engine: &UnboundedSender<EngineRequest>) {
    drop(engine.send(EngineRequest::Quit));
    let until = Instant::now() + LAST_WORDS;
    while !engine.is_closed() && Instant::now() < until {
        thread::sleep(LAST_LOOK);
    }
}

/// Sleep, wake and App Nap.
mod power {
    use std::ptr::NonNull;

    use block2::RcBlock;
    use objc2::rc::Retained;
    use objc2::runtime::{NSObjectProtocol, ProtocolObject};
    use objc2_app_kit::{NSWorkspace, NSWorkspaceDidWakeNotification};
    use objc2_foundation::{
        NSActivityOptions, NSNotification, NSNotificationCenter, NSProcessInfo, ns_string,
    };
    use tokio::sync::mpsc::UnboundedSender;

    use crate::app::messages::EngineRequest;

    type Token = Retained<ProtocolObject<dyn NSObjectProtocol>>;

    /// For as long as the token lives, App Nap does not stretch the timers of an app without windows; the machine may go
    /// to sleep all the same
    /// (<https://developer.apple.com/documentation/foundation/processinfo/beginactivity(options:reason:)>: an activity
    /// ends with its object). `NSAppSleepDisabled` in Info.plist says the same for the app; this holds outside one too.
    pub fn stay_awake() -> Token {
        NSProcessInfo::processInfo().beginActivityWithOptions_reason(
            NSActivityOptions::UserInitiatedAllowingIdleSystemSleep,
            ns_string!("watching Hermes gateways"),
        )
    }

    /// Until it is dropped, the engine hears when the machine woke up.
    pub struct OnWake {
        center: Retained<NSNotificationCenter>,
        token: Token,
    }

    /// Tells the engine when the machine woke up
    /// (<https://developer.apple.com/documentation/appkit/nsworkspace/didwakenotification>, posted to the workspace's own
    /// centre). The engine's clocks show every sleep; this only makes it look at once, since timers stand still in a sleep
    /// and ring late. That the machine *goes* to sleep is not listened to: such a sleep may be called off, and nothing
    /// would tell of that.
    pub fn on_wake(engine: UnboundedSender<EngineRequest>) -> OnWake {
        let center = NSWorkspace::sharedWorkspace().notificationCenter();
        let block = RcBlock::new(move |_: NonNull<NSNotification>| drop(engine.send(EngineRequest::Woke)));
        // SAFETY: the name is AppKit's own; without a queue the block runs on the thread that posts, and it may be sent to
        // any: what it holds is Send
        // (https://developer.apple.com/documentation/foundation/notificationcenter/addobserver(forname:object:queue:using:)).
        let token = unsafe {
            center.addObserverForName_object_queue_usingBlock(
                Some(NSWorkspaceDidWakeNotification),
                None,
                None,
                &block,
            )
        };
        OnWake { center, token }
    }

    impl Drop for OnWake {
        fn drop(&mut self) {
            // SAFETY: the token is what the same centre returned
            // (https://developer.apple.com/documentation/foundation/notificationcenter/removeobserver(_:)).
            unsafe { self.center.removeObserver((*self.token).as_ref()) };
        }
    }
}

fn sleep(app: Option<&App<Bar>>) -> Duration {
    let deadline = app.and_then(App::next_deadline);
    deadline.map_or(LONGEST_SLEEP, |deadline| {
        Duration::try_from(deadline.duration_since(Timestamp::now()))
            .unwrap_or(Duration::ZERO)
            .min(LONGEST_SLEEP)
    })
}

/// The status item and what its menu is made of.
struct Bar {
    tray: TrayIcon,
    menu: muda::Menu,
    items: HashMap<String, MenuItemKind>,
}

impl Bar {
    fn new() -> Result<Self, tray_icon::Error> {
        let menu = muda::Menu::new();
        let tray = TrayIconBuilder::new()
            .with_id("gatelight")
            .with_menu(Box::new(menu.clone()))
            .with_menu_on_left_click(true)
            .build()?;
        Ok(Self { tray, menu, items: HashMap::new() })
    }

    /// Makes the item of a row, with all below it, and remembers it by its key.
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
}

impl Shell for Bar {
    fn icon(&mut self, face: Face, badge: Option<usize>, tooltip: &str) {
        // the number stands beside the icon here, not in it
        let Picture { width, height, rgba } = Face { count: None, ..face }.draw(POINTS * SCALE);
        // a picture that cannot be set leaves the one before; the tooltip says the state all the same
        let icon = tray_icon::Icon::from_rgba(rgba, width, height).ok();
        // https://developer.apple.com/documentation/appkit/nsimage/istemplate
        let _kept = if face.template { self.tray.set_icon_templated(icon) } else { self.tray.set_icon(icon) };
        self.tray.set_title(badge.map(|count| count.to_string()));
        // what VoiceOver reads: https://developer.apple.com/documentation/appkit/nsview/tooltip
        let _kept = self.tray.set_tooltip(Some(tooltip));
    }

    fn menu(&mut self, old: &Menu, new: &Menu) {
        for op in diff(old, new) {
            self.apply(&op);
        }
        // check items mark themselves when they are chosen: say what is true
        self.check(&new.rows);
    }
}

impl Bar {
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

/// An ampersand marks the next letter; two of them are one.
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
