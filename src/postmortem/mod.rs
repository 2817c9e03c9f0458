//! Replays plain Hermes logs: what happened before Gatelight watched. Their time stamps are the clock.
//!
//! Files are read in blocks and merged by their stamps while they are read, so they may be larger than memory. The order
//! within a file is kept, and so is that of a log and its rotated files. Copies in several files count once. The core is
//! the one that judges live evidence; without evidence of processes a gateway starts and ends when its log says so.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::evidence::deduplicator::Deduplicator;
use crate::evidence::patterns::Patterns;
use crate::health::{Change, Core, Deadlines, Platforms};
use crate::history::Record;
use crate::profile::Profile;
use crate::text::error::{self, Context as _};
use crate::text::trouble::NO_STAMPS;
use crate::watcher::snapshot::ProfileChange;
use activity::silences;
use clock::instant;
use lines::span;
use rotation::{Chain, Part, chains};
use stream::Stream;

mod activity;
mod clock;
mod lines;
mod rotation;
mod stream;

/// Changes within this time after a silence may be due to what happened during it.
const AFTER_SILENCE: SignedDuration = SignedDuration::from_secs(60);

/// What a replay yields besides the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// The last stamp.
    pub end: Timestamp,
    /// Times in which no log has a line for more than an hour, in order.
    pub silences: Vec<(Timestamp, Timestamp)>,
}

impl Played {
    /// The silences in which it is not known whether the gateway worked: it worked before, and the first change after is
    /// a start or a loss. If there is no such change the process was there all the time, and a red light stays red.
    pub fn doubtful<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) -> Vec<(Timestamp, Timestamp)> {
        let mut losses = changes
            .into_iter()
            .filter(|change| change.from.reason.works() && !change.to.reason.works())
            .map(|change| change.at)
            .peekable();
        let mut found = Vec::new();
        for (from, to) in &self.silences {
            while losses.next_if(|at| at < to).is_some() {}
            if losses.peek().is_some_and(|at| at.duration_since(*to) <= AFTER_SILENCE) {
                found.push((*from, *to));
            }
        }
        found
    }
}

/// Most changes of one profile that are kept, the newest: as many as a history holds.
const MOST_CHANGES: usize = 50_000;

/// The result of a replay of several profiles' logs.
#[derive(Debug)]
pub(crate) struct Past {
    /// Changes and watched times.
    pub(crate) record: Record,
    /// The last stamp of all.
    pub(crate) end: Timestamp,
    /// Files without any stamp.
    pub(crate) silent: Vec<PathBuf>,
}

/// Plays old logs, of several profiles and in any order. `progress` is called with the bytes of each block that is read.
pub(crate) fn read(
    paths: &[PathBuf],
    patterns: &Arc<Patterns>,
    zone: &TimeZone,
    progress: &dyn Fn(u64),
) -> error::Result<Past> {
    let mut past = Past { record: Record::default(), end: Timestamp::MIN, silent: Vec::new() };
    for (name, paths) in by_profile(paths) {
        let mut logs = Logs::open(&paths, zone)?;
        past.silent.append(&mut logs.silent);
        let home = paths.first().and_then(|path| path.parent()).unwrap_or(Path::new("/")).to_path_buf();
        let profile = Arc::new(Profile { name, home, job: None, logs: paths });
        let mut changes = VecDeque::new();
        let played = logs.play(patterns, &Deadlines::default(), progress, &mut |change| {
            if changes.len() == MOST_CHANGES {
                changes.pop_front();
            }
            changes.push_back(ProfileChange { profile: Arc::clone(&profile), change, history: true });
            Ok(())
        })?;
        let doubtful = played.doubtful(changes.iter().map(|change| &change.change));
        past.record = past.record.and(Record::from_changes(changes, played.end, &doubtful));
        past.end = past.end.max(played.end);
    }
    Ok(past)
}

/// The logs of one profile, ready for the replay.
#[derive(Debug)]
pub struct Logs {
    /// The profile's name, derived from the files.
    pub profile: String,
    /// The first stamp.
    pub start: Timestamp,
    /// Files without any stamp: no logs, or compressed ones. They are not replayed.
    pub silent: Vec<PathBuf>,
    chains: Vec<Chain>,
    zone: TimeZone,
}

impl Logs {
    /// Reads the first and the last stamp of each file. Fails if none has a stamp.
    pub fn open(paths: &[PathBuf], zone: &TimeZone) -> error::Result<Self> {
        let mut silent = Vec::new();
        let mut spans = Vec::new();
        for path in paths {
            match span(path).with_context(|| path.display().to_string())? {
                Some((first, last)) => spans.push(Part { path: path.clone(), first, last }),
                None => silent.push(path.clone()),
            }
        }
        let Some(start) = spans.iter().map(|part| instant(part.first, zone, false)).min() else {
            let files: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
            return Err(error::Error::new(NO_STAMPS, &[("files", &files.join(", "))]));
        };
        Ok(Self { profile: profile_name(paths), start, silent, chains: chains(spans), zone: zone.clone() })
    }

    /// Replays them; passes every change of light or reason to `sink`, and the bytes of each block that is read to
    /// `progress`.
    pub fn play(
        self,
        patterns: &Arc<Patterns>,
        deadlines: &Deadlines,
        progress: &dyn Fn(u64),
        sink: &mut dyn FnMut(Change) -> error::Result<()>,
    ) -> error::Result<Played> {
        let mut core =
            Core::new(self.profile.as_str().into(), &Platforms::built_in(), deadlines.clone(), self.start);
        let mut copies = Deduplicator::default();
        let mut streams: Vec<Stream> =
            self.chains.into_iter().map(|chain| Stream::new(chain, &self.zone)).collect();
        // One entry per stream: the time of its next event. A file is opened when that is due, and closed at its end.
        let mut next: BinaryHeap<Reverse<(Timestamp, usize)>> =
            streams.iter().enumerate().map(|(i, stream)| Reverse((stream.clock.now, i))).collect();
        while let Some(Reverse((_, index))) = next.pop() {
            let stream = &mut streams[index];
            // as long as no other stream is earlier
            while let Some(at) = stream.next_at(patterns, progress)? {
                if next.peek().is_some_and(|Reverse(other)| *other < (at, index)) {
                    next.push(Reverse((at, index)));
                    break;
                }
                let Some((_, mut event)) = stream.events.pop_front() else { break };
                if copies.is_copy(&event, at) {
                    continue;
                }
                event.record.proof.at = at;
                for change in core.step(at, event.into_evidence()) {
                    sink(change)?;
                }
            }
        }
        let end = streams.iter().map(|stream| stream.clock.now).max().unwrap_or(self.start);
        for change in core.tick(end) {
            sink(change)?;
        }
        let active = streams.into_iter().flat_map(|stream| stream.active.spans).collect();
        Ok(Played { end, silences: silences(active) })
    }
}

/// The files of each profile, in the order of `paths`.
pub fn by_profile(paths: &[PathBuf]) -> Vec<(String, Vec<PathBuf>)> {
    let mut found: Vec<(String, Vec<PathBuf>)> = Vec::new();
    for path in paths {
        let name = profile_name(std::slice::from_ref(path));
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, files)) => files.push(path.clone()),
            None => found.push((name, vec![path.clone()])),
        }
    }
    found
}

/// The name in `gateway-<profile>.log`, or of the folder that holds `logs` (`profiles/work/logs`), or `default`.
fn profile_name(paths: &[PathBuf]) -> String {
    let Some(path) = paths.first() else { return "default".to_owned() };
    // the path may be relative to a home
    let path = &std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let stem = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some(name) = stem.strip_prefix("gateway-").and_then(|rest| rest.split('.').next()) {
        return name.to_owned();
    }
    let home = path.parent().and_then(Path::parent);
    let in_profiles = home.and_then(Path::parent).and_then(Path::file_name).is_some_and(|n| n == "profiles");
    match home.and_then(Path::file_name).and_then(|n| n.to_str()) {
        Some(name) if in_profiles => name.to_owned(),
        _ => "default".to_owned(),
    }
}
