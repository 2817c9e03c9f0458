//! Stop and Start in the menu, with a slow launchctl.

use serde_json::json;

use super::agent_end_to_end::{Agent, User};
use crate::support::bus::{Desktop, until};
use crate::support::launchctl::FakeLaunchctl;

#[test]
fn a_stopped_profile_is_grey_over_relaunches_until_it_is_started() {
    let Some(desktop) = Desktop::start() else { return };
    let mut user = User::new("clean");
    user.launchctl = FakeLaunchctl::new(&json!({"linger_ms": 500}));
    user.load();
    let mut agent = Agent(user.gatelight(&desktop.bus.address).spawn().unwrap());
    let panel = desktop.panel();
    panel.has("1 of 1 connected");
    panel.choose("Stop", 0);
    panel.has("stopped");
    assert!(
        user.launchctl.calls().iter().any(|call| call.contains("bootout")),
        "{:?}",
        user.launchctl.calls()
    );
    assert!(agent.end().success());

    let before = panel.item;
    let mut agent = Agent(user.gatelight(&desktop.bus.address).spawn().unwrap());
    let panel = until("the icon is back", || {
        let item = desktop.watcher.0.lock().unwrap().last().filter(|item| **item != before).cloned()?;
        Some(crate::support::bus::Panel { connection: desktop.bus.connect(), item })
    });
    panel.has("stopped");
    panel.choose("Start", 0);
    panel.has("1 of 1 connected");
    assert!(agent.end().success());

    // it was never shown as a fault
    let history = user.gatelight(&desktop.bus.address).args(["history", "--json"]).output().unwrap();
    let text = String::from_utf8(history.stdout).unwrap();
    assert!(text.contains("\"stopped\""), "{text}");
    for fault in ["not-loaded", "not-running", "crash-loop"] {
        assert!(!text.contains(fault), "{text}");
    }
}
