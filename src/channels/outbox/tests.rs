use super::*;
use crate::health::Light;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn message(second: i64, profile: &str, light: Light) -> Outgoing {
    Outgoing {
        title: format!("{profile} {}", light.word()),
        light,
        profiles: vec![profile.to_owned()],
        ..Outgoing::test(at(second), Lang::En)
    }
}

fn notice(id: u64, profiles: &[&str]) -> Notice {
    let affected = |name: &&str| Affected {
        name: (*name).to_owned(),
        reason: Reason::NotRunning,
        platform: None,
        missing: None,
        external_drain: false,
        also: Vec::new(),
        back: Vec::new(),
        now: Reason::NotRunning,
        lasted: SignedDuration::ZERO,
        proof: None,
    };
    let affected = profiles.iter().map(affected).collect();
    Notice { id, at: at(0), kind: NoticeKind::Down, affected, withdrawn: Vec::new() }
}

fn push(outbox: &mut Outbox, now: Timestamp, message: Outgoing) {
    outbox.add(Entry { group: None, news: Vec::new(), queued: now, ready: now, message });
}

fn reported(profile: &str, second: i64) -> Vec<(String, Option<Reported>)> {
    let reported = Reported { reason: Reason::NotRunning, platform: None, since: at(second), at: at(second) };
    vec![(profile.to_owned(), Some(reported))]
}

fn next(outbox: &mut Outbox, second: i64) -> Next {
    outbox.next(at(second), Lang::En, &TimeZone::UTC)
}

fn sent(outbox: &mut Outbox, second: i64) -> Outgoing {
    match next(outbox, second) {
        Next::Send(message) => *message,
        other => panic!("{other:?}"),
    }
}

fn why() -> Message {
    Message::verbatim("no")
}

#[test]
fn messages_leave_in_order_once_each() {
    let mut outbox = Outbox::default();
    assert_eq!(next(&mut outbox, 0), Next::Idle);
    push(&mut outbox, at(0), message(0, "a", Light::Red));
    push(&mut outbox, at(1), message(1, "b", Light::Red));
    for profile in ["a", "b"] {
        let message = sent(&mut outbox, 2);
        assert_eq!((message.profiles, message.late), (vec![profile.to_owned()], None));
        outbox.delivered(at(2));
    }
    assert_eq!(next(&mut outbox, 3), Next::Idle);
    assert_eq!((outbox.last_sent, outbox.waiting()), (Some(at(2)), 0));
}

#[test]
fn profiles_that_fall_together_share_a_message() {
    let mut outbox = Outbox::default();
    outbox.push_notice(at(0), &notice(7, &["a"]), message(0, "a", Light::Red), reported("a", 0));
    let Next::Wait(ready) = next(&mut outbox, 0) else { panic!("others may follow") };
    assert!(ready < at(1), "{ready}");
    let both = Outgoing { profiles: vec!["a".into(), "b".into()], ..message(0, "a", Light::Red) };
    outbox.push_notice(at(0), &notice(7, &["a", "b"]), both.clone(), reported("b", 0));
    assert_eq!(sent(&mut outbox, 1), both);
    let handed_out = |outbox: &Outbox, notice: Notice| {
        outbox.is_handed_out(Group::of(&notice).unwrap(), &summary_of(&notice.affected[0]))
    };
    assert!(handed_out(&outbox, notice(7, &["a"])) && handed_out(&outbox, notice(7, &["b"])));
    assert!(!handed_out(&outbox, notice(7, &["c"])) && !handed_out(&outbox, notice(8, &["a"])));
    // the recovery takes the notice's place on the screen, and is news; so is another link
    assert!(!handed_out(&outbox, Notice { kind: NoticeKind::Recovered, ..notice(7, &["a"]) }));
    let mut second = notice(7, &["a"]);
    second.affected[0].also.push(("slack".into(), Reason::NetworkUnreachable));
    assert!(!handed_out(&outbox, second));
    // while it is under way another one falls
    outbox.push_notice(at(1), &notice(7, &["c"]), message(1, "c", Light::Red), reported("c", 1));
    outbox.delivered(at(2));
    assert_eq!(sent(&mut outbox, 2).profiles, ["c"]);
}

#[test]
fn ten_minutes_offline_are_one_late_message() {
    let mut outbox = Outbox::default();
    let minutes = |n: i64| n * 60;
    for n in 0..10 {
        let (profile, light) = (["a", "b"][n as usize % 2], if n < 8 { Light::Red } else { Light::Green });
        push(&mut outbox, at(minutes(n)), message(minutes(n), profile, light));
    }
    let digest = sent(&mut outbox, minutes(10));
    assert_eq!(digest.title, "2 messages, late");
    assert_eq!(digest.body.lines().count(), 2, "{}", digest.body);
    assert!(digest.body.contains("a green") && digest.body.contains("b green"), "{}", digest.body);
    assert!(digest.late.is_some_and(|late| late.starts_with("Late")) && digest.light == Light::Green);
    outbox.delivered(at(minutes(10)));
    assert_eq!(next(&mut outbox, minutes(10)), Next::Idle);
    // of one profile, the newest message with its own text
    for n in 0..10 {
        push(
            &mut outbox,
            at(minutes(n)),
            message(minutes(n), "a", if n < 9 { Light::Red } else { Light::Green }),
        );
    }
    let one = sent(&mut outbox, minutes(10));
    assert_eq!((one.title.as_str(), one.late.is_some()), ("a green", true));
    outbox.delivered(at(minutes(10)));
    assert_eq!(outbox.waiting(), 0);
}

#[test]
fn retries_back_off_and_follow_the_servers_delay() {
    let mut outbox = Outbox::default();
    push(&mut outbox, at(0), message(0, "a", Light::Red));
    let (mut now, mut pauses) = (at(0), Vec::new());
    while let Next::Send(_) = outbox.next(now, Lang::En, &TimeZone::UTC) {
        outbox.failed(now, why(), &Failed::Later(None));
        match outbox.next(now, Lang::En, &TimeZone::UTC) {
            Next::Wait(until) => {
                pauses.push(until.duration_since(now).as_secs());
                now = until;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pauses[..9], [2, 4, 8, 16, 32, 64, 128, 256, 512]);
    assert!(pauses.len() < 16 && pauses.iter().all(|pause| *pause <= 600), "{pauses:?}");
    assert_eq!((outbox.waiting(), outbox.failure.map(|failure| failure.why)), (0, Some(why())));

    let mut outbox = Outbox::default();
    push(&mut outbox, at(0), message(0, "a", Light::Red));
    sent(&mut outbox, 0);
    outbox.failed(at(0), why(), &Failed::Later(Some(Duration::from_secs(77))));
    assert_eq!(next(&mut outbox, 76), Next::Wait(at(77)));
    outbox.try_at_once();
    sent(&mut outbox, 1);
}

#[test]
fn refused_and_expired_messages_do_not_count_as_sent() {
    let mut outbox = Outbox::default();
    outbox.push_notice(at(0), &notice(1, &[]), message(0, "a", Light::Red), reported("a", 0));
    assert!(outbox.reported("a").is_some());
    sent(&mut outbox, 1);
    outbox.failed(at(1), why(), &Failed::ForGood);
    assert_eq!((outbox.waiting(), outbox.reported("a")), (0, None));
    outbox.push_notice(at(2), &notice(2, &[]), message(2, "a", Light::Red), reported("a", 2));
    assert_eq!(next(&mut outbox, 3_700), Next::Idle);
    assert_eq!((outbox.reported("a"), outbox.failure.is_some()), (None, true));
}

#[test]
fn the_queue_is_bounded_and_keeps_the_message_being_sent() {
    let mut outbox = Outbox::default();
    push(&mut outbox, at(0), message(0, "first", Light::Red));
    sent(&mut outbox, 0);
    for n in 0..500 {
        outbox.push_notice(
            at(0),
            &notice(n, &[]),
            message(0, &format!("p{n}"), Light::Red),
            reported(&format!("p{n}"), n as i64),
        );
    }
    assert_eq!(outbox.waiting(), MAX_WAITING + 1);
    assert_eq!(outbox.reported.len(), MAX_REPORTED);
    outbox.delivered(at(1));
    assert_eq!(sent(&mut outbox, 2).profiles, ["p450"]);
}

#[test]
fn it_survives_a_restart() {
    let mut outbox = Outbox::default();
    outbox.push_notice(at(0), &notice(1, &[]), message(0, "a", Light::Red), reported("a", 0));
    sent(&mut outbox, 1);
    let stored = serde_json::to_string(&outbox).unwrap();
    let mut again: Outbox = serde_json::from_str(&stored).unwrap();
    assert!(again.reported("a").is_some());
    assert_eq!(sent(&mut again, 2).profiles, ["a"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// In any sequence, the newest state of each profile is reported, or dropped after an hour; nothing is reported twice.
    #[test]
    fn the_newest_news_of_each_profile_arrive(steps in proptest::collection::vec((0_i64..40, 0_u8..6), 1..80)) {
        let mut outbox = Outbox::default();
        let (mut now, mut newest, mut arrived) = (0, BTreeMap::new(), Vec::new());
        for (index, (pause, step)) in steps.into_iter().enumerate() {
            now += pause;
            match step {
                0..3 => {
                    let profile = ["a", "b", "c"][usize::from(step)];
                    let title = format!("{profile} {index}");
                    newest.insert(profile, title.clone());
                    push(&mut outbox, at(now), Outgoing { title, ..message(now, profile, Light::Red) });
                }
                3 => if let Next::Send(_) = next(&mut outbox, now) {
                    outbox.failed(at(now), why(), &Failed::Later(None));
                },
                _ => if let Next::Send(message) = next(&mut outbox, now) {
                    arrived.push(message.text());
                    outbox.delivered(at(now));
                },
            }
        }
        outbox.try_at_once();
        while let Next::Send(message) = next(&mut outbox, now) {
            arrived.push(message.text());
            outbox.delivered(at(now));
        }
        for title in newest.values() {
            let times = arrived.iter().flat_map(|text| text.lines()).filter(|line| line.ends_with(title.as_str()));
            proptest::prop_assert!(times.count() >= 1, "{} in {:?}", title, arrived);
        }
        let mut all = arrived.clone();
        all.sort();
        all.dedup();
        proptest::prop_assert_eq!(all.len(), arrived.len());
    }
}
