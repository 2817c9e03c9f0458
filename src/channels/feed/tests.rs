use std::sync::Arc;

use super::*;
use crate::channels::outgoing::Outgoing;
use crate::health::{Change, Proof};
use crate::profile::Profile;
use crate::text::Lang;
use crate::watcher::snapshot::ProfileView;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn channel(text: &str) -> ChannelSettings {
    let text = format!("name = \"c\"\nkind = \"wecom-bot\"\nurl = \"https://h\"\n{text}");
    toml::from_str(&text).unwrap()
}

fn verdict(reason: Reason, platform: Option<&str>, second: i64) -> Verdict {
    Verdict { platform: platform.map(Into::into), ..Verdict::of(reason, at(second)) }
}

fn profile(name: &str) -> Arc<Profile> {
    Arc::new(Profile { name: name.into(), home: "/h".into(), job: None, logs: Vec::new() })
}

fn change(name: &str, to: Verdict) -> Event {
    let change = Change { at: to.since, profile: name.into(), from: Verdict::unknown(to.since).glance(), to };
    Event::Change(Box::new(ProfileChange { profile: profile(name), change, history: false }))
}

/// The notices of a channel with these settings: second, kind and profiles.
fn told_to(settings: &str, events: Vec<(i64, Event)>) -> Vec<String> {
    let mut feed = Feed::new(&channel(settings), &NoticeSettings::default(), TimeZone::UTC, at(-1));
    let mut all = Vec::new();
    for (second, event) in events {
        while let Some(due) = feed.next_deadline().filter(|due| *due < at(second)) {
            all.extend(feed.tick(due));
        }
        all.extend(feed.step(at(second), &event));
    }
    while let Some(due) = feed.next_deadline().filter(|due| *due < at(1_000)) {
        all.extend(feed.tick(due));
    }
    let line = |notice: &Notice| {
        let names: Vec<&str> = notice.affected.iter().map(|affected| affected.name.as_str()).collect();
        let word = if notice.is_good() { "up" } else { "down" };
        format!(
            "{} {word} {} {}",
            notice.at.duration_since(at(0)).as_secs(),
            names.join(","),
            notice.affected[0].reason.code()
        )
    };
    all.iter().map(line).collect()
}

fn fall_and_recover() -> Vec<(i64, Event)> {
    vec![
        (0, change("work", verdict(Reason::Connected, Some("feishu"), 0))),
        (0, Event::Started),
        (10, change("work", verdict(Reason::AuthRejected, Some("telegram"), 10))),
        (20, change("work", verdict(Reason::Connected, None, 20))),
    ]
}

#[test]
fn a_channel_gets_its_profiles_and_platforms() {
    let both = ["10 down work auth-rejected", "50 up work auth-rejected"];
    for (settings, expected) in [
        ("", &both[..]),
        ("profiles = [\"work\"]", &both),
        ("profiles = [\"other\"]", &[]),
        ("platforms = [\"telegram\"]", &both),
        ("platforms = [\"feishu\"]", &[]),
    ] {
        assert_eq!(told_to(settings, fall_and_recover()), expected, "{settings}");
    }
    // trouble of the gateway itself is trouble of every platform
    let events = vec![(0, Event::Started), (10, change("work", verdict(Reason::ExecutorShutdown, None, 10)))];
    assert_eq!(told_to("platforms = [\"feishu\"]", events), ["10 down work executor-shutdown"]);
}

#[test]
fn trouble_of_another_platform_does_not_hide_its_own() {
    let mut both = verdict(Reason::AuthRejected, Some("telegram"), 10);
    both.notes = vec![Note::Also(Reason::NetworkUnreachable, Some("feishu".into()), None)];
    let events = vec![
        (0, Event::Started),
        (10, change("work", both)),
        // what is left is of the other platform: for this channel it works again
        (20, change("work", verdict(Reason::AuthRejected, Some("telegram"), 20))),
    ];
    let expected = ["10 down work network-unreachable", "50 up work network-unreachable"];
    assert_eq!(told_to("platforms = [\"feishu\"]", events), expected);
}

#[test]
fn amber_is_reported_where_configured() {
    let events = || {
        vec![
            (0, Event::Started),
            (10, change("work", verdict(Reason::Reconnecting, Some("feishu"), 10))),
            (60, change("work", verdict(Reason::NetworkUnreachable, Some("feishu"), 60))),
        ]
    };
    assert_eq!(told_to("", events()), ["60 down work network-unreachable"]);
    assert_eq!(told_to("least = \"amber\"", events()), ["10 down work reconnecting"]);
}

#[test]
fn a_hidden_screen_changes_nothing() {
    let off = NoticeSettings { enabled: false, ..NoticeSettings::default() };
    let mut feed = Feed::new(&channel(""), &off, TimeZone::UTC, at(0));
    feed.step(at(0), &Event::Started);
    let red = change("work", verdict(Reason::ExecutorShutdown, None, 10));
    assert_eq!(feed.step(at(10), &red).len(), 1);
}

#[test]
fn its_quiet_hours_take_the_place_of_those_of_the_screen() {
    let night = "22:00-07:00".to_owned();
    let quiet = toml::from_str::<NoticeSettings>(&format!("quiet = \"{night}\"")).unwrap();
    // 2027-01-15 08:00:00 UTC, and 14 hours later
    let (day, evening) = (at(0), at(14 * 3_600));
    for (settings, at_day, at_evening) in
        [("", 1, 0), ("quiet = []", 1, 1), ("quiet = \"07:30-08:30\"", 0, 1)]
    {
        for (now, expected) in [(day, at_day), (evening, at_evening)] {
            let mut feed = Feed::new(&channel(settings), &quiet, TimeZone::UTC, now);
            feed.step(now, &Event::Started);
            let second = now.duration_since(at(0)).as_secs();
            let red = change("work", verdict(Reason::ExecutorShutdown, None, second));
            assert_eq!(feed.step(now, &red).len(), expected, "{settings} {now}");
        }
    }
}

fn down(second: i64, kind: NoticeKind, names: &[&str]) -> Notice {
    let affected = |name: &&str| Affected {
        name: (*name).to_owned(),
        reason: Reason::ExecutorShutdown,
        platform: None,
        missing: None,
        external_drain: false,
        also: Vec::new(),
        back: Vec::new(),
        now: Reason::ExecutorShutdown,
        lasted: SignedDuration::from_secs(5),
        proof: Some(Proof::new("agent.log", "x", at(second))),
    };
    let affected = names.iter().map(affected).collect();
    Notice { id: 1, at: at(second), kind, affected, withdrawn: Vec::new() }
}

fn outbox_that_told(notice: &Notice) -> Outbox {
    let mut outbox = Outbox::default();
    let message = Outgoing::test(notice.at, Lang::En);
    outbox.push_notice(notice.at, notice, message, reported(notice));
    outbox
}

#[test]
fn what_was_sent_before_a_restart_is_not_sent_again() {
    let outbox = outbox_that_told(&down(0, NoticeKind::Down, &["work"]));
    let names = |notice: Option<Notice>| -> Vec<String> {
        notice.into_iter().flat_map(|notice| notice.affected).map(|affected| affected.name).collect()
    };
    let found = down(60, NoticeKind::FoundDown, &["work", "home"]);
    assert_eq!(names(unreported(&found, &outbox, at(60))), ["home"]);
    assert_eq!(names(unreported(&found, &outbox, at(7_200))), ["work", "home"], "an old story");
    let mut other = found.clone();
    other.affected[0].reason = Reason::AuthRejected;
    assert_eq!(names(unreported(&other, &outbox, at(60))), ["work", "home"], "another reason");
    let reminder = down(3_600, NoticeKind::Reminder, &["work"]);
    assert_eq!(names(unreported(&reminder, &outbox, at(3_600))), ["work"]);
}

#[test]
fn a_recovery_while_gatelight_did_not_run_is_reported() {
    let mut outbox = outbox_that_told(&down(0, NoticeKind::Down, &["work", "gone", "red"]));
    let view = |name: &str, reason| ProfileView {
        profile: profile(name),
        verdict: verdict(reason, None, 50).into(),
    };
    let profiles = vec![view("work", Reason::Connected), view("red", Reason::ExecutorShutdown)];
    let snapshot = Snapshot { at: at(60), profiles, bad_files: Vec::new(), complete: true };
    let notice = recovered_meanwhile(&mut outbox, &snapshot, at(60)).unwrap();
    assert!(notice.is_good());
    let [work] = notice.affected.as_slice() else { panic!("{notice:?}") };
    assert_eq!((work.name.as_str(), work.lasted), ("work", SignedDuration::from_secs(55)));
    assert!(outbox.reported("gone").is_none() && outbox.reported("red").is_some());
}
