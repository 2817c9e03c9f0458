//! `StatusNotifierItem` and `com.canonical.dbusmenu` through ksni: pure D-Bus, no toolkit, no display.
//!
//! ksni 0.3.7 is what tray-icon's feature of this name uses. It is used directly, because the layers above it, tray-icon
//! 0.26.1 and muda 0.21.2, lack what users need; line numbers are those of tray-icon's `src/platform_impl/ksni/mod.rs`:
//!
//! - They do not report a panel that appears or disappears (`impl Tray`, 181–227, has neither `watcher_online` nor
//!   `watcher_offline`), so an invisible icon would go unnoticed.
//! - A left click does not open the menu (`activate`, 186, only emits an event, and `MENU_ON_ACTIVATE` stays false), and
//!   nothing on the bus can be asked to open it.
//! - They pass one picture (164), which the panel scales; with two it chooses the sharper one.
//! - Each change of an item reads the whole menu again on ksni's thread (132–147): a panel may see half of a change of
//!   twenty rows. Here the menu is one value that is replaced at once.
//! - A chosen check item is toggled on ksni's thread (muda `src/snapshot.rs` 341–357): its mark is wrong until it is set
//!   again, and with `dispatch_on_main_thread` of a build without GTK, which calls directly
//!   (`src/platform_impl/noop/mod.rs` 16), an `Rc<RefCell>` of another thread is accessed as `UnsafeSend`.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ksni::blocking::{Handle, TrayMethods};
use ksni::menu::{CheckmarkItem, StandardItem, SubMenu};
use ksni::{Category, Icon, MenuItem, OfflineReason, ToolTip, Tray};
use zbus::blocking::Connection;
use zbus::blocking::fdo::DBusProxy;

use super::TrayError;
use crate::health::Light;
use crate::text::display::entities;
use crate::ui::app::{App, AppHandles, Flow, Message, Presence, Shell, waker};
use crate::ui::icon::{Face, POINTS};
use crate::ui::icon_view::IconView;
use crate::ui::menu::{Menu, Row, RowKind};
use crate::ui::notify::Notifier;
use crate::worker;

/// Capacity of the loop's queue; senders wait when it is full.
const QUEUE: usize = 256;
/// Maximum sleep of the loop.
const MAX_SLEEP: Duration = Duration::from_secs(3_600);
/// First delay before a lost session bus is searched for; it doubles each time.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// Maximum delay between two searches.
const LAST_LOOK: Duration = Duration::from_secs(30);
/// How long the start waits for the bus, and the end for the icon's removal. A bus that accepts and never answers must
/// delay neither the lights nor the end of the program.
const BUS_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum number of faces with cached pictures: the lights, and red with its numbers.
const MAX_FACES: usize = 16;
/// Width of the light in a menu row, in pixels.
const ROW_ICON: u32 = 32;

pub(super) fn run(mut handles: AppHandles) -> Result<(), TrayError> {
    let no_desktop = |e: &dyn std::fmt::Display| TrayError::NoDesktop(e.to_string());
    let (tx, messages) = sync_channel(QUEUE);
    let panel = Panel::default();
    panel.join(&tx)?;
    if panel.item().is_none() {
        drop(tx.try_send(Message::Presence(Presence::NoHost)));
    }
    let reports = tx.clone();
    let notifier = Notifier::start(Arc::new(move |report| {
        let _full = reports.try_send(Message::Report(report));
    }))
    .map_err(|e| no_desktop(&e))?;
    let sources = tx.clone();
    // a full queue needs no wake-up: with each message the loop handles what the engine sent
    let waker = waker(move || drop(sources.try_send(Message::Inputs)));
    if let Some(listener) = handles.listener.take() {
        listener.listen(move || drop(tx.send(Message::ShowYourself)));
    }
    let mut app = App::new(panel.clone(), notifier, handles, waker, Timestamp::now());
    worker::run_blocking("menu", || turn(&mut app, &messages));
    panel.leave();
    Ok(())
}

/// The loop: sleeps until a message comes or a deadline passes.
fn turn(app: &mut App<Panel>, messages: &Receiver<Message>) {
    let mut flow = app.handle(Timestamp::now(), Message::Inputs);
    while flow == Flow::On {
        let sleep = app.next_deadline().map_or(MAX_SLEEP, |deadline| {
            Duration::try_from(deadline.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
        });
        match messages.recv_timeout(sleep.min(MAX_SLEEP)) {
            Ok(message) => {
                worker::test_panic("menu");
                flow = app.handle(Timestamp::now(), message);
            }
            Err(RecvTimeoutError::Timeout) => app.tick(Timestamp::now()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The item on the bus, from the loop; none while there is no bus.
#[derive(Clone, Default)]
struct Panel {
    on_bus: Arc<Mutex<Option<Handle<Item>>>>,
    /// Changes that [`Shell::drawn`] passes on.
    icon: Option<(Face, Option<usize>, String)>,
    menu: Option<Arc<Menu>>,
    pictures: Pictures,
}

impl Panel {
    /// Registers the item on the bus and keeps it there, on a separate thread. Waits up to [`BUS_TIMEOUT`] for the
    /// result: if the bus answers later, the icon appears later.
    fn join(&self, tx: &SyncSender<Message>) -> Result<(), TrayError> {
        let (result, joined) = sync_channel(1);
        let (panel, tx) = (self.clone(), tx.clone());
        let work = move || {
            let began = Instant::now();
            let on_bus = panel.item().map_or_else(|| panel.put_on_bus(&tx), |_| Ok(()));
            let failed = on_bus.is_err();
            let _waits = result.try_send(on_bus);
            // the start may no longer wait for this
            let late = began.elapsed() >= BUS_TIMEOUT * 9 / 10;
            if failed && !late || late && panel.report(&tx).is_err() {
                return;
            }
            panel.watch_bus(&tx);
        };
        worker::spawn("session-bus", work).map_err(|error| TrayError::NoDesktop(error.to_string()))?;
        match joined.recv_timeout(BUS_TIMEOUT) {
            Ok(on_bus) => on_bus.map_err(|error| TrayError::NoDesktop(error.to_string())),
            Err(_) => Ok(()),
        }
    }

    fn put_on_bus(&self, tx: &SyncSender<Message>) -> Result<(), ksni::Error> {
        let item = Item::join(tx)?;
        *self.on_bus.lock().unwrap_or_else(PoisonError::into_inner) = Some(item);
        Ok(())
    }

    /// Requests a redraw of everything from the loop, and reports whether a panel shows the icon.
    fn report(&self, tx: &SyncSender<Message>) -> Result<(), SendError<Message>> {
        let has_panel = Connection::session().is_ok_and(|bus| has_watcher(&bus).unwrap_or(false));
        let shown = has_panel && self.item().is_some();
        tx.send(Message::Redraw)?;
        tx.send(Message::Presence(if shown { Presence::Shown } else { Presence::NoHost }))
    }

    /// Removes the item from the bus, if the bus answers.
    fn leave(&self) {
        let Some(item) = self.take() else { return };
        let (done, left) = sync_channel::<()>(1);
        let shutdown = move || {
            item.shutdown().wait();
            drop(done);
        };
        if thread::Builder::new().name("leave-bus".into()).spawn(shutdown).is_ok() {
            let _left_or_not = left.recv_timeout(BUS_TIMEOUT);
        }
    }

    fn item(&self) -> Option<Handle<Item>> {
        self.on_bus.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self) -> Option<Handle<Item>> {
        self.on_bus.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Moves the item to a new session bus when the old one is gone, which ksni does not notice. Runs on a separate
    /// thread that sleeps while the bus exists; ends with the loop.
    fn watch_bus(&self, tx: &SyncSender<Message>) {
        let mut pause = FIRST_LOOK;
        loop {
            let found = Connection::session().and_then(|bus| {
                let on_it = self.is_on(&bus)?;
                Ok((bus, on_it))
            });
            if let Ok((bus, true)) = &found {
                pause = FIRST_LOOK;
                bus.closed();
                let _ends = self.take().map(|item| item.shutdown());
                if tx.send(Message::Presence(Presence::NoHost)).is_err() {
                    return;
                }
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LAST_LOOK);
            let Ok((bus, false)) = found else { continue };
            let _ends = self.take().map(|item| item.shutdown());
            let Ok(item) = Item::join(tx) else { continue };
            tracing::info!("icon on the bus again");
            *self.on_bus.lock().unwrap_or_else(PoisonError::into_inner) = Some(item);
            let watcher = has_watcher(&bus).unwrap_or(false);
            if tx.send(Message::Redraw).is_err()
                || (watcher && tx.send(Message::Presence(Presence::Shown)).is_err())
            {
                return;
            }
        }
    }

    /// Whether the item is on this bus.
    fn is_on(&self, bus: &Connection) -> zbus::Result<bool> {
        let ours = format!("org.kde.StatusNotifierItem-{}-", std::process::id());
        let names = DBusProxy::new(bus)?.list_names()?;
        Ok(self.item().is_some() && names.iter().any(|name| name.starts_with(&ours)))
    }
}

fn has_watcher(bus: &Connection) -> zbus::Result<bool> {
    let watcher = "org.kde.StatusNotifierWatcher".try_into().map_err(zbus::Error::Names)?;
    Ok(DBusProxy::new(bus)?.name_has_owner(watcher)?)
}

impl Shell for Panel {
    /// A panel takes square pictures only.
    fn icon(&mut self, icon: &IconView) {
        self.icon = Some((icon.worst, icon.worst.count, icon.words.clone()));
    }

    fn menu(&mut self, _old: &Menu, new: &Arc<Menu>) {
        self.menu = Some(Arc::clone(new));
    }

    /// One update for all changes: with each, ksni reads everything and reports the differences to the panel.
    fn drawn(&mut self) {
        let (icon, menu) = (self.icon.take(), self.menu.take());
        let Some(item) = self.item().filter(|_| icon.is_some() || menu.is_some()) else { return };
        let icon = icon.map(|(face, badge, tooltip)| (self.pictures.of(face), badge, tooltip));
        item.update(move |item| {
            if let Some(icon) = icon {
                (item.pictures, item.badge, item.tooltip) = icon;
            }
            if let Some(menu) = menu {
                item.menu = menu;
            }
        });
    }
}

/// The item that the panel reads.
struct Item {
    pictures: Vec<Icon>,
    badge: Option<usize>,
    tooltip: String,
    menu: Arc<Menu>,
    tx: SyncSender<Message>,
}

impl Item {
    /// Registers an empty item on the session bus.
    fn join(tx: &SyncSender<Message>) -> Result<Handle<Self>, ksni::Error> {
        let item = Self {
            pictures: pictures(Face::of(Light::Grey)),
            badge: None,
            tooltip: String::new(),
            menu: Arc::default(),
            tx: tx.clone(),
        };
        // the watcher may appear later, or be restarted
        item.assume_sni_available(true).spawn()
    }

    /// Never waits: it is called on ksni's thread, which the loop may wait for.
    fn send(&self, message: Message) {
        let _full = self.tx.try_send(message);
    }
}

impl Tray for Item {
    /// A click with either button opens the menu.
    const MENU_ON_ACTIVATE: bool = true;

    fn id(&self) -> String {
        "gatelight".into()
    }

    fn category(&self) -> Category {
        Category::SystemServices
    }

    fn title(&self) -> String {
        self.badge.map_or_else(|| "Gatelight".into(), |count| format!("Gatelight ({count})"))
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        self.pictures.clone()
    }

    fn tool_tip(&self) -> ToolTip {
        // markup is allowed here
        let description = entities(&self.tooltip);
        ToolTip { title: "Gatelight".into(), description, ..ToolTip::default() }
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        self.menu.rows.iter().map(item).collect()
    }

    /// What differs by now follows, as every change does.
    fn menu_about_to_show(&mut self) {
        self.send(Message::MenuOpens);
    }

    fn watcher_online(&self) {
        self.send(Message::Presence(Presence::Shown));
    }

    fn watcher_offline(&self, _reason: OfflineReason) -> bool {
        self.send(Message::Presence(Presence::NoHost));
        true
    }
}

/// Cache of drawn pictures: drawing one takes longer than everything else that a change of light needs.
#[derive(Clone, Default)]
struct Pictures(Vec<(Face, Vec<Icon>)>);

impl Pictures {
    fn of(&mut self, face: Face) -> Vec<Icon> {
        if let Some((_, drawn)) = self.0.iter().find(|(of, _)| *of == face) {
            return drawn.clone();
        }
        let drawn = pictures(face);
        if self.0.len() >= MAX_FACES {
            self.0.remove(0);
        }
        self.0.push((face, drawn.clone()));
        drawn
    }
}

/// In normal and double size; the panel takes the one that fits.
fn pictures(face: Face) -> Vec<Icon> {
    [POINTS, POINTS * 2].map(|size| pixmap(face, size)).to_vec()
}

/// ARGB in network byte order.
fn pixmap(face: Face, size: u32) -> Icon {
    let picture = face.draw(size);
    let mut data = picture.rgba;
    for pixel in data.chunks_exact_mut(4) {
        pixel.rotate_right(1);
    }
    let width = picture.width as i32;
    Icon { width, height: width, data }
}

/// In `com.canonical.dbusmenu` an underscore marks a mnemonic; two of them are one underscore.
fn label(text: &str) -> String {
    text.replace('_', "__")
}

fn item(row: &Row) -> MenuItem<Item> {
    let icon_data = row.light.map(light_png).unwrap_or_default();
    let key = row.key.clone();
    let activate = move |item: &mut Item| item.send(Message::Chosen(key.clone()));
    match &row.kind {
        RowKind::Separator => MenuItem::Separator,
        RowKind::Item => StandardItem {
            label: label(&row.label),
            enabled: row.enabled,
            icon_data,
            activate: Box::new(activate),
            ..StandardItem::default()
        }
        .into(),
        RowKind::Check(checked) => CheckmarkItem {
            label: label(&row.label),
            enabled: row.enabled,
            checked: *checked,
            activate: Box::new(activate),
            ..CheckmarkItem::default()
        }
        .into(),
        RowKind::Sub(rows) => SubMenu {
            label: label(&row.label),
            enabled: row.enabled,
            icon_data,
            submenu: rows.iter().map(item).collect(),
            ..SubMenu::default()
        }
        .into(),
    }
}

/// The picture of a row's light, drawn once.
fn light_png(light: Light) -> Vec<u8> {
    static MADE: OnceLock<[Vec<u8>; 4]> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        [Light::Green, Light::Grey, Light::Amber, Light::Red].map(|l| png_of(Face::of(l)).unwrap_or_default())
    });
    made[light as usize].clone()
}

fn png_of(face: Face) -> Result<Vec<u8>, png::EncodingError> {
    let picture = face.draw(ROW_ICON);
    let mut data = Vec::new();
    let mut encoder = png::Encoder::new(&mut data, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.rgba)?;
    writer.finish()?;
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_underscore_is_no_mnemonic() {
        assert_eq!(label("a_b__c & d"), "a__b____c & d");
    }

    #[test]
    fn pixels_are_argb() {
        let icon = pixmap(Face::of(Light::Green), 22);
        let middle = ((11 * 22 + 11) * 4) as usize;
        assert_eq!(icon.data[middle..middle + 4], [255, 0x30, 0xa1, 0x4e]);
        assert_eq!((icon.width, icon.height, icon.data.len()), (22, 22, 22 * 22 * 4));
    }

    #[test]
    fn a_picture_that_is_kept_is_that_of_its_face() {
        let faces = (0..40).map(|count| Face { count: Some(count), ..Face::of(Light::Red) });
        let faces: Vec<Face> = faces.chain([Face::of(Light::Green), Face::of(Light::Red)]).collect();
        let mut kept = Pictures::default();
        let data = |pictures: Vec<Icon>| pictures.into_iter().map(|icon| icon.data).collect::<Vec<_>>();
        for face in faces.iter().chain(faces.iter().rev()) {
            assert_eq!(data(kept.of(*face)), data(pictures(*face)), "{face:?}");
            assert!(kept.0.len() <= MAX_FACES);
        }
    }

    #[test]
    fn every_light_has_its_picture() {
        let all = [Light::Green, Light::Grey, Light::Amber, Light::Red];
        for light in all {
            assert_eq!(light_png(light), png_of(Face::of(light)).unwrap());
            assert!(light_png(light).starts_with(b"\x89PNG"));
        }
    }
}
