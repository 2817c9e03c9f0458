//! The first look of a watcher that was started late: everything that the files held is read at one moment. The timestamps of the
//! lines show when each was written, so it is judged as the watcher itself judges the past.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::reader::Reader;
use super::{Event, EventKind, Recording, at};
use crate::evidence::collector::{BRIDGE_LOG, recorded};
use crate::evidence::log_event::{Dated, LogEvent};
use crate::evidence::logbook::without_colours;
use crate::evidence::{line, state_files};
use crate::health::{Change, Core, Deadlines, Evidence, Platforms, ProfileName, Signal};

/// A first look takes less time than this, in seconds: files are read one after the other.
const LONGEST: f64 = 3.0;

/// A line that is read so long after it was written is one of the past: new lines are read at once.
const OLD: SignedDuration = SignedDuration::from_secs(3);

/// The clock of the lines is known by so many lines that are read after the first look.
const NEXT_LINES: usize = 8;

/// They are read within this time, in seconds: later the clock may have been changed.
const SAME_CLOCK: f64 = 600.0;

/// Time zones differ by multiples of this, in seconds.
const ZONE_STEP: i64 = 15 * 60;

/// What was read at a first look, and what follows it.
pub(super) struct FirstLook<'a> {
    now: Timestamp,
    /// What a line's timestamp, read as UTC, differs from the time at which it was written.
    offset: SignedDuration,
    found: &'a [Event],
    pub later: &'a [Event],
}

impl<'a> FirstLook<'a> {
    /// The first look with which a recording begins; `None`: it begins with nothing of the past.
    pub(super) fn of(recording: &'a Recording) -> Option<Self> {
        let start = recording.header.start;
        // how long after its timestamp a line was read
        let lag = |event: &Event| {
            let EventKind::Line { line, .. } = &event.kind else { return None };
            Some(at(start, event.t).duration_since(as_utc(stamp_of(line)?)))
        };
        let events = &recording.events;
        let later = events.partition_point(|event| event.t < LONGEST);
        let first = events[..later].iter().filter_map(lag).min()?;
        let next = events[later..].iter().take_while(|event| event.t < SAME_CLOCK).filter_map(lag);
        let offset = match next.take(NEXT_LINES).min() {
            Some(next) => next.min(first),
            None => SignedDuration::from_secs(first.as_secs().div_euclid(ZONE_STEP) * ZONE_STEP),
        };
        let is_old = |event: &Event| lag(event).is_some_and(|lag| lag - offset >= OLD);
        let newest = events[..later].iter().rfind(|event| is_old(event))?.t;
        let (found, later) = events.split_at(events.partition_point(|event| event.t <= newest));
        let sleeps = found.iter().any(|event| matches!(event.kind, EventKind::Wake(_) | EventKind::End));
        (!sleeps).then(|| Self { now: at(start, newest), offset, found, later })
    }

    /// Judges the past, and passes on what is shown at the end of it.
    pub(super) fn play(
        &self,
        reader: &mut Reader,
        profile: ProfileName,
        platforms: &Platforms,
        deadlines: Deadlines,
        sink: &mut dyn FnMut(&Change),
    ) -> Core {
        let events = self.dated(reader);
        let mut processes = self.processes();
        Self::date_start(&mut processes, &events);
        let (mut files, mut locks, mut current) = (BTreeMap::new(), Vec::new(), processes.clone());
        for event in self.found {
            match &event.kind {
                EventKind::File { file, json } => {
                    let evidence = state_files::evidence(file, json.as_ref(), &reader.patterns);
                    files.extend(evidence.map(|evidence| (file, (self.written(json.as_ref()), evidence))));
                }
                EventKind::Known(Evidence::Locks(held)) => locks.clone_from(held),
                EventKind::Known(evidence)
                    if !matches!(evidence, Evidence::Process { .. } | Evidence::NoProcess) =>
                {
                    current.push(evidence.clone());
                }
                _ => {}
            }
        }
        let past = recorded(self.now, processes, files.into_values().collect(), events, locks);
        let begin = past.first().map_or(self.now, |(at, _)| *at);
        let mut core = Core::new(profile, platforms, deadlines, begin);
        let mut changes = Vec::new();
        for (at, evidence) in past {
            changes.extend(core.step(at, evidence));
        }
        changes.extend(core.tick(self.now));
        changes.extend(core.go_live());
        changes.extend(core.step_all(self.now, current));
        self.pass_on(changes, sink);
        core
    }

    /// The events of the logs with their times, which never fall. A line without a timestamp follows the line above it. Those of
    /// logs without any may be a former process's, if there was one; of the bridge's the newest one counts.
    fn dated(&self, reader: &mut Reader) -> Dated {
        let mut events = reader.read_lines(self.found, self.now);
        let is_of_bridge = |event: &LogEvent| event.record.proof.source.as_str() == BRIDGE_LOG;
        let bridge = events.iter().rfind(|event| is_of_bridge(event)).cloned();
        let starts = events.iter().filter(|event| event.record.signal == Signal::Start).count();
        let stamped = self.stamped_logs();
        let has_stamps =
            |event: &LogEvent| stamped.contains(&(&event.record.home, event.record.proof.source.as_str()));
        events.retain(|event| has_stamps(event) || (starts <= 1 && !is_of_bridge(event)));
        let mut latest = Timestamp::MIN;
        let dated = events.into_iter().chain(bridge).map(|mut event| {
            let written = match event.record.stamp {
                Some(stamp) => as_utc(stamp).checked_add(self.offset).unwrap_or(self.now),
                None if has_stamps(&event) => latest,
                None => self.now,
            };
            latest = latest.max(written.min(self.now));
            event.record.proof.at = latest;
            (latest, event)
        });
        dated.collect()
    }

    /// The logs with timestamps: the home and the name of each.
    fn stamped_logs(&self) -> BTreeSet<(&Option<ProfileName>, &str)> {
        let stamped = self.found.iter().filter_map(|event| {
            let EventKind::Line { home, log, line } = &event.kind else { return None };
            stamp_of(line).map(|_| (home, log.as_str()))
        });
        stamped.collect()
    }

    /// The processes that are there at the end, each as it was seen last.
    fn processes(&self) -> Vec<Evidence> {
        let mut known: Vec<(u32, Evidence)> = Vec::new();
        let mut none = false;
        for event in self.found {
            match &event.kind {
                EventKind::Known(evidence @ Evidence::Process { pid, .. }) => {
                    known.retain(|(known, _)| known != pid);
                    known.push((*pid, evidence.clone()));
                }
                EventKind::Known(Evidence::NoProcess) => none = true,
                _ => {}
            }
        }
        let is_there = |(_, evidence): &(u32, Evidence)| matches!(evidence, Evidence::Process { state, .. } if state.is_live());
        let is_gone = none || !known.is_empty() && !known.iter().any(is_there);
        known.retain(is_there);
        let gone = (is_gone && known.is_empty()).then_some(Evidence::NoProcess);
        known.into_iter().map(|(_, evidence)| evidence).chain(gone).collect()
    }

    /// The only process was started with the newest start in the logs, if nothing else tells when.
    fn date_start(processes: &mut [Evidence], events: &Dated) {
        let newest = events.iter().rfind(|(_, event)| event.record.signal == Signal::Start);
        if let ([Evidence::Process { started_at, .. }], Some((at, _))) = (processes, newest) {
            started_at.get_or_insert(*at);
        }
    }

    /// When the file with these contents was written, if they tell it.
    fn written(&self, json: Option<&Value>) -> Option<Timestamp> {
        let told: Timestamp = json?.get("updated_at")?.as_str()?.parse().ok()?;
        Some(told.min(self.now))
    }

    /// Only the end of the past is shown: at the time of the look, one change a row.
    fn pass_on(&self, changes: Vec<Change>, sink: &mut dyn FnMut(&Change)) {
        let mut rows: BTreeMap<ProfileName, Change> = BTreeMap::new();
        for change in changes {
            let from = rows.get(&change.profile).map_or(change.from.clone(), |before| before.from.clone());
            rows.insert(ProfileName::clone(&change.profile), Change { at: self.now, from, ..change });
        }
        rows.values().filter(|row| !row.from.is_same_as(&row.to.glance())).for_each(sink);
    }
}

fn stamp_of(text: &str) -> Option<DateTime> {
    line::head(&without_colours(text.as_bytes()))?.stamp
}

/// A timestamp without a zone, as if it was that of UTC.
fn as_utc(stamp: DateTime) -> Timestamp {
    TimeZone::UTC.to_ambiguous_timestamp(stamp).compatible().unwrap_or(Timestamp::MIN)
}
