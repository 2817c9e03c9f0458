//! A link that the user ignores in the menu, on a real D-Bus: the settings file and the light change.

use serde_json::json;

use super::agent_end_to_end::Agent;
use crate::support::bus::{Desktop, until};
use crate::support::machine::{Gateway, Machine};

#[test]
fn a_link_is_ignored_in_the_menu_and_watched_again() {
    let Some(desktop) = Desktop::start() else { return };
    let machine = Machine::new();
    let settings = machine.home().join(".config/gatelight");
    std::fs::create_dir_all(&settings).unwrap();
    let settings = settings.join("config.toml");
    let mine = "# mine\n[notices] # few\nenabled = false\n";
    std::fs::write(&settings, mine).unwrap();
    let gateway = Gateway::connected(&machine.hermes());
    gateway.log("agent.log", "INFO", "gateway.run: ✓ feishu connected");
    let refused = json!({"state": "fatal", "error_code": "slack_auth_error", "error_message": "invalid_auth",
        "writer_pid": gateway.process.pid()});
    let connected = json!({"state": "connected", "writer_pid": gateway.process.pid()});
    gateway.file("gateway_state.json", &gateway.state(json!({"feishu": connected, "slack": refused})));
    let mut command = machine.command(&[]);
    command.env("DBUS_SESSION_BUS_ADDRESS", &desktop.bus.address);
    let mut agent = Agent(command.spawn().unwrap());
    let panel = desktop.panel();

    panel.has("1 of 2 links");
    panel.has("0 of 1 connected");
    panel.choose("Ignore This Link", 0);
    panel.has("1 of 1 connected");
    panel.has("Slack — ignored");
    let written = || std::fs::read_to_string(&settings).unwrap();
    assert_eq!(written(), format!("{mine}\n[[profiles]]\nname = \"default\"\nignore = [\"slack\"]\n"));
    assert_eq!(machine.light("default").unwrap().0, "green", "a command reads the same settings");

    panel.choose("Watch This Link Again", 0);
    panel.has("0 of 1 connected");
    assert_eq!(written(), format!("{mine}\n[[profiles]]\nname = \"default\"\n"));

    std::fs::write(&settings, "no = [").unwrap();
    panel.has("Settings file not used");
    panel.choose("Ignore This Link", 0);
    until("the user is told", || {
        desktop.server.shown.lock().unwrap().iter().any(|n| n.body.contains("config.toml:1")).then_some(())
    });
    assert_eq!(written(), "no = [");
    assert!(agent.end().success());
}
