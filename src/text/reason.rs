//! The texts of a reason: those of the catalogue, with the platform's name and the number of links.

use super::{Lang, Phrase, fill, labelled};
use crate::health::platform;
use crate::health::verdict::Draining;
use crate::health::{Light, Reason, Verdict};

const WITH_LINKS: Phrase = ["{title} · {up} of {all} links", "{title} · {all} 个连接中 {up} 个正常"];

/// Title, meaning and advice of a drain that was requested from outside (hermes-agent, gateway/drain_control.py).
const EXTERNAL_DRAIN: [Phrase; 3] = [
    ["drain requested: refusing messages", "已请求排空：拒收新消息"],
    [
        "Someone requested a drain: the connection is up, but the gateway refuses every new message.",
        "有人请求了排空（drain）：连接正常，但网关拒收所有新消息。",
    ],
    [
        "Release the drain where it was requested, or remove .drain_request.json from the profile's Hermes home.",
        "请在发起处解除排空，或从此 profile 的 Hermes 主目录中删除 .drain_request.json。",
    ],
];
const FINISHING_ONE: Phrase = ["finishing 1 answer", "正在完成 1 条回复"];
const FINISHING: Phrase = ["finishing {n} answers", "正在完成 {n} 条回复"];

/// The platform of a reason that was stored before Gatelight watched others.
const BEFORE_PLATFORMS: &str = "feishu";

/// The texts of one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wording {
    /// The title, for menu rows and notifications.
    pub(crate) title: String,
    /// One sentence: what it means.
    pub(crate) meaning: String,
    /// One sentence: what to do; empty where there is nothing to do.
    pub(crate) advice: String,
}

/// The texts of a verdict.
pub(crate) fn of(verdict: &Verdict, lang: Lang) -> Wording {
    let mut said = wording(lang, verdict.reason, verdict.platform.as_deref(), verdict.missing);
    if let Some(draining) = verdict.draining.as_ref().filter(|_| verdict.reason == Reason::Draining) {
        said = of_drain(said, draining, lang);
    }
    Wording { title: with_platform_of(verdict, said.title, lang), ..said }
}

/// If the profile has several links, the title names the platform.
fn with_platform_of(verdict: &Verdict, title: String, lang: Lang) -> String {
    match verdict.platform.as_deref().filter(|_| verdict.links.len() > 1) {
        Some(platform) => with_platform(title, lang, verdict.reason, platform),
        None => title,
    }
}

/// The texts of a gateway that drains. `said`: used if nothing more is known.
fn of_drain(said: Wording, draining: &Draining, lang: Lang) -> Wording {
    if draining.external {
        return external_drain(lang);
    }
    let title = match draining.active {
        None | Some(0) => return said,
        Some(1) => lang.pick(FINISHING_ONE).to_owned(),
        Some(n) => fill(lang.pick(FINISHING), &[("n", &n.to_string())]),
    };
    Wording { title, ..said }
}

/// The texts of a gateway that drains because that was requested from outside.
pub(crate) fn external_drain(lang: Lang) -> Wording {
    let [title, meaning, advice] = EXTERNAL_DRAIN.map(|text| lang.pick(text).to_owned());
    Wording { title, meaning, advice }
}

/// The title of a verdict.
pub(crate) fn title_of(verdict: &Verdict, lang: Lang) -> String {
    if verdict.reason == Reason::Draining {
        return of(verdict, lang).title;
    }
    let title = verdict.reason.entry().title;
    with_platform_of(verdict, filled(lang, title, verdict.platform.as_deref(), verdict.missing), lang)
}

/// The title of a reason, which names the platform that it is about: "Telegram: link not back".
pub(crate) fn title_naming(lang: Lang, reason: Reason, platform: Option<&str>) -> String {
    let title = title(lang, reason, platform);
    match platform {
        Some(platform) => with_platform(title, lang, reason, platform),
        None => title,
    }
}

fn with_platform(title: String, lang: Lang, reason: Reason, name: &str) -> String {
    let platform = platform(lang, name);
    // a working state concerns all links
    if reason.works() || title.contains(&platform) {
        return title;
    }
    labelled(lang, &platform, &title)
}

/// The title of a verdict, with the number of working links where the profile has several.
pub(crate) fn headline(verdict: &Verdict, lang: Lang) -> String {
    let title = title_of(verdict, lang);
    let all = verdict.links.len();
    if all < 2 {
        return title;
    }
    let up = verdict.links.iter().filter(|link| link.light == Light::Green && !link.ignored).count();
    let values = [("title", &*title), ("up", &*up.to_string()), ("all", &*all.to_string())];
    fill(lang.pick(WITH_LINKS), &values)
}

/// The title of a reason.
pub(crate) fn title(lang: Lang, reason: Reason, platform: Option<&str>) -> String {
    wording(lang, reason, platform, None).title
}

/// What users call the platform of this name.
pub(crate) fn platform(lang: Lang, name: &str) -> String {
    platform::names(name)[lang as usize].clone()
}

/// The texts of a reason. `missing`: links that are down, and all links.
pub(crate) fn wording(
    lang: Lang,
    reason: Reason,
    platform: Option<&str>,
    missing: Option<(u32, u32)>,
) -> Wording {
    let entry = reason.entry();
    let filled = |text| filled(lang, text, platform, missing);
    Wording { title: filled(entry.title), meaning: filled(entry.meaning), advice: filled(entry.advice) }
}

/// A text of the catalogue with its values.
fn filled(lang: Lang, text: Phrase, platform: Option<&str>, missing: Option<(u32, u32)>) -> String {
    let text = lang.pick(text);
    if !text.contains('{') {
        return text.to_owned();
    }
    let text = name_platform(text, &self::platform(lang, platform.unwrap_or(BEFORE_PLATFORMS)));
    let [down, total] =
        missing.map_or(["?"; 2].map(str::to_owned), |(down, total)| [down.to_string(), total.to_string()]);
    text.replace("{missing}", &down).replace("{total}", &total)
}

/// Inserts the platform's name, without spaces between Chinese characters.
fn name_platform(text: &str, name: &str) -> String {
    const HOLE: &str = "{platform}";
    if name.is_ascii() {
        return text.replace(HOLE, name);
    }
    let close = text.replace(&format!(" {HOLE}"), HOLE).replace(&format!("{HOLE} "), HOLE);
    close.replace(HOLE, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_says_how_many_answers_are_left_or_that_it_was_requested() {
        let at = jiff::Timestamp::UNIX_EPOCH;
        for (active, external, title) in [
            (None, false, ["finishing answers", "正在完成回复"]),
            (Some(0), false, ["finishing answers", "正在完成回复"]),
            (Some(1), false, ["finishing 1 answer", "正在完成 1 条回复"]),
            (Some(2), false, ["finishing 2 answers", "正在完成 2 条回复"]),
            (Some(2), true, ["drain requested: refusing messages", "已请求排空：拒收新消息"]),
        ] {
            let draining = Some(Draining { since: at, active, external });
            let verdict = Verdict { draining, ..Verdict::of(Reason::Draining, at) };
            assert_eq!([Lang::En, Lang::Zh].map(|lang| title_of(&verdict, lang)), title);
            assert_eq!(of(&verdict, Lang::En).advice.contains(".drain_request.json"), external);
        }
    }

    #[test]
    fn every_text_is_filled_in_both_languages() {
        for reason in Reason::all() {
            for lang in [Lang::En, Lang::Zh] {
                let said = wording(lang, reason, Some("telegram"), Some((1, 2)));
                for text in [said.title, said.meaning, said.advice] {
                    assert!(!text.contains(['{', '}']), "{text}");
                }
            }
        }
        assert_eq!(title(Lang::Zh, Reason::NetworkUnreachable, None), "无法连接飞书");
        assert_eq!(title(Lang::Zh, Reason::NetworkUnreachable, Some("telegram")), "无法连接 Telegram");
        assert_eq!(title(Lang::En, Reason::AuthRejected, Some("telegram")), "Telegram credentials refused");
    }
}
