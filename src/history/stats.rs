//! Time lines, incidents and figures: pure functions over rows and intervals.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{ChangeRow, ProfileRecord, RestartRow, Watched};
use crate::health::{Light, Proof, Reason};

/// The time that is asked about: `from` included, `to` not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end, not before its beginning.
    pub to: Timestamp,
}

impl Window {
    /// The `length` that ends at `to`.
    pub fn last(length: SignedDuration, to: Timestamp) -> Self {
        Self { from: to.saturating_sub(length).unwrap_or(Timestamp::MIN).min(to), to }
    }

    /// How long it is.
    pub fn length(self) -> SignedDuration {
        self.to.duration_since(self.from)
    }
}

/// A stretch of time in which one thing was said of a profile; `None`: not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end: the beginning of the next one.
    pub to: Timestamp,
    /// Which of the changes holds in it.
    pub change: Option<usize>,
}

impl Span {
    /// How long it is.
    pub fn length(self) -> SignedDuration {
        self.to.duration_since(self.from)
    }
}

/// The window as spans without a gap or overlap. Unknown: nobody looked; or this run of Gatelight had not yet said
/// anything; or it said that it knows nothing. Where two runs say that they looked, the clock was set back between them,
/// and the later one is believed. The changes have to be in order of time.
pub fn timeline(changes: &[ChangeRow], watched: &[Watched], window: Window) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut end = window.from;
    let mut first_of_run: HashMap<i64, usize> = HashMap::new();
    for (i, change) in changes.iter().enumerate() {
        first_of_run.entry(change.run).or_insert(i);
    }
    let told = |w: &Watched| w.from < w.to && first_of_run.contains_key(&w.run);
    let mut looked: Vec<Watched> = watched.iter().copied().filter(told).collect();
    looked.sort_by_key(|w| (w.from, w.run));
    for (i, w) in looked.iter().enumerate() {
        let later = looked[i + 1..].iter().take_while(|x| x.from < w.to).find(|x| x.run > w.run);
        let w = Watched { to: later.map_or(w.to, |x| x.from), ..*w };
        let (from, to) = (w.from.max(end), w.to.min(window.to));
        if from >= to {
            continue;
        }
        push(&mut spans, end, from, None);
        let known = |i: usize| (changes[i].to != Reason::NoEvidence).then_some(i);
        let inside = changes.partition_point(|c| c.at <= from);
        let mut at = from;
        let mut holds = match first_of_run.get(&w.run) {
            Some(first) if *first < inside => {
                changes[*first..inside].iter().rposition(|c| c.run == w.run).and_then(|i| known(first + i))
            }
            _ => None,
        };
        for (i, change) in changes.iter().enumerate().skip(inside) {
            if change.at >= to {
                break;
            }
            if change.run == w.run {
                push(&mut spans, at, change.at, holds);
                at = change.at;
                holds = known(i);
            }
        }
        push(&mut spans, at, to, holds);
        end = to;
    }
    push(&mut spans, end, window.to, None);
    spans
}

fn push(spans: &mut Vec<Span>, from: Timestamp, to: Timestamp, change: Option<usize>) {
    if from >= to {
        return;
    }
    match spans.last_mut() {
        Some(last) if last.change == change && last.to == from => last.to = to,
        _ => spans.push(Span { from, to, change }),
    }
}

/// How an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It works again.
    Recovered,
    /// Somebody stopped the gateway on purpose.
    Stopped,
    /// It ended while nobody looked.
    Unseen,
    /// It has not ended.
    Ongoing,
}

impl End {
    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Stopped => "stopped",
            Self::Unseen => "unseen",
            Self::Ongoing => "ongoing",
        }
    }
}

/// A time in which the gateway did not work and the light was red at least once. Short reconnects that stay amber are
/// none.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// When it began, by the evidence; may lie before the window, and before Gatelight looked.
    pub began: Timestamp,
    /// When it is first seen in the window.
    pub from: Timestamp,
    /// When it was last seen.
    pub to: Timestamp,
    /// How long it was seen; without the time in which nobody looked.
    pub seen: SignedDuration,
    /// The reason that held longest among the red ones.
    pub cause: Reason,
    /// Every reason, in the order of their first coming.
    pub reasons: Vec<Reason>,
    /// What showed the cause.
    pub evidence: Option<Proof>,
    /// How it ended.
    pub end: End,
    /// Restarts by Gatelight in it.
    pub restarts: Vec<RestartRow>,
    /// New processes in it, whoever started them.
    pub new_processes: usize,
}

impl Incident {
    /// The other red reasons that it had, in the order of their first coming.
    pub fn other_reds(&self) -> impl Iterator<Item = Reason> + '_ {
        self.reasons.iter().copied().filter(|reason| *reason != self.cause && reason.light() == Light::Red)
    }
}

/// The agent says once a minute that it looks: what it saw less than this ago goes on, as far as anybody knows.
pub const STILL_LOOKING: SignedDuration = SignedDuration::from_secs(150);

#[derive(Default)]
struct Building {
    spans: Vec<Span>,
    lost_sight: Option<Timestamp>,
}

/// The incidents of a time line, in order, without overlap.
pub fn incidents(profile: &ProfileRecord, spans: &[Span]) -> Vec<Incident> {
    let changes = &profile.changes;
    let mut found = Vec::new();
    let mut building = Building::default();
    for span in spans {
        let Some(change) = span.change.and_then(|i| changes.get(i)) else {
            building.lost_sight.get_or_insert(span.from);
            continue;
        };
        let over = if change.to.works() {
            Some(End::Recovered)
        } else if change.to.light() == Light::Grey {
            Some(End::Stopped)
        } else {
            None
        };
        if let Some(end) = over {
            let end = if building.lost_sight.is_some() { End::Unseen } else { end };
            found.extend(finish(profile, &std::mem::take(&mut building), end));
        } else {
            building.spans.push(*span);
        }
        building.lost_sight = None;
    }
    let now = spans.last().map(|span| span.to);
    let lost =
        building.lost_sight.zip(now).is_some_and(|(lost, now)| now.duration_since(lost) > STILL_LOOKING);
    let end = if lost { End::Unseen } else { End::Ongoing };
    found.extend(finish(profile, &building, end));
    found
}

fn finish(profile: &ProfileRecord, building: &Building, end: End) -> Option<Incident> {
    let (first, last) = (building.spans.first()?, building.spans.last()?);
    let mut red: Vec<(Reason, SignedDuration, usize)> = Vec::new();
    let mut reasons = Vec::new();
    let mut seen = SignedDuration::ZERO;
    let mut pids: Vec<u32> = Vec::new();
    for span in &building.spans {
        let i = span.change?;
        let change = profile.changes.get(i)?;
        seen += span.length();
        if !reasons.contains(&change.to) {
            reasons.push(change.to);
        }
        pids.extend(change.pid.filter(|pid| !pids.contains(pid)));
        if change.to.light() == Light::Red {
            match red.iter_mut().find(|(reason, ..)| *reason == change.to) {
                Some((_, length, _)) => *length += span.length(),
                None => red.push((change.to, span.length(), i)),
            }
        }
    }
    // the first among equals: `max_by_key` alone would take the last
    let (cause, _, i) = red.into_iter().rev().max_by_key(|(_, length, _)| *length)?;
    let first_change = profile.changes.get(first.change?)?;
    let before = first.change?.checked_sub(1).and_then(|i| profile.changes.get(i)).and_then(|c| c.pid);
    Some(Incident {
        began: if first_change.at <= first.from { first_change.since.min(first.from) } else { first.from },
        from: first.from,
        to: last.to,
        seen,
        cause,
        reasons,
        evidence: profile.changes.get(i)?.evidence.clone(),
        end,
        restarts: profile
            .restarts
            .iter()
            .filter(|r| r.asked_at < last.to && r.ended_at >= first.from)
            .cloned()
            .collect(),
        new_processes: pids
            .iter()
            .enumerate()
            .filter(|(n, pid)| before != Some(**pid) && !(*n == 0 && before.is_none()))
            .count(),
    })
}

/// One cause among the incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// The reason.
    pub reason: Reason,
    /// How many incidents it caused.
    pub incidents: usize,
    /// How long they were seen, together.
    pub seen: SignedDuration,
}

/// What a window comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The window.
    pub window: Window,
    /// Time with each light: green, grey, amber, red.
    pub lights: [SignedDuration; 4],
    /// Time in which the gateway worked (green, and amber for want of a supervisor).
    pub working: SignedDuration,
    /// Time in which nothing was known.
    pub unknown: SignedDuration,
    /// How many incidents.
    pub incidents: usize,
    /// Working time per incident; `None` without an incident.
    pub mtbf: Option<SignedDuration>,
    /// Mean length of the incidents whose recovery was seen; `None` without one.
    pub mttr: Option<SignedDuration>,
    /// Most incidents first, then the longest.
    pub causes: Vec<Cause>,
}

impl Figures {
    /// Time of which something was known.
    pub fn known(&self) -> SignedDuration {
        self.lights.iter().fold(SignedDuration::ZERO, |sum, l| sum + *l)
    }

    /// Time with this light.
    pub fn with(&self, light: Light) -> SignedDuration {
        self.lights[light as usize]
    }

    /// Green time as a share of the known time, 0 to 1; `None` where nothing was known.
    pub fn share_green(&self) -> Option<f64> {
        let known = self.known().as_secs_f64();
        (known > 0.0).then(|| self.with(Light::Green).as_secs_f64() / known)
    }
}

/// The figures of a time line and its incidents.
pub fn figures(changes: &[ChangeRow], window: Window, spans: &[Span], incidents: &[Incident]) -> Figures {
    let mut lights = [SignedDuration::ZERO; 4];
    let (mut working, mut unknown) = (SignedDuration::ZERO, SignedDuration::ZERO);
    for span in spans {
        match span.change.and_then(|i| changes.get(i)) {
            Some(change) => {
                lights[change.to.light() as usize] += span.length();
                if change.to.works() {
                    working += span.length();
                }
            }
            None => unknown += span.length(),
        }
    }
    let mean = |sum: SignedDuration, n: usize| {
        i32::try_from(n).ok().filter(|n| *n > 0).and_then(|n| sum.checked_div(n))
    };
    let mut causes: Vec<Cause> = Vec::new();
    for incident in incidents {
        match causes.iter_mut().find(|c| c.reason == incident.cause) {
            Some(cause) => {
                cause.incidents += 1;
                cause.seen += incident.seen;
            }
            None => causes.push(Cause { reason: incident.cause, incidents: 1, seen: incident.seen }),
        }
    }
    causes.sort_by_key(|c| (std::cmp::Reverse((c.incidents, c.seen)), c.reason));
    let recovered: Vec<SignedDuration> =
        incidents.iter().filter(|i| i.end == End::Recovered).map(|i| i.seen).collect();
    Figures {
        window,
        lights,
        working,
        unknown,
        incidents: incidents.len(),
        mtbf: mean(working, incidents.len()),
        mttr: mean(recovered.iter().fold(SignedDuration::ZERO, |sum, l| sum + *l), recovered.len()),
        causes,
    }
}

/// What a mark on the time line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// A process was started.
    Start,
    /// A process was gone.
    Stop,
}

/// The start or end of a gateway's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: MarkKind,
    /// Whose.
    pub pid: u32,
}

/// Starts and ends of processes, as far as changes show them, by time.
pub fn marks(changes: &[ChangeRow], window: Window) -> Vec<Mark> {
    let mut found = Vec::new();
    let mut alive: Option<u32> = None;
    let mut before: Option<Timestamp> = None;
    for change in changes {
        if change.pid != alive {
            if let Some(pid) = alive {
                // a successor shows its start; when the old one went, only its absence shows
                found.push(Mark { at: change.at, kind: MarkKind::Stop, pid });
            }
            if let Some(pid) = change.pid {
                let at = change.started_at.filter(|s| *s <= change.at && before.is_none_or(|b| *s >= b));
                found.push(Mark { at: at.unwrap_or(change.at), kind: MarkKind::Start, pid });
            }
            alive = change.pid;
        }
        before = Some(change.at);
    }
    found.retain(|m| m.at >= window.from && m.at < window.to);
    found.sort_by_key(|m| m.at);
    found
}

/// Time line, incidents and figures of one profile in one go.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// The time line.
    pub spans: Vec<Span>,
    /// The incidents.
    pub incidents: Vec<Incident>,
    /// The figures.
    pub figures: Figures,
}

/// Tells the story of one profile in this window.
pub fn story(profile: &ProfileRecord, watched: &[Watched], window: Window) -> Story {
    let spans = timeline(&profile.changes, watched, window);
    let incidents = incidents(profile, &spans);
    let figures = figures(&profile.changes, window, &spans, &incidents);
    Story { spans, incidents, figures }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::RestartResult;

    pub(crate) fn t(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    pub(crate) fn change(at: i64, run: i64, to: Reason) -> ChangeRow {
        ChangeRow {
            at: t(at),
            run,
            from: Reason::NoEvidence,
            to,
            since: t(at),
            evidence: Some(Proof::new("agent.log", format!("line at {at}"), t(at))),
            pid: None,
            started_at: None,
            history: false,
        }
    }

    fn watched(run: i64, from: i64, to: i64) -> Watched {
        Watched { run, from: t(from), to: t(to) }
    }

    fn window(from: i64, to: i64) -> Window {
        Window { from: t(from), to: t(to) }
    }

    fn profile(changes: Vec<ChangeRow>) -> ProfileRecord {
        ProfileRecord { name: "work".into(), changes, restarts: Vec::new() }
    }

    const S: fn(i64) -> SignedDuration = SignedDuration::from_secs;

    #[test]
    fn what_nobody_saw_is_unknown() {
        use Reason::{Connected, NetworkUnreachable, Reconnecting};
        let p = profile(vec![
            change(10, 1, Connected),
            change(100, 1, Reconnecting),
            change(130, 1, NetworkUnreachable),
            change(200, 1, Connected),
            change(520, 2, Connected),
        ]);
        // looked 0–300 (asleep 220–250) and, as another run, 500–600
        let w = [watched(1, 0, 220), watched(1, 250, 300), watched(2, 500, 600)];
        let story = story(&p, &w, window(0, 1000));
        let f = &story.figures;
        assert_eq!(
            f.with(Light::Green),
            S(90 + 20 + 50 + 80),
            "the state of run 1 must not reach into run 2"
        );
        assert_eq!(f.with(Light::Amber), S(30));
        assert_eq!(f.with(Light::Red), S(70));
        assert_eq!(f.unknown, S(10 + 30 + 200 + 20 + 400));
        assert_eq!(f.share_green(), Some(240.0 / 340.0));
        assert_eq!((f.incidents, f.mtbf, f.mttr), (1, Some(S(240)), Some(S(100))));
        let i = &story.incidents[0];
        assert_eq!((i.from, i.to, i.cause, i.end), (t(100), t(200), NetworkUnreachable, End::Recovered));
        assert_eq!(i.evidence.as_ref().unwrap().line, "line at 130");
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
        let w = [watched(1, 0, 1200), watched(2, 500, 2000), watched(3, 600, 700)];
        let story = story(&p, &w, window(0, 2000));
        let found: Vec<_> = story.incidents.iter().map(|i| (i.from, i.to, i.end)).collect();
        assert_eq!(found, [(t(900), t(1500), End::Recovered)], "the later run is believed");
        assert_eq!(story.figures.with(Light::Green), S(1400));
        assert_eq!(story.figures.unknown, S(0), "a run that knows nothing of this profile hides nothing");
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
            let story = story(&p, &[watched(1, looked.0, looked.1)], window(0, 500));
            let found: Vec<_> = story.incidents.iter().map(|i| (i.from, i.to, i.end)).collect();
            let expected: Vec<_> = expected.iter().map(|(a, b, e)| (t(*a), t(*b), *e)).collect();
            assert_eq!(found, expected, "{changes:?}");
        }
    }

    #[test]
    fn an_incident_knows_what_was_done() {
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
            why: String::new(),
            killed: false,
        });
        let w = [watched(1, 0, 100)];
        let found = story(&p, &w, window(0, 100)).incidents;
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
    fn an_incident_that_began_before_anybody_looked_says_so() {
        let mut red = change(0, 1, Reason::NetworkUnreachable);
        red.since = t(-500);
        let p = profile(vec![red, change(60, 1, Reason::Connected)]);
        let found = story(&p, &[watched(1, 10, 100)], window(0, 100)).incidents;
        assert_eq!((found[0].began, found[0].from, found[0].seen), (t(-500), t(10), S(50)));
    }

    #[test]
    fn the_first_of_equally_long_causes_is_named() {
        let p = profile(vec![
            change(0, 1, Reason::NotRunning),
            change(10, 1, Reason::AuthRejected),
            change(20, 1, Reason::Connected),
        ]);
        let found = story(&p, &[watched(1, 0, 100)], window(0, 100)).incidents;
        assert_eq!(found[0].cause, Reason::NotRunning);
    }

    fn any_reason() -> impl Strategy<Value = Reason> {
        let all: Vec<Reason> = Reason::all().collect();
        prop::sample::select(all)
    }

    fn any_profile() -> impl Strategy<Value = (ProfileRecord, Vec<Watched>)> {
        let changes = prop::collection::vec((-50..1050i64, 1..4i64, any_reason()), 0..40);
        let looked = prop::collection::vec((1..4i64, -100..1100i64, -20..400i64), 0..8);
        (changes, looked).prop_map(|(rows, looked)| {
            let mut rows: Vec<ChangeRow> =
                rows.into_iter().map(|(at, run, to)| change(at, run, to)).collect();
            rows.sort_by_key(|c| c.at);
            (profile(rows), looked.into_iter().map(|(run, from, l)| watched(run, from, from + l)).collect())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn shares_add_up_to_the_known_time((p, looked) in any_profile(), from in 0..900i64, length in 0..500i64) {
            let w = window(from, from + length);
            let story = story(&p, &looked, w);
            // spans cover the window without gap or overlap
            let mut at = w.from;
            for span in &story.spans {
                prop_assert_eq!(span.from, at);
                prop_assert!(span.to > span.from);
                at = span.to;
            }
            prop_assert!(at == w.to || story.spans.is_empty() && length == 0);
            let f = &story.figures;
            prop_assert_eq!(f.known() + f.unknown, w.length());
            // known time was watched time: every second of it lies in a watched interval
            for span in story.spans.iter().filter(|s| s.change.is_some()) {
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
            let story = story(&p, &looked, window(0, 1000));
            let mut at = t(0);
            let mut red = SignedDuration::ZERO;
            for i in &story.incidents {
                prop_assert!(i.from >= at && i.to > i.from && i.began <= i.from);
                prop_assert!(i.seen <= i.to.duration_since(i.from));
                prop_assert_eq!(i.cause.light(), Light::Red);
                prop_assert!(i.reasons.contains(&i.cause));
                at = i.to;
                for span in story.spans.iter().filter(|s| s.from >= i.from && s.to <= i.to) {
                    if let Some(c) = span.change {
                        prop_assert!(!p.changes[c].to.works());
                        if p.changes[c].to.light() == Light::Red {
                            red += span.length();
                        }
                    }
                }
            }
            // no red time outside incidents
            prop_assert_eq!(red, story.figures.with(Light::Red));
            let counted: usize = story.figures.causes.iter().map(|c| c.incidents).sum();
            prop_assert_eq!(counted, story.incidents.len());
        }
    }
}
