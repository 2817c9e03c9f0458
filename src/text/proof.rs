//! The texts of proofs: a line of a log or file is quoted as it is, a fact becomes a sentence.
//!
//! `--json` and the history hold facts in one form, whatever the language: the English words. So they never change, and
//! [`stored`] reads them back.

use std::borrow::Cow;

use super::{COLON, Code, Lang, Message, Phrase, Value, fact as say, fill, unfill};
use crate::health::{Fact, FileKind, JobState, Proof, ProofLine, Source, Unreadable, WhyUnreadable};

const STATES: [JobState; 4] = [JobState::Running, JobState::Waiting, JobState::Stopped, JobState::NotLoaded];

const fn state_code(state: JobState) -> Code {
    match state {
        JobState::Running => say::JOB_RUNNING,
        JobState::Waiting => say::JOB_WAITING,
        JobState::Stopped => say::JOB_STOPPED,
        JobState::NotLoaded => say::JOB_NOT_LOADED,
    }
}

/// The state of a job.
pub(crate) const fn job_state(state: JobState) -> Phrase {
    state_code(state).phrase
}

/// The source of facts about processes; the other sources are names.
const PROCESS: Phrase = ["process", "进程"];

/// The source in this language.
pub fn source(lang: Lang, source: &Source) -> &str {
    match source {
        Source::Process => lang.pick(PROCESS),
        other => other.as_str(),
    }
}

/// The line, or the fact in this language.
pub fn line(lang: Lang, proof: &Proof) -> Cow<'_, str> {
    match &proof.line {
        ProofLine::Quoted(quote) => Cow::Borrowed(quote.as_str()),
        ProofLine::Fact(fact) => Cow::Owned(message(fact).text(lang)),
    }
}

/// `source: line`.
pub fn labelled(lang: Lang, proof: &Proof) -> String {
    let between = match &proof.line {
        ProofLine::Quoted(_) => ": ",
        ProofLine::Fact(_) => lang.pick(COLON),
    };
    [source(lang, &proof.source), &line(lang, proof)].join(between)
}

/// The line in the form of `--json` and the history.
pub fn stable(proof: &Proof) -> Cow<'_, str> {
    line(Lang::En, proof)
}

/// The inverse of [`stable`].
pub(crate) fn stored(source: &Source, line: String) -> ProofLine {
    let fact = if matches!(source, Source::Log(_) | Source::StateFile) { None } else { fact(source, &line) };
    fact.map_or_else(|| line.into(), ProofLine::from)
}

/// The source as a value of a message.
pub(crate) fn source_value(of: &Source) -> Value {
    match of {
        Source::Process => PROCESS.into(),
        other => other.as_str().into(),
    }
}

/// The line as a value of a message.
pub(crate) fn line_value(line: &ProofLine) -> Value {
    match line {
        ProofLine::Quoted(quote) => quote.as_str().into(),
        ProofLine::Fact(fact) => message(fact).into(),
    }
}

fn message(fact: &Fact) -> Message {
    let of = |code: Code, pid: u32| Message::new(code).with("pid", pid);
    match fact {
        Fact::Started(Some(pid)) => of(say::STARTED, *pid),
        Fact::Started(None) => Message::new(say::GATEWAY_STARTED),
        Fact::Ended { pid, exit: Some(signal @ ..0) } => {
            of(say::KILLED, *pid).with("n", signal.saturating_neg())
        }
        Fact::Ended { pid, exit: Some(exit) } => of(say::EXITED, *pid).with("n", *exit),
        Fact::Ended { pid, exit: None } => of(say::GONE, *pid),
        Fact::NoProcess => Message::new(say::NO_PROCESS),
        Fact::PidReused(pid) => of(say::PID_REUSED, *pid),
        Fact::Suspended => Message::new(say::SUSPENDED),
        Fact::Starts { count, seconds } => {
            Message::new(say::STARTS).with("n", count.to_string()).with("seconds", seconds.to_string())
        }
        Fact::LastHeartbeat(pid) => of(say::LAST_HEARTBEAT, *pid),
        Fact::LastSchedulerHeartbeat => Message::new(say::LAST_SCHEDULER_HEARTBEAT),
        Fact::PlannedStop => Message::new(say::PLANNED_STOP),
        Fact::Takeover => Message::new(say::TAKEOVER),
        Fact::Updating(pid) => of(say::UPDATING, *pid),
        Fact::Detached => Message::new(say::DETACHED),
        Fact::Job { label, state, spawn_failed, exit_reason } => {
            let mut state = Message::new(state_code(*state));
            if *spawn_failed {
                state = Message::new(say::SPAWN_FAILED).with("state", state);
            }
            if let Some(reason) = exit_reason {
                state = Message::new(say::EXIT_REASON).with("state", state).with("reason", &**reason);
            }
            Message::new(say::JOB).with("label", &**label).with("state", state)
        }
        Fact::JobWithoutProcess(label) => Message::new(say::JOB_WITHOUT_PROCESS).with("label", &**label),
    }
}

/// Parses the English words of a fact.
fn fact(source: &Source, words: &str) -> Option<Fact> {
    let values = |code: Code| unfill(code.phrase[0], words);
    let is = |code: Code| words == code.phrase[0];
    let pid = |code: Code| values(code)?.first()?.1.parse::<u32>().ok();
    match source {
        Source::Manager(_) => job(words),
        Source::Heartbeat => pid(say::LAST_HEARTBEAT).map(Fact::LastHeartbeat),
        Source::CronBeat => is(say::LAST_SCHEDULER_HEARTBEAT).then_some(Fact::LastSchedulerHeartbeat),
        Source::StopMarker => is(say::PLANNED_STOP).then_some(Fact::PlannedStop),
        Source::TakeoverMarker => is(say::TAKEOVER).then_some(Fact::Takeover),
        Source::DetachedMarker => is(say::DETACHED).then_some(Fact::Detached),
        Source::Process if is(say::GATEWAY_STARTED) => Some(Fact::Started(None)),
        Source::Process if is(say::NO_PROCESS) => Some(Fact::NoProcess),
        Source::Process if is(say::SUSPENDED) => Some(Fact::Suspended),
        Source::Process => {
            let numbers = |code: Code| -> Option<[i64; 2]> {
                let values = values(code)?;
                let numbers =
                    values.iter().map(|(_, value)| value.parse().ok()).collect::<Option<Vec<i64>>>()?;
                numbers.try_into().ok()
            };
            let ended = |[pid, n]: [i64; 2], sign: i64| {
                Some(Fact::Ended { pid: u32::try_from(pid).ok()?, exit: Some(i32::try_from(n * sign).ok()?) })
            };
            let starts = |[count, seconds]: [i64; 2]| {
                Some(Fact::Starts {
                    count: u64::try_from(count).ok()?,
                    seconds: u64::try_from(seconds).ok()?,
                })
            };
            let one_pid = [
                (say::STARTED, (|pid| Fact::Started(Some(pid))) as fn(u32) -> Fact),
                (say::GONE, |pid| Fact::Ended { pid, exit: None }),
                (say::PID_REUSED, Fact::PidReused),
                (say::UPDATING, Fact::Updating),
            ];
            one_pid
                .into_iter()
                .find_map(|(code, fact)| pid(code).map(fact))
                .or_else(|| numbers(say::KILLED).and_then(|numbers| ended(numbers, -1)))
                .or_else(|| numbers(say::EXITED).and_then(|numbers| ended(numbers, 1)))
                .or_else(|| numbers(say::STARTS).and_then(starts))
        }
        Source::Log(_) | Source::StateFile | Source::DrainRequest => None,
    }
}

/// Parses the words of a fact about a job.
fn job(words: &str) -> Option<Fact> {
    if let Some(values) = unfill(say::JOB_WITHOUT_PROCESS.phrase[0], words) {
        return Some(Fact::JobWithoutProcess(values.first()?.1.to_owned()));
    }
    let (label, state) = words.rsplit_once(": ").filter(|(label, _)| !label.is_empty())?;
    let (state, exit_reason) = match unfill(say::EXIT_REASON.phrase[0], state).as_deref() {
        Some([(_, state), (_, reason)]) => (*state, Some((*reason).to_owned())),
        _ => (state, None),
    };
    let (state, spawn_failed) = match unfill(say::SPAWN_FAILED.phrase[0], state).as_deref() {
        Some([(_, state)]) => (*state, true),
        _ => (state, false),
    };
    let state = STATES.into_iter().find(|one| job_state(*one)[0] == state)?;
    Some(Fact::Job { label: label.to_owned(), state, spawn_failed, exit_reason })
}

const NOT_A_FILE: Phrase = ["{path} is a {kind}, not a file", "{path} 不是文件（{kind}）"];
const DENIED: Phrase = ["no permission to read {path}", "没有读取 {path} 的权限"];
const LOOP: Phrase = ["{path} is a loop of symlinks", "{path} 的符号链接形成了循环"];
const NO_ANSWER: Phrase = ["{path} does not answer", "{path} 没有响应"];
const SYSTEM: Phrase = ["{path} cannot be read: {error}", "无法读取 {path}：{error}"];

/// Why a file cannot be read.
pub fn unreadable(lang: Lang, file: &Unreadable) -> String {
    let path = ("path", &*file.path);
    match &file.why {
        WhyUnreadable::NotAFile(kind) => {
            fill(lang.pick(NOT_A_FILE), &[path, ("kind", lang.pick(kind_name(*kind)))])
        }
        WhyUnreadable::Denied => fill(lang.pick(DENIED), &[path]),
        WhyUnreadable::Loop => fill(lang.pick(LOOP), &[path]),
        WhyUnreadable::NoAnswer => fill(lang.pick(NO_ANSWER), &[path]),
        WhyUnreadable::System(error) => {
            let number = |number: &i32| super::error::io(lang, &std::io::Error::from_raw_os_error(*number));
            let error = error.as_ref().map_or_else(String::clone, number);
            fill(lang.pick(SYSTEM), &[path, ("error", &error)])
        }
    }
}

const fn kind_name(kind: FileKind) -> Phrase {
    match kind {
        FileKind::Folder => ["folder", "目录"],
        FileKind::Fifo => ["FIFO", "命名管道"],
        FileKind::Socket => ["socket", "套接字"],
        FileKind::Device => ["device", "设备"],
        FileKind::Other => ["special file", "特殊文件"],
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::health::Manager;

    fn job(state: JobState, spawn_failed: bool, exit_reason: Option<&str>) -> Fact {
        let exit_reason = exit_reason.map(str::to_owned);
        Fact::Job { label: "ai.hermes.gateway".to_owned(), state, spawn_failed, exit_reason }
    }

    /// The English words are in histories and in programs that read `--json`: they never change.
    fn facts() -> Vec<(Source, Fact, [&'static str; 2])> {
        let launchd = Source::Manager(Manager::Launchd);
        let ended = |exit| Fact::Ended { pid: 7, exit };
        vec![
            (Source::Process, Fact::Started(Some(7)), ["PID 7 started", "PID 7 已启动"]),
            (Source::Process, Fact::Started(None), ["the gateway started", "网关已启动"]),
            (Source::Process, ended(Some(1)), ["PID 7 ended with exit code 1", "PID 7 已结束，退出码为 1"]),
            (Source::Process, ended(Some(-9)), ["PID 7 ended by signal 9", "PID 7 被信号 9 终止"]),
            (Source::Process, ended(None), ["PID 7 is gone", "PID 7 已不存在"]),
            (Source::Process, Fact::NoProcess, ["no such process", "进程不存在"]),
            (Source::Process, Fact::PidReused(7), ["PID 7 is another process now", "PID 7 现在是另一个进程"]),
            (Source::Process, Fact::Suspended, ["state T (stopped)", "状态 T（已挂起）"]),
            (
                Source::Process,
                Fact::Starts { count: 5, seconds: 120 },
                ["5 starts within 120 s", "120 秒内启动了 5 次"],
            ),
            (Source::Process, Fact::Updating(7), ["PID 7 updates Hermes", "PID 7 正在更新 Hermes"]),
            (Source::Heartbeat, Fact::LastHeartbeat(7), ["last heartbeat of PID 7", "PID 7 的最后一次心跳"]),
            (
                Source::CronBeat,
                Fact::LastSchedulerHeartbeat,
                ["last heartbeat of the scheduler", "调度器的最后一次心跳"],
            ),
            (Source::StopMarker, Fact::PlannedStop, ["planned stop", "计划内的停止"]),
            (Source::TakeoverMarker, Fact::Takeover, ["takeover", "由另一个进程接管"]),
            (
                Source::DetachedMarker,
                Fact::Detached,
                ["launchd could not manage the gateway", "launchd 无法托管该网关"],
            ),
            (
                launchd.clone(),
                job(JobState::NotLoaded, false, None),
                ["ai.hermes.gateway: not loaded", "ai.hermes.gateway：未加载"],
            ),
            (
                Source::Manager(Manager::Systemd),
                job(JobState::Stopped, false, None),
                ["ai.hermes.gateway: stopped by the user", "ai.hermes.gateway：已被用户停止"],
            ),
            (
                launchd.clone(),
                job(JobState::Waiting, true, Some("OS_REASON_JETSAM")),
                [
                    "ai.hermes.gateway: not running, spawn failed, last exit reason = OS_REASON_JETSAM",
                    "ai.hermes.gateway：未运行，无法启动程序，上次退出原因：OS_REASON_JETSAM",
                ],
            ),
            (
                launchd,
                Fact::JobWithoutProcess("ai.hermes.gateway".to_owned()),
                ["ai.hermes.gateway: no process", "ai.hermes.gateway：没有进程"],
            ),
        ]
    }

    #[test]
    fn a_fact_is_stored_in_one_form_and_read_back_for_every_language() {
        for (source, fact, words) in facts() {
            let proof = Proof::new(source.clone(), fact, Timestamp::UNIX_EPOCH);
            assert_eq!([Lang::En, Lang::Zh].map(|lang| line(lang, &proof)), words);
            assert_eq!(stored(&source, stable(&proof).into_owned()), proof.line);
        }
    }

    #[test]
    fn other_lines_stay_quotes() {
        for (source, words) in [
            ("agent.log", "PID 7 started"),
            ("gateway_state.json", "gateway_state: stopped"),
            ("process", "PID x started"),
            ("process", "PID 7 was hired"),
            ("launchd", ": not loaded"),
            ("launchd", "ai.hermes.gateway: asleep"),
            ("systemd", ""),
        ] {
            assert_eq!(stored(&source.into(), words.to_owned()), ProofLine::from(words));
        }
    }

    #[test]
    fn only_facts_are_translated() {
        let said = |source: &str, line: ProofLine| {
            let proof = Proof::new(source, line, Timestamp::UNIX_EPOCH);
            [Lang::En, Lang::Zh].map(|lang| labelled(lang, &proof))
        };
        let started = Fact::Started(Some(7)).into();
        assert_eq!(said("process", started), ["process: PID 7 started", "进程：PID 7 已启动"]);
        assert_eq!(said("agent.log", "PID 7 started".into()), ["agent.log: PID 7 started"; 2]);
    }

    #[test]
    fn an_error_of_the_system_is_worded_in_both_languages() {
        let file = |why| Unreadable { path: "/x/agent.log".to_owned(), why };
        for (why, words) in [
            (WhyUnreadable::Denied, ["no permission to read /x/agent.log", "没有读取 /x/agent.log 的权限"]),
            (
                WhyUnreadable::NotAFile(FileKind::Folder),
                ["/x/agent.log is a folder, not a file", "/x/agent.log 不是文件（目录）"],
            ),
            (
                WhyUnreadable::System(Ok(5)),
                [
                    "/x/agent.log cannot be read: Input/output error (os error 5)",
                    "无法读取 /x/agent.log：读写错误（Input/output error, os error 5）",
                ],
            ),
            (
                WhyUnreadable::System(Err("odd".to_owned())),
                ["/x/agent.log cannot be read: odd", "无法读取 /x/agent.log：odd"],
            ),
        ] {
            assert_eq!([Lang::En, Lang::Zh].map(|lang| unreadable(lang, &file(why.clone()))), words);
        }
    }
}
