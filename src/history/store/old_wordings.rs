//! Sentences of version 1 as messages. The wordings are those of that version, in both languages, and never change.

use jiff::SignedDuration;

use crate::health::{Reason, Source};
use crate::text::{Code, Message, Value, proof, restart as say, unfill};

/// A wording of version 1, and its code today.
struct Wording {
    code: Code,
    texts: [&'static str; 2],
}

const fn wording(code: Code, texts: [&'static str; 2]) -> Wording {
    Wording { code, texts }
}

/// The more exact ones first: a later one may match the same sentences.
const WORDINGS: &[Wording] = &[
    wording(
        say::STILL_THERE,
        [
            "process {pid} is still there; kill -9 {pid} ends it",
            "进程 {pid} 仍然存在，可用 kill -9 {pid} 结束它",
        ],
    ),
    wording(
        say::NO_PROOF,
        [
            "no proof of the link within {limit}; last seen: {seen}",
            "{limit} 内未能证实连接；最后状态：{seen}",
        ],
    ),
    wording(
        say::LAST_EXIT,
        ["{what}; its last run ended with exit code {n}", "{what}；上次运行的退出码为 {n}"],
    ),
    wording(
        say::LAST_SIGNAL,
        ["{what}; its last run was ended by signal {n}", "{what}；上次运行被信号 {n} 终止"],
    ),
    wording(say::NOT_LOADED, ["no new process came up: the job is not loaded", "没有新进程启动：任务未加载"]),
    wording(
        say::STOPPED_MEANWHILE,
        ["no new process came up: the job was stopped meanwhile", "没有新进程启动：任务在此期间被停止"],
    ),
    wording(say::NO_NEW_PROCESS, ["no new process came up", "没有新进程启动"]),
    wording(say::NOTHING_SEEN, ["nothing of this profile", "没有此配置的任何信息"]),
    wording(say::NOBODY_WATCHES, ["Gatelight stopped watching meanwhile", "Gatelight 在此期间停止了监视"]),
    wording(
        say::ERROR_TIMED_OUT,
        ["{program} did not answer within {seconds} s", "{program} 在 {seconds} 秒内没有响应"],
    ),
    wording(say::ERROR_MISSING, ["{program} is not on this machine", "本机没有 {program}"]),
    wording(
        say::ERROR_DISABLED,
        ["the job is disabled; to allow it: {enable}", "任务已被禁用；如需启用：{enable}"],
    ),
    wording(
        say::ERROR_REFUSED,
        ["{program} {action}: exit code {code}: {words}", "{program} {action}：退出码 {code}：{words}"],
    ),
];

/// The titles of reasons by their codes. All of them were about Feishu.
const TITLES: [(&str, [&str; 2]); 24] = [
    ("crash-loop", ["keeps crashing at start", "反复启动失败"]),
    ("replace-loop", ["instances replace each other", "多个实例互相替换"]),
    ("app-in-use", ["Feishu app used by another gateway", "飞书应用已被另一个网关占用"]),
    ("adapter-missing", ["Feishu adapter missing", "缺少飞书适配器"]),
    ("config-error", ["configuration refused", "配置错误"]),
    ("not-loaded", ["job not loaded", "任务未加载"]),
    ("not-running", ["not running", "未运行"]),
    ("stopped", ["stopped on purpose", "已主动停止"]),
    ("process-suspended", ["process suspended", "进程被挂起"]),
    ("not-exiting", ["does not exit", "无法退出"]),
    ("event-loop-frozen", ["event loop frozen", "事件循环卡死"]),
    ("executor-shutdown", ["executor dead: a hollow shell", "执行器已关闭：空壳进程"]),
    ("wrong-event-loop", ["Feishu client on a wrong event loop", "飞书客户端绑定了错误的事件循环"]),
    ("auth-rejected", ["credentials refused", "凭据被拒绝"]),
    ("connection-limit", ["too many connections", "连接数超限"]),
    ("network-unreachable", ["Feishu cannot be reached", "无法连接飞书"]),
    ("reconnect-stalled", ["link not back", "连接未恢复"]),
    ("restarting", ["restarting", "正在重启"]),
    ("starting", ["starting", "正在启动"]),
    ("reconnecting", ["reconnecting", "正在重连"]),
    ("unsupervised", ["connected, but unsupervised", "已连接，但无人看管"]),
    ("connected", ["connected", "已连接"]),
    ("running", ["running", "运行中"]),
    ("no-evidence", ["no evidence yet", "暂无证据"]),
];

/// The message for a sentence of version 1; the sentence itself if it is unknown (an
/// error of the system, or one that was cut off).
pub(super) fn parse(sentence: &str) -> Message {
    known(sentence).unwrap_or_else(|| Message::verbatim(sentence))
}

fn known(sentence: &str) -> Option<Message> {
    // a manager that did not answer in time, then what happened: each has its own code
    for (i, _) in sentence.match_indices("; ") {
        let (complaint, why) = (&sentence[..i], &sentence[i + 2..]);
        if let (Some(complaint), Some(why)) = (worded(complaint), known(why))
            && complaint.code() == say::ERROR_TIMED_OUT.id
        {
            return Some(Message::new(say::AFTER_SILENCE).with("complaint", complaint).with("why", why));
        }
    }
    worded(sentence).or_else(|| verdict(sentence))
}

fn worded(sentence: &str) -> Option<Message> {
    WORDINGS.iter().find_map(|wording| {
        let values = wording.texts.iter().find_map(|text| unfill(text, sentence))?;
        let mut message = Message::new(wording.code);
        for (name, value) in values {
            let value = match name {
                "limit" => span(value)?.into(),
                // a sentence within the sentence
                "seen" | "what" => Value::Message(parse(value)),
                _ => Value::from(value),
            };
            message = message.with(name, value);
        }
        Some(message)
    })
}

/// A verdict: the title of its reason, then its proof if it had one.
fn verdict(sentence: &str) -> Option<Message> {
    let (title, proof) = match sentence.split_once(" — ") {
        Some((title, proof)) => (title, Some(proof)),
        None => (sentence, None),
    };
    let (code, _) = TITLES.iter().find(|(_, titles)| titles.contains(&title))?;
    let reason = Reason::from_code(code)?;
    Some(match proof.and_then(|proof| proof.split_once(": ")) {
        Some((source, line)) => {
            let source = Source::from(source);
            let line = proof::stored(&source, line.to_owned());
            Message::new(say::VERDICT_PROVEN)
                .with("title", reason)
                .with("source", proof::source_value(&source))
                .with("line", proof::line_value(&line))
        }
        None => Message::new(say::VERDICT).with("title", reason),
    })
}

/// A length of time as version 1 wrote it: `1 min 15 s`, `1 分 15 秒`, `10 分钟`.
fn span(text: &str) -> Option<SignedDuration> {
    let mut seconds = 0_i64;
    let mut words = text.split(' ');
    while let Some(number) = words.next() {
        let unit = match words.next()? {
            "d" | "天" => 86_400,
            "h" | "小时" => 3_600,
            "min" | "分" | "分钟" => 60,
            "s" | "秒" => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
    }
    Some(SignedDuration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;

    /// A sentence of version 1 in English and Chinese, and what it reads like now.
    const SENTENCES: [([&str; 2], [&str; 2]); 9] = [
        (
            ["process 77 is still there; kill -9 77 ends it", "进程 77 仍然存在，可用 kill -9 77 结束它"],
            ["process 77 is still running; kill -9 77 ends it", "进程 77 仍在运行，可用 kill -9 77 结束它"],
        ),
        (
            [
                "no proof of the link within 1 min 15 s; last seen: starting — process: PID 8",
                "1 分 15 秒 内未能证实连接；最后状态：正在启动 — process: PID 8",
            ],
            [
                "the link was not confirmed within 1 min 15 s; last state: starting — process: PID 8",
                "1 分 15 秒内未能确认连接；最后状态：正在启动 — 进程：PID 8",
            ],
        ),
        (
            [
                "no proof of the link within 30 s; last seen: nothing of this profile",
                "30 秒 内未能证实连接；最后状态：没有此配置的任何信息",
            ],
            [
                "the link was not confirmed within 30 s; last state: no information about this profile",
                "30 秒内未能确认连接；最后状态：没有此 profile 的任何信息",
            ],
        ),
        (
            [
                "no new process came up: the job is not loaded; its last run ended with exit code 78",
                "没有新进程启动：任务未加载；上次运行的退出码为 78",
            ],
            [
                "no new process started: the job is not loaded; its last run ended with exit code 78",
                "没有新进程启动：任务未加载；上次运行的退出码为 78",
            ],
        ),
        (
            [
                "no new process came up; its last run was ended by signal 9",
                "没有新进程启动；上次运行被信号 9 终止",
            ],
            [
                "no new process started; its last run was ended by signal 9",
                "没有新进程启动；上次运行被信号 9 终止",
            ],
        ),
        (
            [
                "executor dead: a hollow shell — agent.log: ERROR [Lark] 1000040345 | no — really: no",
                "执行器已关闭：空壳进程 — agent.log: ERROR [Lark] 1000040345 | no — really: no",
            ],
            [
                "executor dead: a hollow shell — agent.log: ERROR [Lark] 1000040345 | no — really: no",
                "executor 已关闭：进程成了空壳 — agent.log：ERROR [Lark] 1000040345 | no — really: no",
            ],
        ),
        (
            ["Gatelight stopped watching meanwhile", "Gatelight 在此期间停止了监视"],
            ["Gatelight stopped watching in the meantime", "Gatelight 在此期间停止了监视"],
        ),
        (
            [
                "/bin/launchctl did not answer within 10 s; no new process came up",
                "/bin/launchctl 在 10 秒内没有响应; 没有新进程启动",
            ],
            [
                "/bin/launchctl did not answer within 10 s; no new process started",
                "/bin/launchctl 在 10 秒内没有响应；没有新进程启动",
            ],
        ),
        (["not running", "未运行"], ["not running", "未运行"]),
    ];

    const CODES: [&str; 9] = [
        "restart.old-process-alive",
        "restart.no-proof",
        "restart.no-proof",
        "restart.last-exit",
        "restart.last-signal",
        "restart.verdict-proven",
        "restart.watcher-ended",
        "restart.after-silence",
        "restart.verdict",
    ];

    #[test]
    fn old_sentences_read_in_the_other_language() {
        for ((old, new), code) in SENTENCES.into_iter().zip(CODES) {
            let [from_en, from_zh] = old.map(parse);
            assert_eq!(from_en.code(), code, "{old:?}");
            assert_eq!(from_en, from_zh);
            assert_eq!([Lang::En, Lang::Zh].map(|lang| from_en.text(lang)), new);
        }
    }

    #[test]
    fn every_title_of_version_1_still_has_its_reason() {
        for (code, titles) in TITLES {
            let reason = Reason::from_code(code).unwrap();
            for title in titles {
                assert_eq!(parse(title), Message::new(say::VERDICT).with("title", reason), "{title}");
            }
        }
    }

    #[test]
    fn unknown_sentences_stay_as_they_are() {
        for text in ["", "…", "permission denied", "process 1 is still there; kill -9 2 ends it", "a — b: c"]
        {
            assert_eq!(parse(text), Message::verbatim(text));
        }
    }
}
