//! Replays plain Hermes logs: what happened before Gatelight watched. Their time stamps are the clock.
//!
//! Files are read in blocks and merged by their stamps while they are read, so they may be larger than memory. The order
//! within a file is kept, and so is that of a log and its rotated files. Copies in several files count once. The core is
//! the one that judges live evidence; without evidence of processes a gateway starts and ends when its log says so.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::evidence::deduplicator::Deduplicator;
use crate::evidence::line::head;
use crate::evidence::logbook::{LogEvent, Scanner};
use crate::evidence::patterns::Patterns;
use crate::health::{Change, Core, Deadlines, Platforms, Signal};
use crate::history::Record;
use crate::profile::Profile;
use crate::text::error::{self, Context as _};
use crate::text::trouble::NO_STAMPS;
use crate::watcher::snapshot::ProfileChange;

/// Bytes read from a file at once; each open file holds one such block.
const BLOCK: usize = 256 << 10;

/// Longest line, in bytes; longer ones are skipped.
const LINE_MAX: usize = 64 << 10;

/// If stamps go back by more than this within the hour that is repeated when summer time ends, the hour's second pass has
/// begun. Threads that write to one log mix their records by less.
const TURNED_BACK_SECONDS: i64 = 60;

/// If a log is silent for longer than this, the machine may have been off or asleep.
const SILENCE_HOURS: i64 = 1;

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

/// Plays old logs, of several profiles and in any order.
pub(crate) fn read(paths: &[PathBuf], patterns: &Arc<Patterns>, zone: &TimeZone) -> error::Result<Past> {
    let mut past = Past { record: Record::default(), end: Timestamp::MIN, silent: Vec::new() };
    for (name, paths) in by_profile(paths) {
        let mut logs = Logs::open(&paths, zone)?;
        past.silent.append(&mut logs.silent);
        let home = paths.first().and_then(|path| path.parent()).unwrap_or(Path::new("/")).to_path_buf();
        let profile = Arc::new(Profile { name, home, job: None, logs: paths });
        let mut changes = VecDeque::new();
        let played = logs.play(patterns, &Deadlines::default(), &mut |change| {
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

    /// Replays them; passes every change of light or reason to `sink`.
    pub fn play(
        self,
        patterns: &Arc<Patterns>,
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
            while let Some(at) = stream.next_at(patterns)? {
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

/// The gaps of at least [`SILENCE_HOURS`] between the times in which there are lines.
fn silences(mut active: Vec<(Timestamp, Timestamp)>) -> Vec<(Timestamp, Timestamp)> {
    active.sort_unstable();
    let mut found = Vec::new();
    let mut until: Option<Timestamp> = None;
    for (from, to) in active {
        if let Some(until) = until
            && from.duration_since(until).as_hours() >= SILENCE_HOURS
        {
            found.push((until, from));
        }
        until = until.max(Some(to));
    }
    found
}

/// When a log has lines. Spans less than [`SILENCE_HOURS`] apart are merged.
#[derive(Debug, Default)]
struct Activity {
    spans: Vec<(Timestamp, Timestamp)>,
}

impl Activity {
    /// Adds a span.
    fn add(&mut self, from: Timestamp, to: Timestamp) {
        match self.spans.last_mut() {
            Some((_, end)) if from.duration_since(*end).as_hours() < SILENCE_HOURS => *end = to.max(*end),
            _ => self.spans.push((from, to.max(from))),
        }
    }

    /// Adds the lines of a block. Every line is parsed only if the block may contain a silence.
    fn block(&mut self, block: &[u8], zone: &TimeZone, plausible: &dyn Fn(DateTime) -> bool) {
        let stamp = |line: &[u8]| stamp(line).filter(|stamp| plausible(*stamp));
        let at = |stamp| instant(stamp, zone, false);
        let mut lines = block.split(|b| *b == b'\n');
        let Some(first) = lines.by_ref().find_map(stamp).map(at) else { return };
        let last = block.rsplit(|b| *b == b'\n').find_map(stamp).map_or(first, at);
        if last.duration_since(first).as_hours().abs() < SILENCE_HOURS {
            self.add(first.min(last), last.max(first));
            return;
        }
        self.add(first, first);
        lines.filter_map(stamp).map(at).for_each(|at| self.add(at, at));
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

/// The instant of a stamp in this zone; in a repeated hour that of the first or the second pass.
fn instant(stamp: DateTime, zone: &TimeZone, second: bool) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(stamp);
    let found = if second { ambiguous.later() } else { ambiguous.compatible() };
    found.unwrap_or(Timestamp::UNIX_EPOCH)
}

fn is_repeated(stamp: DateTime, zone: &TimeZone) -> bool {
    matches!(zone.to_ambiguous_timestamp(stamp).offset(), AmbiguousOffset::Fold { .. })
}

/// The clock of a log: local time, which is set back when summer time ends.
#[derive(Debug)]
struct Clock {
    zone: TimeZone,
    last: DateTime,
    second: bool,
    /// Never decreases: a record with an earlier stamp (of another thread, or a pasted line) happened now.
    now: Timestamp,
}

impl Clock {
    fn starting(at: DateTime, zone: &TimeZone) -> Self {
        Self { zone: zone.clone(), last: at, second: false, now: instant(at, zone, false) }
    }

    fn read(&mut self, stamp: DateTime) {
        let fell = self.last.duration_since(stamp).as_secs() > TURNED_BACK_SECONDS;
        if !is_repeated(stamp, &self.zone) {
            self.second = false;
        } else if fell && is_repeated(self.last, &self.zone) {
            self.second = true;
        }
        self.last = stamp;
        self.now = self.now.max(instant(stamp, &self.zone, self.second));
    }
}

/// A file with stamps.
#[derive(Debug, Clone)]
struct Part {
    path: PathBuf,
    first: DateTime,
    last: DateTime,
}

/// One log: its rotated files, oldest first.
type Chain = VecDeque<Part>;

/// Joins rotated files (`agent.log.2`, `agent.log.1`, `agent.log`) to one log, if their stamps are in that order.
fn chains(parts: Vec<Part>) -> Vec<Chain> {
    let mut logs: BTreeMap<PathBuf, (usize, Vec<(u32, Part)>)> = BTreeMap::new();
    for (index, part) in parts.into_iter().enumerate() {
        let (base, age) = age_in_rotation(&part.path);
        logs.entry(base).or_insert_with(|| (index, Vec::new())).1.push((age, part));
    }
    // in the order of the arguments, which decides between events of the same time
    let mut logs: Vec<_> = logs.into_values().collect();
    logs.sort_by_key(|(index, _)| *index);
    let mut chains = Vec::new();
    for (_, mut parts) in logs {
        parts.sort_by_key(|(age, _)| Reverse(*age));
        // up to an hour back is the end of summer time
        let in_order =
            parts.windows(2).all(|two| two[1].1.first.duration_since(two[0].1.last).as_hours() > -2);
        let files = parts.into_iter().map(|(_, part)| part);
        if in_order {
            chains.push(files.collect());
        } else {
            chains.extend(files.map(|part| Chain::from([part])));
        }
    }
    chains
}

/// A file name without the number of the rotation, and that number; 0 for the current file.
fn age_in_rotation(path: &Path) -> (PathBuf, u32) {
    let number = path.extension().and_then(|end| end.to_str()).and_then(|end| end.parse::<u32>().ok());
    match number.filter(|number| *number < 10_000) {
        Some(number) => (path.with_extension(""), number),
        None => (path.to_path_buf(), 0),
    }
}

/// Reads one log, event by event.
struct Stream {
    chain: Chain,
    open: Option<Open>,
    /// Of the current block.
    events: VecDeque<(Timestamp, LogEvent)>,
    clock: Clock,
    active: Activity,
}

impl Stream {
    fn new(chain: Chain, zone: &TimeZone) -> Self {
        let first = chain.front().map_or(DateTime::MIN, |part| part.first);
        Self {
            chain,
            open: None,
            events: VecDeque::new(),
            clock: Clock::starting(first, zone),
            active: Activity::default(),
        }
    }

    /// The time of the next event; `None` at the end.
    fn next_at(&mut self, patterns: &Arc<Patterns>) -> error::Result<Option<Timestamp>> {
        loop {
            if let Some((at, _)) = self.events.front() {
                return Ok(Some(*at));
            }
            let Some(open) = &mut self.open else {
                let Some(part) = self.chain.pop_front() else { return Ok(None) };
                let named = part.path.display().to_string();
                self.open = Some(Open::new(part, patterns).context(named)?);
                continue;
            };
            let (clock, active, events) = (&mut self.clock, &mut self.active, &mut self.events);
            let more = open.read(clock, active, &mut |at, event| events.push_back((at, event)));
            if !more.with_context(|| open.part.path.display().to_string())? {
                // lines that are no events advance the clock as well
                self.clock.read(open.part.last);
                self.open = None;
            }
        }
    }
}

/// Reads one file.
struct Open {
    part: Part,
    source: String,
    lines: Lines,
    scanner: Scanner,
}

impl Open {
    fn new(part: Part, patterns: &Arc<Patterns>) -> std::io::Result<Self> {
        let source =
            part.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let lines = Lines::of(File::open(&part.path)?);
        Ok(Self { part, source, lines, scanner: Scanner::new(Arc::clone(patterns)) })
    }

    /// Reads the next block; `false` at the end.
    fn read(
        &mut self,
        clock: &mut Clock,
        active: &mut Activity,
        sink: &mut dyn FnMut(Timestamp, LogEvent),
    ) -> std::io::Result<bool> {
        let Self { part, source, lines, scanner } = self;
        // A stamp beyond the end of the file is in a pasted line; it must not delay the other logs.
        let plausible = |stamp: DateTime| stamp.duration_since(part.last).as_hours() < 2;
        lines.next(&mut |block| {
            active.block(block, &clock.zone, &plausible);
            if !turns_back(block, &clock.zone) {
                let mut emit = |event: LogEvent| {
                    // a line without a stamp belongs to the one before it
                    if let Some(stamp) = event.record.stamp.filter(|stamp| plausible(*stamp)) {
                        clock.read(stamp);
                    }
                    sink(clock.now, event);
                };
                // the first lines show the log level: that event precedes the others of the same time
                let mut level: Option<LogEvent> = None;
                scanner.read(source, block, Timestamp::UNIX_EPOCH, &mut |event| {
                    if matches!(event.record.signal, Signal::Info | Signal::Record)
                        && event.record.stamp.is_some()
                    {
                        level = Some(event);
                        return;
                    }
                    if level.as_ref().is_some_and(|level| level.record.stamp <= event.record.stamp) {
                        level.take().into_iter().for_each(&mut emit);
                    }
                    emit(event);
                });
                level.into_iter().for_each(emit);
                return;
            }
            // line by line: lines that are no events show as well when the clock was set back
            for line in block.split_inclusive(|b| *b == b'\n') {
                if let Some(stamp) = stamp(line).filter(|stamp| plausible(*stamp)) {
                    clock.read(stamp);
                }
                let now = clock.now;
                scanner.read(source, line, Timestamp::UNIX_EPOCH, &mut |event| sink(now, event));
            }
        })
    }
}

fn stamp(line: &[u8]) -> Option<DateTime> {
    head(line)?.stamp
}

/// Whether the clock may have been set back while these lines were written.
fn turns_back(block: &[u8], zone: &TimeZone) -> bool {
    let first = block.split(|b| *b == b'\n').find_map(stamp);
    let last = block.rsplit(|b| *b == b'\n').find_map(stamp);
    let (Some(first), Some(last)) = (first, last) else { return false };
    let offset = |at: DateTime| zone.to_offset(instant(at, zone, false));
    let long = last.duration_since(first).as_hours().abs() > 30 * 24;
    long || is_repeated(first, zone) || is_repeated(last, zone) || offset(first) != offset(last)
}

/// Reads blocks of complete lines.
struct Lines {
    file: File,
    /// Allocated once, at its full length.
    buffer: Vec<u8>,
    /// Bytes of it that are in use.
    filled: usize,
    skipping: bool,
}

impl Lines {
    fn of(file: File) -> Self {
        // an incomplete line, a block after it, and a line break at the end of the file
        Self { file, buffer: vec![0; LINE_MAX + BLOCK + 1], filled: 0, skipping: false }
    }

    /// Reads a block and passes complete lines to `sink`. `false` at the end of the file.
    fn next(&mut self, sink: &mut dyn FnMut(&[u8])) -> std::io::Result<bool> {
        let count = match self.file.read(&mut self.buffer[self.filled..][..BLOCK]) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(true),
            other => other?,
        };
        self.filled += count;
        if self.skipping {
            let end = memchr::memchr(b'\n', &self.buffer[..self.filled]);
            self.skipping = end.is_none();
            self.drop_front(end.map_or(self.filled, |end| end + 1));
        }
        if count == 0 && self.filled > 0 && self.buffer[self.filled - 1] != b'\n' {
            self.buffer[self.filled] = b'\n';
            self.filled += 1;
        }
        let whole = memchr::memrchr(b'\n', &self.buffer[..self.filled]).map_or(0, |at| at + 1);
        if whole > 0 {
            sink(&self.buffer[..whole]);
            self.drop_front(whole);
        }
        if self.filled > LINE_MAX {
            self.filled = 0;
            self.skipping = true;
        }
        Ok(count > 0)
    }

    fn drop_front(&mut self, count: usize) {
        self.buffer.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}

/// The first and the last stamp of a file.
fn span(path: &Path) -> error::Result<Option<(DateTime, DateTime)>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::from(io::ErrorKind::NotSeekable).into());
    }
    let mut lines = Lines::of(File::open(path)?);
    let mut first = None;
    while first.is_none() && lines.next(&mut |block| first = block.split(|b| *b == b'\n').find_map(stamp))? {}
    let Some(first) = first else { return Ok(None) };
    let mut file = File::open(path)?;
    let mut from = file.metadata()?.len();
    // backwards by blocks: the last record may be long
    loop {
        let to = from;
        from = from.saturating_sub(BLOCK as u64);
        file.seek(SeekFrom::Start(from))?;
        let mut block = Vec::new();
        // a line that begins in this block may end after it
        (&mut file).take(to - from + LINE_MAX as u64).read_to_end(&mut block)?;
        let whole =
            if from == 0 { 0 } else { memchr::memchr(b'\n', &block).map_or(block.len(), |at| at + 1) };
        if let Some(last) = block[whole..].rsplit(|b| *b == b'\n').find_map(stamp) {
            return Ok(Some((first, last)));
        }
        if from == 0 {
            return Ok(Some((first, first)));
        }
    }
}
