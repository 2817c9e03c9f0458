//! Replays plain Hermes logs: what happened before Gatelight watched. Their timestamps are the clock.
//!
//! Files are read in blocks and merged by their timestamps while they are read, so they may be larger than memory. Each
//! file is scanned on its own thread, and each profile judged on another one. The order within a file is kept, and so
//! is that of a log and its rotated files. Copies in several files count once. The core is the one that judges live
//! evidence; without evidence of processes, a gateway starts and ends when its log says so.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::evidence::deduplicator::Deduplicator;
use crate::evidence::patterns::Patterns;
use crate::files;
use crate::health::{Change, Core, Deadlines, Platforms};
use crate::history::Record;
use crate::order::Collect as _;
use crate::profile::{Profile, homes};
use crate::recording;
use crate::text::error::{self, Context as _};
use crate::text::trouble::{A_RECORDING, COMPRESSED, NO_STAMPS};
use crate::watcher::snapshot::ProfileChange;
use crate::worker::{cores, map_in_order};
use activity::silences;
use clock::instant;
use lines::span;
use rotation::{Chain, Part, chains};
use stream::{Reading, Stream};

mod activity;
mod clock;
mod lines;
mod rotation;
mod stream;

/// The first bytes of a gzip file (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Changes within this time after a silence may be due to what happened during it.
const AFTER_SILENCE: SignedDuration = SignedDuration::from_secs(60);

/// The result of a replay besides the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// The last timestamp.
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
const MAX_CHANGES: usize = 50_000;

/// Why none of these files is a log: what they are, judged by the first one.
fn no_stamps(paths: &[PathBuf]) -> error::Error {
    let first_is =
        |test: fn(&Path) -> io::Result<bool>| paths.first().is_some_and(|path| test(path).unwrap_or(false));
    let phrase = if first_is(is_gzip) {
        COMPRESSED
    } else if first_is(recording::has_header) {
        A_RECORDING
    } else {
        NO_STAMPS
    };
    let files: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    error::Error::new(phrase, &[("files", &files.join(", "))])
}

fn is_gzip(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    files::open(path)?.take(GZIP.len() as u64).read_to_end(&mut head)?;
    Ok(head == GZIP)
}

/// The result of a replay of several profiles' logs.
#[derive(Debug)]
pub(crate) struct Past {
    /// Changes and watched times.
    pub(crate) record: Record,
    /// The last timestamp of all.
    pub(crate) end: Timestamp,
    /// Files without any timestamp.
    pub(crate) silent: Vec<PathBuf>,
}

/// Plays old logs, of several profiles and in any order. `progress` is called with the bytes of each block that is read.
pub(crate) fn read(
    paths: &[PathBuf],
    patterns: &Arc<Patterns>,
    zone: &TimeZone,
    progress: &(dyn Fn(u64) + Sync),
) -> error::Result<Past> {
    let profiles = by_profile(paths);
    let pasts = map_in_order(&profiles, |(name, paths)| read_profile(name, paths, patterns, zone, progress));
    let mut all = Past { record: Record::default(), end: Timestamp::MIN, silent: Vec::new() };
    for past in pasts {
        let mut past = past?;
        all.silent.append(&mut past.silent);
        all.record = all.record.and(past.record);
        all.end = all.end.max(past.end);
    }
    Ok(all)
}

fn read_profile(
    name: &str,
    paths: &[PathBuf],
    patterns: &Arc<Patterns>,
    zone: &TimeZone,
    progress: &(dyn Fn(u64) + Sync),
) -> error::Result<Past> {
    let mut logs = Logs::open(paths, zone)?;
    let silent = std::mem::take(&mut logs.silent);
    let home = paths.first().and_then(|path| path.parent()).unwrap_or(Path::new("/")).to_path_buf();
    let profile = Arc::new(Profile { name: name.to_owned(), home, job: None, logs: paths.to_vec() });
    let mut changes = VecDeque::new();
    let played = logs.play(patterns, &Deadlines::default(), progress, &mut |change| {
        if changes.len() == MAX_CHANGES {
            changes.pop_front();
        }
        changes.push_back(ProfileChange { profile: Arc::clone(&profile), change, history: true });
        Ok(())
    })?;
    let doubtful = played.doubtful(changes.iter().map(|change| &change.change));
    Ok(Past { record: Record::from_changes(changes, played.end, &doubtful), end: played.end, silent })
}

/// The logs of one profile, ready for the replay.
#[derive(Debug)]
pub struct Logs {
    /// The profile's name, derived from the files.
    pub profile: String,
    /// The first timestamp.
    pub start: Timestamp,
    /// Files without any timestamp: not logs, or compressed ones. They are not replayed.
    pub silent: Vec<PathBuf>,
    chains: Vec<Chain>,
    zone: TimeZone,
}

impl Logs {
    /// Reads the first and the last timestamp of each file. Fails if no file has one.
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
            return Err(no_stamps(paths));
        };
        Ok(Self { profile: profile_name(paths), start, silent, chains: chains(spans), zone: zone.clone() })
    }

    /// Replays them; passes every change of light or reason to `sink`, and the bytes of each block that is read to
    /// `progress`.
    pub fn play(
        self,
        patterns: &Arc<Patterns>,
        deadlines: &Deadlines,
        progress: &(dyn Fn(u64) + Sync),
        sink: &mut dyn FnMut(Change) -> error::Result<()>,
    ) -> error::Result<Played> {
        let zone = self.zone.clone();
        // with several logs, that many scans are running already
        let ahead = cores().div_ceil(self.chains.len().max(1));
        std::thread::scope(|scope| {
            self.judge(&Reading { scope, patterns, zone: &zone, progress, ahead }, deadlines, sink)
        })
    }

    fn judge(
        self,
        reading: &Reading<'_, '_>,
        deadlines: &Deadlines,
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
            while let Some(at) = stream.next_at(reading)? {
                if next.peek().is_some_and(|Reverse(other)| *other < (at, index)) {
                    next.push(Reverse((at, index)));
                    break;
                }
                let Some(mut event) = stream.take() else { break };
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

/// The files of each profile, in the order of `paths`. A folder that is nobody's home by its place is called `default` if it
/// is the only one, else after itself: logs of different gateways must not be taken for one.
pub fn by_profile(paths: &[PathBuf]) -> Vec<(String, Vec<PathBuf>)> {
    let mut found: Vec<(Owner, Vec<PathBuf>)> = Vec::new();
    for path in paths {
        let owner = Owner::of(path);
        match found.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, files)) => files.push(path.clone()),
            None => found.push((owner, vec![path.clone()])),
        }
    }
    let unknown = found.iter().filter(|(owner, _)| matches!(owner, Owner::Unknown(_))).count();
    let mut taken: BTreeSet<String> =
        found.iter().filter_map(|(owner, _)| owner.name().map(str::to_owned)).to_set();
    let alone = unknown == 1 && !taken.contains("default");
    let named = found.into_iter().map(|(owner, files)| {
        let name = match &owner {
            Owner::Unknown(folder) if !alone => free_name(folder, &mut taken),
            known => known.name().unwrap_or("default").to_owned(),
        };
        (name, files)
    });
    named.collect()
}

/// The profile that a log belongs to.
#[derive(Debug, PartialEq, Eq)]
enum Owner {
    /// The profile of this name: by the file's name (`gateway-work.log`) or place (`.hermes/logs`, `profiles/work/logs`).
    Profile(String),
    /// Unknown: the profile whose logs are in this folder.
    Unknown(PathBuf),
}

impl Owner {
    fn of(path: &Path) -> Self {
        // the path may be relative to a home
        let path = &std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(name) = file.strip_prefix("gateway-").and_then(|rest| rest.split('.').next()) {
            return Self::Profile(name.to_owned());
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        let home = folder.parent().filter(|_| folder.ends_with("logs")).unwrap_or(folder);
        match (homes::profile_of(home), home.file_name()) {
            (Some((_, name)), _) => Self::Profile(name.to_owned()),
            (None, Some(name)) if name == ".hermes" => Self::Profile("default".to_owned()),
            (None, _) => Self::Unknown(home.to_path_buf()),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Profile(name) => Some(name),
            Self::Unknown(_) => None,
        }
    }
}

/// The name of a folder, with a number if it is taken.
fn free_name(folder: &Path, taken: &mut BTreeSet<String>) -> String {
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    let stem = folder.trim_start_matches('.');
    let stem = if stem.is_empty() { "default" } else { stem };
    let numbered = (2..).map(|number| format!("{stem}-{number}"));
    let name = std::iter::once(stem.to_owned()).chain(numbered).find(|name| taken.insert(name.clone()));
    name.unwrap_or_default()
}

/// The name of the profile whose logs these are.
fn profile_name(paths: &[PathBuf]) -> String {
    let owner = paths.first().map(|path| Owner::of(path));
    owner.as_ref().and_then(Owner::name).unwrap_or("default").to_owned()
}
