//! The limits of a tailer, and what it counts.

use std::time::Duration;

/// The limits of one tailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes read in one poll, all generations together.
    pub per_poll: usize,
    /// Most old generations held open. Beyond that the one that was silent longest is closed; one that is not read to
    /// its end only if there are twice as many.
    pub old_files: usize,
    /// How long an old generation is held open after its last growth.
    pub old_for: Duration,
    /// How many rotated siblings there may be: `.1` to `.N`.
    pub siblings: u8,
    /// After how long [`super::Tailer::flush_partial`] passes on an unfinished line.
    pub partial_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_poll: 256 * 1024,
            old_files: 3,
            old_for: Duration::from_secs(60),
            siblings: 3,
            partial_after: Duration::from_secs(1),
        }
    }
}

/// What a poll found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what one poll found: each may hold with each other")]
pub struct Polled {
    /// Bytes are left for the next poll.
    pub more: bool,
    /// The file does not exist now.
    pub missing: bool,
    /// The path names another file than at the last poll.
    pub rotated: bool,
    /// The file was truncated.
    pub truncated: bool,
    /// Bytes read.
    pub bytes: u64,
}

/// What happened since the tailer began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes read.
    pub bytes: u64,
    /// Lines longer than [`super::MAX_LINE`].
    pub long_lines: u64,
    /// Bytes of long lines that were discarded.
    pub discarded: u64,
    /// How often the path named another file.
    pub rotations: u64,
    /// How often the contents were truncated or replaced.
    pub truncations: u64,
    /// Unfinished lines that were truncated away.
    pub lost_partials: u64,
    /// Unread bytes of old generations that were closed because too many were open.
    pub lost_bytes: u64,
}
