//! Reports of the second round (November 2026), one test a report, as in `field_reports`. Those about job files, restarts
//! and whose PID it is are in the rooms of their own.

use gatelight::health::{Evidence, JobState, JobWord, Light, Manager, ProcessState, Reason};

use super::field_reports::Field;

const WELL: &str = "Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?access_key=k&ticket=t [conn_id=1]";

fn job(field: &mut Field, manager: Manager, state: JobState, starts: u64, last_exit: Option<i32>) {
    let word = JobWord::new(manager, "hermes-gateway".to_owned(), state);
    field.apply(Evidence::Job(JobWord { last_exit, starts: Some(starts), ..word }));
}

// --- 23: the stop was planned, and the successor dies before it logs -------------------------------------------------

#[test]
fn r112079_a_manager_that_starts_it_again_outranks_the_planned_stop() {
    let mut field = Field::connected();
    job(&mut field, Manager::Systemd, JobState::Running, 3, None);
    field.wait(10.0).info("gateway.run: Received SIGTERM as a planned gateway stop — exiting cleanly");
    field.process(100, ProcessState::Gone, Some(0));
    job(&mut field, Manager::Systemd, JobState::Waiting, 3, Some(0));
    assert_eq!(field.shows(), Reason::Stopped);
    for starts in 4..40 {
        field.wait(7.0);
        job(&mut field, Manager::Systemd, JobState::Waiting, starts, Some(1));
    }
    assert_eq!(field.verdict().light(), Light::Red, "{:?}", field.shows());
}

// --- 24: several profiles in one process -----------------------------------------------------------------------------

#[test]
fn r108683_r108928_r109417_r108289_r97120_r88047_r112765_r118097_served_profiles_are_rows_of_their_gateway() {
    let mut field = Field::connected();
    field.wait(1.0).info("gateway.run: ✓ telegram connected (profile: work)");
    field.info("gateway.run: Gateway running with 2 platform(s)");
    let work = |field: &Field| field.core.verdict_of("work").map(|verdict| (verdict.light(), verdict.reason));
    assert_eq!(work(&field), Some((Light::Green, Reason::Connected)));
    let served_by = field.core.verdict_of("work").and_then(|verdict| verdict.served_by.clone());
    assert_eq!(served_by.as_ref(), Some(field.core.profile()));
    field.wait(30.0).error(
        "gateway.run: Fatal telegram adapter error for multiplexed profile work (telegram_network_error)",
    );
    field.wait(61.0);
    assert_eq!(work(&field).map(|(light, _)| light), Some(Light::Red));
    assert_eq!(field.shows(), Reason::Connected, "the link of the serving profile is well");
}

// --- 25: one of several bots is deaf ---------------------------------------------------------------------------------

#[test]
fn r84954_r68046_r80212_one_connection_is_lost_for_good_while_another_returns() {
    let mut field = Field::connected();
    field.wait(1.0).info("gateway.run: ✓ feishu connected (profile: work)");
    field.info("Lark: connected to wss://x?access_key=k&ticket=t [conn_id=2]");
    for connection in [1, 2] {
        field.error(&format!(
            "Lark: receive message loop exit, err: no close frame received or sent [conn_id={connection}]"
        ));
    }
    field.wait(10.0).info("Lark: trying to reconnect for the 1st time");
    field.info("Lark: connected to wss://x?access_key=k&ticket=t [conn_id=3]");
    assert_eq!(field.shows(), Reason::LinksMissing);
    field.wait(3_600.0);
    assert_eq!((field.verdict().light(), field.shows()), (Light::Red, Reason::LinksMissing));
}

// --- 26: the words of the endpoint -----------------------------------------------------------------------------------

#[test]
fn r10593_a_status_of_the_endpoint_is_no_refusal() {
    let mut field = Field::started();
    field.wait(2.0).error("Lark: connect failed, err: 429: request trigger frequency limit");
    assert_eq!((field.verdict().light(), field.shows()), (Light::Red, Reason::NetworkUnreachable));
    field.wait(120.0).info(WELL);
    assert_eq!(field.shows(), Reason::Connected);
}

// --- 29: the counters of the manager ---------------------------------------------------------------------------------

#[test]
fn r64432_r92955_r8475_r56519_the_counter_of_a_manager_counts_as_starts() {
    for manager in [Manager::Launchd, Manager::Systemd] {
        let mut field = Field::empty();
        for starts in [163_000, 163_004, 163_009] {
            job(&mut field, manager, JobState::Waiting, starts, Some(1));
            field.wait(20.0);
        }
        assert_eq!(field.shows(), Reason::CrashLoop, "{manager:?}");
    }
}

// --- 30: a long drain ------------------------------------------------------------------------------------------------

#[test]
fn r105517_r109002_r77184_a_drain_of_25_minutes_is_amber() {
    let mut field = Field::connected();
    field.wait(10.0).info("gateway.run: Stopping gateway for restart...");
    for _ in 0..152 {
        let at = field.wait(10.0).at();
        field.file("gateway_state.json", &format!(
            r#"{{"pid": 100, "start_time": 1, "gateway_state": "draining", "active_agents": 1, "updated_at": "{at}"}}"#
        ));
    }
    assert_eq!((field.verdict().light(), field.shows()), (Light::Amber, Reason::Draining));
    assert!(!field.ever_red());
    field.wait(400.0);
    assert_eq!((field.verdict().light(), field.shows()), (Light::Red, Reason::Draining));
}

// --- 31: it hangs before it writes anything --------------------------------------------------------------------------

#[test]
fn r92316_a_process_that_writes_nothing_for_90_seconds() {
    let mut field = Field::empty();
    let started_at = Some(field.at());
    let process =
        Evidence::Process { pid: 100, start: Some(1), started_at, state: ProcessState::Running, exit: None };
    field.apply(process).wait(89.0);
    assert_ne!(field.verdict().light(), Light::Red);
    field.wait(2.0);
    assert_eq!((field.verdict().light(), field.shows()), (Light::Red, Reason::StartStalled));
}

// --- 32: launchd pends the respawn -----------------------------------------------------------------------------------

#[test]
fn r94540_exit_75_and_nobody_starts_it_again() {
    let mut field = Field::connected();
    job(&mut field, Manager::Launchd, JobState::Running, 1, None);
    field.wait(10.0).info("gateway.run: Stopping gateway for restart...");
    field.process(100, ProcessState::Gone, Some(75));
    job(&mut field, Manager::Launchd, JobState::Waiting, 1, Some(75));
    field.wait(59.0);
    assert_ne!(field.verdict().light(), Light::Red, "a throttle of 30 s, a start, and slack");
    field.wait(2.0);
    assert_eq!((field.verdict().light(), field.shows()), (Light::Red, Reason::NotRunning));
}
