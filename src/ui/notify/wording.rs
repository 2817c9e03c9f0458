//! The buttons of notices.

use crate::alerts::{Action, Notice};
use crate::text::{Phrase, notice as say};

/// A button of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// Identifies the button towards the notification server.
    pub key: &'static str,
    /// Its label.
    pub label: Phrase,
    /// What it does.
    pub action: Action,
}

/// The buttons of a notice.
pub(crate) fn buttons(notice: &Notice) -> Vec<Button> {
    let button = |action| {
        let (key, label) = match action {
            Action::Restart(_) => (super::RESTART, say::RESTART),
            Action::OpenLog(_) => (super::OPEN_LOG, say::OPEN_LOG),
            Action::Acknowledge(_) => (super::ACKNOWLEDGE, say::ACKNOWLEDGE),
        };
        Button { key, label, action }
    };
    notice.actions().into_iter().map(button).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::*;
    use crate::alerts::tests::{at, changed, event, play};
    use crate::alerts::{Affected, Event, NoticeKind, content};
    use crate::config::NoticeSettings;
    use crate::health::{Light, Reason};
    use crate::text::Lang;

    #[test]
    fn the_words_say_profile_cause_and_whether_a_restart_helps() {
        let notices = play(
            &NoticeSettings::default(),
            [
                "h-200 b auth-rejected",
                "0 started",
                "10 a_b&c executor-shutdown",
                "20 a_b&c connected",
                "3700 b connected",
            ]
            .iter()
            .map(|e| event(e))
            .collect(),
            10_000,
        );
        let words =
            |lang| notices.iter().map(|n| content(n, lang)).map(|w| (w.title, w.body)).collect::<Vec<_>>();
        let own = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
        assert_eq!(
            words(Lang::En),
            [
                (
                    "✖ b — Feishu credentials refused",
                    "Already down for 3 min 20 s. Feishu refuses this profile's credentials. A restart helps only after the \
                     credentials are fixed. Fix the credentials, then restart.",
                ),
                (
                    "✖ a_b&c — executor dead: a hollow shell",
                    "The gateway's executor is shut down: it looks connected, but cannot answer any message. A restart helps.",
                ),
                ("● a_b&c — connected again", "It was down for 10 s: executor dead: a hollow shell."),
                (
                    "✖ b — still down: Feishu credentials refused",
                    "Down for 1 h 3 min 20 s. Feishu refuses this profile's credentials. A restart helps only after the \
                     credentials are fixed. Fix the credentials, then restart.",
                ),
                ("● b — connected again", "It was down for 1 h 5 min: Feishu credentials refused."),
            ]
            .map(own)
        );
        assert_eq!(
            words(Lang::Zh)[1..3],
            [
                (
                    "✖ a_b&c — executor 已关闭：进程成了空壳",
                    "网关的 executor 已关闭：看似在线，实际无法回复任何消息。重启可以恢复。",
                ),
                ("● a_b&c — 已恢复（已连接）", "异常持续 10 秒：executor 已关闭：进程成了空壳。"),
            ]
            .map(own)
        );
        let actions: Vec<Vec<Action>> =
            notices.iter().map(|n| buttons(n).into_iter().map(|b| b.action).collect()).collect();
        let one = || vec!["a_b&c".to_owned()];
        let expected = [Action::Restart(one()), Action::OpenLog("a_b&c".into()), Action::Acknowledge(one())];
        assert_eq!(actions[1], expected);
        assert!(actions[2].is_empty());
    }

    #[test]
    fn several_profiles_are_listed_and_restart_where_it_helps() {
        let names: Vec<String> = (0..8).map(|i| format!("p{i}")).collect();
        let mut events = vec![(0, Event::Started)];
        for (i, name) in names.iter().enumerate() {
            let reason = if i == 0 { Reason::AuthRejected } else { Reason::NotRunning };
            events.push((i as i64, changed(name, i as i64, reason, false)));
        }
        let notices = play(&NoticeSettings::default(), events, 100);
        let last = notices.last().unwrap();
        let words = content(last, Lang::En);
        assert_eq!(words.title, "✖ 8 gateways are down");
        let lines: Vec<&str> = words.body.lines().collect();
        assert_eq!(lines[0], "p0: Feishu credentials refused");
        assert_eq!(lines[6], "and 2 more");
        assert_eq!(content(last, Lang::Zh).title, "✖ 8 个网关异常");
        assert_eq!(content(last, Lang::Zh).body.lines().last(), Some("另有 2 个"));
        let actions: Vec<Action> = buttons(last).into_iter().map(|button| button.action).collect();
        assert_eq!(actions, [Action::Restart(names[1..].to_vec()), Action::Acknowledge(names)]);
    }

    /// macOS knows a combination of buttons by the keys, and an unregistered one replaces all others.
    #[test]
    fn every_combination_of_buttons_is_known_in_advance() {
        let known = super::super::combinations(Lang::En);
        for (reasons, expected) in [
            (&[Reason::NotRunning][..], 0),
            (&[Reason::NotRunning, Reason::NotRunning], 1),
            (&[Reason::AuthRejected, Reason::AuthRejected], 2),
        ] {
            let mut events = vec![(0, Event::Started)];
            for (i, reason) in reasons.iter().enumerate() {
                events.push((1, changed(&format!("p{i}"), 1, *reason, false)));
            }
            let notices = play(&NoticeSettings::default(), events, 100);
            let label = |button: Button| (button.key, button.label[0].to_owned());
            let shown: Vec<_> = buttons(notices.last().unwrap()).into_iter().map(label).collect();
            assert_eq!(known[expected], shown, "{reasons:?}");
        }
        assert_eq!(known.len(), 3);
    }

    #[test]
    fn every_kind_reads_in_both_languages() {
        for reason in Reason::all().filter(|r| r.light() == Light::Red) {
            for kind in [
                NoticeKind::Down,
                NoticeKind::FoundDown,
                NoticeKind::Reminder,
                NoticeKind::LinkBack,
                NoticeKind::Recovered,
                NoticeKind::Flapping {
                    incidents: 3,
                    window: Duration::from_secs(900),
                    hold: Duration::from_secs(1_800),
                },
                NoticeKind::StableAgain { hold: Duration::from_secs(1_800) },
            ] {
                let line = |name: &str| Affected {
                    name: name.to_owned(),
                    reason,
                    platform: Some("telegram".into()),
                    missing: Some((1, 2)),
                    external_drain: false,
                    also: vec![("slack".into(), Reason::LinkEnded)],
                    back: vec!["wecom".into()],
                    now: Reason::Connected,
                    lasted: SignedDuration::from_secs(61),
                    proof: None,
                };
                for profiles in [vec![line("x")], vec![line("x"), line("y")]] {
                    let notice = Notice { id: 1, at: at(0), kind, affected: profiles, withdrawn: Vec::new() };
                    let (en, zh) = (content(&notice, Lang::En), content(&notice, Lang::Zh));
                    for text in [&en.title, &en.body, &zh.title, &zh.body] {
                        assert!(!text.is_empty() && !text.contains(['{', '}']), "{kind:?} {text}");
                    }
                    assert!(en.title != zh.title && en.body != zh.body, "{kind:?}");
                    assert!(!en.title.contains('\n') && !zh.title.contains('\n'));
                }
            }
        }
    }
}
