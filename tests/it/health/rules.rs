//! Rules that recordings do not reach: what is counted, what a former process left, the last instant of a deadline. Each of
//! these tests sees a fault that `benches/mutants/run.py` put into the core and no other test saw.

use std::collections::{BTreeMap, BTreeSet};

use gatelight::health::{Evidence, JobState, Light, ProcessState, Reason};
use jiff::SignedDuration;

use super::field_reports::{Field, heartbeat};

fn is_connected(connection: u8) -> String {
    format!("Lark: connected to wss://x?access_key=k&ticket=t [conn_id={connection}]")
}

fn is_lost(connection: u8) -> String {
    format!("Lark: receive message loop exit, err: no close frame received or sent [conn_id={connection}]")
}

#[test]
fn an_ignored_link_counts_again_when_it_is_ignored_no_longer() {
    let mut field = Field::connected();
    field.info("gateway.run: ✓ telegram connected");
    field.info("gateway.run: Gateway running with 2 platform(s)");
    field.wait(5.0).error(&is_lost(1));
    field.info("Lark: disconnected to wss://x [conn_id=1]");
    assert_eq!(field.wait(60.0).shows(), Reason::ReconnectStalled);
    let ignored = BTreeMap::from([("default".into(), BTreeSet::from(["feishu".into()]))]);
    let changes = field.core.set_ignored(ignored.clone());
    assert_eq!(changes.iter().map(|change| change.to.light()).collect::<Vec<_>>(), [Light::Green]);
    assert!(field.core.set_ignored(ignored).is_empty(), "nothing changes");
    let changes = field.core.set_ignored(BTreeMap::new());
    assert_eq!(changes.iter().map(|change| change.to.light()).collect::<Vec<_>>(), [Light::Red]);
}

#[test]
fn a_verdict_tells_how_long_the_green_light_before_it_lasted() {
    let mut field = Field::connected();
    field.wait(100.0).error(&is_lost(1));
    assert_eq!(field.verdict().held_green, Some(SignedDuration::from_secs(100)));
    field.wait(10.0).error("Lark: connect failed, err: HTTPConnectionPool: Max retries exceeded");
    assert_eq!(field.shows(), Reason::NetworkUnreachable);
    assert_eq!(field.verdict().held_green, Some(SignedDuration::from_secs(100)));
    field.wait(10.0).info(&is_connected(2));
    assert_eq!(field.verdict().held_green, None);
}

#[test]
fn a_silent_scheduler_is_told_with_its_last_heartbeat() {
    let mut field = Field::connected();
    field.core.go_live();
    field.file("gateway_state.json", r#"{"pid": 100, "start_time": 1, "gateway_state": "running"}"#);
    field.info("gateway.run: ✓ telegram connected (profile: work)");
    let beat = field.schedules_cron_jobs();
    for _ in 0..240 {
        let at = field.wait(30.0).at();
        field.apply(heartbeat(100, Some(at)));
    }
    assert_eq!(field.shows(), Reason::CronEnded);
    let proof = field.verdict().evidence.as_ref().unwrap();
    assert_eq!(proof.at, beat);
    let work = field.core.verdict_of("work").unwrap();
    assert_eq!(work.reason, Reason::Connected, "the cron jobs of its home are not this gateway's");
}

#[test]
fn a_process_that_a_cron_script_keeps_alive_is_excused_for_so_long_only() {
    let mut field = Field::connected();
    field.wait(10.0).info("gateway.run: Received SIGTERM — initiating shutdown");
    field.info("gateway.run: Gateway stopped (total teardown 0.1s)");
    field.apply(Evidence::Children(true));
    field.wait(120.0);
    assert_ne!(field.verdict().light(), Light::Red, "{:?}", field.shows());
    // nothing but the time tells that the script must have ended
    field.wait(2.0 * 3600.0);
    assert_eq!(field.verdict().light(), Light::Red, "{:?}", field.shows());
}

#[test]
fn the_state_file_of_another_process_counts_until_the_process_is_known() {
    let mut field = Field::empty();
    field.info("gateway.run: Starting Hermes Gateway...");
    field.file("gateway_state.json", r#"{"pid": 50, "start_time": 1, "gateway_state": "startup_failed"}"#);
    assert_eq!(field.shows(), Reason::ConfigError);
    field.process(100, ProcessState::Running, None);
    field.file("gateway.pid", r#"{"pid": 100, "start_time": 2}"#);
    field.info(&is_connected(1));
    assert_ne!(field.shows(), Reason::ConfigError);
}

#[test]
fn the_entries_of_another_process_count_until_the_process_is_known() {
    let mut field = Field::empty();
    field.info("gateway.run: Starting Hermes Gateway...");
    field.file(
        "gateway_state.json",
        r#"{"pid": 50, "start_time": 1, "gateway_state": "running", "platforms": {"telegram": {"state": "fatal"}}}"#,
    );
    field.wait(3.0);
    assert_eq!(field.verdict().light(), Light::Red);
    field.process(100, ProcessState::Running, None);
    field.file("gateway.pid", r#"{"pid": 100, "start_time": 2}"#);
    assert_ne!(field.verdict().light(), Light::Red, "{:?}", field.shows());
}

#[test]
fn a_process_that_is_gone_has_not_settled() {
    let mut field = Field::empty();
    for pid in 101..=106 {
        field.process(pid, ProcessState::Running, None);
        field.info(&is_connected(1));
        field.wait(9.0).process(pid, ProcessState::Gone, Some(1));
        field.wait(1.0);
    }
    assert_eq!(field.shows(), Reason::CrashLoop);
    // the last one was started 50 s after the first look
    field.wait(55.0);
    assert_eq!(field.shows(), Reason::CrashLoop, "half a window after the last start");
    let mut field = Field::empty();
    for pid in 101..=105 {
        field.process(pid, ProcessState::Running, None);
        field.wait(9.0).process(pid, ProcessState::Gone, Some(1));
        field.wait(1.0);
    }
    field.process(106, ProcessState::Running, None);
    field.info(&is_connected(1)).wait(1.0).error(&is_lost(1));
    field.info("Lark: disconnected to wss://x [conn_id=1]");
    assert_eq!(field.wait(63.0).shows(), Reason::CrashLoop, "nor has one without a link");
}

#[test]
fn an_exit_without_a_manager_that_answers_is_no_restart() {
    let mut field = Field::connected();
    field.job(JobState::Running, Some(100), None);
    field.wait(10.0).apply(Evidence::JobUnknown);
    field.process(100, ProcessState::Gone, Some(1));
    assert_eq!(field.shows(), Reason::NotRunning);
}

#[test]
fn the_silence_of_a_start_that_was_seen_counts() {
    let mut field = Field::empty();
    field.wait(120.0).process(100, ProcessState::Running, None);
    field.file("gateway.pid", r#"{"pid": 100, "start_time": 1}"#);
    field.info("gateway.run: Session storage: /home/x/.hermes/sessions");
    field.file(
        "gateway_state.json",
        r#"{"pid": 100, "start_time": 1, "gateway_state": "starting", "platforms": {"feishu": {"state": "connecting"}}}"#,
    );
    field.wait(300.0);
    assert_eq!((field.verdict().light(), field.shows()), (Light::Red, Reason::ReconnectStalled));
}

#[test]
fn an_older_entry_does_not_end_a_fatal_one() {
    let mut field = Field::started();
    let state = |state: &str, at: jiff::Timestamp| {
        format!(
            r#"{{"pid": 100, "start_time": 1, "gateway_state": "running", "platforms": {{"telegram":
                {{"state": "{state}", "updated_at": "{at}"}}}}}}"#
        )
    };
    field.wait(10.0);
    let (earlier, now) = (field.at() - SignedDuration::from_secs(5), field.at());
    field.file("gateway_state.json", &state("fatal", now));
    let shown = field.wait(3.0).shows();
    assert_eq!(field.verdict().light(), Light::Red);
    field.file("gateway_state.json", &state("connected", earlier));
    assert_eq!((field.verdict().light(), field.shows()), (Light::Red, shown));
}

#[test]
fn as_many_links_as_connections_that_were_up_at_once() {
    let mut field = Field::running();
    field.info(&is_connected(1)).info(&is_connected(2));
    field.wait(10.0).error(&is_lost(1));
    assert_eq!(field.shows(), Reason::LinksMissing);
}

#[test]
fn a_list_of_served_profiles_alone_serves_nobody() {
    let mut field = Field::connected();
    field.file(
        "gateway_state.json",
        r#"{"pid": 100, "start_time": 1, "gateway_state": "running", "served_profiles": ["default", "work"]}"#,
    );
    assert!(field.core.verdict_of("work").is_none());
    assert!(field.core.served_before("work").is_none());
    assert!(field.core.served().is_empty());
}

#[test]
fn a_proof_begins_the_count_of_conflicts_anew() {
    let conflict = "hermes_plugins.telegram_platform.adapter: [Telegram] Telegram polling conflict (1/5) — previous session still \
                    held open on Telegram's servers. Waiting 20s for it to expire.";
    let again = |with_proof: bool| {
        let mut field = Field::started();
        field.info("gateway.run: ✓ telegram connected");
        field.info("gateway.run: Gateway running with 1 platform(s)");
        for _ in 0..2 {
            field.wait(20.0).log("WARNING", conflict);
        }
        if with_proof {
            field.wait(1.0).info(
                "hermes_plugins.telegram_platform.adapter: [Telegram] Telegram polling confirmed healthy",
            );
        }
        field.wait(20.0).log("WARNING", conflict);
        field.verdict().light()
    };
    assert_eq!(again(false), Light::Red);
    assert_ne!(again(true), Light::Red);
}

#[test]
fn lines_after_the_clock_was_set_back_are_as_new_as_any() {
    let mut field = Field::started();
    field.info("gateway.run: ✓ telegram connected");
    field.info("gateway.run: Gateway running with 1 platform(s)");
    field.info(&is_connected(1));
    let adapter = "hermes_plugins.telegram_platform.adapter: [Telegram]";
    field.wait(60.0).log("WARNING", &format!("{adapter} Telegram polling conflict (1/5) — previous session"));
    assert_eq!(field.verdict().light(), Light::Amber, "{:?}", field.shows());
    // half a minute back
    field.wait(1.0).raw(
        "agent.log",
        "2026-11-22 10:00:30,000 INFO cron.scheduler_provider: In-process cron scheduler started (interval=60s)",
    );
    let healthy = format!("2026-11-22 10:00:34,000 INFO {adapter} Telegram polling confirmed healthy");
    field.wait(1.0).raw("gateway.log", &healthy);
    assert_eq!(field.verdict().light(), Light::Green, "{:?}", field.shows());
}

#[test]
fn the_newest_lines_of_a_gateway_that_is_known_by_its_log_are_those_of_its_process() {
    let mut field = Field::empty();
    field.info("gateway.run: Starting Hermes Gateway...");
    field.info("gateway.run: Connecting to feishu...");
    // by then it was another process
    let started_at = field.wait(60.0).at();
    for attempt in 1..=200 {
        field.wait(0.1).info(&format!("Lark: trying to reconnect for the {attempt}th time"));
    }
    field.wait(1.0).info(&is_connected(1));
    let state = ProcessState::Running;
    field.apply(Evidence::Process { pid: 100, start: None, started_at: Some(started_at), state, exit: None });
    assert_eq!(field.shows(), Reason::Connected);
}

#[test]
fn a_start_that_is_logged_beside_a_gateway_at_work_is_that_of_its_successor() {
    let mut field = Field::running();
    field.info(&is_connected(1));
    field
        .wait(60.0)
        .info("gateway.run: Starting Hermes Gateway...")
        .info("gateway.run: Connecting to feishu...")
        .info(&is_connected(2));
    field.wait(1.0).process(100, ProcessState::Gone, Some(0));
    field.process(101, ProcessState::Running, None);
    assert_eq!(field.shows(), Reason::Connected, "its log said so already");
}
