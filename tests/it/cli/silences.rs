//! `gatelight ack` and `gatelight mute` with real files and processes, and the version that `status` shows.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::machine::{Gateway, Machine};

fn silences(machine: &Machine) -> Value {
    let file: PathBuf = machine.home().join(".local/share/gatelight/silences.json");
    fs::read(file)
        .map_or(Value::Null, |text| serde_json::from_slice::<Value>(&text).unwrap()["profiles"].take())
}

#[test]
fn a_red_profile_is_acknowledged_and_any_profile_muted() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    let green = machine.run(&["ack"]);
    assert_eq!((green.code, silences(&machine)), (Some(1), Value::Null), "{green:?}");
    gateway.executor_dies();
    let red = machine.run(&["ack", "default"]);
    assert_eq!(red.code, Some(0), "{red:?}");
    assert_eq!(silences(&machine)["default"]["acknowledged"], json!({"reason": "executor-shutdown"}));
    let muted = machine.run(&["mute", "default", "--until", "2h"]);
    assert_eq!(muted.code, Some(0), "{muted:?}");
    assert!(silences(&machine)["default"]["mute"]["until"].is_string());
    for (arguments, left) in
        [(&["ack", "--undo"][..], 1), (&["mute", "--until", "recovery"], 1), (&["mute", "--off"], 0)]
    {
        let ran = machine.run(arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(silences(&machine).as_object().unwrap().len(), left, "{arguments:?}");
    }
    for wrong in [&["mute", "default"][..], &["mute", "default", "--until", "25:00"], &["ack", "nobody"]] {
        assert_eq!(machine.run(wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn the_version_of_hermes_is_shown_as_it_runs_or_as_it_lies_on_the_disk() {
    let machine = Machine::new();
    let package = machine.folder().join("hermes-agent/hermes_cli");
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("__init__.py"), "__version__ = \"0.19.0\"\n").unwrap();
    let written = |at: SystemTime| {
        File::options().append(true).open(package.join("__init__.py")).unwrap().set_modified(at).unwrap();
    };
    let gateway = Gateway::connected(&machine.hermes());
    let shown = || machine.status()["profiles"][0]["hermes"].clone();
    assert_eq!(shown(), Value::Null);
    let mut pid_file = gateway.me();
    pid_file["argv"] = json!([package.join("main.py"), "gateway", "run"]);
    gateway.file("gateway.pid", &pid_file);
    let hour = Duration::from_secs(3_600);
    written(SystemTime::now() - hour);
    assert_eq!(shown(), json!({"version": "0.19.0", "running": true}));
    written(SystemTime::now() + hour);
    assert_eq!(shown(), json!({"version": "0.19.0", "running": false}));
}
