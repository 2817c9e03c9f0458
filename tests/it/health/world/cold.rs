//! A first look at the world: what was written lies in files, rotated ones among them, and the process of the test stands
//! in for that of the gateway. The times of the world are moved so that its gateway began when this process did.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use gatelight::evidence::clock::Moment;
use gatelight::evidence::collector::{Collector, JobProcess, Past};
use gatelight::evidence::process::{self, ProcessInfo};
use gatelight::health::{Core, Deadlines, Evidence, Light, LogRecord, Manager, Signal};
use gatelight::profile::{JobFile, Profile};
use gatelight::recording::{EventKind, Recording};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::dice::Dice;
use super::hermes::{Ms, World, timestamp};

/// Largest PID of Linux: no process has one above it.
const MAX_PID: u64 = 1 << 22;

/// Lines that are not older than this are in the logs, however often those were rotated: a rotated log has 5 MiB.
const ALWAYS_KEPT: SignedDuration = SignedDuration::from_secs(10);

/// A row that a first look shows green although it is not; `None`: there is none.
pub(super) fn wrong_light(world: &World, seed: u64) -> Option<String> {
    if cannot_stand_in(world) {
        return None;
    }
    let core = Files::of(world).look(&mut Rotation::Loses(Dice::new(seed)));
    rows_of(world).find_map(|(served, name)| {
        let (allowed, why) = world.allowed(served);
        let verdict = core.verdict_of(name)?;
        let light = verdict.light();
        let false_green = !allowed.green && light == Light::Green;
        false_green.then(|| format!("at a first look {name} is {verdict:?} ({why}): {allowed:?}"))
    })
}

/// A row whose light depends on how the logs were rotated, although no line was lost; `None`: there is none.
pub(super) fn light_of_rotation(world: &World, seed: u64) -> Option<String> {
    if cannot_stand_in(world) {
        return None;
    }
    let whole = Files::of(world).look(&mut Rotation::None);
    let rotated = Files::of(world).look(&mut Rotation::Keeps(Dice::new(seed)));
    rows_of(world).find_map(|(_, name)| {
        let (whole, rotated) = (whole.verdict_of(name)?, rotated.verdict_of(name)?);
        (whole.light() != rotated.light())
            .then(|| format!("at a first look {name} is {rotated:?} with rotated logs, else {whole:?}"))
    })
}

/// This process cannot be suspended, and is one process only.
fn cannot_stand_in(world: &World) -> bool {
    world.is_taken_over() || world.gateway.as_ref().is_some_and(|gateway| gateway.suspended)
}

/// The rows, and whether each is that of the served profile.
fn rows_of(world: &World) -> impl Iterator<Item = (bool, &'static str)> {
    [(false, "default"), (true, "alice")].into_iter().take(world.rows())
}

/// How the logs were rotated, each at other times.
enum Rotation {
    None,
    /// All lines are still there.
    Keeps(Dice),
    /// The oldest lines are gone.
    Loses(Dice),
}

impl Rotation {
    /// The numbers of lines in the log itself and in each rotated one. `lines`: how many there were, `old`: so many of them may
    /// be gone.
    fn sizes(&mut self, lines: usize, old: usize) -> Vec<usize> {
        let (dice, loses) = match self {
            Self::None => return vec![lines],
            Self::Keeps(dice) => (dice, false),
            Self::Loses(dice) => (dice, true),
        };
        let (mut rest, mut sizes) = (lines, Vec::new());
        let oldest = dice.within(0, 3);
        for index in 0..=oldest {
            let most = if index == oldest { old.min(rest - 1) } else { rest - 1 };
            let left = if index == oldest && !loses { 0 } else { dice.within(0, most as Ms) as usize };
            sizes.push(rest - left);
            rest = left;
            if rest == 0 {
                break;
            }
        }
        sizes
    }
}

/// The files of the world, with moved times.
struct Files<'a> {
    world: &'a World,
    me: ProcessInfo,
    folder: tempfile::TempDir,
}

impl<'a> Files<'a> {
    fn of(world: &'a World) -> Self {
        let me = process::look(std::process::id()).unwrap();
        Self { world, me, folder: tempfile::tempdir().unwrap() }
    }

    fn home(&self, profile: &str) -> PathBuf {
        let home = self.folder.path().join(".hermes");
        if profile == "default" { home } else { home.join("profiles").join(profile) }
    }

    fn locks(&self) -> PathBuf {
        self.folder.path().join("locks")
    }

    /// The time at which it happened, moved.
    fn at(&self, at: Ms) -> Timestamp {
        timestamp(at) + self.shift()
    }

    fn shift(&self) -> SignedDuration {
        let gateway = self.world.gateway.as_ref();
        gateway.map_or(SignedDuration::ZERO, |gateway| {
            self.me.started_at.duration_since(timestamp(gateway.began))
        })
    }

    fn look(&self, rotation: &mut Rotation) -> Core {
        self.write(rotation);
        let now = self.at(self.world.now);
        let alive = self.world.gateway.is_some() && self.world.plan.manager.is_some();
        let job = if alive { JobProcess::Pid(self.me.pid) } else { JobProcess::None };
        let mut past = self.past("default", now, job);
        if self.home("alice").exists() {
            past.extend(self.past("alice", now, JobProcess::None).into_iter().filter_map(of_served));
        }
        // stable, as in the watcher
        past.sort_by_key(|(at, _)| *at);
        let begin = past.first().map_or(now, |(at, _)| *at);
        let mut core = crate::support::new_core(Deadlines::default(), begin);
        for (at, evidence) in past {
            core.step(at, evidence);
        }
        core.tick(now);
        core.go_live();
        core.apply(now, self.job().into_iter().collect());
        core
    }

    fn past(&self, profile: &str, now: Timestamp, process: JobProcess) -> Past {
        let home = self.home(profile);
        let logs = ["agent.log", "gateway.log", "errors.log"].map(|log| home.join("logs").join(log)).to_vec();
        let locks = self.locks().to_string_lossy().into_owned();
        let job = JobFile {
            environment: vec![("HERMES_GATEWAY_LOCK_DIR".into(), locks)],
            ..JobFile::named(Manager::Launchd, "/nowhere/ai.hermes.gateway.plist", "ai.hermes.gateway")
        };
        let profile = Profile { name: profile.into(), home, job: Some(job), logs };
        let now = Moment { at: now, instant: Instant::now() };
        Collector::attach(&profile, &crate::support::patterns(), &TimeZone::UTC, now, process, None).1
    }

    /// What the service manager says now.
    fn job(&self) -> Option<Evidence> {
        let mut event = self.world.job()?;
        event["t"] = 0.into();
        self.translate(&mut event);
        let text = format!("{{\"recording\": 1, \"start\": \"{}\"}}\n{event}\n", timestamp(0));
        let recording = Recording::read(text.as_bytes()).unwrap();
        recording.events.into_iter().find_map(|event| match event.kind {
            EventKind::Known(evidence) => Some(evidence),
            _ => None,
        })
    }

    fn write(&self, rotation: &mut Rotation) {
        let mut logs: BTreeMap<PathBuf, Vec<(Timestamp, String)>> = BTreeMap::new();
        let mut files: BTreeMap<PathBuf, (Timestamp, Value)> = BTreeMap::new();
        fs::create_dir_all(self.locks()).unwrap();
        for written in &self.world.journal.written {
            let at = self.at(written.at);
            let event = &written.event;
            if let (Some(log), Some(line)) = (event["log"].as_str(), event["line"].as_str()) {
                let home = self.home(event["profile"].as_str().unwrap());
                let stamp = at.strftime("%Y-%m-%d %H:%M:%S,%3f");
                let line = format!("{stamp}{}\n", &line["2026-11-27 08:00:00,000".len()..]);
                logs.entry(home.join("logs").join(log)).or_default().push((at, line));
            } else if let Some(file) = event["file"].as_str() {
                let mut json = event["json"].clone();
                self.translate(&mut json);
                files.insert(self.home("default").join(file), (at, json));
            } else if let Some(locks) = event["locks"].as_array() {
                for lock in locks {
                    let name =
                        format!("{}-{}.lock", lock["scope"].as_str().unwrap(), lock["id"].as_str().unwrap());
                    let mut json = json!({"pid": lock["pid"], "start_time": 0});
                    self.translate(&mut json);
                    files.insert(self.locks().join(name), (at, json));
                }
            }
        }
        for (path, lines) in logs {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            // up to three rotated files, none of them empty; the newest lines are in one of them
            let mut rest = lines.as_slice();
            let old = lines.partition_point(|(at, _)| *at + ALWAYS_KEPT < self.at(self.world.now));
            for (index, size) in rotation.sizes(lines.len(), old).into_iter().enumerate() {
                let (older, new) = rest.split_at(rest.len() - size);
                let name =
                    if index == 0 { path.clone() } else { format!("{}.{index}", path.display()).into() };
                write_lines(&name, new);
                rest = older;
            }
        }
        for (path, (at, json)) in files.into_iter().filter(|(_, (_, json))| !json.is_null()) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            write_at(&path, at, &json.to_string());
        }
    }

    /// Moves times, and puts this process in the place of the gateway's. All others are gone.
    fn translate(&self, json: &mut Value) {
        let current = self.world.gateway.as_ref().map(|gateway| u64::from(gateway.pid));
        match json {
            Value::Object(map) => {
                if let Some(pid) = map.get("pid").and_then(Value::as_u64) {
                    let is_me = Some(pid) == current;
                    map["pid"] = if is_me { self.me.pid.into() } else { (MAX_PID + pid).into() };
                    if let Some(start) = map.get_mut("start_time").filter(|start| is_me && start.is_u64()) {
                        *start = self.me.start.into();
                    }
                }
                map.values_mut().for_each(|value| self.translate(value));
            }
            Value::String(text) => {
                if let Ok(at) = text.parse::<Timestamp>() {
                    *text = (at + self.shift()).to_string();
                }
            }
            _ => {}
        }
    }
}

fn write_lines(path: &Path, lines: &[(Timestamp, String)]) {
    let (last, _) = lines.last().unwrap();
    let text: String = lines.iter().map(|(_, line)| line.as_str()).collect();
    write_at(path, *last, &text);
}

fn write_at(path: &Path, at: Timestamp, text: &str) {
    fs::write(path, text).unwrap();
    File::options().append(true).open(path).unwrap().set_modified(at.into()).unwrap();
}

/// What the home of a served profile says of its links.
fn of_served((at, evidence): (Timestamp, Evidence)) -> Option<(Timestamp, Evidence)> {
    match evidence {
        Evidence::Log(record) if matches!(record.signal, Signal::Link(_)) => {
            Some((at, Evidence::Log(LogRecord { home: Some("alice".into()), ..record })))
        }
        _ => None,
    }
}
