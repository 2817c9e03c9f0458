//! Signals of a notification server as real ones send them: addressed to the sender, preceded by an activation token,
//! mixed with those of other apps, and from servers and buses that go away.

use zbus::blocking::Connection;

use super::tray_and_notices::Program;
use crate::support::bus::*;

const PATH: &str = "/org/freedesktop/Notifications";
const NAME: &str = "org.freedesktop.Notifications";

/// Sends a signal of the server to one connection, or to all.
fn send(speaker: &Connection, to: Option<&str>, member: &str, id: u32, text: &str) {
    speaker.emit_signal(to, PATH, NAME, member, &(id, text)).unwrap();
}

/// GNOME Shell (`js/ui/notificationDaemon.js`) and KDE send an `ActivationToken` first, and dunst 1.9 addresses both signals
/// to the connection that called `Notify`.
#[test]
fn a_click_addressed_to_the_sender_after_an_activation_token_is_handled() {
    let Some(desktop) = Desktop::start() else { return };
    let mut program = Program::start(&desktop.bus, "C");
    program.tell("my_work executor-shutdown");
    let shown = desktop.server.nth(0);
    for to in [Some(shown.sender.as_str()), None] {
        send(&desktop.speaker, to, "ActivationToken", shown.id, "gnome-shell/Gatelight/1234-0");
        send(&desktop.speaker, to, "ActionInvoked", shown.id, "restart");
        assert_eq!(program.hears(), "Restart(\"my_work\")", "{to:?}");
    }
}

/// A client that opens a signal stream per notification takes the first signal as its own: notify-rust 4.19 loses the click
/// if a signal for another app comes right before it.
#[test]
fn a_foreign_signal_right_before_ours_loses_no_press() {
    let Some(desktop) = Desktop::start() else { return };
    let mut program = Program::start(&desktop.bus, "C");
    program.tell("my_work executor-shutdown");
    let (shown, speaker) = (desktop.server.nth(0), &desktop.speaker);
    for round in 0..40 {
        send(speaker, None, "ActionInvoked", 9_000 + round, "restart");
        speaker.emit_signal(None::<&str>, PATH, NAME, "NotificationClosed", &(9_000 + round, 2_u32)).unwrap();
        send(speaker, None, "ActionInvoked", shown.id, "restart");
        assert_eq!(program.hears(), "Restart(\"my_work\")", "round {round}");
    }
    // each click was handled once, those of other apps never
    program.tell("quit");
    assert_eq!(program.hears(), "ended");
}

#[test]
fn a_bus_that_dies_with_the_reply_ends_nothing() {
    let Some(mut desktop) = Desktop::start() else { return };
    let mut program = Program::start(&desktop.bus, "C");
    program.tell("my_work executor-shutdown");
    // while the reply is in transit: the server has stored the notification and returns its id
    let first = desktop.server.nth(0);
    desktop.bus.kill();
    drop((desktop.host, desktop.speaker));
    assert_eq!(first.title, "✖ my_work — executor dead: a hollow shell");
    desktop.bus.again();
    let (watcher, _host) = Watcher::start(&desktop.bus);
    let server = Notifications::default();
    let speaker = Notifications::start(&desktop.bus, &server);
    let panel = Panel { connection: desktop.bus.connect(), item: watcher.item() };
    panel.has("my__work — executor dead");
    program.tell("default executor-shutdown");
    let again = server.nth(0);
    assert_eq!(again.replaces, 0, "the ids of the bus that is gone are forgotten");
    Notifications::press(&speaker, again.id, "restart");
    until("the press is heard", || program.hears().starts_with("Restart(").then_some(()));
}

/// Servers number notifications from one: after a restart the same id is another notification.
#[test]
fn a_restarted_server_that_counts_from_the_beginning_presses_nothing_of_before() {
    let Some(desktop) = Desktop::start() else { return };
    let mut program = Program::start(&desktop.bus, "C");
    let panel = desktop.panel();
    program.tell("my_work executor-shutdown");
    let before = desktop.server.nth(0);
    desktop.speaker.close().unwrap();
    let server = Notifications::default();
    let speaker = Notifications::start(&desktop.bus, &server);
    Notifications::press(&speaker, before.id, "restart");
    // handled after that click
    program.tell("my_work connected");
    let recovered = server.nth(0);
    assert_eq!((recovered.id, recovered.replaces), (before.id, 0), "counted from the beginning");
    panel.has("2 of 2 connected");
    program.tell("default executor-shutdown");
    let other = server.nth(1);
    Notifications::press(&speaker, other.id, "restart");
    assert_eq!(program.hears(), "Restart(\"default\")", "and my_work was never restarted");
}
