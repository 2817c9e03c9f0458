//! Another program locks the history: nothing waits for it, and no change is lost.

use rusqlite::Connection;
use rustix::process::Signal;

use crate::support::machine::{Gateway, Machine, Stream};
use crate::support::wait_for;

/// An agent without a desktop.
fn agent(machine: &Machine) -> Stream {
    let mut command = machine.command(&[]);
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    Stream::of(command)
}

fn prints(agent: &Stream, word: &str) {
    wait_for(word, || agent.lines().iter().any(|line| line.contains(word)));
}

/// How often the history has `executor-shutdown`.
fn written(machine: &Machine) -> usize {
    machine.run(&["history", "--json"]).out.matches("executor-shutdown").count()
}

/// Another program's transaction, open until dropped.
fn locked(machine: &Machine) -> Connection {
    let path = machine.home().join(".local/share/gatelight/history.sqlite");
    wait_for("the history", || path.exists());
    let db = Connection::open(path).unwrap();
    db.execute_batch("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE").unwrap();
    db
}

#[test]
fn changes_are_written_once_it_is_free() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let mut agent = agent(&machine);
    prints(&agent, "connected");
    let lock = locked(&machine);
    gateway.executor_dies();
    // the light does not wait for the history
    prints(&agent, "executor");
    assert_eq!(written(&machine), 0);
    drop(lock);
    wait_for("the change", || written(&machine) > 0);
    assert_eq!(agent.interrupt(), Some(0));
    let path = machine.home().join(".local/share/gatelight/history.sqlite");
    let count = "SELECT count(*) FROM changes WHERE reason = 'executor-shutdown'";
    let rows: i64 = Connection::open(path).unwrap().query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1, "written once");
    let left = machine.home().join(".local/share/gatelight/history.unwritten.jsonl");
    assert!(!left.exists());
}

#[test]
fn changes_of_an_agent_that_ends_or_is_killed_are_written_by_the_next_one() {
    for signal in [Signal::TERM, Signal::KILL] {
        let machine = Machine::new();
        let gateway = Gateway::connected(&machine.hermes());
        let mut first = agent(&machine);
        prints(&first, "connected");
        wait_for("the first change is stored", || {
            machine.run(&["history", "--json"]).out.contains("connected")
        });
        let lock = locked(&machine);
        gateway.executor_dies();
        prints(&first, "executor");
        let left = machine.home().join(".local/share/gatelight/history.unwritten.jsonl");
        wait_for("the change is kept", || {
            std::fs::read_to_string(&left).is_ok_and(|text| text.contains("executor-shutdown"))
        });
        // while the lock is held
        first.process.signal(signal);
        first.process.end();
        assert_eq!(written(&machine), 0);
        drop(lock);
        let mut second = agent(&machine);
        prints(&second, "executor");
        wait_for("the change", || written(&machine) > 0 && !left.exists());
        assert_eq!(second.interrupt(), Some(0));
        let history = machine.run(&["history", "--json"]).out;
        assert!(history.contains("connected"), "{history}");
    }
}
