//! Rules about several links and their owners that recordings do not reach, and what one process leaves to the next. Each of
//! these tests sees a fault that `benches/mutants/run.py` put into the core and no other test saw.

use gatelight::evidence::logbook::LogBook;
use gatelight::health::{Evidence, Light, LogRecord, Note, ProcessState, Reason};
use jiff::SignedDuration;

use super::field_reports::{Field, heartbeat};

const TELEGRAM: &str = "hermes_plugins.telegram_platform.adapter: [Telegram]";
const SLACK: &str = "hermes_plugins.slack_platform.adapter: [Slack]";
const DISCORD: &str = "hermes_plugins.discord_platform.adapter: [Discord]";

/// A line in the log of a profile that may be served.
fn log_of(field: &mut Field, profile: &str, level: &str, rest: &str) {
    let at = field.at();
    let line = format!("{} {level} {rest}\n", at.strftime("%Y-%m-%d %H:%M:%S,%3f"));
    let mut book = LogBook::new(crate::support::patterns());
    for event in book.read([("agent.log", line.as_bytes())], at) {
        let Evidence::Log(record) = event.into_evidence() else { continue };
        field.apply(Evidence::Log(LogRecord { home: Some(profile.into()), ..record }));
    }
}

/// A gateway that serves `work` too, each with a link of this platform. `up`: the lines that say that the links are up.
fn two_links(platform: &str, up: [&str; 2]) -> Field {
    let mut field = Field::running();
    field.apply(Evidence::Multiplex(true));
    field.info("gateway.run: Starting Hermes Gateway...");
    field.info(&format!("gateway.run: Connecting to {platform}..."));
    for (line, tag) in up.into_iter().zip(["", " (profile: work)"]) {
        field.wait(1.0).info(&format!("gateway.run: ✓ {platform} connected{tag}"));
        if !line.is_empty() {
            field.info(line);
        }
        field.wait(5.0);
    }
    field.info("gateway.run: Gateway running with 1 platform(s)");
    assert_eq!(lights(&field), [Light::Green, Light::Green]);
    field
}

fn lights(field: &Field) -> [Light; 2] {
    ["default", "work"].map(|profile| field.core.verdict_of(profile).unwrap().light())
}

/// A state file of process 100 with these entries.
fn write_state(field: &mut Field, served: &[&str], entries: &[(&str, &str)]) {
    let at = field.at();
    let entries: Vec<String> = entries
        .iter()
        .map(|(key, state)| format!(r#""{key}": {{"state": "{state}", "updated_at": "{at}"}}"#))
        .collect();
    let (entries, served) = (entries.join(", "), format!("{served:?}"));
    field.file(
        "gateway_state.json",
        &format!(
            r#"{{"pid": 100, "start_time": 1, "gateway_state": "running", "served_profiles": {served}, "platforms": {{{entries}}}}}"#
        ),
    );
}

#[test]
fn cron_jobs_are_judged_only_of_a_known_process_whose_event_loop_runs() {
    let shown = |is_known: bool, beats: bool| {
        let mut field = if is_known { Field::connected() } else { Field::empty() };
        if !is_known {
            field.info("gateway.run: Starting Hermes Gateway...");
            field.info("Lark: connected to wss://x?access_key=k&ticket=t [conn_id=1]");
        }
        field.core.go_live();
        write_state(&mut field, &[], &[]);
        field.schedules_cron_jobs();
        for _ in 0..240 {
            let at = field.wait(30.0).at();
            if beats {
                field.apply(heartbeat(100, Some(at)));
            }
        }
        field.shows()
    };
    assert_eq!(shown(true, true), Reason::CronEnded);
    assert_ne!(shown(true, false), Reason::CronEnded, "nothing tells whether its event loop runs");
    assert_ne!(shown(false, true), Reason::CronEnded, "it is known by its log alone");
}

#[test]
fn a_line_that_is_not_about_the_state_of_the_link_does_not_show_its_log_level() {
    let mut field = Field::connected();
    field
        .wait(60.0)
        .error("Lark: receive message loop exit, err: no close frame received or sent [conn_id=1]");
    field.wait(1.0).info("hermes_plugins.feishu_platform.adapter: [Feishu] Sending response (12 chars) to x");
    assert_eq!(field.wait(60.0).verdict().light(), Light::Grey, "{:?}", field.shows());
}

#[test]
fn silence_does_not_heal_a_link_whose_client_does_not_run() {
    let started = || {
        let mut field = Field::running();
        field.info("gateway.run: Starting Hermes Gateway...").info("gateway.run: Connecting to weixin...");
        field
    };
    let mut by_line = started();
    by_line.log("WARNING", "gateway.run: ✗ weixin error: weixin connect timed out after 30s");
    by_line.info("gateway.run: Gateway running with 0 platform(s)");
    let mut by_entry = started();
    by_entry.info("gateway.run: ✓ weixin connected").info("gateway.run: Gateway running with 1 platform(s)");
    by_entry.wait(10.0);
    write_state(&mut by_entry, &[], &[("weixin", "disconnected")]);
    for mut field in [by_line, by_entry] {
        assert_eq!(field.verdict().light(), Light::Amber);
        assert_eq!(field.wait(100.0).verdict().light(), Light::Red, "{:?}", field.shows());
    }
}

#[test]
fn an_entry_that_two_links_share_shows_that_one_of_them_is_down() {
    let mut field = two_links("telegram", ["", ""]);
    field.wait(60.0);
    write_state(&mut field, &["default", "work"], &[("telegram", "retrying")]);
    assert_eq!(lights(&field), [Light::Amber, Light::Amber]);
    assert_eq!(field.wait(61.0).verdict().light(), Light::Red);
}

#[test]
fn an_entry_that_two_links_share_is_no_loss_where_lines_name_connections() {
    let is_up = ["Lark: connected to wss://x [conn_id=1]", "Lark: connected to wss://x [conn_id=2]"];
    let mut field = two_links("feishu", is_up);
    field.wait(10.0);
    write_state(&mut field, &["default", "work"], &[("feishu", "retrying")]);
    field.wait(2.0);
    write_state(&mut field, &["default", "work"], &[("feishu", "connected")]);
    field.wait(60.0);
    for connection in [1, 2] {
        field.info(&format!("Lark: disconnected to wss://x [conn_id={connection}]"));
    }
    assert_eq!(field.wait(1.0).verdict().light(), Light::Amber, "both were lost just now");
}

#[test]
fn what_is_known_of_the_others_stays_when_one_of_three_profiles_leaves() {
    let mut field = Field::running();
    field.info("gateway.run: Starting Hermes Gateway...");
    field.info("gateway.run: Connecting to telegram...").info("gateway.run: ✓ telegram connected");
    let keys = [("telegram", "connected"), ("work:telegram", "connected"), ("home:telegram", "connected")];
    write_state(&mut field, &["default", "work", "home"], &keys);
    field.wait(60.0);
    let revoked = "telegram.ext: Network Retry Loop (Polling Updates): Invalid token. Aborting retry loop.";
    log_of(&mut field, "home", "ERROR", revoked);
    field.wait(10.0);
    write_state(&mut field, &["default", "home"], &[keys[0], keys[2]]);
    assert!(!field.core.served().contains("work"));
    field.wait(10.0).process(100, ProcessState::Gone, Some(1));
    field.wait(120.0);
    let told = |note: &Note| matches!(note, Note::Also(Reason::AuthRejected, ..));
    assert!(field.verdict().notes.iter().any(told), "it may have ended for that: {:?}", field.verdict());
}

#[test]
fn what_lines_say_stays_when_a_profile_leaves_whose_state_key_alone_names_it() {
    let mut field = Field::connected();
    let keys = [("feishu", "connected"), ("work:feishu", "connecting")];
    write_state(&mut field, &["default", "work"], &keys);
    field.info("gateway.run: Gateway running with 1 platform(s)");
    field.wait(60.0);
    write_state(&mut field, &["default"], &keys[..1]);
    assert_eq!((field.verdict().light(), field.shows()), (Light::Green, Reason::Connected));
}

#[test]
fn the_log_of_a_profile_that_is_not_listed_is_about_another_gateway() {
    let mut field = Field::running();
    field.apply(Evidence::Multiplex(true));
    field.info("gateway.run: Starting Hermes Gateway...").info("gateway.run: Connecting to telegram...");
    field.info("gateway.run: ✓ telegram connected").info("gateway.run: Gateway running with 1 platform(s)");
    write_state(&mut field, &["default", "work"], &[]);
    let failed = format!("{TELEGRAM} Telegram network error (attempt 1/10), reconnecting in 5s. Error: x");
    let shown = field.shows();
    log_of(&mut field, "home", "WARNING", &failed);
    assert_eq!(field.shows(), shown);
    // the same line in its own log
    field.log("WARNING", &failed);
    assert_eq!(field.shows(), Reason::Reconnecting);
}

#[test]
fn a_result_after_a_promise_is_about_the_profile_that_was_promised() {
    let is_up = [
        "slack_bolt.AsyncApp: A new session (s_1) has been established",
        "slack_bolt.AsyncApp: A new session (s_2) has been established",
    ];
    let mut field = two_links("slack", is_up);
    field
        .wait(60.0)
        .log("WARNING", &format!("{SLACK} Socket Mode unhealthy (transport disconnected); reconnecting"));
    field.wait(4.0).error("gateway.run: Fatal slack adapter error for multiplexed profile work (gone)");
    field.wait(30.0).info("gateway.run: ✓ slack reconnected (profile: work)");
    field.info("slack_bolt.AsyncApp: A new session (s_3) has been established");
    assert_eq!(field.wait(5.0).verdict().light(), Light::Amber, "its own link is not back");
    assert_eq!(field.wait(30.0).verdict().light(), Light::Red);
}

#[test]
fn a_session_that_goes_on_while_every_link_is_down_is_that_of_one_of_them() {
    let is_up = "discord.gateway: Shard ID None has connected to Gateway (Session ID: s).";
    let mut field = two_links("discord", [is_up, is_up]);
    for _ in 0..2 {
        // the probe of one link comes every 15 s
        field.wait(4.0);
        field.log("WARNING", &format!("{DISCORD} Discord Gateway WebSocket unhealthy (socket_closed, 1/2)"));
    }
    let missing = |field: &Field| field.core.verdict_of("work").unwrap().missing;
    assert_eq!(missing(&field), Some((2, 2)));
    field.wait(2.0).info("discord.gateway: Shard ID None has successfully RESUMED session s.");
    assert_eq!(missing(&field), Some((1, 2)));
}

#[test]
fn a_loss_beside_a_link_that_ended_for_good_is_that_of_another_link() {
    let mut field = two_links("telegram", ["", ""]);
    field.wait(60.0);
    field.error("telegram.ext: Network Retry Loop (Polling Updates): Invalid token. Aborting retry loop.");
    assert_eq!(lights(&field), [Light::Red, Light::Amber]);
    for attempt in 1..=5 {
        let wait = [5, 10, 20, 40, 60][attempt - 1];
        field.log(
            "WARNING",
            &format!(
                "{TELEGRAM} Telegram network error (attempt {attempt}/10), reconnecting in {wait}s. Error: x"
            ),
        );
        field.wait(f64::from(wait));
    }
    assert_eq!(lights(&field), [Light::Red, Light::Red], "2 of 2 are down");
}

#[test]
fn an_announcement_is_about_the_link_that_its_profile_lost() {
    let mut field = two_links("telegram", ["", ""]);
    let fail = |field: &mut Field, attempt: u32| {
        let line = format!(
            "{TELEGRAM} Telegram network error (attempt {attempt}/10), reconnecting in 60s. Error: x"
        );
        field.log("WARNING", &line);
    };
    field.wait(60.0);
    fail(&mut field, 1);
    field.wait(5.0);
    fail(&mut field, 2);
    // that of the other link
    field.wait(5.0);
    fail(&mut field, 1);
    for attempt in 2..=10 {
        field.wait(20.0);
        fail(&mut field, attempt);
    }
    field.wait(10.0).error(&format!(
        "{TELEGRAM} Telegram polling could not reconnect after 10 network error retries. Restarting gateway."
    ));
    field.error("gateway.run: Fatal telegram adapter error (telegram_network_error): x");
    field.info("gateway.run: telegram queued for background reconnection");
    field.wait(30.0).info("gateway.run: Reconnecting telegram (attempt 1)...");
    field.info(&format!("{TELEGRAM} Connected to Telegram (polling mode)"));
    field.info("gateway.run: ✓ telegram reconnected successfully");
    field.wait(90.0);
    assert_ne!(field.verdict().light(), Light::Green, "the other link is still down");
    field.info(&format!("{TELEGRAM} Telegram polling restarted after network error (attempt 2); health pending getUpdates progress"));
    field.wait(90.0);
    assert_eq!(lights(&field), [Light::Green, Light::Green], "{:?}", field.verdict());
}

#[test]
fn a_failed_attempt_is_not_about_the_link_of_another_account() {
    let is_up =
        |account: u8| format!("gateway.platforms.qqbot.adapter: [QQBot:{account}] Ready, session_id=x");
    let mut field = two_links("qqbot", [&is_up(1), &is_up(2)]);
    field.wait(60.0).error("gateway.run: Fatal qqbot adapter error (gone): x");
    field
        .wait(40.0)
        .log("WARNING", "gateway.platforms.qqbot.adapter: [QQBot:2] WebSocket closed: code=4000 reason=x");
    assert_ne!(lights(&field)[1], Light::Green);
    field.wait(1.0).log(
        "WARNING",
        "gateway.run: Reconnect qqbot error: qqbot connect timed out after 30s, next retry in 60s",
    );
    assert_ne!(lights(&field)[1], Light::Green, "its link was closed a second ago");
}

#[test]
fn start_records_of_other_times_begin_no_process() {
    for ago in [3 * 3600, -3600] {
        let mut field = Field::empty();
        let start = field.at() - SignedDuration::from_secs(ago);
        field.wait(10.0).apply(Evidence::Starts(vec![start]));
        assert_eq!(field.wait(1.0).shows(), Reason::NoEvidence, "a start {ago} s ago");
    }
}

#[test]
fn the_lines_of_a_profile_count_once_the_state_file_says_that_it_is_served() {
    let mut field = Field::connected();
    field.info("gateway.run: Gateway running with 2 platform(s)");
    log_of(&mut field, "work", "INFO", "Lark: connected to wss://x [conn_id=5]");
    assert!(field.core.verdict_of("work").is_none());
    let keys = [("feishu", "connected"), ("work:feishu", "connected")];
    write_state(&mut field, &["default", "work"], &keys);
    assert_eq!(lights(&field), [Light::Green, Light::Green]);
}
