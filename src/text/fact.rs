//! The texts of facts ([`crate::health::Fact`]). The English ones are stored, so they never change.

use super::code::{Code, code};

pub(super) const STARTED: Code = code("proof.started", ["PID {pid} started", "PID {pid} 已启动"]);
pub(super) const GATEWAY_STARTED: Code = code("proof.gateway-started", ["the gateway started", "网关已启动"]);
pub(super) const EXITED: Code =
    code("proof.exited", ["PID {pid} ended with exit code {n}", "PID {pid} 已结束，退出码为 {n}"]);
pub(super) const KILLED: Code =
    code("proof.killed", ["PID {pid} ended by signal {n}", "PID {pid} 被信号 {n} 终止"]);
pub(super) const GONE: Code = code("proof.gone", ["PID {pid} is gone", "PID {pid} 已不存在"]);
pub(super) const NO_PROCESS: Code = code("proof.no-process", ["no such process", "进程不存在"]);
pub(super) const PID_REUSED: Code =
    code("proof.pid-reused", ["PID {pid} is another process now", "PID {pid} 现在是另一个进程"]);
pub(super) const SUSPENDED: Code = code("proof.suspended", ["state T (stopped)", "状态 T（已挂起）"]);
pub(super) const STARTS: Code =
    code("proof.starts", ["{n} starts within {seconds} s", "{seconds} 秒内启动了 {n} 次"]);
pub(super) const LAST_HEARTBEAT: Code =
    code("proof.last-heartbeat", ["last heartbeat of PID {pid}", "PID {pid} 的最后一次心跳"]);
pub(super) const LAST_SCHEDULER_HEARTBEAT: Code =
    code("proof.last-scheduler-heartbeat", ["last heartbeat of the scheduler", "调度器的最后一次心跳"]);
pub(super) const PLANNED_STOP: Code = code("proof.planned-stop", ["planned stop", "计划内的停止"]);
pub(super) const TAKEOVER: Code = code("proof.takeover", ["takeover", "由另一个进程接管"]);
pub(super) const UPDATING: Code =
    code("proof.updating", ["PID {pid} updates Hermes", "PID {pid} 正在更新 Hermes"]);
pub(super) const DETACHED: Code =
    code("proof.detached", ["launchd could not manage the gateway", "launchd 无法托管该网关"]);
pub(super) const JOB: Code = code("proof.job", ["{label}: {state}", "{label}：{state}"]);
pub(super) const JOB_WITHOUT_PROCESS: Code =
    code("proof.job-without-process", ["{label}: no process", "{label}：没有进程"]);
pub(super) const JOB_RUNNING: Code = code("proof.job-running", ["running", "运行中"]);
pub(super) const JOB_WAITING: Code = code("proof.job-waiting", ["not running", "未运行"]);
pub(super) const JOB_STOPPED: Code = code("proof.job-stopped", ["stopped by the user", "已被用户停止"]);
pub(super) const JOB_NOT_LOADED: Code = code("proof.job-not-loaded", ["not loaded", "未加载"]);
pub(super) const SPAWN_FAILED: Code =
    code("proof.spawn-failed", ["{state}, spawn failed", "{state}，无法启动程序"]);
pub(super) const EXIT_REASON: Code =
    code("proof.exit-reason", ["{state}, last exit reason = {reason}", "{state}，上次退出原因：{reason}"]);

/// The codes of facts.
pub(super) const CODES: &[Code] = &[
    STARTED,
    GATEWAY_STARTED,
    EXITED,
    KILLED,
    GONE,
    NO_PROCESS,
    PID_REUSED,
    SUSPENDED,
    STARTS,
    LAST_HEARTBEAT,
    LAST_SCHEDULER_HEARTBEAT,
    PLANNED_STOP,
    TAKEOVER,
    UPDATING,
    DETACHED,
    JOB,
    JOB_WITHOUT_PROCESS,
    JOB_RUNNING,
    JOB_WAITING,
    JOB_STOPPED,
    JOB_NOT_LOADED,
    SPAWN_FAILED,
    EXIT_REASON,
];
