//! Evidence that is read in one go.

use std::sync::Arc;

use gatelight::evidence::log_event::LogEvent;
use gatelight::evidence::logbook::Scanner;
use gatelight::health::evidence::Heartbeat;
use gatelight::health::{Deadlines, Evidence, ProcessState, Reason};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::support;

/// Gatelight was stopped (or the machine was too busy to run it) while the gateway worked on: what it wrote meanwhile is
/// read before its deadlines pass.
#[test]
fn lines_written_before_a_deadline_count_though_read_after_it() {
    let begin = Timestamp::from_second(1_800_000_000).unwrap();
    let at = |seconds: i64| begin + SignedDuration::from_secs(seconds);
    let patterns = crate::support::patterns();
    let log = |message: &str, second: i64| {
        let stamp = at(second).to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S,000").to_string();
        let line = format!("{stamp} {message}\n");
        let mut found = Vec::new();
        let scan = &mut |event: LogEvent| found.push(event.into_evidence());
        Scanner::new(Arc::clone(&patterns)).read("agent.log", line.as_bytes(), at(second), scan);
        found.pop().unwrap()
    };
    let (connected, lost) = (
        "INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?device_id=1",
        "ERROR Lark: receive message loop exit, err: no close frame received or sent",
    );
    let beat = |second: i64| {
        Evidence::Heartbeat(Heartbeat { pid: 7, updated_at: Some(at(second)), by_thread: false })
    };
    let state = ProcessState::Running;
    let runs = Evidence::Process { pid: 7, start: Some(1), started_at: Some(begin), state, exit: None };
    let mut core = support::new_core(Deadlines::default(), begin);
    for evidence in [runs, log("INFO gateway.run: Starting Hermes Gateway...", 0), log(connected, 1), beat(1)]
    {
        core.apply(at(1), vec![evidence]);
    }
    assert_eq!(core.verdict().reason, Reason::Connected);
    // the heartbeat of before is stale by far, and the link was lost and came back
    let mut late = core.clone();
    let changes = late.apply(at(3_000), vec![log(lost, 2), beat(2_990), log(connected, 2_995)]);
    assert_eq!(late.verdict().reason, Reason::Connected);
    assert!(changes.iter().all(|change| change.to.reason == Reason::Connected), "{changes:?}");
    // nothing was written: the deadline is as long over as it is
    let changes = core.apply(at(3_000), Vec::new());
    assert_eq!(core.verdict().reason, Reason::EventLoopFrozen, "{changes:?}");
    assert!(changes[0].at < at(2_000), "at its own time");
}
