//! An agent that is killed repeatedly loses nothing, and leaves nothing that blocks the next one.

use std::process::Stdio;
use std::time::Duration;

use gatelight::history::store::Store;
use jiff::Timestamp;
use rustix::process::Signal;

use crate::support::machine::{Gateway, Machine, Process};
use crate::support::wait_for;

/// The number of kills, each a little later after the start than the one before.
const KILLS: u64 = 50;

#[test]
fn fifty_kills_of_the_agent_lose_nothing() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let data = machine.home().join(".local/share/gatelight");
    let agent = || {
        let mut command = machine.command(&[]);
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    };
    for n in 0..KILLS {
        let mut agent = agent();
        if n % 2 == 0 {
            gateway.loses();
        } else {
            gateway.connects();
        }
        std::thread::sleep(Duration::from_millis(n * 8));
        agent.kill();
    }
    // the last agent finds what happened, and the history is intact
    gateway.executor_dies();
    let mut last = agent();
    wait_for("the last agent writes the history", || {
        let ran = machine.run(&["history", "--json"]);
        ran.code == Some(0) && ran.out.contains("executor-shutdown")
    });
    last.signal(Signal::TERM);
    assert_eq!(last.end(), Some(0));
    let store = Store::open(&data.join("history.sqlite"), Timestamp::now()).unwrap();
    drop(store);
    let left: Vec<String> = std::fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".new") || name.starts_with(".tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(machine.light("default"), Some(("red".into(), "executor-shutdown".into())));
}
