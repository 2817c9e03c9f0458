//! A volume that stops answering after it was read, as a network volume whose server is gone: a FUSE file system that
//! nobody serves is mounted over a home while it is watched. Whoever touches a path on it is blocked.

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::machine::{Gateway, Machine, Stream};
use crate::support::skips::{Need, skip};

/// Runs a command in the mount namespace of this watch.
fn within(watch: &Stream, words: &[&str], stdin: Stdio) -> bool {
    let pid = watch.process.pid().to_string();
    let mut command = Command::new("nsenter");
    command.args(["-m", "-t", &pid]).args(words).stdin(stdin).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A watch with a mount namespace of its own; `None` where that is not permitted.
fn watch(machine: &Machine) -> Option<Stream> {
    let permitted = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status();
    if !permitted.is_ok_and(|status| status.success()) {
        skip(Need::MountNamespace, "not permitted here");
        return None;
    }
    let mut command = machine.command_of("unshare");
    command.args(["-m", env!("CARGO_BIN_EXE_gatelight"), "watch", "--json"]);
    Some(Stream::of(command))
}

/// Until this is dropped, nobody who touches this folder in the namespace of the watch gets an answer.
fn stop_answering(watch: &Stream, folder: &Path) -> Option<std::fs::File> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse");
    let mounted = device.as_ref().is_ok_and(|device| {
        // mount(8) passes its standard input on as the connection, which lives as long as a copy of it is open
        let options = "fd=0,rootmode=40000,user_id=0,group_id=0";
        let folder = folder.to_str().unwrap();
        let words = ["mount", "-i", "-t", "fuse", "-o", options, "none", folder];
        within(watch, &words, device.try_clone().unwrap().into())
    });
    if !mounted {
        skip(Need::Mount, "FUSE cannot be mounted");
        return None;
    }
    device.ok()
}

#[test]
fn its_row_alone_is_grey_until_it_answers() {
    let machine = Machine::new();
    let other = Gateway::connected(&machine.hermes());
    let home = machine.profile("remote");
    let remote = Gateway::connected(&home);
    let Some(mut watch) = watch(&machine) else { return };
    watch.expect("default", "green", "connected");
    watch.expect("remote", "green", "connected");
    let Some(connection) = stop_answering(&watch, &home) else { return };
    watch.expect("remote", "grey", "no-evidence");
    // the others go on
    for _ in 0..3 {
        other.loses();
        watch.expect("default", "amber", "reconnecting");
        other.connects();
        watch.expect("default", "green", "connected");
    }
    // what is written meanwhile is read when the volume is back
    remote.executor_dies();
    drop(connection);
    assert!(within(&watch, &["umount", "-l", home.to_str().unwrap()], Stdio::null()));
    watch.expect("remote", "red", "executor-shutdown");
    assert_eq!(watch.interrupt(), Some(0));
}

#[test]
fn it_keeps_nobody_from_ending() {
    let machine = Machine::new();
    let home = machine.profile("remote");
    let _remote = Gateway::connected(&home);
    let Some(mut watch) = watch(&machine) else { return };
    watch.expect("remote", "green", "connected");
    let Some(connection) = stop_answering(&watch, &home) else { return };
    watch.expect("remote", "grey", "no-evidence");
    assert_eq!(watch.interrupt(), Some(0));
    drop(connection);
}
