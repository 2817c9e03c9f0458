//! What the state file says of a link.

use jiff::Timestamp;

use super::entry::OwnEntry;
use super::said::Said;
use super::{Link, SAME_MOMENT, State};
use crate::health::platform::Announcement;
use crate::health::proof::Source;
use crate::health::signal::LinkWord;
use crate::health::state_file::{EntryState, PlatformEntry};
use crate::health::timer::after;

impl Link {
    /// Takes in this link's own entry in the state file.
    pub(crate) fn read_entry(&mut self, at: Timestamp, entry: &PlatformEntry, grace: Option<Timestamp>) {
        let written = entry.updated_at.unwrap_or(at).min(at);
        // It may be read long after the loss that it shows. That the link is back settles from the time on that it was written.
        let is_claim = entry.state == EntryState::Connected;
        let since = if self.is_down() && !is_claim { at } else { written };
        let said = |word| Said::of_entry(since, entry, word, grace);
        if !matches!(entry.state, EntryState::Disabled | EntryState::Unknown) {
            self.expect(written, grace);
        }
        // One that is older than the link's proof is outdated.
        let outdated = entry.state.is_negative() && self.proven_at().is_some_and(|proven| written < proven);
        if !self.entry.set_state(at, entry) || outdated {
            return;
        }
        self.entry.read_fatal(written, entry);
        match entry.state {
            EntryState::Connected => self.read_connected(written, &said(LinkWord::Announced)),
            EntryState::Retrying => {
                self.resume(&said(LinkWord::Resumed));
                self.apply(&said(entry.word()));
            }
            EntryState::Fatal | EntryState::Disconnected => self.apply(&said(entry.word())),
            EntryState::Paused => self.apply(&said(LinkWord::Paused)),
            // It connects again, so the connection that was up is lost.
            EntryState::Connecting if self.proven_at().is_some_and(|at| written > after(at, SAME_MOMENT)) => {
                self.apply(&said(LinkWord::Lost));
            }
            // It is no link any more, whatever was lost before.
            EntryState::Disabled => {
                self.expected = None;
                self.state = State::Silent;
            }
            EntryState::Connecting | EntryState::Unknown => {}
        }
    }

    /// The entry was overwritten by that of another link: what it said no longer holds, and nothing else is known.
    pub(crate) fn replace_entry(&mut self, at: Timestamp, entry: &PlatformEntry) {
        self.entry.set_state(at, entry);
        self.entry.read_fatal(at, entry);
    }

    /// The entry says `fatal` no longer.
    pub(crate) fn end_fatal(&mut self, entry: &PlatformEntry) {
        self.entry.end_fatal(entry);
    }

    /// Drops what the files of another process said.
    pub(crate) fn forget_files(&mut self) {
        self.entry = OwnEntry::default();
        let proof = match &self.state {
            State::Silent => None,
            State::Up(up) => Some(&up.proof),
            State::Down(down) => Some(&down.proof),
        };
        if proof.is_some_and(|proof| proof.source == Source::StateFile) {
            self.state = State::Silent;
        }
    }

    /// Takes in `connected` from the state file. It is never a proof; if it is newer than the loss, it is a claim.
    fn read_connected(&mut self, written: Timestamp, said: &Said) {
        match &self.state {
            // An entry of the same moment as a line announced the attempt that then failed.
            State::Down(down) if !down.newest.is_entry && written <= after(down.newest.at, SAME_MOMENT) => {}
            State::Down(_) => self.claim(said),
            State::Silent if self.rules.announcement != Announcement::Promise => self.claim(said),
            State::Silent | State::Up(_) => {}
        }
    }
}
