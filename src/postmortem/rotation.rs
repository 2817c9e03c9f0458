//! The order of rotated files.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;

use crate::order::Order as _;

/// A file with timestamps.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) first: DateTime,
    pub(super) last: DateTime,
}

/// One log: its rotated files, oldest first.
pub(super) type Chain = VecDeque<Part>;

/// Joins rotated files (`agent.log.2`, `agent.log.1`, `agent.log`) to one log, if their timestamps are in that order.
pub(super) fn chains(parts: Vec<Part>) -> Vec<Chain> {
    let mut logs: BTreeMap<PathBuf, (usize, Vec<(u32, Part)>)> = BTreeMap::new();
    for (index, part) in parts.into_iter().enumerate() {
        let (base, age) = age_in_rotation(&part.path);
        logs.entry(base).or_insert_with(|| (index, Vec::new())).1.push((age, part));
    }
    // in the order of the arguments, which decides between events of the same time
    let mut logs: Vec<_> = logs.into_values().collect();
    logs.order_by_key(|(index, _)| *index);
    let mut chains = Vec::new();
    for (_, mut parts) in logs {
        parts.order_by_key(|(age, _)| Reverse(*age));
        // up to an hour back may be the end of summer time
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
