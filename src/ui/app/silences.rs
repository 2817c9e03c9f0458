//! What is silenced, as the menu changes it and the file of silences keeps it.

use std::io;
use std::path::PathBuf;

use crate::alerts::{Acknowledged, Silence, Silences};
use crate::app::silences;
use crate::watcher::snapshot::Snapshot;

/// What the file of silences says.
pub(super) struct Silencer {
    data: PathBuf,
    stored: Silences,
}

impl Silencer {
    /// `data`: the data folder.
    pub(super) fn new(data: PathBuf) -> Self {
        Self { stored: silences::load(&data), data }
    }

    pub(super) const fn stored(&self) -> &Silences {
        &self.stored
    }

    /// Another process wrote the file.
    pub(super) fn set(&mut self, stored: Silences) {
        self.stored = stored;
    }

    /// Changes what is silenced of a profile, also if that cannot be stored: then with the error.
    pub(super) fn change(&mut self, name: &str, change: impl Fn(&mut Silence)) -> io::Result<()> {
        match silences::change(&self.data, [name], |_, silence| change(silence)) {
            Ok(stored) => {
                self.stored = stored;
                Ok(())
            }
            Err(error) => {
                change(self.stored.entry(name.to_owned()).or_default());
                Err(error)
            }
        }
    }

    /// Acknowledges what is red of this profile, or forgets that it was.
    pub(super) fn acknowledge(&mut self, name: &str, known: bool, snapshot: &Snapshot) -> io::Result<()> {
        let red = snapshot.find(name).and_then(|view| Acknowledged::of(&view.verdict)).filter(|_| known);
        self.change(name, |silence| silence.acknowledged.clone_from(&red))
    }

    /// Removes from the file what the policy no longer holds: an acknowledgement of a light that changed, a mute that is
    /// over. Left there, it would hold again after a restart.
    pub(super) fn remove_ended(&mut self, held: Silences) {
        if held == self.stored {
            return;
        }
        let before = std::mem::replace(&mut self.stored, held);
        let ended = before.iter().filter(|(name, silence)| self.stored.get(*name) != Some(silence));
        let ended: Vec<&str> = ended.map(|(name, _)| name.as_str()).collect();
        let removed = silences::change(&self.data, ended, |name, silence| {
            // what another process has written since then stays
            if before.get(name) == Some(silence) {
                *silence = self.stored.get(name).cloned().unwrap_or_default();
            }
        });
        if let Err(error) = removed {
            tracing::warn!("silences: {error}");
        }
    }
}
