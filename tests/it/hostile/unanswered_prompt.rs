//! A home whose first read blocks, as while macOS waits for the user to allow access to a folder.

use std::fs;

use serde_json::Value;

use crate::support::machine::{Gateway, Machine, Stream};
use crate::support::{make_fifo, wait_for};

/// A watch that blocks at this place (a profile, or `scan`) until the FIFO is opened.
fn watch(machine: &Machine, place: &str) -> (Stream, std::path::PathBuf) {
    let folder = machine.folder().join("blocked");
    fs::create_dir(&folder).unwrap();
    make_fifo(&folder.join(place));
    let mut command = machine.command(&["watch", "--json"]);
    command.env("GATELIGHT_TEST_BLOCK", &folder);
    (Stream::of(command), folder.join(place))
}

/// The lights and reasons of a profile, in order.
fn shown(watch: &Stream, profile: &str) -> Vec<(String, String)> {
    let lines = watch.lines().into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let word = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    lines
        .filter(|line| line["profile"] == profile)
        .map(|line| (word(&line, "light"), word(&line, "reason")))
        .collect()
}

fn shows(watch: &Stream, profile: &str, reason: &str) {
    wait_for(reason, || shown(watch, profile).last().is_some_and(|(_, last)| last == reason));
}

#[test]
fn a_slow_manager_delays_no_other_profile() {
    let machine = Machine::new();
    let other = Gateway::connected(&machine.hermes());
    let _stuck = Gateway::connected(&machine.profile("stuck"));
    let (mut watch, fifo) = watch(&machine, "stuck");
    shows(&watch, "default", "connected");
    for _ in 0..3 {
        other.loses();
        shows(&watch, "default", "reconnecting");
        other.connects();
        shows(&watch, "default", "connected");
    }
    assert!(shown(&watch, "stuck").iter().all(|(light, _)| light == "grey"), "{:?}", watch.lines());
    // the user answers
    drop(fs::OpenOptions::new().write(true).open(&fifo).unwrap());
    shows(&watch, "stuck", "connected");
    assert_eq!(watch.interrupt(), Some(0));
}

#[test]
fn without_an_answer_it_ends_at_once() {
    let machine = Machine::new();
    let _other = Gateway::connected(&machine.hermes());
    let _stuck = Gateway::connected(&machine.profile("stuck"));
    let (mut watch, _fifo) = watch(&machine, "stuck");
    shows(&watch, "default", "connected");
    assert_eq!(watch.interrupt(), Some(0));
}

/// The search for profiles touches every home. While one of them blocks it, the job files say which profiles there are.
#[test]
fn a_search_that_is_blocked_holds_up_no_profile_with_a_job() {
    let machine = Machine::new();
    let work = Gateway::connected(&machine.folder().join("work"));
    let home = format!(
        "<key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>{}</string></dict>",
        work.home.display()
    );
    machine.plist("ai.hermes.gateway-work", &["hermes", "gateway", "run"], &home);
    let _without_job = Gateway::connected(&machine.hermes());
    let (mut watch, fifo) = watch(&machine, "scan");
    shows(&watch, "work", "connected");
    work.loses();
    shows(&watch, "work", "reconnecting");
    assert_eq!(shown(&watch, "default"), []);
    // the next search must not block there as well
    let answer = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    fs::remove_file(&fifo).unwrap();
    drop(answer);
    shows(&watch, "default", "connected");
    assert_eq!(watch.interrupt(), Some(0));
}
