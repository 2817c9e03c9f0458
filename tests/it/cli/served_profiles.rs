//! One process that serves several profiles: each has its own light, and all turn red when the process ends.

use serde_json::{Value, json};

use crate::support::machine::{Gateway, Machine, Stream};
use crate::support::wait_for;

/// A gateway of the default home that also serves `profiles/work`; all links are up.
fn serving(machine: &Machine) -> Gateway {
    std::fs::create_dir_all(machine.profile("work")).unwrap();
    std::fs::write(machine.profile("work").join("config.yaml"), "model: none\n").unwrap();
    let gateway = Gateway::connected(&machine.hermes());
    let connected = |home: &str| format!("gateway.run: ✓ feishu connected{home}");
    gateway.log("agent.log", "INFO", &connected(""));
    gateway.log("agent.log", "INFO", "Lark: connected to wss://msg-frontier.feishu.cn/ws/v2 [conn_id=2]");
    gateway.log("agent.log", "INFO", &connected(" (profile: work)"));
    let mut state = gateway.state(json!({
        "feishu": {"state": "connected", "writer_pid": gateway.process.pid()},
        "work:feishu": {"state": "connected", "writer_pid": gateway.process.pid()},
    }));
    state["served_profiles"] = json!(["default", "work"]);
    gateway.file("gateway_state.json", &state);
    gateway
}

fn is(machine: &Machine, profile: &str, light: &str, reason: &str) -> bool {
    machine.light(profile) == Some((light.to_owned(), reason.to_owned()))
}

#[test]
fn a_served_profile_has_a_light_of_its_own() {
    let machine = Machine::new();
    let mut gateway = serving(&machine);
    wait_for("both are connected", || {
        ["default", "work"].iter().all(|profile| is(&machine, profile, "green", "connected"))
    });

    let status = machine.status();
    let [own, served] = [0, 1].map(|nth| status["profiles"][nth].clone());
    assert_eq!((&own["served_by"], &served["served_by"]), (&json!(null), &json!("default")), "{status}");
    assert_eq!(served["links"][0]["platform"], "feishu", "{status}");
    assert!(machine.run(&["status", "work"]).out.contains("served by default"));

    let mut watch = machine.watch();
    let mut first = [watch.line(), watch.line()];
    first.sort_unstable();
    for (line, profile) in first.iter().zip(["default", "work"]) {
        assert!(line.contains(&format!("\"{profile}\"")) && line.contains("\"green\""), "{first:?}");
    }

    let fatal = "gateway.run: Fatal feishu adapter error for multiplexed profile work (feishu_auth_failed)";
    gateway.log("agent.log", "ERROR", fatal);
    let lost = watch.line();
    assert!(lost.contains("\"work\"") && lost.contains("\"amber\""), "{lost}");
    assert_eq!(machine.light("default").unwrap().0, "green", "the other profile's link holds");

    gateway.process.kill();
    let dead = watch.line();
    assert!(dead.contains("\"default\"") && dead.contains("\"red\""), "{dead}");
    wait_for("both are red", || {
        ["default", "work"].iter().all(|profile| is(&machine, profile, "red", "not-running"))
    });
}

#[test]
fn a_link_that_leaves_the_light_of_its_profile_has_a_line_of_its_own() {
    let machine = Machine::new();
    let gateway = Gateway::connected(&machine.hermes());
    gateway.log("agent.log", "INFO", "gateway.run: ✓ feishu connected");
    let entry = |state: &str| json!({"state": state, "writer_pid": gateway.process.pid()});
    let refused = |platform: &str| {
        let mut entry = entry("fatal");
        entry["error_code"] = json!(format!("{platform}_auth_error"));
        entry["error_message"] = json!("invalid_auth");
        entry
    };
    let (slack, wecom) = (refused("slack"), refused("wecom"));
    gateway.file(
        "gateway_state.json",
        &gateway.state(json!({"feishu": entry("connected"), "slack": slack, "wecom": entry("connected")})),
    );
    wait_for("slack is refused", || is(&machine, "default", "red", "auth-rejected"));
    let mut watch = machine.watch();
    assert!(watch.line().contains("auth-rejected"));
    gateway.file(
        "gateway_state.json",
        &gateway.state(json!({"feishu": entry("connected"), "slack": slack, "wecom": wecom})),
    );
    // `fatal` counts once it has stood
    for light in ["amber", "red"] {
        let line: serde_json::Value = serde_json::from_str(&watch.line()).unwrap();
        assert_eq!(
            (&line["light"], &line["reason"], &line["platform"]),
            (&json!("red"), &json!("auth-rejected"), &json!("slack"))
        );
        assert_eq!(
            (&line["link"]["platform"], &line["link"]["light"]),
            (&json!("wecom"), &json!(light)),
            "{line}"
        );
    }
}

#[test]
fn a_served_profile_may_have_another_name_in_the_settings() {
    let machine = Machine::new();
    let gateway = serving(&machine);
    let settings = machine.home().join(".config/gatelight");
    std::fs::create_dir_all(&settings).unwrap();
    let named = "[[profiles]]\nhome = \"~/.hermes/profiles/work\"\nname = \"office\"\n";
    std::fs::write(settings.join("config.toml"), named).unwrap();
    wait_for("it is connected under its name", || is(&machine, "office", "green", "connected"));
    assert_eq!(machine.status()["profiles"][1]["served_by"], "default");
    let mut watch = machine.watch();
    let _first = [watch.line(), watch.line()];
    let fatal = "gateway.run: Fatal feishu adapter error for multiplexed profile work (feishu_auth_failed)";
    gateway.log("agent.log", "ERROR", fatal);
    let lost = watch.line();
    assert!(lost.contains("\"office\"") && lost.contains("\"amber\""), "{lost}");
    std::fs::write(settings.join("config.toml"), format!("{named}ignore = [\"feishu\"]\n")).unwrap();
    assert_ne!(machine.light("office").unwrap().0, "amber");
}

/// The reasons that `watch` tells of a profile that leaves a shared gateway: that is stopped, and each profile gets a gateway
/// of its own. `setting_is_seen`: `config.yaml` says so.
fn told_of_a_move(setting_is_seen: bool) -> Vec<String> {
    let machine = Machine::new();
    let stop = "gateway.run: Received SIGTERM as a planned gateway stop — exiting cleanly";
    let mut before = Gateway::connected(&machine.profile("work"));
    before.log("agent.log", "INFO", stop);
    before.process.kill();
    let mut shared = serving(&machine);
    let configure = |on: bool| {
        let text = format!("gateway:\n  multiplex_profiles: {on}\n");
        std::fs::write(machine.hermes().join("config.yaml"), text).unwrap();
    };
    if setting_is_seen {
        configure(true);
    }
    wait_for("it is served", || is(&machine, "work", "green", "connected"));
    let mut watch = machine.watch();
    let _first = [watch.line(), watch.line()];
    shared.log("agent.log", "INFO", stop);
    for line in [watch.line(), watch.line()] {
        assert!(line.contains("\"stopped\""), "{line}");
    }
    shared.process.kill();
    if setting_is_seen {
        configure(false);
    }
    let told_of = |watch: &Stream, profile: &str| -> Vec<String> {
        let lines = watch.lines().into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let of_profile = lines.filter(|line| line["profile"] == profile && line["link"].is_null());
        of_profile.map(|line| line["reason"].as_str().unwrap().to_owned()).collect()
    };
    let wait_for_newest = |profile: &str, reason: &str| {
        let message = format!("{profile}: {reason}");
        wait_for(&message, || told_of(&watch, profile).last().is_some_and(|newest| newest == reason));
    };
    let alone = Gateway::start(&machine.hermes());
    alone.starts();
    wait_for_newest("default", "starting");
    alone.connects();
    alone.log("agent.log", "INFO", "gateway.run: Gateway running with 1 platform(s)");
    wait_for_newest("default", "connected");
    let _own = Gateway::connected(&machine.profile("work"));
    wait_for_newest("work", "connected");
    let mut told = told_of(&watch, "work");
    // unless all of its start was read at once
    let last = told.len() - 1;
    if told[last - 1] == "starting" {
        told.remove(last - 1);
    }
    told
}

#[test]
fn a_row_that_leaves_a_shared_gateway_does_not_blink() {
    assert_eq!(told_of_a_move(true), ["connected", "stopped", "connected"]);
    // nobody knows that the next gateway serves only itself before it has finished its start
    assert_eq!(told_of_a_move(false), ["connected", "stopped", "starting", "stopped", "connected"]);
}
