//! Several links, served profiles and takeovers in one process: in which order files are read, how late a copy arrives
//! and how much is read in one go changes no light.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gatelight::health::{Deadlines, Light, Platforms};
use gatelight::recording::Recording;
use proptest::prelude::*;
use proptest::sample::select;

/// One line of the serving gateway, at a time in tenths of seconds.
#[derive(Debug, Clone)]
struct Line {
    tenth: u32,
    level: &'static str,
    message: String,
}

/// What the adapters and the gateway write about two Feishu bots, a Telegram bot and a WeCom bot.
fn any_message() -> impl Strategy<Value = (&'static str, String)> {
    let connection = 1..4_u32;
    let feishu = prop_oneof![
        4 => connection.clone().prop_map(|c| ("INFO", format!("Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?device_id={c} [conn_id={c}]"))),
        3 => connection.clone().prop_map(|c| ("ERROR", format!("Lark: receive message loop exit, err: no close frame received or sent [conn_id={c}]"))),
        1 => connection.prop_map(|c| ("ERROR", format!("Lark: receive message loop exit, err: Task <x> got Future <y> attached to a different loop [conn_id={c}]"))),
        1 => Just(("ERROR", "Lark: connect failed, err: invalid app_id or app_secret, code: 10003".to_owned())),
        1 => Just(("INFO", "Lark: trying to reconnect for the 1st time".to_owned())),
    ];
    let others = select(vec![
        (
            "WARNING",
            "hermes_plugins.telegram_platform.adapter: [Telegram] Telegram network error (attempt 1/10), reconnecting in 5s. Error: x",
        ),
        (
            "INFO",
            "hermes_plugins.telegram_platform.adapter: [Telegram] Telegram polling restarted after network error (attempt 1); health pending getUpdates progress",
        ),
        ("WARNING", "hermes_plugins.wecom_platform.adapter: [Wecom] WebSocket error: WeCom websocket closed"),
        ("INFO", "hermes_plugins.wecom_platform.adapter: [Wecom] Reconnected"),
        ("INFO", "gateway.run: ✓ feishu reconnected (profile: alice)"),
        (
            "ERROR",
            "gateway.run: Fatal telegram adapter error for multiplexed profile alice (telegram_network_error)",
        ),
        ("INFO", "gateway.run: ✓ telegram reconnected (profile: alice)"),
    ]);
    prop_oneof![3 => feishu, 2 => others.prop_map(|(level, message)| (level, message.to_owned()))]
}

/// A start of everything, then lines at random times; no two have the same stamp.
fn any_life() -> impl Strategy<Value = Vec<Line>> {
    let start = [
        "gateway.run: Starting Hermes Gateway...",
        "gateway.run: Connecting to feishu...",
        "gateway.run: ✓ feishu connected",
        "gateway.run: Connecting to telegram...",
        "gateway.run: ✓ telegram connected",
        "gateway.run: Connecting to wecom...",
        "gateway.run: ✓ wecom connected",
        "gateway.run: ✓ feishu connected (profile: alice)",
        "gateway.run: Gateway running with 4 platform(s)",
    ];
    let later = (1..400_u32, any_message());
    proptest::collection::vec(later, 0..14).prop_map(move |later| {
        let mut lines: Vec<Line> = start
            .iter()
            .zip(10..)
            .map(|(message, tenth)| Line { tenth, level: "INFO", message: (*message).to_owned() })
            .collect();
        let mut tenth = 30;
        for (gap, (level, message)) in later {
            tenth += gap;
            lines.push(Line { tenth, level, message });
        }
        lines
    })
}

/// A line as it stands in a file, and when it is read there.
struct Read<'a> {
    tenth: u32,
    profile: &'a str,
    log: &'a str,
    line: &'a Line,
}

fn recording(mut reads: Vec<Read<'_>>, end: u32) -> Recording {
    reads.sort_by_key(|read| read.tenth);
    let mut text = String::from(
        r#"{"recording": 1, "start": "2026-11-27T08:00:00Z", "profile": "default", "profiles": ["default", "alice"]}
{"t": 0, "process": {"pid": 9, "state": "running", "start": 1, "started_at": "2026-11-27T08:00:00Z"}}
"#,
    );
    for Read { tenth, profile, log, line } in reads {
        let (seconds, part) = (line.tenth / 10, line.tenth % 10);
        let stamp = format!("2026-11-27 08:{:02}:{:02},{part}00", seconds / 60, seconds % 60);
        let line = format!("{stamp} {} {}", line.level, line.message);
        let event =
            serde_json::json!({"t": f64::from(tenth) / 10.0, "profile": profile, "log": log, "line": line});
        writeln!(text, "{event}").unwrap();
    }
    writeln!(text, "{{\"t\": {}, \"end\": true}}", f64::from(end) / 10.0).unwrap();
    Recording::read(text.as_bytes()).unwrap()
}

/// Light and reason of each row at the end.
fn shown(recording: &Recording) -> BTreeMap<String, (Light, &'static str)> {
    let patterns = crate::support::patterns();
    let core = recording.play_with(patterns, &Platforms::built_in(), Deadlines::default(), &mut |_| ());
    let row = |name: &str| core.verdict_of(name).map(|verdict| (verdict.light(), verdict.reason.code()));
    ["default", "alice"].into_iter().filter_map(|name| Some((name.to_owned(), row(name)?))).collect()
}

fn own(lines: &[Line]) -> Vec<Read<'_>> {
    let read = |line| Read { tenth: line_tenth(line), profile: "default", log: "agent.log", line };
    lines.iter().map(read).collect()
}

fn line_tenth(line: &Line) -> u32 {
    line.tenth
}

fn end_of(lines: &[Line], after: u32) -> u32 {
    lines.last().map_or(0, |line| line.tenth) + after
}

/// When the light is looked at, in tenths of seconds after the last line: at once, while clocks run, and when all are over.
fn looks() -> impl Strategy<Value = u32> {
    select(vec![30, 200, 1_000, 8_000])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    /// A served profile's log that mirrors the whole process (0.19) adds nothing, however late its lines are read.
    #[test]
    fn a_mirror_adds_nothing(lines in any_life(), delays in proptest::collection::vec(0..8_u32, 32), after in looks()) {
        let end = end_of(&lines, after);
        let mirrored = lines.iter().zip(delays.iter().cycle()).map(|(line, delay)| Read {
            tenth: line.tenth + delay, profile: "alice", log: "agent.log", line,
        });
        let mut both = own(&lines);
        both.extend(mirrored);
        prop_assert_eq!(shown(&recording(both, end)), shown(&recording(own(&lines), end)));
    }

    /// Copies in the other logs of the same home add nothing.
    #[test]
    fn copies_add_nothing(lines in any_life(), delays in proptest::collection::vec(0..8_u32, 32), after in looks()) {
        let end = end_of(&lines, after);
        let mut both = own(&lines);
        for (line, delay) in lines.iter().zip(delays.iter().cycle()) {
            let runner = line.message.starts_with("gateway.run") || line.message.contains("_platform");
            let logs = [("gateway.log", runner), ("errors.log", line.level != "INFO")];
            both.extend(logs.into_iter().filter(|(_, holds)| *holds).map(|(log, _)| Read {
                tenth: line.tenth + delay, profile: "default", log, line,
            }));
        }
        prop_assert_eq!(shown(&recording(both, end)), shown(&recording(own(&lines), end)));
    }

    /// What is read in one go gives the same light as what is read line by line, once the clocks are over.
    #[test]
    fn a_batch_gives_the_same_light(lines in any_life(), batch in 2..60_u32) {
        let end = end_of(&lines, 12_000);
        let late = lines.iter().map(|line| Read {
            tenth: line.tenth.next_multiple_of(batch), profile: "default", log: "agent.log", line,
        });
        let lights = |shown: BTreeMap<String, (Light, &'static str)>| {
            shown.into_iter().map(|(name, (light, _))| (name, light)).collect::<Vec<_>>()
        };
        let late = recording(late.collect(), end);
        prop_assert_eq!(lights(shown(&late)), lights(shown(&recording(own(&lines), end))));
    }
}
