//! How far the past of rotated logs is read where one process has several links: an event of one link says nothing about the
//! others, which may stand in an older file.

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use gatelight::evidence::clock::Moment;
use gatelight::evidence::collector::{Collector, JobProcess};
use gatelight::evidence::process;
use gatelight::health::{Evidence, Signal};
use gatelight::profile::Profile;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const OLDER: &str = "ERROR Lark: connect failed, err: 1000040345: app_id or app_secret is invalid";

const NEWER: &str = "INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?device_id=3 [conn_id=3]";

/// The past is read so long after the lines were written. More of it is read if they are new, for crash loops.
const LATER: SignedDuration = SignedDuration::from_mins(50);

/// A log that was rotated between two lines of this process.
fn write_logs(home: &Path) {
    let logs = home.join("logs");
    fs::create_dir_all(&logs).unwrap();
    let stamp = Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S,%3f").to_string();
    for (log, line) in [("agent.log.1", OLDER), ("agent.log", NEWER)] {
        let path = logs.join(log);
        fs::write(&path, format!("{stamp} {line}\n")).unwrap();
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified((Timestamp::now() + LATER).into()).unwrap();
    }
}

/// How many link events are read of the past of this home.
fn link_events(home: &Path) -> usize {
    let logs = vec![home.join("logs/agent.log")];
    let profile = Profile { name: "work".into(), home: home.to_owned(), job: None, logs };
    let now = Moment { at: Timestamp::now() + LATER, instant: Instant::now() };
    let patterns = crate::support::patterns();
    let (_, past) = Collector::attach(&profile, &patterns, &TimeZone::UTC, now, JobProcess::None, None);
    let is_of_link = |evidence: &Evidence| matches!(evidence, Evidence::Log(record) if matches!(record.signal, Signal::Link(_)));
    past.iter().filter(|(_, evidence)| is_of_link(evidence)).count()
}

#[test]
fn the_past_of_several_links_is_read_across_rotation() {
    let me = process::look(std::process::id()).unwrap();
    let writer = json!({"pid": me.pid, "kind": "hermes-gateway", "start_time": me.start});
    let state = |served: &[&str]| {
        let entry = json!({"state": "connected", "updated_at": Timestamp::now().to_string()});
        let mut state = writer.clone();
        state["gateway_state"] = json!("running");
        state["platforms"] = json!({"feishu": entry});
        state["served_profiles"] = json!(served);
        state.to_string()
    };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join(".hermes");
    let served = root.join("profiles/work");
    write_logs(&root);
    write_logs(&served);
    fs::write(root.join("gateway.pid"), writer.to_string()).unwrap();

    fs::write(root.join("gateway_state.json"), state(&[])).unwrap();
    assert_eq!(link_events(&root), 1, "one link: its newest event is enough");
    fs::write(root.join("gateway_state.json"), state(&["default", "work"])).unwrap();
    assert_eq!(link_events(&root), 2, "the gateway's own log");
    assert_eq!(link_events(&served), 2, "the log of a served profile, which has no process");
    fs::remove_file(root.join("gateway.pid")).unwrap();
    assert_eq!(link_events(&served), 2, "the state file names the process, too");
    fs::remove_file(root.join("gateway_state.json")).unwrap();
    assert_eq!(link_events(&served), 1, "nothing serves the profile");
}
