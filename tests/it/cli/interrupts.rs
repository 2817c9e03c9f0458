//! Ctrl-C and SIGTERM, sent as soon as a running command has printed its first line.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::executable;
use crate::support::machine::{Gateway, Machine, Process};

/// Starts the command, sends the signal after its first line, and returns its exit code.
fn interrupted_after_first_line(mut command: Command, signal: Signal) -> (Option<i32>, String) {
    let mut process = Process(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut out = BufReader::new(process.0.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    process.signal(signal);
    // keeps reading, so that the pipe does not fill
    let reader = std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(drop));
    let code = process.end();
    reader.join().unwrap();
    (code, line)
}

#[test]
fn commands_that_go_on_end_at_the_first_signal() {
    let machine = Machine::new();
    let _gateway = Gateway::connected(&machine.hermes());
    for signal in [Signal::INT, Signal::TERM] {
        let recording = machine.folder().join(format!("{signal:?}.jsonl"));
        for arguments in [
            &["watch"][..],
            &["watch", "--json"],
            &["logs", "-f"],
            &["serve", "--listen", "127.0.0.1:0"],
            &["record", "--out", recording.to_str().unwrap()],
            &["demo"],
        ] {
            let (code, line) = interrupted_after_first_line(machine.command(arguments), signal);
            assert!(code == Some(0) && !line.is_empty(), "{arguments:?}: {code:?} after {line:?}");
        }
    }
}

/// The service manager does not answer, so the first look is still in progress when the signal arrives.
#[test]
fn an_agent_without_a_desktop_ends_during_its_first_look() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut machine = Machine::new();
        let _gateway = Gateway::connected(&machine.hermes());
        let launchctl = machine.folder().join("launchctl");
        executable(&launchctl, "#!/bin/sh\nexec sleep 60\n");
        machine.set_launchctl(&launchctl);
        machine.plist("ai.hermes.gateway", &["hermes", "gateway", "run"], "");
        let mut agent = machine.command(&[]);
        agent.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        let (code, line) = interrupted_after_first_line(agent, signal);
        assert!(line.contains("No desktop"), "{line}");
        assert_eq!(code, Some(0), "{signal:?}");
    }
}
