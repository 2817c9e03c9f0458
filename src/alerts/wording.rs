//! Notices as text: for the screen and for channels.

use std::time::Duration;

use jiff::SignedDuration;

use super::notice::{Affected, Notice, NoticeKind};
use crate::health::evidence::PlatformName;
use crate::health::{Reason, RestartHelps};
use crate::text::display::label;
use crate::text::reason::{self, Wording, title as reason_title, title_naming, wording};
use crate::text::restart::helps_with;
use crate::text::{COMMA, Lang, Phrase, duration, fill, notice as say};

/// A notice lists at most this many profiles.
const MAX_LISTED: usize = 6;
/// A notice names at most this many other links of a profile.
const MAX_LINKS: usize = 4;

/// The plain text of a notice. The caller escapes it for receivers that read markup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// One line.
    pub title: String,
    /// A few lines.
    pub body: String,
}

/// The text of a notice.
pub(crate) fn content(notice: &Notice, lang: Lang) -> Content {
    match notice.affected.as_slice() {
        [one] => single(lang, notice.kind, one),
        several => list(lang, notice.kind, several),
    }
}

fn single(lang: Lang, kind: NoticeKind, profile: &Affected) -> Content {
    let title = own_title(lang, profile);
    let title = title.as_str();
    let also = also_down(lang, profile);
    let (name, lasted) = (label(&profile.name), duration(lang, profile.lasted));
    let fill_in =
        |phrase: Phrase| fill(lang.pick(phrase), &[("name", &name), ("title", title), ("lasted", &lasted)]);
    let (title, body) = match kind {
        NoticeKind::Down => (fill_in(say::DOWN), sentences(lang, &[&explain(lang, profile), &also])),
        NoticeKind::FoundDown => {
            let since =
                if profile.lasted.as_secs() >= 60 { fill_in(say::SINCE_BEFORE) } else { String::new() };
            (fill_in(say::DOWN), sentences(lang, &[&since, &explain(lang, profile), &also]))
        }
        NoticeKind::Reminder => {
            let body = sentences(lang, &[&fill_in(say::DOWN_FOR), &explain(lang, profile), &also]);
            (fill_in(say::REMINDER), body)
        }
        NoticeKind::LinkBack => {
            let values = [("name", &*name), ("links", &platforms(lang, &profile.back)), ("title", title)];
            let body = sentences(lang, &[&explain(lang, profile), &also]);
            (fill(lang.pick(say::LINK_BACK), &values), body)
        }
        NoticeKind::Recovered => {
            let now = reason_title(lang, profile.now, profile.platform.as_deref());
            let links = platforms(lang, &profile.back);
            let phrase = if links.is_empty() { say::RECOVERED } else { say::RECOVERED_LINKS };
            let values = [("name", &*name), ("links", &links), ("title", &now)];
            let was = [("title", &*titles(lang, profile)), ("lasted", &lasted)];
            (fill(lang.pick(phrase), &values), fill(lang.pick(say::WAS_DOWN_FOR), &was))
        }
        NoticeKind::Flapping { incidents, window, hold } => {
            let (count, window, hold) = (incidents.to_string(), span(lang, window), span(lang, hold));
            let values = [("count", &*count), ("window", &window), ("title", title), ("hold", &hold)];
            (fill_in(say::UNSTABLE), fill(lang.pick(say::UNSTABLE_BODY), &values))
        }
        NoticeKind::StableAgain { hold } => {
            let body = fill(lang.pick(say::STABLE_BODY), &[("hold", &span(lang, hold))]);
            (fill_in(say::STABLE_AGAIN), body)
        }
    };
    Content { title, body }
}

fn list(lang: Lang, kind: NoticeKind, profiles: &[Affected]) -> Content {
    let (title, line) = match kind {
        NoticeKind::FoundDown => (say::FOUND_SEVERAL, say::LINE_LASTED),
        NoticeKind::Reminder => (say::REMINDER_SEVERAL, say::LINE_LASTED),
        NoticeKind::Recovered | NoticeKind::StableAgain { .. } => (say::RECOVERED_SEVERAL, say::LINE_LASTED),
        NoticeKind::Down | NoticeKind::LinkBack | NoticeKind::Flapping { .. } => {
            (say::DOWN_SEVERAL, say::LINE)
        }
    };
    let lines = profiles.iter().take(MAX_LISTED).map(|profile| {
        let title = titles(lang, profile);
        let (name, lasted) = (label(&profile.name), duration(lang, profile.lasted));
        fill(lang.pick(line), &[("name", &name), ("title", &title), ("lasted", &lasted)])
    });
    let mut body: Vec<String> = lines.collect();
    if profiles.len() > MAX_LISTED {
        let rest = (profiles.len() - MAX_LISTED).to_string();
        body.push(fill(lang.pick(say::AND_MORE), &[("count", &rest)]));
    }
    let count = profiles.len().to_string();
    Content { title: fill(lang.pick(title), &[("count", &count)]), body: body.join("\n") }
}

/// The titles of all links that are (or were) down, the cause first.
fn titles(lang: Lang, profile: &Affected) -> String {
    let title = own_title(lang, profile);
    std::iter::once(title).chain(other_titles(lang, profile)).collect::<Vec<_>>().join(lang.pick(COMMA))
}

fn own_title(lang: Lang, profile: &Affected) -> String {
    match drain(lang, profile) {
        Some(drain) => drain.title,
        None => title_naming(lang, profile.reason, profile.platform.as_deref()),
    }
}

/// The texts of a drain that was requested from outside.
fn drain(lang: Lang, profile: &Affected) -> Option<Wording> {
    (profile.external_drain && profile.reason == Reason::Draining).then(|| reason::external_drain(lang))
}

fn other_titles(lang: Lang, profile: &Affected) -> impl Iterator<Item = String> {
    let also = profile.also.iter().take(MAX_LINKS);
    also.map(move |(platform, reason)| label(&title_naming(lang, *reason, Some(platform))))
}

fn also_down(lang: Lang, profile: &Affected) -> String {
    let list = other_titles(lang, profile).collect::<Vec<_>>().join(lang.pick(COMMA));
    if list.is_empty() { list } else { fill(lang.pick(say::ALSO_DOWN), &[("list", &list)]) }
}

fn platforms(lang: Lang, names: &[PlatformName]) -> String {
    let names = names.iter().take(MAX_LINKS).map(|name| label(&reason::platform(lang, name)));
    names.collect::<Vec<_>>().join(lang.pick(COMMA))
}

/// The meaning, whether a restart helps, and the advice if it does not.
fn explain(lang: Lang, profile: &Affected) -> String {
    let reason = profile.reason;
    let said = drain(lang, profile);
    let said = said.unwrap_or_else(|| wording(lang, reason, profile.platform.as_deref(), profile.missing));
    let advice = if reason.restart().is_none_or(RestartHelps::now) { "" } else { &said.advice };
    sentences(lang, &[&said.meaning, helps_with(lang, reason), advice])
}

/// Joins sentences; Chinese ones need no space between them.
fn sentences(lang: Lang, parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join(match lang {
        Lang::En => " ",
        Lang::Zh => "",
    })
}

fn span(lang: Lang, span: Duration) -> String {
    duration(lang, SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_drain_that_was_requested_from_outside_is_told_by_that_name() {
        let affected = Affected {
            name: "work".into(),
            reason: Reason::Draining,
            platform: None,
            missing: None,
            external_drain: true,
            also: Vec::new(),
            back: Vec::new(),
            now: Reason::Draining,
            lasted: SignedDuration::from_hours(72),
            proof: None,
        };
        for (lang, title) in [(Lang::En, "drain requested"), (Lang::Zh, "已请求排空")] {
            let one = Notice::new(1, Timestamp::UNIX_EPOCH, NoticeKind::Reminder, vec![affected.clone()]);
            let two = Notice { affected: vec![affected.clone(), affected.clone()], ..one.clone() };
            let (one, two) = (content(&one, lang), content(&two, lang));
            assert!(one.title.contains(title) || one.body.contains(title), "{one:?}");
            assert!(one.body.contains(".drain_request.json"), "{one:?}");
            assert!(two.body.contains(title), "{two:?}");
        }
    }

    #[test]
    fn the_platform_of_the_link_is_named() {
        let affected = Affected {
            name: "work".into(),
            reason: Reason::AuthRejected,
            platform: Some("telegram".into()),
            missing: None,
            external_drain: false,
            also: Vec::new(),
            back: Vec::new(),
            now: Reason::AuthRejected,
            lasted: SignedDuration::ZERO,
            proof: None,
        };
        for affected in [vec![affected.clone()], vec![affected.clone(), affected]] {
            let notice = Notice::new(1, Timestamp::UNIX_EPOCH, NoticeKind::Down, affected);
            for lang in [Lang::En, Lang::Zh] {
                let Content { title, body } = content(&notice, lang);
                let text = format!("{title} {body}");
                assert!(text.contains("Telegram") && !text.contains("Feishu"), "{text}");
            }
        }
    }
}
