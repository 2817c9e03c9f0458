//! Compares what Gatelight shows with the lights that are right.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gatelight::health::{Change, Deadlines, Light, Platforms, Reason};
use gatelight::recording::Recording;
use jiff::SignedDuration;

use super::cold;
use super::hermes::{Ms, SECOND, World, timestamp};
use super::platforms::Link;
use super::script::{Operation, Plan};

/// What is written to several files at one moment is read within this time: the end of the start may be read before its last line.
const SAME_READING: SignedDuration = SignedDuration::from_millis(700);

/// A start that takes longer holds no light back: what is up is green.
const LONGEST_START: SignedDuration = SignedDuration::from_secs(90);

/// What a row shows, and since when.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    at: Ms,
    light: Light,
    reason: Reason,
    platform: Option<String>,
}

/// Compares the lights of a long watch of this run with the right ones. `Err`: what was wrong, and what led to it.
pub(super) fn long_watch(plan: &Plan, seed: u64, operations: &[Operation]) -> Result<(), String> {
    let world = world_after(plan, seed, operations);
    let text = world.recording();
    let changes = played(&text);
    let wrong = wrong_light(&world, &changes).or_else(|| impossible(&world, &changes));
    wrong.map_or(Ok(()), |(at, wrong)| Err(story(&wrong, at, &text, &changes)))
}

/// The same for a first look at the end of the run.
pub(super) fn first_look(plan: &Plan, seed: u64, operations: &[Operation]) -> Result<(), String> {
    let world = world_after(plan, seed, operations);
    let Some(wrong) = cold::wrong_light(&world, seed) else { return Ok(()) };
    let text = world.recording();
    Err(story(&wrong, world.now, &text, &played(&text)))
}

/// The same for a first look at rotated logs.
pub(super) fn first_look_at_rotated(plan: &Plan, seed: u64, operations: &[Operation]) -> Result<(), String> {
    let world = world_after(plan, seed, operations);
    let Some(wrong) = cold::light_of_rotation(&world, seed) else { return Ok(()) };
    let text = world.recording();
    Err(story(&wrong, world.now, &text, &played(&text)))
}

fn world_after(plan: &Plan, seed: u64, operations: &[Operation]) -> World {
    let mut world = World::new(plan, seed);
    for operation in operations {
        world.operate(operation);
    }
    // until everything that was written can have been read
    world.operate(&Operation::Wait(4 * SECOND));
    world
}

fn played(text: &str) -> Vec<Change> {
    let recording = Recording::read(text.as_bytes()).unwrap();
    assert_eq!((recording.unknown, recording.cut), (0, false));
    let mut changes = Vec::new();
    let patterns = crate::support::patterns();
    recording.play_with(patterns, &Platforms::built_in(), Deadlines::default(), &mut |change| {
        changes.push(change.clone());
    });
    changes
}

fn ms(at: jiff::Timestamp) -> Ms {
    let nanos = at.duration_since(timestamp(0)).as_nanos();
    ((nanos + 500_000) / 1_000_000).max(0) as Ms
}

fn rows(changes: &[Change]) -> BTreeMap<&str, Vec<Row>> {
    let mut rows: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for change in changes {
        rows.entry(&change.profile).or_default().push(Row {
            at: ms(change.at),
            light: change.to.light(),
            reason: change.to.reason,
            platform: change.to.platform.as_ref().map(ToString::to_string),
        });
    }
    rows
}

/// The first moment at which a row shows a wrong light.
fn wrong_light(world: &World, changes: &[Change]) -> Option<(Ms, String)> {
    let rows = rows(changes);
    for check in &world.checks {
        let name = if check.served { "alice" } else { "default" };
        let Some(row) = rows.get(name) else { continue };
        let count = row.partition_point(|shown| shown.at <= check.at);
        let light = count.checked_sub(1).map_or(Light::Grey, |newest| row[newest].light);
        if !check.allowed.allows(light) {
            let at = check.at as f64 / 1e3;
            return Some((
                check.at,
                format!("{name} is {light:?} at {at} ({}): {:?}", check.why, check.allowed),
            ));
        }
    }
    None
}

/// Changes that no world can lead to.
fn impossible(world: &World, changes: &[Change]) -> Option<(Ms, String)> {
    let quiet = |at: Ms| !world.operations.iter().any(|done| (*done..done + 15 * SECOND).contains(&at));
    for (name, rows) in rows(changes) {
        for pair in rows.windows(2) {
            if pair[1].at < pair[0].at {
                return Some((pair[1].at, format!("{name}: time falls")));
            }
        }
        for three in rows.windows(3) {
            let blinks =
                [Light::Red, Light::Amber, Light::Red] == [three[0].light, three[1].light, three[2].light];
            // a new process may be refused at once, and one link turn red while another claims to be back
            let starts = three[1].reason == Reason::Starting;
            // of two links that nothing tells apart, an error of one may follow a claim of the other
            let shared = |link: &Link| world.is_shared(link) && is_of(link, &three[2]);
            let is_one = three[0].platform == three[2].platform && !world.links.iter().any(shared);
            if blinks && is_one && !starts && three[2].at < three[1].at + 5 * SECOND && quiet(three[2].at) {
                return Some((three[2].at, format!("{name} blinks")));
            }
        }
        let known = ["default", "alice"].contains(&name);
        if !known {
            return Some((0, format!("a row of {name}, whom nobody serves")));
        }
    }
    changes.iter().find_map(|change| {
        let at = ms(change.at);
        let wrong =
            if change.to.since != change.at || change.to.links.iter().any(|link| link.since > change.at) {
                "a since of another time"
            } else if change.to.evidence.as_ref().is_some_and(|proof| proof.at > change.at) {
                "a proof of the future"
            } else if change.to.served_by.is_some()
                && change.to.pid.is_some()
                && is_of_no_process(change.to.reason)
            {
                "a served profile without its server, which is there"
            } else if change.from.light() == Light::Green
                && change.to.reason == Reason::Starting
                && change.from.pid.is_some_and(|pid| change.to.pid == Some(pid))
                && change.to.held_green > Some(SAME_READING)
                && change.to.started_at.is_some_and(|started| change.at < started + LONGEST_START)
            {
                "green before its start was finished"
            } else {
                return None;
            };
        Some((at, format!("{}: {wrong}: {:?}", change.profile, change.to)))
    })
}

fn is_of(link: &Link, row: &Row) -> bool {
    row.platform.as_deref() == Some(link.platform.name())
}

fn is_of_no_process(reason: Reason) -> bool {
    matches!(reason, Reason::NotRunning | Reason::NotLoaded)
}

/// What was wrong, with the evidence and the lights before it.
fn story(wrong: &str, at: Ms, text: &str, changes: &[Change]) -> String {
    let mut story = format!("{wrong}\n");
    let mut lines: Vec<(Ms, String)> = Vec::new();
    for line in text.lines().skip(1) {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let t = (event["t"].as_f64().unwrap() * 1e3) as Ms;
        lines.push((t, line.chars().take(600).collect()));
    }
    for change in changes {
        let to = &change.to;
        let shown = format!("  → {} {:?} {:?} {:?}", change.profile, to.light(), to.reason, to.platform);
        lines.push((ms(change.at), shown));
    }
    lines.sort_by_key(|(at, _)| *at);
    let near: Vec<_> = lines.iter().filter(|(t, _)| *t <= at + SECOND).collect();
    for (t, line) in near.iter().skip(near.len().saturating_sub(90)) {
        writeln!(story, "{:>9.3} {line}", *t as f64 / 1e3).unwrap();
    }
    if let Some(file) = std::env::var_os("GATELIGHT_MODEL_OUT") {
        std::fs::write(file, text).unwrap();
    }
    story
}
