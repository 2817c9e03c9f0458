//! FIFOs, devices and foreign files where ours are expected: a clear error, never a hang.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::machine::{Gateway, Machine, Process, plist};
use crate::support::make_fifo;

fn fifo(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    make_fifo(path);
}

fn gatelight(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatelight"));
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .env("GATELIGHT_SYSTEMCTL", "/nonexistent/systemctl")
        .stdin(Stdio::null());
    command
}

/// Checks that the command failed with an error that names the file. One that blocks on a FIFO does not get here.
fn refused(output: &Output, path: &Path) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(said.contains(&*path.to_string_lossy()) && said.contains("regular file"), "{said}");
}

#[test]
fn files_that_are_not_regular_are_refused_immediately() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let pipe = home.join("pipe");
    fifo(&pipe);

    let token = gatelight(home).args(["serve", "--token-file", pipe.to_str().unwrap()]).output().unwrap();
    assert_eq!(token.status.code(), Some(2), "{token:?}");
    assert!(String::from_utf8_lossy(&token.stderr).contains(pipe.to_str().unwrap()), "{token:?}");
    for zone in [pipe.clone(), PathBuf::from("/dev/zero")] {
        let output = gatelight(home).env("TZ", &zone).arg("status").output().unwrap();
        refused(&output, &zone);
        let output =
            gatelight(home).env("TZ", format!(":{}", zone.display())).arg("status").output().unwrap();
        refused(&output, &zone);
    }
    let history = home.join(".local/share/gatelight/history.sqlite");
    fifo(&history);
    for arguments in [&["history"][..], &["report"]] {
        refused(&gatelight(home).args(arguments).output().unwrap(), &history);
    }
    let settings = home.join(".config/gatelight/config.toml");
    fifo(&settings);
    refused(&gatelight(home).arg("status").output().unwrap(), &settings);
    fs::remove_file(&settings).unwrap();
    symlink("/dev/zero", &settings).unwrap();
    refused(&gatelight(home).arg("status").output().unwrap(), &settings);
}

#[test]
fn a_report_replaces_only_reports() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let old_log = home.join("agent.log");
    fs::write(&old_log, "2026-11-22 11:00:01,000 INFO gateway.run: Starting Hermes Gateway...\n").unwrap();
    let report = |out: &Path, more: &[&str]| {
        let mut command = gatelight(home);
        command.args(["report", "--from-logs", old_log.to_str().unwrap(), "--out", out.to_str().unwrap()]);
        command.args(more).output().unwrap()
    };
    let page = home.join("page.html");
    for _ in 0..2 {
        let output = report(&page, &[]);
        assert!(output.status.success(), "{output:?}");
    }
    let (notes, pipe, link) = (home.join("notes.txt"), home.join("pipe"), home.join("link"));
    fs::write(&notes, "mine").unwrap();
    let output = report(&notes, &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--force"), "{output:?}");
    assert_eq!(fs::read_to_string(&notes).unwrap(), "mine");
    fifo(&pipe);
    symlink(&notes, &link).unwrap();
    for path in [&pipe, &link, &home.to_path_buf(), &PathBuf::from("/dev/null")] {
        refused(&report(path, &[]), path);
        refused(&report(path, &["--force"]), path);
    }
    assert_eq!(fs::read_to_string(&notes).unwrap(), "mine");
    assert!(report(&notes, &["--force"]).status.success());
    assert!(fs::read_to_string(&notes).unwrap().starts_with("<!doctype html>"));
}

/// Each of Gatelight's own files is replaced by a FIFO: every command still ends.
#[test]
fn a_fifo_in_place_of_a_file_of_our_own_holds_up_nothing() {
    for name in [
        "Library/LaunchAgents/ai.hermes.gateway.plist.gatelight-under-way",
        "Library/LaunchAgents/ai.hermes.gateway.plist.gatelight-backup",
        "Library/LaunchAgents/ai.hermes.gateway.plist.gatelight-new",
        ".local/share/gatelight/restarts.json",
        ".local/share/gatelight/restarts.lock",
        ".local/share/gatelight/restarts.new",
        ".local/share/gatelight/gatelight.lock",
        ".local/share/gatelight/history.unwritten.jsonl",
        ".local/share/gatelight/stopped/ai.hermes.gateway.stopped",
        ".local/state/gatelight/gatelight.log",
        ".hermes/gateway.pid",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        fs::create_dir_all(home.join("Library/LaunchAgents")).unwrap();
        let arguments = ["/bin/sleep", "600", "hermes", "gateway", "run", "--replace"];
        let job = plist("ai.hermes.gateway", &arguments, "<key>KeepAlive</key><true/>");
        fs::write(home.join("Library/LaunchAgents/ai.hermes.gateway.plist"), job).unwrap();
        fifo(&home.join(name));
        for arguments in [
            &["status"][..],
            &["doctor"],
            &["doctor", "--fix", "--yes"],
            &["restart", "--yes", "default"],
            &["history"],
            &["diagnose", "default"],
        ] {
            let mut command = gatelight(home);
            command.env("GATELIGHT_LAUNCHCTL", "/nonexistent/launchctl").args(arguments);
            let mut child = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
            let code = child.end();
            assert!(code.is_some_and(|code| code != 101), "{name}: {arguments:?}: {code:?}");
        }
    }
}

/// A hole as a truncation leaves it whose writer goes on at its old offset: before the first look, and while it is watched.
#[test]
fn a_hole_of_64_gib_in_a_log_hides_no_light() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let grow = || {
        let log = fs::OpenOptions::new().append(true).open(gateway.log_path("agent.log")).unwrap();
        log.set_len(log.metadata().unwrap().len() + (64 << 30)).unwrap();
    };
    grow();
    assert_eq!(machine.light("default"), Some(("green".into(), "connected".into())));
    let mut watch = machine.watch();
    watch.expect("default", "green", "connected");
    grow();
    gateway.executor_dies();
    watch.expect("default", "red", "executor-shutdown");
    assert_eq!(machine.light("default"), Some(("red".into(), "executor-shutdown".into())));
}
