//! A link's own entry in the state file.

use jiff::Timestamp;

use super::down::{CLAIM_STANDS, Down};
use super::fatal::Fatal;
use super::said::View;
use crate::health::proof::{Proof, Source};
use crate::health::state_file::{EntryState, PlatformEntry};
use crate::health::timer::{Timer, after};

/// What the entry says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct OwnEntry {
    /// Its newest state. The file is written at every log level.
    state: EntryState,
    /// When it was written.
    written: Option<Timestamp>,
    /// Until when the negative state that it replaced still counts, as a claim changes nothing before it stands.
    replaces_negative: Option<Timestamp>,
    fatal: Option<Box<Fatal>>,
}

impl OwnEntry {
    /// Whether it says that the link is not up.
    pub(super) fn is_negative(&self) -> bool {
        self.state.is_negative()
    }

    /// Whether it confirms that the link is not up: it says so, or did until it was replaced a moment ago.
    pub(super) fn confirms_loss(&self, now: Timestamp) -> bool {
        self.is_negative() || self.replaces_negative.is_some_and(|until| now < until)
    }

    /// Whether it says `fatal`, even if that has not stood for long enough.
    pub(super) fn says_fatal(&self) -> bool {
        self.fatal.is_some()
    }

    /// Takes in a new state. Returns whether the entry was written again: the file is rewritten for any change in it.
    pub(super) fn set_state(&mut self, at: Timestamp, entry: &PlatformEntry) -> bool {
        let is_new =
            entry.updated_at.is_none() || (self.state, self.written) != (entry.state, entry.updated_at);
        if self.is_negative() && !entry.state.is_negative() {
            self.replaces_negative = Some(after(at, CLAIM_STANDS));
        }
        (self.state, self.written) = (entry.state, entry.updated_at);
        is_new
    }

    /// Takes in whether the entry says `fatal`.
    pub(super) fn read_fatal(&mut self, at: Timestamp, entry: &PlatformEntry) {
        if entry.state == EntryState::Fatal {
            let since = self.fatal.as_deref().map_or(at, Fatal::since);
            let proof = Proof::new(Source::StateFile, entry.line.clone(), at);
            self.fatal = Some(Box::new(Fatal::new(since, entry, proof)));
        } else {
            self.end_fatal(entry);
        }
    }

    /// This entry, which does not say `fatal`, replaces one that did.
    pub(super) fn end_fatal(&mut self, entry: &PlatformEntry) {
        self.fatal.take_if(|fatal| fatal.is_replaced_by(entry.updated_at));
    }

    /// The link is proven: `fatal` is over.
    pub(super) fn clear_fatal(&mut self) {
        self.fatal = None;
    }

    /// The view of a `fatal` that has stood for long enough. `down`: the loss beside it, which may name the cause.
    pub(super) fn view(&self, now: Timestamp, down: Option<&Down>) -> Option<View<'_>> {
        self.fatal.as_ref().filter(|fatal| fatal.stands(now)).map(|fatal| fatal.view(down))
    }

    /// When `fatal` counts, and when a replaced state counts no longer.
    pub(super) fn deadlines(&self) -> [Option<Timestamp>; 2] {
        [self.fatal.as_deref().map(Fatal::due), self.replaces_negative]
    }

    /// The timer, for restarting after a sleep of the machine.
    pub(super) fn timer_mut(&mut self) -> Option<&mut Timer> {
        self.fatal.as_deref_mut().map(Fatal::timer_mut)
    }
}
