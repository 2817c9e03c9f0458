//! A private D-Bus: a real `dbus-daemon`, with a simulated panel and notification server.

// the D-Bus interfaces below require arguments and receivers that the tests do not use
#![allow(clippy::unused_self, clippy::used_underscore_binding)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use zbus::blocking::{Connection, connection};
use zbus::interface;
use zbus::zvariant::{OwnedValue, Value};

use super::skips::{Need, skip};

/// Reached only if something is broken.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Waits for a condition.
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < LIMIT, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

// ---- the bus ---------------------------------------------------------------------------------------------------------

pub(crate) struct Bus {
    pub daemon: Child,
    pub address: String,
    pub folder: tempfile::TempDir,
}

impl Bus {
    /// A private bus that starts no services; `None` where there is no `dbus-daemon`.
    pub(crate) fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("bus");
        let text = format!(
            "<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
             <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            socket.display()
        );
        std::fs::write(folder.path().join("bus.conf"), text).unwrap();
        // without the daemon's GUID: another daemon may replace it
        let address = format!("unix:path={}", socket.display());
        Some(Self { daemon: daemon(folder.path())?, address, folder })
    }

    /// Stops the daemon, which closes all connections.
    pub(crate) fn kill(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
        std::fs::remove_file(self.folder.path().join("bus")).unwrap();
    }

    /// Starts another daemon at the same address.
    pub(crate) fn again(&mut self) {
        self.daemon = daemon(self.folder.path()).unwrap();
    }

    pub(crate) fn connect(&self) -> Connection {
        connection::Builder::address(self.address.as_str()).unwrap().method_timeout(LIMIT).build().unwrap()
    }
}

/// Starts a daemon with this folder's configuration and waits until it listens.
fn daemon(folder: &std::path::Path) -> Option<Child> {
    let started = Command::new("dbus-daemon")
        .arg(format!("--config-file={}", folder.join("bus.conf").display()))
        .args(["--nofork", "--print-address=1"])
        .stdout(Stdio::piped())
        .spawn();
    let mut daemon = match started {
        Ok(daemon) => daemon,
        Err(e) => {
            skip(Need::BusDaemon, &e.to_string());
            return None;
        }
    };
    let mut address = String::new();
    BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
    assert!(!address.is_empty(), "dbus-daemon did not start");
    Some(daemon)
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ended = self.daemon.kill();
        let _ended = self.daemon.wait();
    }
}

/// `org.kde.StatusNotifierWatcher`, as a panel implements it.
#[derive(Clone, Default)]
pub(crate) struct Watcher(pub Arc<Mutex<Vec<String>>>);

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: String) {
        self.0.lock().unwrap().push(service);
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }
}

impl Watcher {
    pub(crate) fn start(bus: &Bus) -> (Self, Connection) {
        let watcher = Self::default();
        let connection = connection::Builder::address(bus.address.as_str())
            .unwrap()
            .serve_at("/StatusNotifierWatcher", watcher.clone())
            .unwrap()
            .name("org.kde.StatusNotifierWatcher")
            .unwrap()
            .build()
            .unwrap();
        (watcher, connection)
    }

    pub(crate) fn item(&self) -> String {
        until("an item registers", || self.0.lock().unwrap().last().cloned())
    }
}

/// One call of `Notify`.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub id: u32,
    pub replaces: u32,
    pub title: String,
    pub body: String,
    pub actions: Vec<String>,
    pub urgency: u8,
    pub has_picture: bool,
    /// The connection that called.
    pub sender: String,
}

/// `org.freedesktop.Notifications`.
#[derive(Clone, Default)]
pub(crate) struct Notifications {
    pub shown: Arc<Mutex<Vec<Shown>>>,
    pub closed: Arc<Mutex<Vec<u32>>>,
    pub hangs: bool,
    pub plain: bool,
    /// Interprets markup without announcing it, as dunst does.
    pub dunst: bool,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    fn get_capabilities(&self) -> Vec<&str> {
        if self.dunst {
            vec!["body", "actions", "x-dunst-stack-tag"]
        } else if self.plain {
            vec!["body"]
        } else {
            vec!["body", "body-markup", "actions"]
        }
    }

    #[allow(clippy::too_many_arguments)]
    async fn notify(
        &self,
        _app: String,
        replaces: u32,
        _icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _expires: i32,
        #[zbus(header)] header: zbus::message::Header<'_>,
    ) -> u32 {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let mut shown = self.shown.lock().unwrap();
        let id = if replaces > 0 { replaces } else { shown.len() as u32 + 100 };
        let urgency = hints.get("urgency").and_then(|v| u8::try_from(v).ok()).unwrap();
        let has_picture = hints.contains_key("image-data");
        let sender = header.sender().unwrap().to_string();
        shown.push(Shown { id, replaces, title, body, actions, urgency, has_picture, sender });
        id
    }

    fn close_notification(&self, id: u32) {
        self.closed.lock().unwrap().push(id);
    }
}

impl Notifications {
    pub(crate) fn start(bus: &Bus, server: &Self) -> Connection {
        connection::Builder::address(bus.address.as_str())
            .unwrap()
            .serve_at("/org/freedesktop/Notifications", server.clone())
            .unwrap()
            .name("org.freedesktop.Notifications")
            .unwrap()
            .build()
            .unwrap()
    }

    pub(crate) fn nth(&self, n: usize) -> Shown {
        until("a notification is shown", || self.shown.lock().unwrap().get(n).cloned())
    }

    pub(crate) fn press(connection: &Connection, id: u32, key: &str) {
        connection
            .emit_signal(
                None::<&str>,
                "/org/freedesktop/Notifications",
                "org.freedesktop.Notifications",
                "ActionInvoked",
                &(id, key),
            )
            .unwrap();
    }
}

/// A bus with a panel and a notification server. The fields are dropped in order: connections before the bus. Create it
/// before the program under test, so that it is dropped later.
pub(crate) struct Desktop {
    /// The connection of `server`.
    pub speaker: Connection,
    pub server: Notifications,
    /// The connection of `watcher`.
    pub host: Connection,
    pub watcher: Watcher,
    pub bus: Bus,
}

impl Desktop {
    /// `None` where there is no `dbus-daemon`.
    pub(crate) fn start() -> Option<Self> {
        Self::with_server(Notifications::default())
    }

    /// With this notification server.
    pub(crate) fn with_server(server: Notifications) -> Option<Self> {
        let bus = Bus::start()?;
        let (watcher, host) = Watcher::start(&bus);
        let speaker = Notifications::start(&bus, &server);
        Some(Self { speaker, server, host, watcher, bus })
    }

    /// Waits for the item that registers.
    pub(crate) fn panel(&self) -> Panel {
        Panel { connection: self.bus.connect(), item: self.watcher.item() }
    }
}

// ---- the item, as a panel reads it -----------------------------------------------------------------------------------

pub(crate) struct Panel {
    pub connection: Connection,
    pub item: String,
}

/// Width, height, ARGB.
pub(crate) type Pixmap = (i32, i32, Vec<u8>);
/// Id, properties, rows below.
pub(crate) type Node = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub id: i32,
    pub label: String,
    pub enabled: bool,
    pub checked: bool,
    pub has_icon: bool,
}

impl Panel {
    pub(crate) fn property(&self, name: &str) -> OwnedValue {
        let reply = self
            .connection
            .call_method(
                Some(self.item.as_str()),
                "/StatusNotifierItem",
                Some("org.freedesktop.DBus.Properties"),
                "Get",
                &("org.kde.StatusNotifierItem", name),
            )
            .unwrap();
        reply.body().deserialize::<OwnedValue>().unwrap()
    }

    /// The sizes of the icon, and the main colour of the largest.
    pub(crate) fn icon(&self) -> (Vec<i32>, [u8; 4]) {
        let icons: Vec<Pixmap> = self.property("IconPixmap").try_into().unwrap();
        let (_, _, data) = icons.last().unwrap();
        let mut counts = std::collections::BTreeMap::new();
        for pixel in data.chunks_exact(4).filter(|pixel| pixel[0] == 255) {
            *counts.entry(<[u8; 4]>::try_from(pixel).unwrap()).or_insert(0) += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        (icons.iter().map(|(w, _, _)| *w).collect(), most.unwrap().0)
    }

    pub(crate) fn tooltip(&self) -> String {
        let (_, _, _, text): (String, Vec<Pixmap>, String, String) =
            self.property("ToolTip").try_into().unwrap();
        text
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let reply = self
            .connection
            .call_method(
                Some(self.item.as_str()),
                "/MenuBar",
                Some("com.canonical.dbusmenu"),
                "GetLayout",
                &(0_i32, -1_i32, Vec::<&str>::new()),
            )
            .unwrap();
        let (_, root): (u32, Node) = reply.body().deserialize().unwrap();
        let mut rows = Vec::new();
        let mut left: Vec<Node> = vec![root];
        while let Some((id, properties, below)) = left.pop() {
            let text =
                |name: &str| properties.get(name).and_then(|v| <&str>::try_from(v).ok()).map(str::to_owned);
            rows.push(Row {
                id,
                label: text("label").unwrap_or_default(),
                enabled: properties.get("enabled").and_then(|v| bool::try_from(v).ok()).unwrap_or(true),
                checked: properties.get("toggle-state").and_then(|v| i32::try_from(v).ok()) == Some(1),
                has_icon: properties.contains_key("icon-data"),
            });
            for node in below.into_iter().rev() {
                left.push(node.try_into().unwrap());
            }
        }
        rows
    }

    pub(crate) fn labels(&self) -> Vec<String> {
        self.rows().into_iter().map(|r| r.label).collect()
    }

    pub(crate) fn has(&self, label: &str) {
        let mut last = Vec::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(label, || {
                last = self.labels();
                last.iter().any(|l| l.contains(label)).then_some(())
            });
        }));
        assert!(found.is_ok(), "no row {label:?} in {last:#?}");
    }

    /// The rows after the item has published its last change: labels change shortly before ids, and a click on an old id is
    /// ignored.
    pub(crate) fn settled_rows(&self) -> Vec<Row> {
        let ids = |rows: &[Row]| rows.iter().map(|r| r.id).collect::<Vec<_>>();
        let mut before = (Instant::now(), self.rows());
        until("the menu settles", || {
            let now = self.rows();
            if ids(&now) != ids(&before.1) {
                before = (Instant::now(), now);
            }
            (before.0.elapsed() > Duration::from_millis(300)).then(|| before.1.clone())
        })
    }

    /// Chooses the n-th row with this label.
    pub(crate) fn choose(&self, label: &str, n: usize) {
        let row = self.settled_rows().into_iter().filter(|r| r.label == label).nth(n).unwrap();
        assert!(row.enabled, "{label}");
        let event = (row.id, "clicked", Value::I32(0), 0_u32);
        let _quit_may_give_no_reply = self.connection.call_method(
            Some(self.item.as_str()),
            "/MenuBar",
            Some("com.canonical.dbusmenu"),
            "Event",
            &event,
        );
    }
}
