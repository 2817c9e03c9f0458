//! Plain Hermes logs of one profile, whose stamps are the clock: what was, before Gatelight was there.
//!
//! Files are read in blocks, events sorted by their stamps, copies in several files counted once. The same core judges;
//! without evidence of processes a gateway begins and ends by its own word.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::evidence::logbook::{Copies, LogEvent, Scanner};
use crate::evidence::patterns::Patterns;
use crate::health::{Change, Core, Deadlines};

/// Bytes read at once.
const BLOCK: usize = 1 << 20;

/// Bytes of a line that are looked at; the rest of a longer one is skipped.
const LONGEST_LINE: usize = 64 << 10;

/// Threads of one process write their records in almost the order of the stamps.
const DISORDER: SignedDuration = SignedDuration::from_secs(1);

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
    let mut events: Vec<(Timestamp, LogEvent)> = Vec::new();
    let mut first: Option<Timestamp> = None;
    let mut last: Option<Timestamp> = None;
    for path in paths {
        let span =
            read_file(path, patterns, zone, &mut events).with_context(|| path.display().to_string())?;
        first = [first, span.0].into_iter().flatten().min();
        last = [last, span.1].into_iter().flatten().max();
    }
    let names = || paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
    let (Some(start), Some(end)) = (first, last) else {
        anyhow::bail!("{}: no line with a time stamp: neither a recording nor a Hermes log", names());
    };
    if !events.is_sorted_by_key(|(at, _)| *at) {
        events.sort_by_key(|(at, _)| *at);
    }
    let mut core = Core::new(deadlines.clone(), start);
    let mut copies = Copies::default();
    let mut changes = Vec::new();
    for (now, mut event) in events {
        if copies.is_copy(&event, now) {
            continue;
        }
        event.proof.at = now;
        changes.extend(core.step(now, event.into_evidence()));
    }
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

/// A stamp in this zone. In the hour that a change of the clocks repeats it is the first one, unless the lines above it
/// in the same file are later than that.
fn instant(stamp: DateTime, zone: &TimeZone, above: Option<Timestamp>) -> Timestamp {
    let at = zone.to_ambiguous_timestamp(stamp);
    let first = at.compatible().unwrap_or(Timestamp::UNIX_EPOCH);
    let passed = above.is_some_and(|above| above.duration_since(first) > DISORDER);
    if passed && at.is_ambiguous() { at.later().unwrap_or(first) } else { first }
}

type Span = (Option<Timestamp>, Option<Timestamp>);

fn read_file(
    path: &Path,
    patterns: &Arc<Patterns>,
    zone: &TimeZone,
    events: &mut Vec<(Timestamp, LogEvent)>,
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
            let stamp = block[..whole]
                .split(|b| *b == b'\n')
                .find_map(|line| crate::evidence::line::head(line)?.stamp);
            first = stamp.map(|stamp| instant(stamp, zone, None));
        }
        let mut above = newest.or(first);
        scanner.read(&source, &block[..whole], Timestamp::UNIX_EPOCH, &mut |event| {
            // A line without a stamp happened when the last one with a stamp did.
            if let Some(at) = event.stamp.map(|stamp| instant(stamp, zone, above)).or(above) {
                above = Some(at);
                events.push((at, event));
            }
        });
        newest = scanner.newest_stamp(&source).map(|stamp| instant(stamp, zone, above)).or(above);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::health::Light;

    #[test]
    fn the_hour_that_comes_twice_is_read_in_the_order_of_the_file() {
        let lines = "2026-10-25 01:00:00 INFO  Gateway started\n\
                     2026-10-25 01:00:01 INFO Feishu WebSocket connected\n\
                     2026-10-25 02:59:50 ERROR Feishu WebSocket connection lost\n\
                     2026-10-25 02:00:10 INFO Feishu WebSocket connected\n\
                     2026-10-25 02:50:00 ERROR Feishu WebSocket connection lost\n\
                     2026-10-25 02:50:20 INFO Feishu WebSocket connected\n\
                     2026-10-25 05:00:00 INFO  nothing\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway-work.log");
        std::fs::write(&path, lines).unwrap();
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let patterns = Arc::new(Patterns::new(&[]).unwrap());
        let told = read(&[path], &patterns, &Deadlines::default(), &zone).unwrap();
        let shown: Vec<_> =
            told.changes.iter().map(|change| (change.at.to_string(), change.to.light())).collect();
        let wanted = [
            ("2026-10-24T23:00:00Z", Light::Amber),
            ("2026-10-24T23:00:01Z", Light::Green),
            ("2026-10-25T00:59:50Z", Light::Amber),
            ("2026-10-25T01:00:10Z", Light::Green),
            ("2026-10-25T01:50:00Z", Light::Amber),
            ("2026-10-25T01:50:20Z", Light::Green),
        ];
        assert_eq!(shown, wanted.map(|(at, light)| (at.to_owned(), light)));
        assert_eq!(told.end.to_string(), "2026-10-25T04:00:00Z");
    }
}
