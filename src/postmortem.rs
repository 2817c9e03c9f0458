//! Plain Hermes logs of one profile, whose stamps are the clock: what was, before Gatelight was there.
//!
//! Files are read in blocks, events sorted by their stamps, copies in several files counted once. The same core judges;
//! without evidence of processes a gateway begins and ends by its own word.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::evidence::logbook::{Copies, LogEvent, Scanner};
use crate::evidence::patterns::Patterns;
use crate::health::{Change, Core, Deadlines};

/// Bytes read at once.
const BLOCK: usize = 1 << 20;

/// Bytes of a line that are looked at; the rest of a longer one is skipped.
const LONGEST_LINE: usize = 64 << 10;

/// What the logs tell.
#[derive(Debug)]
pub struct Told {
    /// A name for the profile, from the files.
    pub profile: String,
    /// The first stamp.
    pub start: Timestamp,
    /// The last stamp.
    pub end: Timestamp,
    /// Every change of light or reason.
    pub changes: Vec<Change>,
}

/// Reads the logs and plays them.
pub fn read(
    paths: &[PathBuf],
    patterns: &Arc<Patterns>,
    deadlines: &Deadlines,
    zone: &TimeZone,
) -> anyhow::Result<Told> {
    let mut events: Vec<(DateTime, LogEvent)> = Vec::new();
    let mut first: Option<DateTime> = None;
    let mut last: Option<DateTime> = None;
    for path in paths {
        let span = read_file(path, patterns, &mut events).with_context(|| path.display().to_string())?;
        first = [first, span.0].into_iter().flatten().min();
        last = [last, span.1].into_iter().flatten().max();
    }
    let names = || paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
    let (Some(first), Some(last)) = (first, last) else {
        anyhow::bail!("{}: no line with a time stamp: neither a recording nor a Hermes log", names());
    };
    if !events.is_sorted_by_key(|(stamp, _)| *stamp) {
        // moves each event once
        events.sort_by_cached_key(|(stamp, _)| *stamp);
    }
    let start = instant(first, zone);
    let mut core = Core::new(deadlines.clone(), start);
    let mut copies = Copies::default();
    let mut changes = Vec::new();
    for (stamp, mut event) in events {
        let now = instant(stamp, zone);
        if copies.is_copy(&event, now) {
            continue;
        }
        event.proof.at = now;
        changes.extend(core.step(now, event.into_evidence()));
    }
    let end = instant(last, zone);
    changes.extend(core.tick(end));
    let profile = profile_name(paths);
    Ok(Told { profile, start, end, changes })
}

/// The name in `gateway-<profile>.log`, or of the folder that holds `logs` (`profiles/work/logs`), or `default`.
fn profile_name(paths: &[PathBuf]) -> String {
    let Some(path) = paths.first() else { return "default".to_owned() };
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

/// A stamp in this zone; in the hour that a change of the clocks repeats, the first one.
fn instant(stamp: DateTime, zone: &TimeZone) -> Timestamp {
    zone.to_ambiguous_timestamp(stamp).compatible().unwrap_or(Timestamp::UNIX_EPOCH)
}

type Span = (Option<DateTime>, Option<DateTime>);

fn read_file(
    path: &Path,
    patterns: &Arc<Patterns>,
    events: &mut Vec<(DateTime, LogEvent)>,
) -> anyhow::Result<Span> {
    let source = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut file = File::open(path)?;
    let mut scanner = Scanner::new(Arc::clone(patterns));
    let mut block: Vec<u8> = Vec::with_capacity(BLOCK + LONGEST_LINE);
    let (mut first, mut newest): Span = (None, None);
    let mut skipping = false;
    loop {
        let kept = block.len();
        block.resize(kept + BLOCK, 0);
        let count = file.read(&mut block[kept..])?;
        block.truncate(kept + count);
        if skipping {
            match memchr::memchr(b'\n', &block) {
                Some(end) => {
                    block.drain(..=end);
                    skipping = false;
                }
                None => block.clear(),
            }
        }
        if count == 0 && !block.is_empty() && !block.ends_with(b"\n") {
            block.push(b'\n');
        }
        let whole = memchr::memrchr(b'\n', &block).map_or(0, |at| at + 1);
        if first.is_none() {
            first = block[..whole]
                .split(|b| *b == b'\n')
                .find_map(|line| crate::evidence::line::head(line)?.stamp);
        }
        let mut last_stamp = newest.or(first);
        scanner.read(&source, &block[..whole], Timestamp::UNIX_EPOCH, &mut |event| {
            // A line without a stamp happened when the last one with a stamp did.
            if let Some(stamp) = event.stamp.or(last_stamp) {
                last_stamp = Some(stamp);
                events.push((stamp, event));
            }
        });
        newest = scanner.newest_stamp(&source).or(last_stamp);
        block.drain(..whole);
        if count == 0 {
            return Ok((first, newest));
        }
        if block.len() > LONGEST_LINE {
            block.clear();
            skipping = true;
        }
    }
}
