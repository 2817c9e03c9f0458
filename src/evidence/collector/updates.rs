//! Looks for an update of Hermes while the gateway is down: only then does it matter.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::observer::Emitter;
use crate::evidence::clock::Moment;
use crate::evidence::update;
use crate::health::{Evidence, UpdateProcess};
use crate::profile::homes;

/// How long an update is followed while the gateway is down: it excuses the gateway for 20 minutes at most.
const LOOKED_AFTER: Duration = Duration::from_secs(21 * 60);

/// How long after the gateway went down all processes are searched for an update. Only an update that began before that
/// excuses the gateway, so a longer search finds nothing.
const ALL_LOOKED_THROUGH: Duration = Duration::from_secs(15);

/// Looks for updates of the Hermes of one home.
#[derive(Debug)]
pub(super) struct Updates {
    home: PathBuf,
    /// The gateway was seen running. Of one that is down at the first look it is not known when it went down, and a served
    /// profile never has a process of its own: one search through all processes, which takes milliseconds, is enough.
    was_up: bool,
    down_since: Option<Instant>,
    found: Option<UpdateProcess>,
}

impl Updates {
    pub(super) fn new(home: PathBuf) -> Self {
        Self { home, was_up: false, down_since: None, found: None }
    }

    /// The folder in which an update leaves its marker.
    pub(super) fn root(&self) -> &Path {
        homes::root_of(&self.home).unwrap_or(&self.home)
    }

    /// Whether the next poll looks for an update, or for the end of one.
    pub(super) fn are_sought(&self, now: Instant) -> bool {
        let limit = if self.found.is_some() { LOOKED_AFTER } else { self.search_time() };
        self.down_since.is_some_and(|since| now.duration_since(since) < limit)
    }

    fn search_time(&self) -> Duration {
        if self.was_up { ALL_LOOKED_THROUGH } else { Duration::ZERO }
    }

    /// Emits what changed. `down`: there is no process of the gateway.
    pub(super) fn poll(&mut self, now: Moment, down: bool, emit: &mut Emitter<'_>) {
        self.was_up |= !down;
        let is_first = self.down_since.is_none();
        self.down_since = down.then(|| self.down_since.unwrap_or(now.instant));
        let down_for = self.down_since.map(|since| now.instant.duration_since(since));
        let found = match (down_for, self.found) {
            (Some(down_for), _) if is_first || down_for < self.search_time() => update::look(&self.home, now),
            (Some(down_for), Some(found)) if down_for < LOOKED_AFTER => {
                if update::goes_on(&found) {
                    Some(found)
                } else {
                    update::look(&self.home, now)
                }
            }
            _ => None,
        };
        if found != self.found {
            self.found = found;
            emit.known(Evidence::Update(found));
        }
    }
}
