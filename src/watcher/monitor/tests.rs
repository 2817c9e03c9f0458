use super::*;
use crate::supervisor::JobReport;

fn monitor(has_manager: bool, now: Moment) -> Monitor {
    let profile = Profile { name: "work".into(), home: "/h".into(), job: None, logs: Vec::new() };
    Monitor::new(MonitorId(1), profile, now, has_manager)
}

fn moment() -> Moment {
    Moment { at: Timestamp::UNIX_EPOCH, instant: Instant::now() }
}

#[test]
fn the_past_is_read_once_with_the_managers_answer_or_after_its_time() {
    let now = moment();
    assert!(monitor(false, now).begin_reading(now.instant).is_some(), "nobody to wait for");
    let mut answered = monitor(true, now);
    assert!(answered.begin_reading(now.instant).is_none());
    assert_eq!(answered.next_turn(now), Some(now.instant), "the query is due");
    assert!(answered.job.begin_query(now.instant));
    assert_eq!(answered.next_turn(now), Some(now.instant + MANAGER_TIMEOUT));
    answered.take_answer(JobAnswer::Report(Box::new(JobReport::NOT_LOADED)), now.instant);
    assert!(answered.begin_reading(now.instant).is_some_and(|request| request.answer.is_some()));
    assert!(answered.begin_reading(now.instant).is_none(), "once");
    let mut silent = monitor(true, now);
    let late = now.instant + MANAGER_TIMEOUT;
    assert!(silent.begin_reading(late).is_some_and(|request| request.answer.is_none()));
    silent.take_answer(JobAnswer::Failed, late);
    assert!(silent.begin_reading(late).is_none(), "a late answer does not read it again");
}

#[test]
fn a_home_that_blocks_is_named_and_delays_no_other() {
    let now = moment();
    let mut monitor = monitor(false, now);
    monitor.begin_reading(now.instant);
    let blocked = now.instant + READ_TIMEOUT;
    assert!(!monitor.is_settled(now.instant) && monitor.is_settled(blocked));
    assert_eq!(monitor.next_turn(now), Some(now.instant), "the first query");
    monitor.job.no_manager();
    assert_eq!(monitor.next_turn(now), Some(blocked));
    let note = Note::Unreadable(Unreadable { path: "/h".to_owned(), why: WhyUnreadable::NoAnswer });
    assert_eq!(monitor.verdict(now.instant).notes, []);
    assert_eq!(monitor.verdict(blocked).notes, [note]);
    assert_eq!(monitor.verdict(blocked).light(), Light::Grey);
}
