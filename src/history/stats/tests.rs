use proptest::prelude::*;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::health::{Light, Proof, Reason};
use crate::history::{ChangeRow, RestartResult, RestartRow};

pub(crate) fn t(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(crate) fn change(at: i64, run: i64, to: Reason) -> ChangeRow {
    ChangeRow {
        at: t(at),
        run,
        from: Reason::NoEvidence,
        to,
        own_light: None,
        platform: None,
        since: t(at),
        evidence: Some(Proof::new("agent.log", format!("line at {at}"), t(at))),
        pid: None,
        started_at: None,
        history: false,
    }
}

pub(crate) fn observed(run: i64, from: i64, to: i64) -> Observed {
    Observed { run, from: t(from), to: t(to) }
}

fn window(from: i64, to: i64) -> Window {
    Window { from: t(from), to: t(to) }
}

pub(crate) fn profile(changes: Vec<ChangeRow>) -> ProfileRecord {
    ProfileRecord { name: "work".into(), changes, ..ProfileRecord::default() }
}

const S: fn(i64) -> SignedDuration = SignedDuration::from_secs;

#[test]
fn unobserved_time_is_unknown() {
    use Reason::{Connected, NetworkUnreachable, Reconnecting};
    let p = profile(vec![
        change(10, 1, Connected),
        change(100, 1, Reconnecting),
        change(130, 1, NetworkUnreachable),
        change(200, 1, Connected),
        change(520, 2, Connected),
    ]);
    // looked 0–300 (asleep 220–250) and, as another run, 500–600
    let w = [observed(1, 0, 220), observed(1, 250, 300), observed(2, 500, 600)];
    let analysis = analyse(&p, &w, window(0, 1000));
    let f = &analysis.figures;
    assert_eq!(f.with(Light::Green), S(90 + 20 + 50 + 80), "the state of run 1 must not reach into run 2");
    assert_eq!(f.with(Light::Amber), S(30));
    assert_eq!(f.with(Light::Red), S(70));
    assert_eq!(f.unknown, S(10 + 30 + 200 + 20 + 400));
    assert_eq!(f.share_green(), Some(240.0 / 340.0));
    assert_eq!((f.incidents, f.mtbf, f.mttr), (1, Some(S(240)), Some(S(100))));
    let i = &analysis.incidents[0];
    assert_eq!((i.from, i.to, i.cause, i.end), (t(100), t(200), NetworkUnreachable, End::Recovered));
    assert_eq!(i.evidence.as_ref().unwrap().line.quote(), "line at 130");
    assert_eq!(i.reasons, [Reconnecting, NetworkUnreachable]);
}

#[test]
fn a_clock_that_was_set_back_mixes_nothing() {
    use Reason::{Connected, NotRunning};
    // run 1 ran an hour ahead: it saw the fault at 1000 and its end; then run 2, at half that time
    let p = profile(vec![
        change(0, 1, Connected),
        change(500, 2, Connected),
        change(900, 2, NotRunning),
        change(1000, 1, NotRunning),
        change(1100, 1, Connected),
        change(1500, 2, Connected),
    ]);
    let w = [observed(1, 0, 1200), observed(2, 500, 2000), observed(3, 600, 700)];
    let analysis = analyse(&p, &w, window(0, 2000));
    let found: Vec<_> = analysis.incidents.iter().map(|i| (i.from, i.to, i.end)).collect();
    assert_eq!(found, [(t(900), t(1500), End::Recovered)], "the later run is believed");
    assert_eq!(analysis.figures.with(Light::Green), S(1400));
    assert_eq!(analysis.figures.unknown, S(0), "a run that knows nothing of this profile hides nothing");
}

#[test]
fn incidents_end_as_they_ended() {
    use Reason::{Connected, ExecutorShutdown, NoEvidence, NotRunning, Reconnecting, Starting, Stopped};
    for (changes, looked, expected) in [
        // that it still looks is said once a minute
        (vec![(0, Connected), (50, ExecutorShutdown)], (0, 400), vec![(50, 400, End::Ongoing)]),
        // short reconnects are no incident
        (vec![(0, Connected), (50, Reconnecting), (60, Connected)], (0, 100), vec![]),
        (vec![(0, Connected), (50, ExecutorShutdown)], (0, 500), vec![(50, 500, End::Ongoing)]),
        (vec![(0, Connected), (50, ExecutorShutdown)], (0, 300), vec![(50, 300, End::Unseen)]),
        (vec![(0, Connected), (50, NotRunning), (70, Stopped)], (0, 100), vec![(50, 70, End::Stopped)]),
        // knowing nothing in between does not end it
        (
            vec![(0, NotRunning), (50, NoEvidence), (60, NotRunning), (80, Starting), (90, Connected)],
            (0, 100),
            vec![(0, 90, End::Recovered)],
        ),
        (vec![(0, NotRunning), (50, NoEvidence), (60, Connected)], (0, 100), vec![(0, 50, End::Unseen)]),
    ] {
        let p = profile(changes.iter().map(|(at, r)| change(*at, 1, *r)).collect());
        let analysis = analyse(&p, &[observed(1, looked.0, looked.1)], window(0, 500));
        let found: Vec<_> = analysis.incidents.iter().map(|i| (i.from, i.to, i.end)).collect();
        let expected: Vec<_> = expected.iter().map(|(a, b, e)| (t(*a), t(*b), *e)).collect();
        assert_eq!(found, expected, "{changes:?}");
    }
}

#[test]
fn an_incident_has_its_restarts() {
    let mut first = change(0, 1, Reason::Connected);
    first.pid = Some(7);
    let mut red = change(10, 1, Reason::ExecutorShutdown);
    red.pid = Some(7);
    let mut up = change(30, 1, Reason::Starting);
    (up.pid, up.started_at) = (Some(8), Some(t(29)));
    let mut p = profile(vec![first, red, up, change(40, 1, Reason::Connected)]);
    p.restarts.push(RestartRow {
        asked_at: t(25),
        ended_at: t(40),
        result: RestartResult::Worked,
        step: None,
        why: None,
        killed: false,
    });
    let w = [observed(1, 0, 100)];
    let found = analyse(&p, &w, window(0, 100)).incidents;
    assert_eq!((found[0].restarts.len(), found[0].new_processes), (1, 1));
    let kinds: Vec<_> = marks(&p.changes, window(0, 100)).iter().map(|m| (m.at, m.kind, m.pid)).collect();
    assert_eq!(
        kinds,
        [
            (t(0), MarkKind::Start, 7),
            (t(29), MarkKind::Start, 8),
            (t(30), MarkKind::Stop, 7),
            (t(40), MarkKind::Stop, 8)
        ]
    );
}

#[test]
fn an_incident_that_began_before_the_first_look_says_so() {
    let mut red = change(0, 1, Reason::NetworkUnreachable);
    red.since = t(-500);
    let p = profile(vec![red, change(60, 1, Reason::Connected)]);
    let found = analyse(&p, &[observed(1, 10, 100)], window(0, 100)).incidents;
    assert_eq!((found[0].began, found[0].from, found[0].seen), (t(-500), t(10), S(50)));
}

#[test]
fn the_first_of_equally_long_causes_is_named() {
    let p = profile(vec![
        change(0, 1, Reason::NotRunning),
        change(10, 1, Reason::AuthRejected),
        change(20, 1, Reason::Connected),
    ]);
    let found = analyse(&p, &[observed(1, 0, 100)], window(0, 100)).incidents;
    assert_eq!(found[0].cause, Reason::NotRunning);
}

fn any_reason() -> impl Strategy<Value = Reason> {
    let all: Vec<Reason> = Reason::all().collect();
    prop::sample::select(all)
}

fn any_profile() -> impl Strategy<Value = (ProfileRecord, Vec<Observed>)> {
    let changes = prop::collection::vec((-50..1050i64, 1..4i64, any_reason()), 0..40);
    let looked = prop::collection::vec((1..4i64, -100..1100i64, -20..400i64), 0..8);
    (changes, looked).prop_map(|(rows, looked)| {
        let mut rows: Vec<ChangeRow> = rows.into_iter().map(|(at, run, to)| change(at, run, to)).collect();
        rows.sort_by_key(|c| c.at);
        (profile(rows), looked.into_iter().map(|(run, from, l)| observed(run, from, from + l)).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn shares_add_up_to_the_known_time((p, looked) in any_profile(), from in 0..900i64, length in 0..500i64) {
        let w = window(from, from + length);
        let analysis = analyse(&p, &looked, w);
        // spans cover the window without gap or overlap
        let mut at = w.from;
        for span in &analysis.spans {
            prop_assert_eq!(span.from, at);
            prop_assert!(span.to > span.from);
            at = span.to;
        }
        prop_assert!(at == w.to || analysis.spans.is_empty() && length == 0);
        let f = &analysis.figures;
        prop_assert_eq!(f.known() + f.unknown, w.length());
        // known time was observed: every second of it is in an observed interval
        for span in analysis.spans.iter().filter(|s| s.change.is_some()) {
            let run = p.changes[span.change.unwrap()].run;
            let mut second = span.from;
            while second < span.to {
                prop_assert!(looked.iter().any(|w| w.run == run && w.from <= second && second < w.to));
                second += SignedDuration::from_secs(1);
            }
        }
        prop_assert!(f.working >= f.with(Light::Green) && f.working <= f.known());
        if let Some(share) = f.share_green() {
            prop_assert!((0.0..=1.0).contains(&share));
        }
    }

    #[test]
    fn incidents_are_apart_hold_red_and_nothing_that_works((p, looked) in any_profile()) {
        let analysis = analyse(&p, &looked, window(0, 1000));
        let mut at = t(0);
        let mut red = SignedDuration::ZERO;
        for i in &analysis.incidents {
            prop_assert!(i.from >= at && i.to > i.from && i.began <= i.from);
            prop_assert!(i.seen <= i.to.duration_since(i.from));
            prop_assert_eq!(i.cause.light(), Light::Red);
            prop_assert!(i.reasons.contains(&i.cause));
            at = i.to;
            for span in analysis.spans.iter().filter(|s| s.from >= i.from && s.to <= i.to) {
                if let Some(c) = span.change {
                    prop_assert!(!p.changes[c].to.works());
                    if p.changes[c].to.light() == Light::Red {
                        red += span.length();
                    }
                }
            }
        }
        // no red time outside incidents
        prop_assert_eq!(red, analysis.figures.with(Light::Red));
        let counted: usize = analysis.figures.causes.iter().map(|c| c.incidents).sum();
        prop_assert_eq!(counted, analysis.incidents.len());
    }
}

#[test]
fn causes_differ_by_platform() {
    use Reason::{AuthRejected, Connected, NotRunning};
    let of = |at, reason, platform: &str| ChangeRow {
        platform: Some(platform.to_owned()),
        ..change(at, 1, reason)
    };
    let p = profile(vec![
        change(0, 1, Connected),
        of(10, AuthRejected, "slack"),
        of(20, AuthRejected, "telegram"),
        change(21, 1, NotRunning),
        change(30, 1, Connected),
        of(40, AuthRejected, "telegram"),
        change(50, 1, Connected),
    ]);
    let analysis = analyse(&p, &[observed(1, 0, 100)], window(0, 100));
    let first = &analysis.incidents[0];
    assert_eq!((first.cause, first.platform.as_deref()), (AuthRejected, Some("slack")));
    assert_eq!(first.others, [(AuthRejected, Some("telegram".to_owned())), (NotRunning, None)]);
    assert_eq!(first.reasons, [AuthRejected, NotRunning]);
    let causes: Vec<_> =
        analysis.figures.causes.iter().map(|c| (c.platform.as_deref(), c.incidents)).collect();
    assert_eq!(causes, [(Some("slack"), 1), (Some("telegram"), 1)]);
}

#[test]
fn an_amber_light_of_a_red_reason_is_no_incident() {
    let amber = ChangeRow { own_light: Some(Light::Amber), ..change(10, 1, Reason::LinksMissing) };
    let p = profile(vec![change(0, 1, Reason::Connected), amber, change(20, 1, Reason::Connected)]);
    let analysis = analyse(&p, &[observed(1, 0, 100)], window(0, 100));
    assert!(analysis.incidents.is_empty());
    assert_eq!(analysis.figures.with(Light::Amber), S(10));
}

#[test]
fn time_without_a_run_is_unseen() {
    let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
    let window = Window { from: at(0), to: at(100) };
    for (spans, expected) in [
        (&[][..], 100),
        (&[(0, 100)], 0),
        (&[(-50, 10), (90, 500)], 80),
        (&[(40, 60), (10, 20), (15, 45)], 50),
        (&[(-50, -10), (100, 200)], 100),
    ] {
        let observed = |(from, to): &(i64, i64)| Observed { run: 1, from: at(*from), to: at(*to) };
        let observed: Vec<Observed> = spans.iter().map(observed).collect();
        assert_eq!(unseen(&observed, window).as_secs(), expected, "{spans:?}");
    }
}
