//! Agents without a desktop: still one per user; and a bus that accepts connections and never answers.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixListener;
use std::process::Stdio;

use crate::desktop::agent_end_to_end::{Agent, User};

#[test]
fn a_second_agent_without_a_desktop_says_so_and_ends() {
    let user = User::new("clean");
    user.load();
    let bus = "unix:path=/nonexistent/bus";
    let mut agent = Agent(user.gatelight(bus).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(agent.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.contains("connected")).expect("it watches");
    let second = user.gatelight(bus).output().unwrap();
    assert!(second.status.success(), "{second:?}");
    assert!(String::from_utf8_lossy(&second.stdout).contains("already running"), "{second:?}");
    assert!(agent.end().success());
    // the lock is free again
    let mut next = Agent(user.gatelight(bus).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(next.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.contains("connected")).expect("it watches");
    assert!(next.end().success());
}

#[test]
fn a_bus_that_never_answers_holds_up_nothing() {
    let user = User::new("clean");
    user.load();
    let socket = user.home.path().join("bus");
    let bus = UnixListener::bind(&socket).unwrap();
    // accepted, never read
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        bus.incoming().for_each(|connection| kept.push(connection));
    });
    let address = format!("unix:path={}", socket.display());
    let mut agent = Agent(user.gatelight(&address).stderr(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(agent.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.contains("connected")).expect("the lights are shown");
    assert!(agent.end().success(), "SIGTERM ends it");
    let history = user.gatelight(&address).args(["history", "--json"]).output().unwrap();
    assert!(String::from_utf8_lossy(&history.stdout).contains("work"), "{history:?}");
}
