//! The links of a profile in its submenu.

use super::*;
use crate::health::LinkVerdict;
use crate::text::reason::wording;

fn link(platform: &str, reason: Reason, since: i64) -> LinkVerdict {
    LinkVerdict::new(platform.into(), reason, at(since))
}

fn with_links(reason: Reason, links: Vec<LinkVerdict>) -> Snapshot {
    let mut profile = view("work", reason, -600);
    Arc::make_mut(&mut profile.verdict).platform = links.first().map(|link| link.platform.clone());
    Arc::make_mut(&mut profile.verdict).links = links;
    snapshot(vec![profile])
}

/// The rows of the profile's links with their submenus.
fn link_rows(snapshot: &Snapshot, lang: Lang) -> Vec<String> {
    let menu = menu(snapshot, &MenuState::default(), &locale(lang), at(0));
    let RowKind::Sub(below) = &menu.row(&key("work", "profile")).unwrap().kind else { panic!("no submenu") };
    let links: Vec<Row> =
        below.iter().filter(|row| row.key.starts_with(&key("work", "link"))).cloned().collect();
    drawn(&links)
}

#[test]
fn the_submenu_shows_each_link() {
    let mut telegram = link("telegram", Reason::AuthRejected, -180);
    telegram.evidence = Some(Proof::new("agent.log", "Unauthorized", at(-180)));
    let mut counted = link("weixin", Reason::LinksMissing, -60);
    counted.missing = Some((1, 2));
    let mut ignored = link("slack", Reason::LinkEnded, -90);
    ignored.ignored = true;
    let mut feishu = link("feishu", Reason::Connected, -3_600);
    feishu.last_message_at = Some(at(-7_200));
    let mut snapshot = with_links(Reason::AuthRejected, vec![telegram, counted, ignored, feishu]);
    Arc::make_mut(&mut snapshot.profiles[0].verdict).served_by = Some("default".into());
    Arc::make_mut(&mut snapshot.profiles[0].verdict).last_message_at = Some(at(-7_200));
    let meaning = |reason, platform, missing| {
        format!("    ({})", wording(Lang::En, reason, Some(platform), missing).meaning)
    };
    assert_eq!(
        link_rows(&snapshot, Lang::En),
        [
            "✖ Telegram credentials refused · 3 min >",
            &meaning(Reason::AuthRejected, "telegram", None),
            "    (agent.log, 14:10: Unauthorized)",
            "    --",
            "    Ignore This Link",
            "✖ some Weixin links are down · 1 min >",
            &meaning(Reason::LinksMissing, "weixin", Some((1, 2))),
            "    (Since 14:12)",
            "    --",
            "    Ignore This Link",
            "○ Slack — ignored >",
            &meaning(Reason::LinkEnded, "slack", None),
            "    (Since 14:11)",
            "    --",
            "    Watch This Link Again",
            "● Feishu · 1 h >",
            "    (Since 13:13)",
            "    (Last message 2 h ago)",
            "    --",
            "    Ignore This Link",
        ]
    );
    let rows = link_rows(&snapshot, Lang::Zh);
    assert!(rows[0].starts_with("✖ Telegram "), "{rows:?}");
    assert!(rows.contains(&"● 飞书 · 1 小时 >".to_owned()), "{rows:?}");
    assert!(rows.contains(&"○ Slack — 已忽略 >".to_owned()), "{rows:?}");
    let menu = menu(&snapshot, &MenuState::default(), &locale(Lang::En), at(0));
    let label = |word| menu.row(&key("work", word)).map(|row| row.label.as_str());
    assert_eq!(label("profile"), Some("work — Telegram credentials refused · 1 of 4 links · 10 min"));
    assert_eq!(label("served-by"), Some("Served by default"));
    assert_eq!(label("last-message"), Some("Last message 2 h ago"));
    for (platform, ignore) in [("feishu", true), ("slack", false)] {
        let command = menu.command(&key("work", &format!("link/{platform}/ignore")));
        let (profile, platform) = ("work".to_owned(), platform.to_owned());
        assert_eq!(command, Some(&EngineRequest::IgnoreLink { profile, platform, ignore }.into()));
    }
}

#[test]
fn one_green_link_reads_as_its_profile_does() {
    assert!(
        link_rows(&with_links(Reason::Connected, vec![link("feishu", Reason::Connected, 0)]), Lang::En)
            .is_empty()
    );
    let lost = with_links(Reason::Reconnecting, vec![link("feishu", Reason::Reconnecting, 0)]);
    assert_eq!(link_rows(&lost, Lang::En).len(), 5);
    let label = |snapshot: &Snapshot| tooltip(snapshot, &MenuState::default(), Lang::En);
    assert!(!label(&lost).contains(" links"), "{}", label(&lost));
}

#[test]
fn links_are_bounded_in_number_and_width() {
    let named = |i: usize| link(&format!("{i}-{}\u{202e}\n", "x".repeat(200)), Reason::Reconnecting, 0);
    let rows = link_rows(&with_links(Reason::Reconnecting, (0..40).map(named).collect()), Lang::En);
    assert!(rows.len() < 100, "{}", rows.len());
    assert_eq!(rows.last().unwrap(), "(and 24 more links)");
    for row in rows {
        assert!(row.chars().count() < 110 && !row.contains(['\u{202e}', '\n']), "{row}");
    }
}
