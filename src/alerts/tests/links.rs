//! Several links of one profile.

use super::*;
use crate::alerts::content;
use crate::text::Lang;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn links_of_one_profile() {
    table(
        &NoticeSettings::default(),
        &[
            (
                "two links lost at once are one notice, and their recovery is one",
                &[
                    "0 a connected feishu=connected slack=connected",
                    "0 started",
                    "10 a auth-rejected feishu=auth-rejected slack=network-unreachable",
                    "70 a connected feishu=connected slack=connected",
                ],
                &["10 #1 down a/feishu+slack", "100 #1 recovered a(60)/feishu+slack back:feishu+slack"],
            ),
            (
                "a link that is lost while another is down is notified, in the place of the first notice",
                &[
                    "0 started",
                    "10 a network-unreachable feishu=connected slack=network-unreachable",
                    "500 a auth-rejected feishu=auth-rejected slack=network-unreachable",
                    "600 a connected feishu=connected slack=connected",
                ],
                &[
                    "10 #1 down a/slack",
                    "500 #1 down a/feishu+slack",
                    "630 #1 recovered a(590)/slack+feishu back:feishu+slack",
                ],
            ),
            (
                "so is one that changes neither light nor reason of the profile",
                &[
                    "0 started",
                    "10 a auth-rejected feishu=connected slack=auth-rejected",
                    "500 a links feishu=network-unreachable slack=auth-rejected",
                    "501 a links feishu=network-unreachable slack=auth-rejected",
                    "3700 a stopped",
                ],
                &["10 #1 down a/slack", "500 #1 down a/feishu+slack", "3610 #1 reminder a/slack+feishu"],
            ),
            (
                "a link that comes back while another is down is told once it has held",
                &[
                    "0 started",
                    "10 a auth-rejected slack=auth-rejected feishu=network-unreachable",
                    "100 a links slack=auth-rejected feishu=connected",
                    "120 a links slack=auth-rejected feishu=recovering",
                    "130 a links slack=auth-rejected feishu=connected",
                    "500 a connected slack=connected feishu=connected",
                ],
                &[
                    "10 #1 down a/slack+feishu",
                    "160 #1 link-back a/slack back:feishu",
                    "530 #1 recovered a(490)/slack back:slack",
                ],
            ),
            (
                "back within the hold of the whole recovery it is told with the others",
                &[
                    "0 started",
                    "10 a auth-rejected slack=auth-rejected feishu=network-unreachable",
                    "100 a links slack=auth-rejected feishu=connected",
                    "110 a connected slack=connected feishu=connected",
                ],
                &["10 #1 down a/slack+feishu", "140 #1 recovered a(100)/slack+feishu back:feishu+slack"],
            ),
            (
                "a link that falls again and again beside one that is down is flapping",
                &[
                    "0 started",
                    "10 a auth-rejected slack=auth-rejected feishu=connected",
                    "100 a links slack=auth-rejected feishu=network-unreachable",
                    "110 a links slack=auth-rejected feishu=connected",
                    "200 a links slack=auth-rejected feishu=network-unreachable",
                    "210 a links slack=auth-rejected feishu=connected",
                    "300 a links slack=auth-rejected feishu=network-unreachable",
                    "310 a links slack=auth-rejected feishu=connected",
                    "400 a links slack=auth-rejected feishu=network-unreachable",
                    "3700 a stopped",
                ],
                &[
                    "10 #1 down a/slack",
                    "100 #1 down a/feishu+slack",
                    "140 #1 link-back a/slack back:feishu",
                    "200 #1 down a/feishu+slack",
                    "240 #1 link-back a/slack back:feishu",
                    "300 #2 flapping(3) a/feishu+slack",
                    "3610 #2 reminder a/slack+feishu",
                ],
            ),
            (
                "an outage that takes three links down one by one is no flapping",
                &[
                    "0 started",
                    "45 a network-unreachable feishu=network-unreachable slack=reconnecting wecom=connected",
                    "60 a links feishu=network-unreachable slack=network-unreachable wecom=reconnecting",
                    "75 a links feishu=network-unreachable slack=network-unreachable wecom=network-unreachable",
                    "100 a connected feishu=connected slack=connected wecom=connected",
                ],
                &[
                    "45 #1 down a/feishu",
                    "60 #1 down a/slack+feishu",
                    "75 #1 down a/wecom+feishu+slack",
                    "130 #1 recovered a(55)/feishu+slack+wecom back:feishu+slack+wecom",
                ],
            ),
            (
                "an ignored link is nothing to notify of",
                &[
                    "0 started",
                    "10 a auth-rejected slack=auth-rejected feishu=connected",
                    "20 a links slack=auth-rejected !feishu=network-unreachable",
                    "30 a connected !slack=auth-rejected feishu=connected",
                ],
                &["10 #1 down a/slack", "60 #1 recovered a(20)/slack"],
            ),
            (
                "links say nothing of a gateway that is gone",
                &[
                    "0 started",
                    "10 a auth-rejected slack=auth-rejected feishu=connected",
                    "20 a not-running",
                    "30 a starting",
                    "40 a connected slack=connected feishu=connected",
                ],
                &["10 #1 down a/slack", "70 #1 recovered a(30)/slack back:slack"],
            ),
            (
                "muted, a lost link waits like everything else",
                &[
                    "0 started",
                    "10 a auth-rejected slack=auth-rejected feishu=connected",
                    "20 a mute 300",
                    "30 a links slack=auth-rejected feishu=network-unreachable",
                    "3700 a stopped",
                ],
                &["10 #1 down a/slack", "300 #1 down a/feishu+slack", "3610 #1 reminder a/slack+feishu"],
            ),
        ],
    );
}

#[test]
fn the_words_name_what_is_down_and_what_came_back() {
    let events = [
        "0 started",
        "10 a reconnect-stalled slack=reconnect-stalled telegram=auth-rejected",
        "100 a links slack=reconnect-stalled telegram=connected",
        "200 a connected slack=connected telegram=connected",
    ];
    let notices = play(&NoticeSettings::default(), events.iter().map(|e| event(e)).collect(), 1_000);
    let words = |lang| notices.iter().map(|notice| content(notice, lang)).collect::<Vec<_>>();
    let english = words(Lang::En);
    let titles: Vec<&str> = english.iter().map(|content| content.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "✖ a — Slack: link not back",
            "✖ a — Telegram back; still down: Slack: link not back",
            "● a — Slack connected again"
        ]
    );
    assert!(english[0].body.ends_with("Also down: Telegram credentials refused."), "{}", english[0].body);
    assert!(!english[1].body.contains("Telegram"), "{}", english[1].body);
    assert_eq!(english[2].body, "It was down for 3 min 10 s: Slack: link not back.");
    let chinese = words(Lang::Zh);
    assert!(chinese[1].title.starts_with("✖ a — Telegram 已恢复；仍有异常：Slack："), "{}", chinese[1].title);
}
