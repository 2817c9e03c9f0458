//! `StatusNotifierItem` and `com.canonical.dbusmenu` through ksni: pure D-Bus, no toolkit, no display.
//!
//! ksni 0.3.7 is what tray-icon's feature of this name stands for. The layers between, tray-icon 0.26.1 and muda 0.21.2,
//! would take from users what they need; lines are those of tray-icon's `src/platform_impl/ksni/mod.rs`:
//!
//! - A panel that comes or goes is not told (`impl Tray`, 181–227, has neither `watcher_online` nor `watcher_offline`): an
//!   icon that nobody shows would be silent about it.
//! - A click with the left button does not open the menu (`activate`, 186: it only emits an event, and `MENU_ON_ACTIVATE`
//!   stays false); nothing on the bus can be asked to open it.
//! - One picture at a time (164): the panel would blur it to the size that it has, where there are two to choose from.
//! - Every change of an item has the whole menu read anew on ksni's thread (132–147): of a change of twenty rows a panel
//!   may see the half. Here the menu is one value, handed over at once.
//! - A chosen check item is toggled on ksni's thread (muda `src/snapshot.rs` 341–357): its mark is wrong until we put it
//!   right, and with `dispatch_on_main_thread` of a build without GTK, which calls on the spot
//!   (`src/platform_impl/noop/mod.rs` 16), an `Rc<RefCell>` of another thread is touched there under the name
//!   `UnsafeSend`.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use ksni::blocking::{Handle, TrayMethods};
use ksni::menu::{CheckmarkItem, StandardItem, SubMenu};
use ksni::{Category, Icon, MenuItem, OfflineReason, ToolTip, Tray};
use zbus::blocking::Connection;
use zbus::blocking::fdo::DBusProxy;

use super::TrayError;
use crate::health::Light;
use crate::ui::app::{App, AppHandles, Flow, Message, Parts, Presence, Shell, waker};
use crate::ui::icon::{Face, POINTS};
use crate::ui::icon_view::IconView;
use crate::ui::menu::{Menu, Row, RowKind};
use crate::ui::notify::Courier;
use crate::worker;

/// Messages that wait for the loop; whoever sends more waits.
const QUEUE: usize = 256;
/// Longest sleep of the loop.
const LONGEST_SLEEP: Duration = Duration::from_secs(3_600);
/// A session bus that is gone is looked for after this long, then after twice as long, and so on.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// Longest pause between two looks for a session bus.
const LAST_LOOK: Duration = Duration::from_secs(30);
/// Most faces whose pictures are kept: the lights, and red with its numbers.
const MOST_FACES: usize = 16;
/// Width of the light in a menu row, in pixels.
const ROW_ICON: u32 = 32;

pub fn run(mut handles: AppHandles) -> Result<(), TrayError> {
    let no_desktop = |e: &dyn std::fmt::Display| TrayError::NoDesktop(e.to_string());
    let (tx, messages) = sync_channel(QUEUE);
    let item = Item::join(&tx).map_err(|e| no_desktop(&e))?;
    let panel = Panel::of(item);
    let (minded, told) = (panel.clone(), tx.clone());
    worker::spawn("session-bus", move || minded.mind_bus(&told)).map_err(|e| no_desktop(&e))?;
    let reports = tx.clone();
    let courier = Courier::start(Arc::new(move |report| {
        let _full = reports.try_send(Message::Report(report));
    }))
    .map_err(|e| no_desktop(&e))?;
    let sources = tx.clone();
    // a full queue has messages that the loop will handle, and with each it takes in what the engine sent
    let waker = waker(move || drop(sources.try_send(Message::Inputs)));
    if let Some(lock) = &mut handles.lock {
        // without it a second start says that one runs already, and no more
        let _no_thread = lock.listen(move || drop(tx.send(Message::ShowYourself)));
    }
    let parts = Parts {
        inputs: handles.inputs,
        waker,
        commands: handles.commands,
        config: handles.config,
        config_error: handles.config_error,
        folders: handles.folders,
        system_lang: handles.system_lang,
        zone: handles.zone,
        presence: handles.presence,
    };
    let mut app = App::new(panel.clone(), courier, parts, Timestamp::now());
    worker::run_blocking("menu", || turn(&mut app, &messages));
    if let Some(item) = panel.take() {
        item.shutdown().wait();
    }
    Ok(())
}

/// The loop: sleeps until a message comes or a deadline passes.
fn turn(app: &mut App<Panel>, messages: &Receiver<Message>) {
    let mut flow = app.handle(Timestamp::now(), Message::Inputs);
    while flow == Flow::On {
        let sleep = app.next_deadline().map_or(LONGEST_SLEEP, |deadline| {
            Duration::try_from(deadline.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
        });
        match messages.recv_timeout(sleep.min(LONGEST_SLEEP)) {
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
#[derive(Clone)]
struct Panel {
    on_bus: Arc<Mutex<Option<Handle<Item>>>>,
    /// What is to be shown and was not told yet.
    icon: Option<(Face, Option<usize>, String)>,
    rows: Option<Vec<Row>>,
    pictures: Pictures,
}

impl Panel {
    fn of(item: Handle<Item>) -> Self {
        let on_bus = Arc::new(Mutex::new(Some(item)));
        Self { on_bus, icon: None, rows: None, pictures: Pictures::default() }
    }

    fn item(&self) -> Option<Handle<Item>> {
        self.on_bus.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self) -> Option<Handle<Item>> {
        self.on_bus.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Brings the item to the bus that comes in the place of one that went: ksni does not notice. On a thread of its
    /// own, which sleeps while the bus is there; ends with the loop.
    fn mind_bus(&self, tx: &SyncSender<Message>) {
        let mut pause = FIRST_LOOK;
        loop {
            let found = Connection::session().and_then(|bus| {
                let on_it = self.is_on(&bus)?;
                Ok((bus, on_it))
            });
            if let Ok((bus, true)) = &found {
                pause = FIRST_LOOK;
                bus.closed();
                // what is not on any bus is not shown
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
            *self.on_bus.lock().unwrap_or_else(PoisonError::into_inner) = Some(item);
            let watcher = has_watcher(&bus).unwrap_or(false);
            if tx.send(Message::Redraw).is_err()
                || (watcher && tx.send(Message::Presence(Presence::Shown)).is_err())
            {
                return;
            }
        }
    }

    /// Whether our item is on this bus.
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

    fn menu(&mut self, _old: &Menu, new: &Menu) {
        self.rows = Some(new.rows.clone());
    }

    /// In one go: for each update ksni asks for everything, compares it itself and tells the panel what changed.
    fn drawn(&mut self) {
        let (icon, rows) = (self.icon.take(), self.rows.take());
        let Some(item) = self.item().filter(|_| icon.is_some() || rows.is_some()) else { return };
        let icon = icon.map(|(face, badge, tooltip)| (self.pictures.of(face), badge, tooltip));
        item.update(move |item| {
            if let Some(icon) = icon {
                (item.pictures, item.badge, item.tooltip) = icon;
            }
            if let Some(rows) = rows {
                item.rows = rows;
            }
        });
    }
}

/// What the panel sees.
struct Item {
    pictures: Vec<Icon>,
    badge: Option<usize>,
    tooltip: String,
    rows: Vec<Row>,
    tx: SyncSender<Message>,
}

impl Item {
    /// Puts it on the session bus, still empty.
    fn join(tx: &SyncSender<Message>) -> Result<Handle<Self>, ksni::Error> {
        let item = Self {
            pictures: pictures(Face::of(Light::Grey)),
            badge: None,
            tooltip: String::new(),
            rows: Vec::new(),
            tx: tx.clone(),
        };
        // the watcher may come later, or anew
        item.assume_sni_available(true).spawn()
    }

    /// From ksni's thread, which must not wait for a loop that may wait for it.
    fn tell(&self, message: Message) {
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
        // the description may hold markup
        let description = self.tooltip.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        ToolTip { title: "Gatelight".into(), description, ..ToolTip::default() }
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        self.rows.iter().map(item).collect()
    }

    fn watcher_online(&self) {
        self.tell(Message::Presence(Presence::Shown));
    }

    fn watcher_offline(&self, _reason: OfflineReason) -> bool {
        self.tell(Message::Presence(Presence::NoHost));
        true
    }
}

/// Pictures that were drawn before: lights come and go, and drawing one takes longer than all else that a change asks
/// for.
#[derive(Clone, Default)]
struct Pictures(Vec<(Face, Vec<Icon>)>);

impl Pictures {
    fn of(&mut self, face: Face) -> Vec<Icon> {
        if let Some((_, drawn)) = self.0.iter().find(|(of, _)| *of == face) {
            return drawn.clone();
        }
        let drawn = pictures(face);
        if self.0.len() >= MOST_FACES {
            self.0.remove(0);
        }
        self.0.push((face, drawn.clone()));
        drawn
    }
}

/// Once and twice the size of the grid; the panel takes what fits.
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

/// In `com.canonical.dbusmenu` an underscore marks the next letter; two of them are one underscore.
fn label(text: &str) -> String {
    text.replace('_', "__")
}

fn item(row: &Row) -> MenuItem<Item> {
    let icon_data = row.light.map(light_png).unwrap_or_default();
    let key = row.key.clone();
    let activate = move |item: &mut Item| item.tell(Message::Chosen(key.clone()));
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

/// The light of a row, made once for each.
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
            assert!(kept.0.len() <= MOST_FACES);
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
