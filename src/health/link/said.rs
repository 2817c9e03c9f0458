//! A line about a link, and what is shown of a link.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use crate::health::proof::{Proof, Source};
use crate::health::reason::{Light, Reason};
use crate::health::signal::{LinkWord, Phase};
use crate::health::state_file::PlatformEntry;
use crate::health::timer::after;

/// `gateway.run` names the profile of an attempt within this time after the adapter logged its result. Discord takes 2 s
/// (measured).
pub(crate) const SAME_ATTEMPT: Duration = Duration::from_secs(3);

/// A refusal in the state file counts once it has stood for this long: a retryable failure writes `fatal` for a moment, and the
/// links of several profiles may share the entry.
pub(super) const ENTRY_STANDS: Duration = Duration::from_secs(2);

/// A line about a link, or a state entry, with what is needed to judge it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    /// When it was read.
    pub at: Timestamp,
    /// The stamp of its line.
    pub stamp: Option<DateTime>,
    /// What it says.
    pub word: LinkWord,
    /// The connection that it names.
    pub connection: Option<Arc<str>>,
    /// The process that it names.
    pub other_pid: Option<u32>,
    /// Whether it was written at INFO.
    pub at_info: bool,
    /// The proof.
    pub proof: Proof,
    /// The end of the grace period after waking, if it is not over.
    pub grace: Option<Timestamp>,
    /// The log level hides INFO records: whether the link was back before this line is unknown.
    pub blind: bool,
    /// The only phase of a link in which it is logged; `None`: any.
    pub phase: Option<Phase>,
}

/// When a line was read, and its stamp.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Written {
    pub at: Timestamp,
    stamp: Option<DateTime>,
    /// It is an entry of the state file.
    pub(super) is_entry: bool,
}

impl Written {
    /// The time from this line to a later one. Lines of the past are read at once: then their stamps tell.
    pub(crate) fn until(self, later: Self) -> Duration {
        let read = later.at.duration_since(self.at);
        let span = match (self.stamp, later.stamp) {
            (Some(earlier), Some(later)) => read.max(later.duration_since(earlier)),
            _ => read,
        };
        Duration::try_from(span).unwrap_or_default()
    }

    /// Whether this line came after the other one.
    pub(crate) fn is_after(self, other: Self) -> bool {
        match (self.stamp, other.stamp) {
            (Some(stamp), Some(other)) => stamp > other,
            _ => self.at > other.at,
        }
    }

    /// Whether a later line was read, or stamped, less than `span` after this one. The machine may have slept before it was
    /// read.
    pub(crate) fn is_within(self, span: Duration, later: Self) -> bool {
        let stamped = self.stamp.zip(later.stamp).map(|(earlier, later)| later.duration_since(earlier).abs());
        let is_short = |apart: SignedDuration| apart.unsigned_abs() < span;
        later.at < after(self.at, span) || stamped.is_some_and(is_short)
    }
}

impl Said {
    /// When it was read, and the stamp of its line.
    pub(crate) fn written(&self) -> Written {
        Written { at: self.at, stamp: self.stamp, is_entry: self.proof.source == Source::StateFile }
    }

    /// Whether it ends a connection that was up.
    pub(crate) fn closes(&self) -> bool {
        self.phase == Some(Phase::Closes)
    }

    /// For how long another line may follow that says whose link it is about. `longest`: the longest such time.
    pub(super) fn doubt(&self, longest: Duration) -> Duration {
        match self.phase {
            // it names the account
            _ if self.connection.is_some() => Duration::ZERO,
            _ if self.proof.source == Source::StateFile => ENTRY_STANDS.min(longest),
            Some(Phase::Connects) => longest,
            _ => Duration::ZERO,
        }
    }

    /// What a state entry says. `word`: what that means for the link.
    pub(crate) fn of_entry(
        at: Timestamp,
        entry: &PlatformEntry,
        word: LinkWord,
        grace: Option<Timestamp>,
    ) -> Self {
        Self {
            at,
            stamp: None,
            word,
            connection: None,
            other_pid: entry.other_pid,
            at_info: false,
            proof: Proof::new(Source::StateFile, entry.line.clone(), at),
            grace,
            blind: false,
            phase: None,
        }
    }
}

/// What to show of a link at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct View<'a> {
    /// The reason.
    pub reason: Reason,
    /// The proof.
    pub proof: Option<&'a Proof>,
    /// Since when it has been so.
    pub since: Timestamp,
    /// Another process that matters.
    pub other_pid: Option<u32>,
}

impl View<'_> {
    /// The light that the reason puts on.
    pub(crate) fn light(&self) -> Light {
        self.reason.light()
    }

    /// Whether it rests on the state file.
    pub(crate) fn is_of_file(&self) -> bool {
        self.proof.is_some_and(|proof| proof.source == Source::StateFile)
    }
}
