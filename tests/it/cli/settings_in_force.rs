//! Settings of single platforms and links, at the start and while the watcher runs; commands with a mistake in the settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gatelight::health::platform::TimesSetting;
use gatelight::health::{Light, Platforms, Reason};
use gatelight::profile::Places;
use gatelight::supervisor::Supervisors;
use gatelight::watcher::snapshot::ProfileView;
use gatelight::watcher::{self, Command, IgnoredLinks, Settings, Setup};
use serde_json::{Value, json};

use crate::support::machine::{Gateway, Machine};
use crate::support::wait_for;

/// A gateway whose Feishu link is up and whose Telegram link just broke.
fn half_broken(machine: &Machine) -> Gateway {
    let gateway = Gateway::connected(&machine.hermes());
    gateway.log("agent.log", "INFO", "gateway.run: ✓ telegram connected");
    gateway.log("agent.log", "INFO", "gateway.run: Gateway running with 2 platform(s)");
    let lost = "hermes_plugins.telegram_platform.adapter: [Telegram] Telegram network error (attempt 1/10), reconnecting in 5s.";
    gateway.log("agent.log", "WARNING", lost);
    gateway
}

fn write_settings(machine: &Machine, text: &str) {
    let folder = machine.home().join(".config/gatelight");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), text).unwrap();
}

fn light(status: &Value) -> &str {
    status["profiles"][0]["light"].as_str().unwrap_or_default()
}

#[test]
fn an_ignored_link_does_not_count() {
    let machine = Machine::new();
    let _gateway = half_broken(&machine);
    wait_for("the broken link is seen", || ["amber", "red"].contains(&light(&machine.status())));
    for settings in [
        "[[profiles]]\nname = \"default\"\nignore = [\"telegram\"]\n",
        "[[profiles]]\nhome = \"~/.hermes\"\nignore = [\"telegram\"]\n",
    ] {
        write_settings(&machine, settings);
        let status = machine.status();
        assert_eq!(light(&status), "green", "{status}");
        assert_eq!(status["profiles"].as_array().map(Vec::len), Some(1), "{status}");
        assert_eq!(
            status["profiles"][0]["links"].as_array().map(Vec::len),
            Some(2),
            "it is still shown: {status}"
        );
    }
    write_settings(&machine, "[[profiles]]\nname = \"work\"\nignore = [\"telegram\"]\n");
    assert_ne!(light(&machine.status()), "green", "another profile's link is ignored");
    write_settings(&machine, "[platforms.telegram]\nred_after = \"soon\"\n");
    let ran = machine.run(&["status"]);
    assert!(ran.err.contains("config.toml:2:13: "), "{ran:?}");
}

#[test]
fn settings_take_effect_while_the_watcher_runs() {
    let machine = Machine::new();
    let _gateway = half_broken(&machine);
    let patterns = crate::support::patterns();
    let settings = Settings::new(Arc::clone(&patterns));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut handle = watcher::spawn(Setup {
            places: Places::below(&machine.home()),
            given: Vec::new(),
            only: Vec::new(),
            settings: settings.clone(),
            supervisors: Supervisors::default(),
            zone: jiff::tz::TimeZone::UTC,
            observers: gatelight::watcher::Observers::new(),
            asked_restarts: Box::new(|_| Vec::new()),
        })
        .unwrap();
        let shows = async |handle: &mut watcher::Handle, what: &dyn Fn(&ProfileView) -> bool| {
            let shown = handle.snapshots.wait_for(|snapshot| snapshot.profiles.iter().any(what));
            tokio::time::timeout(Duration::from_secs(30), shown).await.unwrap().unwrap();
        };
        let reason = |reason: Reason| move |view: &ProfileView| view.verdict.reason == reason;
        shows(&mut handle, &reason(Reason::Reconnecting)).await;

        // The next lost link turns red immediately.
        let times = TimesSetting { red_after: Some(Duration::ZERO), ..TimesSetting::default() };
        let times = BTreeMap::from([("telegram".to_owned(), times)]);
        let impatient =
            Settings { platforms: Arc::new(Platforms::built_in().with_times(&times)), ..settings.clone() };
        handle.commands.send(Command::Settings(Box::new(impatient), Vec::new())).await.unwrap();
        let mut gateway = Gateway::connected(&machine.profile("later"));
        std::fs::write(machine.profile("later").join("config.yaml"), json!({}).to_string()).unwrap();
        gateway.log("agent.log", "INFO", "gateway.run: ✓ telegram connected");
        gateway.log("agent.log", "INFO", "gateway.run: Gateway running with 2 platform(s)");
        let lost =
            "hermes_plugins.telegram_platform.adapter: [Telegram] Telegram network error (attempt 1/10), x";
        gateway.log("agent.log", "WARNING", lost);
        shows(&mut handle, &|view| view.profile.name == "later" && view.verdict.light() == Light::Red).await;
        gateway.process.kill();

        let ignored = IgnoredLinks {
            home: None,
            name: Some("default".to_owned()),
            platforms: [Arc::from("telegram")].into(),
        };
        let settings = Settings { ignored: vec![ignored], ..settings };
        handle.commands.send(Command::Settings(Box::new(settings), Vec::new())).await.unwrap();
        shows(&mut handle, &|view| view.profile.name == "default" && view.verdict.light() == Light::Green)
            .await;
    });
}

/// Commands that only show something go on; those that act on gateways or run unattended stop.
#[test]
#[cfg(target_os = "linux")]
fn a_mistake_in_the_settings_stops_only_commands_that_act() {
    let machine = Machine::new();
    let _gateway = Gateway::connected(&machine.hermes());
    write_settings(&machine, "no-such-setting = 1\n");
    for arguments in [
        &["logs", "default"][..],
        &["history"],
        &["report", "--out", "-"],
        &["diagnose", "default"],
        &["doctor"],
        &["doctor", "--fix", "--dry-run"],
        &["mute", "default", "--until", "2h"],
    ] {
        let ran = machine.run(arguments);
        assert!(
            ran.err.contains("config.toml:1:1: there is no setting no-such-setting"),
            "{arguments:?}: {ran:?}"
        );
        assert!(ran.err.contains("continuing without it"), "{arguments:?}: {ran:?}");
        assert_ne!(ran.code, Some(2), "{arguments:?}: {ran:?}");
    }
    for arguments in [
        &["restart", "default"][..],
        &["doctor", "--fix", "--yes"],
        &["channels"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let ran = machine.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(
            ran.err.contains("config.toml:1:1: ") && !ran.err.contains("continuing"),
            "{arguments:?}: {ran:?}"
        );
    }
}
