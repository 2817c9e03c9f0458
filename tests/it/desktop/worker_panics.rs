//! A worker that panics is reported and started again; the lights come back.

use std::path::Path;
use std::process::Stdio;

use super::agent_end_to_end::{Agent, LABEL, User, domain};
use crate::support::bus::{Desktop, until};

/// Makes `worker` panic at its next turn, and waits for that.
fn panic_in(worker: &str, triggers: &Path, cause_a_turn: impl Fn()) {
    let file = triggers.join(worker);
    std::fs::write(&file, "").unwrap();
    until("the worker panics", || {
        cause_a_turn();
        (!file.exists()).then_some(())
    });
}

#[test]
fn a_panic_of_a_worker_does_not_take_the_light_away() {
    let Some(desktop) = Desktop::start() else { return };
    let user = User::new("clean");
    user.load();
    let triggers = user.home.path().join("triggers");
    std::fs::create_dir(&triggers).unwrap();
    let state = user.home.path().join("state");
    let log = state.join("gatelight/gatelight.log");
    let mut command = user.gatelight(&desktop.bus.address);
    command.env("GATELIGHT_TEST_PANIC", &triggers).env("XDG_STATE_HOME", &state).stderr(Stdio::piped());
    let mut agent = Agent(command.spawn().unwrap());
    let panel = desktop.panel();
    panel.has("1 of 1 connected");

    let settings = user.home.path().join(".config/gatelight/config.toml");
    let turns = std::cell::Cell::new(0);
    // a log line wakes the watcher; a change of the settings wakes the engine and then the menu
    let cause_a_turn = || {
        let path = user.hermes().join("logs/agent.log");
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        std::io::Write::write_all(&mut file, b"2026-01-01 00:00:00,000 INFO x: y\n").unwrap();
        turns.set(turns.get() + 1);
        std::fs::write(&settings, format!("[notices]\nrecovery_hold = {}\n", 1 + turns.get() % 2)).unwrap();
    };
    let logged = |part: &str| std::fs::read_to_string(&log).unwrap_or_default().matches(part).count();
    for worker in ["watcher", "engine", "menu"] {
        panic_in(worker, &triggers, cause_a_turn);
        until("the panic is logged", || {
            (logged(&format!("worker panicked worker=\"{worker}\"")) == 1).then_some(())
        });
        panel.has("1 of 1 connected");
    }
    let told = desktop.server.nth(0);
    assert!(told.title.contains("Internal error") && told.body.contains("gatelight.log"), "{told:?}");

    // the worker that delivers notifications panics while it delivers one; the next one arrives
    std::fs::write(triggers.join("notices"), "").unwrap();
    let unload = user.launchctl.call(&["bootout", &format!("{}/{LABEL}", domain())]);
    assert!(unload.status.success(), "{unload:?}");
    until("the notice's worker panics", || (!triggers.join("notices").exists()).then_some(()));
    user.load();
    let recovered = desktop.server.nth(1);
    assert!(recovered.title.contains("work") || recovered.body.contains("work"), "{recovered:?}");

    assert!(agent.end().success(), "a panic that was survived is no failure");
    let mut stderr = String::new();
    std::io::Read::read_to_string(&mut agent.0.stderr.take().unwrap(), &mut stderr).unwrap();
    let text = std::fs::read_to_string(&log).unwrap();
    for shown in [&stderr, &text] {
        assert_eq!(shown.matches("app_secret=[redacted]").count(), 4, "{shown}");
        assert!(!shown.contains("q7q7q7"), "{shown}");
    }
    // the next diagnosis contains all of it
    let mut command = user.gatelight(&desktop.bus.address);
    let diagnosis = command.env("XDG_STATE_HOME", &state).args(["diagnose", "work"]).output().unwrap();
    assert!(String::from_utf8_lossy(&diagnosis.stdout).contains("worker panicked"), "{diagnosis:?}");
}
