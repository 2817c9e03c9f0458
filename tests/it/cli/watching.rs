//! An agent without a desktop: how `status` identifies it, and its watchdog reports.

use std::os::unix::net::UnixDatagram;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::machine::{Gateway, Machine, Process};
use crate::support::wait_for;

#[test]
fn an_agent_says_who_it_is_and_that_its_loop_turns() {
    let machine = Machine::new();
    let _gateway = Gateway::connected(&machine.hermes());
    assert_eq!(machine.status()["agent"], Value::Null);
    let path = machine.folder().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let mut command = machine.command(&[]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").stdout(Stdio::null());
    let mut agent = Process(command.spawn().unwrap());
    let mut message = [0; 64];
    for _ in 0..3 {
        let length = manager.recv(&mut message).unwrap();
        assert_eq!(&message[..length], b"WATCHDOG=1");
    }
    wait_for("the agent answers", || machine.status()["agent"]["pid"] == json!(agent.pid()));
    let agent_now = machine.status()["agent"].clone();
    assert_eq!(agent_now["version"], json!(env!("CARGO_PKG_VERSION")), "{agent_now}");
    let shown = machine.run(&["status"]);
    assert!(shown.out.contains(&format!("PID {}", agent.pid())), "{shown:?}");
    let diagnosis = machine.run(&["diagnose"]);
    assert!(diagnosis.out.contains("is running in the background"), "{diagnosis:?}");
    agent.signal(Signal::TERM);
    agent.end();
    assert_eq!(machine.status()["agent"], Value::Null);
    assert!(machine.run(&["status"]).out.contains("not running in the background"));
}
