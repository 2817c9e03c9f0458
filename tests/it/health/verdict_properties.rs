//! Rules that hold for the verdict whatever happens, tried on random streams of evidence in virtual time.
//!
//! A failure prints the smallest stream that shows it; `PROPTEST_CASES` asks for more than CI does.

use std::time::Duration;

use crate::support::feishu as link;
use gatelight::health::evidence::{EntryState, Heartbeat, LifeState};
use gatelight::health::{
    Change, Core, CronFact, Deadlines, Evidence, FileIdentity, JobState, JobWord, Light, LinkWord, LogRecord,
    Manager, Note, PlatformEntry, ProcessState, Proof, Reason, Signal, StateFile,
};
use jiff::civil::{DateTime, date};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

/// Where virtual time begins.
fn begin() -> Timestamp {
    "2026-11-22T11:00:00Z".parse().unwrap()
}

fn civil_begin() -> DateTime {
    date(2026, 11, 22).at(12, 0, 0, 0)
}

/// What the log may say of the gateway, and of its link.
fn signals() -> Vec<Signal> {
    let life = [
        Signal::Start,
        Signal::Ready,
        Signal::ExecutorShutdown,
        Signal::ConfigError,
        Signal::RespawnStorm,
        Signal::SecondInstance,
        Signal::Takeover,
        Signal::PlannedStop,
        Signal::PlannedRestart,
        Signal::Shutdown,
        Signal::NoLinkLeft,
        Signal::Drained,
        Signal::Exiting,
        Signal::LoopMissed,
        Signal::Dropped,
        Signal::Info,
        Signal::Record,
    ];
    let words = [
        LinkWord::Expected,
        LinkWord::Announced,
        LinkWord::Reannounced,
        LinkWord::Proof,
        LinkWord::Inbound,
        LinkWord::Lost,
        LinkWord::LostByError,
        LinkWord::Webhook,
        LinkWord::Attempt,
        LinkWord::Failed,
        LinkWord::Unreachable,
        LinkWord::Refused,
        LinkWord::Limit,
        LinkWord::Conflict,
        LinkWord::Sending,
        LinkWord::SendRefused,
        LinkWord::WrongLoop,
        LinkWord::InUse,
        LinkWord::AdapterMissing,
        LinkWord::ConfigError,
        LinkWord::Ended,
        LinkWord::Paused,
    ];
    life.into_iter().chain(words.map(link)).collect()
}

/// One thing that happens.
#[derive(Debug, Clone)]
struct Happening {
    /// Milliseconds since the one before.
    gap: u64,
    /// Milliseconds by which a stamp is older than its arrival; `None`: no stamp.
    late: Option<u64>,
    evidence: Evidence,
}

fn log(signal: Signal, at: Timestamp) -> Evidence {
    let line = match &signal {
        Signal::Link(link) => format!("{:?}", link.word),
        other => format!("{other:?}"),
    };
    crate::support::record(signal, None, &line, at)
}

fn any_signal() -> impl Strategy<Value = Signal> {
    let words =
        [LinkWord::Proof, LinkWord::Inbound, LinkWord::Lost, LinkWord::Attempt, LinkWord::Unreachable];
    let link = words.map(link).to_vec();
    prop_oneof![3 => proptest::sample::select(link).boxed(), 4 => proptest::sample::select(signals()).boxed()]
}

fn any_process() -> impl Strategy<Value = Evidence> {
    let states = [
        ProcessState::Running,
        ProcessState::Running,
        ProcessState::Stopped,
        ProcessState::Zombie,
        ProcessState::Gone,
    ];
    let exits = [None, Some(0), Some(1), Some(75), Some(78), Some(-9)];
    (1..5_u32, 0..2_u64, proptest::sample::select(states.to_vec()), proptest::sample::select(exits.to_vec()))
        .prop_map(|(pid, life, state, exit)| Evidence::Process {
            pid,
            start: Some(u64::from(pid) * 10 + life),
            started_at: None,
            state,
            exit: exit.filter(|_| state == ProcessState::Gone),
        })
}

fn any_state_file() -> impl Strategy<Value = Evidence> {
    let lives = [
        LifeState::Starting,
        LifeState::Running,
        LifeState::Draining,
        LifeState::Stopped,
        LifeState::StartupFailed,
        LifeState::Unknown,
    ];
    let states = [
        EntryState::Connecting,
        EntryState::Connected,
        EntryState::Disconnected,
        EntryState::Retrying,
        EntryState::Fatal,
        EntryState::Paused,
        EntryState::Disabled,
        EntryState::Unknown,
    ];
    let causes = [None, Some(Reason::NetworkUnreachable), Some(Reason::AppInUse), Some(Reason::AuthRejected)];
    let entry = (proptest::sample::select(states.to_vec()), proptest::sample::select(causes.to_vec()))
        .prop_map(|(state, cause)| PlatformEntry {
            platform: "feishu".into(),
            profile: None,
            state,
            cause,
            other_pid: None,
            line: "feishu".to_owned(),
            updated_at: None,
            writer: None,
        });
    let lives = proptest::sample::select(lives.to_vec());
    (1..5_u32, lives, any::<bool>(), proptest::collection::vec(entry, 0..2)).prop_map(
        |(pid, life, restart_requested, entries)| {
            Evidence::StateFile(StateFile { pid, life, restart_requested, entries, ..StateFile::default() })
        },
    )
}

fn any_job() -> impl Strategy<Value = Evidence> {
    let managers = [Manager::Launchd, Manager::Systemd];
    let states = [JobState::Running, JobState::Waiting, JobState::Stopped, JobState::NotLoaded];
    let exits = [None, Some(0), Some(78), Some(-15)];
    (
        proptest::sample::select(managers.to_vec()),
        proptest::sample::select(states.to_vec()),
        proptest::option::of(1..5_u32),
        proptest::sample::select(exits.to_vec()),
    )
        .prop_map(|(manager, state, pid, last_exit)| {
            let label = "ai.hermes.gateway".to_owned();
            Evidence::Job(JobWord { pid, last_exit, ..JobWord::new(manager, label, state) })
        })
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let pid_file = proptest::option::of((1..5_u32, proptest::option::of(10..60_u64)));
    let starts = proptest::collection::vec(0..600_i64, 0..9);
    let takeovers = proptest::collection::vec(0..600_i64, 0..4);
    let takeover = |s| Proof::new("agent.log", "taken over", begin() + SignedDuration::from_secs(s));
    prop_oneof![
        12 => any_signal().prop_map(|signal| log(signal, begin())),
        5 => any_process(),
        1 => Just(Evidence::NoProcess),
        2 => pid_file.prop_map(|id| Evidence::PidFile(id.map(|(pid, start)| FileIdentity { pid, start }))),
        2 => any_state_file(),
        2 => (1..5_u32).prop_map(|pid| Evidence::Heartbeat(Heartbeat { pid, updated_at: None, by_thread: false })),
        2 => any_job(),
        1 => Just(Evidence::JobUnknown),
        1 => starts.prop_map(|mut at| {
            at.sort_unstable();
            Evidence::Starts(at.into_iter().map(|s| begin() + SignedDuration::from_secs(s)).collect())
        }),
        1 => takeovers.prop_map(move |at| Evidence::Takeovers(at.into_iter().map(takeover).collect())),
        1 => proptest::option::of(1..5_u32).prop_map(Evidence::PlannedStopMarker),
        1 => proptest::option::of(1..5_u32).prop_map(Evidence::TakeoverMarker),
        1 => any::<bool>().prop_map(Evidence::Detached),
        1 => Just(Evidence::HistoryTruncated),
        1 => Just(Evidence::Sleep),
        1 => (0_u32..40_000).prop_map(|slept| Evidence::Wake { slept: f64::from(slept) }),
    ]
}

/// Gaps of the size of every deadline, and many short ones.
fn any_gap() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..3_000_u64, 3 => 3_000..50_000_u64, 2 => 50_000..400_000_u64, 1 => Just(0_u64)]
}

fn stream(longest: usize) -> impl Strategy<Value = Vec<Happening>> {
    let late = prop_oneof![3 => Just(None), 2 => (0..5_000_u64).prop_map(Some), 1 => (0..4_000_000_u64).prop_map(Some)];
    let one =
        (any_gap(), late, any_evidence()).prop_map(|(gap, late, evidence)| Happening { gap, late, evidence });
    proptest::collection::vec(one, 1..longest)
}

/// The stream with its times: a wake comes after the time slept, stamps and proofs say when.
fn timed(stream: &[Happening]) -> Vec<(Timestamp, Evidence)> {
    let mut now = begin();
    let mut timed = Vec::new();
    for happening in stream {
        now += SignedDuration::from_millis(happening.gap as i64);
        let mut evidence = happening.evidence.clone();
        match &mut evidence {
            Evidence::Wake { slept } => now += SignedDuration::from_millis((*slept * 1000.0) as i64),
            Evidence::Log(LogRecord { stamp, proof, .. }) => {
                proof.at = now;
                *stamp = happening.late.map(|late| {
                    let since = now.duration_since(begin()) - SignedDuration::from_millis(late as i64);
                    civil_begin() + since
                });
            }
            _ => {}
        }
        timed.push((now, evidence));
    }
    timed
}

/// What is known apart from the core: since when the process that it calls the gateway has been that.
#[derive(Debug, Default)]
struct Life {
    pid: Option<u32>,
    start: Option<u64>,
    /// Position in the stream of the first thing that this process may have said.
    since: usize,
    starts: std::collections::BTreeMap<u32, u64>,
    /// How many lives there may have been.
    lives: usize,
    /// The newest start in the log: where its process is seen later, that is where its life began.
    said_start: Option<(usize, Timestamp)>,
    /// It was said while the process of this life had begun before: it is the start of another one.
    start_of_another: bool,
    /// Something says that the process of this life has begun.
    begun: bool,
    /// Where the lives of others began that were the gateway before and did not end.
    others: std::collections::BTreeMap<u32, usize>,
}

impl Life {
    /// Takes in one piece of evidence, and the process that the core takes for the gateway after it.
    fn follow(&mut self, index: usize, evidence: &Evidence, core: &Core) {
        let ended = match evidence {
            Evidence::Process { pid, state, start, .. } => {
                let known = start.and_then(|start| self.starts.insert(*pid, start));
                let another = known.is_some() && known != *start;
                let over = another || matches!(state, ProcessState::Gone | ProcessState::Zombie);
                if over {
                    self.others.remove(pid);
                }
                self.pid == Some(*pid) && over
            }
            Evidence::NoProcess => {
                self.others.clear();
                true
            }
            // Without a process to look at, its log alone says that another one begins or that it ends.
            Evidence::Log(LogRecord { signal: Signal::Start | Signal::Exiting, .. }) => self.pid.is_none(),
            // … or its manager does, which may be late.
            Evidence::Job(_) => {
                self.lives += usize::from(self.pid.is_none());
                false
            }
            _ => false,
        };
        if matches!(evidence, Evidence::Log(LogRecord { signal: Signal::Start, .. })) {
            self.said_start = Some((index, core.now()));
            self.start_of_another = self.begun;
        }
        self.begun |= matches!(evidence, Evidence::Log(_) | Evidence::StateFile(_));
        let now = core.gateway_pid();
        // A gateway known by its log only is recognised when its process is seen.
        let other = self.pid.is_some() && now != self.pid;
        if let (Some(left), true, false) = (self.pid, other, ended) {
            self.others.insert(left, self.since);
        }
        if ended || other {
            self.lives += 1;
            // Whoever steps back in is still the one that it was.
            let again = now.and_then(|pid| self.others.remove(&pid));
            let before = |at: Timestamp| core.now() < at + SignedDuration::from_secs(60);
            let said = self.said_start.filter(|(_, at)| before(*at)).map(|(index, _)| index);
            self.since = again.or(said).unwrap_or(index);
            // the process whose start it was may be seen only after the one before was missed
            if other || !self.start_of_another || self.pid.is_none() {
                self.said_start = None;
            }
            self.begun = false;
        }
        self.pid = now;
        self.start = now.and_then(|pid| self.starts.get(&pid).copied());
    }
}

/// What the log says of the link, if it does.
fn word_of(signal: &Signal) -> Option<LinkWord> {
    match signal {
        Signal::Link(link) => Some(link.word),
        _ => None,
    }
}

fn is_link(signal: &Signal) -> bool {
    matches!(word_of(signal), Some(LinkWord::Proof | LinkWord::Inbound))
}

/// Lets time pass from deadline to deadline; the changes, and how many deadlines there were.
fn run_down(core: &mut Core) -> (Vec<Change>, usize) {
    let (mut changes, mut count) = (Vec::new(), 0);
    while let Some(due) = core.next_deadline() {
        assert!(due > core.now(), "a deadline in the past: {due} at {}", core.now());
        for change in core.tick(due) {
            assert_eq!(change.at, due, "a deadline changes the verdict at its own time");
            changes.push(change);
        }
        assert_eq!(core.now(), due);
        count += 1;
        assert!(count < 2000, "deadlines without end");
    }
    (changes, count)
}

/// For how many milliseconds the machine was awake before this evidence. Nobody looks while it sleeps.
fn awake(before: Timestamp, now: Timestamp, evidence: &Evidence) -> u64 {
    let slept = match evidence {
        Evidence::Wake { slept } => SignedDuration::from_millis((slept * 1000.0) as i64),
        _ => SignedDuration::ZERO,
    };
    (now - slept).duration_since(before).as_millis().max(0) as u64
}

/// What two runs must have in common.
#[allow(clippy::type_complexity)]
fn summary(changes: &[Change]) -> Vec<(Timestamp, Reason, Reason, Option<u32>, Option<SignedDuration>)> {
    changes.iter().map(|c| (c.at, c.from.reason, c.to.reason, c.to.pid, c.to.held_green)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(600), ..ProptestConfig::default() })]

    #[test]
    fn green_needs_a_proof_of_link_by_the_live_process(stream in stream(40)) {
        let events = timed(&stream);
        let mut core = crate::support::new_core(Deadlines::default(), begin());
        let mut life = Life::default();
        for (index, (now, evidence)) in events.iter().enumerate() {
            core.step(*now, evidence.clone());
            life.follow(index, evidence, &core);
            let verdict = core.verdict();
            let was_logged = |wanted: &dyn Fn(&Signal) -> bool| events[life.since..=index].iter().any(|(_, e)| {
                matches!(e, Evidence::Log(record) if wanted(&record.signal))
            });
            // a state file of this very process that says that it runs
            let own = |file: &StateFile| life.pid.is_none_or(|pid| pid == file.pid);
            let file = events[life.since..=index].iter().any(|(_, e)| {
                matches!(e, Evidence::StateFile(file) if own(file) && file.life == LifeState::Running)
            });
            let finished = |s: &Signal| *s == Signal::Ready || word_of(s) == Some(LinkWord::Webhook);
            let has_started = file || was_logged(&finished);
            match verdict.reason {
                Reason::Connected | Reason::Unsupervised => {
                    let works = was_logged(&is_link) || (verdict.reason == Reason::Unsupervised && has_started);
                    prop_assert!(works, "{:?} after {}: {:?}", verdict, index, &events[life.since..=index]);
                    let proof = verdict.evidence.as_ref().map_or(("", ""), |proof| (proof.source.as_str(), proof.line.quote()));
                    let is_word = |source: &str| matches!(source, "launchd" | "systemd" | "embedded" | ".gateway-launchd-unsupported");
                    match verdict.reason {
                        Reason::Connected => prop_assert!(matches!(proof.1, "Proof" | "Inbound"), "{:?}", proof),
                        _ => prop_assert!(is_word(proof.0), "{:?}", proof),
                    }
                }
                Reason::Running => {
                    let job = events[..=index].iter().rev().find_map(|(_, e)| match e {
                        Evidence::Job(word) => Some(word.state),
                        _ => None,
                    });
                    let is_alive = verdict.pid.is_some() || job == Some(JobState::Running);
                    prop_assert!(is_alive, "{:?} after {}: {:?}", verdict, index, &events[..=index]);
                    prop_assert!(has_started, "{:?} after {}: {:?}", verdict, index, &events[life.since..=index]);
                }
                _ => prop_assert_ne!(verdict.light(), Light::Green),
            }
            if verdict.light() == Light::Green {
                // A green light belongs to a process whose last known state is alive.
                let newest = events[..=index].iter().rev().find_map(|(_, e)| match e {
                    Evidence::Process { pid, state, .. } if Some(*pid) == verdict.pid => Some(*state),
                    _ => None,
                });
                let gone = matches!(newest, Some(ProcessState::Gone | ProcessState::Zombie));
                prop_assert!(!gone, "{:?}", verdict);
            }
        }
    }

    /// The last word on the link counts, where no process on its way out may have spoken it.
    #[test]
    fn no_light_is_green_after_the_link_was_lost(
        stream in proptest::collection::vec((any_gap(), any_signal()), 1..40),
        supervised in any::<bool>(),
    ) {
        let mut core = crate::support::new_core(Deadlines { accept_unsupervised: !supervised, ..Deadlines::default() }, begin());
        let mut now = begin();
        let running = |start| Evidence::Process {
            pid: 7, start: Some(start), started_at: None, state: ProcessState::Running, exit: None,
        };
        core.step(now, running(1));
        let mut connected = false;
        let mut lost_at: Option<Timestamp> = None;
        for (gap, signal) in stream {
            now += SignedDuration::from_millis(gap as i64);
            core.step(now, log(signal.clone(), now));
            let word = word_of(&signal);
            match word {
                Some(LinkWord::Proof) => connected = true,
                Some(LinkWord::Inbound) => {
                    // A message that was under way when the link broke proves nothing.
                    let tail = lost_at.is_some_and(|at| now < at + SignedDuration::from_secs(2));
                    connected |= !tail;
                }
                Some(LinkWord::Attempt) => connected = false,
                Some(word) if word.is_of_link() && !matches!(
                    word,
                    LinkWord::Announced | LinkWord::Reannounced | LinkWord::Resumed
                ) => (connected, lost_at) = (false, Some(now)),
                // What is logged after the start of a gateway was not under way before it.
                _ if signal == Signal::Start => lost_at = None,
                _ => {}
            }
            if matches!(core.verdict().reason, Reason::Connected | Reason::Unsupervised) {
                prop_assert!(connected, "{:?} by {:?}", signal, core.verdict());
            }
        }
    }

    #[test]
    fn a_dead_executor_is_never_forgiven_by_the_same_process(stream in stream(60)) {
        let events = timed(&stream);
        let mut core = crate::support::new_core(Deadlines::default(), begin());
        let mut life = Life::default();
        let mut dead_since: Option<usize> = None;
        for (index, (now, evidence)) in events.iter().enumerate() {
            let changes = core.step(*now, evidence.clone());
            let before = life.lives;
            life.follow(index, evidence, &core);
            if life.lives != before {
                dead_since = None;
            }
            if dead_since.is_some() {
                prop_assert_ne!(core.verdict().light(), Light::Green, "dead since {:?}: {:?}", dead_since, &events[..=index]);
                // not even for a moment between two deadlines
                prop_assert!(life.lives != before || changes.iter().all(|c| c.to.light() != Light::Green));
            }
            let verdict = core.verdict();
            let dead = |reason| reason == Reason::ExecutorShutdown;
            let noted = verdict.notes.iter().any(|note| matches!(note, Note::Also(reason, ..) if dead(*reason)));
            // what is noted of a process that is gone says nothing of the next one
            let is_gone = |reason| matches!(reason, Reason::NotRunning | Reason::NotLoaded);
            let gone = is_gone(verdict.reason)
                || verdict.notes.iter().any(|note| matches!(note, Note::Also(reason, ..) if is_gone(*reason)));
            if dead(verdict.reason) || (noted && !gone) {
                dead_since.get_or_insert(index);
            }
        }
        if dead_since.is_some() {
            let (changes, _) = run_down(&mut core);
            prop_assert!(changes.iter().all(|c| c.to.light() != Light::Green));
        }
    }

    /// The same for the log alone, where chance hits it more often.
    #[test]
    fn no_word_of_the_log_forgives_a_dead_executor(
        stream in proptest::collection::vec((any_gap(), any_signal()), 1..40),
    ) {
        let mut core = crate::support::new_core(Deadlines::default(), begin());
        let mut now = begin();
        core.step(now, Evidence::Process {
            pid: 7, start: Some(1), started_at: None, state: ProcessState::Running, exit: None,
        });
        core.step(now, log(link(LinkWord::Proof), now));
        core.step(now, log(Signal::ExecutorShutdown, now));
        prop_assert_eq!(core.verdict().reason, Reason::ExecutorShutdown);
        for (gap, signal) in stream {
            now += SignedDuration::from_millis(gap as i64);
            let changes = core.step(now, log(signal.clone(), now));
            prop_assert_ne!(core.verdict().light(), Light::Green, "after {:?}", signal);
            prop_assert!(changes.iter().all(|change| change.to.light() != Light::Green), "{:?}", signal);
        }
    }

    #[test]
    fn deadlines_lie_ahead_and_fire_once(stream in stream(40)) {
        let mut core = crate::support::new_core(Deadlines::default(), begin());
        let mut asleep = false;
        for (now, evidence) in timed(&stream) {
            match evidence {
                Evidence::Sleep => asleep = true,
                Evidence::Wake { .. } => asleep = false,
                _ => {}
            }
            core.step(now, evidence);
            prop_assert!(core.next_deadline().is_none_or(|due| due > core.now()));
            prop_assert!(!asleep || core.next_deadline().is_none(), "a deadline passes in sleep");
        }
        let mut at_once = core.clone();
        let (one_by_one, count) = run_down(&mut core);
        // each change of time alone is a step towards rest: nothing swings
        prop_assert!(one_by_one.len() <= count);
        let far = core.now() + SignedDuration::from_hours(24 * 400);
        prop_assert_eq!(summary(&at_once.tick(far)), summary(&one_by_one));
        prop_assert!(at_once.tick(far + SignedDuration::from_hours(1)).is_empty());
    }

    /// How often time passes between two pieces of evidence changes nothing.
    #[test]
    fn the_same_however_it_is_batched(stream in stream(40), looks in proptest::collection::vec(0..1000_u64, 120)) {
        let (mut plain, mut looked_at) = (crate::support::new_core(Deadlines::default(), begin()), crate::support::new_core(Deadlines::default(), begin()));
        let (mut one, mut other) = (Vec::new(), Vec::new());
        let mut looks = looks.into_iter().cycle();
        let mut before = begin();
        for (now, evidence) in timed(&stream) {
            let awake = awake(before, now, &evidence);
            let mut shares: Vec<u64> = looks.by_ref().take(3).map(|share| awake * share / 1000).collect();
            shares.sort_unstable();
            for share in shares {
                other.extend(looked_at.tick(before + SignedDuration::from_millis(share as i64)));
            }
            one.extend(plain.step(now, evidence.clone()));
            other.extend(looked_at.step(now, evidence));
            before = now;
        }
        let far = before + SignedDuration::from_hours(24);
        one.extend(plain.tick(far));
        other.extend(looked_at.tick(far));
        prop_assert_eq!(summary(&one), summary(&other));
        prop_assert_eq!(plain.verdict().reason, looked_at.verdict().reason);
    }

    /// A loop that sleeps until the next deadline shows what one shows that judges all the time.
    #[test]
    fn only_evidence_and_deadlines_change_what_is_shown(
        stream in stream(40),
        looks in proptest::collection::vec(0..1000_u64, 40),
        later in proptest::collection::vec(0..600_000_i64, 20),
    ) {
        let mut core = crate::support::new_core(Deadlines::default(), begin());
        core.go_live();
        let mut looks = looks.into_iter().cycle();
        let mut before = begin();
        for (now, evidence) in timed(&stream) {
            let awake = awake(before, now, &evidence);
            for share in looks.by_ref().take(1) {
                let at = before + SignedDuration::from_millis((awake * share / 1000) as i64);
                prop_assert_eq!(crate::support::pass_and_judge(&mut core, at), Ok(()));
            }
            core.step(now, evidence);
            before = now;
        }
        for later in later {
            let at = core.now() + SignedDuration::from_millis(later);
            prop_assert_eq!(crate::support::pass_and_judge(&mut core, at), Ok(()));
        }
    }

    /// The whole verdict is made when somebody reads it, which may be long after it was judged.
    #[test]
    fn a_verdict_is_the_same_whenever_it_is_read(
        stream in stream(40),
        live in 0..40_usize,
        later in 0..20_000_i64,
    ) {
        let mut read_at_once = crate::support::new_core(Deadlines::default(), begin());
        let mut read_late = read_at_once.clone();
        for (index, (now, evidence)) in timed(&stream).into_iter().enumerate() {
            let mut changes = read_late.step(now, evidence.clone());
            read_at_once.step(now, evidence);
            let _made = read_at_once.verdict();
            if index == live {
                changes.extend(read_late.go_live());
                read_at_once.go_live();
                let _made = read_at_once.verdict();
            }
            // a copy, so that the verdict of this one is not made now
            let copy = read_late.clone();
            prop_assert_eq!(copy.verdict(), read_at_once.verdict());
            if let Some(change) = changes.last() {
                let told = (change.to.reason, change.to.light(), change.to.since);
                let verdict = read_at_once.verdict();
                prop_assert_eq!(told, (verdict.reason, verdict.light(), verdict.since));
            }
        }
        let at = read_late.now() + SignedDuration::from_millis(later);
        read_late.tick(at);
        read_at_once.tick(at);
        prop_assert_eq!(read_late.verdict(), read_at_once.verdict());
    }

    #[test]
    fn time_never_falls_even_when_the_clock_is_set_back(
        stream in stream(40),
        shifts in proptest::collection::vec(-90_000_000..90_000_000_i64, 40),
    ) {
        let mut core = crate::support::new_core(Deadlines::default(), begin());
        let (mut newest, mut last) = (begin(), begin());
        for ((now, evidence), shift) in timed(&stream).into_iter().zip(shifts) {
            let now = if shift % 3 == 0 { now + SignedDuration::from_millis(shift) } else { now };
            for change in core.step(now, evidence) {
                prop_assert!(change.at >= last, "{} after {}", change.at, last);
                prop_assert_eq!(change.to.since, change.at);
                last = change.at;
            }
            prop_assert!(core.now() >= newest);
            newest = core.now();
            prop_assert!(core.verdict().since <= core.now());
        }
    }

    #[test]
    fn no_deadline_makes_it_red_in_the_grace_after_waking(stream in stream(40), slept in 60..40_000_u32, announced in any::<bool>()) {
        let mut core = crate::support::new_core(Deadlines::default(), begin());
        let mut now = begin();
        for (at, evidence) in timed(&stream) {
            now = at;
            if !matches!(evidence, Evidence::Sleep) {
                core.step(at, evidence);
            }
        }
        core.tick(now);
        let was_red = core.verdict().light() == Light::Red;
        if announced {
            core.step(now, Evidence::Sleep);
        }
        let woke = now + SignedDuration::from_secs(i64::from(slept));
        let mut changes = core.step(woke, Evidence::Wake { slept: f64::from(slept) });
        let grace = Deadlines::default().wake.saturating_sub(Duration::from_millis(1));
        changes.extend(core.tick(woke + SignedDuration::try_from(grace).unwrap()));
        for change in changes {
            let red = change.to.light() == Light::Red && change.from.light() != Light::Red;
            prop_assert!(!red || was_red, "{:?} → {:?} at {}", change.from.reason, change.to, change.at);
        }
    }
}

/// The model can fail: a core is green after the proof of a link, and not after its loss.
#[test]
fn the_streams_reach_every_light() {
    let mut core = crate::support::new_core(Deadlines::default(), begin());
    let at = |s: i64| begin() + SignedDuration::from_secs(s);
    core.step(
        at(0),
        Evidence::Process {
            pid: 1,
            start: Some(1),
            started_at: None,
            state: ProcessState::Running,
            exit: None,
        },
    );
    assert_eq!(core.verdict().light(), Light::Amber);
    core.step(at(1), log(link(LinkWord::Proof), at(1)));
    assert_eq!(core.verdict().light(), Light::Green);
    core.step(at(2), log(Signal::ExecutorShutdown, at(2)));
    assert_eq!(core.verdict().reason, Reason::ExecutorShutdown);
    core.step(at(3), log(link(LinkWord::Proof), at(3)));
    assert_eq!(core.verdict().light(), Light::Red);
    core.step(at(4), Evidence::NoProcess);
    core.step(at(5), Evidence::Job(JobWord::new(Manager::Systemd, "x".into(), JobState::Stopped)));
    assert_eq!(core.verdict().light(), Light::Grey);
}

/// Watching begins anew for the cron scheduler when the gateway is watched live: what was shown before must not stay.
#[test]
fn what_is_shown_and_what_is_read_agree_when_watching_begins() {
    let mut core = crate::support::new_core(Deadlines::default(), begin());
    let at = |s: i64| begin() + SignedDuration::from_secs(s);
    core.go_live();
    let started_at = Some(begin());
    core.step(
        at(0),
        Evidence::Process { pid: 7, start: Some(1), started_at, state: ProcessState::Running, exit: None },
    );
    let running = StateFile { pid: 7, life: LifeState::Running, ..StateFile::default() };
    core.step(at(1), Evidence::StateFile(running));
    core.step(at(1), log(link(LinkWord::Proof), at(1)));
    for fact in [CronFact::BuiltIn(Some(true)), CronFact::Jobs(Some(true)), CronFact::Beat(Some(at(2)))] {
        core.step(at(2), Evidence::Cron(fact));
    }
    for minute in 0..30 {
        let beat = Heartbeat { pid: 7, updated_at: Some(at(60 * minute)), by_thread: false };
        core.step(at(60 * minute), Evidence::Heartbeat(beat));
        let job =
            JobWord { pid: Some(7), ..JobWord::new(Manager::Launchd, "l".to_owned(), JobState::Running) };
        core.step(at(60 * minute), Evidence::Job(job));
    }
    let shown = core.verdict().reason;
    assert_eq!(shown, Reason::CronEnded);
    let changes = core.go_live();
    assert_ne!(core.verdict().reason, shown, "the scheduler has not been watched for long enough");
    assert_eq!(changes.last().map(|change| change.to.reason), Some(core.verdict().reason));
}
