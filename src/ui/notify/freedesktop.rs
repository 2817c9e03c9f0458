//! The Desktop Notifications Specification 1.2 over the session bus.
//!
//! Not through notify-rust (4.18.2 and 4.19.0, measured on a bus): it opens a stream of signals for each notice, so one
//! foreign signal before ours loses the press (5 of 40 arrived); GNOME sends `ActivationToken` first, and refuses a
//! replacement from another connection; and when a connection is dropped, the app's other notices disappear with it.

use std::collections::HashMap;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use zbus::blocking::fdo::DBusProxy;
use zbus::blocking::{Connection, MessageIterator, connection};
use zbus::message::{Sequence, Type};
use zbus::names::{InterfaceName, MemberName, OwnedUniqueName};
use zbus::zvariant::{StructureBuilder, Value};
use zbus::{MatchRule, Message, fdo};

use super::{Failure, NotificationRequest, Report, Reporter, TIMEOUT, Task};
use crate::health::Light;
use crate::text::desktop as say;
use crate::text::display::entities;
use crate::ui::icon::{Face, Picture};
use crate::worker;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
/// The buttons of at most this many notifications work.
const MAX_SHOWN: usize = 64;
/// Width of a notification's picture, in pixels.
const PICTURE: u32 = 48;

/// A notification on the screen.
struct Notification {
    /// The server's id. A server that was restarted counts from one again.
    id: u32,
    server: Option<OwnedUniqueName>,
    /// The server's last message before it was shown. An earlier signal is about another notification with this id; a
    /// button may be pressed before the reply with the id comes.
    since: Sequence,
}

/// The notifications on the screen by Gatelight's ids.
#[derive(Default)]
struct Shown(HashMap<u64, Notification>);

impl Shown {
    /// Gatelight's id of the notification that this signal is about.
    fn ours(&self, signal: &Message, theirs: u32) -> Option<u64> {
        let (server, at) = (sender(signal), signal.recv_position());
        let is_it = |known: &Notification| known.id == theirs && known.server == server && known.since < at;
        self.0.iter().find(|(_, known)| is_it(known)).map(|(ours, _)| *ours)
    }

    /// The id by which this server knows it.
    fn theirs(&self, ours: u64, server: Option<&OwnedUniqueName>) -> Option<u32> {
        self.0.get(&ours).filter(|known| known.server.as_ref() == server).map(|known| known.id)
    }

    fn insert(&mut self, ours: u64, mut notification: Notification) {
        // a button of the one that is replaced may be pressed until it is
        if self.theirs(ours, notification.server.as_ref()) == Some(notification.id) {
            notification.since = self.0.get(&ours).map_or(notification.since, |known| known.since);
        }
        self.0.retain(|_, known| known.id != notification.id);
        self.0.insert(ours, notification);
        while self.0.len() > MAX_SHOWN {
            // ids count upwards: the smallest is the oldest
            let Some(oldest) = self.0.keys().min().copied() else {
                return;
            };
            self.0.remove(&oldest);
        }
    }
}

/// The unique name of the connection that sent this message.
fn sender(message: &Message) -> Option<OwnedUniqueName> {
    message.header().sender().map(|name| name.to_owned().into())
}

struct Server {
    bus: Connection,
    shown: Arc<Mutex<Shown>>,
}

/// Delivers until the notifier is dropped.
pub(super) fn work(tasks: &Receiver<Task>, report: &Reporter) {
    let mut server: Option<Server> = None;
    while let Ok(task) = tasks.recv() {
        let message = match task {
            Task::Show(message) => message,
            // notices disappear with the connection
            Task::WithdrawAll(done) => {
                let _gave_up = done.send(());
                continue;
            }
            // no permission is needed here
            Task::Permission | Task::Buttons(_) => continue,
        };
        worker::test_panic("notices");
        let (id, title) = (message.id, message.title.clone());
        // a connection that broke since the last notification is replaced, once
        if server.as_ref().is_some_and(|s| s.bus.is_closed()) {
            server = None;
        }
        let connected = match server.take() {
            Some(server) => Ok(server),
            None => Server::connect(report),
        };
        let result = connected.and_then(|connected| {
            let server = server.insert(connected);
            server.show(&message)
        });
        report(match result {
            Ok(()) => Report::Delivered(id),
            Err(why) => Report::Failed { id, title, why },
        });
    }
}

fn lock(shown: &Mutex<Shown>) -> MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_bus(e: zbus::Error) -> Failure {
    Failure::new(say::NO_BUS, e)
}

impl Server {
    fn connect(report: &Reporter) -> Result<Self, Failure> {
        let bus = connection::Builder::session()
            .map_err(no_bus)?
            .method_timeout(TIMEOUT)
            .build()
            .map_err(no_bus)?;
        let shown = Arc::new(Mutex::new(Shown::default()));
        listen(&bus, Arc::clone(&shown), Arc::clone(report)).map_err(no_bus)?;
        Ok(Self { bus, shown })
    }

    fn call<B>(&self, method: &str, body: &B) -> Result<zbus::Message, Failure>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        self.bus.call_method(Some(NAME), PATH, Some(NAME), method, body).map_err(failure)
    }

    fn show(&self, message: &NotificationRequest) -> Result<(), Failure> {
        let reply = self.call("GetCapabilities", &())?;
        let (server, since) = (sender(&reply), reply.recv_position());
        let abilities: Vec<String> = reply.body().deserialize().unwrap_or_default();
        let can = |ability: &str| abilities.iter().any(|a| a == ability);
        // dunst 1.9 reads markup by default without announcing it; its own capability identifies it
        let reads_markup = can("body-markup") || can("x-dunst-stack-tag");
        let body = if reads_markup { escaped(&message.body) } else { message.body.clone() };
        let mut actions: Vec<&str> = Vec::new();
        if can("actions") {
            actions = message.buttons.iter().flat_map(|(key, label)| [*key, label.as_str()]).collect();
        }
        let urgency: u8 = u8::from(message.light != Light::Green);
        let mut hints: HashMap<&str, Value> = HashMap::new();
        hints.insert("urgency", Value::U8(urgency));
        hints.insert("desktop-entry", Value::from("gatelight"));
        if let Some(picture) = picture(message.light) {
            hints.insert("image-data", picture);
        }
        // locked until the id is stored, so that an early click waits for it
        let mut shown = lock(&self.shown);
        for id in &message.withdrawn {
            if let Some(theirs) = shown.theirs(*id, server.as_ref()) {
                let _closed_already = self.call("CloseNotification", &theirs);
            }
            shown.0.remove(id);
        }
        let replaces = shown.theirs(message.id, server.as_ref()).unwrap_or(0);
        let arguments =
            ("Gatelight", replaces, "", message.title.as_str(), body.as_str(), actions, hints, -1_i32);
        let reply = self.call("Notify", &arguments)?;
        let id: u32 = reply.body().deserialize().map_err(|e| Failure::new(say::REFUSED, e))?;
        shown.insert(message.id, Notification { id, server: sender(&reply), since });
        Ok(())
    }
}

fn failure(error: zbus::Error) -> Failure {
    let unknown = |name: &str| {
        matches!(
            name,
            "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner"
        ) || name.starts_with("org.freedesktop.DBus.Error.Spawn")
    };
    match error {
        zbus::Error::MethodError(name, _, _) if unknown(name.as_str()) => {
            Failure::new(say::NO_NOTIFICATION_SERVER, "")
        }
        zbus::Error::MethodError(name, words, _) => {
            Failure::new(say::REFUSED, words.unwrap_or_else(|| name.to_string()))
        }
        zbus::Error::FDO(e)
            if matches!(*e, fdo::Error::ServiceUnknown(_) | fdo::Error::NameHasNoOwner(_)) =>
        {
            Failure::new(say::NO_NOTIFICATION_SERVER, "")
        }
        zbus::Error::InputOutput(e) if e.kind() == std::io::ErrorKind::TimedOut => {
            Failure::new(say::NO_ANSWER, "")
        }
        other => no_bus(other),
    }
}

/// Listens for pressed buttons and closed notifications.
fn listen(bus: &Connection, shown: Arc<Mutex<Shown>>, report: Reporter) -> zbus::Result<()> {
    let signals =
        MatchRule::builder().msg_type(Type::Signal).sender(NAME)?.path(PATH)?.interface(NAME)?.build();
    // the connection's stream gets all signals that match this rule, and those that are addressed to it
    DBusProxy::new(bus)?.add_match_rule(signals)?;
    let messages = MessageIterator::from(bus);
    thread::Builder::new().name("notice-buttons".into()).spawn(move || {
        for message in messages.flatten() {
            let header = message.header();
            if header.message_type() != Type::Signal {
                continue;
            }
            if header.interface().map(InterfaceName::as_str) != Some(NAME) {
                continue;
            }
            match header.member().map(MemberName::as_str) {
                Some("ActionInvoked") => {
                    let Ok((theirs, key)) = message.body().deserialize::<(u32, String)>() else {
                        continue;
                    };
                    let ours = lock(&shown).ours(&message, theirs);
                    if let Some(id) = ours {
                        report(Report::Pressed { id, key });
                    }
                }
                Some("NotificationClosed") => {
                    let Ok((theirs, _reason)) = message.body().deserialize::<(u32, u32)>() else {
                        continue;
                    };
                    let mut shown = lock(&shown);
                    if let Some(ours) = shown.ours(&message, theirs) {
                        shown.0.remove(&ours);
                    }
                }
                _ => {}
            }
        }
    })?;
    Ok(())
}

/// Text as markup that shows it unchanged.
pub(super) fn escaped(text: &str) -> String {
    // not allowed in XML
    entities(&text.replace(|c: char| c.is_control() && c != '\n', " "))
}

/// `resources/app-icon.svg` as RGBA with [`PICTURE`] pixels a side; drawn by `bundle/pictures/take`. Not a PNG: the decoder
/// would be 80 kB of the program.
const APP_ICON: &[u8; (PICTURE * PICTURE * 4) as usize] =
    include_bytes!("../../../resources/app-icon-48.rgba");

fn app_icon() -> Picture {
    Picture { width: PICTURE, height: PICTURE, rgba: APP_ICON.to_vec() }
}

/// The picture of a notification: its light, or the icon of the app if it is not about a gateway.
fn picture_of(light: Light) -> Picture {
    if light == Light::Grey { app_icon() } else { Face::of(light).draw(PICTURE) }
}

/// The picture as the hint `image-data`: width, height, bytes per row, alpha, bits per sample, samples per pixel, data.
fn picture(light: Light) -> Option<Value<'static>> {
    static MADE: OnceLock<[Picture; 4]> = OnceLock::new();
    let made = MADE.get_or_init(|| [Light::Green, Light::Grey, Light::Amber, Light::Red].map(picture_of));
    let picture = made[light as usize].clone();
    let size = i32::try_from(picture.width).ok()?;
    let structure = StructureBuilder::new()
        .add_field(size)
        .add_field(size)
        .add_field(size * 4)
        .add_field(true)
        .add_field(8_i32)
        .add_field(4_i32)
        .add_field(picture.rgba)
        .build()
        .ok()?;
    Some(Value::Structure(structure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_about_no_gateway_has_the_icon_of_the_app() {
        let icon = app_icon();
        assert_eq!((icon.width, icon.height), (PICTURE, PICTURE));
        assert_eq!(picture_of(Light::Grey), icon);
        assert_eq!(picture_of(Light::Red), Face::of(Light::Red).draw(PICTURE));
    }

    #[test]
    fn log_text_is_not_markup() {
        assert_eq!(escaped("<b>a & b</b>\u{1}\n网"), "&lt;b&gt;a &amp; b&lt;/b&gt; \n网");
    }

    #[test]
    fn the_memory_is_bounded_and_has_no_duplicates() {
        let notification = |id| Notification { id, server: None, since: Sequence::default() };
        let mut shown = Shown::default();
        for i in 0..200 {
            shown.insert(i, notification(i as u32 + 1_000));
        }
        assert_eq!(shown.0.len(), MAX_SHOWN);
        assert_eq!(shown.theirs(199, None), Some(1_199));
        assert_eq!(shown.theirs(0, None), None);
        shown.insert(300, notification(1_199));
        assert_eq!((shown.theirs(300, None), shown.theirs(199, None)), (Some(1_199), None));
    }

    #[test]
    fn only_the_server_that_shows_a_notification_knows_it() {
        let name = |text: &str| Some(OwnedUniqueName::try_from(text).unwrap());
        let mut shown = Shown::default();
        shown.insert(7, Notification { id: 1, server: name(":1.5"), since: Sequence::default() });
        assert_eq!(shown.theirs(7, name(":1.5").as_ref()), Some(1));
        assert_eq!(shown.theirs(7, name(":1.9").as_ref()), None);
    }
}
