mod diff;
mod link;
mod whole;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::alerts::{Acknowledged, Mute, Silence, Silences};
use crate::app::messages::{CheckedJobFiles, EngineRequest};
use crate::health::{Light, Manager, Note, Proof, Reason, Verdict};
use crate::profile::{BadJobFile, JobFile, Profile};
use crate::restart::{RestartOutcome, RestartStep, RestartView};
use crate::text::{Lang, Message};
use crate::ui::UiCommand;
use crate::ui::menu_bar::permission::Permission;
use crate::watcher::snapshot::{ProfileView, Snapshot};

const NOW: i64 = 1_790_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

fn locale(lang: Lang) -> Locale {
    Locale { lang, zone: TimeZone::UTC }
}

fn view(name: &str, reason: Reason, since: i64) -> ProfileView {
    let job = JobFile::named(Manager::Launchd, "/h/a.plist", "ai.hermes.gateway");
    let profile = Profile { name: name.into(), home: PathBuf::from("/h"), job: Some(job), logs: Vec::new() };
    let verdict = Verdict { reason, ..Verdict::unknown(at(since)) };
    ProfileView { profile: Arc::new(profile), verdict: verdict.into() }
}

fn snapshot(profiles: Vec<ProfileView>) -> Snapshot {
    Snapshot { at: at(0), profiles, bad_files: Vec::new(), complete: true }
}

fn key(name: &str, word: &str) -> String {
    format!("{name}\u{1f}{word}")
}

/// The menu as text: indented, disabled rows in brackets, marks, lights.
fn drawn(rows: &[Row]) -> Vec<String> {
    let mut out = Vec::new();
    for row in rows {
        let light = row.light.map_or(String::new(), |l| format!("{} ", l.symbol()));
        let text = format!("{light}{}", row.label);
        out.push(match &row.kind {
            RowKind::Separator => "--".into(),
            RowKind::Check(on) => format!("{} {text}", if *on { "[x]" } else { "[ ]" }),
            RowKind::Item => text,
            RowKind::Sub(_) => format!("{text} >"),
        });
        if !row.enabled
            && row.kind != RowKind::Separator
            && let Some(last) = out.last_mut()
        {
            *last = format!("({last})");
        }
        if let RowKind::Sub(below) = &row.kind {
            out.extend(drawn(below).into_iter().map(|line| format!("    {line}")));
        }
    }
    out
}

const SHUT_DOWN: &str = "2026-09-21 14:10:20,271 WARNING gateway.run: Executor shutdown has been called";

fn three() -> Snapshot {
    let mut shell = view("work", Reason::ExecutorShutdown, -185);
    Arc::make_mut(&mut shell.verdict).evidence = Some(Proof::new("agent.log", SHUT_DOWN, at(-180)));
    Arc::make_mut(&mut shell.verdict).pid = Some(4711);
    Arc::make_mut(&mut shell.verdict).started_at = Some(at(-7_200));
    Arc::make_mut(&mut shell.verdict).manager = Some(Manager::Launchd);
    Arc::make_mut(&mut shell.verdict).notes =
        vec![Note::Also(Reason::AuthRejected, None, None), Note::InfoHidden];
    let mut snapshot = snapshot(vec![
        view("default", Reason::Connected, -7_000),
        shell,
        view("lab", Reason::Unsupervised, -30),
    ]);
    snapshot.bad_files =
        vec![BadJobFile { path: PathBuf::from("/a/b.plist"), reason: ["no dictionary"; 2].into() }];
    snapshot
}

fn checked() -> CheckedJobFiles {
    CheckedJobFiles {
        errors: vec!["work".to_owned()],
        warnings: vec!["work".to_owned(), "lab".to_owned()],
        worst: None,
        repairable: BTreeSet::from(["work".to_owned()]),
    }
}

#[test]
fn the_head_line() {
    let head_of = |snapshot: &Snapshot| {
        menu(snapshot, &MenuState::default(), &locale(Lang::En), at(0)).rows[0].label.clone()
    };
    assert_eq!(head_of(&snapshot(Vec::new())), "No Hermes Gateway found");
    assert_eq!(head_of(&Snapshot { complete: false, ..three() }), "Looking…");
    assert_eq!(head_of(&snapshot(vec![view("a", Reason::Running, 0)])), "1 of 1 connected");
    assert_eq!(head_of(&snapshot(vec![view("a", Reason::Starting, 0)])), "0 of 1 connected");
}

#[test]
fn without_a_profile_the_menu_says_what_to_do() {
    let shown = |lang, complete| {
        let nothing = Snapshot { complete, ..snapshot(Vec::new()) };
        drawn(&menu(&nothing, &MenuState::default(), &locale(lang), at(0)).rows)
    };
    assert_eq!(
        shown(Lang::En, true)[2..6],
        [
            "(What to do next:)",
            "(hermes gateway install: install the service of your Hermes gateway)",
            "(gatelight config init: create a settings file, to name a home elsewhere)",
            "(gatelight demo: see how Gatelight works, without Hermes)",
        ]
    );
    assert!(shown(Lang::Zh, true).contains(&"(gatelight demo：查看演示，无需 Hermes)".to_owned()));
    assert!(!shown(Lang::En, false).iter().any(|row| row.contains("gatelight demo")), "not while looking");
}

#[test]
fn a_restart_shows_its_steps_and_its_outcome() {
    let snapshot = snapshot(vec![view("a", Reason::Restarting, -5)]);
    let show = |state: &MenuState| {
        let menu = menu(&snapshot, state, &locale(Lang::En), at(0));
        let rows = drawn(&menu.rows);
        let from = rows.iter().position(|r| r.contains("old process")).unwrap();
        let command = menu.row("a\u{1f}restart").unwrap();
        (rows[from..from + 4].iter().map(|r| r.trim().to_owned()).collect::<Vec<_>>(), command.enabled)
    };
    let restart = |step, outcome| {
        let view = RestartView { asked_at: at(-5), step, retrying: None, outcome };
        show(&MenuState { restarts: [("a".to_owned(), view)].into(), ..MenuState::default() })
    };
    let own = |rows: [&str; 4]| rows.map(str::to_owned).to_vec();
    assert_eq!(
        restart(RestartStep::StartingNew, None),
        (own(["(● old process ended)", "(◐ starting a new process…)", "(○ confirm the link)", "--"]), false)
    );
    let failed =
        RestartOutcome::Failed { step: RestartStep::EndingOld, why: Message::verbatim("exit 5\nno") };
    assert_eq!(
        restart(RestartStep::EndingOld, Some(failed)),
        (
            own([
                "(○ end the old process)",
                "(○ start a new process)",
                "(○ confirm the link)",
                "(Restart failed: exit 5 no)"
            ]),
            true
        )
    );
}

#[test]
fn an_outcome_is_removed_when_it_is_no_longer_true() {
    let took = SignedDuration::from_secs(12);
    let worked = RestartOutcome::Worked { took, pid: 7, killed: false, back: Vec::new() };
    let failed = RestartOutcome::Failed { step: RestartStep::EndingOld, why: Message::verbatim("exit 5") };
    for (outcome, reason, pid, expected) in [
        (&worked, Reason::Connected, 7, Some("Restart worked: 12 s, PID 7")),
        (&worked, Reason::Connected, 8, None),
        (&worked, Reason::NetworkUnreachable, 7, None),
        (&failed, Reason::NotRunning, 6, Some("Restart failed: exit 5")),
        (&failed, Reason::Connected, 6, None),
    ] {
        let mut one = view("a", reason, -5);
        Arc::make_mut(&mut one.verdict).pid = Some(pid);
        let outcome = Some(outcome.clone());
        let restart = RestartView { asked_at: at(-9), step: RestartStep::EndingOld, retrying: None, outcome };
        let state = MenuState { restarts: [("a".to_owned(), restart)].into(), ..MenuState::default() };
        let menu = menu(&snapshot(vec![one]), &state, &locale(Lang::En), at(0));
        let shown = menu.row(&key("a", "outcome")).map(|row| row.label.as_str());
        assert_eq!(shown, expected, "{reason:?} {pid}");
        let steps = drawn(&menu.rows).iter().any(|row| row.contains("confirm the link"));
        assert_eq!(steps, expected.is_some_and(|text| text.contains("failed")), "what worked needs no steps");
    }
}

#[test]
fn a_profile_without_a_job_cannot_be_restarted() {
    let mut lone = view("a", Reason::NotRunning, 0);
    Arc::make_mut(&mut lone.profile).job = None;
    let menu = menu(&snapshot(vec![lone]), &MenuState::default(), &locale(Lang::En), at(0));
    for word in ["restart", "open-system-log", "show-job-file"] {
        assert!(!menu.row(&key("a", word)).unwrap().enabled, "{word}");
        assert_eq!(menu.command(&key("a", word)), None, "{word}");
    }
    assert!(!menu.row("restart-all").unwrap().enabled);
    assert!(menu.row(&key("a", "open-log")).unwrap().enabled);
}

#[test]
fn thirty_profiles_fit() {
    let mut profiles: Vec<ProfileView> =
        (0..30).map(|i| view(&format!("p{i:02}"), Reason::Connected, -100)).collect();
    let rows = |profiles: &[ProfileView]| {
        menu(&snapshot(profiles.to_vec()), &MenuState::default(), &locale(Lang::En), at(0)).rows
    };
    let well = rows(&profiles);
    assert!(well.len() <= 15, "{}", well.len());
    assert_eq!(well[2].label, "30 more: 30 connected");
    for i in [3, 9, 12] {
        Arc::make_mut(&mut profiles[i].verdict).reason = Reason::Reconnecting;
    }
    Arc::make_mut(&mut profiles[20].verdict).reason = Reason::NotRunning;
    let labels: Vec<String> = drawn(&rows(&profiles)).into_iter().filter(|l| !l.starts_with(' ')).collect();
    assert_eq!(
        labels[2..7],
        [
            "✖ p20 — not running · 1 min >",
            "◐ p03 — reconnecting · 1 min >",
            "◐ p09 — reconnecting · 1 min >",
            "◐ p12 — reconnecting · 1 min >",
            "● 26 more: 26 connected >",
        ]
    );
    for profile in &mut profiles {
        Arc::make_mut(&mut profile.verdict).reason = Reason::NotRunning;
    }
    assert!(rows(&profiles).len() <= 25);
    assert_eq!(drawn(&rows(&profiles)).iter().filter(|l| l.contains("— not running")).count(), 30);
    assert_eq!(badge(&snapshot(profiles.clone())), Some(30));
    assert_eq!(badge(&snapshot(profiles[..1].to_vec())), None);
    assert!(tooltip(&snapshot(profiles), &MenuState::default(), Lang::En).lines().count() <= 7);
}

#[test]
fn names_are_shown_as_they_are() {
    let long = "x".repeat(64);
    for (name, expected) in [
        ("a_b__c", "a_b__c"),
        ("R&D && co", "R&D && co"),
        ("👩‍💻 emoji", "👩‍💻 emoji"),
        ("网关", "网关"),
        (long.as_str(), "xxxxxxxxxxxxxxxxxxx…xxxxxxxxxx"),
        ("שער", "\u{200e}\u{2068}שער\u{2069}"),
        ("a\u{202e}b\nc", "a b c"),
        ("{title}", "{title}"),
    ] {
        let menu = menu(
            &snapshot(vec![view(name, Reason::Connected, 0)]),
            &MenuState::default(),
            &locale(Lang::En),
            at(0),
        );
        assert_eq!(
            menu.row(&key(name, "profile")).unwrap().label,
            format!("{expected} — connected · <1 min")
        );
        let whole = menu.row(&key(name, "name")).map(|row| row.label.as_str());
        assert_eq!(whole, (name == long).then_some(name), "the submenu has what the row leaves out");
    }
}

#[test]
fn evidence_is_cut_to_one_bounded_line() {
    let mut long = view("a", Reason::NotRunning, 0);
    Arc::make_mut(&mut long.verdict).evidence = Some(Proof::new("agent.log", "错误 ".repeat(200), at(0)));
    let menu = menu(&snapshot(vec![long]), &MenuState::default(), &locale(Lang::En), at(0));
    let label = &menu.row(&key("a", "evidence")).unwrap().label;
    assert!(label.contains('…') && label.chars().count() <= row::MAX_LABEL, "{label}");
}

#[test]
fn channels_and_a_heartbeat_that_fail_are_named() {
    use crate::channels::dispatch::ChannelView;
    use crate::config::ChannelKind;
    use crate::text::channels::WHY;
    let failure = |why| (at(-60), Message::new(WHY).with("why", why));
    let channel = |name: &str, kind, last_sent, failure| ChannelView {
        name: name.to_owned(),
        kind,
        waiting: 0,
        last_sent,
        failure,
    };
    let channels = || {
        let refused = Some(failure("HTTP 401"));
        vec![
            channel("team", ChannelKind::FeishuBot, Some(at(-3_600)), None),
            channel("phone", ChannelKind::Ntfy, None, refused),
        ]
    };
    let beat = || Some(failure("HTTP 404"));
    for (channels, heartbeat_failure, expected) in [
        (Vec::new(), None, &[][..]),
        (
            Vec::new(),
            beat(),
            &["Channels: Heartbeat Cannot Send >", "    (✖ Heartbeat: fails since 14:12: HTTP 404)"],
        ),
        (
            channels(),
            beat(),
            &[
                "Channels: phone, Heartbeat Cannot Send >",
                "    (team — Feishu bot: last sent 13:13)",
                "    (✖ phone — ntfy (14:12): HTTP 401)",
                "    (✖ Heartbeat: fails since 14:12: HTTP 404)",
                "    --",
                "    Send a Test to team",
                "    Send a Test to phone",
            ],
        ),
    ] {
        let state = MenuState { channels, heartbeat_failure, ..MenuState::default() };
        let lines = drawn(&menu(&three(), &state, &locale(Lang::En), at(0)).rows);
        let from = lines.iter().position(|line| line.contains("Channels")).unwrap_or(lines.len());
        let shown = lines[from..].iter().take_while(|line| !line.contains("Test Notification"));
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn states_of_login_and_notifications_are_shown() {
    for (login, notifications, expected) in [
        (Login::On, Notifications::On, ["[x] Notifications", "[x] Launch at Login"]),
        (Login::Off, Notifications::Off, ["[ ] Notifications", "[ ] Launch at Login"]),
        (
            Login::Off,
            Notifications::NotPermitted(Permission::Refused),
            ["[ ] Notifications: Turned Off in System Settings", "[ ] Launch at Login"],
        ),
        (
            Login::Off,
            Notifications::NotPermitted(Permission::NotAnswered),
            ["[ ] Notifications: Allow Them in System Settings", "[ ] Launch at Login"],
        ),
        (
            Login::Off,
            Notifications::NotPermitted(Permission::NeverAsked),
            ["[ ] Notifications: macOS Does Not Trust This Copy", "[ ] Launch at Login"],
        ),
        (
            Login::Unavailable("move it first".into()),
            Notifications::On,
            ["[x] Notifications", "[ ] Launch at Login: move it first"],
        ),
        (
            Login::NeedsApproval,
            Notifications::OffInSettings,
            [
                "[ ] Notifications: Off in the Settings File",
                "[ ] Launch at Login: Approve It in System Settings",
            ],
        ),
    ] {
        let state = MenuState { notifications, login, ..MenuState::default() };
        let lines = drawn(&menu(&three(), &state, &locale(Lang::En), at(0)).rows);
        let from = lines.iter().position(|l| l.contains("Notifications")).unwrap();
        assert_eq!(lines[from..from + 2], expected);
    }
}
