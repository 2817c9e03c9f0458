//! What users of Hermes reported, one test a report. `rNNN`: issue NNN of NousResearch/hermes-agent; the quoted lines are
//! the reporters'. Each plays lines and facts through the same parser and core as the real thing, on a virtual clock.

use gatelight::evidence::logbook::LogBook;
use gatelight::evidence::state_files;
use gatelight::health::evidence::Heartbeat;
use gatelight::health::{
    Change, Core, CronFact, Deadlines, Evidence, JobState, JobWord, Light, Manager, Note, Platforms,
    ProcessState, Reason, RestartHelps, Verdict,
};
use gatelight::text::proof::stable;
use jiff::{SignedDuration, Timestamp};

pub(super) fn heartbeat(pid: u32, updated_at: Option<Timestamp>) -> Evidence {
    Evidence::Heartbeat(Heartbeat { pid, updated_at, by_thread: false })
}

/// One profile on a virtual clock that begins at 10:00:00.
pub(super) struct Field {
    start: Timestamp,
    now: f64,
    pub(super) core: Core,
    book: LogBook,
    changes: Vec<Change>,
}

impl Field {
    /// Nothing is known.
    pub(super) fn empty() -> Self {
        let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        Self {
            start,
            now: 0.0,
            core: crate::support::new_core(Deadlines::default(), start),
            book: LogBook::new(crate::support::patterns()),
            changes: Vec::new(),
        }
    }

    /// Process 100 runs, and its pid file names it.
    pub(super) fn running() -> Self {
        let mut field = Self::empty();
        field.process(100, ProcessState::Running, None);
        field.file("gateway.pid", r#"{"pid": 100, "start_time": 1}"#);
        field
    }

    /// As after `running`, with the first lines of a start.
    pub(super) fn started() -> Self {
        let mut field = Self::running();
        field.info("gateway.run: Starting Hermes Gateway...");
        field.info("gateway.run: Connecting to feishu...");
        field
    }

    /// As after `started`, with the link proven.
    pub(super) fn connected() -> Self {
        let mut field = Self::started();
        field.wait(2.0);
        field.info("Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?access_key=k&ticket=t [conn_id=1]");
        assert_eq!(field.shows(), Reason::Connected);
        field
    }

    pub(super) fn at(&self) -> Timestamp {
        self.start + SignedDuration::from_millis((self.now * 1000.0) as i64)
    }

    pub(super) fn wait(&mut self, seconds: f64) -> &mut Self {
        self.now += seconds;
        let at = self.at();
        self.changes.extend(self.core.tick(at));
        self
    }

    pub(super) fn apply(&mut self, evidence: Evidence) -> &mut Self {
        let at = self.at();
        self.changes.extend(self.core.step(at, evidence));
        self
    }

    /// A line exactly as it stands in the file.
    pub(super) fn raw(&mut self, file: &str, line: &str) -> &mut Self {
        let at = self.at();
        let block = format!("{line}\n");
        let events = self.book.read([(file, block.as_bytes())], at);
        for event in events {
            self.apply(event.into_evidence());
        }
        self
    }

    pub(super) fn log(&mut self, level: &str, rest: &str) -> &mut Self {
        let stamp = self.at().strftime("%Y-%m-%d %H:%M:%S,%3f").to_string();
        self.raw("agent.log", &format!("{stamp} {level} {rest}"))
    }

    pub(super) fn info(&mut self, rest: &str) -> &mut Self {
        self.log("INFO", rest)
    }

    pub(super) fn error(&mut self, rest: &str) -> &mut Self {
        self.log("ERROR", rest)
    }

    pub(super) fn process(&mut self, pid: u32, state: ProcessState, exit: Option<i32>) -> &mut Self {
        self.apply(Evidence::Process { pid, start: None, started_at: None, state, exit })
    }

    pub(super) fn file(&mut self, file: &str, json: &str) -> &mut Self {
        let json = serde_json::from_str(json).unwrap();
        let patterns = crate::support::patterns();
        self.apply(state_files::evidence(file, Some(&json), &patterns).unwrap())
    }

    pub(super) fn job(&mut self, state: JobState, pid: Option<u32>, last_exit: Option<i32>) -> &mut Self {
        let label = "ai.hermes.gateway".to_owned();
        let manager = Manager::Launchd;
        self.apply(Evidence::Job(JobWord { pid, last_exit, ..JobWord::new(manager, label, state) }))
    }

    /// It has cron jobs, and its own scheduler runs. Returns the time of the scheduler's heartbeat.
    pub(super) fn schedules_cron_jobs(&mut self) -> Timestamp {
        self.info("cron.scheduler_provider: In-process cron scheduler started (interval=60s)");
        let beat = self.at();
        for fact in [CronFact::BuiltIn(Some(true)), CronFact::Jobs(Some(true)), CronFact::Beat(Some(beat))] {
            self.apply(Evidence::Cron(fact));
        }
        beat
    }

    pub(super) fn verdict(&self) -> &Verdict {
        self.core.verdict()
    }

    pub(super) fn shows(&self) -> Reason {
        self.verdict().reason
    }

    pub(super) fn ever_red(&self) -> bool {
        self.changes.iter().any(|change| change.to.light() == Light::Red)
    }
}

// --- 1: the WebSocket is dead, the process alive ----------------------------------------------------------------------

#[test]
fn r23491_keepalive_ping_timeout_and_nothing_follows() {
    let mut field = Field::connected();
    field.file(
        "gateway_state.json",
        r#"{"pid": 100, "start_time": 1, "gateway_state": "running", "platforms": {"feishu": {"state": "connected"}}}"#,
    );
    field.wait(60.0).raw(
        "gateway.log",
        "[Lark] [2026-11-22 10:01:02,000] [ERROR] receive message loop exit, err: sent 1011 (internal error) keepalive \
         ping timeout; no close frame received",
    );
    field.info("Lark: disconnected to wss://x [conn_id=1]");
    assert_eq!(field.shows(), Reason::Reconnecting);
    assert_eq!(field.wait(44.9).shows(), Reason::Reconnecting);
    assert_eq!(field.wait(0.2).shows(), Reason::ReconnectStalled);
    assert_eq!(field.verdict().reason.restart(), Some(RestartHelps::Yes));
}

#[test]
fn r10616_the_log_ends_at_the_first_attempt() {
    let mut field = Field::connected();
    field
        .wait(10.0)
        .error("Lark: receive message loop exit, err: no close frame received or sent [conn_id=1]");
    field.wait(20.0).info("Lark: trying to reconnect for the 1st time");
    assert_eq!(field.wait(29.0).shows(), Reason::Reconnecting);
    assert_eq!(field.wait(2.0).shows(), Reason::ReconnectStalled);
    assert!(field.verdict().evidence.as_ref().unwrap().line.quote().contains("for the 1st time"));
    // Hours later it is still red: silence is the symptom.
    assert_eq!(field.wait(5.0 * 3600.0).shows(), Reason::ReconnectStalled);
}

#[test]
fn r53477_r46561_r64712_the_sdk_gives_up_after_ten_attempts() {
    let mut field = Field::connected();
    field.wait(10.0).error("Lark: receive message loop exit, err: no close frame received or sent");
    for attempt in 1..=10 {
        field.wait(100.0).info(&format!("Lark: trying to reconnect for the {attempt}th time"));
        field.wait(1.0).error("Lark: connect failed, err: HTTPConnectionPool(host='open.feishu.cn', port=443): Max retries exceeded");
        assert_eq!(field.shows(), Reason::NetworkUnreachable, "attempt {attempt}");
    }
    // The SDK says nothing any more, though the network may be back: only a new process helps now.
    assert_eq!(field.wait(301.0).shows(), Reason::ReconnectStalled);
}

#[test]
fn r113662_one_bot_of_several_recovers() {
    let (mut lucky, mut other) = (Field::connected(), Field::connected());
    for field in [&mut lucky, &mut other] {
        field
            .wait(5.0)
            .error("Lark: receive message loop exit, err: sent 1011 (internal error) keepalive ping timeout");
        field.info("Lark: disconnected to wss://x [conn_id=1]");
    }
    lucky.wait(12.0).info("Lark: connected to wss://x [conn_id=2]");
    assert_eq!(lucky.wait(60.0).shows(), Reason::Connected);
    assert_eq!(other.wait(72.0).shows(), Reason::ReconnectStalled);
}

#[test]
fn a_loss_logged_only_as_an_error_hides_the_recovery_too() {
    // The SDK writes «disconnected to» right after the error. Where it is missing, its INFO records are hidden.
    let mut field = Field::connected();
    field.error("Lark: receive message loop exit, err: no close frame received or sent [conn_id=1]");
    assert_eq!(field.wait(44.0).shows(), Reason::Reconnecting);
    assert_eq!(field.wait(60.0).shows(), Reason::NoEvidence, "neither green nor red can be shown");
    field.info("hermes_plugins.feishu_platform.adapter: [Feishu] Inbound dm message received: id=1 text='hi' media=0");
    assert_eq!(field.shows(), Reason::Connected);
}

// --- 2: another event loop --------------------------------------------------------------------------------------------

#[test]
fn r73779_r91310_attached_to_a_different_loop() {
    let mut field = Field::started();
    field.error(
        "Lark: connect failed, err: Task <Task pending name='Task-9'> got Future <Future pending> attached to a \
         different loop",
    );
    assert_eq!(field.shows(), Reason::WrongEventLoop);
    assert_eq!(field.wait(3600.0).shows(), Reason::WrongEventLoop);
    field.info("Lark: connected to wss://x [conn_id=1]");
    assert_eq!(field.shows(), Reason::Connected, "down until the link is proven");
}

#[test]
fn r31367_eight_deaf_bots_traceback_form() {
    let mut field = Field::started();
    field.error("gateway.run: [Feishu] start failed");
    for line in [
        "Traceback (most recent call last):",
        "  File \"/x/lark_oapi/ws/client.py\", line 113, in start",
        "RuntimeError: Task <Task pending> got Future <Future pending> attached to a different loop",
    ] {
        field.raw("agent.log", line);
    }
    assert_eq!(field.shows(), Reason::WrongEventLoop);
}

#[test]
fn a_different_loop_elsewhere_is_not_feishus() {
    let mut field = Field::connected();
    field.error("tools.mcp: call failed: got Future <Future pending> attached to a different loop");
    assert_eq!(field.shows(), Reason::Connected);
}

// --- 3: cannot send ---------------------------------------------------------------------------------------------------

#[test]
fn r10849_executor_shutdown_while_sending() {
    let mut field = Field::connected();
    field.wait(60.0).log(
        "WARNING",
        "gateway.platforms.feishu: [Feishu] Send attempt 1/3 failed for chat oc_1: Executor shutdown has been called",
    );
    assert_eq!(field.shows(), Reason::ExecutorShutdown);
    // The link reconnects; the executor does not.
    field.wait(30.0).info("Lark: connected to wss://x [conn_id=2]");
    assert_eq!(field.shows(), Reason::ExecutorShutdown);
    // Only a new process clears it; that the process is gone explains more.
    field.process(100, ProcessState::Gone, Some(1));
    assert_eq!(field.shows(), Reason::NotRunning);
    let notes = &field.verdict().notes;
    assert!(
        notes.iter().any(|note| matches!(note, Note::Also(Reason::ExecutorShutdown, _, Some(_)))),
        "{notes:?}"
    );
    field.process(101, ProcessState::Running, None);
    assert_eq!(field.shows(), Reason::Starting);
}

#[test]
fn r18740_the_error_is_the_last_line_of_a_traceback() {
    for wording in [
        "RuntimeError: Executor shutdown has been called",
        "RuntimeError: cannot schedule new futures after shutdown",
        "RuntimeError: cannot schedule new futures after interpreter shutdown",
    ] {
        let mut field = Field::connected();
        field.error("asyncio: Task exception was never retrieved");
        field.raw("agent.log", "Traceback (most recent call last):");
        field.raw("agent.log", "    raise RuntimeError('Executor shutdown has been called')");
        assert_eq!(field.shows(), Reason::Connected, "the source line of a traceback says nothing");
        field.raw("agent.log", wording);
        assert_eq!(field.shows(), Reason::ExecutorShutdown, "{wording}");
    }
}

#[test]
fn r53565_the_errors_of_a_known_shutdown_are_noise() {
    for first in [
        "gateway.run: Received SIGTERM as a planned gateway stop — exiting cleanly",
        "gateway.run: Received SIGTERM — initiating shutdown",
        "gateway.run: Stopping gateway for restart...",
    ] {
        let mut field = Field::connected();
        field.wait(5.0).info(first);
        field.log(
            "WARNING",
            "gateway.run: kanban notifier tick failed: cannot schedule new futures after shutdown",
        );
        field.error("Lark: receive message loop exit, err: sent 1000 (OK); then received 1000 (OK)");
        assert_ne!(field.verdict().light(), Light::Red, "{first}");
        assert_ne!(field.verdict().light(), Light::Green, "{first}");
    }
}

// --- 4: a lost link that is none --------------------------------------------------------------------------------------

#[test]
fn r31367_r91203_a_benign_bye_is_no_incident() {
    let mut field = Field::connected();
    field
        .wait(1800.0)
        .error("Lark: receive message loop exit, err: received 1000 (OK) bye; then sent 1000 (OK) bye");
    field.error("asyncio: Task exception was never retrieved");
    field.raw("agent.log", "websockets.exceptions.ConnectionClosedOK: received 1000 (OK) bye");
    field.wait(29.0).info("Lark: trying to reconnect for the 1st time");
    field.wait(1.0).info("Lark: connected to wss://x [conn_id=2]");
    assert_eq!(field.wait(60.0).shows(), Reason::Connected);
    assert!(!field.ever_red());
}

// --- 5: --replace -----------------------------------------------------------------------------------------------------

#[test]
fn r92276_a_sigterm_every_five_minutes() {
    let mut field = Field::connected();
    for round in 0..3_u32 {
        field
            .wait(280.0)
            .info("gateway.run: Received SIGTERM as a planned --replace takeover — exiting cleanly");
        if round < 2 {
            assert_eq!(field.shows(), Reason::Restarting, "round {round}");
        }
        field.process(100 + round, ProcessState::Gone, Some(0));
        field.process(101 + round, ProcessState::Running, None);
        field.wait(10.0).info("Lark: connected to wss://x");
    }
    assert_eq!(field.shows(), Reason::ReplaceLoop, "connected or not: the next one is on its way");
    assert_eq!(field.verdict().reason.restart(), Some(RestartHelps::NoRepair));
    assert_eq!(field.wait(601.0).shows(), Reason::Connected, "it ended by itself");
}

#[test]
fn r21549_r79048_r79096_r96366_r89315_r43296_r10202_r18693_studio_1597_six_starts_in_two_minutes() {
    let mut field = Field::empty();
    for pid in 1..=6 {
        field.process(pid, ProcessState::Running, None);
        if pid < 6 {
            field.wait(8.0).process(pid, ProcessState::Gone, Some(-15));
        }
    }
    assert_eq!(field.shows(), Reason::CrashLoop);
    assert_eq!(field.verdict().reason.restart(), Some(RestartHelps::No));
}

#[test]
fn r30155_siblings_kill_each_other_by_the_start_records() {
    let mut field = Field::connected();
    let starts =
        (0..25).map(|i| field.start - SignedDuration::from_secs(100) + SignedDuration::from_secs(i * 4));
    let starts = starts.collect();
    field.apply(Evidence::Starts(starts));
    assert_eq!(field.shows(), Reason::CrashLoop);
}

// --- 6: a second instance ---------------------------------------------------------------------------------------------

#[test]
fn r88304_r86893_r82538_a_refused_second_instance_leaves_the_first_alone() {
    for line in [
        "ERROR gateway.run: Another gateway instance is already running (PID 100). Use --replace.",
        "ERROR gateway.run: Gateway runtime lock is already held by another instance. Exiting.",
    ] {
        let mut field = Field::connected();
        field.process(200, ProcessState::Running, None);
        let stamp = "2026-11-22 10:00:02,500";
        field.raw("agent.log", &format!("{stamp} {line}")).process(200, ProcessState::Gone, Some(1));
        assert_eq!(field.shows(), Reason::Connected, "{line}");
        assert_eq!(field.verdict().pid, Some(100));
        assert!(field.verdict().notes.iter().any(|note| matches!(note, Note::SecondInstance(_))), "{line}");
    }
    let mut field = Field::connected();
    field.raw("gateway.log", "✗ A gateway is already running under launchd for this profile.");
    assert_eq!(field.shows(), Reason::Connected);
}

#[test]
fn r88304_a_respawn_loop_is_reported_with_the_other_pid() {
    let mut field = Field::connected();
    for pid in 200..206 {
        field.wait(5.0).process(pid, ProcessState::Running, None);
        field.error("gateway.run: Another gateway instance is already running (PID 100)");
        field.process(pid, ProcessState::Gone, Some(1));
    }
    assert_eq!(field.shows(), Reason::CrashLoop);
    assert_eq!(field.verdict().other_pid, Some(100));
}

// --- 7: one Feishu app, two gateways ----------------------------------------------------------------------------------

#[test]
fn r7061_r71645_mateclaw_86_the_app_is_in_use() {
    let mut field = Field::started();
    field.error(
        "gateway.run: Another local Hermes gateway is already using this Feishu app_id (PID 4711). Stop the other \
         gateway before starting a second Feishu websocket client.",
    );
    assert_eq!(field.shows(), Reason::AppInUse);
    assert_eq!(field.verdict().other_pid, Some(4711));
}

#[test]
fn r7061_the_state_file_says_feishu_app_lock() {
    let mut field = Field::started();
    field.file(
        "gateway_state.json",
        r#"{"pid": 100, "start_time": 1, "gateway_state": "running", "platforms": {"feishu": {"state": "fatal",
            "error_code": "feishu_app_lock", "error_message": "already using this Feishu app_id (PID 4711)"}}}"#,
    );
    assert_eq!(field.shows(), Reason::AppInUse);
    assert_eq!(field.verdict().other_pid, Some(4711));
    // Tried again or not: the other one holds it.
    field.file(
        "gateway_state.json",
        r#"{"pid": 100, "start_time": 1, "gateway_state": "running", "platforms": {"feishu": {"state": "retrying",
            "error_code": "feishu_app_lock", "error_message": "already using this Feishu app_id (PID 4711)"}}}"#,
    );
    assert_eq!(field.wait(100.0).shows(), Reason::AppInUse);
}

#[test]
fn r76793_too_many_connections() {
    let mut field = Field::started();
    field.error("Lark: connect failed, err: 1000040350: the number of connections exceeded the limit");
    assert_eq!(field.shows(), Reason::ConnectionLimit);
    assert_eq!(field.verdict().reason.restart(), Some(RestartHelps::No));
}

// --- 8 to 12: the job -------------------------------------------------------------------------------------------------

#[test]
fn r73368_r73370_r44683_r42524_r55441_r88848_r28632_r26198_r42006_r4403_registered_without_a_process() {
    let mut field = Field::connected();
    field.process(100, ProcessState::Gone, None).job(JobState::Waiting, None, Some(0));
    assert_eq!(field.shows(), Reason::Restarting);
    assert_eq!(field.wait(46.0).shows(), Reason::NotRunning);
    assert_eq!(field.wait(24.0 * 86_400.0).shows(), Reason::NotRunning, "24 days");
    // Nothing was ever seen of a process: then the manager's word has to do.
    let mut field = Field::empty();
    field.job(JobState::Waiting, None, Some(0));
    assert_eq!(field.wait(44.0).shows(), Reason::Restarting);
    assert_eq!(field.wait(2.0).shows(), Reason::NotRunning);
    // A process that comes at last is new.
    field.job(JobState::Running, Some(100), Some(0)).process(100, ProcessState::Running, None);
    assert_eq!(field.shows(), Reason::Starting);
}

#[test]
fn r43842_an_update_from_inside_unloads_the_job() {
    let mut field = Field::connected();
    field.process(100, ProcessState::Gone, None).job(JobState::NotLoaded, None, None);
    assert_eq!(field.shows(), Reason::NotLoaded);
    assert_eq!(field.verdict().reason.restart(), Some(RestartHelps::Yes));
}

#[test]
fn r89116_r64778_detached_and_unsupervised() {
    let mut field = Field::connected();
    field.apply(Evidence::Detached(true));
    assert_eq!((field.shows(), field.verdict().light()), (Reason::Unsupervised, Light::Amber));
    assert_eq!(field.verdict().evidence.as_ref().unwrap().source.as_str(), ".gateway-launchd-unsupported");
    let mut field = Field::connected();
    field.job(JobState::NotLoaded, None, None);
    assert_eq!(field.shows(), Reason::Unsupervised);
    assert_eq!(stable(field.verdict().evidence.as_ref().unwrap()), "ai.hermes.gateway: not loaded");
    let mut accepted = Field::connected();
    let deadlines = Deadlines { accept_unsupervised: true, ..Deadlines::default() };
    accepted.core.set_rules(&Platforms::built_in(), deadlines);
    accepted.apply(Evidence::Detached(true));
    assert_eq!(accepted.shows(), Reason::Connected);
}

#[test]
fn r62128_r53861_r37388_r28135_a_pended_respawn_stays_down() {
    let mut field = Field::connected();
    field.wait(5.0).info("gateway.run: Stopping gateway for restart...");
    field.wait(3.0).process(100, ProcessState::Gone, Some(75)).job(JobState::Waiting, None, Some(75));
    assert_eq!(field.shows(), Reason::Restarting);
    // launchd's throttle of 30 s, a start of 5 s, and slack
    assert_eq!(field.wait(59.0).shows(), Reason::Restarting);
    assert_eq!(field.wait(2.0).shows(), Reason::NotRunning);
}

#[test]
fn the_systems_error_for_an_unexecutable_job_is_the_proof() {
    let word = |spawn_failed, reason: Option<&str>| JobWord {
        exit_reason: reason.map(str::to_owned),
        spawn_failed,
        comes_back: Some(true),
        ..JobWord::new(Manager::Launchd, "ai.hermes.gateway".to_owned(), JobState::Waiting)
    };
    for started in [false, true] {
        for (spawn_failed, reason, after, proof) in [
            (true, None, 0.0, "ai.hermes.gateway: not running, spawn failed"),
            (
                true,
                Some("OS_REASON_CODESIGNING"),
                0.0,
                "ai.hermes.gateway: not running, spawn failed, last exit reason = OS_REASON_CODESIGNING",
            ),
            // it was executed: the manager may start it again
            (
                false,
                Some("OS_REASON_JETSAM"),
                600.0,
                "ai.hermes.gateway: not running, last exit reason = OS_REASON_JETSAM",
            ),
        ] {
            let mut field = if started { Field::connected() } else { Field::empty() };
            if started {
                field.wait(100.0).process(100, ProcessState::Gone, None);
            }
            field.apply(Evidence::Job(word(spawn_failed, reason)));
            if after > 0.0 {
                assert_eq!(field.shows(), Reason::Restarting, "{proof}");
            }
            assert_eq!(field.wait(after).shows(), Reason::NotRunning, "{proof}");
            assert_eq!(stable(field.verdict().evidence.as_ref().unwrap()), proof);
        }
    }
}

#[test]
fn r78129_r107618_r88267_r44612_exit_78_is_a_configuration_error() {
    let mut field = Field::empty();
    field.process(100, ProcessState::Running, None);
    field.process(100, ProcessState::Gone, Some(78));
    assert_eq!(field.shows(), Reason::ConfigError);
    assert_eq!(field.verdict().reason.restart(), Some(RestartHelps::No));
    // The status may come from the manager alone.
    let mut field = Field::connected();
    field.process(100, ProcessState::Gone, None).job(JobState::Waiting, None, Some(78));
    assert_eq!(field.shows(), Reason::ConfigError);
}

#[test]
fn r91366_767_restarts_a_day() {
    let mut field = Field::connected();
    field.log(
        "WARNING",
        "hermes_cli.gateway: Gateway (re)started 6 times in 120s — backing off 10s to break a respawn storm.",
    );
    assert_eq!(field.shows(), Reason::CrashLoop);
}

// --- 13: frozen -------------------------------------------------------------------------------------------------------

#[test]
fn r66892_r66897_r106359_r99563_a_frozen_event_loop() {
    let mut field = Field::connected();
    let beat = |field: &mut Field| {
        let updated_at = Some(field.at());
        field.apply(heartbeat(100, updated_at));
    };
    beat(&mut field);
    field.wait(30.0);
    beat(&mut field);
    assert_eq!(field.wait(74.0).shows(), Reason::Connected);
    assert_eq!(field.wait(2.0).shows(), Reason::EventLoopFrozen);
    assert_eq!(field.verdict().reason.restart(), Some(RestartHelps::ByForce));
    beat(&mut field);
    assert_eq!(field.shows(), Reason::Connected, "it thawed");
    field.log("WARNING", "gateway.run: Gateway event loop missed 3 consecutive liveness probes");
    assert_eq!(field.shows(), Reason::EventLoopFrozen);
}

#[test]
fn without_a_heartbeat_its_absence_is_no_evidence() {
    let mut field = Field::connected();
    assert_eq!(field.wait(86_400.0).shows(), Reason::Connected, "0.13 writes none");
}

// --- 14: proxy --------------------------------------------------------------------------------------------------------

#[test]
fn r67244_r34690_r17036_r82965_a_proxy_that_cannot_be_used() {
    for line in [
        "Lark: connect failed, err: socks://127.0.0.1:7890 isn't a valid proxy: scheme socks isn't supported",
        "Lark: connect failed, err: connecting through a SOCKS proxy requires python-socks",
        "Lark: connect failed, err: ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed'))",
    ] {
        let mut field = Field::started();
        assert_eq!(field.error(line).shows(), Reason::NetworkUnreachable, "{line}");
    }
}

#[test]
fn r88766_invalid_proxy_message_on_standard_output_only() {
    let mut field = Field::started();
    field.raw(
        "gateway.log",
        "websockets.exceptions.InvalidProxyMessage: did not receive a valid HTTP response",
    );
    assert_eq!(field.shows(), Reason::NetworkUnreachable);
}

// --- 15: sleep --------------------------------------------------------------------------------------------------------

#[test]
fn r21697_r95819_r89083_a_ping_timeout_just_after_waking() {
    let mut field = Field::connected();
    let updated_at = Some(field.at());
    field.apply(heartbeat(100, updated_at));
    field.now += 8.0 * 3600.0;
    field.apply(Evidence::Wake { slept: 8.0 * 3600.0 });
    assert_eq!(field.shows(), Reason::Connected, "the heartbeat slept too");
    field
        .wait(1.0)
        .error("Lark: receive message loop exit, err: sent 1011 (internal error) keepalive ping timeout");
    field.wait(2.0).info("Lark: trying to reconnect for the 1st time");
    field
        .wait(1.0)
        .error("Lark: connect failed, err: NameResolutionError: Failed to resolve 'open.feishu.cn'");
    assert_eq!(field.wait(80.0).shows(), Reason::Reconnecting, "90 s of grace");
    assert!(!field.ever_red());
    assert_eq!(field.wait(7.0).verdict().light(), Light::Red, "then it counts");
}

#[test]
fn a_red_light_before_sleep_is_red_after_it() {
    let mut field = Field::connected();
    field.error("Lark: receive message loop exit, err: no close frame received or sent");
    field.info("Lark: disconnected to wss://x [conn_id=1]");
    assert_eq!(field.wait(100.0).shows(), Reason::ReconnectStalled);
    field.now += 3600.0;
    field.apply(Evidence::Wake { slept: 3600.0 });
    assert_eq!(field.shows(), Reason::ReconnectStalled);
}

// --- 16 to 18 ---------------------------------------------------------------------------------------------------------

#[test]
fn a_new_process_does_not_answer_for_the_file_of_the_old_one() {
    // write_runtime_status reads the old file and overwrites only what is given: restart_requested and the platforms
    // of the process before stay in it.
    let mut field = Field::started();
    field.file(
        "gateway_state.json",
        r#"{"pid": 100, "start_time": 1, "gateway_state": "starting", "restart_requested": true, "platforms": {"feishu":
            {"state": "fatal", "error_code": "feishu_app_lock", "updated_at": "2026-11-22T09:00:00Z"}}}"#,
    );
    assert_eq!(field.shows(), Reason::Starting);
    field.wait(1.0).info("Lark: connected to wss://x [conn_id=1]");
    assert_eq!(field.shows(), Reason::Starting, "the file names no other platform, but still may");
    assert_eq!(field.wait(1.0).shows(), Reason::Connected);
}

#[test]
fn the_last_words_of_the_process_before_are_not_the_new_ones() {
    let mut field = Field::empty();
    field.process(100, ProcessState::Running, None);
    field.wait(0.5).info("gateway.run: Received SIGTERM — initiating shutdown");
    field.log("WARNING", "gateway.run: tick failed: cannot schedule new futures after shutdown");
    field
        .wait(8.0)
        .info("gateway.run: Starting Hermes Gateway...")
        .info("gateway.run: Connecting to feishu...");
    field.wait(1.0).info("Lark: connected to wss://x [conn_id=1]");
    assert_eq!(field.wait(100.0).shows(), Reason::Connected);
}

#[test]
fn lines_of_a_start_that_are_read_before_its_process_is_known_are_its_own() {
    let mut field = Field::connected();
    field
        .wait(60.0)
        .info("gateway.run: Starting Hermes Gateway...")
        .info("gateway.run: Connecting to feishu...");
    field.info("Lark: connected to wss://x [conn_id=2]");
    let started_at = Some(field.at() - SignedDuration::from_secs(9));
    field.wait(1.0).process(100, ProcessState::Gone, Some(1));
    let state = ProcessState::Running;
    field.apply(Evidence::Process { pid: 101, start: None, started_at, state, exit: None });
    assert_eq!(field.shows(), Reason::Connected, "its log said so already");
    assert_eq!(field.wait(200.0).shows(), Reason::Connected);
    // A dead executor of the process before is not handed over.
    let mut field = Field::connected();
    field.wait(60.0).error("asyncio: x: Executor shutdown has been called");
    field.process(100, ProcessState::Gone, Some(1));
    let started_at = Some(field.at());
    field.apply(Evidence::Process { pid: 101, start: None, started_at, state, exit: None });
    assert_eq!(field.shows(), Reason::Starting);
}

#[test]
fn the_same_event_twice_in_one_file_happened_twice() {
    let mut field = Field::empty();
    for line in [
        "2026-06-09 10:00:00 INFO  Gateway started",
        "2026-06-09 10:00:01 INFO Feishu WebSocket connected",
        "2026-06-09 10:00:01 ERROR Feishu WebSocket connection lost",
        "2026-06-09 10:00:01 INFO Feishu WebSocket connected",
    ] {
        field.raw("gateway-work.log", line);
    }
    assert_eq!(field.shows(), Reason::Connected);
    for line in [
        "2026-06-09 10:00:01 INFO Feishu WebSocket connected",
        "2026-06-09 10:00:01 ERROR Feishu WebSocket connection lost",
        "2026-06-09 10:00:01 INFO Feishu WebSocket connected",
    ] {
        field.raw("gateway.log", line);
        assert_eq!(field.shows(), Reason::Connected, "copies in another file");
    }
}

#[test]
fn webhook_mode_has_no_link_to_watch() {
    let mut field = Field::started();
    field
        .info("hermes_plugins.feishu_platform.adapter: [Feishu] Connected in webhook mode (feishu)")
        .info("gateway.run: Gateway running with 1 platform(s)");
    assert_eq!(field.wait(3600.0).shows(), Reason::Running);
    assert!(
        field.verdict().evidence.as_ref().unwrap().line.quote().contains("webhook mode"),
        "a green light has its proof, too"
    );
}

#[test]
fn files_of_a_dead_process_are_no_evidence() {
    let mut field = Field::empty();
    let updated_at = Some(field.start - SignedDuration::from_hours(5));
    field.apply(Evidence::NoProcess).apply(heartbeat(41, updated_at));
    assert_eq!(field.shows(), Reason::NoEvidence);
    field.raw("agent.log", "2026-11-22 10:00:01,000 INFO hermes_cli.plugins: Plugin discovery complete");
    assert_eq!(field.shows(), Reason::NoEvidence, "other programs of Hermes write into the same log");
    let now = field.at();
    field.apply(Evidence::Starts(vec![now]));
    assert_eq!(field.shows(), Reason::Starting, "its start record comes long before its pid file");
}

#[test]
fn r83683_r102975_r57512_a_reaped_gateway_is_not_green() {
    let mut field = Field::connected();
    field.process(100, ProcessState::Gone, Some(-9));
    assert_eq!(field.shows(), Reason::NotRunning, "no manager is known that would bring it back");
    assert_eq!(field.verdict().pid, None);
}

#[test]
fn r29127_no_adapter_for_feishu() {
    for (line, reason) in [
        ("WARNING gateway.run: No adapter available for feishu", Reason::AdapterMissing),
        (
            "ERROR gateway.run: [Feishu] lark-oapi not installed. Run: pip install lark-oapi",
            Reason::AdapterMissing,
        ),
        ("ERROR gateway.run: Gateway hit a non-retryable startup conflict: feishu", Reason::ConfigError),
    ] {
        let mut field = Field::started();
        field.raw("agent.log", &format!("2026-11-22 10:00:00,100 {line}"));
        assert_eq!(field.shows(), reason, "{line}");
    }
}

#[test]
fn r7213_r7247_silence_and_tcp_are_no_evidence() {
    let mut field = Field::connected();
    assert_eq!(
        field.wait(17.0 * 86_400.0).shows(),
        Reason::Connected,
        "no message for 17 days is no failure"
    );
}

// --- 20 to 22 ---------------------------------------------------------------------------------------------------------

#[test]
fn r5499_messages_dropped_at_the_start_are_a_note() {
    let mut field = Field::connected();
    field.log(
        "WARNING",
        "gateway.platforms.feishu: [Feishu] Dropping inbound message before adapter loop is ready",
    );
    assert_eq!(field.shows(), Reason::Connected);
    assert!(field.verdict().notes.contains(&Note::DroppedAtStart));
}

#[test]
fn r119918_r42253_r89726_a_stale_state_file_is_not_believed() {
    let mut field = Field::started();
    for stale in [
        r#"{"pid": 999, "gateway_state": "running", "platforms": {"feishu": {"state": "connected"}}}"#,
        r#"{"pid": 999, "gateway_state": "running", "platforms": {}}"#,
        r#"{"pid": 999, "gateway_state": "startup_failed", "platforms": {"feishu": {"state": "fatal"}}}"#,
    ] {
        field.file("gateway_state.json", stale);
        assert_eq!(field.shows(), Reason::Starting, "{stale}");
    }
    assert_eq!(field.wait(91.0).shows(), Reason::ReconnectStalled);
}

#[test]
fn r99760_a_phantom_retrying_of_another_process_is_not_believed() {
    let mut field = Field::connected();
    field.file(
        "gateway_state.json",
        r#"{"pid": 99, "gateway_state": "running", "platforms": {"feishu": {"state": "retrying"}}}"#,
    );
    assert_eq!(field.shows(), Reason::Connected);
    field.file(
        "gateway_state.json",
        r#"{"pid": 100, "gateway_state": "running", "platforms": {"feishu": {"state": "retrying"}}}"#,
    );
    assert_eq!(field.shows(), Reason::Reconnecting, "of the live process it is");
}

#[test]
fn an_entry_of_before_the_link_was_proven_is_past() {
    // The file is written anew for whatever changes in it; an entry keeps the time at which it was made.
    for state in ["retrying", "fatal", "paused"] {
        let mut field = Field::connected();
        let entry = |at: Timestamp, agents: u32| {
            format!(
                r#"{{"pid": 100, "start_time": 1, "gateway_state": "running", "active_agents": {agents}, "platforms":
                    {{"feishu": {{"state": "{state}", "updated_at": "{at}"}}}}}}"#
            )
        };
        let made = field.wait(10.0).at();
        field.file("gateway_state.json", &entry(made, 0));
        assert!(matches!(field.shows(), Reason::Reconnecting | Reason::LinkPaused), "{state}");
        field.wait(5.0).info("Lark: connected to wss://x [conn_id=2]");
        field.wait(5.0).file("gateway_state.json", &entry(made, 1));
        assert_eq!(field.wait(100.0).shows(), Reason::Connected, "{state}");
        let made = field.at();
        field.file("gateway_state.json", &entry(made, 1));
        assert_ne!(field.shows(), Reason::Connected, "{state}: this one is new");
    }
}

#[test]
fn a_stop_missing_in_the_log_is_read_from_the_state_file() {
    let mut field = Field::connected();
    let state = |word: &str| format!(r#"{{"pid": 100, "start_time": 1, "gateway_state": "{word}"}}"#);
    field.file("gateway_state.json", &state("stopped"));
    assert_eq!(field.wait(29.0).shows(), Reason::Restarting);
    assert_eq!(field.wait(2.0).shows(), Reason::NotExiting);
    field.file("gateway_state.json", &state("running"));
    assert_eq!(field.shows(), Reason::Connected, "it goes on");
}

#[test]
fn a_refused_second_instance_that_says_it_exits_does_not_speak_for_the_first() {
    let mut field = Field::connected();
    field.wait(60.0).error("gateway.run: Another gateway instance is already running (PID 100)");
    field.wait(0.1).info("gateway.run: Exiting with code 1");
    assert_eq!(field.wait(60.0).shows(), Reason::Connected);
    field.info("gateway.run: Received SIGTERM — initiating shutdown");
    field.info("gateway.run: Exiting with code 1");
    assert_eq!(field.wait(31.0).shows(), Reason::NotExiting, "and now it is its own word");
}

#[test]
fn chat_messages_that_quote_an_error_are_no_evidence() {
    let mut field = Field::connected();
    for line in [
        "hermes_plugins.feishu_platform.adapter: [Feishu] Inbound dm message received: id=1 text='Executor shutdown has been called' media=0",
        "gateway.run: inbound message: platform=feishu user=A msg='RuntimeError: Executor shutdown has been called'",
        "agent.turn: conversation turn: msg='Lark: connect failed, err: 403: forbidden'",
        "gateway.run: user said: Received SIGTERM as a planned gateway stop — exiting cleanly",
    ] {
        field.wait(1.0).info(line);
        assert_eq!(field.shows(), Reason::Connected, "{line}");
    }
    // A message of several lines: what stands below it is the person's, too.
    field.info("hermes_plugins.feishu_platform.adapter: [Feishu] Inbound dm message received: text='look:");
    field.raw("agent.log", "RuntimeError: Executor shutdown has been called");
    assert_eq!(field.shows(), Reason::Connected);
}
