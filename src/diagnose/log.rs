//! The logs of one profile, merged by time.

use std::collections::VecDeque;
use std::time::Instant;

use jiff::civil::DateTime;

use super::LogLine;
use crate::evidence::clock;
use crate::evidence::line::head;
use crate::evidence::tail::{Limits, Tailer};
use crate::order::Order as _;
use crate::profile::Profile;
use crate::redact::one_line;

/// Longest line, in characters.
pub(crate) const MAX_LINE: usize = 2000;

/// One line of a log.
pub(crate) struct MergedLine {
    /// The file's name.
    pub(crate) source: String,
    /// Its timestamp; for a line without one, that of the line before.
    pub(crate) stamp: Option<DateTime>,
    /// Whether the stamp is its own.
    own_stamp: bool,
    /// The line, not redacted.
    pub(crate) text: Vec<u8>,
}

/// The tailers of a profile's logs, each at the end of its file, with the file's name.
pub(crate) type Tailers = Vec<(String, Tailer)>;

/// The last `wanted` lines of all logs together; copies in several files are dropped. `gateway`: the profile whose
/// gateway serves this one. Its logs have the lines too (Hermes 0.19 writes every line to both).
pub(crate) fn read_past(
    profile: &Profile,
    gateway: Option<&Profile>,
    wanted: usize,
) -> (Tailers, VecDeque<MergedLine>) {
    let mut tailers = Vec::new();
    let mut all: Vec<MergedLine> = Vec::new();
    let of_gateway = gateway.into_iter().flat_map(|gateway| &gateway.logs).map(|path| (path, true));
    for (path, of_gateway) in profile.logs.iter().map(|path| (path, false)).chain(of_gateway) {
        let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let name = if of_gateway { format!("gateway: {file}") } else { file };
        let (tailer, mut reader) = Tailer::start_at_end_with_history(path, Limits::default(), Instant::now());
        let mut blocks = Vec::new();
        let mut count = 0;
        while count < wanted
            && let Some(block) = reader.next_block()
        {
            count += memchr::memchr_iter(b'\n', &block.bytes).count();
            blocks.push(block.bytes);
        }
        let (mut stamp, mut lines) = (None, Vec::new());
        for block in blocks.iter().rev() {
            collect(&name, block, &mut stamp, &mut lines);
        }
        let skip = lines.len().saturating_sub(wanted);
        all.extend(lines.into_iter().skip(skip));
        tailers.push((name, tailer));
    }
    // Lines without timestamps (standard error) cannot be merged; they are in errors.log as well.
    all.retain(|line| line.stamp.is_some());
    all.order_by_key(|line| line.stamp);
    let mut merged: VecDeque<MergedLine> = VecDeque::new();
    for line in all {
        if !is_copy(&merged, &line) {
            merged.push_back(line);
            if merged.len() > wanted {
                merged.pop_front();
            }
        }
    }
    (tailers, merged)
}

/// The lines written since the last call, merged. Logs that cannot be read now are read by the next call.
pub(crate) fn read_new(tailers: &mut Tailers) -> VecDeque<MergedLine> {
    let mut fresh: Vec<MergedLine> = Vec::new();
    for (name, tailer) in tailers {
        let mut stamp = None;
        let _ = tailer.poll(Instant::now(), &mut |block| collect(name, block, &mut stamp, &mut fresh));
    }
    fresh.order_by_key(|line| line.stamp);
    let mut merged = VecDeque::new();
    for line in fresh {
        if !is_copy(&merged, &line) {
            merged.push_back(line);
        }
    }
    merged
}

/// The last `wanted` lines for a report.
pub(super) fn last_lines(profile: &Profile, wanted: usize) -> Vec<LogLine> {
    let zone = clock::time_zone();
    let lines = read_past(profile, None, wanted).1.into_iter();
    lines
        .map(|line| LogLine {
            at: line.stamp.and_then(|stamp| zone.to_ambiguous_timestamp(stamp).compatible().ok()),
            file: line.source,
            text: one_line(&String::from_utf8_lossy(&line.text), MAX_LINE),
        })
        .collect()
}

fn collect(name: &str, block: &[u8], stamp: &mut Option<DateTime>, lines: &mut Vec<MergedLine>) {
    for text in block.split(|b| *b == b'\n').filter(|text| !text.is_empty()) {
        let own = head(text).and_then(|head| head.stamp);
        *stamp = own.or(*stamp);
        lines.push(MergedLine {
            source: name.to_owned(),
            stamp: *stamp,
            own_stamp: own.is_some(),
            text: text.to_vec(),
        });
    }
}

/// Whether a line of the same time in another file has the same message.
fn is_copy(merged: &VecDeque<MergedLine>, line: &MergedLine) -> bool {
    let message =
        |line: &MergedLine| head(&line.text).map_or_else(|| line.text.clone(), |head| head.message.to_vec());
    let mine = message(line);
    merged.iter().rev().take_while(|other| other.stamp == line.stamp).any(|other| {
        other.source != line.source && other.own_stamp == line.own_stamp && message(other) == mine
    })
}
