use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::health::{Change, Verdict};
use crate::profile::Profile;

const EPOCH: i64 = 1_790_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(EPOCH + seconds).unwrap()
}

fn changed(name: &str, seconds: i64, reason: Reason, history: bool) -> Event {
    let profile = Profile { name: name.to_owned(), home: PathBuf::from("/h"), job: None, logs: Vec::new() };
    let mut to = Verdict::unknown(at(seconds));
    to.reason = reason;
    to.evidence = Some(Proof::new("agent.log", "a line", at(seconds)));
    let change = Change { at: at(seconds), from: Verdict::unknown(at(seconds)), to };
    Event::Change(Box::new(ProfileChange { profile: Arc::new(profile), change, history }))
}

/// A notice as one short text: `12 #3 down a,b`.
fn short(notice: &Notice) -> String {
    let kind = match notice.kind {
        Kind::Down => "down".to_owned(),
        Kind::FoundRed => "found".to_owned(),
        Kind::Reminder => "reminder".to_owned(),
        Kind::Recovered => "recovered".to_owned(),
        Kind::Unstable { incidents, .. } => format!("unstable({incidents})"),
        Kind::StableAgain { .. } => "stable".to_owned(),
    };
    let lines: Vec<String> = notice
        .profiles
        .iter()
        .map(|l| match notice.kind {
            Kind::Recovered => format!("{}({})", l.name, l.lasted.as_secs()),
            _ => l.name.clone(),
        })
        .collect();
    let gone: Vec<String> = notice.withdrawn.iter().map(|id| format!(" -#{id}")).collect();
    format!("{} #{} {kind} {}{}", notice.at.as_second() - EPOCH, notice.id, lines.join(","), gone.concat())
}

/// Plays events at their times, with every deadline in between, until `end`.
fn play(settings: &NoticeSettings, events: Vec<(i64, Event)>, end: i64) -> Vec<Notice> {
    let mut policy = Policy::new(settings.clone(), at(-1));
    let mut out = Vec::new();
    let mut turns = 0;
    let mut run_to = |policy: &mut Policy, out: &mut Vec<Notice>, limit: Timestamp| {
        while let Some(deadline) = policy.next_deadline().filter(|d| *d <= limit) {
            out.extend(policy.tick(deadline));
            assert!(policy.next_deadline().is_none_or(|next| next > deadline), "the loop would spin");
            turns += 1;
            assert!(turns < 100_000, "endless");
        }
    };
    for (seconds, event) in events {
        run_to(&mut policy, &mut out, at(seconds));
        out.extend(policy.step(at(seconds), event));
        assert!(policy.next_deadline().is_none_or(|next| next > at(seconds)), "the loop would spin");
    }
    run_to(&mut policy, &mut out, at(end));
    out
}

/// The shorthand of the tables: `time profile code`, `h` before the time for history, and the words of [`event`].
fn event(text: &str) -> (i64, Event) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (history, time) = match words[0].strip_prefix('h') {
        Some(rest) => (true, rest),
        None => (false, words[0]),
    };
    let t: i64 = time.parse().unwrap();
    let name = words[1].to_owned();
    let event = match words[1..] {
        ["started"] => Event::Started,
        ["sleep"] => Event::Sleep,
        ["wake"] => Event::Wake,
        ["offline"] => Event::Offline(true),
        ["online"] => Event::Offline(false),
        [_, "mute", "recovery"] => Event::Mute(name, Some(Mute::Recovery)),
        [_, "mute", until] => Event::Mute(name, Some(Mute::Until(at(until.parse().unwrap())))),
        [_, "unmute"] => Event::Mute(name, None),
        [_, "restart"] => Event::Restarting(name, true),
        [_, "restarted"] => Event::Restarting(name, false),
        [_, "removed"] => Event::Removed(name),
        [_, code] => changed(&name, t, Reason::from_code(code).unwrap(), history),
        _ => panic!("{text}"),
    };
    (t, event)
}

fn table(settings: &NoticeSettings, rows: &[(&str, &[&str], &[&str])]) {
    for (what, events, expected) in rows {
        let events = events.iter().map(|e| event(e)).collect();
        let got: Vec<String> = play(settings, events, 400_000).iter().map(short).collect();
        assert_eq!(got, *expected, "{what}");
    }
}

#[test]
fn the_policy() {
    table(
        &NoticeSettings::default(),
        &[
            ("all is well", &["0 a connected", "0 started", "9 a running"], &[]),
            (
                "a drop that comes back stays silent",
                &["0 a connected", "0 started", "10 a reconnecting", "40 a connected"],
                &[],
            ),
            (
                "a drop is told when it turns red, the recovery when it held",
                &[
                    "0 a connected",
                    "0 started",
                    "10 a reconnecting",
                    "55 a reconnect-stalled",
                    "100 a connected",
                ],
                &["55 #1 down a", "130 #1 recovered a(45)"],
            ),
            (
                "one notice an incident, whatever reasons follow",
                &[
                    "0 a connected",
                    "0 started",
                    "10 a executor-shutdown",
                    "20 a not-running",
                    "25 a starting",
                    "30 a network-unreachable",
                    "40 a connected",
                    "50 a reconnect-stalled",
                    "60 a connected",
                ],
                &["10 #1 down a", "90 #1 recovered a(50)"],
            ),
            (
                "reminders: after an hour, then daily",
                &["0 a connected", "0 started", "10 a auth-rejected", "180100 a connected"],
                &[
                    "10 #1 down a",
                    "3610 #1 reminder a",
                    "90010 #1 reminder a",
                    "176410 #1 reminder a",
                    "180130 #1 recovered a(180090)",
                ],
            ),
            (
                "no reminder while it is on its way",
                &[
                    "0 started",
                    "10 a not-running",
                    "3600 a starting",
                    "3700 a not-running",
                    "3750 a connected",
                ],
                &["10 #1 down a", "3700 #1 reminder a", "3780 #1 recovered a(3740)"],
            ),
            (
                "three incidents in 15 minutes are one unstable notice until it held for 30 minutes",
                &[
                    "0 a connected",
                    "0 started",
                    "100 a not-running",
                    "110 a connected",
                    "200 a not-running",
                    "210 a connected",
                    "300 a not-running",
                    "310 a connected",
                    "400 a not-running",
                    "410 a connected",
                    "5000 a not-running",
                    "5010 a connected",
                ],
                &[
                    "100 #1 down a",
                    "140 #1 recovered a(10)",
                    "200 #2 down a",
                    "240 #2 recovered a(10)",
                    "300 #3 unstable(3) a",
                    "2210 #4 stable a",
                    "5000 #5 down a",
                    "5040 #5 recovered a(10)",
                ],
            ),
            (
                "incidents that lie further apart are told one by one",
                &[
                    "0 started",
                    "100 a not-running",
                    "110 a connected",
                    "600 a not-running",
                    "610 a connected",
                    "1100 a not-running",
                    "1110 a connected",
                ],
                &[
                    "100 #1 down a",
                    "140 #1 recovered a(10)",
                    "600 #2 down a",
                    "640 #2 recovered a(10)",
                    "1100 #3 down a",
                    "1140 #3 recovered a(10)",
                ],
            ),
            (
                "what stays down while unstable is reminded of",
                &[
                    "0 started",
                    "1 a not-running",
                    "2 a connected",
                    "40 a not-running",
                    "41 a connected",
                    "80 a not-running",
                    "3700 a connected",
                ],
                &[
                    "1 #1 down a",
                    "32 #1 recovered a(1)",
                    "40 #2 down a",
                    "71 #2 recovered a(1)",
                    "80 #3 unstable(3) a",
                    "3680 #3 reminder a",
                    "5500 #4 stable a",
                ],
            ),
            (
                "profiles that fall together share one notice, shown at once and then replaced",
                &[
                    "0 started",
                    "10 a not-running",
                    "18 b auth-rejected",
                    "28 c not-running",
                    "39 d not-running",
                    "50 a connected",
                    "55 b connected",
                    "70 c connected",
                    "90 d connected",
                ],
                &[
                    "10 #1 down a",
                    "18 #1 down a,b",
                    "28 #1 down a,b,c",
                    "39 #2 down d",
                    "80 #3 recovered a(40)",
                    "85 #3 recovered a(40),b(37)",
                    "100 #4 recovered c(42) -#1",
                    "120 #2 recovered d(51)",
                ],
            ),
            (
                "a recovery of several takes the notices of each from the screen",
                &["0 started", "10 a not-running", "30 b not-running", "60 a connected", "61 b connected"],
                &["10 #1 down a", "30 #2 down b", "90 #1 recovered a(50)", "91 #1 recovered a(50),b(31) -#2"],
            ),
            (
                "history raises nothing; what is red at the start is told once",
                &[
                    "h-900 a not-running",
                    "h-800 a connected",
                    "h-700 b auth-rejected",
                    "h-600 c executor-shutdown",
                    "h-500 d stopped",
                    "0 started",
                    "100 b connected",
                    "200 c connected",
                ],
                &["0 #1 found b,c", "130 #2 recovered b(800)", "230 #3 recovered c(800) -#1"],
            ),
            (
                "a profile that is found red later is told once its history settled",
                &[
                    "0 started",
                    "h100 a not-running",
                    "h101 a executor-shutdown",
                    "103 a not-exiting",
                    "200 a connected",
                ],
                &["106 #1 found a", "230 #1 recovered a(100)"],
            ),
            (
                "history that ends green says nothing",
                &["0 started", "h100 a not-running", "h102 a connected"],
                &[],
            ),
            (
                "grey never notifies",
                &["0 started", "1 a stopped", "2 b no-evidence", "90000 a connected", "90100 a stopped"],
                &[],
            ),
            (
                "amber never notifies",
                &["0 started", "1 a starting", "2 b restarting", "3 c unsupervised", "4 d reconnecting"],
                &[],
            ),
            (
                "unsupervised is a recovery",
                &["0 started", "1 a not-running", "10 a unsupervised"],
                &["1 #1 down a", "40 #1 recovered a(9)"],
            ),
            (
                "stopped while down: no reminder, and the recovery is told",
                &["0 started", "1 a not-running", "10 a stopped", "9000 a connected"],
                &["1 #1 down a", "9030 #1 recovered a(8999)"],
            ),
            (
                "started again after it was stopped on purpose, and failing again: another incident",
                &[
                    "0 started",
                    "1 a not-running",
                    "10 a stopped",
                    "300 a starting",
                    "310 a auth-rejected",
                    "900 a connected",
                ],
                &["1 #1 down a", "310 #2 down a", "930 #2 recovered a(590)"],
            ),
            (
                "stopped before it was told, and failing again: one incident, whatever reasons follow",
                &[
                    "0 started",
                    "5 offline",
                    "10 a not-running",
                    "20 a stopped",
                    "100 a not-running",
                    "150 online",
                    "300 a executor-shutdown",
                    "400 a connected",
                ],
                &["240 #1 down a", "430 #1 recovered a(390)"],
            ),
            (
                "stopped for a moment only: the same incident",
                &["0 started", "1 a not-running", "10 a stopped", "20 a auth-rejected", "900 a connected"],
                &["1 #1 down a", "930 #1 recovered a(899)"],
            ),
            (
                "muted until it recovers while it works, or before it was red: over once it held",
                &[
                    "0 a connected",
                    "0 started",
                    "5 a reconnecting",
                    "6 a mute recovery",
                    "20 a connected",
                    "100 a not-running",
                    "200 a connected",
                    "500 b connected",
                    "510 b mute recovery",
                    "600 b not-running",
                    "700 b connected",
                ],
                &["100 #1 down a", "230 #1 recovered a(100)", "600 #2 down b", "730 #2 recovered b(100)"],
            ),
            (
                "muted for an hour: silence, then what still holds",
                &["0 a connected", "0 started", "1 a mute 3601", "10 a not-running", "9000 a connected"],
                &["3601 #1 down a", "7201 #1 reminder a", "9030 #1 recovered a(8990)"],
            ),
            (
                "muted and over before the mute ends: nothing",
                &["0 a connected", "0 started", "1 a mute 3601", "10 a not-running", "90 a connected"],
                &[],
            ),
            (
                "muted until it recovers: no reminder, the recovery ends the mute and is told",
                &[
                    "0 a connected",
                    "0 started",
                    "10 a not-running",
                    "20 a mute recovery",
                    "9000 a connected",
                    "9500 a not-running",
                    "9600 a connected",
                ],
                &["10 #1 down a", "9030 #1 recovered a(8990)", "9500 #2 down a", "9630 #2 recovered a(100)"],
            ),
            (
                "a mute taken back tells at once",
                &[
                    "0 a connected",
                    "0 started",
                    "1 a mute 3601",
                    "10 a not-running",
                    "30 a unmute",
                    "40 a connected",
                ],
                &["30 #1 down a", "70 #1 recovered a(30)"],
            ),
            (
                "asleep and 90 s after waking: silence, then what still holds",
                &[
                    "0 a connected",
                    "0 b connected",
                    "0 started",
                    "5 sleep",
                    "10 a not-running",
                    "10 b not-running",
                    "1000 wake",
                    "1050 b connected",
                    "1060 c not-running",
                    "1200 a connected",
                    "1200 c connected",
                ],
                &["1090 #1 down a,c", "1230 #2 recovered a(1190),c(140) -#1"],
            ),
            (
                "offline: silence, and time to come back",
                &[
                    "0 a connected",
                    "0 b connected",
                    "0 started",
                    "5 offline",
                    "10 a network-unreachable",
                    "10 b network-unreachable",
                    "500 online",
                    "520 a connected",
                    "700 b connected",
                ],
                &["590 #1 down b", "730 #1 recovered b(690)"],
            ),
            (
                "told before the network went: its recovery is told after",
                &["0 started", "5 a not-running", "10 offline", "20 a connected", "500 online"],
                &["5 #1 down a", "590 #1 recovered a(15)"],
            ),
            (
                "offline at the start: told when the network is back",
                &["0 offline", "h0 a network-unreachable", "0 started", "100 online", "300 a connected"],
                &["190 #1 found a", "330 #1 recovered a(300)"],
            ),
            (
                "a restart of ours says nothing",
                &[
                    "0 a connected",
                    "0 started",
                    "10 a restart",
                    "11 a not-running",
                    "12 a starting",
                    "20 a connected",
                    "21 a restarted",
                ],
                &[],
            ),
            (
                "a restart of ours that fails is told when it is over",
                &[
                    "0 a connected",
                    "0 started",
                    "10 a restart",
                    "11 a not-running",
                    "70 a restarted",
                    "80 a connected",
                ],
                &["70 #1 down a", "110 #1 recovered a(69)"],
            ),
            (
                "a restart of ours that mends is the recovery",
                &[
                    "0 started",
                    "1 a executor-shutdown",
                    "10 a restart",
                    "11 a not-running",
                    "15 a connected",
                    "15 a restarted",
                ],
                &["1 #1 down a", "45 #1 recovered a(14)"],
            ),
            (
                "a profile that is gone is forgotten",
                &["0 started", "1 a not-running", "10 a removed", "20 a connected"],
                &["1 #1 down a"],
            ),
            (
                "nothing before the start",
                &["0 a not-running", "10 a connected", "100 started", "101 a not-running", "110 a connected"],
                &["101 #1 down a", "140 #1 recovered a(9)"],
            ),
        ],
    );
}

#[test]
fn settings_change_the_policy() {
    let drop_at_once = NoticeSettings { drop_at_once: true, ..NoticeSettings::default() };
    table(
        &drop_at_once,
        &[(
            "a drop is told at once, and only once",
            &["0 a connected", "0 started", "10 a reconnecting", "55 a reconnect-stalled", "60 a connected"],
            &["10 #1 down a", "90 #1 recovered a(50)"],
        )],
    );
    let silent = NoticeSettings { enabled: false, ..NoticeSettings::default() };
    table(&silent, &[("nothing", &["0 started", "10 a not-running", "60 a connected"], &[])]);
    let no_reminders = NoticeSettings { reminders: false, ..NoticeSettings::default() };
    table(&no_reminders, &[("no reminders", &["0 started", "10 a not-running"], &["10 #1 down a"])]);
    let apart =
        NoticeSettings { group_window: Duration::ZERO, reminders: false, ..NoticeSettings::default() };
    table(
        &apart,
        &[(
            "never together",
            &["0 started", "10 a not-running", "10 b not-running"],
            &["10 #1 down a", "10 #2 down b"],
        )],
    );
}

#[test]
fn a_profile_is_muted_though_nothing_was_told_of_it_yet() {
    let mut policy = Policy::new(NoticeSettings::default(), at(-1));
    policy.step(at(0), Event::Started);
    policy.step(at(1), Event::Mute("grey".into(), Some(Mute::Recovery)));
    assert_eq!(policy.mute("grey"), Some(Mute::Recovery));
    assert_eq!(policy.step(at(2), changed("grey", 2, Reason::NotRunning, false)), []);
}

#[test]
fn switched_on_again_it_tells_what_holds() {
    let mut policy = Policy::new(NoticeSettings { enabled: false, ..NoticeSettings::default() }, at(0));
    policy.step(at(0), Event::Started);
    assert!(policy.step(at(1), changed("a", 1, Reason::NotRunning, false)).is_empty());
    let told = policy.step(at(9), Event::Settings(NoticeSettings::default()));
    assert_eq!(told.iter().map(short).collect::<Vec<_>>(), ["9 #1 down a"]);
}

#[test]
fn a_clock_that_steps_back_repeats_nothing() {
    let mut policy = Policy::new(NoticeSettings::default(), at(0));
    policy.step(at(0), Event::Started);
    policy.step(at(1), changed("a", 1, Reason::NotRunning, false));
    assert_eq!(policy.tick(at(3_601)).len(), 1);
    assert!(policy.tick(at(10)).is_empty());
    assert!(policy.tick(at(3_602)).is_empty());
    assert!(policy.next_deadline() > Some(at(3_602)));
}

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
    let words = |lang| notices.iter().map(|n| n.words(lang)).map(|w| (w.title, w.body)).collect::<Vec<_>>();
    let own = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
    assert_eq!(
        words(Lang::En),
        [
            (
                "✖ b — credentials refused",
                "Down for 3 min 20 s already. Feishu refuses this app's credentials. A restart helps only after the \
                 credentials are mended. Mend the app ID and secret, then restart: the gateway does not try again \
                 by itself.",
            ),
            (
                "✖ a_b&c — executor dead: a hollow shell",
                "The gateway's executor is shut down: it looks connected, but can answer nothing. A restart helps.",
            ),
            ("● a_b&c — connected again", "It was down for 10 s: executor dead: a hollow shell."),
            (
                "✖ b — still down: credentials refused",
                "Down for 1 h 3 min 20 s. Feishu refuses this app's credentials. A restart helps only after the \
                 credentials are mended. Mend the app ID and secret, then restart: the gateway does not try again \
                 by itself.",
            ),
            ("● b — connected again", "It was down for 1 h 5 min: credentials refused."),
        ]
        .map(own)
    );
    assert_eq!(
        words(Lang::Zh)[1..3],
        [
            (
                "✖ a_b&c — 执行器已关闭：空壳进程",
                "网关的执行器已关闭：看似在线，实际无法处理任何消息。重启可以恢复。",
            ),
            ("● a_b&c — 已恢复（已连接）", "异常持续 10 秒：执行器已关闭：空壳进程。"),
        ]
        .map(own)
    );
    let actions: Vec<Vec<Action>> =
        notices.iter().map(|n| n.buttons().into_iter().map(|b| b.action).collect()).collect();
    assert_eq!(actions[1], [Action::Restart(vec!["a_b&c".into()]), Action::OpenLog("a_b&c".into())]);
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
    let words = last.words(Lang::En);
    assert_eq!(words.title, "✖ 8 gateways are down");
    let lines: Vec<&str> = words.body.lines().collect();
    assert_eq!(lines[0], "p0: credentials refused");
    assert_eq!(lines[6], "and 2 more");
    assert_eq!(last.words(Lang::Zh).title, "✖ 8 个网关异常");
    assert_eq!(last.words(Lang::Zh).body.lines().last(), Some("另有 2 个"));
    let buttons = last.buttons();
    assert_eq!(buttons.len(), 1);
    assert_eq!(buttons[0].action, Action::Restart(names[1..].to_vec()));
}

#[test]
fn every_kind_reads_in_both_languages() {
    for reason in Reason::all().filter(|r| r.light() == Light::Red) {
        for kind in [
            Kind::Down,
            Kind::FoundRed,
            Kind::Reminder,
            Kind::Recovered,
            Kind::Unstable {
                incidents: 3,
                window: Duration::from_secs(900),
                hold: Duration::from_secs(1_800),
            },
            Kind::StableAgain { hold: Duration::from_secs(1_800) },
        ] {
            let line = |name: &str| Line {
                name: name.to_owned(),
                reason,
                now: Reason::Connected,
                lasted: SignedDuration::from_secs(61),
                proof: None,
            };
            for profiles in [vec![line("x")], vec![line("x"), line("y")]] {
                let notice = Notice::new(1, at(0), kind, profiles);
                let (en, zh) = (notice.words(Lang::En), notice.words(Lang::Zh));
                for text in [&en.title, &en.body, &zh.title, &zh.body] {
                    assert!(!text.is_empty() && !text.contains(['{', '}']), "{kind:?} {text}");
                }
                assert!(en.title != zh.title && en.body != zh.body, "{kind:?}");
                assert!(!en.title.contains('\n') && !zh.title.contains('\n'));
            }
        }
    }
}

/// Lights as random walks, with pauses of the machine, restarts and mutes.
fn histories(calm: bool) -> impl Strategy<Value = Vec<(i64, Event)>> {
    let names = ["a", "b", "c"];
    let codes =
        ["connected", "connected", "not-running", "reconnecting", "stopped", "executor-shutdown", "starting"];
    let step = (0..names.len(), 0..codes.len(), 0i64..200, 0usize..12).prop_map(move |(n, c, gap, other)| {
        let special = match other {
            0 => Some("sleep"),
            1 => Some("wake"),
            2 => Some("offline"),
            3 => Some("online"),
            _ => None,
        };
        (gap, n, c, if calm { None } else { special })
    });
    prop::collection::vec(step, 1..60).prop_map(move |steps| {
        let mut t = 0;
        let mut events = vec![event("0 started")];
        for (gap, n, c, special) in steps {
            t += gap;
            events.push(match special {
                Some(word) => event(&format!("{t} {word}")),
                None => event(&format!("{t} {} {}", names[n], codes[c])),
            });
        }
        if !calm {
            events.push(event(&format!("{t} online")));
            events.push(event(&format!("{t} wake")));
        }
        for name in names {
            events.push(event(&format!("{} {name} connected", t + 10)));
        }
        events
    })
}

fn reasons_of<'a>(events: &'a [(i64, Event)], name: &'a str) -> impl Iterator<Item = (i64, Reason)> + 'a {
    events.iter().filter_map(move |(t, e)| match e {
        Event::Change(c) if c.profile.name == name => Some((*t, c.change.to.reason)),
        _ => None,
    })
}

proptest! {
    #[test]
    fn never_two_notices_for_one_incident(events in histories(false)) {
        let notices = play(&NoticeSettings::default(), events.clone(), 20_000);
        for name in ["a", "b", "c"] {
            let mut told: Option<(u64, Timestamp)> = None;
            for notice in notices.iter().filter(|n| n.profiles.iter().any(|l| l.name == name)) {
                if !matches!(notice.kind, Kind::Down | Kind::FoundRed | Kind::Unstable { .. }) {
                    continue;
                }
                if let Some((id, since)) = told.filter(|(id, _)| *id != notice.id) {
                    // another incident: green, or the rest of one that was stopped, must have held in between
                    let changes: Vec<(i64, Reason)> = reasons_of(&events, name).collect();
                    let held = changes.iter().enumerate().any(|(i, (t, reason))| {
                        // or it was left alone, stopped on purpose
                        let rests = |r: Reason| works(r) || r == Reason::Stopped;
                        let other = |r: Reason| works(r) != works(*reason) || !rests(r);
                        let end = changes.iter().skip(i).find(|(_, r)| other(*r)).map_or(i64::MAX, |(t, _)| *t);
                        rests(*reason) && end - t >= 30 && at(end.min(99_999)) > since && at(*t) < notice.at
                    });
                    prop_assert!(held, "{name}: #{id} and #{} within one incident", notice.id);
                }
                told = Some((notice.id, notice.at));
            }
        }
    }

    #[test]
    fn what_was_told_is_followed_by_good_news(events in histories(false)) {
        let notices = play(&NoticeSettings::default(), events, 20_000);
        for name in ["a", "b", "c"] {
            let last = notices.iter().rfind(|n| n.profiles.iter().any(|l| l.name == name));
            prop_assert!(last.is_none_or(Notice::is_good), "{:?}", last.map(short));
        }
    }

    #[test]
    fn nothing_is_told_in_a_pause(events in histories(false)) {
        let notices = play(&NoticeSettings::default(), events.clone(), 20_000);
        let (mut asleep, mut offline, mut quiet_until) = (false, false, i64::MIN);
        let mut spans = Vec::new();
        for (t, e) in &events {
            spans.push((*t, asleep || offline, quiet_until));
            match e {
                Event::Sleep => asleep = true,
                Event::Wake => { asleep = false; quiet_until = t + 90; }
                Event::Offline(true) => offline = true,
                Event::Offline(false) => { if offline { quiet_until = t + 90; } offline = false; }
                _ => {}
            }
            spans.push((*t, asleep || offline, quiet_until));
        }
        for notice in &notices {
            let t = notice.at.as_second() - EPOCH;
            // the state after the last event strictly before this moment
            let before = spans.iter().rfind(|(at, _, _)| *at < t);
            if let Some((_, paused, quiet)) = before {
                let same_moment = events.iter().any(|(at, _)| *at == t);
                prop_assert!(same_moment || (!paused && t >= *quiet), "{}", short(notice));
            }
        }
    }

    #[test]
    fn only_what_was_red_is_told(events in histories(true)) {
        let notices = play(&NoticeSettings::default(), events.clone(), 20_000);
        for notice in &notices {
            for line in &notice.profiles {
                let red = reasons_of(&events, &line.name)
                    .any(|(t, r)| at(t) <= notice.at && r.light() == Light::Red);
                prop_assert!(red, "{}", short(notice));
            }
        }
        // in calm weather a first fall is told in the moment in which it happens
        for name in ["a", "b", "c"] {
            if let Some((t, _)) = reasons_of(&events, name).find(|(_, r)| r.light() == Light::Red) {
                prop_assert!(notices.iter().any(|n| n.at == at(t) && n.profiles.iter().any(|l| l.name == name)));
            }
        }
    }
}
