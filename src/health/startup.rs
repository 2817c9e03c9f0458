//! The start of a gateway, which connects its platforms one after the other.

use std::time::Duration;

use jiff::Timestamp;

use super::links::{LONGEST_CONNECT, SAME_ATTEMPT};
use super::names::PlatformName;
use super::signal::{LinkSignal, LinkWord};
use super::state_file::{LifeState, StateFile};
use super::timer::{Timer, after};

/// The gateway names the next platform within this time after it announced that a link is up, or entered it in its state file:
/// from entry to announcement took 317 ms on a busy machine.
const BETWEEN_PLATFORMS: Duration = Duration::from_secs(1);

/// How far the start of one process is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Startup {
    /// How long it may take.
    pub timer: Timer,
    /// While the state file says `starting`: how many platforms it lists, including those of former processes.
    listed: Option<usize>,
    /// The platform that it connects, until it announces that this link is up. Not one whose link comes up later.
    connecting: Option<PlatformName>,
    /// Until when it may name the next platform: a link came up, in its log or in its state file.
    next_platform_by: Option<Timestamp>,
    /// When the attempt to connect ends that is waited for although the start takes too long.
    attempt_by: Option<Timestamp>,
}

impl Startup {
    /// A start of which nothing was read.
    pub(super) fn new(timer: Timer) -> Self {
        Self { timer, listed: None, connecting: None, next_platform_by: None, attempt_by: None }
    }

    /// Whether it goes on. `platforms`: how many have links; `None`: any number.
    pub(super) fn goes_on(
        &self,
        now: Timestamp,
        platforms: Option<usize>,
        next_platform_by: Option<Timestamp>,
    ) -> bool {
        let several = self.listed.is_some_and(|listed| platforms.is_none_or(|known| listed.max(known) > 1));
        (several || next_platform_by.is_some_and(|by| now < by)) && !self.is_late(now)
    }

    /// Whether it takes too long, and no attempt is waited for.
    fn is_late(&self, now: Timestamp) -> bool {
        self.timer.over(now) && self.attempt_by.is_none_or(|by| now >= by)
    }

    /// Until when it may name the next platform.
    pub(super) fn next_platform_by(&self) -> Option<Timestamp> {
        self.next_platform_by
    }

    /// When an attempt ends that is waited for.
    pub(super) fn attempt_by(&self) -> Option<Timestamp> {
        self.attempt_by
    }

    /// Takes in a line about a link. `only_promises`: what comes of an attempt is logged after the announcement.
    pub(super) fn note_line(&mut self, now: Timestamp, link: &LinkSignal, only_promises: bool) {
        let is_connecting = self.connecting.as_ref() == Some(&link.platform);
        let span = match link.word {
            LinkWord::Expected => {
                self.connecting = Some(link.platform.clone()).filter(|_| !only_promises);
                return self.wait_for_attempt(now);
            }
            LinkWord::Announced if link.by_runner => {
                self.connecting = None;
                BETWEEN_PLATFORMS
            }
            // its announcement follows
            LinkWord::Proof | LinkWord::Claim if is_connecting => SAME_ATTEMPT,
            // The state file names a link before it is up; its entry that it is up, and its announcement, follow the proof.
            LinkWord::Proof if self.listed.is_some() => BETWEEN_PLATFORMS,
            _ => return,
        };
        self.wait_for_attempt(now);
        self.next_platform_by = Some(after(now, span));
    }

    /// Takes in the process's own state file. `any_up`: whether an entry of this process says that a link is up.
    pub(super) fn read_state(&mut self, now: Timestamp, state: &StateFile, any_up: bool) {
        self.listed = (state.life == LifeState::Starting).then(|| state.platforms());
        self.wait_for_attempt(now);
        if self.listed.is_some() && any_up {
            self.next_platform_by = self.next_platform_by.max(Some(after(now, BETWEEN_PLATFORMS)));
        }
    }

    /// It connects its next platform: the start goes on until that attempt ends, unless it took too long after a link was up.
    fn wait_for_attempt(&mut self, now: Timestamp) {
        let was_over = self.next_platform_by.is_some() && self.is_late(now);
        if self.listed.is_some() && !was_over {
            self.attempt_by = Some(after(now, LONGEST_CONNECT));
        }
    }

    /// Drops what the files of another process said.
    pub(super) fn forget_files(&mut self) {
        self.listed = None;
        self.attempt_by = None;
    }
}
