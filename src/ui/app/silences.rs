//! Changes silences for the menu, and stores them in the file of silences.

use std::io;
use std::path::PathBuf;

use crate::alerts::{Acknowledged, Silence, Silences};
use crate::app::silences;
use crate::watcher::snapshot::Snapshot;

/// The content of the file of silences.
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

    /// Changes the silence of a profile. If it cannot be stored, it is changed anyway and the error returned.
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

    /// Acknowledges the red light of this profile, or removes the acknowledgement.
    pub(super) fn acknowledge(&mut self, name: &str, known: bool, snapshot: &Snapshot) -> io::Result<()> {
        let red = snapshot.find(name).and_then(|view| Acknowledged::of(&view.verdict)).filter(|_| known);
        self.change(name, |silence| silence.acknowledged.clone_from(&red))
    }

    /// Removes silences from the file that have ended in the policy: an acknowledgement of a light that changed, a mute that
    /// is over. Otherwise they would apply again after a restart.
    pub(super) fn remove_ended(&mut self, held: Silences) {
        if held == self.stored {
            return;
        }
        let before = std::mem::replace(&mut self.stored, held);
        let ended = before.iter().filter(|(name, silence)| self.stored.get(*name) != Some(silence));
        let ended: Vec<&str> = ended.map(|(name, _)| name.as_str()).collect();
        let removed = silences::change(&self.data, ended, |name, silence| {
            // keeps what another process has written since
            if before.get(name) == Some(silence) {
                *silence = self.stored.get(name).cloned().unwrap_or_default();
            }
        });
        if let Err(error) = removed {
            tracing::warn!("silences: {error}");
        }
    }
}
