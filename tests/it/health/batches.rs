//! Evidence that is read in one go.

use gatelight::health::{Core, Deadlines, Evidence, ProcessState, Proof, Reason, Signal};
use jiff::{SignedDuration, Timestamp};

/// Gatelight was stopped (or the machine was too busy to run it) while the gateway worked on: what it wrote meanwhile is
/// read before its deadlines pass.
#[test]
fn what_was_written_before_a_deadline_is_not_judged_after_it() {
    let begin = Timestamp::from_second(1_800_000_000).unwrap();
    let at = |seconds: i64| begin + SignedDuration::from_secs(seconds);
    let log = |signal, second: i64| {
        let proof = Proof::new("agent.log", "line", at(second));
        Evidence::Log { signal, other_pid: None, stamp: None, proof }
    };
    let beat = |second: i64| Evidence::Heartbeat { pid: 7, updated_at: Some(at(second)) };
    let state = ProcessState::Running;
    let runs = Evidence::Process { pid: 7, start: Some(1), started_at: Some(begin), state, exit: None };
    let mut core = Core::new(Deadlines::default(), begin);
    for evidence in [runs, log(Signal::Start, 0), log(Signal::Connected, 1), beat(1)] {
        core.apply(at(1), vec![evidence]);
    }
    assert_eq!(core.verdict().reason, Reason::Connected);
    // the heartbeat of before is stale by far, and the link was lost and came back
    let mut late = core.clone();
    let changes =
        late.apply(at(3_000), vec![log(Signal::Lost, 2), beat(2_990), log(Signal::Connected, 2_995)]);
    assert_eq!(late.verdict().reason, Reason::Connected);
    assert!(changes.iter().all(|change| change.to.reason == Reason::Connected), "{changes:?}");
    // nothing was written: the deadline is as long over as it is
    let changes = core.apply(at(3_000), Vec::new());
    assert_eq!(core.verdict().reason, Reason::EventLoopFrozen, "{changes:?}");
    assert!(changes[0].at < at(2_000), "at its own time");
}
