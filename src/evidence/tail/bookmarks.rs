//! Remembers how far files were read that are not open.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::generation::{Bookmark, Id, open_regular};
use super::siblings::{Sibling, sibling_path};

/// Most bookmarks kept.
const MAX_BOOKMARKS: usize = 16;

/// A bookmark and the file that it belongs to.
#[derive(Debug)]
struct Entry {
    id: Id,
    mark: Bookmark,
    /// The number of the file as a rotated sibling, if known.
    index: Option<u8>,
}

/// A file that grew since it was closed.
pub(super) struct Grown {
    pub file: File,
    pub meta: Metadata,
    pub mark: Bookmark,
    pub index: u8,
    /// It is the file of the bookmark, not another one with the same inode number.
    pub is_same: bool,
}

/// The bookmarks of one log, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Bookmarks(VecDeque<Entry>);

impl Bookmarks {
    /// Keeps a bookmark. Beyond [`MAX_BOOKMARKS`] the oldest one without a known name is dropped.
    pub(super) fn keep(&mut self, id: Id, mark: Bookmark, index: Option<u8>) {
        self.forget(id);
        if self.0.len() >= MAX_BOOKMARKS {
            let nameless = self.0.iter().position(|entry| entry.index.is_none()).unwrap_or(0);
            self.0.remove(nameless);
        }
        self.0.push_back(Entry { id, mark, index });
    }

    pub(super) fn forget(&mut self, id: Id) {
        self.0.retain(|entry| entry.id != id);
    }

    pub(super) fn contains(&self, id: Id) -> bool {
        self.0.iter().any(|entry| entry.id == id)
    }

    /// Whether there is a bookmark of this sibling. A bookmark that no longer matches (another file uses the inode now)
    /// is dropped.
    pub(super) fn fits(&mut self, sibling: &Sibling) -> bool {
        let Some(at) = self.0.iter().position(|entry| entry.id == sibling.id) else {
            return false;
        };
        let fits = match open_regular(&sibling.path) {
            Ok(Some((file, meta))) => {
                Id::of(&meta) == sibling.id && self.0[at].mark.fits(&file, meta.size()).unwrap_or(false)
            }
            // that it cannot be opened now does not make it another file
            _ => true,
        };
        if !fits {
            self.0.remove(at);
        }
        fits
    }

    /// Updates the numbers of the files.
    pub(super) fn renumber(&mut self, siblings: &[Sibling]) {
        for entry in &mut self.0 {
            entry.index = siblings.iter().find(|sibling| sibling.id == entry.id).map(|sibling| sibling.index);
        }
    }

    /// Takes out the bookmark of a file that came back under its name, if it is the same file.
    pub(super) fn recall(&mut self, id: Id, file: &File, size: u64) -> Option<Bookmark> {
        let at = self.0.iter().position(|entry| entry.id == id)?;
        let entry = self.0.remove(at)?;
        entry.mark.fits(file, size).unwrap_or(false).then_some(entry.mark)
    }

    /// Takes out the bookmarks of siblings that have grown; the newest first.
    pub(super) fn take_grown(&mut self, log: &Path) -> Vec<Grown> {
        let mut all = Vec::new();
        for at in (0..self.0.len()).rev() {
            let Some(grown) = grown(log, &self.0[at]) else { continue };
            self.0.remove(at);
            all.push(grown);
        }
        all
    }
}

fn grown(log: &Path, entry: &Entry) -> Option<Grown> {
    let index = entry.index?;
    let path = sibling_path(log, index);
    let meta = std::fs::metadata(&path).ok()?;
    if Id::of(&meta) != entry.id || meta.size() <= entry.mark.pos || !meta.is_file() {
        return None;
    }
    let (file, meta) = open_regular(&path).ok()??;
    if Id::of(&meta) != entry.id {
        return None;
    }
    let is_same = entry.mark.fits(&file, meta.size()).unwrap_or(false);
    Some(Grown { file, meta, mark: entry.mark.clone(), index, is_same })
}
