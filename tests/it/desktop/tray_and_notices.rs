//! The desktop side on a real `dbus-daemon`, with a simulated panel and notification server. The program's own loop runs in
//! a child process that is controlled through its standard input.

// the D-Bus interfaces below require arguments and receivers that the tests do not use
#![allow(clippy::unused_self, clippy::used_underscore_binding)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use gatelight::app::instance::{self, Instance};
use gatelight::app::messages::EngineEvent;
use gatelight::config::{Config, Folders};
use gatelight::health::{Change, Manager, Proof, Reason, Verdict};
use gatelight::profile::{JobFile, Profile};
use gatelight::restart::{RestartOutcome, RestartStep, RestartView};
use gatelight::text::Message;
use gatelight::ui::app::AppHandles;
use gatelight::ui::tray;
use gatelight::watcher::Update;
use gatelight::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};
use jiff::{SignedDuration, Timestamp};

use crate::support::bus::*;
use crate::support::test_process;

// ---- the program, in a child -----------------------------------------------------------------------------------------

pub(super) struct Program {
    child: Child,
    input: ChildStdin,
    said: Receiver<String>,
}

impl Program {
    pub(super) fn start(bus: &Bus, locale: &str) -> Self {
        Self::start_with(&bus.address, bus.folder.path(), locale)
    }

    fn start_with(address: &str, home: &Path, locale: &str) -> Self {
        let (me, arguments) = test_process(module_path!(), "the_program_itself");
        let mut child = Command::new(me)
            .args(arguments)
            .env("GATELIGHT_DESKTOP_CHILD", home)
            .env("DBUS_SESSION_BUS_ADDRESS", address)
            .env("LC_ALL", locale)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tx, said) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some((_, said)) = line.split_once("> ") {
                    let _test_over = tx.send(said.to_owned());
                }
            }
        });
        let input = child.stdin.take().unwrap();
        Self { child, input, said }
    }

    pub(super) fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    pub(super) fn hears(&self) -> String {
        self.said.recv_timeout(LIMIT).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The child process of [`Program`], not a test. The profiles `default` and `my_work` are connected at the start.
#[test]
fn the_program_itself() {
    let Some(home) = std::env::var_os("GATELIGHT_DESKTOP_CHILD").map(PathBuf::from) else {
        return;
    };
    let say = |line: &str| println!("> {line}");
    let folders = Folders::xdg(&home, |_| None);
    let (_lock, listener) = match instance::take(&folders.data, false).unwrap() {
        Instance::First(lock, listener) => (lock, listener),
        Instance::Second { shown } => return say(&format!("second, told: {shown}")),
    };
    let mut config = Config::default();
    config.notices.recovery_hold = Duration::ZERO;
    let mut snapshot = snapshot_of(&["default", "my_work"]);
    let (inputs, input) = tokio::sync::mpsc::channel(64);
    let (commands, mut commanded) = tokio::sync::mpsc::unbounded_channel();
    let commanding = std::thread::spawn(move || {
        while let Some(command) = commanded.blocking_recv() {
            println!("> {command:?}");
        }
    });
    let update = |snapshot: &Snapshot, changes| {
        EngineEvent::Update(Box::new(Update { changes, ..Update::of(Arc::new(snapshot.clone())) }))
    };
    inputs.blocking_send(update(&snapshot, Vec::new())).unwrap();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["quit"] => inputs.blocking_send(EngineEvent::Quit).unwrap(),
                ["offline"] => inputs.blocking_send(EngineEvent::Offline(true)).unwrap(),
                ["restart", name, step] => {
                    let (step, outcome) = match step {
                        "ending" => (RestartStep::EndingOld, None),
                        "proving" => (RestartStep::ProvingLink, None),
                        "failed" => {
                            let why = Message::verbatim("no <new> process came");
                            let step = RestartStep::StartingNew;
                            (step, Some(RestartOutcome::Failed { step, why }))
                        }
                        _ => {
                            let took = SignedDuration::from_secs(3);
                            let worked =
                                RestartOutcome::Worked { took, pid: 4712, killed: false, back: Vec::new() };
                            (RestartStep::ProvingLink, Some(worked))
                        }
                    };
                    let view = RestartView { asked_at: Timestamp::now(), step, retrying: None, outcome };
                    inputs.blocking_send(EngineEvent::Restarts([(name.to_owned(), view)].into())).unwrap();
                }
                [name, code] => {
                    if snapshot.find(name).is_none() {
                        snapshot.profiles.push(view_of(name));
                    }
                    let view = snapshot.profiles.iter_mut().find(|p| p.profile.name == name).unwrap();
                    let at = Timestamp::now();
                    let to = Verdict {
                        reason: Reason::from_code(code).unwrap(),
                        since: at,
                        evidence: Some(Proof::new("agent.log", "Executor shutdown has been <called>", at)),
                        ..Verdict::clone(&view.verdict)
                    };
                    let from = std::mem::replace(&mut view.verdict, to.clone().into()).glance();
                    let change = Change { at, profile: view.profile.name.as_str().into(), from, to };
                    let profile = Arc::clone(&view.profile);
                    let change = ProfileChange { profile, change, history: false };
                    inputs.blocking_send(update(&snapshot, vec![change])).unwrap();
                }
                _ => panic!("{line}"),
            }
        }
    });
    let result = tray::run(AppHandles {
        inputs: input,
        commands,
        config,
        config_error: None,
        folders,
        system_lang: gatelight::text::Lang::of_system(),
        zone: jiff::tz::TimeZone::UTC,
        presence: Box::new(|presence| println!("> {presence:?}")),
        listener: Some(listener),
    });
    // every command is reported before the end
    commanding.join().unwrap();
    match result {
        Ok(()) => say("ended"),
        Err(e) => say(&format!("error: {e}")),
    }
}

fn view_of(name: &str) -> ProfileView {
    let job = JobFile::named(Manager::Embedded, "/nowhere/job", name);
    let profile = Profile { name: name.into(), home: "/nowhere".into(), job: Some(job), logs: Vec::new() };
    let verdict = Verdict { reason: Reason::Connected, ..Verdict::unknown(Timestamp::now()) };
    ProfileView { profile: Arc::new(profile), verdict: verdict.into() }
}

fn snapshot_of(names: &[&str]) -> Snapshot {
    let profiles = names.iter().map(|n| view_of(n)).collect();
    Snapshot { at: Timestamp::now(), profiles, bad_files: Vec::new(), complete: true }
}

// ---- the tests -------------------------------------------------------------------------------------------------------

const GREEN: [u8; 4] = [255, 0x30, 0xa1, 0x4e];
const RED: [u8; 4] = [255, 0xdc, 0x2f, 0x3a];

#[test]
fn the_whole_way_from_a_red_light_to_the_recovery() {
    let Some(desktop) = Desktop::start() else { return };
    let mut program = Program::start(&desktop.bus, "C");
    let panel = desktop.panel();
    panel.has("2 of 2 connected");
    assert_eq!(panel.icon(), (vec![22, 44], GREEN));
    assert_eq!(panel.tooltip(), "2 of 2 connected");

    let start = Instant::now();
    program.tell("my_work executor-shutdown");
    until("the icon is red", || (panel.icon().1 == RED).then_some(()));
    eprintln!("red after {:?}", start.elapsed());
    assert_eq!(panel.tooltip(), "1 of 2 connected\n✖ my_work — executor dead: a hollow shell");
    panel.has("my__work — executor dead: a hollow shell · <1 min");
    panel.has(": Executor shutdown has been <called>");
    assert!(panel.rows().iter().any(|r| r.label.starts_with("my__work") && r.has_icon));
    let shown = desktop.server.nth(0);
    assert_eq!(shown.title, "✖ my_work — executor dead: a hollow shell");
    assert_eq!(shown.actions, ["restart", "Restart", "open-log", "Open Log", "acknowledge", "Acknowledge"]);
    assert_eq!((shown.replaces, shown.urgency, shown.has_picture), (0, 1, true));

    // a button that was not shown does nothing; the one that was shown restarts
    Notifications::press(&desktop.speaker, 7, "restart");
    Notifications::press(&desktop.speaker, shown.id, "restart");
    assert_eq!(program.hears(), "Restart(\"my_work\")");
    program.tell("restart my_work ending");
    panel.has("◐ ending the old process…");
    assert!(panel.rows().iter().any(|r| r.label == "Restarting…" && !r.enabled));
    program.tell("my_work not-running");
    program.tell("restart my_work proving");
    panel.has("◐ waiting for the link…");
    program.tell("my_work connected");
    program.tell("restart my_work worked");
    panel.has("Restart worked: 3 s, PID 4712");
    let recovered = desktop.server.nth(1);
    assert_eq!(recovered.title, "● my_work — connected again");
    assert_eq!((recovered.replaces, recovered.urgency), (shown.id, 0), "it takes the place of the first");
    assert!(recovered.actions.is_empty());
    until("the icon is green", || (panel.icon().1 == GREEN).then_some(()));
    assert_eq!(desktop.server.shown.lock().unwrap().len(), 2, "one notice an incident");

    // the menu's own commands
    panel.choose("Restart", 1);
    assert_eq!(program.hears(), "Restart(\"my_work\")");
    panel.choose("Check Job Files", 0);
    assert_eq!(program.hears(), "CheckJobFiles");
    panel.choose("Mute for 1 Hour", 1);
    panel.has("my__work — connected · <1 min · muted");
    panel.choose("Quit Gatelight", 0);
    assert_eq!(program.hears(), "Quit");
    assert_eq!(program.hears(), "ended");
    until("the child ends", || program.child.try_wait().unwrap());
    let data = desktop.bus.folder.path().join(".local/share/gatelight");
    assert!(data.join("gatelight.lock").exists() && !data.join("gatelight.sock").exists());
}

#[test]
fn a_failed_restart_is_notified_and_an_internal_error_is_not_green() {
    let Some(desktop) = Desktop::start() else { return };
    let mut program = Program::start(&desktop.bus, "C");
    let panel = desktop.panel();
    program.tell("my_work executor-shutdown");
    desktop.server.nth(0);
    program.tell("restart my_work ending");
    panel.has("◐ ending the old process…");
    program.tell("restart my_work failed");
    let failed = desktop.server.nth(1);
    assert_eq!(failed.title, "✖ my_work — restart failed");
    assert_eq!(failed.body, "no &lt;new&gt; process came");
    // one that the policy notifies anyway is not notified twice
    program.tell("restart default ending");
    program.tell("default not-running");
    panel.has("default — not running");
    program.tell("restart default failed");
    let down = desktop.server.nth(2);
    assert!(format!("{} {}", down.title, down.body).contains("default"), "{down:?}");
    assert!(!down.title.contains("restart failed"), "{down:?}");
    panel.has("Restart failed: no <new> process came");
    panel.choose("Open Log", 0);
    let refused = desktop.server.nth(3);
    assert_eq!(refused.title, "Could not open");
    assert_eq!(refused.urgency, 1, "green is for good news");
}

#[test]
fn profiles_that_fall_together_share_one_notice_and_log_text_is_no_markup() {
    let Some(desktop) = Desktop::start() else { return };
    let mut program = Program::start(&desktop.bus, "C");
    let panel = desktop.panel();
    program.tell("R&D<b> connected");
    panel.has("R&D<b> — connected");
    program.tell("R&D<b> not-running");
    program.tell("default auth-rejected");
    let (first, second) = (desktop.server.nth(0), desktop.server.nth(1));
    assert_eq!(second.replaces, first.id);
    assert_eq!(second.title, "✖ 2 gateways are down");
    assert_eq!(second.body, "R&amp;D&lt;b&gt;: not running\ndefault: Feishu credentials refused");
    // the notification is sent before the icon is drawn
    until("the tooltip names both", || {
        let tooltip = panel.tooltip();
        let lines: Vec<&str> = tooltip.lines().skip(1).collect();
        let both = ["✖ default — Feishu credentials refused", "✖ R&amp;D&lt;b&gt; — not running"];
        (lines == both).then_some(())
    });
    let title: String = panel.property("Title").try_into().unwrap();
    assert_eq!(title, "Gatelight (2)");
    Notifications::press(&desktop.speaker, second.id, "restart");
    assert_eq!(program.hears(), "Restart(\"R&D<b>\")", "only where it helps");
}

#[test]
fn a_name_is_no_markup_where_a_server_reads_it_unasked_nor_does_it_turn_a_line_around() {
    let server = Notifications { dunst: true, ..Notifications::default() };
    let Some(desktop) = Desktop::with_server(server) else { return };
    let mut program = Program::start(&desktop.bus, "C");
    let panel = desktop.panel();
    panel.has("2 of 2 connected");
    program.tell("<b>x</b> not-running");
    desktop.server.nth(0);
    program.tell("שער not-running");
    let lines = desktop.server.nth(1).body;
    assert!(lines.contains("&lt;b&gt;x&lt;/b&gt;: not running"), "{lines}");
    assert!(lines.contains("\u{200e}\u{2068}שער\u{2069}: not running"), "{lines}");
}

#[test]
fn in_chinese() {
    let server = Notifications { plain: true, ..Notifications::default() };
    let Some(desktop) = Desktop::with_server(server) else { return };
    let mut program = Program::start(&desktop.bus, "zh_CN.UTF-8");
    let panel = desktop.panel();
    panel.has("2 个网关中 2 个已连接");
    program.tell("default not-running");
    assert_eq!(desktop.server.nth(0).title, "✖ default — 未运行");
    assert!(desktop.server.nth(0).actions.is_empty(), "a server without buttons is given none");
    panel.has("default — 未运行 · 不到 1 分钟");
}

#[test]
fn a_panel_that_comes_late_or_anew_gets_the_item() {
    let Some(bus) = Bus::start() else { return };
    let program = Program::start(&bus, "C");
    assert_eq!(program.hears(), "NoHost");
    let (watcher, host) = Watcher::start(&bus);
    assert_eq!(program.hears(), "Shown");
    let item = watcher.item();
    host.close().unwrap();
    assert_eq!(program.hears(), "NoHost");
    let (again, _host) = Watcher::start(&bus);
    assert_eq!(program.hears(), "Shown");
    assert_eq!(again.item(), item);
}

#[test]
fn without_a_notification_server_the_menu_says_what_was_missed() {
    let Some(bus) = Bus::start() else { return };
    let (watcher, _host) = Watcher::start(&bus);
    let mut program = Program::start(&bus, "C");
    let panel = Panel { connection: bus.connect(), item: watcher.item() };
    program.tell("default executor-shutdown");
    panel.has("Undelivered Notifications: 1");
    panel.has("✖ default — executor dead: a hollow shell (");
    panel.has("no notification server is");
    panel.choose("Clear This List", 0);
    until("it is forgotten", || {
        (!panel.labels().iter().any(|l| l.starts_with("Undelivered Notifications"))).then_some(())
    });
    // a server that comes back is used, with new ids
    for n in 0..2 {
        let server = Notifications::default();
        let speaker = Notifications::start(&bus, &server);
        program.tell("my_work not-running");
        assert_eq!(server.nth(0).replaces, 0, "server {n}");
        program.tell("my_work connected");
        server.nth(1);
        speaker.close().unwrap();
    }
}

#[test]
fn a_hanging_notification_server_blocks_nothing() {
    let server = Notifications { hangs: true, ..Notifications::default() };
    let Some(desktop) = Desktop::with_server(server) else { return };
    let mut program = Program::start(&desktop.bus, "C");
    let panel = desktop.panel();
    program.tell("default not-running");
    panel.has("default — not running");
    program.tell("offline");
    panel.has("Offline: no notifications until the network is back");
    assert!(!panel.labels().iter().any(|l| l.starts_with("Undelivered Notifications")), "it still waits");
    panel.has("no answer within 5 s");
}

#[test]
fn without_a_bus_it_says_so_and_returns() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:path={}", folder.path().join("none").display());
    let program = Program::start_with(&address, folder.path(), "C");
    let said = program.hears();
    assert!(said.starts_with("error: D-Bus connection error"), "{said}");
}

#[test]
fn a_second_start_makes_the_first_show_itself() {
    let Some(desktop) = Desktop::start() else { return };
    let mut first = Program::start(&desktop.bus, "C");
    desktop.panel().has("2 of 2 connected");
    let mut second = Program::start(&desktop.bus, "C");
    assert_eq!(second.hears(), "second, told: true");
    assert!(until("the second ends", || second.child.try_wait().unwrap()).success());
    let shown = desktop.server.nth(0);
    assert_eq!(shown.title, "Gatelight is running");
    assert_eq!(shown.body, "Its light is in the menu bar. 2 of 2 connected");
    first.tell("quit");
    assert_eq!(first.hears(), "ended");
}

#[test]
fn notifications_are_switched_off_in_the_menu_and_stay_off() {
    let Some(desktop) = Desktop::start() else { return };
    let mut program = Program::start(&desktop.bus, "C");
    let panel = desktop.panel();
    let checked = |panel: &Panel| panel.rows().iter().any(|r| r.label == "Notifications" && r.checked);
    until("they are on", || checked(&panel).then_some(()));
    panel.choose("Notifications", 0);

    until("they are off", || (!checked(&panel)).then_some(()));
    program.tell("default not-running");
    panel.has("default — not running");
    program.tell("quit");
    assert_eq!(program.hears(), "ended");
    drop(program);
    let _program = Program::start(&desktop.bus, "C");
    let item = until("it registers again", || {
        let items = desktop.watcher.0.lock().unwrap();
        (items.len() == 2).then(|| items[1].clone())
    });
    let panel = Panel { connection: desktop.bus.connect(), item };
    panel.has("2 of 2 connected");
    assert!(!checked(&panel));
    assert_eq!(desktop.server.shown.lock().unwrap().len(), 0);
}

#[test]
fn what_was_changed_elsewhere_is_shown_when_the_menu_opens() {
    let Some(desktop) = Desktop::start() else { return };
    let _program = Program::start(&desktop.bus, "C");
    let panel = desktop.panel();
    let checked = || panel.rows().iter().any(|row| row.label == "Launch at Login" && row.checked);
    panel.has("2 of 2 connected");
    assert!(!checked());
    let autostart = desktop.bus.folder.path().join(".config/autostart");
    std::fs::create_dir_all(&autostart).unwrap();
    std::fs::write(autostart.join("gatelight.desktop"), "[Desktop Entry]\n").unwrap();
    let dbusmenu = Some("com.canonical.dbusmenu");
    let item = Some(panel.item.as_str());
    panel.connection.call_method(item, "/MenuBar", dbusmenu, "AboutToShow", &0_i32).unwrap();
    until("the row is checked", || checked().then_some(()));
}
