//! Looks for an update of Hermes while the gateway is down: only then does it matter.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Moment;
use super::observer::Emitter;
use crate::evidence::update;
use crate::health::{Evidence, UpdateProcess};

/// How long a gateway is looked after that is down. An update excuses it no longer than 20 minutes.
const LOOKED_AFTER: Duration = Duration::from_secs(21 * 60);

/// Looks for updates of the Hermes of one home.
#[derive(Debug)]
pub(super) struct Updates {
    home: PathBuf,
    down_since: Option<Instant>,
    found: Option<UpdateProcess>,
}

impl Updates {
    pub(super) fn new(home: PathBuf) -> Self {
        Self { home, down_since: None, found: None }
    }

    /// Emits what changed. `down`: there is no process of the gateway.
    pub(super) fn poll(&mut self, now: Moment, down: bool, emit: &mut Emitter<'_>) {
        self.down_since = down.then(|| self.down_since.unwrap_or(now.instant));
        let looks = self.down_since.is_some_and(|since| now.instant.duration_since(since) < LOOKED_AFTER);
        let found = if looks { update::look(&self.home, now.at) } else { None };
        if found != self.found {
            self.found = found;
            emit.known(Evidence::Update(found));
        }
    }
}
