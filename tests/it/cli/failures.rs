//! What commands say, and how they end, when an output, a folder or a file is not what they need.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use gatelight::health::{Reason, Verdict};
use gatelight::history::Store;
use gatelight::profile::Profile;
use gatelight::watcher::snapshot::ProfileView;
use jiff::Timestamp;

use crate::support::machine::{Gateway, Machine, Ran};
use crate::support::recordings;

#[test]
fn a_file_in_place_of_a_folder_is_named_with_the_way_out() {
    let machine = Machine::new();
    let _gateway = Gateway::connected(&machine.hermes());
    let [data, settings] =
        [".local/share/gatelight", ".config/gatelight"].map(|name| machine.home().join(name));
    for file in [&data, &settings] {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "mine").unwrap();
    }
    // the last one is the agent
    for (arguments, file) in [
        (&["mute", "--until", "1h"][..], &data),
        (&["report"], &data),
        (&["config", "init"], &settings),
        (&[], &data),
    ] {
        let ran = machine.run(arguments);
        let told = ran.err.contains(&format!("{} is not a folder; move it", file.display()));
        assert!(told && ran.code == Some(2), "{arguments:?}: {ran:?}");
    }
    let once = machine.run(&["man", data.to_str().unwrap()]);
    assert_eq!(once.err.matches(&*data.to_string_lossy()).count(), 1, "{once:?}");
    let history = machine.run(&["history"]);
    assert!(history.code == Some(2) && history.err.contains(&*data.to_string_lossy()), "{history:?}");
    let agent = machine.run(&[]);
    assert!(agent.err.contains("cannot be read") && agent.err.contains("the defaults are used"), "{agent:?}");
    assert!([data, settings].iter().all(|file| fs::read_to_string(file).unwrap() == "mine"));
}

#[test]
fn standard_output_that_takes_nothing_is_named_and_a_closed_one_is_no_success() {
    let machine = Machine::new();
    let _gateway = Gateway::connected(&machine.hermes());
    for (arguments, unread) in [
        (&["status"][..], 141),
        (&["status", "--json"], 141),
        (&["doctor"], 141),
        (&["logs"], 0),
        (&["history"], 0),
        (&["report", "--out", "-"], 0),
        (&["help"], 0),
        (&["--version"], 0),
        (&["help", "status"], 0),
    ] {
        let on = |out: Stdio| Ran::of(machine.command(arguments).stdout(out).output().unwrap());
        let full = on(File::create("/dev/full").unwrap().into());
        let told = full.err.contains("standard output: No space left on device");
        assert!(told && full.code == Some(2), "{arguments:?}: {full:?}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let closed = on(writer.into());
        assert_eq!((closed.code, &*closed.err), (Some(unread), ""), "{arguments:?}");
    }
}

#[test]
fn a_recording_ends_when_the_disk_is_full_and_replaces_no_file() {
    let machine = Machine::new();
    let _gateway = Gateway::connected(&machine.hermes());
    let out = machine.folder().join("new.jsonl");
    let mut full = machine.command_of("/bin/sh");
    // no file may grow, and the signal of that limit is ignored: writing fails, as on a full disk
    full.args([
        "-c",
        "trap '' XFSZ; ulimit -f 0; exec \"$0\" record --out \"$1\"",
        env!("CARGO_BIN_EXE_gatelight"),
    ]);
    let ended = Ran::of(full.arg(&out).output().unwrap());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains(&*out.to_string_lossy()) && ended.err.contains("File too large"), "{ended:?}");

    fs::write(&out, "mine").unwrap();
    let refused = machine.run(&["record", "--out", out.to_str().unwrap()]);
    assert!(
        refused.code == Some(2) && refused.err.contains("already exists and is not overwritten"),
        "{refused:?}"
    );
    assert_eq!(fs::read_to_string(&out).unwrap(), "mine");
}

#[test]
fn the_lights_of_several_profiles_are_told_apart_in_a_replay() {
    let machine = Machine::new();
    let ran = machine.run(&["replay", recordings::file("multiplex/mx_all_well").to_str().unwrap()]);
    for name in ["default", "work"] {
        assert!(ran.out.contains(&format!("green {name}: connected")), "{ran:?}");
        assert!(ran.out.contains(&format!("{name}: At the end: green")), "{ran:?}");
    }
}

#[test]
fn a_file_that_is_no_log_is_told_for_what_it_is() {
    let machine = Machine::new();
    let packed = machine.folder().join("agent.log.1.gz");
    fs::write(&packed, [0x1f, 0x8b, 8, 0, 0]).unwrap();
    let notes = machine.folder().join("notes.txt");
    fs::write(&notes, "mine\n").unwrap();
    let recording = recordings::file("a_clean");
    let report = |file: &Path| machine.run(&["report", "--from-logs", file.to_str().unwrap()]);
    for (ran, told) in [
        (report(&recording), "gatelight replay"),
        (report(&packed), "zcat"),
        (report(&notes), "neither a recording nor a Hermes log"),
        (machine.run(&["replay", packed.to_str().unwrap()]), "zcat"),
    ] {
        assert!(ran.code == Some(2) && ran.err.contains(told), "{told}: {ran:?}");
    }
}

#[test]
fn a_replay_without_any_evidence_says_so() {
    let machine = Machine::new();
    let (log, recording) = (machine.folder().join("agent.log"), machine.folder().join("r.jsonl"));
    fs::write(&log, "2026-11-22 10:00:00,000 INFO gateway.cron: tick\n").unwrap();
    fs::write(
        &recording,
        "{\"recording\": 1, \"start\": \"2026-11-22T10:00:00Z\"}\n{\"t\": 1, \"end\": true}\n",
    )
    .unwrap();
    for file in [log, recording] {
        let ran = machine.run(&["replay", file.to_str().unwrap()]);
        assert!(ran.code == Some(0) && ran.out.starts_with("No evidence: "), "{ran:?}");
        assert_eq!(machine.run(&["replay", "--json", file.to_str().unwrap()]).out, "");
    }
}

#[test]
fn the_status_of_a_profile_of_which_nothing_is_known_names_the_next_step() {
    let machine = Machine::new();
    fs::create_dir_all(machine.hermes().join("logs")).unwrap();
    fs::write(machine.hermes().join("logs/agent.log"), "2026-11-22 10:00:00,000 INFO x: y\n").unwrap();
    let ran = machine.run(&["status"]);
    assert!(ran.code == Some(3) && ran.out.contains("gatelight diagnose default\n"), "{ran:?}");
}

#[test]
fn names_in_the_settings_that_no_profile_has_are_told() {
    let machine = Machine::new();
    let _gateway = Gateway::connected(&machine.hermes());
    let settings = machine.home().join(".config/gatelight/config.toml");
    fs::create_dir_all(settings.parent().unwrap()).unwrap();
    let text = "[[profiles]]\nname = \"defautl\"\nignore = [\"slack\"]\n\n[[channel]]\nname = \"a\"\nkind = \"webhook\"\n\
                url = \"file:~/url\"\nprofiles = [\"default\", \"wrok\"]\n";
    fs::write(settings, text).unwrap();
    let ran = machine.run(&["config", "check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for name in ["defautl", "wrok"] {
        assert!(ran.err.contains(&format!("“{name}” that was not found; found: default")), "{ran:?}");
    }
    assert_eq!(ran.err.lines().count(), 2, "{ran:?}");
}

#[test]
fn a_home_that_cannot_be_searched_is_named_by_every_command_that_misses_its_profile() {
    let machine = Machine::new();
    symlink(machine.folder().join("volume"), machine.hermes()).unwrap();
    let out = machine.folder().join("out");
    for arguments in [
        &["status"][..],
        &["watch", "default"],
        &["logs"],
        &["diagnose", "default"],
        &["record", "default", "--out", out.to_str().unwrap()],
        &["restart", "default"],
        &["ack"],
        &["mute", "--off"],
    ] {
        let ran = machine.run(arguments);
        let home = format!("{}: ", machine.hermes().display());
        assert!(ran.code == Some(4) && ran.err.starts_with(&home), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_profile_without_a_history_is_told_and_those_with_one_are_named() {
    let machine = Machine::new();
    let ran = machine.run(&["history", "work"]);
    assert!(ran.code == Some(0) && ran.out.contains("There is no history yet"), "{ran:?}");

    let now = Timestamp::now();
    let mut store = Store::open(&machine.home().join(".local/share/gatelight/history.sqlite"), now).unwrap();
    for name in ["default", "home"] {
        let profile = Profile { name: name.into(), home: "/h".into(), job: None, logs: Vec::new() };
        let verdict = Verdict { reason: Reason::Connected, since: now, ..Verdict::unknown(now) };
        let view = ProfileView { profile: Arc::new(profile), verdict: Arc::new(verdict) };
        store.record_change(&view.as_change(false)).unwrap();
    }
    drop(store);
    let ran = machine.run(&["history", "work"]);
    assert!(ran.code == Some(2) && ran.err.contains("“work”; there is one of: default, home"), "{ran:?}");
}

#[test]
fn a_mute_without_an_end_names_both_ways() {
    let ran = Machine::new().run(&["mute", "work"]);
    assert!(ran.code == Some(2) && ran.err.contains("<--until <WHEN>|--off>"), "{ran:?}");
}
