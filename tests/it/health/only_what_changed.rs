//! A core judges only the rows that a line concerns. Here one core does so, and another with the same evidence is told to judge
//! every row again after each piece of it: both must show the same, at the same times.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{number, record};
use gatelight::health::evidence::{EntryState, LifeState};
use gatelight::health::{
    Change, Core, Deadlines, Evidence, LinkSignal, LinkWord, LogRecord, PlatformEntry, Platforms,
    ProcessState, Signal, StateFile,
};
use jiff::Timestamp;
use jiff::civil::date;
use proptest::prelude::*;
use proptest::sample::select;

/// The gateway's own profile is none of them.
const SERVED: usize = 9;
const PID: u32 = 7;

fn name(profile: usize) -> String {
    format!("p{profile}")
}

/// Something that happens, at a time of its own.
#[derive(Debug, Clone)]
enum Happening {
    /// A line about the link of a served profile, or of the serving one, in that one's log.
    Line {
        profile: Option<usize>,
        platform: &'static str,
        word: LinkWord,
    },
    /// `gateway.run` names the profile in the serving one's log.
    Runner {
        profile: usize,
        word: LinkWord,
    },
    /// A line about the gateway.
    Life(Signal),
    /// The state file, in which the link of this profile has this state.
    File {
        profile: usize,
        state: EntryState,
        life: LifeState,
    },
    Process(ProcessState),
    Wake(f64),
    Nothing,
}

impl Happening {
    fn evidence(&self, at: Timestamp, tick: i64) -> Option<Evidence> {
        let of_link = |platform: &str, word, by_runner| {
            let signal = LinkSignal { by_runner, ..LinkSignal::new(platform, word) };
            let stamp = date(2026, 11, 22).at(12, 0, 0, 0).checked_add(jiff::Span::new().seconds(tick)).ok();
            match record(Signal::Link(signal), stamp, &format!("{word:?} {tick}"), at) {
                Evidence::Log(record) => LogRecord { key: tick.unsigned_abs(), ..record },
                _ => unreachable!("a record"),
            }
        };
        Some(match self {
            Self::Line { profile, platform, word } => Evidence::Log(LogRecord {
                home: profile.map(|profile| name(profile).into()),
                ..of_link(platform, *word, false)
            }),
            Self::Runner { profile, word } => Evidence::Log(LogRecord {
                tag: Some(name(*profile).into()),
                ..of_link("feishu", *word, true)
            }),
            Self::Life(signal) => record(signal.clone(), None, &format!("{signal:?}"), at),
            Self::File { profile, state, life } => Evidence::StateFile(state_file(*profile, *state, *life)),
            Self::Process(state) => process(*state, at),
            Self::Wake(slept) => Evidence::Wake { slept: *slept },
            Self::Nothing => return None,
        })
    }
}

fn process(state: ProcessState, at: Timestamp) -> Evidence {
    Evidence::Process { pid: PID, start: Some(1), started_at: Some(at), state, exit: None }
}

fn state_file(odd: usize, state: EntryState, life: LifeState) -> StateFile {
    let entry = |(profile, platform): (Option<usize>, &str)| PlatformEntry {
        platform: platform.into(),
        profile: profile.map(|profile| name(profile).into()),
        state: if profile == Some(odd) { state } else { EntryState::Connected },
        cause: None,
        other_pid: None,
        line: String::new(),
        updated_at: None,
        writer: None,
    };
    let served = (0..SERVED).flat_map(|profile| [(Some(profile), "feishu"), (Some(profile), "telegram")]);
    StateFile {
        pid: PID,
        start: Some(1),
        life,
        served: (0..SERVED).map(|profile| name(profile).into()).collect(),
        entries: served.chain([(None, "feishu")]).map(entry).collect(),
        ..StateFile::default()
    }
}

fn any_word() -> impl Strategy<Value = LinkWord> {
    use LinkWord as W;
    let usual = [W::Lost, W::Proof, W::Inbound, W::Unreachable, W::Attempt, W::Claim];
    let others = [
        W::Expected,
        W::Announced,
        W::LostByError,
        W::Failed,
        W::Refused,
        W::Conflict,
        W::Ended,
        W::Blip,
        W::Paused,
        W::Resumed,
        W::Webhook,
        W::Sending,
        W::SendRefused,
    ];
    prop_oneof![3 => select(usual.to_vec()), 1 => select(others.to_vec())]
}

fn any_happening() -> impl Strategy<Value = Happening> {
    let of_runner = [LinkWord::Announced, LinkWord::Reannounced, LinkWord::Failed, LinkWord::Lost];
    let of_life = [Signal::Ready, Signal::Info, Signal::Shutdown, Signal::ExecutorShutdown, Signal::Start];
    let states = [
        EntryState::Connected,
        EntryState::Retrying,
        EntryState::Fatal,
        EntryState::Disabled,
        EntryState::Paused,
    ];
    let lives = [LifeState::Running, LifeState::Running, LifeState::Starting, LifeState::Draining];
    let processes = [ProcessState::Running, ProcessState::Running, ProcessState::Stopped, ProcessState::Gone];
    let line = (
        proptest::option::weighted(0.9, 0..SERVED),
        select(vec!["feishu", "feishu", "telegram"]),
        any_word(),
    )
        .prop_map(|(profile, platform, word)| Happening::Line { profile, platform, word });
    let runner = (0..SERVED, select(of_runner.to_vec()))
        .prop_map(|(profile, word)| Happening::Runner { profile, word });
    let file = (0..SERVED, select(states.to_vec()), select(lives.to_vec()))
        .prop_map(|(profile, state, life)| Happening::File { profile, state, life });
    prop_oneof![
        30 => line,
        4 => runner,
        1 => select(of_life.to_vec()).prop_map(Happening::Life),
        2 => file,
        1 => select(processes.to_vec()).prop_map(Happening::Process),
        1 => (1.0..400.0).prop_map(Happening::Wake),
        8 => Just(Happening::Nothing),
    ]
}

/// Seconds until the next thing happens: often less than a deadline, sometimes past several.
fn any_gap() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..3_i64, 2 => 3..40_i64, 1 => 40..700_i64]
}

/// A gateway whose links are all up, each with a log of its own.
fn watched(at: Timestamp) -> Core {
    let mut core = Core::new("default".into(), &Platforms::built_in(), Deadlines::default(), at);
    core.step(at, process(ProcessState::Running, at));
    core.step(at, Evidence::StateFile(state_file(SERVED, EntryState::Connected, LifeState::Running)));
    for (tick, profile) in (0..SERVED).enumerate() {
        let line = Happening::Line { profile: Some(profile), platform: "feishu", word: LinkWord::Proof };
        let evidence = line.evidence(at, i64::try_from(tick).unwrap()).unwrap();
        core.step(at, evidence);
    }
    core.go_live();
    core
}

fn judge_all(core: &mut Core) -> Vec<Change> {
    core.set_rules(&Platforms::built_in(), Deadlines::default())
}

fn begin() -> Timestamp {
    "2026-11-22T11:00:00Z".parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: u32::try_from(number("PROPTEST_CASES", 48)).unwrap_or(u32::MAX),
        ..ProptestConfig::default()
    })]

    #[test]
    fn rows_that_a_line_does_not_concern_show_what_judging_them_would(
        happenings in proptest::collection::vec((any_gap(), any_happening(), any::<bool>()), 1..120)
    ) {
        let mut at = begin();
        let (mut core, mut anew) = (watched(at), watched(at));
        for (tick, (gap, happening, in_batch)) in (100..).zip(happenings) {
            at += Duration::from_secs(gap.unsigned_abs());
            let evidence = happening.evidence(at, tick);
            let step = |core: &mut Core| match &evidence {
                Some(evidence) if in_batch => core.apply(at, vec![evidence.clone()]),
                Some(evidence) => core.step(at, evidence.clone()),
                None => core.tick(at),
            };
            prop_assert_eq!(step(&mut core), step(&mut anew));
            prop_assert_eq!(judge_all(&mut anew), []);
            let due = (core.next_deadline(), anew.next_deadline());
            prop_assert_eq!(due.0, due.1, "{:?}", happening);
            prop_assert_eq!(core.verdict(), anew.verdict(), "{:?}", &happening);
            prop_assert_eq!(core.served(), anew.served());
            for profile in 0..SERVED {
                let (shown, wanted) = (core.verdict_of(&name(profile)), anew.verdict_of(&name(profile)));
                prop_assert_eq!(shown, wanted, "p{} after {:?}", profile, &happening);
            }
        }
    }
}

#[test]
fn a_line_about_one_of_many_links_and_its_deadline_judge_one_row() {
    let mut at = begin();
    let mut core = watched(at);
    let judged = core.revision();
    let mut touched = BTreeSet::new();
    for (tick, profile) in (100..).zip((0..SERVED).chain(0..SERVED)) {
        at += Duration::from_secs(2);
        let word = if tick < 100 + SERVED as i64 { LinkWord::Lost } else { LinkWord::Proof };
        let line = Happening::Line { profile: Some(profile), platform: "feishu", word };
        let changes = core.step(at, line.evidence(at, tick).unwrap());
        assert!(changes.iter().all(|change| *change.profile == *name(profile)), "{changes:?}");
        touched.extend(changes.into_iter().map(|change| change.profile));
    }
    assert_eq!(touched.len(), SERVED);
    assert_eq!(core.revision(), judged);
}
